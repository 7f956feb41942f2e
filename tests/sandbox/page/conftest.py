"""A sandbox in a thread of its own, a bot behind it, and a browser before it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import aiohttp
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

from duologue.transport.sandbox import Control, Sandbox

T = TypeVar("T")
Json = dict[str, object]
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
        context = _context(browser, 1280)
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


def _context(browser: Browser, width: int, **options: str) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": width, "height": 740},
        **options,  # type: ignore[arg-type]  # names and values of Playwright
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    return context


class OpenPage(Protocol):
    """Opens the page in a tab of its own, with options in a context of its own."""

    def __call__(
        self, *, width: int = 1280, url: str | None = None, **options: str
    ) -> Page: ...


class FoundTown(Protocol):
    """Starts a sandbox that ends with the test."""

    def __call__(self, sandbox: Sandbox | None = None) -> Town: ...


class Town:
    """A sandbox with users, and a bot played by the test.

    Every call does what it says before it returns.
    """

    def __init__(self, portal: BlockingPortal, sandbox: Sandbox) -> None:
        self._portal = portal
        self.sandbox = sandbox
        self.control: Control = self._portal.call(sandbox.control)

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        async def wait() -> T:
            return await coroutine

        return self._portal.call(wait)

    def add_user(self, name: str) -> int:
        return self.run(self.control.add_user(name))

    def call(
        self, method: str, path: str, body: object = None, **query: object
    ) -> Json:
        """Ask the Bot API."""
        return self.run(self.ask(method, path, body, **query))

    async def ask(
        self, method: str, path: str, body: object = None, **query: object
    ) -> Json:
        headers = {"Authorization": self.sandbox.token}
        params = {name: str(value) for name, value in query.items()}
        async with (
            aiohttp.ClientSession(self.sandbox.url, headers=headers) as session,
            session.request(method, path, json=body, params=params) as response,
        ):
            answer: Json = await response.json()
            return answer

    def send(self, text: str, *rows: list[Json], **where: object) -> str:
        """Send a message of the bot, to ``user_id=`` or ``chat_id=``."""
        return self.post({"text": text, **_keyboard(rows)}, **where)

    def post(self, body: Json, **where: object) -> str:
        answer = self.call("POST", "/messages", body, **where)
        message = answer["message"]
        assert isinstance(message, dict), answer
        return str(message["body"]["mid"])

    def edit(self, mid: str, text: str, *rows: list[Json]) -> None:
        body = {"text": text, **_keyboard(rows)}
        assert self.call("PUT", "/messages", body, message_id=mid)["success"] is True

    def delete(self, mid: str) -> None:
        assert self.call("DELETE", "/messages", message_id=mid)["success"] is True

    def answer(self, callback_id: str, **body: object) -> None:
        answer = self.call("POST", "/answers", body, callback_id=callback_id)
        assert answer["success"] is True

    def updates(self) -> list[Json]:
        """Give what waits for the bot, and leave it waiting."""
        answer = self.call("GET", "/updates", timeout=0)
        updates = answer["updates"]
        assert isinstance(updates, list)
        return updates

    def callback_id(self) -> str:
        """Wait for a click, which the page shows before it has sent it; give its id."""
        answer = self.call("GET", "/updates", timeout=30, types="message_callback")
        updates = answer["updates"]
        assert isinstance(updates, list)
        callback = updates[-1]["callback"]
        assert isinstance(callback, dict)
        return str(callback["callback_id"])


def _keyboard(rows: tuple[list[Json], ...]) -> Json:
    if not rows:
        return {}
    payload = {"buttons": list(rows)}
    return {"attachments": [{"type": "inline_keyboard", "payload": payload}]}


def button(text: str, payload: str = "", kind: str = "callback", **extra: str) -> Json:
    return {"type": kind, "text": text, "payload": payload, **extra}


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def found_town(portal: BlockingPortal) -> Iterator[FoundTown]:
    with ExitStack() as stack:

        def found(sandbox: Sandbox | None = None) -> Town:
            made = sandbox or Sandbox(limits=False)
            return Town(
                portal,
                stack.enter_context(portal.wrap_async_context_manager(made)),
            )

        yield found


@pytest.fixture
def town(found_town: FoundTown) -> Town:
    return found_town()


class BeThere(Protocol):
    """Lets a bot poll that takes no update away, until the end of the test."""

    def __call__(self) -> None: ...


@pytest.fixture
def be_there(town: Town, portal: BlockingPortal) -> Iterator[BeThere]:
    polls: list[Future[None]] = []

    async def poll() -> None:
        while True:
            await town.ask("GET", "/updates", timeout=30, types="none")

    def come() -> None:
        polls.append(portal.start_task_soon(poll))

    yield come
    for running in polls:
        running.cancel()


@pytest.fixture
def ann(town: Town) -> int:
    return town.add_user("Ann")


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


@pytest.fixture
def open_page(screen: Screen, town: Town, watch: Watch) -> Iterator[OpenPage]:
    pages: list[Page] = []

    def open_(*, width: int = 1280, url: str | None = None, **options: str) -> Page:
        is_usual = width == 1280 and not options
        context = (
            screen.context if is_usual else _context(screen.browser, width, **options)
        )
        page = context.new_page()
        pages.append(page)
        page.on("console", watch.console)
        page.on("dialog", watch.dialog)
        page.on("pageerror", lambda error: watch.problems.append(str(error)))
        page.goto(url or town.sandbox.page_url)
        return page

    yield open_
    for page in pages:
        violations = page.evaluate("window.violations ?? []")
        watch.problems.extend(f"policy: {text}" for text in violations)
        page.close()
        if page.context != screen.context:
            page.context.close()


@pytest.fixture
def page(open_page: OpenPage, ann: int) -> Page:
    """The page of Ann, who has a dialog that is open."""
    page = open_page()
    expect(page.get_by_role("combobox", name="You are")).to_have_value(str(ann))
    return page
