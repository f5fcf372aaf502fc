//! Figures 9 and 10: what a ball around the weights does to them. Only the captions and what they name are
//! known here, so the points are our own, and no two bars need to agree with the paper's.

use std::fmt::Write as _;

use robust_ot::anneal::{Options, solve, work_len};
use robust_ot::cost::{Metric, Points};
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::Problem;
use robust_ot::view::Mat;

/// Sources and targets on a line, and the weights that the optimum settles on, in equal weights.
struct Sides {
    x: Vec<f64>,
    y: Vec<f64>,
    p: Vec<f64>,
    q: Vec<f64>,
    sweeps: u64,
}

/// n midpoints of equal parts of an interval.
fn spread(n: usize, from: f64, to: f64) -> Vec<f64> {
    (0..n).map(|k| from + (to - from) * (k as f64 + 0.5) / n as f64).collect()
}

/// Both sides in the same ball around equal weights; epsilon and the entropies in units of the largest cost.
fn settle(x: Vec<f64>, y: Vec<f64>, epsilon: f64, ball: impl Fn(f64) -> Rule<f64>) -> Sides {
    let n = x.len();
    let reach = x.iter().flat_map(|x| y.iter().map(move |y| (x - y).powi(2))).fold(0.0, f64::max);
    let epsilon = epsilon * reach;
    let weights = vec![1.0 / n as f64; n];
    let columns = [&x, &y].map(|points| Mat::new(points, n, 1).unwrap());
    let points = Points::new(columns[0], columns[1], Metric::SquaredEuclidean).unwrap();
    let side = || (&weights[..], ball(epsilon));
    let problem = Problem::<f64, _>::new(points, side(), side(), epsilon).unwrap();
    let base = options::Options::new().stop(Stop::Residual(1e-9)).max_iterations(1_000_000);
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
    let options = Options::new().solve(base);
    let mut work = vec![0.0; work_len(n, n, 1, Some(Options::<f64>::truncated()))];
    let solved = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    assert!(solved.report.converged(), "{:?}", solved.report);
    let (mut p, mut q, mut work) = (vec![0.0; n], vec![0.0; n], vec![0.0; plan::work_len(n, n, 1)]);
    let mut plan = Plan::new(&problem, &f, &g, solved.report.log_mass, &mut work).unwrap();
    plan.marginals(&mut p, &mut q).unwrap();
    for r in p.iter_mut().chain(&mut q) {
        *r *= n as f64;
    }
    Sides { x, y, p, q, sweeps: solved.report.iterations }
}

impl Sides {
    /// A line for each point behind the same beginning.
    fn write(&self, csv: &mut String, head: &str) {
        for (side, points, weights) in [("source", &self.x, &self.p), ("target", &self.y, &self.q)]
        {
            for (point, weight) in points.iter().zip(weights) {
                writeln!(csv, "{head},{side},{point:.6},{weight:.9}").unwrap();
            }
        }
    }

    /// Mass of the sources beyond a point.
    fn beyond(&self, point: f64) -> f64 {
        let far = self.x.iter().zip(&self.p).filter(|(x, _)| **x > point);
        far.map(|(_, p)| p).sum::<f64>() / self.x.len() as f64
    }
}

const FAR: [f64; 3] = [10.72, 10.89, 10.96];

/// Eight sources near the targets and three far away, in the L2 and in the KL ball.
pub(crate) fn figure9(summary: &mut String) -> String {
    let mut csv = String::from("budget,ball,side,point,weight\n");
    let near = 8;
    let n = near + FAR.len();
    // Not quite where the sources are, so that these have a reason to differ.
    let (x, y) = ([spread(near, 0.0, 1.0), FAR.to_vec()].concat(), spread(n, 0.5, 1.5));
    let theta = FAR.len() as f64 / n as f64;
    let dropped = |theta: f64| (theta / (n as f64 * (1.0 - theta)), -(1.0 - theta).ln());
    let (three, half) = (dropped(theta), dropped(0.5 * theta));
    let budgets = [("three points", three), ("half of three points", half)];
    let same = [("the same number", (three.0, three.0))];
    writeln!(
        summary,
        "## Figure 9\n\nepsilon 1e-5 of the largest cost; weights in equal weights.\n\n\
         | budget | ball | its radius | three far points | others, largest / smallest | mass moved, targets | sweeps |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    )
    .unwrap();
    for (budget, (l2, kl)) in budgets.into_iter().chain(same) {
        for (name, radius) in [("L2", l2), ("KL", kl)] {
            let found = settle(x.clone(), y.clone(), 1e-5, |entropy| match name {
                "L2" => Rule::L2Ball { radius2: radius, entropy },
                _ => Rule::KlBall { radius, entropy },
            });
            found.write(&mut csv, &format!("{budget},{name}"));
            let (others, far) = found.p.split_at(near);
            let (least, most) = others
                .iter()
                .fold((f64::INFINITY, 0.0_f64), |(least, most), &p| (least.min(p), most.max(p)));
            let moved = found.q.iter().map(|q| (q - 1.0).abs()).sum::<f64>() / (2 * n) as f64;
            let mean = far.iter().sum::<f64>() / far.len() as f64;
            writeln!(
                summary,
                "| {budget} | {name} | {radius:.4} | {mean:.3} | {:.3} | {moved:.3} | {} |",
                most / least,
                found.sweeps
            )
            .unwrap();
        }
    }
    summary.push('\n');
    csv
}

/// Unif(0, 2) against Unif(0, 1) in balls that grow, with the radius as a bound of the norm and of its square.
pub(crate) fn figure10(summary: &mut String) -> String {
    let mut csv = String::from("n,epsilon,bound,rho,side,point,weight\n");
    let radii = [0.0, 0.1, 0.2];
    writeln!(
        summary,
        "## Figure 10\n\nMass of the sources at x > 1, of 1.\n\n\
         | points | epsilon / largest cost | rho bounds | rho = 0 | 0.1 | 0.2 |\n\
         | --- | --- | --- | --- | --- | --- |"
    )
    .unwrap();
    for n in [20, 50] {
        for epsilon in [1e-4, 1e-5] {
            for bound in ["norm", "square"] {
                write!(summary, "| {n} | {epsilon:.0e} | the {bound} |").unwrap();
                for rho in radii {
                    let radius2 = if bound == "norm" { rho * rho } else { rho };
                    let (x, y) = (spread(n, 0.0, 2.0), spread(n, 0.0, 1.0));
                    let ball = |entropy| Rule::L2Ball { radius2, entropy };
                    let found = settle(x, y, epsilon, ball);
                    found.write(&mut csv, &format!("{n},{epsilon:e},{bound},{rho}"));
                    write!(summary, " {:.4} |", found.beyond(1.0)).unwrap();
                }
                summary.push('\n');
            }
        }
    }
    summary.push('\n');
    csv
}
