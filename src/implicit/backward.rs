//! The steps of a vector-Jacobian product: what a sweep sees, the linear system, the gradients.

use super::cotangent::{Cotangent, Seen};
use super::direct::Factor;
use super::emit::{Adjoints, Outputs, column_limit, emit};
use super::form::Form;
use super::iterative::{self, Vectors};
use super::layout::Work;
use super::system::System;
use super::vjp::{GradientReport, Gradients, Method, Optimum, Options};
use crate::cost::{Geometry, Pass, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, add_entries, add_scaled, dot_potentials};
use crate::marginal::{Adjoint, total};
use crate::math::Elementary;
use crate::plan::copy_counting;
use crate::problem::Problem;
use crate::real::Real;

/// [`super::vjp`] on checked arguments.
pub(super) fn backward<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    optimum: Optimum<'_, P>,
    cotangent: Cotangent<'_, P>,
    options: &Options<P::Potential>,
    gradients: Gradients<'_, P>,
    work: &mut [P::Work],
) -> Result<GradientReport<P::Potential>, Error> {
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let (n, m) = problem.shape();
    let geometry = problem.geometry();
    let d = geometry.dimension();
    let Some(work) = Work::<P>::cut(work, [n, m, d], options.method == Method::Direct) else {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    };
    let Work { rows, cols, unknowns, point, points, square, panel, mut scratch } = work;
    let [f, r, r0, r1, r2, r3, row_h, row_q, u] = rows;
    let [g, c, c0, c1, c2, c3, col_h, col_q, v, scaled, sums, cross0, cross1] = cols;
    let [z, rhs, direction, product, null, row] = unknowns;
    let row = row.get_mut(..m).unwrap_or(&mut []);

    let masses = problem.masses()?;
    let (row_side, col_side) = problem.sides(&masses, (&[], &[]));
    let (a, b) = problem.weights();
    let offset = row_side.epsilon * row_side.reference;
    copy_counting::<P>(f, optimum.f, a, offset);
    copy_counting::<P>(g, optimum.g, b, offset);
    geometry.prepare(&mut scratch);
    let pass = problem.pass(options.level.unwrap_or_else(Level::detect));
    let level = pass.level;
    let [row_multiplier, col_multiplier] = optimum.multipliers;
    let seen = Seen {
        cotangent,
        f: row_side.fixes_marginal().then_some(&*f),
        g: col_side.fixes_marginal().then_some(&*g),
    };
    look(geometry, pass, (f, g), &seen, [r, c, row_h, col_h, row], &mut scratch);

    let mass = total(r.iter().copied());
    let forward_residual = (row_side.kkt_residual(row_multiplier, optimum.f, r)
        + col_side.kkt_residual(col_multiplier, optimum.g, c))
        / mass;
    if !(forward_residual <= options.forward_tolerance) {
        return Err(Error::new(ErrorKind::NotConverged, Argument::ForwardTolerance));
    }
    let gauge = row_side.fixes_mass() && col_side.fixes_mass();
    check_gauge(&cotangent, gauge)?;

    // The unit-mass problem: X / |X|, whose derivative takes off the mean.
    let (scale, mean) = if problem.is_unit_mass() {
        (one / mass, total(row_h.iter().copied()) / mass)
    } else {
        (one, zero)
    };
    let mut system = System {
        geometry,
        pass,
        f,
        g,
        rows: Form::new([r0, r1, r2, r3]),
        cols: Form::new([c0, c1, c2, c3]),
        cross: [cross0, cross1],
        scaled,
        sums,
        scratch,
    };
    let mut report = GradientReport {
        epsilon: zero,
        row_rule: [zero; 2],
        col_rule: [zero; 2],
        forward_residual,
        residual: zero,
        iterations: 0,
    };
    for vector in [&mut *u, &mut *row_q, &mut *v, &mut *col_q] {
        vector.fill(zero);
    }
    let mut kappa = [zero; 2];
    if cotangent.is_implicit() {
        system.rows.build::<P>(&row_side, row_multiplier, r);
        system.cols.build::<P>(&col_side, col_multiplier, c);
        system.prepare();
        let part = Part { mean, scale, epsilon: row_side.epsilon };
        part.scale(row_h, r, cotangent.f, system.rows.inverse_root);
        part.scale(col_h, c, cotangent.g, system.cols.inverse_root);
        let mut null = null.get_mut(..system.order());
        if let (true, Some(null)) = (gauge, &mut null) {
            system.null_vector(c, null);
        }
        let null = if gauge { null.as_deref() } else { None };
        let mut solver = Solver {
            system: &mut system,
            method: options.method,
            null,
            factor: Factor { square, panel },
            vectors: [z, rhs, direction, product],
        };
        solver.solve((row_h, row_q, u), (col_h, col_q, v), &mut report)?;
        kappa = [
            system.rows.constraint_part::<P>(level, row_q),
            system.cols.constraint_part::<P>(level, col_q),
        ];
        part.unscale(u, row_q, r, system.rows.inverse_root);
        part.unscale(v, col_q, c, system.cols.inverse_root);
    }

    // What the product reference needs goes to the place of the right-hand sides.
    let System { sums, scratch, .. } = &mut system;
    let adjoints = Adjoints { u, v, mean, scale, implicit: cotangent.is_implicit() };
    let Gradients { cost, a: a_out, b: b_out, x, y } = gradients;
    let outputs = Outputs { cost, x, y, point, points };
    let sums = [&mut *row_h, &mut *col_h, row, sums];
    let slope = emit(geometry, pass, (f, g), &seen, adjoints, outputs, sums, scratch);

    // The rows' limits are set; the columns' see the rows with mass alone.
    if cotangent.is_implicit() && col_side.fixes_marginal() && b_out.is_some() {
        let epsilon = pass.epsilon;
        let has_mass = |i: usize| r.get(i).is_some_and(|&r| r > zero);
        for (j, (v, &mass)) in v.iter_mut().zip(&*c).enumerate() {
            if mass <= zero {
                *v = column_limit(geometry, epsilon, f, &seen, u, has_mass, j);
            }
        }
    }

    let value = cotangent.value;
    let log_scale = scale.ln_once();
    report.epsilon = slope + value * mass * scale * (log_scale - one)
        - row_side.reference_slope(row_h)
        - col_side.reference_slope(col_h);
    // An exact side's cotangent lost a constant in each row, which its weights see.
    for (side, u, potential) in [(&row_side, &mut *u, &*f), (&col_side, &mut *v, &*g)] {
        if side.fixes_marginal() {
            for (k, u) in u.iter_mut().enumerate() {
                *u += cotangent.transport * Seen::<P>::offset(Some(potential), k);
            }
        }
    }
    let [row_kappa, col_kappa] = kappa;
    let at = Adjoint {
        multiplier: row_multiplier,
        f: optimum.f,
        r,
        u,
        w: row_q,
        kappa: row_kappa,
        value,
        scale,
    };
    report.row_rule = row_side.parameter_gradient(&at);
    if let Some(out) = a_out {
        row_side.weight_gradient(&at, out);
        row_side.add_reference_gradient(row_h, out);
    }
    let at = Adjoint {
        multiplier: col_multiplier,
        f: optimum.g,
        r: c,
        u: v,
        w: col_q,
        kappa: col_kappa,
        ..at
    };
    report.col_rule = col_side.parameter_gradient(&at);
    if let Some(out) = b_out {
        col_side.weight_gradient(&at, out);
        col_side.add_reference_gradient(col_h, out);
    }
    Ok(report)
}

/// One sweep: the plan's marginals r, c, and the sums of its product with the cotangent over rows
/// and columns. `vectors` are these four and a row of scratch.
fn look<P: Precision, G: Geometry<P>>(
    geometry: &G,
    pass: Pass<P>,
    (f, g): (&[P::Potential], &[P::Potential]),
    seen: &Seen<'_, P>,
    vectors: [&mut [P::Potential]; 5],
    scratch: &mut Scratch<'_, P>,
) {
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let [r, c, row_h, col_h, products] = vectors;
    for vector in [&mut *r, &mut *c, &mut *row_h, &mut *col_h] {
        vector.fill(zero);
    }
    let implicit = seen.cotangent.is_implicit();
    geometry.plan_rows(pass, f, g, scratch, &mut |row| {
        let (Some(r), Some(h)) = (r.get_mut(row.i), row_h.get_mut(row.i)) else { return };
        if row.massless {
            return;
        }
        *r = P::Potential::from(row.sum);
        add_entries::<P>(pass.level, one, row.entries, c);
        if implicit {
            seen.row(row.i, row.cost, products);
            for (product, &x) in products.iter_mut().zip(row.entries) {
                *product = *product * P::Potential::from(x);
            }
            *h = total(products.iter().copied());
            add_scaled::<P>(pass.level, one, products, col_h);
        }
    });
}

/// Error `Gauge` if potentials that are defined up to (f + t, g - t) have cotangents that see t.
fn check_gauge<P: Precision>(cotangent: &Cotangent<'_, P>, gauge: bool) -> Result<(), Error> {
    let (Some(f), Some(g), true) = (cotangent.f, cotangent.g, gauge) else {
        return Ok(());
    };
    let difference = f.iter().copied().chain(g.iter().map(|&x| -x));
    let size = total(f.iter().chain(g).map(|x| x.abs()));
    if total(difference).abs() <= P::Potential::MASS_TOLERANCE * size {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Gauge, Argument::Cotangent))
    }
}

/// Between the coordinates of a side and the scaled ones of its form.
struct Part<T> {
    mean: T,
    scale: T,
    epsilon: T,
}

impl<T: Elementary> Part<T> {
    /// h = (sums of X G, of the unit-mass plan where there is one, + epsilon cotangent of the
    /// potential) / sqrt(r).
    fn scale(&self, h: &mut [T], r: &[T], potential: Option<&[T]>, inverse_root: &[T]) {
        for (i, ((h, &r), &root)) in h.iter_mut().zip(r).zip(inverse_root).enumerate() {
            let extra = potential.and_then(|p| p.get(i)).copied().unwrap_or(T::ZERO);
            *h = ((*h - self.mean * r) * self.scale + self.epsilon * extra) * root;
        }
    }

    /// The adjoint of the potential, u / sqrt(r), and that of the marginal, sqrt(r) (q - u) / epsilon.
    fn unscale(&self, u: &mut [T], q: &mut [T], r: &[T], inverse_root: &[T]) {
        for (((u, q), &r), &root) in u.iter_mut().zip(q).zip(r).zip(inverse_root) {
            *q = r.sqrt() * (*q - *u) / self.epsilon;
            *u = *u * root;
        }
    }
}

/// The linear system with the way to solve it.
struct Solver<'s, 'a, P: Precision, G> {
    system: &'s mut System<'a, P, G>,
    method: Method<P::Potential>,
    null: Option<&'s [P::Potential]>,
    factor: Factor<'a, P>,
    /// Of the length of z: the solution, the right-hand side and two more.
    vectors: [&'a mut [P::Potential]; 4],
}

/// Scaled right-hand side h (given), q = h - Y times the other side's u, and u = T q (both found).
type Scaled<'v, T> = (&'v [T], &'v mut [T], &'v mut [T]);

impl<P: Precision, G: Geometry<P>> Solver<'_, '_, P, G> {
    fn solve(
        &mut self,
        (row_h, row_q, u): Scaled<'_, P::Potential>,
        (col_h, col_q, v): Scaled<'_, P::Potential>,
        report: &mut GradientReport<P::Potential>,
    ) -> Result<(), Error> {
        let Self { system, method, null, factor, vectors } = self;
        let level = system.pass.level;
        let order = system.order();
        let [z, rhs, direction, product] = vectors;
        let (Some(z), Some(rhs), Some(direction), Some(product)) = (
            z.get_mut(..order),
            rhs.get_mut(..order),
            direction.get_mut(..order),
            product.get_mut(..order),
        ) else {
            return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
        };
        // E_col^T (h_col - Y^T T_row h_row).
        system.rows.answer::<P>(level, row_h, row_q);
        system.times_transposed(row_q, col_q);
        remainder(col_h, col_q);
        system.cols.contract::<P>(level, col_q, rhs);
        match *method {
            Method::Direct => {
                if !factor.build(system, *null) {
                    return Err(Error::new(ErrorKind::Singular, Argument::Method));
                }
                let norm = |x: &[P::Potential]| dot_potentials::<P>(level, x, x).sqrt();
                let start = norm(rhs);
                z.fill(P::Potential::ZERO);
                // Once for the solution, once to refine it.
                for _ in 0..2 {
                    system.apply(z, product);
                    remainder(rhs, product);
                    factor.solve(system, product);
                    add_scaled::<P>(level, P::Potential::ONE, product, z);
                }
                system.apply(z, product);
                remainder(rhs, product);
                if start > P::Potential::ZERO {
                    report.residual = norm(product) / start;
                }
            }
            Method::Iterative { tolerance, max_iterations } => {
                let limits = (tolerance, max_iterations);
                let mut vectors = Vectors { direction, product };
                let ending = iterative::solve(system, &mut vectors, *null, rhs, z, limits);
                (report.residual, report.iterations) = (ending.residual, ending.iterations);
            }
        }
        // Back to both sides; the last step for the columns brings the error down once more.
        system.cols.expand(z, v);
        system.times(v, row_q);
        remainder(row_h, row_q);
        system.rows.answer::<P>(level, row_q, u);
        system.times_transposed(u, col_q);
        remainder(col_h, col_q);
        system.cols.answer::<P>(level, col_q, v);
        Ok(())
    }
}

/// x = h - x.
fn remainder<T: Real>(h: &[T], x: &mut [T]) {
    for (x, &h) in x.iter_mut().zip(h) {
        *x = h - *x;
    }
}
