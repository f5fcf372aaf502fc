//! How to solve.

use crate::error::Error;
use crate::kernel::Precision;
use crate::options::{self, Ladder};

/// Options of a barycenter. `Options::new()` is what most callers want.
#[derive(Clone, Copy, Debug)]
pub struct Options<P: Precision> {
    pub(super) solve: options::Options<P>,
    pub(super) ladder: Ladder<P::Potential>,
}

impl<P: Precision> Options<P> {
    /// No ladder, and everything else as [`crate::options::Options::new`].
    pub fn new() -> Self {
        Self { solve: options::Options::new(), ladder: Ladder::new() }
    }

    /// What a plain solve takes too: stopping rule, limits, warm start, instruction set. The residual
    /// is sum_i w_i |X_i 1 - r(f_i)|_1 over the mass, which is also the change that the next update
    /// of the rows makes to it, plus what rounding leaves between the columns of the plans; a
    /// certificate needs KL rules.
    pub const fn solve(mut self, options: options::Options<P>) -> Self {
        self.solve = options;
        self
    }

    /// Begin at this epsilon (cost units) and come down to the problem's, each level starting from
    /// the potentials of the one before. Default: no ladder. It pays at small epsilon, where a cold
    /// start takes long to carry mass far.
    pub const fn start(mut self, epsilon: P::Potential) -> Self {
        self.ladder.start = Some(epsilon);
        self
    }

    /// Ratio of an epsilon to the next, at least 1.1. Default 4.
    pub const fn factor(mut self, ratio: P::Potential) -> Self {
        self.ladder.factor = ratio;
        self
    }

    /// Most iterations at each level above the last, at least 1. Default 15. A level is left early at
    /// a residual of 1 %.
    pub const fn level_iterations(mut self, count: u32) -> Self {
        self.ladder.sweeps = count;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.solve.check()?;
        self.solve.check_sweep()?;
        Ok(self.ladder.check()?)
    }
}

impl<P: Precision> Default for Options<P> {
    fn default() -> Self {
        Self::new()
    }
}
