//! Phi(r) = entropy sum r (log r - 1) where sum r = 1 and r lies in a ball around the weights, else
//! infinite. Xie et al. 2021: the robust problem with entropies on the plan and the marginals.
//!
//! The update is a prox: the marginal p = argmin alpha sum p (log p - 1) - <t, p> over the ball, with
//! alpha = epsilon + entropy and t the soft maximum of the other side, and f = epsilon log p - t. It
//! is found by a search for the multipliers of the ball and of the sum.

mod kl;
mod l2;
mod search;

use super::{LogSlope, MarginalRule, Memory, Shift, Side, distance};
use crate::kernel::{Level, Precision, soft_maximum};
use crate::math::{Compensated, Elementary};
use crate::real::Real;

/// What measures the distance from the weights.
#[derive(Clone, Copy)]
pub(super) enum Distance {
    /// |r - w|^2.
    L2,
    /// KL(r | w).
    Kl,
}

/// The marginal has unit mass and stays near the weights.
pub(super) struct Near<T> {
    pub(super) distance: Distance,
    /// Largest distance, positive.
    pub(super) radius: T,
    /// Weight of the marginal's entropy, cost units.
    pub(super) entropy: T,
}

/// What both projections need to know of a side.
#[derive(Clone, Copy)]
struct Input<'a, P: Precision> {
    level: Level,
    /// Factor on the weights.
    factor: f64,
    /// epsilon + entropy.
    alpha: f64,
    /// epsilon, and the part of log w that belongs to the reference.
    scales: [f64; 2],
    weights: &'a [P::Cost],
    log_weights: &'a [P::Potential],
}

impl<P: Precision> MarginalRule<P> for Near<P::Potential> {
    fn update(
        &self,
        side: &Side<'_, P>,
        level: Level,
        log_weights: &[P::Potential],
        sums: &[P::Sum],
        f: &mut [P::Potential],
        memory: Memory<'_, P>,
    ) {
        let offset = side.reference * side.epsilon;
        soft_maximum::<P>(level, [side.epsilon, offset], log_weights, sums, f);
        let input = Input {
            level,
            factor: side.factor.to_f64(),
            alpha: (side.epsilon + self.entropy).to_f64(),
            scales: [side.epsilon.to_f64(), offset.to_f64()],
            weights: side.weights,
            log_weights,
        };
        match self.distance {
            Distance::L2 => l2::project(input, self.radius.to_f64(), f, memory),
            Distance::Kl => kl::project(input, self.radius.to_f64(), f, memory),
        }
    }

    fn marginal(&self, _: &Side<'_, P>, _: Level, _: &[P::Potential], _: &mut [P::Sum]) {}

    /// The constant is the multiplier of the sum.
    fn shift_marginal(&self, _: &mut [P::Sum], _: P::Potential) {}

    fn log_slope(
        &self,
        _: &Side<'_, P>,
        _: P::Potential,
        _: P::Potential,
    ) -> LogSlope<P::Potential> {
        LogSlope { log: P::Potential::ZERO, rate: P::Potential::ZERO }
    }

    fn penalty(&self, _: &Side<'_, P>, r: &[P::Sum]) -> P::Potential {
        self.entropy * entropy::<P>(r)
    }

    /// The least <f + t, p> + entropy sum p (log p - 1) over the ball.
    fn dual_value(
        &self,
        side: &Side<'_, P>,
        f: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential {
        let values = marginal.iter().map(|&p| P::Potential::from(p));
        side.inner_product(f, values, t) + self.entropy * entropy::<P>(marginal)
    }

    /// <f + t, r - p> and the difference of the entropies.
    fn fenchel_young(
        &self,
        side: &Side<'_, P>,
        r: &[P::Sum],
        f: &[P::Potential],
        marginal: &[P::Sum],
        at: Shift<P::Potential>,
    ) -> P::Potential {
        if distance::<P>(r, marginal) > at.slack {
            return P::Potential::INFINITY;
        }
        let excess = r.iter().zip(marginal);
        let excess = excess.map(|(&r, &p)| P::Potential::from(r) - P::Potential::from(p));
        let entropies = entropy::<P>(r) - entropy::<P>(marginal);
        side.inner_product(f, excess, at.t) + self.entropy * entropies
    }

    fn normalised_gap(&self, _: &[P::Sum], _: &[P::Sum]) -> P::Potential {
        P::Potential::INFINITY
    }

    fn couples_entries(&self) -> bool {
        true
    }

    fn fills_zero_weights(&self) -> bool {
        matches!(self.distance, Distance::L2)
    }

    fn unit_mass(&self) -> bool {
        true
    }

    fn relaxation(&self) -> Option<P::Potential> {
        None
    }
}

/// sum r (log r - 1).
fn entropy<P: Precision>(r: &[P::Sum]) -> P::Potential {
    let mut sum = Compensated::new();
    for &r in r {
        let r = P::Potential::from(r);
        if r > P::Potential::ZERO {
            sum.add(r * (r.ln_once() - P::Potential::ONE));
        }
    }
    sum.value()
}
