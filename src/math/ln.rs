//! Branch-free natural logarithm.
//!
//! x = 2^k m with m in [sqrt(1/2), sqrt(2)); with s = (m - 1)/(m + 1) and z = s^2,
//! ln m = 2 s + s z p(z), where p minimises the relative error. The sum is ordered so that the
//! leading m - 1 is added last and exactly.

/// 2 + z p(z) approximates ln(m)/s to a relative 1.2e-18.
#[cfg(feature = "f64")]
const P_F64: [f64; 7] = [
    0.666_666_666_666_673_4,
    0.399_999_999_994_146_7,
    0.285_714_287_423_887_7,
    0.222_221_985_730_668_65,
    0.181_835_643_323_690_32,
    0.153_140_503_863_473_14,
    0.147_959_514_353_943_28,
];

/// p(z) by Horner's scheme, written out: where loops are not unrolled the coefficients would be copied.
#[cfg(feature = "f64")]
#[inline(always)]
fn p_f64(z: f64) -> f64 {
    let [c0, c1, c2, c3, c4, c5, c6] = P_F64;
    (((((c6 * z + c5) * z + c4) * z + c3) * z + c2) * z + c1) * z + c0
}

/// p(z), likewise.
#[inline(always)]
fn p_f32(z: f32) -> f32 {
    let [c0, c1, c2, c3] = P_F32;
    ((c3 * z + c2) * z + c1) * z + c0
}

/// 2 + z p(z) approximates ln(m)/s to a relative 4.8e-12.
const P_F32: [f32; 4] = [0.666_666_6, 0.400_003_34, 0.285_373_1, 0.235_821_55];

macro_rules! ln {
    ($name:ident, $t:ident, $p:ident, $mantissa:expr, $bias:expr, $sqrt_half:expr,
     $one:expr, $fraction:expr, $count:expr, $count_base:expr, $scale:expr, $scale_log2:expr,
     $ln2_high:expr, $ln2_low:expr) => {
        #[inline(always)]
        pub(super) fn $name(x: $t) -> $t {
            // A subnormal number is scaled into the normal range first.
            let tiny = x < $t::MIN_POSITIVE;
            let scaled = if tiny { x * $scale } else { x };
            let bits = scaled.to_bits().wrapping_add($one - $sqrt_half);
            // An integer below 2^20 becomes a float by planting it in the fraction of 2^23 or 2^52.
            let k = $t::from_bits($count | (bits >> $mantissa)) - ($count_base + $bias);
            let k = if tiny { k - $scale_log2 } else { k };
            let m = $t::from_bits((bits & $fraction).wrapping_add($sqrt_half));
            let f = m - 1.0;
            let s = f / (2.0 + f);
            let z = s * s;
            let p = $p(z);
            let half = 0.5 * f * f;
            let value = k * $ln2_high - ((half - (s * (half + z * p) + k * $ln2_low)) - f);
            if x > 0.0 {
                if x < $t::INFINITY { value } else { x }
            } else if x < 0.0 {
                $t::NAN
            } else {
                // Minus infinity at zero, NaN for NaN.
                x + $t::NEG_INFINITY
            }
        }
    };
}

ln!(
    ln_f32,
    f32,
    p_f32,
    23,
    127.0,
    0x3f35_04f3,
    0x3f80_0000,
    0x007f_ffff,
    0x4b00_0000,
    8_388_608.0,
    33_554_432.0,
    25.0,
    0.693_138_1,
    9.058_001e-6
);
#[cfg(feature = "f64")]
ln!(
    ln_f64,
    f64,
    p_f64,
    52,
    1023.0,
    0x3fe6_a09e_667f_3bcd,
    0x3ff0_0000_0000_0000,
    0x000f_ffff_ffff_ffff,
    0x4330_0000_0000_0000,
    4_503_599_627_370_496.0,
    18_014_398_509_481_984.0,
    54.0,
    0.693_147_180_369_123_8,
    1.908_214_929_270_587_7e-10
);

#[cfg(all(test, feature = "f64"))]
mod tests {
    #![allow(
        clippy::float_cmp,
        clippy::indexing_slicing,
        clippy::approx_constant,
        reason = "exact values, and a test may fail loudly"
    )]

    use super::*;
    use crate::math::exp::tests::{
        Double, LN_2, POINTS, Random, STRIDE, Worst, ulps_f32, ulps_f64,
    };
    use std::vec::Vec;

    /// ln(1 + k/64) = 2 artanh(k/(128 + k)) for -19 <= k <= 27, by the series of artanh.
    fn logarithms() -> Vec<Double> {
        let series = |k: i32| {
            let s = Double::of(f64::from(k)).over(Double::of(f64::from(128 + k)));
            let square = s.times(s);
            let step = |sum: Double, n: i32| {
                sum.times(square).plus(Double::of(1.0).over(Double::of(f64::from(2 * n + 1))))
            };
            (0..24).rev().fold(Double::of(0.0), step).times(s).times(Double::of(2.0))
        };
        (-19..=27).map(series).collect()
    }

    /// ln x to about 2^-66 of itself: e ln 2 + ln c + 2 artanh((m - c)/(m + c)) with c the nearest
    /// 64th to m.
    fn logarithm(table: &[Double], x: f64) -> Double {
        let (x, shift) = if x < f64::MIN_POSITIVE { (x * 2f64.powi(54), 54) } else { (x, 0) };
        let mut e = (x.to_bits() >> 52) as i32 - 1023 - shift;
        let mut m = f64::from_bits(x.to_bits() & 0x000f_ffff_ffff_ffff | 1f64.to_bits());
        if m > core::f64::consts::SQRT_2 {
            (m, e) = (0.5 * m, e + 1);
        }
        let k = ((m - 1.0) * 64.0).round_ties_even();
        let c = 1.0 + k / 64.0;
        let s = Double::of(m - c).over(Double::sum(m, c));
        let z = s.high * s.high;
        let mut tail = 0.0;
        for n in (1..6).rev() {
            tail = z * (tail + 1.0 / f64::from(2 * n + 1));
        }
        let artanh = Double::sum(s.high, s.low + s.high * tail);
        let rest = artanh.times(Double::of(2.0)).plus(table[(k + 19.0) as usize]);
        rest.plus(LN_2.times(Double::of(f64::from(e))))
    }

    #[test]
    fn the_reference_is_right() {
        let table = logarithms();
        // From 60 decimal digits.
        for (x, high, low) in [
            (10.0, 2.302_585_092_994_046, -2.170_756_223_382_249_4e-16),
            (1.000_976_562_5, 0.000_976_085_973_055_458_9, -2.879_115_653_409_671_4e-20),
            (0.75, -0.287_682_072_451_780_9, -2.607_160_616_442_564e-17),
            (5e-324, -744.440_071_921_381_2, -4.422_444_340_918_698e-14),
            (f64::MAX, 709.782_712_893_384, 2.363_601_707_132_359_2e-14),
        ] {
            let found = logarithm(&table, x);
            assert_eq!(found.high, high);
            assert!((found.low - low).abs() < 1e-20 * high.abs(), "{x:e}: {:e}", found.low);
        }
    }

    #[test]
    fn error_of_f32() {
        let mut worst = Worst::default();
        let mut look = |bits: u32| {
            let x = f32::from_bits(bits);
            if x != 1.0 {
                worst.add(ulps_f32(ln_f32(x), f64::from(x).ln()), f64::from(x));
            }
        };
        // Every positive number, subnormal ones included.
        (1..f32::INFINITY.to_bits()).step_by(STRIDE).for_each(&mut look);
        let one = 1f32.to_bits();
        (one - 100_000..one + 100_000).for_each(&mut look);
        (f32::MIN_POSITIVE.to_bits() - 1000..f32::MIN_POSITIVE.to_bits() + 1000)
            .for_each(&mut look);
        worst.check("ln f32", 0.85);
    }

    #[test]
    fn error_of_f64() {
        let (table, mut random, mut worst) = (logarithms(), Random(3), Worst::default());
        let mut look = |x: f64| {
            if x > 0.0 && x < f64::INFINITY && x != 1.0 {
                worst.add(ulps_f64(ln_f64(x), logarithm(&table, x)), x);
            }
        };
        for _ in 0..POINTS {
            // Any size, one octave around 1, every distance from 1, any subnormal number.
            look(f64::from_bits(random.bits() >> 1));
            look(0.5 + 1.5 * random.unit());
            let distance = (random.unit() - 0.5) * 2f64.powi(-((random.bits() % 52) as i32));
            look(1.0 + distance);
            look(f64::from_bits(random.bits() >> (12 + random.bits() % 51)));
        }
        // Both ends of a period of the reduction, in every binade.
        for e in -1074..=1023 {
            for x in [2f64.powi(e), 2f64.powi(e) * core::f64::consts::SQRT_2] {
                let (mut up, mut down) = (x, x);
                for _ in 0..16 {
                    look(up);
                    look(down);
                    (up, down) = (up.next_up(), down.next_down());
                }
            }
        }
        look(f64::MAX);
        assert!(worst.count > 2_000_000);
        worst.check("ln f64", 0.85);
    }

    macro_rules! special {
        ($name:ident, $f:ident, $t:ident) => {
            #[test]
            fn $name() {
                let smallest = $t::from_bits(1);
                assert_eq!($f(1.0).to_bits(), 0);
                // Near 1 the logarithm is the distance less half of its square.
                assert_eq!($f(1.0 + $t::EPSILON), $t::EPSILON.next_down());
                assert_eq!($f(1.0 - 0.5 * $t::EPSILON), -0.5 * $t::EPSILON);
                for x in [0.0, -0.0] {
                    assert_eq!($f(x), $t::NEG_INFINITY);
                }
                assert_eq!($f($t::INFINITY), $t::INFINITY);
                assert!($f($t::MAX).is_finite() && $f(smallest).is_finite());
                assert!($f(smallest) < $f(smallest.next_up()));
                assert!($f($t::MIN_POSITIVE.next_down()) <= $f($t::MIN_POSITIVE));
                let invalid = [-smallest, -$t::MIN_POSITIVE, -1.0, $t::MIN, $t::NEG_INFINITY];
                for x in invalid.into_iter().chain([$t::NAN, -$t::NAN]) {
                    assert!($f(x).is_nan(), "ln {x}");
                }
                let infinity = $t::INFINITY.to_bits();
                for payload in [1, 2, infinity & (infinity - 1) & 0x7f_ffff | 1] {
                    assert!($f($t::from_bits(infinity | payload)).is_nan());
                }
            }
        };
    }

    special!(special_values_of_f32, ln_f32, f32);
    special!(special_values_of_f64, ln_f64, f64);
}
