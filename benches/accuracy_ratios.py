"""Residual ratios of stacks of results, in about twice the precision of float64, and exact inverses.

Every ratio is infinite for a result that holds NaN or an infinity or has the wrong shape, so that no comparison
with a bar can pass by accident. No ratio depends on the scale of a matrix: powers of two are taken out first.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def unit_roundoff(dtype: Any) -> float:
    return float(np.finfo(dtype).eps) / 2


def adjoint(a: Array) -> Array:
    return a.swapaxes(-1, -2).conj()


def scaled(a: Array, k: Array) -> Array:
    """a times 2^k, as float64 or complex128; exact while nothing over- or underflows."""
    if a.dtype.kind == "c":
        return np.ldexp(a.real.astype(float), k) + 1j * np.ldexp(a.imag.astype(float), k)
    return np.ldexp(a.astype(float), k)


def exponent(a: Array, axis: Any) -> Array:
    """The power of two over the largest part of an entry."""
    parts = np.maximum(abs(a.real), abs(a.imag)) if a.dtype.kind == "c" else abs(a)
    return np.frexp(parts.max(axis, keepdims=True))[1]


def norm1(a: Array) -> Array:
    return abs(a).sum(-2).max(-1)


def _slices(a: Array, axis: int, bits: int) -> tuple[list[Array], Array]:
    """Integers of so many bits whose sum, each scaled, is a; exponents along the axis."""
    e = exponent(a, axis)
    rest, parts = np.ldexp(a, -e), []
    # Two are enough for single precision.
    while len(parts) < 3 and rest.any():
        rest = np.ldexp(rest, bits)
        parts.append(np.rint(rest))
        rest = rest - parts[-1]
    return parts, e


def remainder(c: Array, a: Array, b: Array) -> Array:
    """c - a b, rounded about once.

    Each factor is cut into integers so short that products of the slices are exact in float64, whatever the order
    of their sums (Ozaki, Ogita, Oishi and Rump, "Error-free transformations of matrix multiplication", 2012); what
    is left out is under 2^-60 of the rows' and the columns' largest entries up to order 2000.
    """
    if a.dtype.kind == "c":
        m = a.shape[-2]
        a = np.concatenate([np.concatenate([a.real, -a.imag], -1), np.concatenate([a.imag, a.real], -1)], -2)
        r = remainder(*(np.concatenate([z.real, z.imag], -2) if z is not a else a for z in (c, a, b)))
        return r[..., :m, :] + 1j * r[..., m:, :]
    bits = (53 - a.shape[-1].bit_length()) // 2
    (rows, e), (columns, f) = _slices(a, -1, bits), _slices(b, -2, bits)
    high = np.ldexp(c, -(e + f))
    low = np.zeros_like(high)
    for i, j in [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0)]:
        if i >= len(rows) or j >= len(columns):
            continue
        p = np.ldexp(rows[i] @ columns[j], -bits * (i + j + 2))
        total = high - p
        back = total - high
        low += (high - (total - back)) - (p + back)
        high = total
    return np.ldexp(high + low, e + f)


def _over(norm: Array, scale: Array) -> Array:
    ratio = norm / scale
    # A NaN is not finite either.
    return np.where(np.isfinite(ratio), ratio, np.inf)


def _sound(*results: Array) -> Array:
    """Which matrices are finite."""
    return np.logical_and.reduce([np.isfinite(x).all((-2, -1)) for x in results])


def residuals(a: Array, x: Array) -> tuple[Array, Array]:
    """R = ||I - A X||_1 and L = ||I - X A||_1, each over n u ||A||_1 ||X||_1, of stacks of matrices."""
    count, n = len(a), a.shape[-1]
    right, left = np.full(count, np.inf), np.full(count, np.inf)
    if x.shape != a.shape:
        return right, left
    good, u = _sound(a, x), unit_roundoff(a.dtype)
    with np.errstate(all="ignore"):
        e, f = exponent(a[good], (-2, -1)), exponent(x[good], (-2, -1))
        a, x = scaled(a[good], -e), scaled(x[good], -f)
        one = np.ldexp(np.eye(n, dtype=a.dtype).real, -(e + f)).astype(a.dtype)
        scale = n * u * norm1(a) * norm1(x)
        right[good] = _over(norm1(remainder(one, a, x)), scale)
        left[good] = _over(norm1(remainder(one, x, a)), scale)
    return right, left


def outside(a: Array, x: Array) -> Array:
    """The largest entry of x where the triangle that a is has none, over u and the largest of all."""
    worst = np.full(len(a), np.inf)
    if x.shape != a.shape:
        return worst
    good = _sound(a, x)
    upper = (np.tril(a[good], -1) == 0).all((-2, -1))[:, None, None]
    beyond = np.where(upper, np.tril(x[good], -1), np.triu(x[good], 1))
    worst[good] = abs(beyond).max((-2, -1)) / (unit_roundoff(a.dtype) * abs(x[good]).max((-2, -1)))
    return worst


def backward(a: Array, b: Array, x: Array) -> Array:
    """||b - A x||_1 / (n u ||A||_1 ||x||_1) of the worst column: what a backward stable solution keeps small."""
    worst = np.full(len(a), np.inf)
    if x.shape != b.shape:
        return worst
    good, n, u = _sound(a, b, x), a.shape[-1], unit_roundoff(a.dtype)
    with np.errstate(all="ignore"):
        e, f = exponent(a[good], (-2, -1)), exponent(x[good], -2)
        a, x, b = scaled(a[good], -e), scaled(x[good], -f), scaled(b[good], -(e + f))
        norms = abs(remainder(b, a, x)).sum(-2)
        worst[good] = _over(norms, n * u * norm1(a)[:, None] * abs(x).sum(-2)).max(-1)
    return worst


def penrose(a: Array, x: Array) -> Array:
    """The worst of A X A = A, X A X = X, A X and X A Hermitian, each over max(m, n) u and its terms' norms."""
    worst = np.full(len(a), np.inf)
    if x.shape != a.swapaxes(-1, -2).shape:
        return worst
    good, size, u = _sound(a, x), max(a.shape[-2:]), unit_roundoff(a.dtype)
    with np.errstate(all="ignore"):
        e, f = exponent(a[good], (-2, -1)), exponent(x[good], (-2, -1))
        a, x = scaled(a[good], -e), scaled(x[good], -f)
        # Products of what was scaled: A X is 2^(e+f) times what is written.
        ax, xa = (-remainder(np.zeros((p.shape[-2], q.shape[-1]), a.dtype), p, q) for p, q in ((a, x), (x, a)))
        na, nx = norm1(a), norm1(x)
        errors = [
            _over(norm1(remainder(scaled(a, -(e + f)), ax, a)), na * nx * na),
            _over(norm1(remainder(scaled(x, -(e + f)), xa, x)), nx * na * nx),
            _over(norm1(ax - adjoint(ax)), na * nx),
            _over(norm1(xa - adjoint(xa)), na * nx),
        ]
        worst[good] = np.max(errors, 0) / (size * u)
    return worst


def exact_inverse(a: Array) -> list[list[Fraction]]:
    """The inverse by fraction-free elimination (Bareiss 1968); of a complex matrix the real one of twice the order.

    Raises ZeroDivisionError if the matrix is singular.
    """
    if a.dtype.kind == "c":
        a = np.block([[a.real, -a.imag], [a.imag, a.real]])
    n = len(a)
    entries = [[Fraction(float(x)) for x in row] for row in a]
    unit = max(x.denominator for row in entries for x in row)
    w = [[int(x * unit) for x in row] + [int(i == j) for j in range(n)] for i, row in enumerate(entries)]
    last = 1
    for k in range(n):
        p = next((i for i in range(k, n) if w[i][k]), None)
        if p is None:
            raise ZeroDivisionError("the matrix is singular")
        w[k], w[p] = w[p], w[k]
        pivot = w[k]
        for i in range(n):
            if i != k:
                f = w[i][k]
                w[i] = [(x * pivot[k] - f * y) // last for x, y in zip(w[i], pivot, strict=True)]
        last = pivot[k]
    return [[Fraction(w[i][n + j] * unit, w[i][i]) for j in range(n)] for i in range(n)]


def entry_error(a: Array, x: Array, exact: list[list[Fraction]]) -> float:
    """The largest error of an entry over n u (|X| |A| |X|), X the exact inverse."""
    n, parts = len(a), 2 if a.dtype.kind == "c" else 1
    if x.shape != a.shape or not np.isfinite(x).all():
        return float("inf")
    shape = (parts, n, n)
    y = np.array([[[float(exact[p * n + i][j]) for j in range(n)] for i in range(n)] for p in range(parts)])
    errors = np.zeros(shape)
    for p, part in enumerate((x.real, x.imag)[:parts]):
        for i in range(n):
            for j in range(n):
                errors[p, i, j] = float(Fraction(float(part[i, j])) - exact[p * n + i][j])
    size = np.hypot(y[0], y[-1]) if parts == 2 else abs(y[0])
    error = np.hypot(errors[0], errors[-1]) if parts == 2 else abs(errors[0])
    bound = n * unit_roundoff(a.dtype) * (size @ abs(a).astype(float) @ size)
    # Where the bound is zero nothing but exactness will do.
    with np.errstate(all="ignore"):
        return float(np.where(error == 0, 0.0, error / bound).max())
