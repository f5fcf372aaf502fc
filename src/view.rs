//! Checked strided views of matrices in memory of the caller.

use crate::error::{Argument, Error, ErrorKind};

/// Largest number of rows or columns: 2^32 - 1.
#[cfg(target_pointer_width = "64")]
const MAX_DIM: usize = u32::MAX as usize;
#[cfg(target_pointer_width = "32")]
const MAX_DIM: usize = usize::MAX;
#[cfg(not(any(target_pointer_width = "64", target_pointer_width = "32")))]
compile_error!("robust-ot needs 32-bit or 64-bit addresses");

/// A read-only matrix: entry (i, j) is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// Number of elements from the first to the last entry, or `None` if it overflows or a side is
/// longer than 2^32 - 1.
pub(crate) fn extent(
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
) -> Option<usize> {
    if rows > MAX_DIM || cols > MAX_DIM {
        return None;
    }
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    let down = (rows - 1).checked_mul(row_stride)?;
    let across = (cols - 1).checked_mul(col_stride)?;
    down.checked_add(across)?.checked_add(1)
}

/// Whether two entries of a strided matrix share an address.
pub(crate) fn overlaps_itself(
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
) -> bool {
    if rows <= 1 && cols <= 1 {
        return false;
    }
    if rows <= 1 {
        return col_stride == 0;
    }
    if cols <= 1 {
        return row_stride == 0;
    }
    // One stride has to step over all that the other one reaches (the usual layouts; interleaved
    // layouts that happen not to collide are refused too).
    let across = (cols - 1).saturating_mul(col_stride);
    let down = (rows - 1).saturating_mul(row_stride);
    col_stride == 0 || row_stride == 0 || (row_stride <= across && col_stride <= down)
}

impl<'a, T: Copy> Mat<'a, T> {
    /// A row-major view without gaps. Error: `Shape` if `data` is shorter than `rows * cols`.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Result<Self, Error> {
        Self::strided(data, rows, cols, cols, 1)
    }

    /// A strided view; strides count elements. A stride may be 0 (a repeated row or column).
    ///
    /// Errors: `TooLarge` if a side exceeds 2^32 - 1 or the extent overflows, `Shape` if `data`
    /// does not reach the last entry.
    pub fn strided(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, Error> {
        let Some(needed) = extent(rows, cols, row_stride, col_stride) else {
            return Err(Error::new(ErrorKind::TooLarge, Argument::Matrix));
        };
        if data.len() < needed {
            return Err(Error::new(ErrorKind::Shape, Argument::Matrix));
        }
        Ok(Self { data, rows, cols, row_stride, col_stride })
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// The same entries with rows and columns exchanged; nothing is copied.
    pub const fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Entry (i, j), or `None` outside the matrix.
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> Option<T> {
        if i >= self.rows || j >= self.cols {
            return None;
        }
        self.data.get(i * self.row_stride + j * self.col_stride).copied()
    }

    /// Row `i` as a slice where its entries lie side by side.
    #[inline]
    pub(crate) fn contiguous_row(&self, i: usize) -> Option<&'a [T]> {
        if self.col_stride != 1 && self.cols > 1 {
            return None;
        }
        let start = i * self.row_stride;
        self.data.get(start..start + self.cols)
    }

    /// The entries of row `i` in order; empty outside the matrix.
    #[inline]
    pub(crate) fn row(&self, i: usize) -> impl Iterator<Item = T> + use<'a, T> {
        let start = if i < self.rows { i * self.row_stride } else { self.data.len() };
        let tail = self.data.get(start..).unwrap_or(&[]);
        Strided { tail, stride: self.col_stride, left: if i < self.rows { self.cols } else { 0 } }
    }
}

/// Every `stride`-th element of a slice; unlike `step_by` it takes a stride of 0.
struct Strided<'a, T> {
    tail: &'a [T],
    stride: usize,
    left: usize,
}

impl<T: Copy> Iterator for Strided<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let value = self.tail.first().copied()?;
        self.left -= 1;
        self.tail = self.tail.get(self.stride..).unwrap_or(&[]);
        Some(value)
    }
}

/// A matrix to write to: like [`Mat`], but no two entries may share an address.
#[derive(Debug)]
pub struct MatMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T: Copy> MatMut<'a, T> {
    /// A row-major view without gaps. Error: `Shape` if `data` is shorter than `rows * cols`.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, Error> {
        Self::strided(data, rows, cols, cols, 1)
    }

    /// A strided view; strides count elements.
    ///
    /// Errors: as [`Mat::strided`], and `Stride` if two entries would share an address.
    pub fn strided(
        data: &'a mut [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, Error> {
        Mat::strided(data, rows, cols, row_stride, col_stride)?;
        if overlaps_itself(rows, cols, row_stride, col_stride) {
            return Err(Error::new(ErrorKind::Stride, Argument::Matrix));
        }
        Ok(Self { data, rows, cols, row_stride, col_stride })
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// Sets entry (i, j); nothing happens outside the matrix.
    #[inline]
    pub fn set(&mut self, i: usize, j: usize, value: T) {
        if i < self.rows
            && j < self.cols
            && let Some(entry) = self.data.get_mut(i * self.row_stride + j * self.col_stride)
        {
            *entry = value;
        }
    }
}
