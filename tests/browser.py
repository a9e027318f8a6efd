"""A page in headless Chromium: what it says, whom it asks, what goes wrong in it."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), "")
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
RUNNING = []


@contextmanager
def browser():
    """The browser that is running, or one that runs meanwhile."""
    if RUNNING:
        yield RUNNING[0]
        return
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
    with playwright.sync_playwright() as browsers:
        RUNNING.append(browsers.chromium.launch(**options))
        try:
            yield RUNNING[0]
        finally:
            RUNNING.pop().close()


@contextmanager
def opened(path, size="desktop", theme="light", locale="en-US", **options):
    """The page of a file; on leaving, it must have asked for nothing but itself.

    Nor may its script have failed, or the page be wider than its window.
    """
    width, height = SIZES[size]
    said, asked = [], []
    with browser() as running:
        page = running.new_page(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            locale=locale,
            **options,
        )
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        try:
            yield page
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        finally:
            page.close()
    assert said == []
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
