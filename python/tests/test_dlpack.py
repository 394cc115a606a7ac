"""Libraries that speak DLPack, and what is looked up of all libraries."""

import doctest
import types

import ainv
import numpy as np
import pytest
from ainv._libraries import derivatives
from helpers import A3, check
from libraries import CALLS, check_calls


class Speaker:
    """An array of a library that has no more than DLPack."""

    def __init__(self, a):
        self.a = a
        self.asked = 0

    def __dlpack__(self, **keywords):
        self.asked += 1
        return self.a.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


class Namesake(Speaker):
    """One whose namespace takes results back."""

    def __array_namespace__(self):
        return types.SimpleNamespace(from_dlpack=lambda x: Namesake(np.from_dlpack(x)))


class Elsewhere(Speaker):
    def __dlpack_device__(self):
        return (2, 1)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_same_bits_as_numpy(call, dtype):
    check_calls(call, dtype, Speaker, np.asarray, lambda x: isinstance(x, (np.ndarray, np.generic)))
    check_calls(call, dtype, Namesake, lambda x: x.a, lambda x: type(x) is Namesake)


def test_the_standards_strict_library():
    strict = pytest.importorskip("array_api_strict")
    a = strict.asarray(A3)
    for x in (ainv.inv(a), ainv.solve(a, a), *ainv.inv_ex(a), ainv.rcond(a)):
        assert isinstance(x, type(a))
    np.testing.assert_array_equal(np.from_dlpack(ainv.inv(a)), ainv.inv(A3))


def test_memory_is_shared():
    out = Speaker(np.zeros((3, 3)))
    assert ainv.inv(Speaker(A3), out=out) is out
    np.testing.assert_array_equal(out.a, ainv.inv(A3))
    a = Speaker(A3)
    ainv.solve(A3, a)
    assert a.asked == 1


def test_errors():
    with pytest.raises(RuntimeError, match="back-end.*copy it to the CPU"):
        ainv.inv(Elsewhere(A3))
    with pytest.raises(ainv.LinAlgError):
        ainv.inv(Speaker(np.ones((2, 2))))


def test_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for a in (sparse.eye_array(3).tocsr(), sparse.csc_matrix(np.eye(3)), sparse.coo_array(A3)):
        for f in (ainv.inv, ainv.pinv, ainv.rcond, lambda a: ainv.solve(A3, a)):
            with pytest.raises(TypeError, match="toarray"):
                f(a)


def test_no_library_is_imported():
    check("""
        import sys, ainv, numpy as np
        a = np.eye(3)
        ainv.inv(a), ainv.inv([[2.0]]), ainv.solve(a, a), ainv.inv(a.view(np.matrix))
        for name in ("torch", "jax", "mlx", "cupy", "dask", "scipy", "threadpoolctl"):
            assert name not in sys.modules, name
        assert not [name for name in sys.modules if name.startswith("ainv._libraries.")]
    """)


@pytest.mark.parametrize("module", [ainv._libraries, derivatives], ids=lambda m: m.__name__)
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_streams_of_no_library():
    for stream in (0, object(), np.eye(2)):
        with pytest.raises(TypeError, match="Device"):
            ainv.inv(A3, stream=stream)
