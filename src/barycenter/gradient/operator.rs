//! The linear system, known by its products.

use super::super::problem::{Part, Problem};
use crate::cost::{Geometry, Pass, Scratch};
use crate::implicit::Symmetric;
use crate::kernel::{Level, Precision, add_entries, add_scaled, weighted_sum};
use crate::math::Elementary;
use crate::real::Real;

/// 1 - A^T (1 - root(w) root(w)^T) A: see [the module](super).
pub(super) struct Operator<'a, P: Precision, G> {
    pub(super) problem: &'a Problem<'a, P, G>,
    pub(super) pass: Pass<P>,
    pub(super) f: &'a [P::Potential],
    pub(super) g: &'a [P::Potential],
    /// sqrt(s / r), 0 where the row has no mass or the measure no share.
    pub(super) root: &'a [P::Potential],
    /// q^(-1/2), 0 where the column has no mass.
    pub(super) column_root: &'a [P::Potential],
    /// A z, one row for each measure.
    pub(super) columns: &'a mut [P::Potential],
    /// sum_i sqrt(w_i) A_i z_i.
    pub(super) mean: &'a mut [P::Potential],
    pub(super) scratch: &'a mut Scratch<'a, P>,
}

/// sqrt(w), w the share of a part.
pub(super) fn root_share<P: Precision, G: Geometry<P>>(
    problem: &Problem<'_, P, G>,
    share: P::Potential,
) -> P::Potential {
    (share / problem.share()).sqrt()
}

impl<P: Precision, G: Geometry<P>> Operator<'_, P, G> {
    /// A z and its mean.
    pub(super) fn spread(&mut self, z: &[P::Potential]) {
        let Self { problem, pass, f, g, root, column_root, columns, mean, scratch } = self;
        mean.fill(P::Potential::ZERO);
        for Part { measure, rows, cols, .. } in problem.parts() {
            let (Some(f), Some(g), Some(root), Some(z), Some(y)) = (
                f.get(rows.clone()),
                g.get(cols.clone()),
                root.get(rows.clone()),
                z.get(rows),
                columns.get_mut(cols),
            ) else {
                return;
            };
            y.fill(P::Potential::ZERO);
            measure.geometry.prepare(scratch);
            measure.geometry.plan_rows(*pass, f, g, scratch, &mut |row| {
                if let (Some(&root), Some(&z), false) =
                    (root.get(row.i), z.get(row.i), row.massless)
                {
                    add_entries::<P>(pass.level, z * root, row.entries, y);
                }
            });
            for (y, &root) in y.iter_mut().zip(&**column_root) {
                *y = *y * root;
            }
            add_scaled::<P>(pass.level, root_share(problem, measure.share), y, mean);
        }
    }

    /// out_i = A_i^T x_i for a vector x of each measure, given with the factor q^(-1/2) in `columns`.
    pub(super) fn gather(&mut self, out: &mut [P::Potential]) {
        let Self { problem, pass, f, g, root, columns, scratch, .. } = self;
        out.fill(P::Potential::ZERO);
        for Part { measure, rows, cols, .. } in problem.parts() {
            let (Some(f), Some(g), Some(root), Some(out), Some(x)) = (
                f.get(rows.clone()),
                g.get(cols.clone()),
                root.get(rows.clone()),
                out.get_mut(rows),
                columns.get(cols),
            ) else {
                return;
            };
            measure.geometry.prepare(scratch);
            measure.geometry.plan_rows(*pass, f, g, scratch, &mut |row| {
                if let (Some(&root), Some(out), false) =
                    (root.get(row.i), out.get_mut(row.i), row.massless)
                {
                    *out = root * weighted_sum::<P>(pass.level, row.entries, x);
                }
            });
        }
    }
}

impl<P: Precision, G: Geometry<P>> Symmetric<P> for Operator<'_, P, G> {
    fn level(&self) -> Level {
        self.pass.level
    }

    fn apply(&mut self, z: &[P::Potential], out: &mut [P::Potential]) {
        self.spread(z);
        let Self { problem, column_root, columns, mean, .. } = self;
        for Part { measure, cols, .. } in problem.parts() {
            let share = root_share(problem, measure.share);
            let Some(y) = columns.get_mut(cols) else { return };
            for ((y, &mean), &root) in y.iter_mut().zip(&**mean).zip(&**column_root) {
                *y = (*y - share * mean) * root;
            }
        }
        self.gather(out);
        for (out, &z) in out.iter_mut().zip(z) {
            *out = z - *out;
        }
    }
}
