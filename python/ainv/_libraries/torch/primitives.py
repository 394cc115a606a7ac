"""What torch has to know of each of our functions: its value, its shape, its derivatives.

A `Primitive` is that knowledge. `function` makes of it what eager torch and torch.func
differentiate, in both modes and again, and map over; `operator` makes what torch.compile and
torch.export see, and what serves tensors that have a shape and no memory. `run` chooses.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from ainv import _ainv
from ainv._libraries import derivatives as d
from ainv._libraries.torch import gpu


class LinAlgError(_ainv.LinAlgError, torch.linalg.LinAlgError):
    """ainv's error, and torch's too."""

    @classmethod
    def of(cls, error):
        """The same error in this class."""
        same = cls(*error.args)
        vars(same).update(vars(error))
        return same


class Primitive(NamedTuple):
    """One of our functions, of tensors of the four scalars."""

    arguments: str
    """Types and names, as in the schema of a torch operator; tensors come first."""
    axes: tuple
    """For each tensor, how many of its last axes are not the stack's."""
    shape: Callable
    """A result without values, from the arguments."""
    jvp: Callable | None = None
    """The tangent, from the arguments, the result and the tangents of the tensors."""
    vjp: Callable | None = None
    """The gradients of the tensors, from the arguments, the result and its gradient."""
    value: Callable | None = None
    """The result, from NumPy arrays; None: the extension's function of that name."""


def run(name, *arguments):
    """The result of a primitive, known to whatever watches."""
    if torch.compiler.is_compiling():
        return OPERATORS[name](*arguments)
    transformed = torch._C._are_functorch_transforms_active()
    watched = torch._C._len_torch_dispatch_stack() and not transformed
    tensors = arguments[: len(PRIMITIVES[name].axes)]
    differentiated = torch.autograd.forward_ad._current_level >= 0 or (
        torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    )
    if not watched and (transformed or differentiated):
        return function(name)(*arguments)
    return value(name, *arguments)


def value(name, *arguments):
    """The result alone. Tensors without memory, or watched by a mode, go to the operator."""
    k = len(PRIMITIVES[name].axes)
    if torch._C._len_torch_dispatch_stack():
        return operator(name)(*arguments)
    if gpu.has(arguments[0]):
        return _compute_there(name, arguments[:k], arguments[k:])
    try:
        arrays = [_memory(t) for t in arguments[:k]]
    except (RuntimeError, TypeError):
        return operator(name)(*arguments)
    return _compute(name, arrays, arguments[k:])


def _memory(t):
    """The NumPy view of a tensor without its graph and its lazy bits."""
    return None if t is None else t.detach().resolve_conj().resolve_neg().numpy()


def _compute(name, arrays, options):
    primitive = PRIMITIVES[name]
    names = [argument.split()[1] for argument in primitive.arguments.split(", ")]
    call = primitive.value or getattr(_ainv, name)
    try:
        x = call(**dict(zip(names, (*arrays, *options), strict=True)))
    except _ainv.LinAlgError as error:
        raise LinAlgError.of(error) from None
    if isinstance(x, tuple):
        return tuple(torch.from_numpy(np.asarray(part)) for part in x)
    return torch.from_numpy(np.asarray(x))


def _compute_there(name, tensors, options):
    """The same in the GPU's memory."""
    primitive = PRIMITIVES[name]
    names = [argument.split()[1] for argument in primitive.arguments.split(", ")]
    if primitive.value:
        return gpu.structured(name, tensors[0].detach())
    arguments = dict(zip(names, (*tensors, *options), strict=True))
    try:
        x = gpu.compute(name, arguments)
    except _ainv.LinAlgError as error:
        raise LinAlgError.of(error) from None
    return tuple(x) if isinstance(x, tuple) else x


def _rules(name, apply):
    """What both kinds of differentiable functions are made of; `apply` calls the one at hand."""
    primitive = PRIMITIVES[name]
    k = len(primitive.axes)

    def rule(which):
        if which is None:
            raise NotImplementedError(f"{name} has no derivative: give it the tensor's detach()")
        return which

    def setup_context(ctx, inputs, output):
        x, *others = output if isinstance(output, tuple) else (output,)
        ctx.mark_non_differentiable(*others)
        ctx.save_for_backward(*inputs[:k], x)
        ctx.save_for_forward(*inputs[:k], x)
        ctx.options = inputs[k:]

    def backward(ctx, g, *_):
        *tensors, x = ctx.saved_tensors
        gradients = rule(primitive.vjp)((*tensors, *ctx.options), x, g)
        return (*gradients, *[None] * (k + len(ctx.options) - len(gradients)))

    def jvp(ctx, *tangents):
        *tensors, x = ctx.saved_tensors
        tangents = [
            torch.zeros_like(t) if dt is None and t is not None else dt
            for t, dt in zip(tensors, tangents, strict=False)
        ]
        return rule(primitive.jvp)((*tensors, *ctx.options), x, tangents)

    def vmap(info, in_dims, *arguments):
        # The mapped axis becomes the first of the stack.
        tensors, options = arguments[:k], arguments[k:]
        known = list(zip(tensors, in_dims, primitive.axes, strict=False))
        lead = max(t.dim() - (dim is not None) - n for t, dim, n in known if t is not None)
        moved = []
        for t, dim, n in known:
            if dim is not None:
                t = t.movedim(dim, 0)
                t = t[(slice(None), *[None] * (lead + 1 + n - t.dim()))]
            elif not moved:
                t = t.expand(info.batch_size, *[1] * (lead + n - t.dim()), *t.shape)
            moved.append(t)
        x = apply(*moved, *options)
        return x, (0, 0) if isinstance(x, tuple) else 0

    return setup_context, backward, jvp, vmap


@cache
def function(name):
    """What `torch.autograd.Function` makes of a primitive."""

    def apply(*arguments):
        return rule.apply(*arguments)

    members = dict(zip(("setup_context", "backward", "jvp", "vmap"), _rules(name, apply)))
    members["forward"] = lambda *arguments: value(name, *arguments)
    rule = type(
        name, (torch.autograd.Function,), {key: staticmethod(f) for key, f in members.items()}
    )
    return apply


@cache
def operator(name):
    """``torch.ops.ainv.<name>``."""
    primitive = PRIMITIVES[name]
    k = len(primitive.axes)

    def compute(*arguments):
        if gpu.has(arguments[0]):
            return _compute_there(name, arguments[:k], arguments[k:])
        return _compute(name, [_memory(t) for t in arguments[:k]], arguments[k:])

    result = "(Tensor, Tensor)" if name == "inv_ex" else "Tensor"
    schema = f"({primitive.arguments}) -> {result}"
    op = torch.library.custom_op(f"ainv::{name}", compute, mutates_args=(), schema=schema)
    op.register_fake(primitive.shape)
    setup_context, backward, _, vmap = _rules(name, op)
    op.register_autograd(backward, setup_context=setup_context)
    op.register_vmap(vmap)
    return op


def _square(a, *_):
    if a.dim() < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(
            "Last 2 dimensions of the array must be square: A must be batches of square matrices, "
            f"but the shape is {tuple(a.shape)}"
        )
    return a.new_empty(a.shape)


def _inv_ex_shape(a, *_):
    return _square(a), a.new_empty(a.shape[:-2], dtype=torch.int32)


def _pinv_shape(a, *_):
    if a.dim() < 2:
        raise LinAlgError(
            f"{a.dim()}-dimensional array given. Array must be at least two-dimensional"
        )
    return a.new_empty((*a.shape[:-2], a.shape[-1], a.shape[-2]))


def _solve_shape(a, b, *_):
    _square(a)
    lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return b.new_empty((*lead, a.shape[-1], b.shape[-1]))


def _rcond_shape(a, *_):
    return _square(a).new_empty(a.shape[:-2], dtype=a.dtype.to_real())


def _half(a):
    """The lower triangle, and half of the diagonal."""
    return a.tril() - torch.diag_embed(a.diagonal(dim1=-2, dim2=-1)) / 2


def _cholesky_jvp(arguments, x, tangents):
    _, upper, *options = arguments
    l = d.adjoint(x) if upper else x
    dx = d.cholesky_jvp(l, run("tri_inv", l, False, False, *options), tangents[0], _half)
    return d.adjoint(dx) if upper else dx


def _cholesky_vjp(arguments, x, g):
    _, upper, *options = arguments
    l, g = (d.adjoint(x), d.adjoint(g)) if upper else (x, g)
    return (d.cholesky_vjp(l, run("tri_inv", l, False, False, *options), g, _half),)


def _cholesky_inv_jvp(arguments, x, tangents):
    l, dl = arguments[0], tangents[0]
    return d.cholesky_inv_jvp(*map(d.adjoint, (l, x, dl)) if arguments[1] else (l, x, dl))


def _cholesky_inv_vjp(arguments, x, g):
    if arguments[1]:
        return (d.adjoint(d.cholesky_inv_vjp(d.adjoint(arguments[0]), x, g)),)
    return (d.cholesky_inv_vjp(arguments[0], x, g),)


def _solve_jvp(arguments, x, tangents):
    a, _, *options = arguments
    da, db = tangents
    return run("solve", a, db - da @ x, *options)


def _solve_vjp(arguments, x, g):
    a, b, assume, _, precision = arguments
    gb = run("solve", d.adjoint(a), g, d.adjoint_structure(assume), "nan", precision)
    return (-gb @ d.adjoint(x)).sum_to_size(a.shape), gb.sum_to_size(b.shape)


def _pinv_jvp(arguments, x, tangents):
    return d.pinv_jvp(_whole(arguments), x, tangents[0])


def _pinv_vjp(arguments, x, g):
    return (d.pinv_vjp(_whole(arguments), x, g),)


def _whole(arguments):
    """The matrix: if it is Hermitian, without what its diagonal may have of an imaginary part."""
    a, _, _, hermitian, *_ = arguments
    return d.hermitian(a) if hermitian else a


# A triangle completed; what is wrong with its diagonal is for the function that reads it.


def _as_hermitian(a):
    return np.tril(a) + np.tril(a, -1).swapaxes(-1, -2).conj()


def _as_symmetric(a):
    return np.tril(a) + np.tril(a, -1).swapaxes(-1, -2)


# What is passed to an inverse was read already: the formulas are those of all entries.
_INV = dict(
    axes=(2,),
    shape=_square,
    jvp=lambda arguments, x, tangents: d.inv_jvp(x, tangents[0]),
    vjp=lambda arguments, x, g: (d.inv_vjp(x, g),),
)
PRIMITIVES = {
    "inv": Primitive(
        "Tensor a, str assume, str on_singular, str precision",
        **_INV
        | dict(
            jvp=lambda arguments, x, tangents: d.inverse_jvp(
                arguments[0], x, tangents[0], arguments[2]
            ),
            vjp=lambda arguments, x, g: (d.inverse_vjp(arguments[0], x, g, arguments[2]),),
        ),
    ),
    "tri_inv": Primitive(
        "Tensor a, bool upper, bool unit_diagonal, str on_singular, str precision", **_INV
    ),
    "inv_ex": Primitive(
        "Tensor a, bool check_errors, str assume, str precision",
        **_INV
        | dict(
            shape=_inv_ex_shape,
            jvp=lambda arguments, x, tangents: (d.inv_jvp(x, tangents[0]), None),
        ),
    ),
    "pinv": Primitive(
        "Tensor a, Tensor? rtol, Tensor? atol, bool hermitian, str on_singular, str precision",
        axes=(2, 0, 0),
        shape=_pinv_shape,
        jvp=_pinv_jvp,
        vjp=_pinv_vjp,
    ),
    "cholesky_inv": Primitive(
        "Tensor L, bool upper, str on_singular, str precision",
        axes=(2,),
        shape=_square,
        jvp=_cholesky_inv_jvp,
        vjp=_cholesky_inv_vjp,
    ),
    "cholesky": Primitive(
        "Tensor a, bool upper, str on_singular, str precision",
        axes=(2,),
        shape=_square,
        jvp=_cholesky_jvp,
        vjp=_cholesky_vjp,
    ),
    "solve": Primitive(
        "Tensor a, Tensor b, str assume, str on_singular, str precision",
        axes=(2, 2),
        shape=_solve_shape,
        jvp=_solve_jvp,
        vjp=_solve_vjp,
    ),
    "rcond": Primitive("Tensor a, float p, str assume", axes=(2,), shape=_rcond_shape),
    "as_hermitian": Primitive(
        "Tensor a",
        axes=(2,),
        shape=_square,
        jvp=lambda arguments, x, tangents: d.hermitian(tangents[0]),
        vjp=lambda arguments, x, g: (d.hermitian(g),),
        value=_as_hermitian,
    ),
    "as_symmetric": Primitive(
        "Tensor a",
        axes=(2,),
        shape=_square,
        jvp=lambda arguments, x, tangents: d.symmetric(tangents[0]),
        vjp=lambda arguments, x, g: (d.symmetric(g),),
        value=_as_symmetric,
    ),
}

# All operators, once a compiler is there: it cannot make them while it traces.
OPERATORS = {}
