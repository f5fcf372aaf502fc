/*
 * cases.h - small problems with a line of text and a hash for each: the same on a PC and on a
 * microcontroller, or something is wrong.
 */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>

/*
 * Solves every case and prints a line that begins with "case", then one that begins with "stack"
 * where the stack is measured; the last line has a hash over all. Level: ROT_LEVEL_...; one_ulp: one cost or coordinate of each case
 * is moved to the next number, which must change every hash. Returns the number of cases that
 * failed on their own account.
 */
unsigned run_cases(uint32_t level, int one_ulp);

/* What the machine provides: host.c here, ../cortex_m, ../riscv, ../node. */

/* Prints text. */
void put(const char *text);
/* Fills the unused stack with a pattern. */
void stack_paint(void);
/* Bytes below the caller's frame that were overwritten since; 0 where nobody looks. */
uint32_t stack_used(void);

#endif
