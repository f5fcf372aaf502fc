//! Time of an iteration over a low-rank kernel against one over points, n = 20,000 uniform in the unit
//! square.
//!
//! `cargo bench --bench lowrank`; a smaller n as its argument. A plain program, since one iteration over
//! the points takes about a second: the time of 2 and of 12 iterations (low rank) or 1 and 3 (points), the
//! smallest of a few runs each, whose difference is that of the iterations alone.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

use std::time::Instant;

use robust_ot::cost::lowrank::{self, Limit, LowRank};
use robust_ot::cost::{Geometry, Metric, Points};
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::Mat;

const EPSILON: f64 = 0.1;
const RANK: usize = 400;

/// Numbers in [0, 1), the same in every run.
fn uniform(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

/// Milliseconds of an iteration, and the transport cost after the last.
fn iteration<G: Geometry<f64>>(
    geometry: G,
    weights: &[f64],
    [few, many]: [u64; 2],
    runs: usize,
) -> (f64, f64) {
    let (n, d) = (weights.len(), geometry.dimension());
    let problem = Problem::<f64, _>::balanced(geometry, weights, weights, EPSILON).unwrap();
    let mut work = vec![0.0; work_len(n, n, d)];
    let mut cost = 0.0;
    let mut time = |iterations| {
        let options = Options::new()
            .sweep(Sweep::Log)
            .stop(Stop::Residual(1e-300))
            .max_iterations(iterations);
        let once = || {
            let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
            let start = Instant::now();
            let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
            cost = report.transport_cost;
            start.elapsed().as_secs_f64() * 1e3
        };
        std::iter::repeat_with(once).take(runs).fold(f64::INFINITY, f64::min)
    };
    let (short, long) = (time(few), time(many));
    ((long - short) / (many - few) as f64, cost)
}

fn main() {
    let n = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(20_000);
    let (x, y, weights) = (uniform(2 * n, 1), uniform(2 * n, 2), vec![1.0 / n as f64; n]);
    let (x, y) = (Mat::new(&x, n, 2).unwrap(), Mat::new(&y, n, 2).unwrap());
    let mut factors = vec![0.0; lowrank::factors_len(n, n, RANK)];
    let mut work = vec![0.0; lowrank::work_len(n, n, 2, RANK)];
    for wanted in [1e-1, 1e-2, 1e-3] {
        let start = Instant::now();
        let limit = (RANK, Limit::LogError(wanted));
        let found =
            lowrank::factor::<f64>(&x, &y, EPSILON, limit, &mut factors, &mut work).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "log error {wanted:.0e}: rank {} in {seconds:.2} s, bound {:.1e}, residual {:.1e}",
            found.rank, found.log_error, found.residual
        );
    }
    let low = LowRank::of_slice(x, y, &factors, RANK).unwrap();
    let (fast, low_cost) = iteration(low, &weights, [2, 12], 5);
    println!("low rank: {fast:.2} ms per iteration");
    let points = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
    let (slow, _) = iteration(points, &weights, [1, 3], 2);
    println!("points: {slow:.2} ms per iteration; {:.1} times as long", slow / fast);
    println!("transport cost after 12 iterations at low rank: {low_cost}");
    // All columns that fit.
    let limit = (RANK, Limit::Rank);
    let found = lowrank::factor::<f64>(&x, &y, EPSILON, limit, &mut factors, &mut work).unwrap();
    let low = LowRank::of_slice(x, y, &factors, RANK).unwrap();
    let (full, _) = iteration(low, &weights, [2, 12], 5);
    println!("rank {}: {full:.2} ms per iteration; {:.1} times as long", found.rank, slow / full);
}
