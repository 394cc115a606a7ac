"""ainv.inv beside numpy.linalg.inv: medians of alternating rounds in one run.

    python benches/peers.py [--dtype float64] [--rounds 7] [--orders 2,3,4,...]

A row is one stack (about 2 MB) or one matrix. Both libraries run with their own threads, on the same
array, into a fresh result. The last column is NumPy's time over ainv's.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import ainv


def once(f, a) -> float:
    """Seconds of one call, repeated until 2 ms have passed."""
    calls, start = 0, time.perf_counter()
    while True:
        f(a)
        calls += 1
        spent = time.perf_counter() - start
        if spent > 2e-3:
            return spent / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--orders", default="2,3,4,6,8,12,16,20,24,32,48,64,96,128,192,256")
    parser.add_argument("--single", default="3,4,8,16,23,32,64,128,256,512,1024,2048,4096")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    dtype = np.dtype(args.dtype)

    def random(*shape):
        a = rng.standard_normal(shape)
        if dtype.kind == "c":
            a = a + 1j * rng.standard_normal(shape)
        return a.astype(dtype)

    print(f"{ainv.show_config() or ''}numpy {np.__version__}, {dtype}, {args.rounds} rounds")
    print(f"{'matrices':>9} {'order':>6} {'ainv us':>12} {'numpy us':>12} {'ratio':>7}   per matrix")
    cases = [(max(2, 2_000_000 // (dtype.itemsize * n * n)), n) for n in map(int, args.orders.split(","))]
    cases += [(1, n) for n in map(int, args.single.split(",")) if n]
    for count, n in cases:
        a = random(count, n, n) if count > 1 else random(n, n)
        rounds = args.rounds if n < 2048 else 3
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(once(ainv.inv, a))
            theirs.append(once(np.linalg.inv, a))
        x, y = statistics.median(ours) / count * 1e6, statistics.median(theirs) / count * 1e6
        print(f"{count:9} {n:6} {x:12.4f} {y:12.4f} {y / x:7.2f}", flush=True)


if __name__ == "__main__":
    main()
