//! Epsilon and iterations for a target.

use super::bounds::{Formula, Size, Source, contraction, sweeps, whole};
use super::unbalanced::Unbalanced;
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::math::Elementary;
use crate::problem::{Problem, check_epsilon, check_weights};
use crate::real::Real;
use crate::work::{WorkLen, padded};

/// What a target asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Parameters<T> {
    /// The formula.
    pub formula: Formula,
    /// Where the bound on the iterations comes from.
    pub source: Source,
    /// The error on the objective without entropy that is asked for, cost units times mass units.
    pub target: T,
    /// Weight of the entropy, cost units.
    pub epsilon: T,
    /// Iterations (updates of both sides) of plain sweeps from zero after which the target is met in exact
    /// arithmetic; certified too if the bound is ours. `None` where no bound is known.
    pub iterations: Option<u64>,
    /// The same in the unit of the papers, updates of one side.
    pub half_sweeps: Option<u64>,
    /// The smallest target that this precision is sure to certify, estimated from its rounding: that of
    /// the potentials at the largest |C|, and the gap that it leaves at the epsilon of the target. A
    /// smaller one is refused by [`super::solve_to`].
    pub smallest_target: T,
}

/// Elements of work for [`parameters`] with m columns; `usize::MAX` if that overflows.
pub const fn parameters_work_len(m: usize) -> usize {
    WorkLen::of(padded(m)).len()
}

/// Epsilon and iterations for a target error on the objective without entropy. The problem's own epsilon
/// counts for nothing. `work` has at least [`parameters_work_len`] elements. O(n m).
///
/// Errors: `Tolerance` for a target that is not positive and finite, `NoCertificate` for two exact sides or
/// a ball, `Tau` for the papers' formulas with two different taus, those of weights and costs,
/// `WorkTooSmall`, and `Epsilon` if the precision has none for the target.
pub fn parameters<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    target: P::Potential,
    formula: Formula,
    work: &mut [P::Work],
) -> Result<Parameters<P::Potential>, Error> {
    if !(target > P::Potential::ZERO && target.is_finite()) {
        return Err(Error::new(ErrorKind::Tolerance, Argument::Stop));
    }
    let data = Data::of(problem, work)?;
    data.parameters(problem, target, formula)
}

/// A problem as the bounds see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<T> {
    pub(super) size: Size<T>,
    /// tau of each side, if it has one.
    taus: [Option<T>; 2],
    /// max log b - min log b.
    log_range: T,
    /// min C.
    least_cost: T,
    /// Whether the entropy is taken against the product of the weights.
    product: bool,
    /// The mass that scales the gap.
    pub(super) mass: T,
    unit_mass: bool,
    roundoff: T,
}

impl<T: Elementary> Data<T> {
    pub(super) fn of<P: Precision<Potential = T>, G: Geometry<P>>(
        problem: &Problem<'_, P, G>,
        mut work: &mut [P::Work],
    ) -> Result<Self, Error> {
        if !problem.has_certificate() {
            return Err(Error::new(ErrorKind::NoCertificate, Argument::Stop));
        }
        let (a, b) = problem.weights();
        check_weights::<P>(a, Argument::RowWeights)?;
        check_weights::<P>(b, Argument::ColWeights)?;
        let short = Error::new(ErrorKind::WorkTooSmall, Argument::Work);
        let buffers = P::cut(&mut work, [0, 0, padded(b.len())]).ok_or(short)?;
        let seen = buffers.sum.get_mut(..b.len()).ok_or(short)?;
        let scanned = Scanned::of::<P, G>(problem.geometry(), a, b, seen)?;
        let masses = problem.masses();
        let taus = [problem.row_side(&[]).relaxation(), problem.col_side(&[]).relaxation()];
        let [(count_a, low_a, high_a), (count_b, low_b, high_b)] = [logs::<P>(a), logs::<P>(b)];
        let [row, col] = taus;
        let largest_tau = row.unwrap_or(T::ZERO).larger(col.unwrap_or(T::ZERO));
        let mass = match (row, col) {
            (Some(_), None) => masses.b,
            (None, _) => masses.a,
            _ if problem.is_unit_mass() => T::ONE,
            (Some(row), Some(col)) => (row * masses.a + col * masses.b) / (row + col),
        };
        let size = Size {
            counts: [count_a, count_b],
            masses: [masses.a, masses.b],
            logs: [low_a.abs().larger(high_a.abs()), low_b.abs().larger(high_b.abs())],
            cost: scanned.largest,
            range: scanned.range,
            tau: largest_tau,
        };
        let roundoff = roundoff::<P>();
        let unit_mass = problem.is_unit_mass();
        let product = problem.reference_factor() > T::ZERO;
        let (log_range, least_cost) = (high_b - low_b, scanned.least);
        Ok(Self { size, taus, log_range, least_cost, product, mass, unit_mass, roundoff })
    }

    pub(super) fn parameters<P: Precision<Potential = T>, G: Geometry<P>>(
        &self,
        problem: &Problem<'_, P, G>,
        target: T,
        formula: Formula,
    ) -> Result<Parameters<T>, Error> {
        let none = Error::new(ErrorKind::NoCertificate, Argument::Stop);
        let slack_epsilon = problem.certifiable_epsilon(target).ok_or(none)?;
        // Slack of the entropy per unit of epsilon.
        let slack = target * T::HALF / slack_epsilon;
        let (epsilon, half_sweeps, source) = match formula {
            Formula::Paper => {
                let (epsilon, count) = self.paper(target)?;
                let both = self.taus.iter().all(Option::is_some);
                let code = !both || self.unit_mass;
                let source = if code { Source::Code } else { Source::Paper };
                (epsilon, whole(count), source)
            }
            _ => {
                let uniform = self.size.uniform_epsilon(target);
                let epsilon = if formula == Formula::Uniform { uniform } else { slack_epsilon };
                let count = self.proved(epsilon, slack, target);
                let source = if count.is_some() { Source::Proved } else { Source::None };
                (epsilon, count.map(|k| k.saturating_mul(2)), source)
            }
        };
        check_epsilon(epsilon)?;
        let iterations = half_sweeps.map(|k| k.div_ceil(2));
        let [alpha, beta] = self.size.masses;
        let shift = self.size.tau * (alpha / beta).ln_once();
        let smallest_target =
            self.size.smallest_target([slack, self.mass, shift.abs()], self.roundoff);
        let source = if iterations.is_some() { source } else { Source::None };
        Ok(Parameters {
            formula,
            source,
            target,
            epsilon,
            iterations,
            half_sweeps,
            smallest_target,
        })
    }

    /// Epsilon and half sweeps by the formula of the problem's paper.
    fn paper(&self, target: T) -> Result<(T, T), Error> {
        let [row, col] = self.taus;
        if let (Some(row), Some(col)) = (row, col) {
            if (row - col).abs() > T::ZERO {
                return Err(Error::new(ErrorKind::Tau, Argument::ColRule));
            }
            return Ok(if self.unit_mass {
                self.size.robust_paper(target)
            } else {
                self.size.unbalanced_paper(target)
            });
        }
        Ok(self.size.semi_relaxed_paper(target))
    }

    /// Our bound on the sweeps: see [`super`].
    fn proved(&self, epsilon: T, slack: T, target: T) -> Option<u64> {
        let rate = |tau: Option<T>| tau.map_or(T::ZERO, |tau| contraction(epsilon, tau));
        let [row, col] = self.taus;
        let start = self.size.range / epsilon + self.log_range;
        let tau = match (row, col) {
            (Some(row), Some(col)) if !self.unit_mass => {
                return self.unbalanced(epsilon, [row, col], start)?.sweeps(target);
            }
            // After a column update; after a row update the columns' tau counts.
            (Some(tau), _) | (None, Some(tau)) => tau,
            (None, None) => return None,
        };
        let allowed = target - epsilon * slack;
        sweeps(rate(row) + rate(col), start, tau * self.mass, allowed)
    }

    /// The bound of the unbalanced problem, of finite costs and against the counting measure.
    fn unbalanced(&self, epsilon: T, taus: [T; 2], start: T) -> Option<Unbalanced<T>> {
        let Size { masses, counts, range, .. } = self.size;
        let costs = [self.least_cost, self.least_cost + range];
        let found = Unbalanced { epsilon, taus, masses, counts, costs, start };
        (!self.product && start.is_finite()).then_some(found)
    }
}

/// The relative rounding of the entries of a plan.
pub(super) fn roundoff<P: Precision>() -> P::Potential {
    P::Potential::from(P::Sum::ROUNDOFF)
}

/// What the bounds depend on of a cost.
pub(super) struct Scanned<T> {
    /// max C - min C; infinite with forbidden pairs.
    pub(super) range: T,
    /// max |C|.
    pub(super) largest: T,
    /// min C.
    pub(super) least: T,
}

impl<T: Real> Scanned<T> {
    /// Validates the cost as [`Geometry::scan`] does.
    pub(super) fn of<P: Precision<Potential = T>, G: Geometry<P>>(
        geometry: &G,
        a: &[P::Cost],
        b: &[P::Cost],
        seen: &mut [P::Sum],
    ) -> Result<Self, Error> {
        let found = geometry.scan(Level::detect(), a, b, seen)?;
        let range = if found.forbidden { T::INFINITY } else { found.max - found.min };
        Ok(Self { range, largest: found.max.abs().larger(found.min.abs()), least: found.min })
    }
}

/// Positive weights: their number, and the least and the greatest logarithm.
pub(super) fn logs<P: Precision>(weights: &[P::Cost]) -> (usize, P::Potential, P::Potential) {
    let positive = weights.iter().map(|&w| P::widen(w)).filter(|&w| w > P::Potential::ZERO);
    let start = (0, P::Potential::INFINITY, P::Potential::ZERO);
    let fold = |(count, low, high): (usize, P::Potential, P::Potential), w| {
        (count + 1, low.smaller(w), high.larger(w))
    };
    let (count, low, high) = positive.fold(start, fold);
    (count, low.ln_once(), high.ln_once())
}
