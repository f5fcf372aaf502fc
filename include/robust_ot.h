/*
 * robust_ot.h - robust optimal transport without allocation
 *
 * WHAT IT SOLVES
 *
 *   minimise over X >= 0   <C, X> + epsilon * sum(X (log X - 1))
 *                          + Phi_row(X 1) + Phi_col(X^T 1)
 *
 *   C is the cost of moving mass from point i to point j (n x m), X the plan. Each side has
 *   weights w (a for the rows, b for the columns) and a rule of its own:
 *     ROT_EXACT      its marginal r is w                       (balanced transport)
 *     ROT_KL(tau)    Phi = tau * sum(r log(r/w) - r + w)       (relaxed, unbalanced transport)
 *     ROT_L2_BALL(radius2, entropy), ROT_KL_BALL(radius, entropy)
 *                    r has unit mass and stays in a ball around w (leaves out outliers)
 *     ROT_TV(tau)    Phi = tau * sum|r - w|                    (mass made or dropped at a price)
 *     ROT_BOX(lower, upper)
 *                    lower * w <= r <= upper * w               (capacities and demands)
 *   ROT_UNIT_MASS asks for the best plan of unit mass (robust transport; both rules KL). The
 *   optimum is X_ij = exp((f_i + g_j - C_ij) / epsilon): the potentials f and g are the result,
 *   the plan is a view of them that the rot_plan functions read.
 *
 *   rot_barycenter_solve averages any number of measures on one support: one plan to the
 *   barycenter for each, every measure with a rule and a share of its own.
 *
 * A WHOLE PROGRAM
 *
 *   #include <robust_ot.h>
 *   #include <stdio.h>
 *
 *   int main(void) {
 *       static const double cost[] = {0.0, 1.0, 4.0, 1.0, 0.0, 1.0};
 *       static const double a[] = {0.5, 0.5}, b[] = {0.2, 0.35, 0.45};
 *       static double f[2], g[3], work[ROT_SINKHORN_WORK_LEN(2, 3, 0)];
 *       rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
 *       rot_report_f64 report = ROT_REPORT_F64_INIT;
 *       rot_matrix_f64 view = ROT_MATRIX(cost, 2, 3);
 *       problem.cost = view;
 *       problem.a = a;
 *       problem.a_len = 2;
 *       problem.b = b;
 *       problem.b_len = 3;
 *       problem.epsilon = 0.05;
 *       int32_t status = rot_sinkhorn_solve_f64(&problem, NULL, f, g, work,
 *                                               sizeof work / sizeof *work, &report);
 *       printf("%s: cost %.6f, mass %.6f, %d iterations\n", rot_status_str(status),
 *              report.transport_cost, report.mass, (int)report.iterations);
 *       return status;
 *   }
 *
 * CONVENTIONS
 *
 *   Units      Costs, epsilon, tau and potentials are in cost units; weights and plans in mass
 *              units. Matrices are views with strides counted in elements.
 *   Arguments  What is only read comes first and is const; outputs come last. A pointer to
 *              options or to an error may be NULL, and no other unless its function says so.
 *   Structs    Each begins with its size and is set up by a ..._INIT macro; fields named
 *              reserved are zero. A program built against an older or a newer header works: what
 *              its struct lacks has the default, what the library does not know must be zero.
 *
 * ERROR HANDLING
 *
 *   Every function returns a status: ROT_OK; a positive remark (the solve finished otherwise than
 *   asked; the outputs hold the last good state); or a negative refusal. A refusal comes before
 *   the first write: all outputs are as they were, but for the work and the report's error and
 *   converged. The report, or the rot_error, names the argument, the first bad index and, for a
 *   barycenter, the measure.
 *   rot_status_str gives one line for any status.
 *
 * MEMORY, STACK, THREADS
 *
 *   The library never allocates, locks, prints, panics or calls the C library. All memory is the
 *   caller's: work arrays are counted in elements, sized by a function or by its macro twin, and
 *   need the alignment of their element type only; their contents do not matter. Inputs may
 *   overlap each other; an output or work range that overlaps anything else is refused. Functions
 *   are re-entrant: concurrent calls need disjoint outputs, work and states. They may run in an
 *   interrupt if it saves the floating-point registers. Callbacks must not throw, longjmp, or call
 *   with the same work.
 *
 *   A work array of ROT_SINKHORN_FAST_WORK_LEN(n, m, d) elements, room for one more n x m matrix,
 *   makes the sweeps of rot_sinkhorn_* several times faster (see ROT_SWEEP_AUTO); the report's
 *   `sweep` says what they were made of.
 *
 * EQUAL BITS
 *
 *   The same input, options and library version, with room for a kernel or without, give the same
 *   bits on every processor and at every SIMD level, from x86-64 to a Cortex-M without a floating-point unit, with rounding to nearest
 *   and subnormal numbers left on.
 *
 * COMPATIBILITY
 *
 *   Not a break: new rule kinds, new statuses, new fields in reserved space, and other bits
 *   between minor versions. Numbers are never reused. rot_abi_version() of the library equals
 *   ROT_ABI_VERSION of the header it belongs to.
 *
 * INDEX
 *
 *   solving    rot_sinkhorn_solve, _check, _work_len, _fast_work_len, _certifiable_epsilon
 *   in slices  rot_sinkhorn_init, _step, _finish
 *   batches    rot_sinkhorn_solve_batch (many small problems of one shape in one call)
 *   low rank   rot_lowrank_factor, _factors_len, _work_len, _dimension (squared distances between many
 *              points through a low-rank kernel, ROT_COST_LOW_RANK)
 *   annealing  rot_anneal_solve, _work_len (the same problems at small epsilon, in far fewer sweeps)
 *   grids      ROT_COST_GRID (images, volumes), rot_grid_dimension for the work lengths
 *   accuracy   rot_accuracy_solve, _parameters, _work_len (to a proved distance from the optimum)
 *              rot_accuracy_barycenter_solve, _parameters, _work_len (the same of barycenters)
 *   the plan   rot_plan_entry, _row, _marginals, _barycentric_map, _dense, _round, _work_len
 *   gradients  rot_gradient_vjp, _jvp, _work_len, _fast_work_len
 *   matching   rot_matching_step, _work_len (regression without correspondence)
 *   averages   rot_barycenter_solve, _check, _work_len, _certifiable_epsilon
 *              rot_barycenter_vjp, _gradient_work_len (their gradients)
 *   in parts   rot_barycenter_half_step, _add, _merge, _combine, _apply (measures on many hosts)
 *   about      rot_version, rot_abi_version, rot_status_str
 *   Names end in _f64 or _f32. This file is made from the sources; do not edit it.
 */


#ifndef ROBUST_OT_H
#define ROBUST_OT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(ROT_SHARED)
#define ROT_API __declspec(dllimport)
#else
#define ROT_API
#endif

#define ROT_VERSION_MAJOR 0u
#define ROT_VERSION_MINOR 1u
#define ROT_VERSION_PATCH 0u
/** As rot_version() of a library of the same version. */
#define ROT_VERSION (ROT_VERSION_MAJOR * 1000000u + ROT_VERSION_MINOR * 1000u + ROT_VERSION_PATCH)

/** converged. */
#define ROT_OK 0
/** the limit of iterations came first. */
#define ROT_ITERATION_LIMIT 1
/** stopped by the observer. */
#define ROT_STOPPED 2
/** stalled at rounding. */
#define ROT_ROUNDING_FLOOR 3
/** stalled, infeasible suspected. */
#define ROT_STALLED 4
/** numerical trouble, last finite potentials returned. */
#define ROT_NUMERICAL_TROUBLE 5
/** the target of the certificate is out of reach at this epsilon. */
#define ROT_OUT_OF_REACH 6
/** a pointer is NULL. */
#define ROT_ERR_NULL (-10)
/** struct_size is unknown or an unknown field is not zero. */
#define ROT_ERR_STRUCT_SIZE (-11)
/** a pointer is not aligned to its element type. */
#define ROT_ERR_ALIGNMENT (-12)
/** an output or work range overlaps another argument. */
#define ROT_ERR_OVERLAP (-13)
/** this part was left out when the library was built. */
#define ROT_ERR_NOT_BUILT (-14)
/** an enumeration holds a value that does not exist, or not for this call. */
#define ROT_ERR_KIND (-15)
/** a dimension is zero. */
#define ROT_ERR_EMPTY (-20)
/** lengths or shapes do not fit each other. */
#define ROT_ERR_SHAPE (-21)
/** strides let two entries of an output share an address. */
#define ROT_ERR_STRIDE (-22)
/** a dimension, an extent or a distance is too large. */
#define ROT_ERR_TOO_LARGE (-23)
/** the work buffer is too short. */
#define ROT_ERR_WORK_TOO_SMALL (-24)
/** an entry is NaN. */
#define ROT_ERR_NOT_A_NUMBER (-30)
/** an entry is infinite where that has no meaning. */
#define ROT_ERR_INFINITE (-31)
/** a weight is negative. */
#define ROT_ERR_NEGATIVE (-32)
/** all weights of a side are zero. */
#define ROT_ERR_ZERO_MASS (-33)
/** the masses that the two sides prescribe differ. */
#define ROT_ERR_MASS_MISMATCH (-34)
/** a positive weight has no partner at finite cost. */
#define ROT_ERR_NO_PARTNER (-35)
/** no mass lies in the ranges that the two sides allow. */
#define ROT_ERR_MASS_RANGE (-36)
/** epsilon is not positive and finite, or out of range for the cost. */
#define ROT_ERR_EPSILON (-40)
/** tau is not positive and finite. */
#define ROT_ERR_TAU (-41)
/** a tolerance or target is not positive and finite. */
#define ROT_ERR_TOLERANCE (-42)
/** a count of iterations is zero. */
#define ROT_ERR_COUNT (-43)
/** no certificate exists for this pair of marginal rules. */
#define ROT_ERR_NO_CERTIFICATE (-44)
/** no run at this epsilon can certify the target. */
#define ROT_ERR_TARGET_OUT_OF_REACH (-45)
/** the unit-mass problem takes KL rules on both sides. */
#define ROT_ERR_UNIT_MASS_RULE (-46)
/** the radius of a ball is negative or not finite. */
#define ROT_ERR_RADIUS (-47)
/** the entropy of a ball is negative or not finite. */
#define ROT_ERR_ENTROPY (-48)
/** the potentials are no optimum within the gradient's tolerance. */
#define ROT_ERR_NOT_CONVERGED (-49)
/** cotangents of potentials up to a constant have unequal sums. */
#define ROT_ERR_GAUGE (-50)
/** the linear system is not positive definite in this precision. */
#define ROT_ERR_SINGULAR (-51)
/** a box is not 0 <= lower <= upper, lower finite, upper positive. */
#define ROT_ERR_RANGE (-52)
/** a barycenter takes exact and KL rules only. */
#define ROT_ERR_BARYCENTER_RULE (-60)
/** the target is below what this precision can certify. */
#define ROT_ERR_TARGET_PRECISION (-70)
/** the rank does not bring the kernel's error down to the bound. */
#define ROT_ERR_RANK_TOO_SMALL (-80)
/** no rank keeps the kernel within the bound at this epsilon. */
#define ROT_ERR_KERNEL_OUT_OF_REACH (-81)
/** the low-rank kernel was factored at another epsilon. */
#define ROT_ERR_KERNEL_EPSILON (-82)
#define ROT_ARG_NONE 0u
#define ROT_ARG_PROBLEM 1u
#define ROT_ARG_OPTIONS 2u
#define ROT_ARG_REPORT 3u
#define ROT_ARG_STATE 4u
#define ROT_ARG_MATRIX 5u
#define ROT_ARG_COST 10u
#define ROT_ARG_ROW_POINTS 11u
#define ROT_ARG_COL_POINTS 12u
#define ROT_ARG_ROW_WEIGHTS 13u
#define ROT_ARG_COL_WEIGHTS 14u
#define ROT_ARG_EPSILON 15u
#define ROT_ARG_ROW_RULE 16u
#define ROT_ARG_COL_RULE 17u
#define ROT_ARG_REFERENCE 18u
#define ROT_ARG_COST_KIND 19u
#define ROT_ARG_STOP 20u
#define ROT_ARG_MAX_ITERATIONS 21u
#define ROT_ARG_CHECK_EVERY 22u
#define ROT_ARG_LEVEL 23u
#define ROT_ARG_SWEEP 24u
#define ROT_ARG_ROW_POTENTIALS 30u
#define ROT_ARG_COL_POTENTIALS 31u
#define ROT_ARG_WORK 32u
#define ROT_ARG_OUTPUT 33u
#define ROT_ARG_ROW 34u
#define ROT_ARG_COL 35u
#define ROT_ARG_VALUES 36u
#define ROT_ARG_COTANGENT 40u
#define ROT_ARG_METHOD 41u
#define ROT_ARG_FORWARD_TOLERANCE 42u
#define ROT_ARG_COST_GRADIENT 43u
#define ROT_ARG_ROW_WEIGHT_GRADIENT 44u
#define ROT_ARG_COL_WEIGHT_GRADIENT 45u
#define ROT_ARG_ROW_POINT_GRADIENT 46u
#define ROT_ARG_COL_POINT_GRADIENT 47u
#define ROT_ARG_TANGENT 48u
#define ROT_ARG_GRADIENT 49u
#define ROT_ARG_MEASURES 60u
#define ROT_ARG_SHARE 61u
#define ROT_ARG_BARYCENTER 62u
#define ROT_ARG_HALF 68u
#define ROT_ARG_COMBINATION 69u
#define ROT_ARG_FACTORS 80u
#define ROT_ARG_RANK 81u

/** n rounded up to a multiple of 16. */
#define ROT_PADDED(n) (((size_t)(n) + 15u) / 16u * 16u)

/** Elements of work for rot_sinkhorn_*, to size static arrays; see rot_sinkhorn_work_len. */
#define ROT_SINKHORN_WORK_LEN(n, m, d) \
    ((size_t)3 * ROT_PADDED(n) + (size_t)9 * ROT_PADDED(m) + (size_t)1 * (size_t)(d) * ROT_PADDED(m) + 16u)

#define ROT_SINKHORN_FAST_VECTORS_WORK_LEN_(n, m, d) \
    ((size_t)6 * ROT_PADDED(n) + (size_t)13 * ROT_PADDED(m) + (size_t)1 * (size_t)(d) * ROT_PADDED(m) + 16u)
/** Elements of work with which rot_sinkhorn_* keep the kernel; see rot_sinkhorn_fast_work_len. */
#define ROT_SINKHORN_FAST_WORK_LEN(n, m, d) \
    (ROT_PADDED(n) * ROT_PADDED(m) + ROT_SINKHORN_FAST_VECTORS_WORK_LEN_(n, m, d))
/** The same with room for `tasks` blocks of rows at a time; see rot_sinkhorn_parallel_work_len. */
#define ROT_SINKHORN_PARALLEL_WORK_LEN(n, m, d, tasks) \
    (ROT_SINKHORN_WORK_LEN(n, m, d) + (size_t)2 * ROT_PADDED(n) + (size_t)7 * (size_t)(tasks) * ROT_PADDED(m))
/** The same with room for `tasks` blocks of rows at a time; see rot_sinkhorn_parallel_fast_work_len. */
#define ROT_SINKHORN_PARALLEL_FAST_WORK_LEN(n, m, d, tasks) \
    (ROT_SINKHORN_FAST_WORK_LEN(n, m, d) + (size_t)2 * ROT_PADDED(n) + (size_t)7 * (size_t)(tasks) * ROT_PADDED(m))

/** Elements of work for rot_plan_*, to size static arrays; see rot_plan_work_len. */
#define ROT_PLAN_WORK_LEN(n, m, d) \
    ((size_t)1 * ROT_PADDED(n) + (size_t)7 * ROT_PADDED(m) + (size_t)1 * (size_t)(d) * ROT_PADDED(m) + 16u)

/** Elements of work for rot_gradient_* and conjugate gradients; see rot_gradient_work_len. */
#define ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d) \
    ((size_t)10 * ROT_PADDED(n) + (size_t)26 * ROT_PADDED(m) + (size_t)3 * (size_t)(d) * ROT_PADDED(m) + 112u)
#define ROT_GRADIENT_DIRECT_WORK_LEN_(n, m, d) \
    (ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d) + \
     ROT_PADDED((m) + 2u) * (ROT_PADDED((m) + 2u) + 64u))
/** Elements of work for rot_gradient_* and a factorisation; see rot_gradient_work_len. */
#define ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d) \
    ((n) < (m) ? ROT_GRADIENT_DIRECT_WORK_LEN_(m, n, d) : ROT_GRADIENT_DIRECT_WORK_LEN_(n, m, d))
/** Elements of work for rot_matching_step; see rot_matching_work_len. */
#define ROT_MATCHING_DIRECT_WORK_LEN(n, m, d) \
    (ROT_SINKHORN_WORK_LEN(n, m, d) > ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d) \
         ? ROT_SINKHORN_WORK_LEN(n, m, d) : ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d))
/** Elements of work for rot_matching_step; see rot_matching_work_len. */
#define ROT_MATCHING_ITERATIVE_WORK_LEN(n, m, d) \
    (ROT_SINKHORN_WORK_LEN(n, m, d) > ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d) \
         ? ROT_SINKHORN_WORK_LEN(n, m, d) : ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d))

/** Elements of work for rot_anneal_solve and sweeps alone; see rot_anneal_work_len. */
#define ROT_ANNEAL_NONE_WORK_LEN(n, m, d) ROT_SINKHORN_WORK_LEN(n, m, d)
/** Elements of work for rot_anneal_solve; see rot_anneal_work_len. */
#define ROT_ANNEAL_DIRECT_WORK_LEN(n, m, d) \
    (ROT_SINKHORN_WORK_LEN(n, m, d) + (size_t)3 * ROT_PADDED(n) + (size_t)3 * ROT_PADDED(m) + \
     ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d))
/** Elements of work for rot_anneal_solve; see rot_anneal_work_len. */
#define ROT_ANNEAL_ITERATIVE_WORK_LEN(n, m, d) \
    (ROT_SINKHORN_WORK_LEN(n, m, d) + (size_t)3 * ROT_PADDED(n) + (size_t)3 * ROT_PADDED(m) + \
     ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d))
/** Elements of work with which rot_anneal_solve keeps the kernel; see rot_anneal_fast_work_len. */
#define ROT_ANNEAL_DIRECT_FAST_WORK_LEN(n, m, d) \
    (ROT_ANNEAL_DIRECT_WORK_LEN(n, m, d) - ROT_SINKHORN_WORK_LEN(n, m, d) + \
     ROT_SINKHORN_FAST_WORK_LEN(n, m, d))
/** Elements of work with which rot_anneal_solve keeps the kernel; see rot_anneal_fast_work_len. */
#define ROT_ANNEAL_ITERATIVE_FAST_WORK_LEN(n, m, d) \
    (ROT_ANNEAL_ITERATIVE_WORK_LEN(n, m, d) - ROT_SINKHORN_WORK_LEN(n, m, d) + \
     ROT_SINKHORN_FAST_WORK_LEN(n, m, d))
/** Elements of work with which rot_anneal_solve keeps the kernel; see rot_anneal_fast_work_len. */
#define ROT_ANNEAL_NONE_FAST_WORK_LEN(n, m, d) \
    (ROT_ANNEAL_NONE_WORK_LEN(n, m, d) - ROT_SINKHORN_WORK_LEN(n, m, d) + \
     ROT_SINKHORN_FAST_WORK_LEN(n, m, d))
#define ROT_BARYCENTER_MEASURES_WORK_LEN_(n, m, d) \
    ((size_t)3 * ROT_PADDED(n) + (size_t)10 * ROT_PADDED(m) + (size_t)1 * (size_t)(d) * ROT_PADDED(m) + 16u)
/** Elements of work for rot_barycenter_*, to size static arrays; see rot_barycenter_work_len. */
#define ROT_BARYCENTER_WORK_LEN(k, rows, n, d) \
    ((size_t)48 * (size_t)(k) + ROT_BARYCENTER_MEASURES_WORK_LEN_(rows, n, d))
/** Elements of work for rot_accuracy_barycenter_*; see rot_accuracy_barycenter_work_len. */
#define ROT_ACCURACY_BARYCENTER_WORK_LEN(k, rows, n, d) ROT_BARYCENTER_WORK_LEN(k, rows, n, d)
#define ROT_BARYCENTER_BACKWARD_WORK_LEN_(n, m, d) \
    ((size_t)8 * ROT_PADDED(n) + (size_t)15 * ROT_PADDED(m) + (size_t)3 * (size_t)(d) * ROT_PADDED(m) + 16u)
/** Elements of work for rot_barycenter_vjp_*; see rot_barycenter_gradient_work_len. */
#define ROT_BARYCENTER_GRADIENT_WORK_LEN(k, rows, n, d) \
    ((size_t)(k) * (48u + ROT_PADDED(n)) + ROT_BARYCENTER_BACKWARD_WORK_LEN_(rows, n, d))

/** Elements of the factors of a low-rank kernel; see rot_lowrank_factors_len. */
#define ROT_LOWRANK_FACTORS_LEN(n, m, max_rank) \
    (((size_t)(n) + (size_t)(m) + 1u) * ROT_PADDED(max_rank))
/** Elements of work for rot_lowrank_factor_*; see rot_lowrank_work_len. */
#define ROT_LOWRANK_WORK_LEN(n, m, d, max_rank) \
    (((size_t)(d) + 2u) * ROT_PADDED((size_t)(n) + (size_t)(m)) + ROT_PADDED(max_rank))
#define ROT_LOWRANK_LEAST_(n, m) (ROT_PADDED(n) < ROT_PADDED(m) ? ROT_PADDED(n) : ROT_PADDED(m))
/** What to give work lengths for d under ROT_COST_LOW_RANK; see rot_lowrank_dimension. */
#define ROT_LOWRANK_DIMENSION(n, m, rank) \
    ((3u * ROT_PADDED(rank) + ROT_LOWRANK_LEAST_(n, m) - 1u) / ROT_LOWRANK_LEAST_(n, m))
/** The cost of a problem with ROT_COST_LOW_RANK: the factors that rot_lowrank_factor_* wrote. */
#define ROT_LOWRANK_MATRIX(factors, n, m, max_rank) \
    ROT_MATRIX(factors, (size_t)(n) + (size_t)(m) + 1u, ROT_PADDED(max_rank))

#define ROT_LOWRANK_REPORT_INIT_(type) \
    {sizeof(type), 0, {0, 0, 0, 0, 0}, 0, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}}
/** An empty report of a factorisation. */
#define ROT_LOWRANK_REPORT_F64_INIT ROT_LOWRANK_REPORT_INIT_(rot_lowrank_report_f64)
/** An empty report of a factorisation. */
#define ROT_LOWRANK_REPORT_F32_INIT ROT_LOWRANK_REPORT_INIT_(rot_lowrank_report_f32)

/** No index applies. */
#define ROT_NOWHERE UINT64_MAX

/** A row-major matrix view without gaps. */
#define ROT_MATRIX(data, rows, cols) {(data), (rows), (cols), (cols), 1, 0}
/** No matrix. */
#define ROT_NO_MATRIX {NULL, 0, 0, 0, 0, 0}

/** The marginal is the weights. */
#define ROT_EXACT {ROT_RULE_EXACT, 0, {0, 0, 0, 0}, NULL, 0, NULL, 0, {0, 0}}
/** The marginal pays tau * KL, tau in cost units. */
#define ROT_KL(tau) {ROT_RULE_KL, 0, {(tau), 0, 0, 0}, NULL, 0, NULL, 0, {0, 0}}

/** The marginal has unit mass and lies within |r - w|^2 <= radius2. */
#define ROT_L2_BALL(radius2, entropy) \
    {ROT_RULE_L2_BALL, 0, {(radius2), (entropy), 0, 0}, NULL, 0, NULL, 0, {0, 0}}
/** The L2 ball in which just a fraction theta of n points with equal weights can be dropped. */
#define ROT_L2_BALL_DROPPING(theta, n, entropy) \
    ROT_L2_BALL((theta) / ((n) * (1 - (theta))), entropy)
/** The marginal has unit mass and lies within KL(r | w) <= radius. */
#define ROT_KL_BALL(radius, entropy) \
    {ROT_RULE_KL_BALL, 0, {(radius), (entropy), 0, 0}, NULL, 0, NULL, 0, {0, 0}}
/** The marginal pays tau for each unit more or less than the weights, tau in cost units. */
#define ROT_TV(tau) {ROT_RULE_TV, 0, {(tau), 0, 0, 0}, NULL, 0, NULL, 0, {0, 0}}
/** The marginal lies between lower * w and upper * w. */
#define ROT_BOX(lower, upper) \
    {ROT_RULE_BOX, 0, {(lower), (upper), 0, 0}, NULL, 0, NULL, 0, {0, 0}}

#define ROT_PROBLEM_INIT_(type) \
    {sizeof(type), ROT_COST_DENSE, ROT_NO_MATRIX, ROT_NO_MATRIX, ROT_NO_MATRIX, NULL, 0, NULL, 0, \
     0, 0, ROT_REFERENCE_COUNTING, 0, ROT_EXACT, ROT_EXACT, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0, 0, 0}}
/** A problem without data, both sides exact. */
#define ROT_PROBLEM_F64_INIT ROT_PROBLEM_INIT_(rot_problem_f64)
/** A problem without data, both sides exact. */
#define ROT_PROBLEM_F32_INIT ROT_PROBLEM_INIT_(rot_problem_f32)

#define ROT_OPTIONS_INIT_(type, tolerance) \
    {sizeof(type), ROT_STOP_RESIDUAL, (tolerance), 0, 100000, 10, 0, ROT_LEVEL_FASTEST, \
     ROT_SWEEP_AUTO, NULL, NULL, NULL, NULL, 0, 0, {0, 0, 0}}
/** The default options. */
#define ROT_OPTIONS_F64_INIT ROT_OPTIONS_INIT_(rot_options_f64, 1e-9)
/** The default options. */
#define ROT_OPTIONS_F32_INIT ROT_OPTIONS_INIT_(rot_options_f32, 1e-5f)

#define ROT_ANNEAL_OPTIONS_INIT_(type, tolerance) \
    {sizeof(type), ROT_METHOD_ITERATIVE, 0, 4, (tolerance), 0, 1000, 15, 3, 0, {0, 0, 0, 0}}
/** The default options of a ladder. */
#define ROT_ANNEAL_OPTIONS_F64_INIT ROT_ANNEAL_OPTIONS_INIT_(rot_anneal_options_f64, 0.1)
/** The default options of a ladder. */
#define ROT_ANNEAL_OPTIONS_F32_INIT ROT_ANNEAL_OPTIONS_INIT_(rot_anneal_options_f32, 0.1f)

#define ROT_REPORT_INIT_(type) \
    {sizeof(type), 0, {0, 0, 0, 0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
     0, 0, {0, 0, 0, 0}, 0, 0, 0, 0, 0, {0}}
/** An empty report. */
#define ROT_REPORT_F64_INIT ROT_REPORT_INIT_(rot_report_f64)
/** An empty report. */
#define ROT_REPORT_F32_INIT ROT_REPORT_INIT_(rot_report_f32)

#define ROT_STATE_INIT_(type) \
    {sizeof(type), 0, {0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0}, \
     {{0, 0}, {0, 0}}, {0, 0, 0, 0}}
/** A state for rot_sinkhorn_init_f64. */
#define ROT_STATE_F64_INIT ROT_STATE_INIT_(rot_state_f64)
/** A state for rot_sinkhorn_init_f32. */
#define ROT_STATE_F32_INIT ROT_STATE_INIT_(rot_state_f32)

#define ROT_COTANGENT_INIT_(type) \
    {sizeof(type), 0, ROT_NO_MATRIX, NULL, NULL, NULL, NULL, 0, 0, {0, 0, 0, 0}}
/** A loss that depends on nothing yet. */
#define ROT_COTANGENT_F64_INIT ROT_COTANGENT_INIT_(rot_cotangent_f64)
/** A loss that depends on nothing yet. */
#define ROT_COTANGENT_F32_INIT ROT_COTANGENT_INIT_(rot_cotangent_f32)

#define ROT_GRADIENT_OPTIONS_INIT_(type, tolerance, forward) \
    {sizeof(type), ROT_METHOD_DIRECT, (tolerance), (forward), 1000, ROT_LEVEL_FASTEST, {0, 0, 0, 0}}
/** The default options of a gradient. */
#define ROT_GRADIENT_OPTIONS_F64_INIT ROT_GRADIENT_OPTIONS_INIT_(rot_gradient_options_f64, 1e-12, 1e-6)
/** The default options of a gradient. */
#define ROT_GRADIENT_OPTIONS_F32_INIT ROT_GRADIENT_OPTIONS_INIT_(rot_gradient_options_f32, 1e-6f, 1e-2f)

#define ROT_GRADIENT_INIT_(type) \
    {sizeof(type), 0, ROT_NO_MATRIX, NULL, NULL, ROT_NO_MATRIX, ROT_NO_MATRIX, {0, 0, 0, 0, 0}, \
     0, {0, 0}, {0, 0}, 0, 0, 0, 0, 0, {0, 0, 0, 0}}
/** Gradients, none of them asked for yet. */
#define ROT_GRADIENT_F64_INIT ROT_GRADIENT_INIT_(rot_gradient_f64)
/** Gradients, none of them asked for yet. */
#define ROT_GRADIENT_F32_INIT ROT_GRADIENT_INIT_(rot_gradient_f32)

#define ROT_TANGENT_INIT_(type) \
    {sizeof(type), 0, ROT_NO_MATRIX, ROT_NO_MATRIX, ROT_NO_MATRIX, NULL, NULL, 0, 0, {0, 0}, \
     {0, 0}, {0, 0, 0, 0}}
/** A direction in which nothing changes yet. */
#define ROT_TANGENT_F64_INIT ROT_TANGENT_INIT_(rot_tangent_f64)
/** A direction in which nothing changes yet. */
#define ROT_TANGENT_F32_INIT ROT_TANGENT_INIT_(rot_tangent_f32)

#define ROT_CHANGE_INIT_(type) \
    {sizeof(type), 0, ROT_NO_MATRIX, NULL, NULL, NULL, NULL, {0, 0, 0, 0, 0}, 0, 0, 0, 0, 0, 0, \
     {0, 0, 0, 0}}
/** Changes of the optimum, none of them asked for yet. */
#define ROT_CHANGE_F64_INIT ROT_CHANGE_INIT_(rot_change_f64)
/** Changes of the optimum, none of them asked for yet. */
#define ROT_CHANGE_F32_INIT ROT_CHANGE_INIT_(rot_change_f32)

/** The default options of a matching. */
#define ROT_MATCHING_OPTIONS_INIT \
    {sizeof(rot_matching_options), ROT_UNIT_ABSOLUTE, ROT_GRADIENT_FULL, 0, {0, 0, 0, 0}}

/** A measure without data, exact, of share 1, in both precisions. */
#define ROT_MEASURE_INIT \
    {0, ROT_COST_DENSE, ROT_NO_MATRIX, ROT_NO_MATRIX, ROT_NO_MATRIX, NULL, 0, 1, 0, ROT_EXACT, \
     {0, 0, 0, 0}}

#define ROT_BARYCENTER_PROBLEM_INIT_(type, measure) \
    {sizeof(type), sizeof(measure), NULL, 0, 0, 0, {0, 0, 0, 0}}
/** A barycenter of no measure yet. */
#define ROT_BARYCENTER_PROBLEM_F64_INIT \
    ROT_BARYCENTER_PROBLEM_INIT_(rot_barycenter_problem_f64, rot_measure_f64)
/** A barycenter of no measure yet. */
#define ROT_BARYCENTER_PROBLEM_F32_INIT \
    ROT_BARYCENTER_PROBLEM_INIT_(rot_barycenter_problem_f32, rot_measure_f32)

/** No ladder of epsilons. */
#define ROT_BARYCENTER_OPTIONS_F64_INIT {sizeof(rot_barycenter_options_f64), 15, 0, 4, {0, 0, 0, 0}}
/** No ladder of epsilons. */
#define ROT_BARYCENTER_OPTIONS_F32_INIT {sizeof(rot_barycenter_options_f32), 15, 0, 4, {0, 0, 0, 0}}

#define ROT_BARYCENTER_REPORT_INIT_(type) \
    {sizeof(type), 0, {0, 0, 0, 0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
     {0, 0, 0, 0, 0}, {0, 0, 0, 0}}
/** An empty report. */
#define ROT_BARYCENTER_REPORT_F64_INIT ROT_BARYCENTER_REPORT_INIT_(rot_barycenter_report_f64)
/** An empty report. */
#define ROT_BARYCENTER_REPORT_F32_INIT ROT_BARYCENTER_REPORT_INIT_(rot_barycenter_report_f32)

/** Sums over no measure yet. */
#define ROT_BARYCENTER_SUMS_INIT {0, 0, 0, 0, 0, 0, 0, 0}

#define ROT_BARYCENTER_GRADIENT_OPTIONS_INIT_(type, tolerance, forward) \
    {sizeof(type), 1000, (tolerance), (forward), ROT_LEVEL_FASTEST, 0, {0, 0, 0, 0}}
/** The default options of a barycenter's gradient. */
#define ROT_BARYCENTER_GRADIENT_OPTIONS_F64_INIT \
    ROT_BARYCENTER_GRADIENT_OPTIONS_INIT_(rot_barycenter_gradient_options_f64, 1e-10, 1e-6)
/** The default options of a barycenter's gradient. */
#define ROT_BARYCENTER_GRADIENT_OPTIONS_F32_INIT \
    ROT_BARYCENTER_GRADIENT_OPTIONS_INIT_(rot_barycenter_gradient_options_f32, 1e-6f, 1e-2f)

#define ROT_BARYCENTER_GRADIENT_INIT_(type) \
    {sizeof(type), 0, {0, 0, 0, 0, 0}, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, {0, 0, 0, 0}}
/** Gradients of a barycenter, none of them asked for yet. */
#define ROT_BARYCENTER_GRADIENT_F64_INIT ROT_BARYCENTER_GRADIENT_INIT_(rot_barycenter_gradient_f64)
/** Gradients of a barycenter, none of them asked for yet. */
#define ROT_BARYCENTER_GRADIENT_F32_INIT ROT_BARYCENTER_GRADIENT_INIT_(rot_barycenter_gradient_f32)


/**
 * Version of the binary interface.
 */
#define ROT_ABI_VERSION 0

/**
 * epsilon = target / (2 S), S the slack of the entropy of all plans of the problem: beta log n for one
 * exact side of mass beta and n points on the other, log(n m) for unit mass.
 */
#define ROT_FORMULA_SLACK 0

/**
 * epsilon = target / (3 max(1, log(n m) / 2)), one formula for all problems of unit mass.
 */
#define ROT_FORMULA_UNIFORM 1

/**
 * That of the papers, for one tau and unit mass: Le et al. 2021 (semi-relaxed and robust problems), Pham
 * et al. 2020 (unbalanced problems).
 */
#define ROT_FORMULA_PAPER 2

/**
 * There is no bound on the iterations.
 */
#define ROT_SOURCE_NONE 0

/**
 * It is proved in the documentation of the Rust module `accuracy`.
 */
#define ROT_SOURCE_PROVED 1

/**
 * It stands in the code of a paper's authors.
 */
#define ROT_SOURCE_CODE 2

/**
 * It is a theorem of a paper.
 */
#define ROT_SOURCE_PAPER 3

/**
 * The walk ended at an epsilon above that of the formula.
 */
#define ROT_PATH_ABOVE 0

/**
 * The walk ended at the epsilon of the formula.
 */
#define ROT_PATH_FORMULA 1

/**
 * A plain run from zero ended it, after the walk had used up the bound.
 */
#define ROT_PATH_PLAIN 2

/**
 * Sweeps alone, without Newton's method (rot_anneal_solve).
 */
#define ROT_METHOD_NONE 2

/**
 * The cost, dense.
 */
#define ROT_COST_DENSE 0

/**
 * |x - y|^2 between points.
 */
#define ROT_COST_SQUARED_EUCLIDEAN 1

/**
 * |x - y| between points.
 */
#define ROT_COST_EUCLIDEAN 2

/**
 * |x - y|^2 between the points of two regular grids: images, volumes. x and y are d x 3; row k describes
 * axis k of a grid by the number of its points, the first coordinate and the spacing. Points are in
 * row-major order, the last axis runs fastest. A sweep goes along one axis after the other:
 * O((n + m) s) exponentials with s points along an axis, no n m memory; whatever needs single entries of
 * the plan still takes each of them.
 */
#define ROT_COST_GRID 3

/**
 * |x - y|^2 between points, through the factors of its kernel that rot_lowrank_factor_* wrote; for
 * problems of their epsilon only (ROT_ERR_KERNEL_EPSILON). All sweeps are in the log domain, on the
 * calling thread. There are no gradients by points.
 */
#define ROT_COST_LOW_RANK 4

/**
 * The marginal is the weights.
 */
#define ROT_RULE_EXACT 0

/**
 * The marginal pays `param[0]` * KL.
 */
#define ROT_RULE_KL 1

/**
 * The marginal lies in an L2 ball around the weights.
 */
#define ROT_RULE_L2_BALL 2

/**
 * The marginal lies in a KL ball around the weights.
 */
#define ROT_RULE_KL_BALL 3

/**
 * The marginal pays `param[0]` for each unit more or less than the weights.
 */
#define ROT_RULE_TV 4

/**
 * The marginal lies between `param[0]` and `param[1]` times the weights.
 */
#define ROT_RULE_BOX 5

/**
 * Entropy against the counting measure.
 */
#define ROT_REFERENCE_COUNTING 0

/**
 * Entropy against the product of the weights.
 */
#define ROT_REFERENCE_PRODUCT 1

/**
 * Flag of a problem: plans of unit mass.
 */
#define ROT_UNIT_MASS 1

/**
 * Stop by the KKT residual.
 */
#define ROT_STOP_RESIDUAL 0

/**
 * Stop by the certified distance.
 */
#define ROT_STOP_CERTIFIED 1

/**
 * Flag of options: f and g hold the start.
 */
#define ROT_WARM_START 1

/**
 * Flag of options: skip the scan of the data.
 */
#define ROT_TRUST_DATA 2

/**
 * The fastest instruction set that the processor has.
 */
#define ROT_LEVEL_FASTEST 0

/**
 * What the compilation target guarantees: SSE2 on x86-64, NEON on aarch64, simd128 on WebAssembly
 * built with it, else nothing wider than a number.
 */
#define ROT_LEVEL_PORTABLE 1

/**
 * AVX2 (x86-64).
 */
#define ROT_LEVEL_AVX2 2

/**
 * AVX-512 (x86-64; F, DQ, BW and VL).
 */
#define ROT_LEVEL_AVX512 3

/**
 * Fused multiply-adds (x86-64 with AVX2 and FMA or AVX-512): faster where exponentials count, but not
 * the bits of the other levels, nor those of the same level on another machine. Never the fastest.
 */
#define ROT_LEVEL_FMA 4

/**
 * A kept kernel where the work has room for it (ROT_SINKHORN_FAST_WORK_LEN), else exponentials.
 */
#define ROT_SWEEP_AUTO 0

/**
 * A sweep is one exponential for each entry of the cost: O(n + m) work, the same bits whatever its
 * length.
 */
#define ROT_SWEEP_LOG 1

/**
 * A sweep is two products with each entry of a kernel that is kept in the work, and filled again
 * where the potentials have moved far: n m more work (demanded by this option), and several times
 * faster. A sweep whose sums leave the safe range is done again with exponentials.
 */
#define ROT_SWEEP_SCALING 2

/**
 * Factor the linear system of a gradient.
 */
#define ROT_METHOD_DIRECT 0

/**
 * Solve it by conjugate gradients.
 */
#define ROT_METHOD_ITERATIVE 1

/**
 * What two grids (ROT_COST_GRID) count as in the work lengths, where these ask for the dimension d of
 * points, if neither has more points along an axis than the grid of the columns (of the barycenter):
 * images or volumes of one shape. In general rot_grid_dimension_f64 tells. More is never wrong; with
 * less, sweeps take n m exponentials. Gradients (rot_gradient_*) take d = 0.
 */
#define ROT_GRID_DIMENSION 6

/**
 * Epsilon, tau and entropy are in cost units.
 */
#define ROT_UNIT_ABSOLUTE 0

/**
 * They are in units of the largest cost, taken for a constant.
 */
#define ROT_UNIT_LARGEST 1

/**
 * They are in units of the largest cost, whose own gradient counts.
 */
#define ROT_UNIT_LARGEST_DIFFERENTIATED 2

/**
 * The gradient of <C, X>, the plan moving along.
 */
#define ROT_GRADIENT_FULL 0

/**
 * The gradient at a fixed plan.
 */
#define ROT_GRADIENT_ENVELOPE 1

/**
 * Status of rot_sinkhorn_step while the solve goes on.
 */
#define ROT_RUNNING 100

/**
 * A read-only matrix in the caller's memory: entry (i, j) is
 * data[i * row_stride + j * col_stride]; strides count elements. Initialise with
 * ROT_MATRIX(data, rows, cols) if it is row-major without gaps.
 */
typedef struct rot_matrix_f64 {
  /**
   * First element; may be NULL if the matrix is not used.
   */
  const double *data;
  /**
   * Number of rows.
   */
  size_t rows;
  /**
   * Number of columns.
   */
  size_t cols;
  /**
   * Elements from a row to the next; 0 repeats one row.
   */
  size_t row_stride;
  /**
   * Elements from a column to the next; 0 repeats one column.
   */
  size_t col_stride;
  /**
   * Zero.
   */
  size_t reserved;
} rot_matrix_f64;

/**
 * How one side's marginal r may differ from its weights w. This struct never changes its size.
 */
typedef struct rot_rule_f64 {
  /**
   * ROT_RULE_EXACT: r = w. ROT_RULE_KL: penalty tau * sum(r log(r/w) - r + w), tau =
   * `param[0]`. ROT_RULE_L2_BALL: sum(r) = 1 and |r - w|^2 <= radius2 = `param[0]`, penalty
   * entropy * sum(r (log r - 1)), entropy = `param[1]`; the weights sum to 1, and a zero weight
   * may receive mass. ROT_RULE_KL_BALL: the same with KL(r | w) <= radius = `param[0]`.
   * ROT_RULE_TV: penalty tau * sum |r - w|, tau = `param[0]`; against the counting measure a zero
   * weight may receive mass. ROT_RULE_BOX: lower * w <= r <= upper * w with lower = `param[0]` and
   * upper = `param[1]`, which may be infinite.
   */
  uint32_t kind;
  /**
   * Zero.
   */
  uint32_t flags;
  /**
   * Parameters of the kind, the rest zero. Tau and upper are positive, the others are not negative;
   * tau and entropy in cost units.
   */
  double param[4];
  /**
   * NULL; for rules with bounds per entry.
   */
  const double *lower;
  /**
   * Zero.
   */
  size_t lower_stride;
  /**
   * NULL; for rules with bounds per entry.
   */
  const double *upper;
  /**
   * Zero.
   */
  size_t upper_stride;
  /**
   * Zero.
   */
  uint64_t reserved[2];
} rot_rule_f64;

/**
 * What to solve. Initialise with ROT_PROBLEM_F64_INIT or ROT_PROBLEM_F32_INIT, then set the cost
 * (or the points), a, b, epsilon and the rules.
 */
typedef struct rot_problem_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN, ROT_COST_GRID
   * or ROT_COST_LOW_RANK.
   */
  uint32_t cost_kind;
  /**
   * ROT_COST_DENSE: the cost, n x m, cost units. +infinity forbids a pair. ROT_COST_LOW_RANK: the
   * factors of the kernel, ROT_LOWRANK_MATRIX(factors, n, m, max_rank).
   */
  struct rot_matrix_f64 cost;
  /**
   * Points of the rows, n x d, for the other kinds; ROT_COST_GRID: the axes of
   * their grid, d x 3.
   */
  struct rot_matrix_f64 x;
  /**
   * Points of the columns, m x d, for the other kinds; ROT_COST_GRID: the axes
   * of their grid, d x 3.
   */
  struct rot_matrix_f64 y;
  /**
   * Weights of the rows, mass units, non-negative, some positive.
   */
  const double *a;
  /**
   * Number of weights in a: n.
   */
  size_t a_len;
  /**
   * Weights of the columns.
   */
  const double *b;
  /**
   * Number of weights in b: m.
   */
  size_t b_len;
  /**
   * Weight of the entropy, cost units, positive.
   */
  double epsilon;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * ROT_REFERENCE_COUNTING or ROT_REFERENCE_PRODUCT.
   */
  uint32_t reference;
  /**
   * 0, or ROT_UNIT_MASS for the robust problem over plans of unit mass.
   */
  uint32_t flags;
  /**
   * Rule of the rows.
   */
  struct rot_rule_f64 rows;
  /**
   * Rule of the columns.
   */
  struct rot_rule_f64 cols;
  /**
   * Number of problems for rot_sinkhorn_solve_batch; zero, as the strides, for all else.
   */
  size_t count;
  /**
   * ROT_COST_DENSE: elements from the cost of a problem to that of the next; 0 if all share it.
   */
  size_t cost_stride;
  /**
   * Other kinds: elements from the points of the rows to those of the next problem, or 0.
   */
  size_t x_stride;
  /**
   * Other kinds: elements from the points of the columns to those of the next problem, or 0.
   */
  size_t y_stride;
  /**
   * Elements from the weights of the rows to those of the next problem; 0 if all share them.
   */
  size_t a_stride;
  /**
   * Elements from the weights of the columns to those of the next problem; 0 if all share them.
   */
  size_t b_stride;
  /**
   * Zero.
   */
  size_t reserved_sizes[2];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_problem_f64;

/**
 * What a target error asks for (rot_accuracy_parameters, rot_accuracy_solve, and rot_accuracy_barycenter_...).
 */
typedef struct rot_accuracy_f64 {
  /**
   * By which formula epsilon was chosen, ROT_FORMULA_...
   */
  uint32_t formula;
  /**
   * Where the bound on the iterations comes from, ROT_SOURCE_...
   */
  uint32_t source;
  /**
   * Which part of a solve ended it, ROT_PATH_...
   */
  uint32_t path;
  /**
   * Epsilons that a solve walked through.
   */
  uint32_t levels;
  /**
   * The target, cost units times mass units.
   */
  double target;
  /**
   * The formula's epsilon, cost units. The potentials of a solve belong to that of its report.
   */
  double epsilon;
  /**
   * The smallest target that this precision is sure to certify.
   */
  double smallest_target;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * Iterations (updates of both sides) of plain sweeps from zero after which the target is met in exact
   * arithmetic; 0 where no bound is known.
   */
  uint64_t iterations;
  /**
   * The same in the unit of the papers, updates of one side.
   */
  uint64_t half_sweeps;
  /**
   * Zero.
   */
  uint64_t reserved[2];
} rot_accuracy_f64;

/**
 * What was wrong with a call, or how it ended.
 */
typedef struct rot_error {
  /**
   * ROT_OK, a positive remark (ROT_ITERATION_LIMIT ...) or a negative refusal (ROT_ERR_...).
   */
  int32_t status;
  /**
   * The argument that was refused, ROT_ARG_...
   */
  uint32_t argument;
  /**
   * First bad row, or index of a vector; ROT_NOWHERE if none applies.
   */
  uint64_t row;
  /**
   * First bad column; ROT_NOWHERE if none applies.
   */
  uint64_t col;
  /**
   * Which measure of a barycenter, or problem of a batch; ROT_NOWHERE if none applies.
   */
  uint64_t measure;
} rot_error;

/**
 * A read-only matrix in the caller's memory: entry (i, j) is
 * data[i * row_stride + j * col_stride]; strides count elements. Initialise with
 * ROT_MATRIX(data, rows, cols) if it is row-major without gaps.
 */
typedef struct rot_matrix_f32 {
  /**
   * First element; may be NULL if the matrix is not used.
   */
  const float *data;
  /**
   * Number of rows.
   */
  size_t rows;
  /**
   * Number of columns.
   */
  size_t cols;
  /**
   * Elements from a row to the next; 0 repeats one row.
   */
  size_t row_stride;
  /**
   * Elements from a column to the next; 0 repeats one column.
   */
  size_t col_stride;
  /**
   * Zero.
   */
  size_t reserved;
} rot_matrix_f32;

/**
 * How one side's marginal r may differ from its weights w. This struct never changes its size.
 */
typedef struct rot_rule_f32 {
  /**
   * ROT_RULE_EXACT: r = w. ROT_RULE_KL: penalty tau * sum(r log(r/w) - r + w), tau =
   * `param[0]`. ROT_RULE_L2_BALL: sum(r) = 1 and |r - w|^2 <= radius2 = `param[0]`, penalty
   * entropy * sum(r (log r - 1)), entropy = `param[1]`; the weights sum to 1, and a zero weight
   * may receive mass. ROT_RULE_KL_BALL: the same with KL(r | w) <= radius = `param[0]`.
   * ROT_RULE_TV: penalty tau * sum |r - w|, tau = `param[0]`; against the counting measure a zero
   * weight may receive mass. ROT_RULE_BOX: lower * w <= r <= upper * w with lower = `param[0]` and
   * upper = `param[1]`, which may be infinite.
   */
  uint32_t kind;
  /**
   * Zero.
   */
  uint32_t flags;
  /**
   * Parameters of the kind, the rest zero. Tau and upper are positive, the others are not negative;
   * tau and entropy in cost units.
   */
  float param[4];
  /**
   * NULL; for rules with bounds per entry.
   */
  const float *lower;
  /**
   * Zero.
   */
  size_t lower_stride;
  /**
   * NULL; for rules with bounds per entry.
   */
  const float *upper;
  /**
   * Zero.
   */
  size_t upper_stride;
  /**
   * Zero.
   */
  uint64_t reserved[2];
} rot_rule_f32;

/**
 * What to solve. Initialise with ROT_PROBLEM_F64_INIT or ROT_PROBLEM_F32_INIT, then set the cost
 * (or the points), a, b, epsilon and the rules.
 */
typedef struct rot_problem_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN, ROT_COST_GRID
   * or ROT_COST_LOW_RANK.
   */
  uint32_t cost_kind;
  /**
   * ROT_COST_DENSE: the cost, n x m, cost units. +infinity forbids a pair. ROT_COST_LOW_RANK: the
   * factors of the kernel, ROT_LOWRANK_MATRIX(factors, n, m, max_rank).
   */
  struct rot_matrix_f32 cost;
  /**
   * Points of the rows, n x d, for the other kinds; ROT_COST_GRID: the axes of
   * their grid, d x 3.
   */
  struct rot_matrix_f32 x;
  /**
   * Points of the columns, m x d, for the other kinds; ROT_COST_GRID: the axes
   * of their grid, d x 3.
   */
  struct rot_matrix_f32 y;
  /**
   * Weights of the rows, mass units, non-negative, some positive.
   */
  const float *a;
  /**
   * Number of weights in a: n.
   */
  size_t a_len;
  /**
   * Weights of the columns.
   */
  const float *b;
  /**
   * Number of weights in b: m.
   */
  size_t b_len;
  /**
   * Weight of the entropy, cost units, positive.
   */
  float epsilon;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * ROT_REFERENCE_COUNTING or ROT_REFERENCE_PRODUCT.
   */
  uint32_t reference;
  /**
   * 0, or ROT_UNIT_MASS for the robust problem over plans of unit mass.
   */
  uint32_t flags;
  /**
   * Rule of the rows.
   */
  struct rot_rule_f32 rows;
  /**
   * Rule of the columns.
   */
  struct rot_rule_f32 cols;
  /**
   * Number of problems for rot_sinkhorn_solve_batch; zero, as the strides, for all else.
   */
  size_t count;
  /**
   * ROT_COST_DENSE: elements from the cost of a problem to that of the next; 0 if all share it.
   */
  size_t cost_stride;
  /**
   * Other kinds: elements from the points of the rows to those of the next problem, or 0.
   */
  size_t x_stride;
  /**
   * Other kinds: elements from the points of the columns to those of the next problem, or 0.
   */
  size_t y_stride;
  /**
   * Elements from the weights of the rows to those of the next problem; 0 if all share them.
   */
  size_t a_stride;
  /**
   * Elements from the weights of the columns to those of the next problem; 0 if all share them.
   */
  size_t b_stride;
  /**
   * Zero.
   */
  size_t reserved_sizes[2];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_problem_f32;

/**
 * What a target error asks for (rot_accuracy_parameters, rot_accuracy_solve, and rot_accuracy_barycenter_...).
 */
typedef struct rot_accuracy_f32 {
  /**
   * By which formula epsilon was chosen, ROT_FORMULA_...
   */
  uint32_t formula;
  /**
   * Where the bound on the iterations comes from, ROT_SOURCE_...
   */
  uint32_t source;
  /**
   * Which part of a solve ended it, ROT_PATH_...
   */
  uint32_t path;
  /**
   * Epsilons that a solve walked through.
   */
  uint32_t levels;
  /**
   * The target, cost units times mass units.
   */
  float target;
  /**
   * The formula's epsilon, cost units. The potentials of a solve belong to that of its report.
   */
  float epsilon;
  /**
   * The smallest target that this precision is sure to certify.
   */
  float smallest_target;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * Iterations (updates of both sides) of plain sweeps from zero after which the target is met in exact
   * arithmetic; 0 where no bound is known.
   */
  uint64_t iterations;
  /**
   * The same in the unit of the papers, updates of one side.
   */
  uint64_t half_sweeps;
  /**
   * Zero.
   */
  uint64_t reserved[2];
} rot_accuracy_f32;

/**
 * The state of a solve at a check.
 */
typedef struct rot_progress_f64 {
  /**
   * sizeof of this struct in the library.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Sweeps so far.
   */
  uint64_t iterations;
  /**
   * Weight of the entropy.
   */
  double epsilon;
  /**
   * Relative KKT residual of the rows at the start of the latest sweep.
   */
  double residual;
  /**
   * Certified distance at the latest evaluation; infinite before it.
   */
  double certified_distance;
  /**
   * Zero.
   */
  double reserved_value;
} rot_progress_f64;

/**
 * A task of the library's, which a host runs on any of its threads: call it with the argument that came
 * with it and an index.
 */
typedef void (*rot_task)(void *argument, size_t index);

/**
 * The threads of a host (OpenMP, a pool, the tasks of an RTOS): calls task(argument, k) for every k
 * below `tasks`, in any order and on any threads, and returns when all these calls have returned, with
 * what they wrote visible to the caller. A k that is left out is done by the calling thread; a second
 * call for the same k does nothing. It must not throw or longjmp, nor end a thread inside a task.
 */
typedef void (*rot_parallel_for)(void *context, size_t tasks, rot_task task, void *argument);

/**
 * How to solve. Initialise with ROT_OPTIONS_F64_INIT or ROT_OPTIONS_F32_INIT (the defaults, which
 * a NULL pointer to options means too).
 */
typedef struct rot_options_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * ROT_STOP_RESIDUAL: the relative KKT residual is at most `tolerance` (dimensionless).
   * ROT_STOP_CERTIFIED: the unregularised objective is proved to lie within `tolerance` (cost
   * times mass units) of its optimum; needs a KL rule on a side.
   */
  uint32_t stop;
  /**
   * See `stop`; positive. Default 1e-9 (f64), 1e-5 (f32).
   */
  double tolerance;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * Most sweeps, at least 1. Default 100000.
   */
  uint64_t max_iterations;
  /**
   * Sweeps between calls of the observer and evaluations of a certificate, at least 1.
   * Default 10.
   */
  uint32_t check_every;
  /**
   * 0, or a sum of ROT_WARM_START (f and g hold the start; -infinity counts as 0) and
   * ROT_TRUST_DATA (skip the scan of weights and costs; bad data ends as not converged).
   */
  uint32_t flags;
  /**
   * ROT_LEVEL_FASTEST, or a level to force; it changes the time, never the bits (but for
   * ROT_LEVEL_FMA).
   */
  uint32_t level;
  /**
   * ROT_SWEEP_AUTO, ROT_SWEEP_LOG or ROT_SWEEP_SCALING: what the sweeps of rot_sinkhorn_* and
   * rot_anneal_* are made of. All else solves in the log domain and refuses ROT_SWEEP_SCALING.
   */
  uint32_t sweep;
  /**
   * Called with `user` every `check_every` sweeps; a non-zero answer stops the solve. It must
   * not throw, longjmp, or call with the same work. May be NULL.
   */
  int32_t (*observe)(void *user, const struct rot_progress_f64 *progress);
  /**
   * First argument of `observe`.
   */
  void *user;
  /**
   * The host's threads, for the sweeps of rot_sinkhorn_*; NULL, the default, for none. It changes the
   * time, never the bits. All else, batches too, works on the calling thread.
   */
  rot_parallel_for parallel_for;
  /**
   * First argument of `parallel_for`.
   */
  void *parallel_context;
  /**
   * Blocks of 64 rows that are to be under way at the same time: the number of threads, or a small
   * multiple of it; at most 256. Fewer are where the work has no room for them
   * (rot_sinkhorn_parallel_work_len).
   */
  uint32_t tasks;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[3];
} rot_options_f64;

/**
 * What is true of the returned potentials, all of it computed from them in one last sweep. X is
 * the plan (of unit mass under ROT_UNIT_MASS). A quantity that does not exist for the problem is
 * infinite. Set struct_size (ROT_REPORT_F64_INIT); no more than that many bytes are written. After
 * a refusal only `error` is written.
 */
typedef struct rot_report_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * 1 if the stopping rule holds and nothing is NaN, else 0.
   */
  uint32_t converged;
  /**
   * How the call ended.
   */
  struct rot_error error;
  /**
   * Sweeps over the cost that updated both sides.
   */
  uint64_t iterations;
  /**
   * Weight of the entropy, cost units.
   */
  double epsilon;
  /**
   * KKT residual relative to the mass: residual_rows + residual_cols.
   */
  double residual;
  /**
   * |X 1 - r(f)|_1 over the mass of the plan.
   */
  double residual_rows;
  /**
   * |X^T 1 - c(g)|_1 over the mass of the plan.
   */
  double residual_cols;
  /**
   * The residual that rounding alone may cause: u ((max|C| + max|f| + max|g|) / s + 4), s the
   * smallest of epsilon and the taus.
   */
  double rounding_floor;
  /**
   * <C, X>.
   */
  double transport_cost;
  /**
   * sum X (log X - 1), or sum X (log(X / (a b)) - 1) against the product reference.
   */
  double entropy;
  /**
   * Penalty of the rows.
   */
  double row_penalty;
  /**
   * Penalty of the columns.
   */
  double col_penalty;
  /**
   * transport_cost + epsilon * entropy + row_penalty + col_penalty.
   */
  double objective;
  /**
   * transport_cost + row_penalty + col_penalty.
   */
  double unregularised_objective;
  /**
   * Lower bound of the regularised optimum.
   */
  double dual_value;
  /**
   * Primal-dual gap of the regularised problem, a sum of non-negative terms.
   */
  double gap;
  /**
   * Certified lower bound of the unregularised optimum.
   */
  double lower_bound;
  /**
   * unregularised_objective - lower_bound.
   */
  double certified_distance;
  /**
   * sum X.
   */
  double mass;
  /**
   * log of the mass of exp((f + g - C) / epsilon) under ROT_UNIT_MASS; else 0. Give it to the
   * plan functions.
   */
  double log_mass;
  /**
   * Factor on b that makes the masses of two exact sides equal; else 1.
   */
  double mass_factor;
  /**
   * Multiplier of the rows' ball, -d objective / d radius; 0 if it is slack, or no ball.
   */
  double row_multiplier;
  /**
   * Multiplier of the columns' ball.
   */
  double col_multiplier;
  /**
   * Zero.
   */
  double reserved_values[4];
  /**
   * 1 if a ball is slack and its marginal has collapsed onto the cheapest pairs: the radius is
   * most likely larger than was meant.
   */
  uint32_t collapsed;
  /**
   * What the sweeps were made of: ROT_SWEEP_LOG or ROT_SWEEP_SCALING. ROT_SWEEP_LOG also where a
   * kernel was kept but given up, since its sums left the safe range again and again.
   */
  uint32_t sweep;
  /**
   * rot_anneal_solve: epsilons above the problem's that were walked through; else 0.
   */
  uint32_t levels;
  /**
   * rot_anneal_solve: Newton steps that were taken, at all levels; else 0.
   */
  uint32_t newton_steps;
  /**
   * rot_anneal_solve: products with the matrices of iterative Newton steps, each a pass over the plan
   * that costs about as much as a sweep; else 0.
   */
  uint64_t newton_products;
  /**
   * Zero.
   */
  uint64_t reserved[1];
} rot_report_f64;

/**
 * The state of a solve at a check.
 */
typedef struct rot_progress_f32 {
  /**
   * sizeof of this struct in the library.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Sweeps so far.
   */
  uint64_t iterations;
  /**
   * Weight of the entropy.
   */
  float epsilon;
  /**
   * Relative KKT residual of the rows at the start of the latest sweep.
   */
  float residual;
  /**
   * Certified distance at the latest evaluation; infinite before it.
   */
  float certified_distance;
  /**
   * Zero.
   */
  float reserved_value;
} rot_progress_f32;

/**
 * How to solve. Initialise with ROT_OPTIONS_F64_INIT or ROT_OPTIONS_F32_INIT (the defaults, which
 * a NULL pointer to options means too).
 */
typedef struct rot_options_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * ROT_STOP_RESIDUAL: the relative KKT residual is at most `tolerance` (dimensionless).
   * ROT_STOP_CERTIFIED: the unregularised objective is proved to lie within `tolerance` (cost
   * times mass units) of its optimum; needs a KL rule on a side.
   */
  uint32_t stop;
  /**
   * See `stop`; positive. Default 1e-9 (f64), 1e-5 (f32).
   */
  float tolerance;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * Most sweeps, at least 1. Default 100000.
   */
  uint64_t max_iterations;
  /**
   * Sweeps between calls of the observer and evaluations of a certificate, at least 1.
   * Default 10.
   */
  uint32_t check_every;
  /**
   * 0, or a sum of ROT_WARM_START (f and g hold the start; -infinity counts as 0) and
   * ROT_TRUST_DATA (skip the scan of weights and costs; bad data ends as not converged).
   */
  uint32_t flags;
  /**
   * ROT_LEVEL_FASTEST, or a level to force; it changes the time, never the bits (but for
   * ROT_LEVEL_FMA).
   */
  uint32_t level;
  /**
   * ROT_SWEEP_AUTO, ROT_SWEEP_LOG or ROT_SWEEP_SCALING: what the sweeps of rot_sinkhorn_* and
   * rot_anneal_* are made of. All else solves in the log domain and refuses ROT_SWEEP_SCALING.
   */
  uint32_t sweep;
  /**
   * Called with `user` every `check_every` sweeps; a non-zero answer stops the solve. It must
   * not throw, longjmp, or call with the same work. May be NULL.
   */
  int32_t (*observe)(void *user, const struct rot_progress_f32 *progress);
  /**
   * First argument of `observe`.
   */
  void *user;
  /**
   * The host's threads, for the sweeps of rot_sinkhorn_*; NULL, the default, for none. It changes the
   * time, never the bits. All else, batches too, works on the calling thread.
   */
  rot_parallel_for parallel_for;
  /**
   * First argument of `parallel_for`.
   */
  void *parallel_context;
  /**
   * Blocks of 64 rows that are to be under way at the same time: the number of threads, or a small
   * multiple of it; at most 256. Fewer are where the work has no room for them
   * (rot_sinkhorn_parallel_work_len).
   */
  uint32_t tasks;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[3];
} rot_options_f32;

/**
 * What is true of the returned potentials, all of it computed from them in one last sweep. X is
 * the plan (of unit mass under ROT_UNIT_MASS). A quantity that does not exist for the problem is
 * infinite. Set struct_size (ROT_REPORT_F64_INIT); no more than that many bytes are written. After
 * a refusal only `error` is written.
 */
typedef struct rot_report_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * 1 if the stopping rule holds and nothing is NaN, else 0.
   */
  uint32_t converged;
  /**
   * How the call ended.
   */
  struct rot_error error;
  /**
   * Sweeps over the cost that updated both sides.
   */
  uint64_t iterations;
  /**
   * Weight of the entropy, cost units.
   */
  float epsilon;
  /**
   * KKT residual relative to the mass: residual_rows + residual_cols.
   */
  float residual;
  /**
   * |X 1 - r(f)|_1 over the mass of the plan.
   */
  float residual_rows;
  /**
   * |X^T 1 - c(g)|_1 over the mass of the plan.
   */
  float residual_cols;
  /**
   * The residual that rounding alone may cause: u ((max|C| + max|f| + max|g|) / s + 4), s the
   * smallest of epsilon and the taus.
   */
  float rounding_floor;
  /**
   * <C, X>.
   */
  float transport_cost;
  /**
   * sum X (log X - 1), or sum X (log(X / (a b)) - 1) against the product reference.
   */
  float entropy;
  /**
   * Penalty of the rows.
   */
  float row_penalty;
  /**
   * Penalty of the columns.
   */
  float col_penalty;
  /**
   * transport_cost + epsilon * entropy + row_penalty + col_penalty.
   */
  float objective;
  /**
   * transport_cost + row_penalty + col_penalty.
   */
  float unregularised_objective;
  /**
   * Lower bound of the regularised optimum.
   */
  float dual_value;
  /**
   * Primal-dual gap of the regularised problem, a sum of non-negative terms.
   */
  float gap;
  /**
   * Certified lower bound of the unregularised optimum.
   */
  float lower_bound;
  /**
   * unregularised_objective - lower_bound.
   */
  float certified_distance;
  /**
   * sum X.
   */
  float mass;
  /**
   * log of the mass of exp((f + g - C) / epsilon) under ROT_UNIT_MASS; else 0. Give it to the
   * plan functions.
   */
  float log_mass;
  /**
   * Factor on b that makes the masses of two exact sides equal; else 1.
   */
  float mass_factor;
  /**
   * Multiplier of the rows' ball, -d objective / d radius; 0 if it is slack, or no ball.
   */
  float row_multiplier;
  /**
   * Multiplier of the columns' ball.
   */
  float col_multiplier;
  /**
   * Zero.
   */
  float reserved_values[4];
  /**
   * 1 if a ball is slack and its marginal has collapsed onto the cheapest pairs: the radius is
   * most likely larger than was meant.
   */
  uint32_t collapsed;
  /**
   * What the sweeps were made of: ROT_SWEEP_LOG or ROT_SWEEP_SCALING. ROT_SWEEP_LOG also where a
   * kernel was kept but given up, since its sums left the safe range again and again.
   */
  uint32_t sweep;
  /**
   * rot_anneal_solve: epsilons above the problem's that were walked through; else 0.
   */
  uint32_t levels;
  /**
   * rot_anneal_solve: Newton steps that were taken, at all levels; else 0.
   */
  uint32_t newton_steps;
  /**
   * rot_anneal_solve: products with the matrices of iterative Newton steps, each a pass over the plan
   * that costs about as much as a sweep; else 0.
   */
  uint64_t newton_products;
  /**
   * Zero.
   */
  uint64_t reserved[1];
} rot_report_f32;

/**
 * How rot_anneal_solve walks down. Initialise with ROT_ANNEAL_OPTIONS_F64_INIT or
 * ROT_ANNEAL_OPTIONS_F32_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_anneal_options_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * How the linear systems of Newton's method are solved: ROT_METHOD_ITERATIVE (the default),
   * ROT_METHOD_DIRECT, or ROT_METHOD_NONE for sweeps alone.
   */
  uint32_t method;
  /**
   * The first epsilon, cost units; 0 (the default) for a 10th of the largest |C|. No level above
   * the problem's epsilon if it is not larger.
   */
  double start;
  /**
   * Ratio of an epsilon to the next, at least 1.1. Default 4.
   */
  double factor;
  /**
   * Iterative: |residual| over |right-hand side| that is good enough: a step need not be more exact
   * than the model that it comes from. Default 0.1.
   */
  double tolerance;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * Iterative: most iterations for each step. Default 1000.
   */
  uint32_t max_iterations;
  /**
   * Most sweeps at each level before Newton's method, at least 1. Default 15. A level above the
   * last is left early at a relative residual of 1 %, and on the last Newton's method begins there.
   */
  uint32_t sweeps;
  /**
   * Most Newton steps at each level above the last. Default 3.
   */
  uint32_t level_steps;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_anneal_options_f64;

/**
 * How rot_anneal_solve walks down. Initialise with ROT_ANNEAL_OPTIONS_F64_INIT or
 * ROT_ANNEAL_OPTIONS_F32_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_anneal_options_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * How the linear systems of Newton's method are solved: ROT_METHOD_ITERATIVE (the default),
   * ROT_METHOD_DIRECT, or ROT_METHOD_NONE for sweeps alone.
   */
  uint32_t method;
  /**
   * The first epsilon, cost units; 0 (the default) for a 10th of the largest |C|. No level above
   * the problem's epsilon if it is not larger.
   */
  float start;
  /**
   * Ratio of an epsilon to the next, at least 1.1. Default 4.
   */
  float factor;
  /**
   * Iterative: |residual| over |right-hand side| that is good enough: a step need not be more exact
   * than the model that it comes from. Default 0.1.
   */
  float tolerance;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * Iterative: most iterations for each step. Default 1000.
   */
  uint32_t max_iterations;
  /**
   * Most sweeps at each level before Newton's method, at least 1. Default 15. A level above the
   * last is left early at a relative residual of 1 %, and on the last Newton's method begins there.
   */
  uint32_t sweeps;
  /**
   * Most Newton steps at each level above the last. Default 3.
   */
  uint32_t level_steps;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_anneal_options_f32;

/**
 * What a loss L asks of an optimum: dL/d of each part, all added up. Initialise with
 * ROT_COTANGENT_F64_INIT or ROT_COTANGENT_F32_INIT.
 */
typedef struct rot_cotangent_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dL/dX, n x m; no data if L does not see the plan. Under ROT_UNIT_MASS X has unit mass.
   */
  struct rot_matrix_f64 plan;
  /**
   * dL/d(X 1), n elements, or NULL.
   */
  const double *row_marginal;
  /**
   * dL/d(X^T 1), m elements, or NULL.
   */
  const double *col_marginal;
  /**
   * dL/df, n elements, or NULL; where both sides fix the mass the sums of dL/df and dL/dg are
   * equal. Refused (ROT_ERR_SINGULAR) where it is not 0 and the row has next to no mass: below
   * 2^-400 (f64) or 2^-40 (f32), for columns and conjugate gradients below a rounding of all mass.
   */
  const double *f;
  /**
   * dL/dg, m elements; NULL just where `f` is.
   */
  const double *g;
  /**
   * dL/d<C, X>.
   */
  double transport_cost;
  /**
   * dL/d(optimal value of the regularised problem); needs no linear solve.
   */
  double value;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_cotangent_f64;

/**
 * How a gradient is taken. Initialise with ROT_GRADIENT_OPTIONS_F64_INIT or
 * ROT_GRADIENT_OPTIONS_F32_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_gradient_options_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * ROT_METHOD_DIRECT (a factorisation of the smaller side) or ROT_METHOD_ITERATIVE (conjugate
   * gradients in O(n + m) work).
   */
  uint32_t method;
  /**
   * Iterative: |residual| over |right-hand side| that is good enough.
   */
  double tolerance;
  /**
   * Relative KKT residual up to which potentials count as an optimum; INFINITY takes any.
   */
  double forward_tolerance;
  /**
   * Iterative: most iterations.
   */
  uint32_t max_iterations;
  /**
   * As in the options of a solve.
   */
  uint32_t level;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_gradient_options_f64;

/**
 * A matrix to write to: as the read-only one, but no two entries may share an address.
 */
typedef struct rot_matrix_mut_f64 {
  /**
   * First element.
   */
  double *data;
  /**
   * Number of rows.
   */
  size_t rows;
  /**
   * Number of columns.
   */
  size_t cols;
  /**
   * Elements from a row to the next.
   */
  size_t row_stride;
  /**
   * Elements from a column to the next.
   */
  size_t col_stride;
  /**
   * Zero.
   */
  size_t reserved;
} rot_matrix_mut_f64;

/**
 * Where gradients go, and the scalar ones. Initialise with ROT_GRADIENT_F64_INIT or
 * ROT_GRADIENT_F32_INIT, then set the pointers of those that are wanted.
 */
typedef struct rot_gradient_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dL/dC, n x m, or no data.
   */
  struct rot_matrix_mut_f64 cost;
  /**
   * dL/da, n elements, or NULL. An exact side's is defined up to a constant, along directions
   * that keep the mass. At a zero weight: the one-sided derivative of an exact side; 0 under
   * ROT_RULE_KL, whose derivative is infinite there.
   */
  double *a;
  /**
   * dL/db, m elements, or NULL.
   */
  double *b;
  /**
   * dL/dx, n x d, for costs from points, or no data.
   */
  struct rot_matrix_mut_f64 x;
  /**
   * dL/dy, m x d, or no data.
   */
  struct rot_matrix_mut_f64 y;
  /**
   * Written: what was wrong with the call, or ROT_OK.
   */
  struct rot_error error;
  /**
   * Written: dL/d epsilon.
   */
  double epsilon;
  /**
   * Written: dL/d of the parameters of the rows' rule.
   */
  double row_rule[2];
  /**
   * Written: dL/d of the parameters of the columns' rule.
   */
  double col_rule[2];
  /**
   * Written: relative KKT residual of the potentials that were given.
   */
  double forward_residual;
  /**
   * Written: |residual| over |right-hand side| of the linear system.
   */
  double residual;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * Written: iterations of conjugate gradients.
   */
  uint32_t iterations;
  /**
   * Zero.
   */
  uint32_t reserved32_2;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_gradient_f64;

/**
 * What a loss L asks of an optimum: dL/d of each part, all added up. Initialise with
 * ROT_COTANGENT_F64_INIT or ROT_COTANGENT_F32_INIT.
 */
typedef struct rot_cotangent_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dL/dX, n x m; no data if L does not see the plan. Under ROT_UNIT_MASS X has unit mass.
   */
  struct rot_matrix_f32 plan;
  /**
   * dL/d(X 1), n elements, or NULL.
   */
  const float *row_marginal;
  /**
   * dL/d(X^T 1), m elements, or NULL.
   */
  const float *col_marginal;
  /**
   * dL/df, n elements, or NULL; where both sides fix the mass the sums of dL/df and dL/dg are
   * equal. Refused (ROT_ERR_SINGULAR) where it is not 0 and the row has next to no mass: below
   * 2^-400 (f64) or 2^-40 (f32), for columns and conjugate gradients below a rounding of all mass.
   */
  const float *f;
  /**
   * dL/dg, m elements; NULL just where `f` is.
   */
  const float *g;
  /**
   * dL/d<C, X>.
   */
  float transport_cost;
  /**
   * dL/d(optimal value of the regularised problem); needs no linear solve.
   */
  float value;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_cotangent_f32;

/**
 * How a gradient is taken. Initialise with ROT_GRADIENT_OPTIONS_F64_INIT or
 * ROT_GRADIENT_OPTIONS_F32_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_gradient_options_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * ROT_METHOD_DIRECT (a factorisation of the smaller side) or ROT_METHOD_ITERATIVE (conjugate
   * gradients in O(n + m) work).
   */
  uint32_t method;
  /**
   * Iterative: |residual| over |right-hand side| that is good enough.
   */
  float tolerance;
  /**
   * Relative KKT residual up to which potentials count as an optimum; INFINITY takes any.
   */
  float forward_tolerance;
  /**
   * Iterative: most iterations.
   */
  uint32_t max_iterations;
  /**
   * As in the options of a solve.
   */
  uint32_t level;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_gradient_options_f32;

/**
 * A matrix to write to: as the read-only one, but no two entries may share an address.
 */
typedef struct rot_matrix_mut_f32 {
  /**
   * First element.
   */
  float *data;
  /**
   * Number of rows.
   */
  size_t rows;
  /**
   * Number of columns.
   */
  size_t cols;
  /**
   * Elements from a row to the next.
   */
  size_t row_stride;
  /**
   * Elements from a column to the next.
   */
  size_t col_stride;
  /**
   * Zero.
   */
  size_t reserved;
} rot_matrix_mut_f32;

/**
 * Where gradients go, and the scalar ones. Initialise with ROT_GRADIENT_F64_INIT or
 * ROT_GRADIENT_F32_INIT, then set the pointers of those that are wanted.
 */
typedef struct rot_gradient_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dL/dC, n x m, or no data.
   */
  struct rot_matrix_mut_f32 cost;
  /**
   * dL/da, n elements, or NULL. An exact side's is defined up to a constant, along directions
   * that keep the mass. At a zero weight: the one-sided derivative of an exact side; 0 under
   * ROT_RULE_KL, whose derivative is infinite there.
   */
  float *a;
  /**
   * dL/db, m elements, or NULL.
   */
  float *b;
  /**
   * dL/dx, n x d, for costs from points, or no data.
   */
  struct rot_matrix_mut_f32 x;
  /**
   * dL/dy, m x d, or no data.
   */
  struct rot_matrix_mut_f32 y;
  /**
   * Written: what was wrong with the call, or ROT_OK.
   */
  struct rot_error error;
  /**
   * Written: dL/d epsilon.
   */
  float epsilon;
  /**
   * Written: dL/d of the parameters of the rows' rule.
   */
  float row_rule[2];
  /**
   * Written: dL/d of the parameters of the columns' rule.
   */
  float col_rule[2];
  /**
   * Written: relative KKT residual of the potentials that were given.
   */
  float forward_residual;
  /**
   * Written: |residual| over |right-hand side| of the linear system.
   */
  float residual;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * Written: iterations of conjugate gradients.
   */
  uint32_t iterations;
  /**
   * Zero.
   */
  uint32_t reserved32_2;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_gradient_f32;

/**
 * A direction in which a problem changes; what is NULL or zero stays. Initialise with
 * ROT_TANGENT_F64_INIT or ROT_TANGENT_F32_INIT.
 */
typedef struct rot_tangent_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dC, n x m, or no data.
   */
  struct rot_matrix_f64 cost;
  /**
   * dx, n x d, for costs from points, or no data.
   */
  struct rot_matrix_f64 x;
  /**
   * dy, m x d, or no data.
   */
  struct rot_matrix_f64 y;
  /**
   * da, n elements, or NULL; da and db keep the masses equal where both sides fix them.
   */
  const double *a;
  /**
   * db, m elements, or NULL.
   */
  const double *b;
  /**
   * d epsilon.
   */
  double epsilon;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * d of the parameters of the rows' rule.
   */
  double row_rule[2];
  /**
   * d of the parameters of the columns' rule.
   */
  double col_rule[2];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_tangent_f64;

/**
 * Where the changes of an optimum go, and the scalar ones. Initialise with ROT_CHANGE_F64_INIT or
 * ROT_CHANGE_F32_INIT, then set the pointers of those that are wanted.
 */
typedef struct rot_change_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dX, n x m, or no data.
   */
  struct rot_matrix_mut_f64 plan;
  /**
   * df, n elements, 0 where the row has no mass, or NULL.
   */
  double *f;
  /**
   * dg, m elements, 0 where the column has no mass, or NULL.
   */
  double *g;
  /**
   * d(X 1), n elements, or NULL.
   */
  double *row_marginal;
  /**
   * d(X^T 1), m elements, or NULL.
   */
  double *col_marginal;
  /**
   * Written: what was wrong with the call, or ROT_OK.
   */
  struct rot_error error;
  /**
   * Written: d<C, X>.
   */
  double transport_cost;
  /**
   * Written: d(optimal value of the regularised problem).
   */
  double value;
  /**
   * Written: as in rot_gradient.
   */
  double forward_residual;
  /**
   * Written: as in rot_gradient.
   */
  double residual;
  /**
   * Written: as in rot_gradient.
   */
  uint32_t iterations;
  /**
   * Zero.
   */
  uint32_t reserved32_2;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_change_f64;

/**
 * A direction in which a problem changes; what is NULL or zero stays. Initialise with
 * ROT_TANGENT_F64_INIT or ROT_TANGENT_F32_INIT.
 */
typedef struct rot_tangent_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dC, n x m, or no data.
   */
  struct rot_matrix_f32 cost;
  /**
   * dx, n x d, for costs from points, or no data.
   */
  struct rot_matrix_f32 x;
  /**
   * dy, m x d, or no data.
   */
  struct rot_matrix_f32 y;
  /**
   * da, n elements, or NULL; da and db keep the masses equal where both sides fix them.
   */
  const float *a;
  /**
   * db, m elements, or NULL.
   */
  const float *b;
  /**
   * d epsilon.
   */
  float epsilon;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * d of the parameters of the rows' rule.
   */
  float row_rule[2];
  /**
   * d of the parameters of the columns' rule.
   */
  float col_rule[2];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_tangent_f32;

/**
 * Where the changes of an optimum go, and the scalar ones. Initialise with ROT_CHANGE_F64_INIT or
 * ROT_CHANGE_F32_INIT, then set the pointers of those that are wanted.
 */
typedef struct rot_change_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * dX, n x m, or no data.
   */
  struct rot_matrix_mut_f32 plan;
  /**
   * df, n elements, 0 where the row has no mass, or NULL.
   */
  float *f;
  /**
   * dg, m elements, 0 where the column has no mass, or NULL.
   */
  float *g;
  /**
   * d(X 1), n elements, or NULL.
   */
  float *row_marginal;
  /**
   * d(X^T 1), m elements, or NULL.
   */
  float *col_marginal;
  /**
   * Written: what was wrong with the call, or ROT_OK.
   */
  struct rot_error error;
  /**
   * Written: d<C, X>.
   */
  float transport_cost;
  /**
   * Written: d(optimal value of the regularised problem).
   */
  float value;
  /**
   * Written: as in rot_gradient.
   */
  float forward_residual;
  /**
   * Written: as in rot_gradient.
   */
  float residual;
  /**
   * Written: as in rot_gradient.
   */
  uint32_t iterations;
  /**
   * Zero.
   */
  uint32_t reserved32_2;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_change_f32;

/**
 * What the factors of a low-rank kernel are worth. Set struct_size (ROT_LOWRANK_REPORT_F64_INIT). After a
 * refusal only `error` is written.
 */
typedef struct rot_lowrank_report_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * 1 after ROT_OK, else 0.
   */
  uint32_t converged;
  /**
   * How the call ended.
   */
  struct rot_error error;
  /**
   * Number of columns.
   */
  uint64_t rank;
  /**
   * The largest entry of the diagonal of K - G G^T: in exact arithmetic no entry is larger.
   */
  double residual;
  /**
   * Bound on what rounding adds to that, in the factors and in sums over them.
   */
  double rounding;
  /**
   * Bound on |x - y|^2 over all pairs.
   */
  double max_cost;
  /**
   * Bound on |log(G G^T) - log K|:
   * (residual + rounding) / (exp(-max_cost / epsilon) - residual - rounding).
   */
  double log_error;
  /**
   * 2 epsilon log_error: how far, for unit mass, the objective of an optimal plan may be from the
   * optimum with |x - y|^2.
   */
  double objective_error;
  /**
   * 3 epsilon log_error: what a certified distance of unit mass has to be enlarged by.
   */
  double certificate_error;
  /**
   * Zero.
   */
  double reserved_values[2];
  /**
   * Zero.
   */
  uint64_t reserved[2];
} rot_lowrank_report_f64;

/**
 * What the factors of a low-rank kernel are worth. Set struct_size (ROT_LOWRANK_REPORT_F64_INIT). After a
 * refusal only `error` is written.
 */
typedef struct rot_lowrank_report_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * 1 after ROT_OK, else 0.
   */
  uint32_t converged;
  /**
   * How the call ended.
   */
  struct rot_error error;
  /**
   * Number of columns.
   */
  uint64_t rank;
  /**
   * The largest entry of the diagonal of K - G G^T: in exact arithmetic no entry is larger.
   */
  float residual;
  /**
   * Bound on what rounding adds to that, in the factors and in sums over them.
   */
  float rounding;
  /**
   * Bound on |x - y|^2 over all pairs.
   */
  float max_cost;
  /**
   * Bound on |log(G G^T) - log K|:
   * (residual + rounding) / (exp(-max_cost / epsilon) - residual - rounding).
   */
  float log_error;
  /**
   * 2 epsilon log_error: how far, for unit mass, the objective of an optimal plan may be from the
   * optimum with |x - y|^2.
   */
  float objective_error;
  /**
   * 3 epsilon log_error: what a certified distance of unit mass has to be enlarged by.
   */
  float certificate_error;
  /**
   * Zero.
   */
  float reserved_values[2];
  /**
   * Zero.
   */
  uint64_t reserved[2];
} rot_lowrank_report_f32;

/**
 * What a matching counts in, and which gradient it gives. Initialise with
 * ROT_MATCHING_OPTIONS_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_matching_options {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Epsilon, tau and entropy of the problem are in cost units (ROT_UNIT_ABSOLUTE), or in units
   * of the largest cost, taken for a constant (ROT_UNIT_LARGEST) or with its own gradient
   * (ROT_UNIT_LARGEST_DIFFERENTIATED).
   */
  uint32_t unit;
  /**
   * ROT_GRADIENT_FULL: of <C, X>, the plan moving along. ROT_GRADIENT_ENVELOPE: at a fixed plan.
   */
  uint32_t gradient;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_matching_options;

/**
 * What is true of a rounded plan (rot_plan_round).
 */
typedef struct rot_rounded_f64 {
  /**
   * <C, X'>. Infinite if a forbidden pair gets mass: X' then is no plan of the problem.
   */
  double transport_cost;
  /**
   * transport_cost + Phi_row(X' 1) + Phi_col(X'^T 1): at or above the optimum without entropy.
   */
  double unregularised_objective;
  /**
   * Mass that was added to what scaling left, the sum of q.
   */
  double added;
  /**
   * Zero.
   */
  double reserved_value;
} rot_rounded_f64;

/**
 * What is true of a rounded plan (rot_plan_round).
 */
typedef struct rot_rounded_f32 {
  /**
   * <C, X'>. Infinite if a forbidden pair gets mass: X' then is no plan of the problem.
   */
  float transport_cost;
  /**
   * transport_cost + Phi_row(X' 1) + Phi_col(X'^T 1): at or above the optimum without entropy.
   */
  float unregularised_objective;
  /**
   * Mass that was added to what scaling left, the sum of q.
   */
  float added;
  /**
   * Zero.
   */
  float reserved_value;
} rot_rounded_f32;

/**
 * A solve in slices, between rot_sinkhorn_init and rot_sinkhorn_finish. Its contents are the
 * library's; copy it freely together with the potentials and the work.
 */
typedef struct rot_state_f64 {
  /**
   * sizeof of this struct; ROT_STATE_F64_INIT sets it.
   */
  uint32_t struct_size;
  /**
   * Private.
   */
  uint32_t mark;
  /**
   * Private.
   */
  uint64_t counts[4];
  /**
   * Private.
   */
  double values[10];
  /**
   * Private.
   */
  uint32_t flags[4];
  /**
   * Private.
   */
  uint64_t balls[2][2];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_state_f64;

/**
 * A solve in slices, between rot_sinkhorn_init and rot_sinkhorn_finish. Its contents are the
 * library's; copy it freely together with the potentials and the work.
 */
typedef struct rot_state_f32 {
  /**
   * sizeof of this struct; ROT_STATE_F64_INIT sets it.
   */
  uint32_t struct_size;
  /**
   * Private.
   */
  uint32_t mark;
  /**
   * Private.
   */
  uint64_t counts[4];
  /**
   * Private.
   */
  float values[10];
  /**
   * Private.
   */
  uint32_t flags[4];
  /**
   * Private.
   */
  uint64_t balls[2][2];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_state_f32;

/**
 * One measure of a barycenter. Initialise with ROT_MEASURE_INIT, then set the
 * cost (or the points), the weights and what differs from an exact rule and a share of 1.
 */
typedef struct rot_measure_f64 {
  /**
   * Zero.
   */
  uint32_t flags;
  /**
   * ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN, ROT_COST_GRID
   * or ROT_COST_LOW_RANK.
   */
  uint32_t cost_kind;
  /**
   * ROT_COST_DENSE: the cost from its points to those of the barycenter, n_i x n, cost units.
   * +infinity forbids a pair. A cost that measures share is the same view in each.
   */
  struct rot_matrix_f64 cost;
  /**
   * Points of the measure, n_i x d, for the other kinds; ROT_COST_GRID: the axes of
   * their grid, d x 3.
   */
  struct rot_matrix_f64 x;
  /**
   * Points of the barycenter, n x d, for the other kinds; ROT_COST_GRID: the axes
   * of their grid, d x 3.
   */
  struct rot_matrix_f64 y;
  /**
   * Weights p_i, mass units, non-negative, some positive.
   */
  const double *weights;
  /**
   * Number of weights: n_i.
   */
  size_t weights_len;
  /**
   * Share in the barycenter, not negative, in any unit: shares are divided by their sum. A
   * measure of share 0 gets its plan to the barycenter of the others.
   */
  double share;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * ROT_EXACT or ROT_KL(tau).
   */
  struct rot_rule_f64 rule;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_measure_f64;

/**
 * Whose barycenter. Initialise with ROT_BARYCENTER_PROBLEM_F64_INIT or
 * ROT_BARYCENTER_PROBLEM_F32_INIT, then set measures, measures_len and epsilon.
 */
typedef struct rot_barycenter_problem_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * sizeof of one measure; the initialiser sets it.
   */
  uint32_t measure_size;
  /**
   * The measures, one behind the other; all have the same n.
   */
  const struct rot_measure_f64 *measures;
  /**
   * Number of measures: k.
   */
  size_t measures_len;
  /**
   * Weight of the entropy, cost units, positive.
   */
  double epsilon;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_problem_f64;

/**
 * A ladder of epsilons. Initialise with ROT_BARYCENTER_OPTIONS_F64_INIT or
 * ROT_BARYCENTER_OPTIONS_F32_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_barycenter_options_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Most iterations at each epsilon above the problem's, at least 1. Default 15; a level is left
   * early at a residual of 1 %.
   */
  uint32_t level_iterations;
  /**
   * Epsilon to begin with, cost units; 0 (default) for no ladder. It pays at small epsilon, where
   * a cold start takes long to carry mass far.
   */
  double start;
  /**
   * Ratio of an epsilon to the next, at least 1.1. Default 4.
   */
  double factor;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_options_f64;

/**
 * What is true of a barycenter and its potentials, all of it computed from them in one last sweep.
 * Y_i is the plan X_i divided by its mass if all rules are KL, else X_i itself; w_i are the shares
 * divided by their sum. A quantity that does not exist for the problem is infinite. Set struct_size
 * (ROT_BARYCENTER_REPORT_F64_INIT); no more than that many bytes are written. After a refusal only
 * `error` and `converged` are written.
 */
typedef struct rot_barycenter_report_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * 1 if the stopping rule holds and nothing is NaN, else 0.
   */
  uint32_t converged;
  /**
   * How the call ended.
   */
  struct rot_error error;
  /**
   * Iterations: one sweep over the cost of every measure each.
   */
  uint64_t iterations;
  /**
   * Weight of the entropy, cost units.
   */
  double epsilon;
  /**
   * residual_rows + residual_cols.
   */
  double residual;
  /**
   * sum_i w_i |X_i 1 - r(f_i)|_1 over the mass.
   */
  double residual_rows;
  /**
   * sum_i w_i |X_i^T 1 - q|_1 over the mass: rounding.
   */
  double residual_cols;
  /**
   * The residual that rounding alone may cause.
   */
  double rounding_floor;
  /**
   * sum_i w_i <C_i, Y_i>.
   */
  double transport_cost;
  /**
   * sum_i w_i sum Y_i (log Y_i - 1).
   */
  double entropy;
  /**
   * sum_i w_i tau_i KL(Y_i 1 | p_i).
   */
  double penalty;
  /**
   * transport_cost + epsilon * entropy + penalty.
   */
  double objective;
  /**
   * transport_cost + penalty.
   */
  double unregularised_objective;
  /**
   * Lower bound of the regularised optimum.
   */
  double dual_value;
  /**
   * Most that the objective can be above its optimum; infinite with an exact measure.
   */
  double gap;
  /**
   * Certified lower bound of the unregularised optimum; -infinity with an exact measure.
   */
  double lower_bound;
  /**
   * unregularised_objective - lower_bound.
   */
  double certified_distance;
  /**
   * Mass of the barycenter before it was divided by it.
   */
  double mass;
  /**
   * log of that mass.
   */
  double log_mass;
  /**
   * Factor that made the sum of the shares 1.
   */
  double share_factor;
  /**
   * Zero.
   */
  double reserved_values[5];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_report_f64;

/**
 * One measure of a barycenter. Initialise with ROT_MEASURE_INIT, then set the
 * cost (or the points), the weights and what differs from an exact rule and a share of 1.
 */
typedef struct rot_measure_f32 {
  /**
   * Zero.
   */
  uint32_t flags;
  /**
   * ROT_COST_DENSE, ROT_COST_SQUARED_EUCLIDEAN, ROT_COST_EUCLIDEAN, ROT_COST_GRID
   * or ROT_COST_LOW_RANK.
   */
  uint32_t cost_kind;
  /**
   * ROT_COST_DENSE: the cost from its points to those of the barycenter, n_i x n, cost units.
   * +infinity forbids a pair. A cost that measures share is the same view in each.
   */
  struct rot_matrix_f32 cost;
  /**
   * Points of the measure, n_i x d, for the other kinds; ROT_COST_GRID: the axes of
   * their grid, d x 3.
   */
  struct rot_matrix_f32 x;
  /**
   * Points of the barycenter, n x d, for the other kinds; ROT_COST_GRID: the axes
   * of their grid, d x 3.
   */
  struct rot_matrix_f32 y;
  /**
   * Weights p_i, mass units, non-negative, some positive.
   */
  const float *weights;
  /**
   * Number of weights: n_i.
   */
  size_t weights_len;
  /**
   * Share in the barycenter, not negative, in any unit: shares are divided by their sum. A
   * measure of share 0 gets its plan to the barycenter of the others.
   */
  float share;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * ROT_EXACT or ROT_KL(tau).
   */
  struct rot_rule_f32 rule;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_measure_f32;

/**
 * Whose barycenter. Initialise with ROT_BARYCENTER_PROBLEM_F64_INIT or
 * ROT_BARYCENTER_PROBLEM_F32_INIT, then set measures, measures_len and epsilon.
 */
typedef struct rot_barycenter_problem_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * sizeof of one measure; the initialiser sets it.
   */
  uint32_t measure_size;
  /**
   * The measures, one behind the other; all have the same n.
   */
  const struct rot_measure_f32 *measures;
  /**
   * Number of measures: k.
   */
  size_t measures_len;
  /**
   * Weight of the entropy, cost units, positive.
   */
  float epsilon;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_problem_f32;

/**
 * A ladder of epsilons. Initialise with ROT_BARYCENTER_OPTIONS_F64_INIT or
 * ROT_BARYCENTER_OPTIONS_F32_INIT; a NULL pointer means these defaults.
 */
typedef struct rot_barycenter_options_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Most iterations at each epsilon above the problem's, at least 1. Default 15; a level is left
   * early at a residual of 1 %.
   */
  uint32_t level_iterations;
  /**
   * Epsilon to begin with, cost units; 0 (default) for no ladder. It pays at small epsilon, where
   * a cold start takes long to carry mass far.
   */
  float start;
  /**
   * Ratio of an epsilon to the next, at least 1.1. Default 4.
   */
  float factor;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_options_f32;

/**
 * What is true of a barycenter and its potentials, all of it computed from them in one last sweep.
 * Y_i is the plan X_i divided by its mass if all rules are KL, else X_i itself; w_i are the shares
 * divided by their sum. A quantity that does not exist for the problem is infinite. Set struct_size
 * (ROT_BARYCENTER_REPORT_F64_INIT); no more than that many bytes are written. After a refusal only
 * `error` and `converged` are written.
 */
typedef struct rot_barycenter_report_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * 1 if the stopping rule holds and nothing is NaN, else 0.
   */
  uint32_t converged;
  /**
   * How the call ended.
   */
  struct rot_error error;
  /**
   * Iterations: one sweep over the cost of every measure each.
   */
  uint64_t iterations;
  /**
   * Weight of the entropy, cost units.
   */
  float epsilon;
  /**
   * residual_rows + residual_cols.
   */
  float residual;
  /**
   * sum_i w_i |X_i 1 - r(f_i)|_1 over the mass.
   */
  float residual_rows;
  /**
   * sum_i w_i |X_i^T 1 - q|_1 over the mass: rounding.
   */
  float residual_cols;
  /**
   * The residual that rounding alone may cause.
   */
  float rounding_floor;
  /**
   * sum_i w_i <C_i, Y_i>.
   */
  float transport_cost;
  /**
   * sum_i w_i sum Y_i (log Y_i - 1).
   */
  float entropy;
  /**
   * sum_i w_i tau_i KL(Y_i 1 | p_i).
   */
  float penalty;
  /**
   * transport_cost + epsilon * entropy + penalty.
   */
  float objective;
  /**
   * transport_cost + penalty.
   */
  float unregularised_objective;
  /**
   * Lower bound of the regularised optimum.
   */
  float dual_value;
  /**
   * Most that the objective can be above its optimum; infinite with an exact measure.
   */
  float gap;
  /**
   * Certified lower bound of the unregularised optimum; -infinity with an exact measure.
   */
  float lower_bound;
  /**
   * unregularised_objective - lower_bound.
   */
  float certified_distance;
  /**
   * Mass of the barycenter before it was divided by it.
   */
  float mass;
  /**
   * log of that mass.
   */
  float log_mass;
  /**
   * Factor that made the sum of the shares 1.
   */
  float share_factor;
  /**
   * Zero.
   */
  float reserved_values[5];
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_report_f32;

/**
 * What a half step found out, apart from the vectors. Plain data: a host may send it anywhere.
 */
typedef struct rot_barycenter_half_f64 {
  /**
   * |X_i 1 - r(f_i)|_1 before the step, mass units: how far the rows were from their rule.
   */
  double residual;
  /**
   * Mass of the plan before the step.
   */
  double mass;
  /**
   * log of the mass of the marginal that the rule assigns to the new f_i.
   */
  double log_target;
  /**
   * Zero.
   */
  double reserved_value;
  /**
   * 1 if a sum overflowed or a NaN appeared; the potentials are the last finite ones.
   */
  uint32_t trouble;
  /**
   * 1 if f_i changed.
   */
  uint32_t moved;
} rot_barycenter_half_f64;

/**
 * What a half step found out, apart from the vectors. Plain data: a host may send it anywhere.
 */
typedef struct rot_barycenter_half_f32 {
  /**
   * |X_i 1 - r(f_i)|_1 before the step, mass units: how far the rows were from their rule.
   */
  float residual;
  /**
   * Mass of the plan before the step.
   */
  float mass;
  /**
   * log of the mass of the marginal that the rule assigns to the new f_i.
   */
  float log_target;
  /**
   * Zero.
   */
  float reserved_value;
  /**
   * 1 if a sum overflowed or a NaN appeared; the potentials are the last finite ones.
   */
  uint32_t trouble;
  /**
   * 1 if f_i changed.
   */
  uint32_t moved;
} rot_barycenter_half_f32;

/**
 * What measures exchange besides a vector; begins as zeros. Plain data: all fields but exact_mass
 * are sums.
 */
typedef struct rot_barycenter_sums_f64 {
  /**
   * sum of the shares.
   */
  double share;
  /**
   * The same over exact measures.
   */
  double exact_share;
  /**
   * Mass of an exact measure, 0 if there is none; of two the larger.
   */
  double exact_mass;
  /**
   * sum share_i tau_i over KL measures.
   */
  double tau;
  /**
   * sum share_i tau_i log_target_i over KL measures.
   */
  double relaxed;
  /**
   * sum share_i residual_i.
   */
  double residual;
  /**
   * sum share_i mass_i.
   */
  double mass;
  /**
   * Zero.
   */
  double reserved_value;
} rot_barycenter_sums_f64;

/**
 * What measures exchange besides a vector; begins as zeros. Plain data: all fields but exact_mass
 * are sums.
 */
typedef struct rot_barycenter_sums_f32 {
  /**
   * sum of the shares.
   */
  float share;
  /**
   * The same over exact measures.
   */
  float exact_share;
  /**
   * Mass of an exact measure, 0 if there is none; of two the larger.
   */
  float exact_mass;
  /**
   * sum share_i tau_i over KL measures.
   */
  float tau;
  /**
   * sum share_i tau_i log_target_i over KL measures.
   */
  float relaxed;
  /**
   * sum share_i residual_i.
   */
  float residual;
  /**
   * sum share_i mass_i.
   */
  float mass;
  /**
   * Zero.
   */
  float reserved_value;
} rot_barycenter_sums_f32;

/**
 * What every measure needs to end its iteration besides a vector. Plain data.
 */
typedef struct rot_barycenter_constants_f64 {
  /**
   * log of the mass of exp(potential / epsilon).
   */
  double log_mass;
  /**
   * What f_i + g_i gain, cost units.
   */
  double shift;
  /**
   * What g_i gains under an exact rule.
   */
  double exact;
  /**
   * Relative residual of the rows before the iteration.
   */
  double residual;
} rot_barycenter_constants_f64;

/**
 * What every measure needs to end its iteration besides a vector. Plain data.
 */
typedef struct rot_barycenter_constants_f32 {
  /**
   * log of the mass of exp(potential / epsilon).
   */
  float log_mass;
  /**
   * What f_i + g_i gain, cost units.
   */
  float shift;
  /**
   * What g_i gains under an exact rule.
   */
  float exact;
  /**
   * Relative residual of the rows before the iteration.
   */
  float residual;
} rot_barycenter_constants_f32;

/**
 * How the gradient of a barycenter is taken. Initialise with
 * ROT_BARYCENTER_GRADIENT_OPTIONS_F64_INIT or ROT_BARYCENTER_GRADIENT_OPTIONS_F32_INIT; a NULL
 * pointer means these defaults.
 */
typedef struct rot_barycenter_gradient_options_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Most iterations of conjugate gradients, at least 1. Default 1000.
   */
  uint32_t max_iterations;
  /**
   * |residual| over |right-hand side| that is good enough. Default 1e-10 (f64) or 1e-6 (f32).
   */
  double tolerance;
  /**
   * Relative residual up to which potentials count as an optimum; INFINITY takes any. Default
   * 1e-6 (f64) or 1e-2 (f32).
   */
  double forward_tolerance;
  /**
   * As in the options of a solve. Changes the time, never the bits.
   */
  uint32_t level;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_gradient_options_f64;

/**
 * Where the gradients of a barycenter go, each one measure behind the other, and how trustworthy
 * they are. Initialise with ROT_BARYCENTER_GRADIENT_F64_INIT or ROT_BARYCENTER_GRADIENT_F32_INIT,
 * then set the pointers of those that are wanted; what is NULL is not computed.
 */
typedef struct rot_barycenter_gradient_f64 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Written: what was wrong with the call, or ROT_OK.
   */
  struct rot_error error;
  /**
   * dL/dp_i, sum n_i elements, or NULL. Exact measures: along directions that keep the mass, up to
   * a constant. At a zero weight: the one-sided derivative of an exact measure; 0 under
   * ROT_RULE_KL, whose derivative is infinite there.
   */
  double *weights;
  /**
   * dL/d share_i, k elements, or NULL, of the shares as they were given: the loss does not change
   * along them.
   */
  double *shares;
  /**
   * dL/dC_i, sum n_i n elements, row by row, or NULL; of measures with points too.
   */
  double *costs;
  /**
   * dL/dx_i, sum n_i d_i elements, point by point, or NULL. d_i is 0, and a measure has no place
   * here, if its cost is ROT_COST_DENSE.
   */
  double *x;
  /**
   * dL/dy_i, sum n d_i elements, point by point, or NULL: through the cost of each measure. Where
   * measures share these points the derivative is the sum over the measures.
   */
  double *y;
  /**
   * Zero.
   */
  size_t reserved_size;
  /**
   * Written: relative residual of the potentials that were given.
   */
  double forward_residual;
  /**
   * Written: |residual| of the linear system over |right-hand side|; 0 if none had to be solved.
   */
  double residual;
  /**
   * Written: iterations of conjugate gradients.
   */
  uint32_t iterations;
  /**
   * Zero.
   */
  uint32_t reserved32_2;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_gradient_f64;

/**
 * How the gradient of a barycenter is taken. Initialise with
 * ROT_BARYCENTER_GRADIENT_OPTIONS_F64_INIT or ROT_BARYCENTER_GRADIENT_OPTIONS_F32_INIT; a NULL
 * pointer means these defaults.
 */
typedef struct rot_barycenter_gradient_options_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Most iterations of conjugate gradients, at least 1. Default 1000.
   */
  uint32_t max_iterations;
  /**
   * |residual| over |right-hand side| that is good enough. Default 1e-10 (f64) or 1e-6 (f32).
   */
  float tolerance;
  /**
   * Relative residual up to which potentials count as an optimum; INFINITY takes any. Default
   * 1e-6 (f64) or 1e-2 (f32).
   */
  float forward_tolerance;
  /**
   * As in the options of a solve. Changes the time, never the bits.
   */
  uint32_t level;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_gradient_options_f32;

/**
 * Where the gradients of a barycenter go, each one measure behind the other, and how trustworthy
 * they are. Initialise with ROT_BARYCENTER_GRADIENT_F64_INIT or ROT_BARYCENTER_GRADIENT_F32_INIT,
 * then set the pointers of those that are wanted; what is NULL is not computed.
 */
typedef struct rot_barycenter_gradient_f32 {
  /**
   * sizeof of this struct; the initialiser sets it.
   */
  uint32_t struct_size;
  /**
   * Zero.
   */
  uint32_t reserved32;
  /**
   * Written: what was wrong with the call, or ROT_OK.
   */
  struct rot_error error;
  /**
   * dL/dp_i, sum n_i elements, or NULL. Exact measures: along directions that keep the mass, up to
   * a constant. At a zero weight: the one-sided derivative of an exact measure; 0 under
   * ROT_RULE_KL, whose derivative is infinite there.
   */
  float *weights;
  /**
   * dL/d share_i, k elements, or NULL, of the shares as they were given: the loss does not change
   * along them.
   */
  float *shares;
  /**
   * dL/dC_i, sum n_i n elements, row by row, or NULL; of measures with points too.
   */
  float *costs;
  /**
   * dL/dx_i, sum n_i d_i elements, point by point, or NULL. d_i is 0, and a measure has no place
   * here, if its cost is ROT_COST_DENSE.
   */
  float *x;
  /**
   * dL/dy_i, sum n d_i elements, point by point, or NULL: through the cost of each measure. Where
   * measures share these points the derivative is the sum over the measures.
   */
  float *y;
  /**
   * Zero.
   */
  size_t reserved_size;
  /**
   * Written: relative residual of the potentials that were given.
   */
  float forward_residual;
  /**
   * Written: |residual| of the linear system over |right-hand side|; 0 if none had to be solved.
   */
  float residual;
  /**
   * Written: iterations of conjugate gradients.
   */
  uint32_t iterations;
  /**
   * Zero.
   */
  uint32_t reserved32_2;
  /**
   * Zero.
   */
  uint64_t reserved[4];
} rot_barycenter_gradient_f32;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Elements of work for rot_accuracy_solve: n rows, m columns, points of dimension d (0 for a dense cost),
 * and ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE or ROT_METHOD_NONE; that of rot_anneal_work_len and its
 * macros. Since 0.1.
 */
ROT_API
size_t rot_accuracy_work_len(size_t n,
                             size_t m,
                             size_t d,
                             uint32_t method);

/**
 * Epsilon and a bound on the iterations for a target error on the objective without entropy,
 * <C, X> + Phi_row(X 1) + Phi_col(X^T 1).
 *
 * @param problem   the problem; its epsilon counts for nothing but has to be positive; read only
 * @param target    the largest error that is asked for, cost units times mass units
 * @param formula   ROT_FORMULA_SLACK, ROT_FORMULA_UNIFORM or ROT_FORMULA_PAPER
 * @param work      work_len elements, contents arbitrary, before and after
 * @param work_len  at least ROT_PADDED(m)
 * @param accuracy  what the target asks for; `path` and `levels` are zero
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which `accuracy` is as it was: ROT_ERR_TOLERANCE for a target that is
 * not positive and finite, ROT_ERR_NO_CERTIFICATE for two exact sides or a ball, ROT_ERR_TAU for the papers'
 * formulas with two different taus, ROT_ERR_KIND (ROT_ARG_OPTIONS) for a formula that does not exist. Cost:
 * one look at every entry. Since 0.1.
 */
ROT_API
int32_t rot_accuracy_parameters_f64(const rot_problem_f64 *problem,
                                    double target,
                                    uint32_t formula,
                                    double *work,
                                    size_t work_len,
                                    rot_accuracy_f64 *accuracy,
                                    struct rot_error *error);

/**
 * rot_accuracy_parameters_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_accuracy_parameters_f32(const rot_problem_f32 *problem,
                                    float target,
                                    uint32_t formula,
                                    float *work,
                                    size_t work_len,
                                    rot_accuracy_f32 *accuracy,
                                    struct rot_error *error);

/**
 * Solves a problem until its objective without entropy is proved to lie within `target` of the optimum. It
 * walks down in epsilon, with Newton's method on the dual, and stops at the first that certifies the
 * target; at the latest at that of ROT_FORMULA_SLACK, and plainly from zero where the bound on the
 * iterations was used up in vain.
 *
 * @param problem        the problem; its epsilon counts for nothing but has to be positive; read only
 * @param target         the largest error that is asked for, cost units times mass units
 * @param method         how Newton's linear systems are solved: ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE, or
 *                       ROT_METHOD_NONE for sweeps alone
 * @param solve_options  as for rot_sinkhorn_solve_f64, NULL for the defaults and no limit of iterations; the
 *                       stopping rule is replaced by the target; read only
 * @param f              n potentials of the rows; read first under ROT_WARM_START
 * @param g              m potentials of the columns; read first under ROT_WARM_START
 * @param work           work_len elements, contents arbitrary, before and after
 * @param work_len       at least rot_accuracy_work_len(n, m, d, method); with
 *                       rot_anneal_fast_work_len the kernel is kept
 * @param accuracy       what the target asks for, and which path ended the solve
 * @param report         initialised with ROT_REPORT_F64_INIT; `epsilon` is that to which f and g belong,
 *                       `certified_distance` the bound on the error, `iterations` the sweeps at all epsilons,
 *                       `levels`, `newton_steps` and `newton_products` what the walk did
 *
 * Returns the status as rot_sinkhorn_solve_f64 does, with the same refusals and those of
 * rot_accuracy_parameters_f64; ROT_OK means proved. ROT_ERR_TARGET_PRECISION (ROT_ARG_STOP) for a target below
 * what this precision is sure to certify (`smallest_target` of rot_accuracy_parameters_f64); ROT_ERR_KIND
 * (ROT_ARG_METHOD) for the method. Cost: n m exponentials for each
 * sweep. Since 0.1.
 */
ROT_API
int32_t rot_accuracy_solve_f64(const rot_problem_f64 *problem,
                               double target,
                               uint32_t method,
                               const rot_options_f64 *solve_options,
                               double *f,
                               double *g,
                               double *work,
                               size_t work_len,
                               rot_accuracy_f64 *accuracy,
                               rot_report_f64 *report);

/**
 * rot_accuracy_solve_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_accuracy_solve_f32(const rot_problem_f32 *problem,
                               float target,
                               uint32_t method,
                               const rot_options_f32 *solve_options,
                               float *f,
                               float *g,
                               float *work,
                               size_t work_len,
                               rot_accuracy_f32 *accuracy,
                               rot_report_f32 *report);

/**
 * Elements of work for rot_anneal_solve: n rows, m columns, points of dimension d (0 for a dense
 * cost), and ROT_METHOD_DIRECT, ROT_METHOD_ITERATIVE or ROT_METHOD_NONE. The same number for f32 and
 * f64; SIZE_MAX if it overflows. Equal to the macros ROT_ANNEAL_DIRECT_WORK_LEN(n, m, d),
 * ROT_ANNEAL_ITERATIVE_WORK_LEN(n, m, d) and ROT_ANNEAL_NONE_WORK_LEN(n, m, d). Since 0.1.
 */
ROT_API
size_t rot_anneal_work_len(size_t n,
                           size_t m,
                           size_t d,
                           uint32_t method);

/**
 * Elements of work with which rot_anneal_solve keeps the kernel in memory: rot_anneal_work_len, room for
 * one more n x m matrix, and a few vectors. The same number for f32 and f64; SIZE_MAX if it overflows.
 * Equal to the macros ROT_ANNEAL_DIRECT_FAST_WORK_LEN(n, m, d),
 * ROT_ANNEAL_ITERATIVE_FAST_WORK_LEN(n, m, d) and ROT_ANNEAL_NONE_FAST_WORK_LEN(n, m, d). Since 0.1.
 */
ROT_API
size_t rot_anneal_fast_work_len(size_t n,
                                size_t m,
                                size_t d,
                                uint32_t method);

/**
 * The solver that is near the best everywhere, and made for small epsilon, where plain sweeps need a number of iterations that grows like
 * 1 / epsilon and worse: on a ladder of falling epsilons, each of which starts from the potentials of
 * the one above, with Newton's method on the dual
 *
 *   D(f, g) = -Phi_row*(-f) - Phi_col*(-g) - epsilon * sum exp((f_i + g_j - C_ij) / epsilon)
 *
 * at its end, once the residuals seen say that sweeps would take longer. A step is taken only if it brings D up, or its gradient down; else sweeps go on.
 *
 * @param problem        the problem; read only
 * @param options        NULL for the defaults; read only
 * @param solve_options  as for rot_sinkhorn_solve_f64, NULL for the defaults; its limit of iterations
 *                       and its observer count the sweeps of all levels; read only
 * @param f              n potentials of the rows; read first under ROT_WARM_START
 * @param g              m potentials of the columns; read first under ROT_WARM_START
 * @param work           work_len elements, contents arbitrary, before and after
 * @param work_len       at least rot_anneal_work_len(n, m, d, options->method); with
 *                       rot_anneal_fast_work_len the kernel is kept, and most sweeps and products do
 *                       without exponentials
 * @param report         initialised with ROT_REPORT_F64_INIT; `iterations` are the sweeps of all
 *                       levels, `levels`, `newton_steps` and `newton_products` what the ladder did
 *
 * Returns the status as rot_sinkhorn_solve_f64 does, with the same refusals; ROT_ROUNDING_FLOOR too
 * where Newton's method, with the residual at the floor, finds no better point. A limit of iterations
 * or an observer that stops the walk above the last level leave potentials of the problem's epsilon
 * that are far from its optimum. ROT_ERR_EPSILON and ROT_ERR_COUNT (ROT_ARG_OPTIONS) for a start or a
 * factor that make no ladder and for no sweeps; ROT_ERR_KIND, ROT_ERR_TOLERANCE and ROT_ERR_COUNT
 * (ROT_ARG_METHOD) for the method. Cost: n m exponentials for each sweep and for each trial of a step,
 * some n m k multiplications for a direct step, k the smaller of n and m, and n m exponentials for
 * each iteration of an iterative one. Since 0.1.
 */
ROT_API
int32_t rot_anneal_solve_f64(const rot_problem_f64 *problem,
                             const rot_anneal_options_f64 *options,
                             const rot_options_f64 *solve_options,
                             double *f,
                             double *g,
                             double *work,
                             size_t work_len,
                             rot_report_f64 *report);

/**
 * rot_anneal_solve_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_anneal_solve_f32(const rot_problem_f32 *problem,
                             const rot_anneal_options_f32 *options,
                             const rot_options_f32 *solve_options,
                             float *f,
                             float *g,
                             float *work,
                             size_t work_len,
                             rot_report_f32 *report);

/**
 * Solves many problems of one shape in one call (double precision): `problem->count` problems that
 * differ in their data alone. The cost (or the points) and the weights of problem k begin k strides
 * behind those in `problem`; a stride of 0 means that all problems share them. Rules, epsilon,
 * reference, flags and options are those of all. Every problem has the potentials and the report that
 * rot_sinkhorn_solve_f64 would give it, to the bit.
 *
 *   rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
 *   problem.cost = (rot_matrix_f64)ROT_MATRIX(costs, 8, 8); // the first of 200
 *   problem.a = problem.b = weights;                        // of all
 *   problem.a_len = problem.b_len = 8;
 *   problem.epsilon = 0.05;
 *   problem.count = 200;
 *   problem.cost_stride = 8 * 8;
 *   status = rot_sinkhorn_solve_batch_f64(&problem, NULL, f, g, work, work_len, reports);
 *
 * @param problem   the first problem, the count and the strides; read only
 * @param options   NULL for the defaults; read only. `observe` watches each problem in turn; what it
 *                  stops is the problem at hand
 * @param f         count x n potentials, one problem behind the other; read first under
 *                  ROT_WARM_START
 * @param g         count x m potentials of the columns, likewise
 * @param work      work_len elements, contents arbitrary, before and after
 * @param work_len  as for one problem: ROT_SINKHORN_WORK_LEN(n, m, d), or
 *                  ROT_SINKHORN_FAST_WORK_LEN(n, m, d)
 * @param reports   count reports, each initialised with ROT_REPORT_F64_INIT
 *
 * Returns the largest status of all: ROT_OK if every problem has converged, else a positive remark,
 * and each report says how its problem ended. Or a negative refusal: all problems are looked at first,
 * so that nothing is written then but work and, in the first report, `error` (whose `measure` is the
 * index of the problem, or ROT_NOWHERE) and `converged`. A count of 0 does nothing. Cost: that of the
 * solves. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_solve_batch_f64(const rot_problem_f64 *problem,
                                     const rot_options_f64 *options,
                                     double *f,
                                     double *g,
                                     double *work,
                                     size_t work_len,
                                     rot_report_f64 *reports);

/**
 * rot_sinkhorn_solve_batch_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_solve_batch_f32(const rot_problem_f32 *problem,
                                     const rot_options_f32 *options,
                                     float *f,
                                     float *g,
                                     float *work,
                                     size_t work_len,
                                     rot_report_f32 *reports);

/**
 * Elements of work for the rot_gradient functions: n rows, m columns, points of dimension d (0 for a
 * dense cost), and ROT_METHOD_DIRECT or ROT_METHOD_ITERATIVE. The same number for f32 and f64;
 * SIZE_MAX if it overflows. Equal to the macros ROT_GRADIENT_DIRECT_WORK_LEN(n, m, d) and
 * ROT_GRADIENT_ITERATIVE_WORK_LEN(n, m, d). Since 0.1.
 */
ROT_API
size_t rot_gradient_work_len(size_t n,
                             size_t m,
                             size_t d,
                             uint32_t method);

/**
 * Elements of work with which the rot_gradient functions keep the plan in memory: some n m more than
 * rot_gradient_work_len, and most exponentials fewer. The bits are the same. Since 0.1.
 */
ROT_API
size_t rot_gradient_fast_work_len(size_t n,
                                  size_t m,
                                  size_t d,
                                  uint32_t method);

/**
 * Gradients of a loss from its derivatives with respect to the optimum (`cotangent`), by the implicit
 * function theorem: with r, c the plan's marginals and G the cotangent of the plan, (u, v) solve
 * [diag(r) X; X^T diag(c)] (u; v) + compliance of the rules = ((G X) 1; (G X)^T 1), and
 * dL/dC = X (u + v - G) / epsilon. `f`, `g` and `report` are those of a solve; what `gradient`
 * points to is overwritten. `options` may be NULL.
 *
 * Returns ROT_OK or a refusal, which `gradient->error` explains and which leaves all outputs:
 * ROT_ERR_NOT_CONVERGED if the potentials' residual is above the forward tolerance, ROT_ERR_GAUGE,
 * ROT_ERR_SINGULAR if the factorisation fails (single precision at small epsilon: use the
 * iterative method) or for the cotangent of a potential that has next to no mass, whose index it
 * names, and what does not fit. Since 0.1.
 */
ROT_API
int32_t rot_gradient_vjp_f64(const rot_problem_f64 *problem,
                             const double *f,
                             const double *g,
                             const rot_report_f64 *report,
                             const rot_cotangent_f64 *cotangent,
                             const rot_gradient_options_f64 *options,
                             rot_gradient_f64 *gradient,
                             double *work,
                             size_t work_len);

/**
 * rot_gradient_vjp_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_gradient_vjp_f32(const rot_problem_f32 *problem,
                             const float *f,
                             const float *g,
                             const rot_report_f32 *report,
                             const rot_cotangent_f32 *cotangent,
                             const rot_gradient_options_f32 *options,
                             rot_gradient_f32 *gradient,
                             float *work,
                             size_t work_len);

/**
 * How the optimum changes with the problem in the direction `tangent`: the transpose of
 * rot_gradient_vjp_f64, with the same work and the same refusals; ROT_ERR_MASS_MISMATCH if da and
 * db do not keep two fixed masses equal. Since 0.1.
 */
ROT_API
int32_t rot_gradient_jvp_f64(const rot_problem_f64 *problem,
                             const double *f,
                             const double *g,
                             const rot_report_f64 *report,
                             const rot_tangent_f64 *tangent,
                             const rot_gradient_options_f64 *options,
                             rot_change_f64 *change,
                             double *work,
                             size_t work_len);

/**
 * rot_gradient_jvp_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_gradient_jvp_f32(const rot_problem_f32 *problem,
                             const float *f,
                             const float *g,
                             const rot_report_f32 *report,
                             const rot_tangent_f32 *tangent,
                             const rot_gradient_options_f32 *options,
                             rot_change_f32 *change,
                             float *work,
                             size_t work_len);

/**
 * What two grids count as in the work lengths of rot_sinkhorn_*, rot_plan_*, rot_anneal_*,
 * rot_matching_* and rot_barycenter_*, where these ask for the dimension d of points (the largest over
 * all measures of a barycenter): ROT_GRID_DIMENSION for grids of one shape.
 *
 * @param x, y  as in a problem of kind ROT_COST_GRID: row k describes axis k, by the number of its
 *              points, the first coordinate and the spacing
 *
 * Returns SIZE_MAX if they are no grids, and in a library that was built without this part. Since 0.1.
 */
ROT_API
size_t rot_grid_dimension_f64(const rot_matrix_f64 *x,
                              const rot_matrix_f64 *y);

/**
 * rot_grid_dimension_f64 in single precision. Since 0.1.
 */
ROT_API size_t rot_grid_dimension_f32(const rot_matrix_f32 *x, const rot_matrix_f32 *y);

/**
 * Version of the library, as ROT_VERSION: major * 1000000 + minor * 1000 + patch. Since 0.1.
 */
ROT_API uint32_t rot_version(void);

/**
 * Version of the binary interface, as ROT_ABI_VERSION; programs and libraries of one number fit
 * together. Since 0.1.
 */
ROT_API uint32_t rot_abi_version(void);

/**
 * One line of English for any status: never NULL, never to be freed. Since 0.1.
 */
ROT_API const char *rot_status_str(int32_t status);

/**
 * Elements of the factors of two clouds of n and m points with at most `max_rank` columns: n + m + 1 rows.
 * The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the macro
 * ROT_LOWRANK_FACTORS_LEN(n, m, max_rank). Since 0.1.
 */
ROT_API
size_t rot_lowrank_factors_len(size_t n,
                               size_t m,
                               size_t max_rank);

/**
 * Elements of work for rot_lowrank_factor_*: points of dimension d. The same number for f32 and f64;
 * SIZE_MAX if it overflows. Equal to the macro ROT_LOWRANK_WORK_LEN(n, m, d, max_rank). Since 0.1.
 */
ROT_API
size_t rot_lowrank_work_len(size_t n,
                            size_t m,
                            size_t d,
                            size_t max_rank);

/**
 * What to give every other work length for d under ROT_COST_LOW_RANK: what the scratch of factors of
 * this rank (or of the largest rank that they may have) comes to. SIZE_MAX if it overflows. Equal to the
 * macro ROT_LOWRANK_DIMENSION(n, m, rank). Since 0.1.
 */
ROT_API
size_t rot_lowrank_dimension(size_t n,
                             size_t m,
                             size_t rank);

/**
 * Factors the kernel K = exp(-|x - y|^2 / epsilon) on the union of two clouds by pivoted Cholesky,
 * K ~ G G^T with r columns, for problems with ROT_COST_LOW_RANK: their sweeps take O((n + m) r) instead
 * of n m exponentials. Set
 *
 *   problem.cost_kind = ROT_COST_LOW_RANK; problem.epsilon = epsilon;
 *   problem.x = x; problem.y = y; problem.cost = ROT_LOWRANK_MATRIX(factors, n, m, max_rank)
 *
 * (a compound literal or an initialiser), and give work lengths ROT_LOWRANK_DIMENSION(n, m, max_rank) for
 * d. The problem solved is that of the cost -epsilon log(G G^T), which differs from |x - y|^2 by at most
 * epsilon * report->log_error: objectives by at most report->objective_error for unit mass, and a
 * certified_distance holds once report->certificate_error is added, both times the mass. A report's
 * transport_cost is that of |x - y|^2.
 *
 * @param x            n points of dimension d
 * @param y            m points
 * @param epsilon      that of the problems to come, cost units
 * @param max_rank     most columns, at least 1
 * @param log_error    wanted bound on the error of log K, dimensionless; 0 for as many columns as
 *                     max_rank allows and rounding lets mean something, with a bound of at most 1
 * @param factors      factors_len elements, at least rot_lowrank_factors_len(n, m, max_rank)
 * @param work         work_len elements, contents arbitrary, before and after
 * @param work_len     at least rot_lowrank_work_len(n, m, d, max_rank)
 * @param report       initialised with ROT_LOWRANK_REPORT_F64_INIT
 *
 * Returns ROT_OK or a refusal, which report->error explains. ROT_ERR_KERNEL_OUT_OF_REACH where
 * exp(-max C / epsilon) is too near to rounding for the bound: common at small epsilon, from about
 * max C / epsilon = 25 on in double precision and 7 in single precision. ROT_ERR_RANK_TOO_SMALL if
 * max_rank columns do not come to the bound. The factors are output and work in one: after these two
 * their contents mean nothing. Cost: (n + m) r (r + d) operations. Since 0.1.
 */
ROT_API
int32_t rot_lowrank_factor_f64(const rot_matrix_f64 *x,
                               const rot_matrix_f64 *y,
                               double epsilon,
                               size_t max_rank,
                               double log_error,
                               double *factors,
                               size_t factors_len,
                               double *work,
                               size_t work_len,
                               rot_lowrank_report_f64 *report);

/**
 * rot_lowrank_factor_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_lowrank_factor_f32(const rot_matrix_f32 *x,
                               const rot_matrix_f32 *y,
                               float epsilon,
                               size_t max_rank,
                               float log_error,
                               float *factors,
                               size_t factors_len,
                               float *work,
                               size_t work_len,
                               rot_lowrank_report_f32 *report);

/**
 * Elements of work for rot_matching_step: n predictions, m targets, points of dimension d (0 for a
 * dense cost), and ROT_METHOD_DIRECT or ROT_METHOD_ITERATIVE. The same number for f32 and f64;
 * SIZE_MAX if it overflows. Since 0.1.
 */
ROT_API size_t rot_matching_work_len(size_t n, size_t m, size_t d, uint32_t method);

/**
 * One training step of a regression without correspondence: solves `problem` (predictions are the
 * points of the rows, targets those of the columns; or a cost of your own), whose transport cost in
 * the report is the loss, and takes its gradient: with respect to predictions (`gradient->x`),
 * targets (`gradient->y`), or your cost (`gradient->cost`). `f` and `g` hold the potentials: with
 * ROT_WARM_START in the options of the solve those of the step before. Any of the three options may
 * be NULL. The solve is in the log domain: ROT_SWEEP_SCALING is refused (ROT_ERR_KIND,
 * ROT_ARG_SWEEP).
 *
 * Returns the status of the solve. `gradient->error.status` is ROT_OK, or ROT_ERR_NOT_CONVERGED or
 * ROT_ERR_SINGULAR if there is no gradient, and then none was written. A refusal is explained by
 * `report->error`, and all outputs are as they were. Since 0.1.
 */
ROT_API
int32_t rot_matching_step_f64(const rot_problem_f64 *problem,
                              const struct rot_matching_options *options,
                              const rot_options_f64 *solve_options,
                              const rot_gradient_options_f64 *gradient_options,
                              double *f,
                              double *g,
                              rot_report_f64 *report,
                              rot_gradient_f64 *gradient,
                              double *work,
                              size_t work_len);

/**
 * rot_matching_step_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_matching_step_f32(const rot_problem_f32 *problem,
                              const struct rot_matching_options *options,
                              const rot_options_f32 *solve_options,
                              const rot_gradient_options_f32 *gradient_options,
                              float *f,
                              float *g,
                              rot_report_f32 *report,
                              rot_gradient_f32 *gradient,
                              float *work,
                              size_t work_len);

/**
 * Elements of work for the rot_plan functions that take work: n rows, m columns, points of
 * dimension d (0 for a dense cost). The same number for f32 and f64; SIZE_MAX if it overflows.
 * Equal to the macro ROT_PLAN_WORK_LEN(n, m, d). Since 0.1.
 */
ROT_API size_t rot_plan_work_len(size_t n, size_t m, size_t d);

/**
 * One entry of the plan, X_ij = exp((f_i + g_j - C_ij) / epsilon - log_mass) (times a_i b_j against
 * the product reference), in O(1).
 *
 * @param problem   the problem that was solved
 * @param f, g      the potentials that the solve returned
 * @param log_mass  the report's log_mass
 * @param i, j      row and column
 * @param value     the entry
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which `value` is as it was. Since 0.1.
 */
ROT_API
int32_t rot_plan_entry_f64(const rot_problem_f64 *problem,
                           const double *f,
                           const double *g,
                           double log_mass,
                           size_t i,
                           size_t j,
                           double *value,
                           struct rot_error *error);

/**
 * rot_plan_entry_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_plan_entry_f32(const rot_problem_f32 *problem,
                           const float *f,
                           const float *g,
                           float log_mass,
                           size_t i,
                           size_t j,
                           float *value,
                           struct rot_error *error);

/**
 * Row i of the plan, m entries, in O(m); see rot_plan_entry_f64.
 *
 * @param problem   the problem that was solved
 * @param f, g      the potentials that the solve returned
 * @param log_mass  the report's log_mass
 * @param i         row
 * @param out       m elements
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which `out` is as it was. Since 0.1.
 */
ROT_API
int32_t rot_plan_row_f64(const rot_problem_f64 *problem,
                         const double *f,
                         const double *g,
                         double log_mass,
                         size_t i,
                         double *out,
                         struct rot_error *error);

/**
 * rot_plan_row_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_plan_row_f32(const rot_problem_f32 *problem,
                         const float *f,
                         const float *g,
                         float log_mass,
                         size_t i,
                         float *out,
                         struct rot_error *error);

/**
 * Marginals X 1 and X^T 1 of the plan and its transport cost <C, X>, in one sweep.
 *
 * @param problem   the problem that was solved
 * @param f, g      the potentials that the solve returned
 * @param log_mass  the report's log_mass
 * @param work      work_len elements, contents arbitrary
 * @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
 * @param row       n elements, mass units
 * @param col       m elements, mass units
 * @param transport_cost  one element, cost times mass units; may be NULL
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which the outputs are as they were. Since 0.1.
 */
ROT_API
int32_t rot_plan_marginals_f64(const rot_problem_f64 *problem,
                               const double *f,
                               const double *g,
                               double log_mass,
                               double *work,
                               size_t work_len,
                               double *row,
                               double *col,
                               double *transport_cost,
                               struct rot_error *error);

/**
 * rot_plan_marginals_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_plan_marginals_f32(const rot_problem_f32 *problem,
                               const float *f,
                               const float *g,
                               float log_mass,
                               float *work,
                               size_t work_len,
                               float *row,
                               float *col,
                               float *transport_cost,
                               struct rot_error *error);

/**
 * Barycentric map of the plan: out_i = sum_j X_ij values_j / sum_j X_ij, where the points of the
 * rows go in the mean. It depends on g only, so rows without weight have an image too; a row without
 * any partner of weight at finite cost gets NaN. One sweep.
 *
 * @param problem   the problem that was solved
 * @param f, g      the potentials that the solve returned
 * @param log_mass  the report's log_mass
 * @param values    m x k, a value (a point, a colour) for each column
 * @param out       n x k, the mean for each row
 * @param work      work_len elements, contents arbitrary
 * @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which `out` is as it was. Since 0.1.
 */
ROT_API
int32_t rot_plan_barycentric_map_f64(const rot_problem_f64 *problem,
                                     const double *f,
                                     const double *g,
                                     double log_mass,
                                     const rot_matrix_f64 *values,
                                     const rot_matrix_mut_f64 *out,
                                     double *work,
                                     size_t work_len,
                                     struct rot_error *error);

/**
 * rot_plan_barycentric_map_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_plan_barycentric_map_f32(const rot_problem_f32 *problem,
                                     const float *f,
                                     const float *g,
                                     float log_mass,
                                     const rot_matrix_f32 *values,
                                     const rot_matrix_mut_f32 *out,
                                     float *work,
                                     size_t work_len,
                                     struct rot_error *error);

/**
 * The whole plan as an n x m matrix.
 *
 * @param problem   the problem that was solved
 * @param f, g      the potentials that the solve returned
 * @param log_mass  the report's log_mass
 * @param out       n x m
 * @param work      work_len elements, contents arbitrary
 * @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which `out` is as it was. Since 0.1.
 */
ROT_API
int32_t rot_plan_dense_f64(const rot_problem_f64 *problem,
                           const double *f,
                           const double *g,
                           double log_mass,
                           const rot_matrix_mut_f64 *out,
                           double *work,
                           size_t work_len,
                           struct rot_error *error);

/**
 * rot_plan_dense_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_plan_dense_f32(const rot_problem_f32 *problem,
                           const float *f,
                           const float *g,
                           float log_mass,
                           const rot_matrix_mut_f32 *out,
                           float *work,
                           size_t work_len,
                           struct rot_error *error);

/**
 * Rounds the plan to its exact sides: X'_ij = x_i X_ij y_j + p_i q_j, with row sums a and column sums b
 * (times the report's mass_factor) where they are exact, up to the rounding of the entries. Where both are,
 * rows and columns are scaled down and what is missing is added as a matrix of rank one (Altschuler,
 * Niles-Weed and Rigollet 2017); one alone is scaled to its weights; the plan of ROT_UNIT_MASS is divided by
 * its sum. The cost of X' is an upper bound of the optimum. Two sweeps.
 *
 * @param problem   the problem that was solved
 * @param f, g      the potentials that the solve returned
 * @param log_mass  the report's log_mass
 * @param work      work_len elements, contents arbitrary
 * @param work_len  at least ROT_PLAN_WORK_LEN(n, m, d)
 * @param x         n factors of the rows
 * @param y         m factors of the columns
 * @param p         n shares of the rows in what is added
 * @param q         m masses that are added to the columns, mass units
 * @param rounded   what is true of X'
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which the outputs are as they were; ROT_ERR_KIND, blaming the rule, for one
 * that is neither exact nor KL, and ROT_ERR_MASS_MISMATCH. Since 0.1.
 */
ROT_API
int32_t rot_plan_round_f64(const rot_problem_f64 *problem,
                           const double *f,
                           const double *g,
                           double log_mass,
                           double *work,
                           size_t work_len,
                           double *x,
                           double *y,
                           double *p,
                           double *q,
                           rot_rounded_f64 *rounded,
                           struct rot_error *error);

/**
 * rot_plan_round_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_plan_round_f32(const rot_problem_f32 *problem,
                           const float *f,
                           const float *g,
                           float log_mass,
                           float *work,
                           size_t work_len,
                           float *x,
                           float *y,
                           float *p,
                           float *q,
                           rot_rounded_f32 *rounded,
                           struct rot_error *error);

/**
 * Elements of work for rot_sinkhorn_*: n rows, m columns, points of dimension d (0 for a dense
 * cost). The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the macro
 * ROT_SINKHORN_WORK_LEN(n, m, d), which sizes static arrays.
 */
ROT_API size_t rot_sinkhorn_work_len(size_t n, size_t m, size_t d);

/**
 * Elements of work with which rot_sinkhorn_* keep the kernel exp((f + g - C) / epsilon) in memory, so
 * that most sweeps are products instead of exponentials (see ROT_SWEEP_AUTO): ROT_PADDED(n) *
 * ROT_PADDED(m) and a few vectors more than rot_sinkhorn_work_len. The same number for f32 and f64;
 * SIZE_MAX if it overflows, and in a library that was built without this part. Equal to the macro
 * ROT_SINKHORN_FAST_WORK_LEN(n, m, d). Since 0.1.
 */
ROT_API
size_t rot_sinkhorn_fast_work_len(size_t n,
                                  size_t m,
                                  size_t d);

/**
 * Elements of work with which rot_sinkhorn_* have room for `tasks` blocks of rows at the same time on
 * the threads of the host (`parallel_for` in the options) and sweeps in the log domain. With less, down
 * to rot_sinkhorn_work_len, fewer are under way: the same bits, later. The same number for f32 and f64;
 * SIZE_MAX if it overflows, and in a library that was built without this part, which uses no threads.
 * Equal to the macro ROT_SINKHORN_PARALLEL_WORK_LEN(n, m, d, tasks). Since 0.1.
 */
ROT_API
size_t rot_sinkhorn_parallel_work_len(size_t n,
                                      size_t m,
                                      size_t d,
                                      size_t tasks);

/**
 * rot_sinkhorn_parallel_work_len of solves that keep the kernel: as much more than
 * rot_sinkhorn_fast_work_len. Equal to the macro ROT_SINKHORN_PARALLEL_FAST_WORK_LEN(n, m, d, tasks).
 * Since 0.1.
 */
ROT_API
size_t rot_sinkhorn_parallel_fast_work_len(size_t n,
                                           size_t m,
                                           size_t d,
                                           size_t tasks);

/**
 * Solves a problem (double precision).
 *
 * On success f (n) and g (m), cost units, hold the potentials of the optimum
 * X_ij = exp((f_i + g_j - C_ij) / epsilon), and the report all that is true of them. A zero weight
 * has potential -infinity.
 *
 * @param problem   the problem; read only
 * @param options   NULL for the defaults; read only
 * @param f         n potentials of the rows; read first under ROT_WARM_START
 * @param g         m potentials of the columns; read first under ROT_WARM_START
 * @param work      work_len elements, contents arbitrary, before and after
 * @param work_len  at least ROT_SINKHORN_WORK_LEN(n, m, d); with ROT_SINKHORN_FAST_WORK_LEN(n, m, d)
 *                  sweeps are several times faster (ROT_SWEEP_AUTO)
 * @param report    initialised with ROT_REPORT_F64_INIT
 *
 * Returns the status, which the report holds too: ROT_OK; a positive remark, with the last good
 * potentials written; or a negative refusal, with nothing written but work and the report's
 * `error` and `converged`. Cost: n m exponentials for each iteration, or 2 n m multiplications and
 * additions with a kept kernel. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_solve_f64(const rot_problem_f64 *problem,
                               const rot_options_f64 *options,
                               double *f,
                               double *g,
                               double *work,
                               size_t work_len,
                               rot_report_f64 *report);

/**
 * rot_sinkhorn_solve_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_solve_f32(const rot_problem_f32 *problem,
                               const rot_options_f32 *options,
                               float *f,
                               float *g,
                               float *work,
                               size_t work_len,
                               rot_report_f32 *report);

/**
 * Validates what rot_sinkhorn_solve_f64 would be given, without solving: returns ROT_OK or the
 * refusal. `error` may be NULL. f and g are read only under ROT_WARM_START. Writes nothing but
 * work and `error`. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_check_f64(const rot_problem_f64 *problem,
                               const rot_options_f64 *options,
                               double *f,
                               double *g,
                               double *work,
                               size_t work_len,
                               struct rot_error *error);

/**
 * rot_sinkhorn_check_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_check_f32(const rot_problem_f32 *problem,
                               const rot_options_f32 *options,
                               float *f,
                               float *g,
                               float *work,
                               size_t work_len,
                               struct rot_error *error);

/**
 * Begins a solve in slices: validates like rot_sinkhorn_check_f64, then writes the start into f,
 * g, work and the state (initialised with ROT_STATE_F64_INIT). `error` may be NULL. Between
 * init and finish the caller keeps problem, options, f, g, work, its length and the state as they
 * are. The
 * option `observe` is not used. Returns ROT_OK or a refusal. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_init_f64(const rot_problem_f64 *problem,
                              const rot_options_f64 *options,
                              double *f,
                              double *g,
                              double *work,
                              size_t work_len,
                              rot_state_f64 *state,
                              struct rot_error *error);

/**
 * rot_sinkhorn_init_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_init_f32(const rot_problem_f32 *problem,
                              const rot_options_f32 *options,
                              float *f,
                              float *g,
                              float *work,
                              size_t work_len,
                              rot_state_f32 *state,
                              struct rot_error *error);

/**
 * Carries a solve on by at most `iterations` sweeps. Returns ROT_RUNNING
 * while it goes on, else how it ended (see rot_sinkhorn_solve_f64), or a refusal. `error` may be
 * NULL. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_step_f64(const rot_problem_f64 *problem,
                              const rot_options_f64 *options,
                              uint64_t iterations,
                              double *f,
                              double *g,
                              double *work,
                              size_t work_len,
                              rot_state_f64 *state,
                              struct rot_error *error);

/**
 * rot_sinkhorn_step_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_step_f32(const rot_problem_f32 *problem,
                              const rot_options_f32 *options,
                              uint64_t iterations,
                              float *f,
                              float *g,
                              float *work,
                              size_t work_len,
                              rot_state_f32 *state,
                              struct rot_error *error);

/**
 * Ends a solve: evaluates the potentials in one more sweep, hands them over in f and g and fills
 * the report. Returns the status as rot_sinkhorn_solve_f64 does; a solve that was still running
 * ends with ROT_ITERATION_LIMIT unless its stopping rule holds. The state is used up. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_finish_f64(const rot_problem_f64 *problem,
                                const rot_options_f64 *options,
                                double *f,
                                double *g,
                                double *work,
                                size_t work_len,
                                rot_state_f64 *state,
                                rot_report_f64 *report);

/**
 * rot_sinkhorn_finish_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_finish_f32(const rot_problem_f32 *problem,
                                const rot_options_f32 *options,
                                float *f,
                                float *g,
                                float *work,
                                size_t work_len,
                                rot_state_f32 *state,
                                rot_report_f32 *report);

/**
 * The largest epsilon at which a solve is sure to certify `target` (ROT_STOP_CERTIFIED): with one
 * exact side of mass beta and n points on the other target / (2 beta log n), under ROT_UNIT_MASS
 * target / (2 log(n m)); for the unbalanced problem with non-negative costs the mass is replaced
 * by its largest value. Written to `epsilon`. Returns ROT_OK, or ROT_ERR_NO_CERTIFICATE if both
 * sides are exact, or another refusal. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_certifiable_epsilon_f64(const rot_problem_f64 *problem,
                                             double target,
                                             double *epsilon);

/**
 * rot_sinkhorn_certifiable_epsilon_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_sinkhorn_certifiable_epsilon_f32(const rot_problem_f32 *problem,
                                             float target,
                                             float *epsilon);

/**
 * Elements of work for the rot_barycenter functions: k measures with `rows` points together
 * (sum n_i), n points of the barycenter, points of dimension d (the largest; 0 if all costs are
 * matrices). The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the macro
 * ROT_BARYCENTER_WORK_LEN(k, rows, n, d), which sizes static arrays. Since 0.1.
 */
ROT_API size_t rot_barycenter_work_len(size_t k, size_t rows, size_t n, size_t d);

/**
 * Computes the barycenter of any number of measures on a fixed support (double precision):
 *
 *   minimise over X_1 .. X_k >= 0
 *     sum_i w_i [ <C_i, X_i> + Phi_i(X_i 1) + epsilon * sum(X_i (log X_i - 1)) ]
 *   where all X_i have one column marginal q
 *
 * with shares w_i of sum 1 and ROT_EXACT or ROT_KL(tau_i) for each measure, freely mixed: exact
 * rules are classical iterative Bregman projections, KL rules the robust barycenter, over plans of
 * unit mass, which leaves out mass that is far from everything the others have. On success
 * `barycenter` (n) holds q / |q|; f (sum n_i, one measure behind the other) and g (k n, a row for
 * each measure), cost units, the potentials of X_i = exp((f_i + g_i - C_i) / epsilon).
 *
 * @param problem        the measures and epsilon; read only
 * @param options        NULL for no ladder of epsilons; read only
 * @param solve_options  as those of rot_sinkhorn_solve_f64, NULL for the defaults; the residual is
 *                       sum_i w_i |X_i 1 - r(f_i)|_1 over the mass; a certificate needs KL rules
 * @param f              sum n_i potentials of the measures; read first under ROT_WARM_START
 * @param g              k n potentials of the barycenter; read first under ROT_WARM_START
 * @param barycenter     n weights of unit mass
 * @param work           work_len elements, contents arbitrary, before and after
 * @param work_len       at least ROT_BARYCENTER_WORK_LEN(k, sum n_i, n, d)
 * @param report         initialised with ROT_BARYCENTER_REPORT_F64_INIT
 *
 * Returns the status, which the report holds too, as rot_sinkhorn_solve_f64 does; a refusal names
 * the measure, where it is one's. ROT_ERR_BARYCENTER_RULE: a rule of a ball.
 * ROT_ERR_MASS_MISMATCH: exact measures of unequal mass, or one of share 0 where no other fixes
 * the mass. ROT_ERR_NO_PARTNER: a weight that reaches no point of the barycenter which all
 * measures reach. ROT_ERR_NO_CERTIFICATE: ROT_STOP_CERTIFIED with an exact measure.
 * Cost: sum_i n_i n exponentials for each iteration. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_solve_f64(const rot_barycenter_problem_f64 *problem,
                                 const rot_barycenter_options_f64 *options,
                                 const rot_options_f64 *solve_options,
                                 double *f,
                                 double *g,
                                 double *barycenter,
                                 double *work,
                                 size_t work_len,
                                 rot_barycenter_report_f64 *report);

/**
 * rot_barycenter_solve_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_solve_f32(const rot_barycenter_problem_f32 *problem,
                                 const rot_barycenter_options_f32 *options,
                                 const rot_options_f32 *solve_options,
                                 float *f,
                                 float *g,
                                 float *barycenter,
                                 float *work,
                                 size_t work_len,
                                 rot_barycenter_report_f32 *report);

/**
 * Validates what rot_barycenter_solve_f64 would be given, without solving: returns ROT_OK or the
 * refusal. `error` may be NULL. f and g are read only under ROT_WARM_START. Writes nothing but
 * work and `error`. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_check_f64(const rot_barycenter_problem_f64 *problem,
                                 const rot_barycenter_options_f64 *options,
                                 const rot_options_f64 *solve_options,
                                 double *f,
                                 double *g,
                                 double *barycenter,
                                 double *work,
                                 size_t work_len,
                                 struct rot_error *error);

/**
 * rot_barycenter_check_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_check_f32(const rot_barycenter_problem_f32 *problem,
                                 const rot_barycenter_options_f32 *options,
                                 const rot_options_f32 *solve_options,
                                 float *f,
                                 float *g,
                                 float *barycenter,
                                 float *work,
                                 size_t work_len,
                                 struct rot_error *error);

/**
 * The largest epsilon at which a solve is sure to certify `target` (ROT_STOP_CERTIFIED), written to
 * `epsilon`: target / (2 sum_i w_i log(n_i n)), n_i the number of positive weights. Work as
 * rot_barycenter_solve_f64 needs it; `error` may be NULL. Returns ROT_OK, or ROT_ERR_NO_CERTIFICATE
 * with an exact measure, or another refusal. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_certifiable_epsilon_f64(const rot_barycenter_problem_f64 *problem,
                                               double target,
                                               double *work,
                                               size_t work_len,
                                               double *epsilon,
                                               struct rot_error *error);

/**
 * rot_barycenter_certifiable_epsilon_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_certifiable_epsilon_f32(const rot_barycenter_problem_f32 *problem,
                                               float target,
                                               float *work,
                                               size_t work_len,
                                               float *epsilon,
                                               struct rot_error *error);

/**
 * One measure's part of an iteration, for a host that spreads measures over threads or machines.
 * An iteration is
 *
 *   1. for each measure: rot_barycenter_half_step_f64
 *   2. for each measure: rot_barycenter_add_f64; rot_barycenter_merge_f64 where sums of several
 *      hosts meet; rot_barycenter_combine_f64 once
 *   3. for each measure: rot_barycenter_apply_f64
 *
 * and hosts exchange no more than a vector of n elements and a rot_barycenter_sums_f64. A host's
 * problem needs to list its own measures only. Measures added in the order of the list give the
 * bits of rot_barycenter_solve_f64, in another order the same but for rounding.
 *
 * The half step takes f_i (n_i) and g_i (n) of measure `index` and leaves the updated f_i and, in
 * place of g_i, the soft minimum t_i(j) = -epsilon log sum_l exp((f_i(l) - C_i(l, j)) / epsilon).
 * A fresh start is f_i = g_i = 0. What the cost or the potentials do wrong ends as
 * `half->trouble` (see rot_barycenter_check_f64). Exact measures
 * have one mass.
 *
 * @param problem   the measure is one of its; read only
 * @param index     which, from 0
 * @param level     ROT_LEVEL_FASTEST, or a level to force
 * @param f         n_i potentials of the measure
 * @param g         n potentials of the barycenter; then t_i
 * @param work      work_len elements, contents arbitrary, before and after
 * @param work_len  at least ROT_BARYCENTER_WORK_LEN(1, n_i, n, d)
 * @param half      written: what the combination needs
 * @param error     may be NULL
 *
 * Returns ROT_OK or a refusal, which writes nothing but work and `error`. Cost: n_i n exponentials.
 * Since 0.1.
 */
ROT_API
int32_t rot_barycenter_half_step_f64(const rot_barycenter_problem_f64 *problem,
                                     size_t index,
                                     uint32_t level,
                                     double *f,
                                     double *g,
                                     double *work,
                                     size_t work_len,
                                     rot_barycenter_half_f64 *half,
                                     struct rot_error *error);

/**
 * rot_barycenter_half_step_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_half_step_f32(const rot_barycenter_problem_f32 *problem,
                                     size_t index,
                                     uint32_t level,
                                     float *f,
                                     float *g,
                                     float *work,
                                     size_t work_len,
                                     rot_barycenter_half_f32 *half,
                                     struct rot_error *error);

/**
 * Adds measure `index` after its half step to sums over measures: `soft_minimum` (n) is its t_i;
 * `soft` (n) and `sums` begin as zeros and hold sum_i share_i t_i and the numbers. Returns ROT_OK or
 * a refusal, which writes nothing but `error` (which may be NULL). Cost: n additions. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_add_f64(const rot_barycenter_problem_f64 *problem,
                               size_t index,
                               const rot_barycenter_half_f64 *half,
                               const double *soft_minimum,
                               double *soft,
                               rot_barycenter_sums_f64 *sums,
                               struct rot_error *error);

/**
 * rot_barycenter_add_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_add_f32(const rot_barycenter_problem_f32 *problem,
                               size_t index,
                               const rot_barycenter_half_f32 *half,
                               const float *soft_minimum,
                               float *soft,
                               rot_barycenter_sums_f32 *sums,
                               struct rot_error *error);

/**
 * Adds the sums of other measures (`soft`, n elements, and `sums`) to `into_soft` and `into_sums`.
 * The order of additions shows in the last bits. Returns ROT_OK or a refusal, which writes nothing
 * but `error` (which may be NULL). Since 0.1.
 */
ROT_API
int32_t rot_barycenter_merge_f64(size_t n,
                                 const double *soft,
                                 const rot_barycenter_sums_f64 *sums,
                                 double *into_soft,
                                 rot_barycenter_sums_f64 *into_sums,
                                 struct rot_error *error);

/**
 * rot_barycenter_merge_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_merge_f32(size_t n,
                                 const float *soft,
                                 const rot_barycenter_sums_f32 *sums,
                                 float *into_soft,
                                 rot_barycenter_sums_f32 *into_sums,
                                 struct rot_error *error);

/**
 * Makes of the sums over all measures the potential of the barycenter and the best constants:
 * `soft` (n) becomes epsilon log q, -infinity where the barycenter can have no mass, so that its
 * weights are exp(soft / epsilon - constants->log_mass). Returns ROT_OK or a refusal, which writes
 * nothing but `error` (which may be NULL). Cost: n exponentials. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_combine_f64(size_t n,
                                   double epsilon,
                                   const rot_barycenter_sums_f64 *sums,
                                   double *soft,
                                   rot_barycenter_constants_f64 *constants,
                                   struct rot_error *error);

/**
 * rot_barycenter_combine_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_combine_f32(size_t n,
                                   float epsilon,
                                   const rot_barycenter_sums_f32 *sums,
                                   float *soft,
                                   rot_barycenter_constants_f32 *constants,
                                   struct rot_error *error);

/**
 * Ends an iteration of measure `index`: adds its constant to f_i (n_i) and turns t_i, in `g` (n),
 * into g_i. `half` is what its half step gave, `potential` (n) and `constants` are those of
 * rot_barycenter_combine_f64. Returns ROT_OK or a refusal, which writes nothing but `error` (which
 * may be NULL). Since 0.1.
 */
ROT_API
int32_t rot_barycenter_apply_f64(const rot_barycenter_problem_f64 *problem,
                                 size_t index,
                                 const rot_barycenter_half_f64 *half,
                                 const double *potential,
                                 const rot_barycenter_constants_f64 *constants,
                                 double *f,
                                 double *g,
                                 struct rot_error *error);

/**
 * rot_barycenter_apply_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_apply_f32(const rot_barycenter_problem_f32 *problem,
                                 size_t index,
                                 const rot_barycenter_half_f32 *half,
                                 const float *potential,
                                 const rot_barycenter_constants_f32 *constants,
                                 float *f,
                                 float *g,
                                 struct rot_error *error);

/**
 * Elements of work for the rot_accuracy_barycenter functions, by the arguments of
 * rot_barycenter_work_len, and as many. The same number for f32 and f64; SIZE_MAX if it overflows.
 * Equal to the macro ROT_ACCURACY_BARYCENTER_WORK_LEN(k, rows, n, d), which sizes static arrays.
 * Since 0.1.
 */
ROT_API size_t rot_accuracy_barycenter_work_len(size_t k, size_t rows, size_t n, size_t d);

/**
 * Epsilon and a bound on the iterations for a target error on the objective without entropy of a
 * barycenter, sum_i w_i (<C_i, X_i> + tau_i KL(X_i 1 | p_i)) over plans of unit mass (double
 * precision).
 *
 * @param problem   the measures; its epsilon counts for nothing but has to be positive; read only
 * @param target    the largest error that is asked for, cost units
 * @param formula   ROT_FORMULA_SLACK: target / (2 sum_i w_i log(n_i n)); ROT_FORMULA_UNIFORM; or
 *                  ROT_FORMULA_PAPER: Le et al. 2021, Theorem 2, for one tau
 * @param work      work_len elements, contents arbitrary, before and after
 * @param work_len  at least ROT_ACCURACY_BARYCENTER_WORK_LEN(k, sum n_i, n, d)
 * @param accuracy  what the target asks for; `path` and `levels` are zero. The bound is ours,
 *                  ROT_SOURCE_PROVED, for two measures at most; `iterations` is 0 for more
 * @param error     what was refused; may be NULL
 *
 * Returns ROT_OK or a refusal, after which `accuracy` is as it was: ROT_ERR_TOLERANCE (ROT_ARG_STOP)
 * for a target that is not positive and finite, ROT_ERR_NO_CERTIFICATE (ROT_ARG_STOP) with an exact
 * measure, ROT_ERR_TAU (ROT_ARG_ROW_RULE) for the paper's formula with two different taus,
 * ROT_ERR_KIND (ROT_ARG_OPTIONS) for a formula that does not exist, and what
 * rot_barycenter_check_f64 refuses in measures, weights and costs. Cost: one look at every entry.
 * Since 0.1.
 */
ROT_API
int32_t rot_accuracy_barycenter_parameters_f64(const rot_barycenter_problem_f64 *problem,
                                               double target,
                                               uint32_t formula,
                                               double *work,
                                               size_t work_len,
                                               rot_accuracy_f64 *accuracy,
                                               struct rot_error *error);

/**
 * rot_accuracy_barycenter_parameters_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_accuracy_barycenter_parameters_f32(const rot_barycenter_problem_f32 *problem,
                                               float target,
                                               uint32_t formula,
                                               float *work,
                                               size_t work_len,
                                               rot_accuracy_f32 *accuracy,
                                               struct rot_error *error);

/**
 * Solves a barycenter of measures with KL rules until its objective without entropy is proved to lie
 * within `target` of the optimum (double precision). It walks down in epsilon and stops at the first
 * that certifies the target; at the latest at that of ROT_FORMULA_SLACK, and from zero where the
 * bound on the iterations was used up in vain.
 *
 * @param problem        the measures; its epsilon counts for nothing but has to be positive; read
 *                       only
 * @param target         the largest error that is asked for, cost units
 * @param solve_options  as for rot_barycenter_solve_f64, NULL for the defaults and no limit of
 *                       iterations; the stopping rule is replaced by the target, the limit counts
 *                       the iterations at all epsilons; read only
 * @param f              sum n_i potentials of the measures; read first under ROT_WARM_START
 * @param g              k n potentials of the barycenter; read first under ROT_WARM_START
 * @param barycenter     n weights of unit mass
 * @param work           work_len elements, contents arbitrary, before and after
 * @param work_len       at least ROT_ACCURACY_BARYCENTER_WORK_LEN(k, sum n_i, n, d)
 * @param accuracy       what the target asks for, the epsilons that were walked through, and which
 *                       path ended the solve
 * @param report         initialised with ROT_BARYCENTER_REPORT_F64_INIT; `epsilon` is that to which
 *                       f and g belong, `certified_distance` the bound on the error, `iterations`
 *                       those at all epsilons
 *
 * Returns the status as rot_barycenter_solve_f64 does, with the same refusals and those of
 * rot_accuracy_barycenter_parameters_f64; ROT_OK means proved. ROT_ERR_TARGET_PRECISION
 * (ROT_ARG_STOP): a target below what this precision is sure to certify (`smallest_target` of
 * rot_accuracy_barycenter_parameters_f64). Cost: sum_i n_i n exponentials for each iteration.
 * Since 0.1.
 */
ROT_API
int32_t rot_accuracy_barycenter_solve_f64(const rot_barycenter_problem_f64 *problem,
                                          double target,
                                          const rot_options_f64 *solve_options,
                                          double *f,
                                          double *g,
                                          double *barycenter,
                                          double *work,
                                          size_t work_len,
                                          rot_accuracy_f64 *accuracy,
                                          rot_barycenter_report_f64 *report);

/**
 * rot_accuracy_barycenter_solve_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_accuracy_barycenter_solve_f32(const rot_barycenter_problem_f32 *problem,
                                          float target,
                                          const rot_options_f32 *solve_options,
                                          float *f,
                                          float *g,
                                          float *barycenter,
                                          float *work,
                                          size_t work_len,
                                          rot_accuracy_f32 *accuracy,
                                          rot_barycenter_report_f32 *report);

/**
 * Elements of work for rot_barycenter_vjp_f64 and its twin, by the arguments of
 * rot_barycenter_work_len. The same number for f32 and f64; SIZE_MAX if it overflows. Equal to the
 * macro ROT_BARYCENTER_GRADIENT_WORK_LEN(k, rows, n, d), which sizes static arrays. Since 0.1.
 */
ROT_API size_t rot_barycenter_gradient_work_len(size_t k, size_t rows, size_t n, size_t d);

/**
 * Backward pass of a barycenter: gradients of a loss L(barycenter, objective) by everything that the
 * barycenter depends on, from the loss's derivatives `cotangent` = dL/d barycenter and `objective` =
 * dL/d objective, by the implicit function theorem (double precision). f and g are those of
 * rot_barycenter_solve_f64. With r_i = X_i 1, the common column marginal q, s_i = tau_i / (tau_i +
 * epsilon) or 1 for an exact rule, shares w_i of sum 1, and the mean Q_i = X_i^T / q over a column:
 *
 *   gamma         = (cotangent - <cotangent, q / |q|>) / |q|
 *   S lambda      = phi,   phi_i = w_i X_i gamma / epsilon
 *   (S lambda)_i  = w_i [ (r_i / s_i) lambda_i - X_i (Q_i lambda_i - sum_k w_k Q_k lambda_k) ]
 *   omega         = gamma / epsilon - sum_i w_i Q_i lambda_i,   nu_i = omega + Q_i lambda_i
 *
 *   dL/dC_i(l, j) = w_i X_i(l, j) (lambda_i(l) - nu_i(j)) + objective * w_i Y_i(l, j)
 *   dL/dp_i(l)    = w_i epsilon lambda_i(l) r_i(l) / p_i(l) + objective * dV/dp_i(l)
 *   dL/dw_i       = -<q omega, g_i> + objective * (the objective of measure i)
 *
 * and dL/dx_i, dL/dy_i by the chain rule through C_i. S is solved by conjugate gradients on a form
 * with eigenvalues in [0, 1]; the part of the objective V is an envelope and needs no system. Zero
 * weights, forbidden pairs and rows without mass give finite gradients.
 *
 * @param problem    the measures and epsilon, as they were solved; read only
 * @param f          sum n_i potentials of the measures; read only
 * @param g          k n potentials of the barycenter; read only
 * @param cotangent  n derivatives by the barycenter of unit mass (a constant on all of them has no
 *                   effect), loss per mass unit; NULL for zeros; read only
 * @param objective  derivative by the report's objective, loss per cost unit; 0 for none
 * @param options    NULL for the defaults; read only
 * @param gradient   initialised with ROT_BARYCENTER_GRADIENT_F64_INIT; each array in it that is not
 *                   NULL is overwritten: weights (sum n_i), shares (k), costs (sum n_i n), x
 *                   (sum n_i d_i), y (sum n d_i), one measure behind the other
 * @param work       work_len elements, contents arbitrary, before and after
 * @param work_len   at least ROT_BARYCENTER_GRADIENT_WORK_LEN(k, sum n_i, n, d), d the largest
 *                   dimension of points, 0 if all costs are matrices
 *
 * Returns ROT_OK, or a refusal, which gradient->error explains and which writes nothing else but
 * work. ROT_ERR_NOT_CONVERGED: the potentials' relative residual is above forward_tolerance (or the
 * data are NaN, which only rot_barycenter_check_f64 locates). ROT_ERR_TOLERANCE, ROT_ERR_COUNT: an
 * option. ROT_ERR_NOT_A_NUMBER and ROT_ERR_INFINITE name the first bad entry of f, g or the cotangent. A
 * limit of iterations is no refusal: gradient->residual tells how far they came.
 * Cost: two sweeps of sum n_i n exponentials for each iteration of conjugate gradients, and some
 * four more. The plans are never kept. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_vjp_f64(const rot_barycenter_problem_f64 *problem,
                               const double *f,
                               const double *g,
                               const double *cotangent,
                               double objective,
                               const rot_barycenter_gradient_options_f64 *options,
                               rot_barycenter_gradient_f64 *gradient,
                               double *work,
                               size_t work_len);

/**
 * rot_barycenter_vjp_f64 in single precision. Since 0.1.
 */
ROT_API
int32_t rot_barycenter_vjp_f32(const rot_barycenter_problem_f32 *problem,
                               const float *f,
                               const float *g,
                               const float *cotangent,
                               float objective,
                               const rot_barycenter_gradient_options_f32 *options,
                               rot_barycenter_gradient_f32 *gradient,
                               float *work,
                               size_t work_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROBUST_OT_H */
