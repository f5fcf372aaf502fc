//! How to solve to an accuracy.

use crate::anneal;
use crate::error::Error;
use crate::implicit::Method;
use crate::kernel::Precision;
use crate::options;

/// Options of a solve to an accuracy. `Options::new()` is what most callers want.
#[derive(Clone, Copy, Debug)]
pub struct Options<P: Precision> {
    pub(super) solve: options::Options<P>,
    pub(super) newton: Option<Method<P::Potential>>,
}

impl<P: Precision> Options<P> {
    /// No limit of iterations but the bound, Newton's method with truncated conjugate gradients, and
    /// everything else as [`crate::options::Options::new`].
    pub fn new() -> Self {
        let solve = options::Options::new().max_iterations(u64::MAX);
        Self { solve, newton: Some(anneal::Options::<P>::truncated()) }
    }

    /// What a plain solve takes too: limits, warm start, instruction set. The stopping rule is replaced by
    /// the target. The limit of iterations counts all of them, at every epsilon.
    pub const fn solve(mut self, options: options::Options<P>) -> Self {
        self.solve = options;
        self
    }

    /// How the linear systems of Newton's method are solved; `None` for sweeps alone. Default
    /// [`anneal::Options::truncated`]. Of no account to a barycenter.
    pub const fn newton(mut self, method: Option<Method<P::Potential>>) -> Self {
        self.newton = method;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        Ok(self.solve.check()?)
    }
}

impl<P: Precision> Default for Options<P> {
    fn default() -> Self {
        Self::new()
    }
}
