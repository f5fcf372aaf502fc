/* options.c - see options.h. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Solves an optimal transport problem: exact, relaxed or robust marginals.\n"
    "\n"
    "  solve --cost C.csv | --points X.csv Y.csv   --epsilon E   [options]\n"
    "\n"
    "What is transported\n"
    "  --cost C.csv          cost of every pair, a line for each row; inf forbids a pair\n"
    "  --points X.csv Y.csv  or a point on each line; the cost is the squared distance\n"
    "  --euclidean           ... or the distance itself\n"
    "  --a a.csv             weights of the rows (of X), one line or one column; default 1/n each\n"
    "  --b b.csv             weights of the columns (of Y); default 1/m each\n"
    "How\n"
    "  --epsilon E           weight of the entropy, in units of the cost\n"
    "  --rows exact|kl:TAU   the plan's row sums are a (default), or pay TAU * KL for not being a\n"
    "  --cols exact|kl:TAU   the same for the column sums and b\n"
    "  --robust              the best plan of mass 1; both rules kl\n"
    "  --reference product   entropy relative to a b instead of the counting measure\n"
    "When to stop\n"
    "  --stop residual:T     relative error of the marginals; default 1e-9 (--f32: 1e-5)\n"
    "  --stop certified:E    cost + penalties proved to be within E of the best without entropy;\n"
    "                        needs a kl rule\n"
    "  --max-iterations N    default 100000. Ctrl-C stops too and keeps what was reached\n"
    "  --f32                 single precision\n"
    "What to write\n"
    "  --plan FILE           the plan, as CSV\n"
    "  --potentials FILE     line 1: f (rows), line 2: g (columns), -inf where the weight is 0\n"
    "  --report FILE         all that is known of the result, as JSON\n"
    "\n"
    "CSV files hold numbers separated by commas; lines that begin with # are skipped. Messages name\n"
    "FILE:LINE:COLUMN, columns counted in values, all from 1. Exit code 0: converged; 1: not\n"
    "converged, the results are written and the report says why; 2: refused, nothing is written.\n"
    "\n"
    "Example: three sources, two sinks, the second sink may stay short\n"
    "  printf '0,4\\n1,1\\n4,0\\n' > C.csv\n"
    "  printf '0.5,0.3,0.2\\n' > a.csv\n"
    "  printf '0.4,0.6\\n' > b.csv\n"
    "  solve --cost C.csv --a a.csv --b b.csv --epsilon 0.1 --cols kl:0.5 --plan plan.csv\n";

void options_print_usage(void)
{
    fputs(usage, stdout);
}

static int refuse(const char *option, const char *value, const char *what)
{
    fprintf(stderr, "solve: %s%s%s: %s (solve --help explains)\n", option,
            value == NULL ? "" : " ", value == NULL ? "" : value, what);
    return -1;
}

static int parse_number(const char *option, const char *text, const char *digits, double *value)
{
    char *end;
    *value = strtod(digits, &end);
    return end == digits || *end != '\0' ? refuse(option, text, "not a number") : 0;
}

static int parse_rule(const char *option, struct side_rule *rule)
{
    if (rule->text == NULL) {
        rule->text = "exact";
    }
    if (strcmp(rule->text, "exact") == 0) {
        return 0;
    }
    if (strncmp(rule->text, "kl:", 3) != 0) {
        return refuse(option, rule->text, "neither exact nor kl:TAU");
    }
    rule->kl = 1;
    return parse_number(option, rule->text, rule->text + 3, &rule->tau);
}

static int parse_stop(struct options *options)
{
    const char *text = options->stop_text;
    if (text == NULL) {
        return 0;
    }
    options->certified = strncmp(text, "certified:", 10) == 0;
    if (!options->certified && strncmp(text, "residual:", 9) != 0) {
        return refuse("--stop", text, "neither residual:T nor certified:E");
    }
    return parse_number("--stop", text, strchr(text, ':') + 1, &options->tolerance);
}

static int parse_max_iterations(struct options *options)
{
    const char *text = options->max_iterations_text;
    if (text == NULL) {
        return 0;
    }
    errno = 0;
    unsigned long long count = strtoull(text, NULL, 10);
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || errno == ERANGE) {
        return refuse("--max-iterations", text, "not a count");
    }
    options->max_iterations = count;
    return 0;
}

static int same(const char *one, const char *other)
{
    return one != NULL && other != NULL && strcmp(one, other) == 0;
}

/* What the words mean, and whether they go together. */
static int interpret(struct options *options, const char *reference)
{
    if ((options->cost == NULL) == (options->x == NULL)) {
        return refuse("--cost, --points", NULL, "exactly one of them is needed");
    }
    if (options->euclidean && options->x == NULL) {
        return refuse("--euclidean", NULL, "needs --points");
    }
    if (options->epsilon_text == NULL) {
        return refuse("--epsilon", NULL, "is needed");
    }
    if (reference != NULL && strcmp(reference, "product") != 0) {
        return refuse("--reference", reference, "not product");
    }
    options->product_reference = reference != NULL;
    if (same(options->plan, options->potentials) || same(options->plan, options->report) ||
        same(options->potentials, options->report)) {
        return refuse("--plan, --potentials, --report", NULL, "two of them name the same file");
    }
    if (parse_number("--epsilon", options->epsilon_text, options->epsilon_text,
                     &options->epsilon) != 0 ||
        parse_rule("--rows", &options->rows) != 0 || parse_rule("--cols", &options->cols) != 0 ||
        parse_stop(options) != 0) {
        return -1;
    }
    return parse_max_iterations(options);
}

int options_parse(struct options *options, int argc, char **argv)
{
    const struct options none = {0};
    const char *reference = NULL;
    const struct {
        const char *name;
        int *flag;
        const char **values[2];
    } known[] = {
        {"--cost", NULL, {&options->cost, NULL}},
        {"--points", NULL, {&options->x, &options->y}},
        {"--euclidean", &options->euclidean, {NULL, NULL}},
        {"--a", NULL, {&options->a, NULL}},
        {"--b", NULL, {&options->b, NULL}},
        {"--epsilon", NULL, {&options->epsilon_text, NULL}},
        {"--rows", NULL, {&options->rows.text, NULL}},
        {"--cols", NULL, {&options->cols.text, NULL}},
        {"--robust", &options->unit_mass, {NULL, NULL}},
        {"--reference", NULL, {&reference, NULL}},
        {"--stop", NULL, {&options->stop_text, NULL}},
        {"--max-iterations", NULL, {&options->max_iterations_text, NULL}},
        {"--f32", &options->single_precision, {NULL, NULL}},
        {"--plan", NULL, {&options->plan, NULL}},
        {"--potentials", NULL, {&options->potentials, NULL}},
        {"--report", NULL, {&options->report, NULL}},
        {"--help", &options->help, {NULL, NULL}},
    };
    const size_t count = sizeof known / sizeof *known;
    *options = none;
    for (int next = 1; next < argc;) {
        const char *name = argv[next++];
        size_t k = 0;
        while (k < count && strcmp(name, known[k].name) != 0) {
            k++;
        }
        if (k == count) {
            return refuse(name, NULL, "unknown option");
        }
        if (known[k].flag != NULL) {
            *known[k].flag = 1;
        }
        for (int part = 0; part < 2 && known[k].values[part] != NULL; part++) {
            if (next == argc) {
                return refuse(name, NULL, "a value is missing after it");
            }
            *known[k].values[part] = argv[next++];
        }
    }
    return options->help ? 0 : interpret(options, reference);
}
