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
            let mut p = 0.0;
            for &c in $p.iter().rev() {
                p = p * z + c;
            }
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
    P_F32,
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
    P_F64,
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
