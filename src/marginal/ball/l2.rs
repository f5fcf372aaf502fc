//! The marginal inside an L2 ball: |p - w|^2 <= radius2.

use super::Input;
use super::search::{Limits, Measured, search};
use crate::kernel::{L2Point, L2Sums, Precision, l2_peak, l2_sums};
use crate::marginal::Ball;
use crate::math::Elementary;
use crate::real::Real;

/// Evaluations of one search for the multiplier of the sum.
const TRIES: usize = 60;

/// alpha log p + beta p = t + beta w - c with the multipliers beta = 2 lambda of the ball and c of
/// the sum.
struct Prox<'a, P: Precision> {
    input: Input<'a, P>,
    t: &'a [P::Potential],
    /// c less its anchor, from one search to the next.
    offset: f64,
}

impl<P: Precision> Prox<'_, P> {
    /// The c at which the marginal sums to 1, with the sums there. Since 1/n <= max p <= 1, it lies
    /// between peak - beta and peak + alpha log n - beta / n, with peak = max (t + beta w).
    fn settle(&mut self, beta: f64) -> (L2Point, L2Sums) {
        let Input { level, factor, alpha, weights, .. } = self.input;
        let peak = l2_peak::<P>(level, factor, beta, self.t, weights);
        let n = self.t.len() as f64;
        // Counted from here c has the size of the potentials; from its lower bound that of beta,
        // whose rounding is that much larger.
        let anchor = peak - beta / n;
        let (mut low, mut high) = (beta / n - beta, alpha * n.ln_once());
        let mut offset = self.offset.larger(low).smaller(high);
        let mut found = (L2Point::new(factor, alpha, beta, anchor), L2Sums::default());
        for _ in 0..TRIES {
            let at = L2Point::new(factor, alpha, beta, anchor + offset);
            let sums = l2_sums::<P>(level, at, self.t, weights);
            found = (at, sums);
            self.offset = offset;
            let excess = sums.mass.ln_once();
            // What the rounding of c alone does to the logarithm of the sum.
            let rate = sums.slope / sums.mass;
            let close = f64::EPSILON * (4.0 + rate * (peak.abs() + beta / n + offset.abs()));
            if excess > 0.0 {
                low = offset;
            } else {
                high = offset;
            }
            if excess.abs() <= close || high <= low {
                break;
            }
            // Newton's method on the sum from above, on its logarithm from below and without a
            // ball, where that is linear: neither passes the root by much.
            let above = excess > 0.0 && beta > 0.0;
            let newton =
                offset + if above { (1.0 - 1.0 / sums.mass) / rate } else { excess / rate };
            let inside = newton > low && newton < high;
            let next = if inside || beta == 0.0 { newton } else { 0.5 * (low + high) };
            if !(next - offset).is_finite() || (next - offset).abs() <= f64::EPSILON * offset.abs()
            {
                break;
            }
            offset = next;
        }
        found
    }
}

/// The multipliers that t leads to; they are left in `ball`.
pub(super) fn find<P: Precision>(
    input: Input<'_, P>,
    (radius2, limits): (f64, Limits),
    t: &[P::Potential],
    ball: &mut Ball,
) -> L2Point {
    let mut prox = Prox { input, t, offset: ball.offset };
    let beta = search(radius2, 2.0 * ball.multiplier, limits, |beta| {
        let (_, sums) = prox.settle(beta);
        // The variance of d under the weights s, times twice their sum.
        let mean = sums.slope_d / sums.slope;
        let slope = -2.0 * (sums.slope_dd - sums.slope_d * mean);
        Measured { distance: sums.distance2, slope }
    });
    let (at, _) = prox.settle(beta);
    (ball.multiplier, ball.offset) = (0.5 * beta, prox.offset);
    at
}
