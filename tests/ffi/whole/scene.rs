//! One call with all its memory, and what it may write there.

use core::mem::{align_of, offset_of, size_of};
use core::ptr::null_mut;

use robust_ot::accuracy::parameters_work_len;
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::accuracy::rot_accuracy_work_len;
use robust_ot::ffi::anneal::rot_anneal_work_len;
use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, rot_gradient_work_len};
use robust_ot::ffi::matching::rot_matching_work_len;
use robust_ot::ffi::plan::rot_plan_work_len;
use robust_ot::ffi::sinkhorn::{rot_sinkhorn_fast_work_len, rot_sinkhorn_work_len};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN};
use robust_ot::marginal::Rule;

use super::calls::{Args, C, Call, K, NOWHERE, SIZED};
use super::initial::{
    c_rule, default_anneal_options, default_gradient_options, default_matching_options,
    default_options, empty_change, empty_cotangent, empty_gradient, empty_report, empty_state,
    empty_tangent, matrix, matrix_mut, no_matrix, no_problem, numbers,
};
use crate::SMALL;

/// One call and all its memory.
pub(crate) struct Scene<T: C> {
    pub(crate) call: Call,
    pub(crate) args: Args<T>,
    n: usize,
    m: usize,
    d: usize,
    base: *mut u64,
    words: usize,
}

/// Words between the parts.
const GUARD: usize = 16;
/// Bytes behind each struct, for longer ones.
pub(crate) const TAIL: usize = 64;
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
    pub(crate) fn new(call: Call, n: usize, m: usize, d: usize) -> Self {
        Self::with_work(call, (n, m, d), None)
    }

    /// The same with room for a kernel, exactly.
    pub(crate) fn fast(call: Call, n: usize, m: usize, d: usize) -> Self {
        Self::with_work(call, (n, m, d), Some(rot_sinkhorn_fast_work_len(n, m, d)))
    }

    /// The same with work of another length.
    pub(crate) fn with_work(
        call: Call,
        (n, m, d): (usize, usize, usize),
        work_len: Option<usize>,
    ) -> Self {
        let least = || match call {
            Call::Vjp | Call::Jvp => rot_gradient_work_len(n, m, d, ROT_METHOD_DIRECT),
            Call::Match => rot_matching_work_len(n, m, d, ROT_METHOD_DIRECT),
            Call::Anneal => rot_anneal_work_len(n, m, d, ROT_METHOD_DIRECT),
            Call::Accurate => rot_accuracy_work_len(n, m, d, ROT_METHOD_DIRECT),
            Call::Parameters => parameters_work_len(m),
            _ if call.is_plan() => rot_plan_work_len(n, m, d),
            _ => rot_sinkhorn_work_len(n, m, d),
        };
        let work_len = work_len.unwrap_or_else(least);
        let of = |count: usize| count * size_of::<T>();
        // What the gradients take besides: their inputs and their outputs.
        let (ins, outs) = (call.takes("found"), call.takes("gradient") || call.takes("change"));
        let ladder = call.takes("anneal_options");
        let read = |bytes: usize| if ins { bytes } else { 0 };
        let written = |bytes: usize| if outs { bytes } else { 0 };
        let target = |bytes: usize| if call.takes("accuracy") { bytes } else { 0 };
        let rounds = |bytes: usize| if call.takes("rounded") { bytes } else { 0 };
        let sizes = [
            size_of::<c::Problem<T>>() + TAIL,
            size_of::<c::Options<T>>() + TAIL,
            size_of::<c::Report<T>>() + TAIL,
            size_of::<c::State<T>>() + TAIL,
            size_of::<c::rot_error>(),
            size_of::<c::Matrix<T>>(),
            size_of::<c::MatrixMut<T>>(),
            read(size_of::<c::Report<T>>() + TAIL),
            read(size_of::<c::Cotangent<T>>() + TAIL),
            read(size_of::<c::Tangent<T>>() + TAIL),
            written(size_of::<c::Gradient<T>>() + TAIL),
            written(size_of::<c::Change<T>>() + TAIL),
            written(size_of::<c::GradientOptions<T>>() + TAIL),
            written(size_of::<c::rot_matching_options>() + TAIL),
            if ladder { size_of::<c::AnnealOptions<T>>() + TAIL } else { 0 },
            read(of(n * m)),
            read(of(n * d.max(1))),
            read(of(m * d.max(1))),
            read(of(n)),
            read(of(m)),
            written(of(n * m)),
            written(of(n * d.max(1))),
            written(of(m * d.max(1))),
            written(of(n)),
            written(of(m)),
            target(size_of::<c::Accuracy<T>>()),
            rounds(size_of::<c::Rounded<T>>()),
            rounds(of(n)),
            rounds(of(m)),
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
        let [_, _, _, _, _, _, _, found, cotangent, tangent, gradient, change, ..] = place;
        let [gradient_options, matching_options, anneal_options] =
            [place[12], place[13], place[14]];
        let [.., cost, x, y, a, b, f, g, work, value, row, col, transport, vdata, odata] = place;
        let [accuracy, rounded, added_rows, added_cols] =
            [place[25], place[26], place[27], place[28]];
        #[rustfmt::skip]
        let args = Args {
            problem, options, f, g, work, work_len, report, state, error,
            value, row, col, transport, values, out, found, cotangent, tangent, gradient, change,
            gradient_options, matching_options, anneal_options, accuracy, rounded, added_rows,
            added_cols, ..Args::none()
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
        if ladder {
            // One level above the problem's own.
            let start = T::ONE;
            scene.put(anneal_options, c::AnnealOptions { start, ..default_anneal_options::<T>() });
        }
        if outs {
            let mut data = [null_mut::<u8>(); 10];
            data.copy_from_slice(&place[15..25]);
            scene.prepare_gradient(data);
        }
        if n > 0 && m > 0 {
            scene.start();
        }
        scene
    }

    /// Fills what the calls for gradients take: a loss that depends on all there is, every
    /// output asked for, and potentials that need be no optimum.
    fn prepare_gradient(&self, data: [*mut u8; 10]) {
        let Args { found, cotangent, tangent, gradient, change, .. } = self.args;
        let (n, m, d) = (self.n, self.m, self.d);
        let options = default_gradient_options::<T>();
        let options = c::GradientOptions { forward_tolerance: T::INFINITY, ..options };
        self.put(self.args.gradient_options, options);
        self.put(self.args.matching_options, default_matching_options());
        let [plan, x, y, rows, cols, to_plan, to_x, to_y, to_rows, to_cols] =
            data.map(|p| p.cast::<T>());
        let with_points = |view: c::MatrixMut<T>| {
            if d > 0 { view } else { matrix_mut(core::ptr::null_mut(), 0, 0) }
        };
        let whole = matrix_mut(to_plan, n, m);
        if self.call.takes("found") {
            self.fill(plan.cast(), &numbers(n * m, 9));
            self.fill(x.cast(), &numbers(n * d.max(1), 10));
            self.fill(y.cast(), &numbers(m * d.max(1), 11));
            // Of equal sums.
            self.fill(rows.cast(), &vec![T::from_count(m); n]);
            self.fill(cols.cast(), &vec![T::from_count(n); m]);
            self.put(found, empty_report::<T>());
            let (f, g) = (rows.cast_const(), cols.cast_const());
            let one = T::ONE;
            let loss = c::Cotangent {
                plan: matrix(plan, n, m),
                row_marginal: x,
                col_marginal: y,
                f,
                g,
                transport_cost: one,
                value: T::of(0.5),
                ..empty_cotangent()
            };
            self.put(cotangent, loss);
            let points =
                |data: *mut T, count| if d > 0 { matrix(data, count, d) } else { no_matrix() };
            let direction = c::Tangent {
                cost: matrix(plan, n, m),
                x: points(x, n),
                y: points(y, m),
                a: f,
                b: g,
                epsilon: one,
                ..empty_tangent()
            };
            self.put(tangent, direction);
        }
        let gradients = c::Gradient {
            cost: whole,
            a: to_rows,
            b: to_cols,
            x: with_points(matrix_mut(to_x, n, d)),
            y: with_points(matrix_mut(to_y, m, d)),
            ..empty_gradient()
        };
        self.put(gradient, gradients);
        let places = c::Change {
            plan: whole,
            f: to_rows,
            g: to_cols,
            row_marginal: to_x,
            col_marginal: to_y,
            ..empty_change()
        };
        self.put(change, places);
    }

    /// Begins the solve that a step or its end goes on with; again after a change.
    pub(crate) fn start(&mut self) {
        let call = self.call;
        if matches!(call, Call::Step | Call::Finish) {
            self.call = Call::Init;
            assert_eq!(self.run(), 0);
            self.call = call;
        }
    }

    /// Calls and says what was answered.
    pub(crate) fn run(&self) -> i32 {
        // SAFETY: a good call but for what is under test, which is refused before its use.
        unsafe { T::call(self.call, &self.args) }
    }

    fn inside(&self, pointer: *const u8, bytes: usize) {
        let (base, end) = (self.base.addr(), self.base.addr() + self.words * 8);
        assert!(pointer.addr() >= base && pointer.addr() + bytes <= end, "outside the scene");
    }

    pub(crate) fn get<V: Copy>(&self, pointer: *const u8) -> V {
        self.inside(pointer, size_of::<V>());
        // SAFETY: inside the scene, whose bytes are all set; V takes any bytes.
        unsafe { pointer.cast::<V>().read_unaligned() }
    }

    pub(crate) fn put<V: Copy>(&self, pointer: *mut u8, value: V) {
        self.inside(pointer, size_of::<V>());
        // SAFETY: inside the scene, to which no reference exists.
        unsafe { pointer.cast::<V>().write_unaligned(value) };
    }

    pub(crate) fn fill(&self, pointer: *mut u8, values: &[T]) {
        self.copy_bytes(pointer, values.as_ptr().cast(), size_of_val(values));
    }

    pub(crate) fn fill_bytes(&self, pointer: *mut u8, count: usize, value: u8) {
        self.inside(pointer, count);
        // SAFETY: inside the scene, to which no reference exists.
        unsafe { pointer.write_bytes(value, count) };
    }

    pub(crate) fn copy_bytes(&self, to: *mut u8, from: *const u8, count: usize) {
        self.inside(to, count);
        // SAFETY: into the scene; from what a test holds for as long.
        unsafe { to.copy_from(from, count) };
    }

    pub(crate) fn edit<V: Copy>(&self, pointer: *mut u8, change: impl FnOnce(&mut V)) {
        let mut value = self.get(pointer);
        change(&mut value);
        self.put(pointer, value);
    }

    pub(crate) fn problem(&self, change: impl FnOnce(&mut c::Problem<T>)) {
        self.edit(self.args.problem, change);
    }

    pub(crate) fn options(&self, change: impl FnOnce(&mut c::Options<T>)) {
        self.edit(self.args.options, change);
    }

    pub(crate) fn gradient(&self, change: impl FnOnce(&mut c::Gradient<T>)) {
        self.edit(self.args.gradient, change);
    }

    pub(crate) fn cotangent(&self, change: impl FnOnce(&mut c::Cotangent<T>)) {
        self.edit(self.args.cotangent, change);
    }

    pub(crate) fn tangent(&self, change: impl FnOnce(&mut c::Tangent<T>)) {
        self.edit(self.args.tangent, change);
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut c::Change<T>)) {
        self.edit(self.args.change, change);
    }

    pub(crate) fn gradient_options(&self, change: impl FnOnce(&mut c::GradientOptions<T>)) {
        self.edit(self.args.gradient_options, change);
    }

    pub(crate) fn matching_options(&self, change: impl FnOnce(&mut c::rot_matching_options)) {
        self.edit(self.args.matching_options, change);
    }

    pub(crate) fn anneal_options(&self, change: impl FnOnce(&mut c::AnnealOptions<T>)) {
        self.edit(self.args.anneal_options, change);
    }

    pub(crate) fn values(&self, change: impl FnOnce(&mut c::Matrix<T>)) {
        self.edit(self.args.values, change);
    }

    pub(crate) fn out(&self, change: impl FnOnce(&mut c::MatrixMut<T>)) {
        self.edit(self.args.out, change);
    }

    /// Both sides exact, of mass 1.
    pub(crate) fn balance(&self) {
        self.problem(|p| p.rows = c_rule(Rule::Exact));
        let uniform = |count: usize| vec![T::ONE / T::from_count(count); count];
        self.fill(self.at("a"), &uniform(self.n));
        self.fill(self.at("b"), &uniform(self.m));
    }

    /// Element k of the data under a name.
    pub(crate) fn set(&self, name: &str, k: usize, value: T) {
        self.put(self.at(name).wrapping_add(k * size_of::<T>()), value);
    }

    /// The first elements of the data under a name.
    pub(crate) fn slice(&self, name: &str, len: usize) -> Vec<T> {
        (0..len).map(|k| self.get(self.at(name).wrapping_add(k * size_of::<T>()))).collect()
    }

    /// Where the structs of gradients hold a pointer of [`POINTERS`].
    fn field(&self, name: &str) -> Option<*mut u8> {
        let Args { cotangent, tangent, gradient, change, .. } = self.args;
        macro_rules! fields {
            ($($named:literal: $base:ident, $of:ident, $($field:ident).+;)*) => {
                match name {
                    $($named => ($base, offset_of!(c::$of<T>, $($field).+)),)*
                    _ => return None,
                }
            };
        }
        let (base, offset) = fields! {
            "loss by plan": cotangent, Cotangent, plan.data;
            "loss by row": cotangent, Cotangent, row_marginal;
            "loss by col": cotangent, Cotangent, col_marginal;
            "loss by f": cotangent, Cotangent, f;
            "loss by g": cotangent, Cotangent, g;
            "slope of cost": gradient, Gradient, cost.data;
            "slope of a": gradient, Gradient, a;
            "slope of b": gradient, Gradient, b;
            "slope of x": gradient, Gradient, x.data;
            "slope of y": gradient, Gradient, y.data;
            "moved cost": tangent, Tangent, cost.data;
            "moved a": tangent, Tangent, a;
            "moved b": tangent, Tangent, b;
            "moved x": tangent, Tangent, x.data;
            "moved y": tangent, Tangent, y.data;
            "change of plan": change, Change, plan.data;
            "change of f": change, Change, f;
            "change of g": change, Change, g;
            "change of row": change, Change, row_marginal;
            "change of col": change, Change, col_marginal;
        };
        Some(base.wrapping_add(offset))
    }

    /// Where a pointer of [`POINTERS`] points.
    pub(crate) fn at(&self, name: &str) -> *mut u8 {
        if let Some(field) = self.field(name) {
            return self.get(field);
        }
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
    pub(crate) fn aim(&mut self, name: &str, to: *mut u8) {
        if let Some(field) = self.field(name) {
            return self.put(field, to);
        }
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
    pub(crate) fn span(&self, name: &str) -> usize {
        let elements = match name {
            name if SIZED.contains(&name) => {
                return self.get::<u32>(self.at(name)) as usize;
            }
            "error" => return size_of::<c::rot_error>(),
            "accuracy" => return size_of::<c::Accuracy<T>>(),
            "rounded" => return size_of::<c::Rounded<T>>(),
            "added_rows" => self.n,
            "added_cols" => self.m,
            "values" | "out" => return size_of::<c::Matrix<T>>(),
            "f" | "row" | "a" | "loss by row" | "loss by f" => self.n,
            "g" | "col" | "b" | "loss by col" | "loss by g" => self.m,
            "slope of a" | "moved a" | "change of f" | "change of row" => self.n,
            "slope of b" | "moved b" | "change of g" | "change of col" => self.m,
            "loss by plan" | "slope of cost" | "moved cost" | "change of plan" => self.n * self.m,
            "slope of x" | "moved x" => self.n * self.d,
            "slope of y" | "moved y" => self.m * self.d,
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
            Call::Solve | Call::Anneal => &["f", "g", "report"],
            Call::Check => &[],
            Call::Parameters => &["accuracy"],
            Call::Accurate => &["f", "g", "accuracy", "report"],
            Call::Round => &["row", "col", "added_rows", "added_cols", "rounded"],
            Call::Init | Call::Step => &["f", "g", "state"],
            Call::Finish => &["f", "g", "state", "report"],
            Call::Certifiable | Call::Entry | Call::Row => &["value"],
            Call::Marginals => &["row", "col", "transport"],
            Call::Map | Call::Dense => &["out data"],
            Call::Vjp => &GRADIENTS,
            Call::Jvp => {
                const CHANGES: [&str; 6] = [
                    "change of plan",
                    "change of f",
                    "change of g",
                    "change of row",
                    "change of col",
                    "change",
                ];
                &CHANGES
            }
            Call::Match => &[
                "f",
                "g",
                "report",
                "gradient error",
                GRADIENTS[0],
                GRADIENTS[1],
                GRADIENTS[2],
                GRADIENTS[3],
                GRADIENTS[4],
                GRADIENTS[5],
            ],
        };
        let mut all = Vec::new();
        for &name in names {
            let gradient = self.args.gradient;
            match name {
                "gradient" => {
                    let (from, to) = (
                        offset_of!(c::Gradient<T>, epsilon),
                        offset_of!(c::Gradient<T>, reserved_value),
                    );
                    all.push((gradient.wrapping_add(from), to - from));
                    all.push((gradient.wrapping_add(offset_of!(c::Gradient<T>, iterations)), 4));
                    continue;
                }
                "gradient error" => {
                    let at = gradient.wrapping_add(offset_of!(c::Gradient<T>, error));
                    all.push((at, size_of::<c::rot_error>()));
                    continue;
                }
                "change" => {
                    type Of<T> = c::Change<T>;
                    let (from, to) =
                        (offset_of!(Of<T>, transport_cost), offset_of!(Of<T>, reserved32_2));
                    all.push((self.args.change.wrapping_add(from), to - from));
                    continue;
                }
                "slope of x" | "slope of y" if self.d == 0 => continue,
                _ => {}
            }
            let (at, span) = (self.at(name), self.span(name));
            match name {
                "report" => all.push((at.wrapping_add(4), span.min(size_of::<c::Report<T>>()) - 4)),
                "state" => all.push((at.wrapping_add(4), size_of::<c::State<T>>() - 4)),
                "out data" | "slope of cost" | "slope of x" | "slope of y" | "change of plan" => {
                    // The data comes first.
                    let view = self.field(name).unwrap_or(self.args.out);
                    let view: c::MatrixMut<T> = self.get(view);
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
    pub(crate) fn results(&self) -> Vec<u8> {
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
        let is_zero = |at: *mut u8, from: usize, to: usize| {
            (from..to).all(|k| self.get::<u8>(at.wrapping_add(k)) == 0)
        };
        if matches!(self.call, Call::Vjp | Call::Jvp) {
            // All of it, and nothing unknown.
            macro_rules! place {
                ($at:expr, $of:ident) => {{
                    let (at, least) = ($at, size_of::<c::$of<T>>());
                    let found = usable(at) && {
                        let size = self.get::<u32>(at) as usize;
                        let places = [
                            (offset_of!(c::$of<T>, reserved32), 4),
                            (offset_of!(c::$of<T>, reserved32_2), 4),
                            (offset_of!(c::$of<T>, reserved), 32),
                        ];
                        (least..=4096).contains(&size)
                            && size.is_multiple_of(8)
                            && is_zero(at, least, size)
                            && places.iter().all(|&(from, len)| is_zero(at, from, from + len))
                    };
                    found.then(|| at.wrapping_add(offset_of!(c::$of<T>, error)))
                }};
            }
            return if self.call == Call::Vjp {
                place!(self.args.gradient, Gradient).filter(|_| {
                    let reserved = offset_of!(c::Gradient<T>, reserved_value);
                    is_zero(self.args.gradient, reserved, reserved + size_of::<T>())
                })
            } else {
                place!(self.args.change, Change)
            };
        }
        if self.call.takes("report") {
            let fits = |size: u32| (40..=4096).contains(&size) && size.is_multiple_of(8);
            let found = usable(report) && fits(self.get(report));
            found.then(|| report.wrapping_add(offset_of!(c::Report<T>, error)))
        } else {
            (self.call.takes("error") && usable(error)).then_some(error)
        }
    }

    /// Calls and demands a refusal that wrote nothing but what a refusal may. Gives the status
    /// and what was told of it.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (i32, Option<c::rot_error>) {
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
    pub(crate) fn refused_at(&self, kind: ErrorKind, argument: Argument, row: u64, col: u64) {
        let (status, told) = self.refusal();
        assert_eq!(status, kind as i32, "{:?}: expected {kind:?}", self.call);
        if let Some(e) = told {
            let found = (e.argument, e.row, e.col, e.measure);
            assert_eq!(found, (argument as u32, row, col, NOWHERE), "{:?}: {kind:?}", self.call);
        }
    }

    #[track_caller]
    pub(crate) fn refused(&self, kind: ErrorKind, argument: Argument) {
        self.refused_at(kind, argument, NOWHERE, NOWHERE);
    }

    /// Calls and demands success or a remark, and that only outputs were written.
    #[track_caller]
    pub(crate) fn accepted(&self) -> i32 {
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
            let places = (e.row, e.col, e.measure);
            assert_eq!((e.status, e.argument), (status, 0));
            assert_eq!(places, (NOWHERE, NOWHERE, NOWHERE));
        }
        self.compare(&expected, &found);
        status
    }
}

/// What a gradient writes.
const GRADIENTS: [&str; 6] =
    ["slope of cost", "slope of a", "slope of b", "slope of x", "slope of y", "gradient"];

pub(crate) type Change<T> = fn(&Scene<T>);

/// Each change in a call of its own, in every call that takes `name`.
pub(crate) fn each<T: C>(
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
