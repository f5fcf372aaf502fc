//! `rot_lowrank_*`: a low-rank kernel of squared distances.

#[cfg(feature = "lowrank")]
mod calls;

use super::types;
#[cfg(feature = "lowrank")]
use calls::{Call, factor_any};

/// Elements of the factors of two clouds of n and m points with at most `max_rank` columns: n + m + 1 rows.
/// The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the macro
/// ROT_LOWRANK_FACTORS_LEN(n, m, max_rank). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_lowrank_factors_len(n: usize, m: usize, max_rank: usize) -> usize {
    #[cfg(feature = "lowrank")]
    return crate::cost::lowrank::factors_len(n, m, max_rank);
    #[cfg(not(feature = "lowrank"))]
    return super::no_work((n, m, max_rank));
}

/// Elements of work for rot_lowrank_factor_*: points of dimension d. The same number for f32 and f64;
/// SIZE_MAX if it overflows. Equal to the macro ROT_LOWRANK_WORK_LEN(n, m, d, max_rank). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_lowrank_work_len(n: usize, m: usize, d: usize, max_rank: usize) -> usize {
    #[cfg(feature = "lowrank")]
    return crate::cost::lowrank::work_len(n, m, d, max_rank);
    #[cfg(not(feature = "lowrank"))]
    return super::no_work((n, m, d, max_rank));
}

/// What to give every other work length for d under ROT_COST_LOW_RANK: what the scratch of factors of
/// this rank (or of the largest rank that they may have) comes to. SIZE_MAX if it overflows. Equal to the
/// macro ROT_LOWRANK_DIMENSION(n, m, rank). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_lowrank_dimension(n: usize, m: usize, rank: usize) -> usize {
    #[cfg(feature = "lowrank")]
    return crate::cost::lowrank::dimension(n, m, rank);
    #[cfg(not(feature = "lowrank"))]
    return super::no_work((n, m, rank));
}

/// Factors the kernel K = exp(-|x - y|^2 / epsilon) on the union of two clouds by pivoted Cholesky,
/// K ~ G G^T with r columns, for problems with ROT_COST_LOW_RANK: their sweeps take O((n + m) r) instead
/// of n m exponentials. Set
///
///   problem.cost_kind = ROT_COST_LOW_RANK; problem.epsilon = epsilon;
///   problem.x = x; problem.y = y; problem.cost = ROT_LOWRANK_MATRIX(factors, n, m, max_rank)
///
/// (a compound literal or an initialiser), and give work lengths ROT_LOWRANK_DIMENSION(n, m, max_rank) for
/// d. The problem solved is that of the cost -epsilon log(G G^T), which differs from |x - y|^2 by at most
/// epsilon * report->log_error: objectives by at most report->objective_error for unit mass, and a
/// certified_distance holds once report->certificate_error is added, both times the mass. A report's
/// transport_cost is that of |x - y|^2.
///
/// @param x            n points of dimension d
/// @param y            m points
/// @param epsilon      that of the problems to come, cost units
/// @param max_rank     most columns, at least 1
/// @param log_error    wanted bound on the error of log K, dimensionless; 0 for as many columns as
///                     max_rank allows and rounding lets mean something, with a bound of at most 1
/// @param factors      factors_len elements, at least rot_lowrank_factors_len(n, m, max_rank)
/// @param work         work_len elements, contents arbitrary, before and after
/// @param work_len     at least rot_lowrank_work_len(n, m, d, max_rank)
/// @param report       initialised with ROT_LOWRANK_REPORT_F64_INIT
///
/// Returns ROT_OK or a refusal, which report->error explains. ROT_ERR_KERNEL_OUT_OF_REACH where
/// exp(-max C / epsilon) is too near to rounding for the bound: common at small epsilon, from about
/// max C / epsilon = 25 on in double precision and 7 in single precision. ROT_ERR_RANK_TOO_SMALL if
/// max_rank columns do not come to the bound. The factors are output and work in one: after these two
/// their contents mean nothing. Cost: (n + m) r (r + d) operations. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_lowrank_factor_f64(
    x: *const types::rot_matrix_f64,
    y: *const types::rot_matrix_f64,
    epsilon: f64,
    max_rank: usize,
    log_error: f64,
    factors: *mut f64,
    factors_len: usize,
    work: *mut f64,
    work_len: usize,
    report: *mut types::rot_lowrank_report_f64,
) -> i32 {
    #[cfg(all(feature = "lowrank", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        let (factors, work) = ((factors, factors_len), (work, work_len));
        factor_any(&Call { x, y, epsilon, max_rank, log_error, factors, work, report })
    };
    #[cfg(not(all(feature = "lowrank", feature = "f64")))]
    return super::not_built((
        (x, y, epsilon, max_rank, log_error),
        (factors, factors_len, work, work_len, report),
    ));
}

/// rot_lowrank_factor_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_lowrank_factor_f32(
    x: *const types::rot_matrix_f32,
    y: *const types::rot_matrix_f32,
    epsilon: f32,
    max_rank: usize,
    log_error: f32,
    factors: *mut f32,
    factors_len: usize,
    work: *mut f32,
    work_len: usize,
    report: *mut types::rot_lowrank_report_f32,
) -> i32 {
    #[cfg(feature = "lowrank")]
    // SAFETY: the promises of the C caller.
    return unsafe {
        let (factors, work) = ((factors, factors_len), (work, work_len));
        factor_any(&Call { x, y, epsilon, max_rank, log_error, factors, work, report })
    };
    #[cfg(not(feature = "lowrank"))]
    return super::not_built((
        (x, y, epsilon, max_rank, log_error),
        (factors, factors_len, work, work_len, report),
    ));
}
