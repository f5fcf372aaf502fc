//! `rot_sinkhorn_*`: solving.

use core::ffi::c_void;
use core::mem::{MaybeUninit, align_of, offset_of, size_of};
use core::ops::ControlFlow;
use core::slice;

use super::abi::{
    Range, Refusal, Source, Written, c_error, c_status, check_address, check_optional,
    check_pointer, check_slice, field, plausible, work_of, write_plain,
};
use super::convert::{
    Head, OptionsSource, Place, Scalar, check_state, fill_options, keep_state, place_of_report,
    problem_of, read_options, read_problem, recall_state, refuse_overlap, write_ending,
    write_report,
};
#[cfg(feature = "parallel")]
use super::host::Host;
use super::host::HostCost;
use super::types::{
    self, rot_error, rot_options_f32, rot_options_f64, rot_problem_f32, rot_problem_f64,
    rot_report_f32, rot_report_f64, rot_state_f32, rot_state_f64,
};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::options::{Options, Sweep};
use crate::problem::{Problem, check_weights};
use crate::report::{Observer, Progress, Report};
use crate::sinkhorn::{self, Iteration};

/// Status of rot_sinkhorn_step while the solve goes on.
pub const ROT_RUNNING: i32 = 100;

/// The arguments that all calls share.
#[derive(Clone, Copy)]
pub(super) struct Call<T> {
    pub(super) problem: *const types::Problem<T>,
    pub(super) options: *const types::Options<T>,
    pub(super) f: *mut T,
    pub(super) g: *mut T,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
}

/// A call in which everything has been checked.
pub(super) struct Opened<'p, 'a, T: Scalar> {
    pub(super) problem: &'p Problem<'a, T, HostCost<'a, T>>,
    pub(super) options: Options<T>,
    /// Its pointers are valid for what goes with them.
    call: &'p Call<T>,
    /// Elements of the work that are used.
    len: usize,
}

/// What a solver is made of: problem and options, f and g, and the work.
pub(super) type Parts<'o, 'p, 'a, T> =
    ((&'p Problem<'a, T, HostCost<'a, T>>, &'o Options<T>), [&'o mut [T]; 2], &'o mut [T]);

impl<'p, 'a, T: Scalar> Opened<'p, 'a, T> {
    /// The caller's options struct.
    #[cfg(feature = "implicit")]
    pub(super) fn c_options(&self) -> OptionsSource<T> {
        // SAFETY: it was checked.
        unsafe { Source::checked(self.call.options) }
    }

    // (Formed where they are used: kept here they would be on every stack.)
    #[inline(always)]
    pub(super) fn parts(&mut self) -> Parts<'_, 'p, 'a, T> {
        let Self { problem, options, call, len } = self;
        let (n, m) = problem.shape();
        // SAFETY: checked; n potentials as the caller vouches; no other range shares an address.
        let f = unsafe { slice::from_raw_parts_mut(call.f, n) };
        // SAFETY: checked; m potentials as the caller vouches; no other range shares an address.
        let g = unsafe { slice::from_raw_parts_mut(call.g, m) };
        // SAFETY: checked; `work_of` found so many elements; no other range shares an address.
        let work = unsafe { slice::from_raw_parts_mut(call.work, *len) };
        ((problem, options), [f, g], work)
    }
}

/// How a call uses its memory.
#[derive(Clone, Copy)]
pub(super) struct Terms<'r> {
    /// Whether the work may be memory that was never written; it gets a value first.
    pub(super) fresh: bool,
    /// Elements of work for n, m and d.
    pub(super) needed: fn(usize, usize, usize) -> usize,
    /// Elements of which use is made if they are there.
    pub(super) useful: fn(usize, usize, usize) -> usize,
    /// Whether it sweeps on the threads of the host.
    pub(super) threads: bool,
    /// Ranges that are written besides potentials and work.
    pub(super) written: &'r [Range],
    /// A range that is read besides the problem and the options.
    pub(super) read: Range,
}

impl<'r> Terms<'r> {
    /// Those of a solve by sweeps.
    fn of(fresh: bool, written: &'r [Range]) -> Self {
        let (needed, useful) = (sinkhorn::work_len, fast_len);
        Self { fresh, needed, useful, threads: true, written, read: Range::NOTHING }
    }
}

/// Checks structs, pointers and overlaps, and forms the slices, in places that the caller has for the
/// problem and for the rest.
///
/// # Safety
/// Every pointer is NULL or valid for what goes with it.
#[inline(always)]
pub(super) unsafe fn open<'o, 'p, 'a, T: Scalar>(
    call: &'p Call<T>,
    terms: Terms<'_>,
    (problem, opened): (&'p mut Place<'a, T>, &'o mut MaybeUninit<Opened<'p, 'a, T>>),
) -> Result<&'o mut Opened<'p, 'a, T>, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { put_opened(call, &terms, problem, opened) }?;
    // SAFETY: it was put there.
    Ok(unsafe { opened.assume_init_mut() })
}

/// What [`open`] writes, which is a call with an answer of two words.
///
/// # Safety
/// As [`open`].
#[inline(never)]
unsafe fn put_opened<'p, 'a, T: Scalar>(
    call: &'p Call<T>,
    terms: &Terms<'_>,
    problem: &'p mut Place<'a, T>,
    opened: &mut MaybeUninit<Opened<'p, 'a, T>>,
) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    let c = unsafe { read_problem(call.problem) }?;
    // SAFETY: passed on from the caller.
    let c_options = unsafe { read_options(call.options) }?;
    // SAFETY: passed on from the caller.
    let problem = unsafe { problem_of(c, problem) }?;
    let ((n, m), d) = (problem.shape(), Geometry::<T>::dimension(problem.geometry()));
    let threads = if terms.threads { lend(problem, c_options) } else { 0 };
    let opened = opened.write(Opened { problem, options: Options::new(), call, len: 0 });
    fill_options(c_options, &mut opened.options)?;
    check_slice(call.f.cast_const(), n, Argument::RowPotentials)?;
    check_slice(call.g.cast_const(), m, Argument::ColPotentials)?;
    check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
    keep_apart(call, terms, (n, m), c_options)?;
    let needed = (terms.needed)(n, m, d);
    // What is not used is not touched either.
    let mut len = needed;
    if cfg!(feature = "scaling") && opened.options.sweep != Some(Sweep::Log) {
        let useful = (terms.useful)(n, m, d);
        len = if call.work_len >= useful { useful.max(needed) } else { needed };
    }
    let len = call.work_len.min(len.saturating_add(threads)).max(len);
    // SAFETY: the work as the caller vouches; no other range shares an address.
    unsafe { work_of(call.work, call.work_len, len, terms.fresh) }?;
    opened.len = len;
    Ok(())
}

/// Error `Overlap` if something that is written is read or written twice.
#[inline(never)]
fn keep_apart<T: Scalar>(
    call: &Call<T>,
    terms: &Terms<'_>,
    (n, m): (usize, usize),
    c_options: OptionsSource<T>,
) -> Result<(), Refusal> {
    let mut written = Written::<5>::NOTHING;
    written.and_slice(call.f, n, Argument::RowPotentials);
    written.and_slice(call.g, m, Argument::ColPotentials);
    written.and_slice(call.work, call.work_len, Argument::Work);
    for range in terms.written {
        written.and(range);
    }
    written.and(&c_options.range());
    written.and(&terms.read);
    // SAFETY: it was read before.
    refuse_overlap(&mut written, unsafe { Source::checked(call.problem) })
}

/// Puts the problem on the threads of the host; gives the elements of work that they can use.
fn lend<T: Scalar>(problem: &mut Problem<'_, T, HostCost<'_, T>>, c: OptionsSource<T>) -> usize {
    #[cfg(feature = "parallel")]
    {
        let (host, (n, m)) = (Host::of(c), problem.shape());
        problem.geometry_mut().set_pool(host);
        host.work_len(n, m)
    }
    #[cfg(not(feature = "parallel"))]
    {
        let _ = (problem, c);
        0
    }
}

/// The range of a report of any kind, checked: its struct size may be anything that holds the
/// refusal.
#[inline(always)]
pub(super) unsafe fn report_range<R>(report: *mut R) -> Result<Range, Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { check_report(report.cast_const().cast(), align_of::<R>()) }?;
    // SAFETY: not NULL and aligned; the caller vouches for the leading four bytes.
    let size = unsafe { report.cast::<u32>().read() } as usize;
    Ok(Range::of(report.cast::<u8>(), size, Argument::Report))
}

/// What [`report_range`] refuses.
#[inline(never)]
unsafe fn check_report(report: *const u8, align: usize) -> Result<(), Refusal> {
    check_address(report.addr(), align, Argument::Report)?;
    // SAFETY: not NULL and aligned; the caller vouches for the leading four bytes.
    let size = unsafe { report.cast::<u32>().read() } as usize;
    if !plausible(size, size_of::<Head>()) {
        return Err(Refusal::new(ErrorKind::StructSize, Argument::Report));
    }
    Ok(())
}

/// Writes a refusal into the report and gives its status.
///
/// # Safety
/// `report` is NULL or writable for the size that it states.
pub(super) unsafe fn refuse<R>(report: *mut R, error: Error) -> i32 {
    let error = c_error(error);
    // SAFETY: passed on from the caller.
    if unsafe { check_report(report.cast_const().cast(), align_of::<R>()) }.is_ok() {
        // SAFETY: not NULL, aligned, and at least as long as its refusal.
        unsafe { write_ending(report.cast(), false, error) };
    }
    error.status
}

unsafe fn solve_any<T: Scalar>(call: Call<T>, report: *mut types::Report<T>) -> i32 {
    let (problem, opened) = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
    // SAFETY: the caller's promises are those of the C function.
    if let Err(refusal) = unsafe { open_solve(&call, report, problem, opened) } {
        // SAFETY: passed on from the caller.
        return unsafe { refuse_call(report, refusal) };
    }
    // SAFETY: `open_solve` put it there.
    let opened = unsafe { opened.assume_init_mut() };
    // SAFETY: and checked the report.
    unsafe { solve_opened(opened, report) }
}

/// [`open`] for a solve that writes a report. (What only this needs is not on the stack of the solve.)
///
/// # Safety
/// As [`open`]; the report is NULL or valid too.
#[inline(never)]
unsafe fn open_solve<'p, 'a, T: Scalar>(
    call: &'p Call<T>,
    report: *mut types::Report<T>,
    problem: &'p mut Place<'a, T>,
    opened: &mut MaybeUninit<Opened<'p, 'a, T>>,
) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    let range = unsafe { report_range(report) }?;
    // SAFETY: as above.
    unsafe { put_opened(call, &Terms::of(true, &[range]), problem, opened) }
}

/// [`refuse`] for what the C layer finds. (An error is large.)
///
/// # Safety
/// As [`refuse`].
#[inline(never)]
unsafe fn refuse_call<R>(report: *mut R, refusal: Refusal) -> i32 {
    // SAFETY: passed on from the caller.
    unsafe { refuse(report, refusal.into()) }
}

/// A solve of what was opened. (Functions of their own hold the solvers, so that they are not on the stack
/// while a problem is read.)
///
/// # Safety
/// `report` is writable for the size that it states.
#[inline(never)]
unsafe fn solve_opened<T: Scalar>(
    opened: &mut Opened<'_, '_, T>,
    report: *mut types::Report<T>,
) -> i32 {
    let (call, solver) = (opened.call, &mut MaybeUninit::uninit());
    // SAFETY: passed on from the caller.
    let refused = unsafe { begin(opened, solver, report) };
    if refused != 0 {
        return refused;
    }
    // SAFETY: `begin` put it there.
    let solver = unsafe { solver.assume_init_mut() };
    // SAFETY: passed on from the caller.
    unsafe { hand_over(report, solver, Some(call)) }
}

/// Begins a solve, in a place that the caller has for it; gives 0, or the status of a refusal. (An error is
/// large, and gone before the solve.)
///
/// # Safety
/// As [`solve_opened`].
#[inline(never)]
unsafe fn begin<'o, T: Scalar>(
    opened: &'o mut Opened<'_, '_, T>,
    place: &mut MaybeUninit<Iteration<'o, T, HostCost<'o, T>>>,
    report: *mut types::Report<T>,
) -> i32 {
    let ((problem, options), [f, g], work) = opened.parts();
    match place.write(Iteration::idle_in_place(problem, options, f, g)).begin(work) {
        Ok(()) => 0,
        // SAFETY: passed on from the caller.
        Err(error) => unsafe { refuse(report, error) },
    }
}

/// The caller's observer, if there is one.
pub(super) struct Observe<T> {
    callback: Option<unsafe extern "C" fn(*mut c_void, *const types::Progress<T>) -> i32>,
    user: *mut c_void,
}

impl<T: Scalar> Observe<T> {
    pub(super) fn of(c: OptionsSource<T>) -> Self {
        let callback = field!(c, types::Options<T>, observe, None);
        let user = field!(c, types::Options<T>, user, core::ptr::null_mut());
        Self { callback, user }
    }
}

impl<T: Scalar> Observer<T> for Observe<T> {
    fn observe(&mut self, progress: &Progress<T>) -> ControlFlow<()> {
        let Some(callback) = self.callback else {
            return ControlFlow::Continue(());
        };
        let progress = types::Progress {
            struct_size: size_of::<types::Progress<T>>() as u32,
            reserved32: 0,
            iterations: progress.iterations,
            epsilon: progress.epsilon,
            residual: progress.residual,
            certified_distance: progress.certified_distance,
            reserved_value: T::ZERO,
        };
        // SAFETY: the caller's function and its own first argument; `progress` lives for the call.
        if unsafe { callback(self.user, &raw const progress) } == 0 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

/// Ends a solve, where there is a checked call after running it; writes the report and gives its status.
///
/// # Safety
/// `report` is writable for the size that it states.
// (No frame of its own below that of the caller.)
#[inline(always)]
unsafe fn hand_over<'a, T: Scalar>(
    report: *mut types::Report<T>,
    solver: &mut Iteration<'a, T, HostCost<'a, T>>,
    run: Option<&Call<T>>,
) -> i32 {
    // SAFETY: passed on from the caller.
    let place = unsafe { place_of_report(report) };
    if place.is_null() {
        // SAFETY: passed on from the caller.
        unsafe { hand_over_apart(report, solver, run) }
    } else {
        // SAFETY: passed on from the caller; the place is aligned and inside the caller's struct.
        unsafe { conclude(report, solver, run, place) }
    }
}

/// [`hand_over`] to a struct that is too short for a report in place. (Its stack is that of such callers
/// alone.)
///
/// # Safety
/// As [`hand_over`].
#[inline(never)]
unsafe fn hand_over_apart<'a, T: Scalar>(
    report: *mut types::Report<T>,
    solver: &mut Iteration<'a, T, HostCost<'a, T>>,
    run: Option<&Call<T>>,
) -> i32 {
    let mut place = MaybeUninit::uninit();
    // SAFETY: passed on from the caller.
    unsafe { conclude(report, solver, run, place.as_mut_ptr()) }
}

/// [`hand_over`] by way of a report in `place`.
///
/// # Safety
/// As [`hand_over`]; `place` is valid for a report that nobody else uses, apart or in its place.
#[inline(never)]
unsafe fn conclude<'a, T: Scalar>(
    report: *mut types::Report<T>,
    solver: &mut Iteration<'a, T, HostCost<'a, T>>,
    run: Option<&Call<T>>,
    place: *mut Report<T>,
) -> i32 {
    // (Whatever it holds is written over: zeros are the least code.)
    // SAFETY: as the caller vouches.
    unsafe { place.write_bytes(0, 1) };
    // SAFETY: as above.
    let sweep = unsafe { &raw mut (*place).sweep };
    // SAFETY: as above.
    unsafe { sweep.write(Sweep::Log) };
    // SAFETY: as above; zeros are numbers, false and `Converged`.
    let found = unsafe { &mut *place };
    if let Some(call) = run {
        // SAFETY: its options were checked.
        let c_options = unsafe { Source::checked(call.options) };
        solver.run(&mut Observe::of(c_options), found);
    }
    solver.conclude(found);
    let ending = found.termination;
    // SAFETY: passed on from the caller.
    unsafe { write_report(report, place) };
    ending as i32
}

unsafe fn check_any<T: Scalar>(call: Call<T>, error: *mut rot_error) -> i32 {
    let range = Range::of(error, 1, Argument::Report);
    let check = || {
        let place = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
        check_optional(error.cast_const(), Argument::Report)?;
        // SAFETY: the caller's promises are those of the C function.
        let o = unsafe { open(&call, Terms::of(true, &[range]), place) }?;
        let ((problem, options), [f, g], work) = o.parts();
        sinkhorn::check(problem, options, f, g, work)
    };
    let error_out = match check() {
        Ok(()) => c_status(0),
        Err(e) => c_error(e),
    };
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, error_out) };
    error_out.status
}

unsafe fn init_any<T: Scalar>(
    call: Call<T>,
    state: *mut types::State<T>,
    error: *mut rot_error,
) -> i32 {
    let ranges = [Range::of(state, 1, Argument::State), Range::of(error, 1, Argument::Report)];
    let start = || {
        let place = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
        check_optional(error.cast_const(), Argument::Report)?;
        // SAFETY: passed on from the caller.
        unsafe { whole_state(state) }?;
        // SAFETY: passed on from the caller.
        let opened = unsafe { open(&call, Terms::of(true, &ranges), place) }?;
        // SAFETY: `whole_state` found a whole struct; no other range shares an address.
        init_opened(opened, unsafe { &mut *state })
    };
    let error_out = match start() {
        Ok(()) => c_status(0),
        Err(e) => c_error(e),
    };
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, error_out) };
    error_out.status
}

/// The start of a solve of what was opened.
#[inline(never)]
fn init_opened<T: Scalar>(
    opened: &mut Opened<'_, '_, T>,
    state: &mut types::State<T>,
) -> Result<(), Error> {
    let ((problem, options), [f, g], work) = opened.parts();
    let mut solver = Iteration::idle(problem, options, f, g);
    solver.begin(work)?;
    keep_state(&solver.state, state);
    Ok(())
}

/// Checks a state struct; only one of the full size can hold a solve.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn whole_state<T: Scalar>(state: *const types::State<T>) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    let source = unsafe {
        Source::versioned(state, offset_of!(types::State<T>, reserved), Argument::State)
    }?;
    if source.size() < size_of::<types::State<T>>() {
        return Err(Refusal::new(ErrorKind::StructSize, Argument::State));
    }
    Ok(())
}

/// Checks the state of a running solve.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn read_state<T: Scalar>(state: *const types::State<T>) -> Result<(), Refusal> {
    // SAFETY: passed on from the caller.
    unsafe { whole_state(state) }?;
    // SAFETY: a whole struct; nothing is written while it is read.
    check_state(unsafe { &*state })
}

unsafe fn step_any<T: Scalar>(
    call: Call<T>,
    iterations: u64,
    state: *mut types::State<T>,
    error: *mut rot_error,
) -> i32 {
    let ranges = [Range::of(state, 1, Argument::State), Range::of(error, 1, Argument::Report)];
    let step = || {
        let place = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
        check_optional(error.cast_const(), Argument::Report)?;
        // SAFETY: passed on from the caller.
        unsafe { read_state(state) }?;
        // SAFETY: passed on from the caller; `rot_sinkhorn_init` wrote the work.
        let opened = unsafe { open(&call, Terms::of(false, &ranges), place) }?;
        // SAFETY: `read_state` found a whole struct; no other range shares an address.
        step_opened(opened, iterations, unsafe { &mut *state })
    };
    let error_out = match step() {
        Ok(status) => c_status(status),
        Err(e) => c_error(e),
    };
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, error_out) };
    error_out.status
}

/// Goes on with a solve whose state was kept, in a place that the caller has for it.
#[inline(never)]
fn take_up<'s, 'o, T: Scalar>(
    opened: &'o mut Opened<'_, '_, T>,
    place: &'s mut MaybeUninit<Iteration<'o, T, HostCost<'o, T>>>,
    state: &types::State<T>,
) -> Result<&'s mut Iteration<'o, T, HostCost<'o, T>>, Refusal> {
    let ((problem, options), [f, g], work) = opened.parts();
    let solver = place.write(Iteration::idle_in_place(problem, options, f, g));
    recall_state(state, &mut solver.state);
    solver.take_up(work)?;
    Ok(solver)
}

/// Steps of a solve of what was opened.
#[inline(never)]
fn step_opened<T: Scalar>(
    opened: &mut Opened<'_, '_, T>,
    iterations: u64,
    state: &mut types::State<T>,
) -> Result<i32, Error> {
    let place = &mut MaybeUninit::uninit();
    let solver = take_up(opened, place, state)?;
    let ending = solver.step(iterations, &mut Report::unknown());
    keep_state(&solver.state, state);
    Ok(ending.map_or(ROT_RUNNING, |t| t as i32))
}

unsafe fn finish_any<T: Scalar>(
    call: Call<T>,
    state: *mut types::State<T>,
    report: *mut types::Report<T>,
) -> i32 {
    let finish = || {
        let place = (&mut MaybeUninit::uninit(), &mut MaybeUninit::uninit());
        // SAFETY: the caller's promises are those of the C function.
        let range = unsafe { report_range(report) }?;
        // SAFETY: as above.
        unsafe { read_state(state) }?;
        let ranges = [range, Range::of(state, 1, Argument::State)];
        // SAFETY: as above; `rot_sinkhorn_init` wrote the work.
        let opened = unsafe { open(&call, Terms::of(false, &ranges), place) }?;
        // SAFETY: `read_state` found a whole struct; no other range shares an address.
        let state = unsafe { &mut *state };
        // SAFETY: checked by `report_range`.
        unsafe { finish_opened(opened, state, report) }
    };
    // SAFETY: passed on from the caller.
    finish().unwrap_or_else(|refusal| unsafe { refuse_call(report, refusal) })
}

/// The end of a solve of what was opened.
///
/// # Safety
/// As [`solve_opened`].
#[inline(never)]
unsafe fn finish_opened<T: Scalar>(
    opened: &mut Opened<'_, '_, T>,
    state: &mut types::State<T>,
    report: *mut types::Report<T>,
) -> Result<i32, Refusal> {
    let place = &mut MaybeUninit::uninit();
    let solver = take_up(opened, place, state)?;
    // The solve is over: the state is used up.
    state.mark = 0;
    // SAFETY: passed on from the caller.
    Ok(unsafe { hand_over(report, solver, None) })
}

unsafe fn certifiable_any<T: Scalar>(
    problem: *const types::Problem<T>,
    target: T,
    epsilon: *mut T,
) -> i32 {
    let find = || {
        check_pointer(epsilon.cast_const(), Argument::Output)?;
        // SAFETY: passed on from the caller.
        let c = unsafe { read_problem(problem) }?;
        let place = &mut MaybeUninit::uninit();
        // SAFETY: passed on from the caller.
        let problem = unsafe { problem_of(c, place) }?;
        let mut written = Written::<5>::NOTHING;
        written.and(&Range::of(epsilon, 1, Argument::Output));
        refuse_overlap(&mut written, c)?;
        let (a, b) = problem.weights();
        check_weights::<T>(a, Argument::RowWeights)?;
        check_weights::<T>(b, Argument::ColWeights)?;
        if !(target > T::ZERO && target.is_finite()) {
            return Err(Error::new(ErrorKind::Tolerance, Argument::Stop));
        }
        problem
            .certifiable_epsilon(target)
            .ok_or(Error::new(ErrorKind::NoCertificate, Argument::Stop))
    };
    match find() {
        Ok(found) => {
            // SAFETY: checked above.
            unsafe { write_plain(epsilon, found) };
            0
        }
        Err(error) => error.kind as i32,
    }
}

/// Elements of work for rot_sinkhorn_*: n rows, m columns, points of dimension d (0 for a dense
/// cost). The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the macro
/// ROT_SINKHORN_WORK_LEN(n, m, d), which sizes static arrays.
#[unsafe(no_mangle)]
pub extern "C" fn rot_sinkhorn_work_len(n: usize, m: usize, d: usize) -> usize {
    sinkhorn::work_len(n, m, d)
}

/// Elements of work with which rot_sinkhorn_* keep the kernel exp((f + g - C) / epsilon) in memory, so
/// that most sweeps are products instead of exponentials (see ROT_SWEEP_AUTO): ROT_PADDED(n) *
/// ROT_PADDED(m) and a few vectors more than rot_sinkhorn_work_len. The same number for f32 and f64;
/// SIZE_MAX if it overflows, and in a library that was built without this part. Equal to the macro
/// ROT_SINKHORN_FAST_WORK_LEN(n, m, d). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_sinkhorn_fast_work_len(n: usize, m: usize, d: usize) -> usize {
    fast_len(n, m, d)
}

/// Elements of work with which rot_sinkhorn_* have room for `tasks` blocks of rows at the same time on
/// the threads of the host (`parallel_for` in the options) and sweeps in the log domain. With less, down
/// to rot_sinkhorn_work_len, fewer are under way: the same bits, later. The same number for f32 and f64;
/// SIZE_MAX if it overflows, and in a library that was built without this part, which uses no threads.
/// Equal to the macro ROT_SINKHORN_PARALLEL_WORK_LEN(n, m, d, tasks). Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_sinkhorn_parallel_work_len(
    n: usize,
    m: usize,
    d: usize,
    tasks: usize,
) -> usize {
    #[cfg(feature = "parallel")]
    return sinkhorn::parallel_work_len(n, m, d, tasks);
    #[cfg(not(feature = "parallel"))]
    return super::no_work((n, m, d, tasks));
}

/// rot_sinkhorn_parallel_work_len of solves that keep the kernel: as much more than
/// rot_sinkhorn_fast_work_len. Equal to the macro ROT_SINKHORN_PARALLEL_FAST_WORK_LEN(n, m, d, tasks).
/// Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rot_sinkhorn_parallel_fast_work_len(
    n: usize,
    m: usize,
    d: usize,
    tasks: usize,
) -> usize {
    #[cfg(all(feature = "parallel", feature = "scaling"))]
    return sinkhorn::parallel_fast_work_len(n, m, d, tasks);
    #[cfg(not(all(feature = "parallel", feature = "scaling")))]
    return super::no_work((n, m, d, tasks));
}

/// The same inside the library.
pub(super) fn fast_len(n: usize, m: usize, d: usize) -> usize {
    #[cfg(feature = "scaling")]
    return sinkhorn::fast_work_len(n, m, d);
    #[cfg(not(feature = "scaling"))]
    return super::no_work((n, m, d));
}

/// Writes a refusal and gives its status.
///
/// # Safety
/// `error` is NULL or writable.
#[cfg(not(feature = "f64"))]
unsafe fn tell(error: *mut rot_error, refusal: Error) -> i32 {
    // SAFETY: passed on from the caller.
    unsafe { write_plain(error, c_error(refusal)) };
    refusal.kind as i32
}

/// Answer of a double-precision function in a library without double precision.
#[cfg(not(feature = "f64"))]
fn not_built<A>(_: A) -> Error {
    Error::new(ErrorKind::NotBuilt, Argument::None)
}

/// Solves a problem (double precision).
///
/// On success f (n) and g (m), cost units, hold the potentials of the optimum
/// X_ij = exp((f_i + g_j - C_ij) / epsilon), and the report all that is true of them. A zero weight
/// has potential -infinity.
///
/// @param problem   the problem; read only
/// @param options   NULL for the defaults; read only
/// @param f         n potentials of the rows; read first under ROT_WARM_START
/// @param g         m potentials of the columns; read first under ROT_WARM_START
/// @param work      work_len elements, contents arbitrary, before and after
/// @param work_len  at least ROT_SINKHORN_WORK_LEN(n, m, d); with ROT_SINKHORN_FAST_WORK_LEN(n, m, d)
///                  sweeps are several times faster (ROT_SWEEP_AUTO)
/// @param report    initialised with ROT_REPORT_F64_INIT
///
/// Returns the status, which the report holds too: ROT_OK; a positive remark, with the last good
/// potentials written; or a negative refusal, with nothing written but work and the report's
/// `error` and `converged`. Cost: n m exponentials for each iteration, or 2 n m multiplications and
/// additions with a kept kernel. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_solve_f64(
    problem: *const rot_problem_f64,
    options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    report: *mut rot_report_f64,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe { solve_any(Call { problem, options, f, g, work, work_len }, report) };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe { refuse(report, not_built((problem, options, f, g, work, work_len))) };
    status
}

/// rot_sinkhorn_solve_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_solve_f32(
    problem: *const rot_problem_f32,
    options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    report: *mut rot_report_f32,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { solve_any(Call { problem, options, f, g, work, work_len }, report) }
}

/// Validates what rot_sinkhorn_solve_f64 would be given, without solving: returns ROT_OK or the
/// refusal. `error` may be NULL. f and g are read only under ROT_WARM_START. Writes nothing but
/// work and `error`. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_check_f64(
    problem: *const rot_problem_f64,
    options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe { check_any(Call { problem, options, f, g, work, work_len }, error) };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe { tell(error, not_built((problem, options, f, g, work, work_len))) };
    status
}

/// rot_sinkhorn_check_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_check_f32(
    problem: *const rot_problem_f32,
    options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { check_any(Call { problem, options, f, g, work, work_len }, error) }
}

/// Begins a solve in slices: validates like rot_sinkhorn_check_f64, then writes the start into f,
/// g, work and the state (initialised with ROT_STATE_F64_INIT). `error` may be NULL. Between
/// init and finish the caller keeps problem, options, f, g, work, its length and the state as they
/// are. The
/// option `observe` is not used. Returns ROT_OK or a refusal. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_init_f64(
    problem: *const rot_problem_f64,
    options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    state: *mut rot_state_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe { init_any(Call { problem, options, f, g, work, work_len }, state, error) };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe { tell(error, not_built((problem, options, f, g, work, work_len, state))) };
    status
}

/// rot_sinkhorn_init_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_init_f32(
    problem: *const rot_problem_f32,
    options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    state: *mut rot_state_f32,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { init_any(Call { problem, options, f, g, work, work_len }, state, error) }
}

/// Carries a solve on by at most `iterations` sweeps. Returns ROT_RUNNING
/// while it goes on, else how it ended (see rot_sinkhorn_solve_f64), or a refusal. `error` may be
/// NULL. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_step_f64(
    problem: *const rot_problem_f64,
    options: *const rot_options_f64,
    iterations: u64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    state: *mut rot_state_f64,
    error: *mut rot_error,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe {
        step_any(Call { problem, options, f, g, work, work_len }, iterations, state, error)
    };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status = unsafe {
        tell(error, not_built((problem, options, iterations, f, g, work, work_len, state)))
    };
    status
}

/// rot_sinkhorn_step_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_step_f32(
    problem: *const rot_problem_f32,
    options: *const rot_options_f32,
    iterations: u64,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    state: *mut rot_state_f32,
    error: *mut rot_error,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { step_any(Call { problem, options, f, g, work, work_len }, iterations, state, error) }
}

/// Ends a solve: evaluates the potentials in one more sweep, hands them over in f and g and fills
/// the report. Returns the status as rot_sinkhorn_solve_f64 does; a solve that was still running
/// ends with ROT_ITERATION_LIMIT unless its stopping rule holds. The state is used up. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_finish_f64(
    problem: *const rot_problem_f64,
    options: *const rot_options_f64,
    f: *mut f64,
    g: *mut f64,
    work: *mut f64,
    work_len: usize,
    state: *mut rot_state_f64,
    report: *mut rot_report_f64,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status =
        unsafe { finish_any(Call { problem, options, f, g, work, work_len }, state, report) };
    // SAFETY: the promises of the C caller.
    #[cfg(not(feature = "f64"))]
    let status =
        unsafe { refuse(report, not_built((problem, options, f, g, work, work_len, state))) };
    status
}

/// rot_sinkhorn_finish_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_finish_f32(
    problem: *const rot_problem_f32,
    options: *const rot_options_f32,
    f: *mut f32,
    g: *mut f32,
    work: *mut f32,
    work_len: usize,
    state: *mut rot_state_f32,
    report: *mut rot_report_f32,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { finish_any(Call { problem, options, f, g, work, work_len }, state, report) }
}

/// The largest epsilon at which a solve is sure to certify `target` (ROT_STOP_CERTIFIED): with one
/// exact side of mass beta and n points on the other target / (2 beta log n), under ROT_UNIT_MASS
/// target / (2 log(n m)); for the unbalanced problem with non-negative costs the mass is replaced
/// by its largest value. Written to `epsilon`. Returns ROT_OK, or ROT_ERR_NO_CERTIFICATE if both
/// sides are exact, or another refusal. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_certifiable_epsilon_f64(
    problem: *const rot_problem_f64,
    target: f64,
    epsilon: *mut f64,
) -> i32 {
    #[cfg(feature = "f64")]
    // SAFETY: the promises of the C caller.
    let status = unsafe { certifiable_any(problem, target, epsilon) };
    #[cfg(not(feature = "f64"))]
    let status = not_built((problem, target, epsilon)).kind as i32;
    status
}

/// rot_sinkhorn_certifiable_epsilon_f64 in single precision. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::missing_safety_doc, reason = "the manual is written for C")]
#[allow(clippy::too_many_arguments, reason = "C has no other way")]
pub unsafe extern "C" fn rot_sinkhorn_certifiable_epsilon_f32(
    problem: *const rot_problem_f32,
    target: f32,
    epsilon: *mut f32,
) -> i32 {
    // SAFETY: the promises of the C caller.
    unsafe { certifiable_any(problem, target, epsilon) }
}
