"""Real bots as their readers start them, and a user who has nothing but the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Page, expect

from duologue._demo.bot import COMMANDS
from tests.sandbox.page.conftest import OpenPage, Town

README = Path(__file__).parents[3] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


class Start(Protocol):
    """Starts a program with the line that the page shows, until the end of the test."""

    def __call__(self, *arguments: str) -> None: ...


@pytest.fixture
def start_bot(town: Town, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(*arguments: str) -> None:
            surroundings = {
                **os.environ,
                "DUOLOGUE_MAX_URL": town.sandbox.url,
                "DUOLOGUE_MAX_TOKEN": town.sandbox.token,
            }
            program = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, *arguments],
                cwd=tmp_path,
                env=surroundings,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(program.wait)
            stack.callback(program.terminate)

        yield start


def _met(page: Page) -> Page:
    expect(page.get_by_text("Bot connected")).to_be_visible()
    page.get_by_role("textbox", name="Your name").fill("Ann")
    page.get_by_role("button", name="Create user").click()
    return page


def test_the_bot_of_the_readme_answers_whoever_presses_start(
    start_bot: Start, tmp_path: Path, open_page: OpenPage
) -> None:
    (tmp_path / "bot.py").write_text(BLOCKS[0], "utf-8")
    start_bot("bot.py")
    page = _met(open_page())

    page.get_by_role("button", name="Start", exact=True).click()

    answer = page.get_by_role("article", name="Sandbox bot")
    expect(answer).to_contain_text("You pressed 0 times.")
    press = answer.get_by_role("button", name="Press")
    for presses in (1, 2):
        press.click()
        expect(answer).to_contain_text(f"You pressed {presses} times.")
    expect(press).not_to_have_attribute("aria-busy", "true")
    expect(answer).to_have_count(1)


FAILING = """
from duologue import Dispatcher, LongPolling
from duologue.dialogs.routing import CommandStart
from duologue.transport.max import Bot

dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def fail(event):
    raise ValueError("the price is missing")


LongPolling(dispatcher).run(Bot())
"""


def test_a_handler_that_fails_is_told_as_soon_as_the_bot_is_through(
    start_bot: Start, tmp_path: Path, open_page: OpenPage
) -> None:
    (tmp_path / "bot.py").write_text(FAILING, "utf-8")
    start_bot("bot.py")
    page = _met(open_page())

    page.get_by_role("button", name="Start", exact=True).click()

    note = page.get_by_text("The bot has taken “Start” and shown nothing.")
    expect(note).to_contain_text("its terminal says why")


def test_a_slash_offers_what_the_bot_of_the_demo_understands(
    start_bot: Start, open_page: OpenPage
) -> None:
    known = {one.command: one.description or "" for one in COMMANDS}
    start_bot("-m", "duologue._demo.bot")
    page = _met(open_page())
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("article", name="Sandbox bot")).to_be_visible()

    page.get_by_role("textbox", name="Message").press_sequentially("/co")
    menu = page.get_by_role("listbox", name="Commands of the bot")
    expect(menu.get_by_role("option")).to_have_text(["/count" + known["count"]])
    page.keyboard.press("Enter")

    newest = page.get_by_role("article", name="Sandbox bot").last
    expect(newest).to_contain_text("Нажатий: 0")
