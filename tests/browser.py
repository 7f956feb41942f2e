"""One Chromium for all tests of a process, and what no page should do."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    expect,
    sync_playwright,
)

ARGUMENTS = ["--disable-gpu", "--in-process-gpu"]  # one process less to start
PATIENCE = 60_000
"""Milliseconds; only a failing test waits so long."""
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass(frozen=True)
class Screen:
    """One browser for all tests of a process.

    Every sandbox has an origin of its own, so tabs of one context know nothing of
    each other, and a tab opens in half the time of a context.
    """

    browser: Browser
    context: BrowserContext
    loop: asyncio.AbstractEventLoop

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let Playwright work.

        It stays inside its loop from its start to its end. Async tests that run in
        between need a loop of their own, so it is left after each test.
        """
        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def shared_screen() -> Iterator[Screen]:
    program = os.environ.get("DUOLOGUE_CHROMIUM") or shutil.which("chromium")
    if program is None:
        missing = "Chromium is not installed; `make system` installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = new_context(browser, 1280)
        context.new_page()  # keeps alive what each new tab would have to start
        screen = Screen(browser, context, asyncio.get_running_loop())
        asyncio._set_running_loop(None)
        yield screen
        asyncio._set_running_loop(screen.loop)
        browser.close()


@pytest.fixture
def screen(shared_screen: Screen) -> Iterator[Screen]:
    with shared_screen.entered():
        yield shared_screen


def new_context(browser: Browser, width: int, **options: str) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": width, "height": 740},
        **options,  # type: ignore[arg-type]  # names and values of Playwright
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    return context


class Tabs:
    """The tabs of one test, watched for what no page should do.

    Args:
        screen: The browser.
        watch: Collects it.
    """

    def __init__(self, screen: Screen, watch: Watch) -> None:
        self._screen = screen
        self._watch = watch
        self._pages: list[Page] = []

    def open(self, url: str, *, width: int = 1280, **options: str) -> Page:
        """Open a page in a tab of its own, with options in a context of its own."""
        is_usual = width == 1280 and not options
        context = (
            self._screen.context
            if is_usual
            else new_context(self._screen.browser, width, **options)
        )
        page = context.new_page()
        self._pages.append(page)
        page.on("console", self._watch.console)
        page.on("dialog", self._watch.dialog)
        page.on("pageerror", lambda error: self._watch.problems.append(str(error)))
        page.goto(url)
        return page

    def close(self) -> None:
        """Close them, and see whether they broke their policies."""
        for page in self._pages:
            violations = page.evaluate("window.violations ?? []")
            self._watch.problems.extend(f"policy: {text}" for text in violations)
            page.close()
            if page.context != self._screen.context:
                page.context.close()


@pytest.fixture
def tabs(screen: Screen, watch: Watch) -> Iterator[Tabs]:
    opened = Tabs(screen, watch)
    yield opened
    opened.close()


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@dataclass
class Watch:
    """Collects what no page should do; a test may expect some of it."""

    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text}")

    def dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def rest(self) -> list[str]:
        pattern = "|".join(self.expected) or "(?!)"
        return [text for text in self.problems if not re.search(pattern, text)]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """See at the end that no page complained, asked or broke its policy."""
    seen = Watch()
    yield seen
    assert seen.rest() == []
