"""How Sphinx makes the site; `scripts/docs` runs it."""

import os
import re
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import ainv

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import picture  # noqa: E402

project = "ainv"
author = "the ainv authors"
project_copyright = author
release = version = ainv.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "ainv"
html_copy_source = False
html_show_sphinx = False
nitpicky = True

# Links to headings and formulas in dollars, as GitHub has them.
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
smartquotes_action = "D"

# What docstrings have in backticks is a link where there is something of that name.
default_role = "autolink"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
# Names of Python's and of NumPy's, whose pages are not asked for: that would need a network.
nitpick_ignore = [("py:obj", "copy"), ("py:obj", "numpy.errstate")]

GENERATED = HERE / "_generated"
GENERATED.mkdir(exist_ok=True)
(GENERATED / "architecture.svg").write_text(picture.draw(), encoding="utf-8")


def mathml(node, display):
    drawn = tex2mathml(node.astext(), as_block=display)
    # Bars are fences, not relations: no space around them.
    return drawn.replace('<mo class="mathopen">|', '<mo form="prefix">|').replace("<mo>|", '<mo form="postfix">|')


def inline(translator, node):
    translator.body.append(mathml(node, False))
    raise nodes.SkipNode


def display(translator, node):
    translator.body.append(f'<div class="math">{mathml(node, True)}</div>')
    raise nodes.SkipNode


def keep_links(app, path, parent, content):
    """Relative links of a file that a page includes lead to where they led."""
    there, here = (HERE / path).parent, (HERE / parent).parent
    content[0] = re.sub(
        r"\]\((?!#|\w+:)([^)#]+)",
        lambda link: f"]({Path(os.path.relpath(there / link[1], here)).as_posix()}",
        content[0],
    )


def setup(app):
    app.connect("include-read", keep_links)
    # Browsers draw MathML themselves: no script, no network.
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
