"""The page that `accuracy.py` writes: tables of the worst ratios, and where ainv is not the most accurate."""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

#: What ainv's own tests ask for. Nothing over it is explained away.
BAR = 3.0
#: In the list: so many times the best peer's ratio, and so large.
FACTOR, LEAST = 1.5, 0.05


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


class Ratios(NamedTuple):
    """One side's ratios of one library: the worst, where, and the median of all."""

    worst: float
    order: int
    dtype: str
    median: float
    count: int


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
    "rank n / 2": "rank n / 2", "rank 1": "rank 1", "real:": "real matrices",
}

TITLES = {
    "inv": (
        "Inverses",
        "R / L. `ainv.inv`, and each library's `inv`.",
    ),
    "inv, real": (
        "Inverses of real matrices",
        "R / L, of the files, by default those up to order 1000; what is exactly singular fails. In single "
        "precision only those that are not singular to it.",
    ),
    "inv, zeros": (
        "Zeros of triangles",
        "The largest entry of `inv` of a triangle where its inverse has zeros, over u and the largest entry of "
        "all; entries off the diagonals are often the pivots.",
    ),
    "posdef": (
        "Positive definite inverses",
        "R / L; ainv bounds both. `ainv.inv(assume=\"posdef\")`, NumPy's `inv` (by LU), SciPy's "
        "`inv(assume_a=\"pos\")`, torch's `cholesky_inverse(cholesky)`, JAX's `cho_solve(cho_factor)` of the "
        "identity.",
    ),
    "tri_inv": (
        "Triangular inverses",
        "R / L. `ainv.tri_inv`, NumPy's `inv` (by LU), `solve_triangular` of SciPy, torch and JAX with the "
        "identity, LAPACK's `trtri`, which bounds the left.",
    ),
    "solve": (
        "Solutions",
        "||b - A x||_1 over n u ||A||_1 ||x||_1, the worst of three columns.",
    ),
    "pinv": (
        "Pseudo-inverses",
        "The worst of Penrose's four conditions, each over max(m, n) u and the norms of its terms; 2 x 2 to 100"
        " x 30, the same `rtol` for all.",
    ),
    "entries": (
        "Entries, beside exact inverses",
        "The largest error of an entry of `inv` over n u abs(X) abs(A) abs(X), X the exact inverse in rational "
        "arithmetic; orders 2 to 12, complex 2 to 6.",
    ),
}


def precision(dtype: str) -> str:
    return "double" if dtype in ("float64", "complex128") else "single"


def row_of(operation: str, family: str) -> str:
    if operation == "entries":
        kind = family.split(":")[0]
        return {"trap": "traps", "gallery": "gallery"}.get(kind, "the types above")
    return next((row for start, row in ROWS.items() if family.startswith(start)), family)


def route(o: Outcome) -> str:
    """ainv's route for its matrix. Lanes and columns are one here: they have the same bits."""
    if o.operation == "pinv":
        rows, _, columns = o.case.removesuffix(" alone").partition(" x ")
        return "lanes" if columns and int(rows) * int(columns) <= 256 else "certified"
    if o.order > 64:
        return "blocked"
    closed = o.operation.partition(",")[0] in ("inv", "entries") and o.order <= (2 if o.dtype.startswith("complex") else 3)
    return "closed form" if closed else "lanes, columns"


def set_of(o: Outcome) -> tuple[str, ...]:
    return o.operation, precision(o.dtype), row_of(o.operation, o.family)


#: By operation, precision and what more tells a set from the others: each library's ratios, a side each.
Table = dict[tuple[str, ...], dict[str, list[Ratios]]]


def summary(outcomes: Iterable[Outcome], key: Callable[[Outcome], tuple[str, ...]]) -> Table:
    found: dict[tuple[str, ...], dict[str, list[Outcome]]] = {}
    for o in outcomes:
        found.setdefault(key(o), {}).setdefault(o.library, []).append(o)

    def ratios(many: list[Outcome], side: int) -> Ratios:
        # A ratio that is no number was made infinite.
        worst = max(many, key=lambda o: o.ratios[side])
        median = statistics.median(o.ratios[side] for o in many)
        return Ratios(worst.ratios[side], worst.order, worst.dtype, median, len(many))

    return {key: {library: [ratios(many, side) for side in range(len(many[0].ratios))]
                  for library, many in libraries.items()} for key, libraries in found.items()}


def number(ratio: float) -> str:
    if math.isinf(ratio):
        return "fails"
    return "0" if ratio < 0.005 else f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}" if ratio < 1e4 else f"{ratio:.0e}"


def cells(found: dict[str, list[Ratios]], libraries: Sequence[str]) -> Iterator[str]:
    """The worst ratio of each side, the best library's in bold."""
    if not found:
        yield from "-" * len(libraries)
        return
    best = [number(min(sides)[0]) for sides in zip(*found.values(), strict=True)]
    for library in libraries:
        shown = [number(r.worst) for r in found.get(library, [])]
        bold = [f"**{x}**" if x == b != "fails" else x for x, b in zip(shown, best, strict=False)]
        yield " / ".join(bold) or "-"


def table(found: Table, rows: dict[str, tuple[str, str]]) -> Iterator[str]:
    """A line for each row, which names its operation and set: double precision, then single."""
    keys = {width: [(operation, width, which) for operation, which in rows.values()] for width in ("double", "single")}
    columns = {width: list(dict.fromkeys(library for key in keys[width] for library in found.get(key, {})))
               for width in keys}
    heads = [f"{width}: {name}" if i == 0 else name for width, names in columns.items() for i, name in enumerate(names)]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for row, (operation, which) in rows.items():
        line = [c for width, names in columns.items() for c in cells(found.get((operation, width, which), {}), names)]
        yield f"| {row} | {' | '.join(line)} |"


def tables(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A table for each operation, a line for its families."""
    found = summary(outcomes, set_of)
    for operation, (title, about) in TITLES.items():
        rows = {row: (operation, row) for name, _, row in found if name == operation}
        if rows:
            yield from ("", f"## {title}", "", about, "", *table(found, rows))


def routes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One table of all families, a line for each route."""
    # Of LAPACK's triangles alone there is no more to say.
    all_ = [o for o in outcomes if o.operation not in ("inv, zeros", "inv, real") and o.library != "trtri"]
    found = summary(all_, lambda o: (o.operation, precision(o.dtype), route(o)))
    order = list(TITLES)
    keys = sorted({(operation, which) for operation, _, which in found}, key=lambda k: (order.index(k[0]), k[1]))
    yield from ("", "## By route", "")
    yield (
        "The worst of all families below, by ainv's route: closed forms for real orders to 3 and complex ones to 2, lanes and "
        "columns to 64, which have the same bits, blocked algorithms above; of `pinv` lanes to 256 entries. R / L, of `solve`, "
        "`pinv` and entries what their tables have."
    )
    yield from ("", *table(found, {f"{operation}, {which}": (operation, which) for operation, which in keys}))


class Compared(NamedTuple):
    """ainv beside the best peer, on one side."""

    operation: str
    row: str
    route: str
    me: str
    mine: Ratios
    peer: str
    best: Ratios
    why: str


def compared(found_: Table, side: int = 0) -> Iterator[Compared]:
    """ainv beside the best peer, in each set."""
    for (operation, _, row, way), found in found_.items():
        for me in ("ainv", "ainv native"):
            # Native precision stands beside native precision.
            left_out = ("ainv", "numpy") if me == "ainv native" else ("ainv",)
            peers = {p: r[side] for p, r in found.items() if side < len(r) and not p.startswith(left_out)}
            if me not in found or not peers:
                continue
            peer = min(peers, key=lambda p: peers[p].worst)
            mine, best = found[me][side], peers[peer]
            yield Compared(operation, row, way, me, mine, peer, best, reason(operation, row, me, mine, peer, peers))


def is_behind(x: Compared) -> bool:
    return x.mine.worst > LEAST and not x.mine.worst <= FACTOR * x.best.worst


#: What was found by looking where ainv is behind; the page prints those that it names.
REASONS = {
    "closed form": (
        "Of orders 2 and 3 (complex: 2) the inverse is cofactors times the determinant's reciprocal: three "
        "roundings meet where the diagonal of a triangle, by LU, is divided once. On full matrices both are "
        "alike (measured once, medians of 300: 0.17 and 0.17 of condition 2, 0.17 and 0.13 of triangles). With "
        "quotients for the reciprocal's products the difference was half as large."
    ),
    "reciprocal": (
        "A complex number's reciprocal is rounded four times (a quotient by the larger part, the modulus, two "
        "quotients), by Smith's formula three times."
    ),
    "Cholesky": (
        "Roots, quotients and the product of two factors are rounded where NumPy's LU rounds less. SciPy's and "
        "torch's Cholesky is as far. What it gives is the left side (NumPy's LU: see other spectra) and a "
        "result that is exactly Hermitian."
    ),
    "one side": (
        "JAX solves with the factors for each column of the identity, which bounds the right side alone: its "
        "left side is in the table, and its result not Hermitian. ainv multiplies the factors' inverses, which "
        "bounds both."
    ),
    "rows": (
        "Its elimination searches a row of A for each pivot, LAPACK's a column. Where the last rows are the "
        "largest LAPACK begins with the largest, which is never updated; ainv begins with the first, and "
        "updates the largest in every step. Where the first rows are the largest both are alike."
    ),
    "columns": (
        "Its elimination searches a row of A for each pivot, so that it is blind to the scale of rows; LAPACK's"
        " is blind to that of columns, so its errors are small column by column. Both are bounded by the norms,"
        " which is what `solve` promises."
    ),
    "growth": (
        "Partial pivoting's growth of 2^(n - 1), which LAPACK meets on Wilkinson's matrix and ainv on its "
        "transpose; the worst of a few right-hand sides is by chance."
    ),
    "zeros": (
        "Exchanges of pivots fill the zeros of a triangle with roundings: of an upper one in ainv, which "
        "searches its rows, of a lower one in NumPy, torch and JAX, which search columns. SciPy looks for "
        'triangles first; ainv above order 24 (float32 in native precision 32, complex 20). `assume="upper"` '
        "and `tri_inv` give the zeros in any case."
    ),
    "rounded once": (
        "It is the inverse in double precision, rounded, as NumPy's is: nothing in single precision is nearer "
        "to the inverse. That another's residual is smaller is chance."
    ),
    "chance": (
        "The median is at most a third over the peer's, or under 0.02: the worst of a few hundred is by chance."
    ),
    "few": (
        "Of fewer than 30 matrices, fixed ones, each of some roundings: no more than these."
    ),
}


def reason(operation: str, row: str, me: str, mine: Ratios, peer: str, peers: dict[str, Ratios]) -> str:
    """The key of `REASONS`, or nothing where nobody has looked."""
    alike = mine.median <= max(4 / 3 * peers[peer].median, 0.02)
    if row == "Wilkinson growth" and operation == "solve":
        return "growth"
    if operation == "inv, zeros":
        return "zeros" if row == "upper triangles" else ""
    if mine.worst > BAR:
        return ""
    if row == "graded rows":
        return "rows"
    if row.startswith("graded"):
        return "columns"
    if me == "ainv" and precision(mine.dtype) == "single" and mine.worst <= 1.01 * peers["numpy"].worst:
        return "rounded once"
    if operation == "posdef":
        return "Cholesky" if peer == "numpy" else "one side" if peer == "jax" else "chance" if alike else ""
    if mine.order <= (2 if mine.dtype.startswith("complex") else 3) and operation in ("inv", "inv, real", "entries"):
        return "closed form"
    if operation == "inv" and row == "1 diagonal" and mine.dtype.startswith("complex"):
        return "reciprocal"
    return "chance" if alike and mine.count >= 30 else "few" if mine.count < 30 else ""


def listed(sets: Iterable[Compared]) -> Iterator[str]:
    """A row each, the farthest behind first."""
    yield from ("", "| operation | matrices | route | | ainv | best peer | why |", "|---|---|---|---|---|---|---|")
    for x in sorted(sets, key=lambda x: x.best.worst / x.mine.worst):
        ours, theirs = (f"{number(r.worst)} ({number(r.median)})" for r in (x.mine, x.best))
        which = x.mine.dtype + (", native" if x.me == "ainv native" else "")
        why = x.why or "not known"
        yield f"| {x.operation} | {x.row} | {x.route} | {which} | {ours} | {theirs} {x.peer} | {why} |"
    yield ""


def verdict(outcomes: Sequence[Outcome]) -> Iterator[str]:
    found = summary(outcomes, lambda o: (*set_of(o), route(o)))
    sides = [list(compared(found, side)) for side in (0, 1)]
    right = list(filter(is_behind, sides[0]))
    left = [f"{x.operation}, {x.row} {number(x.mine.worst)} ({number(x.best.worst)} {x.peer})"
            for x in sides[1] if is_behind(x) and x.mine.worst > 1 and x.operation != "posdef"]
    near = [x for x in sides[0] if x.mine.worst > max(LEAST, x.best.worst) and not is_behind(x)]
    yield from ("", "## Where ainv is not the most accurate", "")
    yield (
        f"A set is an operation, a precision, a row above and a route. Of {len(sides[0])} sets these are the "
        f"ones in which ainv's worst ratio is over {LEAST} and over {FACTOR} times the best peer's, on the side that it "
        "bounds; in brackets the medians. Native precision is compared with native precision."
    )
    if left:
        yield f"On the left side, which it does not bound, it is over 1.5 times behind, with a ratio over 1, in: {'; '.join(left)}."
    yield from listed(right)
    if near:
        medians = sorted(x.mine.median / max(x.best.median, 1e-9) for x in near)
        under = sum(median <= 1 for median in medians)
        yield (
            f"In these {len(near)} it is over the best of the peers by less than that. There a worst case among hundreds is "
            f"compared with the luckiest of three or four libraries': ainv's median is the smaller one in {under} of them, "
            f"and half of them have it under {statistics.median(medians):.2f} times that peer's."
        )
        yield from listed(near)
    used = {x.why for x in (*right, *near)}
    yield from (f"- {why}: {text}" for why, text in REASONS.items() if why in used)


def page(outcomes: Sequence[Outcome], versions: str, day: str) -> str:
    lines = [
        "# How accurate the results are, beside other libraries'",
        "",
        "`python benches/accuracy.py --out docs/accuracy.md` wrote this page, `AINV_TEST_MATRICES` naming real matrices:",
        f"{versions}; {day}, {platform.machine()}, one thread each.",
        "",
        "R = ||I - A X||_1 and L = ||I - X A||_1 over n u ||A||_1 ||X||_1, u = 2^-53 (single: 2^-24), in twice the",
        "precision and on the same matrices for all. The numbers are the worst of orders 2, 3, 4, 5, 8, 12, 16, 20, 24, 32 (in",
        "stacks and alone), 33, 48, 64, 65, 100 and 257, of seeds (200 / n, at least 12; 3 of orders 33 to 65, above 1) and of",
        "real and complex matrices; LAPACK's own tests ask for 30, ainv's for 3. 0 is under 0.005; fails: an error, NaN or an",
        "infinity. ainv bounds R, not L, but where it is said, and where elements grow (Wilkinson) R over the growth of an",
        "inverse; `solve` has no bar there above order 10. The best are in bold.",
        "`ainv` computes single precision in double inside and rounds once, as NumPy does; `native` is `precision=\"native\"`.",
    ]
    return "\n".join([*lines, *routes(outcomes), *tables(outcomes), *verdict(outcomes)]) + "\n"
