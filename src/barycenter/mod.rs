//! Barycenters of any number of measures on a fixed support.
//!
//! Measures p_1 .. p_k, each with its own support (n_i points), cost C_i (n_i x n, rows: its support,
//! columns: the barycenter's) and [`Rule`](crate::marginal::Rule), and shares w_i with sum 1. With
//! KL rules the problem is that of robust semi-constrained barycenters (Le et al. 2021, equations
//! (10) and (11)), with exact rules that of classical iterative Bregman projections; both mix:
//!
//! ```text
//! minimise  sum_i w_i [ <C_i, X_i> + Phi_i(X_i 1) + epsilon sum X_i (log X_i - 1) ]
//! over plans X_i >= 0 with one column marginal, X_i^T 1 = q for all i
//! ```
//!
//! and |q| = 1 if all rules are KL; an exact measure fixes the mass. The barycenter is q / |q|.
//!
//! The dual has potentials f_i (n_i) and g_i (n) with sum_i w_i g_i = 0 and
//! X_i = exp((f_i + g_i - C_i) / epsilon). One iteration is Algorithm 2 of Le et al. in the log
//! domain, an update of all f_i and then of all g_i at once:
//!
//! 1. for every measure its [`half_step`]: f_i by its rule, and the soft minimum
//!    t_i(j) = -epsilon log sum_l exp((f_i(l) - C_i(l, j)) / epsilon), in one sweep over the cost with
//!    one exp per entry;
//! 2. the [`Combination`]: mean = sum_i w_i t_i, g_i = t_i - mean, so that every plan has the column
//!    marginal exp(-mean / epsilon);
//! 3. the best constants a_i on f_i and b_i on g_i, sum_i w_i b_i = 0, in closed form: every rule's
//!    marginal and every plan then have one mass. Without them a large tau takes thousands of
//!    iterations to find the mass.
//!
//! The plans of unit mass are those of the problem without a constraint on the mass, divided by it
//! (Lemma 1 of Le et al.); that is the problem solved, and the report gives the mass.
//!
//! **Certificate**, for any number of measures with KL rules: after the column update every Y_i =
//! X_i / |X_i| is feasible, and with T_i = p_i exp(-f_i / tau_i)
//!
//! ```text
//! objective(Y) - optimum <= gap = sum_i w_i tau_i KL(Y_i 1 | T_i / |T_i|)
//! ```
//!
//! since the dual at its best constants is the objective less the gap. The unregularised objective
//! differs by the entropy, so that its distance from the unregularised optimum is at most
//! gap - epsilon sum_i w_i sum Y_i log Y_i <= gap + epsilon sum_i w_i log(n_i n). With an exact
//! measure Y_i is infeasible after a column update, and there is no certificate.

mod averages;
mod combination;
#[cfg(feature = "implicit")]
pub mod gradient;
mod half;
mod layout;
mod options;
mod problem;
mod report;
mod solver;
mod start;

pub use combination::{Combination, Combined, Constants, Sums};
pub use half::{Half, half_step};
pub use layout::{COEFFICIENTS, work_len};
pub use options::Options;
pub use problem::{Measure, Problem};
pub use report::Report;
pub use solver::solve;
pub use start::check;
