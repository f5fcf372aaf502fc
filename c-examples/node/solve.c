/*
 * solve.c - the part of the Node example that knows the library's structs: a balanced problem, solved,
 * and its plan. All memory is the caller's.
 */
#include <robust_ot.h>

#include <stddef.h>
#include <stdint.h>

size_t work_len(size_t n, size_t m);
int32_t solve(size_t n, size_t m, const double *cost, const double *a, const double *b, double epsilon,
              double *f, double *g, double *work, double *plan, double *iterations);

/* Elements of work. */
__attribute__((export_name("work_len"))) size_t work_len(size_t n, size_t m)
{
    const size_t solving = rot_sinkhorn_work_len(n, m, 0), reading = rot_plan_work_len(n, m, 0);

    return solving > reading ? solving : reading;
}

/* cost and plan: n x m, row by row; the potentials f and g have n and m elements. */
__attribute__((export_name("solve"))) int32_t
solve(size_t n, size_t m, const double *cost, const double *a, const double *b, double epsilon,
      double *f, double *g, double *work, double *plan, double *iterations)
{
    const rot_matrix_f64 cost_view = ROT_MATRIX(cost, n, m);
    const rot_matrix_mut_f64 plan_view = ROT_MATRIX(plan, n, m);
    rot_report_f64 report = ROT_REPORT_F64_INIT;
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    int32_t status, read;

    problem.cost = cost_view;
    problem.a = a;
    problem.a_len = n;
    problem.b = b;
    problem.b_len = m;
    problem.epsilon = epsilon;
    status = rot_sinkhorn_solve_f64(&problem, NULL, f, g, work, work_len(n, m), &report);
    if (status < 0)
        return status;
    *iterations = (double)report.iterations;
    read = rot_plan_dense_f64(&problem, f, g, report.log_mass, &plan_view, work, work_len(n, m), NULL);
    return read == ROT_OK ? status : read;
}
