//! Solving at small epsilon: a ladder of falling epsilons with warm starts, and Newton's method on the
//! dual at its end: the solver that is near the best everywhere.
//!
//! Plain sweeps need a number of iterations that grows like 1 / epsilon and worse. On the ladder each
//! level starts from the potentials of the one above. A few sweeps bring a level near its optimum; a
//! few Newton steps, whose linear system is that of the gradients, take it there, once the residuals
//! seen say that sweeps would take longer. Beside rules with corners a step is one of a projected
//! method: an entry either holds its marginal or goes to a corner, as its own update would. A slack ball
//! without entropy holds its potential at a constant; beside an L2 ball, whose dual is linear in pieces,
//! a step is that of one. Every step is safeguarded by the concave dual, so that sweeps go on where
//! Newton's method does not help.

mod ladder;
mod layout;
mod newton;
mod options;
mod pace;

pub use ladder::{Solved, solve};
#[cfg(feature = "scaling")]
pub use layout::fast_work_len;
pub use layout::{VECTORS, work_len};
pub use options::Options;
