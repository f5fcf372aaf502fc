//! How one side of a plan answers to the other: the derivative of its marginal rule, in a form that
//! is finite in every limit (exact sides, slack balls without entropy, rows without mass).
//!
//! In coordinates scaled by sqrt(r) a rule's T (see `marginal::Columns`) is the symmetric matrix
//! diag(s) + Z Z^T, Z the basis of its projection times sqrt(1 - s). It is written E E^T with
//! E = (diag(sqrt s), Z), so vectors of a side come in two lengths: x over its entries, and z = E^T x
//! over entries and columns.

use crate::kernel::{Level, Precision, dot_potentials};
use crate::marginal::{Answer, Columns, Side};
use crate::math::Elementary;

/// Columns that a side's projection may have.
pub(super) const COLUMNS: usize = 2;

/// One side, scaled.
pub(super) struct Form<'a, T> {
    /// 1 / sqrt(r); 0 without mass.
    pub(super) inverse_root: &'a mut [T],
    /// sqrt(s).
    root_share: &'a mut [T],
    /// The columns of Z.
    basis: [&'a mut [T]; COLUMNS],
    /// How many of them there are.
    count: usize,
    /// Norm of the constraint's column before it was scaled to 1.
    norm: T,
}

impl<'a, T: Elementary> Form<'a, T> {
    /// A form still to be built, in buffers of the side's length.
    pub(super) fn new(buffers: [&'a mut [T]; 4]) -> Self {
        let [inverse_root, root_share, constant, constraint] = buffers;
        let basis = [constant, constraint];
        Self { inverse_root, root_share, basis, count: 0, norm: T::ONE }
    }

    /// Number of columns of Z.
    pub(super) fn columns(&self) -> usize {
        self.count
    }

    /// The columns of Z, with an index.
    pub(super) fn basis(&self) -> impl Iterator<Item = &[T]> {
        self.basis.iter().map(|column| &**column).take(self.count)
    }

    /// The form of a rule at its own potential f and the marginal r of the plan. Away from the optimum the rule's own
    /// marginal p differs from it: the compliance -dp/df belongs to p, the rest to r.
    pub(super) fn build<P: Precision<Potential = T>>(
        &mut self,
        side: &Side<'_, P>,
        (multiplier, f): (T, &[T]),
        r: &[T],
        p: Option<&[T]>,
    ) {
        let [constant, constraint] = &mut self.basis;
        let columns = side.response(multiplier, (f, p.unwrap_or(r)), self.root_share, constraint);
        // s = r / (r + epsilon L) with L = p (1 - s_p) / (epsilon s_p).
        for ((s, &r), &p) in self.root_share.iter_mut().zip(r).zip(p.unwrap_or(&[])) {
            let (kept, lost) = (*s * r, (T::ONE - *s) * p);
            if kept + lost != T::ZERO {
                *s = kept / (kept + lost);
            } else if r > T::ZERO {
                // At a bound of its own marginal an entry does not give way.
                *s = T::ONE;
            }
        }
        // Weights (1 - s) r of the projection; the constraint's column loses its mean.
        let (mut mass, mut moment) = (T::ZERO, T::ZERO);
        for ((&r, &s), &x) in r.iter().zip(&*self.root_share).zip(&**constraint) {
            let weight = (T::ONE - s) * r;
            mass += weight;
            if columns == Columns::Constraint {
                moment += weight * x;
            }
        }
        let mean = moment / mass;
        let mut square = T::ZERO;
        if columns == Columns::Constraint {
            for ((&r, &s), x) in r.iter().zip(&*self.root_share).zip(constraint.iter_mut()) {
                *x = *x - mean;
                square += (T::ONE - s) * r * *x * *x;
            }
        }
        self.norm = square.sqrt();
        let usable = mass > T::ZERO;
        self.count = match columns {
            Columns::Constraint if usable && self.norm > T::ZERO => 2,
            Columns::None => 0,
            _ => usize::from(usable),
        };
        let (scale, bent) = (T::ONE / mass.sqrt(), T::ONE / self.norm);
        let entries = self.inverse_root.iter_mut().zip(self.root_share.iter_mut()).zip(r);
        let entries = entries.zip(constant.iter_mut().zip(constraint.iter_mut()));
        for (((inverse, share), &r), (constant, constraint)) in entries {
            let root = r.sqrt();
            *inverse = if r > T::ZERO { T::ONE / root } else { T::ZERO };
            let free = (T::ONE - *share) * root;
            *constant = free * scale;
            *constraint = if self.count == COLUMNS { free * bent * *constraint } else { T::ZERO };
            *share = share.sqrt();
        }
    }

    /// E z.
    pub(super) fn expand(&self, z: &[T], out: &mut [T]) {
        for ((out, &share), &z) in out.iter_mut().zip(&*self.root_share).zip(z) {
            *out = share * z;
        }
        let factors = z.get(out.len()..).unwrap_or(&[]);
        for (column, &factor) in self.basis().zip(factors) {
            for (out, &x) in out.iter_mut().zip(column) {
                *out += factor * x;
            }
        }
    }

    /// E^T x.
    pub(super) fn contract<P: Precision<Potential = T>>(&self, level: Level, x: &[T], z: &mut [T]) {
        for ((z, &share), &x) in z.iter_mut().zip(&*self.root_share).zip(x) {
            *z = share * x;
        }
        let products = z.get_mut(x.len()..).unwrap_or(&mut []);
        products.fill(T::ZERO);
        for (column, product) in self.basis().zip(products) {
            *product = dot_potentials::<P>(level, column, x);
        }
    }

    /// E E^T q, the scaled T.
    pub(super) fn answer<P: Precision<Potential = T>>(&self, level: Level, q: &[T], out: &mut [T]) {
        for ((out, &share), &q) in out.iter_mut().zip(&*self.root_share).zip(q) {
            *out = share * share * q;
        }
        for column in self.basis() {
            let factor = dot_potentials::<P>(level, column, q);
            for (out, &x) in out.iter_mut().zip(column) {
                *out += factor * x;
            }
        }
    }

    /// Turns what a rule writes for a change into the source of the scaled system.
    pub(super) fn source<P: Precision<Potential = T>>(
        &self,
        level: Level,
        (answer, epsilon): (Answer<T>, T),
        r: &[T],
        source: &mut [T],
    ) {
        for (source, &r) in source.iter_mut().zip(r) {
            *source = *source * r.sqrt();
        }
        let Answer::Condition(distance) = answer else {
            return;
        };
        // (1 - s - Z Z^T) of it, and epsilon / |column| times the constraint's column.
        let mut factors = [T::ZERO; COLUMNS];
        for (factor, column) in factors.iter_mut().zip(self.basis()) {
            *factor = -dot_potentials::<P>(level, column, source);
        }
        let [_, constraint] = &mut factors;
        if self.count == COLUMNS {
            *constraint += epsilon * distance / self.norm;
        }
        for (source, &share) in source.iter_mut().zip(&*self.root_share) {
            *source = (T::ONE - share * share) * *source;
        }
        for (column, factor) in self.basis().zip(factors) {
            for (source, &x) in source.iter_mut().zip(column) {
                *source += factor * x;
            }
        }
    }

    /// sqrt(s) of entry i.
    pub(super) fn root_share(&self, i: usize) -> T {
        self.root_share.get(i).copied().unwrap_or(T::ZERO)
    }

    /// 1 / sqrt(r) of entry i.
    pub(super) fn inverse_root(&self, i: usize) -> T {
        self.inverse_root.get(i).copied().unwrap_or(T::ZERO)
    }

    /// Entry i of the columns of Z; 0 for those that do not exist.
    pub(super) fn basis_at(&self, i: usize) -> [T; COLUMNS] {
        let mut values = [T::ZERO; COLUMNS];
        for (value, column) in values.iter_mut().zip(self.basis()) {
            *value = column.get(i).copied().unwrap_or(T::ZERO);
        }
        values
    }

    /// Coefficient of the constraint's column in the projection of q.
    pub(super) fn constraint_part<P: Precision<Potential = T>>(&self, level: Level, q: &[T]) -> T {
        match self.basis().nth(1) {
            Some(column) => dot_potentials::<P>(level, column, q) / self.norm,
            None => T::ZERO,
        }
    }
}
