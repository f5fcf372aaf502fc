//! Where the measures meet.

use super::half::Half;
use super::problem::Measure;
use crate::cost::Geometry;
use crate::kernel::Precision;
use crate::marginal::{Rule, total};
use crate::math::Elementary;
use crate::problem::mass;

/// Sums over measures, the only thing that they have to exchange: a vector of length n and a few
/// numbers. Partial sums may be made anywhere and [merged](Combination::merge); the order of the
/// additions shows in the last bits.
#[derive(Debug)]
pub struct Combination<'a, T> {
    /// sum_i share_i t_i, cost units; minus infinity where a measure cannot reach.
    pub soft: &'a mut [T],
    /// The numbers.
    pub sums: Sums<T>,
}

/// The numbers of a [`Combination`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Sums<T> {
    /// sum share_i.
    pub share: T,
    /// The same over exact measures.
    pub exact_share: T,
    /// Mass of an exact measure, 0 if there is none.
    pub exact_mass: T,
    /// sum share_i tau_i over KL measures.
    pub tau: T,
    /// sum share_i tau_i log |T_i| over KL measures.
    pub relaxed: T,
    /// sum share_i |X_i 1 - r(f_i)|_1.
    pub residual: T,
    /// sum share_i |X_i|.
    pub mass: T,
}

impl<'a, T: Elementary> Combination<'a, T> {
    /// Nothing yet: the vector (n) is cleared.
    pub fn new(soft: &'a mut [T]) -> Self {
        soft.fill(T::ZERO);
        Self { soft, sums: Sums::default() }
    }

    /// Adds a measure after its half step; `soft` is its t_i.
    pub fn add<P: Precision<Potential = T>, G: Geometry<P>>(
        &mut self,
        measure: &Measure<'_, P, G>,
        half: &Half<T>,
        soft: &[T],
    ) {
        let (share, sums) = (measure.share, &mut self.sums);
        if share > T::ZERO {
            if measure.rule == Rule::Exact {
                let first = sums.exact_share <= T::ZERO;
                sums.exact_share += share;
                if first {
                    sums.exact_mass = mass::<P>(measure.weights);
                }
            }
            // Minus infinity wins.
            for (sum, &soft) in self.soft.iter_mut().zip(soft) {
                *sum += share * soft;
            }
            let weight = share * measure.tau();
            sums.share += share;
            sums.tau += weight;
            if weight > T::ZERO {
                sums.relaxed += weight * half.log_target;
            }
            sums.residual += share * half.residual;
            sums.mass += share * half.mass;
        }
    }

    /// Adds the measures of another combination.
    pub fn merge(&mut self, soft: &[T], other: &Sums<T>) {
        for (sum, &soft) in self.soft.iter_mut().zip(soft) {
            *sum += soft;
        }
        let sums = &mut self.sums;
        sums.share += other.share;
        sums.exact_share += other.exact_share;
        sums.exact_mass = sums.exact_mass.larger(other.exact_mass);
        sums.tau += other.tau;
        sums.relaxed += other.relaxed;
        sums.residual += other.residual;
        sums.mass += other.mass;
    }

    /// Divides by the shares and finds the best constants. `soft` becomes epsilon log q.
    pub fn combine(self, epsilon: T) -> Combined<'a, T> {
        let Self { soft, sums } = self;
        let zero = T::ZERO;
        let mut peak = T::NEG_INFINITY;
        for soft in soft.iter_mut() {
            *soft = if soft.is_finite() { -(*soft / sums.share) } else { T::NEG_INFINITY };
            peak = peak.larger(*soft);
        }
        let mass = total(soft.iter().map(|&x| ((x - peak) / epsilon).exp_once()));
        let log_q = mass.ln_once() + peak / epsilon;
        // log |X_i| that all plans and all rules' marginals are brought to.
        let log_mass = if sums.exact_mass > zero {
            sums.exact_mass.ln_once()
        } else {
            (epsilon * log_q + sums.relaxed / sums.share) / (epsilon + sums.tau / sums.share)
        };
        let usable = log_mass.is_finite() && log_q.is_finite();
        let (log_mass, shift) =
            if usable { (log_mass, epsilon * (log_mass - log_q)) } else { (log_q, zero) };
        // What the constants of the relaxed measures leave, evenly on the exact ones.
        let exact = if usable && sums.exact_share > zero {
            let free = (sums.share - sums.exact_share) * shift - sums.relaxed + log_mass * sums.tau;
            -free / sums.exact_share
        } else {
            zero
        };
        for soft in soft.iter_mut() {
            *soft += shift;
        }
        let constants = Constants { log_mass, shift, exact, residual: sums.residual / sums.mass };
        Combined { potential: soft, constants }
    }
}

/// What every measure needs to end its iteration.
#[derive(Debug)]
pub struct Combined<'a, T> {
    /// epsilon log q (n): the logarithm of the barycenter, not normalised; minus infinity where it can
    /// have no mass.
    pub potential: &'a [T],
    /// The numbers.
    pub constants: Constants<T>,
}

/// The numbers of a [`Combined`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Constants<T> {
    /// log |q|.
    pub log_mass: T,
    /// What f_i + g_i gain, cost units.
    pub shift: T,
    /// What g_i gains under an exact rule.
    pub exact: T,
    /// Relative residual of the rows before the iteration, sum_i w_i |X_i 1 - r(f_i)|_1 / |X|.
    pub residual: T,
}

impl<T: Elementary> Combined<'_, T> {
    /// Ends the iteration of one measure: adds the constant to f_i and turns t_i, in `g`, into g_i.
    /// `log_target` is that of its half step. Returns the constant.
    pub fn apply<P: Precision<Potential = T>, G: Geometry<P>>(
        &self,
        measure: &Measure<'_, P, G>,
        log_target: T,
        f: &mut [T],
        g: &mut [T],
    ) -> T {
        let Constants { log_mass, shift, exact, .. } = self.constants;
        let own = match measure.rule {
            Rule::Exact if measure.share > T::ZERO => shift - exact,
            Rule::Exact => shift,
            _ => measure.tau() * (log_target - log_mass),
        };
        let own = if own.is_finite() { own } else { T::ZERO };
        for f in f.iter_mut() {
            *f += own;
        }
        for (g, &potential) in g.iter_mut().zip(self.potential) {
            let value = *g + (potential - own);
            *g = if potential == T::NEG_INFINITY { potential } else { value };
        }
        own
    }
}
