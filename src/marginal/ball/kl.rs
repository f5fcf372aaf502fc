//! The marginal inside a KL ball: KL(p | w) <= radius.

use super::Input;
use super::search::{Limits, Measured, search};
use crate::kernel::{KlPoint, Precision, kl_peak, kl_sums};
use crate::marginal::Ball;
use crate::math::Elementary;

/// The marginal with (alpha + lambda) log p = t + lambda log w + constant, summing to 1, and its
/// distance from the weights.
fn settle<P: Precision>(
    input: Input<'_, P>,
    t: &[P::Potential],
    lambda: f64,
) -> (KlPoint, Measured) {
    let Input { level, alpha, log_weights, .. } = input;
    let raw = KlPoint { alpha, lambda, log_mass: 0.0 };
    let peak = kl_peak::<P>(level, raw, t, log_weights);
    let shifted = KlPoint { log_mass: peak, ..raw };
    let [mass, ..] = kl_sums::<P>(level, shifted, t, log_weights);
    let at = KlPoint { log_mass: peak + mass.ln_once(), ..raw };
    // d log p / d lambda = -(h - mean) / (alpha + lambda), so the slope is minus the variance of h.
    let [mass, mean, square, distance] = kl_sums::<P>(level, at, t, log_weights);
    let variance = square / mass - (mean / mass) * (mean / mass);
    (at, Measured { distance, slope: -variance / (alpha + lambda) })
}

/// The tilt of the weights that t leads to; its multiplier is left in `ball`.
pub(super) fn find<P: Precision>(
    input: Input<'_, P>,
    (radius, limits): (f64, Limits),
    t: &[P::Potential],
    ball: &mut Ball,
) -> KlPoint {
    let lambda = search(radius, ball.multiplier, limits, |lambda| settle(input, t, lambda).1);
    let (at, _) = settle(input, t, lambda);
    ball.multiplier = lambda;
    at
}
