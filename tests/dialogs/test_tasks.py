"""Tasks that outlive the turn that starts them."""

from __future__ import annotations

import asyncio

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    State,
    StatesGroup,
    TaskGroup,
    Window,
)
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


def make_dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window("{dialog_data}", state=Main.one)))
    return dispatcher


async def test_a_task_starts_when_its_turn_is_committed() -> None:
    order: list[str] = []
    dispatcher = make_dispatcher()

    async def work(name: str) -> None:
        order.append(f"work of {name}")

    @dispatcher.message()
    async def handler(event: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(work, event.text)
        await asyncio.sleep(1)
        order.append("end of the handler")

    async with Playground(dispatcher) as chat:
        await chat.say(1, "Ann")
        await chat.settled()

    assert order == ["end of the handler", "work of Ann"]


async def test_a_failed_turn_starts_none() -> None:
    order: list[str] = []
    dispatcher = make_dispatcher()

    async def work() -> None:
        order.append("work")

    @dispatcher.message()
    async def handler(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(work)
        raise LookupError

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await chat.settled()
        assert len(chat.take_errors()) == 1

    assert order == []


async def test_a_task_may_wait_for_what_it_sends_to_its_dialog() -> None:
    dispatcher = make_dispatcher()

    @dispatcher.message()
    async def handler(
        _: MessageCreated, manager: DialogManager, task_group: TaskGroup
    ) -> None:
        await manager.start(Main.one)
        background = manager.bg()

        async def work() -> None:
            for number in range(3):
                await asyncio.sleep(1)
                await (await background.update({"n": number}))

        task_group.start_soon(work)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await asyncio.sleep(10)

        assert chat.screen(1).text == "{'n': 2}"


async def test_a_task_that_fails_is_reported_and_harms_no_other() -> None:
    order: list[str] = []
    dispatcher = make_dispatcher()

    async def broken() -> None:
        raise LookupError

    async def work() -> None:
        await asyncio.sleep(1)
        order.append("work")

    @dispatcher.message()
    async def handler(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(broken, name="the broken one")
        task_group.start_soon(work)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await asyncio.sleep(10)

        (error,) = chat.take_errors()
        assert isinstance(error, LookupError)
        assert chat.counts.of("errors", "LookupError") == 1

    assert order == ["work"]


async def test_a_task_started_by_a_task_starts_at_once() -> None:
    order: list[str] = []
    dispatcher = make_dispatcher()

    async def inner() -> None:
        order.append("inner")

    @dispatcher.message()
    async def handler(_: MessageCreated, task_group: TaskGroup) -> None:
        async def outer() -> None:
            task_group.start_soon(inner)
            await asyncio.sleep(1)
            order.append("outer")

        task_group.start_soon(outer)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await asyncio.sleep(5)

    assert order == ["inner", "outer"]


async def test_tasks_end_with_the_runtime() -> None:
    ended: list[str] = []
    dispatcher = make_dispatcher()

    @dispatcher.message()
    async def handler(_: MessageCreated, task_group: TaskGroup) -> None:
        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("work")

        task_group.start_soon(work)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await chat.settled()
        assert not ended

    assert ended == ["work"]
