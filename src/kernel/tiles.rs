//! The product of a panel with itself, which is most of a factorisation, in tiles of outputs that
//! stay in registers while the rows of the panel go by.
//!
//! Here the registers are named: from lanes in an array compilers make gathers, scatters and spills.
//! An output is one sum in the order of the rows whatever the shape of the tile, so the bits are
//! the same.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as x86;

use super::level::{Level, Set};
use crate::math::Elementary;
#[cfg(not(target_arch = "x86_64"))]
use crate::real::Real;

/// Number types with such tiles.
///
/// A tile has more rows where there are more registers, and no more sums than fit beside what is
/// read: 8 registers of sums of 16, 16 of 32.
pub trait Tiled: Elementary {
    /// Upper triangle of `square` (rows of `stride`) minus panel^T panel: entry (i, j) loses the sum
    /// over the rows k of the panel of p_k,first+i p_k,first+j, added up in the order of k. `stride`
    /// and `first` are multiples of 16; what lies below the diagonal inside a tile is not used.
    fn subtract_product(
        level: Level,
        square: &mut [Self],
        panel: &[Self],
        stride: usize,
        first: usize,
    );
}

/// A few neighbours in a row of the panel.
#[inline(always)]
fn neighbours<T, const K: usize>(row: &[T], from: usize) -> Option<&[T; K]> {
    row.get(from..).and_then(|row| row.first_chunk())
}

/// Without a name for the registers.
#[cfg(not(target_arch = "x86_64"))]
#[inline(never)]
fn portable<T: Real>(square: &mut [T], panel: &[T], stride: usize, first: usize) {
    let stride = stride.max(1);
    for (band, rows) in square.chunks_mut(stride.saturating_mul(4).max(1)).enumerate() {
        let i = first + band * 4;
        let mut j = i / 8 * 8;
        while j < stride {
            let mut tile = [[T::ZERO; 8]; 4];
            for row in panel.chunks_exact(stride) {
                if let (Some(left), Some(right)) = (neighbours::<T, 4>(row, i), neighbours(row, j))
                {
                    let right: &[T; 8] = right;
                    for (tile, &left) in tile.iter_mut().zip(left) {
                        for (tile, &right) in tile.iter_mut().zip(right) {
                            *tile += left * right;
                        }
                    }
                }
            }
            for (row, tile) in rows.chunks_mut(stride).zip(&tile) {
                if let Some(row) = row.get_mut(j..) {
                    for (out, &x) in row.iter_mut().zip(tile) {
                        *out += -x;
                    }
                }
            }
            j += 8;
        }
    }
}

/// Tiles of $rows rows and $registers registers of $lanes lanes across.
#[cfg(target_arch = "x86_64")]
macro_rules! tiles {
    (
        $name:ident, $t:ident, $features:literal, [$rows:literal, $registers:literal, $lanes:literal],
        $zero:ident, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident
    ) => {
        #[target_feature(enable = $features)]
        fn $name(square: &mut [$t], panel: &[$t], stride: usize, first: usize) {
            const COLS: usize = $registers * $lanes;
            let stride = stride.max(1);
            for (band, rows) in square.chunks_mut(stride.saturating_mul($rows).max(1)).enumerate() {
                let i = first + band * $rows;
                let mut j = i / COLS * COLS;
                while j < stride {
                    let mut tile = [[x86::$zero(); $registers]; $rows];
                    for row in panel.chunks_exact(stride) {
                        let left: Option<&[$t; $rows]> = neighbours(row, i);
                        let right: Option<&[$t; COLS]> = neighbours(row, j);
                        let (Some(left), Some(right)) = (left, right) else { continue };
                        let mut across = [x86::$zero(); $registers];
                        for (across, right) in across.iter_mut().zip(right.as_chunks::<$lanes>().0)
                        {
                            // SAFETY: the array is as long as the register; no alignment is asked for.
                            *across = unsafe { x86::$load(right.as_ptr()) };
                        }
                        for (tile, &left) in tile.iter_mut().zip(left) {
                            let left = x86::$splat(left);
                            for (tile, &across) in tile.iter_mut().zip(&across) {
                                *tile = x86::$add(*tile, x86::$mul(left, across));
                            }
                        }
                    }
                    // (Counted by the tile, so that its registers keep their names.)
                    for (k, tile) in tile.iter().enumerate() {
                        let row = rows.get_mut(k * stride + j..).unwrap_or_default();
                        let Some(row) = row.first_chunk_mut::<COLS>() else { break };
                        for (out, &tile) in row.as_chunks_mut::<$lanes>().0.iter_mut().zip(tile) {
                            // SAFETY: likewise.
                            let less = x86::$sub(unsafe { x86::$load(out.as_ptr()) }, tile);
                            // SAFETY: likewise.
                            unsafe { x86::$store(out.as_mut_ptr(), less) };
                        }
                    }
                    j += COLS;
                }
            }
        }
    };
}

#[cfg(all(target_arch = "x86_64", feature = "f64"))]
tiles!(
    sse2_f64,
    f64,
    "sse2",
    [4, 2, 2],
    _mm_setzero_pd,
    _mm_set1_pd,
    _mm_loadu_pd,
    _mm_storeu_pd,
    _mm_add_pd,
    _mm_sub_pd,
    _mm_mul_pd
);
#[cfg(all(target_arch = "x86_64", feature = "f64"))]
tiles!(
    avx2_f64,
    f64,
    "avx2",
    [4, 2, 4],
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd
);
#[cfg(all(target_arch = "x86_64", feature = "f64"))]
tiles!(
    avx512_f64,
    f64,
    "avx2,avx512f,avx512dq,avx512bw,avx512vl",
    [8, 2, 8],
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd
);
#[cfg(target_arch = "x86_64")]
tiles!(
    sse2_f32,
    f32,
    "sse2",
    [4, 2, 4],
    _mm_setzero_ps,
    _mm_set1_ps,
    _mm_loadu_ps,
    _mm_storeu_ps,
    _mm_add_ps,
    _mm_sub_ps,
    _mm_mul_ps
);
#[cfg(target_arch = "x86_64")]
tiles!(
    avx2_f32,
    f32,
    "avx2",
    [4, 2, 8],
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps
);
#[cfg(target_arch = "x86_64")]
tiles!(
    avx512_f32,
    f32,
    "avx2,avx512f,avx512dq,avx512bw,avx512vl",
    [8, 1, 16],
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps
);

macro_rules! tiled {
    ($t:ident: $sse2:ident $avx2:ident $avx512:ident) => {
        impl Tiled for $t {
            fn subtract_product(
                level: Level,
                square: &mut [Self],
                panel: &[Self],
                stride: usize,
                first: usize,
            ) {
                match level.set() {
                    #[cfg(not(target_arch = "x86_64"))]
                    Set::Portable => portable(square, panel, stride, first),
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: every processor of this architecture has SSE2.
                    Set::Portable => unsafe { $sse2(square, panel, stride, first) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: a `Level` holds `Avx2` only after the processor was found to have it.
                    Set::Avx2 | Set::FusedAvx2 => unsafe { $avx2(square, panel, stride, first) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: likewise, and the system keeps the registers.
                    Set::Avx512 | Set::FusedAvx512 => unsafe {
                        $avx512(square, panel, stride, first)
                    },
                }
            }
        }
    };
}

tiled!(f32: sse2_f32 avx2_f32 avx512_f32);
#[cfg(feature = "f64")]
tiled!(f64: sse2_f64 avx2_f64 avx512_f64);
