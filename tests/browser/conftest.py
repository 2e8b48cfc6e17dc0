"""A real browser: Chromium, driven by Playwright.

It is looked for in the environment variable CHROMIUM and on the path. Where there is none, these
tests are skipped with a reason; with CLEARPROP_BROWSER=required they fail instead.
"""

import os
import shutil
from contextlib import contextmanager

import pytest

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _missing(reason):
    if os.environ.get("CLEARPROP_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def _chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, names)]
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser():
    """Yield a running browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    path = _chromium()
    if path is None:
        _missing("no Chromium was found; name one in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def opened(browser):
    """Return a context manager that opens a file and yields its page.

    On leaving it, nothing may have been written to the console, and nothing asked for.
    """

    @contextmanager
    def opening(path, width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        yield page
        assert said == []
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
        context.close()

    return opening
