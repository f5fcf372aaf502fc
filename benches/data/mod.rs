//! Data of benchmarks, the same in every run.

/// Numbers in [0, 1).
pub fn uniform(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

/// Points in the unit square around a centre, as in most comparisons of transport solvers.
pub fn cloud(count: usize, seed: u64, centre: f64) -> Vec<f64> {
    uniform(2 * count, seed).iter().map(|x| 0.6 * x + centre).collect()
}

/// Squared distances of two clouds, of largest value 1.
pub fn costs(n: usize) -> Vec<f64> {
    let (x, y) = (cloud(n, 1, 0.0), cloud(n, 2, 0.4));
    let mut cost = Vec::new();
    for p in x.chunks(2) {
        for q in y.chunks(2) {
            cost.push((p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2));
        }
    }
    let max = cost.iter().fold(0.0, |m: f64, &c| m.max(c));
    cost.iter().map(|c| c / max).collect()
}
