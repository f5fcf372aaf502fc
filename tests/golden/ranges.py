#!/usr/bin/env python3
"""Golden optima of problems with total variation and box marginals.

`instances` (with entropy): an independent conic solver (CLARABEL through cvxpy) finds the optimum and
says which entries hold a marginal and which stand at a corner of their penalty. With that known the
conditions of optimality are smooth equations, which Newton's method on (f, g) solves to the last digits
here; the two plans have to agree to the cone solver's accuracy, and the corners must be strict.

`unregularised` (epsilon = 0): linear programs, by HiGHS through scipy.

    python3 -m venv venv
    venv/bin/pip install cvxpy==1.9.3 clarabel==0.11.1 numpy==2.4.6 scipy==1.17.1
    OMP_NUM_THREADS=1 venv/bin/python tests/golden/ranges.py

Everything depends on the seeds alone. Rules: {rule: exact | kl, tau | tv, tau | box, lower, upper (null:
infinite)}; a box is relative to the weights.
"""

import json
import math
import pathlib

import cvxpy as cp
import numpy as np
from scipy.optimize import linprog

EXACT = {"rule": "exact"}


def kl(tau):
    return {"rule": "kl", "tau": tau}


def tv(tau):
    return {"rule": "tv", "tau": tau}


def box(lower, upper):
    return {"rule": "box", "lower": lower, "upper": upper}


def digits6(x):
    return np.vectorize(lambda v: float(f"{v:.6g}"))(x)


# ---------------------------------------------------------------- with entropy


def penalty(rule, r, w):
    """(expression, constraints) of a side for the cone solver."""
    kind = rule["rule"]
    if kind == "exact":
        return 0, [r == w]
    if kind == "kl":
        return rule["tau"] * cp.sum(cp.kl_div(r, w)), []
    if kind == "tv":
        return rule["tau"] * cp.norm1(r - w), []
    low, high = rule["lower"], rule["upper"]
    return 0, [r >= low * w] + ([] if high is None else [r <= high * w])


def value_of(rule, r, w):
    if rule["rule"] == "kl":
        return rule["tau"] * sum(x * math.log(x / y) - x + y if x > 0 else y for x, y in zip(r, w))
    if rule["rule"] == "tv":
        return rule["tau"] * math.fsum(abs(r - w))
    return 0.0


def places(rule, r, w):
    """Per entry: ("held", marginal), ("at", own potential) or ("kl", tau)."""
    out = []
    for x, y in zip(r, w):
        kind, near = rule["rule"], 1e-5 * max(y, 1e-3)
        if kind == "exact":
            out.append(("held", y))
        elif kind == "kl":
            out.append(("kl", rule["tau"]))
        elif kind == "tv":
            held = abs(x - y) < near and y > 0
            out.append(("held", y) if held else ("at", -rule["tau"] if x > y else rule["tau"]))
        else:
            low, high = rule["lower"] * y, math.inf if rule["upper"] is None else rule["upper"] * y
            if abs(x - low) < near:
                out.append(("held", low))
            elif abs(x - high) < near:
                out.append(("held", high))
            else:
                out.append(("at", 0.0))
    return out


def newton(cost, weights, logs, epsilon, sides, start):
    """Solves the conditions of optimality for (f, g), own potentials, from a start nearby."""
    n, m = cost.shape
    z = np.array(start)
    for _ in range(60):
        f, g = z[:n], z[n:]
        x = np.exp((f[:, None] + g[None, :] - cost) / epsilon + logs)
        jac = np.zeros((n + m, n + m))
        jac[:n, :n], jac[:n, n:] = np.diag(x.sum(1)), x
        jac[n:, n:], jac[n:, :n] = np.diag(x.sum(0)), x.T
        jac /= epsilon
        res = np.concatenate([x.sum(1), x.sum(0)])
        for k, (kind, number) in enumerate(sides):
            if kind == "held":
                res[k] -= number
            elif kind == "kl":
                target = weights[k] * math.exp(-z[k] / number)
                res[k] -= target
                jac[k, k] += target / number
            else:
                res[k], jac[k] = z[k] - number, np.eye(n + m)[k]
        step = np.linalg.lstsq(jac, -res, rcond=1e-13)[0]
        z = z + step * min(1.0, 2 * epsilon / max(abs(step).max(), 1e-300))
        if abs(step).max() < 1e-15 * max(1.0, abs(z).max()):
            break
    f, g = z[:n], z[n:]
    return f, g, np.exp((f[:, None] + g[None, :] - cost) / epsilon + logs), abs(res).max()


def strict(sides, z, r, rules, weights):
    """The corners are corners: no potential or marginal stands where the rule changes its mind."""
    for (kind, _), f, x, rule, w in zip(sides, z, r, rules, weights):
        if rule["rule"] == "tv":
            assert abs(f) < rule["tau"] - 1e-4 if kind == "held" else abs(x - w) > 1e-4, (kind, f, x)
        if rule["rule"] == "box" and kind == "held" and rule["lower"] != rule["upper"]:
            at_low = abs(x - rule["lower"] * w) < 1e-9
            assert f > 1e-4 if at_low else f < -1e-4, (f, x)


def instance(name, seed, shape, rows, cols, epsilon=0.05, product=False, masses=(1, 1), zero=None):
    rng = np.random.default_rng(seed)
    n, m = shape
    cost = digits6(rng.uniform(0, 1, (n, m)))
    a, b = 0.2 + rng.exponential(size=n), 0.2 + rng.exponential(size=m)
    if zero is not None:
        a[zero] = 0.0
    a, b = digits6(masses[0] * a / a.sum()), digits6(masses[1] * b / b.sum())
    if masses[0] == masses[1]:
        b *= a.sum() / b.sum()
    live = a > 0 if product or rows["rule"] != "tv" else a >= 0
    c, w = cost[live], a[live]
    x = cp.Variable((live.sum(), m), nonneg=True)
    row, fixed_rows = penalty(rows, cp.sum(x, axis=1), w)
    col, fixed_cols = penalty(cols, cp.sum(x, axis=0), b)
    logs = np.log(np.outer(w, b)) if product else np.zeros_like(c)
    entropy = cp.sum(cp.rel_entr(x, np.exp(logs))) - cp.sum(x)
    problem = cp.Problem(
        cp.Minimize(cp.sum(cp.multiply(c, x)) + epsilon * entropy + row + col), fixed_rows + fixed_cols
    )
    tolerance = {k: 1e-12 for k in ("tol_gap_abs", "tol_gap_rel", "tol_feas", "tol_ktratio")}
    problem.solve(solver=cp.CLARABEL, max_iter=500, **tolerance)
    assert problem.status in ("optimal", "optimal_inaccurate"), (name, problem.status)
    cone = np.maximum(x.value, 1e-300)
    sides = places(rows, cone.sum(1), w) + places(cols, cone.sum(0), b)
    weights = np.concatenate([w, b])
    # Potentials of the cone solver's plan: a least-squares fit of f + g.
    k, l = c.shape
    sums = (epsilon * (np.log(cone) - logs) + c)
    weight = np.sqrt(cone)
    system = np.zeros((k * l + k + l, k + l))
    right = np.zeros(k * l + k + l)
    for i in range(k):
        for j in range(l):
            system[i * l + j, i], system[i * l + j, k + j] = weight[i, j], weight[i, j]
            right[i * l + j] = weight[i, j] * sums[i, j]
    for q, (kind, number) in enumerate(sides):
        r = (cone.sum(1) if q < k else cone.sum(0))[q if q < k else q - k]
        if kind == "at":
            system[k * l + q, q], right[k * l + q] = 1, number
        elif kind == "kl":
            system[k * l + q, q], right[k * l + q] = 1, -number * math.log(r / weights[q])
    start = np.linalg.lstsq(system, right, rcond=None)[0]
    f, g, plan, residual = newton(c, weights, logs, epsilon, sides, start)
    assert residual < 1e-13, (name, residual)
    off = abs(plan - cone).max()
    assert off < 5e-7, (name, off)
    r, s = plan.sum(1), plan.sum(0)
    gauge = all(kind == "held" for kind, _ in sides)
    if not gauge:
        strict(sides, np.concatenate([f, g]), np.concatenate([r, s]), [rows] * k + [cols] * l, weights)
    transport = math.fsum((c * plan).ravel())
    objective = (
        transport
        + epsilon * math.fsum((plan * (np.log(plan) - logs - 1)).ravel())
        + value_of(rows, r, w)
        + value_of(cols, s, b)
    )
    assert abs(objective - problem.value) < 1e-8 * max(1, abs(objective)), (objective, problem.value)
    full = np.zeros((n, m))
    full[live] = plan
    kinds = [kind for kind, _ in sides]
    print(f"{name:32} off the cone solver {off:.1e}, objective {objective - problem.value:+.1e}, "
          f"rows {kinds[:k].count('at')}/{k} and columns {kinds[k:].count('at')}/{l} at corners")
    return {
        "name": name, "rows": n, "cols": m, "epsilon": epsilon,
        "reference": "product" if product else "counting",
        "cost": cost.ravel().tolist(), "a": a.tolist(), "b": b.tolist(), "row": rows, "col": cols,
        "expected": {
            "plan": full.ravel().tolist(), "row_marginal": full.sum(1).tolist(),
            "col_marginal": s.tolist(), "transport_cost": transport, "objective": objective,
        },
    }


# ---------------------------------------------------------------- without entropy


def program(seed, rows, cols):
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(3, 9, 2))
    cost = digits6(rng.uniform(0, 1, (n, m)))
    a, b = 0.05 + rng.exponential(size=n), 0.05 + rng.exponential(size=m)
    if seed % 3 == 0:
        a[rng.integers(n)] = 0.0
    mass = rng.uniform(0.85, 1.2)
    a, b = digits6(a / a.sum()), digits6(mass * b / b.sum())
    size = n * m
    incidence = [np.kron(np.eye(n), np.ones((1, m))), np.kron(np.ones((1, n)), np.eye(m))]
    c, up, up_rhs, eq, eq_rhs = [cost.ravel()], [], [], [], []
    extra = sum(2 * len(w) for rule, w in ((rows, a), (cols, b)) if rule["rule"] == "tv")
    at = size
    for rule, w, sums in ((rows, a, incidence[0]), (cols, b, incidence[1])):
        wide = np.hstack([sums, np.zeros((len(w), extra))])
        if rule["rule"] == "exact":
            eq.append(wide), eq_rhs.append(w)
        elif rule["rule"] == "tv":
            wide[:, at:at + len(w)], wide[:, at + len(w):at + 2 * len(w)] = np.eye(len(w)), -np.eye(len(w))
            eq.append(wide), eq_rhs.append(w)
            c.append(np.full(2 * len(w), rule["tau"]))
            at += 2 * len(w)
        else:
            up += [wide, -wide]
            up_rhs += [rule["upper"] * w, -rule["lower"] * w]
    found = linprog(
        np.concatenate(c),
        A_ub=np.vstack(up) if up else None, b_ub=np.concatenate(up_rhs) if up else None,
        A_eq=np.vstack(eq) if eq else None, b_eq=np.concatenate(eq_rhs) if eq else None,
        method="highs", options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message
    return {
        "name": f"{rows['rule']}_{cols['rule']}_{seed}", "rows": n, "cols": m,
        "cost": cost.ravel().tolist(), "a": a.tolist(), "b": b.tolist(), "row": rows, "col": cols,
        "optimum": found.fun,
    }


def main():
    wide = box(0.6, 1.4)
    instances = [
        instance("tv_exact", 1, (4, 3), tv(0.08), EXACT),
        instance("tv_exact_unequal_mass", 2, (3, 5), tv(0.3), EXACT, masses=(1.0, 1.6)),
        instance("tv_exact_unsaturated", 3, (4, 4), tv(3.0), EXACT),
        instance("tv_exact_zero_weight", 4, (5, 3), tv(0.1), EXACT, zero=2),
        instance("tv_exact_zero_weight_product", 4, (5, 3), tv(0.1), EXACT, zero=2, product=True),
        instance("exact_tv", 5, (3, 6), EXACT, tv(0.2), masses=(2.0, 1.5)),
        instance("tv_tv", 6, (4, 5), tv(0.15), tv(0.1)),
        instance("tv_tv_product", 7, (5, 4), tv(0.12), tv(0.2), product=True, masses=(1.0, 0.7)),
        instance("tv_tv_small_tau", 8, (4, 4), tv(0.01), tv(0.02)),
        instance("tv_kl", 9, (4, 3), tv(0.2), kl(0.5), masses=(3.0, 1.0)),
        instance("kl_tv_product", 10, (3, 4), kl(0.3), tv(0.1), product=True),
        instance("box_exact", 11, (4, 5), wide, EXACT),
        instance("box_exact_product", 12, (5, 3), wide, EXACT, product=True, masses=(1.0, 1.2)),
        instance("box_exact_zero_weight", 13, (5, 4), box(0.5, 2.0), EXACT, zero=1),
        instance("exact_box_free", 14, (4, 3), EXACT, box(0.0, None)),
        instance("box_box", 15, (4, 4), wide, box(0.9, 1.2), masses=(1.0, 1.1)),
        instance("box_box_large_mass", 16, (3, 5), box(0.2, 1.5), box(0.8, 1.0), epsilon=0.2, masses=(40.0, 50.0)),
        instance("box_kl", 17, (5, 4), wide, kl(0.4), masses=(1.0, 1.3)),
        instance("kl_box", 18, (3, 4), kl(1.0), box(0.8, 1.1), masses=(2.0, 1.0)),
        instance("tv_box", 19, (4, 5), tv(0.2), box(0.7, 1.1)),
        instance("box_tv_product", 20, (5, 4), box(0.5, 1.3), tv(0.3), product=True, masses=(1.0, 0.8)),
        instance("tv_box_small_epsilon", 21, (6, 5), tv(0.3), box(0.7, 1.5), epsilon=0.01),
    ]
    pairs = [
        (tv(0.2), EXACT), (EXACT, tv(0.4)), (tv(0.3), box(0.7, 1.2)), (box(0.5, 1.1), tv(0.15)),
        (box(0.5, 1.5), EXACT), (box(0.5, 1.5), box(0.8, 1.1)),
    ]
    programs = [program(100 + 6 * k + p, *pair) for k in range(5) for p, pair in enumerate(pairs)]
    text = json.dumps(
        {
            "schema": 1,
            "provenance": "tests/golden/ranges.py: cvxpy 1.9.3, clarabel 0.11.1, scipy 1.17.1 (HiGHS), numpy 2.4.6",
            "instances": instances,
            "unregularised": programs,
        }
    )
    text = text.replace('{"name"', '\n{"name"')
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
