//! `rot_anneal_*`: solving at small epsilon.

#[cfg(feature = "implicit")]
mod calls;

#[cfg(feature = "implicit")]
use super::sinkhorn::Call;
use super::types;
#[cfg(feature = "implicit")]
use calls::solve_any;

/// Sweeps alone, without Newton's method (rot_anneal_solve).
pub const ROT_METHOD_NONE: u32 = 2;

/// Elements of work for rot_anneal_solve: n rows, m columns, points of dimension d (0 for a dense
/// cost), and ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE or ROT_METHOD_NONE. The same number for f32 and
/// f64; SIZE_MAX if it overflows. Equal to the macros ROT_ANNEAL_DIRECT_WORK_LEN(n, m, d),
/// ROT_ANNEAL_ITERATIVE_WORK_LEN(n, m, d) and ROT_ANNEAL_NONE_WORK_LEN(n, m, d). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_anneal_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    #[cfg(feature = "implicit")]
    return calls::work_len(method)(n, m, d);
    #[cfg(not(feature = "implicit"))]
    return super::no_work((n, m, d, method));
}

/// Elements of work with which rot_anneal_solve keeps the kernel in memory: rot_anneal_work_len, room for
/// one more n x m matrix, and a few vectors. The same number for f32 and f64; SIZE_MAX if it overflows.
/// Equal to the macros ROT_ANNEAL_DIRECT_FAST_WORK_LEN(n, m, d),
/// ROT_ANNEAL_ITERATIVE_FAST_WORK_LEN(n, m, d) and ROT_ANNEAL_NONE_FAST_WORK_LEN(n, m, d). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_anneal_fast_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    #[cfg(all(feature = "implicit", feature = "scaling"))]
    return calls::fast_work_len(method)(n, m, d);
    #[cfg(not(all(feature = "implicit", feature = "scaling")))]
    return super::no_work((n, m, d, method));
}

/// The solver that is near the best everywhere, and made for small epsilon, where plain sweeps need a number of iterations that grows like
/// 1 / epsilon and worse: on a ladder of falling epsilons, each of which starts from the potentials of
/// the one above, with Newton's method on the dual
///
///   D(f, g) = -Phi_row*(-f) - Phi_col*(-g) - epsilon * sum exp((f_i + g_j - C_ij) / epsilon)
///
/// at its end, once the residuals seen say that sweeps would take longer. A step is taken only if it brings D up, or its gradient down; else sweeps go on.
///
/// @param problem        the problem; read only
/// @param options        NULL for the defaults; read only
/// @param solve_options  as for rot_sinkhorn_solve_f64, NULL for the defaults; its limit of iterations
///                       and its observer count the sweeps of all levels; read only
/// @param f              n potentials of the rows; read first under ROT_WARM_START
/// @param g              m potentials of the columns; read first under ROT_WARM_START
/// @param work           work_len elements, contents arbitrary, before and after
/// @param work_len       at least rot_anneal_work_len(n, m, d, options->method); with
///                       rot_anneal_fast_work_len the kernel is kept, and most sweeps and products do
///                       without exponentials
/// @param report         initialised with ROT_REPORT_F64_INIT; `iterations` are the sweeps of all
///                       levels, `levels`, `newton_steps` and `newton_products` what the ladder did
///
/// Returns the status as rot_sinkhorn_solve_f64 does, with the same refusals; ROT_ROUNDING_FLOOR too
/// where Newton's method, with the residual at the floor, finds no better point. A limit of iterations
/// or an observer that stops the walk above the last level leave potentials of the problem's epsilon
/// that are far from its optimum. ROT_ERR_EPSILON and ROT_ERR_COUNT (ROT_ARG_OPTIONS) for a start or a
/// factor that make no ladder and for no sweeps; ROT_ERR_KIND, ROT_ERR_TOLERANCE and ROT_ERR_COUNT
/// (ROT_ARG_METHOD) for the method. Cost: n m exponentials for each sweep and for each trial of a step,
/// some n m k multiplications for a direct step, k the smaller of n and m, and n m exponentials for
/// each iteration of an iterative one. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_anneal_solve_f64(
    problem: *const types::rot_problem_f64,
    options: *const types::rot_anneal_options_f64,
    solve_options: *const types::rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    report: *mut types::rot_report_f64,
) -> i32 {
    #[cfg(all(feature = "implicit", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        solve_any(Call { problem, options: solve_options, f, g, work, work_len }, options, report)
    };
    #[cfg(not(all(feature = "implicit", feature = "f64")))]
    return super::not_built((problem, options, solve_options, f, g, work, work_len, report));
}

/// rot_anneal_solve_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_anneal_solve_f32(
    problem: *const types::rot_problem_f32,
    options: *const types::rot_anneal_options_f32,
    solve_options: *const types::rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    report: *mut types::rot_report_f32,
) -> i32 {
    #[cfg(feature = "implicit")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        solve_any(Call { problem, options: solve_options, f, g, work, work_len }, options, report)
    };
    #[cfg(not(feature = "implicit"))]
    return super::not_built((problem, options, solve_options, f, g, work, work_len, report));
}
