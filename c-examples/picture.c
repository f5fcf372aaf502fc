/* picture.c - see picture.h. */
#include "picture.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Larger pictures are refused, so that no size below can overflow a 32-bit PNG length. */
#define SIDE_LIMIT 16384

const char *picture_new(struct picture *picture, size_t width, size_t height)
{
    picture->rgb = NULL;
    if (width == 0 || height == 0 || width > SIDE_LIMIT || height > SIDE_LIMIT) {
        return "a side of the picture is zero or too long";
    }
    picture->width = width;
    picture->height = height;
    picture->rgb = calloc(width * height, 3);
    return picture->rgb == NULL ? "out of memory" : NULL;
}

void picture_free(struct picture *picture)
{
    free(picture->rgb);
    picture->rgb = NULL;
}

/* A number of the PPM header, after white space and comments; 0 if there is none. The one
 * character after the number is swallowed, as the format asks for the last of them. */
static size_t header_number(FILE *file)
{
    size_t value = 0;
    int c = getc(file);
    while (c == '#' || isspace(c)) {
        if (c == '#') {
            while (c != '\n' && c != EOF) {
                c = getc(file);
            }
        } else {
            c = getc(file);
        }
    }
    for (; isdigit(c); c = getc(file)) {
        /* What is too large already need not be told apart. */
        value = value > SIDE_LIMIT ? value : 10 * value + (size_t)(c - '0');
    }
    return isspace(c) ? value : 0;
}

static const char *read_ppm(struct picture *picture, FILE *file)
{
    if (getc(file) != 'P' || getc(file) != '6') {
        return "not a binary PPM file (P6)";
    }
    size_t width = header_number(file);
    size_t height = header_number(file);
    if (header_number(file) != 255) {
        return "the largest value is not 255";
    }
    const char *wrong = picture_new(picture, width, height);
    if (wrong == NULL && fread(picture->rgb, 3 * width, height, file) != height) {
        picture_free(picture);
        wrong = "the file ends before the picture does";
    }
    return wrong;
}

const char *picture_read_ppm(struct picture *picture, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return "cannot be opened";
    }
    const char *wrong = read_ppm(picture, file);
    fclose(file);
    return wrong;
}

/* A PNG file is a row of chunks, each with a CRC; the pixels are a zlib stream, which may consist
 * of blocks that are merely stored, so that nothing needs to be compressed. */
struct png {
    FILE *file;
    uint32_t crc;
    /* Adler-32 of the pixels. */
    uint32_t low, high;
};

static void put(struct png *png, const unsigned char *bytes, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        png->crc ^= bytes[k];
        for (int bit = 0; bit < 8; bit++) {
            png->crc = (png->crc >> 1) ^ (png->crc & 1 ? UINT32_C(0xedb88320) : 0);
        }
    }
    fwrite(bytes, 1, count, png->file);
}

static void put_number(struct png *png, uint32_t x)
{
    unsigned char bytes[4] = {x >> 24 & 255, x >> 16 & 255, x >> 8 & 255, x & 255};
    put(png, bytes, 4);
}

static void begin_chunk(struct png *png, const char *type, size_t length)
{
    put_number(png, (uint32_t)length);
    png->crc = UINT32_C(0xffffffff);
    put(png, (const unsigned char *)type, 4);
}

static void end_chunk(struct png *png)
{
    put_number(png, ~png->crc);
}

/* One row of pixels as a stored block: a filter byte and the row itself. */
static void put_row(struct png *png, const unsigned char *row, size_t count, int last)
{
    size_t length = count + 1;
    unsigned char head[6] = {last ? 1 : 0, length & 255, length >> 8, ~length & 255,
                             ~length >> 8 & 255, 0};
    put(png, head, 6);
    put(png, row, count);
    png->high = (png->high + png->low) % 65521;
    for (size_t k = 0; k < count; k++) {
        png->low = (png->low + row[k]) % 65521;
        png->high = (png->high + png->low) % 65521;
    }
}

const char *picture_write_png(const struct picture *picture, const char *path)
{
    static const unsigned char signature[8] = {137, 'P', 'N', 'G', 13, 10, 26, 10};
    static const unsigned char rgb8[5] = {8, 2, 0, 0, 0}, zlib[2] = {0x78, 0x01};
    struct png png = {NULL, 0, 1, 0};
    size_t row = 3 * picture->width;
    if (row > 65534) {
        return "a row of the picture is too long for one block";
    }
    png.file = fopen(path, "wb");
    if (png.file == NULL) {
        return "cannot be written";
    }
    put(&png, signature, 8);
    begin_chunk(&png, "IHDR", 13);
    put_number(&png, (uint32_t)picture->width);
    put_number(&png, (uint32_t)picture->height);
    put(&png, rgb8, 5);
    end_chunk(&png);
    begin_chunk(&png, "IDAT", 2 + picture->height * (row + 6) + 4);
    put(&png, zlib, 2);
    for (size_t y = 0; y < picture->height; y++) {
        put_row(&png, picture->rgb + y * row, row, y + 1 == picture->height);
    }
    put_number(&png, png.high << 16 | png.low);
    end_chunk(&png);
    begin_chunk(&png, "IEND", 0);
    end_chunk(&png);
    int failed = ferror(png.file);
    failed |= fclose(png.file);
    return failed ? "cannot be written" : NULL;
}
