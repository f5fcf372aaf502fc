//! Barycenters of measures on fixed supports (RSBP), and what plain loops say of their plans.

use robust_ot::barycenter::{
    Combination, Half, Measure, Options, Problem, half_step, solve, work_len,
};
use robust_ot::cost::Dense;
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::view::Mat;

use crate::pair::divergence;
use crate::random::Random;
use crate::watch::{Evaluated, Run};

pub(crate) type Vectors = Vec<Vec<f64>>;

/// Measures of n points each, and a barycenter of n points.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) n: usize,
    pub(crate) weights: Vectors,
    pub(crate) costs: Vectors,
    pub(crate) shares: Vec<f64>,
    pub(crate) tau: f64,
    pub(crate) epsilon: f64,
}

impl Instance {
    /// Random weights and shares, costs uniform.
    pub(crate) fn random(
        seed: u64,
        (m, n): (usize, usize),
        costs: (f64, f64),
        tau: f64,
        epsilon: f64,
    ) -> Self {
        let mut random = Random::new(seed);
        let costs = (0..m).map(|_| random.vector(n * n, costs)).collect();
        let weights = (0..m).map(|_| random.probabilities(n, (0.0, 1.0))).collect();
        Self { n, weights, costs, shares: random.probabilities(m, (0.0, 1.0)), tau, epsilon }
    }

    pub(crate) fn measures(&self) -> Vec<Measure<'_, f64, Dense<'_, f64>>> {
        let measure = |i: usize| Measure {
            geometry: Dense::new(Mat::new(&self.costs[i], self.n, self.n).unwrap()),
            weights: &self.weights[i],
            rule: Rule::Kl { tau: self.tau },
            share: self.shares[i],
        };
        (0..self.shares.len()).map(measure).collect()
    }

    /// A solve by the library: potentials, iterations.
    pub(crate) fn solved(&self, options: &Options<f64>) -> ([Vectors; 2], u64) {
        let measures = self.measures();
        let problem = Problem::<f64, _>::new(&measures, self.epsilon).unwrap();
        let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
        let (mut q, mut work) = (vec![0.0; self.n], vec![0.0; work_len(problem.rows(), self.n, 0)]);
        let report = solve(&problem, options, &mut f, &mut g, &mut q, &mut work, &mut ()).unwrap();
        ([self.cut(&f), self.cut(&g)], report.iterations)
    }

    /// One vector a measure.
    pub(crate) fn cut(&self, x: &[f64]) -> Vectors {
        x.chunks(self.n).map(<[f64]>::to_vec).collect()
    }

    /// The unregularised objective of the plans of unit mass, and its certified distance from the optimum.
    pub(crate) fn evaluate(&self, [u, v]: [&Vectors; 2]) -> Evaluated {
        let Self { n, weights, costs, shares, tau, epsilon } = self;
        let (mut objective, mut distance) = (0.0, 0.0);
        for (i, cost) in costs.iter().enumerate() {
            let (u, v) = (&u[i], &v[i]);
            let (mut rows, mut transport, mut inner) = (vec![0.0; *n], 0.0, 0.0);
            for ((sum, u), costs) in rows.iter_mut().zip(u).zip(cost.chunks(*n)) {
                for (v, cost) in v.iter().zip(costs) {
                    let exponent = (u + v - cost) / epsilon;
                    if exponent > -60.0 {
                        let x = exponent.exp();
                        *sum += x;
                        transport += x * cost;
                        inner += x * exponent;
                    }
                }
            }
            let mass: f64 = rows.iter().sum();
            rows.iter_mut().for_each(|r| *r /= mass);
            let target = weights[i].iter().zip(u).map(|(p, u)| p * (-u / tau).exp());
            let target: Vec<f64> = target.collect();
            let assigned: f64 = target.iter().sum();
            let target: Vec<f64> = target.iter().map(|x| x / assigned).collect();
            let gap = tau * divergence(&rows, &target);
            objective += shares[i] * (transport / mass + tau * divergence(&rows, &weights[i]));
            // sum Y log Y.
            let entropy = inner / mass - mass.ln();
            distance += shares[i] * (gap - epsilon * entropy);
        }
        Evaluated { objective, distance }
    }
}

/// Potentials between two updates.
pub(crate) struct State<'a> {
    instance: &'a Instance,
    measures: Vec<Measure<'a, f64, Dense<'a, f64>>>,
    /// By the library's iteration, which moves constants too, or by Algorithm 2 as it stands.
    library: bool,
    level: Level,
    pub(crate) u: Vectors,
    pub(crate) v: Vectors,
    halves: Vec<Half<f64>>,
    mean: Vec<f64>,
    work: Vec<f64>,
}

impl<'a> State<'a> {
    pub(crate) fn new(instance: &'a Instance, library: bool) -> Self {
        let zero = vec![vec![0.0; instance.n]; instance.shares.len()];
        Self {
            instance,
            measures: instance.measures(),
            library,
            level: Level::detect(),
            u: zero.clone(),
            v: zero,
            halves: Vec::new(),
            mean: vec![0.0; instance.n],
            work: vec![0.0; work_len(instance.n, instance.n, 0)],
        }
    }
}

impl Run for State<'_> {
    /// The update of all u, then of all v.
    fn step(&mut self) {
        let Self { instance, measures, library, level, u, v, halves, mean, work } = self;
        let epsilon = instance.epsilon;
        halves.clear();
        for ((measure, u), v) in measures.iter().zip(&mut *u).zip(&mut *v) {
            halves.push(half_step(measure, epsilon, *level, u, v, work).unwrap());
        }
        if *library {
            let mut combination = Combination::new(mean);
            for ((measure, half), v) in measures.iter().zip(&*halves).zip(&*v) {
                combination.add(measure, half, v);
            }
            let combined = combination.combine(epsilon);
            let both = measures.iter().zip(&*halves).zip(u.iter_mut().zip(v));
            for ((measure, half), (u, v)) in both {
                let _ = combined.apply(measure, half.log_target, u, v);
            }
            return;
        }
        mean.fill(0.0);
        for (soft, share) in v.iter().zip(&instance.shares) {
            mean.iter_mut().zip(soft).for_each(|(mean, soft)| *mean += share * soft);
        }
        for v in v.iter_mut() {
            v.iter_mut().zip(&*mean).for_each(|(v, mean)| *v -= mean);
        }
    }

    fn evaluate(&self) -> Evaluated {
        self.instance.evaluate([&self.u, &self.v])
    }

    fn save(&self) -> Vec<f64> {
        [self.u.concat(), self.v.concat()].concat()
    }

    fn restore(&mut self, saved: &[f64]) {
        let (u, v) = saved.split_at(saved.len() / 2);
        (self.u, self.v) = (self.instance.cut(u), self.instance.cut(v));
    }
}
