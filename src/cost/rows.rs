//! The sweeps of all geometries that can write down one row of the cost.

#[cfg(feature = "lowrank")]
use super::LowRank;
#[cfg(feature = "grid")]
use super::grid::{Grid, Passes};
#[cfg(feature = "parallel")]
use super::parallel;
use super::{
    CostRange, GROUP, Geometry, Pass, PlanRow, ROW_BLOCK, Rows, Scratch, UNTRUSTED, Update, sealed,
};
use crate::error::Error;
#[cfg(feature = "parallel")]
use crate::kernel::Pool;
use crate::kernel::{
    Level, Precision, add_four_rows, add_row, dot_cost, dot_cost_in, entry, exp_row, max_cols,
    max_row, rescaling, rescalings, trusted,
};
use crate::math::{Compensated, SMALL, sum_in_lanes};
use crate::real::Real;
use crate::view::{Mat, MatMut};
#[cfg(feature = "scaling")]
use crate::work::{cut, padded};

/// A cost whose rows can be had one by one.
pub trait RowCost<P: Precision>: sealed::Sealed + Sync {
    /// Number of rows and columns.
    fn shape(&self) -> (usize, usize);

    /// See [`Geometry::dimension`].
    fn dimension(&self) -> usize;

    /// See [`Geometry::coordinates`].
    fn coordinates(&self) -> usize {
        self.dimension()
    }

    /// The cost as one of grids, if that is what it is: its sweeps go axis by axis then.
    #[cfg(feature = "grid")]
    fn grid(&self) -> Option<&Grid<'_, P::Cost>> {
        None
    }

    /// See [`Geometry::scan`].
    fn scan(
        &self,
        level: Level,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error>;

    /// See [`Geometry::pool`].
    #[cfg(feature = "parallel")]
    fn pool(&self) -> Option<&dyn Pool> {
        None
    }

    /// The factors of the kernel that all sweeps come from, where there are any.
    #[cfg(feature = "lowrank")]
    fn factored(&self) -> Option<&LowRank<'_, P::Cost>> {
        None
    }

    /// See [`Geometry::prepare`].
    fn prepare(&self, prepared: &mut [P::Cost]);

    /// Row i, borrowed where it is stored, else written to `buffer`.
    fn cost_row<'s>(
        &'s self,
        level: Level,
        i: usize,
        prepared: &'s [P::Cost],
        buffer: &'s mut [P::Cost],
    ) -> &'s [P::Cost];

    /// C_ij, if (i, j) lies inside.
    fn cost(&self, i: usize, j: usize) -> Option<P::Cost>;

    /// See [`Geometry::pull_back_row`].
    fn pull_back_row(
        &self,
        _i: usize,
        _cost: &[P::Cost],
        _weights: &[P::Potential],
        _x: &mut [P::Potential],
        _y: &mut [P::Potential],
    ) {
    }

    /// See [`Geometry::push_forward_row`].
    fn push_forward_row(
        &self,
        _i: usize,
        _cost: &[P::Cost],
        _x: Option<&Mat<'_, P::Cost>>,
        _y: Option<&Mat<'_, P::Cost>>,
        _out: &mut [P::Potential],
    ) {
    }

    /// See [`Geometry::slope`].
    fn slope(&self, _i: usize, _j: usize, _k: usize) -> Option<P::Potential> {
        None
    }

    /// See [`Geometry::transposed`].
    fn transposed(&self) -> Self;

    /// See [`Geometry::behind`].
    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error>
    where
        Self: Sized;
}

/// Entries of one row at a shift where their sum can be trusted: f itself if possible, else minus
/// the row's maximum. Returns the shift and the sum. A row without weight has none; a row whose
/// partners are all forbidden or without weight keeps f and has sum 0.
// (The condition of `SMALL`. Elsewhere a call for each row would be felt where rows are short.)
#[cfg_attr(all(target_pointer_width = "32", not(target_family = "wasm")), inline)]
#[cfg_attr(not(all(target_pointer_width = "32", not(target_family = "wasm"))), inline(always))]
pub(super) fn shifted_row<P: Precision>(
    pass: Pass<P>,
    f: P::Potential,
    g: &[P::Potential],
    cost: &[P::Cost],
    out: &mut [P::Sum],
) -> (P::Potential, P::Sum) {
    if f == P::Potential::NEG_INFINITY {
        out.fill(P::Sum::ZERO);
        return (f, P::Sum::ZERO);
    }
    let sum = exp_row::<P>(pass.level, pass.level.is_wide(), pass.scale, f, g, cost, out);
    if trusted(sum) {
        return (f, sum);
    }
    let shift = -max_row::<P>(pass.level, g, cost);
    if !shift.is_finite() {
        return (f, sum);
    }
    (shift, exp_row::<P>(pass.level, pass.level.is_wide(), pass.scale, shift, g, cost, out))
}

/// Is told of every row with mass: its index, its sum, its entries and their costs.
type Watch<'a, S, C> = dyn FnMut(usize, S, &[S], &[C]) + 'a;

/// Sums of the plan over its columns, and over its rows where `row` has room for them: then the transport
/// cost too.
#[inline(never)]
fn column_sums<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    (f, g): (&[P::Potential], &[P::Potential]),
    row: &mut [P::Sum],
    col: &mut [P::Sum],
    scratch: &mut Scratch<'_, P>,
) -> P::Potential {
    let mut transport = Compensated::new();
    if SMALL {
        add_blocks::<P>(pass.level, f.len(), col, scratch, &mut |i, scratch| {
            let f = f.get(i).copied().filter(|&f| f > P::Potential::NEG_INFINITY)?;
            let Scratch { prepared, row: buffer, entries: [entries, products, ..], .. } = scratch;
            let cost = cost.cost_row(pass.level, i, prepared, buffer);
            let sum = exp_row::<P>(pass.level, false, pass.scale, f, g, cost, entries);
            if let Some(row) = row.get_mut(i) {
                *row = sum;
                transport.add(dot_cost_in::<P>(pass.level, entries, cost, products));
            }
            Some(P::Sum::ONE)
        });
        return transport.value();
    }
    let mut watch = |i, sum, entries: &[P::Sum], cost: &[P::Cost]| {
        if let Some(row) = row.get_mut(i) {
            *row = sum;
            transport.add(dot_cost::<P>(pass.level, entries, cost));
        }
    };
    let Scratch { prepared, row: buffer, entries: [entries, ..], partial, .. } = scratch;
    col.fill(P::Sum::ZERO);
    for (block, f) in f.chunks(ROW_BLOCK).enumerate() {
        let room = ColumnRoom { row: buffer, entries, partial };
        column_block(cost, pass, block * ROW_BLOCK, (f, g), prepared, room, &mut watch);
        add_row::<P>(pass.level, P::Sum::ONE, partial, col);
    }
    transport.value()
}

/// Fills the entries of a row in the scratch and gives their weight, if any.
type Visit<'v, P> = dyn FnMut(usize, &mut Scratch<'_, P>) -> Option<<P as Precision>::Sum> + 'v;

/// Adds up `n` rows over the columns, in blocks as all sweeps do: one loop for all sweeps, where flash
/// counts.
#[inline(never)]
fn add_blocks<P: Precision>(
    level: Level,
    n: usize,
    col: &mut [P::Sum],
    scratch: &mut Scratch<'_, P>,
    visit: &mut Visit<'_, P>,
) {
    col.fill(P::Sum::ZERO);
    let mut i = 0;
    while i < n {
        scratch.partial.fill(P::Sum::ZERO);
        let end = n.min(i + ROW_BLOCK);
        while i < end {
            if let Some(weight) = visit(i, scratch) {
                let Scratch { entries: [entries, ..], partial, .. } = scratch;
                add_row::<P>(level, weight, entries, partial);
            }
            i += 1;
        }
        add_row::<P>(level, P::Sum::ONE, scratch.partial, col);
    }
}

/// [`Geometry::sweep`] where flash and stack count, with the same bits.
pub(crate) fn sweep_one_by_one<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    (f, g): (&mut [P::Potential], &[P::Potential]),
    (col, kept): (&mut [P::Sum], &mut [P::Sum]),
    scratch: &mut Scratch<'_, P>,
    update: &mut impl Update<P>,
) -> bool {
    let mut all_trusted = true;
    add_blocks::<P>(pass.level, f.len(), col, scratch, &mut |i, scratch| {
        let Scratch { prepared, row, entries: [entries, ..], .. } = scratch;
        let f = f.get_mut(i)?;
        let cost = cost.cost_row(pass.level, i, prepared, row);
        let (shift, sum) = shifted_row(pass, *f, g, cost, entries);
        *f = update.renew_one(i, *f, (shift, sum), kept.get_mut(i));
        let mut weight = P::Sum::ZERO;
        if shift > P::Potential::NEG_INFINITY {
            weight = rescaling::<P>(pass.scale, shift, *f);
            all_trusted &= trusted(weight);
        }
        Some(weight)
    });
    all_trusted
}

/// Buffers of a block of rows whose entries are added up over the columns.
pub(super) struct ColumnRoom<'a, P: Precision> {
    pub(super) row: &'a mut [P::Cost],
    pub(super) entries: &'a mut [P::Sum],
    pub(super) partial: &'a mut [P::Sum],
}

/// Column sums of a block of rows, from `first` on.
#[inline(always)]
pub(super) fn column_block<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    first: usize,
    (f, g): (&[P::Potential], &[P::Potential]),
    prepared: &[P::Cost],
    room: ColumnRoom<'_, P>,
    watch: &mut Watch<'_, P::Sum, P::Cost>,
) {
    let ColumnRoom { row, entries, partial } = room;
    partial.fill(P::Sum::ZERO);
    for (k, &f) in f.iter().enumerate() {
        if f > P::Potential::NEG_INFINITY {
            let i = first + k;
            let cost = cost.cost_row(pass.level, i, prepared, row);
            let sum =
                exp_row::<P>(pass.level, pass.level.is_wide(), pass.scale, f, g, cost, entries);
            watch(i, sum, entries, cost);
            add_row::<P>(pass.level, P::Sum::ONE, entries, partial);
        }
    }
}

/// Shifts of the columns: g_j becomes the larger of itself and f_i - c_ij for rows from `first` on.
#[inline(always)]
pub(super) fn max_block<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    first: usize,
    (f, g): (&[P::Potential], &mut [P::Potential]),
    prepared: &[P::Cost],
    row: &mut [P::Cost],
) {
    for (k, &f) in f.iter().enumerate() {
        if f > P::Potential::NEG_INFINITY {
            let cost = cost.cost_row(pass.level, first + k, prepared, row);
            max_cols::<P>(pass.level, f, cost, g);
        }
    }
}

/// [`max_block`] of all rows, which is not on the stack of the sums that come next.
#[inline(never)]
fn greatest<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    (f, g): (&[P::Potential], &mut [P::Potential]),
    scratch: &mut Scratch<'_, P>,
) {
    g.fill(P::Potential::NEG_INFINITY);
    max_block(cost, pass, 0, (f, g), scratch.prepared, scratch.row);
}

/// See [`Geometry::fill`], for rows from `first` on.
#[cfg(feature = "scaling")]
#[inline(always)]
pub(super) fn fill_rows<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    first: usize,
    (f, g): (&mut [P::Potential], &[P::Potential]),
    kernel: &mut [P::Sum],
    prepared: &[P::Cost],
    row: &mut [P::Cost],
) {
    // (Chunks of a length known at run time leave a division by zero.)
    let (stride, mut rest) = (padded(g.len()), kernel);
    for (k, f) in f.iter_mut().enumerate() {
        let out = cut(&mut rest, stride).unwrap_or_default();
        let cost = cost.cost_row(pass.level, first + k, prepared, row);
        let (entries, padding) = out.split_at_mut_checked(g.len()).unwrap_or_default();
        (*f, _) = shifted_row(pass, *f, g, cost, entries);
        padding.fill(P::Sum::ZERO);
    }
}

/// Buffers of a block of rows in a fused sweep.
pub(super) struct BlockRoom<'a, 'b, P: Precision> {
    pub(super) row: &'a mut [P::Cost],
    /// A buffer for each row of a group.
    pub(super) entries: &'a mut [&'b mut [P::Sum]],
    pub(super) partial: &'a mut [P::Sum],
    /// What the update keeps of the rows.
    pub(super) kept: &'a mut [P::Sum],
}

/// A block of rows, from `first` on, in a fused sweep: asks `update` for their new potentials and adds
/// them to the column sums of the block. Returns [`UNTRUSTED`] or 0.
#[inline(always)]
pub(super) fn sweep_block<P: Precision>(
    cost: &impl RowCost<P>,
    pass: Pass<P>,
    mut first: usize,
    (f, g): (&mut [P::Potential], &[P::Potential]),
    prepared: &[P::Cost],
    room: BlockRoom<'_, '_, P>,
    update: &mut impl FnMut(Rows<'_, P>),
) -> u32 {
    let BlockRoom { row, entries, partial, kept } = room;
    let mut all_trusted = true;
    let mut kept = kept.chunks_mut(GROUP);
    partial.fill(P::Sum::ZERO);
    for f in f.chunks_mut(GROUP) {
        let mut shift = [P::Potential::NEG_INFINITY; GROUP];
        let mut sums = [P::Sum::ZERO; GROUP];
        let rows = shift.iter_mut().zip(sums.iter_mut()).zip(entries.iter_mut());
        for (k, (&f, ((shift, sum), entries))) in f.iter().zip(rows).enumerate() {
            let cost = cost.cost_row(pass.level, first + k, prepared, row);
            (*shift, *sum) = shifted_row(pass, f, g, cost, entries);
        }
        let mut new = shift;
        let (Some(potential), Some(known)) = (new.get_mut(..f.len()), sums.get(..f.len())) else {
            return UNTRUSTED;
        };
        let kept = kept.next().unwrap_or_default();
        update(Rows { first, old: f, potential, sums: known, kept });
        // From here on the sums are the weights of their rows.
        let weights = &mut sums;
        if let (Some(shift), Some(new)) = (shift.first_chunk(), new.first_chunk())
            && let Some(weights) = weights.first_chunk_mut()
        {
            rescalings::<P>(pass.level, pass.scale, shift, new, weights);
            for (&weight, &shift) in weights.iter().zip(shift) {
                all_trusted &= trusted(weight) || shift == P::Potential::NEG_INFINITY;
            }
        } else {
            for (weight, (&new, &shift)) in weights.iter_mut().zip(new.iter().zip(&shift)) {
                *weight = P::Sum::ZERO;
                if shift > P::Potential::NEG_INFINITY {
                    *weight = rescaling::<P>(pass.scale, shift, new);
                    all_trusted &= trusted(*weight);
                }
            }
        }
        for (f, &new) in f.iter_mut().zip(&new) {
            *f = new;
        }
        if f.len() == GROUP
            && let (Some(weights), Some(entries)) = (weights.first_chunk(), entries.first_chunk())
        {
            add_four_rows::<P>(pass.level, weights, entries, partial);
        } else {
            let rows = weights.iter().zip(&*entries).take(f.len());
            for (&weight, entries) in rows {
                add_row::<P>(pass.level, weight, entries, partial);
            }
        }
        first += f.len();
    }
    if all_trusted { 0 } else { UNTRUSTED }
}

impl<P: Precision, C: RowCost<P>> Geometry<P> for C {
    fn rows(&self) -> usize {
        self.shape().0
    }

    fn cols(&self) -> usize {
        self.shape().1
    }

    fn dimension(&self) -> usize {
        RowCost::<P>::dimension(self)
    }

    fn coordinates(&self) -> usize {
        RowCost::<P>::coordinates(self)
    }

    #[cfg(feature = "lowrank")]
    fn epsilon(&self) -> Option<P::Potential> {
        RowCost::<P>::factored(self).map(|factors| P::widen(factors.epsilon()))
    }

    fn scan(
        &self,
        level: Level,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        RowCost::<P>::scan(self, level, a, b, column_seen)
    }

    #[cfg(feature = "parallel")]
    fn pool(&self) -> Option<&dyn Pool> {
        RowCost::<P>::pool(self)
    }

    fn prepare(&self, scratch: &mut Scratch<'_, P>) {
        RowCost::<P>::prepare(self, scratch.prepared);
    }

    fn row_sums(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        sums: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) {
        #[cfg(feature = "lowrank")]
        if let Some(factors) = RowCost::<P>::factored(self) {
            return factors.row_sums(pass, f, g, sums, scratch);
        }
        #[cfg(feature = "grid")]
        if let Some(mut passes) = Passes::of(self.grid(), pass, scratch) {
            return passes.row_sums(f, g, sums);
        }
        #[cfg(feature = "parallel")]
        if let Some(crew) = parallel::Crew::of(self, pass, scratch) {
            return crew.row_sums((f, g), sums);
        }
        let [entries, ..] = &mut scratch.entries;
        for (i, (f, sum)) in f.iter_mut().zip(sums).enumerate() {
            let cost = self.cost_row(pass.level, i, scratch.prepared, scratch.row);
            (*f, *sum) = shifted_row(pass, *f, g, cost, entries);
        }
    }

    #[cfg(feature = "scaling")]
    fn fill(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        kernel: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) {
        let stride = padded(g.len());
        let Some((rows, rest)) = kernel.split_at_mut_checked(f.len().saturating_mul(stride)) else {
            return;
        };
        rest.fill(P::Sum::ZERO);
        #[cfg(feature = "parallel")]
        if let Some(crew) = parallel::Crew::of(self, pass, scratch) {
            return crew.fill((f, g), rows);
        }
        fill_rows(self, pass, 0, (f, g), rows, scratch.prepared, scratch.row);
    }

    fn col_sums(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &mut [P::Potential],
        sums: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) {
        #[cfg(feature = "lowrank")]
        if let Some(factors) = RowCost::<P>::factored(self) {
            return factors.col_sums(pass, f, g, sums, scratch);
        }
        #[cfg(feature = "grid")]
        if let Some(mut passes) = Passes::of(self.grid(), pass, scratch) {
            return passes.col_sums(f, g, sums);
        }
        #[cfg(feature = "parallel")]
        let crew = parallel::Crew::of(self, pass, scratch).map(|crew| crew.col_shifts(f, g));
        #[cfg(not(feature = "parallel"))]
        let crew = None::<()>;
        if crew.is_none() {
            greatest(self, pass, (f, g), scratch);
        }
        for g in g.iter_mut() {
            // A column without any partner gets shift 0 and sum 0.
            *g = if g.is_finite() { -*g } else { P::Potential::ZERO };
        }
        #[cfg(feature = "parallel")]
        if let Some(crew) = parallel::Crew::of(self, pass, scratch) {
            return crew.col_sums((f, g), sums);
        }
        column_sums(self, pass, (f, g), &mut [], sums, scratch);
    }

    fn sweep(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        col_sums: &mut [P::Sum],
        kept: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
        update: &mut impl Update<P>,
    ) -> bool {
        #[cfg(feature = "lowrank")]
        if let Some(factors) = RowCost::<P>::factored(self) {
            return factors.sweep(pass, f, g, col_sums, kept, scratch, update);
        }
        #[cfg(feature = "grid")]
        if let Some(mut passes) = Passes::of(self.grid(), pass, scratch) {
            return passes.sweep(f, g, col_sums, kept, update);
        }
        #[cfg(feature = "parallel")]
        if let Some(crew) = parallel::Crew::of(self, pass, scratch) {
            return crew.sweep((f, g), col_sums, kept, update);
        }
        if SMALL {
            return sweep_one_by_one(self, pass, (f, g), (col_sums, kept), scratch, update);
        }
        let Scratch { prepared, row, entries, partial, .. } = scratch;
        let (mut found, mut kept) = (0, kept.chunks_mut(ROW_BLOCK));
        col_sums.fill(P::Sum::ZERO);
        for (block, f) in f.chunks_mut(ROW_BLOCK).enumerate() {
            let kept = kept.next().unwrap_or_default();
            let room = BlockRoom { row, entries, partial, kept };
            let take = &mut |rows: Rows<'_, P>| {
                let mut at_old = [[P::Potential::ZERO; 2]; GROUP];
                if let Some(at_old) = at_old.get_mut(..rows.old.len()) {
                    let found = update.renew(rows, at_old);
                    update.note(found);
                    update.tally(at_old);
                }
            };
            let first = block * ROW_BLOCK;
            found |= sweep_block(self, pass, first, (f, g), prepared, room, take);
            add_row::<P>(pass.level, P::Sum::ONE, partial, col_sums);
        }
        found == 0
    }

    // (Where there is one way to go, a call of a call.)
    #[cfg_attr(
        not(any(feature = "lowrank", feature = "grid", feature = "parallel")),
        inline(always)
    )]
    fn marginals(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &[P::Potential],
        row: &mut [P::Sum],
        col: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) -> P::Potential {
        #[cfg(feature = "lowrank")]
        if let Some(factors) = RowCost::<P>::factored(self) {
            return factors.marginals(pass, f, g, row, col, scratch);
        }
        #[cfg(feature = "grid")]
        if let Some(mut passes) = Passes::of(self.grid(), pass, scratch) {
            return passes.marginals(f, g, row, col);
        }
        #[cfg(feature = "parallel")]
        if let Some(crew) = parallel::Crew::of(self, pass, scratch) {
            return crew.marginals((f, g), row, col);
        }
        row.fill(P::Sum::ZERO);
        column_sums(self, pass, (f, g), row, col, scratch)
    }

    fn plan_rows(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &[P::Potential],
        scratch: &mut Scratch<'_, P>,
        visit: &mut impl FnMut(PlanRow<'_, P>),
    ) {
        let [entries, ..] = &mut scratch.entries;
        for (i, &f) in f.iter().enumerate() {
            let cost = self.cost_row(pass.level, i, scratch.prepared, scratch.row);
            let start = if f > P::Potential::NEG_INFINITY { f } else { P::Potential::ZERO };
            let (shift, sum) = shifted_row(pass, start, g, cost, entries);
            let massless = shift != f || !trusted(sum);
            visit(PlanRow { i, cost, entries, sum, massless });
        }
    }

    fn pull_back_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        weights: &[P::Potential],
        x: &mut [P::Potential],
        y: &mut [P::Potential],
    ) {
        RowCost::<P>::pull_back_row(self, i, cost, weights, x, y);
    }

    fn push_forward_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        x: Option<&Mat<'_, P::Cost>>,
        y: Option<&Mat<'_, P::Cost>>,
        out: &mut [P::Potential],
    ) {
        RowCost::<P>::push_forward_row(self, i, cost, x, y, out);
    }

    fn slope(&self, i: usize, j: usize, k: usize) -> Option<P::Potential> {
        RowCost::<P>::slope(self, i, j, k)
    }

    fn largest(
        &self,
        level: Level,
        scratch: &mut Scratch<'_, P>,
    ) -> Option<(P::Cost, usize, usize)> {
        #[cfg(feature = "grid")]
        if let Some(grid) = self.grid() {
            return grid.largest();
        }
        let mut found = None;
        for i in 0..self.shape().0 {
            let cost = self.cost_row(level, i, scratch.prepared, scratch.row);
            for (j, &c) in cost.iter().enumerate() {
                if c.is_finite() && found.is_none_or(|(most, _, _)| c > most) {
                    found = Some((c, i, j));
                }
            }
        }
        found
    }

    fn transposed(&self) -> Self {
        RowCost::<P>::transposed(self)
    }

    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error> {
        RowCost::<P>::behind(self, offsets)
    }

    fn conditional_mean(
        &self,
        pass: Pass<P>,
        g: &[P::Potential],
        values: &Mat<'_, P::Cost>,
        out: &mut MatMut<'_, P::Cost>,
        scratch: &mut Scratch<'_, P>,
    ) {
        #[cfg(feature = "grid")]
        if let Some(mut passes) = Passes::of(self.grid(), pass, scratch) {
            return passes.conditional_mean(g, values, out);
        }
        // Values are read column by column: rows of the transposed view.
        let columns = values.transposed();
        let [entries, products, ..] = &mut scratch.entries;
        for i in 0..self.shape().0 {
            let cost = self.cost_row(pass.level, i, scratch.prepared, scratch.row);
            let (_, sum) = shifted_row(pass, P::Potential::ZERO, g, cost, entries);
            for k in 0..columns.rows() {
                for ((product, &e), v) in products.iter_mut().zip(&**entries).zip(columns.row(k)) {
                    *product = P::narrow(P::Potential::from(e) * P::widen(v));
                }
                let mean = sum_in_lanes(products, |x| x) / sum;
                out.set(i, k, P::cost_of(mean));
            }
        }
    }

    fn plan_row(
        &self,
        pass: Pass<P>,
        i: usize,
        f: P::Potential,
        g: &[P::Potential],
        out: &mut [P::Sum],
    ) -> bool {
        if i >= self.shape().0 {
            return false;
        }
        for (j, (out, &g)) in out.iter_mut().zip(g).enumerate() {
            let cost = self.cost(i, j).unwrap_or(P::Cost::INFINITY);
            *out = entry::<P>(pass.scale, f, g, cost);
        }
        true
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        RowCost::<P>::cost(self, i, j)
    }
}
