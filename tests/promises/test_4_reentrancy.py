"""Promise 4: re-entrancy is detected, and a turn that is lent comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

import pytest

from duologue import Dispatcher
from duologue.dialogs import (
    DIALOG_EVENT_NAME,
    BgManager,
    Committed,
    DialogManager,
    MessageCreated,
)
from duologue.dialogs.routing import Command
from duologue.errors import (
    AsyncWithNeededError,
    DialogClosedError,
    ForegroundTimeoutError,
    IncorrectBackgroundError,
    NoContextError,
    ReentrantCallError,
)
from duologue.testing import Playground


async def test_an_update_of_the_own_dialog_is_queued_behind_the_turn(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def update_twice(_: MessageCreated, dialog_manager: DialogManager) -> None:
        _receipt = await dialog_manager.bg().update({"k": "later"})
        await dialog_manager.update({"k": "now"})

    dispatcher.message.register(update_twice, Command("twice"))

    await chat.say(1, "/twice")
    await chat.settled()

    assert chat.screen(1).text == "0 k=later"


async def test_waiting_for_a_receipt_inside_a_turn_raises_at_once(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def wait(_: MessageCreated, dialog_manager: DialogManager) -> None:
        receipt = await dialog_manager.bg().update({"k": 1})
        await receipt

    dispatcher.message.register(wait, Command("wait"))
    began = asyncio.get_running_loop().time()

    await chat.say(1, "/wait")
    await chat.settled()

    (error,) = chat.take_errors()
    assert isinstance(error, ReentrantCallError)
    assert "task_group.start_soon" in str(error)
    assert asyncio.get_running_loop().time() == began


@pytest.mark.parametrize("chat_id", [1, 2])
async def test_fg_inside_a_turn_raises_at_once_and_the_chat_goes_on(
    chat: Playground, dispatcher: Dispatcher, chat_id: int
) -> None:
    async def lend(_: MessageCreated, dialog_manager: DialogManager) -> None:
        manager = dialog_manager.bg(chat_id=chat_id, user_id=chat_id)
        async with manager.fg():
            pass

    dispatcher.message.register(lend, Command("lend"))
    began = asyncio.get_running_loop().time()

    await chat.say(1, "/lend")
    await chat.settled()
    ended = asyncio.get_running_loop().time()
    await chat.click(1, "more")
    await chat.settled()

    assert [type(error) for error in chat.take_errors()] == [ReentrantCallError]
    assert ended == began
    assert chat.screen(1).text == "1 "


async def test_waiting_inside_the_block_of_fg_raises_at_once(chat: Playground) -> None:
    async with chat.dialog(1).fg() as manager:
        receipt = await manager.bg().update({"k": 1})
        with pytest.raises(ReentrantCallError):
            await receipt
        with pytest.raises(ReentrantCallError):
            async with manager.bg().fg():
                pass

    assert isinstance(await receipt, Committed)


async def test_a_task_that_a_handler_started_outlives_the_turn_and_may_wait(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    outcomes: list[object] = []
    tasks: list[asyncio.Task[None]] = []

    async def work(manager: BgManager) -> None:
        await asyncio.sleep(1)
        outcomes.append(await (await manager.update({"k": 1})))
        async with manager.fg() as lent:
            await lent.update({"k": 2})

    async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
        loop = asyncio.get_running_loop()
        tasks.append(loop.create_task(work(dialog_manager.bg())))

    dispatcher.message.register(start, Command("work"))

    await chat.say(1, "/work")
    await chat.settled()
    await tasks[0]
    await chat.settled()

    assert [type(outcome) for outcome in outcomes] == [Committed]
    assert chat.screen(1).text == "0 k=2"


async def test_a_manager_that_is_used_after_its_turn_says_what_to_use_instead(
    chat: Playground,
) -> None:
    async with chat.dialog(1).fg() as manager:
        pass

    with pytest.raises(IncorrectBackgroundError, match=r"bg = manager.bg\(\)"):
        await manager.update({"k": 1})


async def test_fg_commits_what_its_block_has_changed(chat: Playground) -> None:
    async with chat.dialog(1).fg() as manager:
        await manager.update({"k": 1})
    await chat.settled()

    assert chat.screen(1).text == "0 k=1"


async def test_fg_drops_what_its_block_has_changed_when_it_raises(
    chat: Playground,
) -> None:
    before = await chat.engine.read("dialog/test.1:1:1")

    async def fail() -> None:
        async with chat.dialog(1).fg() as manager:
            await manager.update({"k": 1})
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await fail()
    await chat.settled()

    assert await chat.engine.read("dialog/test.1:1:1") == before
    assert chat.screen(1).text == "0 "


async def test_fg_on_a_chat_without_a_dialog_raises(chat: Playground) -> None:
    with pytest.raises(NoContextError):
        async with chat.dialog(2).fg():
            pass


async def test_fg_on_a_closed_dialog_raises_and_the_chat_goes_on(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    kept: list[BgManager] = []

    async def keep(_: MessageCreated, dialog_manager: DialogManager) -> None:
        kept.append(dialog_manager.bg())

    dispatcher.message.register(keep, Command("keep"))
    await chat.say(1, "/keep")
    await chat.settled()
    await chat.click(1, "close")
    await chat.say(1, "/start")

    with pytest.raises(DialogClosedError):
        async with kept[0].fg():
            pass
    await chat.settled()
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "


async def test_fg_that_is_cancelled_before_its_turn_takes_none(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async def lend() -> None:
        async with chat.dialog(1).fg() as manager:
            await manager.update({"k": 1})

    await chat.click(1, "hold")
    await held.wait()
    task = asyncio.get_running_loop().create_task(lend())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    gate.set()
    await chat.settled()

    assert task.cancelled()
    assert chat.screen(1).text == "1 "


async def test_fg_that_is_cancelled_in_its_block_gives_the_turn_back(
    chat: Playground,
) -> None:
    entered = asyncio.Event()

    async def lend() -> None:
        async with chat.dialog(1).fg() as manager:
            await manager.update({"k": 1})
            entered.set()
            await asyncio.sleep(10)

    task = asyncio.get_running_loop().create_task(lend())
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])
    began = asyncio.get_running_loop().time()
    await chat.click(1, "more")
    await chat.settled()

    assert asyncio.get_running_loop().time() - began < 1
    assert task.cancelled()
    assert chat.screen(1).text == "1 "


async def test_fg_that_does_not_get_its_turn_in_time_gives_up(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    await chat.click(1, "hold")
    await held.wait()

    with pytest.raises(ForegroundTimeoutError, match="took longer than 5 s") as raised:
        async with chat.dialog(1).fg(timeout=5) as manager:
            await manager.update({"k": 1})
    gate.set()
    await chat.settled()

    assert raised.value.timeout == 5
    assert chat.screen(1).text == "1 "


async def test_fg_whose_block_takes_too_long_gives_the_turn_back(
    chat: Playground,
) -> None:
    async def take_too_long() -> None:
        async with chat.dialog(1).fg() as manager:
            await manager.update({"k": 1})
            await asyncio.sleep(1000)

    began = asyncio.get_running_loop().time()

    with pytest.raises(ForegroundTimeoutError):
        await take_too_long()
    took = asyncio.get_running_loop().time() - began
    await chat.click(1, "more")
    await chat.settled()

    assert took == pytest.approx(30)
    assert chat.screen(1).text == "1 "


async def test_a_block_that_raises_a_timeout_of_its_own_keeps_it(
    chat: Playground,
) -> None:
    async def run_out_of_time() -> None:
        async with chat.dialog(1).fg(), asyncio.timeout(1):
            await asyncio.sleep(2)

    with pytest.raises(TimeoutError) as raised:
        await run_out_of_time()

    assert not isinstance(raised.value, ForegroundTimeoutError)


async def test_a_plain_with_on_the_event_loop_says_to_use_async_with(
    chat: Playground,
) -> None:
    with pytest.raises(AsyncWithNeededError, match="async with"), chat.dialog(1).fg():
        pass


async def test_a_block_that_swallows_the_end_of_its_time_changes_nothing(
    chat: Playground,
) -> None:
    async def go_on() -> None:
        async with chat.dialog(1).fg(timeout=5) as manager:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(100)
            await manager.update({"k": 1})

    with pytest.raises(ForegroundTimeoutError):
        await go_on()
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "


async def test_a_block_that_is_left_in_another_context_gives_the_turn_back(
    chat: Playground,
) -> None:
    foreground = chat.dialog(1).fg()
    manager = await foreground.__aenter__()
    await manager.update({"k": 1})

    loop = asyncio.get_running_loop()
    await loop.create_task(foreground.__aexit__(None, None, None), context=Context())
    await chat.settled()

    assert chat.screen(1).text == "0 k=1"


async def test_a_middleware_that_swallows_the_error_of_a_block_does_not_commit_it(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def swallow(
        handler: Callable[[object, dict[str, object]], Awaitable[object]],
        event: object,
        data: dict[str, object],
    ) -> None:
        with suppress(Exception):
            await handler(event, data)

    async def fail() -> None:
        async with chat.dialog(1).fg() as manager:
            await manager.update({"k": 1})
            raise ArithmeticError

    dispatcher.observers[DIALOG_EVENT_NAME].middleware(swallow)

    with pytest.raises(ArithmeticError):
        await fail()
    await chat.settled()

    assert chat.screen(1).text == "0 "
    await chat.click(1, "more")
    await chat.settled()
    assert chat.screen(1).text == "1 "


async def test_waiting_inside_a_turn_until_all_is_settled_raises_at_once(
    chat: Playground,
) -> None:
    async with chat.dialog(1).fg():
        with pytest.raises(ReentrantCallError):
            await chat.settled()
