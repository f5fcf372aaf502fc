//! Total variation and boxes: against an independent solver, plain loops, linear programs, and their
//! limits.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::case::{Case, Number, Solved, convert, normalise};
use common::ranges::{dual, penalty, stored, unregularised};
use robust_ot::cost::Dense;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Termination;
use robust_ot::view::Mat;

const TV: Rule<f64> = Rule::Tv { tau: 0.2 };
const BOX: Rule<f64> = Rule::Box { lower: 0.6, upper: 1.3 };

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, x| m.max(x.abs()))
}

fn close(what: &str, found: &[f64], expected: &[f64], bound: f64) {
    for (k, (x, y)) in found.iter().zip(expected).enumerate() {
        let off = (x - y).abs();
        assert!(off <= bound, "{what}[{k}]: {x:e} against {y:e}, off by {off:e} > {bound:e}");
    }
}

fn against_stored<T: Number>(residual: f64, tolerance: impl Fn(f64) -> f64) {
    for stored in stored() {
        let case: Case<T> = stored.case.to();
        let stop = Stop::Residual(T::from_f64(residual));
        let options = Options::new().stop(stop).max_iterations(1_000_000);
        let solved = case.solve_with(&options, None).unwrap();
        let report = &solved.report;
        println!(
            "{}: {:?} after {} iterations, residual {:e}",
            stored.name,
            report.termination,
            report.iterations,
            report.residual.to_f64()
        );
        assert!(report.iterations < 100_000);
        let max_cost = largest(&stored.case.cost);
        let bound = tolerance(max_cost / stored.case.epsilon);
        let name = &stored.name;
        let entries = bound * largest(&stored.plan);
        close(&format!("{name} plan"), &convert::<T, f64>(&solved.plan), &stored.plan, entries);
        let sums = bound * largest(&stored.row_marginal).max(largest(&stored.col_marginal));
        close(&format!("{name} rows"), &convert::<T, f64>(&solved.r), &stored.row_marginal, sums);
        close(
            &format!("{name} columns"),
            &convert::<T, f64>(&solved.c),
            &stored.col_marginal,
            sums,
        );
        let mass: f64 = stored.row_marginal.iter().sum();
        for (what, found, expected) in [
            ("transport cost", report.transport_cost, stored.transport_cost),
            ("objective", report.objective, stored.objective),
        ] {
            let scale = expected.abs().max(max_cost * mass);
            close(&format!("{name} {what}"), &[found.to_f64()], &[expected], bound * scale);
        }
    }
}

#[test]
fn stored_optima_in_f64() {
    against_stored::<f64>(1e-12, |_| 1e-9);
}

#[test]
fn stored_optima_in_f32() {
    against_stored::<f32>(1e-6, |ratio| 8.0 * 6e-8 * ratio.max(1.0) + 2e-6);
}

/// The potentials of a side at a shift, as the rule's own: those of the caller.
fn moved(f: &[f64], t: f64) -> Vec<f64> {
    f.iter().map(|f| f + t).collect()
}

fn entropy(case: &Case<f64>, plan: &[f64]) -> f64 {
    let log = |i: usize| match case.reference {
        Reference::Counting => 0.0,
        Reference::Product => (case.a[i / case.m] * case.b[i % case.m]).ln(),
    };
    let positive = plan.iter().enumerate().filter(|(_, x)| **x > 0.0);
    positive.map(|(i, x)| x * (x.ln() - log(i) - 1.0)).sum()
}

/// <C, X> + Phi_row + Phi_col.
fn objective(case: &Case<f64>, solved: &Solved<f64>) -> f64 {
    let transport: f64 = case.cost.iter().zip(&solved.plan).map(|(c, x)| c * x).sum();
    transport + penalty(case.rows, &solved.r, &case.a) + penalty(case.cols, &solved.c, &case.b)
}

/// Far from the optimum, so that the gap is no rounding: it is the primal value less the dual one.
#[test]
fn the_gap_is_primal_minus_dual() {
    let mut seen = 0;
    for stored in stored() {
        let case = &stored.case;
        for iterations in [1, 3, 8] {
            let options = Options::new().max_iterations(iterations);
            let solved = case.solve_with(&options, None).unwrap();
            let report = solved.report;
            let epsilon = case.epsilon;
            let mass: f64 = solved.plan.iter().sum();
            let primal = objective(case, &solved) + epsilon * entropy(case, &solved.plan);
            let bound = 1e-12 * (1.0 + primal.abs() + mass);
            close(&stored.name, &[report.objective], &[primal], bound);
            // The best constant shift is part of a certificate: none that we try is better.
            let mut best = f64::NEG_INFINITY;
            for k in -400..=400 {
                let t = f64::from(k) * 1e-3;
                let (f, g) = (moved(&solved.f, t), moved(&solved.g, -t));
                let outside = |rule: Rule<f64>, f: &[f64]| match rule {
                    Rule::Tv { tau } => f.iter().any(|f| *f < -tau - 1e-12 && f.is_finite()),
                    _ => false,
                };
                if !outside(case.rows, &f) && !outside(case.cols, &g) {
                    let value = dual(case.rows, &f, &case.a) + dual(case.cols, &g, &case.b);
                    best = best.max(value - epsilon * mass);
                }
            }
            assert!(report.dual_value >= best - bound, "{}: a better shift exists", stored.name);
            assert!(report.dual_value <= stored.objective + bound, "{}: no bound", stored.name);
            if report.gap.is_finite() {
                let gap = primal - report.dual_value;
                close(&format!("{} gap", stored.name), &[report.gap], &[gap], 1e-11 * (1.0 + mass));
                seen += usize::from(report.gap > 1e-6);
            }
        }
    }
    assert!(seen >= 12, "{seen} gaps are larger than rounding");
}

/// The certified bound against linear programs, from the first iteration to the last.
#[test]
fn lower_bounds_hold_for_linear_programs() {
    let mut bounds = 0;
    for (name, mut case, optimum) in unregularised() {
        for reference in [Reference::Counting, Reference::Product] {
            // Against the product a zero weight has no mass at any price: another problem.
            if reference == Reference::Product && case.a.contains(&0.0) {
                continue;
            }
            case.reference = reference;
            for (epsilon, iterations) in [(0.1, 1), (0.1, 5), (0.1, 2000), (0.01, 3), (0.01, 5000)]
            {
                case.epsilon = epsilon;
                let options = Options::new().max_iterations(iterations);
                let solved = case.solve_with(&options, None).unwrap();
                let report = solved.report;
                let bound = report.lower_bound;
                assert!(bound <= optimum + 1e-9, "{name}: {bound} above the optimum {optimum}");
                if report.certified_distance.is_finite() {
                    let value = report.unregularised_objective;
                    close(&name, &[value], &[objective(&case, &solved)], 1e-11);
                    assert!(value >= optimum - 1e-7, "{name}: {value} below the optimum {optimum}");
                    close(&name, &[value - bound], &[report.certified_distance], 1e-12);
                }
                // No looser than the entropy of the whole plan.
                if iterations > 1000 && bound > optimum - 1.2 * 5.0 * epsilon {
                    bounds += 1;
                }
            }
        }
    }
    assert!(bounds >= 60, "{bounds} bounds say something");
}

#[test]
fn a_target_is_certified_where_one_side_is_soft_and_the_other_bounded() {
    let mut certified = 0;
    for (name, mut case, optimum) in unregularised() {
        let target = 0.05;
        case.epsilon = 0.1;
        let stop = Stop::Certified(target);
        let options = Options::new().stop(stop).max_iterations(20_000);
        let epsilon = {
            let cost = Dense::new(Mat::new(&case.cost, case.n, case.m).unwrap());
            let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
            let problem = Problem::<f64, _>::new(cost, sides.0, sides.1, case.epsilon).unwrap();
            problem.certifiable_epsilon(target)
        };
        let soft = [case.rows, case.cols].iter().any(|rule| matches!(rule, Rule::Tv { .. }));
        assert_eq!(epsilon.is_some(), soft, "{name}");
        let Some(epsilon) = epsilon else {
            let error = case.solve_with(&options, None).unwrap_err();
            assert_eq!((error.kind, error.argument), (ErrorKind::NoCertificate, Argument::Stop));
            continue;
        };
        case.epsilon = epsilon;
        let solved = case.solve_with(&options, None).unwrap();
        assert_eq!(solved.report.termination, Termination::Converged, "{name}");
        let value = objective(&case, &solved);
        assert!(value - optimum <= target && value >= optimum - 1e-7, "{name}: {value} {optimum}");
        certified += 1;
    }
    assert!(certified >= 20, "{certified}");
}

fn base(seed: u64, rules: (Rule<f64>, Rule<f64>)) -> Case<f64> {
    Case::random(seed, (6, 5), rules)
}

fn same_plan(what: &str, x: &Case<f64>, y: &Case<f64>) {
    close(what, &x.solve().plan, &y.solve().plan, 1e-11);
}

#[test]
fn limits() {
    for seed in 0..4 {
        let exact = base(seed, (Rule::Exact, Rule::Exact));
        let with = |rows| Case { rows, ..exact.clone() };
        same_plan("a high price", &with(Rule::Tv { tau: 50.0 }), &exact);
        same_plan("a box of one point", &with(Rule::Box { lower: 1.0, upper: 1.0 }), &exact);
        let near = with(Rule::Box { lower: 1.0, upper: 1.0 + 1e-13 });
        same_plan("nearly that", &near, &exact);
        // A free side: each column spreads by its own soft minimum.
        let free = with(Rule::Box { lower: 0.0, upper: f64::INFINITY }).solve();
        for j in 0..exact.m {
            let weights: Vec<f64> = (0..exact.n)
                .map(|i| (-exact.cost[i * exact.m + j] / exact.epsilon).exp())
                .collect();
            let sum: f64 = weights.iter().sum();
            for (i, w) in weights.iter().enumerate() {
                close("free", &[free.plan[i * exact.m + j]], &[exact.b[j] * w / sum], 1e-13);
            }
        }
        // Next to no price: nothing is worth moving (exp((2 tau - C) / epsilon) is left).
        let tau = 1e-4;
        let mut dropped = base(seed, (Rule::Tv { tau }, Rule::Tv { tau }));
        dropped.epsilon = 0.002;
        dropped.cost.iter_mut().for_each(|c| *c += 0.2);
        let dropped = dropped.solve();
        assert!(dropped.report.mass < 1e-30, "{:e}", dropped.report.mass);
        assert!(dropped.report.converged() && (dropped.report.objective - 2.0 * tau).abs() < 1e-12);
    }
}

/// One entry on each side: X = exp((f + g - C) / epsilon) by hand.
#[test]
fn a_single_entry() {
    for (rows, cols, a, b, cost, expected) in [
        // Held at the weight; dropped to the corner exp((2 tau - C) / epsilon); made up to 1.5.
        (TV, Rule::Exact, 1.0, 1.0, 0.3, 1.0),
        (TV, Rule::Exact, 1.0, 1.5, 0.3, 1.5),
        (TV, TV, 1.0, 1.0, 0.7, (-0.3_f64 / 0.1).exp()),
        (TV, TV, 1.0, 1.0, 0.2, 1.0),
        (BOX, Rule::Exact, 1.0, 1.2, 0.3, 1.2),
        (BOX, TV, 1.0, 2.0, 0.1, 1.3),
        (BOX, TV, 1.0, 2.0, 5.0, 0.6),
        (BOX, BOX, 1.0, 2.0, 0.3, 1.2),
    ] {
        let mut case = Case::random(1, (1, 1), (rows, cols));
        (case.a, case.b, case.cost) = (vec![a], vec![b], vec![cost]);
        for reference in [Reference::Counting, Reference::Product] {
            case.reference = reference;
            let corner = rows == TV && cols == TV && cost == 0.7;
            let scale = if corner && reference == Reference::Product { a * b } else { 1.0 };
            let solved = case.solve();
            assert!(solved.report.residual < 1e-13, "{rows:?} {cols:?}");
            close("X", &solved.plan, &[expected * scale], 1e-12);
        }
    }
}

/// A zero weight costs tau for each unit that it takes: against the counting measure it takes some.
#[test]
fn zero_weights() {
    let mut case = base(3, (Rule::Tv { tau: 0.1 }, Rule::Exact));
    case.a[2] = 0.0;
    let solved = case.solve();
    for j in 0..case.m {
        let x = ((-0.1 + solved.g[j] - case.cost[2 * case.m + j]) / case.epsilon).exp();
        assert!(x > 1e-6);
        close("X", &[solved.plan[2 * case.m + j]], &[x], 1e-14);
    }
    case.reference = Reference::Product;
    assert_eq!(case.solve().r[2], 0.0);
    for rows in [BOX, Rule::Box { lower: 0.0, upper: f64::INFINITY }] {
        for reference in [Reference::Counting, Reference::Product] {
            (case.rows, case.reference) = (rows, reference);
            normalise(&mut case.a, 1.0);
            let solved = case.solve();
            assert_eq!((solved.r[2], solved.f[2]), (0.0, f64::NEG_INFINITY));
            assert!(solved.report.residual < 1e-10);
        }
    }
}

/// Kept kernels and annealing with Newton's method make no difference.
#[test]
fn every_sweep_finds_the_same_plan() {
    use robust_ot::options::Sweep;
    use robust_ot::sinkhorn::{fast_work_len, solve};
    for stored in stored() {
        let case = &stored.case;
        let (n, m) = (case.n, case.m);
        let cost = Dense::new(Mat::new(&case.cost, n, m).unwrap());
        let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
        let problem = Problem::<f64, _>::new(cost, sides.0, sides.1, case.epsilon).unwrap();
        let problem = problem.reference(case.reference);
        let options = Options::new().stop(Stop::Residual(1e-12)).max_iterations(100_000);
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
        let mut work = vec![0.0; fast_work_len(n, m, 0)];
        let kept = options.sweep(Sweep::Scaling);
        let report = solve(&problem, &kept, &mut f, &mut g, &mut work, &mut ()).unwrap();
        assert!(report.converged(), "{}", stored.name);
        let solved = case.solved(f, g, report);
        close(&stored.name, &solved.plan, &stored.plan, 1e-9 * largest(&stored.plan));

        let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
        let newton = Some(robust_ot::implicit::Method::Direct);
        let annealed = robust_ot::anneal::Options::new().solve(options).newton(newton);
        let mut work = vec![0.0; robust_ot::anneal::work_len(n, m, 0, newton)];
        let found =
            robust_ot::anneal::solve(&problem, &annealed, &mut f, &mut g, &mut work, &mut ())
                .unwrap();
        println!(
            "{}: plain {}, {} sweeps, {} steps",
            stored.name, report.iterations, found.report.iterations, found.newton_steps
        );
        assert!(found.report.converged(), "{}", stored.name);
        let solved = case.solved(f, g, found.report);
        close(&stored.name, &solved.plan, &stored.plan, 1e-9 * largest(&stored.plan));
    }
}

const PATTERN: f64 = 7.25;

/// Refused before anything but work is written.
fn refused(case: &Case<f64>, options: &Options<f64>, kind: ErrorKind, argument: Argument) {
    use robust_ot::sinkhorn::{solve, work_len};
    let (n, m) = (case.n, case.m);
    let cost = Dense::new(Mat::new(&case.cost, n, m).unwrap());
    let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
    let found = Problem::<f64, _>::new(cost, sides.0, sides.1, case.epsilon).and_then(|problem| {
        let (mut f, mut g) = (vec![PATTERN; n], vec![PATTERN; m]);
        let mut work = vec![0.0; work_len(n, m, 0)];
        let found = solve(&problem, options, &mut f, &mut g, &mut work, &mut ());
        assert!(f.iter().chain(&g).all(|&x| x == PATTERN), "an output was written");
        found
    });
    let error = found.expect_err("this has to be refused");
    assert_eq!((error.kind, error.argument), (kind, argument), "{:?} {:?}", case.rows, case.cols);
}

#[test]
fn refusals() {
    let options = Options::new();
    let sides = |rule: Rule<f64>, kind| {
        let (first, second) = (base(1, (rule, Rule::Exact)), base(1, (Rule::Exact, rule)));
        refused(&first, &options, kind, Argument::RowRule);
        refused(&second, &options, kind, Argument::ColRule);
    };
    for tau in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        sides(Rule::Tv { tau }, ErrorKind::Tau);
    }
    for (lower, upper) in [
        (-0.1, 1.0),
        (f64::NAN, 1.0),
        (0.5, f64::NAN),
        (1.2, 1.1),
        (0.0, 0.0),
        (f64::INFINITY, f64::INFINITY),
    ] {
        sides(Rule::Box { lower, upper }, ErrorKind::Range);
    }
    // Both sides have unit mass: boxes above and below it, and two that do not meet.
    let (low, high) = (Rule::Box { lower: 0.2, upper: 0.9 }, Rule::Box { lower: 1.1, upper: 2.0 });
    sides(low, ErrorKind::MassRange);
    sides(high, ErrorKind::MassRange);
    refused(&base(1, (low, high)), &options, ErrorKind::MassRange, Argument::RowRule);
    let ball = Rule::L2Ball { radius2: 0.01, entropy: 0.1 };
    refused(&base(1, (ball, high)), &options, ErrorKind::MassRange, Argument::ColRule);
    // A pair that bounds neither entropy nor objective has no certificate.
    let certified = options.stop(Stop::Certified(0.1));
    let free = Rule::Box { lower: 0.0, upper: f64::INFINITY };
    for rules in [(TV, TV), (TV, Rule::Kl { tau: 0.1 }), (BOX, Rule::Exact), (BOX, BOX), (free, TV)]
    {
        refused(&base(1, rules), &certified, ErrorKind::NoCertificate, Argument::Stop);
        let case = base(1, rules);
        let cost = Dense::new(Mat::new(&case.cost, case.n, case.m).unwrap());
        let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
        let problem = Problem::<f64, _>::new(cost, sides.0, sides.1, 0.1).unwrap();
        let error = problem.unit_mass().err().unwrap();
        assert_eq!((error.kind, error.argument), (ErrorKind::UnitMassRule, Argument::RowRule));
    }
}

/// Next to balls, whose side has unit mass.
#[test]
fn beside_balls() {
    let ball = Rule::L2Ball { radius2: 0.01, entropy: 0.1 };
    for other in [TV, BOX] {
        for rules in [(other, ball), (ball, other)] {
            let solved = base(2, rules).solve();
            assert!(solved.report.residual < 1e-10, "{rules:?}: {:e}", solved.report.residual);
            assert!((solved.report.mass - 1.0).abs() < 1e-9);
        }
    }
}
