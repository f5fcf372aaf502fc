//! The backward pass: both interfaces bit by bit, what is asked for, options as they may come.

use core::mem::size_of;
use core::ptr::{null, null_mut};

use robust_ot::barycenter::gradient::{Cotangent, Gradients, Options, vjp, work_len};
use robust_ot::barycenter::{self, Measure, Problem, solve};
use robust_ot::cost::Geometry;
use robust_ot::ffi::barycenter::gradient::rot_barycenter_gradient_work_len;
use robust_ot::ffi::barycenter::rot_barycenter_work_len;
use robust_ot::ffi::barycenter::types as b;
use robust_ot::ffi::{ROT_LEVEL_FASTEST, ROT_LEVEL_PORTABLE};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options;

use super::results::{Case, DENSE, EUCLIDEAN, SQUARED, plain, rules};
use super::scene::{Args, Both, Call, default_gradient_options, no_gradient};
use crate::SMALL;
use crate::whole::calls::{NOWHERE, for_both_precisions, raw};
use crate::whole::case::bits;
use crate::whole::initial::numbers;

/// Runs `$body` with the measures of a case, whose costs are of one type.
macro_rules! with_measures {
    ($case:expr, $measures:ident => $body:expr) => {
        if $case.measures[0].kind == DENSE {
            let $measures: Vec<_> = $case.measures.iter().map(|m| $case.dense(m)).collect();
            $body
        } else {
            let $measures: Vec<_> = $case.measures.iter().map(|m| $case.points(m)).collect();
            $body
        }
    };
}

/// weights, shares, costs, x, y, then residuals and iterations; as bits.
type Outcome = [Vec<u64>; 6];
const ALL: usize = 31;

/// A case that was solved, and a loss.
struct Solved<T> {
    case: Case<T>,
    f: Vec<T>,
    g: Vec<T>,
    cotangent: Vec<T>,
    objective: T,
}

/// Options that the tests of equal bits take: few iterations, any potentials.
const TOLERANCE: f64 = 1e-5;
const ITERATIONS: u32 = if SMALL { 2 } else { 12 };

impl<T: Both> Solved<T> {
    fn new(kinds: [u32; 3], rules: [Rule<T>; 3], limit: u64) -> Self {
        let case = Case::new(&kinds, &rules, plain(limit));
        let (mut f, mut g) = (vec![T::ZERO; case.rows()], vec![T::ZERO; 3 * case.n]);
        let mut q = vec![T::ZERO; case.n];
        let solve_options = options::Options::new().max_iterations(limit);
        let options = barycenter::Options::new().solve(solve_options);
        let needed = barycenter::work_len(case.rows(), case.n, case.dimension());
        let mut work = vec![T::ZERO; needed];
        with_measures!(case, measures => {
            let problem = Problem::new(&measures, case.epsilon).unwrap();
            solve(&problem, &options, &mut f, &mut g, &mut q, &mut work, &mut ()).unwrap();
        });
        let cotangent = numbers(case.n, 80);
        Self { case, f, g, cotangent, objective: T::of(0.5) }
    }

    fn lens(&self) -> [usize; 5] {
        let Case { n, measures, .. } = &self.case;
        let (rows, k) = (self.case.rows(), measures.len());
        let points = measures.iter().filter(|m| m.kind != DENSE);
        let d = self.case.d;
        let [x, y] = points.fold([0; 2], |[x, y], m| [x + m.weights.len() * d, y + n * d]);
        [rows, k, rows * n, x, y]
    }

    fn by_rust(&self, whole_loss: bool) -> Outcome {
        fn run<T: Both, G: Geometry<T>>(
            s: &Solved<T>,
            measures: &[Measure<'_, T, G>],
            whole_loss: bool,
        ) -> Outcome {
            let mut arrays = s.lens().map(|len| vec![T::NAN; len]);
            let [weights, shares, costs, x, y] = &mut arrays;
            let places = Gradients {
                weights: Some(weights),
                shares: Some(shares),
                costs: Some(costs),
                x: Some(x),
                y: Some(y),
            };
            let Case { n, epsilon, .. } = s.case;
            let mut work = vec![T::ZERO; work_len(3, s.case.rows(), n, s.case.dimension())];
            let options = Options::new()
                .tolerance(T::of(TOLERANCE))
                .max_iterations(ITERATIONS)
                .forward_tolerance(T::INFINITY);
            let loss = Cotangent {
                barycenter: whole_loss.then_some(&s.cotangent[..]),
                objective: s.objective,
            };
            let problem = Problem::new(measures, epsilon).unwrap();
            let found = vjp(&problem, (&s.f, &s.g), &loss, &options, places, &mut work).unwrap();
            outcome(&arrays, [found.forward_residual, found.residual], found.iterations)
        }
        with_measures!(self.case, measures => run(self, &measures, whole_loss))
    }

    /// The options by which [`Self::by_rust`] goes.
    fn c_options(level: u32) -> b::BarycenterGradientOptions<T> {
        b::BarycenterGradientOptions {
            max_iterations: ITERATIONS,
            tolerance: T::of(TOLERANCE),
            forward_tolerance: T::INFINITY,
            level,
            ..default_gradient_options()
        }
    }

    /// Into arrays filled with `before`; those that `subset` leaves out are NULL.
    fn by_c(
        &self,
        options: *const b::BarycenterGradientOptions<T>,
        subset: usize,
        before: T,
        cotangent: *const T,
    ) -> Outcome {
        let measures = self.case.c_measures();
        self.by_c_on(&measures, self.lens(), options, subset, before, cotangent)
    }

    fn by_c_on(
        &self,
        measures: &[b::Measure<T>],
        lens: [usize; 5],
        options: *const b::BarycenterGradientOptions<T>,
        subset: usize,
        before: T,
        cotangent: *const T,
    ) -> Outcome {
        let problem = self.case.c_problem(measures);
        let mut arrays = lens.map(|len| vec![before; len]);
        let mut places = arrays.each_mut().map(|array| array.as_mut_ptr());
        for (k, place) in places.iter_mut().enumerate() {
            if subset >> k & 1 == 0 {
                *place = null_mut();
            }
        }
        let [weights, shares, costs, x, y] = places;
        let mut out = b::BarycenterGradient { weights, shares, costs, x, y, ..no_gradient::<T>() };
        // Memory that was never written, of exactly the length that is needed.
        let (rows, n, d) = (self.case.rows(), self.case.n, self.case.dimension());
        let needed = rot_barycenter_gradient_work_len(measures.len(), rows, n, d);
        let mut work = Box::<[T]>::new_uninit_slice(needed);
        let args = Args {
            problem: (&raw const problem).cast_mut().cast(),
            f: self.f.as_ptr().cast_mut().cast(),
            g: self.g.as_ptr().cast_mut().cast(),
            cotangent: cotangent.cast_mut().cast(),
            objective: self.objective,
            gradient_options: options.cast_mut().cast(),
            gradient: (&raw mut out).cast(),
            work: raw(&mut work),
            work_len: needed,
            ..Args::none()
        };
        // SAFETY: every pointer is valid for the extent that goes with it.
        let status = unsafe { T::answer(Call::Vjp, &args) };
        let e = out.error;
        assert_eq!((status, e.status, e.argument), (0, 0, 0));
        assert_eq!([e.row, e.col, e.measure], [NOWHERE; 3]);
        outcome(&arrays, [out.forward_residual, out.residual], out.iterations)
    }
}

fn outcome<T: Both>(arrays: &[Vec<T>; 5], residuals: [T; 2], iterations: u32) -> Outcome {
    let [weights, shares, costs, x, y] = arrays.each_ref().map(|array| bits(array));
    let mut report = bits(&residuals);
    report.push(u64::from(iterations));
    [weights, shares, costs, x, y, report]
}

/// Costs from points are those of `kinds` but for the first measure, which a matrix of the same
/// distances stands for in C.
fn mixed<T: Both>(s: &Solved<T>) {
    let one = &s.case.measures[0];
    let (n, d) = (s.case.n, s.case.d);
    let square = |x: &[T], y: &[T]| {
        x.iter().zip(y).fold(T::ZERO, |sum, (&x, &y)| {
            let off = x - y;
            sum + off * off
        })
    };
    let pairs = one.x.chunks(d).flat_map(|x| s.case.y.chunks(d).map(move |y| square(x, y)));
    let cost: Vec<T> = pairs.collect();
    let mut measures = s.case.c_measures();
    let size = one.weights.len();
    measures[0].cost_kind = DENSE;
    measures[0].cost = crate::whole::initial::matrix(cost.as_ptr(), size, n);
    let [rows, k, costs, x, y] = s.lens();
    let lens = [rows, k, costs, x - size * d, y - n * d];
    let options = Solved::<T>::c_options(ROT_LEVEL_FASTEST);
    let found = s.by_c_on(&measures, lens, &options, ALL, T::NAN, s.cotangent.as_ptr());
    let mut expected = s.by_rust(true);
    expected[3].drain(..size * d);
    expected[4].drain(..n * d);
    assert_eq!(found, expected);
}

fn both_interfaces_give_the_same_bits<T: Both>() {
    let limit = if SMALL { 2 } else { 100 };
    for (r, rules) in rules::<T>().into_iter().enumerate() {
        for kinds in [[DENSE; 3], [SQUARED; 3], [EUCLIDEAN, SQUARED, EUCLIDEAN]] {
            // Interpreted: matrices and points, each with mixed rules.
            if SMALL && (r != 2 || kinds == [SQUARED; 3]) {
                continue;
            }
            let s = Solved::new(kinds, rules, limit);
            let expected = s.by_rust(true);
            let context = format!("rules {r}, {kinds:?}");
            let infinite = T::INFINITY.bits();
            let arrays = expected[..5].iter().flatten();
            let finite = arrays.clone().all(|&x| x & infinite != infinite);
            assert!(finite, "{context}: not finite");
            assert!(arrays.clone().any(|&x| x != 0), "{context}: all zero");
            let cotangent = s.cotangent.as_ptr();
            for level in [ROT_LEVEL_FASTEST, ROT_LEVEL_PORTABLE] {
                let options = Solved::<T>::c_options(level);
                let found = s.by_c(&options, ALL, T::NAN, cotangent);
                assert_eq!(found, expected, "{context}, level {level}");
            }
            if SMALL {
                continue;
            }
            // The objective's part alone, which needs no system.
            let options = Solved::<T>::c_options(ROT_LEVEL_FASTEST);
            let found = s.by_c(&options, ALL, T::NAN, null());
            assert_eq!(found, s.by_rust(false), "{context}, objective");
            assert_eq!(found[5][1..], [0, 0], "{context}, objective");
            // What is not asked for is left alone and changes nothing else.
            let seven = T::of(7.0);
            for subset in [0, 1, 2, 4, 8, 16, 5, 26] {
                let found = s.by_c(&options, subset, seven, cotangent);
                for k in 0..5 {
                    let untouched = vec![seven.bits(); s.lens()[k]];
                    let asked = subset >> k & 1 == 1;
                    let own = if asked { &expected[k] } else { &untouched };
                    assert_eq!(&found[k], own, "{context}, array {k} of {subset:#b}");
                }
                assert_eq!(found[5], expected[5], "{context}, report of {subset:#b}");
            }
            if kinds == [SQUARED; 3] {
                mixed(&s);
            }
        }
    }
}

/// Options of NULL, whole, cut anywhere and written out are one.
fn default_options_are_those_of_rust<T: Both>() {
    type O<T> = b::BarycenterGradientOptions<T>;
    let s = Solved::new([DENSE; 3], rules::<T>()[0], 5000);
    let cotangent = s.cotangent.as_ptr();
    let expected = s.by_c(null(), ALL, T::NAN, cotangent);
    let written = default_gradient_options::<T>();
    assert_eq!(s.by_c(&written, ALL, T::NAN, cotangent), expected);
    let loose = O { tolerance: T::of(0.1), ..written };
    assert_ne!(s.by_c(&loose, ALL, T::NAN, cotangent), expected);
    let mut arrays = s.lens().map(|len| vec![T::NAN; len]);
    let measures: Vec<_> = s.case.measures.iter().map(|m| s.case.dense(m)).collect();
    let problem = Problem::new(&measures, s.case.epsilon).unwrap();
    let mut work = vec![T::NAN; work_len(3, s.case.rows(), s.case.n, 0)];
    let loss = Cotangent { barycenter: Some(&s.cotangent), objective: s.objective };
    let [weights, shares, costs, ..] = &mut arrays;
    let places = Gradients {
        weights: Some(weights),
        shares: Some(shares),
        costs: Some(costs),
        ..Gradients::default()
    };
    let by_rust = Options::new().level(Level::PORTABLE);
    let found = vjp(&problem, (&s.f, &s.g), &loss, &by_rust, places, &mut work).unwrap();
    let residuals = [found.forward_residual, found.residual];
    assert_eq!(outcome(&arrays, residuals, found.iterations), expected);
    for size in (8..=size_of::<O<T>>()).step_by(8) {
        let mut cut = written;
        let from = (&raw mut cut).cast::<u8>();
        // SAFETY: inside the struct.
        let rest = unsafe { from.add(size) };
        // SAFETY: the rest of the struct, whose fields take any bytes.
        unsafe { rest.write_bytes(0xFF, size_of::<O<T>>() - size) };
        cut.struct_size = size as u32;
        assert_eq!(s.by_c(&cut, ALL, T::NAN, cotangent), expected, "{size} bytes");
    }
}

/// The work length is that of the list and that of Rust, and says when it overflows.
#[test]
fn work_lengths() {
    let list = rot_barycenter_work_len(1, 0, 0, 0) - rot_barycenter_work_len(0, 0, 0, 0);
    for (k, rows, n, d) in [(0, 1, 1, 0), (1, 5, 7, 2), (9, 100, 33, 3)] {
        let expected = k * list + work_len(k, rows, n, d);
        assert_eq!(rot_barycenter_gradient_work_len(k, rows, n, d), expected);
    }
    let many = usize::MAX;
    for (k, rows, n, d) in [
        (many, 1, 1, 0),
        (many / list, 1, 1, 0),
        (3, 1, many / 4, 0),
        (1, many, 1, 0),
        (1, 1, many, 0),
        (1, 1, many / 16, 2),
    ] {
        assert_eq!(rot_barycenter_gradient_work_len(k, rows, n, d), many, "{k} {rows} {n} {d}");
    }
}

for_both_precisions! {
    interpreted {
        both_interfaces_give_the_same_bits
    }
    compiled {
        default_options_are_those_of_rust
    }
}
