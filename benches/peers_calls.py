"""How each library of Python does a case: the call that a user of it would write.

A maker gets a case and its operands and returns the calls that do it; of several the fastest counts. A library
that has no way to do it returns none, or raises when it is first called.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from peers_cases import Array, Case

Call = Callable[[], Any]
Maker = Callable[[Case, Array, Array], list[Call]]


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def last(function: Callable[[Any], Any], case: Case, transpose: str = "transpose") -> Callable[[Any], Any]:
    """For matrices along the first axes, which the library wants along the last: its views, there and back."""
    if not case.components:
        return function
    return lambda a: getattr(function(getattr(a, transpose)(2, 0, 1)), transpose)(1, 2, 0)


def ours(case: Case, a: Array, b: Array) -> list[Call]:
    import ainv

    p: Any = case.precision
    out = None if case.fresh else np.zeros_like(a)
    axes = (0, 1) if case.components else None

    def gptq() -> Array:
        lower = ainv.cholesky(a, precision=p)
        return ainv.cholesky(ainv.cholesky_inv(lower, precision=p), upper=True, precision=p)

    return {
        "inv": [lambda: ainv.inv(a, precision=p, out=out, axes=axes)],
        "hermitian_inv": [lambda: ainv.inv(a, assume="hermitian", precision=p)],
        "posdef_inv": [lambda: ainv.inv(a, assume="posdef", precision=p)],
        "cholesky": [lambda: ainv.cholesky(a, precision=p)],
        "cholesky_inv": [lambda: ainv.cholesky_inv(a, precision=p)],
        "tri_inv": [lambda: ainv.tri_inv(a, precision=p)],
        "solve": [lambda: ainv.solve(a, b, precision=p)],
        "pinv": [lambda: ainv.pinv(a, precision=p)],
        "rcond": [lambda: ainv.rcond(a)],
        "gptq": [gptq],
    }.get(case.op, [])


def copies(case: Case, a: Array, b: Array) -> list[Call]:
    """A copy of the matrices by as many threads as there are cores, each at its own part."""
    threads = min(case.threads or cores(), max(1, a.nbytes // 1_000_000))
    a = a.reshape(-1)
    used, cuts = np.zeros_like(a), [len(a) * i // threads for i in range(threads + 1)]
    if threads == 1:
        return [(lambda: a.copy()) if case.fresh else lambda: np.copyto(used, a)]
    pool = ThreadPoolExecutor(threads)

    def copy() -> None:
        out = np.empty_like(a) if case.fresh else used
        list(pool.map(lambda i: np.copyto(out[cuts[i] : cuts[i + 1]], a[cuts[i] : cuts[i + 1]]), range(threads)))

    return [copy]


def numpys(case: Case, a: Array, b: Array) -> list[Call]:
    inv = last(np.linalg.inv, case)
    # Its default cuts nothing off in single precision; this is what the others cut off.
    cut = max(case.shape) * float(np.finfo(a.dtype).eps)
    return {
        "inv": [lambda: inv(a)],
        "hermitian_inv": [lambda: np.linalg.inv(a)],
        "posdef_inv": [lambda: np.linalg.inv(a)],
        "cholesky": [lambda: np.linalg.cholesky(a)],
        "solve": [lambda: np.linalg.solve(a, b)],
        "pinv": [lambda: np.linalg.pinv(a, rtol=cut)],
        "rcond": [lambda: 1 / np.linalg.cond(a, 1)],
        # The upper factor is the transposed lower one.
        "gptq": [lambda: np.linalg.cholesky(np.linalg.inv(a)).T],
        "product": [lambda: a @ a],
    }.get(case.op, [])


def scipys(case: Case, a: Array, b: Array) -> list[Call]:
    from scipy import linalg

    if case.matrices * case.n > 1_000_000 and case.n > 4:
        # Its stacks are loops in Python from the middle orders on, too slow to wait for.
        return []

    def gptq() -> Any:
        (potri,) = linalg.lapack.get_lapack_funcs(("potri",), (a,))
        x = potri(linalg.cholesky(a, lower=True, check_finite=False), lower=True)[0]
        return linalg.cholesky(x, lower=True, check_finite=False).T

    inv = last(linalg.inv, case)
    calls: dict[str, list[Call]] = {
        "inv": [lambda: inv(a)],
        "hermitian_inv": [lambda: linalg.inv(a), lambda: linalg.inv(a, assume_a="her")],
        "posdef_inv": [lambda: linalg.inv(a), lambda: linalg.inv(a, assume_a="pos")],
        "cholesky": [lambda: linalg.cholesky(a, lower=True)],
        "tri_inv": [lambda: linalg.inv(a, assume_a="lower triangular")],
        "solve": [lambda: linalg.solve(a, b)],
    }
    if not case.count:
        calls |= {"pinv": [lambda: linalg.pinv(a)], "gptq": [gptq]}
        calls["cholesky_inv"] = [lambda: linalg.cho_solve((a, True), np.eye(case.n, dtype=a.dtype))]
    return calls.get(case.op, [])


def torches(case: Case, a_: Array, b_: Array) -> list[Call]:
    import torch

    a, b = torch.from_numpy(a_), torch.from_numpy(b_)
    # Its threaded inverses of stacks of larger matrices can go wrong.
    alone = case.count > 1 and case.n > 150 and case.op != "product"
    torch.set_num_threads(1 if alone else case.threads or cores())
    unit = torch.eye(case.n, dtype=a.dtype)
    linalg, inverse = torch.linalg, torch.cholesky_inverse
    inv = last(linalg.inv, case, "permute")
    definite: list[Call] = [lambda: linalg.inv(a), lambda: inverse(linalg.cholesky(a))]
    return {
        "inv": [lambda: inv(a)],
        "hermitian_inv": definite,
        "posdef_inv": definite,
        "cholesky": [lambda: linalg.cholesky(a)],
        "cholesky_inv": [lambda: inverse(a)],
        "tri_inv": [lambda: linalg.solve_triangular(a, unit, upper=False)],
        "solve": [lambda: linalg.solve(a, b)],
        "pinv": [lambda: linalg.pinv(a)],
        "rcond": [lambda: 1 / linalg.cond(a, 1)],
        "gptq": [lambda: linalg.cholesky(inverse(linalg.cholesky(a)), upper=True)],
        "product": [lambda: a @ a],
    }.get(case.op, [])


def jaxes(case: Case, a_: Array, b_: Array) -> list[Call]:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    numpy, scipy = jax.numpy, jax.scipy.linalg
    a, b = numpy.asarray(a_), numpy.asarray(b_)
    unit = numpy.eye(case.n, dtype=a.dtype)

    def definite(a: Any) -> Any:
        return scipy.cho_solve((numpy.linalg.cholesky(a), True), numpy.broadcast_to(unit, a.shape))

    inv = last(numpy.linalg.inv, case)
    functions: list[Callable[..., Any]] = {
        "inv": [inv],
        "hermitian_inv": [numpy.linalg.inv, definite],
        "posdef_inv": [numpy.linalg.inv, definite],
        "cholesky": [numpy.linalg.cholesky],
        "cholesky_inv": [lambda a: scipy.cho_solve((a, True), numpy.broadcast_to(unit, a.shape))],
        "tri_inv": [lambda a: scipy.solve_triangular(a, numpy.broadcast_to(unit, a.shape), lower=True)],
        "solve": [numpy.linalg.solve],
        "pinv": [numpy.linalg.pinv],
        "rcond": [lambda a: 1 / numpy.linalg.cond(a, 1)],
        "gptq": [lambda a: numpy.linalg.cholesky(definite(a), upper=True)],
        "product": [numpy.matmul],
    }.get(case.op, [])
    args = {"solve": (a, b), "product": (a, a)}.get(case.op, (a,))

    def call(function: Callable[..., Any]) -> Call:
        compiled = jax.jit(function)
        return lambda: compiled(*args).block_until_ready()

    return [call(function) for function in functions]


def mlxes(case: Case, a_: Array, b_: Array) -> list[Call]:
    import mlx.core as mx

    # Its linear algebra is the CPU's.
    mx.set_default_device(mx.cpu)
    dtype = getattr(mx, case.dtype)
    a, b, linalg = mx.array(a_, dtype=dtype), mx.array(b_, dtype=dtype), mx.linalg
    mx.eval(a, b)
    inv = last(linalg.inv, case)
    definite: list[Call] = [lambda: linalg.inv(a), lambda: linalg.cholesky_inv(linalg.cholesky(a))]
    lazy: list[Call] = {
        "inv": [lambda: inv(a)],
        "hermitian_inv": definite,
        "posdef_inv": definite,
        "cholesky": [lambda: linalg.cholesky(a)],
        "cholesky_inv": [lambda: linalg.cholesky_inv(a)],
        "tri_inv": [lambda: linalg.tri_inv(a)],
        "solve": [lambda: linalg.solve(a, b)],
        "pinv": [lambda: linalg.pinv(a)],
        "gptq": [lambda: linalg.cholesky(linalg.cholesky_inv(linalg.cholesky(a)), upper=True)],
        "product": [lambda: a @ a],
    }.get(case.op, [])

    def call(function: Call) -> Call:
        def evaluated() -> Any:
            x = function()
            mx.eval(x)
            return x

        return evaluated

    return [call(function) for function in lazy]


#: By the name of the package that it is installed as.
MAKERS: dict[str, Maker] = {
    "ainv": ours,
    "copy": copies,
    "numpy": numpys,
    "scipy": scipys,
    "torch": torches,
    "jax": jaxes,
    "mlx": mlxes,
}
