//! Dense linear algebra in the caller's memory. Everything runs along rows, across outputs: no sum
//! changes its order with the instruction set.

use super::Precision;
use super::instructions::at_each_level;
use super::level::{Level, Set};
use super::tiles::Tiled;
use crate::math::{LANES, reduce, sum_in_lanes};
use crate::real::Real;

/// Rows that a factorisation or a product takes at a time: a constant of the library.
pub(crate) const PANEL: usize = 64;

at_each_level! {
    /// sum_j x_j v_j of two slices of equal length.
    fn weighted_sum<P>(x: &[P::Sum], v: &[P::Potential]) -> P::Potential {
        let mut lanes = [P::Potential::ZERO; LANES];
        let (mut left, mut right) = (x.chunks_exact(LANES), v.chunks_exact(LANES));
        for (x, v) in (&mut left).zip(&mut right) {
            for ((lane, &x), &v) in lanes.iter_mut().zip(x).zip(v) {
                *lane += P::Potential::from(x) * v;
            }
        }
        for ((lane, &x), &v) in lanes.iter_mut().zip(left.remainder()).zip(right.remainder()) {
            *lane += P::Potential::from(x) * v;
        }
        reduce(lanes)
    }
}

at_each_level! {
    /// sum_j x_j, in the order of a row's sum in a sweep but in the precision of potentials.
    fn entry_sum<P>(x: &[P::Sum]) -> P::Potential {
        sum_in_lanes(x, P::Potential::from)
    }
}

at_each_level! {
    /// out_j += weight * x_j.
    fn add_entries<P>(weight: P::Potential, x: &[P::Sum], out: &mut [P::Potential]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out += weight * P::Potential::from(x);
        }
    }
}

at_each_level! {
    /// out_j += x_j y_j.
    fn add_products<P>(x: &[P::Sum], y: &[P::Potential], out: &mut [P::Potential]) {
        for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
            *out += P::Potential::from(x) * y;
        }
    }
}

/// What a row of a gradient has in common.
#[derive(Clone, Copy)]
pub(crate) struct GradientRow<T> {
    /// Adjoint and counting potential of the row.
    pub(crate) u: T,
    pub(crate) f: T,
    /// What the plan's cotangent loses, and its factor.
    pub(crate) mean: T,
    pub(crate) scale: T,
    /// 1 / epsilon, and the same or 0 for the part that comes from the linear system.
    pub(crate) rate: T,
    pub(crate) implicit: T,
    /// Cotangents of optimal value and transport cost.
    pub(crate) value: T,
    pub(crate) transport: T,
}

at_each_level! {
    /// Turns a row of the plan's cotangent into one of the cost's gradient,
    /// implicit x (u + v - (seen - mean) scale) + value x + transport x, and writes it without the
    /// last term to `indirect`. Returns the sums of that and of its product with log x.
    fn gradient_row<P>(
        row: GradientRow<P::Potential>,
        x: &[P::Sum],
        cost: &[P::Cost],
        columns: [&[P::Potential]; 2],
        seen: &mut [P::Potential],
        indirect: &mut [P::Potential],
    ) -> [P::Potential; 2] {
        let [g, v] = columns;
        let mut lanes = [[P::Potential::ZERO; LANES]; 2];
        let mut add = |x: &[P::Sum], c: &[P::Cost], g: &[P::Potential], v: &[P::Potential],
                       seen: &mut [P::Potential], indirect: &mut [P::Potential]| {
            let [sums, slopes] = &mut lanes;
            let entries = x.iter().zip(c).zip(g.iter().zip(v));
            let places = seen.iter_mut().zip(indirect).zip(sums.iter_mut().zip(slopes));
            for (((&x, &c), (&g, &v)), ((seen, indirect), (sum, slope))) in entries.zip(places) {
                let mass = P::Potential::from(x);
                let part = mass * ((row.u + v) - (*seen - row.mean) * row.scale) * row.implicit;
                let all = part + row.value * mass;
                // No mass, no logarithm: it may be infinite.
                let log = ((g - P::widen(c)) + row.f) * row.rate;
                let log = if x > P::Sum::ZERO { log } else { P::Potential::ZERO };
                *indirect = all;
                *seen = all + row.transport * mass;
                *sum += all;
                *slope += all * log;
            }
        };
        let (mut xs, mut cs) = (x.chunks(LANES), cost.chunks(LANES));
        let (mut gs, mut vs) = (g.chunks(LANES), v.chunks(LANES));
        let (mut ss, mut is) = (seen.chunks_mut(LANES), indirect.chunks_mut(LANES));
        while let (Some(x), Some(c), Some(g), Some(v), Some(s), Some(i)) =
            (xs.next(), cs.next(), gs.next(), vs.next(), ss.next(), is.next())
        {
            add(x, c, g, v, s, i);
        }
        lanes.map(reduce)
    }
}

at_each_level! {
    /// sum_j x_j y_j of two slices of equal length.
    fn dot_potentials<P>(x: &[P::Potential], y: &[P::Potential]) -> P::Potential {
        let mut lanes = [P::Potential::ZERO; LANES];
        let (mut left, mut right) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        for (x, y) in (&mut left).zip(&mut right) {
            for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                *lane += x * y;
            }
        }
        for ((lane, &x), &y) in lanes.iter_mut().zip(left.remainder()).zip(right.remainder()) {
            *lane += x * y;
        }
        reduce(lanes)
    }
}

at_each_level! {
    /// out_j += weight * x_j.
    fn add_scaled<P>(weight: P::Potential, x: &[P::Potential], out: &mut [P::Potential]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out += weight * x;
        }
    }
}

/// See [`Tiled::subtract_product`].
pub(crate) fn subtract_product<P: Precision>(
    level: Level,
    square: &mut [P::Potential],
    panel: &[P::Potential],
    stride: usize,
    first: usize,
) {
    P::Potential::subtract_product(level, square, panel, stride, first);
}

/// Factors a symmetric positive definite matrix of order n, K = U^T U, in place; only the upper
/// triangle is read. `square` holds n rows of `stride`, a multiple of 16; the columns behind the n-th
/// are zero. False if K is not positive definite to rounding.
pub(crate) fn cholesky<P: Precision>(
    level: Level,
    square: &mut [P::Potential],
    stride: usize,
    n: usize,
) -> bool {
    let (mut first, stride) = (0, stride.max(1));
    let mut rest = square.get_mut(..n * stride).unwrap_or(&mut []);
    while first < n {
        let height = PANEL.min(n - first);
        let (panel, below) = rest.split_at_mut_checked(height * stride).unwrap_or_default();
        if !cholesky_panel::<P>(level, panel, stride, first) {
            return false;
        }
        first += height;
        subtract_product::<P>(level, below, panel, stride, first);
        rest = below;
    }
    true
}

at_each_level! {
    /// The rows of U from those of K, which have lost the products of all rows of U above.
    fn cholesky_panel<P>(panel: &mut [P::Potential], stride: usize, first: usize) -> bool {
        let stride = stride.max(1);
        for k in 0..PANEL {
            let (above, row) = match panel.split_at_mut_checked(k * stride) {
                Some((above, row)) if !row.is_empty() => (above, row),
                _ => break,
            };
            let Some(row) = row.get_mut(first + k..stride) else {
                return false;
            };
            for above in above.chunks_exact(stride) {
                let above = above.get(first + k..).unwrap_or(&[]);
                let weight = above.first().copied().unwrap_or(P::Potential::ZERO);
                for (out, &x) in row.iter_mut().zip(above) {
                    *out += -(weight * x);
                }
            }
            let pivot = row.first().copied().unwrap_or(P::Potential::ZERO);
            if !(pivot > P::Potential::ZERO && pivot.is_finite()) {
                return false;
            }
            let root = P::Potential::ONE / crate::math::Elementary::sqrt(pivot);
            for out in row {
                *out = *out * root;
            }
        }
        true
    }
}

/// Solves U^T U x = b in place, with the factor of [`cholesky`].
pub(crate) fn cholesky_solve<P: Precision>(
    level: Level,
    square: &[P::Potential],
    stride: usize,
    x: &mut [P::Potential],
) {
    let stride = stride.max(1);
    for (k, row) in square.chunks_exact(stride).enumerate() {
        let (Some(row), Some((x, rest))) =
            (row.get(k..), x.get_mut(k..).and_then(<[_]>::split_first_mut))
        else {
            break;
        };
        let Some((&pivot, row)) = row.split_first() else { break };
        *x = *x / pivot;
        add_scaled::<P>(level, -*x, row, rest);
    }
    for k in (0..x.len()).rev() {
        let row = square.get(k * stride..).and_then(|rows| rows.get(k..stride));
        let (Some(row), Some((x, rest))) = (row, x.get_mut(k..).and_then(<[_]>::split_first_mut))
        else {
            break;
        };
        let Some((&pivot, row)) = row.split_first() else { break };
        let row = row.get(..rest.len()).unwrap_or(&[]);
        *x = (*x - dot_potentials::<P>(level, row, rest)) / pivot;
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::work::padded;

    fn numbers(count: usize) -> Vec<f64> {
        let mut seed = 7u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f64 / 16_777_216.0 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    /// A^T A + I from random numbers, by plain loops; solved and multiplied back. Every level gives
    /// the same bits.
    #[test]
    fn factors_solve_their_matrix() {
        for n in [1, 2, 3, 4, 7, 16, 17, 63, 64, 65, 130] {
            let a = numbers(n * n);
            let entry = |i: usize, j: usize| {
                let sum: f64 = (0..n).map(|k| a[k * n + i] * a[k * n + j]).sum();
                if i == j { sum + 1.0 } else { sum }
            };
            let stride = padded(n);
            let b = numbers(n);
            let mut found: Vec<Vec<f64>> = Vec::new();
            for level in Level::available() {
                // Twice the matrix less the identity, from which a panel takes A^T A.
                let mut square = vec![0.0; stride * stride];
                for i in 0..n {
                    for j in 0..n {
                        square[i * stride + j] = 2.0 * entry(i, j) - f64::from(u8::from(i == j));
                    }
                }
                let mut panel = vec![0.0; n * stride];
                for k in 0..n {
                    panel[k * stride..k * stride + n].copy_from_slice(&a[k * n..k * n + n]);
                }
                subtract_product::<f64>(level, &mut square, &panel, stride, 0);
                assert!(cholesky::<f64>(level, &mut square, stride, n));
                let mut x = b.clone();
                cholesky_solve::<f64>(level, &square, stride, &mut x);
                for (i, b) in b.iter().enumerate() {
                    let back: f64 = (0..n).map(|j| entry(i, j) * x[j]).sum();
                    assert!((back - b).abs() < 1e-11, "{n}: {back} {b}");
                }
                found.push(x);
            }
            let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert!(found.iter().all(|x| bits(x) == bits(&found[0])));
        }
    }

    #[test]
    fn indefinite_matrices_are_refused() {
        let mut square = vec![0.0; 32 * 16];
        for (i, pivot) in [1.0, 2.0, -1e-3].into_iter().enumerate() {
            square[i * 16 + i] = pivot;
        }
        assert!(!cholesky::<f64>(Level::PORTABLE, &mut square, 16, 3));
        square[34] = f64::NAN;
        assert!(!cholesky::<f64>(Level::PORTABLE, &mut square, 16, 3));
    }
}
