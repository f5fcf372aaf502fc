//! A problem for both interfaces, and results as bits.

use robust_ot::ffi::sinkhorn::{rot_sinkhorn_fast_work_len, rot_sinkhorn_work_len};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_COST_DENSE, ROT_LEVEL_FASTEST, ROT_UNIT_MASS};
use robust_ot::marginal::Rule;
use robust_ot::problem::Reference;
use robust_ot::view::Mat;

use super::calls::{C, K};
use super::initial::{c_rule, default_options, matrix, no_matrix, no_problem, numbers};
use crate::SMALL;

/// Balanced, either side relaxed, both, and both at unit mass; then balls, whose weights have unit mass;
/// then rules with corners.
pub(crate) fn rule_pair<T: C>(which: usize) -> (Rule<T>, Rule<T>) {
    let (kl, other) = (Rule::Kl { tau: T::of(0.7) }, Rule::Kl { tau: T::of(3.0) });
    let exact = Rule::Exact;
    let l2 = Rule::L2Ball { radius2: T::of(0.01), entropy: T::of(0.1) };
    let ball = Rule::KlBall { radius: T::of(0.05), entropy: T::of(0.2) };
    let sharp = Rule::L2Ball { radius2: T::of(0.01), entropy: T::ZERO };
    let tv = Rule::Tv { tau: T::of(0.2) };
    let range = Rule::Box { lower: T::of(0.5), upper: T::of(1.25) };
    [
        (exact, exact),
        (kl, exact),
        (exact, kl),
        (kl, other),
        (kl, other),
        (l2, exact),
        (exact, ball),
        (l2, ball),
        (ball, sharp),
        (tv, exact),
        (range, kl),
        (range, tv),
    ][which]
}

/// How many of them there are.
pub(crate) const RULES: usize = match (cfg!(feature = "balls"), cfg!(feature = "ranges")) {
    (true, true) => 12,
    (true, false) => 9,
    _ => 5,
};

/// Whether all weights have unit mass.
pub(crate) fn has_ball(rules: usize) -> bool {
    (5..9).contains(&rules)
}

/// The same problem for both interfaces.
pub(crate) struct Case<T> {
    pub(crate) n: usize,
    pub(crate) m: usize,
    pub(crate) d: usize,
    pub(crate) kind: u32,
    /// Cost, points and values in memory, with their strides.
    pub(crate) cost: (Vec<T>, [usize; 2]),
    pub(crate) x: (Vec<T>, [usize; 2]),
    pub(crate) y: (Vec<T>, [usize; 2]),
    pub(crate) values: (Vec<T>, [usize; 2]),
    pub(crate) a: Vec<T>,
    pub(crate) b: Vec<T>,
    pub(crate) rows: Rule<T>,
    pub(crate) cols: Rule<T>,
    pub(crate) reference: Reference,
    pub(crate) unit_mass: bool,
    pub(crate) epsilon: T,
    pub(crate) limit: u64,
    pub(crate) level: u32,
    /// Room for a kernel.
    pub(crate) fast: bool,
}

pub(crate) fn view<T: C>(
    (data, [down, across]): &(Vec<T>, [usize; 2]),
    rows: usize,
    cols: usize,
) -> Mat<'_, T> {
    Mat::strided(data, rows, cols, *down, *across).unwrap()
}

impl<T: C> Case<T> {
    /// Rows and columns in memory with gaps, or one behind the other.
    pub(crate) fn new(kind: u32, layout: usize, rules: usize, reference: Reference) -> Self {
        let sizes = if SMALL { (3, 4, 2) } else { (6, 19, 3) };
        Self::of(sizes, kind, layout, rules, reference)
    }

    pub(crate) fn of(
        (n, m, d): (usize, usize, usize),
        kind: u32,
        layout: usize,
        rules: usize,
        reference: Reference,
    ) -> Self {
        let stored = |rows: usize, cols: usize, seed| {
            let strides = [[cols, 1], [cols + 3, 1], [1, rows + 1], [2 * cols, 2]][layout];
            // No longer than the last entry asks for: tools that watch reads see one too many.
            (numbers((rows - 1) * strides[0] + (cols - 1) * strides[1] + 1, seed), strides)
        };
        let (rows, cols) = rule_pair(rules);
        let unit_mass = rules == 4;
        let (mut a, mut b) = (numbers::<T>(n, 40), numbers::<T>(m, 41));
        (a[1], b[2]) = (T::ZERO, T::ZERO);
        let unit = |w: &mut [T]| {
            let mass = w.iter().fold(T::ZERO, |sum, &x| sum + x);
            w.iter_mut().for_each(|x| *x = *x / mass);
        };
        if has_ball(rules) {
            unit(&mut a);
            unit(&mut b);
        }
        if rules == 0 {
            let mass = |w: &[T]| w.iter().fold(T::ZERO, |sum, &x| sum + x);
            let factor = mass(&a) / mass(&b);
            b.iter_mut().for_each(|x| *x = *x * factor);
        }
        let mut cost = stored(n, m, 42);
        let strides = cost.1;
        if rules != 0 && !has_ball(rules) {
            cost.0[strides[1]] = T::INFINITY;
        }
        Self {
            n,
            m,
            d,
            kind,
            cost,
            x: stored(n, d, 43),
            y: stored(m, d, 44),
            values: stored(m, K, 45),
            a,
            b,
            rows,
            cols,
            reference,
            unit_mass,
            epsilon: T::of(0.15),
            limit: if SMALL { 1 } else { 200 },
            level: ROT_LEVEL_FASTEST,
            fast: false,
        }
    }

    pub(crate) fn c_problem(&self) -> c::Problem<T> {
        let (n, m, d) = (self.n, self.m, self.d);
        let c_view = |(data, strides): &(Vec<T>, [usize; 2]), rows, cols| c::Matrix {
            row_stride: strides[0],
            col_stride: strides[1],
            ..matrix(data.as_ptr(), rows, cols)
        };
        let dense = self.kind == ROT_COST_DENSE;
        let none = no_matrix;
        c::Problem {
            cost_kind: self.kind,
            cost: if dense { c_view(&self.cost, n, m) } else { none() },
            x: if dense { none() } else { c_view(&self.x, n, d) },
            y: if dense { none() } else { c_view(&self.y, m, d) },
            a: self.a.as_ptr(),
            a_len: n,
            b: self.b.as_ptr(),
            b_len: m,
            epsilon: self.epsilon,
            reference: self.reference as u32,
            flags: if self.unit_mass { ROT_UNIT_MASS } else { 0 },
            rows: c_rule(self.rows),
            cols: c_rule(self.cols),
            ..no_problem()
        }
    }

    pub(crate) fn c_options(&self) -> c::Options<T> {
        c::Options { max_iterations: self.limit, level: self.level, ..default_options() }
    }

    pub(crate) fn work_len(&self) -> usize {
        let d = if self.kind == ROT_COST_DENSE { 0 } else { self.d };
        let len = if self.fast { rot_sinkhorn_fast_work_len } else { rot_sinkhorn_work_len };
        len(self.n, self.m, d)
    }
}

macro_rules! report_bits {
    ($report:expr) => {
        report_bits!($report, epsilon residual residual_rows residual_cols rounding_floor
            transport_cost entropy row_penalty col_penalty objective unregularised_objective
            dual_value gap lower_bound certified_distance mass log_mass mass_factor
            row_multiplier col_multiplier)
    };
    ($report:expr, $($field:ident)*) => {
        [$report.iterations, u64::from($report.collapsed), $report.sweep as u64 $(, $report.$field.bits())*].to_vec()
    };
}
pub(crate) use report_bits;

pub(crate) fn bits<T: C>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.bits()).collect()
}

/// All of one case, whatever its cost is made of.
macro_rules! with_geometry {
    ($case:expr, $geometry:ident => $body:expr) => {{
        let case = &$case;
        let (n, m, d) = (case.n, case.m, case.d);
        if case.kind == ROT_COST_DENSE {
            let $geometry =
                ::robust_ot::cost::Dense::new($crate::whole::case::view(&case.cost, n, m));
            $body
        } else {
            let euclidean = case.kind == ROT_COST_EUCLIDEAN;
            let metric = if euclidean {
                ::robust_ot::cost::Metric::Euclidean
            } else {
                ::robust_ot::cost::Metric::SquaredEuclidean
            };
            let $geometry = ::robust_ot::cost::Points::new(
                $crate::whole::case::view(&case.x, n, d),
                $crate::whole::case::view(&case.y, m, d),
                metric,
            )
            .unwrap();
            $body
        }
    }};
}
pub(crate) use with_geometry;
