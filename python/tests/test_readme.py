"""The README's Python, as it stands there; of a library only where it is installed."""

import re
from pathlib import Path

import ainv
import numpy as np
import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_there_are_some():
    assert len(BLOCKS) >= 3


# What torch's compiler imports warns of its own deprecations.
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_block(block, capsys):
    for library in re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE):
        pytest.importorskip(library)
    # Later blocks go on with what the first one imports.
    exec(block, {"ainv": ainv, "np": np})
    # What is printed stands in a comment beside it.
    promised = re.findall(r"^ *print\(.*\) +# (.*)$", block, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == promised
