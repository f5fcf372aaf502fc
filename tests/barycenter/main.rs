//! Barycenters against stored solutions, closed forms and bounds.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

#[path = "../common/mod.rs"]
mod common;

mod certificate;
mod endings;
mod gaussian;
mod gradients;
mod halves;
mod iterations;
mod laws;
mod levels;
mod limits;
mod mixed;
mod plain;
mod reference;
mod refusals;
mod stored;
