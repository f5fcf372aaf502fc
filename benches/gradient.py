"""The gradient of <G, X> by the cost, side by side with NumPy in one run.

    pip install numpy scipy
    python3 benches/gradient.py [rounds]

Each round measures `cargo bench --bench gradient` at n = 1024 and then the same formula in NumPy on one
thread: the balanced problem's normalised Schur complement K = I - X^T X, factored by Cholesky. Prints
the medians over the rounds and their ratios.
"""
import os
import re
import statistics
import subprocess
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np  # noqa: E402  (after its threads are set)
from scipy.linalg import cho_factor, cho_solve  # noqa: E402

N = 1024
EPSILON = 0.01
UNITS = {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}


def instance():
    """A plan with unit mass and nearly equal marginals; only its size matters here."""
    random = np.random.default_rng(1)
    x, y = random.random((N, 2)), random.random((N, 2))
    cost = ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=2) / 2.0
    f, g = np.zeros(N), np.zeros(N)
    for _ in range(300):
        f = -EPSILON * np.log(np.exp((g[None, :] - cost) / EPSILON).sum(axis=1) * N)
        g = -EPSILON * np.log(np.exp((f[:, None] - cost) / EPSILON).sum(axis=0) * N)
    return np.exp((f[:, None] + g[None, :] - cost) / EPSILON), random.random((N, N))


def gradient(plan, seen):
    """dL/dC = X (u + v - G) / epsilon."""
    r, c = plan.sum(axis=1), plan.sum(axis=0)
    a, b = np.sqrt(r), np.sqrt(c)
    scaled = plan / a[:, None] / b[None, :]
    product = plan * seen
    row, col = product.sum(axis=1) / a, product.sum(axis=0) / b
    k = np.eye(N) * (1 + 1e-14) - scaled.T @ scaled + np.outer(b, b) / (b @ b)
    v = cho_solve(cho_factor(k, lower=True, overwrite_a=True), col - scaled.T @ row)
    u = (row - scaled @ v) / a
    return plan * (u[:, None] + (v / b)[None, :] - seen) / EPSILON


def ours():
    """Milliseconds by name, from criterion's middle estimates."""
    command = ["cargo", "bench", "--bench", "gradient", "--", f"/{N}$"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found, name = {}, None
    for line in out.splitlines():
        start = re.match(r"gradient/f64/(\S+)/\d+", line)
        name = start.group(1) if start else name
        times = re.search(r"time:\s+\[\S+ \S+ (\S+) (\S+) \S+ \S+\]", line)
        if name and times:
            found[name] = float(times.group(1)) * UNITS[times.group(2)]
    return found


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    plan, seen = instance()
    times = {"NumPy": []}
    for k in range(rounds):
        print(f"round {k + 1} of {rounds}", file=sys.stderr)
        for name, value in ours().items():
            times.setdefault(name, []).append(value)
        best = []
        for _ in range(5):
            start = time.perf_counter()
            gradient(plan, seen)
            best.append(1e3 * (time.perf_counter() - start))
        times["NumPy"].append(statistics.median(best))
    reference = statistics.median(times["NumPy"])
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:16} {middle:8.1f} ms   {middle / reference:5.2f} of NumPy")


main()
