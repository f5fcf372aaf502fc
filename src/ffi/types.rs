//! The structs of the C interface. Each is written once, generic over the scalar, and named for
//! both.

use core::ffi::c_void;

/// A read-only matrix in the caller's memory: entry (i, j) is
/// data[i * row_stride + j * col_stride]; strides count elements. Initialise with
/// ROT_MATRIX(data, rows, cols) if it is row-major without gaps.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Matrix<T> {
    /// First element; may be NULL if the matrix is not used.
    pub data: *const T,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from a row to the next; 0 repeats one row.
    pub row_stride: usize,
    /// Elements from a column to the next; 0 repeats one column.
    pub col_stride: usize,
    /// Zero.
    pub reserved: usize,
}

/// A matrix to write to: as the read-only one, but no two entries may share an address.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MatrixMut<T> {
    /// First element.
    pub data: *mut T,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from a row to the next.
    pub row_stride: usize,
    /// Elements from a column to the next.
    pub col_stride: usize,
    /// Zero.
    pub reserved: usize,
}

/// How one side's marginal r may differ from its weights w. This struct never changes its size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Rule<T> {
    /// ROT_RULE_EXACT: r = w. ROT_RULE_KL: penalty tau * sum(r log(r/w) - r + w), tau =
    /// `param[0]`. ROT_RULE_L2_BALL: sum(r) = 1 and |r - w|^2 <= radius2 = `param[0]`, penalty
    /// entropy * sum(r (log r - 1)), entropy = `param[1]`; the weights sum to 1, and a zero weight
    /// may receive mass. ROT_RULE_KL_BALL: the same with KL(r | w) <= radius = `param[0]`.
    /// ROT_RULE_TV: penalty tau * sum |r - w|, tau = `param[0]`; against the counting measure a zero
    /// weight may receive mass. ROT_RULE_BOX: lower * w <= r <= upper * w with lower = `param[0]` and
    /// upper = `param[1]`, which may be infinite.
    pub kind: u32,
    /// Zero.
    pub flags: u32,
    /// Parameters of the kind, the rest zero. Tau and upper are positive, the others are not negative;
    /// tau and entropy in cost units.
    pub param: [T; 4],
    /// NULL; for rules with bounds per entry.
    pub lower: *const T,
    /// Zero.
    pub lower_stride: usize,
    /// NULL; for rules with bounds per entry.
    pub upper: *const T,
    /// Zero.
    pub upper_stride: usize,
    /// Zero.
    pub reserved: [u64; 2],
}

/// What to solve. Initialise with ROT_PROBLEM_F64_INIT or ROT_PROBLEM_F32_INIT, then set the cost
/// (or the points), a, b, epsilon and the rules.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Problem<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN, ROT_COST_GRID
    /// or ROT_COST_LOW_RANK.
    pub cost_kind: u32,
    /// ROT_COST_DENSE: the cost, n x m, cost units. +infinity forbids a pair. ROT_COST_LOW_RANK: the
    /// factors of the kernel, ROT_LOWRANK_MATRIX(factors, n, m, max_rank).
    pub cost: Matrix<T>,
    /// Points of the rows, n x d, for the other kinds; ROT_COST_GRID: the axes of
    /// their grid, d x 3.
    pub x: Matrix<T>,
    /// Points of the columns, m x d, for the other kinds; ROT_COST_GRID: the axes
    /// of their grid, d x 3.
    pub y: Matrix<T>,
    /// Weights of the rows, mass units, non-negative, some positive.
    pub a: *const T,
    /// Number of weights in a: n.
    pub a_len: usize,
    /// Weights of the columns.
    pub b: *const T,
    /// Number of weights in b: m.
    pub b_len: usize,
    /// Weight of the entropy, cost units, positive.
    pub epsilon: T,
    /// Zero.
    pub reserved_value: T,
    /// ROT_REFERENCE_COUNTING or ROT_REFERENCE_PRODUCT.
    pub reference: u32,
    /// 0, or ROT_UNIT_MASS for the robust problem over plans of unit mass.
    pub flags: u32,
    /// Rule of the rows.
    pub rows: Rule<T>,
    /// Rule of the columns.
    pub cols: Rule<T>,
    /// Number of problems for rot_sinkhorn_solve_batch; zero, as the strides, for all else.
    pub count: usize,
    /// ROT_COST_DENSE: elements from the cost of a problem to that of the next; 0 if all share it.
    pub cost_stride: usize,
    /// Other kinds: elements from the points of the rows to those of the next problem, or 0.
    pub x_stride: usize,
    /// Other kinds: elements from the points of the columns to those of the next problem, or 0.
    pub y_stride: usize,
    /// Elements from the weights of the rows to those of the next problem; 0 if all share them.
    pub a_stride: usize,
    /// Elements from the weights of the columns to those of the next problem; 0 if all share them.
    pub b_stride: usize,
    /// Zero.
    pub reserved_sizes: [usize; 2],
    /// Zero.
    pub reserved: [u64; 4],
}

/// The state of a solve at a check.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Progress<T> {
    /// sizeof of this struct in the library.
    pub struct_size: u32,
    /// Zero.
    pub reserved32: u32,
    /// Sweeps so far.
    pub iterations: u64,
    /// Weight of the entropy.
    pub epsilon: T,
    /// Relative KKT residual of the rows at the start of the latest sweep.
    pub residual: T,
    /// Certified distance at the latest evaluation; infinite before it.
    pub certified_distance: T,
    /// Zero.
    pub reserved_value: T,
}

/// A task of the library's, which a host runs on any of its threads: call it with the argument that came
/// with it and an index.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_task = unsafe extern "C" fn(argument: *mut c_void, index: usize);

/// The threads of a host (OpenMP, a pool, the tasks of an RTOS): calls task(argument, k) for every k
/// below `tasks`, in any order and on any threads, and returns when all these calls have returned, with
/// what they wrote visible to the caller. A k that is left out is done by the calling thread; a second
/// call for the same k does nothing. It must not throw or longjmp, nor end a thread inside a task.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_parallel_for = Option<
    unsafe extern "C" fn(context: *mut c_void, tasks: usize, task: rot_task, argument: *mut c_void),
>;

/// How to solve. Initialise with ROT_OPTIONS_F64_INIT or ROT_OPTIONS_F32_INIT (the defaults, which
/// a NULL pointer to options means too).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// ROT_STOP_RESIDUAL: the relative KKT residual is at most `tolerance` (dimensionless).
    /// ROT_STOP_CERTIFIED: the unregularised objective is proved to lie within `tolerance` (cost
    /// times mass units) of its optimum; needs a KL rule on a side.
    pub stop: u32,
    /// See `stop`; positive. Default 1e-9 (f64), 1e-5 (f32).
    pub tolerance: T,
    /// Zero.
    pub reserved_value: T,
    /// Most sweeps, at least 1. Default 100000.
    pub max_iterations: u64,
    /// Sweeps between calls of the observer and evaluations of a certificate, at least 1.
    /// Default 10.
    pub check_every: u32,
    /// 0, or a sum of ROT_WARM_START (f and g hold the start; -infinity counts as 0) and
    /// ROT_TRUST_DATA (skip the scan of weights and costs; bad data ends as not converged).
    pub flags: u32,
    /// ROT_LEVEL_FASTEST, or a level to force; it changes the time, never the bits (but for
    /// ROT_LEVEL_FMA).
    pub level: u32,
    /// ROT_SWEEP_AUTO, ROT_SWEEP_LOG or ROT_SWEEP_SCALING: what the sweeps of rot_sinkhorn_* and
    /// rot_anneal_* are made of. All else solves in the log domain and refuses ROT_SWEEP_SCALING.
    pub sweep: u32,
    /// Called with `user` every `check_every` sweeps; a non-zero answer stops the solve. It must
    /// not throw, longjmp, or call with the same work. May be NULL.
    pub observe:
        Option<unsafe extern "C" fn(user: *mut c_void, progress: *const Progress<T>) -> i32>,
    /// First argument of `observe`.
    pub user: *mut c_void,
    /// The host's threads, for the sweeps of rot_sinkhorn_*; NULL, the default, for none. It changes the
    /// time, never the bits. All else, batches too, works on the calling thread.
    pub parallel_for: rot_parallel_for,
    /// First argument of `parallel_for`.
    pub parallel_context: *mut c_void,
    /// Blocks of 64 rows that are to be under way at the same time: the number of threads, or a small
    /// multiple of it; at most 256. Fewer are where the work has no room for them
    /// (rot_sinkhorn_parallel_work_len).
    pub tasks: u32,
    /// Zero.
    pub reserved32: u32,
    /// Zero.
    pub reserved: [u64; 3],
}

/// What was wrong with a call, or how it ended.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub struct rot_error {
    /// ROT_OK, a positive remark (ROT_ITERATION_LIMIT ...) or a negative refusal (ROT_ERR_...).
    pub status: i32,
    /// The argument that was refused, ROT_ARG_...
    pub argument: u32,
    /// First bad row, or index of a vector; ROT_NOWHERE if none applies.
    pub row: u64,
    /// First bad column; ROT_NOWHERE if none applies.
    pub col: u64,
    /// Which measure of a barycenter, or problem of a batch; ROT_NOWHERE if none applies.
    pub measure: u64,
}

/// How rot_anneal_solve walks down. Initialise with ROT_ANNEAL_OPTIONS_F64_INIT or
/// ROT_ANNEAL_OPTIONS_F32_INIT; a NULL pointer means these defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AnnealOptions<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// How the linear systems of Newton's method are solved: ROT_METHOD_ITERATIVE (the default),
    /// ROT_METHOD_DIRECT, or ROT_METHOD_NONE for sweeps alone.
    pub method: u32,
    /// The first epsilon, cost units; 0 (the default) for a 10th of the largest |C|. No level above
    /// the problem's epsilon if it is not larger.
    pub start: T,
    /// Ratio of an epsilon to the next, at least 1.1. Default 4.
    pub factor: T,
    /// Iterative: |residual| over |right-hand side| that is good enough: a step need not be more exact
    /// than the model that it comes from. Default 0.1.
    pub tolerance: T,
    /// Zero.
    pub reserved_value: T,
    /// Iterative: most iterations for each step. Default 1000.
    pub max_iterations: u32,
    /// Most sweeps at each level before Newton's method, at least 1. Default 15. A level above the
    /// last is left early at a relative residual of 1 %, and on the last Newton's method begins there.
    pub sweeps: u32,
    /// Most Newton steps at each level above the last. Default 3.
    pub level_steps: u32,
    /// Zero.
    pub reserved32: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// What a target error asks for (rot_accuracy_parameters, rot_accuracy_solve, and rot_accuracy_barycenter_...).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Accuracy<T> {
    /// By which formula epsilon was chosen, ROT_FORMULA_...
    pub formula: u32,
    /// Where the bound on the iterations comes from, ROT_SOURCE_...
    pub source: u32,
    /// Which part of a solve ended it, ROT_PATH_...
    pub path: u32,
    /// Epsilons that a solve walked through.
    pub levels: u32,
    /// The target, cost units times mass units.
    pub target: T,
    /// The formula's epsilon, cost units. The potentials of a solve belong to that of its report.
    pub epsilon: T,
    /// The smallest target that this precision is sure to certify.
    pub smallest_target: T,
    /// Zero.
    pub reserved_value: T,
    /// Iterations (updates of both sides) of plain sweeps from zero after which the target is met in exact
    /// arithmetic; 0 where no bound is known.
    pub iterations: u64,
    /// The same in the unit of the papers, updates of one side.
    pub half_sweeps: u64,
    /// Zero.
    pub reserved: [u64; 2],
}

/// What is true of a rounded plan (rot_plan_round).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Rounded<T> {
    /// <C, X'>. Infinite if a forbidden pair gets mass: X' then is no plan of the problem.
    pub transport_cost: T,
    /// transport_cost + Phi_row(X' 1) + Phi_col(X'^T 1): at or above the optimum without entropy.
    pub unregularised_objective: T,
    /// Mass that was added to what scaling left, the sum of q.
    pub added: T,
    /// Zero.
    pub reserved_value: T,
}

/// What is true of the returned potentials, all of it computed from them in one last sweep. X is
/// the plan (of unit mass under ROT_UNIT_MASS). A quantity that does not exist for the problem is
/// infinite. Set struct_size (ROT_REPORT_F64_INIT); no more than that many bytes are written. After
/// a refusal only `error` is written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Report<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// 1 if the stopping rule holds and nothing is NaN, else 0.
    pub converged: u32,
    /// How the call ended.
    pub error: rot_error,
    /// Sweeps over the cost that updated both sides.
    pub iterations: u64,
    /// Weight of the entropy, cost units.
    pub epsilon: T,
    /// KKT residual relative to the mass: residual_rows + residual_cols.
    pub residual: T,
    /// |X 1 - r(f)|_1 over the mass of the plan.
    pub residual_rows: T,
    /// |X^T 1 - c(g)|_1 over the mass of the plan.
    pub residual_cols: T,
    /// The residual that rounding alone may cause: u ((max|C| + max|f| + max|g|) / s + 4), s the
    /// smallest of epsilon and the taus.
    pub rounding_floor: T,
    /// <C, X>.
    pub transport_cost: T,
    /// sum X (log X - 1), or sum X (log(X / (a b)) - 1) against the product reference.
    pub entropy: T,
    /// Penalty of the rows.
    pub row_penalty: T,
    /// Penalty of the columns.
    pub col_penalty: T,
    /// transport_cost + epsilon * entropy + row_penalty + col_penalty.
    pub objective: T,
    /// transport_cost + row_penalty + col_penalty.
    pub unregularised_objective: T,
    /// Lower bound of the regularised optimum.
    pub dual_value: T,
    /// Primal-dual gap of the regularised problem, a sum of non-negative terms.
    pub gap: T,
    /// Certified lower bound of the unregularised optimum.
    pub lower_bound: T,
    /// unregularised_objective - lower_bound.
    pub certified_distance: T,
    /// sum X.
    pub mass: T,
    /// log of the mass of exp((f + g - C) / epsilon) under ROT_UNIT_MASS; else 0. Give it to the
    /// plan functions.
    pub log_mass: T,
    /// Factor on b that makes the masses of two exact sides equal; else 1.
    pub mass_factor: T,
    /// Multiplier of the rows' ball, -d objective / d radius; 0 if it is slack, or no ball.
    pub row_multiplier: T,
    /// Multiplier of the columns' ball.
    pub col_multiplier: T,
    /// Zero.
    pub reserved_values: [T; 4],
    /// 1 if a ball is slack and its marginal has collapsed onto the cheapest pairs: the radius is
    /// most likely larger than was meant.
    pub collapsed: u32,
    /// What the sweeps were made of: ROT_SWEEP_LOG or ROT_SWEEP_SCALING. ROT_SWEEP_LOG also where a
    /// kernel was kept but given up, since its sums left the safe range again and again.
    pub sweep: u32,
    /// rot_anneal_solve: epsilons above the problem's that were walked through; else 0.
    pub levels: u32,
    /// rot_anneal_solve: Newton steps that were taken, at all levels; else 0.
    pub newton_steps: u32,
    /// rot_anneal_solve: products with the matrices of iterative Newton steps, each a pass over the plan
    /// that costs about as much as a sweep; else 0.
    pub newton_products: u64,
    /// Zero.
    pub reserved: [u64; 1],
}

/// A solve in slices, between rot_sinkhorn_init and rot_sinkhorn_finish. Its contents are the
/// library's; copy it freely together with the potentials and the work.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct State<T> {
    /// sizeof of this struct; ROT_STATE_F64_INIT sets it.
    pub struct_size: u32,
    /// Private.
    pub mark: u32,
    /// Private.
    pub counts: [u64; 4],
    /// Private.
    pub values: [T; 10],
    /// Private.
    pub flags: [u32; 4],
    /// Private.
    pub balls: [[u64; 2]; 2],
    /// Zero.
    pub reserved: [u64; 4],
}

/// What a loss L asks of an optimum: dL/d of each part, all added up. Initialise with
/// ROT_COTANGENT_F64_INIT or ROT_COTANGENT_F32_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cotangent<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Zero.
    pub reserved32: u32,
    /// dL/dX, n x m; no data if L does not see the plan. Under ROT_UNIT_MASS X has unit mass.
    pub plan: Matrix<T>,
    /// dL/d(X 1), n elements, or NULL.
    pub row_marginal: *const T,
    /// dL/d(X^T 1), m elements, or NULL.
    pub col_marginal: *const T,
    /// dL/df, n elements, or NULL; where both sides fix the mass the sums of dL/df and dL/dg are
    /// equal. Refused (ROT_ERR_SINGULAR) where it is not 0 and the row has next to no mass: below
    /// 2^-400 (f64) or 2^-40 (f32), for columns and conjugate gradients below a rounding of all mass.
    pub f: *const T,
    /// dL/dg, m elements; NULL just where `f` is.
    pub g: *const T,
    /// dL/d<C, X>.
    pub transport_cost: T,
    /// dL/d(optimal value of the regularised problem); needs no linear solve.
    pub value: T,
    /// Zero.
    pub reserved: [u64; 4],
}

/// How a gradient is taken. Initialise with ROT_GRADIENT_OPTIONS_F64_INIT or
/// ROT_GRADIENT_OPTIONS_F32_INIT; a NULL pointer means these defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GradientOptions<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// ROT_METHOD_DIRECT (a factorisation of the smaller side) or ROT_METHOD_ITERATIVE (conjugate
    /// gradients in O(n + m) work).
    pub method: u32,
    /// Iterative: |residual| over |right-hand side| that is good enough.
    pub tolerance: T,
    /// Relative KKT residual up to which potentials count as an optimum; INFINITY takes any.
    pub forward_tolerance: T,
    /// Iterative: most iterations.
    pub max_iterations: u32,
    /// As in the options of a solve.
    pub level: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// Where gradients go, and the scalar ones. Initialise with ROT_GRADIENT_F64_INIT or
/// ROT_GRADIENT_F32_INIT, then set the pointers of those that are wanted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Gradient<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Zero.
    pub reserved32: u32,
    /// dL/dC, n x m, or no data.
    pub cost: MatrixMut<T>,
    /// dL/da, n elements, or NULL. An exact side's is defined up to a constant, along directions
    /// that keep the mass. At a zero weight: the one-sided derivative of an exact side; 0 under
    /// ROT_RULE_KL, whose derivative is infinite there.
    pub a: *mut T,
    /// dL/db, m elements, or NULL.
    pub b: *mut T,
    /// dL/dx, n x d, for costs from points, or no data.
    pub x: MatrixMut<T>,
    /// dL/dy, m x d, or no data.
    pub y: MatrixMut<T>,
    /// Written: what was wrong with the call, or ROT_OK.
    pub error: rot_error,
    /// Written: dL/d epsilon.
    pub epsilon: T,
    /// Written: dL/d of the parameters of the rows' rule.
    pub row_rule: [T; 2],
    /// Written: dL/d of the parameters of the columns' rule.
    pub col_rule: [T; 2],
    /// Written: relative KKT residual of the potentials that were given.
    pub forward_residual: T,
    /// Written: |residual| over |right-hand side| of the linear system.
    pub residual: T,
    /// Zero.
    pub reserved_value: T,
    /// Written: iterations of conjugate gradients.
    pub iterations: u32,
    /// Zero.
    pub reserved32_2: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// A direction in which a problem changes; what is NULL or zero stays. Initialise with
/// ROT_TANGENT_F64_INIT or ROT_TANGENT_F32_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tangent<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Zero.
    pub reserved32: u32,
    /// dC, n x m, or no data.
    pub cost: Matrix<T>,
    /// dx, n x d, for costs from points, or no data.
    pub x: Matrix<T>,
    /// dy, m x d, or no data.
    pub y: Matrix<T>,
    /// da, n elements, or NULL; da and db keep the masses equal where both sides fix them.
    pub a: *const T,
    /// db, m elements, or NULL.
    pub b: *const T,
    /// d epsilon.
    pub epsilon: T,
    /// Zero.
    pub reserved_value: T,
    /// d of the parameters of the rows' rule.
    pub row_rule: [T; 2],
    /// d of the parameters of the columns' rule.
    pub col_rule: [T; 2],
    /// Zero.
    pub reserved: [u64; 4],
}

/// Where the changes of an optimum go, and the scalar ones. Initialise with ROT_CHANGE_F64_INIT or
/// ROT_CHANGE_F32_INIT, then set the pointers of those that are wanted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Change<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Zero.
    pub reserved32: u32,
    /// dX, n x m, or no data.
    pub plan: MatrixMut<T>,
    /// df, n elements, 0 where the row has no mass, or NULL.
    pub f: *mut T,
    /// dg, m elements, 0 where the column has no mass, or NULL.
    pub g: *mut T,
    /// d(X 1), n elements, or NULL.
    pub row_marginal: *mut T,
    /// d(X^T 1), m elements, or NULL.
    pub col_marginal: *mut T,
    /// Written: what was wrong with the call, or ROT_OK.
    pub error: rot_error,
    /// Written: d<C, X>.
    pub transport_cost: T,
    /// Written: d(optimal value of the regularised problem).
    pub value: T,
    /// Written: as in rot_gradient.
    pub forward_residual: T,
    /// Written: as in rot_gradient.
    pub residual: T,
    /// Written: as in rot_gradient.
    pub iterations: u32,
    /// Zero.
    pub reserved32_2: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// What a matching counts in, and which gradient it gives. Initialise with
/// ROT_MATCHING_OPTIONS_INIT; a NULL pointer means these defaults.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub struct rot_matching_options {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Epsilon, tau and entropy of the problem are in cost units (ROT_UNIT_ABSOLUTE), or in units
    /// of the largest cost, taken for a constant (ROT_UNIT_LARGEST) or with its own gradient
    /// (ROT_UNIT_LARGEST_DIFFERENTIATED).
    pub unit: u32,
    /// ROT_GRADIENT_FULL: of <C, X>, the plan moving along. ROT_GRADIENT_ENVELOPE: at a fixed plan.
    pub gradient: u32,
    /// Zero.
    pub reserved32: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// [`Matrix`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_matrix_f64 = Matrix<f64>;
/// [`Matrix`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_matrix_f32 = Matrix<f32>;
/// [`MatrixMut`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_matrix_mut_f64 = MatrixMut<f64>;
/// [`MatrixMut`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_matrix_mut_f32 = MatrixMut<f32>;
/// [`Rule`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_rule_f64 = Rule<f64>;
/// [`Rule`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_rule_f32 = Rule<f32>;
/// [`Problem`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_problem_f64 = Problem<f64>;
/// [`Problem`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_problem_f32 = Problem<f32>;
/// What the factors of a low-rank kernel are worth. Set struct_size (ROT_LOWRANK_REPORT_F64_INIT). After a
/// refusal only `error` is written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LowrankReport<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// 1 after ROT_OK, else 0.
    pub converged: u32,
    /// How the call ended.
    pub error: rot_error,
    /// Number of columns.
    pub rank: u64,
    /// The largest entry of the diagonal of K - G G^T: in exact arithmetic no entry is larger.
    pub residual: T,
    /// Bound on what rounding adds to that, in the factors and in sums over them.
    pub rounding: T,
    /// Bound on |x - y|^2 over all pairs.
    pub max_cost: T,
    /// Bound on |log(G G^T) - log K|:
    /// (residual + rounding) / (exp(-max_cost / epsilon) - residual - rounding).
    pub log_error: T,
    /// 2 epsilon log_error: how far, for unit mass, the objective of an optimal plan may be from the
    /// optimum with |x - y|^2.
    pub objective_error: T,
    /// 3 epsilon log_error: what a certified distance of unit mass has to be enlarged by.
    pub certificate_error: T,
    /// Zero.
    pub reserved_values: [T; 2],
    /// Zero.
    pub reserved: [u64; 2],
}

/// [`Progress`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_progress_f64 = Progress<f64>;
/// [`Progress`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_progress_f32 = Progress<f32>;
/// [`Options`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_options_f64 = Options<f64>;
/// [`Options`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_options_f32 = Options<f32>;
/// [`AnnealOptions`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_anneal_options_f64 = AnnealOptions<f64>;
/// [`AnnealOptions`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_anneal_options_f32 = AnnealOptions<f32>;
/// [`Accuracy`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_accuracy_f64 = Accuracy<f64>;
/// [`Accuracy`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_accuracy_f32 = Accuracy<f32>;
/// [`Rounded`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_rounded_f64 = Rounded<f64>;
/// [`Rounded`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_rounded_f32 = Rounded<f32>;
/// [`Report`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_report_f64 = Report<f64>;
/// [`Report`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_report_f32 = Report<f32>;
/// [`State`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_state_f64 = State<f64>;
/// [`State`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_state_f32 = State<f32>;
/// [`Cotangent`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_cotangent_f64 = Cotangent<f64>;
/// [`Cotangent`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_cotangent_f32 = Cotangent<f32>;
/// [`GradientOptions`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_gradient_options_f64 = GradientOptions<f64>;
/// [`GradientOptions`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_gradient_options_f32 = GradientOptions<f32>;
/// [`Gradient`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_gradient_f64 = Gradient<f64>;
/// [`Gradient`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_gradient_f32 = Gradient<f32>;
/// [`Tangent`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_tangent_f64 = Tangent<f64>;
/// [`Tangent`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_tangent_f32 = Tangent<f32>;
/// [`Change`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_change_f64 = Change<f64>;
/// [`Change`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_change_f32 = Change<f32>;
/// [`LowrankReport`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_lowrank_report_f64 = LowrankReport<f64>;
/// [`LowrankReport`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_lowrank_report_f32 = LowrankReport<f32>;
