"""What over-relaxation could save, on the arrays of the comparison with other libraries.

    benches/peers/run --quick    (sets up the environment and builds the library)
    target/peers/venv/bin/python benches/peers/over_relaxation.py target/peers/build/librobust_ot.so

Prints, for balanced problems and a residual of 1e-9, passes over the matrix: of plain sweeps; of sweeps
whose steps are lengthened by one factor, the best of a grid of them in hindsight, which no rule that
chooses a factor on the way can beat by much; of the same with a safeguard that goes back to plain sweeps
for a while where the residual has doubled; and of the library's solver that chooses between sweeps and Newton's method.
"""
import sys

import numpy as np

from ours import Library

MOST = 4000
TOLERANCE = 1e-9
FACTORS = (1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.85, 1.9, 1.93, 1.96, 1.98)


def clouds(n):
    random = np.random.default_rng(n)
    x, y = random.normal(size=(n, 2)), random.normal(size=(n, 2)) + 1.0
    cost = ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=2)
    return cost / cost.max()


def soft(values, epsilon):
    """-epsilon log sum exp(values / epsilon) along the last axis."""
    most = values.max(axis=1)
    return -most - epsilon * np.log(np.exp((values - most[:, None]) / epsilon).sum(axis=1))


def passes(cost, epsilon, factor, safeguarded=False):
    """Passes to the tolerance, L1 of the rows' error before a sweep; None where they are too many."""
    n = len(cost)
    across = np.ascontiguousarray(cost.T)
    f, g, weight = np.zeros(n), np.zeros(n), epsilon * np.log(1.0 / n)
    least, plain = np.inf, 10
    for count in range(MOST):
        step = 1.0 if plain > 0 and safeguarded else factor
        plain -= 1
        new = soft(g[None, :] - cost, epsilon) + weight
        with np.errstate(over="ignore", invalid="ignore"):
            residual = abs(np.exp((f - new) / epsilon) / n - 1.0 / n).sum()
        if residual <= TOLERANCE:
            # A plain one makes the columns feasible.
            return count + 1
        if not np.isfinite(residual) and not safeguarded:
            return None
        if not residual <= 2.0 * least and plain <= 0:
            least, plain = np.inf, 20
        least = min(least, residual)
        f = f + step * (new - f)
        g = g + step * (soft(f[None, :] - across, epsilon) + weight - g)
    return None


def main():
    library = Library(sys.argv[1], np.float64)
    print("| n, epsilon | plain | best factor | the same, safeguarded | sweeps + products of the library |")
    print("| --- | --- | --- | --- | --- |")
    for n in (64, 256):
        cost, a = clouds(n), np.full(n, 1.0 / n)
        for epsilon in (1e-1, 1e-2, 1e-3):
            plain = passes(cost, epsilon, 1.0) or f"over {MOST}"
            tried = {}
            for guarded in (False, True):
                found = ((passes(cost, epsilon, factor, guarded), factor) for factor in FACTORS)
                tried[guarded] = min((x for x in found if x[0]), default=None)
            cells = [f"{x[0]} ({x[1]})" if x else f"over {MOST}" for x in tried.values()]
            report = library.solver(cost, a, a, epsilon, "auto")(TOLERANCE, 100_000)[2]
            print(f"| {n}, {epsilon:g} | {plain} | {cells[0]} | {cells[1]} | "
                  f"{report.iterations} + {report.newton_products} |", flush=True)


if __name__ == "__main__":
    main()
