"""What happens to a process: Ctrl-C, no memory, forks, leaks, the environment."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from helpers import FLAT, check

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
    "cholesky": ("rand(8000, 8000) + 8000 * np.eye(8000)", "cholesky(a)"),
    "cholesky_inv": ("rand(7000, 7000) + 99 * np.eye(7000)", "cholesky_inv(a)"),
    "tri_inv": ("rand(8000, 8000) + 99 * np.eye(8000)", "tri_inv(a)"),
    "rcond": ("rand(300, 300)", "rcond(np.broadcast_to(a, (100_000, 300, 300)))"),
    "rcond of one": ("rand(7000, 7000)", "rcond(a)"),
    "report": ("rand(300, 300)", "report(np.broadcast_to(a, (3000, 300, 300)))"),
}
#: Of one large matrix, too early for more than its first passes.
EARLY = "one", "solve", "rcond of one"
MOMENTS = {name: (*case, 0.5) for name, case in LONG.items()} | {f"{name}, early": (*LONG[name], 0.05) for name in EARLY}


def worked(process):
    """The processor's seconds that it has had."""
    words = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(("matrix", "call", "moment"), MOMENTS.values(), ids=MOMENTS)
def test_interrupt(matrix, call, moment):
    process = start(f"""
        import signal, time, numpy as np, ainv
        # A shell's background job is born with Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ainv.set_num_threads(1)
        np.random.seed(0)
        a = np.random.{matrix}
        try:
            print("go", flush=True)
            ainv.{call}
        except KeyboardInterrupt:
            print(time.process_time(), flush=True)
        print(ainv.inv([[2.0]])[0, 0])
        a = np.random.rand(400, 400)
        assert np.allclose(a @ ainv.inv(a), np.eye(400))
    """)
    assert process.stdout.readline() == "go\n"
    time.sleep(moment)
    # Held while it is sent: it works neither between the two nor while this test waits for its turn.
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert process.poll() is None
    sent = worked(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    raised, value = out.split()
    assert value == "0.5"
    # Work, not time, so that a busy machine changes nothing: each call would do more.
    assert float(raised) - sent < 0.2


@posix
def test_what_an_interrupted_call_leaves():
    """Of a stack each matrix is done or as it was, and `info` is as it was."""
    check("""
        import signal, numpy as np, ainv

        class Alarm(Exception):
            pass

        def ring(*_):
            raise Alarm

        signal.signal(signal.SIGALRM, ring)
        ainv.set_num_threads(1)
        one = np.random.default_rng(0).standard_normal((100, 100))
        a = np.broadcast_to(one, (4000, 100, 100))
        expected = ainv.inv(one)
        x, info = np.full(a.shape, 7.0), np.full(len(a), -7, "int32")
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        try:
            ainv.inv_ex(a, out=(x, info))
        except Alarm:
            pass
        else:
            raise SystemExit("it was not interrupted")
        assert np.all(info == -7)
        done = (x == expected).all(axis=(1, 2))
        assert 0 < done.sum() < len(a), done.sum()
        assert np.all(x[~done] == 7)
        x, info = ainv.inv_ex(a[:50])
        assert not info.any() and np.all(x == expected)
    """)


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
@pytest.mark.parametrize(
    "call",
    [
        "inv(a)",
        "inv_ex(a)[0]",
        "pinv(a)",
        "cholesky(a)",
        "cholesky_inv(a)",
        "tri_inv(a)",
        "solve(a, a)",
        "rcond(a)",
        "inv(half)",
    ],
)
def test_ever_more_memory(call):
    """The address space limited to ever more beside what is there: MemoryError until there is enough, then the bits of an
    unlimited call; what is small works all the while."""
    check(f"""
        import resource, numpy as np, ainv
        n = 900
        a = np.random.default_rng(1).standard_normal((n, n))
        a = a @ a.T + n * np.eye(n)
        half = a.astype("f")
        call = lambda: ainv.{call}
        ainv.set_num_threads(1)
        assert ainv.inv([[2.0]])[0, 0] == 0.5

        def limit(room):
            used = int(open("/proc/self/statm").read().split()[0]) * 4096
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (hard if room is None else used + room, hard))

        refused, room = 0, 1 << 20
        while True:
            limit(room)
            try:
                x = call()
            except MemoryError:
                refused += 1
                assert ainv.inv([[2.0]])[0, 0] == 0.5
            else:
                break
            finally:
                limit(None)
            room *= 2
            assert room < 1 << 28
        assert refused
        assert (x == call()).all()
    """)


@posix
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
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
@pytest.mark.parametrize("while_", ["they compute", "pools are made"])
def test_fork_amid_the_calls_of_other_threads(while_):
    """A child has what its parent's other threads had locked, but not those threads."""
    check(f"""
        import os, threading, time, warnings, numpy as np, ainv
        warnings.simplefilter("ignore", DeprecationWarning)
        a = np.random.default_rng(0).standard_normal((30, 40, 40))
        expected = ainv.inv(a)
        over = threading.Event()

        def work(n):
            while not over.is_set():
                if {while_ == "they compute"}:
                    ainv.inv(a)
                else:
                    with ainv.threads(n):
                        ainv.inv(a)

        def ends(child):
            until = time.monotonic() + 60
            while time.monotonic() < until:
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid:
                    return status == 0
                time.sleep(0.001)
            os.kill(child, 9)
            return False

        callers = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
        for caller in callers:
            caller.start()
        good = True
        for _ in range(200):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(ainv.inv(a), expected) else 1)
            good = good and ends(child)
            if not good:
                break
        over.set()
        for caller in callers:
            caller.join()
        assert good, "a child hangs, or is wrong"
    """)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("part", ["blocking", "errors", "report"])
def test_no_leak(part):
    check(
        FLAT
        + textwrap.dedent(f"""
        import sys, numpy as np, ainv
        a, bad = np.eye(3), np.zeros((4, 3, 3))
        out, half, text = np.empty((3, 3)), np.eye(3, dtype="float16"), np.array([["x"]])
        held = a, bad, out, half, text, np.dtype("f8"), np.dtype("f2"), ainv.LinAlgError, ainv.cpu
        functions = [
            ainv.inv, ainv.inv_ex, ainv.pinv, ainv.cholesky, ainv.cholesky_inv, ainv.tri_inv,
            ainv.rcond, ainv.report, lambda a, **options: ainv.solve(a, a, **options),
        ]

        def blocking():
            for f in functions[:-2]:
                f(a), f(half), f(a[None]), f(a.T)
            for f in functions[:6]:
                f(a, out=(out, np.empty((), "i4")) if f is ainv.inv_ex else out)
            ainv.solve(a, a, out=out), ainv.solve(a, out), ainv.inv(a.tolist())
            ainv.inv_ex(bad), ainv.inv(bad, on_singular="nan"), ainv.inv(a, out=a, stream=ainv.cpu)

        def errors():
            for f in functions:
                for wrong in bad, bad[0, 0], text, bad[:, :2], None, "x":
                    refused(f, wrong)
                refused(f, a, out=1), refused(f, a, out=out[:2]), refused(f, a, stream="moon")
                refused(f, a, nonsense=a)

        def refused(f, wrong, **options):
            try:
                f(wrong, **options)
            except (ValueError, TypeError, RuntimeError):
                pass

        def report():
            r = ainv.report(bad), ainv.report(a)
            str(r[0]), r[1]._repr_html_(), r[0].worst, r[0].status, r[0].reason

        {part}()
        before = [sys.getrefcount(x) for x in held]
        flat({part}, times={dict(blocking=400, errors=100, report=40)[part]})
        after = [sys.getrefcount(x) for x in held]
        assert all(abs(y - x) < 10 for x, y in zip(before, after)), (before, after)
        """)
    )


def test_imported_anew():
    """Some tools forget modules and import them again: there is one extension module all the same."""
    check("""
        import sys, numpy as np, ainv
        first, a = ainv, ainv.asarray([[2.0]])
        for name in [name for name in sys.modules if name.split(".")[0] == "ainv"]:
            del sys.modules[name]
        import ainv
        assert ainv is not first
        assert ainv.LinAlgError is first.LinAlgError and ainv.Array is first.Array
        assert np.asarray(ainv.inv(a))[0, 0] == first.inv([[2.0]])[0, 0] == 0.5
        for f, module in (first.inv, ainv), (ainv.inv, first):
            try:
                f([[0.0]])
            except module.LinAlgError as error:
                assert error.diagonal == 1
            else:
                raise SystemExit("no error")
        before = np.linalg.inv
        with ainv.patch("numpy"):
            assert np.linalg.inv(np.eye(2) * 2)[0, 0] == 0.5
        assert np.linalg.inv is before
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
