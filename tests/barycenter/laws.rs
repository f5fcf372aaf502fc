//! What must not change a barycenter.

use robust_ot::barycenter::{Options, Problem};
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};

use super::common::barycenter::{Solved, Task, tight};
use super::common::case::{Number, Random, convert};
use super::reference::apart;

const KL: Rule<f64> = Rule::Kl { tau: 0.4 };
const MIXTURES: [[Rule<f64>; 4]; 3] =
    [[KL, Rule::Kl { tau: 2.0 }, KL, KL], [Rule::Exact; 4], [KL, Rule::Exact, KL, Rule::Exact]];
const EPSILONS: [f64; 3] = [0.2, 0.05, 0.01];
/// The rounding of a sum of exponentials, in units of u max |C| / epsilon: the relative error of an
/// entry exp((f + g - C) / epsilon) is that of its exponent. Measured 1.4.
const ROUNDING: f64 = 8.0;

/// After as many iterations for both, converged or not: rounding is all that may differ.
fn some_iterations<T: Number>() -> Options<T> {
    let stop = Stop::Residual(T::MIN_POSITIVE);
    Options::new().solve(options::Options::new().stop(stop).max_iterations(50))
}

fn unit<T: Number>(task: &Task<T>) -> f64 {
    T::ROUNDOFF.to_f64() * (1.0 + task.largest_cost() / task.epsilon.to_f64())
}

/// The largest difference relative to the largest entry, in units of rounding.
fn off<T: Number>(task: &Task<T>, x: &[T], y: &[T]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = (convert(x), convert(y));
    let most = y.iter().fold(0.0_f64, |m, y| m.max(y.abs()));
    apart(&x, &y) / (most * unit(task))
}

/// Both precisions of every mixture at every epsilon.
fn tasks(seed: u64) -> impl Iterator<Item = Task<f64>> {
    let all = MIXTURES.iter().flat_map(|rules| EPSILONS.map(|epsilon| (rules, epsilon)));
    all.zip(seed..).map(|((rules, epsilon), seed)| Task::random(seed, 9, epsilon, rules))
}

fn same<T: Number>(task: &Task<T>, found: &Solved<T>, expected: &Solved<T>, worst: &mut f64) {
    for error in [
        off(task, &found.barycenter, &expected.barycenter),
        off(task, &[found.report.mass], &[expected.report.mass]),
        (found.report.objective.to_f64() - expected.report.objective.to_f64()).abs() / unit(task),
    ] {
        *worst = worst.max(error);
        assert!(error <= ROUNDING, "{error} of rounding: {:?} {:?}", found.report, expected.report);
    }
}

fn order<T: Number>(task: &Task<T>, worst: &mut f64) {
    let expected = task.solve(&some_iterations());
    let mut other = task.clone();
    other.measures.rotate_left(1);
    other.measures.swap(0, 1);
    same(task, &other.solve(&some_iterations()), &expected, worst);
}

#[test]
fn order_of_the_measures() {
    let mut worst = [0.0; 2];
    for task in tasks(20) {
        order(&task, &mut worst[0]);
        order::<f32>(&task.to(), &mut worst[1]);
    }
    println!("of rounding: {worst:?}");
}

fn halves<T: Number>(task: &Task<T>, worst: &mut f64) {
    let expected = task.solve(&some_iterations());
    for i in 0..task.measures.len() {
        let mut other = task.clone();
        other.measures[i].share = T::HALF * other.measures[i].share;
        let half = other.measures[i].clone();
        other.measures.push(half);
        same(task, &other.solve(&some_iterations()), &expected, worst);
    }
}

#[test]
fn a_measure_in_two_halves() {
    let mut worst = [0.0; 2];
    for task in tasks(40) {
        halves(&task, &mut worst[0]);
        halves::<f32>(&task.to(), &mut worst[1]);
    }
    println!("of rounding: {worst:?}");
}

#[test]
fn unit_of_the_shares() {
    let mut worst = 0.0;
    for task in tasks(60) {
        let expected = task.solve(&some_iterations());
        for factor in [0.25, 1024.0, 3.0, 1e-5] {
            let mut other = task.clone();
            other.measures.iter_mut().for_each(|m| m.share *= factor);
            let mut solved = other.solve(&some_iterations());
            let total: f64 = other.measures.iter().map(|m| m.share).sum();
            assert!((solved.report.share_factor * total - 1.0).abs() <= 4.0 * f64::EPSILON);
            if factor == 0.25 || factor == 1024.0 {
                solved.report.share_factor = expected.report.share_factor;
                assert_eq!(solved.barycenter, expected.barycenter);
                assert_eq!((&solved.f, &solved.g), (&expected.f, &expected.g));
                assert_eq!(solved.report, expected.report);
            } else {
                same(&task, &solved, &expected, &mut worst);
            }
        }
    }
    println!("of rounding: {worst}");
}

/// The order of the points of a measure and of the barycenter, and costs in another unit.
#[test]
fn order_of_the_points_and_unit_of_the_cost() {
    let mut worst = 0.0;
    for task in tasks(80) {
        let expected = task.solve(&some_iterations());
        let mut turned = task.clone();
        for m in &mut turned.measures {
            m.weights.reverse();
            m.cost.reverse();
        }
        let mut solved = turned.solve(&some_iterations());
        solved.barycenter.reverse();
        same(&task, &solved, &expected, &mut worst);
        // A power of two: the same bits.
        let mut scaled = task.clone();
        scaled.epsilon *= 8.0;
        for m in &mut scaled.measures {
            m.cost.iter_mut().for_each(|c| *c *= 8.0);
            if let Rule::Kl { tau } = &mut m.rule {
                *tau *= 8.0;
            }
        }
        assert_eq!(scaled.solve(&some_iterations()).barycenter, expected.barycenter);
    }
    println!("of rounding: {worst}");
}

/// A constant on the costs of a measure stays with the measure.
#[test]
fn a_constant_on_the_costs() {
    let mut worst = 0.0;
    for task in tasks(100) {
        let expected = task.solve(&tight(1e-12));
        let mut other = task.clone();
        other.measures[1].cost.iter_mut().for_each(|c| *c += 1.0);
        let solved = other.solve(&tight(1e-12));
        assert!(solved.report.converged() && expected.report.converged());
        let error = apart(&solved.barycenter, &expected.barycenter);
        worst = f64::max(worst, error);
        assert!(error <= 1e-12, "{error:e}");
    }
    println!("{worst:e}");
}

/// Points against the matrix of their squared distances.
#[test]
fn points_are_their_costs() {
    let mut worst = 0.0;
    for task in tasks(120) {
        let points = task.with_points(7);
        let mut dense = points.clone();
        dense.dimension = 0;
        let (found, expected) = (points.solve(&some_iterations()), dense.solve(&some_iterations()));
        same(&dense, &found, &expected, &mut worst);
    }
    println!("of rounding: {worst}");
}

/// From its own end a solve has nothing to do, and from that of a neighbour less.
#[test]
fn warm_starts() {
    let warm = |limit| {
        let solve = options::Options::new().stop(Stop::Residual(1e-11)).max_iterations(limit);
        Options::new().solve(solve.warm_start(true))
    };
    for task in tasks(140) {
        let cold = task.solve(&tight(1e-11));
        let again = task.try_solve(&warm(50_000), Some(&cold)).unwrap();
        assert!(again.report.converged() && again.report.iterations <= 2, "{:?}", again.report);
        assert!(apart(&again.barycenter, &cold.barycenter) <= 1e-9);
        let mut near = task.clone();
        let mut random = Random(1);
        for m in &mut near.measures {
            m.cost.iter_mut().for_each(|c| *c += 1e-6 * random.next());
        }
        let from = near.try_solve(&warm(50_000), Some(&cold)).unwrap();
        let fresh = near.solve(&tight(1e-11));
        assert!(from.report.converged() && fresh.report.converged());
        assert!(from.report.iterations < fresh.report.iterations, "{:?}", from.report);
        assert!(apart(&from.barycenter, &fresh.barycenter) <= 1e-9);
    }
}

/// The shape of the problem: sums of sizes.
#[test]
fn lengths() {
    let task = Task::random(1, 5, 0.1, &MIXTURES[0]);
    let measures = task.dense();
    let problem = Problem::<f64, _>::new(&measures, 0.1).unwrap();
    assert_eq!((problem.rows(), problem.cols(), problem.support()), (task.rows(), 20, 5));
    assert_eq!((problem.dimension(), problem.epsilon()), (0, 0.1));
    assert_eq!(problem.measures().len(), 4);
    let task = task.with_points(1);
    let measures = task.points();
    assert_eq!(Problem::<f64, _>::new(&measures, 0.1).unwrap().dimension(), 2);
}
