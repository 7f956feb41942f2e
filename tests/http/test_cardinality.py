"""However many people write whatever they like, the number of series stays the same."""

from __future__ import annotations

import random

from prometheus_client import CollectorRegistry

from duologue import Dispatcher, Runtime
from duologue.dialogs import Callback, DialogManager, MessageCreated
from duologue.errors import BadRequestError
from duologue.testing import Method, RecordingBot

Series = dict[str, set[tuple[tuple[str, str], ...]]]

HOSTILE = (
    "/start",
    "secret-text",
    "' or 1=1 --",
    '"} 1\nduologue_fake_total{user="1"} 1',
    "{bot}",
    "\u202e\ufffd\x00",
    "🙂" * 500,
    "/" + "a" * 3000,
)


class _OwnError(Exception):
    """Carries what a user wrote."""


async def echo_as_error(message: MessageCreated) -> None:
    raise _OwnError(message.text)


async def note(callback: Callback, dialog_manager: DialogManager) -> None:
    dialog_manager.middleware_data["seen"].append(callback.payload)


def series(registry: CollectorRegistry, *, but: str = "le") -> Series:
    """The sets of labels of each metric, without one label."""
    found: Series = {}
    for family in registry.collect():
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k not in {"le", but}}
            found.setdefault(sample.name, set()).add(tuple(sorted(labels.items())))
    return found


async def talk(runtime: Runtime, bot: RecordingBot, users: range) -> None:
    """Have each user write and press hostile things in three chats."""
    dice = random.Random(7)  # noqa: S311  # the same on every run
    for user in users:
        for chat in (user, -1000 - user, -1):
            text = dice.choice(HOSTILE)
            await runtime.accept(bot, bot.wrote(chat, user, text))
            payload = dice.choice(HOSTILE)
            await runtime.accept(bot, bot.pressed(chat, user, payload, message_id=None))
        if user % 20 == 0:
            await runtime.settled()
    await runtime.settled()


async def test_a_crowd_makes_no_more_series_than_a_few_people(
    dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    dispatcher["seen"] = []
    dispatcher.callback_query.register(note)
    dispatcher.message.register(echo_as_error)
    bot = RecordingBot()
    refusals = [BadRequestError("send", "secret-text")] * 5
    async with Runtime(dispatcher, [bot], polling=None, registry=registry) as runtime:
        bot.fail(*refusals, method=Method.SEND)
        await talk(runtime, bot, range(1, 40))
        before = series(registry, but="outcome")
        bot.fail(*refusals, method=Method.SEND)
        await talk(runtime, bot, range(40, 340))
        after = series(registry, but="outcome")
        every = series(registry)

    # Which outcomes there have been depends on who was quicker.
    assert after == before
    assert sum(map(len, every.values())) < 200


async def test_no_series_tells_who_wrote_what_and_where(
    dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    dispatcher["seen"] = []
    dispatcher.callback_query.register(note)
    dispatcher.message.register(echo_as_error)
    bot = RecordingBot()

    async with Runtime(dispatcher, [bot], polling=None, registry=registry) as runtime:
        await talk(runtime, bot, range(700_000, 700_300))
        found = series(registry)

    labels = {label for sets in found.values() for one in sets for label, _ in one}
    values = {value for sets in found.values() for one in sets for _, value in one}
    assert labels.isdisjoint(
        {"address", "chat", "chat_id", "id", "key", "message", "message_id", "path"}
        | {"payload", "text", "title", "update", "url", "user", "user_id", "username"}
    )
    assert not any("700" in value or value in HOSTILE for value in values)
    assert not any("secret" in value for value in values)
    assert "_OwnError" in values
