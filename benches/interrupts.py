"""How long after Ctrl-C a call ends: the longest of some tries, each at another moment of the call.

python benches/interrupts.py
"""

import signal
import subprocess
import sys
import time

# Each takes some seconds on one thread.
CALLS = {
    "inv": ("rand(7000, 7000)", "inv(a)"),
    "inv of a stack": ("rand(500, 500)", "inv(np.broadcast_to(a, (2000, 500, 500)))"),
    "pinv": ("rand(2000, 1500)", "pinv(np.broadcast_to(a, (9, 2000, 1500)))"),
    "cholesky": ("rand(8000, 8000) + 8000 * np.eye(8000)", "cholesky(a)"),
    "cholesky_inv": ("rand(7000, 7000) + 99 * np.eye(7000)", "cholesky_inv(a)"),
    "tri_inv": ("rand(8000, 8000) + 99 * np.eye(8000)", "tri_inv(a)"),
    "solve": ("rand(7000, 7000)", "solve(a, a)"),
    "rcond": ("rand(7000, 7000)", "rcond(a)"),
    "report": ("rand(2500, 2500)", "report(a)"),
}
MOMENTS = (0.05, 0.15, 0.3, 0.6, 1.0)

PROGRAM = """
import signal, time, numpy as np, ainv
signal.signal(signal.SIGINT, signal.default_int_handler)
ainv.set_num_threads({threads})
np.random.seed(0)
a = np.random.{matrix}
print("go", flush=True)
try:
    ainv.{call}
except KeyboardInterrupt:
    print(time.time(), flush=True)
"""


def interrupted(matrix, call, threads, moment):
    """Seconds; None if the call had ended before."""
    program = PROGRAM.format(matrix=matrix, call=call, threads=threads)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        time.sleep(moment)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        raised = process.stdout.read()
    return float(raised) - sent if raised else None


for name, (matrix, call) in CALLS.items():
    for threads in (1, 2):
        times = [interrupted(matrix, call, threads, moment) for moment in MOMENTS]
        shown = ["  ended" if t is None else f"{t * 1000:4.0f} ms" for t in times]
        print(f"{name:15} {threads} threads: {'  '.join(shown)}", flush=True)
