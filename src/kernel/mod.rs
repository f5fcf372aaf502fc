//! The hot loops on plain rows, compiled once for each instruction set.
//!
//! A level is the same code recompiled under `#[target_feature]`: the order of all additions is
//! written out (16 partial sums), nothing is contracted, so every level gives the same bits. The tiles
//! of a factorisation alone name their registers, since compilers do not find them.

#[cfg(feature = "balls")]
mod balls;
mod checks;
#[cfg(feature = "lowrank")]
mod factors;
mod instructions;
mod lane;
mod level;
#[cfg(feature = "implicit")]
mod linear;
#[cfg(feature = "f64")]
mod mixed;
#[cfg(feature = "parallel")]
mod pool;
mod rows;
#[cfg(feature = "scaling")]
mod scaling;
mod tiles;

#[cfg(feature = "balls")]
pub(crate) use balls::*;
pub(crate) use checks::*;
#[cfg(feature = "lowrank")]
pub(crate) use factors::*;
pub use lane::Lane;
pub use level::Level;
#[cfg(feature = "implicit")]
pub(crate) use linear::*;
#[cfg(feature = "f64")]
pub use mixed::Mixed;
#[cfg(feature = "parallel")]
pub(crate) use pool::{DESERTED, Part, Parts, Pieces, in_waves};
#[cfg(feature = "parallel")]
pub use pool::{MOST_TASKS, Pool};
pub(crate) use rows::*;
#[cfg(feature = "scaling")]
pub(crate) use scaling::*;
pub use tiles::Tiled;

use crate::math::Elementary;
use crate::real::Real;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    #[cfg(feature = "f64")]
    impl Sealed for f64 {}
}

/// The number types of a problem, kept apart so that a mode may mix them: costs, weights and
/// points; potentials; exponentials and their sums. `f32` and `f64` use one type for all three,
/// `Mixed` (with feature `f64`) computes potentials in f64 and the rest in f32.
pub trait Precision: sealed::Sealed + Copy + 'static {
    /// Costs, weights and coordinates: what the caller stores much of.
    type Cost: Elementary;
    /// Potentials, epsilon, tau and all reported quantities.
    type Potential: Tiled + From<Self::Cost> + From<Self::Sum>;
    /// Entries of the plan and their sums.
    type Sum: Lane;
    /// Elements of the work buffer, from which vectors of all three types are cut.
    type Work: Elementary;

    /// Default tolerance of the relative KKT residual.
    const TOLERANCE: Self::Potential;

    /// The nearest entry type to a potential.
    fn narrow(x: Self::Potential) -> Self::Sum;
    /// The nearest cost type to a sum, for averages of the caller's values.
    fn cost_of(x: Self::Sum) -> Self::Cost;
    /// A cost as a potential, exact.
    #[inline(always)]
    fn widen(x: Self::Cost) -> Self::Potential {
        Self::Potential::from(x)
    }
    /// Cuts a buffer of costs, one of potentials and one of sums off the work buffer.
    fn cut<'a>(work: &mut &'a mut [Self::Work], lens: [usize; 3]) -> Option<Buffers<'a, Self>>;
    /// The same off the memory of a buffer of costs.
    #[cfg(feature = "grid")]
    fn recut(costs: &mut [Self::Cost], lens: [usize; 3]) -> Option<Buffers<'_, Self>>;
}

/// Three buffers, one of each type.
pub struct Buffers<'a, P: Precision> {
    /// For costs and coordinates.
    pub cost: &'a mut [P::Cost],
    /// For potentials.
    pub potential: &'a mut [P::Potential],
    /// For plan entries and their sums.
    pub sum: &'a mut [P::Sum],
}

macro_rules! uniform {
    ($t:ident) => {
        impl Precision for $t {
            type Cost = $t;
            type Potential = $t;
            type Sum = $t;
            type Work = $t;

            const TOLERANCE: $t = <$t as Real>::DEFAULT_TOLERANCE;

            #[inline(always)]
            fn narrow(x: $t) -> $t {
                x
            }
            #[inline(always)]
            fn cost_of(x: $t) -> $t {
                x
            }
            #[inline]
            fn cut<'a>(work: &mut &'a mut [$t], lens: [usize; 3]) -> Option<Buffers<'a, Self>> {
                let [cost, potential, sum] = lens;
                Some(Buffers {
                    cost: crate::work::cut(work, cost)?,
                    potential: crate::work::cut(work, potential)?,
                    sum: crate::work::cut(work, sum)?,
                })
            }
            #[cfg(feature = "grid")]
            #[inline]
            fn recut(mut costs: &mut [$t], lens: [usize; 3]) -> Option<Buffers<'_, Self>> {
                Self::cut(&mut costs, lens)
            }
        }
    };
}

uniform!(f32);
#[cfg(feature = "f64")]
uniform!(f64);
