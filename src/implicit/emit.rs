//! The last sweep: dL/dC row by row, and all that is summed over it.

use super::cotangent::Seen;
use super::stage::{Lane, RowSource};
use crate::cost::{Geometry, Pass, PlanRow, Scratch};
use crate::kernel::{GradientRow, Precision, add_scaled, gradient_row};
use crate::marginal::total;
use crate::math::{Compensated, Elementary, SMALL};
use crate::real::Real;
use crate::view::MatMut;
use crate::work::padded;

/// The solution of the linear system.
pub(super) struct Adjoints<'a, T> {
    /// Of the rows; entries without mass get their one-sided limit.
    pub(super) u: &'a mut [T],
    /// Of the columns; for those without mass see [`column_limit`].
    pub(super) v: &'a [T],
    /// What the plan's cotangent loses, and its factor: those of the unit-mass problem, or 0 and 1.
    pub(super) mean: T,
    pub(super) scale: T,
    /// Whether there was a system.
    pub(super) implicit: bool,
}

/// Where the rows go.
pub(super) struct Outputs<'a, 'o, P: Precision> {
    pub(super) cost: Option<MatMut<'o, P::Cost>>,
    pub(super) x: Option<MatMut<'o, P::Cost>>,
    pub(super) y: Option<MatMut<'o, P::Cost>>,
    /// Gradient of one point of the rows, and of all of the columns, coordinate by coordinate.
    pub(super) point: &'a mut [P::Potential],
    pub(super) points: &'a mut [P::Potential],
}

fn to_cost<P: Precision>(x: P::Potential) -> P::Cost {
    P::cost_of(P::narrow(x))
}

/// Writes the gradients of cost and points. Returns sum (dL/dC apart from the direct part of the
/// transport cost) log X, the derivative by epsilon; the sums of the same over rows and columns go
/// to the first two of `sums`, the others are scratch of the length of a row.
#[allow(clippy::too_many_arguments, reason = "the parts of one sweep, named by their types")]
pub(super) fn emit<P: Precision, G: Geometry<P>>(
    geometry: &G,
    pass: Pass<P>,
    (f, g): (&[P::Potential], &[P::Potential]),
    seen: &Seen<'_, P>,
    adjoints: Adjoints<'_, P::Potential>,
    outputs: Outputs<'_, '_, P>,
    sums: [&mut [P::Potential]; 4],
    scratch: &mut Scratch<'_, P>,
) -> P::Potential {
    let zero = P::Potential::ZERO;
    let [row_sums, col_sums, gradient, indirect] = sums;
    let Adjoints { u, v, mean, scale, implicit } = adjoints;
    let Outputs { mut cost, mut x, mut y, point, points } = outputs;
    let (transport, value) = (seen.cotangent.transport * scale, seen.cotangent.value * scale);
    let wants_points = x.is_some() || y.is_some();
    let point = point.get_mut(..geometry.coordinates()).unwrap_or(&mut []);
    let mut slope = Compensated::new();
    let rate = P::Potential::ONE / pass.epsilon;
    points.fill(zero);
    row_sums.fill(zero);
    col_sums.fill(zero);
    geometry.plan_rows(pass, f, g, scratch, &mut |row| {
        let i = row.i;
        let (Some(u), Some(row_sum)) = (u.get_mut(i), row_sums.get_mut(i)) else { return };
        let f = f.get(i).copied().unwrap_or(zero);
        seen.row(i, row.cost, f, g, gradient);
        if row.massless {
            *u = if implicit { limit(&row, gradient, v) } else { zero };
            gradient.fill(zero);
        } else {
            let constants = GradientRow {
                u: *u,
                f,
                mean,
                scale,
                rate,
                implicit: if implicit { rate } else { zero },
                value,
                transport,
            };
            let (x, cost, columns) = (row.entries, row.cost, [g, v]);
            let [sum, part] =
                gradient_row::<P>(pass.level, constants, x, cost, columns, gradient, indirect);
            *row_sum = sum;
            slope.add(part);
            add_scaled::<P>(pass.level, P::Potential::ONE, indirect, col_sums);
        }
        if let Some(cost) = &mut cost {
            // (One loop for any layout where flash counts.)
            let row = if SMALL { None } else { cost.contiguous_row_mut(i) };
            if let Some(row) = row {
                for (out, &value) in row.iter_mut().zip(&*gradient) {
                    *out = to_cost::<P>(value);
                }
            } else {
                for (j, &value) in gradient.iter().enumerate() {
                    cost.set(i, j, to_cost::<P>(value));
                }
            }
        }
        if wants_points {
            point.fill(zero);
            geometry.pull_back_row(i, row.cost, gradient, point, points);
            if let Some(x) = &mut x {
                for (k, &value) in point.iter().enumerate() {
                    x.set(i, k, to_cost::<P>(value));
                }
            }
        }
    });
    if let Some(y) = &mut y {
        for (k, coordinate) in points.chunks(padded(g.len()).max(1)).enumerate() {
            for (j, &value) in coordinate.iter().take(g.len()).enumerate() {
                y.set(j, k, to_cost::<P>(value));
            }
        }
    }
    slope.value()
}

/// The adjoint of a potential whose row has no mass, as the limit from rows that have some: the mean
/// of G - v under the row's shape. Only the gradient of an exact side's weights shows it.
fn limit<P: Precision>(
    row: &PlanRow<'_, P>,
    seen: &[P::Potential],
    v: &[P::Potential],
) -> P::Potential {
    let entries = row.entries.iter().zip(seen).zip(v);
    let products = entries.map(|((&x, &seen), &v)| P::Potential::from(x) * (seen - v));
    let sum = P::Potential::from(row.sum);
    if sum > P::Potential::ZERO { total(products) / sum } else { P::Potential::ZERO }
}

/// [`limit`] of a column: the mean of G - u under its shape, over the rows with mass. O(n) for each
/// column without any.
pub(super) fn column_limit<P: Precision, G: Geometry<P>>(
    geometry: &G,
    epsilon: P::Potential,
    (f, g): (&[P::Potential], &[P::Potential]),
    seen: &Seen<'_, P>,
    lane: &Lane<'_, P::Potential>,
    j: usize,
) -> P::Potential {
    let g = g.get(j).copied().unwrap_or(P::Potential::ZERO);
    let entries = || {
        f.iter().zip(&*lane.u).zip(&*lane.r).enumerate().filter_map(|(i, ((&f, &u), &mass))| {
            let cost = geometry.cost(i, j)?;
            let usable = mass > P::Potential::ZERO && cost.is_finite();
            let shape = (f - P::widen(cost)) / epsilon;
            usable.then(|| (shape, seen.entry((i, j), cost, (f, g)) - u))
        })
    };
    let peak = entries().fold(P::Potential::NEG_INFINITY, |peak, (x, _)| peak.larger(x));
    let (mut mass, mut moment) = (Compensated::new(), Compensated::new());
    for (x, value) in entries() {
        let weight = (x - peak).exp_once();
        mass.add(weight);
        moment.add(weight * value);
    }
    let mass = mass.value();
    if mass > P::Potential::ZERO { moment.value() / mass } else { P::Potential::ZERO }
}
