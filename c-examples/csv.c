/* csv.c - see csv.h. */
#include "csv.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    FILE *file;
    const char *path;
    /* The current line, without its end, and its number. */
    char *text;
    size_t length, room, line;
};

static int out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    return -1;
}

/* Doubles the room of an array once it is full. Returns 0, or -1 when out of memory. */
static int grow(void **array, size_t count, size_t *room, size_t size)
{
    size_t more = *room == 0 ? 64 : 2 * *room;
    if (count < *room) {
        return 0;
    }
    void *larger = more > SIZE_MAX / size ? NULL : realloc(*array, more * size);
    if (larger == NULL) {
        return out_of_memory();
    }
    *array = larger;
    *room = more;
    return 0;
}

/* Returns 1 for a line, 0 at the end of the file, -1 on failure. */
static int next_line(struct reader *reader)
{
    void *text = reader->text;
    int c;
    reader->length = 0;
    reader->line++;
    do {
        c = getc(reader->file);
        if (grow(&text, reader->length, &reader->room, 1) != 0) {
            return -1;
        }
        reader->text = text;
        reader->text[reader->length++] = (char)c;
    } while (c != '\n' && c != EOF);
    reader->text[--reader->length] = '\0';
    if (ferror(reader->file)) {
        fprintf(stderr, "%s: %s\n", reader->path, strerror(errno));
        return -1;
    }
    return c == '\n' || reader->length > 0;
}

static int wrong(const struct reader *reader, size_t column, const char *what)
{
    fprintf(stderr, "%s:%zu:%zu: %s\n", reader->path, reader->line, column, what);
    return -1;
}

/* Quotes what stands between two commas, whatever bytes it consists of. */
static int wrong_value(const struct reader *reader, size_t column, const char *value,
                       size_t length, const char *what)
{
    char text[96], quoted[41];
    size_t kept = length < 40 ? length : 40;
    for (size_t k = 0; k < kept; k++) {
        quoted[k] = isprint((unsigned char)value[k]) ? value[k] : '?';
    }
    quoted[kept] = '\0';
    snprintf(text, sizeof text, "\"%s\" %s", quoted, what);
    return wrong(reader, column, text);
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the value at the cursor and leaves the cursor on the comma or at the end of the line. */
static int parse_value(const struct reader *reader, char **cursor, size_t column, double *value)
{
    char *line_end = reader->text + reader->length;
    char *start = *cursor, *comma, *end, *parsed;
    while (start < line_end && is_space(*start)) {
        start++;
    }
    for (comma = start; comma < line_end && *comma != ','; comma++) {
    }
    *cursor = comma;
    for (end = comma; end > start && is_space(end[-1]); end--) {
    }
    if (start == end) {
        return wrong(reader, column, "a value is missing");
    }
    errno = 0;
    *value = strtod(start, &parsed);
    if (parsed != end || isnan(*value)) {
        return wrong_value(reader, column, start, (size_t)(end - start), "is not a number");
    }
    if (errno == ERANGE && isinf(*value)) {
        return wrong_value(reader, column, start, (size_t)(end - start), "is too large");
    }
    return 0;
}

static int is_skipped(const struct reader *reader)
{
    size_t k = 0;
    while (k < reader->length && is_space(reader->text[k])) {
        k++;
    }
    return k == reader->length || reader->text[k] == '#';
}

/* Appends the current line to the table. `room` counts the values that fit. */
static int parse_line(const struct reader *reader, struct table *table, size_t *room)
{
    void *values = table->values;
    char *cursor = reader->text;
    char *end = reader->text + reader->length;
    size_t count = table->rows * table->cols, column = 0;
    do {
        if (grow(&values, count, room, sizeof(double)) != 0) {
            return -1;
        }
        table->values = values;
        cursor += column > 0;
        column++;
        if (table->rows > 0 && column > table->cols) {
            return wrong(reader, column, "this line has more values than the first one");
        }
        if (parse_value(reader, &cursor, column, &table->values[count++]) != 0) {
            return -1;
        }
    } while (cursor < end);
    if (table->rows > 0 && column < table->cols) {
        return wrong(reader, column + 1, "this line has fewer values than the first one");
    }
    table->cols = column;
    table->rows++;
    return 0;
}

static int read_lines(struct reader *reader, struct table *table)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t value_room = 0, line_room = 0;
    void *lines = NULL;
    int found;
    while ((found = next_line(reader)) == 1) {
        /* Spreadsheets begin a file with a byte order mark. */
        if (reader->line == 1 && strncmp(reader->text, mark, 3) == 0) {
            memset(reader->text, ' ', 3);
        }
        if (is_skipped(reader)) {
            continue;
        }
        if (grow(&lines, table->rows, &line_room, sizeof(size_t)) != 0) {
            return -1;
        }
        table->lines = lines;
        table->lines[table->rows] = reader->line;
        if (parse_line(reader, table, &value_room) != 0) {
            return -1;
        }
    }
    if (found == 0 && table->rows == 0) {
        reader->line = 1;
        return wrong(reader, 1, "the file holds no values");
    }
    return found;
}

int table_read(struct table *table, const char *path)
{
    struct reader reader = {NULL, path, NULL, 0, 0, 0};
    struct table empty = {path, 0, 0, NULL, NULL};
    *table = empty;
    reader.file = fopen(path, "rb");
    if (reader.file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    int result = read_lines(&reader, table);
    fclose(reader.file);
    free(reader.text);
    return result;
}

int table_uniform(struct table *table, size_t n)
{
    struct table uniform = {NULL, 1, n, malloc(n * sizeof(double)), NULL};
    *table = uniform;
    if (table->values == NULL) {
        return out_of_memory();
    }
    for (size_t k = 0; k < n; k++) {
        table->values[k] = 1.0 / (double)n;
    }
    return 0;
}

void table_free(struct table *table)
{
    free(table->values);
    free(table->lines);
    table->values = NULL;
    table->lines = NULL;
}
