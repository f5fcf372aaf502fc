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

/// x / by rounded up, without a panic path; 0 for by = 0.
#[cfg(any(feature = "grid", feature = "lowrank"))]
pub(crate) const fn quotient_up(x: usize, by: usize) -> usize {
    match x.checked_div(by) {
        Some(quotient) if quotient * by < x => quotient + 1,
        Some(quotient) => quotient,
        None => 0,
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
        Self(self.0.saturating_add(other.0))
    }

    /// Either, in the same place at different times.
    pub const fn or(self, other: Self) -> Self {
        if self.0 > other.0 { self } else { other }
    }

    /// `count` times as much; none of it is nothing, whatever it was.
    pub const fn times(self, count: usize) -> Self {
        Self(self.0.saturating_mul(count))
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

/// Elements from the start of a buffer to its first multiple of 64 bytes; 0 if it has none, as where
/// an f64 may lie at any multiple of 4 bytes (32-bit x86).
pub(crate) fn misalignment<T>(work: &[T]) -> usize {
    let skip = work.as_ptr().align_offset(64);
    if skip < PAD { skip } else { 0 }
}

/// Cuts the first `count` elements off a buffer; `None` if it is shorter.
pub(crate) fn cut<'a, T>(rest: &mut &'a mut [T], count: usize) -> Option<&'a mut [T]> {
    let buffer = core::mem::take(rest);
    let (head, tail) = buffer.split_at_mut_checked(count)?;
    *rest = tail;
    Some(head)
}

/// Cuts off a padded buffer of which `count` elements are used.
pub(crate) fn take<'a, T>(rest: &mut &'a mut [T], count: usize) -> Option<&'a mut [T]> {
    cut(rest, padded(count))?.get_mut(..count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = usize::MAX;
    const HALF: usize = MAX / 2;

    #[test]
    fn lengths_are_padded_to_whole_blocks() {
        for n in 0..200 {
            let p = padded(n);
            assert!(p >= n && p < n + PAD && p.is_multiple_of(PAD), "{n}: {p}");
        }
        // The last length that can be padded, and all beyond.
        assert_eq!(padded(MAX - PAD + 1), MAX - PAD + 1);
        for n in MAX - PAD + 2..=MAX {
            assert_eq!(padded(n), MAX);
        }
    }

    #[test]
    fn lengths_add_up() {
        let of = WorkLen::of;
        assert_eq!(of(3).and(of(4)).len(), 7);
        assert_eq!(of(3).or(of(4)).len(), 4);
        assert_eq!(of(4).or(of(3)).len(), 4);
        assert_eq!(of(3).times(4).len(), 12);
        assert_eq!(of(0).times(MAX).len(), 0);
        assert_eq!(of(MAX).times(0).len(), 0);
        assert!(of(0).is_empty() && !of(1).is_empty());
    }

    #[test]
    fn overflow_stays_overflow() {
        let of = WorkLen::of;
        let overflows = [
            of(HALF + 1).and(of(HALF + 1)),
            of(MAX).and(of(1)),
            of(HALF + 1).times(2),
            of(1).times(MAX),
            of(MAX),
        ];
        for length in overflows {
            assert_eq!(length.len(), MAX);
            let steps = [
                length.and(of(0)),
                of(5).and(length),
                length.and(length),
                length.or(of(7)),
                of(7).or(length),
                length.times(1),
                length.times(2),
                length.times(MAX),
            ];
            for step in steps {
                assert_eq!(step.len(), MAX, "{step:?}");
            }
        }
        // Next to the edge nothing overflows.
        assert_eq!(of(HALF).and(of(HALF)).len(), MAX - 1);
        assert_eq!(of(HALF).times(2).len(), MAX - 1);
    }

    #[test]
    fn coefficients_count_padded_vectors() {
        const POINTS: Coefficients = Coefficients { n: 2, d: 1, ..Coefficients::NONE };
        const LAYOUT: Coefficients =
            POINTS.and(Coefficients { n: 1, m: 4, d: 0, one: 2 }).and(Coefficients::ALIGNMENT);
        assert_eq!(LAYOUT, Coefficients { n: 3, m: 4, d: 1, one: 3 });
        for (n, m, d) in [(1, 1, 0), (16, 17, 3), (33, 100, 2), (0, 5, 1)] {
            let expected = 3 * padded(n) + 4 * padded(m) + padded(m) * d + 3 * PAD;
            assert_eq!(LAYOUT.at(n, m, d).len(), expected);
        }
        assert!(Coefficients::NONE.at(MAX, MAX, MAX).is_empty());
        for (n, m, d) in [(MAX, 1, 0), (1, MAX, 0), (1, 16, MAX), (MAX / 3, 1, 0), (1, HALF, 3)] {
            assert_eq!(LAYOUT.at(n, m, d).len(), MAX, "{n} {m} {d}");
        }
        // Known at compile time.
        const { assert!(LAYOUT.at(1, 1, 0).len() == 10 * PAD) }
    }

    /// A buffer with the room of [`Coefficients::ALIGNMENT`] can begin at a multiple of 64 bytes.
    #[test]
    fn alignment_takes_less_than_its_room() {
        let (single, double) = ([0f32; 64], [0f64; 64]);
        for start in 0..32 {
            let (single, double) = (&single[start..], &double[start..]);
            let (s, d) = (misalignment(single), misalignment(double));
            assert!(s < PAD && d < PAD);
            assert!(single[s..].as_ptr().addr() % 64 == 0);
            // A double that lies between multiples of 8 bytes never comes to one of 64.
            let reachable = double.as_ptr().addr() % 8 == 0;
            assert!(double[d..].as_ptr().addr() % 64 == 0 || !reachable);
        }
    }

    #[test]
    fn buffers_are_cut_off_the_front() {
        let mut buffer = [0, 1, 2, 3, 4];
        let mut rest = &mut buffer[..];
        assert_eq!(cut(&mut rest, 2), Some(&mut [0, 1][..]));
        assert_eq!(cut(&mut rest, 0), Some(&mut [][..]));
        assert_eq!(cut(&mut rest, 3), Some(&mut [2, 3, 4][..]));
        assert_eq!(cut(&mut rest, 0), Some(&mut [][..]));
        assert_eq!(cut(&mut rest, 1), None);
        let mut rest = &mut buffer[..];
        assert_eq!(cut(&mut rest, 6), None);
        assert_eq!(cut::<i32>(&mut &mut [][..], MAX), None);
    }
}
