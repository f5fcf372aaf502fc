//! The two floating-point types of the library behind one sealed trait.

use core::fmt::{Debug, Display};
use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    #[cfg(feature = "f64")]
    impl Sealed for f64 {}
}

/// `f32` or `f64` (the latter with feature `f64`). Sealed: results have the same bits on every
/// target only because each operation used is exactly one IEEE 754 operation of these types.
pub trait Real:
    sealed::Sealed
    + Copy
    + Send
    + Sync
    + PartialOrd
    + PartialEq
    + Debug
    + Display
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + Send
    + Sync
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 1/2.
    const HALF: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity: the potential of a zero weight.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// Largest finite value.
    const MAX: Self;
    /// Smallest positive normal value.
    const MIN_POSITIVE: Self;
    /// Unit roundoff, half the distance from 1 to the next larger number.
    const ROUNDOFF: Self;
    /// Relative difference of masses that is taken for rounding: the square root of the machine
    /// epsilon, rounded up.
    const MASS_TOLERANCE: Self;
    /// Default tolerance of the relative KKT residual.
    const DEFAULT_TOLERANCE: Self;
    /// Relative KKT residual up to which a gradient takes potentials for an optimum.
    const FORWARD_TOLERANCE: Self;
    /// What is added to the diagonal of the scaled system of gradients, whose eigenvalues lie
    /// between 0 and 1.
    const REGULARISATION: Self;
    /// log2(e).
    const LOG2_E: Self;
    /// 2^k: a sum of exponentials is trusted between 2^-k and 2^k. With k = 40 (f32) and 400 (f64)
    /// all that was flushed to zero in such a sum lies below one rounding, for up to 2^20 terms.
    const TRUST_HIGH: Self;
    /// 2^-k, see [`Real::TRUST_HIGH`].
    const TRUST_LOW: Self;

    /// Nearest value to a count.
    fn from_count(n: usize) -> Self;
    /// The whole part as a count: 0 for negative numbers and NaN, the largest count above it.
    fn to_count(self) -> u64;
    /// The same number in double precision.
    #[cfg(feature = "f64")]
    fn to_f64(self) -> f64;
    /// The nearest number.
    #[cfg(feature = "f64")]
    fn from_f64(x: f64) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;
    /// The larger of two numbers by comparison; the second if either is NaN.
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    /// The smaller of two numbers by comparison; the second if either is NaN.
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
}

macro_rules! real {
    ($t:ident, $mass:expr, $tolerance:expr, $forward:expr, $ridge:expr, $trust:expr) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const HALF: Self = 0.5;
            const INFINITY: Self = $t::INFINITY;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;
            const NAN: Self = $t::NAN;
            const MAX: Self = $t::MAX;
            const MIN_POSITIVE: Self = $t::MIN_POSITIVE;
            const ROUNDOFF: Self = 0.5 * $t::EPSILON;
            const MASS_TOLERANCE: Self = $mass;
            const DEFAULT_TOLERANCE: Self = $tolerance;
            const FORWARD_TOLERANCE: Self = $forward;
            const REGULARISATION: Self = $ridge;
            const LOG2_E: Self = core::$t::consts::LOG2_E;
            const TRUST_HIGH: Self = $trust;
            const TRUST_LOW: Self = 1.0 / $trust;

            #[inline(always)]
            fn from_count(n: usize) -> Self {
                n as $t
            }
            #[inline(always)]
            fn to_count(self) -> u64 {
                self as u64
            }
            #[cfg(feature = "f64")]
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[cfg(feature = "f64")]
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
        }
    };
}

real!(f32, 3.5e-4, 1e-5, 1e-2, 1e-6, 1_099_511_627_776.0);
// 2^400 = (2^100)^4, written as a product that is exact at each step.
#[cfg(feature = "f64")]
real!(f64, 1.5e-8, 1e-9, 1e-6, 1e-14, {
    const P100: f64 = 1_267_650_600_228_229_401_496_703_205_376.0;
    P100 * P100 * P100 * P100
});
