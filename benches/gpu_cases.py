"""What is measured on a GPU: the tables, their cases, the matrices of a case, and whether a result is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Flops of order n, in n^3, as LAPACK's authors count them; pseudo-inverses have no count in common.
FLOPS = {"inv": 2.0, "posdef_inv": 1.0, "cholesky": 1 / 3, "cholesky_inv": 2 / 3, "solve": 2 / 3}
#: So many matrices of a stack differ, and of so many the results are looked at.
DIFFERENT = 10_000
#: Residuals in units of sqrt(n) eps: the matrices are well conditioned, and their rounding errors add up as random ones do.
#: One wrong row or column in thousands is more, and so is tf32.
BAR = 20.0


@dataclass(frozen=True)
class Case:
    """An operation on `count` matrices of m x n; a count of 0 is one matrix and no stack."""

    table: str
    op: str
    dtype: str
    count: int
    n: int
    #: Of m x n matrices; square ones without it.
    m: int | None = None
    #: Right-hand sides.
    k: int = 0

    def __str__(self) -> str:
        op = {"posdef_inv": "inv, positive definite", "solve": f"solve, {self.k} right"}.get(self.op, self.op)
        return f"{op}, {self.dtype}, " + (f"{self.count:,} of " if self.count else "") + f"{self.shape[0]} x {self.n}"

    @property
    def shape(self) -> tuple[int, int]:
        return self.m or self.n, self.n

    @property
    def matrices(self) -> int:
        return max(1, self.count)

    @property
    def bytes(self) -> int:
        """That are read and written at least."""
        m, n = self.shape
        return self.matrices * np.dtype(self.dtype).itemsize * (n * n + 2 * n * self.k if self.k else 2 * m * n)

    @property
    def flops(self) -> float | None:
        """Of all matrices; a complex multiply-add is eight."""
        if self.op not in FLOPS:
            return None
        each = FLOPS[self.op] * self.n**3 + 2 * self.n**2 * self.k
        return each * self.matrices * (4 if self.dtype.startswith("complex") else 1)

    def operands(self) -> tuple[Array, Array]:
        """The matrices, and the right-hand sides of systems. Away from the diagonal they are small, so that their condition
        is; but their rows are exchanged, so that elimination has to exchange them."""
        rng, stack = np.random.default_rng(self.n), (self.count,) if self.count else ()
        few, (m, n) = (min(self.count, DIFFERENT),) if self.count else (), self.shape

        def random(*shape: int) -> Array:
            x = rng.uniform(-1, 1, shape)
            if self.dtype.startswith("complex"):
                x = (x + 1j * rng.uniform(-1, 1, shape)) / math.sqrt(2)
            return x

        a = random(*few, m, n) / math.sqrt(n)
        if self.op in ("inv", "solve", "pinv"):
            a = (a + 2 * np.eye(m, n))[..., rng.permutation(m), :]
        else:
            a = (a + adjoint(a)) / 2 + 2 * np.eye(n)
        if self.op == "cholesky_inv":
            a = np.linalg.cholesky(a)
        b = random(*few, n, self.k)
        return np.resize(a.astype(self.dtype), (*stack, m, n)), np.resize(b.astype(self.dtype), (*stack, n, self.k))

    def error(self, a: Array, b: Array, x: Array) -> float:
        """The largest residual of the results, in units of sqrt(n) eps: of systems that of A x = b, of other operations the
        same of some right-hand sides. Infinite, if any result is not finite."""
        m, n = self.shape
        if x.shape != ((*a.shape[:-2], n, self.k) if self.k else (*a.shape[:-2], n, m)) or not np.isfinite(x.sum()):
            return math.inf
        if self.count:
            some = np.linspace(0, self.count - 1, min(self.count, DIFFERENT), dtype=int)
            a, b, x = a[some], b[some], x[some]
        double = np.result_type(a.dtype, np.float64)
        a, b, x = a.astype(double), b.astype(double), x.astype(double)
        v = np.random.default_rng(0).standard_normal((m, 3))
        ours, theirs = {
            "solve": lambda: (a @ x, b),
            "cholesky": lambda: (x @ (adjoint(x) @ v), a @ v),
            "cholesky_inv": lambda: (a @ (adjoint(a) @ (x @ v)), v),
        }.get(self.op, lambda: (a @ (x @ v), v))()
        apart = np.linalg.norm(ours - theirs, axis=(-2, -1)) / np.linalg.norm(theirs, axis=(-2, -1))
        return float(np.max(apart) / (math.sqrt(n) * np.finfo(self.dtype).eps))


def adjoint(a: Array) -> Array:
    return a.conj().swapaxes(-1, -2)


REAL, THREE = ("float32", "float64"), ("float32", "float64", "complex64")


def small(quick: bool) -> Iterator[Case]:
    for dtype in THREE:
        for n in (3,) if quick else (2, 3, 4, 6, 8):
            for count in (40,) if quick else (10**5, 10**6):
                yield Case("small", "inv", dtype, count, n)


def middle(quick: bool) -> Iterator[Case]:
    for dtype in THREE:
        stacks = [(4, 16)] if quick else [(10**4, 16), (10**5, 16), (10**4, 32), (10**5, 32), (10**3, 64), (10**3, 128)]
        for count, n in stacks:
            yield Case("middle", "inv", dtype, count, n)


def single(quick: bool) -> Iterator[Case]:
    for n in (40,) if quick else (1024, 4096, 8192):
        for dtype in REAL:
            yield Case("single", "inv", dtype, 0, n)


def definite(quick: bool) -> Iterator[Case]:
    for op in ("cholesky_inv", "posdef_inv", "cholesky"):
        for dtype in REAL:
            yield Case("definite", op, dtype, 0, 40 if quick else 4096)


def solve(quick: bool) -> Iterator[Case]:
    for count, n in [(4, 6), (0, 40)] if quick else [(10**5, 8), (0, 4096)]:
        for k in (1, 32):
            for dtype in REAL:
                yield Case("solve", "solve", dtype, count, n, k=k)


def pinv(quick: bool) -> Iterator[Case]:
    for dtype in REAL:
        yield Case("pinv", "pinv", dtype, 4 if quick else 10**4, 7, m=6)
        yield Case("pinv", "pinv", dtype, 0, 40 if quick else 512)


def host(quick: bool) -> Iterator[Case]:
    for count, n in [(40, 3)] if quick else [(10**7, 3), (10**6, 8), (10**5, 32)]:
        for dtype in REAL:
            yield Case("host", "inv", dtype, count, n)


def call(quick: bool) -> Iterator[Case]:
    yield Case("call", "inv", "float32", 0, 3)


TABLES: dict[str, tuple[str, Callable[[bool], Iterator[Case]]]] = {
    "call": ("The host's time of one call", call),
    "small": ("Stacks of orders 2 to 8", small),
    "middle": ("Stacks of orders 16 to 128", middle),
    "single": ("Single matrices", single),
    "definite": ("Positive definite matrices, and their factors", definite),
    "solve": ("Systems", solve),
    "pinv": ("Pseudo-inverses", pinv),
    "host": ("From NumPy's memory and back", host),
}
