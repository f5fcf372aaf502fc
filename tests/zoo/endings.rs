//! How a solve can end, and what holds then.

use core::ops::ControlFlow;

use super::T;
use super::cases::{Case, SINGLE, Solved, all_bits, normalised, pattern};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Reference;
use robust_ot::report::{Progress, Report, Termination};
use robust_ot::sinkhorn::solve;

const KL: Rule<T> = Rule::Kl { tau: 0.5 };

fn options() -> Options<T> {
    Options::new()
}

fn residual(tolerance: T) -> Options<T> {
    options().stop(Stop::Residual(tolerance))
}

#[test]
fn converged() {
    let tolerance = if SINGLE { 1e-5 } else { 1e-9 };
    for case in Case::new(13, 9).families(0.5) {
        let solved = case.converges(&options());
        assert!(solved.report.residual <= tolerance, "{:?}", solved.report);
        assert_eq!(solved.report.epsilon, 0.1);
        // A looser tolerance takes fewer iterations, and holds too.
        let loose = case.converges(&residual(1e-2));
        assert!(loose.report.iterations < solved.report.iterations);
        assert!(loose.report.residual <= 1e-2);
    }
}

#[test]
fn certified() {
    for case in Case::new(13, 9).at(0.01).families(0.5) {
        if case.rows == Rule::Exact && case.cols == Rule::Exact {
            continue;
        }
        let target = if SINGLE { 0.2 } else { 0.15 };
        let solved = case.converges(&options().stop(Stop::Certified(target)));
        let report = solved.report;
        assert!(report.certified_distance <= target && report.gap >= 0.0, "{report:?}");
        let bound = report.unregularised_objective - report.certified_distance;
        assert!((report.lower_bound - bound).abs() <= 8.0 * T::EPSILON);
    }
}

/// The potentials are finite and good enough to go on from.
#[test]
fn iteration_limit() {
    // The smaller epsilon converges so slowly that the start must not be taken for the best.
    for epsilon in [0.02, 0.01] {
        for case in Case::new(13, 9).at(epsilon).families(0.5) {
            let whole = case.converges(&options()).report;
            for limit in [1, 2, 5] {
                let first = case.solve(&options().max_iterations(limit));
                case.inspect(&first);
                assert_eq!(first.report.termination, Termination::IterationLimit);
                assert_eq!(first.report.iterations, limit);
                assert!(!first.report.converged() && first.report.residual > 0.0);
                let rest = case.solve_from(&options().warm_start(true), first.f, first.g);
                case.inspect(&rest);
                assert!(rest.report.converged(), "{whole:?} {:?}", rest.report);
                let total = limit + rest.report.iterations;
                assert!(total <= whole.iterations + 2, "{total} {whole:?}");
            }
        }
    }
}

#[test]
fn limit_at_which_the_rule_holds() {
    let case = Case::new(13, 9);
    let needed = case.converges(&options()).report.iterations;
    assert!(case.solve(&options().max_iterations(needed)).report.converged());
    // A sweep learns of the potentials before it, so one iteration less gives the same answer.
    assert!(case.solve(&options().max_iterations(needed - 1)).report.converged());
    let report = case.solve(&options().max_iterations(needed - 2)).report;
    assert_eq!(report.termination, Termination::IterationLimit);
}

#[test]
fn stopped_by_the_observer() {
    for case in Case::new(13, 9).at(0.02).families(0.5) {
        let problem = case.problem().unwrap();
        for (every, calls) in [(1, 1), (1, 3), (7, 2)] {
            let (mut f, mut g, mut work) = (pattern(13), pattern(9), case.work());
            let mut seen: Vec<Progress<T>> = Vec::new();
            let mut observer = |progress: &Progress<T>| {
                seen.push(*progress);
                if seen.len() < calls { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            let options = options().check_every(every);
            let report =
                solve(&problem, &options, &mut f, &mut g, &mut work, &mut observer).unwrap();
            assert_eq!(report.termination, Termination::Stopped);
            assert!(!report.converged());
            assert_eq!(report.iterations, u64::from(every) * calls as u64);
            for (k, progress) in seen.iter().enumerate() {
                assert_eq!(progress.iterations, u64::from(every) * (k as u64 + 1));
                assert_eq!(progress.epsilon, 0.02);
                assert!(progress.residual > 0.0);
            }
            let stopped = Solved { f, g, report };
            case.inspect(&stopped);
            // The same state as at a limit of as many iterations.
            let limited = case.solve(&options.max_iterations(report.iterations));
            let one_exact = case.rows == Rule::Exact && case.cols != Rule::Exact;
            assert!(one_exact || all_bits(&limited).0 == all_bits(&stopped).0);
        }
    }
}

/// An observer that stops a solve which has converged changes nothing.
#[test]
fn the_observer_is_not_asked_at_the_end() {
    let case = Case::new(13, 9);
    let problem = case.problem().unwrap();
    let (mut f, mut g, mut work) = (pattern(13), pattern(9), case.work());
    let mut calls = 0;
    let mut count = |_: &Progress<T>| {
        calls += 1;
        ControlFlow::Continue(())
    };
    let options = options().check_every(3);
    let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut count).unwrap();
    assert!(report.converged());
    assert_eq!(calls, (report.iterations - 1) / 3);
}

#[test]
fn rounding_floor() {
    let floored = |case: &Case, options: &Options<T>| {
        let solved = case.solve(options);
        case.inspect(&solved);
        let report = solved.report;
        assert_eq!(report.termination, Termination::RoundingFloor, "{report:?}");
        assert!(!report.converged());
        assert!(report.residual <= 16.0 * report.rounding_floor, "{report:?}");
        solved
    };
    // A tolerance below rounding.
    for case in Case::new(13, 9).families(0.5) {
        floored(&case, &residual(T::EPSILON / 64.0));
    }
    if SINGLE {
        // Epsilon at 1e-4 of the range, where the floor is about 1e-3.
        let report = floored(&Case::line(50, 1e-4), &options()).report;
        assert!(report.rounding_floor > 1e-4 && report.rounding_floor < 1e-2);
    } else {
        let mut case = Case::new(13, 9);
        let plain = case.converges(&options());
        case.cost.iter_mut().for_each(|c| *c += 1e6);
        case.epsilon = 0.01;
        let solved = floored(&case, &options());
        assert!(solved.report.rounding_floor > 1e-9 && solved.report.rounding_floor < 1e-6);
        assert!((solved.report.transport_cost - plain.report.transport_cost - 1e6).abs() < 0.1);
    }
}

/// At the floor of rounding there is nothing left to gain: going on does not halve the residual.
#[test]
fn nothing_is_better_than_the_rounding_floor() {
    let options = residual(T::EPSILON / 64.0).max_iterations(20_000);
    let mut ended = 0;
    for epsilon in if SINGLE { [1e-3, 1e-4] } else { [1e-1, 1e-2] } {
        let case = Case::line(50, epsilon);
        let mut last = case.solve(&options);
        let Report { termination, residual: before, .. } = last.report;
        if termination == Termination::IterationLimit {
            continue;
        }
        assert_eq!(termination, Termination::RoundingFloor);
        ended += 1;
        for _ in 0..40 {
            last = case.solve_from(&options.warm_start(true), last.f, last.g);
        }
        assert!(last.report.residual > 0.5 * before, "{before:e} {:?}", last.report);
    }
    assert!(ended > 0);
}

/// Two exact sides and forbidden pairs that no plan can avoid: potentials run away.
#[test]
fn stalled() {
    let no = T::INFINITY;
    // Rows 0 and 1 can only go to column 0, which is too small for both (Hall's condition).
    let cost = vec![0.0, no, no, 0.0, no, no, 0.0, 0.0, 0.0];
    let third = || vec![1.0 / 3.0 as T; 3];
    for reference in [Reference::Counting, Reference::Product] {
        let data = Case { cost: cost.clone(), a: third(), b: third(), ..Case::new(3, 3) };
        let case = Case { reference, ..data };
        let solved = case.solve(&options());
        case.inspect(&solved);
        let report = solved.report;
        assert_eq!(report.termination, Termination::Stalled, "{report:?}");
        assert!(!report.converged() && report.residual > 0.1);
        assert!(report.iterations < 10_000);
        // Relaxed, the same data have a solution.
        for (rows, cols) in [(KL, Rule::Exact), (Rule::Exact, KL), (KL, KL)] {
            case.clone().rules(rows, cols).converges(&options());
        }
    }
    // The other way round, and with room for a plan.
    let turned = Case { cost: vec![0.0, 0.0, 0.0, no, no, 0.0, no, no, 0.0], ..Case::new(3, 3) };
    let turned = Case { a: third(), b: third(), ..turned };
    assert_eq!(turned.solve(&options()).report.termination, Termination::Stalled);
    let feasible = Case { a: vec![0.5, 0.25, 0.25], b: vec![0.25, 0.25, 0.5], ..turned };
    let solved = feasible.solve(&residual(1e-3));
    assert!(solved.report.converged(), "{:?}", solved.report);
}

/// Pairs may be forbidden and the first sums may overflow: a plan that exists is found, however
/// long it takes.
#[test]
fn forbidden_pairs_with_a_plan() {
    for offset in [0.0, -5.0, 5.0] {
        let mut case = Case::line(20, if SINGLE { 0.02 } else { 0.0015 });
        case.cost.iter_mut().for_each(|c| *c += offset);
        // The dearest pairs, of no use anyway.
        case.cost.iter_mut().filter(|c| **c > offset + 0.4).for_each(|c| *c = T::INFINITY);
        assert!(case.cost.contains(&T::INFINITY));
        let solved = case.solve(&residual(if SINGLE { 1e-3 } else { 1e-9 }));
        case.inspect(&solved);
        assert!(solved.report.converged(), "{offset}: {:?}", solved.report);
        assert!(SINGLE || solved.report.iterations > 2500, "{:?}", solved.report);
    }
}

/// Trusted data that must not be trusted end without a panic, in finite potentials, and never as
/// converged.
#[test]
fn numerical_trouble() {
    let trusting = options().trust_data(true).max_iterations(5000);
    for case in Case::new(5, 6).families(0.5) {
        for value in [T::NAN, -T::NAN, T::NEG_INFINITY] {
            for k in [0, 7, 29] {
                let mut case = case.clone();
                case.cost[k] = value;
                let solved = case.solve(&trusting);
                let report = solved.report;
                assert_eq!(report.termination, Termination::NumericalTrouble, "{value} {report:?}");
                assert!(!report.converged());
                assert!(solved.f.iter().chain(&solved.g).all(|x| x.is_finite()));
            }
        }
        // All costs NaN; all forbidden; a row without a partner.
        for (values, trouble) in
            [(vec![T::NAN; 30], true), (vec![T::INFINITY; 30], true), (vec![T::INFINITY; 6], false)]
        {
            let mut case = case.clone();
            case.cost[..values.len()].copy_from_slice(&values);
            let solved = case.solve(&trusting);
            assert!(!solved.report.converged(), "{:?}", solved.report);
            let ending = solved.report.termination;
            assert!(!trouble || ending == Termination::NumericalTrouble, "{ending:?}");
            assert!(!solved.f.iter().chain(&solved.g).any(|x| x.is_nan()));
        }
    }
}

/// Solves on trust with a bad weight on one side; masses that differ are refused on trust, too.
fn with_bad_weights(look: impl Fn(&Solved, &str)) {
    let trusting = options().trust_data(true).max_iterations(5000);
    for case in Case::new(5, 6).families(0.5) {
        for value in [T::NAN, -0.5, T::INFINITY, T::NEG_INFINITY] {
            for rows in [true, false] {
                let mut case = case.clone();
                let weights = if rows { &mut case.a } else { &mut case.b };
                weights[2] = value;
                let problem = case.problem().unwrap();
                let (mut f, mut g, mut work) = (pattern(5), pattern(6), case.work());
                let solved = solve(&problem, &trusting, &mut f, &mut g, &mut work, &mut ());
                if let Ok(report) = solved {
                    let what = format!("{value} in {weights:?}", weights = (&case.a, &case.b));
                    look(&Solved { f, g, report }, &what);
                }
            }
        }
        let mut case = case.clone();
        case.a.fill(0.0);
        case.b.fill(0.0);
        look(&case.solve(&trusting), "no weights");
    }
}

#[test]
fn bad_weights_on_trust_do_not_converge() {
    with_bad_weights(|solved, what| {
        assert!(!solved.report.converged(), "{what}: {:?}", solved.report)
    });
}

#[test]
fn bad_weights_on_trust_leave_no_nan() {
    with_bad_weights(|Solved { f, g, .. }, what| {
        assert!(!f.iter().chain(g).any(|x| x.is_nan()), "{what}: {f:?} {g:?}");
    });
}

#[test]
fn bad_starts_on_trust() {
    let trusting = options().trust_data(true).warm_start(true).max_iterations(5000);
    for case in Case::new(5, 6).families(0.5) {
        for value in [T::NAN, T::INFINITY, T::NEG_INFINITY, T::MAX, -T::MAX] {
            for k in 0..2 {
                let (mut f, mut g) = (vec![0.0; 5], vec![0.0; 6]);
                (if k == 0 { &mut f } else { &mut g })[3] = value;
                let solved = case.solve_from(&trusting, f, g);
                assert!(!solved.f.iter().chain(&solved.g).any(|x| x.is_nan()));
                if solved.report.converged() {
                    case.inspect(&solved);
                }
            }
        }
    }
}

/// The entropy keeps the certificate above the target, which only the run finds out.
#[test]
fn out_of_reach() {
    // Two equally near partners for each point: half a bit of entropy for each unit of mass, but
    // the range of the costs hides it from the check beforehand.
    let cost = |k: usize| if k / 6 / 2 == k % 6 / 2 { 0.0 } else { 1.0 };
    let cost: Vec<T> = (0..36).map(cost).collect();
    let (a, b) = (normalised([1.0; 6]), normalised([1.0; 6]));
    let case = Case { cost, a, b, epsilon: 0.05, ..Case::new(6, 6) };
    let certified = |target| options().stop(Stop::Certified(target));
    for case in case.families(0.5) {
        if case.rows == Rule::Exact && case.cols == Rule::Exact {
            continue;
        }
        let solved = case.solve(&certified(0.01));
        case.inspect(&solved);
        let report = solved.report;
        assert_eq!(report.termination, Termination::OutOfReach, "{case:?} {report:?}");
        assert!(!report.converged());
        assert!(report.gap < 1e-5 && report.certified_distance > 0.01, "{report:?}");
    }
}

/// Nothing that is NaN is ever converged, whatever the report says of its ending.
#[test]
fn nan_is_never_converged() {
    let good = Case::new(3, 4).rules(KL, KL).converges(&options()).report;
    let spoil: [fn(&mut Report<T>); 12] = [
        |r| r.residual = T::NAN,
        |r| r.transport_cost = T::NAN,
        |r| r.entropy = T::NAN,
        |r| r.row_penalty = T::NAN,
        |r| r.col_penalty = T::NAN,
        |r| r.objective = T::NAN,
        |r| r.dual_value = T::NAN,
        |r| r.gap = T::NAN,
        |r| r.lower_bound = T::NAN,
        |r| r.certified_distance = T::NAN,
        |r| r.mass = T::NAN,
        |r| r.log_mass = T::NAN,
    ];
    for spoil in spoil {
        let mut report = good;
        spoil(&mut report);
        assert!(good.converged() && !report.converged());
    }
    for termination in Termination::ALL {
        let mut report = good;
        report.termination = termination;
        assert_eq!(report.converged(), termination == Termination::Converged);
    }
}
