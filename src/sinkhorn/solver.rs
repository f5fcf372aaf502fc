//! The iteration and its endings.

use crate::cost::{CostRange, Geometry};
use crate::error::{Error, Refusal};
use crate::kernel::{Level, Precision, all_enough, largest};
use crate::marginal::{ANY_CERTIFIES, Ball, Memory};
use crate::options::{Options, Stop};
use crate::problem::{Masses, Problem};
use crate::real::Real;
use crate::report::{Observer, Progress, Report, Termination};

use super::certificate;
use super::floor::{self, Patience};
use super::fused::{Fused, restore};
#[cfg(feature = "scaling")]
use super::scaling::Absorbed;
use super::start::{Work, prepare};
use super::translation::best_shift;
use super::verdict::Evaluated;

/// The scalars of a running solve; with the work and the potentials they are all of it.
#[derive(Clone, Copy, Debug)]
pub struct State<P: Precision> {
    pub(crate) level: Level,
    /// Elements of work before the first buffer, so that the work may be moved with its contents.
    pub(crate) skip: usize,
    pub(crate) iterations: u64,
    /// Relative residual of the rows at the start of the latest sweep.
    pub(crate) residual: P::Potential,
    /// The residual at which an evaluation is worth its sweep.
    pub(crate) trigger: P::Potential,
    pub(crate) patience: Patience<P::Potential>,
    /// The iteration after which a certificate is due.
    pub(crate) next_check: u64,
    pub(crate) masses: Masses<P::Potential>,
    pub(crate) balls: [Ball; 2],
    pub(crate) max_cost: P::Potential,
    pub(crate) forbidden: bool,
    pub(crate) trouble: bool,
    /// Latest sweeps that changed no potential of the rows.
    pub(crate) still: u32,
    #[cfg(feature = "scaling")]
    pub(crate) absorbed: Absorbed,
    /// The rows were updated once more after the latest sweep, so the next one finds no residual.
    pub(crate) rows_fresh: bool,
    /// Whether nothing has moved since the latest evaluation, so that another one would find the same.
    pub(crate) known: bool,
    pub(crate) certified_distance: P::Potential,
    pub(crate) finished: Option<Termination>,
    #[cfg(test)]
    pub(crate) rows_apart: bool,
}

impl<P: Precision> State<P> {
    pub(crate) fn new(level: Level) -> Self {
        let infinity = P::Potential::INFINITY;
        let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
        Self {
            level,
            skip: 0,
            iterations: 0,
            residual: infinity,
            trigger: infinity,
            patience: Patience::new(),
            next_check: 0,
            masses: Masses { a: zero, b: zero, row_factor: one, col_factor: one },
            balls: [Ball::default(); 2],
            max_cost: P::Potential::ZERO,
            forbidden: false,
            trouble: false,
            still: 0,
            #[cfg(feature = "scaling")]
            absorbed: Absorbed::default(),
            rows_fresh: false,
            known: false,
            certified_distance: infinity,
            finished: None,
            #[cfg(test)]
            rows_apart: false,
        }
    }

    /// Whether the rows are updated as those of a rule that couples them, whatever the rule: how
    /// the tests reach that path.
    #[cfg(test)]
    pub(super) fn takes_rows_apart(&self) -> bool {
        self.rows_apart
    }

    #[cfg(not(test))]
    pub(super) fn takes_rows_apart(&self) -> bool {
        false
    }

    /// How the solve ended, if it did.
    pub fn termination(&self) -> Option<Termination> {
        self.finished
    }

    /// Sweeps so far.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// Relative KKT residual of the rows at the start of the latest sweep.
    pub fn residual(&self) -> P::Potential {
        self.residual
    }
}

/// A running solve, but for the report of its latest evaluation: whoever runs it has a place for that,
/// always the same one. In between the potentials belong to the solver.
pub(crate) struct Iteration<'a, P: Precision, G> {
    pub(super) problem: &'a Problem<'a, P, G>,
    pub(super) options: &'a Options<P>,
    pub(super) f: &'a mut [P::Potential],
    pub(super) g: &'a mut [P::Potential],
    pub(super) work: Work<'a, P>,
    pub(crate) state: State<P>,
}

impl<'a, P: Precision, G: Geometry<P>> Iteration<'a, P, G> {
    /// A solver without work: what [`Iteration::begin`] or [`Iteration::take_up`] completes.
    #[inline(never)]
    pub(crate) fn idle(
        problem: &'a Problem<'a, P, G>,
        options: &'a Options<P>,
        f: &'a mut [P::Potential],
        g: &'a mut [P::Potential],
    ) -> Self {
        Self::idle_in_place(problem, options, f, g)
    }

    /// The same without a call: a solver is large, and what a call returns may be copied to its place.
    #[inline(always)]
    pub(crate) fn idle_in_place(
        problem: &'a Problem<'a, P, G>,
        options: &'a Options<P>,
        f: &'a mut [P::Potential],
        g: &'a mut [P::Potential],
    ) -> Self {
        let (work, state) = (Work::none(problem), State::new(Level::PORTABLE));
        Self { problem, options, f, g, work, state }
    }

    /// Validates everything, then writes the start into the potentials.
    ///
    /// Errors as [`super::solve`].
    pub(crate) fn begin(&mut self, work: &'a mut [P::Work]) -> Result<(), Error> {
        let sums = self.set_up(work)?;
        let Self { problem, options, f, g, work, state, .. } = self;
        // (An error is large: it is written where it goes.)
        let prepared = prepare(problem, options, [f, g], (sums, &mut None), work, state);
        if prepared.is_ok() {
            self.load();
        }
        prepared
    }

    /// [`Iteration::begin`] for a problem that was found valid, with what is known of its cost.
    pub(super) fn begin_valid(
        &mut self,
        work: &'a mut [P::Work],
        known: Option<CostRange<P::Potential>>,
    ) -> Result<(), Error> {
        self.set_up(work)?;
        let Self { problem, options, work, state, .. } = self;
        let (a, b) = problem.weights();
        let range = match known {
            None if !options.trust_data => {
                Some(problem.geometry().scan(state.level, a, b, work.col)?)
            }
            known => known,
        };
        range.into_iter().for_each(|range| state.found(range));
        problem.geometry().prepare(&mut work.scratch);
        self.load();
        Ok(())
    }

    /// Cuts up the work; gives the sums of the weights.
    #[inline(always)]
    fn set_up(&mut self, work: &'a mut [P::Work]) -> Result<[P::Potential; 2], Refusal> {
        self.options.check()?;
        let sums = self.state.start(self.problem, self.options, work);
        self.lay_out(work, true)?;
        Ok(sums)
    }

    /// Puts the start into the potentials.
    #[inline(never)]
    fn load(&mut self) {
        let Self { options, f, g, work, state, .. } = self;
        work.rows.load(options.warm_start, f);
        work.cols.load(options.warm_start, g);
        // (Where it is the weights they come below.)
        if !work.rows.fixes_marginal() {
            work.rows.start_marginal(work.row_rule);
        }
        if !work.cols.fixes_marginal() {
            work.cols.start_marginal(work.col_rule);
        }
        work.rows.marginal(state.level, f, work.row_rule);
        work.cols.marginal(state.level, g, work.col_rule);
    }

    fn lay_out(&mut self, work: &'a mut [P::Work], fresh: bool) -> Result<(), Refusal> {
        let lens = [self.f.len(), self.g.len()];
        self.work.lay_out(self.problem, lens, work, &self.state, (fresh, self.options.sweep))
    }

    /// Goes on with the work of a solve whose state was put back: same problem, options and potentials.
    ///
    /// Errors: `Shape` and `WorkTooSmall`.
    pub(crate) fn take_up(&mut self, work: &'a mut [P::Work]) -> Result<(), Refusal> {
        // Of what was known the report is elsewhere.
        self.state.known = false;
        self.lay_out(work, false)
    }

    /// Where the solve stands.
    pub(crate) fn progress(&self) -> Progress<P::Potential> {
        Progress {
            iterations: self.state.iterations,
            epsilon: self.problem.epsilon(),
            residual: self.state.residual,
            certified_distance: self.state.certified_distance,
        }
    }

    /// Ends the solve here; what comes next is [`Iteration::conclude`].
    pub(crate) fn stop(&mut self) {
        if self.state.finished.is_none() {
            self.state.finished = Some(Termination::Stopped);
        }
    }

    /// At most `iterations` sweeps; says how the solve ended once it did.
    // (No frame of its own below that of the caller.)
    #[inline(always)]
    pub(crate) fn step(
        &mut self,
        iterations: u64,
        report: &mut Report<P::Potential>,
    ) -> Option<Termination> {
        for _ in 0..iterations {
            if self.state.finished.is_some() {
                break;
            }
            self.iterate();
            self.state.finished = self.judge(false, report);
        }
        self.state.finished
    }

    /// Steps of `check_every` iterations with the observer in between, to the end.
    pub(crate) fn run(
        &mut self,
        observer: &mut impl Observer<P::Potential>,
        report: &mut Report<P::Potential>,
    ) {
        while self.step(u64::from(self.options.check_every), report).is_none() {
            self.show(observer);
        }
    }

    /// What the observer sees. (Not on the stack of the steps.)
    #[inline(never)]
    fn show(&mut self, observer: &mut impl Observer<P::Potential>) {
        if observer.observe(&self.progress()).is_break() {
            self.stop();
        }
    }

    /// Evaluates the potentials, in one more sweep unless the latest step did, and hands them over.
    pub(crate) fn conclude(&mut self, report: &mut Report<P::Potential>) {
        self.look(report);
        report.termination = Evaluated::of(report).ending(self.options.stop, self.state.finished);
        self.work.rows.unload(self.f);
        self.work.cols.unload(self.g);
    }

    /// One iteration: rows and columns in one sweep, then the constant shift.
    pub(super) fn iterate(&mut self) {
        self.state.known = false;
        self.sweep();
        self.shift();
        self.state.iterations += 1;
    }

    /// Updates both sides, and learns the residual of the rows as they were before.
    fn sweep(&mut self) {
        #[cfg(feature = "scaling")]
        if self.scaled_sweep() {
            return;
        }
        let unknown = self.update_rows();
        self.update_columns(unknown);
    }

    /// The sweep, but for the columns, whose sums it leaves. Returns whether they are not to be trusted.
    #[inline(never)]
    fn update_rows(&mut self) -> bool {
        let Self { problem, f, g, work, state, .. } = self;
        let level = state.level;
        let pass = problem.pass(level);
        let Work { rows, row, col, row_rule, scratch, .. } = work;
        let coupled = rows.couples_entries() || state.takes_rows_apart();
        let [row_ball, _] = &mut state.balls;

        let mut fused = Fused {
            side: rows,
            pass,
            targets: row_rule,
            coupled,
            residual: P::Potential::ZERO,
            mass: P::Potential::ZERO,
            trouble: false,
            moved: coupled,
        };
        let kept = if coupled { &mut **row } else { &mut [] };
        let all_trusted = problem.geometry().sweep(pass, f, g, col, kept, scratch, &mut fused);
        let Fused { residual, mass, mut trouble, moved, .. } = fused;
        state.residual = residual / mass;
        if coupled {
            rows.update(level, 0, row, f, Memory { marginal: row_rule, ball: row_ball });
            trouble |= restore::<P>(level, f, rows.log_weights);
        }

        state.trouble |= trouble;
        state.still = if moved { 0 } else { state.still.saturating_add(1) };
        coupled || !all_trusted
    }

    /// Updates the columns from their sums at the new f and the shifts in g, which are taken again
    /// where they lost something. Returns whether they had to be.
    #[inline(never)]
    pub(super) fn update_columns(&mut self, unknown: bool) -> bool {
        let Self { problem, f, g, work, state, .. } = self;
        let level = state.level;
        let Work { cols, col, col_rule, scratch, .. } = work;
        let (weights, log_weights) = (cols.weights, cols.log_weights);
        let again = unknown || !all_enough::<P>(level, col, weights, log_weights);
        if again {
            problem.geometry().col_sums(problem.pass(level), f, g, col, scratch);
        }
        let [_, ball] = &mut state.balls;
        cols.update(level, 0, col, g, Memory { marginal: col_rule, ball });
        state.trouble |= restore::<P>(level, g, cols.log_weights);
        again
    }

    /// The translation step: (f + t, g - t) with the best constant t, where a side is relaxed.
    fn shift(&mut self) {
        let Self { f, g, work, state, .. } = self;
        let Work { rows, cols, .. } = work;
        if rows.fixes_mass() && cols.fixes_mass() {
            return;
        }
        rows.marginal(state.level, f, work.row_rule);
        cols.marginal(state.level, g, work.col_rule);
        let t = best_shift([(rows, f, work.row_rule), (cols, g, work.col_rule)]);
        for f in f.iter_mut() {
            *f += t;
        }
        for g in g.iter_mut() {
            *g += -t;
        }
        rows.shift_marginal(work.row_rule, t);
        cols.shift_marginal(work.col_rule, -t);
    }

    /// Whether the solve is over after the latest sweep. `due`: whether the potentials are to be
    /// evaluated whatever the residual.
    // (One after the other, so that none of what comes first is on the stack of an evaluation.)
    #[inline(never)]
    pub(super) fn judge(
        &mut self,
        due: bool,
        report: &mut Report<P::Potential>,
    ) -> Option<Termination> {
        let (stalled, evaluate) = self.suspect(due);
        if !evaluate {
            return stalled;
        }
        self.look(report);
        self.ending(stalled, report)
    }

    /// What the latest sweep says by itself: how the solve ended, if it did, and whether the potentials
    /// are to be evaluated before that counts.
    #[inline(never)]
    fn suspect(&mut self, due: bool) -> (Option<Termination>, bool) {
        let state = &mut self.state;
        if state.trouble {
            return (Some(Termination::NumericalTrouble), false);
        }
        let residual = state.residual;
        let fresh = core::mem::replace(&mut state.rows_fresh, false);
        let due = match self.options.stop {
            _ if due => true,
            // (Without certificates there is nothing else to wait for.)
            _ if !ANY_CERTIFIES => !fresh && residual <= state.trigger,
            Stop::Residual(_) => !fresh && residual <= state.trigger,
            Stop::Certified(_) if state.iterations >= state.next_check => {
                let interval = u64::from(self.options.check_every);
                state.next_check = state.iterations.saturating_add(interval);
                true
            }
            Stop::Certified(_) => false,
        };
        let stalled = if fresh { None } else { self.stalled() };
        (stalled, due || self.at_limit() || stalled.is_some())
    }

    /// What an evaluation says: how the solve ended, if it did.
    #[inline(never)]
    fn ending(
        &mut self,
        stalled: Option<Termination>,
        report: &Report<P::Potential>,
    ) -> Option<Termination> {
        self.state.certified_distance = report.certified_distance;
        let verdict = Evaluated::of(report).verdict(self.options.stop, stalled);
        if verdict.is_some() {
            return verdict;
        }
        if self.at_limit() {
            return stalled.or(Some(Termination::IterationLimit));
        }
        // The sweep promised more than the potentials hold: wait for half as much.
        self.state.trigger = self.state.trigger * P::Potential::HALF;
        stalled
    }

    /// Whether there are no iterations left.
    fn at_limit(&self) -> bool {
        self.state.iterations >= self.options.max_iterations
    }

    /// Whether the residual has stopped falling for good: at a fixed point of the iteration, near
    /// the floor of rounding, or where forbidden pairs may leave no plan at all. Elsewhere a plateau
    /// may still end.
    fn stalled(&mut self) -> Option<Termination> {
        let near = self.floor();
        if self.state.still >= 2 {
            // The same rows twice give the same columns: not one bit changes any more.
            return Some(Termination::RoundingFloor);
        }
        let fixed = self.work.rows.fixes_marginal() && self.work.cols.fixes_marginal();
        let state = &mut self.state;
        let suspect = state.forbidden && fixed;
        state.patience.ending(state.residual, state.iterations, near, suspect)
    }

    /// The largest residual that rounding may cause.
    pub(super) fn floor(&self) -> P::Potential {
        P::Potential::from_count(floor::FACTOR)
            * rounding_floor(&self.work, &self.state, self.f, self.g)
    }

    /// Brings the report up to date with the potentials.
    fn look(&mut self, report: &mut Report<P::Potential>) {
        if !self.state.known {
            // (One after the other: the sweep is the deepest that the stack gets.)
            let transport = self.refresh();
            self.evaluate(transport, report);
            // Where an evaluation updates the rows, another one would do so too.
            self.state.known = !self.ends_on_rows();
        }
    }

    /// Whether the rows are the only side that is exact, or in a range.
    fn ends_on_rows(&self) -> bool {
        let (rows, cols) = (&self.work.rows, &self.work.cols);
        rows.fixes_marginal() && !cols.fixes_marginal()
            || rows.confines_marginal() && !cols.confines_marginal()
    }

    /// The report of the potentials as they are, of which [`Self::refresh`] found the transport cost.
    #[inline(never)]
    fn evaluate(&mut self, transport: P::Potential, report: &mut Report<P::Potential>) {
        let Self { problem, f, g, work, state, .. } = self;
        let evaluation = certificate::Evaluation {
            work,
            f,
            g,
            transport,
            rounding_floor: rounding_floor(work, state, f, g),
            shift: best_shift([(&work.rows, f, work.row_rule), (&work.cols, g, work.col_rule)]),
            unit_mass: problem.is_unit_mass(),
        };
        certificate::report(&evaluation, report);
        report.iterations = state.iterations;
        report.sweep = work.sweep(state);
        report.mass_factor = state.masses.col_factor;
        let [row_ball, col_ball] = state.balls;
        report.row_multiplier = row_ball.multiplier();
        report.col_multiplier = col_ball.multiplier();
        report.collapsed = work.rows.collapsed(work.row_rule, row_ball)
            || work.cols.collapsed(work.col_rule, col_ball);
    }

    /// Brings all marginals up to date with the potentials; gives the transport cost. Where an evaluation
    /// [ends on the rows](Self::ends_on_rows) they are updated first, so that the plan is feasible there
    /// and the certificate valid.
    #[inline(never)]
    fn refresh(&mut self) -> P::Potential {
        let updates = self.ends_on_rows() && !self.state.trouble;
        let Self { problem, f, g, work, state, .. } = self;
        let level = state.level;
        let pass = problem.pass(level);
        let Work { rows, cols, row, col, row_rule, col_rule, scratch, .. } = work;
        if updates {
            problem.geometry().row_sums(pass, f, g, row, scratch);
            let [ball, _] = &mut state.balls;
            rows.update(level, 0, row, f, Memory { marginal: row_rule, ball });
            state.trouble |= restore::<P>(level, f, rows.log_weights);
            state.rows_fresh = true;
        }
        rows.marginal(level, f, row_rule);
        cols.marginal(level, g, col_rule);
        let transport = problem.geometry().marginals(pass, f, g, row, col, scratch);
        rows.settle(f, row, row_rule);
        cols.settle(g, col, col_rule);
        transport
    }
}

/// See [`floor::rounding`].
fn rounding_floor<P: Precision>(
    work: &Work<'_, P>,
    state: &State<P>,
    f: &[P::Potential],
    g: &[P::Potential],
) -> P::Potential {
    let mut scale = work.rows.epsilon;
    for side in [&work.rows, &work.cols] {
        scale = side.relaxation().map_or(scale, |tau| scale.smaller(tau));
    }
    let most = |x| largest::<P>(state.level, x);
    floor::rounding::<P>(state.max_cost + most(f) + most(g), scale)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::cost::Dense;
    use crate::marginal::Rule;
    use crate::sinkhorn::work_len;
    use crate::view::Mat;

    /// The evaluation that ends a solve is the one that is handed over, and what it says is true of the
    /// potentials still.
    #[test]
    fn what_is_known_is_true() {
        let (n, m) = (9, 7);
        let cost: vec::Vec<f64> =
            (0..n * m).map(|k| ((k * 37 + 11) % 101) as f64 / 101.0).collect();
        let (a, b) = (vec![1.0 / 9.0; 9], vec![1.0 / 7.0; 7]);
        let rules = [
            Rule::Exact,
            Rule::Kl { tau: 0.5 },
            Rule::L2Ball { radius2: 0.01, entropy: 0.1 },
            Rule::KlBall { radius: 0.1, entropy: 0.0 },
        ];
        for (rows, cols) in rules.into_iter().flat_map(|x| rules.map(|y| (x, y))) {
            let cost = Dense::new(Mat::new(&cost, n, m).unwrap());
            let problem = Problem::<f64, _>::new(cost, (&a, rows), (&b, cols), 0.05).unwrap();
            let options = Options::new();
            let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
            let mut work = vec![0.0; work_len(n, m, 0)];
            let (mut solver, mut report) =
                (Iteration::idle(&problem, &options, &mut f, &mut g), Report::unknown());
            solver.begin(&mut work).unwrap();
            while solver.step(1, &mut report).is_none() {
                assert!(!solver.state.known, "{rows:?} {cols:?}: the residual promised too much");
            }
            let on_rows = rows == Rule::Exact && cols != Rule::Exact;
            assert_eq!(solver.state.known, !on_rows, "{rows:?} {cols:?}");
            solver.look(&mut report);
            let held = report;
            solver.state.known = false;
            solver.look(&mut report);
            assert!(on_rows || held == report, "{rows:?} {cols:?}");
            #[cfg(feature = "implicit")]
            {
                solver.place([&[], &[]], [&[], &[]], 0.0);
                assert!(!solver.state.known);
            }
            solver.iterate();
            assert!(!solver.state.known);
        }
    }

    /// A rule that couples the entries of a side is given all sums at once. With rules that do not
    /// care, that path has to come to the same potentials as the fused sweep.
    #[test]
    fn rows_taken_apart_agree_with_the_fused_sweep() {
        let (n, m) = (70, 9);
        let cost: vec::Vec<f64> =
            (0..n * m).map(|k| ((k * 37 + 11) % 101) as f64 / 101.0).collect();
        let a: vec::Vec<f64> = (0..n).map(|i| (1 + i % 5) as f64).collect();
        let mass: f64 = a.iter().sum();
        let b = vec![mass / m as f64; m];
        for (rows, cols) in [
            (Rule::Exact, Rule::Exact),
            (Rule::Kl { tau: 0.5 }, Rule::Exact),
            (Rule::Kl { tau: 0.5 }, Rule::Kl { tau: 2.0 }),
        ] {
            let cost = Dense::new(Mat::new(&cost, n, m).unwrap());
            let problem = Problem::<f64, _>::new(cost, (&a, rows), (&b, cols), 0.05).unwrap();
            let options = Options::new();
            let run = |apart: bool| {
                let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
                let mut work = vec![0.0; work_len(n, m, 0)];
                let (mut solver, mut report) =
                    (Iteration::idle(&problem, &options, &mut f, &mut g), Report::unknown());
                solver.begin(&mut work).unwrap();
                solver.state.rows_apart = apart;
                solver.run(&mut (), &mut report);
                solver.conclude(&mut report);
                assert!(report.converged());
                f.extend(g);
                f
            };
            let (fused, apart) = (run(false), run(true));
            let worst = fused.iter().zip(&apart).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-8, "{rows:?} {cols:?}: {worst:e}");
        }
    }
}
