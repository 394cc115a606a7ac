"""The measures of the tests can fail: wrong results do not pass."""

import numpy as np
import pytest
from helpers import DTYPES, assert_inverse, assert_same_bits, assert_small, random, ratio
from residuals import adjoint, inverse_ratio, over, pinv_ratio


def wrong(x):
    """Wrong results in the place of x, by name."""
    yield "zero", np.zeros_like(x)
    yield "negative", -x
    yield "ten per cent off", x * x.dtype.type(1.1)
    yield "far too large", x * x.dtype.type(2.0**30)
    yield "far too small", x * x.dtype.type(2.0**-30)
    yield "transposed", np.swapaxes(x, -1, -2).copy()
    values = [np.nan, np.inf, -np.inf]
    if x.dtype.kind == "c":
        yield "conjugated", x.conj()
        values += [complex(0, np.nan), complex(1, np.inf)]
    for at in np.ndindex(x.shape):
        for value in values:
            y = x.copy()
            y[at] = value
            yield f"{value} at {at}", y
        y = x.copy()
        y[at] *= x.dtype.type(1.1)
        yield f"entry {at} off", y


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 2), (5, 5), (3, 4, 4)])
def test_wrong_inverses_fail(shape, dtype):
    a = random(shape, dtype, seed=3)
    x = np.linalg.inv(a)
    assert_inverse(a, x)
    for name, y in wrong(x):
        with pytest.raises(AssertionError):
            assert_inverse(a, y)
            pytest.fail(f"passes: {name}", pytrace=False)


#: The measures that the properties and scripts/soak judge by: of a matrix and of its result.
MEASURES = {
    "inverse": (inverse_ratio, np.linalg.inv, 3),
    "pseudo-inverse": (pinv_ratio, np.linalg.pinv, 5),
    "factor": (lambda a, x, u: over(x @ adjoint(x) - a @ adjoint(a), a.shape[-1], u, a @ adjoint(a)),
               lambda a: np.linalg.cholesky(a @ adjoint(a)), 3),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("name", MEASURES)
def test_wrong_results_are_over_the_bar(name, dtype):
    measure, function, bar = MEASURES[name]
    a, u = random((4, 4), dtype, seed=3), np.finfo(dtype).eps / 2
    x = function(a)
    assert np.all(measure(a, x, u) <= bar)
    for what, y in wrong(x):
        # The lower factor times minus one is another factor.
        if not (name == "factor" and (what == "negative" or np.array_equal(x, y))):
            assert not np.all(measure(a, y, u) <= bar), what


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_other_shapes_and_matrices_fail():
    a = random((4, 4), seed=3)
    x = np.linalg.inv(a)
    for y in (x[:3], x[None], x.ravel()):
        with pytest.raises(AssertionError):
            assert_inverse(a, y)
    for value in (np.nan, np.inf):
        b = a.copy()
        b[3, 0] = value
        with pytest.raises(AssertionError):
            assert_inverse(b, x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 10.0, 1e300])
def test_one_bad_ratio_fails(bad):
    assert_small([0.5, 9.9])
    for ratios in ([bad], [bad, 0.5], [0.5, bad], bad):
        with pytest.raises(AssertionError):
            assert_small(ratios)


def test_the_ratio_is_what_its_name_says():
    residual, factor = np.array([[3.0, -1.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, -8.0]])
    eps = np.finfo(np.float32).eps
    assert ratio(residual, factor, dtype="float32") == pytest.approx(3.0 / (2 * eps * 8.0))
    # Norms that are zero, or whose product is, are no excuse.
    for zero in (factor * 0, factor * 1e-200):
        with np.errstate(all="ignore"):
            assert not np.any(ratio(residual, zero, zero, dtype="float64") < 10)


def test_bits_are_bits():
    x = np.array([0.0, np.nan, 1.0])
    assert_same_bits(x, x.copy())
    for y in (np.array([-0.0, np.nan, 1.0]), x.astype(np.float32), x[:2], x[:, None]):
        with pytest.raises(AssertionError):
            assert_same_bits(x, y)
