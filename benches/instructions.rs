//! Instructions of hot loops and small solves, counted under valgrind's callgrind, which does not care
//! how busy the machine is, and held against `benches/instructions.txt`: more than 5 % above fails.
//! `cargo bench --bench instructions`; `ROBUST_OT_WRITE_BUDGETS=1` before it writes the table.
//!
//! One process for each case: the program starts itself under valgrind, which counts what
//! [`counted`] calls.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

mod data;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use data::{costs, uniform};
use robust_ot::barycenter;
use robust_ot::cost::Dense;
use robust_ot::implicit::{self, Cotangent, Gradients, Optimum, vjp};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::report::Report;
use robust_ot::sinkhorn::{Batch, Sinkhorn, fast_work_len, solve, solve_batch, work_len};
use robust_ot::view::{Mat, MatMut};

/// A case may take this much more than the table says.
const LIMIT: f64 = 1.05;
/// Problems of a batch.
const PROBLEMS: usize = 64;
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// What valgrind counts.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
    black_box(());
}

/// The cases by name. (valgrind 3.19 knows no AVX-512.)
fn cases() -> Vec<String> {
    let mut all = Vec::new();
    for sweep in ["log", "kept"] {
        for precision in ["f32", "f64"] {
            for n in [64, 256] {
                for level in ["portable", "avx2"] {
                    all.push(format!("iteration {sweep} {precision} {n} {level}"));
                }
            }
        }
    }
    all.extend(["solve 8", "gradient 64", "barycenter 64"].map(str::to_owned));
    // (Twice the first less the second is what a problem takes beside its iterations.)
    all.extend(
        ["batch 8 x 8, 4 iterations avx2", "batch 8 x 8, 8 iterations avx2"].map(str::to_owned),
    );
    all
}

macro_rules! iteration {
    ($name:ident, $t:ident) => {
        /// One sweep, when a few have been.
        fn $name(kept: bool, n: usize, level: Level) {
            let cost: Vec<$t> = costs(n).into_iter().map(|c| c as $t).collect();
            let weights = vec![1.0 / n as $t; n];
            let dense = Dense::new(Mat::new(&cost, n, n).unwrap());
            let problem = Problem::<$t, _>::balanced(dense, &weights, &weights, 0.01).unwrap();
            let options = Options::new().stop(Stop::Residual(1e-30)).level(level);
            let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
            let mut work = vec![0.0; (if kept { fast_work_len } else { work_len })(n, n, 0)];
            let mut solver = Sinkhorn::new(&problem, &options, &mut f, &mut g, &mut work).unwrap();
            solver.step(6);
            counted(&mut || assert!(solver.step(1).is_none()));
        }
    };
}

iteration!(single, f32);
iteration!(double, f64);

fn balanced(n: usize, work: impl FnOnce(&Problem<'_, f64, Dense<'_, f64>>)) {
    let (cost, weights) = (costs(n), vec![1.0 / n as f64; n]);
    let dense = Dense::new(Mat::new(&cost, n, n).unwrap());
    work(&Problem::balanced(dense, &weights, &weights, 0.05).unwrap());
}

/// A whole solve, from the check of the data to the report.
fn whole_solve(n: usize) {
    balanced(n, |problem| {
        let options = Options::new().level(Level::PORTABLE);
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; work_len(n, n, 0)];
        counted(&mut || {
            let report = solve(problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
            assert!(report.converged());
        });
    });
}

/// A batch of [`PROBLEMS`] of 8 x 8 with data of their own, each of which takes so many iterations.
fn batch(iterations: u64, level: Level) {
    const N: usize = 8;
    let (costs, mut weights) = (uniform(PROBLEMS * N * N, 1), uniform(PROBLEMS * N, 2));
    for weights in weights.chunks_mut(N) {
        let sum: f64 = weights.iter().map(|w| w + 0.1).sum();
        weights.iter_mut().for_each(|w| *w = (*w + 0.1) / sum);
    }
    let cost = Dense::new(Mat::new(&costs, N, N).unwrap());
    let first = Problem::<f64, _>::balanced(cost, &weights[..N], &weights[..N], 0.1).unwrap();
    let batch = Batch::new(first, PROBLEMS).costs(N * N).unwrap();
    let batch = batch.row_weights(&weights, N).unwrap().col_weights(&weights, N).unwrap();
    let options =
        Options::new().stop(Stop::Residual(1e-300)).max_iterations(iterations).level(level);
    let (mut f, mut g) = (vec![0.0; PROBLEMS * N], vec![0.0; PROBLEMS * N]);
    let mut work = vec![0.0; work_len(N, N, 0)];
    let mut reports = vec![Report::default(); PROBLEMS];
    counted(&mut || {
        let rest = (&mut work, &mut reports);
        let left = solve_batch(&batch, &options, &mut f, &mut g, rest.0, rest.1, &mut ()).unwrap();
        assert_eq!(left, PROBLEMS, "some ended before the limit");
    });
}

/// A gradient of a loss of the plan by the cost, by factorisation.
fn gradient(n: usize) {
    balanced(n, |problem| {
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; work_len(n, n, 0)];
        let options = Options::new().level(Level::PORTABLE);
        let report = solve(problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        let cotangent = uniform(n * n, 3);
        let loss = Cotangent::new().plan(Mat::new(&cotangent, n, n).unwrap());
        let options = implicit::Options::new().level(Level::PORTABLE);
        let mut slopes = vec![0.0; n * n];
        let mut work = vec![0.0; implicit::work_len(n, n, 0, true)];
        counted(&mut || {
            let cost = Some(MatMut::new(&mut slopes, n, n).unwrap());
            let gradients = Gradients { cost, ..Default::default() };
            vjp(problem, Optimum::new(&f, &g, &report), &loss, &options, gradients, &mut work)
                .unwrap();
        });
    });
}

/// Four iterations of the barycenter of two measures, and its report.
fn barycenter_iterations(n: usize) {
    let cost = costs(n);
    let geometry = Dense::new(Mat::new(&cost, n, n).unwrap());
    let weights = [1, 2].map(|seed| {
        let raw: Vec<f64> = uniform(n, seed).iter().map(|x| x + 0.05).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|x| x / sum).collect::<Vec<f64>>()
    });
    let measures = weights.each_ref().map(|weights| barycenter::Measure {
        geometry,
        weights: weights.as_slice(),
        rule: Rule::Exact,
        share: 0.5,
    });
    let problem = barycenter::Problem::<f64, _>::new(&measures, 0.05).unwrap();
    let base = Options::new().stop(Stop::Residual(1e-30)).level(Level::PORTABLE).max_iterations(4);
    let options = barycenter::Options::new().solve(base);
    let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
    let (mut q, mut work) = (vec![0.0; n], vec![0.0; barycenter::work_len(problem.rows(), n, 0)]);
    counted(&mut || {
        let report =
            barycenter::solve(&problem, &options, &mut f, &mut g, &mut q, &mut work, &mut ());
        assert_eq!(report.unwrap().iterations, 4);
    });
}

/// Does what a case does.
fn run(case: &str) {
    assert_ne!(Level::detect().name(), "avx512", "valgrind does not know it");
    match *case.split(' ').collect::<Vec<_>>() {
        ["iteration", sweep, precision, n, level] => {
            let known =
                |l: &Level| l.name() == level || (level == "portable" && *l == Level::PORTABLE);
            let level = Level::available().find(known).expect("the level");
            let run = if precision == "f32" { single } else { double };
            run(sweep == "kept", n.parse().unwrap(), level);
        }
        ["solve", n] => whole_solve(n.parse().unwrap()),
        ["batch", "8", "x", "8,", iterations, "iterations", "avx2"] => {
            batch(iterations.parse().unwrap(), Level::avx2().expect("the level"));
        }
        ["gradient", n] => gradient(n.parse().unwrap()),
        ["barycenter", n] => barycenter_iterations(n.parse().unwrap()),
        _ => panic!("no case {case}"),
    }
}

/// Instructions of a case by callgrind.
fn count(case: &str) -> u64 {
    let out = std::env::temp_dir().join(format!("robust-ot-callgrind-{}", std::process::id()));
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no"])
        .arg("--toggle-collect=*instructions::counted*")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--case", case])
        .status()
        .unwrap();
    assert!(status.success(), "{case}: {status}");
    let text = std::fs::read_to_string(&out).unwrap();
    std::fs::remove_file(&out).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total");
    total.trim().parse().unwrap()
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn table() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(TABLE).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(case, count)| (case.trim().to_owned(), count.parse().unwrap()))
        .collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(k) = arguments.iter().position(|a| a == "--case") {
        return run(&arguments[k + 1]);
    }
    if arguments.iter().any(|a| a == "--test") || !arguments.iter().any(|a| a == "--bench") {
        // Where all targets are run as tests: a debug build's instructions are nobody's business.
        return;
    }
    let Some(valgrind) = output_of("valgrind", &["--version"]) else {
        eprintln!("NOT RUN: instructions: no valgrind");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "NOT RUN in CI");
        return;
    };
    let write = std::env::var_os("ROBUST_OT_WRITE_BUDGETS").is_some_and(|w| w == "1");
    let (old, mut new, mut above) = (table(), String::new(), Vec::new());
    for case in cases() {
        if case.ends_with("avx2") && Level::avx2().is_none() {
            eprintln!("NOT RUN: {case}: not on this processor");
            continue;
        }
        let found = count(&case);
        writeln!(new, "{case:<34}{found:>10}").unwrap();
        match old.get(&case) {
            Some(&was) => {
                let ratio = found as f64 / was as f64;
                println!("{case:<34}{found:>10}  {:+.1} %", 100.0 * (ratio - 1.0));
                if ratio > LIMIT {
                    above.push(case);
                }
            }
            None => {
                println!("{case:<34}{found:>10}  not in the table");
                above.push(case);
            }
        }
    }
    if write {
        let rustc = output_of("rustc", &["--version"]).unwrap_or_default();
        let head = format!(
            "# Instructions, written by `ROBUST_OT_WRITE_BUDGETS=1 cargo bench --bench instructions`.\n\
             # What is measured stands at the head of benches/instructions.rs.\n\
             # Measured with {rustc} and {valgrind}.\n"
        );
        std::fs::write(Path::new(TABLE), head + &new).unwrap();
    } else {
        assert!(above.is_empty(), "more than 5 % above the table: {above:?}");
    }
}
