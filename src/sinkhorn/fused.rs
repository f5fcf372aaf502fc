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

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::cost::{Dense, Geometry, SCRATCH_COST, SCRATCH_SUM, Scratch, sweep_one_by_one};
    use crate::marginal::Rule;
    use crate::math::Elementary;
    use crate::problem::Problem;
    use crate::view::Mat;

    /// What microcontrollers do, one row at a time, has the bits of the sweep in groups: with rows
    /// without weight, forbidden pairs, potentials far off and such as are none.
    #[test]
    fn rows_one_by_one_have_the_bits_of_groups() {
        let (n, m) = (135, 21);
        let mut cost: Vec<f32> = (0..n * m).map(|k| ((k * 37 + 11) % 101) as f32 / 101.0).collect();
        cost.iter_mut().step_by(17).for_each(|c| *c = f32::INFINITY);
        let a: Vec<f32> = (0..n).map(|i| (i % 7) as f32).collect();
        let b = vec![1.0; m];
        let logs: Vec<f32> = a.iter().map(|&w| Elementary::ln(w)).collect();
        let cost = Dense::new(Mat::new(&cost, n, m).unwrap());
        let far = |f: f32, i: usize| match i % 13 {
            _ if f == f32::NEG_INFINITY => f,
            5 => f + 40.0,
            8 => f - 40.0,
            _ => f,
        };
        for rule in [Rule::Exact, Rule::Kl { tau: 0.5 }, Rule::Tv { tau: 0.3 }] {
            for lost in [false, true] {
                let problem =
                    Problem::<f32, _>::new(cost, (&a, rule), (&b, Rule::Exact), 0.05).unwrap();
                let side = problem.row_side(&logs);
                let pass = problem.pass(Level::detect());
                let start = logs.iter().enumerate().map(|(i, &l)| far(l, i));
                let mut start: Vec<f32> = start.collect();
                if lost {
                    start[3] = f32::NAN;
                }
                let g: Vec<f32> = (0..m).map(|j| (j % 5) as f32 / 9.0).collect();
                let mut targets = vec![0.0; n];
                side.marginal(Level::PORTABLE, &start, &mut targets);
                let run = |apart: bool| {
                    let mut fused = Fused::<f32> {
                        side: &side,
                        pass,
                        targets: &targets,
                        coupled: false,
                        residual: 0.0,
                        mass: 0.0,
                        trouble: false,
                        moved: false,
                    };
                    let (mut f, mut col) = (start.clone(), vec![0.0; m]);
                    let mut costs = vec![0.0; SCRATCH_COST.at(n, m, 0).len()];
                    let mut sums = vec![0.0; SCRATCH_SUM.at(n, m, 0).len()];
                    let mut scratch = Scratch::none();
                    scratch.cut(&mut costs, &mut sums, m, 0).unwrap();
                    let scratch = &mut scratch;
                    let trusted = if apart {
                        let out = (&mut col[..], &mut [][..]);
                        sweep_one_by_one(&cost, pass, (&mut f, &g), out, scratch, &mut fused)
                    } else {
                        cost.sweep(pass, &mut f, &g, &mut col, &mut [], scratch, &mut fused)
                    };
                    let Fused { residual, mass, trouble, moved, .. } = fused;
                    assert!(moved);
                    f.extend(col);
                    f.extend([residual, mass]);
                    let bits: Vec<u32> = f.into_iter().map(f32::to_bits).collect();
                    (bits, trusted, trouble)
                };
                let (groups, apart) = (run(false), run(true));
                assert_eq!(groups, apart, "{rule:?}");
            }
        }
    }
}
