//! Figure 1: two Gaussians on a line, (a, b) both with 10 % of outliers, robust transport (ROT) next to
//! unbalanced (UOT); (c, d) only a with outliers, semi-relaxed transport (RSOT) next to unbalanced. The
//! paper states no parameters; these are ours: 200 points in [0, 100] for each measure, N(42, 6) and
//! N(50, 6), 10 % of N(90, 2) in a and of N(8, 2) in b, the squared distance over 100^2 as the cost.

use std::fmt::Write as _;

use robust_ot::anneal;
use robust_ot::cost::Dense;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::Problem;
use robust_ot::view::Mat;

use crate::Settings;
use crate::pair::{NEWTON, distance};

const N: usize = 200;
/// Where outliers of a begin, and where those of b end.
const BEYOND: [f64; 2] = [75.0, 22.0];
const TAU: f64 = 0.03;
const EPSILON: f64 = 5e-5;

fn place(i: usize) -> f64 {
    100.0 * (i as f64 + 0.5) / N as f64
}

fn gaussian(mean: f64, deviation: f64) -> Vec<f64> {
    let raw: Vec<f64> =
        (0..N).map(|i| (-0.5 * ((place(i) - mean) / deviation).powi(2)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|x| x / sum).collect()
}

fn spoilt(clean: &[f64], outliers: &[f64]) -> Vec<f64> {
    clean.iter().zip(outliers).map(|(x, y)| 0.9 * x + 0.1 * y).collect()
}

/// Marginals and mass of the plan.
fn marginals(
    cost: &[f64],
    [a, b]: [&[f64]; 2],
    [rows, cols]: [Rule<f64>; 2],
    unit: bool,
) -> [Vec<f64>; 2] {
    let dense = Dense::new(Mat::new(cost, N, N).unwrap());
    let problem = Problem::<f64, _>::new(dense, (a, rows), (b, cols), EPSILON).unwrap();
    let problem = if unit { problem.unit_mass().unwrap() } else { problem };
    let (mut f, mut g) = (vec![0.0; N], vec![0.0; N]);
    let mut work = vec![0.0; anneal::fast_work_len::<f64>(N, N, 0, Some(NEWTON))];
    let options = anneal::Options::new().solve(Options::new().stop(Stop::Residual(1e-8)));
    let report =
        anneal::solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap().report;
    assert!(report.converged(), "{report:?}");
    let mut work = vec![0.0; plan::work_len(N, N, 0)];
    let mut plan = Plan::new(&problem, &f, &g, report.log_mass, &mut work).unwrap();
    let (mut row, mut col) = (vec![0.0; N], vec![0.0; N]);
    plan.marginals(&mut row, &mut col).unwrap();
    [row, col]
}

pub(crate) fn figure1(settings: &Settings) {
    settings.progress("figure 1");
    let clean = [gaussian(42.0, 6.0), gaussian(50.0, 6.0)];
    let outliers = [gaussian(90.0, 2.0), gaussian(8.0, 2.0)];
    let both: Vec<_> = clean.iter().zip(&outliers).map(|(x, y)| spoilt(x, y)).collect();
    let cost: Vec<f64> =
        (0..N * N).map(|k| ((place(k / N) - place(k % N)) / 100.0).powi(2)).collect();
    let kl = Rule::Kl { tau: TAU };
    let mut csv = String::from("panel,problem,side,x,given,clean,marginal\n");
    settings.say(&format!(
        "## Figure 1: marginals with outliers, tau = {TAU}, epsilon = {EPSILON:e}, largest cost 1\n\n\
         Each cell is of the rows and the columns; distances are |.|_1, after division by the mass.\n\n\
         | panels | problem | mass | share in the outliers | from the given | from the clean | undivided, from the clean |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    ));
    let cases = [
        ("ab", "ROT", [&both[0], &both[1]], [kl, kl], true),
        ("ab", "UOT", [&both[0], &both[1]], [kl, kl], false),
        ("cd", "RSOT", [&both[0], &clean[1]], [kl, Rule::Exact], false),
        ("cd", "UOT", [&both[0], &clean[1]], [kl, kl], false),
    ];
    for (panel, name, given, rules, unit) in cases {
        let found = marginals(&cost, given.map(|x| &x[..]), rules, unit);
        let mut cells = [const { String::new() }; 4];
        let mut total = 0.0;
        for side in 0..2 {
            let mass: f64 = found[side].iter().sum();
            total = mass;
            let share: Vec<f64> = found[side].iter().map(|x| x / mass).collect();
            let outside = |i: &usize| {
                if side == 0 { place(*i) > BEYOND[0] } else { place(*i) < BEYOND[1] }
            };
            let spoilt: f64 = (0..N).filter(outside).map(|i| share[i]).sum();
            let values = [
                spoilt,
                distance(&share, given[side]),
                distance(&share, &clean[side]),
                distance(&found[side], &clean[side]),
            ];
            for (cell, value) in cells.iter_mut().zip(values) {
                let gap = if side == 0 { "" } else { ", " };
                write!(cell, "{gap}{value:.4}").unwrap();
            }
            let letter = ["a", "b"][side];
            for i in 0..N {
                writeln!(
                    csv,
                    "{panel},{name},{letter},{:.3},{:.6e},{:.6e},{:.6e}",
                    place(i),
                    given[side][i],
                    clean[side][i],
                    found[side][i]
                )
                .unwrap();
            }
        }
        settings.say(&format!("| {panel} | {name} | {total:.4} | {} |", cells.join(" | ")));
    }
    settings.say("");
    settings.write("figure1.csv", &csv);
}
