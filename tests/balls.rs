//! Balls around the weights: optimality conditions taken from their definition, limits, symmetries,
//! refusals, and solves in pieces.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]
#![allow(clippy::needless_range_loop, reason = "loops over the entries of a matrix")]

mod common;

use common::case::{Case, Loss, Number, Random, Solved, normalise};
use common::golden::transport;
use robust_ot::anneal;
use robust_ot::cost::{Dense, Metric};
use robust_ot::error::{Argument, Error, ErrorKind};
use robust_ot::implicit::{self, Method};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Termination;
use robust_ot::sinkhorn::{Sinkhorn, solve, work_len};
use robust_ot::view::Mat;

/// A rule still without its radius.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Exact,
    Kl,
    L2(f64),
    KlBall(f64),
}

use Kind::{Exact, Kl, KlBall, L2};

impl Kind {
    fn rule(self, radius: f64) -> Rule<f64> {
        match self {
            Exact => Rule::Exact,
            Kl => Rule::Kl { tau: 0.4 },
            L2(entropy) => Rule::L2Ball { radius2: radius, entropy },
            KlBall(entropy) => Rule::KlBall { radius, entropy },
        }
    }

    fn distance(self, r: &[f64], w: &[f64]) -> f64 {
        distance(self.rule(1.0), r, w)
    }

    fn ball(self) -> bool {
        matches!(self, L2(_) | KlBall(_))
    }
}

fn distance(rule: Rule<f64>, r: &[f64], w: &[f64]) -> f64 {
    let terms = r.iter().zip(w);
    match rule {
        Rule::L2Ball { .. } => terms.map(|(r, w)| (r - w) * (r - w)).sum(),
        // r log(r / w) - r + w, without cancellation next to w.
        Rule::KlBall { .. } => terms
            .map(|(&r, &w)| if r > 0.0 { r * -((w - r) / r).ln_1p() + (w - r) } else { w })
            .sum(),
        _ => 0.0,
    }
}

/// Marginals of exp((f + g - C) / epsilon), the weights joining it against the product, in plain f64.
fn marginals(case: &Case<f64>, solved: &Solved<f64>) -> (Vec<f64>, Vec<f64>, f64, f64) {
    let (n, m) = (case.n, case.m);
    let (mut r, mut c) = (vec![0.0; n], vec![0.0; m]);
    let (mut cost, mut entropy) = (0.0, 0.0);
    for i in 0..n {
        for j in 0..m {
            let weights = case.a[i] * case.b[j];
            let counting = case.reference == Reference::Counting;
            let base = if counting { 1.0 } else { weights };
            if base == 0.0 {
                continue;
            }
            let x = base * ((solved.f[i] + solved.g[j] - case.cost_at(i, j)) / case.epsilon).exp();
            r[i] += x;
            c[j] += x;
            if x > 0.0 {
                cost += x * case.cost_at(i, j);
                entropy += x * ((x / base).ln() - 1.0);
            }
        }
    }
    (r, c, cost, entropy)
}

/// The conditions of one side: r is what the rule allows, and f what makes it optimal. Returns Phi(r).
fn side(
    what: &str,
    (rule, w): (Rule<f64>, &[f64]),
    (f, r): (&[f64], &[f64]),
    multiplier: f64,
    tolerance: f64,
) -> f64 {
    let sum: f64 = r.iter().sum();
    let (radius, entropy) = match rule {
        Rule::L2Ball { radius2, entropy } => (radius2, entropy),
        Rule::KlBall { radius, entropy } => (radius, entropy),
        _ => {
            assert_eq!(multiplier, 0.0, "{what}");
            let mut penalty = 0.0;
            for ((&r, &w), &f) in r.iter().zip(w).zip(f) {
                let target = match rule {
                    Rule::Kl { tau } if w > 0.0 => w * (-f / tau).exp(),
                    _ => w,
                };
                assert!((r - target).abs() <= tolerance, "{what}: {r} against {target}");
                if let Rule::Kl { tau } = rule {
                    penalty += tau * (if r > 0.0 { r * (r / w).ln() } else { 0.0 } - r + w);
                }
            }
            return penalty;
        }
    };
    assert!((sum - 1.0).abs() <= tolerance, "{what}: sum {sum}");
    let found = distance(rule, r, w);
    assert!(multiplier >= 0.0, "{what}: multiplier {multiplier}");
    assert!(found <= radius + tolerance * radius.sqrt(), "{what}: {found} outside of {radius}");
    if multiplier > 0.0 {
        let off = (found - radius).abs();
        assert!(off <= tolerance * radius.sqrt(), "{what}: active at {found} of {radius}");
    }
    // f + entropy log r + multiplier d distance / dr is one constant where there is mass.
    let slope = |i: usize| {
        let bend = match rule {
            Rule::L2Ball { .. } => 2.0 * (r[i] - w[i]),
            _ => (r[i] / w[i]).ln(),
        };
        f[i] + entropy * r[i].ln() + multiplier * bend
    };
    let support: Vec<usize> = (0..r.len()).filter(|&i| r[i] > 0.0).collect();
    let mean: f64 = support.iter().map(|&i| r[i] * slope(i)).sum();
    for &i in &support {
        // What an error of the marginal does to log r and to the bend.
        // (1 / r is infinite below the normal range, and counts nothing without a multiplier.)
        let inverse = if w[i] > 0.0 && multiplier > 0.0 { 1.0 / r[i] } else { 0.0 };
        let rate = entropy / r[i] + multiplier * (2.0 + inverse);
        let off = (slope(i) - mean).abs();
        assert!(
            off <= tolerance * (1.0 + multiplier + rate),
            "{what}: entry {i} off by {off:e} with multiplier {multiplier}, r {r:?}"
        );
    }
    for ((&r, &w), &f) in r.iter().zip(w).zip(f) {
        if w == 0.0 && matches!(rule, Rule::KlBall { .. }) {
            assert!(r == 0.0 && f == f64::NEG_INFINITY, "{what}: {r} at a zero weight");
        }
    }
    support.iter().map(|&i| entropy * r[i] * (r[i].ln() - 1.0)).sum()
}

/// All conditions of an optimum: the problem is convex, so there is no other.
fn inspect(what: &str, case: &Case<f64>, solved: &Solved<f64>, tolerance: f64) {
    let report = &solved.report;
    let (r, c, cost, entropy) = marginals(case, solved);
    let rows = side(
        &format!("{what}, rows"),
        (case.rows, &case.a),
        (&solved.f, &r),
        report.row_multiplier,
        tolerance,
    );
    let cols = side(
        &format!("{what}, columns"),
        (case.cols, &case.b),
        (&solved.g, &c),
        report.col_multiplier,
        tolerance,
    );
    let scalars = [
        ("transport", report.transport_cost, cost),
        ("entropy", report.entropy, entropy),
        ("row penalty", report.row_penalty, rows),
        ("column penalty", report.col_penalty, cols),
        ("objective", report.objective, cost + case.epsilon * entropy + rows + cols),
        // Strong duality.
        ("dual value", report.dual_value, cost + case.epsilon * entropy + rows + cols),
        ("mass", report.mass, r.iter().sum()),
    ];
    for (name, found, expected) in scalars {
        let off = (found - expected).abs();
        assert!(off <= 10.0 * tolerance, "{what}: {name} {found} against {expected}");
    }
    assert!(report.gap.is_infinite() || report.gap >= 0.0, "{what}: gap {}", report.gap);
}

/// How many of the balls are to be active.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Active {
    None,
    One,
    All,
}

/// Radii at which the balls are as active as wanted; the solve with them.
fn calibrate(case: &mut Case<f64>, kinds: [Kind; 2], active: Active) -> Solved<f64> {
    (case.rows, case.cols) = (kinds[0].rule(50.0), kinds[1].rule(50.0));
    let first = if kinds[0].ball() { 0 } else { 1 };
    let lens = [case.n, case.m];
    let wanted = [0, 1].map(|k| {
        let chosen = active == Active::All || (active == Active::One && k == first);
        chosen && kinds[k].ball() && lens[k] > 1
    });
    for _ in 0..12 {
        let solved = case.solve();
        let multipliers = [solved.report.row_multiplier, solved.report.col_multiplier];
        if [0, 1].iter().all(|&k| (multipliers[k] > 0.0) == wanted[k]) {
            return solved;
        }
        if wanted[0] && multipliers[0] == 0.0 {
            case.rows = kinds[0].rule(0.4 * kinds[0].distance(&solved.r, &case.a));
        }
        if wanted[1] && multipliers[1] == 0.0 {
            case.cols = kinds[1].rule(0.4 * kinds[1].distance(&solved.c, &case.b));
        }
    }
    panic!("no radii for {kinds:?} {active:?}");
}

fn pairs() -> impl Iterator<Item = [Kind; 2]> {
    let kinds = [L2(0.0), L2(0.04), KlBall(0.0), KlBall(0.04), Exact, Kl];
    kinds
        .into_iter()
        .flat_map(move |x| kinds.into_iter().map(move |y| [x, y]))
        .filter(|[x, y]| x.ball() || y.ball())
}

#[test]
fn optimality_conditions() {
    let mut seed = 100;
    for (k, kinds) in pairs().enumerate() {
        for active in [Active::None, Active::One, Active::All] {
            for (l, shape) in
                [(5, 5), (3, 8), (9, 4), (1, 4), (4, 1), (1, 1)].into_iter().enumerate()
            {
                seed += 1;
                let mut case = Case::random(seed, shape, (Rule::Exact, Rule::Exact));
                if (k + l) % 2 == 1 {
                    let metric = [Metric::Euclidean, Metric::SquaredEuclidean][l / 2 % 2];
                    case = case.with_points(seed, 1 + l % 3, metric);
                }
                case.reference = [Reference::Counting, Reference::Product][(k + l / 2) % 2];
                case.epsilon = [0.1, 0.05][l % 2];
                // Not the side of an exact rule against a ball, which has to have unit mass too.
                if kinds[0] == Kl {
                    normalise(&mut case.a, 1.5)
                }
                if kinds[1] == Kl {
                    normalise(&mut case.b, 0.7)
                }
                let what = format!("seed {seed}: {kinds:?} {active:?} {shape:?}");
                let solved = calibrate(&mut case, kinds, active);
                assert!(solved.report.residual <= 1e-12, "{what}: {:?}", solved.report);
                inspect(&what, &case, &solved, 1e-9);
            }
        }
    }
}

/// A KL ball leaves zero weights empty, an L2 ball may fill them but against the product, whose
/// entries are 0 there.
#[test]
fn zero_weights() {
    for (k, kinds) in pairs().enumerate() {
        for active in [Active::None, Active::One, Active::All] {
            for reference in [Reference::Counting, Reference::Product] {
                let seed = 700 + k as u64;
                let mut case = Case::random(seed, (5, 6), (Rule::Exact, Rule::Exact));
                (case.a[1], case.b[0], case.b[4]) = (0.0, 0.0, 0.0);
                normalise(&mut case.a, 1.0);
                normalise(&mut case.b, 1.0);
                case.reference = reference;
                let what = format!("seed {seed}: {kinds:?} {active:?} {reference:?}");
                let solved = calibrate(&mut case, kinds, active);
                inspect(&what, &case, &solved, 1e-9);
                for (kind, filled) in
                    [(kinds[0], solved.r[1]), (kinds[1], solved.c[0]), (kinds[1], solved.c[4])]
                {
                    let may = matches!(kind, L2(_)) && reference == Reference::Counting;
                    assert_eq!(filled > 0.0, may, "{what}: {filled}");
                }
            }
        }
    }
}

/// Points so far away that their mass underflows while the multiplier is looked for: they have lost
/// all of their weight, not none, or the ball would pass for slack.
#[test]
fn entries_that_underflow() {
    for (kind, radius) in
        [(L2(0.01), 0.02), (KlBall(0.01), 0.15), (L2(0.0), 0.02), (KlBall(0.0), 0.15)]
    {
        let mut case = Case::random(40, (8, 6), (kind.rule(radius), Rule::Exact));
        (case.epsilon, case.a) = (0.01, vec![0.125; 8]);
        // The others hardly differ: almost all of the distance is that of the far points.
        for (k, cost) in case.cost.iter_mut().enumerate() {
            *cost = 0.01 * *cost + if k < 6 * 6 { 0.0 } else { 1000.0 };
        }
        let solved = case.solve();
        assert!(solved.report.row_multiplier > 0.0, "{kind:?}");
        assert!(solved.r[6] > 0.0 && solved.r[6] < case.a[6], "{kind:?}: {:?}", solved.r);
        // Rounding is relative to the largest cost.
        inspect(&format!("{kind:?}"), &case, &solved, 1e-7);
    }
}

/// Points in a square, a tenth of the rows far off; the largest cost is 1.
fn far_points(seed: u64, (n, m): (usize, usize)) -> Case<f64> {
    let mut case = Case::random(seed, (n, m), (Rule::Exact, Rule::Exact));
    let mut random = Random(seed + 1000);
    let (mut x, y) = (random.vector(2 * n, 0.0, 1.0), random.vector(2 * m, 0.0, 1.0));
    x.iter_mut().step_by(20).for_each(|x| *x += 6.0);
    for (k, cost) in case.cost.iter_mut().enumerate() {
        let (x, y) = (&x[k / m * 2..][..2], &y[k % m * 2..][..2]);
        *cost = (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2);
    }
    let most = case.cost.iter().copied().fold(0.0, f64::max);
    case.cost.iter_mut().for_each(|c| *c /= most);
    if seed.is_multiple_of(2) {
        (case.a, case.b) = (vec![1.0 / n as f64; n], vec![1.0 / m as f64; m]);
    }
    case
}

/// A ball of an entropy against every rule that the other side may have, also against balls whose
/// entropy is that of the plan, and a slack one.
fn partners(entropy: f64, epsilon: f64, (n, m): (usize, usize)) -> [(Rule<f64>, Rule<f64>); 9] {
    let l2 = |n, entropy| Rule::l2_ball_dropping(0.1, n, entropy);
    let kl = |radius| Rule::KlBall { radius, entropy };
    [
        (l2(n, entropy), Rule::Exact),
        (Rule::Exact, l2(m, entropy)),
        (l2(n, entropy), Rule::Kl { tau: 0.1 }),
        (l2(n, entropy), l2(m, entropy)),
        (l2(n, entropy), l2(m, epsilon)),
        (l2(n, entropy), kl(0.05)),
        (kl(0.1), Rule::Exact),
        (kl(0.1), kl(0.05)),
        (Rule::L2Ball { radius2: 3.0, entropy }, Rule::Exact),
    ]
}

/// A solve on a ladder, and its sweeps.
fn annealed<T: Number>(
    case: &Case<T>,
    options: &Options<T>,
    newton: Option<Method<T>>,
) -> (Solved<T>, u64) {
    let (n, m) = (case.n, case.m);
    let cost = Dense::new(Mat::new(&case.cost, n, m).unwrap());
    let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
    let problem = Problem::<T, _>::new(cost, sides.0, sides.1, case.epsilon).unwrap();
    let options = anneal::Options::new().solve(*options).newton(newton);
    let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
    let mut work = vec![T::ZERO; anneal::work_len(n, m, 0, newton)];
    let found = anneal::solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    (case.solved(f, g, found.report), found.report.iterations)
}

/// Far below epsilon the entropy hardly tells one marginal inside a ball from another: what Newton's
/// method sees of the dual is rounding then, while sweeps are still exact to the last digit. Solves
/// end all the same, and as soon.
#[test]
fn entropies_far_below_epsilon() {
    let options = Options::new().stop(Stop::Residual(1e-10)).max_iterations(5000);
    let iterative = Method::Iterative { tolerance: 1e-11, max_iterations: 2000 };
    let shapes: &[_] = &[(2, (20, 24)), (1, (60, 40)), (3, (25, 50))];
    for &(seed, shape) in if cfg!(debug_assertions) { &shapes[..1] } else { shapes } {
        for epsilon in if cfg!(debug_assertions) { vec![1e-3] } else { vec![1e-3, 1e-2] } {
            for share in [0.0, 1e-8, 1e-6, 1e-3] {
                for (rows, cols) in partners(share * epsilon, epsilon, shape) {
                    let mut case = far_points(seed, shape);
                    (case.epsilon, case.rows, case.cols) = (epsilon, rows, cols);
                    let what = format!("{shape:?} {epsilon} {share:e} {rows:?} {cols:?}");
                    let plain = case.solve_with(&options, None).unwrap();
                    assert!(plain.report.converged(), "{what}: {:?}", plain.report);
                    inspect(&what, &case, &plain, 1e-8);
                    for newton in [None, Some(Method::Direct), Some(iterative)] {
                        let (solved, sweeps) = annealed(&case, &options, newton);
                        let what = format!("{what}, {newton:?}");
                        assert!(solved.report.converged(), "{what}: {:?}", solved.report);
                        let most = 60 + 2 * plain.report.iterations;
                        assert!(sweeps <= most, "{what}: {sweeps} sweeps, limit {most}");
                        inspect(&what, &case, &solved, 1e-8);
                    }
                }
            }
        }
    }
}

/// The same in f32, whose entropies drown in rounding earlier.
#[test]
fn entropies_far_below_epsilon_in_single_precision() {
    let options = Options::new().max_iterations(3000);
    for share in [0.0, 1e-6, 1e-4, 1e-3] {
        for epsilon in [1e-1, 1e-2] {
            for (k, (rows, cols)) in
                partners(share * epsilon, epsilon, (20, 24)).into_iter().enumerate()
            {
                let mut case = far_points(k as u64, (20, 24));
                (case.epsilon, case.rows, case.cols) = (epsilon, rows, cols);
                let narrow = case.to::<f32>();
                let plain = narrow.solve_with(&options, None).unwrap().report;
                for newton in [None, Some(Method::Direct)] {
                    let (solved, sweeps) = annealed(&narrow, &options, newton);
                    let report = solved.report;
                    let what = format!("{epsilon} {share:e} {rows:?} {cols:?} {newton:?}");
                    let floor = 8.0 * report.rounding_floor;
                    let ended = report.converged()
                        || (report.termination == Termination::RoundingFloor
                            && report.residual <= floor);
                    assert!(ended, "{what}: {report:?}");
                    assert!(sweeps <= 60 + 2 * plain.iterations, "{what}: {sweeps}");
                }
            }
        }
    }
}

/// What a solve reports as its residual and what a gradient finds from the potentials alone differ in
/// their norms, not in size. Inside a slack ball with next to no entropy every marginal is nearly as good
/// as any, which only the gradient knows: there it may find less.
#[test]
fn residuals_of_solve_and_gradient_agree() {
    let (mut seen, mut ratios) = (0, [f64::INFINITY, 0.0]);
    let gradient = implicit::Options::new().forward_tolerance(f64::INFINITY);
    let loss = Loss { transport: 1.0, ..Default::default() };
    for (seed, shape) in [(5, (20, 30)), (6, (40, 25))] {
        for epsilon in [1e-1, 1e-2, 1e-3] {
            for share in [0.0, 1e-6, 1e-2, 1.0] {
                for (rows, cols) in partners(share * epsilon, epsilon, shape) {
                    for limit in [1, 2, 5, 20, 100] {
                        let mut case = far_points(seed, shape);
                        (case.epsilon, case.rows, case.cols) = (epsilon, rows, cols);
                        let options =
                            Options::new().stop(Stop::Residual(1e-15)).max_iterations(limit);
                        let solved = case.solve_with(&options, None).unwrap();
                        let report = &solved.report;
                        let found = case.gradient(&solved, &loss, &gradient, true).unwrap();
                        let found = found.report.forward_residual;
                        if report.residual <= 20.0 * report.rounding_floor {
                            assert!(found <= 60.0 * report.rounding_floor, "{found:e} {report:?}");
                            continue;
                        }
                        let (ratio, least) = (found / report.residual, ratios[0]);
                        let loose = |rule, multiplier: f64| match rule {
                            Rule::L2Ball { entropy, .. } | Rule::KlBall { entropy, .. } => {
                                entropy < 0.1 * epsilon && multiplier == 0.0
                            }
                            _ => false,
                        };
                        let free = loose(rows, report.row_multiplier)
                            || loose(cols, report.col_multiplier);
                        seen += usize::from(!free);
                        ratios =
                            [if free { least } else { least.min(ratio) }, ratios[1].max(ratio)];
                        assert!(
                            (free || ratio >= 0.1) && ratio <= 4.0,
                            "{shape:?} {epsilon} {share} {limit} {rows:?} {cols:?}: {found:e} against {:e}",
                            report.residual
                        );
                    }
                }
            }
        }
    }
    println!("{seen} residuals, ratios {ratios:?}");
    assert!(seen > 200, "{seen}");
}

/// The same problems in f32 against f64.
#[test]
fn single_precision() {
    // Units of u max|C| / epsilon.
    const K: f64 = 64.0;
    for (k, kinds) in pairs().enumerate() {
        for active in [Active::None, Active::One, Active::All] {
            let seed = 900 + k as u64;
            let mut case = Case::random(seed, (6, 5), (Rule::Exact, Rule::Exact));
            if k % 2 == 1 {
                case = case.with_points(seed, 2, Metric::Euclidean);
            }
            case.reference = [Reference::Counting, Reference::Product][k / 2 % 2];
            let solved = calibrate(&mut case, kinds, active);
            let narrow = case.to::<f32>();
            let single = narrow.solve();
            let tolerance = K * f64::from(f32::EPSILON) / 2.0 / case.epsilon;
            let what = format!("seed {seed}: {kinds:?} {active:?}");
            let largest = solved.plan.iter().fold(0.0f64, |x, y| x.max(*y));
            for (x, y) in single.plan.iter().zip(&solved.plan) {
                assert!((f64::from(*x) - y).abs() <= tolerance * largest, "{what}: {x} {y}");
            }
            for (x, y) in [
                (single.report.row_multiplier, solved.report.row_multiplier),
                (single.report.col_multiplier, solved.report.col_multiplier),
                (single.report.objective, solved.report.objective),
            ] {
                let off = (f64::from(x) - y).abs();
                assert!(off <= 10.0 * tolerance * (1.0 + y.abs()), "{what}: {x} against {y}");
                assert_eq!(x == 0.0, y == 0.0, "{what}: {x} against {y}");
            }
        }
    }
}

#[test]
fn stored_multipliers() {
    let mut seen = 0;
    for i in transport() {
        let is_ball = |rule| matches!(rule, Rule::L2Ball { .. });
        if !is_ball(i.row) && !is_ball(i.col) {
            continue;
        }
        let problem = Problem::<f64, _>::new(
            Dense::new(Mat::new(&i.cost, i.rows, i.cols).unwrap()),
            (&i.a, i.row),
            (&i.b, i.col),
            i.epsilon,
        )
        .unwrap();
        let options = Options::new().stop(Stop::Residual(1e-13)).max_iterations(100_000);
        let (mut f, mut g) = (vec![0.0; i.rows], vec![0.0; i.cols]);
        let mut work = vec![0.0; work_len(i.rows, i.cols, 0)];
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        let found = [report.row_multiplier, report.col_multiplier];
        println!("{}: {found:?} against {:?}", i.name, i.multipliers);
        for (found, stored) in found.iter().zip(i.multipliers) {
            assert!((found - stored).abs() <= 1e-9 * stored, "{}: {found} {stored}", i.name);
            seen += usize::from(stored > 0.0);
        }
    }
    assert!(seen >= 7, "{seen}");
}

fn all_bits(solved: &Solved<f64>) -> Vec<u64> {
    let r = &solved.report;
    let scalars = [r.objective, r.dual_value, r.residual, r.row_multiplier, r.col_multiplier];
    let values = solved.f.iter().chain(&solved.g).chain(&solved.plan).chain(&scalars);
    values.map(|x| x.to_bits()).chain([r.iterations]).collect()
}

/// Radius 0 is the exact rule to the last bit, whatever the entropy.
#[test]
fn no_radius_is_exact() {
    for seed in 0..6 {
        for entropy in [0.0, 0.3] {
            for other in [Exact, Kl, L2(0.02), KlBall(0.0)] {
                let mut case = Case::random(seed, (5, 4), (Rule::Exact, other.rule(0.01)));
                case.reference = [Reference::Counting, Reference::Product][seed as usize % 2];
                if seed == 3 {
                    case.a[2] = 0.0;
                    normalise(&mut case.a, 1.0);
                }
                // A sum of 1 + rounding is made 1 by a ball, but not by an exact side on its own.
                let sum: f64 = case.a.iter().sum();
                case.a[0] += 1.0 - sum;
                let options = Options::new();
                let run = |case: &Case<f64>| case.solve_with(&options, None).unwrap();
                let exact = run(&case);
                for rule in [
                    Rule::L2Ball { radius2: 0.0, entropy },
                    Rule::KlBall { radius: 0.0, entropy },
                    Rule::L2Ball { radius2: -0.0, entropy },
                ] {
                    case.rows = rule;
                    let ball = run(&case);
                    assert_eq!(ball.report.row_multiplier, 0.0);
                    let (x, y) = (all_bits(&ball), all_bits(&exact));
                    if case.a.iter().sum::<f64>() == 1.0 && other != Kl && other != Exact {
                        assert_eq!(x, y, "{rule:?} {other:?} seed {seed}");
                    }
                    for (x, y) in ball.plan.iter().zip(&exact.plan) {
                        assert!((x - y).abs() <= 1e-8, "{rule:?} {other:?} seed {seed}");
                    }
                }
            }
        }
    }
}

/// Small radii come close to the balanced plan, at the rate of the radius; large ones are slack.
#[test]
fn limits_of_the_radius() {
    for seed in 0..4 {
        let mut case = Case::random(seed, (5, 6), (Rule::Exact, Rule::Exact));
        let balanced = case.solve();
        let off = |solved: &Solved<f64>| -> f64 {
            solved.plan.iter().zip(&balanced.plan).map(|(x, y)| (x - y).abs()).sum()
        };
        for kind in [L2(0.0), L2(0.05), KlBall(0.0), KlBall(0.05)] {
            let mut last = f64::INFINITY;
            for radius in [1e-2, 1e-4, 1e-6, 1e-8, 1e-12, 1e-16] {
                (case.rows, case.cols) = (kind.rule(radius), kind.rule(radius));
                let solved = case.solve();
                let what = format!("{kind:?} {radius:e} seed {seed}: {:?}", solved.report);
                assert!(solved.report.row_multiplier > 0.0, "{what}");
                assert!(solved.report.residual <= 1e-13, "{what}");
                assert_ne!(solved.report.termination, Termination::IterationLimit, "{what}");
                let found = off(&solved);
                assert!(found <= 40.0 * radius.sqrt() + 1e-12, "{what}: {found:e}");
                assert!(found <= last + 1e-12, "{what}: {found:e} after {last:e}");
                last = found;
                if radius >= 1e-8 {
                    inspect(&what, &case, &solved, 1e-8);
                }
            }
            for radius in [3.0, 1e3, 1e100, f64::MAX] {
                (case.rows, case.cols) = (kind.rule(radius), kind.rule(radius));
                // The KL ball reaches log(1 / min w) at most, the L2 ball 2.
                let solved = case.solve();
                let multipliers = [solved.report.row_multiplier, solved.report.col_multiplier];
                assert_eq!(multipliers, [0.0; 2], "{kind:?} {radius}");
                inspect("slack", &case, &solved, 1e-9);
            }
        }
    }
}

/// Inside a slack ball with little entropy the plan collapses onto the cheapest pairs, and says so;
/// with a tight radius it does not.
#[test]
fn collapse_is_reported() {
    for seed in 0..4 {
        for kind in [L2(0.001), KlBall(0.001), L2(0.0)] {
            let mut case = Case::random(seed, (12, 12), (Rule::Exact, Rule::Exact));
            case.epsilon = 0.002;
            let options = Options::new().stop(Stop::Residual(1e-4)).max_iterations(300);
            for kinds in [[kind, kind], [kind, Exact], [Exact, kind]] {
                for (radius, collapsed) in [(20.0, true), (1e-4, false)] {
                    (case.rows, case.cols) = (kinds[0].rule(radius), kinds[1].rule(radius));
                    let solved = case.solve_with(&options, None).unwrap();
                    // Against an exact side few of the others may be left, but more than a few.
                    if kinds[0] == kinds[1] || !collapsed {
                        let what = format!("{kinds:?} {radius} seed {seed}");
                        assert_eq!(solved.report.collapsed, collapsed, "{what}");
                    }
                }
            }
        }
    }
}

/// A small radius has a large multiplier, whose rounding must not keep the residual above the floor
/// that the report states: a solve then ends there instead of running into its limit.
#[test]
fn solves_end_at_the_floor_of_a_multiplier() {
    for radius2 in [6.5e-4, 1e-12] {
        let ball = Rule::L2Ball { radius2, entropy: 0.0 };
        let mut case = Case::random(24, (3, 5), (ball, ball));
        case.a = vec![0.68, 0.01, 0.31];
        let options = Options::new().stop(Stop::Residual(1e-15)).max_iterations(20_000);
        let solved = case.solve_with(&options, None).unwrap();
        let report = solved.report;
        assert_ne!(report.termination, Termination::IterationLimit, "{report:?}");
    }
}

/// Where the report of a ball states a certificate, it holds: less entropy finds no plan below.
#[test]
fn lower_bounds_hold() {
    for (k, kinds) in pairs().enumerate() {
        for reference in [Reference::Counting, Reference::Product] {
            let seed = 800 + k as u64;
            let mut case = Case::random(seed, (6, 5), (Rule::Exact, Rule::Exact));
            case.reference = reference;
            let solved = calibrate(&mut case, kinds, Active::All);
            case.epsilon /= 8.0;
            let sharp = case.solve();
            let (bound, found) = (solved.report.lower_bound, sharp.report.unregularised_objective);
            assert!(bound <= found + 1e-9, "seed {seed} {kinds:?}: {bound} above {found}");
        }
    }
}

fn permutation(len: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for k in (1..len).rev() {
        order.swap(k, (random.next() * (k + 1) as f64) as usize);
    }
    order
}

/// Rows and columns in another order, and sides exchanged.
#[test]
fn symmetries() {
    for (k, kinds) in pairs().enumerate() {
        let seed = 400 + k as u64;
        let mut random = Random(seed);
        let (n, m) = (7, 5);
        let mut case = Case::random(seed, (n, m), (Rule::Exact, Rule::Exact));
        case.reference = [Reference::Counting, Reference::Product][k % 2];
        let solved = calibrate(&mut case, kinds, [Active::All, Active::One][k / 2 % 2]);
        let (rows, cols) = (permutation(n, &mut random), permutation(m, &mut random));
        let mut other = case.clone();
        for i in 0..n {
            other.a[i] = case.a[rows[i]];
            for j in 0..m {
                other.cost[i * m + j] = case.cost[rows[i] * m + cols[j]];
                other.b[j] = case.b[cols[j]];
            }
        }
        let moved = other.solve();
        let mut turned = case.clone();
        (turned.n, turned.m) = (m, n);
        (turned.a, turned.b) = (case.b.clone(), case.a.clone());
        (turned.rows, turned.cols) = (case.cols, case.rows);
        for i in 0..n {
            for j in 0..m {
                turned.cost[j * n + i] = case.cost[i * m + j];
            }
        }
        let transposed = turned.solve();
        let what = format!("seed {seed}: {kinds:?}");
        for i in 0..n {
            for j in 0..m {
                let x = solved.plan[rows[i] * m + cols[j]];
                assert!((moved.plan[i * m + j] - x).abs() <= 1e-11, "{what}: {i} {j}");
                let x = solved.plan[i * m + j];
                assert!((transposed.plan[j * n + i] - x).abs() <= 1e-11, "{what}: {i} {j}");
            }
        }
        let [x, y, z] = [&solved, &moved, &transposed].map(|s| &s.report);
        for (x, y) in [
            (x.row_multiplier, y.row_multiplier),
            (x.col_multiplier, y.col_multiplier),
            (x.row_multiplier, z.col_multiplier),
            (x.col_multiplier, z.row_multiplier),
            (x.objective, y.objective),
            (x.objective, z.objective),
        ] {
            assert!((x - y).abs() <= 1e-9 * (1.0 + y.abs()), "{what}: {x} against {y}");
        }
    }
}

fn refusal<T: Number>(case: &Case<T>, options: &Options<T>) -> Error {
    case.solve_with(options, None).expect_err("this has to be refused")
}

fn new_refusal<T: Number>(rows: Rule<T>, cols: Rule<T>) -> (ErrorKind, Argument) {
    let weights = [T::HALF; 2];
    let cost = [T::ZERO; 4];
    let cost = Dense::new(Mat::new(&cost, 2, 2).unwrap());
    let found = Problem::<T, _>::new(cost, (&weights, rows), (&weights, cols), T::ONE);
    let error = found.expect_err("this has to be refused");
    (error.kind, error.argument)
}

fn refusals_of<T: Number>() {
    let number = T::from_f64;
    let bad = [-1e-300, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for (k, x) in bad.into_iter().enumerate() {
        // In f32 the smallest of these is minus zero, which is no refusal.
        let x = if k == 0 { -T::MIN_POSITIVE } else { number(x) };
        for (rule, kind) in [
            (Rule::L2Ball { radius2: x, entropy: T::ZERO }, ErrorKind::Radius),
            (Rule::KlBall { radius: x, entropy: T::ZERO }, ErrorKind::Radius),
            (Rule::L2Ball { radius2: T::ONE, entropy: x }, ErrorKind::Entropy),
            (Rule::KlBall { radius: T::ONE, entropy: x }, ErrorKind::Entropy),
            (Rule::L2Ball { radius2: T::ZERO, entropy: x }, ErrorKind::Entropy),
        ] {
            assert_eq!(new_refusal(rule, Rule::Exact), (kind, Argument::RowRule), "{rule:?}");
            assert_eq!(new_refusal(Rule::Exact, rule), (kind, Argument::ColRule), "{rule:?}");
        }
    }
    let balls = [
        Rule::L2Ball { radius2: number(0.01), entropy: T::ZERO },
        Rule::KlBall { radius: number(0.01), entropy: number(0.01) },
        Rule::L2Ball { radius2: T::ZERO, entropy: T::ZERO },
        Rule::KlBall { radius: T::ZERO, entropy: T::ZERO },
    ];
    let others = [Rule::Exact, Rule::Kl { tau: T::HALF }];
    for ball in balls {
        for other in others.into_iter().chain(balls) {
            for turned in [false, true] {
                let rules = if turned { (other, ball) } else { (ball, other) };
                let wide = Case::random(3, (4, 3), (Rule::Exact, Rule::Exact));
                let with = |mass: [f64; 2]| {
                    let mut case = wide.clone();
                    normalise(&mut case.a, mass[0]);
                    normalise(&mut case.b, mass[1]);
                    let mut case = case.to::<T>();
                    (case.rows, case.cols) = rules;
                    case
                };
                let options = Options::new();
                let good = with([1.0, 1.0]);
                assert!(good.solve_with(&options, None).is_ok(), "{rules:?}");
                let certified = options.stop(Stop::Certified(T::ONE));
                let error = refusal(&good, &certified);
                assert_eq!(
                    (error.kind, error.argument),
                    (ErrorKind::NoCertificate, Argument::Stop)
                );
                // A ball wants weights of mass 1, and so does what faces it if it fixes its mass.
                let free = matches!(other, Rule::Kl { .. });
                for (mass, row) in [(1.01, true), (0.5, true), (1.01, false), (2.0, false)] {
                    let case = with(if row { [mass, 1.0] } else { [1.0, mass] });
                    if free && row == turned {
                        assert!(case.solve_with(&options, None).is_ok(), "{rules:?} {mass}");
                        continue;
                    }
                    let error = refusal(&case, &options);
                    let blamed = if row { Argument::RowWeights } else { Argument::ColWeights };
                    assert_eq!((error.kind, error.argument), (ErrorKind::MassMismatch, blamed));
                }
                // Equal masses other than 1 do not help.
                if !free {
                    let error = refusal(&with([2.0, 2.0]), &options);
                    assert_eq!(error.kind, ErrorKind::MassMismatch);
                }
                // Rounding does.
                let slip = 1.0 + T::ROUNDOFF.to_f64() * 16.0;
                assert!(with([slip, 1.0]).solve_with(&options, None).is_ok());
                let blamed = if turned && free { Argument::ColRule } else { Argument::RowRule };
                let weights = [T::HALF; 2];
                let cost = [T::ZERO; 4];
                let cost = Dense::new(Mat::new(&cost, 2, 2).unwrap());
                let sides = ((&weights[..], rules.0), (&weights[..], rules.1));
                let problem = Problem::<T, _>::new(cost, sides.0, sides.1, T::ONE).unwrap();
                let error = problem.unit_mass().err().unwrap();
                assert_eq!((error.kind, error.argument), (ErrorKind::UnitMassRule, blamed));
            }
        }
    }
}

#[test]
fn refusals() {
    refusals_of::<f64>();
    refusals_of::<f32>();
}

/// A warm start goes to the same optimum and is there at once when it begins there.
#[test]
fn warm_starts() {
    for (k, kinds) in pairs().enumerate() {
        for active in [Active::None, Active::All] {
            let seed = 500 + k as u64;
            let mut case = Case::random(seed, (6, 5), (Rule::Exact, Rule::Exact));
            case.reference = [Reference::Counting, Reference::Product][k % 2];
            let cold = calibrate(&mut case, kinds, active);
            let what = format!("seed {seed}: {kinds:?} {active:?}");
            let options = Options::new().stop(Stop::Residual(1e-12)).max_iterations(5000);
            let again = case.solve_with(&options, Some(&cold)).unwrap();
            assert!(again.report.converged(), "{what}: {:?}", again.report);
            assert!(again.report.iterations <= 5, "{what}: {}", again.report.iterations);
            let mut far = cold.clone();
            let mut random = Random(seed);
            far.f.iter_mut().for_each(|f| *f += random.next());
            far.g.iter_mut().for_each(|g| *g -= 2.0 * random.next());
            let far = case.solve_with(&options, Some(&far)).unwrap();
            for other in [&again, &far] {
                inspect(&what, &case, other, 1e-9);
                for (x, y) in other.plan.iter().zip(&cold.plan) {
                    assert!((x - y).abs() <= 1e-10, "{what}: {x} {y}");
                }
            }
        }
    }
}

/// A solve whose state is kept and whose buffers move gives the bits of one run.
#[test]
fn solves_in_slices() {
    for (k, kinds) in pairs().enumerate() {
        let seed = 600 + k as u64;
        let mut case = Case::random(seed, (6, 5), (Rule::Exact, Rule::Exact));
        case.reference = [Reference::Counting, Reference::Product][k % 2];
        calibrate(&mut case, kinds, Active::All);
        let options = Options::new();
        let whole = case.solve_with(&options, None).unwrap();
        assert_eq!(whole.report.termination, Termination::Converged, "{kinds:?}");
        let cost = Dense::new(Mat::new(&case.cost, 6, 5).unwrap());
        let sides = ((&case.a[..], case.rows), (&case.b[..], case.cols));
        let problem = Problem::<f64, _>::new(cost, sides.0, sides.1, case.epsilon).unwrap();
        let problem = problem.reference(case.reference);
        for slice in [1, 2, 7] {
            let (mut f, mut g) = (vec![0.0; 6], vec![0.0; 5]);
            let len = work_len(6, 5, 0);
            let mut work = vec![f64::NAN; len + 3];
            let begun = Sinkhorn::new(&problem, &options, &mut f, &mut g, &mut work[3..]).unwrap();
            let mut state = begun.state();
            let (mut start, mut report) = (3, None);
            while report.is_none() {
                let next = (start * 5 + 1) % 16;
                let mut moved = vec![f64::NAN; len + next];
                moved[next..].copy_from_slice(&work[start..][..len]);
                (work, start) = (moved, next);
                let work = &mut work[start..];
                let mut solver =
                    Sinkhorn::resume(&problem, &options, &mut f, &mut g, work, state).unwrap();
                if solver.step(slice).is_some() {
                    report = Some(solver.finish());
                } else {
                    state = solver.state();
                }
            }
            let pieces = case.solved(f, g, report.unwrap());
            assert_eq!(all_bits(&pieces), all_bits(&whole), "{kinds:?} {slice}");
        }
    }
}
