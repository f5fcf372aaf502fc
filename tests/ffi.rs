//! The C interface as a C program meets it: each function with each argument wrong in turn, every
//! status, and results against the Rust interface bit by bit.
//!
//! A [`Scene`] holds all that a call takes in one piece of memory, with guards between the parts.
//! Every call is compared byte by byte with what it may write, so a stray write fails whatever the
//! test is about. `cargo +nightly miri test --test ffi --features capi` runs the same on smaller
//! grids and finds stray reads.
#![cfg(feature = "capi")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use core::ffi::CStr;
use std::collections::HashSet;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::info::{rot_abi_version, rot_status_str, rot_version};
use robust_ot::ffi::plan::{rot_plan_work_len, *};
use robust_ot::ffi::sinkhorn::{rot_sinkhorn_work_len, *};
use robust_ot::report::Termination;
use robust_ot::work::{Coefficients, PAD};
use robust_ot::{ffi, plan, sinkhorn};

/// Whether an interpreter runs this, some thousand times slower.
const SMALL: bool = cfg!(miri);

#[test]
fn every_status_has_a_text_of_its_own() {
    let text = |status| {
        // SAFETY: a string of the library, terminated and never freed.
        let text = unsafe { CStr::from_ptr(rot_status_str(status)) };
        text.to_str().expect("UTF-8")
    };
    let unknown = text(i32::MIN);
    let mut seen = HashSet::from([unknown]);
    for ending in Termination::ALL {
        assert_eq!(text(ending as i32), ending.text());
        assert!(seen.insert(text(ending as i32)), "{ending:?}");
    }
    for kind in ErrorKind::ALL {
        assert_eq!(text(kind as i32), kind.text());
        assert!(seen.insert(text(kind as i32)), "{kind:?}");
    }
    assert!(seen.insert(text(ROT_RUNNING)));
    assert!(
        seen.iter().all(|text| !text.is_empty() && text.bytes().all(|b| (32..127).contains(&b)))
    );
    let known = |status: i32| {
        status == ROT_RUNNING
            || Termination::ALL.iter().any(|&t| t as i32 == status)
            || ErrorKind::ALL.iter().any(|&k| k as i32 == status)
    };
    let spread = (0..64).map(|k| 0x9E37_79B9_u32.wrapping_mul(k).cast_signed());
    let near = if SMALL { -47..8 } else { -200..200 };
    for status in near.chain([i32::MIN, i32::MAX]).chain(spread) {
        assert_eq!(text(status) == unknown, !known(status), "{status}");
    }
}

#[test]
fn versions_are_those_of_the_package() {
    let parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<u32>().unwrap());
    assert_eq!(rot_version(), parts.fold(0, |all, part| all * 1000 + part));
    assert_eq!(rot_abi_version(), ffi::ROT_ABI_VERSION);
}

#[test]
fn work_lengths_are_the_algebra_and_saturate() {
    const LARGE: usize = usize::MAX;
    let lens = [1, 17, LARGE / 2, LARGE - PAD, 0, 15, 16, 1000, LARGE - PAD + 1, LARGE - 1, LARGE];
    let lens = &lens[..if SMALL { 4 } else { 11 }];
    let wide = |c: Coefficients, [n, m, d]: [usize; 3]| {
        // Independent of the algebra: exact, then cut off.
        let padded = |n: usize| (n as u128).div_ceil(PAD as u128) * PAD as u128;
        let rows = (c.n as u128).checked_mul(padded(n))?;
        let cols = (c.m as u128).checked_mul(padded(m))?;
        let points = (c.d as u128).checked_mul(d as u128)?.checked_mul(padded(m))?;
        let one = c.one as u128 * PAD as u128;
        rows.checked_add(cols)?.checked_add(points)?.checked_add(one)
    };
    for &n in lens {
        for &m in lens {
            for &d in lens {
                let expected = |c| {
                    let exact = wide(c, [n, m, d]).unwrap_or(u128::MAX);
                    usize::try_from(exact).unwrap_or(LARGE)
                };
                let (solve, view) = (sinkhorn::COEFFICIENTS, plan::COEFFICIENTS);
                assert_eq!(rot_sinkhorn_work_len(n, m, d), expected(solve), "{n} {m} {d}");
                assert_eq!(rot_plan_work_len(n, m, d), expected(view), "{n} {m} {d}");
                assert_eq!(rot_sinkhorn_work_len(n, m, d), solve.at(n, m, d).len());
                assert_eq!(rot_plan_work_len(n, m, d), view.at(n, m, d).len());
            }
        }
    }
}

/// All that needs the whole library; what a trimmed one answers is below.
#[cfg(all(feature = "kl", feature = "points"))]
mod whole {
    use core::ffi::c_void;
    use core::fmt::Debug;
    use core::mem::{MaybeUninit, align_of, offset_of, size_of};
    use core::ops::ControlFlow;
    use core::ptr::{null, null_mut};

    use robust_ot::cost::{Dense, Geometry, Metric, Points};
    use robust_ot::ffi::types as c;
    use robust_ot::ffi::{
        ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_LEVEL_AVX2,
        ROT_LEVEL_FASTEST, ROT_LEVEL_PORTABLE, ROT_REFERENCE_COUNTING, ROT_RULE_EXACT, ROT_RULE_KL,
        ROT_STOP_CERTIFIED, ROT_STOP_RESIDUAL, ROT_TRUST_DATA, ROT_UNIT_MASS, ROT_WARM_START,
    };
    use robust_ot::kernel::Precision;
    use robust_ot::marginal::Rule;
    use robust_ot::options::{Options, Stop};
    use robust_ot::plan::Plan;
    use robust_ot::problem::{Problem, Reference};
    use robust_ot::real::Real;
    use robust_ot::report::Progress;
    use robust_ot::view::{Mat, MatMut};

    use super::*;

    /// No index applies.
    const NOWHERE: u64 = u64::MAX;
    /// Columns of the values that a barycentric map averages.
    const K: usize = 2;

    // ---------------------------------------------------------------- calls

    /// The arguments of all functions; each takes those of its prototype. Pointers are bytes, as
    /// a test may aim them anywhere.
    #[derive(Clone, Copy)]
    struct Args<T> {
        problem: *mut u8,
        options: *mut u8,
        f: *mut u8,
        g: *mut u8,
        work: *mut u8,
        work_len: usize,
        iterations: u64,
        report: *mut u8,
        state: *mut u8,
        error: *mut u8,
        log_mass: T,
        i: usize,
        j: usize,
        /// One entry, one row of the plan or an epsilon.
        value: *mut u8,
        row: *mut u8,
        col: *mut u8,
        transport: *mut u8,
        values: *mut u8,
        out: *mut u8,
        target: T,
    }

    impl<T: C> Args<T> {
        fn none() -> Self {
            let p = null_mut();
            let (zero, target) = (T::ZERO, T::of(0.1));
            Self {
                problem: p,
                options: p,
                f: p,
                g: p,
                work: p,
                work_len: 0,
                iterations: 1,
                report: p,
                state: p,
                error: p,
                log_mass: zero,
                i: 0,
                j: 0,
                value: p,
                row: p,
                col: p,
                transport: p,
                values: p,
                out: p,
                target,
            }
        }

        fn slot(&mut self, name: &str) -> &mut *mut u8 {
            let a = self;
            match name {
                "problem" => &mut a.problem,
                "options" => &mut a.options,
                "f" => &mut a.f,
                "g" => &mut a.g,
                "work" => &mut a.work,
                "report" => &mut a.report,
                "state" => &mut a.state,
                "error" => &mut a.error,
                "value" => &mut a.value,
                "row" => &mut a.row,
                "col" => &mut a.col,
                "transport" => &mut a.transport,
                "values" => &mut a.values,
                "out" => &mut a.out,
                _ => panic!("no argument {name}"),
            }
        }
    }

    /// From a field of [`Args`] to the type of the prototype.
    trait Pass<To> {
        fn pass(self) -> To;
    }

    impl<V> Pass<*const V> for *mut u8 {
        fn pass(self) -> *const V {
            self.cast_const().cast()
        }
    }

    impl<V> Pass<*mut V> for *mut u8 {
        fn pass(self) -> *mut V {
            self.cast()
        }
    }

    macro_rules! pass_plainly {
        ($($t:ident)*) => { $(impl Pass<$t> for $t { fn pass(self) -> $t { self } })* };
    }
    pass_plainly! { usize u64 f32 f64 }

    /// A precision of the C interface.
    trait C: Precision<Cost = Self, Potential = Self, Sum = Self, Work = Self> + Real + Debug {
        fn of(x: f64) -> Self;
        fn bits(self) -> u64;

        /// # Safety
        /// As for a C program that calls the function.
        unsafe fn call(call: Call, args: &Args<Self>) -> i32;
    }

    macro_rules! functions {
        ($($name:ident: $double:ident, $single:ident($($argument:ident),*);)*) => {
            #[derive(Clone, Copy, Debug, PartialEq)]
            enum Call { $($name),* }

            impl Call {
                const ALL: &[Self] = &[$(Self::$name),*];

                fn takes(self, name: &str) -> bool {
                    match self {
                        $(Self::$name => [$(stringify!($argument)),*].contains(&name),)*
                    }
                }
            }

            #[cfg(feature = "f64")]
            impl C for f64 {
                fn of(x: f64) -> Self {
                    x
                }
                fn bits(self) -> u64 {
                    self.to_bits()
                }
                unsafe fn call(call: Call, args: &Args<Self>) -> i32 {
                    match call {
                        // SAFETY: passed on from the caller.
                        $(Call::$name => unsafe { $double($(Pass::pass(args.$argument)),*) },)*
                    }
                }
            }

            impl C for f32 {
                fn of(x: f64) -> Self {
                    x as Self
                }
                fn bits(self) -> u64 {
                    u64::from(self.to_bits())
                }
                unsafe fn call(call: Call, args: &Args<Self>) -> i32 {
                    match call {
                        // SAFETY: passed on from the caller.
                        $(Call::$name => unsafe { $single($(Pass::pass(args.$argument)),*) },)*
                    }
                }
            }
        };
    }

    functions! {
        Solve: rot_sinkhorn_solve_f64, rot_sinkhorn_solve_f32(
            problem, options, f, g, work, work_len, report);
        Check: rot_sinkhorn_check_f64, rot_sinkhorn_check_f32(
            problem, options, f, g, work, work_len, error);
        Init: rot_sinkhorn_init_f64, rot_sinkhorn_init_f32(
            problem, options, f, g, work, work_len, state, error);
        Step: rot_sinkhorn_step_f64, rot_sinkhorn_step_f32(
            problem, options, iterations, f, g, work, work_len, state, error);
        Finish: rot_sinkhorn_finish_f64, rot_sinkhorn_finish_f32(
            problem, options, f, g, work, work_len, state, report);
        Certifiable: rot_sinkhorn_certifiable_epsilon_f64, rot_sinkhorn_certifiable_epsilon_f32(
            problem, target, value);
        Entry: rot_plan_entry_f64, rot_plan_entry_f32(problem, f, g, log_mass, i, j, value, error);
        Row: rot_plan_row_f64, rot_plan_row_f32(problem, f, g, log_mass, i, value, error);
        Marginals: rot_plan_marginals_f64, rot_plan_marginals_f32(
            problem, f, g, log_mass, work, work_len, row, col, transport, error);
        Map: rot_plan_barycentric_map_f64, rot_plan_barycentric_map_f32(
            problem, f, g, log_mass, values, out, work, work_len, error);
        Dense: rot_plan_dense_f64, rot_plan_dense_f32(
            problem, f, g, log_mass, out, work, work_len, error);
    }

    impl Call {
        /// Those that look at every weight and cost.
        const VALIDATING: [Self; 3] = [Self::Solve, Self::Check, Self::Init];

        /// Whether the work is that of the plan functions, and f and g are only read.
        fn is_plan(self) -> bool {
            matches!(self, Self::Entry | Self::Row | Self::Marginals | Self::Map | Self::Dense)
        }
    }

    /// Every pointer of the prototypes and of the structs, with the argument that a refusal names.
    /// What lies in `values` and `out` is called by its own name.
    const POINTERS: [(&str, Argument); 21] = [
        ("problem", Argument::Problem),
        ("options", Argument::Options),
        ("f", Argument::RowPotentials),
        ("g", Argument::ColPotentials),
        ("work", Argument::Work),
        ("report", Argument::Report),
        ("state", Argument::State),
        ("error", Argument::Report),
        ("value", Argument::Output),
        ("row", Argument::Output),
        ("col", Argument::Output),
        ("transport", Argument::Output),
        ("values", Argument::Values),
        ("out", Argument::Output),
        ("cost", Argument::Cost),
        ("x", Argument::RowPoints),
        ("y", Argument::ColPoints),
        ("a", Argument::RowWeights),
        ("b", Argument::ColWeights),
        ("values data", Argument::Values),
        ("out data", Argument::Output),
    ];

    /// The pointers that a call goes by, with points of dimension d or a dense cost.
    fn pointers(call: Call, d: usize) -> impl Iterator<Item = (&'static str, Argument)> {
        POINTERS.into_iter().filter(move |&(name, _)| match name {
            "cost" => d == 0,
            "x" | "y" => d > 0,
            "a" | "b" => true,
            "values data" => call.takes("values"),
            "out data" => call.takes("out"),
            name => call.takes(name),
        })
    }

    fn matrix<T>(data: *const T, rows: usize, cols: usize) -> c::Matrix<T> {
        c::Matrix { data, rows, cols, row_stride: cols, col_stride: 1, reserved: 0 }
    }

    fn no_matrix<T>() -> c::Matrix<T> {
        c::Matrix { data: null(), rows: 0, cols: 0, row_stride: 0, col_stride: 0, reserved: 0 }
    }

    fn c_rule<T: C>(rule: Rule<T>) -> c::Rule<T> {
        let (kind, tau) = match rule {
            Rule::Kl { tau } => (ROT_RULE_KL, tau),
            _ => (ROT_RULE_EXACT, T::ZERO),
        };
        c::Rule {
            kind,
            flags: 0,
            param: [tau, T::ZERO, T::ZERO, T::ZERO],
            lower: null(),
            lower_stride: 0,
            upper: null(),
            upper_stride: 0,
            reserved: [0; 2],
        }
    }

    /// As ROT_PROBLEM_F64_INIT.
    fn no_problem<T: C>() -> c::Problem<T> {
        c::Problem {
            struct_size: size_of::<c::Problem<T>>() as u32,
            cost_kind: ROT_COST_DENSE,
            cost: no_matrix(),
            x: no_matrix(),
            y: no_matrix(),
            a: null(),
            a_len: 0,
            b: null(),
            b_len: 0,
            epsilon: T::ZERO,
            reserved_value: T::ZERO,
            reference: ROT_REFERENCE_COUNTING,
            flags: 0,
            rows: c_rule(Rule::Exact),
            cols: c_rule(Rule::Exact),
            reserved_sizes: [0; 8],
            reserved: [0; 4],
        }
    }

    /// As ROT_OPTIONS_F64_INIT.
    fn default_options<T: C>() -> c::Options<T> {
        c::Options {
            struct_size: size_of::<c::Options<T>>() as u32,
            stop: ROT_STOP_RESIDUAL,
            tolerance: T::DEFAULT_TOLERANCE,
            reserved_value: T::ZERO,
            max_iterations: 100_000,
            check_every: 10,
            flags: 0,
            level: ROT_LEVEL_FASTEST,
            reserved32: 0,
            observe: None,
            user: null_mut(),
            reserved: [0; 6],
        }
    }

    /// As ROT_REPORT_F64_INIT.
    fn empty_report<T: C>() -> c::Report<T> {
        // SAFETY: integers and floats only: all zero is a value.
        let empty: c::Report<T> = unsafe { MaybeUninit::zeroed().assume_init() };
        c::Report { struct_size: size_of::<c::Report<T>>() as u32, ..empty }
    }

    /// As ROT_STATE_F64_INIT.
    fn empty_state<T: C>() -> c::State<T> {
        // SAFETY: integers and floats only: all zero is a value.
        let empty: c::State<T> = unsafe { MaybeUninit::zeroed().assume_init() };
        c::State { struct_size: size_of::<c::State<T>>() as u32, ..empty }
    }

    /// Numbers between 0 and 1 without pattern.
    fn numbers<T: C>(count: usize, seed: u64) -> Vec<T> {
        let mut state = seed.wrapping_add(7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            T::of((state >> 40) as f64 / (1_u64 << 24) as f64)
        };
        (0..count).map(|_| next()).collect()
    }

    // ---------------------------------------------------------------- scenes

    /// One call and all its memory.
    struct Scene<T: C> {
        call: Call,
        args: Args<T>,
        n: usize,
        m: usize,
        d: usize,
        base: *mut u64,
        words: usize,
    }

    /// Words between the parts.
    const GUARD: usize = 16;
    /// Bytes behind each struct, for longer ones.
    const TAIL: usize = 64;
    /// What fills guards and outputs.
    const PATTERN: u8 = 0xA5;

    impl<T: C> Drop for Scene<T> {
        fn drop(&mut self) {
            // SAFETY: as `new` made it.
            unsafe { std::alloc::dealloc(self.base.cast(), Self::layout(self.words)) };
        }
    }

    impl<T: C> Scene<T> {
        /// Aligned so that a part lies as in every other scene of the same sizes.
        fn layout(words: usize) -> core::alloc::Layout {
            core::alloc::Layout::from_size_align(words * 8, 64).unwrap()
        }

        /// A call that succeeds: n rows relaxed, m columns exact, points of dimension d or (0) a
        /// dense cost; few iterations. The work has exactly the length that is needed.
        fn new(call: Call, n: usize, m: usize, d: usize) -> Self {
            let work_len =
                if call.is_plan() { rot_plan_work_len } else { rot_sinkhorn_work_len }(n, m, d);
            let of = |count: usize| count * size_of::<T>();
            let sizes = [
                size_of::<c::Problem<T>>() + TAIL,
                size_of::<c::Options<T>>() + TAIL,
                size_of::<c::Report<T>>() + TAIL,
                size_of::<c::State<T>>() + TAIL,
                size_of::<c::rot_error>(),
                size_of::<c::Matrix<T>>(),
                size_of::<c::MatrixMut<T>>(),
                of(n * m),
                of(n * d),
                of(m * d),
                of(n),
                of(m),
                of(n),
                of(m),
                of(work_len),
                of(m.max(1)),
                of(n),
                of(m),
                of(1),
                of(m * K),
                of(2 * (n + 1) * m.max(K)),
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
            let [problem, options, report, state, error, values, out, ..] = place;
            let [.., cost, x, y, a, b, f, g, work, value, row, col, transport, vdata, odata] =
                place;
            #[rustfmt::skip]
            let args = Args {
                problem, options, f, g, work, work_len, report, state, error,
                value, row, col, transport, values, out, ..Args::none()
            };
            let mut scene = Self { call, args, n, m, d, base, words };

            scene.fill(cost, &numbers(n * m, 1));
            scene.fill(x, &numbers(n * d, 2));
            scene.fill(y, &numbers(m * d, 3));
            scene.fill(vdata, &numbers(m * K, 4));
            let positive = |w: T| w + T::of(0.1);
            scene.fill(a, &numbers(n, 5).into_iter().map(positive).collect::<Vec<_>>());
            scene.fill(b, &numbers(m, 6).into_iter().map(positive).collect::<Vec<_>>());
            scene.fill(f, &numbers(n, 7));
            scene.fill(g, &numbers(m, 8));
            let (dense, points) = (d == 0, d > 0);
            let used = |used, data: *mut u8, rows, cols| {
                if used { matrix(data.cast_const().cast(), rows, cols) } else { no_matrix() }
            };
            scene.put(
                problem,
                c::Problem {
                    cost_kind: if dense { ROT_COST_DENSE } else { ROT_COST_SQUARED_EUCLIDEAN },
                    cost: used(dense, cost, n, m),
                    x: used(points, x, n, d),
                    y: used(points, y, m, d),
                    a: a.cast(),
                    a_len: n,
                    b: b.cast(),
                    b_len: m,
                    epsilon: T::of(0.25),
                    rows: c_rule(Rule::Kl { tau: T::ONE }),
                    ..no_problem()
                },
            );
            let max_iterations = if SMALL { 2 } else { 20 };
            scene.put(options, c::Options { max_iterations, ..default_options::<T>() });
            scene.put(report, size_of::<c::Report<T>>() as u32);
            scene.put(state, empty_state::<T>());
            scene.put(values, matrix(vdata.cast_const().cast::<T>(), m, K));
            let cols = if call == Call::Map { K } else { m };
            let data = odata.cast::<T>();
            let view =
                c::MatrixMut { data, rows: n, cols, row_stride: cols, col_stride: 1, reserved: 0 };
            scene.put(out, view);
            if n > 0 && m > 0 {
                scene.start();
            }
            scene
        }

        /// Begins the solve that a step or its end goes on with; again after a change.
        fn start(&mut self) {
            let call = self.call;
            if matches!(call, Call::Step | Call::Finish) {
                self.call = Call::Init;
                assert_eq!(self.run(), 0);
                self.call = call;
            }
        }

        /// Calls and says what was answered.
        fn run(&self) -> i32 {
            // SAFETY: a good call but for what is under test, which is refused before its use.
            unsafe { T::call(self.call, &self.args) }
        }

        fn inside(&self, pointer: *const u8, bytes: usize) {
            let (base, end) = (self.base.addr(), self.base.addr() + self.words * 8);
            assert!(pointer.addr() >= base && pointer.addr() + bytes <= end, "outside the scene");
        }

        fn get<V: Copy>(&self, pointer: *const u8) -> V {
            self.inside(pointer, size_of::<V>());
            // SAFETY: inside the scene, whose bytes are all set; V takes any bytes.
            unsafe { pointer.cast::<V>().read_unaligned() }
        }

        fn put<V: Copy>(&self, pointer: *mut u8, value: V) {
            self.inside(pointer, size_of::<V>());
            // SAFETY: inside the scene, to which no reference exists.
            unsafe { pointer.cast::<V>().write_unaligned(value) };
        }

        fn fill(&self, pointer: *mut u8, values: &[T]) {
            self.copy_bytes(pointer, values.as_ptr().cast(), size_of_val(values));
        }

        fn fill_bytes(&self, pointer: *mut u8, count: usize, value: u8) {
            self.inside(pointer, count);
            // SAFETY: inside the scene, to which no reference exists.
            unsafe { pointer.write_bytes(value, count) };
        }

        fn copy_bytes(&self, to: *mut u8, from: *const u8, count: usize) {
            self.inside(to, count);
            // SAFETY: into the scene; from what a test holds for as long.
            unsafe { to.copy_from(from, count) };
        }

        fn edit<V: Copy>(&self, pointer: *mut u8, change: impl FnOnce(&mut V)) {
            let mut value = self.get(pointer);
            change(&mut value);
            self.put(pointer, value);
        }

        fn problem(&self, change: impl FnOnce(&mut c::Problem<T>)) {
            self.edit(self.args.problem, change);
        }

        fn options(&self, change: impl FnOnce(&mut c::Options<T>)) {
            self.edit(self.args.options, change);
        }

        fn values(&self, change: impl FnOnce(&mut c::Matrix<T>)) {
            self.edit(self.args.values, change);
        }

        fn out(&self, change: impl FnOnce(&mut c::MatrixMut<T>)) {
            self.edit(self.args.out, change);
        }

        /// Both sides exact, of mass 1.
        fn balance(&self) {
            self.problem(|p| p.rows = c_rule(Rule::Exact));
            let uniform = |count: usize| vec![T::ONE / T::from_count(count); count];
            self.fill(self.at("a"), &uniform(self.n));
            self.fill(self.at("b"), &uniform(self.m));
        }

        /// Element k of the data under a name.
        fn set(&self, name: &str, k: usize, value: T) {
            self.put(self.at(name).wrapping_add(k * size_of::<T>()), value);
        }

        /// Where a pointer of [`POINTERS`] points.
        fn at(&self, name: &str) -> *mut u8 {
            let p: c::Problem<T> = self.get(self.args.problem);
            let data = match name {
                "cost" => p.cost.data,
                "x" => p.x.data,
                "y" => p.y.data,
                "a" => p.a,
                "b" => p.b,
                "values data" => self.get::<c::Matrix<T>>(self.args.values).data,
                "out data" => self.get::<c::MatrixMut<T>>(self.args.out).data,
                name => {
                    let mut args = self.args;
                    return *args.slot(name);
                }
            };
            data.cast_mut().cast()
        }

        /// Aims a pointer of [`POINTERS`] somewhere else.
        fn aim(&mut self, name: &str, to: *mut u8) {
            let data = to.cast::<T>();
            match name {
                "cost" => self.problem(|p| p.cost.data = data),
                "x" => self.problem(|p| p.x.data = data),
                "y" => self.problem(|p| p.y.data = data),
                "a" => self.problem(|p| p.a = data),
                "b" => self.problem(|p| p.b = data),
                "values data" => self.values(|v| v.data = data),
                "out data" => self.out(|o| o.data = data),
                name => *self.args.slot(name) = to,
            }
        }

        /// Bytes that a pointer of [`POINTERS`] stands for.
        fn span(&self, name: &str) -> usize {
            let elements = match name {
                "problem" | "options" | "report" | "state" => {
                    return self.get::<u32>(self.at(name)) as usize;
                }
                "error" => return size_of::<c::rot_error>(),
                "values" | "out" => return size_of::<c::Matrix<T>>(),
                "f" | "row" | "a" => self.n,
                "g" | "col" | "b" => self.m,
                "value" if self.call == Call::Row => self.m,
                "value" | "transport" => 1,
                "work" => self.args.work_len,
                "cost" => self.n * self.m,
                "x" => self.n * self.d,
                "y" => self.m * self.d,
                "values data" => self.m * K,
                "out data" if self.call == Call::Map => self.n * K,
                "out data" => self.n * self.m,
                _ => panic!("no argument {name}"),
            };
            elements * size_of::<T>()
        }

        /// What a call writes that is not refused, but for work and error.
        fn outputs(&self) -> Vec<(*mut u8, usize)> {
            let names: &[&str] = match self.call {
                Call::Solve => &["f", "g", "report"],
                Call::Check => &[],
                Call::Init | Call::Step => &["f", "g", "state"],
                Call::Finish => &["f", "g", "state", "report"],
                Call::Certifiable | Call::Entry | Call::Row => &["value"],
                Call::Marginals => &["row", "col", "transport"],
                Call::Map | Call::Dense => &["out data"],
            };
            let mut all = Vec::new();
            for &name in names {
                let (at, span) = (self.at(name), self.span(name));
                match name {
                    "report" => {
                        all.push((at.wrapping_add(4), span.min(size_of::<c::Report<T>>()) - 4))
                    }
                    "state" => all.push((at.wrapping_add(4), size_of::<c::State<T>>() - 4)),
                    "out data" => {
                        let view: c::MatrixMut<T> = self.get(self.args.out);
                        for k in 0..view.rows * view.cols {
                            let (i, j) = (k / view.cols, k % view.cols);
                            let offset = i * view.row_stride + j * view.col_stride;
                            all.push((at.wrapping_add(offset * size_of::<T>()), size_of::<T>()));
                        }
                    }
                    _ => all.push((at, span)),
                }
            }
            all
        }

        /// The bytes of all outputs.
        fn results(&self) -> Vec<u8> {
            let bytes = self.bytes();
            let place = |at: *mut u8| at.addr() - self.base.addr();
            let outputs = self.outputs().into_iter().filter(|(at, _)| !at.is_null());
            outputs.flat_map(|(at, len)| bytes[place(at)..place(at) + len].to_vec()).collect()
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

        fn allow_work(&self, expected: &mut [u8], found: &[u8]) {
            if self.call.takes("work") {
                let bytes = self.args.work_len.saturating_mul(size_of::<T>());
                self.allow(expected, found, self.args.work, bytes);
            }
        }

        #[track_caller]
        fn compare(&self, expected: &[u8], found: &[u8]) {
            if expected != found {
                let stray = expected.iter().zip(found).position(|(x, y)| x != y);
                panic!("{:?} wrote at byte {stray:?} of the scene, where it may not", self.call);
            }
        }

        /// Where the call reports a refusal, if there is such a place.
        fn error_place(&self) -> Option<*mut u8> {
            let (report, error) = (self.args.report, self.args.error);
            let align = align_of::<c::rot_error>();
            let usable = |at: *mut u8| !at.is_null() && at.addr().is_multiple_of(align);
            if self.call.takes("report") {
                let fits = |size: u32| (32..=4096).contains(&size) && size.is_multiple_of(8);
                let found = usable(report) && fits(self.get(report));
                found.then(|| report.wrapping_add(offset_of!(c::Report<T>, error)))
            } else {
                (self.call.takes("error") && usable(error)).then_some(error)
            }
        }

        /// Calls and demands a refusal that wrote nothing but what a refusal may. Gives the status
        /// and what was told of it.
        #[track_caller]
        fn refusal(&self) -> (i32, Option<c::rot_error>) {
            let mut expected = self.bytes();
            let status = self.run();
            let found = self.bytes();
            assert!(status < 0, "{:?} gave {status}", self.call);
            if status != ErrorKind::Overlap as i32 {
                self.allow_work(&mut expected, &found);
            }
            let told = self.error_place().map(|place| {
                self.allow(&mut expected, &found, place, size_of::<c::rot_error>());
                if self.call.takes("report") {
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

        #[track_caller]
        fn refused_at(&self, kind: ErrorKind, argument: Argument, row: u64, col: u64) {
            let (status, told) = self.refusal();
            assert_eq!(status, kind as i32, "{:?}: expected {kind:?}", self.call);
            if let Some(e) = told {
                let found = (e.argument, e.row, e.col);
                assert_eq!(found, (argument as u32, row, col), "{:?}: {kind:?}", self.call);
            }
        }

        #[track_caller]
        fn refused(&self, kind: ErrorKind, argument: Argument) {
            self.refused_at(kind, argument, NOWHERE, NOWHERE);
        }

        /// Calls and demands success or a remark, and that only outputs were written.
        #[track_caller]
        fn accepted(&self) -> i32 {
            let mut expected = self.bytes();
            let status = self.run();
            let found = self.bytes();
            assert!(status >= 0, "{:?} gave {status}", self.call);
            self.allow_work(&mut expected, &found);
            for (at, bytes) in self.outputs() {
                self.allow(&mut expected, &found, at, bytes);
            }
            if let Some(place) = self.error_place() {
                self.allow(&mut expected, &found, place, size_of::<c::rot_error>());
                let e: c::rot_error = self.get(place);
                assert_eq!((e.status, e.argument, e.row, e.col), (status, 0, NOWHERE, NOWHERE));
            }
            self.compare(&expected, &found);
            status
        }
    }

    /// Whether a call writes through a pointer of [`POINTERS`].
    fn writes(call: Call, name: &str) -> bool {
        match name {
            "f" | "g" => !call.is_plan(),
            "work" | "report" | "state" | "error" => true,
            "value" | "row" | "col" | "transport" | "out data" => true,
            _ => false,
        }
    }

    // ---------------------------------------------------------------- refusals

    /// One of each; a new kind needs a line here.
    fn every_refusal_is_reached<T: C>() {
        for kind in ErrorKind::ALL {
            let mut s = Scene::<T>::new(Call::Solve, 3, 4, 0);
            let mut at = (NOWHERE, NOWHERE);
            let argument = match kind {
                ErrorKind::Null => {
                    s.args.f = null_mut();
                    Argument::RowPotentials
                }
                ErrorKind::StructSize => {
                    s.problem(|p| p.struct_size = 4);
                    Argument::Problem
                }
                ErrorKind::Alignment => {
                    s.args.g = s.args.g.wrapping_add(1);
                    Argument::ColPotentials
                }
                ErrorKind::Overlap => {
                    s.args.f = s.args.g;
                    Argument::RowPotentials
                }
                ErrorKind::NotBuilt => {
                    // Here only where there is no AVX2; the trimmed libraries have the rest.
                    if robust_ot::kernel::Level::avx2().is_some() {
                        continue;
                    }
                    s.options(|o| o.level = ROT_LEVEL_AVX2);
                    Argument::Level
                }
                ErrorKind::Kind => {
                    s.problem(|p| p.cost_kind = 3);
                    Argument::CostKind
                }
                ErrorKind::Empty => {
                    s.problem(|p| p.cost.rows = 0);
                    Argument::Cost
                }
                ErrorKind::Shape => {
                    s.problem(|p| p.a_len = 2);
                    Argument::RowWeights
                }
                ErrorKind::Stride => {
                    s = Scene::new(Call::Dense, 3, 4, 0);
                    s.out(|o| o.row_stride = 0);
                    Argument::Output
                }
                ErrorKind::TooLarge => {
                    s.problem(|p| p.cost.row_stride = usize::MAX);
                    Argument::Cost
                }
                ErrorKind::WorkTooSmall => {
                    s.args.work_len -= 1;
                    Argument::Work
                }
                ErrorKind::NotANumber => {
                    s.set("cost", 6, T::NAN);
                    at = (1, 2);
                    Argument::Cost
                }
                ErrorKind::Infinite => {
                    s.set("a", 2, T::INFINITY);
                    at = (2, NOWHERE);
                    Argument::RowWeights
                }
                ErrorKind::Negative => {
                    s.set("b", 1, -T::ONE);
                    at = (1, NOWHERE);
                    Argument::ColWeights
                }
                ErrorKind::ZeroMass => {
                    s.fill(s.at("a"), &[T::ZERO; 3]);
                    Argument::RowWeights
                }
                ErrorKind::MassMismatch => {
                    s.problem(|p| p.rows = c_rule(Rule::Exact));
                    Argument::ColWeights
                }
                ErrorKind::NoPartner => {
                    s.fill(s.at("cost"), &[T::INFINITY; 4]);
                    at = (0, NOWHERE);
                    Argument::RowWeights
                }
                ErrorKind::Epsilon => {
                    s.problem(|p| p.epsilon = T::ZERO);
                    Argument::Epsilon
                }
                ErrorKind::Tau => {
                    s.problem(|p| p.rows = c_rule(Rule::Kl { tau: -T::ONE }));
                    Argument::RowRule
                }
                ErrorKind::Tolerance => {
                    s.options(|o| o.tolerance = T::NAN);
                    Argument::Stop
                }
                ErrorKind::Count => {
                    s.options(|o| o.check_every = 0);
                    Argument::CheckEvery
                }
                ErrorKind::NoCertificate => {
                    s.balance();
                    s.options(|o| o.stop = ROT_STOP_CERTIFIED);
                    Argument::Stop
                }
                ErrorKind::TargetOutOfReach => {
                    s.problem(|p| p.epsilon = T::of(100.0));
                    s.options(|o| o.stop = ROT_STOP_CERTIFIED);
                    Argument::Stop
                }
                ErrorKind::UnitMassRule => {
                    s.problem(|p| p.flags = ROT_UNIT_MASS);
                    Argument::ColRule
                }
                _ => panic!("{kind:?} has no example here"),
            };
            s.refused_at(kind, argument, at.0, at.1);
        }
    }

    fn null_pointers<T: C>() {
        for &call in Call::ALL {
            for d in [0, 2] {
                for (name, argument) in pointers(call, d) {
                    let mut s = Scene::<T>::new(call, 3, 4, d);
                    s.aim(name, null_mut());
                    if matches!(name, "options" | "error" | "transport") {
                        s.accepted();
                    } else {
                        s.refused(ErrorKind::Null, argument);
                    }
                }
            }
        }
    }

    fn misaligned_pointers<T: C>() {
        for &call in if SMALL { &[Call::Init, Call::Map] } else { Call::ALL } {
            for d in if SMALL { vec![2] } else { vec![0, 2] } {
                for (name, argument) in pointers(call, d) {
                    for shift in if SMALL { vec![2] } else { vec![1, 2] } {
                        let mut s = Scene::<T>::new(call, 3, 4, d);
                        s.aim(name, s.at(name).wrapping_add(shift));
                        s.refused(ErrorKind::Alignment, argument);
                    }
                }
            }
        }
    }

    /// The versioned structs that a call takes.
    fn structs(call: Call) -> impl Iterator<Item = (&'static str, Argument)> {
        const SIZED: [&str; 4] = ["problem", "options", "report", "state"];
        pointers(call, 0).filter(|(name, _)| SIZED.contains(name))
    }

    fn struct_sizes<T: C>() {
        for &call in Call::ALL {
            for (name, argument) in structs(call) {
                let s = Scene::<T>::new(call, 3, 4, 0);
                let whole = s.span(name);
                // A report holds at least its refusal, a state all of the solve.
                let short: &[usize] = match name {
                    "report" => &[8, 16, 24],
                    "state" => &[8, whole - 8],
                    _ => &[],
                };
                let never = [0, 1, 4, 7, 12, whole + 4, 4104, 5000, u32::MAX as usize];
                for &size in never.iter().chain(short) {
                    s.put(s.at(name), size as u32);
                    s.refused(ErrorKind::StructSize, argument);
                }
            }
        }
    }

    /// A program of a later version: what is behind the known fields must be zero where it is read.
    fn longer_structs<T: C>() {
        for &call in Call::ALL {
            for (name, argument) in structs(call) {
                let reference = Scene::<T>::new(call, 3, 4, 0);
                reference.accepted();
                for longer in [8, TAIL] {
                    let s = Scene::<T>::new(call, 3, 4, 0);
                    let (at, whole) = (s.at(name), s.span(name));
                    let tail = at.wrapping_add(whole);
                    s.put(at, (whole + longer) as u32);
                    for k in if name == "report" { vec![] } else { vec![0, longer / 2, longer - 1] }
                    {
                        s.fill_bytes(tail, TAIL, 0);
                        s.put(tail.wrapping_add(k), 1_u8);
                        s.refused(ErrorKind::StructSize, argument);
                    }
                    if name != "report" {
                        s.fill_bytes(tail, TAIL, 0);
                    }
                    s.accepted();
                    assert_eq!(s.results(), reference.results(), "{call:?} {name}");
                }
            }
        }
    }

    /// A program of an earlier version: what it lacks has the default, and is neither read nor
    /// written.
    fn shorter_structs<T: C>() {
        let cut = |s: &Scene<T>, name: &str, size: usize| {
            let (at, whole) = (s.at(name), s.span(name));
            s.put(at, size as u32);
            s.fill_bytes(at.wrapping_add(size), whole - size, 0xFF);
        };
        for call in Call::ALL.iter().copied().filter(|call| call.takes("options")) {
            let mut reference = Scene::<T>::new(call, 3, 4, 0);
            reference.args.options = null_mut();
            let status = reference.accepted();
            for size in (8..=size_of::<c::Options<T>>()).step_by(8) {
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.put(s.args.options, default_options::<T>());
                cut(&s, "options", size);
                assert_eq!(s.accepted(), status);
                assert_eq!(s.results(), reference.results(), "{call:?}, {size} bytes of options");
            }
        }
        for &call in Call::ALL {
            let balanced = || {
                let mut s = Scene::<T>::new(call, 3, 4, 0);
                s.balance();
                s.start();
                s
            };
            // The certificate asks for a relaxed side: nothing to compare.
            if call == Call::Certifiable {
                continue;
            }
            let reference = balanced();
            let status = reference.accepted();
            // All behind epsilon has its default.
            let enough = offset_of!(c::Problem<T>, reserved_value).next_multiple_of(8);
            for size in (8..=size_of::<c::Problem<T>>()).step_by(8) {
                let s = balanced();
                cut(&s, "problem", size);
                if size < enough {
                    let (status, _) = s.refusal();
                    let missing =
                        [ErrorKind::Null, ErrorKind::Empty, ErrorKind::Shape, ErrorKind::Epsilon];
                    assert!(missing.iter().any(|&kind| kind as i32 == status), "{status}");
                } else {
                    assert_eq!(s.accepted(), status);
                    assert_eq!(
                        s.results(),
                        reference.results(),
                        "{call:?}, {size} bytes of problem"
                    );
                }
            }
        }
        for call in [Call::Solve, Call::Finish] {
            let reference = Scene::<T>::new(call, 3, 4, 0);
            reference.accepted();
            let whole = reference.results();
            for size in (32..=size_of::<c::Report<T>>()).step_by(8) {
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.put(s.args.report, size as u32);
                s.accepted();
                // The report is the last of the outputs.
                assert_eq!(
                    s.results()[..],
                    whole[..whole.len() - (size_of::<c::Report<T>>() - size)]
                );
            }
        }
    }

    /// The same in memory that ends with the struct, for tools that watch reads.
    fn shorter_structs_in_their_own_memory<T: C>() {
        fn shortened<V>(value: &V, size: usize) -> Box<[u64]> {
            let source = core::ptr::from_ref(value).cast::<u64>();
            // SAFETY: the structs are a multiple of eight bytes long and aligned to that.
            let words = unsafe { core::slice::from_raw_parts(source, size / 8) };
            let mut words = words.to_vec().into_boxed_slice();
            let first = words.as_mut_ptr().cast::<u32>();
            // SAFETY: the leading four bytes.
            unsafe { first.write(size as u32) };
            words
        }
        let mut s = Scene::<T>::new(Call::Solve, 3, 4, 0);
        let mut options = shortened(&default_options::<T>(), 8);
        s.balance();
        let problem: c::Problem<T> = s.get(s.args.problem);
        let mut problem = shortened(&problem, offset_of!(c::Problem<T>, rows));
        let mut report = shortened(&empty_report::<T>(), 32);
        s.args.options = options.as_mut_ptr().cast();
        s.args.problem = problem.as_mut_ptr().cast();
        s.args.report = report.as_mut_ptr().cast();
        assert!(s.run() >= 0);
        s.args.work_len = 0;
        assert_eq!(s.run(), ErrorKind::WorkTooSmall as i32);
    }

    /// A range ends where the struct says, not where this version of it would.
    fn the_range_of_a_struct_is_its_size<T: C>() {
        let outputs = [
            (Call::Solve, "f", Argument::RowPotentials),
            (Call::Certifiable, "value", Argument::Output),
            (Call::Row, "value", Argument::Output),
            (Call::Marginals, "row", Argument::Output),
        ];
        for (call, output, argument) in outputs {
            for name in ["options", "problem"].into_iter().filter(|name| call.takes(name)) {
                let short =
                    if name == "options" { 8 } else { offset_of!(c::Problem<T>, reserved_sizes) };
                let mut s = Scene::<T>::new(call, 3, 4, 0);
                s.put(s.at(name), short as u32);
                s.aim(output, s.at(name).wrapping_add(short));
                s.accepted();

                let mut s = Scene::<T>::new(call, 3, 4, 0);
                let (at, whole) = (s.at(name), s.span(name));
                s.fill_bytes(at.wrapping_add(whole), TAIL, 0);
                s.put(at, (whole + TAIL) as u32);
                s.aim(output, at.wrapping_add(whole));
                s.refused(ErrorKind::Overlap, argument);
            }
        }
    }

    type Change<T> = fn(&Scene<T>);

    /// Each change in a call of its own, in every call that takes `name`.
    fn each<T: C>(
        calls: &[Call],
        d: usize,
        kind: ErrorKind,
        changes: &[(&str, Argument, Change<T>)],
    ) {
        for &call in calls {
            for &(name, argument, change) in changes {
                if call.takes(name) {
                    let s = Scene::<T>::new(call, 3, 4, d);
                    change(&s);
                    s.refused(kind, argument);
                }
            }
        }
    }

    fn reserved_fields<T: C>() {
        each::<T>(
            Call::ALL,
            0,
            ErrorKind::StructSize,
            &[
                ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_value = T::ONE)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_value = T::NAN)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_sizes[0] = 1)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.reserved_sizes[7] = 1)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.reserved[0] = 1)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.reserved[3] = 1 << 63)),
                ("problem", Argument::Cost, |s| s.problem(|p| p.cost.reserved = 1)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.flags = 1)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.lower = p.a)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.lower_stride = 1)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.upper = p.a)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.upper_stride = 1)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.reserved[1] = 1)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.param[1] = T::ONE)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.param[3] = T::NAN)),
                ("problem", Argument::ColRule, |s| s.problem(|p| p.cols.param[0] = T::ONE)),
                ("problem", Argument::ColRule, |s| s.problem(|p| p.cols.reserved[0] = 1)),
                ("options", Argument::Options, |s| s.options(|o| o.reserved_value = T::ONE)),
                ("options", Argument::Options, |s| s.options(|o| o.reserved32 = 1)),
                ("options", Argument::Options, |s| s.options(|o| o.reserved[0] = 1)),
                ("options", Argument::Options, |s| s.options(|o| o.reserved[5] = 1)),
                ("values", Argument::Values, |s| s.values(|v| v.reserved = 1)),
                ("out", Argument::Output, |s| s.out(|o| o.reserved = 1)),
            ],
        );
        each::<T>(
            Call::ALL,
            2,
            ErrorKind::StructSize,
            &[
                ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.reserved = 1)),
                ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.reserved = 1)),
            ],
        );
    }

    /// Zero also where the call has no use for the struct.
    fn reserved_fields_without_use<T: C>() {
        let kind = ErrorKind::StructSize;
        each::<T>(
            Call::ALL,
            0,
            kind,
            &[
                ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.reserved = 1)),
                ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.reserved = 1)),
                ("state", Argument::State, |s| {
                    s.edit(s.args.state, |state: &mut c::State<T>| state.reserved[7] = 1);
                }),
            ],
        );
        each::<T>(
            Call::ALL,
            2,
            kind,
            &[("problem", Argument::Cost, |s| {
                s.problem(|p| p.cost.reserved = 1);
            })],
        );
    }

    fn unknown_values<T: C>() {
        each::<T>(
            Call::ALL,
            0,
            ErrorKind::Kind,
            &[
                ("problem", Argument::CostKind, |s| s.problem(|p| p.cost_kind = 3)),
                ("problem", Argument::CostKind, |s| s.problem(|p| p.cost_kind = u32::MAX)),
                ("problem", Argument::RowRule, |s| s.problem(|p| p.rows.kind = 2)),
                ("problem", Argument::ColRule, |s| s.problem(|p| p.cols.kind = u32::MAX)),
                ("problem", Argument::Reference, |s| s.problem(|p| p.reference = 2)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.flags = 2)),
                ("problem", Argument::Problem, |s| s.problem(|p| p.flags = 1 << 31)),
                ("options", Argument::Stop, |s| s.options(|o| o.stop = 2)),
                ("options", Argument::Options, |s| s.options(|o| o.flags = 4)),
                ("options", Argument::Options, |s| s.options(|o| o.flags = 1 << 31)),
                ("options", Argument::Level, |s| s.options(|o| o.level = 3)),
            ],
        );
        each::<T>(
            &[Call::Step, Call::Finish],
            0,
            ErrorKind::Kind,
            &[
                ("state", Argument::State, |s| s.put(s.args.state, empty_state::<T>())),
                ("state", Argument::State, |s| {
                    s.edit(s.args.state, |state: &mut c::State<T>| state.mark ^= 1);
                }),
                ("state", Argument::State, |s| {
                    s.edit(s.args.state, |state: &mut c::State<T>| state.flags[2] = 99);
                }),
            ],
        );
    }

    fn values_out_of_range<T: C>() {
        let tiny = T::MIN_POSITIVE * T::of(0.25);
        for &call in Call::ALL {
            for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY, tiny] {
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.problem(|p| p.epsilon = bad);
                s.refused(ErrorKind::Epsilon, Argument::Epsilon);

                let s = Scene::<T>::new(call, 3, 4, 0);
                s.problem(|p| p.rows.param[0] = bad);
                s.refused(ErrorKind::Tau, Argument::RowRule);
                s.problem(|p| {
                    (p.rows, p.cols) = (c_rule(Rule::Exact), c_rule(Rule::Kl { tau: bad }))
                });
                s.refused(ErrorKind::Tau, Argument::ColRule);
            }
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.problem(|p| p.flags = ROT_UNIT_MASS);
            s.refused(ErrorKind::UnitMassRule, Argument::ColRule);
            s.problem(|p| (p.rows, p.cols) = (p.cols, p.rows));
            s.refused(ErrorKind::UnitMassRule, Argument::RowRule);
        }
        for call in Call::VALIDATING {
            let s = Scene::<T>::new(call, 3, 4, 0);
            for stop in [ROT_STOP_RESIDUAL, ROT_STOP_CERTIFIED] {
                for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
                    s.options(|o| (o.stop, o.tolerance) = (stop, bad));
                    s.refused(ErrorKind::Tolerance, Argument::Stop);
                }
            }
            s.options(|o| (o.tolerance, o.max_iterations) = (T::ONE, 0));
            s.refused(ErrorKind::Count, Argument::MaxIterations);
            s.options(|o| (o.max_iterations, o.check_every) = (1, 0));
            s.refused(ErrorKind::Count, Argument::CheckEvery);
            s.options(|o| (o.tolerance, o.check_every) = (T::of(1e-3), 1));
            s.problem(|p| p.epsilon = T::of(100.0));
            s.refused(ErrorKind::TargetOutOfReach, Argument::Stop);
            s.balance();
            s.refused(ErrorKind::NoCertificate, Argument::Stop);
            // Epsilon too small for the cost.
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.set("cost", 5, T::MAX);
            s.refused(ErrorKind::Epsilon, Argument::Epsilon);
        }
        let mut s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
        for bad in [T::ZERO, -T::ONE, T::NAN, T::INFINITY] {
            s.args.target = bad;
            s.refused(ErrorKind::Tolerance, Argument::Stop);
        }
        s.args.target = T::ONE;
        s.balance();
        s.refused(ErrorKind::NoCertificate, Argument::Stop);
    }

    /// Weights, costs and points, at the first, a middle and the last place.
    fn bad_data<T: C>() {
        let bad = [
            (T::NAN, ErrorKind::NotANumber),
            (T::INFINITY, ErrorKind::Infinite),
            (-T::INFINITY, ErrorKind::Negative),
            (-T::of(1e-30), ErrorKind::Negative),
        ];
        for call in Call::VALIDATING {
            for (name, len) in [("a", 3), ("b", 4)] {
                let argument = POINTERS.iter().find(|p| p.0 == name).unwrap().1;
                for k in [0, 1, len - 1] {
                    for (value, kind) in bad {
                        let s = Scene::<T>::new(call, 3, 4, 0);
                        s.set(name, k, value);
                        s.refused_at(kind, argument, k as u64, NOWHERE);
                        // The first of several is named.
                        s.set(name, len - 1, T::NAN);
                        s.refused_at(
                            if k == len - 1 { ErrorKind::NotANumber } else { kind },
                            argument,
                            k as u64,
                            NOWHERE,
                        );
                    }
                }
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.fill(s.at(name), &vec![T::ZERO; len]);
                s.refused(ErrorKind::ZeroMass, argument);
                s.fill(s.at(name), &vec![T::MAX; len]);
                s.refused(ErrorKind::Infinite, argument);
            }
            for k in [0, 6, 11] {
                let (row, col) = (k as u64 / 4, k as u64 % 4);
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.set("cost", k, T::NAN);
                s.refused_at(ErrorKind::NotANumber, Argument::Cost, row, col);
                s.set("cost", k, -T::INFINITY);
                s.refused_at(ErrorKind::Infinite, Argument::Cost, row, col);
                // One forbidden pair is none too many.
                s.set("cost", k, T::INFINITY);
                s.accepted();
            }
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.fill(s.at("cost").wrapping_add(4 * size_of::<T>()), &[T::INFINITY; 4]);
            s.refused_at(ErrorKind::NoPartner, Argument::RowWeights, 1, NOWHERE);
            let s = Scene::<T>::new(call, 3, 4, 0);
            for i in 0..3 {
                s.set("cost", i * 4 + 2, T::INFINITY);
            }
            s.refused_at(ErrorKind::NoPartner, Argument::ColWeights, 2, NOWHERE);
            // A partner without weight is none, a side without weight needs none.
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.fill(s.at("cost"), &[T::INFINITY, T::ONE, T::INFINITY, T::INFINITY]);
            s.set("b", 1, T::ZERO);
            s.refused_at(ErrorKind::NoPartner, Argument::RowWeights, 0, NOWHERE);
            s.set("a", 0, T::ZERO);
            s.accepted();

            for (name, len, argument) in
                [("x", 6, Argument::RowPoints), ("y", 8, Argument::ColPoints)]
            {
                for k in [0, 3, len - 1] {
                    let (row, col) = (k as u64 / 2, k as u64 % 2);
                    let s = Scene::<T>::new(call, 3, 4, 2);
                    s.set(name, k, T::NAN);
                    s.refused_at(ErrorKind::NotANumber, argument, row, col);
                    s.set(name, k, -T::INFINITY);
                    s.refused_at(ErrorKind::Infinite, argument, row, col);
                    // Finite points whose distance is not.
                    s.set(name, k, T::MAX);
                    s.refused(ErrorKind::TooLarge, Argument::RowPoints);
                }
            }
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.balance();
            s.accepted();
            s.set("b", 0, T::of(0.26));
            s.refused(ErrorKind::MassMismatch, Argument::ColWeights);

            for (name, len, argument) in
                [("f", 3, Argument::RowPotentials), ("g", 4, Argument::ColPotentials)]
            {
                for k in [0, len - 1] {
                    let s = Scene::<T>::new(call, 3, 4, 0);
                    s.set(name, k, T::NAN);
                    s.options(|o| o.flags = ROT_WARM_START);
                    s.refused_at(ErrorKind::NotANumber, argument, k as u64, NOWHERE);
                    s.set(name, k, T::INFINITY);
                    s.refused_at(ErrorKind::Infinite, argument, k as u64, NOWHERE);
                    s.set(name, k, -T::INFINITY);
                    s.accepted();
                    // A cold start does not look.
                    s.set(name, k, T::NAN);
                    s.options(|o| o.flags = 0);
                    s.accepted();
                }
            }
        }
        for call in [Call::Marginals, Call::Map, Call::Dense] {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.set("f", 2, T::NAN);
            s.refused_at(ErrorKind::NotANumber, Argument::RowPotentials, 2, NOWHERE);
            s.set("f", 2, -T::INFINITY);
            s.set("g", 3, T::INFINITY);
            s.refused_at(ErrorKind::Infinite, Argument::ColPotentials, 3, NOWHERE);
            s.set("g", 3, -T::INFINITY);
            s.accepted();
        }
    }

    /// The largest certifiable epsilon of weights that no solve takes is no number to go by.
    fn certifiable_epsilon_refuses_bad_weights<T: C>() {
        for (value, kind) in [
            (T::NAN, ErrorKind::NotANumber),
            (T::INFINITY, ErrorKind::Infinite),
            (-T::ONE, ErrorKind::Negative),
        ] {
            for (name, argument) in [("a", Argument::RowWeights), ("b", Argument::ColWeights)] {
                let s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
                s.set(name, 1, value);
                s.refused(kind, argument);
            }
        }
        let s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
        s.fill(s.at("b"), &[T::ZERO; 4]);
        s.refused(ErrorKind::ZeroMass, Argument::ColWeights);
    }

    fn shapes<T: C>() {
        each::<T>(
            Call::ALL,
            0,
            ErrorKind::Shape,
            &[
                ("problem", Argument::RowWeights, |s| s.problem(|p| p.a_len = 2)),
                ("problem", Argument::RowWeights, |s| s.problem(|p| p.a_len = 0)),
                ("problem", Argument::ColWeights, |s| s.problem(|p| p.b_len = 3)),
                ("problem", Argument::RowWeights, |s| s.problem(|p| p.cost.rows = 2)),
                ("problem", Argument::ColWeights, |s| s.problem(|p| p.cost.cols = 3)),
                ("values", Argument::Values, |s| s.values(|v| v.rows = 3)),
                ("out", Argument::Output, |s| s.out(|o| o.rows = 2)),
                ("out", Argument::Output, |s| s.out(|o| o.cols = 1)),
            ],
        );
        each::<T>(
            Call::ALL,
            2,
            ErrorKind::Shape,
            &[
                ("problem", Argument::RowWeights, |s| s.problem(|p| p.x.rows = 2)),
                ("problem", Argument::ColWeights, |s| s.problem(|p| p.y.rows = 3)),
                ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.cols = 1)),
                ("problem", Argument::ColPoints, |s| s.problem(|p| p.x.cols = 1)),
            ],
        );
        each::<T>(
            Call::ALL,
            0,
            ErrorKind::Empty,
            &[
                ("problem", Argument::Cost, |s| s.problem(|p| p.cost.rows = 0)),
                ("problem", Argument::Cost, |s| s.problem(|p| p.cost.cols = 0)),
                ("values", Argument::Values, |s| s.values(|v| v.cols = 0)),
                ("out", Argument::Output, |s| s.out(|o| o.rows = 0)),
            ],
        );
        each::<T>(
            Call::ALL,
            2,
            ErrorKind::Empty,
            &[
                ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.rows = 0)),
                ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.rows = 0)),
                ("problem", Argument::RowPoints, |s| {
                    s.problem(|p| (p.x.cols, p.y.cols) = (0, 0));
                }),
            ],
        );
        for (call, i, j, argument) in [
            (Call::Entry, 3, 0, Argument::Row),
            (Call::Entry, usize::MAX, 9, Argument::Row),
            (Call::Entry, 2, 4, Argument::Col),
            (Call::Row, 3, 0, Argument::Row),
            (Call::Row, usize::MAX, 0, Argument::Row),
        ] {
            let mut s = Scene::<T>::new(call, 3, 4, 0);
            (s.args.i, s.args.j) = (i, j);
            let index = if argument == Argument::Row { i } else { j };
            s.refused_at(ErrorKind::Shape, argument, index as u64, NOWHERE);
        }
    }

    fn strides<T: C>() {
        each::<T>(
            &[Call::Map, Call::Dense],
            0,
            ErrorKind::Stride,
            &[
                ("out", Argument::Output, |s| s.out(|o| o.row_stride = 0)),
                ("out", Argument::Output, |s| s.out(|o| o.col_stride = 0)),
                ("out", Argument::Output, |s| s.out(|o| o.row_stride = 1)),
                ("out", Argument::Output, |s| s.out(|o| o.row_stride = o.cols - 1)),
                ("out", Argument::Output, |s| {
                    s.out(|o| (o.row_stride, o.col_stride) = (1, o.rows - 1));
                }),
            ],
        );
        // Inputs may repeat themselves.
        for &call in Call::ALL {
            for (row_stride, col_stride) in [(0, 1), (1, 0), (0, 0), (2, 1)] {
                let mut s = Scene::<T>::new(call, 3, 4, 0);
                s.problem(|p| (p.cost.row_stride, p.cost.col_stride) = (row_stride, col_stride));
                s.values(|v| (v.row_stride, v.col_stride) = (row_stride, col_stride));
                s.start();
                s.accepted();
            }
        }
        // Outputs may have gaps, which stay as they are.
        for call in [Call::Map, Call::Dense] {
            let reference = Scene::<T>::new(call, 3, 4, 0);
            reference.accepted();
            for strides in [|cols| (cols + 1, 1), |_| (1, 4), |cols| (2 * cols, 2)] {
                let s = Scene::<T>::new(call, 3, 4, 0);
                s.out(|o| (o.row_stride, o.col_stride) = strides(o.cols));
                s.accepted();
                assert_eq!(s.results(), reference.results(), "{call:?}");
            }
        }
    }

    fn sizes_that_overflow<T: C>() {
        const HALF: usize = usize::MAX / 2;
        each::<T>(
            Call::ALL,
            0,
            ErrorKind::TooLarge,
            &[
                ("problem", Argument::Cost, |s| s.problem(|p| p.cost.row_stride = usize::MAX)),
                ("problem", Argument::Cost, |s| s.problem(|p| p.cost.col_stride = HALF)),
                // The extent fits, in bytes it does not.
                ("problem", Argument::Cost, |s| {
                    s.problem(|p| p.cost.row_stride = HALF / size_of::<T>())
                }),
                ("problem", Argument::RowWeights, |s| s.problem(|p| p.a_len = usize::MAX)),
                ("problem", Argument::RowWeights, |s| {
                    s.problem(|p| p.a_len = HALF / size_of::<T>() + 1);
                }),
                ("problem", Argument::ColWeights, |s| {
                    s.problem(|p| p.b_len = usize::MAX / size_of::<T>() + 2);
                }),
                ("values", Argument::Values, |s| s.values(|v| v.row_stride = HALF)),
                ("out", Argument::Output, |s| s.out(|o| o.row_stride = HALF)),
                ("out", Argument::Output, |s| s.out(|o| o.row_stride = HALF / size_of::<T>())),
            ],
        );
        each::<T>(
            Call::ALL,
            2,
            ErrorKind::TooLarge,
            &[
                ("problem", Argument::RowPoints, |s| s.problem(|p| p.x.row_stride = usize::MAX)),
                ("problem", Argument::ColPoints, |s| s.problem(|p| p.y.col_stride = usize::MAX)),
            ],
        );
        #[cfg(target_pointer_width = "64")]
        {
            const MANY: usize = 1 << 32;
            each::<T>(
                Call::ALL,
                0,
                ErrorKind::TooLarge,
                &[
                    ("problem", Argument::Cost, |s| {
                        s.problem(|p| (p.cost.rows, p.cost.row_stride) = (MANY, 0));
                    }),
                    ("problem", Argument::Cost, |s| {
                        s.problem(|p| (p.cost.cols, p.cost.col_stride) = (MANY, 0));
                    }),
                    ("values", Argument::Values, |s| {
                        s.values(|v| (v.rows, v.row_stride) = (MANY, 0));
                    }),
                    ("out", Argument::Output, |s| s.out(|o| o.rows = MANY)),
                    ("out", Argument::Output, |s| s.out(|o| o.cols = MANY)),
                ],
            );
            each::<T>(
                Call::ALL,
                2,
                ErrorKind::TooLarge,
                &[
                    ("problem", Argument::RowPoints, |s| {
                        s.problem(|p| (p.x.cols, p.x.col_stride) = (MANY, 0));
                    }),
                    ("problem", Argument::ColPoints, |s| {
                        s.problem(|p| (p.y.rows, p.y.row_stride) = (MANY, 0));
                    }),
                ],
            );
        }
        for call in Call::ALL.iter().copied().filter(|call| call.takes("work")) {
            let bytes = HALF / size_of::<T>();
            for work_len in [usize::MAX, bytes + 1, usize::MAX / size_of::<T>() + 9] {
                let mut s = Scene::<T>::new(call, 3, 4, 0);
                s.args.work_len = work_len;
                s.refused(ErrorKind::TooLarge, Argument::Work);
            }
        }
    }

    /// A work length that overflows, from arrays that exist: address space without memory.
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    fn a_work_length_that_overflows<T: C>() {
        unsafe extern "C" {
            fn mmap(
                at: *mut c_void,
                len: usize,
                prot: i32,
                flags: i32,
                fd: i32,
                off: i64,
            ) -> *mut u8;
            fn munmap(at: *mut u8, len: usize) -> i32;
        }
        const MANY: usize = u32::MAX as usize;
        let bytes = 2 * MANY * size_of::<T>();
        // SAFETY: PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE: zeros, wherever there is
        // room. What would be written to is refused before.
        let zeros = unsafe { mmap(null_mut(), bytes, 1, 0x4022, -1, 0) };
        assert!(zeros.addr() != usize::MAX, "no address space");
        for call in [Call::Solve, Call::Check, Call::Init, Call::Marginals] {
            let mut s = Scene::<T>::new(call, 1, 4, 1);
            s.problem(|p| {
                let repeat = c::Matrix { row_stride: 0, col_stride: 0, ..p.y };
                p.x = c::Matrix { cols: MANY, ..c::Matrix { data: p.x.data, rows: 1, ..repeat } };
                p.y = c::Matrix { rows: MANY, cols: MANY, ..repeat };
                (p.b, p.b_len) = (zeros.cast(), MANY);
            });
            s.args.g = zeros.wrapping_add(MANY * size_of::<T>());
            if call == Call::Marginals {
                // Of m elements as well, and an output: it may not share the place of g.
                s.args.col = s.args.g;
                s.args.g = zeros;
            }
            s.refused(ErrorKind::TooLarge, Argument::Cost);
        }
        // SAFETY: the mapping, which nothing points to any more.
        assert_eq!(unsafe { munmap(zeros, bytes) }, 0);
    }

    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    )))]
    fn a_work_length_that_overflows<T: C>() {}

    /// The exact length succeeds between its guards, one element less is refused.
    fn work_lengths_are_exact<T: C>() {
        let sides = [0, 1, 2, 7, 8, 9, 33];
        for call in Call::ALL.iter().copied().filter(|call| call.takes("work")) {
            for n in sides {
                for m in sides {
                    for d in 0..4 {
                        let goes_on = matches!(call, Call::Step | Call::Finish);
                        if n == 0 || m == 0 {
                            if !goes_on {
                                let argument = match d {
                                    0 => Argument::Cost,
                                    _ if n == 0 => Argument::RowPoints,
                                    _ => Argument::ColPoints,
                                };
                                let no_output = call == Call::Dense || call == Call::Map && n == 0;
                                let argument = if no_output { Argument::Output } else { argument };
                                Scene::<T>::new(call, n, m, d).refused(ErrorKind::Empty, argument);
                            }
                            continue;
                        }
                        let mut s = Scene::<T>::new(call, n, m, d);
                        s.options(|o| o.max_iterations = 2);
                        let exact = s.args.work_len;
                        s.args.work_len = exact - 1;
                        s.refused(ErrorKind::WorkTooSmall, Argument::Work);
                        s.args.work_len = 0;
                        s.refused(ErrorKind::WorkTooSmall, Argument::Work);
                        s.args.work_len = exact;
                        s.accepted();
                    }
                }
            }
        }
    }

    // ---------------------------------------------------------------- overlaps

    /// A written range over another argument: from its start, at its last element or with its own
    /// last element at the other's first.
    fn overlap<T: C>(call: Call, d: usize, one: &str, other: &str, place: &str) {
        // A struct stays where it is, for its contents are looked at first.
        let sized = |name: &str| matches!(name, "problem" | "options" | "report" | "state");
        let (mover, target) = match (sized(one), sized(other)) {
            (true, false) => (other, one),
            (true, true) if other == "report" => (other, one),
            _ => (one, other),
        };
        let unit = if mover == "error" { 8 } else { size_of::<T>() };
        let mut s = Scene::<T>::new(call, 3, 4, d);
        let (at, last) = (s.at(target), s.span(target).saturating_sub(unit) / unit * unit);
        match place {
            "start" => s.aim(mover, at),
            _ if sized(mover) => return,
            "end" => s.aim(mover, at.wrapping_add(last)),
            _ => s.aim(mover, at.wrapping_sub(s.span(mover) - unit)),
        }
        // Work may have come to lie over more than was asked for: each writer in touch with another
        // range may be blamed.
        let ranges: Vec<_> = pointers(call, d)
            .map(|(name, argument)| (name, argument as u32, s.at(name).addr(), s.span(name)))
            .collect();
        let meets = |x: &(&str, u32, usize, usize), y: &(&str, u32, usize, usize)| {
            x.0 != y.0 && x.2 < y.2 + y.3 && y.2 < x.2 + x.3
        };
        let to_blame =
            |x: &(&str, u32, usize, usize)| writes(call, x.0) && ranges.iter().any(|y| meets(x, y));
        let blamed: Vec<u32> = ranges.iter().filter(|x| to_blame(x)).map(|x| x.1).collect();
        let (status, told) = s.refusal();
        // What lies where another struct is does not look like a state, and is refused for that.
        if mover != "state" {
            let context = format!("{call:?}: {mover} over the {place} of {target}");
            assert_eq!(status, ErrorKind::Overlap as i32, "{context}");
            assert!(told.is_none_or(|e| blamed.contains(&e.argument)), "{context}");
        }
    }

    fn overlaps<T: C>() {
        for &call in Call::ALL {
            for d in [0, 2] {
                for (one, _) in pointers(call, d).filter(|(name, _)| writes(call, name)) {
                    for (other, _) in pointers(call, d).filter(|(name, _)| *name != one) {
                        for place in ["start", "end", "before"] {
                            overlap::<T>(call, d, one, other, place);
                        }
                    }
                }
            }
        }
    }

    /// Ranges side by side share nothing.
    fn neighbours<T: C>() {
        for &call in Call::ALL {
            for d in [0, 2] {
                let all: Vec<_> = pointers(call, d).collect();
                for &(one, _) in &all {
                    if !writes(call, one) || matches!(one, "work" | "report" | "state") {
                        continue;
                    }
                    for &(other, _) in all.iter().filter(|p| p.0 != one) {
                        for after in [true, false] {
                            let mut s = Scene::<T>::new(call, 3, 4, d);
                            let (at, size, own) = (s.at(other), s.span(other), s.span(one));
                            let to =
                                if after { at.wrapping_add(size) } else { at.wrapping_sub(own) };
                            if one == "error" && !to.addr().is_multiple_of(8) {
                                continue;
                            }
                            s.copy_bytes(to, s.at(one), own);
                            s.aim(one, to);
                            s.accepted();
                        }
                    }
                }
            }
        }
    }

    fn inputs_may_overlap<T: C>() {
        for &call in Call::ALL {
            let mut s = Scene::<T>::new(call, 3, 3, 2);
            s.problem(|p| (p.y, p.b) = (p.x, p.a));
            s.aim("values data", s.at("x"));
            if call.is_plan() {
                s.args.g = s.args.f;
            }
            s.start();
            s.accepted();
            let mut s = Scene::<T>::new(call, 3, 3, 0);
            s.problem(|p| p.b = p.cost.data.wrapping_add(1));
            s.start();
            s.accepted();
        }
    }

    // ---------------------------------------------------------------- endings

    unsafe extern "C" fn stop_at_once<T>(_: *mut c_void, _: *const c::Progress<T>) -> i32 {
        -7
    }

    /// One of each; a new ending needs a line here.
    fn every_ending_is_reached<T: C>() {
        for ending in Termination::ALL {
            let s = Scene::<T>::new(Call::Solve, 3, 4, 0);
            s.put(s.args.options, default_options::<T>());
            match ending {
                Termination::Converged => {}
                Termination::IterationLimit => s.options(|o| o.max_iterations = 1),
                Termination::Stopped => {
                    s.options(|o| o.check_every = 1);
                    s.options(|o| o.observe = Some(stop_at_once::<T>));
                }
                Termination::RoundingFloor => s.options(|o| o.tolerance = T::MIN_POSITIVE),
                Termination::Stalled => {
                    // The mass of three rows has to go through one column of too little.
                    s.balance();
                    s.fill(s.at("cost"), &[T::INFINITY; 12]);
                    for k in [0, 4, 8, 9, 10, 11] {
                        s.set("cost", k, T::ZERO);
                    }
                    s.options(|o| o.tolerance = T::of(1e-3));
                }
                Termination::NumericalTrouble => {
                    s.set("cost", 6, T::NAN);
                    s.options(|o| o.flags = ROT_TRUST_DATA);
                }
                Termination::OutOfReach => {
                    s.options(|o| (o.stop, o.tolerance) = (ROT_STOP_CERTIFIED, T::of(1e-2)));
                }
                _ => panic!("{ending:?} has no example here"),
            }
            assert_eq!(s.accepted(), ending as i32, "{ending:?}");
            let report: c::Report<T> = s.get(s.args.report);
            assert_eq!(report.converged, u32::from(ending == Termination::Converged));
            for (name, len) in [("f", 3), ("g", 4)] {
                for k in 0..len {
                    let x: T = s.get(s.at(name).wrapping_add(k * size_of::<T>()));
                    assert!(x.is_finite(), "{ending:?}: {name}[{k}] is {x}");
                }
            }
        }
    }

    /// Data that was to be trusted and should not have been: an ending, never convergence.
    fn trusted_data_ends_without_convergence<T: C>() {
        let mut converged = Vec::new();
        for (name, len) in [("a", 3), ("b", 4), ("cost", 12), ("x", 6), ("y", 8)] {
            // Costs may be infinite, points and costs negative.
            let bad: &[f64] = match name {
                "a" | "b" => &[f64::NAN, -1.0, -f64::INFINITY, f64::INFINITY],
                "cost" => &[f64::NAN, -f64::INFINITY],
                _ => &[f64::NAN, -f64::INFINITY, f64::INFINITY],
            };
            for &bad in bad {
                for k in [0, len - 1] {
                    let d = if matches!(name, "x" | "y") { 2 } else { 0 };
                    let s = Scene::<T>::new(Call::Solve, 3, 4, d);
                    s.options(|o| (o.flags, o.max_iterations) = (ROT_TRUST_DATA, 1000));
                    s.set(name, k, T::of(bad));
                    let status = s.accepted();
                    let report: c::Report<T> = s.get(s.args.report);
                    if status == 0 || report.converged != 0 {
                        converged.push((name, k, bad));
                    }
                }
            }
        }
        assert!(converged.is_empty(), "{converged:?}");
    }

    /// What the initialisers hold is what a missing struct means.
    fn defaults<T: C>() {
        let solve = |options: Option<c::Options<T>>| {
            let mut s = Scene::<T>::new(Call::Solve, 2, 2, 0);
            s.balance();
            s.fill(s.at("cost"), &[0.0, 1.3, 1.0, 0.3].map(T::of));
            // So slow that the limit comes first.
            s.problem(|p| {
                p.epsilon = T::ONE / T::of(if size_of::<T>() == 8 { 13.0 } else { 11.0 })
            });
            match options {
                Some(options) => s.put(s.args.options, options),
                None => s.args.options = null_mut(),
            }
            let status = s.accepted();
            (status, s.get::<c::Report<T>>(s.args.report).iterations, s.results())
        };
        let missing = solve(None);
        assert_eq!(missing, solve(Some(default_options())));
        if size_of::<T>() == 8 {
            assert_eq!((missing.0, missing.1), (Termination::IterationLimit as i32, 100_000));
        }
        // A struct that ends before `check_every`: the first look at the certificate is the tenth
        // sweep.
        let s = Scene::<T>::new(Call::Solve, 3, 4, 0);
        let (stop, tolerance) = (ROT_STOP_CERTIFIED, T::of(0.9));
        s.put(s.args.options, c::Options { stop, tolerance, ..default_options::<T>() });
        s.put(s.args.options, offset_of!(c::Options<T>, check_every) as u32);
        assert_eq!(s.accepted(), 0);
        assert_eq!(s.get::<c::Report<T>>(s.args.report).iterations, 10);
    }

    fn certifiable_epsilon<T: C>() {
        for target in [0.5, 1e-2] {
            let mut s = Scene::<T>::new(Call::Certifiable, 3, 4, 0);
            s.args.target = T::of(target);
            assert_eq!(s.accepted(), 0);
            let epsilon: T = s.get(s.args.value);
            // Solved at that epsilon, the target is certified.
            let solved = Scene::<T>::new(Call::Solve, 3, 4, 0);
            solved.problem(|p| p.epsilon = epsilon);
            let (stop, tolerance) = (ROT_STOP_CERTIFIED, T::of(target));
            solved.options(|o| (o.stop, o.tolerance, o.max_iterations) = (stop, tolerance, 10_000));
            assert_eq!(solved.accepted(), 0);
            let report: c::Report<T> = solved.get(solved.args.report);
            assert!(report.certified_distance <= T::of(target));
        }
    }

    // ---------------------------------------------------------------- memory

    fn the_contents_of_work_do_not_matter<T: C>() {
        let huge = T::MAX * T::of(0.5);
        for call in Call::ALL.iter().copied().filter(|call| call.takes("work")) {
            if matches!(call, Call::Step | Call::Finish) {
                continue;
            }
            for d in [0, 2] {
                let results = [T::ZERO, T::NAN, huge, -huge, T::of(1e30), T::INFINITY].map(|x| {
                    let s = Scene::<T>::new(call, 5, 4, d);
                    s.fill(s.args.work, &vec![x; s.args.work_len]);
                    s.accepted();
                    s.results()
                });
                assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{call:?}");
            }
        }
    }

    /// Work needs the alignment of its element type, and more of it changes no bit.
    fn work_may_begin_anywhere<T: C>() {
        for call in
            [Call::Solve, Call::Check, Call::Finish, Call::Marginals, Call::Map, Call::Dense]
        {
            let results = |shift: usize| {
                let mut s = Scene::<T>::new(call, 3, 4, 2);
                // The guard behind it has the room.
                s.args.work = s.args.work.wrapping_add(shift);
                s.start();
                s.accepted();
                // The state knows where the work began.
                s.call = if call == Call::Finish { Call::Solve } else { call };
                s.results()
            };
            let reference = results(0);
            for shift in (0..64).step_by(align_of::<T>()) {
                assert_eq!(results(shift), reference, "{call:?}, {shift} bytes further");
            }
        }
    }

    /// Memory that ends with the last element; work, potentials and outputs never written before.
    fn uninitialised_memory_of_exact_length<T: C>() {
        fn raw<V>(memory: &mut [MaybeUninit<V>]) -> *mut u8 {
            memory.as_mut_ptr().cast()
        }
        for (n, m, d) in
            if SMALL { vec![(2, 3, 0), (1, 2, 1)] } else { vec![(3, 5, 0), (1, 1, 2), (17, 2, 1)] }
        {
            let mut data = [n * m, n * d, m * d, n, m, m * K].map(|len| numbers::<T>(len, 3));
            let [cost, x, y, a, b, values] = &mut data;
            a[0] = T::ONE;
            b[0] = T::ONE;
            let mut problem = c::Problem {
                a: a.as_ptr(),
                a_len: n,
                b: b.as_ptr(),
                b_len: m,
                epsilon: T::ONE,
                rows: c_rule(Rule::Kl { tau: T::ONE }),
                cols: c_rule(Rule::Kl { tau: T::of(2.0) }),
                ..no_problem()
            };
            if d == 0 {
                problem.cost = matrix(cost.as_ptr(), n, m);
            } else {
                problem.cost_kind = ROT_COST_EUCLIDEAN;
                (problem.x, problem.y) = (matrix(x.as_ptr(), n, d), matrix(y.as_ptr(), m, d));
            }
            let lens =
                [n, m, rot_sinkhorn_work_len(n, m, d), rot_plan_work_len(n, m, d), m, n, m, 1];
            let mut memory = lens.map(Box::<[T]>::new_uninit_slice);
            let [f, g, work, plan_work, value, row, col, transport] = &mut memory;
            let mut error = MaybeUninit::<c::rot_error>::uninit();
            let (mut report, mut state) = (empty_report::<T>(), empty_state::<T>());
            let mut options = c::Options { max_iterations: 2, ..default_options::<T>() };
            let mut args = Args {
                problem: (&raw mut problem).cast(),
                options: (&raw mut options).cast(),
                f: raw(f),
                g: raw(g),
                work: raw(work),
                work_len: work.len(),
                iterations: 3,
                report: (&raw mut report).cast(),
                state: (&raw mut state).cast(),
                error: error.as_mut_ptr().cast(),
                ..Args::<T>::none()
            };
            let run = |call, args: &Args<T>| {
                // SAFETY: every pointer is valid for the extent that goes with it.
                let status = unsafe { T::call(call, args) };
                assert!(status >= 0, "{call:?} gave {status}");
            };
            // Each from the start: what one wrote must not serve the next.
            for call in [Call::Check, Call::Solve, Call::Init, Call::Step, Call::Finish] {
                run(call, &args);
            }
            (args.work, args.work_len) = (raw(plan_work), plan_work.len());
            (args.value, args.row, args.col) = (raw(value), raw(row), raw(col));
            args.transport = raw(transport);
            for call in [Call::Entry, Call::Row, Call::Marginals] {
                run(call, &args);
            }
            let values = matrix(values.as_ptr(), m, K);
            args.values = (&raw const values).cast_mut().cast();
            for (call, cols) in [(Call::Map, K), (Call::Dense, m)] {
                // A gap behind each row but the last: it stays unwritten.
                let mut memory = Box::<[T]>::new_uninit_slice(n * (cols + 1) - 1);
                let data = memory.as_mut_ptr().cast::<T>();
                let stride = cols + 1;
                let (rows, row_stride, col_stride) = (n, stride, 1);
                let out = c::MatrixMut { data, rows, cols, row_stride, col_stride, reserved: 0 };
                args.out = (&raw const out).cast_mut().cast();
                run(call, &args);
                for (i, row) in memory.chunks(stride).enumerate() {
                    for x in &row[..cols] {
                        // SAFETY: the call wrote every entry; an interpreter checks it.
                        let x = unsafe { x.assume_init() };
                        assert!(x.is_finite(), "{call:?}, row {i}");
                    }
                }
            }
        }
    }

    // ---------------------------------------------------------------- results

    /// Balanced, either side relaxed, both, and both at unit mass.
    fn rule_pair<T: C>(which: usize) -> (Rule<T>, Rule<T>) {
        let (kl, other) = (Rule::Kl { tau: T::of(0.7) }, Rule::Kl { tau: T::of(3.0) });
        let exact = Rule::Exact;
        [(exact, exact), (kl, exact), (exact, kl), (kl, other), (kl, other)][which]
    }

    /// The same problem for both interfaces.
    struct Case<T> {
        n: usize,
        m: usize,
        d: usize,
        kind: u32,
        /// Cost, points and values in memory, with their strides.
        cost: (Vec<T>, [usize; 2]),
        x: (Vec<T>, [usize; 2]),
        y: (Vec<T>, [usize; 2]),
        values: (Vec<T>, [usize; 2]),
        a: Vec<T>,
        b: Vec<T>,
        rows: Rule<T>,
        cols: Rule<T>,
        reference: Reference,
        unit_mass: bool,
        epsilon: T,
        limit: u64,
        level: u32,
    }

    fn view<T: C>(
        (data, [down, across]): &(Vec<T>, [usize; 2]),
        rows: usize,
        cols: usize,
    ) -> Mat<'_, T> {
        Mat::strided(data, rows, cols, *down, *across).unwrap()
    }

    impl<T: C> Case<T> {
        /// Rows and columns in memory with gaps, or one behind the other.
        fn new(kind: u32, layout: usize, rules: usize, reference: Reference) -> Self {
            let (n, m, d) = if SMALL { (3, 4, 2) } else { (6, 19, 3) };
            let stored = |rows: usize, cols: usize, seed| {
                let strides = [[cols, 1], [cols + 3, 1], [1, rows + 1], [2 * cols, 2]][layout];
                // No longer than the last entry asks for: tools that watch reads see one too many.
                (numbers((rows - 1) * strides[0] + (cols - 1) * strides[1] + 1, seed), strides)
            };
            let (rows, cols) = rule_pair(rules);
            let unit_mass = rules == 4;
            let (mut a, mut b) = (numbers::<T>(n, 40), numbers::<T>(m, 41));
            (a[1], b[2]) = (T::ZERO, T::ZERO);
            if rules == 0 {
                let mass = |w: &[T]| w.iter().fold(T::ZERO, |sum, &x| sum + x);
                let factor = mass(&a) / mass(&b);
                b.iter_mut().for_each(|x| *x = *x * factor);
            }
            let mut cost = stored(n, m, 42);
            let strides = cost.1;
            if rules != 0 {
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
            }
        }

        fn c_problem(&self) -> c::Problem<T> {
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

        fn c_options(&self) -> c::Options<T> {
            c::Options { max_iterations: self.limit, level: self.level, ..default_options() }
        }

        fn work_len(&self) -> usize {
            let d = if self.kind == ROT_COST_DENSE { 0 } else { self.d };
            rot_sinkhorn_work_len(self.n, self.m, d)
        }
    }

    macro_rules! report_bits {
        ($report:expr) => {
            report_bits!($report, epsilon residual residual_rows residual_cols rounding_floor
                transport_cost entropy row_penalty col_penalty objective unregularised_objective
                dual_value gap lower_bound certified_distance mass log_mass mass_factor)
        };
        ($report:expr, $($field:ident)*) => {
            [$report.iterations $(, $report.$field.bits())*].to_vec()
        };
    }

    fn bits<T: C>(values: &[T]) -> Vec<u64> {
        values.iter().map(|x| x.bits()).collect()
    }

    /// What both interfaces give, as bits: ending, report, potentials, then all of the plan.
    type Outcome = Vec<(&'static str, Vec<u64>)>;

    fn by_rust<T: C, G: Geometry<T>>(case: &Case<T>, geometry: G) -> Outcome {
        let (n, m) = (case.n, case.m);
        let problem = Problem::<T, G>::new(
            geometry,
            (&case.a, case.rows),
            (&case.b, case.cols),
            case.epsilon,
        )
        .unwrap()
        .reference(case.reference);
        let problem = if case.unit_mass { problem.unit_mass().unwrap() } else { problem };
        let (mut f, mut g) = (vec![T::ZERO; n], vec![T::ZERO; m]);
        let mut work = vec![T::ZERO; case.work_len()];
        let options = Options::new().max_iterations(case.limit);
        let report =
            sinkhorn::solve(&problem, &options, &mut f, &mut g, &mut work, &mut ()).unwrap();
        let mut all = vec![
            ("ending", vec![report.termination as u64, u64::from(report.converged())]),
            ("report", report_bits!(report)),
            ("f", bits(&f)),
            ("g", bits(&g)),
        ];
        let mut plan = Plan::new(&problem, &f, &g, report.log_mass, &mut work).unwrap();
        let entries = (0..n * m).map(|k| plan.entry(k / m, k % m).unwrap().bits()).collect();
        let mut rows = vec![T::ZERO; n * m];
        for (i, row) in rows.chunks_mut(m).enumerate() {
            plan.row(i, row).unwrap();
        }
        let mut x = vec![T::ZERO; n * m];
        plan.to_dense(&mut MatMut::new(&mut x, n, m).unwrap()).unwrap();
        let (mut row, mut col, mut map) =
            (vec![T::ZERO; n], vec![T::ZERO; m], vec![T::ZERO; n * K]);
        let transport = plan.marginals(&mut row, &mut col).unwrap();
        let mut out = MatMut::new(&mut map, n, K).unwrap();
        plan.barycentric_map(&view(&case.values, m, K), &mut out).unwrap();
        all.extend([
            ("entries", entries),
            ("rows", bits(&rows)),
            ("dense", bits(&x)),
            ("row", bits(&row)),
            ("col", bits(&col)),
            ("transport", vec![transport.bits()]),
            ("map", bits(&map)),
        ]);
        all
    }

    fn by_c<T: C>(case: &Case<T>) -> Outcome {
        let (n, m) = (case.n, case.m);
        let (problem, options) = (case.c_problem(), case.c_options());
        let (mut f, mut g) = (vec![T::NAN; n], vec![T::NAN; m]);
        let mut work = vec![T::NAN; case.work_len()];
        let mut report = empty_report::<T>();
        fn raw<V>(values: &mut [V]) -> *mut u8 {
            values.as_mut_ptr().cast()
        }
        let mut args = Args {
            problem: (&raw const problem).cast_mut().cast(),
            options: (&raw const options).cast_mut().cast(),
            f: raw(&mut f),
            g: raw(&mut g),
            work: raw(&mut work),
            work_len: work.len(),
            report: (&raw mut report).cast(),
            ..Args::none()
        };
        let run = |call, args: &Args<T>| {
            // SAFETY: every pointer is valid for the extent that goes with it.
            let status = unsafe { T::call(call, args) };
            assert!(status >= 0, "{call:?} gave {status}");
            status
        };
        let status = run(Call::Solve, &args);
        assert_eq!(status, report.error.status);
        let mut all = vec![
            ("ending", vec![status as u64, u64::from(report.converged)]),
            ("report", report_bits!(report)),
            ("f", bits(&f)),
            ("g", bits(&g)),
        ];
        (args.f, args.g, args.log_mass) = (raw(&mut f), raw(&mut g), report.log_mass);
        let (mut entries, mut rows, mut x) =
            (vec![T::NAN; n * m], vec![T::NAN; n * m], vec![T::NAN; n * m]);
        for (k, entry) in entries.iter_mut().enumerate() {
            (args.i, args.j, args.value) = (k / m, k % m, core::ptr::from_mut(entry).cast());
            run(Call::Entry, &args);
        }
        for (i, row) in rows.chunks_mut(m).enumerate() {
            (args.i, args.value) = (i, raw(row));
            run(Call::Row, &args);
        }
        let (mut row, mut col, mut map) = (vec![T::NAN; n], vec![T::NAN; m], vec![T::NAN; n * K]);
        let mut transport = T::NAN;
        (args.row, args.col) = (raw(&mut row), raw(&mut col));
        args.transport = (&raw mut transport).cast();
        run(Call::Marginals, &args);
        let values = c::Matrix {
            row_stride: case.values.1[0],
            col_stride: case.values.1[1],
            ..matrix(case.values.0.as_ptr(), m, K)
        };
        args.values = (&raw const values).cast_mut().cast();
        for (call, data, cols) in [(Call::Map, &mut map, K), (Call::Dense, &mut x, m)] {
            // Column by column, to be turned below.
            let (data, rows, row_stride, col_stride) = (data.as_mut_ptr(), n, 1, n);
            let out = c::MatrixMut { data, rows, cols, row_stride, col_stride, reserved: 0 };
            args.out = (&raw const out).cast_mut().cast();
            run(call, &args);
        }
        let turned = |values: &[T]| {
            let cols = values.len() / n;
            (0..values.len()).map(|k| values[k / cols + k % cols * n].bits()).collect::<Vec<_>>()
        };
        all.extend([
            ("entries", bits(&entries)),
            ("rows", bits(&rows)),
            ("dense", turned(&x)),
            ("row", bits(&row)),
            ("col", bits(&col)),
            ("transport", vec![transport.bits()]),
            ("map", turned(&map)),
        ]);
        all
    }

    fn both_interfaces_give_the_same_bits<T: C>() {
        let mut count = 0;
        for kind in [ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN] {
            for layout in 0..4 {
                for rules in 0..5 {
                    for reference in [Reference::Counting, Reference::Product] {
                        count += 1;
                        if SMALL && ![14, 87].contains(&count) {
                            continue;
                        }
                        let mut case = Case::<T>::new(kind, layout, rules, reference);
                        let (n, m, d) = (case.n, case.m, case.d);
                        let points = |metric| {
                            Points::new(view(&case.x, n, d), view(&case.y, m, d), metric).unwrap()
                        };
                        let rust = match kind {
                            ROT_COST_DENSE => by_rust(&case, Dense::new(view(&case.cost, n, m))),
                            ROT_COST_EUCLIDEAN => by_rust(&case, points(Metric::Euclidean)),
                            _ => by_rust(&case, points(Metric::SquaredEuclidean)),
                        };
                        for level in [ROT_LEVEL_FASTEST, ROT_LEVEL_PORTABLE] {
                            if SMALL && level == ROT_LEVEL_PORTABLE {
                                continue;
                            }
                            case.level = level;
                            for (c, rust) in by_c(&case).iter().zip(&rust) {
                                assert_eq!(
                                    c, rust,
                                    "cost {kind}, layout {layout}, rules {rules}, {reference:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    // ---------------------------------------------------------------- observer and slices

    /// What an observer saw, and when it is to stop.
    struct Log {
        seen: Vec<[u64; 4]>,
        calls_left: usize,
    }

    unsafe extern "C" fn watch<T: C>(user: *mut c_void, progress: *const c::Progress<T>) -> i32 {
        // SAFETY: the log that the options hold, and nobody else uses it during the solve.
        let log = unsafe { &mut *user.cast::<Log>() };
        // SAFETY: valid for the call.
        let p = unsafe { progress.read() };
        assert_eq!(p.struct_size as usize, size_of::<c::Progress<T>>());
        assert_eq!((p.reserved32, p.reserved_value.bits()), (0, 0));
        let distance = p.certified_distance.bits();
        log.seen.push([p.iterations, p.epsilon.bits(), p.residual.bits(), distance]);
        log.calls_left -= 1;
        i32::from(log.calls_left == 0)
    }

    fn the_observer_sees_and_stops<T: C>() {
        const LIMIT: u64 = if SMALL { 6 } else { 20 };
        for (stop, check_every) in [(ROT_STOP_RESIDUAL, 3), (ROT_STOP_CERTIFIED, 4)] {
            for calls in if SMALL { vec![1] } else { vec![1, 4, usize::MAX] } {
                let change = |o: &mut c::Options<T>| {
                    (o.stop, o.check_every, o.max_iterations) = (stop, check_every, LIMIT);
                    o.tolerance = T::of(1e-30);
                };
                // Of the certificate only what the entropy leaves: never reached, never given up.
                let epsilon = T::of(1e-3);
                let s = Scene::<T>::new(Call::Solve, 5, 4, 0);
                s.problem(|p| p.epsilon = epsilon);
                s.options(change);
                let mut log = Log { seen: Vec::new(), calls_left: calls };
                let user = (&raw mut log).cast();
                s.options(|o| o.observe = Some(watch::<T>));
                s.options(|o| o.user = user);
                let status = s.accepted();
                let report: c::Report<T> = s.get(s.args.report);
                let every = u64::from(check_every);
                let stopped = calls < usize::MAX;
                let expected = if stopped { calls as u64 } else { (LIMIT - 1) / every };
                assert_eq!(log.seen.len() as u64, expected);
                for (k, [iterations, e, ..]) in log.seen.iter().enumerate() {
                    assert_eq!((*iterations, *e), ((k as u64 + 1) * every, epsilon.bits()));
                }
                // As the Rust interface tells its observer.
                let p: c::Problem<T> = s.get(s.args.problem);
                let slice = |data: *const T, len: usize| -> Vec<T> {
                    (0..len).map(|k| s.get(data.wrapping_add(k).cast())).collect()
                };
                let (cost, a, b) = (slice(p.cost.data, 20), slice(p.a, 5), slice(p.b, 4));
                let kl = Rule::Kl { tau: p.rows.param[0] };
                let dense = Dense::new(Mat::new(&cost, 5, 4).unwrap());
                let problem =
                    Problem::<T, _>::new(dense, (&a, kl), (&b, Rule::Exact), epsilon).unwrap();
                let tolerance = T::of(1e-30);
                let stop_rule = if stop == ROT_STOP_CERTIFIED {
                    Stop::Certified(tolerance)
                } else {
                    Stop::Residual(tolerance)
                };
                let options =
                    Options::new().stop(stop_rule).check_every(check_every).max_iterations(LIMIT);
                let mut seen = Vec::new();
                let mut observer = |p: &Progress<T>| {
                    let distance = p.certified_distance.bits();
                    seen.push([p.iterations, p.epsilon.bits(), p.residual.bits(), distance]);
                    if seen.len() == calls {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                };
                let (mut f, mut g) = (vec![T::ZERO; 5], vec![T::ZERO; 4]);
                let mut work = vec![T::ZERO; rot_sinkhorn_work_len(5, 4, 0)];
                let found =
                    sinkhorn::solve(&problem, &options, &mut f, &mut g, &mut work, &mut observer);
                let found = found.unwrap();
                assert_eq!(seen, log.seen);
                assert_eq!(status, found.termination as i32);
                assert_eq!(report_bits!(report), report_bits!(found));
                if stopped {
                    assert_eq!(status, Termination::Stopped as i32);
                    assert_eq!(report.iterations, expected * every);
                    assert_eq!(report.converged, 0);
                    // The potentials are those of as many sweeps.
                    let limited = Scene::<T>::new(Call::Solve, 5, 4, 0);
                    limited.problem(|p| p.epsilon = epsilon);
                    limited.options(change);
                    limited.options(|o| o.max_iterations = expected * every);
                    assert_eq!(limited.accepted(), Termination::IterationLimit as i32);
                    let of = |s: &Scene<T>| {
                        [("f", 5), ("g", 4)].map(|(name, len)| slice_of(s, name, len))
                    };
                    assert_eq!(of(&limited), of(&s));
                }
            }
        }
    }

    fn slice_of<T: C>(s: &Scene<T>, name: &str, len: usize) -> Vec<u64> {
        let at = s.at(name).cast_const().cast::<T>();
        (0..len).map(|k| s.get::<T>(at.wrapping_add(k).cast()).bits()).collect()
    }

    /// A solve in slices of some length against the whole.
    fn sliced<T: C>(rules: usize, d: usize, (stop, tolerance): (u32, T), slice: u64) {
        let scene = |call| {
            let s = Scene::<T>::new(call, 5, 4, d);
            if rules == 0 {
                s.balance();
            }
            let (rows, cols) = rule_pair(rules);
            s.problem(|p| {
                (p.rows, p.cols) = (c_rule(rows), c_rule(cols));
                p.flags = if rules == 4 { ROT_UNIT_MASS } else { 0 };
                p.reference = (rules + d) as u32 % 2;
                p.epsilon = T::of(0.1);
            });
            s.options(|o| (o.stop, o.tolerance) = (stop, tolerance));
            if !SMALL {
                s.options(|o| o.max_iterations = 1000);
            }
            s
        };
        let whole = scene(Call::Solve);
        let status = whole.accepted();
        let mut s = scene(Call::Init);
        assert_eq!(s.accepted(), 0);
        s.args.iterations = slice;
        s.call = Call::Step;
        while s.accepted() == ROT_RUNNING {}
        // It has ended: more steps change nothing.
        let before = s.results();
        s.accepted();
        assert_eq!(s.results(), before);
        s.call = Call::Finish;
        assert_eq!(s.accepted(), status);
        let used_up: c::State<T> = s.get(s.args.state);
        assert_eq!(used_up.mark, 0);
        s.call = Call::Solve;
        assert_eq!(s.results(), whole.results(), "rules {rules}, slices of {slice}");
    }

    fn slices_give_the_bits_of_a_solve<T: C>() {
        let residual = (ROT_STOP_RESIDUAL, T::of(1e-3));
        if SMALL {
            return sliced::<T>(3, 3, residual, 1);
        }
        for rules in 0..5 {
            for d in [0, 3] {
                for slice in [1, 3, 7, u64::MAX] {
                    sliced::<T>(rules, d, residual, slice);
                    if rules > 0 {
                        sliced::<T>(rules, d, (ROT_STOP_CERTIFIED, T::of(0.5)), slice);
                    }
                }
                // To the floor of rounding: what tells it has to survive the slices too.
                sliced::<T>(rules, d, (ROT_STOP_RESIDUAL, T::MIN_POSITIVE), 1);
            }
        }
    }

    fn states_are_checked_kept_and_copied<T: C>() {
        // Not begun.
        for call in [Call::Step, Call::Finish] {
            let s = Scene::<T>::new(call, 3, 4, 0);
            s.put(s.args.state, empty_state::<T>());
            s.refused(ErrorKind::Kind, Argument::State);
        }
        // No sweeps: still running, and nothing but the error written.
        let mut s = Scene::<T>::new(Call::Step, 3, 4, 0);
        s.options(|o| o.max_iterations = 20);
        s.args.iterations = 0;
        let before = s.results();
        assert_eq!(s.accepted(), ROT_RUNNING);
        assert_eq!(s.results(), before);
        // Ended while running; then it is used up, for steps as for a second end.
        s.args.iterations = 1;
        assert_eq!(s.accepted(), ROT_RUNNING);
        s.call = Call::Finish;
        assert_eq!(s.accepted(), Termination::IterationLimit as i32);
        s.refused(ErrorKind::Kind, Argument::State);
        s.call = Call::Step;
        s.refused(ErrorKind::Kind, Argument::State);
        // The struct serves again.
        s.call = Call::Init;
        assert_eq!(s.accepted(), 0);
        s.call = Call::Step;
        assert_eq!(s.accepted(), ROT_RUNNING);

        // A copy of state, potentials and work goes on like the original.
        let mut original = Scene::<T>::new(Call::Step, 3, 4, 2);
        assert_eq!(original.accepted(), ROT_RUNNING);
        let mut copy = Scene::<T>::new(Call::Step, 3, 4, 2);
        copy.put(copy.args.state, original.get::<c::State<T>>(original.args.state));
        for name in ["f", "g", "work"] {
            copy.copy_bytes(copy.at(name), original.at(name), original.span(name));
        }
        for call in [Call::Step, Call::Finish] {
            (original.call, copy.call) = (call, call);
            assert_eq!(original.accepted(), copy.accepted());
            assert_eq!(original.results(), copy.results());
        }

        // A refused end leaves the solve as it was.
        let mut s = Scene::<T>::new(Call::Step, 3, 4, 0);
        s.accepted();
        s.call = Call::Finish;
        let f = core::mem::replace(&mut s.args.f, null_mut());
        s.refused(ErrorKind::Null, Argument::RowPotentials);
        s.args.f = f;
        assert_eq!(s.accepted(), Termination::IterationLimit as i32);
    }

    fn threads_give_the_same_bits<T: C>() {
        struct Shared<T>(c::Problem<T>);
        // SAFETY: what it points to is read only, and outlives the threads.
        unsafe impl<T> Sync for Shared<T> {}

        let case = Case::<T>::new(ROT_COST_EUCLIDEAN, 1, 3, Reference::Product);
        let shared = Shared(case.c_problem());
        let solve = |shared: &Shared<T>| {
            let (mut f, mut g) = (vec![T::ZERO; shared.0.a_len], vec![T::ZERO; shared.0.b_len]);
            let mut work = vec![T::NAN; case.work_len()];
            let mut report = empty_report::<T>();
            let options = case.c_options();
            let args = Args {
                problem: (&raw const shared.0).cast_mut().cast(),
                options: (&raw const options).cast_mut().cast(),
                f: f.as_mut_ptr().cast(),
                g: g.as_mut_ptr().cast(),
                work: work.as_mut_ptr().cast(),
                work_len: work.len(),
                report: (&raw mut report).cast(),
                ..Args::<T>::none()
            };
            // SAFETY: outputs and work are this thread's own.
            assert!(unsafe { T::call(Call::Solve, &args) } >= 0);
            (bits(&f), bits(&g), report_bits!(report))
        };
        let alone = solve(&shared);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let shared = &shared;
                        (0..if SMALL { 1 } else { 20 }).map(|_| solve(shared)).collect::<Vec<_>>()
                    })
                })
                .collect();
            for thread in threads {
                assert!(thread.join().unwrap().iter().all(|found| *found == alone));
            }
        });
    }

    macro_rules! for_both_precisions {
        (interpreted { $($name:ident)* } compiled { $($fast:ident)* }) => {
            #[cfg(feature = "f64")]
            mod double {
                $(#[test] fn $name() { super::$name::<f64>(); })*
                $(#[test] #[cfg_attr(miri, ignore)] fn $fast() { super::$fast::<f64>(); })*
            }
            mod single {
                $(#[test] fn $name() { super::$name::<f32>(); })*
                $(#[test] #[cfg_attr(miri, ignore)] fn $fast() { super::$fast::<f32>(); })*
            }
        };
    }

    // What an interpreter could say of the second list is said of the first: those calls end before
    // memory is used, or use it inside one scene.
    for_both_precisions! {
        interpreted {
            every_refusal_is_reached
            misaligned_pointers
            shorter_structs_in_their_own_memory
            inputs_may_overlap
            uninitialised_memory_of_exact_length
            both_interfaces_give_the_same_bits
            the_observer_sees_and_stops
            slices_give_the_bits_of_a_solve
            states_are_checked_kept_and_copied
            threads_give_the_same_bits
        }
        compiled {
            null_pointers
            struct_sizes
            longer_structs
            shorter_structs
            the_range_of_a_struct_is_its_size
            reserved_fields
            reserved_fields_without_use
            unknown_values
            values_out_of_range
            bad_data
            certifiable_epsilon_refuses_bad_weights
            shapes
            strides
            sizes_that_overflow
            a_work_length_that_overflows
            work_lengths_are_exact
            overlaps
            neighbours
            every_ending_is_reached
            trusted_data_ends_without_convergence
            defaults
            certifiable_epsilon
            the_contents_of_work_do_not_matter
            work_may_begin_anywhere
        }
    }
}

/// A library without a part says so, and touches nothing else.
#[cfg(not(all(feature = "f64", feature = "kl", feature = "points")))]
mod trimmed {
    use core::mem::{MaybeUninit, size_of};

    use robust_ot::ffi::types as c;

    use super::*;

    fn empty<V>() -> V {
        // SAFETY: the structs of the interface may be all zero.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    #[cfg(not(all(feature = "kl", feature = "points")))]
    fn not_built(argument: Argument, change: impl Fn(&mut c::rot_problem_f32)) {
        let (cost, weights) = ([0.0, 1.0, 1.0, 0.0], [0.5, 0.5]);
        let matrix = c::rot_matrix_f32 {
            data: cost.as_ptr(),
            rows: 2,
            cols: 2,
            row_stride: 2,
            col_stride: 1,
            reserved: 0,
        };
        let mut problem = c::rot_problem_f32 {
            struct_size: size_of::<c::rot_problem_f32>() as u32,
            cost: matrix,
            x: matrix,
            y: matrix,
            a: weights.as_ptr(),
            a_len: 2,
            b: weights.as_ptr(),
            b_len: 2,
            epsilon: 0.5,
            ..empty()
        };
        let (mut f, mut g) = ([7.0_f32; 2], [7.0; 2]);
        let mut work = vec![0.0; rot_sinkhorn_work_len(2, 2, 2)];
        let struct_size = size_of::<c::rot_report_f32>() as u32;
        let mut report = c::rot_report_f32 { struct_size, mass: 7.0, ..empty() };
        let mut solve = |problem: &c::rot_problem_f32| {
            let (f, g, len) = (f.as_mut_ptr(), g.as_mut_ptr(), work.len());
            let options = core::ptr::null();
            // SAFETY: every pointer is valid for the extent that goes with it.
            unsafe {
                rot_sinkhorn_solve_f32(
                    problem,
                    options,
                    f,
                    g,
                    work.as_mut_ptr(),
                    len,
                    &raw mut report,
                )
            }
        };
        let kind = ErrorKind::NotBuilt as i32;
        change(&mut problem);
        assert_eq!(solve(&problem), kind);
        let mut value = 7.0_f32;
        let mut error: c::rot_error = empty();
        // SAFETY: as above.
        let entry = unsafe {
            rot_plan_entry_f32(&problem, f.as_ptr(), g.as_ptr(), 0.0, 0, 0, &mut value, &mut error)
        };
        assert_eq!((entry, error.status, error.argument), (kind, kind, argument as u32));
        assert_eq!((report.error.status, report.error.argument), (kind, argument as u32));
        let untouched = [f[0], f[1], g[0], g[1], value, report.mass];
        assert!(untouched.iter().all(|x| x.to_bits() == 7.0_f32.to_bits()), "{untouched:?}");
    }

    #[cfg(not(feature = "kl"))]
    #[test]
    fn the_kl_rule() {
        let mut kl: c::rot_rule_f32 = empty();
        (kl.kind, kl.param[0]) = (ffi::ROT_RULE_KL, 1.0);
        not_built(Argument::RowRule, |p| p.rows = kl);
        not_built(Argument::ColRule, |p| p.cols = kl);
    }

    #[cfg(not(feature = "points"))]
    #[test]
    fn points() {
        for kind in [ffi::ROT_COST_SQUARED_EUCLIDEAN, ffi::ROT_COST_EUCLIDEAN] {
            not_built(Argument::CostKind, |p| p.cost_kind = kind);
        }
    }

    /// The symbols exist, and nothing but the place of the refusal matters to them.
    #[cfg(not(feature = "f64"))]
    #[test]
    fn double_precision() {
        use core::ptr::{null, null_mut};
        let kind = ErrorKind::NotBuilt as i32;
        let (no, none, states) = (null_mut::<f64>(), null::<f64>(), null_mut());
        let struct_size = size_of::<c::rot_report_f64>() as u32;
        let mut report = c::rot_report_f64 { struct_size, converged: 1, mass: 7.0, ..empty() };
        let mut error: c::rot_error = empty();
        macro_rules! answers {
            ($($function:ident($($argument:expr),*) tells $told:expr;)*) => {$(
                (report.error.status, error.status) = (0, 0);
                // SAFETY: nothing but the report or the error is used.
                let status = unsafe { $function($($argument),*) };
                assert_eq!((status, $told), (kind, kind), stringify!($function));
            )*};
        }
        answers! {
            rot_sinkhorn_finish_f64(null(), null(), no, no, no, 0, states, &mut report)
                tells report.error.status;
            rot_sinkhorn_solve_f64(null(), null(), no, no, no, 0, &mut report)
                tells report.error.status;
            rot_sinkhorn_init_f64(null(), null(), no, no, no, 0, states, &mut error)
                tells error.status;
            rot_sinkhorn_step_f64(null(), null(), 1, no, no, no, 0, states, &mut error)
                tells error.status;
            rot_plan_entry_f64(null(), none, none, 0.0, 0, 0, no, &mut error) tells error.status;
            rot_plan_row_f64(null(), none, none, 0.0, 0, no, &mut error) tells error.status;
            rot_plan_marginals_f64(null(), none, none, 0.0, no, 0, no, no, no, &mut error)
                tells error.status;
            rot_plan_barycentric_map_f64(null(), none, none, 0.0, null(), null(), no, 0, &mut error)
                tells error.status;
            rot_plan_dense_f64(null(), none, none, 0.0, null(), no, 0, &mut error)
                tells error.status;
            rot_sinkhorn_certifiable_epsilon_f64(null(), 1.0, no) tells kind;
            rot_sinkhorn_check_f64(null(), null(), no, no, no, 0, null_mut()) tells kind;
            rot_sinkhorn_solve_f64(null(), null(), no, no, no, 0, null_mut()) tells kind;
            rot_sinkhorn_check_f64(null(), null(), no, no, no, 0, &mut error) tells error.status;
        }
        assert_eq!((report.converged, report.mass.to_bits()), (0, 7.0_f64.to_bits()));
    }
}
