"""Ill-conditioned matrices: the setting, the context, the warning, the error; and `rcond` behind them."""

import asyncio
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import ainv
import numpy as np
import pytest
from helpers import DTYPES, assert_same_bits, posdef, random

ORDERS = [2, 3, 5, 17, 40, 65, 100]
NEAR = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]])


@pytest.fixture(autouse=True)
def ignored():
    """No test leaves a setting behind."""
    yield
    ainv.ill_conditioned("ignore")


def conditioned(n, rcond, dtype="float64"):
    """Positive definite, with about that reciprocal condition number; its triangles have one, too."""
    a = posdef((n, n), dtype)
    a /= np.abs(a).sum(axis=0).max()
    k = n // 2
    a[k], a[:, k] = a[k] * rcond * 0.01, a[:, k] * rcond * 0.01
    a[k, k] = rcond / 2
    return a


CALLS = {
    "inv": ainv.inv,
    "inv posdef": lambda a, **k: ainv.inv(a, assume="posdef", **k),
    "inv_ex": lambda a, **k: ainv.inv_ex(a, check_errors=True, **k)[0],
    "tri_inv": lambda a, **k: ainv.tri_inv(a, **k),
    "tri_inv upper": lambda a, **k: ainv.tri_inv(a, True, **k),
    "cholesky_inv": lambda a, **k: ainv.cholesky_inv(a, **k),
    "solve": lambda a, **k: ainv.solve(a, np.ones_like(a[..., :1]), **k),
    "solve posdef": lambda a, **k: ainv.solve(a, a, assume="posdef", **k),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("n", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bad_one_is_named(call, n, dtype):
    u = np.finfo(dtype).eps / 2
    root = call is CALLS["cholesky_inv"]
    good, bad = (conditioned(n, r**0.5 if root else r, dtype) for r in (1e-2, u / 100))
    a = np.stack([good, good, good, bad, good, bad]).reshape(2, 3, n, n)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = call(a)
    with ainv.ill_conditioned("warn"), pytest.warns(ainv.LinAlgWarning) as caught:
        y = call(a)
    assert_same_bits(x, y)
    [warning] = caught
    assert warning.filename == __file__
    assert warning.message.batch_index == (1, 0)
    assert u * 1e-6 < warning.message.rcond < n * u
    assert "Ill-conditioned matrix (Batch element 3)" in str(warning.message)
    assert "(2 matrices of the stack are ill-conditioned)" in str(warning.message)
    with ainv.ill_conditioned("raise"), pytest.raises(ainv.LinAlgError) as e:
        call(a)
    assert (e.value.batch_index, e.value.diagonal) == ((1, 0), None)
    assert e.value.rcond == warning.message.rcond
    with ainv.ill_conditioned("raise", 1e-30):
        assert_same_bits(call(a), x)
    with ainv.ill_conditioned("raise", 0.9), pytest.raises(ainv.LinAlgError) as e:
        call(a)
    assert e.value.batch_index == (0, 0)
    call(a[0])


def test_the_number_is_that_of_the_matrices():
    for n in (3, 30, 100):
        a = conditioned(n, 1e-5) + np.triu(random((n, n)), 1) * 1e-7
        with ainv.ill_conditioned("warn", 1e-3), pytest.warns(ainv.LinAlgWarning) as caught:
            x = ainv.inv(a)
        expected = 1 / (np.linalg.norm(a, 1) * np.linalg.norm(x, 1))
        np.testing.assert_allclose(caught[0].message.rcond, expected, rtol=1e-12)
        assert caught[0].message.batch_index == ()


def test_the_classes():
    assert issubclass(ainv.LinAlgWarning, RuntimeWarning)
    assert (ainv.LinAlgWarning.batch_index, ainv.LinAlgWarning.rcond) == (None, None)
    assert ainv.LinAlgError.rcond is None
    with ainv.ill_conditioned("raise"), pytest.raises(np.linalg.LinAlgError) as e:
        ainv.inv(NEAR)
    twin = pickle.loads(pickle.dumps(e.value))
    assert (str(twin), twin.batch_index, twin.rcond) == (str(e.value), (), e.value.rcond)


def test_singular_comes_first():
    a = np.stack([NEAR, np.ones((2, 2))])
    with ainv.ill_conditioned("raise"):
        with pytest.raises(ainv.LinAlgError, match="Singular") as e:
            ainv.inv(a)
        assert e.value.rcond is None
        with pytest.raises(ainv.LinAlgError, match="Ill-cond"):
            ainv.inv(a, on_singular="nan")
        assert np.isfinite(ainv.inv(a[1:], on_singular="pinv")).all()
        assert np.isnan(ainv.inv([[np.nan, 1.0], [1.0, 1.0]])).all()


def test_who_does_not_ask():
    with ainv.ill_conditioned("raise", 1.0):
        a = conditioned(5, 1e-18)
        ainv.inv_ex(a)
        ainv.pinv(a)
        ainv.cholesky(a)
        ainv.rcond(a)


def test_out():
    """The result is there before the warning and the error."""
    for action in ("warn", "raise"):
        a = np.stack([NEAR, np.eye(2)])
        expected = ainv.inv(a)
        out = np.full_like(a, 7)
        with ainv.ill_conditioned(action):
            for place in (out, a):
                if action == "raise":
                    with pytest.raises(ainv.LinAlgError):
                        ainv.inv(a, out=place)
                else:
                    with pytest.warns(ainv.LinAlgWarning):
                        ainv.inv(a, out=place)
                assert_same_bits(place, expected)


def test_axes_and_layouts():
    a = np.stack([np.eye(3), conditioned(3, 1e-18), np.eye(3)])
    with ainv.ill_conditioned("raise"):
        for first in (np.moveaxis(a, 0, -1), np.moveaxis(a, 0, -1).copy()):
            with pytest.raises(ainv.LinAlgError) as e:
                ainv.inv(first, axes=(0, 1))
            assert e.value.batch_index == (1,)


def test_half_precision():
    """The limit is that of the dtype: 2 * 2**-11."""
    a = np.diag(np.array([1.0, 0.01], "float16"))
    bad = np.diag(np.array([1.0, 0.0004], "float16"))
    with ainv.ill_conditioned("raise"):
        ainv.inv(a)
        with pytest.raises(ainv.LinAlgError):
            ainv.inv(bad)
        ainv.inv(bad.astype("float32"))
        with pytest.raises(ainv.LinAlgError):
            ainv.solve(bad, np.ones(2, "float16"))
        with pytest.raises(ainv.LinAlgError):
            ainv.inv(np.array([[1, 2**60], [1, 2**60 + 1024]]))


class TestSetting:
    def test_it_stays(self):
        ainv.ill_conditioned("raise")
        with pytest.raises(ainv.LinAlgError):
            ainv.inv(NEAR)
        ainv.ill_conditioned("ignore")
        ainv.inv(NEAR)

    def test_contexts_nest(self):
        def action():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    ainv.inv(NEAR)
                except ainv.LinAlgError:
                    return "raise"
            return "warn" if caught else "ignore"

        assert action() == "ignore"
        with ainv.ill_conditioned("warn"):
            assert action() == "warn"
            with ainv.ill_conditioned("raise"):
                assert action() == "raise"
                with ainv.ill_conditioned("ignore"):
                    assert action() == "ignore"
                assert action() == "raise"
            assert action() == "warn"
            # A setting inside ends with the block.
            ainv.ill_conditioned("raise")
            assert action() == "raise"
        assert action() == "ignore"
        # One object: again, inside itself, and made long before.
        again = ainv.ill_conditioned("warn")
        assert action() == "warn"
        ainv.ill_conditioned("raise")
        for _ in range(2):
            with again:
                assert action() == "warn"
                with ainv.ill_conditioned("ignore"), again:
                    assert action() == "warn"
                    with again:
                        assert action() == "warn"
                assert action() == "warn"
            assert action() == "raise"
        with pytest.raises(ZeroDivisionError), ainv.ill_conditioned("ignore"):
            1 / 0  # noqa: B018
        assert action() == "raise"

    def test_it_is_the_threads(self):
        inside, go = threading.Barrier(2), threading.Barrier(2)
        policy = ainv.ill_conditioned("warn")
        ainv.ill_conditioned("ignore")

        def other():
            with policy:
                inside.wait()
                go.wait()
                with pytest.warns(ainv.LinAlgWarning):
                    ainv.inv(NEAR)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                ainv.inv(NEAR)

        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(other)
            inside.wait()
            ainv.inv(NEAR)
            with policy, ainv.ill_conditioned("raise"), pytest.raises(ainv.LinAlgError):
                ainv.inv(NEAR)
            go.wait()
            future.result()
            with ainv.ill_conditioned("raise"):
                pool.submit(ainv.inv, NEAR).result()

    def test_it_is_the_tasks(self):
        async def other(action, first, second):
            with ainv.ill_conditioned(action):
                first.set()
                await second.wait()
                if action == "raise":
                    with pytest.raises(ainv.LinAlgError):
                        ainv.inv(NEAR)
                else:
                    ainv.inv(NEAR)

        async def both():
            first, second = asyncio.Event(), asyncio.Event()
            await asyncio.gather(other("raise", first, second), other("ignore", second, first))

        asyncio.run(both())
        ainv.inv(NEAR)

    def test_what_is_refused(self):
        for arguments in (("warm",), ("warn", -1.0), ("warn", 2.0), ("raise", float("nan"))):
            with pytest.raises(ValueError, match="ignore, warn, raise|between 0 and 1"):
                ainv.ill_conditioned(*arguments)
        with pytest.raises(TypeError):
            ainv.ill_conditioned("warn", "much")
        ainv.inv(NEAR)


class TestArray:
    """Where the values are looked at."""

    @pytest.mark.parametrize("n", [2, 30, 100])
    def test_it_comes_late(self, n):
        a = ainv.asarray(np.stack([np.eye(n), conditioned(n, 1e-19)]))
        for call in (ainv.inv, lambda a: ainv.solve(a, a)):
            expected = np.asarray(call(a))
            with ainv.ill_conditioned("warn"):
                x = call(a)
                y = x @ a  # What is computed from it is not warned of.
            ainv.eval(y)
            with pytest.warns(ainv.LinAlgWarning, match="enqueued at .*test_ill_cond") as caught:
                ainv.eval(x)
            assert len(caught) == 1 and caught[0].filename == __file__
            assert caught[0].message.batch_index == (1,)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert_same_bits(np.asarray(x), expected)
            with ainv.ill_conditioned("raise"):
                x = call(a)
            with pytest.raises(ainv.LinAlgError, match="Ill-conditioned .*enqueued") as e:
                ainv.eval(x)
            assert e.value.batch_index == (1,) and e.value.rcond < n * 2.0**-53

    def test_inv_ex(self):
        a = ainv.asarray(NEAR)
        with ainv.ill_conditioned("raise"):
            ainv.eval(*ainv.inv_ex(a))
            x, info = ainv.inv_ex(a, check_errors=True)
        with pytest.raises(ainv.LinAlgError):
            ainv.eval(info)


def test_numpy_patched():
    with ainv.patch("numpy"):
        np.linalg.inv(NEAR)
        with ainv.ill_conditioned("warn"), pytest.warns(ainv.LinAlgWarning):
            np.linalg.inv(NEAR)
        with ainv.ill_conditioned("raise"):
            with pytest.raises(np.linalg.LinAlgError, match="Ill-conditioned"):
                np.linalg.inv(NEAR)
            with pytest.raises(np.linalg.LinAlgError, match="Ill-conditioned"):
                np.linalg.solve(NEAR, np.ones(2))
            with pytest.raises(np.linalg.LinAlgError, match="^Singular matrix$"):
                np.linalg.inv(np.ones((2, 2)))


def test_torch():
    torch = pytest.importorskip("torch")
    near = torch.from_numpy(NEAR)
    for a in (near, near.clone().requires_grad_()):
        with ainv.ill_conditioned("warn"), pytest.warns(ainv.LinAlgWarning) as caught:
            x = ainv.inv(a)
        assert isinstance(x, torch.Tensor)
        # The line of the program, not one of the package; autograd stands between.
        assert a.requires_grad or caught[0].filename == __file__
        with ainv.ill_conditioned("raise"):
            with pytest.raises(torch.linalg.LinAlgError, match="Ill-cond") as e:
                ainv.inv(a)
            assert e.value.rcond < 2.0**-52
            with pytest.raises(ainv.LinAlgError):
                ainv.solve(a, a)
    with ainv.patch("torch"), ainv.ill_conditioned("raise"):
        with pytest.raises(torch.linalg.LinAlgError, match="Ill-cond"):
            torch.linalg.inv(near)
        torch.linalg.inv_ex(near)


def test_jax():
    jax = pytest.importorskip("jax")
    a = jax.numpy.asarray(np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-23]], "float32"))
    with ainv.ill_conditioned("warn"), pytest.warns(ainv.LinAlgWarning) as caught:
        ainv.inv(a)
    assert caught[0].filename == __file__
    with ainv.ill_conditioned("raise"), pytest.raises(ainv.LinAlgError, match="Ill-cond"):
        ainv.solve(a, a)


def test_dask():
    da = pytest.importorskip("dask.array")
    a = da.from_array(np.stack([np.eye(2), np.eye(2), NEAR]), chunks=(2, -1, -1))
    with ainv.ill_conditioned("raise"), pytest.raises(ainv.LinAlgError, match="Ill-cond") as e:
        ainv.inv(a).compute(scheduler="sync")
    assert e.value.batch_index == (2,) and e.value.rcond is not None


class TestRcond:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("p", [1, np.inf])
    def test_large_ones(self, dtype, p):
        """Above order 64 the inverse's norm is estimated, never too large."""
        for n in (65, 128, 300):
            for a in (random((n, n), dtype), posdef((n, n), dtype), np.tril(posdef((n, n), dtype))):
                wide = a.astype(np.result_type(dtype, "float64"))
                expected = 1 / (np.linalg.norm(wide, p) * np.linalg.norm(np.linalg.inv(wide), p))
                ratio = ainv.rcond(a, p=p) / expected
                assert 0.99 < ratio < 10
            stack = np.stack([a, np.eye(n, dtype=dtype), np.zeros((n, n), dtype)])
            r = ainv.rcond(stack, p=p)
            assert r.dtype == a.real.dtype and r[1] == 1 and r[2] == 0
            stack[1, 3, 4] = np.nan
            np.testing.assert_array_equal(np.isnan(ainv.rcond(stack, p=p)), [False, True, False])

    def test_what_is_read(self):
        a = posdef((100, 100))
        half = np.where(np.tri(100, dtype=bool), a, np.nan)
        for assume in ("symmetric", "posdef"):
            np.testing.assert_allclose(ainv.rcond(half, assume=assume), ainv.rcond(a), rtol=1e-10)
