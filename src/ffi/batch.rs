//! `rot_sinkhorn_solve_batch_*`: many problems of one shape in one call.

use core::mem::{MaybeUninit, offset_of, size_of};

use super::abi::{Range, Refusal, Written, check_slice, field, plausible, slice_of, span, work_of};
use super::convert::{
    Head, MATRICES, ProblemSource, Scalar, costs, first_problem_of, matrix, options_of,
    read_options, read_problem_until, weights, write_report,
};
use super::sinkhorn::{Call, Observe, fast_len, refuse, report_range};
use super::types::{
    self, rot_options_f32, rot_options_f64, rot_problem_f32, rot_problem_f64, rot_report_f32,
    rot_report_f64,
};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::options::Sweep;
use crate::sinkhorn::{self, Batch};

/// How many problems there are, and how far apart their data lies.
struct Layout {
    count: usize,
    /// Of the cost and both kinds of points.
    strides: [usize; 3],
    /// Of the weights of both sides.
    weights: [usize; 2],
}

impl Layout {
    /// Those of a problem; a kind of cost has no use for the strides of another.
    fn of<T: Scalar>(c: ProblemSource<T>) -> Self {
        type C<T> = types::Problem<T>;
        let cost = field!(c, C<T>, cost_stride, 0);
        let points = [field!(c, C<T>, x_stride, 0), field!(c, C<T>, y_stride, 0)];
        Self {
            count: field!(c, C<T>, count, 0),
            strides: [cost, points[0], points[1]],
            weights: [field!(c, C<T>, a_stride, 0), field!(c, C<T>, b_stride, 0)],
        }
    }

    /// Elements from the first of something to the last. Error: `TooLarge`.
    fn reach(&self, stride: usize, argument: Argument) -> Result<usize, Refusal> {
        let steps = self.count.saturating_sub(1);
        steps.checked_mul(stride).ok_or(Refusal::new(ErrorKind::TooLarge, argument))
    }

    /// `len` elements for each problem. Error: `TooLarge`.
    fn all(&self, len: usize, argument: Argument) -> Result<usize, Refusal> {
        self.count.checked_mul(len).ok_or(Refusal::new(ErrorKind::TooLarge, argument))
    }
}

/// The reports, checked: all of the size that the first one states. Gives that size and the range.
///
/// # Safety
/// `reports` is NULL or readable for `count` structs of the size that the first one states.
unsafe fn reports_range<R>(reports: *mut R, layout: &Layout) -> Result<(usize, Range), Refusal> {
    if layout.count == 0 {
        return Ok((0, Range::NOTHING));
    }
    // SAFETY: passed on from the caller.
    unsafe { report_range(reports) }?;
    // SAFETY: not NULL, aligned and as long as a refusal.
    let size = unsafe { reports.cast::<u32>().read() } as usize;
    let bytes = layout.all(size, Argument::Report)?;
    check_slice(reports.cast::<u8>().cast_const(), bytes, Argument::Report)?;
    for k in 1..layout.count {
        let report = reports.wrapping_byte_add(k * size).cast::<u32>();
        // SAFETY: one of `count` structs of this size.
        let other = unsafe { report.read() } as usize;
        if other != size || !plausible(other, size_of::<Head>()) {
            return Err(Refusal::new(ErrorKind::StructSize, Argument::Report));
        }
    }
    Ok((size, Range::of(reports.cast::<u8>(), bytes, Argument::Report)))
}

/// # Safety
/// The promises of the C caller.
unsafe fn solve_any<T: Scalar>(call: Call<T>, reports: *mut types::Report<T>) -> i32 {
    // Of no problems there is no report.
    let mut none = false;
    let mut solve = || {
        let reserved = offset_of!(types::Problem<T>, reserved_sizes);
        // SAFETY: passed on from the caller.
        let c = unsafe { read_problem_until(call.problem, reserved) }?;
        let layout = Layout::of(c);
        none = layout.count == 0;
        // SAFETY: passed on from the caller.
        let (report_size, report_bytes) = unsafe { reports_range(reports, &layout) }?;
        // SAFETY: passed on from the caller.
        let c_options = unsafe { read_options(call.options) }?;
        let mut more = [0; 3];
        for ((more, stride), argument) in more.iter_mut().zip(layout.strides).zip(MATRICES) {
            *more = layout.reach(stride, argument)?;
        }
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let first = unsafe { first_problem_of(c, more, place) }?;
        let options = options_of(c_options)?;
        let (n, m) = first.shape();
        let [(a, _), (b, _)] = weights(c);
        let [a_stride, b_stride] = layout.weights;
        // (A first problem of n and m weights was formed, so these do not overflow first.)
        let a_len = layout.reach(a_stride, Argument::RowWeights)?.saturating_add(n);
        let b_len = layout.reach(b_stride, Argument::ColWeights)?.saturating_add(m);
        // SAFETY: passed on from the caller.
        let a = unsafe { slice_of(a, a_len, Argument::RowWeights) }?;
        // SAFETY: passed on from the caller.
        let b = unsafe { slice_of(b, b_len, Argument::ColWeights) }?;
        let [cost_stride, x_stride, y_stride] = layout.strides;
        let batch = Batch::new(*first, layout.count);
        // A dense cost has no points.
        let batch = if Geometry::<T>::dimension(first.geometry()) == 0 {
            batch.costs(cost_stride)
        } else {
            batch.points(x_stride, y_stride)
        }?;
        let batch = batch.row_weights(a, a_stride)?.col_weights(b, b_stride)?;

        let f_len = layout.all(n, Argument::RowPotentials)?;
        let g_len = layout.all(m, Argument::ColPotentials)?;
        check_slice(call.f.cast_const(), f_len, Argument::RowPotentials)?;
        check_slice(call.g.cast_const(), g_len, Argument::ColPotentials)?;
        check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
        let mut written = Written::<5>::NOTHING;
        written.and(&Range::of(call.f, f_len, Argument::RowPotentials));
        written.and(&Range::of(call.g, g_len, Argument::ColPotentials));
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        written.and(&report_bytes);
        written.and(&c_options.range());
        written.and(&c.range());
        for (k, more) in more.into_iter().enumerate() {
            let matrix = matrix(costs(c), k);
            let len = span(matrix).saturating_add(more);
            written.and(&Range::of(matrix.data, len, Argument::None));
        }
        written.and(&Range::of(a.as_ptr(), a_len, Argument::None));
        written.and(&Range::of(b.as_ptr(), b_len, Argument::None));
        written.check()?;
        // SAFETY: checked; writable as the caller vouches; no other range shares an address.
        let f = unsafe { core::slice::from_raw_parts_mut(call.f, f_len) };
        // SAFETY: checked; writable as the caller vouches; no other range shares an address.
        let g = unsafe { core::slice::from_raw_parts_mut(call.g, g_len) };
        let d = Geometry::<T>::dimension(first.geometry());
        let (needed, useful) = (sinkhorn::work_len(n, m, d), fast_len(n, m, d));
        let roomy = call.work_len >= useful && options.sweep != Some(Sweep::Log);
        let len = if roomy { useful.max(needed) } else { needed };
        // SAFETY: the work as the caller vouches; no other range shares an address.
        let work = unsafe { work_of(call.work, call.work_len, len, true) }?;

        let mut observer = Observe::of(c_options);
        let (mut worst, mut offset) = (0, 0);
        sinkhorn::solve_each(&batch, &options, [f, g], work, &mut observer, &mut |report| {
            worst = worst.max(report.termination as i32);
            let place = reports.wrapping_byte_add(offset);
            offset += report_size;
            // SAFETY: one of `count` structs of a size that `reports_range` checked.
            unsafe { write_report(place, report) };
        })?;
        Ok::<i32, Error>(worst)
    };
    let ending = solve();
    let reports = if none { core::ptr::null_mut() } else { reports };
    // SAFETY: passed on from the caller, or NULL.
    ending.unwrap_or_else(|error| unsafe { refuse(reports, error) })
}

/// Solves many problems of one shape in one call (double precision): `problem->count` problems that
/// differ in their data alone. The cost (or the points) and the weights of problem k begin k strides
/// behind those in `problem`; a stride of 0 means that all problems share them. Rules, epsilon,
/// reference, flags and options are those of all. Every problem has the potentials and the report that
/// rot_sinkhorn_solve_f64 would give it, to the bit.
///
///   rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
///   problem.cost = (rot_matrix_f64)ROT_MATRIX(costs, 8, 8); // the first of 200
///   problem.a = problem.b = weights;                        // of all
///   problem.a_len = problem.b_len = 8;
///   problem.epsilon = 0.05;
///   problem.count = 200;
///   problem.cost_stride = 8 * 8;
///   status = rot_sinkhorn_solve_batch_f64(&problem, NULL, f, g, work, work_len, reports);
///
/// @param problem   the first problem, the count and the strides; read only
/// @param options   NULL for the defaults; read only. `observe` watches each problem in turn; what it
///                  stops is the problem at hand
/// @param f         count x n potentials, one problem behind the other; read first under
///                  ROT_WARM_START
/// @param g         count x m potentials of the columns, likewise
/// @param work      work_len elements, contents arbitrary, before and after
/// @param work_len  as for one problem: ROT_SINKHORN_WORK_LEN(n, m, d), or
///                  ROT_SINKHORN_FAST_WORK_LEN(n, m, d)
/// @param reports   count reports, each initialised with ROT_REPORT_F64_INIT
///
/// Returns the largest status of all: ROT_OK if every problem has converged, else a positive remark,
/// and each report says how its problem ended. Or a negative refusal: all problems are looked at first,
/// so that nothing is written then but work and, in the first report, `error` (whose `measure` is the
/// index of the problem, or ROT_NOWHERE) and `converged`. A count of 0 does nothing. Cost: that of the
/// solves. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_solve_batch_f64(
    problem: *const rot_problem_f64,
    options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    reports: *mut rot_report_f64,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe { solve_any(Call { problem, options, f, g, work, work_len }, reports) };
    #[cfg(not(feature = "f64"))]
    let status = super::not_built((problem, options, f, g, work, work_len, reports));
    status
}

/// rot_sinkhorn_solve_batch_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_solve_batch_f32(
    problem: *const rot_problem_f32,
    options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    reports: *mut rot_report_f32,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { solve_any(Call { problem, options, f, g, work, work_len }, reports) }
}
