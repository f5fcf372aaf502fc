//! Costs between regular grids: the bits of the Rust interface, what they count as in work lengths, and
//! what is no grid.

use core::mem::{MaybeUninit, size_of};
use core::ptr::null;

use robust_ot::cost::{Geometry, Grid};
use robust_ot::error::{Argument, ErrorKind};
use robust_ot::ffi::ROT_COST_GRID;
use robust_ot::ffi::grid::{ROT_GRID_DIMENSION, rot_grid_dimension_f32, rot_grid_dimension_f64};
use robust_ot::ffi::sinkhorn::{
    rot_sinkhorn_solve_f32, rot_sinkhorn_solve_f64, rot_sinkhorn_work_len,
};
use robust_ot::ffi::types as c;
use robust_ot::marginal::Rule;
use robust_ot::options::Options;
use robust_ot::problem::Problem;
use robust_ot::sinkhorn::solve;
use robust_ot::view::Mat;

use crate::SMALL;

fn empty<V>() -> V {
    // SAFETY: the structs of the interface may be all zero.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

macro_rules! for_precision {
    ($name:ident, $t:ident, $matrix:ident, $problem:ident, $report:ident, $measure:ident,
     $barycenter:ident, $found:ident, $solve:ident, $average:ident, $dimension:ident) => {
        mod $name {
            use super::*;

            /// 3 x 4 and 2 x 5 points.
            const X: [$t; 6] = [3.0, 0.0, 0.5, 4.0, 0.1, 0.3];
            const Y: [$t; 6] = [2.0, 0.2, 0.8, 5.0, 0.0, 0.25];
            const N: usize = 12;
            const M: usize = 10;
            const CANARY: $t = 7.0;
            /// An interpreter is spared the many sweeps of a small one.
            const EPSILON: $t = if SMALL { 10.0 } else { 0.1 };

            fn matrix(axes: &[$t]) -> c::$matrix {
                let (rows, cols) = (axes.len() / 3, 3);
                let (row_stride, col_stride) = (3, 1);
                c::$matrix { data: axes.as_ptr(), rows, cols, row_stride, col_stride, reserved: 0 }
            }

            fn weights(count: usize) -> Vec<$t> {
                (0..count).map(|k| if k == 3 { 0.0 } else { 1.0 / (count - 1) as $t }).collect()
            }

            fn exact_length(x: &[$t], y: &[$t]) -> usize {
                // SAFETY: both views are valid.
                let d = unsafe { $dimension(&matrix(x), &matrix(y)) };
                rot_sinkhorn_work_len(N, M, if d == usize::MAX { 6 } else { d })
            }

            /// Status, report, f, g and the work behind `len`.
            fn by_c(x: &[$t], y: &[$t], len: usize) -> (i32, c::$report, Vec<$t>, Vec<$t>) {
                let (a, b) = (weights(N), weights(M));
                let problem = c::$problem {
                    struct_size: size_of::<c::$problem>() as u32,
                    cost_kind: ROT_COST_GRID,
                    x: matrix(x),
                    y: matrix(y),
                    a: a.as_ptr(),
                    a_len: N,
                    b: b.as_ptr(),
                    b_len: M,
                    epsilon: EPSILON,
                    ..empty()
                };
                let (mut f, mut g) = (vec![CANARY; N], vec![CANARY; M]);
                let mut work = vec![CANARY; len + 1];
                let size = size_of::<c::$report>() as u32;
                let mut report = c::$report { struct_size: size, ..empty() };
                let (p, q, w) = (f.as_mut_ptr(), g.as_mut_ptr(), work.as_mut_ptr());
                // SAFETY: every pointer is valid for the extent that goes with it.
                let status = unsafe { $solve(&problem, null(), p, q, w, len, &raw mut report) };
                assert_eq!(work.last().map(|x| x.to_bits()), Some(CANARY.to_bits()));
                (status, report, f, g)
            }

            #[test]
            fn solves_have_the_bits_of_rust() {
                let (status, report, f, g) = by_c(&X, &Y, exact_length(&X, &Y));
                assert_eq!((status, report.converged), (0, 1));
                let [x, y] = [&X, &Y].map(|axes| Mat::new(axes, 2, 3).unwrap());
                let grid = Grid::new(x, y).unwrap();
                let d = Geometry::<$t>::dimension(&grid);
                // SAFETY: both views are valid.
                assert_eq!(unsafe { $dimension(&matrix(&X), &matrix(&Y)) }, d);
                let (a, b) = (weights(N), weights(M));
                let sides = ((&a[..], Rule::Exact), (&b[..], Rule::Exact));
                let problem = Problem::<$t, _>::new(grid, sides.0, sides.1, EPSILON).unwrap();
                let (mut p, mut q) = (vec![0.0; N], vec![0.0; M]);
                let mut work = vec![0.0; rot_sinkhorn_work_len(N, M, d)];
                let found =
                    solve(&problem, &Options::new(), &mut p, &mut q, &mut work, &mut ()).unwrap();
                let bits = |x: &[$t]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!((bits(&f), bits(&g)), (bits(&p), bits(&q)));
                assert_eq!(report.transport_cost.to_bits(), found.transport_cost.to_bits());
                assert_eq!(report.iterations, found.iterations);
            }

            #[test]
            fn grids_of_one_shape_count_as_a_constant() {
                // SAFETY: both views are valid.
                let d = unsafe { $dimension(&matrix(&X), &matrix(&X)) };
                assert_eq!(d, ROT_GRID_DIMENSION as usize);
                let flat = c::$matrix { cols: 2, ..matrix(&X) };
                let nothing = c::$matrix { rows: 0, ..matrix(&X) };
                let absent = c::$matrix { data: null(), ..matrix(&X) };
                for wrong in [flat, nothing, absent] {
                    // SAFETY: the views are valid or refused.
                    assert_eq!(unsafe { $dimension(&wrong, &matrix(&X)) }, usize::MAX);
                    // SAFETY: as above.
                    assert_eq!(unsafe { $dimension(&matrix(&X), &wrong) }, usize::MAX);
                }
                // SAFETY: as above.
                assert_eq!(unsafe { $dimension(null(), &matrix(&X)) }, usize::MAX);
                // SAFETY: as above.
                assert_eq!(unsafe { $dimension(&matrix(&X), null()) }, usize::MAX);
            }

            #[test]
            fn what_is_no_grid_is_refused() {
                let len = exact_length(&X, &Y);
                let with = |axes: [$t; 6], place: usize, value: $t| {
                    let mut axes = axes;
                    axes[place] = value;
                    axes
                };
                let (rows, cols) = (Argument::RowPoints, Argument::ColPoints);
                for (place, value, kind) in [
                    (3, 2.5, ErrorKind::Shape),
                    (0, 0.0, ErrorKind::Shape),
                    (3, 3e9, ErrorKind::TooLarge),
                    (4, $t::NAN, ErrorKind::NotANumber),
                    (2, $t::INFINITY, ErrorKind::Infinite),
                ] {
                    for argument in [rows, cols] {
                        let own = argument == rows;
                        let x = if own { with(X, place, value) } else { X };
                        let y = if own { Y } else { with(Y, place, value) };
                        let (status, report, f, g) = by_c(&x, &y, len);
                        let error = report.error;
                        assert_eq!((status, error.status), (kind as i32, kind as i32), "{place}");
                        assert_eq!(error.argument, argument as u32);
                        // Counts are read before there is a grid, and blamed as a whole.
                        let entry = [place as u64 / 3, place as u64 % 3];
                        let known = place % 3 > 0;
                        let expected = if known { entry } else { [u64::MAX; 2] };
                        assert_eq!([error.row, error.col], expected, "{place}");
                        let canary = CANARY.to_bits();
                        assert!(f.iter().chain(&g).all(|x| x.to_bits() == canary));
                    }
                }
                // Weights that do not fit, axes that do not, and work one short.
                for (x, y, len, kind) in [
                    (&with(X, 0, 4.0)[..], &Y[..], len, ErrorKind::Shape),
                    (&X[..3], &Y[..], len, ErrorKind::Shape),
                    (&X[..], &Y[..], len - 1, ErrorKind::WorkTooSmall),
                ] {
                    let (status, _, f, g) = by_c(x, y, len);
                    assert_eq!(status, kind as i32);
                    assert!(f.iter().chain(&g).all(|x| x.to_bits() == CANARY.to_bits()));
                }
            }

            #[cfg(feature = "barycenter")]
            #[test]
            fn barycenters_have_the_bits_of_rust() {
                use robust_ot::barycenter::{self, Measure};
                use robust_ot::ffi::barycenter as calls;

                let weights = [weights(M), (1..=M).map(|k| k as $t / 55.0).collect()];
                let mut kl: calls::types::$measure = empty();
                (kl.rule.kind, kl.rule.param[0]) = (robust_ot::ffi::ROT_RULE_KL, 0.2);
                let measures = [0, 1].map(|k| calls::types::$measure {
                    cost_kind: ROT_COST_GRID,
                    x: matrix(&Y),
                    y: matrix(&X),
                    weights: weights[k].as_ptr(),
                    weights_len: M,
                    share: 1.0,
                    ..kl
                });
                let problem = calls::types::$barycenter {
                    struct_size: size_of::<calls::types::$barycenter>() as u32,
                    measure_size: size_of::<calls::types::$measure>() as u32,
                    measures: measures.as_ptr(),
                    measures_len: 2,
                    epsilon: EPSILON,
                    ..empty()
                };
                // SAFETY: both views are valid.
                let d = unsafe { $dimension(&matrix(&Y), &matrix(&X)) };
                let (mut f, mut g, mut mean) = (vec![0.0; 2 * M], vec![0.0; 2 * N], vec![0.0; N]);
                let len = calls::rot_barycenter_work_len(2, 2 * M, N, d);
                let mut work = vec![0.0; len];
                let size = size_of::<calls::types::$found>() as u32;
                let mut report = calls::types::$found { struct_size: size, ..empty() };
                let (p, q) = (f.as_mut_ptr(), g.as_mut_ptr());
                let (at, w, found) = (mean.as_mut_ptr(), work.as_mut_ptr(), &raw mut report);
                let (solve, none) = (calls::$average, null());
                // SAFETY: every pointer is valid for the extent that goes with it.
                let status = unsafe { solve(&problem, null(), none, p, q, at, w, len, found) };
                assert_eq!((status, report.converged), (0, 1));

                let [x, y] = [&X, &Y].map(|axes| Mat::new(axes, 2, 3).unwrap());
                let geometry = Grid::new(y, x).unwrap();
                let rule = Rule::Kl { tau: 0.2 };
                let own = [0, 1].map(|k| Measure::<$t, _> {
                    geometry,
                    weights: &weights[k],
                    rule,
                    share: 1.0,
                });
                let problem = barycenter::Problem::new(&own, EPSILON).unwrap();
                let (mut p, mut q, mut at) = (vec![0.0; 2 * M], vec![0.0; 2 * N], vec![0.0; N]);
                let mut work = vec![0.0; barycenter::work_len(2 * M, N, d)];
                let options = barycenter::Options::new();
                barycenter::solve(&problem, &options, &mut p, &mut q, &mut at, &mut work, &mut ())
                    .unwrap();
                let bits = |x: &[$t]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!((bits(&mean), bits(&f), bits(&g)), (bits(&at), bits(&p), bits(&q)));
            }
        }
    };
}

for_precision!(
    single,
    f32,
    rot_matrix_f32,
    rot_problem_f32,
    rot_report_f32,
    rot_measure_f32,
    rot_barycenter_problem_f32,
    rot_barycenter_report_f32,
    rot_sinkhorn_solve_f32,
    rot_barycenter_solve_f32,
    rot_grid_dimension_f32
);
#[cfg(feature = "f64")]
for_precision!(
    double,
    f64,
    rot_matrix_f64,
    rot_problem_f64,
    rot_report_f64,
    rot_measure_f64,
    rot_barycenter_problem_f64,
    rot_barycenter_report_f64,
    rot_sinkhorn_solve_f64,
    rot_barycenter_solve_f64,
    rot_grid_dimension_f64
);
