//! How many iterations a solve takes: counts, never times.

use robust_ot::barycenter::Options;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};

use super::common::barycenter::Task;
use super::common::case::normalise;
use super::reference::{algorithm2, apart, evaluate};

fn options(tolerance: f64, limit: u64) -> Options<f64> {
    let solve = options::Options::new().stop(Stop::Residual(tolerance)).max_iterations(limit);
    Options::new().solve(solve)
}

/// Bumps on a grid in [0, 1], far from each other: much mass has far to go.
fn bumps(n: usize, epsilon: f64, rule: Rule<f64>) -> Task<f64> {
    let mut task = Task::random(1, n, epsilon, &[rule; 3]);
    let at = |l: usize| l as f64 / (n - 1) as f64;
    for (m, centre) in task.measures.iter_mut().zip([0.1, 0.8, 0.95]) {
        m.weights = (0..n).map(|l| (-((at(l) - centre) / 0.08).powi(2)).exp() + 1e-3).collect();
        normalise(&mut m.weights, 1.0);
        m.cost = (0..n * n).map(|k| (at(k / n) - at(k % n)).powi(2)).collect();
    }
    task
}

/// The ladder carries the mass while that is cheap. The rate at the last epsilon is what it is, so
/// that it saves less of a solve to many digits.
#[test]
fn ladder() {
    for rule in [Rule::Kl { tau: 0.5 }, Rule::Exact] {
        for (ratio, most) in [(1e-2, 1.0), (1e-3, 0.8), (1e-4, 0.6)] {
            let task = bumps(16, ratio, rule);
            let both = |tolerance| {
                let options = options(tolerance, 20_000);
                let (cold, ladder) = (task.solve(&options), task.solve(&options.start(0.25)));
                assert!(cold.report.converged() && ladder.report.converged());
                assert_eq!((cold.report.epsilon, ladder.report.epsilon), (ratio, ratio));
                let counts = (cold.report.iterations, ladder.report.iterations);
                println!("{rule:?} at {ratio:e} to {tolerance:e}: {counts:?}");
                (cold, ladder, counts.1 as f64 / counts.0 as f64)
            };
            let (cold, ladder, saved) = both(1e-3);
            assert!(saved < most, "{saved}");
            // Both objectives are within their gaps of one optimum.
            let (cold, ladder) = (cold.report, ladder.report);
            let bound = cold.gap.max(ladder.gap);
            assert!((cold.objective - ladder.objective).abs() <= bound);
            if ratio > 1e-4 {
                let (cold, ladder, _) = both(1e-9);
                assert!(apart(&cold.barycenter, &ladder.barycenter) <= 1e-7);
                assert!((cold.report.objective - ladder.report.objective).abs() <= 1e-9);
            }
        }
    }
}

/// tau = 100, epsilon = 0.02: the mass alone takes the plain loop thousands.
#[test]
fn constants() {
    let rules = [Rule::Kl { tau: 100.0 }, Rule::Kl { tau: 50.0 }, Rule::Kl { tau: 200.0 }];
    let mut task = Task::random(3, 4, 0.02, &rules);
    for (m, share) in task.measures.iter_mut().zip([0.2, 5.0, 1.0]) {
        m.share = share;
    }
    let solved = task.solve(&options(1e-10, 50_000));
    assert!(solved.report.converged() && solved.report.iterations < 600, "{:?}", solved.report);
    // No end of the loop is near: the mass goes by a factor of tau / (tau + epsilon) at a time.
    let early = algorithm2(&task, 0.0, 4000);
    let error = evaluate(&task, &early.f, &early.g).mass / solved.report.mass - 1.0;
    assert!(error.abs() > 5e-5, "{error:e}");
    // It does not need the mass for its plans, but these two must agree in the end.
    let end = algorithm2(&task, 1e-9, 200_000);
    let truth = evaluate(&task, &end.f, &end.g);
    println!("{} iterations, {} of the loop, {error:e}", solved.report.iterations, end.iterations);
    assert!(apart(&solved.barycenter, &truth.barycenter) <= 1e-9);
    assert!((truth.mass / solved.report.mass - 1.0).abs() <= 1e-6);
    assert!((truth.objective - solved.report.objective).abs() <= 1e-9);
}
