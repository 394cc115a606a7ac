"""`ainv.linalg`: what the array API standard, 2025.12, asks of inv, pinv, solve and cholesky."""

import doctest
import inspect

import ainv
import numpy as np
import pytest
from ainv import linalg
from helpers import DTYPES, adjoint, assert_inverse, assert_same_bits, posdef, random


def test_names_and_signatures():
    assert linalg.__all__ == ["cholesky", "inv", "pinv", "solve"]
    for name, expected in {
        "inv": "(x, /)",
        "pinv": "(x, /, *, rtol=None)",
        "solve": "(x1, x2, /)",
        "cholesky": "(x, /, *, upper=False)",
    }.items():
        signature = inspect.signature(getattr(linalg, name))
        bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        assert str(inspect.Signature(bare)) == expected


def test_examples():
    assert doctest.testmod(linalg).attempted > 8
    assert doctest.testmod(linalg).failed == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_dtypes_and_shapes(batch, n, dtype):
    a, wide = random((*batch, n, n), dtype), random((*batch, n, n + 2), dtype)
    p = posdef((*batch, n, n), dtype)
    x = linalg.inv(a)
    assert x.dtype == a.dtype and x.shape == a.shape
    if a.size:
        assert_inverse(a, x)
    x = linalg.pinv(wide)
    assert x.dtype == a.dtype and x.shape == (*batch, n + 2, n)
    for b in (random((n,), dtype), random((*batch, n, 3), dtype), random((n, 2), dtype)):
        x = linalg.solve(a, b)
        tail = (n,) if b.ndim == 1 else b.shape[-2:]
        assert x.dtype == a.dtype and x.shape == (*batch, *tail)
    lower, upper = linalg.cholesky(p), linalg.cholesky(p, upper=True)
    assert lower.dtype == upper.dtype == p.dtype
    tolerance = 1e-4 if np.finfo(dtype).bits == 32 else 1e-12
    np.testing.assert_allclose(lower @ adjoint(lower), p, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(adjoint(upper) @ upper, p, rtol=tolerance, atol=tolerance)
    assert not np.triu(lower, 1).any() and not np.tril(upper, -1).any()


def test_solve_promotes():
    a, b = random((3, 3), "float32"), random((3,), "complex128")
    assert linalg.solve(a, b).dtype == "complex128"
    assert linalg.solve(a, b.real).dtype == "float64"


def test_a_stack_of_vectors_is_not_guessed():
    with pytest.raises(ValueError, match=r"b\[\.\.\., None\]"):
        linalg.solve(random((2, 3, 3)), random((2, 3)))


def test_rtol():
    a = np.stack([np.diag([1.0, 1e-3]), np.diag([1.0, 1e-5])])
    assert_same_bits(linalg.pinv(a), ainv.pinv(a))
    x = linalg.pinv(a, rtol=1e-4)
    assert x[0, 1, 1] == pytest.approx(1e3) and x[1, 1, 1] == 0
    x = linalg.pinv(a, rtol=np.array([1e-2, 1e-6]))
    assert x[0, 1, 1] == 0 and x[1, 1, 1] == pytest.approx(1e5)


def test_arguments_are_positional_or_not_as_the_standard_says():
    a = np.eye(2)
    for wrong in (
        lambda: linalg.inv(x=a),
        lambda: linalg.pinv(a, 1e-3),
        lambda: linalg.solve(x1=a, x2=a),
        lambda: linalg.cholesky(a, True),
    ):
        with pytest.raises(TypeError):
            wrong()


def test_other_libraries():
    torch = pytest.importorskip("torch")
    a = torch.eye(3) * 2
    for x in (linalg.inv(a), linalg.pinv(a, rtol=1e-3), linalg.solve(a, a[0]), linalg.cholesky(a)):
        assert type(x) is torch.Tensor and x.dtype is torch.float32


def test_errors():
    with pytest.raises(ainv.LinAlgError, match="Singular"):
        linalg.inv(np.zeros((2, 2)))
    with pytest.raises(ainv.LinAlgError, match="square"):
        linalg.inv(np.zeros((2, 3)))
    with pytest.raises(ainv.LinAlgError):
        linalg.cholesky(-np.eye(2))
