"""MLX: arrays in, arrays out, on the CPU, and inside mx.grad, mx.vjp and mx.jvp.

An array is evaluated and viewed where it lies; the result is a new `mx.array`, whose memory is
MLX's own. MLX does not tell a function whether its call is being differentiated, so every call
carries its rules. Inside mx.compile and mx.vmap there are no values, and a call is an error.
Single precision is computed in single, as MLX does.
"""

import mlx.core as mx
import numpy as np

from ainv import _ainv
from ainv._ainv import InvExResult
from ainv._libraries import derivatives as d

ARRAYS = (mx.array,)
# Single precision is computed in single where nothing is said.
NATIVE = True

_SCALARS = (mx.float32, mx.float64, mx.complex64, mx.float16)


def memory(a):
    """The NumPy view of an array."""
    if a.dtype == mx.bfloat16:
        a = a.astype(mx.float32)
    elif a.dtype not in _SCALARS:
        raise TypeError(
            f"arrays of {a.dtype} have no inverse here: float16, bfloat16, float32, float64 and "
            "complex64 are taken"
        )
    try:
        return np.asarray(a)
    except ValueError as error:
        raise RuntimeError(
            "inside mx.compile and mx.vmap an array has no values to compute with: call ainv "
            "outside; a stack of matrices needs no vmap"
        ) from error


def _array(x, dtype):
    """A new array of what was computed."""
    return mx.array(np.asarray(x), dtype=dtype)


def _refuse(out):
    if out is not None:
        raise TypeError("MLX arrays are not written to: leave out= away")


def _run(value, jvp, vjp, *arrays):
    """The value for these arrays, and what its derivatives are.

    jvp(arrays, result, tangents) gives the tangent, vjp(arrays, result, gradient) the gradients.
    """
    function = mx.custom_function(value)
    # MLX passes a single array without a tuple around it.
    many = (lambda x: tuple(x)) if len(arrays) > 1 else (lambda x: (x,))

    @function.vjp
    def _(primals, g, x):
        gradients = vjp(many(primals), x, g)
        return gradients if len(arrays) > 1 else gradients[0]

    @function.jvp
    def _(primals, tangents):
        primals = many(primals)
        return jvp(primals, function(*primals), many(tangents))

    return function(*arrays)


# What a structure reads of a matrix, and the same part of a tangent or a gradient. Hermitian
# matrices have Hermitian ones.
_READ = {
    "lower": mx.tril,
    "upper": mx.triu,
    "diagonal": lambda a: mx.where(mx.eye(a.shape[-1]) != 0, a, 0),
    "symmetric": lambda a: _as_symmetric(a),
    "hermitian": lambda a: _as_hermitian(a),
    "posdef": lambda a: _as_hermitian(a),
}
_PART = _READ | {"symmetric": d.symmetric, "hermitian": d.hermitian, "posdef": d.hermitian}


def _as_hermitian(a):
    def value(a):
        return mx.tril(a) + d.adjoint(mx.tril(a, -1))

    return _run(value, lambda a, x, t: d.hermitian(*t), lambda a, x, g: (d.hermitian(g),), a)


def _as_symmetric(a):
    def value(a):
        return mx.tril(a) + mx.tril(a, -1).mT

    return _run(value, lambda a, x, t: d.symmetric(*t), lambda a, x, g: (d.symmetric(g),), a)


def _all(a):
    return a


def _inverse(function, a, part, options):
    """`inv` or `tri_inv`, which read a part."""
    return _run(
        lambda a: _array(function(memory(a), **options), a.dtype),
        lambda a, x, t: d.inverse_jvp(part(*a), x, part(*t), options.get("on_singular")),
        lambda a, x, g: (part(d.inverse_vjp(part(*a), x, g, options.get("on_singular"))),),
        a,
    )


def inv(a, assume="auto", on_singular="raise", precision=None, out=None):
    _refuse(out)
    options = {"assume": assume, "on_singular": on_singular, "precision": precision or "native"}
    return _inverse(_ainv.inv, a, _PART.get(d.structure(assume), _all), options)


def inv_ex(a, check_errors=False, assume="auto", precision=None, out=None):
    _refuse(out)
    options = {"check_errors": check_errors, "assume": assume, "precision": precision or "native"}
    infos = []

    def inverse(array, **options):
        x, info = _ainv.inv_ex(array, **options)
        infos.append(info)
        return x

    x = _inverse(inverse, a, _PART.get(d.structure(assume), _all), options)
    return InvExResult(x, _array(infos[0], mx.int32))


def tri_inv(a, upper=False, unit_diagonal=False, on_singular="raise", precision=None, out=None):
    _refuse(out)
    options = {
        "upper": upper,
        "unit_diagonal": unit_diagonal,
        "on_singular": on_singular,
        "precision": precision or "native",
    }
    k = int(unit_diagonal)
    part = (lambda a: mx.triu(a, k)) if upper else (lambda a: mx.tril(a, -k))
    return _inverse(_ainv.tri_inv, a, part, options)


def pinv(a, rtol=None, hermitian=False, atol=None, on_singular="raise", precision=None, out=None):
    _refuse(out)
    rtol, atol = (np.asarray(t) if isinstance(t, mx.array) else t for t in (rtol, atol))
    if rtol is None and a.dtype == mx.bfloat16:
        rtol = max(a.shape[-2:]) * 2.0**-7
        rtol = rtol if atol is None else np.where(np.asarray(atol) > 0, 0.0, rtol)
    options = {
        "rtol": rtol,
        "atol": atol,
        "hermitian": hermitian,
        "on_singular": on_singular,
        "precision": precision or "native",
    }
    # A Hermitian matrix counts without what its diagonal may have of an imaginary part.
    read = (lambda a: d.hermitian(_as_hermitian(a))) if hermitian else _all
    part = d.hermitian if hermitian else _all
    return _run(
        lambda a: _array(_ainv.pinv(memory(a), **options), a.dtype),
        lambda a, x, t: d.pinv_jvp(read(*a), x, part(*t)),
        lambda a, x, g: (part(d.pinv_vjp(read(*a), x, g)),),
        a,
    )


def cholesky_inv(L, upper=False, on_singular="raise", precision=None, out=None):
    _refuse(out)
    options = {"on_singular": on_singular, "precision": precision or "native"}
    # What is written for lower factors is said of the adjoint of an upper one.
    part, turn = (mx.triu, d.adjoint) if upper else (mx.tril, _all)

    def jvp(arrays, x, tangents):
        return d.cholesky_inv_jvp(turn(part(*arrays)), x, turn(part(*tangents)))

    def vjp(arrays, x, g):
        return (part(turn(d.cholesky_inv_vjp(turn(part(*arrays)), x, g))),)

    return _run(
        lambda l: _array(_ainv.cholesky_inv(memory(l), upper, **options), l.dtype), jvp, vjp, L
    )


def cholesky(a, upper=False, on_singular="raise", precision=None, out=None):
    _refuse(out)
    options = {"on_singular": on_singular, "precision": precision or "native"}
    turn = d.adjoint if upper else _all

    def half(a):
        return (mx.tril(a) + mx.tril(a, -1)) / 2

    def jvp(arrays, x, tangents):
        l = turn(x)
        return turn(d.cholesky_jvp(l, tri_inv(l, **options), d.hermitian(*tangents), half))

    def vjp(arrays, x, g):
        l = turn(x)
        return (d.hermitian(d.cholesky_vjp(l, tri_inv(l, **options), turn(g), half)),)

    return _run(
        lambda a: _array(_ainv.cholesky(memory(a), upper, **options), a.dtype), jvp, vjp, a
    )


def solve(a, b, assume="auto", on_singular="raise", precision=None, out=None):
    _refuse(out)
    a, b = (t if isinstance(t, mx.array) else mx.array(t) for t in (a, b))
    vector = b.ndim == 1
    b = b[:, None] if vector else b
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = mx.broadcast_to(a, (*lead, *a.shape[-2:]))
    b = mx.broadcast_to(b, (*lead, *b.shape[-2:]))
    dtype = (mx.zeros((), a.dtype) + mx.zeros((), b.dtype)).dtype
    assume = d.structure(assume)
    x = _solution(a.astype(dtype), b.astype(dtype), assume, on_singular, precision or "native")
    return x[..., 0] if vector else x


def _solution(a, b, assume, on_singular, precision):
    options = {"assume": assume, "on_singular": on_singular, "precision": precision}
    read, part = _READ.get(assume, _all), _PART.get(assume, _all)

    def value(a, b):
        return _array(_ainv.solve(memory(a), memory(b), **options), b.dtype)

    def jvp(arrays, x, tangents):
        da, db = tangents
        return _solution(arrays[0], db - part(da) @ x, assume, on_singular, precision)

    def vjp(arrays, x, g):
        adjoint = d.adjoint(read(arrays[0]))
        gb = _solution(adjoint, g, d.adjoint_structure(assume), "nan", precision)
        return -part(gb @ d.adjoint(x)), gb

    return _run(value, jvp, vjp, a, b)


def rcond(a, p=None, assume="auto"):
    def refuse(*_):
        raise NotImplementedError("rcond has no derivative: give it mx.stop_gradient(a)")

    def value(a):
        x = _ainv.rcond(memory(a), p=1 if p is None else p, assume=assume)
        return _array(x, mx.float32 if a.dtype == mx.complex64 else a.dtype)

    return _run(value, refuse, refuse, a)
