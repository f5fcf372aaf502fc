/* unlabeled_sensing.c - linear regression whose pairs are partly lost: the rows of the inputs and
 * those of the responses no longer belong together.
 *
 * The setting is that of section 4.1 of Xie, Mao, Zuo, Xu, Ye, Zhao and Zha, "A Hypergradient
 * Approach to Robust Regression without Correspondence" (ICLR 2021): y = x w + noise, w from
 * N(0, I), a share of the responses shuffled, errors measured on new pairs and relative to what one
 * finds with all pairs known (the oracle). x is from N(1, I), as in the authors' code, or from
 * N(0, I), as in their text.
 *
 * What of the paper is not found here, and is not claimed:
 *   - The paper divides the error of RANSAC by that after 50 steps of its method and prints about
 *     1.0 to 1.3 with a small spread. The ratio has heavy tails: it hangs on how lucky RANSAC was.
 *     Hence medians here, and all errors in the picture.
 *   - The matching loss does not beat sorting and refitting, which at a quarter shuffled is better
 *     when it starts from least squares. One number for each row says little about five unknowns:
 *     what a good start did not find, neither finds.
 *   - There is no gain of the full hypergradient over the gradient at a fixed plan at an epsilon as
 *     small as the paper's (1e-4 of the largest cost). What it does buy is a larger epsilon. Between
 *     normal distributions of variances s^2 and t^2 the loss <C, X> is smallest at
 *     s^2 = t^2 - epsilon^2 / (16 t^2), while the gradient at a fixed plan vanishes at
 *     s^2 = t^2 - epsilon / 2: it shrinks the answer.
 *   - The paper's 200 Sinkhorn iterations at that epsilon have not converged. Here every solve has
 *     to, and the program says so if one does not.
 * What is found: with gross outliers among the responses the robust layer keeps what the balanced
 * one loses. */
#include "chart.h"
#include "linear.h"
#include "matching.h"
#include "progress.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSION = 5, LAWS = 2, MOST_SEEDS = 1000, MOST_POINTS = 20000 };

/* Signal over noise, as variances. */
static const double SNR = 100.0;

/* How far off a gross outlier is, in units of |w|. */
static const double GROSS = 10.0;

/* Two sorted numbers agree if they are closer than this, in units of the responses' spread. */
static const double INLIER = 0.3;

/* Steps of matching and of alternating minimisation, and the change, as a share, that ends them. */
enum { STEPS = 6, ALTERNATIONS = 30 };
static const double STILL = 1e-3;

enum method { ORACLE, SHUFFLED, ALTERNATING, RANSAC, ENVELOPE, BALANCED, ROBUST, METHODS };

static const struct {
    const char *name, *label;
} NAMES[METHODS] = {
    {"oracle (all pairs known)", "ORACLE"},
    {"least squares as paired", "LEAST SQUARES"},
    {"... sort and refit", "SORT AND REFIT"},
    {"RANSAC", "RANSAC"},
    {"RANSAC + ROBOT, fixed plan", "ROBOT FIXED PLAN"},
    {"RANSAC + ROBOT", "ROBOT"},
    {"RANSAC + ROBOT, robust", "ROBOT ROBUST"},
};

struct settings {
    double shuffled, outliers, epsilon;
    size_t points, seeds, candidates;
    const char *picture;
};

/* One experiment. */
struct data {
    size_t count;
    double w[DIMENSION];
    /* Inputs, their responses, and the responses as they are seen. */
    double *x, *y, *seen;
    /* New pairs. */
    double *new_x, *new_y;
    struct linear normal;
    /* Spread of the responses that are seen, which outliers do not touch. */
    double spread;
    /* Scratch. */
    double *found, *sorted;
    size_t *from, *order;
    void *memory[2];
};

/* Test errors and errors of w, each for the two laws and all methods and seeds. */
struct results {
    double test[LAWS][METHODS][MOST_SEEDS], parameter[LAWS][METHODS][MOST_SEEDS];
    size_t solves, failures;
    uint64_t sweeps;
};

static int data_new(struct data *data, size_t count)
{
    double *next = calloc(count * (2 * DIMENSION + 5), sizeof *next);
    size_t *orders = calloc(2 * count, sizeof *orders);
    data->memory[0] = next;
    data->memory[1] = orders;
    if (next == NULL || orders == NULL) {
        return -1;
    }
    data->count = count;
    data->x = next;
    data->new_x = data->x + count * DIMENSION;
    data->y = data->new_x + count * DIMENSION;
    data->seen = data->y + count;
    data->new_y = data->seen + count;
    data->found = data->new_y + count;
    data->sorted = data->found + count;
    data->from = orders;
    data->order = orders + count;
    return 0;
}

static void data_free(struct data *data)
{
    free(data->memory[0]);
    free(data->memory[1]);
}

/* Median distance from the median, times what makes it the standard deviation of a normal law. */
static double robust_spread(struct data *data)
{
    memcpy(data->sorted, data->seen, data->count * sizeof(double));
    double middle = median(data->sorted, data->count);
    for (size_t k = 0; k < data->count; k++) {
        data->sorted[k] = fabs(data->seen[k] - middle);
    }
    return 1.4826 * median(data->sorted, data->count);
}

static double length(const double *w)
{
    double square = 0.0;
    for (size_t k = 0; k < DIMENSION; k++) {
        square += w[k] * w[k];
    }
    return sqrt(square);
}

static void draw_pairs(struct random *random, double mean, const double *w, double *x, double *y,
                       size_t count)
{
    double noise = length(w) / sqrt(SNR);
    for (size_t k = 0; k < count * DIMENSION; k++) {
        x[k] = mean + random_normal(random);
    }
    linear_apply(x, count, DIMENSION, w, y);
    for (size_t k = 0; k < count; k++) {
        y[k] += noise * random_normal(random);
    }
}

static size_t outliers_of(const struct settings *settings)
{
    return (size_t)(settings->outliers * (double)settings->points + 0.5);
}

static void draw(struct data *data, const struct settings *settings, double mean,
                 struct random *random)
{
    size_t count = data->count, outliers = outliers_of(settings);
    for (size_t k = 0; k < DIMENSION; k++) {
        data->w[k] = random_normal(random);
    }
    draw_pairs(random, mean, data->w, data->x, data->y, count);
    draw_pairs(random, mean, data->w, data->new_x, data->new_y, count);
    random_shuffle_share(random, data->from, data->order, count, settings->shuffled);
    for (size_t k = 0; k < count; k++) {
        data->seen[k] = data->y[data->from[k]];
    }
    random_choose(random, data->order, count, outliers);
    for (size_t k = 0; k < outliers; k++) {
        data->seen[data->order[k]] += GROSS * length(data->w);
    }
    linear_factor(&data->normal, data->x, count, DIMENSION, 0.0);
    data->spread = robust_spread(data);
}

/* Predictions for the inputs. */
static void predict(struct data *data, const double *w)
{
    linear_apply(data->x, data->count, DIMENSION, w, data->found);
}

/* The responses that were seen, sorted. */
static void sort_seen(struct data *data)
{
    memcpy(data->sorted, data->seen, data->count * sizeof(double));
    sort_numbers(data->sorted, data->count);
}

/* How many of the sorted responses to pass over at the lower end, so that those left out at both
 * ends are `outliers`, and the rest lies most closely together. */
static size_t first_kept(const struct data *data, size_t outliers)
{
    size_t best = 0, last = data->count - 1 - outliers;
    for (size_t k = 1; k <= outliers; k++) {
        if (data->sorted[last + k] - data->sorted[k] <
            data->sorted[last + best] - data->sorted[best]) {
            best = k;
        }
    }
    return best;
}

/* How far predictions and responses are from each other once both are sorted, which asks for no
 * pairs: the sum of squares, each of them cut off where it is an outlier. Expects the responses in
 * `sorted`, and compares with `kept` of them, from `first` on. */
static double sorted_loss(struct data *data, const double *w, size_t first, size_t kept)
{
    double most = INLIER * data->spread, loss = 0.0;
    predict(data, w);
    sort_numbers(data->found, data->count);
    for (size_t k = 0; k < data->count; k++) {
        double off = fabs(data->found[k] - data->sorted[first + k * kept / data->count]);
        loss += fmin(off, most) * fmin(off, most);
    }
    return loss;
}

/* Of `fitted` and of the w through as many points as they have unknowns, the one of the least
 * sorted loss. `found` is the best of the latter alone. */
static void ransac(struct data *data, const struct settings *settings, struct random *random,
                   const double *fitted, double *found, double *best)
{
    double found_loss = INFINITY;
    size_t outliers = outliers_of(settings);
    sort_seen(data);
    size_t first = first_kept(data, outliers), kept = data->count - outliers;
    for (size_t k = 0; k < settings->candidates; k++) {
        double x[DIMENSION * DIMENSION], y[DIMENSION], w[DIMENSION];
        for (size_t i = 0; i < DIMENSION; i++) {
            size_t row = random_below(random, data->count);
            memcpy(x + i * DIMENSION, data->x + row * DIMENSION, DIMENSION * sizeof(double));
            y[i] = data->seen[row];
        }
        linear_fit(x, DIMENSION, DIMENSION, y, w);
        double loss = sorted_loss(data, w, first, kept);
        if (loss < found_loss) {
            found_loss = loss;
            memcpy(found, w, sizeof w);
        }
    }
    int better = sorted_loss(data, fitted, first, kept) < found_loss;
    memcpy(best, better ? fitted : found, DIMENSION * sizeof(double));
}

static const double *ranked;

static int compare_ranked(const void *one, const void *other)
{
    double x = ranked[*(const size_t *)one], y = ranked[*(const size_t *)other];
    return (x > y) - (x < y);
}

/* Adds a change to w; returns whether it was small. */
static int change(double *w, const double *by)
{
    for (size_t k = 0; k < DIMENSION; k++) {
        w[k] += by[k];
    }
    return length(by) <= STILL * length(w);
}

/* Pairs by rank and refits, in turns. */
static void alternate(struct data *data, double *w)
{
    int still = 0;
    sort_seen(data);
    for (int step = 0; step < ALTERNATIONS && !still; step++) {
        double by[DIMENSION];
        predict(data, w);
        for (size_t k = 0; k < data->count; k++) {
            data->order[k] = k;
        }
        ranked = data->found;
        qsort(data->order, data->count, sizeof *data->order, compare_ranked);
        for (size_t k = 0; k < data->count; k++) {
            data->found[data->order[k]] = data->sorted[k] - data->found[data->order[k]];
        }
        linear_transposed(data->x, data->count, DIMENSION, data->found, by);
        linear_solve(&data->normal, by);
        still = change(w, by);
    }
}

/* Steps against the gradient of the matching loss, in the metric of the inputs: at a fixed plan a
 * step would be a refit to where the plan sends the predictions. Ends early without a gradient,
 * which the matching counts. */
static void train(struct data *data, struct matching *matching, double *w)
{
    int still = 0;
    matching_restart(matching);
    for (int step = 0; step < STEPS && !still; step++) {
        double by[DIMENSION];
        predict(data, w);
        if (matching_step(matching, data->found, data->seen) != ROT_OK) {
            return;
        }
        linear_transposed(data->x, data->count, DIMENSION, matching->by_prediction, by);
        linear_solve(&data->normal, by);
        for (size_t k = 0; k < DIMENSION; k++) {
            by[k] *= -0.5 * (double)data->count;
        }
        still = change(w, by);
    }
}

static void judge(struct data *data, const double *w, double *test, double *parameter)
{
    double off[DIMENSION];
    linear_apply(data->new_x, data->count, DIMENSION, w, data->found);
    *test = linear_relative_error(data->found, data->new_y, data->count);
    for (size_t k = 0; k < DIMENSION; k++) {
        off[k] = w[k] - data->w[k];
    }
    *parameter = length(off) / length(data->w);
}

/* Without outliers there is nothing to leave out. */
static int shown(const struct settings *settings, int method)
{
    return method != ROBUST || settings->outliers > 0.0;
}

/* All methods on one experiment. */
static void run(struct data *data, const struct settings *settings, struct matching *matchings,
                struct random *random, double w[METHODS][DIMENSION])
{
    double start[DIMENSION];
    linear_fit(data->x, data->count, DIMENSION, data->y, w[ORACLE]);
    linear_fit(data->x, data->count, DIMENSION, data->seen, w[SHUFFLED]);
    memcpy(w[ALTERNATING], w[SHUFFLED], sizeof w[SHUFFLED]);
    alternate(data, w[ALTERNATING]);
    ransac(data, settings, random, w[SHUFFLED], w[RANSAC], start);
    for (int method = ENVELOPE; method < METHODS; method++) {
        memcpy(w[method], start, sizeof start);
        if (shown(settings, method)) {
            train(data, &matchings[method], w[method]);
        }
    }
}

static void run_all(const struct settings *settings, struct data *data, struct matching *matchings,
                   struct results *results)
{
    struct progress progress;
    size_t done = 0, all = LAWS * settings->seeds;
    progress_begin(&progress, "unlabeled sensing", 0.0, 0);
    for (size_t seed = 0; seed < settings->seeds; seed++) {
        for (int law = 0; law < LAWS; law++) {
            double w[METHODS][DIMENSION], oracle = 1.0;
            char what[64];
            struct random random = {2 * (uint64_t)(seed + 1) + (uint64_t)law};
            snprintf(what, sizeof what, "seed %d of %d, x ~ N(%d, I)", (int)seed + 1,
                     (int)settings->seeds, 1 - law);
            progress_show_share(&progress, (double)done++ / (double)all, what);
            draw(data, settings, 1.0 - law, &random);
            run(data, settings, matchings, &random, w);
            for (int method = 0; method < METHODS; method++) {
                double test;
                judge(data, w[method], &test, &results->parameter[law][method][seed]);
                oracle = method == ORACLE ? test : oracle;
                results->test[law][method][seed] = test / oracle;
            }
        }
    }
    progress_end(&progress);
    for (int method = ENVELOPE; method < METHODS; method++) {
        results->solves += matchings[method].solves;
        results->failures += matchings[method].failures;
        results->sweeps += matchings[method].sweeps;
    }
}

static void print_results(const struct settings *settings, const struct results *results)
{
    static double sorted[MOST_SEEDS];
    printf("%d pairs in %d dimensions, %g %% shuffled, %g %% gross outliers, SNR %g; seeds 1 to %d\n",
           (int)settings->points, (int)DIMENSION, 100.0 * settings->shuffled,
           100.0 * settings->outliers, SNR, (int)settings->seeds);
    printf("epsilon %g of the largest cost; %d solves, %.1f sweeps each, %d not converged\n\n",
           settings->epsilon, (int)results->solves,
           (double)results->sweeps / fmax((double)results->solves, 1.0), (int)results->failures);
    printf("test error / oracle's, median (quartiles);  error of w, |w' - w| / |w|, median\n");
    printf("%-26s  %-36s  %s\n", "", "x ~ N(1, I)", "x ~ N(0, I)");
    for (int method = 0; method < METHODS; method++) {
        printf(shown(settings, method) ? "%-26s" : "", NAMES[method].name);
        for (int law = 0; law < LAWS && shown(settings, method); law++) {
            memcpy(sorted, results->test[law][method], settings->seeds * sizeof *sorted);
            double middle = median(sorted, settings->seeds);
            char spread[40];
            snprintf(spread, sizeof spread, "(%.3g to %.3g)", sorted[settings->seeds / 4],
                     sorted[settings->seeds - 1 - settings->seeds / 4]);
            memcpy(sorted, results->parameter[law][method], settings->seeds * sizeof *sorted);
            printf("  %8.3f %-18s %7.4f", middle, spread, median(sorted, settings->seeds));
        }
        printf(shown(settings, method) ? "\n" : "");
    }
}

static void print_remarks(const struct settings *settings)
{
    puts("\nNot reproduced from the paper: a narrow spread of the gain over RANSAC, which hangs on\n"
         "RANSAC's luck; a gain over sorting and refitting; and one of the full gradient (ROBOT) over\n"
         "a fixed plan at the paper's epsilon, 1e-4. At a large epsilon the fixed plan shrinks the\n"
         "answer and the full gradient does not. The head of unlabeled_sensing.c says more.");
    if (settings->picture != NULL) {
        printf("wrote %s\n", settings->picture);
    }
}

static int draw_picture(const struct settings *settings, const struct results *results)
{
    static char labels[LAWS * METHODS][40];
    struct chart_line lines[LAWS * METHODS];
    char title[80];
    size_t count = 0;
    for (int method = ORACLE + 1; method < METHODS; method++) {
        for (int law = 0; law < LAWS && shown(settings, method); law++) {
            struct chart_line line = {labels[count], results->test[law][method], settings->seeds,
                                      law};
            snprintf(labels[count], sizeof *labels, "%s N(%d,I)", NAMES[method].label, 1 - law);
            lines[count++] = line;
        }
    }
    snprintf(title, sizeof title, "TEST ERROR / ORACLE, %g %% SHUFFLED, %g %% OUTLIERS",
             100.0 * settings->shuffled, 100.0 * settings->outliers);
    const char *wrong = chart_write(settings->picture, title, lines, count);
    if (wrong != NULL) {
        fprintf(stderr, "unlabeled_sensing: %s: %s\n", settings->picture, wrong);
    }
    return wrong == NULL ? 0 : -1;
}

static int carry_out(const struct settings *settings)
{
    static struct results results;
    struct data data;
    struct matching matchings[METHODS];
    memset(matchings, 0, sizeof matchings);
    int result = data_new(&data, settings->points);
    for (int method = ENVELOPE; method < METHODS && result == 0; method++) {
        double dropped = method == ROBUST ? settings->outliers : 0.0;
        if (shown(settings, method)) {
            result = matching_new(&matchings[method], settings->points, settings->epsilon, dropped,
                                  method == ENVELOPE);
        }
    }
    if (result != 0) {
        fputs("unlabeled_sensing: out of memory\n", stderr);
    } else {
        run_all(settings, &data, matchings, &results);
        print_results(settings, &results);
        result = settings->picture == NULL ? 0 : draw_picture(settings, &results);
    }
    if (result == 0) {
        print_remarks(settings);
    }
    for (int method = 0; method < METHODS; method++) {
        matching_free(&matchings[method]);
    }
    data_free(&data);
    return result != 0 ? 2 : results.failures > 0;
}

static const char usage[] =
    "Linear regression whose pairs of inputs and responses are partly lost.\n"
    "\n"
    "  unlabeled_sensing [options]\n"
    "\n"
    "  --shuffled SHARE   of the responses that lost their inputs; default 0.5\n"
    "  --outliers SHARE   of the responses that are far off; default 0\n"
    "  --seeds N          experiments; default 20\n"
    "  --epsilon E        in units of the largest cost; default 0.01, with outliers 0.003\n"
    "  --quick            small and soon done: 300 pairs, 7 seeds\n"
    "  --picture FILE     draws all errors, as PNG\n"
    "\n"
    "Exit code 0; 1 if a solve did not converge; 2 if refused.\n";

/* Takes the number after an option. */
static int number(int argc, char **argv, int *next, double least, double most, double *value)
{
    const char *name = argv[*next - 1];
    char *end = NULL;
    if (*next < argc) {
        *value = strtod(argv[*next], &end);
    }
    if (end == NULL || end == argv[*next] || *end != '\0' || !(*value >= least && *value <= most)) {
        fprintf(stderr, "unlabeled_sensing: %s: needs a number from %g to %g\n", name, least, most);
        return -1;
    }
    ++*next;
    return 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {0.5, 0.0, 0.0, 1000, 20, 4000, NULL};
    double seeds = 0.0;
    int result = 0;
    for (int next = 1; next < argc && result == 0;) {
        const char *name = argv[next++];
        if (strcmp(name, "--shuffled") == 0) {
            result = number(argc, argv, &next, 0.0, 1.0, &settings.shuffled);
        } else if (strcmp(name, "--outliers") == 0) {
            result = number(argc, argv, &next, 0.0, 0.4, &settings.outliers);
        } else if (strcmp(name, "--seeds") == 0) {
            result = number(argc, argv, &next, 1.0, MOST_SEEDS, &seeds);
        } else if (strcmp(name, "--epsilon") == 0) {
            result = number(argc, argv, &next, 1e-5, 1.0, &settings.epsilon);
        } else if (strcmp(name, "--picture") == 0 && next < argc) {
            settings.picture = argv[next++];
        } else if (strcmp(name, "--quick") == 0) {
            settings.points = 300;
            settings.seeds = 7;
        } else {
            fputs(usage, strcmp(name, "--help") == 0 ? stdout : stderr);
            return strcmp(name, "--help") == 0 ? 0 : 2;
        }
    }
    if (settings.epsilon == 0.0) {
        settings.epsilon = settings.outliers > 0.0 ? 0.003 : 0.01;
    }
    settings.seeds = seeds > 0.0 ? (size_t)seeds : settings.seeds;
    return result != 0 ? 2 : carry_out(&settings);
}
