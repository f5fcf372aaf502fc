//! Every refusal that Rust can meet: its kind, argument and place, and no potential written.

use super::T;
use super::cases::{Case, NOWHERE, bits, error, pattern, plain_error, refusal, refusal_from};
use robust_ot::cost::{Dense, Metric, Points};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::{Problem, Reference};
use robust_ot::sinkhorn::{check, solve, work_len};
use robust_ot::view::{Mat, MatMut};

const KL: Rule<T> = Rule::Kl { tau: 0.5 };
const BAD_SCALARS: [T; 6] = [0.0, -0.0, -1.0, T::NAN, T::INFINITY, T::NEG_INFINITY];

fn options() -> Options<T> {
    Options::new()
}

#[test]
fn weights() {
    let bad = [
        (T::NAN, ErrorKind::NotANumber),
        (-T::NAN, ErrorKind::NotANumber),
        (-1.0, ErrorKind::Negative),
        (-T::MIN_POSITIVE, ErrorKind::Negative),
        (T::NEG_INFINITY, ErrorKind::Negative),
        (T::INFINITY, ErrorKind::Infinite),
    ];
    for case in Case::new(4, 5).families(0.5) {
        for (value, kind) in bad {
            for i in 0..4 {
                let mut case = case.clone();
                case.a[i] = value;
                // The first bad weight counts, and the rows are looked at first.
                case.a[3] = if i == 3 { value } else { T::NAN };
                case.b[0] = T::NAN;
                let expected = error(kind, Argument::RowWeights, i as u64, NOWHERE);
                assert_eq!(case.refusal(&options()), expected);
            }
            for j in 0..5 {
                let mut case = case.clone();
                case.b[j] = value;
                case.cost[0] = T::NAN;
                let expected = error(kind, Argument::ColWeights, j as u64, NOWHERE);
                assert_eq!(case.refusal(&options()), expected);
            }
        }
        for (value, kind) in [
            (0.0, ErrorKind::ZeroMass),
            (-0.0, ErrorKind::ZeroMass),
            // Finite weights whose sum is not.
            (T::MAX, ErrorKind::Infinite),
        ] {
            let rows = Case { a: vec![value; 4], ..case.clone() };
            assert_eq!(rows.refusal(&options()), plain_error(kind, Argument::RowWeights));
            let cols = Case { b: vec![value; 5], ..case.clone() };
            assert_eq!(cols.refusal(&options()), plain_error(kind, Argument::ColWeights));
        }
    }
}

#[test]
fn costs() {
    for case in Case::new(3, 5).families(0.5) {
        for (value, kind) in
            [(T::NAN, ErrorKind::NotANumber), (T::NEG_INFINITY, ErrorKind::Infinite)]
        {
            for k in 0..15 {
                let mut case = case.clone();
                case.cost[k] = value;
                case.cost[14] = value;
                // A pair without weight must be a number, too.
                case.a[k / 5] = 0.0;
                case.a[(k / 5 + 1) % 3] = 0.75;
                case.a[(k / 5 + 2) % 3] = 0.25;
                let expected = error(kind, Argument::Cost, (k / 5) as u64, (k % 5) as u64);
                assert_eq!(case.refusal(&options()), expected);
            }
        }
    }
}

#[test]
fn points() {
    let (x, y) = ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 0.5, 0.0, 2.0]);
    let refused = |x: &[T], y: &[T]| {
        let (x, y) = (Mat::new(x, 3, 2).unwrap(), Mat::new(y, 2, 2).unwrap());
        let points = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
        let (a, b) = ([0.25, 0.25, 0.5], [0.5, 0.5]);
        refusal(&Problem::balanced(points, &a, &b, 0.1).unwrap(), &options())
    };
    for (value, kind) in [
        (T::NAN, ErrorKind::NotANumber),
        (T::INFINITY, ErrorKind::Infinite),
        (T::NEG_INFINITY, ErrorKind::Infinite),
    ] {
        for k in 0..6 {
            let mut x = x;
            x[k] = value;
            let expected = error(kind, Argument::RowPoints, (k / 2) as u64, (k % 2) as u64);
            assert_eq!(refused(&x, &y), expected);
        }
        for k in 0..4 {
            let mut y = y;
            y[k] = value;
            let expected = error(kind, Argument::ColPoints, (k / 2) as u64, (k % 2) as u64);
            assert_eq!(refused(&x, &y), expected);
        }
    }
    // Finite points whose distance is not.
    let far = [T::MAX, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(refused(&far, &y), plain_error(ErrorKind::TooLarge, Argument::RowPoints));

    let wide = Mat::new(&x, 2, 3).unwrap();
    let narrow = Mat::new(&x, 3, 2).unwrap();
    let none = Mat::new(&x, 3, 0).unwrap();
    let made = |x, y| Points::new(x, y, Metric::Euclidean).err();
    assert_eq!(made(wide, narrow), Some(plain_error(ErrorKind::Shape, Argument::ColPoints)));
    assert_eq!(made(none, none), Some(plain_error(ErrorKind::Empty, Argument::RowPoints)));
}

#[test]
fn partners() {
    for case in Case::new(4, 5).families(0.5) {
        for i in 0..4 {
            // Row i has no finite cost at all, or only one at a column without weight.
            let mut case = case.clone();
            case.cost[5 * i..][..5].fill(T::INFINITY);
            let expected = error(ErrorKind::NoPartner, Argument::RowWeights, i as u64, NOWHERE);
            assert_eq!(case.refusal(&options()), expected);
            case.cost[5 * i + 2] = 0.5;
            case.b = vec![0.25, 0.25, 0.0, 0.25, 0.25];
            assert_eq!(case.refusal(&options()), expected);
            // Without weight of its own it needs none.
            case.a = vec![0.5, 0.5, 0.5, 0.5];
            case.a[i] = 0.0;
            case.b = vec![0.5, 0.5, 0.0, 0.25, 0.25];
            let solved = case.solve(&options());
            case.inspect(&solved);
            assert!(solved.report.converged());
        }
        for j in 0..5 {
            let mut case = case.clone();
            case.cost.iter_mut().skip(j).step_by(5).for_each(|c| *c = T::INFINITY);
            let expected = error(ErrorKind::NoPartner, Argument::ColWeights, j as u64, NOWHERE);
            assert_eq!(case.refusal(&options()), expected);
            case.cost[15 + j] = 0.5;
            case.a = vec![0.5, 0.25, 0.25, 0.0];
            assert_eq!(case.refusal(&options()), expected);
        }
    }
}

#[test]
fn masses() {
    let tolerance = T::EPSILON.sqrt();
    for (reference, factor) in [
        (Reference::Counting, 1.0 + 2.0 * tolerance),
        (Reference::Product, 1.0 - 2.0 * tolerance),
        (Reference::Counting, 1e-6),
        (Reference::Counting, 1e6),
    ] {
        let mut case = Case { reference, ..Case::new(4, 5) };
        case.b.iter_mut().for_each(|b| *b *= factor);
        let expected = plain_error(ErrorKind::MassMismatch, Argument::ColWeights);
        assert_eq!(case.refusal(&options()), expected);
        // A relaxed side takes any mass.
        for (rows, cols) in [(KL, Rule::Exact), (Rule::Exact, KL), (KL, KL)] {
            assert!(case.clone().rules(rows, cols).solve(&options()).report.mass_factor == 1.0);
        }
    }
    // Less than the tolerance is scaled away.
    let mut case = Case::new(4, 5);
    case.b.iter_mut().for_each(|b| *b *= 1.0 + 0.5 * tolerance);
    let solved = case.converges(&options());
    let factor = solved.report.mass_factor;
    assert!((factor * (1.0 + 0.5 * tolerance) - 1.0).abs() < 4.0 * T::EPSILON);
}

#[test]
fn shapes() {
    let case = Case::new(3, 5);
    let made = |n, m, a: usize, b: usize| {
        let (weights, cost) = (vec![0.25; 8], vec![0.0; 15]);
        let cost = Dense::new(Mat::new(&cost, n, m).unwrap());
        Problem::<T, _>::balanced(cost, &weights[..a], &weights[..b], 0.1).err()
    };
    for (n, m) in [(0, 5), (3, 0), (0, 0)] {
        assert_eq!(made(n, m, n, m), Some(plain_error(ErrorKind::Empty, Argument::Cost)));
    }
    for a in [0, 2, 4] {
        assert_eq!(made(3, 5, a, 5), Some(plain_error(ErrorKind::Shape, Argument::RowWeights)));
        assert_eq!(made(3, 5, 3, a), Some(plain_error(ErrorKind::Shape, Argument::ColWeights)));
    }
    let problem = case.problem().unwrap();
    for (n, m, argument) in [
        (0, 5, Argument::RowPotentials),
        (2, 5, Argument::RowPotentials),
        (4, 4, Argument::RowPotentials),
        (3, 0, Argument::ColPotentials),
        (3, 4, Argument::ColPotentials),
        (3, 6, Argument::ColPotentials),
    ] {
        let (mut f, mut g, mut work) = (pattern(n), pattern(m), vec![0.0; 4000]);
        let found = refusal_from(&problem, &options(), &mut f, &mut g, &mut work);
        assert_eq!(found, plain_error(ErrorKind::Shape, argument));
        let found = Plan::new(&problem, &f, &g, 0.0, &mut work).err();
        assert_eq!(found, Some(plain_error(ErrorKind::Shape, argument)));
        let found = plan::entry_of(&problem, &f, &g, 0.0, (0, 0)).err();
        assert_eq!(found, Some(plain_error(ErrorKind::Shape, argument)));
    }
}

#[test]
fn dimensions_that_overflow() {
    let one = [1.0 as T];
    let wide = u32::MAX as usize;
    // The largest matrix there can be, by strides of zero; only its weights do not fit.
    let cost = Mat::strided(&one, wide, wide, 0, 0).unwrap();
    let found = Problem::<T, _>::balanced(Dense::new(cost), &one, &one, 0.1).err();
    assert_eq!(found, Some(plain_error(ErrorKind::Shape, Argument::RowWeights)));
    #[cfg(target_pointer_width = "64")]
    for (rows, cols) in [(wide + 1, 1), (1, wide + 1), (usize::MAX, usize::MAX)] {
        let found = Mat::strided(&one, rows, cols, 0, 0).err();
        assert_eq!(found, Some(plain_error(ErrorKind::TooLarge, Argument::Matrix)));
    }
    assert_eq!(work_len(usize::MAX, 1, 0), usize::MAX);
    assert_eq!(work_len(1, usize::MAX / 8, 0), usize::MAX);
    assert_eq!(work_len(1, 1, usize::MAX / 8), usize::MAX);
    assert_eq!(plan::work_len(1, usize::MAX / 4, 0), usize::MAX);
}

#[test]
fn epsilon() {
    let subnormal = T::MIN_POSITIVE / 16.0;
    for epsilon in BAD_SCALARS.into_iter().chain([subnormal, T::from_bits(1)]) {
        for case in Case::new(2, 3).families(0.5) {
            let case = Case { epsilon, ..case };
            let expected = plain_error(ErrorKind::Epsilon, Argument::Epsilon);
            assert_eq!(case.problem().err(), Some(expected), "{epsilon}");
        }
    }
    // Positive and finite, but cost / epsilon overflows.
    for (epsilon, size) in [(T::MIN_POSITIVE, 1.0), (T::MIN_POSITIVE, 1e4), (1e-20, 1e30)] {
        let size = if size == 1e30 { T::MAX / 8.0 } else { size };
        let mut case = Case { epsilon, ..Case::new(2, 3) };
        case.cost.iter_mut().for_each(|c| *c *= size);
        case.cost[5] = -4.0 * size;
        let expected = plain_error(ErrorKind::Epsilon, Argument::Epsilon);
        assert_eq!(case.refusal(&options()), expected, "{epsilon} {size}");
    }
}

#[test]
fn tau() {
    // The last three: the reciprocal overflows, or the sum with epsilon does.
    let overflowing = [T::MIN_POSITIVE / 16.0, T::from_bits(1), T::MAX];
    for tau in BAD_SCALARS.into_iter().chain(overflowing) {
        let case = Case { epsilon: T::MAX / 4.0, ..Case::new(2, 3) };
        let rows = case.clone().rules(Rule::Kl { tau }, Rule::Exact);
        let cols = case.clone().rules(KL, Rule::Kl { tau });
        let both = case.rules(Rule::Kl { tau }, Rule::Kl { tau });
        for (case, argument) in
            [(rows, Argument::RowRule), (cols, Argument::ColRule), (both, Argument::RowRule)]
        {
            let found = case.problem().err();
            assert_eq!(found, Some(plain_error(ErrorKind::Tau, argument)), "{tau}");
        }
    }
}

#[test]
fn limits_and_targets() {
    for case in Case::new(2, 3).families(0.5) {
        for bad in BAD_SCALARS {
            for stop in [Stop::Residual(bad), Stop::Certified(bad)] {
                let expected = plain_error(ErrorKind::Tolerance, Argument::Stop);
                assert_eq!(case.refusal(&options().stop(stop)), expected);
            }
        }
        let none = options().max_iterations(0);
        let expected = plain_error(ErrorKind::Count, Argument::MaxIterations);
        assert_eq!(case.refusal(&none), expected);
        let never = options().check_every(0);
        assert_eq!(case.refusal(&never), plain_error(ErrorKind::Count, Argument::CheckEvery));
        // No data makes up for bad options.
        let trusting = never.trust_data(true);
        assert_eq!(case.refusal(&trusting), plain_error(ErrorKind::Count, Argument::CheckEvery));
    }
}

#[test]
fn certificates() {
    let certified = |target| options().stop(Stop::Certified(target));
    // Equal costs: the entropy alone costs epsilon log 6 for each unit of mass.
    let flat = Case { cost: vec![1.0; 30], epsilon: 0.5, ..Case::new(6, 5) };
    let flat = Case { a: vec![0.25; 6], ..flat };
    for case in flat.families(0.5) {
        let relaxed = case.rows != Rule::Exact || case.cols != Rule::Exact;
        let target = 0.01;
        if !relaxed {
            let expected = plain_error(ErrorKind::NoCertificate, Argument::Stop);
            assert_eq!(case.refusal(&certified(target)), expected);
            assert_eq!(case.refusal(&certified(target).trust_data(true)), expected);
            assert_eq!(case.problem().unwrap().certifiable_epsilon(target), None);
            continue;
        }
        if case.unit_mass || case.rows == Rule::Exact || case.cols == Rule::Exact {
            let expected = plain_error(ErrorKind::TargetOutOfReach, Argument::Stop);
            assert_eq!(case.refusal(&certified(target)), expected);
        }
        // At the epsilon that the problem names it is reached.
        let epsilon = case.problem().unwrap().certifiable_epsilon(target).unwrap();
        let case = Case { epsilon, ..case };
        assert!(case.solve(&certified(target)).report.converged(), "{case:?}");
    }
}

#[test]
fn unit_mass_needs_two_relaxed_sides() {
    for (rows, cols, argument) in [
        (Rule::Exact, Rule::Exact, Argument::RowRule),
        (Rule::Exact, KL, Argument::RowRule),
        (KL, Rule::Exact, Argument::ColRule),
    ] {
        let case = Case { unit_mass: true, ..Case::new(2, 3).rules(rows, cols) };
        assert_eq!(case.problem().err(), Some(plain_error(ErrorKind::UnitMassRule, argument)));
    }
}

/// One element of work less than the query says is refused, the exact length is enough, and
/// nothing around it is touched.
#[test]
fn work_to_the_element() {
    let canary = T::MAX;
    let short = plain_error(ErrorKind::WorkTooSmall, Argument::Work);
    let few = options().max_iterations(3);
    let variants = [few, few.warm_start(true), few.trust_data(true), few.check_every(1)];
    for n in [1, 2, 7, 8, 9, 33] {
        for m in [1, 2, 7, 8, 9, 33] {
            for (k, case) in Case::new(n, m).families(0.5).iter().enumerate() {
                let problem = case.problem().unwrap();
                let needed = work_len(n, m, 0);
                for (l, options) in variants.iter().enumerate() {
                    // Buffers that begin anywhere.
                    let start = (k + l) % 7 + 1;
                    let mut buffer = vec![canary; start + needed + 8];
                    let work = &mut buffer[start..start + needed];
                    let (mut f, mut g) = (pattern(n), pattern(m));
                    let one_less = &mut work[1..];
                    let found = refusal_from(&problem, options, &mut f, &mut g, one_less);
                    assert_eq!(found, short);
                    (f, g) = (vec![0.0; n], vec![0.0; m]);
                    assert_eq!(check(&problem, options, &f, &g, work), Ok(()));
                    assert!(solve(&problem, options, &mut f, &mut g, work, &mut ()).is_ok());
                    let around = buffer[..start].iter().chain(&buffer[start + needed..]);
                    assert!({ around }.all(|&x| x == canary));
                }
                let (f, g) = (vec![0.0; n], vec![0.0; m]);
                let mut work = vec![canary; plan::work_len(n, m, 0)];
                assert!(Plan::new(&problem, &f, &g, 0.0, &mut work).is_ok());
                assert_eq!(Plan::new(&problem, &f, &g, 0.0, &mut work[1..]).err(), Some(short));
            }
        }
    }
}

#[test]
fn work_of_points_to_the_element() {
    let coordinates: Vec<T> = (0..99).map(|k| k as T / 99.0).collect();
    let short = plain_error(ErrorKind::WorkTooSmall, Argument::Work);
    for (n, m, d) in [(1, 1, 1), (2, 9, 2), (33, 17, 3), (9, 33, 3), (17, 16, 5)] {
        let view = |rows| Mat::new(&coordinates, rows, d).unwrap();
        let points = Points::new(view(n), view(m), Metric::Euclidean).unwrap();
        let (a, b) = (vec![1.0 / n as T; n], vec![1.0 / m as T; m]);
        let problem = Problem::balanced(points, &a, &b, 0.1).unwrap();
        let mut work = vec![T::NAN; work_len(n, m, d)];
        let (mut f, mut g) = (pattern(n), pattern(m));
        let few = options().max_iterations(3);
        assert_eq!(refusal_from(&problem, &few, &mut f, &mut g, &mut work[1..]), short);
        assert!(solve(&problem, &few, &mut f, &mut g, &mut work, &mut ()).is_ok());
        let mut work = vec![T::NAN; plan::work_len(n, m, d)];
        assert!(Plan::new(&problem, &f, &g, 0.0, &mut work).is_ok());
        assert_eq!(Plan::new(&problem, &f, &g, 0.0, &mut work[1..]).err(), Some(short));
    }
}

#[test]
fn warm_starts() {
    let warm = options().warm_start(true);
    for case in Case::new(3, 4).families(0.5) {
        let problem = case.problem().unwrap();
        for (value, kind) in [(T::NAN, ErrorKind::NotANumber), (T::INFINITY, ErrorKind::Infinite)] {
            let mut work = case.work();
            for i in 0..3 {
                let (mut f, mut g) = (pattern(3), pattern(4));
                (f[i], f[2], g[0]) = (value, value, value);
                let expected = error(kind, Argument::RowPotentials, i as u64, NOWHERE);
                let found = refusal_from(&problem, &warm, &mut f, &mut g, &mut work);
                assert_eq!(found, expected);
                let plan = Plan::new(&problem, &f, &g, 0.0, &mut work).err();
                assert_eq!(plan, Some(expected));
            }
            for j in 0..4 {
                let (mut f, mut g) = (pattern(3), pattern(4));
                g[j] = value;
                let expected = error(kind, Argument::ColPotentials, j as u64, NOWHERE);
                let found = refusal_from(&problem, &warm, &mut f, &mut g, &mut work);
                assert_eq!(found, expected);
                let plan = Plan::new(&problem, &f, &g, 0.0, &mut work).err();
                assert_eq!(plan, Some(expected));
            }
        }
        // Minus infinity counts as zero.
        let (f, g) = (vec![T::NEG_INFINITY; 3], vec![T::NEG_INFINITY; 4]);
        let from_nothing = case.solve_from(&warm, f, g);
        let cold = case.solve(&options());
        assert_eq!(bits(&from_nothing.f), bits(&cold.f));
        assert!(cold.report.converged());
    }
}

#[test]
fn plans() {
    let case = Case::new(3, 4);
    let problem = case.problem().unwrap();
    let (f, g) = (vec![0.0; 3], vec![0.0; 4]);
    let mut work = vec![0.0; plan::work_len(3, 4, 0)];
    let mut plan = Plan::new(&problem, &f, &g, 0.0, &mut work).unwrap();
    let shape = |argument, at| Some(error(ErrorKind::Shape, argument, at, NOWHERE));
    let outside =
        [((3, 0), Argument::Row, 3), ((0, 4), Argument::Col, 4), ((9, 9), Argument::Row, 9)];
    for ((i, j), argument, at) in outside {
        assert_eq!(plan.entry(i, j).err(), shape(argument, at));
        assert_eq!(plan::entry_of(&problem, &f, &g, 0.0, (i, j)).err(), shape(argument, at));
    }
    let output = Some(plain_error(ErrorKind::Shape, Argument::Output));
    for wrong in [0, 3, 5] {
        let mut out = pattern(wrong);
        assert_eq!(plan.row(0, &mut out).err(), output);
        assert_eq!(plan::row_of(&problem, &f, &g, 0.0, 0, &mut out).err(), output);
        assert_eq!(plan.marginals(&mut pattern(3), &mut out).err(), output);
        assert_eq!(plan.marginals(&mut out, &mut pattern(3)).err(), output);
        assert_eq!(out, pattern(wrong));
    }
    let mut row = pattern(4);
    assert_eq!(plan.row(3, &mut row).err(), shape(Argument::Row, 3));
    assert_eq!(plan::row_of(&problem, &f, &g, 0.0, 3, &mut row).err(), shape(Argument::Row, 3));
    assert_eq!(row, pattern(4));
    for (rows, cols) in [(3, 3), (4, 4), (0, 4), (4, 3)] {
        let mut out = pattern(16);
        let found = plan.to_dense(&mut MatMut::new(&mut out, rows, cols).unwrap()).err();
        assert_eq!(found, output);
        assert_eq!(out, pattern(16));
    }
    let values = pattern(8);
    for (rows, cols, out_rows, out_cols, argument) in [
        (3, 2, 3, 2, Argument::Values),
        (4, 2, 4, 2, Argument::Output),
        (4, 2, 3, 1, Argument::Output),
    ] {
        let values = Mat::new(&values, rows, cols).unwrap();
        let mut out = pattern(8);
        let mut view = MatMut::new(&mut out, out_rows, out_cols).unwrap();
        let found = plan.barycentric_map(&values, &mut view).err();
        assert_eq!(found, Some(plain_error(ErrorKind::Shape, argument)));
        assert_eq!(out, pattern(8));
    }
}

/// Each kind turns up above; this holds the list against that of the library, so that a new kind
/// asks for its test.
#[test]
fn every_kind_is_reached() {
    let of_c_only = [
        ErrorKind::Null,
        ErrorKind::StructSize,
        ErrorKind::Alignment,
        ErrorKind::Overlap,
        ErrorKind::NotBuilt,
        ErrorKind::Kind,
    ];
    // See tests/gradients/refusals.rs and tests/ffi.
    let of_gradients_only = [ErrorKind::NotConverged, ErrorKind::Gauge, ErrorKind::Singular];
    // See tests/lowrank.rs.
    let of_factors_only =
        [ErrorKind::RankTooSmall, ErrorKind::KernelOutOfReach, ErrorKind::KernelEpsilon];
    let case = Case::new(2, 3);
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = case.clone();
        change(&mut case);
        case.refusal(&options())
    };
    let optioned = |change: &dyn Fn(Options<T>) -> Options<T>| case.refusal(&change(options()));
    let matrix = |result: Result<Mat<'_, T>, Error>| result.err().unwrap();
    let problem = case.problem().unwrap();
    let (mut f, mut g) = (pattern(2), pattern(3));
    let reached = [
        with(&|c| c.unit_mass = true),
        with(&|c| (c.n, c.a) = (0, vec![])),
        with(&|c| c.a = vec![1.0]),
        MatMut::strided(&mut [0.0; 4], 2, 2, 0, 1).err().unwrap(),
        matrix(Mat::strided(&[0.0], 2, 2, usize::MAX, 1)),
        refusal_from(&problem, &options(), &mut f, &mut g, &mut []),
        with(&|c| c.a[0] = T::NAN),
        with(&|c| c.a[0] = T::INFINITY),
        with(&|c| c.a[0] = -1.0),
        with(&|c| c.a.fill(0.0)),
        with(&|c| c.a[0] = 2.0),
        with(&|c| c.cost[..3].fill(T::INFINITY)),
        with(&|c| c.epsilon = 0.0),
        with(&|c| c.rows = Rule::Kl { tau: 0.0 }),
        with(&|c| c.rows = Rule::L2Ball { radius2: -1.0, entropy: 0.0 }),
        with(&|c| c.cols = Rule::KlBall { radius: 1.0, entropy: T::NAN }),
        with(&|c| c.rows = Rule::Box { lower: 1.0, upper: 0.5 }),
        with(&|c| c.rows = Rule::Box { lower: 0.0, upper: 0.5 }),
        optioned(&|o| o.stop(Stop::Residual(0.0))),
        optioned(&|o| o.check_every(0)),
        optioned(&|o| o.stop(Stop::Certified(1.0))),
        Case { cost: vec![1.0; 6], ..case.clone().rules(KL, Rule::Exact) }
            .refusal(&options().stop(Stop::Certified(1e-3))),
    ];
    for kind in ErrorKind::ALL {
        let found = reached.iter().any(|error| error.kind == kind);
        let elsewhere = of_c_only.contains(&kind)
            || of_gradients_only.contains(&kind)
            || of_factors_only.contains(&kind)
            // See tests/accuracy.rs and tests/barycenter.
            || [ErrorKind::TargetPrecision, ErrorKind::BarycenterRule].contains(&kind);
        assert!(found != elsewhere, "{kind:?}");
    }
}
