//! Table 2: what 50 steps of ROBOT do for RS with half of the subsamples.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use robust_ot::anneal;
use robust_ot::cost::{Metric, Points};
use robust_ot::implicit::{self, Gradients, Method};
use robust_ot::matching::{self, Gradient, Unit};
use robust_ot::options::{self, Stop};
use robust_ot::problem::Problem;
use robust_ot::view::{Mat, MatMut};

use crate::Size;
use crate::random::Random;
use crate::sensing::{D, Experiment, W};

/// Of the largest cost, as in the authors' code.
const EPSILON: f64 = 1e-4;

/// Stochastic gradient descent as printed; its loss is n times the transport cost of unit mass.
const RATE: f64 = 1e-4;
const MOMENTUM: f64 = 0.9;
const STEPS: usize = 50;

/// Residual of the forward solves, and the like of the linear systems. A tenth of both changes no error of a
/// quick run by a thousandth.
const TOLERANCE: f64 = 1e-4;
const LINEAR_TOLERANCE: f64 = 1e-5;

/// Trains through the library's matching.
struct Trainer {
    weights: Vec<f64>,
    found: Vec<f64>,
    slopes: Vec<f64>,
    f: Vec<f64>,
    /// Of this step and of the one before.
    g: [Vec<f64>; 2],
    work: Vec<f64>,
    count: Count,
}

/// What the forward solves took.
#[derive(Clone, Copy, Default)]
struct Count {
    solves: u64,
    sweeps: u64,
    newton: u64,
    failures: u64,
}

impl Trainer {
    fn new(n: usize) -> Self {
        let newton = Some(anneal::Options::<f64>::truncated());
        let len = anneal::fast_work_len(n, n, 1, newton)
            .max(implicit::fast_work_len(n, n, 1, false))
            .max(matching::work_len(n, n, 1, false));
        let zero = vec![0.0; n];
        Self {
            weights: vec![1.0 / n as f64; n],
            found: zero.clone(),
            slopes: zero.clone(),
            f: zero.clone(),
            g: [zero.clone(), zero],
            work: vec![0.0; len],
            count: Count::default(),
        }
    }

    /// The loss's gradient by w, at a solve that has converged: a walk down the ladder, or Newton's method from
    /// where the potentials of the last two steps point to, brings the potentials there, and the matching
    /// starts from them.
    fn slope(&mut self, experiment: &Experiment, w: &W, gradient: Gradient, step: usize) -> W {
        let n = experiment.n;
        experiment.predict(w, &mut self.found);
        let x = Mat::new(&self.found, n, 1).unwrap();
        let y = Mat::new(&experiment.seen, n, 1).unwrap();
        let points = Points::new(x, y, Metric::SquaredEuclidean).unwrap();
        let (low, high) = range(&self.found);
        let (least, most) = range(&experiment.seen);
        let epsilon = EPSILON * (high - least).max(most - low).powi(2);
        let weights = (&self.weights[..], &self.weights[..]);
        let problem = Problem::<f64, _>::balanced(points, weights.0, weights.1, epsilon).unwrap();
        let base = options::Options::new().stop(Stop::Residual(TOLERANCE)).max_iterations(100_000);
        let warm = anneal::Options::new().solve(base.warm_start(step > 0));
        let walk = if step > 0 { warm.start(epsilon) } else { warm };
        let [g, before] = &mut self.g;
        for (g, before) in g.iter_mut().zip(before) {
            let change = if step > 1 { *g - *before } else { 0.0 };
            *before = *g;
            *g += change;
        }
        let (f, work) = (&mut self.f, &mut self.work);
        let walked = anneal::solve(&problem, &walk, f, g, work, &mut ()).unwrap();
        let linear = Method::Iterative { tolerance: LINEAR_TOLERANCE, max_iterations: 10_000 };
        let linear = implicit::Options::new().method(linear).forward_tolerance(10.0 * TOLERANCE);
        let options = matching::Options::new(EPSILON)
            .unit(Unit::Largest)
            .gradient(gradient)
            .solve(base.warm_start(true))
            .implicit(linear);
        let by_x = Some(MatMut::new(&mut self.slopes, n, 1).unwrap());
        let outputs = Gradients { x: by_x, ..Default::default() };
        let found =
            matching::step(points, weights, &options, f, g, outputs, work, &mut ()).unwrap();
        self.count.solves += 1;
        self.count.sweeps += walked.report.iterations + found.solve.iterations;
        self.count.newton += u64::from(walked.newton_steps);
        self.count.failures += u64::from(!found.solve.converged() || found.gradient.is_err());
        experiment.transposed(&self.slopes).map(|slope| slope * n as f64)
    }

    /// w after the steps.
    fn train(&mut self, experiment: &Experiment, start: W, gradient: Gradient) -> W {
        let (mut w, mut speed) = (start, [0.0; D]);
        for step in 0..STEPS {
            let slope = self.slope(experiment, &w, gradient, step);
            for ((w, speed), slope) in w.iter_mut().zip(&mut speed).zip(slope) {
                *speed = MOMENTUM * *speed + slope;
                *w -= RATE * *speed;
            }
        }
        w
    }
}

fn range(x: &[f64]) -> (f64, f64) {
    x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// Who is compared.
const NAMES: [&str; 6] = ["oracle", "rs_all", "rs_half", "robot", "envelope", "am"];
const ORACLE: usize = 0;
const RS_ALL: usize = 1;
const RS_HALF: usize = 2;
const ROBOT: usize = 3;

type Errors = [f64; NAMES.len()];

/// All methods on one experiment of n pairs. The fewer subsamples are the first of the more: the authors' code draws
/// them from a fixed seed.
fn compare(job: &Job, (n, half): (usize, usize)) -> (Errors, Count) {
    let mut random = Random::new(1 + job.run);
    let experiment = Experiment::draw(&mut random, n, job.mean, job.share);
    let [start, all] = experiment.subsampled(&mut random, [half, 2 * half]);
    let mut trainer = Trainer::new(n);
    let [robot, envelope] = [Gradient::Full, Gradient::Envelope]
        .map(|gradient| trainer.train(&experiment, start, gradient));
    let am = (0..STEPS).fold(start, |w, _| experiment.refit(&w));
    let found = [experiment.oracle, all, start, robot, envelope, am];
    (found.map(|w| experiment.error(&w)), trainer.count)
}

/// One experiment of the table.
struct Job {
    mean: f64,
    share: f64,
    run: u64,
}

/// The errors of all jobs, in their order.
fn carry_out(jobs: &[&Job], sizes: (usize, usize), threads: usize) -> Vec<(Errors, Count)> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((k, job)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|k| Some((k, jobs.get(k)?)))
                {
                    let found = compare(job, sizes);
                    let mut done = done.lock().unwrap();
                    done.push((k, found));
                    let seconds = started.elapsed().as_secs();
                    eprintln!("table 2: {} of {} experiments, {seconds} s", done.len(), jobs.len());
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_unstable_by_key(|(k, _)| *k);
    done.into_iter().map(|(_, found)| found).collect()
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

/// The whole table: a CSV of all errors, and the ratios next to the paper's.
pub(crate) fn run(size: Size, threads: usize, summary: &mut String) -> String {
    let (n, half) = if size == Size::Quick { (150, 1000) } else { (1000, 100_000) };
    // The law of the paper's text, and, for comparison, that of its code.
    let laws: [(f64, u64); 2] = match size {
        Size::Quick => [(0.0, 2), (1.0, 2)],
        Size::Usual => [(0.0, 10), (1.0, 5)],
        Size::Full => [(0.0, 10), (1.0, 10)],
    };
    let paper = [(0.25, "1.04 +- 0.20"), (0.5, "1.29 +- 0.32"), (0.75, "1.27 +- 0.34")];
    let mut csv = format!("mean_x,shuffled,run,{}\n", NAMES.join(","));
    let mut ratios = String::from(
        "| x from | shuffled | paper | mean +- deviation | median | least to most |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mut gains = String::from(
        "| x from | shuffled | ROBOT | fixed plan | AM | RS(all) over oracle | ROBOT over oracle |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let cells: Vec<Vec<Job>> = laws
        .iter()
        .flat_map(|&(mean, runs)| paper.map(|(share, _)| (mean, share, runs)))
        .map(|(mean, share, runs)| (0..runs).map(|run| Job { mean, share, run }).collect())
        .collect();
    let jobs: Vec<&Job> = cells.iter().flatten().collect();
    let found = carry_out(&jobs, (n, half), threads);
    let mut total = Count::default();
    for (&Job { mean, share, run }, (errors, count)) in jobs.iter().copied().zip(&found) {
        let errors = errors.map(|error| format!("{error:.9}")).join(",");
        writeln!(csv, "{mean},{share},{run},{errors}").unwrap();
        total.solves += count.solves;
        total.sweeps += count.sweeps;
        total.newton += count.newton;
        total.failures += count.failures;
    }
    let mut left = &found[..];
    for (jobs, (_, printed)) in cells.iter().zip(paper.iter().cycle()) {
        let Job { mean, share, .. } = jobs[0];
        let (own, rest) = left.split_at(jobs.len());
        left = rest;
        let over = |above: usize, below: usize| -> Vec<f64> {
            own.iter().map(|(errors, _)| errors[above] / errors[below]).collect()
        };
        let ratio = over(RS_ALL, ROBOT);
        let (centre, deviation) = mean_and_deviation(&ratio);
        let (least, most) = range(&ratio);
        writeln!(
            ratios,
            "| N({mean}, I), {} runs | {share} | {printed} | {centre:.2} +- {deviation:.2} | {:.2} | {least:.2} to {most:.2} |",
            jobs.len(),
            median(&ratio)
        )
        .unwrap();
        write!(gains, "| N({mean}, I) | {share} |").unwrap();
        let gained = (ROBOT..NAMES.len()).map(|method| over(RS_HALF, method));
        for gain in gained.chain([over(RS_ALL, ORACLE), over(ROBOT, ORACLE)]) {
            write!(gains, " {:.3} ({:.3}) |", mean_and_deviation(&gain).0, median(&gain)).unwrap();
        }
        gains.push('\n');
    }
    let Count { solves, sweeps, newton, failures } = total;
    writeln!(
        summary,
        "## Table 2\n\nn = {n}, d = {D}, SNR 100: the error of RS with {} subsamples over that of RS with \
         {half} and {STEPS} steps of ROBOT.\n\n{ratios}\n\
         What {STEPS} steps do to RS with {half} subsamples, error before over error after, mean (median); \
         and how far RS with {} and ROBOT are from the oracle.\n\n{gains}\n\
         {solves} forward solves, {failures} of them not converged to {TOLERANCE:.0e}: {:.1} sweeps and {:.1} Newton \
         steps each.\n",
        2 * half,
        2 * half,
        sweeps as f64 / solves as f64,
        newton as f64 / solves as f64,
    )
    .unwrap();
    csv
}
