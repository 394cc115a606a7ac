"""ainv on a GPU by CUDA beside torch, CuPy and cuBLAS: medians of alternating rounds in one run, by events of the device,
beside the limits of the device.

    python benches/gpu.py [call small middle single definite solve pinv host] [--json FILE] [--write]

call      the host's time of one call
small     stacks of 10^5 and 10^6, orders 2 to 8
middle    stacks of 10^3 to 10^5, orders 16 to 128
single    one matrix of order 1024 to 8192
definite  cholesky_inv, inv and cholesky of one positive definite matrix
solve     systems with 1 and 32 right-hand sides
pinv      pseudo-inverses of a stack of 6 x 7 and of one matrix
host      large stacks from NumPy's memory and back

It prints what it measures, and at the end what was asked of it. --json keeps the results, from the first case on;
--write makes docs/gpu.md of them; --from takes such files, the parts of a run, instead of measuring. It needs ainv with
the feature cuda, and a device; a peer that is missing is named. --quick shows in a minute that all works.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ainv
import numpy as np
from ainv import _ainv
from gpu_calls import Call, libraries
from gpu_cases import BAR, TABLES, Case
from gpu_device import Device, seconds
from gpu_page import Results, Row, about, line, page, thresholds

ROOT = Path(__file__).resolve().parent.parent
#: Seconds that a turn of calls takes, and calls of a turn at most: the driver takes about a thousand launches ahead.
TURN, CALLS = 0.005, 50
#: Seconds after which a call is left out, and after which fewer rounds are enough.
PATIENCE, LONG, FEWEST = 10.0, 1.0, 3
#: Calls that the host's time of one is the median of.
MANY = 10_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"{', '.join(TABLES)} [default: all]")
    parser.add_argument("--rounds", type=int, default=7, help="[default: 7; 3 where a call takes over a second]")
    parser.add_argument("--quick", action="store_true", help="small cases, one round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results there")
    parser.add_argument("--from", type=Path, nargs="+", metavar="FILE", dest="source", help="results to write of")
    parser.add_argument("--write", type=Path, nargs="?", const=ROOT / "docs/gpu.md", metavar="FILE",
                        help="write the page [default: docs/gpu.md]")
    args = parser.parse_args()
    if unknown := set(args.tables) - set(TABLES):
        parser.error(f"no table is called {', '.join(sorted(unknown))}")
    return args


class Bench:
    """The device, the libraries, and how long they are asked."""

    def __init__(self, rounds: int, quick: bool) -> None:
        self.rounds, self.quick = 1 if quick else rounds, quick
        self.device = Device(10**6) if quick else Device()
        self.libraries, self.missing = libraries(self.device)

    def rates(self) -> dict[str, float]:
        """The limits: bytes a second of copies, flops a second of products."""
        size = 10**6 if self.quick else 10**9
        up, down = self.device.bus(size // 4, self.rounds)
        copy = self.device.copying(size)
        rates = {"copy": 2 * size / self.median(copy), "up": up, "down": down}
        if of := next((library for library in self.libraries if hasattr(library, "product")), None):
            for dtype in ("float32", "float64", "complex64", "complex128"):
                case = Case("single", "inv", dtype, 0, 40 if self.quick else 4096 if dtype.startswith("c") else 8192)
                product = of.product(of.take(case.operands()[0]))
                # As many flops as an inverse has.
                rates[dtype] = (case.flops or 0) / self.median(product)
        return rates

    def median(self, call: Call) -> float:
        self.device.timed(call)
        return statistics.median(self.device.timed(call) for _ in range(self.rounds))

    def turn(self, case: Case, call: Call) -> Callable[[], float]:
        """What gives the seconds of a call, among as many as are worth it."""
        if case.table == "host":
            return lambda: seconds(call)
        if case.table == "call":
            return lambda: self.told(call, math.ceil((100 if self.quick else MANY) / self.rounds))
        alone = self.device.alone(call)
        count = 1 if self.quick else min(CALLS, math.ceil(TURN / alone))
        told = count * self.told(call, count)
        # Where a call takes long the host is ahead of the device anyway.
        busy = 1.5 * told if alone < TURN else 0
        return lambda: self.device.timed(call, count, busy)

    def told(self, call: Call, count: int) -> float:
        """The median of the host's seconds of so many calls, which are not waited for."""
        times = []
        for i in range(count):
            if i % CALLS == 0:
                self.device.wait()
            times.append(seconds(call))
        self.device.wait()
        return statistics.median(times)

    def is_slow(self, library: Any, case: Case, name: str, operands: Sequence[Any]) -> bool:
        """Whether a stack takes longer than PATIENCE: whether a hundredth of it takes a hundredth of that."""
        few = case.count // 100
        if few < 10:
            return False
        call = library.calls(case, *(library.take(a[:few]) for a in operands))[name]
        # The first one compiles.
        call()
        return self.device.alone(call) > PATIENCE / 100

    def measure(self, case: Case) -> Row:
        """Every call of every library: first whether it is right, then its time."""
        row, operands = Row(case), case.operands()
        turns: dict[str, Callable[[], float]] = {}
        for library in self.libraries:
            with self.noting(row, library.name):
                for name, call in library.calls(case, *map(library.take, operands)).items():
                    with self.noting(row, name):
                        if why := self.objection(library, case, name, call, operands):
                            row.unable[name] = why
                        else:
                            turns[name] = self.turn(case, call)
        if case.table not in ("call", "host"):
            turns["copy"] = self.turn(case, self.device.copying(case.bytes // 2))
        times: dict[str, list[float]] = {name: [] for name in turns}
        for done in range(self.rounds):
            if done >= FEWEST and max(max(t, default=0) for t in times.values()) > LONG:
                break
            for name, turn in turns.items():
                if name not in row.unable:
                    with self.noting(row, name):
                        times[name].append(turn())
        row.seconds = {name: statistics.median(t) for name, t in times.items() if name not in row.unable}
        return row

    @staticmethod
    @contextlib.contextmanager
    def noting(row: Row, name: str) -> Iterator[None]:
        """A library's error, of any kind, leaves it out of the case."""
        try:
            yield
        except Exception as error:
            row.unable[name] = f"{type(error).__name__}: {error}".splitlines()[0]

    def objection(self, library: Any, case: Case, name: str, call: Call, operands: Sequence[Any]) -> str:
        """Why a call is not timed, if it is not."""
        if self.is_slow(library, case, name, operands):
            return f"it would take over {PATIENCE:.0f} s"
        x = call()
        error = case.error(*operands, x if isinstance(x, np.ndarray) else library.give(x))
        return "" if error <= BAR else f"its results are wrong: residuals of {error:.2g} sqrt(n) eps"

    def free(self) -> None:
        """What a case took of memory is there for the next one."""
        gc.collect()
        for library in self.libraries:
            library.free()


def measured(args: argparse.Namespace) -> Results:
    if not hasattr(_ainv, "_on_cuda"):
        raise SystemExit("this ainv has no feature cuda: pip install --config-settings=build-args='--features cuda' .")
    if not ainv.device_count("gpu"):
        raise SystemExit("ainv finds no GPU here: ainv.device_info(ainv.gpu) says why")
    bench = Bench(args.rounds, args.quick)
    with contextlib.ExitStack() as streams:
        for library in bench.libraries:
            streams.enter_context(library.stream)
        versions = {library.name: library.version for library in bench.libraries}
        results = Results(bench.device.name, bench.device.about, str(datetime.date.today()), versions, bench.missing,
                          bench.rates(), bench.rounds, [])
        print(about(results), flush=True)
        for name in args.tables or TABLES:
            start = time.perf_counter()
            for case in TABLES[name][1](args.quick):
                results.rows.append(bench.measure(case))
                bench.free()
                print(line(results, results.rows[-1]), flush=True)
                if args.json:
                    results.save(args.json)
            print(f"== {name}: {time.perf_counter() - start:.0f} s", flush=True)
    return results


def main() -> None:
    args = arguments()
    results = Results.load(args.source) if args.source else measured(args)
    print(thresholds(results))
    if args.write:
        args.write.write_text(page(results))
    unable = ((row.case, name, why) for row in results.rows for name, why in row.unable.items())
    if ours := [f"{case}: {name}: {why}" for case, name, why in unable if name.startswith("ainv")]:
        raise SystemExit("\n".join(["ainv did not do all of it:", *ours]))


if __name__ == "__main__":
    main()
