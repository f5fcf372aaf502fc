//! Solving to an accuracy.

use super::bounds::Formula;
use super::descent::{Level, Outcome, Path, Start, descend};
use super::options::Options;
use super::parameters::{Data, Parameters};
use crate::anneal;
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::Method;
use crate::kernel::Precision;
use crate::options::Sweep;
use crate::problem::Problem;
use crate::real::Real;
use crate::report::{Observer, Report};
use crate::sinkhorn;

/// What a solve to an accuracy did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solved<T> {
    /// What is true of the returned potentials at `report.epsilon`. `certified_distance` is the bound on the
    /// distance from the optimum without entropy, at most the target if the solve converged; `iterations`
    /// are the sweeps at all epsilons.
    pub report: Report<T>,
    /// What the formula asks for: its epsilon, and the bound on the iterations.
    pub parameters: Parameters<T>,
    /// Epsilons that were walked through.
    pub levels: u32,
    /// Newton steps that were taken.
    pub newton_steps: u32,
    /// Products with the matrices of these steps, each a pass over the plan.
    pub products: u64,
    /// Which part ended it.
    pub path: Path,
}

/// Elements of work for n rows, m columns and points of dimension d (0 for a dense cost) with the method of
/// [`Options::newton`]: those of [`anneal::work_len`]. With `anneal::fast_work_len` sweeps and products keep
/// the kernel in memory.
pub const fn work_len<T: Real>(n: usize, m: usize, d: usize, newton: Option<Method<T>>) -> usize {
    anneal::work_len(n, m, d, newton)
}

/// Solves a problem until its objective without entropy is proved to lie within `target` (cost units times
/// mass units) of the optimum. The problem's own epsilon counts for nothing: the potentials belong to
/// `problem.with_epsilon(solved.report.epsilon)`. Potentials and observer as in [`sinkhorn::solve`]; `work`
/// has at least [`work_len`] elements.
///
/// Ends as [`sinkhorn::solve`] does. Converged means proved, whatever the way. Sweeps at all epsilons of
/// the walk together are at most `parameters.iterations`, where a bound exists; a plain run from zero of at
/// most as many follows where they were in vain. One sweep costs n m exponentials, as does each evaluation
/// of the certificate.
///
/// Errors: those of [`super::parameters()`] and [`sinkhorn::solve`]; `TargetPrecision`, blaming the stopping
/// rule, for a target below `parameters.smallest_target`. Nothing but work was written then.
pub fn solve_to<P: Precision, G: Geometry<P> + Copy>(
    problem: &Problem<'_, P, G>,
    target: P::Potential,
    options: &Options<P>,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    work: &mut [P::Work],
    observer: &mut impl Observer<P::Potential>,
) -> Result<Solved<P::Potential>, Error> {
    options.check()?;
    let ((n, m), d) = (problem.shape(), problem.geometry().dimension());
    if f.len() != n {
        return Err(Error::new(ErrorKind::Shape, Argument::RowPotentials));
    }
    if g.len() != m {
        return Err(Error::new(ErrorKind::Shape, Argument::ColPotentials));
    }
    let len = work_len(n, m, d, options.newton);
    if len == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
    }
    if work.len() < len {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    }
    if !(target > P::Potential::ZERO && target.is_finite()) {
        return Err(Error::new(ErrorKind::Tolerance, Argument::Stop));
    }
    let data = Data::of(problem, work)?;
    let parameters = data.parameters(problem, target, Formula::Slack)?;
    if target < parameters.smallest_target {
        return Err(Error::new(ErrorKind::TargetPrecision, Argument::Stop));
    }

    let mut report = Report::unknown();
    let (mut newton_steps, mut products) = (0_u32, 0_u64);
    let run = |level: Level<P::Potential>| {
        let problem = problem.with_epsilon(level.epsilon)?;
        let solve = options.solve.stop(level.stop).max_iterations(level.most_iterations);
        let solve =
            solve.warm_start(level.warm).trust_data(options.solve.trust_data && level.first);
        if level.plain {
            let solve = solve.sweep(Sweep::Log);
            report = sinkhorn::solve(&problem, &solve, f, g, work, observer)?;
        } else {
            // One level, no ladder of its own.
            let walk = anneal::Options::new().solve(solve).newton(options.newton);
            let found = anneal::solve(&problem, &walk.start(level.epsilon), f, g, work, observer)?;
            newton_steps = newton_steps.saturating_add(found.newton_steps);
            products = products.saturating_add(found.products);
            report = found.report;
        }
        Ok(Outcome {
            termination: report.termination,
            iterations: report.iterations,
            gap: report.gap,
            certified_distance: report.certified_distance,
        })
    };
    let (limit, warm) = (options.solve.max_iterations, options.solve.warm_start);
    let start = Start::of(&parameters, data.size.cost, data.size.tau * data.mass);
    let ended = descend(&parameters, Start { limit, warm, ..start }, run)?;
    report.termination = ended.termination;
    report.iterations = ended.iterations;
    let (levels, path) = (ended.levels, ended.path);
    Ok(Solved { report, parameters, levels, newton_steps, products, path })
}
