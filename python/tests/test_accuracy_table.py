"""The program behind docs/accuracy.md: ainv's ratios on a few of its matrices, and that it cannot be fooled."""

from pathlib import Path

import ainv
import numpy as np
import pytest
from helpers import random

#: Over it a ratio fails.
BAR = 3.0


@pytest.fixture
def accuracy(monkeypatch):
    folder = Path(__file__).parents[2] / "benches"
    if not folder.is_dir():
        pytest.skip("the benchmarks are not here")
    monkeypatch.syspath_prepend(str(folder))
    # These are for NumPy's threads, and for the program alone.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    return pytest.importorskip("accuracy")


def bad(x):
    """Results that are none: one entry off by a hundredth, transposed, with a NaN, with an infinity."""
    wrong, nan, infinite = x.copy(), x.copy(), x.copy()
    wrong[..., 0, -1] += 1e-2 * abs(x).max()
    nan[..., -1, 0], infinite[..., 0, 0] = np.nan, np.inf
    return {"wrong": wrong, "transposed": x.swapaxes(-1, -2).copy(), "NaN": nan, "infinite": infinite}


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [2, 3, 24, 65])
def test_ratios_find_what_is_no_inverse(accuracy, n, dtype):
    a = random((4, n, n), dtype)
    x = ainv.inv(a)
    assert np.max(accuracy.residuals(a, x)) < BAR
    for what, y in bad(x).items():
        assert np.min(accuracy.residuals(a, y)) > BAR, what
    assert np.isinf(accuracy.residuals(a, x[:, :-1])).all()
    # One bad matrix of a stack is that one alone.
    y = x.copy()
    y[2, 0, 0] = np.nan
    for side in accuracy.residuals(a, y):
        assert np.isinf(side[2]) and np.delete(side, 2).max() < BAR

    lower = np.tril(a) + 4 * np.eye(n, dtype=dtype)
    x = ainv.tri_inv(lower)
    assert accuracy.outside(lower, x).max() == accuracy.outside(lower.swapaxes(-1, -2), x.swapaxes(-1, -2)).max() == 0
    for what, y in bad(x).items():
        assert accuracy.outside(lower, y).min() > BAR, what

    b = random((4, n, 3), dtype, 1)
    x = ainv.solve(a, b)
    assert accuracy.backward(a, b, x).max() < BAR
    for what, y in bad(x).items():
        if what != "transposed":
            assert accuracy.backward(a, b, y).min() > BAR, what

    tall = random((4, n + 2, n), dtype)
    x = ainv.pinv(tall)
    assert accuracy.penrose(tall, x).max() < BAR
    for what, y in bad(x).items():
        assert accuracy.penrose(tall, y).min() > BAR, what


def test_the_sides_are_told_apart(accuracy):
    a, x = np.diag([1.0, 1e-8]), np.diag([1.0, 1e8])
    x[1, 0] = 1.0
    right, left = accuracy.residuals(a[None], x[None])
    assert right < 1 and left > 1e6
    right, left = accuracy.residuals(a.T[None], x.T[None])
    assert right > 1e6 and left < 1


def test_ratios_do_not_depend_on_scale(accuracy):
    a = random((4, 8, 8))
    ratios = accuracy.residuals(a, ainv.inv(a))
    for k in (-1000, 1000):
        for ratio, scaled in zip(ratios, accuracy.residuals(np.ldexp(a, k), ainv.inv(np.ldexp(a, k))), strict=True):
            np.testing.assert_array_equal(ratio, scaled)


def test_entries_beside_the_exact_inverse(accuracy):
    a = np.array([[3.0, 1.0], [1.0, 2.0]])
    exact = accuracy.exact_inverse(a)
    assert [[x * 5 for x in row] for row in exact] == [[2, -1], [-1, 3]]
    for dtype in ("float64", "complex128", "float32"):
        a = random((5, 5), dtype)
        exact, x = accuracy.exact_inverse(a), ainv.inv(a)
        assert accuracy.entry_error(a, x, exact) < BAR
        for what, y in bad(x).items():
            assert not accuracy.entry_error(a, y, exact) < BAR, what
    with pytest.raises(ZeroDivisionError):
        accuracy.exact_inverse(np.ones((2, 2)))


def test_quick_table(accuracy):
    libraries = accuracy.installed(["numpy"])
    outcomes = list(accuracy.everything(libraries, quick=True))
    ours = [o for o in outcomes if o.library.startswith("ainv")]
    assert {o.operation for o in ours} == {"inv", "inv, zeros", "posdef", "tri_inv", "solve", "pinv", "entries"}
    assert {o.library for o in ours} == {"ainv", "ainv native"}
    for o in ours:
        # Zeros of a triangle are of pivots, not of rounding.
        assert o.ratios[0] < BAR or o.operation == "inv, zeros" and o.family == "upper triangles", o
    page = accuracy.page(outcomes, "", "")
    assert "| random normal |" in page


@pytest.mark.parametrize("fault", ["wrong", "transposed", "NaN", "infinite"])
def test_page_names_a_fault(accuracy, fault):
    numpy = accuracy.installed(["numpy"])["numpy"]
    families = {"planted": random((3, 6, 6))}

    def named(inv):
        outcomes = list(accuracy.measure({"ainv": {"inv": inv}, "numpy": numpy}, "inv", families))
        _, behind = accuracy.page(outcomes, "", "").split("## Where ainv")
        return "planted" in behind

    assert not named(np.linalg.inv)
    assert named(lambda a: bad(ainv.inv(a))[fault])
