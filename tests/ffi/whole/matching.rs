//! Matching: both interfaces bit by bit, warm starts, and steps without a gradient.

use core::mem::size_of;
use core::ptr::null_mut;

use robust_ot::cost::Geometry;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use robust_ot::ffi::matching::{
    ROT_GRADIENT_ENVELOPE, ROT_GRADIENT_FULL, ROT_UNIT_ABSOLUTE, ROT_UNIT_LARGEST,
    ROT_UNIT_LARGEST_DIFFERENTIATED, rot_matching_work_len,
};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_REFERENCE_PRODUCT,
    ROT_TRUST_DATA, ROT_UNIT_MASS, ROT_WARM_START,
};
use robust_ot::implicit::{self, Gradients, Method};
use robust_ot::marginal::Rule;
use robust_ot::matching::{self, Gradient, Unit};
use robust_ot::options;
use robust_ot::problem::Reference;
use robust_ot::report::Termination;
use robust_ot::view::MatMut;

use super::calls::{Args, C, Call, NOWHERE, for_both_precisions, raw};
use super::case::{Case, RULES, bits, report_bits, with_geometry};
use super::initial::{
    c_rule, default_gradient_options, default_matching_options, empty_gradient, empty_report,
    matrix_mut,
};
use super::scene::Scene;
use crate::SMALL;

/// What both interfaces give, as bits, step by step.
type Outcome = Vec<(&'static str, Vec<u64>)>;

const UNITS: [(u32, Unit); 3] = [
    (ROT_UNIT_ABSOLUTE, Unit::Absolute),
    (ROT_UNIT_LARGEST, Unit::Largest),
    (ROT_UNIT_LARGEST_DIFFERENTIATED, Unit::LargestDifferentiated),
];
const KINDS: [(u32, Gradient); 2] =
    [(ROT_GRADIENT_FULL, Gradient::Full), (ROT_GRADIENT_ENVELOPE, Gradient::Envelope)];

/// How a case is matched.
#[derive(Clone, Copy, Debug)]
struct Way {
    unit: usize,
    kind: usize,
    method: u32,
    /// From potentials up to which residual on there is a gradient.
    any: bool,
}

impl Way {
    fn work_len<T: C>(self, case: &Case<T>) -> usize {
        let d = if case.kind == ROT_COST_DENSE { 0 } else { case.d };
        rot_matching_work_len(case.n, case.m, d, self.method)
    }

    fn forward_tolerance<T: C>(self) -> T {
        if self.any { T::INFINITY } else { T::MIN_POSITIVE }
    }
}

/// Steps of a training: the first cold, the second from where it ended.
const STEPS: usize = 2;

fn by_rust<T: C, G: Geometry<T>>(case: &Case<T>, geometry: impl Fn() -> G, way: Way) -> Outcome {
    let (n, m, d) = (case.n, case.m, case.d);
    let points = case.kind != ROT_COST_DENSE;
    let method = match way.method {
        ROT_METHOD_DIRECT => Method::Direct,
        _ => Method::Iterative { tolerance: T::of(1e-5), max_iterations: 7 },
    };
    let implicit =
        implicit::Options::new().method(method).forward_tolerance(way.forward_tolerance());
    let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
    let mut work = vec![T::ZERO; way.work_len(case)];
    let mut all = Vec::new();
    for step in 0..STEPS {
        let mut arrays = [n * m, n, m, n * d, m * d].map(|len| vec![T::ONE; len]);
        let [cost, a, b, x, y] = &mut arrays;
        let places = Gradients {
            cost: Some(MatMut::new(cost, n, m).unwrap()),
            a: Some(a),
            b: Some(b),
            x: points.then(|| MatMut::new(x, n, d).unwrap()),
            y: points.then(|| MatMut::new(y, m, d).unwrap()),
        };
        let solve = options::Options::new().max_iterations(case.limit).warm_start(step > 0);
        let options = matching::Options::new(case.epsilon)
            .rules(case.rows, case.cols)
            .reference(case.reference)
            .unit_mass(case.unit_mass)
            .unit(UNITS[way.unit].1)
            .gradient(KINDS[way.kind].1)
            .solve(solve)
            .implicit(implicit);
        let found = matching::step(
            geometry(),
            (&case.a, &case.b),
            &options,
            &mut f,
            &mut g,
            places,
            &mut work,
            &mut (),
        )
        .unwrap();
        let status = |error: &robust_ot::error::Error| (error.kind as i32, error.argument as u64);
        let ending = [found.solve.termination as u64, u64::from(found.solve.converged())];
        all.push(("ending", ending.to_vec()));
        all.push(("loss", vec![found.loss.bits()]));
        all.push(("report", report_bits!(found.solve)));
        match &found.gradient {
            Ok(g) => {
                all.push(("scalars", bits(&[g.epsilon, g.forward_residual, g.residual])));
                all.push(("rules", bits(&[g.row_rule, g.col_rule].concat())));
                all.push(("iterations", vec![u64::from(g.iterations)]));
            }
            Err(error) => {
                let (status, argument) = status(error);
                all.push(("refused", vec![status as u64, argument]));
            }
        }
        all.extend([("f", bits(&f)), ("g", bits(&g))]);
        all.extend(arrays.iter().map(|array| ("array", bits(array))));
    }
    all
}

fn by_c<T: C>(case: &Case<T>, way: Way) -> Outcome {
    let (n, m, d) = (case.n, case.m, case.d);
    let points = case.kind != ROT_COST_DENSE;
    let problem = case.c_problem();
    let gradient_options = c::GradientOptions {
        method: way.method,
        tolerance: T::of(1e-5),
        max_iterations: 7,
        forward_tolerance: way.forward_tolerance(),
        ..default_gradient_options()
    };
    let matching_options = c::rot_matching_options {
        unit: UNITS[way.unit].0,
        gradient: KINDS[way.kind].0,
        ..default_matching_options()
    };
    let (mut f, mut g) = (vec![T::NAN; n], vec![T::NAN; m]);
    let mut work = vec![T::NAN; way.work_len(case)];
    let mut all = Vec::new();
    for step in 0..STEPS {
        let mut arrays = [n * m, n, m, n * d, m * d].map(|len| vec![T::ONE; len]);
        let [cost, a, b, x, y] = arrays.each_mut().map(|array| array.as_mut_ptr());
        let none = || matrix_mut(null_mut(), 0, 0);
        let mut out = c::Gradient {
            cost: matrix_mut(cost, n, m),
            a,
            b,
            x: if points { matrix_mut(x, n, d) } else { none() },
            y: if points { matrix_mut(y, m, d) } else { none() },
            ..empty_gradient::<T>()
        };
        let flags = if step > 0 { ROT_WARM_START } else { 0 };
        let options = c::Options { flags, ..case.c_options() };
        let mut report = empty_report::<T>();
        let args = Args {
            problem: (&raw const problem).cast_mut().cast(),
            matching_options: (&raw const matching_options).cast_mut().cast(),
            options: (&raw const options).cast_mut().cast(),
            gradient_options: (&raw const gradient_options).cast_mut().cast(),
            f: raw(&mut f),
            g: raw(&mut g),
            report: (&raw mut report).cast(),
            gradient: (&raw mut out).cast(),
            work: raw(&mut work),
            work_len: work.len(),
            ..Args::<T>::none()
        };
        // SAFETY: every pointer is valid for the extent that goes with it.
        let status = unsafe { T::call(Call::Match, &args) };
        assert!(status >= 0, "{status} at {}", report.error.argument);
        assert_eq!(status, report.error.status);
        all.push(("ending", vec![status as u64, u64::from(report.converged)]));
        all.push(("loss", vec![report.transport_cost.bits()]));
        all.push(("report", report_bits!(report)));
        if out.error.status == 0 {
            all.push(("scalars", bits(&[out.epsilon, out.forward_residual, out.residual])));
            all.push(("rules", bits(&[out.row_rule, out.col_rule].concat())));
            all.push(("iterations", vec![u64::from(out.iterations)]));
        } else {
            let refused = vec![out.error.status as u64, u64::from(out.error.argument)];
            all.push(("refused", refused));
        }
        all.extend([("f", bits(&f)), ("g", bits(&g))]);
        all.extend(arrays.iter().map(|array| ("array", bits(array))));
    }
    all
}

fn both_interfaces_give_the_same_bits<T: C>() {
    let sizes = if SMALL { [(2, 3, 1), (4, 3, 1)] } else { [(5, 9, 2), (10, 3, 2)] };
    let references = [Reference::Counting, Reference::Product];
    let mut count = 0;
    for sizes in sizes {
        for kind in [ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN] {
            for rules in 0..RULES {
                for which in 0..UNITS.len() * KINDS.len() {
                    count += 1;
                    // The search for a ball takes an interpreter minutes.
                    if SMALL && count != 3 {
                        continue;
                    }
                    let mut case =
                        Case::<T>::of(sizes, kind, rules % 4, rules, references[which % 2]);
                    case.limit = if SMALL { 2 } else { 50 };
                    let methods = [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE];
                    let (unit, method) = (which % UNITS.len(), methods[(which + rules) % 2]);
                    // The last without gradients.
                    let any = rules != 3 || which != 5;
                    let way = Way { unit, kind: which / UNITS.len(), method, any };
                    let expected =
                        with_geometry!(case, geometry => by_rust(&case, || geometry, way));
                    let context = format!("{sizes:?}, cost {kind}, rules {rules}, {way:?}");
                    assert_eq!(by_c(&case, way), expected, "{context}");
                    let refused = expected.iter().any(|(name, _)| *name == "refused");
                    assert_eq!(refused, !any, "{context}");
                }
            }
        }
    }
}

/// The transport is that of a solve of its own, whatever else the problem asks for.
fn the_problem_is_solved_as_it_stands<T: C>() {
    for (flags, reference) in [(0, 0), (0, ROT_REFERENCE_PRODUCT), (ROT_UNIT_MASS, 0)] {
        let potentials = |call| {
            let s = Scene::<T>::new(call, 3, 4, 2);
            s.problem(|p| {
                (p.flags, p.reference, p.cols) =
                    (flags, reference, c_rule(Rule::Kl { tau: T::ONE }));
            });
            s.accepted();
            let report: c::Report<T> = s.get(s.args.report);
            (bits(&s.slice("f", 3)), bits(&s.slice("g", 4)), report_bits!(report))
        };
        assert_eq!(potentials(Call::Match), potentials(Call::Solve), "{flags}, {reference}");
    }
}

/// Data that was to be trusted and should not have been: no gradient, but no refusal either once the
/// potentials were written.
fn trusted_data<T: C>() {
    for (name, bad) in [("a", T::NAN), ("b", -T::ONE), ("a", T::INFINITY)] {
        let s = Scene::<T>::new(Call::Match, 3, 4, 2);
        s.options(|o| o.flags = ROT_TRUST_DATA);
        s.set(name, 1, bad);
        let status = s.run();
        let report: c::Report<T> = s.get(s.args.report);
        let found: c::Gradient<T> = s.get(s.args.gradient);
        assert!(status > 0 && report.converged == 0, "{name}: {status}");
        assert!(found.error.status < 0, "{name}");
        let untouched = Scene::<T>::new(Call::Match, 3, 4, 2);
        for (name, len) in [("slope of cost", 12), ("slope of a", 3), ("slope of x", 6)] {
            assert_eq!(bits(&s.slice(name, len)), bits(&untouched.slice(name, len)), "{name}");
        }
    }
}

/// A step whose gradient fails has its loss and its potentials all the same.
fn steps_without_a_gradient<T: C>() {
    let s = Scene::<T>::new(Call::Match, 3, 4, 2);
    s.gradient_options(|o| o.forward_tolerance = T::MIN_POSITIVE);
    s.options(|o| o.max_iterations = 2);
    assert_eq!(s.accepted(), Termination::IterationLimit as i32);
    let found: c::Gradient<T> = s.get(s.args.gradient);
    let told = (found.error.status, found.error.argument, found.error.row);
    let expected = ErrorKind::NotConverged as i32;
    assert_eq!(told, (expected, Argument::ForwardTolerance as u32, NOWHERE));
    assert_eq!(found.epsilon.bits(), T::ZERO.bits());
    let solved = Scene::<T>::new(Call::Solve, 3, 4, 2);
    solved.options(|o| o.max_iterations = 2);
    solved.accepted();
    for (name, len) in [("f", 3), ("g", 4)] {
        assert_eq!(bits(&s.slice(name, len)), bits(&solved.slice(name, len)));
    }
    let untouched = Scene::<T>::new(Call::Match, 3, 4, 2);
    for (name, len) in [
        ("slope of cost", 12),
        ("slope of a", 3),
        ("slope of b", 4),
        ("slope of x", 6),
        ("slope of y", 8),
    ] {
        assert_eq!(bits(&s.slice(name, len)), bits(&untouched.slice(name, len)), "{name}");
    }
    // No cost to count in.
    for unit in [ROT_UNIT_LARGEST, ROT_UNIT_LARGEST_DIFFERENTIATED] {
        let s = Scene::<T>::new(Call::Match, 3, 4, 0);
        s.fill(s.at("cost"), &[T::ZERO; 12]);
        s.matching_options(|o| o.unit = unit);
        s.refused(ErrorKind::Epsilon, Argument::Cost);
    }
}

/// A start that is none, and weights that no solve takes.
fn refusals_of_the_solve<T: C>() {
    let s = Scene::<T>::new(Call::Match, 3, 4, 2);
    s.options(|o| o.flags = ROT_WARM_START);
    s.set("f", 1, T::NAN);
    s.refused_at(ErrorKind::NotANumber, Argument::RowPotentials, 1, NOWHERE);
    let s = Scene::<T>::new(Call::Match, 3, 4, 2);
    s.set("b", 3, -T::ONE);
    s.refused_at(ErrorKind::Negative, Argument::ColWeights, 3, NOWHERE);
    let s = Scene::<T>::new(Call::Match, 3, 4, 2);
    s.set("y", 3, T::NAN);
    s.refused_at(ErrorKind::NotANumber, Argument::ColPoints, 1, 1);
    let s = Scene::<T>::new(Call::Match, 3, 4, 2);
    s.options(|o| o.max_iterations = 0);
    s.refused(ErrorKind::Count, Argument::MaxIterations);
    // Options that end before their fields are those of the initialiser.
    let reference = Scene::<T>::new(Call::Match, 3, 4, 2);
    reference.accepted();
    for size in [0, 8, 16, 40] {
        let mut s = Scene::<T>::new(Call::Match, 3, 4, 2);
        let at = s.args.matching_options;
        if size == 0 {
            s.args.matching_options = null_mut();
        } else {
            let whole = size_of::<c::rot_matching_options>();
            s.put(at, size as u32);
            s.fill_bytes(at.wrapping_add(size), whole - size, 0xFF);
        }
        s.accepted();
        assert_eq!(s.results(), reference.results(), "{size} bytes");
    }
}

for_both_precisions! {
    interpreted {
        both_interfaces_give_the_same_bits
    }
    compiled {
        the_problem_is_solved_as_it_stands
        trusted_data
        steps_without_a_gradient
        refusals_of_the_solve
    }
}
