"""Chromium for the tests of pages. As a program, tells whether it starts: `python tests/helpers/browser.py`."""

import shutil
import sys
from contextlib import contextmanager

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """Playwright or Chromium is not there, or does not start."""


@contextmanager
def chromium():
    """A running Chromium: the system's or, without one, Playwright's own. Raises NoBrowser."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowser("Playwright is not installed; it is in the extra browser") from None
    own = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        except Error as error:
            raise NoBrowser(f"Chromium does not start: {str(error).splitlines()[0]}") from None
        yield browser
        browser.close()


if __name__ == "__main__":
    try:
        with chromium() as browser:
            print(f"Chromium {browser.version}")
    except NoBrowser as error:
        sys.exit(str(error))
