"""benches/gpu.py: that it measures what it says, of right results alone. Of times it knows nothing.

All of it runs on the device in software (`scripts/cuda`), where there is no peer.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ainv

ROOT = Path(__file__).parents[2]
software = "AINV_SOFTWARE_KERNELS" in os.environ and hasattr(ainv._ainv, "_on_cuda")


@pytest.fixture(autouse=True)
def benches(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benches"))


def quick():
    cases = importlib.import_module("gpu_cases")
    return [case for _, make in cases.TABLES.values() for case in make(True)]


@pytest.mark.skipif(not software, reason="no device of CUDA in software, or no feature cuda")
def test_all_of_it_on_the_device_in_software(tmp_path):
    kept, page = tmp_path / "gpu.json", tmp_path / "gpu.md"
    command = [sys.executable, ROOT / "benches/gpu.py", "--quick", "--json", kept, "--write", page]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    rows = json.loads(kept.read_text())["rows"]
    assert [row["case"] for row in rows] == [vars(case) for case in quick()]
    for row in rows:
        ours = [name for name in row["seconds"] if name.startswith("ainv.")]
        assert ours and not [name for name in row["unable"] if name.startswith("ainv")], row
        assert ("copy" in row["seconds"]) == (row["case"]["table"] not in ("call", "host"))
        assert all(t > 0 for t in row["seconds"].values())
    text = page.read_text()
    assert "software of ainv" in text and "## Pseudo-inverses" in text and "not measured" in text
    again = tmp_path / "again.md"
    command = [sys.executable, ROOT / "benches/gpu.py", "--from", kept, "--write", again]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert again.read_text() == text


def torches(calls):
    """Of tensors on the CPU."""
    peer = object.__new__(calls.Torch)
    peer.torch, peer.there = pytest.importorskip("torch"), "cpu"
    return peer


def cupies(calls):
    """Of NumPy's arrays."""
    peer = object.__new__(calls.CuPy)
    peer.cupy, peer.take, peer.give = np, np.asarray, np.asarray
    return peer


@pytest.mark.parametrize("make", [torches, cupies])
def test_what_peers_are_asked_is_what_we_are(make):
    peer = make(importlib.import_module("gpu_calls"))
    bar, done = importlib.import_module("gpu_cases").BAR, set()
    for case in quick():
        operands = case.operands()
        for name, call in peer.calls(case, *map(peer.take, operands)).items():
            done.add(case.op)
            x = call()
            x = x if isinstance(x, np.ndarray) else peer.give(x)
            assert case.error(*operands, x) < bar, (name, case)
            wrong = x.copy()
            wrong[..., 0, :] *= 1.01
            assert case.error(*operands, wrong) > bar, (name, case)
            wrong[..., 0, 0] = np.nan
            assert case.error(*operands, wrong) == np.inf
            assert case.error(*operands, x[..., :-1, :]) == np.inf
    assert done >= {"inv", "posdef_inv", "cholesky", "solve", "pinv"}


def test_what_was_asked_is_told():
    cases, page = importlib.import_module("gpu_cases"), importlib.import_module("gpu_page")

    def asked(**seconds):
        ours = {"ainv.inv_ex": 2e-6}
        measured = {
            cases.Case("small", "inv", "float32", 10**5, 2): ours | {"copy": 1e-6} | seconds,
            cases.Case("small", "inv", "float32", 10**5, 8): ours | {"copy": 2e-6} | seconds,
            cases.Case("single", "inv", "float64", 0, 4096): {"ainv.inv_ex": 4e-3, "torch.linalg.inv": 6e-3},
            cases.Case("call", "inv", "float32", 0, 3): {"ainv.inv_ex": 9e-6},
        }
        rows = [page.Row(case, seconds) for case, seconds in measured.items()]
        rates = {"copy": 1e12, "up": 2e10, "down": 2e10, "float64": 5e13}
        missing = {"CuPy": "it is not here"}
        results = page.Results("a GPU", "CUDA", "2026-01-01", {"ainv": "1.0"}, missing, rates, 7, rows)
        assert "CuPy was left out: it is not here." in page.page(results)
        return [threshold.cells(results)[2:] for threshold in page.THRESHOLDS]

    small = "inv, float32, 100,000 of 2 x 2"
    copy, torch, middle, inv, product, cholesky, call = asked(**{"torch.linalg.inv_ex": 8e-6, "torch.linalg.inv": 7e-6})
    assert copy == ["2", small, "no"] and torch == ["3.5", small, "yes"]
    assert middle == cholesky == ["", "", "not measured"]
    assert inv == ["1.5", "inv, float64, 4096 x 4096", "yes"]
    # 2 n^3 flops in 4 ms.
    assert product == ["0.687", "inv, float64, 4096 x 4096", "no"] and call[::2] == ["9", "yes"]
    assert asked(**{"torch.linalg.inv_ex": 5e-6})[1] == ["2.5", small, "no"]
    # Slower peers of other libraries do not count against torch.
    assert asked(**{"torch.linalg.inv": 7e-6, "cupy.linalg.inv": 1e-6})[1][0] == "3.5"
