"""What it costs to look for structure that is not there, and what columns cost beside rows.

    python benches/structure.py [--dtypes float64] [--orders 64,1024] [--rounds 17]

`inv` of a random matrix with assume="auto" over assume="general", and of one whose columns are adjacent over one
whose rows are. Each pair takes turns of 10 ms or one call; printed are the medians of the microseconds of a call, and
of a turn's ratio to the one before it. Random matrices have diagonal entries of both signs, so that "auto" sees at
once that no Cholesky attempt is worth it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import ainv
import numpy as np
from ill_conditioned import TURN, WARM, turn


def more(one: Callable[[], object], other: Callable[[], object], rounds: int) -> str:
    """Microseconds of both, and how much more the other takes."""
    calls = (one, other)
    warm = time.perf_counter() + WARM
    while time.perf_counter() < warm:
        once = max(turn(f, 1) for f in calls)
    many = max(1, int(TURN / once))
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for f, times in zip(calls, spent, strict=True):
            f()
            times.append(turn(f, many))
    a, b = (statistics.median(times) * 1e6 for times in spent)
    over = statistics.median(b / a for a, b in zip(*spent, strict=True)) - 1
    return f"{a:10.1f} {b:10.1f} {over:7.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtypes", default="float64,float32,complex128")
    parser.add_argument("--orders", default="32,64,128,256,512,1000,1024,2048,4096")
    parser.add_argument("--rounds", type=int, default=17)
    args = parser.parse_args()
    print(f"{'dtype':>10} {'order':>5} {'general us':>10} {'auto us':>10} {'more':>7} {'rows us':>10} {'columns us':>10} {'more':>7}")
    for dtype in args.dtypes.split(","):
        for n in map(int, args.orders.split(",")):
            rng = np.random.default_rng(0)
            a = rng.standard_normal((n, n))
            if np.dtype(dtype).kind == "c":
                a = a + 1j * rng.standard_normal((n, n))
            a = a.astype(dtype)
            f = np.asfortranarray(a)
            x, y = np.empty_like(a), np.empty_like(f)

            def inv(a: np.ndarray, x: np.ndarray, assume: str) -> Callable[[], object]:
                return lambda: ainv.inv(a, assume=assume, precision="native", out=x)

            general, auto, columns = inv(a, x, "general"), inv(a, x, "auto"), inv(f, y, "general")
            print(f"{dtype:>10} {n:5} {more(general, auto, args.rounds)} {more(general, columns, args.rounds)}", flush=True)


if __name__ == "__main__":
    main()
