/*
 * rust.c - the call of rust/src/lib.rs: with MINIMAL nothing else, otherwise a case for
 * c-examples/cortex_m/firmware.c with the stack measured.
 */
#include "cases.h"

#include <robust_ot.h>

#include <stdint.h>

#define MOST 8

struct board {
    uint32_t rows, cols;
    float epsilon;
    uint32_t max_iterations;
    float objective;
    uint32_t argument, row, col;
    float cost[MOST * MOST], a[MOST], b[MOST], f[MOST], g[MOST];
    float work[ROT_SINKHORN_WORK_LEN(MOST, MOST, 0)];
};

int32_t budget_solve(struct board *board);

#if defined MINIMAL
struct board board;
int main(void);

int main(void)
{
    return budget_solve(&board);
}
#else
/* The same in tests/budgets.rs. */
static struct board board = {
    .rows = 3, .cols = 4, .epsilon = 0.0625f, .max_iterations = 1000,
    .cost = {0, 1, 2, 3, 1, 0, 1, 2, 2, 1, 0, 1}, .a = {0.5f, 0.25f, 0.25f},
    .b = {0.125f, 0.5f, 0.125f, 0.25f},
};

static void put_bits(float value)
{
    union { float value; uint32_t bits; } x = {value};
    char text[] = " 00000000";

    for (int i = 8; i > 0; --i, x.bits >>= 4)
        text[i] = "0123456789abcdef"[x.bits & 0xf];
    put(text);
}

unsigned run_cases(uint32_t level, int one_ulp)
{
    uint32_t used;
    int32_t status;
    char text[] = "00000";

    (void)level, (void)one_ulp;
    stack_paint();
    status = budget_solve(&board);
    used = stack_used();
    put("case rust");
    for (uint32_t i = 0; i < board.rows; ++i)
        put_bits(board.f[i]);
    for (uint32_t j = 0; j < board.cols; ++j)
        put_bits(board.g[j]);
    put_bits(board.objective);
    for (int i = 4; i >= 0; --i, used /= 10)
        text[i] = (char)('0' + used % 10);
    put("\nstack f32 solve ");
    put(text);
    put(status == 0 ? "\nfailed 0\n" : "\nfailed 1\n");
    return status != 0;
}
#endif
