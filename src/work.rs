//! The algebra of work lengths.
//!
//! A layout is a row of coefficients; the length that a caller asks for, the macro in the C header
//! and the cutting of the buffer all come from that one row.

/// Every buffer is rounded up to this many elements: 64 bytes of f32, 128 of f64.
pub const PAD: usize = 16;

/// `n` rounded up to a multiple of [`PAD`]; `usize::MAX` on overflow.
pub const fn padded(n: usize) -> usize {
    match n.checked_add(PAD - 1) {
        Some(sum) => sum / PAD * PAD,
        None => usize::MAX,
    }
}

/// A number of elements with an absorbing overflow: once a step overflows, the length is
/// `usize::MAX`, which no buffer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkLen(usize);

impl WorkLen {
    /// `count` elements.
    pub const fn of(count: usize) -> Self {
        Self(count)
    }

    /// Both, one behind the other.
    pub const fn and(self, other: Self) -> Self {
        match self.0.checked_add(other.0) {
            Some(sum) => Self(sum),
            None => Self(usize::MAX),
        }
    }

    /// Either, in the same place at different times.
    pub const fn or(self, other: Self) -> Self {
        if self.0 > other.0 { self } else { other }
    }

    /// `count` times as much.
    pub const fn times(self, count: usize) -> Self {
        if count == 0 || self.0 == 0 {
            return Self(0);
        }
        if self.0 == usize::MAX || count == usize::MAX {
            return Self(usize::MAX);
        }
        match self.0.checked_mul(count) {
            Some(product) => Self(product),
            None => Self(usize::MAX),
        }
    }

    /// The number of elements.
    pub const fn len(self) -> usize {
        self.0
    }

    /// Whether nothing is needed.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The coefficients of a layout: `n`, `m` and `d` count padded vectors of the rows, of the columns
/// and of the columns times the dimension of the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficients {
    /// Vectors of length n (rows).
    pub n: usize,
    /// Vectors of length m (columns).
    pub m: usize,
    /// Vectors of length m for each coordinate of the points (dimension 0 for a dense cost).
    pub d: usize,
    /// Times [`PAD`] elements, whatever the shape.
    pub one: usize,
}

impl Coefficients {
    /// Nothing.
    pub const NONE: Self = Self { n: 0, m: 0, d: 0, one: 0 };

    /// Room to move the first buffer to a multiple of 64 bytes, for the speed of wide registers.
    pub const ALIGNMENT: Self = Self { one: 1, ..Self::NONE };

    /// Both layouts, one behind the other.
    pub const fn and(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            m: self.m + other.m,
            d: self.d + other.d,
            one: self.one + other.one,
        }
    }

    /// The length for n rows, m columns and points of dimension d.
    pub const fn at(self, n: usize, m: usize, d: usize) -> WorkLen {
        let rows = WorkLen::of(padded(n)).times(self.n);
        let cols = WorkLen::of(padded(m)).times(self.m);
        let points = WorkLen::of(padded(m)).times(d).times(self.d);
        rows.and(cols).and(points).and(WorkLen::of(PAD).times(self.one))
    }
}

/// Elements from the start of a buffer to its first multiple of 64 bytes.
pub(crate) fn misalignment<T>(work: &[T]) -> usize {
    work.as_ptr().align_offset(64)
}

/// Cuts the first `count` elements off a buffer; `None` if it is shorter.
pub(crate) fn cut<'a, T>(rest: &mut &'a mut [T], count: usize) -> Option<&'a mut [T]> {
    let buffer = core::mem::take(rest);
    let (head, tail) = buffer.split_at_mut_checked(count)?;
    *rest = tail;
    Some(head)
}
