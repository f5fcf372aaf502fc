//! Work, validation and start of a solve.

#[cfg(feature = "parallel")]
use crate::cost::parallel_len;
use crate::cost::{CostRange, Geometry, SCRATCH_COST, SCRATCH_SUM, Scratch};
use crate::error::{Argument, Blame, Error, ErrorKind, Refusal};
use crate::kernel::{Buffers, Level, Precision, log_weights};
use crate::marginal::Side;
use crate::math::{Elementary, SMALL};
use crate::options::{Options, Stop, Sweep};
use crate::problem::{Problem, blame_weights};
use crate::real::Real;
#[cfg(all(feature = "parallel", feature = "scaling"))]
use crate::work::WorkLen;
use crate::work::{Coefficients, misalignment, take};

#[cfg(feature = "scaling")]
use super::scaling::{self, Kept};
use super::solver::State;

/// Logarithms of the weights.
const POTENTIAL: Coefficients = Coefficients { n: 1, m: 1, d: 0, one: 0 };
/// Marginals of the plan and those of the rules.
const SUM: Coefficients = Coefficients { n: 2, m: 2, d: 0, one: 0 }.and(SCRATCH_SUM);

/// What is cut off for each of the types of a number.
static PARTS: [Coefficients; 3] = [SCRATCH_COST, POTENTIAL, SUM];

/// The whole layout: what the query, the C macro and the cutting share.
pub const COEFFICIENTS: Coefficients =
    POTENTIAL.and(SUM).and(SCRATCH_COST).and(Coefficients::ALIGNMENT);

/// Elements of work for n rows, m columns and points of dimension d (0 for a dense cost);
/// `usize::MAX` if that overflows. The same number for f32 and f64.
pub const fn work_len(n: usize, m: usize, d: usize) -> usize {
    COEFFICIENTS.at(n, m, d).len()
}

/// The vectors of a solve that keeps the kernel; padded(n) padded(m) elements come to them.
#[cfg(feature = "scaling")]
pub const FAST_COEFFICIENTS: Coefficients = COEFFICIENTS.and(scaling::POTENTIAL).and(scaling::SUM);

/// Elements of work with which a solve keeps the kernel in memory, so that most of its sweeps are
/// products instead of exponentials: padded(n) padded(m) and a few vectors more than [`work_len`].
/// `usize::MAX` if that overflows. The same number for f32 and f64.
#[cfg(feature = "scaling")]
pub const fn fast_work_len(n: usize, m: usize, d: usize) -> usize {
    FAST_COEFFICIENTS.at(n, m, d).and(scaling::kernel_len(n, m)).len()
}

/// Elements of work with which a solve in the log domain has room for `tasks` blocks of rows at the same
/// time on a pool ([`crate::cost::Parallel`]). With less, down to [`work_len`], fewer are under way: the
/// same bits, later. `usize::MAX` if that overflows. The same number for f32 and f64.
#[cfg(feature = "parallel")]
pub const fn parallel_work_len(n: usize, m: usize, d: usize, tasks: usize) -> usize {
    COEFFICIENTS.at(n, m, d).and(parallel_len(n, m, tasks)).len()
}

/// [`parallel_work_len`] of a solve that keeps the kernel: as much more than [`fast_work_len`].
#[cfg(all(feature = "parallel", feature = "scaling"))]
pub const fn parallel_fast_work_len(n: usize, m: usize, d: usize, tasks: usize) -> usize {
    WorkLen::of(fast_work_len(n, m, d)).and(parallel_len(n, m, tasks)).len()
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
    #[cfg(feature = "scaling")]
    pub(super) kept: Kept<'a, P>,
}

impl<'a, P: Precision> Work<'a, P> {
    /// No buffers yet. They are put in place one by one: a `Work` is large, and a result that may
    /// hold one is copied.
    pub(super) fn none<G: Geometry<P>>(problem: &'a Problem<'_, P, G>) -> Self {
        Self {
            rows: problem.row_side(&[]),
            cols: problem.col_side(&[]),
            row: &mut [],
            col: &mut [],
            row_rule: &mut [],
            col_rule: &mut [],
            scratch: Scratch::none(),
            #[cfg(feature = "scaling")]
            kept: Kept::none(),
        }
    }

    /// What the sweeps are made of.
    pub(super) fn sweep(&self, _state: &State<P>) -> Sweep {
        #[cfg(feature = "scaling")]
        if !self.kept.is_none() && !_state.absorbed.given_up() {
            return Sweep::Scaling;
        }
        Sweep::Log
    }

    /// Checks the lengths of all buffers and cuts them out of the work, behind its first elements
    /// that the state skips. Fresh work gets the logarithms of the weights.
    pub(super) fn lay_out<G: Geometry<P>>(
        &mut self,
        problem: &'a Problem<'_, P, G>,
        [f, g]: [usize; 2],
        work: &'a mut [P::Work],
        state: &State<P>,
        (fresh, sweep): (bool, Option<Sweep>),
    ) -> Result<(), Refusal> {
        let (n, m) = problem.shape();
        let d = problem.geometry().dimension();
        if sweep == Some(Sweep::Scaling) && problem.geometry().epsilon().is_some() {
            return Err(Refusal::new(ErrorKind::Kind, Argument::Sweep));
        }
        #[cfg(feature = "scaling")]
        let kernel = if sweep == Some(Sweep::Scaling) || state.absorbed.room {
            fast_work_len(n, m, d)
        } else {
            0
        };
        #[cfg(not(feature = "scaling"))]
        let kernel = if sweep == Some(Sweep::Scaling) {
            return Err(Refusal::new(ErrorKind::NotBuilt, Argument::Sweep));
        } else {
            0
        };
        let needed = work_len(n, m, d).max(kernel);
        let (kind, argument) = if f != n {
            (ErrorKind::Shape, Argument::RowPotentials)
        } else if g != m {
            (ErrorKind::Shape, Argument::ColPotentials)
        } else if needed == usize::MAX {
            (ErrorKind::TooLarge, Argument::Cost)
        } else if work.len() >= needed
            && let Some(_rest) = self.cut(work, [n, m, d], state, fresh)
        {
            // Where there is no room for two blocks at the same time they come one after the other.
            #[cfg(feature = "parallel")]
            let _ = self.scratch.slots.cut(problem.geometry().pool(), _rest, [n, m]);
            return Ok(());
        } else {
            (ErrorKind::WorkTooSmall, Argument::Work)
        };
        Err(Refusal::new(kind, argument))
    }

    /// What is left of the work.
    fn cut(
        &mut self,
        work: &'a mut [P::Work],
        [n, m, d]: [usize; 3],
        state: &State<P>,
        fresh: bool,
    ) -> Option<&'a mut [P::Work]> {
        #[cfg(feature = "scaling")]
        let keeps = state.absorbed.room;
        let mut work = work.get_mut(state.skip..)?;
        #[cfg_attr(not(feature = "scaling"), allow(unused_mut, reason = "a kernel adds to it"))]
        let mut lens = [0; 3];
        for (len, part) in lens.iter_mut().zip(&PARTS) {
            *len = part.at(n, m, d).len();
        }
        #[cfg(feature = "scaling")]
        if keeps {
            let [_, potential, sum] = &mut lens;
            *potential += scaling::POTENTIAL.at(n, m, d).len();
            *sum += scaling::SUM.at(n, m, d).and(scaling::kernel_len(n, m)).len();
        }
        let Buffers { cost, mut potential, mut sum } = P::cut(&mut work, lens)?;
        (self.rows.mass, self.rows.factor) = (state.masses.a, state.masses.row_factor);
        (self.cols.mass, self.cols.factor) = (state.masses.b, state.masses.col_factor);
        let log_a = take(&mut potential, n)?;
        let log_b = take(&mut potential, m)?;
        if fresh {
            logarithms(state.level, &self.rows, log_a);
            logarithms(state.level, &self.cols, log_b);
        }
        (self.rows.log_weights, self.cols.log_weights) = (log_a, log_b);
        self.row = take(&mut sum, n)?;
        self.row_rule = take(&mut sum, n)?;
        self.col = take(&mut sum, m)?;
        self.col_rule = take(&mut sum, m)?;
        #[cfg(feature = "scaling")]
        if keeps {
            self.kept = Kept::cut(&mut potential, &mut sum, [n, m])?;
        }
        self.scratch.cut(cost, sum, m, d)?;
        Some(work)
    }
}

fn logarithms<P: Precision>(level: Level, side: &Side<'_, P>, out: &mut [P::Potential]) {
    if SMALL {
        for (log, &w) in out.iter_mut().zip(side.weights) {
            *log = side.log_weight(w);
        }
        return;
    }
    log_weights::<P>(level, side.factor, side.weights, out);
    // What a rule makes of a zero weight is its own affair.
    let of_zero = side.log_weight(P::Cost::ZERO);
    for (log, &w) in out.iter_mut().zip(side.weights) {
        *log = if w == P::Cost::ZERO { of_zero } else { *log };
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
    examine(problem, options, [f, g], work, &mut None)
}

/// [`check`]; `range` is what is known of the cost before, and what was found of it.
pub(super) fn examine<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    [f, g]: [&[P::Potential]; 2],
    work: &mut [P::Work],
    range: &mut Option<CostRange<P::Potential>>,
) -> Result<(), Error> {
    options.check()?;
    let mut state = State::new(Level::PORTABLE);
    let sums = state.start(problem, options, work);
    let buffer = work;
    let mut work = Work::none(problem);
    // Of the logarithms of the weights a check needs what a certificate does.
    let logarithms = matches!(options.stop, Stop::Certified(_));
    work.lay_out(problem, [f.len(), g.len()], buffer, &state, (logarithms, options.sweep))?;
    prepare(problem, options, [f, g], (sums, range), &mut work, &mut state)
}

impl<P: Precision> State<P> {
    /// The state before the first sweep; gives the sums of the weights. The masses mean something if the
    /// weights pass their check.
    pub(super) fn start<G: Geometry<P>>(
        &mut self,
        problem: &Problem<'_, P, G>,
        options: &Options<P>,
        work: &[P::Work],
    ) -> [P::Potential; 2] {
        self.level = options.level.unwrap_or_else(Level::detect);
        self.skip = misalignment(work);
        #[cfg(feature = "scaling")]
        {
            let ((n, m), d) = (problem.shape(), problem.geometry().dimension());
            let enough = work.len() >= fast_work_len(n, m, d);
            let factored = problem.geometry().epsilon().is_some();
            self.absorbed.room = enough && !factored && options.sweep != Some(Sweep::Log);
        }
        // A solve that ended on a row update leaves no residual for the first sweep to find.
        self.rows_fresh = options.warm_start;
        self.next_check = u64::from(options.check_every);
        if let Stop::Residual(tolerance) = options.stop {
            self.trigger = tolerance;
        }
        let sums = problem.sums();
        self.masses = problem.masses_of(sums);
        sums
    }

    /// Takes in the range of the cost.
    pub(super) fn found(&mut self, range: CostRange<P::Potential>) {
        self.max_cost = range.max.abs().larger(range.min.abs());
        self.forbidden = range.forbidden;
    }
}

/// Validates everything and prepares the sweeps; the potentials are only read. `range` is what is known of
/// the cost, and what was found of it where the data is looked at.
pub(super) fn prepare<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    options: &Options<P>,
    [f, g]: [&[P::Potential]; 2],
    ([sum_a, sum_b], range): ([P::Potential; 2], &mut Option<CostRange<P::Potential>>),
    work: &mut Work<'_, P>,
    state: &mut State<P>,
) -> Result<(), Error> {
    let (a, b) = problem.weights();
    if matches!(options.stop, Stop::Certified(_)) && !problem.has_certificate() {
        return Err(Error::new(ErrorKind::NoCertificate, Argument::Stop));
    }
    if !options.trust_data {
        let look = || {
            let of = |argument| move |blame| (blame, argument);
            blame_weights::<P>(a, sum_a).map_err(of(Argument::RowWeights))?;
            blame_weights::<P>(b, sum_b).map_err(of(Argument::ColWeights))?;
            if options.warm_start {
                blame_start(f).map_err(of(Argument::RowPotentials))?;
                blame_start(g).map_err(of(Argument::ColPotentials))?;
            }
            Ok(())
        };
        look().map_err(|(blame, argument): (Blame, _)| blame.of(argument))?;
    }
    problem.check_masses(&state.masses)?;
    if !options.trust_data {
        // Where no pair is forbidden, all that have weight have a partner.
        let found = match *range {
            Some(range) if !range.forbidden => range,
            _ => scan(problem.geometry(), state.level, a, b, work.col)?,
        };
        *range = Some(found);
        state.found(found);
        if !(state.max_cost * problem.pass(state.level).scale).is_finite() {
            return Err(Error::new(ErrorKind::Epsilon, Argument::Epsilon));
        }
        if let Stop::Certified(target) = options.stop
            && target < least_slack(problem, state, found.max - found.min, work)
        {
            return Err(Error::new(ErrorKind::TargetOutOfReach, Argument::Stop));
        }
    }
    problem.geometry().prepare(&mut work.scratch);
    Ok(())
}

/// Validates a cost, and that all that have weight have a partner.
fn scan<P: Precision, G: Geometry<P>>(
    geometry: &G,
    level: Level,
    a: &[P::Cost],
    b: &[P::Cost],
    column_seen: &mut [P::Sum],
) -> Result<CostRange<P::Potential>, Error> {
    let range = geometry.scan(level, a, b, column_seen)?;
    for (j, (&b, &seen)) in b.iter().zip(&*column_seen).enumerate() {
        if b > P::Cost::ZERO && seen < P::Sum::ONE {
            return Err(Error::at(ErrorKind::NoPartner, Argument::ColWeights, j));
        }
    }
    Ok(range)
}

/// A start must not hold NaN or plus infinity.
#[cfg(feature = "barycenter")]
pub(crate) fn check_start<T: Real>(potential: &[T], argument: Argument) -> Result<(), Error> {
    blame_start(potential).map_err(|blame| blame.of(argument))
}

/// The same of whatever argument.
#[inline(never)]
fn blame_start<T: Real>(potential: &[T]) -> Result<(), Blame> {
    for (i, &x) in potential.iter().enumerate() {
        if x.is_nan() {
            return Err(Blame::new(ErrorKind::NotANumber, i));
        }
        if x == T::INFINITY {
            return Err(Blame::new(ErrorKind::Infinite, i));
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
        (Some(_), None) => (rows, state.masses.b),
        (None, Some(_)) => (cols, state.masses.a),
        _ => return P::Potential::ZERO,
    };
    if state.forbidden {
        return P::Potential::ZERO;
    }
    mass * entropy_floor(free, cost_range)
}

/// epsilon times the least conditional entropy of a column: see [`least_slack`]. `free` is the side of
/// the rows.
pub(crate) fn entropy_floor<P: Precision>(
    free: &Side<'_, P>,
    cost_range: P::Potential,
) -> P::Potential {
    let count = free.weights.iter().filter(|&&w| w > P::Cost::ZERO).count().max(1);
    let log_range = free.greatest_log_weight() - free.least_log_weight();
    let decay = (-(cost_range + cost_range) / free.epsilon - log_range).exp_once();
    let others = P::Potential::from_count(count - 1);
    free.epsilon * (P::Potential::ONE + others * decay).ln_once()
}
