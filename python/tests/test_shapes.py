"""Every shape: any leading dimensions, none, empty ones; what is refused and in which words."""

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, assert_inverse, assert_small, posdef, random, ratio

SQUARE = [ainv.inv, ainv.tri_inv, ainv.cholesky_inv, ainv.cholesky]


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (2, 2), (3, 3), (4, 4), (17, 17), (65, 65), (2, 2, 3, 3), (7, 5, 5), (1, 2, 1, 3, 3)],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_leading_dimensions(shape, dtype):
    a = random(shape, dtype)
    x = ainv.inv(a)
    assert x.dtype == a.dtype and x.flags.c_contiguous and x.flags.owndata
    assert_inverse(a, x)


def test_more_axes_than_a_view_has():
    a = random((2,) * 18 + (2, 2))
    assert_inverse(a, ainv.inv(a), bound=100)
    turned = a.transpose(*reversed(range(18)), 18, 19)
    np.testing.assert_array_equal(ainv.inv(turned), ainv.inv(np.ascontiguousarray(turned)))


@pytest.mark.parametrize("f", SQUARE)
@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 0, 0), (0, 3, 3), (0, 2, 3, 3)])
@pytest.mark.parametrize("dtype", ["float32", "complex128", "int64", "bool", "float16"])
def test_empty(f, shape, dtype):
    x = f(np.zeros(shape, dtype))
    assert x.shape == shape
    assert x.dtype == ("float64" if dtype in ("int64", "bool") else dtype)


@pytest.mark.parametrize(
    "shape", [(3, 0), (0, 3), (2, 3, 0), (0, 3, 3), (0, 3, 4), (0, 0), (2, 0, 0)]
)
def test_empty_pinv(shape):
    x = ainv.pinv(np.zeros(shape))
    assert x.shape == (*shape[:-2], shape[-1], shape[-2])
    assert x.dtype == np.float64


@pytest.mark.parametrize("f", [*SQUARE, ainv.pinv, ainv.inv_ex, ainv.rcond])
@pytest.mark.parametrize(
    "a", [3.0, np.zeros(3), np.zeros(0), None, [], np.zeros((), "datetime64[s]")]
)
def test_under_two_dimensions(f, a):
    words = r"-dimensional array given\. Array must be at least two-dimensional"
    with pytest.raises(ainv.LinAlgError, match=words) as e:
        f(a)
    assert e.value.batch_index is None and e.value.diagonal is None


@pytest.mark.parametrize(
    "f",
    [
        *SQUARE,
        ainv.inv_ex,
        ainv.rcond,
        lambda a: ainv.pinv(a, hermitian=True),
        lambda a: ainv.solve(a, a),
    ],
)
@pytest.mark.parametrize("shape", [(2, 3), (0, 3, 4), (3, 0)])
@pytest.mark.parametrize("dtype", ["float64", "object", "longdouble"])
def test_not_square(f, shape, dtype):
    with pytest.raises(ainv.LinAlgError, match="must be batches of square matrices") as e:
        f(np.zeros(shape, dtype))
    assert "Last 2 dimensions of the array must be square" in str(e.value)
    assert isinstance(e.value, (np.linalg.LinAlgError, RuntimeError))
    # NumPy's own is one since 1.25.
    assert isinstance(e.value, ValueError) or not issubclass(np.linalg.LinAlgError, ValueError)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (4, 5, 3), (2, 2, 1, 6), (20, 33)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pinv(shape, dtype):
    a = random(shape, dtype)
    x = ainv.pinv(a)
    assert x.shape == (*shape[:-2], shape[-1], shape[-2]) and x.dtype == a.dtype
    assert_small(ratio(a @ x @ a - a, a, x, a, dtype=dtype), 30)


def test_rcond_shapes():
    assert isinstance(ainv.rcond(A3), np.float64)
    assert isinstance(ainv.rcond(A3.astype("float16")), np.float16)
    r = ainv.rcond(random((2, 3, 4, 4), "complex64"))
    assert r.shape == (2, 3) and r.dtype == np.float32
    assert ainv.rcond(np.zeros((0, 2, 2))).shape == (0,)
    assert ainv.rcond(np.zeros((0, 0))) == np.inf


@pytest.mark.parametrize("p", [1, 2, np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rcond(p, dtype):
    a = random((6, 5, 5), dtype)
    expected = 1 / np.linalg.cond(a.astype("complex128"), p)
    np.testing.assert_allclose(ainv.rcond(a, p=p), expected, rtol=1e-3)
    lower = np.tril(posdef((5, 5), dtype))
    assert ainv.rcond(lower + np.triu(np.full((5, 5), np.nan), 1), assume="lower", p=p) > 0


def test_rcond_of_what_has_none():
    a = np.array([[[1, 2], [2, 4]], [[np.nan, 1], [1, 1]], [[np.inf, 1], [1, 1]], [[1, 0], [0, 1]]])
    np.testing.assert_array_equal(ainv.rcond(a), [0, np.nan, np.nan, 1])
    for p in (3, "fro", None, -1):
        with pytest.raises(ValueError, match="1, 2, inf"):
            ainv.rcond(a, p=p if p is not None else "one")
