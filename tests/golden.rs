//! Stored optima, found by an independent solver to about 1e-14, against ours.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::golden::{Instance, transport};
use robust_ot::cost::Dense;
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{fast_work_len, solve, work_len};
use robust_ot::view::{Mat, MatMut};

fn largest(values: &[f64]) -> f64 {
    values.iter().filter(|x| x.is_finite()).fold(0.0, |m, x| m.max(x.abs()))
}

/// |found - stored| <= tolerance * the largest stored entry, for every entry.
fn close(what: &str, found: &[f64], stored: &[f64], tolerance: f64) {
    let scale = largest(stored);
    for (k, (x, y)) in found.iter().zip(stored).enumerate() {
        let same = x == y || (x - y).abs() <= tolerance * scale;
        assert!(
            same,
            "{what}[{k}]: {x:e} against {y:e}, off by {:e} of {scale:e}",
            (x - y).abs() / scale
        );
    }
}

fn outer_sum(f: &[f64], g: &[f64]) -> Vec<f64> {
    f.iter().flat_map(|f| g.iter().map(move |g| f + g)).collect()
}

macro_rules! check {
    ($name:ident, $t:ident, $converged:expr, $tolerance:expr) => {
        fn $name(instance: &Instance, level: Level, len: fn(usize, usize, usize) -> usize) {
            let narrow = |v: &[f64]| v.iter().map(|&x| x as $t).collect::<Vec<$t>>();
            let wide = |v: &[$t]| v.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
            let (n, m) = (instance.rows, instance.cols);
            let (cost, a, b) = (narrow(&instance.cost), narrow(&instance.a), narrow(&instance.b));
            let rule = |rule| match rule {
                Rule::Kl { tau } => Rule::Kl { tau: tau as $t },
                Rule::L2Ball { radius2, entropy } => {
                    Rule::L2Ball { radius2: radius2 as $t, entropy: entropy as $t }
                }
                _ => Rule::Exact,
            };
            let problem = Problem::<$t, _>::new(
                Dense::new(Mat::new(&cost, n, m).unwrap()),
                (&a, rule(instance.row)),
                (&b, rule(instance.col)),
                instance.epsilon as $t,
            )
            .unwrap();
            let options = Options::new().stop(Stop::Residual($converged)).max_iterations(1_000_000);
            let options = options.level(level);
            let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
            let mut work = vec![0.0; len(n, m, 0)];
            let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();

            let mut work = vec![0.0; plan::work_len(n, m, 0)];
            let mut plan = Plan::new(&problem, &f, &g, report.log_mass, &mut work).unwrap();
            let mut x = vec![0.0; n * m];
            plan.to_dense(&mut MatMut::new(&mut x, n, m).unwrap()).unwrap();
            let (mut row, mut col) = (vec![0.0; n], vec![0.0; m]);
            let transport = plan.marginals(&mut row, &mut col).unwrap();

            let max_cost = largest(&instance.cost);
            let tolerance = $tolerance(max_cost / instance.epsilon);
            println!(
                "{}: {:?} after {} iterations, residual {:e}",
                instance.name, report.termination, report.iterations, report.residual
            );
            close("plan", &wide(&x), &instance.plan, tolerance);
            close("row marginal", &wide(&row), &instance.row_marginal, tolerance);
            close("column marginal", &wide(&col), &instance.col_marginal, tolerance);
            // Potentials and values are sums of costs: their rounding is relative to the cost.
            let mass: f64 = instance.row_marginal.iter().sum();
            let potentials = outer_sum(&instance.f, &instance.g);
            let found = outer_sum(&wide(&f), &wide(&g));
            close(
                "f + g",
                &found,
                &potentials,
                tolerance * (max_cost / largest(&potentials)).max(1.0),
            );
            let scalar = |what, found: $t, stored: f64| {
                let scale = stored.abs().max(max_cost * mass);
                let off = (f64::from(found) - stored).abs() / scale;
                assert!(off <= tolerance, "{what}: {found:e} against {stored:e}, off by {off:e}");
            };
            scalar("transport cost", transport, instance.transport_cost);
            scalar("transport cost", report.transport_cost, instance.transport_cost);
            scalar("objective", report.objective, instance.objective);
        }
    };
}

check!(check_f64, f64, 1e-13, |_| 1e-10);
check!(check_f32, f32, 1e-7, |ratio: f64| 8.0 * 6e-8 * ratio.max(1.0));

/// The fastest level of common bits, and the level of its own bits with both kinds of sweeps.
fn check_all(check: impl Fn(&Instance, Level, fn(usize, usize, usize) -> usize)) {
    for instance in transport() {
        check(&instance, Level::detect(), work_len);
        if let Some(level) = Level::fma() {
            check(&instance, level, work_len);
            check(&instance, level, fast_work_len);
        }
    }
}

#[test]
fn stored_optima_in_f64() {
    check_all(check_f64);
}

#[test]
fn stored_optima_in_f32() {
    check_all(check_f32);
}
