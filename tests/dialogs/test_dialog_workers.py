"""Background workers of dialogs: they begin with a commit, and show their progress."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from duologue import Dispatcher, F
from duologue.actors import Operation, StartPolicy, WorkerSnapshot, WorkerState
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    DialogWorkers,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
    show_progress,
)
from duologue.dialogs.widgets.kbd import Button, Cancel
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    BadRequestError,
    ForbiddenError,
    ReentrantCallError,
    UnknownWorkerError,
    WorkerBodyError,
    WorkerRunningError,
)
from duologue.testing import Method, Playground

ANN, BOB = 1, 2
LONG = 15.0  # seconds for a thread on a machine that is busy
SEEN = F["dialog_data"]["progress"]

Press: TypeAlias = Callable[[DialogManager, DialogWorkers], Awaitable[object]]


class Main(StatesGroup):
    watching = State()


class Other(StatesGroup):
    above = State()


class Counting:
    """Counts to ten, a step each two seconds."""

    async def run(self, operation: Operation) -> None:
        for step in range(1, 11):
            await asyncio.sleep(2)
            if operation.is_stop_requested:
                return
            operation.report(step / 10)


class Endless:
    """Runs until it is stopped."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, operation: Operation) -> None:
        self.runs += 1
        await operation.stopping()


def _button(label: str, press: Press) -> Button:
    async def on_click(_: Callback, _button: Button, manager: DialogManager) -> None:
        await press(manager, manager.middleware_data["workers"])

    return Button(Const(label), label, on_click=on_click)


@asynccontextmanager
async def _dialog(**presses: Press) -> AsyncIterator[Playground]:
    """Open a dialog that has a button for each function, for Ann and for Bob."""
    window = Window(
        Format("{dialog_data[progress][state]}", when=SEEN),
        Format("{dialog_data[progress][percent]:.0f} %", when=SEEN["percent"]),
        Const("nothing yet", when=~SEEN),
        *(_button(label, press) for label, press in presses.items()),
        Cancel(Const("close")),
        state=Main.watching,
    )
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window))
    dispatcher.include_router(Dialog(Window("above", state=Other.above)))

    @dispatcher.message(F.text == "hello")
    async def begin(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.watching, mode=StartMode.RESET_STACK)

    async with Playground(dispatcher) as chat:
        for user in (ANN, BOB):
            await chat.say(user, "hello")
        await chat.settled()
        yield chat


def _counting(ids: list[str]) -> Press:
    """Make a press that starts counting, shows it here, and notes which worker."""

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(Counting(), show=manager.bg()))

    return go


async def _nothing(_: DialogManager, __: DialogWorkers) -> None:
    pass


async def _end_of(chat: Playground, worker_id: str) -> WorkerSnapshot:
    snapshot = await chat.runtime.workers.get(worker_id).finished()
    await chat.settled()
    return snapshot


def _shown(chat: Playground) -> list[str]:
    return [view.text for view in chat.bot.history(chat.screen(ANN).id)]


async def test_a_dialog_shows_how_far_its_worker_is_up_to_the_last_state() -> None:
    ids: list[str] = []

    async with _dialog(go=_counting(ids)) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await _end_of(chat, ids[0])
        await chat.settled()
        shown = _shown(chat)

    steps = [f"running\n{percent} %" for percent in range(10, 101, 10)]
    assert shown[-11:] == [*steps, "succeeded\n100 %"]


async def test_between_two_states_the_calls_of_the_chat_are_left_to_the_user() -> None:
    ids: list[str] = []

    async def work(operation: Operation) -> None:
        for _ in operation.track(range(100)):
            await asyncio.sleep(0.1)

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(work, show=manager.bg(), interval=3))

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await _end_of(chat, ids[0])
        shown = _shown(chat)

    assert shown[-1] == "succeeded\n100 %"
    assert len(shown) < 8


async def test_a_slow_messenger_misses_states_but_never_the_last_one() -> None:
    ids: list[str] = []

    async with _dialog(go=_counting(ids)) as chat:
        await chat.click(ANN, "go")
        with chat.bot.hold(Method.EDIT) as hold:
            await hold.reached()
            await chat.runtime.workers.get(ids[0]).finished()
        await chat.settled()
        shown = _shown(chat)

    assert shown[-1] == "succeeded\n100 %"
    assert len(shown) < 5


async def test_a_view_that_the_messenger_refuses_is_not_the_last_one() -> None:
    ids: list[str] = []

    async with _dialog(go=_counting(ids)) as chat:
        chat.bot.fail(BadRequestError("proto.payload", "no"), method=Method.EDIT)
        await chat.click(ANN, "go")
        await chat.settled()
        await _end_of(chat, ids[0])

        assert chat.screen(ANN).text == "succeeded\n100 %"


@pytest.mark.parametrize("back", ["message", "press", "bot_started"])
async def test_a_user_who_stopped_the_bot_is_not_called_until_they_are_back(
    back: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ids: list[str] = []

    async with _dialog(go=_counting(ids), look=_nothing) as chat:
        await chat.click(ANN, "go")
        await asyncio.sleep(3)
        stopped = chat.bot.fail(*[ForbiddenError("edit", "stopped")] * 50)
        await asyncio.sleep(10)
        tried = 50 - len(stopped.left)
        stopped.left.clear()
        await chat.happen("bot_stopped", ANN)
        await chat.say(BOB, "hello")
        await asyncio.sleep(1)
        before = chat.screen(ANN).text
        if back == "message":
            await chat.say(ANN, "well?")
        elif back == "press":
            await chat.click(ANN, "look")
        else:
            await chat.happen("bot_started", ANN)
        await asyncio.sleep(0.5)
        after = chat.screen(ANN).text
        await _end_of(chat, ids[0])

        assert tried == 1
        assert (before, after) == ("running\n10 %", "running\n70 %")
        assert chat.screen(ANN).text == "succeeded\n100 %"
        assert chat.runtime.dialog(chat_id=ANN).post.absences == {}
    said = [one for one in caplog.messages if "edit failed" in one]
    assert len(said) == 1


async def test_a_worker_that_ends_while_its_user_is_away_ends_its_feed() -> None:
    ids: list[str] = []

    async with _dialog(go=_counting(ids)) as chat:
        await chat.click(ANN, "go")
        await asyncio.sleep(3)
        stopped = chat.bot.fail(*[ForbiddenError("edit", "stopped")] * 50)
        await _end_of(chat, ids[0])

        assert 50 - len(stopped.left) == 2
        async with chat.dialog(ANN).fg() as manager:
            assert manager.dialog_data["progress"]["state"] == "succeeded"


async def test_a_worker_begins_when_its_turn_is_committed() -> None:
    body = Endless()
    runs: list[int] = []
    states: list[WorkerState] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        worker_id = await workers.start(body)
        states.append((await workers.ping(worker_id)).state)
        await asyncio.sleep(5)
        runs.append(body.runs)

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        runs.append(body.runs)

    assert states == [WorkerState.PENDING]
    assert runs == [0, 1]


async def test_a_turn_that_fails_starts_and_stops_no_worker() -> None:
    first, second = Endless(), Endless()
    ids: list[str] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(first))

    async def fail(_: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(second, key="second"))
        await workers.stop(ids[0])
        raise LookupError

    async def again(_: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(second, key="second"))

    async with _dialog(go=go, fail=fail, again=again) as chat:
        for label in ("go", "fail", "again"):
            await chat.click(ANN, label)
            await chat.settled()
        workers = chat.runtime.workers
        states = [workers.get(worker_id).snapshot.state for worker_id in ids[::2]]
        with pytest.raises(UnknownWorkerError):
            workers.get(ids[1])
        errors = chat.take_errors()

    assert states == [WorkerState.RUNNING, WorkerState.RUNNING]
    assert (first.runs, second.runs) == (1, 1)
    assert [type(error) for error in errors] == [LookupError]


async def test_a_stop_button_stops_the_worker_half_way_and_the_dialog_shows_it() -> (
    None
):
    ids: list[str] = []

    async def stop(_: DialogManager, workers: DialogWorkers) -> None:
        await workers.stop(ids[0], "Ann has seen enough")

    async with _dialog(go=_counting(ids), stop=stop) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        async for snapshot in chat.runtime.workers.get(ids[0]).watch():
            if snapshot.value == 0.5:
                await chat.click(ANN, "stop")
        final = await _end_of(chat, ids[0])

        assert (final.state, final.value) == (WorkerState.CANCELLED, 0.5)
        assert final.reason == "Ann has seen enough"
        assert final.stopped_by == final.owner  # the conversation
        assert chat.screen(ANN).text == "cancelled\n50 %"


async def test_a_worker_may_be_started_and_stopped_in_one_turn() -> None:
    body = Endless()
    ids: list[str] = []

    async def both(_: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(body))
        await workers.stop(ids[0])

    async with _dialog(both=both) as chat:
        await chat.click(ANN, "both")
        await chat.settled()
        final = await _end_of(chat, ids[0])

    assert final.state is WorkerState.CANCELLED


async def test_other_conversations_do_not_find_a_worker() -> None:
    ids: list[str] = []
    refused: list[str] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(Endless()))

    async def spy(_: DialogManager, workers: DialogWorkers) -> None:
        for touch in (workers.ping, workers.stop):
            try:
                await touch(ids[0])
            except UnknownWorkerError as error:
                refused.append(error.worker_id)

    async with _dialog(go=go, spy=spy) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await chat.click(BOB, "spy")
        await chat.settled()
        is_active = chat.runtime.workers.get(ids[0]).is_active

    assert refused == [ids[0], ids[0]]
    assert is_active


@pytest.mark.parametrize("presses", [["go", "go"], ["twice"]])
async def test_under_a_key_two_starts_join_in_one_worker(presses: list[str]) -> None:
    bodies: list[Endless] = []
    ids: list[str] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        bodies.append(Endless())
        ids.append(await workers.start(bodies[-1], key="report"))

    async def twice(manager: DialogManager, workers: DialogWorkers) -> None:
        await go(manager, workers)
        await go(manager, workers)

    async with _dialog(go=go, twice=twice) as chat:
        for label in presses:
            await chat.click(ANN, label)
        await chat.settled()

    assert ids[0] == ids[1]
    assert sorted(body.runs for body in bodies) == [0, 1]


async def test_who_joins_a_worker_is_shown_its_progress_too_but_only_once() -> None:
    ids: list[str] = []

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        show = manager.bg()
        ids.append(await workers.start(Counting(), show=show, key="one", owner="all"))

    async with _dialog(go=go) as chat:
        for user in (ANN, BOB, BOB):
            await chat.click(user, "go")
        await chat.settled()
        await _end_of(chat, ids[0])
        texts = [chat.screen(user).text for user in (ANN, BOB)]
        edits = [len(chat.bot.history(chat.screen(user).id)) for user in (ANN, BOB)]

    assert len(set(ids)) == 1
    assert texts == ["succeeded\n100 %"] * 2
    assert abs(edits[0] - edits[1]) <= 1


@pytest.mark.parametrize("presses", [["go", "go"], ["twice"]])
async def test_under_a_key_a_second_start_may_be_refused(presses: list[str]) -> None:
    body = Endless()
    refused: list[str] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        try:
            await workers.start(body, key="report", policy=StartPolicy.REJECT)
        except WorkerRunningError as error:
            refused.append(error.key)

    async def twice(manager: DialogManager, workers: DialogWorkers) -> None:
        await go(manager, workers)
        await go(manager, workers)

    async with _dialog(go=go, twice=twice) as chat:
        for label in presses:
            await chat.click(ANN, label)
        await chat.settled()

    assert refused == ["report"]
    assert body.runs == 1


async def test_a_worker_of_another_owner_is_found_by_who_names_the_owner() -> None:
    ids: list[str] = []
    states: list[WorkerState] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(Endless(), owner="the shop"))
        states.append((await workers.ping(ids[0], owner="the shop")).state)

    async def stop(_: DialogManager, workers: DialogWorkers) -> None:
        states.append((await workers.ping(ids[0], owner="the shop")).state)
        await workers.stop(ids[0], owner="the shop")

    async with _dialog(go=go, stop=stop) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await chat.click(BOB, "stop")
        await chat.settled()
        states.append((await _end_of(chat, ids[0])).state)

    assert states == ["pending", "running", "cancelled"]


async def test_under_a_key_a_second_start_may_take_the_place_of_the_first() -> None:
    bodies = [Endless(), Endless()]
    ids: list[str] = []

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        body = bodies[len(ids)]
        ids.append(await workers.start(body, key="one", policy=StartPolicy.REPLACE))

    async with _dialog(go=go) as chat:
        for _ in bodies:
            await chat.click(ANN, "go")
            await chat.settled()
        first = await _end_of(chat, ids[0])
        second = chat.runtime.workers.get(ids[1]).snapshot

    assert first.state is WorkerState.CANCELLED
    assert second.state is WorkerState.RUNNING


class Lingering:
    """Needs three seconds to end."""

    async def run(self, operation: Operation) -> None:
        operation.report(0.5)
        await operation.stopping()
        await asyncio.sleep(3)


@asynccontextmanager
async def _lingering(**presses: Press) -> AsyncIterator[Playground]:
    """Open a dialog where a worker that takes time to end has the key `one`."""

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        await workers.start(Lingering(), key="one")

    async with _dialog(go=go, **presses) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        yield chat


async def test_a_worker_that_waits_for_its_place_is_pending() -> None:
    ids: list[str] = []
    states: list[WorkerState] = []

    async def replace(_: DialogManager, workers: DialogWorkers) -> None:
        policy = StartPolicy.REPLACE
        ids.append(await workers.start(Endless(), key="one", policy=policy))

    async def ask(_: DialogManager, workers: DialogWorkers) -> None:
        states.append((await workers.ping(ids[0])).state)

    async with _lingering(replace=replace, ask=ask) as chat:
        await chat.click(ANN, "replace")
        await asyncio.sleep(1)
        await chat.click(ANN, "ask")
        await chat.settled()
        await chat.click(ANN, "ask")
        await chat.settled()

    assert states == [WorkerState.PENDING, WorkerState.RUNNING]


async def test_a_worker_can_be_stopped_while_it_waits_for_its_place() -> None:
    ids: list[str] = []

    async def both(_: DialogManager, workers: DialogWorkers) -> None:
        policy = StartPolicy.REPLACE
        ids.append(await workers.start(Endless(), key="one", policy=policy))
        await workers.stop(ids[0], "not needed")

    async with _lingering(both=both) as chat:
        await chat.click(ANN, "both")
        await chat.settled()
        final = await _end_of(chat, ids[0])

    assert (final.state, final.reason) == (WorkerState.CANCELLED, "not needed")


async def test_a_worker_can_be_joined_while_it_waits_for_its_place() -> None:
    ids: list[str] = []

    async def both(manager: DialogManager, workers: DialogWorkers) -> None:
        policy = StartPolicy.REPLACE
        ids.append(await workers.start(Endless(), key="one", policy=policy))
        ids.append(await workers.start(Endless(), key="one", show=manager.bg()))

    async with _lingering(both=both) as chat:
        await chat.click(ANN, "both")
        await chat.settled()

        assert ids[0] == ids[1]
        assert chat.screen(ANN).text == "running"


@pytest.mark.parametrize("fails", [False, True])
async def test_who_joins_a_worker_that_another_turn_will_start_gets_one(
    *, fails: bool
) -> None:
    bodies = [Endless(), Endless()]
    ids: list[str] = []

    async def slow(_: DialogManager, workers: DialogWorkers) -> None:
        await workers.start(bodies[0], key="one", owner="all")
        await asyncio.sleep(5)
        if fails:
            raise LookupError

    async def join(manager: DialogManager, workers: DialogWorkers) -> None:
        show = manager.bg()
        ids.append(await workers.start(bodies[1], key="one", owner="all", show=show))

    async with _dialog(slow=slow, join=join) as chat:
        await chat.click(ANN, "slow")
        await asyncio.sleep(1)
        await chat.click(BOB, "join")
        await chat.settled()
        errors = chat.take_errors()

        assert [body.runs for body in bodies] == ([0, 1] if fails else [1, 0])
        assert [type(error) for error in errors] == [LookupError] * fails
        assert chat.runtime.workers.get(ids[0]).is_active
        assert chat.screen(BOB).text == "running"


async def test_a_dialog_shows_the_newest_worker_and_not_the_end_of_an_older_one() -> (
    None
):
    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        policy = StartPolicy.REPLACE
        await workers.start(Lingering(), key="one", policy=policy, show=manager.bg())

    async with _dialog(go=go) as chat:
        with chat.bot.hold(Method.EDIT) as hold:
            await chat.click(ANN, "go")
            await hold.reached()
            await chat.click(ANN, "go")
            await asyncio.sleep(10)
        await chat.settled()
        await asyncio.sleep(10)
        await chat.settled()

        assert chat.screen(ANN).text == "running\n50 %"


async def test_an_interval_of_nothing_still_leaves_the_loop_to_others() -> None:
    asked: list[float] = []

    class Asked(Endless):
        async def ping(self) -> None:
            asked.append(asyncio.get_running_loop().time())

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        await workers.start(Asked(), show=manager.bg(), interval=0)

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await asyncio.sleep(10)

    assert 50 < len(asked) < 150


async def test_what_cannot_run_is_refused_in_the_handler() -> None:
    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        await workers.start(7)

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        errors = chat.take_errors()

    assert [type(error) for error in errors] == [WorkerBodyError]


async def test_a_task_starts_workers_of_nobody_in_particular() -> None:
    ids: list[str] = []

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        bg = manager.bg()

        async def task() -> None:
            ids.append(await workers.start(Counting(), show=bg))
            assert (await workers.ping(ids[0])).is_active
            await workers.stop(ids[0])

        manager.middleware_data["task_group"].start_soon(task)

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        final = await _end_of(chat, ids[0])

        assert (final.owner, final.state) == ("", WorkerState.CANCELLED)
        assert chat.screen(ANN).text == "cancelled"


async def test_a_dialog_that_is_closed_is_not_told_and_the_worker_goes_on() -> None:
    ids: list[str] = []

    async with _dialog(go=_counting(ids)) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await chat.click(ANN, "close")
        final = await _end_of(chat, ids[0])

    assert final.state is WorkerState.SUCCEEDED


async def test_a_covered_dialog_shows_the_last_state_when_it_is_back() -> None:
    ids: list[str] = []

    async def cover(manager: DialogManager, _: DialogWorkers) -> None:
        await manager.start(Other.above)

    async with _dialog(go=_counting(ids), cover=cover) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await chat.click(ANN, "cover")
        await _end_of(chat, ids[0])
        covered = chat.screen(ANN).text
        await (await chat.dialog(ANN).done()).drawn()

        assert covered == "above"
        assert chat.screen(ANN).text == "succeeded\n100 %"


async def test_an_error_of_the_window_is_reported_and_the_last_state_shown() -> None:
    ids: list[str] = []

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(Counting(), show=manager.bg(), name="hurdle"))

    hurdle = F["dialog_data"]["hurdle"]
    window = Window(
        Format("{missing}", when=hurdle["percent"] == 50),
        Format("{dialog_data[hurdle][state]}", when=hurdle),
        Const("go"),
        _button("go", go),
        state=Main.watching,
    )
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window))

    @dispatcher.message()
    async def begin(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.watching)

    async with Playground(dispatcher) as chat:
        await chat.say(ANN, "hello")
        await chat.settled()
        await chat.click(ANN, "go")
        await chat.settled()
        await _end_of(chat, ids[0])
        await chat.settled()
        errors = chat.take_errors()

        assert chat.screen(ANN).text == "succeeded\ngo"
        assert len(errors) == 1


async def test_the_end_of_the_runtime_stops_workers_and_shows_that() -> None:
    ids: list[str] = []

    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        ids.append(await workers.start(Endless(), show=manager.bg()))

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await chat.settled()

    assert chat.screen(ANN).text == "cancelled"


async def test_the_end_of_the_runtime_stops_workers_although_a_turn_hangs() -> None:
    told = threading.Event()

    class Told:
        def run(self) -> None:
            told.wait()

        def stop(self) -> None:
            told.set()

    async def go(_: DialogManager, workers: DialogWorkers) -> None:
        await workers.start(Told())

    async def hang(_: DialogManager, __: DialogWorkers) -> None:
        await asyncio.Event().wait()

    async with _dialog(go=go, hang=hang) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        await chat.click(ANN, "hang")
        await asyncio.sleep(1)

    assert await asyncio.to_thread(told.wait, LONG)


async def test_the_program_may_show_a_worker_in_any_dialog() -> None:
    async with _dialog() as chat:
        worker = await chat.runtime.workers.start(Counting())
        await show_progress(worker, chat.dialog(BOB))

        assert chat.screen(BOB).text == "succeeded\n100 %"


async def test_showing_progress_inside_a_turn_raises_at_once() -> None:
    async def go(manager: DialogManager, workers: DialogWorkers) -> None:
        del workers
        worker = await chat.runtime.workers.start(Endless())
        await show_progress(worker, manager.bg())

    async with _dialog(go=go) as chat:
        await chat.click(ANN, "go")
        await chat.settled()
        errors = chat.take_errors()

    assert [type(error) for error in errors] == [ReentrantCallError]
