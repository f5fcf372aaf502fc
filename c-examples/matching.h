/* matching.h - the loss of predictions and targets whose pairing is lost, for training by steps. */
#ifndef MATCHING_H
#define MATCHING_H

#include <robust_ot.h>

#include <stddef.h>
#include <stdint.h>

/* Both sides are numbers; what it costs to pair two of them is the square of their difference. */
struct matching {
    size_t count;
    /* As of the latest step: dLoss / d of each prediction and of each target, and the loss. */
    double *by_prediction, *by_target, loss;
    /* Since matching_new: solves, those of them that gave no gradient, sweeps over all pairs. */
    size_t solves, failures;
    uint64_t sweeps;
    /* Private. */
    rot_problem_f64 problem;
    rot_matching_options options;
    double *memory, *weights, *f, *g, *work;
    size_t work_len;
    int warm;
};

/* `epsilon` is in units of the largest cost. `dropped` is the share of the targets that may be left
 * without a partner: 0 for balanced transport. `envelope` asks for the gradient at a fixed plan.
 * Returns 0, or -1 when out of memory. */
int matching_new(struct matching *matching, size_t count, double epsilon, double dropped,
                 int envelope);

/* Forgets the potentials of the step before, from which the next one would start. */
void matching_restart(struct matching *matching);

/* Solves, and writes the loss and its gradient. Returns ROT_OK, or why there is no gradient. */
int32_t matching_step(struct matching *matching, const double *predictions, const double *targets);

/* Harmless on a matching of zeros. */
void matching_free(struct matching *matching);

#endif
