//! The factorisation, its bound, and the row that says what it is.

use crate::cost::points::check;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, add_squares, gaussian, pivot_column};
use crate::math::Elementary;
use crate::real::Real;
use crate::view::Mat;
use crate::work::{Coefficients, WorkLen, cut, padded};

/// When a factorisation has columns enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<T> {
    /// As many as fit, or as rounding lets mean something: up to the rank limit. The kernel only has to
    /// stay positive, with a bound of at most 1.
    Rank,
    /// The bound on |log Kt - log K| is at most this (dimensionless, positive).
    LogError(T),
}

/// What a factorisation is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Factorisation<T> {
    /// The largest entry of the diagonal of K - G G^T: in exact arithmetic no entry is larger.
    pub residual: T,
    /// Bound on what rounding adds to that in the factorisation and in sums over the kernel, first order:
    /// u (17 r / 16 + d + max(n, m) / 64 + 96), u the unit roundoff.
    pub rounding: T,
    /// Bound on every cost: the smaller of those by the boxes and by the balls around both clouds.
    pub max_cost: T,
    /// Bound e' on |log(G G^T) - log K| over all pairs:
    /// (residual + rounding) / (exp(-max_cost / epsilon) - residual - rounding).
    pub log_error: T,
    /// 2 epsilon e': how far, for unit mass, the objective of an optimal plan may be from the optimum.
    pub objective_error: T,
    /// 3 epsilon e': what a certificate of unit mass has to be enlarged by.
    pub certificate_error: T,
    /// Number of columns.
    pub rank: usize,
}

/// Elements of a header.
pub(super) const HEADER: usize = 9;

/// What the first row of the factors says of the others.
pub(super) struct Header<T> {
    pub(super) epsilon: T,
    pub(super) rank: usize,
    pub(super) log_error: T,
    pub(super) max_cost: T,
    /// Elements from a row to the next.
    pub(super) stride: usize,
}

impl<T: Real> Header<T> {
    fn shape([n, m, d]: [usize; 3]) -> [T; 3] {
        [n, m, d].map(T::from_count)
    }

    fn write(&self, row: &mut [T], shape: [usize; 3]) {
        row.fill(T::ZERO);
        let [n, m, d] = Self::shape(shape);
        let [rank, stride] = [self.rank, self.stride].map(T::from_count);
        let own: [T; HEADER] =
            [T::ONE, self.epsilon, rank, self.log_error, self.max_cost, n, m, d, stride];
        for (slot, value) in row.iter_mut().zip(own) {
            *slot = value;
        }
    }

    /// `None` if the row is not that of a factorisation of clouds of this shape.
    pub(super) fn read(row: &[T], shape: [usize; 3]) -> Option<Self> {
        let &[mark, epsilon, rank, log_error, max_cost, n, m, d, stride] = row.first_chunk()?;
        let positive = |x: T| x > T::ZERO && x.is_finite();
        let whole = |x: T| x >= T::ZERO && x.is_finite();
        let fits = Self::shape(shape).iter().zip([n, m, d]).all(|(&own, other)| own == other);
        let sound = mark == T::ONE && positive(epsilon) && whole(log_error) && whole(max_cost);
        let count = |x: T| usize::try_from(x.to_count()).ok();
        let (rank, stride) = (count(rank)?, count(stride)?);
        (fits && sound && rank > 0).then_some(Self { epsilon, rank, log_error, max_cost, stride })
    }
}

/// u, `count` times.
fn roundings<T: Real>(count: usize) -> T {
    T::ROUNDOFF * T::from_count(count)
}

/// What rounding does to entries in a factorisation of this rank, whose rows have norm 1 at most: a dot
/// product in lanes, the squares taken off the diagonal, the distance and its exponential.
fn entry_rounding<T: Real>(rank: usize, d: usize) -> T {
    roundings(rank.saturating_add(d).saturating_add(16))
}

/// What rounding does to a sum over the kernel, relative to its weights: at most `count` rows in blocks of
/// 64, and a dot product in lanes.
pub(super) fn sum_rounding<T: Real>(count: usize, rank: usize) -> T {
    roundings((count / 64).saturating_add(rank / 16).saturating_add(80))
}

/// Vectors of the length n + m: coordinates, entries of a column, what is left of the diagonal.
const WORK: Coefficients = Coefficients { n: 0, m: 2, d: 1, one: 0 };

/// Elements of the factors of two clouds of n and m points: n + m + 1 rows of the padded rank limit;
/// `usize::MAX` if that overflows. The same number for f32 and f64.
pub const fn factors_len(n: usize, m: usize, max_rank: usize) -> usize {
    WorkLen::of(n).and(WorkLen::of(m)).and(WorkLen::of(1)).times(padded(max_rank)).len()
}

/// Elements of work for [`factor`] in dimension d; `usize::MAX` if that overflows.
pub const fn work_len(n: usize, m: usize, d: usize, max_rank: usize) -> usize {
    let points = WorkLen::of(n).and(WorkLen::of(m)).len();
    WORK.at(0, points, d).and(WorkLen::of(padded(max_rank))).len()
}

/// Factors K = exp(-|x - y|^2 / epsilon) on the union of x (n x d) and y (m x d) by pivoted Cholesky: the
/// next column is that of the point with the largest diagonal entry left (the first of several), which
/// bounds every entry of K - G G^T, since what is left is positive semidefinite. Equal points do no harm.
/// `factors` has [`factors_len`] elements for `max_rank`, `work` at least [`work_len`].
/// O((n + m) r (r + d)) operations, O((n + m) (max_rank + d)) memory.
///
/// Errors: `Empty` and `Shape` for the points, `NotANumber`, `Infinite`, `TooLarge` for coordinates;
/// `Epsilon`; `Tolerance` blaming the rank for a bound that is not positive; `Count` for a rank limit
/// of 0; `Shape` blaming the factors, `WorkTooSmall`. `KernelOutOfReach` where exp(-max C / epsilon) is
/// too near to rounding for the bound (or, with [`Limit::Rank`], for a positive kernel): most often
/// before anything is written. `RankTooSmall` if the rank limit is reached first. The factors are output
/// and work in one: after these two their contents mean nothing, and [`super::LowRank`] refuses them.
pub fn factor<P: Precision>(
    x: &Mat<'_, P::Cost>,
    y: &Mat<'_, P::Cost>,
    epsilon: P::Cost,
    (max_rank, limit): (usize, Limit<P::Cost>),
    factors: &mut [P::Cost],
    work: &mut [P::Cost],
) -> Result<Factorisation<P::Cost>, Error> {
    let (n, m, d) = (x.rows(), y.rows(), x.cols());
    let refuse = |kind, argument| Err(Error::new(kind, argument));
    if n == 0 || d == 0 {
        return refuse(ErrorKind::Empty, Argument::RowPoints);
    }
    if m == 0 {
        return refuse(ErrorKind::Empty, Argument::ColPoints);
    }
    if y.cols() != d {
        return refuse(ErrorKind::Shape, Argument::ColPoints);
    }
    if max_rank == 0 {
        return refuse(ErrorKind::Count, Argument::Rank);
    }
    let scale = P::Cost::LOG2_E / epsilon;
    if !(epsilon > P::Cost::ZERO && epsilon.is_finite() && scale.is_finite()) {
        return refuse(ErrorKind::Epsilon, Argument::Epsilon);
    }
    let wanted = match limit {
        Limit::Rank => P::Cost::ONE,
        Limit::LogError(error) => error,
    };
    if !(wanted > P::Cost::ZERO && wanted.is_finite()) {
        return refuse(ErrorKind::Tolerance, Argument::Rank);
    }
    let len = factors_len(n, m, max_rank);
    if len == usize::MAX || work_len(n, m, d, max_rank) == usize::MAX {
        return refuse(ErrorKind::TooLarge, Argument::Rank);
    }
    if factors.len() < len {
        return refuse(ErrorKind::Shape, Argument::Factors);
    }
    if work.len() < work_len(n, m, d, max_rank) {
        return refuse(ErrorKind::WorkTooSmall, Argument::Work);
    }
    check(x, Argument::RowPoints)?;
    check(y, Argument::ColPoints)?;
    let short = Error::new(ErrorKind::WorkTooSmall, Argument::Work);
    let (stride, count) = (padded(max_rank), n + m);
    let mut rest = work;
    let coordinates = cut(&mut rest, padded(count) * d).ok_or(short)?;
    let mut room = |len| cut(&mut rest, padded(len)).and_then(|all| all.get_mut(..len));
    let (kernel, diagonal) = (room(count).ok_or(short)?, room(count).ok_or(short)?);
    let pivot = room(stride).ok_or(short)?;
    lay_out(x, y, coordinates);
    let max_cost = largest_cost(coordinates, n, kernel);
    if !(max_cost * scale).is_finite() {
        return refuse(ErrorKind::TooLarge, Argument::RowPoints);
    }
    let bound =
        Bound { least: (-max_cost / epsilon).exp_once(), max_cost, epsilon, shape: [n, m, d] };
    // The best that one column could do.
    if bound.at(1, P::Cost::ZERO).log_error > wanted {
        return refuse(ErrorKind::KernelOutOfReach, Argument::Epsilon);
    }

    pivot.fill(P::Cost::ZERO);
    let mut rest = factors.get_mut(..len).unwrap_or(&mut []);
    rest.fill(P::Cost::ZERO);
    let header = cut(&mut rest, stride).unwrap_or_default();
    diagonal.fill(P::Cost::ONE);

    let level = Level::detect();
    let mut rank = 0;
    let (found, exhausted) = loop {
        let (at, most) = largest(diagonal);
        let found = bound.at(rank, most);
        // Below its own rounding a pivot means nothing.
        let exhausted = rank == count || most <= entry_rounding(rank, d);
        let enough = matches!(limit, Limit::LogError(_)) && found.log_error <= wanted;
        if enough || exhausted || rank == max_rank {
            break (found, exhausted);
        }
        for (k, coordinate) in coordinates.chunks(padded(count).max(1)).enumerate() {
            let own = coordinate.get(at).copied().unwrap_or(P::Cost::ZERO);
            add_squares::<P>(level, k == 0, own, coordinate, kernel);
        }
        gaussian::<P>(level, scale, kernel);
        let start = at.saturating_mul(stride);
        let row = rest.get(start..).and_then(|rows| rows.get(..stride)).unwrap_or(&[]);
        for (own, &entry) in pivot.iter_mut().zip(row) {
            *own = entry;
        }
        let root = most.sqrt();
        pivot_column::<P>(level, rest, [stride, rank], pivot, root, kernel, diagonal);
        if let Some(left) = diagonal.get_mut(at) {
            *left = P::Cost::ZERO;
        }
        rank += 1;
    };
    let within = found.log_error <= wanted;
    if !within {
        return if exhausted {
            refuse(ErrorKind::KernelOutOfReach, Argument::Epsilon)
        } else {
            refuse(ErrorKind::RankTooSmall, Argument::Rank)
        };
    }
    let written = Header { epsilon, rank, log_error: found.log_error, max_cost, stride };
    written.write(header, [n, m, d]);
    Ok(found)
}

/// What the bound is made of, but for rank and residual.
struct Bound<T> {
    /// The smallest entry of K, or less.
    least: T,
    max_cost: T,
    epsilon: T,
    shape: [usize; 3],
}

impl<T: Real> Bound<T> {
    fn at(&self, rank: usize, residual: T) -> Factorisation<T> {
        let [n, m, d] = self.shape;
        let rounding = entry_rounding::<T>(rank, d) + sum_rounding(n.max(m), rank);
        let error = residual + rounding;
        // NaN, which `largest` hands on, is no bound.
        let left = self.least - error;
        let log_error = if left > T::ZERO { error / left } else { T::INFINITY };
        let part = self.epsilon * log_error;
        Factorisation {
            residual,
            rounding,
            max_cost: self.max_cost,
            log_error,
            objective_error: part + part,
            certificate_error: part + part + part,
            rank,
        }
    }
}

/// The first of the largest entries.
fn largest<T: Real>(values: &[T]) -> (usize, T) {
    let mut found = (0, T::ZERO);
    for (i, &value) in values.iter().enumerate() {
        if value > found.1 {
            found = (i, value);
        }
    }
    found
}

/// All points coordinate by coordinate, each padded, the rows first.
fn lay_out<T: Real>(x: &Mat<'_, T>, y: &Mat<'_, T>, coordinates: &mut [T]) {
    let (rows, cols) = (x.transposed(), y.transposed());
    for (k, out) in coordinates.chunks_mut(padded(x.rows() + y.rows()).max(1)).enumerate() {
        for (out, value) in out.iter_mut().zip(rows.row(k).chain(cols.row(k))) {
            *out = value;
        }
    }
}

/// A bound on |x - y|^2 over all pairs of a row and a column: that of the boxes around both clouds, or of
/// the balls around their common centre where they are smaller. Rounded up. The first n points are those
/// of the rows; `squares` has an element for each point.
fn largest_cost<T: Elementary>(coordinates: &[T], n: usize, squares: &mut [T]) -> T {
    let (mut boxes, mut d, stride) = (T::ZERO, 0, padded(squares.len()).max(1));
    squares.fill(T::ZERO);
    for coordinate in coordinates.chunks(stride) {
        let coordinate = coordinate.get(..squares.len()).unwrap_or(&[]);
        let (rows, cols) = coordinate.split_at_checked(n).unwrap_or_default();
        let ((low, high), (other_low, other_high)) = (range(rows), range(cols));
        let far = (high - other_low).abs().larger((other_high - low).abs());
        boxes += far * far;
        let (low, high) = (low.smaller(other_low), high.larger(other_high));
        let centre = low + (high - low) * T::HALF;
        for (square, &value) in squares.iter_mut().zip(coordinate) {
            let from = value - centre;
            *square += from * from;
        }
        d += 1;
    }
    let (rows, cols) = squares.split_at_checked(n).unwrap_or_default();
    let radii = range(rows).1.sqrt() + range(cols).1.sqrt();
    let least = boxes.smaller(radii * radii);
    least + least * roundings(2 * d + 8)
}

/// Smallest and largest of some values.
fn range<T: Real>(values: &[T]) -> (T, T) {
    values.iter().fold((T::INFINITY, T::NEG_INFINITY), |(low, high), &value| {
        (low.smaller(value), high.larger(value))
    })
}
