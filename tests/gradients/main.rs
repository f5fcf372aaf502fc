//! Gradients of the optimum against stored ones, differences of converged solves and a reference in
//! twice the precision.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]
#![allow(clippy::needless_range_loop, reason = "loops over the entries of a matrix")]

#[path = "../common/mod.rs"]
mod common;

mod conditioning;
mod degenerate;
mod differences;
mod laws;
mod ranges;
mod refusals;
mod stored;
