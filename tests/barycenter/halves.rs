//! The half step and the combination, for a host that spreads measures over threads or machines: put
//! together they are the solver.

use robust_ot::barycenter::{Combination, Half, Options, half_step, work_len};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};

use super::common::barycenter::{Solved, Task};
use super::common::case::Number;
use super::reference::apart;

const KL: Rule<f64> = Rule::Kl { tau: 0.4 };

/// Potentials of a host, and what the last combination found.
struct Host<T> {
    f: Vec<Vec<T>>,
    g: Vec<Vec<T>>,
    barycenter: Vec<T>,
    log_mass: T,
    residual: T,
}

/// Iterations by hand; the measures before `cut` and the others in combinations of their own.
fn by_hand<T: Number>(task: &Task<T>, iterations: u64, cut: Option<usize>) -> Host<T> {
    let (n, measures) = (task.support, task.dense());
    let vectors = |len: &dyn Fn(usize) -> usize| -> Vec<Vec<T>> {
        (0..measures.len()).map(|i| vec![T::ZERO; len(i)]).collect()
    };
    let (mut f, mut g) = (vectors(&|i| measures[i].weights.len()), vectors(&|_| n));
    let (mut barycenter, mut log_mass, mut residual) = (vec![T::ZERO; n], T::NAN, T::NAN);
    for _ in 0..iterations {
        let mut halves = Vec::new();
        for ((measure, f), g) in measures.iter().zip(&mut f).zip(&mut g) {
            // Each measure needs work of its own size only.
            let mut work = vec![T::NAN; work_len(f.len(), n, 0)];
            let level = Level::detect();
            let half = half_step(measure, task.epsilon, level, f, g, &mut work).unwrap();
            assert!(!half.trouble, "{half:?}");
            halves.push(half);
        }
        let (mut soft, mut other) = (vec![T::NAN; n], vec![T::NAN; n]);
        let mut combination = Combination::new(&mut soft);
        let cut = cut.unwrap_or(measures.len());
        for i in 0..cut {
            combination.add(&measures[i], &halves[i], &g[i]);
        }
        if cut < measures.len() {
            let mut second = Combination::new(&mut other);
            for i in cut..measures.len() {
                second.add(&measures[i], &halves[i], &g[i]);
            }
            let Combination { soft, sums } = second;
            combination.merge(soft, &sums);
        }
        let combined = combination.combine(task.epsilon);
        (log_mass, residual) = (combined.constants.log_mass, combined.constants.residual);
        let both = measures.iter().zip(&halves);
        for ((measure, Half { log_target, .. }), (f, g)) in both.zip(f.iter_mut().zip(&mut g)) {
            let _ = combined.apply(measure, *log_target, f, g);
        }
        for (q, &potential) in barycenter.iter_mut().zip(combined.potential) {
            *q = T::from_f64((potential / task.epsilon).to_f64().exp());
        }
    }
    Host { f, g, barycenter, log_mass, residual }
}

fn solver<T: Number>(task: &Task<T>, iterations: u64) -> Solved<T> {
    let stop = Stop::Residual(T::MIN_POSITIVE);
    let solve = options::Options::new().stop(stop).max_iterations(iterations);
    task.solve(&Options::new().solve(solve))
}

/// Exact masses of different rounding are brought to one by the solver alone, so that weights here
/// have one sum to the last bit.
fn tasks() -> Vec<Task<f64>> {
    let mixtures = [[KL; 4], [KL, Rule::Exact, KL, KL], [Rule::Exact; 4]];
    let mut tasks = Vec::new();
    for (seed, rules) in mixtures.iter().enumerate() {
        for epsilon in [0.2, 0.03] {
            let mut task = Task::random(300 + seed as u64, 7, epsilon, rules);
            if seed == 2 {
                for m in &mut task.measures {
                    let len = m.weights.len();
                    m.weights = vec![0.0625; len];
                    m.weights[0] = 1.0 - 0.0625 * (len - 1) as f64;
                }
            } else {
                task.measures[2].weights[1] = 0.0;
                task.measures[0].cost[3] = f64::INFINITY;
                task.measures[3].share = 0.0;
            }
            tasks.push(task);
        }
    }
    tasks
}

fn in_order<T: Number>(task: &Task<T>) {
    for iterations in 1..=3 {
        let host = by_hand(task, iterations, None);
        let solved = solver(task, iterations);
        assert_eq!(host.f.concat(), solved.f);
        assert_eq!(host.g.concat(), solved.g);
        let rounding = T::ROUNDOFF.to_f64() * 64.0 / task.epsilon.to_f64();
        let log_mass = solved.report.log_mass.to_f64();
        assert!((host.log_mass.to_f64() - log_mass).abs() <= rounding);
        let mass: f64 = host.barycenter.iter().map(|q| q.to_f64()).sum();
        for (q, expected) in host.barycenter.iter().zip(&solved.barycenter) {
            assert!((q.to_f64() / mass - expected.to_f64()).abs() <= rounding);
        }
    }
}

#[test]
fn in_order_they_are_the_solver() {
    for task in tasks() {
        in_order(&task);
        in_order::<f32>(&task.to());
    }
}

#[test]
fn in_two_parts_they_are_the_solver_to_rounding() {
    let mut worst = 0.0_f64;
    for task in tasks() {
        for cut in 0..=4 {
            let host = by_hand(&task, 3, Some(cut));
            let solved = solver(&task, 3);
            let error = apart(&host.f.concat(), &solved.f).max(apart(&host.g.concat(), &solved.g));
            worst = worst.max(error);
            assert!(error <= 1e-14, "{error:e} with {cut} in the first part");
        }
    }
    println!("{worst:e}");
}

/// What a host can stop by: the residual is that of the potentials before the step.
#[test]
fn residuals_of_a_host() {
    for task in tasks() {
        let residuals: Vec<f64> = (1..30).map(|k| by_hand(&task, k, None).residual).collect();
        for k in [1, 5, 20] {
            let report = solver(&task, k).report;
            let (found, expected) = (residuals[k as usize], report.residual_rows);
            assert!((found - expected).abs() <= 1e-13, "{k}: {found:e} {expected:e}");
        }
        assert!(residuals[28] < 0.1 * residuals[1]);
    }
}
