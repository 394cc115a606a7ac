"""Failures, injected into this process and into others."""

import itertools
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import ainv
import numpy as np
from cases import general
from checks import Fault, count, demand

# Failures injected into this process.


def too_large(rng):
    shape = (2 ** int(rng.integers(38, 57)), 3, 3)
    a = np.broadcast_to(np.eye(3), shape)
    try:
        [ainv.inv, ainv.pinv, ainv.cholesky, ainv.tri_inv, ainv.cholesky_inv][rng.integers(5)](a)
    except MemoryError:
        return count("injected: too large")
    raise Fault("memory was found for", shape)


class Alarm(Exception):
    pass


def cancelled(rng):
    """A signal's handler raises in the midst of a call."""

    def ring(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    many = np.broadcast_to(general(rng, (200, 200), "f8"), (20_000, 200, 200))
    a = general(rng, (900, 900), "c16")
    calls = [
        lambda: [ainv.inv(a) for _ in itertools.repeat(0)],
        lambda: ainv.rcond(many),
        lambda: [ainv.pinv(a[:400, :300]) for _ in itertools.repeat(0)],
    ]
    try:
        signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(0.01, 0.5)))
        calls[rng.integers(3)]()
    except Alarm:
        count("injected: cancelled")
    else:
        raise Fault("the call was not cancelled")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def forked(rng):
    """A child of a process with calls in all its threads computes, or is killed while it does."""
    a = general(rng, (30, 40, 40), "f8")
    expected = ainv.inv(a).tobytes()
    kill = rng.random() < 0.3
    child = os.fork()
    if not child:
        code = 1
        try:
            while True:
                code = 0 if ainv.inv(a).tobytes() == expected else 3
                if code or not kill:
                    break
        finally:
            os._exit(code)
    if kill:
        time.sleep(float(rng.uniform(0, 0.2)))
        os.kill(child, signal.SIGKILL)
    status = awaited(child)
    count("injected: killed" if kill else "injected: forked")
    demand(status == (-signal.SIGKILL if kill else 0), "a forked child ended with", status)


def awaited(child, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise Fault("a forked child hangs")


# Failures injected into other processes.


def start(code, **options):
    return subprocess.Popen(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process, code, seconds=120):
    out, err = process.communicate(timeout=seconds)
    demand(process.returncode == code, "a child ended with", process.returncode, out, err)
    return out, err


def short_of_memory(rng):
    """An address space with little room: MemoryError or the right bits, and life goes on."""
    room = int(rng.integers(1, 200))
    process = start(f"""
        import resource, numpy as np, ainv
        rng = np.random.default_rng({rng.integers(1000)})
        ainv.set_num_threads({rng.integers(1, 3)})
        ainv.inv([[2.0]])
        sizes, failed = [(1500, 1500), (40000, 8, 8), (300, 90, 90), (2, 700, 700)], 0
        a = [rng.standard_normal(s) for s in sizes]
        calls = ainv.inv, ainv.tri_inv, ainv.inv_ex, ainv.rcond, lambda a: ainv.solve(a, a[..., :2])

        def bits(x):
            return np.ravel(x[0] if isinstance(x, tuple) else x)[:99].tobytes()

        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        done, (_, most) = [], resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + ({room} << 20), most))
        for m in a:
            for f in calls:
                try:
                    done.append((f, m, bits(f(m))))
                except MemoryError:
                    failed += 1
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        assert all(bits(f(m)) == before for f, m, before in done)
        assert ainv.inv([[2.0]])[0, 0] == 0.5
        print(failed)
    """)
    out, err = process.communicate(timeout=120)
    if process.returncode == -signal.SIGABRT and re.match(
        r"memory allocation of \d{1,3} bytes", err
    ):
        # Known: where not even that is left, what Rust's library allocates for itself ends the process.
        return count("injected: not a page left")
    demand(process.returncode == 0, "a child ended with", process.returncode, out, err)
    count("injected: no memory", int(out))


LOOP = """
    import signal, numpy as np, ainv
    signal.signal(signal.SIGINT, signal.default_int_handler)
    a = np.random.default_rng(0).standard_normal((2000, 100, 100))
    b = np.random.default_rng(0).standard_normal((2000, 2000))
    ainv.inv(b[:50, :50])
    print("go", flush=True)
    try:
        while True:
            ainv.{call}
    except KeyboardInterrupt:
        assert ainv.inv([[2.0]])[0, 0] == 0.5
        print("interrupted")
"""


def killed(rng):
    process = start(LOOP.format(call="inv(a)"))
    process.stdout.readline()
    time.sleep(float(rng.uniform(0, 0.5)))
    process.kill()
    ended(process, -signal.SIGKILL)
    count("injected: killed")


def interrupted(rng):
    call = [
        "inv(a)",
        "inv(b)",
        "pinv(a)",
        "tri_inv(b)",
        "cholesky_inv(a)",
        "solve(b, b)",
        "rcond(b)",
        "report(a)",
    ]
    process = start(LOOP.format(call=call[rng.integers(len(call))]))
    demand(process.stdout.readline() == "go\n", "the child starts")
    time.sleep(float(rng.uniform(0, 0.5)))
    process.send_signal(signal.SIGINT)
    out, _ = ended(process, 0)
    demand(out == "interrupted\n", "Ctrl-C", out)
    count("injected: Ctrl-C")


COMMAND = "import sys; from ainv._cli import main; sys.exit(main())"


def command(*arguments, **options):
    return subprocess.Popen([sys.executable, "-P", "-c", COMMAND, *map(str, arguments)], **options)


def full_disk(rng):
    """The old file stays, and nothing beside it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.save(folder / "a.npy", general(rng, (2000, 16, 16), "f8"))
        disk = folder / "disk"
        disk.mkdir()
        mounted = (
            os.geteuid() == 0
            and not subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], stderr=subprocess.DEVNULL
            ).returncode
        )
        try:
            (disk / "x.npy").write_bytes(b"old")

            def limited():
                if not mounted:
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20,) * 2)

            process = command(
                "inv", folder / "a.npy", "-o", disk / "x.npy",
                stderr=subprocess.PIPE, preexec_fn=limited,
            )  # fmt: skip
            _, err = process.communicate(timeout=60)
            demand(process.returncode == 3 and err, "full disk", process.returncode, err)
            demand((disk / "x.npy").read_bytes() == b"old", "the old file is lost")
            demand(os.listdir(disk) == ["x.npy"], "left behind", os.listdir(disk))
        finally:
            if mounted:
                subprocess.run(["umount", disk], check=True)
    count("injected: full disk")


def broken_pipe(rng):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.npy")
        np.save(file, general(rng, (20_000, 8, 8), "f8"))
        if rng.random() < 0.3:
            with open("/dev/full", "wb") as full:
                process = command("inv", file, "-o", "-", stdout=full, stderr=subprocess.PIPE)
                _, err = process.communicate(timeout=60)
            demand(
                process.returncode == 3 and b"space" in err, "a full pipe", process.returncode, err
            )
            return count("injected: full pipe")
        process = command("inv", file, "-o", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        demand(process.stdout.read(6) == b"\x93NUMPY", "the pipe begins")
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        demand(process.wait(60) == 3 and not err, "a broken pipe", process.returncode, err)
    count("injected: broken pipe")


HERE = [too_large, cancelled, forked, forked]
ELSEWHERE = [short_of_memory, killed, interrupted, full_disk, broken_pipe]
