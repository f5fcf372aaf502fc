//! What stands behind `rot_barycenter_solve` and its kin.

use core::mem::{align_of, offset_of, size_of};
use core::ptr::{from_ref, null};
use core::slice;

use super::super::abi::{
    Range, Refusal, Source, Written, c_error, c_status, check_optional, check_pointer, check_slice,
    field, part, plausible, slice_mut, slice_of, work_of, write_plain,
};
use super::super::convert::{
    Costs, Head, OptionsSource, ReportLayout, Scalar, check_matrices, cost_of, note_cost,
    options_of, read_options, rule_of, write_ending, write_values, zero,
};
use super::super::host::HostCost;
use super::super::sinkhorn::{Observe, refuse, report_range};
use super::super::types as shared;
use super::super::types::rot_error;
use super::types;
use crate::barycenter::{self, Measure, Options, Problem, Report};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::problem::check_weights;
use crate::work::{PAD, padded};

/// A measure of the library over the caller's memory.
pub(super) type Own<'a, T> = Measure<'a, T, HostCost<'a, T>>;

/// Elements of work for one measure in the library's form, at both precisions and whatever the size
/// of a pointer; the first may have to move to its alignment.
pub(super) const MEASURE: usize = 3 * PAD;

/// Elements of work; `usize::MAX` if that overflows.
pub(super) const fn work_len(k: usize, rows: usize, n: usize, d: usize) -> usize {
    let (list, rest) = (k.saturating_mul(MEASURE), barycenter::work_len(rows, n, d));
    list.saturating_add(rest)
}

type ProblemSource<T> = Source<types::BarycenterProblem<T>>;

/// Takes up the caller's problem; gives it with the measures' place, their number and their size.
///
/// # Safety
/// As [`Source::versioned`].
pub(super) unsafe fn read_problem<T: Scalar>(
    pointer: *const types::BarycenterProblem<T>,
) -> Result<Measures<T>, Refusal> {
    type C<T> = types::BarycenterProblem<T>;
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved), Argument::Problem) }?;
    if !zero(field!(c, C<T>, reserved_value, T::ZERO)) {
        return Err(Refusal::new(ErrorKind::StructSize, Argument::Problem));
    }
    let first = field!(c, C<T>, measures, null());
    let count: usize = field!(c, C<T>, measures_len, 0);
    let size = field!(c, C<T>, measure_size, 0) as usize;
    if count == 0 {
        return Err(Refusal::new(ErrorKind::Empty, Argument::Measures));
    }
    if !plausible(size, 8) {
        return Err(Refusal::new(ErrorKind::StructSize, Argument::Measures));
    }
    check_pointer(first, Argument::Measures)?;
    match count.checked_mul(size) {
        Some(bytes) if bytes <= isize::MAX as usize => {}
        _ => return Err(Refusal::new(ErrorKind::TooLarge, Argument::Measures)),
    }
    Ok(Measures { c, first, count, size })
}

/// The caller's measures.
#[derive(Clone, Copy)]
pub(super) struct Measures<T> {
    c: ProblemSource<T>,
    first: *const types::Measure<T>,
    pub(super) count: usize,
    /// Bytes of one.
    size: usize,
}

impl<T: Scalar> Measures<T> {
    pub(super) fn epsilon(&self) -> T {
        field!(self.c, types::BarycenterProblem<T>, epsilon, T::ZERO)
    }

    /// The struct of a measure.
    ///
    /// # Safety
    /// The measures are readable.
    unsafe fn source(&self, i: usize) -> Result<Source<types::Measure<T>>, Refusal> {
        if i >= self.count {
            return Err(Refusal::new(ErrorKind::Shape, Argument::Measures));
        }
        let pointer = self.first.wrapping_byte_add(i * self.size);
        // SAFETY: one of `count` structs of this size.
        unsafe { Source::sized(pointer, self.size, Argument::Measures) }
    }

    /// A measure in the library's form.
    ///
    /// # Safety
    /// Every pointer in it is NULL or readable for the extent that goes with it.
    pub(super) unsafe fn measure<'a>(&self, i: usize) -> Result<Own<'a, T>, Error> {
        let refused = |refusal: Refusal| Error::from(refusal).in_measure(i);
        // SAFETY: passed on from the caller.
        let c = unsafe { self.source(i) }.map_err(refused)?;
        // SAFETY: passed on from the caller.
        unsafe { measure_of(c) }.map_err(refused)
    }

    /// Registers what a call with a measure reads.
    ///
    /// # Safety
    /// The measures are readable.
    pub(super) unsafe fn note<const MOST: usize>(
        &self,
        i: usize,
        written: &mut Written<MOST>,
    ) -> Result<(), Refusal> {
        // SAFETY: passed on from the caller.
        let c = unsafe { self.source(i) }?;
        note_cost(written, costs(c));
        let (weights, len) = weights(c);
        written.and(&Range::of(weights, len, Argument::None));
        Ok(())
    }

    /// Registers the structs.
    pub(super) fn note_structs<const MOST: usize>(&self, written: &mut Written<MOST>) {
        written.and(&self.c.range());
        let measures = self.first.cast::<u8>();
        written.and(&Range::of(measures, self.count * self.size, Argument::None));
    }
}

/// The cost of a measure.
fn costs<T: Scalar>(c: Source<types::Measure<T>>) -> Source<Costs<T>> {
    const {
        // As in a problem, which the shared part is checked against.
        let own = [
            offset_of!(types::Measure<T>, cost_kind),
            offset_of!(types::Measure<T>, cost),
            offset_of!(types::Measure<T>, y),
        ];
        let [kind, cost, y] = own;
        assert!(kind == offset_of!(shared::Problem<T>, cost_kind));
        assert!(cost == offset_of!(shared::Problem<T>, cost));
        assert!(y == offset_of!(shared::Problem<T>, y));
    }
    // SAFETY: a measure begins with the fields that a problem begins with.
    unsafe { c.at(0) }
}

fn weights<T: Scalar>(c: Source<types::Measure<T>>) -> (*const T, usize) {
    type C<T> = types::Measure<T>;
    (field!(c, C<T>, weights, null()), field!(c, C<T>, weights_len, 0))
}

unsafe fn measure_of<'a, T: Scalar>(c: Source<types::Measure<T>>) -> Result<Own<'a, T>, Refusal> {
    type C<T> = types::Measure<T>;
    check_matrices(costs(c))?;
    if !c.zero_from(offset_of!(C<T>, reserved), size_of::<C<T>>())
        || !zero(field!(c, C<T>, reserved_value, T::ZERO))
        || field!(c, C<T>, flags, 0) != 0
    {
        return Err(Refusal::new(ErrorKind::StructSize, Argument::Measures));
    }
    // SAFETY: passed on from the caller.
    let geometry = unsafe { cost_of(costs(c)) }?;
    let rule = rule_of(part!(c, C<T>, rule: shared::Rule<T>), Argument::RowRule)?;
    let (data, len) = weights(c);
    // SAFETY: passed on from the caller.
    let weights = unsafe { slice_of(data, len, Argument::RowWeights) }?;
    Ok(Measure { geometry, weights, rule, share: field!(c, C<T>, share, T::ONE) })
}

/// n of a measure.
pub(super) fn support<T: Scalar>(measure: &Own<'_, T>) -> usize {
    Geometry::<T>::cols(&measure.geometry)
}

/// d of a measure.
pub(super) fn dimension<T: Scalar>(measure: &Own<'_, T>) -> usize {
    Geometry::<T>::dimension(&measure.geometry)
}

/// Sizes of a barycenter.
pub(super) struct Sizes {
    /// sum n_i.
    pub(super) rows: usize,
    /// n.
    pub(super) n: usize,
    pub(super) d: usize,
}

impl Sizes {
    /// Elements of work for a solve, but for the list of measures.
    pub(super) const fn work_len(&self) -> usize {
        barycenter::work_len(self.rows, self.n, self.d)
    }
}

/// Looks at all measures, which must have one n: their pointers, views and kinds are good then.
///
/// # Safety
/// Every pointer in them is NULL or readable for the extent that goes with it.
pub(super) unsafe fn sizes<T: Scalar>(measures: &Measures<T>) -> Result<Sizes, Error> {
    let mut sizes = Sizes { rows: 0, n: 0, d: 0 };
    for i in 0..measures.count {
        // SAFETY: passed on from the caller.
        let measure = unsafe { measures.measure(i) }?;
        let n = support(&measure);
        if i > 0 && n != sizes.n {
            return Err(Error::new(ErrorKind::Shape, Argument::Cost).in_measure(i));
        }
        sizes.n = n;
        sizes.d = sizes.d.max(dimension(&measure));
        sizes.rows = sizes.rows.saturating_add(measure.weights.len());
    }
    Ok(sizes)
}

/// Cuts the work into the list of the measures in the library's form and the rest, of which `needed`
/// elements are used.
///
/// # Safety
/// As [`work_of`]; every pointer in the measures is readable for the extent that goes with it.
pub(super) unsafe fn list<'a, T: Scalar>(
    measures: &Measures<T>,
    needed: usize,
    (work, len): (*mut T, usize),
) -> Result<(&'a [Own<'a, T>], &'a mut [T]), Error> {
    const {
        let moved = align_of::<Own<'_, T>>() - align_of::<T>();
        assert!(size_of::<Own<'_, T>>() + moved <= MEASURE * size_of::<T>());
        assert!(padded(MEASURE) == MEASURE);
    }
    let count = measures.count.saturating_mul(MEASURE);
    if needed == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Measures));
    }
    let Some(rest) = len.checked_sub(count) else {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    };
    // SAFETY: the elements behind the list.
    let rest = unsafe { work_of(work.wrapping_add(count), rest, needed, true) }?;
    let bytes = work.cast::<u8>();
    let skip = bytes.addr().next_multiple_of(align_of::<Own<'_, T>>()) - bytes.addr();
    let first = bytes.wrapping_add(skip).cast::<Own<'_, T>>();
    for i in 0..measures.count {
        // SAFETY: passed on from the caller.
        let measure = unsafe { measures.measure(i) }?;
        // SAFETY: aligned, and as a measure takes no more than its share of the work, with what the
        // alignment took: before the rest, to which alone there is a reference.
        unsafe { first.wrapping_add(i).write(measure) };
    }
    // SAFETY: just written; nothing writes there any more.
    Ok((unsafe { slice::from_raw_parts(first, measures.count) }, rest))
}

/// The arguments that solve and check share.
#[derive(Clone, Copy)]
pub(super) struct Call<T> {
    pub(super) problem: *const types::BarycenterProblem<T>,
    pub(super) options: *const types::BarycenterOptions<T>,
    pub(super) solve_options: *const shared::Options<T>,
    pub(super) f: *mut T,
    pub(super) g: *mut T,
    pub(super) barycenter: *mut T,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
}

/// What a call looks like once everything in it has been checked.
pub(super) struct Opened<'a, T: Scalar> {
    pub(super) measures: &'a [Own<'a, T>],
    pub(super) epsilon: T,
    pub(super) options: Options<T>,
    pub(super) solve_options: OptionsSource<T>,
    pub(super) f: &'a mut [T],
    pub(super) g: &'a mut [T],
    pub(super) barycenter: &'a mut [T],
    pub(super) work: &'a mut [T],
}

/// Ranges that a solve writes: potentials, barycenter, work, and two of what is told of it.
type Writes = Written<6>;

/// The caller's ladder; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn ladder<T: Scalar>(
    pointer: *const types::BarycenterOptions<T>,
    written: &mut Writes,
) -> Result<Options<T>, Refusal> {
    type C<T> = types::BarycenterOptions<T>;
    let default = Options::<T>::new();
    if pointer.is_null() {
        return Ok(default);
    }
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved), Argument::Options) }?;
    written.and(&c.range());
    let start = field!(c, C<T>, start, T::ZERO);
    let options = default
        .factor(field!(c, C<T>, factor, T::from_count(4)))
        .level_iterations(field!(c, C<T>, level_iterations, 15));
    Ok(if zero(start) { options } else { options.start(start) })
}

/// Checks structs, pointers and overlaps, and forms the slices; `extra`, two at most, is written too.
///
/// # Safety
/// Every pointer is NULL or valid for what goes with it.
pub(super) unsafe fn open<'a, T: Scalar>(
    call: Call<T>,
    extra: &[Range],
) -> Result<Opened<'a, T>, Error> {
    // SAFETY: passed on from the caller.
    let measures = unsafe { read_problem(call.problem) }?;
    // SAFETY: passed on from the caller.
    let sizes = unsafe { sizes(&measures) }?;
    // SAFETY: passed on from the caller.
    let solve_options = unsafe { read_options(call.solve_options) }?;
    let solve = options_of(solve_options)?;
    let cols = measures.count.saturating_mul(sizes.n);
    let outputs = [
        (call.f, sizes.rows, Argument::RowPotentials),
        (call.g, cols, Argument::ColPotentials),
        (call.barycenter, sizes.n, Argument::Barycenter),
        (call.work, call.work_len, Argument::Work),
    ];
    let mut written = Writes::NOTHING;
    for (data, len, argument) in outputs {
        check_slice(data.cast_const(), len, argument)?;
        written.and(&Range::of(data, len, argument));
    }
    for range in extra {
        written.and(range);
    }
    // SAFETY: passed on from the caller.
    let options = unsafe { ladder(call.options, &mut written) }?.solve(solve);
    written.and(&solve_options.range());
    // SAFETY: as above.
    unsafe { refuse_overlap(&mut written, &measures) }?;
    // SAFETY: as above; no other range shares an address.
    let (list, work) = unsafe { list(&measures, sizes.work_len(), (call.work, call.work_len)) }?;
    Ok(Opened {
        measures: list,
        epsilon: measures.epsilon(),
        options,
        solve_options,
        // SAFETY: checked; as long as the caller vouches; no other range shares an address.
        f: unsafe { slice_mut(call.f, sizes.rows, Argument::RowPotentials) }?,
        // SAFETY: as above.
        g: unsafe { slice_mut(call.g, cols, Argument::ColPotentials) }?,
        // SAFETY: as above.
        barycenter: unsafe { slice_mut(call.barycenter, sizes.n, Argument::Barycenter) }?,
        work,
    })
}

/// Refuses writing to what the measures read, or to the structs.
///
/// # Safety
/// The measures are readable.
pub(super) unsafe fn refuse_overlap<T: Scalar, const MOST: usize>(
    written: &mut Written<MOST>,
    measures: &Measures<T>,
) -> Result<(), Refusal> {
    for i in 0..measures.count {
        // SAFETY: passed on from the caller.
        unsafe { measures.note(i, written) }?;
    }
    measures.note_structs(written);
    written.check()
}

pub(super) unsafe fn solve_any<T: Scalar>(
    call: Call<T>,
    report: *mut types::BarycenterReport<T>,
) -> i32 {
    let solve = || {
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(report) }?;
        // SAFETY: as above.
        let o = unsafe { open(call, &[range]) }?;
        let problem = Problem::new(o.measures, o.epsilon)?;
        let mut observer = Observe::of(o.solve_options);
        let Opened { f, g, barycenter, work, options, .. } = o;
        let found = barycenter::solve(&problem, &options, f, g, barycenter, work, &mut observer)?;
        // SAFETY: checked by `report_range`.
        unsafe { write_report(report, &found) };
        Ok(found.termination as i32)
    };
    // SAFETY: passed on from the caller.
    solve().unwrap_or_else(|error| unsafe { refuse(report, error) })
}

/// Writes a report into as much of the caller's struct as there is.
///
/// # Safety
/// As that of a solve.
pub(super) unsafe fn write_report<T: Scalar>(
    report: *mut types::BarycenterReport<T>,
    found: &Report<T>,
) {
    type C<T> = types::BarycenterReport<T>;
    const {
        // Both structs hold the same values in the same order, from epsilon to share_factor.
        let own = offset_of!(Report<T>, share_factor) - offset_of!(Report<T>, epsilon);
        let theirs = offset_of!(C<T>, share_factor) - offset_of!(C<T>, epsilon);
        assert!(own == theirs && offset_of!(C<T>, iterations) == size_of::<Head>());
    }
    let head = report.cast::<Head>();
    // SAFETY: passed on from the caller.
    unsafe { write_ending(head, found.converged(), c_status(found.termination as i32)) };
    let layout = ReportLayout {
        values: offset_of!(C<T>, epsilon),
        reserved: offset_of!(C<T>, reserved_values),
        size: size_of::<C<T>>(),
    };
    // SAFETY: inside our own struct.
    let source = unsafe { from_ref(found).byte_add(offset_of!(Report<T>, epsilon)) };
    // SAFETY: passed on from the caller; the values as above.
    unsafe { write_values(head, found.iterations, source.cast(), &layout) };
}

/// Tells how a call without a report ended; gives the status.
///
/// # Safety
/// `error` is NULL or writable.
pub(super) unsafe fn tell(error: *mut rot_error, result: Result<(), Error>) -> i32 {
    let ending = match result {
        Ok(()) => c_status(0),
        Err(e) => c_error(e),
    };
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, ending) };
    ending.status
}

/// The range of an error, which may be NULL.
pub(super) fn error_range(error: *mut rot_error) -> Result<Range, Refusal> {
    check_optional(error.cast_const(), Argument::Report)?;
    Ok(Range::of(error, 1, Argument::Report))
}

pub(super) unsafe fn check_any<T: Scalar>(call: Call<T>, error: *mut rot_error) -> i32 {
    let check = || {
        let range = error_range(error)?;
        // SAFETY: the caller's promises are those of the C function.
        let o = unsafe { open(call, &[range]) }?;
        let problem = Problem::new(o.measures, o.epsilon)?;
        barycenter::check(&problem, &o.options, o.f, o.g, o.barycenter, o.work)
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, check()) }
}

/// The arguments of a search for epsilon.
pub(super) struct Search<T> {
    pub(super) problem: *const types::BarycenterProblem<T>,
    pub(super) target: T,
    pub(super) epsilon: *mut T,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
}

pub(super) unsafe fn certifiable_any<T: Scalar>(call: &Search<T>, error: *mut rot_error) -> i32 {
    let find = || {
        let range = error_range(error)?;
        check_pointer(call.epsilon.cast_const(), Argument::Output)?;
        // SAFETY: the caller's promises are those of the C function.
        let measures = unsafe { read_problem(call.problem) }?;
        // SAFETY: as above.
        let sizes = unsafe { sizes(&measures) }?;
        check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
        let mut written = Written::<3>::NOTHING;
        written.and(&Range::of(call.epsilon, 1, Argument::Output));
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        written.and(&range);
        // SAFETY: as above.
        unsafe { refuse_overlap(&mut written, &measures) }?;
        // SAFETY: as above; no other range shares an address.
        let (list, _) = unsafe { list(&measures, sizes.work_len(), (call.work, call.work_len)) }?;
        let problem = Problem::new(list, measures.epsilon())?;
        for (i, measure) in list.iter().enumerate() {
            check_weights::<T>(measure.weights, Argument::RowWeights)
                .map_err(|error| error.in_measure(i))?;
        }
        if !(call.target > T::ZERO && call.target.is_finite()) {
            return Err(Error::new(ErrorKind::Tolerance, Argument::Stop));
        }
        let found = problem.certifiable_epsilon(call.target);
        let found = found.ok_or(Error::new(ErrorKind::NoCertificate, Argument::Stop))?;
        // SAFETY: checked above.
        unsafe { write_plain(call.epsilon, found) };
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, find()) }
}
