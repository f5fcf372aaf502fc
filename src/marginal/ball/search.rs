//! The search for the multiplier of a ball, whatever measures its radius.

use crate::math::Elementary;
use crate::real::Real;

/// Rounding that a root search in f64 has to live with, relative.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The most that a multiplier grows in one step, or falls where only 0 is known to be too small.
const GROWTH: f64 = 64.0;

/// Largest multiplier over its scale.
const LARGEST: f64 = 1e20;

/// The marginal at a multiplier, seen from the ball.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    /// How far it is from the weights.
    pub(super) distance: f64,
    /// d distance / d multiplier, not positive.
    pub(super) slope: f64,
}

/// The multiplier of the ball: 0 if the marginal lies inside without one, else that which takes it
/// to the given distance. The distance falls as the multiplier grows.
///
/// Newton's method on 1 / sqrt(distance), which is close to linear (the secular equation of trust
/// regions), inside a bracket. `start` is where to begin, 0 if nothing is known.
pub(super) fn search(
    radius: f64,
    start: f64,
    Limits { above, scale, mut maybe_slack }: Limits,
    mut measure: impl FnMut(f64) -> Measured,
) -> f64 {
    let (mut low, mut high) = (0.0, above);
    let mut x = if start < high { start } else { 0.0 };
    if !maybe_slack && x <= 0.0 {
        x = scale;
    }
    for _ in 0..100 {
        let Measured { distance, slope } = measure(x);
        if distance > radius {
            maybe_slack = false;
            low = x;
        } else if x > 0.0 {
            high = x;
        } else {
            return x;
        }
        if (distance - radius).abs() <= ROUNDING * radius {
            return x;
        }
        let newton = x - 2.0 * distance * (Elementary::sqrt(distance / radius) - 1.0) / slope;
        let grown = GROWTH * x + scale;
        let bounded = high < f64::INFINITY || newton < grown;
        let next = if newton > low && newton < high && bounded {
            newton
        } else if high == f64::INFINITY {
            grown
        } else if maybe_slack && x > 0.0 {
            // Only a look at 0 can tell that the ball is slack.
            0.0
        } else if low > 0.0 {
            Elementary::sqrt(low) * Elementary::sqrt(high)
        } else {
            high / GROWTH
        };
        // Beyond that the marginal is the weights but for rounding.
        if next > LARGEST * scale {
            return next;
        }
        if (next - x).abs() <= ROUNDING * x {
            return next;
        }
        x = next;
    }
    x
}

/// What bounds a [`search`].
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Above every root.
    above: f64,
    /// A multiplier of the right order, in case that is infinite; 0 where any marginal would do.
    pub(super) scale: f64,
    /// Whether 0 may be the answer. It is never looked at else.
    maybe_slack: bool,
}

/// The limits of the prox argmin alpha sum p (log p - 1) - <t, p>. Without alpha that is at a corner unless a
/// multiplier holds it.
///
/// With V the prox's objective and p its argument under a multiplier x of the distance,
/// x distance(p) <= V(w) - min V <= max t - min t + alpha log n. Newton's method has to know: where
/// one entry holds all the mass the slope is next to 0. Infinite where an entry has no partner (t minus
/// infinity); entries without mass (log w minus infinity) do not count.
pub(super) fn limits<T: Real>(radius: f64, alpha: f64, t: &[T], log_weights: &[T]) -> Limits {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for (t, _) in t.iter().zip(log_weights).filter(|(_, l)| **l > T::NEG_INFINITY) {
        least = least.smaller(t.to_f64());
        most = most.larger(t.to_f64());
    }
    let maybe_slack = alpha > 0.0;
    let range = most - least;
    // Twice over because an L2 search is for twice the multiplier, and twice for rounding.
    let above = 4.0 * (range + alpha * (1.0 + (t.len() as f64).ln_once())) / radius;
    let above = if above > 0.0 { above } else { f64::INFINITY };
    Limits { above, scale: if maybe_slack { alpha } else { range }, maybe_slack }
}
