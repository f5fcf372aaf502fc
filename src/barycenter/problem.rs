//! What to average: measures with their costs, rules and shares.

use core::ops::Range;

use crate::cost::{Geometry, Pass};
use crate::error::{Argument, Error, ErrorKind};
use crate::kernel::{Level, Precision};
use crate::marginal::{Rule, Side, kept, total};
use crate::math::Elementary;
use crate::problem::{check_epsilon, check_kernel, mass};
use crate::real::Real;

/// One measure of a barycenter.
#[derive(Clone, Copy, Debug)]
pub struct Measure<'a, P: Precision, G> {
    /// Cost from its support (rows, n_i) to that of the barycenter (columns, n). A cost that all
    /// measures share is the same view in each.
    pub geometry: G,
    /// Its weights p_i (n_i), mass units. Zeros have no mass.
    pub weights: &'a [P::Cost],
    /// `Exact` or `Kl`.
    pub rule: Rule<P::Potential>,
    /// Its share in the barycenter, not negative, in any unit: shares are divided by their sum. A
    /// measure of share 0 gets its plan to the barycenter of the others. It counts nothing in the
    /// residual: its columns are right, its rows as good as the iterations that the others took.
    pub share: P::Potential,
}

impl<P: Precision, G: Geometry<P>> Measure<'_, P, G> {
    /// Errors: `Empty`, `Shape`, `BarycenterRule`, those of the rule, `Negative`, `NotANumber` and
    /// `Infinite` for the share.
    pub(crate) fn check(&self, epsilon: P::Potential) -> Result<(), Error> {
        if self.geometry.rows() == 0 || self.geometry.cols() == 0 {
            return Err(Error::new(ErrorKind::Empty, Argument::Cost));
        }
        if self.weights.len() != self.geometry.rows() {
            return Err(Error::new(ErrorKind::Shape, Argument::RowWeights));
        }
        if !matches!(self.rule, Rule::Exact | Rule::Kl { .. }) {
            return Err(Error::new(ErrorKind::BarycenterRule, Argument::RowRule));
        }
        check_kernel(&self.geometry, epsilon)?;
        self.rule.check(epsilon, Argument::RowRule)?;
        let kind = if self.share.is_nan() {
            ErrorKind::NotANumber
        } else if self.share < P::Potential::ZERO {
            ErrorKind::Negative
        } else if !self.share.is_finite() {
            ErrorKind::Infinite
        } else {
            return Ok(());
        };
        Err(Error::new(kind, Argument::Share))
    }

    /// The rows of its plan, for what needs neither their mass nor a factor on the weights.
    pub(super) fn bare_side<'s>(
        &'s self,
        epsilon: P::Potential,
        log_weights: &'s [P::Potential],
    ) -> Side<'s, P> {
        Side {
            rule: kept(self.rule),
            epsilon,
            reference: P::Potential::ZERO,
            weights: self.weights,
            factor: P::Potential::ONE,
            log_weights,
            mass: P::Potential::ZERO,
        }
    }

    /// The rows of its plan. `mass_of_exact` is that which exact measures are scaled to.
    pub(super) fn side<'s>(
        &'s self,
        epsilon: P::Potential,
        mass_of_exact: Option<P::Potential>,
        log_weights: &'s [P::Potential],
    ) -> Side<'s, P> {
        let own = mass::<P>(self.weights);
        let (mass, factor) = match (self.rule, mass_of_exact) {
            (Rule::Exact, Some(mass)) => (mass, mass / own),
            _ => (own, P::Potential::ONE),
        };
        Side { mass, factor, ..self.bare_side(epsilon, log_weights) }
    }

    /// [`Measure::side`] for sweeps, to which the mass of a relaxed measure means nothing: it is not
    /// summed up in every iteration.
    pub(super) fn sweep_side<'s>(
        &'s self,
        epsilon: P::Potential,
        mass_of_exact: Option<P::Potential>,
        log_weights: &'s [P::Potential],
    ) -> Side<'s, P> {
        match self.rule {
            Rule::Exact => self.side(epsilon, mass_of_exact, log_weights),
            _ => self.bare_side(epsilon, log_weights),
        }
    }

    /// tau, or 0 under an exact rule, which has no constant to find.
    pub(super) fn tau(&self) -> P::Potential {
        match self.rule {
            Rule::Kl { tau } => tau,
            _ => P::Potential::ZERO,
        }
    }
}

/// A barycenter: see [the module](super).
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a, P: Precision, G> {
    measures: &'a [Measure<'a, P, G>],
    epsilon: P::Potential,
    /// Sum of the shares.
    share: P::Potential,
    /// The mass that an exact measure fixes.
    fixed: Option<P::Potential>,
}

impl<'a, P: Precision, G: Geometry<P>> Problem<'a, P, G> {
    /// The barycenter of these measures. Weights and costs are looked at when a solve begins.
    ///
    /// Errors, with the index of the measure: `Empty` for no measure or one without points, `Shape`
    /// if its weights do not fit its cost or its cost has other columns than the first, `Epsilon`
    /// or `Tau` if they are not positive and finite, `BarycenterRule` for the rule of a ball,
    /// `Negative`, `NotANumber` and `Infinite` for a share, `ZeroMass` if all shares are 0,
    /// `MassMismatch` for an exact measure of share 0 where no other fixes the mass.
    pub fn new(measures: &'a [Measure<'a, P, G>], epsilon: P::Potential) -> Result<Self, Error> {
        let Some(first) = measures.first() else {
            return Err(Error::new(ErrorKind::Empty, Argument::Measures));
        };
        check_epsilon(epsilon)?;
        let mut fixed = None;
        for (i, measure) in measures.iter().enumerate() {
            measure.check(epsilon).map_err(|error| error.in_measure(i))?;
            if measure.geometry.cols() != first.geometry.cols() {
                return Err(Error::new(ErrorKind::Shape, Argument::Cost).in_measure(i));
            }
            let counts = measure.share > P::Potential::ZERO;
            if measure.rule == Rule::Exact && counts && fixed.is_none() {
                fixed = Some(mass::<P>(measure.weights));
            }
        }
        if let Some(i) = measures.iter().position(|m| m.rule == Rule::Exact && fixed.is_none()) {
            return Err(Error::new(ErrorKind::MassMismatch, Argument::Share).in_measure(i));
        }
        let share = total(measures.iter().map(|measure| measure.share));
        if share <= P::Potential::ZERO {
            return Err(Error::new(ErrorKind::ZeroMass, Argument::Share));
        }
        if !share.is_finite() {
            return Err(Error::new(ErrorKind::Infinite, Argument::Share));
        }
        Ok(Self { measures, epsilon, share, fixed })
    }

    /// The measures.
    pub const fn measures(&self) -> &'a [Measure<'a, P, G>] {
        self.measures
    }

    /// Weight of the entropy, cost units.
    pub const fn epsilon(&self) -> P::Potential {
        self.epsilon
    }

    /// Size of the barycenter's support, n.
    pub fn support(&self) -> usize {
        self.measures.first().map_or(0, |measure| measure.geometry.cols())
    }

    /// sum_i n_i, the length of f; `usize::MAX` if that overflows.
    pub fn rows(&self) -> usize {
        let sizes = self.measures.iter().map(|measure| measure.weights.len());
        sizes.fold(0, usize::saturating_add)
    }

    /// k n, the length of g; `usize::MAX` if that overflows.
    pub fn cols(&self) -> usize {
        self.measures.len().saturating_mul(self.support())
    }

    /// Largest dimension of the measures' points, 0 if all costs are matrices.
    pub fn dimension(&self) -> usize {
        self.measures.iter().map(|measure| measure.geometry.dimension()).max().unwrap_or(0)
    }

    /// Where the measures' parts lie in f and in g.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'a, P, G>> {
        let (n, mut first) = (self.support(), 0);
        self.measures.iter().enumerate().map(move |(i, measure)| {
            let rows = first..first + measure.weights.len();
            first = rows.end;
            Part { i, measure, rows, cols: i * n..(i + 1) * n }
        })
    }

    /// The largest epsilon at which a solve is sure to certify `target`: the entropy then takes at
    /// most half of it, target / (2 sum_i w_i log(n_i n)) with n_i the positive weights. None with
    /// an exact measure.
    pub fn certifiable_epsilon(&self, target: P::Potential) -> Option<P::Potential> {
        if !self.has_certificate() {
            return None;
        }
        let log_count = |count: usize| P::Potential::from_count(count.max(2)).ln_once();
        let terms = self.measures.iter().map(|measure| {
            let points = measure.weights.iter().filter(|&&w| w > P::Cost::ZERO).count();
            measure.share * (log_count(points) + log_count(self.support()))
        });
        Some(target * P::Potential::HALF * self.share / total(terms))
    }

    /// Sum of the shares.
    pub(super) const fn share(&self) -> P::Potential {
        self.share
    }

    /// The mass that an exact measure fixes.
    pub(super) const fn fixed(&self) -> Option<P::Potential> {
        self.fixed
    }

    /// Whether all rules are relaxed.
    pub(super) const fn has_certificate(&self) -> bool {
        self.fixed.is_none()
    }
}

/// A measure and its place in vectors over all measures.
pub(super) struct Part<'a, P: Precision, G> {
    #[cfg_attr(not(feature = "implicit"), allow(dead_code, reason = "gradients name measures"))]
    pub(super) i: usize,
    pub(super) measure: &'a Measure<'a, P, G>,
    /// In f and whatever has an entry for each weight.
    pub(super) rows: Range<usize>,
    /// In g.
    pub(super) cols: Range<usize>,
}

/// The constants of a sweep.
pub(super) fn pass<P: Precision>(epsilon: P::Potential, level: Level) -> Pass<P> {
    Pass { level, epsilon, scale: P::Potential::LOG2_E / epsilon }
}
