//! From a target error on the objective *without* entropy to a weight of the entropy, a bound on the
//! iterations, and a solve that proves that the target was met.
//!
//! Adding epsilon times the entropy to a robust problem moves its optimum by at most epsilon times a
//! slack S that is known in advance; the rest of the distance is the gap that iterations have left.
//! [`parameters`] chooses epsilon and says after how many iterations the gap is small enough, by the
//! formulas of the papers or by ours:
//!
//! | problem | [`Formula::Paper`]: epsilon = target / U | iterations | from |
//! | --- | --- | --- | --- |
//! | semi-relaxed (RSOT) | U = max(3 log n, target / tau) | `Source::Code` | Le et al. 2021, Theorem 1; the count from their code |
//! | robust (ROT) | U = max(3 (tau + 2) / (4 (tau + 1)) + 2 log n, 2 target, 5 target log n / tau) | `Source::Code` | the code of Le et al. 2021 |
//! | unbalanced (UOT) | U = max(S + T, 2 target, 4 target log n / tau, 4 target (alpha + beta) log n / tau) | `Source::Paper` | Pham et al. 2020 |
//! | barycenter (RSBP) | U = max(2 + 2 log n, 2 target, 3 target log n / tau) | none published | Le et al. 2021, Theorem 2 |
//!
//! with log n replaced by max(1, log(n m) / 2), alpha and beta the masses, S = (alpha + beta) / 2 + 1/2 +
//! 1 / (4 log n) and T = (alpha + beta) / 2 (log((alpha + beta) / 2) + 2 log n - 1) + log n + 5/2.
//! The papers count half sweeps; an iteration of this library updates both sides.
//!
//! **Our bound, proved here** ([`Source::Proved`]). Let osc x = max x - min x over positive weights and
//! rho = tau / (tau + epsilon). A soft minimum is non-expansive in osc, and the update of a relaxed side
//! contracts by its rho, so that successive iterates approach each other by rho = rho_row rho_col a
//! sweep (1 for an exact side); constants, which the solver chooses best, do not count in osc. From
//! g = 0 the first update has osc g <= G = (max C - min C) + epsilon osc(log b). With h = log(X 1 / r(f)),
//! where f moves by -epsilon rho_row h at its next update, osc h <= (G / epsilon) rho^(k - 1) after k
//! sweeps. Two vectors of mass M whose logarithms differ by h up to a constant have a KL divergence of at
//! most M osc(h)^2 / 8 (Hoeffding's lemma), and the gap is tau KL(X 1 | r(f)) at the best constant:
//!
//! ```text
//! gap after k sweeps  <=  tau M / 8 (G / epsilon)^2 rho^(2 (k - 1))
//! ```
//!
//! Hence K = 1 + log((G / epsilon) sqrt(tau M / (8 (target - epsilon S)))) / -log rho sweeps, rounded up. It
//! needs finite costs. For two measures of a barycenter the same holds with G = the sum of both ranges of
//! the cost, rho that of the larger tau, and the larger of the w_i tau_i.
//!
//! **The unbalanced problem** has a mass that takes its own time. After a column update let t be the mass of
//! X, Y = X / t with the marginals y and z, a' = r(f) the rows' target, d = log(|a'| / t), sigma = tau_row +
//! tau_col, S = tau_row alpha + tau_col beta, Phi = <C, Y> + tau_row sum y log(y / a) + tau_col sum z
//! log(z / b) and delta = tau_row KL(y | a' / |a'|) - epsilon sum Y log Y. Every plan's objective is at
//! least S - sigma e^L with L = (delta - Phi) / sigma; that of X is S + t Phi + sigma (t log t - t). The
//! logarithm of X, averaged over Y, gives (epsilon + tau_col) log t + tau_row log |a'| = sigma L, hence
//!
//! ```text
//! distance  =  t delta + sigma KL(t | e^L),    log t - L  =  -(epsilon L + tau_row d) / (sigma + epsilon)
//! ```
//!
//! - delta <= epsilon log(n m) + tau_row omega^2 / 8, omega = (G / epsilon) rho^(k - 1), as above.
//! - l - max C / sigma <= L <= l - min C / sigma + delta / sigma, sigma l = tau_row log alpha + tau_col log
//!   beta: the bound does not exceed the optimum S - sigma exp(-min Phi / sigma), the product plan has
//!   Phi <= max C - sigma l, and every plan Phi >= min C - sigma l.
//! - A relaxed update takes each sum to the mean sum^(1 - rho) target^rho. So it does with the masses, but
//!   for a factor e^-kappa, 0 <= kappa <= rho (1 - rho) osc(h)^2 / 8: the logarithm of the mean of e^(s h)
//!   is convex in s, zero at 0 and 1, and bent by at most osc(h)^2 / 4. The constant shift in between makes
//!   both targets' masses equal. Rows and columns together: |d| after the next sweep is at most c |d| + eta
//!   omega^2, with c = rho epsilon / sigma <= 1/8 and eta = rho max(1 - rho_row, rho_row (1 - rho_col)) / 8.
//!   With D for the first sweep |d| <= D 8^(1 - k) + 2 eta (G / epsilon)^2 max(rho^2, 1/4)^(k - 2).
//! - From zero the rows' update leaves a mass whose logarithm is rho_row log alpha + (1 - rho_row) x with x
//!   between log m - max C / epsilon and log(n m) - min C / epsilon, and so D = (1 - rho_col) (log m +
//!   (max C - min C) / epsilon) + rho_col max |that - log beta|.
//!
//! K is the least number of sweeps with which these bounds keep the distance below the target at every L
//! between its ends, with KL(t | e^L) <= e^L w^2 max(1, e^w) / 2 for w = log t - L. There is none where the
//! target is no smaller than what the entropy may do to the mass, about the size of S.
//!
//! [`solve_to`] does not wait for either: the certificate of a solve counts the entropy that the plan
//! really has, which is several times below S, and so certifies the target at a larger epsilon. It walks
//! down from a large one and stops at the first that does.

#[cfg(feature = "barycenter")]
pub mod barycenter;
mod bounds;
mod descent;
mod options;
mod parameters;
mod solve;
mod unbalanced;

pub use bounds::{Formula, Source};
pub use descent::Path;
pub use options::Options;
pub use parameters::{Parameters, parameters, parameters_work_len};
pub use solve::{Solved, solve_to, work_len};
