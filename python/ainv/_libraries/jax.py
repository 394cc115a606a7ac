"""JAX: arrays in, arrays out, eager and inside jit, vmap, grad and jvp.

A concrete array is viewed through NumPy. A traced one becomes a callback whose stack takes vmap's
axis, with tangent rules that are linear, so that JAX makes the other mode and the higher orders of
them. Single precision is computed in single, as JAX does.

Inside `jit` a singular matrix raises when the callback runs, and JAX makes its own
``JaxRuntimeError`` of it, with our text; ``on_singular="nan"`` is JAX's habit.
"""

import math
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from ainv import _ainv
from ainv._ainv import InvExResult, LinAlgError
from ainv._libraries import derivatives as d
from ainv._libraries import dlpack

ARRAYS = (jax.Array, jax.core.Tracer)
# Single precision is computed in single where nothing is said.
NATIVE = True

# Bytes from which on a copy costs more than the way around it.
_LARGE = 1 << 16


def _is_traced(*arrays):
    return any(isinstance(a, jax.core.Tracer) for a in arrays)


def _static(options):
    """Options as JAX keeps them: hashable."""
    return tuple(options.items())


def _on_cpu(a):
    """Refuses arrays elsewhere. A traced one has no device yet: judged by the default one."""
    if _is_traced(a):
        device = jax.config.jax_default_device or jax.devices()[0]
    else:
        device = next(iter(a.devices()))
    platform = getattr(device, "platform", device)
    if platform != "cpu":
        raise RuntimeError(
            f"the array is on a device of platform {platform}, for which this version of ainv has "
            "no back-end: jax.device_put(a, jax.devices('cpu')[0]) takes it to the CPU"
        )


def _matrices(a, out=None, square=True):
    """The array in a scalar that has an inverse here, if it is one of matrices on the CPU."""
    if out is not None:
        raise TypeError("JAX arrays are not written to: leave out= away")
    a = a if isinstance(a, ARRAYS) else jnp.asarray(a)
    _on_cpu(a)
    if a.ndim < 2 or (square and a.shape[-1] != a.shape[-2]):
        what = "square: A must be batches of square matrices" if square else "those of matrices"
        raise LinAlgError(
            f"Last 2 dimensions of the array must be {what}, but the shape is {a.shape}"
        )
    return a.astype(jax.dtypes.canonicalize_dtype(float)) if a.dtype.kind in "biu" else a


def _lies_on_cuda(a):
    return isinstance(a, jax.Array) and not _is_traced(a) and dlpack.on_cuda(a)


def _call(function, a, out, **options):
    """The extension's function of a concrete array."""
    if _lies_on_cuda(a):
        return dlpack.call_on_cuda(function, (a,), options | {"out": out})
    a = _matrices(a, out, square=function is not _ainv.pinv or options["hermitian"])
    if function is _ainv.inv_ex:
        return InvExResult(*(_given(part, a) for part in function(np.asarray(a), **options)))
    if function is not _ainv.rcond:
        options["out"] = _place((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    return _given(function(np.asarray(a), **options), a)


def _place(shape, dtype):
    """Memory for a large result that JAX can keep: it copies what is not at multiples of 64."""
    size = math.prod(shape) * dtype.itemsize
    if size < _LARGE or dtype.kind not in "fc" or dtype.itemsize < 4:
        return None
    memory = np.empty(size + 64, np.uint8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def _given(x, a):
    """A result as an array where `a` is."""
    if a.committed and len(a.devices()) == 1:
        return jax.device_put(x, *a.devices())
    # The one keeps memory that it can, the other has less to do for a small array.
    return jax.device_put(x) if x.nbytes >= _LARGE else jnp.asarray(x)


@lru_cache(maxsize=256)
def _host(function, options):
    """What JAX calls back: one and the same object for the same work, or JAX would compile anew."""

    def call(*arrays):
        x = function(*jax.tree.map(np.asarray, arrays), **dict(options))
        return tuple(map(np.asarray, x if isinstance(x, tuple) else (x,)))

    return call


def _callback(function, results, *arrays, **options):
    """A call of the extension's function when the arrays are known; results: (shape, dtype)s."""
    shapes = tuple(jax.ShapeDtypeStruct(*result) for result in results)
    call = _host(function, _static(options))
    return jax.pure_callback(call, shapes, *arrays, vmap_method="broadcast_all")


# What a structure reads of a matrix. A Hermitian matrix has Hermitian tangents and gradients.


@jax.custom_jvp
def _as_hermitian(a):
    return jnp.tril(a) + d.adjoint(jnp.tril(a, -1))


@jax.custom_jvp
def _as_symmetric(a):
    return jnp.tril(a) + jnp.tril(a, -1).mT


_as_hermitian.defjvp(lambda a, da: (_as_hermitian(*a), d.hermitian(*da)))
_as_symmetric.defjvp(lambda a, da: (_as_symmetric(*a), d.symmetric(*da)))


def _read(a, name):
    name = d.structure(name)
    if name == "lower":
        return jnp.tril(a)
    if name == "upper":
        return jnp.triu(a)
    if name == "diagonal":
        return a * jnp.eye(a.shape[-1], dtype=a.dtype)
    if name == "symmetric":
        return _as_symmetric(a)
    if name in ("hermitian", "posdef"):
        return _as_hermitian(a)
    return a


def _half(a):
    """The lower triangle, and half of the diagonal."""
    return jnp.tril(a) - a * jnp.eye(a.shape[-1], dtype=a.dtype) / 2


# The traced functions: of what was read, with the options as a tuple of pairs.


@partial(jax.custom_jvp, nondiff_argnums=(0, 2))
def _inverse(function, a, options):
    """`inv` or `tri_inv`."""
    return _callback(function, [(a.shape, a.dtype)], a, **dict(options))[0]


@_inverse.defjvp
def _(function, options, a, da):
    x = _inverse(function, *a, options)
    return x, d.inverse_jvp(*a, x, *da, dict(options).get("on_singular"))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _inverse_and_info(a, options):
    results = [(a.shape, a.dtype), (a.shape[:-2], np.int32)]
    return tuple(_callback(_ainv.inv_ex, results, a, **dict(options)))


@_inverse_and_info.defjvp
def _(options, a, da):
    x, info = _inverse_and_info(*a, options)
    return (x, info), (d.inv_jvp(x, *da), np.zeros(info.shape, jax.dtypes.float0))


def _pinv(a, tolerances, **options):
    return _ainv.pinv(a, **tolerances, **options)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _pseudo_inverse(a, tolerances, options):
    shape = (*a.shape[:-2], a.shape[-1], a.shape[-2])
    return _callback(_pinv, [(shape, a.dtype)], a, tolerances, **dict(options))[0]


@_pseudo_inverse.defjvp
def _(options, primals, tangents):
    x, a = _pseudo_inverse(*primals, options), primals[0]
    # A Hermitian matrix counts without what its diagonal may have of an imaginary part.
    a = d.hermitian(a) if dict(options)["hermitian"] else a
    return x, d.pinv_jvp(a, x, tangents[0])


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _inverse_of_factor(l, options):
    return _callback(_ainv.cholesky_inv, [(l.shape, l.dtype)], l, **dict(options))[0]


@_inverse_of_factor.defjvp
def _(options, l, dl):
    x = _inverse_of_factor(*l, options)
    return x, d.cholesky_inv_jvp(*l, x, *dl)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _factor(a, options):
    return _callback(_ainv.cholesky, [(a.shape, a.dtype)], a, **dict(options))[0]


@_factor.defjvp
def _(options, a, da):
    l = _factor(*a, options)
    return l, d.cholesky_jvp(l, _inverse(_ainv.tri_inv, l, options), *da, _half)


def _solution(a, b, options):
    return _callback(_ainv.solve, [(b.shape, b.dtype)], a, b, **dict(options))[0]


# Our functions.


def inv(a, assume="auto", on_singular="raise", precision=None, out=None):
    options = {"assume": assume, "on_singular": on_singular, "precision": precision or "native"}
    if not _is_traced(a):
        return _call(_ainv.inv, a, out, **options)
    return _inverse(_ainv.inv, _read(_matrices(a, out), assume), _static(options))


def inv_ex(a, check_errors=False, assume="auto", precision=None, out=None):
    options = {"check_errors": check_errors, "assume": assume, "precision": precision or "native"}
    if not _is_traced(a):
        return _call(_ainv.inv_ex, a, out, **options)
    return InvExResult(*_inverse_and_info(_read(_matrices(a, out), assume), _static(options)))


def pinv(a, rtol=None, hermitian=False, atol=None, on_singular="raise", precision=None, out=None):
    options = {
        "hermitian": hermitian,
        "on_singular": on_singular,
        "precision": precision or "native",
    }
    if not _is_traced(a, rtol, atol):
        return _call(_ainv.pinv, a, out, rtol=rtol, atol=atol, **options)
    a = _matrices(a, out, square=hermitian)
    a = _read(a, "hermitian") if hermitian else a
    tolerances = {
        name: None if t is None else jnp.broadcast_to(jnp.asarray(t), a.shape[:-2])
        for name, t in (("rtol", rtol), ("atol", atol))
    }
    return _pseudo_inverse(a, tolerances, _static(options))


def cholesky_inv(L, upper=False, on_singular="raise", precision=None, out=None):
    options = {"on_singular": on_singular, "precision": precision or "native"}
    if not _is_traced(L):
        return _call(_ainv.cholesky_inv, L, out, upper=upper, **options)
    l = _matrices(L, out)
    return _inverse_of_factor(jnp.tril(d.adjoint(l) if upper else l), _static(options))


def tri_inv(a, upper=False, unit_diagonal=False, on_singular="raise", precision=None, out=None):
    options = {
        "upper": upper,
        "unit_diagonal": unit_diagonal,
        "on_singular": on_singular,
        "precision": precision or "native",
    }
    if not _is_traced(a):
        return _call(_ainv.tri_inv, a, out, **options)
    a = _matrices(a, out)
    k = int(unit_diagonal)
    return _inverse(_ainv.tri_inv, jnp.triu(a, k) if upper else jnp.tril(a, -k), _static(options))


def cholesky(a, upper=False, on_singular="raise", precision=None, out=None):
    options = {"on_singular": on_singular, "precision": precision or "native"}
    if not _is_traced(a):
        return _call(_ainv.cholesky, a, out, upper=upper, **options)
    # The upper triangle of A is the lower one of A^H, and its factor that one's adjoint.
    a = _matrices(a, out)
    l = _factor(_as_hermitian(d.adjoint(a) if upper else a), _static(options))
    return d.adjoint(l) if upper else l


def solve(a, b, assume="auto", on_singular="raise", precision=None, out=None):
    options = {"on_singular": on_singular, "precision": precision or "native"}
    if _lies_on_cuda(a) and not _is_traced(b):
        b = jnp.asarray(b)
        dtype = jnp.promote_types(a.dtype, b.dtype)
        systems = a.astype(dtype), b.astype(dtype)
        return dlpack.call_on_cuda(_ainv.solve, systems, options | {"assume": assume, "out": out})
    a, b = _matrices(a, out), jnp.asarray(b)
    _on_cpu(b)
    if not _is_traced(a, b):
        b = b.astype(jnp.promote_types(b.dtype, a.dtype))
        x = _ainv.solve(np.asarray(a), np.asarray(b), assume=assume, **options)
        return _given(x, a)
    dtype = jnp.promote_types(a.dtype, b.dtype)
    if b.ndim == 0:
        raise LinAlgError("b must have at least one dimension")
    vector = b.ndim == 1
    b = b[:, None] if vector else b
    if b.shape[-2] != a.shape[-1]:
        raise ValueError(
            f"b has {b.shape[-2]} rows, a is a stack of matrices of order {a.shape[-1]}"
        )
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    assume = d.structure(assume)
    a = _read(jnp.broadcast_to(a, (*batch, *a.shape[-2:])).astype(dtype), assume)
    b = jnp.broadcast_to(b, (*batch, *b.shape[-2:])).astype(dtype)
    forward = _static(options | {"assume": assume})
    backward = _static(options | {"assume": d.adjoint_structure(assume), "on_singular": "nan"})
    x = jax.lax.custom_linear_solve(
        lambda x: a @ x,
        b,
        solve=lambda _, b: _solution(a, b, forward),
        transpose_solve=lambda _, b: _solution(a.mT, b, backward),
    )
    return x[..., 0] if vector else x


def rcond(a, p=None, assume="auto"):
    options = {"p": 1 if p is None else p, "assume": assume}
    if not _is_traced(a):
        return _call(_ainv.rcond, a, None, **options)
    return _condition(_matrices(a), _static(options))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _condition(a, options):
    return _callback(_ainv.rcond, [(a.shape[:-2], a.real.dtype)], a, **dict(options))[0]


@_condition.defjvp
def _(options, a, da):
    raise NotImplementedError("rcond has no derivative: give it jax.lax.stop_gradient(a)")
