/* engine.h - the solve in one precision or the other, seen alike from outside. */
#ifndef ENGINE_H
#define ENGINE_H

#include "csv.h"
#include "options.h"

#include <robust_ot.h>

struct request {
    const struct options *options;
    /* The cost, or both clouds; the others are NULL. */
    const struct table *cost, *x, *y;
    const struct table *a, *b;
    /* The derivative of a loss by the plan; NULL if there is none. */
    const struct table *cotangent;
    /* Called at every check; a non-zero answer stops the solve. */
    int (*watch)(void *user, uint64_t iterations, double residual, double certified_distance);
    void *user;
};

/* The values of a report, by name. */
#define REPORT_VALUES(X) \
    X(epsilon) \
    X(residual) \
    X(residual_rows) \
    X(residual_cols) \
    X(rounding_floor) \
    X(transport_cost) \
    X(entropy) \
    X(row_penalty) \
    X(col_penalty) \
    X(objective) \
    X(unregularised_objective) \
    X(dual_value) \
    X(gap) \
    X(lower_bound) \
    X(certified_distance) \
    X(mass) \
    X(log_mass) \
    X(mass_factor) \
    X(row_multiplier) \
    X(col_multiplier)

/* What came out, in doubles, which hold every float exactly. */
struct solution {
    rot_report_f64 report;
    size_t rows, cols;
    /* Potentials. */
    double *f, *g;
    /* Gradients by cost and weights, and why there are none; NULL if there is no cotangent. */
    double *cost_gradient, *a_gradient, *b_gradient;
    rot_error gradient_error;
    /* The largest epsilon that is sure to reach the target of a certificate; 0 if unknown. */
    double certifiable_epsilon;
    /* What --accuracy asked for; all zero without it. */
    rot_accuracy_f64 accuracy;
    /* Whether the plan is a rounded one, what is true of that, and why there is none. */
    int is_rounded;
    rot_rounded_f64 rounded;
    rot_error rounding_error;
    /* What the engine needs for the rows of the plan. */
    void *own;
};

struct engine {
    /* Significant digits that identify a number. */
    int digits;
    /* Solves; how it ended is in the report's error, refusals included. Returns 0, or -1 when out of
     * memory. The solution is to be released in either case. */
    int (*solve)(const struct request *request, struct solution *solution);
    /* Writes row i of the plan, of the rounded one if that was asked for. */
    void (*plan_row)(const struct solution *solution, size_t i, double *row);
    void (*release)(struct solution *solution);
};

extern const struct engine engine_f64, engine_f32;

#endif
