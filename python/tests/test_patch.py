"""`patch`: another library's functions done by ainv, everywhere, and undone exactly."""

import doctest
import inspect
import pickle
import subprocess
import sys
import types

import ainv
import numpy as np
import pytest
import scipy.linalg
from ainv import _imports, _patch
from helpers import A3, DTYPES, SINGULAR, assert_same_bits, check, posdef, random
from numpy.linalg import inv as bound_before

pytestmark = pytest.mark.usefixtures("unpatched")


def own():
    return (
        {name: getattr(np.linalg, name) for name in ("inv", "pinv", "solve")},
        {name: getattr(scipy.linalg, name) for name in ("inv", "pinv", "pinvh", "solve")},
    )


OWN, SCIPY = own()


def test_it_reaches_names_that_were_bound_before():
    assert bound_before is OWN["inv"]
    with ainv.patch("numpy") as patched:
        assert patched.libraries == ("numpy",)
        assert bound_before is np.linalg.inv is not OWN["inv"]
        # Of NumPy's own modules as well: cond, matrix_power and tensorinv call it there.
        assert np.linalg._linalg.inv is bound_before
    assert bound_before is np.linalg.inv is np.linalg._linalg.inv is OWN["inv"]


def test_it_is_undone_where_a_name_was_bound_meanwhile():
    module = types.ModuleType("bound_meanwhile")
    gone = types.ModuleType("gone_meanwhile")
    gone.inv = np.linalg.inv
    sys.modules.update(bound_meanwhile=module, gone_meanwhile=gone)
    try:
        ainv.patch("numpy")
        exec("from numpy.linalg import inv, solve", vars(module))
        assert module.inv is gone.inv is np.linalg.inv is not OWN["inv"]
        del sys.modules["gone_meanwhile"]
        ainv.unpatch(np)
    finally:
        del sys.modules["bound_meanwhile"]
    assert module.inv is gone.inv is OWN["inv"] and module.solve is OWN["solve"]


def test_every_namespace_is_as_it_was():
    modules = [m for m in list(sys.modules.values()) if isinstance(m, types.ModuleType)]

    def everything():
        return [{k: id(v) for k, v in list(vars(m).items())} for m in modules if m is not _patch]

    for library in ("numpy", "scipy"):  # Imports ainv's part for it.
        ainv.patch(library)
    ainv.unpatch()
    before = everything()
    with ainv.patch("numpy", "scipy"):
        during = everything()
    after = everything()
    assert before != during
    changed = {
        modules[i].__name__
        for i, (x, y) in enumerate(zip(before, after))
        if x != y and modules[i].__name__.partition(".")[0] not in ("ainv",)
    }
    assert not changed


def test_contexts_in_each_other():
    with ainv.patch("numpy"):
        ours = np.linalg.inv
        with ainv.patch("numpy", "scipy") as inner:
            assert inner.libraries == ("scipy",)
            assert np.linalg.inv is ours
        assert np.linalg.inv is ours and scipy.linalg.inv is SCIPY["inv"]
    with pytest.raises(ZeroDivisionError), ainv.patch(np):
        1 / 0
    assert np.linalg.inv is OWN["inv"]


def test_names():
    with pytest.raises(ValueError, match="'nmpy' cannot be patched: numpy, scipy, torch"):
        ainv.patch("numpy", "nmpy")
    assert np.linalg.inv is OWN["inv"]
    assert ainv.patch(np, "numpy", np.linalg).libraries == ("numpy",)
    ainv.unpatch("scipy", "numpy", "numpy")
    with pytest.raises(ValueError):
        ainv.unpatch("nmpy")
    assert "numpy" in ainv.patch().libraries
    assert repr(ainv.patch("numpy")) == "<patched: nothing>"


def test_a_library_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(_patch, "_installed", lambda name: name == "numpy")
    with pytest.raises(ModuleNotFoundError, match="scipy is not installed"):
        ainv.patch("numpy", "scipy")
    assert np.linalg.inv is OWN["inv"]
    assert ainv.patch().libraries == ("numpy",)


def test_a_library_is_patched_when_it_is_imported():
    check("""
        import sys, ainv
        with ainv.patch("scipy"):
            assert "scipy.linalg" not in sys.modules
            import scipy.linalg, scipy.linalg._basic
            from scipy.linalg import inv
            own = inv.__wrapped__
            assert inv is scipy.linalg._basic.inv is not own
            loader = scipy.linalg.__spec__.loader
            assert "exec_module" not in vars(loader) and loader is scipy.linalg.__loader__
        assert inv is scipy.linalg.inv is scipy.linalg._basic.inv is own
        assert not ainv._imports._waiting.get("scipy.linalg")
    """)


def test_a_library_that_is_never_imported():
    check("""
        import sys, ainv
        with ainv.patch("scipy"):
            pass
        import scipy.linalg
        assert not hasattr(scipy.linalg.inv, "__wrapped__")
        assert not [m for m in sys.modules if m.startswith("ainv._patch.scipy")]
        assert "scipy.linalg" not in ainv._imports._waiting
    """)


def test_an_import_that_fails_is_awaited_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "awaited.py").write_text("raise RuntimeError\n")
    seen = []
    _imports.when_imported("awaited", lambda: seen.append(1))
    with pytest.raises(RuntimeError):
        import awaited
    assert not seen
    (tmp_path / "awaited.py").write_text("x = 12345\n")
    import awaited

    assert awaited.x == 12345 and seen == [1]
    del sys.modules["awaited"]


def test_the_functions_look_like_the_originals():
    with ainv.patch("numpy", "scipy"):
        for module, own in ((np.linalg, OWN), (scipy.linalg, SCIPY)):
            for name, original in own.items():
                f = getattr(module, name)
                assert f is not original
                assert inspect.signature(f) == inspect.signature(original)
                assert (f.__name__, f.__module__) == (original.__name__, original.__module__)
                assert f.__doc__ == original.__doc__
        assert pickle.loads(pickle.dumps(np.linalg.inv)) is np.linalg.inv


@pytest.mark.parametrize("dtype", [*DTYPES, "int8", "bool", "int64"])
@pytest.mark.parametrize("shape", [(3, 3), (7, 4, 4), (2, 3, 2, 2), (0, 2, 2), (2, 0, 0)])
def test_numpy_results(shape, dtype, calls):
    a = (random(shape, "float64") * 9).astype(dtype) if dtype[0] in "ib" else random(shape, dtype)
    a = a | np.eye(shape[-1], dtype=bool) if dtype == "bool" else a
    if dtype == "bool":
        a = np.tril(a)
    b = random((shape[-1], 2), "float32")
    for call in (
        lambda: np.linalg.inv(a),
        lambda: np.linalg.solve(a, b),
        lambda: np.linalg.pinv(a),
        lambda: np.linalg.inv(a.tolist()),
    ):
        try:
            expected = call()
        except np.linalg.LinAlgError as error:
            with ainv.patch("numpy"), pytest.raises(type(error), match=str(error)):
                call()
            continue
        with ainv.patch("numpy"):
            x = call()
        assert type(x) is type(expected)
        assert x.dtype == expected.dtype and x.shape == expected.shape
        single = x.dtype.char in "fF" and call().dtype.char in "fF"
        np.testing.assert_allclose(x, expected, rtol=1e-3 if single else 1e-8, atol=1e-5)
    assert calls() and all(
        served or (not a.size and name == "numpy.linalg.pinv") or np.size(a.tolist()) == 0
        for name, served in calls()
    )


def same_exception(call):
    """That a call raises the same with the patch, and that one of it is raised."""
    with pytest.raises(Exception) as own:
        call()
    with ainv.patch("numpy", "scipy"), pytest.raises(Exception) as ours:
        call()
    assert type(ours.value) is type(own.value)
    assert str(ours.value) == str(own.value)


def test_numpy_exceptions():
    inv, pinv, solve = (
        lambda *a, **k: np.linalg.inv(*a, **k),
        lambda *a, **k: np.linalg.pinv(*a, **k),
        lambda *a, **k: np.linalg.solve(*a, **k),
    )
    for call in (
        lambda: inv(SINGULAR),
        lambda: inv(np.stack([A3, np.zeros((3, 3))])),
        lambda: solve(SINGULAR, [1.0, 2.0]),
        lambda: pinv([[np.nan, 1.0], [1.0, 1.0]]),
        lambda: inv(np.ones(3)),
        lambda: inv(np.ones((2, 3))),
        lambda: inv(3.0),
        lambda: inv(A3.astype("float16")),
        lambda: inv(A3.astype("longdouble")),
        lambda: inv(A3.astype(object)),
        lambda: inv([["a", "b"], ["c", "d"]]),
        lambda: inv(),
        lambda: inv(A3, A3),
        lambda: inv(A3, out=None),
        lambda: solve(A3),
        lambda: solve(A3, np.ones(4)),
        lambda: solve(np.ones((2, 3, 3)), np.ones((2, 3))),
        lambda: solve(A3, np.ones((3, 3), "float16")),
        lambda: pinv(A3, rcond=1e-3, rtol=1e-3),
        lambda: pinv(np.ones(3)),
        lambda: pinv(np.ones((2, 3)), hermitian=True),
        lambda: pinv(np.ones((4, 3, 3)), rcond=np.ones(3)),
    ):
        same_exception(call)


def test_the_error_says_which_matrix():
    with ainv.patch("numpy"), pytest.raises(np.linalg.LinAlgError) as error:
        np.linalg.inv(np.stack([A3, np.zeros((3, 3))]))
    assert type(error.value) is np.linalg.LinAlgError
    assert error.value.__cause__.batch_index == (1,)


def test_numpy_classes(calls):
    matrix, masked = A3.view(np.matrix), np.ma.array(A3, mask=A3 == 0)
    with ainv.patch("numpy"):
        assert type(np.linalg.inv(matrix)) is np.matrix
        assert type(np.linalg.inv(masked)) is np.ma.MaskedArray
        x = np.linalg.solve(A3, matrix)
        assert type(x) is np.matrix
    assert calls() == [
        ("numpy.linalg.inv", True),
        ("numpy.linalg.inv", False),
        ("numpy.linalg.solve", True),
    ]


def test_array_function_objects_are_asked():
    """NEP 18: they are given NumPy's own function, which is what their tables know."""
    handled = {np.linalg.inv: "inverse", np.linalg.solve: "solution", np.linalg.pinv: "pseudo"}

    class Quantity:
        def __array_function__(self, function, types, args, kwargs):
            return handled[function]

    class Table(np.ndarray):
        def __array_function__(self, function, types, args, kwargs):
            return handled[function]

    for a in (Quantity(), A3.view(Table)):
        with ainv.patch("numpy"):
            assert np.linalg.inv(a) == "inverse"
            assert np.linalg.pinv(a, 1e-3) == "pseudo"
            assert np.linalg.solve(a, A3) == np.linalg.solve(A3, a) == "solution"


def test_numpy_cut_off():
    a = np.diag([1.0, 1e-7]).astype("float32")
    own = np.linalg.pinv(a)
    assert own[1, 1] > 9e6
    with ainv.patch("numpy"):
        assert np.linalg.pinv(a)[1, 1] == 0
        assert np.linalg.pinv(a, 1e-15)[1, 1] > 9e6
        assert np.linalg.pinv(a, rtol=None)[1, 1] == 0
    with ainv.patch("numpy", numpy_rcond=True):
        assert np.linalg.pinv(a)[1, 1] > 9e6
        assert np.linalg.pinv(a, rtol=None)[1, 1] == 0


def test_what_numpy_computes_of_it():
    a = random((5, 4, 4))
    own = (
        np.linalg.cond(a, 1),
        np.linalg.matrix_power(a, -2),
        np.linalg.tensorinv(A3.reshape(3, 3), 1),
    )
    with ainv.patch("numpy"):
        ours = (
            np.linalg.cond(a, 1),
            np.linalg.matrix_power(a, -2),
            np.linalg.tensorinv(A3.reshape(3, 3), 1),
        )
        assert np.linalg.cond(SINGULAR, 1) == np.inf
    for x, y in zip(ours, own):
        np.testing.assert_allclose(x, y, rtol=1e-9)


@pytest.mark.parametrize("dtype", [*DTYPES, "int64"])
@pytest.mark.parametrize("shape", [(3, 3), (7, 4, 4), (40, 40)])
def test_scipy_results(shape, dtype, calls):
    a = (random(shape) * 9).astype(dtype) if dtype == "int64" else random(shape, dtype)
    p, b = posdef(shape, dtype) if dtype != "int64" else a, random((shape[-1], 2))
    upper = np.where(np.tri(shape[-1], k=-1), np.nan, p) if dtype != "int64" else np.triu(a)
    for call in (
        lambda: scipy.linalg.inv(a),
        lambda: scipy.linalg.inv(a, overwrite_a=True),
        lambda: scipy.linalg.inv(p, assume_a="upper triangular"),
        lambda: scipy.linalg.inv(p, assume_a="lower triangular"),
        lambda: scipy.linalg.solve(a, b),
        lambda: scipy.linalg.solve(a, b[:, 0], assume_a="gen"),
        lambda: scipy.linalg.pinv(a[..., 1:]),
        lambda: scipy.linalg.pinv(a[..., 1:], rtol=1e-3),
        lambda: scipy.linalg.pinvh(np.tril(p)),
        lambda: scipy.linalg.pinvh(np.triu(p), lower=False),
        lambda: scipy.linalg.inv(upper, assume_a="pos", check_finite=False),
        lambda: scipy.linalg.inv(np.tril(p), assume_a="pos", lower=True),
    ):
        try:
            expected = call()
        except np.linalg.LinAlgError as error:
            with ainv.patch("scipy"), pytest.raises(type(error)):
                call()
            continue
        with ainv.patch("scipy"):
            x = call()
        assert type(x) is type(expected)
        assert x.dtype == expected.dtype and x.shape == expected.shape
        tolerance = 2e-2 if x.dtype.char in "fF" else 1e-7
        np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance)
    assert {name for name, served in calls() if served} >= {
        f"scipy.linalg.{name}" for name in ("inv", "pinv", "pinvh")
    }


def test_scipy_exceptions_and_warnings():
    inv, solve = (
        lambda *a, **k: scipy.linalg.inv(*a, **k),
        lambda *a, **k: scipy.linalg.solve(*a, **k),
    )
    for call in (
        lambda: inv(SINGULAR),
        lambda: inv(np.stack([A3, np.zeros((3, 3))])),
        lambda: solve(SINGULAR, [1.0, 2.0]),
        lambda: inv([[np.nan, 1.0], [1.0, 1.0]]),
        lambda: inv(A3, assume_a="kaboom"),
        lambda: inv(np.ones((2, 3))),
        lambda: solve(A3, np.ones(4)),
        lambda: scipy.linalg.pinv(A3, rtol=-1.0),
        lambda: scipy.linalg.pinv(np.ones((0, 3, 3))),
        lambda: inv(np.ma.array(A3, mask=A3 == 0)),
    ):
        same_exception(call)
    ill = np.diag([1.0, 1e-20])
    for call in (lambda: inv(ill), lambda: solve(np.eye(50) * ([1] * 49 + [1e-20]), np.ones(50))):
        with ainv.patch("scipy"), pytest.warns(scipy.linalg.LinAlgWarning, match="rcond"):
            call()


def test_scipy_overwrites_where_it_did():
    a = np.asfortranarray(random((4, 4)))
    with ainv.patch("scipy"):
        x = scipy.linalg.inv(a, overwrite_a=True)
    assert np.shares_memory(a, x)


SCRIPT = """
import sys
import numpy as np
from numpy.linalg import inv
if __name__ == "__main__":
    assert hasattr(inv, "__wrapped__"), inv
    for _ in range(3):
        inv(np.eye(2))
    np.linalg.solve(np.ones((4, 1, 1)), np.ones(1))
    try:
        inv(np.zeros((2, 3)))
    except np.linalg.LinAlgError:
        pass
    print(sys.argv, sys.path[0], __file__, sys.modules["__main__"].inv is inv)
    sys.exit(5)
"""


def program(tmp_path, *arguments):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return subprocess.run(
        [sys.executable, "-m", "ainv", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )


def test_python_m_ainv(tmp_path):
    done = program(tmp_path, "--libraries", "numpy", "script.py", "--stats", "-x")
    assert done.returncode == 5, done.stderr
    assert done.stdout.split("\n")[0] == (
        f"{['script.py', '--stats', '-x']} {tmp_path} script.py True"
    )
    assert done.stderr == ""


def test_stats(tmp_path):
    for arguments in (["script.py"], ["-m", "script"]):
        done = program(tmp_path, "--libraries", "numpy,scipy", "--stats", *arguments, "1")
        assert done.returncode == 5, done.stderr
        assert done.stderr.splitlines() == [
            "numpy.linalg.inv  4 calls",
            "         3  float64 (2, 2)",
            "         1  float64 (2, 3)  by numpy itself",
            "numpy.linalg.solve  1 calls",
            "         1  float64 (4, 1, 1)",
        ]


def test_python_m_ainv_refuses(tmp_path):
    for arguments, text in (
        (["--libraries", "nmpy", "script.py"], "'nmpy' cannot be patched"),
        ([], "required"),
        (["--libraries", "numpy", "no_such.py"], "no_such.py"),
    ):
        done = program(tmp_path, *arguments)
        assert done.returncode != 0 and text in done.stderr


@pytest.mark.parametrize("module", ["_patch", "__main__", "_patch._swap"])
def test_examples(module):
    result = doctest.testmod(__import__(f"ainv.{module}", fromlist=["x"]))
    assert result.failed == 0


def test_one_thread_patches_while_others_call():
    import threading

    over, failed = threading.Event(), []

    def work():
        while not over.is_set():
            try:
                np.testing.assert_allclose(np.linalg.inv(A3) @ A3, np.eye(3), atol=1e-12)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        with ainv.patch("numpy"):
            assert_same_bits(np.linalg.inv(A3), ainv.inv(A3))
    over.set()
    for thread in threads:
        thread.join()
    assert not failed


def test_what_is_not_finite_is_numpys():
    for a in (np.diag([np.inf, 1.0]), np.full((2, 2), np.inf), np.diag([np.nan, 1.0])):
        for hermitian in (False, True):

            def outcome():
                try:
                    return np.linalg.pinv(a, hermitian=hermitian).tobytes()
                except np.linalg.LinAlgError as error:
                    return str(error)

            own = outcome()
            with ainv.patch("numpy"):
                assert outcome() == own


def test_a_program_stays_main_until_its_end(tmp_path):
    script = tmp_path / "late.py"
    script.write_text(
        "import atexit, pickle, numpy as np\n"
        "class Q: pass\n"
        "atexit.register(lambda: (np.linalg.inv(np.eye(5)), print(len(pickle.dumps(Q())))))\n"
    )
    command = [sys.executable, "-m", "ainv", "--libraries", "numpy", "--stats", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip().isdigit(), done.stderr
    assert "numpy.linalg.inv" in done.stderr
    missing = subprocess.run([*command[:-1], "none.py"], capture_output=True, text=True, timeout=60)
    assert missing.returncode == 2 and "can't open none.py" in missing.stderr


def test_one_cut_off_at_a_time():
    with ainv.patch("numpy"), pytest.raises(ValueError, match="numpy_rcond"):
        ainv.patch("numpy", numpy_rcond=True)
