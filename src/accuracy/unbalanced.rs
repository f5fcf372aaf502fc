//! Our bound on the sweeps of the unbalanced problem: see [`super`].

use super::bounds::{contraction, whole};
use crate::math::Elementary;

/// What the bound depends on.
pub(super) struct Unbalanced<T> {
    /// Weight of the entropy, cost units.
    pub(super) epsilon: T,
    /// tau of rows and columns.
    pub(super) taus: [T; 2],
    /// Sums of the weights.
    pub(super) masses: [T; 2],
    /// Positive weights of both sides.
    pub(super) counts: [usize; 2],
    /// min C and max C.
    pub(super) costs: [T; 2],
    /// G / epsilon.
    pub(super) start: T,
}

/// What does not depend on the number of sweeps.
struct Terms<T> {
    sigma: T,
    /// log(n m).
    entropy: T,
    /// -log rho.
    rate: T,
    /// D, the largest |d| after the first sweep.
    first: T,
    /// 2 eta (G / epsilon)^2.
    drift: T,
    /// The ends of L, but for delta / sigma in the upper one.
    low: T,
    high: T,
}

impl<T: Elementary> Unbalanced<T> {
    /// Sweeps after which the certificate is at most `target`; none if there is no such number, or none
    /// that can be counted.
    pub(super) fn sweeps(&self, target: T) -> Option<u64> {
        let terms = self.terms();
        let reached = |k: u32| self.distance(&terms, k) <= target;
        let (mut before, mut enough) = (0, 1);
        while !reached(enough) {
            (before, enough) = (enough, enough.checked_mul(2)?);
        }
        while enough - before > 1 {
            let middle = before + (enough - before) / 2;
            if reached(middle) {
                enough = middle;
            } else {
                before = middle;
            }
        }
        whole(T::from_count(enough as usize))
    }

    fn terms(&self) -> Terms<T> {
        let Self { epsilon, taus: [row, col], masses, counts, costs: [least, most], start } = *self;
        let [two, eight] = [2, 8].map(T::from_count);
        let sigma = row + col;
        let [row_rate, col_rate] = [row, col].map(|tau| tau / (tau + epsilon));
        let [row_rest, col_rest] = [row, col].map(|tau| epsilon / (tau + epsilon));
        let [log_n, log_m] = counts.map(|count| T::from_count(count.max(1)).ln_once());
        let [log_alpha, log_beta] = masses.map(T::ln_once);
        // The logarithm of the mass after the rows' first update, less that of the columns' weights.
        let mean = row_rate * log_alpha - log_beta;
        let lower = mean + row_rest * log_m - most / (row + epsilon);
        let upper = mean + row_rest * (log_n + log_m) - least / (row + epsilon);
        let fallen = col_rest * log_m + (most - least) / (col + epsilon);
        let eta = row_rate * col_rate * row_rest.larger(row_rate * col_rest) / eight;
        let level = (row * log_alpha + col * log_beta) / sigma;
        Terms {
            sigma,
            entropy: log_n + log_m,
            rate: contraction(epsilon, row) + contraction(epsilon, col),
            first: col_rate * lower.abs().larger(upper.abs()) + fallen,
            drift: two * eta * start * start,
            low: level - most / sigma,
            high: level - least / sigma,
        }
    }

    /// The largest certified distance after k sweeps. Falls with k.
    fn distance(&self, terms: &Terms<T>, k: u32) -> T {
        let Self { epsilon, taus: [row, _], start, .. } = *self;
        let &Terms { sigma, entropy, rate, first, drift, low, high } = terms;
        let (zero, one, two) = (T::ZERO, T::ONE, T::from_count(2));
        let [four, eight] = [4, 8].map(T::from_count);
        let sweeps = T::from_count(k as usize);
        let osc = start * (-rate * (sweeps - one)).exp_once();
        let slower = (two * rate).smaller(four.ln_once());
        let d = first * (-eight.ln_once() * (sweeps - one)).exp_once()
            + drift * (-slower * (sweeps - two)).exp_once();
        let delta = epsilon * entropy + row * osc * osc / eight;

        let [v, u] = [epsilon, row * d].map(|x| x / (sigma + epsilon));
        let top = high + delta / sigma;
        // 2 e^L KL(e^w | 1) <= e^L w^2 max(1, e^w) with |w| <= v |L| + u: where L = -x is not positive it
        // is largest at a peak or at the end next to that, else at the upper end.
        let ends = [zero.larger(-top), zero.larger(-low)];
        let peak = two / (one - v) - u / v;
        let [nearest, farthest] = ends;
        let x = peak.smaller(farthest).larger(nearest);
        let below = v * x + u;
        let mut mass = (u - (one - v) * x).exp_once() * below * below;
        if top > zero {
            let above = v * top + u;
            mass = mass.larger((top + u).exp_once() * above * above);
        }
        delta * ((one - v) * top + u).exp_once() + sigma * mass / two
    }
}
