//! Both interfaces bit by bit; parts that make the whole; memory as it may come.

use core::mem::{align_of, size_of};

use robust_ot::accuracy::barycenter::{parameters, solve_to};
use robust_ot::accuracy::{self, Formula, Parameters, Path};
use robust_ot::barycenter::{
    Combination, Half, Measure, Options, Problem, half_step, solve, work_len,
};
use robust_ot::cost::{Dense, Geometry, Metric, Points};
use robust_ot::ffi::accuracy::{ROT_FORMULA_PAPER, ROT_FORMULA_SLACK, ROT_FORMULA_UNIFORM};
use robust_ot::ffi::barycenter::accuracy::rot_accuracy_barycenter_work_len;
use robust_ot::ffi::barycenter::rot_barycenter_work_len;
use robust_ot::ffi::barycenter::types as b;
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_LEVEL_PORTABLE,
    ROT_STOP_CERTIFIED, ROT_STOP_RESIDUAL, ROT_WARM_START,
};
use robust_ot::kernel::Level;
use robust_ot::marginal::Rule;
use robust_ot::options::{self, Stop};
use robust_ot::view::Mat;

use super::scene::{Args, Both, Call, Scene, no_ladder, no_measure, no_problem};
use crate::SMALL;
use crate::whole::calls::{C, for_both_precisions, raw};
use crate::whole::case::bits;
use crate::whole::initial::{c_rule, default_options, matrix, numbers};

/// A measure that both interfaces take.
pub(super) struct One<T> {
    pub(super) kind: u32,
    pub(super) weights: Vec<T>,
    pub(super) cost: Vec<T>,
    pub(super) x: Vec<T>,
    pub(super) rule: Rule<T>,
    pub(super) share: T,
}

pub(super) struct Case<T> {
    pub(super) n: usize,
    pub(super) d: usize,
    pub(super) epsilon: T,
    pub(super) measures: Vec<One<T>>,
    pub(super) y: Vec<T>,
    pub(super) options: Way<T>,
}

/// How a case is solved.
#[derive(Clone, Copy)]
pub(super) struct Way<T> {
    pub(super) stop: u32,
    pub(super) tolerance: T,
    pub(super) limit: u64,
    /// 0 for no ladder.
    pub(super) start: T,
    /// Once more from where it ended.
    pub(super) warm: bool,
}

/// What a solve gives, as bits.
type Outcome = Vec<(&'static str, Vec<u64>)>;

impl<T: Both> Case<T> {
    pub(super) fn new(kinds: &[u32], rules: &[Rule<T>], options: Way<T>) -> Self {
        // One point more than measures, which forbid one each.
        let (n, d) = if SMALL { (4, 2) } else { (9, 3) };
        let measures = kinds.iter().zip(rules).enumerate().map(|(i, (&kind, &rule))| {
            let size = if SMALL { 2 } else { 5 + 2 * i };
            let seed = 10 * i as u64;
            let mut weights: Vec<T> = numbers(size, seed);
            weights[0] = T::ZERO;
            weights[1] = T::ZERO;
            // Exact measures of one mass, to the bit.
            let rest = weights.iter().fold(T::ZERO, |sum, &w| sum + w);
            weights[1] = if rule == Rule::Exact { T::of(64.0) - rest } else { T::ONE };
            let mut cost: Vec<T> = numbers(size * n, seed + 1);
            // A column that all can reach is left.
            cost[n + i % (n - 1)] = T::INFINITY;
            let share = T::of(0.5 + i as f64);
            One { kind, weights, cost, x: numbers(size * d, seed + 2), rule, share }
        });
        Self {
            n,
            d,
            epsilon: T::of(0.1),
            measures: measures.collect(),
            y: numbers(n * d, 77),
            options,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.measures.iter().map(|m| m.weights.len()).sum()
    }

    pub(super) fn dense<'a>(&self, one: &'a One<T>) -> Measure<'a, T, Dense<'a, T>> {
        let cost = Mat::new(&one.cost, one.weights.len(), self.n).unwrap();
        let geometry = Dense::new(cost);
        Measure { geometry, weights: &one.weights, rule: one.rule, share: one.share }
    }

    pub(super) fn points<'a>(&'a self, one: &'a One<T>) -> Measure<'a, T, Points<'a, T>> {
        let x = Mat::new(&one.x, one.weights.len(), self.d).unwrap();
        let y = Mat::new(&self.y, self.n, self.d).unwrap();
        let euclidean = one.kind == ROT_COST_EUCLIDEAN;
        let metric = if euclidean { Metric::Euclidean } else { Metric::SquaredEuclidean };
        let geometry = Points::new(x, y, metric).unwrap();
        Measure { geometry, weights: &one.weights, rule: one.rule, share: one.share }
    }

    pub(super) fn dimension(&self) -> usize {
        if self.measures.iter().any(|m| m.kind != ROT_COST_DENSE) { self.d } else { 0 }
    }

    pub(super) fn c_measures(&self) -> Vec<b::Measure<T>> {
        let one = |m: &One<T>| {
            let (rows, mut c) = (m.weights.len(), no_measure());
            if m.kind == ROT_COST_DENSE {
                c.cost = matrix(m.cost.as_ptr(), rows, self.n);
            } else {
                c.x = matrix(m.x.as_ptr(), rows, self.d);
                c.y = matrix(self.y.as_ptr(), self.n, self.d);
            }
            let weights = m.weights.as_ptr();
            let rule = c_rule(m.rule);
            let (cost_kind, share) = (m.kind, m.share);
            b::Measure { cost_kind, weights, weights_len: rows, rule, share, ..c }
        };
        self.measures.iter().map(one).collect()
    }

    pub(super) fn c_problem(&self, measures: &[b::Measure<T>]) -> b::BarycenterProblem<T> {
        let (measures, measures_len) = (measures.as_ptr(), measures.len());
        b::BarycenterProblem { measures, measures_len, epsilon: self.epsilon, ..no_problem() }
    }

    /// The Rust interface, where all costs are of one type.
    fn by_rust<G: Geometry<T>>(&self, measures: &[Measure<'_, T, G>]) -> Outcome {
        let problem = Problem::new(measures, self.epsilon).unwrap();
        let way = self.options;
        let stop = if way.stop == ROT_STOP_CERTIFIED {
            Stop::Certified(way.tolerance)
        } else {
            Stop::Residual(way.tolerance)
        };
        let mut f = vec![T::ZERO; self.rows()];
        let mut g = vec![T::ZERO; measures.len() * self.n];
        let mut q = vec![T::ZERO; self.n];
        let mut work = vec![T::ZERO; work_len(self.rows(), self.n, self.dimension())];
        let mut all = Vec::new();
        for step in 0..1 + u32::from(way.warm) {
            let plain =
                options::Options::new().stop(stop).max_iterations(way.limit).warm_start(step > 0);
            let mut options = Options::new().solve(plain).factor(T::of(3.0)).level_iterations(4);
            if way.start > T::ZERO {
                options = options.start(way.start);
            }
            let r = solve(&problem, &options, &mut f, &mut g, &mut q, &mut work, &mut ()).unwrap();
            all.push(("ending", vec![r.termination as u64, u64::from(r.converged())]));
            all.push(("iterations", vec![r.iterations]));
            #[rustfmt::skip]
            all.push(("report", bits(&[
                r.epsilon, r.residual, r.residual_rows, r.residual_cols, r.rounding_floor,
                r.transport_cost, r.entropy, r.penalty, r.objective, r.unregularised_objective,
                r.dual_value, r.gap, r.lower_bound, r.certified_distance, r.mass, r.log_mass,
                r.share_factor,
            ])));
            all.extend([("f", bits(&f)), ("g", bits(&g)), ("q", bits(&q))]);
        }
        all
    }

    fn by_c(&self) -> Outcome {
        let (measures, way) = (self.c_measures(), self.options);
        let problem = self.c_problem(&measures);
        let ladder = b::BarycenterOptions {
            start: way.start,
            factor: T::of(3.0),
            level_iterations: 4,
            ..no_ladder()
        };
        // Memory that was never written, of exactly the length that is needed.
        let k = measures.len();
        let needed = rot_barycenter_work_len(k, self.rows(), self.n, self.dimension());
        let lens = [self.rows(), k * self.n, self.n, needed];
        let mut memory = lens.map(Box::<[T]>::new_uninit_slice);
        let [f, g, q, work] = &mut memory;
        let mut all = Vec::new();
        for step in 0..1 + u32::from(way.warm) {
            let options = c::Options {
                stop: way.stop,
                tolerance: way.tolerance,
                max_iterations: way.limit,
                flags: if step > 0 { ROT_WARM_START } else { 0 },
                ..default_options::<T>()
            };
            let mut r = b::BarycenterReport::<T> {
                struct_size: size_of::<b::BarycenterReport<T>>() as u32,
                // SAFETY: integers and floats only: all zero is a value.
                ..unsafe { core::mem::zeroed() }
            };
            let args = Args {
                problem: (&raw const problem).cast_mut().cast(),
                options: (&raw const ladder).cast_mut().cast(),
                solve_options: (&raw const options).cast_mut().cast(),
                f: raw(f),
                g: raw(g),
                barycenter: raw(q),
                work: raw(work),
                work_len: needed,
                report: (&raw mut r).cast(),
                ..Args::none()
            };
            // SAFETY: every pointer is valid for the extent that goes with it.
            let status = unsafe { T::answer(Call::Solve, &args) };
            assert_eq!(status, r.error.status);
            assert!(status >= 0, "{status}: {} of {}", r.error.argument, r.error.measure);
            all.push(("ending", vec![status as u64, u64::from(r.converged)]));
            all.push(("iterations", vec![r.iterations]));
            #[rustfmt::skip]
            all.push(("report", bits(&[
                r.epsilon, r.residual, r.residual_rows, r.residual_cols, r.rounding_floor,
                r.transport_cost, r.entropy, r.penalty, r.objective, r.unregularised_objective,
                r.dual_value, r.gap, r.lower_bound, r.certified_distance, r.mass, r.log_mass,
                r.share_factor,
            ])));
            let written = [&*f, &*g, &*q].map(|memory| {
                // SAFETY: the call wrote every element; an interpreter checks it.
                memory.iter().map(|x| unsafe { x.assume_init() }).collect::<Vec<T>>()
            });
            let [f, g, q] = written.map(|values| bits(&values));
            all.extend([("f", f), ("g", g), ("q", q)]);
        }
        all
    }

    /// f, g and the barycenter's potential after some iterations from half steps and combinations in
    /// Rust, each cost of its own type.
    fn in_parts_by_rust(&self, iterations: u64) -> [Vec<u64>; 3] {
        let n = self.n;
        let mut f: Vec<Vec<T>> =
            self.measures.iter().map(|m| vec![T::ZERO; m.weights.len()]).collect();
        let mut g = vec![vec![T::ZERO; n]; f.len()];
        let mut soft = vec![T::ZERO; n];
        let mut work = vec![T::ZERO; work_len(self.rows(), n, self.d)];
        for _ in 0..iterations {
            let mut halves = Vec::new();
            let mut combination = Combination::new(&mut soft);
            for (i, one) in self.measures.iter().enumerate() {
                macro_rules! with {
                    ($measure:expr) => {{
                        let m = $measure;
                        let half: Half<T> = half_step(
                            &m,
                            self.epsilon,
                            Level::detect(),
                            &mut f[i],
                            &mut g[i],
                            &mut work,
                        )
                        .unwrap();
                        combination.add(&m, &half, &g[i]);
                        halves.push(half);
                    }};
                }
                if one.kind == ROT_COST_DENSE {
                    with!(self.dense(one))
                } else {
                    with!(self.points(one))
                }
            }
            let combined = combination.combine(self.epsilon);
            for (i, one) in self.measures.iter().enumerate() {
                let target = halves[i].log_target;
                if one.kind == ROT_COST_DENSE {
                    combined.apply(&self.dense(one), target, &mut f[i], &mut g[i]);
                } else {
                    combined.apply(&self.points(one), target, &mut f[i], &mut g[i]);
                }
            }
        }
        [bits(&f.concat()), bits(&g.concat()), bits(&soft)]
    }

    /// The same in C, on hosts that have some measures each: `hosts` says where a new one begins.
    fn in_parts_by_c(&self, iterations: u64, hosts: &[usize]) -> [Vec<T>; 3] {
        let n = self.n;
        let measures = self.c_measures();
        let mut f: Vec<Vec<T>> =
            self.measures.iter().map(|m| vec![T::ZERO; m.weights.len()]).collect();
        let mut g = vec![vec![T::ZERO; n]; f.len()];
        let mut soft = vec![T::ZERO; n];
        for _ in 0..iterations {
            let mut halves = Vec::new();
            soft.fill(T::ZERO);
            // SAFETY: floats only: all zero is a value.
            let none: b::BarycenterSums<T> = unsafe { core::mem::zeroed() };
            let mut sums = none;
            // SAFETY: as above.
            let mut constants: b::BarycenterConstants<T> = unsafe { core::mem::zeroed() };
            let run = |call, args: &Args<T>| {
                // SAFETY: every pointer is valid for the extent that goes with it.
                assert_eq!(unsafe { T::answer(call, args) }, 0, "{call:?}");
            };
            let bounds: Vec<usize> = hosts.iter().copied().chain([self.measures.len()]).collect();
            for (host, pair) in bounds.windows(2).enumerate() {
                let (first, end) = (pair[0], pair[1]);
                let problem = self.c_problem(&measures[first..end]);
                let (mut own_soft, mut own_sums) = (vec![T::ZERO; n], none);
                for i in first..end {
                    let rows = self.measures[i].weights.len();
                    let points = self.measures[i].kind != ROT_COST_DENSE;
                    let d = if points { self.d } else { 0 };
                    let mut work = vec![T::NAN; rot_barycenter_work_len(1, rows, n, d)];
                    // SAFETY: floats and integers only: all zero is a value.
                    let mut half: b::BarycenterHalf<T> = unsafe { core::mem::zeroed() };
                    // The first host adds to the whole at once.
                    let (soft, sums) = if host == 0 {
                        (&mut soft, &mut sums)
                    } else {
                        (&mut own_soft, &mut own_sums)
                    };
                    let args = Args {
                        problem: (&raw const problem).cast_mut().cast(),
                        index: i - first,
                        level: if i == 1 { ROT_LEVEL_PORTABLE } else { 0 },
                        f: raw(&mut f[i]),
                        g: raw(&mut g[i]),
                        work: raw(&mut work),
                        work_len: work.len(),
                        half: (&raw mut half).cast(),
                        soft: raw(soft),
                        sums: (&raw mut *sums).cast(),
                        n,
                        ..Args::none()
                    };
                    run(Call::HalfStep, &args);
                    let minimum = args.g;
                    run(Call::Add, &Args { soft_minimum: minimum, ..args });
                    halves.push(half);
                }
                if host > 0 {
                    let args = Args {
                        n,
                        other_soft: raw(&mut own_soft),
                        other_sums: (&raw mut own_sums).cast(),
                        soft: raw(&mut soft),
                        sums: (&raw mut sums).cast(),
                        ..Args::none()
                    };
                    run(Call::Merge, &args);
                }
            }
            let args = Args {
                n,
                value: self.epsilon,
                soft: raw(&mut soft),
                sums: (&raw mut sums).cast(),
                constants: (&raw mut constants).cast(),
                ..Args::none()
            };
            run(Call::Combine, &args);
            let problem = self.c_problem(&measures);
            for (i, half) in halves.iter_mut().enumerate() {
                let args = Args {
                    problem: (&raw const problem).cast_mut().cast(),
                    index: i,
                    half: (&raw mut *half).cast(),
                    potential: raw(&mut soft),
                    constants: (&raw mut constants).cast(),
                    f: raw(&mut f[i]),
                    g: raw(&mut g[i]),
                    ..Args::none()
                };
                run(Call::Apply, &args);
            }
        }
        [f.concat(), g.concat(), soft]
    }
}

/// What a target asks for, as bits.
fn told<T: Both>(found: &c::Accuracy<T>) -> Vec<u64> {
    let numbers = bits(&[found.target, found.epsilon, found.smallest_target]);
    let counts = [found.iterations, found.half_sweeps];
    let kinds = [found.formula, found.source, found.path, found.levels].map(u64::from);
    [&numbers[..], &counts, &kinds].concat()
}

/// The same of the Rust interface.
fn expected<T: Both>(found: &Parameters<T>, path: Path, levels: u32) -> Vec<u64> {
    told(&c::Accuracy {
        formula: found.formula as u32,
        source: found.source as u32,
        path: path as u32,
        levels,
        target: found.target,
        epsilon: found.epsilon,
        smallest_target: found.smallest_target,
        reserved_value: T::ZERO,
        iterations: found.iterations.unwrap_or(0),
        half_sweeps: found.half_sweeps.unwrap_or(0),
        reserved: [0; 2],
    })
}

/// Parameters and solves to an accuracy of a case, through both interfaces.
fn accurate_case<T: Both, G: Geometry<T>>(case: &Case<T>, measures: &[Measure<'_, T, G>]) {
    let problem = Problem::new(measures, case.epsilon).unwrap();
    let (k, d) = (measures.len(), case.dimension());
    let c_measures = case.c_measures();
    let c_problem = case.c_problem(&c_measures);
    let needed = rot_accuracy_barycenter_work_len(k, case.rows(), case.n, d);
    let mut own = vec![T::ZERO; needed];
    let formulas = [
        (ROT_FORMULA_SLACK, Formula::Slack),
        (ROT_FORMULA_UNIFORM, Formula::Uniform),
        (ROT_FORMULA_PAPER, Formula::Paper),
    ];
    let target = T::of(0.4);
    // SAFETY: integers and floats only: all zero is a value.
    let mut found: c::Accuracy<T> = unsafe { core::mem::zeroed() };
    let whose = Args {
        problem: (&raw const c_problem).cast_mut().cast(),
        target,
        work_len: needed,
        accuracy: (&raw mut found).cast(),
        ..Args::none()
    };
    for (number, formula) in formulas {
        // Memory that was never written, of exactly the length that is needed.
        let mut work = Box::<[T]>::new_uninit_slice(needed);
        let args = Args { formula: number, work: raw(&mut work), ..whose };
        // SAFETY: every pointer is valid for the extent that goes with it.
        assert_eq!(unsafe { T::answer(Call::Parameters, &args) }, 0);
        let by_rust = parameters(&problem, target, formula, &mut own).unwrap();
        assert_eq!(told(&found), expected(&by_rust, Path::default(), 0));
    }
    // The limit of iterations ends one of them, a proof the others; none of them asks for a limit.
    for limit in [Some(3), Some(10_000), None] {
        if SMALL && limit != Some(3) {
            continue;
        }
        let options =
            limit.map(|limit| c::Options { max_iterations: limit, ..default_options::<T>() });
        let lens = [case.rows(), k * case.n, case.n, needed];
        let mut memory = lens.map(Box::<[T]>::new_uninit_slice);
        let [f, g, q, work] = &mut memory;
        let mut r = b::BarycenterReport::<T> {
            struct_size: size_of::<b::BarycenterReport<T>>() as u32,
            // SAFETY: integers and floats only: all zero is a value.
            ..unsafe { core::mem::zeroed() }
        };
        let options_at = options.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        let args = Args {
            solve_options: options_at.cast_mut().cast(),
            f: raw(f),
            g: raw(g),
            barycenter: raw(q),
            work: raw(work),
            report: (&raw mut r).cast(),
            ..whose
        };
        // SAFETY: every pointer is valid for the extent that goes with it.
        let status = unsafe { T::answer(Call::Accurate, &args) };
        let mut rust = [case.rows(), k * case.n, case.n].map(|len| vec![T::ZERO; len]);
        let [own_f, own_g, own_q] = &mut rust;
        let plain = accuracy::Options::new();
        let way =
            limit.map_or(plain, |limit| plain.solve(options::Options::new().max_iterations(limit)));
        let solved =
            solve_to(&problem, target, &way, own_f, own_g, own_q, &mut own, &mut ()).unwrap();
        let report = solved.report;
        assert_eq!(status, report.termination as i32);
        assert_eq!(told(&found), expected(&solved.parameters, solved.path, solved.levels));
        assert_eq!((r.iterations, r.converged), (report.iterations, u32::from(status == 0)));
        let numbers = |r: [T; 5]| bits(&r);
        assert_eq!(
            numbers([r.epsilon, r.objective, r.lower_bound, r.certified_distance, r.gap]),
            numbers([
                report.epsilon,
                report.objective,
                report.lower_bound,
                report.certified_distance,
                report.gap
            ])
        );
        // Proved where nothing but the proof ends it.
        assert!(limit.is_some() || status == 0 && r.certified_distance <= target);
        for (memory, rust) in [&*f, &*g, &*q].into_iter().zip(&rust) {
            // SAFETY: the call wrote every element; an interpreter checks it.
            let by_c: Vec<T> = memory.iter().map(|x| unsafe { x.assume_init() }).collect();
            assert_eq!(bits(&by_c), bits(rust));
        }
    }
}

fn accuracies_give_the_same_bits<T: Both>() {
    let [one, other] = [0.7, 3.0].map(|tau| Rule::Kl { tau: T::of(tau) });
    // The paper's formula is for one tau; a bound there is for two measures without forbidden pairs.
    for rules in [&[one, one][..], &[other; 3]] {
        for kind in [DENSE, SQUARED] {
            if SMALL && (kind == DENSE) != (rules.len() == 2) {
                continue;
            }
            let case = Case::new(&[kind; 3][..rules.len()], rules, plain(1));
            let of = &case.measures;
            if kind == DENSE {
                accurate_case(&case, &of.iter().map(|m| case.dense(m)).collect::<Vec<_>>());
            } else {
                accurate_case(&case, &of.iter().map(|m| case.points(m)).collect::<Vec<_>>());
            }
        }
    }
}

pub(super) fn rules<T: C>() -> [[Rule<T>; 3]; 3] {
    let (kl, other) = (Rule::Kl { tau: T::of(0.7) }, Rule::Kl { tau: T::of(3.0) });
    [[kl, other, kl], [Rule::Exact; 3], [kl, Rule::Exact, other]]
}

pub(super) const DENSE: u32 = ROT_COST_DENSE;
pub(super) const SQUARED: u32 = ROT_COST_SQUARED_EUCLIDEAN;
pub(super) const EUCLIDEAN: u32 = ROT_COST_EUCLIDEAN;

pub(super) fn plain<T: C>(limit: u64) -> Way<T> {
    let tolerance = T::DEFAULT_TOLERANCE;
    Way { stop: ROT_STOP_RESIDUAL, tolerance, limit, start: T::ZERO, warm: false }
}

fn both_interfaces_give_the_same_bits<T: Both>() {
    let limit = if SMALL { 2 } else { 300 };
    let ways = [
        plain(limit),
        Way { start: T::ONE, warm: true, ..plain(limit) },
        Way { stop: ROT_STOP_CERTIFIED, tolerance: T::of(2.0), ..plain(limit) },
    ];
    for (r, rules) in rules::<T>().into_iter().enumerate() {
        for kinds in [[DENSE; 3], [SQUARED; 3], [EUCLIDEAN, SQUARED, EUCLIDEAN]] {
            for (w, &way) in ways.iter().enumerate() {
                // A certificate needs KL rules.
                if w == 2 && r > 0 || SMALL && (w != 1 || r != 2) {
                    continue;
                }
                let case = Case::new(&kinds, &rules, way);
                let of = &case.measures;
                let expected = if kinds[0] == DENSE {
                    case.by_rust(&of.iter().map(|m| case.dense(m)).collect::<Vec<_>>())
                } else {
                    case.by_rust(&of.iter().map(|m| case.points(m)).collect::<Vec<_>>())
                };
                assert_eq!(case.by_c(), expected, "rules {r}, {kinds:?}, way {w}");
            }
        }
    }
}

/// Costs of mixed kinds, which Rust has no one type for: the solve is its parts, one after the other.
fn a_solve_is_its_parts<T: Both>() {
    let iterations = if SMALL { 2 } else { 7 };
    for rules in rules::<T>() {
        for kinds in [[DENSE; 3], [DENSE, SQUARED, EUCLIDEAN], [SQUARED, DENSE, SQUARED]] {
            // Never converged, so that it ends with the last of them.
            let way = Way { tolerance: T::MIN_POSITIVE, ..plain(iterations) };
            let case = Case::new(&kinds, &rules, way);
            let expected = case.in_parts_by_rust(iterations);
            let whole = case.by_c();
            let of = |name: &str| whole.iter().find(|(n, _)| *n == name).unwrap().1.clone();
            assert_eq!([of("f"), of("g")], expected[..2], "{kinds:?}");
            assert_eq!(of("iterations"), [iterations]);
            let parts = case.in_parts_by_c(iterations, &[0]);
            assert_eq!(parts.each_ref().map(|x| bits(x)), expected, "{kinds:?}");
            // On two hosts the sums are rounded otherwise.
            let unit = T::of(if size_of::<T>() == 8 { 5e-14 } else { 2e-5 });
            let apart = case.in_parts_by_c(iterations, &[0, 1]);
            for (x, y) in parts.iter().flatten().zip(apart.iter().flatten()) {
                let near = (*x - *y).abs() <= unit * (x.abs() + T::ONE);
                assert!(near || x.bits() == y.bits(), "{kinds:?}");
            }
            if SMALL {
                return;
            }
        }
    }
}

/// The calls that take work.
const WITH_WORK: [Call; 7] = [
    Call::Solve,
    Call::Check,
    Call::Certifiable,
    Call::HalfStep,
    Call::Vjp,
    Call::Parameters,
    Call::Accurate,
];

fn the_contents_of_work_do_not_matter<T: Both>() {
    let huge = if size_of::<T>() == 8 { T::of(1e308) } else { T::of(1e38) };
    for call in WITH_WORK {
        let results = [T::ZERO, T::NAN, huge, -huge, T::INFINITY].map(|x| {
            let s = Scene::<T>::new(call);
            s.fill(s.args.work, &vec![x; s.args.work_len]);
            s.accepted();
            s.results()
        });
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{call:?}");
    }
}

/// Work needs the alignment of its element type, and more of it changes no bit.
fn work_may_begin_anywhere<T: Both>() {
    for call in WITH_WORK {
        let results = |shift: usize, more: usize| {
            let mut s = Scene::<T>::new(call);
            // The guard behind it has the room.
            s.args.work = s.args.work.wrapping_add(shift);
            s.args.work_len += more;
            s.accepted();
            s.results()
        };
        let reference = results(0, 0);
        for shift in (0..64).step_by(align_of::<T>()) {
            assert_eq!(results(shift, 0), reference, "{call:?}, {shift} bytes further");
            assert_eq!(results(shift, 7), reference, "{call:?}, {shift} bytes further, longer");
        }
    }
}

fn the_certifiable_epsilon_is_that_of_rust<T: Both>() {
    let case = Case::<T>::new(&[DENSE; 3], &rules::<T>()[0], plain(1));
    let measures: Vec<_> = case.measures.iter().map(|m| case.dense(m)).collect();
    let problem = Problem::new(&measures, case.epsilon).unwrap();
    let expected = problem.certifiable_epsilon(T::of(0.3)).unwrap();
    let c_measures = case.c_measures();
    let c_problem = case.c_problem(&c_measures);
    let mut work = vec![T::NAN; rot_barycenter_work_len(3, case.rows(), case.n, 0)];
    let mut epsilon = T::NAN;
    let args = Args {
        problem: (&raw const c_problem).cast_mut().cast(),
        target: T::of(0.3),
        work: raw(&mut work),
        work_len: work.len(),
        epsilon: (&raw mut epsilon).cast(),
        ..Args::none()
    };
    // SAFETY: every pointer is valid for the extent that goes with it.
    assert_eq!(unsafe { T::answer(Call::Certifiable, &args) }, 0);
    assert_eq!(epsilon.bits(), expected.bits());
}

/// The observer is asked and may stop the solve.
fn the_observer_may_stop<T: Both>() {
    unsafe extern "C" fn stop<T>(user: *mut core::ffi::c_void, p: *const c::Progress<T>) -> i32 {
        // SAFETY: what the test passes.
        let count = unsafe { &mut *user.cast::<u64>() };
        // SAFETY: what the library passes.
        let progress = unsafe { &*p };
        *count = progress.iterations;
        i32::from(progress.iterations >= 2)
    }
    type Callback<T> = unsafe extern "C" fn(*mut core::ffi::c_void, *const c::Progress<T>) -> i32;
    let observe: Callback<T> = stop::<T>;
    for call in Call::REPORTED {
        let mut s = Scene::<T>::new(call);
        let mut seen = 0_u64;
        let user = (&raw mut seen).cast();
        s.options(|o| (o.check_every, o.observe, o.user) = (1, Some(observe), user));
        s.args.target = T::of(1e-2);
        assert_eq!(s.accepted(), robust_ot::report::Termination::Stopped as i32, "{call:?}");
        assert_eq!(seen, 2, "{call:?}");
    }
}

/// The work length is that of the list and that of Rust, and says when it overflows.
#[test]
fn work_lengths() {
    let list = rot_barycenter_work_len(1, 0, 0, 0) - work_len(0, 0, 0);
    for (k, rows, n, d) in [(0, 1, 1, 0), (1, 5, 7, 2), (9, 100, 33, 3)] {
        let expected = k * list + work_len(rows, n, d);
        assert_eq!(rot_barycenter_work_len(k, rows, n, d), expected);
        assert_eq!(rot_accuracy_barycenter_work_len(k, rows, n, d), expected);
    }
    let many = usize::MAX;
    for (k, rows, n, d) in [
        (many, 1, 1, 0),
        (many / list, 1, 1, 0),
        (1, many, 1, 0),
        (1, 1, many, 0),
        (1, 1, many / 4, 2),
    ] {
        assert_eq!(rot_barycenter_work_len(k, rows, n, d), many, "{k} {rows} {n} {d}");
        assert_eq!(rot_accuracy_barycenter_work_len(k, rows, n, d), many, "{k} {rows} {n} {d}");
    }
}

for_both_precisions! {
    interpreted {
        both_interfaces_give_the_same_bits
        a_solve_is_its_parts
        the_certifiable_epsilon_is_that_of_rust
        accuracies_give_the_same_bits
        the_observer_may_stop
    }
    compiled {
        the_contents_of_work_do_not_matter
        work_may_begin_anywhere
    }
}
