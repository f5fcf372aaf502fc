//! The certificate of robust barycenters: what a report says against plain loops that see the
//! returned potentials only, and its promises against longer runs and an enclosure of the
//! unregularised optimum.
//!
//! For any potentials with sum_i w_i g_i = 0, C_i >= f_i + g_i + s_i with s_i = min (C_i - f_i - g_i), so
//! that plans of unit mass with one column marginal cost at least sum_i w_i (<f_i, X_i 1> + s_i); and
//! tau KL(y | p) + <f, y> >= tau (|p| - 1 - log sum p exp(-f / tau)) for |y| = 1. Hence
//!
//! ```text
//! sum_i w_i [s_i + tau_i (|p_i| - 1 - log |T_i|)] <= optimum <= sum_i w_i [<C_i, Y_i> + tau_i KL(Y_i 1 | p_i)]
//! ```
//!
//! in which no epsilon occurs: potentials of a much smaller epsilon enclose the optimum tightly.

use std::sync::LazyLock;

use robust_ot::barycenter::{Options, Problem, Report};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::report::Termination;

use super::common::barycenter::{Solved, Task};
use super::common::case::{Random, normalise};
use super::reference::{Truth, cut, evaluate, shares, sum};

const RESIDUAL: f64 = 1e-12;
const ITERATIONS: u64 = 20_000;
/// Rounding of a value in units of u (1 + (max C + max f + max g) / epsilon) times the terms of its
/// sum: measured 0.6.
const ROUNDING: f64 = 2.0;

fn options(stop: Stop<f64>, most: u64) -> Options<f64> {
    Options::new().solve(options::Options::new().stop(stop).max_iterations(most))
}

fn after(most: u64) -> Options<f64> {
    options(Stop::Residual(RESIDUAL), most)
}

/// Own taus, shares and masses; sizes that differ; a zero weight in every other.
fn instance(seed: u64) -> Task<f64> {
    let mut random = Random(1000 + seed);
    let k = 2 + seed as usize % 7;
    let rules: Vec<_> =
        (0..k).map(|_| Rule::Kl { tau: 0.05 * 40.0_f64.powf(random.next()) }).collect();
    let support = 3 + (random.next() * 8.0) as usize;
    let epsilon = [0.03, 0.06, 0.15][seed as usize % 3];
    let mut task = Task::random(seed, support, epsilon, &rules);
    for m in &mut task.measures {
        if seed.is_multiple_of(2) && random.next() < 0.5 {
            m.weights[1] = 0.0;
        }
        normalise(&mut m.weights, 0.3 + 2.0 * random.next());
    }
    task
}

struct Case {
    seed: u64,
    task: Task<f64>,
    end: Solved<f64>,
    /// Enclosure of the unregularised optimum.
    lower: f64,
    upper: f64,
}

/// The lower end of the enclosure.
fn bound(task: &Task<f64>, f: &[Vec<f64>], g: &[Vec<f64>]) -> f64 {
    let (n, mut total) = (task.support, 0.0);
    for (i, (m, w)) in task.measures.iter().zip(shares(task)).enumerate() {
        let Rule::Kl { tau } = m.rule else { panic!("no bound") };
        let slack = |k: usize| m.cost[k] - f[i][k / n] - g[i][k % n];
        let positive = (0..m.cost.len()).filter(|k| m.weights[k / n] > 0.0);
        let least = positive.map(slack).fold(f64::INFINITY, f64::min);
        let pairs = m.weights.iter().zip(&f[i]).filter(|(p, _)| **p > 0.0);
        let assigned: f64 = pairs.map(|(p, f)| p * (-f / tau).exp()).sum();
        total += w * (least + tau * (sum(&m.weights) - 1.0 - assigned.ln()));
    }
    total
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let case = |seed| {
        let task = instance(seed);
        let end = task.solve(&after(ITERATIONS));
        assert!(end.report.converged(), "{:?}", end.report);
        let mut small = task.clone();
        small.epsilon /= 50.0;
        let close = small.solve(&after(500).start(task.epsilon));
        let (f, g) = cut(&task, &close.f, &close.g);
        let (lower, upper) = (bound(&small, &f, &g), evaluate(&small, &f, &g).unregularised);
        assert!(lower <= upper, "{lower} {upper}");
        Case { seed, task, end, lower, upper }
    };
    (0..50).map(case).collect()
});

/// What rounding may do to the values of a report.
fn rounding(task: &Task<f64>, solved: &Solved<f64>, truth: &Truth) -> f64 {
    let largest =
        |v: &[f64]| v.iter().filter(|x| x.is_finite()).fold(0.0_f64, |m, x| m.max(x.abs()));
    let exponent = (task.largest_cost() + largest(&solved.f) + largest(&solved.g)) / task.epsilon;
    ROUNDING * 0.5 * f64::EPSILON * (1.0 + exponent) * (1.0 + truth.scale)
}

/// One report against its potentials, a converged run and the enclosure.
fn check(case: &Case, solved: &Solved<f64>) -> f64 {
    let Case { seed, task, end, lower, upper } = case;
    let report = &solved.report;
    let (f, g) = cut(task, &solved.f, &solved.g);
    let truth = evaluate(task, &f, &g);
    let most = rounding(task, solved, &truth);
    let at = format!("seed {seed} after {}", report.iterations);
    let mut worst = 0.0_f64;
    let mut same = |what, found: f64, expected: f64| {
        let off = (found - expected).abs();
        worst = worst.max(off / most);
        assert!(off <= most, "{at}: {what} {found:e}, not {expected:e}: off {off:e} > {most:e}");
    };
    same("transport", report.transport_cost, truth.transport);
    same("entropy", report.entropy, truth.entropy);
    same("penalty", report.penalty, truth.penalty);
    same("objective", report.objective, truth.objective);
    same("unregularised", report.unregularised_objective, truth.unregularised);
    same("dual value", report.dual_value, truth.dual);
    same("gap", report.gap, truth.objective - truth.dual);
    let slack = -task.epsilon * (truth.entropy + 1.0);
    let distance = truth.objective - truth.dual + slack;
    same("certified distance", report.certified_distance, distance);
    same("lower bound", report.lower_bound, truth.unregularised - distance);
    same("mass", report.mass, truth.mass);
    same("residual", report.residual, truth.residual);
    let below = |what, low: f64, high: f64| {
        assert!(low <= high + most, "{at}: {what}: {low:e} > {high:e} by more than {most:e}");
    };
    assert!(report.gap >= 0.0 && report.certified_distance >= 0.0, "{at}: {report:?}");
    // The regularised optimum lies between the dual value and the objective of the end.
    below("weak duality", report.dual_value, end.report.objective);
    below("weak duality", end.report.dual_value, report.objective);
    below("true gap", report.objective - end.report.objective, report.gap);
    // And the unregularised one within its enclosure.
    below("lower bound", report.lower_bound, bound(task, &f, &g));
    below("lower bound", report.lower_bound, *upper);
    below("objective", *lower, report.unregularised_objective);
    let truly = report.unregularised_objective - upper;
    below("true distance", truly, report.certified_distance);
    // The dual is one of potentials whose weighted sum is zero.
    for j in 0..task.support {
        let mean: f64 = g.iter().zip(shares(task)).map(|(g, w)| w * g[j]).sum();
        assert!(mean.abs() <= most, "{at}: sum of w g is {mean:e} in column {j}");
    }
    // The columns: all plans carry the barycenter.
    for (plan, m) in truth.plans.iter().zip(&task.measures) {
        assert_eq!(plan.len(), m.cost.len());
        for (j, q) in solved.barycenter.iter().enumerate() {
            let column: f64 = plan[j..].iter().step_by(task.support).sum();
            assert!((column - q).abs() <= most, "{at}: column {j}");
        }
    }
    worst
}

#[test]
fn fifty_instances_stopped_anywhere() {
    let (mut worst, mut sharp) = (0.0_f64, 0.0);
    for case in CASES.iter() {
        worst = worst.max(check(case, &case.end));
        for most in [1, 3, 10] {
            let early = case.task.solve(&after(most));
            assert!(early.report.iterations <= most);
            worst = worst.max(check(case, &early));
        }
        // At the end the gap has closed, and what remains is entropy: at most that of all pairs.
        let Report { gap, certified_distance, .. } = case.end.report;
        assert!(gap <= 1e-12, "{gap:e}");
        let pairs = case.task.measures.iter().zip(shares(&case.task));
        let entropy: f64 = pairs.map(|(m, w)| w * (m.cost.len() as f64).ln()).sum();
        assert!(certified_distance <= case.task.epsilon * entropy + 1e-12);
        let truly = case.end.report.unregularised_objective - case.lower;
        sharp += truly / certified_distance / CASES.len() as f64;
        let width = case.upper - case.lower;
        assert!(width <= 0.2 * certified_distance, "{width:e} {certified_distance:e}");
    }
    println!("{worst} of rounding; the true distance is {sharp} of the certified one on average");
}

#[test]
fn certified_stops() {
    for case in CASES.iter() {
        let distance = case.end.report.certified_distance;
        for factor in [1.001, 3.0] {
            let target = factor * distance;
            let solved = case.task.solve(&options(Stop::Certified(target), ITERATIONS));
            let report = &solved.report;
            assert_eq!(
                report.termination,
                Termination::Converged,
                "seed {}: {report:?}",
                case.seed
            );
            assert!(report.certified_distance <= target, "{report:?}");
            assert!(report.unregularised_objective - case.upper <= target);
            check(case, &solved);
        }
    }
}

/// An epsilon from the target: the promise of `certifiable_epsilon`.
#[test]
fn certifiable_epsilons() {
    for case in CASES.iter().step_by(3) {
        let target = 1.5 * case.end.report.certified_distance;
        let mut task = case.task.clone();
        let measures = task.dense();
        let problem = Problem::<f64, _>::new(&measures, task.epsilon).unwrap();
        let epsilon = problem.certifiable_epsilon(target).unwrap();
        let half = problem.certifiable_epsilon(0.5 * target).unwrap();
        assert!((half / epsilon - 0.5).abs() <= 1e-15);
        // target / (2 sum w log(n_i n)), n_i the positive weights.
        let pairs = task.measures.iter().zip(shares(&task));
        let entropy = pairs.map(|(m, w)| {
            let rows = m.weights.iter().filter(|p| **p > 0.0).count();
            w * ((rows * task.support) as f64).ln()
        });
        assert!((epsilon * 2.0 * entropy.sum::<f64>() / target - 1.0).abs() <= 1e-12);
        task.epsilon = epsilon;
        let solved = task.solve(&options(Stop::Certified(target), ITERATIONS));
        assert!(solved.report.converged(), "{:?}", solved.report);
        assert!(solved.report.certified_distance <= target);
        assert!(solved.report.unregularised_objective - case.upper <= target);
    }
}

/// No lower bound is above that of the optimal potentials and no objective below the optimum: what
/// lies between is out of reach.
#[test]
fn targets_out_of_reach() {
    let mut refused = 0;
    for case in CASES.iter() {
        let least = case.lower - case.end.report.lower_bound;
        assert!(least > 0.0, "seed {}: {least:e}", case.seed);
        for factor in [0.9, 0.3, 1e-3] {
            let target = factor * least;
            let options = options(Stop::Certified(target), ITERATIONS);
            match case.task.try_solve(&options, None) {
                Ok(solved) => {
                    assert_eq!(
                        solved.report.termination,
                        Termination::OutOfReach,
                        "{:?}",
                        solved.report
                    );
                    assert!(solved.report.certified_distance > target);
                    check(case, &solved);
                }
                Err(e) => {
                    assert_eq!((e.kind, e.argument), (ErrorKind::TargetOutOfReach, Argument::Stop));
                    refused += 1;
                }
            }
        }
    }
    println!("{refused} refused");
}

/// A target that is refused is one that no run certifies: only a large epsilon lets that be known
/// in advance.
#[test]
fn refused_targets_are_never_certified() {
    let mut refused = 0;
    for case in CASES.iter() {
        let mut task = case.task.clone();
        task.epsilon *= 100.0;
        let distances =
            [1, 3, 10, ITERATIONS].map(|most| task.solve(&after(most)).report.certified_distance);
        let least = distances.into_iter().fold(f64::INFINITY, f64::min);
        for halvings in 0..12 {
            let target = distances[3] * 0.5_f64.powi(halvings);
            if let Err(e) = task.try_solve(&options(Stop::Certified(target), 1), None) {
                assert_eq!((e.kind, e.argument), (ErrorKind::TargetOutOfReach, Argument::Stop));
                assert!(least > target, "{least:e} for {target:e}");
                refused += 1;
            }
        }
    }
    println!("{refused} refused");
    assert!(refused > 300, "{refused}");
}

#[test]
fn an_exact_measure_has_no_certificate() {
    let kl = Rule::Kl { tau: 0.5 };
    for rules in [[Rule::Exact; 3], [kl, Rule::Exact, kl]] {
        let task = Task::random(3, 6, 0.05, &rules);
        let measures = task.dense();
        let problem = Problem::<f64, _>::new(&measures, task.epsilon).unwrap();
        assert_eq!(problem.certifiable_epsilon(1.0), None);
        let e = task.try_solve(&options(Stop::Certified(1.0), ITERATIONS), None).unwrap_err();
        assert_eq!((e.kind, e.argument), (ErrorKind::NoCertificate, Argument::Stop));
        let end = task.solve(&after(ITERATIONS));
        for most in [1, 3, 10, ITERATIONS] {
            let solved = task.solve(&after(most));
            let report = &solved.report;
            assert_eq!(report.gap, f64::INFINITY);
            assert_eq!(report.certified_distance, f64::INFINITY);
            assert_eq!(report.lower_bound, f64::NEG_INFINITY);
            let (f, g) = cut(&task, &solved.f, &solved.g);
            let truth = evaluate(&task, &f, &g);
            let rounding = rounding(&task, &solved, &truth);
            for j in 0..task.support {
                let mean: f64 = g.iter().zip(shares(&task)).map(|(g, w)| w * g[j]).sum();
                assert!(mean.abs() <= rounding, "{mean:e}");
            }
            for (x, y) in [
                (report.objective, truth.objective),
                (report.unregularised_objective, truth.unregularised),
                (report.dual_value, truth.dual),
                (report.mass, truth.mass),
                (report.residual, truth.residual),
            ] {
                assert!((x - y).abs() <= rounding, "{x:e} {y:e}");
            }
            // The end violates its rows by its residual, in units of f.
            let (low, high) = (report.dual_value, end.report.objective);
            assert!(low <= high + rounding + 10.0 * RESIDUAL, "{low} {high} {}", high - low);
        }
        let closed = end.report.objective - end.report.dual_value;
        assert!(closed.abs() <= 1e-10, "{closed:e}");
    }
}
