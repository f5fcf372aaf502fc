//! Zero weights, forbidden pairs, rows and columns whose mass underflows: every gradient is finite,
//! and right where a derivative exists.

use super::common::case::{Case, Found, Loss, Random, Solved, normalise};
use super::differences::{
    DIRECT, Direction, ITERATIVE, Kind, along, calibrate, differences, losses, report,
};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::implicit;
use robust_ot::marginal::Rule;
use robust_ot::problem::Reference;

fn everything(found: &Found<f64>) -> impl Iterator<Item = f64> + '_ {
    let r = &found.report;
    let scalars = [r.epsilon, r.residual, r.forward_residual].into_iter();
    let rules = r.row_rule.into_iter().chain(r.col_rule);
    let vectors = [&found.cost, &found.a, &found.b, &found.x, &found.y];
    vectors.into_iter().flatten().copied().chain(scalars).chain(rules)
}

fn both(case: &Case<f64>, base: &Solved<f64>, loss: &Loss<f64>) -> [(&'static str, Found<f64>); 2] {
    [("direct", DIRECT), ("iterative", ITERATIVE)].map(|(name, method)| {
        let options = implicit::Options::new().method(method);
        let found = case.gradient(base, &visible(loss, base), &options, method == DIRECT).unwrap();
        (name, found)
    })
}

/// The loss without what it asks of infinite potentials, its sums equal again.
fn visible(loss: &Loss<f64>, base: &Solved<f64>) -> Loss<f64> {
    let mut loss = loss.clone();
    if let Some((f, g)) = &mut loss.potentials {
        for (x, potential) in f.iter_mut().zip(&base.f).chain(g.iter_mut().zip(&base.g)) {
            if !potential.is_finite() {
                *x = 0.0;
            }
        }
        let excess = f.iter().sum::<f64>() - g.iter().sum::<f64>();
        let first = base.f.iter().position(|x| x.is_finite()).expect("some mass");
        f[first] -= excess;
    }
    loss
}

/// Compares along the directions given; all gradients must be finite.
fn check(
    what: &str,
    case: &Case<f64>,
    directions: &[Direction],
    losses: &[(&str, Loss<f64>)],
    failures: &mut Vec<String>,
) {
    let base = case.solve();
    let losses: Vec<_> = losses.iter().map(|(name, loss)| (*name, visible(loss, &base))).collect();
    let losses = &losses[..];
    let found: Vec<_> = losses.iter().map(|(_, loss)| both(case, &base, loss)).collect();
    for ((name, _), found) in losses.iter().zip(&found) {
        for (method, found) in found {
            if !everything(found).all(f64::is_finite) {
                failures.push(format!("{what}: {name} {method}: not finite {found:?}"));
            }
        }
    }
    for direction in directions {
        let references = differences(case, &base, direction, losses);
        for (((name, _), found), reference) in losses.iter().zip(&found).zip(references) {
            for (method, found) in found {
                let slope = (direction.slope)(found);
                let off = (slope - reference).abs();
                let bound = 1e-6 * reference.abs() + 1e-8 + 1e-13 / direction.step;
                if off.is_nan() || off > bound {
                    failures.push(format!(
                        "{what}: d {name} / d {}: {method} {slope:e} against {reference:e}",
                        direction.name
                    ));
                }
            }
        }
    }
}

/// e_k - e_l.
fn exchange(len: usize, k: usize, l: usize) -> Vec<f64> {
    let mut direction = vec![0.0; len];
    direction[k] += 1.0;
    direction[l] -= 1.0;
    direction
}

/// Directions into a weight of zero (one-sided) and among the others, and of the costs.
fn around_zero(case: &Case<f64>, row: Option<usize>, col: Option<usize>) -> Vec<Direction> {
    let (n, m) = (case.n, case.m);
    let mut random = Random(9);
    let mut cost = random.vector(n * m, -1.0, 1.0);
    for (x, c) in cost.iter_mut().zip(&case.cost) {
        if c.is_infinite() {
            *x = 0.0;
        }
    }
    let step = 1e-3 * case.epsilon;
    let mut all = vec![along("C", step, cost, |c| &mut c.cost, |f| &f.cost)];
    let other = |zero: Option<usize>, len: usize| (0..len).find(|&k| Some(k) != zero).unwrap();
    let last = |zero: Option<usize>, len: usize| (0..len).rfind(|&k| Some(k) != zero).unwrap();
    let (first, second) = (other(row, n), last(row, n));
    let among = exchange(n, first, second);
    all.push(along("a among positive", 1e-4, among, |c| &mut c.a, |f| &f.a));
    let (first, second) = (other(col, m), last(col, m));
    let among = exchange(m, first, second);
    all.push(along("b among positive", 1e-4, among, |c| &mut c.b, |f| &f.b));
    if let Some(row) = row {
        let into = exchange(n, row, other(row.into(), n));
        let into = along("a at zero", 1e-4, into, |c| &mut c.a, |f| &f.a);
        all.push(Direction { one_sided: true, ..into });
    }
    if let Some(col) = col {
        let into = exchange(m, col, other(col.into(), m));
        let into = along("b at zero", 1e-4, into, |c| &mut c.b, |f| &f.b);
        all.push(Direction { one_sided: true, ..into });
    }
    all
}

/// Losses that are differentiable at a zero weight: not of potentials, which go to minus infinity,
/// nor the value, whose slope does.
fn smooth(case: &Case<f64>, seed: u64) -> Vec<(&'static str, Loss<f64>)> {
    let keep = ["plan", "transport", "marginals"];
    losses(case, seed).into_iter().filter(|(name, _)| keep.contains(name)).collect()
}

/// A case with a zero among the weights of a side.
fn with_zeros(
    seed: u64,
    shape: (usize, usize),
    (rows, cols): (Kind, Kind),
    (row, col): (Option<usize>, Option<usize>),
) -> Case<f64> {
    let mut case = Case::random(seed, shape, (Rule::Exact, Rule::Exact));
    if let Some(row) = row {
        case.a[row] = 0.0;
    }
    if let Some(col) = col {
        case.b[col] = 0.0;
    }
    normalise(&mut case.a, 1.0);
    normalise(&mut case.b, 1.0);
    calibrate(&mut case, rows, cols);
    case
}

const SHAPES: [(usize, usize); 3] = [(4, 4), (3, 5), (5, 3)];

/// The one-sided derivative of an exact side's zero weight, of the rows.
#[test]
fn zero_weights_of_exact_rows() {
    let mut failures = Vec::new();
    for shape in SHAPES {
        for cols in [Kind::Exact, Kind::Kl, Kind::L2(true, 0.05), Kind::KlBall(true, 0.0)] {
            let zeros = (Some(1), None);
            let case = with_zeros(21, shape, (Kind::Exact, cols), zeros);
            let directions = around_zero(&case, zeros.0, zeros.1);
            let what = format!("Exact / {cols:?} {shape:?}");
            check(&what, &case, &directions, &smooth(&case, 3), &mut failures);
        }
    }
    report(&failures);
}

/// The same of the columns: the sides are equals.
#[test]
fn zero_weights_of_exact_columns() {
    let mut failures = Vec::new();
    for shape in SHAPES {
        for rows in [Kind::Exact, Kind::Kl, Kind::L2(true, 0.05), Kind::KlBall(true, 0.0)] {
            let zeros = (None, Some(2));
            let case = with_zeros(22, shape, (rows, Kind::Exact), zeros);
            let directions = around_zero(&case, zeros.0, zeros.1);
            let what = format!("{rows:?} / Exact {shape:?}");
            check(&what, &case, &directions, &smooth(&case, 4), &mut failures);
        }
    }
    report(&failures);
}

/// Both at once: the limit of a row sees the columns with mass only, and the reverse.
#[test]
fn zero_weights_of_both_exact_sides() {
    let mut failures = Vec::new();
    for shape in SHAPES {
        let zeros = (Some(1), Some(2));
        let case = with_zeros(23, shape, (Kind::Exact, Kind::Exact), zeros);
        let directions = around_zero(&case, zeros.0, zeros.1);
        check(&format!("{shape:?}"), &case, &directions, &smooth(&case, 5), &mut failures);
    }
    report(&failures);
}

/// An L2 ball may fill a zero weight, so that its derivative is one like any other; against the
/// product reference it may not. KL rules have no derivative there: 0 stands for it.
#[test]
fn zero_weights_of_relaxed_sides() {
    let mut failures = Vec::new();
    for shape in SHAPES {
        for kind in [Kind::L2(true, 0.05), Kind::L2(true, 0.0), Kind::L2(false, 0.05)] {
            for other in [Kind::Exact, Kind::Kl, Kind::L2(true, 0.02)] {
                for turned in [false, true] {
                    let (zeros, kinds) = if turned {
                        ((None, Some(1)), (other, kind))
                    } else {
                        ((Some(1), None), (kind, other))
                    };
                    let case = with_zeros(24, shape, kinds, zeros);
                    let solved = case.solve();
                    let filled = if turned { solved.c[1] } else { solved.r[1] };
                    assert!(filled > 1e-3, "{kinds:?}: {filled}");
                    let directions = around_zero(&case, zeros.0, zeros.1);
                    let what = format!("{kinds:?} {shape:?}");
                    check(&what, &case, &directions, &losses(&case, 6), &mut failures);
                }
            }
        }
        for kinds in [
            (Kind::Kl, Kind::Kl),
            (Kind::KlBall(true, 0.0), Kind::KlBall(true, 0.05)),
            (Kind::KlBall(false, 0.0), Kind::Kl),
        ] {
            let zeros = (Some(1), Some(0));
            let case = with_zeros(25, shape, kinds, zeros);
            let directions = around_zero(&case, None, None);
            // The directions above may name the zero weights; these keep them.
            let directions: Vec<_> = directions.into_iter().filter(|d| d.name == "C").collect();
            let what = format!("{kinds:?} {shape:?}");
            check(&what, &case, &directions, &smooth(&case, 7), &mut failures);
            let base = case.solve();
            for (name, loss) in losses(&case, 8) {
                for (method, found) in both(&case, &base, &loss) {
                    assert_eq!((found.a[1], found.b[0]), (0.0, 0.0), "{what} {name} {method}");
                }
            }
        }
    }
    report(&failures);
}

/// Against the product reference a zero weight's gradient is masked under every rule.
#[test]
fn zero_weights_against_the_product() {
    let mut failures = Vec::new();
    let kinds = [Kind::Exact, Kind::Kl, Kind::L2(true, 0.05), Kind::KlBall(true, 0.0)];
    for shape in SHAPES {
        for rows in kinds {
            for cols in kinds {
                let mut case = Case::random(26, shape, (Rule::Exact, Rule::Exact));
                (case.a[0], case.b[2]) = (0.0, 0.0);
                normalise(&mut case.a, 1.0);
                normalise(&mut case.b, 1.0);
                case.reference = Reference::Product;
                calibrate(&mut case, rows, cols);
                let mut directions = around_zero(&case, Some(0), Some(2));
                directions.retain(|d| !d.name.contains("at zero"));
                let what = format!("{rows:?} / {cols:?} {shape:?}");
                check(&what, &case, &directions, &smooth(&case, 9), &mut failures);
                let base = case.solve();
                for (_, loss) in losses(&case, 10) {
                    for (method, found) in both(&case, &base, &loss) {
                        assert_eq!((found.a[0], found.b[2]), (0.0, 0.0), "{what} {method}");
                    }
                }
            }
        }
    }
    report(&failures);
}

/// A forbidden pair has no gradient, and what the cotangent says of it does not matter.
#[test]
fn forbidden_pairs() {
    let mut failures = Vec::new();
    let kinds = [Kind::Exact, Kind::Kl, Kind::L2(true, 0.05), Kind::KlBall(true, 0.0)];
    for shape in SHAPES {
        for rows in kinds {
            for cols in kinds {
                let mut case = Case::random(27, shape, (Rule::Exact, Rule::Exact));
                let forbidden = [1, case.m];
                for k in forbidden {
                    case.cost[k] = f64::INFINITY;
                }
                calibrate(&mut case, rows, cols);
                let directions = around_zero(&case, None, None);
                let what = format!("{rows:?} / {cols:?} {shape:?}");
                let losses = losses(&case, 11);
                check(&what, &case, &directions, &losses, &mut failures);
                let base = case.solve();
                for (name, loss) in &losses {
                    let mut other = loss.clone();
                    if let Some(plan) = &mut other.plan {
                        for k in forbidden {
                            plan[k] = 1e6;
                        }
                    }
                    for ((method, x), (_, y)) in
                        both(&case, &base, loss).iter().zip(&both(&case, &base, &other))
                    {
                        assert!(everything(x).eq(everything(y)), "{what} {name} {method}");
                        for k in forbidden {
                            assert_eq!(x.cost[k], 0.0, "{what} {name} {method}");
                        }
                    }
                }
            }
        }
    }
    report(&failures);
}

/// A row or column so far away that its relaxed mass is nothing (0, or below any trust).
#[test]
fn masses_that_underflow() {
    let mut failures = Vec::new();
    let kinds = [Kind::Kl, Kind::L2(true, 0.05), Kind::L2(true, 0.0), Kind::KlBall(true, 0.0)];
    for distance in [20.0, 60.0, 200.0, 1e6] {
        for shape in SHAPES {
            for kind in kinds {
                for turned in [false, true] {
                    let mut case = Case::random(28, shape, (Rule::Exact, Rule::Exact));
                    for (k, c) in case.cost.iter_mut().enumerate() {
                        let (i, j) = (k / shape.1, k % shape.1);
                        if (if turned { j } else { i }) == 1 {
                            *c += distance;
                        }
                    }
                    // With an exact side opposite, all of whose mass can go elsewhere.
                    let (rows, cols) =
                        if turned { (Kind::Exact, kind) } else { (kind, Kind::Exact) };
                    calibrate_far(&mut case, rows, cols);
                    let what = format!("{rows:?} / {cols:?} {shape:?} {distance}");
                    let mut directions = around_zero(&case, None, None);
                    directions.retain(|d| d.name == "C" || turned != d.name.starts_with('b'));
                    check(&what, &case, &directions, &smooth(&case, 12), &mut failures);
                }
            }
        }
    }
    report(&failures);
}

/// Radii at which the far entry may lose all its mass.
fn calibrate_far(case: &mut Case<f64>, rows: Kind, cols: Kind) {
    let rule = |kind| match kind {
        Kind::Kl => Rule::Kl { tau: 0.3 },
        Kind::L2(_, entropy) => Rule::L2Ball { radius2: 0.9, entropy },
        Kind::KlBall(_, entropy) => Rule::KlBall { radius: 1.5, entropy },
        Kind::Exact => Rule::Exact,
    };
    (case.rows, case.cols) = (rule(rows), rule(cols));
}

/// Exact weights so small that their sums are below what a sweep trusts.
#[test]
fn tiny_exact_weights() {
    for tiny in [1e-20, 1e-100, 1e-130, 1e-300, 5e-324] {
        for shape in SHAPES {
            for (row, col) in [(Some(1), None), (None, Some(2)), (Some(1), Some(2))] {
                let zero = with_zeros(29, shape, (Kind::Exact, Kind::Exact), (row, col));
                let mut case = zero.clone();
                if let Some(row) = row {
                    case.a[row] = tiny;
                }
                if let Some(col) = col {
                    case.b[col] = tiny;
                }
                let (base, limit) = (case.solve(), zero.solve());
                for (name, loss) in smooth(&case, 13) {
                    let found = both(&case, &base, &loss);
                    for ((method, x), (_, y)) in found.iter().zip(&both(&zero, &limit, &loss)) {
                        let what = format!("{name} {method} {shape:?} {row:?} {col:?} {tiny:e}");
                        assert!(everything(x).all(f64::is_finite), "{what}: {x:?}");
                        let gradients = |f: &Found<f64>| {
                            // The gauge (u + t, v - t) is free.
                            let (u, v) = (f.a[0], f.b[0]);
                            let a = f.a.iter().map(move |x| x - u);
                            let b = f.b.iter().map(move |x| x - v);
                            f.cost.iter().copied().chain(a).chain(b).collect::<Vec<f64>>()
                        };
                        for (k, (x, y)) in gradients(x).iter().zip(gradients(y)).enumerate() {
                            assert!((x - y).abs() <= 1e-8, "{what}, entry {k}: {x} against {y}");
                        }
                    }
                }
            }
        }
    }
}

/// A potential exists however small its weight: epsilon log a less the soft maximum of the row, so
/// d f_i / d C_ij is the share of j in row i. Where the row's sum is below what is trusted, its
/// cotangent is refused by index, not dropped.
#[test]
fn potentials_of_tiny_weights() {
    let shape = (4, 3);
    for tiny in [1e-100, 1e-130] {
        let mut case = with_zeros(30, shape, (Kind::Exact, Kind::Kl), (Some(1), None));
        case.a[1] = tiny;
        let base = case.solve();
        let mut f = vec![0.0; 4];
        f[1] = 1.0;
        let loss = Loss { potentials: Some((f, vec![0.0; 3])), ..Loss::default() };
        if tiny < 1e-120 {
            for method in [DIRECT, ITERATIVE] {
                let options = implicit::Options::new().method(method);
                let error = case.gradient(&base, &loss, &options, method == DIRECT).unwrap_err();
                assert_eq!(
                    (error.kind, error.argument),
                    (ErrorKind::Singular, Argument::Cotangent)
                );
                assert_eq!(error.row, 1);
            }
            continue;
        }
        let row = &base.plan[3..6];
        let mass: f64 = row.iter().sum();
        for (method, found) in both(&case, &base, &loss) {
            for (found, x) in found.cost[3..6].iter().zip(row) {
                let off = (found - x / mass).abs();
                assert!(off <= 1e-9, "{tiny:e} {method}: {found} against {}", x / mass);
            }
        }
    }
}
