"""What the tests share: matrices, residuals, and programs of their own."""

import contextlib
import os
import subprocess
import sys
import textwrap

import ainv
import numpy as np
import pytest
from residuals import adjoint, inverse_ratio, over

A3 = np.array([[4.0, 1.0, 2.0], [1.0, 5.0, 3.0], [0.0, 2.0, 6.0]])
DTYPES = ["float32", "float64", "complex64", "complex128"]
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def random(shape, dtype="float64", seed=0):
    """Normal entries, complex ones for a complex dtype."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        a = a + 1j * rng.standard_normal(shape)
    return a.astype(dtype)


def posdef(shape, dtype="float64", seed=0):
    """Hermitian and well inside the positive definite ones."""
    a = random(shape, dtype, seed)
    n = shape[-1]
    p = a @ adjoint(a) + n * np.eye(n)
    # Exactly Hermitian: a product is so only up to rounding.
    return ((p + adjoint(p)) / 2).astype(dtype)


def epsilon(dtype):
    dtype = np.dtype(dtype)
    return 2.0**-7 if dtype.name == "bfloat16" else float(np.finfo(dtype).eps)


def ratio(residual, *factors, dtype):
    """`over` in the order and the epsilon of a dtype, in double."""
    wide = np.result_type(residual.dtype, np.float64)
    residual, *factors = (np.asarray(f).astype(wide) for f in (residual, *factors))
    return over(residual, residual.shape[-1], epsilon(dtype), *factors)


def assert_small(ratios, bound=10.0):
    # Written so that a NaN fails.
    assert np.all(np.asarray(ratios) < bound), f"residual ratio {np.max(ratios)}"


def assert_inverse(a, x, dtype=None, bound=10.0):
    """That x is the inverse of a: by the residual |a x - 1|, in double."""
    a, x = np.asarray(a), np.asarray(x)
    assert x.shape == a.shape
    dtype = dtype or x.dtype
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    a, x = a.astype(wide), x.astype(wide)
    assert_small(inverse_ratio(a, x, epsilon(dtype)), bound)


def assert_same_bits(x, y):
    assert x.dtype == y.dtype and x.shape == y.shape
    assert x.tobytes() == y.tobytes()


@contextlib.contextmanager
def occupied():
    """A stream, the current one inside, that has something to do first: nothing there is done at once."""
    with ainv.stream(ainv.new_stream(ainv.cpu)) as stream:
        ainv.inv(ainv.asarray(random((900, 900))))
        yield stream


def raises(exception, match=None):
    return pytest.raises(exception, match=match)


# For a program: fails if `calls` keeps memory. What a leak keeps grows with the calls, pages that happen to come do
# not: where the slope of a run says a leak, twice as many calls must say so, too, and twice as many again.
FLAT = """
import ctypes, gc, itertools, os, statistics

def flat(calls, rounds=12, times=400):
    def resident():
        gc.collect()
        if hasattr(ctypes.CDLL(None), "malloc_trim"):
            ctypes.CDLL(None).malloc_trim(0)
        return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def slope(times):
        points = []
        for i in range(rounds):
            for _ in range(times):
                calls()
            points.append((i * times, resident()))
        slopes = [(y - x) / (j - i) for (i, x), (j, y) in itertools.combinations(points, 2)]
        return statistics.median(slopes), points

    for _ in range(2 * times):
        calls()
    seen = []
    for longer in 1, 2, 4:
        bytes_a_call, points = slope(longer * times)
        # The smallest Python object has 16 bytes.
        if bytes_a_call < 8:
            return
        seen.append((bytes_a_call, points))
    raise AssertionError(seen)
"""


def check(code, *flags, **environment):
    """What a program prints that must end well, in a process of its own."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
