//! Laws that gradients obey whatever the problem: methods, levels, precisions, work and sides agree,
//! and constants in rows or columns of a cotangent are seen through the marginals alone.

use super::common::case::{Case, Found, Loss, Number, Random, convert};
use super::differences::{DIRECT, ITERATIVE, Kind, calibrate, losses};
use robust_ot::implicit::{self, Method};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::problem::Reference;

const PAIRS: [(Kind, Kind); 9] = [
    (Kind::Exact, Kind::Exact),
    (Kind::Exact, Kind::Kl),
    (Kind::Kl, Kind::Exact),
    (Kind::Kl, Kind::Kl),
    (Kind::L2(true, 0.02), Kind::L2(true, 0.0)),
    (Kind::L2(false, 0.0), Kind::Exact),
    (Kind::Exact, Kind::KlBall(true, 0.02)),
    (Kind::KlBall(true, 0.0), Kind::L2(true, 0.05)),
    (Kind::KlBall(false, 0.0), Kind::Kl),
];

/// Cases of every sort at some epsilon.
fn cases(shape: (usize, usize), epsilon: f64) -> impl Iterator<Item = (String, u64, Case<f64>)> {
    let references = [Reference::Counting, Reference::Product];
    PAIRS.into_iter().enumerate().map(move |(k, (rows, cols))| {
        let seed = 300 + k as u64;
        let mut case = Case::random(seed, shape, (Rule::Exact, Rule::Exact));
        case.epsilon = epsilon;
        case.reference = references[k % 2];
        calibrate(&mut case, rows, cols);
        case.unit_mass = k == 3;
        (format!("{rows:?} / {cols:?} seed {seed}"), seed, case)
    })
}

fn parts<T: Number>(found: &Found<T>) -> [(&'static str, Vec<f64>); 6] {
    let r = &found.report;
    let [t0, t1] = r.row_rule;
    let [t2, t3] = r.col_rule;
    [
        ("cost", convert(&found.cost)),
        ("a", convert(&found.a)),
        ("b", convert(&found.b)),
        ("x", convert(&found.x)),
        ("y", convert(&found.y)),
        ("scalars", convert(&[r.epsilon, t0, t1, t2, t3])),
    ]
}

/// Without the gauge: gradients of weights that are defined up to a constant lose their mean.
fn centred(mut parts: [(&'static str, Vec<f64>); 6]) -> [(&'static str, Vec<f64>); 6] {
    for (name, values) in &mut parts {
        if *name == "a" || *name == "b" {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter_mut().for_each(|x| *x -= mean);
        }
    }
    parts
}

/// What counts as large for an entry of a gradient, besides the largest entry.
const SCALE: f64 = 0.05;

/// Largest difference relative to the largest entry.
fn close(what: &str, x: &Found<impl Number>, y: &Found<impl Number>, tolerance: f64) -> f64 {
    let mut most = 0.0f64;
    for ((name, x), (_, y)) in centred(parts(x)).iter().zip(centred(parts(y)).iter()) {
        assert!(x.iter().chain(y).all(|x| x.is_finite()), "{what} {name}: {x:?} {y:?}");
        let scale = y.iter().fold(0.0f64, |s, y| s.max(y.abs()));
        let worst = x.iter().zip(y).fold(0.0f64, |w, (x, y)| w.max((x - y).abs()));
        assert!(
            worst <= tolerance * (scale + SCALE),
            "{what} {name}: off by {worst:e} of {scale:e}\n{x:?}\n{y:?}"
        );
        most = most.max(worst / (scale + SCALE));
    }
    most
}

fn options(method: Method<f64>) -> implicit::Options<f64> {
    implicit::Options::new().method(method)
}

#[test]
fn both_methods_agree() {
    for (shape, epsilon) in [((7, 5), 0.1), ((5, 8), 0.03), ((9, 9), 0.01), ((3, 40), 0.05)] {
        let mut worst = 0.0f64;
        for (what, seed, case) in cases(shape, epsilon) {
            let base = case.solve();
            for (name, loss) in losses(&case, seed) {
                let direct = case.gradient(&base, &loss, &options(DIRECT), true).unwrap();
                let iterative = case.gradient(&base, &loss, &options(ITERATIVE), false).unwrap();
                let off = close(&format!("{what} {shape:?} {name}"), &iterative, &direct, 1e-8);
                worst = worst.max(off);
                // A slack ball without entropy leaves rounding for a right-hand side.
                let trivial = matches!(case.rows, Rule::L2Ball { entropy: 0.0, .. })
                    && case.cols == Rule::Exact;
                assert!(trivial || direct.report.residual <= 1e-9, "{what}: {:?}", direct.report);
            }
        }
        println!("{shape:?} at epsilon {epsilon}: methods differ by {worst:e}");
    }
}

/// Rows and columns exchanged: the same gradients exchanged.
#[test]
fn sides_exchanged() {
    for (what, seed, case) in cases((6, 4), 0.05) {
        let base = case.solve();
        let (n, m) = (case.n, case.m);
        let turn = |x: &[f64], n: usize, m: usize| -> Vec<f64> {
            (0..n * m).map(|k| x[(k % n) * m + k / n]).collect()
        };
        let turned = Case {
            n: m,
            m: n,
            cost: turn(&case.cost, n, m),
            a: case.b.clone(),
            b: case.a.clone(),
            rows: case.cols,
            cols: case.rows,
            ..case.clone()
        };
        let there = turned.solve();
        for (name, loss) in losses(&case, seed) {
            let other = Loss {
                plan: loss.plan.as_ref().map(|x| turn(x, n, m)),
                row: loss.col.clone(),
                col: loss.row.clone(),
                potentials: loss.potentials.clone().map(|(f, g)| (g, f)),
                ..loss
            };
            for method in [DIRECT, ITERATIVE] {
                let direct = method == DIRECT;
                let here = case.gradient(&base, &loss, &options(method), direct).unwrap();
                let mut back = turned.gradient(&there, &other, &options(method), direct).unwrap();
                back.cost = turn(&back.cost, m, n);
                core::mem::swap(&mut back.a, &mut back.b);
                (back.report.row_rule, back.report.col_rule) =
                    (back.report.col_rule, back.report.row_rule);
                close(&format!("{what} {name} {method:?}"), &back, &here, 1e-9);
            }
        }
    }
}

/// G -> G + a (+) b is a cotangent of the marginals; of fixed ones nobody sees it in dL/dC.
#[test]
fn constants_in_rows_and_columns() {
    for (what, seed, case) in cases((5, 6), 0.05) {
        let base = case.solve();
        let mut random = Random(seed);
        let (n, m) = (case.n, case.m);
        let plan = random.vector(n * m, -1.0, 1.0);
        let (row, col) = (random.vector(n, -1.0, 1.0), random.vector(m, -1.0, 1.0));
        let moved: Vec<f64> = (0..n * m).map(|k| plan[k] + (row[k / m] + col[k % m])).collect();
        let whole = Loss { plan: Some(moved), ..Loss::default() };
        let plain = Loss { plan: Some(plan), ..Loss::default() };
        let split = Loss { row: Some(row.clone()), col: Some(col), ..plain.clone() };
        let only_row = Loss { row: Some(row), ..plain.clone() };
        for method in [DIRECT, ITERATIVE] {
            let find = |loss| case.gradient(&base, loss, &options(method), method == DIRECT);
            let [whole, split, plain, only_row] =
                [&whole, &split, &plain, &only_row].map(|loss| find(loss).unwrap());
            close(&format!("{what} {method:?}"), &whole, &split, 1e-10);
            let difference = |x: &Found<f64>, y: &Found<f64>| {
                x.cost.iter().zip(&y.cost).fold(0.0f64, |w, (x, y)| w.max((x - y).abs()))
            };
            let seen = difference(&only_row, &plain);
            if case.rows == Rule::Exact {
                assert!(seen <= 1e-10, "{what}: {seen:e}");
                let both = difference(&whole, &plain);
                assert!(case.cols != Rule::Exact || both <= 1e-10, "{what}: {both:e}");
            } else {
                assert!(seen > 1e-4, "{what}: a relaxed marginal is not seen, {seen:e}");
            }
        }
    }
}

/// Twice the loss has twice the gradient, and no loss none.
#[test]
fn gradients_are_linear_in_the_loss() {
    for (what, seed, case) in cases((4, 5), 0.05) {
        let base = case.solve();
        for (name, loss) in losses(&case, seed) {
            let scale = |v: &Option<Vec<f64>>, by: f64| {
                v.as_ref().map(|v| v.iter().map(|x| by * x).collect::<Vec<_>>())
            };
            let times = |by: f64| Loss {
                plan: scale(&loss.plan, by),
                row: scale(&loss.row, by),
                col: scale(&loss.col, by),
                potentials: loss.potentials.clone().map(|(f, g)| {
                    (f.iter().map(|x| by * x).collect(), g.iter().map(|x| by * x).collect())
                }),
                transport: by * loss.transport,
                value: by * loss.value,
            };
            for method in [DIRECT, ITERATIVE] {
                let find = |by| {
                    case.gradient(&base, &times(by), &options(method), method == DIRECT).unwrap()
                };
                // A power of two scales every step exactly, but for the stopping of the iteration.
                let (once, twice) = (find(1.0), find(2.0));
                for ((part, x), (_, y)) in parts(&once).iter().zip(parts(&twice).iter()) {
                    let same = x.iter().zip(y).all(|(x, y)| 2.0 * x == *y);
                    assert!(same, "{what} {name} {part} {method:?}");
                }
                for (part, x) in parts(&find(0.0)) {
                    assert!(x.iter().all(|x| *x == 0.0), "{what} {name} {part}: {x:?}");
                }
            }
        }
    }
}

fn bits(found: &Found<impl Number>) -> Vec<u64> {
    let parts = parts(found);
    let mut bits: Vec<u64> = parts.iter().flat_map(|(_, x)| x).map(|x| x.to_bits()).collect();
    bits.push(found.report.residual.to_f64().to_bits());
    bits.push(u64::from(found.report.iterations));
    bits
}

/// What work and outputs held, where the work lies, and the instruction set change no bit.
fn same_bits<T: Number>() {
    for shape in [(7, 5), (5, 19), (33, 34)] {
        for (what, seed, case) in cases(shape, 0.1) {
            let case = case.to::<T>();
            let base = case.solve();
            let (_, loss) = losses(&case.to(), seed).pop().unwrap();
            let loss = loss.to::<T>();
            let number = T::from_f64;
            let iterative = Method::Iterative { tolerance: number(1e-5), max_iterations: 50 };
            for method in [Method::Direct, iterative] {
                let direct = method == Method::Direct;
                let options = implicit::Options::new().method(method);
                let options = options.forward_tolerance(number(1e-2));
                let len = implicit::work_len(case.n, case.m, 0, direct);
                let mut expected = None;
                for fill in [T::NAN, number(1e38), T::MAX, T::ZERO, T::NEG_INFINITY] {
                    let levels = Level::available().map(|level| (level, 0, 0));
                    let moved = [(Level::detect(), 1, 0), (Level::detect(), 5, 9)];
                    for (level, start, extra) in levels.chain(moved) {
                        let mut work = vec![fill; start + len + extra];
                        let options = options.level(level);
                        let work = &mut work[start..];
                        let (_, found) = case.gradient_in(&base, &loss, &options, work, fill);
                        let found = bits(&found.unwrap());
                        let expected = expected.get_or_insert_with(|| found.clone());
                        assert_eq!(expected, &found, "{what} {method:?} {fill} {}", level.name());
                    }
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_work_or_level_in_f64() {
    same_bits::<f64>();
}

#[test]
fn bits_do_not_depend_on_work_or_level_in_f32() {
    same_bits::<f32>();
}

/// The gradient of a solve in f32 against that in f64: k u / epsilon.
#[test]
fn single_precision() {
    const K: f64 = 1024.0;
    let epsilon = 0.05;
    let tolerance = K * f64::from(f32::EPSILON) / 2.0 / epsilon;
    for shape in [(6, 5), (5, 12)] {
        for (what, seed, case) in cases(shape, epsilon) {
            let (base, narrow) = (case.solve(), case.to::<f32>());
            let narrow_base = narrow.solve();
            for (name, loss) in losses(&case, seed) {
                let double = case.gradient(&base, &loss, &options(DIRECT), true).unwrap();
                let iterative = Method::Iterative { tolerance: 1e-7, max_iterations: 200 };
                for method in [Method::Direct, iterative] {
                    let options = implicit::Options::new().method(method);
                    let loss = loss.to();
                    let direct = method == Method::Direct;
                    let single = narrow.gradient(&narrow_base, &loss, &options, direct).unwrap();
                    let what = format!("{what} {name} {method:?}");
                    let off = close(&what, &single, &double, tolerance);
                    println!("{what}: {off:e} of {tolerance:e}");
                }
            }
        }
    }
}
