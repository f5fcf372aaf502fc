//! Loops over rows of a kernel that is kept in memory. Rows and vectors are padded with zeros to whole
//! [`LANES`], so there are no remainders.

use super::Precision;
use super::instructions::{self, Instructions, at_each_level};
use super::lane::{Lane, prefetch};
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
    /// which there are whole ones. Rows `ahead` are asked for on the way: the memory rests while rows
    /// that lie in the cache are added.
    fn add_kept<P, I>(
        weights: &[P::Sum],
        x: &[P::Sum],
        ahead: &[P::Sum],
        total: &mut [P::Sum],
    ) {
        let stride = total.len();
        let (mut rest, mut ahead) = (x, ahead);
        for weights in weights.as_chunks().0 {
            let (rows, x) = rest.split_at_checked(4 * stride).unwrap_or_default();
            rest = x;
            let (next, x) = ahead.split_at_checked(4 * stride).unwrap_or_default();
            ahead = x;
            if next.is_empty() {
                add_four_kept::<P, I>(weights, rows, |_, _| {}, total);
            } else {
                add_four_kept::<P, I>(weights, rows, |row, at| prefetch(next, row * stride + at), total);
            }
        }
    }
}

/// Four rows of [`add_kept`]. `look` is told the row and the place of every 64 bytes.
#[inline(always)]
fn add_four_kept<P: Precision, I: Instructions>(
    &[w0, w1, w2, w3]: &[P::Sum; 4],
    rows: &[P::Sum],
    look: impl Fn(usize, usize),
    total: &mut [P::Sum],
) {
    let stride = total.len();
    let line = 64 / size_of::<P::Sum>();
    let (x0, x) = rows.split_at_checked(stride).unwrap_or_default();
    let (x1, x) = x.split_at_checked(stride).unwrap_or_default();
    let (x2, x3) = x.split_at_checked(stride).unwrap_or_default();
    let [x0, x1, x2, x3] = [x0, x1, x2, x3].map(|x| x.as_chunks::<LANES>().0);
    let totals = total.as_chunks_mut::<LANES>().0;
    let rows = x0.iter().zip(x1).zip(x2).zip(x3);
    for (k, (total, (((x0, x1), x2), x3))) in totals.iter_mut().zip(rows).enumerate() {
        for row in 0..4 {
            for part in 0..LANES / line {
                look(row, k * LANES + part * line);
            }
        }
        let rows = x0.iter().zip(x1).zip(x2).zip(x3);
        for (total, (((&x0, &x1), &x2), &x3)) in total.iter_mut().zip(rows) {
            let two = I::multiply_add(w1, x1, I::multiply_add(w0, x0, *total));
            *total = I::multiply_add(w3, x3, I::multiply_add(w2, x2, two));
        }
    }
}
