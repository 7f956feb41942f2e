"""The synchronous listing of the page on background managers, in a threaded program."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import Dialog, State, StatesGroup, Window
from duologue.dialogs.widgets.text import Format
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

LISTING = Path(__file__).with_name("listings") / "foreground.txt"

pytestmark = pytest.mark.real_time


class Main(StatesGroup):
    first = State()


def use_the_listing(bot: Bot, folder: Path, chat_id: int, user_id: int) -> None:
    """A program without a loop of its own."""
    code = compile(LISTING.read_text("utf-8"), LISTING.name, "exec")
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(Format("{dialog_data}"), state=Main.first)))
    with Runtime(dispatcher, [bot], state_dir=folder).in_thread() as runtime:
        bg_manager = runtime.dialog(chat_id=chat_id, user_id=user_id)
        bg_manager.start(Main.first).wait()
        exec(code, {"bg_manager": bg_manager, "value": "spam"})  # noqa: S102  # running the listing is what is tested


async def test_the_block_without_async_changes_the_dialog(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        control = sandbox.control()
        bot = Bot(sandbox.token, base_url=sandbox.url)
        user = await control.add_user("Ann")
        chat = (await control.start(user)).chat_id or 0

        await asyncio.to_thread(use_the_listing, bot, tmp_path, chat, user)
        shown = [message.text for message in await control.messages(chat)]

    assert shown == ["{'key': 'spam'}"]
