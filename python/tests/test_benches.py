"""The benchmarks' script: that it asks, counts and tells what it should. Of times it knows nothing."""

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benches(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benches"))


def results(seconds, **case):
    cases, page = importlib.import_module("peers_cases"), importlib.import_module("peers_page")
    machine = importlib.import_module("peers_machine").Machine("A CPU", "avx2", 2, 1e10, {"float64": 1e11})
    of = cases.Case(**{"table": "domain", "op": "inv", "dtype": "float64", "count": 100, "n": 3, "name": "cameras"} | case)
    row = importlib.import_module("peers_process").Row(of, seconds)
    versions = {name: "1.0" for name in ("ainv", "numpy", "torch")}
    return page, page.Results(machine, versions, "2026-01-01", 7, [row])


def test_every_library_answers():
    process, cases = importlib.import_module("peers_process"), importlib.import_module("peers_cases")
    commands = {name: [sys.executable, str(ROOT / "benches/peers_process.py"), name] for name in ("ainv", "copy", "numpy")}
    with process.Peers(commands, threads=1) as peers:
        row = peers.measure(cases.Case("accuracy", "inv", "float64", 5, 3, family="random normal"), 1, 0.001)
        assert sorted(row.seconds) == ["ainv", "copy", "numpy"]
        assert all(t > 0 for t in row.seconds.values())
        assert sorted(row.ratios) == ["ainv", "numpy"]
        assert max(row.ratios.values()) < 10
        # NumPy has no such function, and a library's error is told.
        row = peers.measure(cases.Case("small", "tri_inv", "float64", 5, 3), 1, 0.001)
        assert (sorted(row.seconds), row.unable) == (["ainv", "copy"], {})
        row = peers.measure(cases.Case("small", "solve", "float64", 5, 3, m=2), 1, 0.001)
        assert sorted(row.unable) == ["ainv", "numpy"]
        # Nor does one count that does something else.
        assert not process.alike(np.eye(3), 2 * np.eye(3), row.case)
        assert not process.alike(np.eye(3), np.eye(2), row.case)
        assert process.alike(np.eye(3), np.eye(3)[None], row.case)
        # A process that dies is named, and there again for the next case.
        peers.peers[0].process.kill()
        assert "ended" in peers.measure(cases.Case("small", "inv", "float64", 5, 3), 1, 0.001).unable["ainv"]
        assert "ainv" in peers.measure(cases.Case("small", "inv", "float64", 5, 3), 1, 0.001).seconds


def test_the_matrices_are_what_the_functions_take():
    cases = importlib.import_module("peers_cases")
    for title, make in cases.TABLES.values():
        assert title
        for case in make(["float64", "complex64"], [3], 2):
            # A large stack is as a small one.
            case = dataclasses.replace(case, count=min(case.count, 20))
            if case.n > 200:
                continue
            a, _ = case.operands()
            m, n = case.shape
            stack = (case.count,) if case.count else ()
            assert a.shape == ((m, n, *stack) if case.components else (*stack, m, n)), case
            assert a.dtype == case.dtype and np.isfinite(a).all()
            if case.op in ("posdef_inv", "hermitian_inv"):
                assert np.linalg.eigvalsh(a).min() > 0.1
            if case.rank is not None:
                assert (np.linalg.matrix_rank(a) == case.rank).all()


def test_a_peer_that_is_faster_is_named():
    page, ours = results({"ainv": 1e-6, "copy": 5e-7, "numpy": 4e-6, "torch": 3e-6})
    text = page.page(ours, {})
    assert "| **0.01** | 0.04 | 0.03 | 3.00 | 0.50 |" in text
    assert "In no case of this run." in text and "A CPU" in text
    page, theirs = results({"ainv": 4e-6, "copy": 5e-7, "numpy": 5e-6, "torch": 2e-6})
    text = page.page(theirs, {})
    assert "| 0.04 | 0.05 | **0.02** | 0.50 (torch is faster) |" in text
    assert "- cameras: inv, float64, 100 of 3 x 3: torch is 2.00 times as fast" in text
    assert "torch IS 2.00 TIMES AS FAST" in page.line(theirs.rows[0], theirs.machine)


def test_arithmetic_limits_large_matrices():
    # 2 n^3 flops take 20 ms at the peak, of one thread twice as long.
    page, of = results({"ainv": 0.04, "copy": 1e-3}, count=0, n=1000)
    assert page.share(of.rows[0], of.machine) == pytest.approx(0.5)
    page, of = results({"ainv": 0.08, "copy": 1e-3}, count=0, n=1000, threads=1)
    assert page.share(of.rows[0], of.machine) == pytest.approx(0.5)


def test_the_readme_takes_the_figures(tmp_path):
    page, of = results({"ainv": 1e-6, "copy": 5e-7, "numpy": 4e-6, "torch": 3e-6})
    once = page.into_readme((ROOT / "README.md").read_text(encoding="utf-8"), of)
    assert "| cameras: inv, float64, 100 of 3 x 3 | 0.01 | 0.04 | 0.03 torch | 3.0 |" in once
    assert page.into_readme(once, of) == once
    of.save(tmp_path / "results.json")
    assert page.Results.load(tmp_path / "results.json") == of
    assert json.loads((tmp_path / "results.json").read_text())["rows"][0]["case"]["name"] == "cameras"


def test_a_version_is_one():
    pytest.importorskip("tomllib")

    def version(*tag):
        return subprocess.run([sys.executable, ROOT / "scripts/version", *tag], capture_output=True, text=True, check=False)

    said = version()
    assert said.returncode == 0 and "Added" in said.stdout, said.stderr
    wrong = version("v999.0.0")
    assert wrong.returncode == 1 and "the tag is v999.0.0" in wrong.stderr and not wrong.stdout
