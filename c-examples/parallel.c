/* parallel.c - a solve on the threads of OpenMP: the same bits with any number of them, sooner.
 *
 * The library starts no thread. It asks the host to run blocks of rows, through one function in the
 * options. */
#include <robust_ot.h>

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All blocks of 64 rows in one wave: the threads meet once in a sweep. */
enum { N = 2000, D = 3, TASKS = (N + 63) / 64 };

/* The hook. */
static void on_openmp(void *context, size_t tasks, rot_task task, void *argument)
{
    const int *threads = context;
#pragma omp parallel for schedule(dynamic, 1) num_threads(*threads)
    for (int k = 0; k < (int)tasks; k++) {
        task(argument, (size_t)k);
    }
}

/* A number in [0, 1). */
static double random_number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0;
}

typedef struct {
    double f[N], g[N], seconds;
    uint64_t iterations;
} outcome;

static double x[N * D], y[N * D], weights[N];

/* Solves on so many threads; 0 for a solve without the hook. */
static int solve(int threads, double *work, size_t work_len, outcome *out)
{
    rot_matrix_f64 x_view = ROT_MATRIX(x, N, D), y_view = ROT_MATRIX(y, N, D);
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    rot_options_f64 options = ROT_OPTIONS_F64_INIT;
    rot_report_f64 report = ROT_REPORT_F64_INIT;
    problem.cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
    problem.x = x_view;
    problem.y = y_view;
    problem.a = problem.b = weights;
    problem.a_len = problem.b_len = N;
    problem.epsilon = 0.05;
    options.tolerance = 1e-6;
    options.sweep = ROT_SWEEP_LOG;
    if (threads > 0) {
        options.parallel_for = on_openmp;
        options.parallel_context = &threads;
        options.tasks = TASKS;
    }
    double start = omp_get_wtime();
    int32_t status =
        rot_sinkhorn_solve_f64(&problem, &options, out->f, out->g, work, work_len, &report);
    out->seconds = omp_get_wtime() - start;
    out->iterations = report.iterations;
    if (status != ROT_OK) {
        fprintf(stderr, "%s\n", rot_status_str(status));
    }
    return status == ROT_OK;
}

int main(void)
{
    static outcome alone, together;
    int most = omp_get_num_procs();
    uint32_t state = 1;
    for (size_t k = 0; k < N * D; k++) {
        x[k] = random_number(&state);
        y[k] = 0.2 + random_number(&state);
    }
    for (size_t k = 0; k < N; k++) {
        weights[k] = 1.0 / N;
    }
    size_t work_len = rot_sinkhorn_parallel_work_len(N, N, D, TASKS);
    double *work = malloc(work_len * sizeof *work);
    if (!work || !solve(0, work, work_len, &alone)) {
        return 2;
    }
    printf("threads   seconds   speed-up   bits\n");
    printf("no hook   %7.3f   %8.2f   (%llu iterations)\n", alone.seconds, 1.0,
           (unsigned long long)alone.iterations);
    int equal = 1;
    for (int threads = 1; threads <= most; threads *= 2) {
        if (!solve(threads, work, work_len, &together)) {
            return 2;
        }
        int same = memcmp(alone.f, together.f, sizeof alone.f) == 0 &&
                   memcmp(alone.g, together.g, sizeof alone.g) == 0 &&
                   alone.iterations == together.iterations;
        equal &= same;
        printf("%7d   %7.3f   %8.2f   %s\n", threads, together.seconds,
               alone.seconds / together.seconds, same ? "the same" : "DIFFERENT");
    }
    free(work);
    return equal ? 0 : 1;
}
