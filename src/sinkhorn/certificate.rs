//! Everything a report says of a pair of potentials, from one sweep's marginals.
//!
//! The gap is a sum of Fenchel-Young gaps, one per side, at the best constant shift: it has no
//! cancellation and is infinite where an exact side is violated. From the gap to the distance from
//! the *unregularised* optimum:
//!
//! * one exact side: the objectives differ by epsilon times the entropy, so the distance is at
//!   most gap + epsilon (E_max - E(X)) with E the entropy term and E_max its largest value over
//!   all feasible plans;
//! * unit mass: the same with the normalised gaps of both sides;
//! * unbalanced: with Y = X / |X|, sigma = tau_row + tau_col and S = tau_row |a| + tau_col |b|,
//!   every plan's objective is at least S - sigma exp(-(Phi(Y) - delta) / sigma), delta the
//!   unit-mass bound for Y and Phi the part of the objective that is linear in the mass.
//!
//! Two exact sides have no certificate: a plan that violates a marginal bounds nothing from above.

use crate::kernel::Precision;
use crate::marginal::{Shift, Side, distance, total};
use crate::math::{Compensated, Elementary};
use crate::real::Real;
use crate::report::{Report, Termination};

/// Potentials with all that one sweep found out about them.
pub(super) struct Evaluation<'a, P: Precision> {
    pub(super) rows: Side<'a, P>,
    pub(super) cols: Side<'a, P>,
    pub(super) f: &'a [P::Potential],
    pub(super) g: &'a [P::Potential],
    /// Marginals of the plan.
    pub(super) row: &'a [P::Sum],
    pub(super) col: &'a [P::Sum],
    /// Marginals that the rules assign to the potentials.
    pub(super) row_rule: &'a [P::Sum],
    pub(super) col_rule: &'a [P::Sum],
    /// <C, X>.
    pub(super) transport: P::Potential,
    pub(super) rounding_floor: P::Potential,
    /// The best constant shift.
    pub(super) shift: P::Potential,
    pub(super) unit_mass: bool,
}

/// sum x y over positive x.
fn inner<P: Precision>(x: &[P::Sum], y: &[P::Potential]) -> P::Potential {
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
fn gap<P: Precision>(e: &Evaluation<'_, P>, slack: P::Potential) -> P::Potential {
    let (down, up) = (Shift { t: e.shift, slack }, Shift { t: -e.shift, slack });
    let gap = e.rows.fenchel_young(e.row, e.f, e.row_rule, down)
        + e.cols.fenchel_young(e.col, e.g, e.col_rule, up);
    not_negative(gap)
}

/// The report, but for what only the solver knows.
pub(super) fn report<P: Precision>(e: &Evaluation<'_, P>) -> Report<P::Potential> {
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let infinity = P::Potential::INFINITY;
    let (rows, cols) = (&e.rows, &e.cols);
    let epsilon = rows.epsilon;
    let mass = total(e.row.iter().map(|&x| P::Potential::from(x)));

    // sum X log(X / R), with R the reference.
    let logs = rows.reference
        * (inner::<P>(e.row, rows.log_weights) + inner::<P>(e.col, cols.log_weights));
    let inner_products = inner::<P>(e.row, e.f) + inner::<P>(e.col, e.g);
    let relative_entropy = (inner_products - e.transport) / epsilon - logs;

    let residual_rows = distance::<P>(e.row, e.row_rule) / mass;
    let residual_cols = distance::<P>(e.col, e.col_rule) / mass;
    let row_penalty = rows.penalty(e.row);
    let col_penalty = cols.penalty(e.col);
    let base = Report {
        termination: Termination::IterationLimit,
        iterations: 0,
        epsilon,
        residual: residual_rows + residual_cols,
        residual_rows,
        residual_cols,
        rounding_floor: e.rounding_floor,
        transport_cost: e.transport,
        entropy: relative_entropy - mass,
        row_penalty,
        col_penalty,
        objective: zero,
        unregularised_objective: e.transport + row_penalty + col_penalty,
        dual_value: rows.dual_value(e.f, e.row_rule, e.shift)
            + cols.dual_value(e.g, e.col_rule, -e.shift)
            - epsilon * mass,
        gap: infinity,
        lower_bound: -infinity,
        certified_distance: infinity,
        mass,
        log_mass: zero,
        mass_factor: one,
        row_multiplier: zero,
        col_multiplier: zero,
        collapsed: false,
    };

    let report = match (rows.relaxation(), cols.relaxation()) {
        (Some(tau_row), Some(tau_col)) => relaxed(e, base, [tau_row, tau_col], relative_entropy),
        _ => {
            let gap = gap(e, P::Potential::from_count(8) * e.rounding_floor * mass);
            let fixed = match (rows.fixes_marginal(), cols.fixes_marginal()) {
                (false, true) => Some((cols, rows)),
                (true, false) => Some((rows, cols)),
                _ => None,
            };
            match fixed {
                Some((fixed, free)) => {
                    let most = (one - rows.reference) * fixed.weight_entropy()
                        - rows.reference * fixed.mass * free.least_log_weight()
                        - fixed.mass;
                    let certified_distance = not_negative(gap + epsilon * (most - base.entropy));
                    let lower_bound = base.unregularised_objective - certified_distance;
                    Report { gap, certified_distance, lower_bound, ..base }
                }
                None => Report { gap, ..base },
            }
        }
    };
    Report { objective: report.unregularised_objective + epsilon * report.entropy, ..report }
}

/// Both sides relaxed: the unbalanced problem, or its unit-mass form.
fn relaxed<P: Precision>(
    e: &Evaluation<'_, P>,
    base: Report<P::Potential>,
    [tau_row, tau_col]: [P::Potential; 2],
    relative_entropy: P::Potential,
) -> Report<P::Potential> {
    let (rows, cols) = (&e.rows, &e.cols);
    let (epsilon, mass) = (rows.epsilon, base.mass);
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let log_mass = mass.ln_once();
    let sigma = tau_row + tau_col;
    let weighted = tau_row * rows.mass + tau_col * cols.mass;

    // The unit-mass plan Y = X / |X|: the certificate's delta and sum Y log(Y / R).
    let unit_gap = rows.normalised_gap(e.row, e.row_rule) + cols.normalised_gap(e.col, e.col_rule);
    let unit_entropy = relative_entropy / mass - log_mass;
    let most = if rows.reference > zero {
        -(rows.least_log_weight() + cols.least_log_weight())
    } else {
        zero
    };
    let slack = epsilon * (most - unit_entropy);
    // <C, Y> + tau_row sum y log(y / a) + tau_col sum z log(z / b).
    let phi = (base.transport_cost + base.row_penalty + base.col_penalty - weighted + sigma * mass)
        / mass
        - sigma * log_mass;

    if e.unit_mass {
        // KL(y | a) = sum y log(y / a) - 1 + |a|; likewise the columns.
        let unit = |penalty: P::Potential, tau: P::Potential, side: &Side<'_, P>| {
            (penalty - tau * side.mass) / mass + tau * (one - log_mass) - tau + tau * side.mass
        };
        let row_penalty = unit(base.row_penalty, tau_row, rows);
        let col_penalty = unit(base.col_penalty, tau_col, cols);
        let transport_cost = base.transport_cost / mass;
        let unregularised_objective = transport_cost + row_penalty + col_penalty;
        let certified_distance = not_negative(unit_gap + slack);
        let log_total =
            |marginal: &[P::Sum]| total(marginal.iter().map(|&x| P::Potential::from(x))).ln_once();
        let dual_value = weighted
            - (sigma + epsilon)
            - epsilon * log_mass
            - tau_row * log_total(e.row_rule)
            - tau_col * log_total(e.col_rule);
        Report {
            transport_cost,
            entropy: unit_entropy - one,
            row_penalty,
            col_penalty,
            unregularised_objective,
            dual_value,
            gap: unit_gap,
            certified_distance,
            lower_bound: unregularised_objective - certified_distance,
            mass: one,
            log_mass,
            residual: base.residual,
            ..base
        }
    } else {
        let gap = gap(e, zero);
        let lower_bound = weighted - sigma * (-(phi - unit_gap - slack) / sigma).exp_once();
        let certified_distance = not_negative(base.unregularised_objective - lower_bound);
        Report { gap, certified_distance, lower_bound, ..base }
    }
}
