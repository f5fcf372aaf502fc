//! Whether what was evaluated ends a solve.

use crate::marginal::ANY_CERTIFIES;
use crate::options::Stop;
use crate::real::Real;
use crate::report::{Report, Termination};

/// What the end of a solve depends on, of a report of potentials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluated<T> {
    /// Whether there is nothing to be said of them.
    pub(crate) trouble: bool,
    pub(crate) residual: T,
    pub(crate) gap: T,
    pub(crate) certified_distance: T,
}

impl<T: Real> Evaluated<T> {
    pub(crate) fn of(report: &Report<T>) -> Self {
        Self {
            trouble: report.in_trouble(),
            residual: report.residual,
            gap: report.gap,
            certified_distance: report.certified_distance,
        }
    }

    fn holds(&self, stop: Stop<T>) -> bool {
        match stop {
            Stop::Residual(tolerance) => self.residual <= tolerance,
            Stop::Certified(target) => ANY_CERTIFIES && self.certified_distance <= target,
        }
    }

    /// The ending that these potentials bring about, if any.
    pub(crate) fn verdict(
        &self,
        stop: Stop<T>,
        stalled: Option<Termination>,
    ) -> Option<Termination> {
        if self.trouble {
            return Some(Termination::NumericalTrouble);
        }
        if self.holds(stop) {
            return Some(Termination::Converged);
        }
        let Stop::Certified(target) = stop else {
            return None;
        };
        if !ANY_CERTIFIES {
            return None;
        }
        // What is left once the gap has closed is the entropy, which no iteration changes.
        let closed = self.gap <= target / T::from_count(1 << 30);
        let entropy = self.certified_distance - self.gap;
        let hopeless = closed || stalled == Some(Termination::RoundingFloor);
        (entropy > target && hopeless).then_some(Termination::OutOfReach)
    }

    /// How a solve that is handed over with these potentials ended.
    pub(crate) fn ending(&self, stop: Stop<T>, finished: Option<Termination>) -> Termination {
        match finished {
            Some(Termination::NumericalTrouble) => Termination::NumericalTrouble,
            _ if self.trouble => Termination::NumericalTrouble,
            _ if self.holds(stop) => Termination::Converged,
            Some(ending) => ending,
            None => Termination::IterationLimit,
        }
    }
}
