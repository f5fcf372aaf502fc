/* picture.h - reads binary PPM files and writes PNG files, without any library. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>

/* 8-bit RGB, row by row from the top, without gaps. */
struct picture {
    size_t width, height;
    unsigned char *rgb;
};

/* All three return NULL, or what went wrong in a few words. */

/* A black picture. */
const char *picture_new(struct picture *picture, size_t width, size_t height);

/* Reads a binary PPM file (P6) with values up to 255. */
const char *picture_read_ppm(struct picture *picture, const char *path);

/* Writes a PNG file. */
const char *picture_write_png(const struct picture *picture, const char *path);

/* Frees the pixels; harmless on a picture of zeros. */
void picture_free(struct picture *picture);

#endif
