"""Singular matrices, NaN, infinities and extreme scales: the tables of the contract."""

import copy
import pickle

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, SINGULAR, assert_inverse, random

ORDERS = [1, 2, 3, 4, 5, 16, 17, 33, 64]


@pytest.mark.parametrize("n", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["zero", "zero row", "zero column"])
def test_the_bad_one_is_named(n, dtype, kind):
    a = random((2, 3, n, n), dtype, seed=n)
    bad = a[1, 0]
    if kind == "zero":
        bad[:] = 0
    elif kind == "zero row":
        bad[n // 2] = 0
    else:
        bad[:, n // 2] = 0
    with pytest.raises(ainv.LinAlgError, match="Singular matrix") as e:
        ainv.inv(a)
    assert e.value.batch_index == (1, 0)
    assert f"(Batch element 3): The diagonal element {e.value.diagonal} is zero" in str(e.value)
    if kind == "zero":
        assert e.value.diagonal == 1
    if kind == "zero column":
        assert e.value.diagonal == n // 2 + 1

    x = ainv.inv(a, on_singular="nan")
    assert np.isnan(x[1, 0]).all()
    others = np.arange(6) != 3
    assert_inverse(a.reshape(6, n, n)[others], x.reshape(6, n, n)[others], bound=300)

    inverse, info = ainv.inv_ex(a)
    np.testing.assert_array_equal(inverse, x)
    np.testing.assert_array_equal(info.ravel() != 0, ~others)
    assert info.dtype == np.int32 and info[1, 0] == e.value.diagonal
    with pytest.raises(ainv.LinAlgError) as again:
        ainv.inv_ex(a, check_errors=True)
    assert again.value.batch_index == (1, 0)

    x = ainv.inv(a, on_singular="pinv")
    np.testing.assert_allclose(x[1, 0], ainv.pinv(a[1, 0]), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(x.reshape(6, n, n)[others], inverse.reshape(6, n, n)[others])


def test_one_matrix():
    for a in (
        SINGULAR,
        np.ones((2, 2)),
        [[0.0]],
        np.arange(9.0).reshape(3, 3),
        np.arange(1.0, 10).reshape(3, 3),
    ):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix") as e:
            ainv.inv(a)
        assert e.value.batch_index == ()
        assert e.value.diagonal == len(a)
        with pytest.raises(RuntimeError, match=r"The diagonal element \d+ is zero"):
            ainv.solve(a, a)


def test_the_error_can_be_copied():
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.inv(SINGULAR)
    for twin in (pickle.loads(pickle.dumps(e.value)), copy.copy(e.value)):
        assert type(twin) is ainv.LinAlgError and str(twin) == str(e.value)
        assert (twin.batch_index, twin.diagonal) == ((), 2)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
@pytest.mark.parametrize("f", [ainv.tri_inv, ainv.cholesky_inv])
@pytest.mark.parametrize("upper", [False, True])
def test_triangles(f, n, upper):
    a = np.tril(random((4, n, n))) + 3 * np.eye(n)
    a[2, n - 1, n - 1] = 0
    if upper:
        a = a.swapaxes(-1, -2)
    with pytest.raises(ainv.LinAlgError, match="Batch element 2") as e:
        f(a, upper)
    assert (e.value.batch_index, e.value.diagonal) == ((2,), n)
    x = f(a, upper, on_singular="nan")
    assert np.isnan(x[2]).all() and np.isfinite(x[[0, 1, 3]]).all()


@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
def test_not_positive_definite(n):
    a = np.stack([np.eye(n), -np.eye(n)])
    for f in (ainv.cholesky, lambda a: ainv.inv(a, assume="pos")):
        with pytest.raises(
            ainv.LinAlgError, match=r"not positive definite \(Batch element 1\)"
        ) as e:
            f(a)
        assert (e.value.batch_index, e.value.diagonal) == ((1,), 1)
    np.testing.assert_array_equal(ainv.inv_ex(a, assume="posdef").info, [0, 1])
    np.testing.assert_array_equal(ainv.inv(a), a)


@pytest.mark.parametrize("n", [2, 3, 4, 17, 40])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite(n, value):
    a = random((5, n, n), seed=n)
    a[2, 1, 0] = value
    clean = np.arange(5) != 2
    for x in (ainv.inv(a), ainv.inv_ex(a).inverse, ainv.solve(a, a)):
        assert np.isnan(x[2]).all()
        assert np.isfinite(x[clean]).all()
    assert_inverse(a[clean], ainv.inv(a)[clean], bound=100)
    np.testing.assert_array_equal(ainv.inv_ex(a).info, 0)
    for hermitian in (False, True):
        with pytest.raises(ainv.LinAlgError, match="Batch element 2") as e:
            ainv.pinv(a, hermitian=hermitian)
        assert e.value.batch_index == (2,) and e.value.diagonal is None
        x = ainv.pinv(a, hermitian=hermitian, on_singular="nan")
        assert np.isnan(x[2]).all() and np.isfinite(x[clean]).all()


def test_nan_and_infinity_by_hand():
    nan, inf = np.nan, np.inf
    np.testing.assert_array_equal(ainv.inv([[nan, 1], [1, 2]]), np.full((2, 2), nan))
    np.testing.assert_array_equal(ainv.inv([[1, nan], [0, 2]]), np.full((2, 2), nan))
    np.testing.assert_array_equal(ainv.inv([[inf, 0], [0, 1]]), [[0, 0], [0, 1]])
    np.testing.assert_array_equal(ainv.inv([[1, inf], [0, 1]]), np.full((2, 2), nan))
    np.testing.assert_array_equal(ainv.inv(np.full((3, 3), inf)), np.full((3, 3), nan))
    for a in ([[inf, 0], [0, 1]], np.full((3, 3), inf)):
        with pytest.raises(ainv.LinAlgError):
            ainv.pinv(np.asarray(a))


def test_nearly_singular_is_returned():
    x = ainv.inv([[1, 1], [1, 1 + 2.3e-16]])
    assert np.isfinite(x).all() and np.abs(x).max() > 1e15
    with pytest.raises(ainv.LinAlgError):
        ainv.inv([[1, 1], [1, 1 + 1e-17]])
    i = np.arange(15)
    for n in (12, 15):
        assert np.isfinite(ainv.inv(1.0 / (i[:n, None] + i[:n] + 1))).all()


def test_scale():
    cases = []

    def case(a, x, rtol=1e-14):
        cases.append((np.asarray(a), x, rtol))

    eye, z, inverse = np.eye(3), 1 + 1j, np.linalg.inv(A3)
    for scale in (1e300, 1e-300, 1e200, 1e-200):
        case(scale * A3, inverse / scale)
    # Subnormal inverses have fewer digits.
    case(1e307 * A3, inverse / 1e307, 1e-14)
    case(1e-308 * eye, 1e308 * eye)
    case(5e-324 * eye, np.where(eye == 1, np.inf, 0), 0)
    case(1e-310 * A3, np.copysign(np.inf, inverse), 0)
    case(np.diag([1e-309, 1]), np.diag([np.inf, 1]), 0)
    case(np.diag([1e300, 1e-300]), np.diag([1e-300, 1e300]))
    case([[np.finfo(float).max]], [[1 / np.finfo(float).max]], 0)
    case([[1e-310]], [[np.inf]], 0)
    case([[1e300 * z]], [[1e-300 / z]])
    case([[1e-300 * z]], [[1e300 / z]])
    case(np.eye(2, dtype="f") * np.float32(1e-40), np.where(np.eye(2) == 1, np.inf, 0), 0)
    for a, x, rtol in cases:
        with np.errstate(all="raise"):
            y = ainv.inv(a)
        np.testing.assert_allclose(y, x, rtol=rtol, atol=1e-323)
