"""Promise 3: a background call returns a receipt."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import MemoryEngine
from duologue.dialogs import (
    DIALOG_EVENT_NAME,
    BgManager,
    Committed,
    Covered,
    Dialog,
    DialogManager,
    ErrorEvent,
    MessageCreated,
    Outcome,
    Receipt,
    State,
    StatesGroup,
    TaskGroup,
    Window,
)
from duologue.dialogs.routing import Command
from duologue.errors import (
    CallStoppedError,
    DialogClosedError,
    DialogCoveredError,
    EngineClosedError,
    ForbiddenError,
    NoContextError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    UnknownStateError,
    UnserialisableDataError,
    WrongStateError,
)
from duologue.testing import Playground, RecordingBot


async def outcome_of(receipt: Receipt) -> Outcome:
    return await receipt


@pytest.fixture
async def own(chat: Playground, dispatcher: Dispatcher) -> BgManager:
    """The manager that a handler of the counter keeps for later."""
    kept: list[BgManager] = []

    async def keep(_: MessageCreated, dialog_manager: DialogManager) -> None:
        kept.append(dialog_manager.bg())

    dispatcher.message.register(keep, Command("keep"))
    await chat.say(1, "/keep")
    await chat.settled()
    return kept[0]


@pytest.fixture
def wrong(dispatcher: Dispatcher) -> State:
    """A window that the counter does not have: to switch to it is a mistake."""
    return dispatcher.state_by_name("Note:writing")


async def test_an_awaited_receipt_tells_of_the_commit(chat: Playground) -> None:
    first = await (await chat.dialog(1).update({"k": 1}))
    second = await (await chat.dialog(1).update({"k": 2}))

    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert second.version > first.version


async def test_a_covered_dialog_takes_the_data_and_is_not_drawn(
    chat: Playground, own: BgManager
) -> None:
    await chat.click(1, "note")
    await chat.settled()
    calls = len(chat.bot.calls)

    outcome = await (await own.update({"k": 1}))
    await chat.settled()
    drawn = len(chat.bot.calls) - calls
    await chat.click(1, "back")
    await chat.settled()

    assert isinstance(outcome, Covered)
    assert drawn == 0
    assert chat.screen(1).text == "0 k=1"


async def test_a_covered_dialog_cannot_be_closed_from_the_background(
    chat: Playground, own: BgManager
) -> None:
    await chat.click(1, "note")

    with pytest.raises(DialogCoveredError, match="wait until that one is done"):
        await (await own.done())


async def test_a_call_to_a_closed_dialog_is_told_so(
    chat: Playground, own: BgManager
) -> None:
    await chat.click(1, "close")
    await chat.say(1, "/start")

    with pytest.raises(DialogClosedError, match=r"use the factory's bg\(\)"):
        await (await own.update({"k": 1}))
    await chat.settled()
    assert chat.screen(1).text == "0 "


async def test_a_call_where_nothing_is_open_creates_nothing(chat: Playground) -> None:
    with pytest.raises(NoContextError, match="start one first"):
        await (await chat.dialog(2).update({"k": 1}))

    assert await chat.engine.read("dialog/test.1:2:2") is None


async def test_start_opens_a_dialog_where_nothing_is_open(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    state = dispatcher.state_by_name("Counter:showing")

    receipt = await chat.dialog(2).start(state)
    await receipt.drawn()

    assert chat.screen(2).text == "0 "


async def test_the_manager_of_the_factory_reaches_whatever_is_on_top(
    chat: Playground, own: BgManager
) -> None:
    await chat.click(1, "close")
    await chat.say(1, "/start")

    await (await chat.dialog(1).update({"k": 1}))
    await chat.settled()

    assert chat.screen(1).text == "0 k=1"
    assert own.address == chat.dialog(1).address


async def test_drawn_waits_for_the_screen(chat: Playground) -> None:
    with chat.bot.hold() as hold:
        receipt = await chat.dialog(1).update({"k": 1})
        await receipt
        drawn = asyncio.get_running_loop().create_task(receipt.drawn())
        await hold.reached()
        await asyncio.sleep(1)
        was_drawn = drawn.done()
    await drawn

    assert not was_drawn
    assert chat.screen(1).text == "0 k=1"


async def test_drawn_of_a_view_that_was_replaced_ends_with_the_newer_one(
    chat: Playground,
) -> None:
    with chat.bot.hold() as hold:
        _receipt = await chat.dialog(1).update({"k": 0})
        await hold.reached()
        receipts = [await chat.dialog(1).update({"k": k}) for k in (1, 2, 3)]
        for receipt in receipts:
            await receipt

    for receipt in receipts:
        await receipt.drawn()

    assert chat.screen(1).text == "0 k=3"


async def test_drawn_of_an_unchanged_view_waits_for_the_same_view_on_its_way(
    chat: Playground,
) -> None:
    with chat.bot.hold() as hold:
        _receipt = await chat.dialog(1).update({"k": 1})
        await hold.reached()
        same = await chat.dialog(1).update({"k": 1})
        await same
        drawn = asyncio.get_running_loop().create_task(same.drawn())
        await asyncio.sleep(1)
        was_drawn = drawn.done()
    await drawn

    assert not was_drawn
    assert chat.screen(1).text == "0 k=1"


async def test_drawn_raises_what_the_messenger_said(chat: Playground) -> None:
    chat.bot.fail(ForbiddenError("edit", "the user has stopped the bot"))

    receipt = await chat.dialog(1).update({"k": 1})

    with pytest.raises(ForbiddenError):
        await receipt.drawn()


async def test_an_error_that_nobody_awaits_goes_to_hook_log_and_count(
    chat: Playground, caplog: pytest.LogCaptureFixture, wrong: State
) -> None:
    assert not (await chat.dialog(1).switch_to(wrong)).done()
    await chat.settled()

    assert [type(error) for error in chat.take_errors()] == [WrongStateError]
    assert chat.counts.of("errors", "WrongStateError") == 1
    (record,) = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert "Note:writing" in record.getMessage()


async def test_an_error_that_somebody_awaits_goes_to_nobody_else(
    chat: Playground, caplog: pytest.LogCaptureFixture, wrong: State
) -> None:
    receipt = await chat.dialog(1).switch_to(wrong)
    with pytest.raises(WrongStateError):
        await receipt

    assert chat.errors == ()
    assert chat.counts.of("errors") == 0
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []


async def test_an_error_that_is_awaited_at_once_goes_to_nobody_else(
    chat: Playground,
    wrong: State,
) -> None:
    with pytest.raises(WrongStateError):
        await (await chat.dialog(1).switch_to(wrong))

    assert chat.errors == ()


async def test_an_error_whose_only_waiter_was_cancelled_is_reported(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event, wrong: State
) -> None:
    await chat.click(1, "hold")
    await held.wait()
    receipt = await chat.dialog(1).switch_to(wrong)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await receipt
    gate.set()
    await chat.settled()
    assert chat.take_errors() == []  # it may still be awaited
    del receipt
    await asyncio.sleep(0)

    assert [type(error) for error in chat.take_errors()] == [WrongStateError]


async def test_an_error_that_is_awaited_late_goes_to_nobody_else(
    chat: Playground, caplog: pytest.LogCaptureFixture, wrong: State
) -> None:
    receipt = await chat.dialog(1).switch_to(wrong)
    await chat.settled()
    with pytest.raises(WrongStateError):
        await receipt
    del receipt
    await asyncio.sleep(1)

    assert chat.errors == ()
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []


async def test_an_error_in_a_receipt_that_is_kept_unread_is_reported_at_the_end(
    dispatcher: Dispatcher, wrong: State
) -> None:
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        receipt = await chat.dialog(1).switch_to(wrong)
        await chat.settled()
        assert chat.errors == ()
        await chat.runtime.__aexit__(None, None, None)

        assert [type(error) for error in chat.take_errors()] == [WrongStateError]
    assert receipt.done()


async def test_an_error_whose_receipt_is_dropped_in_a_thread_is_reported_on_the_loop(
    chat: Playground,
    wrong: State,
) -> None:
    receipts = [await chat.dialog(1).switch_to(wrong)]
    await chat.settled()
    thread = threading.Thread(target=receipts.clear)
    thread.start()
    thread.join()
    await asyncio.sleep(0)

    assert [type(error) for error in chat.take_errors()] == [WrongStateError]


async def call_closed(own: BgManager, _note: State) -> Receipt:
    await (await own.done())
    return await own.update({"k": 1})


async def close_covered(own: BgManager, note: State) -> Receipt:
    await (await own.start(note))
    return await own.done()


async def call_nothing(own: BgManager, _note: State) -> Receipt:
    return await own.bg(user_id=2, chat_id=2).update({"k": 1})


MOVES: list[tuple[Callable[[BgManager, State], Awaitable[Receipt]], type[Exception]]]
MOVES = [
    (call_closed, DialogClosedError),
    (close_covered, DialogCoveredError),
    (call_nothing, NoContextError),
]


@pytest.mark.parametrize("is_awaited", [True, False])
@pytest.mark.parametrize("move", range(len(MOVES)))
async def test_that_a_dialog_has_moved_on_is_an_outcome_and_nobodys_fault(
    chat: Playground,
    own: BgManager,
    caplog: pytest.LogCaptureFixture,
    *,
    move: int,
    is_awaited: bool,
) -> None:
    caplog.set_level(logging.INFO, "duologue.dialogs")
    handled: list[ErrorEvent] = []

    async def handle(event: ErrorEvent) -> None:
        handled.append(event)

    dispatcher = chat.runtime.dispatcher
    dispatcher.error.register(handle)
    call, error = MOVES[move]
    receipt = await call(own, dispatcher.state_by_name("Note:writing"))
    if is_awaited:
        with pytest.raises(error):
            await receipt
    del receipt
    await chat.settled()

    assert (chat.errors, handled) == ((), [])
    assert chat.counts.of("errors") == chat.counts.of("handler_errors") == 0
    assert chat.counts.of("dead_letters") == 0
    assert list(chat.engine.dead_letters()) == []
    lines = [line for line in caplog.records if " in dialog/test.1:" in line.message]
    assert [line.levelno for line in lines] == [logging.INFO]


async def test_what_the_code_of_a_dialog_raises_in_a_call_is_an_error_as_ever(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    class Broken(StatesGroup):
        one = State()

    async def on_start(_: object, manager: DialogManager) -> None:
        raise NoContextError(manager.event.id)

    dispatcher.include_router(
        Dialog(Window("broken", state=Broken.one), on_start=on_start)
    )

    assert not (await chat.dialog(1).start(Broken.one)).done()
    await chat.settled()

    assert [type(error) for error in chat.take_errors()] == [NoContextError]
    assert chat.counts.of("dead_letters") == 1


async def test_one_waiter_that_is_cancelled_does_not_harm_another(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    await chat.click(1, "hold")
    await held.wait()
    receipt = await chat.dialog(1).update({"k": 1})
    other = asyncio.get_running_loop().create_task(outcome_of(receipt))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await receipt
    gate.set()

    assert isinstance(await other, Committed)


async def test_senders_wait_while_a_mailbox_is_full_and_nothing_is_lost(
    dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async with Playground(dispatcher, engine=MemoryEngine(capacity=5)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "hold")
        await held.wait()
        accepted: list[int] = []

        async def send(number: int) -> None:
            _receipt = await chat.dialog(1).update({f"k{number}": number})
            accepted.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(send(number))
            await asyncio.sleep(1)
            # The message of the turn that is held is in the mailbox as well.
            at_first = list(accepted)
            gate.set()
        await chat.settled()

        assert at_first == [0, 1, 2, 3]
        assert accepted == list(range(20))
        assert chat.screen(1).text == "1 " + " ".join(f"k{k}={k}" for k in range(20))


async def test_a_sender_that_gives_up_at_a_full_mailbox_leaves_nothing_there(
    dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async with Playground(dispatcher, engine=MemoryEngine(capacity=1)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "hold")
        await held.wait()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                _receipt = await chat.dialog(1).update({"k": 1})
        gate.set()
        await chat.settled()

        assert chat.screen(1).text == "1 "


async def test_a_middleware_that_stops_a_call_is_named_in_the_receipt(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def stop(handler: object, event: object, data: object) -> None:
        del handler, event, data

    dispatcher.observers[DIALOG_EVENT_NAME].middleware(stop)

    with pytest.raises(CallStoppedError, match="let calls through"):
        await (await chat.dialog(1).update({"k": 1}))


async def test_what_cannot_be_sent_is_refused_before_it_is_accepted(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    state = dispatcher.state_by_name("Counter:showing")

    with pytest.raises(UnserialisableDataError) as update:
        _receipt = await chat.dialog(1).update({"cart": [object()]})
    with pytest.raises(UnserialisableDataError) as start:
        _receipt = await chat.dialog(1).start(state, {"cart": 2j})
    with pytest.raises(UnserialisableDataError) as done:
        _receipt = await chat.dialog(1).done(object())

    paths = (update.value.path, start.value.path, done.value.path)
    assert paths == ("data.cart[0]", "start_data.cart", "result")


async def test_a_state_without_a_window_is_refused_before_it_is_accepted(
    chat: Playground,
) -> None:
    class Forgotten(StatesGroup):
        window = State()

    with pytest.raises(UnknownStateError, match="add a Window"):
        _receipt = await chat.dialog(1).start(Forgotten.window)
    with pytest.raises(UnknownStateError):
        _receipt = await chat.dialog(1).switch_to(Forgotten.window)


@pytest.mark.usefixtures("gate")
async def test_receipts_of_what_was_not_handled_when_the_runtime_stops_fail(
    dispatcher: Dispatcher, held: asyncio.Event
) -> None:
    async with Playground(dispatcher, drain=5) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "hold")
        await held.wait()
        receipt = await chat.dialog(1).update({"k": 1})
        manager = chat.dialog(1)

    with pytest.raises(RuntimeStoppedError, match="while a runtime runs"):
        await receipt
    with pytest.raises(EngineClosedError):
        _receipt = await manager.update({"k": 2})
    with pytest.raises(RuntimeNotStartedError):
        chat.dialog(1)


@pytest.mark.usefixtures("gate")
async def test_drawn_ends_when_the_runtime_stops(
    dispatcher: Dispatcher, held: asyncio.Event
) -> None:
    async def ignore_the_end(_: MessageCreated, dialog_manager: DialogManager) -> None:
        held.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)
        await dialog_manager.update({"k": 1})

    dispatcher.message.register(ignore_the_end, Command("ignore"))
    async with Playground(dispatcher, drain=5) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold() as hold:
            receipt = await chat.dialog(1).update({"k": 0})
            await receipt
            await hold.reached()
            await chat.say(1, "/ignore")
            await held.wait()
            last = await chat.dialog(1).update({"k": 2})
            await chat.runtime.__aexit__(None, None, None)

        async with asyncio.timeout(60):
            with pytest.raises(RuntimeStoppedError):
                await receipt.drawn()
            with pytest.raises(RuntimeStoppedError):
                await last.drawn()


async def test_a_task_that_ignores_its_end_does_not_keep_the_runtime_from_stopping(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    async def ignore() -> None:
        for _ in range(1000):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(100)

    async def start(_: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(ignore, name="the stubborn one")

    dispatcher.message.register(start, Command("ignore"))
    loop = asyncio.get_running_loop()
    async with Playground(dispatcher, drain=10) as chat:
        await chat.say(1, "/ignore")
        await chat.settled()
        began = loop.time()

    assert loop.time() - began < 20
    assert "the stubborn one" in caplog.text


@pytest.mark.usefixtures("gate")
async def test_a_second_cancellation_while_stopping_leaves_nobody_waiting(
    dispatcher: Dispatcher, held: asyncio.Event
) -> None:
    bot = RecordingBot()
    managers: list[BgManager] = []
    receipts: list[Receipt] = []

    async def run() -> None:
        async with Runtime(dispatcher, [bot], polling=None) as runtime:
            dialog = runtime.dialog(chat_id=1, user_id=1)
            managers.append(dialog)
            await (await dialog.start(dispatcher.state_by_name("Counter:showing")))
            await runtime.settled()
            shown = bot.messages(1)[0]
            payload = shown.payload_of("hold") or ""
            press = bot.pressed(1, 1, payload, message_id=shown.id)
            await runtime.accept(bot, press)
            receipts.append(await dialog.update({"k": 1}))
            await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(run())
    await held.wait()
    await asyncio.sleep(1)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(1)
    await asyncio.wait([task])

    async with asyncio.timeout(60):
        with pytest.raises(RuntimeStoppedError):
            await receipts[0]
        with pytest.raises(EngineClosedError):
            _receipt = await managers[0].update({"k": 2})
