/* solve.c - optimal transport on the command line; see options.c for its usage. */
#include "csv.h"
#include "engine.h"
#include "options.h"
#include "output.h"
#include "progress.h"

#include <robust_ot.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

enum { EXIT_CONVERGED = 0, EXIT_NOT_CONVERGED = 1, EXIT_REFUSED = 2 };

struct tables {
    struct table cost, x, y, a, b, cotangent;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = 1;
    /* The second one ends the program. */
    signal(number, SIG_DFL);
}

static int watch(void *user, uint64_t iterations, double residual, double certified_distance)
{
    progress_show(user, iterations, residual, certified_distance);
    return interrupted;
}

/* The place of an entry as FILE:LINE:COLUMN. */
static void print_place(const struct table *table, size_t row, size_t col)
{
    fprintf(stderr, "%s:%zu:%zu", table->path, table->lines[row], col + 1);
}

/* Weights form one row or one column; index k of either. */
static void print_place_of_weight(const struct table *weights, size_t k)
{
    print_place(weights, weights->rows == 1 ? 0 : k, weights->rows == 1 ? k : 0);
}

static int read_weights(struct table *weights, const char *path, size_t count,
                        const struct table *owner, const char *sides)
{
    if (path == NULL) {
        return table_uniform(weights, count);
    }
    if (table_read(weights, path) != 0) {
        return -1;
    }
    if (weights->rows > 1 && weights->cols > 1) {
        fprintf(stderr, "solve: %s: weights form one line or one column, not %zu x %zu\n", path,
                weights->rows, weights->cols);
        return -1;
    }
    if (weights->rows * weights->cols != count) {
        fprintf(stderr, "solve: %s: %zu weights for the %zu %s of %s\n", path,
                weights->rows * weights->cols, count, sides, owner->path);
        return -1;
    }
    return 0;
}

static int read_cost(struct tables *tables, const struct options *options)
{
    if (options->cost != NULL) {
        return table_read(&tables->cost, options->cost);
    }
    if (table_read(&tables->x, options->x) != 0 || table_read(&tables->y, options->y) != 0) {
        return -1;
    }
    if (tables->x.cols != tables->y.cols) {
        fprintf(stderr, "solve: %s: points of dimension %zu, but those of %s have %zu\n",
                options->y, tables->y.cols, options->x, tables->x.cols);
        return -1;
    }
    return 0;
}

/* A number that single precision does not hold would turn into an infinity, which means something
 * else. */
static int fits_single(const struct table *table)
{
    for (size_t k = 0; k < table->rows * table->cols; k++) {
        if (isfinite(table->values[k]) && fabs(table->values[k]) > (double)FLT_MAX) {
            print_place(table, k / table->cols, k % table->cols);
            fprintf(stderr, ": %g is too large for --f32\n", table->values[k]);
            return 0;
        }
    }
    return 1;
}

static int read_tables(struct tables *tables, const struct options *options)
{
    if (read_cost(tables, options) != 0) {
        return -1;
    }
    int dense = options->cost != NULL;
    const struct table *rows = dense ? &tables->cost : &tables->x;
    const struct table *cols = dense ? &tables->cost : &tables->y;
    if (read_weights(&tables->a, options->a, rows->rows, rows, dense ? "rows" : "points") != 0 ||
        read_weights(&tables->b, options->b, dense ? cols->cols : cols->rows, cols,
                     dense ? "columns" : "points") != 0) {
        return -1;
    }
    if (options->cotangent != NULL) {
        size_t n = rows->rows, m = dense ? cols->cols : cols->rows;
        if (table_read(&tables->cotangent, options->cotangent) != 0) {
            return -1;
        }
        if (tables->cotangent.rows != n || tables->cotangent.cols != m) {
            fprintf(stderr, "solve: %s: %zu x %zu, but the plan is %zu x %zu\n", options->cotangent,
                    tables->cotangent.rows, tables->cotangent.cols, n, m);
            return -1;
        }
    }
    const struct table *all[] = {&tables->cost, &tables->x, &tables->y,
                                 &tables->a,    &tables->b, &tables->cotangent};
    for (int k = 0; options->single_precision && k < 6; k++) {
        if (!fits_single(all[k])) {
            return -1;
        }
    }
    return 0;
}

static double sum(const struct table *table)
{
    double total = 0.0;
    for (size_t k = 0; k < table->rows * table->cols; k++) {
        total += table->values[k];
    }
    return total;
}

static const char *source(const struct table *weights)
{
    return weights->path == NULL ? "equal weights" : weights->path;
}

/* Prints the place that a refusal is about, as far as it lies in a file, and the argument. */
static void print_argument(const struct options *options, const struct tables *tables,
                           const rot_error *error)
{
    const struct {
        uint32_t argument;
        const struct table *table;
        const char *name, *value;
    } known[] = {
        {ROT_ARG_COST, &tables->cost, "the cost", NULL},
        {ROT_ARG_ROW_POINTS, &tables->x, "the points of the rows", NULL},
        {ROT_ARG_COL_POINTS, &tables->y, "the points of the columns", NULL},
        {ROT_ARG_ROW_WEIGHTS, &tables->a, "the weights of the rows", NULL},
        {ROT_ARG_COL_WEIGHTS, &tables->b, "the weights of the columns", NULL},
        {ROT_ARG_COTANGENT, &tables->cotangent, "the cotangent", NULL},
        {ROT_ARG_EPSILON, NULL, "--epsilon", options->epsilon_text},
        {ROT_ARG_ROW_RULE, NULL, "--rows", options->rows.text},
        {ROT_ARG_COL_RULE, NULL, "--cols", options->cols.text},
        {ROT_ARG_STOP, NULL, options->accuracy_text == NULL ? "--stop" : "--accuracy",
         options->accuracy_text == NULL ? options->stop_text : options->accuracy_text},
        {ROT_ARG_SWEEP, NULL, "--sweep", options->sweep_text},
        {ROT_ARG_RANK, NULL, "--rank", options->rank_text},
        {ROT_ARG_MAX_ITERATIONS, NULL, "--max-iterations", options->max_iterations_text},
        {error->argument, NULL, "the library", NULL},
    };
    size_t k = 0;
    while (known[k].argument != error->argument) {
        k++;
    }
    const struct table *table = known[k].table;
    if (table == NULL || table->path == NULL) {
        fputs("solve", stderr);
    } else if (error->row == ROT_NOWHERE) {
        fputs(table->path, stderr);
    } else if (error->col == ROT_NOWHERE) {
        print_place_of_weight(table, (size_t)error->row);
    } else {
        print_place(table, (size_t)error->row, (size_t)error->col);
    }
    fprintf(stderr, ": %s%s%s: ", known[k].name, known[k].value == NULL ? "" : " ",
            known[k].value == NULL ? "" : known[k].value);
}

/* What helps with some refusals and endings. */
static void print_advice(const struct options *options, const struct tables *tables,
                         const struct solution *solution)
{
    const rot_error *error = &solution->report.error;
    double most = solution->certifiable_epsilon;
    if (error->status == ROT_ERR_MASS_MISMATCH) {
        fprintf(stderr, "; those of the rows (%s) sum to %.17g, those of the columns (%s) to %.17g",
                source(&tables->a), sum(&tables->a), source(&tables->b), sum(&tables->b));
    }
    if (error->status == ROT_ERR_NO_PARTNER && error->argument == ROT_ARG_ROW_WEIGHTS) {
        fprintf(stderr, "; see line %zu of %s", tables->cost.lines[error->row], options->cost);
    }
    if (error->status == ROT_ERR_NO_PARTNER && error->argument == ROT_ARG_COL_WEIGHTS) {
        fprintf(stderr, "; see column %zu of %s", (size_t)error->row + 1, options->cost);
    }
    if ((error->status == ROT_ERR_TARGET_OUT_OF_REACH || error->status == ROT_OUT_OF_REACH) &&
        most > 0.0) {
        /* Two digits, rounded down, so that what is printed is enough. */
        double unit = pow(10.0, floor(log10(most)) - 1.0);
        fprintf(stderr, "; --epsilon %.2g is small enough for it", floor(most / unit) * unit);
    }
    fputc('\n', stderr);
}

static void print_summary(const struct options *options, const struct solution *solution)
{
    const rot_report_f64 *report = &solution->report;
    printf("%s; %" PRIu64 " iterations (%s), residual %.2g\n",
           rot_status_str(report->error.status), report->iterations,
           report->sweep == ROT_SWEEP_SCALING ? "scaling" : "log", report->residual);
    if (options->accuracy_text != NULL) {
        printf("asked to be within      %.3g; found at epsilon %.3g", options->accuracy,
               report->epsilon);
        if (solution->accuracy.iterations > 0) {
            printf(", at most %" PRIu64 " iterations at %.3g", solution->accuracy.iterations,
                   solution->accuracy.epsilon);
        }
        printf("\n");
    }
    if (options->anneal || options->accuracy_text != NULL) {
        printf("epsilons on the way     %" PRIu32 "; Newton steps %" PRIu32 " with %" PRIu64
               " products\n", report->levels, report->newton_steps, report->newton_products);
    }
    printf("transport cost          %.9g\n", report->transport_cost);
    printf("... and penalties       %.9g\n", report->unregularised_objective);
    if (isfinite(report->certified_distance)) {
        printf("... is optimal within   %.3g\n", report->certified_distance);
    }
    printf("... and entropy         %.9g\n", report->objective);
    printf("mass                    %.9g\n", report->mass);
    if (solution->is_rounded) {
        const rot_rounded_f64 *rounded = &solution->rounded;
        printf("rounded: transport cost %.9g, and penalties %.9g; mass added %.3g\n",
               rounded->transport_cost, rounded->unregularised_objective, rounded->added);
    }
    if (report->row_multiplier > 0.0 || report->col_multiplier > 0.0) {
        printf("multipliers of balls    %.6g (rows), %.6g (columns)\n", report->row_multiplier,
               report->col_multiplier);
    }
    if (report->collapsed) {
        printf("warning: a ball is so large that the plan has collapsed onto the cheapest pairs\n");
    }
    const char *const written[] = {options->plan,          options->potentials, options->report,
                                   options->gradient_cost, options->gradient_a, options->gradient_b};
    int count = solution->gradient_error.status == ROT_OK ? 6 : 3;
    for (int k = 0; k < count; k++) {
        if (written[k] != NULL) {
            printf("wrote %s\n", written[k]);
        }
    }
}

static int solve(const struct options *options, const struct tables *tables)
{
    const struct engine *engine = options->single_precision ? &engine_f32 : &engine_f64;
    int dense = options->cost != NULL;
    struct progress progress;
    struct request request = {
        options, dense ? &tables->cost : NULL, dense ? NULL : &tables->x,
        dense ? NULL : &tables->y, &tables->a, &tables->b,
        options->cotangent == NULL ? NULL : &tables->cotangent, watch, &progress,
    };
    struct solution solution;
    int result = EXIT_REFUSED;
    double goal = options->single_precision ? 1e-5 : 1e-9;
    int certified = options->certified || options->accuracy_text != NULL;
    if (options->accuracy_text != NULL) {
        goal = options->accuracy;
    } else if (options->stop_text != NULL) {
        goal = options->tolerance;
    }
    progress_begin(&progress, "solving", goal, certified);
    signal(SIGINT, interrupt);
    int failed = engine->solve(&request, &solution) != 0;
    progress_end(&progress);
    const rot_error *error = &solution.report.error;
    if (failed) {
        fputs("solve: out of memory\n", stderr);
    } else if (error->status < 0) {
        print_argument(options, tables, error);
        fputs(rot_status_str(error->status), stderr);
        print_advice(options, tables, &solution);
    } else if (solution.gradient_error.status < 0 &&
               solution.gradient_error.status != ROT_ERR_NOT_CONVERGED) {
        print_argument(options, tables, &solution.gradient_error);
        fprintf(stderr, "%s\n", rot_status_str(solution.gradient_error.status));
    } else if (solution.rounding_error.status < 0) {
        print_argument(options, tables, &solution.rounding_error);
        fprintf(stderr, "%s\n", rot_status_str(solution.rounding_error.status));
    } else if (output_write(options, engine, &solution) == 0) {
        int feasible = isfinite(solution.rounded.transport_cost);
        int whole =
            error->status == ROT_OK && solution.gradient_error.status == ROT_OK && feasible;
        result = whole ? EXIT_CONVERGED : EXIT_NOT_CONVERGED;
        print_summary(options, &solution);
        if (solution.gradient_error.status != ROT_OK) {
            fprintf(stderr, "solve: no gradient: %s\n",
                    rot_status_str(solution.gradient_error.status));
        }
        if (!feasible) {
            fputs("solve: the rounded plan has mass on forbidden pairs\n", stderr);
        }
        if (error->status != ROT_OK) {
            fprintf(stderr, "solve: not converged: %s", rot_status_str(error->status));
            print_advice(options, tables, &solution);
        }
    }
    engine->release(&solution);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    struct tables tables = {{0}, {0}, {0}, {0}, {0}, {0}};
    if (options_parse(&options, argc, argv) != 0) {
        return EXIT_REFUSED;
    }
    if (options.help) {
        options_print_usage();
        return EXIT_CONVERGED;
    }
    int result = EXIT_REFUSED;
    if (read_tables(&tables, &options) == 0) {
        result = solve(&options, &tables);
    }
    table_free(&tables.cost);
    table_free(&tables.x);
    table_free(&tables.y);
    table_free(&tables.a);
    table_free(&tables.b);
    table_free(&tables.cotangent);
    return result;
}
