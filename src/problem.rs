//! What to solve: a cost, two weighted sides with their rules, and the weight of the entropy.

use crate::cost::{Geometry, Pass};
use crate::error::{Argument, Blame, Error, ErrorKind, Refusal};
use crate::kernel::{Level, Precision, finite_range};
use crate::marginal::{Rule, Side, kept, total};
use crate::math::{Elementary, SMALL};
use crate::real::Real;

/// What the entropy is measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Reference {
    /// The counting measure: epsilon sum X (log X - 1), X = exp((f + g - C) / epsilon).
    #[default]
    Counting = 0,
    /// The product of the weights: epsilon sum X (log(X / (a b)) - 1), and
    /// X = a b exp((f + g - C) / epsilon). The convention of most libraries for unbalanced
    /// problems; with two exact sides it changes the potentials but not the plan.
    Product = 1,
}

/// The problem
///
/// ```text
/// minimise over X >= 0:  <C, X> + epsilon sum X (log X - 1) + Phi_row(X 1) + Phi_col(X^T 1)
/// ```
///
/// with X an n x m plan, C in cost units, weights a (n) and b (m) in mass units. The named
/// constructors are the usual choices of the two [`Rule`]s.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a, P: Precision, G> {
    geometry: G,
    // (The C interface fills in the rest, and checks what it made.)
    pub(crate) a: &'a [P::Cost],
    pub(crate) b: &'a [P::Cost],
    pub(crate) rows: Rule<P::Potential>,
    pub(crate) cols: Rule<P::Potential>,
    pub(crate) epsilon: P::Potential,
    pub(crate) reference: Reference,
    pub(crate) unit_mass: bool,
}

impl<'a, P: Precision, G: Geometry<P>> Problem<'a, P, G> {
    /// Any pair of rules. Weights and costs are looked at when a solve begins.
    ///
    /// Errors: `Empty` for n = 0 or m = 0, `Shape` if a or b do not fit the cost, `Epsilon` or
    /// `Tau` if they are not positive and finite, `Radius`, `Entropy` or `Range` if a ball or box is
    /// none, `NotBuilt` for a rule that was left out, `KernelEpsilon` if a low-rank kernel
    /// was factored at another epsilon.
    pub fn new(
        geometry: G,
        (a, rows): (&'a [P::Cost], Rule<P::Potential>),
        (b, cols): (&'a [P::Cost], Rule<P::Potential>),
        epsilon: P::Potential,
    ) -> Result<Self, Error> {
        let kind = (Reference::Counting, false);
        let problem = Self::unchecked(geometry, (a, rows), (b, cols), epsilon, kind);
        problem.check()?;
        Ok(problem)
    }

    /// A problem against this reference, of unit mass or not, that nobody has looked at.
    #[inline(always)]
    pub(crate) const fn unchecked(
        geometry: G,
        (a, rows): (&'a [P::Cost], Rule<P::Potential>),
        (b, cols): (&'a [P::Cost], Rule<P::Potential>),
        epsilon: P::Potential,
        (reference, unit_mass): (Reference, bool),
    ) -> Self {
        Self { geometry, a, b, rows, cols, epsilon, reference, unit_mass }
    }

    /// The errors of [`Problem::new`].
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let Self { geometry, a, b, rows, cols, epsilon, .. } = self;
        if geometry.rows() == 0 || geometry.cols() == 0 {
            return Err(Refusal::new(ErrorKind::Empty, Argument::Cost));
        }
        if a.len() != geometry.rows() {
            return Err(Refusal::new(ErrorKind::Shape, Argument::RowWeights));
        }
        if b.len() != geometry.cols() {
            return Err(Refusal::new(ErrorKind::Shape, Argument::ColWeights));
        }
        check_epsilon(*epsilon)?;
        check_kernel(geometry, *epsilon)?;
        rows.check(*epsilon, Argument::RowRule)?;
        cols.check(*epsilon, Argument::ColRule)
    }

    /// Balanced transport: X 1 = a, X^T 1 = b. The sums of a and b must be equal up to rounding.
    pub fn balanced(
        geometry: G,
        a: &'a [P::Cost],
        b: &'a [P::Cost],
        epsilon: P::Potential,
    ) -> Result<Self, Error> {
        Self::new(geometry, (a, Rule::Exact), (b, Rule::Exact), epsilon)
    }

    /// Robust semi-constrained transport (RSOT), the rows relaxed: tau KL(X 1 | a), X^T 1 = b.
    /// Le et al. 2021, equation (6).
    #[cfg(feature = "kl")]
    pub fn semi_relaxed(
        geometry: G,
        a: &'a [P::Cost],
        tau: P::Potential,
        b: &'a [P::Cost],
        epsilon: P::Potential,
    ) -> Result<Self, Error> {
        Self::new(geometry, (a, Rule::Kl { tau }), (b, Rule::Exact), epsilon)
    }

    /// Robust semi-constrained transport (RSOT), the columns relaxed: X 1 = a, tau KL(X^T 1 | b).
    #[cfg(feature = "kl")]
    pub fn semi_relaxed_columns(
        geometry: G,
        a: &'a [P::Cost],
        b: &'a [P::Cost],
        tau: P::Potential,
        epsilon: P::Potential,
    ) -> Result<Self, Error> {
        Self::new(geometry, (a, Rule::Exact), (b, Rule::Kl { tau }), epsilon)
    }

    /// Unbalanced transport (UOT): tau_row KL(X 1 | a) + tau_col KL(X^T 1 | b), any masses.
    #[cfg(feature = "kl")]
    pub fn unbalanced(
        geometry: G,
        (a, tau_row): (&'a [P::Cost], P::Potential),
        (b, tau_col): (&'a [P::Cost], P::Potential),
        epsilon: P::Potential,
    ) -> Result<Self, Error> {
        Self::new(geometry, (a, Rule::Kl { tau: tau_row }), (b, Rule::Kl { tau: tau_col }), epsilon)
    }

    /// Robust transport (ROT): the unbalanced objective over plans of unit mass. Its optimum is
    /// the unbalanced optimum divided by its mass (exactly; Le et al. 2021, equation (9)), so the
    /// potentials are those of the unbalanced problem and the report carries the logarithm of the
    /// mass.
    #[cfg(feature = "kl")]
    pub fn robust(
        geometry: G,
        rows: (&'a [P::Cost], P::Potential),
        cols: (&'a [P::Cost], P::Potential),
        epsilon: P::Potential,
    ) -> Result<Self, Error> {
        Self::unbalanced(geometry, rows, cols, epsilon)?.unit_mass()
    }

    /// The same objective over plans of unit mass. Error: `UnitMassRule` unless both rules are KL.
    pub fn unit_mass(mut self) -> Result<Self, Error> {
        self.check_unit_mass()?;
        self.unit_mass = true;
        Ok(self)
    }

    /// The error of [`Problem::unit_mass`].
    pub(crate) fn check_unit_mass(&self) -> Result<(), Refusal> {
        let side = |rule| Side::<P> { rule: kept(rule), ..self.side(&[], &[]) };
        if side(self.rows).relaxation().is_none() {
            return Err(Refusal::new(ErrorKind::UnitMassRule, Argument::RowRule));
        }
        if side(self.cols).relaxation().is_none() {
            return Err(Refusal::new(ErrorKind::UnitMassRule, Argument::ColRule));
        }
        Ok(())
    }

    /// The same problem with the entropy against another reference.
    pub const fn reference(mut self, reference: Reference) -> Self {
        self.reference = reference;
        self
    }

    /// The same problem with another weight of the entropy. Errors: `Epsilon` and those of the rules,
    /// as [`Problem::new`].
    pub fn with_epsilon(mut self, epsilon: P::Potential) -> Result<Self, Error> {
        check_epsilon(epsilon)?;
        check_kernel(&self.geometry, epsilon)?;
        self.rows.check(epsilon, Argument::RowRule)?;
        self.cols.check(epsilon, Argument::ColRule)?;
        self.epsilon = epsilon;
        Ok(self)
    }

    /// The cost.
    pub const fn geometry(&self) -> &G {
        &self.geometry
    }

    #[cfg(all(feature = "capi", feature = "parallel"))]
    pub(crate) const fn geometry_mut(&mut self) -> &mut G {
        &mut self.geometry
    }

    /// Number of rows, n, and of columns, m.
    pub fn shape(&self) -> (usize, usize) {
        (self.a.len(), self.b.len())
    }

    /// Weight of the entropy, cost units.
    pub const fn epsilon(&self) -> P::Potential {
        self.epsilon
    }

    /// The largest epsilon at which a solve is sure to certify `target` (see `Stop::Certified`):
    /// the entropy then takes at most half of it. With one exact side of mass beta and n points on
    /// the other that is target / (2 beta log n), for unit mass target / (2 log(n m)); for the
    /// unbalanced problem with non-negative costs the mass is replaced by its largest value. A box
    /// counts with the entropies at the ends of its range. None where there is no certificate.
    pub fn certifiable_epsilon(&self, target: P::Potential) -> Option<P::Potential> {
        let (rows, cols) = (self.row_side(&[]), self.col_side(&[]));
        if !self.has_certificate() {
            return None;
        }
        // A zero weight under total variation may receive mass.
        let log_count = |side: &Side<'_, P>| {
            let all = side.takes_any_marginal() && side.relaxation().is_none();
            let positive = side.weights.iter().filter(|&&w| all || w > P::Cost::ZERO).count();
            P::Potential::from_count(positive.max(2)).ln_once()
        };
        let [row_count, col_count] = [log_count(&rows), log_count(&cols)];
        let both = row_count + col_count;
        let product = match self.reference {
            Reference::Counting => P::Potential::ZERO,
            Reference::Product => {
                let least = |weights: &[P::Cost]| {
                    let positive = weights.iter().filter(|&&w| w > P::Cost::ZERO);
                    positive.fold(P::Potential::INFINITY, |l, &w| l.smaller(P::widen(w))).ln_once()
                };
                -(least(self.a) + least(self.b))
            }
        };
        let spread = match (rows.relaxation(), cols.relaxation()) {
            (Some(_), Some(_)) if self.unit_mass => both + product,
            (Some(tau_row), Some(tau_col)) => {
                let weighted = tau_row * mass::<P>(self.a) + tau_col * mass::<P>(self.b);
                weighted / (tau_row + tau_col) * (both + product)
            }
            // (A pair with a certificate is soft on one side and confined on the other.)
            _ if cols.takes_any_marginal() => rows.entropy_spread(col_count + product),
            _ => cols.entropy_spread(row_count + product),
        };
        Some(target * P::Potential::HALF / spread)
    }

    /// The same problem with rows and columns exchanged: its plan is the transpose.
    pub fn transposed(&self) -> Self {
        Self {
            geometry: self.geometry.transposed(),
            a: self.b,
            b: self.a,
            rows: self.cols,
            cols: self.rows,
            ..*self
        }
    }

    /// The same problem with other data, of the same shape.
    pub(crate) fn with_data(&self, geometry: G, a: &'a [P::Cost], b: &'a [P::Cost]) -> Self {
        Self { geometry, a, b, ..*self }
    }

    pub(crate) const fn is_unit_mass(&self) -> bool {
        self.unit_mass
    }

    #[cfg(all(feature = "capi", feature = "implicit"))]
    pub(crate) const fn rules(&self) -> [Rule<P::Potential>; 2] {
        [self.rows, self.cols]
    }

    pub(crate) fn weights(&self) -> (&'a [P::Cost], &'a [P::Cost]) {
        (self.a, self.b)
    }

    #[cfg(all(feature = "capi", feature = "implicit"))]
    pub(crate) const fn reference_of(&self) -> Reference {
        self.reference
    }

    /// 0 or 1: see [`Side::reference`].
    pub(crate) fn reference_factor(&self) -> P::Potential {
        match self.reference {
            Reference::Counting => P::Potential::ZERO,
            Reference::Product => P::Potential::ONE,
        }
    }

    fn side<'s>(&self, weights: &'s [P::Cost], log_weights: &'s [P::Potential]) -> Side<'s, P> {
        Side {
            rule: kept(Rule::Exact),
            epsilon: self.epsilon,
            reference: self.reference_factor(),
            weights,
            factor: P::Potential::ONE,
            log_weights,
            mass: P::Potential::ZERO,
        }
    }

    /// The rows, with a mass still to be filled in.
    pub(crate) fn row_side<'s>(&'s self, log_weights: &'s [P::Potential]) -> Side<'s, P> {
        Side { rule: kept(self.rows), ..self.side(self.a, log_weights) }
    }

    /// The columns, with a mass and a factor still to be filled in.
    pub(crate) fn col_side<'s>(&'s self, log_weights: &'s [P::Potential]) -> Side<'s, P> {
        Side { rule: kept(self.cols), ..self.side(self.b, log_weights) }
    }

    /// Sums of the weights of both sides.
    pub(crate) fn sums(&self) -> [P::Potential; 2] {
        [mass::<P>(self.a), mass::<P>(self.b)]
    }

    /// Masses of both sides, made equal where both fix them.
    pub(crate) fn masses(&self) -> Masses<P::Potential> {
        self.masses_of(self.sums())
    }

    /// The same from the sums of the weights.
    pub(crate) fn masses_of(&self, [a, b]: [P::Potential; 2]) -> Masses<P::Potential> {
        let one = P::Potential::ONE;
        let (rows, cols) = (self.row_side(&[]), self.col_side(&[]));
        let mut found = Masses { a, b, row_factor: one, col_factor: one };
        let unit = rows.unit_mass() || cols.unit_mass();
        if unit || (rows.fixes_mass() && cols.fixes_mass()) {
            let common = if unit { one } else { found.a };
            if rows.fixes_mass() {
                (found.row_factor, found.a) = (common / found.a, common);
            }
            if cols.fixes_mass() {
                (found.col_factor, found.b) = (common / found.b, common);
            }
        }
        found
    }

    /// Whether a certificate exists: no side is a ball, and one takes any marginal while the other bounds
    /// its entries, or both are KL.
    pub(crate) fn has_certificate(&self) -> bool {
        let (rows, cols) = (self.row_side(&[]), self.col_side(&[]));
        let balls = rows.unit_mass() || cols.unit_mass();
        let kl = rows.relaxation().is_some() && cols.relaxation().is_some();
        let bounded = |side: &Side<'_, P>| {
            let [_, most] = Side { mass: P::Potential::ONE, ..*side }.mass_range();
            side.confines_marginal() && most.is_finite()
        };
        let pair = rows.takes_any_marginal() && bounded(&cols)
            || cols.takes_any_marginal() && bounded(&rows);
        !balls && (kl || pair)
    }

    /// Whether the masses agree. Errors: `MassMismatch` where both sides prescribe one, `MassRange` where
    /// the ranges that they allow have nothing in common.
    pub(crate) fn check_masses(&self, masses: &Masses<P::Potential>) -> Result<(), Refusal> {
        masses.check::<P>()?;
        let rows = Side { mass: masses.a, ..self.row_side(&[]) };
        let cols = Side { mass: masses.b, ..self.col_side(&[]) };
        let boxed = |side: &Side<'_, P>| side.confines_marginal() && !side.fixes_mass();
        // (Data that was trusted may have any mass.)
        let sound = |mass: P::Potential| mass > P::Potential::ZERO && mass.is_finite();
        if !(boxed(&rows) || boxed(&cols)) || !sound(masses.a) || !sound(masses.b) {
            return Ok(());
        }
        let ([row_least, row_most], [col_least, col_most]) = (rows.mass_range(), cols.mass_range());
        let one = P::Potential::ONE + P::widen(P::Cost::MASS_TOLERANCE);
        if row_least > col_most * one || col_least > row_most * one {
            let argument = if boxed(&rows) { Argument::RowRule } else { Argument::ColRule };
            return Err(Refusal::new(ErrorKind::MassRange, argument));
        }
        Ok(())
    }

    /// Both sides.
    #[cfg(feature = "implicit")]
    pub(crate) fn sides<'s>(
        &'s self,
        masses: &Masses<P::Potential>,
        (log_a, log_b): (&'s [P::Potential], &'s [P::Potential]),
    ) -> (Side<'s, P>, Side<'s, P>) {
        let rows = Side { mass: masses.a, factor: masses.row_factor, ..self.row_side(log_a) };
        let cols = Side { mass: masses.b, factor: masses.col_factor, ..self.col_side(log_b) };
        (rows, cols)
    }

    pub(crate) fn pass(&self, level: Level) -> Pass<P> {
        Pass { level, epsilon: self.epsilon, scale: P::Potential::LOG2_E / self.epsilon }
    }
}

/// Positive and finite, its reciprocal too. Error: `Epsilon`.
pub(crate) fn check_epsilon<T: Real>(epsilon: T) -> Result<(), Refusal> {
    // (By comparison, which is less code than a look at the bits.)
    let finite = epsilon > T::ZERO && epsilon < T::INFINITY;
    if finite && T::LOG2_E / epsilon < T::INFINITY {
        Ok(())
    } else {
        Err(Refusal::new(ErrorKind::Epsilon, Argument::Epsilon))
    }
}

/// Error `KernelEpsilon` where the cost is the factors of a kernel of another epsilon.
pub(crate) fn check_kernel<P: Precision, G: Geometry<P>>(
    geometry: &G,
    epsilon: P::Potential,
) -> Result<(), Refusal> {
    match geometry.epsilon() {
        Some(own) if own != epsilon => {
            Err(Refusal::new(ErrorKind::KernelEpsilon, Argument::Epsilon))
        }
        _ => Ok(()),
    }
}

/// The masses that a solve works with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Masses<T> {
    /// Sums of the weights times their factors.
    pub(crate) a: T,
    pub(crate) b: T,
    /// Factors on the weights, 1 but for rounding.
    pub(crate) row_factor: T,
    pub(crate) col_factor: T,
}

impl<T: Real> Masses<T> {
    /// Error `MassMismatch` if a factor is more than the rounding of weights of this type. That of
    /// trusted data may be NaN.
    pub(crate) fn check<P: Precision<Potential = T>>(&self) -> Result<(), Refusal> {
        let tolerance = P::widen(P::Cost::MASS_TOLERANCE);
        let off = |factor: T| (factor - T::ONE).abs() > tolerance;
        let argument = match (off(self.row_factor), off(self.col_factor)) {
            (true, _) => Argument::RowWeights,
            (_, true) => Argument::ColWeights,
            _ => return Ok(()),
        };
        Err(Refusal::new(ErrorKind::MassMismatch, argument))
    }
}

/// The sum of weights.
#[inline(never)]
pub(crate) fn mass<P: Precision>(weights: &[P::Cost]) -> P::Potential {
    total(weights.iter().map(|&w| P::widen(w)))
}

/// Checks weights: finite, not negative, not all zero, of finite sum.
pub(crate) fn check_weights<P: Precision>(
    weights: &[P::Cost],
    argument: Argument,
) -> Result<(), Error> {
    blame_weights::<P>(weights, mass::<P>(weights)).map_err(|blame| blame.of(argument))
}

/// The same of whatever argument, where their sum is known.
#[inline(never)]
pub(crate) fn blame_weights<P: Precision>(
    weights: &[P::Cost],
    sum: P::Potential,
) -> Result<(), Blame> {
    blame_entries::<P>(weights)?;
    blame_sum(sum)
}

/// Its part that looks at each weight.
fn blame_entries<P: Precision>(weights: &[P::Cost]) -> Result<(), Blame> {
    // (Without a branch, and nearly always enough.)
    if !SMALL
        && let Some([least, _]) = finite_range::<P>(Level::PORTABLE, weights)
        && least >= P::Cost::ZERO
    {
        return Ok(());
    }
    for (i, &w) in weights.iter().enumerate() {
        let kind = if w.is_nan() {
            ErrorKind::NotANumber
        } else if w < P::Cost::ZERO {
            ErrorKind::Negative
        } else if !w.is_finite() {
            ErrorKind::Infinite
        } else {
            continue;
        };
        return Err(Blame::new(kind, i));
    }
    Ok(())
}

/// Its part that looks at their sum.
fn blame_sum<T: Real>(mass: T) -> Result<(), Blame> {
    if mass.is_finite() && mass > T::ZERO {
        Ok(())
    } else {
        let kind = if mass.is_finite() { ErrorKind::ZeroMass } else { ErrorKind::Infinite };
        Err(Blame::new(kind, Blame::ALL))
    }
}
