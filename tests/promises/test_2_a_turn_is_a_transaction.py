"""Promise 2: a turn is a transaction."""

from __future__ import annotations

import asyncio
import enum
import json
import logging
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import pytest

from duologue import Dispatcher
from duologue.actors import MemoryEngine
from duologue.dialogs import (
    BgManager,
    DialogManager,
    ErrorEvent,
    MessageCreated,
    Receipt,
    Settings,
    StartMode,
    TaskGroup,
    TaskHandle,
)
from duologue.dialogs.routing import Command
from duologue.errors import (
    MailboxFullError,
    SnapshotTooLargeError,
    TaskBindingError,
    TurnCancelledError,
    TurnTimeoutError,
    UnserialisableDataError,
)
from duologue.testing import Playground

KEY = "dialog/test.1:1:1"


async def state(chat: Playground) -> list[object]:
    """What is kept, but for the marks of the updates that have come."""
    head, *dialogs = (await chat.engine.read(KEY) or b"").splitlines()
    return [{**json.loads(head), "ring": None}, *dialogs]


async def test_a_handler_that_raises_leaves_state_screen_and_outbox_as_they_were(
    chat: Playground,
) -> None:
    before, calls = await state(chat), chat.bot.calls

    press = await chat.click(1, "fail")
    await chat.settled()

    assert await state(chat) == before
    assert chat.screen(1).text == "0 "
    answer = chat.bot.calls[len(calls) :]
    assert [(call.callback_id, call.view) for call in answer] == [(press, None)]
    assert [type(error) for error in chat.take_errors()] == [ArithmeticError]


async def test_the_chat_goes_on_after_a_handler_has_raised(chat: Playground) -> None:
    await chat.click(1, "fail")
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "
    chat.take_errors()


async def test_a_handler_that_exceeds_its_deadline_leaves_nothing_behind(
    dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async with Playground(dispatcher, settings=Settings(turn_timeout=30)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        before = await state(chat)

        await chat.click(1, "hold")
        await chat.settled()
        after = await state(chat)
        gate.set()
        await chat.click(1, "hold")
        await chat.settled()

        assert after == before
        assert chat.screen(1).text == "1 "
        (error,) = chat.take_errors()
        assert isinstance(error, TurnTimeoutError)
        assert (error.address, error.timeout) == (KEY, 30)
        assert held.is_set()


async def test_a_handler_whose_work_is_cancelled_leaves_nothing_behind(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def wait_for_cancelled_work(
        _: MessageCreated, dialog_manager: DialogManager
    ) -> None:
        dialog_manager.dialog_data["n"] = 1000
        work = asyncio.get_running_loop().create_future()
        work.cancel()
        await work

    dispatcher.message.register(wait_for_cancelled_work, Command("cancelled"))
    before = await state(chat)

    await chat.say(1, "/cancelled")
    await chat.settled()
    after = await state(chat)
    await chat.click(1, "more")
    await chat.settled()

    assert after == before
    assert chat.screen(1).text == "1 "
    assert [type(error) for error in chat.take_errors()] == [TurnCancelledError]


async def test_a_handler_that_cancels_its_own_task_is_not_tried_again(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    times: list[str] = []

    async def give_up(message: MessageCreated, dialog_manager: DialogManager) -> None:
        times.append(message.text)
        dialog_manager.dialog_data["n"] = 1000
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    dispatcher.message.register(give_up, Command("give_up"))

    await chat.say(1, "/give_up")
    await chat.settled()
    await chat.click(1, "more")
    await chat.settled()

    assert times == ["/give_up"]
    assert chat.screen(1).text == "1 "
    assert [type(error) for error in chat.take_errors()] == [TurnCancelledError]


async def test_a_handler_that_swallows_the_end_of_its_time_leaves_nothing_behind(
    dispatcher: Dispatcher,
) -> None:
    async def go_on(_: MessageCreated, dialog_manager: DialogManager) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(100)
        await dialog_manager.update({"n": 1000})

    dispatcher.message.register(go_on, Command("go_on"))
    async with Playground(dispatcher, settings=Settings(turn_timeout=5)) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        await chat.say(1, "/go_on")
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

        assert chat.screen(1).text == "1 "
        assert [type(error) for error in chat.take_errors()] == [TurnTimeoutError]


async def test_an_update_for_another_chat_leaves_only_with_the_commit(
    chat: Playground, dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async def tell_user_2(_: MessageCreated, dialog_manager: DialogManager) -> None:
        _receipt = await dialog_manager.bg(user_id=2, chat_id=2).update({"from": 1})
        held.set()
        await gate.wait()

    dispatcher.message.register(tell_user_2, Command("tell"))
    await chat.say(2, "/start")
    await chat.settled()

    await chat.say(1, "/tell")
    await held.wait()
    _receipt = await chat.dialog(2).update({"k": 1})
    early = chat.screen(2).text
    gate.set()
    await chat.settled()

    assert "from" not in early
    assert chat.screen(2).text == "0 k=1 from=1"


async def test_a_receipt_is_pending_while_its_turn_is_held_open(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    await chat.click(1, "hold")
    await held.wait()
    receipt = await chat.dialog(1).update({"k": 1})
    await asyncio.sleep(10)
    was_done = receipt.done()
    gate.set()
    await receipt

    assert not was_done
    assert receipt.done()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "dialog_data.cart[1]"),
        (float("nan"), "dialog_data.cart[1]"),
        ({1: 2}, "dialog_data.cart[1]"),
        ({"price": 3j}, "dialog_data.cart[1].price"),
    ],
)
async def test_data_that_json_cannot_hold_fails_the_commit_and_names_its_path(
    chat: Playground, value: object, path: str
) -> None:
    with pytest.raises(UnserialisableDataError) as raised:
        async with chat.dialog(1).fg() as manager:
            manager.dialog_data["cart"] = ["bread", value]

    assert raised.value.path == path
    assert b"cart" not in (await chat.engine.read(KEY) or b"")


class Size(enum.Enum):
    BIG = "big"


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int


@pytest.mark.parametrize(
    "value",
    [
        (1, (2, 3)),
        {1, 2},
        frozenset({"a"}),
        b"\x00\xff",
        Size.BIG,
        Level.HIGH,
        datetime(2026, 7, 1, 12, 30, tzinfo=UTC),
        date(2026, 7, 1),
        time(12, 30),
        timedelta(days=1, microseconds=1),
        Decimal("1.10"),
        UUID(int=7),
        [True, 1, 1.0],
    ],
    ids=repr,
)
async def test_what_a_handler_writes_is_what_the_next_turn_reads(
    chat: Playground, value: object
) -> None:
    async with chat.dialog(1).fg() as manager:
        manager.dialog_data["value"] = value

    async with chat.dialog(1).fg() as manager:
        found: object = manager.dialog_data["value"]

    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "value", [Point(1), defaultdict(int, a=1), Counter("ab")], ids=repr
)
async def test_a_subclass_of_what_a_dialog_keeps_is_refused(
    chat: Playground, value: object
) -> None:
    with pytest.raises(UnserialisableDataError) as raised:
        async with chat.dialog(1).fg() as manager:
            manager.dialog_data["value"] = value

    assert raised.value.path == "dialog_data.value"


async def test_a_receipt_fails_with_the_commit_of_its_turn(
    dispatcher: Dispatcher,
) -> None:
    engine = MemoryEngine(max_snapshot=2000)
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        receipt = await chat.dialog(1).update({"k": "x" * 2000})
        with pytest.raises(SnapshotTooLargeError, match="2000 are allowed"):
            await receipt
        _receipt = await chat.dialog(1).update({"k": 1})
        await chat.settled()

        assert chat.screen(1).text == "0 k=1"


async def test_a_turn_that_writes_to_a_full_mailbox_is_rolled_back(
    dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async with Playground(dispatcher, engine=MemoryEngine(capacity=4)) as chat:
        for user in (1, 2):
            await chat.say(user, "/start")
            await chat.settled()
        await chat.click(2, "hold")
        await held.wait()

        async def write_too_much() -> None:
            async with chat.dialog(1).fg() as manager:
                manager.dialog_data["n"] = 1000
                for number in range(5):
                    other = manager.bg(user_id=2, chat_id=2)
                    _receipt = await other.update({"k": number})

        with pytest.raises(MailboxFullError):
            await write_too_much()
        gate.set()
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

        assert chat.screen(1).text == "1 "
        assert chat.screen(2).text == "1 "


async def test_the_receipts_of_what_a_failed_turn_wanted_to_send_fail_too(
    chat: Playground,
) -> None:
    receipts: list[Receipt] = []

    async def send_and_fail() -> None:
        async with chat.dialog(1).fg() as manager:
            receipts.append(await manager.bg().update({"k": 1}))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await send_and_fail()
    with pytest.raises(ArithmeticError):
        await receipts[0]


async def test_an_error_handler_gets_a_clean_turn_and_its_changes_are_kept(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def excuse(event: ErrorEvent, dialog_manager: DialogManager) -> None:
        kind = type(event.exception).__name__
        await dialog_manager.update({"sorry": kind})

    dispatcher.error.register(excuse)

    await chat.click(1, "fail")
    await chat.settled()

    assert chat.screen(1).text == "0 sorry=ArithmeticError"


async def test_what_waits_behind_a_failed_turn_is_handled_after_its_error_handler(
    chat: Playground, dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async def fail(_: MessageCreated) -> None:
        held.set()
        await gate.wait()
        raise ArithmeticError

    async def handle(_: ErrorEvent) -> None:
        """Take it."""

    dispatcher.message.register(fail, Command("fail"))
    dispatcher.error.register(handle)
    await chat.say(1, "/fail")
    await held.wait()
    for _ in range(3):
        await chat.click(1, "more")
    gate.set()
    await chat.settled()

    assert chat.screen(1).text == "3 "


async def test_an_error_handler_that_fails_too_is_reported_and_the_chat_goes_on(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def fail_again(_: ErrorEvent) -> None:
        raise LookupError

    dispatcher.error.register(fail_again)

    await chat.click(1, "fail")
    await chat.click(1, "more")
    await chat.settled()

    kinds = [type(error) for error in chat.take_errors()]
    assert kinds == [LookupError, ArithmeticError]
    assert chat.screen(1).text == "1 "


async def test_an_error_handler_whose_work_is_cancelled_does_not_stop_the_chat(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def wait_for_cancelled_work(_: ErrorEvent) -> None:
        work = asyncio.get_running_loop().create_future()
        work.cancel()
        await work

    dispatcher.error.register(wait_for_cancelled_work)

    await chat.click(1, "fail")
    await chat.click(1, "more")
    async with asyncio.timeout(60):
        await chat.settled()

    assert chat.screen(1).text == "1 "
    assert ArithmeticError in [type(error) for error in chat.take_errors()]


async def test_two_turns_never_share_an_object(chat: Playground) -> None:
    cart = ["bread"]
    async with chat.dialog(1).fg() as manager:
        manager.dialog_data["cart"] = cart

    cart.append("milk")

    async with chat.dialog(1).fg() as manager:
        assert manager.dialog_data["cart"] == ["bread"]


async def test_tasks_of_the_task_group_start_with_the_commit(
    chat: Playground, dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    events: list[str] = []
    finished = asyncio.Event()

    async def work() -> None:
        events.append("task")
        receipt = await chat.dialog(1).update({"k": 1})
        await receipt
        events.append("receipt")
        finished.set()

    async def start_task(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(work)
        held.set()
        await gate.wait()
        events.append("handler")

    dispatcher.message.register(start_task, Command("work"))

    await chat.say(1, "/work")
    await held.wait()
    await asyncio.sleep(1)
    gate.set()
    await finished.wait()

    assert events == ["handler", "task", "receipt"]


async def test_tasks_of_the_task_group_do_not_start_if_the_turn_fails(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    events: list[str] = []

    async def work() -> None:
        events.append("task")

    async def start_task(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(work)
        raise ArithmeticError

    dispatcher.message.register(start_task, Command("work"))

    await chat.say(1, "/work")
    await chat.settled()
    await asyncio.sleep(1)

    assert events == []
    chat.take_errors()


@pytest.mark.parametrize("is_bound", [True, False])
async def test_a_cancel_during_a_background_timer_is_no_error(
    chat: Playground,
    dispatcher: Dispatcher,
    caplog: pytest.LogCaptureFixture,
    *,
    is_bound: bool,
) -> None:
    handles: list[TaskHandle] = []

    async def tick(bg: BgManager) -> None:
        for second in range(60):
            await asyncio.sleep(1)
            await (await bg.update({"second": second}))

    async def start_timer(
        _: MessageCreated, dialog_manager: DialogManager, task_group: TaskGroup
    ) -> None:
        bg = dialog_manager.bg()
        dialog = dialog_manager if is_bound else None
        handles.append(task_group.start_soon(tick, bg, dialog=dialog))

    dispatcher.message.register(start_timer, Command("timer"))
    await chat.say(1, "/timer")
    await asyncio.sleep(2.5)
    await chat.click(1, "close")
    await chat.settled()
    ended_at_once = handles[0].done()
    await asyncio.sleep(60)

    assert ended_at_once is is_bound
    assert handles[0].done()
    assert chat.errors == ()
    assert chat.counts.of("errors") == chat.counts.of("dead_letters") == 0
    assert [line for line in caplog.records if line.levelno > logging.INFO] == []


async def test_a_task_that_is_bound_to_a_dialog_goes_on_while_that_is_covered(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    handles: list[TaskHandle] = []

    async def start_timer(
        _: MessageCreated, dialog_manager: DialogManager, task_group: TaskGroup
    ) -> None:
        bg = dialog_manager.bg()
        handles.append(task_group.start_soon(asyncio.sleep, 100, dialog=bg))

    dispatcher.message.register(start_timer, Command("timer"))
    await chat.say(1, "/timer")
    await chat.settled()
    await chat.click(1, "note")
    await chat.settled()
    await asyncio.sleep(1)
    went_on = not handles[0].done()
    state = dispatcher.state_by_name("Counter:showing")
    await (await chat.dialog(1).start(state, mode=StartMode.RESET_STACK))
    await asyncio.sleep(0)

    assert went_on
    assert handles[0].done()


async def test_a_task_is_not_bound_to_whatever_is_on_top(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def start_timer(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(asyncio.sleep, 100, name="tick", dialog=chat.dialog(1))

    dispatcher.message.register(start_timer, Command("timer"))
    await chat.say(1, "/timer")
    await chat.settled()

    (error,) = chat.take_errors()
    assert isinstance(error, TaskBindingError)
    assert "the task tick cannot end with a dialog" in str(error)


async def test_a_task_can_be_ended_early_and_before_it_begins(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    events: list[str] = []
    handles: list[TaskHandle] = []

    async def work(name: str) -> None:
        events.append(name)
        await asyncio.sleep(10)
        events.append(f"end of {name}")

    async def start_tasks(_: MessageCreated, task_group: TaskGroup) -> None:
        handles.append(task_group.start_soon(work, "one"))
        handles.append(task_group.start_soon(work, "never"))
        handles.append(task_group.start_soon(work, "three", name="the third"))
        handles[1].cancel()

    dispatcher.message.register(start_tasks, Command("work"))
    await chat.say(1, "/work")
    await chat.settled()
    await asyncio.sleep(1)
    handles[0].cancel()
    await asyncio.sleep(1)
    done = [handle.done() for handle in handles]
    shown = repr(handles[2])
    await asyncio.sleep(10)
    handles[2].cancel()  # too late, and harmless

    assert events == ["one", "three", "end of three"]
    assert done == [True, True, False]
    assert shown == "<TaskHandle the third pending>"


async def test_a_task_of_the_task_group_that_fails_is_reported_and_harms_no_other(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    done = asyncio.Event()

    async def fail() -> None:
        raise ArithmeticError

    async def work() -> None:
        await asyncio.sleep(1)
        done.set()

    async def start_tasks(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(work)
        task_group.start_soon(fail)

    dispatcher.message.register(start_tasks, Command("work"))

    await chat.say(1, "/work")
    await done.wait()

    assert [type(error) for error in chat.take_errors()] == [ArithmeticError]
