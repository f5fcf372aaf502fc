//! Complexity measured: the cost of the papers' algorithms against n and against 1 / target, to be
//! compared with n^2 / eps (Le et al.) and n^2 / eps^2 (balanced transport, classical barycenters), and that
//! of this library's solvers.
//!
//! Costs uniform in [0.02, 1] and symmetrised (those of Figure 3(a) over 50), tau = 0.1, weights uniform in
//! [0.1, 1] and normalised; barycenters with random weights and shares. Epsilon as the paper has it for the
//! target; for balanced transport target / (4 log n), stopped once |X 1 - a|_1 + |X^T 1 - b|_1 <= target / (8 |C|)
//! and rounded (Altschuler et al. 2017; Dvurechensky et al. 2018). The robust problems stop at the
//! certificate (barycenters at a quarter of the target), since nothing else that the papers offer can be known to hold before K iterations. Entries:
//! n m for each step, a sweep, and for each product of Newton's method.

use std::fmt::Write as _;

use robust_ot::accuracy::{
    Formula, Options, barycenter as averages, parameters, parameters_work_len,
};
use robust_ot::anneal;
use robust_ot::barycenter;
use robust_ot::options::{self, Stop};

use crate::Settings;
use crate::barycenter::{Instance, State};
use crate::barycenters::theorem2;
use crate::clock::seconds;
use crate::pair::{Kind, NEWTON, Pair};
use crate::plain::Plain;
use crate::semi_relaxed::solve;
use crate::statistics::{exponent, geometric_mean, quantile};
use crate::watch::{Run, watch};

const COSTS: (f64, f64) = (0.02, 1.0);
const TAU: f64 = 0.1;

/// What is solved.
#[derive(Clone, Copy)]
enum Family {
    Pair(Kind),
    /// A barycenter of so many measures.
    Barycenter(usize),
}

impl Family {
    fn name(self) -> String {
        match self {
            Self::Pair(kind) => kind.name().into(),
            Self::Barycenter(m) => format!("RSBP m={m}"),
        }
    }

    /// A target as hard as this one: barycenters of random costs are cheap, and near it at once.
    fn target(self, target: f64) -> f64 {
        if let Self::Barycenter(_) = self { target / 4.0 } else { target }
    }
}

/// Measured on one instance; NaN where there is none.
const NAMES: [&str; 6] =
    ["theory", "plain_entries", "plain_seconds", "first_entries", "own_entries", "own_seconds"];

fn pair(kind: Kind, seed: u64, n: usize, target: f64) -> [f64; 6] {
    let pair = Pair::random(kind, seed, n, COSTS, TAU);
    let entries = (n * n) as f64;
    let log_n = (n as f64).ln();
    let (epsilon, theory) = if kind == Kind::Balanced {
        (target / (4.0 * log_n), f64::NAN)
    } else {
        let mut work = vec![0.0; parameters_work_len(n)];
        let found = parameters(&pair.problem(1.0), target, Formula::Paper, &mut work).unwrap();
        (found.epsilon, entries * found.half_sweeps.unwrap() as f64 / 2.0)
    };
    let [_, optimum] = pair.enclose(3e-2 * target);
    let found = watch(&mut Plain::new(&pair, epsilon), target, optimum);
    let time = seconds(1, || {
        let mut run = Plain::new(&pair, epsilon);
        (0..found.stop).for_each(|_| run.step());
        std::hint::black_box(&run.v);
    });
    let (passes, own) = if kind == Kind::Balanced {
        // To the same marginals by the ladder and Newton's method.
        let problem = pair.problem(epsilon);
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
        let mut work = vec![0.0; anneal::fast_work_len::<f64>(n, n, 0, Some(NEWTON))];
        let stop = Stop::Residual(target / (8.0 * pair.largest_cost()));
        let options = options::Options::new().stop(stop).max_iterations(10_000_000);
        let options = anneal::Options::new().solve(options);
        let mut passes = 0;
        let time = seconds(1, || {
            let all = (&mut f[..], &mut g[..], &mut work[..]);
            let found = anneal::solve(&problem, &options, all.0, all.1, all.2, &mut ()).unwrap();
            assert!(found.report.converged(), "{found:?}");
            passes = found.report.iterations + found.products;
        });
        (passes, time)
    } else {
        let (solved, _, time) = solve(&pair, target, true);
        (solved.report.iterations + solved.products, time)
    };
    [
        theory,
        entries * found.stop as f64,
        time,
        entries * found.first as f64,
        entries * passes as f64,
        own,
    ]
}

fn average(m: usize, seed: u64, n: usize, target: f64) -> [f64; 6] {
    let epsilon = theorem2(n, TAU, target);
    let instance = Instance::random(seed, (m, n), COSTS, TAU, epsilon);
    let entries = (m * n * n) as f64;
    // The optimum is not asked for.
    let found = watch(&mut State::new(&instance, false), target, f64::INFINITY);
    let time = seconds(1, || {
        let mut run = State::new(&instance, false);
        (0..found.stop).for_each(|_| run.step());
        std::hint::black_box(&run.v);
    });
    let measures = instance.measures();
    let problem = barycenter::Problem::<f64, _>::new(&measures, 1.0).unwrap();
    let (mut f, mut g) = (vec![0.0; problem.rows()], vec![0.0; problem.cols()]);
    let mut q = vec![0.0; n];
    let mut work = vec![0.0; barycenter::work_len(problem.rows(), n, 0)];
    let mut iterations = 0;
    let own = seconds(1, || {
        let options = Options::new();
        let all = (&mut f[..], &mut g[..], &mut q[..], &mut work[..]);
        let solved =
            averages::solve_to(&problem, target, &options, all.0, all.1, all.2, all.3, &mut ());
        let solved = solved.unwrap();
        assert!(solved.report.converged(), "{solved:?}");
        iterations = solved.report.iterations;
    });
    let nan = f64::NAN;
    [nan, entries * found.stop as f64, time, nan, entries * iterations as f64, own]
}

pub(crate) fn complexity(settings: &Settings) {
    let (sizes, size): (&[usize], usize) =
        if settings.quick { (&[20, 40], 30) } else { (&[25, 50, 100, 200], 100) };
    let (targets, target): (&[f64], f64) = if settings.quick {
        (&[1e-2, 5e-3], 1e-2)
    } else {
        (&[1e-2, 5e-3, 2.5e-3, 1.25e-3, 6.25e-4], 2.5e-3)
    };
    let families = [
        Family::Pair(Kind::SemiRelaxed),
        Family::Pair(Kind::Robust),
        Family::Barycenter(2),
        Family::Barycenter(5),
        Family::Pair(Kind::Balanced),
    ];
    let runs = settings.runs();
    let mut csv = format!("problem,against,run,n,target,{}\n", NAMES.join(","));
    for (against, points) in [
        ("n", sizes.iter().map(|&n| (n, target)).collect::<Vec<_>>()),
        ("1/eps", targets.iter().map(|&target| (size, target)).collect()),
    ] {
        settings.say(&format!(
            "## Complexity against {against}, {}, {runs} runs\n\n\
             Exponents (median over the runs; 2.5 % to 97.5 % of them), entries in units of 1e6, seconds:\n\n\
             | problem | theory | plain, entries | plain, time | first within | this library, entries | time | \
             plain: entries, s | this library: entries, s |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            if against == "n" { format!("target {target} (RSBP: {})", target / 4.0) } else { format!("n = {size}") }
        ));
        for family in families {
            // A row for each run, a list of points for each name.
            let mut slopes = vec![Vec::new(); NAMES.len()];
            let mut ends = vec![Vec::new(); NAMES.len()];
            for run in 0..runs {
                settings.progress(&format!("against {against}, {}, run {run}", family.name()));
                let mut curves = vec![Vec::new(); NAMES.len()];
                for &(n, target) in &points {
                    let target = family.target(target);
                    let found = match family {
                        Family::Pair(kind) => pair(kind, 7000 + run, n, target),
                        Family::Barycenter(m) => average(m, 8000 + run, n, target),
                    };
                    write!(csv, "{},{against},{run},{n},{target:e}", family.name()).unwrap();
                    let x = if against == "n" { n as f64 } else { 1.0 / target };
                    for (curve, y) in curves.iter_mut().zip(found) {
                        write!(csv, ",{y:e}").unwrap();
                        curve.push((x, y));
                    }
                    csv.push('\n');
                }
                for ((slopes, ends), curve) in slopes.iter_mut().zip(&mut ends).zip(&curves) {
                    slopes.push(exponent(curve));
                    ends.push(curve.last().unwrap().1);
                }
            }
            let cell = |slopes: &Vec<f64>| {
                let at = |share| quantile(slopes, share);
                if slopes[0].is_nan() {
                    return "".to_owned();
                }
                format!("{:.2} ({:.2} to {:.2})", at(0.5), at(0.025), at(0.975))
            };
            let cells: Vec<String> = slopes.iter().map(cell).collect();
            let end = |k: usize| geometric_mean(&ends[k]);
            settings.say(&format!(
                "| {} | {} | {:.1}, {:.4} | {:.1}, {:.4} |",
                family.name(),
                [0, 1, 2, 3, 4, 5].map(|k| cells[k].clone()).join(" | "),
                1e-6 * end(1),
                end(2),
                1e-6 * end(4),
                end(5)
            ));
        }
        settings.say("");
    }
    settings.write("complexity.csv", &csv);
}
