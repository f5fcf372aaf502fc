/* engine.c - engine.inc in both precisions. */
#include "engine.h"

#include <stdlib.h>

/* a, b, the cost, both clouds of points, the cotangent. */
enum { TABLES = 6 };

/* Entries of a kernel for which memory is taken unasked. */
enum { MOST_KEPT = 4000000 };

/* The values of a table as the precision at hand wants them. What has to be freed is in `copy`. */
static const double *values_f64(const struct table *table, double **copy)
{
    *copy = NULL;
    return table->values;
}

static const float *values_f32(const struct table *table, float **copy)
{
    size_t count = table->rows * table->cols;
    *copy = malloc(count * sizeof(float));
    for (size_t k = 0; *copy != NULL && k < count; k++) {
        (*copy)[k] = (float)table->values[k];
    }
    return *copy;
}

#define REAL double
#define DIGITS 17
#define TYPED(name) name##_f64
#define INIT(name) ROT_##name##_F64_INIT
#include "engine.inc"
#undef REAL
#undef DIGITS
#undef TYPED
#undef INIT

#define REAL float
#define DIGITS 9
#define TYPED(name) name##_f32
#define INIT(name) ROT_##name##_F32_INIT
#include "engine.inc"
