"""The programs of examples/, and the examples that users know from other libraries' documentation."""

import subprocess
import sys
from pathlib import Path

import ainv
import numpy as np
import pytest
from helpers import assert_same_bits, random


@pytest.mark.parametrize(
    ("shape", "dtype"), [((4, 4), "float64"), ((2, 3, 4, 4), "float64"), ((4, 4), "complex128")]
)
def test_torch_inv(shape, dtype):
    a = random(shape, dtype)
    distance = np.linalg.norm((a @ ainv.inv(a) - np.eye(4)).ravel())
    assert distance < 1e-11


def test_torch_inv_ex():
    a = random((2, 3, 3))
    inverse, info = ainv.inv_ex(a)
    np.testing.assert_array_equal(inverse, ainv.inv(a))
    assert info.tolist() == [0, 0]


def test_torch_pinv():
    a = random((3, 5))
    assert ainv.pinv(a).shape == (5, 3)
    a = random((2, 6, 3))
    b = ainv.pinv(a)
    assert np.linalg.norm((b @ a - np.eye(3)).ravel()) < 1e-12
    a = random((3, 3), "complex64")
    a = a + a.conj().T
    b = ainv.pinv(a, hermitian=True)
    assert np.linalg.norm(b @ a - np.eye(3)) < 1e-4


def test_numpy_inv():
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    ainverse = ainv.inv(a)
    assert np.allclose(a @ ainverse, np.eye(2))
    assert np.allclose(ainverse @ a, np.eye(2))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        ainv.inv(np.array([[2, 4, 6], [2, 0, 2], [6, 8, 14]]))
    a = np.array([[[1.0, 2.0], [3.0, 4.0]], [[1, 3], [3, 5]]])
    expected = np.array([[[-2.0, 1.0], [1.5, -0.5]], [[-1.25, 0.75], [0.75, -0.25]]])
    assert np.allclose(ainv.inv(a), expected)
    matrix = ainv.inv(np.array([[0, 1j], [1j, 0]]))
    assert np.allclose(matrix, [[0, -1j], [-1j, 0]])


def test_numpy_pinv():
    a = random((9, 6))
    b = ainv.pinv(a)
    assert np.allclose(a, a @ b @ a)
    assert np.allclose(b, b @ a @ b)


def test_numpy_solve():
    a, b = np.array([[1, 2], [3, 5]]), np.array([1, 2])
    x = ainv.solve(a, b)
    assert np.allclose(x, [-1, 1]) and np.allclose(a @ x, b)


def test_mlx():
    a = random((4, 3), "float32")
    aplus = ainv.pinv(a)
    assert np.allclose(a @ aplus @ a, a, rtol=0, atol=1e-5)
    a = random((3, 3), "float32")
    a = a @ a.T
    for upper in (False, True):
        factor = ainv.cholesky(a, upper)
        inverse = ainv.cholesky_inv(factor, upper)
        assert np.allclose(a @ inverse, np.eye(3), rtol=0, atol=1e-4)
    a = np.tril(random((3, 3), "float32"))
    assert np.allclose(a @ ainv.tri_inv(a), np.eye(3), rtol=0, atol=1e-5)
    assert np.allclose(ainv.tri_inv(a.T, upper=True) @ a.T, np.eye(3), rtol=0, atol=1e-5)


EXAMPLES = Path(__file__).parents[2] / "examples"
# What each solves in a moment.
PROGRAMS = {
    "arm": ["--targets", "300"],
    "beamforming": ["--frequencies", "33"],
    "gptq": ["--order", "256", "--rows", "32"],
    "mesh": [],
    "outliers": ["--stations", "300"],
    "regressions": [],
    "tracking": ["--targets", "500"],
}


def run(*arguments, folder, **options):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, text=True, capture_output=True, timeout=300, check=False, **options
    )


def test_no_program_is_forgotten():
    found = {path.stem for path in EXAMPLES.glob("*.py")}
    assert found == {*PROGRAMS, "common", "pipeline", "streams_trace"}
    said = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"[{name}.py]({name}.py)" in said for name in PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name, tmp_path):
    done = run(EXAMPLES / f"{name}.py", *PROGRAMS[name], folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All checks passed." in done.stdout and " ok\n" in done.stdout
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        assert "No picture" in done.stdout
    else:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


HIDDEN = "import sys; sys.modules['matplotlib'] = None; from pathlib import Path; import common; "


def test_programs_run_without_matplotlib_unless_a_picture_is_asked_for():
    done = run("-c", HIDDEN + "common.finish(None, print)", folder=EXAMPLES)
    assert done.returncode == 0 and "No picture" in done.stdout
    done = run("-c", HIDDEN + "common.finish(Path('x.png'), print)", folder=EXAMPLES)
    assert done.returncode == 1 and "pip install matplotlib" in done.stderr


@pytest.mark.parametrize("value", ["2", "float('nan')"])
def test_a_program_ends_with_1_if_a_check_fails(value):
    checked = f"common.check('a figure', {value}, 1); common.finish(None, print)"
    done = run("-c", HIDDEN + checked, folder=EXAMPLES)
    assert done.returncode == 1
    assert "FAILED" in done.stdout and "a figure" in done.stderr


def test_pipeline(tmp_path):
    program, a = EXAMPLES / "pipeline.py", random((50_000, 4, 4))
    np.save(tmp_path / "a.npy", a)
    done = run(program, "a.npy", "x.npy", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_bits(np.load(tmp_path / "x.npy"), ainv.inv(a))
    assert "parts" in run(program, folder=tmp_path).stdout


def test_streams_trace(tmp_path):
    pytest.importorskip("matplotlib")
    trace = "stream,work,thread,begin,end\nstream 1,x,a,0,2\nstream 2,y,b,1,3\n"
    done = run(EXAMPLES / "streams_trace.py", "x.svg", folder=tmp_path, input=trace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stream 2: 1 times y" in (tmp_path / "x.svg").read_text(encoding="utf-8")
