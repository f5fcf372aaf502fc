//! Random problems against Algorithm 2 in plain loops.

use robust_ot::marginal::Rule;

use super::common::barycenter::{Task, tight};
use super::common::case::Random;
use super::reference::{algorithm2, apart, cut, evaluate};

const BOUND: f64 = 1e-9;

/// Which measures are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rules {
    Relaxed,
    Exact,
    Mixed,
}

/// k measures with their own taus.
fn rules(kind: Rules, k: usize, random: &mut Random) -> Vec<Rule<f64>> {
    let rule = |i: usize| {
        let tau = 0.1 * 20.0_f64.powf(random.next());
        let exact = kind == Rules::Exact || (kind == Rules::Mixed && i.is_multiple_of(2));
        if exact { Rule::Exact } else { Rule::Kl { tau } }
    };
    (0..k).map(rule).collect()
}

#[test]
fn random_problems_agree_with_algorithm_2() {
    let mut worst = [0.0_f64; 4];
    for seed in 0..6 {
        for k in 1..=5 {
            for kind in [Rules::Relaxed, Rules::Exact, Rules::Mixed] {
                if kind == Rules::Mixed && k == 1 {
                    continue;
                }
                let mut random = Random(100 * seed + k as u64);
                let support = 3 + (random.next() * 6.0) as usize;
                let epsilon = [0.02, 0.05, 0.2][seed as usize % 3];
                let rules = rules(kind, k, &mut random);
                let task = Task::random(seed + 10 * k as u64, support, epsilon, &rules);
                let plain = algorithm2(&task, 1e-14, 200_000);
                assert!(plain.iterations < 200_000, "{kind:?} {k}: the loop did not converge");
                let expected = evaluate(&task, &plain.f, &plain.g);
                let solved = task.solve(&tight(1e-11));
                let report = &solved.report;
                assert!(report.converged(), "{kind:?} {k}: {report:?}");
                let (f, g) = cut(&task, &solved.f, &solved.g);
                let found = evaluate(&task, &f, &g);
                let plans = found.plans.iter().zip(&expected.plans);
                let errors = [
                    apart(&solved.barycenter, &expected.barycenter),
                    plans.map(|(x, y)| apart(x, y)).fold(0.0, f64::max),
                    (report.objective - expected.objective).abs(),
                    (report.mass / expected.mass - 1.0).abs(),
                ];
                for (worst, error) in worst.iter_mut().zip(errors) {
                    *worst = worst.max(error);
                    assert!(error <= BOUND, "{kind:?}, {k} measures, seed {seed}: {errors:?}");
                }
                // Without exact measures the potentials are unique, too.
                if kind == Rules::Relaxed {
                    for (x, y) in f.iter().chain(&g).zip(plain.f.iter().chain(&plain.g)) {
                        assert!(apart(x, y) <= BOUND, "{kind:?} {k}: {:e}", apart(x, y));
                    }
                }
            }
        }
    }
    println!("barycenter, plans, objective, mass: {worst:?}");
}
