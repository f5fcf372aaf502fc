//! Algorithm 1 of the appendix of Xie et al. 2021 (projected gradients on the marginals, one Sinkhorn
//! step between them) as a reference of its own, next to our solver: why the paper's problem is
//! solved here, and the paper's method is not. See the table with
//! `cargo test --test algorithm1 -- --nocapture`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::case::{Case, Solved};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};

/// Steps that Algorithm 1 may take: each sums over the rows and over the columns, as one of our sweeps
/// does.
const STEPS: usize = 20_000;

/// Every variant gets the step size that suits it best: these over the number of points.
const STEP_SIZES: [f64; 4] = [1.0, 0.1, 0.01, 0.001];

/// |S - S*|_1 at which a variant has arrived.
const ARRIVED: f64 = 1e-9;

/// What is taken for the gradient by a marginal p, with a the scaling of its side.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gradient {
    /// exp(a / epsilon), as printed.
    Printed,
    /// epsilon log a + entropy log p, which it is but for a constant.
    Repaired,
    /// The same less its mean: along the simplex, whatever constant the potentials carry.
    Centred,
}

use Gradient::{Centred, Printed, Repaired};

/// Which balls hold the marginals back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Active {
    Both,
    Rows,
    None,
}

/// Where a method ended.
struct End {
    f: Vec<f64>,
    g: Vec<f64>,
    plan: Vec<f64>,
    /// |S - S*|_1; infinite after an overflow.
    distance: f64,
    sweeps: usize,
}

fn radius2(rule: Rule<f64>) -> f64 {
    let Rule::L2Ball { radius2, .. } = rule else { panic!("{rule:?}") };
    radius2
}

fn square_distance(p: &[f64], w: &[f64]) -> f64 {
    p.iter().zip(w).map(|(p, w)| (p - w) * (p - w)).sum()
}

/// The printed way back to the simplex and the ball: clip, divide by the sum, pull towards the
/// weights.
fn pull_back(p: &mut [f64], w: &[f64], radius2: f64, least: f64) {
    for p in p.iter_mut() {
        *p = p.max(least);
    }
    let sum: f64 = p.iter().sum();
    for p in p.iter_mut() {
        *p /= sum;
    }
    let distance2 = square_distance(p, w);
    if distance2 > radius2 {
        let share = (radius2 / distance2).sqrt();
        for (p, w) in p.iter_mut().zip(w) {
            *p = w + share * (*p - w);
        }
    }
}

fn descend(
    kind: Gradient,
    epsilon: f64,
    eta: f64,
    (p, w): (&mut [f64], &[f64]),
    a: &[f64],
    radius2: f64,
) {
    let mut gradient: Vec<f64> = match kind {
        Printed => a.iter().map(|a| (a / epsilon).exp()).collect(),
        // The entropies of plan and marginals have one weight here.
        _ => a.iter().zip(&*p).map(|(a, p)| epsilon * (a.ln() + p.ln())).collect(),
    };
    if kind == Centred {
        let mean = gradient.iter().sum::<f64>() / gradient.len() as f64;
        gradient.iter_mut().for_each(|x| *x -= mean);
    }
    for (p, x) in p.iter_mut().zip(gradient) {
        *p -= eta * x;
    }
    // The repaired gradients take logarithms.
    pull_back(p, w, radius2, if kind == Printed { 0.0 } else { 1e-300 });
}

/// Algorithm 1 from the weights, until it is at the optimum or elsewhere at rest, overflows, or runs
/// out of steps.
fn algorithm_1(case: &Case<f64>, kind: Gradient, eta: f64, optimum: &[f64]) -> End {
    let (n, m, epsilon) = (case.n, case.m, case.epsilon);
    let kernel: Vec<f64> = case.cost.iter().map(|c| (-c / epsilon).exp()).collect();
    let (mut p, mut q) = (case.a.clone(), case.b.clone());
    let (mut a, mut b) = (vec![1.0; n], vec![1.0; m]);
    let (mut distance, mut before, mut sweeps) = (f64::INFINITY, f64::INFINITY, 0);
    let mut plan = vec![f64::NAN; n * m];
    while sweeps < STEPS {
        sweeps += 1;
        for i in 0..n {
            let sum: f64 = kernel[i * m..][..m].iter().zip(&b).map(|(k, b)| k * b).sum();
            a[i] = p[i] / sum;
        }
        for j in 0..m {
            let column = kernel[j..].iter().step_by(m);
            b[j] = q[j] / column.zip(&a).map(|(k, a)| k * a).sum::<f64>();
        }
        if sweeps % 10 == 0 {
            for i in 0..n {
                for j in 0..m {
                    plan[i * m + j] = a[i] * kernel[i * m + j] * b[j];
                }
            }
            distance = plan.iter().zip(optimum).map(|(x, y)| (x - y).abs()).sum();
            if distance <= ARRIVED || !distance.is_finite() {
                break;
            }
        }
        if sweeps % 1000 == 0 {
            // At rest, though not at the optimum.
            if (distance - before).abs() <= 1e-12 * distance {
                break;
            }
            before = distance;
        }
        descend(kind, epsilon, eta, (&mut p, &case.a), &a, radius2(case.rows));
        descend(kind, epsilon, eta, (&mut q, &case.b), &b, radius2(case.cols));
    }
    let potentials = |scaling: &[f64]| scaling.iter().map(|x| epsilon * x.ln()).collect();
    let distance = if distance.is_nan() { f64::INFINITY } else { distance };
    End { f: potentials(&a), g: potentials(&b), plan, distance, sweeps }
}

/// With the best of the step sizes: the first to arrive, or else the closest. And how many arrive.
fn best_of_step_sizes(case: &Case<f64>, kind: Gradient, optimum: &[f64]) -> (f64, End, usize) {
    let ends = STEP_SIZES.map(|size| {
        let eta = size / case.n as f64;
        (eta, algorithm_1(case, kind, eta, optimum))
    });
    let arrived = ends.iter().filter(|(_, end)| end.distance <= ARRIVED).count();
    let rank = |end: &End| {
        if end.distance <= ARRIVED { -1.0 / end.sweeps as f64 } else { end.distance }
    };
    let best = ends.into_iter().min_by(|(_, x), (_, y)| rank(x).total_cmp(&rank(y)));
    let (eta, end) = best.unwrap();
    (eta, end, arrived)
}

/// The sweeps in which our solver gets as close.
fn our_sweeps(case: &Case<f64>, optimum: &[f64]) -> usize {
    let close = |limit: &u64| {
        let options = Options::new().stop(Stop::Residual(1e-15)).max_iterations(*limit);
        let solved = case.solve_with(&options, None).unwrap();
        let terms = solved.plan.iter().zip(optimum);
        terms.map(|(x, y)| (x - y).abs()).sum::<f64>() <= ARRIVED
    };
    (1..).find(close).unwrap() as usize
}

fn sums(case: &Case<f64>, plan: &[f64]) -> [Vec<f64>; 2] {
    let rows = plan.chunks(case.m).map(|row| row.iter().sum()).collect();
    [rows, (0..case.m).map(|j| plan[j..].iter().step_by(case.m).sum()).collect()]
}

fn negative_entropy(x: &[f64]) -> f64 {
    x.iter().filter(|x| **x > 0.0).map(|x| x * (x.ln() - 1.0)).sum()
}

/// The objective of the problem, from its definition.
fn objective(case: &Case<f64>, plan: &[f64]) -> f64 {
    let cost: f64 = plan.iter().zip(&case.cost).map(|(x, c)| x * c).sum();
    let marginals: f64 = sums(case, plan).iter().map(|r| negative_entropy(r)).sum();
    cost + case.epsilon * (negative_entropy(plan) + marginals)
}

/// How far one side is from the conditions of an optimum, in mass: its sum, its ball, and
/// f + epsilon log r + 2 lambda (r - w) = constant, with the lambda >= 0 that fits best, 0 inside the
/// ball. It does not ask where f, r came from.
fn side_residual(epsilon: f64, radius2: f64, (f, r, w): (&[f64], &[f64], &[f64])) -> f64 {
    let h: Vec<f64> = f.iter().zip(r).map(|(f, r)| f + epsilon * r.ln()).collect();
    let d: Vec<f64> = r.iter().zip(w).map(|(r, w)| r - w).collect();
    let mass: f64 = r.iter().sum();
    let mean = |x: &[f64]| x.iter().zip(r).map(|(x, r)| x * r).sum::<f64>() / mass;
    let (mean_h, mean_d) = (mean(&h), mean(&d));
    let pairs = || h.iter().zip(&d).zip(r);
    let mixed: f64 = pairs().map(|((h, d), r)| r * (h - mean_h) * (d - mean_d)).sum();
    let square: f64 = pairs().map(|((_, d), r)| r * (d - mean_d) * (d - mean_d)).sum();
    let distance = square_distance(r, w).sqrt();
    let active = distance >= radius2.sqrt() * (1.0 - 1e-6);
    let twice_lambda = if active { (-mixed / square).max(0.0) } else { 0.0 };
    let off: f64 =
        pairs().map(|((h, d), r)| r * (h - mean_h + twice_lambda * (d - mean_d)).abs()).sum();
    off / (2.0 * epsilon) + (distance - radius2.sqrt()).max(0.0) + (mass - 1.0).abs()
}

fn residual(case: &Case<f64>, (f, g, plan): (&[f64], &[f64], &[f64])) -> f64 {
    let [r, c] = sums(case, plan);
    side_residual(case.epsilon, radius2(case.rows), (f, &r, &case.a))
        + side_residual(case.epsilon, radius2(case.cols), (g, &c, &case.b))
}

/// What a problem is like.
struct Kind {
    seed: u64,
    uniform: bool,
    active: Active,
    /// Of the distance that a marginal goes by itself, what an active ball allows.
    share: f64,
    epsilon: f64,
}

/// A small problem whose balls are as active as wanted, and its optimum.
fn instance(kind: &Kind) -> (Case<f64>, Solved<f64>) {
    let &Kind { seed, uniform, active, share, epsilon } = kind;
    let ball = |radius2| Rule::L2Ball { radius2, entropy: epsilon };
    let mut case = Case::random(seed, (4, 5), (ball(4.0), ball(4.0)));
    case.epsilon = epsilon;
    if uniform {
        case.a.fill(0.25);
        case.b.fill(0.2);
    }
    let free = case.solve();
    if active != Active::None {
        case.rows = ball(share * share * square_distance(&free.r, &case.a));
    }
    if active == Active::Both {
        case.cols = ball(share * share * square_distance(&free.c, &case.b));
    }
    let solved = case.solve();
    let multipliers = [solved.report.row_multiplier, solved.report.col_multiplier];
    let wanted = [active != Active::None, active == Active::Both];
    assert_eq!(multipliers.map(|x| x > 0.0), wanted, "{multipliers:?}");
    (case, solved)
}

/// Whether the optimum is a fixed point of the repaired gradient, given equal weights and active
/// balls. Let k be the mean of the gradient, which no condition of the optimum fixes, and lambda the
/// ball's multiplier. One step takes a deviation d from the weights to (1 + 2 eta lambda) d, and
/// the division by the sum to (1 + 2 eta lambda) / (1 - eta n k) d. The pull towards the weights
/// repairs too long a d but not too short a one, so 2 lambda / n + k >= 0 has to hold on both
/// sides; a constant may be moved from the k of one side to that of the other.
fn repaired_may_rest(case: &Case<f64>, solved: &Solved<f64>) -> bool {
    let room = |f: &[f64], r: &[f64], multiplier: f64| {
        let sum: f64 = f.iter().zip(r).map(|(f, r)| f + case.epsilon * r.ln()).sum();
        (sum + 2.0 * multiplier) / f.len() as f64
    };
    let rows = room(&solved.f, &solved.r, solved.report.row_multiplier);
    rows + room(&solved.g, &solved.c, solved.report.col_multiplier) >= 0.0
}

#[test]
fn algorithm_1_next_to_ours() {
    println!(
        "Algorithm 1 with the best of {} step sizes, in at most {STEPS} steps",
        STEP_SIZES.len()
    );
    println!("(a sweep each); sweeps until |S-S*|_1 <= {ARRIVED:e}, KKT of ours at its end");
    println!(
        "{:<7} {:<11} {:<6} {:<5} {:<9} {:>8} {:>12} {:>8} {:>9} {:>7} {:>7}",
        "epsilon",
        "weights",
        "active",
        "share",
        "gradient",
        "eta",
        "objective",
        "KKT",
        "|S-S*|_1",
        "sweeps",
        "arrived"
    );
    let kind =
        |seed, uniform, active, share, epsilon| Kind { seed, uniform, active, share, epsilon };
    for kind in [
        kind(1, true, Active::Both, 0.5, 1.0),
        kind(1, true, Active::Both, 0.02, 1.0),
        kind(2, true, Active::Both, 0.5, 0.1),
        kind(3, true, Active::Both, 0.5, 0.01),
        kind(4, false, Active::Both, 0.5, 0.1),
        kind(5, true, Active::Rows, 0.5, 0.1),
        kind(6, false, Active::None, 1.0, 1.0),
        kind(7, true, Active::None, 1.0, 0.01),
    ] {
        let (case, solved) = instance(&kind);
        let Kind { uniform, active, share, epsilon, .. } = kind;
        let weights = if uniform { "uniform" } else { "not uniform" };
        let what = format!("{epsilon:<7} {weights:<11} {:<6} {share:<5}", format!("{active:?}"));
        let ours = residual(&case, (&solved.f, &solved.g, &solved.plan));
        let (value, sweeps) = (objective(&case, &solved.plan), our_sweeps(&case, &solved.plan));
        println!("{what} {:<9} {:>8} {value:>12.8} {ours:>8.1e} {:>9} {sweeps:>7}", "ours", "", "");
        assert!(ours <= 1e-12, "{what}: {ours}");

        for gradient in [Printed, Repaired, Centred] {
            let (eta, end, arrived) = best_of_step_sizes(&case, gradient, &solved.plan);
            let kkt = residual(&case, (&end.f, &end.g, &end.plan));
            let reached = objective(&case, &end.plan);
            println!(
                "{what} {:<9} {eta:>8} {reached:>12.8} {kkt:>8.1e} {:>9.1e} {:>7} {arrived:>3} of {}",
                format!("{gradient:?}"),
                end.distance,
                end.sweeps,
                STEP_SIZES.len()
            );
            let expected = match gradient {
                Printed => false,
                // The constant in it moves the point of rest, but where the way back to the ball
                // happens to undo that.
                Repaired => uniform && active == Active::Both && repaired_may_rest(&case, &solved),
                // Entries that get small ask for smaller steps than there is patience for.
                Centred => active != Active::None || epsilon > 0.01,
            };
            assert_eq!(arrived > 0, expected, "{what} {gradient:?}");
            assert!(expected || end.distance > 1e4 * ARRIVED, "{what}: {}", end.distance);
            assert!(sweeps < end.sweeps || !end.distance.is_finite(), "{what}: {sweeps}");
        }
    }
}
