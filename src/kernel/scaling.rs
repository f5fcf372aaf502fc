//! Loops over rows of a kernel that is kept in memory. Rows and vectors are padded with zeros to whole
//! [`LANES`], so there are no remainders.

use super::Precision;
use super::instructions::{self, Instructions, at_each_level};
use super::lane::Lane;
use super::level::{Level, Set};
use crate::math::{Elementary, LANES};
use crate::real::Real;

at_each_level! {
    /// out_i = exp((to_i - from_i) / epsilon) with `scale` = log2(e) / epsilon, exactly 0 where `to` is
    /// minus infinity.
    fn factors<P, I>(
        scale: P::Potential,
        from: &[P::Potential],
        to: &[P::Potential],
        out: &mut [P::Sum],
    ) {
        for ((out, &from), &to) in out.iter_mut().zip(from).zip(to) {
            let value = P::narrow((to - from) * scale).exp2_by(I::multiply_add);
            *out = if to > P::Potential::NEG_INFINITY { value } else { P::Sum::ZERO };
        }
    }
}

/// out_i = sum_j x_ij v_j for [`LANES`] rows, one behind the other.
#[inline]
pub(crate) fn rows_dot<P: Precision>(
    level: Level,
    x: &[P::Sum],
    v: &[P::Sum],
    out: &mut [P::Sum; LANES],
) {
    P::Sum::dots(level, x, v, out);
}

at_each_level! {
    /// total_j += sum_i weights_i x_ij of rows one behind the other, in their order; four at a time, of
    /// which there are whole ones.
    fn add_kept<P, I>(weights: &[P::Sum], x: &[P::Sum], total: &mut [P::Sum]) {
        let stride = total.len();
        let mut rest = x;
        for &[w0, w1, w2, w3] in weights.as_chunks().0 {
            let (x0, x) = rest.split_at_checked(stride).unwrap_or_default();
            let (x1, x) = x.split_at_checked(stride).unwrap_or_default();
            let (x2, x) = x.split_at_checked(stride).unwrap_or_default();
            let (x3, x) = x.split_at_checked(stride).unwrap_or_default();
            rest = x;
            // (Plain rows: of chunks the compiler makes gathers and scatters.)
            let rows = x0.iter().zip(x1).zip(x2).zip(x3);
            for (total, (((&x0, &x1), &x2), &x3)) in total.iter_mut().zip(rows) {
                let two = I::multiply_add(w1, x1, I::multiply_add(w0, x0, *total));
                *total = I::multiply_add(w3, x3, I::multiply_add(w2, x2, two));
            }
        }
    }
}
