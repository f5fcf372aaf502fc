//! The log-domain solver.
//!
//! Alternate maximisation of the dual: a row update, a column update and, where a side is
//! relaxed, the best constant shift (f + t, g - t). One iteration is one sweep over the cost with
//! one exp per entry: a row's entries at the previous potentials give its sum, hence its new
//! potential, and the same entries, rescaled, are added to the column sums while they are in
//! cache. Where a sum at the previous potentials lost something to underflow it is taken again
//! with its maximum as shift; in a running solve that is rare.

mod batch;
mod certificate;
mod floor;
mod fused;
#[cfg(feature = "implicit")]
mod probe;
#[cfg(feature = "scaling")]
mod scaling;
mod sliced;
mod solver;
mod start;
mod translation;
mod verdict;

#[cfg(feature = "capi")]
pub(crate) use batch::solve_each;
pub use batch::{Batch, solve_batch};
#[cfg(feature = "implicit")]
pub(crate) use probe::Measured;
pub use sliced::{Sinkhorn, solve};
#[cfg(any(feature = "capi", feature = "implicit"))]
pub(crate) use solver::Iteration;
pub use solver::State;
#[cfg(all(feature = "parallel", feature = "scaling"))]
pub use start::parallel_fast_work_len;
#[cfg(feature = "parallel")]
pub use start::parallel_work_len;
pub use start::{COEFFICIENTS, check, work_len};
#[cfg(feature = "scaling")]
pub use start::{FAST_COEFFICIENTS, fast_work_len};

#[cfg(feature = "barycenter")]
pub(crate) use certificate::inner;
#[cfg(feature = "barycenter")]
pub(crate) use floor::{FACTOR as FLOOR_FACTOR, Patience, rounding};
#[cfg(feature = "barycenter")]
pub(crate) use fused::{Fused, restore};
#[cfg(feature = "barycenter")]
pub(crate) use start::{check_start, entropy_floor};
#[cfg(feature = "barycenter")]
pub(crate) use verdict::Evaluated;
