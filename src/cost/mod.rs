//! Cost geometries: where the cost comes from, behind one trait of sweeps.
//!
//! A solver never sees a cost entry. It asks for sums of the plan over rows and columns, which a
//! grid or a low-rank kernel can answer as well as a matrix.

#[cfg(feature = "capi")]
mod any;
mod dense;
#[cfg(feature = "grid")]
mod grid;
#[cfg(feature = "lowrank")]
pub mod lowrank;
#[cfg(feature = "parallel")]
mod parallel;
#[cfg(feature = "points")]
mod points;
mod rows;

#[cfg(feature = "parallel")]
pub use crate::kernel::{MOST_TASKS, Pool};
#[cfg(feature = "capi")]
pub(crate) use any::AnyCost;
pub use dense::Dense;
#[cfg(feature = "grid")]
pub use grid::{GRID_DIMENSION, Grid};
#[cfg(feature = "lowrank")]
pub use lowrank::LowRank;
#[cfg(all(feature = "parallel", feature = "scaling"))]
pub(crate) use parallel::Lent;
#[cfg(all(feature = "capi", feature = "parallel"))]
pub(crate) use parallel::tasks_of;
#[cfg(feature = "parallel")]
pub use parallel::{Parallel, TASK_COEFFICIENTS};
#[cfg(feature = "parallel")]
pub(crate) use parallel::{Slots, parallel_len};
#[cfg(feature = "points")]
pub use points::{Metric, Points};
#[cfg(test)]
pub(crate) use rows::sweep_one_by_one;

use crate::error::Error;
use crate::kernel::{Level, Precision};
use crate::math::SMALL;
use crate::view::{Mat, MatMut};
use crate::work::{Coefficients, padded, take};

mod sealed {
    pub trait Sealed {}
}

/// Rows whose column sums are added up before they join the total: a constant of the library, so
/// that any division of a solve into tasks along these blocks gives the same bits.
pub const ROW_BLOCK: usize = 64;

/// Costs and coordinates that every geometry may use: one row of the cost and the points, turned
/// so that a coordinate lies side by side.
pub(crate) const SCRATCH_COST: Coefficients = Coefficients { n: 0, m: 1, d: 1, one: 0 };
/// Plan entries: four rows and the column sums of a block.
pub(crate) const SCRATCH_SUM: Coefficients = Coefficients { n: 0, m: 5, d: 0, one: 0 };

/// What a sweep needs besides potentials.
#[derive(Clone, Copy, Debug)]
pub struct Pass<P: Precision> {
    /// Instruction set.
    pub level: Level,
    /// Weight of the entropy.
    pub epsilon: P::Potential,
    /// log2(e) / epsilon.
    pub scale: P::Potential,
}

/// Range of the finite costs, and whether any pair is forbidden (infinite cost).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostRange<T> {
    /// Smallest finite cost (a bound from below where costs are not stored).
    pub min: T,
    /// Largest finite cost (a bound from above where costs are not stored).
    pub max: T,
    /// Whether a cost is plus infinity.
    pub forbidden: bool,
}

/// Rows of plan entries in the scratch: a group, or one and its products. (There is room for four.)
const ENTRIES: usize = if SMALL { 2 } else { GROUP };

/// Buffers of a geometry, cut from the work of the caller.
pub struct Scratch<'a, P: Precision> {
    /// The points of the columns, coordinate by coordinate.
    pub(crate) prepared: &'a mut [P::Cost],
    /// One row of the cost.
    pub(crate) row: &'a mut [P::Cost],
    /// Rows of plan entries.
    pub(crate) entries: [&'a mut [P::Sum]; ENTRIES],
    /// Column sums of a block of rows.
    pub(crate) partial: &'a mut [P::Sum],
    /// The same for blocks of rows that are swept at the same time.
    #[cfg(feature = "parallel")]
    pub(crate) slots: Slots<'a, P>,
}

impl<'a, P: Precision> Scratch<'a, P> {
    /// No buffers yet.
    pub(crate) fn none() -> Self {
        Self {
            prepared: &mut [],
            row: &mut [],
            entries: Default::default(),
            partial: &mut [],
            #[cfg(feature = "parallel")]
            slots: Slots::none(),
        }
    }

    /// Cuts the scratch of a geometry with `m` columns and points of dimension `d`.
    pub(crate) fn cut(
        &mut self,
        mut cost: &'a mut [P::Cost],
        mut sum: &'a mut [P::Sum],
        m: usize,
        d: usize,
    ) -> Option<()> {
        for entries in &mut self.entries {
            *entries = take(&mut sum, m)?;
        }
        self.partial = take(&mut sum, m)?;
        self.row = take(&mut cost, m)?;
        self.prepared = crate::work::cut(&mut cost, padded(m).checked_mul(d)?)?;
        Some(())
    }
}

/// A few rows inside a fused sweep: their sums are known, their new potentials are asked for.
pub struct Rows<'a, P: Precision> {
    /// Index of the first of them.
    pub first: usize,
    /// Potentials at the start of the sweep.
    pub old: &'a [P::Potential],
    /// In: the shift that each sum was taken at. Out: the new potential.
    pub potential: &'a mut [P::Potential],
    /// Sum of the plan's row at that shift.
    pub sums: &'a [P::Sum],
    /// Out: whatever the update keeps of each row; empty where the sweep was given no room for it.
    pub kept: &'a mut [P::Sum],
}

/// A row at its old potential: the sum of the plan, and how far that is from the marginal that the rule
/// assigns to the potential.
pub type Seen<T> = [T; 2];

/// What a fused sweep asks for new potentials. Blocks of rows may ask at the same time and in any order;
/// what depends on the order of the rows is told in their order.
pub trait Update<P: Precision>: Sync {
    /// Gives a few rows their new potentials, and writes down what they were at the old ones. Returns bits
    /// below 1 << 16 for what it found, whatever they mean.
    fn renew(&self, rows: Rows<'_, P>, at_old: &mut [Seen<P::Potential>]) -> u32;

    /// Gives row i its new potential, from its sum at some shift, and takes it in: all of the above and
    /// below for one row, where flash and stack count.
    fn renew_one(
        &mut self,
        i: usize,
        old: P::Potential,
        at: (P::Potential, P::Sum),
        kept: Option<&mut P::Sum>,
    ) -> P::Potential;

    /// Takes in the next rows at their old potentials.
    fn tally(&mut self, at_old: &[Seen<P::Potential>]);

    /// Takes in the bits that `renew` returned.
    fn note(&mut self, found: u32);

    /// The sweep was not done.
    fn give_up(&mut self);
}

/// Rows that ask for new potentials at a time. (Any number gives the same bits; where flash and stack count
/// it is one.)
pub(crate) const GROUP: usize = if SMALL { 1 } else { 4 };
/// Bit of what a block of rows found: a row's weight moved too far for the column sums.
pub(crate) const UNTRUSTED: u32 = 1 << 16;

/// One row of the plan as [`Geometry::plan_rows`] shows it.
pub struct PlanRow<'a, P: Precision> {
    /// Its index.
    pub i: usize,
    /// The costs of the row.
    pub cost: &'a [P::Cost],
    /// X_ij; in a massless row some multiple of it that sums to between 1 and m (or 0 if all its
    /// pairs are forbidden or lead to columns without mass).
    pub entries: &'a [P::Sum],
    /// Sum of the entries.
    pub sum: P::Sum,
    /// Whether the row's mass is zero or below what can be trusted; `entries` then are its limit
    /// up to a factor.
    pub massless: bool,
}

/// A cost and the sweeps over it. Implemented by [`Dense`] and `Points`; sealed, since the order
/// of every addition inside is part of the promise of equal bits.
///
/// Throughout X_ij = exp((f_i + g_j - C_ij) / epsilon). A potential of minus infinity has no mass,
/// and an infinite cost forbids a pair: both give entries of exactly 0.
pub trait Geometry<P: Precision>: sealed::Sealed {
    /// Number of rows, n.
    fn rows(&self) -> usize;

    /// Number of columns, m.
    fn cols(&self) -> usize;

    /// What the geometry counts as in work lengths: the dimension of points whose coordinates the
    /// scratch holds, 0 for a matrix.
    fn dimension(&self) -> usize;

    /// Dimension of the points that have gradients; 0 if there are none.
    fn coordinates(&self) -> usize;

    /// The only epsilon that the cost has sweeps for, where it comes from the factors of a kernel. Such
    /// a cost keeps no kernel besides.
    fn epsilon(&self) -> Option<P::Potential> {
        None
    }

    /// Validates the cost, with `a` and `b` to tell which rows and columns have weight: every row
    /// with weight needs a partner with weight at finite cost. `column_seen` (m) becomes 1 where a
    /// column has such a partner, else 0.
    fn scan(
        &self,
        level: Level,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error>;

    /// The host's threads, if sweeps may use any.
    #[cfg(feature = "parallel")]
    fn pool(&self) -> Option<&dyn Pool>;

    /// Prepares the scratch once for all sweeps that follow.
    fn prepare(&self, scratch: &mut Scratch<'_, P>);

    /// sums_i = sum_j X_ij. Where the sum at f_i cannot be trusted, f_i is first moved to where it
    /// lies between 1 and m.
    fn row_sums(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        sums: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    );

    /// Writes X at (f, g) to `kernel`, row by row, each padded with zeros to a whole number of lanes, and
    /// fills what is left with zeros. Where a row's sum cannot be trusted f_i is first moved to where it
    /// lies between 1 and m.
    #[cfg(feature = "scaling")]
    fn fill(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        kernel: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    );

    /// sums_j = sum_i X_ij, with every g_j first moved to where the sum lies between 1 and n.
    fn col_sums(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &mut [P::Potential],
        sums: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    );

    /// One sweep with one exp per entry: asks `update` for the new f, a few rows at a time, and
    /// leaves the column sums at the new f and the old g. `kept` (n, or empty) is handed to `update`
    /// along with its rows. False if some weight of a row moved so far that the column sums cannot be
    /// trusted.
    #[allow(clippy::too_many_arguments, reason = "each of them is a vector of its own")]
    fn sweep(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        col_sums: &mut [P::Sum],
        kept: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
        update: &mut impl Update<P>,
    ) -> bool;

    /// Both marginals of X, and the transport cost <C, X>.
    fn marginals(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &[P::Potential],
        row: &mut [P::Sum],
        col: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) -> P::Potential;

    /// Shows every row of the plan, one exp per entry.
    fn plan_rows(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &[P::Potential],
        scratch: &mut Scratch<'_, P>,
        visit: &mut impl FnMut(PlanRow<'_, P>),
    );

    /// Adds to `x` (the coordinates of point i) and `y` (of all points of the columns, coordinate
    /// by coordinate, each padded) the gradient of sum_j weights_j C_ij. Nothing where the cost
    /// does not come from points.
    fn pull_back_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        weights: &[P::Potential],
        x: &mut [P::Potential],
        y: &mut [P::Potential],
    );

    /// Adds to `out` the change of row i of the cost when point i moves by `x` and the points of the
    /// columns by `y` (m x d). Nothing where the cost does not come from points.
    fn push_forward_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        x: Option<&Mat<'_, P::Cost>>,
        y: Option<&Mat<'_, P::Cost>>,
        out: &mut [P::Potential],
    );

    /// Derivative of C_ij by coordinate k of point i, minus which is that by coordinate k of point j
    /// of the columns; `None` where the cost does not come from points.
    fn slope(&self, i: usize, j: usize, k: usize) -> Option<P::Potential>;

    /// The largest finite cost and its place, the first of several.
    fn largest(
        &self,
        level: Level,
        scratch: &mut Scratch<'_, P>,
    ) -> Option<(P::Cost, usize, usize)>;

    /// The same cost with rows and columns exchanged.
    fn transposed(&self) -> Self;

    /// The cost of the same shape that begins so many elements behind the data of this one: behind the
    /// matrix or the points of the rows, and behind the points of the columns. Error: `Shape`, with the
    /// name of the data that does not reach so far.
    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error>
    where
        Self: Sized;

    /// out_i = sum_j X_ij values_j / sum_j X_ij for every row of `values` (m x k) and `out`
    /// (n x k). Depends on g only, so rows without weight have an image too.
    fn conditional_mean(
        &self,
        pass: Pass<P>,
        g: &[P::Potential],
        values: &Mat<'_, P::Cost>,
        out: &mut MatMut<'_, P::Cost>,
        scratch: &mut Scratch<'_, P>,
    );

    /// Row i of X. False outside the matrix.
    fn plan_row(
        &self,
        pass: Pass<P>,
        i: usize,
        f: P::Potential,
        g: &[P::Potential],
        out: &mut [P::Sum],
    ) -> bool;

    /// C_ij, if (i, j) lies inside.
    fn cost(&self, i: usize, j: usize) -> Option<P::Cost>;
}
