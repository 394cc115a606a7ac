"""Half a minute of `scripts/soak`, which takes an hour: mixed work, with failures injected."""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "scripts" / "soak"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_soak():
    done = subprocess.run(
        [sys.executable, SOAK, "0.4", "1"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: good" in done.stdout
