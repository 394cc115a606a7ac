"""The results in pictures, as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from peers_cases import Case  # noqa: E402
from peers_page import Results, best, share, shown  # noqa: E402
from peers_process import Row  # noqa: E402

#: One for each library, told apart by those who see fewer colours, too (Okabe and Ito's).
COLOURS = {
    "ainv": "#D55E00", "numpy": "#0072B2", "scipy": "#56B4E9", "torch": "#009E73", "jax": "#CC79A7", "mlx": "#E69F00",
    "faer": "#000000", "nalgebra": "#7F7F7F", "ndarray-linalg": "#8C564B",
}
#: The same file for the same results.
plt.rcParams.update({"svg.hashsalt": "ainv", "svg.fonttype": "none", "axes.grid": True, "grid.alpha": 0.3,
                     "axes.spines.top": False, "axes.spines.right": False, "figure.constrained_layout.use": True})


def draw(results: Results, folder: Path) -> dict[str, str]:
    """Writes what the results have rows for, and returns the titles by the files' names."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for name, (title, picture) in PICTURES.items():
        if figure := picture(results):
            figure.suptitle(f"{title}\n{results.machine}", fontsize=10)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            plt.close(figure)
            pictures[f"{name}.svg"] = title
    return pictures


def inverses(results: Results, dtype: str) -> list[Row]:
    """Of stacks and of large matrices, by order; alike but for their order."""
    def plain(case: Case) -> bool:
        return case.op == "inv" and case.dtype == dtype and case.precision == "native" and case.fresh

    rows = [row for row in results.of("small") + results.of("large") if plain(row.case)]
    return sorted(rows, key=lambda row: row.case.n)


def lines(axes: Any, rows: Iterable[Row], library: str, x: Any, y: Any, **style: Any) -> None:
    points = [(x(row), y(row)) for row in rows if library in row.seconds]
    if points:
        style = {"color": COLOURS[library], "label": shown(library), "marker": "o", "markersize": 3} | style
        axes.plot(*zip(*points, strict=True), linewidth=2 if library == "ainv" else 1, **style)


def orders(axes: Any, title: str, label: str) -> None:
    axes.set(title=title, xlabel="order n", ylabel=label, xscale="log")
    ticks = (1, 4, 16, 64, 256, 1024, 4096)
    low, high = axes.get_xlim()
    axes.set_xticks([n for n in ticks if low <= n <= high], [str(n) for n in ticks if low <= n <= high])
    axes.minorticks_off()


def legend(figure: Any, panels: Any) -> None:
    """Of the first panel, for all, where it hides no point."""
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8)


def times(results: Results) -> Any:
    """Time a matrix against n."""
    dtypes = [d for d in ("float64", "float32", "complex128", "complex64") if inverses(results, d)]
    if not dtypes:
        return None
    figure, panels = plt.subplots((len(dtypes) + 1) // 2, min(len(dtypes), 2), figsize=(10, 7), squeeze=False, sharey=True)
    for axes, dtype in zip(panels.flat, dtypes, strict=False):
        rows = inverses(results, dtype)
        for library in results.libraries:
            lines(axes, rows, library, lambda r: r.case.n, lambda r, of=library: r.seconds[of] / r.case.matrices * 1e6)
        axes.set_yscale("log")
        orders(axes, dtype, "us a matrix" if axes in panels[:, 0] else "")
    legend(figure, panels)
    return figure


def limits(results: Results) -> Any:
    """The share of the limit against n, of ainv's functions and of the best peer's inverses."""
    def of(op: str, dtype: str) -> list[Row]:
        rows = [r for r in results.of("small") + results.of("large") if r.case.op == op and r.case.dtype == dtype]
        return sorted((r for r in rows if r.case.precision == "native" and r.case.fresh), key=lambda r: r.case.n)

    dtypes = [d for d in ("float64", "float32") if of("inv", d)]
    if not dtypes:
        return None
    figure, panels = plt.subplots(1, len(dtypes), figsize=(5 * len(dtypes), 4), squeeze=False, sharey=True)
    machine = results.machine
    for axes, dtype in zip(panels[0], dtypes, strict=True):
        for op, style in {"inv": "-", "posdef_inv": "--", "cholesky_inv": "-.", "tri_inv": ":"}.items():
            lines(axes, of(op, dtype), "ainv", lambda r: r.case.n, lambda r: share(r, machine), linestyle=style,
                  label=f"ainv, {op}")
        peers = [(r.case.n, share(r, machine, found[0])) for r in of("inv", dtype) if (found := best(r))]
        if peers:
            axes.plot(*zip(*peers, strict=True), color=COLOURS["numpy"], marker="o", markersize=3, label="best peer, inv")
        axes.set_ylim(0, 1.05)
        orders(axes, dtype, "share of the limit" if axes is panels[0][0] else "")
    legend(figure, panels)
    return figure


def threads(results: Results) -> Any:
    """Time on one thread over that on more."""
    rows = results.of("threads")
    if not rows:
        return None
    kinds = sorted({(row.case.n, row.case.count) for row in rows})
    figure, panels = plt.subplots(1, len(kinds), figsize=(3.2 * len(kinds), 3.4), squeeze=False, sharey=True)
    for axes, (n, count) in zip(panels[0], kinds, strict=True):
        some = [row for row in rows if (row.case.n, row.case.count) == (n, count)]
        one = {library: t for row in some if row.case.threads == 1 for library, t in row.seconds.items()}
        for library in results.libraries:
            if library in one:
                lines(axes, some, library, lambda r: r.case.threads, lambda r, of=library: one[of] / r.seconds[of])
        most = max(row.case.threads or 1 for row in some)
        axes.plot([1, most], [1, most], color="0.7", linestyle=":")
        axes.set(title=f"{count} of order {n}" if count else f"one of order {n}", xlabel="threads")
        axes.set_xticks(sorted({row.case.threads or most for row in some}))
    panels[0][0].set_ylabel("times as fast as one thread")
    legend(figure, panels)
    return figure


def accuracy(results: Results) -> Any:
    """Residual ratio against time: the lower left is best."""
    rows = results.of("accuracy")
    if not rows:
        return None
    kinds = sorted({(row.case.family, row.case.dtype) for row in rows})
    figure, panels = plt.subplots(1, len(kinds), figsize=(3.4 * len(kinds), 3.6), squeeze=False, sharey=True)
    for axes, (family, dtype) in zip(panels[0], kinds, strict=True):
        some = [row for row in rows if (row.case.family, row.case.dtype) == (family, dtype)]
        for library in results.libraries:
            points = [(row.seconds[library] / row.case.matrices * 1e6, row.ratios[library]) for row in some
                      if library in row.ratios and library in row.seconds]
            if points:
                axes.scatter(*zip(*points, strict=True), s=14, color=COLOURS[library], label=shown(library))
        axes.set(title=f"{family}\n{dtype}", xlabel="us a matrix", xscale="log", yscale="log")
    panels[0][0].set_ylabel("largest |A X - I| over n u |A| |X|")
    legend(figure, panels)
    return figure


PICTURES = {
    "times": ("Inverses: the time a matrix takes, by its order", times),
    "limits": ("The share of what the machine can do at most, by the order", limits),
    "threads": ("Inverses in float64: what more threads give", threads),
    "accuracy": ("Inverses: residuals and times", accuracy),
}
