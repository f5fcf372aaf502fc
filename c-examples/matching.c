/* matching.c - see matching.h. */
#include "matching.h"

#include <stdlib.h>

/* A gradient is only as good as the solve before it: residuals of the solve, and of the potentials
 * as the gradient sees them. */
static const double TOLERANCE = 1e-7, FORWARD_TOLERANCE = 1e-5;

int matching_new(struct matching *matching, size_t count, double epsilon, double dropped,
                 int envelope)
{
    static const struct matching empty;
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    rot_matching_options options = ROT_MATCHING_OPTIONS_INIT;
    rot_rule_f64 ball = ROT_L2_BALL_DROPPING(dropped, (double)count, epsilon);
    *matching = empty;
    matching->count = count;
    matching->work_len = rot_matching_work_len(count, count, 1, ROT_METHOD_ITERATIVE);
    matching->memory = calloc(5 * count + matching->work_len, sizeof(double));
    if (matching->memory == NULL) {
        return -1;
    }
    matching->by_prediction = matching->memory;
    matching->by_target = matching->by_prediction + count;
    matching->weights = matching->by_target + count;
    matching->f = matching->weights + count;
    matching->g = matching->f + count;
    matching->work = matching->g + count;
    for (size_t k = 0; k < count; k++) {
        matching->weights[k] = 1.0 / (double)count;
    }
    problem.cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
    problem.a = problem.b = matching->weights;
    problem.a_len = problem.b_len = count;
    problem.epsilon = epsilon;
    if (dropped > 0.0) {
        problem.cols = ball;
    }
    options.unit = ROT_UNIT_LARGEST;
    options.gradient = envelope ? ROT_GRADIENT_ENVELOPE : ROT_GRADIENT_FULL;
    matching->problem = problem;
    matching->options = options;
    return 0;
}

void matching_restart(struct matching *matching)
{
    matching->warm = 0;
}

int32_t matching_step(struct matching *matching, const double *predictions, const double *targets)
{
    size_t count = matching->count;
    rot_matrix_f64 x = ROT_MATRIX(predictions, count, 1), y = ROT_MATRIX(targets, count, 1);
    rot_matrix_mut_f64 by_x = ROT_MATRIX(matching->by_prediction, count, 1);
    rot_matrix_mut_f64 by_y = ROT_MATRIX(matching->by_target, count, 1);
    rot_options_f64 solve = ROT_OPTIONS_F64_INIT;
    rot_gradient_options_f64 implicit = ROT_GRADIENT_OPTIONS_F64_INIT;
    rot_report_f64 report = ROT_REPORT_F64_INIT;
    rot_gradient_f64 gradient = ROT_GRADIENT_F64_INIT;
    matching->problem.x = x;
    matching->problem.y = y;
    gradient.x = by_x;
    gradient.y = by_y;
    solve.tolerance = TOLERANCE;
    solve.flags = matching->warm ? ROT_WARM_START : 0;
    implicit.method = ROT_METHOD_ITERATIVE;
    implicit.forward_tolerance = FORWARD_TOLERANCE;
    int32_t status = rot_matching_step_f64(&matching->problem, &matching->options, &solve,
                                           &implicit, matching->f, matching->g, &report, &gradient,
                                           matching->work, matching->work_len);
    if (status < 0) {
        return status;
    }
    matching->warm = 1;
    matching->loss = report.transport_cost;
    matching->sweeps += report.iterations;
    matching->solves++;
    status = status != ROT_OK ? status : gradient.error.status;
    matching->failures += status != ROT_OK;
    return status;
}

void matching_free(struct matching *matching)
{
    static const struct matching empty;
    free(matching->memory);
    *matching = empty;
}
