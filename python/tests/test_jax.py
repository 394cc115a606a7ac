"""JAX: arrays in and out, eager and traced; derivatives of both modes and orders."""

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, random
from libraries import CALLS, DERIVATIVES, arguments, check_calls, points

jax = pytest.importorskip("jax")
jnp = jax.numpy

calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture(autouse=True)
def _double():
    # For the process: a context would be this thread's alone, and callbacks run on JAX's own threads.
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@calls
@pytest.mark.parametrize("dtype", [*DTYPES, "float16", jnp.bfloat16])
def test_same_bits_as_numpy(call, dtype):
    check_calls(call, dtype, jnp.asarray, np.asarray, lambda x: isinstance(x, jax.Array))


@calls
@pytest.mark.parametrize("dtype", DTYPES)
def test_traced_as_eager(call, dtype):
    function, keywords, shapes = call
    f = lambda *a: function(*a, **keywords)  # noqa: E731
    a = list(map(jnp.asarray, arguments(shapes, dtype)))
    eager, traced = f(*a), jax.jit(f)(*a)
    assert type(eager) is type(traced) or not isinstance(eager, tuple)
    for x, y in zip(jax.tree.leaves(eager), jax.tree.leaves(traced), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-5)
        assert x.dtype == y.dtype and x.shape == y.shape
    mapped = jax.vmap(f)(*[jnp.stack([x, 2 * x]) for x in a])
    for x, y in zip(jax.tree.leaves(eager), jax.tree.leaves(mapped), strict=True):
        np.testing.assert_allclose(y[0], x, rtol=1e-5)


def test_vmap_of_one_argument():
    a, b = map(jnp.asarray, points([(4, 2, 3, 3), (4, 3)], "float64"))
    x = jax.vmap(ainv.solve, in_axes=(None, 0))(a[0], b[..., None])
    np.testing.assert_allclose(x[1], ainv.solve(a[0], b[1][:, None]), rtol=1e-12)
    x = jax.vmap(ainv.solve, in_axes=(0, None))(a[:, 0], b[0])
    np.testing.assert_allclose(x[1], ainv.solve(a[1, 0], b[0]), rtol=1e-12)
    np.testing.assert_array_equal(jax.vmap(ainv.inv, in_axes=1, out_axes=1)(a), ainv.inv(a))
    rtol = jnp.asarray([1e-9, 1e9])
    x = jax.vmap(lambda rtol: ainv.pinv(a[0], rtol=rtol))(rtol)
    np.testing.assert_array_equal(x[0], ainv.pinv(a[0]))
    assert not x[1].any()


@pytest.mark.parametrize("case", DERIVATIVES.values(), ids=DERIVATIVES)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_derivatives(case, dtype):
    from jax.test_util import check_grads

    f, shapes = case
    a = list(map(jnp.asarray, points(shapes, dtype)))
    check_grads(f, a, order=2, modes=("fwd", "rev"))


def test_derivatives_inside_transforms():
    a = jnp.asarray(points([(4, 3, 3)], "float64")[0])

    def f(a):
        return (ainv.solve(a, ainv.inv(a)) ** 2).sum()

    one_by_one = jnp.stack([jax.grad(f)(x) for x in a])
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(a), one_by_one, rtol=1e-10)
    np.testing.assert_allclose(
        jax.hessian(f)(a[0]), jax.jacrev(jax.jacrev(f))(a[0]), rtol=1e-8, atol=1e-10
    )


def test_what_has_no_derivative_says_so():
    with pytest.raises(NotImplementedError, match="stop_gradient"):
        jax.grad(lambda a: ainv.rcond(a))(jnp.eye(3))


def test_the_unread_triangle_may_hold_anything():
    a = jnp.asarray([[2.0, np.nan], [1.0, 3.0]])
    for f in (
        lambda a: ainv.inv(a, assume="hermitian"),
        lambda a: ainv.inv(a, assume="lower"),
        lambda a: ainv.pinv(a, hermitian=True),
        ainv.cholesky,
        ainv.tri_inv,
        ainv.cholesky_inv,
    ):
        assert jnp.isfinite(jax.grad(lambda a, f=f: f(a).sum())(a)).all()


def test_dtypes():
    with jax.enable_x64(False):
        a = jnp.asarray([[2, 0], [0, 4]])
        for x in (ainv.inv(a), jax.jit(ainv.inv)(a), ainv.solve(a, jnp.ones(2, int))):
            assert x.dtype == "float32"
        # NumPy's doubles are JAX's singles there.
        assert ainv.solve(jnp.eye(2), np.ones(2)).dtype == "float32"
    assert ainv.inv(jnp.asarray([[2, 0], [0, 4]])).dtype == "float64"
    for f in (ainv.solve, jax.jit(ainv.solve)):
        assert f(jnp.eye(2, dtype="float32"), jnp.ones(2)).dtype == "float64"
        assert f(jnp.eye(2), jnp.ones(2, complex)).dtype == "complex128"
    with pytest.raises(TypeError):
        ainv.inv(jnp.eye(2, dtype=jnp.float8_e5m2))


def test_solve_takes_what_goes_together():
    for a, b in ((jnp.asarray(A3), A3[:, 0]), (A3, jnp.asarray(A3[:, 0]))):
        x = ainv.solve(a, b)
        assert isinstance(x, jax.Array)
        np.testing.assert_allclose(x, [1, 0, 0], atol=1e-15)


def test_errors():
    a = jnp.asarray(np.stack([A3, np.ones((3, 3))]))
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.inv(a)
    assert e.value.batch_index == (1,)
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"Batch element 1"):
        jax.jit(ainv.inv)(a).block_until_ready()
    nan = lambda a: ainv.inv(a, on_singular="nan")  # noqa: E731
    for f in (nan, jax.jit(nan)):
        assert jnp.isnan(f(a)[1]).all() and jnp.isfinite(f(a)[0]).all()
    assert ainv.inv_ex(a).info.tolist() == jax.jit(ainv.inv_ex)(a).info.tolist() == [0, 2]
    for bad in (jnp.ones((2, 3)), jnp.ones(3)):
        for f in (ainv.inv, jax.jit(ainv.inv)):
            with pytest.raises(ainv.LinAlgError, match="Last 2 dimensions"):
                f(bad)
    with pytest.raises(TypeError, match="out="):
        ainv.inv(a, out=np.empty((2, 3, 3)))
    with pytest.raises(ainv.LinAlgError):
        jax.vmap(ainv.inv)(jnp.eye(3))
    with pytest.raises(ainv.LinAlgError, match="one dimension"):
        jax.jit(ainv.solve)(jnp.eye(3), jnp.ones(()))
    with pytest.raises(ValueError, match="rows"):
        jax.jit(ainv.solve)(jnp.eye(3), jnp.ones(2))


def test_memory_is_shared():
    a = jnp.asarray(A3)
    assert np.asarray(a).__array_interface__["data"][0] == a.unsafe_buffer_pointer()
    # A large result is where JAX can keep it.
    from ainv._libraries.jax import _given, _place

    x = _place((100, 40, 40), a.dtype)
    x[:] = 1
    assert _given(x, a).unsafe_buffer_pointer() == x.__array_interface__["data"][0]
    a = jnp.asarray(random((100, 40, 40)))
    np.testing.assert_array_equal(ainv.inv(a), ainv.inv(np.asarray(a)))


def test_streams_and_devices():
    cpu = jax.devices("cpu")[0]
    a = jax.device_put(jnp.asarray(A3), cpu)
    x = ainv.inv(a, stream=cpu)
    assert x.committed and x.devices() == {cpu} and not ainv.inv(jnp.asarray(A3)).committed


def test_large_stacks_through_callbacks():
    a = jnp.asarray(np.random.default_rng(0).standard_normal((20000, 4, 4)))
    f = jax.jit(lambda a: ainv.inv(a) @ a)
    for _ in range(3):
        np.testing.assert_allclose(f(a).sum(0).diagonal(), 20000, rtol=1e-6)


def test_the_derivative_where_a_pseudo_inverse_stands_in():
    a = jnp.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]])
    g = jax.grad(lambda a: ainv.inv(a, on_singular="pinv").sum())(a)
    np.testing.assert_allclose(g, jax.grad(lambda a: ainv.pinv(a).sum())(a), atol=1e-12)


def test_a_vector_beside_a_stack():
    a, b = jnp.stack([jnp.eye(3) * 2, jnp.eye(3) * 4]), jnp.arange(3.0)
    np.testing.assert_array_equal(jax.jit(ainv.solve)(a, b), ainv.solve(a, b))
    g = jax.grad(lambda b: ainv.solve(a, b).sum())(b)
    np.testing.assert_allclose(g, [0.75, 0.75, 0.75])


def test_the_same_work_is_compiled_once():
    from ainv._libraries import jax as adapter

    gradient = jax.grad(lambda a: ainv.inv(a).sum())
    gradient(jnp.asarray(A3))
    made = adapter._host.cache_info().misses
    for _ in range(5):
        gradient(jnp.asarray(A3))
    assert adapter._host.cache_info().misses == made
