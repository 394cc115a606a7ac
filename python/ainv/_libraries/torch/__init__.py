"""torch: tensors in, tensors out, on the CPU.

A plain tensor is viewed through NumPy and costs less than torch's own call. `Tensor.numpy` refuses
what is more than memory: a graph, a transform, a conjugate or negative bit, another device. Such a
tensor goes the way of `general`, which knows derivatives, vmap, compilers and meta tensors.

Single precision is computed in single, as torch does.
"""

import torch
from torch import Tensor, from_numpy
from torch.overrides import handle_torch_function, has_torch_function
from torch.return_types import linalg_inv_ex

from ainv import _ainv
from ainv._libraries.torch import general
from ainv._libraries.torch.gpu import current
from ainv._libraries.torch.primitives import LinAlgError

__all__ = [
    "ARRAYS",
    "NATIVE",
    "LinAlgError",
    "cholesky",
    "cholesky_inv",
    "current",
    "inv",
    "inv_ex",
    "pinv",
    "rcond",
    "solve",
    "tri_inv",
]

ARRAYS = (Tensor,)
# Single precision is computed in single where nothing is said.
NATIVE = True

_PLAIN = frozenset((Tensor, torch.nn.Parameter))
_SCALARS = frozenset((torch.float32, torch.float64, torch.complex64, torch.complex128))
_function_mode = torch._C._is_torch_function_mode_enabled
_dispatch_modes = torch._C._len_torch_dispatch_stack
_forward_mode = torch.autograd.forward_ad


def memory(a):
    """The NumPy view of a tensor; of bfloat16, which NumPy has not, one in single precision."""
    return (a.float() if a.dtype == torch.bfloat16 else a).numpy()


def _memory(a):
    """The NumPy view of a plain tensor; None for any other, and where a mode watches the calls."""
    if (
        type(a) in _PLAIN
        and a.dtype in _SCALARS
        and not _function_mode()
        and not _dispatch_modes()
        and _forward_mode._current_level < 0
    ):
        try:
            return a.numpy()
        except (RuntimeError, TypeError):
            pass
    return None


def _general(name, tensors, out, options):
    if has_torch_function(tensors):
        function = getattr(_ainv, name)
        keywords = options if out is None else options | {"out": out}
        return handle_torch_function(function, tensors, *tensors, **keywords)
    if out is not None:
        return _into(name, tensors, out, options)
    return getattr(general, name)(*tensors, **options)


def _into(name, tensors, out, options):
    """The result written to the tensor `out`, which torch's graphs do not see."""
    outs = out if isinstance(out, tuple) else (out,)
    for t in outs:
        if not isinstance(t, Tensor):
            raise TypeError(f"out must be a torch.Tensor, not {type(t).__name__}")
        if t.device != tensors[0].device:
            raise RuntimeError(
                f"out is on device {t.device}, the argument on {tensors[0].device}: give an out on "
                "the same device"
            )
    if torch.is_grad_enabled() and any(t.requires_grad for t in (*tensors, *outs)):
        raise RuntimeError(
            "out= does not support automatic differentiation, but an argument requires grad"
        )
    arrays = [_memory(t) for t in tensors]
    places = [None if t.shape == (0,) else _memory(t) for t in outs]
    if all(array is not None for array in arrays + places):
        place = tuple(places) if isinstance(out, tuple) else places[0]
        try:
            getattr(_ainv, name)(*arrays, out=place, **options)
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
        finally:
            # After an error, too, the matrices before the bad one may stand there.
            torch.autograd.graph.increment_version(outs)
        return out
    results = getattr(general, name)(*tensors, **options)
    for t, x in zip(outs, results if isinstance(out, tuple) else (results,), strict=True):
        if t.shape == (0,):
            t.resize_(x.shape)
        if t.shape != x.shape:
            raise ValueError(f"out has shape {tuple(t.shape)}, the result {tuple(x.shape)}")
        if torch.promote_types(t.dtype, x.dtype) is not t.dtype:
            raise TypeError(f"out has dtype {t.dtype}, which does not hold the result's {x.dtype}")
        t.copy_(x)
    return out


# Each function is written out: a dictionary of options or one more call would be felt with one
# small matrix.


def inv(a, assume="auto", on_singular="raise", precision=None, out=None):
    precision = precision or "native"
    if out is None and (array := _memory(a)) is not None:
        try:
            x = _ainv.inv(array, assume=assume, on_singular=on_singular, precision=precision)
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
        return from_numpy(x)
    options = {"assume": assume, "on_singular": on_singular, "precision": precision}
    return _general("inv", (a,), out, options)


def inv_ex(a, check_errors=False, assume="auto", precision=None, out=None):
    precision = precision or "native"
    if out is None and (array := _memory(a)) is not None:
        try:
            x, info = _ainv.inv_ex(
                array, check_errors=check_errors, assume=assume, precision=precision
            )
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
        return linalg_inv_ex((from_numpy(x), from_numpy(info)))
    if out is not None and not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError("out must be a tuple: (inverse, info)")
    options = {"check_errors": check_errors, "assume": assume, "precision": precision}
    return linalg_inv_ex(tuple(_general("inv_ex", (a,), out, options)))


def pinv(a, rtol=None, hermitian=False, atol=None, on_singular="raise", precision=None, out=None):
    options = {
        "rtol": rtol,
        "atol": atol,
        "hermitian": hermitian,
        "on_singular": on_singular,
        "precision": precision or "native",
    }
    plain = not (isinstance(rtol, Tensor) or isinstance(atol, Tensor))
    if out is None and plain and (array := _memory(a)) is not None:
        try:
            return from_numpy(_ainv.pinv(array, **options))
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
    return _general("pinv", (a,), out, options)


def cholesky_inv(L, upper=False, on_singular="raise", precision=None, out=None):
    precision = precision or "native"
    if out is None and (array := _memory(L)) is not None:
        try:
            x = _ainv.cholesky_inv(array, upper, on_singular=on_singular, precision=precision)
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
        return from_numpy(x)
    options = {"upper": upper, "on_singular": on_singular, "precision": precision}
    return _general("cholesky_inv", (L,), out, options)


def tri_inv(a, upper=False, unit_diagonal=False, on_singular="raise", precision=None, out=None):
    options = {
        "upper": upper,
        "unit_diagonal": unit_diagonal,
        "on_singular": on_singular,
        "precision": precision or "native",
    }
    if out is None and (array := _memory(a)) is not None:
        try:
            return from_numpy(_ainv.tri_inv(array, **options))
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
    return _general("tri_inv", (a,), out, options)


def cholesky(a, upper=False, on_singular="raise", precision=None, out=None):
    precision = precision or "native"
    if out is None and (array := _memory(a)) is not None:
        try:
            x = _ainv.cholesky(array, upper, on_singular=on_singular, precision=precision)
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
        return from_numpy(x)
    options = {"upper": upper, "on_singular": on_singular, "precision": precision}
    return _general("cholesky", (a,), out, options)


def solve(a, b, assume="auto", on_singular="raise", precision=None, out=None):
    precision = precision or "native"
    if out is None and (left := _memory(a)) is not None and (right := _memory(b)) is not None:
        try:
            x = _ainv.solve(
                left, right, assume=assume, on_singular=on_singular, precision=precision
            )
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
        return from_numpy(x)
    options = {"assume": assume, "on_singular": on_singular, "precision": precision}
    return _general("solve", (torch.as_tensor(a), torch.as_tensor(b)), out, options)


def rcond(a, p=None, assume="auto"):
    p = 1 if p is None else p
    if (array := _memory(a)) is not None:
        try:
            return torch.as_tensor(_ainv.rcond(array, p=p, assume=assume))
        except _ainv.LinAlgError as error:
            raise LinAlgError.of(error) from None
    return _general("rcond", (a,), None, {"p": p, "assume": assume})
