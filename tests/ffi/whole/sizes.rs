//! Shapes, strides and lengths, up to those that overflow; work of the exact length.

use core::mem::size_of;

use robust_ot::error::{Argument, ErrorKind};

use super::calls::{C, Call, NOWHERE, for_both_precisions};
use super::scene::{Scene, each};

fn shapes<T: C>() {
    each::<T>(
        Call::ALL,
        0,
        ErrorKind::Shape,
        &[
            ("problem", Argument::RowWeights, |s| s.problem(|p| p.a_len = 2)),
            ("problem", Argument::RowWeights, |s| s.problem(|p| p.a_len = 0)),
            ("problem", Argument::ColWeights, |s| s.problem(|p| p.b_len = 3)),
            ("problem", Argument::RowWeights, |s| s.problem(|p| p.cost.rows = 2)),
            ("problem", Argument::ColWeights, |s| s.problem(|p| p.cost.cols = 3)),
            ("values", Argument::Values, |s| s.values(|v| v.rows = 3)),
            ("out", Argument::Output, |s| s.out(|o| o.rows = 2)),
            ("out", Argument::Output, |s| s.out(|o| o.cols = 1)),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::Shape,
        &[
            ("problem", Argument::RowWeights, |s| s.problem(|p| p.x.rows = 2)),
            ("problem", Argument::ColWeights, |s| s.problem(|p| p.y.rows = 3)),
            ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.cols = 1)),
            ("problem", Argument::ColPoints, |s| s.problem(|p| p.x.cols = 1)),
        ],
    );
    each::<T>(
        Call::ALL,
        0,
        ErrorKind::Empty,
        &[
            ("problem", Argument::Cost, |s| s.problem(|p| p.cost.rows = 0)),
            ("problem", Argument::Cost, |s| s.problem(|p| p.cost.cols = 0)),
            ("values", Argument::Values, |s| s.values(|v| v.cols = 0)),
            ("out", Argument::Output, |s| s.out(|o| o.rows = 0)),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::Empty,
        &[
            ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.rows = 0)),
            ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.rows = 0)),
            ("problem", Argument::RowPoints, |s| {
                s.problem(|p| (p.x.cols, p.y.cols) = (0, 0));
            }),
        ],
    );
    for (call, i, j, argument) in [
        (Call::Entry, 3, 0, Argument::Row),
        (Call::Entry, usize::MAX, 9, Argument::Row),
        (Call::Entry, 2, 4, Argument::Col),
        (Call::Row, 3, 0, Argument::Row),
        (Call::Row, usize::MAX, 0, Argument::Row),
    ] {
        let mut s = Scene::<T>::new(call, 3, 4, 0);
        (s.args.i, s.args.j) = (i, j);
        let index = if argument == Argument::Row { i } else { j };
        s.refused_at(ErrorKind::Shape, argument, index as u64, NOWHERE);
    }
}

fn strides<T: C>() {
    each::<T>(
        &[Call::Map, Call::Dense],
        0,
        ErrorKind::Stride,
        &[
            ("out", Argument::Output, |s| s.out(|o| o.row_stride = 0)),
            ("out", Argument::Output, |s| s.out(|o| o.col_stride = 0)),
            ("out", Argument::Output, |s| s.out(|o| o.row_stride = 1)),
            ("out", Argument::Output, |s| s.out(|o| o.row_stride = o.cols - 1)),
            ("out", Argument::Output, |s| {
                s.out(|o| (o.row_stride, o.col_stride) = (1, o.rows - 1));
            }),
        ],
    );
    // Inputs may repeat themselves.
    for &call in Call::ALL {
        for (row_stride, col_stride) in [(0, 1), (1, 0), (0, 0), (2, 1)] {
            let mut s = Scene::<T>::new(call, 3, 4, 0);
            s.problem(|p| (p.cost.row_stride, p.cost.col_stride) = (row_stride, col_stride));
            s.values(|v| (v.row_stride, v.col_stride) = (row_stride, col_stride));
            s.start();
            s.accepted();
        }
    }
    // Outputs may have gaps, which stay as they are.
    for call in [Call::Map, Call::Dense] {
        let reference = Scene::<T>::new(call, 3, 4, 0);
        reference.accepted();
        for strides in [|cols| (cols + 1, 1), |_| (1, 4), |cols| (2 * cols, 2)] {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.out(|o| (o.row_stride, o.col_stride) = strides(o.cols));
            s.accepted();
            assert_eq!(s.results(), reference.results(), "{call:?}");
        }
    }
}

fn sizes_that_overflow<T: C>() {
    const HALF: usize = usize::MAX / 2;
    each::<T>(
        Call::ALL,
        0,
        ErrorKind::TooLarge,
        &[
            ("problem", Argument::Cost, |s| s.problem(|p| p.cost.row_stride = usize::MAX)),
            ("problem", Argument::Cost, |s| s.problem(|p| p.cost.col_stride = HALF)),
            // The extent fits, in bytes it does not.
            ("problem", Argument::Cost, |s| {
                s.problem(|p| p.cost.row_stride = HALF / size_of::<T>())
            }),
            ("problem", Argument::RowWeights, |s| s.problem(|p| p.a_len = usize::MAX)),
            ("problem", Argument::RowWeights, |s| {
                s.problem(|p| p.a_len = HALF / size_of::<T>() + 1);
            }),
            ("problem", Argument::ColWeights, |s| {
                s.problem(|p| p.b_len = usize::MAX / size_of::<T>() + 2);
            }),
            ("values", Argument::Values, |s| s.values(|v| v.row_stride = HALF)),
            ("out", Argument::Output, |s| s.out(|o| o.row_stride = HALF)),
            ("out", Argument::Output, |s| s.out(|o| o.row_stride = HALF / size_of::<T>())),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::TooLarge,
        &[
            ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.row_stride = usize::MAX)),
            ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.col_stride = usize::MAX)),
        ],
    );
    #[cfg(target_pointer_width = "64")]
    {
        const MANY: usize = 1 << 32;
        each::<T>(
            Call::ALL,
            0,
            ErrorKind::TooLarge,
            &[
                ("problem", Argument::Cost, |s| {
                    s.problem(|p| (p.cost.rows, p.cost.row_stride) = (MANY, 0));
                }),
                ("problem", Argument::Cost, |s| {
                    s.problem(|p| (p.cost.cols, p.cost.col_stride) = (MANY, 0));
                }),
                ("values", Argument::Values, |s| {
                    s.values(|v| (v.rows, v.row_stride) = (MANY, 0));
                }),
                ("out", Argument::Output, |s| s.out(|o| o.rows = MANY)),
                ("out", Argument::Output, |s| s.out(|o| o.cols = MANY)),
            ],
        );
        each::<T>(
            Call::ALL,
            2,
            ErrorKind::TooLarge,
            &[
                ("problem", Argument::RowPoints, |s| {
                    s.problem(|p| (p.x.cols, p.x.col_stride) = (MANY, 0));
                }),
                ("problem", Argument::ColPoints, |s| {
                    s.problem(|p| (p.y.rows, p.y.row_stride) = (MANY, 0));
                }),
            ],
        );
    }
    for call in Call::taking("work") {
        let bytes = HALF / size_of::<T>();
        for work_len in [usize::MAX, bytes + 1, usize::MAX / size_of::<T>() + 9] {
            let mut s = Scene::<T>::new(call, 3, 4, 0);
            s.args.work_len = work_len;
            s.refused(ErrorKind::TooLarge, Argument::Work);
        }
    }
}

/// A work length that overflows, from arrays that exist: address space without memory.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
fn a_work_length_that_overflows<T: C>() {
    use core::ffi::c_void;
    use core::ptr::null_mut;

    use robust_ot::ffi::types as c;

    unsafe extern "C" {
        fn mmap(at: *mut c_void, len: usize, prot: i32, flags: i32, fd: i32, off: i64) -> *mut u8;
        fn munmap(at: *mut u8, len: usize) -> i32;
    }
    const MANY: usize = u32::MAX as usize;
    let bytes = 2 * MANY * size_of::<T>();
    // SAFETY: PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE: zeros, wherever there is
    // room. What would be written to is refused before.
    let zeros = unsafe { mmap(null_mut(), bytes, 1, 0x4022, -1, 0) };
    assert!(zeros.addr() != usize::MAX, "no address space");
    for call in [Call::Solve, Call::Check, Call::Init, Call::Anneal, Call::Marginals] {
        let mut s = Scene::<T>::new(call, 1, 4, 1);
        s.problem(|p| {
            let repeat = c::Matrix { row_stride: 0, col_stride: 0, ..p.y };
            p.x = c::Matrix { cols: MANY, ..c::Matrix { data: p.x.data, rows: 1, ..repeat } };
            p.y = c::Matrix { rows: MANY, cols: MANY, ..repeat };
            (p.b, p.b_len) = (zeros.cast(), MANY);
        });
        s.args.g = zeros.wrapping_add(MANY * size_of::<T>());
        if call == Call::Marginals {
            // Of m elements as well, and an output: it may not share the place of g.
            s.args.col = s.args.g;
            s.args.g = zeros;
        }
        s.refused(ErrorKind::TooLarge, Argument::Cost);
    }
    // SAFETY: the mapping, which nothing points to any more.
    assert_eq!(unsafe { munmap(zeros, bytes) }, 0);
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
)))]
fn a_work_length_that_overflows<T: C>() {}

/// The exact length succeeds between its guards, one element less is refused.
fn work_lengths_are_exact<T: C>() {
    let sides = [0, 1, 2, 7, 8, 9, 33];
    for call in Call::taking("work") {
        for n in sides {
            for m in sides {
                for d in 0..4 {
                    let goes_on = matches!(call, Call::Step | Call::Finish);
                    if n == 0 || m == 0 {
                        // Gradients blame their outputs: see the module of that name.
                        let gradient = matches!(call, Call::Vjp | Call::Jvp | Call::Match);
                        if !goes_on && !gradient {
                            let argument = match d {
                                0 => Argument::Cost,
                                _ if n == 0 => Argument::RowPoints,
                                _ => Argument::ColPoints,
                            };
                            let no_output = call == Call::Dense || call == Call::Map && n == 0;
                            let argument = if no_output { Argument::Output } else { argument };
                            Scene::<T>::new(call, n, m, d).refused(ErrorKind::Empty, argument);
                        }
                        continue;
                    }
                    let mut s = Scene::<T>::new(call, n, m, d);
                    s.options(|o| o.max_iterations = 2);
                    let exact = s.args.work_len;
                    s.args.work_len = exact - 1;
                    s.refused(ErrorKind::WorkTooSmall, Argument::Work);
                    s.args.work_len = 0;
                    s.refused(ErrorKind::WorkTooSmall, Argument::Work);
                    s.args.work_len = exact;
                    s.accepted();
                }
            }
        }
    }
}

for_both_precisions! {
    interpreted {}
    compiled {
        shapes
        strides
        sizes_that_overflow
        a_work_length_that_overflows
        work_lengths_are_exact
    }
}
