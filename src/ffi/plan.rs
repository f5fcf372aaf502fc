//! `rot_plan_*`: the plan as a view of potentials.

use core::mem::MaybeUninit;

use super::abi::{
    Range, Refusal, Written, c_error, c_status, check_mat_mut, check_optional, check_pointer,
    check_slice, mat_mut, mat_of, slice_mut, slice_of, span, work_of, write_plain,
};
use super::convert::{
    Place, ProblemSource, Scalar, problem_of, read_problem, refuse_overlap, weights,
};
use super::host::HostCost;
use super::types::{
    self, rot_error, rot_matrix_f32, rot_matrix_f64, rot_matrix_mut_f32, rot_matrix_mut_f64,
    rot_problem_f32, rot_problem_f64, rot_rounded_f32, rot_rounded_f64,
};
use crate::cost::Geometry;
#[cfg(not(feature = "f64"))]
use crate::error::ErrorKind;
use crate::error::{Argument, Error};
use crate::plan::{self, Factors, Plan};
use crate::problem::Problem;
use crate::view::{Mat, MatMut};

/// The most ranges that a call writes.
const MOST: usize = 7;

/// The arguments that all calls share.
#[derive(Clone, Copy)]
struct Call<T> {
    problem: *const types::Problem<T>,
    f: *const T,
    g: *const T,
    log_mass: T,
    work: *mut T,
    work_len: usize,
}

/// What a call looks like once everything in it has been checked.
struct Opened<'p, 'a, T: Scalar> {
    problem: &'p Problem<'a, T, HostCost<'a, T>>,
    f: &'a [T],
    g: &'a [T],
    work: &'a mut [T],
}

// (Plans in frames of their own, which are not on the stack while the problem is read.)
impl<T: Scalar> Opened<'_, '_, T> {
    #[inline(never)]
    fn marginals(&mut self, log_mass: T, row: &mut [T], col: &mut [T]) -> Result<T, Error> {
        Plan::new(self.problem, self.f, self.g, log_mass, self.work)?.marginals(row, col)
    }

    #[inline(never)]
    fn barycentric_map(
        &mut self,
        log_mass: T,
        values: &Mat<'_, T>,
        out: &mut MatMut<'_, T>,
    ) -> Result<(), Error> {
        let plan = Plan::new(self.problem, self.f, self.g, log_mass, self.work);
        plan?.barycentric_map(values, out)
    }
}

/// What a call uses besides potentials, work and problem.
#[derive(Clone, Copy)]
struct Uses<'r> {
    needs_work: bool,
    outputs: &'r [Range],
    error: *mut rot_error,
    inputs: &'r [Range],
}

/// Checks structs, pointers and overlaps, and forms the slices; the problem in a place of the caller.
///
/// # Safety
/// Every pointer is NULL or valid for what goes with it.
unsafe fn open<'p, 'a, T: Scalar>(
    call: &Call<T>,
    uses: Uses<'_>,
    place: &'p mut Place<'a, T>,
) -> Result<Opened<'p, 'a, T>, Refusal> {
    // SAFETY: passed on from the caller.
    let c = unsafe { read_problem(call.problem) }?;
    // SAFETY: passed on from the caller.
    let problem = unsafe { problem_of(c, place) }?;
    let (n, m) = problem.shape();
    // SAFETY: n potentials as the caller vouches.
    let f = unsafe { slice_of(call.f, n, Argument::RowPotentials) }?;
    // SAFETY: m potentials as the caller vouches.
    let g = unsafe { slice_of(call.g, m, Argument::ColPotentials) }?;
    if uses.needs_work {
        check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
    }
    keep_apart(call, uses, (n, m), c)?;
    if !uses.needs_work {
        return Ok(Opened { problem, f, g, work: &mut [] });
    }
    let needed = plan::work_len(n, m, Geometry::<T>::dimension(problem.geometry()));
    // SAFETY: the work as the caller vouches; no other range shares an address.
    let work = unsafe { work_of(call.work, call.work_len, needed, true) }?;
    Ok(Opened { problem, f, g, work })
}

/// Error `Overlap` if something that is written (work, which may be none, included) is read or written
/// twice.
#[inline(never)]
fn keep_apart<T: Scalar>(
    call: &Call<T>,
    Uses { outputs, error, inputs, .. }: Uses<'_>,
    (n, m): (usize, usize),
    c: ProblemSource<T>,
) -> Result<(), Refusal> {
    let mut written = Written::<MOST>::NOTHING;
    written.and(&Range::of(call.work, call.work_len, Argument::Work));
    for output in outputs {
        written.and(output);
    }
    written.and(&Range::of(error, 1, Argument::Report));
    for input in inputs {
        written.and(input);
    }
    written.and(&Range::of(call.f, n, Argument::None));
    written.and(&Range::of(call.g, m, Argument::None));
    refuse_overlap(&mut written, c)
}

/// The range of an output matrix, checked.
fn output<T>(matrix: &types::MatrixMut<T>) -> Result<Range, Refusal> {
    let len = check_mat_mut(matrix, Argument::Output)?;
    Ok(Range::of(matrix.data, len, Argument::Output))
}

/// Writes how a call ended and gives its status.
///
/// # Safety
/// `error` is NULL or writable.
unsafe fn hand_over(error: *mut rot_error, result: Result<(), Error>) -> i32 {
    let found = match result {
        Ok(()) => c_status(0),
        Err(e) => c_error(e),
    };
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, found) };
    found.status
}

unsafe fn entry_any<T: Scalar>(
    call: Call<T>,
    index: (usize, usize),
    value: *mut T,
    error: *mut rot_error,
) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        check_pointer(value.cast_const(), Argument::Output)?;
        let out = Range::of(value, 1, Argument::Output);
        let uses = Uses { needs_work: false, outputs: &[out], error, inputs: &[] };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let o = unsafe { open(&call, uses, place) }?;
        let found = plan::entry_of(o.problem, o.f, o.g, call.log_mass, index)?;
        // SAFETY: checked above.
        unsafe { write_plain(value, found) };
        Ok(())
    };
    let result = find();
    // SAFETY: passed on from the caller.
    unsafe { hand_over(error, result) }
}

unsafe fn row_any<T: Scalar>(call: Call<T>, i: usize, out: *mut T, error: *mut rot_error) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        // SAFETY: passed on from the caller.
        let c = unsafe { read_problem(call.problem) }?;
        let [_, (_, m)] = weights(c);
        let range = Range::of(out, m, Argument::Output);
        let uses = Uses { needs_work: false, outputs: &[range], error, inputs: &[] };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let o = unsafe { open(&call, uses, place) }?;
        // SAFETY: m elements as the caller vouches; no other range shares an address.
        let out = unsafe { slice_mut(out, m, Argument::Output) }?;
        plan::row_of(o.problem, o.f, o.g, call.log_mass, i, out)
    };
    let result = find();
    // SAFETY: passed on from the caller.
    unsafe { hand_over(error, result) }
}

unsafe fn marginals_any<T: Scalar>(
    call: Call<T>,
    row: *mut T,
    col: *mut T,
    transport_cost: *mut T,
    error: *mut rot_error,
) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        // SAFETY: passed on from the caller.
        let c = unsafe { read_problem(call.problem) }?;
        let [(_, n), (_, m)] = weights(c);
        check_pointer(row.cast_const(), Argument::Output)?;
        check_pointer(col.cast_const(), Argument::Output)?;
        check_optional(transport_cost.cast_const(), Argument::Output)?;
        let outputs = [
            Range::of(row, n, Argument::Output),
            Range::of(col, m, Argument::Output),
            Range::of(transport_cost, 1, Argument::Output),
        ];
        let uses = Uses { needs_work: true, outputs: &outputs, error, inputs: &[] };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let mut opened = unsafe { open(&call, uses, place) };
        let o = opened.as_mut().map_err(|e| *e)?;
        // SAFETY: n elements as the caller vouches; no other range shares an address.
        let row = unsafe { slice_mut(row, n, Argument::Output) }?;
        // SAFETY: m elements as the caller vouches; no other range shares an address.
        let col = unsafe { slice_mut(col, m, Argument::Output) }?;
        let found = o.marginals(call.log_mass, row, col)?;
        // SAFETY: passed on from the caller.
        unsafe { write_plain(transport_cost, found) };
        Ok(())
    };
    let result = find();
    // SAFETY: passed on from the caller.
    unsafe { hand_over(error, result) }
}

unsafe fn map_any<T: Scalar>(
    call: Call<T>,
    values: *const types::Matrix<T>,
    out: *const types::MatrixMut<T>,
    error: *mut rot_error,
) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        check_pointer(values, Argument::Values)?;
        check_pointer(out, Argument::Output)?;
        // SAFETY: not NULL and aligned; readable as the caller vouches.
        let (c_values, c_out) = (unsafe { &*values }, unsafe { &*out });
        let range = output(c_out)?;
        let inputs = [
            Range::of(c_values.data, span(c_values), Argument::None),
            Range::of(values, 1, Argument::None),
            Range::of(out, 1, Argument::None),
        ];
        let uses = Uses { needs_work: true, outputs: &[range], error, inputs: &inputs };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let mut opened = unsafe { open(&call, uses, place) };
        let o = opened.as_mut().map_err(|e| *e)?;
        // SAFETY: passed on from the caller.
        let values = unsafe { mat_of(c_values, Argument::Values) }?;
        // SAFETY: passed on from the caller; no other range shares an address.
        let mut out = unsafe { mat_mut(c_out, Argument::Output) }?;
        o.barycentric_map(call.log_mass, &values, &mut out)
    };
    let result = find();
    // SAFETY: passed on from the caller.
    unsafe { hand_over(error, result) }
}

unsafe fn dense_any<T: Scalar>(
    call: Call<T>,
    out: *const types::MatrixMut<T>,
    error: *mut rot_error,
) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        check_pointer(out, Argument::Output)?;
        // SAFETY: not NULL and aligned; readable as the caller vouches.
        let c_out = unsafe { &*out };
        let range = output(c_out)?;
        let inputs = [Range::of(out, 1, Argument::None)];
        let uses = Uses { needs_work: true, outputs: &[range], error, inputs: &inputs };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let o = unsafe { open(&call, uses, place) }?;
        // SAFETY: passed on from the caller; no other range shares an address.
        let mut out = unsafe { mat_mut(c_out, Argument::Output) }?;
        Plan::new(o.problem, o.f, o.g, call.log_mass, o.work)?.to_dense(&mut out)
    };
    let result = find();
    // SAFETY: passed on from the caller.
    unsafe { hand_over(error, result) }
}

unsafe fn round_any<T: Scalar>(
    call: Call<T>,
    [x, y, p, q]: [*mut T; 4],
    rounded: *mut types::Rounded<T>,
    error: *mut rot_error,
) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        // SAFETY: passed on from the caller.
        let c = unsafe { read_problem(call.problem) }?;
        let [(_, n), (_, m)] = weights(c);
        for vector in [x, y, p, q] {
            check_pointer(vector.cast_const(), Argument::Output)?;
        }
        check_pointer(rounded.cast_const(), Argument::Output)?;
        let out = |vector, len| Range::of(vector, len, Argument::Output);
        let outputs =
            [out(x, n), out(y, m), out(p, n), out(q, m), Range::of(rounded, 1, Argument::Output)];
        let uses = Uses { needs_work: true, outputs: &outputs, error, inputs: &[] };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let o = unsafe { open(&call, uses, place) }?;
        let mut plan = Plan::new(o.problem, o.f, o.g, call.log_mass, o.work)?;
        // SAFETY: n elements as the caller vouches; no other range shares an address.
        let x = unsafe { slice_mut(x, n, Argument::Output) }?;
        // SAFETY: m elements as the caller vouches; no other range shares an address.
        let y = unsafe { slice_mut(y, m, Argument::Output) }?;
        // SAFETY: n elements as the caller vouches; no other range shares an address.
        let p = unsafe { slice_mut(p, n, Argument::Output) }?;
        // SAFETY: m elements as the caller vouches; no other range shares an address.
        let q = unsafe { slice_mut(q, m, Argument::Output) }?;
        let found = plan.round(o.problem, Factors { x, y, p, q })?;
        let found = types::Rounded {
            transport_cost: found.transport_cost,
            unregularised_objective: found.unregularised_objective,
            added: found.added,
            reserved_value: T::ZERO,
        };
        // SAFETY: checked above.
        unsafe { write_plain(rounded, found) };
        Ok(())
    };
    let result = find();
    // SAFETY: passed on from the caller.
    unsafe { hand_over(error, result) }
}

/// Answer of a double-precision function in a library without double precision.
#[cfg(not(feature = "f64"))]
fn not_built<A>(_: A) -> Error {
    Error::new(ErrorKind::NotBuilt, Argument::None)
}

/// Elements of work for the rot_plan functions that take work: n rows, m columns, points of
/// dimension d (0 for a dense cost). The same number for f32 and f64; SIZE_MAX if it overflows.
/// Equal to the macro ROT_PLAN_WORK_LEN(n, m, d). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_plan_work_len(n: usize, m: usize, d: usize) -> usize {
    plan::work_len(n, m, d)
}

/// One entry of the plan, X_ij = exp((f_i + g_j - C_ij) / epsilon - log_mass) (times a_i b_j against
/// the product reference), in O(1).
///
/// @param problem   the problem that was solved
/// @param f, g      the potentials that the solve returned
/// @param log_mass  the report's log_mass
/// @param i, j      row and column
/// @param value     the entry
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which `value` is as it was. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_entry_f64(
    problem: *const rot_problem_f64,
    f: *const f64,
    g: *const f64,
    log_mass: f64,
    i: usize,
    j: usize,
    value: *mut f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe {
        entry_any(
            Call { problem, f, g, log_mass, work: core::ptr::null_mut(), work_len: 0 },
            (i, j),
            value,
            error,
        )
    };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status =
        unsafe { hand_over(error, Err(not_built((problem, f, g, log_mass, i, j, value)))) };
    status
}

/// rot_plan_entry_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_entry_f32(
    problem: *const rot_problem_f32,
    f: *const f32,
    g: *const f32,
    log_mass: f32,
    i: usize,
    j: usize,
    value: *mut f32,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe {
        entry_any(
            Call { problem, f, g, log_mass, work: core::ptr::null_mut(), work_len: 0 },
            (i, j),
            value,
            error,
        )
    }
}

/// Row i of the plan, m entries, in O(m); see rot_plan_entry_f64.
///
/// @param problem   the problem that was solved
/// @param f, g      the potentials that the solve returned
/// @param log_mass  the report's log_mass
/// @param i         row
/// @param out       m elements
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which `out` is as it was. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_row_f64(
    problem: *const rot_problem_f64,
    f: *const f64,
    g: *const f64,
    log_mass: f64,
    i: usize,
    out: *mut f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe {
        row_any(
            Call { problem, f, g, log_mass, work: core::ptr::null_mut(), work_len: 0 },
            i,
            out,
            error,
        )
    };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe { hand_over(error, Err(not_built((problem, f, g, log_mass, i, out)))) };
    status
}

/// rot_plan_row_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_row_f32(
    problem: *const rot_problem_f32,
    f: *const f32,
    g: *const f32,
    log_mass: f32,
    i: usize,
    out: *mut f32,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe {
        row_any(
            Call { problem, f, g, log_mass, work: core::ptr::null_mut(), work_len: 0 },
            i,
            out,
            error,
        )
    }
}

/// Marginals X 1 and X^T 1 of the plan and its transport cost <C, X>, in one sweep.
///
/// @param problem   the problem that was solved
/// @param f, g      the potentials that the solve returned
/// @param log_mass  the report's log_mass
/// @param work      work_len elements, contents arbitrary
/// @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
/// @param row       n elements, mass units
/// @param col       m elements, mass units
/// @param transport_cost  one element, cost times mass units; may be NULL
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which the outputs are as they were. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_marginals_f64(
    problem: *const rot_problem_f64,
    f: *const f64,
    g: *const f64,
    log_mass: f64,
    work: *mut f64,
    work_len: usize,
    row: *mut f64,
    col: *mut f64,
    transport_cost: *mut f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe {
        marginals_any(
            Call { problem, f, g, log_mass, work, work_len },
            row,
            col,
            transport_cost,
            error,
        )
    };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe {
        hand_over(
            error,
            Err(not_built((problem, f, g, log_mass, work, work_len, row, col, transport_cost))),
        )
    };
    status
}

/// rot_plan_marginals_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_marginals_f32(
    problem: *const rot_problem_f32,
    f: *const f32,
    g: *const f32,
    log_mass: f32,
    work: *mut f32,
    work_len: usize,
    row: *mut f32,
    col: *mut f32,
    transport_cost: *mut f32,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe {
        marginals_any(
            Call { problem, f, g, log_mass, work, work_len },
            row,
            col,
            transport_cost,
            error,
        )
    }
}

/// Barycentric map of the plan: out_i = sum_j X_ij values_j / sum_j X_ij, where the points of the
/// rows go in the mean. It depends on g only, so rows without weight have an image too; a row without
/// any partner of weight at finite cost gets NaN. One sweep.
///
/// @param problem   the problem that was solved
/// @param f, g      the potentials that the solve returned
/// @param log_mass  the report's log_mass
/// @param values    m x k, a value (a point, a colour) for each column
/// @param out       n x k, the mean for each row
/// @param work      work_len elements, contents arbitrary
/// @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which `out` is as it was. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_barycentric_map_f64(
    problem: *const rot_problem_f64,
    f: *const f64,
    g: *const f64,
    log_mass: f64,
    values: *const rot_matrix_f64,
    out: *const rot_matrix_mut_f64,
    work: *mut f64,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status =
        unsafe { map_any(Call { problem, f, g, log_mass, work, work_len }, values, out, error) };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe {
        hand_over(error, Err(not_built((problem, f, g, log_mass, values, out, work, work_len))))
    };
    status
}

/// rot_plan_barycentric_map_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_barycentric_map_f32(
    problem: *const rot_problem_f32,
    f: *const f32,
    g: *const f32,
    log_mass: f32,
    values: *const rot_matrix_f32,
    out: *const rot_matrix_mut_f32,
    work: *mut f32,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { map_any(Call { problem, f, g, log_mass, work, work_len }, values, out, error) }
}

/// The whole plan as an n x m matrix.
///
/// @param problem   the problem that was solved
/// @param f, g      the potentials that the solve returned
/// @param log_mass  the report's log_mass
/// @param out       n x m
/// @param work      work_len elements, contents arbitrary
/// @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which `out` is as it was. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_dense_f64(
    problem: *const rot_problem_f64,
    f: *const f64,
    g: *const f64,
    log_mass: f64,
    out: *const rot_matrix_mut_f64,
    work: *mut f64,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe { dense_any(Call { problem, f, g, log_mass, work, work_len }, out, error) };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status =
        unsafe { hand_over(error, Err(not_built((problem, f, g, log_mass, out, work, work_len)))) };
    status
}

/// rot_plan_dense_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_dense_f32(
    problem: *const rot_problem_f32,
    f: *const f32,
    g: *const f32,
    log_mass: f32,
    out: *const rot_matrix_mut_f32,
    work: *mut f32,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { dense_any(Call { problem, f, g, log_mass, work, work_len }, out, error) }
}

/// Rounds the plan to its exact sides: X'_ij = x_i X_ij y_j + p_i q_j, with row sums a and column sums b
/// (times the report's mass_factor) where they are exact, up to the rounding of the entries. Where both are,
/// rows and columns are scaled down and what is missing is added as a matrix of rank one (Altschuler,
/// Niles-Weed and Rigollet 2017); one alone is scaled to its weights; the plan of ROT_UNIT_MASS is divided by
/// its sum. The cost of X' is an upper bound of the optimum. Two sweeps.
///
/// @param problem   the problem that was solved
/// @param f, g      the potentials that the solve returned
/// @param log_mass  the report's log_mass
/// @param work      work_len elements, contents arbitrary
/// @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
/// @param x         n factors of the rows
/// @param y         m factors of the columns
/// @param p         n shares of the rows in what is added
/// @param q         m masses that are added to the columns, mass units
/// @param rounded   what is true of X'
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which the outputs are as they were; ROT_ERR_KIND, blaming the rule, for one
/// that is neither exact nor KL, and ROT_ERR_MASS_MISMATCH. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_round_f64(
    problem: *const rot_problem_f64,
    f: *const f64,
    g: *const f64,
    log_mass: f64,
    work: *mut f64,
    work_len: usize,
    x: *mut f64,
    y: *mut f64,
    p: *mut f64,
    q: *mut f64,
    rounded: *mut rot_rounded_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe {
        round_any(Call { problem, f, g, log_mass, work, work_len }, [x, y, p, q], rounded, error)
    };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe {
        let arguments = (problem, f, g, log_mass, work, work_len, x, y, p, q, rounded);
        hand_over(error, Err(not_built(arguments)))
    };
    status
}

/// rot_plan_round_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_plan_round_f32(
    problem: *const rot_problem_f32,
    f: *const f32,
    g: *const f32,
    log_mass: f32,
    work: *mut f32,
    work_len: usize,
    x: *mut f32,
    y: *mut f32,
    p: *mut f32,
    q: *mut f32,
    rounded: *mut rot_rounded_f32,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe {
        round_any(Call { problem, f, g, log_mass, work, work_len }, [x, y, p, q], rounded, error)
    }
}
