//! Reading and writing the caller's memory: versioned structs, pointers, ranges.

use core::mem::{align_of, size_of};
use core::slice;

use super::types::{Matrix, MatrixMut, rot_error};
use crate::error::{Argument, Error, ErrorKind};
use crate::view::{Mat, MatMut, extent, overlaps_itself};

/// A struct that begins with its size, and whose all-zero bytes are a valid value.
///
/// # Safety
/// `repr(C)`, a leading `u32` that holds the size, and valid for every byte pattern: plain
/// integers, floats, raw pointers and optional function pointers.
pub(super) unsafe trait Sized32: Copy {}

/// Largest struct of a future version that is looked through for non-zero bytes.
const MAX_STRUCT: usize = 4096;

/// Copies the caller's struct over the defaults in `value`: a shorter one leaves the rest at its
/// default, a longer one must be zero behind what this library knows.
///
/// # Safety
/// `pointer` is NULL or readable for the size that its first four bytes state.
pub(super) unsafe fn read_sized<S: Sized32>(
    pointer: *const S,
    value: &mut S,
    argument: Argument,
) -> Result<(), Error> {
    check_pointer(pointer, argument)?;
    // SAFETY: not NULL and aligned; the caller vouches for at least the leading four bytes.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if !(8..=MAX_STRUCT).contains(&size) || !size.is_multiple_of(8) {
        return Err(Error::new(ErrorKind::StructSize, argument));
    }
    let known = size_of::<S>();
    let bytes = pointer.cast::<u8>();
    for k in known..size {
        // SAFETY: k < size, inside the caller's struct.
        let byte = unsafe { bytes.add(k) };
        // SAFETY: as above.
        if unsafe { byte.read() } != 0 {
            return Err(Error::new(ErrorKind::StructSize, argument));
        }
    }
    let target = core::ptr::from_mut(value).cast::<u8>();
    // SAFETY: both ranges hold the smaller of the two sizes and do not overlap; `Sized32` types are
    // valid for every byte pattern.
    unsafe { core::ptr::copy_nonoverlapping(bytes, target, size.min(known)) };
    Ok(())
}

/// Writes as much of a struct as the caller's holds, its size left as it is. Nothing happens for
/// NULL.
///
/// # Safety
/// `pointer` is NULL or writable for the size that its first four bytes state.
pub(super) unsafe fn write_sized<S: Sized32>(pointer: *mut S, value: &S) {
    if pointer.is_null() || !pointer.is_aligned() {
        return;
    }
    // SAFETY: not NULL and aligned; the caller vouches for at least the leading four bytes.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    let source = core::ptr::from_ref(value).cast::<u8>();
    let head = size_of::<u32>();
    let end = size.min(size_of::<S>());
    if end > head {
        // SAFETY: head < end, inside the caller's struct.
        let target = unsafe { pointer.cast::<u8>().add(head) };
        // SAFETY: head < end, inside our own struct.
        let source = unsafe { source.add(head) };
        // SAFETY: bytes head..end lie inside both structs, which do not overlap.
        unsafe { core::ptr::copy_nonoverlapping(source, target, end - head) };
    }
}

/// Writes a plain value unless the pointer is NULL.
///
/// # Safety
/// `pointer` is NULL or writable for one value.
pub(super) unsafe fn write_plain<V>(pointer: *mut V, value: V) {
    if !pointer.is_null() && pointer.is_aligned() {
        // SAFETY: not NULL, aligned, and writable as the caller vouches.
        unsafe { pointer.write(value) };
    }
}

/// Errors `Null` and `Alignment`.
pub(super) fn check_pointer<V>(pointer: *const V, argument: Argument) -> Result<(), Error> {
    if pointer.is_null() {
        return Err(Error::new(ErrorKind::Null, argument));
    }
    if !pointer.is_aligned() {
        return Err(Error::new(ErrorKind::Alignment, argument));
    }
    Ok(())
}

/// An output that may be NULL. Error `Alignment`.
pub(super) fn check_optional<V>(pointer: *const V, argument: Argument) -> Result<(), Error> {
    if pointer.is_null() { Ok(()) } else { check_pointer(pointer, argument) }
}

/// A pointer with a count, checked.
pub(super) fn check_slice<V>(data: *const V, len: usize, argument: Argument) -> Result<(), Error> {
    check_pointer(data, argument)?;
    match len.checked_mul(size_of::<V>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Error::new(ErrorKind::TooLarge, argument)),
    }
}

/// A checked slice.
///
/// # Safety
/// `data` is NULL or readable for `len` elements, which nobody writes during the call.
pub(super) unsafe fn slice_of<'a, V>(
    data: *const V,
    len: usize,
    argument: Argument,
) -> Result<&'a [V], Error> {
    check_slice(data, len, argument)?;
    // SAFETY: not NULL, aligned, of checked extent, readable as the caller vouches.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}

/// A checked slice to write to.
///
/// # Safety
/// `data` is NULL or writable for `len` elements, which nobody else uses during the call (the
/// caller of this function has checked all ranges for overlap).
pub(super) unsafe fn slice_mut<'a, V>(
    data: *mut V,
    len: usize,
    argument: Argument,
) -> Result<&'a mut [V], Error> {
    check_slice(data, len, argument)?;
    // SAFETY: not NULL, aligned, of checked extent, exclusively writable as the caller vouches.
    Ok(unsafe { slice::from_raw_parts_mut(data, len) })
}

/// The part of the work that is needed. Fresh work, which may never have been written, is zeroed
/// first, as Rust's references demand.
///
/// # Safety
/// As [`slice_mut`].
pub(super) unsafe fn work_of<'a, V>(
    work: *mut V,
    len: usize,
    needed: usize,
    fresh: bool,
) -> Result<&'a mut [V], Error> {
    check_slice(work, len, Argument::Work)?;
    if needed == usize::MAX {
        return Err(Error::new(ErrorKind::TooLarge, Argument::Cost));
    }
    if len < needed {
        return Err(Error::new(ErrorKind::WorkTooSmall, Argument::Work));
    }
    if fresh {
        // SAFETY: needed <= len elements, writable as the caller vouches.
        unsafe { work.write_bytes(0, needed) };
    }
    // SAFETY: passed on from the caller.
    unsafe { slice_mut(work, needed, Argument::Work) }
}

/// A checked read-only view.
///
/// # Safety
/// As [`slice_of`], for every entry of the matrix.
pub(super) unsafe fn mat_of<'a, V: Copy>(
    matrix: &Matrix<V>,
    argument: Argument,
) -> Result<Mat<'a, V>, Error> {
    let Matrix { data, rows, cols, row_stride, col_stride, reserved } = *matrix;
    if reserved != 0 {
        return Err(Error::new(ErrorKind::StructSize, argument));
    }
    let Some(len) = extent(rows, cols, row_stride, col_stride) else {
        return Err(Error::new(ErrorKind::TooLarge, argument));
    };
    if len == 0 {
        return Err(Error::new(ErrorKind::Empty, argument));
    }
    // SAFETY: the extent of the matrix, readable as the caller vouches.
    let data = unsafe { slice_of(data, len, argument) }?;
    Mat::strided(data, rows, cols, row_stride, col_stride).map_err(|e| e.of(argument))
}

/// Checks an output view; nothing is formed yet.
pub(super) fn check_mat_mut<V>(matrix: &MatrixMut<V>, argument: Argument) -> Result<usize, Error> {
    let MatrixMut { data, rows, cols, row_stride, col_stride, reserved } = *matrix;
    if reserved != 0 {
        return Err(Error::new(ErrorKind::StructSize, argument));
    }
    let Some(len) = extent(rows, cols, row_stride, col_stride) else {
        return Err(Error::new(ErrorKind::TooLarge, argument));
    };
    if len == 0 {
        return Err(Error::new(ErrorKind::Empty, argument));
    }
    if overlaps_itself(rows, cols, row_stride, col_stride) {
        return Err(Error::new(ErrorKind::Stride, argument));
    }
    check_slice(data, len, argument)?;
    Ok(len)
}

/// A checked view to write to.
///
/// # Safety
/// As [`slice_mut`], for every entry of the matrix and what lies between them.
pub(super) unsafe fn mat_mut<'a, V: Copy>(
    matrix: &MatrixMut<V>,
    argument: Argument,
) -> Result<MatMut<'a, V>, Error> {
    let len = check_mat_mut(matrix, argument)?;
    // SAFETY: the extent of the matrix, exclusively writable as the caller vouches.
    let data = unsafe { slice_mut(matrix.data, len, argument) }?;
    MatMut::strided(data, matrix.rows, matrix.cols, matrix.row_stride, matrix.col_stride)
        .map_err(|e| e.of(argument))
}

/// The addresses of an argument, for the overlap check.
#[derive(Clone, Copy)]
pub(super) struct Range {
    start: usize,
    end: usize,
    argument: Argument,
    writes: bool,
}

impl Range {
    /// What is only read.
    pub(super) fn read<V>(data: *const V, len: usize, argument: Argument) -> Self {
        Self::new(data, len, argument, false)
    }

    /// What is written.
    pub(super) fn write<V>(data: *const V, len: usize, argument: Argument) -> Self {
        Self::new(data, len, argument, true)
    }

    fn new<V>(data: *const V, len: usize, argument: Argument, writes: bool) -> Self {
        let start = data.addr();
        let bytes = if data.is_null() { 0 } else { len.saturating_mul(size_of::<V>()) };
        Self { start, end: start.saturating_add(bytes), argument, writes }
    }

    /// What a matrix spans.
    pub(super) fn matrix<V>(matrix: &Matrix<V>, argument: Argument) -> Self {
        let len = extent(matrix.rows, matrix.cols, matrix.row_stride, matrix.col_stride);
        Self::read(matrix.data, len.unwrap_or(0), argument)
    }

    /// What an output matrix spans.
    pub(super) fn matrix_mut<V>(matrix: &MatrixMut<V>, argument: Argument) -> Self {
        let len = extent(matrix.rows, matrix.cols, matrix.row_stride, matrix.col_stride);
        Self::write(matrix.data.cast_const(), len.unwrap_or(0), argument)
    }
}

/// Refuses a written range that shares an address with any other.
pub(super) fn refuse_overlap(ranges: &[Range]) -> Result<(), Error> {
    for (k, one) in ranges.iter().enumerate() {
        for other in ranges.iter().skip(k + 1) {
            let apart = one.end <= other.start || other.end <= one.start;
            let empty = one.start == one.end || other.start == other.end;
            if (one.writes || other.writes) && !apart && !empty {
                let blamed = if one.writes { one } else { other };
                return Err(Error::new(ErrorKind::Overlap, blamed.argument));
            }
        }
    }
    Ok(())
}

/// The C form of a refusal.
pub(super) fn c_error(error: Error) -> rot_error {
    rot_error {
        status: error.kind as i32,
        argument: error.argument as u32,
        row: error.row,
        col: error.col,
    }
}

/// The C form of an ending.
pub(super) const fn c_status(status: i32) -> rot_error {
    rot_error { status, argument: 0, row: Error::NOWHERE, col: Error::NOWHERE }
}

const _: () = assert!(align_of::<u64>() >= align_of::<u32>());
