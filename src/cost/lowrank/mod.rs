//! A low-rank kernel: sweeps in O((n + m) r) instead of O(n m).
//!
//! [`factor`] approximates K = exp(-|x - y|^2 / epsilon) on the union of both supports by G G^T with r
//! columns (pivoted Cholesky, the greedy form of Nystrom's method). [`LowRank`] then is the cost
//! Ct = -epsilon log(Gx Gy^T), which every solver takes; a sweep is a few products with Gx and Gy. Since
//! |log(Gx Gy^T) - log K| <= e' (the factorisation's `log_error`, proved before it is handed out), the
//! solver solves the problem of C = |x - y|^2 up to |Ct - C| <= epsilon e'.
//!
//! What that means for a solve (Altschuler, Bach, Rudi and Niles-Weed 2019 for the idea; the bounds are
//! proved here from |Ct - C| <= epsilon e' alone), for plans of mass M and D = epsilon e' M:
//!
//! * optimal values with Ct and with C differ by at most D, and the plan found is within 2 D of the
//!   optimum with C as well as it is optimal with Ct: [`Factorisation::objective_error`] is 2 epsilon e';
//! * a report's `transport_cost`, and what is made of it, is <C, X> with the true C, in O((n + m) r d);
//!   `objective` and `dual_value` are those of the problem with Ct;
//! * with the true C in it, a report's `certified_distance` (both for one exact side of mass M and for
//!   unit mass) bounds the distance from the unregularised optimum with C once 3 D are added:
//!   [`Factorisation::certificate_error`] is 3 epsilon e'. Of the unbalanced problem's `lower_bound` L,
//!   S - (S - L) exp(3 epsilon e' / sigma) remains, with S = tau_row |a| + tau_col |b| and
//!   sigma = tau_row + tau_col.
//!
//! Small epsilon is out of reach: the smallest entry of K is exp(-max C / epsilon), and the entries'
//! errors, rounding included, have to stay below it. In double precision that ends near
//! max C / epsilon = 25, in single precision near 7.

mod factor;
mod sweeps;

pub use factor::{Factorisation, Limit, factor, factors_len, work_len};

use super::points::check;
use super::rows::RowCost;
use super::{CostRange, sealed};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, factor_dots};
use crate::math::Elementary;
use crate::real::Real;
use crate::view::Mat;
use crate::work::{PAD, padded, quotient_up};
use factor::{HEADER, Header};

/// Vectors of the length of the rank that a sweep needs.
const VECTORS: usize = 3;

/// What to give work lengths for the dimension of points: the scratch of a sweep over factors of this
/// rank is that of so many coordinates. The same for the transposed problem. `usize::MAX` on overflow.
pub const fn dimension(n: usize, m: usize, rank: usize) -> usize {
    let (least, rank) = (if n < m { padded(n) } else { padded(m) }, padded(rank));
    match rank.checked_mul(VECTORS) {
        Some(len) if least > 0 => quotient_up(len, least),
        _ => usize::MAX,
    }
}

/// The cost -epsilon log(Gx Gy^T) of the factors that [`factor`] wrote, at their epsilon only: a problem
/// with another is refused (`KernelEpsilon`), so no ladder of epsilons is walked. Work: as for points of
/// dimension [`dimension`].
///
/// Log sweeps, marginals and the transport cost take O((n + m) r), on the calling thread. A kernel is not
/// kept besides (`Sweep::Scaling` is refused). What asks for rows or entries of the plan (plan views,
/// barycentric maps, gradients, Newton's method) gets those of Ct, n m r products for all of them.
/// Gradients by weights, parameters and the cost (dL/dCt) are exact for the problem with Ct; those by
/// points are refused (`Shape`, as are batches whose problems have points of their own): at fixed pivots they would not be those of the kernel. dL/d epsilon is
/// taken at fixed Ct.
#[derive(Clone, Copy, Debug)]
pub struct LowRank<'a, T> {
    x: Mat<'a, T>,
    y: Mat<'a, T>,
    /// From the header to the last row.
    factors: &'a [T],
    stride: u32,
    /// Rounded up to whole lanes.
    rank: u32,
    /// Whether the rows are the second cloud of the factorisation.
    turned: bool,
}

impl<'a, T: Elementary> LowRank<'a, T> {
    /// The cost of two clouds x (n x d) and y (m x d) with the `factors` that [`factor`] wrote for them:
    /// n + m + 1 rows of the padded rank limit, the first of which says what the others are.
    ///
    /// Errors: `Shape` blaming the points of the columns if the dimensions differ, or the factors if they
    /// are not those of clouds of this size (or of a factorisation that was refused); `Empty` if d = 0.
    pub fn new(x: Mat<'a, T>, y: Mat<'a, T>, factors: Mat<'a, T>) -> Result<Self, Error> {
        if x.cols() == 0 {
            return Err(Error::new(ErrorKind::Empty, Argument::RowPoints));
        }
        if x.cols() != y.cols() {
            return Err(Error::new(ErrorKind::Shape, Argument::ColPoints));
        }
        let shape = Error::new(ErrorKind::Shape, Argument::Factors);
        let (n, m) = (x.rows(), y.rows());
        let rows = n.checked_add(m).and_then(|count| count.checked_add(1));
        let header = factors.contiguous_row(0).and_then(|row| Header::read(row, [n, m, x.cols()]));
        let Header { rank, stride: own, .. } = header.ok_or(shape)?;
        let rank = padded(rank);
        let rows_fit = rows == Some(factors.rows()) && rank <= factors.cols();
        let fits = |&(_, stride): &(&[T], usize)| rows_fit && stride == own;
        let (data, stride) = factors.contiguous().filter(fits).ok_or(shape)?;
        let (Ok(stride), Ok(rank)) = (u32::try_from(stride), u32::try_from(rank)) else {
            return Err(shape);
        };
        Ok(Self { x, y, factors: data, stride, rank, turned: false })
    }

    /// [`LowRank::new`] of the slice that [`factor`] wrote to, with the rank limit it was given.
    ///
    /// Errors: as there; `Shape` blaming the factors for a slice shorter than [`factors_len`].
    pub fn of_slice(
        x: Mat<'a, T>,
        y: Mat<'a, T>,
        factors: &'a [T],
        max_rank: usize,
    ) -> Result<Self, Error> {
        let shape = Error::new(ErrorKind::Shape, Argument::Factors);
        let rows = x.rows().checked_add(y.rows()).and_then(|count| count.checked_add(1));
        let view = Mat::new(factors, rows.ok_or(shape)?, padded(max_rank)).map_err(|_| shape)?;
        Self::new(x, y, view)
    }

    /// The epsilon that the kernel was factored at.
    pub fn epsilon(&self) -> T {
        self.header().epsilon
    }

    /// The rank, rounded up to whole lanes: what a sweep multiplies with.
    pub const fn padded_rank(&self) -> usize {
        self.rank as usize
    }

    fn header(&self) -> Header<T> {
        let (n, m) = (self.x.rows(), self.y.rows());
        let [n, m] = if self.turned { [m, n] } else { [n, m] };
        let (nan, rank, stride) = (T::NAN, 0, 0);
        let none = Header { epsilon: nan, rank, log_error: nan, max_cost: nan, stride };
        Header::read(self.factors, [n, m, self.x.cols()]).unwrap_or(none)
    }

    /// What rounding may do to a sum, relative to its weights.
    fn rounding(&self) -> T {
        factor::sum_rounding(self.x.rows().max(self.y.rows()), self.padded_rank())
    }

    /// Row i of the factor of the rows (side 0) or columns (side 1).
    #[inline(always)]
    fn factor_row(&self, side: usize, i: usize) -> &'a [T] {
        let before = match (side, self.turned) {
            (0, false) | (1, true) => 0,
            (0, true) => self.y.rows(),
            _ => self.x.rows(),
        };
        let start = (1 + before + i) * self.stride as usize;
        let row = self.factors.get(start..).unwrap_or(&[]);
        row.get(..self.padded_rank()).unwrap_or(&[])
    }

    /// Entry (i, j) of the kernel.
    fn kernel<P: Precision<Cost = T>>(&self, i: usize, j: usize) -> T {
        let mut out = [T::ZERO; 4];
        let row = self.factor_row(1, j);
        factor_dots::<P>(Level::PORTABLE, [row, &[], &[], &[]], self.factor_row(0, i), &mut out);
        let [value, ..] = out;
        value
    }
}

impl<T> sealed::Sealed for LowRank<'_, T> {}

/// Minus epsilon times the logarithm.
#[inline(always)]
fn cost_of<T: Elementary>(epsilon: T, kernel: T) -> T {
    -epsilon * kernel.ln_once()
}

impl<P: Precision> RowCost<P> for LowRank<'_, P::Cost> {
    fn shape(&self) -> (usize, usize) {
        (self.x.rows(), self.y.rows())
    }

    fn dimension(&self) -> usize {
        dimension(self.x.rows(), self.y.rows(), self.padded_rank())
    }

    fn factored(&self) -> Option<&LowRank<'_, P::Cost>> {
        Some(self)
    }

    fn coordinates(&self) -> usize {
        0
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
        if let Some(k) = self.factors.iter().position(|entry| !entry.is_finite()) {
            let (row, column) =
                (k / (self.stride as usize).max(1), k % (self.stride as usize).max(1));
            let bad = self.factors.get(k).is_some_and(|entry| entry.is_nan());
            let kind = if bad { ErrorKind::NotANumber } else { ErrorKind::Infinite };
            return Err(Error::at_entry(kind, Argument::Factors, row, column));
        }
        let Header { epsilon, log_error, max_cost, .. } = self.header();
        let max = P::widen(max_cost + epsilon * log_error);
        Ok(CostRange { min: P::Potential::ZERO, max, forbidden: false })
    }

    fn prepare(&self, _: &mut [P::Cost]) {}

    #[inline]
    fn cost_row<'s>(
        &'s self,
        level: Level,
        i: usize,
        _: &'s [P::Cost],
        buffer: &'s mut [P::Cost],
    ) -> &'s [P::Cost] {
        let (own, epsilon) = (self.factor_row(0, i), self.epsilon());
        for (group, entries) in buffer.chunks_mut(4).enumerate() {
            let mut products = [P::Cost::ZERO; 4];
            let rows = self.four(1, 4 * group, entries.len());
            factor_dots::<P>(level, rows, own, &mut products);
            for (entry, &kernel) in entries.iter_mut().zip(&products) {
                *entry = cost_of(epsilon, kernel);
            }
        }
        buffer
    }

    fn cost(&self, i: usize, j: usize) -> Option<P::Cost> {
        if i >= self.x.rows() || j >= self.y.rows() {
            return None;
        }
        Some(cost_of(self.epsilon(), self.kernel::<P>(i, j)))
    }

    fn transposed(&self) -> Self {
        Self { x: self.y, y: self.x, turned: !self.turned, ..*self }
    }

    /// The same cost: what lies behind the points has other factors.
    fn behind(&self, offsets: [usize; 2]) -> Result<Self, Error> {
        if offsets == [0; 2] {
            Ok(*self)
        } else {
            Err(Error::new(ErrorKind::Shape, Argument::Factors))
        }
    }
}

const _: () = assert!(HEADER <= PAD);
