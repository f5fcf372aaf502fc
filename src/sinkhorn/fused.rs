//! What a fused sweep does with the rows, whatever becomes of its column sums.

use crate::cost::{Pass, Rows};
use crate::kernel::{Precision, rescaling};
use crate::marginal::{Ball, Memory, Side};
use crate::real::Real;

/// The rows' part of a fused sweep.
pub(crate) struct Fused<'s, 'a, P: Precision> {
    pub(crate) side: &'s Side<'a, P>,
    pub(crate) pass: Pass<P>,
    /// Marginals that the rule assigns to the potentials.
    pub(crate) targets: &'s [P::Sum],
    /// Where the sums of a rule that couples them are kept.
    pub(crate) kept: &'s mut [P::Sum],
    pub(crate) coupled: bool,
    /// Plain sums: they only tell when an evaluation is worth its sweep.
    pub(crate) residual: P::Potential,
    pub(crate) mass: P::Potential,
    pub(crate) trouble: bool,
    pub(crate) moved: bool,
}

impl<P: Precision> Fused<'_, '_, P> {
    /// Takes in the sums of a few rows and gives their new potentials.
    #[inline(never)]
    pub(crate) fn take(&mut self, group: Rows<'_, P>) {
        let Rows { first, old, potential, sums } = group;
        let targets = self.targets.get(first..).unwrap_or(&[]);
        let entries = old.iter().zip(&*potential).zip(sums).zip(targets).enumerate();
        for (k, (((&old, &shift), &sum), &target)) in entries {
            // The sum at the old potential, where it was taken at another shift.
            let sum =
                if shift != old { sum * rescaling::<P>(self.pass.scale, shift, old) } else { sum };
            let target = self.side.nearest(first + k, old, sum, target);
            self.residual += (P::Potential::from(sum) - P::Potential::from(target)).abs();
            self.mass += P::Potential::from(sum);
        }
        if self.coupled {
            // Only the sums for now; f stays at the shifts they were taken at.
            for (kept, &sum) in self.kept.iter_mut().skip(first).zip(sums) {
                *kept = sum;
            }
        } else {
            // A rule that updates a few rows at a time keeps nothing.
            let memory = Memory { marginal: &mut [], ball: &mut Ball::default() };
            self.side.update(self.pass.level, first, sums, potential, memory);
            self.trouble |= restore(potential, old);
            self.moved |= potential.iter().zip(old).any(|(new, old)| new != old);
        }
    }
}

/// Puts the value of the other slice where an entry with mass has no finite potential; says whether
/// it had to. The slice is the old potential, or, where that is gone, anything finite that is minus
/// infinity just for entries without mass.
pub(crate) fn restore<T: Real>(potential: &mut [T], finite: &[T]) -> bool {
    let mut trouble = false;
    for (x, &held) in potential.iter_mut().zip(finite) {
        if !x.is_finite() && held != T::NEG_INFINITY {
            *x = if held.is_finite() { held } else { T::ZERO };
            trouble = true;
        }
    }
    trouble
}
