//! The system solved by factoring it: K = (1 + delta) I - W^T W, plus the square of the null vector
//! where there is one.
//!
//! delta is tiny: the nearly singular directions move blocks that hardly couple, so the error that
//! it makes in a gradient is about delta |v| / epsilon, whatever the condition (ROBOT section 6).

use super::form::COLUMNS;
use super::system::{System, each_row};
use crate::cost::Geometry;
use crate::kernel::{PANEL, Precision, cholesky, cholesky_solve, subtract_product};
use crate::real::Real;
use crate::work::{PAD, padded};

/// Room for K and for the rows of W that join it at a time.
pub(super) struct Factor<'a, P: Precision> {
    pub(super) square: &'a mut [P::Potential],
    pub(super) panel: &'a mut [P::Potential],
}

/// Distance between rows of K for m columns.
pub(super) const fn stride(m: usize) -> usize {
    let columns = padded(m.saturating_add(COLUMNS));
    // Never 0, and visibly so: slices are cut into rows of this length.
    if columns == 0 { PAD } else { columns }
}

impl<P: Precision> Factor<'_, P> {
    /// Factors K; false if it is not positive definite in this precision.
    pub(super) fn build<G: Geometry<P>>(
        &mut self,
        system: &mut System<'_, P, G>,
        null: Option<&[P::Potential]>,
    ) -> bool {
        let (m, order) = (system.g.len(), system.order());
        let stride = stride(m);
        for (i, row) in self.square.chunks_mut(stride).enumerate() {
            let null = if i < order { null.unwrap_or(&[]) } else { &[] };
            let factor = null.get(i).copied().unwrap_or(P::Potential::ZERO);
            for (out, &x) in row.iter_mut().zip(null) {
                *out = factor * x;
            }
            row.get_mut(null.len()..).unwrap_or_default().fill(P::Potential::ZERO);
            if i >= order {
                continue;
            }
            if let Some(diagonal) = row.get_mut(i) {
                *diagonal += P::Potential::ONE + P::Potential::REGULARISATION;
            }
        }
        let System { geometry, pass, f, g, rows, cols, cross, scaled, scratch, plan, .. } = system;
        let level = pass.level;
        let Self { square, panel } = self;
        panel.fill(P::Potential::ZERO);
        let mut held = 0;
        let mut join = |values: &mut dyn FnMut(&mut [P::Potential]), last: bool| {
            let row = panel.get_mut(held * stride..).and_then(|rows| rows.get_mut(..stride));
            if let Some(row) = row {
                values(row);
                held += 1;
            }
            if held == PANEL || (last && held > 0) {
                let panel = panel.get(..held * stride).unwrap_or(&[]);
                subtract_product::<P>(level, square, panel, stride, 0);
                held = 0;
            }
        };
        each_row((*geometry, *pass), (f, g), plan, scratch, &mut |i, entries| {
            let root = rows.inverse_root(i) * rows.root_share(i);
            let entries = scaled.iter_mut().zip(entries).zip(&*cols.inverse_root);
            for ((scaled, &x), &col) in entries {
                *scaled = root * P::Potential::from(x) * col;
            }
            join(&mut |out| cols.contract::<P>(level, scaled, out), false);
        });
        let columns = rows.columns();
        for cross in cross.iter().take(columns) {
            join(&mut |out| cols.contract::<P>(level, cross, out), false);
        }
        join(&mut |out| out.fill(P::Potential::ZERO), true);
        cholesky::<P>(level, square, stride, order)
    }

    /// x = K^-1 x.
    pub(super) fn solve<G: Geometry<P>>(&self, system: &System<'_, P, G>, x: &mut [P::Potential]) {
        let order = system.order();
        let x = x.get_mut(..order).unwrap_or(&mut []);
        cholesky_solve::<P>(system.pass.level, self.square, stride(system.g.len()), x);
    }
}
