//! Unlabeled sensing, section 4.1: linear responses, some of which have lost their inputs.

use crate::linear::Factor;
use crate::random::Random;

/// Unknowns.
pub(crate) const D: usize = 5;

/// Signal over noise, as variances.
const SNR: f64 = 100.0;

/// Ridge of every fit, and how close two sorted numbers have to be: of the paper and of its code.
const RIDGE: f64 = 1e-4;
const INLIER: f64 = 1e-2;

pub(crate) type W = [f64; D];

/// Inputs, column by column, and their responses.
struct Pairs {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Pairs {
    fn draw(random: &mut Random, n: usize, mean: f64, w: &W) -> Self {
        let noise = (w.iter().map(|w| w * w).sum::<f64>() / SNR).sqrt();
        let x: Vec<f64> = (0..n * D).map(|_| mean + random.normal()).collect();
        let mut y = vec![0.0; n];
        predict(&x, w, &mut y);
        for y in &mut y {
            *y += noise * random.normal();
        }
        Self { x, y }
    }
}

fn predict(x: &[f64], w: &W, out: &mut [f64]) {
    out.fill(0.0);
    for (column, w) in x.chunks_exact(out.len()).zip(w) {
        for (out, x) in out.iter_mut().zip(column) {
            *out += w * x;
        }
    }
}

/// Least squares with the ridge, of responses in any order of the rows.
fn fit(columns: [&[f64]; D], y: &[f64]) -> W {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut normal = vec![0.0; D * D];
    for i in 0..D {
        for j in 0..=i {
            normal[i * D + j] = dot(columns[i], columns[j]) + if i == j { RIDGE } else { 0.0 };
        }
    }
    let mut w = columns.map(|column| dot(column, y));
    Factor::new(normal, D).solve(&mut w);
    w
}

/// One experiment: what is seen, and new pairs to judge by.
pub(crate) struct Experiment {
    pub(crate) n: usize,
    x: Vec<f64>,
    /// The responses that are seen: some of them shuffled.
    pub(crate) seen: Vec<f64>,
    sorted: Vec<f64>,
    new: Pairs,
    /// w with all pairs known.
    pub(crate) oracle: W,
}

impl Experiment {
    /// w from N(0, I), x from N(mean, I), a share of the responses shuffled.
    pub(crate) fn draw(random: &mut Random, n: usize, mean: f64, share: f64) -> Self {
        let w: W = std::array::from_fn(|_| random.normal());
        let Pairs { x, y } = Pairs::draw(random, n, mean, &w);
        let new = Pairs::draw(random, n, mean, &w);
        let mut rows: Vec<usize> = (0..n).collect();
        random.shuffle(&mut rows);
        rows.truncate((share * n as f64).round() as usize);
        let mut from = rows.clone();
        random.shuffle(&mut from);
        let mut seen = y.clone();
        for (row, from) in rows.iter().zip(from) {
            seen[*row] = y[from];
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let oracle = fit(std::array::from_fn(|k| &x[k * n..][..n]), &y);
        Self { n, x, seen, sorted, new, oracle }
    }

    pub(crate) fn predict(&self, w: &W, out: &mut [f64]) {
        predict(&self.x, w, out);
    }

    /// The transpose of the inputs times a vector.
    pub(crate) fn transposed(&self, right: &[f64]) -> W {
        let column = |k: usize| self.x[k * self.n..][..self.n].iter();
        std::array::from_fn(|k| column(k).zip(right).map(|(x, r)| x * r).sum())
    }

    /// Sum of squared errors on the new pairs, relative to that of the mean.
    pub(crate) fn error(&self, w: &W) -> f64 {
        let mut found = vec![0.0; self.n];
        predict(&self.new.x, w, &mut found);
        let mean = self.new.y.iter().sum::<f64>() / self.n as f64;
        let square = |(y, other): (&f64, f64)| (y - other).powi(2);
        let wrong: f64 = self.new.y.iter().zip(found).map(square).sum();
        wrong / self.new.y.iter().map(|y| square((y, mean))).sum::<f64>()
    }

    /// Pairs by rank and fits: one alternating minimisation.
    pub(crate) fn refit(&self, w: &W) -> W {
        let mut found = vec![0.0; self.n];
        self.predict(w, &mut found);
        let mut order: Vec<usize> = (0..self.n).collect();
        order.sort_unstable_by(|&i, &j| found[i].total_cmp(&found[j]));
        let column = |k: usize| order.iter().map(|i| self.x[k * self.n + i]).collect::<Vec<_>>();
        let columns: [Vec<f64>; D] = std::array::from_fn(column);
        fit(columns.each_ref().map(Vec::as_slice), &self.sorted)
    }

    /// RS: of the w through as many pairs as it has unknowns, the one with the most inliers, that is the most
    /// predictions which once sorted are close to the sorted responses; and a refit by rank. The pairs are
    /// drawn without putting back, until none are left. One w for each count of subsamples (ascending):
    /// that of fewer is found on the way to that of more.
    pub(crate) fn subsampled<const N: usize>(
        &self,
        random: &mut Random,
        counts: [usize; N],
    ) -> [W; N] {
        let mut found = vec![0.0; self.n];
        let mut keys = vec![0; self.n];
        let mut rows: Vec<usize> = (0..self.n).collect();
        let (mut best, mut most, mut done) = ([0.0; D], 0, 0);
        counts.map(|count| {
            while done < count {
                let place = done % (self.n / D);
                if place == 0 {
                    random.shuffle(&mut rows);
                }
                let rows = &rows[place * D..][..D];
                let w = self.through(rows);
                self.predict(&w, &mut found);
                for (key, x) in keys.iter_mut().zip(&found) {
                    *key = ordered(x.to_bits() as i64);
                }
                keys.sort_unstable();
                let close = |(key, y): (&i64, &f64)| {
                    (f64::from_bits(ordered(*key) as u64) - y).abs() < INLIER
                };
                let inliers = keys.iter().zip(&self.sorted).filter(|&pair| close(pair)).count();
                if inliers > most {
                    (most, best) = (inliers, w);
                }
                done += 1;
            }
            self.refit(&best)
        })
    }

    /// The fit through these rows.
    fn through(&self, rows: &[usize]) -> W {
        let column = |k: usize| std::array::from_fn(|i| self.x[k * self.n + rows[i]]);
        let columns: [[f64; D]; D] = std::array::from_fn(column);
        let y: [f64; D] = std::array::from_fn(|i| self.seen[rows[i]]);
        fit(columns.each_ref().map(<[f64; D]>::as_slice), &y)
    }
}

/// Bits of a number to an integer of the same order, and back: integers are sorted faster.
fn ordered(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}
