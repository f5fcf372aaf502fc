/*
 * cases.c - the problems: rules on all geometries, some with more rows than a block of the library
 * has, a shuffled regression fitted in a few training steps, and barycenters. The data are small
 * binary fractions, exact in either precision.
 */
#include "cases.h"

#include <robust_ot.h>

#include <stddef.h>
#include <stdint.h>

/* All that is used of the C library; no header of it is needed. */
void *memcpy(void *to, const void *from, size_t n);

#define MOST_ROWS 67
#define MOST_COLS 48
#define DIMENSION 2
#define KEPT_ROWS 17
#define KEPT_COLS 11

struct shape {
    const char *name;
    size_t rows, cols;
    /* A zero weight, a forbidden pair, a transposed cost. */
    int irregular;
    /* Solved for as long as rounding allows. */
    int to_the_floor;
    /* Solved again in slices of so many sweeps, unless 0. */
    unsigned slice;
    /* ROT_SWEEP_SCALING: over a kernel kept in memory. */
    uint32_t sweep;
};

struct geometry {
    const char *name;
    uint32_t kind;
};

/* tau of 0: the exact rule. */
struct rules {
    const char *name;
    double tau_rows, tau_cols;
    uint32_t flags, reference;
};

/* Bytes of stack below the call. */
struct stack {
    uint32_t solve, init, step, finish, marginals, map;
};


static const struct shape shapes[] = {
    {"3x3", 3, 3, 0, 1, 1, ROT_SWEEP_LOG},
    {"17x11", 17, 11, 1, 0, 7, ROT_SWEEP_LOG},
#if !defined CASES_SMALL && !defined CASES_SHORT
    {"64x48", 64, 48, 0, 0, 0, ROT_SWEEP_LOG},
#endif
#if !defined CASES_SMALL
    {"67x5", 67, 5, 0, 0, 0, ROT_SWEEP_LOG},
#endif
#if !defined CASES_SMALL && !defined CASES_TRIMMED
    {"kept", KEPT_ROWS, KEPT_COLS, 1, 0, 7, ROT_SWEEP_SCALING},
#endif
};

/* A library that was trimmed to exact rules, dense costs and single precision has fewer cases. */
static const struct geometry geometries[] = {
    {"dense", ROT_COST_DENSE},
#if !defined CASES_TRIMMED
    {"squared", ROT_COST_SQUARED_EUCLIDEAN},
    {"euclidean", ROT_COST_EUCLIDEAN},
#endif
};

static const struct rules all_rules[] = {
    {"balanced", 0, 0, 0, ROT_REFERENCE_COUNTING},
#if !defined CASES_TRIMMED
    {"semi-relaxed", 0.5, 0, 0, ROT_REFERENCE_COUNTING},
    {"unbalanced", 1, 0.75, 0, ROT_REFERENCE_PRODUCT},
    {"robust", 0.5, 0.25, ROT_UNIT_MASS, ROT_REFERENCE_COUNTING},
#endif
};

#if !defined CASES_SMALL
/* tau of each measure of a barycenter. */
struct taste {
    const char *name;
    double tau[3];
};

static const struct taste all_tastes[] = {
    {"exact", {0, 0, 0}},
    {"robust", {0.25, 0.25, 0.25}},
    {"mixed", {0.125, 0, 0.5}},
};
#endif

static uint32_t random_state;

/* The next number of the given width in bits (xorshift32). */
static uint32_t next_random(unsigned bits)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state >> (32 - bits);
}

/* FNV-1a over the bytes of a number, the low one first. */
#define HASH_START 0xcbf29ce484222325u

static uint64_t hash_bytes(uint64_t hash, uint64_t value, unsigned bytes)
{
    for (; bytes > 0; --bytes, value >>= 8)
        hash = (hash ^ (value & 0xff)) * 0x100000001b3u;
    return hash;
}

static double infinity(void)
{
    volatile double big = 1e300;
    return big * big;
}

/* Over the hashes of all cases so far. */
static uint64_t hash_of_hashes;

/* Ends a line. */
static void put_hash(const char *label, uint64_t hash)
{
    char text[17];
    int k;

    hash_of_hashes = hash_bytes(hash_of_hashes, hash, 8);
    for (k = 15; k >= 0; --k, hash >>= 4)
        text[k] = "0123456789abcdef"[hash & 15];
    text[16] = 0;
    put(label);
    put(text);
    put("\n");
}

/* Integers as they are, other numbers with six digits and an exponent. */
static void put_number(const char *label, double value)
{
    char text[16], *end = text + sizeof text - 1, *at = end;
    int exponent = 0, k;
    uint32_t digits;

    put(label);
    if (value < 0) {
        put("-");
        value = -value;
    }
    if (!(value < 1e300)) {
        put(value >= 1e300 ? "inf" : "nan");
        return;
    }
    *at = 0;
    if (value < 1e9 && value - (double)(uint32_t)value <= 0) {
        for (digits = (uint32_t)value; digits > 0 || at == end; digits /= 10)
            *--at = (char)('0' + digits % 10);
        put(at);
        return;
    }
    for (; value < 1; --exponent)
        value *= 10;
    for (; value >= 10; ++exponent)
        value /= 10;
    digits = (uint32_t)(value * 1e5 + 0.5);
    if (digits == 1000000) {
        digits = 100000;
        ++exponent;
    }
    for (k = 0; k < 6; ++k, digits /= 10) {
        if (k == 5)
            *--at = '.';
        *--at = (char)('0' + digits % 10);
    }
    put(at);
    put_number("e", exponent);
}

static void put_name(const char *label, const char *precision, const struct shape *shape,
                     const struct geometry *geometry, const struct rules *rules)
{
    put(label);
    put(precision);
    put("/");
    put(rules->name);
    put("/");
    put(geometry->name);
    put("/");
    put(shape->name);
}

static void put_stack(const char *precision, const struct shape *shape,
                      const struct geometry *geometry, const struct rules *rules,
                      const struct stack *stack)
{
    if (stack->solve == 0)
        return;
    put_name("stack ", precision, shape, geometry, rules);
    put_number(" solve ", stack->solve);
    put_number(" init ", stack->init);
    put_number(" step ", stack->step);
    put_number(" finish ", stack->finish);
    put_number(" marginals ", stack->marginals);
    put_number(" map ", stack->map);
    put("\n");
}

/* Makes a call and keeps the largest stack that it took. */
#define MEASURE(most, call)              \
    do {                                 \
        uint32_t used_;                  \
        stack_paint();                   \
        call;                            \
        used_ = stack_used();            \
        if (used_ > (most))              \
            (most) = used_;              \
    } while (0)

#define REAL float
#define BITS uint32_t
#define T(name) name##_f32
#define INIT(NAME) ROT_##NAME##_F32_INIT
#define PRECISION "f32"
#include "cases_body.h"
#undef REAL
#undef BITS
#undef T
#undef INIT
#undef PRECISION

#if !defined CASES_TRIMMED
#define REAL double
#define BITS uint64_t
#define T(name) name##_f64
#define INIT(NAME) ROT_##NAME##_F64_INIT
#define PRECISION "f64"
#include "cases_body.h"
#endif

unsigned run_cases(uint32_t level, int one_ulp)
{
    unsigned failures = 0, count = 0;
    size_t s, c, r;

    hash_of_hashes = HASH_START;
    for (s = 0; s < sizeof shapes / sizeof *shapes; ++s)
        for (c = 0; c < sizeof geometries / sizeof *geometries; ++c)
            for (r = 0; r < sizeof all_rules / sizeof *all_rules; ++r) {
                failures += run_case_f32(&shapes[s], &geometries[c], &all_rules[r], level, one_ulp);
                ++count;
#if !defined CASES_TRIMMED
                failures += run_case_f64(&shapes[s], &geometries[c], &all_rules[r], level, one_ulp);
                ++count;
#endif
            }
#if !defined CASES_SMALL && !defined CASES_TRIMMED
    failures += fit_f32(level, one_ulp);
    failures += fit_f64(level, one_ulp);
    count += 2;
#endif
#if !defined CASES_SMALL
    for (r = 0; r < sizeof all_tastes / sizeof *all_tastes; ++r) {
        failures += average_f32(&all_tastes[r], level, one_ulp);
        ++count;
#if !defined CASES_TRIMMED
        failures += average_f64(&all_tastes[r], level, one_ulp);
        ++count;
#endif
    }
#endif
    put_number("cases ", count);
    put_number(", failed ", failures);
    put_hash(", hash ", hash_of_hashes);
    return failures;
}
