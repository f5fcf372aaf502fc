//! The C interface as a C program meets it: each function with each argument wrong in turn, every
//! status, and results against the Rust interface bit by bit.
//!
//! A [`Scene`](whole::scene::Scene) holds all that a call takes in one piece of memory, with guards
//! between the parts. Every call is compared byte by byte with what it may write, so a stray write
//! fails whatever the test is about. Under Miri
//! (`MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --test ffi`) those listed as
//! interpreted run on smaller grids, which finds stray reads.
#![cfg(feature = "capi")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod info;
#[cfg(not(all(
    feature = "kl",
    feature = "points",
    feature = "balls",
    feature = "implicit",
    feature = "barycenter",
    feature = "accuracy",
    feature = "lowrank",
    feature = "scaling",
    feature = "grid"
)))]
mod trimmed;

/// All that needs the whole library, but for double precision and balls.
#[cfg(all(feature = "points", feature = "accuracy"))]
mod whole {
    mod calls;
    mod case;
    mod initial;
    mod scene;

    mod accuracy;
    mod anneal;
    #[cfg(feature = "barycenter")]
    mod barycenter;
    mod batch;
    mod endings;
    mod gradients;
    #[cfg(feature = "grid")]
    mod grid;
    #[cfg(all(feature = "lowrank", feature = "f64"))]
    mod lowrank;
    mod matching;
    mod memory;
    mod parallel;
    mod pointers;
    mod refusals;
    mod results;
    #[cfg(feature = "scaling")]
    mod scaling;
    mod sizes;
    mod slices;
    mod structs;
}

/// Whether an interpreter runs this, some thousand times slower.
const SMALL: bool = cfg!(miri);
