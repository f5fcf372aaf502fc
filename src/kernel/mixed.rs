//! Costs and sums in single precision, potentials in double.

use super::{Buffers, Precision, sealed};
use crate::work::cut;

/// Costs, weights and points, plan entries and their sums in f32; potentials, epsilon and all reported
/// quantities in f64. Work is f64, of the same length as for f32 and f64.
///
/// Where epsilon is small, f32 loses a plan to the rounding of its exponent (f + g - C) / epsilon: a
/// relative error of about 1e-7 max |C| / epsilon, at which solves stall. Here the subtraction is done
/// in f64 and only its result is rounded, which leaves a relative error of the plan of a few 1e-7
/// at every epsilon, with the memory traffic of f32 costs and its exponentials. The costs are what
/// they are: a cost rounded to f32 is another problem's.
#[derive(Clone, Copy, Debug)]
pub struct Mixed;

impl sealed::Sealed for Mixed {}

impl Precision for Mixed {
    type Cost = f32;
    type Potential = f64;
    type Sum = f32;
    type Work = f64;

    const TOLERANCE: f64 = 1e-6;

    #[inline(always)]
    fn narrow(x: f64) -> f32 {
        x as f32
    }

    #[inline(always)]
    fn cost_of(x: f32) -> f32 {
        x
    }

    #[inline]
    fn cut<'a>(work: &mut &'a mut [f64], lens: [usize; 3]) -> Option<Buffers<'a, Self>> {
        let [cost, potential, sum] = lens;
        Some(Buffers {
            cost: singles(cut(work, cost.div_ceil(2))?, cost)?,
            potential: cut(work, potential)?,
            sum: singles(cut(work, sum.div_ceil(2))?, sum)?,
        })
    }

    #[cfg(feature = "grid")]
    #[inline]
    fn recut(costs: &mut [f32], lens: [usize; 3]) -> Option<Buffers<'_, Self>> {
        // SAFETY: as in `singles`: every pattern of bits is a number of either width.
        let (_, mut doubles, _) = unsafe { costs.align_to_mut::<f64>() };
        Self::cut(&mut doubles, lens)
    }
}

/// The memory of at least `len` / 2 doubles as `len` singles.
fn singles(doubles: &mut [f64], len: usize) -> Option<&mut [f32]> {
    // SAFETY: every pattern of 32 bits is an f32 and every one of 64 an f64, so what is written through
    // one is valid for the other.
    let (_, singles, _) = unsafe { doubles.align_to_mut::<f32>() };
    // No f64 lies where an f32 may not, so all of the memory is in the middle part.
    singles.get_mut(..len)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "exact values")]

    use super::*;

    #[test]
    fn work_is_cut_into_disjoint_buffers_of_both_widths() {
        let mut work = [0.0; 64];
        let mut rest = &mut work[..];
        let buffers = Mixed::cut(&mut rest, [32, 5, 31]).unwrap();
        let lens = [buffers.cost.len(), buffers.potential.len(), buffers.sum.len()];
        assert_eq!((lens, rest.len()), ([32, 5, 31], 64 - 16 - 5 - 16));
        buffers.cost.fill(1.0);
        buffers.potential.fill(2.0);
        buffers.sum.fill(3.0);
        assert!(buffers.cost.iter().all(|&x| x == 1.0) && buffers.sum.iter().all(|&x| x == 3.0));
        assert!(buffers.potential.iter().all(|&x| x == 2.0));
        assert!(Mixed::cut(&mut &mut work[..], [64, 32, 2]).is_none());
    }
}
