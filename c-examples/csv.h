/* csv.h - tables of numbers in CSV files. */
#ifndef CSV_H
#define CSV_H

#include <stddef.h>

struct table {
    /* Where it came from; NULL if from no file. */
    const char *path;
    size_t rows, cols;
    /* Row by row. */
    double *values;
    /* The line of the file that each row stands in, from 1; NULL if from no file. */
    size_t *lines;
};

/* Reads a file: one row a line, values separated by commas; empty lines and lines that begin with #
 * are skipped. "inf" is a value, "nan" is not. Returns 0, or prints FILE:LINE:COLUMN and what is
 * wrong there and returns -1. Columns are counted in values, from 1. */
int table_read(struct table *table, const char *path);

/* One row of n equal values that sum to 1. Returns 0, or -1 when out of memory. */
int table_uniform(struct table *table, size_t n);

/* Harmless on a table of zeros. */
void table_free(struct table *table);

#endif
