//! Structs as the initialisers of the header make them, and numbers to fill arrays with.

use core::mem::{MaybeUninit, size_of};
use core::ptr::{null, null_mut};

use robust_ot::ffi::gradient::{ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE};
use robust_ot::ffi::matching::{ROT_GRADIENT_FULL, ROT_UNIT_ABSOLUTE};
use robust_ot::ffi::types as c;
use robust_ot::ffi::{
    ROT_COST_DENSE, ROT_LEVEL_FASTEST, ROT_REFERENCE_COUNTING, ROT_RULE_BOX, ROT_RULE_EXACT,
    ROT_RULE_KL, ROT_RULE_KL_BALL, ROT_RULE_L2_BALL, ROT_RULE_TV, ROT_STOP_RESIDUAL,
    ROT_SWEEP_AUTO,
};
use robust_ot::marginal::Rule;

use super::calls::C;

pub(crate) fn matrix<T>(data: *const T, rows: usize, cols: usize) -> c::Matrix<T> {
    c::Matrix { data, rows, cols, row_stride: cols, col_stride: 1, reserved: 0 }
}

pub(crate) fn no_matrix<T>() -> c::Matrix<T> {
    c::Matrix { data: null(), rows: 0, cols: 0, row_stride: 0, col_stride: 0, reserved: 0 }
}

pub(crate) fn c_rule<T: C>(rule: Rule<T>) -> c::Rule<T> {
    let (kind, first, second) = match rule {
        Rule::Kl { tau } => (ROT_RULE_KL, tau, T::ZERO),
        Rule::L2Ball { radius2, entropy } => (ROT_RULE_L2_BALL, radius2, entropy),
        Rule::KlBall { radius, entropy } => (ROT_RULE_KL_BALL, radius, entropy),
        Rule::Tv { tau } => (ROT_RULE_TV, tau, T::ZERO),
        Rule::Box { lower, upper } => (ROT_RULE_BOX, lower, upper),
        _ => (ROT_RULE_EXACT, T::ZERO, T::ZERO),
    };
    c::Rule {
        kind,
        flags: 0,
        param: [first, second, T::ZERO, T::ZERO],
        lower: null(),
        lower_stride: 0,
        upper: null(),
        upper_stride: 0,
        reserved: [0; 2],
    }
}

/// As ROT_PROBLEM_F64_INIT.
pub(crate) fn no_problem<T: C>() -> c::Problem<T> {
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
        count: 0,
        cost_stride: 0,
        x_stride: 0,
        y_stride: 0,
        a_stride: 0,
        b_stride: 0,
        reserved_sizes: [0; 2],
        reserved: [0; 4],
    }
}

/// As ROT_OPTIONS_F64_INIT.
pub(crate) fn default_options<T: C>() -> c::Options<T> {
    c::Options {
        struct_size: size_of::<c::Options<T>>() as u32,
        stop: ROT_STOP_RESIDUAL,
        tolerance: T::DEFAULT_TOLERANCE,
        reserved_value: T::ZERO,
        max_iterations: 100_000,
        check_every: 10,
        flags: 0,
        level: ROT_LEVEL_FASTEST,
        sweep: ROT_SWEEP_AUTO,
        observe: None,
        user: null_mut(),
        parallel_for: None,
        parallel_context: null_mut(),
        tasks: 0,
        reserved32: 0,
        reserved: [0; 3],
    }
}

/// As ROT_REPORT_F64_INIT.
pub(crate) fn empty_report<T: C>() -> c::Report<T> {
    // SAFETY: integers and floats only: all zero is a value.
    let empty: c::Report<T> = unsafe { MaybeUninit::zeroed().assume_init() };
    c::Report { struct_size: size_of::<c::Report<T>>() as u32, ..empty }
}

/// As ROT_STATE_F64_INIT.
pub(crate) fn empty_state<T: C>() -> c::State<T> {
    // SAFETY: integers and floats only: all zero is a value.
    let empty: c::State<T> = unsafe { MaybeUninit::zeroed().assume_init() };
    c::State { struct_size: size_of::<c::State<T>>() as u32, ..empty }
}

/// As the initialisers of structs that are zero but for their size.
macro_rules! empty_structs {
    ($($name:ident: $of:ident;)*) => {$(
        pub(crate) fn $name<T: C>() -> c::$of<T> {
            // SAFETY: integers, floats and raw pointers only: all zero is a value.
            let empty: c::$of<T> = unsafe { MaybeUninit::zeroed().assume_init() };
            c::$of { struct_size: size_of::<c::$of<T>>() as u32, ..empty }
        }
    )*};
}
empty_structs! {
    empty_cotangent: Cotangent;
    empty_gradient: Gradient;
    empty_tangent: Tangent;
    empty_change: Change;
}

/// As ROT_GRADIENT_OPTIONS_F64_INIT.
pub(crate) fn default_gradient_options<T: C>() -> c::GradientOptions<T> {
    let double = size_of::<T>() == 8;
    c::GradientOptions {
        struct_size: size_of::<c::GradientOptions<T>>() as u32,
        method: ROT_METHOD_DIRECT,
        tolerance: T::of(if double { 1e-12 } else { 1e-6 }),
        forward_tolerance: T::of(if double { 1e-6 } else { 1e-2 }),
        max_iterations: 1000,
        level: ROT_LEVEL_FASTEST,
        reserved: [0; 4],
    }
}

/// As ROT_ANNEAL_OPTIONS_F64_INIT.
pub(crate) fn default_anneal_options<T: C>() -> c::AnnealOptions<T> {
    c::AnnealOptions {
        struct_size: size_of::<c::AnnealOptions<T>>() as u32,
        method: ROT_METHOD_ITERATIVE,
        start: T::ZERO,
        factor: T::of(4.0),
        tolerance: T::ONE / T::of(10.0),
        reserved_value: T::ZERO,
        max_iterations: 1000,
        sweeps: 15,
        level_steps: 3,
        reserved32: 0,
        reserved: [0; 4],
    }
}

/// As ROT_MATCHING_OPTIONS_INIT.
pub(crate) fn default_matching_options() -> c::rot_matching_options {
    c::rot_matching_options {
        struct_size: size_of::<c::rot_matching_options>() as u32,
        unit: ROT_UNIT_ABSOLUTE,
        gradient: ROT_GRADIENT_FULL,
        reserved32: 0,
        reserved: [0; 4],
    }
}

pub(crate) fn matrix_mut<T>(data: *mut T, rows: usize, cols: usize) -> c::MatrixMut<T> {
    c::MatrixMut { data, rows, cols, row_stride: cols, col_stride: 1, reserved: 0 }
}

/// Numbers between 0 and 1 without pattern.
pub(crate) fn numbers<T: C>(count: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_add(7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        T::of((state >> 40) as f64 / (1_u64 << 24) as f64)
    };
    (0..count).map(|_| next()).collect()
}
