"""The command that the package installs: files, exit codes, output, signals."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ainv

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and pipes")

A3 = np.array([[4.0, 1.0, 2.0], [1.0, 5.0, 3.0], [0.0, 2.0, 6.0]])


def start(*arguments):
    # Whoever runs the tests in the background may have them ignore SIGINT.
    script = """if True:
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from ainv._cli import main
        sys.exit(main())
    """
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(*arguments, given=b""):
    process = start(*arguments)
    out, err = process.communicate(given, timeout=60)
    return process.returncode, out.decode(), err.decode()


def test_files(tmp_path):
    np.save(tmp_path / "a.npy", A3)
    np.savez(tmp_path / "a.npz", one=A3, many=np.stack([A3, A3.T]))
    for name in ("npy", "npz"):
        code, out, err = run("inv", tmp_path / f"a.{name}", "-o", tmp_path / f"x.{name}")
        assert (code, out) == (0, "") and "rcond" in err
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), ainv.inv(A3))
    with np.load(tmp_path / "x.npz") as x:
        np.testing.assert_array_equal(x["one"], ainv.inv(A3))
        np.testing.assert_array_equal(x["many"], ainv.inv(np.stack([A3, A3.T])))


def test_standard_input_and_output():
    assert run("inv", "-", "--format", "csv", given=b"2,0\n0,4\n")[:2] == (0, "0.5,0.0\n0.0,0.25\n")
    code, out, err = run("inv", "-", "--format", "csv", "--json", given=b"2\n")
    assert (code, err) == (0, "") and json.loads(out)["arrays"][0]["result"] == [[0.5]]


def test_exit_codes(tmp_path):
    for given, arguments, expected in [
        (b"2\n", ["inv", "-", "--format", "csv"], 0),
        (b"0\n", ["inv", "-", "--format", "csv"], 1),
        (b"", ["invert"], 2),
        (b"x\n", ["inv", "-", "--format", "csv"], 3),
        (b"", ["inv", tmp_path / "none.npy"], 3),
    ]:
        code, out, err = run(*arguments, given=given)
        assert code == expected, err
        assert bool(err) and bool(out) == (code == 0)


@posix
def test_a_pipe_that_is_closed_early(tmp_path):
    np.save(tmp_path / "a.npy", np.broadcast_to(A3, (100_000, 3, 3)))
    with start("inv", tmp_path / "a.npy", "-o", "-") as process:
        assert process.stdout.read(6) == b"\x93NUMPY"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 3


@posix
@pytest.mark.parametrize(("signal_", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals(tmp_path, signal_, expected):
    # Zeros take no room on the disk; as triangles with a unit diagonal they have inverses.
    a = np.lib.format.open_memmap(tmp_path / "a.npy", mode="w+", shape=(400_000, 32, 32))
    del a
    process = start("tri-inv", tmp_path / "a.npy", "--unit-diagonal", "-o", "-")
    # It is at work, and waits for a reader.
    assert process.stdout.read(6) == b"\x93NUMPY"
    process.send_signal(signal_)
    time.sleep(0.1)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (expected, b"ainv: interrupted\n")
    assert len(out) < 400_000 * 32 * 32 * 8
