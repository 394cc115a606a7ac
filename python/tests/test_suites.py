"""The tests of NumPy and SciPy themselves, as their wheels bring them, with ainv's functions."""

import re
import subprocess
import sys

import pytest

# Tests of the peers that cannot hold, each with the reason.
NUMPY_LEFT_OUT: dict[str, str] = {}
SCIPY_LEFT_OUT = {
    "test_auto_rcond and pinvh and 1e+20": "asks for 1e-7 of an eigenvalue that is 1e-10 of the "
    "largest, where an eigendecomposition owes 2e-6; LAPACK meets it as the matrix is diagonal",
}


def suite(library, tests, selected, left_out, tmp_path, capsys):
    """Run a peer's tests with its functions swapped; return how many passed, and the statistics."""
    selected = " and ".join([f"({selected})", *(f"not ({name})" for name in left_out)])
    done = subprocess.run(
        [sys.executable, "-m", "ainv", "--libraries", library, "--stats", "-m", "pytest", "-q"]
        + ["-p", "no:cacheprovider", "--pyargs", tests, "-k", selected],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with capsys.disabled():
        print(f"\n{tests}: {done.stdout.splitlines()[-1]}")
        for name, reason in left_out.items():
            print(f"left out: {name}: {reason}")
    return int(re.search(r"(\d+) passed", done.stdout)[1]), done.stderr


def served(stats, function):
    """How many calls of a function ainv did itself."""
    lines = stats.partition(f"{function}  ")[2].split("\n")[1:]
    calls = []
    for line in lines:
        if not line.startswith(" "):
            break
        if "itself" not in line:
            calls.append(int(line.split()[0]))
    return sum(calls)


def test_numpy(tmp_path, capsys):
    pytest.importorskip("hypothesis")
    selected = "Inv or Pinv or PINV or Solve or Cond or Matrix or inv or Regression"
    passed, stats = suite("numpy", "numpy.linalg.tests", selected, NUMPY_LEFT_OUT, tmp_path, capsys)
    assert passed > 100
    for name, least in {"inv": 100, "pinv": 30, "solve": 60}.items():
        assert served(stats, f"numpy.linalg.{name}") >= least, stats


def test_scipy(tmp_path, capsys):
    tests = "scipy.linalg.tests.test_basic"
    selected = "TestInv or TestPinv or TestSolve or test_auto_rcond"
    passed, stats = suite("scipy", tests, selected, SCIPY_LEFT_OUT, tmp_path, capsys)
    assert passed > 100
    for name, least in {"inv": 60, "pinv": 5, "pinvh": 5, "solve": 40}.items():
        assert served(stats, f"scipy.linalg.{name}") >= least, stats
