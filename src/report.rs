//! What a solve did, and what is true of the potentials it returned.

use core::ops::ControlFlow;

use crate::options::Sweep;
use crate::real::Real;

/// How a solve ended. The discriminants are the non-negative status codes of the C interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum Termination {
    /// The stopping rule holds.
    Converged = 0,
    /// The limit of iterations came first.
    #[default]
    IterationLimit = 1,
    /// The observer asked to stop.
    Stopped = 2,
    /// Rounding keeps the residual above the tolerance; it is within a few times the floor that
    /// the report states. No better potentials exist in this precision.
    RoundingFloor = 3,
    /// No progress, far above rounding: with forbidden pairs and exact marginals this most likely
    /// means that no plan exists.
    Stalled = 4,
    /// A sum overflowed or a NaN appeared; the potentials are the last finite ones.
    NumericalTrouble = 5,
    /// The entropy at this epsilon alone exceeds the certificate's target; the gap has closed, and
    /// no further iteration can help. See `certifiable_epsilon`.
    OutOfReach = 6,
}

impl Termination {
    /// Every ending, in the order of the numbers.
    pub const ALL: [Self; 7] = [
        Self::Converged,
        Self::IterationLimit,
        Self::Stopped,
        Self::RoundingFloor,
        Self::Stalled,
        Self::NumericalTrouble,
        Self::OutOfReach,
    ];

    /// One line of plain text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::IterationLimit => "the limit of iterations came first",
            Self::Stopped => "stopped by the observer",
            Self::RoundingFloor => "stalled at rounding",
            Self::Stalled => "stalled, infeasible suspected",
            Self::NumericalTrouble => "numerical trouble, last finite potentials returned",
            Self::OutOfReach => "the target of the certificate is out of reach at this epsilon",
        }
    }
}

/// What is true of the returned potentials: all of it was computed from them in one last sweep.
/// X is the plan (of unit mass for the unit-mass problem); T is f32 or f64. A quantity that does
/// not exist for the problem is infinite.
// The C interface copies the run of numbers as it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
#[non_exhaustive]
pub struct Report<T> {
    /// How the solve ended.
    pub termination: Termination,
    /// Sweeps over the cost that updated both sides.
    pub iterations: u64,
    /// Weight of the entropy, cost units.
    pub epsilon: T,
    /// KKT residual relative to the mass: `residual_rows + residual_cols`.
    pub residual: T,
    /// |X 1 - r(f)|_1 over the mass of the plan.
    pub residual_rows: T,
    /// |X^T 1 - c(g)|_1 over the mass of the plan.
    pub residual_cols: T,
    /// The residual that rounding alone may cause: u ((max |C| + max |f| + max |g|) / s + 4), s the
    /// smallest of epsilon and the taus.
    pub rounding_floor: T,
    /// <C, X>.
    pub transport_cost: T,
    /// sum X (log X - 1), or sum X (log(X / (a b)) - 1) against the product reference.
    pub entropy: T,
    /// Penalty of the rows, Phi_row(X 1).
    pub row_penalty: T,
    /// Penalty of the columns, Phi_col(X^T 1).
    pub col_penalty: T,
    /// transport_cost + epsilon entropy + row_penalty + col_penalty.
    pub objective: T,
    /// transport_cost + row_penalty + col_penalty.
    pub unregularised_objective: T,
    /// Dual value at the potentials after the best constant shift: a lower bound of the
    /// regularised optimum.
    pub dual_value: T,
    /// Primal-dual gap of the regularised problem, as a sum of non-negative terms.
    pub gap: T,
    /// Certified lower bound of the unregularised optimum; also where a box meets an exact side or a box,
    /// though no distance is certified there.
    pub lower_bound: T,
    /// unregularised_objective - lower_bound: the certified distance from the optimum.
    pub certified_distance: T,
    /// sum X.
    pub mass: T,
    /// Logarithm of the mass that exp((f + g - C) / epsilon) has before the unit-mass problem
    /// divides by it; 0 for all other problems.
    pub log_mass: T,
    /// Factor on b that makes the masses of two sides equal, where both fix it; 1 otherwise.
    pub mass_factor: T,
    /// Multiplier of the rows' ball, -d objective / d radius; 0 if it is slack, or no ball.
    pub row_multiplier: T,
    /// Multiplier of the columns' ball.
    pub col_multiplier: T,
    /// A ball is slack, and the marginal has left more than half of the weights with less than a
    /// 100th of what they ask for: it has collapsed onto the cheapest pairs. Most likely the radius
    /// is larger than was meant.
    pub collapsed: bool,
    /// What the iterations were made of.
    pub sweep: Sweep,
}

impl<T: Real> Report<T> {
    /// A report that knows nothing yet.
    #[inline(never)]
    pub(crate) fn unknown() -> Self {
        Self {
            termination: Termination::IterationLimit,
            iterations: 0,
            epsilon: T::ZERO,
            residual: T::ZERO,
            residual_rows: T::ZERO,
            residual_cols: T::ZERO,
            rounding_floor: T::ZERO,
            transport_cost: T::ZERO,
            entropy: T::ZERO,
            row_penalty: T::ZERO,
            col_penalty: T::ZERO,
            objective: T::ZERO,
            unregularised_objective: T::ZERO,
            dual_value: T::ZERO,
            gap: T::INFINITY,
            lower_bound: T::NEG_INFINITY,
            certified_distance: T::INFINITY,
            mass: T::ZERO,
            log_mass: T::ZERO,
            mass_factor: T::ONE,
            row_multiplier: T::ZERO,
            col_multiplier: T::ZERO,
            collapsed: false,
            sweep: Sweep::Log,
        }
    }

    /// Whether the stopping rule holds and nothing in the report is NaN.
    pub fn converged(&self) -> bool {
        self.termination == Termination::Converged && !self.any_nan()
    }

    /// Whether there is nothing to be said of these potentials.
    pub(crate) fn in_trouble(&self) -> bool {
        self.any_nan() || !self.mass.is_finite()
    }

    fn any_nan(&self) -> bool {
        let values = [
            self.residual,
            self.transport_cost,
            self.entropy,
            self.row_penalty,
            self.col_penalty,
            self.objective,
            self.dual_value,
            self.gap,
            self.lower_bound,
            self.certified_distance,
            self.mass,
            self.log_mass,
        ];
        values.iter().any(|x| x.is_nan())
    }
}

/// A report that knows nothing yet, to be written over.
impl<T: Real> Default for Report<T> {
    fn default() -> Self {
        Self::unknown()
    }
}

/// The state of a solve at a check.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress<T> {
    /// Sweeps so far.
    pub iterations: u64,
    /// Weight of the entropy.
    pub epsilon: T,
    /// Relative KKT residual of the rows at the start of the latest sweep.
    pub residual: T,
    /// Certified distance at the latest evaluation; infinite before it or without a certificate.
    pub certified_distance: T,
}

/// Watches a solve at intervals and may stop it.
pub trait Observer<T> {
    /// Called every `check_every` iterations; `Break` ends the solve.
    fn observe(&mut self, progress: &Progress<T>) -> ControlFlow<()>;
}

/// Watches nothing.
impl<T> Observer<T> for () {
    fn observe(&mut self, _: &Progress<T>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A closure is an observer.
impl<T, F: FnMut(&Progress<T>) -> ControlFlow<()>> Observer<T> for F {
    fn observe(&mut self, progress: &Progress<T>) -> ControlFlow<()> {
        self(progress)
    }
}
