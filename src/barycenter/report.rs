//! What is true of a barycenter and its potentials.

use crate::real::Real;
use crate::report::Termination;
use crate::sinkhorn::Evaluated;

/// What is true of the returned potentials: all of it was computed from them in one last sweep. Y_i is
/// the plan X_i divided by its mass if all rules are KL, else X_i itself, whose mass an exact measure
/// fixes; w_i are the shares divided by their sum. A quantity that does not exist for the problem is
/// infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
#[non_exhaustive]
pub struct Report<T> {
    /// How the solve ended.
    pub termination: Termination,
    /// Iterations: one sweep over the cost of every measure each.
    pub iterations: u64,
    /// Weight of the entropy, cost units.
    pub epsilon: T,
    /// `residual_rows + residual_cols`.
    pub residual: T,
    /// sum_i w_i |X_i 1 - r(f_i)|_1 over the mass.
    pub residual_rows: T,
    /// sum_i w_i |X_i^T 1 - q|_1 over the mass: rounding.
    pub residual_cols: T,
    /// The residual that rounding alone may cause: u ((max |C| + max |f| + max |g|) / s + 4), s the
    /// smallest of epsilon and the taus.
    pub rounding_floor: T,
    /// sum_i w_i <C_i, Y_i>.
    pub transport_cost: T,
    /// sum_i w_i sum Y_i (log Y_i - 1).
    pub entropy: T,
    /// sum_i w_i Phi_i(Y_i 1).
    pub penalty: T,
    /// transport_cost + epsilon entropy + penalty.
    pub objective: T,
    /// transport_cost + penalty.
    pub unregularised_objective: T,
    /// Dual value: a lower bound of the regularised optimum.
    pub dual_value: T,
    /// sum_i w_i tau_i KL(Y_i 1 | T_i / |T_i|): the distance from the regularised optimum is at most
    /// this. Infinite with an exact measure.
    pub gap: T,
    /// Certified lower bound of the unregularised optimum.
    pub lower_bound: T,
    /// unregularised_objective - lower_bound = gap - epsilon sum_i w_i sum Y_i log Y_i: the certified
    /// distance from the unregularised optimum.
    pub certified_distance: T,
    /// Mass of the barycenter before it was divided by it: |q|.
    pub mass: T,
    /// Logarithm of that mass.
    pub log_mass: T,
    /// Factor that made the sum of the shares 1.
    pub share_factor: T,
}

impl<T: Real> Report<T> {
    /// A report that knows nothing yet.
    pub(super) fn unknown() -> Self {
        let zero = T::ZERO;
        Self {
            termination: Termination::IterationLimit,
            iterations: 0,
            epsilon: zero,
            residual: zero,
            residual_rows: zero,
            residual_cols: zero,
            rounding_floor: zero,
            transport_cost: zero,
            entropy: zero,
            penalty: zero,
            objective: zero,
            unregularised_objective: zero,
            dual_value: zero,
            gap: T::INFINITY,
            lower_bound: T::NEG_INFINITY,
            certified_distance: T::INFINITY,
            mass: zero,
            log_mass: zero,
            share_factor: T::ONE,
        }
    }

    /// Whether the stopping rule holds and nothing in the report is NaN.
    pub fn converged(&self) -> bool {
        self.termination == Termination::Converged && !self.in_trouble()
    }

    /// What the end of a solve depends on.
    pub(super) fn evaluated(&self) -> Evaluated<T> {
        Evaluated {
            trouble: self.in_trouble(),
            residual: self.residual,
            gap: self.gap,
            certified_distance: self.certified_distance,
        }
    }

    /// Whether there is nothing to be said of these potentials.
    pub(super) fn in_trouble(&self) -> bool {
        let values = [
            self.residual,
            self.transport_cost,
            self.entropy,
            self.penalty,
            self.objective,
            self.dual_value,
            self.gap,
            self.lower_bound,
            self.certified_distance,
        ];
        values.iter().any(|x| x.is_nan()) || !(self.mass.is_finite() && self.log_mass.is_finite())
    }
}
