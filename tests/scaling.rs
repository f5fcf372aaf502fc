//! Sweeps over a kernel kept in memory against sweeps in the log domain.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::case::{Case, Number, Random, Solved, normalise};
use common::golden::transport;
use robust_ot::cost::{Dense, Metric, Points};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::problem::{Problem, Reference};
use robust_ot::sinkhorn::{Sinkhorn, fast_work_len, solve, work_len};
use robust_ot::view::Mat;

fn options<T: Number>(tolerance: f64) -> Options<T> {
    Options::new().stop(Stop::Residual(T::from_f64(tolerance))).max_iterations(20_000)
}

/// Solves with room for the kernel, in work that holds NaN.
fn scaled<T: Number>(case: &Case<T>, options: &Options<T>) -> Solved<T> {
    let (n, m) = (case.n, case.m);
    let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
    let mut work = vec![T::NAN; fast_work_len(n, m, case.dimension())];
    let report = with_problem!(case, T, p => {
        solve(&p, options, &mut f, &mut g, &mut work, &mut ()).unwrap()
    });
    case.solved(f, g, report)
}

fn largest<T: Number>(x: &[T], y: &[T]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x.to_f64() - y.to_f64()).abs()).fold(0.0, f64::max)
}

const EXACT: Rule<f64> = Rule::Exact;
const KL: Rule<f64> = Rule::Kl { tau: 0.5 };
const L2: Rule<f64> = Rule::L2Ball { radius2: 0.01, entropy: 0.02 };
const NEAR: Rule<f64> = Rule::KlBall { radius: 0.02, entropy: 0.01 };

fn compare<T: Number>(name: &str, case: &Case<T>, tolerance: f64, bound: f64) {
    let log = case.solve_with(&options(tolerance), None).unwrap();
    let kept = scaled(case, &options(tolerance));
    assert!(log.report.converged() && kept.report.converged(), "{name}: {:?}", kept.report);
    assert_eq!((log.report.sweep, kept.report.sweep), (Sweep::Log, Sweep::Scaling), "{name}");
    let error =
        largest(&log.plan, &kept.plan) / log.plan.iter().fold(0.0, |m, x| x.to_f64().max(m));
    assert!(error <= bound, "{name}: plans differ by {error:e}");
    // The same iteration, so the same count but for rounding at the threshold.
    let (a, b) = (log.report.iterations, kept.report.iterations);
    assert!(a.abs_diff(b) <= 1 + a / 50, "{name}: {a} and {b} iterations");
}

/// Every pair of rules, both references, shapes around the lanes, both precisions.
#[test]
fn scaling_agrees_with_the_log_domain() {
    let rules = [
        (EXACT, EXACT),
        (KL, EXACT),
        (EXACT, KL),
        (KL, KL),
        (L2, EXACT),
        (EXACT, NEAR),
        (NEAR, L2),
        (KL, L2),
    ];
    for (k, rules) in rules.into_iter().enumerate() {
        for (n, m) in [(1, 1), (7, 33), (16, 17), (65, 20), (130, 3)] {
            let mut case = Case::random(k as u64, (n, m), rules);
            case.epsilon = 0.05;
            let name = format!("{rules:?} {n} x {m}");
            compare(&name, &case, 1e-10, 1e-8);
            if k < 4 {
                compare(&name, &case.to::<f32>(), 1e-5, 1e-4);
                case.reference = Reference::Product;
                compare(&name, &case, 1e-10, 1e-8);
                let case = case.with_points(9, 3, Metric::Euclidean);
                compare(&name, &case, 1e-10, 1e-8);
            }
        }
    }
}

/// Stored solutions, which know nothing of either.
#[test]
fn stored_plans_are_met() {
    for instance in transport() {
        let case = Case {
            n: instance.rows,
            m: instance.cols,
            cost: instance.cost.clone(),
            cloud: None,
            a: instance.a.clone(),
            b: instance.b.clone(),
            rows: instance.row,
            cols: instance.col,
            epsilon: instance.epsilon,
            reference: Reference::Counting,
            unit_mass: false,
        };
        let solved = scaled(&case, &options(1e-12).max_iterations(200_000));
        let most = instance.plan.iter().fold(0.0_f64, |m, x| m.max(*x));
        let error = largest(&solved.plan, &instance.plan) / most;
        // A large offset of the cost is rounded away from the potentials.
        let offset = instance.cost.iter().filter(|c| c.is_finite()).fold(0.0_f64, |m, c| m.max(*c));
        let bound = 1e-9 + 64.0 * f64::EPSILON * offset / instance.epsilon;
        assert!(error <= bound, "{}: {error:e} {:?}", instance.name, solved.report);
    }
}

/// Small epsilon, where potentials run far and the kernel is filled again and again; weights and
/// costs of many magnitudes; forbidden pairs and zero weights.
#[test]
fn the_safe_range_is_kept() {
    for epsilon in [1e-2, 1e-3, 1e-4] {
        let mut case = Case::random(5, (40, 50), (KL, EXACT));
        case.epsilon = epsilon;
        for (k, a) in case.a.iter_mut().enumerate() {
            *a *= (-(k as f64)).exp2();
        }
        case.a[3] = 0.0;
        case.b[4] = 0.0;
        normalise(&mut case.b, 1.7);
        for k in 0..20 {
            case.cost[k * 53] = f64::INFINITY;
            case.cost[k * 31 + 7] *= 30.0;
        }
        // The same iteration: after as many of them the plans are the same, converged or not.
        for count in [1, 2, 5, 300] {
            let log = case.solve_with(&options(1e-12).max_iterations(count), None).unwrap();
            let kept = scaled(&case, &options(1e-12).max_iterations(count));
            let error = largest(&log.plan, &kept.plan);
            assert!(error <= 1e-12 / epsilon, "{epsilon} {count}: {error:e}");
            assert_eq!((kept.f[3], kept.g[4]), (f64::NEG_INFINITY, f64::NEG_INFINITY));
            // In single precision what cannot be kept is given up, never wrong.
            let single = case.to::<f32>();
            let log = single.solve_with(&options(1e-6).max_iterations(count), None).unwrap();
            let kept = scaled(&single, &options(1e-6).max_iterations(count));
            let error = largest(&log.plan, &kept.plan);
            assert!(
                error <= 16.0 * f64::from(f32::EPSILON) / epsilon,
                "{epsilon} {count}: {error:e}"
            );
        }
    }
}

/// More than a thousand points with equal weights, where absorption goes wrong elsewhere.
#[test]
fn large_problems_keep_their_mass() {
    let (sizes, epsilon) =
        if cfg!(debug_assertions) { (vec![1001], 0.2) } else { (vec![999, 1001, 1500], 1e-2) };
    for n in sizes {
        let mut random = Random(3);
        let (x, y) = (random.vector(n, 0.0, 1.0), random.vector(n, 0.3, 1.3));
        let weights = vec![1.0 / n as f64; n];
        let cost: Vec<f64> =
            x.iter().flat_map(|x| y.iter().map(move |y| (x - y) * (x - y))).collect();
        let cost = Dense::new(Mat::new(&cost, n, n).unwrap());
        let problem = Problem::<f64, _>::balanced(cost, &weights, &weights, epsilon).unwrap();
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; fast_work_len(n, n, 0)];
        let options = options(1e-6);
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        assert!(report.converged() && report.sweep == Sweep::Scaling, "{report:?}");
        assert!((report.mass - 1.0).abs() < 1e-9, "{}", report.mass);
    }
}

#[test]
fn every_level_and_every_division_give_the_same_bits() {
    for rules in [(EXACT, EXACT), (KL, KL), (L2, EXACT)] {
        let mut case = Case::random(8, (70, 45), rules);
        case.epsilon = 0.01;
        let whole = scaled(&case, &options(1e-9));
        for level in Level::available() {
            let found = scaled(&case, &options(1e-9).level(level));
            assert_eq!((&found.f, &found.g), (&whole.f, &whole.g), "{}", level.name());
        }
        // In slices, the state kept and the work moved with its contents.
        let (mut f, mut g) = (vec![0.0; case.n], vec![0.0; case.m]);
        let mut work = vec![0.0; fast_work_len(case.n, case.m, 0)];
        let options = options(1e-9);
        with_problem!(&case, f64, p => {
            let solver = Sinkhorn::new(&p, &options, &mut f, &mut g, &mut work).unwrap();
            let mut state = solver.state();
            loop {
                let mut solver =
                    Sinkhorn::resume(&p, &options, &mut f, &mut g, &mut work, state).unwrap();
                let ended = solver.step(3).is_some();
                state = solver.state();
                if ended {
                    solver.finish();
                    break;
                }
            }
        });
        assert_eq!((&f, &g), (&whole.f, &whole.g));
    }
}

/// What the work was laid out for at the start decides, not its length when a solve is taken up.
#[test]
fn the_length_of_the_work_may_change_between_slices() {
    let case = Case::random(4, (30, 20), (KL, EXACT));
    let options = options::<f64>(1e-9);
    let (short, long) = (work_len(30, 20, 0), fast_work_len(30, 20, 0));
    let log = case.solve_with(&options, None).unwrap();
    let (mut f, mut g) = (vec![0.0; case.n], vec![0.0; case.m]);
    let mut work = vec![0.0; long + 100];
    with_problem!(&case, f64, p => {
        let solver = Sinkhorn::new(&p, &options, &mut f, &mut g, &mut work[..short]).unwrap();
        let mut state = solver.state();
        let mut ended = false;
        while !ended {
            let mut solver =
                Sinkhorn::resume(&p, &options, &mut f, &mut g, &mut work, state).unwrap();
            ended = solver.step(2).is_some();
            state = solver.state();
            if ended {
                assert_eq!(solver.finish().sweep, Sweep::Log);
            }
        }
        assert_eq!((&f, &g), (&log.f, &log.g));
        // With a kernel the other way round: too short to go on.
        let solver = Sinkhorn::new(&p, &options, &mut f, &mut g, &mut work).unwrap();
        let state = solver.state();
        let short = &mut work[..long - 1];
        let error = Sinkhorn::resume(&p, &options, &mut f, &mut g, short, state).err().unwrap();
        assert_eq!((error.kind, error.argument), (ErrorKind::WorkTooSmall, Argument::Work));
    });
}

#[test]
fn the_caller_chooses() {
    let case = Case::random(2, (20, 30), (EXACT, EXACT));
    let log = case.solve_with(&options(1e-9), None).unwrap();
    // The log domain has the same bits whatever the work.
    let forced = scaled(&case, &options(1e-9).sweep(Sweep::Log));
    assert_eq!((&forced.f, &forced.g, forced.report), (&log.f, &log.g, log.report));
    let demanded = options::<f64>(1e-9).sweep(Sweep::Scaling);
    let error = case.solve_with(&demanded, None).unwrap_err();
    assert_eq!((error.kind, error.argument), (ErrorKind::WorkTooSmall, Argument::Work));
    assert_eq!(scaled(&case, &demanded).report.sweep, Sweep::Scaling);
    // One element short of the room, and the log domain serves.
    let (mut f, mut g) = (vec![0.0; 20], vec![0.0; 30]);
    let len = fast_work_len(20, 30, 0);
    assert!(len > work_len(20, 30, 0) && fast_work_len(usize::MAX, 2, 0) == usize::MAX);
    let mut work = vec![0.0; len - 1];
    with_problem!(&case, f64, p => {
        let report = solve(&p, &options(1e-9), &mut f, &mut g, &mut work, &mut ()).unwrap();
        assert_eq!((report.sweep, &f), (Sweep::Log, &log.f));
    });
}
