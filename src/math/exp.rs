//! Branch-free 2^x.
//!
//! x = n + r with n the nearest integer (found by adding and subtracting a magic constant, since
//! `core` has no rounding function) and |r| <= 1/2; 2^r = 1 + r q(r), where q minimises the
//! relative error of 2^r (its first coefficient rounds to ln 2); 2^n is added to the exponent field.

/// 1 + r q(r) approximates 2^r to a relative 3.4e-18 on [-1/2, 1/2].
#[cfg(feature = "f64")]
const Q_F64: [f64; 11] = [
    core::f64::consts::LN_2,
    0.240_226_506_959_101_3,
    0.055_504_108_664_820_084,
    0.009_618_129_107_594_117,
    0.001_333_355_814_677_466,
    0.000_154_035_304_571_141_03,
    1.525_273_349_310_373_4e-5,
    1.321_543_528_152_115_6e-6,
    1.017_819_957_727_291e-7,
    7.073_783_357_051_206e-9,
    4.434_771_018_653_972e-10,
];

/// 1 + r q(r) approximates 2^r to a relative 2.0e-9 on [-1/2, 1/2].
const Q_F32: [f32; 6] = [
    core::f32::consts::LN_2,
    0.240_226_48,
    0.055_503_324,
    0.009_618_437,
    0.001_339_887_5,
    0.000_153_533_6,
];

/// q(r) by Estrin's scheme: a few multiplications more than Horner's, but a third of its length in
/// dependent operations, which is what a processor waits for.
#[cfg(feature = "f64")]
#[inline(always)]
fn q_f64(r: f64) -> f64 {
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10] = Q_F64;
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (c0 + c1 * r) + r2 * (c2 + c3 * r);
    let middle = (c4 + c5 * r) + r2 * (c6 + c7 * r);
    let high = (c8 + c9 * r) + r2 * c10;
    low + r4 * (middle + r4 * high)
}

/// q(r) by Estrin's scheme.
#[inline(always)]
fn q_f32(r: f32) -> f32 {
    let [c0, c1, c2, c3, c4, c5] = Q_F32;
    let r2 = r * r;
    (c0 + c1 * r) + r2 * ((c2 + c3 * r) + r2 * (c4 + c5 * r))
}

macro_rules! exp2 {
    ($name:ident, $t:ident, $q:ident, $magic:expr, $mantissa:expr, $low:expr, $high:expr) => {
        #[inline(always)]
        pub(super) fn $name(x: $t) -> $t {
            // At the upper limit r = 0 and the exponent field is that of infinity. NaN takes the
            // limit too: one packed minimum.
            let x = if x < $high { x } else { $high };
            let shifted = x + $magic;
            let r = x - (shifted - $magic);
            let p = 1.0 + r * $q(r);
            let value = $t::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << $mantissa));
            if x < $low { 0.0 } else { value }
        }
    };
}

exp2!(exp2_f32, f32, q_f32, 12_582_912.0, 23, -126.0, 128.0);
#[cfg(feature = "f64")]
exp2!(exp2_f64, f64, q_f64, 6_755_399_441_055_744.0, 52, -1022.0, 1024.0);
