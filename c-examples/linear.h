/* linear.h - least squares for a few unknowns, and medians. */
#ifndef LINEAR_H
#define LINEAR_H

#include <stddef.h>

/* The most unknowns. */
enum { LINEAR_MOST = 32 };

/* The normal equations of a table, factored. */
struct linear {
    size_t cols;
    double factor[LINEAR_MOST][LINEAR_MOST];
};

/* Factors x^T x for x of rows x cols, with 1 + ridge times its diagonal. */
void linear_factor(struct linear *linear, const double *x, size_t rows, size_t cols, double ridge);

/* Overwrites right, which has an element for each column, with the solution of x^T x w = right. */
void linear_solve(const struct linear *linear, double *right);

/* x w, row by row. */
void linear_apply(const double *x, size_t rows, size_t cols, const double *w, double *out);

/* x^T y. */
void linear_transposed(const double *x, size_t rows, size_t cols, const double *y, double *out);

/* The w that makes |x w - y| smallest. */
void linear_fit(const double *x, size_t rows, size_t cols, const double *y, double *w);

/* sum (found - y)^2 / sum (y - mean y)^2. */
double linear_relative_error(const double *found, const double *y, size_t count);

void sort_numbers(double *values, size_t count);

/* Sorts the values. */
double median(double *values, size_t count);

#endif
