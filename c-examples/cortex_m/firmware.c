/*
 * firmware.c - the cases of ../same_bits on a Cortex-M, with the stack measured below each call. Output
 * and exit status go through semihosting, so a debugger or QEMU shows them.
 */
#include "cases.h"

#include <robust_ot.h>

#include <stdint.h>

void leave(int status);
int main(void);

#define SYS_WRITE0 0x04
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026

/* A request to the debugger. */
static void request(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;

    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void put(const char *text)
{
    request(SYS_WRITE0, text);
}

void leave(int status)
{
    const uint32_t reason[] = {APPLICATION_EXIT, (uint32_t)status};

    if (status == 70)
        put("fault\n");
    for (;;)
        request(SYS_EXIT_EXTENDED, reason);
}

#define PATTERN 0xa5c35a3cu

/*
 * Both functions run where the measured call will run, at the caller's stack pointer (the
 * canonical frame address). They must not touch their own frame, so 64 bytes below it are left
 * out: a call that needs less counts as using them.
 */
#define OWN_FRAME 64
/* More than any call takes, and no more than the linker script leaves: painting takes time, too. */
#define DEEPEST 0x3000u

__attribute__((noinline)) void stack_paint(void)
{
    const uintptr_t end = (uintptr_t)__builtin_dwarf_cfa() - OWN_FRAME;
    volatile uint32_t *word = (uint32_t *)(end - DEEPEST);

    for (; (uintptr_t)word < end; ++word)
        *word = PATTERN;
}

__attribute__((noinline)) uint32_t stack_used(void)
{
    const uintptr_t top = (uintptr_t)__builtin_dwarf_cfa();
    const volatile uint32_t *word = (const uint32_t *)(top - OWN_FRAME - DEEPEST);

    while ((uintptr_t)word < top - OWN_FRAME && *word == PATTERN)
        ++word;
    return (uint32_t)(top - (uintptr_t)word);
}

int main(void)
{
    return run_cases(ROT_LEVEL_FASTEST, 0) != 0;
}
