//! A kernel that is kept in the work: who asks for it, and who gets it.

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::sinkhorn::{rot_sinkhorn_fast_work_len, rot_sinkhorn_work_len};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_SWEEP_AUTO, ROT_SWEEP_LOG, ROT_SWEEP_SCALING};

use super::calls::{C, Call, for_both_precisions};
use super::scene::Scene;

fn swept<T: C>(s: &Scene<T>) -> u32 {
    s.get::<c::Report<T>>(s.args.report).sweep
}

/// With room for it, on demand; not where the caller says no; not one element short.
fn the_work_decides_and_the_caller<T: C>() {
    let (n, m, d) = (5, 4, 2);
    let len = rot_sinkhorn_fast_work_len(n, m, d);
    assert!(len > rot_sinkhorn_work_len(n, m, d));
    let plain = Scene::<T>::new(Call::Solve, n, m, d);
    plain.accepted();
    assert_eq!(swept(&plain), ROT_SWEEP_LOG);
    let solve = |len, sweep| {
        let s = Scene::<T>::with_work(Call::Solve, (n, m, d), Some(len));
        s.options(|o| o.sweep = sweep);
        s.accepted();
        s
    };
    for sweep in [ROT_SWEEP_AUTO, ROT_SWEEP_SCALING] {
        let s = solve(len, sweep);
        assert_eq!(swept(&s), ROT_SWEEP_SCALING);
        assert_eq!(s.results(), solve(len + 40, ROT_SWEEP_AUTO).results());
    }
    let log = solve(len, ROT_SWEEP_LOG);
    assert_eq!(swept(&log), ROT_SWEEP_LOG);
    for s in [&log, &solve(len - 1, ROT_SWEEP_AUTO)] {
        assert_eq!(s.results(), plain.results());
    }
    // What is not used is not written either.
    log.put(log.args.work.wrapping_add((len - 1) * size_of::<T>()), T::of(7.0));
    log.accepted();
    assert_eq!(log.slice("work", len)[len - 1].bits(), T::of(7.0).bits());
}

/// Every call that could keep one, with too little room.
fn a_demand_needs_the_room<T: C>() {
    for call in [Call::Solve, Call::Check, Call::Init, Call::Step, Call::Finish] {
        let len = rot_sinkhorn_fast_work_len(3, 4, 0);
        let mut s = Scene::<T>::fast(call, 3, 4, 0);
        s.options(|o| o.sweep = ROT_SWEEP_SCALING);
        s.args.work_len = len - 1;
        s.refused(ErrorKind::WorkTooSmall, Argument::Work);
        s.args.work_len = len;
        s.start();
        s.accepted();
    }
}

/// What solves in the log domain says so, whatever the room.
fn the_rest_refuses_by_name<T: C>() {
    for len in [None, Some(4000)] {
        let s = Scene::<T>::with_work(Call::Match, (3, 4, 0), len);
        s.options(|o| o.sweep = ROT_SWEEP_SCALING);
        s.refused(ErrorKind::Kind, Argument::Sweep);
        s.options(|o| o.sweep = ROT_SWEEP_LOG);
        s.accepted();
        assert_eq!(swept(&s), ROT_SWEEP_LOG);
    }
}

for_both_precisions! {
    interpreted {
        the_work_decides_and_the_caller
        a_demand_needs_the_room
        the_rest_refuses_by_name
    }
    compiled {}
}
