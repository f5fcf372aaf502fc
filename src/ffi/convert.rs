//! From the C structs to the types of the library and back.

use core::mem::{MaybeUninit, align_of, offset_of, size_of};
use core::ptr::{null, null_mut};

use super::abi::{Refusal, Source, Written, c_status, field, mat_and_more, part, slice_of, span};
use super::host::{HostCost, hosted};
use super::types::{self, rot_error};
#[cfg(feature = "grid")]
use crate::cost::Grid;
#[cfg(feature = "lowrank")]
use crate::cost::LowRank;
use crate::cost::{AnyCost, Dense};
#[cfg(feature = "points")]
use crate::cost::{Metric, Points};
use crate::error::{Argument, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::marginal::{Ball, Rule};
use crate::math::Elementary;
use crate::options::{Options, Stop, Sweep};
use crate::problem::{Masses, Problem, Reference};
use crate::report::{Report, Termination};
use crate::sinkhorn::State;

/// A scalar of the C interface: one type for costs, potentials and sums.
pub(super) trait Scalar:
    Precision<Cost = Self, Potential = Self, Sum = Self, Work = Self> + Elementary
{
    /// Default tolerance of conjugate gradients.
    #[cfg(feature = "implicit")]
    const GRADIENT_TOLERANCE: Self;
}

impl Scalar for f32 {
    #[cfg(feature = "implicit")]
    const GRADIENT_TOLERANCE: Self = 1e-6;
}
#[cfg(feature = "f64")]
impl Scalar for f64 {
    #[cfg(feature = "implicit")]
    const GRADIENT_TOLERANCE: Self = 1e-12;
}

/// The cost, dense.
pub const ROT_COST_DENSE: u32 = 0;
/// |x - y|^2 between points.
pub const ROT_COST_SQUARED_EUCLIDEAN: u32 = 1;
/// |x - y| between points.
pub const ROT_COST_EUCLIDEAN: u32 = 2;
/// |x - y|^2 between the points of two regular grids: images, volumes. x and y are d x 3; row k describes
/// axis k of a grid by the number of its points, the first coordinate and the spacing. Points are in
/// row-major order, the last axis runs fastest. A sweep goes along one axis after the other:
/// O((n + m) s) exponentials with s points along an axis, no n m memory; whatever needs single entries of
/// the plan still takes each of them.
pub const ROT_COST_GRID: u32 = 3;

/// |x - y|^2 between points, through the factors of its kernel that rot_lowrank_factor_* wrote; for
/// problems of their epsilon only (ROT_ERR_KERNEL_EPSILON). All sweeps are in the log domain, on the
/// calling thread. There are no gradients by points.
pub const ROT_COST_LOW_RANK: u32 = 4;
/// The marginal is the weights.
pub const ROT_RULE_EXACT: u32 = 0;
/// The marginal pays `param[0]` * KL.
pub const ROT_RULE_KL: u32 = 1;
/// The marginal lies in an L2 ball around the weights.
pub const ROT_RULE_L2_BALL: u32 = 2;
/// The marginal lies in a KL ball around the weights.
pub const ROT_RULE_KL_BALL: u32 = 3;
/// The marginal pays `param[0]` for each unit more or less than the weights.
pub const ROT_RULE_TV: u32 = 4;
/// The marginal lies between `param[0]` and `param[1]` times the weights.
pub const ROT_RULE_BOX: u32 = 5;
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
/// What the compilation target guarantees: SSE2 on x86-64, NEON on aarch64, simd128 on WebAssembly
/// built with it, else nothing wider than a number.
pub const ROT_LEVEL_PORTABLE: u32 = 1;
/// AVX2 (x86-64).
pub const ROT_LEVEL_AVX2: u32 = 2;
/// AVX-512 (x86-64; F, DQ, BW and VL).
pub const ROT_LEVEL_AVX512: u32 = 3;
/// Fused multiply-adds (x86-64 with AVX2 and FMA or AVX-512): faster where exponentials count, but not
/// the bits of the other levels, nor those of the same level on another machine. Never the fastest.
pub const ROT_LEVEL_FMA: u32 = 4;

/// A kept kernel where the work has room for it (ROT_SINKHORN_FAST_WORK_LEN), else exponentials.
pub const ROT_SWEEP_AUTO: u32 = 0;
/// A sweep is one exponential for each entry of the cost: O(n + m) work, the same bits whatever its
/// length.
pub const ROT_SWEEP_LOG: u32 = 1;
/// A sweep is two products with each entry of a kernel that is kept in the work, and filled again
/// where the potentials have moved far: n m more work (demanded by this option), and several times
/// faster. A sweep whose sums leave the safe range is done again with exponentials.
pub const ROT_SWEEP_SCALING: u32 = 2;

/// The caller's problem and options structs.
pub(super) type ProblemSource<T> = Source<types::Problem<T>>;
pub(super) type OptionsSource<T> = Source<types::Options<T>>;

pub(super) fn zero<T: Scalar>(x: T) -> bool {
    x.abs() <= T::ZERO
}

/// What a cost is made of, as it lies at the start of a problem and of a measure.
#[repr(C)]
pub(super) struct Costs<T> {
    /// The size of a problem, the flags of a measure.
    first: u32,
    cost_kind: u32,
    cost: types::Matrix<T>,
    x: types::Matrix<T>,
    y: types::Matrix<T>,
}

/// The cost of a problem.
pub(super) fn costs<T: Scalar>(c: ProblemSource<T>) -> Source<Costs<T>> {
    const {
        assert!(offset_of!(types::Problem<T>, cost_kind) == offset_of!(Costs<T>, cost_kind));
        assert!(offset_of!(types::Problem<T>, cost) == offset_of!(Costs<T>, cost));
        assert!(offset_of!(types::Problem<T>, y) == offset_of!(Costs<T>, y));
    }
    // SAFETY: the problem begins with these fields.
    unsafe { c.at(0) }
}

/// One of them: the cost (0), the points of the rows (1) or of the columns (2). One that the
/// caller's version does not have, or not as a whole, is empty.
pub(super) fn matrix<'a, T: Scalar>(c: Source<Costs<T>>, k: usize) -> &'a types::Matrix<T> {
    type Matrix<T> = types::Matrix<T>;
    const {
        assert!(offset_of!(Costs<T>, y) == offset_of!(Costs<T>, cost) + 2 * size_of::<Matrix<T>>());
    }
    let offset = offset_of!(Costs<T>, cost) + k * size_of::<Matrix<T>>();
    // SAFETY: the three lie side by side.
    unsafe { c.whole(offset) }.unwrap_or(const {
        &Matrix { data: null(), rows: 0, cols: 0, row_stride: 0, col_stride: 0, reserved: 0 }
    })
}

/// What each of them is called.
pub(super) const MATRICES: [Argument; 3] =
    [Argument::Cost, Argument::RowPoints, Argument::ColPoints];

/// Error `StructSize` if the reserved field of one of them is not zero.
pub(super) fn check_matrices<T: Scalar>(c: Source<Costs<T>>) -> Result<(), Refusal> {
    for (k, &argument) in MATRICES.iter().enumerate() {
        if matrix(c, k).reserved != 0 {
            return Err(Refusal::new(ErrorKind::StructSize, argument));
        }
    }
    Ok(())
}

/// [`costs_of`] without anything behind the matrices.
///
/// # Safety
/// Every pointer in the struct is NULL or readable for the extent that goes with it.
#[cfg(feature = "barycenter")]
#[inline(always)]
pub(super) unsafe fn cost_of<'a, T: Scalar>(
    c: Source<Costs<T>>,
) -> Result<HostCost<'a, T>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { costs_of(c, [0; 3]) }
}

/// The library's cost over the caller's memory, with matrices whose data goes on for so many elements.
///
/// # Safety
/// Every pointer in the struct is NULL or readable for the extent that goes with it, and the elements
/// behind.
// A frame of its own would be on the stack of every call.
#[inline(always)]
pub(super) unsafe fn costs_of<'a, T: Scalar>(
    c: Source<Costs<T>>,
    more: [usize; 3],
) -> Result<HostCost<'a, T>, Refusal> {
    let view = |k: usize, argument| {
        let more = more.get(k).copied().unwrap_or(0);
        // SAFETY: passed on from the caller.
        unsafe { mat_and_more(matrix(c, k), more, argument) }
    };
    let kind = field!(c, Costs<T>, cost_kind, ROT_COST_DENSE);
    match kind {
        ROT_COST_DENSE => Ok(hosted(AnyCost::Dense(Dense::new(view(0, Argument::Cost)?)))),
        #[cfg(feature = "points")]
        ROT_COST_SQUARED_EUCLIDEAN | ROT_COST_EUCLIDEAN => {
            let (x, y) = (view(1, Argument::RowPoints)?, view(2, Argument::ColPoints)?);
            let metric = if kind == ROT_COST_EUCLIDEAN {
                Metric::Euclidean
            } else {
                Metric::SquaredEuclidean
            };
            Ok(hosted(AnyCost::Points(Points::new(x, y, metric)?)))
        }
        #[cfg(not(feature = "points"))]
        ROT_COST_SQUARED_EUCLIDEAN | ROT_COST_EUCLIDEAN => {
            Err(Refusal::new(ErrorKind::NotBuilt, Argument::CostKind))
        }
        #[cfg(feature = "lowrank")]
        ROT_COST_LOW_RANK => {
            let (x, y) = (view(1, Argument::RowPoints)?, view(2, Argument::ColPoints)?);
            let factors = view(0, Argument::Factors)?;
            Ok(hosted(AnyCost::LowRank(LowRank::new(x, y, factors)?)))
        }
        #[cfg(not(feature = "lowrank"))]
        ROT_COST_LOW_RANK => Err(Refusal::new(ErrorKind::NotBuilt, Argument::CostKind)),
        #[cfg(feature = "grid")]
        ROT_COST_GRID => {
            let (x, y) = (view(1, Argument::RowPoints)?, view(2, Argument::ColPoints)?);
            Ok(hosted(AnyCost::Grid(Grid::new(x, y)?)))
        }
        #[cfg(not(feature = "grid"))]
        ROT_COST_GRID => Err(Refusal::new(ErrorKind::NotBuilt, Argument::CostKind)),
        _ => Err(Refusal::new(ErrorKind::Kind, Argument::CostKind)),
    }
}

/// Registers what a cost reads.
pub(super) fn note_cost<T: Scalar, const MOST: usize>(
    written: &mut Written<MOST>,
    c: Source<Costs<T>>,
) {
    for k in 0..MATRICES.len() {
        let matrix = matrix(c, k);
        written.and_slice(matrix.data, span(matrix), Argument::None);
    }
}

/// Takes up the caller's problem struct; what is reserved must be zero.
///
/// # Safety
/// As [`Source::versioned`].
#[inline(always)]
pub(super) unsafe fn read_problem<T: Scalar>(
    pointer: *const types::Problem<T>,
) -> Result<ProblemSource<T>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { read_problem_until(pointer, offset_of!(types::Problem<T>, count)) }
}

/// [`read_problem`] with what is zero from there on.
///
/// # Safety
/// As [`Source::versioned`].
#[inline(always)]
pub(super) unsafe fn read_problem_until<T: Scalar>(
    pointer: *const types::Problem<T>,
    reserved: usize,
) -> Result<ProblemSource<T>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { check_problem(pointer, reserved) }?;
    // SAFETY: checked.
    Ok(unsafe { Source::checked(pointer) })
}

/// What it refuses.
///
/// # Safety
/// As [`Source::versioned`].
#[inline(never)]
unsafe fn check_problem<T: Scalar>(
    pointer: *const types::Problem<T>,
    reserved: usize,
) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    let c =
        unsafe { Source::versioned(pointer, size_of::<types::Problem<T>>(), Argument::Problem) }?;
    check_matrices(costs(c))?;
    if c.zero_from(reserved, size_of::<types::Problem<T>>())
        && zero(field!(c, types::Problem<T>, reserved_value, T::ZERO))
    {
        Ok(())
    } else {
        Err(Refusal::new(ErrorKind::StructSize, Argument::Problem))
    }
}

/// Takes up the caller's options; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
#[inline(always)]
pub(super) unsafe fn read_options<T: Scalar>(
    pointer: *const types::Options<T>,
) -> Result<OptionsSource<T>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { check_options(pointer) }?;
    // SAFETY: checked.
    Ok(unsafe { Source::checked(pointer) })
}

/// What it refuses.
///
/// # Safety
/// As [`Source::versioned`].
#[inline(never)]
unsafe fn check_options<T: Scalar>(pointer: *const types::Options<T>) -> Result<(), Refusal> {
    if pointer.is_null() {
        return Ok(());
    }
    let reserved = offset_of!(types::Options<T>, reserved);
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, reserved, Argument::Options) }?;
    if field!(c, types::Options<T>, reserved32, 0) == 0
        && zero(field!(c, types::Options<T>, reserved_value, T::ZERO))
    {
        Ok(())
    } else {
        Err(Refusal::new(ErrorKind::StructSize, Argument::Options))
    }
}

/// The library's rule.
#[cfg(feature = "barycenter")]
#[inline(always)]
pub(super) fn rule_of<T: Scalar>(
    c: Source<types::Rule<T>>,
    argument: Argument,
) -> Result<Rule<T>, Refusal> {
    let mut rule = Rule::Exact;
    fill_rule(c, argument, &mut rule)?;
    Ok(rule)
}

/// The same where it stays.
#[inline(never)]
fn fill_rule<T: Scalar>(
    c: Source<types::Rule<T>>,
    argument: Argument,
    rule: &mut Rule<T>,
) -> Result<(), Refusal> {
    let param = |k: usize| {
        let offset = offset_of!(types::Rule<T>, param) + k * size_of::<T>();
        // SAFETY: the offset of an element of the parameters.
        unsafe { c.get(offset, T::ZERO) }
    };
    let unused = field!(c, types::Rule<T>, flags, 0) == 0
        && (2..4).all(|k| zero(param(k)))
        && c.zero_from(offset_of!(types::Rule<T>, lower), size_of::<types::Rule<T>>());
    let (first, entropy) = (param(0), param(1));
    *rule = match field!(c, types::Rule<T>, kind, ROT_RULE_EXACT) {
        _ if !unused => return Err(Refusal::new(ErrorKind::StructSize, argument)),
        ROT_RULE_EXACT if zero(first) && zero(entropy) => Rule::Exact,
        ROT_RULE_KL if zero(entropy) => Rule::Kl { tau: first },
        ROT_RULE_TV if zero(entropy) => Rule::Tv { tau: first },
        ROT_RULE_EXACT | ROT_RULE_KL | ROT_RULE_TV => {
            return Err(Refusal::new(ErrorKind::StructSize, argument));
        }
        ROT_RULE_L2_BALL => Rule::L2Ball { radius2: first, entropy },
        ROT_RULE_KL_BALL => Rule::KlBall { radius: first, entropy },
        ROT_RULE_BOX => Rule::Box { lower: first, upper: entropy },
        _ => return Err(Refusal::new(ErrorKind::Kind, argument)),
    };
    Ok(())
}

/// The weights of a problem and how many they are.
pub(super) fn weights<T: Scalar>(c: ProblemSource<T>) -> [(*const T, usize); 2] {
    [
        (field!(c, types::Problem<T>, a, null()), field!(c, types::Problem<T>, a_len, 0)),
        (field!(c, types::Problem<T>, b, null()), field!(c, types::Problem<T>, b_len, 0)),
    ]
}

/// Where a problem is put together, once: it is large, and each copy of it would lie on the stack.
pub(super) type Place<'a, T> = MaybeUninit<Problem<'a, T, HostCost<'a, T>>>;

/// The library's problem over the caller's memory, in `place`.
///
/// # Safety
/// Every pointer in the struct is NULL or readable for the extent that goes with it.
#[inline(always)]
pub(super) unsafe fn problem_of<'p, 'a, T: Scalar>(
    c: ProblemSource<T>,
    place: &'p mut Place<'a, T>,
) -> Result<&'p mut Problem<'a, T, HostCost<'a, T>>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { put_problem(c, place) }?;
    // SAFETY: it was put there.
    Ok(unsafe { place.assume_init_mut() })
}

/// What [`problem_of`] writes, which is a call with an answer of two words.
///
/// # Safety
/// As [`problem_of`].
#[inline(never)]
unsafe fn put_problem<'a, T: Scalar>(
    c: ProblemSource<T>,
    place: &mut Place<'a, T>,
) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { first_problem_of(c, [0; 3], place) }.map(|_| ())
}

/// [`problem_of`] with a cost whose data goes on for so many elements.
///
/// # Safety
/// As [`problem_of`], for the elements behind the matrices too.
#[inline(always)]
pub(super) unsafe fn first_problem_of<'p, 'a, T: Scalar>(
    c: ProblemSource<T>,
    more: [usize; 3],
    place: &'p mut Place<'a, T>,
) -> Result<&'p mut Problem<'a, T, HostCost<'a, T>>, Refusal> {
    // SAFETY: passed on from the caller.
    let cost = unsafe { costs_of(costs(c), more) }?;
    // (Filled in where it stays: a problem is large, and copies of it are on the stack of every call.)
    let kind = (Reference::Counting, false);
    let problem = place.write(Problem::unchecked(
        cost,
        (&[], Rule::Exact),
        (&[], Rule::Exact),
        T::ZERO,
        kind,
    ));
    let rule = part!(c, types::Problem<T>, rows: types::Rule<T>);
    fill_rule(rule, Argument::RowRule, &mut problem.rows)?;
    let rule = part!(c, types::Problem<T>, cols: types::Rule<T>);
    fill_rule(rule, Argument::ColRule, &mut problem.cols)?;
    problem.reference = match field!(c, types::Problem<T>, reference, ROT_REFERENCE_COUNTING) {
        ROT_REFERENCE_COUNTING => Reference::Counting,
        ROT_REFERENCE_PRODUCT => Reference::Product,
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Reference)),
    };
    let [(a, n), (b, m)] = weights(c);
    // SAFETY: passed on from the caller.
    problem.a = unsafe { slice_of(a, n, Argument::RowWeights) }?;
    // SAFETY: passed on from the caller.
    problem.b = unsafe { slice_of(b, m, Argument::ColWeights) }?;
    problem.epsilon = field!(c, types::Problem<T>, epsilon, T::ZERO);
    let flags = field!(c, types::Problem<T>, flags, 0);
    problem.unit_mass = flags == ROT_UNIT_MASS;
    problem.check()?;
    match flags {
        0 => {}
        ROT_UNIT_MASS => problem.check_unit_mass()?,
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Problem)),
    }
    Ok(problem)
}

/// The instruction set that a number stands for; `None` is the fastest.
pub(super) fn level_of(level: u32) -> Result<Option<Level>, Refusal> {
    let found = match level {
        ROT_LEVEL_FASTEST => return Ok(None),
        ROT_LEVEL_PORTABLE => Some(Level::PORTABLE),
        ROT_LEVEL_AVX2 => Level::avx2(),
        ROT_LEVEL_AVX512 => Level::avx512(),
        ROT_LEVEL_FMA => Level::fma(),
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Level)),
    };
    found.map_or(Err(Refusal::new(ErrorKind::NotBuilt, Argument::Level)), |level| Ok(Some(level)))
}

/// The library's options.
#[inline(always)]
pub(super) fn options_of<T: Scalar>(c: OptionsSource<T>) -> Result<Options<T>, Refusal> {
    let mut options = Options::new();
    fill_options(c, &mut options)?;
    Ok(options)
}

/// The same in place of the defaults, which stay where the caller's struct ends.
#[inline(never)]
pub(super) fn fill_options<T: Scalar>(
    c: OptionsSource<T>,
    options: &mut Options<T>,
) -> Result<(), Refusal> {
    let tolerance = field!(c, types::Options<T>, tolerance, T::DEFAULT_TOLERANCE);
    options.stop = match field!(c, types::Options<T>, stop, ROT_STOP_RESIDUAL) {
        ROT_STOP_RESIDUAL => Stop::Residual(tolerance),
        ROT_STOP_CERTIFIED => Stop::Certified(tolerance),
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Stop)),
    };
    let flags = field!(c, types::Options<T>, flags, 0);
    if flags > (ROT_WARM_START | ROT_TRUST_DATA) {
        return Err(Refusal::new(ErrorKind::Kind, Argument::Options));
    }
    options.warm_start = flags & ROT_WARM_START != 0;
    options.trust_data = flags & ROT_TRUST_DATA != 0;
    options.level = level_of(field!(c, types::Options<T>, level, ROT_LEVEL_FASTEST))?;
    options.sweep = match field!(c, types::Options<T>, sweep, ROT_SWEEP_AUTO) {
        ROT_SWEEP_AUTO => None,
        ROT_SWEEP_LOG => Some(Sweep::Log),
        #[cfg(feature = "scaling")]
        ROT_SWEEP_SCALING => Some(Sweep::Scaling),
        #[cfg(not(feature = "scaling"))]
        ROT_SWEEP_SCALING => return Err(Refusal::new(ErrorKind::NotBuilt, Argument::Sweep)),
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Sweep)),
    };
    let default = options.max_iterations;
    options.max_iterations = field!(c, types::Options<T>, max_iterations, default);
    options.check_every = field!(c, types::Options<T>, check_every, options.check_every);
    Ok(())
}

/// Refuses writing to what a problem reads, or to its struct.
pub(super) fn refuse_overlap<T: Scalar, const MOST: usize>(
    written: &mut Written<MOST>,
    c: ProblemSource<T>,
) -> Result<(), Refusal> {
    note_cost(written, costs(c));
    let [(a, n), (b, m)] = weights(c);
    written.and_slice(a, n, Argument::None);
    written.and_slice(b, m, Argument::None);
    written.and(&c.range());
    written.check()
}

/// What every report begins with.
#[repr(C)]
pub(super) struct Head {
    struct_size: u32,
    converged: u32,
    error: rot_error,
}

/// Where the parts of a report lie.
pub(super) struct ReportLayout {
    /// The first number; iterations come before it.
    pub(super) values: usize,
    /// What is zero from here on.
    pub(super) reserved: usize,
    pub(super) size: usize,
}

/// Writes how a call ended into the caller's report.
///
/// # Safety
/// `report` is aligned and writable for its head.
pub(super) unsafe fn write_ending(report: *mut Head, converged: bool, error: rot_error) {
    // SAFETY: inside what the caller vouches for.
    let slot = unsafe { &raw mut (*report).error };
    // SAFETY: as above.
    unsafe { slot.write(error) };
    // SAFETY: inside what the caller vouches for.
    let slot = unsafe { &raw mut (*report).converged };
    // SAFETY: as above.
    unsafe { slot.write(u32::from(converged)) };
}

/// Writes iterations, and a report's numbers as they lie, into as much of the caller's struct as
/// there is; gives how much that is.
///
/// # Safety
/// `report` is aligned and writable for the size that it states, a multiple of 8 that reaches behind
/// its head; `source` is readable for the numbers.
pub(super) unsafe fn write_values(
    report: *mut Head,
    iterations: u64,
    source: *const u8,
    layout: &ReportLayout,
) -> usize {
    // SAFETY: `report` holds at least its size.
    let size = unsafe { report.cast::<u32>().read() } as usize;
    let &ReportLayout { values, reserved, .. } = layout;
    let end = size.min(layout.size);
    if end < values {
        return end;
    }
    // SAFETY: `size` reaches behind the iterations, which follow the head.
    let slot = unsafe { report.add(1) }.cast::<u64>();
    // SAFETY: as above.
    unsafe { slot.write(iterations) };
    // SAFETY: values <= end <= size.
    let target = unsafe { report.byte_add(values) }.cast::<u8>();
    let count = end.min(reserved) - values;
    // SAFETY: `count` bytes of values lie inside both structs.
    unsafe { core::ptr::copy(source, target, count) };
    // SAFETY: count <= end - values, inside the caller's struct.
    let rest = unsafe { target.add(count) };
    // SAFETY: up to the end of the caller's struct, or of what this library knows of it.
    unsafe { rest.write_bytes(0, end - values - count) };
    end
}

/// How far behind the start of the caller's report the library's lies, if both are to have their numbers
/// in the same place: the same ones in the same order, from epsilon to col_multiplier.
const fn report_offset<T: Scalar>() -> usize {
    type C<T> = types::Report<T>;
    const {
        let own = offset_of!(Report<T>, col_multiplier) - offset_of!(Report<T>, epsilon);
        let theirs = offset_of!(C<T>, col_multiplier) - offset_of!(C<T>, epsilon);
        assert!(own == theirs && offset_of!(C<T>, iterations) == size_of::<Head>());
        let offset = offset_of!(C<T>, epsilon) - offset_of!(Report<T>, epsilon);
        assert!(offset.is_multiple_of(align_of::<Report<T>>()));
        assert!(offset + size_of::<Report<T>>() <= size_of::<C<T>>());
        offset
    }
}

/// Where in the caller's report the library's can be filled in, so that it needs no room of its own; NULL
/// if the struct is too short. [`write_report`] has to follow.
///
/// # Safety
/// As [`write_report`].
pub(super) unsafe fn place_of_report<T: Scalar>(report: *mut types::Report<T>) -> *mut Report<T> {
    // SAFETY: `report` holds at least its size.
    let size = unsafe { report.cast::<u32>().read() } as usize;
    let offset = report_offset::<T>();
    if size < offset + size_of::<Report<T>>() {
        return null_mut();
    }
    report.wrapping_byte_add(offset).cast()
}

/// Writes a report into as much of the caller's struct as there is; gives how much that is.
///
/// # Safety
/// `report` is aligned and writable for the size that it states, a multiple of 8 that reaches behind
/// its head; `found` is a report, apart or in its [place](place_of_report).
pub(super) unsafe fn write_report<T: Scalar>(
    report: *mut types::Report<T>,
    found: *const Report<T>,
) -> usize {
    type C<T> = types::Report<T>;
    // (What lies elsewhere in the caller's struct is read before anything is written.)
    let (converged, termination, iterations, collapsed, sweep) = {
        // SAFETY: as the caller vouches.
        let found = unsafe { &*found };
        let &Report { termination, iterations, collapsed, sweep, .. } = found;
        (found.converged(), termination, iterations, collapsed, sweep)
    };
    let layout = ReportLayout {
        values: offset_of!(C<T>, epsilon),
        reserved: offset_of!(C<T>, reserved_values),
        size: size_of::<C<T>>(),
    };
    let head = report.cast::<Head>();
    let source = found.wrapping_byte_add(offset_of!(Report<T>, epsilon)).cast();
    // SAFETY: passed on from the caller; the numbers, of which there are as many in both.
    let end = unsafe { write_values(head, iterations, source, &layout) };
    // SAFETY: passed on from the caller.
    unsafe { write_ending(head, converged, c_status(termination as i32)) };
    if end > offset_of!(C<T>, collapsed) {
        // SAFETY: the struct reaches behind this field.
        let slot = unsafe { &raw mut (*report).collapsed };
        // SAFETY: as above.
        unsafe { slot.write(u32::from(collapsed)) };
        // SAFETY: in the same eight bytes.
        let slot = unsafe { &raw mut (*report).sweep };
        // SAFETY: as above.
        unsafe { slot.write(sweep as u32) };
    }
    end
}

/// Writes what a ladder did, its levels and its Newton steps, behind a report.
///
/// # Safety
/// As [`write_report`], which has to come first.
#[cfg(feature = "implicit")]
pub(super) unsafe fn write_walk<T>(
    report: *mut types::Report<T>,
    size: usize,
    [levels, steps]: [u32; 2],
    products: u64,
) {
    // Both lie in the same eight bytes.
    if size > offset_of!(types::Report<T>, levels) {
        // SAFETY: `size` reaches behind this field.
        let slot = unsafe { &raw mut (*report).levels };
        // SAFETY: as above.
        unsafe { slot.write(levels) };
        // SAFETY: `size` reaches behind this field.
        let slot = unsafe { &raw mut (*report).newton_steps };
        // SAFETY: as above.
        unsafe { slot.write(steps) };
    }
    if size > offset_of!(types::Report<T>, newton_products) {
        // SAFETY: `size` reaches behind this field.
        let slot = unsafe { &raw mut (*report).newton_products };
        // SAFETY: as above.
        unsafe { slot.write(products) };
    }
}

/// Marks a state struct that [`keep_state`] filled.
const MARK: u32 = 0x726f_7431;

/// Writes a running solve into the caller's struct.
pub(super) fn keep_state<T: Scalar>(state: &State<T>, c: &mut types::State<T>) {
    // (Of levels of the same bits any will do.)
    let level = if state.level == Level::PORTABLE {
        1
    } else if Some(state.level) == Level::fma() {
        2
    } else {
        0
    };
    let booleans = [state.forbidden, state.trouble, state.rows_fresh].map(u32::from);
    let [forbidden, trouble, rows_fresh] = booleans;
    c.mark = MARK;
    c.counts = [state.iterations, state.patience.best_at, state.skip as u64, state.next_check];
    c.values = [
        state.residual,
        state.trigger,
        state.patience.best,
        state.masses.a,
        state.masses.b,
        state.masses.row_factor,
        state.masses.col_factor,
        state.max_cost,
        state.certified_distance,
        T::ZERO,
    ];
    c.flags = [
        level,
        forbidden | trouble << 1 | rows_fresh << 2 | kernel_bits(state) << 3,
        state.finished.map_or(0, |t| t as u32 + 1),
        state.still,
    ];
    c.balls = state.balls.map(Ball::to_bits);
}

/// What is kept of a kernel: whether it was filled, whether there is room, and its setbacks above that.
#[cfg(feature = "scaling")]
fn kernel_bits<T: Scalar>(state: &State<T>) -> u32 {
    let kernel = state.absorbed;
    u32::from(kernel.filled) | u32::from(kernel.room) << 1 | kernel.setbacks.min(0xff) << 2
}

#[cfg(not(feature = "scaling"))]
fn kernel_bits<T: Scalar>(_: &State<T>) -> u32 {
    0
}

/// Error `Kind` if `rot_sinkhorn_init` did not fill a state.
pub(super) fn check_state<T>(c: &types::State<T>) -> Result<(), Refusal> {
    let [_, _, finished, _] = c.flags;
    if c.mark == MARK && finished as usize <= Termination::ALL.len() {
        Ok(())
    } else {
        Err(Refusal::new(ErrorKind::Kind, Argument::State))
    }
}

/// Takes up the running solve of a checked state.
pub(super) fn recall_state<T: Scalar>(c: &types::State<T>, state: &mut State<T>) {
    let [level, flags, finished, still] = c.flags;
    let [residual, trigger, best, a, b, row_factor, col_factor, max_cost, certified_distance, _] =
        c.values;
    let [iterations, best_at, skip, next_check] = c.counts;
    state.level = match level {
        1 => Level::PORTABLE,
        2 => Level::fma().unwrap_or_else(Level::detect),
        _ => Level::detect(),
    };
    state.skip = skip.min(u64::from(u32::MAX)) as usize;
    (state.iterations, state.next_check) = (iterations, next_check);
    (state.patience.best, state.patience.best_at) = (best, best_at);
    (state.residual, state.trigger) = (residual, trigger);
    state.masses = Masses { a, b, row_factor, col_factor };
    (state.max_cost, state.certified_distance) = (max_cost, certified_distance);
    (state.forbidden, state.trouble) = (flags & 1 != 0, flags & 2 != 0);
    (state.rows_fresh, state.still) = (flags & 4 != 0, still);
    #[cfg(feature = "scaling")]
    {
        state.absorbed.filled = flags & 8 != 0;
        state.absorbed.room = flags & 16 != 0;
        state.absorbed.setbacks = flags >> 5;
    }
    state.balls = c.balls.map(Ball::from_bits);
    state.finished = Termination::ALL.get((finished as usize).wrapping_sub(1)).copied();
}
