//! The constant t that maximises the dual at (f + t, g - t): where both sides' marginals have the same
//! mass.

use super::certificate::mass;
use crate::kernel::Precision;
use crate::marginal::Side;
use crate::math::Elementary;
use crate::real::Real;

/// A side with its potentials and the marginal that its rule assigns to them.
type Held<'a, P> =
    (&'a Side<'a, P>, &'a [<P as Precision>::Potential], &'a [<P as Precision>::Sum]);

/// Doublings of a step that looks for the other side of the root, and cuts of the bracket after them.
const STEPS: u32 = 200;

/// The best t: one Newton step on the logarithms of the masses, whose slopes are constant for KL and
/// exact sides; a search where a side has corners.
pub(super) fn best_shift<P: Precision>(sides: [Held<'_, P>; 2]) -> P::Potential {
    let [(rows, _, row_rule), (cols, _, col_rule)] = sides;
    if rows.fixes_mass() && cols.fixes_mass() {
        // Any constant does.
        return P::Potential::ZERO;
    }
    let masses = [mass::<P>(row_rule), mass::<P>(col_rule)];
    let t = if rows.has_corners() || cols.has_corners() {
        search(sides, masses)
    } else {
        newton(rows, cols, masses, P::Potential::ZERO)
    };
    if t.is_finite() { t } else { P::Potential::ZERO }
}

/// A Newton step from a shift; zero where the masses do not depend on it.
fn newton<P: Precision>(
    rows: &Side<'_, P>,
    cols: &Side<'_, P>,
    [row_mass, col_mass]: [P::Potential; 2],
    t: P::Potential,
) -> P::Potential {
    let (row, col) = (rows.log_slope(row_mass, t), cols.log_slope(col_mass, -t));
    let rate = row.rate + col.rate;
    if rate < P::Potential::ZERO { (col.log - row.log) / rate } else { P::Potential::ZERO }
}

/// The difference of the masses falls with t, in jumps where a potential passes a corner. The root is
/// zero if it may be; else it is bracketed by doubled steps and the bracket cut, at the Newton step that
/// a smooth side suggests or in the middle. O(n + m) for each of them.
#[inline(never)]
fn search<P: Precision>(sides: [Held<'_, P>; 2], masses: [P::Potential; 2]) -> P::Potential {
    let [(rows, f, _), (cols, g, _)] = sides;
    let [row_mass, col_mass] = masses;
    let (zero, one, half) = (P::Potential::ZERO, P::Potential::ONE, P::Potential::HALF);
    let unit = P::Potential::ROUNDOFF * P::Potential::from_count(64);
    let rate = rows.log_slope(row_mass, zero).rate + cols.log_slope(col_mass, zero).rate;
    let (mut low, mut high) = (None, None);
    let (mut t, mut step) = (zero, rows.epsilon);
    for _ in 0..STEPS {
        let ([row_least, row_most], [col_least, col_most]) =
            (rows.masses(f, row_mass, t), cols.masses(g, col_mass, -t));
        if row_least > col_most * (one + unit) {
            low = Some(t);
        } else if row_most < col_least * (one - unit) {
            high = Some(t);
        } else {
            break;
        }
        let guess = t + (col_least / row_least).ln_once() / rate;
        let guess = if rate < zero && guess.is_finite() { guess } else { t };
        t = match (low, high) {
            (Some(low), Some(high)) if high - low <= unit * (low.abs() + high.abs()) => break,
            (Some(low), Some(high)) if guess > low && guess < high && guess != t => guess,
            (Some(low), Some(high)) => low + (high - low) * half,
            (Some(low), None) => (low + step).larger(guess),
            (None, Some(high)) => (high - step).smaller(guess),
            (None, None) => break,
        };
        step = step + step;
    }
    t
}
