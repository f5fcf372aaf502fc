#!/usr/bin/env python3
"""Optima of 400 *unregularised* robust problems of 10 to 60 points, for solves to a certified accuracy.

The data of an instance come from its seed by integer arithmetic and one IEEE 754 operation a number, so
that `tests/common/accurate.rs` draws the same bits; only sizes, taus and enclosures of the optima are
stored. Each problem is solved by an independent conic solver (CLARABEL through cvxpy); what it returns
is made exactly feasible here, so that `optimum` and `optimum_lower` enclose the true optimum whatever
the solver did.

Set-up and run (some minutes on one core; the result is written next to this script):

    python3 -m venv venv
    venv/bin/pip install cvxpy==1.9.3 clarabel==0.11.1 numpy==2.4.6 scipy==1.17.1
    OMP_NUM_THREADS=1 venv/bin/python tests/golden/accuracy.py

The families, with KL(x|y) = sum x log(x/y) - x + y, r = X 1 and c = X^T 1:

    semi_relaxed  min <C,X> + tau KL(r|a)                over X >= 0, c = b
    unbalanced    min <C,X> + tau KL(r|a) + tau KL(c|b)  over X >= 0
    robust        the same over X >= 0, sum X = 1
    barycenter    min sum_i w_i [<C_i,X_i> + tau KL(X_i 1|p_i)]  over X_i >= 0 of unit mass with one c

All weights sum to 1 up to rounding, but for the unbalanced problem, where they sum to `mass_a` and `mass_b`.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is loaded

import datetime
import json
import math
import pathlib
import platform
import warnings

import clarabel
import cvxpy as cp
import numpy as np

FAMILIES = ["semi_relaxed", "robust", "unbalanced", "barycenter"]
PER_FAMILY = 100
TARGET_GAP = 1e-9  # relative to max(1, |optimum|): stop trying settings here ...
ALLOWED_GAP = 1e-6  # ... and fail above this
MASK = (1 << 64) - 1


# ---------------------------------------------------------------- the random problems


class Stream:
    """SplitMix64; `share` gives multiples of 2^-24 below 1, exact in both precisions."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def share(self):
        return (self.bits() >> 40) / 16777216.0

    def between(self, low, high):
        """An integer from low to high."""
        return low + self.bits() % (high - low + 1)

    def cost(self, n, m):
        """Independent entries, or squared distances of points on a line, in [0, 1]."""
        if self.bits() % 2 == 0:
            return np.array([[self.share() for _ in range(m)] for _ in range(n)])
        x, y = [self.share() for _ in range(n)], [self.share() for _ in range(m)]
        return np.array([[(s - t) * (s - t) for t in y] for s in x])

    def weights(self, n, mass):
        """Integers from 1 to 1000 over their sum, times a mass."""
        k = [self.between(1, 1000) for _ in range(n)]
        return np.array([mass * (x / sum(k)) for x in k])


def draw(family, index):
    """Instance number `index` of `family`, without its optimum."""
    seed = 1000 * (1 + FAMILIES.index(family)) + index
    s = Stream(seed)
    p = {"family": family, "seed": seed, "tau": [0.1, 0.5, 1.0, 5.0][s.between(0, 3)]}
    if family == "barycenter":
        count, support = [2, 2, 3, 5][s.between(0, 3)], s.between(10, 20)
        p.update(count=count, support=support, sizes=[], costs=[], weights=[])
        p["shares"] = s.weights(count, 1.0)
        for _ in range(count):
            size = s.between(10, 20)
            p["sizes"].append(size)
            p["costs"].append(s.cost(size, support))
            p["weights"].append(s.weights(size, 1.0))
        return p
    most = 60 if index % 5 == 0 else 25
    n, m = s.between(10, most), s.between(10, most)
    alpha, beta = ((1 + s.between(0, 3)) / 2.0, (1 + s.between(0, 3)) / 2.0)
    if family != "unbalanced":
        alpha = beta = 1.0
    p.update(rows=n, cols=m, mass_a=alpha, mass_b=beta)
    p.update(cost=s.cost(n, m), a=s.weights(n, alpha), b=s.weights(m, beta))
    return p


# ---------------------------------------------------------------- bounds, without the solver


def kl(x, y):
    logs = np.log(np.where(x > 0, x, y) / y)  # 0 log 0 = 0
    return math.fsum(x * logs - x + y)


def free_unit_mass(d, p, tau):
    """min over y >= 0 of unit mass of <d, y> + tau KL(y|p)."""
    return -tau * math.log(math.fsum(p * np.exp(-d / tau))) - tau + tau * math.fsum(p)


def upper_bound(p, X):
    C, a, b, tau = p["cost"], p["a"], p["b"], p["tau"]
    X = np.maximum(X, 0.0)
    if p["family"] == "semi_relaxed":
        X *= b / X.sum(0)
    if p["family"] == "robust":
        X /= X.sum()
    value = math.fsum((C * X).ravel()) + tau * kl(X.sum(1), a)
    return value + (tau * kl(X.sum(0), b) if p["family"] != "semi_relaxed" else 0.0)


def lower_bound(p, f, g):
    """The dual at potentials made feasible (f_i + g_j <= C_ij) by c-transforms, from f and from g."""
    C, a, b, tau = p["cost"], p["a"], p["b"], p["tau"]

    def value(f, g):
        if p["family"] == "robust":
            # The multiplier of the mass is eliminated: f and g may be shifted freely.
            return free_unit_mass(f, a, tau) + free_unit_mass(g, b, tau)
        rows = -tau * math.fsum(a * np.expm1(-f / tau))
        if p["family"] == "semi_relaxed":
            return rows + math.fsum(g * b)
        return rows - tau * math.fsum(b * np.expm1(-g / tau))

    g1 = (C - f[:, None]).min(0)
    f1 = (C - g1).min(1)
    f2 = (C - g).min(1)
    g2 = (C - f2[:, None]).min(0)
    return max(value(f1, g1), value(f2, g2))


# ---------------------------------------------------------------- the solver


def settings():
    names = ("tol_gap_abs", "tol_gap_rel", "tol_feas", "tol_ktratio")
    for tol in (1e-11, 1e-9, 1e-12, 1e-8):
        for more in ({}, {"equilibrate_enable": False}, {"max_step_fraction": 0.9}):
            yield dict({name: tol for name in names}, max_iter=500, **more)


def attempt(problem, setting):
    try:
        problem.solve(solver=cp.CLARABEL, **setting)
    except cp.SolverError:
        return False
    return problem.variables()[0].value is not None


def enclose_pair(p):
    C, a, b, tau = p["cost"], p["a"], p["b"], p["tau"]
    lower, upper = -math.inf, math.inf
    for setting in settings():
        X = cp.Variable(C.shape, nonneg=True)
        r = cp.Variable(len(a))
        objective = cp.sum(cp.multiply(C, X)) + tau * cp.sum(cp.kl_div(r, a))
        c = b
        if p["family"] != "semi_relaxed":
            c = cp.Variable(len(b))
            objective += tau * cp.sum(cp.kl_div(c, b))
        links = [r == cp.sum(X, axis=1), c == cp.sum(X, axis=0)]
        mass = [cp.sum(X) == 1.0] if p["family"] == "robust" else []
        if not attempt(cp.Problem(cp.Minimize(objective), links + mass), setting):
            continue
        upper = min(upper, upper_bound(p, X.value))
        lower = max(lower, lower_bound(p, links[0].dual_value, links[1].dual_value))
        if upper - lower <= TARGET_GAP * max(1.0, abs(upper)):
            break
    return lower, upper


def enclose_barycenter(p):
    C, P, w, tau = p["costs"], p["weights"], p["shares"] / p["shares"].sum(), p["tau"]
    lower, upper = -math.inf, math.inf
    for setting in settings():
        X = [cp.Variable(c.shape, nonneg=True) for c in C]
        R = [cp.Variable(len(x)) for x in P]
        q = cp.Variable(p["support"])
        objective = sum(
            s * (cp.sum(cp.multiply(c, x)) + tau * cp.sum(cp.kl_div(r, y)))
            for s, c, x, r, y in zip(w, C, X, R, P)
        )
        cols = [q == cp.sum(x, axis=0) for x in X]
        rows = [r == cp.sum(x, axis=1) for r, x in zip(R, X)]
        problem = cp.Problem(cp.Minimize(objective), cols + rows + [cp.sum(q) == 1.0])
        if not attempt(problem, setting):
            continue
        plans = [np.maximum(x.value, 0.0) for x in X]
        common = np.mean([x.sum(0) for x in plans], axis=0)
        common /= common.sum()
        # A column that some plan leaves empty gets its mass there in equal parts.
        plans = [np.where(x.sum(0) > 0, x, 1.0) for x in plans]
        plans = [x * (common / x.sum(0)) for x in plans]
        value = math.fsum(
            s * (math.fsum((c * x).ravel()) + tau * kl(x.sum(1), y))
            for s, c, x, y in zip(w, C, plans, P)
        )
        upper = min(upper, value)
        for sign in (1.0, -1.0):  # whichever way the solver signs its multipliers
            v = [sign * col.dual_value / s for col, s in zip(cols, w)]
            mean = sum(s * x for s, x in zip(w, v))
            v = [x - mean for x in v]
            value = sum(
                s * free_unit_mass((c - x).min(1), y, tau) for s, c, x, y in zip(w, C, v, P)
            )
            lower = max(lower, value)
        if upper - lower <= TARGET_GAP * max(1.0, abs(upper)):
            break
    return lower, upper


def solve(p):
    lower, upper = (enclose_barycenter if p["family"] == "barycenter" else enclose_pair)(p)
    lower -= 1e-14 * (abs(upper) + 4.0 * p["tau"])  # rounding of the sums above
    gap = (upper - lower) / max(1.0, abs(upper))
    assert 0.0 <= gap <= ALLOWED_GAP, (p["family"], p["seed"], lower, upper)
    p.update(optimum=upper, optimum_lower=lower)
    return gap


# ---------------------------------------------------------------- the file

STORED = ["family", "seed", "tau", "rows", "cols", "mass_a", "mass_b", "count", "support", "sizes"]
STORED += ["optimum", "optimum_lower"]


def main():
    warnings.simplefilter("ignore")  # "solution may be inaccurate": the gap is checked here
    lines = []
    for family in FAMILIES:
        problems = [draw(family, index) for index in range(PER_FAMILY)]
        worst = max(solve(p) for p in problems)
        for p in problems:
            data = [p["cost"], p["a"], p["b"]] if "cost" in p else p["costs"] + p["weights"]
            # That the reader draws the same data.
            check = math.fsum(x * (k + 1) for k, x in enumerate(np.concatenate([d.ravel() for d in data])))
            lines.append(json.dumps({k: p[k] for k in STORED if k in p} | {"checksum": check}))
        print(f"{family}: worst enclosure {worst:.1e} of max(1, |optimum|)", flush=True)
    provenance = (
        f"cvxpy {cp.__version__} with CLARABEL {clarabel.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}; optimum: objective at a feasible plan, optimum_lower: "
        f"dual value at feasible potentials, at most {ALLOWED_GAP:g} * max(1, |optimum|) apart; "
        f"{datetime.date.today()}; python tests/golden/accuracy.py"
    )
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(
        '{"provenance": ' + json.dumps(provenance) + ',\n"instances": [\n'
        + ",\n".join(lines) + "\n]}\n"
    )
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
