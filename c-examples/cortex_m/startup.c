/*
 * startup.c - vector table, reset handler and the few functions of the C library that compilers
 * call by themselves, for a Cortex-M without an operating system.
 */
#include <stddef.h>
#include <stdint.h>

extern uint32_t data_start[], data_end[], bss_start[], bss_end[], stack_top[];
extern const uint32_t data_source[];

int main(void);
/* Ends the program; firmware.c says how. */
void leave(int status);

void reset(void);
void fault(void);

/* Coprocessor Access Control Register. */
#define CPACR (*(volatile uint32_t *)0xe000ed88u)

void reset(void)
{
    uint32_t *to;
    const uint32_t *from = data_source;

#if defined __ARM_FP
    /* Full access to the floating-point unit, before the first instruction that uses it. Its
       control register keeps the reset value: round to nearest, subnormal numbers on. */
    CPACR |= 0xfu << 20;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    for (to = data_start; to < data_end; ++to)
        *to = *from++;
    for (to = bss_start; to < bss_end; ++to)
        *to = 0;
    leave(main());
}

void fault(void)
{
    leave(70);
}

typedef void (*handler)(void);

struct vectors {
    uint32_t *stack;
    handler entry[15];
};

extern const struct vectors vectors;
const struct vectors vectors __attribute__((section(".vectors"), used)) = {
    stack_top,
    {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault},
};

/*
 * Small versions, so that the flash that is counted is the library's and not that of an unrolled
 * copy loop. The names of the Arm run-time ABI stand for any alignment.
 */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *x, const void *y, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
    return memmove(to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    if ((uintptr_t)t <= (uintptr_t)f)
        while (n-- > 0)
            *t++ = *f++;
    else
        while (n-- > 0)
            t[n] = f[n];
    return to;
}

void *memset(void *to, int c, size_t n)
{
    unsigned char *t = to;

    while (n-- > 0)
        *t++ = (unsigned char)c;
    return to;
}

int memcmp(const void *x, const void *y, size_t n)
{
    const unsigned char *p = x, *q = y;

    for (; n > 0; --n, ++p, ++q)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

#define MOVE(name)                                   \
    void name(void *to, const void *from, size_t n); \
    void name(void *to, const void *from, size_t n) { memmove(to, from, n); }
/* The run-time ABI gives memset its arguments in another order. */
#define SET(name)                         \
    void name(void *to, size_t n, int c); \
    void name(void *to, size_t n, int c) { memset(to, c, n); }
#define CLEAR(name)                \
    void name(void *to, size_t n); \
    void name(void *to, size_t n) { memset(to, 0, n); }

MOVE(__aeabi_memcpy)
MOVE(__aeabi_memcpy4)
MOVE(__aeabi_memcpy8)
MOVE(__aeabi_memmove)
MOVE(__aeabi_memmove4)
MOVE(__aeabi_memmove8)
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
