"""What the figures are of: the machine, its limits, the libraries and their versions."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUST = HERE / "rust"
#: Of Python; the Rust ones say theirs themselves.
PACKAGES = ("numpy", "scipy", "torch", "jax", "mlx")


@dataclass(frozen=True)
class Machine:
    """The CPU and its limits, of this run."""

    name: str
    instruction_set: str
    threads: int
    #: Bytes a second, in and out, of a copy that no cache holds.
    copy: float
    #: Multiply-adds of all cores for each dtype, in flops a second.
    peak: dict[str, float]

    def __str__(self) -> str:
        return f"{self.name}, {self.instruction_set}, {self.threads} threads"


def machine(seconds: float) -> Machine:
    """As `ainv bench` measures it, whose library is that of this Python."""
    command = [sys.executable, "-c", "import sys; from ainv._cli import main; sys.exit(main())", "bench", "inv",
               "--orders", "1", "--dtype", "float32,float64,complex64,complex128", "--seconds", str(seconds), "--json"]
    of = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)["machine"]
    return Machine(of["name"], of["instruction_set"], of["threads"], of["copy_bytes_per_second"],
                   of["peak_flops_per_second"])


def python_peers(asked: Sequence[str]) -> tuple[dict[str, Sequence[str]], dict[str, str]]:
    """Commands and versions of ainv, of the copy and of what is installed of the libraries that are asked for."""
    found = [name for name in PACKAGES if name in asked and importlib.util.find_spec(name)]
    names = ["ainv", "copy", *found]
    commands: dict[str, Sequence[str]] = {name: [sys.executable, str(HERE / "peers_process.py"), name] for name in names}
    return commands, {name: importlib.metadata.version(name) for name in names if name != "copy"}


def rust_peers(asked: Sequence[str]) -> tuple[dict[str, Sequence[str]], dict[str, str]]:
    """The same of the Rust libraries, which are compiled for it (the first time, for minutes); none without cargo."""
    if not shutil.which("cargo"):
        print("no Rust libraries: they need cargo", file=sys.stderr)
        return {}, {}
    command = ["cargo", "build", "--release", "--message-format", "json-render-diagnostics"]
    if subprocess.run(["pkg-config", "--exists", "openblas"], check=False).returncode == 0:
        command += ["--features", "ndarray-linalg"]
    else:
        print("no ndarray-linalg: it needs OpenBLAS, with pkg-config to find it by", file=sys.stderr)
    built = subprocess.run(command, cwd=RUST, stdout=subprocess.PIPE, text=True, check=True).stdout
    program = next(path for line in built.splitlines() if (path := json.loads(line).get("executable")))
    versions: dict[str, str] = json.loads(subprocess.check_output([program], text=True))
    versions = {name: version for name, version in versions.items() if name in asked}
    return {name: [program, name] for name in versions}, versions
