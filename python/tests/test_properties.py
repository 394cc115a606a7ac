"""Properties over random shapes, layouts, dtypes and values.

150 examples each, the same ones every time; `AINV_TEST_EXAMPLES=5000` tries so many, and others each time.
"""

import os

import ainv
import numpy as np
from helpers import DTYPES, assert_same_bits, assert_small, random
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from residuals import adjoint, inverse_ratio, one_norm, over, pinv_ratio

examples = os.environ.get("AINV_TEST_EXAMPLES")
settings.register_profile(
    "ainv", deadline=None, max_examples=int(examples or 150), derandomize=not examples
)
settings.load_profile("ainv")

# In LAPACK's unit, half an epsilon. An order of magnitude below its line, 30.
TIGHT = 3


@st.composite
def views(draw, square=True):
    """A view of normal entries: any leading dimensions, sliced, transposed, reversed."""
    lead = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    m = draw(st.integers(0, 20))
    n = m if square else draw(st.integers(0, 12))
    steps = [draw(st.sampled_from([1, 2, -1, -3])) for _ in range(len(lead) + 2)]
    order = draw(st.permutations(range(len(steps))))
    shape = [(*lead, m, n)[i] for i in order]
    memory = random(
        [s * abs(steps[i]) for s, i in zip(shape, order)],
        draw(st.sampled_from(DTYPES)),
        draw(st.integers(0, 99)),
    )
    view = memory[tuple(slice(None, None, steps[i]) for i in order)]
    return view.transpose(np.argsort(order))


@st.composite
def positive(draw):
    """The same of Hermitian matrices with no small eigenvalue; whole, as they lie in memory."""
    a = draw(views())
    if a.size:
        p = exactly(a) @ adjoint(exactly(a)) + a.shape[-1] * np.eye(a.shape[-1])
        p = p.astype(a.dtype)
        a[...] = np.tril(p, -1) + adjoint(np.tril(p, -1)) + np.eye(a.shape[-1]) * p.real
    return a


def exactly(a):
    """With digits enough that residuals measure the result and not themselves."""
    return a.astype(np.clongdouble if a.dtype.kind == "c" else np.longdouble)


def unit(x):
    return float(np.finfo(x.dtype).eps) / 2


def sides(a, x):
    """The residuals |a x - 1| and |x a - 1| over what rounding explains."""
    b, y = exactly(a), exactly(x)
    return inverse_ratio(b, y, unit(x)), inverse_ratio(y, b, unit(x))


@given(views(), st.sampled_from([None, "native", "double"]))
def test_inv(a, precision):
    x, info = ainv.inv_ex(a, precision=precision)
    assert x.shape == a.shape and x.dtype == a.dtype and info.shape == a.shape[:-2]
    assert x.flags.c_contiguous and x.flags.owndata
    if a.size == 0:
        return
    np.testing.assert_array_equal(info, 0)
    assert_same_bits(x, ainv.inv(np.ascontiguousarray(a), precision=precision))
    assert_small(sides(a, x)[0], TIGHT)


@given(positive())
def test_posdef(a):
    x = ainv.inv(a, assume="posdef")
    if a.size:
        assert_small(np.maximum(*sides(a, x)), TIGHT)
    np.testing.assert_array_equal(x, adjoint(x))
    # The other triangle is not read.
    other = np.where(np.tri(a.shape[-1], dtype=bool), a, np.array(np.nan, a.dtype))
    assert_same_bits(ainv.inv(other, assume="posdef"), x)


@given(positive(), st.booleans())
def test_cholesky(a, upper):
    factor = ainv.cholesky(a, upper)
    assert factor.shape == a.shape and factor.dtype == a.dtype
    kept = np.tri(a.shape[-1], dtype=bool)
    assert not factor[..., ~(kept.T if upper else kept)].any()
    x = ainv.cholesky_inv(factor, upper)
    if not a.size:
        return
    lower = exactly(adjoint(factor) if upper else factor)
    product = lower @ adjoint(lower)
    assert_small(over(product - exactly(a), a.shape[-1], unit(a), exactly(a)), TIGHT)
    np.testing.assert_array_equal(x, adjoint(x))
    assert_small(np.maximum(*sides(product, x)), TIGHT)


@given(views(), st.booleans(), st.booleans())
def test_tri_inv(a, upper, unit):
    kept = np.tri(a.shape[-1], k=-1 if unit else 0, dtype=bool)
    kept = kept.T if upper else kept
    if a.size:
        # A random triangle's inverse grows like 2^n; a diagonal of some size keeps it in range.
        a += (3 * np.eye(a.shape[-1])).astype(a.dtype)
    given = np.where(kept, a, np.array(np.nan, a.dtype))
    x = ainv.tri_inv(given, upper, unit_diagonal=unit)
    assert x.shape == a.shape and x.dtype == a.dtype
    triangle = np.where(kept, a, 0) + (unit * np.eye(a.shape[-1])).astype(a.dtype)
    if a.size:
        assert_small(sides(triangle, x)[0], TIGHT)
        assert not x[..., kept.T & ~np.eye(a.shape[-1], dtype=bool)].any()


@given(views(), st.sampled_from([1, np.inf]))
def test_rcond(a, p):
    r = np.asarray(ainv.rcond(a, p=p))
    assert r.shape == a.shape[:-2]
    if not a.size:
        return
    wide = a.astype(np.result_type(a.dtype, "f8"))
    inverse = np.linalg.inv(wide)
    if p == np.inf:
        wide, inverse = wide.swapaxes(-1, -2), inverse.swapaxes(-1, -2)
    true = 1 / (one_norm(wide) * one_norm(inverse))
    # An estimate: at most tenfold too good, thirtyfold too bad.
    assert np.all(r < 10 * true) and np.all(true < 31 * r)


@given(views(square=False), st.booleans())
def test_pinv(a, out):
    shape = (*a.shape[:-2], a.shape[-1], a.shape[-2])
    x = ainv.pinv(a, out=np.empty(shape, a.dtype) if out else None)
    assert x.shape == shape and x.dtype == a.dtype
    if a.size == 0:
        assert not x.any()
        return
    assert_small(pinv_ratio(exactly(a), exactly(x), unit(a)), 5)


@given(views(), st.integers(0, 3), st.data())
def test_solve(a, k, data):
    lead = a.shape[:-2]
    if data.draw(st.booleans()):
        lead = tuple(data.draw(st.sampled_from([1, n])) for n in lead)
    lead = lead[data.draw(st.integers(0, len(lead))) :]
    b = random((*lead, a.shape[-1], k), a.dtype)
    x = ainv.solve(a, b)
    assert x.shape == (*np.broadcast_shapes(lead, a.shape[:-2]), a.shape[-1], k)
    if x.size:
        a, y = exactly(a), exactly(x)
        assert_small(over(a @ y - b, a.shape[-1], unit(x), a, y), TIGHT)


@given(
    hnp.arrays(
        st.sampled_from(DTYPES), hnp.array_shapes(min_dims=2, max_dims=4, min_side=2, max_side=3)
    )
)
def test_any_bits(a):
    """Whatever the entries are, a matrix has a result or is all NaN; shapes alone raise."""
    if a.shape[-1] != a.shape[-2]:
        for f in (ainv.inv, ainv.cholesky):
            try:
                f(a)
            except ainv.LinAlgError as e:
                assert e.batch_index is None
            else:
                raise AssertionError("shapes that do not fit were taken")
        return
    x, info = ainv.inv_ex(a)
    singular = np.atleast_1d(info) != 0
    assert np.isnan(x.reshape(-1, *a.shape[-2:])[singular.ravel()]).all()
    nan = np.isnan(a).any(axis=(-1, -2))
    assert np.isnan(x[nan]).all() and not np.asarray(info)[nan].any()
    ainv.pinv(a, on_singular="nan")
    ainv.rcond(a)
