//! What rounding leaves of a residual, and how long a solve waits for more.

use crate::kernel::Precision;
use crate::real::Real;
use crate::report::Termination;

/// The residual that rounding may cause is a few times its floor.
pub(crate) const FACTOR: usize = 8;
/// Near the floor a residual has to fall by a 20th within this many iterations.
const FLOOR_PATIENCE: u64 = 256;
const FLOOR_SHARE: usize = 20;
/// Where no plan may exist it has to fall by a 1000th within this many.
const PATIENCE: u64 = 2000;
const SHARE: usize = 1000;

/// The residual that rounding alone may cause: that of the exponents, u `size` / `scale` with the
/// size max |C| + max |f| + max |g| and the scale the smallest of epsilon and the taus, and that of
/// the sums, a few u.
pub(crate) fn rounding<P: Precision>(size: P::Potential, scale: P::Potential) -> P::Potential {
    let sums = P::Potential::from(P::Sum::ROUNDOFF) * P::Potential::from_count(4);
    P::Potential::ROUNDOFF * (size / scale) + sums
}

/// The residual that counted last as progress, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience<T> {
    pub(crate) best: T,
    pub(crate) best_at: u64,
}

impl<T: Real> Patience<T> {
    /// Nothing was seen yet.
    pub(crate) const fn new() -> Self {
        Self { best: T::INFINITY, best_at: 0 }
    }

    /// Whether the residual has stopped falling: near what rounding may cause, or where no plan may
    /// exist (`suspect`). Elsewhere a plateau may still end.
    pub(crate) fn ending(
        &mut self,
        residual: T,
        iterations: u64,
        near: T,
        suspect: bool,
    ) -> Option<Termination> {
        let (ending, patience, share) = if residual <= near {
            (Termination::RoundingFloor, FLOOR_PATIENCE, FLOOR_SHARE)
        } else if suspect {
            (Termination::Stalled, PATIENCE, SHARE)
        } else {
            return None;
        };
        let undercut = self.best - self.best / T::from_count(share);
        // An infinite or NaN residual before counts as worse than any.
        if !undercut.is_finite() || residual < undercut {
            self.best = residual;
            self.best_at = iterations;
        }
        (iterations - self.best_at >= patience).then_some(ending)
    }
}
