//! How to solve.

use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::options;
use crate::real::Real;

/// Options of a barycenter. `Options::new()` is what most callers want.
#[derive(Clone, Copy, Debug)]
pub struct Options<P: Precision> {
    pub(super) solve: options::Options<P>,
    pub(super) start: Option<P::Potential>,
    pub(super) factor: P::Potential,
    pub(super) level_iterations: u32,
}

impl<P: Precision> Options<P> {
    /// No ladder, and everything else as [`crate::options::Options::new`].
    pub fn new() -> Self {
        Self {
            solve: options::Options::new(),
            start: None,
            factor: P::Potential::from_count(4),
            level_iterations: 15,
        }
    }

    /// What a plain solve takes too: stopping rule, limits, warm start, instruction set. The residual
    /// is sum_i w_i |X_i 1 - r(f_i)|_1 over the mass, which is also the change that the next update
    /// of the rows makes to it, plus what rounding leaves between the columns of the plans; a
    /// certificate needs KL rules.
    pub const fn solve(mut self, options: options::Options<P>) -> Self {
        self.solve = options;
        self
    }

    /// Begin at this epsilon (cost units) and come down to the problem's, each level starting from
    /// the potentials of the one before. Default: no ladder. It pays at small epsilon, where a cold
    /// start takes long to carry mass far.
    pub const fn start(mut self, epsilon: P::Potential) -> Self {
        self.start = Some(epsilon);
        self
    }

    /// Ratio of an epsilon to the next, at least 1.1. Default 4.
    pub const fn factor(mut self, ratio: P::Potential) -> Self {
        self.factor = ratio;
        self
    }

    /// Most iterations at each level above the last, at least 1. Default 15. A level is left early at
    /// a residual of 1 %.
    pub const fn level_iterations(mut self, count: u32) -> Self {
        self.level_iterations = count;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.solve.check()?;
        self.solve.check_sweep()?;
        let refuse = |kind| Err(Error::new(kind, Argument::Options));
        let usable = |x: P::Potential| x > P::Potential::ZERO && x.is_finite();
        if self.start.is_some_and(|epsilon| !usable(epsilon)) {
            return refuse(ErrorKind::Epsilon);
        }
        let ten = P::Potential::from_count(10);
        if !(self.factor * ten >= P::Potential::from_count(11) && self.factor.is_finite()) {
            return refuse(ErrorKind::Epsilon);
        }
        if self.level_iterations == 0 {
            return refuse(ErrorKind::Count);
        }
        Ok(())
    }
}

impl<P: Precision> Default for Options<P> {
    fn default() -> Self {
        Self::new()
    }
}
