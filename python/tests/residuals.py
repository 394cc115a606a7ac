"""Residuals of stacks of matrices in LAPACK's units: 1-norms over the order, a unit u and the norms of factors.

The tests judge by them, and so does scripts/soak. What is not finite makes a ratio NaN or infinite: a comparison
with a bar is to be written so that a NaN fails.
"""

import numpy as np


def adjoint(a):
    return np.swapaxes(a, -1, -2).conj()


def one_norm(a):
    """The largest column sum of each matrix."""
    return np.abs(a).sum(axis=-2).max(axis=-1, initial=0)


def over(residual, n, u, *factors):
    """|residual| over n u and the factors' norms: of order one if all is well."""
    scale = max(n, 1) * u
    for f in factors:
        # Of a zero matrix the residual counts by itself.
        scale = scale * np.where(one_norm(f) == 0, 1, one_norm(f))
    return one_norm(residual) / scale


def inverse_ratio(a, x, u):
    """|I - A X|, the side that inverses bound."""
    return over(np.eye(a.shape[-1]) - a @ x, a.shape[-1], u, a, x)


def pinv_ratio(a, x, u):
    """The largest of Penrose's four conditions."""
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
