//! The walk down in epsilon, whatever is solved on the way.

use super::parameters::Parameters;
use crate::error::{Error, ErrorKind};
use crate::math::Elementary;
use crate::options::Stop;
use crate::real::Real;
use crate::report::Termination;

/// Which part of a solve to an accuracy ended it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Path {
    /// The walk, at an epsilon above that of the formula.
    #[default]
    Above = 0,
    /// The walk, at the epsilon of the formula.
    Formula = 1,
    /// A plain run from zero at the epsilon of the formula, after the walk had used up the bound.
    Plain = 2,
}

/// A solve on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level<T> {
    pub(super) epsilon: T,
    pub(super) stop: Stop<T>,
    pub(super) most_iterations: u64,
    /// From the potentials of the level before.
    pub(super) warm: bool,
    /// The first of all: its data are not yet checked.
    pub(super) first: bool,
    pub(super) plain: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<T> {
    pub(super) termination: Termination,
    pub(super) iterations: u64,
    pub(super) gap: T,
    pub(super) certified_distance: T,
}

/// How the walk ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) termination: Termination,
    /// Of all levels.
    pub(super) iterations: u64,
    pub(super) levels: u32,
    pub(super) path: Path,
}

/// Where a walk begins, and what it keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<T> {
    /// The first epsilon.
    pub(super) epsilon: T,
    /// The residual with which a level shows how much its entropy costs.
    pub(super) enough: T,
    /// The caller's limit of iterations.
    pub(super) limit: u64,
    /// Whether the first level begins at the caller's potentials.
    pub(super) warm: bool,
}

impl<T: Elementary> Start<T> {
    /// For costs up to `cost` and a gap of `weight` times a KL divergence, which is about half the square of
    /// the residual.
    pub(super) fn of(parameters: &Parameters<T>, cost: T, weight: T) -> Self {
        let share = (parameters.target / (T::from_count(4) * weight)).sqrt();
        let [least, most] = [100, 4].map(|k| T::ONE / T::from_count(k));
        let enough = share.larger(least).smaller(most);
        Self { epsilon: cost / T::from_count(10), enough, limit: u64::MAX, warm: false }
    }
}

/// Solves at falling epsilons, from `start` down to that of the parameters, until one certifies the
/// target; plainly and from zero if that takes more iterations than the bound.
pub(super) fn descend<T: Real>(
    parameters: &Parameters<T>,
    start: Start<T>,
    mut run: impl FnMut(Level<T>) -> Result<Outcome<T>, Error>,
) -> Result<Ended, Error> {
    let Parameters { target, epsilon: least, iterations: bound, .. } = *parameters;
    let Start { enough, limit, mut warm, .. } = start;
    let budget = bound.unwrap_or(u64::MAX).min(limit);
    let mut epsilon = start.epsilon.larger(least);
    let (mut used, mut levels) = (0_u64, 0_u32);
    loop {
        let last = epsilon <= least;
        let path = if last { Path::Formula } else { Path::Above };
        let ended =
            |termination, iterations, levels| Ended { termination, iterations, levels, path };
        levels = levels.saturating_add(1);
        // How much the entropy costs here shows long before the gap has closed.
        let mut stop = if last { Stop::Certified(target) } else { Stop::Residual(enough) };
        loop {
            let left = budget.saturating_sub(used).max(1);
            let first = used == 0;
            let level = Level { epsilon, stop, most_iterations: left, warm, first, plain: false };
            let outcome = match run(level) {
                // Known in advance for this epsilon: a smaller one may do.
                Err(e) if e.kind == ErrorKind::TargetOutOfReach && !last => None,
                other => Some(other?),
            };
            let Some(outcome) = outcome else {
                epsilon = (epsilon * T::HALF).larger(least);
                break;
            };
            warm = true;
            used = used.saturating_add(outcome.iterations);
            if outcome.certified_distance <= target {
                return Ok(ended(Termination::Converged, used, levels));
            }
            let stopped = [Termination::Stopped, Termination::NumericalTrouble];
            if stopped.contains(&outcome.termination) {
                return Ok(ended(outcome.termination, used, levels));
            }
            if used >= budget {
                return fall_back(parameters, limit, (used, levels), &mut run);
            }
            if last {
                return Ok(ended(outcome.termination, used, levels));
            }
            let slack = outcome.certified_distance - outcome.gap;
            let again = matches!(stop, Stop::Certified(_));
            if !again && slack <= target * T::from_count(3) / T::from_count(4) {
                stop = Stop::Certified(target);
                continue;
            }
            // The slack falls about as epsilon does; a step that is too long leaves the potentials behind.
            let aim = target * T::from_count(7) / T::from_count(10);
            let ratio = if slack > T::ZERO { aim / slack } else { T::HALF };
            let quarter = T::HALF * T::HALF;
            let most = T::from_count(8) / T::from_count(10);
            let ratio = if ratio.is_nan() { quarter } else { ratio };
            epsilon = (epsilon * ratio.larger(quarter).smaller(most)).larger(least);
            break;
        }
    }
}

/// A plain run from zero, for as long as the bound asks; none without a bound or within the caller's limit.
fn fall_back<T: Real>(
    parameters: &Parameters<T>,
    limit: u64,
    (used, levels): (u64, u32),
    run: &mut impl FnMut(Level<T>) -> Result<Outcome<T>, Error>,
) -> Result<Ended, Error> {
    let path = Path::Plain;
    let left = limit.saturating_sub(used);
    let (Some(bound), true) = (parameters.iterations, left > 0) else {
        let termination = Termination::IterationLimit;
        return Ok(Ended { termination, iterations: used, levels, path: Path::Above });
    };
    let (epsilon, stop) = (parameters.epsilon, Stop::Certified(parameters.target));
    let most_iterations = bound.min(left);
    let level = Level { epsilon, stop, most_iterations, warm: false, first: false, plain: true };
    let outcome = run(level)?;
    let iterations = used.saturating_add(outcome.iterations);
    Ok(Ended { termination: outcome.termination, iterations, levels, path })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::super::bounds::{Formula, Source};
    use super::*;

    /// A walk that certifies nothing, with this bound and limit: every solve asked for, and the end. Only
    /// a plain run comes to the target.
    fn walk(bound: Option<u64>, limit: u64) -> (Vec<Level<f64>>, Ended) {
        let parameters = Parameters {
            formula: Formula::Slack,
            source: Source::Proved,
            target: 0.1,
            epsilon: 0.01,
            iterations: bound,
            half_sweeps: bound.map(|k| 2 * k),
            smallest_target: 1e-12,
        };
        let start = Start { epsilon: 0.5, enough: 0.01, limit, warm: true };
        let mut levels = Vec::new();
        let ended = descend(&parameters, start, |level: Level<f64>| {
            levels.push(level);
            let far = Termination::IterationLimit;
            Ok(Outcome {
                termination: if level.plain { Termination::Converged } else { far },
                iterations: level.most_iterations.min(20),
                gap: 0.5,
                certified_distance: if level.plain { 0.05 } else { 1.0 },
            })
        });
        (levels, ended.unwrap())
    }

    #[test]
    fn a_walk_in_vain_ends_with_a_plain_run_from_zero() {
        let (levels, ended) = walk(Some(50), u64::MAX);
        let (last, walked) = levels.split_last().unwrap();
        assert!(walked.iter().all(|level| !level.plain));
        assert!(walked[0].warm && walked[0].first && walked.iter().skip(1).all(|level| level.warm));
        assert!(walked.windows(2).all(|pair| pair[1].epsilon < pair[0].epsilon));
        assert_eq!(walked.iter().map(|level| level.most_iterations.min(20)).sum::<u64>(), 50);
        assert!(last.plain && !last.warm && last.most_iterations == 50);
        assert_eq!((last.epsilon, last.stop), (0.01, Stop::Certified(0.1)));
        assert_eq!((ended.termination, ended.path), (Termination::Converged, Path::Plain));
        assert_eq!(ended.iterations, 70);
    }

    #[test]
    fn no_plain_run_beyond_the_limit_or_without_a_bound() {
        for (bound, limit) in [(Some(50), 30), (None, 30), (None, u64::MAX)] {
            let (levels, ended) = walk(bound, limit);
            assert!(levels.iter().all(|level| !level.plain));
            assert_eq!(ended.termination, Termination::IterationLimit);
            assert!(ended.iterations <= limit && ended.path != Path::Plain);
        }
    }
}
