//! r = w. Phi is 0 at w and infinite elsewhere; -Phi*(-f) = <f, w>.

#[cfg(feature = "implicit")]
use super::{Adjoint, Answer, Change, Columns, total};
use super::{LogSlope, MarginalRule, Memory, Shift, Side};
use crate::kernel::{Level, Precision, potential_from_sums};
use crate::math::{Elementary, SMALL};
use crate::real::Real;

/// The marginal is the weights.
pub(super) struct Exact {
    /// Whether their mass has to be 1.
    pub(super) unit_mass: bool,
}

impl<P: Precision> MarginalRule<P> for Exact {
    /// f + epsilon (log w - log s): after it the side's marginal is w.
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
        let (one, zero) = (P::Potential::ONE, P::Potential::ZERO);
        potential_from_sums::<P>(level, side.epsilon, one, [one, zero], log_weights, sums, f);
    }

    fn marginal(&self, side: &Side<'_, P>, _: Level, _: &[P::Potential], out: &mut [P::Sum]) {
        side.start_marginal(out);
    }

    fn shift_marginal(&self, _: &mut [P::Sum], _: P::Potential) {}

    fn log_slope(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        _: P::Potential,
    ) -> LogSlope<P::Potential> {
        LogSlope { log: side.mass.ln_once(), rate: P::Potential::ZERO }
    }

    fn penalty(&self, _: &Side<'_, P>, _: &[P::Sum]) -> P::Potential {
        P::Potential::ZERO
    }

    fn dual_value(
        &self,
        side: &Side<'_, P>,
        f: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential {
        // (A marginal is the weights themselves where it has their type.)
        if SMALL && size_of::<P::Sum>() == size_of::<P::Potential>() {
            return side.inner_difference(f, [marginal, &[]], t);
        }
        side.inner_product(f, side.scaled_weights(), t)
    }

    /// <f + t, r - w> for a marginal that is w but for rounding.
    fn fenchel_young(
        &self,
        side: &Side<'_, P>,
        r: &[P::Sum],
        f: &[P::Potential],
        marginal: &[P::Sum],
        at: Shift<P::Potential>,
    ) -> P::Potential {
        if at.violation > at.slack {
            return P::Potential::INFINITY;
        }
        if SMALL {
            return side.inner_difference(f, [r, marginal], at.t);
        }
        let excess = r.iter().zip(marginal);
        let excess = excess.map(|(&r, &w)| P::Potential::from(r) - P::Potential::from(w));
        side.inner_product(f, excess, at.t)
    }

    fn normalised_gap(&self, _: &[P::Sum], _: &[P::Sum]) -> P::Potential {
        P::Potential::INFINITY
    }

    fn fixes_marginal(&self) -> bool {
        true
    }

    fn unit_mass(&self) -> bool {
        self.unit_mass
    }

    #[cfg(feature = "implicit")]
    fn kkt_residual(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        _: &[P::Potential],
        r: &[P::Potential],
    ) -> P::Potential {
        total(r.iter().zip(side.scaled_weights()).map(|(&r, w)| (r - w).abs()))
    }

    /// epsilon dw / r.
    #[cfg(feature = "implicit")]
    fn tangent(
        &self,
        side: &Side<'_, P>,
        change: Change<'_, P::Potential>,
        out: &mut [P::Potential],
    ) -> Answer<P::Potential> {
        for (i, (out, &r)) in out.iter_mut().zip(change.r).enumerate() {
            let value = side.epsilon * change.weight(i) / r;
            *out = if r > P::Potential::ZERO { value } else { P::Potential::ZERO };
        }
        Answer::Potential
    }

    #[cfg(feature = "implicit")]
    fn response(
        &self,
        _: &Side<'_, P>,
        _: P::Potential,
        _: (&[P::Potential], &[P::Potential]),
        share: &mut [P::Potential],
        _: &mut [P::Potential],
    ) -> Columns {
        share.fill(P::Potential::ONE);
        Columns::None
    }

    /// u, and f for the value; the value's slope at a zero weight is infinite and left out.
    #[cfg(feature = "implicit")]
    fn weight_gradient(
        &self,
        _: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
        out: &mut [P::Potential],
    ) {
        for ((out, &u), &f) in out.iter_mut().zip(at.u).zip(at.f) {
            *out = if f.is_finite() { u + at.value * f } else { u };
        }
    }

    #[cfg(feature = "implicit")]
    fn parameter_gradient(
        &self,
        _: &Side<'_, P>,
        _: &Adjoint<'_, P::Potential>,
    ) -> [P::Potential; 2] {
        [P::Potential::ZERO; 2]
    }

    fn relaxation(&self) -> Option<P::Potential> {
        None
    }
}
