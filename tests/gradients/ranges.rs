//! Total variation and boxes, whose gradients are those of the problem in which each entry stays where it
//! stands: at a held marginal or at a corner.

use super::common::case::Case;
use super::common::ranges::stored;
use super::differences::{check, report};
use robust_ot::marginal::Rule;

/// Whether differences see one smooth piece: no zero weight to step below, no constant that moves from f
/// to g, no end at infinity.
fn usable(case: &Case<f64>, name: &str) -> bool {
    let finite = |rule| !matches!(rule, Rule::Box { upper, .. } if upper == f64::INFINITY);
    let positive = case.a.iter().chain(&case.b).all(|&w| w > 0.0);
    positive && finite(case.rows) && finite(case.cols) && name != "tv_exact_unsaturated"
}

#[test]
fn every_pair() {
    let mut failures = Vec::new();
    let mut seen = 0;
    for (seed, stored) in stored().iter().enumerate() {
        if usable(&stored.case, &stored.name) {
            check(&stored.name, &stored.case, 500 + seed as u64, &mut failures);
            seen += 1;
        }
    }
    report(&failures);
    assert!(seen >= 16, "{seen} cases");
}
