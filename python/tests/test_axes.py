"""`axes=`: matrices along any two axes, read and written where they lie."""

import itertools
import tracemalloc

import ainv
import numpy as np
import pytest
from helpers import DTYPES, assert_inverse, assert_same_bits, random


def along(a, axes):
    """The matrices last, as a view."""
    return np.moveaxis(a, axes, (-2, -1))


@pytest.mark.parametrize("axes", [p for p in itertools.permutations(range(-2, 2), 2)])
@pytest.mark.parametrize("dtype", [*DTYPES, "float16", "int64"])
def test_any_two_axes(axes, dtype):
    shape = [5, 6, 7, 8]
    if len({axis % 4 for axis in axes}) == 1:
        pytest.skip("one axis, named twice")
    for axis in axes:
        shape[axis] = 3
    a = (10 * random(shape)).astype(dtype) if dtype == "int64" else random(shape, dtype)
    x = ainv.inv(a, axes=axes)
    assert x.shape == a.shape and x.flags.c_contiguous
    assert_same_bits(np.ascontiguousarray(along(x, axes)), ainv.inv(along(a, axes)))
    if dtype in DTYPES:
        assert_inverse(along(a, axes), along(x, axes))


def test_the_last_two_are_the_default():
    a = random((4, 3, 3))
    for axes in ((-2, -1), (1, 2), [1, -1], (np.int64(1), np.int64(2))):
        assert_same_bits(ainv.inv(a, axes=axes), ainv.inv(a))
    # Rows and columns in turn: the transpose's inverse, transposed.
    np.testing.assert_array_equal(
        ainv.inv(a, axes=(-1, -2)).swapaxes(1, 2), ainv.inv(a.swapaxes(1, 2))
    )


@pytest.mark.parametrize("order", ["C", "F"])
def test_out(order):
    a = random((3, 3, 40, 5))
    expected = ainv.inv(a, axes=(0, 1))
    out = np.empty(a.shape, order=order)
    assert ainv.inv(a, axes=(0, 1), out=out) is out
    np.testing.assert_array_equal(out, expected)
    wide = np.full((3, 3, 80, 5), 7.0)
    ainv.inv(a, axes=(0, 1), out=wide[:, :, ::2])
    np.testing.assert_array_equal(wide[:, :, ::2], expected)
    assert np.all(wide[:, :, 1::2] == 7)
    for view in (a, a.swapaxes(0, 1)):
        source = a.copy()
        target = source if view is a else source.swapaxes(0, 1)
        ainv.inv(source, axes=(0, 1), out=target)
        np.testing.assert_array_equal(target, expected)
    with pytest.raises(ValueError, match="shape"):
        ainv.inv(a, axes=(0, 1), out=np.empty((40, 5, 3, 3)))


@pytest.mark.parametrize("axes", [(0, 1), (0, 3), (1, 2)])
def test_no_hidden_copy(axes):
    shape = [60, 60, 60, 60]
    for axis in axes:
        shape[axis] = 4
    a = random(shape)
    out = np.empty_like(a)
    ainv.inv(a, axes=axes, out=out)
    tracemalloc.start()
    try:
        ainv.inv(a, axes=axes, out=out)
        assert tracemalloc.get_traced_memory()[1] < a.nbytes / 10
        tracemalloc.reset_peak()
        ainv.inv(a, axes=axes)
        assert tracemalloc.get_traced_memory()[1] < 1.1 * a.nbytes
    finally:
        tracemalloc.stop()


def test_a_singular_matrix_is_named_by_the_other_axes():
    a = random((2, 4, 5, 2))
    a[:, 3, 1, :] = 1.0
    with pytest.raises(ainv.LinAlgError) as error:
        ainv.inv(a, axes=(0, -1))
    assert error.value.batch_index == (3, 1)
    x = ainv.inv(a, axes=(0, -1), on_singular="nan")
    assert np.isnan(x[:, 3, 1, :]).all() and np.isnan(x).sum() == 4


def test_many_axes():
    a = random((2, *[1, 2] * 6, 2))
    x = ainv.inv(a, axes=(0, -1))
    assert_inverse(along(a, (0, -1)), along(x, (0, -1)))
    b = a[..., ::-1]
    assert_same_bits(ainv.inv(b, axes=(0, -1)), ainv.inv(b.copy(), axes=(0, -1)))


@pytest.mark.parametrize(
    ("axes", "error", "text"),
    [
        ((0, 0), ValueError, "two different"),
        ((0, -3), ValueError, "two different"),
        ((0, 3), ValueError, "3 dimensions"),
        ((-4, 0), ValueError, "3 dimensions"),
        ((0,), TypeError, "two integers"),
        ((0, 1, 2), TypeError, "two integers"),
        (0, TypeError, "two integers"),
        ((0.5, 1), TypeError, "two integers"),
        ("01", TypeError, "two integers"),
    ],
)
def test_wrong_axes(axes, error, text):
    with pytest.raises(error, match=text):
        ainv.inv(random((3, 3, 3)), axes=axes)


def test_wrong_shapes():
    with pytest.raises(ainv.LinAlgError, match="2 by 3"):
        ainv.inv(random((2, 5, 3)), axes=(0, 2))
    with pytest.raises(ainv.LinAlgError, match="two-dimensional"):
        ainv.inv(random((3,)), axes=(0, 1))


def of_torch():
    torch = pytest.importorskip("torch")
    return torch.from_numpy, lambda x: x.numpy()


def of_jax():
    jnp = pytest.importorskip("jax.numpy")
    return jnp.asarray, np.asarray


def of_mlx():
    try:
        import mlx.core as mx
    except ImportError:
        pytest.skip("MLX is not installed")
    return mx.array, np.asarray


def of_dask():
    da = pytest.importorskip("dask.array")
    return lambda a: da.from_array(a, chunks=(3, 4, 3)), lambda x: x.compute()


@pytest.mark.parametrize("library", [of_torch, of_jax, of_mlx, of_dask])
def test_other_libraries(library):
    to, back = library()
    a = random((3, 8, 3), "float32")
    x = ainv.inv(to(a), axes=(-1, 0), precision="native")
    assert type(x) is type(to(a))
    expected = ainv.inv(a, axes=(-1, 0), precision="native")
    np.testing.assert_array_equal(back(x), expected, strict=True)
    with pytest.raises(ValueError, match="3 dimensions"):
        ainv.inv(to(a), axes=(0, 3))


def test_torch_out_and_gradients():
    torch = pytest.importorskip("torch")
    a = torch.from_numpy(random((2, 5, 2)))
    out = torch.empty_like(a)
    assert ainv.inv(a, axes=(0, 2), out=out) is out
    np.testing.assert_array_equal(out.numpy(), ainv.inv(a.numpy(), axes=(0, 2)))
    assert torch.autograd.gradcheck(
        lambda a: ainv.inv(a, axes=(0, 2)), (a.requires_grad_(),), check_forward_ad=False
    )
