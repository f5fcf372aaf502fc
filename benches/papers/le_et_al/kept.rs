//! The same algorithms with the kernel kept in memory: two products a step and no exponential of an entry,
//! the fastest way to run them. Potentials are taken into the kernel before their scalings leave a safe
//! range.

use robust_ot::marginal::Rule;

use crate::pair::Pair;
use crate::plain::{Plain, rho};
use crate::watch::Run;

/// Steps in the log domain before a kernel is kept: at first potentials move too far.
const FIRST: usize = 4;
/// The largest logarithm of a scaling.
const FAR: f64 = 100.0;

pub(crate) struct Kept<'a> {
    pair: &'a Pair,
    epsilon: f64,
    plain: Plain<'a>,
    steps: usize,
    wide: bool,
    kernel: Vec<f64>,
    /// Scalings.
    p: Vec<f64>,
    q: Vec<f64>,
    /// Those before the step.
    before: [Vec<f64>; 2],
    sums: Vec<f64>,
    /// Times that the kernel was filled.
    pub(crate) fills: usize,
}

impl<'a> Kept<'a> {
    pub(crate) fn new(pair: &'a Pair, epsilon: f64) -> Self {
        let n = pair.n;
        Self {
            pair,
            epsilon,
            plain: Plain::new(pair, epsilon),
            steps: 0,
            wide: wide(),
            kernel: vec![0.0; n * n],
            p: vec![1.0; n],
            q: vec![1.0; n],
            before: [vec![0.0; n], vec![0.0; n]],
            sums: vec![0.0; n],
            fills: 0,
        }
    }

    /// The potentials, with the scalings in them.
    pub(crate) fn potentials(&self) -> [Vec<f64>; 2] {
        let whole = |base: &[f64], scale: &[f64]| {
            base.iter().zip(scale).map(|(u, p)| u + self.epsilon * p.ln()).collect()
        };
        [whole(&self.plain.u, &self.p), whole(&self.plain.v, &self.q)]
    }

    fn absorb(&mut self) {
        let [u, v] = self.potentials();
        (self.plain.u, self.plain.v) = (u, v);
        self.p.fill(1.0);
        self.q.fill(1.0);
    }

    fn fill(&mut self) {
        self.fills += 1;
        let Plain { u, v, .. } = &self.plain;
        let n = self.pair.n;
        for ((row, costs), u) in self.kernel.chunks_mut(n).zip(self.pair.cost.chunks(n)).zip(u) {
            for ((k, c), v) in row.iter_mut().zip(costs).zip(v) {
                *k = ((u + v - c) / self.epsilon).exp();
            }
        }
    }

    pub(crate) fn step(&mut self) {
        self.steps += 1;
        if self.steps > FIRST && self.scaled() {
            return;
        }
        if self.steps > FIRST {
            self.absorb();
        }
        self.plain.step();
        if self.steps >= FIRST {
            self.fill();
        }
    }

    /// A step by the kernel. False if a scaling went too far: all is as it was then.
    fn scaled(&mut self) -> bool {
        let [rows, cols] = self.pair.rules();
        let [p, q] = &mut self.before;
        p.copy_from_slice(&self.p);
        q.copy_from_slice(&self.q);
        let side = |rule: Rule<f64>, base: &[f64], w: &[f64], sum: f64, k: usize| {
            // The new potential less the one in the kernel, over epsilon.
            let rho = rho(rule, self.epsilon);
            rho * (w[k] / sum).ln() - (1.0 - rho) * base[k] / self.epsilon
        };
        let Plain { u, v, .. } = &self.plain;
        let mut safe = true;
        let row = |i: usize, sum: f64| {
            let log = side(rows, u, &self.pair.a, sum, i);
            safe &= log.abs() < FAR;
            log.exp()
        };
        sweep(self.wide, &self.kernel, &self.q, &mut self.p, &mut self.sums, row);
        for (j, (q, &sum)) in self.q.iter_mut().zip(&self.sums).enumerate() {
            if cols == Rule::Exact {
                *q = self.pair.b[j] / sum;
                safe &= *q > 1e-40 && *q < 1e40;
            } else {
                let log = side(cols, v, &self.pair.b, sum, j);
                safe &= log.abs() < FAR;
                *q = log.exp();
            }
        }
        if !safe {
            let [p, q] = &mut self.before;
            std::mem::swap(&mut self.p, p);
            std::mem::swap(&mut self.q, q);
        }
        safe
    }
}

/// Lanes of a product.
const LANES: usize = 32;

/// Row sums K q, from which `update` makes p, and column sums K^T p.
#[inline(always)]
fn products(
    kernel: &[f64],
    q: &[f64],
    p: &mut [f64],
    sums: &mut [f64],
    mut update: impl FnMut(usize, f64) -> f64,
) {
    sums.fill(0.0);
    for (i, (row, p)) in kernel.chunks_exact(q.len()).zip(p).enumerate() {
        let mut lanes = [0.0; LANES];
        let (heads, tail) = row.as_chunks::<LANES>();
        let (scales, scale_tail) = q.as_chunks::<LANES>();
        for (k, q) in heads.iter().zip(scales) {
            for ((lane, k), q) in lanes.iter_mut().zip(k).zip(q) {
                *lane += k * q;
            }
        }
        let rest: f64 = tail.iter().zip(scale_tail).map(|(k, q)| k * q).sum();
        *p = update(i, rest + lanes.iter().sum::<f64>());
        for (sum, k) in sums.iter_mut().zip(row) {
            *sum += k * *p;
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn products_wide(
    kernel: &[f64],
    q: &[f64],
    p: &mut [f64],
    sums: &mut [f64],
    update: impl FnMut(usize, f64) -> f64,
) {
    products(kernel, q, p, sums, update);
}

/// Whether the processor has what [`products_wide`] is compiled for.
fn wide() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// [`products`] with the vectors that the library may use too.
fn sweep(
    wide: bool,
    kernel: &[f64],
    q: &[f64],
    p: &mut [f64],
    sums: &mut [f64],
    update: impl FnMut(usize, f64) -> f64,
) {
    #[cfg(target_arch = "x86_64")]
    if wide {
        // SAFETY: `wide` says that the processor has the features.
        unsafe { products_wide(kernel, q, p, sums, update) };
        return;
    }
    let _ = wide;
    products(kernel, q, p, sums, update);
}
