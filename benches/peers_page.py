"""The results in words: lines for a terminal, a page, the part of the README, and the JSON between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from peers_cases import TABLES, Case
from peers_machine import Machine
from peers_process import FEWEST, Row

#: As they write themselves.
NAMES = {"numpy": "NumPy", "scipy": "SciPy", "jax": "JAX", "mlx": "MLX"}
OPS = {"posdef_inv": "inv, positive definite", "hermitian_inv": "inv, Hermitian", "gptq": "cholesky, cholesky_inv, cholesky"}
BEGIN, END = "<!-- benches/peers.py --write: begin -->", "<!-- benches/peers.py --write: end -->"


@dataclass
class Results:
    """Of a run."""

    machine: Machine
    versions: dict[str, str]
    day: str
    rounds: int
    rows: list[Row]

    @property
    def libraries(self) -> list[str]:
        """ainv first."""
        return list(self.versions)

    def of(self, table: str) -> list[Row]:
        return [row for row in self.rows if row.case.table == table and "ainv" in row.seconds or
                row.case.table == table and row.case.op == "product"]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, allow_nan=True) + "\n")

    @staticmethod
    def load(path: Path) -> Results:
        of: dict[str, Any] = json.loads(path.read_text())
        rows = [Row(**(row | {"case": Case(**row["case"])})) for row in of["rows"]]
        return Results(**(of | {"machine": Machine(**of["machine"]), "rows": rows}))


def shown(library: str) -> str:
    return NAMES.get(library, library)


def best(row: Row) -> tuple[str, float] | None:
    """The fastest library but ours, and its time over ours."""
    peers = {name: t for name, t in row.seconds.items() if name not in ("ainv", "copy")}
    if not peers or "ainv" not in row.seconds:
        return None
    name = min(peers, key=peers.__getitem__)
    return name, peers[name] / row.seconds["ainv"]


def share(row: Row, machine: Machine, library: str = "ainv") -> float | None:
    """The least time that a copy of the same bytes or the arithmetic takes on this machine, over the library's."""
    if library not in row.seconds:
        return None
    arithmetic = (row.case.flops or 0) / machine.peak[row.case.dtype]
    threads = row.case.threads or machine.threads
    return max(row.seconds.get("copy", 0), arithmetic * machine.threads / threads) / row.seconds[library]


def label(case: Case) -> str:
    m, n = case.shape
    matrices = f"{case.count} of {m} x {n}" if case.count else f"one {m} x {n}"
    more = [f"rank {case.rank}"] if case.rank is not None else []
    more += ["components first"] if case.components else []
    more += ["in double inside"] if case.precision == "double" else []
    more += ["into used memory"] if not case.fresh else []
    more += [f"{case.threads} thread{'s' * (case.threads > 1)}"] if case.threads else []
    more += [case.family] if case.family else []
    return ", ".join([OPS.get(case.op, case.op), case.dtype, matrices, *more])


def titled(case: Case) -> str:
    return f"{case.name}: {label(case)}" if case.name else label(case)


def micro(row: Row, library: str) -> str:
    """Microseconds a matrix, in four digits."""
    if library not in row.seconds:
        return ""
    us = row.seconds[library] / row.case.matrices * 1e6
    return f"{us:.0f}" if us >= 1000 else f"{us:.4g}"


def line(row: Row, machine: Machine) -> str:
    """For a terminal."""
    times = "  ".join(f"{shown(name)} {micro(row, name)}" for name in row.seconds if name != "copy")
    return f"{titled(row.case)}\n    us a matrix: {times}\n    {verdict(row)}; of the limit {of_limit(row, machine)}"


def of_limit(row: Row, machine: Machine) -> str:
    part = share(row, machine)
    return f"{part:.2f}" if part else "-"


def verdict(row: Row) -> str:
    """Who is faster, and by how much."""
    found = best(row)
    if found is None:
        return "no peer"
    name, ratio = found
    return f"{ratio:.2f} times as fast as {shown(name)}" if ratio >= 1 else f"{shown(name)} IS {1 / ratio:.2f} TIMES AS FAST"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def table(results: Results, rows: Sequence[Row]) -> str:
    """Times of all libraries, the shortest bold."""
    libraries = [name for name in results.libraries if any(name in row.seconds for row in rows)]

    def cells(row: Row) -> Iterator[str]:
        least = min((t for name, t in row.seconds.items() if name != "copy"), default=0)
        yield titled(row.case)
        for name in libraries:
            yield f"**{micro(row, name)}**" if row.seconds.get(name) == least else micro(row, name)
        found = best(row)
        if found is None:
            yield ""
        else:
            yield f"{found[1]:.2f}" + ("" if found[1] >= 1 else f" ({shown(found[0])} is faster)")
        yield of_limit(row, results.machine)

    head = ["us a matrix", *map(shown, libraries), "best peer over ainv", "of the limit"]
    return markdown(head, [list(cells(row)) for row in rows])


def ratios(results: Results, rows: Sequence[Row]) -> str:
    libraries = [name for name in results.libraries if any(name in row.ratios for row in rows)]
    body = [[label(row.case), *(f"{row.ratios[name]:.2g}" if name in row.ratios else "" for name in libraries)]
            for row in rows]
    return markdown(["largest residual ratio", *map(shown, libraries)], body)


def lost(results: Results) -> Iterator[str]:
    """The cases in which a peer is faster."""
    for row in results.rows:
        found = best(row)
        if found and found[1] < 1:
            yield f"- {titled(row.case)}: {verdict(row).replace('IS', 'is').replace('TIMES AS FAST', 'times as fast')}"


def about(results: Results) -> str:
    m, versions = results.machine, ", ".join(f"{shown(name)} {v}" for name, v in results.versions.items())
    peaks = ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {dtype}" for dtype, rate in m.peak.items())
    fewer = f" ({FEWEST} where a call takes over a second)" if results.rounds > FEWEST else ""
    return (f"Measured on {results.day} on {m}, medians of {results.rounds} alternating rounds{fewer}: {versions}. "
            f"In the same run a copy moved {m.copy / 1e9:.0f} GB/s in and out, and all cores together multiplied and "
            f"added at {peaks} at most.")


def page(results: Results, pictures: dict[str, str]) -> str:
    """The page; of the pictures their titles by their files."""
    parts = ["# Benchmarks", "<!-- Written by benches/peers.py --write; do not edit. -->", about(results), HOW]
    parts += [f"![{title}]({file})" for file, title in pictures.items()]
    behind = list(lost(results))
    parts += ["## Where a peer is faster", "\n".join(behind) or "In no case of this run."]
    for name, (title, _) in TABLES.items():
        rows = results.of(name)
        if rows:
            parts += [f"## {title}", table(results, rows)]
        if any(row.ratios for row in rows):
            parts += [RATIOS, ratios(results, rows)]
    unable = sorted({(shown(name), row.case.op, row.case.dtype, why)
                     for row in results.rows for name, why in row.unable.items()})
    if unable:
        parts += ["## What a library did not do", "\n".join(f"- {who}, {op}, {dtype}: {why}" for who, op, dtype, why in unable)]
    return "\n\n".join(parts) + "\n"


HOW = """\
Repeat it with `python benches/peers.py --write` (what it needs stands in `benches/README.md`). Every library runs in a
process of its own, on the same matrices, as its user would call it, with as many threads as there are cores; where it
has several ways the fastest counts. torch has one thread for stacks of orders above 150, where its threaded inverses
can be wrong. ainv and Python's libraries are called from Python, Rust's from Rust: of one small matrix most of ainv's
time is the call's. They take turns, and each turn begins with a quarter of a second that is not counted. A place is
empty where a library has no such function, was not installed, takes over 10 s a call, or is left out: SciPy's loops
over long stacks, the Rust libraries for components first. Where single precision is not said to be in double inside,
it is native.

Of two limits the nearer one counts: a copy of the same bytes by as many threads, and the multiply-add peak. `of the
limit` is the time that it would take over the time that ainv took; pseudo-inverses and condition numbers are held
against the copy alone, as their algorithms have no count of flops in common."""

RATIOS = """\
The largest `|A X - I|` over `n u |A| |X|`, u being half of the distance from 1 to the next number: a stable method
stays near 1, whatever the condition ([more of it](accuracy.md))."""


def into_readme(text: str, results: Results) -> str:
    """The README with its figures replaced, which stand between two marks."""
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    body = []
    for row in results.of("domain"):
        found = best(row)
        if found:
            name, ratio = found
            times = f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}: {shown(name)} is faster"
            body.append([titled(row.case), micro(row, "ainv"), micro(row, "numpy"), f"{micro(row, name)} {shown(name)}", times])
    head_ = ["us a matrix", "ainv", "NumPy", "the best peer", "its time over ainv's"]
    return f"{head}{BEGIN}\n{about(results)}\n\n{markdown(head_, body)}\n{END}{tail}"
