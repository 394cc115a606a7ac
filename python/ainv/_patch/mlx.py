"""``mlx.core.linalg``, on the CPU, where MLX has it too.

MLX computes when a result is asked for; ours at once, and a singular matrix raises there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx

import ainv
from ainv._patch._swap import Function, Swap


def _served(stream: Any, *arrays: Any) -> bool:
    """Whether MLX would compute it, too: in single precision and on the CPU."""
    if {type(a) for a in arrays} != {mx.array} or any(a.dtype != mx.float32 for a in arrays):
        return False
    device = mx.default_device() if stream is None else getattr(stream, "device", stream)
    return bool(device == mx.cpu)


def _done(function: Function, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ainv.LinAlgError:
        raise
    except RuntimeError:
        # Inside mx.compile and mx.vmap there are no values to compute with.
        return NotImplemented


def inv(a: Any, *, stream: Any = None) -> Any:
    return _done(ainv.inv, a) if _served(stream, a) else NotImplemented


def pinv(a: Any, *, stream: Any = None) -> Any:
    if not _served(stream, a) or a.ndim < 2:
        return NotImplemented
    rtol = 10 * max(a.shape[-2:]) * float(mx.finfo(mx.float32).eps)
    return _done(ainv.pinv, a, rtol)


def tri_inv(a: Any, upper: Any = False, *, stream: Any = None) -> Any:
    return _done(ainv.tri_inv, a, bool(upper)) if _served(stream, a) else NotImplemented


def cholesky_inv(L: Any, upper: Any = False, *, stream: Any = None) -> Any:
    return _done(ainv.cholesky_inv, L, bool(upper)) if _served(stream, L) else NotImplemented


def solve(a: Any, b: Any, *, stream: Any = None) -> Any:
    # MLX broadcasts no leading dimensions that are missing.
    if not _served(stream, a, b) or b.ndim != (1 if b.ndim == 1 and a.ndim == 2 else a.ndim):
        return NotImplemented
    return _done(ainv.solve, a, b)


def _failed(what: str) -> Callable[[ainv.LinAlgError, Any], Exception]:
    # MLX's LAPACK numbers the zero pivot; its singular values end with -4 for a NaN.
    def error(error: ainv.LinAlgError, a: Any) -> Exception:
        return RuntimeError(f"{what} failed with error code {error.diagonal or -4}")

    return error


_TRIANGULAR = "[Inverse::eval_cpu] triangular inversion"
_FUNCTIONS: dict[Function, str] = {
    inv: "[Inverse::eval_cpu] LU factorization",
    pinv: "[SVD::eval_cpu] SVD",
    tri_inv: _TRIANGULAR,
    cholesky_inv: _TRIANGULAR,
    solve: _TRIANGULAR,
}


def swaps(**_options: Any) -> Iterator[Swap]:
    """The functions of ``mlx.core.linalg`` that ainv does."""
    for ours, what in _FUNCTIONS.items():
        yield Swap(mx.linalg, ours.__name__, ours, _failed(what))
