//! The cost as a strided matrix in memory.

use super::rows::RowCost;
use super::{CostRange, sealed};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::math::SMALL;
use crate::real::Real;
use crate::view::Mat;

/// A cost matrix. Entries may be plus infinity (a forbidden pair), never minus infinity or NaN.
/// Rows are read as they lie when their entries are side by side (`col_stride` 1), else through a
/// copy of one row.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a, T> {
    cost: Mat<'a, T>,
}

impl<'a, T: Real> Dense<'a, T> {
    /// The geometry of this cost (n x m, in cost units).
    pub const fn new(cost: Mat<'a, T>) -> Self {
        Self { cost }
    }
}

impl<T> sealed::Sealed for Dense<'_, T> {}

/// The smallest and the largest of many values, in lanes.
#[derive(Clone, Copy)]
struct Extremes<T> {
    low: [T; 4],
    high: [T; 4],
}

impl<T: Real> Extremes<T> {
    const NONE: Self = Self { low: [T::INFINITY; 4], high: [T::NEG_INFINITY; 4] };

    /// Those of these values too, if all are finite.
    fn and(mut self, values: &[T]) -> Option<Self> {
        // x * 0 is 0, or NaN for good.
        let mut odd = [T::ZERO; 4];
        for chunk in values.chunks(4) {
            let lanes = self.low.iter_mut().zip(&mut self.high).zip(&mut odd);
            for (((low, high), odd), &x) in lanes.zip(chunk) {
                *low = low.smaller(x);
                *high = high.larger(x);
                *odd += x * T::ZERO;
            }
        }
        let [a, b, c, d] = odd;
        ((a + b) + (c + d) <= T::ZERO).then_some(self)
    }
}

impl<P: Precision> RowCost<P> for Dense<'_, P::Cost> {
    fn shape(&self) -> (usize, usize) {
        (self.cost.rows(), self.cost.cols())
    }

    fn dimension(&self) -> usize {
        0
    }

    fn scan(
        &self,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        let infinity = P::Cost::INFINITY;
        let mut range = CostRange { min: infinity, max: -infinity, forbidden: false };
        let mut extremes = Extremes::NONE;
        let any_column = b.iter().any(|&b| b > P::Cost::ZERO);
        column_seen.fill(P::Sum::ZERO);
        for (i, &weight) in a.iter().enumerate() {
            let weighted = weight > P::Cost::ZERO;
            // Nearly every row is all finite, and needs no look at single entries.
            let row = if SMALL { None } else { self.cost.contiguous_row(i) };
            let row = row.and_then(|row| row.get(..b.len()));
            if let Some(more) = row.and_then(|row| extremes.and(row))
                && (any_column || !weighted)
            {
                extremes = more;
                if weighted {
                    column_seen.fill(P::Sum::ONE);
                }
                continue;
            }
            let mut row_seen = false;
            for (j, (&b, seen)) in b.iter().zip(column_seen.iter_mut()).enumerate() {
                let Some(c) = self.cost.get(i, j) else { break };
                if c.is_finite() {
                    range.min = range.min.smaller(c);
                    range.max = range.max.larger(c);
                    row_seen |= b > P::Cost::ZERO;
                    if weighted {
                        *seen = P::Sum::ONE;
                    }
                } else if c > P::Cost::ZERO {
                    range.forbidden = true;
                } else {
                    let kind = if c.is_nan() { ErrorKind::NotANumber } else { ErrorKind::Infinite };
                    return Err(Error::at_entry(kind, Argument::Cost, i, j));
                }
            }
            if weighted && !row_seen {
                return Err(Error::at(ErrorKind::NoPartner, Argument::RowWeights, i));
            }
        }
        if !SMALL {
            for (&low, &high) in extremes.low.iter().zip(&extremes.high) {
                (range.min, range.max) = (range.min.smaller(low), range.max.larger(high));
            }
        }
        Ok(CostRange {
            min: P::widen(range.min),
            max: P::widen(range.max),
            forbidden: range.forbidden,
        })
    }

    fn prepare(&self, _: &mut [P::Cost]) {}

    #[inline]
    fn cost_row<'s>(
        &'s self,
        _: Level,
        i: usize,
        _: &'s [P::Cost],
        buffer: &'s mut [P::Cost],
    ) -> &'s [P::Cost] {
        if let Some(row) = self.cost.contiguous_row(i) {
            return row;
        }
        for (j, entry) in buffer.iter_mut().enumerate() {
            if let Some(c) = self.cost.get(i, j) {
                *entry = c;
            }
        }
        buffer
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        self.cost.get(i, j)
    }

    fn transposed(&self) -> Self {
        Self { cost: self.cost.transposed() }
    }

    fn behind(&self, [offset, _]: [usize; 2]) -> Result<Self, Error> {
        let refusal = Error::new(ErrorKind::Shape, Argument::Cost);
        Ok(Self { cost: self.cost.behind(offset).ok_or(refusal)? })
    }
}
