//! The linear system at the optimum, with the columns' unknowns z (ROBOT sections 4.1 and 4.2):
//!
//! ```text
//! u = T_row(h_row - R v),  v = T_col(h_col - Q^T u),  R = X / r,  Q = X / c
//! ```
//!
//! Scaled by the roots of the marginals, X becomes Y = X_ij / sqrt(r_i c_j) with norm 1, and with
//! W = E_row^T Y E_col the system is (I - W^T W) z = E_col^T (h_col - Y^T T_row h_row), v = E_col z:
//! symmetric, positive semidefinite, singular only along the constant that moves from f to g where
//! both sides fix the mass.

use super::form::{COLUMNS, Form};
use super::iterative::Symmetric;
use crate::cost::{Geometry, Pass, Scratch};
use crate::kernel::{Level, Precision, add_entries, add_scaled, dot_potentials, weighted_sum};
use crate::real::Real;
use crate::work::padded;

/// A plan with the forms of both its sides. Nothing of size n m.
pub(super) struct System<'a, P: Precision, G> {
    pub(super) geometry: &'a G,
    pub(super) pass: Pass<P>,
    /// Counting potentials.
    pub(super) f: &'a [P::Potential],
    pub(super) g: &'a [P::Potential],
    pub(super) rows: Form<'a, P::Potential>,
    pub(super) cols: Form<'a, P::Potential>,
    /// Y^T Z_row, one vector of the columns for each column of Z_row.
    pub(super) cross: [&'a mut [P::Potential]; COLUMNS],
    /// Two vectors of the columns.
    pub(super) scaled: &'a mut [P::Potential],
    pub(super) sums: &'a mut [P::Potential],
    pub(super) scratch: Scratch<'a, P>,
    /// The rows of the plan, padded, if there is room for them; else empty.
    pub(super) plan: &'a [P::Sum],
}

/// Shows the rows of the plan that have mass: those that were kept, or made again with one exp per
/// entry. The bits are the same.
pub(super) fn each_row<P: Precision, G: Geometry<P>>(
    (geometry, pass): (&G, Pass<P>),
    (f, g): (&[P::Potential], &[P::Potential]),
    plan: &[P::Sum],
    scratch: &mut Scratch<'_, P>,
    visit: &mut impl FnMut(usize, &[P::Sum]),
) {
    if plan.is_empty() {
        geometry.plan_rows(pass, f, g, scratch, &mut |row| {
            if !row.massless {
                visit(row.i, row.entries);
            }
        });
        return;
    }
    for (i, row) in plan.chunks(padded(g.len()).max(1)).enumerate() {
        visit(i, row.get(..g.len()).unwrap_or(&[]));
    }
}

fn scale<T: Real>(x: &mut [T], by: &[T]) {
    for (x, &by) in x.iter_mut().zip(by) {
        *x = *x * by;
    }
}

impl<P: Precision, G: Geometry<P>> System<'_, P, G> {
    /// Length of z.
    pub(super) fn order(&self) -> usize {
        self.g.len() + self.cols.columns()
    }

    /// Finds `cross`, once both forms are built.
    pub(super) fn prepare(&mut self) {
        let Self { geometry, pass, f, g, rows, cols, cross, scratch, plan, .. } = self;
        for cross in cross.iter_mut() {
            cross.fill(P::Potential::ZERO);
        }
        if rows.columns() == 0 {
            return;
        }
        each_row((*geometry, *pass), (f, g), plan, scratch, &mut |i, entries| {
            let root = rows.inverse_root(i);
            for (cross, z) in cross.iter_mut().zip(rows.basis_at(i)) {
                add_entries::<P>(pass.level, z * root, entries, cross);
            }
        });
        for cross in cross {
            scale(cross, cols.inverse_root);
        }
    }

    /// out = Y y.
    pub(super) fn times(&mut self, y: &[P::Potential], out: &mut [P::Potential]) {
        let Self { geometry, pass, f, g, rows, cols, scaled, scratch, plan, .. } = self;
        for ((scaled, &y), &root) in scaled.iter_mut().zip(y).zip(&*cols.inverse_root) {
            *scaled = y * root;
        }
        out.fill(P::Potential::ZERO);
        each_row((*geometry, *pass), (f, g), plan, scratch, &mut |i, entries| {
            if let Some(out) = out.get_mut(i) {
                *out = weighted_sum::<P>(pass.level, entries, scaled) * rows.inverse_root(i);
            }
        });
    }

    /// out = Y^T x.
    pub(super) fn times_transposed(&mut self, x: &[P::Potential], out: &mut [P::Potential]) {
        let Self { geometry, pass, f, g, rows, cols, scratch, plan, .. } = self;
        out.fill(P::Potential::ZERO);
        each_row((*geometry, *pass), (f, g), plan, scratch, &mut |i, entries| {
            if let Some(&x) = x.get(i) {
                add_entries::<P>(pass.level, x * rows.inverse_root(i), entries, out);
            }
        });
        scale(out, cols.inverse_root);
    }

    /// The null vector E_col^T sqrt(c), scaled to norm 1.
    pub(super) fn null_vector(&mut self, c: &[P::Potential], out: &mut [P::Potential]) {
        for (scaled, &c) in self.scaled.iter_mut().zip(c) {
            *scaled = crate::math::Elementary::sqrt(c);
        }
        let level = self.pass.level;
        self.cols.contract::<P>(level, self.scaled, out);
        let norm = crate::math::Elementary::sqrt(dot_potentials::<P>(level, out, out));
        if norm > P::Potential::ZERO {
            for out in out {
                *out = *out / norm;
            }
        }
    }
}

impl<P: Precision, G: Geometry<P>> Symmetric<P> for System<'_, P, G> {
    fn level(&self) -> Level {
        self.pass.level
    }

    /// out = (I - W^T W) z, in one sweep with one exp per entry.
    fn apply(&mut self, z: &[P::Potential], out: &mut [P::Potential]) {
        let Self { geometry, pass, f, g, rows, cols, cross, scaled, sums, scratch, plan } = self;
        cols.expand(z, scaled);
        scale(scaled, cols.inverse_root);
        sums.fill(P::Potential::ZERO);
        let mut factors = [P::Potential::ZERO; COLUMNS];
        each_row((*geometry, *pass), (f, g), plan, scratch, &mut |i, entries| {
            let (root, share) = (rows.inverse_root(i), rows.root_share(i));
            let y = root * weighted_sum::<P>(pass.level, entries, scaled);
            add_entries::<P>(pass.level, share * share * y * root, entries, sums);
            for (factor, z) in factors.iter_mut().zip(rows.basis_at(i)) {
                *factor += z * y;
            }
        });
        scale(sums, cols.inverse_root);
        for (cross, &factor) in cross.iter().zip(&factors).take(rows.columns()) {
            add_scaled::<P>(pass.level, factor, cross, sums);
        }
        cols.contract::<P>(pass.level, sums, out);
        for (out, &z) in out.iter_mut().zip(z) {
            *out = z - *out;
        }
    }
}
