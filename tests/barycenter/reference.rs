//! What the mathematics says, in plain loops over the data: Algorithm 2 of Le et al. run to the end,
//! and the values at given potentials. Nothing of the library's arithmetic is used.

use robust_ot::marginal::Rule;

use super::common::barycenter::{Input, Task};

/// A vector for each measure.
pub(crate) type Vectors = Vec<Vec<f64>>;

/// Where the loop ended. Plans and barycenter have the mass that the problem gives them.
pub(crate) struct Plain {
    pub(crate) f: Vectors,
    pub(crate) g: Vectors,
    pub(crate) iterations: usize,
}

pub(crate) fn shares(task: &Task<f64>) -> Vec<f64> {
    let sum: f64 = task.measures.iter().map(|m| m.share).sum();
    task.measures.iter().map(|m| m.share / sum).collect()
}

/// log sum exp.
fn soft_maximum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    let shift = if most.is_finite() { most } else { 0.0 };
    shift + values.map(|x| (x - shift).exp()).sum::<f64>().ln()
}

/// f, by the rule of the measure, from g.
fn rows(m: &Input<f64>, n: usize, epsilon: f64, g: &[f64]) -> Vec<f64> {
    let row = |l: usize| {
        let exponents = (0..n).map(|j| (g[j] - m.cost[l * n + j]) / epsilon);
        let exact = epsilon * (m.weights[l].ln() - soft_maximum(exponents));
        match m.rule {
            Rule::Kl { tau } => tau / (tau + epsilon) * exact,
            _ => exact,
        }
    };
    (0..m.weights.len()).map(row).collect()
}

/// The logarithm of the columns of exp((f - C) / epsilon).
fn columns(m: &Input<f64>, n: usize, epsilon: f64, f: &[f64]) -> Vec<f64> {
    let column =
        |j: usize| soft_maximum((0..f.len()).map(|l| (f[l] - m.cost[l * n + j]) / epsilon));
    (0..n).map(column).collect()
}

/// Algorithm 2 until no g moves by more than `change`: all f from the g, then all g from the f. An
/// exact measure has tau = infinity.
pub(crate) fn algorithm2(task: &Task<f64>, change: f64, limit: usize) -> Plain {
    let (n, epsilon, w) = (task.support, task.epsilon, shares(task));
    let mut g = vec![vec![0.0; n]; w.len()];
    let mut iterations = 0;
    loop {
        iterations += 1;
        let f: Vectors =
            task.measures.iter().zip(&g).map(|(m, g)| rows(m, n, epsilon, g)).collect();
        let both = task.measures.iter().zip(&f);
        let sums: Vectors = both.map(|(m, f)| columns(m, n, epsilon, f)).collect();
        let mut moved = 0.0_f64;
        for j in 0..n {
            let mean: f64 =
                w.iter().zip(&sums).filter(|(w, _)| **w > 0.0).map(|(w, s)| w * s[j]).sum();
            for (g, sum) in g.iter_mut().zip(&sums) {
                let new = epsilon * (mean - sum[j]);
                moved = moved.max((new - g[j]).abs());
                g[j] = new;
            }
        }
        if moved <= change || iterations == limit {
            return Plain { f, g, iterations };
        }
    }
}

/// Potentials of the library, cut into measures.
pub(crate) fn cut(task: &Task<f64>, f: &[f64], g: &[f64]) -> (Vectors, Vectors) {
    let mut rest = f;
    let cut = |m: &Input<f64>| {
        let (own, others) = rest.split_at(m.weights.len());
        rest = others;
        own.to_vec()
    };
    let f = task.measures.iter().map(cut).collect();
    (f, g.chunks(task.support).map(<[f64]>::to_vec).collect())
}

/// What is true of potentials f, g.
#[derive(Debug)]
pub(crate) struct Truth {
    /// Unit mass.
    pub(crate) barycenter: Vec<f64>,
    /// Before it was divided by its mass.
    pub(crate) mass: f64,
    /// Of unit mass if all rules are KL, else as they are.
    pub(crate) plans: Vectors,
    pub(crate) transport: f64,
    pub(crate) entropy: f64,
    pub(crate) penalty: f64,
    pub(crate) objective: f64,
    pub(crate) unregularised: f64,
    pub(crate) dual: f64,
    /// sum_i w_i |X_i 1 - r(f_i)|_1 over the mass.
    pub(crate) residual: f64,
    /// Largest term of these sums.
    pub(crate) scale: f64,
}

pub(crate) fn sum(x: &[f64]) -> f64 {
    x.iter().sum()
}

/// sum x log(x / y), y = 1 for the entropy.
fn relative(x: &[f64], y: impl Fn(usize) -> f64) -> f64 {
    let terms = x.iter().enumerate().filter(|(_, x)| **x > 0.0);
    terms.map(|(k, &x)| x * (x / y(k)).ln()).sum()
}

pub(crate) fn evaluate(task: &Task<f64>, f: &[Vec<f64>], g: &[Vec<f64>]) -> Truth {
    let (n, epsilon, w) = (task.support, task.epsilon, shares(task));
    let relaxed = task.measures.iter().all(|m| m.rule != Rule::Exact);
    let mut t = Truth {
        barycenter: vec![0.0; n],
        mass: 0.0,
        plans: Vec::new(),
        transport: 0.0,
        entropy: 0.0,
        penalty: 0.0,
        objective: 0.0,
        unregularised: 0.0,
        dual: 0.0,
        residual: 0.0,
        scale: 0.0,
    };
    for (i, m) in task.measures.iter().enumerate() {
        let entry = |k: usize| ((f[i][k / n] + g[i][k % n] - m.cost[k]) / epsilon).exp();
        let mut plan: Vec<f64> = (0..m.cost.len()).map(entry).collect();
        let mass = sum(&plan);
        let rows = |plan: &[f64]| plan.chunks(n).map(sum).collect::<Vec<_>>();
        let target: Vec<f64> = match m.rule {
            Rule::Kl { tau } => m
                .weights
                .iter()
                .zip(&f[i])
                .map(|(p, f)| if *p > 0.0 { p * (-f / tau).exp() } else { 0.0 })
                .collect(),
            _ => m.weights.clone(),
        };
        let off = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum::<f64>();
        t.residual += w[i] * off(&rows(&plan), &target);
        t.mass += w[i] * mass;
        if relaxed {
            plan.iter_mut().for_each(|x| *x /= mass);
        }
        for (j, q) in t.barycenter.iter_mut().enumerate() {
            *q += w[i] * plan[j..].iter().step_by(n).sum::<f64>();
        }
        let costs = plan.iter().zip(&m.cost).filter(|(x, _)| **x > 0.0);
        let transport: f64 = costs.map(|(x, c)| x * c).sum();
        let entropy = relative(&plan, |_| 1.0) - sum(&plan);
        let r = rows(&plan);
        let (penalty, dual) = match m.rule {
            Rule::Kl { tau } => {
                let own = sum(&m.weights);
                let penalty = tau * (relative(&r, |l| m.weights[l]) - sum(&r) + own);
                let dual = if relaxed {
                    // At the best constants on f and g.
                    tau * (own - 1.0 - sum(&target).ln()) - epsilon * (1.0 + mass.ln())
                } else {
                    tau * (own - sum(&target)) - epsilon * mass
                };
                (penalty, dual)
            }
            _ => {
                let pairs = f[i].iter().zip(&m.weights).filter(|(_, p)| **p > 0.0);
                (0.0, pairs.map(|(f, p)| f * p).sum::<f64>() - epsilon * mass)
            }
        };
        t.transport += w[i] * transport;
        t.entropy += w[i] * entropy;
        t.penalty += w[i] * penalty;
        t.dual += w[i] * dual;
        t.scale += w[i] * (transport.abs() + epsilon * entropy.abs() + penalty.abs() + dual.abs());
        t.plans.push(plan);
    }
    t.residual /= t.mass;
    let q = sum(&t.barycenter);
    t.barycenter.iter_mut().for_each(|x| *x /= q);
    t.unregularised = t.transport + t.penalty;
    t.objective = t.unregularised + epsilon * t.entropy;
    t
}

/// Largest difference of two vectors.
pub(crate) fn apart(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let off = |(x, y): (&f64, &f64)| if x == y { 0.0 } else { (x - y).abs() };
    x.iter().zip(y).map(off).fold(0.0, |most, x| if x <= most { most } else { x })
}
