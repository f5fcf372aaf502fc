//! The structs of barycenters.

use super::super::types::{Matrix, Rule, rot_error};

/// One measure of a barycenter. Initialise with ROT_MEASURE_INIT, then set the
/// cost (or the points), the weights and what differs from an exact rule and a share of 1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Measure<T> {
    /// Zero.
    pub flags: u32,
    /// ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN, ROT_COST_GRID
    /// or ROT_COST_LOW_RANK.
    pub cost_kind: u32,
    /// ROT_COST_DENSE: the cost from its points to those of the barycenter, n_i x n, cost units.
    /// +infinity forbids a pair. A cost that measures share is the same view in each.
    pub cost: Matrix<T>,
    /// Points of the measure, n_i x d, for the other kinds; ROT_COST_GRID: the axes of
    /// their grid, d x 3.
    pub x: Matrix<T>,
    /// Points of the barycenter, n x d, for the other kinds; ROT_COST_GRID: the axes
    /// of their grid, d x 3.
    pub y: Matrix<T>,
    /// Weights p_i, mass units, non-negative, some positive.
    pub weights: *const T,
    /// Number of weights: n_i.
    pub weights_len: usize,
    /// Share in the barycenter, not negative, in any unit: shares are divided by their sum. A
    /// measure of share 0 gets its plan to the barycenter of the others.
    pub share: T,
    /// Zero.
    pub reserved_value: T,
    /// ROT_EXACT or ROT_KL(tau).
    pub rule: Rule<T>,
    /// Zero.
    pub reserved: [u64; 4],
}

/// Whose barycenter. Initialise with ROT_BARYCENTER_PROBLEM_F64_INIT or
/// ROT_BARYCENTER_PROBLEM_F32_INIT, then set measures, measures_len and epsilon.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterProblem<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// sizeof of one measure; the initialiser sets it.
    pub measure_size: u32,
    /// The measures, one behind the other; all have the same n.
    pub measures: *const Measure<T>,
    /// Number of measures: k.
    pub measures_len: usize,
    /// Weight of the entropy, cost units, positive.
    pub epsilon: T,
    /// Zero.
    pub reserved_value: T,
    /// Zero.
    pub reserved: [u64; 4],
}

/// A ladder of epsilons. Initialise with ROT_BARYCENTER_OPTIONS_F64_INIT or
/// ROT_BARYCENTER_OPTIONS_F32_INIT; a NULL pointer means these defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterOptions<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Most iterations at each epsilon above the problem's, at least 1. Default 15; a level is left
    /// early at a residual of 1 %.
    pub level_iterations: u32,
    /// Epsilon to begin with, cost units; 0 (default) for no ladder. It pays at small epsilon, where
    /// a cold start takes long to carry mass far.
    pub start: T,
    /// Ratio of an epsilon to the next, at least 1.1. Default 4.
    pub factor: T,
    /// Zero.
    pub reserved: [u64; 4],
}

/// What is true of a barycenter and its potentials, all of it computed from them in one last sweep.
/// Y_i is the plan X_i divided by its mass if all rules are KL, else X_i itself; w_i are the shares
/// divided by their sum. A quantity that does not exist for the problem is infinite. Set struct_size
/// (ROT_BARYCENTER_REPORT_F64_INIT); no more than that many bytes are written. After a refusal only
/// `error` and `converged` are written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterReport<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// 1 if the stopping rule holds and nothing is NaN, else 0.
    pub converged: u32,
    /// How the call ended.
    pub error: rot_error,
    /// Iterations: one sweep over the cost of every measure each.
    pub iterations: u64,
    /// Weight of the entropy, cost units.
    pub epsilon: T,
    /// residual_rows + residual_cols.
    pub residual: T,
    /// sum_i w_i |X_i 1 - r(f_i)|_1 over the mass.
    pub residual_rows: T,
    /// sum_i w_i |X_i^T 1 - q|_1 over the mass: rounding.
    pub residual_cols: T,
    /// The residual that rounding alone may cause.
    pub rounding_floor: T,
    /// sum_i w_i <C_i, Y_i>.
    pub transport_cost: T,
    /// sum_i w_i sum Y_i (log Y_i - 1).
    pub entropy: T,
    /// sum_i w_i tau_i KL(Y_i 1 | p_i).
    pub penalty: T,
    /// transport_cost + epsilon * entropy + penalty.
    pub objective: T,
    /// transport_cost + penalty.
    pub unregularised_objective: T,
    /// Lower bound of the regularised optimum.
    pub dual_value: T,
    /// Most that the objective can be above its optimum; infinite with an exact measure.
    pub gap: T,
    /// Certified lower bound of the unregularised optimum; -infinity with an exact measure.
    pub lower_bound: T,
    /// unregularised_objective - lower_bound.
    pub certified_distance: T,
    /// Mass of the barycenter before it was divided by it.
    pub mass: T,
    /// log of that mass.
    pub log_mass: T,
    /// Factor that made the sum of the shares 1.
    pub share_factor: T,
    /// Zero.
    pub reserved_values: [T; 5],
    /// Zero.
    pub reserved: [u64; 4],
}

/// What a half step found out, apart from the vectors. Plain data: a host may send it anywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterHalf<T> {
    /// |X_i 1 - r(f_i)|_1 before the step, mass units: how far the rows were from their rule.
    pub residual: T,
    /// Mass of the plan before the step.
    pub mass: T,
    /// log of the mass of the marginal that the rule assigns to the new f_i.
    pub log_target: T,
    /// Zero.
    pub reserved_value: T,
    /// 1 if a sum overflowed or a NaN appeared; the potentials are the last finite ones.
    pub trouble: u32,
    /// 1 if f_i changed.
    pub moved: u32,
}

/// What measures exchange besides a vector; begins as zeros. Plain data: all fields but exact_mass
/// are sums.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterSums<T> {
    /// sum of the shares.
    pub share: T,
    /// The same over exact measures.
    pub exact_share: T,
    /// Mass of an exact measure, 0 if there is none; of two the larger.
    pub exact_mass: T,
    /// sum share_i tau_i over KL measures.
    pub tau: T,
    /// sum share_i tau_i log_target_i over KL measures.
    pub relaxed: T,
    /// sum share_i residual_i.
    pub residual: T,
    /// sum share_i mass_i.
    pub mass: T,
    /// Zero.
    pub reserved_value: T,
}

/// What every measure needs to end its iteration besides a vector. Plain data.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterConstants<T> {
    /// log of the mass of exp(potential / epsilon).
    pub log_mass: T,
    /// What f_i + g_i gain, cost units.
    pub shift: T,
    /// What g_i gains under an exact rule.
    pub exact: T,
    /// Relative residual of the rows before the iteration.
    pub residual: T,
}

/// How the gradient of a barycenter is taken. Initialise with
/// ROT_BARYCENTER_GRADIENT_OPTIONS_F64_INIT or ROT_BARYCENTER_GRADIENT_OPTIONS_F32_INIT; a NULL
/// pointer means these defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterGradientOptions<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Most iterations of conjugate gradients, at least 1. Default 1000.
    pub max_iterations: u32,
    /// |residual| over |right-hand side| that is good enough. Default 1e-10 (f64) or 1e-6 (f32).
    pub tolerance: T,
    /// Relative residual up to which potentials count as an optimum; INFINITY takes any. Default
    /// 1e-6 (f64) or 1e-2 (f32).
    pub forward_tolerance: T,
    /// As in the options of a solve. Changes the time, never the bits.
    pub level: u32,
    /// Zero.
    pub reserved32: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// Where the gradients of a barycenter go, each one measure behind the other, and how trustworthy
/// they are. Initialise with ROT_BARYCENTER_GRADIENT_F64_INIT or ROT_BARYCENTER_GRADIENT_F32_INIT,
/// then set the pointers of those that are wanted; what is NULL is not computed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BarycenterGradient<T> {
    /// sizeof of this struct; the initialiser sets it.
    pub struct_size: u32,
    /// Zero.
    pub reserved32: u32,
    /// Written: what was wrong with the call, or ROT_OK.
    pub error: rot_error,
    /// dL/dp_i, sum n_i elements, or NULL. Exact measures: along directions that keep the mass, up to
    /// a constant. At a zero weight: the one-sided derivative of an exact measure; 0 under
    /// ROT_RULE_KL, whose derivative is infinite there.
    pub weights: *mut T,
    /// dL/d share_i, k elements, or NULL, of the shares as they were given: the loss does not change
    /// along them.
    pub shares: *mut T,
    /// dL/dC_i, sum n_i n elements, row by row, or NULL; of measures with points too.
    pub costs: *mut T,
    /// dL/dx_i, sum n_i d_i elements, point by point, or NULL. d_i is 0, and a measure has no place
    /// here, if its cost is ROT_COST_DENSE.
    pub x: *mut T,
    /// dL/dy_i, sum n d_i elements, point by point, or NULL: through the cost of each measure. Where
    /// measures share these points the derivative is the sum over the measures.
    pub y: *mut T,
    /// Zero.
    pub reserved_size: usize,
    /// Written: relative residual of the potentials that were given.
    pub forward_residual: T,
    /// Written: |residual| of the linear system over |right-hand side|; 0 if none had to be solved.
    pub residual: T,
    /// Written: iterations of conjugate gradients.
    pub iterations: u32,
    /// Zero.
    pub reserved32_2: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// [`Measure`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_measure_f64 = Measure<f64>;
/// [`Measure`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_measure_f32 = Measure<f32>;
/// [`BarycenterProblem`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_problem_f64 = BarycenterProblem<f64>;
/// [`BarycenterProblem`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_problem_f32 = BarycenterProblem<f32>;
/// [`BarycenterOptions`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_options_f64 = BarycenterOptions<f64>;
/// [`BarycenterOptions`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_options_f32 = BarycenterOptions<f32>;
/// [`BarycenterReport`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_report_f64 = BarycenterReport<f64>;
/// [`BarycenterReport`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_report_f32 = BarycenterReport<f32>;
/// [`BarycenterHalf`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_half_f64 = BarycenterHalf<f64>;
/// [`BarycenterHalf`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_half_f32 = BarycenterHalf<f32>;
/// [`BarycenterSums`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_sums_f64 = BarycenterSums<f64>;
/// [`BarycenterSums`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_sums_f32 = BarycenterSums<f32>;
/// [`BarycenterConstants`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_constants_f64 = BarycenterConstants<f64>;
/// [`BarycenterConstants`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_constants_f32 = BarycenterConstants<f32>;
/// [`BarycenterGradientOptions`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_gradient_options_f64 = BarycenterGradientOptions<f64>;
/// [`BarycenterGradientOptions`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_gradient_options_f32 = BarycenterGradientOptions<f32>;
/// [`BarycenterGradient`] in double precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_gradient_f64 = BarycenterGradient<f64>;
/// [`BarycenterGradient`] in single precision.
#[allow(non_camel_case_types, reason = "the name that C sees")]
pub type rot_barycenter_gradient_f32 = BarycenterGradient<f32>;
