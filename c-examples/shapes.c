/* shapes.c - from a disc to a star, and what salt does to it.
 *
 * Two shapes are drawn, as images of 128 x 128 pixels. Their barycenters with weights 0, 1/4, ..., 1 are
 * the steps of a change from one into the other: iterative Bregman projections, with exact marginals.
 * Then some of the disc's ink turns to salt, pixels far from it. Exact barycenters have to carry it along;
 * with KL marginals (robust barycenters) it is left out. The program draws all three strips, prints how
 * much ink each half-way barycenter has where that of the clean shapes has none, and fails unless the
 * robust one has clearly less.
 *
 * A matrix of costs between 16384 pixels would take a gigabyte. The cost of two grids is the sum of
 * what it is along each axis: nothing is stored, and an iteration takes 256 exponentials for a pixel. */
#include "picture.h"
#include "progress.h"

#include <robust_ot.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SIDE = 128,
    PIXELS = SIDE * SIDE,
    STEPS = 5,
    /* Barycenters of a strip that are solved: those between the two shapes. */
    SOLVED = STEPS - 2,
    SHAPES = 2,
    GRAINS = 12,
    ITERATIONS = 16
};

/* In units of squared lengths, the side of an image being 1. */
static const float EPSILON = 0.001f, TAU = 0.006f;
/* Share of the disc's ink that turns to salt. */
static const float SALT_SHARE = 0.15f;
/* Stray ink of the robust barycenter, in terms of the exact one. */
static const double BOUND = 0.2;

enum { CLEAN, EXACT, ROBUST, STRIPS };

/* Axis by axis: pixels, the first one's middle, their distance. */
static const float axes[] = {SIDE, 0.5f / SIDE, 1.0f / SIDE, SIDE, 0.5f / SIDE, 1.0f / SIDE};

static float ink[SHAPES][PIXELS], salted[PIXELS];
static float found[STRIPS][STEPS][PIXELS];

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "shapes: %s: %s\n", what, why);
    return -1;
}

static void normalise(float *image)
{
    double mass = 0.0;
    for (int k = 0; k < PIXELS; k++) {
        mass += image[k];
    }
    for (int k = 0; k < PIXELS; k++) {
        image[k] = (float)(image[k] / mass);
    }
}

/* A disc and a star of five points around it. */
static void draw_shapes(void)
{
    const double pi = 3.14159265358979324;
    for (int k = 0; k < PIXELS; k++) {
        double x = (k % SIDE + 0.5) / SIDE, y = (k / SIDE + 0.5) / SIDE;
        double radius = hypot(x - 0.5, y - 0.48), angle = atan2(y - 0.48, x - 0.5);
        /* How far the angle lies from a point of the star, between 0 and 1. */
        double turns = (angle + 2.5 * pi) / (0.4 * pi), off = fabs(turns - (int)turns - 0.5) * 2.0;
        ink[0][k] = radius < 0.2 ? 1.0f : 0.0f;
        ink[1][k] = radius < 0.1 + 0.2 * off * off ? 1.0f : 0.0f;
    }
    normalise(ink[0]);
    normalise(ink[1]);
    for (int k = 0; k < PIXELS; k++) {
        salted[k] = ink[0][k] * (1.0f - SALT_SHARE);
    }
    /* Grains of two by two pixels along the lower and the left edge. */
    for (int grain = 0; grain < GRAINS; grain++) {
        int along = 12 + 18 * (grain / 2), x = grain % 2 ? along : 8, y = grain % 2 ? 118 : along;
        for (int k = 0; k < 4; k++) {
            salted[(y + k / 2) * SIDE + x + k % 2] += SALT_SHARE / (4 * GRAINS);
        }
    }
    normalise(salted);
}

/* How much of a strip is done. */
struct watched {
    struct progress bar;
    int solved;
};

static int32_t watch(void *user, const rot_progress_f32 *progress)
{
    struct watched *watched = user;
    double part = fmin(1.0, (double)progress->iterations / ITERATIONS);
    progress_show_share(&watched->bar, (watched->solved + part) / SOLVED, "barycenters");
    return 0;
}

/* The barycenters of a shape and the star with shares 1 - t and t. */
static int make_strip(const float *shape, int robust, const char *label, float (*strip)[PIXELS])
{
    static float f[SHAPES * PIXELS], g[SHAPES * PIXELS];
    static float work[ROT_BARYCENTER_WORK_LEN(SHAPES, SHAPES * PIXELS, PIXELS, ROT_GRID_DIMENSION)];
    const rot_measure_f32 empty = ROT_MEASURE_INIT;
    const rot_matrix_f32 grid = ROT_MATRIX(axes, 2, 3);
    const rot_rule_f32 kl = ROT_KL(TAU);
    const float *images[SHAPES] = {shape, ink[1]};
    struct watched watched;
    int result = 0;
    watched.solved = 0;
    progress_begin(&watched.bar, label, 1.0, 0);
    memcpy(strip[0], shape, sizeof strip[0]);
    memcpy(strip[STEPS - 1], ink[1], sizeof strip[0]);
    for (int step = 1; result == 0 && step < STEPS - 1; step++, watched.solved++) {
        rot_measure_f32 measures[SHAPES];
        rot_barycenter_problem_f32 problem = ROT_BARYCENTER_PROBLEM_F32_INIT;
        rot_barycenter_options_f32 ladder = ROT_BARYCENTER_OPTIONS_F32_INIT;
        rot_options_f32 options = ROT_OPTIONS_F32_INIT;
        rot_barycenter_report_f32 report = ROT_BARYCENTER_REPORT_F32_INIT;
        float share = (float)step / (STEPS - 1);
        for (int k = 0; k < SHAPES; k++) {
            measures[k] = empty;
            measures[k].cost_kind = ROT_COST_GRID;
            measures[k].x = grid;
            measures[k].y = grid;
            measures[k].weights = images[k];
            measures[k].weights_len = PIXELS;
            measures[k].share = k == 0 ? 1.0f - share : share;
            if (robust) {
                measures[k].rule = kl;
            }
        }
        problem.measures = measures;
        problem.measures_len = SHAPES;
        problem.epsilon = EPSILON;
        /* Enough for a picture: a limit of iterations, not of the residual. The next step starts from
         * the potentials of this one. */
        options.max_iterations = ITERATIONS;
        options.tolerance = 1e-4f;
        options.check_every = 1;
        options.flags = step > 1 ? ROT_WARM_START : 0;
        options.observe = watch;
        options.user = &watched;
        int32_t status = rot_barycenter_solve_f32(&problem, &ladder, &options, f, g, strip[step], work,
                                                  sizeof work / sizeof *work, &report);
        if (status != ROT_OK && status != ROT_ITERATION_LIMIT) {
            result = complain(label, rot_status_str(status));
        }
    }
    progress_end(&watched.bar);
    return result;
}

/* ----- The picture and the figures ----- */

enum { GAP = 8 };

static void draw(struct picture *picture, size_t left, size_t top, const float *image)
{
    float most = 0.0f;
    for (size_t k = 0; k < PIXELS; k++) {
        most = image[k] > most ? image[k] : most;
    }
    for (size_t k = 0; k < PIXELS; k++) {
        size_t place = (top + k / SIDE) * picture->width + left + k % SIDE;
        memset(picture->rgb + 3 * place, 255 - (int)(255.0f * sqrtf(image[k] / most)), 3);
    }
}

static int write_sheet(const char *path)
{
    struct picture picture = {0, 0, NULL};
    const char *wrong =
        picture_new(&picture, GAP + STEPS * (SIDE + GAP), GAP + STRIPS * (SIDE + GAP));
    if (wrong == NULL) {
        memset(picture.rgb, 200, 3 * picture.width * picture.height);
        for (size_t k = 0; k < STRIPS * STEPS; k++) {
            size_t row = k / STEPS, column = k % STEPS;
            draw(&picture, GAP + column * (SIDE + GAP), GAP + row * (SIDE + GAP), found[row][column]);
        }
        wrong = picture_write_png(&picture, path);
    }
    picture_free(&picture);
    return wrong == NULL ? 0 : complain(path, wrong);
}

/* The share of a barycenter's ink where that of the clean shapes has next to none. */
static double stray(const float *image, const float *clean)
{
    double sum = 0.0, all = 0.0;
    for (int k = 0; k < PIXELS; k++) {
        all += image[k];
        sum += clean[k] < 1e-3f / PIXELS ? image[k] : 0.0f;
    }
    return sum / all;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: shapes RESULT.png\n", stderr);
        return 2;
    }
    draw_shapes();
    if (make_strip(ink[0], 0, "clean ", found[CLEAN]) != 0 ||
        make_strip(salted, 0, "exact ", found[EXACT]) != 0 ||
        make_strip(salted, 1, "robust", found[ROBUST]) != 0) {
        return 2;
    }
    const float *clean = found[CLEAN][STEPS / 2];
    double exact = stray(found[EXACT][STEPS / 2], clean);
    double robust = stray(found[ROBUST][STEPS / 2], clean);
    printf("ink of the half-way barycenter outside of that of the clean shapes\n");
    printf("exact (IBP)   %.4f\nKL (robust)   %.4f\n", exact, robust);
    if (write_sheet(argv[1]) != 0) {
        return 2;
    }
    printf("clean | exact with salt | robust with salt: %s\n", argv[1]);
    return robust <= BOUND * exact ? 0 : 1;
}
