//! The marginal inside a KL ball: KL(p | w) <= radius.

use super::Input;
use super::search::{Measured, limit, search};
use crate::kernel::{KlPoint, Precision, kl_peak, kl_sums, kl_write};
use crate::marginal::Memory;
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

/// Turns t into the new potentials and writes the marginal.
pub(super) fn project<P: Precision>(
    input: Input<'_, P>,
    radius: f64,
    t: &mut [P::Potential],
    memory: Memory<'_, P>,
) {
    let Memory { marginal, ball } = memory;
    let limits = (limit(radius, input.alpha, t, input.log_weights), input.alpha);
    let lambda = search(radius, ball.multiplier, limits, |lambda| settle(input, t, lambda).1);
    let (at, _) = settle(input, t, lambda);
    ball.multiplier = lambda;
    kl_write::<P>(input.level, at, input.scales, input.log_weights, t, marginal);
}
