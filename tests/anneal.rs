//! Solves at small epsilon: the ladder and its Newton steps.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod common;

use robust_ot::anneal::{self, Solved, work_len};
use robust_ot::cost::Dense;
use robust_ot::implicit::Method;
use robust_ot::marginal::Rule;
use robust_ot::options::{Options, Stop};
use robust_ot::problem::Problem;
use robust_ot::report::{Report, Termination};
use robust_ot::sinkhorn;
use robust_ot::view::Mat;

const ITERATIVE: Method<f64> = Method::Iterative { tolerance: 1e-11, max_iterations: 2000 };

/// Numbers in [0, 1) that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: the sum of twelve.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// A cost with largest entry 1 and uniform weights.
struct Scene {
    n: usize,
    m: usize,
    cost: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Scene {
    fn of(x: &[[f64; 2]], y: &[[f64; 2]]) -> Self {
        let square = |x: &[f64; 2], y: &[f64; 2]| (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2);
        let mut cost: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| square(x, y))).collect();
        let most = cost.iter().copied().fold(0.0, f64::max);
        cost.iter_mut().for_each(|c| *c /= most);
        let uniform = |n: usize| vec![1.0 / n as f64; n];
        Self { n: x.len(), m: y.len(), cost, a: uniform(x.len()), b: uniform(y.len()) }
    }

    /// Two samples on the line, a tenth of the first far off.
    fn line(n: usize, m: usize, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let mut x: Vec<_> = (0..n).map(|_| [numbers.bell(), 0.0]).collect();
        let y: Vec<_> = (0..m).map(|_| [numbers.bell(), 0.0]).collect();
        x.iter_mut().step_by(10).for_each(|x| x[0] += 8.0);
        Self::of(&x, &y)
    }

    /// Two clouds in the plane.
    fn clouds(n: usize, m: usize, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let mut cloud = |n: usize, shift: f64| -> Vec<[f64; 2]> {
            (0..n).map(|_| [numbers.bell() + shift, numbers.bell()]).collect()
        };
        let (x, y) = (cloud(n, 0.0), cloud(m, 0.5));
        Self::of(&x, &y)
    }

    fn problem(
        &self,
        rows: Rule<f64>,
        cols: Rule<f64>,
        epsilon: f64,
    ) -> Problem<'_, f64, Dense<'_, f64>> {
        let cost = Dense::new(Mat::new(&self.cost, self.n, self.m).unwrap());
        Problem::new(cost, (&self.a, rows), (&self.b, cols), epsilon).unwrap()
    }

    /// The robust problem in which a fraction can be dropped, with equal entropies.
    fn robust(&self, drop: f64, epsilon: f64) -> Problem<'_, f64, Dense<'_, f64>> {
        let ball = |n| Rule::l2_ball_dropping(drop, n, epsilon);
        self.problem(ball(self.n), ball(self.m), epsilon)
    }
}

/// A solve with its potentials.
struct Run {
    solved: Solved<f64>,
    f: Vec<f64>,
    g: Vec<f64>,
}

fn run(problem: &Problem<'_, f64, Dense<'_, f64>>, options: &anneal::Options<f64>, len: usize) -> Run {
    let (n, m) = problem.shape();
    let (mut f, mut g) = (vec![f64::NAN; n], vec![f64::NAN; m]);
    let mut work = vec![f64::NAN; len];
    let solved = anneal::solve(problem, options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    Run { solved, f, g }
}

/// Converged, or at the floor of rounding.
fn at_optimum(report: &Report<f64>, tolerance: f64) -> bool {
    let floor = 8.0 * report.rounding_floor;
    let ended = matches!(report.termination, Termination::Converged | Termination::RoundingFloor);
    ended && report.residual <= tolerance.max(floor)
}

const TOLERANCE: f64 = 1e-10;

fn options() -> Options<f64> {
    Options::new().stop(Stop::Residual(TOLERANCE)).max_iterations(20_000)
}

/// The 144 robust solves of the notes: three sizes, four epsilons, three budgets, two kinds of data,
/// two seeds. A debug build takes the smallest size only.
#[test]
fn robust_solves() {
    let sizes: &[usize] = if cfg!(debug_assertions) { &[50] } else if std::env::var("FAST").is_ok() { &[50, 200] } else { &[50, 200, 500] };
    let newton = Some(Method::Direct);
    let sw = std::env::var("SW").map_or(15, |s| s.parse().unwrap());
    let options = anneal::Options::new().solve(options()).newton(newton).sweeps(sw);
    let mut failed = 0;
    println!("kind n epsilon: sweeps and Newton steps of 3 budgets x 2 seeds; largest residual / floor");
    for (kind, scene) in [("line", Scene::line as fn(usize, usize, u64) -> Scene), ("clouds", Scene::clouds)] {
        for &n in sizes {
            let scenes = [scene(n, n, 1), scene(n, n, 2)];
            for epsilon in [1e-2, 1e-3, 1e-4, 1e-5] {
                let (mut counts, mut worst) = (Vec::new(), 0.0f64);
                let start = std::time::Instant::now();
                for drop in [0.02, 0.1, 0.3] {
                    for scene in &scenes {
                        let problem = scene.robust(drop, epsilon);
                        let Run { solved, .. } = run(&problem, &options, work_len(n, n, 0, newton));
                        let report = &solved.report;
                        counts.push((report.iterations, solved.newton_steps));
                        worst = worst.max(report.residual / report.rounding_floor);
                        if !at_optimum(report, TOLERANCE) {
                            failed += 1;
                            println!("FAILED {drop}: {:?} {:e}", report.termination, report.residual);
                        }
                    }
                }
                let time = start.elapsed().as_secs_f64() / 6.0;
                println!("{kind} {n} {epsilon:e}: {counts:?} {worst:.1} {time:.3} s");
            }
        }
    }
    assert_eq!(failed, 0);
}

#[test]
fn others() {
    let newton = Some(Method::Direct);
    let sw = std::env::var("SW").map_or(15, |s| s.parse().unwrap());
    let options = anneal::Options::new().solve(options()).newton(newton).sweeps(sw);
    for (kind, scene) in [("line", Scene::line as fn(usize, usize, u64) -> Scene), ("clouds", Scene::clouds)] {
        for (n, m) in [(40, 40), (50, 70), (200, 200)] {
            let scene = scene(n, m, 3);
            for epsilon in [1e-3, 1e-4, 1e-5] {
                for (name, rows, cols) in [
                    ("balanced", Rule::Exact, Rule::Exact),
                    ("semi", Rule::Kl { tau: 0.1 }, Rule::Exact),
                    ("semi col", Rule::Exact, Rule::Kl { tau: 0.1 }),
                    ("kl", Rule::Kl { tau: 0.1 }, Rule::Kl { tau: 1.0 }),
                    ("ball-exact", Rule::l2_ball_dropping(0.1, n, epsilon), Rule::Exact),
                    ("klball", Rule::KlBall { radius: 0.1, entropy: epsilon }, Rule::Kl { tau: 1.0 }),
                ] {
                    let problem = scene.problem(rows, cols, epsilon);
                    let Run { solved, .. } = run(&problem, &options, work_len(n, m, 0, newton));
                    let r = &solved.report;
                    println!("{kind} {n} {m} {epsilon:e} {name}: {} sweeps {} newton, {:?} {:e} floor {:e}", r.iterations, solved.newton_steps, r.termination, r.residual, r.rounding_floor);
                }
            }
        }
    }
}

#[test]
fn one() {
    let newton = Some(Method::Direct);
    let options = anneal::Options::new().solve(options().max_iterations(600)).newton(newton);
    let var = |k: &str| std::env::var(k).unwrap();
    let n: usize = var("N").parse().unwrap();
    let seed = var("SEED").parse().unwrap();
    let scene = if var("KIND") == "line" { Scene::line(n, n, seed) } else { Scene::clouds(n, n, seed) };
    let epsilon = var("EPS").parse().unwrap();
    let problem = match std::env::var("DROP") { Ok(d) => scene.robust(d.parse().unwrap(), epsilon), _ => scene.problem(Rule::Exact, Rule::Exact, epsilon) };
    let Run { solved, .. } = run(&problem, &options, work_len(n, n, 0, newton));
    let r = &solved.report;
    println!("{} sweeps {} newton, {:?} {:e} floor {:e}", r.iterations, solved.newton_steps, r.termination, r.residual, r.rounding_floor);
}
