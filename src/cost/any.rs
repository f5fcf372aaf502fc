//! A cost whose kind is known at run time only: what the C interface solves, so that the solver is
//! compiled once for all kinds.

#[cfg(feature = "grid")]
use super::Grid;
#[cfg(feature = "lowrank")]
use super::LowRank;
#[cfg(feature = "points")]
use super::Points;
use super::rows::RowCost;
use super::{CostRange, Dense, sealed};
use crate::error::Error;
use crate::kernel::{Level, Precision};
use crate::view::Mat;

/// One of the geometries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyCost<'a, T> {
    Dense(Dense<'a, T>),
    #[cfg(feature = "points")]
    Points(Points<'a, T>),
    #[cfg(feature = "lowrank")]
    LowRank(LowRank<'a, T>),
    #[cfg(feature = "grid")]
    Grid(Grid<'a, T>),
}

impl<T> sealed::Sealed for AnyCost<'_, T> {}

macro_rules! either {
    ($self:ident, $cost:ident => $call:expr) => {
        match $self {
            AnyCost::Dense($cost) => $call,
            #[cfg(feature = "points")]
            AnyCost::Points($cost) => $call,
            #[cfg(feature = "lowrank")]
            AnyCost::LowRank($cost) => $call,
            #[cfg(feature = "grid")]
            AnyCost::Grid($cost) => $call,
        }
    };
}

impl<P: Precision> RowCost<P> for AnyCost<'_, P::Cost> {
    fn shape(&self) -> (usize, usize) {
        either!(self, cost => RowCost::<P>::shape(cost))
    }

    fn dimension(&self) -> usize {
        either!(self, cost => RowCost::<P>::dimension(cost))
    }

    fn coordinates(&self) -> usize {
        either!(self, cost => RowCost::<P>::coordinates(cost))
    }

    #[cfg(feature = "grid")]
    fn grid(&self) -> Option<&Grid<'_, P::Cost>> {
        either!(self, cost => RowCost::<P>::grid(cost))
    }

    fn scan(
        &self,
        level: Level,
        a: &[P::Cost],
        b: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        either!(self, cost => RowCost::<P>::scan(cost, level, a, b, column_seen))
    }

    #[cfg(feature = "lowrank")]
    fn factored(&self) -> Option<&LowRank<'_, P::Cost>> {
        either!(self, cost => RowCost::<P>::factored(cost))
    }

    fn prepare(&self, prepared: &mut [P::Cost]) {
        either!(self, cost => RowCost::<P>::prepare(cost, prepared));
    }

    #[inline]
    fn cost_row<'s>(
        &'s self,
        level: Level,
        i: usize,
        prepared: &'s [P::Cost],
        buffer: &'s mut [P::Cost],
    ) -> &'s [P::Cost] {
        either!(self, cost => RowCost::<P>::cost_row(cost, level, i, prepared, buffer))
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        either!(self, cost => RowCost::<P>::cost(cost, i, j))
    }

    fn pull_back_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        weights: &[P::Potential],
        x: &mut [P::Potential],
        y: &mut [P::Potential],
    ) {
        either!(self, it => RowCost::<P>::pull_back_row(it, i, cost, weights, x, y));
    }

    fn push_forward_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        x: Option<&Mat<'_, P::Cost>>,
        y: Option<&Mat<'_, P::Cost>>,
        out: &mut [P::Potential],
    ) {
        either!(self, it => RowCost::<P>::push_forward_row(it, i, cost, x, y, out));
    }

    fn slope(&self, i: usize, j: usize, k: usize) -> Option<P::Potential> {
        either!(self, it => RowCost::<P>::slope(it, i, j, k))
    }

    fn transposed(&self) -> Self {
        match self {
            AnyCost::Dense(cost) => AnyCost::Dense(RowCost::<P>::transposed(cost)),
            #[cfg(feature = "points")]
            AnyCost::Points(cost) => AnyCost::Points(RowCost::<P>::transposed(cost)),
            #[cfg(feature = "lowrank")]
            AnyCost::LowRank(cost) => AnyCost::LowRank(RowCost::<P>::transposed(cost)),
            #[cfg(feature = "grid")]
            AnyCost::Grid(cost) => AnyCost::Grid(RowCost::<P>::transposed(cost)),
        }
    }

    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error> {
        Ok(match self {
            AnyCost::Dense(cost) => AnyCost::Dense(RowCost::<P>::behind(cost, offsets)?),
            #[cfg(feature = "points")]
            AnyCost::Points(cost) => AnyCost::Points(RowCost::<P>::behind(cost, offsets)?),
            #[cfg(feature = "lowrank")]
            AnyCost::LowRank(cost) => AnyCost::LowRank(RowCost::<P>::behind(cost, offsets)?),
            #[cfg(feature = "grid")]
            AnyCost::Grid(cost) => AnyCost::Grid(RowCost::<P>::behind(cost, offsets)?),
        })
    }
}
