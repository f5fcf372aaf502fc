//! The two rules whose penalty has corners. Per entry, with w the weight and f the rule's own potential:
//!
//! ```text
//! total variation  Phi = tau |r - w|                f in [-tau, tau], r = w inside, r <= w at tau, r >= w at -tau
//! box              Phi = 0 for l w <= r <= u w      r = l w for f > 0, r = u w for f < 0, free between them at f = 0
//!
//! -Phi*(-f) = w min(f, tau) for f >= -tau           -Phi*(-f) = min(l w f, u w f)
//! ```
//!
//! (The conjugates are over r >= 0, and minus infinity where no value stands.) Both say the same thing with
//! different numbers: an entry either holds a marginal, or stands at a corner where its potential is fixed and
//! its marginal is the plan's. So r(f) is a set there, and what a solver compares the plan with is the
//! marginal that the entry's own update would leave: nothing moves just where the conditions hold. The
//! corners also are why the dual is not smooth.

#[cfg(feature = "implicit")]
use super::{Adjoint, Answer, Change, Columns};
use super::{LogSlope, MarginalRule, Memory, Shift, Side, total};
use crate::kernel::{Level, Precision, potential_from_sums};
use crate::math::{Compensated, Elementary};
use crate::real::Real;

/// Roundings by which a potential may miss a corner that it stands at.
const ROUNDINGS: usize = 32;

/// What an entry's penalty is.
#[derive(Clone, Copy)]
pub(super) enum Band<T> {
    /// tau |r - w|.
    Tv {
        /// Cost units.
        tau: T,
    },
    /// lower w <= r <= upper w.
    Box {
        /// At least 0.
        lower: T,
        /// Positive, perhaps infinite; at least `lower`.
        upper: T,
    },
}

/// Where an update leaves an entry.
struct Place<T> {
    /// Its own potential.
    f: T,
    /// The multiple of the weight that its marginal is, unless it stands at a corner.
    held: Option<T>,
}

/// An entry as the dual sees it.
#[derive(Clone, Copy)]
struct Entry<T> {
    /// Own potential, shifted.
    f: T,
    weight: T,
    /// What rounding may have made of the potential.
    rounding: T,
}

impl<T: Elementary> Band<T> {
    /// epsilon times the logarithms of both ends of the box.
    fn ends(&self, epsilon: T) -> [T; 2] {
        let log = |x: T| if x.is_finite() { epsilon * x.ln_once() } else { x };
        match *self {
            Self::Tv { .. } => [T::ZERO; 2],
            Self::Box { lower, upper } => [log(lower), log(upper)],
        }
    }

    /// The update of an entry whose exact one would be `exact` (own potentials).
    fn place(&self, [low, high]: [T; 2], exact: T, weight: T) -> Place<T> {
        match *self {
            Self::Tv { tau } => {
                if weight <= T::ZERO || exact < -tau {
                    Place { f: -tau, held: None }
                } else if exact > tau {
                    Place { f: tau, held: None }
                } else {
                    Place { f: exact, held: Some(T::ONE) }
                }
            }
            Self::Box { lower, upper } => {
                let (least, most) = (exact + low, exact + high);
                if most < T::ZERO {
                    Place { f: most, held: Some(upper) }
                } else if least > T::ZERO {
                    Place { f: least, held: Some(lower) }
                } else if exact.is_nan() {
                    Place { f: exact, held: None }
                } else {
                    Place { f: T::ZERO, held: None }
                }
            }
        }
    }

    /// The update of an entry with potential f and marginal r.
    fn next(&self, epsilon: T, f: T, weight: T, r: T) -> Place<T> {
        self.place(self.ends(epsilon), f + epsilon * (weight / r).ln_once(), weight)
    }

    /// The marginal that the update of an entry leaves.
    fn target(&self, epsilon: T, f: T, weight: T, r: T) -> T {
        let Place { f: next, held } = self.next(epsilon, f, weight, r);
        match held {
            Some(share) => share * weight,
            None => r * ((next - f) / epsilon).exp_once(),
        }
    }

    /// -Phi*(-f).
    fn dual(&self, entry: Entry<T>) -> T {
        let Entry { f, weight, rounding } = entry;
        match *self {
            Self::Tv { tau } if f < -tau - rounding => T::NEG_INFINITY,
            Self::Tv { tau } => weight * f.smaller(tau),
            Self::Box { lower, .. } if f >= T::ZERO => lower * weight * f,
            Self::Box { upper, .. } if upper.is_finite() => upper * weight * f,
            Self::Box { .. } if f < -rounding => T::NEG_INFINITY,
            Self::Box { .. } => T::ZERO,
        }
    }

    /// Phi(r) + Phi*(-f) + f r in terms that do not cancel; r within the box.
    fn gap(&self, entry: Entry<T>, r: T) -> T {
        let Entry { f, weight, rounding } = entry;
        let excess = r - weight;
        match *self {
            Self::Tv { tau } if f < -tau - rounding => T::INFINITY,
            Self::Tv { tau } => {
                let inside = f.smaller(tau);
                let price = if excess > T::ZERO { tau + inside } else { inside - tau };
                price.abs() * excess.abs() + (f - inside) * r
            }
            Self::Box { lower, .. } if f >= T::ZERO => f * (r - lower * weight),
            Self::Box { upper, .. } if upper.is_finite() => f * (r - upper * weight),
            Self::Box { .. } if f < -rounding => T::INFINITY,
            Self::Box { .. } => T::ZERO,
        }
    }

    /// The least and the largest r(f).
    fn range(&self, entry: Entry<T>) -> [T; 2] {
        let Entry { f, weight, rounding } = entry;
        let (zero, infinity) = (T::ZERO, T::INFINITY);
        match *self {
            Self::Tv { tau } => {
                let least = if f < -tau - rounding { infinity } else { weight };
                let most = if f <= -tau + rounding { infinity } else { weight };
                let (gone, going) = (f > tau + rounding, f >= tau - rounding);
                [if going { zero } else { least }, if gone { zero } else { most }]
            }
            Self::Box { lower, upper } => {
                let (least, most) = (lower * weight, upper * weight);
                [if f < -rounding { most } else { least }, if f > rounding { least } else { most }]
            }
        }
    }

    /// By how much r leaves the box.
    fn violation(&self, weight: T, r: T) -> T {
        match *self {
            Self::Tv { .. } => T::ZERO,
            Self::Box { lower, upper } => {
                (lower * weight - r).larger(r - upper * weight).larger(T::ZERO)
            }
        }
    }

    /// The entries that may have mass.
    fn entries<'s, P: Precision<Potential = T>>(
        &self,
        side: &'s Side<'_, P>,
        f: &'s [T],
        t: T,
    ) -> impl Iterator<Item = (usize, Entry<T>)> + use<'s, P, T> {
        let offset = side.reference * side.epsilon;
        let size = t.abs()
            + match *self {
                Self::Tv { tau } => tau,
                Self::Box { .. } => T::ZERO,
            };
        let unit = T::ROUNDOFF * T::from_count(ROUNDINGS);
        let entries = f.iter().zip(side.log_weights).zip(side.scaled_weights()).enumerate();
        entries.filter_map(move |(i, ((&f, &l), weight))| {
            let share = offset * l;
            let rounding = unit * (f.abs() + share.abs() + size);
            (l > T::NEG_INFINITY).then_some((i, Entry { f: f - share + t, weight, rounding }))
        })
    }
}

/// At an optimum f and r belong to each other or nearly: see [`Band::next`].
#[cfg(feature = "implicit")]
impl<T: Elementary> Band<T> {
    /// The share of the weight that entry i holds, at an optimum; None where its potential is fixed.
    fn held<P: Precision<Potential = T>>(
        &self,
        side: &Side<'_, P>,
        (f, w, r): (T, T, T),
    ) -> Option<T> {
        self.next(side.epsilon, f, w, r).held
    }

    /// The corner at which a way from f in the direction of `step` has to end. (Above tau the dual is no
    /// larger than there; below -tau, and below 0 where the box has no upper end, it has no value.)
    fn corner_ahead(&self, f: T, step: T) -> Option<T> {
        let (up, down) = (step > T::ZERO, step < T::ZERO);
        match *self {
            Self::Tv { tau } if up => Some(tau),
            Self::Tv { tau } if down => Some(-tau),
            Self::Tv { .. } => None,
            Self::Box { upper, .. } => {
                let ahead = up && f < T::ZERO || down && (f > T::ZERO || !upper.is_finite());
                ahead.then_some(T::ZERO)
            }
        }
    }
}

impl<P: Precision> MarginalRule<P> for Band<P::Potential> {
    /// Total variation: epsilon log w - s, cut off at -tau and tau. Box: what is nearest to 0 between
    /// epsilon log(lower w) - s and epsilon log(upper w) - s.
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
        let offset = side.reference * side.epsilon;
        let ends = self.ends(side.epsilon);
        for ((f, &l), weight) in f.iter_mut().zip(log_weights).zip(side.scaled_weights()) {
            if l > P::Potential::NEG_INFINITY {
                let share = offset * l;
                let exact = *f - share;
                let place = self.place(ends, exact, weight);
                *f = if place.f == exact { *f } else { place.f + share };
            }
        }
    }

    /// The weights: which marginal belongs to f, the plan decides. See [`MarginalRule::nearest`].
    fn marginal(&self, side: &Side<'_, P>, _: Level, _: &[P::Potential], out: &mut [P::Sum]) {
        side.start_marginal(out);
    }

    fn nearest(
        &self,
        side: &Side<'_, P>,
        i: usize,
        f: P::Potential,
        r: P::Sum,
        _: P::Sum,
    ) -> P::Sum {
        let (Some(&l), Some(&weight)) = (side.log_weights.get(i), side.weights.get(i)) else {
            return r;
        };
        if l == P::Potential::NEG_INFINITY {
            return P::Sum::ZERO;
        }
        let weight = P::widen(weight) * side.factor;
        let own = f - side.reference * side.epsilon * l;
        P::narrow(self.target(side.epsilon, own, weight, P::Potential::from(r)))
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

    fn has_corners(&self) -> bool {
        true
    }

    /// What the entry's own update would do, as at an optimum.
    #[cfg(feature = "implicit")]
    fn active_set(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        (f, r): (&[P::Potential], &[P::Potential]),
        target: &mut [P::Potential],
        step: &mut [P::Potential],
    ) {
        let entries = target.iter_mut().zip(step).zip(f).zip(r).zip(side.scaled_weights());
        for ((((target, step), &f), &r), w) in entries {
            (*target, *step) = (r, P::Potential::ZERO);
            if r <= P::Potential::ZERO {
                continue;
            }
            let Place { f: next, held } = self.next(side.epsilon, f, w, r);
            match held {
                Some(share) => *target = share * w,
                None => *step = next - f,
            }
        }
    }

    #[cfg(feature = "implicit")]
    fn reach(
        &self,
        side: &Side<'_, P>,
        i: usize,
        f: P::Potential,
        step: P::Potential,
    ) -> P::Potential {
        let log = side.log_weights.get(i).copied().unwrap_or(P::Potential::NEG_INFINITY);
        let own = f - side.reference * side.epsilon * log;
        match self.corner_ahead(own, step) {
            Some(corner) => ((corner - own) / step).larger(P::Potential::ZERO),
            None => P::Potential::INFINITY,
        }
    }

    fn masses(
        &self,
        side: &Side<'_, P>,
        f: &[P::Potential],
        _: P::Potential,
        t: P::Potential,
    ) -> [P::Potential; 2] {
        let (mut least, mut most) = (Compensated::new(), Compensated::new());
        let mut unbounded = [false; 2];
        for (_, entry) in self.entries(side, f, t) {
            for ((sum, unbounded), mass) in
                [&mut least, &mut most].into_iter().zip(&mut unbounded).zip(self.range(entry))
            {
                // (A compensated sum that meets an infinity is NaN.)
                if mass.is_finite() {
                    sum.add(mass);
                } else {
                    *unbounded = true;
                }
            }
        }
        let [none, no_end] = unbounded;
        let value = |sum: Compensated<P::Potential>, unbounded: bool| {
            if unbounded { P::Potential::INFINITY } else { sum.value() }
        };
        [value(least, none), value(most, no_end)]
    }

    fn penalty(&self, side: &Side<'_, P>, r: &[P::Sum]) -> P::Potential {
        let Self::Tv { tau } = *self else {
            return P::Potential::ZERO;
        };
        let mut sum = Compensated::new();
        for (&r, weight) in r.iter().zip(side.scaled_weights()) {
            sum.add((P::Potential::from(r) - weight).abs());
        }
        tau * sum.value()
    }

    fn dual_value(
        &self,
        side: &Side<'_, P>,
        f: &[P::Potential],
        _: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential {
        let (mut sum, mut outside) = (Compensated::new(), false);
        for (_, entry) in self.entries(side, f, t) {
            let value = self.dual(entry);
            outside |= value == P::Potential::NEG_INFINITY;
            sum.add(value);
        }
        if outside { P::Potential::NEG_INFINITY } else { sum.value() }
    }

    fn fenchel_young(
        &self,
        side: &Side<'_, P>,
        r: &[P::Sum],
        f: &[P::Potential],
        _: &[P::Sum],
        at: Shift<P::Potential>,
    ) -> P::Potential {
        let (mut sum, mut violation) = (Compensated::new(), Compensated::new());
        let mut outside = false;
        for (i, entry) in self.entries(side, f, at.t) {
            let r = r.get(i).map_or(P::Potential::ZERO, |&r| P::Potential::from(r));
            let gap = self.gap(entry, r);
            outside |= gap == P::Potential::INFINITY;
            sum.add(gap);
            violation.add(self.violation(entry.weight, r));
        }
        if outside || violation.value() > at.slack { P::Potential::INFINITY } else { sum.value() }
    }

    fn normalised_gap(&self, _: &[P::Sum], _: &[P::Sum]) -> P::Potential {
        P::Potential::INFINITY
    }

    /// More than its weight costs tau an unit, more than nothing too.
    fn fills_zero_weights(&self) -> bool {
        matches!(self, Self::Tv { .. })
    }

    fn takes_any_marginal(&self) -> bool {
        matches!(self, Self::Tv { .. })
    }

    fn confines_marginal(&self) -> bool {
        matches!(self, Self::Box { .. })
    }

    fn mass_range(&self, side: &Side<'_, P>) -> [P::Potential; 2] {
        match *self {
            Self::Tv { .. } => [P::Potential::ZERO, P::Potential::INFINITY],
            Self::Box { lower, upper } => [lower * side.mass, upper * side.mass],
        }
    }

    /// x (log x - 1) is convex: each entry has its largest value at an end of its range.
    fn largest_entropy(&self, side: &Side<'_, P>, free: P::Potential) -> P::Potential {
        let one = P::Potential::ONE;
        let Self::Box { lower, upper } = *self else {
            return P::Potential::INFINITY;
        };
        if !upper.is_finite() {
            return P::Potential::INFINITY;
        }
        let term = |x: P::Potential, log: P::Potential| {
            if x > P::Potential::ZERO { x * (log - one) } else { P::Potential::ZERO }
        };
        let logs = [lower.ln_once(), upper.ln_once()];
        let mut sum = Compensated::new();
        for (w, &l) in side.scaled_weights().zip(side.log_weights) {
            let log = if side.reference > P::Potential::ZERO { -free } else { l };
            let [low, high] = logs.map(|share| log + share);
            if w > P::Potential::ZERO {
                sum.add(term(lower * w, low).larger(term(upper * w, high)));
            }
        }
        sum.value()
    }

    /// k(x) = x (log x - 1) of the marginal, whose least value is at 1, and its own share of `log`.
    fn entropy_spread(&self, side: &Side<'_, P>, log: P::Potential) -> P::Potential {
        let one = P::Potential::ONE;
        let Self::Box { lower, upper } = *self else {
            return P::Potential::INFINITY;
        };
        let bent = |x: P::Potential| {
            if x > P::Potential::ZERO { x * (x.ln_once() - one) } else { P::Potential::ZERO }
        };
        total(side.scaled_weights().map(|w| {
            let product = side.reference > P::Potential::ZERO;
            let (unit, scale) = if product { (one, w) } else { (w, one) };
            let (low, high) = (lower * unit, upper * unit);
            let least = bent(one.larger(low).smaller(high));
            scale * (bent(low).larger(bent(high)) - least) + upper * w * log
        }))
    }

    /// How much mass one update would move.
    #[cfg(feature = "implicit")]
    fn kkt_residual(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        f: &[P::Potential],
        r: &[P::Potential],
    ) -> P::Potential {
        let entries = r.iter().zip(side.scaled_weights()).zip(f);
        total(entries.map(|((&r, w), &f)| {
            if f == P::Potential::NEG_INFINITY {
                return r;
            }
            (r - self.target(side.epsilon, f, w, r)).abs()
        }))
    }

    /// epsilon d(share w) / r where the marginal is held, else the change of the corner.
    #[cfg(feature = "implicit")]
    fn tangent(
        &self,
        side: &Side<'_, P>,
        change: Change<'_, P::Potential>,
        out: &mut [P::Potential],
    ) -> Answer<P::Potential> {
        let zero = P::Potential::ZERO;
        let [first, second] = change.rule;
        let entries = out.iter_mut().zip(change.r).zip(change.f).zip(side.scaled_weights());
        for (i, (((out, &r), &f), w)) in entries.enumerate() {
            let corner = match *self {
                Self::Tv { .. } if f < zero => -first,
                Self::Tv { .. } => first,
                Self::Box { .. } => zero,
            };
            let step = match *self {
                Self::Tv { .. } => zero,
                Self::Box { .. } if f > zero => first,
                Self::Box { .. } => second,
            };
            let value = match self.held(side, (f, w, r)) {
                Some(share) => side.epsilon * (share * change.weight(i) + step * w) / r,
                None => corner,
            };
            *out = if r > zero { value } else { zero };
        }
        Answer::Potential
    }

    /// s = 1 where the marginal is held, 0 where the potential is fixed.
    #[cfg(feature = "implicit")]
    fn response(
        &self,
        side: &Side<'_, P>,
        _: P::Potential,
        (f, r): (&[P::Potential], &[P::Potential]),
        share: &mut [P::Potential],
        _: &mut [P::Potential],
    ) -> Columns {
        let entries = share.iter_mut().zip(f).zip(r).zip(side.scaled_weights());
        for (((share, &f), &r), w) in entries {
            let held = self.held(side, (f, w, r)).is_some();
            *share = if held { P::Potential::ONE } else { P::Potential::ZERO };
        }
        Columns::None
    }

    #[cfg(feature = "implicit")]
    fn holds_mass(&self, side: &Side<'_, P>, f: &[P::Potential], r: &[P::Potential]) -> bool {
        let mut entries = f.iter().zip(r).zip(side.scaled_weights());
        entries.all(|((&f, &r), w)| r <= P::Potential::ZERO || self.held(side, (f, w, r)).is_some())
    }

    /// Share times (u and, for the value, f) where the marginal is held; else only the value sees the
    /// weight: tau sign(w - r) = f, or 0. A zero weight without mass has the derivative 0 here.
    #[cfg(feature = "implicit")]
    fn weight_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
        out: &mut [P::Potential],
    ) {
        let entries =
            out.iter_mut().zip(at.u).zip(at.f.iter().zip(at.r)).zip(side.scaled_weights());
        for (((out, &u), (&f, &r)), w) in entries {
            let slope = match self.held(side, (f, w, r)) {
                Some(share) => share * (u + at.value * f),
                None => at.value * f,
            };
            *out = if r > P::Potential::ZERO { slope } else { P::Potential::ZERO };
        }
    }

    /// Total variation: sum of sign(f) w over the corners, |r - w|_1 for the value. Box: sum of
    /// w (u + value f) over the entries at either end.
    #[cfg(feature = "implicit")]
    fn parameter_gradient(
        &self,
        side: &Side<'_, P>,
        at: &Adjoint<'_, P::Potential>,
    ) -> [P::Potential; 2] {
        let zero = P::Potential::ZERO;
        let (mut first, mut second) = (Compensated::new(), Compensated::new());
        let entries = at.f.iter().zip(at.r).zip(at.u.iter().zip(at.w)).zip(side.scaled_weights());
        for (((&f, &r), (&u, &adjoint)), w) in entries {
            if r <= zero {
                continue;
            }
            match (*self, self.held(side, (f, w, r))) {
                (Self::Tv { .. }, None) => {
                    let moved = if f < zero { -adjoint } else { adjoint };
                    first.add(moved + at.value * (r - w).abs());
                }
                (Self::Box { .. }, Some(_)) => {
                    let sum = if f > zero { &mut first } else { &mut second };
                    sum.add(w * (u + at.value * f));
                }
                _ => {}
            }
        }
        [first.value(), second.value()]
    }

    fn relaxation(&self) -> Option<P::Potential> {
        None
    }
}
