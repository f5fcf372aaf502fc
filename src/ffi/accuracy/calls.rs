//! What stands behind `rot_accuracy_*`.

use core::mem::MaybeUninit;

use super::super::abi::{
    Range, Refusal, Written, c_error, c_status, check_optional, check_pointer, check_slice,
    work_of, write_plain,
};
use super::super::anneal::{ROT_METHOD_NONE, rot_anneal_fast_work_len, rot_anneal_work_len};
use super::super::convert::{
    Scalar, problem_of, read_problem, refuse_overlap, write_report, write_walk,
};
use super::super::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use super::super::sinkhorn::{Call, Observe, Terms, open, refuse, report_range};
use super::super::types::{self, rot_error};
use super::{ROT_FORMULA_PAPER, ROT_FORMULA_SLACK, ROT_FORMULA_UNIFORM};
use crate::accuracy::{
    Formula, Options, Parameters, Path, parameters, parameters_work_len, solve_to,
};
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::Method;

pub(in crate::ffi) fn formula_of(formula: u32) -> Result<Formula, Refusal> {
    match formula {
        ROT_FORMULA_SLACK => Ok(Formula::Slack),
        ROT_FORMULA_UNIFORM => Ok(Formula::Uniform),
        ROT_FORMULA_PAPER => Ok(Formula::Paper),
        _ => Err(Refusal::new(ErrorKind::Kind, Argument::Options)),
    }
}

/// The C form of parameters, and of how many epsilons a walk took and how it ended; a bound that does not
/// exist is 0.
pub(in crate::ffi) fn c_accuracy<T: Scalar>(
    found: &Parameters<T>,
    levels: u32,
    path: Path,
) -> types::Accuracy<T> {
    types::Accuracy {
        formula: found.formula as u32,
        source: found.source as u32,
        path: path as u32,
        levels,
        target: found.target,
        epsilon: found.epsilon,
        smallest_target: found.smallest_target,
        reserved_value: T::ZERO,
        iterations: found.iterations.unwrap_or(0),
        half_sweeps: found.half_sweeps.unwrap_or(0),
        reserved: [0; 2],
    }
}

pub(super) unsafe fn parameters_any<T: Scalar>(
    problem: *const types::Problem<T>,
    (target, formula): (T, u32),
    (work, work_len): (*mut T, usize),
    accuracy: *mut types::Accuracy<T>,
    error: *mut rot_error,
) -> i32 {
    let find = || {
        check_optional(error.cast_const(), Argument::Report)?;
        check_pointer(accuracy.cast_const(), Argument::Output)?;
        // SAFETY: passed on from the caller.
        let c = unsafe { read_problem(problem) }?;
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let problem = unsafe { problem_of(c, place) }?;
        let formula = formula_of(formula)?;
        check_slice(work.cast_const(), work_len, Argument::Work)?;
        let mut written = Written::<5>::NOTHING;
        written.and(&Range::of(work, work_len, Argument::Work));
        written.and(&Range::of(accuracy, 1, Argument::Output));
        written.and(&Range::of(error, 1, Argument::Report));
        refuse_overlap(&mut written, c)?;
        let (_, m) = problem.shape();
        // SAFETY: the work as the caller vouches; no other range shares an address.
        let work = unsafe { work_of(work, work_len, parameters_work_len(m), true) }?;
        let found = parameters(problem, target, formula, work)?;
        // SAFETY: checked above.
        unsafe { write_plain(accuracy, c_accuracy(&found, 0, Path::default())) };
        Ok::<(), Error>(())
    };
    let error_out = match find() {
        Ok(()) => c_status(0),
        Err(e) => c_error(e),
    };
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, error_out) };
    error_out.status
}

pub(super) unsafe fn solve_any<T: Scalar>(
    call: Call<T>,
    (target, method): (T, u32),
    accuracy: *mut types::Accuracy<T>,
    report: *mut types::Report<T>,
) -> i32 {
    let solve = || {
        let place = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(report) }?;
        check_pointer(accuracy.cast_const(), Argument::Output)?;
        let newton = match method {
            ROT_METHOD_DIRECT => Some(Method::Direct),
            ROT_METHOD_ITERATIVE => Some(crate::anneal::Options::<T>::truncated()),
            ROT_METHOD_NONE => None,
            _ => return Err(Error::new(ErrorKind::Kind, Argument::Method)),
        };
        let needed: fn(usize, usize, usize) -> usize = match method {
            ROT_METHOD_DIRECT => |n, m, d| rot_anneal_work_len(n, m, d, ROT_METHOD_DIRECT),
            ROT_METHOD_ITERATIVE => |n, m, d| rot_anneal_work_len(n, m, d, ROT_METHOD_ITERATIVE),
            _ => |n, m, d| rot_anneal_work_len(n, m, d, ROT_METHOD_NONE),
        };
        let useful: fn(usize, usize, usize) -> usize = match method {
            ROT_METHOD_DIRECT => |n, m, d| rot_anneal_fast_work_len(n, m, d, ROT_METHOD_DIRECT),
            ROT_METHOD_ITERATIVE => {
                |n, m, d| rot_anneal_fast_work_len(n, m, d, ROT_METHOD_ITERATIVE)
            }
            _ => |n, m, d| rot_anneal_fast_work_len(n, m, d, ROT_METHOD_NONE),
        };
        let written = &[range, Range::of(accuracy, 1, Argument::Output)];
        let (read, threads) = (Range::NOTHING, false);
        let terms = Terms { fresh: true, needed, useful, written, read, threads };
        // SAFETY: as above.
        let opened = unsafe { open(&call, terms, place) }?;
        let mut observer = Observe::of(opened.c_options());
        let ((problem, options), [f, g], work) = opened.parts();
        // Without options there is no limit of iterations but the bound.
        let default = Options::new().newton(newton);
        let options = if call.options.is_null() { default } else { default.solve(*options) };
        let found = solve_to(problem, target, &options, f, g, work, &mut observer)?;
        let told = c_accuracy(&found.parameters, found.levels, found.path);
        // SAFETY: checked above.
        unsafe { write_plain(accuracy, told) };
        // SAFETY: checked by `report_range`.
        let end = unsafe { write_report(report, &found.report) };
        // SAFETY: as above.
        unsafe { write_walk(report, end, [found.levels, found.newton_steps], found.products) };
        Ok(found.report.termination as i32)
    };
    // SAFETY: passed on from the caller.
    solve().unwrap_or_else(|error| unsafe { refuse(report, error) })
}
