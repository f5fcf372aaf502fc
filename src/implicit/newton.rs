//! Newton's direction for the dual: the same linear system, away from the optimum.

use super::stage::{RowSource, Stage};
use super::vjp::{Method, Optimum, Options};
use crate::cost::Geometry;
use crate::error::Error;
use crate::kernel::{Level, Precision};
use crate::math::Elementary;
use crate::problem::Problem;
use crate::real::Real;

/// Where a direction is asked for, on one side.
#[derive(Clone, Copy)]
pub(crate) struct Point<'a, P: Precision> {
    /// The rule's own potential.
    pub(crate) f: &'a [P::Potential],
    /// The marginal r(f) of the rule; not read where that is no function of f.
    pub(crate) target: &'a [P::Sum],
    /// Multiplier of the ball at that marginal.
    pub(crate) multiplier: P::Potential,
}

/// How the system is solved.
#[derive(Clone, Copy)]
pub(crate) struct Solver<T> {
    pub(crate) method: Method<T>,
    /// The instruction set.
    pub(crate) level: Level,
    /// Potentials that move further than this (in the mean, weighted by mass) need not be found any better;
    /// infinite for none.
    pub(crate) cap: T,
}

/// Writes the direction (df, dg) of Newton's method on the concave dual D. With X the plan, M = [diag(X 1) X; X^T diag(X^T 1)] and
/// R = (-dr/df; -dc/dg) the compliance of the rules,
///
/// ```text
/// (M + epsilon R) (df; dg) = epsilon (r(f) - X 1; c(g) - X^T 1)
/// ```
///
/// Under a rule with corners an entry that its own update would leave at a marginal is fixed to that (r(f)
/// is it, without compliance), and any other moves to its corner: the active set of a projected Newton
/// method. Where r(f) is linear in pieces, the step is that of one piece.
///
/// Gives the number of products with the matrix. `plan` has the rows of X, padded, or is empty. `work` has at
/// least [`super::work_len`] elements. Errors: `WorkTooSmall`, `Singular`.
pub(crate) fn direction<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    [rows, cols]: [Point<'_, P>; 2],
    solver: Solver<P::Potential>,
    [df, dg]: [&mut [P::Potential]; 2],
    plan: &[P::Sum],
    work: &mut [P::Work],
) -> Result<u32, Error> {
    if solver.method == Method::Direct && problem.shape().0 < problem.shape().1 {
        // The smaller side is factored.
        solve(&problem.transposed(), [cols, rows], solver, [dg, df], (&[], work))
    } else {
        solve(problem, [rows, cols], solver, [df, dg], (plan, work))
    }
}

fn solve<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    points: [Point<'_, P>; 2],
    solver: Solver<P::Potential>,
    out: [&mut [P::Potential]; 2],
    (plan, work): (&[P::Sum], &mut [P::Work]),
) -> Result<u32, Error> {
    let Solver { method, level, cap } = solver;
    let options = Options::new().method(method).level(level);
    let [rows, cols] = points;
    let multipliers = [rows.multiplier, cols.multiplier];
    let optimum = Optimum { f: rows.f, g: cols.f, multipliers };
    let optimum = (optimum, problem.epsilon() * problem.reference_factor());
    let mut stage = Stage::set(problem, optimum, &options, &Nothing, (plan, work))?;
    for (q, point) in [(&mut *stage.rows.q, rows), (&mut *stage.cols.q, cols)] {
        for (q, &target) in q.iter_mut().zip(point.target) {
            *q = P::Potential::from(target);
        }
    }
    stage.radius = cap * stage.mass.sqrt();
    stage.build_apart();
    stage.solve(method)?;
    let Stage { system, rows, cols, .. } = &stage;
    let roots = [&*system.rows.inverse_root, &*system.cols.inverse_root];
    for ((out, lane), roots) in out.into_iter().zip([rows, cols]).zip(roots) {
        for (((out, &u), &step), &root) in
            out.iter_mut().zip(&*lane.u).zip(&*lane.source).zip(roots)
        {
            *out = if root > P::Potential::ZERO { u * root } else { step };
        }
    }
    Ok(stage.iterations)
}

/// No cotangent: the right-hand side does not come from the plan.
struct Nothing;

impl<P: Precision> RowSource<P> for Nothing {
    fn row(
        &self,
        _: usize,
        _: &[P::Cost],
        _: P::Potential,
        _: &[P::Potential],
        out: &mut [P::Potential],
    ) {
        out.fill(P::Potential::ZERO);
    }

    fn is_zero(&self) -> bool {
        true
    }
}
