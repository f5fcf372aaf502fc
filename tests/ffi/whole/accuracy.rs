//! Solves to an accuracy and rounded plans: both interfaces bit by bit.

use robust_ot::accuracy::{Formula, Options, Parameters, parameters, solve_to};
use robust_ot::anneal;
use robust_ot::cost::Dense;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::accuracy::*;
use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use robust_ot::ffi::types as c;
use robust_ot::implicit::Method;
use robust_ot::marginal::Rule;
use robust_ot::options;
use robust_ot::plan::{Factors, Plan};
use robust_ot::problem::Problem;
use robust_ot::view::Mat;

use super::calls::{C, Call, for_both_precisions};
use super::scene::Scene;
use crate::SMALL;

const N: usize = 5;
const M: usize = 7;

/// The problem of a scene, for the other interface.
struct Data<T> {
    cost: Vec<T>,
    a: Vec<T>,
    b: Vec<T>,
}

impl<T: C> Data<T> {
    fn of(s: &Scene<T>) -> Self {
        Self { cost: s.slice("cost", N * M), a: s.slice("a", N), b: s.slice("b", M) }
    }

    fn problem(&self, exact: bool) -> Problem<'_, T, Dense<'_, T>> {
        let cost = Dense::new(Mat::new(&self.cost, N, M).unwrap());
        let rows = if exact { Rule::Exact } else { Rule::Kl { tau: T::ONE } };
        Problem::new(cost, (&self.a, rows), (&self.b, Rule::Exact), T::of(0.25)).unwrap()
    }
}

fn same<T: C>(found: &c::Accuracy<T>, expected: &Parameters<T>) {
    let numbers = [found.target, found.epsilon, found.smallest_target].map(C::bits);
    let by_rust = [expected.target, expected.epsilon, expected.smallest_target].map(C::bits);
    assert_eq!(numbers, by_rust);
    assert_eq!(found.formula, expected.formula as u32);
    assert_eq!(found.source, expected.source as u32);
    assert_eq!(found.iterations, expected.iterations.unwrap_or(0));
    assert_eq!(found.half_sweeps, expected.half_sweeps.unwrap_or(0));
}

fn parameters_alike<T: C>() {
    let formulas = [
        (ROT_FORMULA_SLACK, Formula::Slack),
        (ROT_FORMULA_UNIFORM, Formula::Uniform),
        (ROT_FORMULA_PAPER, Formula::Paper),
    ];
    for (kind, formula) in formulas {
        let mut s = Scene::<T>::new(Call::Parameters, N, M, 0);
        s.args.kind = kind;
        assert_eq!(s.accepted(), 0);
        let data = Data::of(&s);
        let mut work = vec![T::ZERO; 16];
        let expected = parameters(&data.problem(false), s.args.target, formula, &mut work).unwrap();
        same(&s.get(s.args.accuracy), &expected);
    }
}

fn solves_alike<T: C>() {
    let methods = [
        (ROT_METHOD_ITERATIVE, Some(anneal::Options::<T>::truncated())),
        (ROT_METHOD_DIRECT, Some(Method::Direct)),
        (robust_ot::ffi::anneal::ROT_METHOD_NONE, None),
    ];
    for (kind, method) in methods {
        for target in [0.5, 0.05] {
            let limit = if SMALL { 3 } else { 1000 };
            let mut s = Scene::<T>::new(Call::Accurate, N, M, 0);
            s.options(|o| o.max_iterations = limit);
            (s.args.kind, s.args.target) = (kind, T::of(target));
            s.args.work_len = rot_accuracy_work_len(N, M, 0, kind);
            let status = s.accepted();
            let data = Data::of(&s);
            let (mut f, mut g) = (vec![T::ZERO; N], vec![T::ZERO; M]);
            let mut work = vec![T::ZERO; s.args.work_len];
            let solve = options::Options::new().max_iterations(limit);
            let options = Options::new().newton(method).solve(solve);
            let problem = data.problem(false);
            let target = s.args.target;
            let solved = solve_to(&problem, target, &options, &mut f, &mut g, &mut work, &mut ());
            let solved = solved.unwrap();
            assert_eq!(status, solved.report.termination as i32);
            let bits = |x: &[T]| x.iter().map(|x| x.bits()).collect::<Vec<_>>();
            assert_eq!(bits(&s.slice("f", N)), bits(&f));
            assert_eq!(bits(&s.slice("g", M)), bits(&g));
            let found: c::Accuracy<T> = s.get(s.args.accuracy);
            same(&found, &solved.parameters);
            assert_eq!((found.path, found.levels), (solved.path as u32, solved.levels));
            let report: c::Report<T> = s.get(s.args.report);
            let counts = (report.levels, report.newton_steps, report.newton_products);
            assert_eq!(counts, (solved.levels, solved.newton_steps, solved.products));
            assert_eq!(report.iterations, solved.report.iterations);
            assert_eq!(report.epsilon.bits(), solved.report.epsilon.bits());
            let distance = solved.report.certified_distance;
            assert_eq!(report.certified_distance.bits(), distance.bits());
        }
    }
}

fn rounds_alike<T: C>() {
    for exact in [false, true] {
        let s = Scene::<T>::new(Call::Round, N, M, 0);
        if exact {
            s.balance();
        }
        assert_eq!(s.accepted(), 0);
        let data = Data::of(&s);
        let problem = data.problem(exact);
        let (f, g) = (s.slice("f", N), s.slice("g", M));
        let mut work = vec![T::ZERO; s.args.work_len];
        let mut plan = Plan::new(&problem, &f, &g, T::ZERO, &mut work).unwrap();
        let [mut x, mut y, mut p, mut q] = [N, M, N, M].map(|len| vec![T::ZERO; len]);
        let factors = Factors { x: &mut x, y: &mut y, p: &mut p, q: &mut q };
        let rounded = plan.round(&problem, factors).unwrap();
        let values =
            [rounded.transport_cost, rounded.unregularised_objective, rounded.added].map(C::bits);
        let found: c::Rounded<T> = s.get(s.args.rounded);
        let by_c = [found.transport_cost, found.unregularised_objective, found.added].map(C::bits);
        assert_eq!(by_c, values);
        let vectors = [
            ("row", rounded.x),
            ("col", rounded.y),
            ("added_rows", rounded.p),
            ("added_cols", rounded.q),
        ];
        for (name, expected) in vectors {
            let found = s.slice(name, expected.len());
            assert!(found.iter().zip(expected).all(|(x, y)| x.bits() == y.bits()), "{name}");
        }
        assert_eq!(rounded.added > T::ZERO, exact);
    }
}

fn refusals<T: C>() {
    let mut s = Scene::<T>::new(Call::Parameters, N, M, 0);
    s.args.kind = 3;
    s.refused(ErrorKind::Kind, Argument::Options);
    for call in [Call::Parameters, Call::Accurate] {
        for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
            let mut s = Scene::<T>::new(call, N, M, 0);
            s.args.target = bad;
            s.refused(ErrorKind::Tolerance, Argument::Stop);
        }
        let s = Scene::<T>::new(call, N, M, 0);
        s.balance();
        s.refused(ErrorKind::NoCertificate, Argument::Stop);
    }
    let mut s = Scene::<T>::new(Call::Accurate, N, M, 0);
    s.args.kind = 3;
    s.refused(ErrorKind::Kind, Argument::Method);
    // Two taus.
    let mut s = Scene::<T>::new(Call::Parameters, N, M, 0);
    s.args.kind = ROT_FORMULA_PAPER;
    s.problem(|p| p.cols = super::initial::c_rule(Rule::Kl { tau: T::of(2.0) }));
    s.refused(ErrorKind::Tau, Argument::ColRule);
    // Masses that differ.
    let s = Scene::<T>::new(Call::Round, N, M, 0);
    s.problem(|p| p.rows = super::initial::c_rule(Rule::Exact));
    s.refused(ErrorKind::MassMismatch, Argument::ColWeights);
}

for_both_precisions! {
    interpreted {
        parameters_alike
        rounds_alike
        refusals
    }
    compiled {
        solves_alike
    }
}
