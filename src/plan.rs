//! The plan as a view of potentials: entries, rows, marginals, cost and averages, none of which
//! needs the plan in memory.

mod round;

pub use round::{Factors, Rounded};

use crate::cost::{Geometry, Pass, SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, entry};
use crate::math::Elementary;
use crate::problem::Problem;
use crate::real::Real;
use crate::view::{Mat, MatMut};
use crate::work::{Coefficients, cut, misalignment, padded};

/// The potentials that include the reference.
const POTENTIAL: Coefficients = Coefficients { n: 1, m: 1, d: 0, one: 0 };

/// The whole layout: what the query, the C macro and the cutting share.
pub const COEFFICIENTS: Coefficients =
    POTENTIAL.and(SCRATCH_SUM).and(SCRATCH_COST).and(Coefficients::ALIGNMENT);

/// Elements of work for a [`Plan`] with n rows, m columns and points of dimension d (0 for a dense
/// cost); `usize::MAX` if that overflows. The same number for f32 and f64.
pub const fn work_len(n: usize, m: usize, d: usize) -> usize {
    COEFFICIENTS.at(n, m, d).len()
}

/// One entry of the plan, X_ij, without any work: O(1). Bits as [`Plan::entry`].
///
/// Errors: `Shape` for potentials of the wrong length or an index outside the matrix.
pub fn entry_of<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    f: &[P::Potential],
    g: &[P::Potential],
    log_mass: P::Potential,
    (i, j): (usize, usize),
) -> Result<P::Sum, Error> {
    let (n, m) = problem.shape();
    if f.len() != n {
        return Err(Error::new(ErrorKind::Shape, Argument::RowPotentials));
    }
    if g.len() != m {
        return Err(Error::new(ErrorKind::Shape, Argument::ColPotentials));
    }
    let (a, b) = problem.weights();
    let offset = problem.epsilon() * problem.reference_factor();
    let (Some(&f), Some(&w)) = (f.get(i), a.get(i)) else {
        return Err(Error::at(ErrorKind::Shape, Argument::Row, i));
    };
    let f = counting::<P>(f, w, offset);
    let (Some(&g), Some(&w)) = (g.get(j), b.get(j)) else {
        return Err(Error::at(ErrorKind::Shape, Argument::Col, j));
    };
    let g = counting::<P>(g, w, offset);
    let cost = problem.geometry().cost(i, j).unwrap_or(P::Cost::INFINITY);
    let scale = problem.pass(Level::PORTABLE).scale;
    Ok(entry::<P>(scale, f, g, cost) * P::narrow((-log_mass).exp_once()))
}

/// Row i of the plan into `out` (m), without any work: O(m). Bits as [`Plan::row`].
///
/// Errors: as [`entry_of`], and `Shape` if `out` does not have m elements.
pub fn row_of<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    f: &[P::Potential],
    g: &[P::Potential],
    log_mass: P::Potential,
    i: usize,
    out: &mut [P::Sum],
) -> Result<(), Error> {
    expect_len(out.len(), problem.shape().1)?;
    entry_of(problem, f, g, log_mass, (i, 0))?;
    for (j, out) in out.iter_mut().enumerate() {
        *out = entry_of(problem, f, g, log_mass, (i, j))?;
    }
    Ok(())
}

/// X_ij = exp((f_i + g_j - C_ij) / epsilon - log_mass), times a_i b_j against the product
/// reference. Entries have exactly the bits that the solver summed.
pub struct Plan<'a, P: Precision, G> {
    geometry: &'a G,
    pass: Pass<P>,
    f: &'a [P::Potential],
    g: &'a [P::Potential],
    /// exp(-log_mass).
    normalisation: P::Sum,
    scratch: Scratch<'a, P>,
}

impl<'a, P: Precision, G: Geometry<P>> Plan<'a, P, G> {
    /// The plan of a problem at the potentials of a solve. `log_mass` is that of the report (0
    /// unless the problem has unit mass); `work` has at least [`work_len`] elements.
    ///
    /// Errors: `Shape` for potentials of the wrong length, `NotANumber` or `Infinite` for NaN or
    /// plus infinity in them, `WorkTooSmall`.
    pub fn new(
        problem: &'a Problem<'_, P, G>,
        f: &[P::Potential],
        g: &[P::Potential],
        log_mass: P::Potential,
        work: &'a mut [P::Work],
    ) -> Result<Self, Error> {
        let geometry = problem.geometry();
        let (n, m) = problem.shape();
        let d = geometry.dimension();
        check_potential(f, n, Argument::RowPotentials)?;
        check_potential(g, m, Argument::ColPotentials)?;
        if work_len(n, m, d) == usize::MAX {
            return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
        }
        let short = Error::new(ErrorKind::WorkTooSmall, Argument::Work);
        if work.len() < work_len(n, m, d) {
            return Err(short);
        }
        let skip = misalignment(work);
        let mut work = work.get_mut(skip..).ok_or(short)?;
        let lens = [SCRATCH_COST, POTENTIAL, SCRATCH_SUM].map(|part| part.at(n, m, d).len());
        let mut buffers = P::cut(&mut work, lens).ok_or(short)?;
        let (a, b) = problem.weights();
        let offset = problem.epsilon() * problem.reference_factor();
        let mut room = |len| cut(&mut buffers.potential, padded(len))?.get_mut(..len);
        let (own_f, own_g) = (room(n).ok_or(short)?, room(m).ok_or(short)?);
        copy_counting::<P>(own_f, f, a, offset);
        copy_counting::<P>(own_g, g, b, offset);
        let (f, g) = (&*own_f, &*own_g);
        let mut scratch = Scratch::none();
        scratch.cut(buffers.cost, buffers.sum, m, d).ok_or(short)?;
        geometry.prepare(&mut scratch);
        let pass = problem.pass(Level::detect());
        Ok(Self { geometry, pass, f, g, normalisation: P::narrow((-log_mass).exp_once()), scratch })
    }

    /// X_ij. Errors: `Shape` blaming the row or the column outside the matrix.
    pub fn entry(&self, i: usize, j: usize) -> Result<P::Sum, Error> {
        let &f = self.f.get(i).ok_or(Error::at(ErrorKind::Shape, Argument::Row, i))?;
        let &g = self.g.get(j).ok_or(Error::at(ErrorKind::Shape, Argument::Col, j))?;
        let cost = self.geometry.cost(i, j).unwrap_or(P::Cost::INFINITY);
        Ok(entry::<P>(self.pass.scale, f, g, cost) * self.normalisation)
    }

    /// Row i of X into `out` (m). Errors: `Shape`.
    pub fn row(&self, i: usize, out: &mut [P::Sum]) -> Result<(), Error> {
        let &f = self.f.get(i).ok_or(Error::at(ErrorKind::Shape, Argument::Row, i))?;
        expect_len(out.len(), self.g.len())?;
        self.geometry.plan_row(self.pass, i, f, self.g, out);
        for x in out {
            *x = *x * self.normalisation;
        }
        Ok(())
    }

    /// Marginals X 1 into `row` (n) and X^T 1 into `col` (m), and the transport cost <C, X>, in
    /// one sweep. Errors: `Shape`.
    pub fn marginals(
        &mut self,
        row: &mut [P::Sum],
        col: &mut [P::Sum],
    ) -> Result<P::Potential, Error> {
        expect_len(row.len(), self.f.len())?;
        expect_len(col.len(), self.g.len())?;
        let transport =
            self.geometry.marginals(self.pass, self.f, self.g, row, col, &mut self.scratch);
        for x in row.iter_mut().chain(col) {
            *x = *x * self.normalisation;
        }
        Ok(transport * P::Potential::from(self.normalisation))
    }

    /// Barycentric map: out_i = sum_j X_ij values_j / sum_j X_ij, with `values` m x k and `out`
    /// n x k. Where the points of the rows go, in the mean. It depends on g only, so rows without
    /// weight have an image too; a row all of whose partners are forbidden or without weight has
    /// none, and gets NaN. Errors: `Shape`.
    pub fn barycentric_map(
        &mut self,
        values: &Mat<'_, P::Cost>,
        out: &mut MatMut<'_, P::Cost>,
    ) -> Result<(), Error> {
        if values.rows() != self.g.len() {
            return Err(Error::new(ErrorKind::Shape, Argument::Values));
        }
        if out.rows() != self.f.len() || out.cols() != values.cols() {
            return Err(Error::new(ErrorKind::Shape, Argument::Output));
        }
        self.geometry.conditional_mean(self.pass, self.g, values, out, &mut self.scratch);
        Ok(())
    }

    /// The whole plan, n x m. Errors: `Shape`.
    pub fn to_dense(&mut self, out: &mut MatMut<'_, P::Sum>) -> Result<(), Error> {
        if out.rows() != self.f.len() || out.cols() != self.g.len() {
            return Err(Error::new(ErrorKind::Shape, Argument::Output));
        }
        let [row, ..] = &mut self.scratch.entries;
        for (i, &f) in self.f.iter().enumerate() {
            self.geometry.plan_row(self.pass, i, f, self.g, row);
            for (j, &x) in row.iter().enumerate() {
                out.set(i, j, x * self.normalisation);
            }
        }
        Ok(())
    }
}

fn expect_len(found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::new(ErrorKind::Shape, Argument::Output)) }
}

/// Errors: `Shape` for a wrong length, `NotANumber` and `Infinite` for what no solve returns.
pub(crate) fn check_potential<T: Real>(
    potential: &[T],
    len: usize,
    argument: Argument,
) -> Result<(), Error> {
    if potential.len() != len {
        return Err(Error::new(ErrorKind::Shape, argument));
    }
    for (i, &x) in potential.iter().enumerate() {
        if x.is_nan() {
            return Err(Error::at(ErrorKind::NotANumber, argument, i));
        }
        if x == T::INFINITY {
            return Err(Error::at(ErrorKind::Infinite, argument, i));
        }
    }
    Ok(())
}

/// A potential against the counting measure: the reference's share offset log w added.
fn counting<P: Precision>(x: P::Potential, w: P::Cost, offset: P::Potential) -> P::Potential {
    if offset > P::Potential::ZERO && x > P::Potential::NEG_INFINITY {
        x + offset * P::widen(w).ln_once()
    } else {
        x
    }
}

/// Copies potentials, each against the counting measure.
pub(crate) fn copy_counting<P: Precision>(
    out: &mut [P::Potential],
    potential: &[P::Potential],
    weights: &[P::Cost],
    offset: P::Potential,
) {
    for ((out, &x), &w) in out.iter_mut().zip(potential).zip(weights) {
        *out = counting::<P>(x, w, offset);
    }
}
