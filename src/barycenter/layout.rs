//! The work of a barycenter, cut into named buffers.

use crate::cost::{SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::kernel::{Buffers, Precision};
use crate::work::{Coefficients, take};

/// Logarithms of all weights; the barycenter's potential, and which of its points can have mass.
const POTENTIAL: Coefficients = Coefficients { n: 1, m: 2, d: 0, one: 0 };
/// Marginals that the rules assign to the potentials, and those of the plans; the barycenter, and the
/// columns of one plan.
const SUM: Coefficients = Coefficients { n: 2, m: 2, d: 0, one: 0 }.and(SCRATCH_SUM);

/// The whole layout: what the query, the C macro and the cutting share. `n` counts vectors of all
/// measures' points together.
pub const COEFFICIENTS: Coefficients =
    POTENTIAL.and(SUM).and(SCRATCH_COST).and(Coefficients::ALIGNMENT);

/// Elements of work for `rows` points of all measures together (sum n_i), `support` points of the
/// barycenter and points of dimension d (the largest; 0 if all costs are matrices); `usize::MAX` if
/// that overflows. The same number for f32 and f64. [`super::half_step`] needs that of its own measure.
pub const fn work_len(rows: usize, support: usize, d: usize) -> usize {
    COEFFICIENTS.at(rows, support, d).len()
}

/// The buffers; those of the rows hold one measure behind the other.
pub(super) struct Work<'a, P: Precision> {
    pub(super) log_weights: &'a mut [P::Potential],
    /// epsilon log q.
    pub(super) potential: &'a mut [P::Potential],
    /// 0 where a point of the barycenter can have mass, else minus infinity.
    pub(super) mask: &'a mut [P::Potential],
    /// Marginals that the rules assign to the potentials.
    pub(super) targets: &'a mut [P::Sum],
    /// Row marginals of the plans.
    pub(super) row: &'a mut [P::Sum],
    /// q.
    pub(super) barycenter: &'a mut [P::Sum],
    /// Column marginal of one plan.
    pub(super) col: &'a mut [P::Sum],
    pub(super) scratch: Scratch<'a, P>,
}

impl<'a, P: Precision> Work<'a, P> {
    /// `None` if the buffer is too short.
    pub(super) fn cut(work: &'a mut [P::Work], [rows, support, d]: [usize; 3]) -> Option<Self> {
        let needed = work_len(rows, support, d);
        if needed == usize::MAX || work.len() < needed {
            return None;
        }
        let mut work = work.get_mut(crate::work::misalignment(work)..)?;
        let lens = [SCRATCH_COST, POTENTIAL, SUM].map(|part| part.at(rows, support, d).len());
        let Buffers { cost, mut potential, mut sum } = P::cut(&mut work, lens)?;
        let mut cut = Self {
            log_weights: take(&mut potential, rows)?,
            potential: take(&mut potential, support)?,
            mask: take(&mut potential, support)?,
            targets: take(&mut sum, rows)?,
            row: take(&mut sum, rows)?,
            barycenter: take(&mut sum, support)?,
            col: take(&mut sum, support)?,
            scratch: Scratch::none(),
        };
        cut.scratch.cut(cost, sum, support, d)?;
        Some(cut)
    }
}
