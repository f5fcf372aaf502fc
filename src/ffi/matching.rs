//! `rot_matching_*`: the loss of a regression without correspondence.

use core::mem::offset_of;

use super::abi::{Range, Refusal, Source, check_slice, field, slice_mut, work_of};
use super::convert::{
    Scalar, options_of, problem_of, read_options, read_problem, refuse_overlap, write_report,
};
use super::gradient::{
    GradientWrites, ROT_METHOD_DIRECT, hand_over_gradient, options_of as gradient_options_of,
    places, read_gradient, shape,
};
use super::sinkhorn::{Observe, refuse, report_range};
use super::types::{self, rot_matching_options};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::Method;
use crate::matching::{self, Gradient, Unit};

/// Epsilon, tau and entropy are in cost units.
pub const ROT_UNIT_ABSOLUTE: u32 = 0;
/// They are in units of the largest cost, taken for a constant.
pub const ROT_UNIT_LARGEST: u32 = 1;
/// They are in units of the largest cost, whose own gradient counts.
pub const ROT_UNIT_LARGEST_DIFFERENTIATED: u32 = 2;
/// The gradient of <C, X>, the plan moving along.
pub const ROT_GRADIENT_FULL: u32 = 0;
/// The gradient at a fixed plan.
pub const ROT_GRADIENT_ENVELOPE: u32 = 1;

/// The caller's options of a matching; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn kind_of(
    pointer: *const rot_matching_options,
    written: &mut GradientWrites,
) -> Result<(Unit, Gradient), Refusal> {
    if pointer.is_null() {
        return Ok((Unit::Absolute, Gradient::Full));
    }
    type C = rot_matching_options;
    let argument = Argument::Options;
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, argument) }?;
    written.and_read(&c.range());
    if !c.zero_from(offset_of!(C, reserved32), size_of::<C>()) {
        return Err(Refusal::new(ErrorKind::StructSize, argument));
    }
    let unit = match field!(c, C, unit, ROT_UNIT_ABSOLUTE) {
        ROT_UNIT_ABSOLUTE => Unit::Absolute,
        ROT_UNIT_LARGEST => Unit::Largest,
        ROT_UNIT_LARGEST_DIFFERENTIATED => Unit::LargestDifferentiated,
        _ => return Err(Refusal::new(ErrorKind::Kind, argument)),
    };
    match field!(c, C, gradient, ROT_GRADIENT_FULL) {
        ROT_GRADIENT_FULL => Ok((unit, Gradient::Full)),
        ROT_GRADIENT_ENVELOPE => Ok((unit, Gradient::Envelope)),
        _ => Err(Refusal::new(ErrorKind::Kind, argument)),
    }
}

/// The arguments of a step.
struct Call<T> {
    problem: *const types::Problem<T>,
    options: *const rot_matching_options,
    solve_options: *const types::Options<T>,
    gradient_options: *const types::GradientOptions<T>,
    f: *mut T,
    g: *mut T,
    report: *mut types::Report<T>,
    gradient: *mut types::Gradient<T>,
    work: *mut T,
    work_len: usize,
}

unsafe fn step_any<T: Scalar>(call: &Call<T>) -> i32 {
    let find = || {
        let mut written = GradientWrites::NOTHING;
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(call.report) }?;
        let size = range.len();
        written.and(&range);
        // SAFETY: as above.
        let [n, m] = unsafe { shape(call.problem) }?;
        // SAFETY: as above.
        let outputs = unsafe { read_gradient(call.gradient, [n, m], &mut written) }?;
        // SAFETY: as above.
        let (unit, kind) = unsafe { kind_of(call.options, &mut written) }?;
        // SAFETY: as above.
        let c = unsafe { read_problem(call.problem) }?;
        // SAFETY: as above.
        let c_options = unsafe { read_options(call.solve_options) }?;
        written.and_read(&c_options.range());
        // SAFETY: as above.
        let problem = unsafe { problem_of(c) }?;
        let solve = options_of(c_options)?;
        // SAFETY: as above.
        let implicit = unsafe { gradient_options_of(call.gradient_options, &mut written) }?;
        check_slice(call.f.cast_const(), n, Argument::RowPotentials)?;
        check_slice(call.g.cast_const(), m, Argument::ColPotentials)?;
        check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
        written.and(&Range::of(call.f, n, Argument::RowPotentials));
        written.and(&Range::of(call.g, m, Argument::ColPotentials));
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        refuse_overlap(&mut written, c)?;
        let geometry = *problem.geometry();
        let d = Geometry::<T>::dimension(&geometry);
        let direct = implicit.method_of() == Method::Direct;
        let needed = matching::work_len(n, m, d, direct);
        // SAFETY: the work as the caller vouches; no other range shares an address.
        let work = unsafe { work_of(call.work, call.work_len, needed, true) }?;
        // SAFETY: checked, and no other range shares an address.
        let f = unsafe { slice_mut(call.f, n, Argument::RowPotentials) }?;
        // SAFETY: as above.
        let g = unsafe { slice_mut(call.g, m, Argument::ColPotentials) }?;
        // SAFETY: as above.
        let places = unsafe { places(outputs, [n, m]) }?;
        let [rows, cols] = problem.rules();
        let options = matching::Options::new(problem.epsilon())
            .rules(rows, cols)
            .unit(unit)
            .gradient(kind)
            .solve(solve)
            .implicit(implicit);
        let mut observer = Observe::of(c_options);
        let weights = problem.weights();
        let found = matching::step(geometry, weights, &options, f, g, places, work, &mut observer)?;
        // SAFETY: checked by `report_range`.
        unsafe { write_report(call.report, size, &found.solve) };
        // SAFETY: `read_gradient` found a whole struct.
        unsafe { hand_over_gradient(call.gradient, &found.gradient) };
        Ok::<i32, Error>(found.solve.termination as i32)
    };
    // SAFETY: passed on from the caller.
    find().unwrap_or_else(|error| unsafe { refuse(call.report, error) })
}

/// Elements of work for rot_matching_step: n predictions, m targets, points of dimension d (0 for a
/// dense cost), and ROT_METHOD_DIRECT or ROT_METHOD_ITERATIVE. The same number for f32 and f64;
/// SIZE_MAX if it overflows. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_matching_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    matching::work_len(n, m, d, method == ROT_METHOD_DIRECT)
}

/// One training step of a regression without correspondence: solves `problem` (predictions are the
/// points of the rows, targets those of the columns; or a cost of your own), whose transport cost in
/// the report is the loss, and takes its gradient: with respect to predictions (`gradient->x`),
/// targets (`gradient->y`), or your cost (`gradient->cost`). `f` and `g` hold the potentials: with
/// ROT_WARM_START in the options of the solve those of the step before. Any of the three options may
/// be NULL.
///
/// Returns the status of the solve. `gradient->error.status` is ROT_OK, or ROT_ERR_NOT_CONVERGED or
/// ROT_ERR_SINGULAR if there is no gradient, and then none was written. A refusal is explained by
/// `report->error`, and all outputs are as they were. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_matching_step_f64(
    problem: *const types::rot_problem_f64,
    options: *const rot_matching_options,
    solve_options: *const types::rot_options_f64,
    gradient_options: *const types::rot_gradient_options_f64,
    f: *mut f64,
    g: *mut f64,
    report: *mut types::rot_report_f64,
    gradient: *mut types::rot_gradient_f64,
    work: *mut f64,
    work_len: usize,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        step_any(&Call {
            problem,
            options,
            solve_options,
            gradient_options,
            f,
            g,
            report,
            gradient,
            work,
            work_len,
        })
    };
    #[cfg(not(feature = "f64"))]
    return super::not_built((
        problem,
        options,
        solve_options,
        gradient_options,
        f,
        g,
        report,
        gradient,
        work,
        work_len,
    ));
}

/// rot_matching_step_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_matching_step_f32(
    problem: *const types::rot_problem_f32,
    options: *const rot_matching_options,
    solve_options: *const types::rot_options_f32,
    gradient_options: *const types::rot_gradient_options_f32,
    f: *mut f32,
    g: *mut f32,
    report: *mut types::rot_report_f32,
    gradient: *mut types::rot_gradient_f32,
    work: *mut f32,
    work_len: usize,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe {
        step_any(&Call {
            problem,
            options,
            solve_options,
            gradient_options,
            f,
            g,
            report,
            gradient,
            work,
            work_len,
        })
    }
}
