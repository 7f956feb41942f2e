"""A sandbox in a thread of its own, a bot behind it, and a browser before it."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Protocol, TypeVar

import aiohttp
import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Page, expect

from duologue.transport.sandbox import Control, Sandbox
from tests.browser import Tabs

T = TypeVar("T")
Json = dict[str, object]


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


@pytest.fixture
def open_page(town: Town, tabs: Tabs) -> OpenPage:
    def open_(*, width: int = 1280, url: str | None = None, **options: str) -> Page:
        return tabs.open(url or town.sandbox.page_url, width=width, **options)

    return open_


@pytest.fixture
def page(open_page: OpenPage, ann: int) -> Page:
    """The page of Ann, who has a dialog that is open."""
    page = open_page()
    expect(page.get_by_role("combobox", name="You are")).to_have_value(str(ann))
    return page
