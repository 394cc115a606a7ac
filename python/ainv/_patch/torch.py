"""torch: ``torch.linalg``, and what ``torch`` and its tensors had before."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch

import ainv
from ainv._patch._swap import Swap

_PLAIN = frozenset((torch.Tensor, torch.nn.Parameter))
_DTYPES = frozenset((torch.float32, torch.float64, torch.complex64, torch.complex128))


def _watched() -> bool:
    """Whether a compiler, a transform or a mode wants to see torch's own function."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch.autograd.forward_ad._current_level >= 0
        or torch._C._is_torch_function_mode_enabled()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._functorch.peek_interpreter_stack() is not None
    )


def _served(a: Any) -> bool:
    """Whether it is a tensor in the CPU's memory, of a dtype that torch inverts too."""
    return (
        type(a) in _PLAIN
        and a.dtype in _DTYPES
        and a.is_cpu
        and a.layout is torch.strided
        and not _watched()
    )


def _derived(a: Any) -> bool:
    """Whether a gradient will be asked for. In the triangle that is not read torch's is its own."""
    return torch.is_grad_enabled() and bool(a.requires_grad)


def inv(A: Any, *, out: Any = None) -> Any:
    return ainv.inv(A) if out is None and _served(A) else NotImplemented


def inverse(input: Any, *, out: Any = None) -> Any:
    return inv(input, out=out)


def inv_ex(A: Any, *, check_errors: Any = False, out: Any = None) -> Any:
    if out is not None or not _served(A):
        return NotImplemented
    return torch.return_types.linalg_inv_ex(ainv.inv_ex(A, check_errors=bool(check_errors)))


def _real(tolerance: object) -> bool:
    # A tensor of them can add dimensions to the result.
    return tolerance is None or type(tolerance) in (float, int)


def pinv(
    input: Any,
    rcond: Any = None,
    hermitian: Any = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Any = None,
) -> Any:
    if out is not None or not _served(input) or not all(map(_real, (rcond, atol, rtol))):
        return NotImplemented
    if rcond is not None and (rtol is not None or atol is not None):
        return NotImplemented
    if hermitian and _derived(input):
        return NotImplemented
    rtol = rcond if rtol is None else rtol
    # A NaN ends torch's singular values with an error, its eigenvalues with NaN.
    on_singular: Literal["nan", "raise"] = "nan" if hermitian else "raise"
    return ainv.pinv(
        input, hermitian=bool(hermitian), rtol=rtol, atol=atol, on_singular=on_singular
    )


def pinverse(input: Any, rcond: Any = 1e-15) -> Any:
    return pinv(input, rcond)


def cholesky_inverse(input: Any, upper: Any = False, *, out: Any = None) -> Any:
    if out is not None or not _served(input) or _derived(input):
        return NotImplemented
    return ainv.cholesky_inverse(input, bool(upper))


def solve(A: Any, B: Any, *, left: Any = True, out: Any = None) -> Any:
    if out is not None or not left or not (_served(A) and _served(B) and A.dtype is B.dtype):
        return NotImplemented
    # torch's rule: also a stack of vectors, if it is as long as the stack of matrices.
    if B.ndim > 1 and B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]:
        return ainv.solve(A, B[..., None])[..., 0]
    if B.ndim == 1 and A.ndim > 2:
        return ainv.solve(A, B[..., None])[..., 0]
    return ainv.solve(A, B)


def _failed(function: str, why: str) -> Callable[[ainv.LinAlgError, Any], Exception]:
    """torch's exception and its words, with the place in the stack as one number."""

    def error(error: ainv.LinAlgError, a: Any) -> Exception:
        batch = tuple(a.shape[:-2])
        # The place in the stack that `a` is, also where the right-hand sides repeat it.
        index = (error.batch_index or ())[-len(batch) :] if batch else ()
        flat = np.ravel_multi_index(index, batch, mode="clip") if batch else 0
        place = f"(Batch element {flat}): " if batch else ""
        own: type[Exception] = torch.linalg.LinAlgError
        return own(f"{function}: {place}{why.format(error.diagonal)}")

    return error


_SINGULAR = (
    "The diagonal element {} is zero, the inversion could not be completed because the input "
    "matrix is singular."
)
_NOT_FINITE = (
    "The algorithm failed to converge because the input matrix contained non-finite values."
)
_UNSOLVED = "The solver failed because the input matrix is singular."


def swaps(**_options: Any) -> Iterator[Swap]:
    """The functions of torch that ainv does."""
    linalg, inverted = torch.linalg, _failed("linalg.inv", _SINGULAR)
    yield Swap(linalg, "inv", inv, inverted)
    yield Swap(linalg, "inv_ex", inv_ex, _failed("linalg.inv_ex", _SINGULAR))
    yield Swap(linalg, "pinv", pinv, _failed("linalg.svd", _NOT_FINITE))
    yield Swap(linalg, "solve", solve, _failed("torch.linalg.solve", _UNSOLVED))
    for owner in (torch, torch.Tensor):
        yield Swap(owner, "inverse", inverse, inverted)
        yield Swap(owner, "pinverse", pinverse, _failed("linalg.svd", _NOT_FINITE))
        failed = _failed("cholesky_inverse", _SINGULAR)
        yield Swap(owner, "cholesky_inverse", cholesky_inverse, failed)
