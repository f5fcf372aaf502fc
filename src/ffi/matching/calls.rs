//! What stands behind `rot_matching_step`.

use core::mem::{MaybeUninit, offset_of};

use super::super::abi::{Range, Refusal, Source, check_slice, field, slice_mut, work_of};
use super::super::convert::{
    Scalar, options_of, problem_of, read_options, read_problem, refuse_overlap, write_report,
};
use super::super::gradient::calls::{
    GradientWrites, hand_over_gradient, options_of as gradient_options_of, places, read_gradient,
    shape,
};
use super::super::sinkhorn::{Observe, refuse, report_range};
use super::super::types::{self, rot_matching_options};
use super::{
    ROT_GRADIENT_ENVELOPE, ROT_GRADIENT_FULL, ROT_UNIT_ABSOLUTE, ROT_UNIT_LARGEST,
    ROT_UNIT_LARGEST_DIFFERENTIATED,
};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::Method;
use crate::matching::{self, Gradient, Unit};

/// The caller's options of a matching; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn kind_of(
    pointer: *const rot_matching_options,
    written: &mut GradientWrites,
) -> Result<(Unit, Gradient), Refusal> {
    if pointer.is_null() {
        return Ok((Unit::Absolute, Gradient::Full));
    }
    type C = rot_matching_options;
    let argument = Argument::Options;
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C, reserved32), argument) }?;
    written.and(&c.range());
    let unit = match field!(c, C, unit, ROT_UNIT_ABSOLUTE) {
        ROT_UNIT_ABSOLUTE => Unit::Absolute,
        ROT_UNIT_LARGEST => Unit::Largest,
        ROT_UNIT_LARGEST_DIFFERENTIATED => Unit::LargestDifferentiated,
        _ => return Err(Refusal::new(ErrorKind::Kind, argument)),
    };
    match field!(c, C, gradient, ROT_GRADIENT_FULL) {
        ROT_GRADIENT_FULL => Ok((unit, Gradient::Full)),
        ROT_GRADIENT_ENVELOPE => Ok((unit, Gradient::Envelope)),
        _ => Err(Refusal::new(ErrorKind::Kind, argument)),
    }
}

/// The arguments of a step.
pub(super) struct Call<T> {
    pub(super) problem: *const types::Problem<T>,
    pub(super) options: *const rot_matching_options,
    pub(super) solve_options: *const types::Options<T>,
    pub(super) gradient_options: *const types::GradientOptions<T>,
    pub(super) f: *mut T,
    pub(super) g: *mut T,
    pub(super) report: *mut types::Report<T>,
    pub(super) gradient: *mut types::Gradient<T>,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
}

pub(super) unsafe fn step_any<T: Scalar>(call: &Call<T>) -> i32 {
    let find = || {
        let mut written = GradientWrites::NOTHING;
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(call.report) }?;
        written.and(&range);
        // SAFETY: as above.
        let [n, m] = unsafe { shape(call.problem) }?;
        // SAFETY: as above.
        let outputs = unsafe { read_gradient(call.gradient, [n, m], &mut written) }?;
        // Before all that is read, which is compared with what is known to be written.
        written.and(&Range::of(call.f, n, Argument::RowPotentials));
        written.and(&Range::of(call.g, m, Argument::ColPotentials));
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        // SAFETY: as above.
        let (unit, kind) = unsafe { kind_of(call.options, &mut written) }?;
        // SAFETY: as above.
        let c = unsafe { read_problem(call.problem) }?;
        // SAFETY: as above.
        let c_options = unsafe { read_options(call.solve_options) }?;
        written.and(&c_options.range());
        let place = &mut MaybeUninit::uninit();
        // SAFETY: as above.
        let problem = unsafe { problem_of(c, place) }?;
        let solve = options_of(c_options)?;
        // SAFETY: as above.
        let implicit = unsafe { gradient_options_of(call.gradient_options, &mut written) }?;
        check_slice(call.f.cast_const(), n, Argument::RowPotentials)?;
        check_slice(call.g.cast_const(), m, Argument::ColPotentials)?;
        check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
        refuse_overlap(&mut written, c)?;
        let geometry = *problem.geometry();
        let d = Geometry::<T>::dimension(&geometry);
        let direct = implicit.method_of() == Method::Direct;
        let needed = matching::work_len(n, m, d, direct);
        // SAFETY: the work as the caller vouches; no other range shares an address.
        let work = unsafe { work_of(call.work, call.work_len, needed, true) }?;
        // SAFETY: checked, and no other range shares an address.
        let f = unsafe { slice_mut(call.f, n, Argument::RowPotentials) }?;
        // SAFETY: as above.
        let g = unsafe { slice_mut(call.g, m, Argument::ColPotentials) }?;
        // SAFETY: as above.
        let places = unsafe { places(outputs, [n, m]) }?;
        let [rows, cols] = problem.rules();
        let options = matching::Options::new(problem.epsilon())
            .rules(rows, cols)
            .reference(problem.reference_of())
            .unit_mass(problem.is_unit_mass())
            .unit(unit)
            .gradient(kind)
            .solve(solve)
            .implicit(implicit);
        let mut observer = Observe::of(c_options);
        let weights = problem.weights();
        let found = matching::step(geometry, weights, &options, f, g, places, work, &mut observer)?;
        // SAFETY: checked by `report_range`.
        unsafe { write_report(call.report, &found.solve) };
        // SAFETY: `read_gradient` found a whole struct.
        unsafe { hand_over_gradient(call.gradient, &found.gradient) };
        Ok::<i32, Error>(found.solve.termination as i32)
    };
    // SAFETY: passed on from the caller.
    find().unwrap_or_else(|error| unsafe { refuse(call.report, error) })
}
