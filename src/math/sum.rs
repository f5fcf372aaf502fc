//! Sums whose order is part of the library's contract.

use crate::real::Real;

/// Number of partial sums of every dot product and row sum. A constant of the library: a machine
/// with narrower registers adds the same numbers in the same order.
pub(crate) const LANES: usize = 16;

/// Sum of f(x) over the slice in [`LANES`] partial sums, reduced by halving.
#[inline(always)]
pub(crate) fn sum_in_lanes<S: Copy, T: Real>(values: &[S], f: impl Fn(S) -> T) -> T {
    if super::SMALL {
        return sum_by_lanes(|k| values.get(k).map(|&x| f(x)));
    }
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

/// The same sum of the values themselves, as a call: one copy where flash counts.
#[inline(never)]
pub(crate) fn sum_once<T: Real>(values: &[T]) -> T {
    sum_in_lanes(values, |x| x)
}

/// The same sum of the terms 0, 1, ... up to the first `None`, one lane after another in the order in
/// which the tree needs them: four partial sums at a time instead of [`LANES`], where stack counts.
#[inline(always)]
pub(crate) fn sum_by_lanes<T: Real>(term: impl Fn(usize) -> Option<T>) -> T {
    let (mut halves, mut total) = ([T::ZERO; LANES.ilog2() as usize], T::ZERO);
    for leaf in 0..LANES as u32 {
        // Lane 0, then 8, 4, 12, 2 and so on.
        let mut k = (leaf.reverse_bits() >> (32 - LANES.ilog2())) as usize;
        let mut sum = T::ZERO;
        while let Some(x) = term(k) {
            sum += x;
            k += LANES;
        }
        // A left half waits for its right half.
        let mut place = leaf;
        for left in &mut halves {
            if place & 1 == 0 {
                *left = sum;
                break;
            }
            sum = *left + sum;
            place >>= 1;
        }
        total = sum;
    }
    total
}

/// The partial sums added as a tree: 16 -> 8 -> 4 -> 2 -> 1.
#[inline(always)]
pub(crate) fn reduce<T: Real>(lanes: [T; LANES]) -> T {
    // Else the compiler, for the sake of these few additions, keeps pairs of lanes in the loop before.
    let mut lanes = if super::SMALL { lanes } else { core::hint::black_box(lanes) };
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

/// A running sum with its rounding errors carried along and folded back now and then, so that the
/// error of the result is about one rounding: for n terms of unit roundoff u it is at most
/// u |sum| + [`FOLD_EVERY`] n u^2 times the sum of their sizes, up to terms of higher order, and that
/// is a second rounding at worst for a million terms in f32.
///
/// (What one addition waits for is the addition before it, and nothing else: sums of a few terms are
/// most of what small problems do.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compensated<T> {
    sum: T,
    error: T,
    terms: u32,
}

/// Additions after which the errors are folded into the sum, so that they stay small and are added up
/// with little rounding of their own.
const FOLD_EVERY: u32 = 16;

impl<T: Real> Compensated<T> {
    pub(crate) const fn new() -> Self {
        Self { sum: T::ZERO, error: T::ZERO, terms: 0 }
    }

    /// Adds one term. (A call where flash is what counts.)
    // (The condition of `SMALL`.)
    #[cfg_attr(all(target_pointer_width = "32", not(target_family = "wasm")), inline(never))]
    #[cfg_attr(not(all(target_pointer_width = "32", not(target_family = "wasm"))), inline(always))]
    pub(crate) fn add(&mut self, x: T) {
        let sum = self.sum + x;
        // The rounding error of that, exactly (Knuth's two-sum). No comparison tells the larger term.
        let arrived = sum - self.sum;
        self.error += (self.sum - (sum - arrived)) + (x - arrived);
        self.sum = sum;
        self.terms = self.terms.wrapping_add(1);
        if self.terms.is_multiple_of(FOLD_EVERY) {
            self.fold();
        }
    }

    fn fold(&mut self) {
        let folded = self.sum + self.error;
        if folded.is_finite() {
            self.error += -(folded - self.sum);
            self.sum = folded;
        } else {
            // Infinite or NaN for good: there is no error to speak of.
            self.error = T::ZERO;
        }
    }

    /// The sum. Infinite or NaN terms give an infinite or NaN sum.
    pub(crate) fn value(self) -> T {
        let value = self.sum + self.error;
        if self.sum.is_finite() { value } else { self.sum }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::float_cmp,
        clippy::indexing_slicing,
        reason = "exact values, and a test may fail loudly"
    )]

    use super::*;
    use std::vec::Vec;

    /// Numbers of both signs and many sizes, so that the order of additions shows in the bits.
    fn numbers(n: usize) -> Vec<f32> {
        let mut seed = 1u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        (0..n).map(|_| (next() as f32 - 8e6) * 2f32.powi(-((next() % 24) as i32))).collect()
    }

    /// The contract once more: entry k goes to lane k mod 16; lane l takes in lane l + 8, then
    /// l + 4, l + 2, l + 1.
    fn by_hand(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
        let mut lanes = [0.0; 16];
        for (k, &x) in values.iter().enumerate() {
            lanes[k % 16] += f(x);
        }
        for width in [8, 4, 2, 1] {
            for l in 0..width {
                lanes[l] += lanes[l + width];
            }
        }
        lanes[0]
    }

    #[test]
    fn lanes_keep_their_order_at_any_length() {
        let values = numbers(71);
        let mut as_in_line = 0;
        for n in 0..=70 {
            // Every alignment of the slice, too.
            for start in 0..=1 {
                let values = &values[start..start + n];
                for scale in [1.0, -0.3] {
                    let found = sum_in_lanes(values, |x| x * scale);
                    assert_eq!(found.to_bits(), by_hand(values, |x| x * scale).to_bits(), "{n}");
                    let by_lanes = sum_by_lanes(|k| values.get(k).map(|&x| x * scale));
                    assert_eq!(found.to_bits(), by_lanes.to_bits(), "{n}");
                    let in_line = values.iter().fold(0.0, |sum, &x| sum + x * scale);
                    as_in_line += usize::from(found == in_line);
                }
            }
        }
        // The numbers can tell one order from another.
        assert!(as_in_line < 71, "{as_in_line} of 284");
    }

    #[test]
    fn lanes_pass_on_what_is_not_finite() {
        for k in 0..37 {
            let mut values = numbers(37);
            values[k] = f32::INFINITY;
            assert_eq!(sum_in_lanes(&values, |x| x), f32::INFINITY);
            values[(k + 5) % 37] = f32::NEG_INFINITY;
            assert!(sum_in_lanes(&values, |x| x).is_nan());
            values = numbers(37);
            values[k] = f32::NAN;
            assert!(sum_in_lanes(&values, |x| x).is_nan());
        }
        assert_eq!(sum_in_lanes(&[], |x: f32| x).to_bits(), 0);
    }

    fn compensated<T: Real>(terms: impl IntoIterator<Item = T>) -> T {
        let mut sum = Compensated::new();
        for x in terms {
            sum.add(x);
        }
        sum.value()
    }

    #[test]
    fn compensated_sums_of_known_value() {
        assert_eq!(compensated::<f32>([]).to_bits(), 0);
        // Neumaier's example, in every order.
        for k in 0..4 {
            let mut terms = [1.0, 1e30, 1.0, -1e30];
            terms.rotate_left(k);
            assert_eq!(compensated::<f32>(terms), 2.0, "{terms:?}");
        }
        // 2^24 + 1 + 1 + ...: a plain sum stands still.
        let ones = core::iter::repeat_n(1.0, 1000);
        assert_eq!(compensated(core::iter::once(16_777_216f32).chain(ones)), 16_778_216.0);
        // A million tenths: the exact sum of the f32 nearest to 0.1, rounded once.
        let tenths = compensated(core::iter::repeat_n(0.1f32, 1_000_000));
        assert_eq!(tenths, (f64::from(0.1f32) * 1e6) as f32);
        assert_eq!(compensated([1.0, f32::EPSILON / 4.0, -1.0]), f32::EPSILON / 4.0);
    }

    #[test]
    fn compensated_sums_are_one_rounding_off() {
        for n in [2, 10, 1000, 20_000] {
            let values: Vec<f32> = numbers(n).into_iter().map(f32::abs).collect();
            // Integers times 2^-24: the sum is exact in i128.
            let exact: i128 = values.iter().map(|&x| (f64::from(x) * 16_777_216.0) as i128).sum();
            let exact = exact as f64 / 16_777_216.0;
            let found = f64::from(compensated(values.iter().copied()));
            assert!((found - exact).abs() <= exact * f64::from(f32::ROUNDOFF), "{n}");
        }
    }

    #[test]
    fn compensated_sums_of_what_is_not_finite() {
        let infinity = f32::INFINITY;
        assert_eq!(compensated([1.0, infinity, -5.0, 3.0]), infinity);
        assert_eq!(compensated([1.0, -infinity, 1e38]), -infinity);
        assert_eq!(compensated([f32::MAX, f32::MAX, 1.0]), infinity);
        assert!(compensated([1.0, infinity, -infinity, 2.0]).is_nan());
        assert!(compensated([1.0, f32::NAN, 2.0]).is_nan());
    }
}
