//! Data at the edges of what is sensible.

use super::T;
use super::cases::{Case, SINGLE, Solved, all_bits, bits, normalised, scattered};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Reference;
use robust_ot::report::Termination;

const KL: Rule<T> = Rule::Kl { tau: 0.5 };

fn options() -> Options<T> {
    Options::new()
}

fn residual(tolerance: T) -> Options<T> {
    options().stop(Stop::Residual(tolerance))
}

/// Slow problems get fewer iterations where arithmetic is slow.
fn patience() -> u64 {
    if cfg!(debug_assertions) { 1500 } else { 30_000 }
}

#[test]
fn one_point_on_a_side() {
    for (n, m) in [(1, 1), (1, 2), (2, 1), (1, 33), (33, 1)] {
        for case in Case::new(n, m).families(0.5) {
            let solved = case.converges(&options());
            let plan = case.plan(&solved);
            if case.rows == Rule::Exact && case.cols == Rule::Exact {
                // Only one plan fits.
                for (k, x) in plan.iter().enumerate() {
                    let exact = f64::from(case.a[k / m]) * f64::from(case.b[k % m]);
                    assert!((x - exact).abs() < 1e-4 * exact, "{x} {exact}");
                }
                assert!(solved.report.iterations <= 3, "{:?}", solved.report);
            }
        }
    }
}

#[test]
fn no_difference_between_points() {
    // Identical points cost nothing, others all the same.
    for cost in [0.0, 1.0, -3.0, 1e4] {
        let tau = if cost > 1.0 { cost } else { 0.5 };
        for case in (Case { cost: vec![cost; 63], ..Case::new(7, 9) }).families(tau) {
            let tolerance = if SINGLE && cost == 1e4 { 0.1 } else { 1e-4 };
            let solved = case.converges(&residual(tolerance));
            let plan = case.plan(&solved);
            let mass: f64 = plan.iter().sum();
            // The plan is a product of its marginals.
            for (k, x) in plan.iter().enumerate() {
                let row: f64 = plan[k / 9 * 9..][..9].iter().sum();
                let col: f64 = plan.iter().skip(k % 9).step_by(9).sum();
                let product = row * col / mass;
                let rounding = 4.0 * f64::from(solved.report.rounding_floor);
                assert!((x - product).abs() <= rounding * product, "{x} {product}");
            }
        }
    }
}

/// Every support, down to a single weight on each side.
#[test]
fn zero_weights() {
    let supports: [(&[f64], &[f64]); 5] = [
        (&[1.0, 0.0, 2.0, 0.0, 1.0], &[0.0, 1.0, 1.0, 0.0]),
        (&[0.0, 0.0, 0.0, 1.0, 0.0], &[1.0, 2.0, 3.0, 4.0]),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0, 0.0, 1.0, 0.0]),
        (&[0.0, 0.0, 0.0, 0.0, 1.0], &[0.0, 0.0, 0.0, 1.0]),
        (&[-0.0, 1.0, -0.0, 1.0, -0.0], &[1.0, -0.0, -0.0, 1.0]),
    ];
    for (a, b) in supports {
        let weights = (normalised(a.iter().copied()), normalised(b.iter().copied()));
        let case = Case { a: weights.0, b: weights.1, ..Case::new(5, 4) };
        for case in case.families(0.5) {
            let solved = case.converges(&options());
            // The same as without those points: they have no say.
            let rows: Vec<usize> = (0..5).filter(|&i| case.a[i] > 0.0).collect();
            let cols: Vec<usize> = (0..4).filter(|&j| case.b[j] > 0.0).collect();
            let cost = |&i: &usize| cols.iter().map(move |j| i * 4 + j);
            let small = Case {
                n: rows.len(),
                m: cols.len(),
                cost: rows.iter().flat_map(cost).map(|k| case.cost[k]).collect(),
                a: rows.iter().map(|&i| case.a[i]).collect(),
                b: cols.iter().map(|&j| case.b[j]).collect(),
                ..case.clone()
            };
            let small = small.converges(&options());
            let tolerance = if SINGLE { 1e-4 } else { 1e-8 };
            let shift = solved.f[rows[0]] - small.f[0];
            for (found, &i) in small.f.iter().zip(&rows) {
                assert!((solved.f[i] - found - shift).abs() < tolerance);
            }
            let (cost, other) = (solved.report.transport_cost, small.report.transport_cost);
            assert!((cost - other).abs() < tolerance);
        }
    }
}

/// Down to an epsilon of 1e-4 of the range: never NaN, never converged without being so.
#[test]
fn small_epsilon() {
    let tolerance = if SINGLE { 1e-5 } else { 1e-9 };
    for epsilon in [1.0, 1e-1, 1e-2, 1e-3, 1e-4] {
        let sides = [(Rule::Exact, Rule::Exact), (KL, Rule::Exact), (KL, KL)];
        for (rows, cols) in sides {
            let case = Case::line(50, epsilon).rules(rows, cols);
            let solved = case.solve(&options().max_iterations(patience()));
            case.inspect(&solved);
            let report = &solved.report;
            println!(
                "epsilon {epsilon:e} {rows:?} {cols:?}: {:?} after {}, residual {:e}, floor {:e}",
                report.termination, report.iterations, report.residual, report.rounding_floor
            );
            let endings =
                [Termination::Converged, Termination::RoundingFloor, Termination::IterationLimit];
            assert!(endings.contains(&report.termination), "{report:?}");
            if report.converged() {
                let plain = case.residual(&solved);
                let rounding = 8.0 * f64::from(report.rounding_floor);
                assert!(plain <= 10.0 * tolerance + rounding, "{plain:e} {report:?}");
            }
            assert!(report.converged() || epsilon < 0.1, "{report:?}");
        }
    }
}

/// A constant added to the cost adds itself to the potentials and the value; the course of the
/// solve is the same.
#[test]
fn cost_offsets() {
    // Slow enough that a run which stops watching its progress is found out.
    let slow = Case::line(20, if SINGLE { 0.02 } else { 0.0015 });
    let tolerance = if SINGLE { 1e-3 } else { 1e-9 };
    let plain = slow.converges(&residual(tolerance));
    assert!(SINGLE || plain.report.iterations > 2500, "{:?}", plain.report);
    for offset in [-5.0, -1.0, 1.0, 5.0] {
        let mut case = slow.clone();
        case.cost.iter_mut().for_each(|c| *c += offset);
        let solved = case.converges(&residual(tolerance));
        let (found, expected) = (solved.report, plain.report);
        let more = found.iterations.abs_diff(expected.iterations);
        assert!(more <= expected.iterations / 10 + 2, "{offset}: {found:?} {expected:?}");
        let value = found.transport_cost - offset - expected.transport_cost;
        assert!(value.abs() < 10.0 * tolerance, "{value:e}");
    }
    for offset in [1e6, -1e6] {
        let mut case = Case::new(13, 9);
        let plain = case.converges(&options()).report;
        case.cost.iter_mut().for_each(|c| *c += offset);
        for case in case.families(1e6) {
            let solved = case.solve(&options().max_iterations(patience()));
            case.inspect(&solved);
            if case.rows == Rule::Exact && case.cols == Rule::Exact && !SINGLE {
                let value = solved.report.transport_cost - offset - plain.transport_cost;
                // The mass is off by the residual at most.
                assert!(value.abs() < 2e6 * solved.report.residual, "{value:e}");
            }
        }
    }
}

#[test]
fn weights_of_thirty_decades() {
    let decades =
        |n: usize| normalised((0..n).map(move |k| 10f64.powf(-30.0 * k as f64 / n as f64)));
    let mut turned = decades(13);
    turned.reverse();
    for (a, b) in [(decades(12), decades(12)), (decades(13), turned)] {
        let (n, m) = (a.len(), b.len());
        for case in (Case { a, b, ..Case::new(n, m) }).families(0.5) {
            let solved = case.converges(&options());
            // No weight is too small to have its share.
            let plan = case.plan(&solved);
            for j in 0..m {
                let col: f64 = plan.iter().skip(j).step_by(m).sum();
                let share = col / f64::from(case.b[j]);
                assert!(case.cols != Rule::Exact || (share - 1.0).abs() < 1e-3, "{j}: {share}");
                // The counting entropy gives to small weights what the product gives to none.
                let most = if case.reference == Reference::Product { 10.0 } else { 1e6 };
                assert!(share > 1.0 / most && share < most, "{j}: {share}");
            }
        }
    }
}

/// A power of two on all that is measured in costs changes the exponents of the potentials and
/// nothing else.
#[test]
fn cost_units() {
    for case in Case::new(13, 9).families(0.5) {
        let plain = case.converges(&options());
        for power in [-100, -20, 1, 100] {
            let unit = (2.0 as T).powi(power);
            let solved = in_units(&case, unit).converges(&options());
            let expected: Vec<T> = plain.f.iter().map(|f| f * unit).collect();
            assert_eq!(bits(&solved.f), bits(&expected), "2^{power}");
            let expected: Vec<T> = plain.g.iter().map(|g| g * unit).collect();
            assert_eq!(bits(&solved.g), bits(&expected), "2^{power}");
            let (found, expected) = (solved.report, plain.report);
            assert_eq!(
                (found.iterations, found.residual),
                (expected.iterations, expected.residual)
            );
            assert_eq!(found.mass, expected.mass);
            assert_eq!(found.transport_cost, expected.transport_cost * unit);
        }
        for unit in [1e-30, 1e30] {
            let solved = in_units(&case, unit).converges(&options());
            let cost = solved.report.transport_cost / unit;
            let off = (cost - plain.report.transport_cost).abs();
            assert!(off < 1e-4, "{unit:e}: {off:e}");
        }
    }
}

fn in_units(case: &Case, unit: T) -> Case {
    let rule = |rule| match rule {
        Rule::Kl { tau } => Rule::Kl { tau: tau * unit },
        rule => rule,
    };
    Case {
        cost: case.cost.iter().map(|c| c * unit).collect(),
        epsilon: case.epsilon * unit,
        rows: rule(case.rows),
        cols: rule(case.cols),
        ..case.clone()
    }
}

/// From a tau that gives up all distant mass to one that is as good as exact.
#[test]
fn tau_over_nine_decades() {
    for reference in [Reference::Counting, Reference::Product] {
        let case = Case { reference, ..Case::new(13, 9) };
        let exact = case.converges(&options()).report.transport_cost;
        for power in -3..=6 {
            let tau = (10.0 as T).powi(power);
            for case in case.families(tau) {
                let case = Case { reference, ..case };
                let solved = case.solve(&options());
                case.inspect(&solved);
                let report = &solved.report;
                let ending = report.termination;
                // Potentials of the size of tau put the floor above the tolerance.
                let ended = report.converged() || power > 2 && ending == Termination::RoundingFloor;
                assert!(ended, "tau {tau}: {report:?}");
                if power == 6 && !case.unit_mass && !SINGLE {
                    assert!((report.transport_cost - exact).abs() < 1e-4, "{report:?}");
                }
            }
        }
    }
}

/// Masses that differ a lot, at any tau.
#[test]
fn unequal_masses() {
    for power in -3..=6 {
        let tau = (10.0 as T).powi(power);
        for factor in [1e-3, 0.5, 1e3] {
            let mut case = Case::new(13, 9);
            case.b.iter_mut().for_each(|b| *b *= factor);
            for (rows, cols) in [
                (Rule::Kl { tau }, Rule::Exact),
                (Rule::Exact, Rule::Kl { tau }),
                (Rule::Kl { tau }, Rule::Kl { tau: 2.0 * tau }),
            ] {
                let case = case.clone().rules(rows, cols);
                let solved = case.solve(&options());
                case.inspect(&solved);
                let report = &solved.report;
                let ended = report.converged()
                    || (SINGLE || power > 1) && report.termination == Termination::RoundingFloor;
                assert!(ended, "tau {tau} masses 1 and {factor}: {report:?}");
            }
        }
    }
}

/// The reference changes nothing for exact sides but the potentials, by epsilon log w.
#[test]
fn references_agree_for_exact_sides() {
    let case = Case::new(13, 9);
    let counting = case.converges(&options());
    let product = Case { reference: Reference::Product, ..case.clone() }.converges(&options());
    let tolerance = 64.0 * T::EPSILON;
    for (i, (x, y)) in counting.f.iter().zip(&product.f).enumerate() {
        assert!((x - case.epsilon * case.a[i].ln() - y).abs() <= tolerance);
    }
    for (j, (x, y)) in counting.g.iter().zip(&product.g).enumerate() {
        assert!((x - case.epsilon * case.b[j].ln() - y).abs() <= tolerance);
    }
}

/// A start from a solution is over at once, under both references.
#[test]
fn a_solution_is_a_start() {
    for case in Case::new(13, 9).families(0.5) {
        let Solved { f, g, report } = case.converges(&options());
        let again = case.solve_from(&options().warm_start(true), f, g);
        case.inspect(&again);
        assert!(again.report.converged() && again.report.iterations <= 2, "{report:?}");
    }
}

/// The same call gives the same bits.
#[test]
fn nothing_is_left_to_chance() {
    for case in Case::new(17, 33).families(0.5) {
        assert_eq!(all_bits(&case.solve(&options())), all_bits(&case.solve(&options())));
    }
    assert!(scattered(0) != scattered(1));
}
