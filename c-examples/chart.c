/* chart.c - see chart.h. */
#include "chart.h"
#include "linear.h"
#include "picture.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 640,
    /* Of a letter's dots. */
    SCALE = 2,
    HEAD = 30,
    LINE = 24,
    FOOT = 26,
    LEFT = 200,
    RIGHT = 14,
};

/* Letters of 3 x 5 dots, a bit for each dot, row by row from the top. */
static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,+-/%():=";
static const uint16_t DOTS[] = {
    0x2bed, 0x6bae, 0x3923, 0x6b6e, 0x79a7, 0x79a4, 0x396b, 0x5bed, 0x7497, 0x126a, 0x5bad, 0x4927,
    0x5fed, 0x6b6d, 0x2b6a, 0x6ba4, 0x2b7b, 0x6bad, 0x388e, 0x7492, 0x5b6f, 0x5b6a, 0x5bfd, 0x5aad,
    0x5a92, 0x72a7, 0x7b6f, 0x2c97, 0x62a7, 0x628e, 0x5bc9, 0x798e, 0x39ef, 0x7292, 0x7bef, 0x7bce,
    0x0002, 0x0014, 0x05d0, 0x01c0, 0x12a4, 0x52a5, 0x2922, 0x224a, 0x0410, 0x0e38,
};

static const unsigned char INK[3] = {40, 40, 40}, GRID[3] = {222, 222, 222};
static const unsigned char COLOURS[2][3] = {{31, 119, 180}, {230, 120, 20}};

static void fill(struct picture *picture, int left, int top, int width, int height,
                 const unsigned char *colour)
{
    for (int y = top; y < top + height; y++) {
        for (int x = left; x < left + width; x++) {
            if (x >= 0 && y >= 0 && x < (int)picture->width && y < (int)picture->height) {
                memcpy(picture->rgb + 3 * ((size_t)y * picture->width + (size_t)x), colour, 3);
            }
        }
    }
}

static void write_text(struct picture *picture, int left, int top, const char *text)
{
    for (; *text != '\0'; text++, left += 4 * SCALE) {
        const char *letter = strchr(LETTERS, *text);
        for (int k = 0; letter != NULL && k < 15; k++) {
            if (DOTS[letter - LETTERS] >> (14 - k) & 1) {
                fill(picture, left + k % 3 * SCALE, top + k / 3 * SCALE, SCALE, SCALE, INK);
            }
        }
    }
}

/* Where the axis begins and ends: logarithms of powers of ten around all values. */
struct axis {
    double first, last;
};

static struct axis axis_around(const struct chart_line *lines, size_t count)
{
    struct axis axis = {INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lines[i].count; k++) {
            axis.first = fmin(axis.first, floor(log10(lines[i].values[k])));
            axis.last = fmax(axis.last, ceil(log10(lines[i].values[k])));
        }
    }
    axis.last = fmax(axis.last, axis.first + 1.0);
    return axis;
}

static int place(const struct axis *axis, double value)
{
    double share = (log10(value) - axis->first) / (axis->last - axis->first);
    return LEFT + (int)(share * (WIDTH - LEFT - RIGHT) + 0.5);
}

static void draw_axis(struct picture *picture, const struct axis *axis)
{
    int bottom = (int)picture->height - FOOT;
    for (double power = axis->first; power <= axis->last; power += 1.0) {
        char text[16];
        int width = 4 * SCALE * snprintf(text, sizeof text, "%g", pow(10.0, power));
        int x = place(axis, pow(10.0, power));
        for (int k = 2; k < 10 && power < axis->last; k++) {
            fill(picture, place(axis, k * pow(10.0, power)), bottom, 1, 4, INK);
        }
        fill(picture, x, HEAD, 1, bottom - HEAD, GRID);
        fill(picture, x, bottom, 1, 7, INK);
        x -= width / 2;
        write_text(picture, x + width > WIDTH ? WIDTH - width : x, bottom + 11, text);
    }
    fill(picture, LEFT, bottom, WIDTH - LEFT - RIGHT + 1, 1, INK);
}

static const char *draw_line(struct picture *picture, const struct axis *axis,
                             const struct chart_line *line, int top)
{
    const unsigned char *colour = COLOURS[line->colour];
    int middle = top + LINE / 2;
    double *sorted = malloc(line->count * sizeof *sorted);
    if (sorted == NULL) {
        return "out of memory";
    }
    memcpy(sorted, line->values, line->count * sizeof *sorted);
    fill(picture, place(axis, median(sorted, line->count)) - 1, middle - 9, 3, 19, INK);
    write_text(picture, 8, middle - 5, line->label);
    for (size_t k = 0; k < line->count; k++) {
        int x = place(axis, sorted[k]);
        /* A small disk; every other one lower, so that fewer of them hide each other. */
        int y = middle + (k % 2 ? 3 : -3);
        fill(picture, x - 1, y - 2, 3, 5, colour);
        fill(picture, x - 2, y - 1, 5, 3, colour);
    }
    free(sorted);
    return NULL;
}

const char *chart_write(const char *path, const char *title, const struct chart_line *lines,
                        size_t count)
{
    struct picture picture = {0, 0, NULL};
    struct axis axis = axis_around(lines, count);
    const char *wrong = picture_new(&picture, WIDTH, HEAD + LINE * count + FOOT);
    if (wrong != NULL) {
        return wrong;
    }
    memset(picture.rgb, 255, 3 * picture.width * picture.height);
    write_text(&picture, 8, 10, title);
    draw_axis(&picture, &axis);
    for (size_t i = 0; i < count && wrong == NULL; i++) {
        wrong = draw_line(&picture, &axis, &lines[i], HEAD + LINE * (int)i);
    }
    if (wrong == NULL) {
        wrong = picture_write_png(&picture, path);
    }
    picture_free(&picture);
    return wrong;
}
