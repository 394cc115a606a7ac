"""What the examples share: their command line, figures that are checked, the picture at the end."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

failed: list[str] = []


def arguments(doc: str | None, **sizes: int) -> argparse.Namespace:
    """The command line: a size of the problem for each keyword, and where the picture goes."""
    about, *_ = (doc or "").partition("\n")
    parser = argparse.ArgumentParser(description=about)
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size, help=f"without it {size}")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where the picture goes")
    return parser.parse_args()


def check(what: str, value: float, limit: float) -> None:
    """Prints a measured error and remembers whether it is within its limit."""
    good = value <= limit  # false for NaN, too
    if not good:
        failed.append(what)
    print(f"  {what:<62}{value:9.1e}   at most {limit:.0e}   {'ok' if good else 'FAILED'}")


def finish(
    asked: Path | None, draw: Callable[[Any], None], size: tuple[float, float] = (8, 3.4)
) -> None:
    """Lets `draw` fill a figure of Matplotlib, then ends the program: with 1 if a check failed.

    The picture goes where it was asked for, else into a file of the program's name in the current
    folder; if Matplotlib is not installed that is an error only where it was asked for.
    """
    path = asked or Path(Path(sys.argv[0]).stem + ".png")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        if asked:
            sys.exit("the picture needs Matplotlib: pip install matplotlib")
        print("\nNo picture: Matplotlib is not installed.")
    else:
        spines = {"axes.spines.top": False, "axes.spines.right": False}
        with matplotlib.rc_context({"font.size": 9, "legend.frameon": False} | spines):
            figure = Figure(figsize=size, layout="constrained")
            draw(figure)
            figure.savefig(path, dpi=110)
        print(f"\nThe picture is in {path}.")
    if failed:
        sys.exit(f"{len(failed)} checks failed: {'; '.join(failed)}")
    print("All checks passed.")
