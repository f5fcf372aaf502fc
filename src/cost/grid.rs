//! The cost between two regular grids, swept along one axis after the other.
//!
//! C_ij = sum_k (x_k(i) - y_k(j))^2 is a sum over axes, so the soft minimum over all points of a grid is
//! one along each axis in turn: over d axes of s points O(d s) exponentials for each point instead of
//! s^d. (Solomon et al., Convolutional Wasserstein Distances, 2015, do this with kernels; here everything
//! stays in the log domain, which is safe at any epsilon.)
//!
//! Each pass takes the last axis of an array and puts the new one in front. So whatever is summed lies
//! side by side, and after d passes the axes are in their order again. The last pass is that of a
//! dense cost of one axis: it takes the sums at the shifts that the trait asks for.

use super::rows::{RowCost, shifted_row};
use super::{CostRange, GROUP, Pass, Rows, Scratch, Update, sealed};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Buffers, Level, Precision, dot_cost, exp_row, max_row};
use crate::math::{Compensated, Elementary};
use crate::real::Real;
use crate::view::{Mat, MatMut};
use crate::work::{WorkLen, padded, quotient_up};

/// Entries that describe one axis: how many points, the first coordinate, the spacing.
const ENTRIES: usize = 3;
/// [`Grid`]'s dimension for work lengths where neither grid has more points along any axis than the grid
/// of the columns.
pub const GRID_DIMENSION: usize = 6;

/// Two regular grids of the same dimension (images, volumes), x (n points) and y (m points), with
/// C_ij = sum_k (x_k(i) - y_k(j))^2. Points are in row-major order: the last axis runs fastest.
///
/// A sweep takes O(n s + m s) exponentials with s points along an axis (O(N^(1+1/d)) on N points) and
/// keeps no n m memory. What needs each entry of the plan by itself (rows, entries, gradients, a kept
/// kernel) takes O(m) for a row and O(n m) for all; such entries add up to the sums of the passes but for
/// rounding. Sweeps over grids use one thread.
///
/// For work lengths a grid counts as points of dimension [`GRID_DIMENSION`] where neither grid has more
/// points along an axis than that of the columns, in general of [`super::Geometry::dimension`]; twice
/// as much with [`crate::kernel::Mixed`]. With shorter work its sweeps would take n m exponentials.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a, T> {
    x: Mat<'a, T>,
    y: Mat<'a, T>,
    n: usize,
    m: usize,
}

/// The points of a grid along one axis.
#[derive(Clone, Copy)]
struct Line<T> {
    count: usize,
    first: T,
    spacing: T,
}

impl<T: Real> Line<T> {
    /// Axis k of a grid.
    fn of(axes: &Mat<'_, T>, k: usize) -> Self {
        let entry = |j| axes.get(k, j).unwrap_or(T::ZERO);
        Self { count: counted(entry(0)), first: entry(1), spacing: entry(2) }
    }

    fn at(&self, i: usize) -> T {
        self.first + T::from_count(i) * self.spacing
    }

    /// Squared differences of point `x` of another line.
    fn squares(&self, x: T, out: &mut [T]) {
        for (j, out) in out.iter_mut().enumerate() {
            let y = self.at(j);
            *out = (x - y) * (x - y);
        }
    }
}

/// The whole part as a count; `usize::MAX` above all counts.
fn counted<T: Real>(entry: T) -> usize {
    usize::try_from(entry.to_count()).unwrap_or(usize::MAX)
}

/// Points of a grid. Errors: `Shape` at a count that is no positive whole number, `TooLarge` where
/// counts cannot be told apart any more or their product overflows.
fn points<T: Real>(axes: &Mat<'_, T>, argument: Argument) -> Result<usize, Error> {
    let mut product = 1_usize;
    for k in 0..axes.rows() {
        let entry = axes.get(k, 0).unwrap_or(T::ZERO);
        let count = counted(entry);
        if T::from_count(count) != entry || count == 0 {
            return Err(Error::at_entry(ErrorKind::Shape, argument, k, 0));
        }
        let most = T::from_count(count) * T::ROUNDOFF < T::HALF;
        match product.checked_mul(count) {
            Some(points) if most && u32::try_from(points).is_ok() => product = points,
            _ => return Err(Error::at_entry(ErrorKind::TooLarge, argument, k, 0)),
        }
    }
    Ok(product)
}

impl<'a, T: Real> Grid<'a, T> {
    /// The geometry of two grids. Row k of `x` and of `y` (d x 3) describes axis k of a grid: the number
    /// of its points, the first coordinate, the spacing.
    ///
    /// Errors: `Empty` if d = 0, `Shape` if the matrices have other shapes or, with its place, for a count
    /// that is no positive whole number, `TooLarge` for more than 2^32 - 1 points or 2^24 (f32) along
    /// an axis. The coordinates are looked at when a solve begins.
    pub fn new(x: Mat<'a, T>, y: Mat<'a, T>) -> Result<Self, Error> {
        if x.rows() == 0 {
            return Err(Error::new(ErrorKind::Empty, Argument::RowPoints));
        }
        if x.cols() != ENTRIES {
            return Err(Error::new(ErrorKind::Shape, Argument::RowPoints));
        }
        if y.cols() != ENTRIES || y.rows() != x.rows() {
            return Err(Error::new(ErrorKind::Shape, Argument::ColPoints));
        }
        let n = points(&x, Argument::RowPoints)?;
        let m = points(&y, Argument::ColPoints)?;
        Ok(Self { x, y, n, m })
    }
}

impl<T: Real> Grid<'_, T> {
    /// The longest array between two passes, and the longest axis; at least what two grids like that of
    /// the columns have.
    fn lens(&self) -> [usize; 2] {
        let d = self.x.rows();
        let (mut array, mut axis) = (self.m, self.m);
        for [to, from] in [[&self.x, &self.y], [&self.y, &self.x]] {
            for k in 0..d {
                let count = Line::of(to, k).count;
                axis = axis.max(count);
                if k > 0 {
                    array = array.max(between(to, from, k));
                }
            }
        }
        [padded(array), padded(axis)]
    }

    /// What [`super::Geometry::dimension`] says.
    pub(super) fn scratch_vectors<P: Precision<Cost = T>>(&self) -> usize {
        let [array, axis] = self.lens();
        let elements = WorkLen::of(array).times(4).and(WorkLen::of(axis).times(2));
        let ratio = size_of::<P::Work>() / size_of::<T>();
        quotient_up(elements.times(ratio).len(), padded(self.m))
    }
}

/// Elements of the array after the axes from k on were exchanged; `usize::MAX` on overflow.
fn between<T: Real>(to: &Mat<'_, T>, from: &Mat<'_, T>, k: usize) -> usize {
    let counts = (0..to.rows()).map(|l| Line::of(if l < k { from } else { to }, l).count);
    counts.fold(1, usize::saturating_mul)
}

/// Buffers of the passes, cut from a geometry's scratch.
struct Room<'s, P: Precision> {
    /// Soft minima before and after a pass.
    soft: [&'s mut [P::Potential]; 2],
    /// What is averaged, before and after a pass.
    means: [&'s mut [P::Cost]; 2],
    /// Costs along an axis, and the entries of the plan.
    line: &'s mut [P::Cost],
    entries: &'s mut [P::Sum],
}

impl<'s, P: Precision> Room<'s, P> {
    /// `None` if the scratch belongs to another shape.
    fn cut(grid: &Grid<'_, P::Cost>, scratch: &'s mut Scratch<'_, P>) -> Option<Self> {
        let [array, axis] = grid.lens();
        let lens =
            [WorkLen::of(array).times(2).and(WorkLen::of(axis)).len(), array.checked_mul(2)?];
        let [costs, potentials] = lens;
        let Buffers { cost, potential, sum } =
            P::recut(scratch.prepared, [costs, potentials, axis])?;
        let (before, after) = potential.split_at_mut_checked(array)?;
        let (first, cost) = cost.split_at_mut_checked(array)?;
        let (second, line) = cost.split_at_mut_checked(array)?;
        Some(Self { soft: [before, after], means: [first, second], line, entries: sum })
    }
}

/// Is shown every row of a pass: the row before it by its number, its potentials, their costs.
type Visit<'v, P> = dyn FnMut(
        usize,
        &[<P as Precision>::Potential],
        &[<P as Precision>::Cost],
        &mut [<P as Precision>::Sum],
    ) + 'v;

/// One pass along an axis: for each point of `to` in order, every row of `values` along `from`.
fn along<P: Precision>(
    [to, from]: [Line<P::Cost>; 2],
    values: &[P::Potential],
    line: &mut [P::Cost],
    entries: &mut [P::Sum],
    visit: &mut Visit<'_, P>,
) {
    let (Some(line), Some(entries)) = (line.get_mut(..from.count), entries.get_mut(..from.count))
    else {
        return;
    };
    for i in 0..to.count {
        from.squares(to.at(i), line);
        for (row, values) in values.chunks(from.count.max(1)).enumerate() {
            visit(row, values, line, entries);
        }
    }
}

/// What is averaged besides the soft minima.
#[derive(Clone, Copy, PartialEq)]
enum Mean {
    Nothing,
    /// The cost, sum_j X_ij C_ij / sum_j X_ij.
    Cost,
    /// Values of the points, which lie in the first buffer.
    Values,
}

/// All passes but the last: leaves the soft minima and the means over them as rows along the first
/// axis, and hands these to `last`.
fn reduce<P: Precision>(
    [to, from]: [&Mat<'_, P::Cost>; 2],
    pass: Pass<P>,
    potential: &[P::Potential],
    room: &mut Room<'_, P>,
    mean: Mean,
    last: &mut impl FnMut(usize, &[P::Potential], &[P::Cost], &[P::Cost], &mut [P::Sum]),
) {
    let Room { soft: [before, after], means: [first, second], line, entries } = room;
    let (mut before, mut after) = (&mut **before, &mut **after);
    let (mut first, mut second) = (&mut **first, &mut **second);
    let d = to.rows();
    for k in (1..d).rev() {
        let lines = [Line::of(to, k), Line::of(from, k)];
        let [_, Line { count, .. }] = lines;
        let values = if k + 1 == d {
            potential
        } else {
            before.get(..between(to, from, k + 1)).unwrap_or(&[])
        };
        let known = if mean == Mean::Cost && k + 1 == d { &[][..] } else { &*first };
        let mut out = after.iter_mut().zip(second.iter_mut());
        along::<P>(lines, values, line, entries, &mut |row, values, costs, entries| {
            let Some((soft, average)) = out.next() else { return };
            let shift = -max_row::<P>(pass.level, values, costs);
            (*soft, *average) = (P::Potential::NEG_INFINITY, P::Cost::ZERO);
            if !shift.is_finite() {
                return;
            }
            let wide = pass.level.is_wide();
            let sum = exp_row::<P>(pass.level, wide, pass.scale, shift, values, costs, entries);
            *soft = pass.epsilon * P::Potential::from(sum).ln_once() - shift;
            if mean != Mean::Nothing {
                let known = nth(known, row, count);
                let all = weighted::<P>(pass.level, mean, entries, costs, known);
                *average = P::cost_of(P::narrow(all / P::Potential::from(sum)));
            }
        });
        core::mem::swap(&mut before, &mut after);
        core::mem::swap(&mut first, &mut second);
    }
    let lines = [Line::of(to, 0), Line::of(from, 0)];
    let [_, Line { count, .. }] = lines;
    let values = if d == 1 { potential } else { before.get(..between(to, from, 1)).unwrap_or(&[]) };
    let known =
        if mean == Mean::Nothing || (mean == Mean::Cost && d == 1) { &[][..] } else { first };
    along::<P>(lines, values, line, entries, &mut |row, values, costs, entries| {
        last(row, values, costs, nth(known, row, count), entries);
    });
}

/// Row `row` of an array with rows of `count` elements, empty outside.
fn nth<T>(array: &[T], row: usize, count: usize) -> &[T] {
    array.get(row * count..(row + 1) * count).unwrap_or(&[])
}

/// Sum of entries times what is averaged: means of the passes before, and the costs of this one.
fn weighted<P: Precision>(
    level: Level,
    mean: Mean,
    entries: &[P::Sum],
    costs: &[P::Cost],
    known: &[P::Cost],
) -> P::Potential {
    let before = dot_cost::<P>(level, entries, known);
    if mean == Mean::Cost { dot_cost::<P>(level, entries, costs) + before } else { before }
}

/// The passes over a pair of grids.
pub(super) struct Passes<'s, 'a, P: Precision> {
    grid: &'s Grid<'a, P::Cost>,
    pass: Pass<P>,
    room: Room<'s, P>,
}

// (Passes in frames of their own, which are not on the stack of the sweeps of other costs.)
impl<'s, 'a, P: Precision> Passes<'s, 'a, P> {
    /// `None` if the cost is no grid, or the scratch belongs to another shape: then rows have to do.
    #[inline(always)]
    pub(super) fn of(
        grid: Option<&'s Grid<'a, P::Cost>>,
        pass: Pass<P>,
        scratch: &'s mut Scratch<'_, P>,
    ) -> Option<Self> {
        let grid = grid?;
        let room = Room::cut(grid, scratch)?;
        Some(Self { grid, pass, room })
    }

    /// See [`super::Geometry::row_sums`].
    #[inline(never)]
    pub(super) fn row_sums(
        &mut self,
        f: &mut [P::Potential],
        g: &[P::Potential],
        sums: &mut [P::Sum],
    ) {
        let Self { grid, pass, room } = self;
        let mut out = f.iter_mut().zip(sums);
        let axes = [&grid.x, &grid.y];
        reduce(axes, *pass, g, room, Mean::Nothing, &mut |_, values, costs, _, entries| {
            if let Some((f, sum)) = out.next() {
                (*f, *sum) = shifted_row(*pass, *f, values, costs, entries);
            }
        });
    }

    /// See [`super::Geometry::col_sums`].
    #[inline(never)]
    pub(super) fn col_sums(
        &mut self,
        f: &[P::Potential],
        g: &mut [P::Potential],
        sums: &mut [P::Sum],
    ) {
        let Self { grid, pass, room } = self;
        let mut out = g.iter_mut().zip(sums);
        let axes = [&grid.y, &grid.x];
        reduce(axes, *pass, f, room, Mean::Nothing, &mut |_, values, costs, _, entries| {
            let Some((g, sum)) = out.next() else { return };
            let shift = -max_row::<P>(pass.level, values, costs);
            // A column without any partner gets shift 0 and sum 0.
            *g = if shift.is_finite() { shift } else { P::Potential::ZERO };
            let wide = pass.level.is_wide();
            *sum = exp_row::<P>(pass.level, wide, pass.scale, *g, values, costs, entries);
        });
    }

    /// See [`super::Geometry::sweep`].
    #[inline(never)]
    pub(super) fn sweep(
        &mut self,
        f: &mut [P::Potential],
        g: &[P::Potential],
        col_sums: &mut [P::Sum],
        kept: &mut [P::Sum],
        update: &mut impl Update<P>,
    ) -> bool {
        let Self { grid, pass, room } = self;
        let coupled = !kept.is_empty();
        let (mut groups, mut kept) = (f.chunks_mut(GROUP), kept.chunks_mut(GROUP));
        let mut group: &mut [P::Potential] = groups.next().unwrap_or_default();
        let (mut first, mut count) = (0, 0);
        let mut shifts = [P::Potential::ZERO; GROUP];
        let mut sums = [P::Sum::ZERO; GROUP];
        let axes = [&grid.x, &grid.y];
        reduce(axes, *pass, g, room, Mean::Nothing, &mut |_, values, costs, _, entries| {
            let places = (shifts.get_mut(count), sums.get_mut(count));
            let (Some(&mut f), (Some(shift), Some(sum))) = (group.get_mut(count), places) else {
                return;
            };
            (*shift, *sum) = shifted_row(*pass, f, values, costs, entries);
            count += 1;
            if count < group.len() {
                return;
            }
            let mut at_old = [[P::Potential::ZERO; 2]; GROUP];
            let places = (shifts.get_mut(..count), at_old.get_mut(..count));
            if let ((Some(potential), Some(at_old)), Some(sums)) = (places, sums.get(..count)) {
                let kept = kept.next().unwrap_or_default();
                let found = update.renew(Rows { first, old: group, potential, sums, kept }, at_old);
                update.note(found);
                update.tally(at_old);
                for (f, &mut new) in group.iter_mut().zip(potential) {
                    *f = new;
                }
            }
            first += count;
            count = 0;
            group = groups.next().unwrap_or_default();
        });
        if coupled {
            // The rows have no new potentials yet: whoever asked takes the columns afterwards.
            return false;
        }
        let mut out = g.iter().zip(col_sums);
        let axes = [&grid.y, &grid.x];
        reduce(axes, *pass, f, room, Mean::Nothing, &mut |_, values, costs, _, entries| {
            if let Some((&g, sum)) = out.next() {
                let wide = pass.level.is_wide();
                *sum = exp_row::<P>(pass.level, wide, pass.scale, g, values, costs, entries);
            }
        });
        true
    }

    /// See [`super::Geometry::marginals`].
    #[inline(never)]
    pub(super) fn marginals(
        &mut self,
        f: &[P::Potential],
        g: &[P::Potential],
        row: &mut [P::Sum],
        col: &mut [P::Sum],
    ) -> P::Potential {
        let Self { grid, pass, room } = self;
        let (level, wide) = (pass.level, pass.level.is_wide());
        let mut transport = Compensated::new();
        let mut out = f.iter().zip(row);
        let axes = [&grid.x, &grid.y];
        reduce(axes, *pass, g, room, Mean::Cost, &mut |_, values, costs, known, entries| {
            if let Some((&f, sum)) = out.next() {
                *sum = P::Sum::ZERO;
                if f > P::Potential::NEG_INFINITY {
                    *sum = exp_row::<P>(level, wide, pass.scale, f, values, costs, entries);
                    transport.add(weighted::<P>(level, Mean::Cost, entries, costs, known));
                }
            }
        });
        let mut out = g.iter().zip(col);
        let axes = [&grid.y, &grid.x];
        reduce(axes, *pass, f, room, Mean::Nothing, &mut |_, values, costs, _, entries| {
            if let Some((&g, sum)) = out.next() {
                *sum = exp_row::<P>(level, wide, pass.scale, g, values, costs, entries);
            }
        });
        transport.value()
    }

    /// See [`super::Geometry::conditional_mean`].
    #[inline(never)]
    pub(super) fn conditional_mean(
        &mut self,
        g: &[P::Potential],
        values: &Mat<'_, P::Cost>,
        out: &mut MatMut<'_, P::Cost>,
    ) {
        let Self { grid, pass, room } = self;
        let columns = values.transposed();
        for k in 0..columns.rows() {
            let [first, _] = &mut room.means;
            for (mean, value) in first.iter_mut().zip(columns.row(k)) {
                *mean = value;
            }
            let mut i = 0;
            let axes = [&grid.x, &grid.y];
            reduce(axes, *pass, g, room, Mean::Values, &mut |_, values, costs, known, entries| {
                let start = P::Potential::ZERO;
                let (_, sum) = shifted_row(*pass, start, values, costs, entries);
                let all = dot_cost::<P>(pass.level, entries, known);
                let mean = all / P::Potential::from(sum);
                out.set(i, k, P::cost_of(P::narrow(mean)));
                i += 1;
            });
        }
    }
}

impl<T: Real> Grid<'_, T> {
    /// See [`super::Geometry::largest`]: the farthest pair along each axis.
    pub(super) fn largest(&self) -> Option<(T, usize, usize)> {
        let (mut cost, mut i, mut j) = (T::ZERO, 0, 0);
        for k in 0..self.x.rows() {
            let [to, from] = [Line::of(&self.x, k), Line::of(&self.y, k)];
            let mut found: Option<(T, usize, usize)> = None;
            for i in 0..to.count {
                for j in 0..from.count {
                    let square = (to.at(i) - from.at(j)) * (to.at(i) - from.at(j));
                    if !square.is_finite() {
                        return None;
                    }
                    if found.is_none_or(|(most, _, _)| square > most) {
                        found = Some((square, i, j));
                    }
                }
            }
            let (square, along_x, along_y) = found?;
            cost += square;
            (i, j) = (i * to.count + along_x, j * from.count + along_y);
        }
        cost.is_finite().then_some((cost, i, j))
    }
}

impl<T> sealed::Sealed for Grid<'_, T> {}

/// Checks that coordinates are finite.
fn check<T: Real>(axes: &Mat<'_, T>, argument: Argument) -> Result<(), Error> {
    for k in 0..axes.rows() {
        for (j, value) in axes.row(k).enumerate() {
            if !value.is_finite() {
                let kind = if value.is_nan() { ErrorKind::NotANumber } else { ErrorKind::Infinite };
                return Err(Error::at_entry(kind, argument, k, j));
            }
        }
    }
    Ok(())
}

impl<P: Precision> RowCost<P> for Grid<'_, P::Cost> {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.m)
    }

    fn dimension(&self) -> usize {
        self.scratch_vectors::<P>()
    }

    fn coordinates(&self) -> usize {
        0
    }

    fn grid(&self) -> Option<&Grid<'_, P::Cost>> {
        Some(self)
    }

    fn scan(
        &self,
        _: Level,
        _: &[P::Cost],
        _: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        column_seen.fill(P::Sum::ONE);
        check(&self.x, Argument::RowPoints)?;
        check(&self.y, Argument::ColPoints)?;
        match self.largest() {
            Some((max, _, _)) => {
                let min = P::Potential::ZERO;
                Ok(CostRange { min, max: P::widen(max), forbidden: false })
            }
            None => Err(Error::new(ErrorKind::TooLarge, Argument::RowPoints)),
        }
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
        buffer.fill(P::Cost::ZERO);
        let (mut rows, mut cols) = (self.n, self.m);
        for k in 0..self.x.rows() {
            let [to, from] = [Line::of(&self.x, k), Line::of(&self.y, k)];
            // Points of the grids behind this axis.
            (rows, cols) = (divided(rows, to.count), divided(cols, from.count));
            let x = to.at(remainder(divided(i, rows), to.count));
            for block in buffer.chunks_mut((cols * from.count).max(1)) {
                for (j, cells) in block.chunks_mut(cols.max(1)).enumerate() {
                    let y = from.at(j);
                    for cell in cells {
                        *cell += (x - y) * (x - y);
                    }
                }
            }
        }
        buffer
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        if i >= self.n || j >= self.m {
            return None;
        }
        let (mut sum, mut rows, mut cols) = (P::Cost::ZERO, self.n, self.m);
        for k in 0..self.x.rows() {
            let [to, from] = [Line::of(&self.x, k), Line::of(&self.y, k)];
            (rows, cols) = (divided(rows, to.count), divided(cols, from.count));
            let x = to.at(remainder(divided(i, rows), to.count));
            let y = from.at(remainder(divided(j, cols), from.count));
            sum += (x - y) * (x - y);
        }
        Some(sum)
    }

    fn transposed(&self) -> Self {
        Self { x: self.y, y: self.x, n: self.m, m: self.n }
    }

    /// Problems of a batch share their grids: what lies behind the axes of one is refused.
    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error> {
        match offsets {
            [0, 0] => Ok(*self),
            [0, _] => Err(Error::new(ErrorKind::Shape, Argument::ColPoints)),
            _ => Err(Error::new(ErrorKind::Shape, Argument::RowPoints)),
        }
    }
}

/// i / by without a panic.
fn divided(i: usize, by: usize) -> usize {
    i.checked_div(by).unwrap_or(0)
}

/// i % by without a panic.
fn remainder(i: usize, by: usize) -> usize {
    i.checked_rem(by).unwrap_or(0)
}
