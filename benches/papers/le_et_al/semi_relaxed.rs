//! Figure 3(a): semi-relaxed transport (RSOT), n = 100, tau = 1, costs uniform in [1, 50] and symmetrised,
//! weights uniform in [0.1, 1] and normalised, epsilon by Theorem 1. Half sweeps (the paper's k) until the
//! objective is within the target, until the certificate says so, and as the theory has them; and the
//! time of Algorithm 1 to its first iterate within the target, which only someone who knows the optimum
//! can stop at, next to that of `accuracy::solve_to`, which proves it.

use std::fmt::Write as _;

use robust_ot::accuracy::{
    Formula, Options, Solved, parameters, parameters_work_len, solve_to, work_len,
};
use robust_ot::anneal::fast_work_len;

use crate::Settings;
use crate::clock::seconds;
use crate::kept::Kept;
use crate::pair::{Kind, NEWTON, Pair};
use crate::plain::Plain;
use crate::statistics::{geometric_mean, median, quantile};
use crate::watch::{Milestones, Run, watch};

/// Costs of the paper.
const COSTS: (f64, f64) = (1.0, 50.0);

/// Solves by the library, with a kept kernel or without.
pub(crate) fn solve(pair: &Pair, target: f64, kept: bool) -> (Solved<f64>, [Vec<f64>; 2], f64) {
    let n = pair.n;
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
    let len = if kept {
        fast_work_len::<f64>(n, n, 0, Some(NEWTON))
    } else {
        work_len(n, n, 0, Some(NEWTON))
    };
    let mut work = vec![0.0; len];
    let (problem, options) = (pair.problem(1.0), Options::new());
    let mut solved = None;
    let time = seconds(2, || {
        let all = (&mut f[..], &mut g[..], &mut work[..]);
        solved = Some(solve_to(&problem, target, &options, all.0, all.1, all.2, &mut ()).unwrap());
    });
    let solved = solved.unwrap();
    assert!(solved.report.converged(), "{solved:?}");
    (solved, [f, g], time)
}

/// Half sweeps and times of an instance.
const NAMES: [&str; 11] = [
    "first",
    "true",
    "certificate",
    "authors",
    "ours",
    "plain_log",
    "plain_kept",
    "solve_log",
    "solve_kept",
    "sweeps",
    "passes",
];

fn measure(pair: &Pair, target: f64, bounds: [f64; 2]) -> (f64, [f64; 11]) {
    let problem = pair.problem(1.0);
    let mut work = vec![0.0; parameters_work_len(pair.n)];
    let [paper, ours] = [Formula::Paper, Formula::Uniform]
        .map(|formula| parameters(&problem, target, formula, &mut work).unwrap());
    let epsilon = paper.epsilon;
    // The upper bound of the optimum, in favour of what is compared with.
    let [lower, optimum] = bounds;
    let Milestones { first, always, stop } = watch(&mut Plain::new(pair, epsilon), target, optimum);

    let log = seconds(2, || {
        let mut run = Plain::new(pair, epsilon);
        (0..first).for_each(|_| run.step());
        std::hint::black_box(&run.v);
    });
    let mut kept = Kept::new(pair, epsilon);
    (0..first).for_each(|_| kept.step());
    let [u, v] = kept.potentials();
    let error = pair.evaluate(epsilon, &u, &v).objective - optimum;
    assert!(error <= target * 1.001, "the same iterates: {error}");
    let fast = seconds(2, || {
        let mut run = Kept::new(pair, epsilon);
        (0..first).for_each(|_| run.step());
        std::hint::black_box(run.potentials());
    });

    let [own_log, own_kept] = [false, true].map(|kept| {
        let (solved, [f, g], time) = solve(pair, target, kept);
        let objective = pair.evaluate(solved.report.epsilon, &f, &g).objective;
        assert!(
            objective - lower <= target + (optimum - lower),
            "{target}: {objective} {bounds:?}"
        );
        (solved, time)
    });
    let passes = |solved: &Solved<f64>| solved.report.iterations + solved.products;
    let found = [
        2.0 * first as f64,
        2.0 * always as f64,
        2.0 * stop as f64,
        paper.half_sweeps.unwrap() as f64,
        ours.half_sweeps.unwrap() as f64,
        log,
        fast,
        own_log.1,
        own_kept.1,
        own_kept.0.report.iterations as f64,
        passes(&own_kept.0) as f64,
    ];
    (epsilon, found)
}

pub(crate) fn figure3a(settings: &Settings) {
    let mut targets = vec![5e-2, 1.6e-2, 5e-3, 1.6e-3, 5e-4];
    if settings.quick {
        targets.truncate(2);
    }
    if settings.full {
        targets.extend([1.6e-4, 5e-5]);
    }
    let n = if settings.quick { 40 } else { 100 };
    let mut csv = format!("run,target,epsilon,lower,upper,{}\n", NAMES.join(","));
    let mut all = vec![Vec::new(); targets.len()];
    for run in 0..settings.runs() {
        let pair = Pair::random(Kind::SemiRelaxed, 3698 + run, n, COSTS, 1.0);
        // A thousandth of the smallest target apart.
        let bounds = pair.enclose(1e-3 * targets.iter().copied().fold(f64::INFINITY, f64::min));
        for (&target, all) in targets.iter().zip(&mut all) {
            settings.progress(&format!("figure 3(a), run {run}, target {target:.1e}"));
            let (epsilon, found) = measure(&pair, target, bounds);
            write!(csv, "{run},{target:e},{epsilon:e},{:.9},{:.9}", bounds[0], bounds[1]).unwrap();
            for value in found {
                write!(csv, ",{value:e}").unwrap();
            }
            csv.push('\n');
            all.push(found);
        }
    }
    settings.write("figure3a.csv", &csv);

    settings.say(&format!(
        "## Figure 3(a): RSOT, n = {n}, {} runs\n\n\
         Half sweeps, geometric means:\n\n\
         | target | first | true | certificate | the authors' K | our K | theory / true |\n\
         | --- | --- | --- | --- | --- | --- | --- |",
        settings.runs()
    ));
    let column = |all: &[[f64; 11]], k: usize| -> Vec<f64> { all.iter().map(|x| x[k]).collect() };
    for (target, all) in targets.iter().zip(&all) {
        let counts: Vec<String> =
            (0..5).map(|k| format!("{:.0}", geometric_mean(&column(all, k)))).collect();
        let ratio: Vec<f64> = all.iter().map(|x| x[3] / x[1]).collect();
        settings.say(&format!(
            "| {target:.1e} | {} | {:.1} |",
            counts.join(" | "),
            geometric_mean(&ratio)
        ));
    }
    settings.say(
        "\nMilliseconds of processor time, medians: Algorithm 1 to its first iterate within the target, and \
         `solve_to` to its certificate; ratios of the same instance, and their range:\n\n\
         | target | plain, log | solve_to, log | ratio | plain, kept kernel | solve_to, kept kernel | ratio |\n\
         | --- | --- | --- | --- | --- | --- | --- |",
    );
    for (target, all) in targets.iter().zip(&all) {
        let cell = |plain: usize, own: usize| {
            let ratio: Vec<f64> = all.iter().map(|x| x[plain] / x[own]).collect();
            format!(
                "{:.2} | {:.2} | {:.1} ({:.1} to {:.1})",
                1e3 * median(&column(all, plain)),
                1e3 * median(&column(all, own)),
                median(&ratio),
                quantile(&ratio, 0.0),
                quantile(&ratio, 1.0)
            )
        };
        settings.say(&format!("| {target:.1e} | {} | {} |", cell(5, 7), cell(6, 8)));
    }
    settings.say("");
}
