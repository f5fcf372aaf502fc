//! What one plan adds to a report.

use crate::kernel::Precision;
use crate::marginal::{Side, distance, total};
use crate::math::{Compensated, Elementary};
use crate::real::Real;
use crate::sinkhorn::inner;

/// sum x.
pub(super) fn mass_of_sums<P: Precision>(x: &[P::Sum]) -> P::Potential {
    total(x.iter().map(|&x| P::Potential::from(x)))
}

/// log sum x.
pub(super) fn log_mass<P: Precision>(x: &[P::Sum]) -> P::Potential {
    mass_of_sums::<P>(x).ln_once()
}

/// A plan with its marginals, those that the rule and the barycenter prescribe, and <C, X>.
pub(super) struct Seen<'s, P: Precision> {
    pub(super) f: &'s [P::Potential],
    pub(super) g: &'s [P::Potential],
    pub(super) row: &'s [P::Sum],
    pub(super) col: &'s [P::Sum],
    pub(super) target: &'s [P::Sum],
    pub(super) barycenter: &'s [P::Sum],
    pub(super) transport: P::Potential,
}

/// Sums over the measures, weighted by their shares.
pub(super) struct Averages<T> {
    pub(super) rows: Compensated<T>,
    pub(super) cols: Compensated<T>,
    pub(super) mass: Compensated<T>,
    pub(super) transport: Compensated<T>,
    pub(super) entropy: Compensated<T>,
    pub(super) penalty: Compensated<T>,
    pub(super) dual: Compensated<T>,
    pub(super) gap: Compensated<T>,
}

impl<T: Real> Default for Averages<T> {
    fn default() -> Self {
        let new = Compensated::new;
        Self {
            rows: new(),
            cols: new(),
            mass: new(),
            transport: new(),
            entropy: new(),
            penalty: new(),
            dual: new(),
            gap: new(),
        }
    }
}

impl<T: Elementary> Averages<T> {
    /// Adds a measure of share `w`; `unit`: whether its plan is to be divided by its mass.
    pub(super) fn add<P: Precision<Potential = T>>(
        &mut self,
        w: T,
        side: &Side<'_, P>,
        seen: &Seen<'_, P>,
        unit: bool,
    ) {
        if w <= T::ZERO {
            return;
        }
        let epsilon = side.epsilon;
        let mass = mass_of_sums::<P>(seen.row);
        self.rows.add(w * distance::<P>(seen.row, seen.target));
        self.cols.add(w * distance::<P>(seen.col, seen.barycenter));
        self.mass.add(w * mass);
        // sum X log X.
        let inner_products = inner::<P>(seen.row, seen.f) + inner::<P>(seen.col, seen.g);
        let relative = (inner_products - seen.transport) / epsilon;
        let penalty = side.penalty(seen.row);
        if unit {
            let (log, tau) = (mass.ln_once(), side.relaxation().unwrap_or(T::ZERO));
            let weighted = tau * side.mass;
            self.transport.add(w * (seen.transport / mass));
            self.entropy.add(w * (relative / mass - log - T::ONE));
            // tau KL(y | p) of y = r / |r|.
            self.penalty.add(w * ((penalty - weighted) / mass - tau * log + weighted));
            let targets = log_mass::<P>(seen.target);
            self.dual.add(w * (weighted - tau * (T::ONE + targets) - epsilon * (T::ONE + log)));
            self.gap.add(w * side.normalised_gap(seen.row, seen.target));
        } else {
            self.transport.add(w * seen.transport);
            self.entropy.add(w * (relative - mass));
            self.penalty.add(w * penalty);
            let dual = side.dual_value(seen.f, seen.target, T::ZERO) - epsilon * mass;
            self.dual.add(w * dual);
        }
    }
}
