//! A solve on the threads of rayon: the same bits with any number of them, sooner.
//! `cargo run --release --example rayon`
#![allow(clippy::unwrap_used, reason = "an example may fail loudly")]

use core::time::Duration;
use std::time::Instant;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use robust_ot::cost::{Geometry, Metric, Parallel, Points, Pool};
use robust_ot::error::Error;
use robust_ot::options::{Options, Stop, Sweep};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{parallel_work_len, solve};
use robust_ot::view::Mat;

const N: usize = 2000;
const D: usize = 3;
const TASKS: usize = N.div_ceil(64);

/// Rayon's threads for the library: all that a host has to write.
struct Rayon(rayon::ThreadPool);

impl Pool for Rayon {
    fn tasks(&self) -> usize {
        // All blocks of 64 rows in one wave: the threads meet once in a sweep.
        TASKS
    }

    fn parallel_for(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.0.install(|| (0..tasks).into_par_iter().with_max_len(1).for_each(task));
    }
}

/// The potentials as bits, and the time that they took.
fn potentials(cost: impl Geometry<f64>) -> Result<(Vec<u64>, Duration), Error> {
    let weights = vec![1.0 / N as f64; N];
    let problem = Problem::<f64, _>::balanced(cost, &weights, &weights, 0.05)?;
    let options = Options::new().stop(Stop::Residual(1e-6)).sweep(Sweep::Log);
    let (mut f, mut g) = (vec![0.0; N], vec![0.0; N]);
    let mut work = vec![0.0; parallel_work_len(N, N, D, TASKS)];
    let start = Instant::now();
    let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ())?;
    let time = start.elapsed();
    assert!(report.converged());
    Ok((f.iter().chain(&g).map(|x| x.to_bits()).collect(), time))
}

fn main() -> Result<(), Error> {
    let mut state = 1_u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / 16_777_216.0
    };
    let x: Vec<f64> = (0..N * D).map(|_| number()).collect();
    let y: Vec<f64> = (0..N * D).map(|_| 0.2 + number()).collect();
    let points = Points::new(Mat::new(&x, N, D)?, Mat::new(&y, N, D)?, Metric::SquaredEuclidean)?;

    let (alone, time) = potentials(points)?;
    println!("no pool:   {time:?}");
    let most = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in (0..).map(|k| 1 << k).take_while(|&threads| threads <= most) {
        let pool = Rayon(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
        let (together, time) = potentials(Parallel::new(points, &pool))?;
        assert!(together == alone, "not the same bits");
        println!("{threads} threads: {time:?}, the same bits");
    }
    Ok(())
}
