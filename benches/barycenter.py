"""One iteration of a barycenter of four measures, side by side with POT in one run.

    pip install pot numpy
    python3 benches/barycenter.py [rounds]

Each round measures `cargo bench --bench barycenter -- f64` and then POT's `ot.bregman.barycenter` on the
same data and one thread, per iteration: the difference of a long and a short run, so that no set-up
counts. Prints medians over the rounds and their ratios. Before that the solutions are compared, for
equal shares and others (exact rules; POT knows no others).
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
# Where they are set they may force kernels upon OpenBLAS that are not the processor's own.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
import numpy as np  # noqa: E402  (after its threads are set)
import ot  # noqa: E402

SIZES = (64, 256, 1024)
MEASURES = 4
EPSILON = 0.01
SHARES = {"uniform": None, "shares": np.array([0.1, 0.2, 0.3, 0.4])}
METHODS = ("sinkhorn_log", "sinkhorn_stabilized", "sinkhorn")
UNITS = {"ps": 1e-3, "ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}
# Iterations that POT's time is taken from: a short and a long run.
RUNS = {64: (20, 220), 256: (10, 60), 1024: (2, 7)}


def pot(method, weights, cost, iterations, shares=None, tolerance=0.0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "did not converge"
        options = dict(method=method, numItermax=iterations, stopThr=tolerance, warn=False)
        return ot.bregman.barycenter(weights, cost, EPSILON, weights=shares, **options)


def nanoseconds(method, n, weights, cost):
    """Per entry and iteration."""
    spent = []
    for iterations in RUNS[n]:
        start = time.perf_counter()
        pot(method, weights, cost, iterations)
        spent.append(time.perf_counter() - start)
    short, long = RUNS[n]
    return 1e9 * (spent[1] - spent[0]) / (long - short) / (MEASURES * n * n)


def bench(arguments=(), **environment):
    command = ["cargo", "bench", "--bench", "barycenter", "--", *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    ).stdout


def ours():
    """Nanoseconds per entry and iteration by (rule, n), from criterion's middle estimates."""
    found, name = {}, None
    for line in bench(["f64"]).splitlines():
        start = re.match(r"barycenter/f64/(\w+)/(\d+)", line)
        name = (start.group(1), int(start.group(2))) if start else name
        times = re.search(r"time:\s+\[\S+ \S+ (\S+) (\S+) \S+ \S+\]", line)
        if name and times:
            entries = 128 * MEASURES * name[1] ** 2
            found[name] = float(times.group(1)) * UNITS[times.group(2)] / entries
    return found


def instances():
    """Weights (n x k) and costs by n, once the solutions have been compared."""
    data = {}
    with tempfile.TemporaryDirectory() as folder:
        bench(ROT_BARYCENTER_OUT=folder)
        read = lambda name: np.fromfile(pathlib.Path(folder) / name)  # noqa: E731
        for n in SIZES:
            cost = read(f"cost-{n}").reshape(n, n)
            weights = np.ascontiguousarray(read(f"weights-{n}").reshape(MEASURES, n).T)
            data[n] = weights, cost
            if n > 256:
                continue  # POT's logarithmic method would take minutes
            for kind, shares in SHARES.items():
                for method in METHODS:
                    theirs = pot(method, weights, cost, 3000, shares, 1e-12)
                    off = np.abs(theirs / theirs.sum() - read(f"{kind}-{n}")).max() * n
                    note = "" if off < 1e-6 else "   DISAGREES"
                    print(f"n = {n}, {kind:8} {method:20} off by {off:.1e} of 1 / n{note}")
                    # The plain method is known to be wrong where shares differ.
                    assert off < 1e-6 or method == "sinkhorn"
    return data


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    data = instances()
    times = {}
    for k in range(rounds):
        print(f"round {k + 1} of {rounds}", file=sys.stderr)
        for (rule, n), value in ours().items():
            times.setdefault((f"robust-ot, {rule}", n), []).append(value)
        for n, (weights, cost) in data.items():
            for method in METHODS:
                value = nanoseconds(method, n, weights, cost)
                times.setdefault((f"POT {method}", n), []).append(value)
    print("ns per entry and iteration, and how often robust-ot with exact rules goes into it")
    for (name, n), values in sorted(times.items(), key=lambda item: item[0][1]):
        middle = statistics.median(values)
        reference = statistics.median(times["robust-ot, exact", n])
        print(f"n = {n:5} {name:24} {middle:8.2f}   {middle / reference:7.1f}")


main()
