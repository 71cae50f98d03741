"""Fixtures for the tests of pages: Chromium through Playwright, where both are installed.

python -m pip install ".[browser]"      and Chromium: apt-get install chromium, or playwright install chromium
BROWSER=required python -m pytest -m browser        fails, where it would skip, without them
"""

import os

import pytest

from browser import NoBrowser
from browser import chromium as start


@pytest.fixture(scope="session")
def chromium():
    try:
        with start() as browser:
            yield browser
    except NoBrowser as error:
        if os.environ.get("BROWSER") == "required":
            pytest.fail(f"BROWSER=required, but {error}")
        pytest.skip(str(error))


@pytest.fixture
def visit(chromium):
    """visit(path, ...) opens a page. Whatever it asks the network for or complains about fails the test."""
    complaints, pages = [], []

    def visit(path, hash="", **options):
        page = chromium.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or complaints.append(request.url))
        page.goto(f"file://{path}{hash}")
        return page

    yield visit
    for page in pages:
        page.close()
    assert complaints == []
