//! Sweeps over a kernel that is kept in memory: two products and two sums for each entry instead of an
//! exponential.
//!
//! K_ij = exp((f0_i + g0_j - C_ij) / epsilon) at absorbed potentials; with u_i = exp((f_i - f0_i) /
//! epsilon) and v_j alike the plan is u K v. A block of rows gives its sums K v, hence its new
//! potentials by the same rules as in the log domain, hence u, and is added to K^T u while it is in
//! cache. The kernel is filled again where v has left the range in which whatever K flushed to zero
//! stays below one rounding; a sum that cannot be trusted sends the sweep back to the log domain.

use super::fused::restore;
use super::solver::Sinkhorn;
use super::start::Work;
use crate::cost::{Geometry, Pass, ROW_BLOCK, trusted};
use crate::kernel::{Level, Precision, add_kept, add_row, factors, rows_dot};
use crate::marginal::{Ball, Memory};
use crate::math::LANES;
use crate::real::Real;
use crate::work::{Coefficients, WorkLen, padded, take};

/// Vectors besides the kernel: absorbed potentials and a copy of the rows' potentials; the scalings, and
/// column sums, of all rows and of a block.
pub(super) const POTENTIAL: Coefficients = Coefficients { n: 2, m: 1, d: 0, one: 0 };
pub(super) const SUM: Coefficients = Coefficients { n: 1, m: 3, d: 0, one: 0 };

/// Elements of the kernel, padded both ways.
pub(super) const fn kernel_len(n: usize, m: usize) -> WorkLen {
    WorkLen::of(padded(m)).times(padded(n))
}

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
    /// The rows' potentials before the sweep.
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

    /// out = K v for [`LANES`] rows from `first` on.
    fn times(&self, level: Level, first: usize) -> [P::Sum; LANES] {
        let mut sums = [P::Sum::ZERO; LANES];
        rows_dot::<P>(level, rows(self.kernel, self.v.len(), first), self.v, &mut sums);
        sums
    }

    /// Adds K^T u over [`LANES`] rows from `first` on to the sums of the block.
    fn add(&mut self, level: Level, first: usize) {
        let weights = self.u.get(first..first + LANES).unwrap_or(&[]);
        let rows = rows(self.kernel, self.v.len(), first);
        add_kept::<P>(level, weights, rows, self.partial);
        if (first + LANES).is_multiple_of(ROW_BLOCK) {
            self.join(level);
        }
    }

    /// The sums of a block join the total.
    fn join(&mut self, level: Level) {
        add_row::<P>(level, P::Sum::ONE, self.partial, self.total);
        self.partial.fill(P::Sum::ZERO);
    }

    /// Scalings of both sides at these potentials; whether those of the columns can be trusted.
    fn scale(&mut self, pass: Pass<P>, f: &[P::Potential], g: &[P::Potential]) -> bool {
        factors::<P>(pass.level, pass.scale, self.f0, f, self.u);
        factors::<P>(pass.level, pass.scale, self.g0, g, self.v);
        // (Here and below all are looked at: branches would cost more than what they save.)
        self.v.iter().fold(true, |all, &v| all & ((v == P::Sum::ZERO) | trusted(v)))
    }
}

/// Whether every value can be trusted that belongs to an entry with mass.
fn all_trusted<P: Precision>(values: &[P::Sum], potentials: &[P::Potential]) -> bool {
    let entries = values.iter().zip(potentials);
    entries.fold(true, |all, (&x, &f)| all & ((f == P::Potential::NEG_INFINITY) | trusted(x)))
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

impl<P: Precision, G: Geometry<P>> Sinkhorn<'_, P, G> {
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
        if !kept.scale(pass, f, g) || !state.absorbed.filled {
            copy(kept.f0, f);
            copy(kept.g0, g);
            problem.geometry().fill(pass, kept.f0, kept.g0, kept.kernel, scratch);
            kept.u.fill(P::Sum::ZERO);
            kept.v.fill(P::Sum::ZERO);
            kept.scale(pass, f, g);
            state.absorbed.filled = true;
        }
        copy(kept.old, f);
        kept.total.fill(P::Sum::ZERO);
        kept.partial.fill(P::Sum::ZERO);
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

    /// The rows of the plan, padded, after [`Sinkhorn::keep_plan`].
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
        if !kept.scale(pass, f, g) || !all_trusted::<P>(kept.u, kept.f0) {
            return false;
        }
        kept.total.fill(P::Sum::ZERO);
        kept.partial.fill(P::Sum::ZERO);
        let mut trusted = true;
        for (k, rows) in row.chunks_mut(LANES).enumerate() {
            let first = k * LANES;
            let sums = kept.times(level, first);
            trusted &= all_trusted::<P>(&sums, kept.f0.get(first..).unwrap_or(&[]));
            for ((row, &sum), &u) in
                rows.iter_mut().zip(&sums).zip(kept.u.get(first..).unwrap_or(&[]))
            {
                *row = sum * u;
            }
            kept.add(level, first);
        }
        kept.join(level);
        for ((col, &sum), &v) in col.iter_mut().zip(&*kept.total).zip(&*kept.v) {
            *col = sum * v;
        }
        trusted
    }

    /// Updates the rows and leaves K^T u. `None` if a sum could not be trusted; the potentials are as
    /// before then.
    fn scaled_rows(&mut self) -> Option<Rows<P::Potential>> {
        let Self { problem, f, work, state, .. } = self;
        let (level, pass) = (state.level, problem.pass(state.level));
        let Work { rows: side, kept, row, row_rule, .. } = work;
        let coupled = side.couples_entries() || state.takes_rows_apart();
        let zero = P::Potential::ZERO;
        let mut found =
            Rows { residual: zero, mass: zero, trouble: false, moved: coupled, reliable: true };
        let n = f.len();
        for first in (0..n).step_by(LANES) {
            let sums = kept.times(level, first);
            let place = first..n.min(first + LANES);
            let (sums, u, old) = (
                sums.get(..place.len())?,
                kept.u.get_mut(place.clone())?,
                kept.old.get(place.clone())?,
            );
            let (f, f0) = (f.get_mut(place.clone())?, kept.f0.get(place.clone())?);
            let known = all_trusted::<P>(sums, f0);
            if !known {
                for (f, &old) in self.f.iter_mut().zip(&*kept.old) {
                    *f = old;
                }
                return None;
            }
            for ((&sum, &u), &target) in sums.iter().zip(&*u).zip(row_rule.get(place.clone())?) {
                let sum = P::Potential::from(sum * u);
                found.residual += (sum - P::Potential::from(target)).abs();
                found.mass += sum;
            }
            if coupled {
                copy(row.get_mut(place)?, sums);
                continue;
            }
            copy(f, f0);
            // A rule that updates a few rows at a time keeps nothing.
            let memory = Memory { marginal: &mut [], ball: &mut Ball::default() };
            side.update(level, first, sums, f, memory);
            found.trouble |= restore(f, old);
            found.moved |= f.iter().zip(old).fold(false, |any, (new, old)| any | (new != old));
            factors::<P>(level, pass.scale, f0, f, u);
            found.reliable &= all_trusted::<P>(u, f0);
            kept.add(level, first);
        }
        if coupled {
            copy(f, kept.f0);
            let [ball, _] = &mut state.balls;
            side.update(level, 0, row, f, Memory { marginal: row_rule, ball });
            found.trouble |= restore(f, side.log_weights);
            factors::<P>(level, pass.scale, kept.f0, f, kept.u);
            found.reliable &= all_trusted::<P>(kept.u, kept.f0);
            for first in (0..n).step_by(LANES) {
                kept.add(level, first);
            }
        }
        kept.join(level);
        Some(found)
    }
}

fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}
