//! Sums whose order is part of the library's contract.

use crate::real::Real;

/// Number of partial sums of every dot product and row sum. A constant of the library: a machine
/// with narrower registers adds the same numbers in the same order.
pub(crate) const LANES: usize = 16;

/// Sum of f(x) over the slice in [`LANES`] partial sums, reduced by halving.
#[inline(always)]
pub(crate) fn sum_in_lanes<S: Copy, T: Real>(values: &[S], f: impl Fn(S) -> T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += f(x);
    }
    reduce(lanes)
}

/// The partial sums added as a tree: 16 -> 8 -> 4 -> 2 -> 1.
#[inline(always)]
pub(crate) fn reduce<T: Real>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        if let Some((low, high)) = lanes.split_at_mut_checked(width) {
            for (l, &h) in low.iter_mut().zip(high.iter()) {
                *l += h;
            }
        }
        width /= 2;
    }
    let [first, ..] = lanes;
    first
}

/// A running sum with its rounding error carried along (Neumaier): the error of the result is
/// about one rounding, whatever the number of terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compensated<T> {
    sum: T,
    error: T,
}

impl<T: Real> Compensated<T> {
    pub(crate) const fn new() -> Self {
        Self { sum: T::ZERO, error: T::ZERO }
    }

    /// Adds one term.
    #[inline(always)]
    pub(crate) fn add(&mut self, x: T) {
        let sum = self.sum + x;
        let (large, small) = if self.sum.abs() >= x.abs() { (self.sum, x) } else { (x, self.sum) };
        self.error += (large - sum) + small;
        self.sum = sum;
    }

    /// The sum. Infinite or NaN terms give an infinite or NaN sum.
    pub(crate) fn value(self) -> T {
        let value = self.sum + self.error;
        if self.sum.is_finite() { value } else { self.sum }
    }
}
