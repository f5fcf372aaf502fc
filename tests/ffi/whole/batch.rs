//! Batches: the bits of single solves, and refusals that leave all outputs as they were.

use core::mem::{offset_of, size_of};
use core::ptr::null;

use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::batch::*;
use robust_ot::ffi::sinkhorn::{rot_sinkhorn_fast_work_len, rot_sinkhorn_work_len};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN, ROT_WARM_START,
};

use super::calls::{Args, C, Call, NOWHERE, for_both_precisions};
use super::case::{RULES, report_bits, rule_pair};
use super::initial::{c_rule, default_options, empty_report, matrix, no_problem, numbers};
use crate::SMALL;

const COUNT: usize = 3;
const SIZES: (usize, usize, usize) = if SMALL { (2, 3, 1) } else { (5, 8, 2) };
/// Guards around every output.
const GUARD: usize = 4;

type Function<T> = unsafe extern "C" fn(
    *const c::Problem<T>,
    *const c::Options<T>,
    *mut T,
    *mut T,
    *mut T,
    usize,
    *mut c::Report<T>,
) -> i32;

trait Batched: C {
    const SOLVE: Function<Self>;
}
#[cfg(feature = "f64")]
impl Batched for f64 {
    const SOLVE: Function<Self> = rot_sinkhorn_solve_batch_f64;
}
impl Batched for f32 {
    const SOLVE: Function<Self> = rot_sinkhorn_solve_batch_f32;
}

/// All that a call takes, with data of all problems one behind the other.
struct Scene<T: C> {
    cost: Vec<T>,
    x: Vec<T>,
    y: Vec<T>,
    a: Vec<T>,
    b: Vec<T>,
    problem: c::Problem<T>,
    options: c::Options<T>,
    f: Vec<T>,
    g: Vec<T>,
    work: Vec<T>,
    reports: Vec<c::Report<T>>,
}

fn unit<T: C>(weights: &mut [T], len: usize) {
    for part in weights.chunks_mut(len) {
        let sum = part.iter().fold(T::ZERO, |sum, &w| sum + w);
        part.iter_mut().for_each(|w| *w = *w / sum);
    }
}

impl<T: Batched> Scene<T> {
    fn new(kind: u32, rules: usize) -> Self {
        let (n, m, d) = SIZES;
        let (mut a, mut b) = (numbers(COUNT * n, 1), numbers(COUNT * m, 2));
        unit(&mut a, n);
        unit(&mut b, m);
        let (cost, x, y) =
            (numbers(COUNT * n * m, 3), numbers(COUNT * n * d, 4), numbers(COUNT * m * d, 5));
        let (rows, cols) = rule_pair(rules);
        let dense = kind == ROT_COST_DENSE;
        let problem = c::Problem {
            cost_kind: kind,
            cost: matrix(cost.as_ptr(), n, m),
            x: matrix(x.as_ptr(), n, d),
            y: matrix(y.as_ptr(), m, d),
            a: a.as_ptr(),
            a_len: n,
            b: b.as_ptr(),
            b_len: m,
            epsilon: T::of(0.2),
            rows: c_rule(rows),
            cols: c_rule(cols),
            count: COUNT,
            cost_stride: n * m,
            x_stride: n * d,
            y_stride: m * d,
            a_stride: n,
            b_stride: m,
            ..no_problem()
        };
        let mut reports = vec![empty_report(); COUNT + 1];
        reports.iter_mut().for_each(|report| report.iterations = 77);
        Self {
            cost,
            x,
            y,
            a,
            b,
            problem,
            options: c::Options {
                max_iterations: if SMALL { 2 } else { 300 },
                ..default_options()
            },
            f: numbers(COUNT * n + 2 * GUARD, 6),
            g: numbers(COUNT * m + 2 * GUARD, 7),
            work: vec![T::of(9.0); rot_sinkhorn_work_len(n, m, if dense { 0 } else { d })],
            reports,
        }
    }

    fn run(&mut self) -> i32 {
        let (f, g) = (self.f.as_mut_ptr(), self.g.as_mut_ptr());
        let (f, g) = (f.wrapping_add(GUARD), g.wrapping_add(GUARD));
        let (work, len) = (self.work.as_mut_ptr(), self.work.len());
        let reports = self.reports.as_mut_ptr();
        // SAFETY: every pointer is valid for the extent that goes with it, or meant to be refused.
        unsafe {
            T::SOLVE(&raw const self.problem, &raw const self.options, f, g, work, len, reports)
        }
    }

    fn outputs(&self) -> Vec<u64> {
        let reports = self.reports.iter().flat_map(|report| {
            let mut bits = report_bits!(report);
            bits.extend([u64::from(report.converged), report.error.status as u64]);
            bits.extend([u64::from(report.error.argument), report.error.measure]);
            bits
        });
        self.f.iter().chain(&self.g).map(|x| x.bits()).chain(reports).collect()
    }

    /// Asserts a refusal, after which only it was written.
    fn refused(mut self, kind: ErrorKind, argument: Argument, problem: Option<u64>) {
        let mut expected = self.outputs();
        let status = self.run();
        let [first, ..] = &mut self.reports[..] else { unreachable!() };
        let error = first.error;
        assert_eq!(status, kind as i32, "{argument:?}");
        assert_eq!((error.status, error.argument), (kind as i32, argument as u32));
        assert_eq!(error.measure, problem.unwrap_or(NOWHERE), "{argument:?}");
        first.error = empty_report::<T>().error;
        let found = self.outputs();
        assert_eq!(found, core::mem::take(&mut expected), "{argument:?}");
    }
}

/// Each problem alone, from its own piece of the data.
fn alone<T: Batched>(
    scene: &Scene<T>,
    k: usize,
    work_len: usize,
) -> (i32, Vec<u64>, Vec<u64>, Vec<u64>) {
    let (n, m, _) = SIZES;
    let p = &scene.problem;
    let moved = |view: c::Matrix<T>, stride: usize| c::Matrix {
        data: view.data.wrapping_add(k * stride),
        ..view
    };
    let mut problem = c::Problem {
        cost: moved(p.cost, p.cost_stride),
        x: moved(p.x, p.x_stride),
        y: moved(p.y, p.y_stride),
        a: p.a.wrapping_add(k * p.a_stride),
        b: p.b.wrapping_add(k * p.b_stride),
        count: 0,
        cost_stride: 0,
        x_stride: 0,
        y_stride: 0,
        a_stride: 0,
        b_stride: 0,
        ..*p
    };
    let mut options = scene.options;
    let mut f = scene.f[GUARD + k * n..][..n].to_vec();
    let mut g = scene.g[GUARD + k * m..][..m].to_vec();
    let mut work = vec![T::ZERO; work_len];
    let mut report = empty_report::<T>();
    let args = Args {
        problem: (&raw mut problem).cast(),
        options: (&raw mut options).cast(),
        f: f.as_mut_ptr().cast(),
        g: g.as_mut_ptr().cast(),
        work: work.as_mut_ptr().cast(),
        work_len,
        report: (&raw mut report).cast(),
        ..Args::<T>::none()
    };
    // SAFETY: every pointer is valid for the extent that goes with it.
    let status = unsafe { T::call(Call::Solve, &args) };
    assert_eq!(status, report.error.status);
    let bits = |values: &[T]| values.iter().map(|x| x.bits()).collect();
    let mut found = report_bits!(report);
    found.push(u64::from(report.converged));
    (status, bits(&f), bits(&g), found)
}

fn a_batch_has_the_bits_of_single_solves<T: Batched>() {
    let (n, m, d) = SIZES;
    let kinds = [ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN];
    let rules = if SMALL { 2 } else { RULES };
    for (turn, (kind, rules)) in
        kinds.into_iter().flat_map(|kind| (0..rules).map(move |rules| (kind, rules))).enumerate()
    {
        let mut scene = Scene::<T>::new(kind, rules);
        let p = &mut scene.problem;
        if turn % 2 == 0 {
            (p.cost_stride, p.x_stride) = (0, 0);
        }
        if turn % 3 == 0 {
            (p.a_stride, p.y_stride) = (0, 0);
        }
        if turn % 5 == 0 {
            p.b_stride = 0;
        }
        if turn % 4 == 1 {
            scene.options.flags = ROT_WARM_START;
        }
        if turn % 7 == 2 {
            let d = if kind == ROT_COST_DENSE { 0 } else { d };
            scene.work.resize(rot_sinkhorn_fast_work_len(n, m, d), T::ZERO);
        }
        // A caller whose report is shorter has its reports closer to each other.
        let short = turn % 3 == 1;
        let size = offset_of!(c::Report<T>, reserved_values).next_multiple_of(8);
        let size = if short { size } else { size_of::<c::Report<T>>() };
        for k in 0..COUNT {
            let report = scene.reports.as_mut_ptr().wrapping_byte_add(k * size).cast::<u32>();
            // SAFETY: inside the reports.
            unsafe { report.write(size as u32) };
        }
        let singles: Vec<_> = (0..COUNT).map(|k| alone(&scene, k, scene.work.len())).collect();
        let before = scene.outputs();
        let status = scene.run();
        let worst = singles.iter().map(|single| single.0).max().unwrap();
        assert_eq!(status, worst, "{kind} {rules}");
        for (k, (status, f, g, report)) in singles.iter().enumerate() {
            let found: Vec<u64> = scene.f[GUARD + k * n..][..n].iter().map(|x| x.bits()).collect();
            assert_eq!(&found, f, "f of {k}: {kind} {rules}");
            let found: Vec<u64> = scene.g[GUARD + k * m..][..m].iter().map(|x| x.bits()).collect();
            assert_eq!(&found, g, "g of {k}: {kind} {rules}");
            let mut own = empty_report::<T>();
            let place = scene.reports.as_ptr().wrapping_byte_add(k * size).cast::<u8>();
            // SAFETY: a report of this size, and one of ours that is no shorter.
            unsafe { core::ptr::copy_nonoverlapping(place, (&raw mut own).cast(), size) };
            assert_eq!(own.error.status, *status);
            let mut bits = report_bits!(own);
            bits.push(u64::from(own.converged));
            if short {
                // What lies behind the end of a short report it does not have.
                (bits[1], bits[2]) = (report[1], report[2]);
            }
            assert_eq!(&bits, report, "report of {k}: {kind} {rules}");
        }
        // The guards, and the report behind the last.
        let after = scene.outputs();
        let (fs, gs) = (scene.f.len(), scene.g.len());
        for place in [0..GUARD, fs - GUARD..fs + GUARD, fs + gs - GUARD..fs + gs] {
            assert_eq!(before[place.clone()], after[place]);
        }
        assert_eq!(scene.reports[COUNT].iterations, 77);
    }
}

fn refusals<T: Batched>() {
    use Argument as A;
    use ErrorKind as E;
    let (n, m, d) = SIZES;
    type Spoil<T> = fn(&mut Scene<T>);
    let refused = |kind, argument, problem, spoil: Spoil<T>| {
        let mut scene = Scene::<T>::new(ROT_COST_DENSE, 0);
        spoil(&mut scene);
        scene.refused(kind, argument, problem);
    };
    let nan = |values: &mut [T], k: usize| values[k] = T::of(f64::NAN);
    // Data of one problem.
    for k in 0..COUNT {
        let spoilt = |kind, argument, spoil: &dyn Fn(&mut Scene<T>)| {
            let mut scene = Scene::<T>::new(ROT_COST_DENSE, 0);
            spoil(&mut scene);
            scene.refused(kind, argument, Some(k as u64));
        };
        spoilt(E::NotANumber, A::Cost, &|s| nan(&mut s.cost, k * n * m + 1));
        spoilt(E::NotANumber, A::RowWeights, &|s| nan(&mut s.a, k * n + 1));
        spoilt(E::Negative, A::ColWeights, &|s| s.b[k * m + 1] = T::of(-1.0));
        spoilt(E::Infinite, A::ColPotentials, &|s| {
            s.options.flags = ROT_WARM_START;
            s.f.fill(T::ZERO);
            s.g.fill(T::ZERO);
            s.g[GUARD + k * m] = T::of(f64::INFINITY);
        });
    }
    let mut points = Scene::<T>::new(ROT_COST_EUCLIDEAN, 0);
    nan(&mut points.x, n * d);
    points.refused(E::NotANumber, A::RowPoints, Some(1));
    let mut points = Scene::<T>::new(ROT_COST_SQUARED_EUCLIDEAN, 0);
    nan(&mut points.y, 2 * m * d);
    points.refused(E::NotANumber, A::ColPoints, Some(2));
    // Structs.
    refused(E::StructSize, A::Problem, None, |s| s.problem.reserved_sizes[0] = 1);
    refused(E::StructSize, A::Problem, None, |s| s.problem.reserved_sizes[1] = 1);
    refused(E::StructSize, A::Problem, None, |s| s.problem.reserved[0] = 1);
    refused(E::StructSize, A::Report, None, |s| s.reports[COUNT - 1].struct_size -= 8);
    refused(E::StructSize, A::Options, None, |s| s.options.reserved[0] = 1);
    refused(E::Kind, A::CostKind, None, |s| s.problem.cost_kind = 9);
    refused(E::Shape, A::RowWeights, None, |s| s.problem.a_len -= 1);
    refused(E::Epsilon, A::Epsilon, None, |s| s.problem.epsilon = T::ZERO);
    // Extents.
    refused(E::TooLarge, A::Cost, None, |s| s.problem.cost_stride = usize::MAX / 2);
    refused(E::TooLarge, A::Cost, None, |s| s.problem.cost_stride = usize::MAX);
    refused(E::TooLarge, A::RowWeights, None, |s| s.problem.a_stride = usize::MAX);
    refused(E::TooLarge, A::ColWeights, None, |s| s.problem.b_stride = usize::MAX / 2);
    refused(E::TooLarge, A::Report, None, |s| s.problem.count = usize::MAX);
    // Pointers.
    refused(E::Null, A::Cost, None, |s| s.problem.cost.data = null());
    refused(E::Null, A::RowWeights, None, |s| s.problem.a = null());
    refused(E::Null, A::ColWeights, None, |s| s.problem.b = null());
    refused(E::WorkTooSmall, A::Work, None, |s| s.work.truncate(s.work.len() - 1));
    // Overlaps, of the last problem only.
    refused(E::Overlap, A::RowPotentials, None, |s| {
        s.problem.cost.data = &raw const s.f[GUARD + COUNT * SIZES.0 - 1];
        s.problem.cost_stride = 0;
    });
    refused(E::Overlap, A::ColPotentials, None, |s| {
        s.problem.a = &raw const s.g[GUARD + COUNT * SIZES.1 - SIZES.0];
        s.problem.a_stride = 0;
    });
    refused(E::Overlap, A::Work, None, |s| {
        s.problem.b = s.work.as_ptr();
        s.problem.b_stride = 1;
    });
    refused(E::Overlap, A::Report, None, |s| {
        s.problem.b = s.reports[COUNT - 1].reserved_values.as_ptr();
        s.problem.b_stride = 0;
    });
}

/// Pointers of the call itself, where there may be no report to write to.
fn pointers<T: Batched>() {
    let mut s = Scene::<T>::new(ROT_COST_DENSE, 0);
    let before = s.outputs();
    let (f, g) = (s.f.as_mut_ptr().wrapping_add(GUARD), s.g.as_mut_ptr().wrapping_add(GUARD));
    let (work, len) = (s.work.as_mut_ptr(), s.work.len());
    let (p, r, o) = (&raw const s.problem, s.reports.as_mut_ptr(), null());
    let (null, no_report) = (core::ptr::null_mut(), core::ptr::null_mut());
    let odd = f.wrapping_byte_add(1);
    let expected = [
        (ErrorKind::Null, (core::ptr::null(), f, g, work, no_report)),
        (ErrorKind::Null, (p, f, g, work, no_report)),
        (ErrorKind::Null, (p, null, g, work, r)),
        (ErrorKind::Null, (p, f, null, work, r)),
        (ErrorKind::Null, (p, f, g, null, r)),
        (ErrorKind::Alignment, (p, odd, g, work, r)),
        (ErrorKind::Overlap, (p, f, f, work, r)),
        (ErrorKind::Overlap, (p, f, g, g, r)),
    ];
    for (kind, (p, f, g, work, r)) in expected {
        // SAFETY: what is not NULL is valid for its extent.
        let status = unsafe { T::SOLVE(p, o, f, g, work, len, r) };
        assert_eq!(status, kind as i32);
    }
    s.reports[0].error = empty_report::<T>().error;
    assert_eq!(s.outputs(), before);
}

fn none_at_all<T: Batched>() {
    let mut s = Scene::<T>::new(ROT_COST_DENSE, 0);
    s.problem.count = 0;
    let before = s.outputs();
    assert_eq!(s.run(), 0);
    assert_eq!(s.outputs(), before);
    // Nor is a refusal written where there is no report.
    s.problem.epsilon = T::ZERO;
    assert_eq!(s.run(), ErrorKind::Epsilon as i32);
    assert_eq!(s.outputs(), before);
}

for_both_precisions! {
    interpreted {
        a_batch_has_the_bits_of_single_solves
        none_at_all
    }
    compiled {
        pointers
        refusals
    }
}
