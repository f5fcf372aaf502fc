//! `rot_accuracy_*`: from a target error to epsilon and a bound on the iterations, and solves that prove it.

#[cfg(feature = "accuracy")]
pub(super) mod calls;

#[cfg(feature = "accuracy")]
use super::sinkhorn::Call;
use super::types::{self, rot_error};
#[cfg(feature = "accuracy")]
use calls::{parameters_any, solve_any};

/// epsilon = target / (2 S), S the slack of the entropy of all plans of the problem: beta log n for one
/// exact side of mass beta and n points on the other, log(n m) for unit mass.
pub const ROT_FORMULA_SLACK: u32 = 0;
/// epsilon = target / (3 max(1, log(n m) / 2)), one formula for all problems of unit mass.
pub const ROT_FORMULA_UNIFORM: u32 = 1;
/// That of the papers, for one tau and unit mass: Le et al. 2021 (semi-relaxed and robust problems), Pham
/// et al. 2020 (unbalanced problems).
pub const ROT_FORMULA_PAPER: u32 = 2;

/// There is no bound on the iterations.
pub const ROT_SOURCE_NONE: u32 = 0;
/// It is proved in the documentation of the Rust module `accuracy`.
pub const ROT_SOURCE_PROVED: u32 = 1;
/// It stands in the code of a paper's authors.
pub const ROT_SOURCE_CODE: u32 = 2;
/// It is a theorem of a paper.
pub const ROT_SOURCE_PAPER: u32 = 3;

/// The walk ended at an epsilon above that of the formula.
pub const ROT_PATH_ABOVE: u32 = 0;
/// The walk ended at the epsilon of the formula.
pub const ROT_PATH_FORMULA: u32 = 1;
/// A plain run from zero ended it, after the walk had used up the bound.
pub const ROT_PATH_PLAIN: u32 = 2;

/// Elements of work for rot_accuracy_solve: n rows, m columns, points of dimension d (0 for a dense cost),
/// and ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE or ROT_METHOD_NONE; that of rot_anneal_work_len and its
/// macros. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_accuracy_work_len(n: usize, m: usize, d: usize, method: u32) -> usize {
    #[cfg(feature = "accuracy")]
    return super::anneal::rot_anneal_work_len(n, m, d, method);
    #[cfg(not(feature = "accuracy"))]
    return super::no_work((n, m, d, method));
}

/// Epsilon and a bound on the iterations for a target error on the objective without entropy,
/// <C, X> + Phi_row(X 1) + Phi_col(X^T 1).
///
/// @param problem   the problem; its epsilon counts for nothing but has to be positive; read only
/// @param target    the largest error that is asked for, cost units times mass units
/// @param formula   ROT_FORMULA_SLACK, ROT_FORMULA_UNIFORM or ROT_FORMULA_PAPER
/// @param work      work_len elements, contents arbitrary, before and after
/// @param work_len  at least ROT_PADDED(m)
/// @param accuracy  what the target asks for; `path` and `levels` are zero
/// @param error     what was refused; may be NULL
///
/// Returns ROT_OK or a refusal, after which `accuracy` is as it was: ROT_ERR_TOLERANCE for a target that is
/// not positive and finite, ROT_ERR_NO_CERTIFICATE for two exact sides or a ball, ROT_ERR_TAU for the papers'
/// formulas with two different taus, ROT_ERR_KIND (ROT_ARG_OPTIONS) for a formula that does not exist. Cost:
/// one look at every entry. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_parameters_f64(
    problem: *const types::rot_problem_f64,
    target: f64,
    formula: u32,
    work: *mut f64,
    work_len: usize,
    accuracy: *mut types::rot_accuracy_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(all(feature = "accuracy", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        parameters_any(problem, (target, formula), (work, work_len), accuracy, error)
    };
    #[cfg(not(all(feature = "accuracy", feature = "f64")))]
    return super::not_built((problem, target, formula, work, work_len, accuracy, error));
}

/// rot_accuracy_parameters_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_parameters_f32(
    problem: *const types::rot_problem_f32,
    target: f32,
    formula: u32,
    work: *mut f32,
    work_len: usize,
    accuracy: *mut types::rot_accuracy_f32,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "accuracy")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        parameters_any(problem, (target, formula), (work, work_len), accuracy, error)
    };
    #[cfg(not(feature = "accuracy"))]
    return super::not_built((problem, target, formula, work, work_len, accuracy, error));
}

/// Solves a problem until its objective without entropy is proved to lie within `target` of the optimum. It
/// walks down in epsilon, with Newton's method on the dual, and stops at the first that certifies the
/// target; at the latest at that of ROT_FORMULA_SLACK, and plainly from zero where the bound on the
/// iterations was used up in vain.
///
/// @param problem        the problem; its epsilon counts for nothing but has to be positive; read only
/// @param target         the largest error that is asked for, cost units times mass units
/// @param method         how Newton's linear systems are solved: ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, or
///                       ROT_METHOD_NONE for sweeps alone
/// @param solve_options  as for rot_sinkhorn_solve_f64, NULL for the defaults and no limit of iterations; the
///                       stopping rule is replaced by the target; read only
/// @param f              n potentials of the rows; read first under ROT_WARM_START
/// @param g              m potentials of the columns; read first under ROT_WARM_START
/// @param work           work_len elements, contents arbitrary, before and after
/// @param work_len       at least rot_accuracy_work_len(n, m, d, method); with
///                       rot_anneal_fast_work_len the kernel is kept
/// @param accuracy       what the target asks for, and which path ended the solve
/// @param report         initialised with ROT_REPORT_F64_INIT; `epsilon` is that to which f and g belong,
///                       `certified_distance` the bound on the error, `iterations` the sweeps at all epsilons,
///                       `levels`, `newton_steps` and `newton_products` what the walk did
///
/// Returns the status as rot_sinkhorn_solve_f64 does, with the same refusals and those of
/// rot_accuracy_parameters_f64; ROT_OK means proved. ROT_ERR_TARGET_PRECISION (ROT_ARG_STOP) for a target below
/// what this precision is sure to certify (`smallest_target` of rot_accuracy_parameters_f64); ROT_ERR_KIND
/// (ROT_ARG_METHOD) for the method. Cost: n m exponentials for each
/// sweep. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_solve_f64(
    problem: *const types::rot_problem_f64,
    target: f64,
    method: u32,
    solve_options: *const types::rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    accuracy: *mut types::rot_accuracy_f64,
    report: *mut types::rot_report_f64,
) -> i32 {
    #[cfg(all(feature = "accuracy", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        let call = Call { problem, options: solve_options, f, g, work, work_len };
        solve_any(call, (target, method), accuracy, report)
    };
    #[cfg(not(all(feature = "accuracy", feature = "f64")))]
    return super::not_built((
        (problem, target, method, solve_options),
        (f, g, work, work_len, accuracy, report),
    ));
}

/// rot_accuracy_solve_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_accuracy_solve_f32(
    problem: *const types::rot_problem_f32,
    target: f32,
    method: u32,
    solve_options: *const types::rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    accuracy: *mut types::rot_accuracy_f32,
    report: *mut types::rot_report_f32,
) -> i32 {
    #[cfg(feature = "accuracy")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        let call = Call { problem, options: solve_options, f, g, work, work_len };
        solve_any(call, (target, method), accuracy, report)
    };
    #[cfg(not(feature = "accuracy"))]
    return super::not_built((
        (problem, target, method, solve_options),
        (f, g, work, work_len, accuracy, report),
    ));
}
