"""`ainv.report`: what it measures, what it says of that, and the pages that it makes."""

import io
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, SINGULAR, posdef, random

NUMBERS = ["rcond", "right_residual", "left_residual", "norm", "inverse_norm"]
WORDS = ["verdict", "status", "structure", "route", "reason"]
WHOLE = ["info", "digits", "rank"]


def hilbert(n):
    return 1 / (np.arange(n)[:, None] + np.arange(n) + 1.0)


def norm1(a):
    return np.abs(a).sum(axis=-2).max(axis=-1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
def test_what_is_measured(n, dtype):
    a = random((2, 5, n, n), dtype) + 3 * np.sqrt(n) * np.eye(n, dtype=dtype)
    x, r = ainv.inv(a), ainv.report(a)
    wide = np.result_type(dtype, np.float64)
    a, x = a.astype(wide), x.astype(wide)
    np.testing.assert_allclose(r.norm, norm1(a), rtol=1e-13)
    np.testing.assert_allclose(r.inverse_norm, norm1(x), rtol=1e-13)
    np.testing.assert_allclose(r.rcond, 1 / norm1(a) / norm1(x), rtol=1e-5)
    rounding = 4 * n * np.finfo(np.float64).eps * norm1(a) * norm1(x)
    assert np.all(np.abs(r.right_residual - norm1(a @ x - np.eye(n))) <= rounding)
    assert np.all(np.abs(r.left_residual - norm1(x @ a - np.eye(n))) <= rounding)
    assert np.all(r.verdict == "good") and np.all(r.status == "ok") and np.all(r.rank == n)
    assert r.shape == a.shape
    for name in NUMBERS + WORDS + WHOLE:
        value = getattr(r, name)
        assert value.shape == (2, 5)
        kind = "f" if name in NUMBERS else "U" if name in WORDS else "i"
        assert value.dtype.kind == kind, name


def test_one_matrix_has_scalars():
    r = ainv.report(A3)
    assert all(isinstance(getattr(r, name), np.float64) for name in NUMBERS)
    assert all(isinstance(getattr(r, name), str) for name in WORDS)
    assert all(isinstance(getattr(r, name), np.integer) for name in WHOLE)
    assert (r.shape, r.worst, r.info, r.route) == ((3, 3), (), 0, "closed form")


def test_bad_matrices():
    a = np.stack([np.eye(2), SINGULAR, [[np.nan, 0], [0, 1]], [[1, 1], [1, 1 + 1e-11]]])
    r = ainv.report(a[:, None])
    assert r.status.ravel().tolist() == ["ok", "singular", "not finite", "ok"]
    assert r.verdict.ravel().tolist() == ["good", "no inverse", "no inverse", "care"]
    assert r.info.ravel().tolist() == [0, 2, 0, 0]
    assert r.rank.ravel().tolist() == [2, 1, -1, 2]
    assert r.rcond[1, 0] == 0 and np.isnan(r.rcond[2, 0])
    assert r.worst == (2, 0)
    text = str(r)
    assert text.index("(2, 0)") < text.index("(1, 0)") < text.index("(3, 0)") < text.index("(0, 0)")
    assert "1 can be trusted, 1 to be taken with care, 2 without an inverse" in text


def test_the_words_follow_the_numbers():
    for n, headline in [(4, "can be trusted."), (7, "Take care"), (13, "Do not use")]:
        r = ainv.report(hilbert(n))
        assert headline in str(r) and headline in r._repr_html_()
        assert ("solve(a, b)" in str(r)) == (n > 4)
        assert repr(r) == str(r)
    for advice, a in {
        "Change the units": np.diag([1e9, 1.0, 1e-9]) @ A3,
        "double precision": ainv.asarray(hilbert(5).astype("float32")),
        "only 3 of the 5 rows": np.vander(np.arange(5.0), 3) @ np.vander(np.arange(5.0), 3).T,
        "small multiple of the identity": hilbert(12),
        "pinv(a, rtol=...)": hilbert(10),
    }.items():
        text = " ".join(str(ainv.report(a)).split())
        assert advice in text, text


def test_a_given_inverse():
    a = random((6, 6))
    x = np.linalg.inv(a)
    assert ainv.report(a, x).verdict == "good"
    r = ainv.report(a, x.T)
    assert r.verdict == "worthless" and r.rcond == ainv.report(a).rcond
    assert "is not the inverse of this matrix" in str(r)
    single = ainv.report(a, x.astype("float32"))
    assert 4 <= single.digits <= 7 < ainv.report(a, x).digits
    with pytest.raises(ValueError, match="the inverses are 1 of 3 x 3"):
        ainv.report(a, A3)


def test_what_is_assumed():
    a = posdef((30, 30))
    r = ainv.report(a)
    assert (r.structure, r.route) == ("symmetric positive definite", "Cholesky by columns")
    lower = np.tril(a) + np.triu(np.full(a.shape, np.nan), 1)
    r = ainv.report(lower, assume="posdef")
    assert r.structure == "symmetric positive definite" and r.verdict == "good"
    r = ainv.report(lower, assume="lower")
    assert r.structure == "lower triangular" and r.norm == norm1(np.tril(a))
    assert ainv.report(-lower, assume="posdef").status == "not positive definite"
    with pytest.raises(ValueError, match="assume"):
        ainv.report(a, assume="banded")


def test_arguments():
    for wrong in (np.zeros((2, 3)), np.zeros(3)):
        with pytest.raises(ainv.LinAlgError):
            ainv.report(wrong)
    with pytest.raises(TypeError, match="object"):
        ainv.report(np.array([[object()]]))
    with pytest.raises(RuntimeError, match="gpu"):
        ainv.report(A3, stream="gpu")
    assert ainv.report([[2, 1], [1, 2]]).rank == 2
    assert ainv.report(A3.astype("float16")).digits <= 7
    r = ainv.report(np.zeros((0, 3, 3)))
    assert r.worst is None and r.rcond.shape == (0,) and "There is no matrix." in str(r)


def test_our_own_arrays_are_computed_in_their_precision():
    a = hilbert(5).astype("float32")
    own = ainv.report(ainv.asarray(a))
    assert own.digits < ainv.report(a).digits
    assert ainv.report(ainv.asarray(a), ainv.inv(ainv.asarray(a))).digits <= own.digits


def test_other_libraries():
    torch = pytest.importorskip("torch")
    a = torch.as_tensor(hilbert(5), dtype=torch.float32)
    assert ainv.report(a).digits == ainv.report(ainv.asarray(a.numpy())).digits
    assert ainv.report(a, torch.linalg.inv(a)).shape == (5, 5)


class Page(HTMLParser):
    """A page whose tags are closed in their turn; it collects their names and its drawings."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)
        assert not self.open
        self.drawings = [
            ElementTree.fromstring(svg) for svg in re.findall(r"<svg .*?</svg>", text, re.DOTALL)
        ]

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_notebook_shows_pictures():
    page = Page(ainv.report(hilbert(8))._repr_html_())
    assert len(page.drawings) == 4 and "html" not in page.tags and "script" not in page.tags
    values, matrix, inverse, residual = page.drawings
    svg = "{http://www.w3.org/2000/svg}"
    assert len(values.findall(f"{svg}circle")) == 8
    for drawing in (matrix, inverse, residual):
        assert drawing.get("role") == "img" and drawing.get("aria-label")
        cells = [r for r in drawing.findall(f"{svg}rect") if r.get("height") == "32"]
        # Neighbours of one colour are one rectangle; a zero has none.
        area = sum(int(r.get("width")) for r in cells)
        assert area == 8 * 256 if drawing is not residual else 0 < area <= 8 * 256
        # Everything is inside of the picture.
        width, height = int(drawing.get("width")), int(drawing.get("height"))
        for r in drawing.findall(f"{svg}rect"):
            assert 0 <= int(r.get("x")) <= int(r.get("x")) + int(r.get("width")) <= width
            assert 0 <= int(r.get("y")) <= int(r.get("y")) + int(r.get("height")) <= height
    # The residual's cells are as dark as they are small: no two decades of colours are alike.
    colours = {r.get("fill") for r in matrix.findall(f"{svg}rect") if r.get("height") == "32"}
    assert len(colours) > 4
    # Nothing is fetched from anywhere.
    assert not {name for name, _ in page.attributes} & {"src", "href", "onload", "onerror"}


def test_the_histogram_of_a_stack():
    a = random((200, 3, 3))
    r = ainv.report(a)
    page = Page(r._repr_html_())
    assert len(page.drawings) == 5
    text = [t.text.strip() for t in page.drawings[0].iter() if t.tag.endswith("text")]
    counts = np.unique(np.floor(np.log10(r.rcond)), return_counts=True)[1]
    for count in counts:
        assert str(count) in text
    assert "And 180 more." in r._repr_html_()


def test_pages(tmp_path):
    r = ainv.report(hilbert(6))
    path = tmp_path / "report.html"
    assert r.to_html(path) is None
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.tags[0] == "html"
    assert "<title>Can this inverse be trusted?</title>" in text
    r.to_html(str(path))
    assert path.read_text(encoding="utf-8") == text
    with pytest.raises(FileNotFoundError, match=r"none.*page\.html"):
        r.to_html(tmp_path / "none" / "page.html")
    with pytest.raises(OSError, match="folder"):
        r.to_html(tmp_path)
    with pytest.raises(TypeError):
        r.to_html(io.StringIO())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_large_matrices_have_small_pages():
    r = ainv.report(random((1200, 1200)))
    text = r._repr_html_()
    assert len(text) < 1_000_000 and "not drawn above order 1024" in text
    assert "up to 19 x 19 entries" in text
