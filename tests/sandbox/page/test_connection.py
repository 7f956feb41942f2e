"""The stream breaks, the sandbox goes away: the page catches up by itself."""

from __future__ import annotations

import asyncio
import contextlib
import re
from urllib.parse import urlsplit

from anyio.from_thread import BlockingPortal
from playwright.sync_api import Page, expect

from duologue.transport.sandbox import Sandbox, Say
from tests.browser import Watch
from tests.sandbox.page.conftest import FoundTown, OpenPage, Town, button

BROKEN = "ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE"
LOST = "Reconnecting…"
DOT = "node => getComputedStyle(node, '::before').backgroundColor"


def _say(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("textbox", name="Message").press("Enter")


def _saying(user_id: int, number: int) -> Say:
    return Say(user_id, f"number {number}")


def _texts(page: Page) -> list[str]:
    return page.locator("article .text").all_inner_texts()


class Relay:
    """Stands between page and sandbox, and can be cut like a wire."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._there = urlsplit(sandbox.url)
        self._wires: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def join(self) -> None:
        # On the other address the same port is free; the page may use only that one.
        self._server = await asyncio.start_server(
            self._relay, "127.0.0.1", self._there.port
        )

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for wire in self._wires:
            wire.transport.abort()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(
            self._there.hostname, self._there.port
        )
        self._wires |= {writer, far_writer}
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def test_nothing_is_lost_and_nothing_comes_twice_when_the_wire_is_cut(
    found_town: FoundTown, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append(BROKEN)
    town = found_town(Sandbox(limits=False, host="::1"))
    ann = town.add_user("Ann")
    gone = town.send("gone", user_id=ann)
    menu = town.send("menu", [button("A", "a")], user_id=ann)
    relay = Relay(town.sandbox)
    town.run(relay.join())
    page = open_page(url=town.sandbox.page_url.replace("[::1]", "127.0.0.1"))
    expect(page.get_by_role("article")).to_have_count(2)

    town.run(relay.cut())
    expect(page.get_by_text(LOST)).to_be_visible()
    town.delete(gone)
    town.edit(menu, "changed", [button("B", "b")])
    town.run(town.control.act(*(Say(ann, f"said {number}") for number in range(150))))
    town.run(relay.join())

    expect(page.get_by_text(LOST)).to_be_hidden()
    expect(page.get_by_role("article").last).to_contain_text("said 149")
    assert _texts(page) == ["changed", *(f"said {number}" for number in range(150))]
    expect(page.get_by_role("button", name="B", exact=True)).to_be_visible()
    town.run(relay.cut())


def test_the_bot_is_grey_while_the_page_itself_is_cut_off(
    portal: BlockingPortal, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append(BROKEN)
    with portal.wrap_async_context_manager(Sandbox(limits=False)) as sandbox:
        town = Town(portal, sandbox)
        page = open_page(url=sandbox.page_url)
        poll = portal.start_task_soon(lambda: town.ask("GET", "/updates", timeout=30))
        state = page.locator("#bot-state")
        expect(state).to_have_text("Bot connected")
        green = state.evaluate(DOT)
    poll.cancel()

    expect(page.get_by_text(LOST)).to_be_visible()

    assert state.evaluate(DOT) != green


def test_a_sandbox_that_comes_back_is_found_again_and_is_a_new_one(
    portal: BlockingPortal, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append(BROKEN)
    with portal.wrap_async_context_manager(Sandbox(limits=False)) as sandbox:
        first = Town(portal, sandbox)
        first.send("from the first", user_id=first.add_user("Ann"))
        page = open_page(url=sandbox.page_url)
        expect(page.get_by_role("article")).to_contain_text(["from the first"])
    expect(page.get_by_text(LOST)).to_be_visible()
    _say(page, "anybody?")
    expect(page.get_by_text("The sandbox does not answer").first).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("anybody?")

    again = Sandbox(
        limits=False,
        port=urlsplit(sandbox.url).port or 0,
        control_token=sandbox.control_token,
    )
    with portal.wrap_async_context_manager(again) as running:
        second = Town(portal, running)
        second.send("from the second", user_id=second.add_user("Ann"))

        expect(page.get_by_role("article")).to_contain_text(["from the second"])
        expect(page.get_by_text(LOST)).to_be_hidden()
        assert _texts(page) == ["from the second"]


def test_users_that_could_not_be_loaded_are_loaded_with_the_next_news(
    town: Town, open_page: OpenPage, ann: int, watch: Watch
) -> None:
    watch.expected.append("ERR_FAILED")
    town.send("first", user_id=ann)
    page = open_page(url="about:blank")
    page.route("**/control/users", lambda route: route.abort(), times=1)
    page.goto(town.sandbox.page_url)
    expect(page.get_by_text("The sandbox does not answer")).to_be_visible()

    town.send("second", user_id=ann)

    expect(page.get_by_role("article")).to_contain_text(["first", "second"])


def test_another_sandbox_with_another_token_is_said_clearly(
    portal: BlockingPortal, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.extend([BROKEN, "401"])
    with portal.wrap_async_context_manager(Sandbox()) as sandbox:
        page = open_page(url=sandbox.page_url)
        expect(page.get_by_role("textbox", name="Your name")).to_be_visible()

    again = Sandbox(port=urlsplit(sandbox.url).port or 0)
    with portal.wrap_async_context_manager(again) as running:
        asked = page.get_by_role("dialog", name="Control token")
        expect(asked).to_contain_text("The sandbox does not know this token.")
        # Pasting the new address into the same tab changes only what is behind "#".
        page.goto(running.page_url)
        expect(page.get_by_role("textbox", name="Your name")).to_be_visible()


def test_two_thousand_messages_open_at_once_and_scroll_back(
    town: Town, page: Page, ann: int
) -> None:
    for first in range(0, 2000, 500):
        town.run(
            town.control.act(*(_saying(ann, n) for n in range(first, first + 500)))
        )
    expect(page.get_by_role("article").last).to_contain_text("number 1999")
    page.reload()
    expect(page.get_by_role("article").last).to_contain_text("number 1999")
    expect(page.get_by_role("article")).to_have_count(50)

    page.get_by_role("button", name="Earlier messages").click()

    expect(page.get_by_role("article")).to_have_count(100)
    expect(page.get_by_role("article").first).to_contain_text("number 1900")


def test_a_chat_that_runs_on_keeps_its_page_small(
    town: Town, page: Page, ann: int
) -> None:
    for first in range(0, 600, 50):  # so few at once that the page never starts anew
        saying = [_saying(ann, number) for number in range(first, first + 50)]
        town.run(town.control.act(*saying))
        expect(page.get_by_role("article").last).to_contain_text(f"number {first + 49}")

    assert 50 <= page.get_by_role("article").count() <= 301
    numbers = [int(re.sub(r"\D", "", text)) for text in _texts(page)]
    assert numbers == list(range(numbers[0], 600))
