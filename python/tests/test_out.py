"""out=: what it may be, what is refused before any work, and every way it may overlap the input."""

import ainv
import numpy as np
import pytest
from helpers import A3, SINGULAR, assert_same_bits, random

FUNCTIONS = {
    "inv": ainv.inv,
    "pinv": ainv.pinv,
    "tri_inv": ainv.tri_inv,
    "cholesky_inv": ainv.cholesky_inv,
    "cholesky": lambda a, out=None: ainv.cholesky(a, on_singular="nan", out=out),
    "inv_ex": lambda a, out=None: (
        ainv.inv_ex(a, out=None if out is None else (out, np.empty(a.shape[:-2], "int32"))).inverse
    ),
    "solve": lambda a, out=None: ainv.solve(a, a, out=out),
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


@functions
@pytest.mark.parametrize("n", [3, 20])
def test_layouts(f, n):
    a = random((4, n, n)) + 2 * np.eye(n)
    expected = f(a)
    for out in (
        np.empty((4, n, n)),
        np.empty((4, n, n), order="F"),
        np.empty((4, n, 2 * n))[:, :, ::2],
        np.empty((4, n, n))[::-1, ::-1],
        np.empty((4, n, n), ">f8"),
        np.empty(4 * n * n * 8 + 1, "u1")[1:].view("f8").reshape(4, n, n),
        np.empty((4, n, n), [("x", "f8"), ("y", "u1")])["x"],
    ):
        assert f(a, out=out) is out
        np.testing.assert_array_equal(out, expected)


@functions
def test_what_surrounds_a_view_is_left(f):
    a = random((3, 3)) + 2 * np.eye(3)
    frame = np.full((5, 6), 7.0)
    f(a, out=frame[1:4, 1:6:2])
    inside = np.zeros((5, 6), bool)
    inside[1:4, 1:6:2] = True
    assert np.all(frame[~inside] == 7)
    np.testing.assert_array_equal(frame[1:4, 1:6:2], f(a))


@functions
@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 40])
def test_overlap(f, n):
    def fresh():
        return random((6, n, n), seed=n) + n * np.eye(n)

    expected = f(fresh())

    a = fresh()
    assert f(a, out=a) is a
    assert_same_bits(a, expected)

    a = fresh()
    f(a, out=a.swapaxes(-1, -2))
    np.testing.assert_array_equal(a.swapaxes(-1, -2), expected)

    a = fresh()
    f(a, out=a[::-1])
    np.testing.assert_array_equal(a[::-1], expected)

    for source, target in ((slice(0, 5), slice(1, 6)), (slice(1, 6), slice(0, 5))):
        a = fresh()
        f(a[source], out=a[target])
        np.testing.assert_array_equal(a[target], expected[source])

    # Interlaced, but disjoint.
    a = np.repeat(fresh(), 2, axis=-1)
    f(a[..., ::2], out=a[..., 1::2])
    np.testing.assert_array_equal(a[..., 1::2], expected)
    np.testing.assert_array_equal(a[..., ::2], fresh())


@functions
@pytest.mark.parametrize("n", [2, 5, 17])
def test_overlap_by_a_part_of_a_matrix(f, n):
    """The output begins a few entries, rows or columns after the input, or before it."""

    def views(memory, shift):
        return memory[: a.size].reshape(a.shape), memory[shift : shift + a.size].reshape(a.shape)

    a = random((4, n, n), seed=n) + n * np.eye(n)
    expected = f(a)
    for shift in {1, n - 1, n, n + 1, n * n // 2, n * n - 1, n * n + 1}:
        for backwards in (False, True):
            source, target = views(np.zeros(a.size + shift), shift)[:: -1 if backwards else 1]
            source[...] = a
            assert f(source, out=target) is target
            assert_same_bits(target.copy(), expected)
    # Within one frame: a window and the same window, moved.
    frame = np.zeros((4, 2 * n, 2 * n))
    for down, right in ((1, 0), (0, 1), (1, 1), (n // 2, n - 1)):
        source, target = frame[:, :n, :n], frame[:, down : down + n, right : right + n]
        source[...] = a
        f(source, out=target)
        assert_same_bits(target.copy(), expected)


@functions
@pytest.mark.parametrize("n", [3, 17])
def test_overlap_of_dtypes(f, n):
    """The same bytes as other numbers: a wider output over its input, at its beginning and its end."""
    for narrow, wide in (("f4", "f8"), ("f4", "c8"), ("f8", "c16"), ("f4", "c16"), ("f2", "f4")):
        a = (random((3, n, n), seed=n) + n * np.eye(n)).astype(narrow)
        expected = f(a, out=np.empty(a.shape, wide))
        for at in (0, expected.nbytes - a.nbytes, (expected.nbytes - a.nbytes) // 2 // 16 * 16 + 4):
            memory = np.zeros(expected.nbytes + 8, "u1")
            source = memory[at : at + a.nbytes].view(narrow).reshape(a.shape)
            source[...] = a
            out = memory[: expected.nbytes].view(wide).reshape(a.shape)
            assert f(source, out=out) is out
            assert_same_bits(out.copy(), expected)


@pytest.mark.parametrize(("m", "n"), [(5, 3), (3, 5), (20, 7), (7, 20), (4, 1), (1, 4)])
def test_overlap_of_rectangles(m, n):
    """A pseudo-inverse has another shape than its matrix, and may lie over it all the same."""
    a = random((3, m, n), seed=m)
    expected = ainv.pinv(a)
    for shift in (0, 1, n, m * n // 2, m * n):
        for backwards in (False, True):
            memory = np.zeros(a.size + shift)
            ends = memory[: a.size], memory[shift : shift + a.size]
            source, target = ends[:: -1 if backwards else 1]
            source, target = source.reshape(a.shape), target.reshape(expected.shape)
            source[...] = a
            assert ainv.pinv(source, out=target) is target
            assert_same_bits(target.copy(), expected)
    transposed = a.copy()
    ainv.pinv(transposed, out=transposed.swapaxes(-1, -2))
    np.testing.assert_array_equal(transposed.swapaxes(-1, -2), expected)


def read_only(a):
    a.flags.writeable = False
    return a


def test_overlap_of_solve():
    a, b = random((3, 4, 4)), random((3, 4, 4), seed=1)
    expected = ainv.solve(a, b)
    for which in range(2):
        pair = [a.copy(), b.copy()]
        ainv.solve(*pair, out=pair[which])
        np.testing.assert_array_equal(pair[which], expected)
        np.testing.assert_array_equal(pair[1 - which], (a, b)[1 - which])
    v = b[0, 0].copy()
    expected = ainv.solve(a[0], v)
    assert ainv.solve(a[0], v, out=v) is v
    np.testing.assert_array_equal(v, expected)


@functions
def test_safe_casts(f):
    a = random((2, 3, 3), "float32") + 3 * np.eye(3, dtype="float32")
    for dtype in ("float32", "float64", "complex64", "complex128"):
        out = np.empty((2, 3, 3), dtype)
        f(a, out=out)
        np.testing.assert_array_equal(out, f(a))


@functions
@pytest.mark.parametrize(
    ("out", "exception", "words"),
    [
        (np.full((3, 3), 7.0, "float32"), TypeError, "float32.*float64"),
        (np.full((3, 3), 7, "int64"), TypeError, "int64"),
        (np.full((3, 3), 7, object), TypeError, "object"),
        (np.full((3, 3), 7.0).tolist(), TypeError, "ndarray"),
        (np.full((0,), 7.0), ValueError, r"\[0\].*\[3, 3\]"),
        (np.full((1, 3, 3), 7.0), ValueError, r"\[1, 3, 3\].*\[3, 3\]"),
        (np.broadcast_to(np.full(3, 7.0), (3, 3)), ValueError, "read-only"),
        (read_only(np.full((3, 3), 7.0)), ValueError, "read-only"),
        (
            np.lib.stride_tricks.as_strided(np.full(5, 7.0), (3, 3), (8, 8)),
            ValueError,
            "share memory",
        ),
        (
            np.lib.stride_tricks.as_strided(np.full(5, 7.0), (3, 3), (8, 0)),
            ValueError,
            "share memory",
        ),
    ],
    ids=[
        "narrow",
        "int",
        "object",
        "list",
        "empty",
        "shape",
        "broadcast",
        "read-only",
        "overlapping",
        "stride 0",
    ],
)
def test_refused_before_any_work(f, out, exception, words):
    # inv_ex passes on what its first array is refused for.
    with pytest.raises(exception, match=words):
        f(A3, out=out)
    assert np.all(np.asarray(out) == 7)


def test_complex_into_real():
    with pytest.raises(TypeError):
        ainv.inv(A3.astype(complex), out=np.empty((3, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_after_an_error(dtype):
    a = np.stack([np.eye(2), SINGULAR, 2 * np.eye(2)])
    out = np.empty((3, 2, 2), dtype)
    if dtype == "float32":
        a = a.astype(dtype)
    with pytest.raises(ainv.LinAlgError):
        ainv.inv(a, out=out)
    np.testing.assert_array_equal(out, ainv.inv(a, on_singular="nan"))


def test_half():
    a = random((2, 3, 3)).astype("float16")
    out = np.empty_like(a)
    assert ainv.inv(a, out=out) is out
    np.testing.assert_array_equal(out, ainv.inv(a))
    wide = np.empty((2, 3, 3), "float32")
    np.testing.assert_array_equal(ainv.inv(a, out=wide).astype("float16"), out)
    assert ainv.inv(a, out=a) is a
    np.testing.assert_array_equal(a, out)


def test_inv_ex():
    a = np.stack([A3, np.ones((3, 3))])
    x, info = np.empty((2, 3, 3)), np.empty(2, "int32")
    result = ainv.inv_ex(a, out=(x, info))
    assert result.inverse is x and result.info is info
    np.testing.assert_array_equal(info > 0, [False, True])
    for out in (x, [x, info], (x,), (x, info, info), "xy"):
        with pytest.raises(TypeError):
            ainv.inv_ex(a, out=out)
    for bad in (
        np.empty(2, "int64"),
        np.empty(3, "int32"),
        np.empty(2),
        np.empty((1, 2), "int32"),
        3,
    ):
        with pytest.raises(ValueError):
            ainv.inv_ex(a, out=(x, bad))
    memory = np.empty(18)
    with pytest.raises(ValueError, match="overlap"):
        ainv.inv_ex(a, out=(memory.reshape(2, 3, 3), memory[:1].view("int32")))
    # Where info lies in the input, it is written last.
    info = a[0, 0, :1].view("int32")
    expected = ainv.inv_ex(a.copy()).inverse
    np.testing.assert_array_equal(ainv.inv_ex(a, out=(x, info)).inverse, expected)
