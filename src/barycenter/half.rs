//! One measure's part of an iteration.

use super::layout::{Work, work_len};
use super::problem::{Measure, pass};
use crate::cost::{Geometry, Scratch};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision, potential_from_sums, trusted};
use crate::marginal::{Side, total};
use crate::math::Elementary;
use crate::problem::{check_epsilon, check_weights};
use crate::real::Real;
use crate::sinkhorn::{Fused, restore};

/// What a half step found out, apart from the vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Half<T> {
    /// |X_i 1 - r(f_i)|_1 before the step, mass units: how far the rows were from their rule.
    pub residual: T,
    /// Mass of the plan before the step.
    pub mass: T,
    /// Logarithm of the mass of the marginal that the rule assigns to the new f_i.
    pub log_target: T,
    /// Whether a sum overflowed or a NaN appeared. The potentials are the last finite ones.
    pub trouble: bool,
    /// Whether f_i changed.
    pub moved: bool,
}

/// Buffers of a half step.
pub(super) struct Buffers<'b, 'a, P: Precision> {
    /// The marginal that the rule assigns to f: before and after.
    pub(super) target: &'b mut [P::Sum],
    pub(super) col: &'b mut [P::Sum],
    pub(super) mask: &'b mut [P::Potential],
    pub(super) scratch: &'b mut Scratch<'a, P>,
}

/// Updates f and turns g into the soft minimum t. A column that cannot have mass (g minus infinity,
/// or no partner among the rows) gets minus infinity.
pub(super) fn advance<P: Precision, G: Geometry<P>>(
    geometry: &G,
    side: &Side<'_, P>,
    level: Level,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    buffers: Buffers<'_, '_, P>,
) -> Half<P::Potential> {
    let Buffers { target, col, mask, scratch } = buffers;
    let (zero, one) = (P::Potential::ZERO, P::Potential::ONE);
    let no_mass = P::Potential::NEG_INFINITY;
    let pass = pass::<P>(side.epsilon, level);
    geometry.prepare(scratch);
    let mut fused = Fused {
        side,
        pass,
        targets: target,
        coupled: false,
        residual: zero,
        mass: zero,
        trouble: false,
        moved: false,
    };
    let all_trusted = geometry.sweep(pass, f, g, col, &mut [], scratch, &mut fused);
    let Fused { residual, mass, mut trouble, moved, .. } = fused;
    trouble |= restore::<P>(level, f, side.log_weights);

    for (mask, &g) in mask.iter_mut().zip(&*g) {
        *mask = if g == no_mass { no_mass } else { zero };
    }
    let mut columns = col.iter().zip(&*mask);
    if !all_trusted || !columns.all(|(&sum, &mask)| mask == no_mass || trusted(sum)) {
        geometry.col_sums(pass, f, g, col, scratch);
    }
    potential_from_sums::<P>(level, side.epsilon, one, [zero, zero], mask, col, g);
    for ((soft, &sum), &mask) in g.iter_mut().zip(&*col).zip(&*mask) {
        if sum == P::Sum::ZERO {
            *soft = no_mass;
        } else if mask == zero && !soft.is_finite() {
            (*soft, trouble) = (zero, true);
        }
    }
    side.marginal(level, f, target);
    let log_target = total(target.iter().map(|&x| P::Potential::from(x))).ln_once();
    Half { residual, mass, log_target, trouble, moved }
}

/// One measure's part of an iteration, for a host that spreads measures over threads or machines:
/// takes f_i (n_i) and g_i (n) and leaves the updated f_i and, in place of g_i, the soft minimum t_i,
/// cost units. What follows is [`super::Combination::add`] with that t_i. A fresh start is f_i = 0,
/// g_i = 0, apart from f_i of minus infinity where the weight is zero, which this function sees to.
///
/// The cost is not looked at (see [`super::check`]); what it does wrong ends as `trouble`. Exact measures
/// have one mass: what rounding leaves between them, which a solve scales away, stays. `work` has at least [`work_len`] elements for this measure. Cost: n_i n exponentials.
///
/// Errors: those of [`super::Problem::new`] for one measure, and those of its weights, `Shape`,
/// `TooLarge`, `WorkTooSmall`. Nothing but work was written then.
pub fn half_step<P: Precision, G: Geometry<P>>(
    measure: &Measure<'_, P, G>,
    epsilon: P::Potential,
    level: Level,
    f: &mut [P::Potential],
    g: &mut [P::Potential],
    work: &mut [P::Work],
) -> Result<Half<P::Potential>, Error> {
    check_epsilon(epsilon)?;
    measure.check(epsilon)?;
    let geometry = &measure.geometry;
    let shape = [geometry.rows(), geometry.cols(), geometry.dimension()];
    let [n, m, d] = shape;
    let refuse = |kind, argument| Err(Error::new(kind, argument));
    if f.len() != n {
        return refuse(ErrorKind::Shape, Argument::RowPotentials);
    }
    if g.len() != m {
        return refuse(ErrorKind::Shape, Argument::ColPotentials);
    }
    if work_len(n, m, d) == usize::MAX {
        return refuse(ErrorKind::TooLarge, Argument::Cost);
    }
    check_weights::<P>(measure.weights, Argument::RowWeights)?;
    let Some(work) = Work::<P>::cut(work, shape) else {
        return refuse(ErrorKind::WorkTooSmall, Argument::Work);
    };
    let Work { log_weights, mask, targets, col, mut scratch, .. } = work;
    logarithms(&measure.bare_side(epsilon, &[]), log_weights);
    let side = measure.bare_side(epsilon, log_weights);
    side.load(true, f);
    side.marginal(level, f, targets);
    let buffers = Buffers { target: targets, col, mask, scratch: &mut scratch };
    Ok(advance(geometry, &side, level, f, g, buffers))
}

/// What a side calls the logarithms of its weights.
pub(super) fn logarithms<P: Precision>(side: &Side<'_, P>, out: &mut [P::Potential]) {
    for (log, &w) in out.iter_mut().zip(side.weights) {
        *log = side.log_weight(w);
    }
}
