//! One call on a barycenter with all its memory, and what it may write there.

use core::mem::{align_of, offset_of, size_of};
use core::ptr::null_mut;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::accuracy::ROT_FORMULA_SLACK;
use robust_ot::ffi::barycenter::accuracy::*;
use robust_ot::ffi::barycenter::gradient::*;
use robust_ot::ffi::barycenter::types as b;
use robust_ot::ffi::barycenter::*;
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_COST_SQUARED_EUCLIDEAN, ROT_LEVEL_FASTEST};
use robust_ot::marginal::Rule;
use robust_ot::math::Elementary;

use crate::whole::calls::{C, NOWHERE};
use crate::whole::initial::{c_rule, default_options, matrix, no_matrix, numbers};

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Solve,
    Check,
    Certifiable,
    HalfStep,
    Add,
    Merge,
    Combine,
    Apply,
    Vjp,
    Parameters,
    Accurate,
}

impl Call {
    pub(super) const ALL: [Self; 11] = [
        Self::Solve,
        Self::Check,
        Self::Certifiable,
        Self::HalfStep,
        Self::Add,
        Self::Merge,
        Self::Combine,
        Self::Apply,
        Self::Vjp,
        Self::Parameters,
        Self::Accurate,
    ];
    /// Those that look at all measures.
    pub(super) const OF_ALL: [Self; 6] =
        [Self::Solve, Self::Check, Self::Certifiable, Self::Vjp, Self::Parameters, Self::Accurate];
    /// Those that prove something of KL measures.
    pub(super) const CERTIFIED: [Self; 3] = [Self::Certifiable, Self::Parameters, Self::Accurate];
    /// Those that fill a report.
    pub(super) const REPORTED: [Self; 2] = [Self::Solve, Self::Accurate];
    /// Those that look at one.
    pub(super) const OF_ONE: [Self; 3] = [Self::HalfStep, Self::Add, Self::Apply];

    /// Its pointers, those of the prototype first.
    pub(super) fn pointers(self, index: usize) -> Vec<&'static str> {
        let mut names: Vec<&str> = match self {
            Self::Solve => {
                vec![
                    "problem",
                    "options",
                    "solve_options",
                    "f",
                    "g",
                    "barycenter",
                    "work",
                    "report",
                ]
            }
            Self::Check => {
                vec!["problem", "options", "solve_options", "f", "g", "barycenter", "work", "error"]
            }
            Self::Certifiable => vec!["problem", "work", "epsilon", "error"],
            Self::Parameters => vec!["problem", "work", "accuracy", "error"],
            Self::Accurate => vec![
                "problem",
                "solve_options",
                "f",
                "g",
                "barycenter",
                "work",
                "accuracy",
                "report",
            ],
            Self::HalfStep => vec!["problem", "f", "g", "work", "half", "error"],
            Self::Add => vec!["problem", "half", "soft_minimum", "soft", "sums", "error"],
            Self::Merge => vec!["other_soft", "other_sums", "soft", "sums", "error"],
            Self::Combine => vec!["sums", "soft", "constants", "error"],
            Self::Apply => vec!["problem", "half", "potential", "constants", "f", "g", "error"],
            Self::Vjp => vec![
                "problem",
                "f",
                "g",
                "cotangent",
                "gradient_options",
                "gradient",
                "work",
                "slope of weights",
                "slope of shares",
                "slope of costs",
                "slope of x",
                "slope of y",
            ],
        };
        if names.contains(&"problem") {
            names.push("measures");
        }
        let of = [
            vec!["cost 0", "weights 0"],
            vec!["x 1", "y 1", "weights 1"],
            vec!["cost 2", "weights 2"],
        ];
        if Self::OF_ALL.contains(&self) {
            names.extend(of.concat());
        } else if Self::OF_ONE.contains(&self) {
            names.extend(of.get(index).into_iter().flatten());
        }
        names
    }

    pub(super) fn writes(self, name: &str) -> bool {
        match name {
            "f" | "g" => self != Self::Vjp,
            "barycenter" | "work" | "report" | "error" | "epsilon" | "accuracy" => true,
            "half" => self == Self::HalfStep,
            "soft" | "gradient" => true,
            name if name.starts_with("slope of ") => true,
            "sums" => matches!(self, Self::Add | Self::Merge),
            "constants" => self == Self::Combine,
            _ => false,
        }
    }
}

/// The arguments of all functions. Pointers are bytes, as a test may aim them anywhere.
#[derive(Clone, Copy)]
pub(super) struct Args<T> {
    pub(super) problem: *mut u8,
    pub(super) options: *mut u8,
    pub(super) solve_options: *mut u8,
    pub(super) f: *mut u8,
    pub(super) g: *mut u8,
    pub(super) barycenter: *mut u8,
    pub(super) work: *mut u8,
    pub(super) work_len: usize,
    pub(super) report: *mut u8,
    pub(super) error: *mut u8,
    pub(super) target: T,
    /// Of a combination.
    pub(super) value: T,
    pub(super) epsilon: *mut u8,
    pub(super) formula: u32,
    pub(super) accuracy: *mut u8,
    pub(super) index: usize,
    pub(super) level: u32,
    pub(super) half: *mut u8,
    pub(super) soft_minimum: *mut u8,
    pub(super) soft: *mut u8,
    pub(super) sums: *mut u8,
    pub(super) other_soft: *mut u8,
    pub(super) other_sums: *mut u8,
    pub(super) constants: *mut u8,
    pub(super) potential: *mut u8,
    pub(super) n: usize,
    pub(super) cotangent: *mut u8,
    pub(super) objective: T,
    pub(super) gradient_options: *mut u8,
    pub(super) gradient: *mut u8,
}

impl<T: C> Args<T> {
    pub(super) fn none() -> Self {
        let p = null_mut();
        Self {
            problem: p,
            options: p,
            solve_options: p,
            f: p,
            g: p,
            barycenter: p,
            work: p,
            work_len: 0,
            report: p,
            error: p,
            target: T::ONE,
            value: T::of(EPSILON),
            epsilon: p,
            formula: ROT_FORMULA_SLACK,
            accuracy: p,
            index: 0,
            level: ROT_LEVEL_FASTEST,
            half: p,
            soft_minimum: p,
            soft: p,
            sums: p,
            other_soft: p,
            other_sums: p,
            constants: p,
            potential: p,
            n: SUPPORT,
            cotangent: p,
            objective: T::of(0.5),
            gradient_options: p,
            gradient: p,
        }
    }

    pub(super) fn slot(&mut self, name: &str) -> &mut *mut u8 {
        match name {
            "problem" => &mut self.problem,
            "options" => &mut self.options,
            "solve_options" => &mut self.solve_options,
            "f" => &mut self.f,
            "g" => &mut self.g,
            "barycenter" => &mut self.barycenter,
            "work" => &mut self.work,
            "report" => &mut self.report,
            "error" => &mut self.error,
            "epsilon" => &mut self.epsilon,
            "accuracy" => &mut self.accuracy,
            "half" => &mut self.half,
            "soft_minimum" => &mut self.soft_minimum,
            "soft" => &mut self.soft,
            "sums" => &mut self.sums,
            "other_soft" => &mut self.other_soft,
            "other_sums" => &mut self.other_sums,
            "constants" => &mut self.constants,
            "potential" => &mut self.potential,
            "cotangent" => &mut self.cotangent,
            "gradient_options" => &mut self.gradient_options,
            "gradient" => &mut self.gradient,
            _ => panic!("no argument {name}"),
        }
    }
}

/// A precision of the C interface.
pub(super) trait Both: C + Elementary {
    /// # Safety
    /// The arguments are what the function asks for, or such that it refuses them first.
    unsafe fn answer(call: Call, args: &Args<Self>) -> i32;
}

macro_rules! both {
    ($t:ident: $solve:ident $check:ident $certifiable:ident $half:ident $add:ident $merge:ident
        $combine:ident $apply:ident $vjp:ident $parameters:ident $accurate:ident) => {
        impl Both for $t {
            unsafe fn answer(call: Call, args: &Args<Self>) -> i32 {
                let a = *args;
                let (problem, error) = (a.problem.cast(), a.error.cast());
                let (options, solve) = (a.options.cast(), a.solve_options.cast());
                let (f, g, q) = (a.f.cast(), a.g.cast(), a.barycenter.cast());
                let (work, len) = (a.work.cast(), a.work_len);
                let (soft, sums) = (a.soft.cast(), a.sums.cast());
                // SAFETY: passed on from the caller.
                unsafe {
                    match call {
                        Call::Solve => {
                            $solve(problem, options, solve, f, g, q, work, len, a.report.cast())
                        }
                        Call::Check => $check(problem, options, solve, f, g, q, work, len, error),
                        Call::Certifiable => {
                            $certifiable(problem, a.target, work, len, a.epsilon.cast(), error)
                        }
                        Call::HalfStep => {
                            $half(problem, a.index, a.level, f, g, work, len, a.half.cast(), error)
                        }
                        Call::Add => $add(
                            problem,
                            a.index,
                            a.half.cast(),
                            a.soft_minimum.cast(),
                            soft,
                            sums,
                            error,
                        ),
                        Call::Merge => {
                            $merge(a.n, a.other_soft.cast(), a.other_sums.cast(), soft, sums, error)
                        }
                        Call::Combine => {
                            $combine(a.n, a.value, sums.cast(), soft, a.constants.cast(), error)
                        }
                        Call::Apply => $apply(
                            problem,
                            a.index,
                            a.half.cast(),
                            a.potential.cast(),
                            a.constants.cast(),
                            f,
                            g,
                            error,
                        ),
                        Call::Vjp => $vjp(
                            problem,
                            f,
                            g,
                            a.cotangent.cast(),
                            a.objective,
                            a.gradient_options.cast(),
                            a.gradient.cast(),
                            work,
                            len,
                        ),
                        Call::Parameters => $parameters(
                            problem,
                            a.target,
                            a.formula,
                            work,
                            len,
                            a.accuracy.cast(),
                            error,
                        ),
                        Call::Accurate => $accurate(
                            problem,
                            a.target,
                            solve,
                            f,
                            g,
                            q,
                            work,
                            len,
                            a.accuracy.cast(),
                            a.report.cast(),
                        ),
                    }
                }
            }
        }
    };
}

#[cfg(feature = "f64")]
both! { f64: rot_barycenter_solve_f64 rot_barycenter_check_f64
rot_barycenter_certifiable_epsilon_f64 rot_barycenter_half_step_f64 rot_barycenter_add_f64
rot_barycenter_merge_f64 rot_barycenter_combine_f64 rot_barycenter_apply_f64
rot_barycenter_vjp_f64 rot_accuracy_barycenter_parameters_f64 rot_accuracy_barycenter_solve_f64 }
both! { f32: rot_barycenter_solve_f32 rot_barycenter_check_f32
rot_barycenter_certifiable_epsilon_f32 rot_barycenter_half_step_f32 rot_barycenter_add_f32
rot_barycenter_merge_f32 rot_barycenter_combine_f32 rot_barycenter_apply_f32
rot_barycenter_vjp_f32 rot_accuracy_barycenter_parameters_f32 rot_accuracy_barycenter_solve_f32 }

/// Points of the barycenter and of the measures: dense, points in the plane, dense.
pub(super) const SUPPORT: usize = 4;
pub(super) const SIZES: [usize; 3] = [3, 2, 3];
const ROWS: usize = 8;
const D: usize = 2;
const EPSILON: f64 = 0.25;

/// Words between the parts, and what fills them.
const GUARD: usize = 16;
const PATTERN: u8 = 0xA5;
/// Bytes behind each struct, for longer ones.
pub(super) const TAIL: usize = 64;

/// As ROT_MEASURE_INIT.
pub(super) fn no_measure<T: C>() -> b::Measure<T> {
    b::Measure {
        flags: 0,
        cost_kind: 0,
        cost: no_matrix(),
        x: no_matrix(),
        y: no_matrix(),
        weights: core::ptr::null(),
        weights_len: 0,
        share: T::ONE,
        reserved_value: T::ZERO,
        rule: c_rule(Rule::Exact),
        reserved: [0; 4],
    }
}

/// As ROT_BARYCENTER_PROBLEM_F64_INIT.
pub(super) fn no_problem<T: C>() -> b::BarycenterProblem<T> {
    b::BarycenterProblem {
        struct_size: size_of::<b::BarycenterProblem<T>>() as u32,
        measure_size: size_of::<b::Measure<T>>() as u32,
        measures: core::ptr::null(),
        measures_len: 0,
        epsilon: T::ZERO,
        reserved_value: T::ZERO,
        reserved: [0; 4],
    }
}

/// As ROT_BARYCENTER_OPTIONS_F64_INIT.
pub(super) fn no_ladder<T: C>() -> b::BarycenterOptions<T> {
    b::BarycenterOptions {
        struct_size: size_of::<b::BarycenterOptions<T>>() as u32,
        level_iterations: 15,
        start: T::ZERO,
        factor: T::of(4.0),
        reserved: [0; 4],
    }
}

/// As ROT_BARYCENTER_GRADIENT_OPTIONS_F64_INIT.
pub(super) fn default_gradient_options<T: C>() -> b::BarycenterGradientOptions<T> {
    let double = size_of::<T>() == 8;
    b::BarycenterGradientOptions {
        struct_size: size_of::<b::BarycenterGradientOptions<T>>() as u32,
        max_iterations: 1000,
        tolerance: T::of(if double { 1e-10 } else { 1e-6 }),
        forward_tolerance: T::of(if double { 1e-6 } else { 1e-2 }),
        level: ROT_LEVEL_FASTEST,
        reserved32: 0,
        reserved: [0; 4],
    }
}

/// As ROT_BARYCENTER_GRADIENT_F64_INIT.
pub(super) fn no_gradient<T: C>() -> b::BarycenterGradient<T> {
    b::BarycenterGradient {
        struct_size: size_of::<b::BarycenterGradient<T>>() as u32,
        // SAFETY: integers, floats and pointers: all zero is a value.
        ..unsafe { core::mem::zeroed() }
    }
}

/// The outputs of a gradient by name, with their places in its struct and their lengths in a scene.
fn slopes<T>() -> [(&'static str, usize, usize); 5] {
    type G<T> = b::BarycenterGradient<T>;
    [
        ("slope of weights", offset_of!(G<T>, weights), ROWS),
        ("slope of shares", offset_of!(G<T>, shares), 3),
        ("slope of costs", offset_of!(G<T>, costs), ROWS * SUPPORT),
        ("slope of x", offset_of!(G<T>, x), 2 * D),
        ("slope of y", offset_of!(G<T>, y), SUPPORT * D),
    ]
}

pub(super) struct Scene<T: Both> {
    pub(super) call: Call,
    pub(super) args: Args<T>,
    /// Where the measures' structs are, whatever the problem says.
    measures: *mut u8,
    base: *mut u64,
    words: usize,
}

impl<T: Both> Drop for Scene<T> {
    fn drop(&mut self) {
        // SAFETY: as `new` made it.
        unsafe { std::alloc::dealloc(self.base.cast(), Self::layout(self.words)) };
    }
}

impl<T: Both> Scene<T> {
    fn layout(words: usize) -> core::alloc::Layout {
        core::alloc::Layout::from_size_align(words * 8, 64).unwrap()
    }

    /// A call that succeeds, on the first measure, or all: the first and the last relaxed, the second
    /// exact unless a certificate is asked for; few iterations. The work has exactly the length that
    /// is needed.
    pub(super) fn new(call: Call) -> Self {
        Self::of(call, 0)
    }

    /// The same on another measure.
    pub(super) fn of(call: Call, index: usize) -> Self {
        let of = |count: usize| count * size_of::<T>();
        let one = Call::OF_ONE.contains(&call);
        let (rows, cols) = if one { (SIZES[index], SUPPORT) } else { (ROWS, 3 * SUPPORT) };
        let work_len = if one {
            let d = if index == 1 { D } else { 0 };
            rot_barycenter_work_len(1, rows, SUPPORT, d)
        } else if call == Call::Vjp {
            rot_barycenter_gradient_work_len(3, ROWS, SUPPORT, D)
        } else if matches!(call, Call::Parameters | Call::Accurate) {
            rot_accuracy_barycenter_work_len(3, ROWS, SUPPORT, D)
        } else {
            rot_barycenter_work_len(3, ROWS, SUPPORT, D)
        };
        let sizes = [
            size_of::<b::BarycenterProblem<T>>() + TAIL,
            size_of::<b::BarycenterOptions<T>>() + TAIL,
            size_of::<c::Options<T>>() + TAIL,
            size_of::<b::BarycenterReport<T>>() + TAIL,
            size_of::<c::rot_error>(),
            size_of::<b::BarycenterHalf<T>>(),
            size_of::<b::BarycenterSums<T>>(),
            size_of::<b::BarycenterSums<T>>(),
            size_of::<b::BarycenterConstants<T>>(),
            3 * (size_of::<b::Measure<T>>() + TAIL),
            of(rows),
            of(cols),
            of(SUPPORT),
            of(work_len),
            of(1),
            of(SUPPORT),
            of(SUPPORT),
            of(SUPPORT),
            of(SUPPORT),
            of(3 * SUPPORT),
            of(3),
            of(2 * D),
            of(SUPPORT * D),
            of(2),
            of(3 * SUPPORT),
            of(3),
            of(SUPPORT),
            size_of::<c::Accuracy<T>>(),
            size_of::<b::BarycenterGradientOptions<T>>() + TAIL,
            size_of::<b::BarycenterGradient<T>>() + TAIL,
            of(ROWS),
            of(3),
            of(ROWS * SUPPORT),
            of(2 * D),
            of(SUPPORT * D),
        ];
        let mut words = GUARD;
        let starts = sizes.map(|bytes| {
            let start = words;
            words += bytes.div_ceil(8) + GUARD;
            start
        });
        // SAFETY: of more than no bytes.
        let base = unsafe { std::alloc::alloc(Self::layout(words)) }.cast::<u64>();
        assert!(!base.is_null());
        // SAFETY: the memory just made.
        unsafe { base.write_bytes(PATTERN, words) };
        let place = starts.map(|word| base.wrapping_add(word).cast::<u8>());
        let [problem, options, solve_options, report, error, half, sums, other_sums, ..] = place;
        let [_, _, _, _, _, _, _, _, constants, measures, f, g, barycenter, work, ..] = place;
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, epsilon, soft_minimum, soft, ..] = place;
        let [
            rest @ ..,
            cotangent,
            accuracy,
            gradient_options,
            gradient,
            to_w,
            to_s,
            to_c,
            to_x,
            to_y,
        ] = place;
        let [.., other_soft, potential, cost0, w0, x1, y1, w1, cost2, w2] = rest;
        #[rustfmt::skip]
        let args = Args {
            problem, options, solve_options, f, g, barycenter, work, work_len, report, error, epsilon,
            index, half, soft_minimum, soft, sums, other_soft, other_sums, constants, potential,
            cotangent, gradient_options, gradient, accuracy,
            ..Args::none()
        };
        let s = Self { call, args, measures, base, words };

        let positive = |count, seed| -> Vec<T> {
            numbers(count, seed).into_iter().map(|w: T| w + T::of(0.1)).collect()
        };
        s.fill(cost0, &numbers(3 * SUPPORT, 1));
        s.fill(cost2, &numbers(3 * SUPPORT, 2));
        s.fill(x1, &numbers(2 * D, 3));
        s.fill(y1, &numbers(SUPPORT * D, 4));
        s.fill(w0, &positive(3, 5));
        s.fill(w1, &positive(2, 6));
        s.fill(w2, &positive(3, 7));
        s.fill(f, &numbers(rows, 8));
        s.fill(g, &numbers(cols, 9));
        let some = [(soft_minimum, 10), (soft, 11), (other_soft, 12), (potential, 13)];
        for (at, seed) in some.into_iter().chain([(cotangent, 15)]) {
            s.fill(at, &numbers(SUPPORT, seed));
        }
        let kl = |tau| c_rule(Rule::Kl { tau: T::of(tau) });
        let exact = if Call::CERTIFIED.contains(&call) { kl(1.5) } else { c_rule(Rule::Exact) };
        let dense = |cost: *mut u8, weights: *mut u8, share, rule| b::Measure {
            cost: matrix(cost.cast(), 3, SUPPORT),
            weights: weights.cast(),
            weights_len: 3,
            share: T::of(share),
            rule,
            ..no_measure()
        };
        let points = b::Measure {
            cost_kind: ROT_COST_SQUARED_EUCLIDEAN,
            x: matrix(x1.cast(), 2, D),
            y: matrix(y1.cast(), SUPPORT, D),
            weights: w1.cast(),
            weights_len: 2,
            share: T::of(2.0),
            rule: exact,
            ..no_measure()
        };
        let list = [dense(cost0, w0, 1.0, kl(0.7)), points, dense(cost2, w2, 0.5, kl(2.0))];
        for (i, measure) in list.into_iter().enumerate() {
            s.put(measures.wrapping_add(i * size_of::<b::Measure<T>>()), measure);
        }
        let whose = b::BarycenterProblem {
            measures: measures.cast(),
            measures_len: 3,
            epsilon: T::of(EPSILON),
            ..no_problem()
        };
        s.put(problem, whose);
        s.put(options, no_ladder::<T>());
        s.put(solve_options, c::Options { max_iterations: 5, ..default_options::<T>() });
        // No optimum, which takes long to find: any potentials do.
        let any = b::BarycenterGradientOptions {
            max_iterations: 3,
            forward_tolerance: T::INFINITY,
            ..default_gradient_options::<T>()
        };
        s.put(gradient_options, any);
        s.put(gradient, no_gradient::<T>());
        for ((_, offset, _), to) in slopes::<T>().into_iter().zip([to_w, to_s, to_c, to_x, to_y]) {
            s.put(gradient.wrapping_add(offset), to);
        }
        s.put(report, size_of::<b::BarycenterReport<T>>() as u32);
        let some: Vec<T> = positive(3, 14);
        let found = b::BarycenterHalf {
            residual: some[0],
            mass: some[1],
            log_target: some[2],
            reserved_value: T::ZERO,
            trouble: 0,
            moved: 1,
        };
        s.put(half, found);
        for (at, exact_mass) in [(sums, 0.0), (other_sums, 1.0)] {
            let sums = b::BarycenterSums {
                share: T::ONE,
                exact_share: T::of(0.5 * exact_mass),
                exact_mass: T::of(exact_mass),
                tau: some[0],
                relaxed: some[1],
                residual: some[2],
                mass: T::ONE,
                reserved_value: T::ZERO,
            };
            s.put(at, sums);
        }
        let [log_mass, shift, residual] = [some[0], some[1], some[2]];
        s.put(constants, b::BarycenterConstants { log_mass, shift, exact: shift, residual });
        s
    }

    /// Calls and says what was answered.
    pub(super) fn run(&self) -> i32 {
        // SAFETY: a good call but for what is under test, which is refused before its use.
        unsafe { T::answer(self.call, &self.args) }
    }

    fn inside(&self, pointer: *const u8, bytes: usize) {
        let (base, end) = (self.base.addr(), self.base.addr() + self.words * 8);
        assert!(pointer.addr() >= base && pointer.addr() + bytes <= end, "outside the scene");
    }

    pub(super) fn get<V: Copy>(&self, pointer: *const u8) -> V {
        self.inside(pointer, size_of::<V>());
        // SAFETY: inside the scene, whose bytes are all set; V takes any bytes.
        unsafe { pointer.cast::<V>().read_unaligned() }
    }

    pub(super) fn put<V: Copy>(&self, pointer: *mut u8, value: V) {
        self.inside(pointer, size_of::<V>());
        // SAFETY: inside the scene, to which no reference exists.
        unsafe { pointer.cast::<V>().write_unaligned(value) };
    }

    pub(super) fn fill(&self, pointer: *mut u8, values: &[T]) {
        self.inside(pointer, size_of_val(values));
        // SAFETY: inside the scene, to which no reference exists.
        unsafe { pointer.copy_from(values.as_ptr().cast(), size_of_val(values)) };
    }

    pub(super) fn fill_bytes(&self, pointer: *mut u8, count: usize, value: u8) {
        self.inside(pointer, count);
        // SAFETY: inside the scene, to which no reference exists.
        unsafe { pointer.write_bytes(value, count) };
    }

    pub(super) fn edit<V: Copy>(&self, pointer: *mut u8, change: impl FnOnce(&mut V)) {
        let mut value = self.get(pointer);
        change(&mut value);
        self.put(pointer, value);
    }

    pub(super) fn problem(&self, change: impl FnOnce(&mut b::BarycenterProblem<T>)) {
        self.edit(self.args.problem, change);
    }

    pub(super) fn ladder(&self, change: impl FnOnce(&mut b::BarycenterOptions<T>)) {
        self.edit(self.args.options, change);
    }

    pub(super) fn options(&self, change: impl FnOnce(&mut c::Options<T>)) {
        self.edit(self.args.solve_options, change);
    }

    pub(super) fn gradient_options(
        &self,
        change: impl FnOnce(&mut b::BarycenterGradientOptions<T>),
    ) {
        self.edit(self.args.gradient_options, change);
    }

    pub(super) fn gradient(&self, change: impl FnOnce(&mut b::BarycenterGradient<T>)) {
        self.edit(self.args.gradient, change);
    }

    pub(super) fn measure(&self, i: usize, change: impl FnOnce(&mut b::Measure<T>)) {
        self.edit(self.measures.wrapping_add(i * size_of::<b::Measure<T>>()), change);
    }

    /// Element k of the data under a name.
    pub(super) fn set(&self, name: &str, k: usize, value: T) {
        self.put(self.at(name).wrapping_add(k * size_of::<T>()), value);
    }

    pub(super) fn slice(&self, name: &str, len: usize) -> Vec<T> {
        (0..len).map(|k| self.get(self.at(name).wrapping_add(k * size_of::<T>()))).collect()
    }

    /// Where a struct holds the pointer of a name; None if it is an argument.
    fn field(&self, name: &str) -> Option<*mut u8> {
        type M<T> = b::Measure<T>;
        if name == "measures" {
            let offset = offset_of!(b::BarycenterProblem<T>, measures);
            return Some(self.args.problem.wrapping_add(offset));
        }
        if let Some((_, offset, _)) = slopes::<T>().into_iter().find(|slope| slope.0 == name) {
            return Some(self.args.gradient.wrapping_add(offset));
        }
        let (name, i) = name.split_once(' ')?;
        let offset = match name {
            "cost" => offset_of!(M<T>, cost.data),
            "x" => offset_of!(M<T>, x.data),
            "y" => offset_of!(M<T>, y.data),
            _ => offset_of!(M<T>, weights),
        };
        let i: usize = i.parse().unwrap();
        Some(self.measures.wrapping_add(i * size_of::<M<T>>() + offset))
    }

    /// Where the pointer of a name points.
    pub(super) fn at(&self, name: &str) -> *mut u8 {
        let mut args = self.args;
        self.field(name).map_or_else(|| *args.slot(name), |field| self.get(field))
    }

    pub(super) fn aim(&mut self, name: &str, to: *mut u8) {
        match self.field(name) {
            Some(field) => self.put(field, to),
            None => *self.args.slot(name) = to,
        }
    }

    /// Bytes that a pointer stands for.
    pub(super) fn span(&self, name: &str) -> usize {
        let one = Call::OF_ONE.contains(&self.call);
        if let Some((_, _, elements)) = slopes::<T>().into_iter().find(|slope| slope.0 == name) {
            return elements * size_of::<T>();
        }
        let elements = match name {
            "problem" | "options" | "solve_options" | "report" | "gradient_options"
            | "gradient" => {
                return self.get::<u32>(self.at(name)) as usize;
            }
            "measures" => return 3 * size_of::<b::Measure<T>>(),
            "error" => return size_of::<c::rot_error>(),
            "accuracy" => return size_of::<c::Accuracy<T>>(),
            "half" => return size_of::<b::BarycenterHalf<T>>(),
            "sums" | "other_sums" => return size_of::<b::BarycenterSums<T>>(),
            "constants" => return size_of::<b::BarycenterConstants<T>>(),
            "f" if one => SIZES[self.args.index],
            "f" => ROWS,
            "g" if !one => 3 * SUPPORT,
            "work" => self.args.work_len,
            "epsilon" => 1,
            "x 1" => 2 * D,
            "y 1" => SUPPORT * D,
            "weights 1" => 2,
            "weights 0" | "weights 2" => 3,
            "cost 0" | "cost 2" => 3 * SUPPORT,
            _ => SUPPORT,
        };
        elements * size_of::<T>()
    }

    /// What a refusal names.
    pub(super) fn blames(&self, name: &str) -> (Argument, u64) {
        if let Some(name) = name.strip_prefix("slope of ") {
            let argument = match name {
                "weights" => Argument::RowWeightGradient,
                "shares" => Argument::Share,
                "costs" => Argument::CostGradient,
                "x" => Argument::RowPointGradient,
                _ => Argument::ColPointGradient,
            };
            return (argument, NOWHERE);
        }
        let argument = match name.split(' ').next().unwrap() {
            "problem" => Argument::Problem,
            "measures" => Argument::Measures,
            "options" | "solve_options" | "gradient_options" => Argument::Options,
            "cotangent" => Argument::Cotangent,
            "gradient" => Argument::Gradient,
            "f" => Argument::RowPotentials,
            "g" | "soft_minimum" => Argument::ColPotentials,
            "barycenter" => Argument::Barycenter,
            "work" => Argument::Work,
            "report" | "error" => Argument::Report,
            "epsilon" | "accuracy" => Argument::Output,
            "half" => Argument::Half,
            "constants" if self.call == Call::Combine => Argument::Output,
            "cost" => Argument::Cost,
            "x" => Argument::RowPoints,
            "y" => Argument::ColPoints,
            "weights" => Argument::RowWeights,
            _ => Argument::Combination,
        };
        let measure = name.split_once(' ').map_or(NOWHERE, |(_, i)| i.parse().unwrap());
        (argument, measure)
    }

    fn bytes(&self) -> Vec<u8> {
        // SAFETY: all of the scene, to which no other reference exists.
        unsafe { core::slice::from_raw_parts(self.base.cast::<u8>(), self.words * 8) }.to_vec()
    }

    /// Lets `expected` follow `found` where a call may write.
    fn allow(&self, expected: &mut [u8], found: &[u8], at: *mut u8, bytes: usize) {
        let base = self.base.addr();
        let clip = |address: usize| address.clamp(base, base + found.len()) - base;
        let range = clip(at.addr())..clip(at.addr().saturating_add(bytes));
        expected[range.clone()].copy_from_slice(&found[range]);
    }

    #[track_caller]
    fn compare(&self, expected: &[u8], found: &[u8]) {
        if expected != found {
            let stray = expected.iter().zip(found).position(|(x, y)| x != y);
            panic!("{:?} wrote at byte {stray:?} of the scene, where it may not", self.call);
        }
    }

    /// Runs with the work zeroed afterwards: the list of measures leaves bytes in it that have no
    /// value.
    fn run_and_look(&self) -> (i32, Vec<u8>, Vec<u8>) {
        let mut expected = self.bytes();
        let status = self.run();
        let refused = status == ErrorKind::Overlap as i32 || !self.takes("work");
        if !refused && !self.args.work.is_null() && self.whole_work() {
            let bytes = self.span("work");
            self.fill_bytes(self.args.work, bytes, 0);
            let start = self.args.work.addr() - self.base.addr();
            expected[start..start + bytes].fill(0);
        }
        let found = self.bytes();
        (status, expected, found)
    }

    /// Whether the work lies in the scene.
    fn whole_work(&self) -> bool {
        let (base, end) = (self.base.addr(), self.base.addr() + self.words * 8);
        let start = self.args.work.addr();
        let bytes = self.args.work_len.saturating_mul(size_of::<T>());
        start >= base && start.saturating_add(bytes) <= end
    }

    pub(super) fn takes(&self, name: &str) -> bool {
        self.call.pointers(self.args.index).contains(&name)
    }

    /// Where the call reports a refusal, if there is such a place.
    fn error_place(&self) -> Option<*mut u8> {
        let Args { report, error, .. } = self.args;
        let align = align_of::<c::rot_error>();
        let usable = |at: *mut u8| !at.is_null() && at.addr().is_multiple_of(align);
        if Call::REPORTED.contains(&self.call) {
            let least = offset_of!(b::BarycenterReport<T>, iterations);
            let found = usable(report) && {
                let size = self.get::<u32>(report) as usize;
                (least..=4096).contains(&size) && size.is_multiple_of(8)
            };
            found.then(|| report.wrapping_add(offset_of!(b::BarycenterReport<T>, error)))
        } else if self.call == Call::Vjp {
            self.has_whole_gradient().then(|| {
                self.args.gradient.wrapping_add(offset_of!(b::BarycenterGradient<T>, error))
            })
        } else {
            usable(error).then_some(error)
        }
    }

    /// Whether the struct of a gradient is one, so that a refusal can be told there.
    fn has_whole_gradient(&self) -> bool {
        type G<T> = b::BarycenterGradient<T>;
        let at = self.args.gradient;
        if at.is_null() || !at.addr().is_multiple_of(align_of::<G<T>>()) {
            return false;
        }
        let (size, least) = (self.get::<u32>(at) as usize, size_of::<G<T>>());
        if size < least || size > 4096 || !size.is_multiple_of(8) {
            return false;
        }
        let g: G<T> = self.get(at);
        let reserved = (g.reserved32, g.reserved32_2, g.reserved_size, g.reserved);
        let tail = (least..size).all(|k| self.get::<u8>(at.wrapping_add(k)) == 0);
        tail && reserved == (0, 0, 0, [0; 4])
    }

    /// Calls and demands a refusal that wrote nothing but what a refusal may. Gives the status
    /// and what was told of it.
    #[track_caller]
    pub(super) fn refusal(&self) -> (i32, Option<c::rot_error>) {
        let (status, mut expected, found) = self.run_and_look();
        assert!(status < 0, "{:?} gave {status}", self.call);
        let told = self.error_place().map(|place| {
            self.allow(&mut expected, &found, place, size_of::<c::rot_error>());
            if Call::REPORTED.contains(&self.call) {
                let converged = self.args.report.wrapping_add(4);
                self.allow(&mut expected, &found, converged, 4);
                assert_eq!(self.get::<u32>(converged), 0);
            }
            self.get::<c::rot_error>(place)
        });
        self.compare(&expected, &found);
        assert_eq!(told.map_or(status, |e| e.status), status, "{:?}", self.call);
        (status, told)
    }

    /// `at`: row, column and measure.
    #[track_caller]
    pub(super) fn refused_at(&self, kind: ErrorKind, argument: Argument, at: [u64; 3]) {
        let (status, told) = self.refusal();
        assert_eq!(status, kind as i32, "{:?}: expected {kind:?}", self.call);
        if let Some(e) = told {
            let found = (e.argument, [e.row, e.col, e.measure]);
            assert_eq!(found, (argument as u32, at), "{:?}: {kind:?}", self.call);
        }
    }

    #[track_caller]
    pub(super) fn refused(&self, kind: ErrorKind, argument: Argument) {
        self.refused_at(kind, argument, [NOWHERE; 3]);
    }

    /// In a measure as a whole.
    #[track_caller]
    pub(super) fn refused_in(&self, kind: ErrorKind, argument: Argument, measure: usize) {
        self.refused_at(kind, argument, [NOWHERE, NOWHERE, measure as u64]);
    }

    /// What a call writes that is not refused, but for work and error.
    fn outputs(&self) -> Vec<(*mut u8, usize)> {
        let report = size_of::<b::BarycenterReport<T>>();
        let names = match self.call {
            Call::Solve => vec!["f", "g", "barycenter", "report"],
            Call::Check => vec![],
            Call::Certifiable => vec!["epsilon"],
            Call::Parameters => vec!["accuracy"],
            Call::Accurate => vec!["f", "g", "barycenter", "accuracy", "report"],
            Call::HalfStep => vec!["f", "g", "half"],
            Call::Add | Call::Merge => vec!["soft", "sums"],
            Call::Combine => vec!["soft", "constants"],
            Call::Apply => vec!["f", "g"],
            Call::Vjp => {
                slopes::<T>().map(|slope| slope.0).into_iter().chain(["gradient"]).collect()
            }
        };
        let first = offset_of!(b::BarycenterGradient<T>, forward_residual);
        let last = offset_of!(b::BarycenterGradient<T>, reserved32_2);
        let place = |name: &str| match name {
            "report" => (self.at(name).wrapping_add(4), self.span(name).min(report) - 4),
            "gradient" => (self.at(name).wrapping_add(first), last - first),
            _ => (self.at(name), self.span(name)),
        };
        names.into_iter().map(place).filter(|(at, _)| !at.is_null()).collect()
    }

    /// Calls and demands success or a remark, and that only outputs were written.
    #[track_caller]
    pub(super) fn accepted(&self) -> i32 {
        let (status, mut expected, found) = self.run_and_look();
        assert!(status >= 0, "{:?} gave {status}", self.call);
        for (at, bytes) in self.outputs() {
            self.allow(&mut expected, &found, at, bytes);
        }
        if let Some(place) = self.error_place() {
            self.allow(&mut expected, &found, place, size_of::<c::rot_error>());
            let e: c::rot_error = self.get(place);
            assert_eq!((e.status, e.argument), (status, 0));
            assert_eq!([e.row, e.col, e.measure], [NOWHERE; 3]);
        }
        self.compare(&expected, &found);
        status
    }

    /// The bytes of all outputs.
    pub(super) fn results(&self) -> Vec<u8> {
        let bytes = self.bytes();
        let place = |at: *mut u8| at.addr() - self.base.addr();
        let outputs = self.outputs().into_iter();
        outputs.flat_map(|(at, len)| bytes[place(at)..place(at) + len].to_vec()).collect()
    }
}
