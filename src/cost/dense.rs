//! The cost as a strided matrix in memory.

use super::rows::RowCost;
use super::{CostRange, sealed};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, finite_range};
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

impl<P: Precision> RowCost<P> for Dense<'_, P::Cost> {
    fn shape(&self) -> (usize, usize) {
        (self.cost.rows(), self.cost.cols())
    }

    fn dimension(&self) -> usize {
        0
    }

    fn scan(
        &self,
        level: Level,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        let infinity = P::Cost::INFINITY;
        let mut range = CostRange { min: infinity, max: -infinity, forbidden: false };
        let any_column = b.iter().any(|&b| b > P::Cost::ZERO);
        // Nearly every cost is all finite, or nearly every row of it: no look at single entries then.
        let all = if SMALL { None } else { self.cost.all_entries() };
        if any_column && let Some([min, max]) = all.and_then(|all| finite_range::<P>(level, all)) {
            let any_row = a.iter().any(|&a| a > P::Cost::ZERO);
            column_seen.fill(if any_row { P::Sum::ONE } else { P::Sum::ZERO });
            return Ok(CostRange { min: P::widen(min), max: P::widen(max), forbidden: false });
        }
        column_seen.fill(P::Sum::ZERO);
        for (i, &weight) in a.iter().enumerate() {
            let weighted = weight > P::Cost::ZERO;
            let row = if SMALL { None } else { self.cost.contiguous_row(i) };
            if let Some([min, max]) = row.and_then(|row| finite_range::<P>(level, row))
                && (any_column || !weighted)
            {
                (range.min, range.max) = (range.min.smaller(min), range.max.larger(max));
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
