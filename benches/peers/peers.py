"""The other libraries, each behind functions that take what they have to."""
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
INSTALLED, MISSING = {}, {}


def load(name, module):
    try:
        INSTALLED[name] = module()
    except Exception as error:  # whatever keeps it from working here
        MISSING[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"*** NOT RUN: {name} ({MISSING[name]}) ***", file=sys.stderr)


def load_pot():
    import ot
    import ot.bregman
    import ot.unbalanced

    return ot


def load_ott():
    import jax

    jax.config.update("jax_enable_x64", True)
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    return jax, geometry, linear_problem, sinkhorn


def load_regot():
    import regot

    return regot


def load_geomloss():
    import geomloss  # noqa: F401
    import torch
    # (Where the pinned version has it.)
    from geomloss._legacy.sinkhorn_samples import softmin_tensorized

    torch.set_num_threads(1)
    return torch, softmin_tensorized


load("POT", load_pot)
load("OTT", load_ott)
load("RegOT", load_regot)
load("GeomLoss", load_geomloss)


def pot(method, cost, a, b, epsilon):
    """A function of (threshold, most iterations) that gives a plan and iterations."""
    ot = INSTALLED["POT"]
    solver = getattr(ot.bregman, method)

    def solve(threshold, most):
        plan, log = solver(a, b, cost, epsilon, numItermax=int(most), stopThr=threshold, log=True,
                           warn=False)
        return plan, log.get("niter", log.get("n_iter", 0))

    return solve


def pot_unbalanced(method, cost, a, b, epsilon, tau):
    ot = INSTALLED["POT"]
    solver = getattr(ot.unbalanced, method)

    def solve(threshold, most):
        plan, log = solver(a, b, cost, epsilon, tau, reg_type="kl", numItermax=int(most),
                           stopThr=threshold, log=True)
        return plan, len(log["err"])

    return solve


def ott(cost, a, b, epsilon):
    """Compiled for each pair of threshold and limit, before its time counts."""
    jax, geometry, linear_problem, sinkhorn = INSTALLED["OTT"]
    import jax.numpy as jnp

    cost_j, a_j, b_j = jnp.asarray(cost), jnp.asarray(a), jnp.asarray(b)
    compiled = {}

    def solve(threshold, most):
        most = max(10, int(most) // 10 * 10)
        key = (threshold, most)
        if key not in compiled:
            solver = sinkhorn.Sinkhorn(threshold=threshold, max_iterations=most,
                                       min_iterations=0 if threshold > 0 else most)

            def run(cost, a, b):
                geom = geometry.Geometry(cost_matrix=cost, epsilon=epsilon)
                found = solver(linear_problem.LinearProblem(geom, a, b))
                return found.f, found.g, found.errors

            compiled[key] = jax.jit(run).lower(cost_j, a_j, b_j).compile()
        f, g, errors = jax.block_until_ready(compiled[key](cost_j, a_j, b_j))
        # The plan is the answer: what others give, too.
        f, g = np.asarray(f), np.asarray(g)
        count = 10 * int((np.asarray(errors) != -1).sum())

        def plan():
            return np.exp((f[:, None] + g[None, :] - cost) / epsilon)

        return plan, count

    return solve


REGOT = ["sinkhorn_bcd", "sinkhorn_lbfgs_dual", "sinkhorn_newton", "sinkhorn_sparse_newton",
         "sinkhorn_ssns", "sinkhorn_splr"]


def regot(method, cost, a, b, epsilon):
    solver = getattr(INSTALLED["RegOT"], method)
    cost = np.asfortranarray(cost)

    def solve(threshold, most):
        found = solver(cost, a, b, epsilon, tol=threshold, max_iter=int(min(most, 2**31 - 1)))
        return found.plan, found.niter

    return solve


def geomloss(cost, a, b, epsilon):
    """Two softmins for an iteration."""
    torch, softmin = INSTALLED["GeomLoss"]
    cost_t = torch.from_numpy(cost)[None]
    turned = cost_t.transpose(1, 2).contiguous()
    log_a, log_b = torch.from_numpy(np.log(a))[None], torch.from_numpy(np.log(b))[None]

    def solve(_, most):
        f, g = torch.zeros_like(log_a), torch.zeros_like(log_b)
        for _ in range(int(most)):
            f = softmin(epsilon, cost_t, log_b + g / epsilon)
            g = softmin(epsilon, turned, log_a + f / epsilon)
        return None, most

    return solve
