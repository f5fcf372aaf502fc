//! `rot_lowrank_*` and ROT_COST_LOW_RANK: the results of the Rust interface, bit by bit, and every argument
//! wrong in turn.
#![allow(
    clippy::float_cmp,
    clippy::type_complexity,
    reason = "exact values; a table is read best in place"
)]

use core::mem::size_of;
use core::ptr::{null, null_mut};

use robust_ot::cost::Geometry;
use robust_ot::cost::lowrank::{self, Limit, LowRank, factors_len, work_len};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::ROT_COST_LOW_RANK;
use robust_ot::ffi::lowrank::{
    rot_lowrank_dimension, rot_lowrank_factor_f32, rot_lowrank_factor_f64, rot_lowrank_factors_len,
    rot_lowrank_work_len,
};
use robust_ot::ffi::sinkhorn::{rot_sinkhorn_solve_f64, rot_sinkhorn_work_len};
use robust_ot::ffi::types::{self as c, LowrankReport, Matrix};
use robust_ot::kernel::Precision;
use robust_ot::marginal::Rule;
use robust_ot::options::Options;
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::{self, solve};
use robust_ot::view::Mat;

use super::calls::{C, NOWHERE};
use super::initial::{c_rule, empty_report};

const SHAPE: [usize; 4] = [6, 5, 2, 11];
const EPSILON: f64 = 0.5;

fn zero<V>() -> V {
    // SAFETY: structs of integers, floats and pointers.
    unsafe { core::mem::zeroed() }
}

fn report<T>() -> LowrankReport<T> {
    LowrankReport { struct_size: size_of::<LowrankReport<T>>() as u32, ..zero() }
}

fn points<T: C>(count: usize, step: usize) -> Vec<T> {
    let value = |k: usize| T::from_f64((k * step % 17) as f64 / 17.0);
    (0..count).map(value).collect()
}

/// (The pointer is that of the vector itself, not of a slice of it, and holds when the vector changes.)
fn matrix<T>(data: *const T, len: usize, cols: usize) -> Matrix<T> {
    Matrix { data, rows: len / cols, cols, row_stride: cols, col_stride: 1, reserved: 0 }
}

/// The arguments of a call, with guards behind what it writes.
struct Call<T> {
    data: [Vec<T>; 2],
    x: Matrix<T>,
    y: Matrix<T>,
    pointers: [bool; 2],
    epsilon: T,
    rank: usize,
    log_error: T,
    factors: Vec<T>,
    factors_at: *mut T,
    factors_len: usize,
    /// Kept alive for `work_at`.
    _work: Vec<T>,
    work_at: *mut T,
    work_len: usize,
    report: LowrankReport<T>,
}

trait Factors: C {
    fn factor(call: &mut Call<Self>) -> i32;
}

macro_rules! factors {
    ($t:ident $function:ident) => {
        impl Factors for $t {
            fn factor(s: &mut Call<Self>) -> i32 {
                let at = |given: bool, matrix: &Matrix<$t>| {
                    if given { core::ptr::from_ref(matrix) } else { null() }
                };
                // SAFETY: all pointers as the function asks, or NULL where a test wants that.
                unsafe {
                    $function(
                        at(s.pointers[0], &s.x),
                        at(s.pointers[1], &s.y),
                        s.epsilon,
                        s.rank,
                        s.log_error,
                        s.factors_at,
                        s.factors_len,
                        s.work_at,
                        s.work_len,
                        &raw mut s.report,
                    )
                }
            }
        }
    };
}

factors!(f32 rot_lowrank_factor_f32);
factors!(f64 rot_lowrank_factor_f64);

impl<T: Factors> Call<T> {
    fn new() -> Self {
        let [n, m, d, rank] = SHAPE;
        let data = [points::<T>(n * d, 5), points::<T>(m * d, 7)];
        let [x, y] = [0, 1].map(|k: usize| matrix(data[k].as_ptr(), data[k].len(), d));
        let (len, work_len) =
            (rot_lowrank_factors_len(n, m, rank), rot_lowrank_work_len(n, m, d, rank));
        let (mut factors, mut work) = (vec![T::ONE; len + 8], vec![T::ONE; work_len]);
        let (factors_at, work_at) = (factors.as_mut_ptr(), work.as_mut_ptr());
        Self {
            data,
            x,
            y,
            pointers: [true; 2],
            epsilon: T::from_f64(EPSILON),
            rank,
            log_error: T::from_f64(1e-2),
            factors,
            factors_at,
            factors_len: len,
            _work: work,
            work_at,
            work_len,
            report: report(),
        }
    }

    fn refused(mut self, kind: ErrorKind, argument: Argument) {
        let before = self.factors.clone();
        let status = T::factor(&mut self);
        let error = &self.report.error;
        assert_eq!(
            (status, error.argument),
            (kind as i32, argument as u32),
            "{kind:?} {argument:?}"
        );
        assert_eq!(error.status, status);
        assert_eq!(self.report.converged, 0);
        assert_eq!(self.report.rank, 0);
        let late = [ErrorKind::RankTooSmall, ErrorKind::KernelOutOfReach].contains(&kind);
        assert!(late || self.factors == before, "{kind:?} {argument:?}");
    }
}

fn factors_and_report<T: Factors + Precision<Cost = T>>() {
    let [n, m, d, rank] = SHAPE;
    let mut s = Call::<T>::new();
    assert_eq!(T::factor(&mut s), 0);
    let (x, y) = (Mat::new(&s.data[0], n, d).unwrap(), Mat::new(&s.data[1], m, d).unwrap());
    let mut factors = vec![T::ZERO; factors_len(n, m, rank)];
    let mut work = vec![T::ZERO; work_len(n, m, d, rank)];
    let limit = (rank, Limit::LogError(T::from_f64(1e-2)));
    let epsilon = T::from_f64(EPSILON);
    let found = lowrank::factor::<T>(&x, &y, epsilon, limit, &mut factors, &mut work).unwrap();
    let (own, guards) = s.factors.split_at(factors.len());
    assert_eq!(own, factors);
    assert!(guards.iter().all(|&guard| guard == T::ONE));
    let r = &s.report;
    assert_eq!((r.converged, r.error.status, r.error.row), (1, 0, NOWHERE));
    assert_eq!(r.rank, found.rank as u64);
    let values = [r.residual, r.rounding, r.max_cost, r.log_error, r.objective_error];
    let theirs =
        [found.residual, found.rounding, found.max_cost, found.log_error, found.objective_error];
    assert_eq!(values, theirs);
    assert_eq!(r.certificate_error, found.certificate_error);
    assert_eq!(r.reserved_values, [T::ZERO; 2]);
    // No bound: as many columns as there are.
    let mut all = Call::<T>::new();
    all.log_error = T::ZERO;
    assert_eq!(T::factor(&mut all), 0);
    assert!(all.report.rank >= found.rank as u64 && all.report.residual <= found.residual);
    // A report of an earlier version is written up to its end.
    let mut short = Call::<T>::new();
    short.report.struct_size = 40;
    short.report.rank = 99;
    assert_eq!(T::factor(&mut short), 0);
    assert_eq!((short.report.converged, short.report.rank), (1, 99));
}

#[test]
fn the_factors_are_those_of_the_rust_interface() {
    factors_and_report::<f32>();
    factors_and_report::<f64>();
}

fn wrong_arguments<T: Factors>() {
    type Change<T> = fn(&mut Call<T>);
    use Argument as A;
    use ErrorKind as E;
    let cases: &[(E, A, Change<T>)] = &[
        (E::Null, A::RowPoints, |s| s.pointers[0] = false),
        (E::Null, A::ColPoints, |s| s.pointers[1] = false),
        (E::Null, A::RowPoints, |s| s.x.data = null()),
        (E::Null, A::ColPoints, |s| s.y.data = null()),
        (E::StructSize, A::RowPoints, |s| s.x.reserved = 1),
        (E::StructSize, A::ColPoints, |s| s.y.reserved = 1),
        (E::Empty, A::RowPoints, |s| s.x.rows = 0),
        (E::Empty, A::ColPoints, |s| s.y.cols = 0),
        (E::Shape, A::ColPoints, |s| (s.y.rows, s.y.cols) = (2, 5)),
        (E::TooLarge, A::RowPoints, |s| s.x.row_stride = usize::MAX),
        (E::Null, A::Factors, |s| s.factors_at = null_mut()),
        (E::Null, A::Work, |s| s.work_at = null_mut()),
        (E::Alignment, A::Factors, |s| s.factors_at = s.factors_at.wrapping_byte_add(1)),
        (E::Alignment, A::Work, |s| s.work_at = s.work_at.wrapping_byte_add(1)),
        (E::Shape, A::Factors, |s| s.factors_len -= 1),
        (E::WorkTooSmall, A::Work, |s| s.work_len -= 1),
        (E::Overlap, A::Factors, |s| s.work_at = s.factors_at),
        (E::Overlap, A::Factors, |s| s.x.data = s.factors_at),
        (E::Overlap, A::Work, |s| s.y.data = s.work_at),
        (E::Epsilon, A::Epsilon, |s| s.epsilon = T::ZERO),
        (E::Epsilon, A::Epsilon, |s| s.epsilon = T::NAN),
        (E::Tolerance, A::Rank, |s| s.log_error = -T::ONE),
        (E::Tolerance, A::Rank, |s| s.log_error = T::NAN),
        (E::Count, A::Rank, |s| s.rank = 0),
        (E::TooLarge, A::Rank, |s| s.rank = usize::MAX),
        (E::NotANumber, A::RowPoints, |s| s.data[0][3] = T::NAN),
        (E::Infinite, A::ColPoints, |s| s.data[1][3] = T::INFINITY),
        (E::RankTooSmall, A::Rank, |s| s.rank = 2),
        (E::KernelOutOfReach, A::Epsilon, |s| s.epsilon = T::from_f64(0.03)),
    ];
    for &(kind, argument, change) in cases {
        let mut s = Call::<T>::new();
        change(&mut s);
        s.refused(kind, argument);
    }
    for size in [0, 4, 8, 32, 5000] {
        let mut s = Call::<T>::new();
        s.report.struct_size = size;
        assert_eq!(T::factor(&mut s), E::StructSize as i32);
        assert!(s.factors.iter().all(|&x| x == T::ONE));
    }
}

#[test]
fn every_wrong_argument_is_named() {
    wrong_arguments::<f32>();
    wrong_arguments::<f64>();
}

#[test]
fn a_problem_is_solved_on_the_factors() {
    let [n, m, d, rank] = SHAPE;
    let mut s = Call::<f64>::new();
    assert_eq!(f64::factor(&mut s), 0);
    let (a, b) = (vec![1.0 / 6.0; n], vec![0.2; m]);
    let (rows, cols) = (Rule::Kl { tau: 0.7 }, Rule::Exact);
    let len = rot_lowrank_factors_len(n, m, rank);
    let stride = rank.next_multiple_of(16);
    let scratch = rot_lowrank_dimension(n, m, rank);

    let (x, y) = (Mat::new(&s.data[0], n, d).unwrap(), Mat::new(&s.data[1], m, d).unwrap());
    let cost = LowRank::of_slice(x, y, &s.factors[..len], rank).unwrap();
    assert_eq!(Geometry::<f64>::dimension(&cost), scratch);
    let problem = Problem::<f64, _>::new(cost, (&a, rows), (&b, cols), EPSILON).unwrap();
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut work = vec![0.0; sinkhorn::work_len(n, m, scratch)];
    let found = solve(&problem, &Options::new(), &mut f, &mut g, &mut work, &mut ()).unwrap();

    let mut task = c::rot_problem_f64 {
        struct_size: size_of::<c::rot_problem_f64>() as u32,
        cost_kind: ROT_COST_LOW_RANK,
        cost: Matrix {
            data: s.factors.as_ptr(),
            rows: n + m + 1,
            cols: stride,
            row_stride: stride,
            col_stride: 1,
            reserved: 0,
        },
        x: s.x,
        y: s.y,
        a: a.as_ptr(),
        a_len: n,
        b: b.as_ptr(),
        b_len: m,
        epsilon: EPSILON,
        rows: c_rule(rows),
        cols: c_rule(cols),
        ..zero()
    };
    let (mut own_f, mut own_g) = (vec![7.0; n], vec![7.0; m]);
    let mut work = vec![7.0; rot_sinkhorn_work_len(n, m, scratch)];
    let mut run = |task: &c::rot_problem_f64| {
        let mut report = empty_report::<f64>();
        // SAFETY: pointers and lengths as the function asks.
        let status = unsafe {
            rot_sinkhorn_solve_f64(
                task,
                null(),
                own_f.as_mut_ptr(),
                own_g.as_mut_ptr(),
                work.as_mut_ptr(),
                work.len(),
                &raw mut report,
            )
        };
        (status, report, own_f.clone(), own_g.clone())
    };
    let refusals: &[(ErrorKind, Argument, fn(&mut c::rot_problem_f64))] = &[
        (ErrorKind::KernelEpsilon, Argument::Epsilon, |p| p.epsilon = 0.25),
        (ErrorKind::Null, Argument::Factors, |p| p.cost.data = null()),
        (ErrorKind::Shape, Argument::Factors, |p| p.cost.rows -= 1),
        (ErrorKind::Shape, Argument::Factors, |p| p.cost.cols = 1),
        (ErrorKind::Shape, Argument::Factors, |p| p.x = p.y),
        (ErrorKind::Null, Argument::RowPoints, |p| p.x.data = null()),
        (ErrorKind::Kind, Argument::CostKind, |p| p.cost_kind = 99),
    ];
    for &(kind, argument, change) in refusals {
        let mut wrong = task;
        change(&mut wrong);
        let (status, report, f, g) = run(&wrong);
        assert_eq!((status, report.error.argument), (kind as i32, argument as u32), "{kind:?}");
        assert!(f.iter().chain(&g).all(|&x| x == 7.0));
    }
    // One number in the factors.
    s.factors[2 * stride + 1] = f64::NAN;
    task.cost.data = s.factors.as_ptr();
    let (status, report, ..) = run(&task);
    let error = &report.error;
    assert_eq!((status, error.argument), (ErrorKind::NotANumber as i32, Argument::Factors as u32));
    assert_eq!((error.row, error.col), (2, 1));
    let mut s = Call::<f64>::new();
    assert_eq!(f64::factor(&mut s), 0);
    (task.cost.data, task.x, task.y) = (s.factors.as_ptr(), s.x, s.y);
    let (status, report, own_f, own_g) = run(&task);
    assert_eq!((status, report.iterations), (found.termination as i32, found.iterations));
    assert_eq!((own_f, own_g), (f, g));
    assert_eq!(report.transport_cost, found.transport_cost);
    assert_eq!(report.certified_distance, found.certified_distance);
}
