#!/usr/bin/env python3
"""Golden optima of 200 small *unregularised* (epsilon = 0) robust transport problems.

Each problem is solved by an independent conic solver (CLARABEL through cvxpy); the plan and the
potentials it returns are made exactly feasible here, so that `optimum` (an upper bound) and
`optimum_lower` (a lower bound) enclose the true optimum whatever the solver did.

Set-up and run (less than a minute on one core; the result is written next to this script):

    python3 -m venv venv
    venv/bin/pip install cvxpy==1.9.3 clarabel==0.11.1 numpy==2.4.6 scipy==1.17.1
    OMP_NUM_THREADS=1 venv/bin/python tests/golden/unregularised.py

The families, with KL(x|y) = sum x log(x/y) - x + y, r = X 1 and c = X^T 1:

    semi_relaxed_rows   min <C,X> + tau_row KL(r|a)                     over X >= 0, c = b
    semi_relaxed_cols   min <C,X> + tau_col KL(c|b)                     over X >= 0, r = a
    unbalanced          min <C,X> + tau_row KL(r|a) + tau_col KL(c|b)   over X >= 0
    robust              the same objective over X >= 0, sum X = 1, where sum a = sum b = 1

A zero weight means an empty row or column, a null cost a forbidden entry (X_ij = 0).
Everything depends on the seed of the instance alone (the date in the provenance apart).
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

FAMILIES = ["semi_relaxed_rows", "semi_relaxed_cols", "unbalanced", "robust"]
PER_FAMILY = 50
TARGET_GAP = 1e-11  # stop trying settings here (relative to max(1, |optimum|)) ...
ALLOWED_GAP = 1e-8  # ... and fail above this
TOLERANCE = 1e-11


def tolerances(tol, **more):
    names = ("tol_gap_abs", "tol_gap_rel", "tol_feas", "tol_ktratio")
    return dict({name: tol for name in names}, max_iter=500, **more)


SETTINGS = [  # tried in this order, the best result is kept
    tolerances(TOLERANCE),
    tolerances(1e-12, equilibrate_enable=False),
    tolerances(1e-12, static_regularization_constant=1e-10, iterative_refinement_max_iter=50),
    tolerances(1e-13, max_step_fraction=0.9, iterative_refinement_max_iter=50),
    tolerances(1e-9),
]


# ---------------------------------------------------------------- the random problems


def digits6(x):
    """Round to 6 significant decimal digits."""
    return np.vectorize(lambda v: float(f"{v:.6g}"))(x)


def log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def draw_cost(rng, n, m):
    """A cost of one of four kinds, in arbitrary units."""
    kind = rng.integers(4)
    if kind == 0:  # independent entries
        return rng.uniform(0.0, 1.0, (n, m))
    if kind == 1:  # entries of very different sizes
        return np.exp(rng.uniform(math.log(1e-3), 0.0, (n, m)))
    x, y = rng.normal(size=(n, 1, 2)), rng.normal(size=(1, m, 2))
    if kind == 2:  # squared distances in the plane
        return ((x - y) ** 2).sum(2)
    return abs(x - y)[:, :, 0]  # distances on the line


def draw_forbidden(rng, positive):
    """One or two entries to forbid, each row and column of `positive` keeping two; or None."""
    places = np.argwhere(positive)
    forbidden = np.zeros_like(positive)
    for i, j in places[rng.permutation(len(places))[: rng.integers(1, 3)]]:
        forbidden[i, j] = True
    left = positive & ~forbidden
    enough = all((left.sum(k) >= 2)[positive.any(k)].all() for k in (0, 1))
    return forbidden if enough else None


def unit_mass(w):
    """Weights scaled to sum to 1 to the last digit (the largest takes up the rounding)."""
    w = w / math.fsum(w)
    w[w.argmax()] += 1.0 - math.fsum(w)
    return w


def draw(family, index):
    """Instance number `index` of `family`, without its optimum."""
    seed = 1000 * (1 + FAMILIES.index(family)) + index
    rng = np.random.default_rng(seed)
    zero_weight = index % 4 < 2  # half of them
    some_forbidden = index % 5 == 4  # a fifth
    while True:  # sizes for which everything asked for fits
        n, m = (int(k) for k in rng.integers(2, 10, 2))
        a, b = 0.02 + rng.exponential(size=n), 0.02 + rng.exponential(size=m)
        if zero_weight:
            side = a if rng.random() < 0.5 else b
            side[rng.integers(len(side))] = 0.0
        positive = np.outer(a > 0, b > 0)
        forbidden = draw_forbidden(rng, positive) if some_forbidden else ~(positive | True)
        if n != m and (a > 0).sum() >= 2 and (b > 0).sum() >= 2 and forbidden is not None:
            break

    cost = draw_cost(rng, n, m)
    cost = digits6(cost * log_uniform(rng, 0.3, 20.0) / cost[~forbidden].max())
    top = cost[~forbidden].max()
    cost[forbidden] = math.inf

    if family == "robust":
        a, b = unit_mass(a), unit_mass(b)
    else:  # every third instance has masses near 1
        low, high = (0.95, 1.05) if index % 3 == 0 else (0.2, 5.0)
        a = digits6(a * log_uniform(rng, low, high) / a.sum())
        b = digits6(b * log_uniform(rng, low, high) / b.sum())
    tau_row, tau_col = (float(digits6(top * log_uniform(rng, 0.05, 10.0))) for _ in range(2))
    return {
        "name": f"{family}_{index:02}",
        "family": family,
        "seed": seed,
        "rows": n,
        "cols": m,
        "epsilon_over_max_cost": (0.1, 0.001)[index % 2],
        "epsilon": float(digits6((0.1, 0.001)[index % 2] * top)),
        "tau_row": None if family == "semi_relaxed_cols" else tau_row,
        "tau_col": None if family == "semi_relaxed_rows" else tau_col,
        "cost": cost,
        "a": a,
        "b": b,
    }


# ---------------------------------------------------------------- bounds, without the solver


def kl(x, y):
    logs = np.log(np.where(x > 0, x, y) / y)  # 0 log 0 = 0
    return math.fsum(x * logs - x + y)


def upper_bound(cost, a, b, tau_row, tau_col, unit, X):
    """The objective at X made feasible: clipped, then scaled onto the exact constraint."""
    X = np.maximum(X, 0.0)
    if tau_row is None:
        X *= (a / X.sum(1))[:, None]
    if tau_col is None:
        X *= b / X.sum(0)
    if unit:
        X /= X.sum()
    value = math.fsum((np.where(X > 0, cost, 0.0) * X).ravel())
    value += tau_row * kl(X.sum(1), a) if tau_row else 0.0
    value += tau_col * kl(X.sum(0), b) if tau_col else 0.0
    return value


def lower_bound(cost, a, b, tau_row, tau_col, unit, f, g):
    """The dual objective at potentials made feasible (f_i + g_j <= C_ij) by c-transforms.

    An exact side contributes <f, a>, a KL side tau <a, 1 - exp(-f/tau)>. For unit mass the
    multiplier of sum X = 1 is eliminated, which leaves -tau log <a, exp(-f/tau)> (sum a = 1).
    """

    def side(f, a, tau):
        if tau is None:
            return math.fsum(f * a)
        if unit:
            return -tau * math.log(math.fsum(a * np.exp(-f / tau)))
        return -tau * math.fsum(a * np.expm1(-f / tau))

    def value(f, g):
        return side(f, a, tau_row) + side(g, b, tau_col)

    g1 = (cost - f[:, None]).min(0)  # start from f, or from g: the better one
    f1 = (cost - g1).min(1)
    f2 = (cost - g).min(1)
    g2 = (cost - f2[:, None]).min(0)
    return max(value(f1, g1), value(f2, g2))


# ---------------------------------------------------------------- the solver


def solve_once(cost, a, b, tau_row, tau_col, unit, settings):
    """Plan and potentials from the conic solver; None where it gives up."""
    n, m = cost.shape
    rows, cols = np.nonzero(np.isfinite(cost))  # one variable per allowed entry
    unit_cost = cost[rows, cols].max()  # solve in units of the largest cost
    x = cp.Variable(len(rows), nonneg=True)
    objective = (cost[rows, cols] / unit_cost) @ x
    links = []
    for weights, tau, ends in ((a, tau_row, rows), (b, tau_col, cols)):
        incidence = (np.arange(len(weights))[:, None] == ends).astype(float)
        marginal = weights
        if tau is not None:
            marginal = cp.Variable(len(weights))
            objective += (tau / unit_cost) * cp.sum(cp.kl_div(marginal, weights))
        links.append(marginal == incidence @ x)  # its multiplier is the potential
    mass = [cp.sum(x) == 1.0] if unit else []
    try:
        cp.Problem(cp.Minimize(objective), links + mass).solve(solver=cp.CLARABEL, **settings)
    except cp.SolverError:
        return None
    if x.value is None or any(link.dual_value is None for link in links):
        return None
    X = np.zeros((n, m))
    X[rows, cols] = x.value
    return X, links[0].dual_value * unit_cost, links[1].dual_value * unit_cost


def enclose(cost, a, b, tau_row, tau_col, unit):
    """(lower, upper) around the optimum: the best over the settings tried."""
    keep = np.ix_(a > 0, b > 0)
    problem = (cost[keep], a[a > 0], b[b > 0], tau_row, tau_col, unit)
    lower, upper = -math.inf, math.inf
    for settings in SETTINGS:
        solution = solve_once(*problem, settings)
        if solution is None:
            continue
        X, f, g = solution
        upper = min(upper, upper_bound(*problem, X))
        lower = max(lower, lower_bound(*problem, f, g))
        if upper - lower <= TARGET_GAP * max(1.0, abs(upper)):
            break
    # rounding of the two sums above, so that `lower` stays below the true optimum
    terms = [tau * (a.sum() + b.sum()) for tau in (tau_row, tau_col) if tau]
    lower -= 1e-15 * (abs(upper) + sum(terms))
    assert lower <= upper, (lower, upper)
    return lower, upper


def solve(p):
    """Fill in the optimum of instance `p`; returns its relative gap and identity error."""
    problem = (p["cost"], p["a"], p["b"], p["tau_row"], p["tau_col"])
    lower, upper = enclose(*problem, p["family"] == "robust")
    scale = max(1.0, abs(upper))
    gap = (upper - lower) / scale
    assert gap <= ALLOWED_GAP, (p["name"], gap)
    identity = 0.0
    if p["family"] == "robust":
        # With sigma = tau_row + tau_col, unit-mass weights and a unit-mass plan X,
        #   f_uot(t X) = t f_rot(X) + sigma (t log t - t + 1),
        # least at t = exp(-f_rot / sigma): hence f_rot* = -sigma log(1 - f_uot* / sigma).
        sigma = p["tau_row"] + p["tau_col"]
        low, high = (-sigma * math.log1p(-v / sigma) for v in enclose(*problem, False))
        assert low <= upper and lower <= high, p["name"]  # the two enclosures overlap
        identity = abs(upper - high) / scale
        assert identity <= ALLOWED_GAP, (p["name"], identity)
    p.update(optimum=upper, optimum_lower=lower, optimum_error=upper - lower)
    return gap, identity


# ---------------------------------------------------------------- the file


def to_json(p):
    """One instance as one line; Python prints the shortest digits that read back exactly."""
    flat = [None if math.isinf(c) else c for c in p["cost"].ravel().tolist()]
    return json.dumps(dict(p, cost=flat, a=p["a"].tolist(), b=p["b"].tolist()), allow_nan=False)


def main():
    warnings.simplefilter("ignore")  # "solution may be inaccurate": the gap is checked here
    lines = []
    for family in FAMILIES:
        problems = [draw(family, index) for index in range(PER_FAMILY)]
        gaps, identities = zip(*(solve(p) for p in problems))
        lines += [to_json(p) for p in problems]
        print(
            f"{family}: {len(problems)} instances, seeds {problems[0]['seed']} to "
            f"{problems[-1]['seed']}, worst gap / max(1, |optimum|) {max(gaps):.1e}"
            + (f", worst identity error {max(identities):.1e}" if family == "robust" else "")
        )
    provenance = (
        f"cvxpy {cp.__version__} with CLARABEL {clarabel.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}; solver tolerance {TOLERANCE:g} (tightened where the "
        f"gap asked for it); optimum: objective at a feasible plan, optimum_lower: dual objective "
        f"at feasible potentials, optimum_error: their difference, at most {ALLOWED_GAP:g} * "
        f"max(1, |optimum|); {datetime.date.today()}; python tests/golden/unregularised.py"
    )
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(
        '{"provenance": ' + json.dumps(provenance) + ',\n"instances": [\n'
        + ",\n".join(lines) + "\n]}\n"
    )
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
