/* output.h - the files that solve writes. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "engine.h"

/* Writes the files that the options name: all of them, or none. Each is written under another name
 * beside its place and moved there once all are complete. Returns 0, or prints what went wrong and
 * returns -1. */
int output_write(const struct options *options, const struct engine *engine,
                 const struct solution *solution);

#endif
