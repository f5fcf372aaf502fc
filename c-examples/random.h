/* random.h - random numbers that are the same on every machine. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Any seed will do; equal seeds give equal numbers. */
struct random {
    uint64_t state;
};

/* From [0, 1). */
double random_uniform(struct random *random);

/* Of mean 0 and variance 1. */
double random_normal(struct random *random);

/* From 0 to count - 1. */
size_t random_below(struct random *random, size_t count);

/* `chosen` different numbers below `count`, in random order, as the first of order[count]. */
void random_choose(struct random *random, size_t *order, size_t count, size_t chosen);

/* Shuffles a share of `count` rows: row k gets what row from[k] had. Both arrays have `count`
 * elements; `order` is scratch. */
void random_shuffle_share(struct random *random, size_t *from, size_t *order, size_t count,
                          double share);

#endif
