//! What stands behind the half step and the combination step.

use super::super::abi::{
    Range, Refusal, Written, check_pointer, check_slice, slice_mut, slice_of, work_of, write_plain,
};
use super::super::convert::{Scalar, level_of, zero};
use super::super::types::rot_error;
use super::calls::{Measures, Own, dimension, error_range, read_problem, support, tell, work_len};
use super::types::{self, BarycenterConstants, BarycenterHalf, BarycenterSums};
use crate::barycenter::{self, Combination, Combined, Constants, Half, Sums};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Level;
use crate::problem::check_epsilon;

/// A measure of a problem.
pub(super) struct Which<T> {
    pub(super) problem: *const types::BarycenterProblem<T>,
    pub(super) index: usize,
}

/// Takes up one measure and registers what it reads.
///
/// # Safety
/// Every pointer is NULL or valid for what goes with it.
unsafe fn one<'a, T: Scalar>(which: &Which<T>) -> Result<(Measures<T>, Own<'a, T>), Error> {
    // SAFETY: passed on from the caller.
    let measures = unsafe { read_problem(which.problem) }?;
    // SAFETY: passed on from the caller.
    let measure = unsafe { measures.measure(which.index) }?;
    check_epsilon(measures.epsilon())?;
    measure.check(measures.epsilon()).map_err(|error| error.in_measure(which.index))?;
    Ok((measures, measure))
}

/// Refuses writing to what one measure reads, or to the structs.
///
/// # Safety
/// The measures are readable.
unsafe fn refuse_overlap<T: Scalar>(
    written: &mut Written<5>,
    measures: &Measures<T>,
    index: usize,
) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { measures.note(index, written) }?;
    measures.note_structs(written);
    written.check()
}

/// What a struct of plain data holds.
///
/// # Safety
/// `pointer` is NULL or readable.
unsafe fn plain<V: Copy>(pointer: *const V, argument: Argument) -> Result<V, Refusal> {
    check_pointer(pointer, argument)?;
    // SAFETY: not NULL and aligned; readable as the caller vouches.
    Ok(unsafe { pointer.read() })
}

/// The arguments of a half step.
pub(super) struct Step<T> {
    pub(super) which: Which<T>,
    pub(super) level: u32,
    pub(super) f: *mut T,
    pub(super) g: *mut T,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
    pub(super) half: *mut BarycenterHalf<T>,
}

pub(super) unsafe fn half_step_any<T: Scalar>(call: &Step<T>, error: *mut rot_error) -> i32 {
    let step = || {
        let range = error_range(error)?;
        check_pointer(call.half.cast_const(), Argument::Half)?;
        // SAFETY: the caller's promises are those of the C function.
        let (measures, measure) = unsafe { one(&call.which) }?;
        let level = level_of(call.level)?.unwrap_or_else(Level::detect);
        let (rows, n) = (measure.weights.len(), support(&measure));
        let mut written = Written::NOTHING;
        for (data, len, argument) in [
            (call.f, rows, Argument::RowPotentials),
            (call.g, n, Argument::ColPotentials),
            (call.work, call.work_len, Argument::Work),
        ] {
            check_slice(data.cast_const(), len, argument)?;
            written.and(&Range::of(data, len, argument));
        }
        written.and(&Range::of(call.half, 1, Argument::Half));
        written.and(&range);
        // SAFETY: as above.
        unsafe { refuse_overlap(&mut written, &measures, call.which.index) }?;
        let needed = work_len(1, rows, n, dimension(&measure));
        // SAFETY: as above; no other range shares an address.
        let work = unsafe { work_of(call.work, call.work_len, needed, true) }?;
        // SAFETY: checked; as long as the caller vouches; no other range shares an address.
        let f = unsafe { slice_mut(call.f, rows, Argument::RowPotentials) }?;
        // SAFETY: as above.
        let g = unsafe { slice_mut(call.g, n, Argument::ColPotentials) }?;
        let found = barycenter::half_step(&measure, measures.epsilon(), level, f, g, work)
            .map_err(|error| error.in_measure(call.which.index))?;
        let found = BarycenterHalf {
            residual: found.residual,
            mass: found.mass,
            log_target: found.log_target,
            reserved_value: T::ZERO,
            trouble: u32::from(found.trouble),
            moved: u32::from(found.moved),
        };
        // SAFETY: checked above.
        unsafe { write_plain(call.half, found) };
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, step()) }
}

/// Sums in the library's form.
///
/// # Safety
/// As [`plain`].
unsafe fn sums_of<T: Scalar>(pointer: *const BarycenterSums<T>) -> Result<Sums<T>, Refusal> {
    // SAFETY: passed on from the caller.
    let c = unsafe { plain(pointer, Argument::Combination) }?;
    let BarycenterSums { share, exact_share, exact_mass, tau, relaxed, residual, mass, .. } = c;
    if zero(c.reserved_value) {
        Ok(Sums { share, exact_share, exact_mass, tau, relaxed, residual, mass })
    } else {
        Err(Refusal::new(ErrorKind::StructSize, Argument::Combination))
    }
}

fn c_sums<T: Scalar>(sums: &Sums<T>) -> BarycenterSums<T> {
    let Sums { share, exact_share, exact_mass, tau, relaxed, residual, mass } = *sums;
    let reserved_value = T::ZERO;
    BarycenterSums { share, exact_share, exact_mass, tau, relaxed, residual, mass, reserved_value }
}

/// Sums that are added to.
pub(super) struct Total<T> {
    pub(super) soft: *mut T,
    pub(super) sums: *mut BarycenterSums<T>,
}

impl<T: Scalar> Total<T> {
    /// Checks the pointers and registers what is written.
    fn check(&self, n: usize, written: &mut Written<5>) -> Result<(), Refusal> {
        check_slice(self.soft.cast_const(), n, Argument::Combination)?;
        check_pointer(self.sums.cast_const(), Argument::Combination)?;
        written.and(&Range::of(self.soft, n, Argument::Combination));
        written.and(&Range::of(self.sums, 1, Argument::Combination));
        Ok(())
    }

    /// The combination.
    ///
    /// # Safety
    /// The pointers are good; no other range shares an address.
    unsafe fn combination<'a>(&self, n: usize) -> Result<Combination<'a, T>, Refusal> {
        // SAFETY: passed on from the caller.
        let sums = unsafe { sums_of(self.sums.cast_const()) }?;
        // SAFETY: passed on from the caller.
        let soft = unsafe { slice_mut(self.soft, n, Argument::Combination) }?;
        Ok(Combination { soft, sums })
    }
}

pub(super) unsafe fn add_any<T: Scalar>(
    which: &Which<T>,
    (half, soft_minimum): (*const BarycenterHalf<T>, *const T),
    into: &Total<T>,
    error: *mut rot_error,
) -> i32 {
    let add = || {
        let range = error_range(error)?;
        // SAFETY: the caller's promises are those of the C function.
        let (measures, measure) = unsafe { one(which) }?;
        let n = support(&measure);
        let mut written = Written::NOTHING;
        into.check(n, &mut written)?;
        written.and(&range);
        written.and(&Range::of(half, 1, Argument::None));
        written.and(&Range::of(soft_minimum, n, Argument::None));
        // SAFETY: as above.
        let found = unsafe { plain(half, Argument::Half) }?;
        if !zero(found.reserved_value) {
            return Err(Error::new(ErrorKind::StructSize, Argument::Half));
        }
        // SAFETY: as above.
        let soft_minimum = unsafe { slice_of(soft_minimum, n, Argument::ColPotentials) }?;
        // SAFETY: as above.
        unsafe { refuse_overlap(&mut written, &measures, which.index) }?;
        let half = Half {
            residual: found.residual,
            mass: found.mass,
            log_target: found.log_target,
            trouble: found.trouble != 0,
            moved: found.moved != 0,
        };
        // SAFETY: checked; no other range shares an address.
        let mut combination = unsafe { into.combination(n) }?;
        combination.add(&measure, &half, soft_minimum);
        // SAFETY: checked.
        unsafe { write_plain(into.sums, c_sums(&combination.sums)) };
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, add()) }
}

pub(super) unsafe fn merge_any<T: Scalar>(
    (n, soft, sums): (usize, *const T, *const BarycenterSums<T>),
    into: &Total<T>,
    error: *mut rot_error,
) -> i32 {
    let merge = || {
        let range = error_range(error)?;
        if n == 0 {
            return Err(Error::new(ErrorKind::Empty, Argument::Combination));
        }
        let mut written = Written::NOTHING;
        into.check(n, &mut written)?;
        written.and(&range);
        // SAFETY: the caller's promises are those of the C function.
        let soft = unsafe { slice_of(soft, n, Argument::Combination) }?;
        written.and(&Range::of(soft.as_ptr(), n, Argument::None));
        written.and(&Range::of(sums, 1, Argument::None));
        // SAFETY: as above.
        let sums = unsafe { sums_of(sums) }?;
        written.check()?;
        // SAFETY: checked; no other range shares an address.
        let mut combination = unsafe { into.combination(n) }?;
        combination.merge(soft, &sums);
        // SAFETY: checked.
        unsafe { write_plain(into.sums, c_sums(&combination.sums)) };
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, merge()) }
}

pub(super) unsafe fn combine_any<T: Scalar>(
    (n, epsilon, sums): (usize, T, *const BarycenterSums<T>),
    (soft, constants): (*mut T, *mut BarycenterConstants<T>),
    error: *mut rot_error,
) -> i32 {
    let combine = || {
        let range = error_range(error)?;
        if n == 0 {
            return Err(Error::new(ErrorKind::Empty, Argument::Combination));
        }
        check_epsilon(epsilon)?;
        check_slice(soft.cast_const(), n, Argument::Combination)?;
        check_pointer(constants.cast_const(), Argument::Output)?;
        let mut written = Written::<5>::NOTHING;
        written.and(&Range::of(soft, n, Argument::Combination));
        written.and(&Range::of(constants, 1, Argument::Output));
        written.and(&range);
        written.and(&Range::of(sums, 1, Argument::None));
        // SAFETY: the caller's promises are those of the C function.
        let sums = unsafe { sums_of(sums) }?;
        written.check()?;
        if !(sums.share > T::ZERO && sums.share.is_finite()) {
            return Err(Error::new(ErrorKind::ZeroMass, Argument::Share));
        }
        // SAFETY: checked; no other range shares an address.
        let soft = unsafe { slice_mut(soft, n, Argument::Combination) }?;
        let found = Combination { soft, sums }.combine(epsilon).constants;
        let Constants { log_mass, shift, exact, residual } = found;
        // SAFETY: checked above.
        unsafe {
            write_plain(constants, BarycenterConstants { log_mass, shift, exact, residual });
        }
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, combine()) }
}

/// What ends an iteration of a measure.
pub(super) struct Apply<T> {
    pub(super) which: Which<T>,
    pub(super) half: *const BarycenterHalf<T>,
    pub(super) potential: *const T,
    pub(super) constants: *const BarycenterConstants<T>,
    pub(super) f: *mut T,
    pub(super) g: *mut T,
}

pub(super) unsafe fn apply_any<T: Scalar>(call: &Apply<T>, error: *mut rot_error) -> i32 {
    let apply = || {
        let range = error_range(error)?;
        // SAFETY: the caller's promises are those of the C function.
        let (measures, measure) = unsafe { one(&call.which) }?;
        let (rows, n) = (measure.weights.len(), support(&measure));
        let mut written = Written::NOTHING;
        for (data, len, argument) in
            [(call.f, rows, Argument::RowPotentials), (call.g, n, Argument::ColPotentials)]
        {
            check_slice(data.cast_const(), len, argument)?;
            written.and(&Range::of(data, len, argument));
        }
        written.and(&range);
        // SAFETY: as above.
        let half = unsafe { plain(call.half, Argument::Half) }?;
        // SAFETY: as above.
        let constants = unsafe { plain(call.constants, Argument::Combination) }?;
        // SAFETY: as above.
        let potential = unsafe { slice_of(call.potential, n, Argument::Combination) }?;
        written.and(&Range::of(call.half, 1, Argument::None));
        written.and(&Range::of(call.constants, 1, Argument::None));
        written.and(&Range::of(call.potential, n, Argument::None));
        // SAFETY: as above.
        unsafe { refuse_overlap(&mut written, &measures, call.which.index) }?;
        let BarycenterConstants { log_mass, shift, exact, residual } = constants;
        let constants = Constants { log_mass, shift, exact, residual };
        // SAFETY: checked; as long as the caller vouches; no other range shares an address.
        let f = unsafe { slice_mut(call.f, rows, Argument::RowPotentials) }?;
        // SAFETY: as above.
        let g = unsafe { slice_mut(call.g, n, Argument::ColPotentials) }?;
        Combined { potential, constants }.apply(&measure, half.log_target, f, g);
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, apply()) }
}
