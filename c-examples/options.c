/* options.c - see options.h. */
#include "options.h"

#include <robust_ot.h>

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
    "  --rank R              ... squared, through a kernel of rank R at most; for many points and an E\n"
    "                        that is not too small (exp(-largest cost / E) well above rounding)\n"
    "  --rank auto           ... of the rank that keeps the logarithm of the kernel within 0.001\n"
    "  --a a.csv             weights of the rows (of X), one line or one column; default 1/n each\n"
    "  --b b.csv             weights of the columns (of Y); default 1/m each\n"
    "How\n"
    "  --epsilon E           weight of the entropy, in units of the cost\n"
    "  --accuracy E          or: cost + penalties proved to be within E of the best without entropy, at\n"
    "                        an epsilon that is found on the way; needs a kl rule\n"
    "  --rows RULE           the plan's row sums r:\n"
    "         exact          are a (default)\n"
    "         kl:TAU         pay TAU * KL for not being a\n"
    "         l2ball:R2:E    of sum 1, |r - a|^2 <= R2, and pay E * sum r (log r - 1)\n"
    "         klball:R:E     of sum 1, KL(r | a) <= R, and pay the same\n"
    "         tv:TAU         pay TAU for each unit more or less than a\n"
    "         box:LO:HI      LO * a <= r <= HI * a; HI may be inf\n"
    "  --cols RULE           the same for the column sums and b\n"
    "  --robust              the best plan of mass 1; both rules kl\n"
    "  --reference product   entropy relative to a b instead of the counting measure\n"
    "  --anneal              come down to E from a larger epsilon, then Newton's method: for a small E\n"
    "  --newton METHOD       ... its linear systems: iterative (default), direct (memory for the\n"
    "                        square of the smaller side), or none for sweeps alone\n"
    "  --sweep KIND          log (an exponential for each entry and sweep), scaling (products with a\n"
    "                        kernel that is kept in memory), or auto (default): scaling where the\n"
    "                        cost has at most 4 million entries\n"
    "When to stop\n"
    "  --stop residual:T     relative error of the marginals; default 1e-9 (--f32: 1e-5)\n"
    "  --stop certified:E    cost + penalties proved to be within E of the best without entropy;\n"
    "                        needs a kl or tv rule\n"
    "  --max-iterations N    default 100000. Ctrl-C stops too and keeps what was reached\n"
    "  --f32                 single precision\n"
    "What to write\n"
    "  --plan FILE           the plan, as CSV\n"
    "  --rounded             ... moved until it meets exact sides to the last digit, and its cost too: an\n"
    "                        upper bound of the best without entropy; the other side may be kl\n"
    "  --potentials FILE     line 1: f (rows), line 2: g (columns), -inf where the weight is 0\n"
    "  --report FILE         all that is known of the result, as JSON\n"
    "Gradients of a loss\n"
    "  --cotangent G.csv     the derivative of the loss by the plan\n"
    "  --gradient-cost FILE  its derivative by the cost, as CSV\n"
    "  --gradient-a FILE     ... by the weights a (b: --gradient-b); where the mass is fixed, along\n"
    "                        changes that keep it\n"
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
    static const struct {
        const char *name;
        uint32_t kind;
        int count;
    } known[] = {
        {"kl:", ROT_RULE_KL, 1},
        {"l2ball:", ROT_RULE_L2_BALL, 2},
        {"klball:", ROT_RULE_KL_BALL, 2},
        {"tv:", ROT_RULE_TV, 1},
        {"box:", ROT_RULE_BOX, 2},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const char *next = rule->text;
        if (strncmp(next, known[k].name, strlen(known[k].name)) != 0) {
            continue;
        }
        rule->kind = known[k].kind;
        for (int part = 0; part < known[k].count; part++) {
            char *end;
            next = strchr(next, ':');
            if (next == NULL) {
                return refuse(option, rule->text, "a number is missing");
            }
            next++;
            rule->param[part] = strtod(next, &end);
            int last = part + 1 == known[k].count;
            if (end == next || (*end != '\0' && (last || *end != ':'))) {
                return refuse(option, rule->text, "not a number");
            }
        }
        return 0;
    }
    return refuse(option, rule->text,
                  "none of exact, kl:TAU, l2ball:R2:E, klball:R:E, tv:TAU and box:LO:HI");
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

static int parse_newton(struct options *options)
{
    static const struct {
        const char *name;
        uint32_t method;
    } known[] = {
        {"direct", ROT_METHOD_DIRECT},
        {"iterative", ROT_METHOD_ITERATIVE},
        {"none", ROT_METHOD_NONE},
    };
    const char *text = options->newton_text;
    options->newton = ROT_METHOD_ITERATIVE;
    if (text == NULL) {
        return 0;
    }
    if (!options->anneal && options->accuracy_text == NULL) {
        return refuse("--newton", text, "needs --anneal or --accuracy");
    }
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (strcmp(text, known[k].name) == 0) {
            options->newton = known[k].method;
            return 0;
        }
    }
    return refuse("--newton", text, "none of direct, iterative and none");
}

static int parse_sweep(struct options *options)
{
    static const struct {
        const char *name;
        uint32_t sweep;
    } known[] = {
        {"auto", ROT_SWEEP_AUTO},
        {"log", ROT_SWEEP_LOG},
        {"scaling", ROT_SWEEP_SCALING},
    };
    const char *text = options->sweep_text;
    if (text == NULL) {
        return 0;
    }
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (strcmp(text, known[k].name) == 0) {
            options->sweep = known[k].sweep;
            return 0;
        }
    }
    return refuse("--sweep", text, "none of auto, log and scaling");
}

static int parse_rank(struct options *options)
{
    const char *text = options->rank_text;
    if (text == NULL) {
        return 0;
    }
    if (options->x == NULL || options->euclidean) {
        return refuse("--rank", text, "needs --points without --euclidean");
    }
    if (options->anneal) {
        return refuse("--rank", text, "does not go with --anneal");
    }
    options->rank_by_bound = strcmp(text, "auto") == 0;
    if (options->rank_by_bound) {
        return 0;
    }
    errno = 0;
    unsigned long rank = strtoul(text, NULL, 10);
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || errno == ERANGE ||
        rank == 0) {
        return refuse("--rank", text, "neither a count above 0 nor auto");
    }
    options->rank = rank;
    return 0;
}

static int same(const char *one, const char *other)
{
    return one != NULL && other != NULL && strcmp(one, other) == 0;
}

/* Whether there is a side to round to, and nothing that rounding would spoil. */
static int check_rounded(const struct options *options)
{
    const struct side_rule *const sides[] = {&options->rows, &options->cols};
    static const char *const names[] = {"--rows", "--cols"};
    int exact = 0;
    for (int k = 0; options->rounded && k < 2; k++) {
        exact |= sides[k]->kind == ROT_RULE_EXACT;
        if (sides[k]->kind != ROT_RULE_EXACT && sides[k]->kind != ROT_RULE_KL) {
            return refuse(names[k], sides[k]->text, "--rounded takes exact and kl only");
        }
    }
    return options->rounded && !exact ? refuse("--rounded", NULL, "no side is exact") : 0;
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
    if ((options->epsilon_text == NULL) == (options->accuracy_text == NULL)) {
        return refuse("--epsilon, --accuracy", NULL, "exactly one of them is needed");
    }
    if (options->accuracy_text != NULL && (options->anneal || options->stop_text != NULL)) {
        return refuse("--accuracy", options->accuracy_text, "neither with --anneal nor with --stop");
    }
    if (reference != NULL && strcmp(reference, "product") != 0) {
        return refuse("--reference", reference, "not product");
    }
    options->product_reference = reference != NULL;
    const char *const files[] = {options->plan,          options->potentials, options->report,
                                 options->gradient_cost, options->gradient_a, options->gradient_b};
    const int count = (int)(sizeof files / sizeof *files);
    for (int k = 0; k < count; k++) {
        for (int other = 0; other < k; other++) {
            if (same(files[k], files[other])) {
                return refuse(files[k], NULL, "two results would be written to it");
            }
        }
    }
    int gradient = options->gradient_cost != NULL || options->gradient_a != NULL ||
                   options->gradient_b != NULL;
    if (gradient != (options->cotangent != NULL)) {
        return refuse("--cotangent, --gradient-...", NULL, "one needs the other");
    }
    /* The library finds epsilon for an accuracy; the one in the problem has to be some number. */
    options->epsilon = 1.0;
    if ((options->epsilon_text != NULL &&
         parse_number("--epsilon", options->epsilon_text, options->epsilon_text,
                      &options->epsilon) != 0) ||
        (options->accuracy_text != NULL &&
         parse_number("--accuracy", options->accuracy_text, options->accuracy_text,
                      &options->accuracy) != 0) ||
        parse_rule("--rows", &options->rows) != 0 || parse_rule("--cols", &options->cols) != 0 ||
        check_rounded(options) != 0 || parse_stop(options) != 0 || parse_newton(options) != 0 ||
        parse_sweep(options) != 0 || parse_rank(options) != 0) {
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
        {"--accuracy", NULL, {&options->accuracy_text, NULL}},
        {"--rows", NULL, {&options->rows.text, NULL}},
        {"--cols", NULL, {&options->cols.text, NULL}},
        {"--robust", &options->unit_mass, {NULL, NULL}},
        {"--reference", NULL, {&reference, NULL}},
        {"--stop", NULL, {&options->stop_text, NULL}},
        {"--max-iterations", NULL, {&options->max_iterations_text, NULL}},
        {"--anneal", &options->anneal, {NULL, NULL}},
        {"--newton", NULL, {&options->newton_text, NULL}},
        {"--sweep", NULL, {&options->sweep_text, NULL}},
        {"--rank", NULL, {&options->rank_text, NULL}},
        {"--f32", &options->single_precision, {NULL, NULL}},
        {"--plan", NULL, {&options->plan, NULL}},
        {"--rounded", &options->rounded, {NULL, NULL}},
        {"--potentials", NULL, {&options->potentials, NULL}},
        {"--report", NULL, {&options->report, NULL}},
        {"--cotangent", NULL, {&options->cotangent, NULL}},
        {"--gradient-cost", NULL, {&options->gradient_cost, NULL}},
        {"--gradient-a", NULL, {&options->gradient_a, NULL}},
        {"--gradient-b", NULL, {&options->gradient_b, NULL}},
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
