"""Fixtures for the tests of pages: Chromium through Playwright, where both are installed.

python -m pip install ".[browser]"      and Chromium: apt-get install chromium, or playwright install chromium
BROWSER=required python -m pytest -m browser        fails, where it would skip, without them

Pages that run Python are tested where SITE names a folder that `python -m examples.site --offline --out` made.
"""

import os
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

LOCAL = ("file:", "http://127.0.0.1:")  # no network
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium: the system's or, without one, Playwright's own."""
    without = pytest.fail if os.environ.get("BROWSER") == "required" else pytest.skip
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        without("Playwright is not installed; it is in the extra browser")
    own = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        except Error as error:
            without(f"Chromium does not start: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """visit(path, ...) opens a page of a file or of a server here. What it asks a network for or complains of fails."""
    complaints, pages = [], []

    def visit(path, hash="", **options):
        page = chromium.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith((*LOCAL, "data:", "blob:")) or complaints.append(request.url),
        )
        page.goto(f"{path}" if str(path).startswith(LOCAL) else f"file://{path}{hash}")
        return page

    yield visit
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture(scope="session")
def served():
    """The address of a site that is served here, with pages that run Python; ends with a slash."""
    if "SITE" not in os.environ:
        pytest.skip("SITE names no folder that `python -m examples.site --offline` made")
    handler = partial(SimpleHTTPRequestHandler, directory=os.environ["SITE"])
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def faults(page):
    """What axe-core finds on a page: its rules, each with an element that breaks it."""
    script = os.environ.get("AXE")
    if not script:
        pytest.skip("AXE names no axe.min.js of axe-core")
    page.add_script_tag(path=script)
    return page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")


def assert_accessible(visit, path, width):
    """Fail if axe-core finds a fault on a page, light or dark, or if the page is wider than its window."""
    for theme in ("light", "dark"):
        page = visit(path, viewport={"width": width, "height": 800}, color_scheme=theme, bypass_csp=True)
        page.locator("main:not(:has(#heads)), #heads button").first.wait_for()  # heads: when the model has answered
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
