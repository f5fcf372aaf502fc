/* linear.c - see linear.h. */
#include "linear.h"

#include <math.h>
#include <stdlib.h>

/* A grain of it keeps dependent columns harmless. */
static const double RIDGE = 1e-12;

void linear_factor(struct linear *linear, const double *x, size_t rows, size_t cols, double ridge)
{
    linear->cols = cols;
    for (size_t i = 0; i < cols; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < rows; k++) {
                sum += x[k * cols + i] * x[k * cols + j];
            }
            linear->factor[i][j] = i == j ? sum * (1.0 + RIDGE + ridge) + 1e-300 : sum;
        }
    }
    /* Cholesky, in place. */
    for (size_t i = 0; i < cols; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = linear->factor[i][j];
            double whole = sum;
            for (size_t k = 0; k < j; k++) {
                sum -= linear->factor[i][k] * linear->factor[j][k];
            }
            linear->factor[i][j] =
                i == j ? sqrt(fmax(sum, RIDGE * whole)) : sum / linear->factor[j][j];
        }
    }
}

void linear_solve(const struct linear *linear, double *right)
{
    for (size_t i = 0; i < linear->cols; i++) {
        for (size_t k = 0; k < i; k++) {
            right[i] -= linear->factor[i][k] * right[k];
        }
        right[i] /= linear->factor[i][i];
    }
    for (size_t i = linear->cols; i-- > 0;) {
        for (size_t k = i + 1; k < linear->cols; k++) {
            right[i] -= linear->factor[k][i] * right[k];
        }
        right[i] /= linear->factor[i][i];
    }
}

void linear_apply(const double *x, size_t rows, size_t cols, const double *w, double *out)
{
    for (size_t i = 0; i < rows; i++) {
        out[i] = 0.0;
        for (size_t k = 0; k < cols; k++) {
            out[i] += x[i * cols + k] * w[k];
        }
    }
}

void linear_transposed(const double *x, size_t rows, size_t cols, const double *y, double *out)
{
    for (size_t k = 0; k < cols; k++) {
        out[k] = 0.0;
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < cols; k++) {
            out[k] += x[i * cols + k] * y[i];
        }
    }
}

void linear_fit(const double *x, size_t rows, size_t cols, const double *y, double *w)
{
    struct linear linear;
    linear_factor(&linear, x, rows, cols, 0.0);
    linear_transposed(x, rows, cols, y, w);
    linear_solve(&linear, w);
}

double linear_relative_error(const double *found, const double *y, size_t count)
{
    double mean = 0.0, error = 0.0, spread = 0.0;
    for (size_t k = 0; k < count; k++) {
        mean += y[k] / (double)count;
    }
    for (size_t k = 0; k < count; k++) {
        error += (found[k] - y[k]) * (found[k] - y[k]);
        spread += (y[k] - mean) * (y[k] - mean);
    }
    return error / spread;
}

static int compare(const void *one, const void *other)
{
    double x = *(const double *)one, y = *(const double *)other;
    return (x > y) - (x < y);
}

void sort_numbers(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
}

double median(double *values, size_t count)
{
    sort_numbers(values, count);
    return 0.5 * (values[(count - 1) / 2] + values[count / 2]);
}
