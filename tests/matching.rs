//! The correspondence-free loss: its gradients against differences, its units, its warm start, and a
//! regression whose pairing is lost.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

use robust_ot::cost::{Dense, Metric, Points};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::implicit::{self, Gradients, Method};
use robust_ot::marginal::Rule;
use robust_ot::matching::{Gradient, Options, Step, Unit, step, work_len};
use robust_ot::options::{self, Stop};
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
}

const D: usize = 2;

struct Scene {
    x: Vec<f64>,
    y: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Scene {
    fn new(n: usize, m: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let (x, y) = (random.vector(n * D), random.vector(m * D));
        Self { x, y, a: vec![1.0 / n as f64; n], b: vec![1.0 / m as f64; m] }
    }

    /// A step from zero, and the gradients by points.
    fn step(&self, options: &Options<f64>) -> (Step<f64>, Vec<f64>, Vec<f64>) {
        let (n, m) = (self.a.len(), self.b.len());
        let points = Points::new(
            Mat::new(&self.x, n, D).unwrap(),
            Mat::new(&self.y, m, D).unwrap(),
            Metric::SquaredEuclidean,
        );
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
        let (mut dx, mut dy) = (vec![f64::NAN; n * D], vec![f64::NAN; m * D]);
        let gradients = Gradients {
            x: Some(MatMut::new(&mut dx, n, D).unwrap()),
            y: Some(MatMut::new(&mut dy, m, D).unwrap()),
            ..Default::default()
        };
        let mut work = vec![f64::NAN; work_len(n, m, D, true)];
        let weights = (&self.a[..], &self.b[..]);
        let found =
            step(points.unwrap(), weights, options, &mut f, &mut g, gradients, &mut work, &mut ());
        (found.unwrap(), dx, dy)
    }
}

fn exactly() -> options::Options<f64> {
    options::Options::new().stop(Stop::Residual(1e-12)).max_iterations(10_000)
}

/// Fourth-order central differences of a function of one coordinate.
fn slope(mut value: impl FnMut(f64) -> f64, h: f64) -> f64 {
    let near = value(h) - value(-h);
    let far = value(2.0 * h) - value(-2.0 * h);
    (8.0 * near - far) / (12.0 * h)
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    let rules = [
        ("balanced", Rule::Exact, Rule::Exact),
        (
            "l2",
            Rule::L2Ball { radius2: 0.01, entropy: 0.1 },
            Rule::L2Ball { radius2: 0.01, entropy: 0.1 },
        ),
        ("mixed", Rule::KlBall { radius: 0.05, entropy: 0.1 }, Rule::Kl { tau: 0.8 }),
    ];
    for (what, rows, cols) in rules {
        for (n, m) in [(6, 5), (5, 6)] {
            for unit in [Unit::Absolute, Unit::Largest, Unit::LargestDifferentiated] {
                for gradient in [Gradient::Full, Gradient::Envelope] {
                    let options = Options::new(0.1).rules(rows, cols).unit(unit);
                    let options = options.gradient(gradient).solve(exactly());
                    let mut scene = Scene::new(n, m, 5);
                    let (found, dx, dy) = scene.step(&options);
                    assert!(found.gradient.is_ok());
                    assert_eq!(found.loss, found.solve.transport_cost);
                    // The envelope gradient is that of the regularised value; with a unit taken for
                    // constant the differences have to hold it still too.
                    let fixed = found.largest_cost;
                    let frozen = Options::new(0.1 * fixed)
                        .rules(scaled(rows, fixed), scaled(cols, fixed))
                        .gradient(gradient)
                        .solve(exactly());
                    let still = unit == Unit::Largest
                        || (unit == Unit::LargestDifferentiated && gradient == Gradient::Envelope);
                    let probe = if still { &frozen } else { &options };
                    for k in [0, 3, n * D - 1, n * D, n * D + m] {
                        let mut value = |h: f64| {
                            let place =
                                if k < n * D { &mut scene.x[k] } else { &mut scene.y[k - n * D] };
                            *place += h;
                            let (there, ..) = scene.step(probe);
                            let place =
                                if k < n * D { &mut scene.x[k] } else { &mut scene.y[k - n * D] };
                            *place -= h;
                            match gradient {
                                Gradient::Full => there.loss,
                                Gradient::Envelope => there.solve.objective,
                            }
                        };
                        let expected = slope(&mut value, 1e-3);
                        let analytic = if k < n * D { dx[k] } else { dy[k - n * D] };
                        assert!(
                            (analytic - expected).abs() < 2e-7,
                            "{what} {n} x {m} {unit:?} {gradient:?} {k}: {analytic} {expected}"
                        );
                    }
                }
            }
        }
    }
}

fn scaled(rule: Rule<f64>, unit: f64) -> Rule<f64> {
    match rule {
        Rule::Kl { tau } => Rule::Kl { tau: tau * unit },
        Rule::L2Ball { radius2, entropy } => Rule::L2Ball { radius2, entropy: entropy * unit },
        Rule::KlBall { radius, entropy } => Rule::KlBall { radius, entropy: entropy * unit },
        other => other,
    }
}

/// A cost of the caller's own: the gradient by its entries, chained by hand, is that by the points.
#[test]
fn own_costs_chain_to_the_same_gradient() {
    let (n, m) = (7, 4);
    for unit in [Unit::Absolute, Unit::LargestDifferentiated] {
        let options = Options::new(0.07).unit(unit).solve(exactly());
        let scene = Scene::new(n, m, 9);
        let (by_points, dx, _) = scene.step(&options);
        let difference = |i: usize, j: usize, k: usize| scene.x[i * D + k] - scene.y[j * D + k];
        let cost: Vec<f64> =
            (0..n * m).map(|e| (0..D).map(|k| difference(e / m, e % m, k).powi(2)).sum()).collect();
        let (mut f, mut g, mut dc) = (vec![0.0; n], vec![0.0; m], vec![f64::NAN; n * m]);
        let gradients =
            Gradients { cost: Some(MatMut::new(&mut dc, n, m).unwrap()), ..Default::default() };
        let mut work = vec![0.0; work_len(n, m, 0, true)];
        let dense = Dense::new(Mat::new(&cost, n, m).unwrap());
        let weights = (&scene.a[..], &scene.b[..]);
        let by_cost =
            step(dense, weights, &options, &mut f, &mut g, gradients, &mut work, &mut ()).unwrap();
        assert!((by_cost.loss - by_points.loss).abs() < 1e-12);
        for i in 0..n {
            for k in 0..D {
                let chained: f64 = (0..m).map(|j| dc[i * m + j] * 2.0 * difference(i, j, k)).sum();
                assert!((chained - dx[i * D + k]).abs() < 1e-10);
            }
        }
    }
}

/// A linear model whose pairing is lost finds its weights again, from a start nearby, each step from the
/// potentials of the one before; one response in ten is grossly wrong, and the ball leaves it out.
#[test]
fn a_shuffled_regression_with_outliers() {
    let (n, d) = (40, 2);
    let mut random = Random(21);
    let features: Vec<f64> = (0..n * d).map(|_| 1.0 + random.next()).collect();
    let truth = [0.8, -0.5];
    let model = |w: &[f64], i: usize| (0..d).map(|k| features[i * d + k] * w[k]).sum::<f64>();
    // The targets stand in another order, and four of them are wrong.
    let targets: Vec<f64> = (0..n)
        .map(|j| {
            let i = (j * 37 + 11) % n;
            model(&truth, i) + 0.01 * random.next() + if j % 10 == 3 { 4.0 } else { 0.0 }
        })
        .collect();
    let weights = vec![1.0 / n as f64; n];
    let train = |rule: Rule<f64>| {
        let mut w = [0.9, -0.35];
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; work_len(n, n, 1, true)];
        let mut sweeps = [0, 0];
        for t in 0..70 {
            let predictions: Vec<f64> = (0..n).map(|i| model(&w, i)).collect();
            let points = Points::new(
                Mat::new(&predictions, n, 1).unwrap(),
                Mat::new(&targets, n, 1).unwrap(),
                Metric::SquaredEuclidean,
            );
            let solve: options::Options<f64> = options::Options::new().warm_start(t > 0);
            let options = Options::new(5e-3).rules(Rule::Exact, rule).unit(Unit::Largest);
            let options = options.solve(solve).gradient(Gradient::Envelope);
            let mut slopes = vec![0.0; n];
            let gradients = Gradients {
                x: Some(MatMut::new(&mut slopes, n, 1).unwrap()),
                ..Default::default()
            };
            let weights = (&weights[..], &weights[..]);
            let found = step(
                points.unwrap(),
                weights,
                &options,
                &mut f,
                &mut g,
                gradients,
                &mut work,
                &mut (),
            );
            let found = found.unwrap();
            assert!(found.solve.converged() && found.gradient.is_ok());
            sweeps[usize::from(t > 0)] += found.solve.iterations;
            for (k, w) in w.iter_mut().enumerate() {
                *w -= 0.35 * (0..n).map(|i| slopes[i] * features[i * d + k]).sum::<f64>();
            }
        }
        let error = (0..d).map(|k| (w[k] - truth[k]).powi(2)).sum::<f64>().sqrt();
        println!(
            "{rule:?}: error {error}, sweeps {} cold, {} warm",
            sweeps[0],
            sweeps[1] as f64 / 69.0
        );
        error
    };
    let balanced = train(Rule::Exact);
    let robust = train(Rule::l2_ball_dropping(0.1, n, 5e-3));
    assert!(robust < 0.2 * balanced, "{robust} against {balanced}");
}

#[test]
fn refusals_leave_everything() {
    let (n, m) = (4, 3);
    let scene = Scene::new(n, m, 2);
    let points = || {
        let (x, y) = (Mat::new(&scene.x, n, D).unwrap(), Mat::new(&scene.y, m, D).unwrap());
        Points::new(x, y, Metric::SquaredEuclidean).unwrap()
    };
    let refused = |options: &Options<f64>, rows: usize, short: usize| {
        let (mut f, mut g) = (vec![7.0; n], vec![7.0; m]);
        let mut dx = vec![7.0; rows * D];
        let gradients =
            Gradients { x: Some(MatMut::new(&mut dx, rows, D).unwrap()), ..Default::default() };
        let mut work = vec![0.0; work_len(n, m, D, true) - short];
        let weights = (&scene.a[..], &scene.b[..]);
        let error = step(points(), weights, options, &mut f, &mut g, gradients, &mut work, &mut ());
        assert!(f.iter().chain(&g).chain(&dx).all(|&x| x == 7.0));
        let error = error.unwrap_err();
        (error.kind, error.argument)
    };
    let good = Options::new(0.1);
    assert_eq!(refused(&good, n + 1, 0), (ErrorKind::Shape, Argument::RowPointGradient));
    assert_eq!(refused(&good, n, 1), (ErrorKind::WorkTooSmall, Argument::Work));
    assert_eq!(refused(&Options::new(-0.1), n, 0), (ErrorKind::Epsilon, Argument::Epsilon));
    let bad = good.rules(Rule::Exact, Rule::Kl { tau: -1.0 });
    assert_eq!(refused(&bad, n, 0), (ErrorKind::Tau, Argument::ColRule));
    let method = Method::Iterative { tolerance: 1e-10, max_iterations: 0 };
    let bad = good.implicit(implicit::Options::new().method(method));
    assert_eq!(refused(&bad, n, 0), (ErrorKind::Count, Argument::Method));

    // A solve that is cut short has a loss, but no gradient.
    let short = good.solve(options::Options::new().max_iterations(1));
    let short = short.implicit(implicit::Options::new().forward_tolerance(1e-12));
    let (found, dx, dy) = scene.step(&short);
    assert!(found.gradient.is_err() && !found.solve.converged());
    assert!(dx.iter().chain(&dy).all(|x| x.is_nan()));
    // Identical points have no largest cost to count in.
    let mut same = Scene::new(n, m, 2);
    same.x.fill(1.0);
    same.y.fill(1.0);
    let points = Points::new(
        Mat::new(&same.x, n, D).unwrap(),
        Mat::new(&same.y, m, D).unwrap(),
        Metric::SquaredEuclidean,
    );
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut work = vec![0.0; work_len(n, m, D, true)];
    let relative = good.unit(Unit::Largest);
    let weights = (&same.a[..], &same.b[..]);
    let error = step(
        points.unwrap(),
        weights,
        &relative,
        &mut f,
        &mut g,
        Gradients::default(),
        &mut work,
        &mut (),
    );
    assert_eq!(error.unwrap_err().argument, Argument::Cost);
}
