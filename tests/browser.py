"""A page in headless Chromium: what it says, whom it asks, what goes wrong in it."""

import shutil
import time
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), "")
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
RUNNING = []
SPARE = {}


def browser():
    """The browser of all tests: it is started by the first that asks for it."""
    if not RUNNING:
        playwright = pytest.importorskip("playwright.sync_api")
        if not CHROMIUM:
            pytest.skip("needs Chromium")
        options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
        driver = playwright.sync_playwright().start()
        RUNNING[:] = driver, driver.chromium.launch(**options)
    return RUNNING[-1]


def end():
    """Close the browser, if there is one."""
    if RUNNING:
        driver, running = RUNNING
        running.close()
        driver.stop()
    RUNNING.clear()
    SPARE.clear()


@contextmanager
def tab(**options):
    """A tab for a while, like new; to make another one takes longer than to load."""
    kind = repr(sorted(options.items()))
    spare = SPARE.setdefault(kind, [])
    page = spare.pop() if spare else browser().new_page(**options)
    yield page  # one that a test failed with is not used again
    page.evaluate("localStorage.clear()")
    page.mouse.move(0, 0)
    spare.append(page)


@contextmanager
def opened(path, size="desktop", theme="light", locale="en-US", **options):
    """The page of a file; on leaving, it must have asked for nothing but itself.

    Nor may its script have failed, or the page be wider than its window.
    """
    width, height = SIZES[size]
    said, asked = [], []
    hear = {
        "console": lambda message: said.append(message.text),
        "pageerror": lambda error: said.append(str(error)),
        "dialog": lambda dialog: said.append(dialog.message),
        "request": lambda request: asked.append(request.url),
    }
    with tab(locale=locale, **options) as page:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme, forced_colors="none")
        for event, listener in hear.items():
            page.on(event, listener)
        page.goto(path.as_uri())
        try:
            yield page
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        finally:
            for event, listener in hear.items():
                page.remove_listener(event, listener)
    assert said == []
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}


def until(page, condition, seconds=30):
    """Wait for what a script may not wait for: a page's policy allows no `eval`."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        page.wait_for_timeout(50)
