/*
 * board.c - the cases of ../same_bits on a 32-bit RISC-V without an operating system, as QEMU's
 * machine `virt` has it: text goes to the serial port, the exit status to the test device.
 */
#include "cases.h"

#include <robust_ot.h>

#include <stdint.h>

#define SERIAL_DATA (*(volatile uint8_t *)0x10000000u)
#define SERIAL_STATUS (*(volatile uint8_t *)0x10000005u)
#define SERIAL_READY 0x20u
#define TEST_DEVICE (*(volatile uint32_t *)0x100000u)
#define TEST_PASSED 0x5555u
#define TEST_FAILED 0x3333u

extern uint32_t bss_start[], bss_end[];

void start(void);
void run(void);
void fault(void);

void put(const char *text)
{
    for (; *text != 0; ++text) {
        while ((SERIAL_STATUS & SERIAL_READY) == 0) {
        }
        SERIAL_DATA = (uint8_t)*text;
    }
}

/* The stack is measured on the Cortex-M. */
void stack_paint(void) {}

uint32_t stack_used(void)
{
    return 0;
}

static void leave(uint32_t status)
{
    for (;;)
        TEST_DEVICE = status == 0 ? TEST_PASSED : status << 16 | TEST_FAILED;
}

/* Where every trap ends. Such an address is a multiple of four. */
__attribute__((aligned(4))) void fault(void)
{
    put("fault\n");
    leave(70);
}

/* The first instructions: a stack, and a place for traps. */
__attribute__((naked, section(".start"))) void start(void)
{
    __asm volatile("la sp, stack_top\n\t"
                   "la t0, fault\n\t"
                   "csrw mtvec, t0\n\t"
                   "j run");
}

/* All of the image lies in memory that can be written to: there are no initial values to copy. */
void run(void)
{
    volatile uint32_t *word;

    for (word = bss_start; word < bss_end; ++word)
        *word = 0;
    leave(run_cases(ROT_LEVEL_FASTEST, 0) != 0);
}
