//! The walk down the ladder.

use super::layout::{Work, work_len};
use super::newton::Newton;
use super::options::Options;
use super::pace::Pace;
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::options::Stop;
#[cfg(feature = "scaling")]
use crate::options::Sweep;
use crate::problem::Problem;
use crate::real::Real;
use crate::report::{Observer, Report, Termination};
use crate::sinkhorn::{self, Iteration, State};

/// The residual with which a level above the last is left, since the next one starts from a larger one
/// anyway; and with which Newton's method begins on the last.
fn enough<P: Precision>() -> P::Potential {
    P::Potential::ONE / P::Potential::from_count(100)
}

/// What a solve on a ladder did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solved<T> {
    /// What is true of the returned potentials; its iterations are the sweeps of all levels.
    pub report: Report<T>,
    /// Epsilons above the problem's that were walked through.
    pub levels: u32,
    /// Newton steps that were taken, at all levels.
    pub newton_steps: u32,
    /// Products with the matrices of these steps: each is a pass over the plan, and costs about as much
    /// as a sweep. 0 for steps with a factored matrix.
    pub products: u64,
}

/// Solves a problem at small epsilon. Potentials and observer as in [`sinkhorn::solve`]; `work` has at
/// least [`work_len`] elements for the options' Newton method; with [`super::fast_work_len`] sweeps and
/// products keep the kernel in memory, as [`sinkhorn::solve`] does.
///
/// The last thing done to the potentials is a plain update at the problem's epsilon: an exact side is
/// feasible, and the report is that of the returned potentials. Ends as a plain solve does, and with
/// `RoundingFloor` too where Newton's method, with the residual at the floor, finds no better point.
/// A limit of iterations or an observer that stops the walk above the last level leave potentials of
/// the problem's epsilon that are far from its optimum.
///
/// Errors: those of [`sinkhorn::solve`]; `Epsilon` and `Count`, blaming the options, for a start or a
/// factor that make no ladder and for no sweeps; those of [`crate::implicit::vjp`] for the method. Nothing
/// but work was written then.
pub fn solve<P: Precision, G: Geometry<P> + Copy>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
) -> Result<Solved<P::Potential>, Error> {
    options.check()?;
    let ((n, m), d) = (problem.shape(), problem.geometry().dimension());
    let len = work_len(n, m, d, options.newton);
    if len == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
    }
    let short = Error::new(ErrorKind::WorkTooSmall, Argument::Work);
    if work.len() < len {
        return Err(short);
    }
    let sweeps = sweep_len(options, [n, m, d], work.len());
    let (plain, rest) = work.split_at_mut_checked(sweeps).ok_or(short)?;
    let newton = match options.newton {
        Some(method) => {
            let work = Work::cut(rest, n, m).ok_or(short)?;
            Some(Newton { method, work, balls: Default::default(), steps: 0, products: 0 })
        }
        None => None,
    };

    // Solvers are large: each is made where it stays.
    let mut first = Iteration::idle(problem, &options.solve, &mut *f, &mut *g);
    first.begin(&mut *plain)?;
    let start = options.ladder.start.unwrap_or(first.largest_cost() / P::Potential::from_count(10));
    let state = first.state;
    let mut walk = Walk { options, state, newton, stopped: false };
    let mut levels = 0;
    let (mut before, mut epsilon) = (problem.epsilon(), start);
    while epsilon > problem.epsilon() && walk.goes_on() {
        // An epsilon too large for a rule's parameters is left out.
        if let Ok(level) = problem.with_epsilon(epsilon) {
            let mut solver = Iteration::idle(&level, &options.solve, &mut *f, &mut *g);
            solver.state = walk.state;
            solver.take_up(&mut *plain)?;
            solver.enter_level(before);
            walk.pass(&mut solver, &level, observer);
            walk.state = solver.state;
            before = epsilon;
            levels += 1;
        }
        epsilon = epsilon / options.ladder.factor;
    }
    let mut solver = Iteration::idle(problem, &options.solve, f, g);
    solver.state = walk.state;
    solver.take_up(plain)?;
    solver.enter_level(before);
    let mut report = Report::unknown();
    walk.finish(&mut solver, problem, &mut report, observer);
    solver.conclude(&mut report);
    let (newton_steps, products) = walk.newton.map_or((0, 0), |x| (x.steps, x.products));
    Ok(Solved { report, levels, newton_steps, products })
}

/// The share of the sweeps in `len` elements of work, which are enough: with a kernel where that fits.
#[cfg_attr(not(feature = "scaling"), allow(unused_variables, reason = "there is one length then"))]
fn sweep_len<P: Precision>(options: &Options<P>, [n, m, d]: [usize; 3], len: usize) -> usize {
    #[cfg(feature = "scaling")]
    if options.solve.sweep != Some(Sweep::Log)
        && len >= super::layout::fast_work_len(n, m, d, options.newton)
    {
        return sinkhorn::fast_work_len(n, m, d);
    }
    sinkhorn::work_len(n, m, d)
}

/// What goes from level to level.
struct Walk<'a, P: Precision> {
    options: &'a Options<P>,
    state: State<P>,
    newton: Option<Newton<'a, P>>,
    /// The observer asked to stop, or the numbers did.
    stopped: bool,
}

impl<P: Precision> Walk<'_, P> {
    /// Whether there is a sweep left for a level above the last, which needs one itself.
    fn goes_on(&self) -> bool {
        !self.stopped && self.state.iterations() + 1 < self.options.solve.max_iterations
    }

    /// A level above the last.
    fn pass<G: Geometry<P>>(
        &mut self,
        solver: &mut Iteration<'_, P, G>,
        level: &Problem<'_, P, G>,
        observer: &mut impl Observer<P::Potential>,
    ) {
        for k in 0..self.options.ladder.sweeps {
            if !self.sweep(solver, observer) {
                return;
            }
            // The first sweep may find no residual because the one before left none.
            if k > 0 && self.state.residual() <= enough::<P>() {
                return;
            }
        }
        for _ in 0..self.options.level_steps {
            let Some(newton) = &mut self.newton else {
                return;
            };
            let outcome = newton.step(solver, level);
            let near = !outcome.taken || outcome.residual <= enough::<P>();
            if !self.sweep(solver, observer) || near {
                return;
            }
        }
    }

    /// One sweep at a level above the last; whether there may be another.
    fn sweep<G: Geometry<P>>(
        &mut self,
        solver: &mut Iteration<'_, P, G>,
        observer: &mut impl Observer<P::Potential>,
    ) -> bool {
        if !self.goes_on() {
            return false;
        }
        self.stopped |= !solver.sweep_once() || self.watch(solver, observer);
        self.state = solver.state;
        self.goes_on()
    }

    /// Shows the observer where the solve stands, if it is time; whether it wants to stop.
    fn watch<G: Geometry<P>>(
        &self,
        solver: &Iteration<'_, P, G>,
        observer: &mut impl Observer<P::Potential>,
    ) -> bool {
        let progress = solver.progress();
        let every = u64::from(self.options.solve.check_every);
        progress.iterations.is_multiple_of(every) && observer.observe(&progress).is_break()
    }

    /// The last level.
    fn finish<G: Geometry<P>>(
        &mut self,
        solver: &mut Iteration<'_, P, G>,
        problem: &Problem<'_, P, G>,
        report: &mut Report<P::Potential>,
        observer: &mut impl Observer<P::Potential>,
    ) {
        // What the residual of a certified solve has to come to is not known.
        let target = match self.options.solve.stop {
            Stop::Residual(tolerance) => Some(tolerance),
            Stop::Certified(_) => None,
        };
        let mut pace = Pace::new();
        let sweeps = u64::from(self.options.ladder.sweeps);
        // Plain sweeps before the next Newton step, and after one that failed.
        let (mut wait, mut pause) = (sweeps, sweeps);
        let (mut swept, mut fresh) = (false, true);
        let mut least = P::Potential::INFINITY;
        loop {
            let ended = solver.step_once(target.is_none() && wait == 0, report).is_some();
            if self.stopped {
                solver.end(Termination::Stopped);
            }
            if ended || self.stopped {
                return;
            }
            if self.watch(solver, observer) {
                solver.stop();
                return;
            }
            // Newton's method is worth a try as soon as the sweeps are near. The first of them may
            // find no residual because the one before left none.
            let residual = solver.progress().residual;
            let pays = target.is_none_or(|target| pace.newton_pays(residual, target));
            let near = swept && residual <= enough::<P>() && pays;
            let least_wait = u64::from(fresh && !pays);
            wait = if near && fresh { 0 } else { wait.saturating_sub(1).max(least_wait) };
            swept = true;
            let Some(newton) = &mut self.newton else {
                continue;
            };
            if wait > 0 {
                continue;
            }
            fresh = false;
            let outcome = newton.step(solver, problem);
            // A gradient that falls no more is rounding, far above that of the sweeps where a ball's
            // entropy is far below epsilon: only sweeps end there.
            let calmed = outcome.residual <= least * P::Potential::HALF;
            least = least.smaller(outcome.residual);
            if outcome.taken && (outcome.rose || calmed) {
                pause = sweeps;
            } else if !outcome.taken && outcome.residual <= solver.rounding() {
                solver.end(Termination::RoundingFloor);
                return;
            } else {
                wait = pause;
                pause = pause.saturating_mul(2);
            }
        }
    }
}
