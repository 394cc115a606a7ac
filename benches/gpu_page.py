"""What was measured on a GPU in words: lines for a terminal, a page, whether it is as fast as it shall be, and the JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gpu_cases import TABLES, Case
from peers_page import markdown


@dataclass
class Row:
    """Seconds of each call of a case, and why a library has none."""

    case: Case
    seconds: dict[str, float] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> float | None:
        """ainv's first call."""
        return next((t for name, t in self.seconds.items() if name.startswith("ainv.")), None)

    def best(self, *libraries: str) -> tuple[str, float] | None:
        """The fastest call of these libraries (of all peers, if none is named), and its time over ours."""
        peers = {name: t for name, t in self.seconds.items() if name != "copy" and not name.startswith("ainv.")}
        peers = {name: t for name, t in peers.items() if name.startswith(libraries or "")}
        if not peers or not self.ours:
            return None
        name = min(peers, key=peers.__getitem__)
        return name, peers[name] / self.ours


@dataclass
class Results:
    """Of a run."""

    device: str
    driver: str
    day: str
    versions: dict[str, str]
    #: Why a peer is not there.
    missing: dict[str, str]
    #: Bytes a second of a device's copy, in and out, and of the bus up and down; flops a second of a product, by dtype.
    rates: dict[str, float]
    rounds: int
    rows: list[Row]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @staticmethod
    def load(paths: Sequence[Path]) -> Results:
        """Of the parts of a run."""
        parts = []
        for path in paths:
            of = json.loads(path.read_text())
            parts.append(Results(**(of | {"rows": [Row(**(row | {"case": Case(**row["case"])})) for row in of["rows"]]})))
        first, *rest = parts
        for part in rest:
            if (part.device, part.driver, part.versions) != (first.device, first.driver, first.versions):
                raise SystemExit("these are results of different machines or versions")
            first.rows += part.rows
            first.rates = part.rates | first.rates
        return first

    def of_copy(self, row: Row) -> float | None:
        """Our time over that of a copy of the same bytes; from the host's memory, over that of the bus's longer way."""
        copy = row.seconds.get("copy")
        if row.case.table == "host":
            copy = row.case.bytes / 2 / min(self.rates["up"], self.rates["down"])
        return row.ours / copy if row.ours and copy else None

    def of_product(self, row: Row) -> float | None:
        """Our flops a second over those of a product."""
        rate = self.rates.get(row.case.dtype)
        return row.case.flops / row.ours / rate if row.case.flops and row.ours and rate else None


@dataclass(frozen=True)
class Threshold:
    """What shall be true of some rows."""

    what: str
    rows: Callable[[Case], bool]
    value: Callable[[Results, Row], float | None]
    bound: float
    at_least: bool = True

    def cells(self, results: Results) -> list[str]:
        """Its line of the table, by the row that is furthest from it."""
        of = [(self.value(results, row), row) for row in results.rows if self.rows(row.case)]
        values = [(value, row) for value, row in of if value is not None]
        asked = f"at {'least' if self.at_least else 'most'} {self.bound:g}"
        if not values:
            return [self.what, asked, "", "", "not measured"]
        worst, row = (min if self.at_least else max)(values, key=lambda pair: pair[0])
        held = worst >= self.bound if self.at_least else worst <= self.bound
        return [self.what, asked, f"{worst:.3g}", str(row.case), "yes" if held else "no"]


def against(*libraries: str) -> Callable[[Results, Row], float | None]:
    def value(_: Results, row: Row) -> float | None:
        found = row.best(*libraries)
        return found and found[1]

    return value


def large(case: Case) -> bool:
    return case.table == "single" and case.n in (4096, 8192)


THRESHOLDS = [
    Threshold("stacks of orders 2 to 8: time over a copy's of the same bytes",
              lambda c: c.table == "small", Results.of_copy, 1.5, False),
    Threshold("the same: torch's time over ainv's", lambda c: c.table == "small", against("torch"), 3),
    Threshold("stacks of orders 16 and 32: the time of the best of torch, CuPy and cuBLAS over ainv's",
              lambda c: c.table == "middle" and c.n in (16, 32), against(), 2),
    Threshold("inv of one 4096 and 8192: torch's time over ainv's", large, against("torch"), 1.2),
    Threshold("the same: flops a second over those of a product", large, Results.of_product, 0.7),
    Threshold("cholesky_inv: torch's time over ainv's", lambda c: c.op == "cholesky_inv", against("torch"), 1.5),
    Threshold("microseconds of the host for one call",
              lambda c: c.table == "call", lambda _, row: row.ours and row.ours * 1e6, 15, False),
]


def micro(seconds: float) -> str:
    """Microseconds in four digits."""
    us = seconds * 1e6
    return f"{us:.0f}" if us >= 1000 else f"{us:.4g}"


def factors(results: Results, row: Row) -> list[str]:
    """What the last columns say of a row."""
    found = row.best()
    times = f"{found[1]:.2f}" + ("" if found[1] >= 1 else f" ({found[0]} is faster)") if found else ""
    copy, product = results.of_copy(row), results.of_product(row)
    last = f"{product:.3f}" if product else ""
    if row.case.table == "host" and row.ours:
        last = f"{row.case.bytes / row.ours / 1e9:.1f}"
    return [times, f"{copy:.2f}" if copy else "", last]


def heads(case: Case) -> list[str]:
    of = ["time over the bus's", "GB/s, both ways"] if case.table == "host" else ["time over a copy's", "rate over a product's"]
    return ["best peer over ainv", *of]


def line(results: Results, row: Row) -> str:
    """For a terminal."""
    times = ", ".join(f"{name} {micro(t)}" for name, t in row.seconds.items())
    last = ", ".join(f"{head} {cell}" for head, cell in zip(heads(row.case), factors(results, row), strict=True) if cell)
    return "\n    ".join([str(row.case), f"us: {times}", last, *(f"{name}: {why}" for name, why in row.unable.items())])


def table(results: Results, rows: Sequence[Row]) -> str:
    """Times of all calls, the shortest bold."""
    names = list(dict.fromkeys(name for row in rows for name in row.seconds))

    def cells(row: Row) -> Iterator[str]:
        least = min((t for name, t in row.seconds.items() if name != "copy"), default=0)
        yield str(row.case)
        for name in names:
            t = row.seconds.get(name)
            yield "" if t is None else f"**{micro(t)}**" if t == least and name != "copy" else micro(t)
        yield from factors(results, row)

    head = ["us of one call", *(name if name == "copy" else f"`{name}`" for name in names),
            *heads(rows[0].case)]
    return markdown(head, [list(cells(row)) for row in rows])


def thresholds(results: Results) -> str:
    head = ["what shall be", "asked", "furthest from it", "in", "is it so"]
    return markdown(head, [threshold.cells(results) for threshold in THRESHOLDS])


def about(results: Results) -> str:
    rates, versions = results.rates, ", ".join(f"{name} {version}" for name, version in results.versions.items())
    dtypes = [dtype for dtype in rates if dtype not in ("copy", "up", "down")]
    products = ", ".join(f"{rates[dtype] / 1e12:.3g} Tflop/s in {dtype}" for dtype in dtypes)
    return (f"Measured on {results.day} on {results.device} ({results.driver}), medians of {results.rounds} alternating "
            f"rounds: {versions}. In the same run the device copied {rates['copy'] / 1e9:.0f} GB/s, in and out, the bus "
            f"{rates['up'] / 1e9:.1f} GB/s to the device and {rates['down'] / 1e9:.1f} GB/s from it, out of pinned memory and "
            f"into it, and cuBLAS multiplied at {products or 'a rate that was not measured: there is no torch and no CuPy'}."
            + "".join(f" {name} was left out: {why}." for name, why in results.missing.items()))


def page(results: Results) -> str:
    parts = ["# Benchmarks on a GPU", "<!-- Written by benches/gpu.py --write; do not edit. -->", about(results), HOW]
    parts += ["## What was asked of it", thresholds(results)]
    for name, (title, _) in TABLES.items():
        if rows := [row for row in results.rows if row.case.table == name]:
            parts += [f"## {title}", table(results, rows)]
    if unable := sorted({f"- {name}, {row.case}: {why}" for row in results.rows for name, why in row.unable.items()}):
        parts += ["## What a library did not do", "\n".join(unable)]
    return "\n\n".join(parts) + "\n"


HOW = """\
Repeat it with `python benches/gpu.py --write`. One process does it all: there is one device, which does one thing after
the other, and every library's work goes to the same stream. Each call is looked at before it is timed: residuals, of ten
thousand matrices at most. Then the calls take turns, of which the median counts. A turn is timed by events of the device
around as many calls as take five milliseconds; before the first event the device has other work, so that the host has
told it all of them by then, unless they wait for the device themselves, as those do that raise. Operands are there
before, results are new memory of the library's own allocator. The cuBLAS call is given the addresses of its matrices,
and memory for its results, beforehand.

`inv_ex` and what has `on_singular="nan"` never waits. A copy is the driver's, on the device, of half as many bytes as
are read and written; stacks of less than the device's cache, some 50 MB on an H100 or H200, are copied and inverted in
it. A product is that of two matrices of order 8192 (complex: 4096), without tf32. A flop is an addition or a
multiplication, and a complex multiply-add is eight. The host's time of a call, and what comes from NumPy's memory, are
by the host's clock: the first is the median of ten thousand calls that are not waited for, the second is held against
the bus's slower way, as both can be used at once."""
