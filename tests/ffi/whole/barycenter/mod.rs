//! Barycenters: every call with each argument wrong in turn, and results against the Rust interface.
//!
//! Their scene is one of its own, as their structs are; it works like that of the other calls.

mod gradients;
mod refusals;
mod results;
mod scene;
