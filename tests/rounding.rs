//! Plans rounded to exact sides, against plain sums of their entries and optima known in closed form.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use common::accurate::accurate;
use robust_ot::cost::Dense;
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::kernel::Precision;
use robust_ot::marginal::Rule;
use robust_ot::math::Elementary;
use robust_ot::options::Options;
use robust_ot::plan::{Factors, Plan, work_len};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn;
use robust_ot::view::Mat;

/// What the view shows, in double precision.
struct Shown {
    entries: Vec<f64>,
    transport: f64,
    objective: f64,
    added: f64,
}

/// Solves with few or many iterations, rounds, and reads every entry through the view.
fn rounded<P>(problem: &Problem<'_, P, Dense<'_, P::Cost>>, iterations: u64) -> Result<Shown, Error>
where
    P: Precision<Potential = <P as Precision>::Work, Sum = <P as Precision>::Work>,
    P: Precision<Cost = <P as Precision>::Work>,
    P::Work: Elementary + Into<f64>,
{
    let zero = <P::Work as robust_ot::real::Real>::ZERO;
    let (n, m) = problem.shape();
    let (mut f, mut g) = (vec![zero; n], vec![zero; m]);
    let mut work = vec![zero; sinkhorn::work_len(n, m, 0)];
    let options = Options::new().max_iterations(iterations);
    let report = sinkhorn::solve(problem, &options, &mut f, &mut g, &mut work, &mut ())?;
    let mut work = vec![zero; work_len(n, m, 0)];
    let mut plan = Plan::new(problem, &f, &g, report.log_mass, &mut work)?;
    let [mut x, mut y, mut p, mut q] = [n, m, n, m].map(|len| vec![zero; len]);
    let factors = Factors { x: &mut x, y: &mut y, p: &mut p, q: &mut q };
    let rounded = plan.round(problem, factors)?;
    let mut entries = Vec::new();
    for i in 0..n {
        for j in 0..m {
            entries.push(rounded.entry(i, j, plan.entry(i, j)?)?.into());
        }
    }
    assert!(entries.iter().all(|&e| e >= 0.0));
    let error = rounded.entry(n, 0, zero).unwrap_err();
    assert_eq!(
        (error.kind, error.argument, error.row),
        (ErrorKind::Shape, Argument::Row, n as u64)
    );
    let error = rounded.entry(0, m, zero).unwrap_err();
    assert_eq!(
        (error.kind, error.argument, error.row),
        (ErrorKind::Shape, Argument::Col, m as u64)
    );
    Ok(Shown {
        entries,
        transport: rounded.transport_cost.into(),
        objective: rounded.unregularised_objective.into(),
        added: rounded.added.into(),
    })
}

/// |X 1 - a|_1 and |X^T 1 - b|_1.
fn violations(entries: &[f64], a: &[f64], b: &[f64]) -> [f64; 2] {
    let m = b.len();
    let rows = a
        .iter()
        .enumerate()
        .map(|(i, a)| (entries[i * m..(i + 1) * m].iter().sum::<f64>() - a).abs());
    let cols = b
        .iter()
        .enumerate()
        .map(|(j, b)| (entries.iter().skip(j).step_by(m).sum::<f64>() - b).abs());
    [rows.sum(), cols.sum()]
}

fn kl(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(&x, &y)| if x > 0.0 { x * (x / y).ln() - x + y } else { y }).sum()
}

/// The cost of moving a to b along the line, points in increasing order: the monotone coupling.
fn monotone(x: &[f64], a: &[f64], y: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut cost) = (0, 0, 0.0);
    let (mut left, mut right) = (a[0], b[0]);
    loop {
        let moved = f64::min(left, right);
        cost += moved * (x[i] - y[j]) * (x[i] - y[j]);
        left -= moved;
        right -= moved;
        if left <= right {
            i += 1;
            if i == a.len() {
                return cost;
            }
            left = a[i];
        } else {
            j += 1;
            if j == b.len() {
                return cost;
            }
            right = b[j];
        }
    }
}

/// Sixteenths on a line with weights of powers of two, so that both precisions hold the same problem.
fn line(n: usize, seed: usize) -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..n).map(|k| (2 * k + seed % 3) as f64 / 64.0).collect();
    let mut w: Vec<f64> =
        (0..n).map(|k| f64::from(1 + (k * 7 + seed * 5) as u32 % 4) / 128.0).collect();
    // Some zero weights; the last weight makes the sum 1.
    w[seed % (n - 1)] = 0.0;
    let sum: f64 = w[..n - 1].iter().sum();
    w[n - 1] = 1.0 - sum;
    (x, w)
}

#[test]
fn two_exact_sides() {
    for seed in 0..8 {
        let (n, m) = (11 + seed, 17 - seed);
        let ((x, a), (y, b)) = (line(n, seed), line(m, seed + 3));
        let cost: Vec<f64> =
            x.iter().flat_map(|x| y.iter().map(move |y| (x - y) * (x - y))).collect();
        let optimum = monotone(&x, &a, &y, &b);
        for epsilon in [0.1, 0.01, 0.001] {
            for iterations in [1, 4, 30, 100_000] {
                let at = format!("seed {seed}, epsilon {epsilon}, {iterations} iterations");
                let dense = Dense::new(Mat::new(&cost, n, m).unwrap());
                let problem = Problem::<f64, _>::balanced(dense, &a, &b, epsilon).unwrap();
                let shown = rounded::<f64>(&problem, iterations).unwrap();
                let off = violations(&shown.entries, &a, &b);
                assert!(off.iter().all(|&off| off <= 1e-14), "{at}: {off:?}");
                let own: f64 = shown.entries.iter().zip(&cost).map(|(x, c)| x * c).sum();
                assert!((own - shown.transport).abs() <= 1e-14 * (1.0 + own), "{at}");
                assert_eq!(shown.objective, shown.transport, "{at}");
                assert!(shown.transport >= optimum - 1e-14, "{at}: below the optimum {optimum}");
                // The entropic optimum is within epsilon log(n m) of it.
                let most = optimum + epsilon * ((n * m) as f64).ln();
                assert!(iterations < 1000 || shown.transport <= most + 1e-6, "{at}");
                assert!(iterations > 10 || shown.added > 1e-6, "{at}: nothing was missing");

                let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
                let (cost, a32, b32) = (narrow(&cost), narrow(&a), narrow(&b));
                let dense = Dense::new(Mat::new(&cost, n, m).unwrap());
                let single =
                    Problem::<f32, _>::balanced(dense, &a32, &b32, epsilon as f32).unwrap();
                let shown = rounded::<f32>(&single, iterations.min(500)).unwrap();
                let off = violations(&shown.entries, &a, &b);
                let most = 100.0 * f64::from(f32::EPSILON);
                assert!(off.iter().all(|&off| off <= most), "{at}, f32: {off:?}");
                assert!(shown.transport >= optimum - most, "{at}, f32");
            }
        }
    }
}

/// Instances with stored optima: the rounded plan is feasible where it has to be, and its objective at or
/// above the optimum.
#[test]
fn relaxed_sides() {
    for family in ["semi_relaxed", "robust", "unbalanced"] {
        for i in accurate(family).iter().step_by(7) {
            let p = &i.parts[0];
            let dense = Dense::new(Mat::new(&p.cost, p.rows, p.cols).unwrap());
            let kl_rule = Rule::Kl { tau: i.tau };
            let cols = if family == "semi_relaxed" { Rule::Exact } else { kl_rule };
            let problem =
                Problem::<f64, _>::new(dense, (&p.a, kl_rule), (&p.b, cols), 0.02).unwrap();
            let problem = if family == "robust" { problem.unit_mass().unwrap() } else { problem };
            for (flip, iterations) in [(false, 1), (false, 50), (true, 1), (true, 50)] {
                let at = format!("{family}, seed {}, {flip}, {iterations}", i.seed);
                let turned = if flip { problem.transposed() } else { problem };
                let shown = rounded::<f64>(&turned, iterations).unwrap();
                let straight: Vec<f64> = if flip {
                    (0..p.rows * p.cols)
                        .map(|k| shown.entries[(k % p.cols) * p.rows + k / p.cols])
                        .collect()
                } else {
                    shown.entries.clone()
                };
                let [_, off] = violations(&straight, &p.a, &p.b);
                assert!(family != "semi_relaxed" || off <= 1e-14, "{at}: {off:e}");
                let mass: f64 = straight.iter().sum();
                assert!(family != "robust" || (mass - 1.0).abs() <= 1e-14, "{at}: {mass}");
                let r: Vec<f64> = straight.chunks(p.cols).map(|row| row.iter().sum()).collect();
                let c: Vec<f64> =
                    (0..p.cols).map(|j| straight.iter().skip(j).step_by(p.cols).sum()).collect();
                let cost: f64 = straight.iter().zip(&p.cost).map(|(x, c)| x * c).sum();
                let mut own = cost + i.tau * kl(&r, &p.a);
                if family != "semi_relaxed" {
                    own += i.tau * kl(&c, &p.b);
                }
                assert!((own - shown.objective).abs() <= 1e-12 * (1.0 + own), "{at}: {own}");
                assert!((cost - shown.transport).abs() <= 1e-13 * (1.0 + cost), "{at}");
                assert!(shown.objective >= i.optimum_lower, "{at}: below the optimum");
                assert_eq!(shown.added, 0.0, "{at}");
            }
        }
    }
}

/// The rank-one part may meet a forbidden pair; the cost says so.
#[test]
fn forbidden_pairs() {
    let inf = f64::INFINITY;
    let cost = [0.0, 1.0, inf, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0];
    let (a, b) = ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]);
    let dense = || Dense::new(Mat::new(&cost, 3, 3).unwrap());
    let problem = Problem::<f64, _>::balanced(dense(), &a, &b, 0.1).unwrap();
    let early = rounded::<f64>(&problem, 1).unwrap();
    assert_eq!(early.transport, inf);
    assert!(early.entries[2] > 0.0);
    assert!(violations(&early.entries, &a, &b).iter().all(|&off| off <= 1e-14));
    // Scaling alone keeps forbidden pairs empty.
    let relaxed = Problem::<f64, _>::semi_relaxed(dense(), &a, 1.0, &b, 0.1).unwrap();
    let shown = rounded::<f64>(&relaxed, 1).unwrap();
    assert!(shown.transport.is_finite() && shown.entries[2] == 0.0);
}

/// Rows and columns whose entries are all below the range of the type still get their weight.
#[test]
fn empty_rows_and_columns() {
    let cost = [0.0, 1.0, 1.0, 0.0];
    let (a, b) = ([0.5, 0.5], [0.25, 0.75]);
    let dense = || Dense::new(Mat::new(&cost, 2, 2).unwrap());
    let rows = Problem::<f64, _>::semi_relaxed_columns(dense(), &a, &b, 1.0, 0.01).unwrap();
    let cols = Problem::<f64, _>::semi_relaxed(dense(), &a, 1.0, &b, 0.01).unwrap();
    let both = Problem::<f64, _>::balanced(dense(), &a, &b, 0.01).unwrap();
    for (problem, which) in [(rows, [true, false]), (cols, [false, true]), (both, [true, true])] {
        let [f, g] = [[0.0, -900.0], [-900.0, 0.0]];
        let mut work = vec![0.0; work_len(2, 2, 0)];
        let mut plan = Plan::new(&problem, &f, &g, 0.0, &mut work).unwrap();
        let ([mut x, mut y], [mut p, mut q]) = ([[7.0; 2]; 2], [[7.0; 2]; 2]);
        let factors = Factors { x: &mut x, y: &mut y, p: &mut p, q: &mut q };
        let rounded = plan.round(&problem, factors).unwrap();
        let entries: Vec<f64> = (0..4)
            .map(|k| rounded.entry(k / 2, k % 2, plan.entry(k / 2, k % 2).unwrap()).unwrap())
            .collect();
        let off = violations(&entries, &a, &b);
        assert!(which.iter().zip(off).all(|(&exact, off)| !exact || off <= 1e-14), "{off:?}");
        let own: f64 = entries.iter().zip(&cost).map(|(x, c)| x * c).sum();
        assert!((own - rounded.transport_cost).abs() <= 1e-14);
        assert!(rounded.added > 0.1);
    }
}

#[test]
fn refusals_write_nothing() {
    let cost = [0.0, 1.0, 1.0, 0.0];
    let (a, b) = ([0.5, 0.5], [0.25, 0.75]);
    let dense = || Dense::new(Mat::new(&cost, 2, 2).unwrap());
    let good = Problem::<f64, _>::balanced(dense(), &a, &b, 0.1).unwrap();
    let refused = |problem: &Problem<'_, f64, Dense<'_, f64>>, lens: [usize; 4]| {
        let mut work = vec![0.0; work_len(2, 2, 0)];
        let mut plan = Plan::new(&good, &[0.0; 2], &[0.0; 2], 0.0, &mut work).unwrap();
        let [mut x, mut y, mut p, mut q] = lens.map(|len| vec![7.0; len]);
        let factors = Factors { x: &mut x, y: &mut y, p: &mut p, q: &mut q };
        let error = plan.round(problem, factors).err().unwrap();
        assert!([x, y, p, q].iter().flatten().all(|&x| x == 7.0));
        (error.kind, error.argument)
    };
    for k in 0..4 {
        let mut lens = [2; 4];
        lens[k] = 3;
        assert_eq!(refused(&good, lens), (ErrorKind::Shape, Argument::Output));
    }
    let (c3, w3) = ([0.0; 6], [0.5, 0.25, 0.25]);
    let other = Dense::new(Mat::new(&c3, 2, 3).unwrap());
    let other = Problem::<f64, _>::balanced(other, &a, &w3, 0.1).unwrap();
    assert_eq!(refused(&other, [2; 4]), (ErrorKind::Shape, Argument::Problem));
    let bad = [f64::NAN, 0.5];
    let nan = Problem::<f64, _>::balanced(dense(), &a, &bad, 0.1).unwrap();
    assert_eq!(refused(&nan, [2; 4]), (ErrorKind::NotANumber, Argument::ColWeights));
    let heavy = [0.5, 0.75];
    let heavy = Problem::<f64, _>::balanced(dense(), &a, &heavy, 0.1).unwrap();
    assert_eq!(refused(&heavy, [2; 4]).0, ErrorKind::MassMismatch);
    let others = [
        Rule::L2Ball { radius2: 0.1, entropy: 0.1 },
        #[cfg(feature = "ranges")]
        Rule::Tv { tau: 1.0 },
        #[cfg(feature = "ranges")]
        Rule::Box { lower: 0.5, upper: 2.0 },
    ];
    for rule in others {
        let cols = Problem::<f64, _>::new(dense(), (&a, Rule::Exact), (&b, rule), 0.1).unwrap();
        assert_eq!(refused(&cols, [2; 4]), (ErrorKind::Kind, Argument::ColRule), "{rule:?}");
        let rows = Problem::<f64, _>::new(dense(), (&a, rule), (&b, Rule::Exact), 0.1).unwrap();
        assert_eq!(refused(&rows, [2; 4]), (ErrorKind::Kind, Argument::RowRule), "{rule:?}");
    }
}
