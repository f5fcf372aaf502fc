//! Stored instances, shared by the integration tests.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

pub mod accurate;
pub mod barycenter;
pub mod case;
pub mod golden;
pub mod ranges;
pub mod unregularised;
