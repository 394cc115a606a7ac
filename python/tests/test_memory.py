"""The memory of large results, which the next ones find: an allocator for NumPy, of these arrays alone."""

import ctypes
import queue
import sys
import threading

import ainv
import numpy as np
import pytest
from helpers import assert_inverse

try:
    from numpy._core import multiarray
except ImportError:  # before NumPy 2
    from numpy.core import multiarray

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is kept on Linux")

OURS = "ainv"
N = 800  # 4.9 MiB; from 4 MiB on memory is kept


@pytest.fixture
def a():
    return np.random.default_rng(41).standard_normal((N, N))


def test_the_next_result_finds_it(a):
    first = ainv.inv(a)
    second = ainv.inv(a)
    assert multiarray.get_handler_name(first) == OURS
    assert not np.shares_memory(first, second)
    places = {first.ctypes.data, second.ctypes.data}
    del first, second
    # Who asks the system alone finds no memory there that is kept.
    others = [np.empty_like(a), np.empty_like(a)]
    assert not places & {other.ctypes.data for other in others}
    third = ainv.inv(a)
    assert third.ctypes.data in places
    assert_inverse(a, third)


def test_only_large_results(a):
    assert multiarray.get_handler_name(ainv.inv(a[:9, :9])) == multiarray.get_handler_name()
    ainv.inv(a)
    assert multiarray.get_handler_name() == multiarray.get_handler_name(np.empty_like(a))
    assert multiarray.get_handler_name(np.empty_like(a)) != OURS


def test_the_result_is_an_array_like_any_other(a):
    x = ainv.inv(a)
    corner = x[:3, :3].copy()
    x.resize(2 * N, 2 * N, refcheck=False)
    assert multiarray.get_handler_name(x) == OURS
    flat = x.ravel()
    assert np.array_equal(flat[:3], corner[0]) and not flat[N * N :].any()
    x.resize(2, 2, refcheck=False)
    assert np.array_equal(x.ravel()[:3], corner[0])


def test_threads_let_each_others_results_go(a):
    """Of matrices that differ by a power of two, so that a result which another one was written over is seen."""
    expected = ainv.inv(a)
    waiting, wrong = queue.SimpleQueue(), []

    def work(scale):
        for _ in range(10):
            waiting.put((scale, ainv.inv(a * scale)))
            made_for, x = waiting.get()
            if not np.array_equal(x * made_for, expected):
                wrong.append(made_for)

    threads = [threading.Thread(target=work, args=(2.0**k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and waiting.empty()


def test_an_allocator_that_was_chosen_is_kept(a):
    """NumPy's own under another name, as a library that sets one does it."""

    class Handler(ctypes.Structure):
        _fields_ = [
            ("name", ctypes.c_char * 127),
            ("version", ctypes.c_uint8),
            ("allocator", ctypes.c_void_p * 5),
        ]

    api = ctypes.pythonapi
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_New.restype = ctypes.py_object
    api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    table = api.PyCapsule_GetPointer(multiarray._ARRAY_API, None)
    slots = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))
    choose = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(slots[304])
    chosen = ctypes.PYFUNCTYPE(ctypes.py_object)(slots[305])
    usual = api.PyCapsule_GetPointer(chosen(), b"mem_handler")
    handler = Handler.from_buffer_copy(ctypes.string_at(usual, ctypes.sizeof(Handler)))
    handler.name = b"chosen"
    before = choose(api.PyCapsule_New(ctypes.addressof(handler), b"mem_handler", None))
    try:
        x = ainv.inv(a)
        assert multiarray.get_handler_name(x) == multiarray.get_handler_name() == "chosen"
        del x
    finally:
        choose(before)
    assert multiarray.get_handler_name(ainv.inv(a)) == OURS
