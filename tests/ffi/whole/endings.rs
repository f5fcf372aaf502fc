//! How a solve ends, and what it takes where nothing is said.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use core::ptr::null_mut;

use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_STOP_CERTIFIED, ROT_TRUST_DATA};
use robust_ot::report::Termination;

use super::calls::{C, Call, for_both_precisions};
use super::initial::default_options;
use super::scene::Scene;

unsafe extern "C" fn stop_at_once<T>(_: *mut c_void, _: *const c::Progress<T>) -> i32 {
    -7
}

/// One of each; a new ending needs a line here.
fn every_ending_is_reached<T: C>() {
    let calls = [Call::Solve, Call::Anneal];
    for (call, ending) in calls.into_iter().flat_map(|c| Termination::ALL.map(|e| (c, e))) {
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.put(s.args.options, default_options::<T>());
        match ending {
            Termination::Converged => {}
            Termination::IterationLimit => s.options(|o| o.max_iterations = 1),
            Termination::Stopped => {
                s.options(|o| o.check_every = 1);
                s.options(|o| o.observe = Some(stop_at_once::<T>));
            }
            Termination::RoundingFloor => s.options(|o| o.tolerance = T::MIN_POSITIVE),
            Termination::Stalled => {
                // The mass of three rows has to go through one column of too little.
                s.balance();
                s.fill(s.at("cost"), &[T::INFINITY; 12]);
                for k in [0, 4, 8, 9, 10, 11] {
                    s.set("cost", k, T::ZERO);
                }
                s.options(|o| o.tolerance = T::of(1e-3));
            }
            Termination::NumericalTrouble => {
                s.set("cost", 6, T::NAN);
                s.options(|o| o.flags = ROT_TRUST_DATA);
            }
            Termination::OutOfReach => {
                s.options(|o| (o.stop, o.tolerance) = (ROT_STOP_CERTIFIED, T::of(1e-2)));
            }
            _ => panic!("{ending:?} has no example here"),
        }
        assert_eq!(s.accepted(), ending as i32, "{call:?} {ending:?}");
        let report: c::Report<T> = s.get(s.args.report);
        assert_eq!(report.converged, u32::from(ending == Termination::Converged));
        for (name, len) in [("f", 3), ("g", 4)] {
            for (k, x) in s.slice(name, len).into_iter().enumerate() {
                assert!(x.is_finite(), "{ending:?}: {name}[{k}] is {x}");
            }
        }
    }
}

/// Data that was to be trusted and should not have been: an ending, never convergence.
fn trusted_data_ends_without_convergence<T: C>() {
    let mut converged = Vec::new();
    for (name, len) in [("a", 3), ("b", 4), ("cost", 12), ("x", 6), ("y", 8)] {
        // Costs may be infinite, points and costs negative.
        let bad: &[f64] = match name {
            "a" | "b" => &[f64::NAN, -1.0, -f64::INFINITY, f64::INFINITY],
            "cost" => &[f64::NAN, -f64::INFINITY],
            _ => &[f64::NAN, -f64::INFINITY, f64::INFINITY],
        };
        for &bad in bad {
            for k in [0, len - 1] {
                let d = if matches!(name, "x" | "y") { 2 } else { 0 };
                let s = Scene::<T>::new(Call::Solve, 3, 4, d);
                s.options(|o| (o.flags, o.max_iterations) = (ROT_TRUST_DATA, 1000));
                s.set(name, k, T::of(bad));
                let status = s.accepted();
                let report: c::Report<T> = s.get(s.args.report);
                if status == 0 || report.converged != 0 {
                    converged.push((name, k, bad));
                }
            }
        }
    }
    assert!(converged.is_empty(), "{converged:?}");
}

/// What the initialisers hold is what a missing struct means.
fn defaults<T: C>() {
    let solve = |options: Option<c::Options<T>>| {
        let mut s = Scene::<T>::new(Call::Solve, 2, 2, 0);
        s.balance();
        s.fill(s.at("cost"), &[0.0, 1.3, 1.0, 0.3].map(T::of));
        // So slow that the limit comes first.
        s.problem(|p| p.epsilon = T::ONE / T::of(if size_of::<T>() == 8 { 13.0 } else { 11.0 }));
        match options {
            Some(options) => s.put(s.args.options, options),
            None => s.args.options = null_mut(),
        }
        let status = s.accepted();
        (status, s.get::<c::Report<T>>(s.args.report).iterations, s.results())
    };
    let missing = solve(None);
    assert_eq!(missing, solve(Some(default_options())));
    if size_of::<T>() == 8 {
        assert_eq!((missing.0, missing.1), (Termination::IterationLimit as i32, 100_000));
    }
    // A struct that ends before `check_every`: the first look at the certificate is the tenth
    // sweep.
    let s = Scene::<T>::new(Call::Solve, 3, 4, 0);
    let (stop, tolerance) = (ROT_STOP_CERTIFIED, T::of(0.9));
    s.put(s.args.options, c::Options { stop, tolerance, ..default_options::<T>() });
    s.put(s.args.options, offset_of!(c::Options<T>, check_every) as u32);
    assert_eq!(s.accepted(), 0);
    assert_eq!(s.get::<c::Report<T>>(s.args.report).iterations, 10);
}

fn certifiable_epsilon<T: C>() {
    for target in [0.5, 1e-2] {
        let mut s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
        s.args.target = T::of(target);
        assert_eq!(s.accepted(), 0);
        let epsilon: T = s.get(s.args.value);
        // Solved at that epsilon, the target is certified.
        let solved = Scene::<T>::new(Call::Solve, 3, 4, 0);
        solved.problem(|p| p.epsilon = epsilon);
        let (stop, tolerance) = (ROT_STOP_CERTIFIED, T::of(target));
        solved.options(|o| (o.stop, o.tolerance, o.max_iterations) = (stop, tolerance, 10_000));
        assert_eq!(solved.accepted(), 0);
        let report: c::Report<T> = solved.get(solved.args.report);
        assert!(report.certified_distance <= T::of(target));
    }
}

for_both_precisions! {
    interpreted {}
    compiled {
        every_ending_is_reached
        trusted_data_ends_without_convergence
        defaults
        certifiable_epsilon
    }
}
