//! Problems of two sides, and what plain loops say of their plans, whatever solver they come from.

use robust_ot::anneal;
use robust_ot::cost::Dense;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::view::Mat;

use crate::random::Random;
use crate::watch::Evaluated;

/// Which sides are relaxed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RSOT: the rows.
    SemiRelaxed,
    /// ROT: both, plans of unit mass.
    Robust,
    /// Neither.
    Balanced,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SemiRelaxed => "RSOT",
            Self::Robust => "ROT",
            Self::Balanced => "balanced",
        }
    }
}

/// A problem of two measures of unit mass and n points each, without entropy.
pub(crate) struct Pair {
    pub(crate) kind: Kind,
    pub(crate) n: usize,
    pub(crate) tau: f64,
    pub(crate) cost: Vec<f64>,
    pub(crate) a: Vec<f64>,
    pub(crate) b: Vec<f64>,
}

impl Pair {
    /// The family of Figure 3(a): costs uniform and symmetrised, weights uniform in [0.1, 1] and
    /// normalised.
    pub(crate) fn random(kind: Kind, seed: u64, n: usize, costs: (f64, f64), tau: f64) -> Self {
        let mut random = Random::new(seed);
        let raw = random.vector(n * n, costs);
        let cost = (0..n * n).map(|k| (raw[k] + raw[k % n * n + k / n]) / 2.0).collect();
        let [a, b] = [0, 1].map(|_| random.probabilities(n, (0.1, 1.0)));
        Self { kind, n, tau, cost, a, b }
    }

    pub(crate) fn rules(&self) -> [Rule<f64>; 2] {
        let kl = Rule::Kl { tau: self.tau };
        match self.kind {
            Kind::SemiRelaxed => [kl, Rule::Exact],
            Kind::Robust => [kl, kl],
            Kind::Balanced => [Rule::Exact, Rule::Exact],
        }
    }

    pub(crate) fn dense(&self) -> Dense<'_, f64> {
        Dense::new(Mat::new(&self.cost, self.n, self.n).unwrap())
    }

    pub(crate) fn problem(&self, epsilon: f64) -> Problem<'_, f64, Dense<'_, f64>> {
        let [rows, cols] = self.rules();
        let problem = Problem::new(self.dense(), (&self.a, rows), (&self.b, cols), epsilon);
        let problem = problem.unwrap();
        if self.kind == Kind::Robust { problem.unit_mass().unwrap() } else { problem }
    }

    pub(crate) fn largest_cost(&self) -> f64 {
        self.cost.iter().fold(0.0, |m: f64, &c| m.max(c))
    }

    /// tau KL(x | w) of two vectors of unit mass, for a relaxed side.
    fn penalty(&self, rule: Rule<f64>, x: &[f64], w: &[f64]) -> f64 {
        if rule == Rule::Exact { 0.0 } else { self.tau * divergence(x, w) }
    }

    /// The plan exp((u + v - C) / epsilon), of unit mass.
    pub(crate) fn evaluate(&self, epsilon: f64, u: &[f64], v: &[f64]) -> Evaluated {
        let n = self.n;
        let mut plan = vec![0.0; n * n];
        let (mut r, mut c, mut inner) = (vec![0.0; n], vec![0.0; n], 0.0);
        for i in 0..n {
            let (row, costs) = (&mut plan[i * n..][..n], &self.cost[i * n..][..n]);
            for (j, (x, cost)) in row.iter_mut().zip(costs).enumerate() {
                let exponent = (u[i] + v[j] - cost) / epsilon;
                // (What is left out would round to nothing.)
                if exponent > -60.0 {
                    *x = exponent.exp();
                    inner += *x * exponent;
                    r[i] += *x;
                    c[j] += *x;
                }
            }
        }
        let mass: f64 = r.iter().sum();
        if self.kind == Kind::Balanced {
            // Altschuler et al. and Dvurechensky et al. stop once |X 1 - a|_1 + |X^T 1 - b|_1 is at most
            // target / (8 |C|), and round.
            let violation = distance(&r, &self.a) + distance(&c, &self.b);
            let distance = 8.0 * self.largest_cost() * violation;
            return Evaluated { objective: self.round(&mut plan), distance };
        }
        for x in plan.iter_mut().chain(&mut r).chain(&mut c) {
            *x /= mass;
        }
        let transport: f64 = plan.iter().zip(&self.cost).map(|(x, c)| x * c).sum();
        let [rows, cols] = self.rules();
        let objective =
            transport + self.penalty(rows, &r, &self.a) + self.penalty(cols, &c, &self.b);
        // The gap of the problem with entropy, at the best constant, and what the entropy may hide.
        let target: Vec<f64> =
            self.a.iter().zip(u).map(|(a, u)| a * (-u / self.tau).exp()).collect();
        let assigned: f64 = target.iter().sum();
        let target: Vec<f64> = target.iter().map(|x| x / assigned).collect();
        let gap = self.tau * divergence(&r, &target);
        // sum Y log Y, and its largest value.
        let entropy = inner / mass - mass.ln();
        let most = if cols == Rule::Exact { self.b.iter().map(|b| b * b.ln()).sum() } else { 0.0 };
        Evaluated { objective, distance: gap + epsilon * (most - entropy) }
    }

    /// Rounds a plan to both marginals (Altschuler, Weed and Rigollet 2017, Algorithm 2); its cost.
    fn round(&self, plan: &mut [f64]) -> f64 {
        let n = self.n;
        for (row, a) in plan.chunks_mut(n).zip(&self.a) {
            let sum: f64 = row.iter().sum();
            let factor = (a / sum).min(1.0);
            row.iter_mut().for_each(|x| *x *= factor);
        }
        for (j, b) in self.b.iter().enumerate() {
            let sum: f64 = plan[j..].iter().step_by(n).sum();
            let factor = (b / sum).min(1.0);
            plan[j..].iter_mut().step_by(n).for_each(|x| *x *= factor);
        }
        let missing = |w: &f64, sum: f64| (w - sum).max(0.0);
        let rows = plan.chunks(n).zip(&self.a).map(|(row, a)| missing(a, row.iter().sum()));
        let rows: Vec<f64> = rows.collect();
        let sum = |j: usize| plan[j..].iter().step_by(n).sum();
        let cols: Vec<f64> = self.b.iter().enumerate().map(|(j, b)| missing(b, sum(j))).collect();
        let all: f64 = rows.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let entry = |(k, x): (usize, &f64)| x + rows[k / n] * cols[k % n] / all;
        plan.iter().enumerate().map(entry).zip(&self.cost).map(|(x, c)| x * c).sum()
    }

    /// A lower bound of the optimum without entropy: the dual at potentials made feasible
    /// (f_i + g_j <= C_ij) by a minimum over rows or columns, at the best constant.
    fn dual(&self, f: &[f64], g: &[f64]) -> f64 {
        let n = self.n;
        let down = |g: &[f64]| -> Vec<f64> {
            let row =
                |row: &[f64]| row.iter().zip(g).map(|(c, g)| c - g).fold(f64::INFINITY, f64::min);
            self.cost.chunks(n).map(row).collect()
        };
        let across = |f: &[f64]| -> Vec<f64> {
            let column = |j: usize| self.cost[j..].iter().step_by(n).zip(f);
            let least = |j| column(j).map(|(c, f)| c - f).fold(f64::INFINITY, f64::min);
            (0..n).map(least).collect()
        };
        let side = |rule: Rule<f64>, d: &[f64], w: &[f64]| -> f64 {
            if rule == Rule::Exact {
                return d.iter().zip(w).map(|(d, w)| d * w).sum();
            }
            let least = d.iter().copied().fold(f64::INFINITY, f64::min);
            let sum: f64 = d.iter().zip(w).map(|(d, w)| w * ((least - d) / self.tau).exp()).sum();
            least - self.tau * sum.ln()
        };
        let [rows, cols] = self.rules();
        let value = |f: &[f64], g: &[f64]| side(rows, f, &self.a) + side(cols, g, &self.b);
        let from_rows = across(f);
        let from_cols = down(g);
        let rows_again = down(&from_rows);
        let cols_again = across(&from_cols);
        value(&rows_again, &from_rows).max(value(&from_cols, &cols_again))
    }

    /// Bounds of the optimum without entropy, not further apart than `width` where rounding lets them: the
    /// dual and the objective by the loops above, at potentials of the library.
    pub(crate) fn enclose(&self, width: f64) -> [f64; 2] {
        let n = self.n;
        let mut epsilon = width / (n as f64).ln();
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; anneal::fast_work_len::<f64>(n, n, 0, Some(NEWTON))];
        let mut best = [f64::NEG_INFINITY, f64::INFINITY];
        for _ in 0..4 {
            let options = Options::new().stop(Stop::Residual(1e-7)).max_iterations(20_000);
            let options = anneal::Options::new().solve(options);
            let problem = self.problem(epsilon);
            anneal::solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
            let upper = self.evaluate(epsilon, &f, &g).objective;
            best = [best[0].max(self.dual(&f, &g)), best[1].min(upper)];
            if best[1] - best[0] <= width {
                break;
            }
            epsilon /= 3.0;
        }
        best
    }
}

/// Newton's method as `anneal` has it by default.
pub(crate) const NEWTON: robust_ot::implicit::Method<f64> =
    robust_ot::implicit::Method::Iterative { tolerance: 0.1, max_iterations: 1000 };

pub(crate) fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum()
}

/// KL(x | y) of vectors of the same mass.
pub(crate) fn divergence(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).filter(|(x, _)| **x > 0.0).map(|(x, y)| x * (x / y).ln()).sum()
}
