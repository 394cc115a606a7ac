"""Threads: the same bits with any number, the GIL released, contexts that go back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import ainv
import numpy as np
import pytest
from helpers import DTYPES, assert_same_bits, posdef, random


@pytest.fixture(autouse=True)
def restore():
    before = ainv.get_num_threads()
    yield
    ainv.set_num_threads(before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5000, 4, 4), (300, 20, 20), (6, 150, 150), (1, 400, 400)])
def test_number_of_threads_changes_no_bit(shape, dtype):
    a, p = random(shape, dtype), np.tril(posdef(shape, dtype))

    def everything():
        yield ainv.inv(a)
        yield ainv.cholesky_inv(p)
        yield ainv.tri_inv(p)
        yield ainv.solve(a, a)
        yield ainv.pinv(a[:20, :30, :20])

    with ainv.threads(1):
        one = list(everything())
    for n in (2, 3, 8):
        with ainv.threads(n):
            for x, y in zip(everything(), one):
                assert_same_bits(x, y)


def test_sixteen_callers_of_one_array():
    a = random((200, 12, 12))
    expected = [ainv.inv(a), ainv.pinv(a[:20]), ainv.solve(a, a)]

    def work(_):
        for _ in range(20):
            for x, y in zip([ainv.inv(a), ainv.pinv(a[:20]), ainv.solve(a, a)], expected):
                assert_same_bits(x, y)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))


@pytest.mark.parametrize("count", [20_000, 400_000])
def test_the_gil_is_released(count):
    a = np.broadcast_to(random((12, 12)), (count, 12, 12))
    out = np.empty(a.shape)
    ticks, over = [], threading.Event()

    def tick():
        while not over.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.0005)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        while not ticks:
            time.sleep(0.001)
        start = time.perf_counter()
        ainv.inv(a, out=out)
        end = time.perf_counter()
    finally:
        over.set()
        thread.join()
    during = sum(start < t < end for t in ticks)
    assert during > (end - start) / 0.02, f"{during} ticks in {end - start} s"


def test_settings():
    ainv.set_num_threads(3)
    assert ainv.get_num_threads() == 3
    with ainv.threads(2) as outer:
        assert ainv.get_num_threads() == 2
        with ainv.threads(5):
            assert ainv.get_num_threads() == 5
        with outer:
            assert ainv.get_num_threads() == 2
        assert ainv.get_num_threads() == 2
    assert ainv.get_num_threads() == 3
    with pytest.raises(ZeroDivisionError), ainv.threads(1):
        1 / 0
    assert ainv.get_num_threads() == 3
    for n in (0, -1):
        with pytest.raises(ValueError, match=">= 1"):
            ainv.set_num_threads(n)
        with pytest.raises(ValueError, match=">= 1"):
            ainv.threads(n)
    with pytest.raises(TypeError):
        ainv.set_num_threads("two")
