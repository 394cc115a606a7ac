"""What it costs to be told of ill-conditioned matrices: `ill_conditioned("raise")` over "ignore".

    python benches/ill_conditioned.py [--operations inv,solve] [--orders 65,100] [--in-place]

Well-conditioned matrices in native precision, results into an array that is given; one matrix, and stacks of
2 MB. The two settings take turns of 10 ms; printed are the medians of the microseconds of a call and of a turn's
ratio to the one before it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import ainv
import numpy as np

#: Seconds of a turn, and those before the first one that are not counted.
TURN, WARM = 0.01, 0.15


def call(op: str, dtype: str, count: int, n: int, in_place: bool) -> Callable[[], object]:
    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        x = rng.standard_normal(shape)
        return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)

    a = random(*([count] if count > 1 else []), n, n)
    # Unitary, or lower triangles near the identity: none is near the limit.
    if op in ("cholesky_inv", "tri_inv"):
        a = np.tril(a) / n + 2 * np.eye(n, dtype=dtype)
    else:
        a = np.linalg.qr(a)[0].astype(dtype)
    if op == "solve":
        b = random(*a.shape[:-1], 1)
        x = np.empty_like(b)
        return lambda: ainv.solve(a, b, precision="native", out=x)
    f = getattr(ainv, op)
    x = a if in_place else np.empty_like(a)
    return lambda: f(a, precision="native", out=x)


def turn(f: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        f()
    return (time.perf_counter() - start) / calls


def row(op: str, dtype: str, count: int, n: int, args: argparse.Namespace) -> None:
    f = call(op, dtype, count, n, args.in_place)
    warm = time.perf_counter() + WARM
    while time.perf_counter() < warm:
        once = turn(f, 3)
    calls = max(2, int(TURN / once))
    times: dict[str, list[float]] = {"ignore": [], "raise": []}
    for _ in range(args.rounds):
        for action, spent in times.items():
            with ainv.ill_conditioned(action):
                f()
                spent.append(turn(f, calls))
    ignored, raised = (statistics.median(spent) * 1e6 for spent in times.values())
    over = statistics.median(b / a for a, b in zip(*times.values(), strict=True)) - 1
    print(f"{op:>12} {dtype:>10} {count:5} {n:5} {ignored:10.1f} {raised:10.1f} {over:7.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", default="inv,solve,cholesky_inv,tri_inv")
    parser.add_argument("--dtypes", default="float64,float32,complex128")
    parser.add_argument("--orders", default="65,100,200,500,1000")
    parser.add_argument("--rounds", type=int, default=17)
    parser.add_argument("--in-place", action="store_true", help="inv and tri_inv into the matrix itself")
    args = parser.parse_args()
    operations = ["inv", "tri_inv"] if args.in_place else args.operations.split(",")
    print(f"{'operation':>12} {'dtype':>10} {'count':>5} {'order':>5} {'ignore us':>10} {'raise us':>10} {'more':>7}")
    for op in operations:
        for dtype in args.dtypes.split(",") if op == "inv" else ["float64"]:
            for n in map(int, args.orders.split(",")):
                row(op, dtype, 1, n, args)
                if n <= 200 and dtype == "float64":
                    row(op, dtype, 2_000_000 // (8 * n * n), n, args)


if __name__ == "__main__":
    main()
