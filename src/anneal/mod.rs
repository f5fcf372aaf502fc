//! Solving at small epsilon: a ladder of falling epsilons with warm starts, and Newton's method on the
//! dual at its end.
//!
//! Plain sweeps need a number of iterations that grows like 1 / epsilon and worse. On the ladder each
//! level starts from the potentials of the one above. A few sweeps bring a level near its optimum; a
//! few Newton steps, whose linear system is that of the gradients, take it there. Every step is
//! safeguarded by the concave dual, so that sweeps go on where Newton's method does not help.

mod ladder;
mod layout;
mod newton;
mod options;

pub use ladder::{Solved, solve};
pub use layout::{VECTORS, work_len};
pub use options::Options;
