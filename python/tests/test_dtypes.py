"""Which dtypes are taken, what comes back, and how precise it is inside."""

import ainv
import ml_dtypes
import numpy as np
import pytest
from helpers import A3, DTYPES, assert_inverse, posdef, random

INTEGERS = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "longlong",
]
REFUSED = [
    np.eye(2, dtype="longdouble"),
    np.eye(2, dtype="clongdouble"),
    np.eye(2, dtype=object),
    [[2**70, 0], [0, 1]],
    np.array([["1", "0"], ["0", "1"]]),
    np.eye(2).astype("S3"),
    np.zeros((2, 2), "datetime64[s]"),
    np.zeros((2, 2), "timedelta64[s]"),
    np.zeros((2, 2), [("x", float)]),
    np.eye(2).astype(ml_dtypes.float8_e5m2),
]
HALVES = ["float16", ml_dtypes.bfloat16]
FUNCTIONS = {
    "inv": ainv.inv,
    "pinv": ainv.pinv,
    "tri_inv": ainv.tri_inv,
    "cholesky": ainv.cholesky,
    "cholesky_inv": ainv.cholesky_inv,
    "solve": lambda a: ainv.solve(a, a),
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


@functions
@pytest.mark.parametrize("dtype", [*DTYPES, *HALVES])
def test_kept(f, dtype):
    assert f(posdef((2, 3, 3)).astype(dtype)).dtype == dtype


@functions
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(f, dtype):
    a = np.eye(3).astype(dtype)
    x = f(a)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, np.eye(3))


def test_integers_are_not_rounded():
    np.testing.assert_array_equal(ainv.inv(np.array([[1, 2], [3, 4]])), [[-2, 1], [1.5, -0.5]])


@functions
@pytest.mark.parametrize("a", REFUSED, ids=lambda a: str(np.asarray(a).dtype))
def test_refused(f, a):
    with pytest.raises(TypeError, match="float16, bfloat16, float32, float64, complex64") as e:
        f(a)
    assert str(np.asarray(a).dtype) in str(e.value)


@pytest.mark.parametrize("dtype", HALVES)
def test_half(dtype):
    a = (random((5, 4, 4)) + 4 * np.eye(4)).astype(dtype)
    x = ainv.inv(a)
    assert_inverse(a, x, dtype=dtype, bound=2)
    # Computed in single and rounded once: the nearest half of the true inverse, but for ties.
    exact = np.linalg.inv(a.astype("float64"))
    np.testing.assert_array_equal(x, exact.astype(dtype))
    assert ainv.rcond(a).dtype == dtype


@pytest.mark.parametrize("dtype", HALVES)
def test_half_tolerance_is_of_its_own_epsilon(dtype):
    epsilon = 2.0**-10 if dtype == "float16" else 2.0**-7
    a = np.diag([1.0, epsilon]).astype(dtype)
    np.testing.assert_array_equal(ainv.pinv(a), np.diag([1.0, 0.0]))
    np.testing.assert_array_equal(ainv.pinv(a, atol=epsilon / 2), np.diag([1.0, 1 / epsilon]))
    np.testing.assert_array_equal(ainv.pinv(a, rtol=epsilon / 2), np.diag([1.0, 1 / epsilon]))


def test_half_overflow_is_infinity_without_a_warning():
    with np.errstate(all="raise"):
        x = ainv.inv(np.array([[1e-7, 0], [0, 1]], "float16"))
    np.testing.assert_array_equal(x, [[np.inf, 0], [0, 1]])


def test_single_is_computed_in_double():
    a = random((200, 200), "float32", seed=4)
    exact = np.linalg.inv(a.astype("float64"))
    error = np.abs(ainv.inv(a) - exact).max() / np.abs(exact).max()
    assert error < 1e-7
    native = np.abs(ainv.inv(a, precision="native") - exact).max() / np.abs(exact).max()
    assert error < native < 1e-3
    np.testing.assert_array_equal(ainv.inv(a, precision="double"), ainv.inv(a))


def test_precision_is_checked():
    with pytest.raises(ValueError, match="native, double"):
        ainv.inv(A3, precision="single")


@pytest.mark.parametrize(
    ("a", "b", "x"),
    [
        ("float32", "float64", "float64"),
        ("float32", "float32", "float32"),
        ("float32", "complex64", "complex64"),
        ("float64", "complex64", "complex128"),
        ("complex64", "int8", "complex128"),
        ("float32", "int8", "float64"),
        ("float16", "float16", "float16"),
        ("float16", "float32", "float32"),
        ("float16", ml_dtypes.bfloat16, "float32"),
        ("float16", "int64", "float64"),
    ],
)
def test_solve_promotes(a, b, x):
    for first, second in ((a, b), (b, a)):
        result = ainv.solve(np.eye(2).astype(first), np.ones((2, 1)).astype(second))
        assert result.dtype == x
        np.testing.assert_array_equal(result, np.ones((2, 1)))
