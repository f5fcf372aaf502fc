//! Total variation and boxes: against an independent solver, plain loops, linear programs, and their
//! limits.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use common::case::{Case, Number, Solved, convert, normalise};
use common::ranges::{dual, penalty, stored, unregularised};
use robust_ot::cost::Dense;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::{Problem, Reference};
use robust_ot::report::Termination;
use robust_ot::view::Mat;

const TV: Rule<f64> = Rule::Tv { tau: 0.2 };
const BOX: Rule<f64> = Rule::Box { lower: 0.6, upper: 1.3 };

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, x| m.max(x.abs()))
}

fn close(what: &str, found: &[f64], expected: &[f64], bound: f64) {
    for (k, (x, y)) in found.iter().zip(expected).enumerate() {
        let off = (x - y).abs();
        assert!(off <= bound, "{what}[{k}]: {x:e} against {y:e}, off by {off:e} > {bound:e}");
    }
}

fn against_stored<T: Number>(residual: f64, tolerance: impl Fn(f64) -> f64) {
    for stored in stored() {
        let case: Case<T> = stored.case.to();
        let stop = Stop::Residual(T::from_f64(residual));
        let options = Options::new().stop(stop).max_iterations(1_000_000);
        let solved = case.solve_with(&options, None).unwrap();
        let report = &solved.report;
        println!(
            "{}: {:?} after {} iterations, residual {:e}",
            stored.name, report.termination, report.iterations, report.residual.to_f64()
        );
        assert!(report.iterations < 100_000);
        let max_cost = largest(&stored.case.cost);
        let bound = tolerance(max_cost / stored.case.epsilon);
        let name = &stored.name;
        let entries = bound * largest(&stored.plan);
        close(&format!("{name} plan"), &convert::<T, f64>(&solved.plan), &stored.plan, entries);
        let sums = bound * largest(&stored.row_marginal).max(largest(&stored.col_marginal));
        close(&format!("{name} rows"), &convert::<T, f64>(&solved.r), &stored.row_marginal, sums);
        close(&format!("{name} columns"), &convert::<T, f64>(&solved.c), &stored.col_marginal, sums);
        let mass: f64 = stored.row_marginal.iter().sum();
        for (what, found, expected) in [
            ("transport cost", report.transport_cost, stored.transport_cost),
            ("objective", report.objective, stored.objective),
        ] {
            let scale = expected.abs().max(max_cost * mass);
            close(&format!("{name} {what}"), &[found.to_f64()], &[expected], bound * scale);
        }
    }
}

#[test]
fn stored_optima_in_f64() {
    against_stored::<f64>(1e-12, |_| 1e-9);
}

#[test]
fn stored_optima_in_f32() {
    against_stored::<f32>(1e-6, |ratio| 8.0 * 6e-8 * ratio.max(1.0) + 2e-6);
}
