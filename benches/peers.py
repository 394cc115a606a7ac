"""ainv beside NumPy, SciPy, torch and JAX: medians of alternating rounds in one run.

    python benches/peers.py [small] [single] [far] [large] [--dtypes float64,float32] [--rounds 7]

small   stacks of about 2 MB, orders 1 to 32: inv, cholesky_inv, tri_inv and solve
single  one small matrix, the price of a call
far     stacks of 60 MB beside a copy of the same bytes by as many threads, into fresh and used memory
large   one matrix and short stacks of orders 64 to 4096

A peer that is not installed is left out. All libraries run with their own threads on the same arrays;
torch's stacks of orders above 150 with one thread, because its threaded ones can go wrong there. Native
precision throughout; beside NumPy the default, double inside, is a row of its own. The last columns are
the best peer's time over ainv's and the share of the limits: GB/s of matrices in and out over a copy's,
and GFLOP/s over the best matrix product's of the same run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import ainv

try:
    import scipy.linalg
except ImportError:
    scipy = None
try:
    import torch
except ImportError:
    torch = None
try:
    import jax

    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None

THREADS = ainv.get_num_threads()
POOL = ThreadPoolExecutor(THREADS)
# Seconds that a library's threads spin after a call: OpenMP's of torch for 0.2.
SPIN = {"torch": 0.25}


def once(f: Callable[[], object]) -> float:
    """Seconds of one call among many: 20 ms of them, after 5 ms that wake threads and fill caches."""
    for least in (5e-3, 20e-3):
        calls, spent, start = 0, 0.0, time.perf_counter()
        while spent < least:
            f()
            calls += 1
            spent = time.perf_counter() - start
    return spent / calls


def medians(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each call: the median over rounds in which they take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for f in calls.values():
        f()
    time.sleep(max(SPIN.values()))
    for _ in range(rounds):
        for name, f in calls.items():
            times[name].append(once(f))
            # What it left spinning comes to rest, or it would take a core from the next one.
            time.sleep(SPIN.get(name, 2e-3))
    return {name: statistics.median(t) for name, t in times.items()}


def copy(a: np.ndarray, out: np.ndarray) -> None:
    """A copy by as many threads as ainv has."""
    a, out = a.reshape(-1), out.reshape(-1)
    cuts = [len(a) * i // THREADS for i in range(THREADS + 1)]
    list(POOL.map(lambda i: np.copyto(out[cuts[i] : cuts[i + 1]], a[cuts[i] : cuts[i + 1]]), range(THREADS)))


def random(rng: np.random.Generator, dtype: np.dtype, *shape: int) -> np.ndarray:
    a = rng.standard_normal(shape)
    if dtype.kind == "c":
        a = a + 1j * rng.standard_normal(shape)
    return a.astype(dtype)


def factor(a: np.ndarray) -> np.ndarray:
    """Lower triangles that are well conditioned."""
    n = a.shape[-1]
    return np.tril(a) / n + 2 * np.eye(n, dtype=a.dtype)


def peers(op: str, a: np.ndarray, b: np.ndarray, every: bool) -> dict[str, Callable[[], object]]:
    """The calls of the libraries that have the operation; `every`: those that loop in Python, too."""
    n, eye = a.shape[-1], np.eye(a.shape[-1], dtype=a.dtype)
    calls: dict[str, Callable[[], object]] = {}
    if op == "inv":
        calls["numpy"] = lambda: np.linalg.inv(a)
    elif op == "solve":
        calls["numpy"] = lambda: np.linalg.solve(a, b)
    if scipy and op == "inv" and (every or a.ndim == 2):
        calls["scipy"] = lambda: scipy.linalg.inv(a)
    if torch:
        t, s = torch.from_numpy(a), torch.from_numpy(b)
        unit = torch.from_numpy(eye)
        torch.set_num_threads(1 if a.ndim == 3 and n > 150 else THREADS)
        calls["torch"] = {
            "inv": lambda: torch.linalg.inv(t),
            "cholesky_inv": lambda: torch.cholesky_inverse(t),
            "tri_inv": lambda: torch.linalg.solve_triangular(t, unit, upper=False),
            "solve": lambda: torch.linalg.solve(t, s),
        }[op]
    if jax and op in ("inv", "solve"):
        x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
        f = jax.jit(getattr(jax.numpy.linalg, op))
        args = (x,) if op == "inv" else (x, y)
        calls["jax"] = lambda: f(*args).block_until_ready()
    return calls


FLOPS = {"inv": 2.0, "cholesky_inv": 2 / 3, "tri_inv": 1 / 3, "solve": 2 / 3}


def table(title: str, cases: list[tuple[str, np.dtype, int, int]], rounds: int, precision) -> None:
    """A row for each operation, scalar, order and number of matrices."""
    rng = np.random.default_rng(0)
    print(f"\n{title}")
    print(f"{'operation':>12} {'dtype':>10} {'count':>7} {'order':>5} {'ainv us':>11} {'peer us':>11} {'best':>6}"
          f" {'ratio':>7} {'of copy':>8} {'of product':>10}")
    product = {}
    for op, dtype, count, n in cases:
        if dtype not in product:
            g = random(rng, dtype, 1024, 1024)
            with_torch = {"torch": lambda t=torch.from_numpy(g): t @ t} if torch else {}
            product[dtype] = 1024**3 / min(medians({"numpy": lambda: g @ g, **with_torch}, 5).values())
        a = random(rng, dtype, *([count] if count > 1 else []), n, n)
        a = a if op in ("inv", "solve") else factor(a)
        b = random(rng, dtype, *a.shape[:-1], 2)
        ours = {
            "inv": lambda: ainv.inv(a, precision=precision),
            "cholesky_inv": lambda: ainv.cholesky_inv(a, precision=precision),
            "tri_inv": lambda: ainv.tri_inv(a, precision=precision),
            "solve": lambda: ainv.solve(a, b, precision=precision),
        }[op]
        out = np.empty_like(a)
        theirs = peers(op, a, b, every=n <= 8)
        if precision is None:
            theirs = {"numpy": theirs["numpy"]}
        t = medians({"ainv": ours, "copy": lambda: copy(a, out), **theirs}, rounds if n < 2048 else 3)
        # No peer that is installed may have the operation.
        best = min(theirs, key=t.__getitem__, default="none")
        t.setdefault("none", float("nan"))
        multiply_adds = FLOPS[op] / 2 * n**3 * count
        print(f"{op:>12} {dtype.name:>10} {count:7} {n:5} {t['ainv'] / count * 1e6:11.4f} "
              f"{t[best] / count * 1e6:11.4f} {best:>6} {t[best] / t['ainv']:7.2f} {t['copy'] / t['ainv']:8.2f} "
              f"{multiply_adds / t['ainv'] / product[dtype]:10.2f}", flush=True)


def far(rounds: int) -> None:
    """Stacks that lie in memory: ainv's time over that of a copy by as many threads."""
    rng = np.random.default_rng(0)
    print("\nstacks of 60 MB beside a copy by as many threads (ainv's time over the copy's)")
    print(f"{'dtype':>10} {'order':>5} {'used us':>9} {'copy':>9} {'over':>6} {'fresh us':>9} {'copy':>9} {'over':>6}")
    for dtype in (np.dtype("float64"), np.dtype("float32")):
        for n in (1, 2, 3, 4, 6, 8, 12, 16):
            count = 60_000_000 // (dtype.itemsize * n * n)
            a = random(rng, dtype, count, n, n)
            out = np.zeros_like(a)

            def fresh() -> None:
                copy(a, np.empty_like(a))

            t = medians({
                "used": lambda: ainv.inv(a, precision="native", out=out),
                "copy": lambda: copy(a, out),
                "fresh": lambda: ainv.inv(a, precision="native"),
                "fresh copy": fresh,
            }, rounds)
            us = {name: s / count * 1e6 for name, s in t.items()}
            print(f"{dtype.name:>10} {n:5} {us['used']:9.5f} {us['copy']:9.5f} {us['used'] / us['copy']:6.2f} "
                  f"{us['fresh']:9.5f} {us['fresh copy']:9.5f} {us['fresh'] / us['fresh copy']:6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", default=["small", "single"], metavar="table",
                        help="small, single, far, large [default: small single]")
    parser.add_argument("--dtypes", default="float64,float32,complex128,complex64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--orders", default="1,2,3,4,6,8,12,16,20,24,32", help="of the small stacks")
    args = parser.parse_args()
    dtypes = [np.dtype(name) for name in args.dtypes.split(",")]
    orders = [int(n) for n in args.orders.split(",")]

    ainv.show_config()
    versions = [f"numpy {np.__version__}"]
    versions += [f"{m.__name__} {m.__version__}" for m in (scipy, torch, jax) if m]
    print(f"{', '.join(versions)}; {THREADS} threads of {os.cpu_count()} cores, {args.rounds} rounds")

    def stack(dtype: np.dtype, n: int) -> int:
        return max(2, 2_000_000 // (dtype.itemsize * n * n))

    if "small" in args.tables:
        cases = [("inv", d, stack(d, n), n) for d in dtypes for n in orders]
        cases += [(op, d, stack(d, n), n) for op in ("cholesky_inv", "tri_inv", "solve")
                  for d in dtypes[:2] for n in (3, 4, 8, 16, 32)]
        table("small stacks, native precision", cases, args.rounds, "native")
        cases = [("inv", d, stack(d, n), n) for d in dtypes if d.itemsize <= 4 or d == np.complex64
                 for n in orders]
        if cases:
            table("small stacks, double inside, as for NumPy arrays by default", cases, args.rounds, None)
    if "single" in args.tables:
        cases = [("inv", np.dtype(float), 1, n) for n in (1, 2, 3, 4, 8, 16, 23, 32, 64)]
        table("one matrix, native precision", cases, args.rounds, "native")
    if "far" in args.tables:
        far(args.rounds)
    if "large" in args.tables:
        cases = [("inv", d, max(2, 8_000_000 // (d.itemsize * n * n)), n) for d in dtypes
                 for n in (64, 128, 256)]
        cases += [(op, d, 1, n) for d in dtypes[:2] for n in (256, 512, 1024, 2048, 4096)
                  for op in ("inv", "cholesky_inv", "tri_inv")]
        table("large matrices, native precision", cases, args.rounds, "native")


if __name__ == "__main__":
    main()
