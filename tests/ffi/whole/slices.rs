//! The observer, and solves in slices: init, step, finish.

use core::ffi::c_void;
use core::mem::size_of;
use core::ops::ControlFlow;
use core::ptr::null_mut;

use robust_ot::cost::Dense;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::sinkhorn::{ROT_RUNNING, rot_sinkhorn_work_len};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_STOP_CERTIFIED, ROT_STOP_RESIDUAL, ROT_SWEEP_LOG, ROT_UNIT_MASS};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::report::{Progress, Termination};
use robust_ot::sinkhorn;
use robust_ot::view::Mat;

use super::calls::{C, Call, for_both_precisions};
use super::case::{RULES, bits, has_ball, report_bits, rule_pair};
use super::initial::{c_rule, empty_state};
use super::scene::Scene;
use crate::SMALL;

/// What an observer saw, and when it is to stop.
struct Log {
    seen: Vec<[u64; 4]>,
    calls_left: usize,
}

unsafe extern "C" fn watch<T: C>(user: *mut c_void, progress: *const c::Progress<T>) -> i32 {
    // SAFETY: the log that the options hold, and nobody else uses it during the solve.
    let log = unsafe { &mut *user.cast::<Log>() };
    // SAFETY: valid for the call.
    let p = unsafe { progress.read() };
    assert_eq!(p.struct_size as usize, size_of::<c::Progress<T>>());
    assert_eq!((p.reserved32, p.reserved_value.bits()), (0, 0));
    let distance = p.certified_distance.bits();
    log.seen.push([p.iterations, p.epsilon.bits(), p.residual.bits(), distance]);
    log.calls_left -= 1;
    i32::from(log.calls_left == 0)
}

fn the_observer_sees_and_stops<T: C>() {
    const LIMIT: u64 = if SMALL { 6 } else { 20 };
    for (stop, check_every) in [(ROT_STOP_RESIDUAL, 3), (ROT_STOP_CERTIFIED, 4)] {
        for calls in if SMALL { vec![1] } else { vec![1, 4, usize::MAX] } {
            let change = |o: &mut c::Options<T>| {
                (o.stop, o.check_every, o.max_iterations) = (stop, check_every, LIMIT);
                o.tolerance = T::of(1e-30);
            };
            // Of the certificate only what the entropy leaves: never reached, never given up.
            let epsilon = T::of(1e-3);
            let s = Scene::<T>::new(Call::Solve, 5, 4, 0);
            s.problem(|p| p.epsilon = epsilon);
            s.options(change);
            let mut log = Log { seen: Vec::new(), calls_left: calls };
            let user = (&raw mut log).cast();
            s.options(|o| o.observe = Some(watch::<T>));
            s.options(|o| o.user = user);
            let status = s.accepted();
            let report: c::Report<T> = s.get(s.args.report);
            let every = u64::from(check_every);
            let stopped = calls < usize::MAX;
            let expected = if stopped { calls as u64 } else { (LIMIT - 1) / every };
            assert_eq!(log.seen.len() as u64, expected);
            for (k, [iterations, e, ..]) in log.seen.iter().enumerate() {
                assert_eq!((*iterations, *e), ((k as u64 + 1) * every, epsilon.bits()));
            }
            // As the Rust interface tells its observer.
            let p: c::Problem<T> = s.get(s.args.problem);
            let (cost, a, b) = (s.slice("cost", 20), s.slice("a", 5), s.slice("b", 4));
            let kl = Rule::Kl { tau: p.rows.param[0] };
            let dense = Dense::new(Mat::new(&cost, 5, 4).unwrap());
            let problem =
                Problem::<T, _>::new(dense, (&a, kl), (&b, Rule::Exact), epsilon).unwrap();
            let tolerance = T::of(1e-30);
            let stop_rule = if stop == ROT_STOP_CERTIFIED {
                Stop::Certified(tolerance)
            } else {
                Stop::Residual(tolerance)
            };
            let options =
                Options::new().stop(stop_rule).check_every(check_every).max_iterations(LIMIT);
            let mut seen = Vec::new();
            let mut observer = |p: &Progress<T>| {
                let distance = p.certified_distance.bits();
                seen.push([p.iterations, p.epsilon.bits(), p.residual.bits(), distance]);
                if seen.len() == calls { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let (mut f, mut g) = (vec![T::ZERO; 5], vec![T::ZERO; 4]);
            let mut work = vec![T::ZERO; rot_sinkhorn_work_len(5, 4, 0)];
            let found =
                sinkhorn::solve(&problem, &options, &mut f, &mut g, &mut work, &mut observer);
            let found = found.unwrap();
            assert_eq!(seen, log.seen);
            assert_eq!(status, found.termination as i32);
            assert_eq!(report_bits!(report), report_bits!(found));
            if stopped {
                assert_eq!(status, Termination::Stopped as i32);
                assert_eq!(report.iterations, expected * every);
                assert_eq!(report.converged, 0);
                // The potentials are those of as many sweeps.
                let limited = Scene::<T>::new(Call::Solve, 5, 4, 0);
                limited.problem(|p| p.epsilon = epsilon);
                limited.options(change);
                limited.options(|o| o.max_iterations = expected * every);
                assert_eq!(limited.accepted(), Termination::IterationLimit as i32);
                let of = |s: &Scene<T>| [bits(&s.slice("f", 5)), bits(&s.slice("g", 4))];
                assert_eq!(of(&limited), of(&s));
            }
        }
    }
}

/// A solve in slices of some length against the whole.
fn sliced<T: C>(rules: usize, d: usize, (stop, tolerance): (u32, T), slice: u64, fast: bool) {
    let scene = |call| {
        let make = if fast { Scene::<T>::fast } else { Scene::<T>::new };
        let s = make(call, 5, 4, d);
        if rules == 0 || has_ball(rules) {
            s.balance();
        }
        let (rows, cols) = rule_pair(rules);
        s.problem(|p| {
            (p.rows, p.cols) = (c_rule(rows), c_rule(cols));
            p.flags = if rules == 4 { ROT_UNIT_MASS } else { 0 };
            p.reference = (rules + d) as u32 % 2;
            p.epsilon = T::of(0.1);
        });
        s.options(|o| (o.stop, o.tolerance) = (stop, tolerance));
        if !SMALL {
            s.options(|o| o.max_iterations = 1000);
        }
        s
    };
    let whole = scene(Call::Solve);
    let status = whole.accepted();
    let mut s = scene(Call::Init);
    assert_eq!(s.accepted(), 0);
    s.args.iterations = slice;
    s.call = Call::Step;
    while s.accepted() == ROT_RUNNING {}
    // It has ended: more steps change nothing.
    let before = s.results();
    s.accepted();
    assert_eq!(s.results(), before);
    s.call = Call::Finish;
    assert_eq!(s.accepted(), status);
    let used_up: c::State<T> = s.get(s.args.state);
    assert_eq!(used_up.mark, 0);
    s.call = Call::Solve;
    assert_eq!(s.results(), whole.results(), "rules {rules}, slices of {slice}, {fast}");
    let report: c::Report<T> = whole.get(whole.args.report);
    assert!(fast || report.sweep == ROT_SWEEP_LOG);
}

fn slices_give_the_bits_of_a_solve<T: C>() {
    let residual = (ROT_STOP_RESIDUAL, T::of(1e-3));
    let scaling = cfg!(feature = "scaling");
    if SMALL {
        sliced::<T>(7, 0, residual, 1, scaling);
        return sliced::<T>(3, 3, residual, 1, false);
    }
    for (rules, d) in (0..RULES).flat_map(|rules| [(rules, 0), (rules, 3)]) {
        // With a kernel: whether it is filled, and how often it failed, has to survive.
        for fast in if scaling { vec![false, true] } else { vec![false] } {
            for slice in [1, 3, 7, u64::MAX] {
                sliced::<T>(rules, d, residual, slice, fast);
                if rules > 0 && !has_ball(rules) {
                    sliced::<T>(rules, d, (ROT_STOP_CERTIFIED, T::of(0.5)), slice, fast);
                }
            }
            // To the floor of rounding: what tells it has to survive the slices too.
            sliced::<T>(rules, d, (ROT_STOP_RESIDUAL, T::MIN_POSITIVE), 1, fast);
        }
    }
}

fn states_are_checked_kept_and_copied<T: C>() {
    // Not begun.
    for call in [Call::Step, Call::Finish] {
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.put(s.args.state, empty_state::<T>());
        s.refused(ErrorKind::Kind, Argument::State);
    }
    // No sweeps: still running, and nothing but the error written.
    let mut s = Scene::<T>::new(Call::Step, 3, 4, 0);
    s.options(|o| o.max_iterations = 20);
    s.args.iterations = 0;
    let before = s.results();
    assert_eq!(s.accepted(), ROT_RUNNING);
    assert_eq!(s.results(), before);
    // Ended while running; then it is used up, for steps as for a second end.
    s.args.iterations = 1;
    assert_eq!(s.accepted(), ROT_RUNNING);
    s.call = Call::Finish;
    assert_eq!(s.accepted(), Termination::IterationLimit as i32);
    s.refused(ErrorKind::Kind, Argument::State);
    s.call = Call::Step;
    s.refused(ErrorKind::Kind, Argument::State);
    // The struct serves again.
    s.call = Call::Init;
    assert_eq!(s.accepted(), 0);
    s.call = Call::Step;
    assert_eq!(s.accepted(), ROT_RUNNING);

    // A copy of state, potentials and work goes on like the original.
    let mut original = Scene::<T>::new(Call::Step, 3, 4, 2);
    assert_eq!(original.accepted(), ROT_RUNNING);
    let mut copy = Scene::<T>::new(Call::Step, 3, 4, 2);
    copy.put(copy.args.state, original.get::<c::State<T>>(original.args.state));
    for name in ["f", "g", "work"] {
        copy.copy_bytes(copy.at(name), original.at(name), original.span(name));
    }
    for call in [Call::Step, Call::Finish] {
        (original.call, copy.call) = (call, call);
        assert_eq!(original.accepted(), copy.accepted());
        assert_eq!(original.results(), copy.results());
    }

    // A refused end leaves the solve as it was.
    let mut s = Scene::<T>::new(Call::Step, 3, 4, 0);
    s.accepted();
    s.call = Call::Finish;
    let f = core::mem::replace(&mut s.args.f, null_mut());
    s.refused(ErrorKind::Null, Argument::RowPotentials);
    s.args.f = f;
    assert_eq!(s.accepted(), Termination::IterationLimit as i32);
}

for_both_precisions! {
    interpreted {
        the_observer_sees_and_stops
        slices_give_the_bits_of_a_solve
        states_are_checked_kept_and_copied
    }
    compiled {}
}
