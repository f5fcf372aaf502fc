//! A library without a part says so, and touches nothing else.

use core::mem::{MaybeUninit, size_of};

use robust_ot::error::*;
use robust_ot::ffi::plan::*;
use robust_ot::ffi::sinkhorn::*;
use robust_ot::ffi::types as c;

fn empty<V>() -> V {
    // SAFETY: the structs of the interface may be all zero.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

#[cfg(not(all(feature = "kl", feature = "points", feature = "balls", feature = "grid")))]
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
            rot_sinkhorn_solve_f32(problem, options, f, g, work.as_mut_ptr(), len, &raw mut report)
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
    (kl.kind, kl.param[0]) = (robust_ot::ffi::ROT_RULE_KL, 1.0);
    not_built(Argument::RowRule, |p| p.rows = kl);
    not_built(Argument::ColRule, |p| p.cols = kl);
}

#[cfg(not(feature = "grid"))]
#[test]
fn grids() {
    use robust_ot::ffi::grid::rot_grid_dimension_f32;

    not_built(Argument::CostKind, |p| p.cost_kind = robust_ot::ffi::ROT_COST_GRID);
    // SAFETY: nothing is used.
    let d = unsafe { rot_grid_dimension_f32(core::ptr::null(), core::ptr::null()) };
    assert_eq!(d, usize::MAX);
}

#[cfg(not(feature = "balls"))]
#[test]
fn balls() {
    for kind in [robust_ot::ffi::ROT_RULE_L2_BALL, robust_ot::ffi::ROT_RULE_KL_BALL] {
        let mut ball: c::rot_rule_f32 = empty();
        (ball.kind, ball.param[0]) = (kind, 0.1);
        not_built(Argument::RowRule, |p| p.rows = ball);
        not_built(Argument::ColRule, |p| p.cols = ball);
    }
}

#[cfg(not(feature = "ranges"))]
#[test]
fn rules_with_corners() {
    for kind in [robust_ot::ffi::ROT_RULE_TV, robust_ot::ffi::ROT_RULE_BOX] {
        let mut rule: c::rot_rule_f32 = empty();
        (rule.kind, rule.param[0]) = (kind, 0.1);
        not_built(Argument::RowRule, |p| p.rows = rule);
        not_built(Argument::ColRule, |p| p.cols = rule);
    }
}

/// Without the part all of it, without double precision its half.
#[cfg(not(all(feature = "implicit", feature = "f64")))]
#[test]
fn gradients() {
    use core::ptr::{null, null_mut};

    use robust_ot::ffi::anneal::*;
    use robust_ot::ffi::gradient::*;
    use robust_ot::ffi::matching::*;

    macro_rules! answers {
        ($vjp:ident, $jvp:ident, $step:ident, $ladder:ident, $scalar:ty, $gradient:ident, $change:ident, $report:ident) => {{
            let struct_size = size_of::<c::$gradient>() as u32;
            let mut gradient = c::$gradient { struct_size, epsilon: 7.0, ..empty() };
            let struct_size = size_of::<c::$change>() as u32;
            let mut change = c::$change { struct_size, value: 7.0, ..empty() };
            let struct_size = size_of::<c::$report>() as u32;
            let mut report = c::$report { struct_size, mass: 7.0, ..empty() };
            let (mut f, mut work) = ([7.0 as $scalar; 2], [7.0 as $scalar; 9]);
            let (p, w, len) = (f.as_mut_ptr(), work.as_mut_ptr(), work.len());
            let place = &raw mut gradient;
            let found = &raw mut report;
            // SAFETY: nothing is used.
            let status = unsafe { $vjp(null(), p, p, found, null(), null(), place, w, len) };
            let expected = ErrorKind::NotBuilt as i32;
            assert_eq!(status, expected);
            let moved = &raw mut change;
            // SAFETY: as above.
            let status = unsafe { $jvp(null(), p, p, found, null(), null(), moved, w, len) };
            assert_eq!(status, expected);
            // SAFETY: as above.
            let status =
                unsafe { $step(null(), null(), null(), null(), p, p, found, place, w, len) };
            assert_eq!(status, expected);
            // SAFETY: as above.
            let status = unsafe { $ladder(null(), null(), null(), p, p, w, len, found) };
            assert_eq!(status, expected);
            // SAFETY: as above; for NULL alike.
            let status = unsafe {
                $vjp(null(), null(), null(), null(), null(), null(), null_mut(), null_mut(), 0)
            };
            assert_eq!(status, expected);
            let seven = (7.0 as $scalar).to_bits();
            let values = [gradient.epsilon, change.value, report.mass];
            assert!(values.iter().chain(&f).chain(&work).all(|x| x.to_bits() == seven));
        }};
    }
    answers!(
        rot_gradient_vjp_f64,
        rot_gradient_jvp_f64,
        rot_matching_step_f64,
        rot_anneal_solve_f64,
        f64,
        rot_gradient_f64,
        rot_change_f64,
        rot_report_f64
    );
    #[cfg(not(feature = "implicit"))]
    {
        answers!(
            rot_gradient_vjp_f32,
            rot_gradient_jvp_f32,
            rot_matching_step_f32,
            rot_anneal_solve_f32,
            f32,
            rot_gradient_f32,
            rot_change_f32,
            rot_report_f32
        );
        for method in [ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, ROT_METHOD_NONE] {
            assert_eq!(rot_anneal_work_len(2, 2, 0, method), usize::MAX);
            assert_eq!(rot_gradient_work_len(2, 2, 0, method), usize::MAX);
            assert_eq!(rot_matching_work_len(2, 2, 0, method), usize::MAX);
        }
    }
}

#[cfg(not(feature = "accuracy"))]
#[test]
fn accuracies() {
    use core::ptr::{null, null_mut};

    use robust_ot::ffi::accuracy::*;

    assert_eq!(rot_accuracy_work_len(2, 2, 0, 0), usize::MAX);
    let expected = ErrorKind::NotBuilt as i32;
    let (mut work, mut found) = ([7.0_f32; 16], empty::<c::rot_accuracy_f32>());
    let place = &raw mut found;
    // SAFETY: nothing is used.
    let status = unsafe {
        rot_accuracy_parameters_f32(null(), 1.0, 0, work.as_mut_ptr(), 16, place, null_mut())
    };
    assert_eq!(status, expected);
    let (mut f, mut g) = ([7.0_f32; 2], [7.0_f32; 2]);
    let (f_place, g_place) = (f.as_mut_ptr(), g.as_mut_ptr());
    let (w, report) = (work.as_mut_ptr(), null_mut());
    // SAFETY: as above.
    let status = unsafe {
        rot_accuracy_solve_f32(null(), 1.0, 0, null(), f_place, g_place, w, 16, place, report)
    };
    assert_eq!(status, expected);
    let seven = 7.0_f32.to_bits();
    assert!(f.iter().chain(&g).chain(&work).all(|x| x.to_bits() == seven));
    assert_eq!(found.iterations, 0);
}

#[cfg(not(feature = "scaling"))]
#[test]
fn a_kept_kernel() {
    assert_eq!(rot_sinkhorn_fast_work_len(2, 2, 0), usize::MAX);
    let problem = c::rot_problem_f32 {
        struct_size: size_of::<c::rot_problem_f32>() as u32,
        cost: c::rot_matrix_f32 {
            data: [0.0; 4].as_ptr(),
            rows: 2,
            cols: 2,
            row_stride: 2,
            col_stride: 1,
            reserved: 0,
        },
        a: [0.5; 2].as_ptr(),
        a_len: 2,
        b: [0.5; 2].as_ptr(),
        b_len: 2,
        epsilon: 0.5,
        ..empty()
    };
    let mut options = c::rot_options_f32 {
        struct_size: size_of::<c::rot_options_f32>() as u32,
        tolerance: 1e-3,
        max_iterations: 10,
        check_every: 1,
        ..empty()
    };
    let (mut f, mut g) = ([7.0_f32; 2], [7.0_f32; 2]);
    let mut work = vec![0.0; rot_sinkhorn_work_len(2, 2, 0)];
    let struct_size = size_of::<c::rot_report_f32>() as u32;
    let mut report = c::rot_report_f32 { struct_size, ..empty() };
    let mut solve = |sweep| {
        options.sweep = sweep;
        let (f, g, len) = (f.as_mut_ptr(), g.as_mut_ptr(), work.len());
        // SAFETY: every pointer is valid for the extent that goes with it.
        unsafe {
            rot_sinkhorn_solve_f32(
                &problem,
                &options,
                f,
                g,
                work.as_mut_ptr(),
                len,
                &raw mut report,
            )
        }
    };
    assert_eq!(solve(robust_ot::ffi::ROT_SWEEP_SCALING), ErrorKind::NotBuilt as i32);
    assert_eq!(solve(robust_ot::ffi::ROT_SWEEP_LOG), 0);
    assert_eq!((report.error.argument, report.sweep), (0, robust_ot::ffi::ROT_SWEEP_LOG));
}

#[cfg(not(feature = "points"))]
#[test]
fn points() {
    use robust_ot::ffi::{ROT_COST_EUCLIDEAN, ROT_COST_SQUARED_EUCLIDEAN};
    for kind in [ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN] {
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

/// Without the part all of it, without double precision its half.
#[cfg(not(all(feature = "barycenter", feature = "f64")))]
#[test]
fn barycenters() {
    use core::ptr::{null, null_mut};

    use robust_ot::ffi::barycenter::types::*;
    use robust_ot::ffi::barycenter::*;

    macro_rules! answers {
        ($scalar:ty: $solve:ident $check:ident $certifiable:ident $half:ident $add:ident $merge:ident
            $combine:ident $apply:ident) => {{
            let struct_size = size_of::<BarycenterReport<$scalar>>() as u32;
            let mut report = BarycenterReport::<$scalar> { struct_size, mass: 7.0, ..empty() };
            let mut error: c::rot_error = empty();
            let mut values = [7.0 as $scalar; 9];
            let (p, len, no) = (values.as_mut_ptr(), values.len(), null_mut());
            let (found, e) = (&raw mut report, &raw mut error);
            // SAFETY: nothing is used.
            let answers = unsafe {
                [
                    $solve(null(), null(), null(), p, p, p, p, len, found),
                    $check(null(), null(), null(), p, p, p, p, len, e),
                    $certifiable(null(), 1.0, p, len, p, e),
                    $half(null(), 0, 0, p, p, p, len, null_mut(), e),
                    $add(null(), 0, null(), p, p, null_mut(), e),
                    $merge(1, p, null(), p, null_mut(), e),
                    $combine(1, 1.0, null(), p, null_mut(), e),
                    $apply(null(), 0, null(), p, null(), p, p, e),
                    $solve(null(), null(), null(), no, no, no, no, 0, null_mut()),
                ]
            };
            assert_eq!(answers, [ErrorKind::NotBuilt as i32; 9]);
            let seven = (7.0 as $scalar).to_bits();
            assert!(values.iter().chain([&report.mass]).all(|x| x.to_bits() == seven));
        }};
    }
    answers!(f64: rot_barycenter_solve_f64 rot_barycenter_check_f64
        rot_barycenter_certifiable_epsilon_f64 rot_barycenter_half_step_f64
        rot_barycenter_add_f64 rot_barycenter_merge_f64 rot_barycenter_combine_f64
        rot_barycenter_apply_f64);
    #[cfg(not(feature = "barycenter"))]
    {
        answers!(f32: rot_barycenter_solve_f32 rot_barycenter_check_f32
            rot_barycenter_certifiable_epsilon_f32 rot_barycenter_half_step_f32
            rot_barycenter_add_f32 rot_barycenter_merge_f32 rot_barycenter_combine_f32
            rot_barycenter_apply_f32);
        assert_eq!(rot_barycenter_work_len(1, 2, 2, 0), usize::MAX);
    }
}

/// Without one of its two parts all of it, without double precision its half.
#[cfg(not(all(feature = "barycenter", feature = "implicit", feature = "f64")))]
#[test]
fn gradients_of_barycenters() {
    use core::ptr::{null, null_mut};

    use robust_ot::ffi::barycenter::gradient::*;
    use robust_ot::ffi::barycenter::types::*;

    macro_rules! answers {
        ($scalar:ty: $vjp:ident) => {{
            let struct_size = size_of::<BarycenterGradient<$scalar>>() as u32;
            let mut values = [7.0 as $scalar; 9];
            let (p, len, no) = (values.as_mut_ptr(), values.len(), null_mut());
            let mut gradient =
                BarycenterGradient::<$scalar> { struct_size, weights: p, residual: 7.0, ..empty() };
            // SAFETY: nothing is used.
            let answers = unsafe {
                [
                    $vjp(null(), p, p, p, 1.0, null(), &raw mut gradient, p, len),
                    $vjp(null(), no, no, no, 1.0, null(), null_mut(), no, 0),
                ]
            };
            assert_eq!(answers, [ErrorKind::NotBuilt as i32; 2]);
            let seven = (7.0 as $scalar).to_bits();
            assert!(values.iter().chain([&gradient.residual]).all(|x| x.to_bits() == seven));
        }};
    }
    answers!(f64: rot_barycenter_vjp_f64);
    #[cfg(not(all(feature = "barycenter", feature = "implicit")))]
    {
        answers!(f32: rot_barycenter_vjp_f32);
        assert_eq!(rot_barycenter_gradient_work_len(1, 2, 2, 0), usize::MAX);
    }
}

/// Without one of its two parts all of it, without double precision its half.
#[cfg(not(all(feature = "barycenter", feature = "accuracy", feature = "f64")))]
#[test]
fn accuracies_of_barycenters() {
    use core::ptr::{null, null_mut};

    use robust_ot::ffi::barycenter::accuracy::*;
    use robust_ot::ffi::barycenter::types::*;

    macro_rules! answers {
        ($scalar:ty: $parameters:ident $solve:ident) => {{
            let struct_size = size_of::<BarycenterReport<$scalar>>() as u32;
            let mut report = BarycenterReport::<$scalar> { struct_size, mass: 7.0, ..empty() };
            let mut values = [7.0 as $scalar; 9];
            let (p, len) = (values.as_mut_ptr(), values.len());
            let mut found = c::Accuracy::<$scalar> { target: 7.0, ..empty() };
            let (to, told) = (&raw mut found, &raw mut report);
            // SAFETY: nothing is used.
            let answers = unsafe {
                [
                    $parameters(null(), 1.0, 0, p, len, to, null_mut()),
                    $solve(null(), 1.0, null(), p, p, p, p, len, to, told),
                ]
            };
            assert_eq!(answers, [ErrorKind::NotBuilt as i32; 2]);
            let seven = (7.0 as $scalar).to_bits();
            let others = [&report.mass, &found.target];
            assert!(values.iter().chain(others).all(|x| x.to_bits() == seven));
        }};
    }
    answers!(f64: rot_accuracy_barycenter_parameters_f64 rot_accuracy_barycenter_solve_f64);
    #[cfg(not(all(feature = "barycenter", feature = "accuracy")))]
    {
        answers!(f32: rot_accuracy_barycenter_parameters_f32 rot_accuracy_barycenter_solve_f32);
        assert_eq!(rot_accuracy_barycenter_work_len(1, 2, 2, 0), usize::MAX);
    }
}
