"""`axes=` for the arrays of other libraries: their own views, permuted and permuted back."""

from collections.abc import Sequence
from typing import Any


def inv(
    library: Any,
    a: Any,
    axes: list[int],
    assume: str,
    on_singular: str,
    precision: str | None,
    out: Any,
) -> Any:
    """What a library's adapter does, of matrices along `axes`: two different ones, not negative."""
    order = [*(axis for axis in range(a.ndim) if axis not in axes), *axes]
    back = sorted(range(a.ndim), key=order.__getitem__)
    if out is not None and out.ndim != a.ndim:
        raise ValueError(f"out has shape {tuple(out.shape)}, the argument {tuple(a.shape)}")
    place = None if out is None else _permuted(out, order)
    x = library.inv(_permuted(a, order), assume, on_singular, precision, place)
    return _permuted(x, back) if out is None else out


def _permuted(a: Any, order: Sequence[int]) -> Any:
    # torch's transpose is another function.
    return getattr(a, "permute", a.transpose)(*order)
