//! The same bits at every instruction set, whatever the work held.

use robust_ot::barycenter::{Options, Problem, Report, solve, work_len};
use robust_ot::cost::Geometry;
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};

use super::common::barycenter::Task;
use super::common::case::Number;

const ITERATIONS: u64 = 12;

/// All bits of an outcome: the text of a number tells it from every other.
type Bits = (String, String);

fn run<T: Number, G: Geometry<T>>(
    problem: &Problem<'_, T, G>,
    level: Option<Level>,
    filling: T,
) -> (Bits, Report<T>) {
    let base = options::Options::new();
    let base = base.stop(Stop::Residual(T::MIN_POSITIVE)).max_iterations(ITERATIONS);
    let solve_options = level.map_or(base, |level| base.level(level));
    let start = problem.epsilon() + problem.epsilon();
    let options = Options::new().solve(solve_options).start(start).level_iterations(3);
    let (n, rows) = (problem.support(), problem.rows());
    let (mut f, mut g) = (vec![filling; rows], vec![filling; problem.cols()]);
    let mut barycenter = vec![filling; n];
    let mut work = vec![filling; work_len(rows, n, problem.dimension())];
    let report =
        solve(problem, &options, &mut f, &mut g, &mut barycenter, &mut work, &mut ()).unwrap();
    assert!(report.iterations > 2 && report.iterations <= ITERATIONS);
    assert!(!report.residual.is_nan() && report.mass > T::ZERO);
    ((format!("{f:?} {g:?} {barycenter:?}"), format!("{report:?}")), report)
}

fn at_all_levels<T: Number, G: Geometry<T>>(problem: &Problem<'_, T, G>) -> Bits {
    let (expected, _) = run(problem, Some(Level::PORTABLE), T::ZERO);
    let large = T::from_f64(if T::ROUNDOFF.to_f64() < 1e-10 { 1e308 } else { 1e38 });
    for level in Level::available() {
        for filling in [T::NAN, large, T::NEG_INFINITY] {
            let (found, _) = run(problem, Some(level), filling);
            assert_eq!(found, expected, "at {}", level.name());
        }
    }
    assert_eq!(run(problem, None, T::NAN).0, expected);
    expected
}

fn everywhere<T: Number>() {
    let kl = Rule::Kl { tau: 0.3 };
    for (seed, n) in [1, 2, 3, 5, 8, 15, 16, 17, 33].into_iter().enumerate() {
        for rules in [[kl; 3], [kl, Rule::Exact, kl]] {
            for epsilon in [0.1, 0.004] {
                let mut task = Task::random(200 + seed as u64, n, epsilon, &rules);
                if n > 2 {
                    task.measures[0].weights[2] = 0.0;
                    task.measures[2].cost[1] = f64::INFINITY;
                }
                let dense: Task<T> = task.to();
                let measures = dense.dense();
                let _ = at_all_levels(&Problem::new(&measures, dense.epsilon).unwrap());
                let points: Task<T> = task.with_points(seed as u64).to();
                let measures = points.points();
                let _ = at_all_levels(&Problem::new(&measures, points.epsilon).unwrap());
            }
        }
    }
}

#[test]
fn same_bits_in_f32() {
    everywhere::<f32>();
}

#[test]
fn same_bits_in_f64() {
    everywhere::<f64>();
}
