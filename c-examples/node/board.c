/*
 * board.c - what the cases of ../same_bits need of a WebAssembly host: a function that prints.
 */
#include "cases.h"

#include <stdint.h>

/* The host's: takes text from the module's memory. */
__attribute__((import_module("host"), import_name("print"))) void host_print(const char *text);

void put(const char *text)
{
    host_print(text);
}

/* The stack is measured on the Cortex-M. */
void stack_paint(void) {}

uint32_t stack_used(void)
{
    return 0;
}
