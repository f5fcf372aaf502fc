//! How a solve ends, and what it leaves behind.

use core::ops::ControlFlow;

use robust_ot::barycenter::{Options, Problem, Report, solve, work_len};
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::report::{Progress, Termination};

use super::common::barycenter::{Task, tight};
use super::common::case::Number;
use super::reference::{cut, evaluate};

const KL: Rule<f64> = Rule::Kl { tau: 0.5 };
const MIXTURES: [[Rule<f64>; 3]; 3] = [[KL; 3], [Rule::Exact; 3], [KL, Rule::Exact, KL]];

fn limited<T: Number>(iterations: u64) -> options::Options<T> {
    options::Options::new().stop(Stop::Residual(T::MIN_POSITIVE)).max_iterations(iterations)
}

#[test]
fn limit_of_iterations() {
    for rules in MIXTURES {
        let task = Task::random(1, 6, 0.05, &rules);
        for limit in [1, 2, 7] {
            for options in [Options::new(), Options::new().start(1.0).level_iterations(3)] {
                let solved = task.solve(&options.solve(limited(limit)));
                let report = &solved.report;
                assert_eq!(report.termination, Termination::IterationLimit);
                assert!(!report.converged());
                assert_eq!((report.iterations, report.epsilon), (limit, 0.05));
                // Always after an update of the columns: one column marginal for all plans.
                assert!(report.residual_cols <= 1e-14, "{report:?}");
                let (f, g) = cut(&task, &solved.f, &solved.g);
                let truth = evaluate(&task, &f, &g);
                assert!((truth.objective - report.objective).abs() <= 1e-13);
                let total: f64 = solved.barycenter.iter().sum();
                assert!((total - 1.0).abs() <= 1e-14);
            }
        }
    }
}

/// Called every `check_every` iterations, on every level of the ladder; `Break` ends the solve.
#[test]
fn observers() {
    for rules in MIXTURES {
        let task = Task::random(2, 6, 0.01, &rules);
        let measures = task.dense();
        let problem = Problem::<f64, _>::new(&measures, task.epsilon).unwrap();
        let run = |options: &Options<f64>, stop_at: u64| {
            let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
            let (mut q, mut work) = ([0.0; 6], vec![0.0; work_len(problem.rows(), 6, 0)]);
            let mut seen = Vec::new();
            let mut observer = |p: &Progress<f64>| {
                seen.push((p.iterations, p.epsilon));
                if p.iterations >= stop_at {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let report =
                solve(&problem, options, &mut f, &mut g, &mut q, &mut work, &mut observer).unwrap();
            (report, seen, q)
        };
        let every = |count| Options::new().solve(limited(1000).check_every(count));
        let (report, seen, q) = run(&every(4), 12);
        assert_eq!((report.termination, report.iterations), (Termination::Stopped, 12));
        assert_eq!(seen, [(4, 0.01), (8, 0.01), (12, 0.01)]);
        // What it leaves is what twelve iterations leave.
        let plain = task.solve(&Options::new().solve(limited(12)));
        assert_eq!((q.to_vec(), report.objective), (plain.barycenter, plain.report.objective));
        // The ladder: 0.16 and 0.04 with three iterations each, or fewer.
        let ladder = every(1).start(0.16).level_iterations(3);
        let (report, seen, _) = run(&ladder, 2);
        assert_eq!(report.termination, Termination::Stopped);
        assert_eq!(report.epsilon, 0.01);
        assert_eq!(seen[..2], [(1, 0.16), (2, 0.16)]);
        let (_, seen, _) = run(&ladder, 30);
        let epsilons: Vec<f64> = seen.iter().map(|s| s.1).collect();
        assert!(epsilons.is_sorted_by(|x, y| x >= y));
        for level in [0.16, 0.04] {
            let count = epsilons.iter().filter(|&&e| e == level).count();
            assert!((2..=3).contains(&count), "{count} at {level}");
        }
        let iterations: Vec<u64> = seen.iter().map(|s| s.0).collect();
        assert_eq!(iterations, (1..=30).collect::<Vec<_>>());
    }
}

/// A tolerance below rounding: the solve says so, at a residual near the floor that it states.
fn floor<T: Number>() {
    for rules in MIXTURES {
        let task: Task<T> = Task::random(3, 6, 0.05, &rules).to();
        let solved = task.solve(&Options::new().solve(limited(20_000)));
        let Report { termination, residual, rounding_floor, .. } = solved.report;
        assert_eq!(termination, Termination::RoundingFloor, "{:?}", solved.report);
        assert!(residual <= T::from_count(16) * rounding_floor, "{:?}", solved.report);
    }
}

#[test]
fn rounding_floor() {
    floor::<f32>();
    floor::<f64>();
}

/// Data that nobody looked at: whatever is wrong with it, the solve does not claim to have converged.
fn trusted<T: Number>() {
    let bad = [T::NAN, T::NEG_INFINITY, -T::ONE];
    for rules in MIXTURES {
        let good: Task<T> = Task::random(4, 5, 0.1, &rules).to();
        let options = |stop| {
            let base = options::Options::new().stop(stop).max_iterations(200);
            Options::new().solve(base.trust_data(true))
        };
        let mut stops = vec![Stop::Residual(T::from_f64(1e-4))];
        if !rules.contains(&Rule::Exact) {
            stops.push(Stop::Certified(T::from_f64(0.5)));
        }
        for stop in stops {
            let solved = good.solve(&options(stop));
            assert!(solved.report.converged(), "{:?}", solved.report);
            for i in 0..3 {
                let mut tasks = Vec::new();
                for value in [T::NAN, T::NEG_INFINITY] {
                    for k in [0, 7, good.measures[i].cost.len() - 1] {
                        let mut task = good.clone();
                        task.measures[i].cost[k] = value;
                        tasks.push(task);
                    }
                }
                for value in bad {
                    for l in 0..good.measures[i].weights.len() {
                        let mut task = good.clone();
                        task.measures[i].weights[l] = value;
                        tasks.push(task);
                    }
                }
                let mut task = good.clone();
                task.measures[i].weights.fill(T::ZERO);
                tasks.push(task);
                for task in tasks {
                    let solved = task.solve(&options(stop));
                    let report = &solved.report;
                    assert!(!report.converged(), "{:?} {report:?}", task.measures[i]);
                    assert!(!solved.f.iter().chain(&solved.g).any(|x| x.is_nan()), "{report:?}");
                }
            }
        }
    }
}

#[test]
fn bad_data_that_is_trusted() {
    trusted::<f32>();
    trusted::<f64>();
}

/// Good data that is trusted: the same bits.
#[test]
fn good_data_that_is_trusted() {
    for rules in MIXTURES {
        let mut task = Task::random(5, 6, 0.05, &rules);
        task.measures[0].weights[1] = 0.0;
        if rules[0] == Rule::Exact {
            let total: f64 = task.measures[0].weights.iter().sum();
            task.measures[0].weights.iter_mut().for_each(|w| *w /= total);
        }
        let looked = task.solve(&Options::new().solve(limited(50)));
        let trusting = task.solve(&Options::new().solve(limited(50).trust_data(true)));
        assert_eq!((looked.f, looked.g), (trusting.f, trusting.g));
        assert_eq!(looked.barycenter, trusting.barycenter);
    }
}

/// Potentials far from the optimum as a start, minus infinity among them: no matter.
#[test]
fn any_start_will_do() {
    for rules in MIXTURES {
        let task = Task::random(6, 6, 0.05, &rules);
        let expected = task.solve(&tight(1e-11));
        for value in [f64::NEG_INFINITY, -30.0, 3.0, 30.0] {
            let mut start = expected.clone();
            start.f[1] = 100.0 * value;
            start.g[8] = value;
            let warm = limited(20_000).stop(Stop::Residual(1e-11)).warm_start(true);
            let solved = task.try_solve(&Options::new().solve(warm), Some(&start)).unwrap();
            assert!(solved.report.converged(), "{value}: {:?}", solved.report);
            for (x, y) in solved.barycenter.iter().zip(&expected.barycenter) {
                assert!((x - y).abs() <= 1e-8, "{value}: {x} {y}");
            }
        }
    }
}

/// Relaxed rules, and costs so far from zero that the mass before it is divided by leaves the range of
/// the type: the end says so, and nothing that is returned is NaN.
#[test]
fn masses_out_of_range() {
    for offset in [-1e3, 1e3] {
        let mut task = Task::random(6, 6, 0.05, &MIXTURES[0]);
        task.measures.iter_mut().for_each(|m| m.cost.iter_mut().for_each(|c| *c += offset));
        let solved = task.solve(&tight(1e-9));
        assert_eq!(solved.report.termination, Termination::NumericalTrouble);
        assert!(!solved.report.converged());
        let all = solved.f.iter().chain(&solved.g).chain(&solved.barycenter);
        assert!(all.clone().all(|x| x.is_finite()), "{solved:?}");
        assert!((solved.barycenter.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// Exact rules and forbidden pairs that leave no common column marginal: two measures, each tied to
/// bins that the other can fill only in part.
#[test]
fn no_plan_at_all() {
    let inf = f64::INFINITY;
    // The first puts .9 into bin 0, the second at least .5 into bins 1 and 2.
    let costs = [[0.0, inf, inf, inf, 0.1, 0.2], [inf, 0.0, 0.1, 0.0, 0.3, 0.2]];
    let weights = [[0.9, 0.1], [0.5, 0.5]];
    let mut task = Task::random(1, 3, 0.1, &[Rule::Exact; 2]);
    for ((m, cost), weights) in task.measures.iter_mut().zip(costs).zip(weights) {
        (m.cost, m.weights) = (cost.to_vec(), weights.to_vec());
    }
    let solved = task.solve(&tight(1e-9));
    let report = &solved.report;
    assert!(!report.converged(), "{report:?}");
    assert!(report.residual > 0.1, "{report:?}");
    assert!([Termination::Stalled, Termination::IterationLimit].contains(&report.termination));
}
