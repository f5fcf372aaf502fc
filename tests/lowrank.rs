//! The low-rank kernel: its factors against the kernel itself, its bounds against solves by plain loops.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::case::{Random, convert};
use robust_ot::barycenter;
use robust_ot::cost::lowrank::{
    Factorisation, Limit, LowRank, dimension, factor, factors_len, work_len,
};
use robust_ot::cost::{Geometry, Metric, Points};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::implicit::{self, Cotangent, Gradients, Optimum};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::Problem;
use robust_ot::report::{Report, Termination};
use robust_ot::sinkhorn::{self, fast_work_len, solve};
use robust_ot::view::{Mat, MatMut};

/// Two clouds with weights.
struct Clouds {
    x: Vec<f64>,
    y: Vec<f64>,
    d: usize,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Clouds {
    fn new(x: Vec<f64>, y: Vec<f64>, d: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut weights = |count: usize| {
            let mut w = random.vector(count, 0.5, 1.5);
            let sum: f64 = w.iter().sum();
            w.iter_mut().for_each(|w| *w /= sum);
            w
        };
        let (a, b) = (weights(x.len() / d), weights(y.len() / d));
        Self { x, y, d, a, b }
    }

    /// Uniform in the unit square.
    fn square(n: usize, m: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let (x, y) = (random.vector(2 * n, 0.0, 1.0), random.vector(2 * m, 0.0, 1.0));
        Self::new(x, y, 2, seed + 1)
    }

    /// Two Gaussian clouds in space.
    fn gaussian(n: usize, m: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut cloud = |count: usize, centre: f64| -> Vec<f64> {
            let mut normal = || -> f64 {
                let (u, v) = (random.next(), random.next());
                (-2.0 * (1.0 - u).ln()).sqrt() * (core::f64::consts::TAU * v).cos()
            };
            (0..3 * count).map(|_| centre + 0.2 * normal()).collect()
        };
        let (x, y) = (cloud(n, 0.0), cloud(m, 0.3));
        Self::new(x, y, 3, seed + 1)
    }

    /// The colours of two photographs.
    fn colours() -> Self {
        let read = |text: &str| -> Vec<f64> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.flat_map(|line| line.split(',')).map(|x| x.trim().parse().unwrap()).collect()
        };
        let x = read(include_str!("../c-examples/data/coffee_pixels.csv"));
        let y = read(include_str!("../c-examples/data/shuttle_pixels.csv"));
        Self::new(x, y, 3, 5)
    }

    fn n(&self) -> usize {
        self.a.len()
    }

    fn m(&self) -> usize {
        self.b.len()
    }

    fn points(&self) -> (Mat<'_, f64>, Mat<'_, f64>) {
        let x = Mat::new(&self.x, self.n(), self.d).unwrap();
        (x, Mat::new(&self.y, self.m(), self.d).unwrap())
    }

    fn union(&self, i: usize) -> &[f64] {
        let (all, i) = if i < self.n() { (&self.x, i) } else { (&self.y, i - self.n()) };
        &all[i * self.d..(i + 1) * self.d]
    }

    /// |x_i - y_j|^2 over the union.
    fn distance(&self, i: usize, j: usize) -> f64 {
        self.union(i).iter().zip(self.union(j)).map(|(x, y)| (x - y) * (x - y)).sum()
    }

    fn cost(&self, i: usize, j: usize) -> f64 {
        self.distance(i, self.n() + j)
    }

    fn factor(
        &self,
        epsilon: f64,
        max_rank: usize,
        limit: Limit<f64>,
    ) -> Result<(Factorisation<f64>, Vec<f64>), robust_ot::error::Error> {
        let (n, m) = (self.n(), self.m());
        let (x, y) = self.points();
        let mut factors = vec![7.0; factors_len(n, m, max_rank)];
        let mut work = vec![f64::NAN; work_len(n, m, self.d, max_rank)];
        let found = factor::<f64>(&x, &y, epsilon, (max_rank, limit), &mut factors, &mut work)?;
        Ok((found, factors))
    }
}

/// An optimum by plain loops: log-sum-exp over whole rows and columns, f and g in turn.
struct Plain {
    transport: f64,
    /// <C, X> + tau KL parts + epsilon entropy.
    objective: f64,
    mass: f64,
}

fn kl(r: f64, a: f64) -> f64 {
    r * (r / a).ln() - r + a
}

fn plain(
    clouds: &Clouds,
    cost: &dyn Fn(usize, usize) -> f64,
    epsilon: f64,
    taus: [f64; 2],
) -> Plain {
    let (n, m) = (clouds.n(), clouds.m());
    let table: Vec<f64> = (0..n * m).map(|k| cost(k / m, k % m)).collect();
    let (mut f, mut g) = (vec![0.0f64; n], vec![0.0f64; m]);
    let soft = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
    };
    let damp = taus.map(|tau| if tau.is_infinite() { 1.0 } else { tau / (tau + epsilon) });
    for _ in 0..20_000 {
        let mut moved = 0.0f64;
        for i in 0..n {
            let s = soft(&mut (0..m).map(|j| (g[j] - table[i * m + j]) / epsilon));
            let new = damp[0] * epsilon * (clouds.a[i].ln() - s);
            moved = moved.max((new - f[i]).abs());
            f[i] = new;
        }
        for j in 0..m {
            let s = soft(&mut (0..n).map(|i| (f[i] - table[i * m + j]) / epsilon));
            let new = damp[1] * epsilon * (clouds.b[j].ln() - s);
            moved = moved.max((new - g[j]).abs());
            g[j] = new;
        }
        if moved < 1e-14 {
            break;
        }
    }
    let (mut transport, mut entropy, mut mass) = (0.0, 0.0, 0.0);
    let (mut row, mut col) = (vec![0.0; n], vec![0.0; m]);
    for i in 0..n {
        for j in 0..m {
            let log = (f[i] + g[j] - table[i * m + j]) / epsilon;
            let x = log.exp();
            transport += x * clouds.cost(i, j);
            entropy += x * (log - 1.0);
            mass += x;
            row[i] += x;
            col[j] += x;
        }
    }
    let mut objective = transport + epsilon * entropy;
    for (tau, (marginal, weights)) in taus.iter().zip([(&row, &clouds.a), (&col, &clouds.b)]) {
        if tau.is_finite() {
            let penalty: f64 = marginal.iter().zip(weights).map(|(&r, &a)| kl(r, a)).sum();
            objective += tau * penalty;
        }
    }
    Plain { transport, objective, mass }
}

fn rules(taus: [f64; 2]) -> [Rule<f64>; 2] {
    taus.map(|tau| if tau.is_infinite() { Rule::Exact } else { Rule::Kl { tau } })
}

fn run<G: Geometry<f64>>(
    clouds: &Clouds,
    geometry: G,
    epsilon: f64,
    taus: [f64; 2],
    options: &Options<f64>,
) -> (Report<f64>, Vec<f64>, Vec<f64>) {
    let d = geometry.dimension();
    let [rows, cols] = rules(taus);
    let problem = Problem::<f64, _>::new(geometry, (&clouds.a, rows), (&clouds.b, cols), epsilon);
    let problem = problem.unwrap();
    let (mut f, mut g) = (vec![0.0; clouds.n()], vec![0.0; clouds.m()]);
    let mut work = vec![f64::NAN; sinkhorn::work_len(clouds.n(), clouds.m(), d)];
    let report = solve(&problem, options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    (report, f, g)
}

const INF: f64 = f64::INFINITY;

/// Every entry of K - G G^T over the union lies within residual and rounding, and that of the logarithm
/// within `log_error`; the residual is the largest diagonal entry that is left.
#[test]
fn factors_are_the_kernel_to_their_bound() {
    let cases = [
        (Clouds::square(40, 30, 1), 0.2, Limit::LogError(1e-3)),
        (Clouds::square(40, 30, 1), 0.2, Limit::Rank),
        (Clouds::gaussian(25, 45, 2), 0.5, Limit::LogError(1e-2)),
        (Clouds::colours(), 0.2, Limit::LogError(1e-2)),
        (Clouds::colours(), 0.5, Limit::LogError(1e-6)),
    ];
    for (k, (clouds, epsilon, limit)) in cases.into_iter().enumerate() {
        let count = clouds.n() + clouds.m();
        let (found, factors) = clouds.factor(epsilon, count, limit).unwrap();
        let stride = factors.len() / (count + 1);
        let entry = |i: usize, j: usize| -> f64 {
            let row = |i: usize| &factors[(1 + i) * stride..(2 + i) * stride];
            row(i).iter().zip(row(j)).map(|(x, y)| x * y).sum()
        };
        let (mut worst, mut worst_log, mut diagonal, mut most) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
        for i in 0..count {
            for j in 0..count {
                let c = clouds.distance(i, j);
                let (kernel, found) = ((-c / epsilon).exp(), entry(i, j));
                worst = worst.max((kernel - found).abs());
                if i == j {
                    diagonal = diagonal.max(kernel - found);
                }
                if i < clouds.n() && j >= clouds.n() {
                    worst_log = worst_log.max((found.ln() + c / epsilon).abs());
                    most = most.max(c);
                }
            }
        }
        assert!(most <= found.max_cost && found.max_cost < 3.0 * most, "{k}: {most} {found:?}");
        assert!(worst <= found.residual + found.rounding, "{k}: {worst} {found:?}");
        assert!((diagonal - found.residual).abs() <= found.rounding, "{k}: {diagonal} {found:?}");
        assert!(worst_log <= found.log_error, "{k}: {worst_log} {found:?}");
        if let Limit::LogError(wanted) = limit {
            assert!(found.log_error <= wanted, "{k}: {found:?}");
            assert!(found.rank < count, "{k}: {found:?}");
        }
        let error = 2.0 * epsilon * found.log_error;
        assert!((found.objective_error - error).abs() <= 1e-15, "{k}: {found:?}");
        assert!((found.certificate_error - 1.5 * error).abs() <= 1e-15, "{k}: {found:?}");
    }
}

/// Points that are equal, within a cloud and across both, are one column.
#[test]
fn equal_points_do_no_harm() {
    let few = Clouds::square(6, 5, 8);
    let twice = |x: &[f64]| [x, x].concat();
    let clouds = Clouds::new(twice(&few.x), [&few.x[..], &few.y].concat(), 2, 3);
    let (found, _) = clouds.factor(0.3, 33, Limit::Rank).unwrap();
    assert!(found.rank <= 11, "{found:?}");
    assert!(found.residual <= found.rounding, "{found:?}");
}

/// The optimal value and the transport cost of three data sets against plain loops over the true cost:
/// within what the factorisation says, for all kinds of rules. A poor rank shows, and stays within its
/// bound.
#[test]
fn objectives_lie_within_the_bound() {
    let sets = [
        (Clouds::square(40, 35, 11), 0.25),
        (Clouds::gaussian(30, 40, 12), 0.6),
        (Clouds::colours(), 0.4),
    ];
    for (k, (clouds, epsilon)) in sets.iter().enumerate() {
        for taus in [[INF, INF], [0.5, INF], [INF, 0.7], [0.5, 0.8]] {
            let truth = plain(clouds, &|i, j| clouds.cost(i, j), *epsilon, taus);
            for wanted in [0.2, 1e-4] {
                let (found, factors) =
                    clouds.factor(*epsilon, 75, Limit::LogError(wanted)).unwrap();
                let (x, y) = clouds.points();
                let cost = LowRank::of_slice(x, y, &factors, 75).unwrap();
                let options = Options::<f64>::new().stop(Stop::Residual(1e-9));
                let (report, f, g) = run(clouds, cost, *epsilon, taus, &options);
                let name = format!("{k} {taus:?} {wanted} {report:?} {found:?}");
                assert_eq!(report.termination, Termination::Converged, "{name}");
                // Optimal values with the two costs differ by half the error of an objective.
                let mass = truth.mass.max(report.mass);
                let room = 0.5 * found.objective_error * mass * (1.0 + 1e-6) + 1e-8;
                assert!((report.objective - truth.objective).abs() <= room, "{name}");
                // The plan that was found, under the true cost, by plain loops.
                let m = clouds.m();
                let (mut objective, mut transport) = (0.0, 0.0);
                let (mut row, mut col) = (vec![0.0; clouds.n()], vec![0.0; m]);
                for i in 0..clouds.n() {
                    for j in 0..m {
                        let at = Geometry::<f64>::cost(&cost, i, j).unwrap();
                        let log = (f[i] + g[j] - at) / epsilon;
                        let part = log.exp();
                        objective += part * (clouds.cost(i, j) + epsilon * (log - 1.0));
                        transport += part * clouds.cost(i, j);
                        row[i] += part;
                        col[j] += part;
                    }
                }
                for (tau, (r, a)) in taus.iter().zip([(&row, &clouds.a), (&col, &clouds.b)]) {
                    if tau.is_finite() {
                        objective += tau * r.iter().zip(a).map(|(&r, &a)| kl(r, a)).sum::<f64>();
                    }
                }
                let slack = found.objective_error * mass + 1e-8;
                assert!(objective >= truth.objective - 1e-8, "{objective} {name}");
                assert!(objective - truth.objective <= slack, "{objective} {name}");
                // The report's transport cost is that of the true cost; its sums carry the rounding of
                // the products.
                let rounding = found.rounding / (-found.max_cost / epsilon).exp();
                let relative = (report.transport_cost - transport).abs() / transport;
                assert!(relative <= 1e-9 + 10.0 * rounding, "{relative} {name}");
                if wanted < 1e-3 {
                    let near = (transport - truth.transport).abs() / truth.transport;
                    assert!(near <= 1e-4, "{near} {name}");
                }
            }
        }
    }
}

/// At full rank the plans of robust, semi-relaxed and unbalanced problems are those over the points.
#[test]
fn full_rank_solves_as_points_do() {
    for (k, clouds) in [Clouds::square(20, 24, 21), Clouds::colours()].iter().enumerate() {
        let epsilon = 0.4;
        let (n, m) = (clouds.n(), clouds.m());
        let (x, y) = clouds.points();
        let (found, factors) = clouds.factor(epsilon, n + m, Limit::Rank).unwrap();
        let low = LowRank::of_slice(x, y, &factors, n + m).unwrap();
        let points = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
        let options = Options::<f64>::new();
        for taus in [[INF, INF], [0.3, INF], [0.3, 0.6]] {
            let (dense, f, g) = run(clouds, points, epsilon, taus, &options);
            let (report, other_f, other_g) = run(clouds, low, epsilon, taus, &options);
            assert!(dense.converged() && report.converged(), "{k} {taus:?} {report:?}");
            let near = |x: f64, y: f64| (x - y).abs() <= 1e-7 + found.objective_error;
            assert!(near(dense.objective, report.objective), "{k} {dense:?} {report:?}");
            assert!(near(dense.transport_cost, report.transport_cost), "{dense:?} {report:?}");
            assert_eq!(dense.gap.is_finite(), report.gap.is_finite());
            assert!(dense.gap == report.gap || near(dense.gap, report.gap), "{dense:?} {report:?}");
            for i in 0..n {
                for j in 0..m {
                    let sums = (f[i] + g[j], other_f[i] + other_g[j]);
                    assert!(near(sums.0, sums.1), "{k} {taus:?} {i} {j} {sums:?}");
                }
            }
        }
    }
}

/// A certificate, enlarged as the factorisation says, bounds the distance under the true cost: the
/// optimum without entropy lies above that at the smallest epsilon, less its entropy, by plain loops.
#[test]
fn certificates_hold_once_enlarged() {
    let clouds = Clouds::square(12, 10, 31);
    let (x, y) = clouds.points();
    let (epsilon, taus) = (0.3, [0.4, INF]);
    for wanted in [0.3, 1e-3] {
        let (found, factors) = clouds.factor(epsilon, 22, Limit::LogError(wanted)).unwrap();
        let cost = LowRank::of_slice(x, y, &factors, 22).unwrap();
        let (report, ..) = run(&clouds, cost, epsilon, taus, &Options::new());
        // Unregularised objective of a plan that is nearly optimal: an upper bound of the optimum.
        let truth = plain(&clouds, &|i, j| clouds.cost(i, j), 2e-3, taus);
        let least = report.unregularised_objective - truth.objective - 2e-3 * 6.0;
        assert!(report.certified_distance.is_finite());
        assert!(report.certified_distance + found.certificate_error >= least, "{report:?}");
    }
}

/// Small epsilon is refused before anything is written; a rank that is too small, and a factorisation that
/// was refused, by their names.
#[test]
fn what_precision_cannot_deliver_is_refused() {
    let clouds = Clouds::square(30, 20, 41);
    let refused = |epsilon, rank, limit| {
        let error = clouds.factor(epsilon, rank, limit).unwrap_err();
        (error.kind, error.argument)
    };
    let out = (ErrorKind::KernelOutOfReach, Argument::Epsilon);
    assert_eq!(refused(0.03, 50, Limit::Rank), out);
    assert_eq!(refused(0.07, 50, Limit::LogError(1e-6)), out);
    let small = (ErrorKind::RankTooSmall, Argument::Rank);
    assert_eq!(refused(0.2, 5, Limit::LogError(1e-3)), small);
    assert_eq!(refused(0.2, 5, Limit::Rank), small);

    let (x, y) = clouds.points();
    let (n, m) = (30, 20);
    let mut factors = vec![7.0; factors_len(n, m, 8)];
    let mut work = vec![7.0; work_len(n, m, 2, 8)];
    let limit = (8, Limit::Rank);
    let found = factor::<f64>(&x, &y, 0.03, limit, &mut factors, &mut work);
    assert_eq!(found.unwrap_err().kind, ErrorKind::KernelOutOfReach);
    assert!(factors.iter().all(|&x| x == 7.0));
    // A late refusal leaves what the geometry does not take.
    let limit = (8, Limit::LogError(1e-9));
    let found = factor::<f64>(&x, &y, 0.3, limit, &mut factors, &mut work);
    assert_eq!(found.unwrap_err().kind, ErrorKind::RankTooSmall);
    let error = LowRank::of_slice(x, y, &factors, 8).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::Shape, Argument::Factors));
    // Single precision gives up earlier.
    let (x, y) = (convert::<f64, f32>(&clouds.x), convert::<f64, f32>(&clouds.y));
    let (x, y) = (Mat::new(&x, n, 2).unwrap(), Mat::new(&y, m, 2).unwrap());
    let mut factors = vec![7.0f32; factors_len(n, m, 50)];
    let mut work = vec![7.0f32; work_len(n, m, 2, 50)];
    let mut single = |epsilon, error| {
        let limit = (50, Limit::LogError(error));
        factor::<f32>(&x, &y, epsilon, limit, &mut factors, &mut work)
    };
    assert!(single(0.5, 1e-2).is_ok());
    assert_eq!(single(0.15, 1e-2).unwrap_err().kind, ErrorKind::KernelOutOfReach);
}

/// Every argument wrong in turn, the factors untouched.
#[test]
fn wrong_arguments_are_named() {
    let clouds = Clouds::square(5, 4, 51);
    let (x, y) = clouds.points();
    let rank = 9;
    let mut factors = vec![7.0; factors_len(5, 4, rank)];
    let mut work = vec![7.0; work_len(5, 4, 2, rank)];
    let mut refused = |x: &Mat<'_, f64>, y: &Mat<'_, f64>, epsilon, limit, lens: [usize; 2]| {
        let (factors, work) = (&mut factors[lens[0]..], &mut work[lens[1]..]);
        let error = factor::<f64>(x, y, epsilon, limit, factors, work).unwrap_err();
        assert!(factors.iter().all(|&x| x == 7.0), "{error:?}");
        (error.kind, error.argument, error.row, error.col)
    };
    let good = (rank, Limit::LogError(1e-2));
    let no = robust_ot::error::Error::NOWHERE;
    let wide = Mat::new(&clouds.y, 2, 4).unwrap();
    let argument = (ErrorKind::Shape, Argument::ColPoints, no, no);
    assert_eq!(refused(&x, &wide, 0.3, good, [0, 0]), argument);
    let none = Mat::new(&clouds.x, 5, 0).unwrap();
    let argument = (ErrorKind::Empty, Argument::RowPoints, no, no);
    assert_eq!(refused(&none, &none, 0.3, good, [0, 0]), argument);
    let argument = (ErrorKind::Empty, Argument::ColPoints, no, no);
    assert_eq!(refused(&x, &Mat::new(&[], 0, 2).unwrap(), 0.3, good, [0, 0]), argument);
    for epsilon in [0.0, -1.0, f64::NAN, INF, 1e-320] {
        let argument = (ErrorKind::Epsilon, Argument::Epsilon, no, no);
        assert_eq!(refused(&x, &y, epsilon, good, [0, 0]), argument, "{epsilon}");
    }
    for error in [0.0, -1.0, f64::NAN, INF] {
        let limit = (rank, Limit::LogError(error));
        let argument = (ErrorKind::Tolerance, Argument::Rank, no, no);
        assert_eq!(refused(&x, &y, 0.3, limit, [0, 0]), argument, "{error}");
    }
    let argument = (ErrorKind::Count, Argument::Rank, no, no);
    assert_eq!(refused(&x, &y, 0.3, (0, Limit::Rank), [0, 0]), argument);
    let argument = (ErrorKind::TooLarge, Argument::Rank, no, no);
    assert_eq!(refused(&x, &y, 0.3, (usize::MAX / 4, Limit::Rank), [0, 0]), argument);
    let argument = (ErrorKind::Shape, Argument::Factors, no, no);
    assert_eq!(refused(&x, &y, 0.3, good, [1, 0]), argument);
    let argument = (ErrorKind::WorkTooSmall, Argument::Work, no, no);
    assert_eq!(refused(&x, &y, 0.3, good, [0, 1]), argument);
    for (bad, kind) in [(f64::NAN, ErrorKind::NotANumber), (INF, ErrorKind::Infinite)] {
        let mut values = clouds.x.clone();
        values[7] = bad;
        let points = Mat::new(&values, 5, 2).unwrap();
        assert_eq!(refused(&points, &y, 0.3, good, [0, 0]), (kind, Argument::RowPoints, 3, 1));
        let points = Mat::new(&values[..8], 4, 2).unwrap();
        assert_eq!(refused(&x, &points, 0.3, good, [0, 0]), (kind, Argument::ColPoints, 3, 1));
    }
    let far = [1e200, 0.0, -1e200, 0.0];
    let far = Mat::new(&far, 2, 2).unwrap();
    let argument = (ErrorKind::TooLarge, Argument::RowPoints, no, no);
    assert_eq!(refused(&far, &y, 0.3, good, [0, 0]), argument);
}

/// What the geometry refuses: factors of other clouds, another epsilon, a kept kernel, gradients by points.
#[test]
fn what_the_geometry_does_not_do_is_refused_by_name() {
    let clouds = Clouds::square(9, 8, 61);
    let (x, y) = clouds.points();
    let epsilon = 0.5;
    let (_, factors) = clouds.factor(epsilon, 17, Limit::LogError(1e-3)).unwrap();
    let cost = LowRank::of_slice(x, y, &factors, 17).unwrap();
    let refusal = |result: Result<LowRank<'_, f64>, robust_ot::error::Error>| {
        let error = result.unwrap_err();
        (error.kind, error.argument)
    };
    let shape = (ErrorKind::Shape, Argument::Factors);
    assert_eq!(refusal(LowRank::of_slice(y, x, &factors, 17)), shape);
    assert_eq!(refusal(LowRank::of_slice(x, y, &factors, 40)), shape);
    assert_eq!(refusal(LowRank::of_slice(x, y, &factors, 1)), shape);
    let line = Mat::strided(&clouds.x, 9, 1, 2, 1).unwrap();
    let argument = (ErrorKind::Shape, Argument::ColPoints);
    assert_eq!(refusal(LowRank::of_slice(line, y, &factors, 17)), argument);
    let other = Mat::strided(&clouds.y, 8, 1, 2, 1).unwrap();
    assert_eq!(refusal(LowRank::of_slice(line, other, &factors, 17)), shape);

    let new = |epsilon| Problem::<f64, _>::balanced(cost, &clouds.a, &clouds.b, epsilon);
    let error = new(0.51).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::KernelEpsilon, Argument::Epsilon));
    let problem = new(epsilon).unwrap();
    assert_eq!(problem.with_epsilon(1.0).unwrap_err().kind, ErrorKind::KernelEpsilon);
    let measures =
        [barycenter::Measure { geometry: cost, weights: &clouds.a, rule: Rule::Exact, share: 1.0 }];
    let error = barycenter::Problem::<f64, _>::new(&measures, 0.4).unwrap_err();
    assert_eq!((error.kind, error.measure), (ErrorKind::KernelEpsilon, 0));

    let d = Geometry::<f64>::dimension(&cost);
    assert_eq!(d, dimension(9, 8, cost.padded_rank()));
    let (mut f, mut g) = (vec![1.0; 9], vec![1.0; 8]);
    let mut work = vec![0.0; fast_work_len(9, 8, d)];
    let demand = Options::new().sweep(Sweep::Scaling);
    let error = solve(&problem, &demand, &mut f, &mut g, &mut work, &mut ()).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::Kind, Argument::Sweep));
    assert!(f.iter().chain(&g).all(|&x| x == 1.0));
    // Room for a kernel is no reason to keep one.
    let report = solve(&problem, &Options::new(), &mut f, &mut g, &mut work, &mut ()).unwrap();
    assert_eq!((report.sweep, report.termination), (Sweep::Log, Termination::Converged));

    let optimum = Optimum::new(&f, &g, &report);
    let options = implicit::Options::new();
    let mut work = vec![0.0; implicit::work_len(9, 8, d, true)];
    let mut by_points = vec![7.0; 18];
    for columns in [2, d] {
        let len = 9 * columns;
        by_points.resize(by_points.len().max(len), 7.0);
        let gradients = Gradients {
            x: Some(MatMut::new(&mut by_points[..len], 9, columns).unwrap()),
            ..Gradients::default()
        };
        let cotangent = Cotangent::new().transport_cost(1.0);
        let error = implicit::vjp(&problem, optimum, &cotangent, &options, gradients, &mut work);
        let error = error.unwrap_err();
        assert_eq!((error.kind, error.argument), (ErrorKind::Shape, Argument::RowPointGradient));
    }
    assert!(by_points.iter().all(|&x| x == 7.0));
}

/// Gradients by weights against differences of solves; plans and averages against plain loops over the
/// factored cost.
#[test]
fn views_and_gradients_are_those_of_the_factored_cost() {
    let clouds = Clouds::square(14, 11, 71);
    let (x, y) = clouds.points();
    let (epsilon, taus) = (0.5, [0.4, 0.9]);
    let (_, factors) = clouds.factor(epsilon, 25, Limit::LogError(0.1)).unwrap();
    let cost = LowRank::of_slice(x, y, &factors, 25).unwrap();
    let options = Options::<f64>::new().stop(Stop::Residual(1e-13)).max_iterations(10_000);
    let (report, f, g) = run(&clouds, cost, epsilon, taus, &options);
    let [rows, cols] = rules(taus);
    let own = Problem::<f64, _>::new(cost, (&clouds.a, rows), (&clouds.b, cols), epsilon).unwrap();
    let (n, m, d) = (14, 11, Geometry::<f64>::dimension(&cost));

    let mut work = vec![0.0; plan::work_len(n, m, d)];
    let mut view = Plan::new(&own, &f, &g, 0.0, &mut work).unwrap();
    let (mut row, mut col) = (vec![0.0; n], vec![0.0; m]);
    view.marginals(&mut row, &mut col).unwrap();
    let mut dense = vec![0.0; n * m];
    view.to_dense(&mut MatMut::new(&mut dense, n, m).unwrap()).unwrap();
    let mut images = vec![0.0; 2 * n];
    view.barycentric_map(&y, &mut MatMut::new(&mut images, n, 2).unwrap()).unwrap();
    for i in 0..n {
        let sum: f64 = dense[i * m..(i + 1) * m].iter().sum();
        assert!((sum - row[i]).abs() <= 1e-10 * sum);
        let mean: f64 = (0..m).map(|j| dense[i * m + j] * clouds.y[2 * j]).sum::<f64>() / sum;
        assert!((mean - images[2 * i]).abs() <= 1e-10);
    }
    for j in 0..m {
        let sum: f64 = (0..n).map(|i| dense[i * m + j]).sum();
        assert!((sum - col[j]).abs() <= 1e-10 * sum);
    }

    let mut by_weight = vec![0.0; n];
    let gradients = Gradients { a: Some(&mut by_weight), ..Gradients::default() };
    let mut work = vec![0.0; implicit::work_len(n, m, d, true)];
    // The value's gradient, which holds for the problem that was solved.
    let cotangent = Cotangent::new().value(1.0);
    let optimum = Optimum::new(&f, &g, &report);
    implicit::vjp(&own, optimum, &cotangent, &implicit::Options::new(), gradients, &mut work)
        .unwrap();
    let value = |a: &[f64]| {
        let problem = Problem::<f64, _>::new(cost, (a, rows), (&clouds.b, cols), epsilon).unwrap();
        let (mut f, mut g) = (f.clone(), g.clone());
        let mut work = vec![0.0; sinkhorn::work_len(n, m, d)];
        let options = options.warm_start(true);
        solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap().objective
    };
    for i in [0, 5, 13] {
        let mut a = clouds.a.clone();
        let step = 1e-4 * a[i];
        a[i] += step;
        let up = value(&a);
        a[i] -= 2.0 * step;
        let slope = (up - value(&a)) / (2.0 * step);
        assert!((slope - by_weight[i]).abs() <= 1e-6, "{i}: {slope} {}", by_weight[i]);
    }
}

/// A barycenter of measures with low-rank costs is that over the points.
#[test]
fn barycenters_agree_with_those_over_points() {
    let sets = [Clouds::square(12, 20, 81), Clouds::square(15, 20, 82)];
    let support = sets[0].y.clone();
    let sets = sets.map(|set| Clouds { y: support.clone(), ..set });
    let epsilon = 0.5;
    for rule in [Rule::Exact, Rule::Kl { tau: 0.6 }] {
        let factored: Vec<_> = sets
            .iter()
            .map(|set| set.factor(epsilon, 35, Limit::LogError(1e-5)).unwrap())
            .collect();
        let low: Vec<_> = sets
            .iter()
            .zip(&factored)
            .map(|(set, (_, factors))| {
                let (x, y) = set.points();
                let geometry = LowRank::of_slice(x, y, factors, 35).unwrap();
                barycenter::Measure { geometry, weights: &set.a, rule, share: 0.5 }
            })
            .collect();
        let points: Vec<_> = sets
            .iter()
            .map(|set| {
                let (x, y) = set.points();
                let geometry = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
                barycenter::Measure { geometry, weights: &set.a, rule, share: 0.5 }
            })
            .collect();
        let (one, other) = (average(&low, epsilon), average(&points, epsilon));
        for (x, y) in one.iter().zip(&other) {
            assert!((x - y).abs() <= 1e-4, "{one:?} {other:?}");
        }
    }
}

fn average<G: Geometry<f64>>(
    measures: &[barycenter::Measure<'_, f64, G>],
    epsilon: f64,
) -> Vec<f64> {
    let problem = barycenter::Problem::<f64, _>::new(measures, epsilon).unwrap();
    let rows: usize = measures.iter().map(|measure| measure.weights.len()).sum();
    let n = measures[0].geometry.cols();
    let d = measures.iter().map(|measure| measure.geometry.dimension()).max().unwrap();
    let mut work = vec![f64::NAN; barycenter::work_len(rows, n, d)];
    let (mut f, mut g) = (vec![0.0; rows], vec![0.0; n * measures.len()]);
    let mut average = vec![0.0; n];
    let options = barycenter::Options::new();
    let report =
        barycenter::solve(&problem, &options, &mut f, &mut g, &mut average, &mut work, &mut ());
    assert!(report.unwrap().converged());
    average
}

/// The same bits at every level.
#[test]
fn levels_agree() {
    let clouds = Clouds::square(70, 37, 91);
    let (x, y) = clouds.points();
    let (_, factors) = clouds.factor(0.4, 60, Limit::LogError(1e-4)).unwrap();
    let cost = LowRank::of_slice(x, y, &factors, 60).unwrap();
    let mut found = Vec::new();
    for level in Level::available() {
        let options = Options::<f64>::new().level(level);
        let (report, f, g) = run(&clouds, cost, 0.4, [0.5, INF], &options);
        let bits: Vec<u64> = f.iter().chain(&g).map(|x| x.to_bits()).collect();
        found.push((report, bits));
    }
    assert!(found.iter().all(|other| *other == found[0]));
}

/// Factors that are no kernel end a solve as numerical trouble: nothing is called converged.
#[test]
fn sums_that_may_be_nothing_are_trouble() {
    let clouds = Clouds::square(9, 8, 101);
    let (x, y) = clouds.points();
    let (_, mut factors) = clouds.factor(0.5, 17, Limit::Rank).unwrap();
    let stride = factors.len() / 18;
    for entry in &mut factors[4 * stride..5 * stride] {
        *entry = -*entry;
    }
    let cost = LowRank::of_slice(x, y, &factors, 17).unwrap();
    let (report, f, g) = run(&clouds, cost, 0.5, [INF, INF], &Options::new());
    assert_eq!(report.termination, Termination::NumericalTrouble);
    assert!(f.iter().chain(&g).all(|x| x.is_finite()));
}

/// Memory is (n + m) times the rank, and a few vectors: from the formulas.
#[test]
fn memory_is_that_of_the_factors() {
    let (n, m, d, rank) = (20_000, 20_000, 2, 400);
    let vectors = 40 * (n + m);
    assert!(factors_len(n, m, rank) <= (n + m + 1) * (rank + 16));
    assert!(work_len(n, m, d, rank) <= vectors);
    assert!(sinkhorn::work_len(n, m, dimension(n, m, rank)) <= vectors);
    assert!(dimension(n, m, rank) == 1);
    for (n, m, rank) in [(1, 1, 1), (5, 40, 45), (300, 2, 17), (64, 64, 128)] {
        // Three vectors of the rank fit, transposed or not.
        let d = dimension(n, m, rank);
        assert_eq!(d, dimension(m, n, rank));
        assert!(d * n.min(m).next_multiple_of(16) >= 3 * rank.next_multiple_of(16));
    }
    assert_eq!(factors_len(usize::MAX, 2, 3), usize::MAX);
    assert_eq!(work_len(usize::MAX / 2, 2, 3, 3), usize::MAX);
    assert_eq!(dimension(3, 3, usize::MAX), usize::MAX);
}
