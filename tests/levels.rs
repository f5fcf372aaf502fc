//! The same bits at every instruction set, for every layout of the data, and in the order of
//! additions that the documentation states.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may fail loudly"
)]

mod artefacts;

use robust_ot::cost::{Dense, Geometry, Metric, Points, ROW_BLOCK};
use robust_ot::kernel::{Level, Precision};
use robust_ot::marginal::Rule;
use robust_ot::math::Elementary;
use robust_ot::options::{Options, Stop};
use robust_ot::plan::{self, Plan};
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{solve, work_len};
use robust_ot::view::{Mat, MatMut};

/// f32 and f64.
trait Float: Precision<Cost = Self, Potential = Self, Sum = Self, Work = Self> + Elementary {
    fn of(x: f64) -> Self;
    fn bits(self) -> u64;
}

impl Float for f32 {
    fn of(x: f64) -> Self {
        x as Self
    }
    fn bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Float for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn bits(self) -> u64 {
        self.to_bits()
    }
}

const FAMILIES: [&str; 5] = ["balanced", "semi-relaxed", "turned", "unbalanced", "robust"];

/// All (n, m) of interest: every remainder of the lanes, of a group of four rows, of a row block.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    let narrow = [1, 2, 3, 4, 5, 8, 33].into_iter().flat_map(|n| (1..=33).map(move |m| (n, m)));
    narrow.chain([63, 64, 65, 130].map(|n| (n, 17)))
}

/// Numbers in [0, 1) without a pattern.
fn scattered<T: Float>(count: usize, seed: usize) -> Vec<T> {
    let number = |k| ((k + 7 * seed) as f64 * 0.754_877_666_246_692_8 + 0.31).fract();
    (0..count).map(|k| T::of(number(k))).collect()
}

/// Positive weights of about the same sum for any count; every seventh is zero.
fn weights<T: Float>(count: usize, seed: usize) -> Vec<T> {
    let mut weights: Vec<f64> = scattered::<f64>(count, seed).iter().map(|x| x + 0.1).collect();
    weights.iter_mut().skip(3).step_by(7).for_each(|w| *w = 0.0);
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| T::of(w / sum)).collect()
}

/// Costs with a forbidden pair here and there, never a whole row or column.
fn costs<T: Float>(n: usize, m: usize) -> Vec<T> {
    let mut cost = scattered(n * m, n + m);
    if n > 4 && m > 4 {
        cost.iter_mut().skip(2).step_by(m + 3).take(n / 2).for_each(|c| *c = T::INFINITY);
    }
    cost
}

fn problem<'a, T: Float, G: Geometry<T>>(
    family: &str,
    cost: G,
    a: &'a [T],
    b: &'a [T],
    epsilon: T,
) -> Problem<'a, T, G> {
    let (tau, other) = (Rule::Kl { tau: T::of(0.3) }, Rule::Kl { tau: T::of(2.0) });
    let (rows, cols) = match family {
        "balanced" => (Rule::Exact, Rule::Exact),
        "semi-relaxed" => (tau, Rule::Exact),
        "turned" => (Rule::Exact, tau),
        _ => (tau, other),
    };
    let problem = Problem::new(cost, (a, rows), (b, cols), epsilon).unwrap();
    if family == "robust" { problem.unit_mass().unwrap() } else { problem }
}

/// A copy of data that begins `start` elements into its allocation.
struct Moved<T> {
    data: Vec<T>,
    start: usize,
}

impl<T: Float> Moved<T> {
    fn new(values: &[T], start: usize) -> Self {
        let mut data = vec![T::NAN; start];
        data.extend(values);
        Self { data, start }
    }

    fn get(&mut self) -> &mut [T] {
        &mut self.data[self.start..]
    }
}

#[derive(PartialEq)]
struct Outcome<T> {
    f: Vec<T>,
    g: Vec<T>,
    log_mass: T,
    /// All bits: the text of a number tells it from every other.
    bits: (Vec<u64>, Vec<u64>, String),
}

/// Fewer where arithmetic is slow.
const ITERATIONS: u64 = if cfg!(debug_assertions) { 12 } else { 40 };

/// A few dozen iterations at one level, in buffers that begin `start` elements into theirs.
fn run<T: Float, G: Geometry<T>>(
    problem: &Problem<'_, T, G>,
    level: Level,
    start: usize,
) -> Outcome<T> {
    let options = Options::new().stop(Stop::Residual(T::MIN_POSITIVE)).max_iterations(ITERATIONS);
    let options = options.level(level);
    let (n, m) = problem.shape();
    let work = vec![T::NAN; work_len(n, m, problem.geometry().dimension())];
    let [mut f, mut g, mut work] =
        [vec![T::ZERO; n], vec![T::ZERO; m], work].map(|v| Moved::new(&v, start));
    let report = solve(problem, &options, f.get(), g.get(), work.get(), &mut ()).unwrap();
    assert!(report.iterations > 0 && !report.residual.is_nan(), "{report:?}");
    let (f, g) = (f.get().to_vec(), g.get().to_vec());
    let bits = |v: &[T]| v.iter().map(|x| x.bits()).collect();
    let bits = (bits(&f), bits(&g), format!("{report:?}"));
    Outcome { f, g, log_mass: report.log_mass, bits }
}

/// The one outcome of all levels and starts.
fn at_all_levels<T: Float, G: Geometry<T>>(problem: &Problem<'_, T, G>, what: &str) -> Outcome<T> {
    let expected = run(problem, Level::PORTABLE, 0);
    for (start, level) in Level::available().enumerate() {
        let found = run(problem, level, start + 1);
        let name = level.name();
        assert!(found.bits == expected.bits, "{what} at {name} in {:?}", problem.shape());
    }
    expected
}

#[test]
fn levels_to_choose_from() {
    assert_eq!(ROW_BLOCK, 64);
    let names: Vec<_> = Level::available().map(Level::name).collect();
    println!("levels: {names:?}, the default is {}", Level::detect().name());
    let guaranteed: &[&str] = if cfg!(target_feature = "avx2") {
        &["avx2", "avx512"]
    } else if cfg!(target_arch = "x86_64") {
        &["sse2"]
    } else if cfg!(target_arch = "aarch64") {
        &["neon"]
    } else {
        &["scalar", "simd128", "sse2"]
    };
    assert!(guaranteed.contains(&names[0]), "{names:?}");
    assert_eq!(names.last(), Some(&Level::detect().name()));
    // Without a choice the options take the fastest: the same bits.
    let (a, b, cost) = (weights::<f64>(9, 1), weights::<f64>(17, 2), costs::<f64>(9, 17));
    let problem = problem_of_dense("unbalanced", &cost, &a, &b, 0.1);
    let (mut f, mut g, mut work) = ([0.0; 9], [0.0; 17], [0.0; work_len(9, 17, 0)]);
    let options = Options::new().stop(Stop::Residual(f64::MIN_POSITIVE)).max_iterations(ITERATIONS);
    let report = solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
    let expected = run(&problem, Level::PORTABLE, 0);
    assert!(f[..] == expected.f && g[..] == expected.g);
    assert_eq!(format!("{report:?}"), expected.bits.2);
    for (name, level) in [("avx2", Level::avx2()), ("avx512", Level::avx512())] {
        match level {
            Some(level) => {
                assert_eq!(level.name(), name);
                assert!(run(&problem, level, 0).bits == expected.bits, "{name}");
            }
            // No failure under CI: which processor a machine has is not for the test to choose.
            None => artefacts::note(&format!("NOT RUN: level {name}: not on this processor")),
        }
    }
}

/// Every layout of a matrix in memory, at every level: one outcome.
fn dense_layouts<T: Float>() {
    let (down, across) = (5, 3);
    for (n, m) in shapes() {
        let (a, b, cost) = (weights::<T>(n, 1), weights::<T>(m, 2), costs::<T>(n, m));
        // The smaller epsilon makes sums that have to be taken again.
        let epsilon = T::of(if (n + m) % 2 == 0 { 0.1 } else { 0.004 });
        let place = |stride_i: usize, stride_j: usize| {
            let mut data = vec![T::NAN; n * stride_i.max(1) + m * stride_j.max(1)];
            for (k, &c) in cost.iter().enumerate() {
                data[k / m * stride_i + k % m * stride_j] = c;
            }
            data
        };
        let wide = place(m + down, 1);
        let sparse = place(m * across, across);
        let turned = place(1, n);
        let mut moved = [1, 2, 3].map(|start| Moved::new(&cost, start));
        let [one, two, three] = &mut moved;
        let views = [
            ("contiguous", Mat::new(&cost, n, m)),
            ("wide rows", Mat::strided(&wide, n, m, m + down, 1)),
            ("strided", Mat::strided(&sparse, n, m, m * across, across)),
            ("turned", Mat::new(&turned, m, n).map(Mat::transposed)),
            ("1 off", Mat::new(one.get(), n, m)),
            ("2 off", Mat::new(two.get(), n, m)),
            ("3 off", Mat::new(three.get(), n, m)),
        ];
        for (k, family) in FAMILIES.iter().enumerate() {
            let mut expected = None;
            for (l, (layout, view)) in views.iter().enumerate() {
                let (mut a, mut b) = (Moved::new(&a, l % 4), Moved::new(&b, (k + l) % 4));
                let cost = Dense::new(*view.as_ref().unwrap());
                let problem = problem(family, cost, a.get(), b.get(), epsilon);
                // Each layout at every level for some family, at the fastest for the others.
                let found = if l % FAMILIES.len() == k {
                    let found = at_all_levels(&problem, layout);
                    plan_in_stated_order(&problem, &found);
                    found
                } else {
                    run(&problem, Level::detect(), l % 4)
                };
                let expected = expected.get_or_insert_with(|| found.bits.clone());
                assert!(found.bits == *expected, "{family}, {layout}, {n} x {m}");
            }
        }
    }
}

#[test]
fn dense_in_f32() {
    dense_layouts::<f32>();
}

#[test]
fn dense_in_f64() {
    dense_layouts::<f64>();
}

fn point_clouds<T: Float>() {
    for (k, (n, m)) in shapes().enumerate() {
        let (a, b) = (weights::<T>(n, 1), weights::<T>(m, 2));
        for d in [1, 2, 3, 5] {
            let (x, y) = (scattered::<T>(n * d, 3), scattered::<T>(m * d, 5));
            // The same points with their coordinates side by side.
            let turn = |v: &[T], count: usize| -> Vec<T> {
                (0..count * d).map(|k| v[k % count * d + k / count]).collect()
            };
            let (x_turned, y_turned) = (turn(&x, n), turn(&y, m));
            for metric in [Metric::SquaredEuclidean, Metric::Euclidean] {
                let family = FAMILIES[(k + d) % FAMILIES.len()];
                let epsilon = T::of(if k % 2 == 0 { 0.1 } else { 0.004 });
                let points = |x, y| Points::new(x, y, metric).unwrap();
                let rows = points(Mat::new(&x, n, d).unwrap(), Mat::new(&y, m, d).unwrap());
                let problem_of = |cost| problem(family, cost, &a, &b, epsilon);
                let expected = at_all_levels(&problem_of(rows), "points");
                if (k + d) % 4 == 0 {
                    plan_in_stated_order(&problem_of(rows), &expected);
                }
                let turned = points(
                    Mat::new(&x_turned, d, n).unwrap().transposed(),
                    Mat::new(&y_turned, d, m).unwrap().transposed(),
                );
                let found = run(&problem_of(turned), Level::detect(), 1);
                assert!(found.bits == expected.bits, "{family} {metric:?} {n} x {m} in {d}");
                // A matrix of the same costs has the same outcome, but for the bound on the cost.
                let cost: Vec<T> =
                    (0..n * m).map(|k| Geometry::<T>::cost(&rows, k / m, k % m).unwrap()).collect();
                let dense = problem_of_dense(family, &cost, &a, &b, epsilon);
                let found = run(&dense, Level::detect(), 2);
                let (f, g, _) = &expected.bits;
                assert!((&found.bits.0, &found.bits.1) == (f, g), "{family} {metric:?} {n} x {m}");
            }
        }
    }
}

fn problem_of_dense<'a, T: Float>(
    family: &str,
    cost: &'a [T],
    a: &'a [T],
    b: &'a [T],
    epsilon: T,
) -> Problem<'a, T, Dense<'a, T>> {
    problem(family, Dense::new(Mat::new(cost, a.len(), b.len()).unwrap()), a, b, epsilon)
}

#[test]
fn points_in_f32() {
    point_clouds::<f32>();
}

#[test]
fn points_in_f64() {
    point_clouds::<f64>();
}

/// Sixteen partial sums, reduced by halving.
fn lanes<T: Float>(values: impl Iterator<Item = T>) -> T {
    let mut lanes = [T::ZERO; 16];
    for (k, x) in values.enumerate() {
        lanes[k % 16] += x;
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            let other = lanes[l + width];
            lanes[l] += other;
        }
    }
    lanes[0]
}

/// The plan, its marginals, cost and barycentric map at the default level, against plain loops in
/// the order that the library states.
fn plan_in_stated_order<T: Float, G: Geometry<T>>(
    problem: &Problem<'_, T, G>,
    Outcome { f, g, log_mass, .. }: &Outcome<T>,
) {
    let (n, m) = problem.shape();
    let cost = |i, j| problem.geometry().cost(i, j).unwrap();
    let scale = T::LOG2_E / problem.epsilon();
    let entry = |f: T, i: usize, j: usize| (((g[j] - cost(i, j)) + f) * scale).exp2();
    let raw: Vec<T> = (0..n * m).map(|k| entry(f[k / m], k / m, k % m)).collect();
    let normalisation = (-*log_mass).exp();
    let same = |what: &str, found: &[T], expected: &mut dyn Iterator<Item = T>| {
        let expected: Vec<T> = expected.collect();
        assert_eq!(found.len(), expected.len());
        for (k, (x, y)) in found.iter().zip(&expected).enumerate() {
            assert!(x.bits() == y.bits(), "{what} {k} of {n} x {m}: {x} {y}");
        }
    };

    let mut work = vec![T::NAN; plan::work_len(n, m, problem.geometry().dimension())];
    let mut plan = Plan::new(problem, f, g, *log_mass, &mut work).unwrap();
    let mut whole = vec![T::NAN; n * m];
    plan.to_dense(&mut MatMut::new(&mut whole, n, m).unwrap()).unwrap();
    same("plan", &whole, &mut raw.iter().map(|&x| x * normalisation));
    let mut row = vec![T::NAN; m];
    for i in 0..n {
        let expected = &whole[i * m..][..m];
        plan.row(i, &mut row).unwrap();
        same("row", &row, &mut expected.iter().copied());
        plan::row_of(problem, f, g, *log_mass, i, &mut row).unwrap();
        same("row without work", &row, &mut expected.iter().copied());
        let j = i % m;
        assert!(plan.entry(i, j).unwrap().bits() == expected[j].bits());
    }

    // Rows in lanes; columns row by row within a block, then block by block.
    let (mut rows, mut cols) = (vec![T::NAN; n], vec![T::NAN; m]);
    let transport = plan.marginals(&mut rows, &mut cols).unwrap();
    let row_sum = |i: usize| lanes(raw[i * m..][..m].iter().copied());
    same("row sum", &rows, &mut (0..n).map(|i| row_sum(i) * normalisation));
    let block_sum = |block: usize, j: usize| {
        let rows = block * ROW_BLOCK..n.min((block + 1) * ROW_BLOCK);
        rows.fold(T::ZERO, |sum, i| sum + raw[i * m + j])
    };
    let blocks = n.div_ceil(ROW_BLOCK);
    let col_sum = |j| (0..blocks).fold(T::ZERO, |sum, block| sum + block_sum(block, j));
    same("column sum", &cols, &mut (0..m).map(|j| col_sum(j) * normalisation));
    let costs = |i: usize| {
        let term = |j: usize| match cost(i, j) {
            c if c < T::INFINITY => raw[i * m + j] * c,
            _ => T::ZERO,
        };
        lanes((0..m).map(term))
    };
    // To within the n - 1 roundings of the plain sum here, that of the compensated one, and two
    // products.
    let expected = (0..n).fold(T::ZERO, |sum, i| sum + costs(i)) * normalisation;
    let off = (transport - expected).abs();
    assert!(off <= T::of((n + 2) as f64) * T::ROUNDOFF * expected.abs(), "{transport} {expected}");

    // Averages of two columns of values, over entries at a shift where their sum is good.
    let values = scattered::<T>(2 * m, 11);
    let mut map = vec![T::NAN; 2 * n];
    let columns = Mat::strided(&values, m, 2, 1, m).unwrap();
    plan.barycentric_map(&columns, &mut MatMut::new(&mut map, n, 2).unwrap()).unwrap();
    let mean = |i: usize, k: usize| {
        let sum = |shift| lanes((0..m).map(|j| entry(shift, i, j)));
        let good = |sum: T| sum >= T::TRUST_LOW && sum <= T::TRUST_HIGH;
        let most = (0..m).map(|j| g[j] - cost(i, j)).fold(T::NEG_INFINITY, T::larger);
        let shift = if good(sum(T::ZERO)) { T::ZERO } else { -most };
        let value = |j: usize| values[k * m + j];
        lanes((0..m).map(|j| entry(shift, i, j) * value(j))) / sum(shift)
    };
    same("barycentric map", &map, &mut (0..2 * n).map(|k| mean(k / 2, k % 2)));
}

/// The level with bits of its own is there for who asks, and for nobody else.
#[test]
fn the_fused_level_is_never_chosen() {
    assert!(Level::available().all(|level| level.name() != "fma"));
    assert_ne!(Level::detect().name(), "fma");
    let Some(level) = Level::fma() else { return };
    assert_eq!(level.name(), "fma");
    assert!(Level::avx2().is_some() && Level::available().all(|other| other != level));
}
