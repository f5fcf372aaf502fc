//! Many problems in one call: the bits of single solves, refusals that name the problem.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use core::ops::ControlFlow;

use common::case::{Number, Random, convert, convert_rule, normalise};
use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::{Progress, Report, Termination};
use robust_ot::sinkhorn::{Batch, fast_work_len, solve, solve_batch, work_len};
use robust_ot::view::Mat;

const COUNT: usize = 3;
const RULES: [Rule<f64>; 4] = [
    Rule::Exact,
    Rule::Kl { tau: 0.4 },
    Rule::L2Ball { radius2: 0.02, entropy: 0.1 },
    Rule::KlBall { radius: 0.1, entropy: 0.0 },
];

/// What the problems of a batch have of their own; strides are 0 or more than their vectors take.
#[derive(Clone, Copy, Debug)]
struct Own {
    cost: bool,
    a: bool,
    b: bool,
    /// Elements between the end of one and the start of the next.
    gap: usize,
}

impl Own {
    fn stride(self, own: bool, len: usize) -> usize {
        if own { len + self.gap } else { 0 }
    }
}

/// Where data lies that no problem may read.
fn with_gaps(random: &mut Random, len: usize, gap: usize, unit: bool) -> Vec<f64> {
    let mut all = Vec::new();
    for _ in 0..COUNT {
        let mut part = random.vector(len, 0.05, 1.0);
        if unit {
            normalise(&mut part, 1.0);
        }
        all.extend(part);
        all.extend(vec![f64::NAN; gap]);
    }
    all
}

/// Costs of either kind.
trait Kind<T: Number> {
    type Cost<'a>: Geometry<T>;
    /// Elements of the data of the rows and of the columns of one problem.
    fn lens(n: usize, m: usize) -> [usize; 2];
    fn dimension() -> usize;
    fn view<'a>(data: [&'a [T]; 2], n: usize, m: usize) -> Self::Cost<'a>;
    fn apart<'a>(
        batch: Batch<'a, T, Self::Cost<'a>>,
        strides: [usize; 2],
    ) -> Result<Batch<'a, T, Self::Cost<'a>>, Error>;
}

struct Matrix;
impl<T: Number> Kind<T> for Matrix {
    type Cost<'a> = Dense<'a, T>;
    fn lens(n: usize, m: usize) -> [usize; 2] {
        [n * m, 1]
    }
    fn dimension() -> usize {
        0
    }
    fn view<'a>([cost, _]: [&'a [T]; 2], n: usize, m: usize) -> Dense<'a, T> {
        Dense::new(Mat::new(cost, n, m).unwrap())
    }
    fn apart<'a>(
        batch: Batch<'a, T, Dense<'a, T>>,
        [stride, _]: [usize; 2],
    ) -> Result<Batch<'a, T, Dense<'a, T>>, Error> {
        batch.costs(stride)
    }
}

struct Clouds;
impl<T: Number> Kind<T> for Clouds {
    type Cost<'a> = Points<'a, T>;
    fn lens(n: usize, m: usize) -> [usize; 2] {
        [2 * n, 2 * m]
    }
    fn dimension() -> usize {
        2
    }
    fn view<'a>([x, y]: [&'a [T]; 2], n: usize, m: usize) -> Points<'a, T> {
        let (x, y) = (Mat::new(x, n, 2).unwrap(), Mat::new(y, m, 2).unwrap());
        Points::new(x, y, Metric::Euclidean).unwrap()
    }
    fn apart<'a>(
        batch: Batch<'a, T, Points<'a, T>>,
        [x, y]: [usize; 2],
    ) -> Result<Batch<'a, T, Points<'a, T>>, Error> {
        batch.points(x, y)
    }
}

/// Every problem as one slice of its own, solved alone, against the batch.
fn compare<T: Number, K: Kind<T>>(
    own: Own,
    rules: [Rule<f64>; 2],
    options: &Options<T>,
    (reference, fast): (Reference, bool),
) {
    let (n, m) = (6, 9);
    let name = format!("{own:?} {rules:?} {options:?} {reference:?} {fast}");
    let mut random = Random(11);
    let [x_len, y_len] = K::lens(n, m);
    let x: Vec<T> = convert(&with_gaps(&mut random, x_len, own.gap, false));
    let y: Vec<T> = convert(&with_gaps(&mut random, y_len, own.gap, false));
    let a: Vec<T> = convert(&with_gaps(&mut random, n, own.gap, true));
    let b: Vec<T> = convert(&with_gaps(&mut random, m, own.gap, true));
    let strides = [own.stride(own.cost, x_len), own.stride(own.cost, y_len)];
    let (a_stride, b_stride) = (own.stride(own.a, n), own.stride(own.b, m));
    let epsilon = T::from_f64(0.2);
    let [rows, cols] = rules.map(convert_rule::<f64, T>);
    let start_f: Vec<T> = convert(&random.vector(COUNT * n, -0.1, 0.1));
    let start_g: Vec<T> = convert(&random.vector(COUNT * m, -0.1, 0.1));
    let len = if fast { fast_work_len } else { work_len }(n, m, K::dimension());

    let problem = |k: usize| {
        fn part<T>(all: &[T], start: usize, len: usize) -> &[T] {
            &all[start..start + len]
        }
        let cost =
            K::view([part(&x, k * strides[0], x_len), part(&y, k * strides[1], y_len)], n, m);
        let (a, b) = (part(&a, k * a_stride, n), part(&b, k * b_stride, m));
        Problem::new(cost, (a, rows), (b, cols), epsilon).unwrap().reference(reference)
    };
    let first = Problem::new(K::view([&x, &y], n, m), (&a[..n], rows), (&b[..m], cols), epsilon);
    let first = first.unwrap().reference(reference);
    let batch = K::apart(Batch::new(first, COUNT), strides).unwrap();
    let batch = batch.row_weights(&a, a_stride).unwrap().col_weights(&b, b_stride).unwrap();
    assert_eq!(batch.count(), COUNT);

    let (mut f, mut g) = (start_f.clone(), start_g.clone());
    let mut reports = [Report::default(); COUNT];
    let mut work = vec![T::NAN; len];
    let unfinished =
        solve_batch(&batch, options, &mut f, &mut g, &mut work, &mut reports, &mut ()).unwrap();
    let mut left = 0;
    for k in 0..COUNT {
        let (mut f_k, mut g_k) = (start_f[k * n..][..n].to_vec(), start_g[k * m..][..m].to_vec());
        let mut work = vec![T::NAN; len];
        let report =
            solve(&problem(k), options, &mut f_k, &mut g_k, &mut work, &mut ()).expect(&name);
        let bits = |values: &[T]| values.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&f[k * n..][..n]), bits(&f_k), "f of {k}: {name}");
        assert_eq!(bits(&g[k * m..][..m]), bits(&g_k), "g of {k}: {name}");
        assert_eq!(reports[k], report, "{k}: {name}");
        left += usize::from(!report.converged());
    }
    assert_eq!(unfinished, left, "{name}");
}

/// Every way to solve, each with another way to share the data; all of them meet as `turn` goes on.
fn ways<T: Number>(rules: [Rule<f64>; 2], turn: usize) {
    let options = Options::<T>::new();
    let shared = Own { cost: false, a: false, b: false, gap: 0 };
    let all = [
        shared,
        Own { cost: true, gap: 3, ..shared },
        Own { a: true, b: true, ..shared },
        Own { b: true, gap: 1, ..shared },
        Own { cost: true, a: true, b: true, gap: 2 },
    ];
    let own = |way: usize| all[(turn + way) % all.len()];
    let (plain, product) = ((Reference::Counting, false), (Reference::Product, false));
    compare::<T, Matrix>(own(0), rules, &options, plain);
    compare::<T, Matrix>(own(1), rules, &options.warm_start(true), plain);
    compare::<T, Clouds>(own(2), rules, &options.max_iterations(3), plain);
    compare::<T, Matrix>(own(3), rules, &options.trust_data(true), product);
    compare::<T, Clouds>(own(4), rules, &options, (Reference::Product, true));
    let fast = options.sweep(Sweep::Scaling);
    compare::<T, Matrix>(own(5), rules, &fast, (Reference::Counting, true));
}

#[test]
fn a_batch_has_the_bits_of_single_solves() {
    let pairs = RULES.into_iter().flat_map(|rows| RULES.map(|cols| [rows, cols]));
    for (turn, rules) in pairs.enumerate() {
        ways::<f64>(rules, turn);
    }
}

#[test]
fn in_f32() {
    for (turn, rule) in RULES.into_iter().enumerate() {
        ways::<f32>([rule, rule], turn);
    }
    ways::<f32>([Rule::Exact, Rule::Kl { tau: 0.4 }], RULES.len());
}

#[test]
fn certificates_of_a_batch() {
    let options = Options::<f64>::new().stop(Stop::Certified(2.0)).check_every(4);
    let own = Own { cost: true, a: true, b: true, gap: 1 };
    for own in [own, Own { cost: false, ..own }] {
        let rules = [Rule::Kl { tau: 0.4 }, Rule::Exact];
        compare::<f64, Matrix>(own, rules, &options, (Reference::Counting, false));
    }
}

/// The marginals of every problem, from its potentials by the formula of the plan.
#[test]
fn every_plan_has_its_own_marginals() {
    let (n, m, epsilon) = (4, 3, 0.3);
    let mut random = Random(5);
    let cost = random.vector(COUNT * n * m, 0.0, 1.0);
    let a = with_gaps(&mut random, n, 0, true);
    let b = with_gaps(&mut random, m, 0, true);
    let first = Dense::new(Mat::new(&cost, n, m).unwrap());
    let first = Problem::<f64, _>::balanced(first, &a[..n], &b[..m], epsilon).unwrap();
    let batch = Batch::new(first, COUNT).costs(n * m).unwrap();
    let batch = batch.row_weights(&a, n).unwrap().col_weights(&b, m).unwrap();
    let (mut f, mut g) = (vec![0.0; COUNT * n], vec![0.0; COUNT * m]);
    let mut work = vec![0.0; work_len(n, m, 0)];
    let mut reports = [Report::default(); COUNT];
    let options = Options::new().stop(Stop::Residual(1e-10));
    let left =
        solve_batch(&batch, &options, &mut f, &mut g, &mut work, &mut reports, &mut ()).unwrap();
    assert_eq!(left, 0);
    for k in 0..COUNT {
        let x = |i: usize, j: usize| {
            ((f[k * n + i] + g[k * m + j] - cost[(k * n + i) * m + j]) / epsilon).exp()
        };
        for i in 0..n {
            let sum: f64 = (0..m).map(|j| x(i, j)).sum();
            assert!((sum - a[k * n + i]).abs() < 2e-10, "{k} {i}");
        }
        for j in 0..m {
            let sum: f64 = (0..n).map(|i| x(i, j)).sum();
            assert!((sum - b[k * m + j]).abs() < 2e-10, "{k} {j}");
        }
    }
}

/// A batch of dense problems with all data of their own, to be spoilt.
struct Scene {
    cost: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
    f: Vec<f64>,
    g: Vec<f64>,
    work: Vec<f64>,
    reports: Vec<Report<f64>>,
    options: Options<f64>,
    own: Own,
    epsilon: f64,
    rules: [Rule<f64>; 2],
}

impl Scene {
    const N: usize = 4;
    const M: usize = 3;

    fn new() -> Self {
        let mut random = Random(3);
        let (n, m) = (Self::N, Self::M);
        let mut reports = vec![Report::default(); COUNT];
        reports.iter_mut().for_each(|report| report.iterations = 77);
        Self {
            cost: random.vector(COUNT * n * m, 0.0, 1.0),
            a: with_gaps(&mut random, n, 0, true),
            b: with_gaps(&mut random, m, 0, true),
            f: random.vector(COUNT * n, -1.0, 1.0),
            g: random.vector(COUNT * m, -1.0, 1.0),
            work: vec![0.0; work_len(n, m, 0)],
            reports,
            options: Options::new(),
            own: Own { cost: true, a: true, b: true, gap: 0 },
            epsilon: 0.2,
            rules: [Rule::Exact; 2],
        }
    }

    fn run(&mut self) -> Result<usize, Error> {
        let (n, m, own) = (Self::N, Self::M, self.own);
        let first = Dense::new(Mat::new(&self.cost, n, m).unwrap());
        let [rows, cols] = self.rules;
        let sides = ((&self.a[..n], rows), (&self.b[..m], cols));
        let first = Problem::<f64, _>::new(first, sides.0, sides.1, self.epsilon)?;
        let batch = Batch::new(first, COUNT).costs(own.stride(own.cost, n * m))?;
        let batch = batch.row_weights(&self.a, own.stride(own.a, n))?;
        let batch = batch.col_weights(&self.b, own.stride(own.b, m))?;
        let (f, g, work) = (&mut self.f, &mut self.g, &mut self.work);
        solve_batch(&batch, &self.options, f, g, work, &mut self.reports, &mut ())
    }

    /// The refusal, after which nothing but work was written.
    fn refused(mut self) -> Error {
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let (f, g, reports) = (bits(&self.f), bits(&self.g), self.reports.clone());
        let error = self.run().unwrap_err();
        assert_eq!(bits(&self.f), f);
        assert_eq!(bits(&self.g), g);
        assert_eq!(self.reports, reports);
        error
    }
}

fn error(kind: ErrorKind, argument: Argument, row: Option<u64>, problem: Option<u64>) -> Error {
    let mut scene = Scene::new();
    scene.epsilon = 0.0;
    // There is no other way to make one.
    let mut error = scene.refused();
    error.kind = kind;
    error.argument = argument;
    error.row = row.unwrap_or(Error::NOWHERE);
    error.measure = problem.unwrap_or(Error::NOWHERE);
    error
}

#[test]
fn refusals_name_the_problem_and_the_index() {
    use Argument::{ColWeights, Cost, RowPotentials, RowWeights};
    use ErrorKind::{MassMismatch, Negative, NoPartner, NotANumber, ZeroMass};
    let (n, m) = (Scene::N, Scene::M);
    for k in 0..COUNT {
        let spoilt = |spoil: &dyn Fn(&mut Scene)| {
            let mut scene = Scene::new();
            spoil(&mut scene);
            scene.refused()
        };
        let at = |kind, argument, row| error(kind, argument, row, Some(k as u64));
        let found = spoilt(&|s| s.a[k * n + 2] = f64::NAN);
        assert_eq!(found, at(NotANumber, RowWeights, Some(2)));
        let found = spoilt(&|s| s.b[k * m + 1] = -0.1);
        assert_eq!(found, at(Negative, ColWeights, Some(1)));
        let found = spoilt(&|s| s.a[k * n..][..n].fill(0.0));
        assert_eq!(found, at(ZeroMass, RowWeights, None));
        let found = spoilt(&|s| s.b[k * m] += 0.5);
        assert_eq!(found, at(MassMismatch, ColWeights, None));
        let found = spoilt(&|s| s.cost[(k * n + 3) * m + 2] = f64::NAN);
        assert_eq!(found, Error { col: 2, ..at(NotANumber, Cost, Some(3)) });
        let found = spoilt(&|s| s.cost[(k * n + 1) * m..][..m].fill(f64::INFINITY));
        assert_eq!(found, at(NoPartner, RowWeights, Some(1)));
        let found = spoilt(&|s| {
            s.options = s.options.warm_start(true);
            s.f[k * n + 3] = f64::NAN;
        });
        assert_eq!(found, at(NotANumber, RowPotentials, Some(3)));
        // A cost of all, of which the weights of one problem leave nothing.
        let found = spoilt(&|s| {
            s.own.cost = false;
            s.cost[m] = f64::INFINITY;
            s.b[k * m..][..m].copy_from_slice(&[1.0, 0.0, 0.0]);
        });
        assert_eq!(found, at(NoPartner, RowWeights, Some(1)));
    }
    // What all share is met in the first.
    let mut scene = Scene::new();
    (scene.own.cost, scene.cost[0]) = (false, f64::NEG_INFINITY);
    let found = scene.refused();
    assert_eq!((found.kind, found.measure, found.row), (ErrorKind::Infinite, 0, 0));
}

#[test]
fn refusals_of_the_call() {
    use ErrorKind::{Count, NoCertificate, Shape, WorkTooSmall};
    let refused = |spoil: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::new();
        spoil(&mut scene);
        scene.refused()
    };
    let whole = |kind, argument| error(kind, argument, None, None);
    for (spoil, argument) in [
        (
            &(|s: &mut Scene| s.f.truncate(s.f.len() - 1)) as &dyn Fn(&mut Scene),
            Argument::RowPotentials,
        ),
        (&|s| s.f.push(0.0), Argument::RowPotentials),
        (&|s| s.g.truncate(s.g.len() - 1), Argument::ColPotentials),
        (&|s| s.g.push(0.0), Argument::ColPotentials),
        (&|s| s.reports.truncate(COUNT - 1), Argument::Report),
        (&|s| s.reports.push(Report::default()), Argument::Report),
        (&|s| s.cost.truncate(s.cost.len() - 1), Argument::Cost),
        (&|s| s.a.truncate(s.a.len() - 1), Argument::RowWeights),
        (&|s| s.b.truncate(s.b.len() - 1), Argument::ColWeights),
    ] {
        assert_eq!(refused(spoil), whole(Shape, argument));
    }
    let found = refused(&|s| s.options = s.options.max_iterations(0));
    assert_eq!(found, whole(Count, Argument::MaxIterations));
    // What is the same for all is met in the first.
    let first = |kind, argument| error(kind, argument, None, Some(0));
    let found = refused(&|s| s.work.truncate(s.work.len() - 1));
    assert_eq!(found, first(WorkTooSmall, Argument::Work));
    let found = refused(&|s| s.options = s.options.stop(Stop::Certified(1.0)));
    assert_eq!(found, first(NoCertificate, Argument::Stop));

    // Points that end too early.
    let (x, y) = ([0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0]);
    let view = |points| Mat::new(points, 2, 1).unwrap();
    let points = Points::new(view(&x), view(&y), Metric::Euclidean).unwrap();
    let first = Problem::<f64, _>::balanced(points, &[0.5; 2], &[0.5; 2], 0.1).unwrap();
    assert!(Batch::new(first, 2).points(1, 2).is_ok());
    let late = |x, y| Batch::new(first, 2).points(x, y).unwrap_err();
    assert_eq!(late(2, 2), whole(Shape, Argument::RowPoints));
    assert_eq!(late(1, 3), whole(Shape, Argument::ColPoints));
    assert_eq!(late(usize::MAX, 0), whole(Shape, Argument::RowPoints));
    let batch = Batch::new(first, 2);
    assert!(batch.problem(1).is_ok());
    assert_eq!(batch.problem(2).unwrap_err(), whole(Shape, Argument::Problem));
}

#[test]
fn none_and_one() {
    let (cost, a) = ([0.0, 1.0, 1.0, 0.0], [0.5, 0.5]);
    let first = Dense::new(Mat::new(&cost, 2, 2).unwrap());
    let first = Problem::<f64, _>::balanced(first, &a, &a, 0.5).unwrap();
    let mut work = vec![0.0; work_len(2, 2, 0)];
    let options = Options::new();
    let none = Batch::new(first, 0).costs(4).unwrap().row_weights(&a, 2).unwrap();
    let none = none.col_weights(&[], 2).unwrap();
    let left = solve_batch(&none, &options, &mut [], &mut [], &mut work, &mut [], &mut ());
    assert_eq!(left, Ok(0));
    let one = Batch::new(first, 1).costs(99).unwrap();
    let (mut f, mut g, mut reports) = ([9.0; 2], [9.0; 2], [Report::default()]);
    let left = solve_batch(&one, &options, &mut f, &mut g, &mut work, &mut reports, &mut ());
    assert_eq!(left, Ok(0));
    // By symmetry X_11 / X_12 = e^2 and both rows sum to a half.
    let diagonal = 0.5 / (1.0 + (-2.0f64).exp());
    assert!((((f[0] + g[0]) / 0.5).exp() - diagonal).abs() < 1e-9);
    assert_eq!(reports[0].termination, Termination::Converged);
}

/// A stop ends the problem at hand.
#[test]
fn an_observer_watches_each_in_turn() {
    let mut scene = Scene::new();
    let (n, m) = (Scene::N, Scene::M);
    scene.epsilon = 0.01;
    let first = Dense::new(Mat::new(&scene.cost, n, m).unwrap());
    let first =
        Problem::<f64, _>::balanced(first, &scene.a[..n], &scene.b[..m], scene.epsilon).unwrap();
    let batch = Batch::new(first, COUNT).costs(n * m).unwrap();
    let mut seen = 0;
    let mut watch = |progress: &Progress<f64>| {
        assert_eq!(progress.iterations % 2, 0);
        seen += usize::from(progress.iterations == 2);
        if seen == 3 && progress.iterations == 4 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = scene.options.check_every(2);
    let (f, g, work) = (&mut scene.f, &mut scene.g, &mut scene.work);
    let left = solve_batch(&batch, &options, f, g, work, &mut scene.reports, &mut watch).unwrap();
    assert_eq!((left, seen), (1, COUNT));
    for (k, report) in scene.reports.iter().enumerate() {
        let ending = if k == 2 { Termination::Stopped } else { Termination::Converged };
        assert_eq!(report.termination, ending, "{k}");
    }
    assert_eq!(scene.reports[2].iterations, 4);
}
