/*
 * host.c - the cases on a PC: host [portable|avx2|avx512|fastest] [ulp]
 *
 * "ulp" moves one number of each case to the next one; status 77 if the processor lacks the level.
 */
#include "cases.h"

#include <robust_ot.h>

#include <stdio.h>
#include <string.h>

void put(const char *text)
{
    fputs(text, stdout);
}

/* The stack is measured by the firmware. */
void stack_paint(void) {}

uint32_t stack_used(void)
{
    return 0;
}

/* Whether this library on this processor takes the level: a check of a problem of one entry. */
static int has_level(uint32_t level)
{
    static const double one[] = {1};
    static double f[1], g[1], work[ROT_SINKHORN_WORK_LEN(1, 1, 0)];
    const rot_matrix_f64 cost = ROT_MATRIX(one, 1, 1);
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    rot_options_f64 options = ROT_OPTIONS_F64_INIT;

    problem.cost = cost;
    problem.a = problem.b = one;
    problem.a_len = problem.b_len = 1;
    problem.epsilon = 1;
    options.level = level;
    return rot_sinkhorn_check_f64(&problem, &options, f, g, work, sizeof work / sizeof *work,
                                  NULL) == ROT_OK;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t level;
    } levels[] = {{"portable", ROT_LEVEL_PORTABLE},
                  {"avx2", ROT_LEVEL_AVX2},
                  {"avx512", ROT_LEVEL_AVX512},
                  {"fastest", ROT_LEVEL_FASTEST}};
    uint32_t level = ROT_LEVEL_FASTEST;
    int one_ulp = 0, k;

    for (k = 1; k < argc; ++k) {
        size_t l = 0;

        if (strcmp(argv[k], "ulp") == 0) {
            one_ulp = 1;
            continue;
        }
        while (l < sizeof levels / sizeof *levels && strcmp(argv[k], levels[l].name) != 0)
            ++l;
        if (l == sizeof levels / sizeof *levels) {
            fprintf(stderr, "usage: host [portable|avx2|avx512|fastest] [ulp]\n");
            return 2;
        }
        level = levels[l].level;
        if (!has_level(level)) {
            fprintf(stderr, "NOT RUN: level %s: not on this processor\n", levels[l].name);
            return 77;
        }
    }
    return run_cases(level, one_ulp) != 0;
}
