//! The C interface: pointer checks, views, options, call, status. No mathematics.
//!
//! Its documentation is written for the C reader; it becomes `include/robust_ot.h`.

mod abi;
pub mod accuracy;
pub mod anneal;
pub mod batch;
mod convert;
pub mod gradient;
pub mod grid;
mod host;
pub mod info;
#[cfg(rot_inject_panic)]
mod inject;
pub mod lowrank;
pub mod matching;
pub mod plan;
pub mod sinkhorn;
pub mod types;

// Last in the manual.
pub mod barycenter;

pub use convert::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_GRID, ROT_COST_LOW_RANK,
    ROT_COST_SQUARED_EUCLIDEAN, ROT_LEVEL_AVX2, ROT_LEVEL_AVX512, ROT_LEVEL_FASTEST, ROT_LEVEL_FMA,
    ROT_LEVEL_PORTABLE, ROT_REFERENCE_COUNTING, ROT_REFERENCE_PRODUCT, ROT_RULE_BOX,
    ROT_RULE_EXACT, ROT_RULE_KL, ROT_RULE_KL_BALL, ROT_RULE_L2_BALL, ROT_RULE_TV,
    ROT_STOP_CERTIFIED, ROT_STOP_RESIDUAL, ROT_SWEEP_AUTO, ROT_SWEEP_LOG, ROT_SWEEP_SCALING,
    ROT_TRUST_DATA, ROT_UNIT_MASS, ROT_WARM_START,
};

/// Version of the binary interface.
pub const ROT_ABI_VERSION: u32 = 0;

/// The crate's version as one number.
const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 1000
    + number(env!("CARGO_PKG_VERSION_PATCH"));

/// A decimal number at compile time.
const fn number(text: &str) -> u32 {
    let mut value = 0;
    let mut rest = text.as_bytes();
    while let [digit, tail @ ..] = rest {
        value = value * 10 + (*digit - b'0') as u32;
        rest = tail;
    }
    value
}

/// The status of a function that was left out when this library was built.
#[cfg(not(all(
    feature = "implicit",
    feature = "barycenter",
    feature = "accuracy",
    feature = "lowrank",
    feature = "f64"
)))]
fn not_built<A>(_: A) -> i32 {
    crate::error::ErrorKind::NotBuilt as i32
}

/// The work of one.
#[cfg(not(all(
    feature = "implicit",
    feature = "barycenter",
    feature = "lowrank",
    feature = "scaling",
    feature = "parallel",
    feature = "grid",
    feature = "f64",
    feature = "accuracy"
)))]
fn no_work<A>(_: A) -> usize {
    usize::MAX
}
