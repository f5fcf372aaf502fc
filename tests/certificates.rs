//! What a report says of the potentials, against plain loops over the problem data, and its
//! certificate against stored optima of the unregularised problems.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use std::sync::LazyLock;

use common::unregularised::{Instance, unregularised};
use robust_ot::cost::Dense;
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::{Report, Termination};
use robust_ot::sinkhorn::{Sinkhorn, solve, work_len};
use robust_ot::view::Mat;

/// Relative KKT residual of a converged run.
const RESIDUAL: f64 = 1e-11;
/// Enough for all instances: the slowest takes 48,358.
const ITERATIONS: u64 = 200_000;
/// Rounding of a value, in units of u (1 + (max C + max f + max g) / epsilon) times the largest
/// term of its sum: measured 0.52.
const ROUNDING: f64 = 4.0;

struct Solved {
    report: Report<f64>,
    f: Vec<f64>,
    g: Vec<f64>,
}

fn problem(i: &Instance, reference: Reference) -> Problem<'_, f64, Dense<'_, f64>> {
    let cost = Dense::new(Mat::new(&i.cost, i.rows, i.cols).unwrap());
    let problem = Problem::new(cost, (&i.a, i.row), (&i.b, i.col), i.epsilon).unwrap();
    let problem = if i.unit_mass { problem.unit_mass().unwrap() } else { problem };
    problem.reference(reference)
}

fn run(i: &Instance, reference: Reference, stop: Stop<f64>, most: u64) -> Result<Solved, Error> {
    let options = Options::new().stop(stop).max_iterations(most);
    let (mut f, mut g) = (vec![0.0; i.rows], vec![0.0; i.cols]);
    let mut work = vec![0.0; work_len(i.rows, i.cols, 0)];
    let problem = problem(i, reference);
    let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ())?;
    Ok(Solved { report, f, g })
}

/// What the mathematics says of potentials f, g.
#[derive(Debug)]
struct Truth {
    objective: f64,
    unregularised: f64,
    dual: f64,
    lower_bound: f64,
    /// What rounding may do to each of them, and to their differences.
    rounding: f64,
}

fn tau(rule: Rule<f64>) -> Option<f64> {
    match rule {
        Rule::Kl { tau } => Some(tau),
        _ => None,
    }
}

/// The sum of w h(w, p) over positive weights.
fn over(w: &[f64], p: &[f64], h: impl Fn(f64, f64) -> f64) -> f64 {
    w.iter().zip(p).filter(|(w, _)| **w > 0.0).map(|(&w, &p)| w * h(w, p)).sum()
}

/// tau KL(r | w), 0 for an exact side.
fn penalty(rule: Rule<f64>, r: &[f64], w: &[f64]) -> f64 {
    let kl = over(r, w, |r, w| (r / w).ln()) - r.iter().sum::<f64>() + w.iter().sum::<f64>();
    tau(rule).map_or(0.0, |tau| tau * kl)
}

/// Plain loops; only data and potentials go in.
fn truth(i: &Instance, reference: Reference, f: &[f64], g: &[f64]) -> Truth {
    let product = reference == Reference::Product;
    let (n, m, epsilon) = (i.rows, i.cols, i.epsilon);
    let weight = |k: usize| if product { i.a[k / m] * i.b[k % m] } else { 1.0 };
    let entry = |k: usize| weight(k) * ((f[k / m] + g[k % m] - i.cost[k]) / epsilon).exp();
    let mut x: Vec<f64> = (0..n * m).map(entry).collect();
    let total: f64 = x.iter().sum();
    if i.unit_mass {
        x.iter_mut().for_each(|x| *x /= total);
    }
    let (mut r, mut c) = (vec![0.0; n], vec![0.0; m]);
    let (mut transport, mut entropy) = (0.0, 0.0);
    for (k, &x) in x.iter().enumerate().filter(|(_, x)| **x > 0.0) {
        r[k / m] += x;
        c[k % m] += x;
        transport += x * i.cost[k];
        entropy += x * ((x / weight(k)).ln() - 1.0);
    }
    let unregularised = transport + penalty(i.row, &r, &i.a) + penalty(i.col, &c, &i.b);

    let (alpha, beta): (f64, f64) = (i.a.iter().sum(), i.b.iter().sum());
    let least = |w: &[f64]| w.iter().filter(|w| **w > 0.0).fold(f64::INFINITY, |l, &w| l.min(w));
    // The mass that a KL side assigns to a potential.
    let assigned = |w: &[f64], p: &[f64], tau: f64| over(w, p, |_, p| (-p / tau).exp());
    // One exact side of weights w, the other relaxed from v, of potentials q and p. The shift
    // takes the assigned mass to |w|; every feasible plan's entropy is at most `most`.
    let semi = |w: &[f64], q: &[f64], v: &[f64], p: &[f64], tau: f64| {
        let (mass, free): (f64, f64) = (w.iter().sum(), v.iter().sum());
        let shift = tau * (assigned(v, p, tau) / mass).ln();
        let dual = tau * (free - mass) + over(w, q, |_, q| q - shift) - epsilon * total;
        let most = if product { -mass * least(v).ln() } else { over(w, w, |w, _| w.ln()) };
        (dual, dual - epsilon * (most - mass))
    };
    let (dual, lower_bound) = match (tau(i.row), tau(i.col)) {
        (Some(tau), None) => semi(&i.b, g, &i.a, f, tau),
        (None, Some(tau)) => semi(&i.a, f, &i.b, g, tau),
        (Some(t1), Some(t2)) => {
            let (sigma, s) = (t1 + t2, t1 * alpha + t2 * beta);
            let (u, v) = (assigned(&i.a, f, t1), assigned(&i.b, g, t2));
            let most = if product { -(least(&i.a) * least(&i.b)).ln() } else { 0.0 };
            // Below every unit-mass <C, Y> + t1 sum y log(y / a) + t2 sum z log(z / b), with
            // epsilon sum Y log(Y / reference) added and without.
            let regularised = -epsilon * total.ln() - t1 * u.ln() - t2 * v.ln();
            let plain = regularised - epsilon * most;
            if i.unit_mass {
                (s - sigma - epsilon + regularised, s - sigma + plain)
            } else {
                let shift = (u / v).ln() / (1.0 / t1 + 1.0 / t2);
                let (u, v) = (u * (-shift / t1).exp(), v * (shift / t2).exp());
                let dual = t1 * (alpha - u) + t2 * (beta - v) - epsilon * total;
                (dual, s - sigma * (-plain / sigma).exp())
            }
        }
        (None, None) => panic!("no certificate"),
    };
    let objective = unregularised + epsilon * entropy;
    let relaxed = tau(i.row).unwrap_or(0.0) * alpha + tau(i.col).unwrap_or(0.0) * beta;
    let terms = [relaxed, transport, objective, unregularised, lower_bound];
    // An entry exp((f + g - C) / epsilon) is as good as its exponent. Differences such as the gap
    // are far below the sums that they are differences of, and no better known.
    let exponent = (largest(&i.cost) + largest(f) + largest(g)) / epsilon;
    let rounding = ROUNDING * (0.5 * f64::EPSILON) * (1.0 + exponent) * largest(&terms);
    Truth { objective, unregularised, dual, lower_bound, rounding }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().filter(|x| x.is_finite()).fold(0.0, |m, x| m.max(x.abs()))
}

/// An instance with a converged run.
struct Case {
    instance: Instance,
    reference: Reference,
    end: Solved,
}

/// All instances, some against the product reference too; solved once for all tests.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases = Vec::new();
    for i in unregularised() {
        let references = [Reference::Counting, Reference::Product];
        for reference in references.into_iter().take(if i.seed % 7 < 2 { 2 } else { 1 }) {
            let end = run(&i, reference, Stop::Residual(RESIDUAL), ITERATIONS).unwrap();
            assert_eq!(end.report.termination, Termination::Converged, "{}", i.name);
            cases.push(Case { instance: i.clone(), reference, end });
        }
    }
    cases
});

/// The report at one point: its values, weak duality and the bound on the stored optimum.
fn check(i: &Instance, reference: Reference, solved: &Solved) {
    let Solved { report, f, g } = solved;
    let truth = truth(i, reference, f, g);
    let at = format!("{} (seed {}) against {reference:?}", i.name, i.seed);
    let at = format!("{at} after {} iterations", report.iterations);
    let same = |what, found: f64, expected: f64| {
        let off = (found - expected).abs();
        let most = truth.rounding;
        assert!(off <= most, "{at}: {what} {found:e}, not {expected:e}: off {off:e} > {most:e}");
    };
    same("objective", report.objective, truth.objective);
    same("unregularised", report.unregularised_objective, truth.unregularised);
    same("dual value", report.dual_value, truth.dual);
    // An exact side that is violated has no certificate.
    if report.gap == f64::INFINITY {
        assert_eq!(report.certified_distance, f64::INFINITY, "{at}");
        assert_eq!(report.lower_bound, f64::NEG_INFINITY, "{at}");
        return;
    }
    same("gap", report.gap, truth.objective - truth.dual);
    same("lower bound", report.lower_bound, truth.lower_bound);
    same("distance", report.certified_distance, truth.unregularised - truth.lower_bound);

    let below = |what, low: f64, high: f64| {
        let most = truth.rounding;
        assert!(low <= high + most, "{at}: {what}: {low:e} > {high:e} by more than {most:e}");
    };
    below("weak duality", report.dual_value, report.objective);
    below("the bound is a bound", report.lower_bound, i.optimum);
    below("the plan is feasible", i.optimum_lower, report.unregularised_objective);
    let distance = report.unregularised_objective - i.optimum;
    below("the distance is certified", distance, report.certified_distance);
}

#[test]
fn reports_against_plain_loops_and_stored_optima() {
    for Case { instance: i, reference, end } in CASES.iter() {
        let Report { iterations, residual, certified_distance, .. } = end.report;
        let distance = end.report.unregularised_objective - i.optimum;
        println!(
            "{} (seed {}, {reference:?}): {iterations} iterations, residual {residual:e}, \
             certified {certified_distance:e}, true {distance:e}",
            i.name, i.seed
        );
        check(i, *reference, end);
        // The duals of all points lie below the primals of all points.
        let rounding = truth(i, *reference, &end.f, &end.g).rounding;
        for most in [1, 3, 10] {
            let early = run(i, *reference, Stop::Residual(RESIDUAL), most).unwrap();
            assert!(early.report.iterations <= most);
            check(i, *reference, &early);
            assert!(early.report.dual_value <= end.report.objective + rounding);
            assert!(end.report.dual_value <= early.report.objective + rounding);
            assert!(early.report.lower_bound <= end.report.lower_bound + rounding);
        }
    }
}

/// The report of potentials that no update has touched, except that exact rows come with one.
#[test]
fn certificates_hold_at_any_potentials() {
    let mut certified = 0;
    for Case { instance: i, reference, end } in CASES.iter() {
        for size in [0.0, 0.3, 3.0] {
            // Minus infinity, the potential of a zero weight, stays.
            let moved = |potential: &[f64], frequency: f64| -> Vec<f64> {
                let wave = |k| size * i.epsilon * (frequency * f64::from(k) + 1.0).sin();
                potential.iter().zip(0_u8..).map(|(x, k)| x + wave(k)).collect()
            };
            let (mut f, mut g) = (moved(&end.f, 1.7), moved(&end.g, 2.9));
            let mut work = vec![0.0; work_len(i.rows, i.cols, 0)];
            let (problem, options) = (problem(i, *reference), Options::new().warm_start(true));
            let report =
                Sinkhorn::new(&problem, &options, &mut f, &mut g, &mut work).unwrap().finish();
            certified += u32::from(report.gap.is_finite());
            // The plan of violated columns does not meet its constraint, the others do.
            let violated = size > 0.0 && i.col == Rule::Exact;
            assert_eq!(report.gap == f64::INFINITY, violated, "{}", i.name);
            check(i, *reference, &Solved { report, f, g });
        }
    }
    assert!(certified > 400);
}

/// Where the entropy is so small that the certified distance is mere rounding, there is no target
/// to ask for.
fn mere_rounding(report: &Report<f64>) -> f64 {
    1e-13 * report.unregularised_objective
}

/// A solve for a target that potentials with the entropy of the optimum meet.
fn reached(i: &Instance, reference: Reference, target: f64) {
    let solved = run(i, reference, Stop::Certified(target), ITERATIONS).unwrap();
    check(i, reference, &solved);
    let Report { termination, certified_distance, iterations, .. } = solved.report;
    let at = format!("{} (seed {}) against {reference:?}", i.name, i.seed);
    println!("{at}: {certified_distance:e} for {target:e} after {iterations} iterations");
    assert_eq!(termination, Termination::Converged, "{at}: {certified_distance:e} for {target:e}");
    assert!(certified_distance <= target, "{at}: {certified_distance:e} for {target:e}");
}

#[test]
fn certified_stops() {
    for Case { instance: i, reference, end } in CASES.iter() {
        let end = &end.report;
        if end.certified_distance > mere_rounding(end) {
            reached(i, *reference, 1.5 * end.certified_distance);
        }
        // The promise of `certifiable_epsilon`, which is in inverse proportion to the target.
        let per_target = problem(i, *reference).certifiable_epsilon(1.0).unwrap();
        reached(i, *reference, i.epsilon / per_target);
    }
}

/// Any target above the distance that the optimal potentials certify can be reached.
#[test]
fn close_targets_are_reached() {
    for Case { instance: i, reference, end } in CASES.iter() {
        let end = &end.report;
        if end.certified_distance > mere_rounding(end) {
            reached(i, *reference, 1.001 * end.certified_distance);
        }
    }
}

#[test]
fn targets_out_of_reach() {
    for Case { instance: i, reference, end } in CASES.iter() {
        let end = &end.report;
        // No lower bound is above that of the optimal potentials, no objective below the optimum:
        // a part of the distance between the two is out of reach.
        let least = i.optimum_lower - end.lower_bound;
        if least <= mere_rounding(end) {
            continue;
        }
        let ending = |target: f64| match run(i, *reference, Stop::Certified(target), ITERATIONS) {
            Ok(solved) => {
                check(i, *reference, &solved);
                solved.report.termination
            }
            // Known before the first sweep.
            Err(e) => {
                let error = (e.kind, e.argument);
                assert_eq!(error, (ErrorKind::TargetOutOfReach, Argument::Stop), "{}", i.name);
                Termination::OutOfReach
            }
        };
        assert_eq!(ending(0.5 * least), Termination::OutOfReach, "{}", i.name);
        // Rounding may come before the gap is small enough to tell.
        let hopeless = ending(1e-6 * least);
        let endings = [Termination::OutOfReach, Termination::RoundingFloor];
        assert!(endings.contains(&hopeless), "{}: {hopeless:?}", i.name);
    }
}

/// A target that is refused before the first sweep is one that no run certifies. Only a large
/// epsilon lets that be known in advance.
#[test]
fn refused_targets_are_never_certified() {
    let mut refused = 0;
    for Case { instance, reference, .. } in CASES.iter() {
        let i = Instance { epsilon: 100.0 * instance.epsilon, ..instance.clone() };
        let reference = *reference;
        let certified = |most| {
            let solved = run(&i, reference, Stop::Residual(RESIDUAL), most).unwrap();
            solved.report.certified_distance
        };
        let distances = [1, 3, 10, ITERATIONS].map(certified);
        let least = distances.iter().fold(f64::INFINITY, |l, d| l.min(*d));
        for halvings in 0..20 {
            let target = distances[3] * 0.5_f64.powi(halvings);
            if let Err(e) = run(&i, reference, Stop::Certified(target), 1) {
                assert_eq!((e.kind, e.argument), (ErrorKind::TargetOutOfReach, Argument::Stop));
                assert!(least > target, "{}: {least:e} for {target:e}", i.name);
                refused += 1;
            }
        }
    }
    println!("{refused} targets refused");
    assert!(refused > 1000);
}

/// Both are proofs of closeness, and documented as sums of non-negative terms.
#[test]
fn gap_and_distance_are_not_negative() {
    for Case { instance: i, reference, end } in CASES.iter() {
        let early = [1, 3, 10]
            .map(|most| run(i, *reference, Stop::Residual(RESIDUAL), most).unwrap().report);
        let at = format!("{} (seed {}) against {reference:?}", i.name, i.seed);
        for Report { gap, certified_distance: distance, .. } in early.iter().chain([&end.report]) {
            assert!(*gap >= 0.0 && *distance >= 0.0, "{at}: gap {gap:e}, distance {distance:e}");
        }
    }
}

/// Costs, and here potentials too, far below epsilon: rounding is that of the sums alone, and must
/// not be taken for infeasibility.
#[test]
fn a_large_epsilon_has_a_certificate() {
    let cost = [0.0, 1e-3, 2e-3, 1e-3, 0.0, 1e-3, 2e-3, 1e-3, 0.0];
    let (a, b) = ([2.97, 3.03, 3.001], [3.01, 2.98, 3.015]);
    for epsilon in [0.1, 1.0, 10.0, 1e3] {
        let cost = Dense::new(Mat::new(&cost, 3, 3).unwrap());
        let problem = Problem::<f64, _>::semi_relaxed(cost, &a, 1.0, &b, epsilon).unwrap();
        let target = epsilon / problem.certifiable_epsilon(1.0).unwrap();
        let options = Options::new().stop(Stop::Certified(target));
        let (mut f, mut g, mut work) = ([0.0; 3], [0.0; 3], vec![0.0; work_len(3, 3, 0)]);
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        assert_eq!(report.termination, Termination::Converged, "{report:?}");
        assert!(report.gap <= 1e-12, "{report:?}");
    }
}

#[test]
fn two_exact_sides_have_no_certificate() {
    let (cost, a, b) = ([0.0, 1.0, 1.0, 0.0, 2.0, 1.0], [0.5, 0.5], [0.25, 0.25, 0.5]);
    let cost = Dense::new(Mat::new(&cost, 2, 3).unwrap());
    let problem = Problem::<f64, _>::balanced(cost, &a, &b, 0.1).unwrap();
    assert_eq!(problem.certifiable_epsilon(1.0), None);
    let (mut f, mut g, mut work) = ([7.0; 2], [7.0; 3], vec![0.0; work_len(2, 3, 0)]);
    let mut solve = |stop| {
        let options = Options::new().stop(stop);
        solve(&problem, &options, &mut f, &mut g, &mut work, &mut ())
    };
    let error = solve(Stop::Certified(1.0)).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::NoCertificate, Argument::Stop));
    let report = solve(Stop::Residual(1e-9)).unwrap();
    assert_eq!(report.termination, Termination::Converged);
    assert_eq!(report.lower_bound, f64::NEG_INFINITY);
    assert_eq!(report.certified_distance, f64::INFINITY);
}
