//! Phi(r) = entropy sum r (log r - 1) where sum r = 1 and r lies in a ball around the weights, else
//! infinite. Xie et al. 2021: the robust problem with entropies on the plan and the marginals.
//!
//! The update is a prox: the marginal p = argmin alpha sum p (log p - 1) - <t, p> over the ball, with
//! alpha = epsilon + entropy and t the soft maximum of the other side, and f = epsilon log p - t. It
//! is found by a search for the multipliers of the ball and of the sum.

mod kl;
mod l2;
#[cfg(feature = "implicit")]
mod pieces;
mod search;

use self::search::limits;
#[cfg(feature = "implicit")]
use super::{Adjoint, Answer, Change, Columns, total};
use super::{Ball, LogSlope, MarginalRule, Memory, Shift, Side};
use crate::kernel::{Level, Precision, kl_write, l2_write, soft_maximum};
#[cfg(feature = "implicit")]
use crate::kernel::{kl_marginal, l2_marginal};
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

impl<T: Real> Near<T> {
    /// Whether the multiplier says that nothing holds the marginal.
    #[cfg(feature = "implicit")]
    fn is_free(&self, ball: Ball) -> bool {
        self.entropy <= T::ZERO && ball.multiplier <= 0.0
    }

    /// Turns t into potentials and writes the marginal.
    fn project<P: Precision<Potential = T>>(
        &self,
        input: Input<'_, P>,
        t: &mut [T],
        memory: Memory<'_, P>,
    ) {
        let Input { level, scales, weights, log_weights, .. } = input;
        let Memory { marginal, ball } = memory;
        let radius = self.radius.to_f64();
        let bounds = (radius, limits(radius, input.alpha, t, log_weights));
        match self.distance {
            Distance::L2 => {
                let at = l2::find(input, bounds, t, ball);
                l2_write::<P>(level, at, scales, (weights, log_weights), t, marginal);
            }
            Distance::Kl => {
                let at = kl::find(input, bounds, t, ball);
                kl_write::<P>(level, at, scales, log_weights, t, marginal);
            }
        }
    }
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
        self.project(input, f, memory);
    }

    fn marginal(&self, _: &Side<'_, P>, _: Level, _: &[P::Potential], _: &mut [P::Sum]) {}

    /// The same prox at t = -f with alpha = entropy: argmin <f, p> + entropy sum p (log p - 1). A slack ball
    /// without entropy, which is known by its multiplier, has a constant potential, to which any marginal
    /// inside belongs; see [`MarginalRule::free_marginal`].
    #[cfg(feature = "implicit")]
    fn gradient(
        &self,
        side: &Side<'_, P>,
        level: Level,
        f: &[P::Potential],
        scratch: &mut [P::Potential],
        memory: Memory<'_, P>,
    ) {
        let offset = side.reference * side.epsilon;
        for ((t, &f), &l) in scratch.iter_mut().zip(f).zip(side.log_weights) {
            let none = l == P::Potential::NEG_INFINITY;
            *t = if none { l } else { offset * l - f };
        }
        let input: Input<'_, P> = Input {
            level,
            factor: side.factor.to_f64(),
            alpha: self.entropy.to_f64(),
            scales: [0.0; 2],
            weights: side.weights,
            log_weights: side.log_weights,
        };
        let Memory { marginal, ball } = memory;
        let radius = self.radius.to_f64();
        let limits = limits(radius, input.alpha, scratch, side.log_weights);
        let bent = limits.scale > 0.0 && limits.scale.is_finite();
        if !bent || self.is_free(*ball) {
            ball.multiplier = 0.0;
            return;
        }
        match self.distance {
            Distance::L2 => {
                let at = l2::find(input, (radius, limits), scratch, ball);
                l2_marginal::<P>(level, at, scratch, side.weights, marginal);
            }
            Distance::Kl => {
                let at = kl::find(input, (radius, limits), scratch, ball);
                kl_marginal::<P>(level, at, scratch, side.log_weights, marginal);
            }
        }
    }

    /// An L2 ball without entropy is linear in pieces.
    #[cfg(feature = "implicit")]
    fn active_set(
        &self,
        side: &Side<'_, P>,
        multiplier: P::Potential,
        at: (&[P::Potential], &[P::Potential]),
        target: &mut [P::Potential],
        step: &mut [P::Potential],
    ) {
        let zero = P::Potential::ZERO;
        let linear = matches!(self.distance, Distance::L2) && self.entropy <= zero;
        if linear && multiplier > zero {
            pieces::choose(side, (self.radius, multiplier), at, target, step);
        }
    }

    /// The plan's sums over their mass, and of the way there from the weights what is inside the ball.
    #[cfg(feature = "implicit")]
    fn free_marginal(&self, side: &Side<'_, P>, ball: Ball, r: &[P::Sum], out: &mut [P::Sum]) {
        if !self.is_free(ball) {
            return;
        }
        let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
        let mass = total(r.iter().map(|&r| P::Potential::from(r)));
        let shares = || r.iter().map(|&r| P::Potential::from(r) / mass).zip(side.scaled_weights());
        let way = match self.distance {
            Distance::L2 => (self.radius / total(shares().map(|(r, w)| (r - w) * (r - w)))).sqrt(),
            // KL is convex, and 0 at the weights.
            Distance::Kl => self.radius / total(shares().map(|(r, w)| r * log_ratio(r, w))),
        };
        let way = if way >= zero { way.smaller(one) } else { one };
        for (out, (r, w)) in out.iter_mut().zip(shares()) {
            *out = P::narrow(w + way * (r - w));
        }
    }

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
        if at.violation > at.slack {
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

    fn collapsed(&self, side: &Side<'_, P>, marginal: &[P::Sum], ball: Ball) -> bool {
        let (mut lost, hundredth) = (P::Potential::ZERO, P::Potential::from_count(100));
        for (&r, w) in marginal.iter().zip(side.scaled_weights()) {
            if P::Potential::from(r) * hundredth < w {
                lost += w;
            }
        }
        ball.multiplier <= 0.0 && lost > P::Potential::HALF
    }

    /// The first-order condition f + entropy log r + lambda d distance / dr = constant, as the mass
    /// that moves when it fails, and the distance from the ball, or from its surface if that has a
    /// multiplier.
    #[cfg(feature = "implicit")]
    fn kkt_residual(
        &self,
        side: &Side<'_, P>,
        multiplier: P::Potential,
        f: &[P::Potential],
        r: &[P::Potential],
    ) -> P::Potential {
        let (zero, two) = (P::Potential::ZERO, P::Potential::ONE + P::Potential::ONE);
        let entries =
            || r.iter().zip(side.scaled_weights()).zip(f).filter(|((r, _), _)| **r > zero);
        let slope = |((&r, w), &f): ((&P::Potential, P::Potential), &P::Potential)| {
            let bend = match self.distance {
                Distance::L2 => two * (r - w),
                Distance::Kl => log_ratio(r, w),
            };
            (r, f + self.entropy * r.ln_once() + multiplier * bend)
        };
        let mass = total(r.iter().copied());
        let mean = total(entries().map(slope).map(|(r, x)| r * x)) / mass;
        // A multiplier holds the marginal against a potential that is off.
        let moved = total(entries().map(slope).map(|(r, x)| {
            let stiffness = match self.distance {
                Distance::L2 => two * multiplier * r,
                Distance::Kl => multiplier,
            };
            r * (x - mean).abs() / (side.epsilon + self.entropy + stiffness)
        }));
        let (found, radius) = match self.distance {
            Distance::L2 => {
                let squares = r.iter().zip(side.scaled_weights()).map(|(&r, w)| (r - w) * (r - w));
                (total(squares).sqrt(), self.radius.sqrt())
            }
            Distance::Kl => {
                let terms = entries().map(|((&r, w), _)| r * log_ratio(r, w));
                (total(terms), self.radius)
            }
        };
        let excess = found - radius;
        let excess = if multiplier > zero { excess.abs() } else { excess.larger(zero) };
        moved + excess + (mass - P::Potential::ONE).abs()
    }

    /// L2: 2 lambda dw - dentropy log r, and dradius2 + 2 sum (r - w) dw.
    /// KL: lambda dw / w - dentropy log r, and dradius + sum r dw / w.
    #[cfg(feature = "implicit")]
    fn tangent(
        &self,
        side: &Side<'_, P>,
        change: Change<'_, P::Potential>,
        out: &mut [P::Potential],
    ) -> Answer<P::Potential> {
        let zero = P::Potential::ZERO;
        let two = P::Potential::ONE + P::Potential::ONE;
        let [radius_change, entropy_change] = change.rule;
        let mut distance = Compensated::new();
        distance.add(radius_change);
        let entries = out.iter_mut().zip(change.r).zip(side.scaled_weights()).enumerate();
        for (i, ((out, &r), w)) in entries {
            let step = change.weight(i);
            let (pull, part) = match self.distance {
                Distance::L2 => (two * step, two * (r - w) * step),
                Distance::Kl if w > zero => (step / w, r * step / w),
                Distance::Kl => (zero, zero),
            };
            distance.add(part);
            let log = if r > zero { r.ln_once() } else { zero };
            *out = change.multiplier * pull - entropy_change * log;
        }
        Answer::Condition(distance.value())
    }

    /// L2: s = k / (k + epsilon) with k = 2 lambda r + entropy, column 2 (r - w).
    /// KL: k = lambda + entropy, column log(r / w).
    #[cfg(feature = "implicit")]
    fn response(
        &self,
        side: &Side<'_, P>,
        multiplier: P::Potential,
        (_, r): (&[P::Potential], &[P::Potential]),
        share: &mut [P::Potential],
        column: &mut [P::Potential],
    ) -> Columns {
        let two = P::Potential::ONE + P::Potential::ONE;
        let entries = share.iter_mut().zip(column).zip(r).zip(side.scaled_weights());
        for (((share, column), &r), w) in entries {
            let (stiffness, value) = match self.distance {
                Distance::L2 => (two * multiplier * r, two * (r - w)),
                Distance::Kl => (multiplier, log_ratio(r, w)),
            };
            *share = (stiffness + self.entropy) / (stiffness + self.entropy + side.epsilon);
            *column = value;
        }
        if multiplier > P::Potential::ZERO { Columns::Constraint } else { Columns::Constant }
    }

    /// L2: 2 lambda w + 2 (r - a) kappa. KL: (lambda w + kappa r) / a. For the value, minus lambda
    /// times the gradient of the distance.
    #[cfg(feature = "implicit")]
    fn weight_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
        out: &mut [P::Potential],
    ) {
        let two = P::Potential::ONE + P::Potential::ONE;
        let kappa = at.kappa - at.value * at.multiplier;
        let entries = out.iter_mut().zip(at.w).zip(at.r).zip(side.scaled_weights());
        for (((out, &w), &r), a) in entries {
            *out = match self.distance {
                Distance::L2 => two * (at.multiplier * w + (r - a) * kappa),
                Distance::Kl if a > P::Potential::ZERO => (at.multiplier * w + kappa * r) / a,
                Distance::Kl => P::Potential::ZERO,
            };
        }
    }

    /// kappa, and -sum w log r; for the value -lambda and sum r (log r - 1).
    #[cfg(feature = "implicit")]
    fn parameter_gradient(
        &self,
        _: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
    ) -> [P::Potential; 2] {
        let mut sum = Compensated::new();
        for (&w, &r) in at.w.iter().zip(at.r) {
            if r > P::Potential::ZERO {
                let log = r.ln_once();
                sum.add(at.value * r * (log - P::Potential::ONE) - w * log);
            }
        }
        [at.kappa - at.value * at.multiplier, sum.value()]
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

/// log(r / w), 0 where there is no mass.
#[cfg(feature = "implicit")]
fn log_ratio<T: Elementary>(r: T, w: T) -> T {
    if r > T::ZERO && w > T::ZERO { (r / w).ln_once() } else { T::ZERO }
}
