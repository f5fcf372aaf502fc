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

/// 1 + r q(r), the tree of Estrin's scheme: a few multiplications more than Horner's, but a third of
/// its length in dependent operations, which is what a processor waits for. The largest term, r ln 2,
/// stays out of the tree and is added last but one: it then meets one rounding less.
#[cfg(feature = "f64")]
#[inline(always)]
fn power_f64(r: f64, multiply_add: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10] = Q_F64;
    let r2 = r * r;
    let r4 = r2 * r2;
    let pair = |low, high| multiply_add(high, r, low);
    let low = multiply_add(r2, pair(c3, c4), pair(c1, c2));
    let middle = multiply_add(r2, pair(c7, c8), pair(c5, c6));
    let high = multiply_add(r4, pair(c9, c10), middle);
    1.0 + multiply_add(r2, multiply_add(r4, high, low), c0 * r)
}

/// 1 + r q(r), likewise.
#[inline(always)]
fn power_f32(r: f32, multiply_add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let [c0, c1, c2, c3, c4, c5] = Q_F32;
    let r2 = r * r;
    let pair = |low, high| multiply_add(high, r, low);
    let high = multiply_add(r2, c5, pair(c3, c4));
    1.0 + multiply_add(r2, multiply_add(r2, high, pair(c1, c2)), c0 * r)
}

macro_rules! exp2 {
    ($name:ident, $t:ident, $power:ident, $magic:expr, $mantissa:expr, $low:expr, $high:expr) => {
        #[inline(always)]
        pub(super) fn $name(x: $t, multiply_add: impl Fn($t, $t, $t) -> $t) -> $t {
            // At the upper limit r = 0 and the exponent field is that of infinity. NaN takes the
            // limit too: one packed minimum.
            let x = if x < $high { x } else { $high };
            let shifted = x + $magic;
            let r = x - (shifted - $magic);
            let p = $power(r, multiply_add);
            let value = $t::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << $mantissa));
            if x < $low { 0.0 } else { value }
        }
    };
}

exp2!(exp2_f32, f32, power_f32, 12_582_912.0, 23, -126.0, 128.0);
#[cfg(feature = "f64")]
exp2!(exp2_f64, f64, power_f64, 6_755_399_441_055_744.0, 52, -1022.0, 1024.0);

#[cfg(all(test, feature = "f64"))]
pub(super) mod tests {
    #![allow(
        clippy::float_cmp,
        clippy::indexing_slicing,
        clippy::approx_constant,
        reason = "exact values, and a test may fail loudly"
    )]

    use crate::math::Elementary;
    use std::println;
    use std::vec::Vec;

    fn exp2_f32(x: f32) -> f32 {
        Elementary::exp2(x)
    }

    fn exp2_f64(x: f64) -> f64 {
        Elementary::exp2(x)
    }

    /// An unevaluated sum of two f64, some 106 bits.
    #[derive(Clone, Copy)]
    pub(in crate::math) struct Double {
        pub(in crate::math) high: f64,
        pub(in crate::math) low: f64,
    }

    pub(in crate::math) const LN_2: Double =
        Double { high: core::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };

    impl Double {
        pub(in crate::math) const fn of(high: f64) -> Self {
            Self { high, low: 0.0 }
        }

        /// a + b, exactly.
        pub(in crate::math) fn sum(a: f64, b: f64) -> Self {
            let high = a + b;
            let b_part = high - a;
            Self { high, low: (a - (high - b_part)) + (b - b_part) }
        }

        /// a b, exactly: both are cut into halves of 26 bits (Dekker).
        pub(in crate::math) fn product(a: f64, b: f64) -> Self {
            let cut = |x: f64| {
                let c = 134_217_729.0 * x;
                let high = c - (c - x);
                (high, x - high)
            };
            let (high, (ah, al), (bh, bl)) = (a * b, cut(a), cut(b));
            Self { high, low: ((ah * bh - high) + ah * bl + al * bh) + al * bl }
        }

        pub(in crate::math) fn plus(self, other: Self) -> Self {
            let sum = Self::sum(self.high, other.high);
            Self::sum(sum.high, sum.low + (self.low + other.low))
        }

        pub(in crate::math) fn times(self, other: Self) -> Self {
            let product = Self::product(self.high, other.high);
            let cross = self.high * other.low + self.low * other.high;
            Self::sum(product.high, product.low + cross)
        }

        pub(in crate::math) fn over(self, other: Self) -> Self {
            let quotient = self.high / other.high;
            let back = other.times(Self::of(-quotient));
            Self::sum(quotient, self.plus(back).high / other.high)
        }
    }

    /// |found - exact| in units of the last place of the exact value's binade.
    pub(in crate::math) fn ulps_f64(found: f64, exact: Double) -> f64 {
        let binade = f64::from_bits(exact.high.to_bits() & 0x7ff0_0000_0000_0000);
        ((found - exact.high) - exact.low).abs() / (binade * f64::EPSILON)
    }

    /// The same for f32 (normal numbers), where f64 is exact enough.
    pub(in crate::math) fn ulps_f32(found: f32, exact: f64) -> f64 {
        let binade = f64::from_bits(exact.to_bits() & 0x7ff0_0000_0000_0000);
        (f64::from(found) - exact).abs() / (binade * f64::from(f32::EPSILON))
    }

    /// The largest error met so far, and where.
    #[derive(Clone, Copy, Default)]
    pub(in crate::math) struct Worst {
        pub(in crate::math) ulps: f64,
        pub(in crate::math) at: f64,
        pub(in crate::math) count: u64,
    }

    impl Worst {
        #[inline(always)]
        pub(in crate::math) fn add(&mut self, ulps: f64, at: f64) {
            self.count += 1;
            // A NaN stays, and fails the check.
            if ulps > self.ulps || ulps.is_nan() {
                (self.ulps, self.at) = (ulps, at);
            }
        }

        /// The bound holds, and is not more than a tenth too wide: then it wants to be lowered.
        /// (A debug build looks at fewer points.)
        pub(in crate::math) fn check(&self, what: &str, bound: f64) {
            println!("{what}: {:.6} ulp at {:e}, {} points", self.ulps, self.at, self.count);
            assert!(self.ulps <= bound, "{what}: {} ulp at {:e}", self.ulps, self.at);
            let room = if cfg!(debug_assertions) { 0.2 } else { 0.1 };
            assert!(self.ulps > bound - room, "{what}: {bound} ulp is stale, lower it");
        }
    }

    /// SplitMix64.
    pub(in crate::math) struct Random(pub(in crate::math) u64);

    impl Random {
        pub(in crate::math) fn bits(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        /// Uniform in [0, 1).
        pub(in crate::math) fn unit(&mut self) -> f64 {
            (self.bits() >> 11) as f64 * (0.5 * f64::EPSILON)
        }
    }

    /// A debug build looks at every 211th f32, a release build at all of them.
    pub(in crate::math) const STRIDE: usize = if cfg!(debug_assertions) { 211 } else { 1 };
    /// Random f64 of each kind.
    pub(in crate::math) const POINTS: usize =
        if cfg!(debug_assertions) { 700_000 } else { 4_000_000 };

    /// 2^(k/64) for |k| <= 32, by the series of exp.
    fn powers() -> Vec<Double> {
        let series = |k: i32| {
            let t = LN_2.times(Double::of(f64::from(k) / 64.0));
            let one = Double::of(1.0);
            let step = |sum: Double, n: i32| one.plus(sum.times(t).over(Double::of(f64::from(n))));
            (1..30).rev().fold(one, step)
        };
        (-32..=32).map(series).collect()
    }

    /// 2^r for |r| <= 1/2 to about 2^-68: a power from the table times the series of a small rest.
    fn power(table: &[Double], r: f64) -> Double {
        let k = (r * 64.0).round_ties_even();
        let t = Double::product(r - k / 64.0, LN_2.high);
        let (x, low) = (t.high, t.low + (r - k / 64.0) * LN_2.low);
        let mut tail = 0.0;
        for n in (2..9).rev() {
            tail = (1.0 + tail * x) / f64::from(n);
        }
        // (1 + tail x)/2 = 1/2 + x/6 + x^2/24 + ..., times x^2.
        table[(k + 32.0) as usize].times(Double::sum(1.0, x).plus(Double::of(low + x * x * tail)))
    }

    /// x log2(e) = n + r, then 2^n 2^r.
    fn exponential(table: &[Double], x: f64) -> (i64, Double) {
        let log2_e = Double { high: core::f64::consts::LOG2_E, low: 2.035_527_374_093_103_3e-17 };
        let t = log2_e.times(Double::of(x));
        let n = t.high.round_ties_even();
        let rest = Double::of(1.0).plus(LN_2.times(Double::of(t.low)));
        (n as i64, power(table, t.high - n).times(rest))
    }

    /// 2^n x, for normal numbers.
    fn scaled(x: f64, n: i64) -> f64 {
        f64::from_bits(x.to_bits().wrapping_add((n as u64) << 52))
    }

    fn error_f64(table: &[Double], x: f64) -> f64 {
        let n = x.round_ties_even();
        ulps_f64(scaled(exp2_f64(x), -(n as i64)), power(table, x - n))
    }

    #[test]
    fn the_reference_is_right() {
        let table = powers();
        // From 60 decimal digits.
        for (r, high, low) in [
            (0.5, 1.414_213_562_373_095_1, -9.667_293_313_452_913e-17),
            (-1.0 / 3.0, 0.793_700_525_984_099_8, -4.416_519_730_306_150_4e-17),
            (1.0 / 1024.0, 1.000_677_130_693_066_4, -5.115_123_297_685_667_6e-17),
            (0.4999, 1.414_115_539_955_985_5, 6.346_606_026_353_283e-17),
        ] {
            let p = power(&table, r);
            assert_eq!(p.high, high);
            assert!((p.low - low).abs() < 1e-20, "{r}: {:e}", p.low);
        }
    }

    #[test]
    fn error_of_f32() {
        let stride = |from: f32, to: f32, stride| {
            (from.to_bits()..=to.to_bits()).step_by(stride).map(f32::from_bits)
        };
        let scan = |from, to| stride(from, to, STRIDE);
        // Closer to 0 than `small` the nearest number to 2^x is 1. Below `tiny` products are
        // subnormal, for which processors take their time.
        let (tiny, small) = (1e-33, 0.25 * f32::EPSILON);
        let near_zero = stride(0.0, tiny, 509).chain(stride(-0.0, -tiny, 509));
        let mut near_zero = near_zero.chain(scan(tiny, small)).chain(scan(-tiny, -small));
        assert!(near_zero.all(|x| exp2_f32(x) == 1.0));
        let mut worst = Worst::default();
        for x in scan(small, 128f32.next_down()).chain(scan(-small, -126.0)) {
            worst.add(ulps_f32(exp2_f32(x), libm::exp2(f64::from(x))), f64::from(x));
        }
        worst.check("exp2 f32", 1.22);
    }

    #[test]
    fn error_of_f64() {
        let (table, mut random, mut worst) = (powers(), Random(1), Worst::default());
        let mut look = |x: f64| {
            if (-1022.0..1024.0).contains(&x) {
                worst.add(error_f64(&table, x), x);
            }
        };
        for _ in 0..POINTS {
            // The whole range, one period, and every size of argument.
            look(2046.0 * random.unit() - 1022.0);
            look(random.unit() - 0.5);
            let exponent = 1023 - 64 + random.bits() % 75;
            look(f64::from_bits(random.bits() >> 63 << 63 | exponent << 52 | random.bits() >> 12));
        }
        // Integers, halves (where the nearest integer changes), both ends and their neighbours.
        for twice in -2044..=2048 {
            let x = f64::from(twice) / 2.0;
            let (mut up, mut down) = (x, x);
            for _ in 0..16 {
                look(up);
                look(down);
                (up, down) = (up.next_up(), down.next_down());
            }
        }
        assert!(worst.count > 2_000_000);
        worst.check("exp2 f64", 1.24);
    }

    /// exp by exp2: the rounding of x log2(e) adds |x| / 2 and a little to the relative error,
    /// which is counted in machine epsilons here.
    #[test]
    fn error_of_exp() {
        let (table, mut random) = (powers(), Random(2));
        let (mut single, mut double) = (Worst::default(), Worst::default());
        for _ in 0..POINTS {
            // Many small arguments, some up to both ends of the range.
            let place = (2.0 * random.unit() - 1.0).powi(3);
            let x = (87.0 * place) as f32;
            let error = f64::from(Elementary::exp(x)) / libm::exp(f64::from(x)) - 1.0;
            let bound = f64::from(f32::EPSILON) * f64::from(1.0 + x.abs());
            single.add(error.abs() / bound, f64::from(x));
            let x = 708.0 * place;
            let (n, exact) = exponential(&table, x);
            let error = (scaled(Elementary::exp(x), -n) - exact.high) - exact.low;
            double.add(error.abs() / (f64::EPSILON * exact.high * (1.0 + x.abs())), x);
        }
        single.check("exp f32 over (1 + |x|)", 0.70);
        double.check("exp f64 over (1 + |x|)", 0.70);
    }

    macro_rules! special {
        ($name:ident, $f:ident, $t:ident, $mantissa:expr, $low:expr, $high:expr) => {
            #[test]
            fn $name() {
                for n in $low..$high {
                    let exact = ((n - $low + 1) as u64) << $mantissa;
                    assert_eq!($f(n as $t).to_bits() as u64, exact, "2^{n}");
                }
                assert_eq!($f(-0.0), 1.0);
                let (low, high) = ($low as $t, $high as $t);
                let zeros = [low.next_down(), low - 0.5, 2.0 * low, $t::MIN, $t::NEG_INFINITY];
                for x in zeros {
                    assert_eq!($f(x).to_bits(), 0, "2^{x}");
                }
                for x in [high, high.next_up(), 2.0 * high, $t::MAX, $t::INFINITY] {
                    assert_eq!($f(x), $t::INFINITY, "2^{x}");
                }
                // From the flush to zero upwards, and up to the overflow, it only grows.
                let (mut below, mut x) = (0.0, low);
                for _ in 0..4096 {
                    assert!($f(x) > below, "2^{x}");
                    (below, x) = ($f(x), x.next_up());
                }
                let (mut above, mut x) = ($t::INFINITY, high.next_down());
                for _ in 0..4096 {
                    assert!($f(x) < above, "2^{x}");
                    (above, x) = ($f(x), x.next_down());
                }
                // Quiet and signalling NaN of both signs and any payload: no sum may hide one.
                let (infinity, sign) = ($t::INFINITY.to_bits(), (-0.0 as $t).to_bits());
                for payload in (0..$mantissa).map(|k| 1 << k).chain([infinity - 1]) {
                    for bits in [infinity | payload, infinity | payload | sign] {
                        let x = $t::from_bits(bits);
                        assert!(!x.is_nan() || $f(x) == $t::INFINITY, "{bits:x}");
                    }
                }
            }
        };
    }

    special!(special_values_of_f32, exp2_f32, f32, 23, -126, 128);
    special!(special_values_of_f64, exp2_f64, f64, 52, -1022, 1024);
}
