/* random.c - see random.h. The generator is SplitMix64. */
#include "random.h"

#include <math.h>

static uint64_t next(struct random *random)
{
    uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

double random_uniform(struct random *random)
{
    return (double)(next(random) >> 11) * 0x1p-53;
}

double random_normal(struct random *random)
{
    /* Marsaglia's polar method. The second number of a pair is not kept, so that the state is all
     * there is to it. */
    double u, v, square;
    do {
        u = 2.0 * random_uniform(random) - 1.0;
        v = 2.0 * random_uniform(random) - 1.0;
        square = u * u + v * v;
    } while (square >= 1.0 || square == 0.0);
    return u * sqrt(-2.0 * log(square) / square);
}

size_t random_below(struct random *random, size_t count)
{
    return (size_t)(random_uniform(random) * (double)count);
}

void random_choose(struct random *random, size_t *order, size_t count, size_t chosen)
{
    for (size_t k = 0; k < count; k++) {
        order[k] = k;
    }
    for (size_t k = 0; k < chosen; k++) {
        size_t other = k + random_below(random, count - k), kept = order[k];
        order[k] = order[other];
        order[other] = kept;
    }
}

void random_shuffle_share(struct random *random, size_t *from, size_t *order, size_t count,
                          double share)
{
    size_t moved = (size_t)(share * (double)count + 0.5);
    random_choose(random, order, count, moved);
    for (size_t k = 0; k < count; k++) {
        from[k] = k;
    }
    for (size_t k = 0; k < moved; k++) {
        size_t other = k + random_below(random, moved - k), kept = from[order[k]];
        from[order[k]] = from[order[other]];
        from[order[other]] = kept;
    }
}
