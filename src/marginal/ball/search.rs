//! The search for the multiplier of a ball, whatever measures its radius.

use crate::math::Elementary;

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
/// regions), inside a bracket. `start` is where to begin, 0 if nothing is known; `scale` a
/// multiplier of the right order.
pub(super) fn search(
    radius: f64,
    start: f64,
    scale: f64,
    mut measure: impl FnMut(f64) -> Measured,
) -> f64 {
    let (mut low, mut high, mut x) = (0.0, f64::INFINITY, start);
    let mut maybe_slack = true;
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
        let next = if newton > low && newton < high && newton < grown {
            newton
        } else if high == f64::INFINITY {
            grown
        } else if maybe_slack {
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
