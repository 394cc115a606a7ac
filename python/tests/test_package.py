"""The package: its names, its examples, its types, its devices, its command."""

import copy
import doctest
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import ainv
import numpy as np
import pytest
from ainv import _ainv
from helpers import A3, assert_same_bits

FUNCTIONS = [
    "inv",
    "inv_ex",
    "pinv",
    "cholesky_inv",
    "tri_inv",
    "cholesky",
    "solve",
    "rcond",
    "report",
]


def test_names():
    assert sorted(ainv.__all__) == ainv.__all__ and set(ainv.__all__) <= set(dir(ainv))
    assert ainv.inv is _ainv.inv
    assert ainv.__version__.count(".") == 2


@pytest.mark.parametrize("name", ["", *ainv.__all__])
def test_examples(name):
    if name in ("device_count", "set_default_device") and ainv.device_count("gpu") > 0:
        pytest.skip("they show a machine without a GPU")
    thing = getattr(ainv, name) if name else ainv
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder(recurse=False).find(thing, name or "ainv", globs={}):
        runner.run(test)
    assert runner.failures == 0
    if callable(thing) and thing is not ainv.InvExResult:  # Shown by inv_ex.
        assert "Examples\n--------" in inspect.getdoc(thing)
    if name in FUNCTIONS:
        assert runner.tries > 1
        assert "Parameters\n----------" in thing.__doc__ and "Returns\n-------" in thing.__doc__


def test_signatures():
    options = "on_singular='raise', precision=None, out=None, stream=None"
    for name, expected in {
        "inv": "(a, *, assume='auto', on_singular='raise', precision=None, out=None, axes=None, "
        "stream=None)",
        "inv_ex": "(a, *, check_errors=False, assume='auto', "
        "precision=None, out=None, stream=None)",
        "pinv": f"(a, rcond=None, hermitian=False, *, rtol=None, atol=None, {options})",
        "cholesky_inv": f"(L, upper=False, *, {options})",
        "cholesky_inverse": f"(L, upper=False, *, {options})",
        "tri_inv": f"(a, upper=False, *, unit_diagonal=False, {options})",
        "cholesky": f"(a, upper=False, *, {options})",
        "solve": f"(a, b, *, assume='auto', {options})",
        "rcond": "(a, *, p=1, assume='auto', stream=None)",
        "report": "(a, x=None, *, assume='auto', stream=None)",
    }.items():
        assert str(inspect.signature(getattr(ainv, name))) == expected


def test_types_agree_with_the_module():
    pytest.importorskip("mypy")
    for command in (
        ["-m", "mypy.stubtest", "ainv._ainv"],
        ["-m", "mypy", "-p", "ainv"],
        ["-m", "mypy", "examples", "python/tests/typed.py"],
    ):
        root = Path(__file__).parents[2]
        result = subprocess.run(
            [
                sys.executable,
                *command,
                *(["--config-file", "pyproject.toml"] * ("mypy" in command)),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=root,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_devices():
    assert ainv.default_device() == ainv.cpu == ainv.Device("cpu", 0) != ainv.gpu
    assert (ainv.gpu.kind, ainv.gpu.index, ainv.Device("gpu", 2).index) == ("gpu", 0, 2)
    stream = ainv.Stream(0, ainv.cpu)
    assert (stream.kind, stream.index, stream.device) == ("cpu", 0, ainv.cpu)
    for thing in (ainv.cpu, ainv.gpu, stream):
        assert pickle.loads(pickle.dumps(thing)) == copy.deepcopy(thing) == thing
        assert hash(thing) == hash(copy.copy(thing))
        with pytest.raises(AttributeError):
            thing.index = 1
    for arguments in (("tpu",), ("",)):
        with pytest.raises(ValueError, match="cpu or gpu"):
            ainv.Device(*arguments)


CALLS = {
    "inv": lambda **k: ainv.inv(A3, **k),
    "inv_ex": lambda **k: ainv.inv_ex(A3, **k),
    "pinv": lambda **k: ainv.pinv(A3, **k),
    "cholesky_inv": lambda **k: ainv.cholesky_inv(A3, **k),
    "tri_inv": lambda **k: ainv.tri_inv(A3, **k),
    "cholesky": lambda **k: ainv.cholesky(A3, **k),
    "solve": lambda **k: ainv.solve(A3, A3, **k),
    "rcond": lambda **k: ainv.rcond(A3, **k),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_streams(call):
    for stream in (None, "cpu", ainv.cpu, ainv.Stream(0, ainv.cpu)):
        for x, y in (
            zip(call(stream=stream), call())
            if isinstance(call(), tuple)
            else [(call(stream=stream), call())]
        ):
            assert_same_bits(np.asarray(x), np.asarray(y))
    if ainv.device_count("gpu") == 0:
        for stream in ("gpu", ainv.gpu, ainv.Stream(0, ainv.gpu)):
            with pytest.raises(RuntimeError, match="gpu"):
                call(stream=stream)
    with pytest.raises(ValueError, match="cpu or gpu"):
        call(stream="tpu")
    with pytest.raises(TypeError, match="Device"):
        call(stream=0)


def test_a_refused_device_leaves_out_alone():
    out = np.full((3, 3), 7.0)
    with pytest.raises(RuntimeError):
        ainv.inv(A3, out=out, stream=ainv.Device("gpu", 7))
    assert np.all(out == 7)


def test_inv_ex_result():
    result = ainv.inv_ex(A3)
    assert isinstance(result, tuple) and result._fields == ("inverse", "info")
    twin = pickle.loads(pickle.dumps(result))
    assert type(twin) is ainv.InvExResult
    assert_same_bits(twin.inverse, result.inverse)


def test_functions_can_be_pickled():
    for name in FUNCTIONS:
        assert pickle.loads(pickle.dumps(getattr(ainv, name))) is getattr(ainv, name)


def test_show_config(capsys):
    ainv.show_config()
    text = capsys.readouterr().out
    assert ainv.__version__ in text and f"threads: {ainv.get_num_threads()}" in text
