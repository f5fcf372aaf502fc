//! Costs between regular grids: passes along the axes against plain sums over all pairs, solves against
//! the same cost as a matrix and against a plain loop, barycenters of images.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::case::{Number, Random, convert, convert_rule, normalise};
use robust_ot::anneal;
use robust_ot::barycenter::{self, Measure};
use robust_ot::cost::{Dense, GRID_DIMENSION, Geometry, Grid};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::implicit::{self, Cotangent, Gradients, Optimum};
use robust_ot::kernel::{Level, Mixed};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Report;
use robust_ot::sinkhorn::{Batch, fast_work_len, solve, solve_batch, work_len};
use robust_ot::view::{Mat, MatMut};

/// Axes of a grid: points, first coordinate, spacing.
type Axes = Vec<[f64; 3]>;

/// A pair of grids and, entry by entry, their cost.
struct Pair<T> {
    x: Vec<T>,
    y: Vec<T>,
    d: usize,
    n: usize,
    m: usize,
    cost: Vec<T>,
}

/// Coordinates of all points, the last axis fastest.
fn points(axes: &[[f64; 3]]) -> Vec<Vec<f64>> {
    let mut all = vec![vec![]];
    for &[count, first, spacing] in axes {
        let along = |p: Vec<f64>| {
            (0..count as usize).map(move |i| [&p[..], &[first + i as f64 * spacing]].concat())
        };
        all = all.into_iter().flat_map(along).collect();
    }
    all
}

impl<T: Number> Pair<T> {
    fn new(x: &Axes, y: &Axes) -> Self {
        let (xs, ys) = (points(x), points(y));
        let square = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
        let cost: Vec<f64> = xs.iter().flat_map(|x| ys.iter().map(move |y| square(x, y))).collect();
        Self {
            x: convert(&x.concat()),
            y: convert(&y.concat()),
            d: x.len(),
            n: xs.len(),
            m: ys.len(),
            cost: convert(&cost),
        }
    }

    fn grid(&self) -> Grid<'_, T> {
        let [x, y] = [&self.x, &self.y].map(|axes| Mat::new(axes, self.d, 3).unwrap());
        Grid::new(x, y).unwrap()
    }

    fn dense(&self) -> Dense<'_, T> {
        Dense::new(Mat::new(&self.cost, self.n, self.m).unwrap())
    }
}

/// Lines, images and volumes, of equal and of different shapes and spacings.
fn shapes() -> Vec<(&'static str, Axes, Axes)> {
    let image = vec![[5.0, 0.0, 0.25], [4.0, 0.0, 0.3]];
    let volume = vec![[3.0, 0.0, 0.5], [2.0, 0.1, 0.7], [4.0, 0.0, 0.3]];
    vec![
        ("line", vec![[17.0, 0.0, 0.0625]], vec![[17.0, 0.0, 0.0625]]),
        ("lines", vec![[20.0, 0.0, 0.05]], vec![[7.0, 0.1, 0.15]]),
        ("image", image.clone(), image.clone()),
        ("images", image.clone(), vec![[3.0, 0.1, 0.4], [7.0, -0.2, 0.2]]),
        ("turned", vec![[3.0, 0.1, 0.4], [7.0, -0.2, 0.2]], image),
        ("volume", volume.clone(), volume.clone()),
        ("volumes", volume, vec![[2.0, 0.0, 0.9], [3.0, 0.0, 0.4], [3.0, 0.9, -0.3]]),
        ("a point", vec![[1.0, 0.3, 0.0], [1.0, 0.2, 0.0]], vec![[2.0, 0.0, 0.5], [3.0, 0.0, 0.4]]),
        ("four", vec![[2.0, 0.0, 0.5]; 4], vec![[2.0, 0.1, 0.4]; 4]),
    ]
}

/// Weights of unit mass; every `zero`-th is 0.
fn weights(random: &mut Random, count: usize, zero: usize) -> Vec<f64> {
    let mut weights = random.vector(count, 0.2, 1.0);
    if zero > 0 && count > zero {
        weights.iter_mut().step_by(zero).for_each(|w| *w = 0.0);
    }
    normalise(&mut weights, 1.0);
    weights
}

fn scratch_len<T: Number>(grid: &Grid<'_, T>) -> usize {
    Geometry::<T>::dimension(grid)
}

/// Potentials near an optimum at this epsilon, with rows and columns without mass: g at random, f the
/// soft minimum of it over all pairs.
fn potentials(pair: &Pair<f64>, epsilon: f64, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
    let mut g = random.vector(pair.m, -0.2, 0.2);
    if pair.m > 3 {
        g.iter_mut().skip(1).step_by(3).for_each(|g| *g = f64::NEG_INFINITY);
    }
    let mut f: Vec<f64> = (0..pair.n)
        .map(|i| {
            let costs = &pair.cost[i * pair.m..][..pair.m];
            let terms = || g.iter().zip(costs).map(|(g, c)| (g - c) / epsilon);
            let most = terms().fold(f64::NEG_INFINITY, f64::max);
            -epsilon * (most + terms().map(|t| (t - most).exp()).sum::<f64>().ln())
        })
        .collect();
    if pair.n > 4 {
        f.iter_mut().skip(2).step_by(4).for_each(|f| *f = f64::NEG_INFINITY);
    }
    (f, g)
}

/// Marginals, transport cost and barycentric map by the passes, and plainly from X_ij = exp((f_i + g_j -
/// C_ij) / epsilon).
fn compare_sums<T: Number>(name: &str, x: &Axes, y: &Axes, epsilon: f64, bound: f64) {
    let plain = Pair::<f64>::new(x, y);
    let pair = Pair::<T>::new(x, y);
    let (n, m) = (pair.n, pair.m);
    let (f, g) = potentials(&plain, epsilon, &mut Random(7));
    // What T holds of the inputs is what is summed plainly.
    let (f, g): (Vec<T>, Vec<T>) = (convert(&f), convert(&g));
    let cost = Pair::<f64>::new(
        &pair.x.chunks(3).map(|a| [a[0].to_f64(), a[1].to_f64(), a[2].to_f64()]).collect(),
        &pair.y.chunks(3).map(|a| [a[0].to_f64(), a[1].to_f64(), a[2].to_f64()]).collect(),
    )
    .cost;
    let entry = |i: usize, j: usize| {
        ((f[i].to_f64() + g[j].to_f64() - cost[i * m + j]) / T::from_f64(epsilon).to_f64()).exp()
    };
    let values: Vec<T> = convert(&Random(3).vector(m * 2, -1.0, 1.0));

    let ones = [vec![T::ONE; n], vec![T::ONE; m]];
    let rules =
        ((&ones[0][..], Rule::Kl { tau: T::ONE }), (&ones[1][..], Rule::Kl { tau: T::ONE }));
    let grid = pair.grid();
    let d = scratch_len(&grid);
    let problem = Problem::<T, _>::new(grid, rules.0, rules.1, T::from_f64(epsilon)).unwrap();
    let mut work = vec![T::NAN; plan::work_len(n, m, d)];
    let mut view = Plan::new(&problem, &f, &g, T::ZERO, &mut work).unwrap();
    let (mut row, mut col) = (vec![T::NAN; n], vec![T::NAN; m]);
    let transport = view.marginals(&mut row, &mut col).unwrap().to_f64();
    let mut map = vec![T::NAN; n * 2];
    let places = &Mat::new(&values, m, 2).unwrap();
    view.barycentric_map(places, &mut MatMut::new(&mut map, n, 2).unwrap()).unwrap();

    let mass: f64 = (0..n).map(|i| (0..m).map(|j| entry(i, j)).sum::<f64>()).sum();
    let expected: f64 =
        (0..n * m).map(|k| entry(k / m, k % m) * cost[k]).filter(|x| x.is_finite()).sum();
    assert!(
        (transport - expected).abs() <= bound * (expected + 1e-30),
        "{name}: {transport} {expected}"
    );
    for i in 0..n {
        let sum: f64 = (0..m).map(|j| entry(i, j)).sum();
        assert!((row[i].to_f64() - sum).abs() <= bound * sum, "{name}: row {i} {} {sum}", row[i]);
        // The map does not depend on f.
        let shares: Vec<f64> =
            (0..m).map(|j| (g[j].to_f64() - cost[i * m + j]) / epsilon).collect();
        let most = shares.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
        let total: f64 = shares.iter().map(|s| (s - most).exp()).sum();
        for k in 0..2 {
            let mean: f64 =
                (0..m).map(|j| (shares[j] - most).exp() * values[2 * j + k].to_f64()).sum::<f64>()
                    / total;
            assert!((map[2 * i + k].to_f64() - mean).abs() <= bound, "{name}: map {i} {k}");
        }
    }
    for (j, col) in col.iter().enumerate() {
        let sum: f64 = (0..n).map(|i| entry(i, j)).sum();
        let error = (col.to_f64() - sum).abs();
        assert!(error <= bound * sum.max(1e-9 * mass), "{name}: column {j} {col} {sum}");
    }
}

#[test]
fn passes_along_axes_give_the_sums_over_all_pairs() {
    for (name, x, y) in shapes() {
        for epsilon in [10.0, 0.5, 0.01, 1e-4] {
            // Rounding of the exponents, whose terms are at most 5.
            let rounding = 5.0 / epsilon + 10.0;
            compare_sums::<f64>(name, &x, &y, epsilon, 4e-16 * rounding);
            if epsilon > 1e-3 {
                compare_sums::<f32>(name, &x, &y, epsilon, 2e-7 * rounding);
            }
        }
    }
}

/// A solve, in work that holds NaN.
struct Solved<T> {
    f: Vec<T>,
    g: Vec<T>,
    report: Report<T>,
}

#[derive(Clone)]
struct Task {
    a: Vec<f64>,
    b: Vec<f64>,
    rules: [Rule<f64>; 2],
    epsilon: f64,
    reference: Reference,
}

fn run<T: Number, G: Geometry<T>>(
    geometry: G,
    task: &Task,
    options: &Options<T>,
) -> Result<Solved<T>, Error> {
    let (a, b): (Vec<T>, Vec<T>) = (convert(&task.a), convert(&task.b));
    let [rows, cols] = task.rules.map(convert_rule);
    let d = geometry.dimension();
    let epsilon = T::from_f64(task.epsilon);
    let problem = Problem::<T, _>::new(geometry, (&a, rows), (&b, cols), epsilon)?;
    let problem = problem.reference(task.reference);
    let (mut f, mut g) = (vec![T::ZERO; a.len()], vec![T::ZERO; b.len()]);
    let mut work = vec![T::NAN; work_len(a.len(), b.len(), d)];
    let report = solve(&problem, options, &mut f, &mut g, &mut work, &mut ())?;
    Ok(Solved { f, g, report })
}

fn options<T: Number>(tolerance: f64) -> Options<T> {
    Options::new().stop(Stop::Residual(T::from_f64(tolerance))).max_iterations(20_000)
}

/// X, entry by entry, in double precision.
fn plan_of<T: Number>(pair: &Pair<T>, task: &Task, solved: &Solved<T>) -> Vec<f64> {
    let product = task.reference == Reference::Product;
    (0..pair.n * pair.m)
        .map(|k| {
            let (i, j) = (k / pair.m, k % pair.m);
            let sum = solved.f[i].to_f64() + solved.g[j].to_f64() - pair.cost[k].to_f64();
            let weight = if product { task.a[i] * task.b[j] } else { 1.0 };
            if weight > 0.0 { weight * (sum / task.epsilon).exp() } else { 0.0 }
        })
        .collect()
}

fn compare_solves<T: Number>(
    name: &str,
    (x, y): (&Axes, &Axes),
    task: &Task,
    tolerance: f64,
    bound: f64,
) {
    let pair = Pair::<T>::new(x, y);
    let by_axes = run(pair.grid(), task, &options(tolerance)).unwrap();
    let dense = run(pair.dense(), task, &options(tolerance)).unwrap();
    assert!(by_axes.report.converged(), "{name}: {:?}", by_axes.report);
    assert!(dense.report.converged(), "{name}: {:?}", dense.report);
    let (ours, theirs) = (plan_of(&pair, task, &by_axes), plan_of(&pair, task, &dense));
    let most = theirs.iter().fold(0.0, |m, &x| x.max(m));
    let error = ours.iter().zip(&theirs).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    assert!(error <= bound * most, "{name}: plans differ by {error:e} of {most}");
    let values =
        |r: &Report<T>| [r.transport_cost, r.objective, r.mass, r.dual_value].map(|x| x.to_f64());
    for (x, y) in values(&by_axes.report).iter().zip(values(&dense.report)) {
        assert!((x - y).abs() <= bound * (1.0 + y.abs()), "{name}: {x} {y}");
    }
    let [p, q] = [&by_axes, &dense].map(|s| s.report.iterations);
    assert!(p.abs_diff(q) <= 2 + q / 20, "{name}: {p} and {q} iterations");
}

const EXACT: Rule<f64> = Rule::Exact;
const KL: Rule<f64> = Rule::Kl { tau: 0.5 };
const L2: Rule<f64> = Rule::L2Ball { radius2: 0.01, entropy: 0.02 };
const NEAR: Rule<f64> = Rule::KlBall { radius: 0.02, entropy: 0.01 };

fn task(pair: (usize, usize), rules: [Rule<f64>; 2], epsilon: f64, zero: usize) -> Task {
    let mut random = Random(pair.0 as u64 * 31 + pair.1 as u64);
    let a = weights(&mut random, pair.0, zero);
    let b = weights(&mut random, pair.1, zero + usize::from(zero > 0));
    Task { a, b, rules, epsilon, reference: Reference::Counting }
}

fn count(axes: &Axes) -> usize {
    axes.iter().map(|a| a[0] as usize).product()
}

#[test]
fn solves_agree_with_those_over_the_matrix() {
    for (name, x, y) in shapes() {
        for rules in [[EXACT, EXACT], [KL, KL], [KL, EXACT], [EXACT, KL]] {
            for zero in [0, 4] {
                let mut task = task((count(&x), count(&y)), rules, 0.1, zero);
                compare_solves::<f64>(name, (&x, &y), &task, 1e-12, 1e-9);
                compare_solves::<f32>(name, (&x, &y), &task, 2e-5, 2e-3);
                task.reference = Reference::Product;
                compare_solves::<f64>(name, (&x, &y), &task, 1e-12, 1e-9);
            }
        }
    }
}

#[test]
fn balls_on_grids_agree_with_those_over_the_matrix() {
    for (name, x, y) in shapes().into_iter().take(6) {
        for rules in [[L2, L2], [NEAR, NEAR], [L2, EXACT], [KL, NEAR]] {
            let task = task((count(&x), count(&y)), rules, 0.1, 0);
            compare_solves::<f64>(name, (&x, &y), &task, 1e-10, 1e-7);
            compare_solves::<f32>(name, (&x, &y), &task, 1e-4, 5e-3);
        }
    }
}

/// A plain loop: f_i = tau / (tau + epsilon) (epsilon log a_i - softmin), alternately, with tau infinite
/// for exact sides.
fn plainly(pair: &Pair<f64>, task: &Task, sweeps: usize) -> (Vec<f64>, Vec<f64>) {
    let (n, m, e) = (pair.n, pair.m, task.epsilon);
    let update = |weights: &[f64], rule, other: &[f64], cost: &dyn Fn(usize, usize) -> f64| {
        let contraction = if let Rule::Kl { tau } = rule { tau / (tau + e) } else { 1.0 };
        let one = |i: usize| {
            let terms: Vec<f64> =
                other.iter().enumerate().map(|(j, g)| (g - cost(i, j)) / e).collect();
            let most = terms.iter().fold(f64::NEG_INFINITY, |m, &t| m.max(t));
            let sum: f64 = terms.iter().map(|t| (t - most).exp()).sum();
            contraction * e * (weights[i].ln() - most - sum.ln())
        };
        (0..weights.len()).map(one).collect::<Vec<_>>()
    };
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    for (g, b) in g.iter_mut().zip(&task.b) {
        if *b == 0.0 {
            *g = f64::NEG_INFINITY;
        }
    }
    for _ in 0..sweeps {
        f = update(&task.a, task.rules[0], &g, &|i, j| pair.cost[i * m + j]);
        g = update(&task.b, task.rules[1], &f, &|j, i| pair.cost[i * m + j]);
    }
    (f, g)
}

#[test]
fn solves_agree_with_a_plain_loop() {
    for (name, x, y) in shapes() {
        for rules in [[EXACT, EXACT], [KL, KL], [KL, EXACT]] {
            let pair = Pair::<f64>::new(&x, &y);
            let task = task((pair.n, pair.m), rules, 0.2, 5);
            let solved = run(pair.grid(), &task, &options(1e-13)).unwrap();
            assert!(solved.report.converged(), "{name}: {:?}", solved.report);
            let (f, g) = plainly(&pair, &task, 400);
            let ours = plan_of(&pair, &task, &solved);
            let report = solved.report;
            let theirs = plan_of(&pair, &task, &Solved { f, g, report });
            for (k, (x, y)) in ours.iter().zip(&theirs).enumerate() {
                assert!((x - y).abs() <= 1e-10, "{name} {k}: {x} {y}");
            }
            let cost: f64 = theirs.iter().zip(&pair.cost).map(|(x, c)| x * c).sum();
            assert!((report.transport_cost - cost).abs() <= 1e-9, "{name}");
        }
    }
}

/// Where an epsilon is 1e-4 of the largest cost a solve takes long: sweep by sweep it is the one over
/// the matrix.
#[test]
fn sweeps_at_small_epsilon_are_those_over_the_matrix() {
    for (name, x, y) in shapes() {
        let pair = Pair::<f64>::new(&x, &y);
        let most = pair.cost.iter().fold(0.0, |m: f64, &c| m.max(c));
        for rules in [[EXACT, EXACT], [KL, EXACT], [KL, KL]] {
            let task = task((pair.n, pair.m), rules, 1e-4 * most, 4);
            let options = options(1e-13).max_iterations(60).check_every(7);
            let by_axes = run(pair.grid(), &task, &options).unwrap();
            let dense = run(pair.dense(), &task, &options).unwrap();
            let near = |x: &[f64], y: &[f64]| {
                x.iter().zip(y).all(|(x, y)| x == y || (x - y).abs() <= 1e-11 * most)
            };
            assert!(near(&by_axes.f, &dense.f) && near(&by_axes.g, &dense.g), "{name} {rules:?}");
        }
    }
}

/// Single precision costs with potentials in double.
#[test]
fn mixed_precision_keeps_the_potentials_double() {
    for (name, x, y) in shapes() {
        let pair = Pair::<f32>::new(&x, &y);
        let task = task((pair.n, pair.m), [KL, KL], 0.02, 4);
        let (a, b): (Vec<f32>, Vec<f32>) = (convert(&task.a), convert(&task.b));
        let rule = Rule::Kl { tau: 0.5 };
        let options = Options::<Mixed>::new().stop(Stop::Residual(1e-6)).max_iterations(2000);
        let mut ends = Vec::new();
        let d = Geometry::<Mixed>::dimension(&pair.grid());
        let (mut f, mut g) = (vec![0.0; pair.n], vec![0.0; pair.m]);
        let mut work = vec![f64::NAN; work_len(pair.n, pair.m, d)];
        let problem = Problem::<Mixed, _>::new(pair.grid(), (&a, rule), (&b, rule), 0.02).unwrap();
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        assert!(report.converged(), "{name} {report:?}");
        ends.push((f.clone(), report.transport_cost));
        f.fill(0.0);
        g.fill(0.0);
        let problem = Problem::<Mixed, _>::new(pair.dense(), (&a, rule), (&b, rule), 0.02).unwrap();
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        ends.push((f, report.transport_cost));
        let [(f, cost), (dense, dense_cost)] = &ends[..] else { panic!() };
        assert!((cost - dense_cost).abs() <= 1e-5, "{name}: {cost} {dense_cost}");
        for (x, y) in f.iter().zip(dense) {
            assert!(x == y || (x - y).abs() <= 1e-6, "{name}: {x} {y}");
        }
    }
}

fn bits<T: Number>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.to_f64().to_bits()).collect()
}

/// The same bits at every instruction set and in longer work.
fn compare_levels<T: Number>() {
    for (name, x, y) in shapes() {
        let pair = Pair::<T>::new(&x, &y);
        for rules in [[EXACT, KL], [L2, L2]] {
            let task = task((pair.n, pair.m), rules, 0.05, 0);
            let at = |level| {
                let options = options::<T>(1e-30).max_iterations(12).check_every(5);
                let solved = run(pair.grid(), &task, &options.level(level)).unwrap();
                let r = solved.report;
                let scalars = [r.residual, r.transport_cost, r.objective, r.mass];
                [bits(&solved.f), bits(&solved.g), bits(&scalars)]
            };
            let expected = at(Level::PORTABLE);
            for level in Level::available() {
                assert_eq!(at(level), expected, "{name} {level:?}");
            }
        }
    }
}

#[test]
fn levels_give_the_same_bits() {
    compare_levels::<f32>();
    compare_levels::<f64>();
}

#[test]
fn a_kept_kernel_and_a_ladder_serve_grids_too() {
    let (x, y) = (vec![[6.0, 0.0, 0.2], [5.0, 0.0, 0.2]], vec![[4.0, 0.1, 0.3], [7.0, 0.0, 0.15]]);
    let pair = Pair::<f64>::new(&x, &y);
    let (n, m) = (pair.n, pair.m);
    let task = task((n, m), [EXACT, EXACT], 0.05, 0);
    let by_axes = run(pair.grid(), &task, &options(1e-12)).unwrap();
    let expected = plan_of(&pair, &task, &by_axes);
    let grid = pair.grid();
    let d = scratch_len(&grid);
    let sides = ((&task.a[..], EXACT), (&task.b[..], EXACT));
    let problem = Problem::<f64, _>::new(grid, sides.0, sides.1, 0.05).unwrap();
    let check = |f: Vec<f64>, g: Vec<f64>, report| {
        let found = plan_of(&pair, &task, &Solved { f, g, report });
        let error = found.iter().zip(&expected).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(report.converged() && error < 1e-9, "{error:e} {report:?}");
    };
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut work = vec![f64::NAN; fast_work_len(n, m, d)];
    let report = solve(&problem, &options(1e-12), &mut f, &mut g, &mut work, &mut ()).unwrap();
    check(f, g, report);
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let ladder =
        anneal::Options::new().solve(options(1e-12)).newton(Some(implicit::Method::Direct));
    let len = anneal::work_len(n, m, d, Some(implicit::Method::<f64>::Direct));
    let mut work = vec![f64::NAN; len];
    let found = anneal::solve(&problem, &ladder, &mut f, &mut g, &mut work, &mut ()).unwrap();
    check(f, g, found.report);
}

/// Problems of a batch have one pair of grids and weights of their own.
#[test]
fn batches_share_their_grids() {
    let axes = vec![[3.0, 0.0, 0.4], [4.0, 0.1, 0.3]];
    let pair = Pair::<f64>::new(&axes, &axes);
    let n = pair.n;
    let (one, other) = (task((n, n), [KL, KL], 0.1, 0), task((n, n), [KL, KL], 0.1, 4));
    let a = [&one.a[..], &other.a].concat();
    let first = || {
        let sides = ((&a[..n], KL), (&one.b[..], KL));
        Problem::<f64, _>::new(pair.grid(), sides.0, sides.1, 0.1).unwrap()
    };
    for (strides, argument) in [([1, 0], Argument::RowPoints), ([0, 1], Argument::ColPoints)] {
        let error = Batch::new(first(), 2).points(strides[0], strides[1]).err();
        assert_eq!(error, Some(refused(ErrorKind::Shape, argument)));
    }
    let batch = Batch::new(first(), 2).points(0, 0).unwrap().row_weights(&a, n).unwrap();
    let options = options(1e-12);
    let (mut f, mut g) = (vec![0.0; 2 * n], vec![0.0; 2 * n]);
    let mut reports = vec![run(pair.grid(), &one, &options).unwrap().report; 2];
    let mut work = vec![f64::NAN; work_len(n, n, GRID_DIMENSION)];
    let left =
        solve_batch(&batch, &options, &mut f, &mut g, &mut work, &mut reports, &mut ()).unwrap();
    assert_eq!(left, 0);
    for (k, a) in [&one.a, &other.a].into_iter().enumerate() {
        let own = Task { a: a.clone(), ..one.clone() };
        let alone = run(pair.grid(), &own, &options).unwrap();
        assert_eq!(bits(&f[k * n..][..n]), bits(&alone.f), "{k}");
        assert_eq!(bits(&g[k * n..][..n]), bits(&alone.g), "{k}");
    }
}

/// Gradients with respect to weights and the cost, with the smaller side in front and behind.
#[test]
fn gradients_are_those_of_the_matrix() {
    let (x, y) = (vec![[3.0, 0.0, 0.4], [2.0, 0.1, 0.5]], vec![[4.0, 0.0, 0.3], [3.0, 0.0, 0.3]]);
    for (x, y) in [(&x, &y), (&y, &x)] {
        let pair = Pair::<f64>::new(x, y);
        let (n, m) = (pair.n, pair.m);
        let task = task((n, m), [KL, KL], 0.1, 0);
        let solved = run(pair.grid(), &task, &options(1e-13)).unwrap();
        let optimum = Optimum::new(&solved.f, &solved.g, &solved.report);
        let cotangent = Cotangent::new().transport_cost(1.0);
        for direct in [true, false] {
            let iterative = implicit::Method::Iterative { tolerance: 1e-13, max_iterations: 500 };
            let method = if direct { implicit::Method::Direct } else { iterative };
            let options = implicit::Options::new().method(method);
            let len = implicit::work_len(n, m, 0, direct);
            let mut found = Vec::new();
            for by_axes in [true, false] {
                let (mut cost, mut a) = (vec![f64::NAN; n * m], vec![f64::NAN; n]);
                let mut work = vec![f64::NAN; len];
                let matrix = MatMut::new(&mut cost, n, m).unwrap();
                let out = Gradients { cost: Some(matrix), a: Some(&mut a), ..Gradients::default() };
                let sides = ((&task.a[..], KL), (&task.b[..], KL));
                if by_axes {
                    let p = Problem::<f64, _>::new(pair.grid(), sides.0, sides.1, 0.1).unwrap();
                    implicit::vjp(&p, optimum, &cotangent, &options, out, &mut work).unwrap();
                } else {
                    let p = Problem::<f64, _>::new(pair.dense(), sides.0, sides.1, 0.1).unwrap();
                    implicit::vjp(&p, optimum, &cotangent, &options, out, &mut work).unwrap();
                }
                found.push([cost, a].concat());
            }
            for (x, y) in found[0].iter().zip(&found[1]) {
                assert!((x - y).abs() <= 1e-10 * (1.0 + y.abs()), "{direct}: {x} {y}");
            }
        }
        // There are no points to have gradients.
        let sides = ((&task.a[..], KL), (&task.b[..], KL));
        let p = Problem::<f64, _>::new(pair.grid(), sides.0, sides.1, 0.1).unwrap();
        let mut points = vec![f64::NAN; n * 6];
        let matrix = MatMut::new(&mut points, n, 6).unwrap();
        let out = Gradients { x: Some(matrix), ..Gradients::default() };
        let mut work = vec![f64::NAN; implicit::work_len(n, m, 6, true)];
        let options = implicit::Options::new();
        let error = implicit::vjp(&p, optimum, &cotangent, &options, out, &mut work).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Shape);
        assert!(points.iter().all(|x| x.is_nan()));
    }
}

fn refused(kind: ErrorKind, argument: Argument) -> Error {
    let (row, col, measure) = (Error::NOWHERE, Error::NOWHERE, Error::NOWHERE);
    Error { kind, argument, row, col, measure }
}

fn refused_at(kind: ErrorKind, argument: Argument, i: usize, j: usize) -> Error {
    Error { row: i as u64, col: j as u64, ..refused(kind, argument) }
}

#[test]
fn grids_that_are_none_are_refused() {
    let good = [3.0, 0.0, 1.0, 4.0, 0.5, 2.0];
    let grid = |x: &[f64], y: &[f64]| {
        let [x, y] = [x, y].map(|axes| Mat::new(axes, axes.len() / 3, 3).unwrap());
        Grid::new(x, y).map(|grid| (Geometry::<f64>::rows(&grid), Geometry::<f64>::cols(&grid)))
    };
    assert_eq!(grid(&good, &good), Ok((12, 12)));
    let refusal = |kind, argument| Err(refused(kind, argument));
    let (x, y) = (Argument::RowPoints, Argument::ColPoints);
    assert_eq!(grid(&[], &[]), refusal(ErrorKind::Empty, x));
    assert_eq!(grid(&good, &good[..3]), refusal(ErrorKind::Shape, y));
    for (wrong, argument) in [(2, x), (4, x), (2, y), (4, y)] {
        let (flat, good) = (Mat::new(&good, 1, wrong).unwrap(), Mat::new(&good, 1, 3).unwrap());
        let pair = if argument == x { (flat, good) } else { (good, flat) };
        let error = Grid::<f64>::new(pair.0, pair.1).unwrap_err();
        assert_eq!(error, refused(ErrorKind::Shape, argument));
    }
    for count in [0.0, -1.0, 2.5, f64::NAN, 0.999, f64::INFINITY, 1e300] {
        let wrong = [3.0, 0.0, 1.0, count, 0.0, 1.0];
        for (found, argument) in [(grid(&wrong, &good), x), (grid(&good, &wrong), y)] {
            assert_eq!(found, Err(refused_at(ErrorKind::Shape, argument, 1, 0)), "{count}");
        }
    }
    for count in [4_294_967_296.0, 2_000_000_000.0] {
        let wrong = [3.0, 0.0, 1.0, count, 0.0, 1.0];
        assert_eq!(grid(&wrong, &good), Err(refused_at(ErrorKind::TooLarge, x, 1, 0)), "{count}");
    }
    let most = [16_777_216_f32, 0.0, 1.0];
    let wide = Mat::new(&most, 1, 3).unwrap();
    assert_eq!(Grid::new(wide, wide).unwrap_err().kind, ErrorKind::TooLarge);

    // Coordinates are looked at when a solve begins, before anything but work is written.
    for (value, kind) in [(f64::NAN, ErrorKind::NotANumber), (f64::INFINITY, ErrorKind::Infinite)] {
        for place in [1, 2, 4, 5] {
            for rows in [true, false] {
                let mut wrong = good;
                wrong[place] = value;
                let pair = if rows { (&wrong, &good) } else { (&good, &wrong) };
                let [x, y] = [pair.0, pair.1].map(|axes| Mat::new(axes, 2, 3).unwrap());
                let task = task((12, 12), [EXACT, EXACT], 1.0, 0);
                let argument = if rows { Argument::RowPoints } else { Argument::ColPoints };
                let error = run::<f64, _>(Grid::new(x, y).unwrap(), &task, &options(1e-9)).err();
                let expected = refused_at(kind, argument, place / 3, place % 3);
                assert_eq!(error, Some(expected), "{place}");
            }
        }
    }
    let far = [3.0, 0.0, 1e200, 4.0, 0.0, 1.0];
    let [x, y] = [&far, &good].map(|axes| Mat::new(axes, 2, 3).unwrap());
    let task = task((12, 12), [EXACT, EXACT], 1.0, 0);
    let error = run::<f64, _>(Grid::new(x, y).unwrap(), &task, &options(1e-9)).err();
    assert_eq!(error, Some(refused(ErrorKind::TooLarge, Argument::RowPoints)));
}

/// What README and header state: equal shapes count as points of dimension 6.
#[test]
fn the_dimension_of_equal_grids_is_a_constant() {
    for (_, x, y) in shapes() {
        let [one, both] = [Pair::<f64>::new(&x, &x), Pair::<f64>::new(&x, &y)];
        assert_eq!(scratch_len(&one.grid()), GRID_DIMENSION);
        let double = Pair::<f32>::new(&x, &x);
        assert_eq!(Geometry::<f32>::dimension(&double.grid()), GRID_DIMENSION);
        assert_eq!(Geometry::<Mixed>::dimension(&double.grid()), 2 * GRID_DIMENSION);
        assert!(scratch_len(&both.grid()) >= GRID_DIMENSION);
        // Costs of single entries, and the largest.
        let grid = both.grid();
        for (k, &c) in both.cost.iter().enumerate() {
            let found = Geometry::<f64>::cost(&grid, k / both.m, k % both.m).unwrap();
            assert!((found - c).abs() <= 1e-15 * (1.0 + c));
        }
        assert_eq!(Geometry::<f64>::cost(&grid, both.n, 0), None);
        assert_eq!(Geometry::<f64>::cost(&grid, 0, both.m), None);
    }
}

/// Two blobs, a grey ground and salt, on a square of `side` pixels.
fn images(side: usize) -> [Vec<f64>; 2] {
    let blob = |at: [f64; 2], radius: f64| -> Vec<f64> {
        let pixel = |k: usize| {
            let (i, j) = ((k / side) as f64 / side as f64, (k % side) as f64 / side as f64);
            f64::from((i - at[0]).hypot(j - at[1]) < radius)
        };
        let mut image: Vec<f64> = (0..side * side).map(pixel).collect();
        normalise(&mut image, 1.0);
        image
    };
    let mut noisy = blob([0.3, 0.3], 0.2);
    noisy[side * side - 2] = 0.05;
    noisy[side - 3] = 0.05;
    normalise(&mut noisy, 1.0);
    [noisy, blob([0.65, 0.7], 0.25)]
}

fn average<T: Number, G: Geometry<T> + Copy>(
    geometry: G,
    images: &[Vec<f64>],
    rules: [Rule<f64>; 2],
    (epsilon, iterations): (f64, u64),
    work: &mut [T],
) -> (Vec<T>, robust_ot::barycenter::Report<T>) {
    let weights: Vec<Vec<T>> = images.iter().map(|image| convert(image)).collect();
    let n = weights[0].len();
    let measures: Vec<_> = weights
        .iter()
        .zip(rules)
        .map(|(weights, rule)| Measure {
            geometry,
            weights,
            rule: convert_rule(rule),
            share: T::ONE,
        })
        .collect();
    let problem = barycenter::Problem::new(&measures, T::from_f64(epsilon)).unwrap();
    let (mut f, mut g, mut mean) = (vec![T::ZERO; 2 * n], vec![T::ZERO; 2 * n], vec![T::NAN; n]);
    let solve = options(1e-7).max_iterations(iterations);
    let options = barycenter::Options::new().solve(solve);
    let len = barycenter::work_len(2 * n, n, geometry.dimension());
    let report =
        barycenter::solve(&problem, &options, &mut f, &mut g, &mut mean, &mut work[..len], &mut ())
            .unwrap();
    (mean, report)
}

#[test]
fn barycenters_of_images_are_those_over_the_matrix() {
    let side = 16;
    let axes = vec![[16.0, 0.0, 1.0 / 16.0]; 2];
    let pair = Pair::<f64>::new(&axes, &axes);
    let n = side * side;
    let mut work = vec![f64::NAN; barycenter::work_len(2 * n, n, GRID_DIMENSION)];
    for rules in [[EXACT, EXACT], [Rule::Kl { tau: 0.1 }; 2], [Rule::Kl { tau: 0.1 }, EXACT]] {
        let limits = (0.01, 2000);
        let images = images(side);
        let (by_axes, report) = average::<f64, _>(pair.grid(), &images, rules, limits, &mut work);
        let (dense, expected) = average::<f64, _>(pair.dense(), &images, rules, limits, &mut work);
        assert!(report.converged() && expected.converged(), "{report:?}");
        for (x, y) in by_axes.iter().zip(&dense) {
            assert!((x - y).abs() <= 1e-9, "{x} {y}");
        }
        assert!((report.objective - expected.objective).abs() <= 1e-9);
    }
}

/// 128 x 128 pixels: the work is a few images; two iterations are enough to see that all of it works.
#[test]
fn barycenters_of_large_images_take_a_few_images_of_memory() {
    let side = 128;
    let n = side * side;
    let axes = [128.0_f32, 0.0, 1.0 / 128.0, 128.0, 0.0, 1.0 / 128.0];
    let view = Mat::new(&axes, 2, 3).unwrap();
    let grid = Grid::new(view, view).unwrap();
    let len = barycenter::work_len(2 * n, n, GRID_DIMENSION);
    assert!(len <= 30 * n, "{len}");
    let mut work = vec![f32::NAN; len];
    let images = images(side);
    let robust = Rule::Kl { tau: 0.1 };
    let all = [[robust, EXACT], [EXACT; 2], [robust; 2]];
    // (Without optimisation one of them takes seconds.)
    let count = if cfg!(debug_assertions) { 1 } else { all.len() };
    for &rules in all.iter().take(count) {
        let (mean, report) = average::<f32, _>(grid, &images, rules, (0.02, 1), &mut work);
        let mass: f64 = mean.iter().map(|x| f64::from(*x)).sum();
        assert_eq!(report.iterations, 1);
        assert!((mass - 1.0).abs() < 0.1, "{mass} {report:?}");
    }
}
