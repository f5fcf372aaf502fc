//! Sweeps over blocks of rows on the host's threads, with the bits of those on one.

#[cfg(feature = "grid")]
use super::Grid;
#[cfg(feature = "lowrank")]
use super::LowRank;
#[cfg(feature = "scaling")]
use super::rows::fill_rows;
use super::rows::{
    BlockRoom, ColumnRoom, RowCost, column_block, max_block, shifted_row, sweep_block,
};
use super::{
    CostRange, GROUP, Pass, ROW_BLOCK, Rows, SCRATCH_COST, SCRATCH_SUM, Scratch, UNTRUSTED, Update,
    sealed,
};
use crate::error::Error;
use crate::kernel::{
    Buffers, DESERTED, Level, MOST_TASKS, Part, Parts, Pieces, Pool, Precision, add_row, dot_cost,
    in_waves,
};
use crate::math::Compensated;
use crate::real::Real;
use crate::view::Mat;
use crate::work::{Coefficients, WorkLen, padded, take};

/// A cost whose sweeps run on the threads of a host, where the work has room for it
/// (`sinkhorn::parallel_work_len`): blocks of [`ROW_BLOCK`] rows at the same time. The results have the
/// same bits with any number of threads, or without the pool.
///
/// Solves by sweeps use the pool; what else takes such a cost does its work on the calling thread.
#[derive(Clone, Copy)]
pub struct Parallel<G, H> {
    cost: G,
    pool: H,
}

impl<G, H: Pool> Parallel<G, H> {
    /// This cost on that pool, or on a reference to one.
    pub const fn new(cost: G, pool: H) -> Self {
        Self { cost, pool }
    }

    /// The same cost on another pool.
    #[cfg(feature = "capi")]
    pub(crate) fn set_pool(&mut self, pool: H) {
        self.pool = pool;
    }
}

impl<G, H> sealed::Sealed for Parallel<G, H> {}

impl<P: Precision, G: RowCost<P>, H: Pool + Copy> RowCost<P> for Parallel<G, H> {
    fn shape(&self) -> (usize, usize) {
        self.cost.shape()
    }

    fn dimension(&self) -> usize {
        RowCost::<P>::dimension(&self.cost)
    }

    fn coordinates(&self) -> usize {
        RowCost::<P>::coordinates(&self.cost)
    }

    #[cfg(feature = "grid")]
    fn grid(&self) -> Option<&Grid<'_, P::Cost>> {
        RowCost::<P>::grid(&self.cost)
    }

    fn scan(
        &self,
        level: Level,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        RowCost::<P>::scan(&self.cost, level, a, b, column_seen)
    }

    fn pool(&self) -> Option<&dyn Pool> {
        Some(&self.pool)
    }

    #[cfg(feature = "lowrank")]
    fn factored(&self) -> Option<&LowRank<'_, P::Cost>> {
        RowCost::<P>::factored(&self.cost)
    }

    fn prepare(&self, prepared: &mut [P::Cost]) {
        RowCost::<P>::prepare(&self.cost, prepared);
    }

    #[inline]
    fn cost_row<'s>(
        &'s self,
        level: Level,
        i: usize,
        prepared: &'s [P::Cost],
        buffer: &'s mut [P::Cost],
    ) -> &'s [P::Cost] {
        self.cost.cost_row(level, i, prepared, buffer)
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        RowCost::<P>::cost(&self.cost, i, j)
    }

    fn pull_back_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        weights: &[P::Potential],
        x: &mut [P::Potential],
        y: &mut [P::Potential],
    ) {
        RowCost::<P>::pull_back_row(&self.cost, i, cost, weights, x, y);
    }

    fn push_forward_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        x: Option<&Mat<'_, P::Cost>>,
        y: Option<&Mat<'_, P::Cost>>,
        out: &mut [P::Potential],
    ) {
        RowCost::<P>::push_forward_row(&self.cost, i, cost, x, y, out);
    }

    fn slope(&self, i: usize, j: usize, k: usize) -> Option<P::Potential> {
        RowCost::<P>::slope(&self.cost, i, j, k)
    }

    fn transposed(&self) -> Self {
        Self { cost: RowCost::<P>::transposed(&self.cost), pool: self.pool }
    }

    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error> {
        Ok(Self { cost: RowCost::<P>::behind(&self.cost, offsets)?, pool: self.pool })
    }
}

/// Potentials of a task: shifts of the columns.
const SLOT_POTENTIAL: Coefficients = Coefficients { n: 0, m: 1, d: 0, one: 0 };
/// Costs of a task: one row.
const SLOT_COST: Coefficients = Coefficients { d: 0, ..SCRATCH_COST };
/// All of a block of rows that is swept at the same time as others.
pub const TASK_COEFFICIENTS: Coefficients = SLOT_POTENTIAL.and(SLOT_COST).and(SCRATCH_SUM);

/// Elements that `tasks` blocks of rows at the same time need on top of what one at a time needs.
pub(crate) const fn parallel_len(n: usize, m: usize, tasks: usize) -> WorkLen {
    WorkLen::of(padded(n)).times(2).and(TASK_COEFFICIENTS.at(0, m, 0).times(tasks))
}

/// How many blocks of n rows a pool is to do at the same time.
pub(crate) fn tasks_of(pool: &dyn Pool, n: usize) -> usize {
    pool.tasks().min(MOST_TASKS).min(n.div_ceil(ROW_BLOCK))
}

/// The buffers of blocks of rows that are swept at the same time; none where fewer than two are.
pub(crate) struct Slots<'a, P: Precision> {
    width: usize,
    /// Two values for each row, of which sums are taken in their order.
    values: &'a mut [P::Potential],
    potential: &'a mut [P::Potential],
    sum: &'a mut [P::Sum],
    cost: &'a mut [P::Cost],
}

impl<'a, P: Precision> Slots<'a, P> {
    pub(crate) fn none() -> Self {
        Self { width: 0, values: &mut [], potential: &mut [], sum: &mut [], cost: &mut [] }
    }

    /// As many as the pool wants and the work has room for.
    pub(crate) fn cut(
        &mut self,
        pool: Option<&dyn Pool>,
        mut work: &'a mut [P::Work],
        [n, m]: [usize; 2],
    ) -> Option<()> {
        let wanted = tasks_of(pool?, n);
        let room = work.len().checked_sub(parallel_len(n, m, 0).len())?;
        let width = wanted.min(room.checked_div(TASK_COEFFICIENTS.at(0, m, 0).len())?);
        if width > 1 {
            let lens = [SLOT_COST, SLOT_POTENTIAL, SCRATCH_SUM];
            let [cost, potential, sum] = lens.map(|part| part.at(0, m, 0).times(width).len());
            let lens = [cost, potential.checked_add(padded(n).checked_mul(2)?)?, sum];
            let Buffers { cost, mut potential, sum } = P::cut(&mut work, lens)?;
            let values = take(&mut potential, n.checked_mul(2)?)?;
            *self = Self { width, values, potential, sum, cost };
        }
        Some(())
    }

    /// For other sweeps; none where there are not two blocks at the same time.
    #[cfg(feature = "scaling")]
    pub(crate) fn lend(&mut self) -> Option<Lent<'_, P>> {
        let Self { width, values, sum, .. } = self;
        (*width > 1).then_some(Lent { width: *width, values, sum })
    }
}

/// Buffers for sweeps of another kind.
#[cfg(feature = "scaling")]
pub(crate) struct Lent<'s, P: Precision> {
    /// Blocks at the same time.
    pub(crate) width: usize,
    /// Two values for each row.
    pub(crate) values: &'s mut [P::Potential],
    /// Sums of all tasks, five vectors of the columns for each.
    pub(crate) sum: &'s mut [P::Sum],
}

/// A pool, what it is to do, and the buffers for it.
pub(super) struct Crew<'s, P: Precision, C> {
    cost: &'s C,
    pool: &'s dyn Pool,
    pass: Pass<P>,
    prepared: &'s [P::Cost],
    width: usize,
    values: &'s mut [P::Potential],
    potential: &'s mut [P::Potential],
    sum: &'s mut [P::Sum],
    row: &'s mut [P::Cost],
}

/// The first `m` of the elements that a task has for a vector.
fn vector<T>(buffer: &mut [T], m: usize) -> &mut [T] {
    buffer.get_mut(..m).unwrap_or_default()
}

/// The rows' sums of a task's block and a group's rows of entries.
fn sums<T>(mut buffer: &mut [T], m: usize) -> Option<([&mut [T]; GROUP], &mut [T])> {
    let partial = take(&mut buffer, m)?;
    let mut entries = <[&mut [T]; GROUP]>::default();
    for entries in &mut entries {
        *entries = take(&mut buffer, m)?;
    }
    Some((entries, partial))
}

impl<'s, P: Precision, C: RowCost<P>> Crew<'s, P, C> {
    /// Where the cost has a pool and the work has room for it.
    #[inline]
    pub(super) fn of(cost: &'s C, pass: Pass<P>, scratch: &'s mut Scratch<'_, P>) -> Option<Self> {
        let pool = cost.pool()?;
        let Scratch { prepared, slots, .. } = scratch;
        let Slots { width, values, potential, sum, cost: row } = slots;
        let width = *width;
        (width > 1).then_some(Self {
            cost,
            pool,
            pass,
            prepared,
            width,
            values,
            potential,
            sum,
            row,
        })
    }

    /// [`super::Geometry::sweep`].
    #[inline(never)]
    pub(super) fn sweep(
        self,
        (f, g): (&mut [P::Potential], &[P::Potential]),
        col_sums: &mut [P::Sum],
        kept: &mut [P::Sum],
        update: &mut impl Update<P>,
    ) -> bool {
        let Self { cost, pool, pass, prepared, width, values, sum, row, .. } = self;
        let (m, blocks) = (g.len(), f.len().div_ceil(ROW_BLOCK));
        col_sums.fill(P::Sum::ZERO);
        let parts = Parts {
            potential: [Part::of_rows(f, ROW_BLOCK), Part::of_rows(values, 2 * ROW_BLOCK)],
            sum: [
                Part::of_rows(kept, ROW_BLOCK),
                Part::of_tasks(sum, SCRATCH_SUM.at(0, m, 0).len()),
                Part::none(),
            ],
            cost: Part::of_tasks(row, padded(m)),
        };
        let shared = &*update;
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let Pieces { potential: [f, values], sum: [kept, sum, _], cost: row } = pieces;
            let Some((mut entries, partial)) = sums(sum, m) else { return DESERTED };
            let (mut found, mut values) = (0, values.as_chunks_mut().0.chunks_mut(GROUP));
            let room = BlockRoom { row: vector(row, m), entries: &mut entries, partial, kept };
            let first = block * ROW_BLOCK;
            let trust =
                sweep_block(cost, pass, first, (f, g), prepared, room, &mut |rows: Rows<'_, P>| {
                    found |= shared.renew(rows, values.next().unwrap_or_default());
                });
            found | trust
        };
        let found = in_waves(pool, (blocks, width), parts, &work, &mut |pieces| {
            let [_, sum, _] = pieces.sum;
            add_row::<P>(pass.level, P::Sum::ONE, vector(sum, m), col_sums);
        });
        if found & DESERTED != 0 {
            update.give_up();
        }
        update.note(found);
        update.tally(values.as_chunks().0);
        found & (UNTRUSTED | DESERTED) == 0
    }

    /// [`super::Geometry::row_sums`].
    #[inline(never)]
    pub(super) fn row_sums(
        self,
        (f, g): (&mut [P::Potential], &[P::Potential]),
        row_sums: &mut [P::Sum],
    ) {
        let Self { cost, pool, pass, prepared, width, sum, row, .. } = self;
        let (m, blocks) = (g.len(), f.len().div_ceil(ROW_BLOCK));
        let parts = Parts {
            potential: [Part::of_rows(f, ROW_BLOCK), Part::none()],
            sum: [Part::of_rows(row_sums, ROW_BLOCK), Part::of_tasks(sum, padded(m)), Part::none()],
            cost: Part::of_tasks(row, padded(m)),
        };
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let Pieces { potential: [f, _], sum: [sums, entries, _], cost: row } = pieces;
            let (entries, row) = (vector(entries, m), vector(row, m));
            for (k, (f, sum)) in f.iter_mut().zip(sums).enumerate() {
                let cost = cost.cost_row(pass.level, block * ROW_BLOCK + k, prepared, row);
                (*f, *sum) = shifted_row(pass, *f, g, cost, entries);
            }
            0
        };
        if in_waves(pool, (blocks, width), parts, &work, &mut |_| {}) != 0 {
            row_sums.fill(P::Sum::NAN);
        }
    }

    /// [`super::Geometry::fill`], without what lies behind the rows.
    #[cfg(feature = "scaling")]
    #[inline(never)]
    pub(super) fn fill(
        self,
        (f, g): (&mut [P::Potential], &[P::Potential]),
        kernel: &mut [P::Sum],
    ) {
        let Self { cost, pool, pass, prepared, width, row, .. } = self;
        let (m, blocks) = (g.len(), f.len().div_ceil(ROW_BLOCK));
        let parts = Parts {
            potential: [Part::of_rows(f, ROW_BLOCK), Part::none()],
            sum: [
                Part::of_rows(kernel, padded(m).saturating_mul(ROW_BLOCK)),
                Part::none(),
                Part::none(),
            ],
            cost: Part::of_tasks(row, padded(m)),
        };
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let Pieces { potential: [f, _], sum: [kernel, ..], cost: row } = pieces;
            let first = block * ROW_BLOCK;
            fill_rows(cost, pass, first, (f, g), kernel, prepared, vector(row, m));
            0
        };
        if in_waves(pool, (blocks, width), parts, &work, &mut |_| {}) != 0 {
            kernel.fill(P::Sum::NAN);
        }
    }

    /// The negative of the columns' shifts, max_i (f_i - C_ij), into g.
    #[inline(never)]
    pub(super) fn col_shifts(self, f: &[P::Potential], g: &mut [P::Potential]) {
        let Self { cost, pool, pass, prepared, width, potential, row, .. } = self;
        let (m, blocks) = (g.len(), f.len().div_ceil(ROW_BLOCK));
        g.fill(P::Potential::NEG_INFINITY);
        let parts = Parts {
            potential: [Part::of_tasks(potential, padded(m)), Part::none()],
            sum: [Part::none(), Part::none(), Part::none()],
            cost: Part::of_tasks(row, padded(m)),
        };
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let Pieces { potential: [most, _], cost: row, .. } = pieces;
            let most = vector(most, m);
            most.fill(P::Potential::NEG_INFINITY);
            let (first, f) = block_of(f, block);
            max_block(cost, pass, first, (f, most), prepared, vector(row, m));
            0
        };
        // (A wave that was not done is found out by the sums, which follow.)
        in_waves(pool, (blocks, width), parts, &work, &mut |pieces| {
            let [most, _] = pieces.potential;
            for (g, &most) in g.iter_mut().zip(&*vector(most, m)) {
                *g = g.larger(most);
            }
        });
    }

    /// The sums of [`super::Geometry::col_sums`] at shifts that are known.
    pub(super) fn col_sums(self, at: (&[P::Potential], &[P::Potential]), col_sums: &mut [P::Sum]) {
        self.both_sums(at, &mut [], col_sums);
    }

    /// [`super::Geometry::marginals`].
    pub(super) fn marginals(
        self,
        (f, g): (&[P::Potential], &[P::Potential]),
        row_sums: &mut [P::Sum],
        col_sums: &mut [P::Sum],
    ) -> P::Potential {
        row_sums.fill(P::Sum::ZERO);
        let values = self.both_sums((f, g), row_sums, col_sums);
        let mut transport = Compensated::new();
        for (&value, &f) in values.iter().zip(f) {
            if f > P::Potential::NEG_INFINITY {
                transport.add(value);
            }
        }
        transport.value()
    }

    /// Column sums and, where they are wanted, row sums; the costs of the rows, which come back, with
    /// them.
    #[inline(never)]
    fn both_sums(
        self,
        (f, g): (&[P::Potential], &[P::Potential]),
        row_sums: &mut [P::Sum],
        col_sums: &mut [P::Sum],
    ) -> &'s [P::Potential] {
        let Self { cost, pool, pass, prepared, width, values, sum, row, .. } = self;
        let (m, blocks) = (g.len(), f.len().div_ceil(ROW_BLOCK));
        col_sums.fill(P::Sum::ZERO);
        let parts = Parts {
            potential: [Part::of_rows(values, ROW_BLOCK), Part::none()],
            sum: [
                Part::of_rows(row_sums, ROW_BLOCK),
                Part::of_tasks(sum, SCRATCH_SUM.at(0, m, 0).len()),
                Part::none(),
            ],
            cost: Part::of_tasks(row, padded(m)),
        };
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let Pieces { potential: [values, _], sum: [rows, sum, _], cost: row } = pieces;
            let Some(([entries, ..], partial)) = sums(sum, m) else { return DESERTED };
            let room = ColumnRoom { row: vector(row, m), entries, partial };
            let (first, f) = block_of(f, block);
            column_block(
                cost,
                pass,
                first,
                (f, g),
                prepared,
                room,
                &mut |i, sum, entries, cost| {
                    if let Some(row) = rows.get_mut(i - first) {
                        *row = sum;
                        if let Some(value) = values.get_mut(i - first) {
                            *value = dot_cost::<P>(pass.level, entries, cost);
                        }
                    }
                },
            );
            0
        };
        let found = in_waves(pool, (blocks, width), parts, &work, &mut |pieces| {
            let [_, sum, _] = pieces.sum;
            add_row::<P>(pass.level, P::Sum::ONE, vector(sum, m), col_sums);
        });
        if found != 0 {
            col_sums.fill(P::Sum::NAN);
        }
        values
    }
}

/// A block of a vector of the rows, and where it begins.
fn block_of<T>(x: &[T], block: usize) -> (usize, &[T]) {
    let first = block * ROW_BLOCK;
    let rest = x.get(first..).unwrap_or(&[]);
    (first, rest.get(..ROW_BLOCK).unwrap_or(rest))
}
