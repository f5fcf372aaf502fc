/* agents.c - a control loop: in each of 200 steps, four teams of eight agents share out eight moving
 * goals. One call solves the four problems of a step, each from where it ended a step before. Prints how
 * many iterations that takes. All memory is static, and the steps depend on nothing but the data. */
#include <robust_ot.h>

#include <stdio.h>

enum { TEAMS = 4, N = 8, D = 2, STEPS = 200, WIDTH = 50, HEIGHT = 8 };

static double agents[TEAMS * N * D], goals[TEAMS * N * D], centres[TEAMS * N * D], aims[N * D];
static double weights[N], f[TEAMS * N], g[TEAMS * N];
static double work[ROT_SINKHORN_WORK_LEN(N, N, D)], plan_work[ROT_PLAN_WORK_LEN(N, N, D)];
static rot_report_f64 reports[TEAMS];

/* Numbers in [0, 1). */
static double next(void)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) / 9007199254740992.0;
}

static double squared(const double *x, const double *y)
{
    return (x[0] - y[0]) * (x[0] - y[0]) + (x[1] - y[1]) * (x[1] - y[1]);
}

/* One step of all teams: iterations of all of them, or -1. */
static int solve(int warm)
{
    rot_matrix_f64 x = ROT_MATRIX(agents, N, D), y = ROT_MATRIX(goals, N, D);
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    rot_options_f64 options = ROT_OPTIONS_F64_INIT;
    problem.cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
    problem.x = x; /* of the first team; the others lie behind it */
    problem.y = y;
    problem.a = problem.b = weights; /* of all teams */
    problem.a_len = problem.b_len = N;
    problem.epsilon = 0.02;
    problem.count = TEAMS;
    problem.x_stride = problem.y_stride = N * D;
    options.tolerance = 1e-4;
    options.flags = warm ? ROT_WARM_START : 0;
    for (int team = 0; team < TEAMS; team++) {
        rot_report_f64 init = ROT_REPORT_F64_INIT;
        reports[team] = init;
    }
    int32_t status = rot_sinkhorn_solve_batch_f64(&problem, &options, f, g, work,
                                                  sizeof work / sizeof *work, reports);
    if (status != ROT_OK) {
        fprintf(stderr, "team %d: %s\n", (int)reports[0].error.measure, rot_status_str(status));
        return -1;
    }
    int iterations = 0;
    for (int team = 0; team < TEAMS; team++) {
        iterations += (int)reports[team].iterations;
    }
    return iterations;
}

/* The agents of a team move towards where their mass goes. */
static int move(int team)
{
    double *own = agents + team * N * D;
    rot_matrix_f64 x = ROT_MATRIX(own, N, D), y = ROT_MATRIX(goals + team * N * D, N, D);
    rot_matrix_mut_f64 out = ROT_MATRIX(aims, N, D);
    rot_problem_f64 problem = ROT_PROBLEM_F64_INIT;
    problem.cost_kind = ROT_COST_SQUARED_EUCLIDEAN;
    problem.x = x;
    problem.y = y;
    problem.a = problem.b = weights;
    problem.a_len = problem.b_len = N;
    problem.epsilon = 0.02;
    int32_t status = rot_plan_barycentric_map_f64(&problem, f + team * N, g + team * N, 0.0, &y, &out,
                                                  plan_work, sizeof plan_work / sizeof *plan_work,
                                                  NULL);
    for (int k = 0; status == ROT_OK && k < N * D; k++) {
        own[k] += 0.1 * (aims[k] - own[k]);
    }
    return status;
}

int main(void)
{
    static int warm[STEPS];
    int cold_total = 0, warm_total = 0, most = 1;
    double cosine = 1.0, sine = 0.0;
    for (int k = 0; k < TEAMS * N * D; k++) {
        agents[k] = next();
        centres[k] = next();
    }
    for (int i = 0; i < N; i++) {
        weights[i] = 1.0 / N;
    }
    for (int step = 0; step < STEPS; step++) {
        /* The goals go round on small circles, a turn in 100 steps. */
        double c = cosine * 0.998026728428272 - sine * 0.0627905195293134;
        sine = sine * 0.998026728428272 + cosine * 0.0627905195293134;
        cosine = c;
        for (int k = 0; k < TEAMS * N; k++) {
            goals[D * k] = centres[D * k] + 0.1 * cosine;
            goals[D * k + 1] = centres[D * k + 1] + 0.1 * sine;
        }
        static double kept_f[TEAMS * N], kept_g[TEAMS * N];
        for (int k = 0; k < TEAMS * N; k++) {
            kept_f[k] = f[k];
            kept_g[k] = g[k];
        }
        /* From nothing, for comparison; then from the potentials of the step before. */
        int cold = solve(0);
        for (int k = 0; k < TEAMS * N; k++) {
            f[k] = kept_f[k];
            g[k] = kept_g[k];
        }
        warm[step] = solve(step > 0);
        if (cold < 0 || warm[step] < 0) {
            return 2;
        }
        cold_total += cold;
        warm_total += warm[step];
        for (int team = 0; team < TEAMS; team++) {
            if (move(team) != ROT_OK) {
                return 2;
            }
        }
    }
    double distance = 0.0;
    for (int k = 0; k < TEAMS * N; k++) {
        double nearest = squared(agents + D * k, goals + D * (k - k % N));
        for (int j = 1; j < N; j++) {
            double other = squared(agents + D * k, goals + D * (k - k % N + j));
            nearest = other < nearest ? other : nearest;
        }
        distance += nearest / (TEAMS * N);
    }

    /* A bar for every four steps. */
    for (int step = 0; step < STEPS; step++) {
        most = warm[step] > most ? warm[step] : most;
    }
    printf("iterations of a team, warm, step by step\n");
    for (int row = HEIGHT; row > 0; row--) {
        printf("%6.1f |", (double)most * row / HEIGHT / TEAMS);
        for (int bar = 0; bar < WIDTH; bar++) {
            int sum = 0;
            for (int k = 0; k < STEPS / WIDTH; k++) {
                sum += warm[bar * (STEPS / WIDTH) + k];
            }
            putchar(2 * sum * HEIGHT > (2 * row - 1) * most * (STEPS / WIDTH) ? '#' : ' ');
        }
        putchar('\n');
    }
    printf("%d steps of %d teams: %.1f iterations a solve from nothing, %.1f from the step before\n",
           STEPS, TEAMS, (double)cold_total / STEPS / TEAMS, (double)warm_total / STEPS / TEAMS);
    printf("mean squared distance from the nearest goal %.4f\n", distance);
    return 0;
}
