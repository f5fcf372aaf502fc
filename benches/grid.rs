//! Time of an iteration over a grid: nanoseconds per pixel, and the slope in the number of pixels.
//!
//! `cargo bench --bench grid` prints a table for images of 32^2 to 256^2 pixels; the time of an iteration
//! comes to grow like N^1.5, that for a pixel like N^0.5, where a cost matrix takes N^2 and N. No threshold: the
//! figures are for reading.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

use std::hint::black_box;
use std::time::Instant;

use robust_ot::cost::{GRID_DIMENSION, Grid};
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::Mat;

macro_rules! precision {
    ($name:ident, $t:ident) => {
        /// Seconds for an iteration on side^2 pixels: the least of three differences between two runs, so
        /// that start and report do not count.
        fn $name(side: usize) -> f64 {
            let n = side * side;
            let spacing = 1.0 / side as $t;
            let axes = [side as $t, 0.0, spacing, side as $t, 0.0, spacing];
            let axes = Mat::new(&axes, 2, 3).unwrap();
            let weight = |k: usize| 1.0 + ((k * 7919) % 97) as $t;
            let mut a: Vec<$t> = (0..n).map(weight).collect();
            let sum: f64 = a.iter().map(|&x| f64::from(x)).sum();
            a.iter_mut().for_each(|x| *x = (f64::from(*x) / sum) as $t);
            let b: Vec<$t> = a.iter().rev().copied().collect();
            let sides = ((&a[..], Rule::Kl { tau: 1.0 }), (&b[..], Rule::Kl { tau: 1.0 }));
            let grid = Grid::new(axes, axes).unwrap();
            let problem = Problem::<$t, _>::new(grid, sides.0, sides.1, 0.002).unwrap();
            let mut work = vec![0.0; work_len(n, n, GRID_DIMENSION)];
            let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
            let mut run = |iterations: u64| {
                let options = Options::new().stop(Stop::Residual(1e-30));
                let options = options.max_iterations(iterations).check_every(1000);
                f.fill(0.0);
                g.fill(0.0);
                let start = Instant::now();
                let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ());
                black_box(report.unwrap());
                start.elapsed().as_secs_f64()
            };
            let more = if side < 100 { 40 } else { 6 };
            let mut one = || (run(2 + more) - run(2)) / more as f64;
            (0..3).map(|_| one()).fold(f64::INFINITY, f64::min)
        }
    };
}

precision!(single, f32);
precision!(double, f64);

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    println!("side  precision  ms/iteration  ns/pixel  slope in N");
    for (name, time) in [("f32", single as fn(usize) -> f64), ("f64", double)] {
        let mut before: Option<f64> = None;
        for side in [32, 64, 128, 256] {
            let seconds = time(side);
            let slope =
                before.map_or(String::new(), |b| format!("{:.2}", (seconds / b).log2() / 2.0));
            let pixels = (side * side) as f64;
            println!(
                "{side:4}  {name:9}  {:12.3}  {:8.0}  {slope}",
                seconds * 1e3,
                seconds * 1e9 / pixels
            );
            before = Some(seconds);
        }
    }
}
