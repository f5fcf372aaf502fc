//! What stands behind `rot_accuracy_barycenter_*`.

use core::ptr::null;

use super::super::abi::{Range, Written, check_pointer, check_slice, write_plain};
use super::super::accuracy::calls::{c_accuracy, formula_of};
use super::super::convert::{Scalar, options_of};
use super::super::sinkhorn::{Observe, refuse, report_range};
use super::super::types as shared;
use super::super::types::rot_error;
use super::calls::{
    Call, Opened, error_range, list, open, read_problem, refuse_overlap, sizes, tell, write_report,
};
use super::types;
use crate::accuracy::barycenter::{parameters, solve_to};
use crate::accuracy::{Options, Path};
use crate::barycenter::Problem;
use crate::error::Argument;

/// The arguments of a search for parameters.
pub(super) struct Search<T> {
    pub(super) problem: *const types::BarycenterProblem<T>,
    pub(super) target: T,
    pub(super) formula: u32,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
    pub(super) accuracy: *mut shared::Accuracy<T>,
}

pub(super) unsafe fn parameters_any<T: Scalar>(call: &Search<T>, error: *mut rot_error) -> i32 {
    let find = || {
        let range = error_range(error)?;
        check_pointer(call.accuracy.cast_const(), Argument::Output)?;
        // SAFETY: the caller's promises are those of the C function.
        let measures = unsafe { read_problem(call.problem) }?;
        // SAFETY: as above.
        let sizes = unsafe { sizes(&measures) }?;
        let formula = formula_of(call.formula)?;
        check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
        let mut written = Written::<3>::NOTHING;
        written.and(&Range::of(call.accuracy, 1, Argument::Output));
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        written.and(&range);
        // SAFETY: as above.
        unsafe { refuse_overlap(&mut written, &measures) }?;
        let memory = (call.work, call.work_len);
        // SAFETY: as above; no other range shares an address.
        let (list, work) = unsafe { list(&measures, sizes.work_len(), memory) }?;
        let problem = Problem::new(list, measures.epsilon())?;
        let found = parameters(&problem, call.target, formula, work)?;
        // SAFETY: checked above.
        unsafe { write_plain(call.accuracy, c_accuracy(&found, 0, Path::default())) };
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { tell(error, find()) }
}

/// The arguments of a solve.
pub(super) struct Walk<T> {
    pub(super) problem: *const types::BarycenterProblem<T>,
    pub(super) target: T,
    pub(super) solve_options: *const shared::Options<T>,
    pub(super) f: *mut T,
    pub(super) g: *mut T,
    pub(super) barycenter: *mut T,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
    pub(super) accuracy: *mut shared::Accuracy<T>,
}

pub(super) unsafe fn solve_any<T: Scalar>(
    walk: &Walk<T>,
    report: *mut types::BarycenterReport<T>,
) -> i32 {
    let &Walk { problem, solve_options, f, g, barycenter, work, work_len, .. } = walk;
    let solve = || {
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(report) }?;
        check_pointer(walk.accuracy.cast_const(), Argument::Output)?;
        let extra = [range, Range::of(walk.accuracy, 1, Argument::Output)];
        // (The walk is the ladder.)
        let options = null();
        let call = Call { problem, options, solve_options, f, g, barycenter, work, work_len };
        // SAFETY: as above.
        let Opened { measures, epsilon, solve_options: source, f, g, barycenter, work, .. } =
            unsafe { open(call, &extra) }?;
        let problem = Problem::new(measures, epsilon)?;
        let mut observer = Observe::of(source);
        // Without options there is no limit of iterations but the bound.
        let default = Options::new();
        let options =
            if solve_options.is_null() { default } else { default.solve(options_of(source)?) };
        let found =
            solve_to(&problem, walk.target, &options, f, g, barycenter, work, &mut observer)?;
        let told = c_accuracy(&found.parameters, found.levels, found.path);
        // SAFETY: checked above.
        unsafe { write_plain(walk.accuracy, told) };
        // SAFETY: checked by `report_range`.
        unsafe { write_report(report, &found.report) };
        Ok(found.report.termination as i32)
    };
    // SAFETY: passed on from the caller.
    solve().unwrap_or_else(|error| unsafe { refuse(report, error) })
}
