//! Memory as it may come: used before, never written, or aligned to no more than its elements.

use core::mem::{MaybeUninit, align_of};

use robust_ot::ffi::ROT_COST_EUCLIDEAN;
use robust_ot::ffi::plan::rot_plan_work_len;
use robust_ot::ffi::sinkhorn::rot_sinkhorn_work_len;
use robust_ot::ffi::types as c;
use robust_ot::marginal::Rule;

use super::calls::{Args, C, Call, K, for_both_precisions, raw};
use super::initial::{
    c_rule, default_options, empty_report, empty_state, matrix, no_problem, numbers,
};
use super::scene::Scene;
use crate::SMALL;

fn the_contents_of_work_do_not_matter<T: C>() {
    let huge = T::MAX * T::of(0.5);
    for call in Call::taking("work") {
        if matches!(call, Call::Step | Call::Finish) {
            continue;
        }
        for d in [0, 2] {
            let results = [T::ZERO, T::NAN, huge, -huge, T::of(1e30), T::INFINITY].map(|x| {
                let s = Scene::<T>::new(call, 5, 4, d);
                s.fill(s.args.work, &vec![x; s.args.work_len]);
                s.accepted();
                s.results()
            });
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{call:?}");
        }
    }
}

/// Work needs the alignment of its element type, and more of it changes no bit.
fn work_may_begin_anywhere<T: C>() {
    for call in [
        Call::Solve,
        Call::Check,
        Call::Finish,
        Call::Marginals,
        Call::Map,
        Call::Dense,
        Call::Vjp,
        Call::Jvp,
        Call::Match,
    ] {
        let results = |shift: usize| {
            let mut s = Scene::<T>::new(call, 3, 4, 2);
            // The guard behind it has the room.
            s.args.work = s.args.work.wrapping_add(shift);
            s.start();
            s.accepted();
            // The state knows where the work began.
            s.call = if call == Call::Finish { Call::Solve } else { call };
            s.results()
        };
        let reference = results(0);
        for shift in (0..64).step_by(align_of::<T>()) {
            assert_eq!(results(shift), reference, "{call:?}, {shift} bytes further");
        }
    }
}

/// Memory that ends with the last element; work, potentials and outputs never written before.
fn uninitialised_memory_of_exact_length<T: C>() {
    for (n, m, d) in
        if SMALL { vec![(2, 3, 0), (1, 2, 1)] } else { vec![(3, 5, 0), (1, 1, 2), (17, 2, 1)] }
    {
        let mut data = [n * m, n * d, m * d, n, m, m * K].map(|len| numbers::<T>(len, 3));
        let [cost, x, y, a, b, values] = &mut data;
        a[0] = T::ONE;
        b[0] = T::ONE;
        let mut problem = c::Problem {
            a: a.as_ptr(),
            a_len: n,
            b: b.as_ptr(),
            b_len: m,
            epsilon: T::ONE,
            rows: c_rule(Rule::Kl { tau: T::ONE }),
            cols: c_rule(Rule::Kl { tau: T::of(2.0) }),
            ..no_problem()
        };
        if d == 0 {
            problem.cost = matrix(cost.as_ptr(), n, m);
        } else {
            problem.cost_kind = ROT_COST_EUCLIDEAN;
            (problem.x, problem.y) = (matrix(x.as_ptr(), n, d), matrix(y.as_ptr(), m, d));
        }
        let lens = [n, m, rot_sinkhorn_work_len(n, m, d), rot_plan_work_len(n, m, d), m, n, m, 1];
        let mut memory = lens.map(Box::<[T]>::new_uninit_slice);
        let [f, g, work, plan_work, value, row, col, transport] = &mut memory;
        let mut error = MaybeUninit::<c::rot_error>::uninit();
        let (mut report, mut state) = (empty_report::<T>(), empty_state::<T>());
        let mut options = c::Options { max_iterations: 2, ..default_options::<T>() };
        let mut args = Args {
            problem: (&raw mut problem).cast(),
            options: (&raw mut options).cast(),
            f: raw(f),
            g: raw(g),
            work: raw(work),
            work_len: work.len(),
            iterations: 3,
            report: (&raw mut report).cast(),
            state: (&raw mut state).cast(),
            error: error.as_mut_ptr().cast(),
            ..Args::<T>::none()
        };
        let run = |call, args: &Args<T>| {
            // SAFETY: every pointer is valid for the extent that goes with it.
            let status = unsafe { T::call(call, args) };
            assert!(status >= 0, "{call:?} gave {status}");
        };
        // Each from the start: what one wrote must not serve the next.
        for call in [Call::Check, Call::Solve, Call::Init, Call::Step, Call::Finish] {
            run(call, &args);
        }
        (args.work, args.work_len) = (raw(plan_work), plan_work.len());
        (args.value, args.row, args.col) = (raw(value), raw(row), raw(col));
        args.transport = raw(transport);
        for call in [Call::Entry, Call::Row, Call::Marginals] {
            run(call, &args);
        }
        let values = matrix(values.as_ptr(), m, K);
        args.values = (&raw const values).cast_mut().cast();
        for (call, cols) in [(Call::Map, K), (Call::Dense, m)] {
            // A gap behind each row but the last: it stays unwritten.
            let mut memory = Box::<[T]>::new_uninit_slice(n * (cols + 1) - 1);
            let data = memory.as_mut_ptr().cast::<T>();
            let stride = cols + 1;
            let (rows, row_stride, col_stride) = (n, stride, 1);
            let out = c::MatrixMut { data, rows, cols, row_stride, col_stride, reserved: 0 };
            args.out = (&raw const out).cast_mut().cast();
            run(call, &args);
            for (i, row) in memory.chunks(stride).enumerate() {
                for x in &row[..cols] {
                    // SAFETY: the call wrote every entry; an interpreter checks it.
                    let x = unsafe { x.assume_init() };
                    assert!(x.is_finite(), "{call:?}, row {i}");
                }
            }
        }
    }
}

for_both_precisions! {
    interpreted {
        uninitialised_memory_of_exact_length
    }
    compiled {
        the_contents_of_work_do_not_matter
        work_may_begin_anywhere
    }
}
