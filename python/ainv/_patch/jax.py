"""``jax.numpy.linalg``, of arrays that are there and of some size.

A tracer goes to JAX's own function: what is compiled or transformed outlives the patch.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

import ainv
from ainv._patch._swap import Swap

# Under so many numbers JAX is done before an array of it is viewed and another one is made.
_FEW = 1000


def _served(a: Any) -> bool:
    if not isinstance(a, jax.Array) or isinstance(a, jax.core.Tracer):
        return False
    if a.dtype.name not in ("float32", "float64", "complex64", "complex128"):
        return False
    device, *others = a.devices()
    return device.platform == "cpu" and not others


def inv(a: Any) -> Any:
    if not _served(a) or a.size < _FEW:
        return NotImplemented
    return ainv.inv(a, on_singular="nan")


def solve(a: Any, b: Any) -> Any:
    if not _served(a) or not _served(b) or a.size < _FEW:
        return NotImplemented
    return ainv.solve(a, b, on_singular="nan")


def pinv(a: Any, rtol: Any = None, hermitian: Any = False, *, rcond: Any = None) -> Any:
    # JAX takes the mean of both triangles of what shall be Hermitian.
    if not _served(a) or a.size < _FEW or hermitian or (rtol is not None and rcond is not None):
        return NotImplemented
    rtol = rcond if rtol is None else rtol
    if rtol is None:
        rtol = 10 * max(a.shape[-2:]) * float(jnp.finfo(a.dtype).eps)
    return ainv.pinv(a, float(rtol), on_singular="nan")


def swaps(**_options: Any) -> Iterator[Swap]:
    """The functions of ``jax.numpy.linalg`` that ainv does."""
    for ours in (inv, solve, pinv):
        yield Swap(jnp.linalg, ours.__name__, ours)
