"""The page that `accuracy.py` writes: tables of the worst ratios, and where ainv is not the most accurate."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

#: In the list: so many times the best peer's ratio, and so large.
FACTOR, LEAST = 1.5, 0.05
#: What computes single precision in double, too.
WIDE = ("ainv", "numpy")


class Outcome(NamedTuple):
    """One library's ratios of one matrix: the side that ainv bounds first; one may be all there is."""

    operation: str
    dtype: str
    family: str
    #: The order or the shape, and what more is to be said of the call.
    order: int
    case: str
    library: str
    ratios: tuple[float, ...]


class Worst(NamedTuple):
    ratio: float
    order: int
    dtype: str


#: Rows of a table that hold several families, by what their names begin with.
ROWS = {
    "2 upper": "2, 3 triangular", "3 lower": "2, 3 triangular", "10 near": "10, 11 near under-, overflow",
    "11 near": "10, 11 near under-, overflow", "geometric": "other spectra", "one ": "other spectra",
    "graded rows": "graded rows", "graded columns": "graded columns", "permut": "permutations",
    "Wilkinson": "Wilkinson growth", "gallery": "gallery", "8 near": "8, 9 near under-, overflow",
    "9 near": "8, 9 near under-, overflow", "3 condition": "3, 4 condition sqrt(0.1/eps)",
    "4 geometric": "3, 4 condition sqrt(0.1/eps)", "5 near": "5, 6 near under-, overflow",
    "6 near": "5, 6 near under-, overflow", "8 small": "8-10 unit diagonal", "9 random": "8-10 unit diagonal",
    "10 growing": "8-10 unit diagonal", "full rank": "full rank", "rank n - 1": "rank n - 1",
    "rank n / 2": "rank n / 2", "rank 1": "rank 1",
}

TITLES = {
    "inv": ("Inverses", "`ainv.inv`, `numpy.linalg.inv`, `scipy.linalg.inv`, `torch.linalg.inv`, `jax.numpy.linalg.inv`."),
    "posdef": ("Positive definite inverses", '`ainv.inv(assume="posdef")`, `numpy.linalg.inv` (by LU), '
               '`scipy.linalg.inv(assume_a="pos")`, torch\'s `cholesky_inverse(cholesky)`, JAX\'s `cho_solve(cho_factor)`.'),
    "tri_inv": ("Triangular inverses", "`ainv.tri_inv`, `numpy.linalg.inv` (by LU), `solve_triangular` of SciPy, torch and JAX "
                "with the identity, LAPACK's `trtri`."),
    "solve": ("Solutions", "The worst of three columns: ||b - A x||_1 over n u ||A||_1 ||x||_1."),
    "pinv": ("Pseudo-inverses", "The worst of Penrose's four conditions, each over max(m, n) u and its terms' norms, 2 x 2 to "
             "100 x 30; the same `rtol` for all."),
    "entries": ("Entries, against exact inverses", "The largest error of an entry over n u abs(X) abs(A) abs(X), X the exact "
                "inverse in rational arithmetic; orders 2 to 12, complex 2 to 6."),
}


def precision(dtype: str) -> str:
    return "double" if dtype in ("float64", "complex128") else "single"


def row_of(family: str) -> str:
    return next((row for start, row in ROWS.items() if family.startswith(start)), family)


def route(order: int) -> str:
    return "2, 3" if order < 4 else "4 to 24" if order <= 24 else "over 24"


def worst(outcomes: Iterable[Outcome], by: str) -> dict[tuple[str, ...], dict[str, list[Worst]]]:
    """By operation, precision, row and, if asked, the orders of a route: the worst of each library and side."""
    found: dict[tuple[str, ...], dict[str, list[Worst]]] = {}
    for o in outcomes:
        key: tuple[str, ...] = (o.operation, precision(o.dtype), row_of(o.family))
        if by == "route":
            key += (route(o.order),)
        sides = found.setdefault(key, {}).setdefault(o.library, [Worst(-1.0, 0, "")] * len(o.ratios))
        for side, ratio in enumerate(o.ratios):
            # A ratio that is no number is infinite before it comes here.
            if ratio > sides[side].ratio:
                sides[side] = Worst(ratio, o.order, o.dtype)
    return found


def number(ratio: float) -> str:
    if math.isinf(ratio):
        return "fails"
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}" if ratio < 1e4 else f"{ratio:.0e}"


def table(rows: dict[str, dict[str, list[Worst]]], libraries: Sequence[str]) -> Iterator[str]:
    """A row for each family, the best library's ratio in bold on each side."""
    yield "| | " + " | ".join(libraries) + " |"
    yield "|---" * (len(libraries) + 1) + "|"
    for name, found in rows.items():
        sides = max(len(w) for w in found.values())
        best = [min(w[side].ratio for w in found.values()) for side in range(sides)]
        cells = []
        for library in libraries:
            shown = [(number(w.ratio), number(b)) for w, b in zip(found.get(library, []), best, strict=False)]
            cells.append(" / ".join(f"**{x}**" if x == b and x != "fails" else x for x, b in shown) or "-")
        yield f"| {name} | " + " | ".join(cells) + " |"


def behind(outcomes: Iterable[Outcome]) -> Iterator[tuple[float, str, tuple[str, ...], dict[str, list[Worst]], str]]:
    """Where ainv is behind the best peer on the side that it bounds: how far, which ainv, of what, the best peer."""
    for key, found in worst(outcomes, "route").items():
        for me in ("ainv", "ainv native"):
            # Native precision stands beside native precision.
            peers = [p for p in found if not p.startswith("ainv") and not (me == "ainv native" and p in WIDE)]
            if me not in found or not peers:
                continue
            best = min(peers, key=lambda p: found[p][0].ratio)
            ratio = found[me][0].ratio
            if ratio > LEAST and not ratio <= FACTOR * found[best][0].ratio:
                yield ratio / max(found[best][0].ratio, 1e-300), me, key, found, best


def reason(me: str, key: tuple[str, ...], found: dict[str, list[Worst]]) -> str:
    return ""


def page(outcomes: Sequence[Outcome], versions: str, day: str) -> str:
    libraries = list(dict.fromkeys(o.library for o in outcomes))
    lines = [
        "# How accurate the results are, beside other libraries'",
        "",
        "Written by `python benches/accuracy.py --out docs/accuracy.md` with `AINV_TEST_MATRICES` naming a folder of real",
        f"matrices: {versions}; {day}, {platform.machine()}, {libraries and 'one thread'}.",
        "",
    ]
    tables = worst(outcomes, "")
    for operation, (title, about) in TITLES.items():
        for width in ("double", "single"):
            rows = {key[2]: found for key, found in tables.items() if key[:2] == (operation, width)}
            if rows:
                names = [name for name in libraries if any(name in found for found in rows.values())]
                lines += ["", f"## {title}, {width} precision", "", about, ""]
                lines += table(rows, names)
    lines += ["", "## Where ainv is not the most accurate", ""]
    for f, me, key, found, best in sorted(behind(outcomes), key=lambda x: -x[0]):
        w, b = found[me][0], found[best][0]
        lines.append(f"| {key[0]} | {key[3]} | {me}, {w.dtype} | {key[2]} | {number(w.ratio)} | {number(b.ratio)} {best} | {f:.1f} |")
    return "\n".join(lines) + "\n"
