//! The functions of the interface in both precisions, and what they take.

use core::fmt::Debug;
use core::ptr::null_mut;

use robust_ot::error::Argument;
use robust_ot::ffi::accuracy::*;
use robust_ot::ffi::anneal::*;
use robust_ot::ffi::gradient::*;
use robust_ot::ffi::matching::*;
use robust_ot::ffi::plan::*;
use robust_ot::ffi::sinkhorn::*;
use robust_ot::kernel::Precision;
use robust_ot::real::Real;

/// No index applies.
pub(crate) const NOWHERE: u64 = u64::MAX;
/// Columns of the values that a barycentric map averages.
pub(crate) const K: usize = 2;

/// The arguments of all functions; each takes those of its prototype. Pointers are bytes, as
/// a test may aim them anywhere.
#[derive(Clone, Copy)]
pub(crate) struct Args<T> {
    pub(crate) problem: *mut u8,
    pub(crate) options: *mut u8,
    pub(crate) f: *mut u8,
    pub(crate) g: *mut u8,
    pub(crate) work: *mut u8,
    pub(crate) work_len: usize,
    pub(crate) iterations: u64,
    pub(crate) report: *mut u8,
    pub(crate) state: *mut u8,
    pub(crate) error: *mut u8,
    pub(crate) log_mass: T,
    pub(crate) i: usize,
    pub(crate) j: usize,
    /// One entry, one row of the plan or an epsilon.
    pub(crate) value: *mut u8,
    pub(crate) row: *mut u8,
    pub(crate) col: *mut u8,
    pub(crate) transport: *mut u8,
    pub(crate) values: *mut u8,
    pub(crate) out: *mut u8,
    pub(crate) target: T,
    /// A report that is only read.
    pub(crate) found: *mut u8,
    pub(crate) cotangent: *mut u8,
    pub(crate) tangent: *mut u8,
    pub(crate) gradient: *mut u8,
    pub(crate) change: *mut u8,
    pub(crate) gradient_options: *mut u8,
    pub(crate) matching_options: *mut u8,
    pub(crate) anneal_options: *mut u8,
    /// A formula or a method.
    pub(crate) kind: u32,
    pub(crate) accuracy: *mut u8,
    /// What rounding adds to rows and columns.
    pub(crate) added_rows: *mut u8,
    pub(crate) added_cols: *mut u8,
    pub(crate) rounded: *mut u8,
}

impl<T: C> Args<T> {
    pub(crate) fn none() -> Self {
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
            found: p,
            cotangent: p,
            tangent: p,
            gradient: p,
            change: p,
            gradient_options: p,
            matching_options: p,
            anneal_options: p,
            kind: 0,
            accuracy: p,
            added_rows: p,
            added_cols: p,
            rounded: p,
        }
    }

    pub(crate) fn slot(&mut self, name: &str) -> &mut *mut u8 {
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
            "found" => &mut a.found,
            "cotangent" => &mut a.cotangent,
            "tangent" => &mut a.tangent,
            "gradient" => &mut a.gradient,
            "change" => &mut a.change,
            "gradient_options" => &mut a.gradient_options,
            "matching_options" => &mut a.matching_options,
            "anneal_options" => &mut a.anneal_options,
            "accuracy" => &mut a.accuracy,
            "added_rows" => &mut a.added_rows,
            "added_cols" => &mut a.added_cols,
            "rounded" => &mut a.rounded,
            _ => panic!("no argument {name}"),
        }
    }
}

/// From a field of [`Args`] to the type of the prototype.
pub(crate) trait Pass<To> {
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
pass_plainly! { usize u32 u64 f32 f64 }

/// A precision of the C interface.
pub(crate) trait C:
    Precision<Cost = Self, Potential = Self, Sum = Self, Work = Self> + Real + Debug
{
    fn of(x: f64) -> Self;
    fn bits(self) -> u64;

    /// # Safety
    /// As for a C program that calls the function.
    unsafe fn call(call: Call, args: &Args<Self>) -> i32;
}

macro_rules! functions {
    ($($name:ident: $double:ident, $single:ident($($argument:ident),*);)*) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) enum Call { $($name),* }

        impl Call {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) fn takes(self, name: &str) -> bool {
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
    Vjp: rot_gradient_vjp_f64, rot_gradient_vjp_f32(
        problem, f, g, found, cotangent, gradient_options, gradient, work, work_len);
    Jvp: rot_gradient_jvp_f64, rot_gradient_jvp_f32(
        problem, f, g, found, tangent, gradient_options, change, work, work_len);
    Match: rot_matching_step_f64, rot_matching_step_f32(
        problem, matching_options, options, gradient_options, f, g, report, gradient, work,
        work_len);
    Anneal: rot_anneal_solve_f64, rot_anneal_solve_f32(
        problem, anneal_options, options, f, g, work, work_len, report);
    Parameters: rot_accuracy_parameters_f64, rot_accuracy_parameters_f32(
        problem, target, kind, work, work_len, accuracy, error);
    Accurate: rot_accuracy_solve_f64, rot_accuracy_solve_f32(
        problem, target, kind, options, f, g, work, work_len, accuracy, report);
    Round: rot_plan_round_f64, rot_plan_round_f32(
        problem, f, g, log_mass, work, work_len, row, col, added_rows, added_cols, rounded, error);
}

impl Call {
    /// Those with an argument of this name.
    pub(crate) fn taking(name: &str) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |call| call.takes(name))
    }

    /// Those that look at every weight and cost.
    pub(crate) const VALIDATING: [Self; 4] = [Self::Solve, Self::Check, Self::Init, Self::Anneal];

    /// Whether f and g are only read.
    pub(crate) fn keeps_potentials(self) -> bool {
        self.is_plan() || matches!(self, Self::Vjp | Self::Jvp)
    }

    /// Whether the work is that of the plan functions.
    pub(crate) fn is_plan(self) -> bool {
        let alone = matches!(self, Self::Entry | Self::Row | Self::Marginals | Self::Round);
        alone || matches!(self, Self::Map | Self::Dense)
    }
}

/// Every pointer of the prototypes and of the structs, with the argument that a refusal names.
/// What lies in another struct is called by its own name.
pub(crate) const POINTERS: [(&str, Argument); 53] = [
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
    ("found", Argument::Report),
    ("cotangent", Argument::Cotangent),
    ("tangent", Argument::Tangent),
    ("gradient", Argument::Gradient),
    ("change", Argument::Output),
    ("gradient_options", Argument::Options),
    ("matching_options", Argument::Options),
    ("anneal_options", Argument::Options),
    ("accuracy", Argument::Output),
    ("added_rows", Argument::Output),
    ("added_cols", Argument::Output),
    ("rounded", Argument::Output),
    ("loss by plan", Argument::Cotangent),
    ("loss by row", Argument::Cotangent),
    ("loss by col", Argument::Cotangent),
    ("loss by f", Argument::Cotangent),
    ("loss by g", Argument::Cotangent),
    ("slope of cost", Argument::CostGradient),
    ("slope of a", Argument::RowWeightGradient),
    ("slope of b", Argument::ColWeightGradient),
    ("slope of x", Argument::RowPointGradient),
    ("slope of y", Argument::ColPointGradient),
    ("moved cost", Argument::Tangent),
    ("moved a", Argument::Tangent),
    ("moved b", Argument::Tangent),
    ("moved x", Argument::Tangent),
    ("moved y", Argument::Tangent),
    ("change of plan", Argument::Output),
    ("change of f", Argument::Output),
    ("change of g", Argument::Output),
    ("change of row", Argument::Output),
    ("change of col", Argument::Output),
];

/// Structs that begin with their size.
pub(crate) const SIZED: [&str; 12] = [
    "problem",
    "options",
    "report",
    "state",
    "found",
    "cotangent",
    "tangent",
    "gradient",
    "change",
    "gradient_options",
    "matching_options",
    "anneal_options",
];

/// The pointers that a call goes by, with points of dimension d or a dense cost.
pub(crate) fn pointers(call: Call, d: usize) -> impl Iterator<Item = (&'static str, Argument)> {
    POINTERS.into_iter().filter(move |&(name, _)| match name {
        "cost" => d == 0,
        "x" | "y" => d > 0,
        "a" | "b" => true,
        "values data" => call.takes("values"),
        "out data" => call.takes("out"),
        "slope of x" | "slope of y" => d > 0 && call.takes("gradient"),
        "moved x" | "moved y" => d > 0 && call.takes("tangent"),
        name if name.starts_with("loss by") => call.takes("cotangent"),
        name if name.starts_with("slope of") => call.takes("gradient"),
        name if name.starts_with("moved") => call.takes("tangent"),
        name if name.starts_with("change of") => call.takes("change"),
        name => call.takes(name),
    })
}

/// Whether a call writes through a pointer of [`POINTERS`].
pub(crate) fn writes(call: Call, name: &str) -> bool {
    match name {
        "f" | "g" => !call.keeps_potentials(),
        "work" | "report" | "state" | "error" | "gradient" | "change" => true,
        name if name.starts_with("slope of") || name.starts_with("change of") => true,
        "value" | "row" | "col" | "transport" | "out data" => true,
        "accuracy" | "added_rows" | "added_cols" | "rounded" => true,
        _ => false,
    }
}

/// Where a slice begins, as the arguments have it.
pub(crate) fn raw<V>(values: &mut [V]) -> *mut u8 {
    values.as_mut_ptr().cast()
}

/// Each test in both precisions. What an interpreter could say of the second list is said of the
/// first: those calls end before memory is used, or use it inside one scene.
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
pub(crate) use for_both_precisions;
