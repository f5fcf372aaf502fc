//! Number types of plan entries, and the few loops over them whose registers are named.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as x86;

#[cfg(feature = "scaling")]
use super::level::{Level, Set};
use crate::math::Elementary;
#[cfg(feature = "scaling")]
use crate::math::LANES;

/// What loops over plan entries ask of their number type.
pub trait Lane: Elementary {
    /// a b + c, rounded once.
    ///
    /// # Safety
    ///
    /// The processor has FMA.
    #[cfg(target_arch = "x86_64")]
    #[doc(hidden)]
    unsafe fn fused(a: Self, b: Self, c: Self) -> Self;

    /// out_i = sum_j x_ij v_j for 16 rows, one behind the other, of as many entries as v has, a
    /// multiple of 16: the order of additions is that of every row sum, 16 partial sums reduced by
    /// halving.
    #[cfg(feature = "scaling")]
    #[doc(hidden)]
    fn dots(level: Level, x: &[Self], v: &[Self], out: &mut [Self; LANES]);
}

/// The portable form. (Of one row: several rows at once are taken apart and put together again by
/// the compiler.)
#[cfg(all(feature = "scaling", not(target_arch = "x86_64")))]
#[inline(never)]
fn dots_in_lanes<T: Elementary>(x: &[T], v: &[T], out: &mut [T; LANES]) {
    // (Chunks of a length that only the caller knows to be positive leave a division by zero.)
    let mut rest = x;
    for out in out.iter_mut() {
        let (x, others) = rest.split_at_checked(v.len()).unwrap_or_default();
        rest = others;
        let mut lanes = [T::ZERO; LANES];
        let (x, v) = (x.as_chunks::<LANES>().0, v.as_chunks::<LANES>().0);
        for (x, v) in x.iter().zip(v) {
            for ((lane, &x), &v) in lanes.iter_mut().zip(x).zip(v) {
                *lane += x * v;
            }
        }
        *out = crate::math::reduce(lanes);
    }
}

/// The last four and two lanes by halving; wider registers are halved first.
#[cfg(all(feature = "scaling", target_arch = "x86_64"))]
mod total {
    use super::x86;

    macro_rules! totals {
        ($($name:ident $features:literal $register:ident -> $t:ident |$x:ident| $value:expr;)*) => { $(
            #[target_feature(enable = $features)]
            #[inline]
            pub(super) fn $name($x: x86::$register) -> $t {
                $value
            }
        )* };
    }

    totals! {
        f32_128 "sse2" __m128 -> f32 |x| {
            let x = x86::_mm_add_ps(x, x86::_mm_movehl_ps(x, x));
            x86::_mm_cvtss_f32(x86::_mm_add_ss(x, x86::_mm_shuffle_ps::<1>(x, x)))
        };
        f32_256 "avx2" __m256 -> f32 |x| {
            let (low, high) = (x86::_mm256_castps256_ps128(x), x86::_mm256_extractf128_ps::<1>(x));
            f32_128(x86::_mm_add_ps(low, high))
        };
        f32_512 "avx2,avx512f,avx512dq,avx512bw,avx512vl" __m512 -> f32 |x| {
            let (low, high) = (x86::_mm512_castps512_ps256(x), x86::_mm512_extractf32x8_ps::<1>(x));
            f32_256(x86::_mm256_add_ps(low, high))
        };
    }
    #[cfg(feature = "f64")]
    totals! {
        f64_128 "sse2" __m128d -> f64 |x| {
            x86::_mm_cvtsd_f64(x86::_mm_add_sd(x, x86::_mm_unpackhi_pd(x, x)))
        };
        f64_256 "avx2" __m256d -> f64 |x| {
            let (low, high) = (x86::_mm256_castpd256_pd128(x), x86::_mm256_extractf128_pd::<1>(x));
            f64_128(x86::_mm_add_pd(low, high))
        };
        f64_512 "avx2,avx512f,avx512dq,avx512bw,avx512vl" __m512d -> f64 |x| {
            let (low, high) = (x86::_mm512_castpd512_pd256(x), x86::_mm512_extractf64x4_pd::<1>(x));
            f64_256(x86::_mm256_add_pd(low, high))
        };
    }
}

/// $rows rows at a time, whose 16 partial sums lie in $registers registers of $lanes lanes each.
/// (Compilers keep neither in registers, and halve through memory.)
#[cfg(all(feature = "scaling", target_arch = "x86_64"))]
macro_rules! dots {
    (
        $name:ident, $t:ident, $features:literal, [$rows:literal, $registers:literal, $lanes:literal],
        $zero:ident, $load:ident, $add:ident, $total:ident, |$x:ident, $v:ident, $sum:ident| $step:expr
    ) => {
        #[target_feature(enable = $features)]
        pub(super) fn $name(x: &[$t], v: &[$t], out: &mut [$t; LANES]) {
            let stride = v.len();
            let mut rest = x;
            for out in out.as_chunks_mut::<$rows>().0 {
                let Some((rows, others)) =
                    stride.checked_mul($rows).and_then(|len| rest.split_at_checked(len))
                else {
                    return;
                };
                rest = others;
                let mut sums = [[x86::$zero(); $registers]; $rows];
                for (k, v) in v.as_chunks::<LANES>().0.iter().enumerate() {
                    let mut across = [x86::$zero(); $registers];
                    for (across, v) in across.iter_mut().zip(v.as_chunks::<$lanes>().0) {
                        // SAFETY: the array is as long as the register; no alignment is asked for.
                        *across = unsafe { x86::$load(v.as_ptr()) };
                    }
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let from = rows.as_ptr().wrapping_add(row * stride + k * LANES);
                        for (part, ($sum, &$v)) in sums.iter_mut().zip(&across).enumerate() {
                            // SAFETY: `rows` holds $rows rows of `stride` entries, and 16 entries
                            // from k * 16 on end within the stride.
                            let $x = unsafe { x86::$load(from.wrapping_add(part * $lanes)) };
                            *$sum = $step;
                        }
                    }
                }
                for (out, mut sums) in out.iter_mut().zip(sums) {
                    let mut width = $registers / 2;
                    while width > 0 {
                        if let Some((low, high)) = sums.split_at_mut_checked(width) {
                            for (low, &high) in low.iter_mut().zip(&*high) {
                                *low = x86::$add(*low, high);
                            }
                        }
                        width /= 2;
                    }
                    let [sum, ..] = sums;
                    *out = total::$total(sum);
                }
            }
        }
    };
}

#[cfg(all(feature = "scaling", target_arch = "x86_64"))]
mod single {
    use super::{LANES, total, x86};

    dots!(
        sse2,
        f32,
        "sse2",
        [2, 4, 4],
        _mm_setzero_ps,
        _mm_loadu_ps,
        _mm_add_ps,
        f32_128,
        |x, v, sum| x86::_mm_add_ps(*sum, x86::_mm_mul_ps(x, v))
    );
    dots!(
        avx2,
        f32,
        "avx2",
        [4, 2, 8],
        _mm256_setzero_ps,
        _mm256_loadu_ps,
        _mm256_add_ps,
        f32_256,
        |x, v, sum| x86::_mm256_add_ps(*sum, x86::_mm256_mul_ps(x, v))
    );
    dots!(
        avx512,
        f32,
        "avx2,avx512f,avx512dq,avx512bw,avx512vl",
        [8, 1, 16],
        _mm512_setzero_ps,
        _mm512_loadu_ps,
        _mm512_add_ps,
        f32_512,
        |x, v, sum| x86::_mm512_add_ps(*sum, x86::_mm512_mul_ps(x, v))
    );
    dots!(
        fused_avx2,
        f32,
        "avx2,fma",
        [4, 2, 8],
        _mm256_setzero_ps,
        _mm256_loadu_ps,
        _mm256_add_ps,
        f32_256,
        |x, v, sum| x86::_mm256_fmadd_ps(x, v, *sum)
    );
    dots!(
        fused_avx512,
        f32,
        "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl",
        [8, 1, 16],
        _mm512_setzero_ps,
        _mm512_loadu_ps,
        _mm512_add_ps,
        f32_512,
        |x, v, sum| x86::_mm512_fmadd_ps(x, v, *sum)
    );
}

#[cfg(all(feature = "scaling", feature = "f64", target_arch = "x86_64"))]
mod double {
    use super::{LANES, total, x86};

    dots!(
        sse2,
        f64,
        "sse2",
        [1, 8, 2],
        _mm_setzero_pd,
        _mm_loadu_pd,
        _mm_add_pd,
        f64_128,
        |x, v, sum| x86::_mm_add_pd(*sum, x86::_mm_mul_pd(x, v))
    );
    dots!(
        avx2,
        f64,
        "avx2",
        [2, 4, 4],
        _mm256_setzero_pd,
        _mm256_loadu_pd,
        _mm256_add_pd,
        f64_256,
        |x, v, sum| x86::_mm256_add_pd(*sum, x86::_mm256_mul_pd(x, v))
    );
    dots!(
        avx512,
        f64,
        "avx2,avx512f,avx512dq,avx512bw,avx512vl",
        [4, 2, 8],
        _mm512_setzero_pd,
        _mm512_loadu_pd,
        _mm512_add_pd,
        f64_512,
        |x, v, sum| x86::_mm512_add_pd(*sum, x86::_mm512_mul_pd(x, v))
    );
    dots!(
        fused_avx2,
        f64,
        "avx2,fma",
        [2, 4, 4],
        _mm256_setzero_pd,
        _mm256_loadu_pd,
        _mm256_add_pd,
        f64_256,
        |x, v, sum| x86::_mm256_fmadd_pd(x, v, *sum)
    );
    dots!(
        fused_avx512,
        f64,
        "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl",
        [4, 2, 8],
        _mm512_setzero_pd,
        _mm512_loadu_pd,
        _mm512_add_pd,
        f64_512,
        |x, v, sum| x86::_mm512_fmadd_pd(x, v, *sum)
    );
}

macro_rules! lane {
    ($t:ident, $module:ident, $fused:ident, $splat:ident, $first:ident) => {
        impl Lane for $t {
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn fused(a: Self, b: Self, c: Self) -> Self {
                #[target_feature(enable = "fma")]
                #[inline]
                fn fused(a: $t, b: $t, c: $t) -> $t {
                    let [a, b, c] = [a, b, c].map(|x| x86::$splat(x));
                    x86::$first(x86::$fused(a, b, c))
                }
                // SAFETY: the caller says that the processor has FMA.
                unsafe { fused(a, b, c) }
            }

            #[cfg(feature = "scaling")]
            fn dots(level: Level, x: &[Self], v: &[Self], out: &mut [Self; LANES]) {
                match level.set() {
                    #[cfg(not(target_arch = "x86_64"))]
                    Set::Portable => dots_in_lanes(x, v, out),
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: every processor of this architecture has SSE2.
                    Set::Portable => unsafe { $module::sse2(x, v, out) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: a `Level` holds `Avx2` only after the processor was found to have it.
                    Set::Avx2 => unsafe { $module::avx2(x, v, out) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: likewise, with FMA.
                    Set::FusedAvx2 => unsafe { $module::fused_avx2(x, v, out) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: likewise, and the system keeps the registers.
                    Set::Avx512 => unsafe { $module::avx512(x, v, out) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: likewise, with FMA.
                    Set::FusedAvx512 => unsafe { $module::fused_avx512(x, v, out) },
                }
            }
        }
    };
}

lane!(f32, single, _mm_fmadd_ss, _mm_set_ss, _mm_cvtss_f32);
#[cfg(feature = "f64")]
lane!(f64, double, _mm_fmadd_sd, _mm_set_sd, _mm_cvtsd_f64);

#[cfg(all(test, feature = "scaling", feature = "f64"))]
mod tests {
    #![allow(
        clippy::float_cmp,
        clippy::indexing_slicing,
        clippy::disallowed_methods,
        reason = "exact values, the fused operation itself, and a test may fail loudly"
    )]

    use super::*;
    use std::vec::Vec;

    /// The order of additions written out: entry k goes to partial sum k mod 16, and partial sum l takes
    /// in l + 8, then l + 4, l + 2, l + 1.
    fn by_hand<T: Lane>(x: &[T], v: &[T], multiply_add: impl Fn(T, T, T) -> T) -> T {
        let mut lanes = [T::ZERO; LANES];
        for (k, (&x, &v)) in x.iter().zip(v).enumerate() {
            lanes[k % LANES] = multiply_add(x, v, lanes[k % LANES]);
        }
        for width in [8, 4, 2, 1] {
            for l in 0..width {
                let high = lanes[l + width];
                lanes[l] += high;
            }
        }
        lanes[0]
    }

    fn check<T: Lane>(of: impl Fn(f64) -> T, fused: impl Fn(T, T, T) -> T + Copy) {
        let number = |k: usize| of((k as f64 * 0.754_877_666_246_692_8).fract() - 0.4);
        for stride in [16, 32, 48, 160] {
            // One number more, so that rows do not lie at the addresses of registers.
            let x: Vec<T> = (0..=stride * LANES).map(number).collect();
            let v: Vec<T> = (5..5 + stride).map(number).collect();
            let x = &x[1..];
            let plain = |a: T, b: T, c: T| a * b + c;
            let levels = Level::available().map(|level| (level, false));
            for (level, one_rounding) in levels.chain(Level::fma().map(|level| (level, true))) {
                let mut found = [T::ZERO; LANES];
                T::dots(level, x, &v, &mut found);
                for (row, &found) in x.chunks(stride).zip(&found) {
                    let exact = if one_rounding {
                        by_hand(row, &v, fused)
                    } else {
                        by_hand(row, &v, plain)
                    };
                    assert!(found == exact, "{} {stride}: {found} {exact}", level.name());
                }
            }
        }
    }

    #[test]
    fn dots_add_in_the_order_of_the_contract() {
        check(|x| x as f32, f32::mul_add);
        check(|x| x, f64::mul_add);
    }

    /// The bits of the fused level are those of exponentials and sums with one rounding less.
    #[test]
    fn the_fused_level_rounds_once() {
        let Some(level) = Level::fma() else { return };
        const MOST: usize = 3000;
        let (g, cost) =
            ([0.25; MOST], core::array::from_fn::<f64, MOST, _>(|k| k as f64 * 0.001_37));
        for m in [1, 15, 16, 17, 33, 64, 65, 100, MOST] {
            let (mut found, mut plain) = ([0.0; MOST], [0.0; MOST]);
            let (g, cost) = (&g[..m], &cost[..m]);
            let sum = super::super::exp_row::<f64>(level, true, 1.7, 0.3, g, cost, &mut found[..m]);
            let portable = Level::PORTABLE;
            super::super::exp_row::<f64>(portable, false, 1.7, 0.3, g, cost, &mut plain[..m]);
            let mut lanes = [0.0; LANES];
            for (k, (&found, &c)) in found[..m].iter().zip(cost).enumerate() {
                let exact = (((0.25 - c) + 0.3) * 1.7).exp2_by(f64::mul_add);
                assert_eq!(found.to_bits(), exact.to_bits(), "{m} {k}");
                assert!((found / plain[k] - 1.0).abs() < 3.0 * f64::EPSILON);
                lanes[k % LANES] += found;
            }
            assert_eq!(sum, crate::math::reduce(lanes));
            assert!(m < MOST || found != plain, "one rounding or two, no bit differs");
        }
    }
}
