//! Solves to a certified accuracy, against stored optima of the problems without entropy.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use common::accurate::{Accurate, accurate};
use robust_ot::accuracy::{
    Formula, Options, Path, Solved, Source, parameters, parameters_work_len, solve_to, work_len,
};
use robust_ot::anneal;
use robust_ot::cost::Dense;
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::implicit::Method;
use robust_ot::marginal::Rule;
use robust_ot::options;
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Termination;
use robust_ot::sinkhorn;
use robust_ot::view::Mat;

type Dense64<'a> = Problem<'a, f64, Dense<'a, f64>>;

fn problem(i: &Accurate) -> Dense64<'_> {
    let p = &i.parts[0];
    let cost = Dense::new(Mat::new(&p.cost, p.rows, p.cols).unwrap());
    let kl = Rule::Kl { tau: i.tau };
    let cols = if i.family == "semi_relaxed" { Rule::Exact } else { kl };
    let problem = Problem::new(cost, (&p.a, kl), (&p.b, cols), 1.0).unwrap();
    if i.family == "robust" { problem.unit_mass().unwrap() } else { problem }
}

struct End {
    solved: Solved<f64>,
    f: Vec<f64>,
    g: Vec<f64>,
}

fn run(problem: &Dense64<'_>, target: f64, options: &Options<f64>) -> Result<End, Error> {
    let (n, m) = problem.shape();
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut work = vec![0.0; work_len(n, m, 0, Some(Method::<f64>::Direct))];
    let solved = solve_to(problem, target, options, &mut f, &mut g, &mut work, &mut ())?;
    Ok(End { solved, f, g })
}

/// The objective without entropy of the plan of the potentials, by plain loops; exact columns are also
/// checked.
fn objective(i: &Accurate, epsilon: f64, f: &[f64], g: &[f64]) -> f64 {
    objective_within(i, epsilon, f, g, 1e-9)
}

fn objective_within(i: &Accurate, epsilon: f64, f: &[f64], g: &[f64], violation: f64) -> f64 {
    let p = &i.parts[0];
    let mut x: Vec<f64> = (0..p.rows * p.cols)
        .map(|k| ((f[k / p.cols] + g[k % p.cols] - p.cost[k]) / epsilon).exp())
        .collect();
    if i.family == "robust" {
        let total: f64 = x.iter().sum();
        x.iter_mut().for_each(|x| *x /= total);
    }
    let (mut r, mut c) = (vec![0.0; p.rows], vec![0.0; p.cols]);
    for (k, x) in x.iter().enumerate() {
        r[k / p.cols] += x;
        c[k % p.cols] += x;
    }
    let kl = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(&x, &y)| if x > 0.0 { x * (x / y).ln() - x + y } else { y }).sum()
    };
    let cost: f64 = x.iter().zip(&p.cost).map(|(x, c)| x * c).sum();
    if i.family == "semi_relaxed" {
        let off: f64 = c.iter().zip(&p.b).map(|(c, b)| (c - b).abs()).sum();
        assert!(off <= violation, "seed {}: columns off by {off:e}", i.seed);
        cost + i.tau * kl(&r, &p.a)
    } else {
        cost + i.tau * (kl(&r, &p.a) + kl(&c, &p.b))
    }
}

/// A target of an instance, cost units (the largest cost is about 1).
fn target(i: &Accurate) -> f64 {
    [0.03, 0.01, 0.003, 0.001][(i.seed % 4) as usize]
}

/// Iterations of all instances, and the papers' bounds in the same unit.
fn check_family(family: &str) -> (Vec<u64>, Vec<u64>) {
    let (mut found, mut bounds) = (Vec::new(), Vec::new());
    for i in accurate(family) {
        let (problem, target) = (problem(&i), target(&i));
        let End { solved, f, g } = run(&problem, target, &Options::new()).unwrap();
        let report = &solved.report;
        let at = format!("{family}, seed {}, target {target}: {solved:?}", i.seed);
        assert_eq!(report.termination, Termination::Converged, "{at}");
        assert!(report.certified_distance <= target, "{at}");
        let own = objective(&i, report.epsilon, &f, &g);
        let scale = 1e-9 * own.abs().max(1.0);
        assert!((own - report.unregularised_objective).abs() <= scale, "{at}: {own}");
        assert!(own >= i.optimum_lower - scale, "{at}: below the optimum");
        assert!(own - i.optimum_lower <= target + (i.optimum - i.optimum_lower), "{at}: {own}");
        assert!(report.lower_bound <= i.optimum + scale, "{at}: no bound");
        if let Some(bound) = solved.parameters.iterations {
            assert!(report.iterations <= bound, "{at}");
        }
        let mut work = vec![0.0; parameters_work_len(problem.shape().1)];
        let paper = parameters(&problem, target, Formula::Paper, &mut work).unwrap();
        found.push(report.iterations);
        bounds.push(paper.iterations.unwrap());
    }
    let sum: u64 = found.iter().sum();
    let ratios: Vec<f64> = bounds.iter().zip(&found).map(|(&k, &x)| k as f64 / x as f64).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let mut sorted = ratios.clone();
    sorted.sort_by(f64::total_cmp);
    println!("{family}: {sum} iterations, paper / ours at least {least}, median {}", sorted[50]);
    (found, bounds)
}

#[test]
fn semi_relaxed_to_the_target() {
    let (found, bounds) = check_family("semi_relaxed");
    assert!(found.iter().zip(&bounds).all(|(x, k)| 5 * x <= *k));
}

#[test]
fn robust_to_the_target() {
    let (found, bounds) = check_family("robust");
    assert!(found.iter().zip(&bounds).all(|(x, k)| 5 * x <= *k));
}

#[test]
fn unbalanced_to_the_target() {
    check_family("unbalanced");
}

/// The columns relaxed, rows exact: the transposed instances have the same optimum.
#[test]
fn semi_relaxed_columns_to_the_target() {
    for i in accurate("semi_relaxed").into_iter().take(40) {
        let straight = problem(&i);
        let (target, flipped) = (target(&i), straight.transposed());
        let End { solved, f, g } = run(&flipped, target, &Options::new()).unwrap();
        assert!(solved.report.converged(), "seed {}", i.seed);
        let own = objective(&i, solved.report.epsilon, &g, &f);
        assert!(own >= i.optimum_lower - 1e-9 && own - i.optimum_lower <= target + 1e-6);
    }
}

/// A plain run from zero at the formula's epsilon meets the target within our bound.
#[test]
fn the_proved_bound_covers_plain_sweeps() {
    let mut tightest = f64::INFINITY;
    for family in ["semi_relaxed", "robust"] {
        for i in accurate(family).into_iter().take(30) {
            let target = [0.3, 0.1][(i.seed % 2) as usize];
            for flip in [false, true] {
                let mut problem = problem(&i);
                if flip {
                    problem = problem.transposed();
                }
                let (n, m) = problem.shape();
                let mut work = vec![0.0; sinkhorn::work_len(n, m, 0)];
                for formula in [Formula::Slack, Formula::Uniform] {
                    let p = parameters(&problem, target, formula, &mut work).unwrap();
                    assert_eq!(p.source, Source::Proved);
                    let bound = p.iterations.unwrap();
                    assert_eq!(p.half_sweeps, Some(2 * bound));
                    let level = problem.with_epsilon(p.epsilon).unwrap();
                    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
                    let solve = options::Options::new()
                        .stop(options::Stop::Certified(target))
                        .check_every(1)
                        .max_iterations(bound);
                    let report =
                        sinkhorn::solve(&level, &solve, &mut f, &mut g, &mut work, &mut ());
                    let report = report.unwrap();
                    assert!(report.converged(), "{family} {} {formula:?}: {report:?}", i.seed);
                    tightest = tightest.min(bound as f64 / report.iterations as f64);
                }
            }
        }
    }
    println!("bound over iterations: at least {tightest}");
    assert!(tightest >= 1.0);
}

/// Figures of the formulas worked out by hand: RSOT of the paper's Figure 3(a) at n = 100, tau = 1,
/// target 0.05, with max |C| = 50 and weights of 1/100.
#[test]
fn formulas_by_hand() {
    let n = 100;
    let cost: Vec<f64> = (0..n * n).map(|k| if k == 7 { 50.0 } else { 1.0 }).collect();
    let w = vec![1.0 / n as f64; n];
    let dense = || Dense::new(Mat::new(&cost, n, n).unwrap());
    let mut work = vec![0.0; parameters_work_len(n)];
    let close = |x: f64, y: f64| assert!((x - y).abs() <= 1e-12 * y.abs(), "{x} {y}");

    let rsot = Problem::<f64, _>::semi_relaxed(dense(), &w, 1.0, &w, 1.0).unwrap();
    let p = parameters(&rsot, 0.05, Formula::Paper, &mut work).unwrap();
    let log_n = 100.0_f64.ln();
    let eta = 0.05 / (3.0 * log_n);
    close(p.epsilon, eta);
    assert_eq!(p.source, Source::Code);
    let r = log_n + 50.0 / eta - log_n;
    let k1 = (8.0 * r * (2.0 + eta) / (3.0 * eta)).ln() / (1.0 + eta).ln();
    let inner = 2.0 * (eta + 1.0) + 3.0 * r * (2.0 + eta);
    let k2 = (1.0 + 1.0 / eta) * (3.0 * r * inner / (eta * eta * log_n)).ln();
    let k = p.half_sweeps.unwrap() as f64;
    assert!((k - (1.0 + 2.0 * k1.max(k2))).abs() <= 2.0, "{k} {k1} {k2}");
    assert_eq!(p.iterations, Some(p.half_sweeps.unwrap().div_ceil(2)));
    let p = parameters(&rsot, 0.05, Formula::Uniform, &mut work).unwrap();
    close(p.epsilon, eta);
    // G / epsilon = 49 / eta, allowed = eta (3 - 1) log n.
    let k = 1.0 + (49.0 / eta * (1.0 / (8.0 * 2.0 * eta * log_n)).sqrt()).ln() / (1.0 + eta).ln();
    let found = p.iterations.unwrap() as f64;
    assert!(found >= k && found <= k + 3.0, "{found} {k}");
    let p = parameters(&rsot, 0.05, Formula::Slack, &mut work).unwrap();
    close(p.epsilon, 0.05 / (2.0 * log_n));

    let rot = Problem::<f64, _>::robust(dense(), (&w, 1.0), (&w, 1.0), 1.0).unwrap();
    let p = parameters(&rot, 0.05, Formula::Paper, &mut work).unwrap();
    let u = 9.0 / 8.0 + 2.0 * log_n;
    close(p.epsilon, 0.05 / u);
    let r = log_n + 50.0 * u / 0.05 - log_n;
    let k = 1.0 + (u / 0.05 + 1.0) * (8.0 * r * 2.0).ln();
    assert!((p.half_sweeps.unwrap() as f64 - k).abs() <= 2.0);

    let uot = Problem::<f64, _>::unbalanced(dense(), (&w, 1.0), (&w, 1.0), 1.0).unwrap();
    let p = parameters(&uot, 0.05, Formula::Paper, &mut work).unwrap();
    let u = 1.0 + 0.5 + 1.0 / (4.0 * log_n) + 2.0 * log_n - 1.0 + log_n + 2.5;
    close(p.epsilon, 0.05 / u);
    assert_eq!(p.source, Source::Paper);
    let eta = 0.05 / u;
    let r = 50.0 / eta;
    let logs = (8.0 * eta * r).ln() + 2.0_f64.ln() + 3.0 * (u / 0.05).ln();
    let k = 1.0 + (u / 0.05 + 1.0) * logs;
    assert!((p.half_sweeps.unwrap() as f64 - k).abs() <= 2.0, "{p:?} {k}");
}

/// The unbalanced bound, written out once more from its proof: the distance that it leaves after k sweeps.
fn unbalanced_distance(i: &Accurate, epsilon: f64, [row, col]: [f64; 2], k: u64) -> f64 {
    let p = &i.parts[0];
    let most = p.cost.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = p.cost.iter().copied().fold(f64::INFINITY, f64::min);
    let [alpha, beta] = [&p.a, &p.b].map(|w| w.iter().sum::<f64>());
    let (n, m, sigma) = (p.rows as f64, p.cols as f64, row + col);
    let (rho_row, rho_col) = (row / (row + epsilon), col / (col + epsilon));
    let rho = rho_row * rho_col;
    let logs = p.b.iter().map(|b| b.ln());
    let osc = logs.clone().fold(f64::NEG_INFINITY, f64::max) - logs.fold(f64::INFINITY, f64::min);
    let start = (most - least) / epsilon + osc;
    let after = k as f64 - 1.0;
    let omega = start * rho.powf(after);
    let delta = epsilon * (n * m).ln() + row * omega * omega / 8.0;
    let ends = [m.ln() - most / epsilon, (n * m).ln() - least / epsilon];
    let first = ends.map(|x| (rho_row * alpha.ln() + (1.0 - rho_row) * x - beta.ln()).abs());
    let first =
        rho_col * first[0].max(first[1]) + (1.0 - rho_col) * (m.ln() + (most - least) / epsilon);
    let eta = rho * (1.0 - rho_row).max(rho_row * (1.0 - rho_col)) / 8.0;
    let d = first * 8.0_f64.powf(-after)
        + 2.0 * eta * start * start * (rho * rho).max(0.25).powf(after - 1.0);
    let level = (row * alpha.ln() + col * beta.ln()) / sigma;
    let (low, high) = (level - most / sigma, level - least / sigma + delta / sigma);
    // The worst L by trial, which comes close to its least upper bound from below.
    let u = row * d / (sigma + epsilon);
    let worst = (0..=2000).map(|step| {
        let l = low + (high - low) * f64::from(step) / 2000.0;
        let w = |sign: f64| -epsilon * l / (sigma + epsilon) + sign * u;
        [w(-1.0), w(1.0)]
            .map(|w| l.exp() * (w * w.exp() - w.exp() + 1.0))
            .into_iter()
            .fold(0.0, f64::max)
    });
    let t = (high * sigma / (sigma + epsilon) + u).exp();
    t * delta + sigma * worst.fold(0.0, f64::max)
}

/// K of the unbalanced problem, of two taus and masses: finite, falling with the target, no less than
/// its proof allows, and the certificate is reached before it by plain sweeps from zero.
#[test]
fn the_unbalanced_bound_covers_plain_sweeps() {
    let (mut tightest, mut covered) = (f64::INFINITY, 0);
    for i in accurate("unbalanced") {
        let p = &i.parts[0];
        let taus = [i.tau, i.tau * [1.0, 0.3, 4.0][(i.seed % 3) as usize]];
        let dense = Dense::new(Mat::new(&p.cost, p.rows, p.cols).unwrap());
        let [rows, cols] = taus.map(|tau| Rule::Kl { tau });
        let problem = Problem::<f64, _>::new(dense, (&p.a, rows), (&p.b, cols), 1.0).unwrap();
        let mut work = vec![0.0; sinkhorn::work_len(p.rows, p.cols, 0)];
        let mut last = 0;
        for target in [0.1, 0.03, 0.01, 0.003, 0.001] {
            let found = parameters(&problem, target, Formula::Slack, &mut work).unwrap();
            assert_eq!(found.source, Source::Proved, "seed {}, target {target}", i.seed);
            let bound = found.iterations.unwrap();
            assert_eq!(found.half_sweeps, Some(2 * bound));
            assert!(bound > last, "seed {}: {bound} at {target}, {last} before", i.seed);
            last = bound;
            let left = unbalanced_distance(&i, found.epsilon, taus, bound);
            assert!(left <= target * (1.0 + 1e-9), "seed {}: {left} of {target}", i.seed);
            let uniform = parameters(&problem, target, Formula::Uniform, &mut work).unwrap();
            assert!(uniform.source != Source::Code && uniform.source != Source::Paper);
            if target < 0.03 || !i.seed.is_multiple_of(4) {
                continue;
            }
            // In single precision about the same.
            let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
            let (cost, a, b) = (narrow(&p.cost), narrow(&p.a), narrow(&p.b));
            let cost = Dense::new(Mat::new(&cost, p.rows, p.cols).unwrap());
            let [rows, cols] = taus.map(|tau| Rule::Kl { tau: tau as f32 });
            let single = Problem::<f32, _>::new(cost, (&a, rows), (&b, cols), 1.0).unwrap();
            let mut few = vec![0.0; parameters_work_len(p.cols)];
            let single = parameters(&single, target as f32, Formula::Slack, &mut few).unwrap();
            let near = single.iterations.unwrap() as f64 / bound as f64;
            assert!((near - 1.0).abs() <= 0.01 + 2.0 / bound as f64, "seed {}: {near}", i.seed);
            let level = problem.with_epsilon(found.epsilon).unwrap();
            let (mut f, mut g) = (vec![0.0; p.rows], vec![0.0; p.cols]);
            let solve = options::Options::new()
                .stop(options::Stop::Certified(target))
                .check_every(1)
                .max_iterations(bound);
            let report = sinkhorn::solve(&level, &solve, &mut f, &mut g, &mut work, &mut ());
            let report = report.unwrap();
            assert!(report.converged(), "seed {}, target {target}: {report:?}", i.seed);
            tightest = tightest.min(bound as f64 / report.iterations as f64);
            covered += 1;
        }
    }
    println!("{covered} runs; bound over iterations: at least {tightest}");
    assert!(covered >= 40 && tightest >= 1.0);
}

/// No bound: the other reference, a forbidden pair, a target as large as all that there is to pay.
#[test]
fn problems_without_an_unbalanced_bound() {
    let (a, b) = ([0.5, 0.5], [0.25, 0.75]);
    let mut work = vec![0.0; parameters_work_len(2)];
    let mut bound = |cost: &[f64; 4], product: bool, target: f64| {
        let dense = Dense::new(Mat::new(cost, 2, 2).unwrap());
        let uot = Problem::<f64, _>::unbalanced(dense, (&a, 0.1), (&b, 0.1), 1.0).unwrap();
        let reference = if product { Reference::Product } else { Reference::Counting };
        let found = parameters(&uot.reference(reference), target, Formula::Slack, &mut work);
        let found = found.unwrap();
        assert_eq!(found.source == Source::Proved, found.iterations.is_some());
        found.iterations
    };
    let cost = [0.0, 1.0, 1.0, 0.0];
    assert!(bound(&cost, false, 0.01).is_some());
    assert_eq!(bound(&cost, true, 0.01), None);
    assert_eq!(bound(&[0.0, f64::INFINITY, 1.0, 0.0], false, 0.01), None);
    assert_eq!(bound(&cost, false, 10.0), None);
}

/// Down to the smallest target that is promised, in both precisions; below it nothing is written.
#[test]
fn targets_that_the_precision_certifies() {
    for i in ["semi_relaxed", "robust", "unbalanced"].map(accurate).concat().iter().step_by(19) {
        let double = problem(i);
        let mut work = vec![0.0; parameters_work_len(double.shape().1)];
        let least = parameters(&double, 0.1, Formula::Slack, &mut work).unwrap().smallest_target;
        assert!(least > 1e-12 && least < 1e-7, "{least:e}");
        let error = run(&double, 0.99 * least, &Options::new()).err().unwrap();
        assert_eq!((error.kind, error.argument), (ErrorKind::TargetPrecision, Argument::Stop));

        let p = &i.parts[0];
        let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let (cost, a, b) = (narrow(&p.cost), narrow(&p.a), narrow(&p.b));
        let cost = Dense::new(Mat::new(&cost, p.rows, p.cols).unwrap());
        let kl = Rule::Kl { tau: i.tau as f32 };
        let cols = if i.family == "semi_relaxed" { Rule::Exact } else { kl };
        let single = Problem::<f32, _>::new(cost, (&a, kl), (&b, cols), 1.0).unwrap();
        let single = if i.family == "robust" { single.unit_mass().unwrap() } else { single };
        let mut work = vec![0.0; work_len(p.rows, p.cols, 0, Some(Method::<f32>::Direct))];
        let least = parameters(&single, 0.1, Formula::Slack, &mut work).unwrap().smallest_target;
        assert!(least > 1e-6 && least < 1e-1, "{least:e}");
        let (mut f, mut g) = (vec![7.0_f32; p.rows], vec![7.0_f32; p.cols]);
        let options = Options::new();
        let error = solve_to(&single, 0.99 * least, &options, &mut f, &mut g, &mut work, &mut ());
        let error = error.err().unwrap();
        assert_eq!((error.kind, error.argument), (ErrorKind::TargetPrecision, Argument::Stop));
        assert!(f.iter().chain(&g).all(|&x| x == 7.0));
        let solved = solve_to(&single, least, &options, &mut f, &mut g, &mut work, &mut ());
        let solved = solved.unwrap();
        assert!(solved.report.converged(), "{} {}: {solved:?}", i.family, i.seed);
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let epsilon = f64::from(solved.report.epsilon);
        let own = objective_within(i, epsilon, &wide(&f), &wide(&g), 1e-3);
        let slack = 1e-5 * own.abs().max(1.0);
        assert!(own - i.optimum <= f64::from(least) + slack, "{} {}: {own}", i.family, i.seed);
    }
}

#[test]
fn without_newton_and_with_limits() {
    let mut paths = [0; 3];
    for i in accurate("semi_relaxed").iter().take(20) {
        let (problem, target) = (problem(i), target(i).max(0.01));
        let plain = Options::new().newton(None);
        let End { solved, .. } = run(&problem, target, &plain).unwrap();
        assert!(solved.report.converged() && solved.newton_steps == 0);
        paths[solved.path as usize] += 1;
        let limit = options::Options::new().max_iterations(2);
        let End { solved, .. } = run(&problem, target, &plain.solve(limit)).unwrap();
        assert!(solved.report.iterations <= 2);
        assert!(
            solved.report.converged() || solved.report.termination == Termination::IterationLimit
        );
    }
    assert!(paths[Path::Above as usize] > 0, "{paths:?}");
}

#[test]
fn refusals_write_nothing() {
    let (cost, a, b) = ([0.0, 1.0, 1.0, 0.0], [0.5, 0.5], [0.25, 0.75]);
    let dense = || Dense::new(Mat::new(&cost, 2, 2).unwrap());
    let rsot = Problem::<f64, _>::semi_relaxed(dense(), &a, 1.0, &b, 1.0).unwrap();
    let exact = Problem::<f64, _>::balanced(dense(), &a, &b, 1.0).unwrap();
    let bad = [f64::NAN, 0.5];
    let nan = Problem::<f64, _>::semi_relaxed(dense(), &bad, 1.0, &b, 1.0).unwrap();
    let len = work_len(2, 2, 0, Some(anneal::Options::<f64>::truncated()));
    let refused =
        |problem: &Dense64<'_>, target, options: Options<f64>, [n, m, len]: [usize; 3]| {
            let (mut f, mut g, mut work) = (vec![7.0; n], vec![7.0; m], vec![0.0; len]);
            let error = solve_to(problem, target, &options, &mut f, &mut g, &mut work, &mut ());
            assert!(f.iter().chain(&g).all(|&x| x == 7.0));
            let error = error.err().unwrap();
            (error.kind, error.argument)
        };
    let default = Options::new();
    let whole = [2, 2, len];
    let tolerance = (ErrorKind::Tolerance, Argument::Stop);
    for target in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(&rsot, target, default, whole), tolerance);
    }
    assert_eq!(refused(&exact, 0.1, default, whole), (ErrorKind::NoCertificate, Argument::Stop));
    assert_eq!(refused(&nan, 0.1, default, whole), (ErrorKind::NotANumber, Argument::RowWeights));
    let shape = |argument| (ErrorKind::Shape, argument);
    assert_eq!(refused(&rsot, 0.1, default, [1, 2, len]), shape(Argument::RowPotentials));
    assert_eq!(refused(&rsot, 0.1, default, [2, 3, len]), shape(Argument::ColPotentials));
    assert_eq!(
        refused(&rsot, 0.1, default, [2, 2, len - 1]),
        (ErrorKind::WorkTooSmall, Argument::Work)
    );
    let none = options::Options::new().max_iterations(0);
    assert_eq!(
        refused(&rsot, 0.1, default.solve(none), whole),
        (ErrorKind::Count, Argument::MaxIterations)
    );
    assert_eq!(refused(&rsot, 1e-14, default, whole), (ErrorKind::TargetPrecision, Argument::Stop));

    let kl = |tau| Rule::Kl { tau };
    let uneven = Problem::<f64, _>::new(dense(), (&a, kl(1.0)), (&b, kl(2.0)), 1.0).unwrap();
    let mut work = vec![0.0; parameters_work_len(2)];
    let error = parameters(&uneven, 0.1, Formula::Paper, &mut work).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::Tau, Argument::ColRule));
    let error = parameters(&rsot, 0.1, Formula::Slack, &mut []).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::WorkTooSmall, Argument::Work));
}

/// RSBP: two, three and five measures.
#[test]
fn barycenters_to_the_target() {
    use robust_ot::accuracy::barycenter as to;
    use robust_ot::barycenter::{Measure, Problem as Bary, work_len};
    let (mut bounded, mut sum) = (0, 0);
    for i in accurate("barycenter") {
        let target = [0.3, 0.1, 0.03, 0.01][(i.seed % 4) as usize];
        let measures: Vec<_> = i
            .parts
            .iter()
            .zip(&i.shares)
            .map(|(p, &share)| Measure::<f64, _> {
                geometry: Dense::new(Mat::new(&p.cost, p.rows, p.cols).unwrap()),
                weights: &p.a,
                rule: Rule::Kl { tau: i.tau },
                share,
            })
            .collect();
        let problem = Bary::new(&measures, 1.0).unwrap();
        let support = problem.support();
        let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
        let mut q = vec![0.0; support];
        let mut work = vec![0.0; work_len(problem.rows(), support, 0)];
        let options = Options::new();
        let solved =
            to::solve_to(&problem, target, &options, &mut f, &mut g, &mut q, &mut work, &mut ());
        let solved = solved.unwrap();
        let (report, at) = (solved.report, format!("seed {}, target {target}: {solved:?}", i.seed));
        assert!(report.converged() && report.certified_distance <= target, "{at}");

        // The objective of the plans of unit mass by plain loops; they share their columns.
        let total: f64 = i.shares.iter().sum();
        let (mut own, mut first) = (0.0, 0);
        for (k, (p, share)) in i.parts.iter().zip(&i.shares).enumerate() {
            let f = &f[first..first + p.rows];
            first += p.rows;
            let g = &g[k * support..(k + 1) * support];
            let (mut r, mut c, mut cost) = (vec![0.0; p.rows], vec![0.0; support], 0.0);
            for (e, c_ij) in p.cost.iter().enumerate() {
                let x = ((f[e / support] + g[e % support] - c_ij) / report.epsilon).exp();
                r[e / support] += x;
                c[e % support] += x;
                cost += x * c_ij;
            }
            let mass: f64 = r.iter().sum();
            let kl: f64 = r.iter().zip(&p.a).map(|(r, a)| r / mass * (r / mass / a).ln()).sum();
            own += share / total * (cost / mass + i.tau * kl);
            let off: f64 = c.iter().zip(&q).map(|(c, q)| (c / mass - q).abs()).sum();
            assert!(off <= 1e-10, "{at}: columns off by {off:e}");
        }
        assert!((own - report.unregularised_objective).abs() <= 1e-9, "{at}: {own}");
        assert!(own >= i.optimum_lower - 1e-9, "{at}: below the optimum");
        assert!(own - i.optimum_lower <= target + (i.optimum - i.optimum_lower), "{at}: {own}");
        assert!(report.lower_bound <= i.optimum + 1e-9, "{at}: no bound");
        assert_eq!(solved.parameters.iterations.is_some(), i.parts.len() == 2);
        if let Some(bound) = solved.parameters.iterations {
            assert!(report.iterations <= bound, "{at}");
            bounded += 1;
            // A plain run at the formula's epsilon is covered too.
            if target >= 0.1 {
                let level = Bary::new(&measures, solved.parameters.epsilon).unwrap();
                let plain = options::Options::new()
                    .stop(options::Stop::Certified(target))
                    .max_iterations(bound);
                let plain = robust_ot::barycenter::Options::new().solve(plain);
                let report = robust_ot::barycenter::solve(
                    &level,
                    &plain,
                    &mut f,
                    &mut g,
                    &mut q,
                    &mut work,
                    &mut (),
                );
                assert!(report.unwrap().converged(), "{at}");
            }
        }
        sum += report.iterations;
    }
    println!("barycenters: {sum} iterations");
    assert!(bounded >= 30);
}
