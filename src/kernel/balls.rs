//! Sums over one side for the root searches of balls, in double precision whatever the problem's.

use super::Precision;
use super::instructions::at_each_level;
use super::level::{Level, Set};
use crate::math::{Elementary, LANES, log_omega, reduce};
use crate::real::Real;

/// Multipliers at which the marginal of an L2 ball is taken: the root p of
/// alpha log p + beta p = t + beta w - c for each entry, with w the weight times `factor`; with alpha = 0 and
/// beta > 0 the larger of 0 and that, its limit.
#[derive(Clone, Copy)]
pub(crate) struct L2Point {
    pub(crate) factor: f64,
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) c: f64,
    /// log(beta / alpha); not used where either is 0.
    log_ratio: f64,
}

impl L2Point {
    pub(crate) fn new(factor: f64, alpha: f64, beta: f64, c: f64) -> Self {
        Self { factor, alpha, beta, c, log_ratio: (beta / alpha).ln_once() }
    }

    /// p.
    #[inline(always)]
    fn entry(&self, t: f64, w: f64) -> f64 {
        let Self { alpha, beta, c, .. } = *self;
        if alpha > 0.0 { self.log_entry(t, w).exp() } else { ((t - c) / beta + w).larger(0.0) }
    }

    /// log p where alpha > 0.
    #[inline(always)]
    fn log_entry(&self, t: f64, w: f64) -> f64 {
        let Self { alpha, beta, c, .. } = *self;
        let q = (t + beta * w - c) / alpha;
        if beta > 0.0 {
            let y = log_omega(q + self.log_ratio) - self.log_ratio;
            // A large beta leaves its rounding in q. One step of Newton's method on the equation
            // as it stands, where beta meets the small p - w, takes that out.
            let p = y.exp();
            let excess = alpha * y + beta * (p - w) - (t - c);
            let next = y - excess / (alpha + beta * p);
            if next.is_finite() { next } else { y }
        } else {
            q
        }
    }
}

/// Sums over the entries of a side, with d = p - w and s = p / (alpha + beta p) = -dp/dc (0 where p is).
#[derive(Clone, Copy, Default)]
pub(crate) struct L2Sums {
    pub(crate) mass: f64,
    pub(crate) slope: f64,
    pub(crate) slope_d: f64,
    pub(crate) slope_dd: f64,
    /// |p - w|^2.
    pub(crate) distance2: f64,
}

/// Adds up some functions of the entries in fixed lanes.
#[inline(always)]
fn sums<A: Copy, B: Copy, const K: usize>(
    x: &[A],
    y: &[B],
    terms: impl Fn(A, B) -> [f64; K],
) -> [f64; K] {
    let mut lanes = [[0.0; LANES]; K];
    let (mut left, mut right) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let mut add = |x: &[A], y: &[B]| {
        for (l, (&x, &y)) in x.iter().zip(y).enumerate() {
            for (lanes, term) in lanes.iter_mut().zip(terms(x, y)) {
                if let Some(lane) = lanes.get_mut(l) {
                    *lane += term;
                }
            }
        }
    };
    for (x, y) in (&mut left).zip(&mut right) {
        add(x, y);
    }
    add(left.remainder(), right.remainder());
    lanes.map(reduce)
}

at_each_level! {
    /// [`L2Sums`] at a point.
    fn l2_sums<P>(at: L2Point, t: &[P::Potential], weights: &[P::Cost]) -> L2Sums {
        let [mass, slope, slope_d, slope_dd, distance2] = sums(t, weights, |t, w| {
            let w = w.to_f64() * at.factor;
            let p = at.entry(t.to_f64(), w);
            let (s, d) = (if p > 0.0 { p / (at.alpha + at.beta * p) } else { 0.0 }, p - w);
            [p, s, s * d, s * d * d, d * d]
        });
        L2Sums { mass, slope, slope_d, slope_dd, distance2 }
    }
}

at_each_level! {
    /// max_i (t_i + beta w_i).
    fn l2_peak<P>(factor: f64, beta: f64, t: &[P::Potential], weights: &[P::Cost]) -> f64 {
        let values = t.iter().zip(weights).map(|(t, w)| t.to_f64() + beta * (w.to_f64() * factor));
        values.fold(f64::NEG_INFINITY, f64::larger)
    }
}

at_each_level! {
    /// Turns t into the potentials epsilon log p - (t - offset log w), and gives the marginal p.
    /// Entries that can have no mass (log w minus infinity) get potential minus infinity.
    fn l2_write<P>(
        at: L2Point,
        scales: [f64; 2],
        weights: (&[P::Cost], &[P::Potential]),
        f: &mut [P::Potential],
        marginal: &mut [P::Sum],
    ) {
        let [epsilon, offset] = scales;
        for (((f, p), w), &l) in f.iter_mut().zip(marginal).zip(weights.0).zip(weights.1) {
            let t = f.to_f64();
            let log_p = at.log_entry(t, w.to_f64() * at.factor);
            *p = P::narrow(P::Potential::from_f64(log_p.exp()));
            *f = potential::<P>(epsilon * log_p, offset, t, l);
        }
    }
}

at_each_level! {
    /// The marginal p alone.
    #[cfg(feature = "implicit")]
    fn l2_marginal<P>(
        at: L2Point,
        t: &[P::Potential],
        weights: &[P::Cost],
        marginal: &mut [P::Sum],
    ) {
        for ((p, t), w) in marginal.iter_mut().zip(t).zip(weights) {
            let entry = at.entry(t.to_f64(), w.to_f64() * at.factor);
            *p = P::narrow(P::Potential::from_f64(entry));
        }
    }
}

/// scaled log p - (t - offset log w); 0 where no pair is allowed at all (t minus infinity).
#[inline(always)]
fn potential<P: Precision>(scaled: f64, offset: f64, t: f64, l: P::Potential) -> P::Potential {
    if l == P::Potential::NEG_INFINITY {
        l
    } else if t == f64::NEG_INFINITY {
        P::Potential::ZERO
    } else {
        P::Potential::from_f64(scaled - (t - offset * l.to_f64()))
    }
}

/// The tilted weights of a KL ball: log p = (t + lambda log w) / (alpha + lambda) - log_mass.
#[derive(Clone, Copy)]
pub(crate) struct KlPoint {
    pub(crate) alpha: f64,
    pub(crate) lambda: f64,
    pub(crate) log_mass: f64,
}

impl KlPoint {
    /// log p; minus infinity without weight.
    #[inline(always)]
    fn log_entry(&self, t: f64, l: f64) -> f64 {
        let value = (t + self.lambda * l) / (self.alpha + self.lambda) - self.log_mass;
        if l > f64::NEG_INFINITY { value } else { l }
    }
}

at_each_level! {
    /// max_i log p_i.
    fn kl_peak<P>(at: KlPoint, t: &[P::Potential], log_weights: &[P::Potential]) -> f64 {
        let values = t.iter().zip(log_weights).map(|(t, l)| at.log_entry(t.to_f64(), l.to_f64()));
        values.fold(f64::NEG_INFINITY, f64::larger)
    }
}

at_each_level! {
    /// Sums of p, of p h and p h^2, and of p h - p + w, with h = log(p / w).
    fn kl_sums<P>(at: KlPoint, t: &[P::Potential], log_weights: &[P::Potential]) -> [f64; 4] {
        sums(t, log_weights, |t, l| {
            let l = l.to_f64();
            let log_p = at.log_entry(t.to_f64(), l);
            let p = log_p.exp();
            let h = if p > 0.0 { log_p - l } else { 0.0 };
            // p h - p + w = p (h - 1 + e^-h), close to 0 by its series.
            let series = h * h * (0.5 - h * (1.0 / 6.0 - h * (1.0 / 24.0 - h * (1.0 / 120.0 - h / 720.0))));
            // An entry that lost all its mass counts w.
            let near = p > 0.0 && h < 2e-3 && h > -2e-3;
            [p, p * h, p * h * h, if near { p * series } else { p * h - p + l.exp() }]
        })
    }
}

at_each_level! {
    /// The marginal p alone.
    #[cfg(feature = "implicit")]
    fn kl_marginal<P>(
        at: KlPoint,
        t: &[P::Potential],
        log_weights: &[P::Potential],
        marginal: &mut [P::Sum],
    ) {
        for ((p, t), l) in marginal.iter_mut().zip(t).zip(log_weights) {
            let log_p = at.log_entry(t.to_f64(), l.to_f64());
            *p = P::narrow(P::Potential::from_f64(log_p.exp()));
        }
    }
}

at_each_level! {
    /// As [`l2_write`].
    fn kl_write<P>(
        at: KlPoint,
        scales: [f64; 2],
        log_weights: &[P::Potential],
        f: &mut [P::Potential],
        marginal: &mut [P::Sum],
    ) {
        let [epsilon, offset] = scales;
        for ((f, p), &l) in f.iter_mut().zip(marginal).zip(log_weights) {
            let t = f.to_f64();
            let log_p = at.log_entry(t, l.to_f64());
            *p = P::narrow(P::Potential::from_f64(log_p.exp()));
            *f = potential::<P>(epsilon * log_p, offset, t, l);
        }
    }
}

at_each_level! {
    /// Turns potentials at which the sums of the plan were taken into
    /// t = epsilon log sum_j exp((g_j - C_ij) / epsilon) + offset log w; minus infinity where there
    /// is no mass.
    fn soft_maximum<P>(
        scales: [P::Potential; 2],
        log_weights: &[P::Potential],
        sums: &[P::Sum],
        f: &mut [P::Potential],
    ) {
        let [epsilon, offset] = scales;
        for ((f, &l), &s) in f.iter_mut().zip(log_weights).zip(sums) {
            let soft = epsilon * P::Potential::from(s).ln() - *f;
            let value = if offset > P::Potential::ZERO { soft + offset * l } else { soft };
            *f = if l > P::Potential::NEG_INFINITY { value } else { l };
        }
    }
}
