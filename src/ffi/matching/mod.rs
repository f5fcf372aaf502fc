//! `rot_matching_*`: the loss of a regression without correspondence.

#[cfg(feature = "implicit")]
mod calls;

use super::types::{self, rot_matching_options};
#[cfg(feature = "implicit")]
use calls::{Call, step_any};

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

/// Elements of work for rot_matching_step: n predictions, m targets, points of dimension d (0 for a
/// dense cost), and ROT_METHOD_DIRECT or ROT_METHOD_ITERATIVE. The same number for f32 and f64;
/// SIZE_MAX if it overflows. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_matching_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    #[cfg(feature = "implicit")]
    return crate::matching::work_len(n, m, d, method == super::gradient::ROT_METHOD_DIRECT);
    #[cfg(not(feature = "implicit"))]
    return super::no_work((n, m, d, method));
}

/// One training step of a regression without correspondence: solves `problem` (predictions are the
/// points of the rows, targets those of the columns; or a cost of your own), whose transport cost in
/// the report is the loss, and takes its gradient: with respect to predictions (`gradient->x`),
/// targets (`gradient->y`), or your cost (`gradient->cost`). `f` and `g` hold the potentials: with
/// ROT_WARM_START in the options of the solve those of the step before. Any of the three options may
/// be NULL. The solve is in the log domain: ROT_SWEEP_SCALING is refused (ROT_ERR_KIND,
/// ROT_ARG_SWEEP).
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
    #[cfg(all(feature = "implicit", feature = "f64"))]
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
    #[cfg(not(all(feature = "implicit", feature = "f64")))]
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
    #[cfg(feature = "implicit")]
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
    #[cfg(not(feature = "implicit"))]
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
