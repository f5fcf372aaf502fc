/* options.h - the command line of solve. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct side_rule {
    /* As given, for messages. */
    const char *text;
    /* ROT_RULE_... */
    uint32_t kind;
    /* tau; radius and entropy; lower and upper. */
    double param[2];
};

struct options {
    /* Files to read; NULL if not given. Either the cost or both clouds of points. */
    const char *cost, *x, *y, *a, *b;
    /* The derivative of a loss by the plan; NULL if not given. */
    const char *cotangent;
    /* Files to write; NULL if not given. */
    const char *plan, *potentials, *report, *gradient_cost, *gradient_a, *gradient_b;
    int euclidean, unit_mass, product_reference, single_precision, anneal, rounded, help;
    struct side_rule rows, cols;
    /* As given, for messages; NULL if not given. */
    const char *epsilon_text, *accuracy_text, *stop_text, *max_iterations_text, *newton_text,
        *sweep_text;
    double epsilon;
    /* The error on the objective without entropy that is asked for, in the place of epsilon. */
    double accuracy;
    /* Stop by the certified distance, otherwise by the residual. */
    int certified;
    double tolerance;
    uint64_t max_iterations;
    /* ROT_METHOD_... of a solve with --anneal or --accuracy. */
    uint32_t newton;
    /* ROT_SWEEP_... */
    uint32_t sweep;
    /* Most columns of a low-rank kernel; 0 for the exact cost. As many as the bound needs under
     * "auto". */
    const char *rank_text;
    size_t rank;
    int rank_by_bound;
};

/* Reads the command line. Returns 0, or prints what is wrong with it and returns -1. */
int options_parse(struct options *options, int argc, char **argv);

void options_print_usage(void);

#endif
