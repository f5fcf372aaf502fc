//! What a sweep asks of all entries of a side at once, without a branch.

use super::Precision;
use super::instructions::at_each_level;
use super::level::{Level, Set};
use crate::math::{LANES, SMALL};
use crate::real::Real;

/// Whether a sum of exponentials lost nothing that counts.
#[inline(always)]
pub(crate) fn trusted<T: Real>(sum: T) -> bool {
    // (Both are looked at: a branch would cost more.)
    (sum >= T::TRUST_LOW) & (sum <= T::TRUST_HIGH)
}

/// A row whose rule wants another sum: the sum, and how far off it is.
#[inline(always)]
pub(crate) fn seen<P: Precision>(sum: P::Sum, target: P::Sum) -> [P::Potential; 2] {
    let sum = P::Potential::from(sum);
    [sum, (sum - P::Potential::from(target)).abs()]
}

#[cfg(feature = "scaling")]
at_each_level! {
    /// Whether all sums lie in the range where they can be trusted, of the entries whose potential is not
    /// minus infinity.
    fn all_trusted<P>(sums: &[P::Sum], potentials: &[P::Potential]) -> bool {
        sums.iter().zip(potentials).fold(true, |all, (&sum, &f)| {
            all & (trusted(sum) | (f == P::Potential::NEG_INFINITY))
        })
    }
}

at_each_level! {
    /// Whether all sums of columns with mass lie in that range, and none below its least share of the
    /// weight: whatever was flushed to zero is below one rounding of what the rule wants then.
    fn all_enough<P>(
        sums: &[P::Sum],
        weights: &[P::Cost],
        log_weights: &[P::Potential],
    ) -> bool {
        let low = P::Potential::from(P::Sum::TRUST_LOW);
        let mut entries = sums.iter().zip(weights).zip(log_weights);
        if SMALL {
            return entries.all(|((&sum, &weight), &log)| {
                log == P::Potential::NEG_INFINITY
                    || trusted(sum) && P::Potential::from(sum) >= P::widen(weight) * low
            });
        }
        entries.fold(true, |all, ((&sum, &weight), &log)| {
            let enough = P::Potential::from(sum) >= P::widen(weight) * low;
            all & ((trusted(sum) & enough) | (log == P::Potential::NEG_INFINITY))
        })
    }
}

at_each_level! {
    /// Whether an entry has no finite potential though that of the other slice is not minus infinity.
    fn any_lost<P>(potentials: &[P::Potential], others: &[P::Potential]) -> bool {
        potentials.iter().zip(others).fold(false, |any, (&x, &held)| any | lost(x, held))
    }
}

/// See [`any_lost`].
#[inline(always)]
pub(crate) fn lost<T: Real>(x: T, held: T) -> bool {
    !x.is_finite() & (held != T::NEG_INFINITY)
}

at_each_level! {
    /// Whether two slices are the same.
    fn all_equal<P>(left: &[P::Potential], right: &[P::Potential]) -> bool {
        left.iter().zip(right).fold(true, |all, (left, right)| all & (left == right))
    }
}

at_each_level! {
    /// The largest finite |x|; 0 if there is none.
    fn largest<P>(values: &[P::Potential]) -> P::Potential {
        let size = |x: P::Potential| if x.is_finite() { x.abs() } else { P::Potential::ZERO };
        if SMALL {
            // (No order changes the largest of finite sizes.)
            return values.iter().fold(P::Potential::ZERO, |most, &x| most.larger(size(x)));
        }
        let mut lanes = [P::Potential::ZERO; LANES];
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for (most, &x) in lanes.iter_mut().zip(chunk) {
                *most = most.larger(size(x));
            }
        }
        for (most, &x) in lanes.iter_mut().zip(rest) {
            *most = most.larger(size(x));
        }
        lanes.iter().fold(P::Potential::ZERO, |most, &x| most.larger(x))
    }
}

at_each_level! {
    /// The smallest and the largest of these values, if all are finite.
    fn finite_range<P>(values: &[P::Cost]) -> Option<[P::Cost; 2]> {
        // Twelve of the registers of SSE2. (No order of comparisons changes what they find.)
        const AT_ONCE: usize = 8;
        let mut low = [P::Cost::INFINITY; AT_ONCE];
        let mut high = [P::Cost::NEG_INFINITY; AT_ONCE];
        // x * 0 is 0, or NaN for good.
        let mut odd = [P::Cost::ZERO; AT_ONCE];
        let (chunks, rest) = values.as_chunks::<AT_ONCE>();
        for chunk in chunks {
            for (((low, high), odd), &x) in low.iter_mut().zip(&mut high).zip(&mut odd).zip(chunk) {
                (*low, *high) = (low.smaller(x), high.larger(x));
                *odd += x * P::Cost::ZERO;
            }
        }
        for (((low, high), odd), &x) in low.iter_mut().zip(&mut high).zip(&mut odd).zip(rest) {
            (*low, *high) = (low.smaller(x), high.larger(x));
            *odd += x * P::Cost::ZERO;
        }
        let lowest = low.iter().fold(P::Cost::INFINITY, |least, &x| least.smaller(x));
        let highest = high.iter().fold(P::Cost::NEG_INFINITY, |most, &x| most.larger(x));
        let odd = odd.iter().fold(P::Cost::ZERO, |sum, &x| sum + x);
        (odd <= P::Cost::ZERO).then_some([lowest, highest])
    }
}

#[cfg(feature = "scaling")]
at_each_level! {
    /// The sums of rows, u_i s_i, and how far off their targets they are.
    fn off_target<P>(
        sums: &[P::Sum],
        u: &[P::Sum],
        targets: &[P::Sum],
        out: &mut [[P::Potential; 2]],
    ) {
        for ((out, &target), (&sum, &u)) in out.iter_mut().zip(targets).zip(sums.iter().zip(u)) {
            *out = seen::<P>(sum * u, target);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

    use std::vec::Vec;

    use super::*;

    /// At every level, for lengths around those of the lanes, and with what is not finite at every place.
    #[test]
    fn ranges_of_finite_values() {
        for level in Level::available().chain(Level::fma()) {
            for n in 1..=35 {
                let values: Vec<f64> =
                    (0..n).map(|k| f64::from((k * 37 + 11) % 101) - 50.0).collect();
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let name = level.name();
                assert_eq!(finite_range::<f64>(level, &values), Some([low, high]), "{name} {n}");
                for k in 0..values.len() {
                    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                        let mut values = values.clone();
                        values[k] = odd;
                        assert_eq!(finite_range::<f64>(level, &values), None, "{name} {n} {k}");
                    }
                }
            }
        }
    }
}
