/*
 * cases_body.h - the cases in one precision: included by cases.c with REAL (the type), BITS (an
 * unsigned integer of its size), T(name) (a name with its suffix), INIT(NAME) (an initialiser) and
 * PRECISION (its text).
 */

static REAL T(cost)[MOST_ROWS * MOST_COLS];
static REAL T(x)[MOST_ROWS * DIMENSION], T(y)[MOST_COLS * DIMENSION];
static REAL T(a)[MOST_ROWS], T(b)[MOST_COLS], T(f)[MOST_ROWS], T(g)[MOST_COLS];
static REAL T(row)[MOST_ROWS], T(col)[MOST_COLS], T(map)[MOST_ROWS * DIMENSION];
static REAL T(work)[ROT_SINKHORN_WORK_LEN(MOST_ROWS, MOST_COLS, DIMENSION)];
#if !defined CASES_SMALL && !defined CASES_TRIMMED
static REAL T(kept_work)[ROT_SINKHORN_FAST_WORK_LEN(KEPT_ROWS, KEPT_COLS, DIMENSION)];
#endif

static uint64_t T(hash)(uint64_t hash, const REAL *values, size_t count)
{
    for (; count > 0; --count, ++values) {
        /* Which NaN an operation makes is the processor's choice: here they are all one. */
        BITS bits = (BITS)-1;
        if (*values == *values)
            memcpy(&bits, values, sizeof bits);
        hash = hash_bytes(hash, bits, sizeof bits);
    }
    return hash;
}

/* Status, iterations and the numbers of the report, in the header's order. */
static uint64_t T(hash_report)(uint64_t hash, const T(rot_report) *report)
{
    hash = hash_bytes(hash, (uint32_t)report->error.status, 4);
    hash = hash_bytes(hash, report->iterations, 8);
    hash = T(hash)(hash, &report->epsilon, 1);
    hash = T(hash)(hash, &report->residual, 1);
    hash = T(hash)(hash, &report->residual_rows, 1);
    hash = T(hash)(hash, &report->residual_cols, 1);
    hash = T(hash)(hash, &report->rounding_floor, 1);
    hash = T(hash)(hash, &report->transport_cost, 1);
    hash = T(hash)(hash, &report->entropy, 1);
    hash = T(hash)(hash, &report->row_penalty, 1);
    hash = T(hash)(hash, &report->col_penalty, 1);
    hash = T(hash)(hash, &report->objective, 1);
    hash = T(hash)(hash, &report->unregularised_objective, 1);
    hash = T(hash)(hash, &report->dual_value, 1);
    hash = T(hash)(hash, &report->gap, 1);
    hash = T(hash)(hash, &report->lower_bound, 1);
    hash = T(hash)(hash, &report->certified_distance, 1);
    hash = T(hash)(hash, &report->mass, 1);
    hash = T(hash)(hash, &report->log_mass, 1);
    return T(hash)(hash, &report->mass_factor, 1);
}

/* Weights that are multiples of 2^-10, of mass exactly n m 2^-8 on either side. */
static void T(fill_weights)(REAL *w, size_t n, size_t m)
{
    size_t i;

    for (i = 0; i < n; ++i)
        w[i] = (REAL)(4 * m) / 1024;
    for (i = 0; i < n; ++i) {
        const REAL moved = (REAL)next_random(2) * (REAL)m / 1024;
        w[i] -= moved;
        w[next_random(16) % n] += moved;
    }
}

/* Multiples of 2^-8 in [least, least + 1). */
static void T(fill)(REAL *values, size_t count, REAL least)
{
    for (; count > 0; --count, ++values)
        *values = least + (REAL)next_random(8) / 256;
}

/* The entry of the first column that costs least: the plan has much there. */
static REAL *T(cheapest)(const T(rot_matrix) *cost)
{
    size_t i, best = 0;

    for (i = 1; i < cost->rows; ++i)
        if (cost->data[i * cost->row_stride] < cost->data[best * cost->row_stride])
            best = i;
    return &T(cost)[best * cost->row_stride];
}

static void T(next_number)(REAL *value)
{
    BITS bits;

    memcpy(&bits, value, sizeof bits);
    ++bits;
    memcpy(value, &bits, sizeof bits);
}

static void T(set_rule)(T(rot_rule) *rule, double tau)
{
    if (tau > 0) {
        rule->kind = ROT_RULE_KL;
        rule->param[0] = (REAL)tau;
    }
}

/* Solves in one call, or in slices, which must not change a bit. */
static int32_t T(solve)(const T(rot_problem) *problem, const T(rot_options) *options,
                        unsigned slice, T(rot_report) *report, struct stack *stack)
{
    /* No more than the log domain needs. */
    size_t work_len = rot_sinkhorn_work_len(problem->a_len, problem->b_len, DIMENSION);
    REAL *work = T(work);
    T(rot_state) state = INIT(STATE);
    int32_t status;

#if !defined CASES_SMALL && !defined CASES_TRIMMED
    if (options->sweep == ROT_SWEEP_SCALING) {
        work = T(kept_work);
        work_len = sizeof T(kept_work) / sizeof *T(kept_work);
    }
#endif

    if (slice == 0) {
        MEASURE(stack->solve, status = T(rot_sinkhorn_solve)(problem, options, T(f), T(g), work,
                                                             work_len, report));
        return status;
    }
    MEASURE(stack->init, status = T(rot_sinkhorn_init)(problem, options, T(f), T(g), work,
                                                       work_len, &state, NULL));
    if (status < 0)
        return status;
    do
        MEASURE(stack->step, status = T(rot_sinkhorn_step)(problem, options, slice, T(f), T(g),
                                                           work, work_len, &state, NULL));
    while (status == ROT_RUNNING);
    MEASURE(stack->finish, status = T(rot_sinkhorn_finish)(problem, options, T(f), T(g), work,
                                                           work_len, &state, report));
    return status;
}

static unsigned T(run_case)(const struct shape *shape, const struct geometry *geometry,
                            const struct rules *rules, uint32_t level, int one_ulp)
{
    const size_t n = shape->rows, m = shape->cols;
    const size_t work_len = sizeof T(work) / sizeof *T(work);
    T(rot_problem) problem = INIT(PROBLEM);
    T(rot_options) options = INIT(OPTIONS);
    uint64_t hashes[2] = {0, 0};
    struct stack stack = {0, 0, 0, 0, 0, 0};
    unsigned failures = 0;
    int sliced;

    random_state = 0x9e3779b9u;
    T(fill)(T(cost), n * m, 1);
    T(fill)(T(x), n * DIMENSION, 0);
    T(fill)(T(y), m * DIMENSION, 1);
    T(fill_weights)(T(a), n, m);
    T(fill_weights)(T(b), m, n);
    if (shape->irregular) {
        /* A weight of zero, a forbidden pair, and a cost that is stored column by column. */
        const T(rot_matrix) by_columns = {T(cost), n, m, 1, n, 0};
        T(a)[1] += T(a)[0];
        T(a)[0] = 0;
        T(cost)[n * m - 1] = (REAL)infinity();
        problem.cost = by_columns;
    } else {
        const T(rot_matrix) by_rows = ROT_MATRIX(T(cost), n, m);
        problem.cost = by_rows;
    }
    if (one_ulp)
        T(next_number)(geometry->kind == ROT_COST_DENSE ? T(cheapest)(&problem.cost) : T(y));
    if (geometry->kind != ROT_COST_DENSE) {
        const T(rot_matrix) x = ROT_MATRIX(T(x), n, DIMENSION), y = ROT_MATRIX(T(y), m, DIMENSION);
        const T(rot_matrix) none = ROT_NO_MATRIX;
        problem.cost = none;
        problem.x = x;
        problem.y = y;
    }
    problem.cost_kind = geometry->kind;
    problem.a = T(a);
    problem.a_len = n;
    problem.b = T(b);
    problem.b_len = m;
    problem.epsilon = (REAL)0.125;
    problem.flags = rules->flags;
    problem.reference = rules->reference;
    T(set_rule)(&problem.rows, rules->tau_rows);
    T(set_rule)(&problem.cols, rules->tau_cols);
    options.tolerance = (REAL)(shape->to_the_floor ? 1e-30 : 1e-6);
    options.max_iterations = shape->to_the_floor ? 500 : 60;
    options.level = level;
    options.sweep = shape->sweep;

    for (sliced = 0; sliced <= (shape->slice > 0); ++sliced) {
        T(rot_report) report = INIT(REPORT);
        const T(rot_matrix) values = ROT_MATRIX(T(y), m, DIMENSION);
        const T(rot_matrix_mut) map = ROT_MATRIX(T(map), n, DIMENSION);
        uint64_t hash = HASH_START;
        const unsigned slice = sliced ? shape->slice : 0;
        int32_t status = T(solve)(&problem, &options, slice, &report, &stack), plan;

        if (status < 0) {
            put("case failed: ");
            put(rot_status_str(status));
            put("\n");
            return 1;
        }
        MEASURE(stack.marginals,
                plan = T(rot_plan_marginals)(&problem, T(f), T(g), report.log_mass, T(work),
                                             work_len, T(row), T(col), NULL, NULL));
        if (plan == ROT_OK)
            MEASURE(stack.map,
                    plan = T(rot_plan_barycentric_map)(&problem, T(f), T(g), report.log_mass,
                                                       &values, &map, T(work), work_len, NULL));
        failures += plan != ROT_OK;
        hash = T(hash_report)(hash, &report);
        hash = T(hash)(hash, T(f), n);
        hash = T(hash)(hash, T(g), m);
        hash = T(hash)(hash, T(row), n);
        hash = T(hash)(hash, T(map), n * DIMENSION);
        hashes[sliced] = hash;
        if (sliced == 0) {
            put_name("case ", PRECISION, shape, geometry, rules);
            put_number(" status ", (double)status);
            put_number(" iterations ", (double)report.iterations);
            put_number(" residual ", (double)report.residual);
            put_number(" cost ", (double)report.transport_cost);
            put_number(" mass ", (double)report.mass);
            put_hash(" hash ", hash);
        }
    }
    if (shape->slice > 0 && hashes[0] != hashes[1]) {
        put("case failed: other bits in slices\n");
        ++failures;
    }
    put_stack(PRECISION, shape, geometry, rules, &stack);
    return failures;
}

#if !defined CASES_SMALL && !defined CASES_TRIMMED
/*
 * A regression whose pairing is lost, fitted on the chip: two weights, a few training steps, each from
 * the potentials of the one before, with a ball that leaves out a target that is wrong.
 */
static unsigned T(fit)(uint32_t level, int one_ulp)
{
    enum { N = 16, STEPS = 12 };
    static REAL features[N][2], predictions[N], targets[N], weights[N], slopes[N];
    static REAL work[ROT_MATCHING_DIRECT_WORK_LEN(N, N, 1)];
    const T(rot_matrix) x = ROT_MATRIX(predictions, N, 1), y = ROT_MATRIX(targets, N, 1);
    const T(rot_matrix_mut) gradient_x = ROT_MATRIX(slopes, N, 1);
    const T(rot_rule) ball = ROT_L2_BALL_DROPPING((REAL)0.0625, N, (REAL)0.015625);
    T(rot_problem) problem = INIT(PROBLEM);
    T(rot_options) options = INIT(OPTIONS);
    T(rot_gradient_options) how = INIT(GRADIENT_OPTIONS);
    T(rot_report) report = INIT(REPORT);
    REAL model[2] = {(REAL)0.5, (REAL)0.25};
    uint64_t hash = HASH_START;
    double error;
    size_t i, step;

    random_state = 0x2545f491u;
    T(fill)(&features[0][0], 2 * N, 0);
    for (i = 0; i < N; ++i) {
        /* The truth is (1, -1/2); the order is another one. */
        targets[(5 * i + 3) % N] = features[i][0] - features[i][1] / 2;
        weights[i] = (REAL)1 / N;
    }
    targets[7] += 3;
    if (one_ulp)
        T(next_number)(&targets[7]);
    problem.cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
    problem.x = x;
    problem.y = y;
    problem.a = problem.b = weights;
    problem.a_len = problem.b_len = N;
    problem.epsilon = (REAL)0.015625;
    problem.cols = ball;
    options.level = how.level = level;
    options.tolerance = (REAL)1e-5;
    how.forward_tolerance = (REAL)1e-3;
    for (step = 0; step < STEPS; ++step) {
        T(rot_gradient) gradient = INIT(GRADIENT);
        int32_t status;

        gradient.x = gradient_x;
        for (i = 0; i < N; ++i)
            predictions[i] = model[0] * features[i][0] + model[1] * features[i][1];
        options.flags = step > 0 ? ROT_WARM_START : 0;
        status = T(rot_matching_step)(&problem, NULL, &options, &how, T(f), T(g), &report, &gradient,
                                      work, sizeof work / sizeof *work);
        if (status < 0 || gradient.error.status != ROT_OK) {
            put("case failed: ");
            put(rot_status_str(status < 0 ? status : gradient.error.status));
            put("\n");
            return 1;
        }
        for (i = 0; i < N; ++i) {
            model[0] -= slopes[i] * features[i][0];
            model[1] -= slopes[i] * features[i][1];
        }
        hash = T(hash_report)(hash, &report);
        hash = T(hash)(hash, &report.col_multiplier, 1);
        hash = T(hash)(hash, &gradient.epsilon, 1);
        hash = T(hash)(hash, gradient.col_rule, 2);
        hash = T(hash)(hash, slopes, N);
        hash = T(hash)(hash, model, 2);
    }
    hash = T(hash)(hash, T(f), N);
    hash = T(hash)(hash, T(g), N);
    error = ((double)model[0] - 1) * ((double)model[0] - 1) +
            ((double)model[1] + 0.5) * ((double)model[1] + 0.5);
    put("case " PRECISION "/shuffled-regression/squared/16x16");
    put_number(" steps ", STEPS);
    put_number(" loss ", (double)report.transport_cost);
    put_number(" squared-error ", error);
    put_hash(" hash ", hash);
    return 0;
}
#endif

#if !defined CASES_SMALL
/* The barycenter of three histograms of 32 bins, one of them with an empty bin. */
static unsigned T(average)(const struct taste *taste, uint32_t level, int one_ulp)
{
    enum { BINS = 32, COUNT = 3 };
    static REAL cost[BINS * BINS], weights[COUNT][BINS];
    static REAL f[COUNT * BINS], g[COUNT * BINS], barycenter[BINS];
    static REAL work[ROT_BARYCENTER_WORK_LEN(COUNT, COUNT * BINS, BINS, 0)];
    const T(rot_matrix) view = ROT_MATRIX(cost, BINS, BINS);
    const T(rot_measure) empty = ROT_MEASURE_INIT;
    T(rot_measure) measures[COUNT];
    T(rot_barycenter_problem) problem = INIT(BARYCENTER_PROBLEM);
    T(rot_barycenter_options) ladder = INIT(BARYCENTER_OPTIONS);
    T(rot_barycenter_report) report = INIT(BARYCENTER_REPORT);
    T(rot_options) options = INIT(OPTIONS);
    uint64_t hash = HASH_START;
    uint32_t stack = 0;
    int32_t status;
    size_t i, k;

    random_state = 0x3c6ef372u;
    for (i = 0; i < BINS; ++i)
        for (k = 0; k < BINS; ++k)
            cost[i * BINS + k] = 1 + ((REAL)i - (REAL)k) * ((REAL)i - (REAL)k) / (BINS * BINS);
    for (k = 0; k < COUNT; ++k) {
        T(fill_weights)(weights[k], BINS, 8);
        measures[k] = empty;
        measures[k].cost = view;
        measures[k].weights = weights[k];
        measures[k].weights_len = BINS;
        measures[k].share = (REAL)(k + 1);
        T(set_rule)(&measures[k].rule, taste->tau[k]);
    }
    weights[1][4] += weights[1][3];
    weights[1][3] = 0;
    if (one_ulp)
        T(next_number)(&cost[5 * BINS + 6]);
    problem.measures = measures;
    problem.measures_len = COUNT;
    problem.epsilon = (REAL)0.015625;
    ladder.start = (REAL)0.25;
    options.tolerance = (REAL)1e-5;
    options.max_iterations = 200;
    options.level = level;
    MEASURE(stack, status = T(rot_barycenter_solve)(&problem, &ladder, &options, f, g, barycenter,
                                                    work, sizeof work / sizeof *work, &report));
    if (status < 0) {
        put("case failed: ");
        put(rot_status_str(status));
        put("\n");
        return 1;
    }
    hash = hash_bytes(hash, (uint32_t)report.error.status, 4);
    hash = hash_bytes(hash, report.iterations, 8);
    hash = T(hash)(hash, &report.residual, 1);
    hash = T(hash)(hash, &report.objective, 1);
    hash = T(hash)(hash, &report.dual_value, 1);
    hash = T(hash)(hash, &report.gap, 1);
    hash = T(hash)(hash, &report.log_mass, 1);
    hash = T(hash)(hash, f, COUNT * BINS);
    hash = T(hash)(hash, g, COUNT * BINS);
    hash = T(hash)(hash, barycenter, BINS);
    put("case " PRECISION "/barycenter-");
    put(taste->name);
    put("/dense/3x32");
    put_number(" status ", (double)status);
    put_number(" iterations ", (double)report.iterations);
    put_number(" residual ", (double)report.residual);
    put_number(" cost ", (double)report.transport_cost);
    put_number(" mass ", (double)report.mass);
    put_hash(" hash ", hash);
    if (stack > 0) {
        put("stack " PRECISION "/barycenter-");
        put(taste->name);
        put_number(" barycenter ", stack);
        put("\n");
    }
    return 0;
}
#endif
