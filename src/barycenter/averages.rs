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

/// The objective of one measure: transport + penalty + epsilon entropy.
pub(super) struct Terms<T> {
    pub(super) transport: T,
    pub(super) entropy: T,
    pub(super) penalty: T,
}

impl<P: Precision> Seen<'_, P> {
    /// What the plan costs; `unit`: whether it is to be divided by its mass.
    pub(super) fn terms(&self, side: &Side<'_, P>, unit: bool) -> Terms<P::Potential> {
        let mass = mass_of_sums::<P>(self.row);
        // sum X log X.
        let inner_products = inner::<P>(self.row, self.f) + inner::<P>(self.col, self.g);
        let relative = (inner_products - self.transport) / side.epsilon;
        let penalty = side.penalty(self.row);
        if !unit {
            return Terms { transport: self.transport, entropy: relative - mass, penalty };
        }
        let (log, tau) = (mass.ln_once(), side.relaxation().unwrap_or(P::Potential::ZERO));
        let weighted = tau * side.mass;
        Terms {
            transport: self.transport / mass,
            entropy: relative / mass - log - P::Potential::ONE,
            // tau KL(y | p) of y = r / |r|.
            penalty: (penalty - weighted) / mass - tau * log + weighted,
        }
    }
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
        let Terms { transport, entropy, penalty } = seen.terms(side, unit);
        self.transport.add(w * transport);
        self.entropy.add(w * entropy);
        self.penalty.add(w * penalty);
        if unit {
            let (log, tau) = (mass.ln_once(), side.relaxation().unwrap_or(T::ZERO));
            let weighted = tau * side.mass;
            let targets = log_mass::<P>(seen.target);
            self.dual.add(w * (weighted - tau * (T::ONE + targets) - epsilon * (T::ONE + log)));
            self.gap.add(w * side.normalised_gap(seen.row, seen.target));
        } else {
            let dual = side.dual_value(seen.f, seen.target, T::ZERO) - epsilon * mass;
            self.dual.add(w * dual);
        }
    }
}
