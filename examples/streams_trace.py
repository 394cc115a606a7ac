"""Draws a trace of streams at work.

    cargo run --release -p ainv --example trace | python examples/streams_trace.py examples/streams.svg

Reads the trace, a table of stream, work, thread, begin and end, from the standard input. Needs
matplotlib.
"""

import csv
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ainv", "font.size": 9})

from matplotlib import pyplot
from matplotlib.patches import Patch

COLOURS = ["#2a6f97", "#e07a3f"]


def draw(rows: list[dict[str, str]], path: str) -> None:
    streams = sorted({row["stream"] for row in rows})
    threads = sorted({row["thread"] for row in rows})
    figure, axes = pyplot.subplots(figsize=(8, 2.2), layout="constrained")
    for k, stream in enumerate(streams):
        own = [row for row in rows if row["stream"] == stream]
        works = ", ".join(sorted({row["work"] for row in own}))
        for thread in threads:
            spans = [
                (float(row["begin"]), float(row["end"]) - float(row["begin"]))
                for row in own
                if row["thread"] == thread
            ]
            axes.broken_barh(
                spans,
                (-k - 0.35, 0.7),
                facecolor=COLOURS[threads.index(thread) % len(COLOURS)],
                edgecolor="white",
                linewidth=0.6,
            )
        axes.text(0, -k + 0.4, f"{stream}: {len(own)} times {works}", va="bottom")
    axes.set_yticks([])
    axes.set_ylim(0.75 - len(streams), 0.75)
    axes.set_xlabel("milliseconds")
    axes.spines[["left", "top", "right"]].set_visible(False)
    handles = [
        Patch(color=COLOURS[k % len(COLOURS)], label=f"begun on thread {name}")
        for k, name in enumerate(threads)
    ]
    axes.legend(handles=handles, loc="upper right", ncols=len(threads), frameon=False)
    # No date, so that the same trace is the same file.
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    draw(list(csv.DictReader(sys.stdin)), sys.argv[1])
