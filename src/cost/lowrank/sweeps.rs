//! Sums of the plan over rows and columns, through the factors.
//!
//! X_ij = u_i (Gx_i . Gy_j) v_j, so that the sums over the columns are u_i Gx_i . s with
//! s = sum_j v_j Gy_j, and the others likewise. The largest potential of a side is the shift of its
//! scalings: v_j = exp((g_j - max g) / epsilon) is at most 1, and nothing overflows. The factors have
//! either sign: a product that is not above what rounding may have left of it becomes NaN, which ends a
//! solve as numerical trouble.

use super::{LowRank, VECTORS};
use crate::cost::{Pass, ROW_BLOCK, Rows, Scratch, Update};
use crate::kernel::{Level, Precision, factor_add, factor_dots, rescaling, rescalings, trusted};
use crate::math::{Compensated, Elementary};
use crate::real::Real;
use crate::view::Mat;
use crate::work::cut;

/// Rows whose products are taken at a time.
const GROUP: usize = 4;

/// The vectors of a sweep, of the length of the rank.
struct Room<'a, T> {
    /// Weighted sums of the factors' rows of both sides.
    near: &'a mut [T],
    far: &'a mut [T],
    /// That of a block of rows.
    block: &'a mut [T],
}

impl<'a, T: Real> Room<'a, T> {
    fn cut(mut prepared: &'a mut [T], rank: usize) -> Self {
        let [near, far, block] =
            [(); VECTORS].map(|()| cut(&mut prepared, rank).unwrap_or_default());
        Self { near, far, block }
    }
}

/// A weighted sum of rows, and the sum of the sizes of its weights.
struct Gathered<T> {
    /// The largest potential, from which the weights are taken; 0 if there is none.
    shift: T,
    weight: T,
}

/// The largest potential; 0 if none is finite.
fn shift_of<T: Real>(potential: &[T]) -> T {
    let most = potential.iter().fold(T::NEG_INFINITY, |most, &x| most.larger(x));
    if most.is_finite() { most } else { T::ZERO }
}

/// total += block.
fn add<T: Real>(block: &[T], total: &mut [T]) {
    for (total, &x) in total.iter_mut().zip(block) {
        *total += x;
    }
}

/// A sum that rounding may have made what it is becomes NaN; no weight, no sum.
fn safe<T: Real>(product: T, weight: T, rounding: T) -> T {
    if product > rounding * weight {
        product
    } else if weight > T::ZERO {
        T::NAN
    } else {
        T::ZERO
    }
}

impl<T: Elementary> LowRank<'_, T> {
    /// Up to four rows of a side's factor; empty ones behind the last.
    #[inline(always)]
    pub(super) fn four(&self, side: usize, first: usize, count: usize) -> [&[T]; GROUP] {
        let mut rows = [&[][..]; GROUP];
        for (k, row) in rows.iter_mut().enumerate().take(count) {
            *row = self.factor_row(side, first + k);
        }
        rows
    }

    /// total = sum_i exp((potential_i - shift) / epsilon) values_i G_i, with the largest potential as
    /// shift; `values` are coordinate k of points, taken from their middle, or 1.
    fn gather<P: Precision<Cost = T>>(
        &self,
        pass: Pass<P>,
        (side, potential): (usize, &[P::Potential]),
        values: Option<Coordinate<'_, T>>,
        total: &mut [T],
        block: &mut [T],
    ) -> Gathered<P::Potential> {
        let shift = shift_of(potential);
        let mut weight = P::Potential::ZERO;
        let mut values = values.map(Coordinate::values);
        total.fill(T::ZERO);
        for (at, chunk) in potential.chunks(ROW_BLOCK).enumerate() {
            block.fill(T::ZERO);
            let mut part = P::Potential::ZERO;
            for (group, potential) in chunk.chunks(GROUP).enumerate() {
                let scalings = scalings(pass, shift, potential);
                let mut weights = [T::ZERO; GROUP];
                for (weight, &scaling) in weights.iter_mut().zip(&scalings).take(potential.len()) {
                    part += P::Potential::from(scaling);
                    let value = match &mut values {
                        Some(values) => values.next().unwrap_or(T::ZERO),
                        None => T::ONE,
                    };
                    *weight = P::cost_of(scaling) * value;
                }
                let first = at * ROW_BLOCK + group * GROUP;
                self.add_rows::<P>(pass.level, side, first, (&weights, potential.len()), block);
            }
            add(block, total);
            weight += part;
        }
        Gathered { shift, weight }
    }

    /// total += weighted sum of a few rows.
    fn add_rows<P: Precision<Cost = T>>(
        &self,
        level: Level,
        side: usize,
        first: usize,
        (weights, count): (&[T; GROUP], usize),
        total: &mut [T],
    ) {
        let mut rows = self.four(side, first, count);
        // Rows that are missing weigh nothing.
        let [own, ..] = rows;
        for row in rows.iter_mut().skip(count) {
            *row = own;
        }
        factor_add::<P>(level, weights, rows, total);
    }

    /// Safe products of a few rows with a vector of this weight.
    fn products<P: Precision<Cost = T>>(
        &self,
        level: Level,
        (side, first, count): (usize, usize, usize),
        vector: &[T],
        weight: P::Potential,
    ) -> [P::Sum; GROUP] {
        let rounding = P::widen(self.rounding());
        self.dots::<P>(level, (side, first, count), vector)
            .map(|product| P::narrow(safe(P::widen(product), weight, rounding)))
    }

    /// The products as they are.
    fn dots<P: Precision<Cost = T>>(
        &self,
        level: Level,
        (side, first, count): (usize, usize, usize),
        vector: &[T],
    ) -> [T; GROUP] {
        let mut products = [T::ZERO; GROUP];
        factor_dots::<P>(level, self.four(side, first, count), vector, &mut products);
        products
    }

    /// See [`crate::cost::Geometry::row_sums`].
    #[inline(never)]
    pub(in crate::cost) fn row_sums<P: Precision<Cost = T>>(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        sums: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) {
        let Room { near, block, .. } = Room::cut(scratch.prepared, self.padded_rank());
        let cols = self.gather(pass, (1, g), None, near, block);
        let (mut fs, mut groups, mut first) = (f.chunks_mut(GROUP), sums.chunks_mut(GROUP), 0);
        while let (Some(f), Some(sums)) = (fs.next(), groups.next()) {
            let rows = (0, first, f.len());
            first += f.len();
            let products = self.products::<P>(pass.level, rows, near, cols.weight);
            for ((f, sum), &product) in f.iter_mut().zip(sums).zip(&products) {
                (*f, *sum) = at_potential::<P>(pass, *f, -cols.shift, product);
            }
        }
    }

    /// See [`crate::cost::Geometry::col_sums`]: all columns are shifted by the largest potential of the
    /// rows.
    #[inline(never)]
    pub(in crate::cost) fn col_sums<P: Precision<Cost = T>>(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &mut [P::Potential],
        sums: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) {
        let Room { near, block, .. } = Room::cut(scratch.prepared, self.padded_rank());
        let rows = self.gather(pass, (0, f), None, near, block);
        for (group, sums) in sums.chunks_mut(GROUP).enumerate() {
            let cols = (1, group * GROUP, sums.len());
            let products = self.products::<P>(pass.level, cols, near, rows.weight);
            for (sum, &product) in sums.iter_mut().zip(&products) {
                *sum = product;
            }
        }
        g.fill(-rows.shift);
    }

    /// See [`crate::cost::Geometry::sweep`].
    #[allow(clippy::too_many_arguments, reason = "those of the trait's method")]
    #[inline(never)]
    pub(in crate::cost) fn sweep<P: Precision<Cost = T>>(
        &self,
        pass: Pass<P>,
        f: &mut [P::Potential],
        g: &[P::Potential],
        col_sums: &mut [P::Sum],
        kept: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
        update: &mut impl Update<P>,
    ) -> bool {
        let no_mass = P::Potential::NEG_INFINITY;
        let Room { near, far, block } = Room::cut(scratch.prepared, self.padded_rank());
        let cols = self.gather(pass, (1, g), None, near, block);
        let (mut all_trusted, mut row_weight) = (true, P::Potential::ZERO);
        let (mut kept, mut first) = (kept.chunks_mut(GROUP), 0);
        far.fill(T::ZERO);
        for f in f.chunks_mut(ROW_BLOCK) {
            block.fill(T::ZERO);
            let mut part = P::Potential::ZERO;
            for f in f.chunks_mut(GROUP) {
                let count = f.len();
                let products = self.products::<P>(pass.level, (0, first, count), near, cols.weight);
                let (mut shift, mut sums) = ([no_mass; GROUP], [P::Sum::ZERO; GROUP]);
                let rows = shift.iter_mut().zip(sums.iter_mut()).zip(&products);
                for (&f, ((shift, sum), &product)) in f.iter().zip(rows) {
                    if f > no_mass {
                        (*shift, *sum) = (-cols.shift, product);
                    }
                }
                let mut new = shift;
                let mut at_old = [[P::Potential::ZERO; 2]; GROUP];
                let (Some(potential), Some(known), Some(at_old)) =
                    (new.get_mut(..count), sums.get(..count), at_old.get_mut(..count))
                else {
                    return false;
                };
                let kept = kept.next().unwrap_or_default();
                let rows = Rows { first, old: f, potential, sums: known, kept };
                let found = update.renew(rows, at_old);
                update.note(found);
                update.tally(at_old);
                // From here on the sums are the weights of their rows.
                rescalings::<P>(pass.level, pass.scale, &shift, &new, &mut sums);
                let mut weights = [T::ZERO; GROUP];
                let rows = sums.iter().zip(&shift).zip(&mut weights).take(count);
                for ((&sum, &shift), weight) in rows {
                    all_trusted &= trusted(sum) || shift == no_mass;
                    part += P::Potential::from(sum);
                    *weight = P::cost_of(sum);
                }
                for (f, &new) in f.iter_mut().zip(&new) {
                    *f = new;
                }
                self.add_rows::<P>(pass.level, 0, first, (&weights, count), block);
                first += count;
            }
            add(block, far);
            row_weight += part;
        }
        let (mut gs, mut groups, mut first) = (g.chunks(GROUP), col_sums.chunks_mut(GROUP), 0);
        while let (Some(g), Some(sums)) = (gs.next(), groups.next()) {
            let at = (1, first, g.len());
            first += g.len();
            let products = self.products::<P>(pass.level, at, far, row_weight);
            let scalings = scalings(pass, cols.shift, g);
            for ((sum, &product), &scaling) in sums.iter_mut().zip(&products).zip(&scalings) {
                *sum = product * scaling;
            }
        }
        all_trusted
    }

    /// See [`crate::cost::Geometry::marginals`]; the transport cost is that of |x - y|^2.
    #[inline(never)]
    pub(in crate::cost) fn marginals<P: Precision<Cost = T>>(
        &self,
        pass: Pass<P>,
        f: &[P::Potential],
        g: &[P::Potential],
        row: &mut [P::Sum],
        col: &mut [P::Sum],
        scratch: &mut Scratch<'_, P>,
    ) -> P::Potential {
        let level = pass.level;
        let Room { near, far, block } = Room::cut(scratch.prepared, self.padded_rank());
        let cols = self.gather(pass, (1, g), None, near, block);
        let rows = self.gather(pass, (0, f), None, far, block);
        // Both shifts, which neither side's scalings hold.
        let common = rescaling::<P>(pass.scale, -cols.shift, rows.shift);
        let sides = [
            (0, f, &*near, cols.weight, rows.shift, &mut *row),
            (1, g, &*far, rows.weight, cols.shift, &mut *col),
        ];
        for (side, potential, vector, weight, shift, out) in sides {
            let (mut xs, mut outs, mut first) = (potential.chunks(GROUP), out.chunks_mut(GROUP), 0);
            while let (Some(x), Some(out)) = (xs.next(), outs.next()) {
                let at = (side, first, x.len());
                first += x.len();
                let products = self.products::<P>(level, at, vector, weight);
                let scalings = scalings(pass, shift, x);
                for ((out, &product), &scaling) in out.iter_mut().zip(&products).zip(&scalings) {
                    let sum = product * scaling * common;
                    *out = if scaling > P::Sum::ZERO { sum } else { P::Sum::ZERO };
                }
            }
        }

        // sum X |x - y|^2, every coordinate taken from its middle: squares by the marginals, products
        // through the factors.
        let mut cost = Compensated::new();
        for k in 0..self.x.cols() {
            let [x, y] = Coordinate::both(&self.x, &self.y, k);
            for (marginal, points) in [(&*row, x), (&*col, y)] {
                for (&mass, value) in marginal.iter().zip(points.values()) {
                    let value = P::widen(value);
                    cost.add(P::Potential::from(mass) * (value * value));
                }
            }
            self.gather(pass, (1, g), Some(y), near, block);
            let mut values = x.values();
            for (group, f) in f.chunks(GROUP).enumerate() {
                let products = self.dots::<P>(level, (0, group * GROUP, f.len()), near);
                let scalings = scalings(pass, rows.shift, f);
                let terms = products.iter().zip(&scalings).take(f.len());
                for ((&product, &scaling), value) in terms.zip(&mut values) {
                    let mass = P::Potential::from(scaling * common);
                    let term = mass * (P::widen(product) * P::widen(value));
                    cost.add(-(term + term));
                }
            }
        }
        cost.value()
    }
}

/// exp((potential - shift) / epsilon) of a few potentials; 0 behind the last.
#[inline(always)]
fn scalings<P: Precision>(
    pass: Pass<P>,
    shift: P::Potential,
    potential: &[P::Potential],
) -> [P::Sum; GROUP] {
    let mut from = [P::Potential::NEG_INFINITY; GROUP];
    let mut to = from;
    for ((from, to), &x) in from.iter_mut().zip(&mut to).zip(potential) {
        (*from, *to) = (shift, x);
    }
    let mut out = [P::Sum::ZERO; GROUP];
    rescalings::<P>(pass.level, pass.scale, &from, &to, &mut out);
    out
}

/// A row's shift and sum: at its potential where the sum can be trusted there, else at `shift`.
fn at_potential<P: Precision>(
    pass: Pass<P>,
    f: P::Potential,
    shift: P::Potential,
    product: P::Sum,
) -> (P::Potential, P::Sum) {
    if f == P::Potential::NEG_INFINITY {
        return (f, P::Sum::ZERO);
    }
    let sum = product * rescaling::<P>(pass.scale, shift, f);
    if trusted(sum) { (f, sum) } else { (shift, product) }
}

/// One coordinate of some points, taken from a centre.
#[derive(Clone, Copy)]
struct Coordinate<'a, T> {
    points: Mat<'a, T>,
    k: usize,
    centre: T,
}

impl<'a, T: Real> Coordinate<'a, T> {
    /// Coordinate k of two clouds, from the middle of both.
    fn both(x: &Mat<'a, T>, y: &Mat<'a, T>, k: usize) -> [Self; 2] {
        let (x, y) = (x.transposed(), y.transposed());
        let (mut low, mut high) = (T::INFINITY, T::NEG_INFINITY);
        for value in x.row(k).chain(y.row(k)) {
            low = low.smaller(value);
            high = high.larger(value);
        }
        let centre = low + (high - low) * T::HALF;
        [x, y].map(|points| Self { points, k, centre })
    }

    fn values(self) -> impl Iterator<Item = T> + use<'a, T> {
        self.points.row(self.k).map(move |value| value - self.centre)
    }
}
