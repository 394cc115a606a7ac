"""The code of README.md and of the pages in docs/, as it stands there.

The blocks of a page run in their order, in a folder that has `examples`, and later ones go on with what earlier
ones made; those of README.md stand alone, with `ainv` and `np`. What a block prints stands in comments beside its calls
of print, or in a block of `output` after it, where ... is whatever it likes. Of blocks of `sh` those run that
call the command ainv or an example; Rust stands in README.md alone, where rustdoc runs it.
"""

import ast
import contextlib
import doctest
import importlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sysconfig
import xml.etree.ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import ainv

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```output\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    place: str
    language: str
    code: str
    promised: str
    # What came of it: once it has run, the reason why it was not, or what went wrong.
    printed: str | None = None
    skipped: str = ""
    fault: BaseException | None = None


@dataclass
class Page:
    text: str
    blocks: list[Block]
    folder: Path | None = None
    namespace: dict = field(default_factory=lambda: {"__name__": "page"})
    #: Names that a block would have made which was skipped.
    lacking: set[str] = field(default_factory=set)


def read(path):
    text = path.read_text(encoding="utf-8")
    blocks = []
    for found in BLOCK.finditer(text):
        language, code, output = found.groups()
        line = text.count("\n", 0, found.start()) + 1
        # What is printed stands in a comment beside it.
        beside = re.findall(r"^ *print\(.*\) +# (.*\n)", code, re.MULTILINE)
        place = f"{path.relative_to(ROOT).as_posix()}:{line}"
        blocks.append(Block(place, language, code, "".join(beside) + (output or "")))
    return Page(text, blocks)


PAGES = {
    path: read(path)
    for path in [ROOT / "README.md", ROOT / "examples/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}


def runs(block):
    return block.language == "python" or (
        block.language == "sh" and re.search(r"^(ainv|python examples/)", block.code, re.MULTILINE)
    )


def parts(path):
    """What is run together."""
    page = PAGES[path]
    if path.name != "README.md":
        return [page]
    return [Page("", [block], namespace={"ainv": ainv, "np": np}) for block in page.blocks]


BLOCKS = [
    pytest.param(part, block, id=block.place)
    for path in PAGES
    for part in parts(path)
    for block in part.blocks
    if runs(block)
]


def makes(tree):
    """The names that a block makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def run_python(page, block):
    tree = ast.parse(block.code)
    made = set(makes(tree))
    reads = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    imports = re.findall(r"^ *(?:import|from) (\w+)", block.code, re.MULTILINE)
    missing = [name for name in imports if importlib.util.find_spec(name) is None]
    missing += sorted(reads & page.lacking - made)
    if missing:
        page.lacking |= made
        block.skipped = f"without {', '.join(missing)}"
        return
    page.lacking -= made
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, block.place, "exec"), page.namespace)
    block.printed = printed.getvalue()


def run_shell(block):
    if not shutil.which("bash"):
        block.skipped = "without bash"
        return
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    block.printed = ran.stdout
    assert ran.returncode == 0, ran.stdout


# What torch's compiler imports warns of its own deprecations.
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_block(page, block, tmp_path_factory, monkeypatch):
    if page.folder is None:
        page.folder = tmp_path_factory.mktemp("page")
        (page.folder / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(page.folder)
    # Those before it too, where they have not run in this process.
    for b in page.blocks:
        if runs(b) and b.printed is None and not b.skipped and b.fault is None:
            try:
                run_python(page, b) if b.language == "python" else run_shell(b)
            except Exception as fault:
                b.fault = fault
        if b is block:
            break
    if block.fault is not None:
        raise block.fault
    if block.skipped:
        pytest.skip(block.skipped)
    # The command's summary is for the eye: what matters of it is promised.
    if block.language == "sh" and not block.promised:
        return
    printed = "\n".join(line.rstrip() for line in block.printed.splitlines()) + "\n"
    checker = doctest.OutputChecker()
    if not checker.check_output(block.promised or "\n", printed, doctest.ELLIPSIS):
        pytest.fail(f"{block.place} prints\n{printed}instead of\n{block.promised}", pytrace=False)


def test_there_are_some():
    languages = [block.language for page in PAGES.values() for block in page.blocks]
    assert languages.count("python") >= 3 and len(BLOCKS) >= 4


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_block_is_overlooked(path):
    page = PAGES[path]
    # An indented fence, or one with words after its language, would not be found.
    fences = re.findall(r"^[ >]*```+[^`\n]*$", page.text, re.MULTILINE)
    directives = re.findall(r"^```\{", page.text, re.MULTILINE)
    outputs = re.findall(r"^```output$", page.text, re.MULTILINE)
    assert len(fences) == 2 * (len(page.blocks) + len(directives) + len(outputs))
    known = {"python", "sh", "text", "toml"} | ({"rust"} if path.name == "README.md" else set())
    assert {block.language for block in page.blocks} <= known


# Those of the site are looked at by Sphinx.
@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *ROOT.glob("*/README.md")], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\((?!\w+:)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_picture_cannot_drift(monkeypatch):
    pytest.importorskip("tomllib")
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    picture = importlib.import_module("picture")
    drawn = xml.etree.ElementTree.fromstring(picture.draw())
    assert {title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")} > {"ainv", "ainv-kernels"}
    found = picture.arrows()
    assert {("api", "device"), ("op", "alg"), ("lanes", "isa")} < found
    with pytest.raises(SystemExit, match="circle"):
        picture.order(found)
    with pytest.raises(SystemExit, match="ainv-io"):
        picture.check_crates(found - {("cli", "io")}, ["ainv", "ainv-cli", "ainv-io"])
    boxes = {name: box for name, box in picture.BOXES.items() if name != "bounds"}
    monkeypatch.setattr(picture, "BOXES", boxes)
    with pytest.raises(SystemExit, match="bounds is in no box"):
        picture.arrows()
