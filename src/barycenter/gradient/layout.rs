//! The work of a gradient, cut into named buffers.

use crate::cost::{SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::kernel::{Buffers, Precision};
use crate::work::{Coefficients, WorkLen, cut, misalignment, padded, take};

/// Vectors of all measures' points, and of the barycenter's.
const ROWS: usize = 7;
const COLS: usize = 8;

/// Vectors, and for points the coordinates of one point and the gradient of all those of the
/// barycenter.
const POTENTIAL: Coefficients = Coefficients { n: ROWS, m: COLS, d: 2, one: 0 };
/// Row marginals of the plans, and the columns of one.
const SUM: Coefficients = Coefficients { n: 1, m: 1, d: 0, one: 0 }.and(SCRATCH_SUM);

/// The layout but for the one vector over all potentials of the columns (k n): what the query, the C
/// macro and the cutting share. `n` counts vectors of all measures' points together.
pub const COEFFICIENTS: Coefficients =
    POTENTIAL.and(SUM).and(SCRATCH_COST).and(Coefficients::ALIGNMENT);

/// Elements of work for k `measures` with `rows` points together (sum n_i), `support` points of the
/// barycenter and points of dimension d (the largest; 0 if all costs are matrices); `usize::MAX` if
/// that overflows. The same number for f32 and f64.
pub const fn work_len(measures: usize, rows: usize, support: usize, d: usize) -> usize {
    let columns = WorkLen::of(padded(support)).times(measures);
    COEFFICIENTS.at(rows, support, d).and(columns).len()
}

/// The buffers; those of the rows hold one measure behind the other.
pub(super) struct Work<'a, P: Precision> {
    pub(super) rows: [&'a mut [P::Potential]; ROWS],
    pub(super) cols: [&'a mut [P::Potential]; COLS],
    /// One row for each measure.
    pub(super) columns: &'a mut [P::Potential],
    /// Coordinates of a point, then of all points of the barycenter.
    pub(super) point: &'a mut [P::Potential],
    pub(super) points: &'a mut [P::Potential],
    /// Row marginals of the plans.
    pub(super) row: &'a mut [P::Sum],
    /// Column marginal of one plan.
    pub(super) col: &'a mut [P::Sum],
    pub(super) scratch: Scratch<'a, P>,
}

impl<'a, P: Precision> Work<'a, P> {
    /// `None` if the buffer is too short.
    pub(super) fn cut(
        work: &'a mut [P::Work],
        [measures, rows, support, d]: [usize; 4],
    ) -> Option<Self> {
        let needed = work_len(measures, rows, support, d);
        if needed == usize::MAX || work.len() < needed {
            return None;
        }
        let mut work = work.get_mut(misalignment(work)..)?;
        let columns = padded(support) * measures;
        let potentials = POTENTIAL.at(rows, support, d).len() + columns;
        let [cost, sum] = [SCRATCH_COST, SUM].map(|part| part.at(rows, support, d).len());
        let Buffers { cost, mut potential, mut sum } = P::cut(&mut work, [cost, potentials, sum])?;
        let rest = &mut potential;
        let mut failed = false;
        let mut vector = |len: usize| {
            let vector = take(rest, len);
            failed |= vector.is_none();
            vector.unwrap_or(&mut [])
        };
        let row_vectors = core::array::from_fn(|_| vector(rows));
        let col_vectors = core::array::from_fn(|_| vector(support));
        if failed {
            return None;
        }
        let columns = cut(rest, columns)?.get_mut(..support * measures)?;
        let points = padded(support) * d;
        let mut cut_off = Self {
            rows: row_vectors,
            cols: col_vectors,
            columns,
            point: cut(rest, points)?,
            points: cut(rest, points)?,
            row: take(&mut sum, rows)?,
            col: take(&mut sum, support)?,
            scratch: Scratch::none(),
        };
        cut_off.scratch.cut(cost, sum, support, d)?;
        Some(cut_off)
    }
}
