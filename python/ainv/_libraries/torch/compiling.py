"""What torch's compiler traces in place of our functions."""

import torch

from ainv import _ainv
from ainv._libraries.torch import general, primitives


def tell():
    """Registers what can be traced for each function; called when the compiler is loaded."""
    if not hasattr(torch.compiler, "substitute_in_graph"):
        return  # A torch before 2.6, whose compiler runs our functions beside its graphs.
    for name in primitives.PRIMITIVES:
        primitives.OPERATORS[name] = primitives.operator(name)
    for traced in (inv, inv_ex, pinv, cholesky_inv, tri_inv, cholesky, solve, rcond):
        torch.compiler.substitute_in_graph(getattr(_ainv, traced.__name__))(traced)


def _precision(precision, out, stream):
    if out is not None:
        raise NotImplementedError("out= cannot be compiled")
    if stream not in (None, "cpu"):
        raise NotImplementedError("no stream but the CPU's can be compiled")
    return precision or "native"


def inv(
    a, *, assume="auto", on_singular="raise", precision=None, out=None, axes=None, stream=None
):
    precision = _precision(precision, out, stream)
    if axes is None:
        return general.inv(a, assume, on_singular, precision)
    return general.inv(a.movedim(axes, (-2, -1)), assume, on_singular, precision).movedim(
        (-2, -1), axes
    )


def inv_ex(a, *, check_errors=False, assume="auto", precision=None, out=None, stream=None):
    return general.inv_ex(a, check_errors, assume, _precision(precision, out, stream))


def pinv(
    a,
    rcond=None,
    hermitian=False,
    *,
    rtol=None,
    atol=None,
    on_singular="raise",
    precision=None,
    out=None,
    stream=None,
):
    if rcond is not None and rtol is not None:
        raise ValueError("rcond and rtol are one and the same: give one")
    rtol = rcond if rtol is None else rtol
    precision = _precision(precision, out, stream)
    return general.pinv(a, rtol, atol, hermitian, on_singular, precision)


def cholesky_inv(L, upper=False, *, on_singular="raise", precision=None, out=None, stream=None):
    return general.cholesky_inv(L, upper, on_singular, _precision(precision, out, stream))


def tri_inv(
    a,
    upper=False,
    *,
    unit_diagonal=False,
    on_singular="raise",
    precision=None,
    out=None,
    stream=None,
):
    precision = _precision(precision, out, stream)
    return general.tri_inv(a, upper, unit_diagonal, on_singular, precision)


def cholesky(a, upper=False, *, on_singular="raise", precision=None, out=None, stream=None):
    return general.cholesky(a, upper, on_singular, _precision(precision, out, stream))


def solve(a, b, *, assume="auto", on_singular="raise", precision=None, out=None, stream=None):
    return general.solve(a, b, assume, on_singular, _precision(precision, out, stream))


def rcond(a, *, p=1, assume="auto", stream=None):
    _precision(None, None, stream)
    return general.rcond(a, p, assume)
