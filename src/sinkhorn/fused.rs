//! What a fused sweep does with the rows, whatever becomes of its column sums.

use core::slice::{from_mut, from_ref};

use crate::cost::{Pass, Rows, Seen, Update};
use crate::kernel::{Level, Precision, all_equal, any_lost, lost, rescaling, seen};
use crate::marginal::{ANY_COUPLES, Ball, Memory, Side};
use crate::math::SMALL;
use crate::real::Real;

/// The rows' part of a fused sweep.
pub(crate) struct Fused<'s, 'a, P: Precision> {
    pub(crate) side: &'s Side<'a, P>,
    pub(crate) pass: Pass<P>,
    /// Marginals that the rule assigns to the potentials.
    pub(crate) targets: &'s [P::Sum],
    /// Whether the rule couples its entries, so that their sums are kept for it.
    pub(crate) coupled: bool,
    /// Plain sums: they only tell when an evaluation is worth its sweep.
    pub(crate) residual: P::Potential,
    pub(crate) mass: P::Potential,
    pub(crate) trouble: bool,
    pub(crate) moved: bool,
}

/// A potential had to be restored.
const TROUBLE: u32 = 1;
/// A potential changed.
const MOVED: u32 = 2;

impl<P: Precision> Fused<'_, '_, P> {
    #[inline(always)]
    fn add(&mut self, [sum, off]: Seen<P::Potential>) {
        self.residual += off;
        self.mass += sum;
    }

    /// A row at its old potential, from its sum at some shift.
    #[inline(always)]
    fn at_old(
        &self,
        i: usize,
        old: P::Potential,
        (shift, sum): (P::Potential, P::Sum),
        target: P::Sum,
    ) -> Seen<P::Potential> {
        let sum =
            if shift != old { sum * rescaling::<P>(self.pass.scale, shift, old) } else { sum };
        seen::<P>(sum, self.side.nearest(i, old, sum, target))
    }
}

impl<P: Precision> Update<P> for Fused<'_, '_, P> {
    #[inline(never)]
    fn renew(&self, group: Rows<'_, P>, at_old: &mut [Seen<P::Potential>]) -> u32 {
        let Rows { first, old, potential, sums, kept } = group;
        let targets = self.targets.get(first..).unwrap_or(&[]);
        let shifted = old.iter().zip(&*potential).zip(sums).zip(targets).enumerate();
        for (at_old, (k, (((&old, &shift), &sum), &target))) in at_old.iter_mut().zip(shifted) {
            *at_old = self.at_old(first + k, old, (shift, sum), target);
        }
        if ANY_COUPLES && self.coupled {
            // Only the sums for now; f stays at the shifts they were taken at.
            for (kept, &sum) in kept.iter_mut().zip(sums) {
                *kept = sum;
            }
            return 0;
        }
        // A rule that updates a few rows at a time keeps nothing.
        let memory = Memory { marginal: &mut [], ball: &mut Ball::default() };
        self.side.update(self.pass.level, first, sums, potential, memory);
        let trouble = restore::<P>(self.pass.level, potential, old);
        let moved = !all_equal::<P>(self.pass.level, potential, old);
        (if trouble { TROUBLE } else { 0 }) | (if moved { MOVED } else { 0 })
    }

    fn renew_one(
        &mut self,
        i: usize,
        old: P::Potential,
        (shift, sum): (P::Potential, P::Sum),
        kept: Option<&mut P::Sum>,
    ) -> P::Potential {
        let target = self.targets.get(i).copied().unwrap_or(P::Sum::ZERO);
        self.add(self.at_old(i, old, (shift, sum), target));
        if ANY_COUPLES && self.coupled {
            if let Some(kept) = kept {
                *kept = sum;
            }
            return shift;
        }
        let mut new = shift;
        let memory = Memory { marginal: &mut [], ball: &mut Ball::default() };
        self.side.update(self.pass.level, i, from_ref(&sum), from_mut(&mut new), memory);
        self.trouble |= restore::<P>(self.pass.level, from_mut(&mut new), from_ref(&old));
        self.moved |= new != old;
        new
    }

    fn tally(&mut self, at_old: &[Seen<P::Potential>]) {
        at_old.iter().for_each(|&row| self.add(row));
    }

    fn note(&mut self, found: u32) {
        self.trouble |= found & TROUBLE != 0;
        self.moved |= found & MOVED != 0;
    }

    fn give_up(&mut self) {
        self.trouble = true;
    }
}

/// Puts the value of the other slice where an entry with mass has no finite potential; says whether
/// it had to. The slice is the old potential, or, where that is gone, anything finite that is minus
/// infinity just for entries without mass.
pub(crate) fn restore<P: Precision>(
    level: Level,
    potential: &mut [P::Potential],
    finite: &[P::Potential],
) -> bool {
    let mut trouble = !SMALL && any_lost::<P>(level, potential, finite);
    if SMALL || trouble {
        for (x, &other) in potential.iter_mut().zip(finite) {
            if lost(*x, other) {
                *x = if other.is_finite() { other } else { P::Potential::ZERO };
                trouble = true;
            }
        }
    }
    trouble
}
