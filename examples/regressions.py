"""Two regressions that NIST certifies programs with, Longley's and Filip's.

    python examples/regressions.py [--picture FILE]

Problem  Coefficients b = pinv(X) y of an ill-conditioned least-squares problem. What double precision
         promises is some units of roundoff times the condition of X, so digits are won by a better X, not
         by a better algorithm: columns of unit length, or a polynomial in a shifted and scaled variable.
Data     NIST's Statistical Reference Datasets with 15 certified digits: Longley (employment against
         six economic series, 16 x 7) and Filip (a polynomial of degree 10 through 82 points). See
         examples/README.md.
Prints   For each form of X its condition and how many digits pinv finds, beside NumPy's lstsq.
Checks   The coefficients against the certified ones; that pinv takes Filip's X, whose condition is
         beyond the tolerance, for one of rank 10, and does not return noise.
"""

from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any, TypeAlias

import ainv
import numpy as np
from common import arguments, check, finish
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
HERE = Path(__file__).resolve().parent
SHIFT, SCALE = -6, 3  # Filip's variable is between -8.8 and -3.1


def read(name: str) -> Reals:
    table: Reals = np.loadtxt(HERE / name, delimiter=",")
    return table


def unshifted(b: Reals) -> Reals:
    """Coefficients in powers of x of the polynomial sum b_k ((x - SHIFT) / SCALE)^k, exactly."""
    c = [Fraction(0)] * len(b)
    for k, value in enumerate(b):
        for j in range(k + 1):
            c[j] += Fraction(float(value)) * comb(k, j) * (-SHIFT) ** (k - j) / SCALE**k
    return np.array([float(v) for v in c])


def digits(found: Reals, certified: Reals) -> float:
    """Of the worst coefficient; NIST gives 15."""
    worst = np.abs(found / certified - 1).max()
    return float(np.clip(-np.log10(max(worst, 1e-15)), 0, 15))


def main() -> None:
    asked = arguments(__doc__)
    longley, jobs = read("longley/longley_x.csv"), read("longley/longley_y.csv")
    y, x = read("filip/filip.csv").T
    powers = np.arange(11)
    filip, shifted = x[:, None] ** powers, ((x - SHIFT) / SCALE)[:, None] ** powers
    unit, flat = np.linalg.norm(longley, axis=0), np.linalg.norm(filip, axis=0)
    # X, y, how its coefficients become those of the original problem, and NIST's.
    problems: dict[str, Any] = {
        "Longley, as given": (longley, jobs, lambda b: b, read("longley/certified.csv")),
        "Longley, unit columns": (
            longley / unit,
            jobs,
            lambda b: b / unit,
            read("longley/certified.csv"),
        ),
        "Filip, as given": (filip, y, lambda b: b, read("filip/certified.csv")),
        "Filip, unit columns": (filip / flat, y, lambda b: b / flat, read("filip/certified.csv")),
        "Filip, shifted variable": (shifted, y, unshifted, read("filip/certified.csv")),
    }
    print("Digits of the worst coefficient that agree with NIST's 15\n")
    print(f"  {'':<28}{'condition':>12}{'ainv.pinv':>12}{'numpy lstsq':>14}{'promised':>12}")
    rows, errors = {}, {}
    for name, (a, right, back, certified) in problems.items():
        found = back(ainv.pinv(a) @ right)
        peer = back(np.linalg.lstsq(a, right)[0])
        condition = float(np.linalg.cond(a))
        owed = 4 * 2.0**-53 * condition
        rows[name] = ours, theirs = digits(found, certified), digits(peer, certified)
        errors[name] = np.abs(found / certified - 1).max(), owed
        print(f"  {name:<28}{condition:12.1e}{ours:12.1f}{theirs:14.1f}{-np.log10(owed):12.1f}")
    print()
    for name, (error, limit) in errors.items():
        if name != "Filip, as given":
            check(f"{name}: largest relative error", error, limit)
    # The trace of the projector pinv(X) X is the rank.
    rank = np.trace(ainv.pinv(filip) @ filip)
    check("Filip, as given: rank that pinv takes, less 10", abs(rank - 10), 1e-3)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        t = np.linspace(x.min(), x.max(), 400)
        fit = ((t - SHIFT) / SCALE)[:, None] ** powers @ (ainv.pinv(shifted) @ y)
        left.plot(x, y, "o", ms=3, color="#9a9a9a", label="Filip's 82 points")
        left.plot(t, fit, color="#e07a3f", label="degree 10, by pinv of the shifted X")
        left.set(xlabel="x", ylabel="y")
        left.legend(loc="lower right")
        at = np.arange(len(rows))
        for k, (name, colour) in enumerate([("ainv.pinv", "#e07a3f"), ("numpy lstsq", "#2a6f97")]):
            right.barh(
                at + 0.38 * (k - 0.5), [r[k] for r in rows.values()], 0.38, label=name, color=colour
            )
        right.set_yticks(at, rows)
        right.invert_yaxis()
        right.set(xlabel="digits that agree with NIST's", xlim=(0, 15.5))
        right.text(0.3, 2, "taken for rank 10", va="center", color="#5a5a5a")
        right.legend(loc="lower center", bbox_to_anchor=(0.3, 1), ncols=2)

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
