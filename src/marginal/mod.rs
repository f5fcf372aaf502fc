//! Marginal rules: how the plan's sums over one side may differ from the side's weights.
//!
//! A rule is a convex function Phi of the side's marginal r. It is the only place that knows
//!
//! * its update: the potential that maximises the dual with the other side held fixed;
//! * the marginal that it assigns to a potential (for a rule with an inner solve: keeps);
//! * its penalty Phi(r), its dual value -Phi*(-f), and that value's slope under a constant shift;
//! * its part of the certificate, the Fenchel-Young gap Phi(r) + Phi*(-f) + <f, r> >= 0.
//!
//! Solvers ask for these and for properties ([`Side::fixes_marginal`], [`Side::relaxation`]), and
//! never for the kind.

mod exact;
#[cfg(feature = "kl")]
mod kl;

use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::math::{Compensated, Elementary};
use crate::real::Real;

/// The rule of one side with weights w (mass units).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Rule<T> {
    /// r = w: nothing may change.
    Exact,
    /// Phi(r) = tau KL(r | w) with KL(r | w) = sum r log(r / w) - r + w, tau in cost units.
    /// Large tau comes close to `Exact`; at tau of the size of a cost, mass that would have to
    /// travel further than about tau is dropped or made instead.
    #[cfg(feature = "kl")]
    Kl {
        /// Price of changing the marginal, cost units.
        tau: T,
    },
}

impl<T: Real> Rule<T> {
    /// Error `Tau` unless tau is positive and finite, its reciprocal and tau + epsilon too.
    pub(crate) fn check(self, epsilon: T, argument: Argument) -> Result<(), Error> {
        #[cfg(feature = "kl")]
        if let Self::Kl { tau } = self
            && !(tau > T::ZERO && (tau + epsilon).is_finite() && (T::ONE / tau).is_finite())
        {
            return Err(Error::new(ErrorKind::Tau, argument));
        }
        let _ = (argument, epsilon);
        Ok(())
    }
}

/// The value of a function of a constant shift t, and the logarithm of its slope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSlope<T> {
    /// log of d/dt.
    pub(crate) log: T,
    /// d/dt of that logarithm.
    pub(crate) rate: T,
}

/// One side of a problem as a solver sees it.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a, P: Precision> {
    pub(crate) rule: Rule<P::Potential>,
    /// Weight of the entropy.
    pub(crate) epsilon: P::Potential,
    /// 0 if the entropy is taken against the counting measure, 1 against the product of the
    /// weights. Solvers keep counting potentials; the rule's own potential is f minus this times
    /// epsilon log w.
    pub(crate) reference: P::Potential,
    /// Weights of the caller.
    pub(crate) weights: &'a [P::Cost],
    /// Factor on the weights that makes the masses of two exact sides equal; else 1.
    pub(crate) factor: P::Potential,
    /// Logarithms of the weights times the factor; minus infinity for zero.
    pub(crate) log_weights: &'a [P::Potential],
    /// Sum of the weights times the factor.
    pub(crate) mass: P::Potential,
}

impl<P: Precision> Side<'_, P> {
    /// Turns sums of the plan, taken at shift f, into the side's new potentials. Any run of
    /// entries may be given: `first` is the index of the first one.
    #[inline]
    pub(crate) fn update(
        &self,
        level: Level,
        first: usize,
        sums: &[P::Sum],
        f: &mut [P::Potential],
    ) {
        let log_weights = self.log_weights.get(first..).unwrap_or(&[]);
        match self.rule {
            Rule::Exact => exact::update::<P>(level, self.epsilon, log_weights, sums, f),
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                kl::update::<P>(level, self.epsilon, tau, self.reference, log_weights, sums, f);
            }
        }
    }

    /// The marginal that the rule assigns to potentials f.
    pub(crate) fn marginal(&self, level: Level, f: &[P::Potential], out: &mut [P::Sum]) {
        match self.rule {
            Rule::Exact => exact::marginal::<P>(self.factor, self.weights, out),
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                let offset = self.reference * self.epsilon;
                kl::marginal::<P>(level, tau, offset, self.log_weights, f, out);
            }
        }
    }

    /// The marginal at f + t from the marginal at f.
    pub(crate) fn shift_marginal(&self, marginal: &mut [P::Sum], t: P::Potential) {
        match self.rule {
            Rule::Exact => {}
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                let factor = P::narrow((-t / tau).exp());
                for r in marginal {
                    *r = *r * factor;
                }
            }
        }
    }

    /// Logarithm of the slope of the dual value under a constant shift t of f, given the sum of
    /// the marginal at f.
    pub(crate) fn log_slope(
        &self,
        marginal_mass: P::Potential,
        t: P::Potential,
    ) -> LogSlope<P::Potential> {
        match self.rule {
            Rule::Exact => LogSlope { log: self.mass.ln(), rate: P::Potential::ZERO },
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => kl::log_slope(tau, marginal_mass, t),
        }
    }

    /// Whether the marginal is the weights themselves, whatever the potential.
    pub(crate) const fn fixes_marginal(&self) -> bool {
        matches!(self.rule, Rule::Exact)
    }

    /// tau, if the penalty is tau KL(r | w): the one family of rules for which a plan's mass can
    /// be optimised in closed form.
    pub(crate) const fn relaxation(&self) -> Option<P::Potential> {
        match self.rule {
            Rule::Exact => None,
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => Some(tau),
        }
    }

    /// Phi(r).
    pub(crate) fn penalty(&self, r: &[P::Sum]) -> P::Potential {
        match self.rule {
            Rule::Exact => P::Potential::ZERO,
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                tau * kl::divergence::<P>(r, self.scaled_weights(), P::Potential::ONE)
            }
        }
    }

    /// The dual value -Phi*(-f) at f shifted by a constant t.
    pub(crate) fn dual_value(
        &self,
        f: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
    ) -> P::Potential {
        match self.rule {
            Rule::Exact => self.inner_product(f, self.scaled_weights(), t),
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => kl::dual_value(
                tau,
                self.mass,
                total(marginal.iter().map(|&x| P::Potential::from(x))),
                t,
            ),
        }
    }

    /// tau KL(r / |r| ; r(f) / |r(f)|), the part of a unit-mass plan's certificate; infinite for a
    /// rule without relaxation.
    pub(crate) fn normalised_gap(&self, r: &[P::Sum], marginal: &[P::Sum]) -> P::Potential {
        match self.rule {
            Rule::Exact => P::Potential::INFINITY,
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                let target = || marginal.iter().map(|&x| P::Potential::from(x));
                let mass = total(r.iter().map(|&x| P::Potential::from(x)));
                let scale = mass / total(target());
                tau * kl::divergence::<P>(r, target(), scale) / mass
            }
        }
    }

    /// The Fenchel-Young gap of r and f shifted by t, given the marginal that the rule assigns to
    /// f. Infinite if r is infeasible: further from a fixed marginal than `slack` (mass units).
    pub(crate) fn fenchel_young(
        &self,
        r: &[P::Sum],
        f: &[P::Potential],
        marginal: &[P::Sum],
        t: P::Potential,
        slack: P::Potential,
    ) -> P::Potential {
        match self.rule {
            Rule::Exact => {
                if distance::<P>(r, marginal) > slack {
                    return P::Potential::INFINITY;
                }
                let mut excess = r
                    .iter()
                    .zip(marginal)
                    .map(|(&r, &w)| P::Potential::from(r) - P::Potential::from(w));
                self.inner_product(f, core::iter::from_fn(|| excess.next()), t)
            }
            #[cfg(feature = "kl")]
            Rule::Kl { tau } => {
                let target = marginal.iter().map(|&x| P::Potential::from(x));
                tau * kl::divergence::<P>(r, target, (-t / tau).exp())
            }
        }
    }

    /// sum over positive weights of (rule potential + t) times the given values.
    fn inner_product(
        &self,
        f: &[P::Potential],
        values: impl Iterator<Item = P::Potential>,
        t: P::Potential,
    ) -> P::Potential {
        let offset = self.reference * self.epsilon;
        let mut sum = Compensated::new();
        for ((&f, &l), value) in f.iter().zip(self.log_weights).zip(values) {
            if l > P::Potential::NEG_INFINITY {
                sum.add((f - offset * l + t) * value);
            }
        }
        sum.value()
    }

    /// The weights times the factor.
    fn scaled_weights(&self) -> impl Iterator<Item = P::Potential> {
        self.weights.iter().map(|&w| P::widen(w) * self.factor)
    }

    /// sum over positive weights of w log w.
    pub(crate) fn weight_entropy(&self) -> P::Potential {
        let terms = self.scaled_weights().zip(self.log_weights);
        total(
            terms.map(
                |(w, &l)| if l > P::Potential::NEG_INFINITY { w * l } else { P::Potential::ZERO },
            ),
        )
    }

    /// log of the smallest positive weight.
    pub(crate) fn least_log_weight(&self) -> P::Potential {
        let positive = self.log_weights.iter().filter(|&&l| l > P::Potential::NEG_INFINITY);
        positive.fold(P::Potential::INFINITY, |least, &l| least.smaller(l))
    }

    /// log of the largest weight.
    pub(crate) fn greatest_log_weight(&self) -> P::Potential {
        self.log_weights.iter().fold(P::Potential::NEG_INFINITY, |most, &l| most.larger(l))
    }
}

/// Compensated sum.
pub(crate) fn total<T: Real>(terms: impl Iterator<Item = T>) -> T {
    let mut sum = Compensated::new();
    for term in terms {
        sum.add(term);
    }
    sum.value()
}

/// |x - y| in the 1-norm.
pub(crate) fn distance<P: Precision>(x: &[P::Sum], y: &[P::Sum]) -> P::Potential {
    total(x.iter().zip(y).map(|(&x, &y)| (P::Potential::from(x) - P::Potential::from(y)).abs()))
}
