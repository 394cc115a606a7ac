"""``numpy.linalg``."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ainv
from ainv._patch._swap import Swap

# The dtypes that NumPy inverts: it refuses half precision and long double.
_SERVED = frozenset("?bBhHiIlLqQfdFD")
_NOT_GIVEN: Any = object()


def _served(a: object) -> bool:
    """Whether `a` is an array as NumPy's own code would see it, and of a dtype that it takes."""
    if type(a) is np.ndarray:
        return a.dtype.char in _SERVED
    if isinstance(a, np.ndarray):
        # A class with an __array_function__ of its own is asked by NumPy; of masked arrays NumPy
        # computes with what lies under the mask, which ours refuses.
        plain = type(a).__array_function__ is np.ndarray.__array_function__
        return plain and not isinstance(a, np.ma.MaskedArray) and a.dtype.char in _SERVED
    return isinstance(a, list | tuple)


def inv(a: Any) -> Any:
    return ainv.inv(a) if _served(a) else NotImplemented


def solve(a: Any, b: Any) -> Any:
    return ainv.solve(a, b) if _served(a) and _served(b) else NotImplemented


def _pinv(default: float | None) -> Callable[..., Any]:
    """``pinv`` with the cut-off that it has where none is asked for."""

    def pinv(a: Any, rcond: Any = None, hermitian: Any = False, *, rtol: Any = _NOT_GIVEN) -> Any:
        # NumPy returns an empty array of integers as one of integers.
        if not _served(a) or not np.size(a):
            return NotImplemented
        if rcond is None:
            rcond = default if rtol is _NOT_GIVEN else rtol
        elif rtol is not _NOT_GIVEN:
            return NotImplemented
        # What NumPy makes of a NaN or an infinity depends on its LAPACK: an error, NaN or zeros.
        if not np.isfinite(a).all():
            return NotImplemented
        return ainv.pinv(a, rcond, bool(hermitian))

    return pinv


def _singular(error: ainv.LinAlgError, a: Any) -> Exception:
    return np.linalg.LinAlgError("Singular matrix")


def _not_converged(error: ainv.LinAlgError, a: Any) -> Exception:
    return np.linalg.LinAlgError("SVD did not converge")


def swaps(*, numpy_rcond: bool) -> Iterator[Swap]:
    """The functions of ``numpy.linalg`` that ainv does."""
    yield Swap(np.linalg, "inv", inv, _singular)
    yield Swap(np.linalg, "solve", solve, _singular)
    yield Swap(np.linalg, "pinv", _pinv(1e-15 if numpy_rcond else None), _not_converged)
