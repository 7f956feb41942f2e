"""Text from a messenger may hold halves of characters; nothing breaks on them."""

from __future__ import annotations

import json

from duologue import Dispatcher, Runtime
from duologue.actors import Counts
from duologue.dialogs import MessageCreated
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

HALF = "\ud83d"


async def test_half_a_character_in_a_name_or_a_text_is_handled() -> None:
    seen: list[str] = []
    counts = Counts()
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def note(message: MessageCreated) -> None:
        seen.append(message.text)

    async with Sandbox() as sandbox:
        bot = Bot(sandbox.token, base_url=sandbox.url)
        async with Runtime(dispatcher, [bot], polling=None, observer=counts) as runtime:
            await runtime.accept(bot, _written(1))
            await runtime.accept(bot, json.dumps(_written(2)).encode())
            await runtime.settled()

    assert seen == [HALF, HALF]
    assert counts.of("turns", "committed") == 2


def _written(number: int) -> dict[str, object]:
    return {
        "update_type": "message_created",
        "timestamp": 1_700_000_000_000 + number,
        "message": {
            "sender": {"user_id": 5, "first_name": f"Ann{HALF}", "is_bot": False},
            "recipient": {"chat_id": 9, "chat_type": "dialog", "user_id": 5},
            "timestamp": 1_700_000_000_000,
            "body": {"mid": f"mid.{HALF}{number}", "seq": number, "text": HALF},
        },
    }
