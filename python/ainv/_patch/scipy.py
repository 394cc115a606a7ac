"""``scipy.linalg``.

SciPy refuses NaN and infinities, warns of ill-conditioned matrices and names the singular ones.
Ours do the others: where a matrix is singular, or so near to it that SciPy would warn, SciPy's own
function is called, whose words and result the program gets.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg

import ainv
from ainv._patch._swap import Swap

# Up to this order an inverse more, for its condition number, is cheap beside SciPy's own way.
_SMALL = 32
# Those of SciPy's structures of which ours are faster and mean the same.
_ASSUME: dict[str | None, Any] = {
    None: "auto",
    "general": "general",
    "gen": "general",
    "pos": "posdef",
    "upper triangular": "upper",
    "lower triangular": "lower",
}


def _array(a: object, check_finite: bool, axes: int = 2) -> Any:
    """`a` as an array that both libraries take for the same matrices, or None."""
    if type(a) is not np.ndarray:
        if not isinstance(a, list | tuple):
            return None
        a = np.asarray(a)
    # SciPy computes with smaller integers in single precision; empty ones have rules of their own.
    wide = a.dtype.char in "fdFD" or (a.dtype.kind in "iu" and a.itemsize >= 4)
    if not wide or not a.dtype.isnative or not a.flags.aligned or not a.size or a.ndim < axes:
        return None
    return a if not check_finite or np.isfinite(a).all() else None


def _well_conditioned(rcond: Any, x: Any) -> bool:
    # Written so that a NaN is not.
    return bool(np.min(rcond) > np.finfo(x.dtype).eps)


def _norm(a: Any) -> Any:
    return np.abs(a).sum(axis=-2).max(axis=-1)


def _overwritten(a: Any, overwrite: Any) -> bool:
    """Whether SciPy's result lies in the memory of `a`, where the program may look for it."""
    return bool(overwrite and a.ndim <= 2 and a.flags.f_contiguous)


def inv(
    a: Any,
    overwrite_a: Any = False,
    check_finite: Any = True,
    *,
    assume_a: Any = None,
    lower: Any = False,
) -> Any:
    a = _array(a, check_finite)
    assume = _ASSUME.get(assume_a)
    if a is None or assume is None or _overwritten(a, overwrite_a):
        return NotImplemented
    small = a.shape[-1] <= _SMALL
    if not small and assume not in ("auto", "general"):
        # The norm of what is read of A, which the other triangle is not, costs as much as is won.
        return NotImplemented
    # Ours read the lower triangle. The upper one is the transpose's, whose inverse is conjugate.
    upper = assume == "posdef" and not lower
    if upper:
        a = np.swapaxes(a, -1, -2)
    x = ainv.inv(a, assume=assume, precision="native")
    with np.errstate(all="ignore"):
        rcond = ainv.rcond(a, assume=assume) if small else 1 / (_norm(a) * _norm(x))
    if not _well_conditioned(rcond, x):
        return NotImplemented
    return x.conj() if upper else x


def solve(
    a: Any,
    b: Any,
    lower: Any = False,
    overwrite_a: Any = False,
    overwrite_b: Any = False,
    check_finite: Any = True,
    assume_a: Any = None,
    transposed: Any = False,
) -> Any:
    a, b = _array(a, check_finite), _array(b, check_finite, axes=1)
    if a is None or b is None or transposed or assume_a not in (None, "general", "gen"):
        return NotImplemented
    if _overwritten(a, overwrite_a) or _overwritten(b, overwrite_b):
        return NotImplemented
    # SciPy takes a single number for a matrix of any order.
    if a.shape[-1] > _SMALL or a.size == 1:
        return NotImplemented
    x = ainv.solve(a, b, precision="native")
    return x if _well_conditioned(ainv.rcond(a), x) else NotImplemented


def _tolerance(a: Any, atol: Any, rtol: Any) -> float | None:
    """The relative cut-off, if the absolute one is zero and both are numbers."""
    if atol is not None and atol != 0:
        # SciPy adds the two, ours takes the larger.
        return None
    if rtol is None:
        single = a.dtype.char in "fF"
        rtol = max(a.shape[-2:]) * np.finfo(np.float32 if single else np.float64).eps
    return float(rtol) if np.ndim(rtol) == 0 else None


def pinv(
    a: Any,
    *,
    atol: Any = None,
    rtol: Any = None,
    return_rank: Any = False,
    check_finite: Any = True,
) -> Any:
    a = _array(a, check_finite)
    rtol = None if a is None or return_rank else _tolerance(a, atol, rtol)
    return NotImplemented if rtol is None else ainv.pinv(a, rtol, precision="native")


def pinvh(
    a: Any,
    atol: Any = None,
    rtol: Any = None,
    lower: Any = True,
    return_rank: Any = False,
    check_finite: Any = True,
) -> Any:
    a = _array(a, check_finite)
    rtol = None if a is None or return_rank else _tolerance(a, atol, rtol)
    if rtol is None:
        return NotImplemented
    if lower:
        return ainv.pinv(a, rtol, hermitian=True, precision="native")
    x = ainv.pinv(np.swapaxes(a, -1, -2), rtol, hermitian=True, precision="native")
    return x.conj()


def swaps(**_options: Any) -> Iterator[Swap]:
    """The functions of ``scipy.linalg`` that ainv does."""
    for ours in (inv, solve, pinv, pinvh):
        yield Swap(scipy.linalg, ours.__name__, ours)
