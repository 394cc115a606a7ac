"""Nothing is read or written beside arrays: they end at a page that nobody may touch, or begin behind one.

A fault ends the process, so the calls are made in one of their own: this file as a program.
"""

import ctypes
import faulthandler
import itertools
import math
import mmap
import signal
import subprocess
import sys

import ainv
import numpy as np
import pytest
from helpers import DTYPES, assert_same_bits, posdef, random

PAGE = mmap.PAGESIZE
ROOM = 1 << 20


class Fence:
    """Memory between two pages that nobody may touch."""

    def __init__(self):
        pages = np.frombuffer(mmap.mmap(-1, ROOM + 2 * PAGE), "u1")
        mprotect = ctypes.CDLL(None).mprotect
        mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for page in (0, PAGE + ROOM):
            assert mprotect(pages.ctypes.data + page, PAGE, 0) == 0
        self.room = pages[PAGE:-PAGE]

    def array(self, at_end, dtype, shape, apart=0):
        """An array that ends so many bytes before the last page, or begins so many behind the first."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        first = ROOM - size - apart if at_end else apart
        return self.room[first : first + size].view(dtype).reshape(shape)


def field(fence, at_end, dtype, shape):
    """Of records with a byte more on the other side, so that strides are not of whole elements."""
    x, more = ("x", dtype), ("more", "u1")
    return fence.array(at_end, [more, x] if at_end else [x, more], shape)["x"]


# How a stack lies.
LAYOUTS = [
    lambda fence, at_end, dtype, shape: fence.array(at_end, dtype, shape),
    lambda fence, at_end, dtype, shape: fence.array(at_end, dtype, shape[::-1]).T,
    lambda fence, at_end, dtype, shape: fence.array(at_end, dtype, shape)[::-1, ::-1, ::-1],
    lambda fence, at_end, dtype, shape: (
        # Every other column.
        fence.array(at_end, dtype, (*shape[:2], 2 * shape[2]))[..., int(at_end) :: 2]
    ),
    lambda fence, at_end, dtype, shape: fence.array(at_end, dtype, shape, apart=1),
    field,
]


def calls(dtype, n):
    """Functions, and what they are given: groups of small matrices, single larger ones."""
    count = 19 if n <= 4 else 3 if n <= 16 else 1
    a = posdef((count, n, n), dtype)
    for f in (ainv.inv, ainv.inv_ex, ainv.cholesky, ainv.cholesky_inv, ainv.tri_inv):
        yield f, (a,)
    yield ainv.rcond, (a,)
    yield ainv.solve, (a, random((count, n, 1 + n % 3), dtype))
    yield ainv.pinv, (a,)
    yield ainv.pinv, (a[:, :, : n // 2 + 1],)


def call(f, operands, fences, at_end, to):
    """The result of `f` in a layout, or where it has no `out` as it comes."""
    if f is ainv.rcond:
        return f(*operands)
    shape = operands[-1].shape
    if f is ainv.pinv:
        shape = (shape[0], shape[2], shape[1])
    out = to(fences[2], at_end, operands[0].dtype, shape)
    if f is ainv.inv_ex:
        f(*operands, out=(out, fences[3].array(at_end, "int32", shape[:1])))
    else:
        assert f(*operands, out=out) is out
    return out


def main():
    faulthandler.enable()
    fences = [Fence() for _ in range(4)]
    layouts = [(a, b) for i, a in enumerate(LAYOUTS) for b in (a, LAYOUTS[i - 1])]
    for dtype, n in itertools.product(["float16", *DTYPES], [*range(1, 41), 65, 130]):
        for f, operands in calls(dtype, n):
            print(f.__name__, dtype, n, flush=True)
            expected = f(*operands)
            expected = expected.inverse if f is ainv.inv_ex else expected
            for (of, to), at_end in itertools.product(layouts, (True, False)):
                given = [of(fences[i], at_end, x.dtype, x.shape) for i, x in enumerate(operands)]
                for x, y in zip(given, operands):
                    x[...] = y
                x = call(f, given, fences, at_end, to)
                assert_same_bits(np.ascontiguousarray(x), expected)
                for x, y in zip(given, operands):
                    assert_same_bits(np.ascontiguousarray(x), np.ascontiguousarray(y))


def run(*arguments):
    return subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, timeout=300
    )


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="mprotect")


def test_nothing_beside_the_arrays():
    done = run()
    assert done.returncode == 0, (done.stdout[-99:], done.stderr)
    assert done.stdout.endswith("pinv complex128 130\n")


@pytest.mark.parametrize("beside", ["-1", "room"])
def test_fences_hold(beside):
    done = run(beside)
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS), done.stderr


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        room = Fence().room.ctypes.data
        ctypes.string_at(room - 1 if sys.argv[1] == "-1" else room + ROOM, 1)
