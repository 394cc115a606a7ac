"""What must hold, counted; and residuals, by the tests' own measure."""

import collections
import sys
import threading
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "python" / "tests"))
from residuals import adjoint, inverse_ratio, over

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


def cholesky_ratio(a, x, u):
    return over(x @ adjoint(x) - a, a.shape[-1], u, a)


def cholesky_inv_ratio(a, x, u):
    return inverse_ratio(a @ adjoint(a), x, u)
