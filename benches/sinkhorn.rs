//! Time of the log-domain solver: one iteration, and whole solves.
//!
//! `cargo bench` prints, for each case, the time per matrix entry and iteration as the inverse of
//! criterion's throughput: 1 Gelem/s is 1 ns per entry and iteration. Cases are named by sweep (exact,
//! kl, points, kept, balls), level (sse2 or what else the target guarantees, avx2, avx512, fma) and n:
//! `cargo bench --bench sinkhorn -- f64/kept-avx512/256` takes two seconds.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use data::{cloud, costs};
use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{Sinkhorn, fast_work_len, solve, work_len};
use robust_ot::view::Mat;

/// Sweeps in one measurement of an iteration.
const SWEEPS: u64 = 32;

macro_rules! cases {
    ($name:ident, $t:ident) => {
        mod $name {
            use super::*;

            pub(super) struct Data {
                n: usize,
                x: Vec<$t>,
                y: Vec<$t>,
                cost: Vec<$t>,
                weights: Vec<$t>,
            }

            impl Data {
                pub(super) fn new(n: usize) -> Self {
                    let narrow = |v: Vec<f64>| v.into_iter().map(|x| x as $t).collect::<Vec<$t>>();
                    let (x, y) = (narrow(cloud(n, 1, 0.0)), narrow(cloud(n, 2, 0.4)));
                    let cost = narrow(costs(n));
                    Self { n, x, y, cost, weights: vec![1.0 / n as $t; n] }
                }

                pub(super) fn dense(&self) -> Dense<'_, $t> {
                    Dense::new(Mat::new(&self.cost, self.n, self.n).unwrap())
                }

                pub(super) fn points(&self) -> Points<'_, $t> {
                    let x = Mat::new(&self.x, self.n, 2).unwrap();
                    let y = Mat::new(&self.y, self.n, 2).unwrap();
                    Points::new(x, y, Metric::SquaredEuclidean).unwrap()
                }

                pub(super) fn problem<G: Geometry<$t>>(
                    &self,
                    cost: G,
                    rule: Rule<$t>,
                    epsilon: $t,
                ) -> Problem<'_, $t, G> {
                    Problem::new(cost, (&self.weights, rule), (&self.weights, rule), epsilon)
                        .unwrap()
                }
            }

            type Length = fn(usize, usize, usize) -> usize;

            fn sweeps<G: Geometry<$t>>(problem: &Problem<'_, $t, G>, level: Level, len: Length) {
                let (n, m) = problem.shape();
                let options =
                    Options::new().stop(Stop::Residual(1e-30)).trust_data(true).level(level);
                let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
                let mut work = vec![0.0; len(n, m, problem.geometry().dimension())];
                let mut solver =
                    Sinkhorn::new(problem, &options, &mut f, &mut g, &mut work).unwrap();
                assert!(solver.step(SWEEPS).is_none());
            }

            pub(super) fn iteration(c: &mut Criterion) {
                let mut group = c.benchmark_group(concat!("iteration/", stringify!($t)));
                for n in [64, 256, 1024, 2048] {
                    let data = Data::new(n);
                    group.throughput(Throughput::Elements(SWEEPS * (n * n) as u64));
                    let exact = data.problem(data.dense(), Rule::Exact, 0.01);
                    let kl = data.problem(data.dense(), Rule::Kl { tau: 1.0 }, 0.01);
                    let points = data.problem(data.points(), Rule::Exact, 0.01);
                    let ball = Rule::L2Ball { radius2: 0.1 / n as $t, entropy: 0.01 };
                    let balls = data.problem(data.dense(), ball, 0.01);
                    for level in Level::available().chain(Level::fma()) {
                        let id = |sweep| BenchmarkId::new(format!("{sweep}-{}", level.name()), n);
                        group.bench_function(id("exact"), |b| {
                            b.iter(|| sweeps(black_box(&exact), level, work_len));
                        });
                        group.bench_function(id("kl"), |b| {
                            b.iter(|| sweeps(black_box(&kl), level, work_len));
                        });
                        group.bench_function(id("points"), |b| {
                            b.iter(|| sweeps(black_box(&points), level, work_len));
                        });
                        // The kernel kept in memory; 2 of the sweeps fill it.
                        group.bench_function(id("kept"), |b| {
                            b.iter(|| sweeps(black_box(&exact), level, fast_work_len));
                        });
                        group.bench_function(id("balls"), |b| {
                            b.iter(|| sweeps(black_box(&balls), level, work_len));
                        });
                    }
                }
                group.finish();
            }

            pub(super) fn whole(c: &mut Criterion) {
                let mut group = c.benchmark_group(concat!("solve/", stringify!($t)));
                group.sample_size(10);
                for n in [64, 256, 1024] {
                    let data = Data::new(n);
                    for (name, rule) in
                        [("balanced", Rule::Exact), ("unbalanced", Rule::Kl { tau: 1.0 })]
                    {
                        let problem = data.problem(data.dense(), rule, 0.01);
                        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
                        let mut work = vec![0.0; work_len(n, n, 0)];
                        let options = Options::new();
                        let mut run = || {
                            solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap()
                        };
                        let report = run();
                        group.throughput(Throughput::Elements(report.iterations * (n * n) as u64));
                        group.bench_function(BenchmarkId::new(name, n), |b| b.iter(&mut run));
                    }
                }
                group.finish();
            }
        }
    };
}

cases!(single, f32);
cases!(double, f64);

fn all(c: &mut Criterion) {
    single::iteration(c);
    double::iteration(c);
    single::whole(c);
    double::whole(c);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(300)).measurement_time(std::time::Duration::from_secs(1));
    targets = all
}
criterion_main!(benches);
