//! The papers' updates by plain loops, as they are printed: what the fast runs are held against before
//! anything is measured.

use robust_ot::marginal::Rule;

use crate::barycenter::{Instance, State};
use crate::kept::Kept;
use crate::pair::{Kind, Pair};
use crate::plain::Plain;
use crate::watch::Run;

/// log sum exp.
fn soft_maximum(exponents: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
    most + exponents.map(|x| (x - most).exp()).sum::<f64>().ln()
}

/// log a^k and log b^k: the marginals of exp((u + v - C) / eta).
fn log_marginals(cost: &[f64], eta: f64, u: &[f64], v: &[f64]) -> [Vec<f64>; 2] {
    let (n, m) = (u.len(), v.len());
    let entry = |i: usize, j: usize| (u[i] + v[j] - cost[i * m + j]) / eta;
    let rows = (0..n).map(|i| soft_maximum((0..m).map(move |j| entry(i, j))));
    let cols = (0..m).map(|j| soft_maximum((0..n).map(move |i| entry(i, j))));
    [rows.collect(), cols.collect()]
}

/// The update of a side: eta (u / eta + log a - log a^k), times tau / (tau + eta) if it is relaxed.
fn update(rule: Rule<f64>, eta: f64, u: &mut [f64], a: &[f64], log_sums: &[f64]) {
    let factor = if let Rule::Kl { tau } = rule { eta * tau / (eta + tau) } else { eta };
    for ((u, a), log_sum) in u.iter_mut().zip(a).zip(log_sums) {
        *u = factor * (*u / eta + a.ln() - log_sum);
    }
}

fn pair(pair: &Pair, eta: f64, steps: usize) -> [Vec<f64>; 2] {
    let (mut u, mut v) = (vec![0.0; pair.n], vec![0.0; pair.n]);
    let [rows, cols] = pair.rules();
    for _ in 0..steps {
        let [log_a, _] = log_marginals(&pair.cost, eta, &u, &v);
        update(rows, eta, &mut u, &pair.a, &log_a);
        let [_, log_b] = log_marginals(&pair.cost, eta, &u, &v);
        update(cols, eta, &mut v, &pair.b, &log_b);
    }
    [u, v]
}

/// Algorithm 2: every v is updated from the v of all measures before.
fn barycenter(instance: &Instance, steps: usize) -> [Vec<f64>; 2] {
    let Instance { n, weights, costs, shares, tau, epsilon } = instance;
    let rule = Rule::Kl { tau: *tau };
    let mut u = vec![vec![0.0; *n]; shares.len()];
    let mut v = u.clone();
    for _ in 0..steps {
        let mut mean = vec![0.0; *n];
        let mut logs = Vec::new();
        for (i, cost) in costs.iter().enumerate() {
            let [log_a, _] = log_marginals(cost, *epsilon, &u[i], &v[i]);
            update(rule, *epsilon, &mut u[i], &weights[i], &log_a);
            let [_, log_b] = log_marginals(cost, *epsilon, &u[i], &v[i]);
            for (mean, (v, log_b)) in mean.iter_mut().zip(v[i].iter().zip(&log_b)) {
                *mean += shares[i] * (v / epsilon - log_b);
            }
            logs.push(log_b);
        }
        for (v, log_b) in v.iter_mut().zip(logs) {
            for (v, (log_b, mean)) in v.iter_mut().zip(log_b.iter().zip(&mean)) {
                *v = epsilon * (*v / epsilon - log_b - mean);
            }
        }
    }
    [u.concat(), v.concat()]
}

fn agree(what: &str, found: [&[f64]; 2], expected: &[Vec<f64>; 2]) {
    for (found, expected) in found.iter().zip(expected) {
        let apart = found.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(apart <= 1e-10, "{what}: {apart:e}");
    }
}

/// Every fast run against the loops, after some steps.
pub(crate) fn check() {
    for kind in [Kind::SemiRelaxed, Kind::Robust, Kind::Balanced] {
        for eta in [0.1, 5e-4] {
            let small = Pair::random(kind, 11, 37, (0.02, 1.0), 0.1);
            for steps in [1, 3, 200] {
                let expected = pair(&small, eta, steps);
                let mut plain = Plain::new(&small, eta);
                let mut kept = Kept::new(&small, eta);
                for _ in 0..steps {
                    plain.step();
                    kept.step();
                }
                agree(kind.name(), [&plain.u, &plain.v], &expected);
                let [u, v] = kept.potentials();
                agree("kept kernel", [&u, &v], &expected);
            }
        }
    }
    for m in [2, 5] {
        let small = Instance::random(12, (m, 13), (0.01, 1.0), 0.1, 0.01);
        let mut plain = State::new(&small, false);
        for _ in 0..50 {
            plain.step();
        }
        agree("barycenter", [&plain.u.concat(), &plain.v.concat()], &barycenter(&small, 50));
    }
}
