//! The iteration and its endings.

use super::averages::{Averages, Seen, log_mass, mass_of_sums};
use super::combination::Combination;
use super::half::{Buffers, Half, advance};
use super::layout::Work;
use super::options::Options;
use super::problem::{Measure, Part, Problem, pass};
use super::report::Report;
use super::start::prepare;
use crate::cost::Geometry;
use crate::error::Error;
use crate::kernel::{Level, Precision, largest};
use crate::math::Elementary;
use crate::options::Stop;
use crate::real::Real;
use crate::report::{Observer, Progress, Termination};
use crate::sinkhorn::{FLOOR_FACTOR, Patience, rounding};

/// The residual with which a level above the last is left.
fn enough<T: Real>() -> T {
    T::ONE / T::from_count(100)
}

/// Computes a barycenter.
///
/// The potentials f (sum_i n_i, one measure behind the other) and g (k n, one row for each measure),
/// cost units, and the barycenter (n, unit mass) are the result; of the potentials g is read first if
/// the options ask for a warm start. `work` has at least [`super::work_len`] elements; its contents do not
/// matter. The observer is called every `check_every` iterations. Always ends on an update of all
/// columns. Cost: iterations times sum_i n_i n exponentials.
///
/// Errors, with the index of the measure: those of weights, costs and points; `MassMismatch` for exact
/// measures of unequal mass; `NoPartner` for a weight that reaches no point of the barycenter which
/// all measures reach; `NoCertificate` and `TargetOutOfReach`; `Shape` and `WorkTooSmall`; those of the
/// options. Nothing but work was written then.
pub fn solve<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    barycenter: &mut [P::Cost],
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
) -> Result<Report<P::Potential>, Error> {
    let (mut run, start) = prepare(problem, options, [f, g], barycenter.len(), work)?;
    run.begin(options.solve.warm_start, f, g);
    run.descend(start, f, g, observer);
    run.finish(f, g, observer);
    Ok(run.conclude(f, g, barycenter))
}

/// A running solve without its potentials.
pub(super) struct Run<'a, P: Precision, G> {
    pub(super) problem: &'a Problem<'a, P, G>,
    pub(super) options: &'a Options<P>,
    pub(super) work: Work<'a, P>,
    pub(super) level: Level,
    /// Of the level of the ladder.
    pub(super) epsilon: P::Potential,
    pub(super) iterations: u64,
    pub(super) residual: P::Potential,
    /// The residual at which an evaluation is worth its sweep.
    pub(super) trigger: P::Potential,
    pub(super) patience: Patience<P::Potential>,
    pub(super) next_check: u64,
    pub(super) max_cost: P::Potential,
    pub(super) forbidden: bool,
    pub(super) trouble: bool,
    /// Latest iterations that changed no potential of the rows.
    pub(super) still: u32,
    pub(super) certified_distance: P::Potential,
    pub(super) stopped: bool,
    pub(super) finished: Option<Termination>,
}

impl<P: Precision, G: Geometry<P>> Run<'_, P, G> {
    /// Puts the start into the potentials.
    fn begin(&mut self, warm: bool, f: &mut [P::Potential], g: &mut [P::Potential]) {
        let Self { problem, work, level, epsilon, .. } = self;
        for Part { measure, rows, .. } in problem.parts() {
            let log_weights = work.log_weights.get(rows.clone()).unwrap_or(&[]);
            let side = measure.side(*epsilon, problem.fixed(), log_weights);
            if let (Some(f), Some(target)) = (f.get_mut(rows.clone()), work.targets.get_mut(rows)) {
                side.load(warm, f);
                side.marginal(*level, f, target);
            }
        }
        for g in g {
            // Minus infinity is found out anew.
            *g = if warm && g.is_finite() { *g } else { P::Potential::ZERO };
        }
    }

    /// The levels of the ladder above the last.
    fn descend(
        &mut self,
        start: P::Potential,
        f: &mut [P::Potential],
        g: &mut [P::Potential],
        observer: &mut impl Observer<P::Potential>,
    ) {
        let mut epsilon = start;
        while epsilon > self.problem.epsilon() && self.goes_on() {
            self.epsilon = epsilon;
            for k in 0..self.options.ladder.sweeps {
                if !self.goes_on() {
                    break;
                }
                self.iterate(f, g);
                self.watch(observer);
                if k > 0 && self.residual <= enough() {
                    break;
                }
            }
            epsilon = epsilon / self.options.ladder.factor;
        }
        self.epsilon = self.problem.epsilon();
        self.patience = Patience { best_at: self.iterations, ..Patience::new() };
        self.still = 0;
    }

    /// Whether there is an iteration left for a level above the last, which needs one itself.
    fn goes_on(&self) -> bool {
        let left = self.iterations + 1 < self.options.solve.max_iterations;
        left && !self.stopped && !self.trouble
    }

    /// Shows the observer where the solve stands, if it is time.
    fn watch(&mut self, observer: &mut impl Observer<P::Potential>) {
        let progress = Progress {
            iterations: self.iterations,
            epsilon: self.epsilon,
            residual: self.residual,
            certified_distance: self.certified_distance,
        };
        let every = u64::from(self.options.solve.check_every);
        if self.iterations.is_multiple_of(every) && observer.observe(&progress).is_break() {
            self.stopped = true;
        }
    }

    /// The last level, to the end.
    fn finish(
        &mut self,
        f: &mut [P::Potential],
        g: &mut [P::Potential],
        observer: &mut impl Observer<P::Potential>,
    ) {
        loop {
            self.iterate(f, g);
            self.finished = self.judge(f, g);
            if self.finished.is_some() {
                return;
            }
            if !self.stopped {
                self.watch(observer);
            }
            if self.stopped {
                self.finished = Some(Termination::Stopped);
                return;
            }
        }
    }

    /// One iteration: all half steps, then the combination.
    fn iterate(&mut self, f: &mut [P::Potential], g: &mut [P::Potential]) {
        let Self { problem, work, level, epsilon, .. } = self;
        let (level, epsilon, fixed) = (*level, *epsilon, problem.fixed());
        let Work { log_weights, potential, mask, targets, col, scratch, .. } = work;
        let (mut trouble, mut moved) = (false, false);
        let mut combination = Combination::new(potential);
        for Part { measure, rows, cols, .. } in problem.parts() {
            let (Some(f), Some(g), Some(log_weights), Some(target)) = (
                f.get_mut(rows.clone()),
                g.get_mut(cols),
                log_weights.get(rows.clone()),
                targets.get_mut(rows),
            ) else {
                break;
            };
            let side = measure.sweep_side(epsilon, fixed, log_weights);
            let buffers = Buffers { target, col, mask, scratch };
            let half: Half<_> = advance(&measure.geometry, &side, level, f, g, buffers);
            trouble |= half.trouble;
            moved |= half.moved;
            combination.add(measure, &half, g);
        }
        let combined = combination.combine(epsilon);
        for Part { measure, rows, cols, .. } in problem.parts() {
            let (Some(f), Some(g), Some(target)) =
                (f.get_mut(rows.clone()), g.get_mut(cols), targets.get_mut(rows))
            else {
                break;
            };
            let constant = combined.apply(measure, log_mass::<P>(target), f, g);
            measure.bare_side(epsilon, &[]).shift_marginal(target, constant);
        }
        self.residual = combined.constants.residual;
        self.trouble |= trouble;
        self.still = if moved { 0 } else { self.still.saturating_add(1) };
        self.iterations += 1;
    }

    /// Whether the solve is over after the latest iteration.
    fn judge(&mut self, f: &[P::Potential], g: &[P::Potential]) -> Option<Termination> {
        if self.trouble {
            return Some(Termination::NumericalTrouble);
        }
        let due = match self.options.solve.stop {
            Stop::Residual(_) => self.residual <= self.trigger,
            Stop::Certified(_) if self.iterations >= self.next_check => {
                let interval = u64::from(self.options.solve.check_every);
                self.next_check = self.iterations.saturating_add(interval);
                true
            }
            Stop::Certified(_) => false,
        };
        let last = self.iterations >= self.options.solve.max_iterations;
        let near = P::Potential::from_count(FLOOR_FACTOR) * self.rounding_floor(f, g);
        let stalled = if self.still >= 2 {
            Some(Termination::RoundingFloor)
        } else {
            let suspect = self.forbidden && !self.problem.has_certificate();
            self.patience.ending(self.residual, self.iterations, near, suspect)
        };
        if due || last || stalled.is_some() {
            let report = self.evaluate(f, g);
            self.certified_distance = report.certified_distance;
            if let Some(ending) = report.evaluated().verdict(self.options.solve.stop, stalled) {
                return Some(ending);
            }
            if last {
                return stalled.or(Some(Termination::IterationLimit));
            }
            // The sweep promised more than the potentials hold: wait for half as much.
            self.trigger = self.trigger * P::Potential::HALF;
        }
        stalled
    }

    fn rounding_floor(&self, f: &[P::Potential], g: &[P::Potential]) -> P::Potential {
        let taus = self.problem.measures().iter().map(Measure::tau);
        let scale = taus
            .filter(|&tau| tau > P::Potential::ZERO)
            .fold(self.problem.epsilon(), |scale, tau| scale.smaller(tau));
        let most = |x| largest::<P>(self.level, x);
        rounding::<P>(self.max_cost + most(f) + most(g), scale)
    }

    /// The report of the potentials as they are; leaves q in `barycenter`.
    fn evaluate(&mut self, f: &[P::Potential], g: &[P::Potential]) -> Report<P::Potential> {
        let mut report = Report::unknown();
        let rounding_floor = self.rounding_floor(f, g);
        let Self { problem, work, level, .. } = self;
        let (level, epsilon, fixed) = (*level, problem.epsilon(), problem.fixed());
        let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
        let pass = pass::<P>(epsilon, level);
        let Work { log_weights, potential, targets, row, barycenter, col, scratch, .. } = work;
        for (q, &x) in barycenter.iter_mut().zip(&**potential) {
            *q = P::narrow((x / epsilon).exp_once());
        }
        let mut sums = Averages::default();
        for Part { measure, rows, cols, .. } in problem.parts() {
            let (Some(own_f), Some(own_g), Some(log_weights), Some(target), Some(row)) = (
                f.get(rows.clone()),
                g.get(cols),
                log_weights.get(rows.clone()),
                targets.get_mut(rows.clone()),
                row.get_mut(rows),
            ) else {
                break;
            };
            let side = measure.side(epsilon, fixed, log_weights);
            let geometry = &measure.geometry;
            side.marginal(level, own_f, target);
            geometry.prepare(scratch);
            let transport = geometry.marginals(pass, own_f, own_g, row, col, scratch);
            let seen = Seen { f: own_f, g: own_g, row, col, target, barycenter, transport };
            sums.add(measure.share / problem.share(), &side, &seen, fixed.is_none());
        }

        report.iterations = self.iterations;
        report.epsilon = epsilon;
        report.rounding_floor = rounding_floor;
        let mass_of_plans = sums.mass.value();
        report.residual_rows = sums.rows.value() / mass_of_plans;
        report.residual_cols = sums.cols.value() / mass_of_plans;
        report.residual = report.residual_rows + report.residual_cols;
        report.transport_cost = sums.transport.value();
        report.entropy = sums.entropy.value();
        report.penalty = sums.penalty.value();
        report.unregularised_objective = report.transport_cost + report.penalty;
        report.objective = report.unregularised_objective + epsilon * report.entropy;
        report.dual_value = sums.dual.value();
        report.mass = mass_of_sums::<P>(barycenter);
        report.log_mass = report.mass.ln_once();
        report.share_factor = one / problem.share();
        if fixed.is_none() {
            report.gap = sums.gap.value();
            // sum Y log Y <= 0, so the entropy of the unregularised optimum can only help.
            let slack = -epsilon * (report.entropy + one);
            let distance = report.gap + slack;
            report.certified_distance = if distance < zero { zero } else { distance };
            report.lower_bound = report.unregularised_objective - report.certified_distance;
        }
        report
    }

    /// Evaluates the potentials in one more sweep and hands the barycenter over.
    fn conclude(
        mut self,
        f: &[P::Potential],
        g: &[P::Potential],
        barycenter: &mut [P::Cost],
    ) -> Report<P::Potential> {
        let mut report = self.evaluate(f, g);
        report.termination = report.evaluated().ending(self.options.solve.stop, self.finished);
        // Relative to its largest entry: the mass itself may be out of range.
        let Work { potential, barycenter: q, .. } = &mut self.work;
        let peak = potential.iter().fold(P::Potential::NEG_INFINITY, |peak, &x| peak.larger(x));
        for (q, &x) in q.iter_mut().zip(&**potential) {
            *q = P::narrow(((x - peak) / report.epsilon).exp_once());
        }
        let mass = P::narrow(mass_of_sums::<P>(q));
        for (out, &q) in barycenter.iter_mut().zip(&**q) {
            *out = P::cost_of(q / mass);
        }
        report
    }
}
