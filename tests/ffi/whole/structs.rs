//! Structs of programs of earlier and later versions, and their reserved fields.

use core::mem::{offset_of, size_of};
use core::ptr::null_mut;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::types as c;

use super::calls::{C, Call, SIZED, for_both_precisions, pointers};
use super::initial::{default_options, empty_report};
use super::scene::{Scene, TAIL, each};

/// The versioned structs that a call takes.
fn structs(call: Call) -> impl Iterator<Item = (&'static str, Argument)> {
    pointers(call, 0).filter(|(name, _)| SIZED.contains(name))
}

fn struct_sizes<T: C>() {
    for &call in Call::ALL {
        for (name, argument) in structs(call) {
            let s = Scene::<T>::new(call, 3, 4, 0);
            let whole = s.span(name);
            // A report holds at least its refusal, a state all of the solve, others all they write.
            let short: &[usize] = match name {
                "report" => &[8, 16, 24, 32],
                "state" | "gradient" | "change" => &[8, whole - 8],
                _ => &[],
            };
            let never = [0, 1, 4, 7, 12, whole + 4, 4104, 5000, u32::MAX as usize];
            for &size in never.iter().chain(short) {
                s.put(s.at(name), size as u32);
                s.refused(ErrorKind::StructSize, argument);
            }
        }
    }
}

/// A program of a later version: what is behind the known fields must be zero where it is read.
fn longer_structs<T: C>() {
    for &call in Call::ALL {
        for (name, argument) in structs(call) {
            let reference = Scene::<T>::new(call, 3, 4, 0);
            reference.accepted();
            for longer in [8, TAIL] {
                let s = Scene::<T>::new(call, 3, 4, 0);
                let (at, whole) = (s.at(name), s.span(name));
                let tail = at.wrapping_add(whole);
                s.put(at, (whole + longer) as u32);
                for k in if name == "report" { vec![] } else { vec![0, longer / 2, longer - 1] } {
                    s.fill_bytes(tail, TAIL, 0);
                    s.put(tail.wrapping_add(k), 1_u8);
                    s.refused(ErrorKind::StructSize, argument);
                }
                if name != "report" {
                    s.fill_bytes(tail, TAIL, 0);
                }
                s.accepted();
                assert_eq!(s.results(), reference.results(), "{call:?} {name}");
            }
        }
    }
}

/// A program of an earlier version: what it lacks has the default, and is neither read nor
/// written.
fn shorter_structs<T: C>() {
    let cut = |s: &Scene<T>, name: &str, size: usize| {
        let (at, whole) = (s.at(name), s.span(name));
        s.put(at, size as u32);
        s.fill_bytes(at.wrapping_add(size), whole - size, 0xFF);
    };
    for call in Call::taking("options") {
        let mut reference = Scene::<T>::new(call, 3, 4, 0);
        reference.args.options = null_mut();
        let status = reference.accepted();
        for size in (8..=size_of::<c::Options<T>>()).step_by(8) {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.put(s.args.options, default_options::<T>());
            cut(&s, "options", size);
            assert_eq!(s.accepted(), status);
            assert_eq!(s.results(), reference.results(), "{call:?}, {size} bytes of options");
        }
    }
    for &call in Call::ALL {
        let balanced = || {
            let mut s = Scene::<T>::new(call, 3, 4, 0);
            s.balance();
            s.start();
            s
        };
        // The certificate asks for a relaxed side: nothing to compare.
        if matches!(call, Call::Certifiable | Call::Parameters | Call::Accurate) {
            continue;
        }
        let reference = balanced();
        let status = reference.accepted();
        // All behind epsilon has its default.
        let enough = offset_of!(c::Problem<T>, reserved_value).next_multiple_of(8);
        for size in (8..=size_of::<c::Problem<T>>()).step_by(8) {
            let s = balanced();
            cut(&s, "problem", size);
            if size < enough {
                let (status, _) = s.refusal();
                let missing =
                    [ErrorKind::Null, ErrorKind::Empty, ErrorKind::Shape, ErrorKind::Epsilon];
                assert!(missing.iter().any(|&kind| kind as i32 == status), "{status}");
            } else {
                assert_eq!(s.accepted(), status);
                assert_eq!(s.results(), reference.results(), "{call:?}, {size} bytes of problem");
            }
        }
    }
    for call in [Call::Solve, Call::Finish, Call::Anneal, Call::Accurate] {
        let reference = Scene::<T>::new(call, 3, 4, 0);
        reference.accepted();
        let whole = reference.results();
        for size in (40..=size_of::<c::Report<T>>()).step_by(8) {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.put(s.args.report, size as u32);
            s.accepted();
            // The report is the last of the outputs.
            assert_eq!(s.results()[..], whole[..whole.len() - (size_of::<c::Report<T>>() - size)]);
        }
    }
}

/// The same in memory that ends with the struct, for tools that watch reads.
fn shorter_structs_in_their_own_memory<T: C>() {
    fn shortened<V>(value: &V, size: usize) -> Box<[u64]> {
        let source = core::ptr::from_ref(value).cast::<u64>();
        // SAFETY: the structs are a multiple of eight bytes long and aligned to that.
        let words = unsafe { core::slice::from_raw_parts(source, size / 8) };
        let mut words = words.to_vec().into_boxed_slice();
        let first = words.as_mut_ptr().cast::<u32>();
        // SAFETY: the leading four bytes.
        unsafe { first.write(size as u32) };
        words
    }
    let mut s = Scene::<T>::new(Call::Solve, 3, 4, 0);
    let mut options = shortened(&default_options::<T>(), 8);
    s.balance();
    let problem: c::Problem<T> = s.get(s.args.problem);
    let mut problem = shortened(&problem, offset_of!(c::Problem<T>, rows));
    let mut report = shortened(&empty_report::<T>(), 40);
    s.args.options = options.as_mut_ptr().cast();
    s.args.problem = problem.as_mut_ptr().cast();
    s.args.report = report.as_mut_ptr().cast();
    assert!(s.run() >= 0);
    s.args.work_len = 0;
    assert_eq!(s.run(), ErrorKind::WorkTooSmall as i32);
}

/// A range ends where the struct says, not where this version of it would.
fn the_range_of_a_struct_is_its_size<T: C>() {
    let outputs = [
        (Call::Solve, "f", Argument::RowPotentials),
        (Call::Certifiable, "value", Argument::Output),
        (Call::Row, "value", Argument::Output),
        (Call::Marginals, "row", Argument::Output),
    ];
    for (call, output, argument) in outputs {
        for name in ["options", "problem"].into_iter().filter(|name| call.takes(name)) {
            let short = if name == "options" { 8 } else { offset_of!(c::Problem<T>, count) };
            let mut s = Scene::<T>::new(call, 3, 4, 0);
            s.put(s.at(name), short as u32);
            s.aim(output, s.at(name).wrapping_add(short));
            s.accepted();

            let mut s = Scene::<T>::new(call, 3, 4, 0);
            let (at, whole) = (s.at(name), s.span(name));
            s.fill_bytes(at.wrapping_add(whole), TAIL, 0);
            s.put(at, (whole + TAIL) as u32);
            s.aim(output, at.wrapping_add(whole));
            s.refused(ErrorKind::Overlap, argument);
        }
    }
}

fn reserved_fields<T: C>() {
    each::<T>(
        Call::ALL,
        0,
        ErrorKind::StructSize,
        &[
            ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_value = T::ONE)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_value = T::NAN)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_sizes[0] = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_sizes[1] = 1)),
            // What only a batch has.
            ("problem", Argument::Problem, |s| s.problem(|p| p.count = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.cost_stride = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.x_stride = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.y_stride = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.a_stride = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.b_stride = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.reserved[0] = 1)),
            ("problem", Argument::Problem, |s| s.problem(|p| p.reserved[3] = 1 << 63)),
            ("problem", Argument::Cost, |s| s.problem(|p| p.cost.reserved = 1)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.flags = 1)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.lower = p.a)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.lower_stride = 1)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.upper = p.a)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.upper_stride = 1)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.reserved[1] = 1)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.param[1] = T::ONE)),
            ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.param[3] = T::NAN)),
            ("problem", Argument::ColRule, |s| s.problem(|p| p.cols.param[0] = T::ONE)),
            ("problem", Argument::ColRule, |s| s.problem(|p| p.cols.reserved[0] = 1)),
            ("options", Argument::Options, |s| s.options(|o| o.reserved_value = T::ONE)),
            ("options", Argument::Options, |s| s.options(|o| o.reserved32 = 1)),
            ("options", Argument::Options, |s| s.options(|o| o.reserved[0] = 1)),
            ("options", Argument::Options, |s| s.options(|o| o.reserved[2] = 1)),
            ("values", Argument::Values, |s| s.values(|v| v.reserved = 1)),
            ("out", Argument::Output, |s| s.out(|o| o.reserved = 1)),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::StructSize,
        &[
            ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.reserved = 1)),
            ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.reserved = 1)),
        ],
    );
}

/// Zero also where the call has no use for the struct.
fn reserved_fields_without_use<T: C>() {
    let kind = ErrorKind::StructSize;
    each::<T>(
        Call::ALL,
        0,
        kind,
        &[
            ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.reserved = 1)),
            ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.reserved = 1)),
            ("state", Argument::State, |s| {
                s.edit(s.args.state, |state: &mut c::State<T>| state.reserved[3] = 1);
            }),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        kind,
        &[("problem", Argument::Cost, |s| {
            s.problem(|p| p.cost.reserved = 1);
        })],
    );
}

for_both_precisions! {
    interpreted {
        shorter_structs_in_their_own_memory
    }
    compiled {
        struct_sizes
        longer_structs
        shorter_structs
        the_range_of_a_struct_is_its_size
        reserved_fields
        reserved_fields_without_use
    }
}
