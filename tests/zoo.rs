//! The failure zoo: every refusal and every ending, bad and extreme data, in both precisions.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]
#![allow(
    clippy::duplicate_mod,
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    reason = "the same tests run in both precisions"
)]

#[path = "zoo"]
mod single {
    type T = f32;
    mod cases;
    mod endings;
    mod extremes;
    mod refusals;
    mod slices;
}

#[path = "zoo"]
mod double {
    type T = f64;
    mod cases;
    mod endings;
    mod extremes;
    mod refusals;
    mod slices;
}
