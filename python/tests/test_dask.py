"""dask: lazy arrays in, lazy arrays out."""

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, assert_same_bits, random
from libraries import CALLS, arguments

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("dtype", [*DTYPES, "float16", "int64"])
def test_as_numpy(call, dtype):
    function, keywords, shapes = call
    arrays = arguments(shapes, "float64" if dtype == "int64" else dtype)
    if dtype == "int64":
        arrays = [np.rint(a).astype(dtype) for a in arrays]
    expected = function(*arrays, **keywords)
    lazy = [da.from_array(a, chunks=(1,) * (a.ndim - 2) + (-1, -1)[-a.ndim :]) for a in arrays]
    result = function(*lazy, **keywords)
    if not isinstance(expected, tuple):
        expected, result = (expected,), (result,)
    for x, y in zip(expected, result, strict=True):
        assert isinstance(y, da.Array) and y.shape == x.shape and y.dtype == x.dtype
        assert_same_bits(np.asarray(y.compute(scheduler="sync")), np.asarray(x))


def test_nothing_is_computed_before_its_time():
    def fail(block):
        raise AssertionError("computed")

    a = da.map_blocks(fail, chunks=((2, 2), (3,), (3,)), dtype="float64", meta=np.empty((0, 0, 0)))
    for x in (ainv.inv(a), ainv.pinv(a), ainv.solve(a, a), ainv.rcond(a), *ainv.inv_ex(a)):
        assert isinstance(x, da.Array)
    assert ainv.inv(a).chunks == ((2, 2), (3,), (3,))
    assert ainv.rcond(a).chunks == ((2, 2),)


def test_solve_broadcasts():
    a, b = random((4, 3, 3)), random((5, 1, 3, 6))
    for left, right in (
        (da.from_array(a, (2, -1, -1)), da.from_array(b, (2, 1, 2, 4))),
        (a, da.from_array(b, (2, 1, -1, 4))),
        (da.from_array(a, (2, -1, -1)), b),
    ):
        x = ainv.solve(left, right)
        assert x.shape == (5, 4, 3, 6)
        np.testing.assert_allclose(x.compute(), ainv.solve(a, b), rtol=1e-12)
    with pytest.raises(ValueError, match="rows"):
        ainv.solve(da.ones((3, 3)), da.ones(2))


def test_bad_matrices_are_named_by_their_place_in_the_whole():
    a = np.stack([A3] * 6)
    a[4] = 1
    a = da.from_array(a.reshape(3, 2, 3, 3), chunks=(1, 2, 3, 3))
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.inv(a).compute()
    assert (e.value.batch_index, e.value.diagonal) == ((2, 0), 2)
    x, info = dask.compute(*ainv.inv_ex(a))
    assert info.tolist() == [[0, 0], [0, 0], [2, 0]] and np.isnan(x[2, 0]).all()


def test_refused():
    with pytest.raises(ValueError, match="rechunk"):
        ainv.inv(da.ones((4, 4), chunks=2))
    for bad in (da.ones(3), da.ones((2, 3))):
        with pytest.raises(ainv.LinAlgError):
            ainv.inv(bad)
    with pytest.raises(TypeError, match="out="):
        ainv.inv(da.eye(3), out=np.empty((3, 3)))
    with pytest.raises(TypeError, match="one rtol"):
        ainv.pinv(da.ones((2, 3, 3)), rtol=np.ones(2))


def test_a_bad_matrix_of_a_chunk_of_systems_has_no_place():
    a = da.from_array(np.stack([np.eye(2)] * 5 + [np.ones((2, 2))]), chunks=(2, 2, 2))
    with pytest.raises(ainv.LinAlgError, match="in a chunk") as caught:
        ainv.solve(a, np.ones((6, 2, 1))).compute()
    assert caught.value.batch_index is None


def test_a_vector_beside_a_stack():
    a = np.stack([np.eye(3) * k for k in (1.0, 2.0, 4.0, 8.0)])
    x = ainv.solve(da.from_array(a, chunks=(2, 3, 3)), np.ones(3))
    assert x.shape == (4, 3)
    np.testing.assert_array_equal(x.compute(), ainv.solve(a, np.ones(3)))
