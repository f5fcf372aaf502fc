//! The Jacobian-vector product is the transpose of the vector-Jacobian product: for any cotangent y and
//! any direction x, <J^T y, x> = <y, J x>. The two go different ways through the library.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::implicit::{
    Changes, Cotangent, Gradients, Method, Optimum, Options, Tangent, fast_work_len, jvp, vjp,
    work_len,
};
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::problem::{Problem, Reference};
use robust_ot::sinkhorn;
use robust_ot::view::{Mat, MatMut};

/// Numbers in [-1, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn vector(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.next()).collect()
    }

    /// Positive, of unit sum.
    fn weights(&mut self, len: usize) -> Vec<f64> {
        let raw: Vec<f64> = (0..len).map(|_| 1.2 + self.next()).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|x| x / sum).collect()
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn centred(mut x: Vec<f64>) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter_mut().for_each(|x| *x -= mean);
    x
}

/// Rules, and whether they fix the mass.
fn rules() -> Vec<(&'static str, Rule<f64>, bool)> {
    vec![
        ("exact", Rule::Exact, true),
        ("kl", Rule::Kl { tau: 0.7 }, false),
        ("l2 active", Rule::L2Ball { radius2: 0.004, entropy: 0.03 }, true),
        ("l2 slack", Rule::L2Ball { radius2: 9.0, entropy: 0.3 }, true),
        ("l2 bare", Rule::L2Ball { radius2: 0.004, entropy: 0.0 }, true),
        ("kl ball active", Rule::KlBall { radius: 0.02, entropy: 0.03 }, true),
        ("kl ball slack", Rule::KlBall { radius: 9.0, entropy: 0.3 }, true),
        ("tv", Rule::Tv { tau: 0.12 }, false),
        ("box", Rule::Box { lower: 0.8, upper: 1.15 }, false),
    ]
}

/// Both products at the optimum of one problem.
fn check<G: Geometry<f64>>(what: &str, problem: &Problem<'_, f64, G>, fixed: [bool; 2], d: usize) {
    let (n, m) = problem.shape();
    let mut random = Random(n as u64 * 100 + m as u64);
    let options = options::Options::new().stop(Stop::Residual(1e-14)).max_iterations(200_000);
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut work = vec![0.0; sinkhorn::work_len(n, m, d)];
    let report = sinkhorn::solve(problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    let optimum = Optimum::new(&f, &g, &report);

    // A cotangent of everything, and a change of everything.
    let plan = random.vector(n * m);
    let (rows, cols) = (random.vector(n), random.vector(m));
    let (f_bar, g_bar) = (centred(random.vector(n)), centred(random.vector(m)));
    let (transport, value) = (random.next(), random.next());
    let cotangent = Cotangent::new()
        .plan(Mat::new(&plan, n, m).unwrap())
        .row_marginal(&rows)
        .col_marginal(&cols)
        .potentials(&f_bar, &g_bar)
        .transport_cost(transport)
        .value(value);
    // Total variation holds the mass where it pays nothing.
    let keep = (fixed[0] || report.row_penalty.abs() < 1e-12)
        && (fixed[1] || report.col_penalty.abs() < 1e-12);
    let weights = |x: Vec<f64>| if keep { centred(x) } else { x };
    let (da, db) = (weights(random.vector(n)), weights(random.vector(m)));
    let dc = random.vector(n * m);
    let (dx, dy) = (random.vector(n * d), random.vector(m * d));
    let points = d > 0;
    let tangent = Tangent {
        cost: (!points).then(|| Mat::new(&dc, n, m).unwrap()),
        a: Some(&da),
        b: Some(&db),
        x: points.then(|| Mat::new(&dx, n, d).unwrap()),
        y: points.then(|| Mat::new(&dy, m, d).unwrap()),
        epsilon: random.next(),
        row_rule: [random.next(), random.next()],
        col_rule: [random.next(), random.next()],
    };
    for method in [Method::Direct, Method::Iterative { tolerance: 1e-14, max_iterations: 500 }] {
        let options = Options::new().method(method);
        let direct = method == Method::Direct;
        let mut work = vec![f64::NAN; work_len(n, m, d, direct)];
        let mut more = vec![f64::NAN; fast_work_len(n, m, d, direct)];
        let (mut cost, mut a, mut b) = (vec![0.0; n * m], vec![0.0; n], vec![0.0; m]);
        let (mut x, mut y) = (vec![0.0; n * d], vec![0.0; m * d]);
        let gradients = Gradients {
            cost: Some(MatMut::new(&mut cost, n, m).unwrap()),
            a: Some(&mut a),
            b: Some(&mut b),
            x: points.then(|| MatMut::new(&mut x, n, d).unwrap()),
            y: points.then(|| MatMut::new(&mut y, m, d).unwrap()),
        };
        let back = vjp(problem, optimum, &cotangent, &options, gradients, &mut work).unwrap();
        // With the plan in memory: the same bits.
        let mut kept = vec![0.0; n * m];
        let gradients =
            Gradients { cost: Some(MatMut::new(&mut kept, n, m).unwrap()), ..Default::default() };
        let again = vjp(problem, optimum, &cotangent, &options, gradients, &mut more).unwrap();
        assert_eq!(again, back);
        assert!(kept.iter().zip(&cost).all(|(x, y)| x.to_bits() == y.to_bits()));
        let left = if points { dot(&x, &dx) + dot(&y, &dy) } else { dot(&cost, &dc) }
            + dot(&a, &da)
            + dot(&b, &db)
            + back.epsilon * tangent.epsilon
            + dot(&back.row_rule, &tangent.row_rule)
            + dot(&back.col_rule, &tangent.col_rule);

        let (mut dplan, mut df, mut dg) = (vec![0.0; n * m], vec![0.0; n], vec![0.0; m]);
        let (mut dr, mut dcol) = (vec![0.0; n], vec![0.0; m]);
        let changes = Changes {
            plan: Some(MatMut::new(&mut dplan, n, m).unwrap()),
            f: Some(&mut df),
            g: Some(&mut dg),
            row_marginal: Some(&mut dr),
            col_marginal: Some(&mut dcol),
        };
        let there = jvp(problem, optimum, &tangent, &options, changes, &mut work).unwrap();
        let parts = [
            dot(&dplan, &plan),
            dot(&dr, &rows),
            dot(&dcol, &cols),
            dot(&df, &f_bar) + dot(&dg, &g_bar),
            there.transport_cost * transport,
            there.value * value,
        ];
        let right: f64 = parts.iter().sum();
        let size = parts.iter().fold(1.0f64, |m, x| m.max(x.abs()));
        let off = (left - right).abs() / size;
        println!("{what} {n} x {m} {method:?}: {left} {right} {off:e}");
        assert!(off < 1e-12, "{what} {n} x {m} {method:?}: {left} {right} off by {off:e}");
    }
}

#[test]
fn products_are_transposes_of_each_other() {
    for (n, m) in [(7, 5), (5, 7), (1, 4), (4, 1)] {
        let mut random = Random(3);
        let (a, b) = (random.weights(n), random.weights(m));
        let cost: Vec<f64> = random.vector(n * m).iter().map(|x| 0.5 + 0.5 * x).collect();
        let (x, y) = (random.vector(n * 2), random.vector(m * 2));
        for (row_name, row, row_fixed) in rules() {
            for (col_name, col, col_fixed) in rules() {
                // Equal boxes end with both sides at the same end, whose masses may not change apart.
                if row_name == "box" && col_name == "box" {
                    continue;
                }
                for reference in [Reference::Counting, Reference::Product] {
                    let what = format!("{row_name} / {col_name} {reference:?}");
                    let dense = Dense::new(Mat::new(&cost, n, m).unwrap());
                    let problem = Problem::<f64, _>::new(dense, (&a, row), (&b, col), 0.08);
                    let problem = problem.unwrap().reference(reference);
                    check(&what, &problem, [row_fixed, col_fixed], 0);
                }
                let what = format!("{row_name} / {col_name} points");
                let (x, y) = (Mat::new(&x, n, 2).unwrap(), Mat::new(&y, m, 2).unwrap());
                let points = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
                let problem = Problem::<f64, _>::new(points, (&a, row), (&b, col), 0.3).unwrap();
                check(&what, &problem, [row_fixed, col_fixed], 2);
            }
        }
        let dense = || Dense::new(Mat::new(&cost, n, m).unwrap());
        let robust = Problem::<f64, _>::robust(dense(), (&a, 0.5), (&b, 2.0), 0.08).unwrap();
        check("unit mass", &robust, [false; 2], 0);
        let robust = robust.reference(Reference::Product);
        check("unit mass against the product", &robust, [false; 2], 0);
    }
}

/// What is not finite in a direction is refused by its place, with nothing written; the cost of a
/// forbidden pair may change by anything.
#[test]
fn directions_are_looked_at() {
    let (n, m) = (3, 2);
    let mut cost = vec![0.3, 0.1, 0.2, 0.4, 0.6, 0.5];
    cost[1] = f64::INFINITY;
    let (a, b) = ([0.2, 0.3, 0.5], [0.6, 0.4]);
    let dense = Dense::new(Mat::new(&cost, n, m).unwrap());
    let problem = Problem::<f64, _>::balanced(dense, &a, &b, 0.1).unwrap();
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut work = vec![0.0; sinkhorn::work_len(n, m, 0)];
    let options = options::Options::new();
    let report = sinkhorn::solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    let optimum = Optimum::new(&f, &g, &report);
    let run = |tangent: &Tangent<'_, f64>| {
        let mut plan = vec![7.0; n * m];
        let changes =
            Changes { plan: Some(MatMut::new(&mut plan, n, m).unwrap()), ..Default::default() };
        let mut work = vec![0.0; work_len(n, m, 0, true)];
        let found = jvp(&problem, optimum, tangent, &Options::new(), changes, &mut work);
        assert!(found.is_ok() || plan.iter().all(|&x| x == 7.0));
        found.map_err(|e| (e.kind, e.argument, e.row, e.col))
    };
    let bad = |kind, row, col| Err((kind, Argument::Tangent, row, col));
    let nowhere = u64::MAX;
    let mut dc = vec![0.0; n * m];
    dc[1] = f64::NAN;
    let cost = Some(Mat::new(&dc, n, m).unwrap());
    assert!(run(&Tangent { cost, ..Default::default() }).is_ok());
    let mut dc = vec![0.0; n * m];
    dc[4] = f64::NAN;
    let cost = Some(Mat::new(&dc, n, m).unwrap());
    assert_eq!(run(&Tangent { cost, ..Default::default() }), bad(ErrorKind::NotANumber, 2, 0));
    let da = [0.0, f64::INFINITY, 0.0];
    let tangent = Tangent { a: Some(&da), ..Default::default() };
    assert_eq!(run(&tangent), bad(ErrorKind::Infinite, 1, nowhere));
    let tangent = Tangent { epsilon: f64::NAN, ..Default::default() };
    assert_eq!(run(&tangent), bad(ErrorKind::NotANumber, nowhere, nowhere));
}
