//! The steps of a vector-Jacobian product: what the plan shows of the cotangent, the linear system, the
//! gradients.

use super::cotangent::{Cotangent, Seen};
use super::emit::{Adjoints, Outputs, column_limit, emit};
use super::stage::{Lane, Stage};
use super::vjp::{GradientReport, Gradients, Method, Optimum, Options};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::marginal::{Adjoint, Side, total};
use crate::math::{Compensated, Elementary};
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
    let seen = Seen::new(problem, cotangent);
    let mut stage = Stage::new(problem, optimum, options, &seen, work)?;
    check_gauge(&cotangent, optimum, stage.has_gauge())?;
    // Conjugate gradients mix all columns: their scaled cotangents must not drown each other.
    let least = match options.method {
        Method::Direct => zero,
        Method::Iterative { .. } => P::Potential::ROUNDOFF * stage.mass,
    };
    check_mass::<P>(cotangent.f, optimum.f, (&*stage.rows.r, zero))?;
    check_mass::<P>(cotangent.g, optimum.g, (&*stage.cols.r, least))?;
    let epsilon = problem.epsilon();
    // The unit-mass problem: X / |X|, whose derivative takes off the mean.
    let mass = stage.mass;
    let (scale, mean) = if problem.is_unit_mass() {
        (one / mass, total(stage.rows.h.iter().copied()) / mass)
    } else {
        (one, zero)
    };
    let mut kappa = [zero; 2];
    let implicit = cotangent.is_implicit();
    if implicit {
        stage.build();
        let part = Part { mean, scale, epsilon };
        part.scale(&mut stage.rows, cotangent.f, stage.system.rows.inverse_root);
        part.scale(&mut stage.cols, cotangent.g, stage.system.cols.inverse_root);
        stage.solve(options.method)?;
        let Stage { system, rows, cols, .. } = &mut stage;
        let level = system.pass.level;
        kappa = [
            system.rows.constraint_part::<P>(level, rows.q),
            system.cols.constraint_part::<P>(level, cols.q),
        ];
        part.unscale(rows, system.rows.inverse_root);
        part.unscale(cols, system.cols.inverse_root);
    }

    let Gradients { cost, a: a_out, b: b_out, x, y } = gradients;
    let slope = {
        let Stage { system, rows, cols, row, point, points, .. } = &mut stage;
        let (pass, scratch) = (system.pass, &mut system.scratch);
        // What the product reference needs goes to the place of the right-hand sides.
        let sums = [&mut *rows.h, &mut *cols.h, row, system.sums];
        let adjoints = Adjoints { u: rows.u, v: cols.u, mean, scale, implicit };
        let outputs = Outputs { cost, x, y, point, points };
        emit(system.geometry, pass, (system.f, system.g), &seen, adjoints, outputs, sums, scratch)
    };
    let Stage { row_side, col_side, multipliers, system, rows, cols, .. } = stage;
    // The rows' limits are set; the columns' see the rows with mass alone.
    if implicit && col_side.fixes_marginal() && b_out.is_some() {
        let (f, g) = (system.f, system.g);
        for (j, (v, &mass)) in cols.u.iter_mut().zip(&*cols.r).enumerate() {
            if mass <= zero {
                *v = column_limit(system.geometry, epsilon, (f, g), &seen, &rows, j);
            }
        }
    }
    let value = cotangent.value;
    let epsilon_gradient = slope + value * mass * scale * (scale.ln_once() - one)
        - row_side.reference_slope(rows.h)
        - col_side.reference_slope(cols.h);
    let [row_multiplier, col_multiplier] = multipliers;
    let [row_kappa, col_kappa] = kappa;
    let finish = |side: Side<'_, P>, lane: Lane<'_, P::Potential>, counting, own: Own<'_, P>| {
        let Own { multiplier, kappa, potential, out } = own;
        // An exact side's cotangent lost a constant in each row, which its weights see.
        if side.fixes_marginal() {
            for (k, u) in lane.u.iter_mut().enumerate() {
                *u += seen.transport() * Seen::<P>::offset(counting, k);
            }
        }
        let Lane { r, u, q: w, h, .. } = lane;
        let at = Adjoint { multiplier, f: potential, r, u, w, kappa, value, scale };
        if let Some(out) = out {
            side.weight_gradient(&at, out);
            side.add_reference_gradient(h, out);
        }
        side.parameter_gradient(&at)
    };
    let row_own =
        Own { multiplier: row_multiplier, kappa: row_kappa, potential: optimum.f, out: a_out };
    let col_own =
        Own { multiplier: col_multiplier, kappa: col_kappa, potential: optimum.g, out: b_out };
    Ok(GradientReport {
        epsilon: epsilon_gradient,
        row_rule: finish(row_side, rows, system.f, row_own),
        col_rule: finish(col_side, cols, system.g, col_own),
        forward_residual: stage.forward_residual,
        residual: stage.residual,
        iterations: stage.iterations,
    })
}

/// What belongs to one side's weights and rule.
struct Own<'a, P: Precision> {
    multiplier: P::Potential,
    kappa: P::Potential,
    /// The rule's potential.
    potential: &'a [P::Potential],
    out: Option<&'a mut [P::Potential]>,
}

/// Error `Gauge` if potentials that are defined up to (f + t, g - t) have cotangents that see t.
fn check_gauge<P: Precision>(
    cotangent: &Cotangent<'_, P>,
    optimum: Optimum<'_, P>,
    gauge: bool,
) -> Result<(), Error> {
    let (Some(f), Some(g), true) = (cotangent.f, cotangent.g, gauge) else {
        return Ok(());
    };
    // Entries without mass have no potential to move.
    let moved = |x: &[P::Potential], potential: &[P::Potential]| {
        let entries = x.iter().zip(potential).filter(|(_, p)| p.is_finite());
        let (mut sum, mut size) = (Compensated::new(), P::Potential::ZERO);
        for (&x, _) in entries {
            sum.add(x);
            size += x.abs();
        }
        (sum.value(), size)
    };
    let ((row, row_size), (col, col_size)) = (moved(f, optimum.f), moved(g, optimum.g));
    let size = row_size + col_size;
    if (row - col).abs() <= P::Potential::MASS_TOLERANCE * size {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Gauge, Argument::Cotangent))
    }
}

/// Error `Singular` if a finite potential whose cotangent is asked for belongs to an entry whose
/// marginal is at most `least`: too little mass for its row of the linear system in this precision.
fn check_mass<P: Precision>(
    cotangent: Option<&[P::Potential]>,
    potential: &[P::Potential],
    (marginal, least): (&[P::Potential], P::Potential),
) -> Result<(), Error> {
    let entries = cotangent.unwrap_or(&[]).iter().zip(potential).zip(marginal);
    for (i, ((&x, &p), &mass)) in entries.enumerate() {
        if x != P::Potential::ZERO && p.is_finite() && mass <= least {
            return Err(Error::at(ErrorKind::Singular, Argument::Cotangent, i));
        }
    }
    Ok(())
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
    fn scale(&self, lane: &mut Lane<'_, T>, potential: Option<&[T]>, inverse_root: &[T]) {
        let entries = lane.h.iter_mut().zip(&*lane.r).zip(inverse_root).enumerate();
        for (i, ((h, &r), &root)) in entries {
            let extra = potential.and_then(|p| p.get(i)).copied().unwrap_or(T::ZERO);
            *h = ((*h - self.mean * r) * self.scale + self.epsilon * extra) * root;
        }
    }

    /// The adjoint of the potential, u / sqrt(r), and, in place of q, that of the marginal,
    /// sqrt(r) (q - u) / epsilon.
    fn unscale(&self, lane: &mut Lane<'_, T>, inverse_root: &[T]) {
        let entries = lane.u.iter_mut().zip(lane.q.iter_mut()).zip(&*lane.r).zip(inverse_root);
        for (((u, q), &r), &root) in entries {
            *q = r.sqrt() * (*q - *u) / self.epsilon;
            *u = *u * root;
        }
    }
}
