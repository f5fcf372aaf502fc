//! What stands behind `rot_lowrank_factor`.

use core::mem::{offset_of, size_of};
use core::ptr::from_ref;

use super::super::abi::{
    Range, Refusal, Written, c_status, check_pointer, check_slice, mat_of, slice_mut, span, work_of,
};
use super::super::convert::{Head, ReportLayout, Scalar, write_ending, write_values, zero};
use super::super::sinkhorn::{refuse, report_range};
use super::super::types::{LowrankReport, Matrix};
use crate::cost::lowrank::{Factorisation, Limit, factor, factors_len, work_len};
use crate::error::{Argument, Error, ErrorKind};

/// The arguments of a factorisation.
pub(super) struct Call<T> {
    pub(super) x: *const Matrix<T>,
    pub(super) y: *const Matrix<T>,
    pub(super) epsilon: T,
    pub(super) max_rank: usize,
    pub(super) log_error: T,
    pub(super) factors: (*mut T, usize),
    pub(super) work: (*mut T, usize),
    pub(super) report: *mut LowrankReport<T>,
}

/// A matrix struct of the caller.
///
/// # Safety
/// `pointer` is NULL or readable for one struct.
unsafe fn matrix<T: Scalar>(
    pointer: *const Matrix<T>,
    argument: Argument,
) -> Result<Matrix<T>, Refusal> {
    check_pointer(pointer, argument)?;
    // SAFETY: not NULL and aligned; readable as the caller vouches.
    Ok(unsafe { *pointer })
}

pub(super) unsafe fn factor_any<T: Scalar>(call: &Call<T>) -> i32 {
    let (factors, factors_given) = call.factors;
    let (work, work_given) = call.work;
    let find = || {
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(call.report) }?;
        // SAFETY: as above.
        let x = unsafe { matrix(call.x, Argument::RowPoints) }?;
        // SAFETY: as above.
        let y = unsafe { matrix(call.y, Argument::ColPoints) }?;
        let mut written = Written::<3>::NOTHING;
        written.and(&range);
        written.and(&Range::of(factors, factors_given, Argument::Factors));
        written.and(&Range::of(work, work_given, Argument::Work));
        for (pointer, matrix) in [(call.x, &x), (call.y, &y)] {
            written.and(&Range::of(pointer, 1, Argument::None));
            written.and(&Range::of(matrix.data, span(matrix), Argument::None));
        }
        // SAFETY: as above.
        let x = unsafe { mat_of(&x, Argument::RowPoints) }?;
        // SAFETY: as above.
        let y = unsafe { mat_of(&y, Argument::ColPoints) }?;
        check_slice(factors.cast_const(), factors_given, Argument::Factors)?;
        check_slice(work.cast_const(), work_given, Argument::Work)?;
        written.check()?;
        let (n, m, d) = (x.rows(), y.rows(), x.cols());
        let rank = call.max_rank;
        if factors_len(n, m, rank) == usize::MAX {
            return Err(Error::new(ErrorKind::TooLarge, Argument::Rank));
        }
        if factors_given < factors_len(n, m, rank) {
            return Err(Error::new(ErrorKind::Shape, Argument::Factors));
        }
        let limit =
            if zero(call.log_error) { Limit::Rank } else { Limit::LogError(call.log_error) };
        // SAFETY: the work as the caller vouches; no other range shares an address.
        let work = unsafe { work_of(work, work_given, work_len(n, m, d, rank), true) }?;
        // SAFETY: checked, and no other range shares an address.
        let factors = unsafe { slice_mut(factors, factors_len(n, m, rank), Argument::Factors) }?;
        let found = factor::<T>(&x, &y, call.epsilon, (rank, limit), factors, work)?;
        // SAFETY: checked by `report_range`.
        unsafe { write_report(call.report, &found) };
        Ok::<i32, Error>(0)
    };
    // SAFETY: passed on from the caller.
    find().unwrap_or_else(|error| unsafe { refuse(call.report, error) })
}

/// Writes what a factorisation is worth into as much of the caller's struct as there is.
///
/// # Safety
/// As [`write_values`].
unsafe fn write_report<T: Scalar>(report: *mut LowrankReport<T>, found: &Factorisation<T>) {
    type C<T> = LowrankReport<T>;
    let head = report.cast::<Head>();
    // SAFETY: passed on from the caller.
    unsafe { write_ending(head, true, c_status(0)) };
    // Both structs hold the same values in the same order, from residual to certificate_error.
    const {
        let own = offset_of!(Factorisation<T>, certificate_error);
        let theirs = offset_of!(C<T>, certificate_error) - offset_of!(C<T>, residual);
        assert!(own == theirs && offset_of!(Factorisation<T>, residual) == 0);
        assert!(offset_of!(C<T>, rank) == size_of::<Head>());
    }
    let layout = ReportLayout {
        values: offset_of!(C<T>, residual),
        reserved: offset_of!(C<T>, reserved_values),
        size: size_of::<C<T>>(),
    };
    let source = from_ref(found).cast::<u8>();
    // SAFETY: passed on from the caller; the values as above.
    unsafe { write_values(head, found.rank as u64, source, &layout) };
}
