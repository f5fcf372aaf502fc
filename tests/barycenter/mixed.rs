//! Costs and sums in f32, potentials in f64.

use robust_ot::barycenter::{Measure, Options, Problem, solve, work_len};
use robust_ot::cost::Dense;
use robust_ot::kernel::Mixed;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::view::Mat;

use super::common::barycenter::{Task, tight};
use super::common::case::convert;
use super::reference::{apart, cut, evaluate};

/// The same numbers in f64, solved to the end, are the truth: no f32 problem at this epsilon comes
/// near it.
#[test]
fn mixed_precision() {
    let kl = Rule::Kl { tau: 0.4 };
    for rules in [[kl; 3], [Rule::Exact; 3], [kl, Rule::Exact, kl]] {
        for epsilon in [0.05, 0.005] {
            // Rounded to f32 and back: the same data for both.
            let single: Task<f32> = Task::random(400, 9, epsilon, &rules).to();
            let mut task: Task<f64> = single.to();
            task.epsilon = epsilon;
            for (m, rule) in task.measures.iter_mut().zip(rules) {
                m.rule = rule;
            }
            let expected = task.solve(&tight(1e-11));
            let measures: Vec<Measure<'_, Mixed, Dense<'_, f32>>> = single
                .measures
                .iter()
                .zip(&task.measures)
                .map(|(m, of)| {
                    let geometry = Dense::new(Mat::new(&m.cost, m.weights.len(), 9).unwrap());
                    Measure { geometry, weights: &m.weights, rule: of.rule, share: of.share }
                })
                .collect();
            let problem = Problem::<Mixed, _>::new(&measures, epsilon).unwrap();
            let base = options::Options::new().stop(Stop::Residual(1e-6)).max_iterations(20_000);
            let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
            let mut barycenter = [f32::NAN; 9];
            let mut work = vec![f64::NAN; work_len(problem.rows(), 9, 0)];
            let options = Options::new().solve(base);
            let q = &mut barycenter;
            let report = solve(&problem, &options, &mut f, &mut g, q, &mut work, &mut ()).unwrap();
            assert!(report.converged(), "{report:?}");
            let found: Vec<f64> = convert(&barycenter);
            let error = apart(&found, &expected.barycenter);
            println!("{rules:?} at {epsilon}: {error:e} after {}", report.iterations);
            assert!(error <= 2e-6, "{error:e}");
            // The values are those of the potentials, to the rounding of f32 sums.
            let (f, g) = cut(&task, &f, &g);
            let truth = evaluate(&task, &f, &g);
            for (x, y) in [
                (report.objective, truth.objective),
                (report.unregularised_objective, truth.unregularised),
                (report.dual_value, truth.dual),
                (report.mass, truth.mass),
            ] {
                assert!((x - y).abs() <= 1e-6, "{x} {y}");
            }
        }
    }
}
