//! Phi(r) = tau KL(r | w); -Phi*(-f) = tau sum w (1 - exp(-f / tau)); r(f) = w exp(-f / tau).

#[cfg(feature = "implicit")]
use super::{Adjoint, Answer, Change, Columns};
use super::{LogSlope, MarginalRule, Memory, Shift, Side, total};
use crate::kernel::{Level, Precision, potential_from_sums, relaxed_marginal};
use crate::math::{Compensated, Elementary};
use crate::real::Real;

/// The marginal pays tau KL(r | w).
pub(super) struct Kl<T> {
    /// Cost units.
    pub(super) tau: T,
}

impl<P: Precision> MarginalRule<P> for Kl<P::Potential> {
    /// tau / (tau + epsilon) (epsilon log w - s) with s the soft minimum of the other side (the
    /// even and odd steps of Algorithm 1 of Le et al. 2021). Against the product reference the
    /// weight enters through the reference alone.
    #[inline]
    fn update(
        &self,
        side: &Side<'_, P>,
        level: Level,
        log_weights: &[P::Potential],
        sums: &[P::Sum],
        f: &mut [P::Potential],
        _: Memory<'_, P>,
    ) {
        let contraction = self.tau / (self.tau + side.epsilon);
        let parts = [P::Potential::ONE - side.reference, side.reference];
        potential_from_sums::<P>(level, side.epsilon, contraction, parts, log_weights, sums, f);
    }

    fn marginal(&self, side: &Side<'_, P>, level: Level, f: &[P::Potential], out: &mut [P::Sum]) {
        let rate = P::Potential::ONE / self.tau;
        let offset = side.reference * side.epsilon;
        relaxed_marginal::<P>(level, rate, offset, side.log_weights, f, out);
    }

    fn shift_marginal(&self, marginal: &mut [P::Sum], t: P::Potential) {
        let factor = P::narrow((-t / self.tau).exp_once());
        for r in marginal {
            *r = *r * factor;
        }
    }

    /// The slope is the mass of the marginal, which decays as exp(-t / tau).
    fn log_slope(
        &self,
        _: &Side<'_, P>,
        mass: P::Potential,
        t: P::Potential,
    ) -> LogSlope<P::Potential> {
        LogSlope { log: mass.ln_once() - t / self.tau, rate: -P::Potential::ONE / self.tau }
    }

    fn penalty(&self, side: &Side<'_, P>, r: &[P::Sum]) -> P::Potential {
        self.tau * divergence::<P>(r, side.scaled_weights(), P::Potential::ONE)
    }

    /// tau (|w| - |r(f + t)|).
    fn dual_value(
        &self,
        side: &Side<'_, P>,
        _: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential {
        let mass = total(wide::<P>(marginal));
        self.tau * (side.mass - mass * (-t / self.tau).exp_once())
    }

    /// tau KL(r | r(f + t)).
    fn fenchel_young(
        &self,
        _: &Side<'_, P>,
        r: &[P::Sum],
        _: &[P::Potential],
        marginal: &[P::Sum],
        at: Shift<P::Potential>,
    ) -> P::Potential {
        self.tau * divergence::<P>(r, wide::<P>(marginal), (-at.t / self.tau).exp_once())
    }

    fn normalised_gap(&self, r: &[P::Sum], marginal: &[P::Sum]) -> P::Potential {
        let mass = total(wide::<P>(r));
        let scale = mass / total(wide::<P>(marginal));
        self.tau * divergence::<P>(r, wide::<P>(marginal), scale) / mass
    }

    #[cfg(feature = "implicit")]
    fn kkt_residual(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        f: &[P::Potential],
        r: &[P::Potential],
    ) -> P::Potential {
        let entries = r.iter().zip(side.scaled_weights()).zip(f);
        let terms = entries.map(|((&r, w), &f)| {
            let positive = w > P::Potential::ZERO;
            let target = if positive { w * (-f / self.tau).exp_once() } else { w };
            (r - target).abs()
        });
        total(terms)
    }

    /// tau dw / w + f dtau / tau.
    #[cfg(feature = "implicit")]
    fn tangent(
        &self,
        side: &Side<'_, P>,
        change: Change<'_, P::Potential>,
        out: &mut [P::Potential],
    ) -> Answer<P::Potential> {
        let [tau_change, _] = change.rule;
        let entries = out.iter_mut().zip(side.scaled_weights()).zip(change.f).enumerate();
        for (i, ((out, w), &f)) in entries {
            let value = self.tau * change.weight(i) / w + f * tau_change / self.tau;
            *out = if w > P::Potential::ZERO { value } else { P::Potential::ZERO };
        }
        Answer::Condition(P::Potential::ZERO)
    }

    /// s = tau / (tau + epsilon).
    #[cfg(feature = "implicit")]
    fn response(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        _: (&[P::Potential], &[P::Potential]),
        share: &mut [P::Potential],
        _: &mut [P::Potential],
    ) -> Columns {
        share.fill(self.tau / (self.tau + side.epsilon));
        Columns::None
    }

    /// u r / w, and tau (1 - r / w) for the value. At a zero weight the slope is infinite against
    /// the counting measure: 0 stands there.
    #[cfg(feature = "implicit")]
    fn weight_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
        out: &mut [P::Potential],
    ) {
        let entries = out.iter_mut().zip(at.u).zip(at.r).zip(side.scaled_weights());
        for (((out, &u), &r), w) in entries {
            let slope = u * (r / w) + at.value * self.tau * (P::Potential::ONE - at.scale * r / w);
            *out = if w > P::Potential::ZERO { slope } else { P::Potential::ZERO };
        }
    }

    /// sum u r f / tau^2, and KL(r | w) for the value.
    #[cfg(feature = "implicit")]
    fn parameter_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
    ) -> [P::Potential; 2] {
        let mut sum = Compensated::new();
        for ((&u, &r), &f) in at.u.iter().zip(at.r).zip(at.f) {
            if r > P::Potential::ZERO {
                sum.add(u * r * f);
            }
        }
        let mut divergence = Compensated::new();
        for (&r, w) in at.r.iter().zip(side.scaled_weights()) {
            divergence.add(term(at.scale * r, w));
        }
        let rate = sum.value() / (self.tau * self.tau);
        [rate + at.value * divergence.value(), P::Potential::ZERO]
    }

    fn relaxation(&self) -> Option<P::Potential> {
        Some(self.tau)
    }
}

/// Sums as potentials.
fn wide<P: Precision>(values: &[P::Sum]) -> impl Iterator<Item = P::Potential> {
    values.iter().map(|&x| P::Potential::from(x))
}

/// KL(x | scale y) = sum x log(x / y) - x + y, each term computed without cancellation.
fn divergence<P: Precision>(
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

/// x log(x / y) - x + y = x (z - log(1 + z)) with z = (y - x) / x; close to 0 by its series.
fn term<T: Elementary>(x: T, y: T) -> T {
    if x == T::ZERO {
        return y;
    }
    let z = (y - x) / x;
    if z.abs() * T::from_count(64) < T::ONE {
        // z^2 (1/2 - z/3 + z^2/4 - ...): ten terms reach 2^-60.
        let mut tail = T::ZERO;
        for k in (2..12).rev() {
            tail = T::ONE / T::from_count(k) - z * tail;
        }
        x * z * z * tail
    } else {
        x * (x / y).ln_once() - x + y
    }
}
