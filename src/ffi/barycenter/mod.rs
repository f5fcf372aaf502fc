//! `rot_barycenter_*`: barycenters of any number of measures.

#[cfg(all(feature = "barycenter", feature = "implicit"))]
mod backward;
#[cfg(feature = "barycenter")]
mod calls;
#[cfg(feature = "barycenter")]
mod steps;
pub mod types;
#[cfg(all(feature = "barycenter", feature = "accuracy"))]
mod walk;

// Behind the solve in the manual.
pub mod accuracy;
pub mod gradient;

use super::types::{rot_error, rot_options_f32, rot_options_f64};
#[cfg(feature = "barycenter")]
use calls::{Call, Search, certifiable_any, check_any, solve_any};
#[cfg(feature = "barycenter")]
use steps::{Apply, Step, Total, Which, add_any, apply_any, combine_any, half_step_any, merge_any};
use types::{
    rot_barycenter_constants_f32, rot_barycenter_constants_f64, rot_barycenter_half_f32,
    rot_barycenter_half_f64, rot_barycenter_options_f32, rot_barycenter_options_f64,
    rot_barycenter_problem_f32, rot_barycenter_problem_f64, rot_barycenter_report_f32,
    rot_barycenter_report_f64, rot_barycenter_sums_f32, rot_barycenter_sums_f64,
};

/// Elements of work for the rot_barycenter functions: k measures with `rows` points together
/// (sum n_i), n points of the barycenter, points of dimension d (the largest; 0 if all costs are
/// matrices). The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the macro
/// ROT_BARYCENTER_WORK_LEN(k, rows, n, d), which sizes static arrays. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_barycenter_work_len(k: usize, rows: usize, n: usize, d: usize) -> usize {
    #[cfg(feature = "barycenter")]
    return calls::work_len(k, rows, n, d);
    #[cfg(not(feature = "barycenter"))]
    return super::no_work((k, rows, n, d));
}

/// Computes the barycenter of any number of measures on a fixed support (double precision):
///
///   minimise over X_1 .. X_k >= 0
///     sum_i w_i [ <C_i, X_i> + Phi_i(X_i 1) + epsilon * sum(X_i (log X_i - 1)) ]
///   where all X_i have one column marginal q
///
/// with shares w_i of sum 1 and ROT_EXACT or ROT_KL(tau_i) for each measure, freely mixed: exact
/// rules are classical iterative Bregman projections, KL rules the robust barycenter, over plans of
/// unit mass, which leaves out mass that is far from everything the others have. On success
/// `barycenter` (n) holds q / |q|; f (sum n_i, one measure behind the other) and g (k n, a row for
/// each measure), cost units, the potentials of X_i = exp((f_i + g_i - C_i) / epsilon).
///
/// @param problem        the measures and epsilon; read only
/// @param options        NULL for no ladder of epsilons; read only
/// @param solve_options  as those of rot_sinkhorn_solve_f64, NULL for the defaults; the residual is
///                       sum_i w_i |X_i 1 - r(f_i)|_1 over the mass; a certificate needs KL rules
/// @param f              sum n_i potentials of the measures; read first under ROT_WARM_START
/// @param g              k n potentials of the barycenter; read first under ROT_WARM_START
/// @param barycenter     n weights of unit mass
/// @param work           work_len elements, contents arbitrary, before and after
/// @param work_len       at least ROT_BARYCENTER_WORK_LEN(k, sum n_i, n, d)
/// @param report         initialised with ROT_BARYCENTER_REPORT_F64_INIT
///
/// Returns the status, which the report holds too, as rot_sinkhorn_solve_f64 does; a refusal names
/// the measure, where it is one's. ROT_ERR_BARYCENTER_RULE: a rule of a ball.
/// ROT_ERR_MASS_MISMATCH: exact measures of unequal mass, or one of share 0 where no other fixes
/// the mass. ROT_ERR_NO_PARTNER: a weight that reaches no point of the barycenter which all
/// measures reach. ROT_ERR_NO_CERTIFICATE: ROT_STOP_CERTIFIED with an exact measure.
/// Cost: sum_i n_i n exponentials for each iteration. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_solve_f64(
    problem: *const rot_barycenter_problem_f64,
    options: *const rot_barycenter_options_f64,
    solve_options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    barycenter: *mut f64,
    work: *mut f64,
    work_len: usize,
    report: *mut rot_barycenter_report_f64,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        solve_any(
            Call { problem, options, solve_options, f, g, barycenter, work, work_len },
            report,
        )
    };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((
        problem,
        options,
        solve_options,
        f,
        g,
        barycenter,
        work,
        work_len,
        report,
    ));
}

/// rot_barycenter_solve_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_solve_f32(
    problem: *const rot_barycenter_problem_f32,
    options: *const rot_barycenter_options_f32,
    solve_options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    barycenter: *mut f32,
    work: *mut f32,
    work_len: usize,
    report: *mut rot_barycenter_report_f32,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        solve_any(
            Call { problem, options, solve_options, f, g, barycenter, work, work_len },
            report,
        )
    };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((
        problem,
        options,
        solve_options,
        f,
        g,
        barycenter,
        work,
        work_len,
        report,
    ));
}

/// Validates what rot_barycenter_solve_f64 would be given, without solving: returns ROT_OK or the
/// refusal. `error` may be NULL. f and g are read only under ROT_WARM_START. Writes nothing but
/// work and `error`. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_check_f64(
    problem: *const rot_barycenter_problem_f64,
    options: *const rot_barycenter_options_f64,
    solve_options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    barycenter: *mut f64,
    work: *mut f64,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        check_any(Call { problem, options, solve_options, f, g, barycenter, work, work_len }, error)
    };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((
        problem,
        options,
        solve_options,
        f,
        g,
        barycenter,
        work,
        work_len,
        error,
    ));
}

/// rot_barycenter_check_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_check_f32(
    problem: *const rot_barycenter_problem_f32,
    options: *const rot_barycenter_options_f32,
    solve_options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    barycenter: *mut f32,
    work: *mut f32,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        check_any(Call { problem, options, solve_options, f, g, barycenter, work, work_len }, error)
    };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((
        problem,
        options,
        solve_options,
        f,
        g,
        barycenter,
        work,
        work_len,
        error,
    ));
}

/// The largest epsilon at which a solve is sure to certify `target` (ROT_STOP_CERTIFIED), written to
/// `epsilon`: target / (2 sum_i w_i log(n_i n)), n_i the number of positive weights. Work as
/// rot_barycenter_solve_f64 needs it; `error` may be NULL. Returns ROT_OK, or ROT_ERR_NO_CERTIFICATE
/// with an exact measure, or another refusal. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_certifiable_epsilon_f64(
    problem: *const rot_barycenter_problem_f64,
    target: f64,
    work: *mut f64,
    work_len: usize,
    epsilon: *mut f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe { certifiable_any(&Search { problem, target, epsilon, work, work_len }, error) };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((problem, target, work, work_len, epsilon, error));
}

/// rot_barycenter_certifiable_epsilon_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_certifiable_epsilon_f32(
    problem: *const rot_barycenter_problem_f32,
    target: f32,
    work: *mut f32,
    work_len: usize,
    epsilon: *mut f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe { certifiable_any(&Search { problem, target, epsilon, work, work_len }, error) };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((problem, target, work, work_len, epsilon, error));
}

/// One measure's part of an iteration, for a host that spreads measures over threads or machines.
/// An iteration is
///
///   1. for each measure: rot_barycenter_half_step_f64
///   2. for each measure: rot_barycenter_add_f64; rot_barycenter_merge_f64 where sums of several
///      hosts meet; rot_barycenter_combine_f64 once
///   3. for each measure: rot_barycenter_apply_f64
///
/// and hosts exchange no more than a vector of n elements and a rot_barycenter_sums_f64. A host's
/// problem needs to list its own measures only. Measures added in the order of the list give the
/// bits of rot_barycenter_solve_f64, in another order the same but for rounding.
///
/// The half step takes f_i (n_i) and g_i (n) of measure `index` and leaves the updated f_i and, in
/// place of g_i, the soft minimum t_i(j) = -epsilon log sum_l exp((f_i(l) - C_i(l, j)) / epsilon).
/// A fresh start is f_i = g_i = 0. What the cost or the potentials do wrong ends as
/// `half->trouble` (see rot_barycenter_check_f64). Exact measures
/// have one mass.
///
/// @param problem   the measure is one of its; read only
/// @param index     which, from 0
/// @param level     ROT_LEVEL_FASTEST, or a level to force
/// @param f         n_i potentials of the measure
/// @param g         n potentials of the barycenter; then t_i
/// @param work      work_len elements, contents arbitrary, before and after
/// @param work_len  at least ROT_BARYCENTER_WORK_LEN(1, n_i, n, d)
/// @param half      written: what the combination needs
/// @param error     may be NULL
///
/// Returns ROT_OK or a refusal, which writes nothing but work and `error`. Cost: n_i n exponentials.
/// Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_half_step_f64(
    problem: *const rot_barycenter_problem_f64,
    index: usize,
    level: u32,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    half: *mut rot_barycenter_half_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        half_step_any(
            &Step { which: Which { problem, index }, level, f, g, work, work_len, half },
            error,
        )
    };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((problem, index, level, f, g, work, work_len, half, error));
}

/// rot_barycenter_half_step_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_half_step_f32(
    problem: *const rot_barycenter_problem_f32,
    index: usize,
    level: u32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    half: *mut rot_barycenter_half_f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        half_step_any(
            &Step { which: Which { problem, index }, level, f, g, work, work_len, half },
            error,
        )
    };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((problem, index, level, f, g, work, work_len, half, error));
}

/// Adds measure `index` after its half step to sums over measures: `soft_minimum` (n) is its t_i;
/// `soft` (n) and `sums` begin as zeros and hold sum_i share_i t_i and the numbers. Returns ROT_OK or
/// a refusal, which writes nothing but `error` (which may be NULL). Cost: n additions. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_add_f64(
    problem: *const rot_barycenter_problem_f64,
    index: usize,
    half: *const rot_barycenter_half_f64,
    soft_minimum: *const f64,
    soft: *mut f64,
    sums: *mut rot_barycenter_sums_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        add_any(&Which { problem, index }, (half, soft_minimum), &Total { soft, sums }, error)
    };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((problem, index, half, soft_minimum, soft, sums, error));
}

/// rot_barycenter_add_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_add_f32(
    problem: *const rot_barycenter_problem_f32,
    index: usize,
    half: *const rot_barycenter_half_f32,
    soft_minimum: *const f32,
    soft: *mut f32,
    sums: *mut rot_barycenter_sums_f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        add_any(&Which { problem, index }, (half, soft_minimum), &Total { soft, sums }, error)
    };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((problem, index, half, soft_minimum, soft, sums, error));
}

/// Adds the sums of other measures (`soft`, n elements, and `sums`) to `into_soft` and `into_sums`.
/// The order of additions shows in the last bits. Returns ROT_OK or a refusal, which writes nothing
/// but `error` (which may be NULL). Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_merge_f64(
    n: usize,
    soft: *const f64,
    sums: *const rot_barycenter_sums_f64,
    into_soft: *mut f64,
    into_sums: *mut rot_barycenter_sums_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        merge_any((n, soft, sums), &Total { soft: into_soft, sums: into_sums }, error)
    };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((n, soft, sums, into_soft, into_sums, error));
}

/// rot_barycenter_merge_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_merge_f32(
    n: usize,
    soft: *const f32,
    sums: *const rot_barycenter_sums_f32,
    into_soft: *mut f32,
    into_sums: *mut rot_barycenter_sums_f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        merge_any((n, soft, sums), &Total { soft: into_soft, sums: into_sums }, error)
    };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((n, soft, sums, into_soft, into_sums, error));
}

/// Makes of the sums over all measures the potential of the barycenter and the best constants:
/// `soft` (n) becomes epsilon log q, -infinity where the barycenter can have no mass, so that its
/// weights are exp(soft / epsilon - constants->log_mass). Returns ROT_OK or a refusal, which writes
/// nothing but `error` (which may be NULL). Cost: n exponentials. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_combine_f64(
    n: usize,
    epsilon: f64,
    sums: *const rot_barycenter_sums_f64,
    soft: *mut f64,
    constants: *mut rot_barycenter_constants_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe { combine_any((n, epsilon, sums), (soft, constants), error) };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((n, epsilon, sums, soft, constants, error));
}

/// rot_barycenter_combine_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_combine_f32(
    n: usize,
    epsilon: f32,
    sums: *const rot_barycenter_sums_f32,
    soft: *mut f32,
    constants: *mut rot_barycenter_constants_f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe { combine_any((n, epsilon, sums), (soft, constants), error) };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((n, epsilon, sums, soft, constants, error));
}

/// Ends an iteration of measure `index`: adds its constant to f_i (n_i) and turns t_i, in `g` (n),
/// into g_i. `half` is what its half step gave, `potential` (n) and `constants` are those of
/// rot_barycenter_combine_f64. Returns ROT_OK or a refusal, which writes nothing but `error` (which
/// may be NULL). Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_apply_f64(
    problem: *const rot_barycenter_problem_f64,
    index: usize,
    half: *const rot_barycenter_half_f64,
    potential: *const f64,
    constants: *const rot_barycenter_constants_f64,
    f: *mut f64,
    g: *mut f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        apply_any(
            &Apply { which: Which { problem, index }, half, potential, constants, f, g },
            error,
        )
    };
    #[cfg(not(all(feature = "barycenter", feature = "f64")))]
    return super::not_built((problem, index, half, potential, constants, f, g, error));
}

/// rot_barycenter_apply_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_apply_f32(
    problem: *const rot_barycenter_problem_f32,
    index: usize,
    half: *const rot_barycenter_half_f32,
    potential: *const f32,
    constants: *const rot_barycenter_constants_f32,
    f: *mut f32,
    g: *mut f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "barycenter")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        apply_any(
            &Apply { which: Which { problem, index }, half, potential, constants, f, g },
            error,
        )
    };
    #[cfg(not(feature = "barycenter"))]
    return super::not_built((problem, index, half, potential, constants, f, g, error));
}
