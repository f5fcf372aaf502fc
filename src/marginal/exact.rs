//! r = w. Phi is 0 at w and infinite elsewhere; -Phi*(-f) = <f, w>.

use crate::kernel::{Level, Precision, potential_from_sums};
use crate::real::Real;

/// f + epsilon (log w - log s): after it the side's marginal is w.
#[inline]
pub(super) fn update<P: Precision>(
    level: Level,
    epsilon: P::Potential,
    log_weights: &[P::Potential],
    sums: &[P::Sum],
    f: &mut [P::Potential],
) {
    let (one, zero) = (P::Potential::ONE, P::Potential::ZERO);
    potential_from_sums::<P>(level, epsilon, one, [one, zero], log_weights, sums, f);
}

/// The weights.
pub(super) fn marginal<P: Precision>(
    factor: P::Potential,
    weights: &[P::Cost],
    out: &mut [P::Sum],
) {
    for (out, &w) in out.iter_mut().zip(weights) {
        *out = P::narrow(P::widen(w) * factor);
    }
}
