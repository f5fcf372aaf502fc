//! One call with all its memory, and what it may write there.

use core::mem::{align_of, offset_of, size_of};

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::plan::rot_plan_work_len;
use robust_ot::ffi::sinkhorn::rot_sinkhorn_work_len;
use robust_ot::ffi::types as c;
use robust_ot::ffi::{ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN};
use robust_ot::marginal::Rule;

use super::calls::{Args, C, Call, K, NOWHERE};
use super::initial::{
    c_rule, default_options, empty_state, matrix, no_matrix, no_problem, numbers,
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
        let [.., cost, x, y, a, b, f, g, work, value, row, col, transport, vdata, odata] = place;
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

    /// Where a pointer of [`POINTERS`] points.
    pub(crate) fn at(&self, name: &str) -> *mut u8 {
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
                "report" => all.push((at.wrapping_add(4), span.min(size_of::<c::Report<T>>()) - 4)),
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
            let found = (e.argument, e.row, e.col);
            assert_eq!(found, (argument as u32, row, col), "{:?}: {kind:?}", self.call);
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
            assert_eq!((e.status, e.argument, e.row, e.col), (status, 0, NOWHERE, NOWHERE));
        }
        self.compare(&expected, &found);
        status
    }
}

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
