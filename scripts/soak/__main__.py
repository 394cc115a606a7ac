"""Mixed random work for a while, with failures injected, everything checked.

    .venv/bin/python scripts/soak [MINUTES [SEED]]

An hour and the time of day if not given. It needs the wheel and, for bfloat16, ml_dtypes; it reads /proc, so
it runs on Linux. Several threads call all functions with random dtypes, shapes, layouts, structures,
numbers of threads and streams, while requests are too large, calls are cancelled, children are forked,
killed, interrupted and short of memory, and the command's disk is full and its pipe broken. Of every
result the residual is measured, one matrix of the stack is computed again by itself and must have the
same bits, and each matrix planted to fail must fail as it should, and no other. Between the rounds
nothing runs: then memory, threads and open files are counted, and must not grow.

`scripts/soak --case NUMBER SEED` repeats one case of a run.
"""

import contextlib
import ctypes
import gc
import itertools
import os
import resource
import sys
import threading
import time
import traceback
from pathlib import Path

# Before NumPy: its own threads would be counted with ours, huge pages with the memory.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["NUMPY_MADVISE_HUGEPAGE"] = "0"

import ainv
import numpy as np
from cases import case_of, general
from checks import counting, counts, demand
from failures import ELSEWHERE, HERE

CALLERS = 3


class Soak:
    def __init__(self, seed):
        self.seed = seed
        self.numbers = itertools.count()
        self.streams = [ainv.new_stream(ainv.cpu) for _ in range(4)]
        self.shared = general(np.random.default_rng(seed), (40, 20, 20), "f8")
        self.expected = ainv.inv(self.shared).tobytes()
        self.faults = 0

    def fault(self, where):
        with counting:
            self.faults += 1
            print(f"FAULT in {where}\n{traceback.format_exc()}", flush=True)

    def caller(self, until):
        while time.monotonic() < until and self.faults < 10:
            number = next(self.numbers)
            case = "being drawn"
            try:
                case = case_of(self.seed, number, self.streams)
                case.run()
                if number % 50 == 0:
                    x = ainv.inv(self.shared)
                    demand(x.tobytes() == self.expected, "one array, many callers")
            except Exception:
                self.fault(f"case {number} of seed {self.seed}: {case}")

    def round(self, seconds, rng):
        until = time.monotonic() + seconds
        callers = [threading.Thread(target=self.caller, args=(until,)) for _ in range(CALLERS)]
        for thread in callers:
            thread.start()
        while time.monotonic() < until:
            inject = (
                HERE[rng.integers(len(HERE))]
                if rng.random() < 0.6
                else ELSEWHERE[rng.integers(len(ELSEWHERE))]
            )
            try:
                inject(rng)
            except Exception:
                self.fault(inject.__name__)
            time.sleep(0.1)
        for thread in callers:
            thread.join()

    def rest(self):
        """Bytes resident, threads and open files, while nothing runs."""
        ainv.synchronize()
        for stream in self.streams:
            ainv.synchronize(stream)
        ainv.set_num_threads(2)
        ainv.inv(general(np.random.default_rng(0), (300, 300), "f8"))
        gc.collect()
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        # Threads that were let go need a moment to end.
        time.sleep(0.3)
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        return resident, len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))


def growth(values):
    """What is held longer and longer: the least of the later half less the least of the earlier one, a quarter
    to warm up left out. What leaks stays, so that it raises the least; what one round holds does not."""
    values = values[len(values) // 4 :]
    middle = len(values) // 2
    return min(values[middle:]) - min(values[:middle], default=values[-1])


def main(minutes, seed):
    with contextlib.suppress(AttributeError):
        # glibc: one heap for all threads. What is free in others is not given back by malloc_trim.
        m_arena_max = -8
        ctypes.CDLL(None).mallopt(m_arena_max, 1)
    print(f"soak: {minutes} min, seed {seed}")
    ainv.show_config()
    soak, rng = Soak(seed), np.random.default_rng([seed, 1, 1])
    begin, samples = time.monotonic(), []
    step = max(2, min(60, minutes * 60 / 15))
    while (now := time.monotonic() - begin) < minutes * 60 and soak.faults < 10:
        soak.round(min(step, minutes * 60 - now), rng)
        samples.append(soak.rest())
        resident, threads, files = samples[-1]
        failures = sum(n for what, n in counts.items() if what.startswith("injected"))
        print(
            f"{(time.monotonic() - begin) / 60:5.1f} min: {counts['calls']} calls, {counts['checks']} checks, "
            f"{failures} failures injected, {resident / 2**20:.1f} MiB resident, {threads} threads, "
            f"{files} open files",
            flush=True,
        )
    for what, n in sorted(counts.items()):
        print(f"  {what}: {n}")
    resident, threads, files = zip(*samples)
    rise = growth(resident)
    print(
        f"  memory rose by {rise / 2**20:.2f} MiB, over {threads[-1]} threads, {files[-1]} open files"
    )
    verdict = []
    if soak.faults:
        verdict.append(f"{soak.faults} faults")
    if not rise < max(4 << 20, 0.05 * resident[0]):
        verdict.append("memory grows")
    middle = len(samples) // 2
    if max(threads[middle:]) > max(threads[: middle + 1]):
        verdict.append("threads leak")
    if max(files[middle:]) > max(files[: middle + 1]):
        verdict.append("open files leak")
    print("verdict:", ", ".join(verdict) or "good")
    return bool(verdict)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        number, seed = map(int, sys.argv[2:])
        case = case_of(seed, number, [ainv.new_stream(ainv.cpu)] * 4)
        print(case)
        case.run()
    else:
        given = [float(x) for x in sys.argv[1:]]
        sys.exit(main(given[0] if given else 60, int(given[1] if len(given) > 1 else time.time())))
