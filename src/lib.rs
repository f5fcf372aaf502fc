#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(feature = "accuracy")]
pub mod accuracy;
#[cfg(feature = "implicit")]
pub mod anneal;
#[cfg(feature = "barycenter")]
pub mod barycenter;
#[cfg(feature = "heapless")]
pub mod capacity;
pub mod cost;
pub mod error;
#[cfg(feature = "capi")]
pub mod ffi;
#[cfg(feature = "implicit")]
pub mod implicit;
pub mod kernel;
pub mod marginal;
#[cfg(feature = "implicit")]
pub mod matching;
pub mod math;
pub mod options;
#[cfg(rot_freestanding)]
mod panic;
pub mod plan;
pub mod problem;
pub mod real;
pub mod report;
pub mod sinkhorn;
pub mod view;
pub mod work;
