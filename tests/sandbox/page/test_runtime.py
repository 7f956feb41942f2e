"""A real bot, as the README has it, and a user who has nothing but the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport.max import Bot
from tests.sandbox.page.conftest import OpenPage, Town


class Counter(StatesGroup):
    pressing = State()


async def _count(_: Callback, __: Button, manager: DialogManager) -> None:
    manager.dialog_data["presses"] += 1


async def _zero(_: object, manager: DialogManager) -> None:
    manager.dialog_data["presses"] = 0


async def _open(_: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Counter.pressing, mode=StartMode.RESET_STACK)


@pytest.fixture
def counter(town: Town, portal: BlockingPortal, tmp_path: Path) -> Iterator[None]:
    window = Window(
        Format("You pressed {dialog_data[presses]} times."),
        Button(Const("Press"), id="press", on_click=_count),
        state=Counter.pressing,
    )
    dispatcher = Dispatcher()
    dispatcher.message(CommandStart())(_open)
    dispatcher.include_router(Dialog(window, on_start=_zero))
    bot = Bot(town.sandbox.token, base_url=town.sandbox.url)
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    with portal.wrap_async_context_manager(runtime):
        yield


@pytest.mark.usefixtures("counter")
def test_a_dialog_counts_what_the_user_presses_in_the_page(
    open_page: OpenPage,
) -> None:
    page = open_page()
    expect(page.get_by_text("Bot connected")).to_be_visible()
    page.get_by_role("textbox", name="Your name").fill("Ann")
    page.get_by_role("button", name="Create user").click()
    field = page.get_by_role("textbox", name="Message")
    field.fill("/start")
    field.press("Enter")
    dialog = page.get_by_role("article", name="Sandbox bot")
    expect(dialog).to_contain_text("You pressed 0 times.")

    for presses in (1, 2):
        dialog.get_by_role("button", name="Press").click()
        expect(dialog).to_contain_text(f"You pressed {presses} times.")

    expect(dialog.get_by_role("button", name="Press")).not_to_have_attribute(
        "aria-busy", "true"
    )
    expect(dialog).to_have_count(1)
