//! Loops over one row of the cost, or over the entries of one side.

use core::slice::from_mut;

use super::Precision;
use super::instructions::{self, Instructions, at_each_level};
use super::level::{Level, Set};
use crate::math::{Elementary, LANES, SMALL, reduce, sum_by_lanes, sum_in_lanes, sum_once};
use crate::real::Real;

at_each_level! {
    /// Plan entries of a row, out_j = exp((f + g_j - c_j) / epsilon) with `scale` =
    /// log2(e) / epsilon, and their sum. One exp per entry; the same formula gives every plan
    /// entry that the library ever returns.
    /// Whether the sum is `fused` with the loop of the entries changes the time, never the bits.
    fn exp_row<P, I>(
        fused: bool,
        scale: P::Potential,
        f: P::Potential,
        g: &[P::Potential],
        cost: &[P::Cost],
        out: &mut [P::Sum],
    ) -> P::Sum {
        if SMALL {
            // Flash counts.
            entries::<P>(scale, f, g, cost, out);
            return sum_once(out);
        }
        if !fused {
            // The entries need the 16 registers of SSE2 for themselves.
            for ((out, &g), &c) in out.iter_mut().zip(g).zip(cost) {
                *out = entry_by::<P, I>(scale, f, g, c);
            }
            return sum_in_lanes(out, |e| e);
        }
        let mut lanes = [P::Sum::ZERO; LANES];
        let mut rest = Row::<P> { g, cost, out };
        // (Known when this is compiled.)
        let at_once = I::AT_ONCE / size_of::<P::Sum>();
        if at_once >= 4 * LANES {
            rest = rest.chunks::<I, { 4 * LANES }>(scale, f, &mut lanes);
        }
        if at_once == 2 * LANES {
            rest = rest.chunks::<I, { 2 * LANES }>(scale, f, &mut lanes);
        }
        let Row { g, cost, out } = rest.chunks::<I, LANES>(scale, f, &mut lanes);
        // (A loop that is seen to be shorter than a register is one masked instruction each.)
        for (((lane, out), &g), &c) in lanes.iter_mut().zip(out).zip(g).zip(cost) {
            *out = entry_by::<P, I>(scale, f, g, c);
            *lane += *out;
        }
        reduce(lanes)
    }
}

/// The entries of [`exp_row`] as a call, where flash counts.
#[inline(never)]
fn entries<P: Precision>(
    scale: P::Potential,
    f: P::Potential,
    g: &[P::Potential],
    cost: &[P::Cost],
    out: &mut [P::Sum],
) {
    for ((out, &g), &c) in out.iter_mut().zip(g).zip(cost) {
        *out = entry::<P>(scale, f, g, c);
    }
}

/// What is left of a row.
struct Row<'a, P: Precision> {
    g: &'a [P::Potential],
    cost: &'a [P::Cost],
    out: &'a mut [P::Sum],
}

impl<P: Precision> Row<'_, P> {
    /// As many times `AT_ONCE` entries as there are, a multiple of [`LANES`]; gives what is left. The
    /// sums are those of one [`LANES`] after another.
    #[inline(always)]
    fn chunks<I: Instructions, const AT_ONCE: usize>(
        self,
        scale: P::Potential,
        f: P::Potential,
        lanes: &mut [P::Sum; LANES],
    ) -> Self {
        let (outs, out) = self.out.as_chunks_mut::<AT_ONCE>();
        let (gs, g) = self.g.as_chunks::<AT_ONCE>();
        let (costs, cost) = self.cost.as_chunks::<AT_ONCE>();
        for ((out, g), cost) in outs.iter_mut().zip(gs).zip(costs) {
            let mut entries = [P::Sum::ZERO; AT_ONCE];
            for ((out, &g), &c) in entries.iter_mut().zip(g).zip(cost) {
                *out = entry_by::<P, I>(scale, f, g, c);
            }
            for part in entries.as_chunks::<LANES>().0 {
                for (lane, &e) in lanes.iter_mut().zip(part) {
                    *lane += e;
                }
            }
            *out = entries;
        }
        Self { g, cost, out }
    }
}

/// One plan entry, exp((f + g - c) / epsilon).
#[inline(always)]
pub(crate) fn entry<P: Precision>(
    scale: P::Potential,
    f: P::Potential,
    g: P::Potential,
    c: P::Cost,
) -> P::Sum {
    entry_by::<P, instructions::Portable>(scale, f, g, c)
}

/// [`entry`] with the multiply-adds of an instruction set.
#[inline(always)]
fn entry_by<P: Precision, I: Instructions>(
    scale: P::Potential,
    f: P::Potential,
    g: P::Potential,
    c: P::Cost,
) -> P::Sum {
    P::narrow(((g - P::widen(c)) + f) * scale).exp2_by(I::multiply_add)
}

/// What the entries of a row become when its potential moves, exp((to - from) / epsilon): a call,
/// for single values.
#[inline(never)]
pub(crate) fn rescaling<P: Precision>(
    scale: P::Potential,
    from: P::Potential,
    to: P::Potential,
) -> P::Sum {
    if SMALL {
        // The same number from the loop that is there anyway.
        let mut out = P::Sum::ZERO;
        entries::<P>(scale, to, &[-from], &[P::Cost::ZERO], from_mut(&mut out));
        return out;
    }
    P::narrow((to - from) * scale).exp2()
}

at_each_level! {
    /// [`rescaling`] of four rows at once; 0 for a row whose old potential is minus infinity.
    fn rescalings<P, I>(
        scale: P::Potential,
        from: &[P::Potential; 4],
        to: &[P::Potential; 4],
        out: &mut [P::Sum; 4],
    ) {
        for ((out, &from), &to) in out.iter_mut().zip(from).zip(to) {
            let value = P::narrow((to - from) * scale).exp2_by(I::multiply_add);
            *out = if from > P::Potential::NEG_INFINITY { value } else { P::Sum::ZERO };
        }
    }
}

at_each_level! {
    /// max_j (g_j - c_j): the negative of the shift that keeps a row's sum between 1 and m.
    fn max_row<P>(g: &[P::Potential], cost: &[P::Cost]) -> P::Potential {
        if SMALL {
            // In the same order without an array: one lane after another.
            let mut max = P::Potential::NEG_INFINITY;
            for lane in 0..16 {
                let (mut most, mut k) = (P::Potential::NEG_INFINITY, lane);
                while let (Some(&g), Some(&c)) = (g.get(k), cost.get(k)) {
                    most = most.larger(g - P::widen(c));
                    k += 16;
                }
                max = max.larger(most);
            }
            return max;
        }
        let mut max = [P::Potential::NEG_INFINITY; 16];
        for (g, cost) in g.chunks(16).zip(cost.chunks(16)) {
            for ((max, &g), &c) in max.iter_mut().zip(g).zip(cost) {
                *max = max.larger(g - P::widen(c));
            }
        }
        max.iter().fold(P::Potential::NEG_INFINITY, |most, &x| most.larger(x))
    }
}

at_each_level! {
    /// max_j becomes the larger of itself and f - c_j.
    fn max_cols<P>(f: P::Potential, cost: &[P::Cost], max: &mut [P::Potential]) {
        for (max, &c) in max.iter_mut().zip(cost) {
            *max = max.larger(f - P::widen(c));
        }
    }
}

at_each_level! {
    /// total_j += weight * row_j.
    fn add_row<P, I>(weight: P::Sum, row: &[P::Sum], total: &mut [P::Sum]) {
        for (total, &e) in total.iter_mut().zip(row) {
            *total = I::multiply_add(weight, e, *total);
        }
    }
}

at_each_level! {
    /// Four times [`add_row`] in one pass over the totals, with the same bits.
    fn add_four_rows<P, I>(weights: &[P::Sum; 4], rows: &[&mut [P::Sum]; 4], total: &mut [P::Sum]) {
        let [w0, w1, w2, w3] = *weights;
        let [r0, r1, r2, r3] = rows;
        let rows = r0.iter().zip(&**r1).zip(&**r2).zip(&**r3);
        for (total, (((&e0, &e1), &e2), &e3)) in total.iter_mut().zip(rows) {
            let two = I::multiply_add(w1, e1, I::multiply_add(w0, e0, *total));
            *total = I::multiply_add(w3, e3, I::multiply_add(w2, e2, two));
        }
    }
}

at_each_level! {
    /// sum_j x_j c_j where a forbidden pair (infinite cost, so no mass) counts nothing.
    fn dot_cost<P>(x: &[P::Sum], cost: &[P::Cost]) -> P::Potential {
        dot::<P>(x, cost)
    }
}

/// [`dot_cost`] with room for the products, where flash counts: then their sum is the one that is there
/// anyway.
#[inline(always)]
pub(crate) fn dot_cost_in<P: Precision>(
    level: Level,
    x: &[P::Sum],
    cost: &[P::Cost],
    room: &mut [P::Sum],
) -> P::Potential {
    // (Where both have the same type nothing is rounded on the way.)
    if !SMALL || size_of::<P::Sum>() != size_of::<P::Potential>() {
        return dot_cost::<P>(level, x, cost);
    }
    for (product, (&x, &c)) in room.iter_mut().zip(x.iter().zip(cost)) {
        *product = P::narrow(self::product::<P>(x, c));
    }
    P::Potential::from(sum_once(room))
}

#[inline(always)]
fn dot<P: Precision>(x: &[P::Sum], cost: &[P::Cost]) -> P::Potential {
    if SMALL {
        return sum_by_lanes(|k| Some(product::<P>(*x.get(k)?, *cost.get(k)?)));
    }
    let mut lanes = [P::Potential::ZERO; LANES];
    let mut left = x.chunks_exact(LANES);
    let mut right = cost.chunks_exact(LANES);
    for (x, cost) in (&mut left).zip(&mut right) {
        for ((lane, &x), &c) in lanes.iter_mut().zip(x).zip(cost) {
            *lane += product::<P>(x, c);
        }
    }
    for ((lane, &x), &c) in lanes.iter_mut().zip(left.remainder()).zip(right.remainder()) {
        *lane += product::<P>(x, c);
    }
    reduce(lanes)
}

#[inline(always)]
fn product<P: Precision>(x: P::Sum, c: P::Cost) -> P::Potential {
    if c < P::Cost::INFINITY { P::Potential::from(x) * P::widen(c) } else { P::Potential::ZERO }
}

#[cfg(feature = "kl")]
at_each_level! {
    /// out_i = exp(log_weight_i - (f_i - offset log_weight_i) / tau), with `rate` = 1 / tau;
    /// exactly 0 for a zero weight.
    fn relaxed_marginal<P>(
        rate: P::Potential,
        offset: P::Potential,
        log_weight: &[P::Potential],
        f: &[P::Potential],
        out: &mut [P::Sum],
    ) {
        for ((out, &l), &f) in out.iter_mut().zip(log_weight).zip(f) {
            let value = P::narrow((l - (f - offset * l) * rate).exp());
            *out = if l > P::Potential::NEG_INFINITY { value } else { P::Sum::ZERO };
        }
    }
}

/// One entry of [`potential_from_sums`]; epsilon and the contraction are its `scales`.
#[inline(always)]
fn softened<P: Precision>(
    scales: [P::Potential; 2],
    parts: [P::Potential; 2],
    f: P::Potential,
    l: P::Potential,
    s: P::Sum,
) -> P::Potential {
    let ([epsilon, contraction], [weight_part, reference_part]) = (scales, parts);
    let s = P::Potential::from(s);
    // Microcontrollers save flash.
    let log = if SMALL { s.ln_once() } else { s.ln() };
    let soft = epsilon * (weight_part * l - log) + f;
    let value = contraction * soft + reference_part * epsilon * l;
    if l > P::Potential::NEG_INFINITY { value } else { l }
}

at_each_level! {
    /// The potential of a side from its sums: the sum of the plan at shift f is s, and the new
    /// potential is `contraction` (epsilon (p log w - log s) + f) + q epsilon log w with
    /// (p, q) = `parts`. Zero weights get minus infinity.
    fn potential_from_sums<P>(
        epsilon: P::Potential,
        contraction: P::Potential,
        parts: [P::Potential; 2],
        log_weight: &[P::Potential],
        sums: &[P::Sum],
        f: &mut [P::Potential],
    ) {
        let scales = [epsilon, contraction];
        if SMALL {
            for ((f, &l), &s) in f.iter_mut().zip(log_weight).zip(sums) {
                *f = softened::<P>(scales, parts, *f, l, s);
            }
            return;
        }
        // A group of rows in a sweep is a remainder: a loop of bounded length, which masks cover.
        // (The weights may go on behind the rows.)
        let log_weight = log_weight.get(..f.len()).unwrap_or(&[]);
        let sums = sums.get(..f.len()).unwrap_or(&[]);
        let (fs, f) = f.as_chunks_mut::<LANES>();
        let (logs, log_weight) = log_weight.as_chunks::<LANES>();
        let (all, sums) = sums.as_chunks::<LANES>();
        for ((f, log), sums) in fs.iter_mut().zip(logs).zip(all) {
            for ((f, &l), &s) in f.iter_mut().zip(log).zip(sums) {
                *f = softened::<P>(scales, parts, *f, l, s);
            }
        }
        for ((f, &l), &s) in f.iter_mut().zip(log_weight).zip(sums) {
            *f = softened::<P>(scales, parts, *f, l, s);
        }
    }
}

at_each_level! {
    /// out_i = log(factor w_i).
    fn log_weights<P>(factor: P::Potential, weights: &[P::Cost], out: &mut [P::Potential]) {
        for (out, &w) in out.iter_mut().zip(weights) {
            let w = P::widen(w) * factor;
            *out = if SMALL { w.ln_once() } else { w.ln() };
        }
    }
}

#[cfg(feature = "points")]
at_each_level! {
    /// Adds (x - y_j)^2 for one coordinate; the first coordinate overwrites.
    fn add_squares<P>(first: bool, x: P::Cost, y: &[P::Cost], out: &mut [P::Cost]) {
        if first {
            for (out, &y) in out.iter_mut().zip(y) {
                *out = (x - y) * (x - y);
            }
        } else {
            for (out, &y) in out.iter_mut().zip(y) {
                *out += (x - y) * (x - y);
            }
        }
    }
}

#[cfg(feature = "points")]
at_each_level! {
    /// Square roots in place.
    fn square_roots<P>(values: &mut [P::Cost]) {
        for value in values {
            *value = value.sqrt();
        }
    }
}
