"""MLX: arrays in and out, derivatives of both modes and orders."""

import ainv
import numpy as np
import pytest
from helpers import A3
from libraries import CALLS, DERIVATIVES, check_calls, points

mx = pytest.importorskip("mlx.core")

calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def given(a):
    return mx.array(a, dtype=getattr(mx, a.dtype.name))


@calls
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "float16"])
def test_same_bits_as_numpy(call, dtype):
    check_calls(call, dtype, given, np.asarray, lambda x: type(x) is mx.array)


def test_bfloat16():
    a = mx.array(A3 + A3.T).astype(mx.bfloat16)
    for f in (ainv.inv, ainv.pinv, ainv.cholesky, ainv.rcond, lambda a: ainv.solve(a, a)):
        assert f(a).dtype == mx.bfloat16
        assert mx.array_equal(f(a), f(a.astype(mx.float32)).astype(mx.bfloat16))
    a = mx.diag(mx.array([1.0, 2.0**-7])).astype(mx.bfloat16)
    assert ainv.pinv(a)[1, 1] == 0 and ainv.pinv(a, atol=2.0**-8)[1, 1] == 2**7


def test_what_is_lazy_or_not_contiguous_is_evaluated():
    a = mx.array(A3, dtype=mx.float64)
    for view in (a.T, (2 * a)[:, ::-1], mx.broadcast_to(a, (4, 3, 3))):
        np.testing.assert_array_equal(ainv.inv(view), ainv.inv(np.array(view)))


@pytest.mark.parametrize("case", DERIVATIVES.values(), ids=DERIVATIVES)
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_derivatives(case, dtype):
    """Along a random direction: jvp, grad and the gradient of a gradient, by differences."""
    f, shapes = case
    a = list(map(given, points(shapes, dtype)))
    rng = np.random.default_rng(7)

    def like(x):
        values = rng.standard_normal(x.shape)
        if dtype == "complex64":
            values = values + 1j * rng.standard_normal(x.shape)
        return mx.array(values, dtype=x.dtype)

    weights, direction = like(f(*a)), [like(x) for x in a]

    def product(x, y):
        return sum(mx.sum(mx.real(u.conj() * v)) for u, v in zip(x, y, strict=True))

    def gradient(f):
        def of(*a):
            g = mx.grad(f, argnums=tuple(range(len(a))))(*a)
            return g if isinstance(g, (tuple, list)) else (g,)

        return of

    def value(*a):
        return product([weights], [f(*a)])

    def squared(*a):
        g = gradient(value)(*a)
        return product(g, g)

    step, tolerance = (1e-5, 1e-6) if dtype == "float64" else (3e-3, 3e-2)
    for g in (value, squared):
        ahead, behind = (
            g(*[x + s * dx for x, dx in zip(a, direction)]).item() for s in (step, -step)
        )
        slope = (ahead - behind) / (2 * step)
        scale = max(abs(slope), abs(g(*a).item()), 1)
        assert abs(product(gradient(g)(*a), direction).item() - slope) < tolerance * scale
        if g is value:
            (_,), (along,) = mx.jvp(g, a, direction)
            assert abs(along.item() - slope) < tolerance * scale


def test_what_has_no_derivative_says_so():
    with pytest.raises(NotImplementedError, match="stop_gradient"):
        mx.grad(lambda a: ainv.rcond(a).sum())(mx.eye(3))


@pytest.mark.parametrize("transform", [mx.compile, mx.vmap], ids=["compile", "vmap"])
def test_where_there_are_no_values(transform):
    with pytest.raises(RuntimeError, match=r"mx\.compile and mx\.vmap"):
        transform(ainv.inv)(mx.stack([mx.eye(2), mx.eye(2)]))


def test_errors():
    a = mx.array(np.stack([A3, np.ones((3, 3))]))
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.inv(a)
    assert e.value.batch_index == (1,)
    assert mx.isnan(ainv.inv(a, on_singular="nan")[1]).all()
    assert ainv.inv_ex(a).info.tolist() == [0, 2]
    with pytest.raises(ainv.LinAlgError):
        ainv.inv(mx.ones((2, 3)))
    with pytest.raises(TypeError, match="int32"):
        ainv.inv(mx.ones((2, 2), dtype=mx.int32))
    with pytest.raises(TypeError, match="out="):
        ainv.inv(a, out=np.empty((2, 3, 3)))


def test_solve_takes_what_goes_together():
    for a, b in ((mx.array(A3), A3[:, 0].astype("f")), (A3.astype("f"), mx.array(A3[:, 0]))):
        x = ainv.solve(a, b)
        assert type(x) is mx.array
        np.testing.assert_allclose(x, [1, 0, 0], atol=1e-6)
    assert ainv.solve(mx.eye(2), mx.ones(2).astype(mx.complex64)).dtype == mx.complex64


def test_streams():
    a = mx.eye(3)
    for stream in (mx.cpu, mx.Device(mx.cpu), mx.default_stream(mx.cpu), None, "cpu"):
        assert mx.array_equal(ainv.inv(a, stream=stream), a)
    if ainv.device_count("gpu") == 0:
        for stream in (mx.gpu, mx.Device(mx.gpu)):
            with pytest.raises(RuntimeError, match="gpu"):
                ainv.inv(a, stream=stream)


def test_the_derivative_where_a_pseudo_inverse_stands_in():
    a = mx.array([[1.0, 2.0], [2.0, 4.0]])
    g = mx.grad(lambda a: ainv.inv(a, on_singular="pinv")[0, 1])(a)
    np.testing.assert_allclose(g, mx.grad(lambda a: ainv.pinv(a)[0, 1])(a), atol=1e-6)


def test_a_vector_beside_a_stack():
    x = ainv.solve(mx.stack([mx.eye(3) * 2, mx.eye(3) * 4]), mx.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(x, [[0.5, 1.0, 1.5], [0.25, 0.5, 0.75]])
