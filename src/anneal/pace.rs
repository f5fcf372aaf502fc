//! How fast sweeps bring a residual down, and whether Newton's method would be faster.

use crate::math::Elementary;
use crate::real::Real;

/// Sweeps over which a rate is taken: a power of two, whose root is two square roots.
const WINDOW: usize = 4;
/// What the steps of Newton's method take besides products with their matrices, in sweeps: about three
/// steps, each with a plan of its own, two measurements and a plain sweep.
const STEPS: usize = 18;

/// The latest residuals, the oldest first.
pub(super) struct Pace<T> {
    seen: [T; WINDOW],
}

impl<T: Real + Elementary> Pace<T> {
    pub(super) fn new() -> Self {
        Self { seen: [T::INFINITY; WINDOW] }
    }

    /// Whether Newton's method is likely to bring `residual` to `target` sooner than sweeps. Takes the
    /// residual in.
    ///
    /// Sweeps multiply a residual by q each, and need ln(residual / target) / ln(1 / q) more. The matrix
    /// of Newton's method has the condition 1 / (1 - q), so conjugate gradients need about half the root
    /// of that for each power of e, whatever the number of steps they are shared among. Sweeps that are
    /// over-relaxed by the best factor would come to as many, but need that factor, and do not converge
    /// everywhere.
    pub(super) fn newton_pays(&mut self, residual: T, target: T) -> bool {
        let [oldest, older, old, last] = self.seen;
        self.seen = [older, old, last, residual];
        if !oldest.is_finite() {
            return false;
        }
        let rate = Elementary::sqrt(Elementary::sqrt(residual / oldest));
        let falls = rate < T::ONE;
        if !falls {
            return true;
        }
        let powers = (residual / target).ln_once();
        let sweeps = powers / -rate.ln_once();
        let products = powers * T::HALF / Elementary::sqrt(T::ONE - rate);
        sweeps > products + T::from_count(STEPS)
    }
}
