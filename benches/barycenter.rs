//! Time of an iteration of the barycenter of four measures with one cost.
//!
//! `cargo bench --bench barycenter`; criterion's throughput in Gelem/s is the inverse of nanoseconds per
//! entry (of all measures' costs) and iteration. A run has 128 iterations and the two evaluations of its
//! report. `benches/barycenter.py` measures the same side by side with POT; for that script the
//! program writes, instead of measuring, its data and solutions into the folder that
//! ROT_BARYCENTER_OUT names.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput};
use robust_ot::barycenter::{Measure, Options, Problem, solve, work_len};
use robust_ot::cost::Dense;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::view::Mat;

/// Iterations in one measurement.
const ITERATIONS: u64 = 128;
const MEASURES: usize = 4;
const EPSILON: f64 = 0.01;

/// Numbers in [0, 1), the same in every run.
fn uniform(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

macro_rules! precision {
    ($name:ident, $t:ident) => {
        mod $name {
            use super::*;

            /// One cost, of largest value 1, and the weights of four measures.
            pub(super) struct Data {
                pub(super) n: usize,
                pub(super) cost: Vec<$t>,
                pub(super) weights: Vec<Vec<$t>>,
            }

            impl Data {
                pub(super) fn new(n: usize) -> Self {
                    let points = uniform(2 * n, 1);
                    let mut cost = Vec::new();
                    for p in points.chunks(2) {
                        for q in points.chunks(2) {
                            cost.push((p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2));
                        }
                    }
                    let max = cost.iter().fold(0.0, |m: f64, &c| m.max(c));
                    let weights = (0..MEASURES as u64).map(|i| {
                        let raw: Vec<f64> = uniform(n, 10 + i).iter().map(|x| x + 0.05).collect();
                        let sum: f64 = raw.iter().sum();
                        raw.iter().map(|x| (x / sum) as $t).collect()
                    });
                    Self {
                        n,
                        cost: cost.iter().map(|c| (c / max) as $t).collect(),
                        weights: weights.collect(),
                    }
                }

                pub(super) fn measures(
                    &self,
                    rule: Rule<$t>,
                    shares: [$t; MEASURES],
                ) -> Vec<Measure<'_, $t, Dense<'_, $t>>> {
                    let geometry = Dense::new(Mat::new(&self.cost, self.n, self.n).unwrap());
                    let both = self.weights.iter().zip(shares);
                    both.map(|(weights, share)| Measure { geometry, weights, rule, share })
                        .collect()
                }
            }

            pub(super) fn iteration(c: &mut Criterion) {
                let mut group = c.benchmark_group(concat!("barycenter/", stringify!($t)));
                for n in [64, 256, 1024] {
                    let data = Data::new(n);
                    group.throughput(Throughput::Elements(ITERATIONS * (MEASURES * n * n) as u64));
                    for (name, rule) in [("exact", Rule::Exact), ("kl", Rule::Kl { tau: 1.0 })] {
                        let measures = data.measures(rule, [0.25; MEASURES]);
                        let problem = Problem::<$t, _>::new(&measures, EPSILON as $t).unwrap();
                        let stop = Stop::Residual(1e-30);
                        let base = options::Options::new().stop(stop).trust_data(true);
                        let options = Options::new().solve(base.max_iterations(ITERATIONS));
                        let mut f = vec![0.0; problem.rows()];
                        let mut g = vec![0.0; problem.cols()];
                        let (mut q, mut work) =
                            (vec![0.0; n], vec![0.0; work_len(problem.rows(), n, 0)]);
                        group.bench_function(BenchmarkId::new(name, n), |b| {
                            b.iter(|| {
                                let problem = black_box(&problem);
                                let (f, g) = (&mut f, &mut g);
                                let report =
                                    solve(problem, &options, f, g, &mut q, &mut work, &mut ());
                                assert_eq!(report.unwrap().iterations, ITERATIONS);
                            });
                        });
                    }
                }
                group.finish();
            }
        }
    };
}

precision!(single, f32);
precision!(double, f64);

/// What `barycenter.py` reads: f64 in the order of the machine.
fn write(folder: &Path) {
    let file = |name: &str, values: &[f64]| {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_ne_bytes()).collect();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    for n in [64, 256, 1024] {
        let data = double::Data::new(n);
        file(&format!("cost-{n}"), &data.cost);
        file(&format!("weights-{n}"), &data.weights.concat());
        for (kind, shares) in [("uniform", [0.25; MEASURES]), ("shares", [0.1, 0.2, 0.3, 0.4])] {
            let measures = data.measures(Rule::Exact, shares);
            let problem = Problem::<f64, _>::new(&measures, EPSILON).unwrap();
            let base = options::Options::new().stop(Stop::Residual(1e-10)).max_iterations(20_000);
            let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
            let (mut q, mut work) = (vec![0.0; n], vec![0.0; work_len(problem.rows(), n, 0)]);
            let options = Options::new().solve(base);
            let report = solve(&problem, &options, &mut f, &mut g, &mut q, &mut work, &mut ());
            assert!(report.unwrap().converged());
            file(&format!("{kind}-{n}"), &q);
        }
    }
}

fn main() {
    if let Some(folder) = std::env::var_os("ROT_BARYCENTER_OUT") {
        write(Path::new(&folder));
        return;
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .configure_from_args();
    single::iteration(&mut criterion);
    double::iteration(&mut criterion);
    criterion.final_summary();
}
