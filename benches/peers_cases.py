"""What is measured: the tables, their cases, and the matrices of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from accuracy_matrices import general

Array = np.ndarray[Any, Any]

#: Flops of order n, in n^3, as LAPACK's authors count them. The algorithms for pseudo-inverses share no count,
#: nor those for condition numbers.
FLOPS = {
    "inv": 2.0,
    "hermitian_inv": 2.0,
    "posdef_inv": 1.0,
    "cholesky": 1 / 3,
    "cholesky_inv": 2 / 3,
    "tri_inv": 1 / 3,
    "solve": 2 / 3,
    "gptq": 4 / 3,
    "product": 2.0,
}
DTYPES = ("float64", "float32", "complex128", "complex64")
SMALL = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32)
STACKS, LARGE = (64, 128, 256), (512, 1024, 2048, 4096)
#: Bytes of a stack that a near cache does not hold, and of one that no cache does.
NEAR, FAR = 4_000_000, 60_000_000


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
    #: What people call it, where they have a name for it.
    name: str = ""
    #: Where the matrices are not of full rank.
    rank: int | None = None
    #: The matrices lie along the first two axes, as (m, n, count).
    components: bool = False
    #: "double": ainv's default for single precision of NumPy's, which rounds to single at the end.
    precision: str = "native"
    #: Whether the result's memory is new; the memory that is used again is the caller's, which few libraries take.
    fresh: bool = True
    #: Of every library; all cores without it.
    threads: int | None = None
    #: Of `accuracy_matrices.general`, for the table of accuracy.
    family: str = ""

    @property
    def matrices(self) -> int:
        return max(1, self.count)

    @property
    def shape(self) -> tuple[int, int]:
        return self.m or self.n, self.n

    @property
    def flops(self) -> float | None:
        """Of all matrices, with four real multiply-adds in a complex one."""
        each = FLOPS.get(self.op)
        return each and each * self.n**3 * self.matrices * (4 if self.dtype.startswith("complex") else 1)

    def operands(self) -> tuple[Array, Array]:
        """The matrices and, for `solve`, as many right-hand sides of two columns."""
        rng, dtype = np.random.default_rng(self.n), np.dtype(self.dtype)
        stack, (m, n) = [self.count] if self.count else [], self.shape

        def random(*shape: int) -> Array:
            a = rng.standard_normal(shape, np.float32 if dtype.itemsize < 8 or dtype == np.complex64 else float)
            return (a + 1j * rng.standard_normal(shape, a.dtype)).astype(dtype) if dtype.kind == "c" else a

        if self.family:
            # As many of the family as there are seeds; the same ones again and again fill the stack.
            few = general(n, min(self.matrices, 100), dtype)[self.family]
            a = np.resize(few, (self.matrices, n, n))
        elif self.rank is not None:
            a = random(*stack, m, self.rank) @ random(*stack, self.rank, n)
        else:
            a = random(*stack, m, n)
        if self.op in ("posdef_inv", "hermitian_inv", "cholesky", "gptq"):
            a = a @ a.conj().swapaxes(-1, -2) / dtype.type(n) + np.eye(n, dtype=dtype)
        if self.op in ("cholesky_inv", "tri_inv"):
            # Lower triangles that are well conditioned.
            a = np.tril(a) / dtype.type(n) + 2 * np.eye(n, dtype=dtype)
        if self.components:
            a = np.moveaxis(a, (-2, -1), (0, 1))
        b = random(*a.shape[:-1], 2) if self.op == "solve" else a[..., :0]
        return np.ascontiguousarray(a), np.ascontiguousarray(b)


def fitting(dtype: str, n: int, size: int = NEAR) -> int:
    """Matrices of a stack of so many bytes."""
    return max(2, size // (np.dtype(dtype).itemsize * n * n))


def domain() -> Iterator[Case]:
    """What people invert."""

    def case(name: str, op: str, dtype: str, count: int, n: int, **more: Any) -> Case:
        return Case("domain", op, dtype, count, n, name=name, **more)

    for precision in ("native", "double"):
        yield case("3 x 3 cameras", "inv", "float32", 100_000, 3, precision=precision)
        yield case("4 x 4 cameras", "inv", "float32", 100_000, 4, precision=precision)
    yield case("2 x 2 element Jacobians", "inv", "float64", 1_000_000, 2, components=True)
    yield case("3 x 3 element Jacobians", "inv", "float64", 1_000_000, 3, components=True)
    yield case("Kalman covariances", "posdef_inv", "float64", 5000, 4)
    yield case("robot Jacobians", "pinv", "float64", 10_000, 7, m=6)
    yield case("beamforming, 8 antennas", "hermitian_inv", "complex64", 10_000, 8)
    yield case("beamforming, 16 antennas", "hermitian_inv", "complex64", 10_000, 16)
    yield case("polarimetric SAR", "hermitian_inv", "complex64", 1_000_000, 3)
    # Of tetrahedra of degree 3 to 8.
    for n in (20, 35, 56, 84, 120, 165):
        yield case(f"discontinuous Galerkin, {n}", "inv", "float64", 200, n)
    yield case("Wald test's design", "pinv", "float64", 0, 20, m=306)
    yield case("GPTQ's Hessian", "gptq", "float32", 0, 4096)
    yield case("one 23 x 23 at a time", "inv", "float64", 0, 23)


def small(dtypes: Sequence[str], orders: Sequence[int]) -> Iterator[Case]:
    """Stacks of small matrices."""
    for dtype in dtypes:
        for n in orders:
            yield Case("small", "inv", dtype, fitting(dtype, n), n)
    for op in ("posdef_inv", "cholesky", "cholesky_inv", "tri_inv", "solve", "rcond"):
        for dtype in dtypes[:1]:
            for n in orders:
                if n in (3, 4, 8, 16, 32):
                    yield Case("small", op, dtype, fitting(dtype, n), n)


def single(dtypes: Sequence[str], orders: Sequence[int]) -> Iterator[Case]:
    """One small matrix: the price of a call."""
    for n in sorted({*orders, 23, 64}):
        yield Case("single", "inv", dtypes[0], 0, n)


def far(dtypes: Sequence[str], orders: Sequence[int]) -> Iterator[Case]:
    """Stacks that lie in memory, into memory that is new and that was written before."""
    for dtype in dtypes[:1]:
        for n in orders:
            for fresh in (False, True):
                if n <= 16:
                    yield Case("far", "inv", dtype, fitting(dtype, n, FAR), n, fresh=fresh)


#: The largest orders of each function; complex ones, which take four times as long, to 2048.
UP_TO = {
    "inv": 4096,
    "cholesky_inv": 4096,
    "tri_inv": 4096,
    "product": 4096,
    "posdef_inv": 2048,
    "cholesky": 2048,
    "solve": 1024,
    "rcond": 1024,
}


def large(dtypes: Sequence[str], orders: Sequence[int]) -> Iterator[Case]:
    """Short stacks of middle orders, and single large matrices; some functions in one dtype."""
    for dtype in dtypes:
        for op, most in UP_TO.items():
            if op in ("inv", "cholesky_inv", "product") or dtype in dtypes[:1]:
                for n in orders:
                    if n <= (most if dtype.startswith("float") else min(most, 2048)):
                        count = fitting(dtype, n, 2 * NEAR) if n in STACKS else 0
                        yield Case("large", op, dtype, count, n)


def pinv(dtypes: Sequence[str], orders: Sequence[int]) -> Iterator[Case]:
    """Pseudo-inverses of full and of half rank."""
    shapes = [(n, n) for n in orders] + [(7, 6), (6, 7), (2000, 300), (300, 2000), (5000, 64)]
    ranks: list[tuple[int, int, int | None]] = [(m, n, None) for m, n in shapes]
    ranks += [(n, n, n // 2) for n in orders] + [(2000, 300, 150)]
    for dtype in dtypes[:3]:
        for m, n, rank in ranks:
            count = max(2, NEAR // (np.dtype(dtype).itemsize * m * n)) if m * n <= 128**2 else 0
            yield Case("pinv", "pinv", dtype, count, n, m=m, rank=rank)


def threads(counts: Sequence[int]) -> Iterator[Case]:
    """The same work on more and more threads."""
    for t in counts:
        for count, n in ((fitting("float64", 4), 4), (fitting("float64", 16), 16), (fitting("float64", 64), 64), (0, 1024)):
            yield Case("threads", "inv", "float64", count, n, threads=t)


def accuracy(dtypes: Sequence[str], orders: Sequence[int]) -> Iterator[Case]:
    """The time of results beside their residuals."""
    for dtype in dtypes[:1]:
        for family in ("random normal", "one small singular value"):
            for n in orders:
                yield Case("accuracy", "inv", dtype, min(1000, fitting(dtype, n)), n, family=family)


def powers(cores: int) -> list[int]:
    """1, 2, 4 and so on, and the cores."""
    return sorted({2**k for k in range(cores.bit_length())} | {cores})


#: For each table its title and its cases, of dtypes, of the orders that are asked for or its own, and of the cores.
Maker = Callable[[Sequence[str], Sequence[int] | None, int], Iterator[Case]]
TABLES: dict[str, tuple[str, Maker]] = {
    "domain": ("What people invert", lambda d, o, c: domain()),
    "small": ("Stacks of 4 MB", lambda d, o, c: small(d, o or SMALL)),
    "single": ("One matrix at a time", lambda d, o, c: single(d, o or (1, 2, 3, 4, 8, 16, 32))),
    "far": ("Stacks of 60 MB beside a copy of them", lambda d, o, c: far(d, o or (1, 2, 3, 4, 6, 8, 12, 16))),
    "large": ("Middle and large orders", lambda d, o, c: large(d, o or STACKS + LARGE)),
    "pinv": ("Pseudo-inverses", lambda d, o, c: pinv(d, o or (4, 8, 16, 32, 128, 512))),
    "threads": ("Threads", lambda d, o, c: threads(powers(c))),
    "accuracy": ("Accuracy", lambda d, o, c: accuracy(d, o or (3, 4, 8, 16, 32, 64, 256))),
}
