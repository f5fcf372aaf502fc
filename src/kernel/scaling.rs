//! Loops over rows of a kernel that is kept in memory. Rows and vectors are padded with zeros to whole
//! [`LANES`], so there are no remainders.

use super::Precision;
use super::level::{Level, Set};
use super::rows::at_each_level;
use crate::math::{Elementary, LANES, reduce};
use crate::real::Real;

at_each_level! {
    /// out_i = exp((to_i - from_i) / epsilon) with `scale` = log2(e) / epsilon, exactly 0 where `to` is
    /// minus infinity.
    fn factors<P>(
        scale: P::Potential,
        from: &[P::Potential],
        to: &[P::Potential],
        out: &mut [P::Sum],
    ) {
        for ((out, &from), &to) in out.iter_mut().zip(from).zip(to) {
            let value = P::narrow((to - from) * scale).exp2();
            *out = if to > P::Potential::NEG_INFINITY { value } else { P::Sum::ZERO };
        }
    }
}

at_each_level! {
    /// out_i = sum_j x_ij v_j for as many rows as there are, one behind the other.
    fn rows_dot<P>(x: &[P::Sum], v: &[P::Sum], out: &mut [P::Sum; LANES]) {
        for (out, x) in out.iter_mut().zip(x.chunks_exact(v.len().max(1))) {
            *out = row_dot(x, v);
        }
    }
}

/// sum_j x_j v_j. (Of one row: several rows at once are taken apart and put together again by the
/// compiler.)
#[inline(always)]
fn row_dot<T: Real>(x: &[T], v: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (x, v) = (x.as_chunks::<LANES>().0, v.as_chunks::<LANES>().0);
    for (x, v) in x.iter().zip(v) {
        let mut products = *x;
        for (product, &v) in products.iter_mut().zip(v) {
            *product = *product * v;
        }
        for (lane, &product) in lanes.iter_mut().zip(&products) {
            *lane += product;
        }
    }
    reduce(lanes)
}

at_each_level! {
    /// total_j += sum_i weights_i x_ij of rows one behind the other, in their order; four at a time, of
    /// which there are whole ones.
    fn add_kept<P>(weights: &[P::Sum], x: &[P::Sum], total: &mut [P::Sum]) {
        let stride = total.len().max(1);
        let fours = x.chunks_exact(stride.saturating_mul(4));
        for (&[w0, w1, w2, w3], x) in weights.as_chunks().0.iter().zip(fours) {
            let (x0, x) = x.split_at_checked(stride).unwrap_or_default();
            let (x1, x) = x.split_at_checked(stride).unwrap_or_default();
            let (x2, x3) = x.split_at_checked(stride).unwrap_or_default();
            let rows = x0.iter().zip(x1).zip(x2).zip(x3);
            for (total, (((&x0, &x1), &x2), &x3)) in total.iter_mut().zip(rows) {
                *total = (((*total + w0 * x0) + w1 * x1) + w2 * x2) + w3 * x3;
            }
        }
    }
}
