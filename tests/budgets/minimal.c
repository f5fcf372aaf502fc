/*
 * minimal.c - the smallest firmware: it does nothing, or makes one call. The difference in size is
 * what that call costs.
 */
#include <robust_ot.h>

#include <stddef.h>

void leave(int status);

void leave(int status)
{
    (void)status;
    for (;;)
        ;
}

/* EVERYTHING: main is elsewhere and refers to all functions. */
#if defined SOLVE_F32
rot_problem_f32 problem;
rot_report_f32 report;
float f[1], g[1], work[ROT_SINKHORN_WORK_LEN(1, 1, 0)];

int main(void)
{
    return rot_sinkhorn_solve_f32(&problem, NULL, f, g, work, sizeof work / sizeof *work, &report);
}
#elif defined SOLVE_F64
rot_problem_f64 problem;
rot_report_f64 report;
double f[1], g[1], work[ROT_SINKHORN_WORK_LEN(1, 1, 0)];

int main(void)
{
    return rot_sinkhorn_solve_f64(&problem, NULL, f, g, work, sizeof work / sizeof *work, &report);
}
#elif defined BARYCENTER_F32
rot_barycenter_problem_f32 problem;
rot_barycenter_report_f32 report;
float f[1], g[1], barycenter[1], work[ROT_BARYCENTER_WORK_LEN(1, 1, 1, 0)];

int main(void)
{
    return rot_barycenter_solve_f32(&problem, NULL, NULL, f, g, barycenter, work,
                                    sizeof work / sizeof *work, &report);
}
#elif !defined EVERYTHING
int main(void)
{
    return 0;
}
#endif
