"""A process for each library, and the turns that they take.

A process reads a line of JSON and answers with one; so do those of the Rust libraries (`rust/`). What it is asked:

    {"prepare": case, "a": file, "b": file}   -> {"able": bool, "why": text}      the files are .npy
    {"turn": [warm, counted]}                 -> {"seconds": s}                   of one call among many
    {"result": file}                          -> {"saved": bool}                  the last result, as .npy
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_ratios import residuals
from peers_calls import MAKERS, Call
from peers_cases import Array, Case

#: A library that takes so long for one call is left out of the case.
PATIENCE = 10.0
#: Rounds where a call takes over a second.
FEWEST = 3
#: What sets the threads of the libraries, whichever of them it reads.
THREADS = ("AINV_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Row:
    """What came of a case: seconds of each library for all of its matrices, and residual ratios if asked."""

    case: Case
    seconds: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    #: Why a library that was asked has no time.
    unable: dict[str, str] = field(default_factory=dict)


class Gone(Exception):
    """A library's process has ended."""


class Peer:
    """A library's process."""

    def __init__(self, name: str, command: Sequence[str], threads: int | None) -> None:
        self.name, self.command = name, command
        self.environment = os.environ | (dict.fromkeys(THREADS, str(threads)) if threads else {})
        self.start()

    def start(self) -> None:
        # What a library complains of is in the answer, or else of no interest.
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=self.environment,
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.end()
            raise Gone(f"its process ended with {self.process.returncode}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        self.process.kill()
        # Closes its pipes, too.
        self.process.communicate()


class Peers:
    """All libraries, each in a process with so many threads (None: as many as it likes)."""

    def __init__(self, commands: dict[str, Sequence[str]], threads: int | None = None) -> None:
        self.peers = [Peer(name, command, threads) for name, command in commands.items()]

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        for peer in self.peers:
            peer.end()

    def measure(self, case: Case, rounds: int, warm: float, names: Sequence[str] = ()) -> Row:
        """Medians of alternating rounds, of the libraries that have the operation (of `names` alone, if given)."""
        row = Row(case)
        with tempfile.TemporaryDirectory() as folder:
            a, b = case.operands()
            files = {name: str(Path(folder) / f"{name}.npy") for name in "abx"}
            np.save(files["a"], a)
            np.save(files["b"], b)
            able: list[Peer] = []
            first: Array | None = None
            for peer in self.peers:
                if names and peer.name not in names:
                    continue
                answer = self.answer(peer, row, prepare=asdict(case), a=files["a"], b=files["b"])
                if answer.get("why"):
                    row.unable[peer.name] = answer["why"]
                if not answer.get("able"):
                    continue
                if peer.name != "copy" and self.answer(peer, row, result=files["x"]).get("saved"):
                    x = np.load(files["x"])
                    first = x if first is None else first
                    if case.family:
                        row.ratios[peer.name] = worst(a, x)
                    elif not alike(first, x, case):
                        row.unable[peer.name] = "its results are other ones"
                able.append(peer)
            able = [peer for peer in able if peer.name not in row.unable]
            times: dict[str, list[float]] = {}
            for done in range(rounds):
                if done >= FEWEST and max(t for some in times.values() for t in some) > 1:
                    break
                for peer in able:
                    if "seconds" in (answer := self.answer(peer, row, turn=[warm, warm / 5])):
                        times.setdefault(peer.name, []).append(answer["seconds"])
            row.seconds = {name: statistics.median(t) for name, t in times.items()}
        return row

    def answer(self, peer: Peer, row: Row, **question: Any) -> dict[str, Any]:
        """None of a process that ended, which is started anew for the next case."""
        if peer.name in row.unable:
            return {}
        try:
            return peer.ask(**question)
        except Gone as gone:
            row.unable[peer.name] = str(gone)
            peer.start()
            return {}


def worst(a: Array, x: Array) -> float:
    """The largest right residual ratio of a stack of inverses; infinite if one is not finite."""
    return float(max(residuals(a, x.reshape(a.shape))[0]))


def alike(x: Array, y: Array, case: Case) -> bool:
    """Whether both did the same: most matrices agree in a digit, whatever the condition of the others."""
    if x.size != y.size:
        return False
    if x.ndim < 2:
        # Condition numbers.
        x = x.reshape(-1, 1, 1)
    axes = (0, 1) if case.components else (-2, -1)
    with np.errstate(all="ignore"):
        apart = abs(x - y.reshape(x.shape)).max(axes) / abs(x).max(axes)
    return bool(np.median(apart) < 0.1)


def turn(call: Call, warm: float, counted: float) -> float:
    """Seconds of one call among many. First so long that cores which rested are awake, and not counted; a call of
    over a second wakes them itself."""
    for least in (warm, counted):
        calls, spent, start = 0, 0.0, time.perf_counter()
        while spent < least:
            call()
            calls += 1
            spent = time.perf_counter() - start
        if calls == 1 and spent > 1:
            break
    return spent / calls


def fastest(calls: list[Call]) -> Call | None:
    """The one that takes the least, if it takes no longer than PATIENCE; called again, as the first time compiles."""
    best, least = None, PATIENCE
    for call in calls:
        start = time.perf_counter()
        call()
        first = time.perf_counter() - start
        seconds = turn(call, 0.0, 0.02) if first < PATIENCE else first
        if seconds < least:
            best, least = call, seconds
    return best


def serve(library: str) -> None:
    """Answers until nobody asks."""
    # What a library prints is not ours.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    call: Call | None = None
    for line in sys.stdin:
        question, answer = json.loads(line), {}
        if "prepare" in question:
            a, b = np.load(question["a"]), np.load(question["b"])
            why = ""
            try:
                call = fastest(MAKERS[library](Case(**question["prepare"]), a, b))
            except Exception as error:  # a library's own, of any kind
                call, why = None, f"{type(error).__name__}: {error}".splitlines()[0]
            answer = {"able": call is not None, "why": why}
        elif call is not None and "turn" in question:
            answer = {"seconds": turn(call, *question["turn"])}
        elif call is not None and "result" in question:
            np.save(question["result"], np.asarray(call()))
            answer = {"saved": True}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
