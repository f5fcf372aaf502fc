//! Solves at small epsilon: both interfaces bit by bit, every option.

use core::ffi::c_void;
use core::mem::{MaybeUninit, offset_of, size_of};
use core::ops::ControlFlow;
use core::ptr::null_mut;

use robust_ot::anneal;
use robust_ot::cost::Geometry;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::anneal::{ROT_METHOD_NONE, rot_anneal_fast_work_len, rot_anneal_work_len};
use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_SWEEP_SCALING,
    ROT_WARM_START,
};
use robust_ot::implicit::Method;
use robust_ot::options::Options;
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Progress;

use super::calls::{Args, C, Call, for_both_precisions, raw};
use super::case::{Case, RULES, bits, report_bits, with_geometry};
use super::initial::{default_anneal_options, empty_report};
use super::scene::{Scene, each};
use crate::SMALL;

/// What both interfaces give, as bits; the last is what the observer saw.
type Outcome = Vec<(&'static str, Vec<u64>)>;

const METHODS: [u32; 3] = [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, ROT_METHOD_NONE];

/// How a case is walked down; every number differs from its default.
#[derive(Clone, Copy, Debug)]
struct Way {
    method: u32,
    /// A first epsilon, or the default.
    start: f64,
    factor: f64,
    sweeps: u32,
    steps: u32,
    /// With room for a kernel.
    kept: bool,
}

fn by_rust<T: C, G: Geometry<T> + Copy>(case: &Case<T>, geometry: G, way: Way) -> Outcome {
    let (n, m) = (case.n, case.m);
    let rules = ((&case.a[..], case.rows), (&case.b[..], case.cols));
    let problem = Problem::<T, G>::new(geometry, rules.0, rules.1, case.epsilon).unwrap();
    let problem = problem.reference(case.reference);
    let problem = if case.unit_mass { problem.unit_mass().unwrap() } else { problem };
    let newton = match way.method {
        ROT_METHOD_DIRECT => Some(Method::Direct),
        ROT_METHOD_NONE => None,
        _ => Some(Method::Iterative { tolerance: T::of(1e-4), max_iterations: 7 }),
    };
    let options = anneal::Options::new()
        .solve(Options::new().max_iterations(case.limit).check_every(3))
        .newton(newton)
        .factor(T::of(way.factor))
        .sweeps(way.sweeps)
        .level_steps(way.steps);
    let options = if way.start > 0.0 { options.start(T::of(way.start)) } else { options };
    let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
    let d = geometry.dimension();
    let len = if way.kept { anneal::fast_work_len } else { anneal::work_len };
    let mut work = vec![T::ZERO; len(n, m, d, newton)];
    let mut seen = Vec::new();
    let mut watch = |p: &Progress<T>| {
        seen.extend([p.iterations, p.epsilon.bits(), p.residual.bits()]);
        ControlFlow::Continue(())
    };
    let solved = anneal::solve(&problem, &options, &mut f, &mut g, &mut work, &mut watch).unwrap();
    let report = solved.report;
    vec![
        ("ending", vec![report.termination as u64, u64::from(report.converged())]),
        ("ladder", vec![solved.levels.into(), solved.newton_steps.into(), solved.products]),
        ("report", report_bits!(report)),
        ("f", bits(&f)),
        ("g", bits(&g)),
        ("seen", seen),
    ]
}

unsafe extern "C" fn note<T: C>(user: *mut c_void, progress: *const c::Progress<T>) -> i32 {
    // SAFETY: the argument that the test gave, which nobody else uses during the call.
    let seen = unsafe { &mut *user.cast::<Vec<u64>>() };
    // SAFETY: alive for the call.
    let p = unsafe { &*progress };
    assert_eq!(p.struct_size as usize, size_of::<c::Progress<T>>());
    seen.extend([p.iterations, p.epsilon.bits(), p.residual.bits()]);
    0
}

fn by_c<T: C>(case: &Case<T>, way: Way) -> Outcome {
    let (n, m) = (case.n, case.m);
    let mut problem = case.c_problem();
    let mut seen = Vec::<u64>::new();
    let mut options = c::Options {
        check_every: 3,
        observe: Some(note::<T>),
        user: (&raw mut seen).cast(),
        ..case.c_options()
    };
    let mut walk = c::AnnealOptions {
        method: way.method,
        start: T::of(way.start),
        factor: T::of(way.factor),
        tolerance: T::of(1e-4),
        max_iterations: 7,
        sweeps: way.sweeps,
        level_steps: way.steps,
        ..default_anneal_options()
    };
    let d = if case.kind == ROT_COST_DENSE { 0 } else { case.d };
    // Never written before: an interpreter sees what is read too early.
    let len = if way.kept { rot_anneal_fast_work_len } else { rot_anneal_work_len };
    let lens = [n, m, len(n, m, d, way.method)];
    let mut memory = lens.map(Box::<[T]>::new_uninit_slice);
    let [f, g, work] = &mut memory;
    let mut report = empty_report::<T>();
    let args = Args {
        problem: (&raw mut problem).cast(),
        anneal_options: (&raw mut walk).cast(),
        options: (&raw mut options).cast(),
        f: raw(f),
        g: raw(g),
        work: raw(work),
        work_len: work.len(),
        report: (&raw mut report).cast(),
        ..Args::<T>::none()
    };
    // SAFETY: every pointer is valid for the extent that goes with it.
    let status = unsafe { T::call(Call::Anneal, &args) };
    assert!(status >= 0, "{status} at {}", report.error.argument);
    assert_eq!(status, report.error.status);
    let written = |values: &[MaybeUninit<T>]| {
        // SAFETY: a solve that was not refused writes all potentials.
        values.iter().map(|x| unsafe { x.assume_init() }.bits()).collect()
    };
    vec![
        ("ending", vec![status as u64, u64::from(report.converged)]),
        ("ladder", vec![report.levels.into(), report.newton_steps.into(), report.newton_products]),
        ("report", report_bits!(report)),
        ("f", written(f)),
        ("g", written(g)),
        ("seen", seen),
    ]
}

fn both_interfaces_give_the_same_bits<T: C>() {
    let sizes = if SMALL { [(2, 3, 1), (3, 2, 1)] } else { [(6, 9, 2), (10, 4, 2)] };
    let ways = |count: usize| Way {
        method: METHODS[count % 3],
        start: [0.0, 0.7][count / 3 % 2],
        factor: [2.5, 3.0][count % 2],
        sweeps: if SMALL { 1 } else { 4 },
        steps: 1 + count as u32 % 2,
        kept: (count / 2).is_multiple_of(2),
    };
    let (mut count, mut steps, mut levels) = (0, 0, 0);
    for sizes in sizes {
        for kind in [ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN] {
            for rules in 0..RULES {
                for reference in [Reference::Counting, Reference::Product] {
                    for _ in METHODS {
                        count += 1;
                        // An iterative one on a matrix and a direct one on points, both sides exact.
                        if SMALL && ![4, 6 * RULES + 6].contains(&count) {
                            continue;
                        }
                        let way = ways(count);
                        let mut case = Case::<T>::of(sizes, kind, rules % 4, rules, reference);
                        (case.epsilon, case.limit) = (T::of(0.02), if SMALL { 4 } else { 60 });
                        let expected =
                            with_geometry!(case, geometry => by_rust(&case, geometry, way));
                        let context = format!("{sizes:?}, cost {kind}, rules {rules}, {way:?}");
                        assert_eq!(by_c(&case, way), expected, "{context}");
                        let ladder = &expected[1].1;
                        levels += ladder[0];
                        steps += ladder[1];
                        assert!(way.method != ROT_METHOD_NONE || ladder[1] == 0, "{context}");
                    }
                }
            }
        }
    }
    assert!(levels > 0, "no ladder was walked");
    assert!(SMALL || steps > 100, "{steps} Newton steps in all");
}

/// What a shorter or a missing struct lacks is as the initialiser has it.
fn missing_options<T: C>() {
    let scene = || {
        let s = Scene::<T>::new(Call::Anneal, 9, 8, 0);
        // Enough of a ladder that every option counts.
        s.problem(|p| p.epsilon = T::of(0.002));
        s.options(|o| o.max_iterations = 500);
        s.put(s.args.anneal_options, default_anneal_options::<T>());
        s
    };
    let reference = scene();
    let status = reference.accepted();
    let found: c::Report<T> = reference.get(reference.args.report);
    assert!(found.levels == 3 && found.newton_steps > 0, "{}", found.levels);
    let whole = size_of::<c::AnnealOptions<T>>();
    for size in (0..=whole).step_by(8) {
        let mut s = scene();
        let at = s.args.anneal_options;
        if size == 0 {
            s.args.anneal_options = null_mut();
        } else {
            s.put(at, size as u32);
            s.fill_bytes(at.wrapping_add(size), whole - size, 0xFF);
        }
        assert_eq!(s.accepted(), status);
        assert_eq!(s.results(), reference.results(), "{size} bytes");
    }
    // Each of them counts.
    type Change<T> = fn(&mut c::AnnealOptions<T>);
    let others: [Change<T>; 5] = [
        |o| o.start = T::ONE,
        |o| o.factor = T::of(2.0),
        |o| o.sweeps = 2,
        |o| o.level_steps = 0,
        |o| o.method = ROT_METHOD_NONE,
    ];
    for (k, change) in others.into_iter().enumerate() {
        let s = scene();
        s.anneal_options(change);
        s.accepted();
        assert!(s.results() != reference.results(), "option {k} makes no difference");
    }
    let iterative = |change: Change<T>| {
        let s = scene();
        s.anneal_options(|o| o.method = ROT_METHOD_ITERATIVE);
        s.anneal_options(change);
        s.accepted();
        s.results()
    };
    let precise = iterative(|_| {});
    assert!(iterative(|o| o.max_iterations = 1) != precise);
    assert!(iterative(|o| o.tolerance = T::of(0.5)) != precise);
    for (size, field) in [
        (offset_of!(c::AnnealOptions<T>, tolerance).next_multiple_of(8), "tolerance"),
        (offset_of!(c::AnnealOptions<T>, max_iterations), "iterations"),
    ] {
        let s = scene();
        let at = s.args.anneal_options;
        s.anneal_options(|o| o.method = ROT_METHOD_ITERATIVE);
        s.put(at, size as u32);
        s.fill_bytes(at.wrapping_add(size), whole - size, 0xFF);
        s.accepted();
        assert!(s.results() == precise, "default of {field}");
    }
}

fn refusals_of_the_options<T: C>() {
    let only = &[Call::Anneal];
    let name = "anneal_options";
    each::<T>(
        only,
        0,
        ErrorKind::Kind,
        &[
            (name, Argument::Method, |s| s.anneal_options(|o| o.method = 3)),
            (name, Argument::Method, |s| s.anneal_options(|o| o.method = u32::MAX)),
        ],
    );
    each::<T>(
        only,
        0,
        ErrorKind::StructSize,
        &[
            (name, Argument::Options, |s| s.anneal_options(|o| o.reserved_value = T::ONE)),
            (name, Argument::Options, |s| s.anneal_options(|o| o.reserved_value = T::NAN)),
            (name, Argument::Options, |s| s.anneal_options(|o| o.reserved32 = 1)),
            (name, Argument::Options, |s| s.anneal_options(|o| o.reserved[0] = 1)),
            (name, Argument::Options, |s| s.anneal_options(|o| o.reserved[3] = 1 << 63)),
        ],
    );
    let options = Argument::Options;
    each::<T>(
        only,
        0,
        ErrorKind::Epsilon,
        &[
            (name, options, |s| s.anneal_options(|o| o.start = -T::ONE)),
            (name, options, |s| s.anneal_options(|o| o.start = T::NAN)),
            (name, options, |s| s.anneal_options(|o| o.start = T::INFINITY)),
            (name, options, |s| s.anneal_options(|o| o.factor = T::ONE)),
            (name, options, |s| s.anneal_options(|o| o.factor = T::ZERO)),
            (name, options, |s| s.anneal_options(|o| o.factor = T::NAN)),
            (name, options, |s| s.anneal_options(|o| o.factor = T::INFINITY)),
        ],
    );
    each::<T>(
        only,
        0,
        ErrorKind::Count,
        &[(name, options, |s| s.anneal_options(|o| o.sweeps = 0))],
    );
    for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
        // With room for every method.
        let most = rot_anneal_work_len(3, 4, 0, ROT_METHOD_DIRECT);
        let s = Scene::<T>::with_work(Call::Anneal, (3, 4, 0), Some(most));
        s.anneal_options(|o| (o.method, o.tolerance) = (ROT_METHOD_ITERATIVE, bad));
        s.refused(ErrorKind::Tolerance, Argument::Method);
        // Of no use to the others.
        for method in [ROT_METHOD_DIRECT, ROT_METHOD_NONE] {
            s.anneal_options(|o| o.method = method);
            s.accepted();
        }
    }
    let s = Scene::<T>::new(Call::Anneal, 3, 4, 0);
    s.anneal_options(|o| (o.method, o.max_iterations) = (ROT_METHOD_ITERATIVE, 0));
    s.refused(ErrorKind::Count, Argument::Method);
}

/// Each method takes exactly its own work.
fn work_of_each_method<T: C>() {
    for (n, m, d) in [(1, 1, 0), (3, 4, 0), (4, 3, 2), (17, 5, 0), (5, 17, 1)] {
        let mut lens = Vec::new();
        for method in METHODS {
            let most = rot_anneal_fast_work_len(n, m, d, ROT_METHOD_DIRECT);
            let mut s = Scene::<T>::with_work(Call::Anneal, (n, m, d), Some(most));
            s.anneal_options(|o| o.method = method);
            let exact = rot_anneal_work_len(n, m, d, method);
            // The scene has room for the longest, and is searched for stray writes.
            assert!(exact <= s.args.work_len);
            s.args.work_len = exact - 1;
            s.refused(ErrorKind::WorkTooSmall, Argument::Work);
            s.args.work_len = exact;
            s.accepted();
            lens.push(exact);
            let fast = rot_anneal_fast_work_len(n, m, d, method);
            s.args.work_len = fast;
            s.options(|o| o.sweep = ROT_SWEEP_SCALING);
            s.accepted();
            let report: c::Report<T> = s.get(s.args.report);
            assert_eq!(report.sweep, ROT_SWEEP_SCALING);
            s.args.work_len = fast - 1;
            s.refused(ErrorKind::WorkTooSmall, Argument::Work);
        }
        assert!(lens[0] > lens[1] && lens[1] > lens[2], "{lens:?}");
    }
    for method in METHODS {
        assert_eq!(rot_anneal_work_len(usize::MAX, 3, 0, method), usize::MAX);
        assert_eq!(rot_anneal_work_len(3, usize::MAX / 2, 2, method), usize::MAX);
        assert_eq!(rot_anneal_fast_work_len(usize::MAX, 3, 0, method), usize::MAX);
        assert_eq!(rot_anneal_fast_work_len(1 << 40, 1 << 40, 0, method), usize::MAX);
    }
}

/// A warm start goes on from where it was, and without a ladder there is nothing left to do.
fn warm_starts<T: C>() {
    let s = Scene::<T>::new(Call::Anneal, 3, 4, 0);
    s.problem(|p| p.epsilon = T::of(0.01));
    s.options(|o| o.max_iterations = 1000);
    assert_eq!(s.accepted(), 0);
    let cold: c::Report<T> = s.get(s.args.report);
    assert!(cold.levels > 0);
    s.options(|o| o.flags = ROT_WARM_START);
    s.anneal_options(|o| o.start = T::of(0.01));
    assert_eq!(s.accepted(), 0);
    let warm: c::Report<T> = s.get(s.args.report);
    assert_eq!(warm.levels, 0);
    assert!(warm.iterations < cold.iterations && warm.iterations < 5, "{}", warm.iterations);
    // A plain solve has walked no ladder, whatever stood in its report.
    let s = Scene::<T>::new(Call::Solve, 3, 4, 0);
    s.edit(s.args.report, |r: &mut c::Report<T>| (r.levels, r.newton_steps) = (7, 7));
    s.accepted();
    let plain: c::Report<T> = s.get(s.args.report);
    assert_eq!((plain.levels, plain.newton_steps), (0, 0));
}

for_both_precisions! {
    interpreted {
        both_interfaces_give_the_same_bits
    }
    compiled {
        missing_options
        refusals_of_the_options
        work_of_each_method
        warm_starts
    }
}
