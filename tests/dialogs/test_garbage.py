"""A turn leaves nothing behind that only the garbage collector could find."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import DialogManager, MessageCreated
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

WRITTEN = {
    "update_type": "message_created",
    "timestamp": 1_700_000_000_000,
    "message": {
        "sender": {"user_id": 5, "first_name": "Ann", "is_bot": False},
        "recipient": {"chat_id": 9, "chat_type": "dialog", "user_id": 5},
        "timestamp": 1_700_000_000_000,
        "body": {"mid": "mid.1", "seq": 1, "text": "hi"},
    },
}


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
async def test_the_manager_of_a_turn_goes_with_the_turn() -> None:
    managers: list[weakref.ref[DialogManager]] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def note(_: MessageCreated, dialog_manager: DialogManager) -> None:
        managers.append(weakref.ref(dialog_manager))

    async with Sandbox() as sandbox:
        bot = Bot(sandbox.token, base_url=sandbox.url)
        async with Runtime(dispatcher, [bot], polling=None) as runtime:
            await runtime.accept(bot, WRITTEN)
            await runtime.settled()

    assert [manager() for manager in managers] == [None]
