//! Barycenter problems that own their data, their solves and the stored instances.

use serde_json::Value;

use robust_ot::barycenter::{Measure, Options, Problem, Report, solve, work_len};
use robust_ot::cost::{Dense, Metric, Points};
use robust_ot::error::Error;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::view::Mat;

use super::case::{Number, Random, convert, convert_rule, normalise};

/// One measure; its points, if there are any, make the cost.
#[derive(Clone, Debug)]
pub struct Input<T> {
    pub weights: Vec<T>,
    pub cost: Vec<T>,
    pub x: Vec<T>,
    pub rule: Rule<T>,
    pub share: T,
}

/// A problem.
#[derive(Clone, Debug)]
pub struct Task<T> {
    pub support: usize,
    pub epsilon: T,
    pub measures: Vec<Input<T>>,
    /// Points of the barycenter (support x dimension), if costs come from points.
    pub y: Vec<T>,
    pub dimension: usize,
}

/// What a solve gave.
#[derive(Clone, Debug)]
pub struct Solved<T> {
    pub f: Vec<T>,
    pub g: Vec<T>,
    pub barycenter: Vec<T>,
    pub report: Report<T>,
}

pub fn tight<T: Number>(tolerance: T) -> Options<T> {
    let limit = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let solve = options::Options::new().stop(Stop::Residual(tolerance)).max_iterations(limit);
    Options::new().solve(solve)
}

impl<T: Number> Task<T> {
    pub fn rows(&self) -> usize {
        self.measures.iter().map(|m| m.weights.len()).sum()
    }

    pub fn dense(&self) -> Vec<Measure<'_, T, Dense<'_, T>>> {
        let mut measures = Vec::new();
        for m in &self.measures {
            let cost = Mat::new(&m.cost, m.weights.len(), self.support).unwrap();
            let geometry = Dense::new(cost);
            measures.push(Measure { geometry, weights: &m.weights, rule: m.rule, share: m.share });
        }
        measures
    }

    pub fn points(&self) -> Vec<Measure<'_, T, Points<'_, T>>> {
        let d = self.dimension;
        let y = Mat::new(&self.y, self.support, d).unwrap();
        let mut measures = Vec::new();
        for m in &self.measures {
            let x = Mat::new(&m.x, m.weights.len(), d).unwrap();
            let geometry = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
            measures.push(Measure { geometry, weights: &m.weights, rule: m.rule, share: m.share });
        }
        measures
    }

    pub fn try_solve(
        &self,
        options: &Options<T>,
        start: Option<&Solved<T>>,
    ) -> Result<Solved<T>, Error> {
        let (n, k) = (self.support, self.measures.len());
        let mut f = start.map_or_else(|| vec![T::ZERO; self.rows()], |s| s.f.clone());
        let mut g = start.map_or_else(|| vec![T::ZERO; k * n], |s| s.g.clone());
        let mut barycenter = vec![T::NAN; n];
        let mut work = vec![T::NAN; work_len(self.rows(), n, self.dimension)];
        let report = if self.dimension > 0 {
            let measures = self.points();
            let problem = Problem::new(&measures, self.epsilon)?;
            solve(&problem, options, &mut f, &mut g, &mut barycenter, &mut work, &mut ())?
        } else {
            let measures = self.dense();
            let problem = Problem::new(&measures, self.epsilon)?;
            solve(&problem, options, &mut f, &mut g, &mut barycenter, &mut work, &mut ())?
        };
        Ok(Solved { f, g, barycenter, report })
    }

    pub fn solve(&self, options: &Options<T>) -> Solved<T> {
        self.try_solve(options, None).unwrap()
    }

    pub fn to<U: Number>(&self) -> Task<U> {
        let one = |x: T| U::from_f64(x.to_f64());
        Task {
            support: self.support,
            epsilon: one(self.epsilon),
            y: convert(&self.y),
            dimension: self.dimension,
            measures: self
                .measures
                .iter()
                .map(|m| Input {
                    weights: convert(&m.weights),
                    cost: convert(&m.cost),
                    x: convert(&m.x),
                    rule: convert_rule(m.rule),
                    share: one(m.share),
                })
                .collect(),
        }
    }

    pub fn largest_cost(&self) -> f64 {
        let costs = self.measures.iter().flat_map(|m| &m.cost);
        costs.map(|c| c.to_f64()).filter(|c| c.is_finite()).fold(0.0, f64::max)
    }
}

impl Task<f64> {
    /// Costs in [0, 1), sizes 4 to 9, weights that differ by up to ten times, shares too.
    pub fn random(seed: u64, support: usize, epsilon: f64, rules: &[Rule<f64>]) -> Self {
        let mut random = Random(seed);
        let measures = rules
            .iter()
            .map(|&rule| {
                let size = 4 + (random.next() * 6.0) as usize;
                let mut weights = random.vector(size, 0.1, 1.0);
                normalise(&mut weights, 1.0);
                let cost = random.vector(size * support, 0.0, 1.0);
                let share = 0.2 + random.next();
                Input { weights, cost, x: Vec::new(), rule, share }
            })
            .collect();
        Self { support, epsilon, measures, y: Vec::new(), dimension: 0 }
    }

    /// The same with points in the plane, which set the costs.
    pub fn with_points(mut self, seed: u64) -> Self {
        let mut random = Random(seed);
        self.dimension = 2;
        self.y = random.vector(2 * self.support, 0.0, 1.0);
        for measure in &mut self.measures {
            measure.x = random.vector(2 * measure.weights.len(), 0.0, 1.0);
            measure.cost = measure
                .x
                .chunks(2)
                .flat_map(|x| {
                    let square = |y: &[f64]| (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2);
                    self.y.chunks(2).map(square).collect::<Vec<_>>()
                })
                .collect();
        }
        self
    }
}

/// A stored instance with its solution.
pub struct Instance {
    pub name: String,
    pub task: Task<f64>,
    pub barycenter: Vec<f64>,
    pub mass: f64,
    pub objective: f64,
    /// Plans of unit mass.
    pub plans: Vec<Vec<f64>>,
}

fn vector(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|x| match x {
            Value::Array(_) => vector(x),
            _ => vec![x.as_f64().unwrap()],
        })
        .collect()
}

pub fn stored() -> Vec<Instance> {
    let file: Value = serde_json::from_str(include_str!("../golden/barycenter.json")).unwrap();
    let instance = |i: &Value| {
        let rule = i["tau"].as_f64().map_or(Rule::Exact, |tau| Rule::Kl { tau });
        let shares = vector(&i["weights"]);
        let measures = i["measures"].as_array().unwrap().iter().zip(shares);
        let expected = &i["expected"];
        Instance {
            name: i["name"].as_str().unwrap().into(),
            task: Task {
                support: i["support"].as_u64().unwrap() as usize,
                epsilon: i["epsilon"].as_f64().unwrap(),
                measures: measures
                    .map(|(m, share)| Input {
                        weights: vector(&m["p"]),
                        cost: vector(&m["cost"]),
                        x: Vec::new(),
                        rule,
                        share,
                    })
                    .collect(),
                y: Vec::new(),
                dimension: 0,
            },
            barycenter: vector(&expected["barycenter"]),
            mass: expected["mass_before_normalisation"].as_f64().unwrap(),
            objective: expected["objective"].as_f64().unwrap(),
            plans: expected["plans_normalised"].as_array().unwrap().iter().map(vector).collect(),
        }
    };
    file["instances"].as_array().unwrap().iter().map(instance).collect()
}
