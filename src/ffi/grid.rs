//! Regular grids: what they count as in work lengths.

use super::types::{rot_matrix_f32, rot_matrix_f64};
#[cfg(feature = "grid")]
use super::{
    abi::{check_pointer, mat_of},
    convert::Scalar,
    types,
};
#[cfg(feature = "grid")]
use crate::cost::{Geometry, Grid};
#[cfg(feature = "grid")]
use crate::error::Argument;

/// What two grids (ROT_COST_GRID) count as in the work lengths, where these ask for the dimension d of
/// points, if neither has more points along an axis than the grid of the columns (of the barycenter):
/// images or volumes of one shape. In general rot_grid_dimension_f64 tells. More is never wrong; with
/// less, sweeps take n m exponentials. Gradients (rot_gradient_*) take d = 0.
pub const ROT_GRID_DIMENSION: u32 = 6;

#[cfg(feature = "grid")]
const _: () = assert!(ROT_GRID_DIMENSION as usize == crate::cost::GRID_DIMENSION);

#[cfg(feature = "grid")]
unsafe fn dimension<T: Scalar>(x: *const types::Matrix<T>, y: *const types::Matrix<T>) -> usize {
    let find = || {
        check_pointer(x, Argument::RowPoints)?;
        check_pointer(y, Argument::ColPoints)?;
        // SAFETY: not NULL and aligned; readable as the caller vouches.
        let (x, y) = (unsafe { &*x }, unsafe { &*y });
        // SAFETY: passed on from the caller.
        let x = unsafe { mat_of(x, Argument::RowPoints) }?;
        // SAFETY: passed on from the caller.
        let y = unsafe { mat_of(y, Argument::ColPoints) }?;
        let grid = Grid::new(x, y)?;
        Ok::<_, super::abi::Refusal>(Geometry::<T>::dimension(&grid))
    };
    find().unwrap_or(usize::MAX)
}

/// What two grids count as in the work lengths of rot_sinkhorn_*, rot_plan_*, rot_anneal_*,
/// rot_matching_* and rot_barycenter_*, where these ask for the dimension d of points (the largest over
/// all measures of a barycenter): ROT_GRID_DIMENSION for grids of one shape.
///
/// @param x, y  as in a problem of kind ROT_COST_GRID: row k describes axis k, by the number of its
///              points, the first coordinate and the spacing
///
/// Returns SIZE_MAX if they are no grids, and in a library that was built without this part. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
pub unsafe extern "C" fn rot_grid_dimension_f64(
    x: *const rot_matrix_f64,
    y: *const rot_matrix_f64,
) -> usize {
    #[cfg(all(feature = "grid", feature = "f64"))]
    // SAFETY: the promises of the C caller.
    return unsafe { dimension(x, y) };
    #[cfg(not(all(feature = "grid", feature = "f64")))]
    return super::no_work((x, y));
}

/// rot_grid_dimension_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
pub unsafe extern "C" fn rot_grid_dimension_f32(
    x: *const rot_matrix_f32,
    y: *const rot_matrix_f32,
) -> usize {
    #[cfg(feature = "grid")]
    // SAFETY: the promises of the C caller.
    return unsafe { dimension(x, y) };
    #[cfg(not(feature = "grid"))]
    return super::no_work((x, y));
}
