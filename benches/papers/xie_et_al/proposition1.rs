//! Proposition 1: how well conditioned alternating minimisation (AM) and ROBOT are on
//! f(w1, w2) = w^T P w / 2 + lambda |w2|^2 / 2, P = rho 1 1^T + (1 - rho) I: AM takes steps of w1 at a fixed w2,
//! ROBOT on min over w2 of f. The Hessians are formed, and their eigenvalues found, without the formulas.

use std::fmt::Write as _;

use crate::linear::{Factor, eigenvalues};
use crate::random::Random;

/// Sizes of the blocks, correlation, ridge.
struct Quadratic {
    rho: f64,
    d1: usize,
    d2: usize,
    lambda: f64,
}

/// What is measured on one quadratic.
struct Measured {
    /// Of AM and of ROBOT.
    condition: [f64; 2],
    formula: [f64; 2],
    /// Gradient steps to 1e-6: of w1 at a fixed w2, and on the minimum over w2.
    steps: [u32; 2],
    /// Exact minimisations by turns to 1e-6.
    rounds: u32,
}

/// Distance to the optimum, relative to that of the start, that counts as there.
const THERE: f64 = 1e-6;

impl Quadratic {
    fn entry(&self, i: usize, j: usize) -> f64 {
        let ridge = if i >= self.d1 { self.lambda } else { 0.0 };
        if i == j { 1.0 + ridge } else { self.rho }
    }

    fn block(&self, rows: (usize, usize), cols: (usize, usize)) -> Vec<f64> {
        (rows.0..rows.1).flat_map(|i| (cols.0..cols.1).map(move |j| self.entry(i, j))).collect()
    }

    /// The Hessian of min over w2 of f: the Schur complement.
    fn reduced(&self) -> Vec<f64> {
        let (d1, d) = (self.d1, self.d1 + self.d2);
        let second = Factor::new(self.block((d1, d), (d1, d)), self.d2);
        let mut reduced = self.block((0, d1), (0, d1));
        for j in 0..d1 {
            let mut column: Vec<f64> = (d1..d).map(|i| self.entry(i, j)).collect();
            second.solve(&mut column);
            for i in 0..d1 {
                let dot: f64 = (d1..d).zip(&column).map(|(k, x)| self.entry(i, k) * x).sum();
                reduced[i * d1 + j] -= dot;
            }
        }
        reduced
    }

    fn measure(&self, random: &mut Random) -> Measured {
        let Self { rho, d1, d2, lambda } = *self;
        let (n1, n2) = (d1 as f64, d2 as f64);
        let am = 1.0 + n1 * rho / (1.0 - rho);
        let share = (1.0 - rho + lambda) / (1.0 - rho);
        let robot = 1.0 + share * n1 * rho / (n2 * rho - rho + lambda + 1.0);
        let start = random.normals(d1);
        let hessians = [self.block((0, d1), (0, d1)), self.reduced()];
        let [first, second] = hessians.map(|hessian| {
            let values = eigenvalues(hessian.clone(), d1);
            let (least, most) = (values[0], values[d1 - 1]);
            (most / least, descend(&hessian, &start, 2.0 / (least + most)))
        });
        Measured {
            condition: [first.0, second.0],
            formula: [am, robot],
            steps: [first.1, second.1],
            rounds: self.alternate(&start),
        }
    }

    /// Rounds of exact minimisation over w2, then over w1, until w1 is there.
    fn alternate(&self, start: &[f64]) -> u32 {
        let (d1, d) = (self.d1, self.d1 + self.d2);
        let blocks = [((d1, d), (0, d1)), ((0, d1), (d1, d))].map(|(own, other)| {
            let factor = Factor::new(self.block(own, own), own.1 - own.0);
            (factor, self.block(own, other), other.1 - other.0)
        });
        let mut w = start.to_vec();
        let mut rounds = 0;
        while length(&w) > THERE * length(start) {
            for (factor, coupling, width) in &blocks {
                let dot = |row: &[f64]| -row.iter().zip(&w).map(|(a, w)| a * w).sum::<f64>();
                let mut next: Vec<f64> = coupling.chunks(*width).map(dot).collect();
                factor.solve(&mut next);
                w = next;
            }
            rounds += 1;
        }
        rounds
    }
}

fn length(w: &[f64]) -> f64 {
    w.iter().map(|w| w * w).sum::<f64>().sqrt()
}

/// Steps of gradient descent on w^T H w / 2 until w is there.
fn descend(hessian: &[f64], start: &[f64], rate: f64) -> u32 {
    let mut w = start.to_vec();
    let mut steps = 0;
    while length(&w) > THERE * length(start) {
        let dot = |row: &[f64]| row.iter().zip(&w).map(|(h, w)| h * w).sum::<f64>();
        let slope: Vec<f64> = hessian.chunks(start.len()).map(dot).collect();
        for (w, slope) in w.iter_mut().zip(slope) {
            *w -= rate * slope;
        }
        steps += 1;
    }
    steps
}

/// The whole grid: a CSV, and what is worth saying.
pub(crate) fn run(summary: &mut String) -> String {
    let mut csv = String::from(
        "rho,d1,d2,lambda,condition_am,formula_am,condition_robot,formula_robot,steps_am,steps_robot,rounds_am\n",
    );
    let mut random = Random::new(1);
    let mut table = String::from(
        "| rho | d1 | d2 | lambda | cond AM (formula) | cond ROBOT (formula) | steps AM, w2 fixed | steps ROBOT | rounds of exact AM |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    // Cases by the sign of rho; those where ROBOT is better, worse; the largest error of a formula.
    let mut counts = [[0; 3]; 3];
    let mut worst = 0.0_f64;
    for d1 in [1, 2, 5, 20] {
        for d2 in [1, 5, 20] {
            // A negative one that leaves P positive definite.
            let negative = -0.5 / (d1 + d2 - 1) as f64;
            for rho in [negative, 0.0, 0.1, 0.5, 0.9, 0.99] {
                for (kind, lambda) in [0.0, 1.0, 0.1, 10.0].into_iter().enumerate() {
                    let found = Quadratic { rho, d1, d2, lambda }.measure(&mut random);
                    let Measured { condition: [am, robot], formula, steps, rounds } = found;
                    writeln!(
                        csv,
                        "{rho:.6},{d1},{d2},{lambda},{am:.6},{:.6},{robot:.6},{:.6},{},{},{rounds}",
                        formula[0], formula[1], steps[0], steps[1]
                    )
                    .unwrap();
                    if d1 == 5 && d2 == 5 && kind < 2 {
                        writeln!(
                            table,
                            "| {rho:.3} | {d1} | {d2} | {lambda} | {am:.2} ({:.2}) | {robot:.2} ({:.2}) | {} | {} | {rounds} |",
                            formula[0], formula[1], steps[0], steps[1]
                        )
                        .unwrap();
                    }
                    if d1 == 1 {
                        // One number has condition 1, which is not what the formulas say.
                        assert!((am - 1.0).abs() < 1e-12 && (robot - 1.0).abs() < 1e-12);
                        continue;
                    }
                    let sign = if rho > 0.0 { 2 } else { usize::from(rho >= 0.0) };
                    counts[sign][0] += 1;
                    counts[sign][1] += usize::from(robot < am * (1.0 - 1e-12));
                    counts[sign][2] += usize::from(robot > am * (1.0 + 1e-12));
                    for (value, formula) in [am, robot].into_iter().zip(formula) {
                        // Below 1 it is the smallest over the largest eigenvalue.
                        worst = worst.max((formula.max(1.0 / formula) / value - 1.0).abs());
                    }
                }
            }
        }
    }
    writeln!(summary, "## Proposition 1\n\n{table}").unwrap();
    for (name, [all, better, worse]) in ["rho < 0", "rho = 0", "rho > 0"].into_iter().zip(counts) {
        writeln!(
            summary,
            "- {name}, d1 >= 2: {all} quadratics, ROBOT's condition number smaller in {better}, larger in {worse}."
        )
        .unwrap();
    }
    writeln!(
        summary,
        "- Largest relative difference between the formulas and the eigenvalues, d1 >= 2 (the reciprocal of \
         the formula for rho < 0): {worst:.1e}. For d1 = 1 both condition numbers are 1 and neither formula is.\n"
    )
    .unwrap();
    csv
}
