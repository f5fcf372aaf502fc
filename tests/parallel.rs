//! Sweeps on a host's threads: the bits of sweeps on one thread, whatever the host does.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use core::sync::atomic::{AtomicUsize, Ordering};

use common::case::Random;
use robust_ot::cost::{Dense, Geometry, Metric, Parallel, Points, Pool};
use robust_ot::kernel::{Mixed, Precision};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::problem::Problem;
use robust_ot::real::Real;
use robust_ot::report::Termination;
use robust_ot::sinkhorn::{
    fast_work_len, parallel_fast_work_len, parallel_work_len, solve, work_len,
};
use robust_ot::view::Mat;

/// How a pool goes about its tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Each on a thread of its own.
    Threads,
    /// On the calling thread, in an order that jumps about.
    Shuffled,
    /// Last one first.
    Reversed,
    /// Every third is left out.
    Skips,
    /// None is done.
    Idle,
    /// Each of them twice, and at the same time; some that do not exist.
    Doubles,
}

const MANNERS: [Manner; 6] = [
    Manner::Threads,
    Manner::Shuffled,
    Manner::Reversed,
    Manner::Skips,
    Manner::Idle,
    Manner::Doubles,
];

struct Host {
    manner: Manner,
    tasks: usize,
    /// The most tasks of a call, and the number of calls.
    most: AtomicUsize,
    calls: AtomicUsize,
}

impl Host {
    fn new(manner: Manner, tasks: usize) -> Self {
        Self { manner, tasks, most: AtomicUsize::new(0), calls: AtomicUsize::new(0) }
    }
}

impl Pool for Host {
    fn tasks(&self) -> usize {
        self.tasks
    }

    fn parallel_for(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(tasks, Ordering::Relaxed);
        let at_once = |order: &mut dyn Iterator<Item = usize>| {
            std::thread::scope(|scope| {
                for k in order {
                    scope.spawn(move || task(k));
                }
            });
        };
        match self.manner {
            // A thread for each task of each wave takes its time: from time to time is enough.
            Manner::Threads if calls.is_multiple_of(7) => at_once(&mut (0..tasks)),
            Manner::Doubles if calls.is_multiple_of(7) => {
                at_once(&mut (0..2 * tasks).map(|k| k / 2))
            }
            Manner::Threads => (0..tasks).for_each(task),
            Manner::Shuffled => (0..tasks)
                .map(|k| (k * 7 + calls) % tasks)
                .chain((0..tasks).filter(|k| tasks.is_multiple_of(7) && k % 7 != 0))
                .for_each(task),
            Manner::Reversed => (0..tasks).rev().for_each(task),
            Manner::Skips => (0..tasks).filter(|k| k % 3 != 1).for_each(task),
            Manner::Idle => {}
            Manner::Doubles => {
                (0..tasks + 3).for_each(task);
                (0..tasks).rev().for_each(task);
                task(usize::MAX);
            }
        }
    }
}

/// Everything that a solve returns, as numbers that print all their digits.
fn outcome<P: Precision, G: Geometry<P>>(
    cost: G,
    case: &Case<P>,
    options: &Options<P>,
    work_len: usize,
) -> (Vec<String>, Termination) {
    let [rows, cols] = case.rules;
    let epsilon = P::Potential::from_f64(0.05);
    let problem = Problem::new(cost, (&case.a, rows), (&case.b, cols), epsilon).unwrap();
    let zero = P::Potential::ZERO;
    let (mut f, mut g) = (vec![zero; case.a.len()], vec![zero; case.b.len()]);
    let mut work = vec![P::Work::NAN; work_len];
    let report = solve(&problem, options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    let mut found: Vec<String> = f.iter().chain(&g).map(|x| format!("{x:?}")).collect();
    found.push(format!("{report:?}"));
    (found, report.termination)
}

struct Case<P: Precision> {
    /// Points of both sides in the plane, and the cost between them, columns before rows.
    x: Vec<P::Cost>,
    y: Vec<P::Cost>,
    cost: Vec<P::Cost>,
    a: Vec<P::Cost>,
    b: Vec<P::Cost>,
    rules: [Rule<P::Potential>; 2],
}

/// A random case; some weights are zero.
fn case<P: Precision>(n: usize, m: usize, rules: [Rule<f64>; 2]) -> Case<P> {
    let mut random = Random((n * 1000 + m) as u64);
    let mut vector = |len: usize| -> Vec<f64> { random.vector(len, 0.0, 1.0) };
    let (x, y, mut a, mut b) = (vector(2 * n), vector(2 * m), vector(n), vector(m));
    (a[n / 3], b[m / 2]) = (0.0, 0.0);
    for w in [&mut a, &mut b] {
        let mass: f64 = w.iter().sum();
        w.iter_mut().for_each(|w| *w /= mass);
    }
    let distance = |i: usize, j: usize| {
        let (p, q) = (&x[2 * i..2 * i + 2], &y[2 * j..2 * j + 2]);
        (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)
    };
    let cost: Vec<f64> = (0..n * m).map(|k| distance(k % n, k / n)).collect();
    let of =
        |values: &[f64]| -> Vec<P::Cost> { values.iter().map(|&x| P::Cost::from_f64(x)).collect() };
    let to = P::Potential::from_f64;
    let rules = rules.map(|rule| match rule {
        Rule::Kl { tau } => Rule::Kl { tau: to(tau) },
        Rule::L2Ball { radius2, entropy } => {
            Rule::L2Ball { radius2: to(radius2), entropy: to(entropy) }
        }
        Rule::KlBall { radius, entropy } => {
            Rule::KlBall { radius: to(radius), entropy: to(entropy) }
        }
        _ => Rule::Exact,
    });
    Case { x: of(&x), y: of(&y), cost: of(&cost), a: of(&a), b: of(&b), rules }
}

const EXACT: Rule<f64> = Rule::Exact;
const KL: Rule<f64> = Rule::Kl { tau: 0.5 };
const L2: Rule<f64> = Rule::L2Ball { radius2: 0.01, entropy: 0.02 };
const NEAR: Rule<f64> = Rule::KlBall { radius: 0.02, entropy: 0.01 };
/// Every kind of update of the rows, and of what the end of a solve does.
const RULES: [[Rule<f64>; 2]; 5] =
    [[EXACT, EXACT], [KL, EXACT], [EXACT, KL], [L2, NEAR], [NEAR, EXACT]];

/// Solves with and without a pool, of points and of a matrix that lies column by column.
fn compare<P: Precision>(
    (n, m): (usize, usize),
    rules: [Rule<f64>; 2],
    host: &Host,
    options: &Options<P>,
    lens: [usize; 2],
) -> Termination {
    let case = case::<P>(n, m, rules);
    let dense = Dense::new(Mat::strided(&case.cost, n, m, 1, n).unwrap());
    let points = Points::new(
        Mat::new(&case.x, n, 2).unwrap(),
        Mat::new(&case.y, m, 2).unwrap(),
        Metric::SquaredEuclidean,
    )
    .unwrap();
    let [alone, together] = lens;
    let what = format!("{n} x {m}, {rules:?}, {:?}, {} tasks", host.manner, host.tasks);
    let serial = outcome(dense, &case, options, alone);
    assert!(serial == outcome(Parallel::new(dense, host), &case, options, together), "{what}");
    let serial = outcome(points, &case, options, alone);
    assert!(serial == outcome(Parallel::new(points, host), &case, options, together), "{what}");
    serial.1
}

/// These rules and both sweeps on this host.
fn compare_all<P: Precision>(
    shape: (usize, usize),
    rules: &[[Rule<f64>; 2]],
    host: &Host,
    iterations: u64,
) {
    let (n, m) = shape;
    let log = [work_len(n, m, 2), parallel_work_len(n, m, 2, host.tasks)];
    let fast = [fast_work_len(n, m, 2), parallel_fast_work_len(n, m, 2, host.tasks)];
    let options = Options::new().max_iterations(iterations);
    for rules in rules {
        compare::<P>(shape, *rules, host, &options.sweep(Sweep::Log), log);
        compare::<P>(shape, *rules, host, &options.sweep(Sweep::Scaling), fast);
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_tasks() {
    for tasks in [0, 1, 2, 3, 7, 64] {
        let host = Host::new(Manner::Threads, tasks);
        compare_all::<f64>((330, 9), &RULES, &host, 2);
        let expected = if tasks < 2 { 0 } else { tasks.min(6) };
        assert_eq!(host.most.load(Ordering::Relaxed), expected, "blocks at the same time");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_manners_of_the_host() {
    for manner in MANNERS {
        let host = Host::new(manner, 3);
        compare_all::<f64>((330, 7), &RULES, &host, 2);
        compare_all::<f32>((200, 9), &RULES[2..4], &host, 2);
        compare_all::<Mixed>((200, 9), &RULES[2..4], &host, 2);
        assert!(host.calls.load(Ordering::Relaxed) > 100, "{manner:?} was asked");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_shape() {
    for (n, m) in [(2, 5), (64, 3), (65, 3), (128, 2), (129, 20), (320, 2)] {
        let host = Host::new(Manner::Shuffled, 2);
        compare_all::<f64>((n, m), &RULES[2..], &host, 2);
        assert_eq!(host.calls.load(Ordering::Relaxed) > 0, n > 64, "{n}");
    }
}

/// To the end, not cut short.
#[test]
fn a_whole_solve_has_the_same_bits() {
    for manner in [Manner::Threads, Manner::Skips] {
        let (shape, host) = ((130, 12), Host::new(manner, 2));
        let (n, m) = shape;
        let options = Options::new().stop(Stop::Residual(1e-4));
        let len = parallel_fast_work_len(n, m, 2, 2);
        for rules in [[EXACT, EXACT], [KL, KL], [L2, NEAR]] {
            for sweep in [Sweep::Log, Sweep::Scaling] {
                let options = options.sweep(sweep);
                let ending = compare::<f64>(shape, rules, &host, &options, [len, len]);
                assert_eq!(ending, Termination::Converged);
            }
        }
    }
}

/// Work that has no room for tasks, or for some of those that the host would take.
#[test]
fn with_less_work_fewer_blocks_are_under_way() {
    let (n, m, d) = (400, 6, 2);
    let options = Options::new().max_iterations(2).sweep(Sweep::Log);
    for (room, expected) in [(0, 0), (1, 0), (2, 2), (3, 3), (7, 7), (9, 7)] {
        let host = Host::new(Manner::Reversed, 64);
        let len = if room == 0 { work_len(n, m, d) } else { parallel_work_len(n, m, d, room) };
        // (16 elements are there to move the work to its alignment.)
        let lens = [work_len(n, m, d), len - if room == 0 { 0 } else { 16 }];
        compare::<f64>((n, m), [EXACT, KL], &host, &options, lens);
        assert_eq!(host.most.load(Ordering::Relaxed), expected, "{room}");
    }
    for [n, m, tasks] in [[usize::MAX, 1, 2], [3, usize::MAX / 5, 2], [3, 1, usize::MAX / 16]] {
        assert_eq!(parallel_work_len(n, m, 0, tasks), usize::MAX);
        assert_eq!(parallel_fast_work_len(n, m, 0, tasks), usize::MAX);
    }
}
