//! Loops over the rows of a factored kernel, and over one column of its factorisation.

use super::Precision;
use super::instructions::at_each_level;
use super::level::{Level, Set};

use crate::math::{Elementary, LANES, reduce};
use crate::real::Real;
use crate::work::{cut, padded};

/// sum_k x_k y_k in lanes.
#[inline(always)]
fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let ((xs, x), (ys, y)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in xs.iter().zip(ys) {
        for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
        *lane += x * y;
    }
    reduce(lanes)
}

at_each_level! {
    /// Products of four rows with one vector.
    fn factor_dots<P>(rows: [&[P::Cost]; 4], vector: &[P::Cost], out: &mut [P::Cost; 4]) {
        for (out, row) in out.iter_mut().zip(rows) {
            *out = dot(row, vector);
        }
    }
}

at_each_level! {
    /// total += sum of four weighted rows.
    fn factor_add<P>(weights: &[P::Cost; 4], rows: [&[P::Cost]; 4], total: &mut [P::Cost]) {
        let [w0, w1, w2, w3] = *weights;
        let [r0, r1, r2, r3] = rows;
        let rows = r0.iter().zip(r1).zip(r2).zip(r3);
        for (total, (((&e0, &e1), &e2), &e3)) in total.iter_mut().zip(rows) {
            *total = (((*total + w0 * e0) + w1 * e1) + w2 * e2) + w3 * e3;
        }
    }
}

at_each_level! {
    /// Squared distances become entries of the kernel, exp(-c / epsilon), `scale` = log2(e) / epsilon.
    fn gaussian<P>(scale: P::Cost, values: &mut [P::Cost]) {
        for value in values {
            *value = (-*value * scale).exp2();
        }
    }
}

at_each_level! {
    /// Column k of a Cholesky factor with rows of `stride` ([stride, k]), from that of the matrix: g_ik = (kernel_i - g_i . g_p) / root,
    /// `pivot` being the row of the pivot up to its entry k, which is zero from there on, as
    /// the rows are. What is left of the
    /// diagonal loses the squares.
    fn pivot_column<P>(
        rows: &mut [P::Cost],
        shape: [usize; 2],
        pivot: &[P::Cost],
        root: P::Cost,
        kernel: &[P::Cost],
        diagonal: &mut [P::Cost],
    ) {
        let (mut rest, [stride, k]) = (rows, shape);
        for (&entry, left) in kernel.iter().zip(diagonal) {
            let Some(row) = cut(&mut rest, stride) else { return };
            let value = (entry - dot(row.get(..padded(k)).unwrap_or(&[]), pivot)) / root;
            if let Some(slot) = row.get_mut(k) {
                *slot = value;
            }
            *left += -(value * value);
        }
    }
}
