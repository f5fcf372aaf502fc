//! Time of a gradient: that of <G, X> by the cost, at the optimum of a balanced problem.
//!
//! `cargo bench --bench gradient`; `kept` has room for the plan in its work. `benches/gradient.py` measures the same side by side with NumPy.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use robust_ot::cost::Dense;
use robust_ot::implicit::{self, Cotangent, Gradients, Method, Optimum, vjp};
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::{Mat, MatMut};

/// Numbers in [0, 1), the same in every run.
fn uniform(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

fn gradient(c: &mut Criterion) {
    let mut group = c.benchmark_group("gradient/f64");
    group.sample_size(10);
    for n in [64, 256, 1024] {
        let (x, y) = (uniform(2 * n, 1), uniform(2 * n, 2));
        let mut cost = Vec::new();
        for p in x.chunks(2) {
            for q in y.chunks(2) {
                cost.push(((p[0] - q[0]).powi(2) + (p[1] - q[1] - 0.4).powi(2)) / 2.96);
            }
        }
        let (cotangent, weights) = (uniform(n * n, 3), vec![1.0 / n as f64; n]);
        let dense = Dense::new(Mat::new(&cost, n, n).unwrap());
        let problem = Problem::<f64, _>::balanced(dense, &weights, &weights, 0.01).unwrap();
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; work_len(n, n, 0)];
        let options = Options::new().stop(Stop::Residual(1e-9)).max_iterations(20_000);
        let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        let loss = Cotangent::new().plan(Mat::new(&cotangent, n, n).unwrap());
        let iterative = Method::Iterative { tolerance: 1e-10, max_iterations: 1000 };
        for (name, kept, method) in
            [("direct", "direct-kept", Method::Direct), ("iterative", "iterative-kept", iterative)]
        {
            let options = implicit::Options::new().method(method);
            let direct = method == Method::Direct;
            let lens = [
                (name, implicit::work_len(n, n, 0, direct)),
                (kept, implicit::fast_work_len(n, n, 0, direct)),
            ];
            let mut slopes = vec![0.0; n * n];
            for (name, len) in lens {
                let mut work = vec![0.0; len];
                group.bench_function(BenchmarkId::new(name, n), |b| {
                    b.iter(|| {
                        let cost = Some(MatMut::new(&mut slopes, n, n).unwrap());
                        let gradients = Gradients { cost, ..Default::default() };
                        let optimum = Optimum::new(&f, &g, &report);
                        vjp(black_box(&problem), optimum, &loss, &options, gradients, &mut work)
                            .unwrap()
                    });
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, gradient);
criterion_main!(benches);
