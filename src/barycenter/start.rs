//! Validation and start of a solve.

use super::half::logarithms;
use super::layout::{Work, work_len};
use super::options::Options;
use super::problem::{Part, Problem, pass};
use super::solver::Run;
use crate::cost::{CostRange, Geometry};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::marginal::total;
use crate::options::Stop;
use crate::problem::check_weights;
use crate::real::Real;
use crate::sinkhorn::{Patience, check_start, entropy_floor};

/// Validates a problem with its options and, for a warm start, its potentials, without solving it.
/// Writes nothing but work.
///
/// Errors: everything that [`super::solve`] refuses.
pub fn check<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &[P::Potential],
    g: &[P::Potential],
    barycenter: &[P::Cost],
    work: &mut [P::Work],
) -> Result<(), Error> {
    prepare(problem, options, [f, g], barycenter.len(), work).map(|_| ())
}

/// What [`super::solve`] and [`check`] refuse, and the epsilon at which to begin.
pub(super) fn prepare<'a, P: Precision, G: Geometry<P>>(
    problem: &'a Problem<'a, P, G>,
    options: &'a Options<P>,
    [f, g]: [&[P::Potential]; 2],
    support: usize,
    work: &'a mut [P::Work],
) -> Result<(Run<'a, P, G>, P::Potential), Error> {
    options.check()?;
    let refuse = |kind, argument| Err(Error::new(kind, argument));
    let shape = [problem.rows(), problem.support(), problem.dimension()];
    let [n, m, d] = shape;
    if work_len(n, m, d) == usize::MAX || problem.cols() == usize::MAX {
        return refuse(ErrorKind::TooLarge, Argument::Measures);
    }
    if f.len() != n {
        return refuse(ErrorKind::Shape, Argument::RowPotentials);
    }
    if g.len() != problem.cols() {
        return refuse(ErrorKind::Shape, Argument::ColPotentials);
    }
    if support != m {
        return refuse(ErrorKind::Shape, Argument::Barycenter);
    }
    let certified = match options.solve.stop {
        Stop::Certified(target) => Some(target),
        Stop::Residual(_) => None,
    };
    if certified.is_some() && !problem.has_certificate() {
        return refuse(ErrorKind::NoCertificate, Argument::Stop);
    }
    let Some(mut work) = Work::<P>::cut(work, shape) else {
        return refuse(ErrorKind::WorkTooSmall, Argument::Work);
    };
    let level = options.solve.level.unwrap_or_else(Level::detect);
    let (mut max_cost, mut forbidden) = (P::Potential::ZERO, false);
    if options.solve.trust_data {
        logarithms_of_all(problem, &mut work);
    } else {
        if options.solve.warm_start {
            check_start(f, Argument::RowPotentials)?;
            check_start(g, Argument::ColPotentials)?;
        }
        check_masses(problem)?;
        logarithms_of_all(problem, &mut work);
        let range;
        (range, forbidden) = scan(problem, level, &mut work)?;
        max_cost = range.max.abs().larger(range.min.abs());
        let scale = pass::<P>(problem.epsilon(), level).scale;
        if !(max_cost * scale).is_finite() {
            return refuse(ErrorKind::Epsilon, Argument::Epsilon);
        }
        let reach = || least_slack(problem, &work, range.max - range.min);
        if !forbidden && certified.is_some_and(|target| target < reach()) {
            return refuse(ErrorKind::TargetOutOfReach, Argument::Stop);
        }
    }
    let infinity = P::Potential::INFINITY;
    let run = Run {
        problem,
        options,
        work,
        level,
        epsilon: problem.epsilon(),
        iterations: 0,
        residual: infinity,
        trigger: match options.solve.stop {
            Stop::Residual(tolerance) => tolerance,
            Stop::Certified(_) => infinity,
        },
        patience: Patience::new(),
        next_check: u64::from(options.solve.check_every),
        max_cost,
        forbidden,
        trouble: false,
        still: 0,
        certified_distance: infinity,
        stopped: false,
        finished: None,
    };
    Ok((run, options.ladder.start.unwrap_or(problem.epsilon())))
}

/// Weights, and whether the exact ones have one mass.
fn check_masses<P: Precision, G: Geometry<P>>(problem: &Problem<'_, P, G>) -> Result<(), Error> {
    for (i, measure) in problem.measures().iter().enumerate() {
        check_weights::<P>(measure.weights, Argument::RowWeights)
            .map_err(|error| error.in_measure(i))?;
        let factor = measure.side(problem.epsilon(), problem.fixed(), &[]).factor;
        let tolerance = P::widen(<P::Cost as Real>::MASS_TOLERANCE);
        if (factor - P::Potential::ONE).abs() > tolerance {
            let error = Error::new(ErrorKind::MassMismatch, Argument::RowWeights);
            return Err(error.in_measure(i));
        }
    }
    Ok(())
}

fn logarithms_of_all<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    work: &mut Work<'_, P>,
) {
    for Part { measure, rows, .. } in problem.parts() {
        if let Some(out) = work.log_weights.get_mut(rows) {
            logarithms(&measure.side(problem.epsilon(), problem.fixed(), &[]), out);
        }
    }
}

/// Looks at all costs; the range over all measures, and whether any pair is forbidden. Points that a
/// measure with a share cannot reach drop out of the barycenter, and then every weight still needs a
/// partner.
fn scan<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    level: Level,
    work: &mut Work<'_, P>,
) -> Result<(CostRange<P::Potential>, bool), Error> {
    let (zero, one) = (P::Cost::ZERO, P::Cost::ONE);
    let Work { scratch, col, mask, .. } = work;
    let infinity = P::Potential::INFINITY;
    let mut range = CostRange { min: infinity, max: -infinity, forbidden: false };
    mask.fill(P::Potential::ONE);
    scratch.row.fill(one);
    for pass in 0..2 {
        for (i, measure) in problem.measures().iter().enumerate() {
            let found = measure.geometry.scan(level, measure.weights, scratch.row, col);
            let found = found.map_err(|error| error.in_measure(i))?;
            range.min = range.min.smaller(found.min);
            range.max = range.max.larger(found.max);
            range.forbidden |= found.forbidden;
            if measure.share > P::Potential::ZERO {
                for (mask, &seen) in mask.iter_mut().zip(&**col) {
                    *mask = if seen < P::Sum::ONE { P::Potential::ZERO } else { *mask };
                }
            }
        }
        let mut dropped = false;
        for (alive, &mask) in scratch.row.iter_mut().zip(&**mask) {
            if mask <= P::Potential::ZERO {
                (*alive, dropped) = (zero, true);
            }
        }
        if pass > 0 || !dropped {
            break;
        }
    }
    Ok((range, range.forbidden))
}

/// What the entropy costs every certificate at this epsilon, whatever the run.
fn least_slack<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    work: &Work<'_, P>,
    cost_range: P::Potential,
) -> P::Potential {
    let terms = problem.parts().map(|Part { measure, rows, .. }| {
        let log_weights = work.log_weights.get(rows).unwrap_or(&[]);
        let side = measure.side(problem.epsilon(), None, log_weights);
        measure.share * entropy_floor(&side, cost_range)
    });
    total(terms) / problem.share()
}
