"""`patch("jax")`: concrete arrays by ainv, whatever is traced by JAX."""

import ainv
import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

pytestmark = pytest.mark.usefixtures("unpatched")
NAMES = ["inv", "pinv", "solve"]


def own():
    return [getattr(jnp.linalg, name) for name in NAMES]


@pytest.fixture
def few(monkeypatch):
    """Small arrays are done, too."""
    from ainv._patch import jax as module

    monkeypatch.setattr(module, "_FEW", 0)


def random(*shape, dtype="float32"):
    rng = np.random.default_rng(0)
    a = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return jnp.asarray((a if dtype == "complex64" else a.real).astype(dtype))


def same(call):
    try:
        expected = call()
    except Exception as own:
        with ainv.patch("jax"), pytest.raises(type(own)) as ours:
            call()
        assert str(ours.value) == str(own)
        return
    with ainv.patch("jax"):
        x = call()
    assert type(x) is type(expected) and x.dtype == expected.dtype and x.shape == expected.shape
    assert x.devices() == expected.devices()
    np.testing.assert_allclose(x, expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("shape", [(3, 3), (5, 4, 4), (2, 3, 2, 2), (0, 2, 2), (2, 0, 0)])
def test_results(shape, dtype, calls, few):
    a = random(*shape, dtype=dtype) + 3 * jnp.eye(shape[-1])
    b = random(shape[-1], 2)
    for call in (
        lambda: jnp.linalg.inv(a),
        lambda: jnp.linalg.pinv(a),
        lambda: jnp.linalg.pinv(a[..., :-1], 1e-3) if shape[-1] else a,
        lambda: jnp.linalg.pinv(a, rcond=1e-3),
        lambda: jnp.linalg.solve(a, b),
        lambda: jnp.linalg.solve(a, b[:, 0]),
    ):
        same(call)
    assert {name for name, served in calls() if served} == {f"jax.numpy.linalg.{n}" for n in NAMES}


def test_what_goes_to_jax(calls, few):
    a = random(3, 3)
    for call in (
        lambda: jax.jit(lambda a: jnp.linalg.inv(a))(a),
        lambda: jax.vmap(lambda a: jnp.linalg.inv(a))(a[None]),
        lambda: jax.grad(lambda a: jnp.linalg.inv(a).sum())(a),
        lambda: jax.jacfwd(lambda a: jnp.linalg.solve(a, a[0]))(a),
        lambda: jnp.linalg.inv(np.asarray(a)),
        lambda: jnp.linalg.inv(jnp.eye(2, dtype=int)),
        lambda: jnp.linalg.pinv(a, hermitian=True),
        lambda: jnp.linalg.pinv(a[None], rtol=jnp.ones(1) / 1000),
        lambda: jnp.linalg.inv(jnp.ones(3)),
        lambda: jnp.linalg.inv(jnp.ones((2, 3))),
        lambda: jnp.linalg.inv([[1.0]]),
        lambda: jnp.linalg.pinv(a, 1e-3, rcond=1e-3),
        lambda: jnp.linalg.solve(a, jnp.ones(4)),
        lambda: jnp.linalg.solve(jnp.ones((2, 3, 3)), jnp.ones((2, 3))),
        lambda: jnp.linalg.inv(a.astype("float16")),
    ):
        same(call)
    assert not any(served for _, served in calls())


def test_what_is_compiled_does_not_outlive_the_patch():
    f = jax.jit(lambda a: jnp.linalg.inv(a))
    with ainv.patch("jax"):
        f(random(3, 3))
        assert "callback" not in str(jax.make_jaxpr(f)(random(3, 3)))


def test_singular_is_no_error(few):
    a = jnp.stack([jnp.eye(2), jnp.ones((2, 2))])
    with ainv.patch("jax"):
        x = jnp.linalg.inv(a)
        assert not np.isfinite(jnp.linalg.solve(a, a)[1]).any()
        assert jnp.isnan(jnp.linalg.pinv(a * jnp.nan)).all()
    assert (x[0] == jnp.eye(2)).all() and not np.isfinite(x[1]).any()


def test_small_ones_stay_with_jax(calls):
    # Where JAX traces its own inv for the first time that calls its solve.
    jnp.linalg.inv(random(3, 3))
    with ainv.patch("jax"):
        jnp.linalg.inv(random(3, 3))
        jnp.linalg.inv(random(200, 3, 3))
    assert [served for _, served in calls()] == [False, True]


def test_double_precision(calls, few):
    with jax.enable_x64(True):
        a = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3, 3)))
        for call in (lambda: jnp.linalg.inv(a), lambda: jnp.linalg.solve(a, a[0])):
            same(call)
        with ainv.patch("jax"):
            assert jnp.linalg.inv(a).dtype == "float64"
    assert all(served for _, served in calls())
