//! Everything a report says of a pair of potentials, from one sweep's marginals.
//!
//! The gap is a sum of Fenchel-Young gaps, one per side, at the best constant shift: it has no
//! cancellation and is infinite where an exact side is violated. From the gap to the distance from
//! the *unregularised* optimum:
//!
//! * one side exact or in a box, the other with a finite penalty: the objectives differ by epsilon
//!   times the entropy, so the distance is at most gap + epsilon (E_max - E(X)) with E the entropy
//!   term and E_max its largest value over all feasible plans;
//! * unit mass: the same with the normalised gaps of both sides;
//! * unbalanced: with Y = X / |X|, sigma = tau_row + tau_col and S = tau_row |a| + tau_col |b|,
//!   every plan's objective is at least S - sigma exp(-(Phi(Y) - delta) / sigma), delta the
//!   unit-mass bound for Y and Phi the part of the objective that is linear in the mass.
//!
//! Two exact sides have no certificate: a plan that violates a marginal bounds nothing from above.
//! Where one of two such sides is a box, the dual value less epsilon E_max still bounds it from below.

use crate::kernel::Precision;
use crate::marginal::{Shift, Side, distance, total};
use crate::math::{Compensated, Elementary};
use crate::real::Real;
use crate::report::Report;

use super::start::Work;

/// Potentials with all that one sweep found out about them.
pub(super) struct Evaluation<'a, 'w, P: Precision> {
    /// Both sides; the marginals of the plan and of the rules.
    pub(super) work: &'a Work<'w, P>,
    pub(super) f: &'a [P::Potential],
    pub(super) g: &'a [P::Potential],
    /// <C, X>.
    pub(super) transport: P::Potential,
    pub(super) rounding_floor: P::Potential,
    /// The best constant shift.
    pub(super) shift: P::Potential,
    pub(super) unit_mass: bool,
}

/// sum x.
#[inline(never)]
pub(super) fn mass<P: Precision>(x: &[P::Sum]) -> P::Potential {
    total(x.iter().map(|&x| P::Potential::from(x)))
}

/// sum x y over positive x.
pub(crate) fn inner<P: Precision>(x: &[P::Sum], y: &[P::Potential]) -> P::Potential {
    let mut sum = Compensated::new();
    for (&x, &y) in x.iter().zip(y) {
        if x > P::Sum::ZERO {
            sum.add(P::Potential::from(x) * y);
        }
    }
    sum.value()
}

/// A bound that rounding took below zero is zero; NaN stays.
fn not_negative<T: Real>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

/// The primal-dual gap at the best shift. Rounding may leave an exact side's part below zero.
fn gap<P: Precision>(
    e: &Evaluation<'_, '_, P>,
    violations: [P::Potential; 2],
    slack: P::Potential,
) -> P::Potential {
    let [row, col] = violations;
    let down = Shift { t: e.shift, violation: row, slack };
    let gap = e.work.rows.fenchel_young(e.work.row, e.f, e.work.row_rule, down);
    let up = Shift { t: -e.shift, violation: col, slack };
    let gap = gap + e.work.cols.fenchel_young(e.work.col, e.g, e.work.col_rule, up);
    not_negative(gap)
}

/// Fills a report, whatever it held, but for what only the solver knows.
pub(super) fn report<P: Precision>(e: &Evaluation<'_, '_, P>, report: &mut Report<P::Potential>) {
    let Work { rows, cols, row, col, row_rule, col_rule, .. } = e.work;
    let epsilon = rows.epsilon;
    let mass = mass::<P>(row);
    report.epsilon = epsilon;
    report.rounding_floor = e.rounding_floor;
    report.transport_cost = e.transport;
    report.mass = mass;
    // What not every problem has.
    (report.gap, report.lower_bound) = (P::Potential::INFINITY, P::Potential::NEG_INFINITY);
    (report.certified_distance, report.log_mass) = (P::Potential::INFINITY, P::Potential::ZERO);

    // sum X log(X / R), with R the reference.
    let logs = if rows.reference > P::Potential::ZERO {
        rows.reference * (inner::<P>(row, rows.log_weights) + inner::<P>(col, cols.log_weights))
    } else {
        P::Potential::ZERO
    };
    let inner_products = inner::<P>(row, e.f) + inner::<P>(col, e.g);
    let relative_entropy = (inner_products - e.transport) / epsilon - logs;
    report.entropy = relative_entropy - mass;

    let violations = [distance::<P>(row, row_rule), distance::<P>(col, col_rule)];
    let [off_rows, off_cols] = violations;
    (report.residual_rows, report.residual_cols) = (off_rows / mass, off_cols / mass);
    report.residual = report.residual_rows + report.residual_cols;
    report.row_penalty = rows.penalty(row);
    report.col_penalty = cols.penalty(col);
    report.unregularised_objective = e.transport + report.row_penalty + report.col_penalty;
    report.dual_value = rows.dual_value(e.f, row_rule, e.shift)
        + cols.dual_value(e.g, col_rule, -e.shift)
        - epsilon * mass;

    match (rows.relaxation(), cols.relaxation()) {
        (Some(tau_row), Some(tau_col)) => {
            relaxed(e, report, [tau_row, tau_col], violations, relative_entropy);
        }
        _ => {
            confined(e, report, violations);
        }
    }
    report.objective = report.unregularised_objective + epsilon * report.entropy;
}

/// A side that is not relaxed by KL.
fn confined<P: Precision>(
    e: &Evaluation<'_, '_, P>,
    report: &mut Report<P::Potential>,
    violations: [P::Potential; 2],
) {
    let (rows, cols) = (&e.work.rows, &e.work.cols);
    let (epsilon, mass) = (rows.epsilon, report.mass);
    let slack = P::Potential::from_count(8) * e.rounding_floor * mass;
    report.gap = gap(e, violations, slack);
    let balls = (rows.fixes_mass() && !rows.fixes_marginal())
        || (cols.fixes_mass() && !cols.fixes_marginal());
    let exact = rows.fixes_marginal() && cols.fixes_marginal();
    if balls || exact {
        return;
    }
    for (bounded, free) in [(cols, rows), (rows, cols)] {
        let most = bounded.largest_entropy(free.least_log_weight());
        if !most.is_finite() {
            continue;
        }
        if free.takes_any_marginal() {
            report.certified_distance =
                not_negative(report.gap + epsilon * (most - report.entropy));
            report.lower_bound = report.unregularised_objective - report.certified_distance;
        } else {
            // (A plan whose marginal left its range bounds nothing from above.)
            let bound = report.dual_value - epsilon * most;
            report.lower_bound = report.lower_bound.larger(bound);
        }
    }
}

/// Both sides relaxed: the unbalanced problem, or its unit-mass form.
#[inline(never)]
fn relaxed<P: Precision>(
    e: &Evaluation<'_, '_, P>,
    report: &mut Report<P::Potential>,
    [tau_row, tau_col]: [P::Potential; 2],
    violations: [P::Potential; 2],
    relative_entropy: P::Potential,
) {
    let (rows, cols) = (&e.work.rows, &e.work.cols);
    let (epsilon, mass) = (rows.epsilon, report.mass);
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let log_mass = mass.ln_once();
    let sigma = tau_row + tau_col;
    let weighted = tau_row * rows.mass + tau_col * cols.mass;

    // The unit-mass plan Y = X / |X|: the certificate's delta and sum Y log(Y / R).
    let unit_gap = rows.normalised_gap(e.work.row, e.work.row_rule)
        + cols.normalised_gap(e.work.col, e.work.col_rule);
    let unit_entropy = relative_entropy / mass - log_mass;
    let most = if rows.reference > zero {
        -(rows.least_log_weight() + cols.least_log_weight())
    } else {
        zero
    };
    let slack = epsilon * (most - unit_entropy);
    // <C, Y> + tau_row sum y log(y / a) + tau_col sum z log(z / b).
    let phi = (report.transport_cost + report.row_penalty + report.col_penalty - weighted
        + sigma * mass)
        / mass
        - sigma * log_mass;

    if e.unit_mass {
        // KL(y | a) = sum y log(y / a) - 1 + |a|; likewise the columns.
        let unit = |penalty: P::Potential, tau: P::Potential, side: &Side<'_, P>| {
            (penalty - tau * side.mass) / mass + tau * (one - log_mass) - tau + tau * side.mass
        };
        report.row_penalty = unit(report.row_penalty, tau_row, rows);
        report.col_penalty = unit(report.col_penalty, tau_col, cols);
        report.transport_cost = report.transport_cost / mass;
        report.unregularised_objective =
            report.transport_cost + report.row_penalty + report.col_penalty;
        report.certified_distance = not_negative(unit_gap + slack);
        let log_total = |marginal: &[P::Sum]| self::mass::<P>(marginal).ln_once();
        report.dual_value = weighted
            - (sigma + epsilon)
            - epsilon * log_mass
            - tau_row * log_total(e.work.row_rule)
            - tau_col * log_total(e.work.col_rule);
        report.entropy = unit_entropy - one;
        report.gap = unit_gap;
        report.lower_bound = report.unregularised_objective - report.certified_distance;
        report.mass = one;
        report.log_mass = log_mass;
    } else {
        report.gap = gap(e, violations, zero);
        report.lower_bound = weighted - sigma * (-(phi - unit_gap - slack) / sigma).exp_once();
        report.certified_distance =
            not_negative(report.unregularised_objective - report.lower_bound);
    }
}
