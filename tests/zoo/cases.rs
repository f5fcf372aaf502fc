//! Problems to solve, and what a plain loop says of their solutions.

use super::T;
use robust_ot::cost::{Dense, Geometry};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::Options;
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::{Report, Termination};
use robust_ot::sinkhorn::{Sinkhorn, check, solve, work_len};
use robust_ot::view::Mat;

pub(super) const SINGLE: bool = size_of::<T>() == 4;
pub(super) const NOWHERE: u64 = Error::NOWHERE;

/// A dense problem that owns its data.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) n: usize,
    pub(super) m: usize,
    pub(super) cost: Vec<T>,
    pub(super) a: Vec<T>,
    pub(super) b: Vec<T>,
    pub(super) rows: Rule<T>,
    pub(super) cols: Rule<T>,
    pub(super) epsilon: T,
    pub(super) reference: Reference,
    pub(super) unit_mass: bool,
}

pub(super) struct Solved {
    pub(super) f: Vec<T>,
    pub(super) g: Vec<T>,
    pub(super) report: Report<T>,
}

/// Weights of sum 1 in the given proportions.
pub(super) fn normalised(weights: impl IntoIterator<Item = f64>) -> Vec<T> {
    let weights: Vec<f64> = weights.into_iter().collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as T).collect()
}

/// Numbers in [0, 1) without a pattern.
pub(super) fn scattered(k: usize) -> f64 {
    (k as f64 * 0.754_877_666_246_692_8 + 0.31).fract()
}

impl Case {
    /// Balanced, costs in [0, 1), positive weights of sum 1.
    pub(super) fn new(n: usize, m: usize) -> Self {
        Self {
            n,
            m,
            cost: (0..n * m).map(|k| scattered(k) as T).collect(),
            a: normalised((0..n).map(|i| 1.0 + (i % 3) as f64)),
            b: normalised((0..m).map(|j| 1.0 + (j % 5) as f64)),
            rows: Rule::Exact,
            cols: Rule::Exact,
            epsilon: 0.1,
            reference: Reference::Counting,
            unit_mass: false,
        }
    }

    /// Two clouds on a line, the squared distances scaled to a largest value of about 1.
    pub(super) fn line(n: usize, epsilon: T) -> Self {
        let (x, y) = (|i| scattered(2 * i), |j| scattered(3 * j + 1).sqrt());
        let cost = (0..n * n).map(|k| (x(k / n) - y(k % n)).powi(2) as T).collect();
        Self { cost, epsilon, ..Self::new(n, n) }
    }

    pub(super) fn at(self, epsilon: T) -> Self {
        Self { epsilon, ..self }
    }

    pub(super) fn rules(self, rows: Rule<T>, cols: Rule<T>) -> Self {
        Self { rows, cols, ..self }
    }

    /// The same data under every pair of rules that has a name, and under both references.
    pub(super) fn families(&self, tau: T) -> Vec<Self> {
        let (exact, kl, other) = (Rule::Exact, Rule::Kl { tau }, Rule::Kl { tau: 2.0 * tau });
        let pairs = [(exact, exact), (kl, exact), (exact, kl), (kl, other)];
        let mut families = Vec::new();
        for reference in [Reference::Counting, Reference::Product] {
            families.extend(pairs.map(|(r, c)| Self { reference, ..self.clone() }.rules(r, c)));
            let robust = Self { reference, unit_mass: true, ..self.clone() };
            families.push(robust.rules(kl, other));
        }
        families
    }

    pub(super) fn view(&self) -> Mat<'_, T> {
        Mat::new(&self.cost, self.n, self.m).unwrap()
    }

    pub(super) fn problem(&self) -> Result<Problem<'_, T, Dense<'_, T>>, Error> {
        let cost = Dense::new(self.view());
        let sides = ((&*self.a, self.rows), (&*self.b, self.cols));
        let problem = Problem::new(cost, sides.0, sides.1, self.epsilon)?;
        let problem = problem.reference(self.reference);
        if self.unit_mass { problem.unit_mass() } else { Ok(problem) }
    }

    pub(super) fn work(&self) -> Vec<T> {
        vec![0.0; work_len(self.n, self.m, 0)]
    }

    pub(super) fn solve(&self, options: &Options<T>) -> Solved {
        let (f, g) = (vec![0.0; self.n], vec![0.0; self.m]);
        self.solve_from(options, f, g)
    }

    pub(super) fn solve_from(&self, options: &Options<T>, mut f: Vec<T>, mut g: Vec<T>) -> Solved {
        let problem = self.problem().unwrap();
        let mut work = self.work();
        let report = solve(&problem, options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        Solved { f, g, report }
    }

    /// What is refused, with nothing written.
    pub(super) fn refusal(&self, options: &Options<T>) -> Error {
        match self.problem() {
            Ok(problem) => refusal(&problem, options),
            Err(error) => error,
        }
    }

    /// The plan at potentials, entry by entry in f64.
    pub(super) fn plan(&self, solved: &Solved) -> Vec<f64> {
        let entry = |k: usize| {
            let (i, j) = (k / self.m, k % self.m);
            let (a, b) = (f64::from(self.a[i]), f64::from(self.b[j]));
            let potential = f64::from(solved.f[i]) + f64::from(solved.g[j]);
            let x = ((potential - f64::from(self.cost[k])) / f64::from(self.epsilon)).exp();
            if a == 0.0 || b == 0.0 {
                0.0
            } else if self.reference == Reference::Product {
                a * b * x
            } else {
                x
            }
        };
        (0..self.n * self.m).map(entry).collect()
    }

    /// The relative KKT residual of the potentials, by plain loops in f64.
    pub(super) fn residual(&self, solved: &Solved) -> f64 {
        let plan = self.plan(solved);
        let row = |i: usize| plan[i * self.m..][..self.m].iter().sum::<f64>();
        let col = |j: usize| plan.iter().skip(j).step_by(self.m).sum::<f64>();
        let target = |rule: Rule<T>, w: T, f: T, factor: f64| match rule {
            _ if w == 0.0 => 0.0,
            Rule::Kl { tau } => f64::from(w) * (-f64::from(f) / f64::from(tau)).exp(),
            _ => f64::from(w) * factor,
        };
        let factor = f64::from(solved.report.mass_factor);
        let row_off = |i| (row(i) - target(self.rows, self.a[i], solved.f[i], 1.0)).abs();
        let col_off = |j| (col(j) - target(self.cols, self.b[j], solved.g[j], factor)).abs();
        let off = (0..self.n).map(row_off).sum::<f64>() + (0..self.m).map(col_off).sum::<f64>();
        off / plan.iter().sum::<f64>()
    }

    /// The report is free of NaN and its residual is that of the potentials, up to rounding.
    pub(super) fn inspect(&self, solved: &Solved) {
        let report = &solved.report;
        let text = format!("{report:?}");
        assert!(!text.contains("NaN"), "{text}");
        for (potential, weights) in [(&solved.f, &self.a), (&solved.g, &self.b)] {
            for (&x, &w) in potential.iter().zip(weights) {
                assert!(if w > 0.0 { x.is_finite() } else { x == T::NEG_INFINITY }, "{x} at {w}");
            }
        }
        let (found, plain) = (f64::from(report.residual), self.residual(solved));
        let rounding = f64::from(report.rounding_floor) + f64::from(T::EPSILON);
        assert!((found - plain).abs() <= 8.0 * rounding, "{found:e} {plain:e}, {rounding:e}");
        if report.converged() {
            assert_eq!(report.termination, Termination::Converged);
        }
    }

    /// Converged, and rightly so.
    pub(super) fn converges(&self, options: &Options<T>) -> Solved {
        let solved = self.solve(options);
        self.inspect(&solved);
        assert!(solved.report.converged(), "{:?} {self:?}", solved.report);
        solved
    }
}

/// Numbers that a failed call must leave alone.
pub(super) fn pattern(n: usize) -> Vec<T> {
    (0..n).map(|k| 1000.25 + k as T).collect()
}

pub(super) fn bits(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits() as u64).collect()
}

/// All of a solution, to compare bits: the text of a number tells it from every other.
pub(super) fn all_bits(solved: &Solved) -> (Vec<u64>, Vec<u64>, String) {
    (bits(&solved.f), bits(&solved.g), format!("{:?}", solved.report))
}

pub(super) fn refusal<G: Geometry<T>>(problem: &Problem<'_, T, G>, options: &Options<T>) -> Error {
    let (n, m) = problem.shape();
    let mut work = vec![0.0; work_len(n, m, problem.geometry().dimension())];
    refusal_from(problem, options, &mut pattern(n), &mut pattern(m), &mut work)
}

/// The one answer of every entrance, which leaves the potentials as they are.
pub(super) fn refusal_from<G: Geometry<T>>(
    problem: &Problem<'_, T, G>,
    options: &Options<T>,
    f: &mut [T],
    g: &mut [T],
    work: &mut [T],
) -> Error {
    let before = (bits(f), bits(g));
    let checked = check(problem, options, f, g, work).unwrap_err();
    let begun = Sinkhorn::new(problem, options, f, g, work).err();
    let solved = solve(problem, options, f, g, work, &mut ()).unwrap_err();
    assert!(before == (bits(f), bits(g)), "{solved} wrote potentials");
    assert_eq!((Some(checked), begun), (Some(solved), Some(solved)));
    solved
}

pub(super) fn error(kind: ErrorKind, argument: Argument, row: u64, col: u64) -> Error {
    Error { kind, argument, row, col, measure: Error::NOWHERE }
}

/// An error without a place.
pub(super) fn plain_error(kind: ErrorKind, argument: Argument) -> Error {
    error(kind, argument, NOWHERE, NOWHERE)
}
