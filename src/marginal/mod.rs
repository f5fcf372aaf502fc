//! Marginal rules: how the plan's sums over one side may differ from the side's weights.
//!
//! A rule is a convex function Phi of the side's marginal r, one file each. What a rule knows
//! stands in `MarginalRule`; solvers ask a `Side` for it and never look at the kind.

#[cfg(feature = "balls")]
mod ball;
#[cfg(feature = "ranges")]
mod band;
mod exact;
#[cfg(feature = "kl")]
mod kl;

use crate::error::{Argument, ErrorKind, Refusal};
use crate::kernel::{Level, Precision};
use crate::math::{Compensated, Elementary};
use crate::real::Real;

/// Whether any rule that is compiled in couples the entries of a side (or a test pretends so).
pub(crate) const ANY_COUPLES: bool = cfg!(any(feature = "balls", test));
/// Whether any pair of rules that are compiled in has a certificate. (A barycenter is free by itself.)
pub(crate) const ANY_CERTIFIES: bool =
    cfg!(any(feature = "kl", feature = "ranges", feature = "barycenter"));

/// The rule of one side with weights w (mass units).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Rule<T> {
    /// r = w: nothing may change.
    Exact,
    /// Phi(r) = tau KL(r | w) with KL(r | w) = sum r log(r / w) - r + w, tau in cost units.
    /// Needs feature `kl`. Large tau comes close to `Exact`; at tau of the size of a cost, mass that would have to
    /// travel further than about tau is dropped or made instead.
    Kl {
        /// Price of changing the marginal, cost units.
        tau: T,
    },
    /// |r - w|^2 <= radius2 and sum r = 1, with Phi(r) = entropy sum r (log r - 1) inside. The
    /// weights have unit sum; a zero weight may receive mass. Radius 0 is `Exact` for unit mass,
    /// without the entropy, which is a constant there. Needs feature `balls`. See
    /// [`Rule::l2_ball_dropping`] for a radius that means something.
    L2Ball {
        /// Square of the radius, squared mass units.
        radius2: T,
        /// Weight of the marginal's own entropy, cost units; may be 0.
        entropy: T,
    },
    /// KL(r | w) <= radius and sum r = 1, with Phi(r) = entropy sum r (log r - 1) inside. The
    /// weights have unit sum. Radius 0 is `Exact` for unit mass, without the entropy. Needs
    /// feature `balls`.
    KlBall {
        /// Largest KL divergence, mass units.
        radius: T,
        /// Weight of the marginal's own entropy, cost units; may be 0.
        entropy: T,
    },
    /// Total variation: Phi(r) = tau sum |r - w|. Moving mass over a cost above the prices of both ends
    /// does not pay: it is dropped and made at tau each, all other entries keep their weight exactly.
    /// Needs feature `ranges`. A zero weight may receive mass at that price (against the product
    /// reference it has none, whatever the price). tau above the range of the cost is `Exact` where the
    /// masses agree.
    Tv {
        /// Price of one unit of mass more or less, cost units.
        tau: T,
    },
    /// lower w <= r <= upper w, and Phi = 0 there. Needs feature `ranges`. Relative to the weights, so
    /// that the rule stays two numbers: weights are per entry as it is. lower = upper = 1 is `Exact`;
    /// lower = 0 with an infinite upper is a side left free, though a zero weight keeps no mass.
    /// Refused (`MassRange`) where both sides' ranges have no mass in common.
    Box {
        /// Least multiple of the weight, at least 0.
        lower: T,
        /// Largest multiple, positive and at least `lower`; may be infinite.
        upper: T,
    },
}

impl<T: Real> Rule<T> {
    /// The L2 ball in which just a fraction `theta` (0 <= theta < 1) of n points with equal weights
    /// can be dropped, the rest growing alike: radius2 = theta / (n (1 - theta)).
    pub fn l2_ball_dropping(theta: T, n: usize, entropy: T) -> Self {
        Self::L2Ball { radius2: theta / (T::from_count(n) * (T::ONE - theta)), entropy }
    }

    /// The same rule with tau and entropy counted in a unit of cost.
    #[cfg(feature = "implicit")]
    pub(crate) fn in_units_of(self, unit: T) -> Self {
        match self {
            Self::Exact | Self::Box { .. } => self,
            Self::Kl { tau } => Self::Kl { tau: tau * unit },
            Self::Tv { tau } => Self::Tv { tau: tau * unit },
            Self::L2Ball { radius2, entropy } => Self::L2Ball { radius2, entropy: entropy * unit },
            Self::KlBall { radius, entropy } => Self::KlBall { radius, entropy: entropy * unit },
        }
    }

    /// The derivative by that unit, from those by the parameters.
    #[cfg(feature = "implicit")]
    pub(crate) fn scaled_slope(self, [first, second]: [T; 2]) -> T {
        match self {
            Self::Exact | Self::Box { .. } => T::ZERO,
            Self::Kl { tau } | Self::Tv { tau } => tau * first,
            Self::L2Ball { entropy, .. } | Self::KlBall { entropy, .. } => entropy * second,
        }
    }

    /// Errors: `Tau` unless tau is positive and finite, its reciprocal and tau + epsilon too;
    /// `Radius` and `Entropy` unless they are finite and not negative; `Range` unless
    /// 0 <= lower <= upper, lower finite and upper positive.
    pub(crate) fn check(self, epsilon: T, argument: Argument) -> Result<(), Refusal> {
        let refuse = |kind| Err(Refusal::new(kind, argument));
        let finite = |x: T| x >= T::ZERO && x.is_finite();
        match self {
            Self::Exact => Ok(()),
            // (None of the others.)
            _ if !cfg!(any(feature = "kl", feature = "ranges", feature = "balls")) => {
                refuse(ErrorKind::NotBuilt)
            }
            Self::Kl { .. } if !cfg!(feature = "kl") => refuse(ErrorKind::NotBuilt),
            Self::Tv { .. } if !cfg!(feature = "ranges") => refuse(ErrorKind::NotBuilt),
            Self::Kl { tau } | Self::Tv { tau } => {
                let usable = (tau + epsilon).is_finite() && (T::ONE / tau).is_finite();
                if tau > T::ZERO && usable { Ok(()) } else { refuse(ErrorKind::Tau) }
            }
            Self::Box { lower, upper } => {
                if !cfg!(feature = "ranges") {
                    return refuse(ErrorKind::NotBuilt);
                }
                let usable = finite(lower) && upper > T::ZERO && upper >= lower;
                if usable { Ok(()) } else { refuse(ErrorKind::Range) }
            }
            Self::L2Ball { radius2: radius, entropy } | Self::KlBall { radius, entropy } => {
                if !cfg!(feature = "balls") {
                    return refuse(ErrorKind::NotBuilt);
                }
                if !finite(radius) {
                    return refuse(ErrorKind::Radius);
                }
                if finite(entropy) && (entropy + epsilon).is_finite() {
                    Ok(())
                } else {
                    refuse(ErrorKind::Entropy)
                }
            }
        }
    }
}

/// What a rule keeps of one side from sweep to sweep.
#[cfg_attr(
    not(all(feature = "balls", feature = "kl")),
    allow(dead_code, reason = "the rules left out read the rest")
)]
pub(crate) struct Memory<'a, P: Precision> {
    /// The marginal r that belongs to the potentials.
    pub(crate) marginal: &'a mut [P::Sum],
    /// The multipliers of a ball.
    pub(crate) ball: &'a mut Ball,
}

/// The multipliers of a ball at its latest update: where the next root search begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ball {
    /// Of the ball, in the units of d Phi / d (|r - w|^2) or d Phi / d KL; 0 if the ball is slack.
    #[cfg(feature = "balls")]
    pub(crate) multiplier: f64,
    /// Of the sum, less max (t + beta w) - beta / n; independent of a constant shift of the potentials.
    #[cfg(feature = "balls")]
    pub(crate) offset: f64,
}

impl Ball {
    /// For a state that is kept.
    #[cfg(feature = "capi")]
    pub(crate) fn to_bits(self) -> [u64; 2] {
        #[cfg(feature = "balls")]
        return [self.multiplier.to_bits(), self.offset.to_bits()];
        #[cfg(not(feature = "balls"))]
        return [0; 2];
    }

    /// The inverse.
    #[cfg(feature = "capi")]
    pub(crate) fn from_bits(bits: [u64; 2]) -> Self {
        #[cfg(feature = "balls")]
        return {
            let [multiplier, offset] = bits.map(f64::from_bits);
            Self { multiplier, offset }
        };
        #[cfg(not(feature = "balls"))]
        return {
            let _ = bits;
            Self {}
        };
    }

    /// The multiplier in the precision of a report.
    pub(crate) fn multiplier<T: Real>(self) -> T {
        #[cfg(feature = "balls")]
        return T::from_f64(self.multiplier);
        #[cfg(not(feature = "balls"))]
        return T::ZERO;
    }
}

/// The optimum and its adjoint on one side, for the gradients of a rule.
#[cfg(feature = "implicit")]
#[cfg_attr(
    not(all(feature = "balls", feature = "kl")),
    allow(dead_code, reason = "the rules left out read the rest")
)]
pub(crate) struct Adjoint<'a, T> {
    /// Multiplier of the ball.
    pub(crate) multiplier: T,
    /// The rule's own potential (not the counting one).
    pub(crate) f: &'a [T],
    /// The plan's marginal.
    pub(crate) r: &'a [T],
    /// Adjoint of the potential, u of ROBOT section 4.
    pub(crate) u: &'a [T],
    /// Adjoint of the marginal, w.
    pub(crate) w: &'a [T],
    /// Adjoint of the ball's constraint, kappa.
    pub(crate) kappa: T,
    /// Cotangent of the optimal value.
    pub(crate) value: T,
    /// Factor that makes the plan one of unit mass, else 1.
    pub(crate) scale: T,
}

/// A change of what one side prescribes.
#[cfg(feature = "implicit")]
#[derive(Clone, Copy)]
#[cfg_attr(
    not(all(feature = "balls", feature = "kl")),
    allow(dead_code, reason = "the rules left out read the rest")
)]
pub(crate) struct Change<'a, T> {
    /// Multiplier of the ball.
    pub(crate) multiplier: T,
    /// The rule's own potential.
    pub(crate) f: &'a [T],
    /// The plan's marginal.
    pub(crate) r: &'a [T],
    /// Change of the weights, if any.
    pub(crate) weights: Option<&'a [T]>,
    /// Change of the rule's parameters, in the order of the fields of [`Rule`].
    pub(crate) rule: [T; 2],
}

#[cfg(feature = "implicit")]
impl<T: Real> Change<'_, T> {
    /// Change of weight i.
    fn weight(&self, i: usize) -> T {
        self.weights.and_then(|w| w.get(i)).copied().unwrap_or(T::ZERO)
    }
}

/// How a rule's potential answers to a [`Change`] while the plan's sums stand still.
#[cfg(feature = "implicit")]
#[derive(Clone, Copy)]
#[cfg_attr(
    not(all(feature = "balls", feature = "kl")),
    allow(dead_code, reason = "the rules left out read the rest")
)]
pub(crate) enum Answer<T> {
    /// By the values written.
    Potential,
    /// Through its condition of optimality: the values written are the change of its right-hand
    /// side, and this is the change that the ball's constraint asks of the distance.
    Condition(T),
}

/// How a rule's potential answers to the sums of the plan: u = T q with
/// T = diag(s) + diag(1 - s) Pi, Pi the projection onto the columns in the inner product weighted
/// by (1 - s) r. The derivative of the prox, valid in every limit.
#[cfg(feature = "implicit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "balls", feature = "kl")),
    allow(dead_code, reason = "the rules left out read the rest")
)]
pub(crate) enum Columns {
    /// Pi = 0.
    None,
    /// The constants.
    Constant,
    /// The constants and the gradient of the ball's constraint.
    Constraint,
}

/// The logarithm of the slope of a dual value under a constant shift, and how that changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSlope<T> {
    /// log of d/dt.
    pub(crate) log: T,
    /// d/dt of that logarithm.
    pub(crate) rate: T,
}

/// All that anybody knows of a rule. f are counting potentials of the [`Side`]; the rule's own
/// potential is f - reference epsilon log w.
pub(crate) trait MarginalRule<P: Precision> {
    /// Turns sums of the plan, taken at shift f, into the potentials that maximise the dual with
    /// the other side held fixed. `log_weights` belong to the entries given, and the side begins with
    /// these: any run of the side's entries, or all of them at once if the rule
    /// [couples](MarginalRule::couples_entries) them.
    fn update(
        &self,
        side: &Side<'_, P>,
        level: Level,
        log_weights: &[P::Potential],
        sums: &[P::Sum],
        f: &mut [P::Potential],
        memory: Memory<'_, P>,
    );

    /// The marginal r(f) that the rule assigns to potentials (minus the gradient of Phi*(-f)), in
    /// place of the one kept. A ball leaves what its update wrote: without entropy its marginal is
    /// no function of the potentials.
    fn marginal(&self, side: &Side<'_, P>, level: Level, f: &[P::Potential], out: &mut [P::Sum]);

    /// The marginal r(f), minus the gradient of the dual value, whatever the latest update was: the
    /// same as [`MarginalRule::marginal`] but for a ball, which needs `scratch` of the side's length
    /// and leaves its multipliers in `ball`, which come from its latest update.
    #[cfg(feature = "implicit")]
    fn gradient(
        &self,
        side: &Side<'_, P>,
        level: Level,
        f: &[P::Potential],
        _scratch: &mut [P::Potential],
        memory: Memory<'_, P>,
    ) {
        self.marginal(side, level, f, memory.marginal);
    }

    /// Where any marginal of a ball belongs to a constant potential: writes that which the plan's sums r are to
    /// be compared with, which is r itself wherever the ball allows it. `ball` is what
    /// [`MarginalRule::gradient`] left.
    #[cfg(feature = "implicit")]
    fn free_marginal(&self, _: &Side<'_, P>, _: Ball, _r: &[P::Sum], _out: &mut [P::Sum]) {}

    /// What a step of Newton's method does with each entry, at own potential f and the plan's sum r, where r(f)
    /// is not smooth. `target` holds r(f), `multiplier` is that of a ball there, `step` is 0.
    ///
    /// Where [`MarginalRule::has_corners`] an entry is held at a marginal or taken to a corner: writes the
    /// marginal to `target` (r at a corner) and the way to the corner to `step`. Where r(f) is linear in
    /// pieces and its entries stop at 0: writes to `target` what the piece says in which all entries lie that
    /// the step might bring back from there; those may be below 0 then, but are not 0. To `step` goes the
    /// move of an entry without mass, which no system sees.
    #[cfg(feature = "implicit")]
    fn active_set(
        &self,
        _: &Side<'_, P>,
        _multiplier: P::Potential,
        _at: (&[P::Potential], &[P::Potential]),
        _target: &mut [P::Potential],
        _step: &mut [P::Potential],
    ) {
    }

    /// The largest t for which f + t `step` of entry i is not beyond the next corner.
    #[cfg(feature = "implicit")]
    fn reach(
        &self,
        _: &Side<'_, P>,
        _i: usize,
        _f: P::Potential,
        _step: P::Potential,
    ) -> P::Potential {
        P::Potential::INFINITY
    }

    /// Of the marginals that belong to entry i with potential f, where they are several: what the plan's
    /// sum r is to be compared with. `target` is what [`MarginalRule::marginal`] found.
    fn nearest(
        &self,
        _: &Side<'_, P>,
        _i: usize,
        _f: P::Potential,
        _r: P::Sum,
        target: P::Sum,
    ) -> P::Sum {
        target
    }

    /// Whether the slope of the dual value under a constant shift jumps.
    fn has_corners(&self) -> bool {
        false
    }

    /// The least and the largest sum of r(f + t), given the sum of r(f): between them lies the slope of
    /// the dual value under a constant shift.
    fn masses(
        &self,
        side: &Side<'_, P>,
        _f: &[P::Potential],
        mass: P::Potential,
        t: P::Potential,
    ) -> [P::Potential; 2] {
        let sum = self.log_slope(side, mass, t).log.exp_once();
        [sum, sum]
    }

    /// r(f + t) from r(f).
    fn shift_marginal(&self, marginal: &mut [P::Sum], t: P::Potential);

    /// Slope of the dual value under a constant shift t of f, given the sum of r(f).
    fn log_slope(
        &self,
        side: &Side<'_, P>,
        mass: P::Potential,
        t: P::Potential,
    ) -> LogSlope<P::Potential>;

    /// Phi(r).
    fn penalty(&self, side: &Side<'_, P>, r: &[P::Sum]) -> P::Potential;

    /// The dual value -Phi*(-f) at f + t, given r(f).
    fn dual_value(
        &self,
        side: &Side<'_, P>,
        f: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential;

    /// The rule's part of the certificate: the Fenchel-Young gap Phi(r) + Phi*(-(f + t)) +
    /// <f + t, r> >= 0, given r(f). Infinite if r is infeasible, further from a fixed marginal
    /// than `slack` (mass units).
    fn fenchel_young(
        &self,
        side: &Side<'_, P>,
        r: &[P::Sum],
        f: &[P::Potential],
        marginal: &[P::Sum],
        at: Shift<P::Potential>,
    ) -> P::Potential;

    /// The part of a unit-mass plan's certificate, tau KL(r / |r| ; r(f) / |r(f)|); infinite for
    /// a rule without relaxation.
    fn normalised_gap(&self, r: &[P::Sum], marginal: &[P::Sum]) -> P::Potential;

    /// Whether the plan has collapsed inside a slack ball, see `Report::collapsed`.
    fn collapsed(&self, _: &Side<'_, P>, _: &[P::Sum], _: Ball) -> bool {
        false
    }

    /// How far potentials and a marginal are from belonging together, mass units. f is the rule's
    /// own potential.
    #[cfg(feature = "implicit")]
    fn kkt_residual(
        &self,
        side: &Side<'_, P>,
        multiplier: P::Potential,
        f: &[P::Potential],
        r: &[P::Potential],
    ) -> P::Potential;

    /// The T form at an optimum with own potential f and marginal r: writes s to `share` and, for
    /// [`Columns::Constraint`], that column to `column`.
    #[cfg(feature = "implicit")]
    fn response(
        &self,
        side: &Side<'_, P>,
        multiplier: P::Potential,
        at: (&[P::Potential], &[P::Potential]),
        share: &mut [P::Potential],
        column: &mut [P::Potential],
    ) -> Columns;

    /// Writes the source that a change makes.
    #[cfg(feature = "implicit")]
    fn tangent(
        &self,
        side: &Side<'_, P>,
        change: Change<'_, P::Potential>,
        out: &mut [P::Potential],
    ) -> Answer<P::Potential>;

    /// Gradient with respect to the weights, apart from the reference's. An exact side's is
    /// defined along directions that keep the mass.
    #[cfg(feature = "implicit")]
    fn weight_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
        out: &mut [P::Potential],
    );

    /// Gradient with respect to the rule's parameters, in the order of the fields of [`Rule`].
    #[cfg(feature = "implicit")]
    fn parameter_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
    ) -> [P::Potential; 2];

    /// Whether the new potential of an entry depends on the sums of the others (as under a ball
    /// around the weights). Then a solver takes all sums of a side before it asks for the update.
    fn couples_entries(&self) -> bool {
        false
    }

    /// Whether a zero weight may receive mass.
    fn fills_zero_weights(&self) -> bool {
        false
    }

    /// Whether the marginal is the weights themselves, whatever the potential.
    fn fixes_marginal(&self) -> bool {
        false
    }

    /// Whether the marginal has unit mass, whatever the weights.
    fn unit_mass(&self) -> bool {
        false
    }

    /// tau, if the penalty is tau KL(r | w): the one family of rules for which a plan's mass can
    /// be optimised in closed form.
    fn relaxation(&self) -> Option<P::Potential>;

    /// Whether Phi is finite for every marginal, so that any plan bounds the optimum from above.
    fn takes_any_marginal(&self) -> bool {
        self.relaxation().is_some()
    }

    /// Whether Phi allows some marginals alone, each entry for itself.
    fn confines_marginal(&self) -> bool {
        self.fixes_marginal()
    }

    /// The least and the largest mass that the rule allows.
    fn mass_range(&self, side: &Side<'_, P>) -> [P::Potential; 2] {
        if self.fixes_marginal() {
            [side.mass, side.mass]
        } else if self.unit_mass() {
            [P::Potential::ONE, P::Potential::ONE]
        } else {
            [P::Potential::ZERO, P::Potential::INFINITY]
        }
    }

    /// The largest sum X (log(X / R) - 1), R the reference, over the plans whose marginal the rule
    /// allows; `free` is log of the other side's smallest positive weight. Infinite where the rule bounds
    /// no entry.
    fn largest_entropy(&self, side: &Side<'_, P>, free: P::Potential) -> P::Potential {
        if !self.fixes_marginal() {
            return P::Potential::INFINITY;
        }
        (P::Potential::ONE - side.reference) * side.weight_entropy()
            - side.reference * side.mass * free
            - side.mass
    }

    /// By how much sum X (log(X / R) - 1) may vary over the plans whose marginal the rule allows, `log` the
    /// logarithm of the other side's count and what the reference adds to it.
    fn entropy_spread(&self, side: &Side<'_, P>, log: P::Potential) -> P::Potential {
        if self.fixes_marginal() {
            total(side.scaled_weights()) * log
        } else {
            P::Potential::INFINITY
        }
    }

    /// Whether every marginal near r has the same mass, at an optimum with own potential f: then the
    /// potentials of a pair of such sides are defined up to a constant, and gradients along changes that
    /// keep both masses equal.
    #[cfg(feature = "implicit")]
    fn holds_mass(&self, _: &Side<'_, P>, _f: &[P::Potential], _r: &[P::Potential]) -> bool {
        self.fixes_marginal() || self.unit_mass()
    }
}

/// Where a certificate is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift<T> {
    /// Constant added to the potential.
    pub(crate) t: T,
    /// |r - r(f)|_1, mass units.
    pub(crate) violation: T,
    /// Violation of a fixed marginal that counts as rounding, mass units.
    pub(crate) slack: T,
}

/// The rule of a side; nothing where there is but one.
#[cfg(any(feature = "kl", feature = "balls", feature = "ranges"))]
pub(crate) type Kept<T> = Rule<T>;
/// The rule of a side; nothing where there is but one.
#[cfg(not(any(feature = "kl", feature = "balls", feature = "ranges")))]
pub(crate) type Kept<T> = core::marker::PhantomData<T>;

/// What a side keeps of its rule.
#[cfg(any(feature = "kl", feature = "balls", feature = "ranges"))]
pub(crate) const fn kept<T: Copy>(rule: Rule<T>) -> Kept<T> {
    rule
}

/// What a side keeps of its rule.
#[cfg(not(any(feature = "kl", feature = "balls", feature = "ranges")))]
pub(crate) const fn kept<T: Copy>(_: Rule<T>) -> Kept<T> {
    core::marker::PhantomData
}

/// One side of a problem as a solver sees it.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a, P: Precision> {
    pub(crate) rule: Kept<P::Potential>,
    /// Weight of the entropy.
    pub(crate) epsilon: P::Potential,
    /// 0 if the entropy is taken against the counting measure, 1 against the product of the
    /// weights. Solvers keep counting potentials.
    pub(crate) reference: P::Potential,
    /// Weights of the caller.
    pub(crate) weights: &'a [P::Cost],
    /// Factor on the weights that makes the masses of two sides equal; else 1.
    pub(crate) factor: P::Potential,
    /// Logarithms of the weights times the factor; minus infinity for entries that can have no
    /// mass, anything finite for a zero weight that may receive some.
    pub(crate) log_weights: &'a [P::Potential],
    /// Sum of the weights times the factor.
    pub(crate) mass: P::Potential,
}

/// Calls the rule, whatever it is. A rule whose feature is left out never gets into a problem.
macro_rules! ask {
    ($side:ident, $rule:ident => $answer:expr) => {
        match $side.rule {
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                let $rule = &kl::Kl { tau };
                $answer
            }
            #[cfg(feature = "balls")]
            Rule::L2Ball { radius2, entropy } if radius2.to_f64() > 0.0 => {
                let distance = ball::Distance::L2;
                let $rule = &ball::Near { distance, radius: radius2, entropy };
                $answer
            }
            #[cfg(feature = "balls")]
            Rule::KlBall { radius, entropy } if radius.to_f64() > 0.0 => {
                let $rule = &ball::Near { distance: ball::Distance::Kl, radius, entropy };
                $answer
            }
            #[cfg(feature = "balls")]
            Rule::L2Ball { .. } | Rule::KlBall { .. } => {
                let $rule = &exact::Exact { unit_mass: true };
                $answer
            }
            #[cfg(feature = "ranges")]
            Rule::Tv { tau } => {
                let $rule = &band::Band::Tv { tau };
                $answer
            }
            #[cfg(feature = "ranges")]
            Rule::Box { lower, upper }
                if lower < P::Potential::ONE || upper > P::Potential::ONE =>
            {
                let $rule = &band::Band::Box { lower, upper };
                $answer
            }
            _ => {
                let $rule = &exact::Exact { unit_mass: false };
                $answer
            }
        }
    };
}

/// [`MarginalRule`] with the rule and the side filled in.
impl<P: Precision> Side<'_, P> {
    /// See [`MarginalRule::update`]; `first` is the index of the first entry.
    #[inline]
    pub(crate) fn update(
        &self,
        level: Level,
        first: usize,
        sums: &[P::Sum],
        f: &mut [P::Potential],
        memory: Memory<'_, P>,
    ) {
        let log_weights = self.log_weights.get(first..).unwrap_or(&[]);
        let weights = self.weights.get(first..).unwrap_or(&[]);
        let side = &Side { log_weights, weights, ..*self };
        ask!(side, rule => rule.update(side, level, log_weights, sums, f, memory));
    }

    /// See [`MarginalRule::marginal`].
    pub(crate) fn marginal(&self, level: Level, f: &[P::Potential], out: &mut [P::Sum]) {
        ask!(self, rule => rule.marginal(self, level, f, out));
    }

    /// See [`MarginalRule::gradient`].
    #[cfg(feature = "implicit")]
    pub(crate) fn gradient(
        &self,
        level: Level,
        f: &[P::Potential],
        scratch: &mut [P::Potential],
        memory: Memory<'_, P>,
    ) {
        ask!(self, rule => rule.gradient(self, level, f, scratch, memory));
    }

    /// See [`MarginalRule::free_marginal`].
    #[cfg(feature = "implicit")]
    pub(crate) fn free_marginal(&self, ball: Ball, r: &[P::Sum], out: &mut [P::Sum]) {
        ask!(self, rule => rule.free_marginal(self, ball, r, out));
    }

    /// See [`MarginalRule::active_set`].
    #[cfg(feature = "implicit")]
    pub(crate) fn active_set(
        &self,
        multiplier: P::Potential,
        at: (&[P::Potential], &[P::Potential]),
        target: &mut [P::Potential],
        step: &mut [P::Potential],
    ) {
        ask!(self, rule => rule.active_set(self, multiplier, at, target, step));
    }

    /// See [`MarginalRule::reach`].
    #[cfg(feature = "implicit")]
    pub(crate) fn reach(&self, i: usize, f: P::Potential, step: P::Potential) -> P::Potential {
        ask!(self, rule => rule.reach(self, i, f, step))
    }

    /// See [`MarginalRule::nearest`].
    #[inline]
    pub(crate) fn nearest(&self, i: usize, f: P::Potential, r: P::Sum, target: P::Sum) -> P::Sum {
        ask!(self, rule => rule.nearest(self, i, f, r, target))
    }

    /// The same for a whole side.
    pub(crate) fn settle(&self, f: &[P::Potential], r: &[P::Sum], targets: &mut [P::Sum]) {
        for (i, ((target, &f), &r)) in targets.iter_mut().zip(f).zip(r).enumerate() {
            *target = self.nearest(i, f, r, *target);
        }
    }

    /// See [`MarginalRule::has_corners`].
    pub(crate) fn has_corners(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::has_corners(rule))
    }

    /// See [`MarginalRule::masses`].
    pub(crate) fn masses(
        &self,
        f: &[P::Potential],
        mass: P::Potential,
        t: P::Potential,
    ) -> [P::Potential; 2] {
        ask!(self, rule => rule.masses(self, f, mass, t))
    }

    /// See [`MarginalRule::shift_marginal`].
    pub(crate) fn shift_marginal(&self, marginal: &mut [P::Sum], t: P::Potential) {
        ask!(self, rule => MarginalRule::<P>::shift_marginal(rule, marginal, t));
    }

    /// See [`MarginalRule::log_slope`].
    pub(crate) fn log_slope(&self, mass: P::Potential, t: P::Potential) -> LogSlope<P::Potential> {
        ask!(self, rule => rule.log_slope(self, mass, t))
    }

    /// See [`MarginalRule::penalty`].
    pub(crate) fn penalty(&self, r: &[P::Sum]) -> P::Potential {
        ask!(self, rule => rule.penalty(self, r))
    }

    /// See [`MarginalRule::dual_value`].
    pub(crate) fn dual_value(
        &self,
        f: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential {
        ask!(self, rule => rule.dual_value(self, f, marginal, t))
    }

    /// See [`MarginalRule::fenchel_young`].
    pub(crate) fn fenchel_young(
        &self,
        r: &[P::Sum],
        f: &[P::Potential],
        marginal: &[P::Sum],
        at: Shift<P::Potential>,
    ) -> P::Potential {
        ask!(self, rule => rule.fenchel_young(self, r, f, marginal, at))
    }

    /// See [`MarginalRule::normalised_gap`].
    pub(crate) fn normalised_gap(&self, r: &[P::Sum], marginal: &[P::Sum]) -> P::Potential {
        ask!(self, rule => MarginalRule::<P>::normalised_gap(rule, r, marginal))
    }

    /// See [`MarginalRule::collapsed`].
    pub(crate) fn collapsed(&self, marginal: &[P::Sum], ball: Ball) -> bool {
        ask!(self, rule => rule.collapsed(self, marginal, ball))
    }

    /// See [`MarginalRule::kkt_residual`].
    #[cfg(feature = "implicit")]
    pub(crate) fn kkt_residual(
        &self,
        multiplier: P::Potential,
        f: &[P::Potential],
        r: &[P::Potential],
    ) -> P::Potential {
        ask!(self, rule => rule.kkt_residual(self, multiplier, f, r))
    }

    /// See [`MarginalRule::response`].
    #[cfg(feature = "implicit")]
    pub(crate) fn response(
        &self,
        multiplier: P::Potential,
        at: (&[P::Potential], &[P::Potential]),
        share: &mut [P::Potential],
        column: &mut [P::Potential],
    ) -> Columns {
        ask!(self, rule => rule.response(self, multiplier, at, share, column))
    }

    /// See [`MarginalRule::tangent`].
    #[cfg(feature = "implicit")]
    pub(crate) fn tangent(
        &self,
        change: Change<'_, P::Potential>,
        out: &mut [P::Potential],
    ) -> Answer<P::Potential> {
        ask!(self, rule => rule.tangent(self, change, out))
    }

    /// See [`MarginalRule::weight_gradient`].
    #[cfg(feature = "implicit")]
    pub(crate) fn weight_gradient(&self, at: &Adjoint<'_, P::Potential>, out: &mut [P::Potential]) {
        ask!(self, rule => rule.weight_gradient(self, at, out));
    }

    /// See [`MarginalRule::parameter_gradient`].
    #[cfg(feature = "implicit")]
    pub(crate) fn parameter_gradient(&self, at: &Adjoint<'_, P::Potential>) -> [P::Potential; 2] {
        ask!(self, rule => rule.parameter_gradient(self, at))
    }

    /// See [`MarginalRule::couples_entries`].
    pub(crate) fn couples_entries(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::couples_entries(rule))
    }

    /// See [`MarginalRule::fills_zero_weights`].
    fn fills_zero_weights(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::fills_zero_weights(rule))
    }

    /// See [`MarginalRule::fixes_marginal`].
    pub(crate) fn fixes_marginal(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::fixes_marginal(rule))
    }

    /// See [`MarginalRule::unit_mass`].
    pub(crate) fn unit_mass(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::unit_mass(rule))
    }

    /// Whether every marginal that the rule allows has the same mass.
    pub(crate) fn fixes_mass(&self) -> bool {
        self.fixes_marginal() || self.unit_mass()
    }

    /// See [`MarginalRule::relaxation`].
    pub(crate) fn relaxation(&self) -> Option<P::Potential> {
        ask!(self, rule => MarginalRule::<P>::relaxation(rule))
    }

    /// See [`MarginalRule::takes_any_marginal`].
    pub(crate) fn takes_any_marginal(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::takes_any_marginal(rule))
    }

    /// See [`MarginalRule::confines_marginal`].
    pub(crate) fn confines_marginal(&self) -> bool {
        ask!(self, rule => MarginalRule::<P>::confines_marginal(rule))
    }

    /// See [`MarginalRule::mass_range`].
    pub(crate) fn mass_range(&self) -> [P::Potential; 2] {
        ask!(self, rule => rule.mass_range(self))
    }

    /// See [`MarginalRule::largest_entropy`].
    pub(crate) fn largest_entropy(&self, free: P::Potential) -> P::Potential {
        ask!(self, rule => rule.largest_entropy(self, free))
    }

    /// See [`MarginalRule::entropy_spread`].
    pub(crate) fn entropy_spread(&self, log: P::Potential) -> P::Potential {
        ask!(self, rule => rule.entropy_spread(self, log))
    }

    /// See [`MarginalRule::holds_mass`].
    #[cfg(feature = "implicit")]
    pub(crate) fn holds_mass(&self, f: &[P::Potential], r: &[P::Potential]) -> bool {
        ask!(self, rule => rule.holds_mass(self, f, r))
    }
}

/// What solvers, rules and certificates compute from a side's weights.
impl<P: Precision> Side<'_, P> {
    /// What the caller's potential lacks of a counting potential, for a weight of a given logarithm:
    /// the reference's share epsilon log w, w being the caller's weight without the factor.
    fn share(&self) -> impl Fn(P::Potential) -> P::Potential {
        let scale = self.reference * self.epsilon;
        let product = scale > P::Potential::ZERO;
        let log_factor = if product { self.factor.ln_once() } else { P::Potential::ZERO };
        move |log_weight| scale * (log_weight - log_factor)
    }

    /// Puts the start into the potentials: what they hold, as counting potentials, or zero.
    pub(crate) fn load(&self, held: bool, f: &mut [P::Potential]) {
        let share = self.share();
        for (f, &l) in f.iter_mut().zip(self.log_weights) {
            if l == P::Potential::NEG_INFINITY {
                *f = l;
            } else if held && l.is_finite() && *f > P::Potential::NEG_INFINITY {
                *f += share(l);
            } else {
                *f = P::Potential::ZERO;
            }
        }
    }

    /// Turns counting potentials into the caller's.
    pub(crate) fn unload(&self, f: &mut [P::Potential]) {
        let share = self.share();
        for (f, &l) in f.iter_mut().zip(self.log_weights) {
            // An infinite weight, in data that was trusted, has no share.
            if l.is_finite() {
                *f += -share(l);
            }
        }
    }

    /// What `log_weights` hold for a weight.
    pub(crate) fn log_weight(&self, weight: P::Cost) -> P::Potential {
        let counting = self.reference == P::Potential::ZERO;
        if weight == P::Cost::ZERO && counting && self.fills_zero_weights() {
            P::Potential::ZERO
        } else {
            (P::widen(weight) * self.factor).ln_once()
        }
    }

    /// The marginal before the first update: the weights.
    pub(crate) fn start_marginal(&self, out: &mut [P::Sum]) {
        for (out, w) in out.iter_mut().zip(self.scaled_weights()) {
            *out = P::narrow(w);
        }
    }

    /// sum over positive weights of (rule potential + t) times the given values.
    fn inner_product(
        &self,
        f: &[P::Potential],
        values: impl Iterator<Item = P::Potential>,
        t: P::Potential,
    ) -> P::Potential {
        let offset = self.reference * self.epsilon;
        let mut sum = Compensated::new();
        for ((&f, &l), value) in f.iter().zip(self.log_weights).zip(values) {
            if l > P::Potential::NEG_INFINITY {
                sum.add((f - offset * l + t) * value);
            }
        }
        sum.value()
    }

    /// [`Side::inner_product`] with the values x - y, y being 0 where it ends: one loop for all, where flash
    /// counts.
    #[inline(never)]
    fn inner_difference(
        &self,
        f: &[P::Potential],
        [x, y]: [&[P::Sum]; 2],
        t: P::Potential,
    ) -> P::Potential {
        let values = x.iter().enumerate().map(|(i, &x)| {
            let y = y.get(i).copied().unwrap_or(P::Sum::ZERO);
            P::Potential::from(x) - P::Potential::from(y)
        });
        self.inner_product(f, values, t)
    }

    /// The weights times the factor.
    fn scaled_weights(&self) -> impl Iterator<Item = P::Potential> {
        self.weights.iter().map(|&w| P::widen(w) * self.factor)
    }

    /// sum over positive weights of w log w.
    pub(crate) fn weight_entropy(&self) -> P::Potential {
        let terms = self.scaled_weights().zip(self.log_weights);
        total(
            terms.map(
                |(w, &l)| if l > P::Potential::NEG_INFINITY { w * l } else { P::Potential::ZERO },
            ),
        )
    }

    /// log of the smallest positive weight.
    pub(crate) fn least_log_weight(&self) -> P::Potential {
        let positive = self.log_weights.iter().filter(|&&l| l > P::Potential::NEG_INFINITY);
        positive.fold(P::Potential::INFINITY, |least, &l| least.smaller(l))
    }

    /// log of the largest weight.
    pub(crate) fn greatest_log_weight(&self) -> P::Potential {
        self.log_weights.iter().fold(P::Potential::NEG_INFINITY, |most, &l| most.larger(l))
    }
}

/// What the product reference adds to gradients: it moves the cost by -epsilon log w. `sums` are those
/// of dL/dC over this side's rows.
#[cfg(feature = "implicit")]
impl<P: Precision> Side<'_, P> {
    /// What d epsilon loses: the sums times log w.
    pub(crate) fn reference_slope(&self, sums: &[P::Potential]) -> P::Potential {
        let terms = self.weights.iter().zip(sums).filter(|(w, _)| **w > P::Cost::ZERO);
        self.reference * total(terms.map(|(&w, &sum)| sum * P::widen(w).ln_once()))
    }

    /// Takes epsilon / w times the sums off the gradient of the weights; that of a zero weight is 0.
    pub(crate) fn add_reference_gradient(&self, sums: &[P::Potential], out: &mut [P::Potential]) {
        if self.reference <= P::Potential::ZERO {
            return;
        }
        for ((out, &w), &sum) in out.iter_mut().zip(self.weights).zip(sums) {
            let w = P::widen(w);
            let positive = w > P::Potential::ZERO;
            *out = if positive { *out - self.epsilon * sum / w } else { P::Potential::ZERO };
        }
    }
}

/// Compensated sum.
pub(crate) fn total<T: Real>(terms: impl Iterator<Item = T>) -> T {
    let mut sum = Compensated::new();
    for term in terms {
        sum.add(term);
    }
    sum.value()
}

/// |x - y| in the 1-norm.
pub(crate) fn distance<P: Precision>(x: &[P::Sum], y: &[P::Sum]) -> P::Potential {
    total(x.iter().zip(y).map(|(&x, &y)| (P::Potential::from(x) - P::Potential::from(y)).abs()))
}
