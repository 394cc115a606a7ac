"""Draws the crates and their parts, as the sources have them: which uses which.

Boxes are named here, arrows are read: from the Cargo.toml files, and from the paths `crate::...` and `ainv_...::...`
in the sources. A source file that belongs to no box, a dependency that no arrow shows and a circle are errors. Of the
arrows those are drawn that do not follow from others.
"""

import graphlib
import re
import sys
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

CRATES = Path(__file__).parents[1] / "crates"

#: What is named everywhere, and has no arrows: values and errors.
WORDS = {
    "ainv": "convert error lib memory options stack status",
    "ainv-kernels": "lib places scalar",
}

#: A box: its crate and its modules (all others of the crate if none are named), and what stands in it.
BOXES = {
    "python": ("ainv-python", "", "the module under the package python/ainv"),
    "cli": ("ainv-cli", "", "the command"),
    "report": ("ainv", "report", "how far an inverse can be trusted"),
    "io": ("ainv-io", "", "files"),
    "api": ("ainv", "api", "the public functions"),
    "device": ("ainv", "device", "WHERE: threads, memory, streams"),
    "plan": ("ainv", "plan", "the only place where a choice is made"),
    "op": ("ainv", "op", "WHAT is computed"),
    "alg": ("ainv", "alg", "blocked algorithms for one matrix"),
    "table": ("ainv-kernels", "table", "HOW: every kernel, on every instruction set"),
    "streams": ("ainv-streams", "", "WHEN: queues that share the threads"),
    "columns": ("ainv-kernels", "columns", "middle orders, by columns"),
    "lanes": ("ainv-kernels", "lanes", "small orders, one matrix a lane"),
    "tiles": ("ainv-kernels", "block pack panel sums tile transpose trsm", "what blocked algorithms are made of"),
    "bounds": ("ainv-kernels", "bounds", "what proves a pseudo-inverse"),
    "isa": ("ainv-kernels", "isa", "WHO: registers of an instruction set"),
}

#: Arrows against the others: what algorithms ask of the CPU's device while they run is threads and scratch.
BACK = {("op", "device"), ("alg", "device")}

WIDTH, HEIGHT, GAP, ROW = 270, 46, 30, 80


def sources(crate):
    """The modules of a crate, with the text of their files, without comments."""
    for path in sorted((CRATES / crate / "src").rglob("*.rs")):
        module = path.relative_to(CRATES / crate / "src").parts[0].removesuffix(".rs")
        yield module, re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def box_of(crate, module):
    """The box of a module; None if it is one of the words."""
    if module in WORDS.get(crate, "").split():
        return None
    own = [name for name, (c, modules, _) in BOXES.items() if c == crate and (not modules or module in modules.split())]
    if not own:
        raise SystemExit(f"docs/picture.py: {crate}/src/{module} is in no box")
    return own[0]


def front(crate):
    """The box that stands for a whole crate."""
    return {"ainv": "api", "ainv-kernels": "table"}.get(crate) or box_of(crate, "lib")


def paths(root, text):
    """What stands behind `root::` in a path, alone or in braces."""
    for word, group in re.findall(rf"(?<![\w:$]){root}::(?:(\w+)|\{{([^;]*)\}})", text):
        # Of nested braces the outer names.
        while re.search(r"\{[^{}]*\}", group):
            group = re.sub(r"::\{[^{}]*\}", "", group)
        yield from [word] if word else [name.strip().partition("::")[0] for name in group.split(",")]


def arrows():
    """Which box uses which, by the sources."""
    crates = sorted(folder.name for folder in CRATES.iterdir())
    texts = {crate: list(sources(crate)) for crate in crates}
    modules = {crate: {module for module, _ in texts[crate]} for crate in crates}
    found = set()
    for crate in crates:
        for module, text in texts[crate]:
            here = box_of(crate, module) or front(crate)
            used = [box_of(crate, m) for m in paths("crate", text) if m in modules[crate]]
            for other in crates:
                if other != crate:
                    for name in paths(other.replace("-", "_"), text):
                        used.append(box_of(other, name) if name in modules[other] else front(other))
            found |= {(here, there) for there in used if there not in (None, here)}
    check_crates(found, crates)
    return found


def check_crates(found, crates):
    """The arrows between crates are those of the Cargo.toml files."""
    seen = {(BOXES[a][0], BOXES[b][0]) for a, b in found if BOXES[a][0] != BOXES[b][0]}
    promised = set()
    for crate in crates:
        manifest = tomllib.loads((CRATES / crate / "Cargo.toml").read_text(encoding="utf-8"))
        promised |= {(crate, other) for other in manifest.get("dependencies", ()) if other in crates}
    if seen != promised:
        raise SystemExit(f"docs/picture.py: the sources and the manifests differ in {sorted(seen ^ promised)}")


def order(found):
    """The boxes in rows, users above what they use."""
    uses = {name: {b for a, b in found if a == name} for name in BOXES}
    try:
        upwards = list(graphlib.TopologicalSorter(uses).static_order())
    except graphlib.CycleError as circle:
        raise SystemExit(f"docs/picture.py: {' <- '.join(circle.args[1])} is a circle") from None
    row = dict.fromkeys(BOXES, 0)
    below = {name: set() for name in BOXES}
    for name in reversed(upwards):
        for b in uses[name]:
            row[b] = max(row[b], row[name] + 1)
    for name in upwards:
        below[name] = set().union(*({b} | below[b] for b in uses[name]))
    rows = [[name for name in BOXES if row[name] == r] for r in range(max(row.values()) + 1)]
    # What follows from other arrows is not drawn.
    drawn = [(a, b) for a, b in sorted(found) if not any(b in below[c] for c in uses[a])]
    return rows, drawn


def draw():
    """The picture, as SVG."""
    found = arrows()
    if not found >= BACK:
        raise SystemExit(f"docs/picture.py: {BACK - found} are not so any more")
    rows, drawn = order(found - BACK)
    place = {
        name: (GAP + i * (WIDTH + GAP), GAP / 2 + r * ROW)
        for r, names in enumerate(rows)
        for i, name in enumerate(names)
    }
    width, height = max(map(len, rows)) * (WIDTH + GAP) + GAP, len(rows) * ROW + 24
    lines, boxes = [], []
    for a, b in drawn:
        x, y = place[a][0] + WIDTH / 2, place[a][1] + HEIGHT
        u, v = place[b][0] + WIDTH / 2, place[b][1] - 4
        lines.append(f'<path d="M{x} {y}C{x} {y + 24} {u} {v - 24} {u} {v}" marker-end="url(#tip)"/>')
    for a, b in sorted(BACK):
        x, y = place[a][0] + WIDTH, place[a][1] + HEIGHT / 2
        u, v = place[b][0] + WIDTH + 4, place[b][1] + HEIGHT / 2
        far, y = x + (y - v) / 3, y - 8
        lines.append(f'<path class="back" d="M{x} {y}C{far} {y} {far} {v} {u} {v}" marker-end="url(#tip)"/>')
    x, y = place["op"]
    lines.append(f'<text class="key" x="{x + WIDTH + 80}" y="{y - 20}">asks for threads and scratch</text>')
    crates = list(dict.fromkeys(crate for crate, _, _ in BOXES.values()))
    for name, (x, y) in place.items():
        crate, _, caption = BOXES[name]
        title = name if crate in ("ainv", "ainv-kernels") else crate
        boxes.append(
            f'<g class="c{crates.index(crate)}"><title>{escape(crate)}</title>'
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
            f'<text x="{x + WIDTH / 2}" y="{y + 19}" class="name">{escape(title)}</text>'
            f'<text x="{x + WIDTH / 2}" y="{y + 36}">{escape(caption)}</text></g>'
        )
    key = []
    for i, crate in enumerate(crates):
        x = GAP + i * (width - 2 * GAP) / len(crates)
        key.append(f'<g class="c{i}"><rect x="{x}" y="{height - 22}" width="12" height="12" rx="2"/></g>')
        key.append(f'<text class="key" x="{x + 18}" y="{height - 12}">{crate}</text>')
    colours = ["#e8def8", "#fde2e4", "#fff1cc", "#d7ecff", "#dcf5e0", "#ffe5d0"]
    style = "".join(f".c{i} rect{{fill:{colour}}}" for i, colour in enumerate(colours))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>The crates of ainv, their parts, and which uses which</title>",
        "<style>text{font:11px sans-serif;text-anchor:middle;fill:#222}.name{font-weight:bold;font-size:13px}"
        ".key{text-anchor:start}rect{stroke:#888}path{fill:none;stroke:#666;stroke-width:1.3}"
        f".back{{stroke:#b35;stroke-dasharray:5 3}}{style}</style>",
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="5" refY="3" orient="auto">'
        '<polygon points="0 0, 6 3, 0 6" fill="#666"/></marker></defs>',
        f'<rect width="{width}" height="{height}" style="fill:#fff;stroke:none"/>',
        *lines, *boxes, *key, "</svg>", "",
    ])


if __name__ == "__main__":
    sys.stdout.write(draw())
