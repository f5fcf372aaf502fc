//! Work, validation and start of a solve.

use crate::cost::{Geometry, SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::marginal::Side;
use crate::math::Elementary;
use crate::options::{Options, Stop};
use crate::problem::{Problem, check_weights};
use crate::real::Real;
use crate::work::{Coefficients, misalignment};

use super::solver::State;

/// Logarithms of the weights.
const POTENTIAL: Coefficients = Coefficients { n: 1, m: 1, d: 0, one: 0 };
/// Marginals of the plan and those of the rules.
const SUM: Coefficients = Coefficients { n: 2, m: 2, d: 0, one: 0 }.and(SCRATCH_SUM);

/// The whole layout: what the query, the C macro and the cutting share.
pub const COEFFICIENTS: Coefficients =
    POTENTIAL.and(SUM).and(SCRATCH_COST).and(Coefficients::ALIGNMENT);

/// Elements of work for n rows, m columns and points of dimension d (0 for a dense cost);
/// `usize::MAX` if that overflows. The same number for f32 and f64.
pub const fn work_len(n: usize, m: usize, d: usize) -> usize {
    COEFFICIENTS.at(n, m, d).len()
}

/// The work of the caller, cut into named buffers.
pub(super) struct Work<'a, P: Precision> {
    pub(super) log_a: &'a mut [P::Potential],
    pub(super) log_b: &'a mut [P::Potential],
    /// Marginals of the plan.
    pub(super) row: &'a mut [P::Sum],
    pub(super) col: &'a mut [P::Sum],
    /// Marginals that the rules assign to the potentials.
    pub(super) row_rule: &'a mut [P::Sum],
    pub(super) col_rule: &'a mut [P::Sum],
    pub(super) scratch: Scratch<'a, P>,
}

impl<'a, P: Precision> Work<'a, P> {
    /// Checks the lengths of all buffers and cuts the work behind its first `skip` elements.
    pub(super) fn of<G: Geometry<P>>(
        problem: &Problem<'_, P, G>,
        f: &[P::Potential],
        g: &[P::Potential],
        work: &'a mut [P::Work],
        skip: usize,
    ) -> Result<Self, Error> {
        let (n, m) = problem.shape();
        if f.len() != n {
            return Err(Error::new(ErrorKind::Shape, Argument::RowPotentials));
        }
        if g.len() != m {
            return Err(Error::new(ErrorKind::Shape, Argument::ColPotentials));
        }
        let d = problem.geometry().dimension();
        if work_len(n, m, d) == usize::MAX {
            return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
        }
        Self::cut(work, skip, [n, m, d]).ok_or(Error::new(ErrorKind::WorkTooSmall, Argument::Work))
    }

    fn cut(work: &'a mut [P::Work], skip: usize, [n, m, d]: [usize; 3]) -> Option<Self> {
        use crate::work::{cut, padded};
        if work.len() < work_len(n, m, d) {
            return None;
        }
        let mut work = work.get_mut(skip..)?;
        let lens = [SCRATCH_COST, POTENTIAL, SUM].map(|part| part.at(n, m, d).len());
        let mut buffers = P::cut(&mut work, lens)?;
        let log_a = cut(&mut buffers.potential, padded(n))?.get_mut(..n)?;
        let log_b = cut(&mut buffers.potential, padded(m))?.get_mut(..m)?;
        let row = cut(&mut buffers.sum, padded(n))?.get_mut(..n)?;
        let row_rule = cut(&mut buffers.sum, padded(n))?.get_mut(..n)?;
        let col = cut(&mut buffers.sum, padded(m))?.get_mut(..m)?;
        let col_rule = cut(&mut buffers.sum, padded(m))?.get_mut(..m)?;
        let scratch = Scratch::cut(buffers.cost, &mut buffers.sum, m, d)?;
        Some(Self { log_a, log_b, row, col, row_rule, col_rule, scratch })
    }
}

/// Validates a problem with its options and, for a warm start, its potentials, without solving
/// it. Writes nothing but work (`work_len` elements).
///
/// Errors: everything that [`super::solve`] refuses.
pub fn check<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &[P::Potential],
    g: &[P::Potential],
    work: &mut [P::Work],
) -> Result<(), Error> {
    options.check()?;
    let skip = misalignment(work);
    let mut work = Work::of(problem, f, g, work, skip)?;
    prepare(problem, options, f, g, &mut work).map(|_| ())
}

/// Validates everything and fills the work; the potentials are only read.
pub(super) fn prepare<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &[P::Potential],
    g: &[P::Potential],
    work: &mut Work<'_, P>,
) -> Result<State<P>, Error> {
    let (a, b) = problem.weights();
    let mut state = State::new(options.level.unwrap_or_else(Level::detect));
    let (rows, cols) = (problem.row_side(&[]), problem.col_side(&[]));
    let unit = rows.unit_mass() || cols.unit_mass();
    if matches!(options.stop, Stop::Certified(_))
        && (unit || (rows.fixes_marginal() && cols.fixes_marginal()))
    {
        return Err(Error::new(ErrorKind::NoCertificate, Argument::Stop));
    }
    if !options.trust_data {
        check_weights::<P>(a, Argument::RowWeights)?;
        check_weights::<P>(b, Argument::ColWeights)?;
        if options.warm_start {
            check_start(f, Argument::RowPotentials)?;
            check_start(g, Argument::ColPotentials)?;
        }
    }
    state.masses = problem.masses()?;
    let (rows, cols) = problem.sides(&state.masses, (&[], &[]));
    for (log, &w) in work.log_a.iter_mut().zip(a) {
        *log = rows.log_weight(w);
    }
    for (log, &w) in work.log_b.iter_mut().zip(b) {
        *log = cols.log_weight(w);
    }
    if !options.trust_data {
        let range = problem.geometry().scan(a, b, work.col)?;
        state.max_cost = range.max.abs().larger(range.min.abs());
        state.forbidden = range.forbidden;
        let largest: P::Potential = state.max_cost * problem.pass(state.level).scale;
        if !largest.is_finite() {
            return Err(Error::new(ErrorKind::Epsilon, Argument::Epsilon));
        }
        if let Stop::Certified(target) = options.stop {
            let (rows, cols) = (problem.row_side(work.log_a), problem.col_side(work.log_b));
            let least = least_slack(problem, &state, range.max - range.min, &rows, &cols);
            if target < least {
                return Err(Error::new(ErrorKind::TargetOutOfReach, Argument::Stop));
            }
        }
    }
    problem.geometry().prepare(&mut work.scratch);
    Ok(state)
}

/// A start must not hold NaN or plus infinity.
fn check_start<T: Real>(potential: &[T], argument: Argument) -> Result<(), Error> {
    for (i, &x) in potential.iter().enumerate() {
        if x.is_nan() {
            return Err(Error::at(ErrorKind::NotANumber, argument, i));
        }
        if x == T::INFINITY {
            return Err(Error::at(ErrorKind::Infinite, argument, i));
        }
    }
    Ok(())
}

/// What the entropy costs every certificate at this epsilon, whatever the run.
///
/// Within a column two entries differ by at most exp(D / epsilon), D being twice the range of the
/// cost plus epsilon times the range of log w, since an updated potential varies no more than the
/// cost and epsilon log w do. So the conditional entropy of each column is at least
/// log(1 + (k - 1) exp(-D / epsilon)) for k positive weights. 0 where no such bound is known.
fn least_slack<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    state: &State<P>,
    cost_range: P::Potential,
    rows: &Side<'_, P>,
    cols: &Side<'_, P>,
) -> P::Potential {
    let (free, mass) = match (rows.relaxation(), cols.relaxation()) {
        (Some(_), Some(_)) if problem.is_unit_mass() => (rows, P::Potential::ONE),
        (Some(_), None) => (rows, state.masses.b),
        (None, Some(_)) => (cols, state.masses.a),
        _ => return P::Potential::ZERO,
    };
    if state.forbidden {
        return P::Potential::ZERO;
    }
    let count = free.weights.iter().filter(|&&w| w > P::Cost::ZERO).count().max(1);
    let log_range = free.greatest_log_weight() - free.least_log_weight();
    let decay = (-(cost_range + cost_range) / problem.epsilon() - log_range).exp_once();
    let others = P::Potential::from_count(count - 1);
    problem.epsilon() * mass * (P::Potential::ONE + others * decay).ln_once()
}
