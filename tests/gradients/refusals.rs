//! What a gradient refuses, with the argument that it blames, and that nothing but work is written
//! then.

use super::common::case::{Case, Loss, Number, Solved};
use super::differences::{Kind, calibrate};
use robust_ot::cost::{Dense, Metric};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::implicit::{self, Cotangent, Gradients, Method, Optimum};
use robust_ot::marginal::Rule;
use robust_ot::problem::Problem;
use robust_ot::view::{Mat, MatMut};

fn case<T: Number>() -> (Case<T>, Solved<T>) {
    let case = Case::random(5, (4, 3), (Rule::Exact, Rule::Kl { tau: 0.5 })).to::<T>();
    let solved = case.solve();
    (case, solved)
}

fn plan_loss<T: Number>(case: &Case<T>) -> Loss<T> {
    Loss { plan: Some(vec![T::ONE; case.n * case.m]), ..Loss::default() }
}

/// A refusal with all outputs as they were.
fn refused<T: Number>(
    case: &Case<T>,
    solved: &Solved<T>,
    loss: &Loss<T>,
    options: &implicit::Options<T>,
    len: usize,
) -> Error {
    let canary = T::from_f64(-12345.0);
    let mut work = vec![T::NAN; len];
    let (outputs, found) = case.gradient_in(solved, loss, options, &mut work, canary);
    let error = found.expect_err("this has to be refused");
    assert!(outputs.iter().flatten().all(|&x| x == canary), "{error}: an output was written");
    error
}

fn both<T: Number>() -> [Method<T>; 2] {
    [Method::Direct, Method::Iterative { tolerance: T::from_f64(1e-6), max_iterations: 100 }]
}

fn expect(error: Error, kind: ErrorKind, argument: Argument) {
    assert_eq!((error.kind, error.argument), (kind, argument));
}

fn work_of_one_less<T: Number>() {
    let (dense, solved) = case::<T>();
    let points = dense.to::<f64>().with_points(6, 2, Metric::SquaredEuclidean).to::<T>();
    let other = points.solve();
    let wide = Case::random(7, (3, 20), (Rule::Exact, Rule::Exact)).to::<T>();
    let third = wide.solve();
    for (case, solved) in [(dense, solved), (points, other), (wide, third)] {
        for method in both() {
            let options = implicit::Options::new().method(method);
            let direct = method == Method::Direct;
            let len = implicit::work_len(case.n, case.m, case.dimension(), direct);
            for short in [len - 1, len / 2, 1, 0] {
                let error = refused(&case, &solved, &plan_loss(&case), &options, short);
                expect(error, ErrorKind::WorkTooSmall, Argument::Work);
            }
            // That length is enough wherever the work begins.
            for start in 0..20 {
                let mut work = vec![T::NAN; start + len];
                let work = &mut work[start..];
                let (_, found) =
                    case.gradient_in(&solved, &plan_loss(&case), &options, work, T::NAN);
                assert!(found.is_ok(), "{start}");
            }
        }
    }
    assert_eq!(implicit::work_len(usize::MAX, 3, 0, true), usize::MAX);
    assert_eq!(implicit::work_len(3, 1 << 33, 0, false) < usize::MAX, usize::BITS == 64);
}

#[test]
fn work_is_checked() {
    work_of_one_less::<f64>();
    work_of_one_less::<f32>();
}

#[test]
fn cotangents_are_checked() {
    let (case, solved) = case::<f64>();
    let (n, m) = (case.n, case.m);
    let len = implicit::work_len(n, m, 0, true);
    let options = implicit::Options::new();
    let with = |k: usize, len: usize, bad: f64| {
        let mut v = vec![0.5; len];
        v[k] = bad;
        Some(v)
    };
    for (bad, kind) in [
        (f64::NAN, ErrorKind::NotANumber),
        (f64::INFINITY, ErrorKind::Infinite),
        (f64::NEG_INFINITY, ErrorKind::Infinite),
    ] {
        let none = Loss::default();
        let nowhere = Error::NOWHERE;
        for (loss, row, col) in [
            (Loss { plan: with(7, n * m, bad), ..none.clone() }, 2, 1),
            (Loss { row: with(2, n, bad), ..none.clone() }, 2, nowhere),
            (Loss { col: with(1, m, bad), ..none.clone() }, 1, nowhere),
            (Loss { potentials: with(3, n, bad).zip(with(0, m, 0.5)), ..none.clone() }, 3, nowhere),
            (Loss { potentials: with(3, n, 0.5).zip(with(2, m, bad)), ..none.clone() }, 2, nowhere),
            (Loss { transport: bad, ..none.clone() }, nowhere, nowhere),
            (Loss { value: bad, ..none }, nowhere, nowhere),
        ] {
            let error = refused(&case, &solved, &loss, &options, len);
            expect(error, kind, Argument::Cotangent);
            assert_eq!((error.row, error.col), (row, col), "{loss:?}");
        }
    }
}

#[test]
fn options_and_potentials_are_checked() {
    let (case, solved) = case::<f64>();
    let len = implicit::work_len(case.n, case.m, 0, true);
    let loss = plan_loss(&case);
    let plain = implicit::Options::new();
    for bad in [0.0, -1.0, f64::NAN] {
        let error = refused(&case, &solved, &loss, &plain.forward_tolerance(bad), len);
        expect(error, ErrorKind::Tolerance, Argument::ForwardTolerance);
    }
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let method = Method::Iterative { tolerance, max_iterations: 10 };
        let error = refused(&case, &solved, &loss, &plain.method(method), len);
        expect(error, ErrorKind::Tolerance, Argument::Method);
    }
    let method = Method::Iterative { tolerance: 1e-9, max_iterations: 0 };
    expect(
        refused(&case, &solved, &loss, &plain.method(method), len),
        ErrorKind::Count,
        Argument::Method,
    );
    for (bad, kind) in [(f64::NAN, ErrorKind::NotANumber), (f64::INFINITY, ErrorKind::Infinite)] {
        let mut broken = solved.clone();
        broken.f[2] = bad;
        let error = refused(&case, &broken, &loss, &plain, len);
        expect(error, kind, Argument::RowPotentials);
        assert_eq!(error.row, 2);
        let mut broken = solved.clone();
        broken.g[1] = bad;
        let error = refused(&case, &broken, &loss, &plain, len);
        expect(error, kind, Argument::ColPotentials);
        assert_eq!(error.row, 1);
    }
}

/// Potentials that are no optimum, by rule and side; infinity takes them all the same.
#[test]
fn unconverged_potentials_are_refused() {
    let kinds = [
        Kind::Exact,
        Kind::Kl,
        Kind::L2(true, 0.0),
        Kind::L2(false, 0.05),
        Kind::KlBall(true, 0.05),
        Kind::KlBall(false, 0.0),
    ];
    for rows in kinds {
        for cols in kinds {
            let mut case = Case::random(31, (4, 5), (Rule::Exact, Rule::Exact));
            calibrate(&mut case, rows, cols);
            let solved = case.solve();
            let loss = plan_loss(&case);
            let len = implicit::work_len(4, 5, 0, true);
            for k in 0..case.n + case.m {
                let (mut f, mut g) = (solved.f.clone(), solved.g.clone());
                if k < case.n {
                    f[k] += 1e-3
                } else {
                    g[k - case.n] += 1e-3
                }
                let moved = case.solved(f, g, solved.report);
                for method in both() {
                    let options = implicit::Options::new().method(method);
                    let error = refused(&case, &moved, &loss, &options, len);
                    expect(error, ErrorKind::NotConverged, Argument::ForwardTolerance);
                    let options = options.forward_tolerance(f64::INFINITY);
                    let found = case.gradient(&moved, &loss, &options, method == Method::Direct);
                    let residual = found.unwrap().report.forward_residual;
                    assert!(residual > 1e-5 && residual < 1e-1, "{rows:?} {cols:?}: {residual}");
                }
            }
            // A wrong multiplier of a ball is no optimum either.
            for (kind, row) in [(rows, true), (cols, false)] {
                if !matches!(kind, Kind::L2(..) | Kind::KlBall(..)) {
                    continue;
                }
                let mut wrong = solved.clone();
                if row {
                    wrong.report.row_multiplier += 0.5;
                } else {
                    wrong.report.col_multiplier += 0.5;
                }
                let error = refused(&case, &wrong, &loss, &implicit::Options::new(), len);
                expect(error, ErrorKind::NotConverged, Argument::ForwardTolerance);
            }
        }
    }
}

/// Where potentials are defined up to a constant their cotangents must not see it.
#[test]
fn cotangents_that_see_the_gauge_are_refused() {
    let fixing = [Kind::Exact, Kind::L2(true, 0.05), Kind::KlBall(false, 0.05)];
    let kinds = [Kind::Kl].into_iter().chain(fixing);
    for rows in kinds.clone() {
        for cols in kinds.clone() {
            let mut case = Case::random(32, (4, 5), (Rule::Exact, Rule::Exact));
            calibrate(&mut case, rows, cols);
            let solved = case.solve();
            let len = implicit::work_len(4, 5, 0, true);
            let loss = Loss { potentials: Some((vec![1.0; 4], vec![1.0; 5])), ..Loss::default() };
            for method in both() {
                let options = implicit::Options::new().method(method);
                if fixing.contains(&rows) && fixing.contains(&cols) {
                    let error = refused(&case, &solved, &loss, &options, len);
                    expect(error, ErrorKind::Gauge, Argument::Cotangent);
                    let even = (vec![1.0; 4], vec![0.8; 5]);
                    let even = Loss { potentials: Some(even), ..Loss::default() };
                    let direct = method == Method::Direct;
                    assert!(case.gradient(&solved, &even, &options, direct).is_ok());
                } else {
                    let direct = method == Method::Direct;
                    assert!(case.gradient(&solved, &loss, &options, direct).is_ok());
                }
            }
        }
    }
}

/// Outputs and cotangents of the wrong shape, one at a time.
#[test]
fn shapes_are_checked() {
    let (case, solved) = case::<f64>();
    let (n, m) = (case.n, case.m);
    let cost = Dense::new(Mat::new(&case.cost, n, m).unwrap());
    let problem =
        Problem::<f64, _>::new(cost, (&case.a, case.rows), (&case.b, case.cols), case.epsilon)
            .unwrap();
    let optimum = Optimum::new(&solved.f, &solved.g, &solved.report);
    let options = implicit::Options::new();
    let mut work = vec![0.0; implicit::work_len(n, m, 0, true)];
    let plan = vec![0.5; 100];
    let good = Cotangent::new().plan(Mat::new(&plan, n, m).unwrap());
    let (long_f, long_g) = (vec![0.5; n + 1], vec![0.5; m + 1]);
    let (f, g) = (vec![0.5; n], vec![0.5; m]);
    for cotangent in [
        Cotangent::new().plan(Mat::new(&plan, m, n).unwrap()),
        Cotangent::new().plan(Mat::new(&plan, n + 1, m).unwrap()),
        Cotangent::new().row_marginal(&long_f),
        Cotangent::new().col_marginal(&long_g),
        Cotangent::new().potentials(&long_f, &g),
        Cotangent::new().potentials(&f, &long_g),
    ] {
        let mut a = vec![7.0; n];
        let gradients = Gradients { a: Some(&mut a), ..Default::default() };
        let error = implicit::vjp(&problem, optimum, &cotangent, &options, gradients, &mut work);
        expect(error.unwrap_err(), ErrorKind::Shape, Argument::Cotangent);
        assert_eq!(a, vec![7.0; n]);
    }
    let mut vjp = |gradients: Gradients<'_, f64>| {
        implicit::vjp(&problem, optimum, &good, &options, gradients, &mut work).unwrap_err()
    };
    let (mut out, mut other) = (vec![7.0; 100], vec![7.0; 100]);
    fn matrix(out: &mut [f64], n: usize, m: usize) -> Option<MatMut<'_, f64>> {
        Some(MatMut::new(out, n, m).unwrap())
    }
    let error = vjp(Gradients {
        cost: matrix(&mut out, m, n),
        a: Some(&mut other[..n]),
        ..Default::default()
    });
    expect(error, ErrorKind::Shape, Argument::CostGradient);
    for len in [0, n - 1, n + 1] {
        let error = vjp(Gradients {
            a: Some(&mut out[..len]),
            b: Some(&mut other[..m]),
            ..Default::default()
        });
        expect(error, ErrorKind::Shape, Argument::RowWeightGradient);
    }
    for len in [0, m - 1, m + 1] {
        let error = vjp(Gradients { b: Some(&mut out[..len]), ..Default::default() });
        expect(error, ErrorKind::Shape, Argument::ColWeightGradient);
    }
    // A dense cost has no points.
    let error = vjp(Gradients { x: matrix(&mut out, n, 1), ..Default::default() });
    expect(error, ErrorKind::Shape, Argument::RowPointGradient);
    let error = vjp(Gradients { y: matrix(&mut out, m, 1), ..Default::default() });
    expect(error, ErrorKind::Shape, Argument::ColPointGradient);
    assert!(out.iter().chain(&other).all(|&x| x == 7.0));
    for (len_f, len_g, blamed) in
        [(n + 1, m, Argument::RowPotentials), (n, m - 1, Argument::ColPotentials)]
    {
        let (f, g) = (vec![0.0; len_f], vec![0.0; len_g]);
        let optimum = Optimum::new(&f, &g, &solved.report);
        let gradients = Gradients::default();
        let error = implicit::vjp(&problem, optimum, &good, &options, gradients, &mut work);
        expect(error.unwrap_err(), ErrorKind::Shape, blamed);
    }
}
