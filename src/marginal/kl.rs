//! Phi(r) = tau KL(r | w); -Phi*(-f) = tau sum w (1 - exp(-f / tau)); r(f) = w exp(-f / tau).

use super::LogSlope;
use crate::kernel::{Level, Precision, potential_from_sums, relaxed_marginal};
use crate::math::{Compensated, Elementary};
use crate::real::Real;

/// tau / (tau + epsilon) (epsilon log w - s) with s the soft minimum of the other side (the
/// even and odd steps of Algorithm 1 of Le et al. 2021). Against the product reference the weight
/// enters through the reference alone.
#[inline]
pub(super) fn update<P: Precision>(
    level: Level,
    epsilon: P::Potential,
    tau: P::Potential,
    reference: P::Potential,
    log_weights: &[P::Potential],
    sums: &[P::Sum],
    f: &mut [P::Potential],
) {
    let contraction = tau / (tau + epsilon);
    let parts = [P::Potential::ONE - reference, reference];
    potential_from_sums::<P>(level, epsilon, contraction, parts, log_weights, sums, f);
}

/// w exp(-f / tau), with f the rule's own potential.
pub(super) fn marginal<P: Precision>(
    level: Level,
    tau: P::Potential,
    offset: P::Potential,
    log_weights: &[P::Potential],
    f: &[P::Potential],
    out: &mut [P::Sum],
) {
    relaxed_marginal::<P>(level, P::Potential::ONE / tau, offset, log_weights, f, out);
}

/// d/dt of the dual value is the mass of the marginal at f + t, which decays as exp(-t / tau).
pub(super) fn log_slope<T: Elementary>(tau: T, marginal_mass: T, t: T) -> LogSlope<T> {
    LogSlope { log: marginal_mass.ln() - t / tau, rate: -T::ONE / tau }
}

/// tau (|w| - |r(f + t)|).
pub(super) fn dual_value<T: Elementary>(tau: T, mass: T, marginal_mass: T, t: T) -> T {
    tau * (mass - marginal_mass * (-t / tau).exp())
}

/// KL(x | scale y) = sum x log(x / y) - x + y, each term computed without cancellation.
pub(super) fn divergence<P: Precision>(
    x: &[P::Sum],
    y: impl Iterator<Item = P::Potential>,
    scale: P::Potential,
) -> P::Potential {
    let mut sum = Compensated::new();
    for (&x, y) in x.iter().zip(y) {
        sum.add(term(P::Potential::from(x), y * scale));
    }
    sum.value()
}

/// x log(x / y) - x + y = x h(y / x) with h(z) = z - 1 - log z; close to z = 1 by the series of h.
fn term<T: Elementary>(x: T, y: T) -> T {
    if x == T::ZERO {
        return y;
    }
    let z = (y - x) / x;
    let tenth = T::ONE / T::from_count(64);
    if z.abs() < tenth {
        // z - log(1 + z) = z^2 (1/2 - z/3 + z^2/4 - ...), |z| < 1/64: 10 terms reach 2^-60.
        let mut tail = T::ZERO;
        for k in (2..12).rev() {
            tail = T::ONE / T::from_count(k) - z * tail;
        }
        x * z * z * tail
    } else {
        x * (x / y).ln() - x + y
    }
}
