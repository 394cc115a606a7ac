"""The browser page, in Chromium, as a reader uses it: `scripts/page test` builds it and runs this.

Chromium is told what to do over a pair of pipes (its DevTools protocol), so that nothing else is needed, and no port.
Where AINV_SCREENSHOTS names a folder, pictures of the page are left there.
"""

import base64
import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ainv

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "target" / "page" / "index.html"
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)

#: Set by `scripts/page test`, which is asked for these tests and passes none over.
REQUIRED = "AINV_REQUIRE_PAGE" in os.environ

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is driven by POSIX pipes here"),
    pytest.mark.skipif(
        not (CHROMIUM or REQUIRED), reason="there is no Chromium; Debian has it as the package chromium"
    ),
    pytest.mark.skipif(
        not (PAGE.exists() or REQUIRED), reason="the page is not built: scripts/page test builds and tests it"
    ),
]

#: Seconds after which something that was waited for is missing. A busy machine may take long.
PATIENCE = 120


class Browser:
    """Chromium without a window."""

    def __init__(self, folder):
        assert CHROMIUM, "there is no Chromium; Debian has it as the package chromium"
        command, self.commands = os.pipe()
        self.answers, answer = os.pipe()
        # High numbers, so that none of them is 3 or 4, where Chromium looks for its pipes.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 100) for end in (command, answer)]
        arguments = [
            "--headless=new --remote-debugging-pipe --disable-gpu --disable-quic --no-first-run",
            "--disable-background-networking --disable-component-update --disable-sync",
            "--force-color-profile=srgb",
        ]
        arguments = " ".join(arguments).split() + [f"--user-data-dir={folder}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}', "bash", CHROMIUM, *arguments],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (command, answer, *ends):
            os.close(end)
        self.number, self.rest, self.events = 0, b"", []

    def close(self):
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        os.close(self.commands)
        os.close(self.answers)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.read(deadline)
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def read(self, deadline):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.answers], [], [], max(0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            more = os.read(self.answers, 1 << 20)
            assert more, "Chromium has ended"
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)


class Page:
    """The page, opened anew."""

    def __init__(self, browser, width=1280, height=800, dark=False):
        self.browser = browser
        browser.events.clear()
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1 + phone, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=PAGE.as_uri())
        self.wait("document.readyState === 'complete'")
        self.settled()

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def js(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not self.js(condition):
            assert time.monotonic() < deadline, f"{condition}\n{self.js('document.body.innerText')}"
            time.sleep(0.02)

    def settled(self):
        """Until the last question is answered, and shown."""
        self.wait("!$('results').hasAttribute('aria-busy')")

    def text(self, id):
        """What stands there for the reader; nothing where it is hidden."""
        return self.js(f"$('{id}').checkVisibility() ? $('{id}').innerText.trim() : ''")

    def click(self, selector):
        """With the mouse, in the middle of it."""
        box = self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def paste(self, text):
        """Instead of what stands in the field."""
        self.js("$('text').focus(), $('text').select()")
        before = self.js("current")
        self.call("Input.insertText", text=text)
        self.wait(f"current > {before}")
        self.settled()

    def drop(self, path):
        before = self.js("current")
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=300, y=300, data=data)
        self.wait(f"current > {before}")

    def table(self):
        """The numbers of the table, with all digits."""
        rows = self.js(
            "[...document.querySelectorAll('#table tbody tr')].map(r => [...r.querySelectorAll('td')].map(c => c.title))"
        )
        complex_ = any("j" in x for row in rows for x in row)
        kind = complex if complex_ else float
        return np.array([[kind(x.replace(" ", "").replace("\u2212", "-")) for x in row] for row in rows])

    def measured(self):
        return dict(
            self.js(
                "[...document.querySelectorAll('#measured tr')].map(r => [r.children[0].innerText, r.children[1].innerText])"
            )
        )

    def overflow(self):
        """By how much the page is wider than the window."""
        return self.js("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def picture(self, name):
        """All of the page, also what is under the window's edge."""
        if folder := os.environ.get("AINV_SCREENSHOTS"):
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1})["data"]
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(shot))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        events = self.browser.events
        asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        outside = [url for url in asked if not url.startswith((PAGE.as_uri(), "blob:", "data:"))]
        assert asked and not outside, outside
        wrong = [e["params"] for e in events if e["method"] == "Runtime.exceptionThrown"]
        wrong += [
            e["params"]["entry"]
            for e in events
            if e["method"] == "Log.entryAdded" and e["params"]["entry"]["level"] == "error"
        ]
        assert not wrong, wrong


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def opened(browser):
    """Opens pages, and holds against each that it asked for nothing outside and met no error."""
    pages = []

    def open(**how):
        pages.append(Page(browser, **how))
        return pages[-1]

    yield open
    for page in pages:
        page.close()


def close(x, expected):
    np.testing.assert_allclose(x, expected, rtol=1e-12, atol=1e-12 * abs(expected).max())


def csv(a):
    return "\n".join(",".join(map(str, row)) for row in np.asarray(a).tolist())


def test_the_first_view_shows_a_result(opened):
    page = opened()
    a = np.array([[4.0, 1, 2], [1, 5, 3], [0, 2, 6]])
    close(page.table(), ainv.inv(a))
    assert "This inverse can be trusted." in page.text("verdict")
    measured, report = page.measured(), ainv.report(a)
    assert measured["Digits"] == f"{report.digits} of 16" and measured["Status"] == "ok"
    assert float(measured["rcond"]) == pytest.approx(report.rcond, rel=0.1)
    for side in ("Right", "Left"):
        assert float(measured[f"{side} residual"]) < 1e-14
    # At once: the inverse and the verdict stand in the window.
    for id in ("verdict", "inverse"):
        assert page.js(f"$('{id}').getBoundingClientRect().top < innerHeight - 100"), id
    # A, X and what is left; and something is drawn in each.
    drawn = page.js(
        "[...document.querySelectorAll('canvas')].map(c => new Set("
        "new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"
    )
    assert len(drawn) == 3 and min(drawn) > 1
    assert page.js("document.querySelectorAll('#pictures svg circle').length") == 3
    page.picture("desktop")


def test_pasted(opened):
    page = opened()
    a = np.random.default_rng(0).standard_normal((5, 5))
    for text in (csv(a), csv(a).replace(",", "\t"), csv(a).replace(",", "   ") + "\n\n"):
        page.paste(text)
        close(page.table(), ainv.inv(a))
    z = np.array([[1 + 2j, 3], [4j, 5]])
    page.paste("1+2j, 3\n4j, 5")
    close(page.table(), ainv.inv(z))
    page.paste("%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 4\n2 2 5\n")
    close(page.table(), np.diag([0.25, 0.2]))
    page.paste("1, 2\n3, four")
    assert page.text("error") == 'the text, line 2, field 2: "four" is not a number'
    assert not page.text("inverse") and not page.text("verdict")
    page.paste("2")
    assert page.table() == 0.5 and not page.text("error")


def test_singular(opened):
    page = opened()
    a = np.array([[1.0, 2, 3], [4, 5, 6], [5, 7, 9]])
    with pytest.raises(ainv.LinAlgError) as error:
        ainv.inv(np.array([[1.0, 2], [2, 4]]))
    page.paste("1, 2\n2, 4")
    assert page.text("note") == str(error.value)
    assert "There is no inverse." in page.text("verdict") and "pinv" in page.text("verdict")
    assert page.table().size == 0
    page.picture("singular")
    page.paste(csv(a))
    page.click("#downloads button")
    page.settled()
    page.wait("$('inverse-title').textContent === 'The pseudo-inverse'")
    close(page.table(), ainv.pinv(a))
    assert page.measured()["Rank"] == "2 of 3"


def test_not_square(opened):
    page = opened()
    a = np.vander(np.arange(1.0, 7), 3)
    page.paste(csv(a))
    close(page.table(), ainv.pinv(a))
    assert "Only a square matrix has an inverse" in page.text("note")
    assert page.text("inverse-title") == "The pseudo-inverse"
    assert "least-squares" in page.text("verdict")
    measured = page.measured()
    assert measured["Rank"] == "3 of 3" and float(measured["Left residual"]) < 1e-12
    assert "Right residual" not in measured
    page.picture("tall")


def test_assumed(opened):
    page = opened()
    page.paste("4, 99\n2, 5")
    page.js("$('assume').value = 'posdef', $('assume').dispatchEvent(new Event('change'))")
    page.wait("document.querySelector('#table td[title]').title.startsWith('0.3125')")
    close(page.table(), ainv.inv(np.array([[4.0, 2], [2, 5]])))
    page.paste("1, 2\n2, 1")
    assert "not positive definite" in page.text("note") and page.table().size == 0


def test_dropped(opened, tmp_path):
    page = opened()
    rng = np.random.default_rng(1)
    a = np.asfortranarray(rng.standard_normal((4, 4)).astype(np.float32))
    np.save(tmp_path / "a.npy", a)
    page.drop(tmp_path / "a.npy")
    page.settled()
    np.testing.assert_allclose(page.table(), ainv.inv(a), rtol=1e-5)
    assert page.text("filename") == "a.npy" and "float32" in page.text("status")
    assert page.measured()["Digits"].endswith("of 7")

    (tmp_path / "s.mtx").write_text("%%MatrixMarket matrix coordinate real general\n3 3 4\n1 1 2\n2 2 4\n3 3 8\n3 1 1\n")
    page.drop(tmp_path / "s.mtx")
    page.settled()
    close(page.table(), np.linalg.inv(np.array([[2.0, 0, 0], [0, 4, 0], [1, 0, 8]])))

    two = {"first": rng.standard_normal((3, 3)), "second": rng.standard_normal((2, 5))}
    np.savez_compressed(tmp_path / "two.npz", **two)
    page.drop(tmp_path / "two.npz")
    page.settled()
    close(page.table(), ainv.inv(two["first"]))
    page.js("$('array').value = 1, $('array').dispatchEvent(new Event('change'))")
    page.wait("document.querySelectorAll('#table tbody tr').length === 5")
    page.settled()
    close(page.table(), ainv.pinv(two["second"]))

    (tmp_path / "a.doc").write_text("1")
    page.drop(tmp_path / "a.doc")
    page.wait("!$('error').hidden")
    assert page.text("error").startswith("a.doc: the ending names no known format")
    page.click("#back")
    page.settled()
    assert page.table().shape == (3, 3) and not page.text("error")


def test_chosen_stack(opened, tmp_path):
    page = opened()
    a = np.random.default_rng(2).standard_normal((7, 3, 3))
    a[4] = 1
    np.save(tmp_path / "stack.npy", a)
    chosen = page.call("Runtime.evaluate", expression="$('file')")["result"]["objectId"]
    page.call("DOM.setFileInputFiles", files=[str(tmp_path / "stack.npy")], objectId=chosen)
    page.wait("file !== null")
    page.settled()
    assert "(Batch element 4)" in page.text("note")
    assert "Matrix 4 is the worst of 7." in page.text("verdict")
    close(page.table(), ainv.inv(a[0]))
    page.js("$('index').value = 6, $('index').dispatchEvent(new Event('change'))")
    last = json.dumps(repr(float(ainv.inv(a[6])[0, 0]))[:8])
    page.wait(f"document.querySelector('#table td[title]').title.startsWith({last})")
    close(page.table(), ainv.inv(a[6]))


def test_downloads(opened, browser, tmp_path):
    page = opened()
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    shown = page.table()
    for number, (format, load) in enumerate([("csv", lambda p: np.loadtxt(p, delimiter=",")), ("npy", np.load)], 1):
        page.click(f"#downloads button:nth-of-type({number})")
        path = tmp_path / f"matrix-inverse.{format}"
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < deadline, list(tmp_path.iterdir())
            time.sleep(0.02)
        np.testing.assert_array_equal(load(path), shown)


def test_large_files_leave_the_page_awake(opened, tmp_path):
    page = opened()
    n = 700
    a = np.random.default_rng(3).standard_normal((n, n))
    np.save(tmp_path / "large.npy", a)
    page.js(
        "window.ticks = 0, window.clock = setInterval(() => {"
        " if ($('status').textContent.startsWith('Computing')) ticks += 1 }, 20)"
    )
    page.drop(tmp_path / "large.npy")
    page.settled()
    assert page.js("clearInterval(clock), ticks") > 3
    assert page.table().shape == (30, 30)
    np.testing.assert_allclose(page.table(), ainv.inv(a)[:30, :30], rtol=1e-6, atol=1e-9)
    assert f"of {n} × {n}; a saved file has all" in page.text("table")
    page.picture("large")

    # What takes too long can be stopped, and the page goes on.
    np.save(tmp_path / "larger.npy", np.random.default_rng(4).standard_normal((3000, 3000)))
    page.drop(tmp_path / "larger.npy")
    page.wait("!$('stop').hidden")
    page.click("#stop")
    page.wait("$('error').textContent === 'Stopped.'")
    page.click("#back")
    page.settled()
    assert page.table().shape == (3, 3)


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone(opened, tmp_path, dark):
    page = opened(width=360, height=740, dark=dark)
    scheme = "dark" if dark else "light"
    page.picture(f"phone-{scheme}")
    # Its pseudo-inverse is wide.
    tall = np.random.default_rng(5).standard_normal((40, 3)) * 1e-7
    states = {
        "example": lambda: None,
        "hilbert": lambda: page.paste(csv(1 / (np.arange(8)[:, None] + np.arange(8) + 1))),
        "singular": lambda: page.paste("1, 2\n2, 4"),
        "wide": lambda: page.paste(csv(tall)),
        "wrong": lambda: page.paste("1" * 3000 + "x"),
    }
    for name, enter in states.items():
        enter()
        assert page.overflow() <= 0, name
        page.js("document.querySelectorAll('details').forEach(d => { d.open = true })")
        assert page.overflow() <= 0, f"{name}, with its details"
        page.js("document.querySelectorAll('details').forEach(d => { d.open = false })")
        page.picture(f"phone-{scheme}-{name}")
        if name == "wide":
            # The matrix scrolls in its own box.
            assert page.js("$('table').scrollWidth > $('table').clientWidth")


def test_dark(opened):
    page = opened(dark=True)
    page.paste(csv(1 / (np.arange(8)[:, None] + np.arange(8) + 1)))
    paper = page.js("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper))) < 64, paper
    assert "Take care with this inverse." in page.text("verdict")
    page.picture("dark")


def test_every_control_has_a_name(opened):
    page = opened()
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "textbox", "combobox", "radio", "spinbutton", "image", "region"}
    seen = set()
    for node in tree:
        role = node.get("role", {}).get("value")
        if role in controls:
            seen.add(role)
            assert node.get("name", {}).get("value"), node
    assert {"button", "textbox", "combobox", "radio"} <= seen
