//! Reading and writing the caller's memory: versioned structs, pointers, ranges.

use core::mem::{align_of, size_of};
use core::slice;

use super::types::{Matrix, MatrixMut, rot_error};
pub(super) use crate::error::Refusal;
use crate::error::{Argument, Error, ErrorKind};
use crate::view::{Mat, MatMut, extent, overlaps_itself};

/// For errors that blame no entry.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error.kind, error.argument)
    }
}

/// Largest struct of a future version that is looked through for non-zero bytes.
const MAX_STRUCT: usize = 4096;

/// Whether a versioned struct may state this size.
pub(super) fn plausible(size: usize, least: usize) -> bool {
    (least..=MAX_STRUCT).contains(&size) && size.is_multiple_of(8)
}

/// A struct of the caller, or a struct inside one, read where it lies and field by field: the
/// caller's version may end before a field, which then has its default.
pub(super) struct Source<S> {
    pointer: *const S,
    /// Bytes from the start of the struct to the end of what may be read.
    size: usize,
}

impl<S> Clone for Source<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Source<S> {}

impl<S> Source<S> {
    /// A struct without any field, all defaults.
    pub(super) const DEFAULTS: Self = Self { pointer: core::ptr::null(), size: 0 };

    /// A struct that begins with its size; it must be zero from byte `end` on, whatever its size: behind
    /// what this library knows, or what is used of that.
    ///
    /// # Safety
    /// `pointer` is NULL or readable for the size that its first four bytes state, for as long as
    /// the source is used.
    #[inline(always)]
    pub(super) unsafe fn versioned(
        pointer: *const S,
        end: usize,
        argument: Argument,
    ) -> Result<Self, Refusal> {
        // SAFETY: passed on from the caller.
        unsafe { check_versioned(pointer.cast(), align_of::<S>(), end, argument) }?;
        // SAFETY: checked.
        Ok(unsafe { Self::checked(pointer) })
    }

    /// A struct that passed [`Source::versioned`], or NULL: all defaults.
    ///
    /// # Safety
    /// As [`Source::versioned`].
    #[inline(always)]
    pub(super) unsafe fn checked(pointer: *const S) -> Self {
        if pointer.is_null() {
            return Self::DEFAULTS;
        }
        // SAFETY: not NULL and aligned; the caller vouches for at least the leading four bytes.
        Self { pointer, size: unsafe { pointer.cast::<u32>().read() } as usize }
    }

    /// The same for a struct whose size is stated elsewhere.
    ///
    /// # Safety
    /// `pointer` is readable for `size` bytes, for as long as the source is used.
    #[cfg(feature = "barycenter")]
    pub(super) unsafe fn sized(
        pointer: *const S,
        size: usize,
        argument: Argument,
    ) -> Result<Self, Refusal> {
        // SAFETY: passed on from the caller.
        unsafe { check_sized(pointer.cast(), size, size_of::<S>(), argument) }?;
        Ok(Self { pointer, size })
    }

    /// What may be read.
    pub(super) fn range(self) -> Range {
        Range::of(self.pointer.cast::<u8>(), self.size, Argument::None)
    }

    /// Bytes that may be read.
    pub(super) fn size(self) -> usize {
        self.size
    }

    /// Whether the bytes from `start` to `end` are zero, as far as they exist.
    pub(super) fn zero_from(self, start: usize, end: usize) -> bool {
        // SAFETY: inside the caller's struct.
        unsafe { all_zero(self.pointer.cast(), start, end.min(self.size)) }
    }

    /// The field of type V at an offset: see [`field`].
    ///
    /// # Safety
    /// S has a field of this type at this offset, valid for every byte pattern.
    pub(super) unsafe fn get<V>(self, offset: usize, default: V) -> V {
        if offset + size_of::<V>() > self.size {
            return default;
        }
        let field = self.pointer.wrapping_byte_add(offset).cast::<V>();
        // SAFETY: inside the caller's struct, and aligned as the struct is.
        unsafe { field.read() }
    }

    /// The struct inside this one at an offset, where it lies, if it is there as a whole.
    ///
    /// # Safety
    /// S has a field of this type at this offset, valid for every byte pattern.
    pub(super) unsafe fn whole<'a, V>(self, offset: usize) -> Option<&'a V> {
        if offset + size_of::<V>() > self.size {
            return None;
        }
        let field = self.pointer.wrapping_byte_add(offset).cast::<V>();
        // SAFETY: inside the caller's struct, which nobody writes during the call, and aligned as the
        // struct is.
        Some(unsafe { &*field })
    }

    /// The struct inside this one at an offset: see [`part`].
    ///
    /// # Safety
    /// S has a field of this type at this offset.
    pub(super) unsafe fn at<V>(self, offset: usize) -> Source<V> {
        let pointer = self.pointer.wrapping_byte_add(offset).cast::<V>();
        Source { pointer, size: self.size.saturating_sub(offset) }
    }
}

/// What [`Source::versioned`] refuses, for a struct of this alignment.
///
/// # Safety
/// As [`Source::versioned`].
#[inline(never)]
unsafe fn check_versioned(
    bytes: *const u8,
    align: usize,
    end: usize,
    argument: Argument,
) -> Result<(), Refusal> {
    check_address(bytes.addr(), align, argument)?;
    // SAFETY: not NULL and aligned; the caller vouches for at least the leading four bytes.
    let size = unsafe { bytes.cast::<u32>().read() } as usize;
    // SAFETY: passed on from the caller.
    unsafe { check_sized(bytes, size, end, argument) }
}

/// Error `StructSize` for a size that no struct has, or bytes from `end` on.
///
/// # Safety
/// `bytes` is readable for `size` bytes.
unsafe fn check_sized(
    bytes: *const u8,
    size: usize,
    end: usize,
    argument: Argument,
) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    if plausible(size, 8) && unsafe { all_zero(bytes, end, size) } {
        Ok(())
    } else {
        Err(Refusal::new(ErrorKind::StructSize, argument))
    }
}

/// Whether bytes are zero. (One copy for all structs.)
///
/// # Safety
/// `bytes` is readable from `start` to `end`.
#[inline(never)]
unsafe fn all_zero(bytes: *const u8, start: usize, end: usize) -> bool {
    // SAFETY: k lies between both.
    (start..end).all(|k| unsafe { *bytes.wrapping_add(k) } == 0)
}

/// A field of a [`Source`], or its default.
macro_rules! field {
    ($source:expr, $struct:ty, $field:ident, $default:expr) => {{
        let _same_type = |s: &$struct| [s.$field, $default].len();
        // SAFETY: the offset of a field of the default's type.
        unsafe { $source.get(core::mem::offset_of!($struct, $field), $default) }
    }};
}
pub(super) use field;

/// The part of a [`Source`] that is a struct itself.
macro_rules! part {
    ($source:expr, $struct:ty, $field:ident: $type:ty) => {{
        let _same_type = |s: &$struct| -> $type { s.$field };
        // SAFETY: the offset of a field of this type.
        unsafe { $source.at::<$type>(core::mem::offset_of!($struct, $field)) }
    }};
}
pub(super) use part;

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
pub(super) fn check_pointer<V>(pointer: *const V, argument: Argument) -> Result<(), Refusal> {
    check_address(pointer.addr(), align_of::<V>(), argument)
}

/// The same of an address.
#[inline]
pub(super) fn check_address(
    address: usize,
    align: usize,
    argument: Argument,
) -> Result<(), Refusal> {
    if address == 0 {
        return Err(Refusal::new(ErrorKind::Null, argument));
    }
    // (An alignment is a power of two.)
    if address & (align - 1) != 0 {
        return Err(Refusal::new(ErrorKind::Alignment, argument));
    }
    Ok(())
}

/// An output that may be NULL. Error `Alignment`.
pub(super) fn check_optional<V>(pointer: *const V, argument: Argument) -> Result<(), Refusal> {
    if pointer.is_null() { Ok(()) } else { check_pointer(pointer, argument) }
}

/// A pointer with a count, checked.
#[inline(never)]
pub(super) fn check_slice<V>(
    data: *const V,
    len: usize,
    argument: Argument,
) -> Result<(), Refusal> {
    check_pointer(data, argument)?;
    match len.checked_mul(size_of::<V>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Refusal::new(ErrorKind::TooLarge, argument)),
    }
}

/// A checked slice.
///
/// # Safety
/// `data` is NULL or readable for `len` elements, which nobody writes during the call.
#[inline(always)]
pub(super) unsafe fn slice_of<'a, V>(
    data: *const V,
    len: usize,
    argument: Argument,
) -> Result<&'a [V], Refusal> {
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
) -> Result<&'a mut [V], Refusal> {
    check_slice(data, len, argument)?;
    // SAFETY: not NULL, aligned, of checked extent, exclusively writable as the caller vouches.
    Ok(unsafe { slice::from_raw_parts_mut(data, len) })
}

/// The part of the work that is needed. Fresh work, which may never have been written, is zeroed
/// first, as Rust's references demand.
///
/// # Safety
/// `work` passed [`check_slice`]; else as [`slice_mut`].
pub(super) unsafe fn work_of<'a, V>(
    work: *mut V,
    len: usize,
    needed: usize,
    fresh: bool,
) -> Result<&'a mut [V], Refusal> {
    if needed == usize::MAX {
        return Err(Refusal::new(ErrorKind::TooLarge, Argument::Cost));
    }
    if len < needed {
        return Err(Refusal::new(ErrorKind::WorkTooSmall, Argument::Work));
    }
    if fresh {
        // SAFETY: needed <= len elements, writable as the caller vouches.
        unsafe { work.write_bytes(0, needed) };
    }
    // SAFETY: as above, and not NULL, aligned and of checked extent.
    Ok(unsafe { slice::from_raw_parts_mut(work, needed) })
}

/// A checked read-only view.
///
/// # Safety
/// As [`slice_of`], for every entry of the matrix.
pub(super) unsafe fn mat_of<'a, V: Copy>(
    matrix: &Matrix<V>,
    argument: Argument,
) -> Result<Mat<'a, V>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { mat_and_more(matrix, 0, argument) }
}

/// [`mat_of`] over data that goes on for `more` elements.
///
/// # Safety
/// As [`slice_of`], for every entry of the matrix and the elements behind it.
// One body for all matrices: flash counts.
#[inline(never)]
pub(super) unsafe fn mat_and_more<'a, V: Copy>(
    matrix: &Matrix<V>,
    more: usize,
    argument: Argument,
) -> Result<Mat<'a, V>, Refusal> {
    let Matrix { data, rows, cols, row_stride, col_stride, reserved } = *matrix;
    if reserved != 0 {
        return Err(Refusal::new(ErrorKind::StructSize, argument));
    }
    let Some(len) = extent(rows, cols, row_stride, col_stride) else {
        return Err(Refusal::new(ErrorKind::TooLarge, argument));
    };
    if len == 0 {
        return Err(Refusal::new(ErrorKind::Empty, argument));
    }
    let Some(len) = len.checked_add(more) else {
        return Err(Refusal::new(ErrorKind::TooLarge, argument));
    };
    // SAFETY: the extent of the matrix and what follows, readable as the caller vouches.
    let data = unsafe { slice_of(data, len, argument) }?;
    Ok(Mat::checked(data, [rows, cols], [row_stride, col_stride]))
}

/// Checks an output view; nothing is formed yet.
pub(super) fn check_mat_mut<V>(
    matrix: &MatrixMut<V>,
    argument: Argument,
) -> Result<usize, Refusal> {
    let MatrixMut { data, rows, cols, row_stride, col_stride, reserved } = *matrix;
    if reserved != 0 {
        return Err(Refusal::new(ErrorKind::StructSize, argument));
    }
    let Some(len) = extent(rows, cols, row_stride, col_stride) else {
        return Err(Refusal::new(ErrorKind::TooLarge, argument));
    };
    if len == 0 {
        return Err(Refusal::new(ErrorKind::Empty, argument));
    }
    if overlaps_itself(rows, cols, row_stride, col_stride) {
        return Err(Refusal::new(ErrorKind::Stride, argument));
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
) -> Result<MatMut<'a, V>, Refusal> {
    let len = check_mat_mut(matrix, argument)?;
    // SAFETY: the extent of the matrix, exclusively writable as the caller vouches.
    let data = unsafe { slice_mut(matrix.data, len, argument) }?;
    MatMut::strided(data, matrix.rows, matrix.cols, matrix.row_stride, matrix.col_stride)
        .map_err(|e| Refusal::new(e.kind, argument))
}

/// The addresses of an argument.
#[derive(Clone, Copy)]
pub(super) struct Range {
    start: usize,
    end: usize,
    argument: Argument,
}

impl Range {
    pub(super) const NOTHING: Self = Self { start: 0, end: 0, argument: Argument::None };

    #[inline]
    pub(super) fn of<V>(data: *const V, len: usize, argument: Argument) -> Self {
        let start = data.addr();
        let bytes = if data.is_null() { 0 } else { len.saturating_mul(size_of::<V>()) };
        Self { start, end: start.saturating_add(bytes), argument }
    }

    fn meets(&self, other: &Self) -> bool {
        self.start.max(other.start) < self.end.min(other.end)
    }
}

/// What a matrix spans, in elements; 0 if that overflows.
pub(super) fn span<V>(matrix: &Matrix<V>) -> usize {
    extent(matrix.rows, matrix.cols, matrix.row_stride, matrix.col_stride).unwrap_or(0)
}

/// The ranges that a call writes. None may share an address with another one or with what is
/// read; blamed is the first that does.
pub(super) struct Written<const MOST: usize = 5> {
    ranges: [Range; MOST],
    len: usize,
    /// Ranges from the blamed one to the end; 0 if there is none. (A start of zeros is no table.)
    left: usize,
}

impl<const MOST: usize> Written<MOST> {
    pub(super) const NOTHING: Self = Self { ranges: [Range::NOTHING; MOST], len: 0, left: 0 };

    /// What is written next; or read, if no argument goes with it.
    #[inline(never)]
    pub(super) fn and(&mut self, range: &Range) {
        for (k, written) in self.ranges.iter().enumerate() {
            if k + self.left < MOST && written.meets(range) {
                self.left = MOST - k;
            }
        }
        if range.argument != Argument::None
            && let Some(slot) = self.ranges.get_mut(self.len)
        {
            *slot = *range;
            self.len += 1;
        }
    }

    /// The same of elements.
    #[inline(never)]
    pub(super) fn and_slice<V>(&mut self, data: *const V, len: usize, argument: Argument) {
        self.and(&Range::of(data, len, argument));
    }

    /// Error `Overlap`.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match self.ranges.get(MOST - self.left) {
            None => Ok(()),
            Some(range) => Err(Refusal::new(ErrorKind::Overlap, range.argument)),
        }
    }
}

/// The C form of a refusal.
pub(super) fn c_error(error: Error) -> rot_error {
    rot_error {
        status: error.kind as i32,
        argument: error.argument as u32,
        row: error.row,
        col: error.col,
        measure: error.measure,
    }
}

/// The C form of an ending.
pub(super) const fn c_status(status: i32) -> rot_error {
    let nowhere = Error::NOWHERE;
    rot_error { status, argument: 0, row: nowhere, col: nowhere, measure: nowhere }
}
