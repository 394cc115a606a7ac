"""CUDA's device by its driver: memory, copies, and events, which know when the device was where in its work.

All work, the libraries' too, is told to one stream, ainv's own. So what was told before is done before, whoever told it,
and arrays are written before they are read.
"""

from __future__ import annotations

import ctypes
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import ainv
import numpy as np
from ainv import _ainv
from ainv._libraries import cuda

POINTER, BYTES = ctypes.c_void_p, ctypes.c_size_t
#: What keeps the stream busy while the host is telling it more.
HELD = 256_000_000


class Device:
    """The device that ainv serves, in the context that torch and CuPy have, too."""

    def __init__(self, held: int = HELD) -> None:
        self.number, self.stream = _ainv._cuda_device(), _ainv._cuda_stream()
        self.name: str = ainv.device_info(ainv.gpu)["device_name"]
        self.about: str = ainv.device_info(ainv.gpu)["driver"]
        self.driver = ctypes.CDLL("libcuda.so.1")
        context, self.begin, self.end = POINTER(), POINTER(), POINTER()
        self.do("cuDevicePrimaryCtxRetain", ctypes.byref(context), self.number)
        self.do("cuCtxPushCurrent_v2", context)
        for event in (self.begin, self.end):
            self.do("cuEventCreate", ctypes.byref(event), 0)
        self.hold = self.copying(held)
        self.held = 0.0
        self.held = min(self.timed(self.hold) for _ in range(3))

    def do(self, function: str, *arguments: Any) -> None:
        """A function of the driver's, whose number is an error if it is not zero."""
        if outcome := getattr(self.driver, function)(*arguments):
            raise RuntimeError(f"{function}: CUDA's error {outcome}")

    def wait(self) -> None:
        self.do("cuStreamSynchronize", POINTER(self.stream))

    def alone(self, call: Callable[[], Any]) -> float:
        """Seconds until a call is done, by the host's clock."""
        self.wait()
        start = time.perf_counter()
        call()
        self.wait()
        return time.perf_counter() - start

    def timed(self, call: Callable[[], Any], count: int = 1, busy: float = 0) -> float:
        """Seconds of a call among so many in a row, by events. For so long as `busy` says the stream has other work first:
        meanwhile the host goes ahead, so that it is not the host's time that is measured."""
        for _ in range(math.ceil(busy / self.held) if busy else 0):
            self.hold()
        self.do("cuEventRecord", self.begin, POINTER(self.stream))
        for _ in range(count):
            call()
        self.do("cuEventRecord", self.end, POINTER(self.stream))
        self.do("cuEventSynchronize", self.end)
        milliseconds = ctypes.c_float()
        self.do("cuEventElapsedTime", ctypes.byref(milliseconds), self.begin, self.end)
        return milliseconds.value / 1e3 / count

    def copying(self, size: int) -> Callable[[], None]:
        """What copies so many bytes from here to there on the device."""
        a, b = Array(self, (size,), np.uint8), Array(self, (size,), np.uint8)

        # Both are kept by it.
        def copy() -> None:
            to, from_ = ctypes.c_uint64(b.address), ctypes.c_uint64(a.address)
            self.do("cuMemcpyDtoDAsync_v2", to, from_, BYTES(size), POINTER(self.stream))

        return copy

    def bus(self, size: int, rounds: int) -> tuple[float, float]:
        """Bytes a second to the device and from it, out of pinned memory and into it."""
        there, here = Array(self, (size,), np.uint8), POINTER()
        self.do("cuMemHostAlloc", ctypes.byref(here), BYTES(size), 0)
        address, stream = ctypes.c_uint64(there.address), POINTER(self.stream)
        ways = [
            lambda: self.do("cuMemcpyHtoDAsync_v2", address, here, BYTES(size), stream),
            lambda: self.do("cuMemcpyDtoHAsync_v2", here, address, BYTES(size), stream),
        ]
        up, down = (size / statistics.median(self.timed(way) for _ in range(rounds)) for way in ways)
        self.do("cuMemFreeHost", here)
        return up, down

    def upload(self, a: np.ndarray[Any, Any]) -> Array:
        a = np.ascontiguousarray(a)
        x = Array(self, a.shape, a.dtype)
        to, from_ = ctypes.c_uint64(x.address), POINTER(a.ctypes.data)
        self.do("cuMemcpyHtoDAsync_v2", to, from_, BYTES(a.nbytes), POINTER(self.stream))
        self.wait()
        return x

    def download(self, x: Array) -> np.ndarray[Any, Any]:
        a = np.empty(x.shape, x.dtype)
        to, from_ = POINTER(a.ctypes.data), ctypes.c_uint64(x.address)
        self.do("cuMemcpyDtoHAsync_v2", to, from_, BYTES(a.nbytes), POINTER(self.stream))
        self.wait()
        return a


class Array:
    """An array in C order in the device's memory; of no library, as there may be none."""

    def __init__(self, device: Device, shape: tuple[int, ...], dtype: Any) -> None:
        self.device, self.shape, self.dtype = device, tuple(shape), np.dtype(dtype)
        # Taken and given back in the order of the stream.
        self.memory = _ainv._DeviceArray([-(-math.prod(shape) * self.dtype.itemsize // 8)], "float64")
        self.address: int = self.memory.address

    @property
    def view(self) -> tuple[int, tuple[int, ...], list[int], str]:
        """As ainv's adapters describe an array: with strides in elements."""
        strides = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        return self.address, self.shape, strides, self.dtype.name


def compute(function: str, *arrays: Array, **options: Any) -> Any:
    """ainv's function of such arrays, by what its adapters of other libraries call."""
    device = arrays[0].device

    def empty(shape: tuple[int, ...], dtype: str) -> tuple[Array, int]:
        x = Array(device, shape, dtype)
        return x, x.address

    return cuda.compute(function, [a.view for a in arrays], empty, device.stream, options)


def seconds(call: Callable[[], Any]) -> float:
    """By the host's clock."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
