"""One draw: a stack, a function, a way to call it, and what must come of it."""

import collections

import ainv
import numpy as np
from checks import cholesky_inv_ratio, cholesky_ratio, count, demand, same_bits
from residuals import adjoint, inverse_ratio, one_norm, over, pinv_ratio

try:
    from ml_dtypes import bfloat16
except ImportError:
    bfloat16 = None

NATIVE = ["float32", "float64", "complex64", "complex128"]
HALVES = ["float16"] if bfloat16 is None else ["float16", bfloat16]
INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def general(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.name in INTEGERS:
        low = 0 if dtype.kind in "bu" else -1
        a = np.eye(shape[-2], shape[-1]) if dtype.kind == "b" else 100 * np.eye(*shape[-2:])
        entries = rng.integers(low, 2, shape)
        # Of zeros and ones, a triangle is regular for certain.
        return (np.tril(entries, -1) + a).astype(dtype)
    a = rng.standard_normal(shape)
    if dtype.kind == "c":
        a = a + 1j * rng.standard_normal(shape)
    if dtype in HALVES:
        a = a / max(shape[-1], 1) ** 0.5 + 3 * np.eye(*shape[-2:])
    return a.astype(dtype)


def ill(rng, n, dtype):
    """One matrix whose singular values fall to a thousand roundings."""
    a, b = (np.linalg.qr(general(rng, (n, n), dtype))[0] for _ in range(2))
    values = np.geomspace(1, 1000 * np.finfo(dtype).eps, n)
    return (a * values @ b).astype(dtype)


def posdef(rng, shape, dtype):
    a = general(rng, shape, dtype)
    wide = a.astype(np.result_type(a.dtype, "f8")) if np.dtype(dtype).kind in "fc" else a
    p = wide @ adjoint(wide) + shape[-1] * np.eye(shape[-1])
    return ((p + adjoint(p)) / 2).astype(dtype)


def triangle(rng, shape, dtype):
    a = np.tril(general(rng, shape, dtype), -1) / np.dtype(dtype).type(max(shape[-1], 1))
    return (a + np.eye(shape[-1])).astype(dtype)


def zero_column(a, k):
    a[:, k] = 0


def negative_pivot(a, k):
    a[k, k] = -1


def zero_pivot(a, k):
    a[k, k] = 0


def with_rows(a, b):
    """The unread triangle."""
    a[..., ~np.tri(a.shape[-1], dtype=bool)] = b
    return a


def zero_row_and_column(a, k):
    a[:, k] = a[k, :] = 0


def both_ratio(a, x, u):
    """Of what bounds both sides."""
    return np.maximum(inverse_ratio(a, x, u), inverse_ratio(x, a, u))


class Kind(collections.namedtuple("Kind", "call make ratio bar spoil status lower")):
    """A function, its matrices, the ratio that its results are measured by and the bar for it, what
    spoils a matrix, what it is then, and whether the lower triangle alone is read."""


def kind(
    call, make=general, ratio=inverse_ratio, bar=3, spoil=zero_column, status=None, lower=False
):
    return Kind(call, make, ratio, bar, spoil, status or "singular", lower)


def assuming(structure):
    return lambda a, **options: ainv.inv(a, assume=structure, **options)


INDEFINITE = "not positive definite"
KINDS = {
    "inv": kind(ainv.inv),
    "inv posdef": kind(
        assuming("posdef"), posdef, both_ratio, spoil=negative_pivot, status=INDEFINITE, lower=True
    ),
    "inv hermitian": kind(assuming("hermitian"), posdef, spoil=zero_row_and_column, lower=True),
    "inv of posdef": kind(ainv.inv, posdef, spoil=zero_column),
    "inv lower": kind(assuming("lower"), triangle, spoil=zero_pivot, lower=True),
    "pinv": kind(ainv.pinv, ratio=pinv_ratio, bar=5, spoil=None),
    "cholesky": kind(
        ainv.cholesky, posdef, cholesky_ratio, spoil=negative_pivot, status=INDEFINITE, lower=True
    ),
    "cholesky_inv": kind(
        ainv.cholesky_inv, triangle, cholesky_inv_ratio, spoil=zero_pivot, lower=True
    ),
    "tri_inv": kind(ainv.tri_inv, triangle, spoil=zero_pivot, lower=True),
    "solve": kind(ainv.solve, bar=5),
    "solve posdef": kind(
        lambda a, b, **options: ainv.solve(a, b, assume="posdef", **options),
        posdef, bar=5, spoil=negative_pivot, status=INDEFINITE, lower=True
    ),
}


# Layouts: the same numbers elsewhere in memory.


def misaligned(a):
    memory = np.zeros(a.nbytes + 1, "u1")
    view = memory[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2),
    "reversed": lambda a: np.ascontiguousarray(a[..., ::-1, ::-1])[..., ::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, -2), 3, -1)[..., ::2, ::3],
    "misaligned": misaligned,
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()) if a.dtype not in HALVES[1:] else a,
}


class Case:
    """One draw: a stack, which of its matrices are bad and how, and what is asked."""

    def __init__(self, rng, streams):
        self.rng, self.streams = rng, streams
        self.name = rng.choice(list(KINDS))
        self.kind = KINDS[self.name]
        self.solves = self.name.startswith("solve")
        # Mostly small and many; large ones alone.
        n = int(
            rng.choice(
                [rng.integers(0, 9), rng.integers(0, 65), rng.integers(0, 257)], p=[0.6, 0.37, 0.03]
            )
        )
        if rng.random() < 0.002:
            n = int(rng.integers(257, 701))
        most = max(1, min(200, 60_000 // max(n * n, 1)))
        self.lead = (int(rng.integers(0 if rng.random() < 0.1 else 1, most + 1)),)
        if rng.random() < 0.2:
            self.lead = (2, (self.lead[0] + 1) // 2)
        elif rng.random() < 0.2:
            self.lead = ()
        small = self.name == "inv" and n <= 30
        self.dtype = np.dtype(NATIVE[rng.integers(4)])
        if small and rng.random() < 0.2:
            self.dtype = np.dtype((HALVES + INTEGERS)[rng.integers(len(HALVES + INTEGERS))])
        m = int(rng.integers(0, 65)) if self.name == "pinv" and rng.random() < 0.5 else n
        self.a = self.kind.make(rng, (*self.lead, m, n), self.dtype)
        self.bad = {}
        if self.dtype.name in NATIVE:
            self.scale()
            self.plant(m, n)
            if self.kind.lower and rng.random() < 0.5:
                with_rows(self.a, np.nan)
        self.layout = rng.choice(list(LAYOUTS))
        self.precision = [None, "native", "double"][rng.integers(3)]
        self.given = LAYOUTS[self.layout](self.a)
        self.b = general(rng, (*self.lead, n, int(rng.integers(0, 4))), self.dtype)
        count("calls: " + self.name)

    def __str__(self):
        return (
            f"{self.name} of {self.a.shape} {self.dtype} {self.layout} precision={self.precision} "
            f"bad={self.bad} threads={ainv.get_num_threads()}"
        )

    def scale(self):
        """By a power of two, where that cannot over- or underflow."""
        power = 12 if self.dtype.name in ("float32", "complex64") else 100
        if self.rng.random() < 0.3:
            self.a *= self.dtype.type(2.0 ** (2 * int(self.rng.integers(-power, power))))

    def plant(self, m, n):
        """Of a stack, here and there an ill-conditioned, a singular, a not finite matrix."""
        if not self.a.size:
            return
        flat = self.a.reshape(-1, m, n)
        for i in range(len(flat)):
            luck = self.rng.random()
            if luck < 0.04 and self.kind.make is general and m == n <= 64:
                flat[i] = ill(self.rng, n, self.dtype)
            elif luck < 0.08 and self.kind.spoil:
                k = int(self.rng.integers(n))
                self.kind.spoil(flat[i], k)
                self.bad[i] = (self.kind.status, k + 1)
            elif luck < 0.11 and n > 1 and m > 1:
                # In the lower triangle; an infinity in a diagonal matrix would be a number.
                flat[i, 1, 0] = [np.nan, np.inf][self.rng.integers(2)]
                self.bad[i] = ("not finite", 0)
            elif luck < 0.2 and self.kind.spoil is None:
                flat[i, :, n // 2 :] = 0

    def call(self, a, b, **options):
        if self.precision and self.dtype.name in NATIVE:
            options["precision"] = self.precision
        count("calls")
        if self.solves:
            return self.kind.call(a, b, **options)
        return self.kind.call(a, **options)

    def blocking(self):
        options, given = {"on_singular": "nan"}, self.given
        if not self.solves and self.rng.random() < 0.3 and self.dtype.name in NATIVE:
            shape = (*self.lead, *self.a.shape[:-3:-1])
            options["out"] = np.empty(shape, self.dtype, order="CF"[self.rng.integers(2)])
            if self.a.shape[-1] == self.a.shape[-2] and self.rng.random() < 0.3:
                options["out"] = given = self.given.copy()
            x = self.call(given, self.b, **options)
            demand(x is options["out"], "out is given back")
            return np.ascontiguousarray(x).astype(self.dtype, copy=False)
        x = self.call(self.given, self.b, **options)
        demand(x.flags.c_contiguous and x.flags.owndata and x.dtype.isnative, "the result's memory")
        return x

    def enqueued(self):
        """On a stream, behind others' work, and perhaps awaited by another stream's."""
        # NumPy's float32 is computed in double, an Array's is not.
        self.precision = self.precision or "native"
        with ainv.stream(self.streams[self.rng.integers(len(self.streams))]):
            a, b = ainv.asarray(self.given), ainv.asarray(self.b)
            x = self.call(a, b, on_singular="nan")
            if self.rng.random() < 0.3 and x.ndim >= 2:
                with ainv.stream(self.streams[0]):
                    ainv.pinv(x, on_singular="nan")
            if self.rng.random() < 0.1:
                ainv.synchronize()
        if self.rng.random() < 0.2:
            ainv.eval(x)
        return np.array(x)

    def run(self):
        luck = self.rng.random()
        if luck < 0.1:
            ainv.set_num_threads(int(self.rng.integers(1, 5)))
        before = self.a.copy()
        if luck < 0.25 and self.dtype.name in NATIVE:
            x = self.enqueued()
        elif luck < 0.5:
            with ainv.threads(int(self.rng.integers(1, 5))):
                x = self.blocking()
        else:
            x = self.blocking()
        same_bits(self.a, before, "the input")
        self.judge(x)
        if self.name == "inv" and self.dtype.name in NATIVE:
            self.others(x)

    def judge(self, x):
        rows, columns = (
            self.a.shape[-1],
            self.b.shape[-1] if self.solves else self.a.shape[-2],
        )
        demand(x.shape == (*self.lead, rows, columns), "shape", x.shape)
        if not x.size or not self.a.size:
            return demand(not x.any(), "zeros")
        flat, a = x.reshape(-1, rows, columns), self.a.reshape(-1, *self.a.shape[-2:])
        b = self.b.reshape(len(flat), *self.b.shape[-2:])
        good = np.array([i not in self.bad for i in range(len(flat))])
        demand(np.isnan(flat[~good]).all(), "bad matrices are all NaN")
        if self.bad and self.rng.random() < 0.3:
            self.raised()
        if good.any():
            worst = self.worst(a[good], flat[good], b[good])
            demand(worst <= self.kind.bar, f"ratio {worst}")
        # The same bits alone.
        i = int(self.rng.integers(len(flat)))
        alone = self.call(a[i].copy(), b[i].copy(), on_singular="nan")
        same_bits(np.ascontiguousarray(flat[i]), alone, f"matrix {i} alone")

    def worst(self, a, x, b):
        # Of small matrices the roundings of the judge would count.
        small = max(a.shape[-2:]) <= 8
        real, complex_ = (np.longdouble, np.clongdouble) if small else (np.float64, np.complex128)
        wide = complex_ if self.dtype.kind == "c" else real
        u = float(2.0**-8 if x.dtype == bfloat16 and bfloat16 else np.finfo(x.dtype).eps / 2)
        a, x, b = (m.astype(wide) for m in (a, x, b))
        if self.kind.lower:
            a = np.tril(a)
            if self.kind.make is posdef:
                a = a + adjoint(np.tril(a, -1))
        # By even powers of two near 1, so that no product of norms leaves the range.
        norms = np.where(one_norm(a) == 0, 1, one_norm(a))
        power = 4.0 ** -np.round(np.log2(norms) / 2)[:, None, None]
        if self.solves:
            return np.max(over(a @ x - b, a.shape[-1], u, a, x))
        if self.name == "cholesky":
            return np.max(self.kind.ratio(a * power, x * power**0.5, u))
        if self.name == "cholesky_inv":
            return np.max(self.kind.ratio(a * power, x / power**2, u))
        return np.max(self.kind.ratio(a * power, x / power, u))

    def raised(self):
        """The error names the first bad matrix; one that is not finite is none, but for pinv."""
        fails = [
            i for i in sorted(self.bad) if self.bad[i][0] != "not finite" or self.name == "pinv"
        ]
        try:
            self.call(self.given, self.b)
        except ainv.LinAlgError as error:
            count("injected: bad matrices")
            index = np.unravel_index(fails[0], self.lead) if fails else None
            demand(error.batch_index == index, "batch_index", error.batch_index, index)
            demand(self.name == "pinv" or error.diagonal == self.bad[fails[0]][1], "diagonal")
        else:
            demand(not fails, "no error")

    def others(self, x):
        """What else can be asked of the same stack."""
        which = self.rng.integers(4)
        flat = self.a.reshape(int(np.prod(self.lead)), *self.a.shape[-2:])
        info = np.array([self.bad.get(i, ("", 0))[1] for i in range(len(flat))], "i4").reshape(
            self.lead
        )
        finite = [i for i in range(len(flat)) if i not in self.bad]
        count("calls")
        if which == 0:
            count("calls: inv_ex")
            y = ainv.inv_ex(self.given, precision=self.precision)
            same_bits(y.inverse, x, "inv_ex")
            demand(np.array_equal(y.info, info), "info", y.info, info)
        elif which == 1 and x.size and x.shape[-1] <= 64:
            count("calls: rcond")
            p = [1, np.inf][self.rng.integers(2)]
            r = np.reshape(ainv.rcond(self.given, p=p), -1)
            for i, (status, _) in self.bad.items():
                demand(r[i] == 0 if status == "singular" else np.isnan(r[i]), "rcond", status, r[i])
            a = flat[finite].astype(np.result_type(self.dtype, "f8"))
            scaled = a * 2.0 ** -np.round(np.log2(one_norm(a)))[:, None, None]
            inverse = np.linalg.inv(scaled)
            norms = (m if p == 1 else m.swapaxes(-1, -2) for m in (scaled, inverse))
            true = 1 / np.prod([one_norm(m) for m in norms], axis=0)
            demand(
                np.all((r[finite] < 10 * true) & (r[finite] > true / 31)), "rcond", r[finite], true
            )
        elif which == 2 and x.size and x.shape[-1] <= 32 and len(flat) <= 40:
            count("calls: report")
            report = ainv.report(self.given)
            wanted = [self.bad.get(i, ("ok", 0))[0] for i in range(len(flat))]
            demand(np.array_equal(np.reshape(report.status, -1), wanted), "status", report.status)
            demand(np.array_equal(report.info, info), "info", report.info)
            demand(len(str(report)) > 100, "the report in words")


def case_of(seed, number, streams):
    return Case(np.random.default_rng([seed, number]), streams)
