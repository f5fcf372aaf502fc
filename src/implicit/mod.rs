//! Gradients of the optimum in closed form: one symmetric linear system, never an n x n x m tensor.

mod backward;
mod cotangent;
mod direct;
mod emit;
mod form;
mod iterative;
mod jvp;
mod layout;
mod newton;
mod stage;
mod system;
mod vjp;

pub use cotangent::Cotangent;
#[cfg(feature = "barycenter")]
pub(crate) use iterative::{Limits, Symmetric, Vectors, solve as conjugate_gradients};
pub use jvp::{Changes, Tangent, TangentReport, jvp};
pub use layout::{COEFFICIENTS, FACTOR_COLUMNS, FACTOR_ROWS};
pub(crate) use newton::{Point, Solver, direction};
pub use vjp::{GradientReport, Gradients, Method, Optimum, Options, fast_work_len, vjp, work_len};
