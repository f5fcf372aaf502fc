//! Many small problems of one shape in one call.
//!
//! Each is solved by the one solver, in the work of one, so the results have the bits of single
//! solves. What the problems share is looked at once.

use super::solver::Iteration;
use super::start::examine;
use crate::cost::{CostRange, Geometry};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::options::Options;
use crate::problem::Problem;
use crate::report::{Observer, Report};
use crate::work::cut;

/// Problems that differ in their data alone: cost, weights, or all of them. Shape, rules, epsilon and
/// reference are those of the first.
///
/// Data of problem k begins k strides behind that of the first; stride 0 means that all share it.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, P: Precision, G> {
    first: Problem<'a, P, G>,
    count: usize,
    /// Of the cost, or of the points of the rows; of the points of the columns.
    strides: [usize; 2],
    a: Weights<'a, P::Cost>,
    b: Weights<'a, P::Cost>,
}

/// The weights of one side of all problems.
#[derive(Clone, Copy, Debug)]
struct Weights<'a, T> {
    all: &'a [T],
    stride: usize,
    len: usize,
}

impl<'a, T> Weights<'a, T> {
    /// Those of problem k. Error: `Shape`.
    fn of(self, k: usize, argument: Argument) -> Result<&'a [T], Error> {
        let start = k.checked_mul(self.stride);
        let weights = start.and_then(|start| self.all.get(start..)?.get(..self.len));
        weights.ok_or(Error::new(ErrorKind::Shape, argument))
    }
}

impl<'a, P: Precision, G: Geometry<P>> Batch<'a, P, G> {
    /// `count` times this problem: all share its data.
    pub fn new(first: Problem<'a, P, G>, count: usize) -> Self {
        let (a, b) = first.weights();
        let shared = |all: &'a [P::Cost]| Weights { all, stride: 0, len: all.len() };
        Self { first, count, strides: [0; 2], a: shared(a), b: shared(b) }
    }

    /// Own costs: the matrix of problem k begins k `stride` elements behind that of the first, in the
    /// slice that the first one views (which therefore goes on behind it). A matter of dense costs.
    ///
    /// Error: `Shape` if the slice does not reach the last of them.
    pub fn costs(self, stride: usize) -> Result<Self, Error> {
        self.apart([stride, 0])
    }

    /// Own points: those of the rows and of the columns of problem k begin k strides behind those of
    /// the first. A matter of costs between points.
    ///
    /// Error: `Shape` if a slice does not reach the last of them.
    pub fn points(self, x_stride: usize, y_stride: usize) -> Result<Self, Error> {
        self.apart([x_stride, y_stride])
    }

    fn apart(mut self, strides: [usize; 2]) -> Result<Self, Error> {
        self.strides = strides;
        if let Some(last) = self.count.checked_sub(1) {
            self.geometry(last)?;
        }
        Ok(self)
    }

    /// Own weights of the rows: a_k = `all[k stride .. k stride + n]`.
    ///
    /// Error: `Shape` if the slice does not reach the last of them.
    pub fn row_weights(mut self, all: &'a [P::Cost], stride: usize) -> Result<Self, Error> {
        self.a = Weights { all, stride, ..self.a };
        if let Some(last) = self.count.checked_sub(1) {
            self.a.of(last, Argument::RowWeights)?;
        }
        Ok(self)
    }

    /// Own weights of the columns: b_k = `all[k stride .. k stride + m]`.
    ///
    /// Error: `Shape` if the slice does not reach the last of them.
    pub fn col_weights(mut self, all: &'a [P::Cost], stride: usize) -> Result<Self, Error> {
        self.b = Weights { all, stride, ..self.b };
        if let Some(last) = self.count.checked_sub(1) {
            self.b.of(last, Argument::ColWeights)?;
        }
        Ok(self)
    }

    /// Number of problems.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Problem k. Error: `Shape` behind the last one.
    pub fn problem(&self, k: usize) -> Result<Problem<'a, P, G>, Error> {
        if k >= self.count {
            return Err(Error::new(ErrorKind::Shape, Argument::Problem));
        }
        let a = self.a.of(k, Argument::RowWeights)?;
        let b = self.b.of(k, Argument::ColWeights)?;
        Ok(self.first.with_data(self.geometry(k)?, a, b))
    }

    fn geometry(&self, k: usize) -> Result<G, Error> {
        // (An offset that overflows lies behind all data.)
        self.first.geometry().behind(self.strides.map(|stride| k.saturating_mul(stride)))
    }

    /// Whether all problems have the same cost.
    fn shares_cost(&self) -> bool {
        self.strides == [0; 2]
    }

    /// Whether they are all the same.
    fn shares_all(&self) -> bool {
        self.shares_cost() && self.a.stride == 0 && self.b.stride == 0
    }
}

/// Solves every problem of a batch as [`super::solve`] would, to the bit: potentials `f` (count x n)
/// and `g` (count x m), one problem behind the other, and a report for each. Gives the number of
/// problems that did not converge.
///
/// `work` has at least [`super::work_len`] elements: that of one problem, whatever the count. Under a
/// warm start every problem begins at its own potentials. The observer watches each problem in turn,
/// and what it stops is the problem at hand. Cost: that of the solves; a cost that is shared is looked
/// at once, data that is not shared twice.
///
/// Errors: as [`super::solve`], for any of the problems, whose index `measure` then holds; `Shape` if
/// potentials or reports are not those of `count` problems. All problems are looked at before the
/// first is solved: nothing but work was written then.
pub fn solve_batch<P: Precision, G: Geometry<P>>(
    batch: &Batch<'_, P, G>,
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    work: &mut [P::Work],
    reports: &mut [Report<P::Potential>],
    observer: &mut impl Observer<P::Potential>,
) -> Result<usize, Error> {
    if reports.len() != batch.count {
        return Err(Error::new(ErrorKind::Shape, Argument::Report));
    }
    let mut unfinished = 0;
    let mut places = reports.iter_mut();
    solve_each(batch, options, [f, g], work, observer, &mut |report| {
        unfinished += usize::from(!report.converged());
        if let Some(place) = places.next() {
            *place = *report;
        }
    })?;
    Ok(unfinished)
}

/// [`solve_batch`] with the reports handed over one by one.
pub(crate) fn solve_each<P: Precision, G: Geometry<P>>(
    batch: &Batch<'_, P, G>,
    options: &Options<P>,
    [f, g]: [&mut [P::Potential]; 2],
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
    take: &mut impl FnMut(&Report<P::Potential>),
) -> Result<(), Error> {
    let known = examine_all(batch, options, [&*f, &*g], work)?;
    let (n, m) = batch.first.shape();
    let (mut fs, mut gs) = (f, g);
    let mut report = Report::unknown();
    for k in 0..batch.count {
        let (Some(f), Some(g)) = (cut(&mut fs, n), cut(&mut gs, m)) else { break };
        let in_batch = |error: Error| error.in_measure(k);
        let problem = batch.problem(k).map_err(in_batch)?;
        let mut solver = Iteration::idle(&problem, options, f, g);
        solver.begin_valid(work, known).map_err(in_batch)?;
        solver.run(observer, &mut report);
        solver.conclude(&mut report);
        take(&report);
    }
    Ok(())
}

/// Validates all problems; gives what is then known of each, so that none is validated twice.
fn examine_all<P: Precision, G: Geometry<P>>(
    batch: &Batch<'_, P, G>,
    options: &Options<P>,
    [f, g]: [&[P::Potential]; 2],
    work: &mut [P::Work],
) -> Result<Option<CostRange<P::Potential>>, Error> {
    options.check()?;
    let (n, m) = batch.first.shape();
    let lengths = [
        (f.len(), batch.count.checked_mul(n), Argument::RowPotentials),
        (g.len(), batch.count.checked_mul(m), Argument::ColPotentials),
    ];
    for (len, needed, argument) in lengths {
        if needed != Some(len) {
            return Err(Error::new(ErrorKind::Shape, argument));
        }
    }
    let mut shared = None;
    // Nothing tells one problem from another, unless each has its own start.
    let alike = batch.shares_all() && !options.warm_start;
    let count = if alike { batch.count.min(1) } else { batch.count };
    let (mut fs, mut gs) = (f, g);
    for k in 0..count {
        let (Some((f, next_f)), Some((g, next_g))) =
            (fs.split_at_checked(n), gs.split_at_checked(m))
        else {
            break;
        };
        (fs, gs) = (next_f, next_g);
        // What is known of a cost that is not shared is of no use to the next.
        let (mut own, shares) = (None, batch.shares_cost());
        let range = if shares { &mut shared } else { &mut own };
        batch
            .problem(k)
            .and_then(|problem| examine(&problem, options, [f, g], work, range))
            .map_err(|error| error.in_measure(k))?;
    }
    Ok(shared)
}
