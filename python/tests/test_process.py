"""What happens to a process: Ctrl-C, no memory, forks, leaks, the environment."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from helpers import check

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


def start(code, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


LONG = {
    "stack": ("rand(500, 500)", "inv(np.broadcast_to(a, (2000, 500, 500)))"),
    "one": ("rand(7000, 7000)", "inv(a)"),
    # No certificate and no gap: each matrix goes to its singular values.
    "pinv": (
        "rand(100, 100) * np.logspace(0, -18, 100)",
        "pinv(np.broadcast_to(a, (9000, 100, 100)))",
    ),
    "solve": ("rand(7000, 7000)", "solve(a, a)"),
}


@posix
@pytest.mark.parametrize(("matrix", "call"), LONG.values(), ids=LONG)
def test_interrupt(matrix, call):
    process = start(f"""
        import signal, time, numpy as np, ainv
        # A shell's background job is born with Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ainv.set_num_threads(1)
        np.random.seed(0)
        a = np.random.{matrix}
        print("go", flush=True)
        try:
            ainv.{call}
        except KeyboardInterrupt:
            print(time.time(), flush=True)
        print(ainv.inv([[2.0]])[0, 0])
        a = np.random.rand(400, 400)
        assert np.allclose(a @ ainv.inv(a), np.eye(400))
    """)
    assert process.stdout.readline() == "go\n"
    time.sleep(1)
    assert process.poll() is None
    sent = time.time()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    raised, value = out.split()
    assert value == "0.5"
    # Not a measurement: each call would go on for longer than this.
    assert float(raised) - sent < 5


@posix
def test_another_handler_does_not_stop_a_call():
    check("""
        import signal, numpy as np, ainv
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        a = np.random.rand(1500, 1500)
        x = ainv.inv(a)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert np.allclose(a @ x, np.eye(1500), atol=1e-6)
        assert seen
    """)


@posix
def test_no_memory():
    check("""
        import resource, numpy as np, ainv
        a = np.broadcast_to(np.eye(3), (2**36, 3, 3))
        for f in (ainv.inv, ainv.inv_ex, ainv.pinv, lambda a: ainv.solve(a, a), ainv.cholesky_inv):
            try:
                f(a)
            except MemoryError:
                continue
            raise SystemExit(f"{f} found the memory")
        n = 3000
        b = 2 * np.eye(n)
        ainv.set_num_threads(1)
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        # Room for one more matrix and a third of another.
        resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
        out = np.empty((n, n))
        fails = dict(inv=False, tri_inv=False, pinv=True, single=True, owned=True)
        calls = dict(
            inv=ainv.inv,
            tri_inv=ainv.tri_inv,
            pinv=ainv.pinv,
            single=lambda b, out: ainv.inv(b.astype("f")),
            owned=lambda b, out: ainv.inv(b),
        )
        for name, call in calls.items():
            out.fill(0)
            try:
                call(b, out=out)
            except MemoryError:
                assert fails[name], f"{name} needs no second matrix"
            else:
                assert not fails[name], f"{name} found memory that is not there"
                assert (out.diagonal() == 0.5).all() and out.sum() == n / 2
        assert ainv.inv([[2.0]])[0, 0] == 0.5
    """)


@posix
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("before", [False, True])
def test_children(method, before, tmp_path):
    script = tmp_path / "child.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, warnings, numpy as np, ainv
        warnings.simplefilter("ignore", DeprecationWarning)

        def work(seed):
            a = np.random.default_rng(seed).standard_normal((50, 100, 100))
            return float(np.abs(a @ ainv.inv(a) - np.eye(100)).max())

        if __name__ == "__main__":
            if {before}:
                assert work(9) < 1e-6
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                assert max(pool.map_async(work, range(4)).get(60)) < 1e-6
            assert work(9) < 1e-6
    """)
    )
    subprocess.run([sys.executable, script], check=True, timeout=120)


@posix
def test_no_leak():
    check("""
        import gc, sys, numpy as np, ainv
        a, bad = np.eye(3), np.zeros((4, 3, 3))
        out, f16 = np.empty((3, 3)), np.eye(3, dtype="float16")

        def calls():
            ainv.inv(a), ainv.inv(a, out=out), ainv.pinv(a), ainv.solve(a, a), ainv.inv(f16)
            ainv.inv_ex(bad), ainv.inv(a.tolist()), ainv.rcond(a), ainv.inv(a.T, out=a)
            for wrong, out_ in ((bad, None), (bad[0, 0], None), (a, 1)):
                try:
                    ainv.inv(wrong, out=out_)
                except (ValueError, TypeError):
                    pass

        def resident():
            gc.collect()
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        for _ in range(2000):
            calls()
        before = resident(), sys.getrefcount(a), sys.getrefcount(out), sys.getrefcount(out.dtype)
        for _ in range(10_000):
            calls()
        after = resident(), sys.getrefcount(a), sys.getrefcount(out), sys.getrefcount(out.dtype)
        assert after[0] - before[0] < 2 << 20, (before, after)
        assert after[1:3] == before[1:3] and after[3] - before[3] < 10, (before, after)
    """)


def test_environment():
    code = "import ainv; print(ainv.get_num_threads())"
    for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "AINV_NUM_THREADS"):
        assert check(code, **{name: "3"}).strip() == "3"
    assert check(code, OMP_NUM_THREADS="5", AINV_NUM_THREADS="7").strip() == "7"
    process = start("import ainv; ainv.inv([[1.0]])", AINV_ISA="abacus")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "AINV_ISA=abacus" in err


def test_exit_with_work_in_flight():
    check("""
        import threading, time, numpy as np, ainv
        a = np.random.rand(3000, 3000)
        threading.Thread(target=ainv.inv, args=(a,), daemon=True).start()
        time.sleep(0.1)
    """)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize("given", ["environment", "joblib"])
def test_no_more_threads_than_given(given, tmp_path):
    """A worker that was given one core has no threads of ours, even for a large matrix."""
    if given == "joblib":
        pytest.importorskip("joblib")
    script = tmp_path / "worker.py"
    script.write_text(
        textwrap.dedent("""
        import os, sys
        import numpy as np

        def work(seed):
            import ainv
            a = np.random.default_rng(seed).standard_normal((600, 600))
            good = bool(np.abs(a @ ainv.inv(a) - np.eye(600)).max() < 1e-6)
            return good, ainv.get_num_threads(), sum(map(is_ours, os.listdir("/proc/self/task")))

        def is_ours(thread):
            try:
                return open(f"/proc/self/task/{thread}/comm").read().startswith("ainv")
            except FileNotFoundError:  # it has ended
                return False

        if __name__ == "__main__":
            if sys.argv[1] == "joblib":
                import joblib
                with joblib.parallel_config("loky", inner_max_num_threads=1):
                    results = joblib.Parallel(n_jobs=2)(joblib.delayed(work)(i) for i in range(4))
            else:
                results = [work(1)]
            assert all(result == (True, 1, 0) for result in results), results
    """)
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} if given == "environment" else None
    subprocess.run([sys.executable, script, given], check=True, timeout=120, env=environment)
