/* progress.h - a progress bar on a terminal; silent when stderr is anything else. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>
#include <time.h>

/* Set up with progress_begin. */
struct progress {
    /* What is being solved, at the left of the bar. */
    const char *label;
    /* The residual, or the certified distance, at which the solve ends. */
    double goal;
    /* Whether the goal is about the certified distance. */
    int certified;
    /* Private. */
    int terminal, shown;
    double first, filled;
    clock_t next;
};

void progress_begin(struct progress *progress, const char *label, double goal, int certified);

/* Called at every check of a solve. The bar fills on a logarithmic scale from the first value seen
 * to the goal, and never runs back. */
void progress_show(struct progress *progress, uint64_t iterations, double residual,
                   double certified_distance);

/* Called now and then by work of which a share, from 0 to 1, is `done`; `what` is under way. */
void progress_show_share(struct progress *progress, double done, const char *what);

/* Removes the bar. */
void progress_end(struct progress *progress);

#endif
