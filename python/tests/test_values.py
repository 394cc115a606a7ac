"""Values pinned by hand, what each assumption reads, and pinv's tolerances."""

from fractions import Fraction

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, adjoint, assert_inverse, assert_small, posdef, random, ratio

NAN = np.nan


def test_pinned():
    close = np.testing.assert_allclose
    close(ainv.inv(A3) * 94, [[24, -2, -7], [-6, 24, -10], [2, -8, 19]], rtol=1e-14)
    close(ainv.inv([[1, 2], [3, 4]]), [[-2, 1], [1.5, -0.5]], rtol=1e-15)
    x = ainv.cholesky_inv([[2, NAN, NAN], [1, 3, NAN], [4, 5, 6]])
    close(x[0], [0.3156, -0.0015, -0.0324], atol=5e-5)
    close(x[1], [-0.0015, 0.1883, -0.0463], atol=5e-5)
    close(x[2], [-0.0324, -0.0463, 0.0278], atol=5e-5)
    close(ainv.cholesky_inv([[-2, 0], [1, 3]]), np.array([[10, 2], [2, 4]]) / 36, rtol=1e-14)
    close(
        ainv.pinv([[1, 2], [3, 4], [5, 6]]),
        [[-4 / 3, -1 / 3, 2 / 3], [13 / 12, 1 / 3, -5 / 12]],
        rtol=1e-13,
    )
    close(ainv.pinv(np.ones((3, 3))), np.full((3, 3), 1 / 9), rtol=1e-14)
    close(ainv.pinv([[2, NAN], [-1j, 3]], hermitian=True), [[0.6, -0.2j], [0.2j, 0.4]], atol=1e-15)
    close(ainv.inv([[2, NAN], [1, 3]], assume="symmetric"), [[0.6, -0.2], [-0.2, 0.4]], rtol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_unit_matrix_with_one_entry(dtype):
    """numpy 22502: wrong on one CPU. Exact, alone and in a stack."""
    a, x = np.eye(24, dtype=dtype), np.eye(24, dtype=dtype)
    a[17, 15], x[17, 15] = 10, -10
    np.testing.assert_array_equal(ainv.inv(a), x)
    np.testing.assert_array_equal(ainv.inv(np.stack([a] * 35)), np.stack([x] * 35))


def hide(a, part):
    """NaN where nothing may be read."""
    n = a.shape[-1]
    kept = {"lower": np.tri(n), "upper": np.tri(n).T, "diagonal": np.eye(n)}[part]
    return np.where(kept == 1, a, NAN).astype(a.dtype)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 40])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_read(n, dtype):
    a = posdef((3, n, n), dtype, seed=n)
    symmetric = random((3, n, n), dtype, seed=n)
    symmetric = symmetric + symmetric.swapaxes(-1, -2)
    lower, upper = np.tril(a), np.triu(a)
    diagonal = a * np.eye(n)
    for names, read, whole in (
        (["general", "gen", "auto"], a, a),
        (["symmetric", "sym"], hide(symmetric, "lower"), symmetric),
        (["hermitian", "her"], hide(a, "lower"), a),
        (["posdef", "pos", "positive definite"], hide(a, "lower"), a),
        (["lower", "lower triangular"], hide(a, "lower"), lower),
        (["upper", "upper triangular"], hide(a, "upper"), upper),
        (["diagonal"], hide(a, "diagonal"), diagonal),
    ):
        for name in names:
            x = ainv.inv(read, assume=name)
            assert_inverse(whole, x, bound=100)
            b = random((3, n, 2), dtype, seed=1)
            y = ainv.solve(read, b, assume=name)
            residual = np.abs(whole @ y - b).max()
            scale = np.abs(whole).max() * np.abs(y).max() * n * np.finfo(dtype).eps
            assert residual < 300 * scale
    for x, other in (
        (ainv.inv(lower, assume="lower"), np.triu),
        (ainv.inv(upper, assume="upper"), np.tril),
    ):
        assert not other(x, 1 if other is np.triu else -1).any()


def test_unknown_assumption():
    for f in (ainv.inv, ainv.inv_ex, ainv.rcond, lambda a, assume: ainv.solve(a, a, assume=assume)):
        with pytest.raises(ValueError, match="auto, general .*symmetric .*posdef.*lower.*diagonal"):
            f(A3, assume="tridiagonal")
    with pytest.raises(ValueError, match="raise, nan, pinv"):
        ainv.inv(A3, on_singular="ignore")
    with pytest.raises(ValueError, match="raise, nan"):
        ainv.pinv(A3, on_singular="pinv")
    with pytest.raises(TypeError):
        ainv.inv(A3, "general")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 40])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_and_its_inverse(n, dtype, upper):
    a = posdef((3, n, n), dtype, seed=n)
    part = "upper" if upper else "lower"
    factor = ainv.cholesky(hide(a, part), upper)
    low = adjoint(factor) if upper else factor
    assert not np.triu(low, 1).any()
    assert_small(ratio(low @ adjoint(low) - a, a, dtype=dtype))
    x = ainv.cholesky_inv(hide(factor, part), upper)
    assert ainv.cholesky_inverse is ainv.cholesky_inv
    np.testing.assert_array_equal(x, adjoint(x))
    assert_inverse(a, x, bound=100)


def test_complex_diagonal_of_a_factor():
    low = np.array([[2 + 1j, 0], [1, 3 - 1j]])
    np.testing.assert_allclose(
        ainv.cholesky_inv(low), np.linalg.inv(low @ adjoint(low)), rtol=1e-13
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 40])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("unit", [False, True])
def test_tri_inv(n, dtype, unit):
    a = random((3, n, n), dtype, seed=n) / n + 2 * np.eye(n)
    a = a.astype(dtype)
    for upper in (False, True):
        cut = np.triu if upper else np.tril
        whole = cut(a)
        given = hide(a, "upper" if upper else "lower")
        if unit:
            whole = whole * (1 - np.eye(n)) + np.eye(n)
            given = np.where(np.eye(n) == 1, NAN, given).astype(dtype)
        x = ainv.tri_inv(given, upper, unit_diagonal=unit)
        np.testing.assert_array_equal(x, cut(x))
        assert_inverse(whole.astype(dtype), x, bound=50)


def test_solve_shapes():
    a = random((3, 3, 3)) + 4 * np.eye(3)
    b = random((3, 3), seed=1)
    x = ainv.solve(a, b)
    assert x.shape == (3, 3, 3)
    np.testing.assert_allclose(a @ x, np.broadcast_to(b, (3, 3, 3)), atol=1e-13)
    x = ainv.solve(a, b[0])
    assert x.shape == (3, 3)
    np.testing.assert_allclose(
        np.einsum("bij,bj->bi", a, x), np.broadcast_to(b[0], (3, 3)), atol=1e-13
    )
    wide = random((2, 1, 3, 5))
    x = ainv.solve(a, wide)
    assert x.shape == (2, 3, 3, 5)
    np.testing.assert_allclose(a @ x, np.broadcast_to(wide, x.shape), atol=1e-13)
    assert ainv.solve(a, np.zeros((3, 3, 0))).shape == (3, 3, 0)
    assert ainv.solve(np.zeros((0, 0)), np.zeros((0, 4))).shape == (0, 4)
    assert ainv.solve(np.zeros((0, 0)), np.zeros(0)).shape == (0,)
    assert ainv.solve(np.zeros((0, 2, 2)), np.zeros(2)).shape == (0, 2)
    out = np.empty((3, 3))
    assert ainv.solve(a, b[0], out=out) is out
    np.testing.assert_array_equal(out, ainv.solve(a, b[0]))


def test_solve_refuses():
    with pytest.raises(ValueError, match=r"b\[\.\.\., None\]"):
        ainv.solve(np.zeros((2, 3, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="broadcast"):
        ainv.solve(np.zeros((2, 3, 3)), np.zeros((4, 3, 1)))
    with pytest.raises(ValueError, match="4 rows"):
        ainv.solve(np.eye(3), np.zeros(4))
    with pytest.raises(ainv.LinAlgError):
        ainv.solve(np.eye(3), 1.0)


def rank2(dtype):
    a = random((6, 2), seed=9) @ random((2, 6), seed=8)
    return a.astype(dtype)


def test_default_tolerance():
    assert np.abs(ainv.pinv(rank2("float32"))).max() < 10
    np.testing.assert_array_equal(ainv.pinv(np.diag([1, 1e-7]).astype("float32")), np.diag([1, 0]))
    np.testing.assert_allclose(ainv.pinv(np.diag([1, 1e-15])), np.diag([1, 1e15]), rtol=1e-14)
    np.testing.assert_array_equal(
        ainv.pinv(np.diag([1, 1e-15]), rtol=None), ainv.pinv(np.diag([1, 1e-15]))
    )
    np.testing.assert_array_equal(ainv.pinv(np.zeros((2, 3, 4))), np.zeros((2, 4, 3)))


@pytest.mark.parametrize("hermitian", [False, True])
def test_tolerances(hermitian):
    a = np.diag([4.0, 2.0, 1.0])

    def kept(*args, **keywords):
        return np.count_nonzero(ainv.pinv(a, *args, hermitian=hermitian, **keywords))

    # What equals the cut is dropped.
    assert [kept(r) for r in (0.5, 0.49, 0.25, 0.2, 0)] == [1, 2, 2, 3, 3]
    assert kept(rtol=0.3) == kept(rcond=0.3) == kept(Fraction(3, 10).__float__()) == 2
    assert kept(atol=1.5) == 2 and kept(atol=1.5, rtol=0.5) == 1 and kept(atol=0) == 3
    assert kept(np.inf) == kept(1.0) == kept(7) == 0
    assert kept(True) == 0


@pytest.mark.parametrize("name", ["rcond", "rtol", "atol"])
def test_tolerances_of_a_stack(name):
    a = np.stack([np.diag([1.0, 1e-3])] * 4)
    for value in (
        np.array([1e-2, 1e-4, 1e-2, 1e-4]),
        [1e-2, 1e-4, 1e-2, 1e-4],
        np.array([1e-2, 1e-4] * 2, "float16"),
    ):
        x = ainv.pinv(a, **{name: value})
        assert [np.count_nonzero(m) for m in x] == [1, 2, 1, 2]
    for value in (np.array(1e-2), np.float32(1e-2), [1e-2], np.array([1e-2])):
        assert np.count_nonzero(ainv.pinv(a, **{name: value})) == 4
    assert np.count_nonzero(ainv.pinv(a, **{name: np.array([0, 1, 0, 1])})) == (
        4 if name != "atol" else 4
    )
    x = ainv.pinv(a.reshape(2, 2, 2, 2), **{name: [[1e-2], [1e-4]]})
    assert [np.count_nonzero(m) for m in x] == [2, 4]
    for shape in ((3,), (4, 1), (1, 4), (4, 4)):
        with pytest.raises(ValueError, match="does not fit the batch"):
            ainv.pinv(a, **{name: np.ones(shape)})
    for value in (-1e-3, np.nan, [1, 1, -1, 1]):
        with pytest.raises(ValueError, match="negative or NaN"):
            ainv.pinv(a, **{name: value})
    for value in (1j, np.complex64(1), np.ones(4, complex), "1", object()):
        with pytest.raises(TypeError):
            ainv.pinv(a, **{name: value})


def test_one_relative_tolerance():
    with pytest.raises(ValueError, match="rcond and rtol"):
        ainv.pinv(A3, 1e-3, rtol=1e-3)


def test_hermitian():
    a = np.diag([1.0, -2.0, 0.0])
    np.testing.assert_array_equal(ainv.pinv(a, hermitian=True), np.diag([1, -0.5, 0]))
    a = posdef((3, 5, 5), "complex128")
    garbage = a + np.triu(np.full((5, 5), NAN), 1)
    garbage[..., np.arange(5), np.arange(5)] += 3j
    np.testing.assert_allclose(
        ainv.pinv(garbage, hermitian=True), np.linalg.inv(a), rtol=1e-10, atol=1e-13
    )
    assert ainv.pinv(A3, None, True).shape == (3, 3)
