"""Calls for later: part of the commit, once, in the conversation that they belong to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from duologue import Dispatcher
from duologue.actors import MemoryEngine
from duologue.actors._engine._timed import wall_time
from duologue.actors.testing import VirtualClock, VirtualLoop
from duologue.dialogs import (
    DIALOG_EVENT_NAME,
    BgManager,
    Cancellation,
    Daily,
    DialogManager,
    DialogUpdate,
    ErrorEvent,
    Message,
    ScheduledCalls,
    ShowMode,
    Timer,
    UpdateData,
)
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs.routing import Command, HandlerData, NextHandler
from duologue.errors import (
    DialogClosedError,
    EngineClosedError,
    ReentrantCallError,
    ScheduleError,
    TimerNotBoundError,
    TooManyTimersError,
    UnserialisableDataError,
    WrongArgumentError,
)
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine
from tests.promises.conftest import (
    DURABLE,
    Counter,
    Kept,
    Life,
    MakeEngine,
    Note,
    make_dispatcher,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


ENGINES = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda _: MemoryEngine(), id="memory"),
        pytest.param(lambda path: SqliteEngine(path / "state.db"), id="sqlite"),
    ],
)


@pytest.fixture
def life(dispatcher: Dispatcher, make: MakeEngine, tmp_path: Path) -> Life:
    return Life(dispatcher, make(tmp_path))


def now() -> datetime:
    return datetime.fromtimestamp(wall_time(), UTC)


async def passed(span: timedelta) -> None:
    """Let time go by, and a little more for what is done then."""
    await asyncio.sleep(span.total_seconds() + 1)


async def counter_of(chat: Playground) -> BgManager:
    """The dialog that is open, and no other one in its place."""
    async with chat.dialog(1).fg() as manager:
        return manager.bg()


def waiting(chat: Playground) -> int:
    """How many letters for later the engine keeps."""
    return chat.engine.timed()


def handles(dispatcher: Dispatcher, handler: Function) -> None:
    """Have a handler for "/go"."""
    dispatcher.message.register(handler, Command("go"))


async def go(chat: Playground) -> None:
    await chat.say(1, "/go")
    await chat.settled()


# Set and come


@ENGINES
async def test_a_call_comes_at_its_time_and_not_before(life: Life) -> None:
    async with life.run() as chat:
        await chat.say(1, "/start")
        timer = await chat.dialog(1).schedule(DAY).update({"late": 1})
        await timer.committed()

        await asyncio.sleep(DAY.total_seconds() - 1)
        before = chat.screen(1).text
        await passed(timedelta(seconds=1))

        assert (before, chat.screen(1).text) == ("0 ", "0 late=1")
        assert waiting(chat) == 0


async def test_every_call_of_a_background_manager_may_come_later(
    chat: Playground,
) -> None:
    bg = chat.dialog(1)
    await bg.schedule(HOUR).switch_to(Counter.other)
    await bg.schedule(2 * HOUR).start(Note.writing, show_mode=ShowMode.SEND)
    await bg.schedule(3 * HOUR).done()
    await bg.schedule(4 * HOUR).update({"all": "done"})
    shown: list[str] = []

    for _ in range(3):
        await passed(HOUR)
        shown.append(chat.screen(1).text)

    assert shown == ["the other window", "write a note", "the other window"]


async def test_a_call_at_a_time_that_is_over_comes_at_once(chat: Playground) -> None:
    await chat.dialog(1).schedule(at=now() - DAY).update({"late": 1})
    await asyncio.sleep(1)

    assert chat.screen(1).text == "0 late=1"


async def test_a_handler_sets_a_timer_with_its_commit(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    async def set_one(_: Message, dialog_manager: DialogManager) -> None:
        await dialog_manager.bg().schedule(DAY).update({"late": 1})

    handles(dispatcher, set_one)
    await go(chat)
    await passed(DAY)

    assert chat.screen(1).text == "0 late=1"


async def test_a_turn_that_fails_sets_no_timer(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    async def set_one_and_fail(_: Message, dialog_manager: DialogManager) -> None:
        await dialog_manager.bg().schedule(DAY).update({"late": 1})
        raise ArithmeticError

    handles(dispatcher, set_one_and_fail)
    await go(chat)
    await passed(DAY)

    assert [type(error) for error in chat.take_errors()] == [ArithmeticError]
    assert chat.screen(1).text == "0 "


async def test_a_turn_that_fails_cancels_no_timer(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    timer = await chat.dialog(1).schedule(DAY).update({"late": 1})
    await timer.committed()

    async def cancel_and_fail(_: Message) -> None:
        assert await timer.cancel() is Cancellation.CANCELLED
        raise ArithmeticError

    handles(dispatcher, cancel_and_fail)
    await go(chat)
    await passed(DAY)

    chat.take_errors()
    assert chat.screen(1).text == "0 late=1"


async def test_a_handler_sets_a_timer_in_another_conversation(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    await chat.say(2, "/start")
    given: list[Cancellation] = []
    kept: list[Timer] = []

    async def set_elsewhere(_: Message, dialog_manager: DialogManager) -> None:
        bg = dialog_manager.bg(chat_id=2, user_id=2)
        await bg.schedule(HOUR).update({"from": 1})
        kept.append(await bg.schedule(HOUR).update({"never": 1}))
        given.append(await kept[0].cancel())

    handles(dispatcher, set_elsewhere)
    await go(chat)
    await passed(HOUR)

    assert chat.screen(2).text == "0 from=1"
    assert given == [Cancellation.REQUESTED]


async def test_waiting_for_the_commit_inside_a_turn_raises_at_once(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    async def wait(_: Message, dialog_manager: DialogManager) -> None:
        timer = await dialog_manager.bg().schedule(DAY).update()
        with pytest.raises(ReentrantCallError):
            await timer.committed()
        dialog_manager.middleware_data["kept"].append(timer)

    kept: list[Timer] = []
    dispatcher["kept"] = kept
    handles(dispatcher, wait)
    await go(chat)

    await kept[0].committed()  # its turn is over, so it is


@DURABLE
async def test_a_timer_outlives_the_process_and_comes_once(life: Life) -> None:
    async with life.run() as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await (await chat.dialog(1).schedule(DAY).update({"late": 1})).committed()

    seen = note_calls(life.dispatcher)
    async with life.run() as chat:
        await passed(DAY)
        assert chat.screen(1).text == "0 late=1"

    async with life.run() as chat:
        await passed(2 * DAY)

    assert len(seen) == 1


@DURABLE
async def test_what_is_late_comes_at_once_and_says_when_it_was_due(life: Life) -> None:
    async with life.run() as chat:
        await chat.say(1, "/start")
        await chat.settled()
        due = now() + DAY
        await (await chat.dialog(1).schedule(at=due).update({"late": 1})).committed()

    seen = note_calls(life.dispatcher)
    await passed(3 * DAY)
    async with life.run() as chat:
        await asyncio.sleep(1)

        assert chat.screen(1).text == "0 late=1"
    assert [event.due for event in seen] == [due]
    assert seen[0].timestamp - due > timedelta(days=2)


async def test_a_call_of_now_says_nothing_of_a_time(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    seen = note_calls(dispatcher)
    await (await chat.dialog(1).update({"now": 1}))

    assert [event.due for event in seen] == [None]


def note_calls(dispatcher: Dispatcher) -> list[DialogUpdate]:
    """Note the events of background calls from now on, as a middleware sees them."""
    seen: list[DialogUpdate] = []

    async def note(
        handler: NextHandler, event: DialogUpdate, data: HandlerData
    ) -> Json:
        seen.append(event)
        return await handler(event, data)

    dispatcher.observers[DIALOG_EVENT_NAME].outer_middleware(note)
    return seen


async def test_a_clock_that_is_set_forward_is_noticed_within_a_minute(
    chat: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await chat.dialog(1).schedule(DAY).update({"late": 1})).committed()
    set_clock(monkeypatch, DAY)
    await passed(timedelta(minutes=1))

    assert chat.screen(1).text == "0 late=1"


async def test_a_clock_that_is_set_back_brings_nothing_twice(
    chat: Playground, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = note_calls(dispatcher)
    await (await chat.dialog(1).schedule(every=HOUR).update()).committed()
    await passed(HOUR)
    set_clock(monkeypatch, -HOUR)
    await passed(HOUR)
    before = len(seen)
    await passed(HOUR)

    due = [event.due for event in seen]
    assert (before, len(due), len(set(due))) == (1, 2, 2)


def set_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Set the clock of the machine."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    before = loop.wall_time
    monkeypatch.setattr(loop, "wall_time", lambda: before() + by.total_seconds())


# Names and handles


async def test_a_new_timer_takes_the_place_of_one_with_the_same_key(
    chat: Playground,
) -> None:
    bg = chat.dialog(1)
    first = await bg.schedule(HOUR, key="bell").update({"first": 1})
    await bg.schedule(2 * HOUR, key="bell").update({"second": 1})
    await bg.schedule(2 * HOUR, key="other").update({"third": 1})
    await passed(2 * HOUR)

    assert chat.screen(1).text == "0 second=1 third=1"
    assert await first.cancel() is Cancellation.UNKNOWN


async def test_timers_without_a_key_are_all_kept(chat: Playground) -> None:
    for number in range(3):
        await chat.dialog(1).schedule(HOUR).update({f"n{number}": 1})
    await passed(HOUR)

    assert chat.screen(1).text == "0 n0=1 n1=1 n2=1"


async def test_cancel_tells_what_became_of_the_timer(chat: Playground) -> None:
    bg = chat.dialog(1)
    one = await bg.schedule(HOUR).update({"one": 1})
    other = await bg.schedule(HOUR).update({"other": 1})

    first, again = await one.cancel(), await one.cancel()
    await passed(HOUR)
    late = await other.cancel()

    assert chat.screen(1).text == "0 other=1"
    assert (first, again, late) == (
        Cancellation.CANCELLED,
        Cancellation.UNKNOWN,
        Cancellation.FIRED,
    )


async def test_a_timer_is_cancelled_by_its_key(chat: Playground) -> None:
    bg = chat.dialog(1)
    await bg.schedule(HOUR, key="bell").update({"late": 1})

    outcomes = [await bg.unschedule("bell") for _ in range(2)]
    await passed(HOUR)

    assert outcomes == [Cancellation.CANCELLED, Cancellation.UNKNOWN]
    assert chat.screen(1).text == "0 "


async def test_a_handler_cancels_by_key_with_its_commit(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    outcomes: list[Cancellation] = []

    async def set_and_cancel(_: Message, dialog_manager: DialogManager) -> None:
        bg = dialog_manager.bg()
        timer = await bg.schedule(HOUR, key="bell").update({"late": 1})
        outcomes.extend((await bg.unschedule("bell"), await bg.unschedule(timer)))

    handles(dispatcher, set_and_cancel)
    await go(chat)
    await passed(HOUR)

    assert outcomes == [Cancellation.CANCELLED, Cancellation.UNKNOWN]
    assert (waiting(chat), chat.screen(1).text) == (0, "0 ")


@DURABLE
async def test_a_timer_that_is_kept_in_data_is_cancelled_by_another_process(
    life: Life,
) -> None:
    async def set_one(_: Message, dialog_manager: DialogManager) -> None:
        timer = await dialog_manager.bg().schedule(DAY).update({"late": 1})
        dialog_manager.dialog_data["timer"] = timer

    async def cancel_it(_: Message, dialog_manager: DialogManager) -> None:
        timer = dialog_manager.dialog_data.pop("timer")
        outcomes.append(await timer.cancel())

    outcomes: list[Cancellation] = []
    life.dispatcher.message.register(set_one, Command("set"))
    life.dispatcher.message.register(cancel_it, Command("cancel"))
    async with life.run() as chat:
        for text in ("/start", "/set"):
            await chat.say(1, text)
        await chat.settled()

    async with life.run() as chat:
        await chat.say(1, "/cancel")
        await chat.settled()
        await passed(DAY)

        assert chat.screen(1).text == "0 "
    assert outcomes == [Cancellation.CANCELLED]


async def test_a_timer_from_the_data_is_cancelled_in_a_turn_or_by_a_manager(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    async def set_one(_: Message, dialog_manager: DialogManager) -> None:
        timer = await dialog_manager.bg().schedule(DAY).update({"late": 1})
        dialog_manager.dialog_data["timer"] = timer

    handles(dispatcher, set_one)
    await go(chat)
    async with chat.dialog(1).fg() as manager:
        timer = manager.dialog_data["timer"]

    with pytest.raises(TimerNotBoundError, match=r"await bg\.unschedule"):
        await timer.cancel()
    assert await chat.dialog(1).unschedule(timer) is Cancellation.CANCELLED


async def test_a_handle_equals_its_copy_from_the_data(chat: Playground) -> None:
    timer = await chat.dialog(1).schedule(DAY).update()
    async with chat.dialog(1).fg() as manager:
        manager.dialog_data["timer"] = timer
    async with chat.dialog(1).fg() as manager:
        copy = manager.dialog_data["timer"]

    assert copy == timer
    assert len({copy, timer}) == 1
    assert timer != "timer"
    assert repr(timer) == f"<Timer {timer.token} in dialog/test.1:1:1>"


async def test_a_timer_that_is_cancelled_while_its_letter_lies_there_does_not_come(
    dispatcher: Dispatcher, chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    timer = await chat.dialog(1).schedule(HOUR).update({"late": 1})
    await timer.committed()
    await asyncio.sleep(HOUR.total_seconds() - 5)
    outcomes: list[Cancellation] = []

    async def wait_and_cancel(_: Message) -> None:
        held.set()
        await gate.wait()
        outcomes.append(await timer.cancel())

    handles(dispatcher, wait_and_cancel)
    await chat.say(1, "/go")
    await held.wait()
    await asyncio.sleep(10)  # its time comes in the middle of the turn
    gate.set()
    await chat.settled()
    await asyncio.sleep(1)

    assert outcomes == [Cancellation.CANCELLED]
    assert chat.screen(1).text == "0 "


# Repetitions


async def test_a_call_repeats_after_each_span_until_it_is_cancelled(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    seen = note_calls(dispatcher)
    timer = await chat.dialog(1).schedule(every=HOUR).update({"late": 1})
    await timer.committed()
    begun = now()
    await passed(3 * HOUR)

    cancelled = await timer.cancel()
    await passed(3 * HOUR)

    late = [event.due - begun for event in seen if event.due is not None]
    assert [round(span / HOUR) for span in late] == [1, 2, 3]
    assert (cancelled, waiting(chat)) == (Cancellation.CANCELLED, 0)


async def test_the_first_of_what_repeats_may_come_at_another_time(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    seen = note_calls(dispatcher)
    bg = chat.dialog(1)
    await bg.schedule(timedelta(minutes=1), every=HOUR).update({"late": 1})
    await passed(HOUR)
    await passed(timedelta(minutes=2))

    assert len(seen) == 2


@pytest.mark.long_time
async def test_what_repeats_daily_follows_the_clock_on_the_wall(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    seen = note_calls(dispatcher)
    bg = chat.dialog(1)
    daily = Daily(time(9), zone="Europe/Berlin")
    await bg.schedule(at=datetime(2026, 3, 27, 9, tzinfo=berlin), every=daily).update()
    await asyncio.sleep((datetime(2026, 3, 31, tzinfo=UTC) - now()).total_seconds())

    due = [event.due for event in seen if event.due is not None]
    assert [moment.astimezone(berlin).hour for moment in due] == [9] * 4
    assert [moment.hour for moment in due] == [8, 8, 7, 7]


@DURABLE
async def test_missed_repetitions_come_once_and_the_next_in_the_future(
    life: Life,
) -> None:
    async with life.run() as chat:
        await chat.say(1, "/start")
        await chat.settled()
        begun = now()
        await (await chat.dialog(1).schedule(every=DAY).update()).committed()

    seen = note_calls(life.dispatcher)
    await passed(10 * DAY + HOUR)
    async with life.run() as chat:
        await asyncio.sleep(10)
        come = len(seen)
        await passed(DAY)

    late = [round((event.due - begun) / DAY) for event in seen if event.due is not None]
    assert come == 1
    assert late == [1, 11]


async def test_what_repeats_goes_on_though_a_call_fails(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    seen: list[DialogUpdate] = []

    async def fail(_: NextHandler, event: DialogUpdate, __: HandlerData) -> Json:
        seen.append(event)
        raise ArithmeticError

    dispatcher.observers[DIALOG_EVENT_NAME].outer_middleware(fail)
    await chat.dialog(1).schedule(every=HOUR).update()
    await passed(3 * HOUR)

    assert len(seen) == 3
    assert [type(error) for error in chat.take_errors()] == [ArithmeticError] * 3


async def test_an_error_handler_is_told_when_the_call_was_due(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    told: list[ErrorEvent] = []

    async def fail(_: NextHandler, __: DialogUpdate, ___: HandlerData) -> Json:
        raise ArithmeticError

    async def note(event: ErrorEvent) -> None:
        told.append(event)

    dispatcher.observers[DIALOG_EVENT_NAME].outer_middleware(fail)
    dispatcher.error.register(note)
    due = now() + HOUR
    await chat.dialog(1).schedule(at=due).update()
    await passed(HOUR)

    [event] = told
    assert isinstance(event.update, DialogUpdate)
    assert event.update.due == due


# The dialog that it belongs to


@ENGINES
async def test_closing_a_dialog_takes_its_timers_back(life: Life) -> None:
    async with life.run() as chat:
        await chat.say(1, "/start")
        await chat.settled()
        bg = await counter_of(chat)
        timer = await bg.schedule(HOUR).update({"late": 1})
        stays = await chat.dialog(1).schedule(HOUR).start(Note.writing)
        await timer.committed()
        await stays.committed()
        before = waiting(chat)

        await chat.click(1, "close")
        await chat.settled()
        after = waiting(chat)
        await passed(HOUR)

        assert (before, after) == (2, 1)
        assert await timer.cancel() is Cancellation.UNKNOWN
        assert chat.screen(1).text == "write a note"


async def test_a_restarted_stack_takes_the_timers_of_its_dialogs_back(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    async def clear(_: Message, dialog_manager: DialogManager) -> None:
        await dialog_manager.reset_stack()

    handles(dispatcher, clear)
    await (await (await counter_of(chat)).schedule(HOUR).update()).committed()
    await go(chat)

    assert waiting(chat) == 0


async def test_a_timer_for_a_dialog_that_is_closed_is_refused(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    bg = await counter_of(chat)
    await chat.click(1, "close")
    await chat.settled()
    timer = await bg.schedule(HOUR).update()

    with pytest.raises(DialogClosedError):
        await timer.committed()

    refused: list[str] = []

    async def close_and_set(_: Message, dialog_manager: DialogManager) -> None:
        own = dialog_manager.bg()
        await dialog_manager.done()
        try:
            await own.schedule(HOUR).update()
        except DialogClosedError as error:
            refused.append(error.address)

    handles(dispatcher, close_and_set)
    await chat.say(1, "/start")
    await go(chat)
    assert refused == ["dialog/test.1:1:1"]
    assert (chat.take_errors(), waiting(chat)) == ([], 0)


async def test_a_timer_whose_dialog_closes_at_its_time_is_nobodys_fault(
    dispatcher: Dispatcher,
    chat: Playground,
    gate: asyncio.Event,
    held: asyncio.Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "duologue.dialogs")
    await (await (await counter_of(chat)).schedule(HOUR).update()).committed()
    await asyncio.sleep(HOUR.total_seconds() - 5)

    async def wait_and_close(_: Message, dialog_manager: DialogManager) -> None:
        held.set()
        await gate.wait()
        await dialog_manager.done()

    handles(dispatcher, wait_and_close)
    await chat.say(1, "/go")
    await held.wait()
    await asyncio.sleep(10)  # its time comes in the middle of the turn
    gate.set()
    await chat.settled()
    await asyncio.sleep(1)

    lines = [(line.levelname, line.message) for line in caplog.records]
    assert lines == [("INFO", str(DialogClosedError("dialog/test.1:1:1")))]
    assert (chat.take_errors(), chat.engine.dead_letters()) == ([], ())


async def test_a_covered_dialog_takes_what_comes_for_it(chat: Playground) -> None:
    await (await counter_of(chat)).schedule(HOUR).update({"late": 1})
    await chat.click(1, "note")
    await passed(HOUR)
    below = chat.screen(1).text
    await chat.click(1, "back")
    await chat.settled()

    assert (below, chat.screen(1).text) == ("write a note", "0 late=1")


# Bounds and mistakes


async def test_more_timers_than_a_hundred_are_refused(chat: Playground) -> None:
    bg = chat.dialog(1)
    for number in range(100):
        timer = await bg.schedule(DAY, key=f"n{number}").update()
        await timer.committed()

    one_more = await bg.schedule(DAY).update()
    with pytest.raises(TooManyTimersError, match="100 calls wait"):
        await one_more.committed()
    replaced = await bg.schedule(HOUR, key="n7").update()
    await replaced.committed()

    assert waiting(chat) == 100


async def test_of_those_that_have_come_only_the_newest_are_remembered(
    chat: Playground,
) -> None:
    bg = chat.dialog(1)
    timers = [await bg.schedule(HOUR).update() for _ in range(40)]
    await passed(HOUR)

    outcomes = [await timer.cancel() for timer in timers]

    assert outcomes.count(Cancellation.FIRED) == 32
    assert outcomes.count(Cancellation.UNKNOWN) == 8


Schedule = Callable[[BgManager], ScheduledCalls]


@pytest.mark.parametrize(
    ("schedule", "advice"),
    [
        (lambda bg: bg.schedule(), "give a delay, at= or every="),
        (lambda bg: bg.schedule(-HOUR), "is negative; give 0 or more"),
        (lambda bg: bg.schedule(HOUR, at=now()), "give one of them"),
        (lambda bg: bg.schedule(at=now().replace(tzinfo=None)), "has no time zone"),
        (lambda bg: bg.schedule(4000 * DAY), "a time before 2036"),
        (lambda bg: bg.schedule(at=now() + 4000 * DAY), "more than 10 years"),
        (lambda bg: bg.schedule(every=HOUR / 10000), "between 1 second and 10 years"),
        (lambda bg: bg.schedule(HOUR, key=""), "1 to 200 characters, not 0"),
        (lambda bg: bg.schedule(HOUR, key="k" * 201), "1 to 200 characters, not 201"),
    ],
)
async def test_a_time_that_cannot_be_is_refused_with_advice(
    chat: Playground, schedule: Schedule, advice: str
) -> None:
    with pytest.raises(ScheduleError, match=advice):
        schedule(chat.dialog(1))


@pytest.mark.parametrize(
    ("schedule", "advice"),
    [
        (lambda bg: bg.schedule(60), "a timedelta, such as"),
        (lambda bg: bg.schedule(at=60), "needs a datetime"),
        (lambda bg: bg.schedule(every="day"), r"a timedelta or Daily\(time"),
        (lambda bg: bg.schedule(HOUR, key=7), "key=7, and needs a text"),
    ],
)
async def test_what_is_no_time_is_refused_with_advice(
    chat: Playground, schedule: Schedule, advice: str
) -> None:
    with pytest.raises(WrongArgumentError, match=advice):
        schedule(chat.dialog(1))


async def test_data_that_cannot_be_stored_is_refused_when_it_is_scheduled(
    dispatcher: Dispatcher, chat: Playground
) -> None:
    async def set_one(_: Message, dialog_manager: DialogManager) -> None:
        await dialog_manager.bg().schedule(HOUR).update({"x": object()})

    handles(dispatcher, set_one)
    with pytest.raises(UnserialisableDataError, match=r"data\.x is a object"):
        await chat.dialog(1).schedule(HOUR).update({"x": object()})
    await go(chat)

    assert [type(error) for error in chat.take_errors()] == [UnserialisableDataError]


async def test_after_the_end_of_the_runtime_nothing_is_scheduled(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        bg = chat.dialog(1)

    with pytest.raises(EngineClosedError):
        await bg.schedule(HOUR).update()


# Any order of all of it


STEPS = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 3), st.integers(1, 5)),
    st.tuples(st.just("cancel"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, 4)),
    st.tuples(st.just("restart"), st.just(0), st.integers(0, 4)),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_each_timer_comes_once_unless_it_was_cancelled_or_replaced(
    steps: list[tuple[str, int, int]],
) -> None:
    """The model is what waits by key: its hour, and the number that it brings."""

    async def play() -> tuple[list[Json], list[int]]:
        life = Life(make_dispatcher(), Kept())
        waits: dict[int, tuple[int, int]] = {}
        hour, wanted, seen = 0, list[int](), note_calls(life.dispatcher)
        chat = await life.run().__aenter__()
        await (await chat.dialog(1).start(Counter.showing))
        for number, (what, key, hours) in enumerate(steps):
            bg = chat.dialog(1)
            if what == "set":
                later = bg.schedule(hours * HOUR, key=str(key))
                await (await later.update({"came": number})).committed()
                waits[key] = hour + hours, number
            elif what == "cancel":
                found = await bg.unschedule(str(key))
                assert (found is Cancellation.CANCELLED) == (key in waits)
                waits.pop(key, None)
            else:
                if what == "restart":
                    await chat.__aexit__(None, None, None)
                hour += hours
                # A second of each hour is for the steps.
                await asyncio.sleep(hours * HOUR.total_seconds() + 1)
                if what == "restart":
                    chat = await life.run().__aenter__()
                    await asyncio.sleep(1)
                due = sorted(one for one in waits.values() if one[0] <= hour)
                wanted += [number for _, number in due]
                waits = {key: one for key, one in waits.items() if one not in due}
        await chat.__aexit__(None, None, None)
        calls = [event.command for event in seen]
        return [
            call.data["came"] for call in calls if isinstance(call, UpdateData)
        ], wanted

    came, wanted = VirtualClock().run(play)

    assert came == wanted
