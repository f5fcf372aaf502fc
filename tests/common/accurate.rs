//! Reader of `tests/golden/accuracy.json`, which draws the data of its instances as `accuracy.py` beside it
//! does.

use serde_json::Value;

/// SplitMix64.
struct Stream(u64);

impl Stream {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn share(&mut self) -> f64 {
        (self.bits() >> 40) as f64 / 16_777_216.0
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high - low + 1)
    }

    fn shares(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.share()).collect()
    }

    fn cost(&mut self, n: usize, m: usize) -> Vec<f64> {
        if self.bits().is_multiple_of(2) {
            return self.shares(n * m);
        }
        let (x, y) = (self.shares(n), self.shares(m));
        x.iter().flat_map(|s| y.iter().map(move |t| (s - t) * (s - t))).collect()
    }

    fn weights(&mut self, n: usize, mass: f64) -> Vec<f64> {
        let k: Vec<u64> = (0..n).map(|_| self.between(1, 1000)).collect();
        let sum: u64 = k.iter().sum();
        k.iter().map(|&k| mass * (k as f64 / sum as f64)).collect()
    }
}

/// One cost with its two weights; of a barycenter, p_i and nothing.
#[derive(Clone)]
pub struct Part {
    pub rows: usize,
    pub cols: usize,
    pub cost: Vec<f64>,
    pub a: Vec<f64>,
    pub b: Vec<f64>,
}

/// A problem without entropy and its optimum.
#[derive(Clone)]
pub struct Accurate {
    pub family: String,
    pub seed: u64,
    pub tau: f64,
    /// One, or the measures of a barycenter.
    pub parts: Vec<Part>,
    /// Of the measures.
    pub shares: Vec<f64>,
    /// The objective at a feasible plan: at or above the optimum.
    pub optimum: f64,
    /// A dual value at feasible potentials: at or below the optimum.
    pub optimum_lower: f64,
}

fn read(i: &Value) -> Accurate {
    let family: String = i["family"].as_str().unwrap().into();
    let seed = i["seed"].as_u64().unwrap();
    let mut s = Stream(seed);
    let tau = [0.1, 0.5, 1.0, 5.0][s.between(0, 3) as usize];
    let (mut parts, mut shares) = (Vec::new(), Vec::new());
    if family == "barycenter" {
        let count = [2, 2, 3, 5][s.between(0, 3) as usize];
        let cols = s.between(10, 20) as usize;
        shares = s.weights(count, 1.0);
        for _ in 0..count {
            let rows = s.between(10, 20) as usize;
            let cost = s.cost(rows, cols);
            parts.push(Part { rows, cols, cost, a: s.weights(rows, 1.0), b: Vec::new() });
        }
    } else {
        let most = if seed.is_multiple_of(5) { 60 } else { 25 };
        let (rows, cols) = (s.between(10, most) as usize, s.between(10, most) as usize);
        let (alpha, beta) = (1 + s.between(0, 3), 1 + s.between(0, 3));
        let unit = family != "unbalanced";
        let mass = |k: u64| if unit { 1.0 } else { k as f64 / 2.0 };
        let cost = s.cost(rows, cols);
        let a = s.weights(rows, mass(alpha));
        parts.push(Part { rows, cols, cost, a, b: s.weights(cols, mass(beta)) });
    }
    let data: Vec<f64> = if family == "barycenter" {
        let costs = parts.iter().flat_map(|p| p.cost.clone());
        costs.chain(parts.iter().flat_map(|p| p.a.clone())).collect()
    } else {
        parts.iter().flat_map(|p| [p.cost.clone(), p.a.clone(), p.b.clone()].concat()).collect()
    };
    assert_eq!(i["tau"].as_f64().unwrap(), tau, "seed {seed}");
    let sum: f64 = data.iter().zip(1_u32..).map(|(x, k)| x * f64::from(k)).sum();
    let stored = i["checksum"].as_f64().unwrap();
    assert!((sum - stored).abs() <= 1e-12 * stored, "seed {seed}: other data than were solved");
    Accurate {
        family,
        seed,
        tau,
        parts,
        shares,
        optimum: i["optimum"].as_f64().unwrap(),
        optimum_lower: i["optimum_lower"].as_f64().unwrap(),
    }
}

/// The 100 instances of a family.
pub fn accurate(family: &str) -> Vec<Accurate> {
    let text = include_str!("../golden/accuracy.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let all = file["instances"].as_array().unwrap();
    let found: Vec<_> = all.iter().filter(|i| i["family"] == family).map(read).collect();
    assert_eq!(found.len(), 100, "the stored instances are incomplete");
    found
}
