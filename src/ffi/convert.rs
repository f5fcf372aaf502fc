//! From the C structs to the types of the library and back.

use core::ptr::null;

use super::abi::{Range, Sized32, mat_of, read_sized, slice_of};
use super::types::{self, rot_error};
use crate::cost::{AnyCost, Dense};
#[cfg(feature = "points")]
use crate::cost::{Metric, Points};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::marginal::Rule;
use crate::math::Elementary;
use crate::options::{Options, Stop};
use crate::problem::{Masses, Problem, Reference};
use crate::report::{Report, Termination};
use crate::sinkhorn::State;

/// A scalar of the C interface: one type for costs, potentials and sums.
pub(super) trait Scalar:
    Precision<Cost = Self, Potential = Self, Sum = Self, Work = Self> + Elementary
{
}

impl Scalar for f32 {}
#[cfg(feature = "f64")]
impl Scalar for f64 {}

/// The cost, dense.
pub const ROT_COST_DENSE: u32 = 0;
/// |x - y|^2 between points.
pub const ROT_COST_SQUARED_EUCLIDEAN: u32 = 1;
/// |x - y| between points.
pub const ROT_COST_EUCLIDEAN: u32 = 2;
/// The marginal is the weights.
pub const ROT_RULE_EXACT: u32 = 0;
/// The marginal pays `param[0]` * KL.
pub const ROT_RULE_KL: u32 = 1;
/// Entropy against the counting measure.
pub const ROT_REFERENCE_COUNTING: u32 = 0;
/// Entropy against the product of the weights.
pub const ROT_REFERENCE_PRODUCT: u32 = 1;
/// Flag of a problem: plans of unit mass.
pub const ROT_UNIT_MASS: u32 = 1;
/// Stop by the KKT residual.
pub const ROT_STOP_RESIDUAL: u32 = 0;
/// Stop by the certified distance.
pub const ROT_STOP_CERTIFIED: u32 = 1;
/// Flag of options: f and g hold the start.
pub const ROT_WARM_START: u32 = 1;
/// Flag of options: skip the scan of the data.
pub const ROT_TRUST_DATA: u32 = 2;
/// The fastest instruction set that the processor has.
pub const ROT_LEVEL_FASTEST: u32 = 0;
/// What the compilation target guarantees.
pub const ROT_LEVEL_PORTABLE: u32 = 1;
/// AVX2 (x86-64).
pub const ROT_LEVEL_AVX2: u32 = 2;

// SAFETY: repr(C), leading u32 size, integers, floats and raw pointers only.
unsafe impl<T: Copy> Sized32 for types::Problem<T> {}
// SAFETY: as above, and one optional function pointer.
unsafe impl<T: Copy> Sized32 for types::Options<T> {}
// SAFETY: repr(C), leading u32 size, integers and floats only.
unsafe impl<T: Copy> Sized32 for types::Report<T> {}
// SAFETY: as above.
unsafe impl<T: Copy> Sized32 for types::State<T> {}

fn empty_matrix<T>() -> types::Matrix<T> {
    types::Matrix { data: null(), rows: 0, cols: 0, row_stride: 0, col_stride: 0, reserved: 0 }
}

fn exact_rule<T: Scalar>() -> types::Rule<T> {
    types::Rule {
        kind: ROT_RULE_EXACT,
        flags: 0,
        param: [T::ZERO; 4],
        lower: null(),
        lower_stride: 0,
        upper: null(),
        upper_stride: 0,
        reserved: [0; 2],
    }
}

/// Reads the caller's problem struct.
///
/// # Safety
/// As [`read_sized`].
pub(super) unsafe fn read_problem<T: Scalar>(
    pointer: *const types::Problem<T>,
) -> Result<types::Problem<T>, Error> {
    let mut problem = types::Problem {
        struct_size: 0,
        cost_kind: ROT_COST_DENSE,
        cost: empty_matrix(),
        x: empty_matrix(),
        y: empty_matrix(),
        a: null(),
        a_len: 0,
        b: null(),
        b_len: 0,
        epsilon: T::ZERO,
        reserved_value: T::ZERO,
        reference: ROT_REFERENCE_COUNTING,
        flags: 0,
        rows: exact_rule(),
        cols: exact_rule(),
        reserved_sizes: [0; 8],
        reserved: [0; 4],
    };
    // SAFETY: passed on from the caller.
    unsafe { read_sized(pointer, &mut problem, Argument::Problem) }?;
    let matrices = [
        (&problem.cost, Argument::Cost),
        (&problem.x, Argument::RowPoints),
        (&problem.y, Argument::ColPoints),
    ];
    for (matrix, argument) in matrices {
        if matrix.reserved != 0 {
            return Err(Error::new(ErrorKind::StructSize, argument));
        }
    }
    let unused = problem.reserved_sizes == [0; 8] && problem.reserved == [0; 4];
    if unused && zero(problem.reserved_value) {
        Ok(problem)
    } else {
        Err(Error::new(ErrorKind::StructSize, Argument::Problem))
    }
}

/// Reads the caller's options; NULL means the defaults.
///
/// # Safety
/// As [`read_sized`].
pub(super) unsafe fn read_options<T: Scalar>(
    pointer: *const types::Options<T>,
) -> Result<types::Options<T>, Error> {
    let mut options = types::Options {
        struct_size: 0,
        stop: ROT_STOP_RESIDUAL,
        tolerance: T::DEFAULT_TOLERANCE,
        reserved_value: T::ZERO,
        max_iterations: 100_000,
        check_every: 10,
        flags: 0,
        level: ROT_LEVEL_FASTEST,
        reserved32: 0,
        observe: None,
        user: core::ptr::null_mut(),
        reserved: [0; 6],
    };
    if pointer.is_null() {
        return Ok(options);
    }
    // SAFETY: passed on from the caller.
    unsafe { read_sized(pointer, &mut options, Argument::Options) }?;
    if options.reserved == [0; 6] && options.reserved32 == 0 && zero(options.reserved_value) {
        Ok(options)
    } else {
        Err(Error::new(ErrorKind::StructSize, Argument::Options))
    }
}

fn zero<T: Scalar>(x: T) -> bool {
    x.abs() <= T::ZERO
}

fn rule_of<T: Scalar>(rule: &types::Rule<T>, argument: Argument) -> Result<Rule<T>, Error> {
    let [tau, rest @ ..] = rule.param;
    let unused = rule.lower.is_null()
        && rule.upper.is_null()
        && rule.lower_stride == 0
        && rule.upper_stride == 0
        && rule.reserved == [0; 2]
        && rule.flags == 0
        && rest.iter().all(|&x| zero(x));
    if !unused {
        return Err(Error::new(ErrorKind::StructSize, argument));
    }
    match rule.kind {
        ROT_RULE_EXACT if zero(tau) => Ok(Rule::Exact),
        ROT_RULE_EXACT => Err(Error::new(ErrorKind::StructSize, argument)),
        ROT_RULE_KL => Ok(Rule::Kl { tau }),
        _ => Err(Error::new(ErrorKind::Kind, argument)),
    }
}

/// The library's problem over the caller's memory.
///
/// # Safety
/// Every pointer in the struct is NULL or readable for the extent that goes with it.
pub(super) unsafe fn problem_of<'a, T: Scalar>(
    c: &types::Problem<T>,
) -> Result<Problem<'a, T, AnyCost<'a, T>>, Error> {
    let cost = match c.cost_kind {
        ROT_COST_DENSE => {
            // SAFETY: passed on from the caller.
            let cost = unsafe { mat_of(&c.cost, Argument::Cost) }?;
            AnyCost::Dense(Dense::new(cost))
        }
        #[cfg(feature = "points")]
        ROT_COST_SQUARED_EUCLIDEAN | ROT_COST_EUCLIDEAN => {
            // SAFETY: passed on from the caller.
            let x = unsafe { mat_of(&c.x, Argument::RowPoints) }?;
            // SAFETY: passed on from the caller.
            let y = unsafe { mat_of(&c.y, Argument::ColPoints) }?;
            let metric = if c.cost_kind == ROT_COST_EUCLIDEAN {
                Metric::Euclidean
            } else {
                Metric::SquaredEuclidean
            };
            AnyCost::Points(Points::new(x, y, metric)?)
        }
        #[cfg(not(feature = "points"))]
        ROT_COST_SQUARED_EUCLIDEAN | ROT_COST_EUCLIDEAN => {
            return Err(Error::new(ErrorKind::NotBuilt, Argument::CostKind));
        }
        _ => return Err(Error::new(ErrorKind::Kind, Argument::CostKind)),
    };
    let rows = rule_of(&c.rows, Argument::RowRule)?;
    let cols = rule_of(&c.cols, Argument::ColRule)?;
    let reference = match c.reference {
        ROT_REFERENCE_COUNTING => Reference::Counting,
        ROT_REFERENCE_PRODUCT => Reference::Product,
        _ => return Err(Error::new(ErrorKind::Kind, Argument::Reference)),
    };
    // SAFETY: passed on from the caller.
    let a = unsafe { slice_of(c.a, c.a_len, Argument::RowWeights) }?;
    // SAFETY: passed on from the caller.
    let b = unsafe { slice_of(c.b, c.b_len, Argument::ColWeights) }?;
    let problem = Problem::new(cost, (a, rows), (b, cols), c.epsilon)?.reference(reference);
    match c.flags {
        0 => Ok(problem),
        ROT_UNIT_MASS => problem.unit_mass(),
        _ => Err(Error::new(ErrorKind::Kind, Argument::Problem)),
    }
}

/// The library's options.
pub(super) fn options_of<T: Scalar>(c: &types::Options<T>) -> Result<Options<T>, Error> {
    let stop = match c.stop {
        ROT_STOP_RESIDUAL => Stop::Residual(c.tolerance),
        ROT_STOP_CERTIFIED => Stop::Certified(c.tolerance),
        _ => return Err(Error::new(ErrorKind::Kind, Argument::Stop)),
    };
    if c.flags > (ROT_WARM_START | ROT_TRUST_DATA) {
        return Err(Error::new(ErrorKind::Kind, Argument::Options));
    }
    let options = Options::new()
        .stop(stop)
        .max_iterations(c.max_iterations)
        .check_every(c.check_every)
        .warm_start(c.flags & ROT_WARM_START != 0)
        .trust_data(c.flags & ROT_TRUST_DATA != 0);
    match c.level {
        ROT_LEVEL_FASTEST => Ok(options),
        ROT_LEVEL_PORTABLE => Ok(options.level(Level::PORTABLE)),
        ROT_LEVEL_AVX2 => match Level::avx2() {
            Some(level) => Ok(options.level(level)),
            None => Err(Error::new(ErrorKind::NotBuilt, Argument::Level)),
        },
        _ => Err(Error::new(ErrorKind::Kind, Argument::Level)),
    }
}

/// The ranges that a problem reads.
pub(super) fn ranges_of<T>(c: &types::Problem<T>) -> [Range; 5] {
    [
        Range::matrix(&c.cost, Argument::Cost),
        Range::matrix(&c.x, Argument::RowPoints),
        Range::matrix(&c.y, Argument::ColPoints),
        Range::read(c.a, c.a_len, Argument::RowWeights),
        Range::read(c.b, c.b_len, Argument::ColWeights),
    ]
}

/// The C form of a report.
pub(super) fn c_report<T: Scalar>(report: &Report<T>, error: rot_error) -> types::Report<T> {
    types::Report {
        struct_size: 0,
        converged: u32::from(report.converged()),
        error,
        iterations: report.iterations,
        epsilon: report.epsilon,
        residual: report.residual,
        residual_rows: report.residual_rows,
        residual_cols: report.residual_cols,
        rounding_floor: report.rounding_floor,
        transport_cost: report.transport_cost,
        entropy: report.entropy,
        row_penalty: report.row_penalty,
        col_penalty: report.col_penalty,
        objective: report.objective,
        unregularised_objective: report.unregularised_objective,
        dual_value: report.dual_value,
        gap: report.gap,
        lower_bound: report.lower_bound,
        certified_distance: report.certified_distance,
        mass: report.mass,
        log_mass: report.log_mass,
        mass_factor: report.mass_factor,
        reserved_values: [T::ZERO; 6],
        reserved: [0; 4],
    }
}

/// Marks a state struct that [`c_state`] filled.
const MARK: u32 = 0x726f_7431;

/// The C form of a running solve.
pub(super) fn c_state<T: Scalar>(state: &State<T>) -> types::State<T> {
    let portable = u32::from(state.level == Level::PORTABLE);
    let booleans = [state.forbidden, state.trouble, state.rows_fresh].map(u32::from);
    let [forbidden, trouble, rows_fresh] = booleans;
    types::State {
        struct_size: 0,
        mark: MARK,
        counts: [state.iterations, state.best_at, state.skip as u64, 0],
        values: [
            state.residual,
            state.trigger,
            state.best,
            state.masses.a,
            state.masses.b,
            state.masses.row_factor,
            state.masses.col_factor,
            state.max_cost,
            state.certified_distance,
            T::ZERO,
        ],
        flags: [
            portable,
            forbidden | trouble << 1 | rows_fresh << 2,
            state.finished.map_or(0, |t| t as u32 + 1),
            state.still,
        ],
        reserved: [0; 8],
    }
}

/// The running solve of a C state. Error: `Kind` if `rot_sinkhorn_init` did not fill it.
pub(super) fn state_of<T: Scalar>(c: &types::State<T>) -> Result<State<T>, Error> {
    let wrong = Error::new(ErrorKind::Kind, Argument::State);
    let [portable, flags, finished, still] = c.flags;
    if c.mark != MARK {
        return Err(wrong);
    }
    let level = if portable == 1 { Level::PORTABLE } else { Level::detect() };
    let [residual, trigger, best, a, b, row_factor, col_factor, max_cost, certified_distance, _] =
        c.values;
    let [iterations, best_at, skip, _] = c.counts;
    let finished = match finished {
        0 => None,
        k => Some(*Termination::ALL.get(k as usize - 1).ok_or(wrong)?),
    };
    Ok(State {
        skip: skip.min(u64::from(u32::MAX)) as usize,
        iterations,
        residual,
        trigger,
        best,
        best_at,
        masses: Masses { a, b, row_factor, col_factor },
        max_cost,
        forbidden: flags & 1 != 0,
        trouble: flags & 2 != 0,
        rows_fresh: flags & 4 != 0,
        certified_distance,
        finished,
        still,
        ..State::new(level)
    })
}
