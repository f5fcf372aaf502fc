//! Random problems with any pair of rules, their solves, and losses of what a solve gives.

use robust_ot::cost::{Dense, Metric, Points};
use robust_ot::error::Error;
use robust_ot::implicit::{self, Cotangent, GradientReport, Gradients, Optimum};
use robust_ot::kernel::Precision;
use robust_ot::marginal::Rule;
use robust_ot::math::Elementary;
use robust_ot::options::{Options, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Report;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::{Mat, MatMut};

/// f32 and f64.
pub trait Number:
    Precision<Cost = Self, Potential = Self, Sum = Self, Work = Self> + Elementary
{
}
impl Number for f32 {}
impl Number for f64 {}

/// The same numbers in another precision.
pub fn convert<T: Number, U: Number>(values: &[T]) -> Vec<U> {
    values.iter().map(|x| U::from_f64(x.to_f64())).collect()
}

pub fn convert_rule<T: Number, U: Number>(rule: Rule<T>) -> Rule<U> {
    let to = |x: T| U::from_f64(x.to_f64());
    match rule {
        Rule::Kl { tau } => Rule::Kl { tau: to(tau) },
        Rule::L2Ball { radius2, entropy } => {
            Rule::L2Ball { radius2: to(radius2), entropy: to(entropy) }
        }
        Rule::KlBall { radius, entropy } => {
            Rule::KlBall { radius: to(radius), entropy: to(entropy) }
        }
        Rule::Tv { tau } => Rule::Tv { tau: to(tau) },
        Rule::Box { lower, upper } => Rule::Box { lower: to(lower), upper: to(upper) },
        _ => Rule::Exact,
    }
}

/// splitmix64: numbers in [0, 1) from a seed.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn vector(&mut self, len: usize, low: f64, high: f64) -> Vec<f64> {
        (0..len).map(|_| low + (high - low) * self.next()).collect()
    }
}

/// Scales weights to a mass.
pub fn normalise(weights: &mut [f64], mass: f64) {
    let sum: f64 = weights.iter().sum();
    for w in weights {
        *w *= mass / sum;
    }
}

/// Points and what their distance costs.
#[derive(Clone, Debug)]
pub struct Cloud<T> {
    pub x: Vec<T>,
    pub y: Vec<T>,
    pub d: usize,
    pub metric: Metric,
}

/// A problem. With a cloud `cost` is not used.
#[derive(Clone, Debug)]
pub struct Case<T> {
    pub n: usize,
    pub m: usize,
    pub cost: Vec<T>,
    pub cloud: Option<Cloud<T>>,
    pub a: Vec<T>,
    pub b: Vec<T>,
    pub rows: Rule<T>,
    pub cols: Rule<T>,
    pub epsilon: T,
    pub reference: Reference,
    pub unit_mass: bool,
}

/// Potentials, report, and the plan with its marginals, taken entry by entry.
#[derive(Clone, Debug)]
pub struct Solved<T> {
    pub f: Vec<T>,
    pub g: Vec<T>,
    pub report: Report<T>,
    pub plan: Vec<T>,
    pub r: Vec<T>,
    pub c: Vec<T>,
}

/// What a loss adds up: inner products with parts of an optimum.
#[derive(Clone, Debug, Default)]
pub struct Loss<T> {
    pub plan: Option<Vec<T>>,
    pub row: Option<Vec<T>>,
    pub col: Option<Vec<T>>,
    pub potentials: Option<(Vec<T>, Vec<T>)>,
    pub transport: T,
    pub value: T,
}

/// All gradients of a loss.
#[derive(Clone, Debug)]
pub struct Found<T> {
    pub cost: Vec<T>,
    pub a: Vec<T>,
    pub b: Vec<T>,
    pub x: Vec<T>,
    pub y: Vec<T>,
    pub report: GradientReport<T>,
}

/// Calls `$body` with the problem of a case.
#[macro_export]
macro_rules! with_problem {
    ($case:expr, $t:ty, $problem:ident => $body:expr) => {{
        let case = $case;
        let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
        if let Some(cloud) = &case.cloud {
            let x = Mat::new(&cloud.x, case.n, cloud.d).unwrap();
            let y = Mat::new(&cloud.y, case.m, cloud.d).unwrap();
            let points = Points::new(x, y, cloud.metric).unwrap();
            let problem = Problem::<$t, _>::new(points, sides.0, sides.1, case.epsilon);
            let problem = problem.unwrap().reference(case.reference);
            let $problem = if case.unit_mass { problem.unit_mass().unwrap() } else { problem };
            $body
        } else {
            let cost = Dense::new(Mat::new(&case.cost, case.n, case.m).unwrap());
            let problem = Problem::<$t, _>::new(cost, sides.0, sides.1, case.epsilon);
            let problem = problem.unwrap().reference(case.reference);
            let $problem = if case.unit_mass { problem.unit_mass().unwrap() } else { problem };
            $body
        }
    }};
}

impl Case<f64> {
    /// Costs in [0, 1), weights of unit mass.
    pub fn random(seed: u64, (n, m): (usize, usize), (rows, cols): (Rule<f64>, Rule<f64>)) -> Self {
        let mut random = Random(seed);
        let cost = random.vector(n * m, 0.0, 1.0);
        let (mut a, mut b) = (random.vector(n, 0.3, 1.0), random.vector(m, 0.3, 1.0));
        normalise(&mut a, 1.0);
        normalise(&mut b, 1.0);
        Self {
            n,
            m,
            cost,
            cloud: None,
            a,
            b,
            rows,
            cols,
            epsilon: 0.1,
            reference: Reference::Counting,
            unit_mass: false,
        }
    }

    /// Points in the unit cube instead of the cost.
    pub fn with_points(mut self, seed: u64, d: usize, metric: Metric) -> Self {
        let mut random = Random(seed);
        let x = random.vector(self.n * d, 0.0, 1.0);
        let y = random.vector(self.m * d, 0.0, 1.0);
        self.cloud = Some(Cloud { x, y, d, metric });
        self
    }
}

impl<T: Number> Case<T> {
    pub fn to<U: Number>(&self) -> Case<U> {
        Case {
            n: self.n,
            m: self.m,
            cost: convert(&self.cost),
            cloud: self.cloud.as_ref().map(|c| Cloud {
                x: convert(&c.x),
                y: convert(&c.y),
                d: c.d,
                metric: c.metric,
            }),
            a: convert(&self.a),
            b: convert(&self.b),
            rows: convert_rule(self.rows),
            cols: convert_rule(self.cols),
            epsilon: U::from_f64(self.epsilon.to_f64()),
            reference: self.reference,
            unit_mass: self.unit_mass,
        }
    }

    pub fn dimension(&self) -> usize {
        self.cloud.as_ref().map_or(0, |c| c.d)
    }

    /// Solves to a residual as small as rounding allows. (Where a ball's multiplier is large that is
    /// more than the tolerance, hence the limit.)
    pub fn solve(&self) -> Solved<T> {
        self.solve_from(None)
    }

    /// The same from the potentials of another solve.
    pub fn solve_from(&self, start: Option<&Solved<T>>) -> Solved<T> {
        let tolerance = T::from_f64(if T::ROUNDOFF.to_f64() < 1e-10 { 1e-14 } else { 1e-7 });
        let options = Options::new().stop(Stop::Residual(tolerance)).max_iterations(5000);
        self.solve_with(&options, start).unwrap()
    }

    pub fn solve_with(
        &self,
        options: &Options<T>,
        start: Option<&Solved<T>>,
    ) -> Result<Solved<T>, Error> {
        let (n, m) = (self.n, self.m);
        let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
        let mut options = *options;
        if let Some(start) = start {
            f.copy_from_slice(&start.f);
            g.copy_from_slice(&start.g);
            options = options.warm_start(true);
        }
        let mut work = vec![T::ZERO; work_len(n, m, self.dimension())];
        let report = with_problem!(self, T, p => {
            solve(&p, &options, &mut f, &mut g, &mut work, &mut ())?
        });
        Ok(self.solved(f, g, report))
    }

    /// The plan at potentials.
    pub fn solved(&self, f: Vec<T>, g: Vec<T>, report: Report<T>) -> Solved<T> {
        let (n, m) = (self.n, self.m);
        let mut plan = vec![T::ZERO; n * m];
        let mut work = vec![T::ZERO; plan::work_len(n, m, self.dimension())];
        with_problem!(self, T, p => {
            let mut view = Plan::new(&p, &f, &g, report.log_mass, &mut work).unwrap();
            view.to_dense(&mut MatMut::new(&mut plan, n, m).unwrap()).unwrap();
        });
        let sum = |values: &mut dyn Iterator<Item = T>| {
            T::from_f64(values.map(|x| x.to_f64()).sum::<f64>())
        };
        let r = (0..n).map(|i| sum(&mut plan[i * m..][..m].iter().copied())).collect();
        let c = (0..m).map(|j| sum(&mut plan[j..].iter().step_by(m).copied())).collect();
        Solved { f, g, report, plan, r, c }
    }

    /// C_ij from its definition.
    pub fn cost_at(&self, i: usize, j: usize) -> f64 {
        let Some(cloud) = &self.cloud else { return self.cost[i * self.m + j].to_f64() };
        let d = cloud.d;
        let square: f64 = (0..d)
            .map(|k| (cloud.x[i * d + k].to_f64() - cloud.y[j * d + k].to_f64()).powi(2))
            .sum();
        if cloud.metric == Metric::Euclidean { square.sqrt() } else { square }
    }

    /// Gradients of a loss at an optimum, in outputs and work that held NaN.
    pub fn gradient(
        &self,
        solved: &Solved<T>,
        loss: &Loss<T>,
        options: &implicit::Options<T>,
        direct: bool,
    ) -> Result<Found<T>, Error> {
        let len = implicit::work_len(self.n, self.m, self.dimension(), direct);
        self.gradient_in(solved, loss, options, &mut vec![T::NAN; len], T::NAN).1
    }

    /// Gradients with the caller's work; the outputs hold `canary` before.
    pub fn gradient_in(
        &self,
        solved: &Solved<T>,
        loss: &Loss<T>,
        options: &implicit::Options<T>,
        work: &mut [T],
        canary: T,
    ) -> (Vec<Vec<T>>, Result<Found<T>, Error>) {
        let (n, m, d) = (self.n, self.m, self.dimension());
        let mut cost = vec![canary; n * m];
        let (mut a, mut b) = (vec![canary; n], vec![canary; m]);
        let (mut x, mut y) = (vec![canary; n * d], vec![canary; m * d]);
        let cotangent = loss.cotangent(n, m);
        let optimum = Optimum::new(&solved.f, &solved.g, &solved.report);
        let report = {
            let gradients = Gradients {
                cost: Some(MatMut::new(&mut cost, n, m).unwrap()),
                a: Some(&mut a),
                b: Some(&mut b),
                x: (d > 0).then(|| MatMut::new(&mut x, n, d).unwrap()),
                y: (d > 0).then(|| MatMut::new(&mut y, m, d).unwrap()),
            };
            with_problem!(self, T, p => {
                implicit::vjp(&p, optimum, &cotangent, options, gradients, work)
            })
        };
        let outputs = vec![cost.clone(), a.clone(), b.clone(), x.clone(), y.clone()];
        (outputs, report.map(|report| Found { cost, a, b, x, y, report }))
    }
}

impl<T: Number> Loss<T> {
    pub fn to<U: Number>(&self) -> Loss<U> {
        let to = |v: &Option<Vec<T>>| v.as_ref().map(|v| convert(v));
        Loss {
            plan: to(&self.plan),
            row: to(&self.row),
            col: to(&self.col),
            potentials: self.potentials.as_ref().map(|(f, g)| (convert(f), convert(g))),
            transport: U::from_f64(self.transport.to_f64()),
            value: U::from_f64(self.value.to_f64()),
        }
    }

    pub fn cotangent(&self, n: usize, m: usize) -> Cotangent<'_, T> {
        let mut cotangent = Cotangent::new().transport_cost(self.transport).value(self.value);
        if let Some(plan) = &self.plan {
            cotangent = cotangent.plan(Mat::new(plan, n, m).unwrap());
        }
        if let Some(row) = &self.row {
            cotangent = cotangent.row_marginal(row);
        }
        if let Some(col) = &self.col {
            cotangent = cotangent.col_marginal(col);
        }
        if let Some((f, g)) = &self.potentials {
            cotangent = cotangent.potentials(f, g);
        }
        cotangent
    }

    /// The loss itself, from its definition. The plan is that of unit mass where the problem says so.
    pub fn of(&self, case: &Case<T>, solved: &Solved<T>) -> f64 {
        let inner = |x: &[T], y: &[T]| -> f64 {
            let terms = x.iter().zip(y).filter(|(x, y)| x.to_f64() != 0.0 && y.to_f64() != 0.0);
            terms.map(|(x, y)| x.to_f64() * y.to_f64()).sum()
        };
        let part = |x: &Option<Vec<T>>, y: &[T]| x.as_ref().map_or(0.0, |x| inner(x, y));
        let mut loss = part(&self.plan, &solved.plan)
            + part(&self.row, &solved.r)
            + part(&self.col, &solved.c)
            + self.value.to_f64() * solved.report.objective.to_f64();
        if let Some((f, g)) = &self.potentials {
            loss += inner(f, &solved.f) + inner(g, &solved.g);
        }
        for (k, x) in solved.plan.iter().enumerate() {
            let x = x.to_f64();
            if x > 0.0 {
                loss += self.transport.to_f64() * x * case.cost_at(k / case.m, k % case.m);
            }
        }
        loss
    }
}
