//! The cost between two point clouds, computed row by row and never stored.

use super::rows::RowCost;
use super::{CostRange, sealed};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, add_squares, square_roots};
use crate::math::Elementary;
use crate::real::Real;
use crate::view::Mat;
use crate::work::padded;

/// What the distance of two points costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// |x - y|^2, the sum of the squared differences of the coordinates.
    SquaredEuclidean,
    /// |x - y|.
    Euclidean,
}

/// Two point clouds, x (n x d) and y (m x d), with C_ij a function of |x_i - y_j|. Costs are
/// differences of coordinates squared, so no cancellation spoils close points far from the origin.
/// Work: d m elements, never n m.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a, T> {
    x: Mat<'a, T>,
    y: Mat<'a, T>,
    metric: Metric,
}

impl<'a, T: Real> Points<'a, T> {
    /// The geometry of two clouds. Errors: `Shape` if the dimensions differ, `Empty` if d = 0.
    pub fn new(x: Mat<'a, T>, y: Mat<'a, T>, metric: Metric) -> Result<Self, Error> {
        if x.cols() == 0 {
            return Err(Error::new(ErrorKind::Empty, Argument::RowPoints));
        }
        if x.cols() != y.cols() {
            return Err(Error::new(ErrorKind::Shape, Argument::ColPoints));
        }
        Ok(Self { x, y, metric })
    }
}

impl<T: Real> Points<'_, T> {
    /// Derivative of a cost c by one coordinate of x; 0 between equal points.
    fn derivative<P: Precision<Cost = T>>(&self, x: T, y: T, c: T) -> P::Potential {
        let difference = P::widen(x) - P::widen(y);
        match self.metric {
            Metric::SquaredEuclidean => difference + difference,
            Metric::Euclidean if c > T::ZERO => difference / P::widen(c),
            Metric::Euclidean => P::Potential::ZERO,
        }
    }
}

impl<T> sealed::Sealed for Points<'_, T> {}

/// Checks that coordinates are finite.
pub(super) fn check<T: Real>(points: &Mat<'_, T>, argument: Argument) -> Result<(), Error> {
    for i in 0..points.rows() {
        for (k, value) in points.row(i).enumerate() {
            if !value.is_finite() {
                let kind = if value.is_nan() { ErrorKind::NotANumber } else { ErrorKind::Infinite };
                return Err(Error::at_entry(kind, argument, i, k));
            }
        }
    }
    Ok(())
}

impl<P: Precision> RowCost<P> for Points<'_, P::Cost> {
    fn shape(&self) -> (usize, usize) {
        (self.x.rows(), self.y.rows())
    }

    fn dimension(&self) -> usize {
        self.x.cols()
    }

    fn scan(
        &self,
        _: Level,
        _: &[P::Cost],
        _: &[P::Cost],
        column_seen: &mut [P::Sum],
    ) -> Result<CostRange<P::Potential>, Error> {
        column_seen.fill(P::Sum::ONE);
        check(&self.x, Argument::RowPoints)?;
        check(&self.y, Argument::ColPoints)?;
        // The largest difference of each coordinate bounds every cost.
        let mut bound = P::Cost::ZERO;
        let (x, y) = (self.x.transposed(), self.y.transposed());
        for k in 0..self.x.cols() {
            let mut low = P::Cost::INFINITY;
            let mut high = -P::Cost::INFINITY;
            for value in x.row(k).chain(y.row(k)) {
                low = low.smaller(value);
                high = high.larger(value);
            }
            bound += (high - low) * (high - low);
        }
        if !bound.is_finite() {
            return Err(Error::new(ErrorKind::TooLarge, Argument::RowPoints));
        }
        let max = match self.metric {
            Metric::SquaredEuclidean => bound,
            Metric::Euclidean => bound.sqrt(),
        };
        Ok(CostRange { min: P::Potential::ZERO, max: P::widen(max), forbidden: false })
    }

    fn prepare(&self, prepared: &mut [P::Cost]) {
        let coordinates = self.y.transposed();
        let m = self.y.rows();
        for (k, out) in prepared.chunks_mut(padded(m).max(1)).enumerate() {
            for (out, value) in out.iter_mut().zip(coordinates.row(k)) {
                *out = value;
            }
        }
    }

    #[inline]
    fn cost_row<'s>(
        &'s self,
        level: Level,
        i: usize,
        prepared: &'s [P::Cost],
        buffer: &'s mut [P::Cost],
    ) -> &'s [P::Cost] {
        let coordinates = prepared.chunks(padded(buffer.len()).max(1));
        for (k, (x, y)) in self.x.row(i).zip(coordinates).enumerate() {
            add_squares::<P>(level, k == 0, x, y, buffer);
        }
        if self.metric == Metric::Euclidean {
            square_roots::<P>(level, buffer);
        }
        buffer
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        if i >= self.x.rows() || j >= self.y.rows() {
            return None;
        }
        let mut sum = P::Cost::ZERO;
        for (x, y) in self.x.row(i).zip(self.y.row(j)) {
            sum += (x - y) * (x - y);
        }
        Some(match self.metric {
            Metric::SquaredEuclidean => sum,
            Metric::Euclidean => sum.sqrt(),
        })
    }

    fn pull_back_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        weights: &[P::Potential],
        x: &mut [P::Potential],
        y: &mut [P::Potential],
    ) {
        let stride = padded(weights.len()).max(1);
        let (coordinates, others) = (self.x.row(i), self.y.transposed());
        for (k, ((x, x_out), y_out)) in coordinates.zip(x).zip(y.chunks_mut(stride)).enumerate() {
            let entries = weights.iter().zip(others.row(k)).zip(cost).zip(y_out);
            for (((&w, y), &c), y_out) in entries {
                let part = w * self.derivative::<P>(x, y, c);
                *x_out += part;
                *y_out += -part;
            }
        }
    }

    fn push_forward_row(
        &self,
        i: usize,
        cost: &[P::Cost],
        x: Option<&Mat<'_, P::Cost>>,
        y: Option<&Mat<'_, P::Cost>>,
        out: &mut [P::Potential],
    ) {
        let others = self.y.transposed();
        for (k, at) in self.x.row(i).enumerate() {
            let moved = x.and_then(|x| x.get(i, k)).unwrap_or(P::Cost::ZERO);
            for (j, ((out, other), &c)) in out.iter_mut().zip(others.row(k)).zip(cost).enumerate() {
                let back = y.and_then(|y| y.get(j, k)).unwrap_or(P::Cost::ZERO);
                *out += self.derivative::<P>(at, other, c) * (P::widen(moved) - P::widen(back));
            }
        }
    }

    fn slope(&self, i: usize, j: usize, k: usize) -> Option<P::Potential> {
        let cost = RowCost::<P>::cost(self, i, j)?;
        Some(self.derivative::<P>(self.x.get(i, k)?, self.y.get(j, k)?, cost))
    }

    fn transposed(&self) -> Self {
        Self { x: self.y, y: self.x, metric: self.metric }
    }

    fn behind(&self, [x, y]: [usize; 2]) -> Result<Self, Error> {
        let refuse = |argument| Error::new(ErrorKind::Shape, argument);
        Ok(Self {
            x: self.x.behind(x).ok_or(refuse(Argument::RowPoints))?,
            y: self.y.behind(y).ok_or(refuse(Argument::ColPoints))?,
            ..*self
        })
    }
}
