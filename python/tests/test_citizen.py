"""What else the process may hold: other interpreters and thread pools, memory, a quick import."""

import os
import sys
import sysconfig
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import ainv
import numpy as np
import pytest
from helpers import A3, assert_same_bits, check, random


def test_the_import_is_quick(capsys):
    """The bound is wide, for the machine may be busy; the figure is printed."""
    code = """
        import sys, time, numpy
        start = time.perf_counter()
        import ainv
        print(1e3 * (time.perf_counter() - start))
    """
    best = min(float(check(code)) for _ in range(5))
    with capsys.disabled():
        print(f"\nimporting ainv adds {best:.1f} ms to importing NumPy, at best of 5")
    assert best < 100


@pytest.mark.parametrize("first", [True, False])
def test_threadpoolctl(first):
    pytest.importorskip("threadpoolctl")
    order = ["import threadpoolctl", "import ainv"]
    print(
        check(f"""
        {order[not first]}
        {order[first]}
        ainv.set_num_threads(3)
        info = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "ainv"]
        assert len(info) == 1, info
        assert info[0]["num_threads"] == 3 and info[0]["version"] == ainv.__version__, info
        with threadpoolctl.threadpool_limits(1):
            assert ainv.get_num_threads() == 1
        assert ainv.get_num_threads() == 3
        with threadpoolctl.threadpool_limits(2, user_api="ainv"):
            assert ainv.get_num_threads() == 2
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            assert ainv.get_num_threads() == 3
    """)
    )


CALLS = {
    "results": lambda: (
        ainv.inv(A3),
        ainv.inv(A3, axes=(1, 0)),
        ainv.linalg.pinv(A3, rtol=1e-3),
        ainv.linalg.solve(A3, A3[0]),
        np.linalg.inv(A3),
    ),
    "errors": lambda: [
        refused(f)
        for f in (
            lambda: ainv.inv(np.zeros((2, 2))),
            lambda: ainv.inv(A3[:2]),
            lambda: ainv.inv(A3, axes=(0, 0)),
            lambda: ainv.inv(A3.astype(object)),
            lambda: np.linalg.inv(np.zeros((2, 2))),
            lambda: np.linalg.inv(A3[:2]),
            lambda: np.linalg.inv(),
        )
    ],
}


def refused(call):
    with pytest.raises((TypeError, ValueError)):
        call()


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
def test_no_leak(calls):
    def resident():
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    with ainv.patch("numpy"):
        for _ in range(1000):
            calls()
        before = resident()
        for _ in range(9000):
            calls()
        grown = resident() - before
        tracemalloc.start()
        try:
            for _ in range(50):
                calls()
            traced = tracemalloc.get_traced_memory()[0]
            for _ in range(1000):
                calls()
            traced = tracemalloc.get_traced_memory()[0] - traced
        finally:
            tracemalloc.stop()
    # Over 9000 calls: a leak of one object each would be 500 KiB.
    assert grown < 400 << 10
    assert traced < 16 << 10


def test_patching_again_and_again_leaks_nothing():
    def again():
        for _ in range(5):
            with ainv.patch("numpy"):
                np.linalg.inv(A3)

    again()
    tracemalloc.start()
    try:
        again()
        before = tracemalloc.get_traced_memory()[0]
        again()
        assert tracemalloc.get_traced_memory()[0] - before < 8 << 10
    finally:
        tracemalloc.stop()


def test_sixteen_threads_on_one_array_patched():
    a = random((300, 8, 8))
    expected = ainv.inv(a)
    with ainv.patch("numpy"), ThreadPoolExecutor(16) as pool:
        for x in pool.map(lambda _: np.linalg.inv(a), range(200)):
            assert_same_bits(x, expected)


def test_other_interpreters_are_refused():
    """Or they are right: what must not be is a crash, or a wrong number."""
    out = check("""
        import warnings
        warnings.simplefilter("ignore")
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        code = '''
        import sys
        try:
            import ainv
            x = ainv.inv([[2.0, 0.0], [0.0, 4.0]])
            answer = "right" if x.tolist() == [[0.5, 0.0], [0.0, 0.25]] else "wrong"
        except ImportError as error:
            answer = "refused"
        print(answer, flush=True)
        '''
        import ainv, textwrap
        for _ in range(2):
            it = interpreters.create()
            interpreters.run_string(it, textwrap.dedent(code))
            interpreters.destroy(it)
        print(ainv.inv([[2.0]])[0, 0])
    """)
    assert out.split() in (["refused"] * 2 + ["0.5"], ["right"] * 2 + ["0.5"])


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="a build of Python with the GIL"
)
def test_the_gil_stays_off():
    assert check("import sys, ainv; print(sys._is_gil_enabled())", "-W", "error").strip() == "False"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("before", [False, True])
def test_a_forked_child_computes_patched(before):
    check(f"""
        import os, warnings, numpy as np, ainv
        warnings.simplefilter("ignore", DeprecationWarning)
        ainv.patch("numpy")
        a = np.random.default_rng(0).standard_normal((500, 40, 40))
        if {before}:
            np.linalg.inv(a)
        child = os.fork()
        if child == 0:
            ok = np.allclose(a @ np.linalg.inv(a), np.eye(40), atol=1e-6)
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert np.allclose(a @ np.linalg.inv(a), np.eye(40), atol=1e-6)
    """)
