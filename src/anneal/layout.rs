//! The work of a solve on a ladder.

use crate::implicit::{self, Method};
use crate::kernel::Precision;
use crate::real::Real;
use crate::sinkhorn;
use crate::work::{Coefficients, WorkLen, cut, padded};

/// Potentials before a step, the step, and scratch: what Newton's method takes besides the work of the
/// sweeps and that of its linear system.
pub const VECTORS: Coefficients = Coefficients { n: 3, m: 3, d: 0, one: 0 };

/// Elements of work for n rows, m columns and points of dimension d (0 for a dense cost), with the
/// method of [`super::Options::newton`]; `usize::MAX` if that overflows. The same number for every
/// precision.
pub const fn work_len<T: Real>(n: usize, m: usize, d: usize, newton: Option<Method<T>>) -> usize {
    let sweeps = WorkLen::of(sinkhorn::work_len(n, m, d));
    match newton {
        None => sweeps.len(),
        Some(method) => {
            let direct = matches!(method, Method::Direct);
            let system = WorkLen::of(implicit::work_len(n, m, d, direct));
            sweeps.and(VECTORS.at(n, m, d)).and(system).len()
        }
    }
}

/// Elements of work with which the sweeps keep the kernel in memory, and Newton's method the plan in its
/// place: padded(n) padded(m) and a few vectors more than [`work_len`].
#[cfg(feature = "scaling")]
pub const fn fast_work_len<T: Real>(
    n: usize,
    m: usize,
    d: usize,
    newton: Option<Method<T>>,
) -> usize {
    let more = sinkhorn::fast_work_len(n, m, d).checked_sub(sinkhorn::work_len(n, m, d));
    match more {
        Some(more) => WorkLen::of(work_len(n, m, d, newton)).and(WorkLen::of(more)).len(),
        None => usize::MAX,
    }
}

/// A vector for each side.
pub(super) type Pair<'a, T> = [&'a mut [T]; 2];

/// The work of Newton's method.
pub(super) struct Work<'a, P: Precision> {
    pub(super) before: Pair<'a, P::Potential>,
    pub(super) step: Pair<'a, P::Potential>,
    pub(super) scratch: Pair<'a, P::Potential>,
    /// Of the linear system.
    pub(super) system: &'a mut [P::Work],
}

impl<'a, P: Precision> Work<'a, P> {
    /// `None` if the work is too short.
    pub(super) fn cut(mut work: &'a mut [P::Work], n: usize, m: usize) -> Option<Self> {
        let lens = [0, VECTORS.at(n, m, 0).len(), 0];
        let mut rest = P::cut(&mut work, lens)?.potential;
        let mut pair = || {
            let rows = cut(&mut rest, padded(n))?.get_mut(..n)?;
            Some([rows, cut(&mut rest, padded(m))?.get_mut(..m)?])
        };
        Some(Self { before: pair()?, step: pair()?, scratch: pair()?, system: work })
    }
}
