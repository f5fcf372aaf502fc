//! Problems per second of many small problems: a loop of single calls, and batches that share their
//! cost or have their own. `cargo bench --bench batch`; criterion's throughput is in problems.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use robust_ot::cost::Dense;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::report::Report;
use robust_ot::sinkhorn::{Batch, solve, solve_batch, work_len};
use robust_ot::view::Mat;

/// Problems in a batch.
const COUNT: usize = 256;

/// Numbers in [0, 1), the same in every run.
fn uniform(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

/// Weights of unit mass, one vector behind the other.
fn weights(n: usize, seed: u64) -> Vec<f64> {
    let mut all = uniform(COUNT * n, seed);
    for part in all.chunks_mut(n) {
        let sum: f64 = part.iter().map(|w| w + 0.1).sum();
        part.iter_mut().for_each(|w| *w = (*w + 0.1) / sum);
    }
    all
}

/// `start`: cold solves from nothing; warm ones from their own optimum, as in a loop whose data
/// hardly changes from step to step.
fn batches(c: &mut Criterion, start: &str) {
    let mut group = c.benchmark_group(format!("balanced to 1e-6, epsilon 0.1, {start}"));
    let options = Options::new().stop(Stop::Residual(1e-6)).warm_start(start == "warm");
    for n in [8, 16, 32] {
        group.throughput(Throughput::Elements(COUNT as u64));
        let costs = uniform(COUNT * n * n, 1);
        let (a, b) = (weights(n, 2), weights(n, 3));
        let (mut f, mut g) = (vec![0.0; COUNT * n], vec![0.0; COUNT * n]);
        let mut work = vec![0.0; work_len(n, n, 0)];
        let mut reports = vec![Report::default(); COUNT];
        let problem = |k: usize, cost: usize| {
            let cost = Dense::new(Mat::new(&costs[cost * n * n..], n, n).unwrap());
            let (a, b) = (&a[k * n..][..n], &b[k * n..][..n]);
            Problem::<f64, _>::balanced(cost, a, b, 0.1).unwrap()
        };
        group.bench_function(BenchmarkId::new("single calls", n), |bench| {
            bench.iter(|| {
                for k in 0..COUNT {
                    let (f, g) = (&mut f[k * n..][..n], &mut g[k * n..][..n]);
                    let problem = problem(k, k);
                    black_box(solve(&problem, &options, f, g, &mut work, &mut ()).unwrap());
                }
            });
        });
        let own = Batch::new(problem(0, 0), COUNT).row_weights(&a, n).unwrap();
        let shared = own.col_weights(&b, n).unwrap();
        let own = shared.costs(n * n).unwrap();
        for (name, batch) in [("batch, own costs", own), ("batch, shared cost", shared)] {
            f.fill(0.0);
            g.fill(0.0);
            group.bench_function(BenchmarkId::new(name, n), |bench| {
                bench.iter(|| {
                    let left = solve_batch(
                        &batch,
                        &options,
                        &mut f,
                        &mut g,
                        &mut work,
                        &mut reports,
                        &mut (),
                    );
                    black_box(left.unwrap());
                });
            });
        }
    }
    group.finish();
}

/// What a problem takes beside its sweeps, printed: from batches whose problems all take 4 iterations, or all
/// 8. A solve sweeps once more at its end, for the report. The least of many runs in turn, since other
/// work on the machine only ever adds.
fn overhead() {
    const N: usize = 8;
    let (costs, a, b) = (uniform(COUNT * N * N, 1), weights(N, 2), weights(N, 3));
    let cost = Dense::new(Mat::new(&costs, N, N).unwrap());
    let first = Problem::<f64, _>::balanced(cost, &a[..N], &b[..N], 0.1).unwrap();
    let batch = Batch::new(first, COUNT).row_weights(&a, N).unwrap();
    let batch = batch.col_weights(&b, N).unwrap().costs(N * N).unwrap();
    let (mut f, mut g) = (vec![0.0; COUNT * N], vec![0.0; COUNT * N]);
    let mut work = vec![0.0; work_len(N, N, 0)];
    let mut reports = vec![Report::default(); COUNT];
    let mut least = [f64::INFINITY; 2];
    for _ in 0..1000 {
        for (least, limit) in least.iter_mut().zip([4, 8]) {
            let options = Options::new().stop(Stop::Residual(1e-300)).max_iterations(limit);
            let rest = (&mut work, &mut reports);
            let start = Instant::now();
            let left =
                solve_batch(&batch, &options, &mut f, &mut g, rest.0, rest.1, &mut ()).unwrap();
            *least = least.min(start.elapsed().as_secs_f64() / COUNT as f64);
            assert_eq!(left, COUNT, "some ended before the limit");
        }
    }
    let [four, eight] = least.map(|seconds| seconds * 1e6);
    let iteration = (eight - four) / 4.0;
    println!(
        "batch of {COUNT}, own costs, n = {N}: an iteration {iteration:.2} us; beside its iterations a \
         problem takes {:.2} us, beside them and the sweep at its end {:.2} us",
        four - 4.0 * iteration,
        four - 5.0 * iteration
    );
}

fn all(c: &mut Criterion) {
    batches(c, "cold");
    batches(c, "warm");
    overhead();
}

criterion_group!(benches, all);
criterion_main!(benches);
