//! Work, validation and start of a solve.

use crate::cost::{Geometry, SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::marginal::Side;
use crate::math::Elementary;
use crate::options::{Options, Stop};
use crate::problem::{Problem, check_weights, mass};
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

/// The work of the caller, cut into named buffers, and both sides, which refer to it.
pub(super) struct Work<'a, P: Precision> {
    pub(super) rows: Side<'a, P>,
    pub(super) cols: Side<'a, P>,
    /// Marginals of the plan.
    pub(super) row: &'a mut [P::Sum],
    pub(super) col: &'a mut [P::Sum],
    /// Marginals that the rules assign to the potentials.
    pub(super) row_rule: &'a mut [P::Sum],
    pub(super) col_rule: &'a mut [P::Sum],
    pub(super) scratch: Scratch<'a, P>,
}

impl<'a, P: Precision> Work<'a, P> {
    /// Checks the lengths of all buffers and cuts the work behind its first `skip` elements. Fresh
    /// work gets the logarithms of the weights.
    pub(super) fn of<G: Geometry<P>>(
        problem: &'a Problem<'_, P, G>,
        [f, g]: [usize; 2],
        work: &'a mut [P::Work],
        state: &State<P>,
        fresh: bool,
    ) -> Result<Self, Error> {
        let (n, m) = problem.shape();
        let d = problem.geometry().dimension();
        let (kind, argument) = if f != n {
            (ErrorKind::Shape, Argument::RowPotentials)
        } else if g != m {
            (ErrorKind::Shape, Argument::ColPotentials)
        } else if work_len(n, m, d) == usize::MAX {
            (ErrorKind::TooLarge, Argument::Cost)
        } else if let Some(work) = Self::cut(problem, [n, m, d], work, state, fresh) {
            return Ok(work);
        } else {
            (ErrorKind::WorkTooSmall, Argument::Work)
        };
        Err(Error::new(kind, argument))
    }

    fn cut<G: Geometry<P>>(
        problem: &'a Problem<'_, P, G>,
        [n, m, d]: [usize; 3],
        work: &'a mut [P::Work],
        state: &State<P>,
        fresh: bool,
    ) -> Option<Self> {
        use crate::work::take;
        if work.len() < work_len(n, m, d) {
            return None;
        }
        let mut work = work.get_mut(state.skip..)?;
        let lens = [SCRATCH_COST, POTENTIAL, SUM].map(|part| part.at(n, m, d).len());
        let mut buffers = P::cut(&mut work, lens)?;
        let log_a = take(&mut buffers.potential, n)?;
        let log_b = take(&mut buffers.potential, m)?;
        if fresh {
            let (a, b) = problem.weights();
            logarithms::<P>(log_a, a, P::Potential::ONE);
            logarithms::<P>(log_b, b, state.factor);
        }
        Some(Self {
            rows: Side { mass: state.mass_a, ..problem.row_side(log_a) },
            cols: Side { mass: state.mass_b, factor: state.factor, ..problem.col_side(log_b) },
            row: take(&mut buffers.sum, n)?,
            row_rule: take(&mut buffers.sum, n)?,
            col: take(&mut buffers.sum, m)?,
            col_rule: take(&mut buffers.sum, m)?,
            scratch: Scratch::cut(buffers.cost, &mut buffers.sum, m, d)?,
        })
    }
}

fn logarithms<P: Precision>(out: &mut [P::Potential], weights: &[P::Cost], factor: P::Potential) {
    for (log, &w) in out.iter_mut().zip(weights) {
        *log = (P::widen(w) * factor).ln_once();
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
    let mut state = first_state(problem, options, work);
    let mut work = Work::of(problem, [f.len(), g.len()], work, &state, true)?;
    prepare(problem, options, f, g, &mut work, &mut state)
}

/// The state before the first sweep. The masses mean something if the weights pass their check.
pub(super) fn first_state<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    work: &[P::Work],
) -> State<P> {
    let (a, b) = problem.weights();
    let mut state = State::new(options.level.unwrap_or_else(Level::detect));
    state.skip = misalignment(work);
    // A solve that ended on a row update leaves no residual for the first sweep to find.
    state.rows_fresh = options.warm_start;
    state.next_check = u64::from(options.check_every);
    if let Stop::Residual(tolerance) = options.stop {
        state.trigger = tolerance;
    }
    (state.mass_a, state.mass_b) = (mass::<P>(a), mass::<P>(b));
    if problem.both_exact() {
        state.factor = state.mass_a / state.mass_b;
        state.mass_b = state.mass_a;
    }
    state
}

/// Validates everything and prepares the sweeps; the potentials are only read.
pub(super) fn prepare<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    f: &[P::Potential],
    g: &[P::Potential],
    work: &mut Work<'_, P>,
    state: &mut State<P>,
) -> Result<(), Error> {
    let (a, b) = problem.weights();
    let both_exact = problem.both_exact();
    if both_exact && matches!(options.stop, Stop::Certified(_)) {
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
    // The factor is exactly 1 unless both sides are exact. That of trusted data may be NaN.
    if (state.factor - P::Potential::ONE).abs() > P::Potential::MASS_TOLERANCE {
        return Err(Error::new(ErrorKind::MassMismatch, Argument::ColWeights));
    }
    if !options.trust_data {
        let range = problem.geometry().scan(a, b, work.col)?;
        state.max_cost = range.max.abs().larger(range.min.abs());
        state.forbidden = range.forbidden;
        if !(state.max_cost * problem.pass(state.level).scale).is_finite() {
            return Err(Error::new(ErrorKind::Epsilon, Argument::Epsilon));
        }
        if let Stop::Certified(target) = options.stop
            && target < least_slack(problem, state, range.max - range.min, work)
        {
            return Err(Error::new(ErrorKind::TargetOutOfReach, Argument::Stop));
        }
    }
    problem.geometry().prepare(&mut work.scratch);
    Ok(())
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
    work: &Work<'_, P>,
) -> P::Potential {
    let (rows, cols) = (&work.rows, &work.cols);
    let (free, mass) = match (rows.relaxation(), cols.relaxation()) {
        (Some(_), Some(_)) if problem.is_unit_mass() => (rows, P::Potential::ONE),
        (Some(_), None) => (rows, state.mass_b),
        (None, Some(_)) => (cols, state.mass_a),
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
