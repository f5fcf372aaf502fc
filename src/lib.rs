//! Robust optimal transport without allocation.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

pub mod cost;
pub mod error;
pub mod kernel;
pub mod marginal;
mod math;
pub mod options;
pub mod plan;
pub mod problem;
pub mod real;
pub mod report;
pub mod sinkhorn;
pub mod view;
pub mod work;
