//! A solve in slices, and what its work and potentials held before.

use core::ops::ControlFlow;

use super::T;
use super::cases::{Case, Solved, all_bits, pattern};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::report::{Progress, Termination};
use robust_ot::sinkhorn::{Sinkhorn, solve};

fn options() -> Options<T> {
    Options::new()
}

fn cases() -> Vec<Case> {
    Case::new(13, 9).at(0.02).families(0.5)
}

/// init, single steps and finish.
fn stepped(case: &Case, options: &Options<T>, steps: u64) -> Solved {
    let problem = case.problem().unwrap();
    let (mut f, mut g, mut work) = (pattern(case.n), pattern(case.m), case.work());
    let mut solver = Sinkhorn::new(&problem, options, &mut f, &mut g, &mut work).unwrap();
    for k in 1..=steps {
        let ended = solver.step(1);
        assert_eq!(ended, solver.state().termination());
        assert_eq!(solver.state().iterations(), k);
        assert_eq!(solver.progress().iterations, k);
        assert_eq!(solver.progress().residual, solver.state().residual());
    }
    let report = solver.finish();
    Solved { f, g, report }
}

#[test]
fn single_steps_are_a_solve() {
    for case in cases() {
        for options in [
            options().max_iterations(25),
            options().max_iterations(25).check_every(1),
            options(),
            options().stop(Stop::Residual(1e-3)),
        ] {
            let whole = case.solve(&options);
            let steps = stepped(&case, &options, whole.report.iterations);
            assert_eq!(all_bits(&steps), all_bits(&whole));
        }
    }
}

/// Who stops stepping gets what a limit of iterations gives. (With only the rows exact, the limit
/// updates them once more.)
#[test]
fn steps_that_end_early() {
    for case in cases() {
        let whole = case.solve(&options().max_iterations(25));
        let steps = stepped(&case, &options(), 25);
        assert_eq!(steps.report.termination, Termination::IterationLimit);
        if case.rows == Rule::Exact && case.cols != Rule::Exact {
            case.inspect(&steps);
        } else {
            assert_eq!(all_bits(&steps), all_bits(&whole));
        }
        // No step at all leaves the start.
        let none = stepped(&case, &options(), 0);
        assert_eq!(none.report.iterations, 0);
        assert!(!none.report.converged());
        case.inspect(&none);
    }
}

/// When the checks happen does not matter to a residual.
#[test]
fn the_interval_of_checks_changes_nothing() {
    for case in cases() {
        let every = case.solve(&options());
        for interval in [1, 3, 1000, u32::MAX] {
            let other = case.solve(&options().check_every(interval));
            assert_eq!(all_bits(&every), all_bits(&other));
        }
    }
}

/// Stop, keep the state, move all buffers elsewhere, go on: the same bits.
#[test]
fn a_moved_solve_goes_on() {
    for case in cases() {
        let problem = case.problem().unwrap();
        let options = options();
        let whole = case.solve(&options);
        for pause in [0, 1, 7] {
            let (mut f, mut g) = (pattern(case.n), pattern(case.m));
            // Work that begins at another address each time.
            let mut buffer = vec![T::NAN; case.work().len() + 16];
            let used = case.work().len();
            let mut solver =
                Sinkhorn::new(&problem, &options, &mut f, &mut g, &mut buffer[3..3 + used]);
            let solver = solver.as_mut().unwrap();
            assert_eq!(solver.step(pause), None);
            let mut state = solver.state();
            for start in [0, 1, 5, 16] {
                let (mut f2, mut g2) = (f.clone(), g.clone());
                let mut moved = vec![T::NAN; used + 16];
                moved[start..start + used].copy_from_slice(&buffer[3..3 + used]);
                let work = &mut moved[start..start + used];
                let mut solver =
                    Sinkhorn::resume(&problem, &options, &mut f2, &mut g2, work, state).unwrap();
                assert_eq!(solver.step(2), None);
                state = solver.state();
                (f, g) = (f2, g2);
                buffer[3..3 + used].copy_from_slice(&moved[start..start + used]);
            }
            let work = &mut buffer[3..3 + used];
            let mut solver =
                Sinkhorn::resume(&problem, &options, &mut f, &mut g, work, state).unwrap();
            while solver.step(1).is_none() {}
            let report = solver.finish();
            assert_eq!(all_bits(&Solved { f, g, report }), all_bits(&whole));
        }
    }
}

#[test]
fn resuming_checks_lengths() {
    let case = Case::new(3, 4);
    let (problem, options) = (case.problem().unwrap(), options());
    let (mut f, mut g, mut work) = (pattern(3), pattern(4), case.work());
    let state = Sinkhorn::new(&problem, &options, &mut f, &mut g, &mut work).unwrap().state();
    let mut refused = |n: usize, m: usize, less: usize| {
        let (mut f, mut g) = (pattern(n), pattern(m));
        let work = &mut work[less..];
        let error = Sinkhorn::resume(&problem, &options, &mut f, &mut g, work, state).err();
        assert!(f == pattern(n) && g == pattern(m));
        error.map(|error| (error.kind, error.argument))
    };
    assert_eq!(refused(2, 4, 0), Some((ErrorKind::Shape, Argument::RowPotentials)));
    assert_eq!(refused(3, 5, 0), Some((ErrorKind::Shape, Argument::ColPotentials)));
    assert_eq!(refused(3, 4, 1), Some((ErrorKind::WorkTooSmall, Argument::Work)));
    assert_eq!(refused(3, 4, 0), None);
}

/// A step after the end does nothing, and so does a second stop.
#[test]
fn steps_after_the_end() {
    for case in cases() {
        let (problem, options) = (case.problem().unwrap(), options());
        let whole = case.solve(&options);
        let (mut f, mut g, mut work) = (pattern(13), pattern(9), case.work());
        let mut solver = Sinkhorn::new(&problem, &options, &mut f, &mut g, &mut work).unwrap();
        assert_eq!(solver.step(u64::MAX), Some(Termination::Converged));
        assert_eq!(solver.step(5), Some(Termination::Converged));
        solver.stop();
        assert_eq!(solver.state().termination(), Some(Termination::Converged));
        let report = solver.finish();
        assert_eq!(all_bits(&Solved { f, g, report }), all_bits(&whole));
    }
}

/// What the work held before does not matter, nor where it begins, nor how much more there is;
/// neither do the potentials before a cold start.
#[test]
fn what_was_there_before() {
    let huge = T::MAX / 2.0;
    let places = [(0, 0), (1, 1), (2, 100), (5, 0), (3, 7)];
    let held = [0.0, T::NAN, huge, -huge, T::INFINITY];
    for case in cases() {
        let problem = case.problem().unwrap();
        for options in [options(), options().max_iterations(7), options().trust_data(true)] {
            // The solution and all that an observer sees on the way.
            let run = |(fill, (start, more)): (T, (usize, usize))| {
                let mut buffer = vec![fill; start + case.work().len() + more];
                let (mut f, mut g) = (vec![fill; 13], vec![-fill; 9]);
                let mut seen = String::new();
                let mut observer = |progress: &Progress<T>| {
                    seen += &format!("{progress:?}");
                    ControlFlow::Continue(())
                };
                let (options, work) = (options.check_every(1), &mut buffer[start..]);
                let report =
                    solve(&problem, &options, &mut f, &mut g, work, &mut observer).unwrap();
                (all_bits(&Solved { f, g, report }), seen)
            };
            let mut runs = held.into_iter().zip(places).map(run);
            let expected = runs.next().unwrap();
            assert!(runs.all(|found| found == expected));
        }
    }
}
