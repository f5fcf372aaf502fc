//! An L2 ball without entropy as Newton's method sees it: p = max(0, w + (c - f) / beta), beta = 2 lambda.

use crate::kernel::Precision;
use crate::marginal::{Side, total};
use crate::math::Elementary;
use crate::real::Real;

/// Writes the marginal of the piece on which a step is to be taken to `target`, which holds p, and the moves of
/// entries that no system sees to `step`.
///
/// An entry at 0 answers to nothing but the plan, whose sum a step brings down by e, over a way of epsilon. Those
/// nearer than that to the bend at f = c + beta w would be taken far beyond it, to where they do answer: they
/// belong to the piece, on which they lie below 0. On its entries S both multipliers have a closed form,
///
/// ```text
/// p = w + mu + (mean f - f) / beta,  mu = (1 - sum_S w) / |S|,
/// |f - mean f|_S^2 / beta^2 = radius2 - |S| mu^2 - sum of w^2 outside S.
/// ```
///
/// At the bend an entry whose sum has underflowed does not follow when the others move it: out of the way.
pub(super) fn choose<P: Precision>(
    side: &Side<'_, P>,
    (radius2, multiplier): (P::Potential, P::Potential),
    (f, r): (&[P::Potential], &[P::Potential]),
    target: &mut [P::Potential],
    step: &mut [P::Potential],
) {
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let beta = multiplier + multiplier;
    let entries = || f.iter().copied().zip(side.scaled_weights());
    // c, from the largest entry.
    let (mut most, mut c) = (zero, zero);
    for (&p, (f, w)) in target.iter().zip(entries()) {
        if p > most {
            (most, c) = (p, f + beta * (p - w));
        }
    }
    let beyond = |(f, w): (P::Potential, P::Potential)| f - (c + beta * w);
    let inside = |(f, w)| f > P::Potential::NEG_INFINITY && beyond((f, w)) < side.epsilon;

    let [mut count, mut sum, mut mass, mut outside] = [zero; 4];
    for (f, w) in entries() {
        if inside((f, w)) {
            count += one;
            sum += f;
            mass += w;
        } else {
            outside += w * w;
        }
    }
    let (mean, mu) = (sum / count, (one - mass) / count);
    let spread = total(entries().filter(|&at| inside(at)).map(|(f, _)| (f - mean) * (f - mean)));
    let slope = ((radius2 - outside - count * mu * mu) / spread).sqrt();
    let usable = slope > zero && slope.is_finite();
    if !usable {
        return;
    }
    // What tells an entry of the piece from one at 0.
    let least = P::Potential::ROUNDOFF * P::Potential::ROUNDOFF;
    for ((target, step), ((f, w), &r)) in target.iter_mut().zip(step).zip(entries().zip(r)) {
        let p = w + mu + (mean - f) * slope;
        *target = match inside((f, w)) {
            true if p == zero => least,
            true => p,
            false => zero,
        };
        if r <= zero && beyond((f, w)).abs() < side.epsilon {
            *step = side.epsilon;
        }
    }
}
