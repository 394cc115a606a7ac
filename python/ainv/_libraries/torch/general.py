"""Our functions for any tensor: of primitives and of torch's own operations, which compilers trace.

What a structure reads of a matrix is taken first, as a step of its own with its own derivative: a
Hermitian matrix has a Hermitian gradient. Half precision is computed in single.
"""

import torch

from ainv._libraries.derivatives import structure
from ainv._libraries.torch import gpu
from ainv._libraries.torch.primitives import LinAlgError, run

_SCALARS = (torch.float32, torch.float64, torch.complex64, torch.complex128)
_HALF = (torch.float16, torch.bfloat16)
_NUMBERS = {1: "one", 2: "two"}


def _checked(a, axes=2):
    """The tensor in one of the four scalars, if there is anything here that can compute with it."""
    if a.dim() < axes:
        raise LinAlgError(
            f"{a.dim()}-dimensional array given. "
            f"Array must be at least {_NUMBERS[axes]}-dimensional"
        )
    if a.layout is not torch.strided:
        raise TypeError(f"the tensor is of layout {a.layout}: use .to_dense() first")
    if a.device.type not in ("cpu", "meta") and not gpu.has(a):
        raise RuntimeError(
            f"the tensor is on device {a.device}, for which this version of ainv has no back-end: "
            "use .cpu() to compute on the CPU"
        )
    if a.dtype in _HALF:
        return a.float()
    if a.dtype in _SCALARS:
        return a
    raise TypeError(
        f"tensors of {a.dtype} have no inverse here: float16, bfloat16, float32, float64, "
        "complex64 and complex128 are taken"
    )


def _read(a, name):
    """The matrix of which ``assume=name`` reads a part."""
    name = structure(name)
    if name == "lower":
        return a.tril()
    if name == "upper":
        return a.triu()
    if name == "diagonal":
        return torch.diag_embed(a.diagonal(dim1=-2, dim2=-1))
    if name == "symmetric":
        return run("as_symmetric", a)
    if name in ("hermitian", "posdef"):
        return run("as_hermitian", a)
    return a


def _triangle(a, upper, unit_diagonal=False):
    return a.triu(int(unit_diagonal)) if upper else a.tril(-int(unit_diagonal))


def inv(a, assume, on_singular, precision):
    x = run("inv", _read(_checked(a), assume), structure(assume), on_singular, precision)
    return x.to(a.dtype)


def inv_ex(a, check_errors, assume, precision):
    wide = _read(_checked(a), assume)
    x, info = run("inv_ex", wide, check_errors, structure(assume), precision)
    return torch.return_types.linalg_inv_ex((x.to(a.dtype), info))


def pinv(a, rtol, atol, hermitian, on_singular, precision):
    wide = _checked(a)
    rtol, atol = _tolerance(rtol), _tolerance(atol)
    if rtol is None and a.dtype in _HALF:
        rtol = torch.tensor(max(a.shape[-2:]) * torch.finfo(a.dtype).eps, dtype=torch.float64)
        if atol is not None:
            rtol = torch.where(atol > 0, 0.0, rtol)
    if hermitian:
        wide = _read(wide, "hermitian")
    return run("pinv", wide, rtol, atol, hermitian, on_singular, precision).to(a.dtype)


def _tolerance(given):
    if given is None:
        return None
    given = torch.as_tensor(given)
    if given.is_complex():
        raise TypeError(f"a tolerance must be real, not {given.dtype}")
    return given.detach().double()


def cholesky_inv(L, upper, on_singular, precision):
    wide = _triangle(_checked(L), upper)
    return run("cholesky_inv", wide, upper, on_singular, precision).to(L.dtype)


def tri_inv(a, upper, unit_diagonal, on_singular, precision):
    wide = _triangle(_checked(a), upper, unit_diagonal)
    return run("tri_inv", wide, upper, unit_diagonal, on_singular, precision).to(a.dtype)


def cholesky(a, upper, on_singular, precision):
    # The upper triangle of A is the lower one of A^H.
    wide = _checked(a)
    wide = _read(wide.mH if upper else wide, "hermitian")
    return run("cholesky", wide, upper, on_singular, precision).to(a.dtype)


def solve(a, b, assume, on_singular, precision):
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    result = torch.promote_types(a.dtype, b.dtype)
    a, b = _checked(a), _checked(b, 1)
    dtype = torch.promote_types(a.dtype, b.dtype)
    vector = b.dim() == 1
    a, b = _read(a.to(dtype), assume), b.to(dtype)
    b = b.unsqueeze(-1) if vector else b
    x = run("solve", a, b, structure(assume), on_singular, precision)
    return (x.squeeze(-1) if vector else x).to(result)


def rcond(a, p, assume):
    x = run("rcond", _read(_checked(a), assume), float(p), structure(assume))
    return x.to(a.dtype.to_real())
