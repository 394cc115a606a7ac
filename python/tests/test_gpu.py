"""A GPU, where the build has the feature cuda or wgpu and one is found (`AINV_GPU=llvmpipe`: one in software)."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import ainv

there = ainv.device_count("gpu") == 1
assert there or not os.environ.get("AINV_GPU"), "AINV_GPU names an adapter that is not found"
pytestmark = pytest.mark.skipif(not there, reason="no GPU")

A = np.random.default_rng(0).standard_normal((50, 6, 6)).astype(np.float32)


def close(x, a):
    residual = np.abs(a.astype(float) @ np.asarray(x, dtype=float) - np.eye(a.shape[-1])).max()
    assert residual < 1e-2, residual


def test_numpy_arrays():
    x = ainv.inv(A, stream=ainv.gpu, precision="native")
    assert isinstance(x, np.ndarray) and x.dtype == A.dtype and x.shape == A.shape
    close(x, A)
    out = np.zeros((6, 6, 50), np.float32).transpose(2, 0, 1)
    assert ainv.inv(A[::-1], out=out, stream="gpu", precision="native") is out
    assert np.array_equal(out[::-1], x)


def test_complex():
    a = A[:3] + 1j * A[3:6]
    x = ainv.inv(a, stream=ainv.gpu)
    assert x.dtype == a.dtype
    assert np.abs(a @ x - np.eye(6)).max() < 1e-2


def test_numbers_of_singular_matrices():
    a = A.copy()
    a[7, :, 2] = 0
    x, info = ainv.inv_ex(a, stream=ainv.gpu, precision="native")
    assert info[7] == 3 and not np.delete(info, 7).any() and np.isnan(x[7]).all()
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.inv(a, stream=ainv.gpu, precision="native")
    assert e.value.batch_index == (7,) and e.value.diagonal == 3


def test_systems_and_triangles():
    a = A + 6 * np.eye(6, dtype=np.float32)
    b = A[:, :, :2]
    x = ainv.solve(a, b, stream=ainv.gpu, precision="native")
    assert x.shape == b.shape and np.abs(a @ x - b).max() < 1e-4
    definite = A @ A.transpose(0, 2, 1) + np.eye(6, dtype=np.float32)
    lower = np.where(np.tri(6, dtype=bool), definite, np.nan)
    x = ainv.solve(lower, b, assume="posdef", stream=ainv.gpu, precision="native")
    assert np.abs(definite @ x - b).max() < 1e-3
    x = ainv.solve(a, b, assume="diagonal", stream=ainv.gpu, precision="native")
    assert np.allclose(x, b / np.diagonal(a, axis1=1, axis2=2)[:, :, None], rtol=1e-6)
    for lower in (True, False):
        t = np.tril(a) if lower else np.triu(a)
        x = ainv.tri_inv(t, upper=not lower, stream=ainv.gpu, precision="native")
        close(x, t)
        assert np.array_equal(x, np.tril(x) if lower else np.triu(x))
    lower = np.tril(a)
    close(ainv.cholesky_inv(lower, stream=ainv.gpu, precision="native"), lower @ lower.transpose(0, 2, 1))
    close(ainv.inv(np.diag(a[0, 0]), assume="diagonal", stream=ainv.gpu, precision="native"), np.diag(a[0, 0]))


def test_positive_definite_matrices():
    a = A @ A.transpose(0, 2, 1) + np.eye(6, dtype=np.float32)
    options = {"stream": ainv.gpu, "precision": "native"}
    x = ainv.inv(a, assume="posdef", **options)
    close(x, a)
    assert np.array_equal(x, x.transpose(0, 2, 1))
    for upper in (False, True):
        # The other triangle is not read.
        triangle = np.triu if upper else np.tril
        factor = ainv.cholesky(np.where(triangle(np.ones((6, 6))), a, np.nan), upper=upper, **options)
        assert np.array_equal(factor, triangle(factor))
        turned = factor.transpose(0, 2, 1)
        assert np.abs((turned @ factor if upper else factor @ turned) - a).max() < 1e-4
    a[7, 3, 3] = -1
    with pytest.raises(ainv.LinAlgError, match="positive definite") as e:
        ainv.cholesky(a, **options)
    assert e.value.batch_index == (7,) and e.value.diagonal == 4


def test_pseudo_inverses():
    options = {"stream": ainv.gpu, "precision": "native"}
    wide = A[:, :4] @ np.diag(np.float32([1, 2, 3, 4, 5, 6]))
    for a in (wide, wide.transpose(0, 2, 1), A[:, :, :1] @ A[:, :1], np.tile(A[:3, 0], (1, 40, 1))):
        x = ainv.pinv(a, **options)
        expected = np.linalg.pinv(a.astype(float), rcond=1e-5)
        assert x.dtype == a.dtype and np.abs(x - expected).max() < 1e-3 * np.abs(expected).max()
    # A tolerance each, and the lower triangle alone.
    diagonal = np.float32([[4, 0], [9, 1]]) * np.ones((3, 1, 1), np.float32)
    x = ainv.pinv(diagonal * np.eye(2, dtype=np.float32), rtol=[0, 0.5, 2], **options)
    assert np.array_equal(x[:, [0, 1], [0, 1]], np.float32([[0.25, 1], [0.25, 0], [0, 0]]))
    lower = np.float32([[2, np.nan], [0, 0]])
    assert np.allclose(ainv.pinv(lower, hermitian=True, **options), [[0.5, 0], [0, 0]])
    bad = A.copy()
    bad[7, 2, 2] = np.inf
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.pinv(bad, **options)
    assert e.value.batch_index == (7,)


def test_conditions():
    options = {"stream": ainv.gpu, "precision": "native"}
    for norm in (1, np.inf):
        expected = ainv.rcond(A, p=norm)
        # An array of ours is computed in its own precision.
        x = ainv.rcond(ainv.asarray(A), p=norm, stream=ainv.gpu)
        assert np.allclose(np.asarray(x), expected, rtol=1e-2)
    bad = A.copy()
    bad[7, 2] = bad[7, 3] * np.float32(1 + 1e-7)
    expected = ainv.inv(bad, **options)
    with ainv.ill_conditioned("warn"), pytest.warns(ainv.LinAlgWarning):
        assert np.array_equal(ainv.inv(bad, **options), expected)
    with ainv.ill_conditioned("raise"), pytest.raises(ainv.LinAlgError):
        ainv.solve(bad, A, **options)
    with ainv.ill_conditioned("raise"):
        ainv.solve(A, A, **options)


def test_pseudo_inverses_of_what_has_no_inverse():
    a = A.copy()
    a[7, :, 2] = 0
    x = ainv.inv(a, on_singular="pinv", stream=ainv.gpu, precision="native")
    expected = np.linalg.pinv(a[7].astype(float))
    assert np.abs(x[7] - expected).max() < 1e-3 * np.abs(expected).max()
    others = np.delete(np.arange(len(a)), 7)
    assert np.array_equal(x[others], ainv.inv(A, stream=ainv.gpu, precision="native")[others])


def test_what_it_lacks_is_refused_by_name():
    a = A[0]
    for name, call in {
        "rcond in the 2-norm": lambda: ainv.rcond(a, p=2, stream=ainv.gpu),
        "report": lambda: ainv.report(a, stream=ainv.gpu),
    }.items():
        with pytest.raises(RuntimeError, match=f"{name}.*CPU"):
            call()


def test_arrays_are_enqueued():
    stream = ainv.new_stream(ainv.gpu)
    a = ainv.asarray(A)
    x = ainv.inv(a, stream=stream)
    y = ainv.inv(x, stream=stream)
    close(np.asarray(x), A)
    assert np.abs(np.asarray(y) - A).max() < 1e-1 * np.abs(A).max()
    with ainv.stream(stream):
        z = ainv.inv(a)
        assert ainv.default_device() == ainv.gpu
    assert np.array_equal(np.asarray(z), np.asarray(x))
    bad = ainv.inv(ainv.asarray(np.zeros((2, 2), np.float32)), stream=stream)
    ainv.synchronize(stream)
    with pytest.raises(ainv.LinAlgError):
        ainv.eval(bad)
    # The CPU goes on with what the GPU made.
    close(ainv.inv(y, stream=ainv.cpu), np.asarray(y))


def test_threads():
    expected = ainv.inv(A, stream=ainv.gpu, precision="native")
    same = []

    def work():
        same.append(np.array_equal(ainv.inv(A, stream=ainv.gpu, precision="native"), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 4


def test_what_is_known(capsys):
    info = ainv.device_info(ainv.gpu)
    assert info["device_name"] and info["driver"] and info["instruction_set"] is None
    ainv.show_config()
    assert info["device_name"] in capsys.readouterr().out


UNFINISHED = """
import numpy as np
import ainv

a = ainv.asarray(np.zeros((1, 700, 700), np.complex64) + np.eye(700))
stream = ainv.new_stream(ainv.gpu)
work = [ainv.inv(a, stream=stream) for _ in range(5)]
print("enqueued")
"""


def test_a_process_ends_with_work_that_nobody_waited_for():
    done = subprocess.run([sys.executable, "-c", UNFINISHED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "enqueued" in done.stdout, (done.returncode, done.stderr)


FORKED = """
import os
import numpy as np
import ainv

a = np.eye(3, dtype=np.complex64)
assert np.array_equal(ainv.inv(a, stream="gpu"), a)
child = os.fork()
if child == 0:
    try:
        ainv.inv(a, stream="gpu")
    except RuntimeError as e:
        os._exit(0 if "forked" in str(e) and np.array_equal(ainv.inv(a), a) else 1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_is_refused():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


OUT_OF_MEMORY = """
import resource
import numpy as np
import ainv

small = np.eye(3, dtype=np.complex64)
assert np.array_equal(ainv.inv(small, stream="gpu"), small)
a = np.zeros((64, 1024, 1024), np.complex64) + np.eye(1024, dtype=np.complex64)
out = np.zeros_like(a)
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
before = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (now + (100 << 20), before[1]))
try:
    ainv.inv(a, stream="gpu", out=out)
except MemoryError as e:
    print("refused:", e)
resource.setrlimit(resource.RLIMIT_AS, before)
assert np.array_equal(ainv.inv(small, stream="gpu"), small)
"""


@pytest.mark.skipif(
    "llvmpipe" not in os.environ.get("AINV_GPU", ""), reason="its memory is not this process's"
)
def test_memory_exhausted():
    done = subprocess.run([sys.executable, "-c", OUT_OF_MEMORY], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "refused:" in done.stdout, done.stderr + done.stdout
