//! The backward pass against fourth-order differences of converged solves.

use robust_ot::barycenter::gradient::{
    Cotangent, GradientReport, Gradients, Options, vjp, work_len,
};
use robust_ot::barycenter::{Measure, Problem};
use robust_ot::cost::Geometry;
use robust_ot::error::Error;
use robust_ot::marginal::Rule;

use super::common::barycenter::{Solved, Task, tight};
use super::common::case::{Number, Random};

/// L = <along, barycenter> + value objective.
struct Loss<T> {
    along: Vec<T>,
    value: T,
}

impl Loss<f64> {
    fn random(seed: u64, n: usize, value: f64) -> Self {
        Self { along: Random(seed).vector(n, -1.0, 1.0), value }
    }

    fn of(&self, task: &Task<f64>, start: &Solved<f64>) -> f64 {
        let warm = robust_ot::options::Options::new()
            .stop(robust_ot::options::Stop::Residual(1e-14))
            .max_iterations(4000)
            .warm_start(true);
        let options = robust_ot::barycenter::Options::new().solve(warm);
        let solved = task.try_solve(&options, Some(start)).unwrap();
        assert!(solved.report.residual < 1e-11, "{:?}", solved.report);
        let seen: f64 = self.along.iter().zip(&solved.barycenter).map(|(l, q)| l * q).sum();
        seen + self.value * solved.report.objective
    }
}

/// Everything that a backward pass gives, measure behind measure.
#[derive(Debug)]
struct Backward<T> {
    weights: Vec<T>,
    shares: Vec<T>,
    cost: Vec<Vec<T>>,
    x: Vec<Vec<T>>,
    y: Vec<Vec<T>>,
    report: GradientReport<T>,
}

fn run<'a, T: Number, G: Geometry<T>>(
    task: &Task<T>,
    measures: &'a [Measure<'a, T, G>],
    solved: &Solved<T>,
    loss: &Loss<T>,
    options: &Options<T>,
) -> Result<Backward<T>, Error> {
    let (k, n, d) = (task.measures.len(), task.support, task.dimension);
    let sizes: Vec<usize> = task.measures.iter().map(|m| m.weights.len()).collect();
    let (mut cost, mut x) = (vec![T::NAN; task.rows() * n], vec![T::NAN; task.rows() * d]);
    let mut y = vec![T::NAN; k * n * d];
    let (mut weights, mut shares) = (vec![T::NAN; task.rows()], vec![T::NAN; k]);
    let mut work = vec![T::NAN; work_len(k, task.rows(), n, d)];
    let gradients = Gradients {
        weights: Some(&mut weights),
        shares: Some(&mut shares),
        costs: Some(&mut cost),
        x: (d > 0).then_some(&mut x),
        y: (d > 0).then_some(&mut y),
    };
    let cotangent = Cotangent { barycenter: Some(&loss.along), objective: loss.value };
    let problem = Problem::new(measures, task.epsilon)?;
    let potentials = (&solved.f[..], &solved.g[..]);
    let report = vjp(&problem, potentials, &cotangent, options, gradients, &mut work)?;
    let parts = |all: Vec<T>, each: &dyn Fn(usize) -> usize| {
        let mut rest = &all[..];
        let mut parts = Vec::new();
        for &size in &sizes {
            let (own, others) = rest.split_at(each(size));
            parts.push(own.to_vec());
            rest = others;
        }
        assert!(rest.is_empty());
        parts
    };
    let (cost, x) = (parts(cost, &|size| size * n), parts(x, &|size| size * d));
    let y = parts(y, &|_| n * d);
    Ok(Backward { weights, shares, cost, x, y, report })
}

fn backward<T: Number>(task: &Task<T>, solved: &Solved<T>, loss: &Loss<T>) -> Backward<T> {
    let options = Options::new().tolerance(T::ROUNDOFF * T::from_count(8));
    if task.dimension > 0 {
        run(task, &task.points(), solved, loss, &options).unwrap()
    } else {
        run(task, &task.dense(), solved, loss, &options).unwrap()
    }
}

/// The derivative of the loss when `change(task, t)` moves it by t, fourth order.
fn difference(
    task: &Task<f64>,
    solved: &Solved<f64>,
    loss: &Loss<f64>,
    step: f64,
    change: &dyn Fn(&mut Task<f64>, f64),
) -> f64 {
    let at = |t: f64| {
        let mut moved = task.clone();
        change(&mut moved, t);
        loss.of(&moved, solved)
    };
    (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
}

fn close(name: &str, found: f64, expected: f64, scale: f64) {
    let error = (found - expected).abs();
    assert!(error <= 1e-6 * scale + 1e-8, "{name}: {found} against {expected}, scale {scale:e}");
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, x| most.max(x.abs()))
}

fn check(name: &str, task: &Task<f64>, loss: &Loss<f64>, seed: u64) {
    let solved = task.solve(&tight(1e-13));
    assert!(solved.report.residual < 1e-11, "{name}: {:?}", solved.report);
    let back = backward(task, &solved, loss);
    assert!(back.report.residual < 1e-12 && back.report.forward_residual < 1e-10, "{back:?}");
    let mut random = Random(seed);
    let mut first = 0;
    for (i, measure) in task.measures.iter().enumerate() {
        let size = measure.weights.len();
        let own = &back.weights[first..first + size];
        first += size;
        // Weights: a pair of which one gains what the other loses.
        for l in 1..size.min(4) {
            let found = own[l] - own[0];
            let expected =
                difference(task, &solved, loss, 1e-4 * measure.weights[l], &|task, t| {
                    task.measures[i].weights[l] += t;
                    task.measures[i].weights[0] -= t;
                });
            close(&format!("{name}: weights {i} {l}"), found, expected, largest(own).max(1e-2));
        }
        if measure.rule != Rule::Exact {
            let expected =
                difference(task, &solved, loss, 1e-4 * measure.weights[0], &|task, t| {
                    task.measures[i].weights[0] += t;
                });
            close(&format!("{name}: weight {i}"), own[0], expected, largest(own).max(1e-2));
        }
        // Shares, as they were given.
        let expected = difference(task, &solved, loss, 1e-4, &|task, t| {
            task.measures[i].share += t;
        });
        let scale = largest(&back.shares).max(1e-2);
        close(&format!("{name}: share {i}"), back.shares[i], expected, scale);
        if task.dimension > 0 {
            continue;
        }
        let gradient = &back.cost[i];
        for _ in 0..4 {
            let at = (random.next() * gradient.len() as f64) as usize;
            let expected = difference(task, &solved, loss, 1e-4, &|task, t| {
                task.measures[i].cost[at] += t;
            });
            close(&format!("{name}: cost {i} {at}"), gradient[at], expected, largest(gradient));
        }
    }
    if task.dimension > 0 {
        for i in 0..task.measures.len() {
            for at in 0..4 {
                let expected = difference(task, &solved, loss, 1e-4, &|task, t| {
                    task.measures[i].x[at] += t;
                });
                let scale = largest(&back.x[i]);
                close(&format!("{name}: x {i} {at}"), back.x[i][at], expected, scale);
            }
        }
        for at in 0..4 {
            let found: f64 = back.y.iter().map(|y| y[at]).sum();
            let expected = difference(task, &solved, loss, 1e-4, &|task, t| task.y[at] += t);
            close(&format!("{name}: y {at}"), found, expected, largest(&back.y[0]));
        }
    }
}

const KL: Rule<f64> = Rule::Kl { tau: 0.7 };
const WIDE: Rule<f64> = Rule::Kl { tau: 5.0 };

#[test]
fn gradients_agree_with_differences() {
    let sets: [(&str, &[Rule<f64>]); 5] = [
        ("one", &[KL]),
        ("relaxed", &[KL, WIDE, KL]),
        ("exact", &[Rule::Exact, Rule::Exact]),
        ("three exact", &[Rule::Exact, Rule::Exact, Rule::Exact]),
        ("mixed", &[Rule::Exact, KL, WIDE]),
    ];
    for (k, (name, rules)) in sets.into_iter().enumerate() {
        let seed = 40 + k as u64;
        let mut task = Task::random(seed, 6, 0.06, rules);
        // Exact measures of a mass other than 1, relaxed ones of any.
        for (i, measure) in task.measures.iter_mut().enumerate() {
            let mass = if measure.rule == Rule::Exact { 1.5 } else { 1.0 + 0.3 * i as f64 };
            measure.weights.iter_mut().for_each(|w| *w *= mass);
        }
        check(name, &task, &Loss::random(seed, 6, 0.0), seed);
        check(&format!("{name}, objective"), &task, &Loss::random(seed, 6, 0.8), seed + 100);
    }
}

#[test]
fn gradients_of_points_agree_with_differences() {
    for (seed, rules) in
        [(60, [KL, WIDE]), (61, [Rule::Exact, Rule::Exact]), (62, [Rule::Exact, KL])]
    {
        let task = Task::random(seed, 5, 0.08, &rules).with_points(seed);
        check("points", &task, &Loss::random(seed, 5, 0.3), seed);
    }
}

/// Zero weights, forbidden pairs, an unreachable point and a measure without a share: finite, and the
/// one-sided derivative where there is one.
#[test]
fn degenerate_gradients_are_finite_and_right() {
    let rules = [Rule::Exact, Rule::Exact, KL, KL];
    let mut task = Task::random(70, 6, 0.06, &rules);
    let n = task.support;
    for measure in &mut task.measures {
        // What the first weight had goes to the second.
        measure.weights[1] += measure.weights[0];
        measure.weights[0] = 0.0;
    }
    task.measures[1].cost[2 * n + 1] = f64::INFINITY;
    // The last point is out of reach for one measure, and so for all.
    for l in 0..task.measures[2].weights.len() {
        task.measures[2].cost[l * n + n - 1] = f64::INFINITY;
    }
    task.measures[3].share = 0.0;
    let solved = task.solve(&tight(1e-13));
    assert_eq!(solved.barycenter[n - 1], 0.0);
    let loss = Loss::random(70, n, 0.5);
    let back = backward(&task, &solved, &loss);
    let all = back.weights.iter().chain(&back.shares).chain(back.cost.iter().flatten());
    assert!(all.clone().all(|x| x.is_finite()), "{back:?}");
    assert!(back.cost[1][2 * n + 1] == 0.0 && back.cost[3].iter().all(|&x| x == 0.0));
    let mut first = 0;
    for (i, measure) in task.measures.iter().enumerate() {
        let own = &back.weights[first..first + measure.weights.len()];
        first += measure.weights.len();
        if measure.rule != Rule::Exact {
            assert_eq!(own[0], 0.0, "a relaxed zero weight has no derivative");
            continue;
        }
        // The objective's slope at a zero weight is infinite: only what the barycenter sees.
        let loss = Loss { along: loss.along.clone(), value: 0.0 };
        let own = &backward(&task, &solved, &loss).weights[first - own.len()..first];
        let step = 1e-3 * measure.weights[1];
        let at = |t: f64| {
            let mut moved = task.clone();
            moved.measures[i].weights[0] += t;
            moved.measures[i].weights[1] -= t;
            loss.of(&moved, &solved)
        };
        let (f0, f1, f2, f3) = (at(0.0), at(step), at(2.0 * step), at(3.0 * step));
        let expected = (-11.0 * f0 + 18.0 * f1 - 9.0 * f2 + 2.0 * f3) / (6.0 * step);
        let error = (own[0] - own[1] - expected).abs();
        assert!(error <= 1e-5 * largest(own), "{i}: {} {expected}", own[0] - own[1]);
    }
    // The share that is 0 may grow.
    let at = |t: f64| {
        let mut moved = task.clone();
        moved.measures[3].share = t;
        loss.of(&moved, &solved)
    };
    let step = 1e-3;
    let (f0, f1, f2, f3) = (at(0.0), at(step), at(2.0 * step), at(3.0 * step));
    let expected = (-11.0 * f0 + 18.0 * f1 - 9.0 * f2 + 2.0 * f3) / (6.0 * step);
    let scale = largest(&back.shares);
    assert!((back.shares[3] - expected).abs() <= 1e-5 * scale, "{} {expected}", back.shares[3]);
}

/// f32 against f64, to k u / epsilon with k = 256.
#[test]
fn single_precision_gradients_agree_with_double() {
    for (seed, rules) in [(80, [KL, WIDE, KL]), (81, [Rule::Exact, Rule::Exact, KL])] {
        let task = Task::random(seed, 6, 0.06, &rules);
        let loss = Loss::random(seed, 6, 0.5);
        let double = backward(&task, &task.solve(&tight(1e-13)), &loss);
        let single = task.to::<f32>();
        let single_loss = Loss {
            along: loss.along.iter().map(|&x| x as f32).collect(),
            value: loss.value as f32,
        };
        let found = backward(&single, &single.solve(&tight(4e-6)), &single_loss);
        let bound = 256.0 * f64::from(f32::EPSILON) / task.epsilon;
        for (found, expected) in found.cost.iter().zip(&double.cost) {
            for (found, expected) in found.iter().zip(expected) {
                let error = (f64::from(*found) - expected).abs();
                assert!(error <= bound * largest(&double.cost.concat()), "{error:e}");
            }
        }
        for (found, expected) in found.shares.iter().zip(&double.shares) {
            assert!((f64::from(*found) - expected).abs() <= bound * largest(&double.shares));
        }
    }
}

#[test]
fn every_level_gives_the_same_gradients() {
    let task = Task::random(90, 19, 0.05, &[KL, Rule::Exact, WIDE]);
    let loss = Loss::random(90, 19, 0.5);
    let solved = task.solve(&tight(1e-11));
    let mut first: Option<Backward<f64>> = None;
    for level in robust_ot::kernel::Level::available() {
        let options = Options::new().level(level);
        let back = run(&task, &task.dense(), &solved, &loss, &options).unwrap();
        if let Some(first) = &first {
            assert_eq!(back.cost, first.cost);
            assert_eq!((&back.weights, &back.shares), (&first.weights, &first.shares));
            assert_eq!(back.report, first.report);
        }
        first = first.or(Some(back));
    }
}

/// f, g and the cotangent.
type Inputs = [Vec<f64>; 3];
type Change<'a> = &'a dyn Fn(&mut Inputs);

#[test]
fn wrong_backward_passes_are_refused() {
    use robust_ot::error::{Argument, ErrorKind};
    let task = Task::random(95, 5, 0.05, &[KL, Rule::Exact]);
    let solved = task.solve(&tight(1e-11));
    let measures = task.dense();
    let problem = Problem::new(&measures, task.epsilon).unwrap();
    let (rows, n) = (task.rows(), task.support);
    let along = vec![1.0, 0.0, 0.0, 0.0, 0.0];
    let good = [solved.f.clone(), solved.g.clone(), along];
    let len = work_len(2, rows, n, 0);
    // The outputs keep what they held.
    let refused = |[f, g, along]: Inputs, options: &Options<f64>, len| {
        let (mut weights, mut shares) = (vec![7.0; rows], vec![7.0; 2]);
        let mut cost = vec![7.0; rows * n];
        let mut work = vec![f64::NAN; len];
        let gradients = Gradients {
            weights: Some(&mut weights),
            shares: Some(&mut shares),
            costs: Some(&mut cost),
            ..Gradients::default()
        };
        let cotangent = Cotangent { barycenter: Some(&along), objective: 0.0 };
        let error = vjp(&problem, (&f, &g), &cotangent, options, gradients, &mut work).unwrap_err();
        assert!(weights.iter().chain(&shares).chain(&cost).all(|&x| x == 7.0), "{error:?}");
        (error.kind, error.argument)
    };
    let options = Options::new();
    let with = |change: Change<'_>| {
        let mut inputs = good.clone();
        change(&mut inputs);
        inputs
    };
    assert_eq!(refused(good.clone(), &options, len - 1), (ErrorKind::WorkTooSmall, Argument::Work));
    let cases: [(Change<'_>, ErrorKind, Argument); 8] = [
        (&|i| i[0].truncate(2), ErrorKind::Shape, Argument::RowPotentials),
        (&|i| i[1].truncate(2), ErrorKind::Shape, Argument::ColPotentials),
        (&|i| i[2].truncate(2), ErrorKind::Shape, Argument::Cotangent),
        (&|i| i[0][1] = f64::NAN, ErrorKind::NotANumber, Argument::RowPotentials),
        (&|i| i[1][1] = f64::INFINITY, ErrorKind::Infinite, Argument::ColPotentials),
        (&|i| i[2][1] = f64::NAN, ErrorKind::NotANumber, Argument::Cotangent),
        (&|i| i[2][1] = f64::INFINITY, ErrorKind::Infinite, Argument::Cotangent),
        (&|i| i[0][1] += 0.01, ErrorKind::NotConverged, Argument::ForwardTolerance),
    ];
    for (change, kind, argument) in cases {
        assert_eq!(refused(with(change), &options, len), (kind, argument));
    }
    for (options, kind, argument) in [
        (Options::new().tolerance(0.0), ErrorKind::Tolerance, Argument::Method),
        (Options::new().max_iterations(0), ErrorKind::Count, Argument::Method),
        (
            Options::new().forward_tolerance(f64::NAN),
            ErrorKind::Tolerance,
            Argument::ForwardTolerance,
        ),
    ] {
        assert_eq!(refused(good.clone(), &options, len), (kind, argument));
    }
    // Outputs of wrong lengths, and points where there are none.
    let mut short = [[0.0; 1]; 5];
    for (k, argument) in [
        Argument::RowWeightGradient,
        Argument::Share,
        Argument::CostGradient,
        Argument::RowPointGradient,
        Argument::ColPointGradient,
    ]
    .into_iter()
    .enumerate()
    {
        let mut places = short.iter_mut().enumerate().map(|(i, x)| (i == k).then_some(&mut x[..]));
        let gradients = Gradients {
            weights: places.next().unwrap(),
            shares: places.next().unwrap(),
            costs: places.next().unwrap(),
            x: places.next().unwrap(),
            y: places.next().unwrap(),
        };
        let mut work = vec![f64::NAN; len];
        let cotangent = Cotangent { barycenter: Some(&good[2]), objective: 0.0 };
        let (f, g) = (&good[0][..], &good[1][..]);
        let error = vjp(&problem, (f, g), &cotangent, &options, gradients, &mut work).unwrap_err();
        assert_eq!((error.kind, error.argument), (ErrorKind::Shape, argument));
    }
    // Asked for, potentials that are no optimum are taken, and their residual is told.
    let mut off = solved.clone();
    off.f[1] += 0.01;
    let loss = Loss { along: good[2].clone(), value: 0.0 };
    let options = Options::new().forward_tolerance(f64::INFINITY);
    let back = run(&task, &measures, &off, &loss, &options).unwrap();
    assert!(back.report.forward_residual > 1e-3);
}
