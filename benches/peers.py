"""ainv beside NumPy, SciPy, torch and JAX: medians of alternating rounds in one run.

    python benches/peers.py [small] [single] [far] [large] [pinv] [--dtypes float64,float32] [--rounds 7]

small   stacks of about 4 MB, orders 1 to 32: inv, cholesky_inv, tri_inv and solve
single  one small matrix, the price of a call
far     stacks of 60 MB beside a copy of the same bytes by as many threads, into fresh and used memory
large   one matrix and short stacks of orders 32 to 4096
pinv    pseudo-inverses of random matrices of full and of half rank, beside NumPy's and torch's

Every library runs in a process of its own, with its own threads, on the same arrays; they take turns. A turn
begins with a quarter of a second of the same calls that is not counted: cores that rested run at half their
speed for so long, and the threads that the library before left spinning come to rest.
A library that is not installed is left out. torch's stacks of orders above 150 run with one thread, because
its threaded ones can go wrong there. Native precision throughout; beside NumPy the default, double inside,
is a row of its own. The last columns are the best peer's time over ainv's, and the limits of the same run:

of copy     GB/s of matrices in and out over a copy's
product     GFLOP/s of A @ A by the better of NumPy and torch, in the large table of the same stack, in the
            others of order 1024; native precision, and a complex multiply-add is eight flops
of product  ainv's GFLOP/s over that
time over   ainv's time over that of the product, or of as many flops at its rate
of peak     ainv's GFLOP/s over the multiply-add peak of all cores, which crates/ainv-kernels/examples/peak.rs
            measures first where there are cargo and the repository (it takes minutes to compile)
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import multiprocessing
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

Call = Callable[[], object]

#: Seconds of a turn that are not counted, and that are.
WARM, COUNTED = 0.25, 0.05
#: Of order n, in n^3.
FLOPS = {"inv": 2.0, "posdef": 1.0, "cholesky_inv": 2 / 3, "tri_inv": 1 / 3, "solve": 2 / 3, "product": 2.0}
SMALL = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32)
STACKS, LARGE = (32, 64, 128, 256), (256, 512, 1024, 2048, 4096)


class Case(NamedTuple):
    """What is measured: an operation on a stack of `count` matrices (1: no stack) of order `n`."""

    op: str
    dtype: str
    count: int
    n: int
    precision: str | None = "native"
    fresh: bool = True
    #: Of m x n matrices for pinv; square ones without it.
    m: int | None = None
    #: The rank of the matrices for pinv, if it is not full.
    rank: int | None = None

    def gflop(self) -> float:
        """The arithmetic, with four real multiply-adds in a complex one."""
        return FLOPS[self.op] * self.n**3 * self.count * (4 if self.dtype.startswith("complex") else 1) / 1e9


def operands(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The same arrays in every process."""
    rng, dtype = np.random.default_rng(0), np.dtype(case.dtype)

    def random(*shape: int) -> np.ndarray:
        a = rng.standard_normal(shape)
        return (a + 1j * rng.standard_normal(shape) if dtype.kind == "c" else a).astype(dtype)

    stack, m = [case.count] if case.count > 1 else [], case.m or case.n
    if case.rank is not None:
        a = random(*stack, m, case.rank) @ random(*stack, case.rank, case.n)
    else:
        a = random(*stack, m, case.n)
    if case.op in ("cholesky_inv", "tri_inv"):
        # Lower triangles that are well conditioned.
        a = np.tril(a) / case.n + 2 * np.eye(case.n, dtype=dtype)
    if case.op == "posdef":
        a = a @ a.conj().swapaxes(-1, -2) + np.eye(case.n, dtype=dtype)
    return a, random(*a.shape[:-1], 2)


def ours(case: Case) -> Call:
    import ainv

    a, b = operands(case)
    out = None if case.fresh else np.zeros_like(a)
    p = case.precision
    return {
        "inv": lambda: ainv.inv(a, precision=p, out=out),
        "posdef": lambda: ainv.inv(a, assume="posdef", precision=p, out=out),
        "cholesky_inv": lambda: ainv.cholesky_inv(a, precision=p, out=out),
        "tri_inv": lambda: ainv.tri_inv(a, precision=p, out=out),
        "solve": lambda: ainv.solve(a, b, precision=p),
        "pinv": lambda: ainv.pinv(a, precision=p),
    }[case.op]


def copies(case: Case) -> Call:
    """A copy by as many threads as there are cores."""
    a = operands(case)[0].reshape(-1)
    used, threads = np.zeros_like(a), len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(threads)
    cuts = [len(a) * i // threads for i in range(threads + 1)]

    def copy() -> None:
        out = np.empty_like(a) if case.fresh else used
        list(pool.map(lambda i: np.copyto(out[cuts[i] : cuts[i + 1]], a[cuts[i] : cuts[i + 1]]), range(threads)))

    return copy


def numpy_(case: Case) -> Call | None:
    a, b = operands(case)
    return {"inv": lambda: np.linalg.inv(a), "posdef": lambda: np.linalg.inv(a), "product": lambda: a @ a,
            "solve": lambda: np.linalg.solve(a, b), "pinv": lambda: np.linalg.pinv(a)}.get(case.op)


def scipy_(case: Case) -> Call | None:
    import scipy.linalg

    a, _ = operands(case)
    # SciPy's stacks are loops in Python from the middle orders on, too slow to wait for.
    return (lambda: scipy.linalg.inv(a)) if case.op == "inv" and (case.n <= 8 or case.count == 1) else None


def torch_(case: Case) -> Call | None:
    import torch

    a, b = map(torch.from_numpy, operands(case))
    unit = torch.eye(case.n, dtype=a.dtype)
    alone = case.count > 1 and case.n > 150 and case.op != "product"
    torch.set_num_threads(1 if alone else len(os.sched_getaffinity(0)))
    return {
        "inv": lambda: torch.linalg.inv(a),
        "posdef": lambda: torch.linalg.inv(a),
        "cholesky_inv": lambda: torch.cholesky_inverse(a),
        "tri_inv": lambda: torch.linalg.solve_triangular(a, unit, upper=False),
        "solve": lambda: torch.linalg.solve(a, b),
        "pinv": lambda: torch.linalg.pinv(a),
        "product": lambda: a @ a,
    }[case.op]


def jax_(case: Case) -> Call | None:
    import jax

    jax.config.update("jax_enable_x64", True)
    if case.op not in ("inv", "solve"):
        return None
    a, b = map(jax.numpy.asarray, operands(case))
    f = jax.jit(getattr(jax.numpy.linalg, case.op))
    args = (a,) if case.op == "inv" else (a, b)
    return lambda: f(*args).block_until_ready()


MAKERS = {"ainv": ours, "copy": copies, "numpy": numpy_, "scipy": scipy_, "torch": torch_, "jax": jax_}


def turn(f: Call) -> float:
    """Seconds of one call among many."""
    for least in (WARM, COUNTED):
        calls, spent, start = 0, 0.0, time.perf_counter()
        while spent < least:
            f()
            calls += 1
            spent = time.perf_counter() - start
    return spent / calls


def work(pipe: Connection, library: str) -> None:
    """A library's process: prepares a case when it gets one, and measures when it gets None."""
    call: Call | None = None
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        if case is not None:
            call = MAKERS[library](case)
            if call is not None:
                call()
            pipe.send(call is not None)
        else:
            assert call is not None
            pipe.send(turn(call))


class Libraries:
    """The processes, and the turns they take."""

    def __init__(self, names: list[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes: dict[str, Connection] = {}
        for name in names:
            self.pipes[name], theirs = context.Pipe()
            context.Process(target=work, args=(theirs, name), daemon=True).start()

    def seconds(self, case: Case, rounds: int, names: list[str] | None = None) -> dict[str, float]:
        """The median of each library that has the operation."""
        able = []
        for name in names or self.pipes:
            if name in self.pipes:
                self.pipes[name].send(case)
                if self.pipes[name].recv():
                    able.append(name)
        times: dict[str, list[float]] = {name: [] for name in able}
        for _ in range(rounds):
            for name in able:
                self.pipes[name].send(None)
                times[name].append(self.pipes[name].recv())
        return {name: statistics.median(t) for name, t in times.items()}


def peaks() -> dict[str, float]:
    """The multiply-add peak of all cores for each scalar, in GFLOP/s; none without cargo."""
    command = ["cargo", "run", "--release", "--quiet", "-p", "ainv-kernels", "--example", "peak"]
    root = Path(__file__).resolve().parent.parent
    if not shutil.which("cargo") or not (root / "crates/ainv-kernels/examples/peak.rs").exists():
        print("no column of the multiply-add peak: it needs cargo and the repository")
        return {}
    run = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        print(f"no column of the multiply-add peak: {' '.join(command)} failed")
        return {}
    lines = [line.split() for line in run.stdout.splitlines()]
    print("multiply-add peak, GFLOP/s:", ", ".join(f"{d} {rate} ({threads})" for d, threads, rate in lines),
          "(of so many threads)")
    # The last line of a scalar is that of all threads.
    return {dtype: float(rate) for dtype, _, rate in lines}


def table(
    libraries: Libraries, title: str, cases: list[Case], rounds: int, peak: dict[str, float], same: bool = False
) -> None:
    """A row for each case, beside the product of the same matrices or of order 1024."""
    if not cases:
        return
    print(f"\n{title}")
    print(f"{'operation':>12} {'dtype':>10} {'count':>7} {'order':>5} {'ainv us':>11} {'peer us':>11} {'best':>6}"
          f" {'ratio':>7} {'of copy':>8} {'product':>8} {'of product':>10} {'time over':>9}"
          + (f" {'of peak':>8}" if peak else ""))
    products: dict[Case, float] = {}
    for case in cases:
        multiply = Case("product", case.dtype, *((case.count, case.n) if same else (1, 1024)))
        if multiply not in products:
            t = libraries.seconds(multiply, 5 if multiply.n < 2048 else 3, ["numpy", "torch"])
            products[multiply] = multiply.gflop() / min(t.values())
        product = products[multiply]
        peers = ["ainv", "copy", "numpy"] if case.precision is None else None
        t = libraries.seconds(case, rounds if case.n < 2048 else min(3, rounds), peers)
        ainv, copy = t.pop("ainv"), t.pop("copy")
        # No library that is installed may have the operation.
        best = min(t, key=t.__getitem__, default="none")
        peer = t.get(best, float("nan"))
        rate = case.gflop() / ainv
        print(f"{case.op:>12} {case.dtype:>10} {case.count:7} {case.n:5} {ainv / case.count * 1e6:11.4f} "
              f"{peer / case.count * 1e6:11.4f} {best:>6} {peer / ainv:7.2f} {copy / ainv:8.2f} {product:8.1f} "
              f"{rate / product:10.2f} {ainv * product / case._replace(op='product').gflop():9.2f}"
              + (f" {rate / peak[case.dtype]:8.2f}" if peak else ""), flush=True)


def far(libraries: Libraries, dtypes: list[str], rounds: int) -> None:
    """Stacks that lie in memory: ainv's time over that of a copy by as many threads."""
    print("\nstacks of 60 MB beside a copy by as many threads (ainv's time over the copy's)")
    print(f"{'dtype':>10} {'order':>5} {'used us':>9} {'copy':>9} {'over':>6} {'fresh us':>9} {'copy':>9} {'over':>6}")
    for dtype in dtypes:
        for n in (1, 2, 3, 4, 6, 8, 12, 16):
            count = 60_000_000 // (np.dtype(dtype).itemsize * n * n)
            row = f"{dtype:>10} {n:5}"
            for fresh in (False, True):
                t = libraries.seconds(Case("inv", dtype, count, n, fresh=fresh), rounds, ["ainv", "copy"])
                ainv, copy = (t[name] / count * 1e6 for name in ("ainv", "copy"))
                row += f" {ainv:9.5f} {copy:9.5f} {ainv / copy:6.2f}"
            print(row, flush=True)


def pinv(libraries: Libraries, dtypes: list[str], rounds: int) -> None:
    """Pseudo-inverses beside the best of NumPy and torch, and beside ainv's own inverse."""
    print("\npseudo-inverses, native precision")
    print(f"{'dtype':>10} {'count':>7} {'shape':>11} {'rank':>5} {'ainv us':>11} {'peer us':>11} {'best':>6} {'ratio':>7}"
          f" {'inv us':>11}")
    shapes = [(n, n, 0) for n in (4, 8, 16, 32, 64, 128, 256, 512, 1024)] + [(7, 6, 0), (6, 7, 0)]
    shapes += [(2000, 300, 0), (300, 2000, 0), (5000, 64, 0)]
    shapes += [(n, n, n // 2) for n in (4, 8, 16, 32, 128, 512, 1024)] + [(2000, 300, 150)]
    for dtype in dtypes:
        for m, n, rank in shapes:
            count = max(1, 4_000_000 // (np.dtype(dtype).itemsize * m * n)) if m * n <= 128**2 else 1
            case = Case("pinv", dtype, count, n, m=m, rank=rank or None)
            t = libraries.seconds(case, rounds if m * n < 512**2 else min(3, rounds), ["ainv", "numpy", "torch"])
            ainv = t.pop("ainv")
            best = min(t, key=t.__getitem__, default="none")
            peer = t.get(best, float("nan"))
            inv = libraries.seconds(Case("inv", dtype, count, n), 3, ["ainv"])["ainv"] if m == n and not rank else None
            print(f"{dtype:>10} {count:7} {f'{m} x {n}':>11} {rank or min(m, n):5} {ainv / count * 1e6:11.4f}"
                  f" {peer / count * 1e6:11.4f} {best:>6} {peer / ainv:7.2f}"
                  + (f" {inv / count * 1e6:11.4f}" if inv else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", default=["small", "single"], metavar="table",
                        help="small, single, far, large, pinv [default: small single]")
    parser.add_argument("--dtypes", default="float64,float32,complex128,complex64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--orders", help="of the small stacks, and of the large matrices those of these "
                        "[default: 1 to 32, and 32 to 4096]")
    parser.add_argument("--operations", default="inv,cholesky_inv,tri_inv,solve", help="of the small stacks")
    args = parser.parse_args()
    dtypes, asked = args.dtypes.split(","), [int(n) for n in args.orders.split(",")] if args.orders else []
    orders = asked or SMALL

    installed = [name for name in ("numpy", "scipy", "torch", "jax") if importlib.util.find_spec(name)]
    libraries = Libraries(["ainv", "copy", *installed])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ["ainv", *installed])
    print(f"{versions}; {len(os.sched_getaffinity(0))} cores, {args.rounds} rounds")
    peak = peaks()

    def stack(dtype: str, n: int, size: int = 4_000_000) -> int:
        return max(2, size // (np.dtype(dtype).itemsize * n * n))

    if "small" in args.tables:
        cases = [Case(op, d, stack(d, n), n) for op in args.operations.split(",") for d in dtypes for n in orders
                 if op == "inv" or (d in dtypes[:2] and n in (3, 4, 8, 16, 32))]
        table(libraries, "small stacks, native precision", cases, args.rounds, peak)
        cases = [Case("inv", d, stack(d, n), n, None) for d in dtypes if d in ("float32", "complex64") for n in orders]
        table(libraries, "small stacks, double inside, as for NumPy arrays by default", cases, args.rounds, peak)
    if "single" in args.tables:
        cases = [Case("inv", "float64", 1, n) for n in (1, 2, 3, 4, 8, 16, 23, 32, 64)]
        table(libraries, "one matrix, native precision", cases, args.rounds, peak)
    if "far" in args.tables:
        far(libraries, dtypes[:2], args.rounds)
    if "pinv" in args.tables:
        pinv(libraries, dtypes, args.rounds)
    if "large" in args.tables:
        stacks, large = ([n for n in all_ if n in (asked or all_)] for all_ in (STACKS, LARGE))
        cases = [Case("inv", d, stack(d, n, 8_000_000), n) for d in dtypes for n in stacks]
        # Complex ones take four times as long: up to 1024.
        cases += [Case(op, d, 1, n) for d in dtypes for n in large if n <= 1024 or d.startswith("float")
                  for op in ("inv", "posdef", "cholesky_inv", "tri_inv")]
        table(libraries, "large matrices, native precision", cases, args.rounds, peak, same=True)
        cases = [Case("inv", d, 1, n, None) for d in dtypes if d == "float32" for n in large if 512 <= n <= 2048]
        table(libraries, "large matrices, double inside, as for NumPy arrays by default", cases, args.rounds, peak,
              same=True)


if __name__ == "__main__":
    main()
