//! The papers' algorithms as they stand, without anything that this library adds: from zero potentials, an
//! update of u, an update of v, and so on. One step is both, two of the papers' iterations.

use robust_ot::barycenter::{Measure, half_step, work_len};
use robust_ot::cost::Dense;
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;

use crate::pair::Pair;
use crate::watch::{Evaluated, Run};

/// Sinkhorn's algorithm (balanced), Algorithm 1 of Le et al. (RSOT) or Algorithm 3 (ROT, whose plan is
/// divided by its mass in the end), in the log domain by the library's sweep: one exponential per entry and
/// step.
pub(crate) struct Plain<'a> {
    pair: &'a Pair,
    measure: Measure<'a, f64, Dense<'a, f64>>,
    epsilon: f64,
    level: Level,
    /// epsilon log b, and how much of its update a column takes.
    logs: Vec<f64>,
    share: f64,
    pub(crate) u: Vec<f64>,
    pub(crate) v: Vec<f64>,
    work: Vec<f64>,
}

/// tau / (tau + epsilon), 1 for an exact side.
pub(crate) fn rho(rule: Rule<f64>, epsilon: f64) -> f64 {
    if let Rule::Kl { tau } = rule { tau / (tau + epsilon) } else { 1.0 }
}

impl<'a> Plain<'a> {
    pub(crate) fn new(pair: &'a Pair, epsilon: f64) -> Self {
        let [rows, cols] = pair.rules();
        let n = pair.n;
        Self {
            pair,
            measure: Measure { geometry: pair.dense(), weights: &pair.a, rule: rows, share: 1.0 },
            epsilon,
            level: Level::detect(),
            logs: pair.b.iter().map(|b| epsilon * b.ln()).collect(),
            share: rho(cols, epsilon),
            u: vec![0.0; n],
            v: vec![0.0; n],
            work: vec![0.0; work_len(n, n, 0)],
        }
    }
}

impl Run for Plain<'_> {
    fn step(&mut self) {
        let Self { measure, epsilon, level, logs, share, u, v, work, .. } = self;
        half_step(measure, *epsilon, *level, u, v, work).unwrap();
        for (v, log) in v.iter_mut().zip(logs) {
            *v = *share * (*log + *v);
        }
    }

    fn evaluate(&self) -> Evaluated {
        self.pair.evaluate(self.epsilon, &self.u, &self.v)
    }

    fn save(&self) -> Vec<f64> {
        [&self.u[..], &self.v].concat()
    }

    fn restore(&mut self, saved: &[f64]) {
        let (u, v) = saved.split_at(self.u.len());
        self.u.copy_from_slice(u);
        self.v.copy_from_slice(v);
    }
}
