//! How to walk down the ladder.

use crate::error::Error;
use crate::implicit::{self, Method};
use crate::kernel::Precision;
use crate::options::{self, Ladder};
use crate::real::Real;

/// Options of a solve on a ladder. `Options::new()` is what most callers want.
#[derive(Clone, Copy, Debug)]
pub struct Options<P: Precision> {
    pub(super) solve: options::Options<P>,
    pub(super) ladder: Ladder<P::Potential>,
    pub(super) newton: Option<Method<P::Potential>>,
    pub(super) level_steps: u32,
}

impl<P: Precision> Options<P> {
    /// From a 10th of the largest |C| down by factors of 4, 15 sweeps and at most 3 Newton steps a
    /// level, Newton's method with [`Options::truncated`] conjugate gradients, and everything else as
    /// [`crate::options::Options::new`].
    pub fn new() -> Self {
        Self {
            solve: options::Options::new(),
            ladder: Ladder::new(),
            newton: Some(Self::truncated()),
            level_steps: 3,
        }
    }

    /// Conjugate gradients that end at a 10th of the right-hand side, after 1000 products at the latest:
    /// a step need not be more exact than the model that it comes from.
    pub fn truncated() -> Method<P::Potential> {
        let tolerance = P::Potential::ONE / P::Potential::from_count(10);
        Method::Iterative { tolerance, max_iterations: 1000 }
    }

    /// What a plain solve takes too: stopping rule, limits, warm start, instruction set. The limit of
    /// iterations and the observer count the sweeps of all levels.
    pub const fn solve(mut self, options: options::Options<P>) -> Self {
        self.solve = options;
        self
    }

    /// The first epsilon, cost units; default a 10th of the largest |C|. No ladder if it is not above
    /// the problem's.
    pub const fn start(mut self, epsilon: P::Potential) -> Self {
        self.ladder.start = Some(epsilon);
        self
    }

    /// Ratio of an epsilon to the next, at least 1.1. Default 4.
    pub const fn factor(mut self, ratio: P::Potential) -> Self {
        self.ladder.factor = ratio;
        self
    }

    /// Most sweeps at each level before Newton's method, at least 1. Default 15. A level above the last
    /// is left early at a relative residual of 1 %, and on the last Newton's method begins there.
    pub const fn sweeps(mut self, count: u32) -> Self {
        self.ladder.sweeps = count;
        self
    }

    /// How Newton's linear systems are solved; `None` for sweeps alone. Default [`Options::truncated`],
    /// which stays O(n + m) and takes one pass over the plan for each product, without exponentials where
    /// the plan is kept; `Method::Direct` has the square of the smaller side in the work.
    pub const fn newton(mut self, method: Option<Method<P::Potential>>) -> Self {
        self.newton = method;
        self
    }

    /// Most Newton steps at each level above the last. Default 3.
    pub const fn level_steps(mut self, count: u32) -> Self {
        self.level_steps = count;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.ladder.check()?;
        match self.newton {
            Some(method) => implicit::Options::new().method(method).check(),
            None => Ok(()),
        }
    }
}

impl<P: Precision> Default for Options<P> {
    fn default() -> Self {
        Self::new()
    }
}
