"""This library beside others in one run; see `run`."""
import csv
import math
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
import peers  # noqa: E402
from ours import LEVEL_AUTO, LEVEL_FMA, Library  # noqa: E402

OUT, FLAGS = sys.argv[1], set(sys.argv[2:])
QUICK, FULL = "--quick" in FLAGS, "--full" in FLAGS
# Nothing but the time of an iteration.
SHORT = "--iterations" in FLAGS
RUNS = 3 if QUICK else 7
# Processor seconds after which a run is too slow to be repeated, and to be waited for.
PATIENCE, MOST = (0.5, 2.0) if QUICK else (2.0, 6.0)
SHARED = os.path.join(OUT, "build", "librobust_ot." + ("dylib" if sys.platform == "darwin" else "so"))
ROWS = []
# What took too long for a looser tolerance.
SLOW = set()
# The solver that has to be near the best everywhere.
OURS = "robust-ot auto"


def clock():
    # Time of the processor, all threads: others use this machine too.
    return time.process_time()


def note(*words):
    print(*words, file=sys.stderr, flush=True)


def clouds(n, b_mass=1.0):
    random = np.random.default_rng(n)
    x, y = random.normal(size=(n, 2)), random.normal(size=(n, 2)) + 1.0
    cost = ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=2)
    return cost / cost.max(), np.full(n, 1.0 / n), np.full(n, b_mass / n)


def record(part, case, name, value, unit, remark="", runs=0):
    ROWS.append({"part": part, **case, "solver": name, "value": value, "unit": unit,
                 "runs": runs, "remark": remark})


def interleaved(candidates, runs):
    """Median processor time of each call, in turns."""
    times = {name: [] for name in candidates}
    for k in range(runs):
        for name, call in candidates.items():
            # What takes long is not repeated as often.
            if k > 0 and sum(times[name]) > PATIENCE:
                continue
            before = clock()
            call()
            times[name].append(clock() - before)
    return {name: (statistics.median(seen), len(seen)) for name, seen in times.items()}


# (a) Time of an iteration: the difference of two solves over that of their iterations.

def per_iteration(n, dtype):
    cost, a, b = (x.astype(dtype) for x in clouds(n))
    epsilon = 0.01
    library = Library(SHARED, dtype)
    solvers = {}
    for how, level, of in (("log", LEVEL_AUTO, ""), ("kept", LEVEL_AUTO, ""), ("log", LEVEL_FMA, ", fma"),
                           ("kept", LEVEL_FMA, ", fma")):
        solve = library.solver(cost, a, b, epsilon, how, level=level)
        solvers[f"robust-ot {how}{of}"] = lambda most, solve=solve: solve(1e-30, most)[2].iterations
    if "POT" in peers.INSTALLED:
        for method in ("sinkhorn_knopp", "sinkhorn_log"):
            solve = peers.pot(method, cost, a, b, epsilon)
            solvers[f"POT {method}"] = lambda most, solve=solve: solve(0, most) and most
    if "OTT" in peers.INSTALLED:
        solve = peers.ott(cost, a, b, epsilon)
        solvers["OTT lse"] = lambda most, solve=solve: solve(-1.0, most)[1]
    if "GeomLoss" in peers.INSTALLED:
        solve = peers.geomloss(cost, a, b, epsilon)
        solvers["GeomLoss softmins"] = lambda most, solve=solve: solve(0, most)[1]
    few, many = 10, 110 if n < 1024 else 50
    found = {name: [] for name in solvers}
    # Small problems are repeated: a clock has its grain.
    repeats = max(1, 2_000_000 // (n * n * 4))
    for k in range(RUNS + 1):
        for name, solve in solvers.items():
            fast = name.startswith("robust")
            before = clock()
            for _ in range(repeats if fast else max(1, repeats // 8)):
                low = solve(few)
            middle = clock()
            for _ in range(repeats if fast else max(1, repeats // 8)):
                high = solve(many)
            count = (high - low) * (repeats if fast else max(1, repeats // 8))
            # The first round compiles.
            if k > 0 and count > 0:
                found[name].append((clock() - 2 * middle + before) / count)
    case = {"n": n, "dtype": np.dtype(dtype).name, "epsilon": epsilon, "tolerance": ""}
    for name, seen in found.items():
        if seen:
            value = statistics.median(seen) * 1e9 / (n * n)
            record("iteration", case, name, value, "ns/entry", runs=len(seen))
            note(f"iteration {case['dtype']} n={n} {name}: {value:.3f} ns per entry")


# (b), (c) Time to an answer that passes a check.

def settle(solve, check, tolerance, scale_of):
    """The largest threshold whose answer passes, the call, and what became of it.

    Each library has a rule of its own for when to stop, so each gets the loosest threshold with which
    its answer is as good as asked."""
    for factor in (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.001):
        threshold = tolerance * factor * scale_of
        before = clock()
        try:
            plan, count = solve(threshold)
            plan = plan() if callable(plan) else plan
        except Exception as error:
            return None, f"failed: {str(error).splitlines()[0][:60]}"
        spent = clock() - before
        error = check(plan)
        if error <= tolerance:
            return (lambda: solve(threshold)), f"{count} iterations, error {error:.1e}"
        if not math.isfinite(error) or spent > MOST:
            return None, f"error {error:.1e} after {spent:.1f} s"
    return None, f"error {error:.1e} at the tightest threshold"


def to_tolerance(part, case, candidates, check):
    """`candidates`: name -> (function of a threshold, scale of the threshold)."""
    ready, remarks = {}, {}
    for name, (solve, scale) in candidates.items():
        key = (part, case["n"], case["epsilon"], name)
        if key in SLOW:
            ready[name], remarks[name] = None, "too slow for a looser tolerance"
            continue
        before = clock()
        ready[name], remarks[name] = settle(solve, check, case["tolerance"], scale)
        # Some answers take minutes, too.
        if clock() - before > (MOST if ready[name] is None else 10.0 * MOST):
            SLOW.add(key)
    good = {name: call for name, call in ready.items() if call is not None}
    for name in candidates:
        if name not in good:
            record(part, case, name, "", "s", remarks[name])
            note(part, case, name, "--", remarks[name])
    for name, (value, runs) in interleaved(good, RUNS).items():
        record(part, case, name, value, "s", remarks[name], runs)
        note(part, case, name, f"{value:.3g} s ({remarks[name]})")


def limit(seconds_per_iteration):
    return max(100, int(MOST / seconds_per_iteration))


def ours(library, cost, a, b, epsilon, tau=None):
    n = len(a)
    found = {}
    for how, per_entry in (("log", 1e-9), ("kept", 2e-10), ("auto", 2e-10)):
        call = library.solver(cost, a, b, epsilon, how, tau)

        def solve(threshold, call=call, most=limit(per_entry * n * n + 2e-6)):
            f, g, report = call(threshold, most)
            weights = 1.0 if tau is None else a[:, None] * b[None, :]

            def plan():
                return weights * np.exp((f[:, None] + g[None, :] - cost) / epsilon)

            return plan, report.iterations + report.newton_products

        found[f"robust-ot {how}"] = (solve, 1.0)
    return found


def balanced(n, epsilon, tolerance):
    cost, a, b = clouds(n)
    candidates = ours(Library(SHARED, np.float64), cost, a, b, epsilon)
    size = n * n
    if "POT" in peers.INSTALLED:
        for method in ("sinkhorn_knopp", "sinkhorn_stabilized"):
            call = peers.pot(method, cost, a, b, epsilon)
            most = limit(4e-10 * size + 1e-5)
            # Its rule is the Euclidean norm of one marginal's error.
            candidates[f"POT {method}"] = (
                lambda threshold, call=call, most=most: call(threshold, most), 1 / math.sqrt(n))
    if "OTT" in peers.INSTALLED:
        call = peers.ott(cost, a, b, epsilon)
        most = limit(3e-9 * size + 5e-6)
        candidates["OTT lse"] = (lambda threshold, call=call, most=most: call(threshold, most), 1.0)
    if "RegOT" in peers.INSTALLED:
        for method in peers.REGOT:
            call = peers.regot(method, cost, a, b, epsilon)
            plain = method in ("sinkhorn_bcd", "sinkhorn_lbfgs_dual")
            most = limit(1e-8 * size + (0 if plain else 1e-10 * n**3))
            candidates[f"RegOT {method}"] = (
                lambda threshold, call=call, most=most: call(threshold, most), 1 / math.sqrt(n))

    def check(plan):
        if plan.shape != cost.shape:
            return math.inf
        return abs(plan.sum(axis=1) - a).sum() + abs(plan.sum(axis=0) - b).sum()

    case = {"n": n, "dtype": "float64", "epsilon": epsilon, "tolerance": tolerance}
    to_tolerance("balanced", case, candidates, check)


def unbalanced(n, epsilon, tolerance):
    cost, a, b = clouds(n, 1.5)
    library = Library(SHARED, np.float64)
    candidates = ours(library, cost, a, b, epsilon, tau=1.0)
    f, g, report = library.solver(cost, a, b, epsilon, "auto", 1.0)(1e-13, 10_000)
    truth = np.outer(a, b) * np.exp((f[:, None] + g[None, :] - cost) / epsilon)
    if "POT" in peers.INSTALLED:
        most = limit(4e-10 * n * n + 2e-5)
        for method in ("sinkhorn_knopp_unbalanced", "sinkhorn_unbalanced_translation_invariant"):
            call = peers.pot_unbalanced(method, cost, a, b, epsilon, 1.0)
            candidates[f"POT {method}"] = (
                lambda threshold, call=call: call(threshold, most), 1.0)

    def check(plan):
        return abs(plan - truth).sum() / truth.sum()

    case = {"n": n, "dtype": "float64", "epsilon": epsilon, "tolerance": tolerance}
    if report.residual > 1e-10:
        note("unbalanced", case, f"no reference: residual {report.residual:.1e}")
        return
    to_tolerance("unbalanced", case, candidates, check)


# What is written.

def best(rows):
    rows = [r for r in rows if r["value"] != "" and not r["solver"].startswith("robust-ot")]
    return min(rows, key=lambda r: r["value"], default=None)


def number(value):
    return f"{value:.3g}"


def tables():
    lines = []
    iteration = [r for r in ROWS if r["part"] == "iteration"]
    if iteration:
        names = list(dict.fromkeys(r["solver"] for r in iteration))
        lines += ["ns per entry and iteration, epsilon 1e-2:", "",
                  "| precision, n | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
        for key in dict.fromkeys((r["dtype"], r["n"]) for r in iteration):
            cells = {r["solver"]: number(r["value"]) for r in iteration
                     if (r["dtype"], r["n"]) == key}
            row = " | ".join(cells.get(name, "-") for name in names)
            lines.append(f"| {key[0]}, {key[1]} | {row} |")
    for part, text in (
            ("balanced", "ms until both marginals' errors sum to the tolerance (L1), balanced"),
            ("unbalanced", "ms until the plan is as near as the tolerance (L1 over its mass), "
                           "Kl/Kl, tau = 1, masses 1 and 1.5")):
        own = [r for r in ROWS if r["part"] == part]
        if not own:
            continue
        lines += ["", text + ":", "",
                  "| n, epsilon, tolerance | log | kept | auto | best peer | its time over auto's |",
                  "| --- | --- | --- | --- | --- | --- |"]
        for key in dict.fromkeys((r["n"], r["epsilon"], r["tolerance"]) for r in own):
            rows = [r for r in own if (r["n"], r["epsilon"], r["tolerance"]) == key]
            cell = {r["solver"]: number(1e3 * r["value"]) for r in rows if r["value"] != ""}
            peer = best(rows)
            we = next((r for r in rows if r["solver"] == OURS and r["value"] != ""), None)
            theirs = f"{number(1e3 * peer['value'])} ({peer['solver']})" if peer else "none"
            ratio = f"{peer['value'] / we['value']:.2g}" if peer and we else "-"
            ours_ = " | ".join(cell.get(f"robust-ot {how}", "-") for how in ("log", "kept", "auto"))
            lines.append(f"| {key[0]}, {key[1]:g}, {key[2]:g} | {ours_} | {theirs} | {ratio} |")
    memory = [r for r in ROWS if r["part"] == "memory"]
    if memory:
        names = list(dict.fromkeys(r["solver"] for r in memory))
        lines += ["", "MiB beside the inputs (of ours: work and potentials; of others: what a few "
                  "iterations add to the peak of a process that has solved a small problem), f64:", "",
                  "| n | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
        for n in dict.fromkeys(r["n"] for r in memory):
            cells = {r["solver"]: number(r["value"]) for r in memory if r["n"] == n}
            lines.append(f"| {n} | " + " | ".join(cells.get(name, "-") for name in names) + " |")
    return lines


def plot():
    """Time to 1e-9 against n and against 1 / epsilon: ours, and the best of the others."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except Exception as error:
        note(f"*** NOT RUN: plots ({error}) ***")
        return
    rows = [r for r in ROWS if r["part"] == "balanced" and r["tolerance"] == 1e-9]
    kinds = (("auto", lambda seen: next((r["value"] for r in seen if r["solver"] == OURS), "")),
             ("best peer", lambda seen: (best(seen) or {"value": ""})["value"]))
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, along, by in ((axes[0], "n", "epsilon"), (axes[1], "epsilon", "n")):
        for k, value in enumerate(dict.fromkeys(r[by] for r in rows)):
            for (name, pick), style in zip(kinds, ("o-", "x--")):
                line = []
                for at in dict.fromkeys(r[along] for r in rows):
                    found = pick([r for r in rows if r[by] == value and r[along] == at])
                    if found != "":
                        line.append((at if along == "n" else 1 / at, found))
                if line:
                    axis.loglog(*zip(*line), style, color=f"C{k}", label=f"{name}, {by} = {value:g}")
        axis.set_xlabel("n" if along == "n" else "largest cost / epsilon")
        axis.grid(True, which="both", alpha=0.3)
        axis.legend(fontsize=6)
    axes[0].set_ylabel("seconds to 1e-9, balanced")
    figure.savefig(os.path.join(OUT, "times.png"), dpi=110)
    pyplot.close(figure)


# (d) Memory.

def grown(name, n):
    """MiB that a few iterations add to the peak of a process of its own (Linux)."""
    def status(name):
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 2**10

    solvers = {"POT sinkhorn_knopp": lambda *x: peers.pot("sinkhorn_knopp", *x),
               "POT sinkhorn_log": lambda *x: peers.pot("sinkhorn_log", *x),
               "OTT lse": peers.ott,
               "RegOT sinkhorn_ssns": lambda *x: peers.regot("sinkhorn_ssns", *x)}
    few = 5
    solvers[name](*clouds(16), 0.01)(1e-30, few)
    cost, a, b = clouds(n)
    with open("/proc/self/clear_refs", "w") as peak:
        # The peak is what there is now.
        peak.write("5")
    before = status("VmRSS")
    answer = solvers[name](cost, a, b, 0.01)(1e-30, few)
    after = status("VmHWM")
    del answer
    return after - before


def memory(n):
    cost, a, b = clouds(n)
    library = Library(SHARED, np.float64)
    case = {"n": n, "dtype": "float64", "epsilon": 0.01, "tolerance": ""}
    for how in ("log", "auto"):
        record("memory", case, f"robust-ot {how}",
               library.solver(cost, a, b, 0.01, how).memory / 2**20, "MiB")
    for name in ("POT sinkhorn_knopp", "POT sinkhorn_log", "OTT lse", "RegOT sinkhorn_ssns"):
        if name.split()[0] in peers.INSTALLED:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                try:
                    record("memory", case, name, pool.submit(grown, name, n).result(), "MiB")
                except Exception as error:
                    note("memory", name, error)


def write(start_load):
    name = os.path.join(OUT, "iterations" if SHORT else "peers")
    versions = []
    for package in ("numpy", "POT", "ott-jax", "jax", "RegOT", "geomloss"):
        try:
            from importlib.metadata import version

            versions.append(f"{package} {version(package)}")
        except Exception:
            pass
    cpu = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as info:
            named = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
        cpu = named[0] if named else cpu
    head = [f"{cpu}, {os.cpu_count()} processors; load {start_load:.1f} at the start and "
            f"{os.getloadavg()[0]:.1f} at the end. {', '.join(versions)}; one thread; processor time; "
            f"medians of {RUNS} interleaved runs (fewer where a run takes over {PATIENCE:g} s); compiling "
            "and tuning not counted; an answer that fails its check has no time. POT and RegOT form the plan, "
            "OTT and this library give potentials."]
    head += [f"NOT RUN: {name} ({why})" for name, why in peers.MISSING.items()]
    text = "\n".join(head + [""] + tables()) + "\n"
    with open(name + ".md", "w") as file:
        file.write(text)
    with open(name + ".csv", "w", newline="") as file:
        fields = ["part", "n", "dtype", "epsilon", "tolerance", "solver", "value", "unit", "runs",
                  "remark"]
        table = csv.DictWriter(file, fields)
        table.writeheader()
        table.writerows(ROWS)
    return text


def main():
    load = os.getloadavg()[0]
    sizes = [64, 256] if QUICK else [64, 256, 1024, 2048]
    for dtype in [np.float64] if QUICK else [np.float64, np.float32]:
        for n in sizes:
            per_iteration(n, dtype)
    if SHORT:
        print(write(load))
        return
    for n in [64, 256] if QUICK else [64, 256, 1024] + ([2048] if FULL else []):
        for epsilon in (1e-1, 1e-2) if QUICK else (1e-1, 1e-2, 1e-3):
            for tolerance in (1e-6, 1e-9):
                balanced(n, epsilon, tolerance)
                unbalanced(n, epsilon, tolerance)
        # What there is, should the rest be cut off.
        write(load)
    for n in [256] if QUICK else [1024, 2048]:
        memory(n)
    print(write(load))
    plot()


if __name__ == "__main__":
    main()
