"""The shared library through ctypes: as much of include/robust_ot.h as the comparison needs."""
import ctypes as c

import numpy as np

EXACT, KL = 0, 1
COUNTING, PRODUCT = 0, 1
ITERATIVE = 1
LEVEL_AUTO, LEVEL_FMA = 0, 4
NOT_REFUSED = 0


def structs(real):
    """The structs in one precision."""

    def struct(name, *fields):
        return type(name, (c.Structure,), {"_fields_": fields})

    size, u32, u64 = c.c_size_t, c.c_uint32, c.c_uint64
    matrix = struct("matrix", ("data", c.c_void_p), ("rows", size), ("cols", size),
                    ("row_stride", size), ("col_stride", size), ("reserved", size))
    rule = struct("rule", ("kind", u32), ("flags", u32), ("param", real * 4), ("lower", c.c_void_p),
                  ("lower_stride", size), ("upper", c.c_void_p), ("upper_stride", size),
                  ("reserved", u64 * 2))
    problem = struct("problem", ("struct_size", u32), ("cost_kind", u32), ("cost", matrix),
                     ("x", matrix), ("y", matrix), ("a", c.c_void_p), ("a_len", size),
                     ("b", c.c_void_p), ("b_len", size), ("epsilon", real),
                     ("reserved_value", real), ("reference", u32), ("flags", u32), ("rows", rule),
                     ("cols", rule), ("reserved_sizes", size * 8), ("reserved", u64 * 4))
    options = struct("options", ("struct_size", u32), ("stop", u32), ("tolerance", real),
                     ("reserved_value", real), ("max_iterations", u64), ("check_every", u32),
                     ("flags", u32), ("level", u32), ("sweep", u32), ("observe", c.c_void_p),
                     ("user", c.c_void_p), ("reserved", u64 * 6))
    error = struct("error", ("status", c.c_int32), ("argument", u32), ("row", u64), ("col", u64),
                   ("measure", u64))
    values = ("epsilon residual residual_rows residual_cols rounding_floor transport_cost entropy "
              "row_penalty col_penalty objective unregularised_objective dual_value gap lower_bound "
              "certified_distance mass log_mass mass_factor row_multiplier col_multiplier").split()
    report = struct("report", ("struct_size", u32), ("converged", u32), ("error", error),
                    ("iterations", u64), *((name, real) for name in values),
                    ("reserved_values", real * 4), ("collapsed", u32), ("sweep", u32),
                    ("levels", u32), ("newton_steps", u32), ("newton_products", u64),
                    ("reserved", u64))
    return matrix, rule, problem, options, report


class Library:
    """Solves of one precision, in buffers that stay."""

    def __init__(self, path, dtype):
        self.library = c.CDLL(path)
        self.dtype = np.dtype(dtype)
        single = self.dtype == np.float32
        self.suffix = "f32" if single else "f64"
        self.matrix, self.rule, self.problem, self.options, self.report = structs(
            c.c_float if single else c.c_double)
        for name in ("sinkhorn_work_len", "sinkhorn_fast_work_len", "anneal_fast_work_len"):
            getattr(self.library, "rot_" + name).restype = c.c_size_t

    def len_of(self, name, *counts):
        return getattr(self.library, f"rot_{name}")(*map(c.c_size_t, counts[:3]),
                                                     *map(c.c_uint32, counts[3:]))

    def solver(self, cost, a, b, epsilon, how, tau=None, level=LEVEL_AUTO):
        """A function of (tolerance, max_iterations) that solves: by plain sweeps, `log` or `kept`, or by
        `auto`, the ladder with Newton's method where it pays. Its `memory` is in bytes."""
        n, m = cost.shape
        cost, a, b = (np.ascontiguousarray(x, self.dtype) for x in (cost, a, b))
        rule = self.rule(kind=EXACT) if tau is None else self.rule(kind=KL)
        if tau is not None:
            rule.param[0] = tau
        problem = self.problem(
            struct_size=c.sizeof(self.problem),
            cost=self.matrix(cost.ctypes.data, n, m, m, 1, 0),
            a=a.ctypes.data, a_len=n, b=b.ctypes.data, b_len=m, epsilon=epsilon, rows=rule,
            cols=rule, reference=COUNTING if tau is None else PRODUCT)
        length = {
            "log": lambda: self.len_of("sinkhorn_work_len", n, m, 0),
            "kept": lambda: self.len_of("sinkhorn_fast_work_len", n, m, 0),
            "auto": lambda: self.len_of("anneal_fast_work_len", n, m, 0, ITERATIVE),
        }[how]()
        f, g, work = np.zeros(n, self.dtype), np.zeros(m, self.dtype), np.ones(length, self.dtype)
        options = self.options(struct_size=c.sizeof(self.options), check_every=1000, level=level)
        report = self.report(struct_size=c.sizeof(self.report))
        name = "anneal_solve" if how == "auto" else "sinkhorn_solve"
        call = getattr(self.library, f"rot_{name}_{self.suffix}")
        ladder = [c.c_void_p(None)] if how == "auto" else []
        arguments = [c.byref(problem), *ladder, c.byref(options), c.c_void_p(f.ctypes.data),
                     c.c_void_p(g.ctypes.data), c.c_void_p(work.ctypes.data), c.c_size_t(length),
                     c.byref(report)]
        keep = (cost, a, b, problem, work)

        def solve(tolerance, max_iterations):
            assert keep
            options.tolerance, options.max_iterations = tolerance, max_iterations
            status = call(*arguments)
            if status < NOT_REFUSED:
                raise RuntimeError(f"refused: {status}, argument {report.error.argument}")
            return f, g, report

        solve.memory = f.nbytes + g.nbytes + work.nbytes
        return solve
