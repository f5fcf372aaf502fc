/* quickstart.c - solves a 3 x 4 problem and prints its plan. All memory is static. */
#include <robust_ot.h>

#include <stdio.h>

enum { N = 3, M = 4 };

static const double cost[N * M] = {0.0, 1.0, 4.0, 9.0, 1.0, 0.0, 1.0, 4.0, 4.0, 1.0, 0.0, 1.0};
static const double a[N] = {0.5, 0.3, 0.2}, b[M] = {0.1, 0.2, 0.3, 0.4};
static double f[N], g[M], plan[N * M];
static double work[ROT_SINKHORN_WORK_LEN(N, M, 0)], plan_work[ROT_PLAN_WORK_LEN(N, M, 0)];

int main(void)
{
    rot_matrix_f64 cost_view = ROT_MATRIX(cost, N, M);
    rot_matrix_mut_f64 plan_view = ROT_MATRIX(plan, N, M);
    rot_report_f64 report = ROT_REPORT_F64_INIT;
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    problem.cost = cost_view;
    problem.a = a;
    problem.a_len = N;
    problem.b = b;
    problem.b_len = M;
    problem.epsilon = 0.5;

    int32_t status = rot_sinkhorn_solve_f64(&problem, NULL, f, g, work,
                                            sizeof work / sizeof *work, &report);
    if (status < 0 || rot_plan_dense_f64(&problem, f, g, report.log_mass, &plan_view, plan_work,
                                         sizeof plan_work / sizeof *plan_work, NULL) != ROT_OK) {
        fprintf(stderr, "refused: %s\n", rot_status_str(status));
        return 2;
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < M; j++) {
            printf("%10.6f", plan[i * M + j]);
        }
        printf("   sum should be %.1f\n", a[i]);
    }
    printf("%s after %d iterations, residual %.1e\n", rot_status_str(status),
           (int)report.iterations, report.residual);
    printf("transport cost %.6f, objective %.6f, mass %.6f\n", report.transport_cost,
           report.objective, report.mass);
    return status == ROT_OK ? 0 : 1;
}
