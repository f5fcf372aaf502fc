/* output.c - see output.h. */
#define _POSIX_C_SOURCE 200112L
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* C leaves open how printf spells an infinity. */
static void put_number(FILE *file, double value, int digits)
{
    if (isfinite(value)) {
        fprintf(file, "%.*g", digits, value);
    } else {
        fputs(isnan(value) ? "nan" : value < 0.0 ? "-inf" : "inf", file);
    }
}

static void put_row(FILE *file, const double *values, size_t count, int digits)
{
    for (size_t k = 0; k < count; k++) {
        put_number(file, values[k], digits);
        putc(k + 1 < count ? ',' : '\n', file);
    }
}

/* Returns 0, or -1 when out of memory. */
static int put_plan(FILE *file, const struct engine *engine, const struct solution *solution)
{
    double *row = calloc(solution->cols, sizeof(double));
    for (size_t i = 0; row != NULL && i < solution->rows; i++) {
        engine->plan_row(solution, i, row);
        put_row(file, row, solution->cols, engine->digits);
    }
    int failed = row == NULL;
    free(row);
    return failed ? -1 : 0;
}

static int put_potentials(FILE *file, const struct engine *engine,
                          const struct solution *solution)
{
    put_row(file, solution->f, solution->rows, engine->digits);
    put_row(file, solution->g, solution->cols, engine->digits);
    return 0;
}

static int put_cost_gradient(FILE *file, const struct engine *engine,
                             const struct solution *solution)
{
    for (size_t i = 0; i < solution->rows; i++) {
        const double *row = solution->cost_gradient + i * solution->cols;
        put_row(file, row, solution->cols, engine->digits);
    }
    return 0;
}

static int put_a_gradient(FILE *file, const struct engine *engine,
                          const struct solution *solution)
{
    put_row(file, solution->a_gradient, solution->rows, engine->digits);
    return 0;
}

static int put_b_gradient(FILE *file, const struct engine *engine,
                          const struct solution *solution)
{
    put_row(file, solution->b_gradient, solution->cols, engine->digits);
    return 0;
}

/* JSON has no infinity. */
static void put_member(FILE *file, const char *name, double value, int digits)
{
    fprintf(file, ",\n  \"%s\": ", name);
    if (isfinite(value)) {
        fprintf(file, "%.*g", digits, value);
    } else {
        fputs("null", file);
    }
}

static int put_report(FILE *file, const struct engine *engine, const struct solution *solution)
{
    static const char *const terminations[] = {
        "Converged", "IterationLimit", "Stopped", "RoundingFloor",
        "Stalled", "NumericalTrouble", "OutOfReach",
    };
    const rot_report_f64 *report = &solution->report;
    size_t status = (size_t)report->error.status;
    fprintf(file, "{\n  \"converged\": %s,\n  \"status\": %d,\n",
            report->converged ? "true" : "false", (int)status);
    fprintf(file, "  \"termination\": \"%s\",\n",
            status < sizeof terminations / sizeof *terminations ? terminations[status] : "Unknown");
    fprintf(file, "  \"iterations\": %" PRIu64, report->iterations);
    fprintf(file, ",\n  \"sweep\": \"%s\"", report->sweep == ROT_SWEEP_SCALING ? "Scaling" : "Log");
    fprintf(file, ",\n  \"levels\": %" PRIu32 ",\n  \"newton_steps\": %" PRIu32, report->levels,
            report->newton_steps);
    fprintf(file, ",\n  \"newton_products\": %" PRIu64, report->newton_products);
    const rot_accuracy_f64 *accuracy = &solution->accuracy;
    if (accuracy->target > 0.0) {
        static const char *const paths[] = {"Above", "Formula", "Plain"};
        put_member(file, "accuracy", accuracy->target, engine->digits);
        put_member(file, "formula_epsilon", accuracy->epsilon, engine->digits);
        put_member(file, "smallest_accuracy", accuracy->smallest_target, engine->digits);
        /* 0: no bound is known. */
        fprintf(file, ",\n  \"bound\": %" PRIu64 ",\n  \"path\": \"%s\"", accuracy->iterations,
                paths[accuracy->path]);
    }
#define PUT(name) put_member(file, #name, report->name, engine->digits);
    REPORT_VALUES(PUT)
#undef PUT
    if (solution->is_rounded) {
        const rot_rounded_f64 *rounded = &solution->rounded;
        put_member(file, "rounded_transport_cost", rounded->transport_cost, engine->digits);
        put_member(file, "rounded_unregularised_objective", rounded->unregularised_objective,
                   engine->digits);
        put_member(file, "rounded_added", rounded->added, engine->digits);
    }
    fprintf(file, ",\n  \"collapsed\": %s\n}\n", report->collapsed ? "true" : "false");
    return 0;
}

struct output {
    /* NULL if it is not asked for. */
    const char *path;
    int (*put)(FILE *file, const struct engine *engine, const struct solution *solution);
    /* Where it is written first; NULL for a device or a pipe, which is written at once. */
    char *draft;
    FILE *file;
};

static int complain(const struct output *output)
{
    fprintf(stderr, "solve: %s: %s\n", output->path, strerror(errno));
    return -1;
}

static int open_draft(struct output *output)
{
    static const char suffix[] = ".part";
    struct stat found;
    if (stat(output->path, &found) == 0 && !S_ISREG(found.st_mode)) {
        output->file = fopen(output->path, "w");
        return output->file == NULL ? complain(output) : 0;
    }
    output->draft = malloc(strlen(output->path) + sizeof suffix);
    if (output->draft == NULL) {
        return complain(output);
    }
    strcpy(output->draft, output->path);
    strcat(output->draft, suffix);
    output->file = fopen(output->draft, "w");
    if (output->file == NULL) {
        complain(output);
        /* Nothing to remove. */
        free(output->draft);
        output->draft = NULL;
        return -1;
    }
    return 0;
}

static int fill(struct output *output, const struct engine *engine,
                const struct solution *solution)
{
    errno = 0;
    int failed = output->put(output->file, engine, solution) != 0;
    failed |= fflush(output->file) != 0 || ferror(output->file);
    failed |= fclose(output->file) != 0;
    output->file = NULL;
    return failed ? complain(output) : 0;
}

static int move_into_place(struct output *output)
{
    if (output->draft == NULL) {
        return 0;
    }
    if (rename(output->draft, output->path) != 0) {
        return complain(output);
    }
    free(output->draft);
    output->draft = NULL;
    return 0;
}

/* Drops what did not get to its place. */
static void clean_up(struct output *output)
{
    if (output->file != NULL) {
        fclose(output->file);
    }
    if (output->draft != NULL) {
        remove(output->draft);
        free(output->draft);
    }
}

int output_write(const struct options *options, const struct engine *engine,
                 const struct solution *solution)
{
    int has_gradient = solution->cost_gradient != NULL && solution->gradient_error.status == ROT_OK;
    struct output outputs[] = {
        {options->plan, put_plan, NULL, NULL},
        {options->potentials, put_potentials, NULL, NULL},
        {options->report, put_report, NULL, NULL},
        {has_gradient ? options->gradient_cost : NULL, put_cost_gradient, NULL, NULL},
        {has_gradient ? options->gradient_a : NULL, put_a_gradient, NULL, NULL},
        {has_gradient ? options->gradient_b : NULL, put_b_gradient, NULL, NULL},
    };
    const size_t count = sizeof outputs / sizeof *outputs;
    int failed = 0;
    for (size_t k = 0; k < count && !failed; k++) {
        failed = outputs[k].path != NULL && open_draft(&outputs[k]) != 0;
    }
    for (size_t k = 0; k < count && !failed; k++) {
        failed = outputs[k].path != NULL && fill(&outputs[k], engine, solution) != 0;
    }
    for (size_t k = 0; k < count && !failed; k++) {
        failed = move_into_place(&outputs[k]) != 0;
    }
    for (size_t k = 0; k < count; k++) {
        clean_up(&outputs[k]);
    }
    return failed ? -1 : 0;
}
