//! From the derivative of a loss with respect to the barycenter to that with respect to the measures.

use super::super::averages::{Seen, Terms};
use super::super::problem::{Measure, Part, Problem, pass};
use super::layout::{Work, work_len};
use super::operator::{Operator, root_share};
use crate::cost::{Geometry, Pass, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::{Limits, Vectors, conjugate_gradients};
use crate::kernel::{GradientRow, Level, Precision, gradient_row};
use crate::marginal::{Adjoint, total};
use crate::math::{Compensated, Elementary};
use crate::plan::{check_potential, copy_counting};
use crate::problem::check_weights;
use crate::real::Real;
use crate::view::MatMut;
use crate::work::{cut, padded};

/// The derivative of a loss with respect to what a solve gives; the parts are added up.
#[derive(Clone, Copy, Debug)]
pub struct Cotangent<'a, T> {
    /// dL/d barycenter (n), the barycenter of unit mass. A constant has no effect.
    pub barycenter: Option<&'a [T]>,
    /// dL/d objective.
    pub objective: T,
}

/// How a gradient is taken.
#[derive(Clone, Copy, Debug)]
pub struct Options<T> {
    pub(crate) tolerance: T,
    pub(crate) max_iterations: u32,
    pub(crate) forward_tolerance: T,
    pub(super) level: Option<Level>,
}

impl<T: Real> Options<T> {
    /// Conjugate gradients to a relative residual of 1e-10 (f64) or 1e-6 (f32) in at most 1000
    /// iterations, and potentials of a residual up to 1e-6 (f64) or 1e-2 (f32).
    pub fn new() -> Self {
        Self {
            tolerance: T::DEFAULT_TOLERANCE / T::from_count(10),
            max_iterations: 1000,
            forward_tolerance: T::FORWARD_TOLERANCE,
            level: None,
        }
    }

    /// |residual| over |right-hand side| of the linear system that is good enough.
    pub const fn tolerance(mut self, residual: T) -> Self {
        self.tolerance = residual;
        self
    }

    /// Most iterations of conjugate gradients, at least 1; each is two sweeps over all costs.
    pub const fn max_iterations(mut self, count: u32) -> Self {
        self.max_iterations = count;
        self
    }

    /// Relative residual up to which potentials count as an optimum; beyond it the gradient is refused
    /// (`NotConverged`). Infinity takes any.
    pub const fn forward_tolerance(mut self, residual: T) -> Self {
        self.forward_tolerance = residual;
        self
    }

    /// Force an instruction set. Default: the fastest. Changes the time, never the bits.
    pub const fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    fn check(&self) -> Result<(), Error> {
        if !(self.tolerance > T::ZERO && self.tolerance.is_finite()) {
            return Err(Error::new(ErrorKind::Tolerance, Argument::Method));
        }
        if self.max_iterations == 0 {
            return Err(Error::new(ErrorKind::Count, Argument::Method));
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

/// Where gradients go, each one measure behind the other; what is not asked for is not computed.
#[derive(Debug)]
pub struct Gradients<'a, P: Precision> {
    /// dL/dp_i (sum n_i). Exact measures: along directions that keep the mass, up to a constant. At a
    /// zero weight: the one-sided derivative of an exact measure, 0 under a KL rule, whose derivative
    /// is infinite there.
    pub weights: Option<&'a mut [P::Potential]>,
    /// dL/d share_i (k), of the shares as they were given: the loss does not change along them.
    pub shares: Option<&'a mut [P::Potential]>,
    /// dL/dC_i (sum n_i n), row by row.
    pub costs: Option<&'a mut [P::Cost]>,
    /// dL/dx_i (sum n_i d_i), point by point: by the points of the measures, for costs from points.
    pub x: Option<&'a mut [P::Cost]>,
    /// dL/dy_i (sum n d_i), point by point: by the points of the barycenter through each cost. Where
    /// measures share them the derivative is the sum over the measures.
    pub y: Option<&'a mut [P::Cost]>,
}

impl<P: Precision> Default for Gradients<'_, P> {
    fn default() -> Self {
        Self { weights: None, shares: None, costs: None, x: None, y: None }
    }
}

impl<P: Precision> Gradients<'_, P> {
    /// Errors: `Shape`, blaming the output.
    fn check<G: Geometry<P>>(&self, problem: &Problem<'_, P, G>) -> Result<(), Error> {
        fn off<T>(out: &Option<&mut [T]>, len: usize) -> bool {
            out.as_ref().is_some_and(|out| out.len() != len)
        }
        let (n, lengths) = (problem.support(), lengths(problem));
        let argument = if off(&self.weights, problem.rows()) {
            Argument::RowWeightGradient
        } else if off(&self.shares, problem.measures().len()) {
            Argument::Share
        } else if off(&self.costs, problem.rows().saturating_mul(n)) {
            Argument::CostGradient
        } else if off(&self.x, lengths.x) {
            Argument::RowPointGradient
        } else if off(&self.y, lengths.y) {
            Argument::ColPointGradient
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Shape, argument))
    }
}

/// Coordinates of all points; `usize::MAX` if that overflows.
pub(crate) struct Lengths {
    /// sum n_i d_i.
    pub(crate) x: usize,
    /// sum n d_i.
    pub(crate) y: usize,
}

impl Lengths {
    /// Of no measure.
    pub(crate) const NONE: Self = Self { x: 0, y: 0 };

    /// With those of one more measure.
    pub(crate) fn and<P: Precision, G: Geometry<P>>(self, geometry: &G) -> Self {
        let d = geometry.coordinates();
        let [x, y] = [geometry.rows(), geometry.cols()].map(|count| count.saturating_mul(d));
        Self { x: self.x.saturating_add(x), y: self.y.saturating_add(y) }
    }
}

/// How long the gradients of points are.
fn lengths<P: Precision, G: Geometry<P>>(problem: &Problem<'_, P, G>) -> Lengths {
    let measures = problem.measures().iter();
    measures.fold(Lengths::NONE, |lengths, measure| lengths.and::<P, G>(&measure.geometry))
}

/// The gradients of one measure's cost.
struct Places<'a, P: Precision> {
    cost: Option<MatMut<'a, P::Cost>>,
    x: Option<MatMut<'a, P::Cost>>,
    y: Option<MatMut<'a, P::Cost>>,
}

/// Cuts a matrix off the front of what is left.
fn matrix<'a, T: Real>(
    rest: &mut Option<&'a mut [T]>,
    [rows, cols]: [usize; 2],
) -> Option<MatMut<'a, T>> {
    let part = cut(rest.as_mut()?, rows * cols)?;
    MatMut::new(part, rows, cols).ok()
}

/// How trustworthy the gradients are.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct GradientReport<T> {
    /// Relative residual of the potentials that were given.
    pub forward_residual: T,
    /// |residual| of the linear system over |right-hand side|; 0 if none had to be solved.
    pub residual: T,
    /// Iterations of conjugate gradients.
    pub iterations: u32,
}

/// Vector-Jacobian product: the gradients of a loss from its derivatives with respect to the
/// barycenter and the objective, by the implicit function theorem (the derivation stands at
/// [the module](super)). `f` and `g` are the potentials that [`super::super::solve`] returned.
/// Outputs are overwritten. `work` has at least [`work_len`] elements. Cost: two sweeps of sum n_i n
/// exponentials for each iteration of conjugate gradients.
///
/// Errors: `Shape`, `NotANumber`, `Infinite` for what does not fit, `Tolerance` and `Count` for the
/// options, `WorkTooSmall`, `NotConverged` if the potentials' residual is above `forward_tolerance`.
/// Nothing but work is written then.
pub fn vjp<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    (f, g): (&[P::Potential], &[P::Potential]),
    cotangent: &Cotangent<'_, P::Potential>,
    options: &Options<P::Potential>,
    gradients: Gradients<'_, P>,
    work: &mut [P::Work],
) -> Result<GradientReport<P::Potential>, Error> {
    options.check()?;
    check(problem, (f, g), cotangent)?;
    gradients.check(problem)?;
    let shape = [problem.measures().len(), problem.rows(), problem.support(), problem.dimension()];
    let Some(work) = Work::<P>::cut(work, shape) else {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    };
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let level = options.level.unwrap_or_else(Level::detect);
    let pass = pass::<P>(problem.epsilon(), level);
    let Work { rows, cols, columns, point, points, row, col, mut scratch } = work;
    let [counting, r, root, z, right, direction, product] = rows;
    let [q, column_root, gamma, omega, nu, mean, seen, indirect] = cols;

    for Part { measure, rows, .. } in problem.parts() {
        if let (Some(out), Some(f)) = (counting.get_mut(rows.clone()), f.get(rows)) {
            copy_counting::<P>(out, f, measure.weights, zero);
        }
    }
    let f = &*counting;
    let forward = Forward { problem, pass, f, g };
    let forward_residual = forward.marginals(r, q, gamma, [row, col], &mut scratch);
    let solved = forward_residual <= options.forward_tolerance;
    if !solved {
        return Err(Error::new(ErrorKind::NotConverged, Argument::ForwardTolerance));
    }

    // From here on nothing is refused.
    let mass = total(q.iter().copied());
    let unit = problem.fixed().is_none();
    forward.roots(r, root);
    for (root, &q) in column_root.iter_mut().zip(&*q) {
        let enough = q >= P::Potential::from(<P::Sum as Real>::TRUST_LOW);
        *root = if enough { one / q.sqrt() } else { zero };
    }
    let asked = cotangent.barycenter.is_some_and(|c| c.iter().any(|&x| x != zero));
    gamma.fill(zero);
    if let Some(cotangent) = cotangent.barycenter.filter(|_| asked) {
        let terms = cotangent.iter().zip(&*q).map(|(&c, &q)| c * q);
        let average = total(terms) / mass;
        for (gamma, &c) in gamma.iter_mut().zip(cotangent) {
            *gamma = (c - average) / mass;
        }
    }
    z.fill(zero);
    let (mut residual, mut iterations) = (zero, 0);
    let mut operator =
        Operator { problem, pass, f, g, root, column_root, columns, mean, scratch: &mut scratch };
    if asked {
        for Part { measure, cols, .. } in problem.parts() {
            let share = root_share(problem, measure.share) / pass.epsilon;
            if let Some(out) = operator.columns.get_mut(cols) {
                for (out, &gamma) in out.iter_mut().zip(&*gamma) {
                    *out = share * gamma;
                }
            }
        }
        operator.gather(right);
        let size = total(right.iter().map(|&x| x * x)).sqrt();
        if size > zero {
            let target = options.tolerance * size;
            let mut vectors = Vectors { direction, product };
            let limits = Limits {
                tolerance: target,
                products: options.max_iterations,
                radius: P::Potential::INFINITY,
            };
            let ending =
                conjugate_gradients::<P>(&mut operator, &mut vectors, None, right, z, limits);
            (residual, iterations) = (ending.residual / size, ending.iterations);
        }
    }
    operator.spread(z);
    let Operator { columns, mean, scratch, .. } = operator;
    // mu_i = A_i z_i / sqrt(w_i q), so that sum_i w_i mu_i = mean / sqrt(q).
    for ((omega, &gamma), (&mean, &root)) in
        omega.iter_mut().zip(&*gamma).zip(mean.iter().zip(&*column_root))
    {
        *omega = gamma / pass.epsilon - mean * root;
    }

    let Gradients { mut weights, mut shares, mut costs, mut x, mut y } = gradients;
    let scale = if unit { one / mass } else { one };
    let adjoint = direction;
    for Part { i, measure, rows, cols, .. } in problem.parts() {
        let (Some(f), Some(g), Some(columns), Some(r), Some(root), Some(z), Some(adjoint)) = (
            f.get(rows.clone()),
            g.get(cols.clone()),
            columns.get(cols),
            r.get(rows.clone()),
            root.get(rows.clone()),
            z.get(rows.clone()),
            adjoint.get_mut(rows.clone()),
        ) else {
            break;
        };
        let w = measure.share / problem.share();
        let inverse = if w > zero { one / w.sqrt() } else { zero };
        for ((nu, &omega), (&y, &root)) in
            nu.iter_mut().zip(&*omega).zip(columns.iter().zip(&*column_root))
        {
            *nu = -(omega + y * root * inverse);
        }
        for ((adjoint, &z), &root) in adjoint.iter_mut().zip(z).zip(root) {
            *adjoint = z * root * inverse;
        }
        let side = measure.side(pass.epsilon, problem.fixed(), &[]);
        let smoothing = measure.tau() / (measure.tau() + pass.epsilon);
        let emission = Emission {
            measure,
            pass,
            f,
            g,
            nu,
            share: w,
            value: cotangent.objective * w * scale,
            smoothing: if smoothing > zero { smoothing } else { one },
        };
        let places = [&mut *seen, &mut *indirect, &mut *point, &mut *points];
        let (n, m, d) = (rows.len(), problem.support(), measure.geometry.coordinates());
        let out = Places {
            cost: matrix(&mut costs, [n, m]),
            x: matrix(&mut x, [n, d]),
            y: matrix(&mut y, [m, d]),
        };
        emission.write(adjoint, out, places, scratch);
        if let Some(out) = weights.as_deref_mut().and_then(|out| out.get_mut(rows.clone())) {
            for adjoint in adjoint.iter_mut() {
                *adjoint = *adjoint * (w * pass.epsilon);
            }
            let at = Adjoint {
                multiplier: zero,
                f,
                r,
                u: adjoint,
                w: &[],
                kappa: zero,
                value: cotangent.objective * w,
                scale,
            };
            side.weight_gradient(&at, out);
        }
        if let Some(out) = shares.as_deref_mut().and_then(|out| out.get_mut(i)) {
            let terms = q.iter().zip(&*omega).zip(g).filter(|((q, _), _)| **q > zero);
            *out = -total(terms.map(|((&q, &omega), &g)| q * omega * g));
            if cotangent.objective != zero {
                let Some(row) = row.get_mut(rows) else { break };
                let own = forward.objective(measure, (f, g), [row, col], scratch, unit);
                *out += cotangent.objective * own;
            }
        }
    }
    if let Some(shares) = shares {
        normalise(problem, shares);
    }
    Ok(GradientReport { forward_residual, residual, iterations })
}

/// From derivatives by shares of sum 1 to those by the shares as they were given.
fn normalise<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    shares: &mut [P::Potential],
) {
    let terms = problem.measures().iter().zip(&*shares).map(|(m, &d)| m.share * d);
    let mean = total(terms) / problem.share();
    for share in shares {
        *share = (*share - mean) / problem.share();
    }
}

/// What can be said without a sweep.
fn check<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    (f, g): (&[P::Potential], &[P::Potential]),
    cotangent: &Cotangent<'_, P::Potential>,
) -> Result<(), Error> {
    let [k, n, m, d] =
        [problem.measures().len(), problem.rows(), problem.support(), problem.dimension()];
    if work_len(k, n, m, d) == usize::MAX || problem.cols() == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Measures));
    }
    check_potential(f, n, Argument::RowPotentials)?;
    check_potential(g, problem.cols(), Argument::ColPotentials)?;
    for (i, measure) in problem.measures().iter().enumerate() {
        check_weights::<P>(measure.weights, Argument::RowWeights)
            .map_err(|error| error.in_measure(i))?;
    }
    let refuse = |kind| Err(Error::new(kind, Argument::Cotangent));
    if !cotangent.objective.is_finite() {
        let nan = cotangent.objective.is_nan();
        return refuse(if nan { ErrorKind::NotANumber } else { ErrorKind::Infinite });
    }
    let Some(values) = cotangent.barycenter else {
        return Ok(());
    };
    if values.len() != m {
        return refuse(ErrorKind::Shape);
    }
    for (j, &x) in values.iter().enumerate() {
        if !x.is_finite() {
            let kind = if x.is_nan() { ErrorKind::NotANumber } else { ErrorKind::Infinite };
            return Err(Error::at(kind, Argument::Cotangent, j));
        }
    }
    Ok(())
}

/// The optimum as it was handed over.
struct Forward<'a, P: Precision, G> {
    problem: &'a Problem<'a, P, G>,
    pass: Pass<P>,
    f: &'a [P::Potential],
    g: &'a [P::Potential],
}

impl<P: Precision, G: Geometry<P>> Forward<'_, P, G> {
    /// Marginals r of all plans and their mean column marginal q; the relative residual. `first` keeps
    /// the columns of the first plan.
    fn marginals(
        &self,
        r: &mut [P::Potential],
        q: &mut [P::Potential],
        first: &mut [P::Potential],
        [row, col]: [&mut [P::Sum]; 2],
        scratch: &mut Scratch<'_, P>,
    ) -> P::Potential {
        let Self { problem, pass, f, g } = self;
        let (mut off, mut mass) = (Compensated::new(), Compensated::new());
        let mut seen_first = false;
        q.fill(P::Potential::ZERO);
        for Part { measure, rows, cols, .. } in problem.parts() {
            let (Some(f), Some(g), Some(r), Some(row)) =
                (f.get(rows.clone()), g.get(cols), r.get_mut(rows.clone()), row.get_mut(rows))
            else {
                break;
            };
            let side = measure.side(pass.epsilon, problem.fixed(), &[]);
            measure.geometry.prepare(scratch);
            measure.geometry.marginals(*pass, f, g, row, col, scratch);
            for (r, &row) in r.iter_mut().zip(&*row) {
                *r = P::Potential::from(row);
            }
            if measure.share <= P::Potential::ZERO {
                continue;
            }
            let w = measure.share / problem.share();
            let marginal = side.kkt_residual(P::Potential::ZERO, f, r);
            off.add(w * marginal);
            mass.add(w * total(r.iter().copied()));
            for ((q, first), &col) in q.iter_mut().zip(first.iter_mut()).zip(&*col) {
                let col = P::Potential::from(col);
                if !seen_first {
                    *first = col;
                }
                *q += w * col;
                off.add(w * (col - *first).abs());
            }
            seen_first = true;
        }
        off.value() / mass.value()
    }

    /// sqrt(s / r) of every row that has mass and a share.
    fn roots(&self, r: &[P::Potential], root: &mut [P::Potential]) {
        let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
        let least = P::Potential::from(<P::Sum as Real>::TRUST_LOW);
        for Part { measure, rows, .. } in self.problem.parts() {
            let (Some(r), Some(root)) = (r.get(rows.clone()), root.get_mut(rows)) else { return };
            let tau = measure.tau();
            let s = if tau > zero { tau / (tau + self.pass.epsilon) } else { one };
            for (root, &r) in root.iter_mut().zip(r) {
                let counts = r >= least && measure.share > zero;
                *root = if counts { (s / r).sqrt() } else { zero };
            }
        }
    }

    /// The objective of one measure.
    fn objective(
        &self,
        measure: &Measure<'_, P, G>,
        (f, g): (&[P::Potential], &[P::Potential]),
        [row, col]: [&mut [P::Sum]; 2],
        scratch: &mut Scratch<'_, P>,
        unit: bool,
    ) -> P::Potential {
        let side = measure.side(self.pass.epsilon, self.problem.fixed(), &[]);
        measure.geometry.prepare(scratch);
        let transport = measure.geometry.marginals(self.pass, f, g, row, col, scratch);
        let (row, col) = (&*row, &*col);
        // What the rule and the barycenter prescribe has no part in it.
        let seen = Seen { f, g, row, col, target: &[], barycenter: &[], transport };
        let Terms { transport, entropy, penalty } = seen.terms(&side, unit);
        transport + penalty + self.pass.epsilon * entropy
    }
}

/// The last sweep over one measure.
struct Emission<'a, P: Precision, G> {
    measure: &'a Measure<'a, P, G>,
    pass: Pass<P>,
    f: &'a [P::Potential],
    g: &'a [P::Potential],
    /// -nu_i.
    nu: &'a [P::Potential],
    share: P::Potential,
    /// Cotangent of the objective times share and scale.
    value: P::Potential,
    /// s_i.
    smoothing: P::Potential,
}

impl<P: Precision, G: Geometry<P>> Emission<'_, P, G> {
    /// Writes the gradients of cost and points, and completes `adjoint` (lambda_i) where a row has no
    /// mass: there it is the limit s_i times the mean of nu_i under the row's shape.
    fn write(
        &self,
        adjoint: &mut [P::Potential],
        out: Places<'_, P>,
        [seen, indirect, point, points]: [&mut [P::Potential]; 4],
        scratch: &mut Scratch<'_, P>,
    ) {
        let zero = P::Potential::ZERO;
        let geometry = &self.measure.geometry;
        let d = geometry.coordinates();
        let Places { mut cost, mut x, mut y } = out;
        let wants_points = x.is_some() || y.is_some();
        let point = point.get_mut(..d).unwrap_or(&mut []);
        let points = points.get_mut(..padded(self.g.len()) * d).unwrap_or(&mut []);
        points.fill(zero);
        geometry.prepare(scratch);
        geometry.plan_rows(self.pass, self.f, self.g, scratch, &mut |row| {
            let Some(adjoint) = adjoint.get_mut(row.i) else { return };
            seen.fill(zero);
            if row.massless {
                let terms = row.entries.iter().zip(self.nu);
                let sum = P::Potential::from(row.sum);
                let mean = -total(terms.map(|(&x, &nu)| P::Potential::from(x) * nu)) / sum;
                *adjoint = if sum > zero { self.smoothing * mean } else { zero };
            } else {
                let constants = GradientRow {
                    u: *adjoint,
                    f: zero,
                    mean: zero,
                    scale: zero,
                    rate: zero,
                    implicit: self.share,
                    value: self.value,
                    transport: zero,
                };
                let columns = [self.g, self.nu];
                let (x, costs) = (row.entries, row.cost);
                gradient_row::<P>(self.pass.level, constants, x, costs, columns, seen, indirect);
            }
            if let Some(cost) = &mut cost {
                for (j, &value) in seen.iter().enumerate() {
                    cost.set(row.i, j, P::cost_of(P::narrow(value)));
                }
            }
            if wants_points {
                point.fill(zero);
                geometry.pull_back_row(row.i, row.cost, seen, point, points);
                if let Some(x) = &mut x {
                    for (k, &value) in point.iter().enumerate() {
                        x.set(row.i, k, P::cost_of(P::narrow(value)));
                    }
                }
            }
        });
        if let Some(y) = &mut y {
            for (k, coordinate) in points.chunks(padded(self.g.len()).max(1)).enumerate() {
                for (j, &value) in coordinate.iter().take(self.g.len()).enumerate() {
                    y.set(j, k, P::cost_of(P::narrow(value)));
                }
            }
        }
    }
}
