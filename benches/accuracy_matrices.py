"""The matrices of `accuracy.py`: LAPACK's test types, positive definite ones, triangles, traps, galleries, files.

Each function gives `{family: stack of matrices}` of one order; random families hold one matrix a seed.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_ratios import Array, adjoint, scaled

Families = dict[str, Array]


def random(rng: np.random.Generator, dtype: Any, *shape: int) -> Array:
    """Normal entries in double precision, complex for a complex dtype."""
    a = rng.standard_normal(shape)
    return a + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else a


def narrow(dtype: Any, families: Families) -> Families:
    return {name: a[None].astype(dtype) if a.ndim == 2 else a.astype(dtype) for name, a in families.items()}


def hermitian(a: Array) -> Array:
    """The lower triangle mirrored, on a real diagonal."""
    lower = np.tril(a, -1)
    return lower + adjoint(lower) + np.eye(a.shape[-1], dtype=a.dtype) * a.real


def edges(dtype: Any) -> tuple[int, int]:
    """The powers of two that bring a norm near one to the edges of under- and overflow, as `dlatb4` does."""
    info = np.finfo(dtype)
    low = int(info.minexp) + int(info.nmant) - 2
    return low, -low


def conditions(dtype: Any) -> tuple[float, float]:
    """Those of `dlatb4`'s types 8 and 9."""
    eps = float(np.finfo(dtype).eps)
    return math.sqrt(0.1 / eps), 0.1 / eps


def spectrum(kind: str, n: int, cond: float) -> Array:
    at = np.arange(n) / max(n - 1, 1)
    return {
        "arithmetic": 1 - at * (1 - 1 / cond),
        "geometric": cond**-at,
        "one large": np.where(np.arange(n) == 0, 1, 1 / cond),
        "one small": np.where(np.arange(n) == n - 1, 1 / cond, 1),
    }[kind]


def with_singular_values(rng: np.random.Generator, dtype: Any, count: int, m: int, n: int, s: Array) -> Array:
    u, v = (np.linalg.qr(random(rng, dtype, count, k, k))[0][..., : len(s)] for k in (m, n))
    return (u * s) @ adjoint(v)


def general(n: int, seeds: int, dtype: Any) -> Families:
    """`dlatb4`'s invertible general types, and more spectra."""
    rng = np.random.default_rng(n)
    c8, c9 = conditions(dtype)

    def of(kind: str, cond: float) -> Array:
        return with_singular_values(rng, dtype, seeds, n, n, spectrum(kind, n, cond))

    full, r = of("geometric", 2), random(rng, dtype, seeds, n, n)
    diagonal = np.eye(n) * (1 + np.arange(n) / n + (0.5j if np.dtype(dtype).kind == "c" else 0))
    low, high = (np.array(k) for k in edges(dtype))
    return narrow(dtype, {
        "1 diagonal": diagonal,
        "2 upper triangular": np.triu(r, 1) / n + np.eye(n) * r + 2 * diagonal,
        "3 lower triangular": np.tril(r, -1) / n + np.eye(n) * r + 2 * diagonal,
        "4 condition 2": full,
        "8 condition sqrt(0.1/eps)": of("geometric", c8),
        "9 condition 0.1/eps": of("geometric", c9),
        "10 near underflow": scaled(full, low),
        "11 near overflow": scaled(full, high),
        "arithmetic spectrum": of("arithmetic", c9),
        "one large singular value": of("one large", c8),
        "one small singular value": of("one small", c9),
        "random normal": r,
    })


def traps(n: int, seeds: int, dtype: Any) -> Families:
    """What random matrices do not show: growth, zero minors, grading, permutations."""
    rng = np.random.default_rng(n)
    r, i = random(rng, dtype, seeds, n, n), np.arange(n)
    # Inside half of the exponent range of single precision.
    grade = (i * min(40 / n, 4)).astype(int)
    half = n // 2
    zero_block = r.copy()
    zero_block[:, :half, :half] = 0
    zero_block[:, i, i] = 0
    order = np.array([rng.permutation(n) for _ in range(seeds)])
    triangle = np.tril(r, -1) / n + 2 * np.eye(n)
    families = {
        "graded rows": scaled(r, -grade[:, None]),
        "graded rows, upwards": scaled(r, grade[:, None]),
        "graded columns": scaled(r, -grade),
        "graded columns, upwards": scaled(r, grade),
        "graded both": scaled(r, -(grade[:, None] + grade) // 2),
        "permuted triangle": np.take_along_axis(triangle, order[:, :, None], 1),
        "permutation": np.eye(n)[order],
    }
    if n > 2:
        families["zero leading minors"] = zero_block
    wilkinson = np.eye(n) - np.tril(np.ones((n, n)), -1)
    wilkinson[:, -1] = 1
    kahan = np.triu(np.full((n, n), -0.8), 1) + np.eye(n)
    # Growth of 2^(n-1) and a condition of 3^n: beyond these orders nobody's bar holds.
    if n <= 20:
        families["Wilkinson growth"] = np.array([wilkinson, wilkinson.T])
    if n <= 10:
        families["Wilkinson growth, rounded"] = 0.9 * families["Wilkinson growth"]
    if n <= 65:
        kahan = 0.6 ** i[:, None] * kahan
        families["Kahan"] = np.array([kahan, kahan.T])
    return narrow(dtype, families)


def gallery(n: int, dtype: Any, posdef: bool = False) -> Families:
    """Known matrices of orders at which their entries, or their inverses, mean something in the dtype."""
    i = np.arange(n)
    row, column = i[:, None], i
    near = abs(row - column)
    families = {
        "minij": np.minimum(row, column) + 1.0,
        "lehmer": (np.minimum(row, column) + 1) / (np.maximum(row, column) + 1),
        "kms": 0.5**near,
        "pei": 1.0 + 2 * np.eye(n),
    }
    single = np.finfo(dtype).eps > 1e-10
    if n <= (5 if single else 10):
        families["hilbert"] = 1 / (row + column + 1)
        families["pascal"] = np.array([[float(math.comb(p + q, p)) for q in i] for p in i])
    if n <= (8 if single else 16):
        families["moler"] = np.where(row == column, row + 1.0, np.minimum(row, column) - 1.0)
    if not posdef:
        # A shift keeps Parter's Cauchy matrix unlike a Hilbert matrix: its condition is a few units.
        families["parter"] = 1 / (row - column + 0.5)
        families["frank"] = np.where(row <= column + 1, n - np.maximum(row, column), 0.0)
        families["clement"] = np.where(near == 1, 1.0 + np.maximum(row, column), 0.0) + (n % 2) * np.eye(n)
        families["triw"] = np.eye(n) - np.triu(np.ones((n, n)), 1)
        if n > (8 if single else 16):
            del families["frank"], families["triw"]
        if n & (n - 1) == 0:
            families["hadamard"] = np.array([[(-1.0) ** (p & q).bit_count() for q in range(n)] for p in range(n)])
    return narrow(dtype, families)


def positive_definite(n: int, seeds: int, dtype: Any) -> Families:
    """`dlatb4`'s invertible positive definite types, and more."""
    rng = np.random.default_rng(n)
    c6, c7 = conditions(dtype)
    c7 /= max(n / 20, 1)

    def of(kind: str, cond: float) -> Array:
        q = np.linalg.qr(random(rng, dtype, seeds, n, n))[0]
        return (q * spectrum(kind, n, cond)) @ adjoint(q)

    full, b = of("geometric", 2), random(rng, dtype, seeds, n, n)
    grade = (np.arange(n) * (20 / n)).astype(int)
    low, high = (np.array(k) for k in edges(dtype))
    families = narrow(dtype, {
        "1 diagonal": np.eye(n) * (1.0 + np.arange(n)),
        "2 condition 2": full,
        "6 condition sqrt(0.1/eps)": of("geometric", c6),
        "7 condition 0.1/eps": of("geometric", c7),
        "8 near underflow": scaled(full, low),
        "9 near overflow": scaled(full, high),
        "arithmetic spectrum": of("arithmetic", c7),
        "one large eigenvalue": of("one large", c6),
        "graded D A D": scaled(full, -(grade[:, None] + grade)),
        "Gram matrix + n": b @ adjoint(b) + n * np.eye(n),
    })
    return {name: hermitian(a) for name, a in families.items()}


def triangles(n: int, seeds: int, dtype: Any, unit: bool) -> Families:
    """Lower triangles after `dlatb4`'s types; the unit ones have ones on their diagonals."""
    rng = np.random.default_rng(n)
    r, c = np.tril(random(rng, dtype, seeds, n, n), -1), conditions(dtype)[0]
    if unit:
        return narrow(dtype, {
            "8 small, unit": r / n + np.eye(n),
            "9 random, unit": r / (math.sqrt(n) + 1) + np.eye(n),
            "10 growing, unit": r / 2 + np.eye(n),
        })

    def conditioned(kind: str, cond: float) -> Array:
        # The R of A = Q R has A's singular values.
        a = with_singular_values(rng, dtype, seeds, n, n, spectrum(kind, n, cond))
        return adjoint(np.linalg.qr(a)[1])

    diagonal = np.eye(n) * (1.0 + np.arange(n) - (0.5j if np.dtype(dtype).kind == "c" else 0))
    dominant = r / n + 2 * np.eye(n)
    low, high = (np.array(k) for k in edges(dtype))
    families = {
        "1 diagonal": diagonal,
        "2 condition 2": conditioned("geometric", 2),
        "3 condition sqrt(0.1/eps)": conditioned("geometric", c),
        "4 condition 0.1/eps": conditioned("geometric", conditions(dtype)[1]),
        "5 near underflow": scaled(dominant, low),
        "6 near overflow": scaled(dominant, high),
        "dominant diagonal": dominant,
    }
    if n <= 65:
        families["Kahan"] = (np.tril(np.full((n, n), -0.8), -1) + np.eye(n)) * 0.6 ** np.arange(n)
    return narrow(dtype, families)


def pivoted_triangles(n: int, seeds: int, dtype: Any) -> Families:
    """Triangles in which an entry off the diagonal is often the largest of its row, and of its column."""
    r = random(np.random.default_rng(n), dtype, seeds, n, n) * 2 / math.sqrt(n)
    return narrow(dtype, {"upper triangles": np.triu(r, 1) + np.eye(n), "lower triangles": np.tril(r, -1) + np.eye(n)})


def ranks(m: int, n: int, seeds: int, dtype: Any) -> Families:
    """Matrices of planted ranks; the smallest singular value that counts is 1e-3."""
    rng, full = np.random.default_rng(100 * m + n), min(m, n)
    families: Families = {}
    for name, rank in (("full rank", full), ("rank n - 1", full - 1), ("rank n / 2", full // 2), ("rank 1", 1)):
        for kind in ("arithmetic", "geometric"):
            if rank > 0 and (name == "full rank" or rank < full):
                s = spectrum(kind, rank, 1e3)
                families[f"{name}, {kind}"] = with_singular_values(rng, dtype, seeds, m, n, s)
    return narrow(dtype, families)


def real_matrices() -> Families:
    """The files of the folder that AINV_TEST_MATRICES names, if it does; what overflows in single is not there."""
    folder = os.environ.get("AINV_TEST_MATRICES")
    if not folder:
        return {}
    import scipy.io

    families: Families = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix == ".mtx":
            a = scipy.io.mmread(path)
            families[path.stem] = np.asarray(a.toarray() if hasattr(a, "toarray") else a)[None]
        elif path.suffix == ".npy":
            families[path.stem] = np.load(path)[None]
    return {name: a.astype(complex if a.dtype.kind == "c" else float) for name, a in families.items()}
