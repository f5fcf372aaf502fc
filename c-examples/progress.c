/* progress.c - see progress.h. */
#define _POSIX_C_SOURCE 200112L
#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define WIDTH 30
/* The terminal costs more than a sweep over a small problem, and a bar that is gone at once is only
 * a flicker: ten pictures a second, the first of them after a tenth. */
#define INTERVAL (CLOCKS_PER_SEC / 10)

void progress_begin(struct progress *progress, const char *label, double goal, int certified)
{
    progress->label = label;
    progress->goal = goal;
    progress->certified = certified;
    progress->terminal = isatty(STDERR_FILENO);
    progress->shown = 0;
    progress->first = 0.0;
    progress->filled = 0.0;
    progress->next = clock() + INTERVAL;
}

/* How much of the way from the first value to the goal lies behind, in orders of magnitude. */
static double share(struct progress *progress, double value)
{
    if (!isfinite(value) || value <= 0.0) {
        return progress->filled;
    }
    if (progress->first == 0.0) {
        progress->first = value;
    }
    if (value <= progress->goal) {
        return 1.0;
    }
    if (progress->first <= progress->goal) {
        return progress->filled;
    }
    return log(progress->first / value) / log(progress->first / progress->goal);
}

/* Draws the bar without what stands behind it, unless it was drawn just now or nobody watches. */
static int draw(struct progress *progress)
{
    char bar[WIDTH + 1];
    if (!progress->terminal || clock() < progress->next) {
        return 0;
    }
    progress->next = clock() + INTERVAL;
    for (int k = 0; k < WIDTH; k++) {
        bar[k] = k < (int)(progress->filled * WIDTH) ? '#' : '.';
    }
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %3d %%  ", progress->label, bar,
            (int)(100.0 * progress->filled));
    progress->shown = 1;
    return 1;
}

void progress_show(struct progress *progress, uint64_t iterations, double residual,
                   double certified_distance)
{
    double value = progress->certified ? certified_distance : residual;
    progress->filled = fmax(progress->filled, share(progress, value));
    if (!draw(progress)) {
        return;
    }
    fprintf(stderr, "iteration %" PRIu64 ", residual %.1e", iterations, residual);
    if (isfinite(certified_distance)) {
        fprintf(stderr, ", certified %.2e", certified_distance);
    }
    fflush(stderr);
}

void progress_show_share(struct progress *progress, double done, const char *what)
{
    progress->filled = done;
    if (draw(progress)) {
        fputs(what, stderr);
        fflush(stderr);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        progress->shown = 0;
    }
}
