"""`patch("mlx")`: what MLX computes on the CPU, and its own words."""

import ainv
import numpy as np
import pytest
from helpers import check

try:
    import mlx.core as mx
except ImportError:
    pytest.skip("MLX is not installed", allow_module_level=True)

NAMES = ["inv", "pinv", "tri_inv", "cholesky_inv", "solve"]
pytestmark = pytest.mark.usefixtures("unpatched")


def own():
    return [getattr(mx.linalg, name) for name in NAMES]


def random(*shape):
    return mx.array(np.random.default_rng(0).standard_normal(shape).astype("float32"))


def same(call):
    """That a call gives the same with the patch; or raises the same, here or when evaluated."""

    def done():
        x = call()
        mx.eval(x)
        return x

    try:
        expected = done()
    except Exception as own:
        with ainv.patch("mlx"), pytest.raises(type(own)) as ours:
            done()
        assert str(ours.value) == str(own) and type(ours.value) is type(own)
        return
    with ainv.patch("mlx"):
        x = done()
    assert type(x) is mx.array and x.dtype == expected.dtype and x.shape == expected.shape
    np.testing.assert_allclose(np.asarray(x), np.asarray(expected), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 3), (5, 4, 4), (2, 3, 2, 2)])
@pytest.mark.parametrize("stream", [mx.cpu, mx.default_stream(mx.cpu)])
def test_results(shape, stream, calls):
    a = random(*shape) + 3 * mx.eye(shape[-1])
    p = a @ a.swapaxes(-1, -2)
    b = random(*shape[:-1], 2)
    for call in (
        lambda: mx.linalg.inv(a, stream=stream),
        lambda: mx.linalg.pinv(a[..., 1:], stream=stream),
        lambda: mx.linalg.tri_inv(mx.tril(a), stream=stream),
        lambda: mx.linalg.tri_inv(mx.triu(a), True, stream=stream),
        lambda: mx.linalg.cholesky_inv(mx.tril(a), stream=stream),
        lambda: mx.linalg.cholesky_inv(mx.triu(a), upper=True, stream=stream),
        lambda: mx.linalg.solve(p, b, stream=stream),
        lambda: mx.linalg.solve(p, b[..., 0], stream=stream),
    ):
        same(call)
    assert {name for name, served in calls() if served} == {f"mlx.core.linalg.{n}" for n in NAMES}


def test_exceptions():
    zero, cpu = mx.zeros((2, 2)), mx.cpu
    for call in (
        lambda: mx.linalg.inv(zero, stream=cpu),
        lambda: mx.linalg.tri_inv(zero, stream=cpu),
        lambda: mx.linalg.cholesky_inv(mx.array([[1.0, 0.0], [1.0, 0.0]]), stream=cpu),
        lambda: mx.linalg.solve(zero, mx.ones((2,)), stream=cpu),
        lambda: mx.linalg.pinv(mx.full((2, 2), mx.nan), stream=cpu),
        lambda: mx.linalg.inv(mx.ones((3,)), stream=cpu),
        lambda: mx.linalg.inv(mx.ones((2, 3)), stream=cpu),
        lambda: mx.linalg.inv(mx.ones((2, 2), mx.int32), stream=cpu),
        lambda: mx.linalg.inv(mx.eye(2).astype(mx.float16), stream=cpu),
        lambda: mx.linalg.inv([[1.0]], stream=cpu),
        lambda: mx.linalg.inv(zero, zero),
        lambda: mx.linalg.solve(mx.eye(2), mx.ones((3,)), stream=cpu),
        lambda: mx.linalg.solve(mx.ones((2, 3, 3)), mx.ones((2, 3)), stream=cpu),
        lambda: mx.linalg.pinv(mx.ones((3,)), stream=cpu),
    ):
        same(call)


def test_transforms():
    """What has no values goes to MLX, which may compile it."""
    a = random(3, 3)
    for call in (
        lambda: mx.compile(lambda a: mx.linalg.inv(a, stream=mx.cpu))(a),
        lambda: mx.vmap(lambda a: mx.linalg.inv(a, stream=mx.cpu))(a[None]),
        lambda: mx.vmap(lambda a: mx.linalg.solve(a, a[0], stream=mx.cpu))(a[None]),
    ):
        same(call)


def test_order_zero():
    """MLX 0.32 ends the process there."""
    with ainv.patch("mlx"):
        assert mx.linalg.inv(mx.zeros((2, 0, 0)), stream=mx.cpu).shape == (2, 0, 0)


def test_it_is_patched_when_it_is_imported():
    out = check("""
        import ainv, sys
        ainv.patch("mlx")
        assert "mlx.core" not in sys.modules
        import mlx.core as mx
        from mlx.core.linalg import inv
        assert inv is mx.linalg.inv is not inv.__wrapped__
        print(inv(2 * mx.eye(1), stream=mx.cpu).item())
        ainv.unpatch()
        assert mx.linalg.inv is inv is not getattr(inv, "__wrapped__", None)
    """)
    assert out == "0.5\n"
