"""What must hold, counted; and residuals, in LAPACK's units."""

import collections
import threading

import numpy as np

counts = collections.Counter()
counting = threading.Lock()


class Fault(Exception):
    """What must not be."""


def count(what, by=1):
    with counting:
        counts[what] += by


def demand(holds, *what):
    count("checks")
    if not holds:
        raise Fault(*what)


def same_bits(x, y, *what):
    demand(x.dtype == y.dtype and x.shape == y.shape, *what)
    # One NaN is like another.
    x, y = (np.where(np.isnan(m), np.array(0, m.dtype), m) if m.size else m for m in (x, y))
    demand(x.tobytes() == y.tobytes(), *what, "bits")


# Residuals. Every comparison is written so that a NaN fails.


def one_norm(a):
    """The largest column sum of each matrix."""
    return np.abs(a).sum(axis=-2).max(axis=-1, initial=0)


def adjoint(a):
    return np.swapaxes(a, -1, -2).conj()


def over(residual, n, u, *factors):
    scale = max(n, 1) * u
    for f in factors:
        # Of a zero matrix the residual counts by itself.
        scale = scale * np.where(one_norm(f) == 0, 1, one_norm(f))
    return one_norm(residual) / scale


def inverse_ratio(a, x, u):
    return over(np.eye(a.shape[-1]) - a @ x, a.shape[-1], u, a, x)


def pinv_ratio(a, x, u):
    n, ax, xa = max(a.shape[-2:]), a @ x, x @ a
    return np.max(
        [
            over(ax @ a - a, n, u, a, x, a),
            over(xa @ x - x, n, u, x, a, x),
            over(ax - adjoint(ax), n, u, a, x),
            over(xa - adjoint(xa), n, u, a, x),
        ],
        axis=0,
    )


def cholesky_ratio(a, x, u):
    return over(x @ adjoint(x) - a, a.shape[-1], u, a)


def cholesky_inv_ratio(a, x, u):
    return inverse_ratio(a @ adjoint(a), x, u)
