//! The formulas, as functions of a few numbers of a problem.

use crate::math::Elementary;
use crate::real::Real;

/// By which formula epsilon is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Formula {
    /// target / (2 S), S the slack of the entropy of all plans of the problem: beta log n for one exact
    /// side of mass beta and n points on the other, log(n m) for unit mass. The entropy takes at most half
    /// of the target.
    #[default]
    Slack = 0,
    /// target / (3 max(1, log(n m) / 2)), one formula for all problems of unit mass.
    Uniform = 1,
    /// That of the papers, for one tau and unit mass; see [the module](super).
    Paper = 2,
}

/// Where a bound on the iterations comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Source {
    /// There is none.
    #[default]
    None = 0,
    /// Proved in the documentation of this module.
    Proved = 1,
    /// The code of a paper's authors; its proof was not published with it.
    Code = 2,
    /// A theorem of a paper.
    Paper = 3,
}

/// What the formulas depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size<T> {
    /// Positive weights of both sides.
    pub(super) counts: [usize; 2],
    /// Sums of the weights.
    pub(super) masses: [T; 2],
    /// The largest |log w| of each side.
    pub(super) logs: [T; 2],
    /// The largest |C|, and max C - min C; infinite with forbidden pairs.
    pub(super) cost: T,
    pub(super) range: T,
    pub(super) tau: T,
}

impl<T: Elementary> Size<T> {
    fn log_count(count: usize) -> T {
        T::from_count(count.max(1)).ln_once()
    }

    /// max(1, log(n m) / 2), which stands for log n.
    pub(super) fn log_n(&self) -> T {
        let [n, m] = self.counts.map(Self::log_count);
        T::ONE.larger((n + m) * T::HALF)
    }

    /// R of the papers, at an epsilon.
    fn radius(&self, epsilon: T) -> T {
        let [n, m] = self.counts;
        let [a, b] = self.logs;
        let logs =
            Self::log_count(n.max(m)).larger(self.cost / epsilon - Self::log_count(n.min(m)));
        a.larger(b) + logs
    }

    pub(super) fn uniform_epsilon(&self, target: T) -> T {
        target / (T::from_count(3) * self.log_n())
    }

    /// Epsilon and half sweeps of the semi-relaxed problem.
    pub(super) fn semi_relaxed_paper(&self, target: T) -> (T, T) {
        let (log_n, tau) = (self.log_n(), self.tau);
        let [two, three, eight] = [2, 3, 8].map(T::from_count);
        let eta = target / (three * log_n).larger(target / tau);
        let r = self.radius(eta);
        let wide = two * tau + eta;
        let first = (eight * r * wide / (three * eta)).ln_once() / contraction(eta, tau);
        let inner = two * (eta + tau) + three * r * wide;
        let argument = (three * tau * r / eta) * (inner / eta) / log_n;
        let second = (T::ONE + tau / eta) * argument.ln_once();
        (eta, T::ONE + two * first.larger(second))
    }

    /// Epsilon and half sweeps of the robust problem.
    pub(super) fn robust_paper(&self, target: T) -> (T, T) {
        let (log_n, tau, one) = (self.log_n(), self.tau, T::ONE);
        let [two, three, four, five, eight] = [2, 3, 4, 5, 8].map(T::from_count);
        let u = (three * (tau + two) / (four * (tau + one)) + two * log_n)
            .larger(two * target)
            .larger(five * target * log_n / tau);
        let eta = target / u;
        // epsilon U / target = 1.
        let argument = eight * self.radius(eta) * tau * (tau + one);
        (eta, one + (tau / eta + one) * argument.larger(one).ln_once())
    }

    /// Epsilon and half sweeps of the unbalanced problem.
    pub(super) fn unbalanced_paper(&self, target: T) -> (T, T) {
        let (log_n, tau, one) = (self.log_n(), self.tau, T::ONE);
        let [two, three, four, five, eight] = [2, 3, 4, 5, 8].map(T::from_count);
        let [alpha, beta] = self.masses;
        let (sum, half) = (alpha + beta, (alpha + beta) * T::HALF);
        let s = half + T::HALF + one / (four * log_n);
        let t = half * (half.ln_once() + two * log_n - one) + log_n + five * T::HALF;
        let u = (s + t)
            .larger(two * target)
            .larger(four * target * log_n / tau)
            .larger(four * target * sum * log_n / tau);
        let eta = target / u;
        let logs = (eight * eta * self.radius(eta)).ln_once()
            + (tau * (tau + one)).ln_once()
            + three * (u / target).ln_once();
        (eta, one + (tau * u / target + one) * logs.larger(T::ZERO))
    }

    /// Epsilon of a barycenter.
    #[cfg(feature = "barycenter")]
    pub(super) fn barycenter_paper(&self, target: T) -> T {
        let log_n = self.log_n();
        let [two, three] = [2, 3].map(T::from_count);
        let u = (two + two * log_n).larger(two * target).larger(three * target * log_n / self.tau);
        target / u
    }
}

impl<T: Elementary> Size<T> {
    /// See [`super::Parameters::smallest_target`]. Slack of the entropy per unit of epsilon, mass, and how far
    /// the constants of the potentials may lie from the costs.
    pub(super) fn smallest_target(&self, [slack, mass, shift]: [T; 3], roundoff: T) -> T {
        // A few potentials and a cost make an exponent.
        let size = T::from_count(3) * self.cost + shift;
        let values = T::from_count(32) * roundoff * size * mass;
        // The gap of potentials that are 8 roundings off at epsilon = target / (2 S), tau mass / 8 (8
        // roundoff size / epsilon)^2, is a quarter of the target where target^3 is this.
        let off = roundoff * size * slack;
        let cube = T::from_count(128) * self.tau * mass * off * off;
        let root =
            if cube > T::ZERO { (cube.ln_once() / T::from_count(3)).exp_once() } else { cube };
        values.larger(root)
    }
}

/// A lower bound of log(1 + epsilon / tau), by which a sweep contracts: 2 x / (2 + x), which is off by less
/// than x^3 / 12 and does not lose digits at small x.
pub(super) fn contraction<T: Real>(epsilon: T, tau: T) -> T {
    let x = epsilon / tau;
    let two = T::from_count(2);
    two * x / (two + x)
}

/// Sweeps after which weight / 8 (start e^(-rate (k - 1)))^2 is at most `allowed`; none if there is nothing
/// to wait for or no bound.
pub(super) fn sweeps<T: Elementary>(rate: T, start: T, weight: T, allowed: T) -> Option<u64> {
    let exists = allowed > T::ZERO && rate > T::ZERO && start.is_finite() && weight.is_finite();
    if !exists {
        return None;
    }
    let first = weight / (T::from_count(8) * allowed);
    let logs = start.ln_once() + T::HALF * first.ln_once();
    // A cost without range converges at once: its logarithm is minus infinity.
    let more = if logs > T::ZERO { logs / rate } else { T::ZERO };
    whole(more).map(|more| more.saturating_add(1))
}

/// The least whole number that is not below x, with room for the rounding of x; none if there is none.
pub(super) fn whole<T: Real>(x: T) -> Option<u64> {
    let above = x * (T::ONE + T::ROUNDOFF * T::from_count(64));
    if above >= T::ZERO && above.is_finite() {
        Some(above.to_count().saturating_add(1))
    } else {
        None
    }
}
