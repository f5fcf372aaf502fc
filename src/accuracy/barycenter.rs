//! Barycenters to an accuracy: [`super`] for any number of measures with KL rules.

use super::bounds::{Formula, Size, Source, contraction, sweeps};
use super::descent::{Level, Outcome, Path, Start, descend};
use super::options::Options;
use super::parameters::{Parameters, Scanned, logs, roundoff};
use crate::barycenter::{self, Problem, Report};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::marginal::{Rule, total};
use crate::problem::{check_epsilon, check_weights};
use crate::real::Real;
use crate::report::Observer;
use crate::work::{WorkLen, padded};

/// Elements of work for [`parameters`] with `support` points of the barycenter; `usize::MAX` if that
/// overflows.
pub const fn parameters_work_len(support: usize) -> usize {
    WorkLen::of(padded(support)).times(2).len()
}

/// What a solve to an accuracy did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solved<T> {
    /// What is true of the barycenter and of the potentials at `report.epsilon`; `iterations` are those at
    /// all epsilons.
    pub report: Report<T>,
    /// What the formula asks for: its epsilon, and the bound on the iterations.
    pub parameters: Parameters<T>,
    /// Epsilons that were walked through.
    pub levels: u32,
    /// Which part ended it.
    pub path: Path,
}

/// Epsilon and iterations for a target error on the objective without entropy, cost units. The problem's own
/// epsilon counts for nothing. The bound on the iterations is for at most two measures, and ours: none was
/// published. `work` has at least [`parameters_work_len`] elements for the barycenter's support.
///
/// Errors, with the index of the measure: `Tolerance` for a target that is not positive and finite,
/// `NoCertificate` with an exact measure, `Tau` for the paper's formula with different taus, those of
/// weights and costs, `WorkTooSmall`, and `Epsilon` if the precision has none for the target.
pub fn parameters<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    target: P::Potential,
    formula: Formula,
    work: &mut [P::Work],
) -> Result<Parameters<P::Potential>, Error> {
    Ok(choose(problem, target, formula, work)?.0)
}

/// Parameters, and what they were worked out from.
type Chosen<T> = (Parameters<T>, Size<T>);

/// [`parameters`], and what they were worked out from.
fn choose<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    target: P::Potential,
    formula: Formula,
    work: &mut [P::Work],
) -> Result<Chosen<P::Potential>, Error> {
    if !(target > P::Potential::ZERO && target.is_finite()) {
        return Err(Error::new(ErrorKind::Tolerance, Argument::Stop));
    }
    let none = Error::new(ErrorKind::NoCertificate, Argument::Stop);
    let slack_epsilon = problem.certifiable_epsilon(target).ok_or(none)?;
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let (mut rows, mut ranges, mut cost) = (0_usize, zero, zero);
    let (mut low, mut high, mut weight) = (P::Potential::INFINITY, zero, zero);
    let shares = total(problem.measures().iter().map(|measure| measure.share));
    for (i, measure) in problem.measures().iter().enumerate() {
        let Rule::Kl { tau } = measure.rule else {
            return Err(none);
        };
        check_weights::<P>(measure.weights, Argument::RowWeights).map_err(|e| e.in_measure(i))?;
        let scanned = scan(measure, &mut *work).map_err(|e| e.in_measure(i))?;
        ranges += scanned.range;
        cost = cost.larger(scanned.largest);
        rows = rows.max(logs::<P>(measure.weights).0);
        low = low.smaller(tau);
        high = high.larger(tau);
        weight = weight.larger(measure.share / shares * tau);
    }
    let slack = target * P::Potential::HALF / slack_epsilon;
    let size = Size {
        counts: [rows, problem.support()],
        masses: [one; 2],
        logs: [zero; 2],
        cost,
        range: ranges,
        tau: high,
    };
    let epsilon = match formula {
        Formula::Paper if low < high => return Err(Error::new(ErrorKind::Tau, Argument::RowRule)),
        Formula::Paper => size.barycenter_paper(target),
        Formula::Uniform => size.uniform_epsilon(target),
        Formula::Slack => slack_epsilon,
    };
    check_epsilon(epsilon)?;
    // Three and more measures: no contraction is known in this norm.
    let iterations = if problem.measures().len() <= 2 {
        let allowed = target - epsilon * slack;
        sweeps(contraction(epsilon, high), ranges / epsilon, weight, allowed)
    } else {
        None
    };
    let source = if iterations.is_some() { Source::Proved } else { Source::None };
    let smallest_target = size.smallest_target([slack, one, zero], roundoff::<P>());
    let half_sweeps = iterations.map(|k| k.saturating_mul(2));
    let found =
        Parameters { formula, source, target, epsilon, iterations, half_sweeps, smallest_target };
    Ok((found, size))
}

/// Solves a barycenter until its objective without entropy is proved to lie within `target` (cost units) of
/// the optimum. The problem's own epsilon counts for nothing: the potentials belong to that of the report.
/// Everything else as [`super::solve_to`] and [`barycenter::solve`]; `work` has at least
/// [`barycenter::work_len`] elements.
///
/// Errors: those of [`parameters`] and of [`barycenter::solve`]; `TargetPrecision`, blaming the stopping rule,
/// for a target below `parameters.smallest_target`. Nothing but work was written then.
#[allow(clippy::too_many_arguments, reason = "those of a solve, and the target")]
pub fn solve_to<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    target: P::Potential,
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    barycenter: &mut [P::Cost],
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
) -> Result<Solved<P::Potential>, Error> {
    options.check()?;
    if work.len() < barycenter::work_len(problem.rows(), problem.support(), problem.dimension()) {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    }
    let (parameters, size) = choose(problem, target, Formula::Slack, work)?;
    if target < parameters.smallest_target {
        return Err(Error::new(ErrorKind::TargetPrecision, Argument::Stop));
    }
    let mut report = None;
    let run = |level: Level<P::Potential>| {
        let problem = Problem::new(problem.measures(), level.epsilon)?;
        let solve = options.solve.stop(level.stop).max_iterations(level.most_iterations);
        let solve =
            solve.warm_start(level.warm).trust_data(options.solve.trust_data && level.first);
        let solve = barycenter::Options::new().solve(solve);
        let found = barycenter::solve(&problem, &solve, f, g, barycenter, work, observer)?;
        report = Some(found);
        Ok(Outcome {
            termination: found.termination,
            iterations: found.iterations,
            gap: found.gap,
            certified_distance: found.certified_distance,
        })
    };
    let (limit, warm) = (options.solve.max_iterations, options.solve.warm_start);
    let start = Start::of(&parameters, size.cost, size.tau);
    let ended = descend(&parameters, Start { limit, warm, ..start }, run)?;
    let mut report = report.ok_or(Error::new(ErrorKind::Epsilon, Argument::Epsilon))?;
    report.termination = ended.termination;
    report.iterations = ended.iterations;
    Ok(Solved { report, parameters, levels: ended.levels, path: ended.path })
}

/// Looks at the cost of a measure.
fn scan<P: Precision, G: Geometry<P>>(
    measure: &barycenter::Measure<'_, P, G>,
    mut work: &mut [P::Work],
) -> Result<Scanned<P::Potential>, Error> {
    let m = measure.geometry.cols();
    let short = Error::new(ErrorKind::WorkTooSmall, Argument::Work);
    let buffers = P::cut(&mut work, [padded(m), 0, padded(m)]).ok_or(short)?;
    let columns = buffers.cost.get_mut(..m).ok_or(short)?;
    columns.fill(P::Cost::ONE);
    let seen = buffers.sum.get_mut(..m).ok_or(short)?;
    Scanned::of::<P, G>(&measure.geometry, measure.weights, columns, seen)
}
