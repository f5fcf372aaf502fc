//! What stands behind `rot_anneal_*`.

use core::mem::{MaybeUninit, offset_of};

use super::super::abi::{Range, Refusal, Source, field};
use super::super::convert::{Scalar, write_report, write_walk, zero};
use super::super::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use super::super::sinkhorn::{Call, Observe, Terms, open, refuse, report_range};
use super::super::types;
use super::ROT_METHOD_NONE;
use crate::anneal::{self, Options};
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::Method;

/// The work of a solve with a method, of which only the kind counts; that of an unknown one is that of
/// sweeps alone.
pub(super) fn work_len(method: u32) -> fn(usize, usize, usize) -> usize {
    match method {
        ROT_METHOD_DIRECT => |n, m, d| anneal::work_len::<f32>(n, m, d, Some(Method::Direct)),
        ROT_METHOD_ITERATIVE => |n, m, d| {
            let method = Method::Iterative { tolerance: 1.0_f32, max_iterations: 1 };
            anneal::work_len(n, m, d, Some(method))
        },
        _ => |n, m, d| anneal::work_len::<f32>(n, m, d, None),
    }
}

/// The work with which a solve keeps the kernel.
#[cfg(feature = "scaling")]
pub(super) fn fast_work_len(method: u32) -> fn(usize, usize, usize) -> usize {
    match method {
        ROT_METHOD_DIRECT => |n, m, d| anneal::fast_work_len::<f32>(n, m, d, Some(Method::Direct)),
        ROT_METHOD_ITERATIVE => |n, m, d| {
            let method = Method::Iterative { tolerance: 1.0_f32, max_iterations: 1 };
            anneal::fast_work_len(n, m, d, Some(method))
        },
        _ => |n, m, d| anneal::fast_work_len::<f32>(n, m, d, None),
    }
}

#[cfg(not(feature = "scaling"))]
use work_len as fast_work_len;

/// The caller's options, the method among them, and where they lie; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn options_of<T: Scalar>(
    pointer: *const types::AnnealOptions<T>,
) -> Result<(Options<T>, u32, Range), Refusal> {
    type C<T> = types::AnnealOptions<T>;
    let default = Options::<T>::new();
    if pointer.is_null() {
        return Ok((default, ROT_METHOD_ITERATIVE, Range::NOTHING));
    }
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved32), Argument::Options) }?;
    if !zero(field!(c, C<T>, reserved_value, T::ZERO)) {
        return Err(Refusal::new(ErrorKind::StructSize, Argument::Options));
    }
    let method = field!(c, C<T>, method, ROT_METHOD_ITERATIVE);
    let newton = match method {
        ROT_METHOD_DIRECT => Some(Method::Direct),
        ROT_METHOD_ITERATIVE => Some(Method::Iterative {
            tolerance: field!(c, C<T>, tolerance, T::ONE / T::from_count(10)),
            max_iterations: field!(c, C<T>, max_iterations, 1000),
        }),
        ROT_METHOD_NONE => None,
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Method)),
    };
    // What a shorter struct lacks stays as it is.
    let options = default
        .newton(newton)
        .factor(field!(c, C<T>, factor, T::from_count(4)))
        .sweeps(field!(c, C<T>, sweeps, 15))
        .level_steps(field!(c, C<T>, level_steps, 3));
    let start = field!(c, C<T>, start, T::ZERO);
    let options = if zero(start) { options } else { options.start(start) };
    Ok((options, method, c.range()))
}

pub(super) unsafe fn solve_any<T: Scalar>(
    call: Call<T>,
    options: *const types::AnnealOptions<T>,
    report: *mut types::Report<T>,
) -> i32 {
    let solve = || {
        let place = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(report) }?;
        // SAFETY: as above.
        let (walk, method, read) = unsafe { options_of(options) }?;
        let (written, needed, useful) = (&[range], work_len(method), fast_work_len(method));
        let terms = Terms { fresh: true, needed, useful, threads: false, written, read };
        // SAFETY: as above.
        let opened = unsafe { open(&call, terms, place) }?;
        let mut observer = Observe::of(opened.c_options());
        let ((problem, options), [f, g], work) = opened.parts();
        let found = anneal::solve(problem, &walk.solve(*options), f, g, work, &mut observer)?;
        // SAFETY: checked by `report_range`.
        let end = unsafe { write_report(report, &found.report) };
        // SAFETY: as above.
        unsafe { write_walk(report, end, [found.levels, found.newton_steps], found.products) };
        Ok::<i32, Error>(found.report.termination as i32)
    };
    // SAFETY: passed on from the caller.
    solve().unwrap_or_else(|error| unsafe { refuse(report, error) })
}
