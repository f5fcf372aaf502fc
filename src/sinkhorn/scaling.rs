//! Sweeps over a kernel that is kept in memory: two products and two sums for each entry instead of an
//! exponential.
//!
//! K_ij = exp((f0_i + g0_j - C_ij) / epsilon) at absorbed potentials; with u_i = exp((f_i - f0_i) /
//! epsilon) and v_j alike the plan is u K v. A block of rows gives its sums K v, hence its new
//! potentials by the same rules as in the log domain, hence u, and is added to K^T u while it is in
//! cache. The kernel is filled again where v has left the range in which whatever K flushed to zero
//! stays below one rounding; a sum that cannot be trusted sends the sweep back to the log domain.

use super::fused::restore;
use super::solver::Iteration;
use super::start::Work;
use crate::cost::{Geometry, Pass, ROW_BLOCK, Seen};
#[cfg(feature = "parallel")]
use crate::cost::{Lent, Pool, Scratch};
#[cfg(feature = "parallel")]
use crate::kernel::{Part, Parts, Pieces, in_waves};
use crate::kernel::{
    Precision, add_kept, add_row, all_equal, all_trusted, factors, off_target, rows_dot, seen,
    trusted,
};
use crate::marginal::{Ball, Memory, Side};
use crate::math::{LANES, SMALL};
use crate::real::Real;
use crate::work::{Coefficients, WorkLen, cut, padded, take};

/// Vectors besides the kernel: absorbed potentials and a copy of the rows' potentials; the scalings, and
/// column sums, of all rows and of a block.
pub(super) const POTENTIAL: Coefficients = Coefficients { n: 2, m: 1, d: 0, one: 0 };
pub(super) const SUM: Coefficients = Coefficients { n: 1, m: 3, d: 0, one: 0 };

/// Elements of the kernel, padded both ways.
pub(super) const fn kernel_len(n: usize, m: usize) -> WorkLen {
    WorkLen::of(padded(m)).times(padded(n))
}

/// Rows that are updated together at most. (On small machines stack counts.)
const GROUP: usize = if SMALL { LANES } else { ROW_BLOCK };
/// Bytes of a kernel's rows that a processor may be trusted to keep close from one pass to the next.
const FIRST_CACHE: usize = 32 << 10;

/// Sweeps in a row that had to go back to the log domain before the kernel is given up.
const SETBACKS: u32 = 8;

/// What goes on from sweep to sweep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Absorbed {
    /// The work is laid out with room for a kernel, whatever its length is when a solve is taken up.
    pub(crate) room: bool,
    /// The kernel belongs to this problem.
    pub(crate) filled: bool,
    /// Latest sweeps that had to go back.
    pub(crate) setbacks: u32,
}

impl Absorbed {
    /// The kernel does not serve.
    fn set_back(&mut self) {
        (self.filled, self.setbacks) = (false, self.setbacks.saturating_add(1));
    }

    /// The kernel was given up.
    pub(crate) const fn given_up(self) -> bool {
        self.setbacks >= SETBACKS
    }
}

/// The kernel and what belongs to it; empty without room for it.
pub(super) struct Kept<'a, P: Precision> {
    /// padded(n) rows of padded(m) entries, the padding zero.
    kernel: &'a mut [P::Sum],
    /// Potentials that the kernel has absorbed.
    f0: &'a mut [P::Potential],
    g0: &'a mut [P::Potential],
    /// The rows' potentials that `u` belongs to: those before a sweep while it lasts.
    old: &'a mut [P::Potential],
    /// exp((f - f0) / epsilon) and exp((g - g0) / epsilon), padded with zeros.
    u: &'a mut [P::Sum],
    v: &'a mut [P::Sum],
    /// K^T u, and that of a block of rows.
    total: &'a mut [P::Sum],
    partial: &'a mut [P::Sum],
}

impl<'a, P: Precision> Kept<'a, P> {
    pub(super) fn none() -> Self {
        Self {
            kernel: &mut [],
            f0: &mut [],
            g0: &mut [],
            old: &mut [],
            u: &mut [],
            v: &mut [],
            total: &mut [],
            partial: &mut [],
        }
    }

    pub(super) const fn is_none(&self) -> bool {
        self.kernel.is_empty()
    }

    pub(super) fn cut(
        potential: &mut &'a mut [P::Potential],
        sum: &mut &'a mut [P::Sum],
        [n, m]: [usize; 2],
    ) -> Option<Self> {
        Some(Self {
            kernel: take(sum, kernel_len(n, m).len())?,
            f0: take(potential, n)?,
            old: take(potential, n)?,
            g0: take(potential, m)?,
            u: take(sum, padded(n))?,
            v: take(sum, padded(m))?,
            total: take(sum, padded(m))?,
            partial: take(sum, padded(m))?,
        })
    }

    /// Scalings of both sides at these potentials; whether those of the columns can be trusted. Those of
    /// the rows are left as they are if they are known to be `current`: a sweep leaves them so.
    fn scale(&mut self, pass: Pass<P>, [f, g]: [&[P::Potential]; 2], current: bool) -> bool {
        if !(current && all_equal::<P>(pass.level, self.old, f)) {
            factors::<P>(pass.level, pass.scale, self.f0, f, self.u);
            copy(self.old, f);
        }
        factors::<P>(pass.level, pass.scale, self.g0, g, self.v);
        // (Here and below all are looked at: branches would cost more than what they save.)
        self.v.iter().fold(true, |all, &v| all & ((v == P::Sum::ZERO) | trusted(v)))
    }
}

/// [`LANES`] rows of a kernel from `first` on.
fn rows<T>(kernel: &[T], stride: usize, first: usize) -> &[T] {
    kernel.get(first * stride..(first + LANES) * stride).unwrap_or(&[])
}

/// What a pass over the rows found out.
struct Rows<T> {
    residual: T,
    mass: T,
    trouble: bool,
    moved: bool,
    /// Whether K^T u lost nothing that counts.
    reliable: bool,
}

impl<T: Real> Rows<T> {
    fn new(coupled: bool) -> Self {
        let zero = T::ZERO;
        Self { residual: zero, mass: zero, trouble: false, moved: coupled, reliable: true }
    }

    /// Takes in rows at their old potentials, in their order.
    fn tally(&mut self, at_old: &[Seen<T>]) {
        for &[sum, off] in at_old {
            self.residual += off;
            self.mass += sum;
        }
    }

    /// Takes in what blocks found; `None` if a sum could not be trusted.
    fn note(&mut self, found: u32) -> Option<()> {
        self.trouble |= found & TROUBLE != 0;
        self.moved |= found & MOVED != 0;
        self.reliable &= found & UNRELIABLE == 0;
        (found & !(TROUBLE | MOVED | UNRELIABLE) == 0).then_some(())
    }
}

/// Bits of what a block of rows found: a potential had to be restored; one changed; a scaling, or a sum
/// of a row, cannot be trusted.
const TROUBLE: u32 = 1;
const MOVED: u32 = 2;
const UNRELIABLE: u32 = 4;
const LOST: u32 = 8;

/// What all blocks of a sweep read.
struct Shared<'s, 'a, P: Precision> {
    side: &'s Side<'a, P>,
    pass: Pass<P>,
    kernel: &'s [P::Sum],
    v: &'s [P::Sum],
    f0: &'s [P::Potential],
    old: &'s [P::Potential],
    coupled: bool,
}

/// What belongs to a block of rows, from `first` on.
struct Block<'s, P: Precision> {
    first: usize,
    f: &'s mut [P::Potential],
    u: &'s mut [P::Sum],
    /// Where the sums of a rule that couples them are kept.
    row: &'s mut [P::Sum],
    /// K^T u of the block.
    partial: &'s mut [P::Sum],
}

impl<P: Precision> Shared<'_, '_, P> {
    /// Rows that are updated together: as many as stay in the first cache from their sums to their
    /// addition, or [`LANES`]. Whole groups make a block. Bits do not depend on it.
    fn group(&self) -> usize {
        let fit = FIRST_CACHE / size_of::<P::Sum>() / self.v.len().max(1);
        if fit >= GROUP { GROUP } else { LANES }
    }

    /// Updates the rows of a block and leaves their K^T u, but where the rule couples its entries: then
    /// their sums alone. `targets` are the marginals that the rule assigns to the old potentials of all
    /// rows, and `at_old` is shown the rows there, in their order.
    #[inline(always)]
    fn update(
        &self,
        block: Block<'_, P>,
        targets: &[P::Sum],
        at_old: &mut impl FnMut(&[Seen<P::Potential>]),
    ) -> u32 {
        let Self { side, pass, kernel, v, coupled, .. } = *self;
        let Block { first, f, u, row, partial } = block;
        let mut found = 0;
        let group = self.group();
        let (mut fs, mut us, mut kept, mut next) = (f, u, row, first);
        if !coupled {
            partial.fill(P::Sum::ZERO);
        }
        // (Chunks of a length that only run time knows leave a panic path.)
        while !fs.is_empty() {
            let (first, len, padded) = (next, fs.len().min(group), us.len().min(group));
            next += len;
            let (Some(f), Some(weights)) = (cut(&mut fs, len), cut(&mut us, padded)) else {
                return LOST;
            };
            let mut sums = [P::Sum::ZERO; GROUP];
            let lanes = sums.as_chunks_mut().0.iter_mut().take(group / LANES);
            for (k, sums) in lanes.enumerate() {
                rows_dot::<P>(pass.level, rows(kernel, v.len(), first + k * LANES), v, sums);
            }
            let place = first..first + f.len();
            let known = (sums.get(..f.len()), weights.get_mut(..f.len()));
            let held = (self.old.get(place.clone()), targets.get(place.clone()));
            let ((Some(sums), Some(u)), (Some(old), Some(targets)), Some(f0)) =
                (known, held, self.f0.get(place))
            else {
                return LOST;
            };
            if !all_trusted::<P>(pass.level, sums, f0) {
                return LOST;
            }
            let mut values = [[P::Potential::ZERO; 2]; GROUP];
            off_target::<P>(pass.level, sums, u, targets, &mut values);
            if side.has_corners() {
                // At these the rule leaves a choice of targets.
                let entries = sums.iter().zip(&*u).zip(old.iter().zip(targets)).enumerate();
                for (value, (k, ((&sum, &u), (&old, &target)))) in values.iter_mut().zip(entries) {
                    let sum = sum * u;
                    *value = seen::<P>(sum, side.nearest(first + k, old, sum, target));
                }
            }
            at_old(values.get(..f.len()).unwrap_or(&[]));
            if coupled {
                copy(cut(&mut kept, len).unwrap_or_default(), sums);
                continue;
            }
            copy(f, f0);
            // A rule that updates a few rows at a time keeps nothing.
            let memory = Memory { marginal: &mut [], ball: &mut Ball::default() };
            side.update(pass.level, first, sums, f, memory);
            if restore::<P>(pass.level, f, old) {
                found |= TROUBLE;
            }
            if !all_equal::<P>(pass.level, f, old) {
                found |= MOVED;
            }
            factors::<P>(pass.level, pass.scale, f0, f, u);
            if !all_trusted::<P>(pass.level, u, f0) {
                found |= UNRELIABLE;
            }
            let entries = kernel.get(first * v.len()..).unwrap_or(&[]);
            add_kept::<P>(pass.level, weights, entries, partial);
        }
        found
    }

    /// K^T u of a block whose scalings are known.
    #[inline(always)]
    fn add(&self, first: usize, u: &[P::Sum], partial: &mut [P::Sum]) {
        partial.fill(P::Sum::ZERO);
        let entries = self.kernel.get(first * self.v.len()..).unwrap_or(&[]);
        add_kept::<P>(self.pass.level, u, entries, partial);
    }
}

/// The host's threads and the buffers for them.
#[cfg(feature = "parallel")]
struct Crew<'s, P: Precision> {
    pool: &'s dyn Pool,
    width: usize,
    /// The rows at their old potentials.
    values: &'s mut [P::Potential],
    /// K^T u of the blocks under way.
    partial: &'s mut [P::Sum],
}

#[cfg(feature = "parallel")]
impl<'s, P: Precision> Crew<'s, P> {
    #[inline]
    fn of(cost: &'s impl Geometry<P>, scratch: &'s mut Scratch<'_, P>) -> Option<Self> {
        let pool = cost.pool()?;
        let Lent { width, values, sum: partial } = scratch.slots.lend()?;
        Some(Self { pool, width, values, partial })
    }

    /// [`Shared::update`] of all blocks; what the rule does not couple is added to the total.
    #[inline(never)]
    fn rows(
        &mut self,
        shared: &Shared<'_, '_, P>,
        f: &mut [P::Potential],
        [u, kept, total]: [&mut [P::Sum]; 3],
        targets: &[P::Sum],
    ) -> u32 {
        let (m, blocks) = (shared.v.len(), f.len().div_ceil(ROW_BLOCK));
        let potential = [Part::of_rows(f, ROW_BLOCK), Part::of_rows(self.values, 2 * ROW_BLOCK)];
        let partial = Part::of_tasks(self.partial, m);
        let sum = [Part::of_rows(u, ROW_BLOCK), Part::of_rows(kept, ROW_BLOCK), partial];
        let parts = Parts { potential, sum, cost: Part::none() };
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let Pieces { potential: [f, values], sum: [u, row, partial], .. } = pieces;
            let mut values = values.as_chunks_mut().0;
            let block = Block { first: block * ROW_BLOCK, f, u, row, partial };
            let keep = &mut |rows: &[_]| {
                copy(cut(&mut values, rows.len()).unwrap_or_default(), rows);
            };
            shared.update(block, targets, keep)
        };
        in_waves(self.pool, (blocks, self.width), parts, &work, &mut |pieces| {
            let [.., partial] = pieces.sum;
            if !shared.coupled {
                add_row::<P>(shared.pass.level, P::Sum::ONE, partial, total);
            }
        })
    }

    /// [`Shared::add`] of all blocks, added to the total.
    #[inline(never)]
    fn add(&mut self, shared: &Shared<'_, '_, P>, u: &mut [P::Sum], total: &mut [P::Sum]) -> u32 {
        let (m, blocks) = (shared.v.len(), u.len().div_ceil(ROW_BLOCK));
        let partial = Part::of_tasks(self.partial, m);
        let parts = Parts {
            potential: [Part::none(), Part::none()],
            sum: [Part::of_rows(u, ROW_BLOCK), Part::none(), partial],
            cost: Part::none(),
        };
        let work = |block: usize, pieces: Pieces<'_, P>| {
            let [u, _, partial] = pieces.sum;
            shared.add(block * ROW_BLOCK, u, partial);
            0
        };
        in_waves(self.pool, (blocks, self.width), parts, &work, &mut |pieces| {
            let [.., partial] = pieces.sum;
            add_row::<P>(shared.pass.level, P::Sum::ONE, partial, total);
        })
    }
}

impl<P: Precision, G: Geometry<P>> Iteration<'_, P, G> {
    /// One sweep over the kept kernel, if there is one; false if the log domain has to do it.
    pub(super) fn scaled_sweep(&mut self) -> bool {
        if self.work.kept.is_none() || self.state.absorbed.given_up() {
            return false;
        }
        self.absorb();
        let Some(Rows { residual, mass, trouble, moved, reliable }) = self.scaled_rows() else {
            self.state.absorbed.set_back();
            return false;
        };
        copy(self.g, self.work.kept.g0);
        copy(self.work.col, self.work.kept.total);
        self.state.residual = residual / mass;
        self.state.trouble |= trouble;
        self.state.still = if moved { 0 } else { self.state.still.saturating_add(1) };
        if self.update_columns(!reliable) {
            self.state.absorbed.set_back();
        } else {
            self.state.absorbed.setbacks = 0;
        }
        true
    }

    /// Brings the scalings up to date, and the kernel if they have gone too far.
    fn absorb(&mut self) {
        let Self { problem, f, g, work, state, .. } = self;
        let pass = problem.pass(state.level);
        let Work { kept, scratch, .. } = work;
        let filled = state.absorbed.filled;
        if !(kept.scale(pass, [f, g], filled) && filled) {
            copy(kept.f0, f);
            copy(kept.g0, g);
            problem.geometry().fill(pass, kept.f0, kept.g0, kept.kernel, scratch);
            kept.u.fill(P::Sum::ZERO);
            kept.v.fill(P::Sum::ZERO);
            kept.scale(pass, [f, g], false);
            state.absorbed.filled = true;
        }
        kept.total.fill(P::Sum::ZERO);
    }

    /// Fills the kernel at the potentials as they are, which makes it the plan. False if there is no
    /// kernel, or a row has less mass than can be trusted.
    #[cfg(feature = "implicit")]
    pub(crate) fn keep_plan(&mut self) -> bool {
        if self.work.kept.is_none() || self.state.absorbed.given_up() {
            return false;
        }
        self.state.absorbed.filled = false;
        self.absorb();
        self.f.iter().zip(&*self.work.kept.f0).fold(true, |all, (f, f0)| all & (f == f0))
    }

    /// The rows of the plan, padded, after [`Iteration::keep_plan`].
    #[cfg(feature = "implicit")]
    pub(crate) fn kept_plan(&self) -> &[P::Sum] {
        let kept = &self.work.kept;
        kept.kernel.get(..self.f.len() * kept.v.len()).unwrap_or(&[])
    }

    /// Both marginals of the plan from the kernel, in one pass. False if there is none, or a sum over it
    /// cannot be trusted.
    #[cfg(feature = "implicit")]
    pub(super) fn kept_marginals(&mut self) -> bool {
        let Self { problem, f, g, work, state, .. } = self;
        if work.kept.is_none() || state.absorbed.given_up() || !state.absorbed.filled {
            return false;
        }
        let (level, pass) = (state.level, problem.pass(state.level));
        let Work { kept, row, col, .. } = work;
        if !kept.scale(pass, [f, g], true) || !all_trusted::<P>(level, kept.u, kept.f0) {
            return false;
        }
        let Kept { kernel, f0, u, v, total, partial, .. } = &mut *kept;
        let mut trusted = true;
        total.fill(P::Sum::ZERO);
        let mut us = u.chunks(LANES);
        for (block, row) in row.chunks_mut(ROW_BLOCK).enumerate() {
            partial.fill(P::Sum::ZERO);
            for (k, row) in row.chunks_mut(LANES).enumerate() {
                let u = us.next().unwrap_or_default();
                let first = block * ROW_BLOCK + k * LANES;
                let entries = rows(kernel, v.len(), first);
                let mut sums = [P::Sum::ZERO; LANES];
                rows_dot::<P>(level, entries, v, &mut sums);
                trusted &= all_trusted::<P>(level, &sums, f0.get(first..).unwrap_or(&[]));
                for ((row, &sum), &u) in row.iter_mut().zip(&sums).zip(u) {
                    *row = sum * u;
                }
                add_kept::<P>(level, u, entries, partial);
            }
            add_row::<P>(level, P::Sum::ONE, partial, total);
        }
        for ((col, &sum), &v) in col.iter_mut().zip(&*kept.total).zip(&*kept.v) {
            *col = sum * v;
        }
        trusted
    }

    /// Updates the rows and leaves K^T u. `None` if a sum could not be trusted; the potentials are as
    /// before then.
    fn scaled_rows(&mut self) -> Option<Rows<P::Potential>> {
        let found = self.scaled_blocks();
        let old = &mut self.work.kept.old;
        match found {
            None => copy(self.f, old),
            Some(_) => copy(old, self.f),
        }
        found
    }

    fn scaled_blocks(&mut self) -> Option<Rows<P::Potential>> {
        let Self { problem, f, work, state, .. } = self;
        let (level, pass) = (state.level, problem.pass(state.level));
        let Work {
            rows: side,
            kept,
            row,
            row_rule,
            #[cfg(feature = "parallel")]
            scratch,
            ..
        } = work;
        let coupled = side.couples_entries() || state.takes_rows_apart();
        let Kept { kernel, f0, old, u, v, total, partial, .. } = kept;
        let shared = Shared { side, pass, kernel, v, f0, old, coupled };
        let mut found = Rows::new(coupled);
        #[cfg(feature = "parallel")]
        let crew = match Crew::of(problem.geometry(), scratch) {
            Some(mut crew) => {
                let kept = if coupled { &mut **row } else { &mut [] };
                found.note(crew.rows(&shared, f, [u, kept, total], row_rule))?;
                found.tally(crew.values.as_chunks().0);
                Some(crew)
            }
            None => None,
        };
        #[cfg(not(feature = "parallel"))]
        let crew = None::<()>;
        if crew.is_none() {
            let mut kept = row.chunks_mut(ROW_BLOCK);
            let mut us = u.chunks_mut(ROW_BLOCK);
            for (block, f) in f.chunks_mut(ROW_BLOCK).enumerate() {
                let u = us.next().unwrap_or_default();
                let first = block * ROW_BLOCK;
                let row = if coupled { kept.next().unwrap_or_default() } else { &mut [] };
                let rows = Block { first, f, u, row, partial };
                let bits = shared.update(rows, row_rule, &mut |rows| found.tally(rows));
                found.note(bits)?;
                if !coupled {
                    add_row::<P>(level, P::Sum::ONE, partial, total);
                }
            }
        }
        if coupled {
            copy(f, f0);
            let [ball, _] = &mut state.balls;
            side.update(level, 0, row, f, Memory { marginal: row_rule, ball });
            found.trouble |= restore::<P>(level, f, side.log_weights);
            factors::<P>(level, pass.scale, f0, f, u);
            found.reliable &= all_trusted::<P>(level, u, f0);
            #[cfg(feature = "parallel")]
            if let Some(mut crew) = crew {
                found.note(crew.add(&shared, u, total))?;
                return Some(found);
            }
            for (block, u) in u.chunks(ROW_BLOCK).enumerate() {
                shared.add(block * ROW_BLOCK, u, partial);
                add_row::<P>(level, P::Sum::ONE, partial, total);
            }
        }
        Some(found)
    }
}

fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}
