//! What a loss asks of an optimum, row by row.

use super::stage::RowSource;
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::math::SMALL;
use crate::problem::Problem;
use crate::real::Real;
use crate::view::Mat;

/// The derivative of a loss L with respect to what a solve gives: all parts are added up. Nothing
/// is set in `Cotangent::new()`.
#[derive(Clone, Copy, Debug)]
pub struct Cotangent<'a, P: Precision> {
    pub(super) plan: Option<Mat<'a, P::Cost>>,
    pub(super) row_marginal: Option<&'a [P::Potential]>,
    pub(super) col_marginal: Option<&'a [P::Potential]>,
    pub(super) f: Option<&'a [P::Potential]>,
    pub(super) g: Option<&'a [P::Potential]>,
    pub(super) transport: P::Potential,
    pub(super) value: P::Potential,
}

impl<'a, P: Precision> Cotangent<'a, P> {
    /// L = 0.
    pub const fn new() -> Self {
        Self {
            plan: None,
            row_marginal: None,
            col_marginal: None,
            f: None,
            g: None,
            transport: P::Potential::ZERO,
            value: P::Potential::ZERO,
        }
    }

    /// dL/dX, n x m. (For the unit-mass problem X is the plan of unit mass.)
    pub const fn plan(mut self, cotangent: Mat<'a, P::Cost>) -> Self {
        self.plan = Some(cotangent);
        self
    }

    /// dL/d(X 1), n: what is seen of a relaxed marginal.
    pub const fn row_marginal(mut self, cotangent: &'a [P::Potential]) -> Self {
        self.row_marginal = Some(cotangent);
        self
    }

    /// dL/d(X^T 1), m.
    pub const fn col_marginal(mut self, cotangent: &'a [P::Potential]) -> Self {
        self.col_marginal = Some(cotangent);
        self
    }

    /// dL/df, n, and dL/dg, m. Where both sides fix the mass the potentials are defined up to
    /// (f + t, g - t), so the sums of the two must be equal. A cotangent of a potential whose row or
    /// column has next to no mass is refused (`Singular`): below 2^-400 (f64) or 2^-40 (f32), and
    /// for columns and conjugate gradients below one rounding of the plan's mass.
    pub const fn potentials(mut self, f: &'a [P::Potential], g: &'a [P::Potential]) -> Self {
        self.f = Some(f);
        self.g = Some(g);
        self
    }

    /// dL/d<C, X>.
    pub const fn transport_cost(mut self, weight: P::Potential) -> Self {
        self.transport = weight;
        self
    }

    /// dL/d(optimal value of the regularised problem). Needs no linear solve.
    pub const fn value(mut self, weight: P::Potential) -> Self {
        self.value = weight;
        self
    }

    /// Whether a linear system has to be solved: not for the optimal value alone.
    pub(super) fn is_implicit(&self) -> bool {
        let potentials = self.f.is_some() || self.g.is_some();
        let marginals = self.row_marginal.is_some() || self.col_marginal.is_some();
        self.plan.is_some() || potentials || marginals || self.transport != P::Potential::ZERO
    }

    /// The same loss of the transposed problem.
    pub(super) fn transposed(self) -> Self {
        Self {
            plan: self.plan.map(Mat::transposed),
            row_marginal: self.col_marginal,
            col_marginal: self.row_marginal,
            f: self.g,
            g: self.f,
            ..self
        }
    }

    /// Errors: `Shape`, `NotANumber` and `Infinite`, blaming the cotangent.
    pub(super) fn check(&self, n: usize, m: usize) -> Result<(), Error> {
        let argument = Argument::Cotangent;
        for (part, len) in
            [(self.row_marginal, n), (self.f, n), (self.col_marginal, m), (self.g, m)]
        {
            let Some(part) = part else { continue };
            if part.len() != len {
                return Err(Error::new(ErrorKind::Shape, argument));
            }
            for (i, &x) in part.iter().enumerate() {
                finite(x).map_err(|kind| Error::at(kind, argument, i))?;
            }
        }
        for x in [self.transport, self.value] {
            finite(x).map_err(|kind| Error::new(kind, argument))?;
        }
        if let Some(plan) = &self.plan {
            if plan.rows() != n || plan.cols() != m {
                return Err(Error::new(ErrorKind::Shape, argument));
            }
            // Most rows are fine, and seen to be without a branch for each entry.
            let all_finite =
                |row: &[P::Cost]| row.iter().fold(true, |fine, x| fine & x.is_finite());
            for i in 0..n {
                let row = if SMALL { None } else { plan.contiguous_row(i) };
                if row.is_some_and(all_finite) {
                    continue;
                }
                for (j, x) in plan.row(i).enumerate() {
                    finite(x).map_err(|kind| Error::at_entry(kind, argument, i, j))?;
                }
            }
        }
        Ok(())
    }
}

impl<P: Precision> Default for Cotangent<'_, P> {
    fn default() -> Self {
        Self::new()
    }
}

pub(super) fn finite<T: Real>(x: T) -> Result<(), ErrorKind> {
    if x.is_finite() {
        Ok(())
    } else {
        Err(if x.is_nan() { ErrorKind::NotANumber } else { ErrorKind::Infinite })
    }
}

/// The cotangent of the plan with marginals and transport cost put into it.
pub(super) struct Seen<'a, P: Precision> {
    pub(super) cotangent: Cotangent<'a, P>,
    /// Sides that fix their marginal: a constant in a row of the cotangent then does not matter, and
    /// C - f - g = -epsilon log X has no offset to lose digits to.
    fixed: [bool; 2],
}

impl<'a, P: Precision> Seen<'a, P> {
    pub(super) fn new<G: Geometry<P>>(
        problem: &Problem<'_, P, G>,
        cotangent: Cotangent<'a, P>,
    ) -> Self {
        let fixed = [problem.row_side(&[]), problem.col_side(&[])].map(|s| s.fixes_marginal());
        Self { cotangent, fixed }
    }

    /// What is taken off the cost in row or column k of a side that fixes its marginal.
    pub(super) fn offset(potential: &[P::Potential], k: usize) -> P::Potential {
        finite_or_zero(potential.get(k).copied().unwrap_or(P::Potential::ZERO))
    }

    /// Entry (i, j) of dL/dX at a finite cost, as [`RowSource::row`] has it.
    pub(super) fn entry(
        &self,
        (i, j): (usize, usize),
        cost: P::Cost,
        (f, g): (P::Potential, P::Potential),
    ) -> P::Potential {
        let (c, [rows, cols]) = (&self.cotangent, self.fixed);
        let part = |x: Option<&[P::Potential]>, k: usize| {
            x.and_then(|x| x.get(k)).copied().unwrap_or(P::Potential::ZERO)
        };
        let plan = c.plan.and_then(|plan| plan.get(i, j)).map_or(P::Potential::ZERO, P::widen);
        let f = if rows { finite_or_zero(f) } else { P::Potential::ZERO };
        let g = if cols { finite_or_zero(g) } else { P::Potential::ZERO };
        let left = (P::widen(cost) - g) - f;
        part(c.row_marginal, i) + plan + part(c.col_marginal, j) + c.transport * left
    }

    /// The weight of the transport cost.
    pub(super) fn transport(&self) -> P::Potential {
        self.cotangent.transport
    }
}

fn finite_or_zero<T: Real>(x: T) -> T {
    if x.is_finite() { x } else { T::ZERO }
}

impl<P: Precision> RowSource<P> for Seen<'_, P> {
    fn row(
        &self,
        i: usize,
        cost: &[P::Cost],
        f: P::Potential,
        g: &[P::Potential],
        out: &mut [P::Potential],
    ) {
        let c = &self.cotangent;
        let constant = c.row_marginal.and_then(|r| r.get(i)).copied();
        out.fill(constant.unwrap_or(P::Potential::ZERO));
        if let Some(plan) = &c.plan {
            match plan.contiguous_row(i) {
                Some(row) => out.iter_mut().zip(row).for_each(|(out, &x)| *out += P::widen(x)),
                None => out.iter_mut().zip(plan.row(i)).for_each(|(out, x)| *out += P::widen(x)),
            }
        }
        if let Some(col) = c.col_marginal {
            for (out, &x) in out.iter_mut().zip(col) {
                *out += x;
            }
        }
        if c.transport != P::Potential::ZERO {
            let [rows, cols] = self.fixed;
            let f = if rows { finite_or_zero(f) } else { P::Potential::ZERO };
            for ((out, &cost), &g) in out.iter_mut().zip(cost).zip(g) {
                let g = if cols { finite_or_zero(g) } else { P::Potential::ZERO };
                *out += c.transport * ((P::widen(cost) - g) - f);
            }
        }
        for (out, &cost) in out.iter_mut().zip(cost) {
            // A choice, not a branch: packed.
            *out = if cost == P::Cost::INFINITY { P::Potential::ZERO } else { *out };
        }
    }

    fn is_zero(&self) -> bool {
        !self.cotangent.is_implicit()
    }
}
