//! `rot_barycenter_vjp_*`: the backward pass of a barycenter.

#[cfg(all(feature = "barycenter", feature = "implicit"))]
use super::backward::{self, Call, vjp_any};
use super::types::{
    rot_barycenter_gradient_f32, rot_barycenter_gradient_f64, rot_barycenter_gradient_options_f32,
    rot_barycenter_gradient_options_f64, rot_barycenter_problem_f32, rot_barycenter_problem_f64,
};

/// Elements of work for rot_barycenter_vjp_f64 and its twin, by the arguments of
/// rot_barycenter_work_len. The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the
/// macro ROT_BARYCENTER_GRADIENT_WORK_LEN(k, rows, n, d), which sizes static arrays. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_barycenter_gradient_work_len(
    k: usize,
    rows: usize,
    n: usize,
    d: usize,
) -> usize {
    #[cfg(all(feature = "barycenter", feature = "implicit"))]
    return backward::work_len(k, rows, n, d);
    #[cfg(not(all(feature = "barycenter", feature = "implicit")))]
    return super::super::no_work((k, rows, n, d));
}

/// Backward pass of a barycenter: gradients of a loss L(barycenter, objective) by everything that the
/// barycenter depends on, from the loss's derivatives `cotangent` = dL/d barycenter and `objective` =
/// dL/d objective, by the implicit function theorem (double precision). f and g are those of
/// rot_barycenter_solve_f64. With r_i = X_i 1, the common column marginal q, s_i = tau_i / (tau_i +
/// epsilon) or 1 for an exact rule, shares w_i of sum 1, and the mean Q_i = X_i^T / q over a column:
///
///   gamma         = (cotangent - <cotangent, q / |q|>) / |q|
///   S lambda      = phi,   phi_i = w_i X_i gamma / epsilon
///   (S lambda)_i  = w_i [ (r_i / s_i) lambda_i - X_i (Q_i lambda_i - sum_k w_k Q_k lambda_k) ]
///   omega         = gamma / epsilon - sum_i w_i Q_i lambda_i,   nu_i = omega + Q_i lambda_i
///
///   dL/dC_i(l, j) = w_i X_i(l, j) (lambda_i(l) - nu_i(j)) + objective * w_i Y_i(l, j)
///   dL/dp_i(l)    = w_i epsilon lambda_i(l) r_i(l) / p_i(l) + objective * dV/dp_i(l)
///   dL/dw_i       = -<q omega, g_i> + objective * (the objective of measure i)
///
/// and dL/dx_i, dL/dy_i by the chain rule through C_i. S is solved by conjugate gradients on a form
/// with eigenvalues in [0, 1]; the part of the objective V is an envelope and needs no system. Zero
/// weights, forbidden pairs and rows without mass give finite gradients.
///
/// @param problem    the measures and epsilon, as they were solved; read only
/// @param f          sum n_i potentials of the measures; read only
/// @param g          k n potentials of the barycenter; read only
/// @param cotangent  n derivatives by the barycenter of unit mass (a constant on all of them has no
///                   effect), loss per mass unit; NULL for zeros; read only
/// @param objective  derivative by the report's objective, loss per cost unit; 0 for none
/// @param options    NULL for the defaults; read only
/// @param gradient   initialised with ROT_BARYCENTER_GRADIENT_F64_INIT; each array in it that is not
///                   NULL is overwritten: weights (sum n_i), shares (k), costs (sum n_i n), x
///                   (sum n_i d_i), y (sum n d_i), one measure behind the other
/// @param work       work_len elements, contents arbitrary, before and after
/// @param work_len   at least ROT_BARYCENTER_GRADIENT_WORK_LEN(k, sum n_i, n, d), d the largest
///                   dimension of points, 0 if all costs are matrices
///
/// Returns ROT_OK, or a refusal, which gradient->error explains and which writes nothing else but
/// work. ROT_ERR_NOT_CONVERGED: the potentials' relative residual is above forward_tolerance (or the
/// data are NaN, which only rot_barycenter_check_f64 locates). ROT_ERR_TOLERANCE, ROT_ERR_COUNT: an
/// option. ROT_ERR_NOT_A_NUMBER and ROT_ERR_INFINITE name the first bad entry of f, g or the cotangent. A
/// limit of iterations is no refusal: gradient->residual tells how far they came.
/// Cost: two sweeps of sum n_i n exponentials for each iteration of conjugate gradients, and some
/// four more. The plans are never kept. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_vjp_f64(
    problem: *const rot_barycenter_problem_f64,
    f: *const f64,
    g: *const f64,
    cotangent: *const f64,
    objective: f64,
    options: *const rot_barycenter_gradient_options_f64,
    gradient: *mut rot_barycenter_gradient_f64,
    work: *mut f64,
    work_len: usize,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "implicit", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        vjp_any(&Call { problem, f, g, cotangent, objective, options, gradient, work, work_len })
    };
    #[cfg(not(all(feature = "barycenter", feature = "implicit", feature = "f64")))]
    return super::super::not_built((
        problem, f, g, cotangent, objective, options, gradient, work, work_len,
    ));
}

/// rot_barycenter_vjp_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_barycenter_vjp_f32(
    problem: *const rot_barycenter_problem_f32,
    f: *const f32,
    g: *const f32,
    cotangent: *const f32,
    objective: f32,
    options: *const rot_barycenter_gradient_options_f32,
    gradient: *mut rot_barycenter_gradient_f32,
    work: *mut f32,
    work_len: usize,
) -> i32 {
    #[cfg(all(feature = "barycenter", feature = "implicit"))]
    // SAFETY: the promises of the C caller.
    return unsafe {
        vjp_any(&Call { problem, f, g, cotangent, objective, options, gradient, work, work_len })
    };
    #[cfg(not(all(feature = "barycenter", feature = "implicit")))]
    return super::super::not_built((
        problem, f, g, cotangent, objective, options, gradient, work, work_len,
    ));
}
