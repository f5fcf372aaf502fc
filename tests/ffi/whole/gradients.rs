//! Gradients: both interfaces bit by bit, each subset of the outputs, and what is refused.

use core::mem::{offset_of, size_of};
use core::ptr::{null, null_mut};

use robust_ot::cost::Geometry;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, rot_gradient_work_len};
use robust_ot::ffi::matching::rot_matching_work_len;
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_LEVEL_FASTEST,
    ROT_LEVEL_PORTABLE,
};
use robust_ot::implicit::{
    self, Changes, Cotangent, Gradients, Method, Optimum, Options, Tangent, jvp, vjp,
};
use robust_ot::options;
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Report;
use robust_ot::sinkhorn;
use robust_ot::view::{Mat, MatMut};

use super::calls::{Args, C, Call, NOWHERE, for_both_precisions, raw};
use super::case::{Case, RULES, bits, with_geometry};
use super::initial::{
    default_gradient_options, empty_change, empty_cotangent, empty_gradient, empty_report,
    empty_tangent, matrix, matrix_mut, numbers,
};
use super::scene::{Scene, each};
use crate::SMALL;

/// Both calls for gradients.
const BOTH: [Call; 2] = [Call::Vjp, Call::Jvp];

/// Two blocks of many equal rows. The sum of a column is rounded down, so that an eigenvalue comes
/// out above 1 by more than the regularisation of the direct method.
pub(crate) fn singular<T: C>(call: Call) -> Scene<T> {
    const ROWS: usize = 20_000;
    for k in 1..20 {
        let s = Scene::<T>::new(call, ROWS, 2, 0);
        s.balance();
        s.fill(s.at("f"), &[T::of(-0.01 * f64::from(k)); ROWS]);
        s.fill(s.at("g"), &[T::ZERO; 2]);
        let (open, closed) = (T::ZERO, T::INFINITY);
        let blocks = [[closed, open], [open, closed]].concat();
        s.fill(s.at("cost"), &blocks.repeat(ROWS / 2));
        if s.run() == ErrorKind::Singular as i32 {
            return s;
        }
    }
    panic!("no system is singular");
}

fn problem<T: C, G: Geometry<T>>(case: &Case<T>, geometry: G) -> Problem<'_, T, G> {
    let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
    let problem = Problem::<T, G>::new(geometry, sides.0, sides.1, case.epsilon).unwrap();
    let problem = problem.reference(case.reference);
    if case.unit_mass { problem.unit_mass().unwrap() } else { problem }
}

/// A solved case, and a loss and a direction at its optimum.
struct Solved<T> {
    case: Case<T>,
    f: Vec<T>,
    g: Vec<T>,
    report: Report<T>,
    method: u32,
    /// n m, n, m, n, m.
    loss: [Vec<T>; 5],
    /// n m, n, m, n d, m d.
    direction: [Vec<T>; 5],
    rule: [T; 2],
}

/// Values as bits by name.
type Outcome = Vec<(&'static str, Vec<u64>)>;

/// Names of the arrays of a gradient, by the bits that ask for them.
const ARRAYS: [&str; 5] = ["cost", "a", "b", "x", "y"];
const ALL: usize = 31;

impl<T: C> Solved<T> {
    fn new(case: Case<T>, method: u32) -> Self {
        let (n, m, d) = (case.n, case.m, case.d);
        let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
        let mut work = vec![T::ZERO; case.work_len()];
        let limit = options::Options::new().max_iterations(case.limit);
        let report = with_geometry!(case, geometry => {
            let problem = problem(&case, geometry);
            sinkhorn::solve(&problem, &limit, &mut f, &mut g, &mut work, &mut ()).unwrap()
        });
        // Sums of cotangents and of changes that are equal, and zero: right for every rule.
        let zero_sum = |len: usize, seed| {
            let mut x = numbers::<T>(len, seed);
            let finite = |k: usize| if len == n { f[k].is_finite() } else { g[k].is_finite() };
            let counted = (0..len).filter(|&k| finite(k)).count();
            let mut sum = T::ZERO;
            for (k, x) in x.iter_mut().enumerate() {
                *x = if finite(k) { *x } else { T::ZERO };
                sum += *x;
            }
            let mean = sum / T::from_count(counted);
            for (_, x) in x.iter_mut().enumerate().filter(|&(k, _)| finite(k)) {
                *x = *x - mean;
            }
            x
        };
        let loss =
            [numbers(n * m, 60), numbers(n, 61), numbers(m, 62), zero_sum(n, 63), zero_sum(m, 64)];
        let direction = [
            numbers(n * m, 65),
            zero_sum(n, 66),
            zero_sum(m, 67),
            numbers(n * d, 68),
            numbers(m * d, 69),
        ];
        Self { case, f, g, report, method, loss, direction, rule: [T::of(0.1), T::of(0.05)] }
    }

    fn has_points(&self) -> bool {
        self.case.kind != ROT_COST_DENSE
    }

    fn asks(&self, subset: usize, k: usize) -> bool {
        subset >> k & 1 == 1 && (k < 3 || self.has_points())
    }

    fn work_len(&self) -> usize {
        let Case { n, m, d, .. } = self.case;
        rot_gradient_work_len(n, m, if self.has_points() { d } else { 0 }, self.method)
    }

    /// The lengths of the arrays of a gradient.
    fn lens(&self) -> [usize; 5] {
        let Case { n, m, d, .. } = self.case;
        [n * m, n, m, n * d, m * d]
    }

    fn options(&self) -> Options<T> {
        let method = match self.method {
            ROT_METHOD_DIRECT => Method::Direct,
            _ => Method::Iterative {
                tolerance: T::of(1e-5),
                max_iterations: if SMALL { 2 } else { 12 },
            },
        };
        Options::new().method(method).forward_tolerance(T::INFINITY)
    }

    fn c_options(&self) -> c::GradientOptions<T> {
        c::GradientOptions {
            method: self.method,
            tolerance: T::of(1e-5),
            max_iterations: if SMALL { 2 } else { 12 },
            forward_tolerance: T::INFINITY,
            level: self.case.level,
            ..default_gradient_options()
        }
    }

    fn optimum(&self) -> Optimum<'_, T> {
        Optimum::new(&self.f, &self.g, &self.report)
    }

    fn vjp_by_rust<G: Geometry<T>>(&self, geometry: G) -> Outcome {
        let Case { n, m, d, .. } = self.case;
        let problem = problem(&self.case, geometry);
        let [plan, rows, cols, f, g] = &self.loss;
        let loss = Cotangent::new()
            .plan(Mat::new(plan, n, m).unwrap())
            .row_marginal(rows)
            .col_marginal(cols)
            .potentials(f, g)
            .transport_cost(T::ONE)
            .value(T::of(0.5));
        let mut arrays = self.lens().map(|len| vec![T::ZERO; len]);
        let mut work = vec![T::ZERO; self.work_len()];
        let found = {
            let [cost, a, b, x, y] = &mut arrays;
            let points = self.has_points();
            let places = Gradients {
                cost: Some(MatMut::new(cost, n, m).unwrap()),
                a: Some(a),
                b: Some(b),
                x: points.then(|| MatMut::new(x, n, d).unwrap()),
                y: points.then(|| MatMut::new(y, m, d).unwrap()),
            };
            vjp(&problem, self.optimum(), &loss, &self.options(), places, &mut work).unwrap()
        };
        let mut all = vec![
            ("epsilon", vec![found.epsilon.bits()]),
            ("rules", bits(&[found.row_rule, found.col_rule].concat())),
            ("residuals", bits(&[found.forward_residual, found.residual])),
            ("iterations", vec![u64::from(found.iterations)]),
        ];
        all.extend(ARRAYS.into_iter().zip(arrays.iter().map(|array| bits(array))));
        all
    }

    /// What a call reads: the problem, the report and the options.
    fn inputs(&self) -> (c::Problem<T>, c::Report<T>, c::GradientOptions<T>) {
        let Report { row_multiplier, col_multiplier, .. } = self.report;
        let report = c::Report { row_multiplier, col_multiplier, ..empty_report::<T>() };
        (self.case.c_problem(), report, self.c_options())
    }

    /// Into arrays filled with `before`; those that `subset` leaves out are NULL.
    fn vjp_by_c(&self, subset: usize, before: T) -> Outcome {
        let Case { n, m, d, .. } = self.case;
        let (problem, report, options) = self.inputs();
        let [plan, rows, cols, f, g] = &self.loss;
        let loss = c::Cotangent {
            plan: matrix(plan.as_ptr(), n, m),
            row_marginal: rows.as_ptr(),
            col_marginal: cols.as_ptr(),
            f: f.as_ptr(),
            g: g.as_ptr(),
            transport_cost: T::ONE,
            value: T::of(0.5),
            ..empty_cotangent()
        };
        let mut arrays = self.lens().map(|len| vec![before; len]);
        let mut places: Vec<*mut T> = arrays.iter_mut().map(|array| array.as_mut_ptr()).collect();
        for (k, place) in places.iter_mut().enumerate() {
            if !self.asks(subset, k) {
                *place = null_mut();
            }
        }
        // One column behind the other, to be turned below.
        let turned = |data: *mut T, rows: usize, cols: usize| c::MatrixMut {
            row_stride: 1,
            col_stride: rows,
            ..matrix_mut(data, rows, cols)
        };
        let mut out = c::Gradient {
            cost: turned(places[0], n, m),
            a: places[1],
            b: places[2],
            x: turned(places[3], n, d),
            y: turned(places[4], m, d),
            ..empty_gradient::<T>()
        };
        let mut work = vec![before; self.work_len()];
        let args = Args {
            problem: (&raw const problem).cast_mut().cast(),
            f: self.f.as_ptr().cast_mut().cast(),
            g: self.g.as_ptr().cast_mut().cast(),
            found: (&raw const report).cast_mut().cast(),
            cotangent: (&raw const loss).cast_mut().cast(),
            gradient_options: (&raw const options).cast_mut().cast(),
            gradient: (&raw mut out).cast(),
            work: raw(&mut work),
            work_len: work.len(),
            ..Args::<T>::none()
        };
        // SAFETY: every pointer is valid for the extent that goes with it.
        let status = unsafe { T::call(Call::Vjp, &args) };
        assert_eq!((status, out.error.status, out.error.argument), (0, 0, 0));
        assert_eq!((out.error.row, out.error.col), (NOWHERE, NOWHERE));
        let mut all = vec![
            ("epsilon", vec![out.epsilon.bits()]),
            ("rules", bits(&[out.row_rule, out.col_rule].concat())),
            ("residuals", bits(&[out.forward_residual, out.residual])),
            ("iterations", vec![u64::from(out.iterations)]),
        ];
        for (k, array) in arrays.iter().enumerate() {
            let rows = [n, n, m, n, m][k];
            let cols = array.len() / rows;
            let turn = |k: usize| array[k / cols + k % cols * rows];
            all.push((ARRAYS[k], (0..array.len()).map(|k| turn(k).bits()).collect()));
        }
        all
    }

    fn jvp_by_rust<G: Geometry<T>>(&self, geometry: G) -> Outcome {
        let Case { n, m, d, .. } = self.case;
        let problem = problem(&self.case, geometry);
        let [cost, a, b, x, y] = &self.direction;
        let points = self.has_points();
        let direction = Tangent {
            cost: Some(Mat::new(cost, n, m).unwrap()),
            a: Some(a),
            b: Some(b),
            x: points.then(|| Mat::new(x, n, d).unwrap()),
            y: points.then(|| Mat::new(y, m, d).unwrap()),
            epsilon: T::of(0.3),
            row_rule: self.rule,
            col_rule: self.rule,
        };
        let mut arrays = [n * m, n, m, n, m].map(|len| vec![T::ZERO; len]);
        let mut work = vec![T::ZERO; self.work_len()];
        let found = {
            let [plan, f, g, rows, cols] = &mut arrays;
            let places = Changes {
                plan: Some(MatMut::new(plan, n, m).unwrap()),
                f: Some(f),
                g: Some(g),
                row_marginal: Some(rows),
                col_marginal: Some(cols),
            };
            jvp(&problem, self.optimum(), &direction, &self.options(), places, &mut work).unwrap()
        };
        let residuals = [found.forward_residual, found.residual];
        let mut all = vec![
            ("scalars", bits(&[found.transport_cost, found.value])),
            ("residuals", bits(&residuals)),
            ("iterations", vec![u64::from(found.iterations)]),
        ];
        all.extend(arrays.iter().map(|array| ("array", bits(array))));
        all
    }

    fn jvp_by_c(&self, subset: usize, before: T) -> Outcome {
        let Case { n, m, d, .. } = self.case;
        let (problem, report, options) = self.inputs();
        let [cost, a, b, x, y] = &self.direction;
        let mut direction = c::Tangent {
            cost: matrix(cost.as_ptr(), n, m),
            a: a.as_ptr(),
            b: b.as_ptr(),
            epsilon: T::of(0.3),
            row_rule: self.rule,
            col_rule: self.rule,
            ..empty_tangent::<T>()
        };
        if self.has_points() {
            direction.x = matrix(x.as_ptr(), n, d);
            direction.y = matrix(y.as_ptr(), m, d);
        }
        let mut arrays = [n * m, n, m, n, m].map(|len| vec![before; len]);
        let mut places: Vec<*mut T> = arrays.iter_mut().map(|array| array.as_mut_ptr()).collect();
        for (k, place) in places.iter_mut().enumerate() {
            if subset >> k & 1 == 0 {
                *place = null_mut();
            }
        }
        let mut out = c::Change {
            plan: matrix_mut(places[0], n, m),
            f: places[1],
            g: places[2],
            row_marginal: places[3],
            col_marginal: places[4],
            ..empty_change::<T>()
        };
        let mut work = vec![before; self.work_len()];
        let args = Args {
            problem: (&raw const problem).cast_mut().cast(),
            f: self.f.as_ptr().cast_mut().cast(),
            g: self.g.as_ptr().cast_mut().cast(),
            found: (&raw const report).cast_mut().cast(),
            tangent: (&raw const direction).cast_mut().cast(),
            gradient_options: (&raw const options).cast_mut().cast(),
            change: (&raw mut out).cast(),
            work: raw(&mut work),
            work_len: work.len(),
            ..Args::<T>::none()
        };
        // SAFETY: every pointer is valid for the extent that goes with it.
        let status = unsafe { T::call(Call::Jvp, &args) };
        assert_eq!((status, out.error.status, out.error.argument), (0, 0, 0));
        let mut all = vec![
            ("scalars", bits(&[out.transport_cost, out.value])),
            ("residuals", bits(&[out.forward_residual, out.residual])),
            ("iterations", vec![u64::from(out.iterations)]),
        ];
        all.extend(arrays.iter().map(|array| ("array", bits(array))));
        all
    }
}

fn solved<T: C>(sizes: (usize, usize, usize), kind: u32, rules: usize, method: u32) -> Solved<T> {
    let references = [Reference::Counting, Reference::Product];
    let reference = references[(rules + kind as usize) % 2];
    let case = Case::<T>::of(sizes, kind, 1 + rules % 3, rules, reference);
    Solved::new(case, method)
}

/// More columns than rows and more rows than columns.
fn sizes() -> [(usize, usize, usize); 2] {
    if SMALL { [(2, 3, 1), (4, 3, 1)] } else { [(6, 19, 3), (11, 4, 2)] }
}

fn both_interfaces_give_the_same_bits<T: C>() {
    let mut count = 0;
    for sizes in sizes() {
        for kind in [ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN] {
            for rules in 0..RULES {
                for method in [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE] {
                    count += 1;
                    if SMALL && ![15, 72].contains(&count) {
                        continue;
                    }
                    let mut s = solved::<T>(sizes, kind, rules, method);
                    let (back, forth) = with_geometry!(s.case, geometry => {
                        (s.vjp_by_rust(geometry), s.jvp_by_rust(geometry))
                    });
                    let context = format!("{sizes:?}, cost {kind}, rules {rules}, method {method}");
                    let numbers = back.iter().chain(&forth).flat_map(|(_, bits)| bits);
                    let nan = T::NAN.bits();
                    assert!(numbers.clone().all(|&x| x != nan), "{context}");
                    for level in [ROT_LEVEL_FASTEST, ROT_LEVEL_PORTABLE] {
                        if SMALL && level == ROT_LEVEL_PORTABLE {
                            continue;
                        }
                        s.case.level = level;
                        let zero = T::ZERO.bits();
                        let points = s.has_points();
                        // Without points their gradients have no place.
                        let blank = |(name, bits): &(&'static str, Vec<u64>)| {
                            let absent = !points && matches!(*name, "x" | "y");
                            (*name, if absent { vec![zero; bits.len()] } else { bits.clone() })
                        };
                        let found: Outcome = s.vjp_by_c(ALL, T::ZERO).iter().map(blank).collect();
                        assert_eq!(found, back, "{context}");
                        assert_eq!(s.jvp_by_c(ALL, T::NAN), forth, "{context}");
                    }
                }
            }
        }
    }
}

/// What is not asked for is not written, and changes nothing else.
fn each_subset_of_the_outputs<T: C>() {
    let before = T::of(7.0);
    for (kind, rules, method) in [
        (ROT_COST_DENSE, 0, ROT_METHOD_DIRECT),
        (ROT_COST_SQUARED_EUCLIDEAN, 1, ROT_METHOD_DIRECT),
        (ROT_COST_EUCLIDEAN, 7, ROT_METHOD_ITERATIVE),
        (ROT_COST_SQUARED_EUCLIDEAN, 4, ROT_METHOD_DIRECT),
        (ROT_COST_DENSE, 6, ROT_METHOD_ITERATIVE),
    ] {
        for sizes in sizes() {
            if rules >= RULES || SMALL && (rules != 7 || sizes.0 < sizes.1) {
                continue;
            }
            let s = solved::<T>(sizes, kind, rules, method);
            let (back, forth) = (s.vjp_by_c(ALL, before), s.jvp_by_c(ALL, before));
            for subset in if SMALL { vec![13] } else { (0..=ALL).collect() } {
                // Four entries of scalars in one, three in the other.
                for (found, whole, scalars) in [
                    (s.vjp_by_c(subset, before), &back, 4),
                    (s.jvp_by_c(subset, before), &forth, 3),
                ] {
                    for (k, (found, whole)) in found.iter().zip(whole).enumerate() {
                        if k < scalars || subset >> (k - scalars) & 1 == 1 {
                            assert_eq!(found, whole, "{subset}, cost {kind}, rules {rules}");
                        } else {
                            let untouched = found.1.iter().all(|&x| x == before.bits());
                            assert!(untouched, "{subset}, cost {kind}, rules {rules}");
                        }
                    }
                }
            }
        }
    }
}

/// Work and outputs that were never written.
fn uninitialised_memory<T: C>() {
    let (n, m, d) = (2, 3, 1);
    for (call, method) in [
        (Call::Vjp, ROT_METHOD_DIRECT),
        (Call::Vjp, ROT_METHOD_ITERATIVE),
        (Call::Jvp, ROT_METHOD_DIRECT),
        (Call::Match, ROT_METHOD_DIRECT),
    ] {
        let mut s = Scene::<T>::new(call, n, m, d);
        s.gradient_options(|o| (o.method, o.max_iterations) = (method, 3));
        let work_len =
            if call == Call::Match { rot_matching_work_len } else { rot_gradient_work_len };
        s.args.work_len = work_len(n, m, d, method);
        s.accepted();
        let parts = match call {
            Call::Jvp => [
                ("change of plan", n * m),
                ("change of f", n),
                ("change of g", m),
                ("change of row", n),
                ("change of col", m),
            ],
            _ => [
                ("slope of cost", n * m),
                ("slope of a", n),
                ("slope of b", m),
                ("slope of x", n * d),
                ("slope of y", m * d),
            ],
        };
        let expected = parts.map(|(name, len)| bits(&s.slice(name, len)));
        let mut work = Box::<[T]>::new_uninit_slice(s.args.work_len);
        let mut memory = parts.map(|(_, len)| Box::<[T]>::new_uninit_slice(len));
        let mut potentials = [n, m].map(Box::<[T]>::new_uninit_slice);
        s.args.work = raw(&mut work);
        if call == Call::Match {
            let [f, g] = potentials.each_mut().map(|part| raw(part));
            (s.args.f, s.args.g) = (f, g);
        }
        for ((name, _), part) in parts.iter().zip(&mut memory) {
            s.aim(name, raw(part));
        }
        assert!(s.run() >= 0);
        for (part, expected) in memory.iter().zip(&expected) {
            // SAFETY: the call wrote every entry; an interpreter checks it.
            let found: Vec<T> = part.iter().map(|x| unsafe { x.assume_init() }).collect();
            assert_eq!(bits(&found), *expected, "{call:?}");
        }
    }
}

fn calls_taking(name: &str) -> Vec<Call> {
    Call::taking(name).collect()
}

fn unknown_values_and_reserved_fields<T: C>() {
    for d in [0, 2] {
        each::<T>(
            Call::ALL,
            d,
            ErrorKind::Kind,
            &[
                ("gradient_options", Argument::Method, |s| s.gradient_options(|o| o.method = 2)),
                ("gradient_options", Argument::Level, |s| s.gradient_options(|o| o.level = 5)),
                ("matching_options", Argument::Options, |s| s.matching_options(|o| o.unit = 3)),
                ("matching_options", Argument::Options, |s| {
                    s.matching_options(|o| o.gradient = 2);
                }),
            ],
        );
        each::<T>(
            Call::ALL,
            d,
            ErrorKind::StructSize,
            &[
                ("gradient_options", Argument::Options, |s| {
                    s.gradient_options(|o| o.reserved[3] = 1);
                }),
                ("matching_options", Argument::Options, |s| {
                    s.matching_options(|o| o.reserved32 = 1);
                }),
                ("matching_options", Argument::Options, |s| {
                    s.matching_options(|o| o.reserved[0] = 1);
                }),
                ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.reserved32 = 1)),
                ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.reserved[3] = 1)),
                ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.plan.reserved = 1)),
                ("cotangent", Argument::Cotangent, |s| {
                    s.cotangent(|c| (c.plan.data, c.plan.reserved) = (null(), 1));
                }),
                ("gradient", Argument::Gradient, |s| s.gradient(|g| g.reserved32 = 1)),
                ("gradient", Argument::Gradient, |s| s.gradient(|g| g.reserved32_2 = 1)),
                ("gradient", Argument::Gradient, |s| s.gradient(|g| g.reserved_value = T::ONE)),
                ("gradient", Argument::Gradient, |s| s.gradient(|g| g.reserved[0] = 1)),
                ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.reserved = 1)),
                ("gradient", Argument::RowPointGradient, |s| s.gradient(|g| g.x.reserved = 1)),
                ("gradient", Argument::ColPointGradient, |s| s.gradient(|g| g.y.reserved = 1)),
                ("tangent", Argument::Tangent, |s| s.tangent(|t| t.reserved32 = 1)),
                ("tangent", Argument::Tangent, |s| s.tangent(|t| t.reserved_value = T::NAN)),
                ("tangent", Argument::Tangent, |s| s.tangent(|t| t.reserved[1] = 1)),
                ("tangent", Argument::Tangent, |s| s.tangent(|t| t.cost.reserved = 1)),
                ("tangent", Argument::Tangent, |s| s.tangent(|t| t.x.reserved = 1)),
                ("change", Argument::Output, |s| s.change(|c| c.reserved32 = 1)),
                ("change", Argument::Output, |s| s.change(|c| c.reserved32_2 = 1)),
                ("change", Argument::Output, |s| s.change(|c| c.reserved[3] = 1)),
                ("change", Argument::Output, |s| s.change(|c| c.plan.reserved = 1)),
            ],
        );
    }
}

fn shapes_and_strides<T: C>() {
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::Shape,
        &[
            ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.plan.rows = 2)),
            ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.plan.cols = 3)),
            ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.rows = 2)),
            ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.cols = 3)),
            ("gradient", Argument::RowPointGradient, |s| s.gradient(|g| g.x.rows = 2)),
            ("gradient", Argument::RowPointGradient, |s| s.gradient(|g| g.x.cols = 1)),
            ("gradient", Argument::ColPointGradient, |s| s.gradient(|g| g.y.rows = 3)),
            ("gradient", Argument::ColPointGradient, |s| s.gradient(|g| g.y.cols = 1)),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.cost.rows = 2)),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.x.cols = 1)),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.y.rows = 3)),
            ("change", Argument::Output, |s| s.change(|c| c.plan.rows = 2)),
        ],
    );
    // No points, no gradient of points.
    each::<T>(
        Call::ALL,
        0,
        ErrorKind::Shape,
        &[
            ("gradient", Argument::RowPointGradient, |s| {
                s.gradient(|g| {
                    (g.x, g.cost.data) = (c::MatrixMut { cols: 1, ..g.cost }, null_mut())
                });
            }),
            ("gradient", Argument::ColPointGradient, |s| {
                s.gradient(|g| {
                    (g.y, g.cost.data) = (c::MatrixMut { cols: 1, ..g.cost }, null_mut())
                });
            }),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.x = t.cost)),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.y = t.cost)),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::Empty,
        &[
            ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.plan.rows = 0)),
            ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.cols = 0)),
            ("gradient", Argument::RowPointGradient, |s| s.gradient(|g| g.x.rows = 0)),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.y.cols = 0)),
            ("change", Argument::Output, |s| s.change(|c| c.plan.cols = 0)),
        ],
    );
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::Stride,
        &[
            ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.row_stride = 0)),
            ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.row_stride = 3)),
            ("gradient", Argument::RowPointGradient, |s| s.gradient(|g| g.x.col_stride = 0)),
            ("gradient", Argument::ColPointGradient, |s| s.gradient(|g| g.y.row_stride = 1)),
            ("change", Argument::Output, |s| s.change(|c| c.plan.col_stride = 0)),
            ("change", Argument::Output, |s| s.change(|c| c.plan.row_stride = 1)),
        ],
    );
    const HALF: usize = usize::MAX / 2;
    each::<T>(
        Call::ALL,
        2,
        ErrorKind::TooLarge,
        &[
            ("cotangent", Argument::Cotangent, |s| s.cotangent(|c| c.plan.row_stride = HALF)),
            ("gradient", Argument::CostGradient, |s| s.gradient(|g| g.cost.row_stride = HALF)),
            ("gradient", Argument::ColPointGradient, |s| s.gradient(|g| g.y.col_stride = HALF)),
            ("tangent", Argument::Tangent, |s| s.tangent(|t| t.x.row_stride = usize::MAX)),
            ("change", Argument::Output, |s| s.change(|c| c.plan.row_stride = HALF)),
        ],
    );
    // Outputs may have gaps, which stay as they are; inputs may repeat themselves.
    for call in calls_taking("gradient").into_iter().chain([Call::Jvp]) {
        let reference = Scene::<T>::new(call, 3, 4, 1);
        reference.accepted();
        let s = Scene::<T>::new(call, 3, 4, 1);
        // Into the guards, which have the room.
        s.gradient(|g| (g.cost.row_stride, g.y.row_stride) = (5, 2));
        s.change(|c| c.plan.row_stride = 5);
        s.accepted();
        assert_eq!(s.results(), reference.results(), "{call:?}");
        if call == Call::Vjp {
            s.cotangent(|c| (c.plan.row_stride, c.plan.col_stride) = (0, 0));
            s.accepted();
        }
    }
}

fn values_out_of_range<T: C>() {
    for call in Call::taking("gradient_options") {
        let s = Scene::<T>::new(call, 3, 4, 2);
        for bad in [T::ZERO, -T::ONE, T::NAN] {
            s.gradient_options(|o| o.forward_tolerance = bad);
            s.refused(ErrorKind::Tolerance, Argument::ForwardTolerance);
        }
        s.gradient_options(|o| (o.forward_tolerance, o.method) = (T::ONE, ROT_METHOD_ITERATIVE));
        for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
            s.gradient_options(|o| o.tolerance = bad);
            s.refused(ErrorKind::Tolerance, Argument::Method);
        }
        s.gradient_options(|o| (o.tolerance, o.max_iterations) = (T::ONE, 0));
        s.refused(ErrorKind::Count, Argument::Method);
        // Conjugate gradients need less work.
        let mut s = Scene::<T>::new(call, 3, 4, 2);
        s.gradient_options(|o| o.method = ROT_METHOD_ITERATIVE);
        let work_len =
            if call == Call::Match { rot_matching_work_len } else { rot_gradient_work_len };
        s.args.work_len = work_len(3, 4, 2, ROT_METHOD_ITERATIVE) - 1;
        s.refused(ErrorKind::WorkTooSmall, Argument::Work);
        s.args.work_len += 1;
        s.accepted();
    }
    for call in BOTH {
        for (name, len, argument) in
            [("f", 3, Argument::RowPotentials), ("g", 4, Argument::ColPotentials)]
        {
            for k in [0, len - 1] {
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.set(name, k, T::NAN);
                s.refused_at(ErrorKind::NotANumber, argument, k as u64, NOWHERE);
                s.set(name, k, T::INFINITY);
                s.refused_at(ErrorKind::Infinite, argument, k as u64, NOWHERE);
                s.set(name, k, -T::INFINITY);
                s.accepted();
            }
        }
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.set("b", 2, -T::ONE);
        s.refused_at(ErrorKind::Negative, Argument::ColWeights, 2, NOWHERE);
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.balance();
        s.set("b", 0, T::of(0.26));
        s.refused(ErrorKind::MassMismatch, Argument::ColWeights);
        let s = Scene::<T>::new(call, 3, 4, 0);
        s.gradient_options(|o| o.forward_tolerance = T::of(1e-3));
        s.refused(ErrorKind::NotConverged, Argument::ForwardTolerance);
    }
    for (bad, kind) in [
        (T::NAN, ErrorKind::NotANumber),
        (T::INFINITY, ErrorKind::Infinite),
        (-T::INFINITY, ErrorKind::Infinite),
    ] {
        for (name, k, at) in [
            ("loss by plan", 6, (1, 2)),
            ("loss by row", 2, (2, NOWHERE)),
            ("loss by col", 3, (3, NOWHERE)),
            ("loss by f", 0, (0, NOWHERE)),
            ("loss by g", 1, (1, NOWHERE)),
        ] {
            let s = Scene::<T>::new(Call::Vjp, 3, 4, 0);
            s.set(name, k, bad);
            s.refused_at(kind, Argument::Cotangent, at.0, at.1);
        }
        let s = Scene::<T>::new(Call::Vjp, 3, 4, 0);
        s.cotangent(|c| c.value = bad);
        s.refused(kind, Argument::Cotangent);
        s.cotangent(|c| (c.value, c.transport_cost) = (T::ONE, bad));
        s.refused(kind, Argument::Cotangent);
    }
    // Both potentials or none.
    let s = Scene::<T>::new(Call::Vjp, 3, 4, 0);
    s.cotangent(|c| (c.f, c.g) = (null(), null()));
    s.accepted();
    // Unequal sums, just where both sides fix the mass.
    let s = Scene::<T>::new(Call::Vjp, 3, 4, 0);
    s.set("loss by g", 3, T::ZERO);
    s.accepted();
    s.balance();
    s.refused(ErrorKind::Gauge, Argument::Cotangent);
    s.set("loss by f", 2, T::ONE);
    s.accepted();
    let s = Scene::<T>::new(Call::Jvp, 3, 4, 0);
    s.set("moved b", 3, T::ZERO);
    s.accepted();
    s.balance();
    s.refused(ErrorKind::MassMismatch, Argument::Tangent);
    s.set("moved a", 2, T::ONE);
    s.accepted();
    for call in BOTH {
        singular::<T>(call).refused(ErrorKind::Singular, Argument::Method);
    }
}

/// Empty sides, which some output or other shows first.
fn empty_sides<T: C>() {
    for call in Call::taking("gradient_options") {
        for (n, m) in [(0, 4), (3, 0), (0, 0)] {
            for d in [0, 2] {
                let (status, _) = Scene::<T>::new(call, n, m, d).refusal();
                assert_eq!(status, ErrorKind::Empty as i32, "{call:?}");
            }
        }
    }
}

/// Programs of earlier versions: what a struct lacks has the default.
fn shorter_structs<T: C>() {
    let cut = |s: &Scene<T>, name: &str, size: usize| {
        let (at, whole) = (s.at(name), s.span(name));
        s.put(at, size as u32);
        s.fill_bytes(at.wrapping_add(size), whole - size, 0xFF);
    };
    for call in Call::taking("gradient_options") {
        // Any potentials will do; the rest as the initialiser has it.
        let enough = offset_of!(c::GradientOptions<T>, max_iterations);
        let scene = |method| {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.gradient_options(|o| o.method = method);
            s
        };
        for method in [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE] {
            let reference = scene(method);
            reference.accepted();
            let whole = size_of::<c::GradientOptions<T>>();
            for size in (enough.next_multiple_of(8)..whole).step_by(8) {
                let s = scene(method);
                cut(&s, "gradient_options", size);
                s.accepted();
                assert_eq!(s.results(), reference.results(), "{call:?}, {size} bytes");
            }
        }
    }
    // An optimum, for the default tolerance of which nothing has to be said.
    let optimum = |call| {
        let s = Scene::<T>::new(Call::Solve, 3, 4, 0);
        s.options(|o| o.max_iterations = 10_000);
        s.accepted();
        let found = Scene::<T>::new(call, 3, 4, 0);
        found.fill(found.at("f"), &s.slice("f", 3));
        found.fill(found.at("g"), &s.slice("g", 4));
        found.put(found.args.gradient_options, default_gradient_options::<T>());
        found
    };
    for call in BOTH {
        for method in [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE] {
            let reference = optimum(call);
            reference.gradient_options(|o| o.method = method);
            reference.accepted();
            let s = optimum(call);
            s.gradient_options(|o| o.method = method);
            cut(&s, "gradient_options", 8);
            s.accepted();
            assert_eq!(s.results(), reference.results(), "{call:?}, method {method}");
            if method == ROT_METHOD_DIRECT {
                let mut s = optimum(call);
                s.args.gradient_options = null_mut();
                s.accepted();
                assert_eq!(s.results(), reference.results(), "{call:?}");
            }
        }
    }
    // A loss or a direction without any part: nothing changes.
    for (call, name) in [(Call::Vjp, "cotangent"), (Call::Jvp, "tangent")] {
        let s = Scene::<T>::new(call, 3, 4, 0);
        cut(&s, name, 8);
        s.accepted();
        for (name, len) in [("slope of cost", 12), ("slope of a", 3), ("change of plan", 12)] {
            if name.starts_with("slope") == (call == Call::Vjp) {
                assert!(s.slice(name, len).iter().all(|x| x.abs() <= T::ZERO), "{call:?}, {name}");
            }
        }
        // A report without multipliers is one of zero.
        let reference = Scene::<T>::new(call, 3, 4, 0);
        reference.accepted();
        let s = Scene::<T>::new(call, 3, 4, 0);
        cut(&s, "found", 40);
        s.accepted();
        assert_eq!(s.results(), reference.results());
    }
}

/// The work lengths are those of the Rust interface, and say when they overflow.
#[test]
fn work_lengths() {
    for n in [0, 1, 2, 15, 16, 33] {
        for m in [1, 14, 15, 40] {
            for d in 0..3 {
                for (method, direct) in [(ROT_METHOD_DIRECT, true), (ROT_METHOD_ITERATIVE, false)] {
                    let expected = implicit::work_len(n, m, d, direct);
                    assert_eq!(rot_gradient_work_len(n, m, d, method), expected);
                    let expected = robust_ot::matching::work_len(n, m, d, direct);
                    assert_eq!(rot_matching_work_len(n, m, d, method), expected);
                }
            }
        }
    }
    let root = 1_usize << (usize::BITS / 2);
    for (n, m, d, method) in [
        (root, root, 0, ROT_METHOD_DIRECT),
        (usize::MAX, 1, 0, ROT_METHOD_DIRECT),
        (1, usize::MAX, 0, ROT_METHOD_ITERATIVE),
        (usize::MAX / 8, 1, 0, ROT_METHOD_ITERATIVE),
        (1, root, root, ROT_METHOD_ITERATIVE),
        (1, 1, usize::MAX, ROT_METHOD_DIRECT),
    ] {
        assert_eq!(rot_gradient_work_len(n, m, d, method), usize::MAX, "{n} {m} {d}");
        assert_eq!(rot_matching_work_len(n, m, d, method), usize::MAX, "{n} {m} {d}");
    }
}

for_both_precisions! {
    interpreted {
        both_interfaces_give_the_same_bits
        each_subset_of_the_outputs
        uninitialised_memory
    }
    compiled {
        unknown_values_and_reserved_fields
        shapes_and_strides
        values_out_of_range
        empty_sides
        shorter_structs
    }
}
