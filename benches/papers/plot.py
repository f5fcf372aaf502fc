#!/usr/bin/env python3
"""Plots of what `cargo bench --bench le_et_al` and `--bench xie_et_al` measured: plot.py FOLDER.

One function a figure; each reads its CSV in the folder and writes a PNG beside it. A figure whose CSV is not
there is left out.
"""

import csv
import math
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

BLUE, RED, GREEN, BROWN, GREY = "#1f5fa8", "#b5422c", "#2f7d4f", "#8a6d1c", "#777777"


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def distinct(data, name):
    return list(dict.fromkeys(row[name] for row in data))


def column(data, name):
    return [float(row[name]) for row in data]


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def means(data, x, y):
    """x and the geometric mean of y, by x."""
    keys = distinct(data, x)
    return (
        [float(key) for key in keys],
        [geometric(column([row for row in data if row[x] == key], y)) for key in keys],
    )


def ranges(data, x, y):
    """x, smallest and largest y."""
    keys = distinct(data, x)
    values = [column([row for row in data if row[x] == key], y) for key in keys]
    return [float(key) for key in keys], [min(v) for v in values], [max(v) for v in values]


def figure1(data):
    figure, axes = plt.subplots(2, 2, figsize=(10, 5), sharex=True)
    for panel, pair in zip(distinct(data, "panel"), axes):
        part = [row for row in data if row["panel"] == panel]
        for side, axis in zip("ab", pair):
            own = [row for row in part if row["side"] == side]
            for k, name in enumerate(distinct(own, "problem")):
                curve = [row for row in own if row["problem"] == name]
                x = column(curve, "x")
                if k == 0:
                    axis.fill_between(x, column(curve, "given"), color="#dddddd", label="given")
                axis.plot(x, column(curve, "marginal"), color=[BLUE, RED][k], label=name)
            axis.set_title(f"marginal next to {side}" + (", both with outliers" if panel == "ab" else ", a with outliers"))
            axis.legend()
    return figure


def figure2(data):
    plain = [row for row in data if row["updates"] == "plain"]
    counts = distinct(plain, "measures")
    figure, axes = plt.subplots(1, len(counts), figsize=(12, 3.6), sharey=True)
    for count, axis in zip(counts, axes):
        part = [row for row in plain if row["measures"] == count]
        for run in distinct(part, "run"):
            own = [row for row in part if row["run"] == run]
            for name, colour in (("R_uu", RED), ("R_uv", BLUE)):
                seen = [row for row in own if row[name]]
                label = name if run == part[0]["run"] else None
                axis.plot(column(seen, "iteration"), column(seen, name), color=colour, lw=0.8, label=label)
        axis.axhline(0.1 / 0.11, color=GREY, ls="--", label="tau / (tau + eta)")
        axis.set(title=f"m = {count}", xlabel="iteration")
    axes[0].set_ylabel("ratio")
    axes[0].legend()
    return figure


def counts(data, curves, theory):
    """Half sweeps by target above, theory over true below, one column for each part of the data."""
    figure, axes = plt.subplots(2, len(data), figsize=(5.5 * len(data), 6.5), sharex="col", squeeze=False)
    for (title, part), (top, bottom) in zip(data, axes.T):
        for name, label, colour, style in curves:
            top.loglog(*means(part, "target", name), style, color=colour, label=label)
            top.fill_between(*ranges(part, "target", name), color=colour, alpha=0.15, lw=0)
        ratio = [dict(row, ratio=float(row[theory]) / float(row["true"])) for row in part]
        bottom.semilogx(*means(ratio, "target", "ratio"), "s-", color=BLUE)
        bottom.fill_between(*ranges(ratio, "target", "ratio"), color=BLUE, alpha=0.15, lw=0)
        bottom.set(xlabel="eps", ylabel="theory / true", ylim=(0, None))
        top.set(title=title, ylabel="half sweeps k")
        top.legend(fontsize=8)
    return figure


def figure3a(data):
    return counts(
        [("RSOT", data)],
        (
            ("authors", "theory, the authors' code", GREY, "o--"),
            ("ours", "theory, ours", BROWN, "o--"),
            ("certificate", "certificate", RED, "^-"),
            ("true", "true", BLUE, "s-"),
        ),
        "authors",
    )


def figure3a_time(data):
    figure, axis = plt.subplots(figsize=(5.5, 4))
    for name, label, colour, style in (
        ("plain_log", "Algorithm 1 to its first eps-optimal iterate, log domain", BLUE, "s-"),
        ("plain_kept", "the same with a kept kernel", GREEN, "s-"),
        ("solve_log", "solve_to, to its proof, log domain", RED, "^-"),
        ("solve_kept", "the same with a kept kernel", BROWN, "^-"),
    ):
        axis.loglog(*means(data, "target", name), style, color=colour, label=label)
        axis.fill_between(*ranges(data, "target", name), color=colour, alpha=0.15, lw=0)
    axis.set(xlabel="eps", ylabel="processor time, seconds")
    axis.legend(fontsize=8)
    return figure


def figure3bc(data):
    parts = [(f"RSBP, m = {m}", [row for row in data if row["measures"] == m]) for m in distinct(data, "measures")]
    curves = (
        ("theory", "theory (bound for m = 2)", GREY, "o--"),
        ("certificate", "certificate", RED, "^-"),
        ("true", "true", BLUE, "s-"),
        ("library_certificate", "this library, certificate", BROWN, "^:"),
    )
    return counts(parts, curves, "theory")


def complexity(data):
    figure, axes = plt.subplots(1, 2, figsize=(12, 5))
    for against, axis in zip(distinct(data, "against"), axes):
        part = [row for row in data if row["against"] == against]
        part = [dict(row, x=row["n"] if against == "n" else repr(1 / float(row["target"]))) for row in part]
        for k, name in enumerate(distinct(part, "problem")):
            own = [row for row in part if row["problem"] == name]
            axis.loglog(*means(own, "x", "plain_entries"), "s-", color=f"C{k}", label=name)
            axis.loglog(*means(own, "x", "own_entries"), "^:", color=f"C{k}")
        axis.set(xlabel=against, ylabel="entries of the kernel; dotted: this library")
        axis.legend()
    return figure


FIGURES = {
    "figure1": figure1,
    "figure2": figure2,
    "figure3a": figure3a,
    "figure3a_time": figure3a_time,
    "figure3bc": figure3bc,
    "complexity": complexity,
}
# Figures whose data are those of another.
DATA = {"figure3a_time": "figure3a"}


def draw(folder):
    for name, function in FIGURES.items():
        path = folder / (DATA.get(name, name) + ".csv")
        if path.exists():
            figure = function(rows(path))
            figure.tight_layout()
            figure.savefig(folder / (name + ".png"), dpi=130)
            plt.close(figure)


def main():
    folder = pathlib.Path(sys.argv[1])
    draw(folder)
    try:
        import plot_xie
    except ModuleNotFoundError as missing:
        if missing.name != "plot_xie":
            raise
        return
    plot_xie.draw(folder)


if __name__ == "__main__":
    main()
