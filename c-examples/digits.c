/* digits.c - what ten handwritten digits have in common, with two of the ten spoilt.
 *
 * An image is a measure on the plane: its ink, of mass 1. The barycenter of ten images of a digit is
 * computed twice, with exact marginals (iterative Bregman projections) and with KL marginals (robust
 * barycenters), from clean images and again after two of the ten, a share of 20 %, were spoilt: one
 * by salt, pixels far from the digit that get half of its ink, one by being another digit. The
 * program measures how far each barycenter has moved (the L1 distance to that of the clean images
 * under the same rule), draws all of it, and fails unless the robust one moves clearly less. */
#include "csv.h"
#include "picture.h"
#include "progress.h"
#include "random.h"

#include <robust_ot.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    DIGITS = 4,
    IMAGES = 10,
    SIDE = 8,
    PIXELS = SIDE * SIDE,
    /* The barycenter lives on a grid of half the spacing. */
    FINE = 16,
    SUPPORT = FINE * FINE,
    /* Pixels of salt, and which images are spoilt. */
    SALT = 6,
    SALTED = 0,
    WRONG = 1
};

/* In units of squared lengths, the side of an image being 1. Ink that differs by up to about a
 * quarter of a pixel's width blends. A mass that would have to move further than one pixel's width,
 * 1/8, costs more than leaving it out: that is the rule for tau. */
static const double EPSILON = 0.003, TAU = 1.0 / (SIDE * SIDE), TOLERANCE = 1e-6;
/* Share of the ink that turns to salt. */
static const double SALT_SHARE = 0.5;
/* What the robust barycenter may move, in terms of the exact one. */
static const double BOUND = 0.7;

struct images {
    double ink[IMAGES][PIXELS];
};

enum { EXACT, ROBUST, RULES };
enum { CLEAN, SPOILT, SETS };

static double pixels[2 * PIXELS], points[2 * SUPPORT];
static struct images sets[DIGITS][SETS];
static double found[DIGITS][RULES][SETS][SUPPORT];

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "digits: %s: %s\n", what, why);
    return -1;
}

/* The middles of the cells of a grid on the unit square, row by row. */
static void make_grid(double *grid, int side)
{
    for (int k = 0; k < side * side; k++) {
        grid[2 * k] = (k % side + 0.5) / side;
        grid[2 * k + 1] = (k / side + 0.5) / side;
    }
}

/* Makes the mass 1; -1 if there is none. */
static int normalise(double *ink)
{
    double mass = 0.0;
    for (int k = 0; k < PIXELS; k++) {
        mass += ink[k];
    }
    for (int k = 0; k < PIXELS; k++) {
        ink[k] /= mass;
    }
    return mass > 0.0 ? 0 : -1;
}

static int read_images(const char *path)
{
    struct table table = {NULL, 0, 0, NULL, NULL};
    int result = table_read(&table, path);
    if (result == 0 && (table.rows != DIGITS * IMAGES || table.cols != 1 + PIXELS)) {
        result = complain(path, "not ten images of 8 x 8 pixels for each of the digits 0 to 3");
    }
    for (size_t row = 0; result == 0 && row < table.rows; row++) {
        const double *values = table.values + row * table.cols;
        double *ink = sets[row / IMAGES][CLEAN].ink[row % IMAGES];
        memcpy(ink, values + 1, PIXELS * sizeof *ink);
        for (int k = 0; k < PIXELS; k++) {
            result = ink[k] >= 0.0 && ink[k] <= 16.0 ? result : -1;
        }
        if (result != 0 || values[0] != (double)(row / IMAGES) || normalise(ink) != 0) {
            result = complain(path, "not an image of the digit whose turn it is");
        }
    }
    table_free(&table);
    return result;
}

/* Turns a part of the ink into pixels where no clean image of the digit has any. */
static void salt(double *ink, const struct images *clean, struct random *random)
{
    size_t order[PIXELS], empty[PIXELS], count = 0;
    for (size_t k = 0; k < PIXELS; k++) {
        double all = 0.0;
        for (int image = 0; image < IMAGES; image++) {
            all += clean->ink[image][k];
        }
        if (all <= 0.0) {
            empty[count++] = k;
        }
        ink[k] *= 1.0 - SALT_SHARE;
    }
    size_t grains = count < SALT ? count : SALT;
    random_choose(random, order, count, grains);
    for (size_t k = 0; k < grains; k++) {
        ink[empty[order[k]]] = SALT_SHARE / (double)grains;
    }
    normalise(ink);
}

static void spoil(void)
{
    struct random random = {1};
    for (int digit = 0; digit < DIGITS; digit++) {
        struct images *spoilt = &sets[digit][SPOILT];
        const struct images *other = &sets[(digit + 1) % DIGITS][CLEAN];
        *spoilt = sets[digit][CLEAN];
        salt(spoilt->ink[SALTED], &sets[digit][CLEAN], &random);
        memcpy(spoilt->ink[WRONG], other->ink[WRONG], sizeof spoilt->ink[WRONG]);
    }
}

static int32_t watch(void *user, const rot_progress_f64 *progress)
{
    progress_show(user, progress->iterations, progress->residual, progress->certified_distance);
    return 0;
}

/* The barycenter of ten images. */
static int average(const struct images *images, int robust, const char *label, double *barycenter)
{
    static double f[IMAGES * PIXELS], g[IMAGES * SUPPORT];
    static double work[ROT_BARYCENTER_WORK_LEN(IMAGES, IMAGES * PIXELS, SUPPORT, 2)];
    const rot_measure_f64 empty = ROT_MEASURE_INIT;
    const rot_matrix_f64 x = ROT_MATRIX(pixels, PIXELS, 2), y = ROT_MATRIX(points, SUPPORT, 2);
    const rot_rule_f64 kl = ROT_KL(TAU);
    rot_measure_f64 measures[IMAGES];
    rot_barycenter_problem_f64 problem = ROT_BARYCENTER_PROBLEM_F64_INIT;
    rot_barycenter_options_f64 ladder = ROT_BARYCENTER_OPTIONS_F64_INIT;
    rot_options_f64 options = ROT_OPTIONS_F64_INIT;
    rot_barycenter_report_f64 report = ROT_BARYCENTER_REPORT_F64_INIT;
    struct progress progress;
    for (int image = 0; image < IMAGES; image++) {
        measures[image] = empty;
        measures[image].cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
        measures[image].x = x;
        measures[image].y = y;
        measures[image].weights = images->ink[image];
        measures[image].weights_len = PIXELS;
        if (robust) {
            measures[image].rule = kl;
        }
    }
    problem.measures = measures;
    problem.measures_len = IMAGES;
    problem.epsilon = EPSILON;
    ladder.start = 16.0 * EPSILON;
    options.tolerance = TOLERANCE;
    options.observe = watch;
    options.user = &progress;
    progress_begin(&progress, label, TOLERANCE, 0);
    int32_t status = rot_barycenter_solve_f64(&problem, &ladder, &options, f, g, barycenter, work,
                                              sizeof work / sizeof *work, &report);
    progress_end(&progress);
    return status == ROT_OK ? 0 : complain(label, rot_status_str(status));
}

static double distance(const double *x, const double *y)
{
    double sum = 0.0;
    for (int k = 0; k < SUPPORT; k++) {
        sum += fabs(x[k] - y[k]);
    }
    return sum;
}

/* ----- The picture ----- */

enum { TILE = 64, GAP = 8, WIDE_GAP = 24, COLUMNS = 7 };

/* Draws a measure on a grid, dark where its mass is, in a tile. */
static void draw(struct picture *picture, size_t left, size_t top, const double *ink, size_t side)
{
    double most = 0.0;
    for (size_t k = 0; k < side * side; k++) {
        most = ink[k] > most ? ink[k] : most;
    }
    for (size_t y = 0; y < TILE; y++) {
        for (size_t x = 0; x < TILE; x++) {
            double share = ink[y * side / TILE * side + x * side / TILE] / most;
            unsigned char *pixel = picture->rgb + 3 * ((top + y) * picture->width + left + x);
            memset(pixel, 255 - (int)(255.0 * sqrt(share)), 3);
        }
    }
}

/* Three of the images, two of them spoilt; the barycenters with exact marginals, clean and spoilt;
 * those with KL marginals. */
static int write_sheet(const char *path)
{
    struct picture picture = {0, 0, NULL};
    const char *wrong = picture_new(&picture, GAP + COLUMNS * (TILE + GAP) + 2 * (WIDE_GAP - GAP),
                                    GAP + DIGITS * (TILE + GAP));
    if (wrong == NULL) {
        memset(picture.rgb, 200, 3 * picture.width * picture.height);
        for (int digit = 0; digit < DIGITS; digit++) {
            const struct images *spoilt = &sets[digit][SPOILT];
            const double *images[] = {spoilt->ink[2], spoilt->ink[SALTED], spoilt->ink[WRONG]};
            size_t left = GAP, top = GAP + (size_t)digit * (TILE + GAP);
            for (size_t k = 0; k < sizeof images / sizeof *images; k++, left += TILE + GAP) {
                draw(&picture, left, top, images[k], SIDE);
            }
            for (int rule = 0; rule < RULES; rule++) {
                left += WIDE_GAP - GAP;
                for (int set = 0; set < SETS; set++, left += TILE + GAP) {
                    draw(&picture, left, top, found[digit][rule][set], FINE);
                }
            }
        }
        wrong = picture_write_png(&picture, path);
    }
    picture_free(&picture);
    return wrong == NULL ? 0 : complain(path, wrong);
}

/* 0, or 1 if the robust barycenter of some digit moves too far. */
static int print_figures(void)
{
    int result = 0;
    printf("L1 distance from the barycenter of ten clean images, two of the ten spoilt\n");
    printf("digit   exact (IBP)   KL (robust)   robust / exact\n");
    for (int digit = 0; digit < DIGITS; digit++) {
        double moved[RULES];
        for (int rule = 0; rule < RULES; rule++) {
            moved[rule] = distance(found[digit][rule][SPOILT], found[digit][rule][CLEAN]);
        }
        printf("%5d   %11.4f   %11.4f   %14.2f\n", digit, moved[EXACT], moved[ROBUST],
               moved[ROBUST] / moved[EXACT]);
        result |= !(moved[ROBUST] <= BOUND * moved[EXACT]);
    }
    return result;
}

int main(int argc, char **argv)
{
    static const char *const rules[RULES] = {"exact", "robust"}, *const of[SETS] = {"clean", "spoilt"};
    if (argc != 3) {
        fputs("usage: digits DIGITS.csv RESULT.png\n", stderr);
        return 2;
    }
    make_grid(pixels, SIDE);
    make_grid(points, FINE);
    if (read_images(argv[1]) != 0) {
        return 2;
    }
    spoil();
    for (int digit = 0; digit < DIGITS; digit++) {
        for (int rule = 0; rule < RULES; rule++) {
            for (int set = 0; set < SETS; set++) {
                char label[32];
                sprintf(label, "%d, %s, %-6s", digit, of[set], rules[rule]);
                if (average(&sets[digit][set], rule == ROBUST, label, found[digit][rule][set]) != 0) {
                    return 2;
                }
            }
        }
    }
    int result = print_figures();
    if (write_sheet(argv[2]) != 0) {
        return 2;
    }
    printf("images | exact: clean, spoilt | robust: clean, spoilt: %s\n", argv[2]);
    return result;
}
