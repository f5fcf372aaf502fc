//! One damped step of Newton's method on the dual of a running solve.

use super::layout::Work;
use crate::cost::Geometry;
use crate::implicit::{Method, Point, Solver, direction};
use crate::kernel::Precision;
use crate::marginal::Ball;
use crate::problem::Problem;
use crate::real::Real;
use crate::sinkhorn::{Iteration, Measured};

/// Share of the increase that the slope promises which a step has to bring.
const ARMIJO: usize = 10_000;
/// Times a step is halved before it is given up.
const HALVINGS: u32 = 24;
/// Rounding of the dual in units of the roundoff of its size.
const NOISE: usize = 1 << 13;
/// A step moves no potential by more than this times epsilon where both sides fix the mass, or a rule has
/// corners: far from the optimum the blocks of a plan hardly couple, and their Newton steps are wild.
const CAP: usize = 20;

/// What became of a step.
pub(super) struct Outcome<T> {
    /// Whether the potentials moved.
    pub(super) taken: bool,
    /// Whether the dual rose by more than its rounding.
    pub(super) rose: bool,
    /// Relative KKT residual of the potentials as they now are.
    pub(super) residual: T,
}

/// Newton's method with its memory.
pub(super) struct Newton<'a, P: Precision> {
    pub(super) method: Method<P::Potential>,
    pub(super) work: Work<'a, P>,
    /// Multipliers at the latest measurement.
    pub(super) balls: [Ball; 2],
    /// Steps taken.
    pub(super) steps: u32,
    /// Products with the matrices of iterative steps.
    pub(super) products: u64,
}

impl<P: Precision> Newton<'_, P> {
    /// Moves the potentials by t = 1, 1/2, ... times Newton's direction, the first t that brings the
    /// dual up or, where rounding hides that, the gradient down; or leaves them.
    pub(super) fn step<G: Geometry<P>>(
        &mut self,
        solver: &mut Iteration<'_, P, G>,
        problem: &Problem<'_, P, G>,
    ) -> Outcome<P::Potential> {
        let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
        let kept = keep_plan(solver);
        // Whether a ball without entropy is slack, its own update knows.
        self.balls = solver.balls();
        let before = self.measure(solver);
        let failed = Outcome { taken: false, rose: false, residual: before.gradient / before.mass };
        let Some(slope) = self.aim(solver, problem, kept) else {
            return failed;
        };
        let usable = slope > zero && slope.is_finite();
        if !usable {
            return failed;
        }
        let noise =
            P::Potential::from(P::Sum::ROUNDOFF) * P::Potential::from_count(NOISE) * before.size;
        let most = P::Potential::from_count(CAP) * problem.epsilon();
        let mut t = if solver.fixes_mass() {
            let longest = self.work.step.iter().flat_map(|d| d.iter());
            let longest = longest.fold(zero, |most, x| most.larger(x.abs()));
            if longest > most { most / longest } else { one }
        } else {
            one
        };
        let corner = if solver.has_corners() {
            solver.first_corner(self.work.step.each_ref().map(|d| &**d))
        } else {
            P::Potential::INFINITY
        };
        for _ in 0..HALVINGS {
            self.place(solver, t);
            let after = self.measure(solver);
            let promised = t * slope;
            let rises = promised > noise
                && after.dual >= before.dual + promised / P::Potential::from_count(ARMIJO);
            let calms = after.dual >= before.dual - noise
                && after.gradient <= before.gradient * (one - t * P::Potential::HALF);
            if rises || calms {
                self.steps = self.steps.saturating_add(1);
                let residual = after.gradient / after.mass;
                return Outcome { taken: true, rose: rises, residual };
            }
            // The dual rises up to the first corner at least, if it does at all.
            let half = t * P::Potential::HALF;
            t = if half < corner && corner < t { corner } else { half };
        }
        self.place(solver, zero);
        self.measure(solver);
        failed
    }

    fn measure<G: Geometry<P>>(
        &mut self,
        solver: &mut Iteration<'_, P, G>,
    ) -> Measured<P::Potential> {
        let [rows, cols] = &mut self.work.scratch;
        solver.measure(&mut self.balls, [rows, cols])
    }

    /// Keeps the potentials and finds the direction and its slope; `None` if there is none.
    fn aim<G: Geometry<P>>(
        &mut self,
        solver: &mut Iteration<'_, P, G>,
        problem: &Problem<'_, P, G>,
        kept: bool,
    ) -> Option<P::Potential> {
        let Work { before, step, scratch: [f, g], system } = &mut self.work;
        for (kept, f) in before.iter_mut().zip(solver.held()) {
            for (kept, &f) in kept.iter_mut().zip(f) {
                *kept = f;
            }
        }
        solver.own([f, g]);
        let ([row, col], [row_ball, col_ball]) = (solver.targets(), self.balls);
        let points = [
            Point { f, target: row, multiplier: row_ball.multiplier() },
            Point { f: g, target: col, multiplier: col_ball.multiplier() },
        ];
        let [df, dg] = step;
        let plan = if kept { kept_plan(solver) } else { &[] };
        // Blocks that two corners leave loose would take all others down with them.
        let loose = solver.has_corners();
        let most = P::Potential::from_count(CAP) * problem.epsilon();
        let cap = if loose { most } else { P::Potential::INFINITY };
        let how = Solver { method: self.method, level: solver.level(), cap };
        let products = direction(problem, points, how, [df, dg], plan, system).ok()?;
        self.products = self.products.saturating_add(products.into());
        if loose {
            for x in step.iter_mut().flat_map(|d| d.iter_mut()) {
                *x = x.smaller(most).larger(-most);
            }
        }
        Some(solver.slope(step.each_ref().map(|d| &**d)))
    }

    /// The potentials before the step plus t times the step, up to the corners.
    fn place<G: Geometry<P>>(&self, solver: &mut Iteration<'_, P, G>, t: P::Potential) {
        let Work { before, step, .. } = &self.work;
        solver.place(before.each_ref().map(|x| &**x), step.each_ref().map(|x| &**x), t);
    }
}

/// Keeps the plan at the potentials of a solver, if it has the room.
fn keep_plan<P: Precision, G: Geometry<P>>(_solver: &mut Iteration<'_, P, G>) -> bool {
    #[cfg(feature = "scaling")]
    return _solver.keep_plan();
    #[cfg(not(feature = "scaling"))]
    false
}

/// The plan that was kept.
fn kept_plan<'a, P: Precision, G: Geometry<P>>(_solver: &'a Iteration<'_, P, G>) -> &'a [P::Sum] {
    #[cfg(feature = "scaling")]
    return _solver.kept_plan();
    #[cfg(not(feature = "scaling"))]
    &[]
}
