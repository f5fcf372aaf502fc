//! The work of a gradient, cut into named buffers.

use super::direct;
use super::form::COLUMNS;
use crate::cost::{SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::kernel::{PANEL, Precision};
use crate::work::{Coefficients, PAD, WorkLen, cut, misalignment, padded};

/// Vectors of the rows, of the columns, and of z (which needs room for the columns of a form).
const ROWS: usize = 10;
const COLS: usize = 14;
const UNKNOWNS: usize = 6;

/// Vectors, and for points the coordinates of one point and the gradient of all those of the columns.
pub(super) const POTENTIAL: Coefficients =
    Coefficients { n: ROWS, m: COLS + UNKNOWNS, d: 2, one: UNKNOWNS };

/// The layout but for what the direct method adds: what the query, the C macro and the cutting share.
pub const COEFFICIENTS: Coefficients =
    POTENTIAL.and(SCRATCH_SUM).and(SCRATCH_COST).and(Coefficients::ALIGNMENT);

/// The direct method adds stride * (stride + `FACTOR_ROWS`) elements, with stride the padded number of
/// columns of the smaller side plus `FACTOR_COLUMNS`.
pub const FACTOR_ROWS: usize = PANEL;
/// See [`FACTOR_ROWS`].
pub const FACTOR_COLUMNS: usize = COLUMNS;

/// Elements for K and its panel where `m` columns remain.
const fn factor(m: usize) -> [WorkLen; 2] {
    let stride = direct::stride(m);
    [WorkLen::of(stride).times(stride), WorkLen::of(stride).times(PANEL)]
}

/// Elements that keep the plan: its rows, padded.
pub(super) const fn plan_len(n: usize, m: usize) -> WorkLen {
    WorkLen::of(padded(m)).times(n)
}

/// Elements of work for n rows, m columns and points of dimension d (0 for a dense cost).
pub(super) const fn len(n: usize, m: usize, d: usize, direct: bool) -> usize {
    let common = COEFFICIENTS.at(n, m, d);
    if direct {
        let [square, panel] = factor(m);
        common.and(square).and(panel).len()
    } else {
        common.len()
    }
}

/// The buffers.
pub(super) struct Work<'a, P: Precision> {
    pub(super) rows: [&'a mut [P::Potential]; ROWS],
    pub(super) cols: [&'a mut [P::Potential]; COLS],
    /// Each of length m + [`COLUMNS`].
    pub(super) unknowns: [&'a mut [P::Potential]; UNKNOWNS],
    /// Coordinates of a point, then of all points of the columns.
    pub(super) point: &'a mut [P::Potential],
    pub(super) points: &'a mut [P::Potential],
    /// Room for the plan, if more work was offered than is needed; else empty.
    pub(super) plan: &'a mut [P::Sum],
    /// K and its panel; empty for conjugate gradients.
    pub(super) square: &'a mut [P::Potential],
    pub(super) panel: &'a mut [P::Potential],
    pub(super) scratch: Scratch<'a, P>,
}

impl<'a, P: Precision> Work<'a, P> {
    /// `None` if the work is too short.
    pub(super) fn cut(
        work: &'a mut [P::Work],
        [n, m, d]: [usize; 3],
        direct: bool,
    ) -> Option<Self> {
        let spare = work.len().checked_sub(len(n, m, d, direct))?;
        let plan = plan_len(n, m).len();
        let plan = if plan <= spare { plan } else { 0 };
        let skip = misalignment(work);
        let mut work = work.get_mut(skip..)?;
        let [square, panel] = if direct { factor(m) } else { [WorkLen::of(0); 2] };
        let vectors = POTENTIAL.at(n, m, d);
        let potential = vectors.and(square).and(panel).len();
        let sums = SCRATCH_SUM.at(n, m, d).and(WorkLen::of(plan)).len();
        let lens = [SCRATCH_COST.at(n, m, d).len(), potential, sums];
        let mut buffers = P::cut(&mut work, lens)?;
        let rest = &mut buffers.potential;
        let rows = vectors_of(rest, n, padded(n))?;
        let cols = vectors_of(rest, m, padded(m))?;
        let unknowns = vectors_of(rest, m + COLUMNS, padded(m) + PAD)?;
        let points = padded(m) * d;
        let (point, points) = (cut(rest, points)?, cut(rest, points)?);
        let (square, panel) = (cut(rest, square.len())?, cut(rest, panel.len())?);
        let mut sums = buffers.sum;
        let plan = cut(&mut sums, plan)?;
        let mut scratch = Scratch::none();
        scratch.cut(buffers.cost, sums, m, d)?;
        Some(Self { rows, cols, unknowns, point, points, plan, square, panel, scratch })
    }
}

/// K vectors of one length, each with its padding.
fn vectors_of<'a, T, const K: usize>(
    rest: &mut &'a mut [T],
    len: usize,
    stride: usize,
) -> Option<[&'a mut [T]; K]> {
    let mut failed = false;
    let vectors = core::array::from_fn(|_| {
        let vector = cut(rest, stride).and_then(|v| v.get_mut(..len));
        failed |= vector.is_none();
        vector.unwrap_or(&mut [])
    });
    if failed { None } else { Some(vectors) }
}
