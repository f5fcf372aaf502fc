//! `rot_accuracy_barycenter_*`: barycenters to a proved accuracy.

use super::super::types::{
    rot_accuracy_f32, rot_accuracy_f64, rot_error, rot_options_f32, rot_options_f64,
};
use super::types::{
    rot_barycenter_problem_f32, rot_barycenter_problem_f64, rot_barycenter_report_f32,
    rot_barycenter_report_f64,
};
#[cfg(all(feature = "barycenter", feature = "accuracy"))]
use super::walk::{Search, Walk, parameters_any, solve_any};

/// Elements of work for the rot_accuracy_barycenter functions, by the arguments of
/// rot_barycenter_work_len, and as many. The same number for f32 and f64; SIZE_MAX if it overflows.
/// Equal to the macro ROT_ACCURACY_BARYCENTER_WORK_LEN(k, rows, n, d), which sizes static arrays.
/// Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_accuracy_barycenter_work_len(
    k: usize,
    rows: usize,
    n: usize,
    d: usize,
) -> usize {
    #[cfg(all(feature = "barycenter", feature = "accuracy"))]
    return super::calls::work_len(k, rows, n, d);
    #[cfg(not(all(feature = "barycenter", feature = "accuracy")))]
    return super::super::no_work((k, rows, n, d));
}

/// Epsilon and a bound on the iterations for a target error on the objective without entropy of a
/// barycenter, sum_i w_i (<C_i, X_i> + tau_i KL(X_i 1 | p_i)) over plans of unit mass (double
/// precision).
///
/// @param problem   the measures; its epsilon counts for nothing but has to be positive; read only
/// @param target    the largest error that is asked for, cost units
/// @param formula   ROT_FORMULA_SLACK: target / (2 sum_i w_i log(n_i n)); ROT_FORMULA_UNIFORM; or
///                  ROT_FORMULA_PAPER: Le et al. 2021, Theorem 2, for one tau
/// @param work      work_len elements, contents arbitrary, before and after
/// @param work_len  at least ROT_ACCURACY_BARYCENTER_WORK_LEN(k, sum n_i, n, d)
/// @param accuracy  what the target asks for; `path` and `levels` are zero. The bound is ours,
///                  ROT_SOURCE_PROVED, for two measures at most; `iterations` is 0 for more
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which `accuracy` is as it was: ROT_ERR_TOLERANCE (ROT_ARG_STOP)
/// for a target that is not positive and finite, ROT_ERR_NO_CERTIFICATE (ROT_ARG_STOP) with an exact
/// measure, ROT_ERR_TAU (ROT_ARG_ROW_RULE) for the paper's formula with two different taus,
/// ROT_ERR_KIND (ROT_ARG_OPTIONS) for a formula that does not exist, and what
/// rot_barycenter_check_f64 refuses in measures, weights and costs. Cost: one look at every entry.
/// Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_barycenter_parameters_f64(
    problem: *const rot_barycenter_problem_f64,
    target: f64,
    formula: u32,
    work: *mut f64,
    work_len: usize,
    accuracy: *mut rot_accuracy_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "accuracy", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        parameters_any(&Search { problem, target, formula, work, work_len, accuracy }, error)
    };
    #[cfg(not(all(feature = "barycenter", feature = "accuracy", feature = "f64")))]
    return super::super::not_built((problem, target, formula, work, work_len, accuracy, error));
}

/// rot_accuracy_barycenter_parameters_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_barycenter_parameters_f32(
    problem: *const rot_barycenter_problem_f32,
    target: f32,
    formula: u32,
    work: *mut f32,
    work_len: usize,
    accuracy: *mut rot_accuracy_f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "accuracy"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        parameters_any(&Search { problem, target, formula, work, work_len, accuracy }, error)
    };
    #[cfg(not(all(feature = "barycenter", feature = "accuracy")))]
    return super::super::not_built((problem, target, formula, work, work_len, accuracy, error));
}

/// Solves a barycenter of measures with KL rules until its objective without entropy is proved to lie
/// within `target` of the optimum (double precision). It walks down in epsilon and stops at the first
/// that certifies the target; at the latest at that of ROT_FORMULA_SLACK, and from zero where the
/// bound on the iterations was used up in vain.
///
/// @param problem        the measures; its epsilon counts for nothing but has to be positive; read
///                       only
/// @param target         the largest error that is asked for, cost units
/// @param solve_options  as for rot_barycenter_solve_f64, NULL for the defaults and no limit of
///                       iterations; the stopping rule is replaced by the target, the limit counts
///                       the iterations at all epsilons; read only
/// @param f              sum n_i potentials of the measures; read first under ROT_WARM_START
/// @param g              k n potentials of the barycenter; read first under ROT_WARM_START
/// @param barycenter     n weights of unit mass
/// @param work           work_len elements, contents arbitrary, before and after
/// @param work_len       at least ROT_ACCURACY_BARYCENTER_WORK_LEN(k, sum n_i, n, d)
/// @param accuracy       what the target asks for, the epsilons that were walked through, and which
///                       path ended the solve
/// @param report         initialised with ROT_BARYCENTER_REPORT_F64_INIT; `epsilon` is that to which
///                       f and g belong, `certified_distance` the bound on the error, `iterations`
///                       those at all epsilons
///
/// Returns the status as rot_barycenter_solve_f64 does, with the same refusals and those of
/// rot_accuracy_barycenter_parameters_f64; ROT_OK means proved. ROT_ERR_TARGET_PRECISION
/// (ROT_ARG_STOP): a target below what this precision is sure to certify (`smallest_target` of
/// rot_accuracy_barycenter_parameters_f64). Cost: sum_i n_i n exponentials for each iteration.
/// Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_barycenter_solve_f64(
    problem: *const rot_barycenter_problem_f64,
    target: f64,
    solve_options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    barycenter: *mut f64,
    work: *mut f64,
    work_len: usize,
    accuracy: *mut rot_accuracy_f64,
    report: *mut rot_barycenter_report_f64,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "accuracy", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        let walk =
            Walk { problem, target, solve_options, f, g, barycenter, work, work_len, accuracy };
        solve_any(&walk, report)
    };
    #[cfg(not(all(feature = "barycenter", feature = "accuracy", feature = "f64")))]
    return super::super::not_built((
        (problem, target, solve_options),
        (f, g, barycenter, work, work_len, accuracy, report),
    ));
}

/// rot_accuracy_barycenter_solve_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_barycenter_solve_f32(
    problem: *const rot_barycenter_problem_f32,
    target: f32,
    solve_options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    barycenter: *mut f32,
    work: *mut f32,
    work_len: usize,
    accuracy: *mut rot_accuracy_f32,
    report: *mut rot_barycenter_report_f32,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "accuracy"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        let walk =
            Walk { problem, target, solve_options, f, g, barycenter, work, work_len, accuracy };
        solve_any(&walk, report)
    };
    #[cfg(not(all(feature = "barycenter", feature = "accuracy")))]
    return super::super::not_built((
        (problem, target, solve_options),
        (f, g, barycenter, work, work_len, accuracy, report),
    ));
}
