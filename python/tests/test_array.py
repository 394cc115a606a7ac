"""ainv.Array: made of what, seen as what, and the functions on it."""

import contextlib
import gc
import sys
import weakref

import ainv
import numpy as np
import pytest
from helpers import (
    A3,
    DTYPES,
    SINGULAR,
    assert_inverse,
    assert_same_bits,
    occupied,
    posdef,
    raises,
    random,
)


def seen(x):
    """The values, and that they are seen without a copy."""
    values = np.asarray(x)
    assert not values.flags.writeable and values.dtype == x.dtype and values.shape == x.shape
    return values


@pytest.mark.parametrize("dtype", DTYPES)
def test_attributes(dtype):
    a = random((2, 3, 4, 5), dtype)
    x = ainv.asarray(a)
    assert isinstance(x, ainv.Array)
    assert (x.shape, x.dtype, x.ndim, x.size) == (a.shape, a.dtype, 4, a.size)
    assert isinstance(x.dtype, np.dtype) and x.device == ainv.cpu and len(x) == 2
    assert_same_bits(seen(x), a)
    for name in ("shape", "dtype", "mT", "new"):
        with raises(AttributeError):
            setattr(x, name, None)


@pytest.mark.parametrize("given", ["bool", "int8", "uint64", "int32", "float16"])
def test_promotion(given):
    a = np.array([[2, 0], [0, 1]], given)
    x = ainv.asarray(a)
    assert x.dtype == ("float32" if given == "float16" else "float64")
    assert_same_bits(np.asarray(x), a.astype(x.dtype))


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    a = np.array([[2, 0], [0, 0.5]], ml_dtypes.bfloat16)
    assert_same_bits(np.asarray(ainv.asarray(a)), a.astype("float32"))


def test_layouts_and_byte_orders():
    a = random((3, 4, 4))
    for b in (a[::-1, ::2, ::-1], a.T, np.asfortranarray(a), a.astype(">f8"), a[:0], a[0]):
        assert_same_bits(np.asarray(ainv.asarray(b)), np.ascontiguousarray(b, "float64"))
    assert_same_bits(np.asarray(ainv.asarray([[1, 2], [3, 4]])), np.array([[1.0, 2], [3, 4]]))

    class Own(np.ndarray):
        pass

    assert_same_bits(np.asarray(ainv.asarray(a.view(Own))), a)


def test_dtype():
    a = random((3, 3))
    assert_same_bits(np.asarray(ainv.asarray(a, "float32")), a.astype("float32"))
    assert_same_bits(np.asarray(ainv.asarray(a, np.complex64)), a.astype("complex64"))
    for wrong in (int, "float16", "longdouble", ">f8"):
        with raises(TypeError, "float32, float64, complex64 or complex128"):
            ainv.asarray(a, wrong)
    with raises(TypeError):
        ainv.asarray(a + 1j, float)
    with raises(TypeError, "have no inverse here"):
        ainv.asarray(np.array([["a"]]))


@pytest.mark.parametrize("of", DTYPES)
@pytest.mark.parametrize("to", DTYPES)
def test_dtype_of_an_array(of, to):
    a = random((2, 3, 3), of)
    x = ainv.asarray(a)
    if of.startswith("complex") and to.startswith("float"):
        with raises(TypeError, "imaginary"):
            ainv.asarray(x, to)
    else:
        assert_same_bits(np.asarray(ainv.asarray(x[::-1].mT, to)), a[::-1].mT.astype(to))


def test_copies():
    a = random((3, 3))
    before = a.copy()
    x, shared = ainv.asarray(a), ainv.asarray(a, copy=False)
    assert ainv.asarray(x) is x and ainv.asarray(x, copy=False) is x
    twin = ainv.asarray(x, copy=True)
    a[:] = 7
    assert_same_bits(np.asarray(x), before)
    assert_same_bits(np.asarray(twin), before)
    assert np.shares_memory(np.asarray(shared), a)
    assert not np.shares_memory(np.asarray(twin), np.asarray(x))
    for wrong in ([[1.0]], np.eye(2, dtype=int), np.eye(2, dtype=">f8")):
        with raises(ValueError, "copy=False"):
            ainv.asarray(wrong, copy=False)
    with raises(ValueError, "copy=False"):
        ainv.asarray(x, "float32", copy=False)
    with raises(ValueError, "copy=False"):
        ainv.asarray(a, "float32", copy=False)


def test_masked_and_sparse_are_refused():
    with raises(ValueError, "masked"):
        ainv.asarray(np.ma.masked_equal(np.eye(2), 0))
    sparse = pytest.importorskip("scipy.sparse")
    with raises(TypeError, "toarray"):
        ainv.asarray(sparse.eye(3))


def test_memory_outlives_the_array():
    x = ainv.inv(ainv.asarray(A3))
    ref, values = weakref.ref(x), np.asarray(x[...])
    expected = values.copy()
    del x
    gc.collect()
    assert ref() is None
    assert_same_bits(values, expected)
    source = random((3, 3))
    count = sys.getrefcount(source)
    shared = ainv.asarray(source, copy=False)
    inverse = ainv.inv(shared)
    ainv.eval(inverse)
    del shared, inverse
    # What a task held is given back when ainv is next called.
    ainv.default_device()
    assert sys.getrefcount(source) == count


def test_slices():
    a = random((4, 5, 3, 2))
    x = ainv.asarray(a)
    for key in (
        0,
        -1,
        np.int64(2),
        slice(1, 3),
        slice(None, None, -2),
        (1, 2),
        (slice(None), -2),
        (..., slice(None), slice(None)),
        (2, ..., slice(None)),
        (slice(3, 1, -1), slice(0, 0)),
        (1, ...),
        ...,
        (),
        (0, 1, slice(None), slice(0, 9)),
    ):
        assert_same_bits(np.ascontiguousarray(seen(x[key])), np.ascontiguousarray(a[key]))
    assert np.shares_memory(np.asarray(x[1]), np.asarray(x))
    for key in (4, -5, (0, 5), (0, 0, 0), (..., 0), (..., slice(1), slice(None)), (..., ...)):
        with raises(IndexError):
            x[key]
    for key in (
        True,
        None,
        1.0,
        "a",
        [0, 1],
        np.array([0, 1]),
        (0, 0, slice(None), slice(None), 0),
    ):
        with raises(IndexError):
            x[key]
    assert [m.shape for m in x[:2]] == [(5, 3, 2)] * 2
    assert_same_bits(np.asarray(list(x)[3]), a[3])
    with raises(IndexError, "taken whole"):
        next(iter(x[0, 0]))
    numbers = ainv.rcond(ainv.asarray(random((4, 3, 3))))
    assert numbers[1].shape == () and float(np.asarray(numbers[1])) == np.asarray(numbers)[1]
    with raises(TypeError, "unsized"):
        len(numbers[1])


def test_transposes():
    a = random((4, 3, 2), "complex64")
    x = ainv.asarray(a)
    assert_same_bits(np.ascontiguousarray(seen(x.mT)), np.ascontiguousarray(a.swapaxes(1, 2)))
    assert np.shares_memory(np.asarray(x.mT), np.asarray(x))
    with raises(ValueError, "two-dimensional"):
        ainv.asarray(np.ones(3)).mT  # noqa: B018


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((6, 1, 4, 4), (5, 4, 4)),
        ((300, 40, 50), (300, 50, 20)),
        ((130, 70), (70, 200)),
        ((3,), (3,)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 2)),
        ((0, 3, 3), (0, 3, 3)),
        ((2, 0, 3), (3, 4)),
        ((2, 3, 0), (0, 4)),
    ],
)
def test_products(left, right, dtype):
    a, b = random(left, dtype), random(right, dtype, seed=1)
    x = ainv.asarray(a) @ ainv.asarray(b)
    expected = a.astype("complex128") @ b.astype("complex128")
    assert x.shape == expected.shape and x.dtype == dtype
    scale = max(left[-1], 1) * np.finfo(dtype).eps * 20
    assert np.all(np.abs(np.asarray(x) - expected) <= scale * 10)
    for mixed in (ainv.asarray(a) @ b, a @ ainv.asarray(b)):
        assert isinstance(mixed, ainv.Array)
        assert_same_bits(np.asarray(mixed), np.asarray(x))


def test_products_of_views():
    a, b = random((3, 40, 50)), random((3, 40, 60), seed=1)
    x, y = ainv.asarray(a), ainv.asarray(b)
    expected = np.asarray(ainv.asarray(a.swapaxes(1, 2)) @ y)
    assert_same_bits(np.asarray(x.mT @ y), expected)
    assert_same_bits(np.asarray(x.mT[::-1] @ y[::-1]), expected[::-1])
    both = ainv.asarray(random((3, 3), "float32")) @ ainv.asarray(random((3, 3), "complex64"))
    assert both.dtype == "complex64"
    assert (ainv.asarray(A3.astype("f")) @ ainv.asarray(A3)).dtype == "float64"
    with raises(ValueError, "columns"):
        x @ y
    with raises(ValueError, "broadcast"):
        x.mT @ y[:2]
    with raises(ValueError, "single number"):
        x @ ainv.asarray(1.0)


def test_no_other_arithmetic():
    x = ainv.asarray(A3)
    for compute in (
        lambda: x + x,
        lambda: x * 2,
        lambda: -x,
        lambda: A3 + x,
        lambda: A3 * x,
        lambda: x**2,
    ):
        with raises(TypeError):
            compute()
    with raises(TypeError):
        x[0] = 1


def test_numpy_reads_it():
    x = ainv.asarray(A3)
    assert np.array(x).flags.writeable and np.array(x, copy=True).flags.writeable
    assert_same_bits(np.linalg.inv(x), np.linalg.inv(A3))
    assert_same_bits(np.abs(x), np.abs(A3))
    assert_same_bits(x.__array__("float32"), A3.astype("float32"))
    assert np.shares_memory(x.__array__(), x.__array__(copy=False))
    assert not np.shares_memory(x.__array__(copy=True), np.asarray(x))
    with raises(ValueError, "copy=False"):
        x.__array__("float32", copy=False)
    assert x.__array_interface__["data"][1]


def test_printing():
    a = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.5, 0.25], [1e30, np.nan]]])
    x = ainv.asarray(a)
    assert str(x) == str(a)
    assert repr(x) == repr(a).replace("array(", "Array(")
    assert repr(ainv.asarray(a, "complex64")[0]).endswith("dtype=complex64)")
    assert repr(ainv.asarray(a)[:0]).startswith("Array([], shape=(0, 2, 2)")


class TestDlpack:
    def test_numpy(self):
        x = ainv.inv(ainv.asarray(random((5, 4, 4))))
        assert x.__dlpack_device__() == (1, 0)
        y = np.from_dlpack(x)
        assert_same_bits(np.ascontiguousarray(y), np.asarray(x))
        back = ainv.asarray(y, copy=False)
        assert_same_bits(np.asarray(back), np.asarray(x))

    @pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="no DLPack 1.0")
    def test_versions_and_copies(self):
        x = ainv.asarray(A3)
        shared = np.from_dlpack(x, copy=False)
        assert np.shares_memory(shared, np.asarray(x)) and not shared.flags.writeable
        assert not np.shares_memory(np.from_dlpack(x, copy=True), np.asarray(x))

        class Old:
            __dlpack_device__ = staticmethod(x.__dlpack_device__)

            def __dlpack__(self, **_):
                return x.__dlpack__()

        copied = np.from_dlpack(Old())
        assert_same_bits(copied, A3)
        assert not np.shares_memory(copied, np.asarray(x))
        for options in ({"copy": False}, {"dl_device": (2, 0)}, {"stream": 1}):
            with raises(BufferError):
                x.__dlpack__(**options)

    def test_what_speaks_dlpack_alone(self):
        class Speaker:
            def __dlpack__(self, **options):
                return A3.__dlpack__(**options)

            def __dlpack_device__(self):
                return A3.__dlpack_device__()

        assert_same_bits(np.asarray(ainv.asarray(Speaker())), A3)
        assert np.shares_memory(np.asarray(ainv.asarray(Speaker(), copy=False)), A3)

    def test_other_devices(self):
        class Far:
            def __dlpack__(self, **_):
                raise AssertionError("the memory is not asked for")

            def __dlpack_device__(self):
                return (2, 1)

        with raises(RuntimeError, "copy it to the CPU"):
            ainv.asarray(Far())

    # JAX and torch warn of what they import.
    @pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_torch(self, dtype):
        torch = pytest.importorskip("torch")
        a = random((4, 3, 3), dtype)
        x = ainv.asarray(torch.from_numpy(a))
        assert_same_bits(np.asarray(x), a)
        t = torch.from_dlpack(ainv.inv(x))
        assert_inverse(a, t.numpy())
        with raises(RuntimeError, "grad"):
            ainv.asarray(torch.ones(2, 2, requires_grad=True))

    def test_jax(self):
        jax = pytest.importorskip("jax")
        x = ainv.asarray(jax.numpy.asarray(A3, "float32"))
        assert_same_bits(np.asarray(x), A3.astype("float32"))
        assert_same_bits(np.asarray(jax.numpy.from_dlpack(x)), A3.astype("float32"))

    def test_mlx(self):
        mx = pytest.importorskip("mlx.core")
        x = ainv.asarray(mx.array(A3.astype("float32")))
        assert_same_bits(np.asarray(x), A3.astype("float32"))
        assert_same_bits(np.array(mx.array(np.asarray(x))), A3.astype("float32"))
        half = ainv.asarray(mx.array([[1.0, 2.0]]).astype(mx.bfloat16))
        assert half.dtype == "float32" and np.asarray(half).tolist() == [[1.0, 2.0]]


P = posdef((4, 3, 3))
FACTOR = np.linalg.cholesky(P)
CALLS = {
    "inv": (lambda a, **k: ainv.inv(a, **k), (P,)),
    "inv of posdef": (lambda a, **k: ainv.inv(a, assume="posdef", **k), (P,)),
    "inv along": (lambda a, **k: ainv.inv(a, axes=(0, 1), **k), (P.transpose(1, 2, 0),)),
    "pinv": (lambda a, **k: ainv.pinv(a, **k), (P[:, :2],)),
    "pinv of Hermitian": (lambda a, **k: ainv.pinv(a, hermitian=True, **k), (P,)),
    "pinv with": (lambda a, **k: ainv.pinv(a, rtol=[0.1, 0, 0.2, 0], atol=0.01, **k), (P,)),
    "cholesky_inv": (lambda a, **k: ainv.cholesky_inv(a, **k), (FACTOR,)),
    "cholesky_inv upper": (lambda a, **k: ainv.cholesky_inv(a, True, **k), (FACTOR.mT,)),
    "tri_inv": (lambda a, **k: ainv.tri_inv(a, **k), (FACTOR,)),
    "tri_inv unit": (lambda a, **k: ainv.tri_inv(a, unit_diagonal=True, **k), (FACTOR,)),
    "cholesky": (lambda a, **k: ainv.cholesky(a, **k), (P,)),
    "solve": (lambda a, b, **k: ainv.solve(a, b, **k), (P, P[:, :, :2])),
    "solve a vector": (lambda a, b, **k: ainv.solve(a, b, **k), (P, P[0, 0])),
    "solve broadcast": (lambda a, b, **k: ainv.solve(a, b, **k), (P[:, None], P[:2])),
    "rcond": (lambda a, **k: ainv.rcond(a, **k), (P,)),
    "rcond 2": (lambda a, **k: ainv.rcond(a, p=2, **k), (P,)),
}


@pytest.mark.parametrize("stream", [contextlib.nullcontext, occupied])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("call", "arrays"), CALLS.values(), ids=CALLS)
def test_the_same_bits_as_a_blocking_call(call, arrays, dtype, stream):
    arrays = [a.astype(dtype) for a in arrays]
    options = {} if "rcond" in str(call.__code__.co_names) else {"precision": "native"}
    with stream():
        x = call(*map(ainv.asarray, arrays))
    assert isinstance(x, ainv.Array)
    if options:
        assert_same_bits(np.asarray(x), call(*arrays, **options))
        assert_same_bits(
            np.asarray(call(*map(ainv.asarray, arrays), precision="double")),
            call(*arrays, precision="double"),
        )
    else:
        expected = call(*arrays)
        assert x.dtype == expected.dtype
        assert np.allclose(np.asarray(x), expected, rtol=1e-4)
    view = call(
        *(
            ainv.asarray(np.ascontiguousarray(a)[::-1])[::-1] if a.ndim > 2 else ainv.asarray(a)
            for a in arrays
        )
    )
    assert_same_bits(np.asarray(view), np.asarray(x))


def test_inv_ex():
    stack = np.stack([A3[:2, :2], SINGULAR])
    x, info = ainv.inv_ex(ainv.asarray(stack))
    assert isinstance(x, ainv.Array) and isinstance(info, ainv.Array)
    assert info.dtype == "int32" and np.asarray(info).tolist() == [0, 2]
    assert np.isnan(np.asarray(x)[1]).all()
    assert np.asarray(info[1]) == 2 and ainv.asarray(info) is info
    with raises(TypeError, "no matrices"):
        ainv.inv(info)
    x, info = ainv.inv_ex(ainv.asarray(stack), check_errors=True)
    for part in (x, info):
        with raises(ainv.LinAlgError):
            np.asarray(part)


def test_solve_promotes():
    a, b = random((3, 3), "float32"), random((3, 2), "complex128", seed=1)
    x = ainv.solve(ainv.asarray(a), ainv.asarray(b))
    assert x.dtype == "complex128"
    assert np.allclose(a @ np.asarray(x), b)
    # With an array of another library.
    assert isinstance(ainv.solve(a, ainv.asarray(b)), ainv.Array)
    assert isinstance(ainv.solve(ainv.asarray(a), b), ainv.Array)


def test_what_is_wrong_with_a_call_is_said_at_once():
    x, flat = ainv.asarray(random((2, 3, 4))), ainv.asarray(np.ones(3))
    for call in (
        lambda: ainv.inv(x),
        lambda: ainv.inv(flat),
        lambda: ainv.inv_ex(x),
        lambda: ainv.cholesky(x),
        lambda: ainv.rcond(x),
        lambda: ainv.solve(x, x),
        lambda: ainv.pinv(x, hermitian=True),
        lambda: ainv.solve(ainv.asarray(A3), 1.0),
    ):
        with raises(ainv.LinAlgError):
            call()
    square = ainv.asarray(A3)
    for call in (
        lambda: ainv.inv(square, assume="round"),
        lambda: ainv.inv(square, axes=(0, 0)),
        lambda: ainv.solve(square, np.ones(4)),
        lambda: ainv.solve(ainv.asarray(P), P[:3]),
        lambda: ainv.pinv(square, rtol=[1.0, 2.0]),
    ):
        with raises(ValueError):
            call()
    for call in (
        lambda: ainv.inv(square, out=np.empty((3, 3))),
        lambda: ainv.solve(square, square, out=np.empty((3, 3))),
        lambda: ainv.inv_ex(square, out=(np.empty((3, 3)), np.empty((), "int32"))),
        lambda: ainv.inv(A3, out=square),
    ):
        with raises(TypeError, "out"):
            call()
    for call in (
        ainv.inv,
        ainv.rcond,
        ainv.asarray,
        lambda a, stream: ainv.solve(a, a, stream=stream),
    ):
        with raises(RuntimeError, "gpu"):
            call(square, stream="gpu")


def test_empty():
    for shape in ((0, 0), (0, 3, 3), (2, 0, 0)):
        x = ainv.inv(ainv.asarray(np.ones(shape)))
        assert np.asarray(x).shape == shape
    assert np.asarray(ainv.pinv(ainv.asarray(np.ones((2, 0, 3))))).shape == (2, 3, 0)


def test_many_axes():
    a = np.broadcast_to(A3, (1, 2, 1, 2, 1, 2, 1, 2, 1, 1, 3, 3))
    assert_same_bits(np.asarray(ainv.inv(ainv.asarray(a))), ainv.inv(a))
    uneven = np.broadcast_to(A3, (2,) * 20 + (3, 3))[::2, ::2]
    shared = ainv.asarray(np.ones((4,) * 9 + (1, 1)), copy=True)[(slice(None, None, 2),) * 9]
    with raises((RuntimeError, ValueError), "leading axes"):
        ainv.inv(shared)
    assert uneven.ndim == 22


def test_linalg_and_threads():
    x = ainv.asarray(A3)
    for call in (ainv.linalg.inv, ainv.linalg.pinv, ainv.linalg.cholesky):
        assert isinstance(call(x), ainv.Array)
    assert isinstance(ainv.linalg.solve(x, x), ainv.Array)


def test_eval_of_a_list_that_holds_itself_and_of_a_deep_one():
    knot = [ainv.inv(ainv.asarray(np.eye(40)))]
    knot.append(knot)
    ainv.eval(knot)
    deep = []
    for _ in range(50_000):
        deep = [deep]
    ainv.eval(deep)


def test_asarray_takes_the_values_of_a_subclass_that_has_its_own_functions():
    class Own(np.ndarray):
        def __array_function__(self, function, types, args, kwargs):
            return None

    assert (np.asarray(ainv.asarray(np.eye(2).view(Own))) == np.eye(2)).all()


def test_asarray_of_bfloat16():
    torch = pytest.importorskip("torch")
    x = ainv.asarray(torch.eye(2, dtype=torch.bfloat16) * 3)
    assert x.dtype == np.float32 and (np.asarray(x) == 3 * np.eye(2)).all()


def test_an_array_is_neither_compared_nor_true():
    x = ainv.asarray(np.eye(2))
    for ask in (lambda: x == x, lambda: np.eye(2) == x, lambda: x != 1, lambda: bool(x), lambda: x < x):
        with pytest.raises(TypeError):
            ask()
    assert {x: 1}[x] == 1


def test_names_that_are_not_of_unicode_stand_in_errors():
    code = "x = ainv.inv(ainv.asarray(np.zeros((40, 40))))"
    names = {"ainv": ainv, "np": np}
    exec(compile(code, "bad\udc80name.py", "exec"), names)
    with pytest.raises(ainv.LinAlgError, match="name.py"):
        ainv.eval(names["x"])
