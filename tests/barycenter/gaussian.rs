//! The barycenter of normal distributions on a line, exact rules, cost (x - y)^2: the blurred one.
//!
//! Let p_k = N(m_k, a_k), a_k the variance, and epsilon = 2 s^2, so that the kernel exp(-C / epsilon) is
//! that of a normal distribution of variance s^2. A plan X_k = u_k(x) K(x, y) v_k(y) between p_k and
//! q = N(m, A) is normal, and the cross term of its exponent is that of the kernel alone, x y / s^2. With
//! the covariance c_k, the cross term of the inverse covariance is -c_k / (a_k A - c_k^2), hence
//!
//! ```text
//! c_k s^2 = a_k A - c_k^2,    c_k = (D_k - s^2) / 2,    D_k = sqrt(s^4 + 4 a_k A)
//! ```
//!
//! The barycenter is the q at which sum_k w_k log v_k = 0. The exponent of X_k has in y the terms
//! -(y - m)^2 a_k / (2 c_k s^2) and (x - m_k) (y - m) / s^2, and K has -y^2 / (2 s^2) + x y / s^2; log v_k is
//! what remains:
//!
//! ```text
//! y^2:  -(a_k / c_k - 1) / (2 s^2),    y:  (m a_k / c_k - m_k) / s^2
//! ```
//!
//! By a_k / c_k = (D_k + s^2) / (2 A) the squares sum to zero where
//!
//! ```text
//! sum_k w_k sqrt(s^4 + 4 a_k A) = 2 A - s^2
//! ```
//!
//! and then the linear terms where m = sum_k w_k m_k. For one measure, or equal ones, A = a + s^2 = a +
//! epsilon / 2: blurred by the entropy, which counts from the uniform measure.
//!
//! On a grid of step h every integral becomes a sum h sum_l of a normal density in x, whose variance is
//! that of x given y, v_k = a_k - c_k^2 / A. By Poisson's formula such a sum is off by a factor 1 + 2
//! exp(-2 pi^2 v_k / h^2) at most (and smaller terms): the error does not fall by some power of the
//! step but faster than all, until rounding.

use core::f64::consts::PI;

use robust_ot::marginal::Rule;

use super::common::barycenter::{Input, Task, tight};
use super::common::case::normalise;

/// Mean, variance, share.
type Normal = (f64, f64, f64);

fn density(x: f64, mean: f64, variance: f64) -> f64 {
    (-(x - mean).powi(2) / (2.0 * variance)).exp() / (2.0 * PI * variance).sqrt()
}

/// D_k.
fn root(s2: f64, a: f64, variance: f64) -> f64 {
    (s2 * s2 + 4.0 * a * variance).sqrt()
}

/// Mean and variance of the barycenter, by bisection.
fn oracle(normals: &[Normal], s2: f64) -> (f64, f64) {
    let total: f64 = normals.iter().map(|n| n.2).sum();
    let mean = normals.iter().map(|n| n.2 * n.0).sum::<f64>() / total;
    let excess = |variance: f64| {
        let roots = normals.iter().map(|n| n.2 * root(s2, n.1, variance)).sum::<f64>();
        2.0 * variance - s2 - roots / total
    };
    let widest = normals.iter().map(|n| n.1).fold(0.0, f64::max);
    let (mut low, mut high) = (0.5 * s2, 2.0 * (widest + s2));
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if excess(middle) < 0.0 { low = middle } else { high = middle }
    }
    (mean, high)
}

/// The exponent of the grid's error: the smallest 2 pi^2 v_k / h^2.
fn exponent(normals: &[Normal], s2: f64, variance: f64, step: f64) -> f64 {
    let given = |n: &Normal| {
        let c = 0.5 * (root(s2, n.1, variance) - s2);
        n.1 - c * c / variance
    };
    let least = normals.iter().filter(|n| n.2 > 0.0).map(given).fold(f64::INFINITY, f64::min);
    2.0 * PI * PI * least / (step * step)
}

/// A grid of n points that holds all but the farthest tails; its step.
fn grid(normals: &[Normal], s2: f64, n: usize) -> (Task<f64>, Vec<f64>, f64) {
    let (low, high) = (-0.45, 1.55);
    let step = (high - low) / n as f64;
    let points: Vec<f64> = (0..n).map(|l| low + (l as f64 + 0.37) * step).collect();
    let cost: Vec<f64> =
        points.iter().flat_map(|x| points.iter().map(move |y| (x - y).powi(2))).collect();
    let measure = |&(mean, variance, share): &Normal| {
        let mut weights: Vec<f64> = points.iter().map(|&x| density(x, mean, variance)).collect();
        normalise(&mut weights, 1.0);
        Input { weights, cost: cost.clone(), x: Vec::new(), rule: Rule::Exact, share }
    };
    let measures: Vec<_> = normals.iter().map(measure).collect();
    (Task { support: n, epsilon: 2.0 * s2, measures, y: Vec::new(), dimension: 0 }, points, step)
}

#[test]
fn oracle_of_equal_variances() {
    for (a, s2) in [(0.01, 0.0025), (0.3, 1.0)] {
        let (mean, variance) = oracle(&[(0.2, a, 1.0), (0.6, a, 3.0)], s2);
        assert!((mean - 0.5).abs() <= 1e-14 && (variance - (a + s2)).abs() <= 1e-14);
    }
    // Without entropy standard deviations average.
    let (_, variance) = oracle(&[(0.0, 0.04, 1.0), (0.0, 0.16, 1.0)], 1e-12);
    assert!((variance.sqrt() - 0.3).abs() <= 1e-9);
}

#[test]
fn blurred_barycenters() {
    let s2 = 0.0025;
    let cases: [&[Normal]; 6] = [
        &[(0.4, 0.0064, 1.0)],
        &[(0.3, 0.0049, 1.0), (0.7, 0.0049, 1.0)],
        &[(0.3, 0.0036, 1.0), (0.7, 0.0100, 1.0)],
        &[(0.3, 0.0036, 0.2), (0.7, 0.0100, 0.8)],
        &[(0.3, 0.0036, 1.0), (0.7, 0.0100, 0.0)],
        &[(0.25, 0.0036, 0.5), (0.5, 0.0100, 0.2), (0.8, 0.0064, 0.3)],
    ];
    for normals in cases {
        let (mean, variance) = oracle(normals, s2);
        let peak = density(0.0, 0.0, variance);
        for n in [28, 34, 42, 64] {
            let (task, points, step) = grid(normals, s2, n);
            let solved = task.solve(&tight(1e-11));
            assert!(solved.report.converged(), "{:?}", solved.report);
            let exact = points.iter().map(|&y| density(y, mean, variance));
            let found = solved.barycenter.iter().map(|q| q / step);
            let error = exact.zip(found).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) / peak;
            let exponent = exponent(normals, s2, variance, step);
            println!("{n}: {error:e}, exp(-{exponent:.1}) = {:e}", (-exponent).exp());
            // Measured: at most twice the exponential.
            assert!(error <= 3.0 * (-exponent).exp() + 1e-12, "{error:e}");
        }
    }
}
