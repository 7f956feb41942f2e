"""Promise 8: everything is bounded. Mailboxes are in 3, idle actors in 1."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.actors import Letter, Mail, MemoryEngine
from duologue.dialogs import DialogManager, MessageCreated, ShowMode, StartMode
from duologue.dialogs._delivery import _pending
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs.routing import Command
from duologue.errors import (
    DialogStackOverflowError,
    SnapshotTooLargeError,
    ViewDroppedError,
)
from duologue.testing import Method, Playground, RecordingBot
from tests.promises.conftest import DURABLE, MakeEngine


async def test_a_thousand_chats_leave_nothing_behind_in_the_runtime(
    chat: Playground,
) -> None:
    for user in range(2, 1002):
        await chat.say(user, "/start")
    await chat.settled()
    for user in range(2, 1002):
        await chat.click(user, "more")
    await chat.settled()

    conversations = chat.runtime._parts().conversations
    assert len(conversations._presenter) == 0
    assert len(conversations._callbacks) == 0
    assert len(conversations.post.pending) == 0


def alive() -> Counter[type[object]]:
    """How many objects there are, by their classes."""
    gc.collect()
    return Counter(map(type, gc.get_objects()))


@pytest.mark.in_memory  # each names its engine itself
@DURABLE
async def test_updates_that_wait_where_they_are_kept_are_counted_only(
    dispatcher: Dispatcher,
    make: MakeEngine,
    tmp_path: Path,
    gate: asyncio.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def wait(_: MessageCreated) -> None:
        await gate.wait()

    dispatcher.message.register(wait)
    monkeypatch.setattr(_pending, "_MOST_PARSED", 20)
    before = alive()
    async with Playground(dispatcher, engine=make(tmp_path)) as chat:
        for number in range(100):
            await chat.say(number % 4, f"message {number}")
        await asyncio.sleep(5)

        unfinished = chat.runtime._parts().conversations.post.pending
        assert len(unfinished) == 100
        more = alive()
        more.subtract(before)
        assert more[Pending] <= 4  # one for each turn that goes on
        assert more[_pending.Arrival] <= 0
        assert more[MessageCreated] <= 4 + 20
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(chat.settled(), 5)
        gate.set()
        await chat.settled()

        assert len(unfinished) == 0
        assert chat.counts.of("turns", outcome="committed") == 100
        waited = chat.counts.recorded("mailbox_wait_seconds")
        assert sum(seconds > 9 for seconds in waited) == 96


async def test_messages_of_handlers_leave_nothing_behind(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def answer(message: MessageCreated) -> None:
        await message.answer("here")
        await message.bot.send_message(message.chat_id + 1000, "there")

    dispatcher.message.register(answer)
    for user in range(2, 20):
        await chat.say(user, "hello")
    await chat.settled()

    conversations = chat.runtime._parts().conversations
    assert len(conversations._presenter) == 0
    assert len(chat.bot.calls_of(Method.SEND)) == 1 + 2 * 18


async def test_a_screen_whose_views_are_refused_is_forgotten_too(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def close(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.show(ShowMode.SEND)
        await dialog_manager.done()

    dispatcher.message.register(close, Command("close"))
    chat.bot.remove(chat.screen(1).id)

    await chat.say(1, "/close")
    await chat.settled()

    conversations = chat.runtime._parts().conversations
    assert len(conversations._presenter) == 0


async def test_dialogs_on_top_of_one_another_are_limited(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    state = dispatcher.state_by_name("Note:writing")
    for _ in range(99):
        await (await chat.dialog(1).start(state))

    with pytest.raises(DialogStackOverflowError) as raised:
        await (await chat.dialog(1).start(state))

    assert raised.value.limit == 100


async def test_stacks_of_one_address_are_limited(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    state = dispatcher.state_by_name("Note:writing")
    for _ in range(99):
        await (await chat.dialog(1).start(state, mode=StartMode.NEW_STACK))

    with pytest.raises(DialogStackOverflowError):
        await (await chat.dialog(1).start(state, mode=StartMode.NEW_STACK))


async def test_the_state_of_one_conversation_is_limited(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher, engine=MemoryEngine(max_snapshot=3000)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        written: list[int] = []

        async def write() -> None:
            for number in range(100):
                await (await chat.dialog(1).update({f"k{number}": "x" * 100}))
                written.append(number)

        with pytest.raises(SnapshotTooLargeError) as raised:
            await write()

        assert raised.value.limit == 3000
        assert chat.screen(1).text.count("=") == len(written)


async def test_state_does_not_grow_with_the_number_of_updates(chat: Playground) -> None:
    async def play() -> int:
        for _ in range(300):
            await chat.click(1, "more")
            await chat.settled()
        return len(await chat.engine.read("dialog/test.1:1:1") or b"")

    first, second = await play(), await play()

    assert second - first < 10


@pytest.mark.in_memory  # each names its engine itself
@DURABLE
async def test_an_update_that_waits_is_remembered_until_a_later_batch_has_come(
    dispatcher: Dispatcher, make: MakeEngine, tmp_path: Path
) -> None:
    async with Playground(dispatcher, engine=make(tmp_path)) as chat:
        intake = chat.runtime._parts().conversations.intake

        async def size(batches: range) -> int:
            for batch in batches:
                raw = chat.bot.wrote(1, 1, f"message {batch}")
                _ = [_ async for _ in intake.accept_batch(chat.bot, [raw], batch)]
            await chat.settled()
            return len(await chat.engine.read("dialog/test.1:1:1") or b"")

        few = await size(range(1000, 1020))
        many = await size(range(1020, 1080))

        assert abs(many - few) < 10


async def test_dead_letters_are_limited_to_the_newest(dispatcher: Dispatcher) -> None:
    engine = MemoryEngine(max_dead_letters=3)
    async with Playground(dispatcher, engine=engine) as chat:
        for number in range(10):
            await engine.enqueue([Letter("dialog/test.1:x", Mail(str(number), b"[]"))])
        await asyncio.sleep(1)
        chat.take_errors()

        assert [letter.mail.id for letter in engine.dead_letters()] == ["7", "8", "9"]


async def test_new_messages_that_wait_to_be_sent_are_limited_to_the_newest(
    chat: Playground,
) -> None:
    with chat.bot.hold(Method.SEND) as hold:
        receipts = [
            await chat.dialog(1).update({"k": number}, show_mode=ShowMode.SEND)
            for number in range(1010)
        ]
        await hold.reached()
        await receipts[-1]
    await chat.settled()

    # One is on its way, a thousand wait, the oldest of those are dropped.
    assert chat.counts.of("draws", "dropped") == 9
    assert len(chat.bot.calls_of(Method.SEND)) == 1 + 1001
    assert chat.screen(1).text == "0 k=1009"
    with pytest.raises(ViewDroppedError):
        await receipts[1].drawn()


async def test_a_full_mailbox_and_a_slow_messenger_never_wait_for_each_other(
    dispatcher: Dispatcher,
) -> None:
    engine = MemoryEngine(capacity=5)
    bot = RecordingBot(calls_per_second=2)
    async with Playground(dispatcher, engine=engine, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        async def send(number: int) -> None:
            receipt = await chat.dialog(1).update(
                {"k": number}, show_mode=ShowMode.SEND
            )
            await receipt.drawn()

        async with asyncio.timeout(600), asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(send(number))

        assert chat.screen(1).text == "0 k=99"
