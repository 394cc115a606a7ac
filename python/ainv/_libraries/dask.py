"""dask: arrays in, arrays out, still lazy: chunk by chunk, where each holds whole matrices."""

from functools import partial
from operator import itemgetter

import dask.array as da
import numpy as np

from ainv import _ainv
from ainv._ainv import InvExResult, LinAlgError

ARRAYS = (da.Array,)


def _matrices(a, out=None, square=True):
    """The array, if its chunks hold whole matrices."""
    if out is not None:
        raise TypeError("dask arrays are not written to: leave out= away")
    a = da.asarray(a)
    if a.ndim < 2:
        raise LinAlgError(
            f"{a.ndim}-dimensional array given. Array must be at least two-dimensional"
        )
    if square and a.shape[-1] != a.shape[-2]:
        raise LinAlgError(
            "Last 2 dimensions of the array must be square: A must be batches of square matrices, "
            f"but the shape is {a.shape}"
        )
    if a.numblocks[-2:] != (1, 1):
        raise ValueError(
            f"each chunk must hold whole matrices, but the chunks are {a.chunks}: "
            "use a.rechunk({-2: -1, -1: -1})"
        )
    return a


def _chunk(function, a, *, block_info=None, **options):
    """A function of one chunk. A bad matrix is named by its place in the whole array."""
    try:
        return function(a, **options)
    except LinAlgError as error:
        place = block_info[0]["array-location"]
        whole = LinAlgError(f"in the chunk at {place}: {error}")
        whole.batch_index = tuple(i + place[k][0] for k, i in enumerate(error.batch_index))
        whole.diagonal, whole.rcond = error.diagonal, error.rcond
        raise whole from None


def _map(function, a, dtype=None, drop=0, **options):
    """A function of each chunk, whose last `drop` axes it takes away."""
    dtype = dtype or _ainv.inv(np.empty((0, 1, 1), a.dtype)).dtype
    return da.map_blocks(
        partial(_chunk, function),
        a,
        drop_axis=list(range(a.ndim - drop, a.ndim)),
        meta=np.empty((0,) * (a.ndim - drop), dtype),
        **options,
    )


def inv(a, assume="auto", on_singular="raise", precision=None, out=None):
    options = {"assume": assume, "on_singular": on_singular, "precision": precision}
    return _map(_ainv.inv, _matrices(a, out), **options)


def inv_ex(a, check_errors=False, assume="auto", precision=None, out=None):
    a = _matrices(a, out)
    options = {"check_errors": check_errors, "assume": assume, "precision": precision}
    # The chunks of `pairs` are tuples; each of the two results takes its part of them.
    pairs = _map(_ainv.inv_ex, a, np.int32, drop=2, **options)
    last = [a.ndim - 2, a.ndim - 1]
    x = pairs.map_blocks(
        itemgetter(0), new_axis=last, chunks=a.chunks, meta=_map(_ainv.inv, a)._meta
    )
    return InvExResult(x, pairs.map_blocks(itemgetter(1), meta=pairs._meta))


def pinv(a, rtol=None, hermitian=False, atol=None, on_singular="raise", precision=None, out=None):
    a = _matrices(a, out, square=hermitian)
    if np.ndim(rtol) or np.ndim(atol):
        raise TypeError("dask arrays take one rtol and one atol for all matrices")
    options = {
        "rtol": rtol,
        "atol": atol,
        "hermitian": hermitian,
        "on_singular": on_singular,
        "precision": precision,
    }
    chunks = (*a.chunks[:-2], a.chunks[-1], a.chunks[-2])
    return _map(_ainv.pinv, a, chunks=chunks, **options)


def cholesky_inv(L, upper=False, on_singular="raise", precision=None, out=None):
    options = {"upper": upper, "on_singular": on_singular, "precision": precision}
    return _map(_ainv.cholesky_inv, _matrices(L, out), **options)


def tri_inv(a, upper=False, unit_diagonal=False, on_singular="raise", precision=None, out=None):
    options = {
        "upper": upper,
        "unit_diagonal": unit_diagonal,
        "on_singular": on_singular,
        "precision": precision,
    }
    return _map(_ainv.tri_inv, _matrices(a, out), **options)


def cholesky(a, upper=False, on_singular="raise", precision=None, out=None):
    options = {"upper": upper, "on_singular": on_singular, "precision": precision}
    return _map(_ainv.cholesky, _matrices(a, out), **options)


def _solve_chunk(a, b, **options):
    """The solutions of one chunk, whose place is not known here."""
    try:
        return _ainv.solve(a, b, **options)
    except LinAlgError as error:
        within = LinAlgError(f"in a chunk, counted from its first matrix: {error}")
        within.batch_index = None
        within.diagonal, within.rcond = error.diagonal, error.rcond
        raise within from None


def solve(a, b, assume="auto", on_singular="raise", precision=None, out=None):
    a, b = _matrices(a, out), da.asarray(b)
    if b.ndim == 0:
        raise LinAlgError("b must have at least one dimension")
    vector = b.ndim == 1
    b = b[:, None] if vector else b
    if b.shape[-2] != a.shape[-1]:
        raise ValueError(
            f"b has {b.shape[-2]} rows, a is a stack of matrices of order {a.shape[-1]}"
        )
    dtype = _ainv.solve(np.empty((0, 1, 1), a.dtype), np.empty((0, 1, 1), b.dtype)).dtype
    # Axes are numbered from the end; the rows of x are those of a, which meet one whole column.
    axes = max(a.ndim, b.ndim) - 2
    rows, columns, right = axes, axes + 1, axes + 2
    x = da.blockwise(
        _solve_chunk,
        (*range(axes), rows, right),
        a,
        (*range(axes - a.ndim + 2, axes), rows, columns),
        b.rechunk({-2: -1}),
        (*range(axes - b.ndim + 2, axes), rows, right),
        assume=assume,
        on_singular=on_singular,
        precision=precision,
        concatenate=True,
        meta=np.empty((0,) * (axes + 2), dtype),
    )
    return x[..., 0] if vector else x


def rcond(a, p=None, assume="auto"):
    a = _matrices(a)
    dtype = _ainv.rcond(np.empty((0, 1, 1), a.dtype)).dtype
    options = {"p": 1 if p is None else p, "assume": assume}
    return _map(_ainv.rcond, a, dtype, drop=2, **options)
