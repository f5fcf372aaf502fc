//! A plan near the potentials' own that meets exact sides to the last digit.
//!
//! Sinkhorn's plan misses one of two exact sides by its residual, so its cost is no upper bound of
//! the optimum. The rounding of Altschuler, Niles-Weed and Rigollet (2017, Algorithm 2) scales rows
//! and columns down to what they may hold and adds what is missing as a matrix of rank one:
//!
//! ```text
//! X'_ij = x_i X_ij y_j + p_i q_j
//! ```
//!
//! with four vectors, never n m memory. Where one side alone is exact, it is scaled to its weights, and
//! only what no scaling can reach (a row whose entries are all below the range of the type) is added.
//! The plan of the unit-mass problem is divided by its sum; that of the unbalanced problem stays.

use super::{Plan, expect_len};
use crate::cost::Geometry;
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::Precision;
use crate::marginal::total;
use crate::math::{Compensated, Elementary};
use crate::problem::{Problem, check_weights};
use crate::real::Real;

/// Memory for the factors of a rounded plan.
pub struct Factors<'b, T> {
    /// Factors of the rows (n).
    pub x: &'b mut [T],
    /// Factors of the columns (m).
    pub y: &'b mut [T],
    /// Share of each row in what is added (n).
    pub p: &'b mut [T],
    /// What is added to each column (m), mass units.
    pub q: &'b mut [T],
}

/// The rounded plan X'_ij = x_i X_ij y_j + p_i q_j, and what is true of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rounded<'b, T> {
    /// Factors of the rows.
    pub x: &'b [T],
    /// Factors of the columns.
    pub y: &'b [T],
    /// Share of each row in what is added; all 0 if nothing is.
    pub p: &'b [T],
    /// What is added to each column, mass units.
    pub q: &'b [T],
    /// <C, X'>. Infinite if a forbidden pair gets mass: X' then is no plan of the problem.
    pub transport_cost: T,
    /// transport_cost + Phi_row(X' 1) + Phi_col(X'^T 1): at or above the optimum of the objective
    /// without entropy.
    pub unregularised_objective: T,
    /// Sum of q, mass units.
    pub added: T,
}

impl<T: Real> Rounded<'_, T> {
    /// X'_ij from X_ij, the entry of the plan that was rounded. Errors: `Shape` blaming the row or the
    /// column.
    pub fn entry(&self, i: usize, j: usize, entry: T) -> Result<T, Error> {
        let (Some(&x), Some(&p)) = (self.x.get(i), self.p.get(i)) else {
            return Err(Error::at(ErrorKind::Shape, Argument::Row, i));
        };
        let (Some(&y), Some(&q)) = (self.y.get(j), self.q.get(j)) else {
            return Err(Error::at(ErrorKind::Shape, Argument::Col, j));
        };
        Ok(x * entry * y + p * q)
    }
}

/// What has to be met on one side.
struct Wanted<'a, P: Precision> {
    weights: &'a [P::Cost],
    factor: P::Potential,
    exact: bool,
    tau: Option<P::Potential>,
}

impl<P: Precision> Wanted<'_, P> {
    fn weights(&self) -> impl Iterator<Item = P::Potential> {
        self.weights.iter().map(|&w| P::widen(w) * self.factor)
    }

    /// One term of tau KL(r | w), 0 for an exact side.
    fn penalty(&self, r: P::Potential, w: P::Potential) -> P::Potential {
        let Some(tau) = self.tau else {
            return P::Potential::ZERO;
        };
        if r > P::Potential::ZERO { tau * (r * (r / w).ln_once() - r + w) } else { tau * w }
    }
}

impl<P: Precision, G: Geometry<P>> Plan<'_, P, G> {
    /// Rounds the plan to the exact sides of `problem`, that of the plan. Row sums of X' are a and
    /// column sums b (times the report's `mass_factor`) where they are exact, up to the rounding of the
    /// entries; the cost of X' is an upper bound of the optimum. Two sweeps and O(n + m) memory.
    ///
    /// Errors: `Shape` for factors or a problem of the wrong size, those of weights, `MassMismatch`,
    /// and `Kind`, blaming the rule, for one that is neither exact nor KL. The factors are as they were then.
    pub fn round<'b>(
        &mut self,
        problem: &Problem<'_, P, G>,
        factors: Factors<'b, P::Potential>,
    ) -> Result<Rounded<'b, P::Potential>, Error> {
        let (n, m) = (self.f.len(), self.g.len());
        if problem.shape() != (n, m) {
            return Err(Error::new(ErrorKind::Shape, Argument::Problem));
        }
        let Factors { x, y, p, q } = factors;
        for (found, expected) in [(x.len(), n), (y.len(), m), (p.len(), n), (q.len(), m)] {
            expect_len(found, expected)?;
        }
        let (rows, cols) = wanted(problem)?;
        let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
        let both = rows.exact && cols.exact;

        // Row factors, and the column sums that they leave: y the sum, q its rounding.
        y.fill(zero);
        q.fill(zero);
        for ((i, x), (p, a)) in x.iter_mut().enumerate().zip(p.iter_mut().zip(rows.weights())) {
            let entries = self.entries(i);
            let mut sum = Compensated::new();
            entries.iter().for_each(|&e| sum.add(P::Potential::from(e)));
            (*x, *p) = match (rows.exact, both) {
                (false, _) => (one, zero),
                (true, true) => down(a, sum.value()),
                (true, false) => to(a, sum.value()),
            };
            for (&e, (sum, error)) in entries.iter().zip(y.iter_mut().zip(q.iter_mut())) {
                accumulate(sum, error, *x * P::Potential::from(e));
            }
        }

        // Column factors. What an empty row misses goes where the columns have weight.
        let mut missing = total(p.iter().copied());
        let mut scale = one;
        if problem.is_unit_mass() {
            let sum = total(y.iter().zip(&*q).map(|(&sum, &error)| sum + error));
            scale = one / sum;
        }
        let col_mass = total(cols.weights());
        let mut col_penalty = Compensated::new();
        for ((y, q), b) in y.iter_mut().zip(q.iter_mut()).zip(cols.weights()) {
            let sum = *y + *q;
            (*y, *q) = match (cols.exact, both) {
                (false, _) if missing > zero => (one, missing * (b / col_mass)),
                (false, _) => (one, zero),
                (true, true) => down(b, sum),
                (true, false) => to(b, sum),
            };
            col_penalty.add(cols.penalty(scale * sum + *q, b));
        }
        let added = total(q.iter().copied());
        if cols.exact && !both && added > zero {
            // Likewise what an empty column misses.
            for (p, a) in p.iter_mut().zip(rows.weights()) {
                *p = a;
            }
            missing = total(rows.weights());
        }

        // What the rows miss now, and the costs of both parts.
        let (mut transport, mut row_penalty) = (Compensated::new(), Compensated::new());
        let (mut rank_one, mut left) = (Compensated::new(), Compensated::new());
        for ((i, x), (p, a)) in x.iter_mut().enumerate().zip(p.iter_mut().zip(rows.weights())) {
            let entries = self.entries(i);
            let (mut sum, mut cost, mut cost_of_added) =
                (Compensated::new(), Compensated::new(), Compensated::new());
            for (j, (&e, (&y, &q))) in entries.iter().zip(y.iter().zip(&*q)).enumerate() {
                let c = P::widen(problem.geometry().cost(i, j).unwrap_or(P::Cost::INFINITY));
                let e = P::Potential::from(e) * y;
                sum.add(e);
                if e > zero {
                    cost.add(e * c);
                }
                if q > zero {
                    cost_of_added.add(q * c);
                }
            }
            *x = *x * scale;
            transport.add(*x * cost.value());
            let held = *x * sum.value();
            if both {
                *p = (a - held).larger(zero);
            }
            if *p > zero {
                rank_one.add(*p * cost_of_added.value());
            }
            left.add(*p);
            let share = if missing > zero { *p / missing } else { zero };
            row_penalty.add(rows.penalty(held + share * added, a));
        }
        let left = left.value();
        // What is missing by rounding alone stays so: it must not fall on forbidden pairs.
        let rounding =
            P::Potential::from(P::Sum::ROUNDOFF) * P::Potential::from_count(8) * col_mass;
        let adds = left > zero && added > zero && !(both && left.smaller(added) <= rounding);
        for p in p.iter_mut() {
            *p = if adds { *p / left } else { zero };
        }
        if !adds {
            q.fill(zero);
        }
        let transport = transport.value() + if adds { rank_one.value() / left } else { zero };
        let objective = transport + row_penalty.value() + col_penalty.value();
        let added = if adds { added } else { zero };
        Ok(Rounded {
            x,
            y,
            p,
            q,
            transport_cost: transport,
            unregularised_objective: objective,
            added,
        })
    }

    /// Row i of the plan.
    fn entries(&mut self, i: usize) -> &[P::Sum] {
        let Self { geometry, pass, f, g, normalisation, scratch } = self;
        let [row, ..] = &mut scratch.entries;
        let f = f.get(i).copied().unwrap_or(P::Potential::NEG_INFINITY);
        geometry.plan_row(*pass, i, f, g, row);
        for entry in row.iter_mut() {
            *entry = *entry * *normalisation;
        }
        row
    }
}

/// Both sides. Errors as [`Plan::round`].
fn wanted<'s, P: Precision, G: Geometry<P>>(
    problem: &'s Problem<'_, P, G>,
) -> Result<(Wanted<'s, P>, Wanted<'s, P>), Error> {
    let (a, b) = problem.weights();
    check_weights::<P>(a, Argument::RowWeights)?;
    check_weights::<P>(b, Argument::ColWeights)?;
    let masses = problem.masses();
    masses.check::<P>()?;
    let (rows, cols) = (problem.row_side(&[]), problem.col_side(&[]));
    for (side, argument) in [(&rows, Argument::RowRule), (&cols, Argument::ColRule)] {
        // A penalty other than KL is not counted here, and a range would have to be kept to.
        let known = side.fixes_marginal() || side.relaxation().is_some();
        if side.unit_mass() || !known {
            return Err(Error::new(ErrorKind::Kind, argument));
        }
    }
    let of = |weights, factor, exact, tau| Wanted { weights, factor, exact, tau };
    Ok((
        of(a, masses.row_factor, rows.fixes_marginal(), rows.relaxation()),
        of(b, masses.col_factor, cols.fixes_marginal(), cols.relaxation()),
    ))
}

/// Factor of at most 1 that brings a sum down to a weight, and what then misses.
fn down<T: Real>(weight: T, sum: T) -> (T, T) {
    if sum > weight { (weight / sum, T::ZERO) } else { (T::ONE, weight - sum) }
}

/// Factor that brings a sum to a weight; what misses where there is none.
fn to<T: Real>(weight: T, sum: T) -> (T, T) {
    let factor = weight / sum;
    if sum > T::ZERO && factor.is_finite() { (factor, T::ZERO) } else { (T::ONE, weight) }
}

/// Adds to a sum that keeps its rounding beside it.
fn accumulate<T: Real>(sum: &mut T, error: &mut T, x: T) {
    let next = *sum + x;
    let (large, small) = if sum.abs() >= x.abs() { (*sum, x) } else { (x, *sum) };
    *error += (large - next) + small;
    *sum = next;
}
