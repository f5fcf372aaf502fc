//! `rot_gradient_*`: derivatives of the optimum in both directions.

#[cfg(feature = "implicit")]
pub(super) mod calls;

use super::types;
#[cfg(feature = "implicit")]
use calls::{Call, jvp_any, vjp_any};

/// Factor the linear system of a gradient.
pub const ROT_METHOD_DIRECT: u32 = 0;
/// Solve it by conjugate gradients.
pub const ROT_METHOD_ITERATIVE: u32 = 1;

/// Elements of work for the rot_gradient functions: n rows, m columns, points of dimension d (0 for a
/// dense cost), and ROT_METHOD_DIRECT or ROT_METHOD_ITERATIVE. The same number for f32 and f64;
/// SIZE_MAX if it overflows. Equal to the macros ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d) and
/// ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_gradient_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    #[cfg(feature = "implicit")]
    return crate::implicit::work_len(n, m, d, method == ROT_METHOD_DIRECT);
    #[cfg(not(feature = "implicit"))]
    return super::no_work((n, m, d, method));
}

/// Elements of work with which the rot_gradient functions keep the plan in memory: some n m more than
/// rot_gradient_work_len, and most exponentials fewer. The bits are the same. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_gradient_fast_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    #[cfg(feature = "implicit")]
    return crate::implicit::fast_work_len(n, m, d, method == ROT_METHOD_DIRECT);
    #[cfg(not(feature = "implicit"))]
    return super::no_work((n, m, d, method));
}

/// Gradients of a loss from its derivatives with respect to the optimum (`cotangent`), by the implicit
/// function theorem: with r, c the plan's marginals and G the cotangent of the plan, (u, v) solve
/// [diag(r) X; X^T diag(c)] (u; v) + compliance of the rules = ((G X) 1; (G X)^T 1), and
/// dL/dC = X (u + v - G) / epsilon. `f`, `g` and `report` are those of a solve; what `gradient`
/// points to is overwritten. `options` may be NULL.
///
/// Returns ROT_OK or a refusal, which `gradient->error` explains and which leaves all outputs:
/// ROT_ERR_NOT_CONVERGED if the potentials' residual is above the forward tolerance, ROT_ERR_GAUGE,
/// ROT_ERR_SINGULAR if the factorisation fails (single precision at small epsilon: use the
/// iterative method) or for the cotangent of a potential that has next to no mass, whose index it
/// names, and what does not fit. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_gradient_vjp_f64(
    problem: *const types::rot_problem_f64,
    f: *const f64,
    g: *const f64,
    report: *const types::rot_report_f64,
    cotangent: *const types::rot_cotangent_f64,
    options: *const types::rot_gradient_options_f64,
    gradient: *mut types::rot_gradient_f64,
    work: *mut f64,
    work_len: usize,
) -> i32 {
    #[cfg(all(feature = "implicit", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        vjp_any(Call { problem, f, g, report, options, work, work_len }, cotangent, gradient)
    };
    #[cfg(not(all(feature = "implicit", feature = "f64")))]
    return super::not_built((problem, f, g, report, cotangent, options, gradient, work, work_len));
}

/// rot_gradient_vjp_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_gradient_vjp_f32(
    problem: *const types::rot_problem_f32,
    f: *const f32,
    g: *const f32,
    report: *const types::rot_report_f32,
    cotangent: *const types::rot_cotangent_f32,
    options: *const types::rot_gradient_options_f32,
    gradient: *mut types::rot_gradient_f32,
    work: *mut f32,
    work_len: usize,
) -> i32 {
    #[cfg(feature = "implicit")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        vjp_any(Call { problem, f, g, report, options, work, work_len }, cotangent, gradient)
    };
    #[cfg(not(feature = "implicit"))]
    return super::not_built((problem, f, g, report, cotangent, options, gradient, work, work_len));
}

/// How the optimum changes with the problem in the direction `tangent`: the transpose of
/// rot_gradient_vjp_f64, with the same work and the same refusals; ROT_ERR_MASS_MISMATCH if da and
/// db do not keep two fixed masses equal. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_gradient_jvp_f64(
    problem: *const types::rot_problem_f64,
    f: *const f64,
    g: *const f64,
    report: *const types::rot_report_f64,
    tangent: *const types::rot_tangent_f64,
    options: *const types::rot_gradient_options_f64,
    change: *mut types::rot_change_f64,
    work: *mut f64,
    work_len: usize,
) -> i32 {
    #[cfg(all(feature = "implicit", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        jvp_any(Call { problem, f, g, report, options, work, work_len }, tangent, change)
    };
    #[cfg(not(all(feature = "implicit", feature = "f64")))]
    return super::not_built((problem, f, g, report, tangent, options, change, work, work_len));
}

/// rot_gradient_jvp_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_gradient_jvp_f32(
    problem: *const types::rot_problem_f32,
    f: *const f32,
    g: *const f32,
    report: *const types::rot_report_f32,
    tangent: *const types::rot_tangent_f32,
    options: *const types::rot_gradient_options_f32,
    change: *mut types::rot_change_f32,
    work: *mut f32,
    work_len: usize,
) -> i32 {
    #[cfg(feature = "implicit")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        jvp_any(Call { problem, f, g, report, options, work, work_len }, tangent, change)
    };
    #[cfg(not(feature = "implicit"))]
    return super::not_built((problem, f, g, report, tangent, options, change, work, work_len));
}
