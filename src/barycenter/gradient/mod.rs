//! Gradients of a barycenter in closed form.
//!
//! At the optimum, with r_i = X_i 1 and the common column marginal q,
//!
//! ```text
//! r_i = r_i(f_i)  (the rule's marginal),   X_i^T 1 = q,   sum_i w_i g_i = 0.
//! ```
//!
//! Write dX_i = X_i (df_i + dg_i - dC_i) / epsilon entry by entry, P_i = X_i / r_i for the mean over a
//! row, Q_i = X_i^T / q for the mean over a column, s_i = tau_i / (tau_i + epsilon) (1 for an exact
//! rule), and kappa_i = sum_l X_i dC_i / q for the mean of dC_i over a column. The columns give
//! dg_i = zeta - Q_i df_i + kappa_i with zeta = epsilon dq / q, the constraint then
//! zeta = sum_i w_i (Q_i df_i - kappa_i) - sum_i dw_i g_i, and the rows
//!
//! ```text
//! df_i + s_i P_i dg_i = s_i (P_i-mean of dC_i + epsilon dp_i / p_i).
//! ```
//!
//! Eliminating g leaves a symmetric system S df = rhs in all df_i together,
//!
//! ```text
//! (S df)_i = w_i [ (r_i / s_i) df_i - X_i (Q_i df_i - sum_k w_k Q_k df_k) ].
//! ```
//!
//! A loss L(q, V), V the optimal objective, needs one solve with the same S. For the part that sees q,
//! gamma = dL/dq, dL = <gamma q, zeta> / epsilon, hence S lambda = phi with phi_i = w_i X_i gamma /
//! epsilon, and with mu_i = Q_i lambda_i, omega = gamma / epsilon - sum_i w_i mu_i, nu_i = omega + mu_i:
//!
//! ```text
//! dL/dC_i(l, j) = w_i X_i(l, j) (lambda_i(l) - nu_i(j))
//! dL/dp_i(l)    = w_i epsilon lambda_i(l) r_i(l) / p_i(l)
//! dL/dw_i       = -<q omega, g_i>
//! ```
//!
//! The loss sees q / |q|, so gamma is (gamma' - <gamma', q / |q|>) / |q| for the derivative gamma' by
//! the barycenter: that also makes sum_i w_i dL/dw_i = 0 and the right-hand side orthogonal to the
//! constants that move between exact measures, the null space of S.
//!
//! The part that sees V is an envelope and needs no solve: dV/dC_i = w_i Y_i, dV/dp_i as in
//! [`crate::implicit`], dV/dw_i the objective of measure i.
//!
//! Scaled by z_i = sqrt(w_i r_i / s_i) lambda_i and A_i = q^(-1/2) X_i^T (s_i / r_i)^(1/2) the system is
//! (1 - A^T (1 - root(w) root(w)^T) A) z = h, h_i = sqrt(w_i) A_i^T (sqrt(q) gamma) / epsilon, with
//! eigenvalues in \[0, 1\], for KL rules at least 1 - max s_i: conjugate gradients need no
//! preconditioner. An iteration is two sweeps with one exp per entry; the plans are never kept.

mod layout;
mod operator;
mod vjp;

pub use layout::{COEFFICIENTS, work_len};
#[cfg(feature = "capi")]
pub(crate) use vjp::Lengths;
pub use vjp::{Cotangent, GradientReport, Gradients, Options, vjp};
