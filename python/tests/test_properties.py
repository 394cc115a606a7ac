"""Properties over random shapes, layouts, dtypes and values, beside NumPy."""

import ainv
import numpy as np
from helpers import DTYPES, assert_small, norm, random, ratio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

settings.register_profile("ainv", deadline=None, max_examples=150, derandomize=True)
settings.load_profile("ainv")


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


@given(views())
def test_inv(a):
    x, info = ainv.inv_ex(a)
    assert x.shape == a.shape and x.dtype == a.dtype and info.shape == a.shape[:-2]
    assert x.flags.c_contiguous and x.flags.owndata
    if a.size == 0:
        return
    np.testing.assert_array_equal(info, 0)
    np.testing.assert_array_equal(x, ainv.inv(np.ascontiguousarray(a)))
    wide = a.astype(np.result_type(a.dtype, np.float64))
    ours = ratio(wide @ x - np.eye(a.shape[-1]), a, x, dtype=a.dtype)
    y = np.linalg.inv(a)
    theirs = ratio(wide @ y - np.eye(a.shape[-1]), a, y, dtype=a.dtype)
    # No worse than NumPy by more than the roundings of a small matrix explain.
    assert_small(ours - 3 * theirs, 1)


@given(views(square=False), st.booleans())
def test_pinv(a, out):
    shape = (*a.shape[:-2], a.shape[-1], a.shape[-2])
    x = ainv.pinv(a, out=np.empty(shape, a.dtype) if out else None)
    assert x.shape == shape and x.dtype == a.dtype
    if a.size == 0:
        assert not x.any()
        return
    assert_small(ratio(a @ x @ a - a, a, x, a, dtype=a.dtype), 30)
    assert_small(ratio(x @ a @ x - x, x, a, x, dtype=a.dtype), 30)


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
        scale = norm(a.astype("complex128")) * norm(x.astype("complex128"))
        residual = norm(a.astype("complex128") @ x - b)
        assert_small(residual / scale / np.finfo(a.dtype).eps, 300)


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
