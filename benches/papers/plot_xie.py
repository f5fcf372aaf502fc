"""Plots of the reproduction of Xie et al. (ICLR 2021): one function a figure.

Reads the CSVs that `cargo bench --bench xie_et_al -- FOLDER` wrote, and draws PNGs beside them. What was
not measured is not drawn. By itself: python plot_xie.py FOLDER
"""

import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

BLUE, RED, GREEN, GREY = "#1f5fa8", "#b5422c", "#2f7d4f", "#777777"


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def distinct(rows, column):
    """The values of a column in the order of their appearance."""
    return list(dict.fromkeys(row[column] for row in rows))


def bars(axes, rows, limit, far):
    """Weights of sources above, of targets below the axis; sources beyond `far` in red."""
    for side, sign in [("source", 1), ("target", -1)]:
        own = [row for row in rows if row["side"] == side]
        points = [float(row["point"]) for row in own]
        colours = [RED if p > far else BLUE for p in points] if sign > 0 else GREEN
        axes.bar(range(len(own)), [sign * float(row["weight"]) for row in own], color=colours)
    for level in (1, -1):
        axes.axhline(level, color=GREY, linewidth=0.7, linestyle="--")
    axes.axhline(0, color="black", linewidth=0.7)
    axes.set_ylim(-limit, limit)
    axes.set_xticks([])


def figure9(rows, path):
    budgets, balls = distinct(rows, "budget"), distinct(rows, "ball")
    size = (3.2 * len(budgets), 2.4 * len(balls))
    figure, axes = plt.subplots(len(balls), len(budgets), figsize=size, squeeze=False)
    for i, ball in enumerate(balls):
        for j, budget in enumerate(budgets):
            chosen = [r for r in rows if r["ball"] == ball and r["budget"] == budget]
            bars(axes[i][j], chosen, 2.7, 5.0)
            axes[i][j].set_title(f"{ball} ball, budget: {budget}", fontsize=8)
        axes[i][0].set_ylabel("weight (targets below)", fontsize=8)
    figure.suptitle("Three far points (red), in units of equal weights", fontsize=10)
    return save(figure, path)


def figure10(rows, path):
    rows = [r for r in rows if float(r["epsilon"]) == 1e-4]
    radii = distinct(rows, "rho")
    kinds = [(n, bound) for n in distinct(rows, "n") for bound in distinct(rows, "bound")]
    size = (2.8 * len(radii), 2.0 * len(kinds))
    figure, axes = plt.subplots(len(kinds), len(radii), figsize=size, squeeze=False)
    for i, (n, bound) in enumerate(kinds):
        for j, rho in enumerate(radii):
            chosen = [r for r in rows if (r["n"], r["bound"], r["rho"]) == (n, bound, rho)]
            bars(axes[i][j], chosen, 2.7, 1.0)
            axes[i][j].set_title(f"n = {n}, {bound} <= {rho}", fontsize=8)
    figure.suptitle("Unif(0, 2) (above 1 red) against Unif(0, 1) (green, downwards)", fontsize=10)
    return save(figure, path)


PAPER = {"0.25": (1.04, 0.20), "0.5": (1.29, 0.32), "0.75": (1.27, 0.34)}


def table2(rows, path):
    """A dot for each run: the ratio of the table, and what the steps do to the same start."""
    panels = [
        ("RS(all) / [RS(half) + ROBOT]", "rs_all", "robot"),
        ("RS(half) before / after ROBOT", "rs_half", "robot"),
        ("... gradient at a fixed plan", "rs_half", "envelope"),
        ("... AM", "rs_half", "am"),
    ]
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 3.2), sharey=True)
    shares = distinct(rows, "shuffled")
    for panel, (axis, (title, above, below)) in enumerate(zip(axes, panels)):
        for mean, colour, shift in [("0", BLUE, -0.12), ("1", RED, 0.12)]:
            for place, share in enumerate(shares):
                own = [r for r in rows if r["shuffled"] == share and r["mean_x"] == mean]
                ratios = sorted(float(r[above]) / float(r[below]) for r in own)
                label = f"x ~ N({mean}, I)" if place == 0 and panel == 0 else None
                axis.plot([place + shift] * len(own), ratios, "o", ms=3, color=colour, label=label)
                middle = (ratios[(len(own) - 1) // 2] + ratios[len(own) // 2]) / 2
                axis.hlines(middle, place + shift - 0.1, place + shift + 0.1, color=colour)
        if panel == 0:
            for place, share in enumerate(shares):
                mean, deviation = PAPER[share]
                label = "paper, mean and deviation" if place == 0 else None
                axis.errorbar(
                    place, mean, deviation, fmt="k_", capsize=4, linewidth=0.8, label=label
                )
            axis.legend(fontsize=6)
            axis.set_ylabel("ratio of test errors")
        axis.set_yscale("log")
        axis.axhline(1, color=GREY, linewidth=0.7, linestyle="--")
        axis.set_xticks(range(len(shares)), [f"{float(s):.0%}" for s in shares])
        axis.set_xlabel("shuffled")
        axis.set_title(title, fontsize=8)
    return save(figure, path)


def proposition1(rows, path):
    """Condition numbers and gradient steps against rho, d1 = 5, no ridge."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
    colours = [BLUE, GREEN, RED]
    chosen = [r for r in rows if r["d1"] == "5" and float(r["lambda"]) == 0.0]
    # AM's do not depend on d2.
    lines = [("AM", "1", GREY, "--")]
    lines += [("ROBOT", d2, c, "-") for d2, c in zip(distinct(chosen, "d2"), colours)]
    for method, d2, colour, style in lines:
        own = sorted((r for r in chosen if r["d2"] == d2), key=lambda r: float(r["rho"]))
        rho = [float(r["rho"]) for r in own]
        label = "AM" if method == "AM" else f"ROBOT, d2 = {d2}"
        for axis, column in zip(axes, ["condition", "steps"]):
            values = [float(r[f"{column}_{method.lower()}"]) for r in own]
            axis.plot(rho, values, style, marker="o", ms=3, color=colour, label=label)
    for axis, name in zip(axes, ["condition number", "gradient steps to 1e-6"]):
        axis.set_yscale("log")
        axis.set_xlabel("rho")
        axis.set_ylabel(name)
    axes[0].legend(fontsize=6)
    figure.suptitle("Proposition 1: d1 = 5, lambda = 0", fontsize=10)
    return save(figure, path)


FIGURES = {
    "xie_figure9": figure9,
    "xie_figure10": figure10,
    "xie_table2": table2,
    "xie_proposition1": proposition1,
}


def draw(folder):
    """Draws every figure whose CSV is in the folder; returns the paths of the PNGs."""
    folder = Path(folder)
    drawn = []
    for name, figure in FIGURES.items():
        source = folder / f"{name}.csv"
        if source.exists():
            drawn.append(figure(read(source), folder / f"{name}.png"))
    return drawn


if __name__ == "__main__":
    for path in draw(sys.argv[1]):
        print(path)
