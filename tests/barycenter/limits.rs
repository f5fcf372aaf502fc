//! The smallest and the most degenerate problems, most of them with a solution in closed form.

use robust_ot::marginal::Rule;

use super::common::barycenter::{Input, Solved, Task, tight};
use super::common::case::{Random, convert};
use super::reference::{algorithm2, apart, cut, evaluate, sum};

const KL: Rule<f64> = Rule::Kl { tau: 0.4 };
/// What a residual of 1e-13 leaves, and rounding.
const CLOSE: f64 = 1e-12;

fn solve(task: &Task<f64>) -> Solved<f64> {
    let solved = task.solve(&tight(1e-13));
    assert!(solved.report.converged(), "{:?}", solved.report);
    solved
}

fn assert_close(x: &[f64], y: &[f64], what: &str) {
    assert!(apart(x, y) <= CLOSE, "{what}: off by {:e}", apart(x, y));
}

fn normalised(x: &[f64]) -> Vec<f64> {
    x.iter().map(|value| value / sum(x)).collect()
}

/// g = 0, and f is that of one update: tau epsilon / (tau + epsilon) (log p - log K 1), K = exp(-C /
/// epsilon); an exact measure has tau = infinity.
#[test]
fn one_measure() {
    for (rule, power) in [(KL, 0.4 / 0.45), (Rule::Exact, 1.0)] {
        let task = Task::random(1, 6, 0.05, &[rule]);
        let solved = solve(&task);
        assert!(solved.report.iterations <= 4, "{:?}", solved.report);
        let m = &task.measures[0];
        let mut q = vec![0.0; 6];
        for (p, cost) in m.weights.iter().zip(m.cost.chunks(6)) {
            let kernel: Vec<f64> = cost.iter().map(|c| (-c / 0.05).exp()).collect();
            let u = (p / sum(&kernel)).powf(power);
            q.iter_mut().zip(&kernel).for_each(|(q, k)| *q += u * k);
        }
        assert_close(&solved.barycenter, &normalised(&q), "barycenter");
        assert!((solved.report.mass - sum(&q)).abs() <= CLOSE);
        assert_close(&solved.g, &[0.0; 6], "g");
    }
}

/// Copies of one measure: its own plan and barycenter, whatever the shares.
#[test]
fn identical_measures() {
    for rule in [KL, Rule::Exact] {
        let one = Task::random(2, 7, 0.03, &[rule]);
        let expected = solve(&one);
        let mut task = one.clone();
        task.measures = vec![one.measures[0].clone(); 5];
        for (m, share) in task.measures.iter_mut().zip([0.1, 3.0, 1.0, 0.7, 2.5]) {
            m.share = share;
        }
        let solved = solve(&task);
        assert_close(&solved.barycenter, &expected.barycenter, "barycenter");
        assert_close(&solved.g, &[0.0; 35], "g");
        let rows = one.rows();
        for f in solved.f.chunks(rows) {
            assert_close(f, &expected.f, "f");
        }
        assert!((solved.report.objective - expected.report.objective).abs() <= CLOSE);
    }
}

/// The barycenter has one bin: no choice but that of the rows. Under KL rules they are in proportion
/// to exp((tau log p - c) / (tau + epsilon)), under exact rules they are the weights.
#[test]
fn one_bin() {
    let rules = [KL, Rule::Kl { tau: 3.0 }, Rule::Kl { tau: 0.05 }];
    for exact in [false, true] {
        let mut task = Task::random(3, 1, 0.05, &rules);
        if exact {
            task.measures.iter_mut().for_each(|m| m.rule = Rule::Exact);
        }
        let solved = solve(&task);
        assert_eq!(solved.barycenter, [1.0]);
        let (f, g) = cut(&task, &solved.f, &solved.g);
        let found = evaluate(&task, &f, &g);
        for (m, plan) in task.measures.iter().zip(&found.plans) {
            let expected: Vec<f64> = match m.rule {
                Rule::Kl { tau } => {
                    let row = |(p, c): (&f64, &f64)| ((tau * p.ln() - c) / (tau + 0.05)).exp();
                    normalised(&m.weights.iter().zip(&m.cost).map(row).collect::<Vec<_>>())
                }
                _ => m.weights.clone(),
            };
            assert_close(plan, &expected, "plan");
        }
    }
}

/// Measures of one point: q in proportion to exp(-sum_i w_i C_i / epsilon).
#[test]
fn one_point_each() {
    for rule in [KL, Rule::Exact] {
        let mut task = Task::random(4, 9, 0.05, &[rule; 4]);
        let mut random = Random(5);
        for m in &mut task.measures {
            (m.weights, m.cost) = (vec![1.0], random.vector(9, 0.0, 1.0));
        }
        let total: f64 = task.measures.iter().map(|m| m.share).sum();
        let mean =
            |j: usize| task.measures.iter().map(|m| m.share * m.cost[j]).sum::<f64>() / total;
        let q: Vec<f64> = (0..9).map(|j| (-mean(j) / 0.05).exp()).collect();
        let solved = solve(&task);
        assert_close(&solved.barycenter, &normalised(&q), "barycenter");
    }
    // And one bin too.
    let mut task = Task::random(4, 1, 0.05, &[KL, Rule::Exact]);
    for m in &mut task.measures {
        (m.weights, m.cost) = (vec![1.0], vec![0.3]);
    }
    let solved = solve(&task);
    assert_eq!(solved.barycenter, [1.0]);
    assert!((solved.report.transport_cost - 0.3).abs() <= CLOSE);
}

#[test]
fn sixty_four_measures() {
    let rule =
        |i: usize| if i < 32 { Rule::Kl { tau: 0.1 + 0.05 * i as f64 } } else { Rule::Exact };
    for rules in
        [(0..32).map(rule).cycle().take(64).collect::<Vec<_>>(), (0..64).map(rule).collect()]
    {
        let task = Task::random(6, 5, 0.1, &rules);
        let plain = algorithm2(&task, 1e-15, 10_000);
        let expected = evaluate(&task, &plain.f, &plain.g);
        let solved = solve(&task);
        assert_close(&solved.barycenter, &expected.barycenter, "barycenter");
        assert!((solved.report.objective - expected.objective).abs() <= CLOSE);
        assert!((solved.report.mass - expected.mass).abs() <= CLOSE);
    }
}

/// A weight of zero: as if its point were not there.
#[test]
fn zero_weights() {
    for rules in [[KL; 3], [Rule::Exact; 3], [KL, Rule::Exact, KL]] {
        let mut task = Task::random(7, 6, 0.05, &rules);
        task.measures[0].weights[0] = 0.0;
        task.measures[1].weights[3] = 0.0;
        task.measures[2].weights[1..3].fill(0.0);
        for m in &mut task.measures {
            let mass = sum(&m.weights);
            m.weights.iter_mut().for_each(|w| *w /= mass);
        }
        let mut without = task.clone();
        for m in &mut without.measures {
            let kept: Vec<usize> = (0..m.weights.len()).filter(|&l| m.weights[l] > 0.0).collect();
            m.cost = kept.iter().flat_map(|l| m.cost[l * 6..][..6].to_vec()).collect();
            m.weights = kept.iter().map(|&l| m.weights[l]).collect();
        }
        let (solved, expected) = (solve(&task), solve(&without));
        assert_close(&solved.barycenter, &expected.barycenter, "barycenter");
        assert_close(&solved.g, &expected.g, "g");
        let weights = task.measures.iter().flat_map(|m| &m.weights);
        let mut kept = Vec::new();
        for (&f, &w) in solved.f.iter().zip(weights) {
            if w > 0.0 {
                kept.push(f);
            } else {
                assert_eq!(f, f64::NEG_INFINITY);
            }
        }
        assert_close(&kept, &expected.f, "f");
        assert!((solved.report.objective - expected.report.objective).abs() <= CLOSE);
        assert!((solved.report.gap == f64::INFINITY) == rules.contains(&Rule::Exact));
    }
}

/// Bins that one measure cannot reach, and single pairs that are forbidden: the former hold no mass,
/// and the rest is the problem without them.
#[test]
fn forbidden_bins() {
    for rules in [[KL; 3], [Rule::Exact; 3], [Rule::Exact, KL, KL]] {
        let mut task = Task::random(8, 8, 0.05, &rules);
        let gone = [2, 7];
        let cost_of = |m: &mut Input<f64>, j: usize| {
            m.cost.iter_mut().skip(j).step_by(8).for_each(|c| *c = f64::INFINITY);
        };
        cost_of(&mut task.measures[1], 2);
        cost_of(&mut task.measures[0], 7);
        cost_of(&mut task.measures[2], 7);
        task.measures[0].cost[0] = f64::INFINITY;
        task.measures[2].cost[12] = f64::INFINITY;
        let mut without = task.clone();
        without.support = 6;
        let keep = |v: &[f64]| -> Vec<f64> {
            let kept = v.iter().enumerate().filter(|(k, _)| !gone.contains(&(k % 8)));
            kept.map(|(_, &x)| x).collect()
        };
        for m in &mut without.measures {
            m.cost = keep(&m.cost);
        }
        let (solved, expected) = (solve(&task), solve(&without));
        for j in gone {
            assert_eq!(solved.barycenter[j], 0.0);
            assert!(solved.g.iter().skip(j).step_by(8).all(|&g| g == f64::NEG_INFINITY));
        }
        assert_close(&keep(&solved.barycenter), &expected.barycenter, "barycenter");
        assert!(solved.f.iter().all(|f| f.is_finite()));
        assert!(keep(&solved.g).iter().all(|g| g.is_finite()));
        let plain = algorithm2(&without, 1e-15, 100_000);
        let truth = evaluate(&without, &plain.f, &plain.g);
        assert_close(&expected.barycenter, &truth.barycenter, "barycenter without the bins");
        for (x, y) in [
            (solved.report.objective, truth.objective),
            (solved.report.mass, truth.mass),
            (solved.report.penalty, truth.penalty),
            (solved.report.dual_value, truth.dual),
        ] {
            assert!((x - y).abs() <= CLOSE, "{x} {y}");
        }
    }
}

/// The end of an interpolation: a measure of share 0 changes nothing, and its own plan carries the
/// barycenter at the least cost.
#[test]
fn share_zero() {
    for rules in [[KL; 3], [Rule::Exact; 3], [Rule::Exact, KL, Rule::Exact], [KL, KL, KL]] {
        let mut task = Task::random(9, 6, 0.05, &rules);
        task.measures[1].share = 0.0;
        let mut without = task.clone();
        without.measures.remove(1);
        let (solved, expected) = (solve(&task), solve(&without));
        assert_eq!(solved.barycenter, expected.barycenter);
        assert_eq!(solved.report.objective, expected.report.objective);
        assert_eq!(solved.report.residual, expected.report.residual);
        assert_eq!(solved.report.mass, expected.report.mass);
        let (f, g) = cut(&task, &solved.f, &solved.g);
        let found = evaluate(&task, &f, &g);
        let columns = |plan: &[f64]| -> Vec<f64> {
            normalised(&(0..6).map(|j| plan[j..].iter().step_by(6).sum()).collect::<Vec<_>>())
        };
        assert_close(&columns(&found.plans[1]), &expected.barycenter, "columns of share 0");
        let plain = algorithm2(&task, 1e-15, 100_000);
        let truth = evaluate(&task, &plain.f, &plain.g);
        assert_close(&found.plans[1], &truth.plans[1], "plan of share 0");
        // What it cannot reach the others can.
        task.measures[1].cost.iter_mut().step_by(6).for_each(|c| *c = f64::INFINITY);
        assert_eq!(solve(&task).barycenter, expected.barycenter);
    }
}

#[test]
fn masses() {
    let scales = [3.7, 0.25, 12.0];
    // Exact measures of a common mass: everything in proportion.
    let mut task = Task::random(10, 6, 0.05, &[Rule::Exact; 3]);
    let expected = solve(&task);
    for m in &mut task.measures {
        m.weights.iter_mut().for_each(|w| *w *= 3.7);
    }
    let solved = solve(&task);
    assert_close(&solved.barycenter, &expected.barycenter, "exact");
    assert!((solved.report.mass / 3.7 - 1.0).abs() <= CLOSE);
    assert!((solved.report.transport_cost - 3.7 * expected.report.transport_cost).abs() <= CLOSE);
    // KL measures of any mass: tau KL(y | s p) is tau KL(y | p) but for a constant.
    let mut task = Task::random(10, 6, 0.05, &[KL, Rule::Kl { tau: 2.0 }, KL]);
    let expected = solve(&task);
    for (m, scale) in task.measures.iter_mut().zip(scales) {
        m.weights.iter_mut().for_each(|w| *w *= scale);
    }
    let solved = solve(&task);
    assert_close(&solved.barycenter, &expected.barycenter, "relaxed");
    let shares: f64 = task.measures.iter().map(|m| m.share).sum();
    let constant: f64 =
        task.measures
            .iter()
            .zip(scales)
            .map(|(m, s)| {
                if let Rule::Kl { tau } = m.rule { m.share * tau * (s - 1.0 - s.ln()) } else { 0.0 }
            })
            .sum();
    let moved = solved.report.objective - expected.report.objective;
    assert!((moved - constant / shares).abs() <= 20.0 * CLOSE, "{moved} {constant}");
    // The mass before it was divided by: t^(epsilon + sum w tau) = prod s_i^(w_i tau_i).
    let (mut relaxed, mut power) = (0.05, 0.0);
    for (m, s) in task.measures.iter().zip(scales) {
        if let Rule::Kl { tau } = m.rule {
            relaxed += m.share / shares * tau;
            power += m.share / shares * tau * s.ln();
        }
    }
    let factor = (power / relaxed).exp();
    assert!((solved.report.mass / expected.report.mass / factor - 1.0).abs() <= CLOSE);
    // An exact measure sets the mass of all.
    let mut task = Task::random(11, 6, 0.05, &[KL, Rule::Exact, KL]);
    task.measures[1].weights.iter_mut().for_each(|w| *w *= 3.7);
    task.measures[2].weights.iter_mut().for_each(|w| *w *= 0.25);
    let plain = algorithm2(&task, 1e-15, 100_000);
    let truth = evaluate(&task, &plain.f, &plain.g);
    let solved = solve(&task);
    assert_close(&solved.barycenter, &truth.barycenter, "mixed");
    assert!((solved.report.mass - 3.7).abs() <= CLOSE);
    assert!((solved.report.objective - truth.objective).abs() <= 20.0 * CLOSE);
}

#[test]
fn single_precision() {
    let rules = [[KL; 3], [Rule::Exact; 3], [KL, Rule::Exact, KL]];
    for (seed, rules) in rules.iter().enumerate() {
        let task = Task::random(12 + seed as u64, 7, 0.05, rules);
        let expected = solve(&task);
        let single: Task<f32> = task.to();
        let solved = single.solve(&tight(4e-6));
        assert!(solved.report.converged(), "{:?}", solved.report);
        let found: Vec<f64> = convert(&solved.barycenter);
        let error = apart(&found, &expected.barycenter);
        assert!(error <= 1e-5, "{error:e}");
        assert!((f64::from(solved.report.objective) - expected.report.objective).abs() <= 1e-5);
        assert!((f64::from(solved.report.mass) / expected.report.mass - 1.0).abs() <= 1e-5);
    }
}
