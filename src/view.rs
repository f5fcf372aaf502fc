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
    if rows == 0 || cols == 0 || (rows == 1 && cols == 1) {
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

    /// A view whose extent is that of the data.
    #[cfg(feature = "capi")]
    pub(crate) const fn checked(
        data: &'a [T],
        [rows, cols]: [usize; 2],
        strides: [usize; 2],
    ) -> Self {
        let [row_stride, col_stride] = strides;
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// The matrix of the same shape that begins `offset` elements behind this one, if the data reaches
    /// its last entry.
    pub(crate) fn behind(self, offset: usize) -> Option<Self> {
        let data = self.data.get(offset..)?;
        let needed = extent(self.rows, self.cols, self.row_stride, self.col_stride)?;
        (data.len() >= needed).then_some(Self { data, ..self })
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

    /// All entries in order, where they lie side by side.
    #[inline]
    pub(crate) fn all_entries(&self) -> Option<&'a [T]> {
        let dense = self.col_stride == 1 && self.row_stride == self.cols;
        if dense { self.data.get(..self.rows.checked_mul(self.cols)?) } else { None }
    }

    /// All the memory from the first entry to the last, and the distance of rows, where those of a row
    /// lie side by side.
    #[cfg(feature = "lowrank")]
    pub(crate) fn contiguous(&self) -> Option<(&'a [T], usize)> {
        let data = self.data.get(..extent(self.rows, self.cols, self.row_stride, 1)?)?;
        (self.col_stride == 1 || self.cols <= 1).then_some((data, self.row_stride))
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

    /// The same matrix for a shorter time.
    #[cfg(feature = "implicit")]
    pub(crate) fn lend(&mut self) -> MatMut<'_, T> {
        MatMut { data: self.data, ..*self }
    }

    /// The same entries with rows and columns exchanged.
    #[cfg(feature = "implicit")]
    pub(crate) fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Row `i` as a slice where its entries lie side by side.
    #[cfg(feature = "implicit")]
    #[inline]
    pub(crate) fn contiguous_row_mut(&mut self, i: usize) -> Option<&mut [T]> {
        if i >= self.rows || (self.col_stride != 1 && self.cols > 1) {
            return None;
        }
        let start = i * self.row_stride;
        self.data.get_mut(start..start + self.cols)
    }

    /// Entry (i, j), or `None` outside the matrix.
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> Option<T> {
        let inside = i < self.rows && j < self.cols;
        let index = i * self.row_stride + j * self.col_stride;
        if inside { self.data.get(index).copied() } else { None }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const MAX: usize = usize::MAX;

    fn refusal<T>(result: Result<T, Error>) -> ErrorKind {
        let error = result.err().unwrap();
        assert_eq!(
            (error.argument, error.row, error.col),
            (Argument::Matrix, Error::NOWHERE, Error::NOWHERE)
        );
        error.kind
    }

    /// Small shapes and strides, with the address of every entry.
    fn layouts() -> impl Iterator<Item = ([usize; 4], Vec<usize>)> {
        (0..4 * 4 * 6 * 6).map(|k| {
            let (rows, cols, down, across) = (k % 4, k / 4 % 4, k / 16 % 6, k / 96);
            let entries = (0..rows).flat_map(|i| (0..cols).map(move |j| i * down + j * across));
            ([rows, cols, down, across], entries.collect())
        })
    }

    #[test]
    fn a_view_reads_what_its_strides_say() {
        let data: Vec<usize> = (0..30).collect();
        for ([rows, cols, down, across], entries) in layouts() {
            let view = Mat::strided(&data, rows, cols, down, across).unwrap();
            assert_eq!((view.rows(), view.cols()), (rows, cols));
            let turned = view.transposed();
            assert_eq!((turned.rows(), turned.cols()), (cols, rows));
            for i in 0..rows {
                let row = &entries[i * cols..][..cols];
                assert!(view.row(i).eq(row.iter().copied()));
                for (j, &entry) in row.iter().enumerate() {
                    assert_eq!(view.get(i, j), Some(entry));
                    assert_eq!(turned.get(j, i), Some(entry));
                    assert_eq!(turned.row(j).nth(i), Some(entry));
                }
                match view.contiguous_row(i) {
                    Some(slice) => assert_eq!(slice, row),
                    None => assert!(cols > 1 && across != 1),
                }
            }
            for (i, j) in [(rows, 0), (0, cols), (rows, cols), (MAX, 0), (0, MAX), (MAX, MAX)] {
                assert_eq!(view.get(i, j), None);
            }
            assert!(view.row(rows).next().is_none() && view.row(MAX).next().is_none());
        }
    }

    #[test]
    fn data_must_reach_the_last_entry() {
        let mut data = [0; 30];
        for ([rows, cols, down, across], entries) in layouts() {
            let needed = entries.iter().max().map_or(0, |last| last + 1);
            assert_eq!(extent(rows, cols, down, across), Some(needed));
            assert!(Mat::strided(&data[..needed], rows, cols, down, across).is_ok());
            if needed > 0 {
                let short = &data[..needed - 1];
                assert_eq!(
                    refusal(Mat::strided(short, rows, cols, down, across)),
                    ErrorKind::Shape
                );
                let short = &mut data[..needed - 1];
                let view = MatMut::strided(short, rows, cols, down, across);
                assert_eq!(refusal(view), ErrorKind::Shape);
            }
        }
        assert!(Mat::new(&data[..6], 2, 3).is_ok());
        assert_eq!(refusal(Mat::new(&data[..5], 2, 3)), ErrorKind::Shape);
        assert_eq!(refusal(MatMut::new(&mut data[..5], 2, 3)), ErrorKind::Shape);
    }

    #[test]
    fn extents_that_overflow_are_too_large() {
        let mut data = [0; 1];
        let wide = MAX_DIM;
        // Zero strides let one element stand for the largest matrix.
        let largest = Mat::strided(&data, wide, wide, 0, 0).unwrap();
        assert_eq!(largest.get(wide - 1, wide - 1), Some(0));
        assert_eq!(largest.get(wide, 0), None);
        for [rows, cols, down, across] in [
            [2, 1, MAX, 0],
            [1, 2, 0, MAX],
            [2, 2, MAX / 2 + 1, MAX / 2 + 1],
            [wide, 2, MAX / 2, 1],
            [2, wide, 1, MAX / 2],
        ] {
            assert_eq!(extent(rows, cols, down, across), None);
            let view = Mat::strided(&data, rows, cols, down, across);
            assert_eq!(refusal(view), ErrorKind::TooLarge);
            let view = MatMut::strided(&mut data, rows, cols, down, across);
            assert_eq!(refusal(view), ErrorKind::TooLarge);
        }
        if let Some(beyond) = wide.checked_add(1) {
            for (rows, cols) in [(beyond, 1), (1, beyond), (0, beyond), (MAX, MAX)] {
                assert_eq!(refusal(Mat::strided(&data, rows, cols, 0, 0)), ErrorKind::TooLarge);
                assert_eq!(refusal(Mat::new(&data, rows, cols)), ErrorKind::TooLarge);
            }
        }
        // The far end of an unused stride does not count.
        assert_eq!(extent(1, 1, MAX, MAX), Some(1));
        assert_eq!(extent(0, 5, MAX, MAX), Some(0));
        assert_eq!(extent(2, 1, MAX - 1, MAX), Some(MAX));
    }

    #[test]
    fn an_output_must_not_overlap_itself() {
        let mut data = [0; 30];
        for ([rows, cols, down, across], mut entries) in layouts() {
            entries.sort_unstable();
            let collides = entries.windows(2).any(|pair| pair[0] == pair[1]);
            let refused = overlaps_itself(rows, cols, down, across);
            // Interleaved layouts without a collision are refused too, and nothing else.
            let interleaved =
                rows > 1 && cols > 1 && down <= (cols - 1) * across && across <= (rows - 1) * down;
            let layout = [rows, cols, down, across];
            assert!(refused == (collides || interleaved), "{layout:?}: {refused}");
            let view = MatMut::strided(&mut data, rows, cols, down, across);
            if refused {
                assert_eq!(refusal(view), ErrorKind::Stride);
            } else {
                let view = view.unwrap();
                assert_eq!((view.rows(), view.cols()), (rows, cols));
            }
        }
        assert!(overlaps_itself(3, 3, MAX, 0) && overlaps_itself(3, 3, 0, MAX));
        assert!(!overlaps_itself(2, 2, MAX / 2, 1));
    }

    #[test]
    fn an_output_sets_its_entries_and_no_other() {
        for ([rows, cols, down, across], entries) in layouts() {
            let mut data = [0; 30];
            if let Ok(mut view) = MatMut::strided(&mut data, rows, cols, down, across) {
                for i in 0..rows {
                    for j in 0..cols {
                        view.set(i, j, 100 * i + j + 1);
                    }
                }
                for (i, j) in [(rows, 0), (0, cols), (MAX, MAX), (MAX, 0), (0, MAX)] {
                    view.set(i, j, 9999);
                }
                for (k, &found) in data.iter().enumerate() {
                    let entry = entries.iter().position(|&e| e == k);
                    let expected = entry.map_or(0, |e| 100 * (e / cols) + e % cols + 1);
                    assert_eq!(found, expected, "{k}");
                }
            }
        }
    }
}
