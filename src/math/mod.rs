//! Elementary functions and sums whose bits are the same on every target: plain multiplications,
//! additions and integer operations, no fused multiply-add, no table, no call.

mod exp;
mod ln;
#[cfg(feature = "balls")]
mod omega;
mod sum;

#[cfg(feature = "balls")]
pub(crate) use omega::log_omega;
pub(crate) use sum::{Compensated, LANES, reduce, sum_by_lanes, sum_in_lanes, sum_once};

use crate::real::Real;

/// Whether flash and stack count more than time: a microcontroller. The bits are the same.
pub(crate) const SMALL: bool = cfg!(all(target_pointer_width = "32", not(target_family = "wasm")));

/// The elementary functions of a [`Real`], written without branches so that a plain loop over
/// them becomes packed instructions.
pub trait Elementary: Real {
    /// 2^x: error below 1.24 ulp (f64) and 1.22 ulp (f32) over the whole normal range, measured by
    /// the tests in every number (f32) or against twice the precision (f64); exactly 0 for
    /// x < -1022 (f64) or -126 (f32), so also for minus infinity; plus infinity from 1024 or 128
    /// on, and for NaN, so that no sum over it is finite.
    #[inline(always)]
    fn exp2(self) -> Self {
        self.exp2_by(|a, b, c| a * b + c)
    }
    /// [`Elementary::exp2`] with a function that gives a b + c, rounded twice or once.
    #[doc(hidden)]
    fn exp2_by(self, multiply_add: impl Fn(Self, Self, Self) -> Self + Copy) -> Self;
    /// Natural logarithm: error below 0.85 ulp, measured likewise; minus infinity at 0, NaN below.
    fn ln(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// e^x by [`Elementary::exp2`]: relative error below 0.7 (1 + |x|) machine epsilons.
    #[inline(always)]
    fn exp(self) -> Self {
        (self * Self::LOG2_E).exp2()
    }
    /// [`Elementary::exp`] as a call, for single values: code where it is used stays small.
    #[inline(never)]
    fn exp_once(self) -> Self {
        self.exp()
    }
    /// [`Elementary::ln`] as a call.
    #[inline(never)]
    fn ln_once(self) -> Self {
        self.ln()
    }
}

impl Elementary for f32 {
    #[inline(always)]
    fn exp2_by(self, multiply_add: impl Fn(Self, Self, Self) -> Self + Copy) -> Self {
        exp::exp2_f32(self, multiply_add)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        ln::ln_f32(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        libm::sqrtf(self)
    }
}

#[cfg(feature = "f64")]
impl Elementary for f64 {
    #[inline(always)]
    fn exp2_by(self, multiply_add: impl Fn(Self, Self, Self) -> Self + Copy) -> Self {
        exp::exp2_f64(self, multiply_add)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        ln::ln_f64(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        libm::sqrt(self)
    }
}
