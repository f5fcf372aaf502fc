//! What stands behind `rot_gradient_*`.

use core::mem::{MaybeUninit, offset_of};

use super::super::abi::{
    Range, Refusal, Source, Written, c_error, c_status, check_mat_mut, check_slice, field, mat_mut,
    mat_of, slice_mut, slice_of, span, work_of,
};
use super::super::convert::{
    Place, ROT_LEVEL_FASTEST, Scalar, level_of, problem_of, read_problem, refuse_overlap, zero,
};
use super::super::host::HostCost;
use super::super::types::{self, Matrix, MatrixMut};
use super::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::implicit::{
    self, Changes, Cotangent, GradientReport, Gradients, Method, Optimum, Options, Tangent,
};
use crate::problem::Problem;
use crate::view::{Mat, MatMut};

/// Ranges that a gradient writes: five outputs, their struct, work, and what a matching adds.
pub(in crate::ffi) type GradientWrites = Written<10>;

impl<T> Matrix<T> {
    const NONE: Self = Self {
        data: core::ptr::null(),
        rows: 0,
        cols: 0,
        row_stride: 0,
        col_stride: 0,
        reserved: 0,
    };
}

impl<T> MatrixMut<T> {
    const NONE: Self = Self {
        data: core::ptr::null_mut(),
        rows: 0,
        cols: 0,
        row_stride: 0,
        col_stride: 0,
        reserved: 0,
    };
}

/// A matrix that may be left out.
///
/// # Safety
/// As [`mat_of`].
unsafe fn optional_mat<'a, T: Copy, const MOST: usize>(
    matrix: &Matrix<T>,
    argument: Argument,
    written: &mut Written<MOST>,
) -> Result<Option<Mat<'a, T>>, Refusal> {
    if matrix.data.is_null() {
        return if matrix.reserved == 0 {
            Ok(None)
        } else {
            Err(Refusal::new(ErrorKind::StructSize, argument))
        };
    }
    written.and(&Range::of(matrix.data, span(matrix), Argument::None));
    // SAFETY: passed on from the caller.
    unsafe { mat_of(matrix, argument) }.map(Some)
}

/// A vector that may be left out.
///
/// # Safety
/// As [`slice_of`].
pub(in crate::ffi) unsafe fn optional_slice<'a, T, const MOST: usize>(
    data: *const T,
    len: usize,
    argument: Argument,
    written: &mut Written<MOST>,
) -> Result<Option<&'a [T]>, Refusal> {
    if data.is_null() {
        return Ok(None);
    }
    written.and(&Range::of(data, len, Argument::None));
    // SAFETY: passed on from the caller.
    unsafe { slice_of(data, len, argument) }.map(Some)
}

/// Registers an output matrix that may be left out.
fn note_mat<T, const MOST: usize>(
    matrix: &MatrixMut<T>,
    argument: Argument,
    written: &mut Written<MOST>,
) -> Result<(), Refusal> {
    if !matrix.data.is_null() {
        let len = check_mat_mut(matrix, argument)?;
        written.and(&Range::of(matrix.data, len, argument));
    } else if matrix.reserved != 0 {
        return Err(Refusal::new(ErrorKind::StructSize, argument));
    }
    Ok(())
}

/// Registers an output vector that may be left out.
pub(in crate::ffi) fn note_slice<T, const MOST: usize>(
    data: *mut T,
    len: usize,
    argument: Argument,
    written: &mut Written<MOST>,
) -> Result<(), Refusal> {
    if !data.is_null() {
        check_slice(data.cast_const(), len, argument)?;
        written.and(&Range::of(data, len, argument));
    }
    Ok(())
}

/// A registered output matrix.
///
/// # Safety
/// As [`mat_mut`]; no other range shares an address.
unsafe fn output_mat<'a, T: Copy>(
    matrix: &MatrixMut<T>,
    argument: Argument,
) -> Result<Option<MatMut<'a, T>>, Refusal> {
    if matrix.data.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on from the caller.
    unsafe { mat_mut(matrix, argument) }.map(Some)
}

/// A registered output vector.
///
/// # Safety
/// As [`slice_mut`]; no other range shares an address.
pub(in crate::ffi) unsafe fn output_slice<'a, T>(
    data: *mut T,
    len: usize,
    argument: Argument,
) -> Result<Option<&'a mut [T]>, Refusal> {
    if data.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on from the caller.
    unsafe { slice_mut(data, len, argument) }.map(Some)
}

/// The caller's gradient options; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
pub(in crate::ffi) unsafe fn options_of<T: Scalar, const MOST: usize>(
    pointer: *const types::GradientOptions<T>,
    written: &mut Written<MOST>,
) -> Result<Options<T>, Refusal> {
    let default = Options::<T>::new();
    if pointer.is_null() {
        return Ok(default);
    }
    type C<T> = types::GradientOptions<T>;
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved), Argument::Options) }?;
    written.and(&c.range());
    let method = match field!(c, C<T>, method, ROT_METHOD_DIRECT) {
        ROT_METHOD_DIRECT => Method::Direct,
        ROT_METHOD_ITERATIVE => Method::Iterative {
            tolerance: field!(c, C<T>, tolerance, T::GRADIENT_TOLERANCE),
            max_iterations: field!(c, C<T>, max_iterations, 1000),
        },
        _ => return Err(Refusal::new(ErrorKind::Kind, Argument::Method)),
    };
    let options = default.method(method);
    let options =
        options.forward_tolerance(field!(c, C<T>, forward_tolerance, options.tolerance()));
    let level = level_of(field!(c, C<T>, level, ROT_LEVEL_FASTEST))?;
    Ok(level.map_or(options, |level| options.level(level)))
}

/// The caller's gradient struct.
type GradientSource<T> = Source<types::Gradient<T>>;

/// Takes up a gradient struct, which must be whole.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn whole_gradient<T: Scalar>(
    pointer: *const types::Gradient<T>,
) -> Result<GradientSource<T>, Refusal> {
    type C<T> = types::Gradient<T>;
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved), Argument::Gradient) }?;
    if c.size() >= size_of::<C<T>>()
        && zero(field!(c, C<T>, reserved_value, T::ZERO))
        && (field!(c, C<T>, reserved32, 0), field!(c, C<T>, reserved32_2, 0)) == (0, 0)
    {
        Ok(c)
    } else {
        Err(Refusal::new(ErrorKind::StructSize, Argument::Gradient))
    }
}

/// Takes up a gradient struct and registers what it writes.
///
/// # Safety
/// As [`Source::versioned`].
pub(in crate::ffi) unsafe fn read_gradient<T: Scalar, const MOST: usize>(
    pointer: *mut types::Gradient<T>,
    [n, m]: [usize; 2],
    written: &mut Written<MOST>,
) -> Result<GradientSource<T>, Refusal> {
    type C<T> = types::Gradient<T>;
    // SAFETY: passed on from the caller.
    let c = unsafe { whole_gradient(pointer.cast_const()) }?;
    written.and(&Range::of(pointer.cast::<u8>(), c.size(), Argument::Gradient));
    note_mat(&field!(c, C<T>, cost, MatrixMut::<T>::NONE), Argument::CostGradient, written)?;
    note_slice(
        field!(c, C<T>, a, core::ptr::null_mut::<T>()),
        n,
        Argument::RowWeightGradient,
        written,
    )?;
    note_slice(
        field!(c, C<T>, b, core::ptr::null_mut::<T>()),
        m,
        Argument::ColWeightGradient,
        written,
    )?;
    note_mat(&field!(c, C<T>, x, MatrixMut::<T>::NONE), Argument::RowPointGradient, written)?;
    note_mat(&field!(c, C<T>, y, MatrixMut::<T>::NONE), Argument::ColPointGradient, written)?;
    Ok(c)
}

/// The places of a gradient struct whose ranges were checked.
///
/// # Safety
/// Nothing else uses them.
pub(in crate::ffi) unsafe fn places<'a, T: Scalar>(
    c: GradientSource<T>,
    [n, m]: [usize; 2],
) -> Result<Gradients<'a, T>, Refusal> {
    type C<T> = types::Gradient<T>;
    let (cost, x, y) = (
        field!(c, C<T>, cost, MatrixMut::<T>::NONE),
        field!(c, C<T>, x, MatrixMut::<T>::NONE),
        field!(c, C<T>, y, MatrixMut::<T>::NONE),
    );
    let null = core::ptr::null_mut();
    let (a, b) = (field!(c, C<T>, a, null), field!(c, C<T>, b, null));
    Ok(Gradients {
        // SAFETY: passed on from the caller.
        cost: unsafe { output_mat(&cost, Argument::CostGradient) }?,
        // SAFETY: as above.
        a: unsafe { output_slice(a, n, Argument::RowWeightGradient) }?,
        // SAFETY: as above.
        b: unsafe { output_slice(b, m, Argument::ColWeightGradient) }?,
        // SAFETY: as above.
        x: unsafe { output_mat(&x, Argument::RowPointGradient) }?,
        // SAFETY: as above.
        y: unsafe { output_mat(&y, Argument::ColPointGradient) }?,
    })
}

/// Writes the scalars of a gradient, or why there are none.
///
/// # Safety
/// `pointer` is a whole gradient struct, writable.
pub(in crate::ffi) unsafe fn hand_over_gradient<T: Scalar>(
    pointer: *mut types::Gradient<T>,
    result: &Result<GradientReport<T>, Error>,
) {
    // SAFETY: passed on from the caller.
    let c = unsafe { &mut *pointer };
    c.error = match result {
        Ok(_) => c_status(0),
        Err(error) => c_error(*error),
    };
    if let Ok(found) = result {
        c.epsilon = found.epsilon;
        (c.row_rule, c.col_rule) = (found.row_rule, found.col_rule);
        (c.forward_residual, c.residual) = (found.forward_residual, found.residual);
        c.iterations = found.iterations;
    }
}

/// Writes a refusal into a gradient struct, if there is one to write into; gives its status.
///
/// # Safety
/// `pointer` is NULL or valid for the size that it states.
unsafe fn refuse_gradient<T: Scalar>(pointer: *mut types::Gradient<T>, error: Error) -> i32 {
    // SAFETY: passed on from the caller.
    if unsafe { whole_gradient(pointer.cast_const()) }.is_ok() {
        // SAFETY: as above.
        unsafe { hand_over_gradient(pointer, &Err(error)) };
    }
    error.kind as i32
}

/// The arguments that both directions share.
#[derive(Clone, Copy)]
pub(super) struct Call<T> {
    pub(super) problem: *const types::Problem<T>,
    pub(super) f: *const T,
    pub(super) g: *const T,
    pub(super) report: *const types::Report<T>,
    pub(super) options: *const types::GradientOptions<T>,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
}

/// What they look like once checked.
struct Opened<'p, 'a, T: Scalar> {
    problem: &'p Problem<'a, T, HostCost<'a, T>>,
    optimum: Optimum<'a, T>,
    options: Options<T>,
    work: &'a mut [T],
}

/// Checks what is left, and all ranges against each other. `written` knows the outputs, the work
/// and the other inputs; the problem comes to lie in a place of the caller.
///
/// # Safety
/// Every pointer is NULL or valid for what goes with it.
unsafe fn open<'p, 'a, T: Scalar>(
    call: Call<T>,
    mut written: GradientWrites,
    place: &'p mut Place<'a, T>,
) -> Result<Opened<'p, 'a, T>, Refusal> {
    // SAFETY: passed on from the caller.
    let c = unsafe { read_problem(call.problem) }?;
    // SAFETY: passed on from the caller.
    let problem = unsafe { problem_of(c, place) }?;
    // SAFETY: passed on from the caller.
    let options = unsafe { options_of(call.options, &mut written) }?;
    let (n, m) = problem.shape();
    // SAFETY: n potentials as the caller vouches.
    let f = unsafe { slice_of(call.f, n, Argument::RowPotentials) }?;
    // SAFETY: m potentials as the caller vouches.
    let g = unsafe { slice_of(call.g, m, Argument::ColPotentials) }?;
    written.and(&Range::of(call.f, n, Argument::None));
    written.and(&Range::of(call.g, m, Argument::None));
    let size = size_of::<types::Report<T>>();
    // SAFETY: passed on from the caller.
    let report = unsafe { Source::versioned(call.report, size, Argument::Report) }?;
    written.and(&report.range());
    let multipliers = [
        field!(report, types::Report<T>, row_multiplier, T::ZERO),
        field!(report, types::Report<T>, col_multiplier, T::ZERO),
    ];
    check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
    refuse_overlap(&mut written, c)?;
    let d = Geometry::<T>::coordinates(problem.geometry());
    let direct = options.method_of() == Method::Direct;
    // More is used only when offered.
    let most = implicit::fast_work_len(n, m, d, direct);
    let least = implicit::work_len(n, m, d, direct);
    let needed = if call.work_len >= most { most } else { least };
    // SAFETY: the work as the caller vouches; no other range shares an address.
    let work = unsafe { work_of(call.work, call.work_len, needed, true) }?;
    Ok(Opened { problem, optimum: Optimum::at(f, g, multipliers), options, work })
}

/// n and m of a problem, as its weights have them, whose pointers are checked.
///
/// # Safety
/// As [`Source::versioned`].
pub(in crate::ffi) unsafe fn shape<T: Scalar>(
    problem: *const types::Problem<T>,
) -> Result<[usize; 2], Refusal> {
    // SAFETY: passed on from the caller.
    let c = unsafe { read_problem(problem) }?;
    let [(a, n), (b, m)] = super::super::convert::weights(c);
    check_slice(a, n, Argument::RowWeights)?;
    check_slice(b, m, Argument::ColWeights)?;
    Ok([n, m])
}

pub(super) unsafe fn vjp_any<T: Scalar>(
    call: Call<T>,
    cotangent: *const types::Cotangent<T>,
    gradient: *mut types::Gradient<T>,
) -> i32 {
    type C<T> = types::Cotangent<T>;
    let find = || {
        let mut written = GradientWrites::NOTHING;
        // SAFETY: the caller's promises are those of the C function.
        let [n, m] = unsafe { shape(call.problem) }?;
        // SAFETY: as above.
        let outputs = unsafe { read_gradient(gradient, [n, m], &mut written) }?;
        // Before all that is read, which is compared with what is known to be written.
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        let argument = Argument::Cotangent;
        // SAFETY: as above.
        let c = unsafe { Source::versioned(cotangent, offset_of!(C<T>, reserved), argument) }?;
        written.and(&c.range());
        if field!(c, C<T>, reserved32, 0) != 0 {
            return Err(Error::from(Refusal::new(ErrorKind::StructSize, argument)));
        }
        let null = core::ptr::null();
        let plan = field!(c, C<T>, plan, Matrix::<T>::NONE);
        let vectors = [
            (field!(c, C<T>, row_marginal, null), n),
            (field!(c, C<T>, col_marginal, null), m),
            (field!(c, C<T>, f, null), n),
            (field!(c, C<T>, g, null), m),
        ];
        let mut loss = Cotangent::new()
            .transport_cost(field!(c, C<T>, transport_cost, T::ZERO))
            .value(field!(c, C<T>, value, T::ZERO));
        // SAFETY: as above.
        if let Some(plan) = unsafe { optional_mat(&plan, argument, &mut written) }? {
            loss = loss.plan(plan);
        }
        let mut parts = [None; 4];
        for (part, (data, len)) in parts.iter_mut().zip(vectors) {
            // SAFETY: as above.
            *part = unsafe { optional_slice(data, len, argument, &mut written) }?;
        }
        let [rows, cols, f, g] = parts;
        if let Some(rows) = rows {
            loss = loss.row_marginal(rows);
        }
        if let Some(cols) = cols {
            loss = loss.col_marginal(cols);
        }
        match (f, g) {
            (Some(f), Some(g)) => loss = loss.potentials(f, g),
            (None, None) => {}
            _ => return Err(Error::from(Refusal::new(ErrorKind::Null, argument))),
        }
        let place = &mut MaybeUninit::uninit();
        // SAFETY: as above.
        let o = unsafe { open(call, written, place) }?;
        // SAFETY: checked, and no other range shares an address.
        let places = unsafe { places(outputs, [n, m]) }?;
        implicit::vjp(o.problem, o.optimum, &loss, &o.options, places, o.work)
    };
    match find() {
        Ok(found) => {
            // SAFETY: `read_gradient` found a whole struct.
            unsafe { hand_over_gradient(gradient, &Ok(found)) };
            0
        }
        // SAFETY: passed on from the caller.
        Err(error) => unsafe { refuse_gradient(gradient, error) },
    }
}

/// Takes up a struct of changes, which must be whole.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn read_change<T: Scalar>(
    pointer: *mut types::Change<T>,
) -> Result<Source<types::Change<T>>, Refusal> {
    type C<T> = types::Change<T>;
    // SAFETY: passed on from the caller.
    let c = unsafe {
        Source::versioned(pointer.cast_const(), offset_of!(C<T>, reserved), Argument::Output)
    }?;
    let whole = c.size() >= size_of::<C<T>>()
        && (field!(c, C<T>, reserved32, 0), field!(c, C<T>, reserved32_2, 0)) == (0, 0);
    if whole { Ok(c) } else { Err(Refusal::new(ErrorKind::StructSize, Argument::Output)) }
}

pub(super) unsafe fn jvp_any<T: Scalar>(
    call: Call<T>,
    tangent: *const types::Tangent<T>,
    change: *mut types::Change<T>,
) -> i32 {
    type C<T> = types::Tangent<T>;
    type Out<T> = types::Change<T>;
    let find = || {
        let mut written = GradientWrites::NOTHING;
        // SAFETY: the caller's promises are those of the C function.
        let [n, m] = unsafe { shape(call.problem) }?;
        // SAFETY: as above.
        let out = unsafe { read_change(change) }?;
        written.and(&Range::of(change.cast::<u8>(), out.size(), Argument::Output));
        let null = core::ptr::null_mut();
        let plan = field!(out, Out<T>, plan, MatrixMut::<T>::NONE);
        let vectors = [
            (field!(out, Out<T>, f, null), n),
            (field!(out, Out<T>, g, null), m),
            (field!(out, Out<T>, row_marginal, null), n),
            (field!(out, Out<T>, col_marginal, null), m),
        ];
        note_mat(&plan, Argument::Output, &mut written)?;
        for (data, len) in vectors {
            note_slice(data, len, Argument::Output, &mut written)?;
        }
        written.and(&Range::of(call.work, call.work_len, Argument::Work));
        let argument = Argument::Tangent;
        // SAFETY: as above.
        let c = unsafe { Source::versioned(tangent, offset_of!(C<T>, reserved), argument) }?;
        written.and(&c.range());
        if field!(c, C<T>, reserved32, 0) != 0 || !zero(field!(c, C<T>, reserved_value, T::ZERO)) {
            return Err(Error::from(Refusal::new(ErrorKind::StructSize, argument)));
        }
        let matrices = [
            field!(c, C<T>, cost, Matrix::<T>::NONE),
            field!(c, C<T>, x, Matrix::<T>::NONE),
            field!(c, C<T>, y, Matrix::<T>::NONE),
        ];
        let mut views = [None; 3];
        for (view, matrix) in views.iter_mut().zip(&matrices) {
            // SAFETY: as above.
            *view = unsafe { optional_mat(matrix, argument, &mut written) }?;
        }
        let [cost, x, y] = views;
        let null = core::ptr::null();
        let (a, b) = (field!(c, C<T>, a, null), field!(c, C<T>, b, null));
        // SAFETY: as above.
        let a = unsafe { optional_slice(a, n, argument, &mut written) }?;
        // SAFETY: as above.
        let b = unsafe { optional_slice(b, m, argument, &mut written) }?;
        let direction = Tangent {
            cost,
            a,
            b,
            x,
            y,
            epsilon: field!(c, C<T>, epsilon, T::ZERO),
            row_rule: field!(c, C<T>, row_rule, [T::ZERO; 2]),
            col_rule: field!(c, C<T>, col_rule, [T::ZERO; 2]),
        };
        let place = &mut MaybeUninit::uninit();
        // SAFETY: as above.
        let o = unsafe { open(call, written, place) }?;
        let mut slices = [const { None }; 4];
        for (slice, (data, len)) in slices.iter_mut().zip(vectors) {
            // SAFETY: checked, and no other range shares an address.
            *slice = unsafe { output_slice(data, len, Argument::Output) }?;
        }
        let [f, g, row_marginal, col_marginal] = slices;
        // SAFETY: checked, and no other range shares an address.
        let plan = unsafe { output_mat(&plan, Argument::Output) }?;
        let places = Changes { plan, f, g, row_marginal, col_marginal };
        implicit::jvp(o.problem, o.optimum, &direction, &o.options, places, o.work)
    };
    let result = find();
    let error = match &result {
        Ok(_) => c_status(0),
        Err(error) => c_error(*error),
    };
    // SAFETY: passed on from the caller.
    if unsafe { read_change(change) }.is_ok() {
        // SAFETY: a whole struct, writable as the caller vouches.
        let c = unsafe { &mut *change };
        c.error = error;
        if let Ok(found) = result {
            (c.transport_cost, c.value) = (found.transport_cost, found.value);
            (c.forward_residual, c.residual) = (found.forward_residual, found.residual);
            c.iterations = found.iterations;
        }
    }
    error.status
}
