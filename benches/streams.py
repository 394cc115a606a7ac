"""What streams cost: chains of tiny work, and tiny work beside large work.

    python benches/streams.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import ainv
import numpy as np

LINKS = 1000


def best(call: Callable[[], object], rounds: int = 100) -> float:
    """The least of the seconds that a call took."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def chains() -> None:
    """The microseconds of one link of a chain of inversions of a 4 x 4 matrix."""
    a = np.eye(4) + np.random.default_rng(0).standard_normal((4, 4)) / 10
    stream = ainv.new_stream(ainv.cpu)

    def blocking() -> None:
        x = a
        for _ in range(LINKS):
            x = ainv.inv(x)

    def streamed() -> None:
        x = ainv.asarray(a)
        for _ in range(LINKS):
            x = ainv.inv(x, stream=stream)
        ainv.eval(x)

    print(f"one of {LINKS} inversions of a 4 x 4, each of the result of the one before")
    for name, call in (("blocking", blocking), ("on a stream", streamed)):
        print(f"  {name:12} {best(call) / LINKS * 1e6:7.2f} us")


def latencies() -> None:
    """The milliseconds of a stack of 4 x 4 matrices, alone and while a large one is inverted."""
    rng = np.random.default_rng(0)
    small = ainv.asarray(rng.standard_normal((1000, 4, 4)))
    large = ainv.asarray(rng.standard_normal((4096, 4096)))
    own, other = ainv.new_stream(ainv.cpu), ainv.new_stream(ainv.cpu)

    def until(over: Callable[[], bool]) -> list[float]:
        times = []
        while not over():
            start = time.perf_counter()
            ainv.eval(ainv.inv(small, stream=own))
            times.append(time.perf_counter() - start)
            time.sleep(0.001)
        return times

    def show(name: str, times: list[float]) -> None:
        cuts = statistics.quantiles(times, n=100)
        print(f"  {name:26} median {cuts[49] * 1e3:6.2f}  99 % {cuts[98] * 1e3:6.2f}  most {max(times) * 1e3:6.2f} ms")

    print("a stack of 1000 inversions of 4 x 4 matrices, enqueued and waited for")
    end = time.perf_counter() + 2
    show("alone", until(lambda: time.perf_counter() > end))
    begin = time.perf_counter()
    ainv.eval(ainv.inv(large, stream=other))
    took = time.perf_counter() - begin
    ainv.inv(large, stream=other)
    end = time.perf_counter() + took
    show("beside an inverse of 4096", until(lambda: time.perf_counter() > end))
    ainv.synchronize(other)


if __name__ == "__main__":
    chains()
    latencies()
