//! What stands behind `rot_barycenter_vjp_*`.

use core::mem::{offset_of, size_of};
use core::ptr::null_mut;

use super::super::abi::{
    Range, Refusal, Source, Written, c_error, c_status, check_slice, field, slice_of,
};
use super::super::convert::{ROT_LEVEL_FASTEST, Scalar, level_of};
use super::super::gradient::calls::{note_slice, optional_slice, output_slice};
use super::calls::{MEASURE, Measures, Sizes, list, read_problem, refuse_overlap, sizes};
use super::types;
use crate::barycenter::Problem;
use crate::barycenter::gradient::{
    self, Cotangent, GradientReport, Gradients, Lengths, Options, vjp,
};
use crate::error::{Argument, Error, ErrorKind};

/// Elements of work; `usize::MAX` if that overflows.
pub(super) const fn work_len(k: usize, rows: usize, n: usize, d: usize) -> usize {
    let (list, rest) = (k.saturating_mul(MEASURE), gradient::work_len(k, rows, n, d));
    list.saturating_add(rest)
}

/// Ranges that the call writes: the outputs, their struct, work.
type Writes = Written<7>;

/// The caller's gradient struct.
type GradientSource<T> = Source<types::BarycenterGradient<T>>;

/// Takes up a gradient struct, which must be whole.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn whole_gradient<T: Scalar>(
    pointer: *const types::BarycenterGradient<T>,
) -> Result<GradientSource<T>, Refusal> {
    type C<T> = types::BarycenterGradient<T>;
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved), Argument::Gradient) }?;
    if c.size() >= size_of::<C<T>>()
        && (field!(c, C<T>, reserved32, 0), field!(c, C<T>, reserved32_2, 0)) == (0, 0)
        && field!(c, C<T>, reserved_size, 0) == 0
    {
        Ok(c)
    } else {
        Err(Refusal::new(ErrorKind::StructSize, Argument::Gradient))
    }
}

/// An output that may be NULL, with its length and what it is called.
type Output<T> = (*mut T, usize, Argument);

/// Outputs in the order of the struct.
fn outputs<T: Scalar>(
    c: GradientSource<T>,
    count: usize,
    sizes: &Sizes,
    lengths: &Lengths,
) -> [Output<T>; 5] {
    type C<T> = types::BarycenterGradient<T>;
    let (rows, null) = (sizes.rows, null_mut());
    [
        (field!(c, C<T>, weights, null), rows, Argument::RowWeightGradient),
        (field!(c, C<T>, shares, null), count, Argument::Share),
        (field!(c, C<T>, costs, null), rows.saturating_mul(sizes.n), Argument::CostGradient),
        (field!(c, C<T>, x, null), lengths.x, Argument::RowPointGradient),
        (field!(c, C<T>, y, null), lengths.y, Argument::ColPointGradient),
    ]
}

/// Coordinates of all points.
///
/// # Safety
/// Every pointer in the measures is NULL or readable for the extent that goes with it.
unsafe fn lengths<T: Scalar>(measures: &Measures<T>) -> Result<Lengths, Error> {
    let mut lengths = Lengths::NONE;
    for i in 0..measures.count {
        // SAFETY: passed on from the caller.
        let measure = unsafe { measures.measure(i) }?;
        lengths = lengths.and::<T, _>(&measure.geometry);
    }
    Ok(lengths)
}

/// The caller's options; NULL means the defaults.
///
/// # Safety
/// As [`Source::versioned`].
unsafe fn options_of<T: Scalar>(
    pointer: *const types::BarycenterGradientOptions<T>,
    written: &mut Writes,
) -> Result<Options<T>, Refusal> {
    type C<T> = types::BarycenterGradientOptions<T>;
    let default = Options::<T>::new();
    if pointer.is_null() {
        return Ok(default);
    }
    // SAFETY: passed on from the caller.
    let c = unsafe { Source::versioned(pointer, offset_of!(C<T>, reserved32), Argument::Options) }?;
    written.and(&c.range());
    const { assert!(offset_of!(C<T>, reserved32) + size_of::<u32>() == offset_of!(C<T>, reserved)) }
    let options = default
        .tolerance(field!(c, C<T>, tolerance, default.tolerance))
        .max_iterations(field!(c, C<T>, max_iterations, default.max_iterations))
        .forward_tolerance(field!(c, C<T>, forward_tolerance, default.forward_tolerance));
    let level = level_of(field!(c, C<T>, level, ROT_LEVEL_FASTEST))?;
    Ok(level.map_or(options, |level| options.level(level)))
}

/// The arguments.
pub(super) struct Call<T> {
    pub(super) problem: *const types::BarycenterProblem<T>,
    pub(super) f: *const T,
    pub(super) g: *const T,
    pub(super) cotangent: *const T,
    pub(super) objective: T,
    pub(super) options: *const types::BarycenterGradientOptions<T>,
    pub(super) gradient: *mut types::BarycenterGradient<T>,
    pub(super) work: *mut T,
    pub(super) work_len: usize,
}

/// Checks structs, pointers and overlaps, forms the slices and calls.
///
/// # Safety
/// Every pointer is NULL or valid for what goes with it.
unsafe fn find<T: Scalar>(call: &Call<T>) -> Result<GradientReport<T>, Error> {
    // SAFETY: passed on from the caller.
    let measures = unsafe { read_problem(call.problem) }?;
    // SAFETY: as above.
    let sizes = unsafe { sizes(&measures) }?;
    // SAFETY: as above.
    let lengths = unsafe { lengths(&measures) }?;
    let (count, cols) = (measures.count, measures.count.saturating_mul(sizes.n));
    // SAFETY: as above.
    let c = unsafe { whole_gradient(call.gradient.cast_const()) }?;
    // All that is written before all that is read, which is compared with it.
    let mut written = Writes::NOTHING;
    written.and(&Range::of(call.gradient.cast::<u8>(), c.size(), Argument::Gradient));
    let outputs = outputs(c, count, &sizes, &lengths);
    for (data, len, argument) in outputs {
        note_slice(data, len, argument, &mut written)?;
    }
    check_slice(call.work.cast_const(), call.work_len, Argument::Work)?;
    written.and(&Range::of(call.work, call.work_len, Argument::Work));
    // SAFETY: as above.
    let options = unsafe { options_of(call.options, &mut written) }?;
    // SAFETY: sum n_i potentials as the caller vouches.
    let f = unsafe { slice_of(call.f, sizes.rows, Argument::RowPotentials) }?;
    // SAFETY: k n potentials as the caller vouches.
    let g = unsafe { slice_of(call.g, cols, Argument::ColPotentials) }?;
    written.and(&Range::of(call.f, sizes.rows, Argument::None));
    written.and(&Range::of(call.g, cols, Argument::None));
    // SAFETY: n derivatives as the caller vouches.
    let barycenter =
        unsafe { optional_slice(call.cotangent, sizes.n, Argument::Cotangent, &mut written) }?;
    // SAFETY: as above.
    unsafe { refuse_overlap(&mut written, &measures) }?;
    let needed = gradient::work_len(count, sizes.rows, sizes.n, sizes.d);
    // SAFETY: as above; no other range shares an address.
    let (list, work) = unsafe { list(&measures, needed, (call.work, call.work_len)) }?;
    let mut slices = [const { None }; 5];
    for (slice, (data, len, argument)) in slices.iter_mut().zip(outputs) {
        // SAFETY: checked; as long as the caller vouches; no other range shares an address.
        *slice = unsafe { output_slice(data, len, argument) }?;
    }
    let [weights, shares, costs, x, y] = slices;
    let problem = Problem::new(list, measures.epsilon())?;
    let cotangent = Cotangent { barycenter, objective: call.objective };
    let gradients = Gradients { weights, shares, costs, x, y };
    vjp(&problem, (f, g), &cotangent, &options, gradients, work)
}

pub(super) unsafe fn vjp_any<T: Scalar>(call: &Call<T>) -> i32 {
    // SAFETY: the caller's promises are those of the C function.
    let result = unsafe { find(call) };
    let ending = match &result {
        Ok(_) => c_status(0),
        Err(error) => c_error(*error),
    };
    // SAFETY: as above.
    if unsafe { whole_gradient(call.gradient.cast_const()) }.is_ok() {
        // SAFETY: a whole struct, writable as the caller vouches.
        let c = unsafe { &mut *call.gradient };
        c.error = ending;
        if let Ok(found) = result {
            (c.forward_residual, c.residual) = (found.forward_residual, found.residual);
            c.iterations = found.iterations;
        }
    }
    ending.status
}
