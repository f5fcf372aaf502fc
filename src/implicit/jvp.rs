//! From a change of the problem to that of the optimum.

use super::cotangent::finite;
use super::stage::{RowSource, Stage};
use super::vjp::{Optimum, Options, check_optimum};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::marginal::{Adjoint, Change, total};
use crate::math::{Compensated, Elementary};
use crate::problem::Problem;
use crate::real::Real;
use crate::view::{Mat, MatMut};

/// A direction in which the problem changes; what is not given stays.
#[derive(Clone, Copy, Debug)]
pub struct Tangent<'a, P: Precision> {
    /// dC, n x m. Not looked at where a pair is forbidden.
    pub cost: Option<Mat<'a, P::Cost>>,
    /// da, n. Where both sides fix the mass, da and db keep it equal.
    pub a: Option<&'a [P::Potential]>,
    /// db, m.
    pub b: Option<&'a [P::Potential]>,
    /// dx, n x d, for costs from points.
    pub x: Option<Mat<'a, P::Cost>>,
    /// dy, m x d.
    pub y: Option<Mat<'a, P::Cost>>,
    /// d epsilon.
    pub epsilon: P::Potential,
    /// d of the parameters of the rows' rule, in the order of its fields.
    pub row_rule: [P::Potential; 2],
    /// The same of the columns.
    pub col_rule: [P::Potential; 2],
}

impl<P: Precision> Default for Tangent<'_, P> {
    fn default() -> Self {
        let zero = P::Potential::ZERO;
        let (row_rule, col_rule) = ([zero; 2], [zero; 2]);
        let (cost, a, b, x, y, epsilon) = (None, None, None, None, None, zero);
        Self { cost, a, b, x, y, epsilon, row_rule, col_rule }
    }
}

impl<P: Precision> Tangent<'_, P> {
    fn transposed(self) -> Self {
        Self {
            cost: self.cost.map(Mat::transposed),
            a: self.b,
            b: self.a,
            x: self.y,
            y: self.x,
            row_rule: self.col_rule,
            col_rule: self.row_rule,
            ..self
        }
    }

    /// Errors: `Shape`, and `MassMismatch` where the masses of two sides that fix them part.
    fn check<G: Geometry<P>>(&self, problem: &Problem<'_, P, G>) -> Result<(), Error> {
        let ((n, m), d) = (problem.shape(), problem.geometry().coordinates());
        let fits = |matrix: &Option<Mat<'_, P::Cost>>, rows, cols| {
            matrix.as_ref().is_none_or(|x| cols > 0 && x.rows() == rows && x.cols() == cols)
        };
        let long = |vector: Option<&[P::Potential]>, len| vector.is_none_or(|x| x.len() == len);
        let shapes = fits(&self.cost, n, m)
            && fits(&self.x, n, d)
            && fits(&self.y, m, d)
            && long(self.a, n)
            && long(self.b, m);
        if !shapes {
            return Err(Error::new(ErrorKind::Shape, Argument::Tangent));
        }
        self.check_values(problem)?;
        let (rows, cols) = (problem.row_side(&[]), problem.col_side(&[]));
        if rows.fixes_mass() && cols.fixes_mass() {
            let sum = |x: Option<&[P::Potential]>| total(x.unwrap_or(&[]).iter().copied());
            let size = |x: Option<&[P::Potential]>| total(x.unwrap_or(&[]).iter().map(|x| x.abs()));
            // A ball's mass is 1 whatever its weights.
            let unit = rows.unit_mass() || cols.unit_mass();
            let off = [
                (!unit, sum(self.a) - sum(self.b)),
                (unit && rows.fixes_marginal(), sum(self.a)),
                (unit && cols.fixes_marginal(), sum(self.b)),
            ];
            let rounding = P::Potential::MASS_TOLERANCE * (size(self.a) + size(self.b));
            if off.iter().any(|&(counts, x)| counts && x.abs() > rounding) {
                return Err(Error::new(ErrorKind::MassMismatch, Argument::Tangent));
            }
        }
        Ok(())
    }
}

impl<P: Precision> Tangent<'_, P> {
    /// Errors: `NotANumber` and `Infinite`, but not for the cost of a forbidden pair.
    fn check_values<G: Geometry<P>>(&self, problem: &Problem<'_, P, G>) -> Result<(), Error> {
        let argument = Argument::Tangent;
        for part in [self.a, self.b] {
            for (i, &x) in part.unwrap_or(&[]).iter().enumerate() {
                finite(x).map_err(|kind| Error::at(kind, argument, i))?;
            }
        }
        let rules = self.row_rule.into_iter().chain(self.col_rule);
        for x in rules.chain([self.epsilon]) {
            finite(x).map_err(|kind| Error::new(kind, argument))?;
        }
        for points in [&self.x, &self.y].into_iter().flatten() {
            for i in 0..points.rows() {
                for (k, x) in points.row(i).enumerate() {
                    finite(x).map_err(|kind| Error::at_entry(kind, argument, i, k))?;
                }
            }
        }
        if let Some(cost) = &self.cost {
            for i in 0..cost.rows() {
                for (j, x) in cost.row(i).enumerate() {
                    let allowed = || problem.geometry().cost(i, j).is_some_and(|c| c.is_finite());
                    if let Err(kind) = finite(x)
                        && allowed()
                    {
                        return Err(Error::at_entry(kind, argument, i, j));
                    }
                }
            }
        }
        Ok(())
    }
}

impl<P: Precision> Changes<'_, P> {
    fn transposed(self) -> Self {
        Self {
            plan: self.plan.map(MatMut::transposed),
            f: self.g,
            g: self.f,
            row_marginal: self.col_marginal,
            col_marginal: self.row_marginal,
        }
    }

    /// Error: `Shape`.
    fn check<G: Geometry<P>>(&self, problem: &Problem<'_, P, G>) -> Result<(), Error> {
        let (n, m) = problem.shape();
        let long = |vector: &Option<&mut [P::Potential]>, len| {
            vector.as_ref().is_none_or(|x| x.len() == len)
        };
        let fits = self.plan.as_ref().is_none_or(|x| x.rows() == n && x.cols() == m)
            && long(&self.f, n)
            && long(&self.g, m)
            && long(&self.row_marginal, n)
            && long(&self.col_marginal, m);
        if fits { Ok(()) } else { Err(Error::new(ErrorKind::Shape, Argument::Output)) }
    }
}

/// Where the changes of the optimum go; what is not asked for is not written.
#[derive(Debug, Default)]
pub struct Changes<'a, P: Precision> {
    /// dX, n x m; of the plan of unit mass where the problem asks for one.
    pub plan: Option<MatMut<'a, P::Sum>>,
    /// df, n; 0 for rows without mass. Where both sides fix the mass, up to a constant that dg has with the other sign.
    pub f: Option<&'a mut [P::Potential]>,
    /// dg, m; 0 for columns without mass.
    pub g: Option<&'a mut [P::Potential]>,
    /// d(X 1), n.
    pub row_marginal: Option<&'a mut [P::Potential]>,
    /// d(X^T 1), m.
    pub col_marginal: Option<&'a mut [P::Potential]>,
}

/// The changes of scalars, and how trustworthy all of them are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TangentReport<T> {
    /// d<C, X>.
    pub transport_cost: T,
    /// d(optimal value of the regularised problem).
    pub value: T,
    /// See `GradientReport`.
    pub forward_residual: T,
    /// See `GradientReport`.
    pub residual: T,
    /// See `GradientReport`.
    pub iterations: u32,
}

/// The change of the exponent's cost, entry by entry: a change of epsilon is one of the cost by
/// log X, and against the product reference a change of the weights is one by -epsilon dw / w.
struct Moved<'a, P: Precision, G> {
    tangent: Tangent<'a, P>,
    geometry: &'a G,
    weights: [&'a [P::Cost]; 2],
    epsilon: P::Potential,
    reference: P::Potential,
}

impl<P: Precision, G: Geometry<P>> Moved<'_, P, G> {
    /// The change of the cost itself.
    fn cost_row(&self, i: usize, cost: &[P::Cost], out: &mut [P::Potential]) {
        let t = &self.tangent;
        out.fill(P::Potential::ZERO);
        if let Some(matrix) = &t.cost {
            for (out, x) in out.iter_mut().zip(matrix.row(i)) {
                *out = P::widen(x);
            }
        }
        if t.x.is_some() || t.y.is_some() {
            self.geometry.push_forward_row(i, cost, t.x.as_ref(), t.y.as_ref(), out);
        }
        for (out, &c) in out.iter_mut().zip(cost) {
            if c == P::Cost::INFINITY {
                *out = P::Potential::ZERO;
            }
        }
    }

    /// What the reference adds for one weight: -epsilon dw / w - d epsilon log w.
    fn reference_part(
        &self,
        k: usize,
        weights: &[P::Cost],
        change: Option<&[P::Potential]>,
    ) -> P::Potential {
        let w = weights.get(k).map_or(P::Potential::ZERO, |&w| P::widen(w));
        if w <= P::Potential::ZERO || self.reference <= P::Potential::ZERO {
            return P::Potential::ZERO;
        }
        let change = change.and_then(|c| c.get(k)).copied().unwrap_or(P::Potential::ZERO);
        -(self.epsilon * change / w) - self.tangent.epsilon * w.ln_once()
    }
}

impl<P: Precision, G: Geometry<P>> RowSource<P> for Moved<'_, P, G> {
    fn row(
        &self,
        i: usize,
        cost: &[P::Cost],
        f: P::Potential,
        g: &[P::Potential],
        out: &mut [P::Potential],
    ) {
        self.cost_row(i, cost, out);
        let [a, b] = self.weights;
        let constant = self.reference_part(i, a, self.tangent.a);
        let rate = self.tangent.epsilon / self.epsilon;
        for (j, ((out, &c), &g)) in out.iter_mut().zip(cost).zip(g).enumerate() {
            let exponent = (g - P::widen(c)) + f;
            let log = if exponent.is_finite() { rate * exponent } else { P::Potential::ZERO };
            *out = *out + log + constant + self.reference_part(j, b, self.tangent.b);
        }
    }

    fn is_zero(&self) -> bool {
        false
    }
}

/// Jacobian-vector product: how the optimum changes with the problem, by the same linear system as
/// [`super::vjp`], whose transpose it is. `work` has at least [`super::work_len`] elements.
///
/// Errors: as [`super::vjp`], but for what belongs to cotangents; `MassMismatch` if da and db do not
/// keep two fixed masses equal. Nothing but work is written then.
pub fn jvp<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    optimum: Optimum<'_, P>,
    tangent: &Tangent<'_, P>,
    options: &Options<P::Potential>,
    changes: Changes<'_, P>,
    work: &mut [P::Work],
) -> Result<TangentReport<P::Potential>, Error> {
    options.check()?;
    check_optimum(problem, optimum, options)?;
    tangent.check(problem)?;
    changes.check(problem)?;
    if options.method == super::Method::Direct && problem.shape().0 < problem.shape().1 {
        let (optimum, tangent) = (optimum.transposed(), tangent.transposed());
        forward(&problem.transposed(), optimum, tangent, options, changes.transposed(), work)
    } else {
        forward(problem, optimum, *tangent, options, changes, work)
    }
}

fn forward<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    optimum: Optimum<'_, P>,
    tangent: Tangent<'_, P>,
    options: &Options<P::Potential>,
    changes: Changes<'_, P>,
    work: &mut [P::Work],
) -> Result<TangentReport<P::Potential>, Error> {
    let zero = P::Potential::ZERO;
    let (a, b) = problem.weights();
    let epsilon = problem.epsilon();
    let moved = Moved {
        tangent,
        geometry: problem.geometry(),
        weights: [a, b],
        epsilon,
        reference: problem.reference_factor(),
    };
    let mut stage = Stage::new(problem, optimum, options, &moved, work)?;
    stage.build();
    let Stage { system, rows, cols, row_side, col_side, multipliers, .. } = &mut stage;
    let [row_multiplier, col_multiplier] = *multipliers;
    let level = system.pass.level;
    for (side, lane, form, (multiplier, f), (weights, rule)) in [
        (
            &*row_side,
            &mut *rows,
            &system.rows,
            (row_multiplier, optimum.f),
            (tangent.a, tangent.row_rule),
        ),
        (
            &*col_side,
            &mut *cols,
            &system.cols,
            (col_multiplier, optimum.g),
            (tangent.b, tangent.col_rule),
        ),
    ] {
        let change = Change { multiplier, f, r: lane.r, weights, rule };
        let answer = side.tangent(change, lane.source);
        form.source::<P>(level, (answer, epsilon), lane.r, lane.source);
        for (h, &root) in lane.h.iter_mut().zip(&*form.inverse_root) {
            *h = *h * root;
        }
    }
    stage.solve(options.method)?;

    let Stage { system, rows, cols, row, mass, .. } = &mut stage;
    for (lane, form) in [(&mut *rows, &system.rows), (&mut *cols, &system.cols)] {
        for (u, &root) in lane.u.iter_mut().zip(&*form.inverse_root) {
            *u = *u * root;
        }
    }
    // The unit-mass plan X / |X| changes by (dX - X d|X| / |X|) / |X|, and |X| by a first sweep's sum.
    let (scale, drift) = if problem.is_unit_mass() {
        let sent = total(rows.h.iter().zip(&*rows.r).map(|(&h, &r)| h * r.sqrt()));
        let moved_rows = total(rows.u.iter().zip(&*rows.r).map(|(&u, &r)| u * r));
        let moved_cols = total(cols.u.iter().zip(&*cols.r).map(|(&v, &c)| v * c));
        (P::Potential::ONE / *mass, (moved_rows + moved_cols - sent) / (epsilon * *mass))
    } else {
        (P::Potential::ONE, zero)
    };
    let Changes { mut plan, f: changes_f, g: changes_g, row_marginal, col_marginal } = changes;
    let mut transport = Compensated::new();
    let (mut direct, mut entropy) = (transport, transport);
    let (f, g, pass, geometry) = (system.f, system.g, system.pass, system.geometry);
    rows.h.fill(zero);
    cols.h.fill(zero);
    let (cost_change, scratch) = (&mut *system.sums, &mut system.scratch);
    geometry.plan_rows(pass, f, g, scratch, &mut |shown| {
        let i = shown.i;
        let (Some(&f), Some(&u), Some(sum)) = (f.get(i), rows.u.get(i), rows.h.get_mut(i)) else {
            return;
        };
        if shown.massless {
            row.fill(zero);
        } else {
            moved.row(i, shown.cost, f, g, row);
            moved.cost_row(i, shown.cost, cost_change);
            let entries = shown.entries.iter().zip(shown.cost).zip(&*cols.u);
            let places = row.iter_mut().zip(&*cost_change).zip(cols.h.iter_mut());
            for (((out, &dc), col), (((&x, &c), &v), &g)) in places.zip(entries.zip(g)) {
                let x = P::Potential::from(x) * scale;
                *out = x * (((u + v) - *out) / epsilon - drift);
                *col += *out;
                if x > zero {
                    entropy.add(x * (((g - P::widen(c)) + f) / epsilon));
                    direct.add(x * dc);
                    transport.add(*out * P::widen(c));
                }
            }
            *sum = total(row.iter().copied());
        }
        if let Some(plan) = &mut plan {
            for (j, &value) in row.iter().enumerate() {
                plan.set(i, j, P::narrow(value));
            }
        }
    });
    let Stage { rows, cols, row_side, col_side, mass, .. } = &mut stage;
    // The optimal value: what its derivatives by the parts of the problem give together.
    let mut value = direct.value();
    if tangent.epsilon != zero {
        let logs = row_side.reference_slope(rows.r) + col_side.reference_slope(cols.r);
        let one = P::Potential::ONE;
        let entropy = entropy.value() + *mass * scale * (scale.ln_once() - one) - scale * logs;
        value += tangent.epsilon * entropy;
    }
    for (side, lane, (multiplier, f), (weights, rule)) in [
        (&*row_side, &mut *rows, (row_multiplier, optimum.f), (tangent.a, tangent.row_rule)),
        (&*col_side, &mut *cols, (col_multiplier, optimum.g), (tangent.b, tangent.col_rule)),
    ] {
        lane.source.fill(zero);
        let (kappa, nothing) = (zero, &*lane.source);
        let (r, unit) = (&*lane.r, P::Potential::ONE);
        let at = Adjoint { multiplier, f, r, u: nothing, w: nothing, kappa, value: unit, scale };
        for (slope, change) in side.parameter_gradient(&at).into_iter().zip(rule) {
            value += slope * change;
        }
        if let Some(weights) = weights {
            side.weight_gradient(&at, lane.q);
            value += total(lane.q.iter().zip(weights).map(|(&slope, &change)| slope * change));
            // The reference's share, -epsilon r dw / w.
            let (unit, w) = (side.reference * side.epsilon * scale, side.weights);
            let shares = lane.r.iter().zip(weights).zip(w).filter(|(_, w)| **w > P::Cost::ZERO);
            value += -unit * total(shares.map(|((&r, &change), &w)| r * change / P::widen(w)));
        }
    }
    for (out, found) in [
        (changes_f, &*rows.u),
        (changes_g, &*cols.u),
        (row_marginal, &*rows.h),
        (col_marginal, &*cols.h),
    ] {
        for (out, &found) in out.into_iter().flatten().zip(found) {
            *out = found;
        }
    }
    Ok(TangentReport {
        transport_cost: transport.value() + direct.value(),
        value,
        forward_residual: stage.forward_residual,
        residual: stage.residual,
        iterations: stage.iterations,
    })
}
