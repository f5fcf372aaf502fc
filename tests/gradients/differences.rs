//! Gradients against fourth-order differences of converged solves.

use super::common::case::{Case, Found, Loss, Random, Solved, normalise};
use robust_ot::cost::Metric;
use robust_ot::implicit::{self, Method};
use robust_ot::marginal::Rule;
use robust_ot::problem::Reference;

/// A rule still without its radius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Exact,
    Kl,
    /// Slack or active, with an entropy.
    L2(bool, f64),
    KlBall(bool, f64),
}

use Kind::{Exact, Kl, KlBall, L2};

impl Kind {
    /// The rule with a radius.
    fn rule(self, radius: f64, tau: f64) -> Rule<f64> {
        match self {
            Exact => Rule::Exact,
            Kl => Rule::Kl { tau },
            L2(_, entropy) => Rule::L2Ball { radius2: radius, entropy },
            KlBall(_, entropy) => Rule::KlBall { radius, entropy },
        }
    }

    /// How far a marginal is from the weights.
    fn distance(self, r: &[f64], w: &[f64]) -> f64 {
        let terms = r.iter().zip(w);
        match self {
            L2(..) => terms.map(|(r, w)| (r - w) * (r - w)).sum(),
            KlBall(..) => terms.map(|(r, w)| if *r > 0.0 { r * (r / w).ln() } else { 0.0 }).sum(),
            _ => 0.0,
        }
    }

    fn active(self) -> bool {
        matches!(self, L2(true, _) | KlBall(true, _))
    }

    fn ball(self) -> bool {
        matches!(self, L2(..) | KlBall(..))
    }
}

/// Gives the balls of a case radii at which they are as active as they should be.
pub(super) fn calibrate(case: &mut Case<f64>, rows: Kind, cols: Kind) {
    (case.rows, case.cols) = (rows.rule(100.0, 0.7), cols.rule(100.0, 0.4));
    let wanted = [rows.active() && case.n > 1, cols.active() && case.m > 1];
    // One ball takes what made the other active, so the radii shrink until both are.
    for _ in 0..8 {
        let solved = case.solve();
        let multipliers = [solved.report.row_multiplier, solved.report.col_multiplier];
        if [0, 1].iter().all(|&k| (multipliers[k] > 1e-3) == wanted[k]) {
            return;
        }
        if wanted[0] && multipliers[0] <= 1e-3 {
            case.rows = rows.rule(0.3 * rows.distance(&solved.r, &case.a), 0.0);
        }
        if wanted[1] && multipliers[1] <= 1e-3 {
            case.cols = cols.rule(0.3 * cols.distance(&solved.c, &case.b), 0.0);
        }
    }
    panic!("no radii for {rows:?} / {cols:?}");
}

fn fixes_mass(rule: Rule<f64>) -> bool {
    !matches!(rule, Rule::Kl { .. } | Rule::Tv { .. } | Rule::Box { .. })
}

/// Whether the weights of (rows, columns) may change along mass-preserving directions only.
fn keeps_mass(case: &Case<f64>) -> [bool; 2] {
    let ball = |rule| matches!(rule, Rule::L2Ball { .. } | Rule::KlBall { .. });
    let both = fixes_mass(case.rows) && fixes_mass(case.cols);
    [case.rows, case.cols].map(|rule| ball(rule) || (both && fixes_mass(rule)))
}

/// One loss of each sort, and a mix of all.
pub(super) fn losses(case: &Case<f64>, seed: u64) -> Vec<(&'static str, Loss<f64>)> {
    let (n, m) = (case.n, case.m);
    let mut random = Random(seed);
    let plan = random.vector(n * m, -1.0, 1.0);
    let (row, col) = (random.vector(n, -1.0, 1.0), random.vector(m, -1.0, 1.0));
    let (f, mut g) = (random.vector(n, -1.0, 1.0), random.vector(m, -1.0, 1.0));
    if fixes_mass(case.rows) && fixes_mass(case.cols) {
        let excess = f.iter().sum::<f64>() - g.iter().sum::<f64>();
        for g in &mut g {
            *g += excess / m as f64;
        }
    }
    let none = Loss::default();
    let mix = Loss {
        plan: Some(random.vector(n * m, -1.0, 1.0)),
        row: Some(row.clone()),
        col: Some(col.clone()),
        potentials: Some((f.clone(), g.clone())),
        transport: -0.7,
        value: 1.3,
    };
    vec![
        ("plan", Loss { plan: Some(plan), ..none.clone() }),
        ("transport", Loss { transport: 1.0, ..none.clone() }),
        ("value", Loss { value: 1.0, ..none.clone() }),
        ("marginals", Loss { row: Some(row), col: Some(col), ..none.clone() }),
        ("potentials", Loss { potentials: Some((f, g)), ..none }),
        ("mix", mix),
    ]
}

type Change = Box<dyn Fn(&mut Case<f64>, f64)>;
type Slope = Box<dyn Fn(&Found<f64>) -> f64>;

/// A way to change a problem, and the derivative along it by a gradient.
pub(super) struct Direction {
    pub(super) name: String,
    /// Length of a step that suits it.
    pub(super) step: f64,
    /// Whether steps back leave the domain.
    pub(super) one_sided: bool,
    pub(super) change: Change,
    pub(super) slope: Slope,
}

fn add(values: &mut [f64], direction: &[f64], h: f64) {
    for (x, d) in values.iter_mut().zip(direction) {
        *x += h * d;
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).filter(|(_, d)| **d != 0.0).map(|(x, y)| x * y).sum()
}

/// Changes along a vector of some part of a problem.
pub(super) fn along(
    name: &str,
    step: f64,
    direction: Vec<f64>,
    part: fn(&mut Case<f64>) -> &mut [f64],
    gradient: fn(&Found<f64>) -> &[f64],
) -> Direction {
    let other = direction.clone();
    Direction {
        name: name.into(),
        step,
        one_sided: false,
        change: Box::new(move |case, h| add(part(case), &direction, h)),
        slope: Box::new(move |found| dot(gradient(found), &other)),
    }
}

/// A parameter of a rule: its place in the rule and the value to add.
fn parameter(rule: &mut Rule<f64>, place: usize, h: f64) {
    match (rule, place) {
        (Rule::Kl { tau } | Rule::Tv { tau }, 0) => *tau += h,
        (Rule::Box { lower, .. }, 0) => *lower += h,
        (Rule::Box { upper, .. }, 1) => *upper += h,
        (Rule::L2Ball { radius2: radius, .. } | Rule::KlBall { radius, .. }, 0) => *radius += h,
        (Rule::L2Ball { entropy, .. } | Rule::KlBall { entropy, .. }, 1) => *entropy += h,
        _ => unreachable!(),
    }
}

pub(super) fn directions(case: &Case<f64>, seed: u64) -> Vec<Direction> {
    let (n, m) = (case.n, case.m);
    let mut random = Random(seed);
    let mut all = Vec::new();
    let step = 1e-3 * case.epsilon;
    if let Some(cloud) = &case.cloud {
        let d = cloud.d;
        let (x, y) = (random.vector(n * d, -1.0, 1.0), random.vector(m * d, -1.0, 1.0));
        all.push(along("x", step, x, |c| &mut c.cloud.as_mut().unwrap().x, |f| &f.x));
        all.push(along("y", step, y, |c| &mut c.cloud.as_mut().unwrap().y, |f| &f.y));
    } else {
        {
            let entry = (random.next() * (n * m) as f64) as usize;
            let mut single = vec![0.0; n * m];
            single[entry] = 1.0;
            for direction in [single, random.vector(n * m, -1.0, 1.0)] {
                all.push(along("C", step, direction, |c| &mut c.cost, |f| &f.cost));
            }
        }
    }
    let keeps = keeps_mass(case);
    for _ in 0..2 {
        let mut weights = |len, keeps: bool| {
            let mut z = random.vector(len, -1.0, 1.0);
            let mean = z.iter().sum::<f64>() / len as f64;
            if keeps {
                z.iter_mut().for_each(|z| *z -= mean);
            }
            z
        };
        let (za, zb) = (weights(n, keeps[0]), weights(m, keeps[1]));
        let smallest = |w: &[f64]| w.iter().copied().fold(1.0, f64::min);
        all.push(along("a", 1e-3 * smallest(&case.a), za, |c| &mut c.a, |f| &f.a));
        all.push(along("b", 1e-3 * smallest(&case.b), zb, |c| &mut c.b, |f| &f.b));
    }
    all.push(Direction {
        name: "epsilon".into(),
        step,
        one_sided: false,
        change: Box::new(|case, h| case.epsilon += h),
        slope: Box::new(|found| found.report.epsilon),
    });
    for (side, rule) in [("row", case.rows), ("col", case.cols)] {
        let (names, values): (&[&str], [f64; 2]) = match rule {
            Rule::Kl { tau } | Rule::Tv { tau } => (&["tau"], [tau, 0.0]),
            Rule::Box { lower, upper } => (&["lower", "upper"], [lower, upper]),
            Rule::L2Ball { radius2, entropy } => (&["radius2", "entropy"], [radius2, entropy]),
            Rule::KlBall { radius, entropy } => (&["radius", "entropy"], [radius, entropy]),
            _ => (&[], [0.0; 2]),
        };
        for (place, (name, value)) in names.iter().zip(values).enumerate() {
            let rows = side == "row";
            all.push(Direction {
                name: format!("{side} {name}"),
                step: if value > 0.0 { 1e-3 * value } else { step },
                one_sided: value == 0.0,
                change: Box::new(move |case, h| {
                    parameter(if rows { &mut case.rows } else { &mut case.cols }, place, h);
                }),
                slope: Box::new(move |found| {
                    let report = &found.report;
                    if rows { report.row_rule[place] } else { report.col_rule[place] }
                }),
            });
        }
    }
    all
}

/// The derivatives of losses along a direction, from solves around a case.
pub(super) fn differences(
    case: &Case<f64>,
    base: &Solved<f64>,
    direction: &Direction,
    losses: &[(&str, Loss<f64>)],
) -> Vec<f64> {
    let h = direction.step;
    let stencil: &[(f64, f64)] = if direction.one_sided {
        &[(0.0, -25.0), (1.0, 48.0), (2.0, -36.0), (3.0, 16.0), (4.0, -3.0)]
    } else {
        &[(1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0)]
    };
    let mut sums = vec![0.0; losses.len()];
    for &(place, weight) in stencil {
        let mut changed = case.clone();
        (direction.change)(&mut changed, place * h);
        let solved = if place == 0.0 { base.clone() } else { changed.solve_from(Some(base)) };
        for (sum, (_, loss)) in sums.iter_mut().zip(losses) {
            *sum += weight * loss.of(&changed, &solved) / (12.0 * h);
        }
    }
    sums
}

pub(super) const DIRECT: Method<f64> = Method::Direct;
pub(super) const ITERATIVE: Method<f64> =
    Method::Iterative { tolerance: 1e-13, max_iterations: 1000 };

/// Compares all derivatives of all losses; `slack` is the relative error, per loss.
pub(super) fn check(what: &str, case: &Case<f64>, seed: u64, failures: &mut Vec<String>) {
    let losses = losses(case, seed);
    let directions = directions(case, seed);
    let base = case.solve();
    let mut found = Vec::new();
    for (_, loss) in &losses {
        let [direct, iterative] = [DIRECT, ITERATIVE].map(|method| {
            let options = implicit::Options::new().method(method);
            case.gradient(&base, loss, &options, method == DIRECT).unwrap()
        });
        found.push((direct, iterative));
    }
    for direction in &directions {
        let references = differences(case, &base, direction, &losses);
        for (((name, _), (direct, iterative)), reference) in
            losses.iter().zip(&found).zip(&references)
        {
            let [direct, iterative] = [direct, iterative].map(|found| (direction.slope)(found));
            // A slope along a random direction has the size of the gradient; differences see the
            // loss, whose rounding is divided by the step.
            let bound = 1e-6 * reference.abs() + 1e-8 + 1e-13 / direction.step;
            for (method, slope) in [("direct", direct), ("iterative", iterative)] {
                let off = (slope - reference).abs();
                if off.is_nan() || off > bound {
                    failures.push(format!(
                        "{what} (seed {seed}): d {name} / d {}: {method} {slope:e} against \
                         {reference:e}, off by {off:e}",
                        direction.name
                    ));
                }
            }
        }
    }
}

pub(super) fn report(failures: &[String]) {
    for failure in failures {
        println!("{failure}");
    }
    assert!(failures.is_empty(), "{} derivatives are wrong", failures.len());
}

const KINDS: [Kind; 8] = [
    Exact,
    Kl,
    L2(false, 0.05),
    L2(true, 0.05),
    L2(true, 0.0),
    KlBall(false, 0.0),
    KlBall(true, 0.0),
    KlBall(true, 0.05),
];

fn all_pairs(reference: Reference, shape: (usize, usize), kinds: &[Kind]) {
    let mut failures = Vec::new();
    for (k, &rows) in kinds.iter().enumerate() {
        for (l, &cols) in kinds.iter().enumerate() {
            let seed = 1000 + 10 * k as u64 + l as u64;
            let mut case = Case::random(seed, shape, (Rule::Exact, Rule::Exact));
            case.reference = reference;
            if !rows.ball() && !cols.ball() {
                normalise(&mut case.a, if rows == Exact && cols == Exact { 1.7 } else { 1.3 });
                normalise(&mut case.b, 1.7);
            } else if rows == Kl || cols == Kl {
                // The side of a ball keeps mass 1, the other need not.
                if rows == Kl { normalise(&mut case.a, 1.3) } else { normalise(&mut case.b, 0.8) }
            }
            calibrate(&mut case, rows, cols);
            check(&format!("{rows:?} / {cols:?} {reference:?}"), &case, seed, &mut failures);
        }
    }
    report(&failures);
}

#[test]
fn every_pair_of_rules() {
    all_pairs(Reference::Counting, (4, 3), &KINDS);
}

#[test]
fn every_pair_of_rules_against_the_product() {
    all_pairs(Reference::Product, (3, 4), &KINDS);
}

/// One row or column leaves little to differentiate, but the sides keep their rules.
#[test]
fn single_rows_and_columns() {
    let kinds = [Exact, Kl, L2(true, 0.05), KlBall(true, 0.0)];
    for shape in [(1, 3), (3, 1), (1, 1)] {
        all_pairs(Reference::Counting, shape, &kinds);
    }
}

#[test]
fn unit_mass() {
    let mut failures = Vec::new();
    for (seed, shape, reference) in [
        (1, (4, 3), Reference::Counting),
        (2, (3, 5), Reference::Product),
        (3, (1, 4), Reference::Counting),
        (4, (4, 1), Reference::Product),
    ] {
        let rules = (Rule::Kl { tau: 0.7 }, Rule::Kl { tau: 0.3 });
        let mut case = Case::random(seed, shape, rules);
        normalise(&mut case.a, 1.4);
        normalise(&mut case.b, 0.9);
        (case.reference, case.unit_mass) = (reference, true);
        check(&format!("unit mass {shape:?} {reference:?}"), &case, seed, &mut failures);
    }
    report(&failures);
}

#[test]
fn points() {
    let mut failures = Vec::new();
    let pairs =
        [(Exact, Exact), (Kl, Exact), (L2(true, 0.05), L2(false, 0.05)), (KlBall(true, 0.0), Kl)];
    for metric in [Metric::SquaredEuclidean, Metric::Euclidean] {
        for (k, (rows, cols)) in pairs.into_iter().enumerate() {
            for (shape, d) in [((4, 3), 2), ((3, 4), 1), ((2, 17), 3)] {
                let seed = 77 + k as u64;
                let mut case = Case::random(seed, shape, (Rule::Exact, Rule::Exact))
                    .with_points(seed, d, metric);
                calibrate(&mut case, rows, cols);
                let what = format!("{rows:?} / {cols:?} {metric:?} {shape:?} {d}");
                check(&what, &case, seed, &mut failures);
            }
        }
    }
    report(&failures);
}
