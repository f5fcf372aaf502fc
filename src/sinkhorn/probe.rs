//! What the solvers above this one ask of a running solve, and do to it.

use super::floor::Patience;
use super::solver::Iteration;
use super::start::Work;
use crate::cost::Geometry;
use crate::kernel::{Level, Precision};
use crate::marginal::{Ball, Memory, Side, distance, total};
use crate::real::Real;
use crate::report::{Report, Termination};

/// The dual and its gradient at a pair of potentials.
#[derive(Clone, Copy)]
pub(crate) struct Measured<T> {
    /// D = -Phi_row*(-f) - Phi_col*(-g) - epsilon sum X, cost units times mass units.
    pub(crate) dual: T,
    /// The size of its terms, to which its rounding is relative.
    pub(crate) size: T,
    /// |r(f) - X 1|_1 + |c(g) - X^T 1|_1, mass units.
    pub(crate) gradient: T,
    /// sum X.
    pub(crate) mass: T,
}

impl<P: Precision, G: Geometry<P>> Iteration<'_, P, G> {
    /// Whether both sides fix the mass.
    pub(crate) fn fixes_mass(&self) -> bool {
        self.problem.row_side(&[]).fixes_mass() && self.problem.col_side(&[]).fixes_mass()
    }

    /// Whether a rule has corners.
    pub(crate) fn has_corners(&self) -> bool {
        self.problem.row_side(&[]).has_corners() || self.problem.col_side(&[]).has_corners()
    }

    /// The instruction set.
    pub(crate) fn level(&self) -> Level {
        self.state.level
    }

    /// The counting potentials f and g.
    pub(crate) fn held(&self) -> [&[P::Potential]; 2] {
        [self.f, self.g]
    }

    /// The rules' own potentials there, which are what a caller would see.
    pub(crate) fn own(&self, [f, g]: [&mut [P::Potential]; 2]) {
        for ((own, held), side) in
            [(f, &*self.f), (g, &*self.g)].into_iter().zip([&self.work.rows, &self.work.cols])
        {
            for (own, &held) in own.iter_mut().zip(held) {
                *own = held;
            }
            side.unload(own);
        }
    }

    /// The rules' marginals there.
    pub(crate) fn targets(&self) -> [&[P::Sum]; 2] {
        [self.work.row_rule, self.work.col_rule]
    }

    /// Puts the potentials at those `before` plus t times a step, each not beyond its next corner.
    /// [`Iteration::measure`] has to follow.
    pub(crate) fn place(
        &mut self,
        before: [&[P::Potential]; 2],
        step: [&[P::Potential]; 2],
        t: P::Potential,
    ) {
        self.state.known = false;
        let sides = [(&self.work.rows, &mut *self.f), (&self.work.cols, &mut *self.g)];
        for (((side, f), before), step) in sides.into_iter().zip(before).zip(step) {
            let corners = side.has_corners();
            for (i, ((f, &before), &step)) in f.iter_mut().zip(before).zip(step).enumerate() {
                let t = if corners { t.smaller(side.reach(i, before, step)) } else { t };
                let moved = before + t * step;
                // An entry without mass stays at minus infinity, and a step of zero is none.
                *f = if t > P::Potential::ZERO && before.is_finite() { moved } else { before };
            }
        }
    }

    /// The least t > 0 for which a step takes a potential to a corner.
    pub(crate) fn first_corner(&self, step: [&[P::Potential]; 2]) -> P::Potential {
        let mut first = P::Potential::INFINITY;
        let sides = [(&self.work.rows, &*self.f), (&self.work.cols, &*self.g)];
        for ((side, f), step) in sides.into_iter().zip(step) {
            for (i, (&f, &step)) in f.iter().zip(step).enumerate() {
                let reach = side.reach(i, f, step);
                if reach > P::Potential::ZERO {
                    first = first.smaller(reach);
                }
            }
        }
        first
    }

    /// The slope of the dual along a step, or less: of a potential on its way to a corner the sum counts that
    /// it would have there.
    pub(crate) fn slope(&self, step: [&[P::Potential]; 2]) -> P::Potential {
        let Work { row, col, row_rule, col_rule, .. } = &self.work;
        let mut slope = P::Potential::ZERO;
        for ((target, sum), step) in [(row_rule, row), (col_rule, col)].into_iter().zip(step) {
            slope += total(target.iter().zip(&**sum).zip(step).map(|((&target, &sum), &step)| {
                (P::Potential::from(target) - P::Potential::from(sum)) * step
            }));
        }
        slope
    }

    /// The largest finite |C|, also where the data was trusted and not looked at; 0 if it holds what
    /// no cost may.
    pub(crate) fn largest_cost(&mut self) -> P::Potential {
        let state = &mut self.state;
        if state.max_cost <= P::Potential::ZERO {
            state.known = false;
            let (a, b) = self.problem.weights();
            if let Ok(range) = self.problem.geometry().scan(state.level, a, b, self.work.col) {
                state.max_cost = range.max.abs().larger(range.min.abs());
            }
        }
        state.max_cost
    }

    /// The multipliers of the latest updates.
    pub(crate) fn balls(&self) -> [Ball; 2] {
        self.state.balls
    }

    /// The dual and its gradient at the potentials as they are. Keeps the rules' marginals there, and the
    /// multipliers that belong to them in `balls`, which holds those of the latest updates or of the
    /// measurement before; `scratch` has the lengths of the potentials.
    pub(crate) fn measure(
        &mut self,
        balls: &mut [Ball; 2],
        scratch: [&mut [P::Potential]; 2],
    ) -> Measured<P::Potential> {
        self.state.known = false;
        #[cfg(feature = "scaling")]
        let kept = self.kept_marginals();
        #[cfg(not(feature = "scaling"))]
        let kept = false;
        let Self { problem, f, g, work, state, .. } = self;
        let (level, zero) = (state.level, P::Potential::ZERO);
        let pass = problem.pass(level);
        let Work { rows, cols, row, col, row_rule, col_rule, scratch: sweep, .. } = work;
        let [row_ball, col_ball] = balls;
        let [row_scratch, col_scratch] = scratch;
        rows.gradient(level, f, row_scratch, Memory { marginal: row_rule, ball: row_ball });
        cols.gradient(level, g, col_scratch, Memory { marginal: col_rule, ball: col_ball });
        if !kept {
            problem.geometry().marginals(pass, f, g, row, col, sweep);
        }
        rows.settle(f, row, row_rule);
        cols.settle(g, col, col_rule);
        rows.free_marginal(*row_ball, row, row_rule);
        cols.free_marginal(*col_ball, col, col_rule);
        let mass = total(row.iter().map(|&x| P::Potential::from(x)));
        let row_value = rows.dual_value(f, row_rule, zero);
        let col_value = cols.dual_value(g, col_rule, zero);
        let entropy = problem.epsilon() * mass;
        Measured {
            dual: row_value + col_value - entropy,
            size: row_value.abs() + col_value.abs() + entropy,
            gradient: distance::<P>(row, row_rule) + distance::<P>(col, col_rule),
            mass,
        }
    }

    /// Goes on with a problem that differs from the one before in its epsilon alone: the potentials
    /// that the caller would see stay the same, and what a stopping rule remembers is forgotten.
    pub(crate) fn enter_level(&mut self, epsilon_before: P::Potential) {
        self.state.known = false;
        let Self { f, g, work, state, .. } = self;
        for (side, potential) in [(&work.rows, &mut **f), (&work.cols, &mut **g)] {
            let before = Side { epsilon: epsilon_before, ..*side };
            before.unload(potential);
            side.load(true, potential);
        }
        state.patience = Patience { best_at: state.iterations, ..Patience::new() };
        state.still = 0;
        #[cfg(feature = "scaling")]
        {
            (state.absorbed.filled, state.absorbed.setbacks) = (false, 0);
        }
        state.rows_fresh = true;
    }

    /// One sweep without judgement, on the way to another problem. False if a sum overflowed or a NaN
    /// appeared.
    pub(crate) fn sweep_once(&mut self) -> bool {
        self.iterate();
        !self.state.trouble
    }

    /// One sweep with judgement; `due` asks for an evaluation whatever the residual.
    pub(crate) fn step_once(
        &mut self,
        due: bool,
        report: &mut Report<P::Potential>,
    ) -> Option<Termination> {
        if self.state.finished.is_none() {
            self.iterate();
            self.state.finished = self.judge(due, report);
        }
        self.state.finished
    }

    /// The largest residual that rounding may cause.
    pub(crate) fn rounding(&self) -> P::Potential {
        self.floor()
    }

    /// Ends the solve, unless it has ended.
    pub(crate) fn end(&mut self, ending: Termination) {
        if self.state.finished.is_none() {
            self.state.finished = Some(ending);
        }
    }
}
