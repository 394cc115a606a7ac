"""Every layout in memory and every container, with the same bits as a contiguous array."""

import ainv
import numpy as np
import pytest
import scipy.sparse
from helpers import A3, DTYPES, assert_inverse, assert_same_bits, posdef, random


def misaligned(a):
    memory = np.zeros(a.nbytes + 1, "u1")
    view = memory[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    assert not view.flags.aligned
    return view


def padded(a):
    """A field of a structured array, whose strides are no multiple of the item's size."""
    records = np.zeros(a.shape, [("x", a.dtype), ("pad", "u1")])
    records["x"] = a
    return records["x"]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "fortran": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2),
    "batch last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0),
    "reversed": lambda a: np.ascontiguousarray(a[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 2)[::2, :, ::3],
    "read-only": read_only,
    "misaligned": misaligned,
    "padded": padded,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "little-endian": lambda a: a.astype(a.dtype.newbyteorder("<")),
}


def report(a):
    """Its numbers, as one array."""
    r = ainv.report(a)
    assert np.all(r.status == "ok")
    return np.stack([r.rcond, r.left_residual, r.right_residual, r.norm, r.inverse_norm])


FUNCTIONS = {
    "inv": ainv.inv,
    "inv_ex": lambda a: ainv.inv_ex(a).inverse,
    "pinv": ainv.pinv,
    "tri_inv": ainv.tri_inv,
    "solve": lambda a: ainv.solve(a, a),
    # What is not positive definite is NaN, for any layout.
    "cholesky": lambda a: ainv.cholesky(a, on_singular="nan"),
    "cholesky_inv": ainv.cholesky_inv,
    "rcond": ainv.rcond,
    "report": report,
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


@functions
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_same_bits(f, layout):
    for dtype in DTYPES:
        for n in (1, 3, 4, 12, 40):
            a = np.concatenate([random((3, n, n), dtype, seed=n), posdef((2, n, n), dtype)])
            b = layout(a)
            assert_same_bits(f(b), f(a))
            np.testing.assert_array_equal(a, b)


@functions
@pytest.mark.parametrize("n", [1, 3, 12, 40])
def test_strides_of_zero(f, n):
    """Of the stack: each matrix's bits are those of the one. Of rows, columns and both: as of a copy."""
    for dtype in DTYPES:
        one = posdef((n, n), dtype)
        alone = np.asarray(f(one[None]))
        x = np.asarray(f(np.broadcast_to(one, (2, 5, n, n))))
        if f is report:
            assert_same_bits(x, np.broadcast_to(alone[:, :, None], x.shape).copy())
        else:
            assert_same_bits(x, np.broadcast_to(alone[0], x.shape).copy())
    if f is report:
        return
    row = random((n,), seed=n)
    for a in (
        np.broadcast_to(row, (3, n, n)),
        np.broadcast_to(row[:, None], (3, n, n)),
        np.broadcast_to(np.float64(2), (3, n, n)),
    ):
        assert_same_outcome(f, a, a.copy())


def assert_same_outcome(f, a, b):
    """The same bits, or the same error: such matrices are singular."""
    outcomes = []
    for given in (a, b):
        try:
            outcomes.append(np.asarray(f(given)).tobytes())
        except ainv.LinAlgError as error:
            outcomes.append((str(error), error.batch_index, error.diagonal))
    assert outcomes[0] == outcomes[1]


def at_byte(a, offset):
    """A copy that begins so many bytes after the beginning of a cache line."""
    memory = np.zeros(a.nbytes + 128, "u1")
    first = -memory.ctypes.data % 64 + offset
    view = memory[first : first + a.nbytes].view(a.dtype).reshape(a.shape)
    view[...] = a
    assert view.ctypes.data % 64 == offset
    return view


@pytest.mark.parametrize("n", [1, 3, 4, 8, 17, 40])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_byte_offset(dtype, n):
    a = random((5, n, n), dtype)
    b = random((5, n, 3), dtype, seed=1)
    x, y, z = ainv.inv(a), ainv.solve(a, b), ainv.pinv(b)
    for offset in range(64):
        moved = at_byte(a, offset)
        sides = at_byte(b, -3 * offset % 64)
        assert_same_bits(ainv.inv(moved), x)
        assert_same_bits(ainv.solve(moved, sides), y)
        assert_same_bits(ainv.pinv(sides), z)
        out = at_byte(np.zeros_like(a), -7 * offset % 64)
        assert ainv.inv(moved, out=out) is out
        assert_same_bits(out, x)
        np.testing.assert_array_equal(a, moved)


@pytest.mark.parametrize("dtype", ["float16", "int32"])
@pytest.mark.parametrize("order", "<>")
def test_other_dtypes_in_both_byte_orders(dtype, order):
    a = np.array([[1, 2], [3, 4]], np.dtype(dtype).newbyteorder(order))
    x = ainv.inv(a)
    assert x.dtype.isnative and x.dtype == ("float16" if dtype == "float16" else "float64")
    np.testing.assert_array_equal(x, [[-2, 1], [1.5, -0.5]])


def test_broadcast():
    a = np.broadcast_to(A3, (4, 3, 3))
    assert_same_bits(ainv.inv(a), np.stack([ainv.inv(A3)] * 4))
    ones = np.broadcast_to(np.float64(1), (3, 3))
    np.testing.assert_allclose(ainv.pinv(ones), ones / 9)


def test_lists():
    for a in ([[1, 2], [3, 4]], ((1.0, 2.0), (3.0, 4.0)), [np.array([1.0, 2.0]), np.array([3, 4])]):
        np.testing.assert_array_equal(ainv.inv(a), [[-2, 1], [1.5, -0.5]])
    with pytest.raises(ValueError, match="inhomogeneous"):
        ainv.inv([[1.0, 2.0], [3.0]])


def test_array_protocol():
    class Thing:
        def __array__(self, dtype=None, copy=None):
            return A3

    class Interface:
        __array_interface__ = A3.__array_interface__

    for thing in (Thing(), Interface(), memoryview(A3)):
        assert_same_bits(ainv.inv(thing), ainv.inv(A3))


class Mine(np.ndarray):
    pass


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    "f", [ainv.inv, ainv.pinv, lambda a: ainv.inv_ex(a).inverse, ainv.tri_inv, ainv.cholesky_inv]
)
def test_subclasses(f):
    for a in (A3.view(Mine), np.zeros((0, 0)).view(Mine), A3.astype("float16").view(Mine)):
        assert type(f(a)) is Mine and f(a).dtype == a.dtype
    assert type(f(np.matrix(A3))) is np.matrix
    out = np.empty((3, 3))
    assert ainv.inv(A3.view(Mine), out=out) is out


def test_solve_wraps_like_b():
    assert type(ainv.solve(A3, A3.view(Mine))) is Mine
    assert type(ainv.solve(A3.view(Mine), A3)) is np.ndarray


def test_memmap(tmp_path):
    a = np.memmap(tmp_path / "a", "float64", "w+", shape=(3, 3))
    a[:] = A3
    assert type(ainv.inv(a)) is np.ndarray
    assert_same_bits(ainv.inv(a), ainv.inv(A3))


def test_masked():
    a = np.ma.masked_array(A3, mask=False)
    np.testing.assert_array_equal(np.asarray(ainv.inv(a)), ainv.inv(A3))
    assert isinstance(ainv.inv(a), np.ma.MaskedArray)
    a[0, 1] = np.ma.masked
    for f in (ainv.inv, ainv.pinv, ainv.cholesky_inv, lambda a: ainv.solve(A3, a)):
        with pytest.raises(ValueError, match="masked"):
            f(a)


@pytest.mark.parametrize("make", [scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_sparse(make):
    for f in (ainv.inv, ainv.pinv):
        with pytest.raises(TypeError, match=r"sparse.*\.toarray\(\)"):
            f(make(A3))


def test_position_in_the_stack_changes_no_bit():
    a = random((37, 6, 6), seed=3)
    x = ainv.inv(a)
    for i in range(37):
        assert_same_bits(ainv.inv(a[i]), x[i].copy())
    assert_inverse(a, x, bound=50)
