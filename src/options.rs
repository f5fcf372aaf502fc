//! How to solve: when to stop, where to start.

use crate::error::{Argument, ErrorKind, Refusal};
use crate::kernel::{Level, Precision};
use crate::real::Real;

/// When a solve is done.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Stop<T> {
    /// When the KKT residual, |X 1 - r(f)|_1 + |X^T 1 - c(g)|_1 over the mass of the plan, is at
    /// most this (dimensionless, positive). r(f) and c(g) are the marginals that the rules assign
    /// to the potentials; for an exact side this is the violation of its marginal.
    Residual(T),
    /// When the unregularised objective of the returned plan is proved to lie within this (cost
    /// units times mass units) of the unregularised optimum. Needs a KL rule on a side.
    Certified(T),
}

/// What an iteration is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Sweep {
    /// One exponential for each entry of the cost: O(n + m) work.
    #[default]
    Log = 1,
    /// Products with a kernel kept in memory, filled again where potentials have moved far: n m work,
    /// and several times faster. Falls back to `Log` where a sum leaves the safe range.
    Scaling = 2,
}

/// Options of a solve. `Options::new()` is what most callers want.
#[derive(Clone, Copy, Debug)]
pub struct Options<P: Precision> {
    pub(crate) stop: Stop<P::Potential>,
    pub(crate) max_iterations: u64,
    pub(crate) check_every: u32,
    pub(crate) warm_start: bool,
    pub(crate) trust_data: bool,
    pub(crate) level: Option<Level>,
    pub(crate) sweep: Option<Sweep>,
}

impl<P: Precision> Options<P> {
    /// Residual 1e-9 (f64), 1e-5 (f32) or 1e-6 (`Mixed`), at most 100,000 iterations, checks every 10, cold start.
    pub const fn new() -> Self {
        Self {
            stop: Stop::Residual(P::TOLERANCE),
            max_iterations: 100_000,
            check_every: 10,
            warm_start: false,
            trust_data: false,
            level: None,
            sweep: None,
        }
    }

    /// When to stop. Default: `Stop::Residual` of 1e-9 (f64), 1e-5 (f32) or 1e-6 (`Mixed`).
    pub const fn stop(mut self, stop: Stop<P::Potential>) -> Self {
        self.stop = stop;
        self
    }

    /// Most iterations (one updates both sides), at least 1. Default 100,000.
    pub const fn max_iterations(mut self, count: u64) -> Self {
        self.max_iterations = count;
        self
    }

    /// Iterations between calls of the observer and between evaluations of a certificate, at
    /// least 1. Default 10. The residual is watched in every iteration at no cost.
    pub const fn check_every(mut self, count: u32) -> Self {
        self.check_every = count;
        self
    }

    /// Start from the potentials in the buffers instead of zero. Default false. Minus infinity on
    /// a positive weight counts as 0.
    pub const fn warm_start(mut self, yes: bool) -> Self {
        self.warm_start = yes;
        self
    }

    /// Skip the scan of weights and costs for NaN, infinities, negative weights and missing
    /// partners. Default false. Bad data then ends as not converged.
    pub const fn trust_data(mut self, yes: bool) -> Self {
        self.trust_data = yes;
        self
    }

    /// Force an instruction set. Default: the fastest. Changes the time, never the bits, but for
    /// [`Level::fma`].
    pub const fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    /// What iterations are made of. Default: `Scaling` where the work has room for it
    /// (`sinkhorn::fast_work_len`), else `Log`. `Log` gives the same bits whatever the length of the
    /// work; `Scaling` demands the room, and is refused by what solves in the log domain only
    /// (annealing, matching, barycenters).
    pub const fn sweep(mut self, sweep: Sweep) -> Self {
        self.sweep = Some(sweep);
        self
    }

    /// Error `Kind` of a call that has no kernel to keep, if one is demanded.
    #[cfg(any(feature = "implicit", feature = "barycenter"))]
    pub(crate) const fn check_sweep(&self) -> Result<(), Refusal> {
        match self.sweep {
            Some(Sweep::Scaling) => Err(Refusal::new(ErrorKind::Kind, Argument::Sweep)),
            _ => Ok(()),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let (Stop::Residual(tolerance) | Stop::Certified(tolerance)) = self.stop;
        if !(tolerance > P::Potential::ZERO && tolerance < P::Potential::INFINITY) {
            return Err(Refusal::new(ErrorKind::Tolerance, Argument::Stop));
        }
        if self.max_iterations == 0 {
            return Err(Refusal::new(ErrorKind::Count, Argument::MaxIterations));
        }
        if self.check_every == 0 {
            return Err(Refusal::new(ErrorKind::Count, Argument::CheckEvery));
        }
        Ok(())
    }
}

impl<P: Precision> Default for Options<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// A ladder of falling epsilons, each level starting from the potentials of the one before.
#[cfg(any(feature = "implicit", feature = "barycenter"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ladder<T> {
    /// The first epsilon, cost units.
    pub(crate) start: Option<T>,
    /// Ratio of an epsilon to the next.
    pub(crate) factor: T,
    /// Most sweeps at each level.
    pub(crate) sweeps: u32,
}

#[cfg(any(feature = "implicit", feature = "barycenter"))]
impl<T: Real> Ladder<T> {
    /// Down by factors of 4, 15 sweeps a level.
    pub(crate) fn new() -> Self {
        Self { start: None, factor: T::from_count(4), sweeps: 15 }
    }

    /// Errors: `Epsilon` for a start that is not positive and finite and for a factor below 1.1 or not
    /// finite, `Count` for no sweeps.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let refuse = |kind| Err(Refusal::new(kind, Argument::Options));
        if self.start.is_some_and(|epsilon| !(epsilon > T::ZERO && epsilon.is_finite())) {
            return refuse(ErrorKind::Epsilon);
        }
        let falls = self.factor * T::from_count(10) >= T::from_count(11);
        if !(falls && self.factor.is_finite()) {
            return refuse(ErrorKind::Epsilon);
        }
        if self.sweeps == 0 { refuse(ErrorKind::Count) } else { Ok(()) }
    }
}
