"""A turn leaves nothing behind that only the garbage collector could find."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import DialogManager, MessageCreated, Receipt
from duologue.dialogs._delivery._receipts import Lending
from duologue.errors import NoContextError
from duologue.testing import Playground
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox
from duologue.transport.sqlite import SqliteEngine

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


async def test_fg_that_is_cancelled_where_nothing_is_open_leaves_nothing_behind() -> (
    None
):
    gate = asyncio.Event()
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def hold(_: MessageCreated) -> None:
        await gate.wait()

    async def lend() -> None:
        async with chat.dialog(1).fg():
            pass

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hold on")
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(lend()) for _ in range(300)]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        del task, tasks
        gate.set()
        await chat.settled()
        gc.collect()

        assert count(Receipt) == 0
        assert count(Lending) == 0
        assert chat.errors == ()


async def test_an_error_that_is_awaited_late_is_kept_by_nobody() -> None:
    async def wait_late() -> None:
        receipt = await chat.dialog(1).update({})
        await chat.settled()
        with pytest.raises(NoContextError):
            await receipt

    async with Playground(Dispatcher()) as chat:
        for _ in range(30):
            await wait_late()
        gc.collect()

        assert count(Receipt) == 0


def count(kind: type) -> int:
    """How many objects of a class there are."""
    return sum(type(each) is kind for each in gc.get_objects())


async def test_updates_that_wait_in_a_file_are_not_in_memory_too_but_for_a_thousand(
    tmp_path: Path,
) -> None:
    dispatcher = Dispatcher()
    gates = {7: asyncio.Event(), 8: asyncio.Event()}
    begun = {7: asyncio.Event(), 8: asyncio.Event()}
    seen: asyncio.Queue[str | None] = asyncio.Queue()

    @dispatcher.message()
    async def wait(event: MessageCreated) -> None:
        begun[event.chat_id].set()
        await gates[event.chat_id].wait()
        seen.put_nowait(event.message.text)

    engine = SqliteEngine(tmp_path / "state.db")
    async with Playground(dispatcher, engine=engine, drain=1) as chat:
        # The mailbox of a chat holds a thousand.
        await asyncio.gather(*(chat.say(7, "early") for _ in range(1_000)))
        await asyncio.gather(*(chat.say(8, text) for text in ("late", "later")))
        await begun[8].wait()
        kept = [each for each in gc.get_objects() if type(each) is MessageCreated]
        texts = Counter(each.message.text for each in kept)
        gates[8].set()
        in_order = [await seen.get(), await seen.get()]

    # Handlers have two of them.
    assert texts.total() <= 1_000
    assert in_order == ["late", "later"]
