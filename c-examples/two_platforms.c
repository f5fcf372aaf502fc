/* two_platforms.c - a regression on two tables about the same patients, whose rows partly no longer
 * match.
 *
 * A clinic notes age, sex, body mass index, blood pressure and total cholesterol; a laboratory
 * measures LDL, HDL and other parts of the blood. Half of the laboratory's labels got lost. The
 * total is predicted from all of them by f = clinic(x) + laboratory(z): a linear model, and one with
 * a sine of each column beside it (section 4.2 of Xie et al., "A Hypergradient Approach to Robust
 * Regression without Correspondence", ICLR 2021). As f is a sum, what the laboratory's part predicts
 * (z) and what the clinic's part leaves over (y - clinic(x)) are two clouds of numbers to be
 * matched, and the gradients with respect to both train the two parts.
 *
 * Training starts from the fit to the pairs as they lie. Where all labels are lost (--shuffled 1)
 * that start knows nothing, and no method here recovers: clouds of numbers alone do not tell the
 * columns apart. Try it.
 *
 * Then a tenth of the totals get a slipped decimal point. Balanced transport has to explain them;
 * the robust layer may leave that share of them out. */
#include "chart.h"
#include "csv.h"
#include "linear.h"
#include "matching.h"
#include "progress.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLINIC = 4, LABORATORY = 5, COLUMNS = CLINIC + LABORATORY, MOST_WEIGHTS = 2 * COLUMNS + 1 };
enum { LINEAR, SINES, MODELS };
enum { CLEAN, SLIPPED, CONDITIONS };
enum { MOST_SPLITS = 1000, FIT_STEPS = 30 };

enum method { ORACLE, SHUFFLED, BALANCED, ROBUST, METHODS };

static const char *const NAMES[METHODS] = {
    "oracle (all rows match)", "least squares as paired", "... + ROBOT", "... + ROBOT, robust"};
static const char *const LABELS[METHODS] = {"ORACLE", "LEAST SQUARES", "ROBOT", "ROBOT ROBUST"};
static const char *const MODEL_NAMES[MODELS] = {"linear", "with sines"};
static const char *const MODEL_LABELS[MODELS] = {"LINEAR", "SINES"};

/* The share of the totals whose decimal point slips, and of the patients kept for the test. */
static const double SLIPS = 0.1, TEST = 0.25;

/* Damps steps along what the data hardly tell: times the diagonal of the normal equations. */
static const double DAMPING[MODELS] = {0.0, 1e-2};

/* Of a step that trusts the pairing it is taken in: the pairs move, too. */
static const double STEP = 0.8;

struct settings {
    const char *table, *picture;
    double shuffled, epsilon;
    size_t splits, steps;
};

/* The table, standardised, and one way to split and to shuffle it. */
struct data {
    const struct table *table;
    size_t count, train;
    /* Patients, those to train on first; and whose laboratory row each of the latter has got. */
    size_t *patients, *from, *order;
    /* For each patient: the columns, the total as it is, and as it was noted. */
    double *x, *y, *noted;
    /* Scratch for one value, or for the derivatives, of each patient. */
    double *found, *left, *slopes, *sorted;
    void *memory[2];
};

struct results {
    double test[CONDITIONS][MODELS][METHODS][MOST_SPLITS];
    size_t solves, failures;
    uint64_t sweeps;
};

static int data_new(struct data *data, const struct table *table)
{
    size_t count = table->rows;
    double *next = calloc(count * (COLUMNS + MOST_WEIGHTS + 5), sizeof *next);
    size_t *orders = calloc(3 * count, sizeof *orders);
    data->memory[0] = next;
    data->memory[1] = orders;
    if (next == NULL || orders == NULL) {
        return -1;
    }
    data->table = table;
    data->count = count;
    data->train = count - (size_t)(TEST * (double)count);
    data->x = next;
    data->slopes = data->x + count * COLUMNS;
    data->y = data->slopes + count * MOST_WEIGHTS;
    data->noted = data->y + count;
    data->found = data->noted + count;
    data->left = data->found + count;
    data->sorted = data->left + count;
    data->patients = orders;
    data->from = orders + count;
    data->order = orders + 2 * count;
    return 0;
}

static void data_free(struct data *data)
{
    free(data->memory[0]);
    free(data->memory[1]);
}

/* Splits, standardises by the patients to train on, and shuffles the laboratory's rows. */
static void draw(struct data *data, double shuffled, struct random *random)
{
    const struct table *table = data->table;
    random_choose(random, data->patients, data->count, data->count);
    random_shuffle_share(random, data->from, data->order, data->train, shuffled);
    for (size_t column = 0; column < table->cols; column++) {
        double mean = 0.0, square = 0.0;
        for (size_t k = 0; k < data->train; k++) {
            double value = table->values[data->patients[k] * table->cols + column];
            mean += value / (double)data->train;
            square += value * value / (double)data->train;
        }
        for (size_t k = 0; k < data->count; k++) {
            double value = table->values[data->patients[k] * table->cols + column];
            value = (value - mean) / sqrt(square - mean * mean);
            *(column < COLUMNS ? data->x + k * COLUMNS + column : data->y + k) = value;
        }
        if (column == COLUMNS) {
            /* What the total is where a tenth of it is noted. */
            random_choose(random, data->order, data->train, (size_t)(SLIPS * (double)data->train));
            memcpy(data->noted, data->y, data->count * sizeof(double));
            for (size_t k = 0; k < (size_t)(SLIPS * (double)data->train); k++) {
                size_t slipped = data->order[k];
                double value = table->values[data->patients[slipped] * table->cols + column];
                data->noted[slipped] = (value / 10.0 - mean) / sqrt(square - mean * mean);
            }
        }
    }
}

static size_t weights_of(int model)
{
    return model == SINES ? 2 * COLUMNS + 1 : COLUMNS + 1;
}

/* The part of the columns from `first` to `end`, and its derivatives, which stand in `slopes` at
 * their weights' places. Weights: one per column, the constant (which is the clinic's), and for the
 * sines another one per column. */
static double part(int model, const double *x, const double *w, size_t first, size_t end,
                   double *slopes)
{
    double sum = first == 0 ? w[COLUMNS] : 0.0;
    if (first == 0) {
        slopes[COLUMNS] = 1.0;
    }
    for (size_t k = first; k < end; k++) {
        sum += w[k] * x[k];
        slopes[k] = x[k];
        if (model == SINES) {
            const size_t inner = COLUMNS + 1 + k;
            sum += sin(w[inner] * x[k]);
            slopes[inner] = x[k] * cos(w[inner] * x[k]);
        }
    }
    return sum;
}

static double clinic(int model, const double *x, const double *w, double *slopes)
{
    return part(model, x, w, 0, CLINIC, slopes);
}

static double laboratory(int model, const double *z, const double *w, double *slopes)
{
    return part(model, z, w, CLINIC, COLUMNS, slopes);
}

/* A step of length `share` along -(J^T J)^-1 gradient; J are the slopes. */
static void descend(struct data *data, int model, const double *gradient, double share, double *w)
{
    struct linear linear;
    double by[MOST_WEIGHTS];
    size_t count = weights_of(model);
    linear_factor(&linear, data->slopes, data->train, count, DAMPING[model]);
    memcpy(by, gradient, count * sizeof *by);
    linear_solve(&linear, by);
    for (size_t k = 0; k < count; k++) {
        w[k] -= share * by[k];
    }
}

static void start(double *w)
{
    for (size_t k = 0; k < MOST_WEIGHTS; k++) {
        w[k] = k > COLUMNS ? 0.5 : 0.0;
    }
}

/* Least squares in the pairs as they lie, or, for the oracle, as they were. */
static void fit(struct data *data, int model, int oracle, const double *y, double *w)
{
    double gradient[MOST_WEIGHTS];
    size_t count = weights_of(model);
    start(w);
    for (int step = 0; step < FIT_STEPS; step++) {
        for (size_t k = 0; k < data->train; k++) {
            const double *x = data->x + k * COLUMNS;
            const double *z = oracle ? x : data->x + data->from[k] * COLUMNS;
            double *slopes = data->slopes + k * count;
            data->found[k] = clinic(model, x, w, slopes) + laboratory(model, z, w, slopes) - y[k];
        }
        linear_transposed(data->slopes, data->train, count, data->found, gradient);
        descend(data, model, gradient, 1.0, w);
    }
}

/* Steps against the gradient of the matching loss. The laboratory's rows stand in the order in which
 * they lie; the loss does not see it. */
static void train(struct data *data, const struct settings *settings, int model, const double *y,
                  struct matching *matching, double *w)
{
    size_t count = weights_of(model);
    matching_restart(matching);
    for (size_t step = 0; step < settings->steps; step++) {
        double gradient[MOST_WEIGHTS] = {0.0};
        for (size_t k = 0; k < data->train; k++) {
            double *slopes = data->slopes + k * count;
            data->left[k] = y[k] - clinic(model, data->x + k * COLUMNS, w, slopes);
            data->found[k] =
                laboratory(model, data->x + data->from[k] * COLUMNS, w, slopes);
        }
        if (matching_step(matching, data->found, data->left) != ROT_OK) {
            return;
        }
        for (size_t k = 0; k < data->train; k++) {
            for (size_t i = 0; i < count; i++) {
                int of_laboratory = i < COLUMNS ? i >= CLINIC : i > COLUMNS + CLINIC;
                double slope = of_laboratory ? matching->by_prediction[k] : -matching->by_target[k];
                gradient[i] += 0.5 * (double)data->train * slope * data->slopes[k * count + i];
            }
        }
        descend(data, model, gradient, STEP, w);
    }
}

/* Error on the patients that were kept for it, whose rows match. */
static double judge(struct data *data, int model, const double *w)
{
    double slopes[MOST_WEIGHTS];
    for (size_t k = data->train; k < data->count; k++) {
        const double *x = data->x + k * COLUMNS;
        data->found[k] = clinic(model, x, w, slopes) + laboratory(model, x, w, slopes);
    }
    return linear_relative_error(data->found + data->train, data->y + data->train,
                                 data->count - data->train);
}

static int shown(int condition, int method)
{
    return method != ROBUST || condition == SLIPPED;
}

/* All methods on one split. */
static void run(struct data *data, const struct settings *settings, struct matching *matchings,
                size_t split, struct results *results)
{
    for (int condition = 0; condition < CONDITIONS; condition++) {
        const double *y = condition == SLIPPED ? data->noted : data->y;
        for (int model = 0; model < MODELS; model++) {
            double w[METHODS][MOST_WEIGHTS];
            fit(data, model, 1, data->y, w[ORACLE]);
            fit(data, model, 0, y, w[SHUFFLED]);
            for (int method = 0; method < METHODS; method++) {
                if (method >= BALANCED && shown(condition, method)) {
                    memcpy(w[method], w[SHUFFLED], sizeof w[method]);
                    train(data, settings, model, y, &matchings[method], w[method]);
                }
                if (shown(condition, method)) {
                    results->test[condition][model][method][split] = judge(data, model, w[method]);
                }
            }
        }
    }
}

static void run_all(const struct settings *settings, struct data *data, struct matching *matchings,
                    struct results *results)
{
    struct progress progress;
    progress_begin(&progress, "two platforms", 0.0, 0);
    for (size_t split = 0; split < settings->splits; split++) {
        char what[32];
        struct random random = {split + 1};
        snprintf(what, sizeof what, "split %d of %d", (int)split + 1, (int)settings->splits);
        progress_show_share(&progress, (double)split / (double)settings->splits, what);
        draw(data, settings->shuffled, &random);
        run(data, settings, matchings, split, results);
    }
    progress_end(&progress);
    for (int method = BALANCED; method < METHODS; method++) {
        results->solves += matchings[method].solves;
        results->failures += matchings[method].failures;
        results->sweeps += matchings[method].sweeps;
    }
}

static void print_results(const struct settings *settings, const struct data *data,
                          const struct results *results)
{
    static double sorted[MOST_SPLITS];
    printf("%s: %d patients to train on, %g %% of the laboratory's rows shuffled, %d to test;\n"
           "%d splits. epsilon %g of the largest cost; %d solves, %.1f sweeps each, %d failed\n\n",
           settings->table, (int)data->train, 100.0 * settings->shuffled,
           (int)(data->count - data->train), (int)settings->splits, settings->epsilon,
           (int)results->solves,
           (double)results->sweeps / fmax((double)results->solves, 1.0), (int)results->failures);
    printf("relative test error, median (quartiles)\n%-36s  %-26s  %s\n", "",
           "totals as they are", "10 % of them slipped");
    for (int model = 0; model < MODELS; model++) {
        for (int method = 0; method < METHODS; method++) {
            char name[48];
            snprintf(name, sizeof name, "%s, %s", NAMES[method], MODEL_NAMES[model]);
            printf("%-36s", name);
            for (int condition = 0; condition < CONDITIONS; condition++) {
                char spread[40] = "-";
                if (shown(condition, method)) {
                    memcpy(sorted, results->test[condition][model][method],
                           settings->splits * sizeof *sorted);
                    double middle = median(sorted, settings->splits);
                    snprintf(spread, sizeof spread, "%.4f (%.4f to %.4f)", middle,
                             sorted[settings->splits / 4],
                             sorted[settings->splits - 1 - settings->splits / 4]);
                }
                printf(condition + 1 < CONDITIONS ? "  %-26s" : "  %s\n", spread);
            }
        }
    }
}

static int draw_picture(const struct settings *settings, const struct results *results)
{
    static char labels[CONDITIONS * MODELS * METHODS][40];
    struct chart_line lines[CONDITIONS * MODELS * METHODS];
    char title[80];
    size_t count = 0;
    for (int model = 0; model < MODELS; model++) {
        for (int method = 0; method < METHODS; method++) {
            for (int condition = 0; condition < CONDITIONS; condition++) {
                /* The oracle knows all totals, too. */
                if (!shown(condition, method) || (method == ORACLE && condition == SLIPPED)) {
                    continue;
                }
                struct chart_line line = {
                    labels[count], results->test[condition][model][method], settings->splits,
                    condition};
                snprintf(labels[count], sizeof *labels, "%s %s", MODEL_LABELS[model],
                         LABELS[method]);
                lines[count++] = line;
            }
        }
    }
    snprintf(title, sizeof title, "TEST ERROR, %g %% SHUFFLED (ORANGE: 10 %% GROSS ERRORS, TOO)",
             100.0 * settings->shuffled);
    const char *wrong = chart_write(settings->picture, title, lines, count);
    if (wrong != NULL) {
        fprintf(stderr, "two_platforms: %s: %s\n", settings->picture, wrong);
        return -1;
    }
    printf("wrote %s\n", settings->picture);
    return 0;
}

static int carry_out(const struct settings *settings, const struct table *table)
{
    static struct results results;
    struct data data;
    struct matching matchings[METHODS];
    memset(matchings, 0, sizeof matchings);
    int result = data_new(&data, table);
    for (int method = BALANCED; method < METHODS && result == 0; method++) {
        result = matching_new(&matchings[method], data.train, settings->epsilon,
                              method == ROBUST ? SLIPS : 0.0, 0);
    }
    if (result != 0) {
        fputs("two_platforms: out of memory\n", stderr);
    } else {
        run_all(settings, &data, matchings, &results);
        print_results(settings, &data, &results);
        result = settings->picture == NULL ? 0 : draw_picture(settings, &results);
    }
    for (int method = 0; method < METHODS; method++) {
        matching_free(&matchings[method]);
    }
    data_free(&data);
    return result != 0 ? 2 : results.failures > 0;
}

static const char usage[] =
    "Regression on two tables whose rows partly no longer match.\n"
    "\n"
    "  two_platforms data/diabetes.csv [options]\n"
    "\n"
    "  --shuffled SHARE   of the laboratory's rows; default 0.5\n"
    "  --splits N         experiments; default 20\n"
    "  --epsilon E        in units of the largest cost; default 0.01\n"
    "  --quick            3 splits\n"
    "  --picture FILE     draws all errors, as PNG\n"
    "\n"
    "Exit code 0; 1 if a solve failed; 2 if refused.\n";

/* Takes the number after an option. */
static int number(int argc, char **argv, int *next, double least, double most, double *value)
{
    const char *name = argv[*next - 1];
    char *end = NULL;
    if (*next < argc) {
        *value = strtod(argv[*next], &end);
    }
    if (end == NULL || end == argv[*next] || *end != '\0' || !(*value >= least && *value <= most)) {
        fprintf(stderr, "two_platforms: %s: needs a number from %g to %g\n", name, least, most);
        return -1;
    }
    ++*next;
    return 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {NULL, NULL, 0.5, 0.01, 20, 12};
    struct table table = {0};
    double splits = 20.0;
    int result = 0;
    for (int next = 1; next < argc && result == 0;) {
        const char *name = argv[next++];
        if (strcmp(name, "--shuffled") == 0) {
            result = number(argc, argv, &next, 0.0, 1.0, &settings.shuffled);
        } else if (strcmp(name, "--splits") == 0) {
            result = number(argc, argv, &next, 1.0, MOST_SPLITS, &splits);
        } else if (strcmp(name, "--epsilon") == 0) {
            result = number(argc, argv, &next, 1e-5, 1.0, &settings.epsilon);
        } else if (strcmp(name, "--picture") == 0 && next < argc) {
            settings.picture = argv[next++];
        } else if (strcmp(name, "--quick") == 0) {
            splits = 3.0;
        } else if (name[0] != '-' && settings.table == NULL) {
            settings.table = name;
        } else {
            fputs(usage, strcmp(name, "--help") == 0 ? stdout : stderr);
            return strcmp(name, "--help") == 0 ? 0 : 2;
        }
    }
    if (result == 0 && settings.table == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    settings.splits = (size_t)splits;
    if (result != 0 || table_read(&table, settings.table) != 0) {
        result = 2;
    } else if (table.cols != COLUMNS + 1 || table.rows < 40) {
        fprintf(stderr, "%s: needs %d columns and 40 rows\n", settings.table, (int)COLUMNS + 1);
        result = 2;
    } else {
        result = carry_out(&settings, &table);
    }
    table_free(&table);
    return result;
}
