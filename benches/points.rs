//! What costs from points cost: an iteration over n = 20,000 points of dimension 3 in single precision,
//! against one over a matrix of costs that lies in the second cache, which waits for exponentials alone.
//!
//! `cargo bench --bench points`; a smaller n as its argument. Both in turns, by the
//! difference between two limits of iterations, medians of five rounds.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

#[allow(dead_code, reason = "the data of other benchmarks")]
mod data;

use std::time::Instant;

use data::uniform;
use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::kernel::Level;
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::Mat;

const EPSILON: f32 = 0.05;
const D: usize = 3;
/// Points whose costs fill 256 KiB.
const CLOSE: usize = 256;
const ROUNDS: usize = 5;

/// A solve that is repeated, in buffers that stay.
struct Case<'a, G> {
    problem: Problem<'a, f32, G>,
    potentials: [Vec<f32>; 2],
    work: Vec<f32>,
}

impl<'a, G: Geometry<f32>> Case<'a, G> {
    fn new(geometry: G, weights: &'a [f32]) -> Self {
        let (n, d) = (weights.len(), geometry.dimension());
        let problem = Problem::balanced(geometry, weights, weights, EPSILON).unwrap();
        let potentials = [vec![0.0; n], vec![0.0; n]];
        Self { problem, potentials, work: vec![0.0; work_len(n, n, d)] }
    }

    /// Nanoseconds per entry and iteration.
    fn time(&mut self, level: Level, [few, many]: [u64; 2], repeats: u32) -> f64 {
        let (n, m) = self.problem.shape();
        let mut seconds = |iterations| {
            let options = Options::new()
                .level(level)
                .sweep(Sweep::Log)
                .stop(Stop::Residual(1e-30))
                .max_iterations(iterations);
            let start = Instant::now();
            for _ in 0..repeats {
                let [f, g] = &mut self.potentials;
                solve(&self.problem, &options, f, g, &mut self.work, &mut ()).unwrap();
            }
            start.elapsed().as_secs_f64() / f64::from(repeats)
        };
        let (short, long) = (seconds(few), seconds(many));
        (long - short) * 1e9 / ((many - few) as f64 * (n * m) as f64)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let n = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(20_000);
    let [x, y] =
        [1, 2].map(|seed| uniform(D * n, seed).iter().map(|&x| x as f32).collect::<Vec<_>>());
    let weights = vec![1.0 / n as f32; n];
    let view = |data| Mat::new(data, n, D).unwrap();
    let points = Points::new(view(&x), view(&y), Metric::SquaredEuclidean).unwrap();
    let mut points = Case::new(points, &weights);
    let costs: Vec<f32> = (0..CLOSE * CLOSE)
        .map(|k| {
            let (i, j) = (k / CLOSE % n * D, k % CLOSE % n * D);
            (0..D).map(|k| (x[i + k] - y[j + k]).powi(2)).sum()
        })
        .collect();
    let close = vec![1.0 / CLOSE as f32; CLOSE];
    let mut dense = Case::new(Dense::new(Mat::new(&costs, CLOSE, CLOSE).unwrap()), &close);
    for level in [Some(Level::detect()), Level::fma()].into_iter().flatten() {
        let mut seen = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            let times = [points.time(level, [1, 3], 1), dense.time(level, [5, 25], 200)];
            // The first round fills the caches.
            if round > 0 {
                seen.iter_mut().zip(times).for_each(|(seen, time)| seen.push(time));
            }
        }
        let [points, dense] = seen.map(median);
        println!(
            "{} fused {}: {points:.3} ns per entry from points, n = {n}; {dense:.3} from a matrix of \
             {CLOSE}; {:.2} times as long",
            level.name(),
            Level::fma() == Some(level),
            points / dense,
        );
    }
    let bytes = 4 * (work_len(n, n, D) + 2 * n);
    println!(
        "{:.1} MiB of work and potentials, {} bytes a point",
        bytes as f64 / 1048576.0,
        bytes / n
    );
}
