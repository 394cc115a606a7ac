"""Residual ratios of ainv, NumPy, SciPy, torch and JAX on the same matrices; writes docs/accuracy.md.

    python benches/accuracy.py [--quick] [--largest 1000] [--out docs/accuracy.md]

AINV_TEST_MATRICES may name a folder of real matrices (.mtx, .npy). Without --out it prints the page; --quick
does a few orders with one seed and no real matrices. Every library computes with one thread; one that is not
installed has no column. A library that says that a matrix is singular, or returns NaN, `fails`.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import accuracy_matrices as matrices  # noqa: E402
import ainv  # noqa: E402
import numpy as np  # noqa: E402
from accuracy_page import Outcome, page  # noqa: E402
from accuracy_ratios import Array, backward, entry_error, exact_inverse, outside, penrose, residuals, unit_roundoff  # noqa: E402

Call = Callable[..., Array]

DTYPES = ("float64", "complex128", "float32", "complex64")
#: Closed forms, lanes and columns, each also alone; columns; blocked algorithms.
SMALL, MIDDLE, LARGE = (2, 3, 4, 5, 8, 12, 16, 20, 24, 32), (33, 48, 64), (65, 100, 257)
SHAPES = ((2, 2), (3, 3), (4, 4), (8, 8), (7, 6), (6, 7), (12, 5), (5, 12), (16, 16), (24, 24), (40, 25), (65, 65),
          (100, 30), (30, 100))


def ours(precision: str | None) -> dict[str, Call]:
    p = precision
    return {
        "inv": lambda a: ainv.inv(a, precision=p),
        "posdef": lambda a: ainv.inv(a, assume="posdef", precision=p),
        "tri_inv": lambda a, upper, unit: ainv.tri_inv(a, upper, unit_diagonal=unit, precision=p),
        "solve": lambda a, b: ainv.solve(a, b, precision=p),
        "pinv": lambda a, rtol: ainv.pinv(a, rtol=rtol, precision=p),
    }


def numpys() -> dict[str, Call]:
    return {
        "inv": np.linalg.inv,
        "posdef": np.linalg.inv,
        "tri_inv": lambda a, upper, unit: np.linalg.inv(a),
        "solve": np.linalg.solve,
        "pinv": lambda a, rtol: np.linalg.pinv(a, rtol=rtol),
    }


def scipys() -> dict[str, Call]:
    import scipy.linalg as linalg

    def triangle(a: Array, upper: bool, unit: bool) -> Array:
        eye = np.eye(a.shape[-1], dtype=a.dtype)
        return np.array([linalg.solve_triangular(m, eye, lower=not upper, unit_diagonal=unit) for m in a])

    return {
        "inv": linalg.inv,
        "posdef": lambda a: linalg.inv(a, assume_a="pos"),
        "tri_inv": triangle,
        "solve": lambda a, b: np.array([linalg.solve(m, c) for m, c in zip(a, b, strict=True)]),
        "pinv": lambda a, rtol: np.array([linalg.pinv(m, rtol=rtol) for m in a]),
    }


def trtri() -> dict[str, Call]:
    from scipy.linalg import lapack

    def triangle(a: Array, upper: bool, unit: bool) -> Array:
        (f,) = lapack.get_lapack_funcs(("trtri",), (a,))
        x = np.array([f(m, lower=not upper, unitdiag=unit)[0] for m in a])
        return np.triu(x) if upper else np.tril(x)

    return {"tri_inv": triangle}


def torches() -> dict[str, Call]:
    import torch

    torch.set_num_threads(1)
    t = torch.from_numpy

    def triangle(a: Array, upper: bool, unit: bool) -> Array:
        eye = torch.eye(a.shape[-1], dtype=t(a).dtype)
        return torch.linalg.solve_triangular(t(a), eye, upper=upper, unitriangular=unit).numpy()

    return {
        "inv": lambda a: torch.linalg.inv(t(a)).numpy(),
        "posdef": lambda a: torch.cholesky_inverse(torch.linalg.cholesky(t(a))).numpy(),
        "tri_inv": triangle,
        "solve": lambda a, b: torch.linalg.solve(t(a), t(b)).numpy(),
        "pinv": lambda a, rtol: torch.linalg.pinv(t(a), rtol=rtol).numpy(),
    }


def jaxes() -> dict[str, Call]:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    numpy, linalg = jax.numpy, jax.scipy.linalg

    def eye(a: Array) -> Any:
        return numpy.broadcast_to(numpy.eye(a.shape[-1], dtype=a.dtype), a.shape)

    return {
        "inv": lambda a: np.asarray(numpy.linalg.inv(a)),
        "posdef": lambda a: np.asarray(linalg.cho_solve(linalg.cho_factor(a, lower=True), eye(a))),
        "tri_inv": lambda a, upper, unit: np.asarray(
            linalg.solve_triangular(a, eye(a), lower=not upper, unit_diagonal=unit)),
        "solve": lambda a, b: np.asarray(numpy.linalg.solve(a, b)),
        "pinv": lambda a, rtol: np.asarray(numpy.linalg.pinv(a, rtol=rtol)),
    }


PEERS: dict[str, Callable[[], dict[str, Call]]] = {
    "numpy": numpys, "scipy": scipys, "trtri": trtri, "torch": torches, "jax": jaxes,
}


def installed(names: list[str] | None = None) -> dict[str, dict[str, Call]]:
    packages = {name: "scipy" if name == "trtri" else name for name in names or PEERS}
    peers = {name: PEERS[name]() for name, package in packages.items() if importlib.util.find_spec(package)}
    return {"ainv": ours(None), "ainv native": ours("native")} | peers


def results(f: Call, a: Array, shape: tuple[int, ...], *rest: Any, alone: bool = False) -> Array:
    """The results of a stack; NaN where the library refuses a matrix. `rest` holds stacks as long, and options."""
    stacks = [isinstance(r, np.ndarray) for r in rest]
    x = np.full((len(a), *shape), np.nan, a.dtype)
    # Our own warnings are none: peers warn of matrices that are ill-conditioned.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if not alone:
            try:
                return f(a, *rest)
            except (np.linalg.LinAlgError, RuntimeError, ValueError):
                pass
        for i in range(len(a)):
            one = slice(i, i + 1)
            try:
                x[one] = f(a[one], *(r[one] if stack else r for r, stack in zip(rest, stacks, strict=True)))
            except (np.linalg.LinAlgError, RuntimeError, ValueError):
                pass
    return x


def measure(
    libraries: dict[str, dict[str, Call]], operation: str, families: matrices.Families, case: str = "", *options: Any
) -> Iterator[Outcome]:
    """The ratios of each library on families of one shape, all in one stack; ainv's also of each matrix alone."""
    if not families:
        return
    a = np.concatenate(list(families.values()))
    names = [name for name, stack in families.items() for _ in stack]
    rest, shape = list(options), a.shape[-1:-3:-1]
    if operation == "solve":
        b = matrices.random(np.random.default_rng(0), a.dtype, len(a), a.shape[-1], 3).astype(a.dtype)
        rest, shape = [b], b.shape[1:]
    # An operation's name begins with its function's.
    function = operation.split(",")[0]
    for name, library in libraries.items():
        # Double precision is native.
        if function not in library or name == "ainv native" and unit_roundoff(a.dtype) < 1e-10:
            continue
        for alone in (False, True) if name.startswith("ainv") and a.shape[-1] <= SMALL[-1] else (False,):
            x = results(library[function], a, shape, *rest, alone=alone)
            sides: tuple[Array, ...]
            match operation:
                case "solve":
                    sides = (backward(a, b, x),)
                case "pinv":
                    sides = (penrose(a, x),)
                case "inv, zeros":
                    sides = (outside(a, x),)
                case _:
                    sides = residuals(a, x)
            for family, *ratios in zip(names, *sides, strict=True):
                called = case + " alone" * alone
                yield Outcome(operation, str(a.dtype), family, max(a.shape[-2:]), called, name, (*map(float, ratios),))


def square(libraries: dict[str, dict[str, Call]], n: int, seeds: int, dtype: str) -> Iterator[Outcome]:
    general = matrices.general(n, seeds, dtype) | matrices.traps(n, seeds, dtype)
    gallery = {f"gallery: {name}": a for name, a in matrices.gallery(n, dtype).items()}
    yield from measure(libraries, "inv", general | gallery)
    yield from measure(libraries, "solve", general | gallery)
    yield from measure(libraries, "inv, zeros", matrices.pivoted_triangles(n, seeds, dtype))
    posdef = matrices.positive_definite(n, seeds, dtype)
    gallery = {f"gallery: {name}": a for name, a in matrices.gallery(n, dtype, posdef=True).items()}
    yield from measure(libraries, "posdef", posdef | gallery)
    for unit in (False, True):
        lower = matrices.triangles(n, seeds, dtype, unit)
        upper = {name: a.swapaxes(-1, -2).copy() for name, a in lower.items()}
        yield from measure(libraries, "tri_inv", lower, "lower", False, unit)
        yield from measure(libraries, "tri_inv", upper, "upper", True, unit)


def pseudo(libraries: dict[str, dict[str, Call]], m: int, n: int, seeds: int, dtype: str) -> Iterator[Outcome]:
    # The zeros that were planted are rounding noise, far under this cut; what counts is three times over it.
    rtol = min(300 * max(m, n) * unit_roundoff(dtype), 1e-3 / 3)
    yield from measure(libraries, "pinv", matrices.ranks(m, n, seeds, dtype), f"{m} x {n}", rtol)


def real(libraries: dict[str, dict[str, Call]], largest: int) -> Iterator[Outcome]:
    for name, wide in matrices.real_matrices().items():
        m, n = wide.shape[1:]
        if min(m, n) > largest:
            continue
        square, definite = m == n, m == n and bool((wide == wide.swapaxes(-1, -2).conj()).all())
        try:
            np.linalg.cholesky(wide)
        except np.linalg.LinAlgError:
            definite = False
        for dtype in ("complex128", "complex64") if wide.dtype.kind == "c" else ("float64", "float32"):
            a, u = wide.astype(dtype), unit_roundoff(dtype)
            # What is singular to single precision is no test of it.
            if square and (u < 1e-10 or float(ainv.rcond(wide)[0]) > n * u):
                yield from measure(libraries, "inv, real", {name: a})
                if definite:
                    yield from measure(libraries, "posdef", {f"real: {name}": a})
            if not square or np.linalg.matrix_rank(wide[0]) < n:
                yield from measure(libraries, "pinv", {f"real: {name}": a}, "", 2 * max(m, n) * u)


def exact(libraries: dict[str, dict[str, Call]], orders: tuple[int, ...], seeds: int, dtype: str) -> Iterator[Outcome]:
    """Errors of entries against the exact inverse."""
    for n in orders:
        families = matrices.general(n, seeds, dtype)
        families |= {f"trap: {name}": a for name, a in matrices.traps(n, seeds, dtype).items()}
        families |= {f"gallery: {name}": a for name, a in matrices.gallery(n, dtype).items()}
        # Scale changes nothing here; and where the bound is zero nothing but a zero is right, which is of pivots,
        # not of rounding ("inv, zeros").
        left_out = ("2 upper", "3 lower", "10", "11", "trap: permuted triangle", "gallery: clement", "gallery: triw")
        families = {k: a for k, a in families.items() if not k.startswith(left_out)}
        inverses = {name: [exact_inverse(m) for m in a] for name, a in families.items()}
        for library, functions in libraries.items():
            if "inv" not in functions or library == "ainv native" and unit_roundoff(dtype) < 1e-10:
                continue
            for name, known in inverses.items():
                a = families[name]
                for m, x, y in zip(a, results(functions["inv"], a, a.shape[1:]), known, strict=True):
                    yield Outcome("entries", dtype, name, n, "", library, (entry_error(m, x, y),))


def everything(libraries: dict[str, dict[str, Call]], quick: bool, largest: int = 1000) -> Iterator[Outcome]:
    for dtype in DTYPES:
        for n in (3, 5, 24, 33, 65) if quick else SMALL + MIDDLE + LARGE:
            seeds = 1 if quick or n > 65 else 3 if n > SMALL[-1] else max(12, 200 // n)
            yield from square(libraries, n, seeds, dtype)
        for m, n in ((3, 3), (7, 6)) if quick else SHAPES:
            yield from pseudo(libraries, m, n, 1 if quick else max(3, 60 // max(m, n)), dtype)
        orders = (4,) if quick else (2, 3, 4, 5, 8, 12) if dtype[0] == "f" else (2, 3, 4, 6)
        yield from exact(libraries, orders, 1 if quick else 8, dtype)
    if not quick:
        yield from real(libraries, largest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--largest", type=int, default=1000, help="order of a real matrix [default: 1000]")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    ainv.set_num_threads(1)
    libraries = installed()
    names = ["ainv", *(name for name in libraries if name in ("numpy", "scipy", "torch", "jax"))]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    text = page(list(everything(libraries, args.quick, args.largest)), versions, f"{datetime.date.today():%d %B %Y}")
    if args.out:
        args.out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
