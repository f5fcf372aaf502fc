//! From the derivative of a loss with respect to the optimum to that with respect to the problem.

use super::backward::backward;
use super::cotangent::Cotangent;
use super::layout;
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::plan::check_potential;
use crate::problem::{Problem, check_weights};
use crate::real::Real;
use crate::report::Report;
use crate::view::MatMut;
use crate::work::WorkLen;

/// How the linear system is solved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method<T> {
    /// Factors a matrix of the smaller side: min(n, m)^2 work, min(n, m)^2 max(n, m) / 2
    /// multiplications.
    Direct,
    /// Conjugate gradients: O(n + m) work, one sweep over the cost an iteration.
    Iterative {
        /// |residual| over the size of what the right-hand side is made of that is good enough. 1e-10 or less: the system may be
        /// far worse conditioned than its gradient.
        tolerance: T,
        /// Most iterations.
        max_iterations: u32,
    },
}

/// How a gradient is taken.
#[derive(Clone, Copy, Debug)]
pub struct Options<T> {
    pub(super) method: Method<T>,
    pub(super) forward_tolerance: T,
    pub(super) level: Option<Level>,
}

impl<T: Real> Options<T> {
    /// Direct, and potentials of a residual up to 1e-6 (f64) or 1e-2 (f32).
    pub fn new() -> Self {
        let forward_tolerance = T::FORWARD_TOLERANCE;
        Self { method: Method::Direct, forward_tolerance, level: None }
    }

    /// How the linear system is solved.
    pub const fn method(mut self, method: Method<T>) -> Self {
        self.method = method;
        self
    }

    /// Relative KKT residual up to which potentials count as an optimum; beyond it the gradient is
    /// refused (`NotConverged`). Infinity takes any. The gradient's error is some 1 to 60 times the
    /// residual.
    pub const fn forward_tolerance(mut self, residual: T) -> Self {
        self.forward_tolerance = residual;
        self
    }

    #[cfg(feature = "capi")]
    pub(crate) const fn tolerance(&self) -> T {
        self.forward_tolerance
    }

    pub(crate) const fn method_of(&self) -> Method<T> {
        self.method
    }

    /// Force an instruction set. Default: the fastest. Changes the time, never the bits.
    pub const fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Method::Iterative { tolerance, max_iterations } = self.method {
            if !(tolerance > T::ZERO && tolerance.is_finite()) {
                return Err(Error::new(ErrorKind::Tolerance, Argument::Method));
            }
            if max_iterations == 0 {
                return Err(Error::new(ErrorKind::Count, Argument::Method));
            }
        }
        let usable = self.forward_tolerance > T::ZERO;
        if usable {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Tolerance, Argument::ForwardTolerance))
        }
    }
}

impl<T: Real> Default for Options<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a gradient is taken: the potentials of a solve with what its report says of them.
#[derive(Clone, Copy, Debug)]
pub struct Optimum<'a, P: Precision> {
    pub(super) f: &'a [P::Potential],
    pub(super) g: &'a [P::Potential],
    pub(super) multipliers: [P::Potential; 2],
}

impl<'a, P: Precision> Optimum<'a, P> {
    #[cfg(feature = "capi")]
    pub(crate) const fn at(
        f: &'a [P::Potential],
        g: &'a [P::Potential],
        multipliers: [P::Potential; 2],
    ) -> Self {
        Self { f, g, multipliers }
    }

    /// Potentials f (n) and g (m) and the report of the solve that ended there.
    pub const fn new(
        f: &'a [P::Potential],
        g: &'a [P::Potential],
        report: &Report<P::Potential>,
    ) -> Self {
        Self { f, g, multipliers: [report.row_multiplier, report.col_multiplier] }
    }

    pub(super) fn transposed(self) -> Self {
        let [row, col] = self.multipliers;
        Self { f: self.g, g: self.f, multipliers: [col, row] }
    }
}

/// Where gradients go; what is not asked for is not computed.
#[derive(Debug, Default)]
pub struct Gradients<'a, P: Precision> {
    /// dL/dC, n x m.
    pub cost: Option<MatMut<'a, P::Cost>>,
    /// dL/da, n. Exact sides: along directions that keep the mass, up to a constant (u has the gauge
    /// of the linear solve). At a zero weight: the one-sided derivative of an exact side, and 0 under a
    /// KL rule, whose derivative is infinite there.
    pub a: Option<&'a mut [P::Potential]>,
    /// dL/db, m.
    pub b: Option<&'a mut [P::Potential]>,
    /// dL/dx, n x d, for costs from points.
    pub x: Option<MatMut<'a, P::Cost>>,
    /// dL/dy, m x d.
    pub y: Option<MatMut<'a, P::Cost>>,
}

impl<P: Precision> Gradients<'_, P> {
    /// The same places for a shorter time.
    pub(crate) fn lend(&mut self) -> Gradients<'_, P> {
        Gradients {
            cost: self.cost.as_mut().map(MatMut::lend),
            a: self.a.as_deref_mut(),
            b: self.b.as_deref_mut(),
            x: self.x.as_mut().map(MatMut::lend),
            y: self.y.as_mut().map(MatMut::lend),
        }
    }

    fn transposed(self) -> Self {
        let Self { cost, a, b, x, y } = self;
        Self { cost: cost.map(MatMut::transposed), a: b, b: a, x: y, y: x }
    }

    /// Errors: `Shape`, blaming the output.
    pub(crate) fn check(&self, [n, m, d]: [usize; 3]) -> Result<(), Error> {
        let shape = |argument| Err(Error::new(ErrorKind::Shape, argument));
        if self.cost.as_ref().is_some_and(|c| c.rows() != n || c.cols() != m) {
            return shape(Argument::CostGradient);
        }
        if self.a.as_ref().is_some_and(|a| a.len() != n) {
            return shape(Argument::RowWeightGradient);
        }
        if self.b.as_ref().is_some_and(|b| b.len() != m) {
            return shape(Argument::ColWeightGradient);
        }
        if self.x.as_ref().is_some_and(|x| d == 0 || x.rows() != n || x.cols() != d) {
            return shape(Argument::RowPointGradient);
        }
        if self.y.as_ref().is_some_and(|y| d == 0 || y.rows() != m || y.cols() != d) {
            return shape(Argument::ColPointGradient);
        }
        Ok(())
    }
}

/// The scalar gradients, and how trustworthy all of them are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientReport<T> {
    /// dL/d epsilon.
    pub epsilon: T,
    /// dL/d of the parameters of the rows' rule, in the order of its fields: tau; radius, entropy.
    pub row_rule: [T; 2],
    /// The same of the columns.
    pub col_rule: [T; 2],
    /// Relative KKT residual of the potentials that were given.
    pub forward_residual: T,
    /// |residual| of the linear system over the size of what its right-hand side is made of; 0 if
    /// none had to be solved.
    pub residual: T,
    /// Iterations of conjugate gradients.
    pub iterations: u32,
}

impl<T> GradientReport<T> {
    fn transposed(self) -> Self {
        Self { row_rule: self.col_rule, col_rule: self.row_rule, ..self }
    }
}

/// Elements of work for n rows, m columns, points of dimension d (0 for a dense cost); `usize::MAX`
/// if that overflows. The same number for f32 and f64.
pub const fn work_len(n: usize, m: usize, d: usize, direct: bool) -> usize {
    if direct && n < m { layout::len(m, n, d, true) } else { layout::len(n, m, d, direct) }
}

/// Elements of work with which the plan is kept in memory: some n m more, and most exponentials
/// fewer. The bits are the same.
pub const fn fast_work_len(n: usize, m: usize, d: usize, direct: bool) -> usize {
    let (n, m) = if direct && n < m { (m, n) } else { (n, m) };
    WorkLen::of(layout::len(n, m, d, direct)).and(layout::plan_len(n, m)).len()
}

/// Vector-Jacobian product: the gradients of a loss L from its derivatives with respect to the
/// optimum (`cotangent`), by the implicit function theorem (Xie et al. 2021, with the corrections
/// of their Theorem 3 and Algorithm 2). Outputs are overwritten. `work` has at least [`work_len`]
/// elements; with [`fast_work_len`] it takes less time.
///
/// With X the plan, r, c its marginals and G the cotangent of the plan, (u, v) solve
/// [diag(r) X; X^T diag(c)] (u; v) + compliance of the rules = ((G X) 1; (G X)^T 1), and
/// dL/dC = X (u + v - G) / epsilon.
///
/// Errors: `Shape`, `NotANumber`, `Infinite` for what does not fit, `WorkTooSmall`, `NotConverged` if
/// the potentials' residual is above `forward_tolerance`, `Gauge` for potential cotangents of
/// unequal sums where the potentials are defined up to a constant, `Singular` if the factorisation
/// fails (f32 at small epsilon: use the iterative method), or for a cotangent of a potential that has
/// next to no mass. Nothing but work is written then.
pub fn vjp<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    optimum: Optimum<'_, P>,
    cotangent: &Cotangent<'_, P>,
    options: &Options<P::Potential>,
    gradients: Gradients<'_, P>,
    work: &mut [P::Work],
) -> Result<GradientReport<P::Potential>, Error> {
    options.check()?;
    let ((n, m), d) = (problem.shape(), problem.geometry().coordinates());
    check_optimum(problem, optimum, options)?;
    cotangent.check(n, m)?;
    gradients.check([n, m, d])?;
    if options.method == Method::Direct && n < m {
        // The smaller side is factored.
        let cotangent = cotangent.transposed();
        let (optimum, gradients) = (optimum.transposed(), gradients.transposed());
        let report = backward(&problem.transposed(), optimum, cotangent, options, gradients, work)?;
        Ok(report.transposed())
    } else {
        backward(problem, optimum, *cotangent, options, gradients, work)
    }
}

/// What can be said of an optimum without a sweep. Errors: `Shape`, `NotANumber`, `Infinite`, those of
/// weights, `TooLarge`.
pub(super) fn check_optimum<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    optimum: Optimum<'_, P>,
    options: &Options<P::Potential>,
) -> Result<(), Error> {
    let ((n, m), d) = (problem.shape(), problem.geometry().coordinates());
    check_potential(optimum.f, n, Argument::RowPotentials)?;
    check_potential(optimum.g, m, Argument::ColPotentials)?;
    let (a, b) = problem.weights();
    check_weights::<P>(a, Argument::RowWeights)?;
    check_weights::<P>(b, Argument::ColWeights)?;
    if work_len(n, m, d, options.method == Method::Direct) == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
    }
    Ok(())
}
