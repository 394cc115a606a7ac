"""Streams: defaults, order, errors that come late, bounds, and what happens to the process."""

import contextlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import ainv
import numpy as np
import pytest
from helpers import A3, FLAT, SINGULAR, assert_same_bits, check, occupied, raises, random
from test_process import posix, start

CPU = ainv.cpu
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
without_gpu = pytest.mark.skipif(ainv.device_count("gpu") > 0, reason="there is a GPU")


def elsewhere(function):
    """What it returns on a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


class TestDefaults:
    def test_they_begin_with_stream_0(self):
        assert ainv.default_device() == CPU
        assert elsewhere(lambda: ainv.default_stream(CPU)) == ainv.Stream(0, CPU)
        assert ainv.default_stream("cpu") == ainv.default_stream(CPU)

    def test_new_streams_differ(self):
        streams = [ainv.new_stream(CPU) for _ in range(3)] + [ainv.Stream(0, CPU)]
        assert len(set(streams)) == 4
        assert all(s.device == CPU for s in streams)

    def test_the_default_stream_is_the_threads(self):
        before, s = ainv.default_stream(CPU), ainv.new_stream(CPU)
        try:
            assert ainv.set_default_stream(s) is None
            assert ainv.default_stream(CPU) == s
            assert elsewhere(lambda: ainv.default_stream(CPU)) != s
        finally:
            ainv.set_default_stream(before)

    def test_a_context_is_the_threads_and_nests(self):
        before, s, t = ainv.default_stream(CPU), ainv.new_stream(CPU), ainv.new_stream(CPU)
        with ainv.stream(s):
            assert ainv.default_stream(CPU) == s
            assert elsewhere(lambda: ainv.default_stream(CPU)) == ainv.Stream(0, CPU)
            with ainv.stream(t):
                assert ainv.default_stream(CPU) == t
                # A device means its default stream, which here is t.
                with ainv.stream(CPU), ainv.stream("cpu"):
                    assert ainv.default_stream(CPU) == t
            assert ainv.default_stream(CPU) == s
        assert ainv.default_stream(CPU) == before

    def test_a_context_goes_back_after_an_error(self):
        before = ainv.default_stream(CPU)
        with raises(KeyError), ainv.stream(ainv.new_stream(CPU)):
            raise KeyError
        assert ainv.default_stream(CPU) == before

    def test_one_context_many_times(self):
        before, s = ainv.default_stream(CPU), ainv.new_stream(CPU)
        context = ainv.stream(s)

        def enter():
            with context, context:
                return ainv.default_stream(CPU)

        for _ in range(2):
            assert enter() == s == elsewhere(enter)
        assert ainv.default_stream(CPU) == before

    def test_devices(self):
        assert (ainv.device_count("cpu"), ainv.device_count(CPU)) == (1, 1)
        assert ainv.device_count("gpu") == ainv.device_count(ainv.gpu) in (0, 1)
        ainv.set_default_device(CPU)
        info = ainv.device_info()
        assert info == ainv.device_info(CPU) == ainv.device_info("cpu")
        assert isinstance(info["device_name"], str) and isinstance(info["architecture"], str)
        assert info["threads"] >= 1 and info["memory_size"] is None or info["memory_size"] > 1 << 20
        assert all(cache["bytes"] > 0 for cache in info["caches"])

    @without_gpu
    def test_a_gpu_is_an_error_before_any_work(self):
        x = ainv.asarray(A3)
        stream = ainv.Stream(0, ainv.gpu)
        for use in (
            lambda: ainv.new_stream("gpu"),
            lambda: ainv.default_stream(ainv.gpu),
            lambda: ainv.set_default_device(ainv.gpu),
            lambda: ainv.set_default_stream(stream),
            lambda: ainv.stream(stream),
            lambda: ainv.stream("gpu"),
            lambda: ainv.synchronize(ainv.gpu),
            lambda: ainv.device_info("gpu"),
            lambda: ainv.asarray(A3, stream="gpu"),
            lambda: ainv.inv(x, stream=stream),
            lambda: ainv.inv(A3, stream=stream),
            lambda: ainv.inv(x, stream=ainv.Device("cpu", 1)),
        ):
            with raises(RuntimeError, "no back-end"):
                use()
        assert ainv.default_device() == CPU

    def test_what_names_no_stream(self):
        for use in (ainv.synchronize, ainv.stream, lambda s: ainv.inv(ainv.asarray(A3), stream=s)):
            with raises(TypeError, "a Device, a Stream or None"):
                use(3)
            with raises(ValueError, "no stream 999999"):
                use(ainv.Stream(999999, CPU))
        for use in (ainv.new_stream, ainv.default_stream, ainv.set_default_device):
            with raises(TypeError, "Device"):
                use(3)
            with raises(ValueError, "cpu or gpu"):
                use("tpu")
        with raises(TypeError):
            ainv.set_default_stream(CPU)

    def test_devices_and_streams_of_other_libraries(self):
        torch = pytest.importorskip("torch")
        assert ainv.default_stream(torch.device("cpu")) == ainv.default_stream(CPU)
        x = ainv.inv(ainv.asarray(A3), stream=torch.device("cpu"))
        assert_same_bits(np.asarray(x), ainv.inv(A3))
        if ainv.device_count("gpu") == 0:
            with raises(RuntimeError, "no back-end"):
                ainv.inv(ainv.asarray(A3), stream=torch.device("cuda"))


def test_a_call_returns_before_its_work_is_done():
    s = ainv.new_stream(CPU)
    a = ainv.asarray(random((2500, 2500)))
    done = threading.Event()
    x = ainv.inv(a, stream=s)
    waiter = threading.Thread(target=lambda: (ainv.synchronize(s), done.set()))
    waiter.start()
    for _ in range(10):
        x = ainv.inv(x, stream=s)[...].mT
    # Eleven inversions of that order take seconds; what was done so far needs none of their values.
    assert not done.is_set() and x.shape == (2500, 2500)
    waiter.join()
    assert done.is_set()


def test_chains_wait_for_nothing_and_keep_their_order():
    a = random((50, 6, 6))
    x, y = ainv.asarray(a), a
    s, t = ainv.new_stream(CPU), ainv.new_stream(CPU)
    for k in range(40):
        # On two streams in turn: each step reads what the other stream computes.
        x, y = ainv.inv(x, stream=(s, t)[k % 2]), ainv.inv(y)
    assert_same_bits(np.asarray(x), y)


STEPS = {
    "inv": lambda a, _, s: ainv.inv(a, stream=s),
    "solve": lambda a, b, s: ainv.solve(a, b, stream=s),
    "pinv": lambda a, _, s: ainv.pinv(a.mT, stream=s),
    "inv_ex": lambda a, _, s: ainv.inv_ex(a[::-1], stream=s).inverse,
    "tri_inv": lambda a, _, s: ainv.tri_inv(a, stream=s),
}


def test_random_graphs_have_the_bits_of_sequential_runs():
    rng = np.random.default_rng(0)
    streams = [ainv.new_stream(CPU) for _ in range(4)]
    for seed in range(6):
        orders = [4, 4, 30, 30]
        leaves = [random((3, n, n), seed=seed) for n in orders]
        one, many = [ainv.asarray(a) for a in leaves], [ainv.asarray(a) for a in leaves]
        for _ in range(80):
            step = STEPS[str(rng.choice(list(STEPS)))]
            i = int(rng.integers(len(orders)))
            j = int(rng.choice([j for j, n in enumerate(orders) if n == orders[i]]))
            one.append(step(one[i], one[j], None))
            ainv.eval(one[-1])
            many.append(step(many[i], many[j], streams[int(rng.integers(4))]))
            orders.append(orders[i])
        for x, y in zip(one, many, strict=True):
            assert_same_bits(np.asarray(x), np.asarray(y))


def test_streams_in_contexts():
    s = ainv.new_stream(CPU)
    with ainv.stream(s):
        x = ainv.inv(ainv.asarray(A3)) @ ainv.asarray(A3)
    assert np.allclose(np.asarray(x), np.eye(3))


def test_eval_takes_trees():
    x = ainv.asarray(A3)
    assert ainv.eval() is None
    assert ainv.eval(x, [ainv.inv(x), (ainv.inv(x),)], {"a": ainv.inv_ex(x), "b": 1}, A3) is None
    for place in (lambda b: [b], lambda b: {"b": (1, b)}):
        with raises(ainv.LinAlgError):
            ainv.eval(x, place(ainv.inv(ainv.asarray(SINGULAR))))


@pytest.fixture(params=["idle", "occupied"])
def stream(request):
    """Tiny work is done at once on a stream that is idle, and enqueued on one that is not."""
    with occupied() if request.param == "occupied" else contextlib.nullcontext():
        yield


@pytest.mark.usefixtures("stream")
class TestErrors:
    STACK = np.stack([A3[:2, :2]] * 3 + [SINGULAR] + [A3[:2, :2]] * 2).reshape(2, 3, 2, 2)

    def failing(self):
        return ainv.inv(ainv.asarray(self.STACK))

    @pytest.mark.parametrize(
        "look",
        [
            ainv.eval,
            np.asarray,
            np.array,
            np.abs,
            repr,
            str,
            lambda x: f"{x}",
            np.from_dlpack,
            lambda x: x.__array_interface__,
            lambda x: np.asarray(x[0]),
            lambda x: ainv.asarray(x, copy=True).__array__(),
        ],
    )
    def test_they_arise_where_the_values_are_looked_at(self, look):
        x = self.failing()
        assert x.shape == (2, 3, 2, 2) and x.mT.dtype == "float64"
        ainv.synchronize()
        for _ in range(2):
            with raises(ainv.LinAlgError, r"Singular matrix \(Batch element 3\)") as caught:
                look(x)
            assert (caught.value.batch_index, caught.value.diagonal) == ((1, 0), 2)

    def test_they_say_which_line_enqueued_the_work(self):
        x = self.failing()
        line = self.failing.__code__.co_firstlineno + 1
        with raises(ainv.LinAlgError) as caught:
            ainv.eval(x)
        assert f"enqueued at {__file__}, line {line}, in failing" in str(caught.value)
        if sys.version_info >= (3, 11):
            (note,) = caught.value.__notes__
            assert f'File "{__file__}", line {line}, in failing' in note
            assert "return ainv.inv(ainv.asarray(self.STACK))" in note
        # Through a module of the package, too.
        x = ainv.linalg.inv(ainv.asarray(SINGULAR))
        with raises(ainv.LinAlgError, "test_they_say_which_line"):
            ainv.eval(x)

    def test_work_on_them_fails_likewise(self):
        x = self.failing()
        s = ainv.new_stream(CPU)
        later = [
            x.mT[0],
            ainv.inv(x),
            ainv.inv(x, stream=s),
            ainv.solve(ainv.asarray(A3[:2, :2]), x),
            x @ x,
            ainv.rcond(x),
            *ainv.inv_ex(x),
            ainv.asarray(x, "float32"),
            ainv.inv(ainv.inv(x, on_singular="nan"), stream=s),
        ]
        for y in later:
            with raises(ainv.LinAlgError, "in failing") as caught:
                ainv.eval(y)
            assert caught.value.batch_index == (1, 0)

    def test_the_stream_goes_on(self):
        s = ainv.new_stream(CPU)
        with ainv.stream(s):
            bad = [self.failing() for _ in range(5)]
            good = ainv.inv(ainv.asarray(A3))
        assert_same_bits(np.asarray(good), ainv.inv(A3))
        ainv.synchronize(s)
        for x in bad:
            with raises(ainv.LinAlgError):
                ainv.eval(x)

    def test_eval_does_all_first(self):
        x, y = self.failing(), ainv.inv(ainv.asarray(A3))
        with raises(ainv.LinAlgError):
            ainv.eval(x, y)
        assert_same_bits(np.asarray(y), ainv.inv(A3))

    def test_other_answers_to_a_singular_matrix(self):
        a = ainv.asarray(self.STACK)
        assert np.isnan(np.asarray(ainv.inv(a, on_singular="nan"))[1, 0]).all()
        pinv = np.asarray(ainv.inv(a, on_singular="pinv"))
        assert np.allclose(pinv[1, 0], np.linalg.pinv(SINGULAR))

    def test_other_errors(self):
        with raises(ValueError, "must not be negative") as caught:
            ainv.eval(ainv.pinv(ainv.asarray(A3), rtol=-1.0))
        assert "enqueued at" in str(caught.value)
        with raises(ainv.LinAlgError, "not positive definite"):
            ainv.eval(ainv.cholesky(ainv.asarray(-A3)))

    def test_nobody_has_to_look(self):
        for _ in range(100):
            self.failing()
        ainv.synchronize()

    def test_many_threads_look_at_one_failure(self):
        x = self.failing()

        def look(_):
            with raises(ainv.LinAlgError):
                ainv.eval(x)
            return True

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(look, range(64)))


def test_sixteen_threads_on_one_stream():
    s = ainv.new_stream(CPU)
    a = random((200, 8, 8))
    expected = ainv.inv(ainv.inv(a))

    def work(_):
        with ainv.stream(s):
            return np.asarray(ainv.inv(ainv.inv(ainv.asarray(a))))

    with ThreadPoolExecutor(16) as pool:
        for x in pool.map(work, range(300)):
            assert_same_bits(x, expected)


def test_blocking_calls_and_streams_mix():
    s = ainv.new_stream(CPU)
    a = random((40, 40, 40))
    expected = ainv.inv(a)
    for _ in range(20):
        x = ainv.inv(ainv.asarray(a), precision="double", stream=s)
        assert_same_bits(ainv.inv(a, stream=s), expected)
        assert_same_bits(np.asarray(x), expected)


def test_a_hundred_thousand_small_ones(stream):
    a = ainv.asarray(random((4, 4)))
    xs = [ainv.inv(a) for _ in range(100_000)]
    ainv.eval(xs)
    expected = ainv.inv(np.asarray(a))
    for x in xs[::9_999]:
        assert_same_bits(np.asarray(x), expected)


@linux
def test_no_more_threads_than_the_pool_has():
    check("""
        import os, numpy as np, ainv
        ainv.set_num_threads(2)
        a = ainv.asarray(np.random.rand(20, 60, 60))
        streams = [ainv.new_stream(ainv.cpu) for _ in range(30)]
        xs = [ainv.inv(a, stream=s) for _ in range(20) for s in streams]
        def ours():
            names = (open(f"/proc/self/task/{t}/comm").read() for t in os.listdir("/proc/self/task"))
            return sum(name.startswith("ainv-") for name in names)
        most = 0
        for x in xs:
            most = max(most, ours())
            ainv.eval(x)
        assert 1 <= most <= 2, most
    """)


@linux
def test_memory_is_bounded():
    """What waits to be computed would be five times the address space that is left."""
    check("""
        import resource, numpy as np, ainv
        a = ainv.asarray(np.random.rand(500_000, 3, 3))
        ainv.eval(ainv.inv(a))
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30),) * 2)
        for _ in range(300):
            x = ainv.inv(a)
        assert np.allclose(np.asarray(x[:9]) @ np.asarray(a[:9]), np.eye(3), atol=1e-6)
    """)


def test_no_leak():
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    check(
        FLAT
        + textwrap.dedent("""
        import sys, numpy as np, ainv
        a, bad = np.eye(3), np.zeros((4, 3, 3))
        s = ainv.new_stream(ainv.cpu)
        held = a, bad, s, np.dtype("f8"), ainv.LinAlgError, ainv.cpu

        def calls():
            x, y = ainv.asarray(a), ainv.asarray(bad, copy=False)
            ainv.inv(x, stream=s), ainv.inv_ex(y), ainv.solve(x, x), x @ x, ainv.rcond(x)
            ainv.asarray(x, "complex64")[...].mT
            np.asarray(ainv.inv(x)), repr(x), np.from_dlpack(x), x.__dlpack__()
            with ainv.stream(s):
                try:
                    ainv.eval(ainv.inv(y))
                except ainv.LinAlgError:
                    pass
            ainv.synchronize(), ainv.synchronize(s)

        calls()
        before = [sys.getrefcount(x) for x in held]
        flat(calls)
        after = [sys.getrefcount(x) for x in held]
        assert all(abs(y - x) < 10 for x, y in zip(before, after)), (before, after)
        """)
    )


def test_waits_release_the_gil():
    x = ainv.inv(ainv.asarray(random((2500, 2500))))
    stop, turns = threading.Event(), []

    def turn():
        while not stop.is_set():
            turns.append(1)
            time.sleep(0.001)

    other = threading.Thread(target=turn)
    other.start()
    before = len(turns)
    ainv.eval(x)
    during = len(turns) - before
    stop.set()
    other.join()
    assert during > 5


class TestProcess:
    @posix
    @pytest.mark.parametrize(
        "wait",
        [
            "ainv.eval(ainv.inv(a))",
            "np.asarray(ainv.inv(a))",
            "[ainv.inv(a) for _ in range(3)]; ainv.synchronize()",
            # The queue is full: the call itself waits.
            "xs = [ainv.inv(a) for _ in range(5000)]",
            # A blocking call waits for its turn.
            "ainv.inv(a); ainv.inv(np.eye(2))",
        ],
    )
    def test_interrupt(self, wait):
        process = start(f"""
            import signal, time, numpy as np, ainv
            signal.signal(signal.SIGINT, signal.default_int_handler)
            ainv.set_num_threads(1)
            a = ainv.asarray(np.random.default_rng(0).standard_normal((5000, 5000)))
            print("go", flush=True)
            try:
                {wait}
            except KeyboardInterrupt:
                print(time.time(), flush=True)
            s = ainv.new_stream(ainv.cpu)
            assert np.asarray(ainv.asarray([[0.5]]))[0, 0] == 0.5
        """)
        assert process.stdout.readline() == "go\n"
        time.sleep(0.7)
        assert process.poll() is None
        sent = time.time()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        # Not a measurement: what is waited for takes longer than this.
        assert float(out) - sent < 3

    @pytest.mark.parametrize("held", ["xs", "None"])
    @pytest.mark.parametrize("waiting", [False, True])
    def test_exit_with_work_in_flight(self, held, waiting):
        start = time.time()
        check(f"""
            import threading, numpy as np, ainv
            a = ainv.asarray(np.random.rand(2500, 2500))
            streams = [ainv.new_stream(ainv.cpu) for _ in range(4)]
            xs = [ainv.inv(a, stream=s) for s in streams for _ in range(20)]
            xs += [ainv.inv(ainv.asarray(np.random.rand(2000, 2000), copy=False), stream=s) for s in streams]
            if {waiting}:
                threading.Thread(target=ainv.eval, args=(xs[-1],), daemon=True).start()
            a = xs = {held}
        """)
        # Eighty such inversions take minutes.
        assert time.time() - start < 30

    def test_exit_with_errors_that_nobody_saw(self):
        check("""
            import numpy as np, ainv
            xs = [ainv.inv(ainv.asarray(np.zeros((3, 3)))) for _ in range(50)]
        """)

    def test_a_handler_at_exit_can_still_look(self):
        out = check("""
            import atexit, numpy as np, ainv
            x = ainv.inv(ainv.asarray([[2.0]]))
            atexit.register(lambda: print(np.asarray(x)))
        """)
        assert out == "[[0.5]]\n"

    @posix
    def test_fork_with_streams_open(self):
        check("""
            import os, warnings, numpy as np, ainv
            warnings.simplefilter("ignore", DeprecationWarning)
            streams = [ainv.new_stream(ainv.cpu) for _ in range(3)]
            small = np.random.default_rng(0).standard_normal((50, 20, 20))
            expected = ainv.inv(small)
            big = ainv.asarray(np.random.default_rng(0).standard_normal((2000, 2000)))
            ready = ainv.inv(ainv.asarray(small), precision="double")
            ainv.eval(ready)
            for _ in range(5):
                pending = [ainv.inv(big, stream=s) for s in streams]
                child = os.fork()
                if child == 0:
                    # What was ready is; what was not belongs to the parent; new work is the child's.
                    assert np.array_equal(np.asarray(ready), expected)
                    for _ in range(2):
                        try:
                            ainv.eval(pending[-1])
                        except RuntimeError as error:
                            assert "fork" in str(error), error
                            assert not isinstance(error, ainv.LinAlgError)
                        else:
                            os._exit(3)
                    for s in streams:
                        x = ainv.inv(ainv.asarray(small), precision="double", stream=s)
                        if not np.array_equal(np.asarray(x), expected):
                            os._exit(4)
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                ainv.eval(pending[0])
        """)

    @posix
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_pools_of_processes(self, method, tmp_path):
        script = tmp_path / "child.py"
        script.write_text(
            "import multiprocessing, warnings, numpy as np, ainv\n"
            "warnings.simplefilter('ignore', DeprecationWarning)\n"
            "s = ainv.new_stream(ainv.cpu)\n"
            "def work(seed):\n"
            "    a = ainv.asarray(np.random.default_rng(seed).standard_normal((50, 60, 60)))\n"
            "    with ainv.stream(s):\n"
            "        x = ainv.inv(a) @ a\n"
            "    return float(np.abs(np.asarray(x) - np.eye(60)).max())\n"
            "if __name__ == '__main__':\n"
            "    assert work(9) < 1e-6\n"
            "    busy = [ainv.inv(ainv.asarray(np.random.rand(1000, 1000)), stream=s) for _ in range(4)]\n"
            f"    with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
            "        assert max(pool.map_async(work, range(8)).get(60)) < 1e-6\n"
            "    assert work(9) < 1e-6\n"
        )
        subprocess.run([sys.executable, script], check=True, timeout=120)

    def test_the_number_of_threads_may_change(self):
        a = random((30, 50, 50))
        expected = ainv.inv(a)
        before = ainv.get_num_threads()
        try:
            for n in (1, 3, 2, 1, 4):
                xs = [ainv.inv(ainv.asarray(a), precision="double") for _ in range(10)]
                ainv.set_num_threads(n)
                for x in xs:
                    assert_same_bits(np.asarray(x), expected)
        finally:
            ainv.set_num_threads(before)


def test_the_values_are_pickled():
    s = ainv.new_stream(CPU)
    assert pickle.loads(pickle.dumps(s)) == s
