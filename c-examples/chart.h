/* chart.h - draws how figures spread: a line of dots for each method, on a logarithmic axis. */
#ifndef CHART_H
#define CHART_H

#include <stddef.h>

struct chart_line {
    /* Short, of capitals, digits and some signs; other characters are left blank. */
    const char *label;
    /* Positive. A mark stands at their median. */
    const double *values;
    size_t count;
    /* 0 or 1. */
    int colour;
};

/* Writes a PNG file. Returns NULL, or what went wrong in a few words. */
const char *chart_write(const char *path, const char *title, const struct chart_line *lines,
                        size_t count);

#endif
