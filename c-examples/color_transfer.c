/* color_transfer.c - gives one photograph the colours of another, with an outlier in the way.
 *
 * Colours sampled from both photographs are two clouds of points; the optimal plan says which
 * colour becomes which. A green square is painted onto the target. Balanced transport has to send
 * its whole share of the source there; robust transport (unit mass, both marginals KL) need not.
 * The program measures both and fails unless the robust plan is at least five times better. */
#include "picture.h"
#include "progress.h"

#include <robust_ot.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Colours are sampled in the middle of GRID x GRID cells. The square covers whole cells. */
enum { GRID = 24, SAMPLES = GRID * GRID, SQUARE_FIRST = 17, SQUARE_END = 23 };

/* In units of squared RGB distance, with channels from 0 to 1: colours closer than about 0.07 blend,
 * and a mass that would have to move much further than 0.45 stays where it is. */
static const double EPSILON = 0.005, TAU = 0.2;
static const double TOLERANCE = 1e-5;

static const unsigned char GREEN[3] = {0, 255, 0};

/* What the robust plan may keep of the balanced plan's error. */
static const double BOUND = 0.2;

/* What the square does to one kind of plan. */
struct experiment {
    /* Share of the mass that goes to the square. */
    double green;
    /* Mean change of the pixels' colours that the square causes. */
    double shift;
    /* The source in the colours of the target with the square. */
    struct picture moved;
};

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "color_transfer: %s: %s\n", path, what);
    return -1;
}

/* First pixel of a cell, out of `side` pixels. */
static size_t cell(size_t side, size_t k)
{
    return side * k / GRID;
}

static int in_square(size_t k)
{
    return k >= SQUARE_FIRST && k < SQUARE_END;
}

static void paint_square(struct picture *picture)
{
    for (size_t y = cell(picture->height, SQUARE_FIRST); y < cell(picture->height, SQUARE_END);
         y++) {
        for (size_t x = cell(picture->width, SQUARE_FIRST); x < cell(picture->width, SQUARE_END);
             x++) {
            memcpy(picture->rgb + 3 * (y * picture->width + x), GREEN, 3);
        }
    }
}

static void sample(const struct picture *picture, double *colours)
{
    for (size_t k = 0; k < SAMPLES; k++) {
        size_t y = (2 * (k / GRID) + 1) * picture->height / (2 * GRID);
        size_t x = (2 * (k % GRID) + 1) * picture->width / (2 * GRID);
        for (int channel = 0; channel < 3; channel++) {
            colours[3 * k + channel] =
                picture->rgb[3 * (y * picture->width + x) + channel] / 255.0;
        }
    }
}

static int32_t watch(void *user, const rot_progress_f64 *progress)
{
    progress_show(user, progress->iterations, progress->residual, progress->certified_distance);
    return 0;
}

/* Solves for the sampled colours; the potentials of the columns are what the map needs. */
static int solve(const rot_problem_f64 *problem, const char *label, double *g, double *green)
{
    static double f[SAMPLES], row[SAMPLES], col[SAMPLES];
    static double work[ROT_SINKHORN_WORK_LEN(SAMPLES, SAMPLES, 3)];
    const size_t work_len = sizeof work / sizeof *work;
    struct progress progress;
    rot_options_f64 options = ROT_OPTIONS_F64_INIT;
    rot_report_f64 report = ROT_REPORT_F64_INIT;
    options.tolerance = TOLERANCE;
    options.observe = watch;
    options.user = &progress;
    progress_begin(&progress, label, TOLERANCE, 0);
    int32_t status = rot_sinkhorn_solve_f64(problem, &options, f, g, work, work_len, &report);
    progress_end(&progress);
    if (status == ROT_OK) {
        status = rot_plan_marginals_f64(problem, f, g, report.log_mass, work, work_len, row, col,
                                        NULL, NULL);
    }
    if (status != ROT_OK) {
        return complain(label, rot_status_str(status));
    }
    *green = 0.0;
    for (size_t k = 0; k < SAMPLES; k++) {
        *green += in_square(k / GRID) && in_square(k % GRID) ? col[k] / report.mass : 0.0;
    }
    return 0;
}

/* Moves all pixels by the barycentric map. It asks for the potentials of the columns only, so the
 * rows of the solved problem may be replaced by any other points. */
static int move_pixels(rot_problem_f64 problem, const struct picture *source,
                       const double *palette, const double *g, double *colours)
{
    size_t count = source->width * source->height;
    size_t work_len = rot_plan_work_len(count, SAMPLES, 3);
    double *pixels = calloc(count, 3 * sizeof(double));
    double *weights = calloc(count, sizeof(double));
    double *f = calloc(count, sizeof(double));
    double *work = calloc(work_len, sizeof(double));
    int32_t status = -1;
    if (pixels != NULL && weights != NULL && f != NULL && work != NULL) {
        for (size_t k = 0; k < 3 * count; k++) {
            pixels[k] = source->rgb[k] / 255.0;
        }
        for (size_t k = 0; k < count; k++) {
            weights[k] = 1.0 / (double)count;
        }
        rot_matrix_f64 rows = ROT_MATRIX(pixels, count, 3), values = ROT_MATRIX(palette, SAMPLES, 3);
        rot_matrix_mut_f64 out = ROT_MATRIX(colours, count, 3);
        problem.x = rows;
        problem.a = weights;
        problem.a_len = count;
        status = rot_plan_barycentric_map_f64(&problem, f, g, 0.0, &values, &out, work, work_len,
                                              NULL);
    }
    free(pixels);
    free(weights);
    free(f);
    free(work);
    return status == ROT_OK ? 0 : complain("barycentric map", "refused, or out of memory");
}

/* The new colours of all pixels of the source, to be freed, and the share of the mass that goes to
 * where the square is. NULL on failure. */
static double *transfer(const struct picture *source, const struct picture *target, int robust,
                        double *green)
{
    static double from[3 * SAMPLES], to[3 * SAMPLES], uniform[SAMPLES], g[SAMPLES];
    rot_matrix_f64 rows = ROT_MATRIX(from, SAMPLES, 3), cols = ROT_MATRIX(to, SAMPLES, 3);
    rot_rule_f64 kl = ROT_KL(TAU);
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    sample(source, from);
    sample(target, to);
    for (size_t k = 0; k < SAMPLES; k++) {
        uniform[k] = 1.0 / SAMPLES;
    }
    problem.cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
    problem.x = rows;
    problem.y = cols;
    problem.a = uniform;
    problem.a_len = SAMPLES;
    problem.b = uniform;
    problem.b_len = SAMPLES;
    problem.epsilon = EPSILON;
    if (robust) {
        problem.flags = ROT_UNIT_MASS;
        problem.rows = kl;
        problem.cols = kl;
    }
    double *colours = calloc(source->width * source->height, 3 * sizeof(double));
    if (colours == NULL || solve(&problem, robust ? "robust  " : "balanced", g, green) != 0 ||
        move_pixels(problem, source, to, g, colours) != 0) {
        free(colours);
        return NULL;
    }
    return colours;
}

/* Mean distance of the colours of `count` pixels. */
static double mean_shift(const double *one, const double *other, size_t count)
{
    double total = 0.0;
    for (size_t k = 0; k < count; k++) {
        double square = 0.0;
        for (int channel = 0; channel < 3; channel++) {
            double difference = one[3 * k + channel] - other[3 * k + channel];
            square += difference * difference;
        }
        total += sqrt(square);
    }
    return total / (double)count;
}

/* Transfers the colours of the target without and with the square. */
static int carry_out(struct experiment *experiment, const struct picture *source,
                     const struct picture *target, const struct picture *painted, int robust)
{
    size_t count = source->width * source->height;
    double *without = transfer(source, target, robust, &experiment->green);
    double *with = transfer(source, painted, robust, &experiment->green);
    int result = -1;
    if (without != NULL && with != NULL &&
        picture_new(&experiment->moved, source->width, source->height) == NULL) {
        experiment->shift = mean_shift(without, with, count);
        for (size_t k = 0; k < 3 * count; k++) {
            double value = fmin(fmax(with[k], 0.0), 1.0);
            experiment->moved.rgb[k] = (unsigned char)floor(255.0 * value + 0.5);
        }
        result = 0;
    }
    free(without);
    free(with);
    return result;
}

/* Copies a picture, every pixel twice as wide and high. */
static void paste(struct picture *sheet, const struct picture *picture, size_t left, size_t top)
{
    for (size_t y = 0; y < 2 * picture->height; y++) {
        for (size_t x = 0; x < 2 * picture->width; x++) {
            memcpy(sheet->rgb + 3 * ((top + y) * sheet->width + left + x),
                   picture->rgb + 3 * (y / 2 * picture->width + x / 2), 3);
        }
    }
}

/* Writes pictures side by side. */
static int write_sheet(const struct picture *const *pictures, size_t count, const char *path)
{
    enum { GAP = 8, PAPER = 245 };
    struct picture sheet;
    size_t width = GAP, height = 0;
    for (size_t k = 0; k < count; k++) {
        width += 2 * pictures[k]->width + GAP;
        height = pictures[k]->height > height ? pictures[k]->height : height;
    }
    const char *wrong = picture_new(&sheet, width, 2 * height + 2 * GAP);
    if (wrong == NULL) {
        memset(sheet.rgb, PAPER, 3 * sheet.width * sheet.height);
        size_t left = GAP;
        for (size_t k = 0; k < count; k++) {
            paste(&sheet, pictures[k], left, GAP);
            left += 2 * pictures[k]->width + GAP;
        }
        wrong = picture_write_png(&sheet, path);
        picture_free(&sheet);
    }
    return wrong == NULL ? 0 : complain(path, wrong);
}

/* Prints the figures and says whether the robust plan is as good as promised. */
static int print_figures(const struct experiment *balanced, const struct experiment *robust)
{
    double green = robust->green / balanced->green, shift = robust->shift / balanced->shift;
    int cells = (SQUARE_END - SQUARE_FIRST) * (SQUARE_END - SQUARE_FIRST);
    printf("%d colours of each photograph; the green square covers %.2f %% of the target\n",
           (int)SAMPLES, 100.0 * cells / SAMPLES);
    printf("                    mass that goes to the square   mean colour shift it causes\n");
    printf("balanced            %26.4f %%   %27.6f\n", 100.0 * balanced->green, balanced->shift);
    printf("robust              %26.4f %%   %27.6f\n", 100.0 * robust->green, robust->shift);
    printf("robust / balanced   %28.4f   %27.4f\n", green, shift);
    return green <= BOUND && shift <= BOUND;
}

static int run(const struct picture *source, const struct picture *target, const char *path)
{
    struct picture painted = {0, 0, NULL};
    struct experiment balanced = {0.0, 0.0, {0, 0, NULL}}, robust = balanced;
    const struct picture *const sheet[] = {source, &painted, &balanced.moved, &robust.moved};
    int result = 2;
    const char *wrong = picture_new(&painted, target->width, target->height);
    if (wrong != NULL) {
        complain("painted target", wrong);
        return result;
    }
    memcpy(painted.rgb, target->rgb, 3 * target->width * target->height);
    paint_square(&painted);
    if (carry_out(&balanced, source, target, &painted, 0) == 0 &&
        carry_out(&robust, source, target, &painted, 1) == 0 &&
        write_sheet(sheet, sizeof sheet / sizeof *sheet, path) == 0) {
        result = print_figures(&balanced, &robust) ? 0 : 1;
        printf("source, target, balanced, robust: %s\n", path);
    }
    picture_free(&painted);
    picture_free(&balanced.moved);
    picture_free(&robust.moved);
    return result;
}

static int read_photograph(struct picture *picture, const char *path)
{
    const char *wrong = picture_read_ppm(picture, path);
    if (wrong == NULL && (picture->width < 2 * GRID || picture->height < 2 * GRID)) {
        wrong = "too small to sample";
    }
    return wrong == NULL ? 0 : complain(path, wrong);
}

int main(int argc, char **argv)
{
    struct picture source = {0, 0, NULL}, target = {0, 0, NULL};
    int result = 2;
    if (argc != 4) {
        fputs("usage: color_transfer SOURCE.ppm TARGET.ppm RESULT.png\n", stderr);
        return 2;
    }
    if (read_photograph(&source, argv[1]) == 0 && read_photograph(&target, argv[2]) == 0) {
        result = run(&source, &target, argv[3]);
    }
    picture_free(&source);
    picture_free(&target);
    return result;
}
