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
        // (Chunks of a length that only the caller knows to be positive leave a division by zero.)
        let mut rest = x;
        for out in out.iter_mut() {
            let (x, others) = rest.split_at_checked(v.len()).unwrap_or_default();
            *out = row_dot(x, v);
            rest = others;
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
        let stride = total.len();
        let mut rest = x;
        for &[w0, w1, w2, w3] in weights.as_chunks().0 {
            let (x0, x) = rest.split_at_checked(stride).unwrap_or_default();
            let (x1, x) = x.split_at_checked(stride).unwrap_or_default();
            let (x2, x) = x.split_at_checked(stride).unwrap_or_default();
            let (x3, x) = x.split_at_checked(stride).unwrap_or_default();
            rest = x;
            let rows = x0.iter().zip(x1).zip(x2).zip(x3);
            for (total, (((&x0, &x1), &x2), &x3)) in total.iter_mut().zip(rows) {
                *total = (((*total + w0 * x0) + w1 * x1) + w2 * x2) + w3 * x3;
            }
        }
    }
}
