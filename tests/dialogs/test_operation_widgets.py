"""The text and the buttons of a long operation: what a user sees of it, whatever happens."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duologue import Dispatcher, F
from duologue.actors import Engine, MemoryEngine, Operation
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
)
from duologue.dialogs.widgets.input import MessageInput
from duologue.dialogs.widgets.kbd import Cancel, OperationButtons, Start
from duologue.dialogs.widgets.text import Const, Format, OperationProgress
from duologue.errors import WidgetError
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine

ANN = 1


class Main(StatesGroup):
    watching = State()


class Other(StatesGroup):
    above = State()


class Work:
    """Counts to ten, a step each two seconds; fails or hangs if it is told to.

    Attributes:
        fails: Whether it raises half-way.
        starts: How often it was started.
    """

    def __init__(self) -> None:
        self.fails = False
        self.starts = 0

    async def run(self, operation: Operation) -> None:
        """Count."""
        self.starts += 1
        for step in range(1, 11):
            await asyncio.sleep(2)
            if operation.is_stop_requested:
                return
            operation.report(text=f"step <{step}>", current=step, total=10)
            if self.fails and step == 5:
                raise ConnectionError("no <line>")


def program(work: object, *, buttons: bool = True) -> Dispatcher:
    """A dialog with the widgets, and one that covers it."""

    async def start(_: Callback, __: OperationButtons, manager: DialogManager) -> None:
        workers: DialogWorkers = manager.middleware_data["workers"]
        await workers.start(work, show=manager.bg())

    window = Window(
        Const("Count to ten."),
        OperationProgress(),
        OperationButtons(on_start=start if buttons else None),
        Start(Const("cover"), "cover", Other.above),
        Cancel(Const("close")),
        state=Main.watching,
        parse_mode="html",
    )
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window))
    dispatcher.include_router(
        Dialog(Window(Const("above"), Cancel(Const("uncover")), state=Other.above))
    )

    @dispatcher.message(F.text == "hello")
    async def begin(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.watching, mode=StartMode.RESET_STACK)

    return dispatcher


@asynccontextmanager
async def opened(
    work: object, engine: Engine | None = None
) -> AsyncIterator[Playground]:
    async with Playground(program(work), engine=engine or MemoryEngine()) as chat:
        await chat.say(ANN, "hello")
        await chat.settled()
        yield chat


def labels(chat: Playground) -> list[str]:
    """The first button, which is that of the operation."""
    return [label for row in chat.screen(ANN).labels for label in row][:-2]


def text(chat: Playground) -> list[str]:
    return chat.screen(ANN).text.splitlines()[1:]


async def click(chat: Playground, label: str) -> None:
    await chat.click(ANN, label)
    await chat.settled()


async def pass_time(chat: Playground, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await chat.settled()


async def test_an_operation_is_seen_from_its_start_to_its_end() -> None:
    async with opened(Work()) as chat:
        before = text(chat), labels(chat)
        await click(chat, "Start")
        begun = text(chat), labels(chat)
        await pass_time(chat, 11.5)
        half = text(chat), labels(chat)
        await pass_time(chat, 20)
        after = text(chat), labels(chat)

    assert before == ([], ["Start"])
    assert begun[1] == ["Stop"]
    assert half == (["█████░░░░░  50%", "step &lt;5&gt;"], ["Stop"])
    assert after == (["██████████  100%", "step &lt;10&gt;", "done"], ["Start"])


async def test_the_stop_button_stops_and_then_it_can_be_tried_again() -> None:
    work = Work()
    async with opened(work) as chat:
        await click(chat, "Start")
        await pass_time(chat, 5)
        await click(chat, "Stop")
        await pass_time(chat, 5)
        stopped = text(chat), labels(chat)
        await click(chat, "Try again")
        await pass_time(chat, 3)

        assert stopped == (
            ["██░░░░░░░░  20%", "step &lt;2&gt;", "stopped"],
            ["Try again"],
        )
        assert labels(chat) == ["Stop"]
        assert work.starts == 2


async def test_a_failure_shows_its_message_and_can_be_tried_again() -> None:
    work = Work()
    work.fails = True
    async with opened(work) as chat:
        await click(chat, "Start")
        await pass_time(chat, 30)

        assert text(chat)[-1] == "failed: no &lt;line&gt;"
        assert labels(chat) == ["Try again"]


async def test_a_press_that_is_delivered_twice_starts_once() -> None:
    work = Work()
    async with opened(work) as chat:
        await chat.click(ANN, "Start")
        await chat.deliver(chat.updates[-1])
        await pass_time(chat, 3)

        assert work.starts == 1


async def test_two_presses_at_once_start_once() -> None:
    work = Work()
    async with opened(work) as chat:
        payload = chat.screen(ANN).payload_of("Start")
        for _ in range(3):
            await chat.press(ANN, payload or "", message_id=chat.screen(ANN).id)
        await pass_time(chat, 3)

        assert work.starts == 1


async def test_a_late_press_of_stop_changes_nothing() -> None:
    async with opened(Work()) as chat:
        await click(chat, "Start")
        payload = chat.screen(ANN).payload_of("Stop")
        await pass_time(chat, 30)
        done = text(chat)
        await chat.press(ANN, payload or "", message_id=chat.screen(ANN).id)
        await chat.settled()

        assert text(chat) == done


async def test_a_dialog_that_was_covered_shows_the_end_when_it_is_seen_again() -> None:
    async with opened(Work()) as chat:
        await click(chat, "Start")
        await click(chat, "cover")
        await pass_time(chat, 30)
        covered = chat.screen(ANN).text
        await click(chat, "uncover")

        assert covered == "above"
        assert text(chat)[-1] == "done"
        assert labels(chat) == ["Start"]


async def test_an_operation_whose_process_has_died_is_lost_when_it_is_seen_again(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "1" / "state.db", tmp_path / "2" / "state.db"
    async with opened(Work(), SqliteEngine(first)) as chat:
        await click(chat, "Start")
        await pass_time(chat, 5)
        await asyncio.to_thread(shutil.copytree, first.parent, second.parent)

    engine = SqliteEngine(second)
    async with Playground(program(Work()), engine=engine) as chat:
        await (await chat.dialog(ANN).update({})).drawn()
        await chat.settled()

        assert text(chat) == [
            "██░░░░░░░░  20%",
            "step &lt;2&gt;",
            "lost: its process has ended",
        ]
        assert labels(chat) == ["Try again"]


def durable(attempts: int) -> Dispatcher:
    """The same dialog with a registered task, which outlives its process."""
    tasks = Dispatcher()

    @tasks.task(attempts=attempts)
    async def count(operation: Operation) -> None:
        for step in range(operation.resumed or 0, 10):
            await asyncio.sleep(2)
            operation.report(text=f"step {step + 1}", current=step + 1, total=10)
            operation.checkpoint(step + 1)

    made = program(count)
    made.tasks.update(tasks.tasks)
    return made


@pytest.mark.parametrize(
    ("attempts", "end"),
    [
        (3, ["██████████  100%", "step 10", "done"]),
        (1, ["lost: its process has died in each of 1 attempts"]),
    ],
)
async def test_a_task_that_outlives_its_process_is_shown_to_its_end_by_the_next(
    attempts: int, end: list[str], tmp_path: Path
) -> None:
    first, second = tmp_path / "1" / "state.db", tmp_path / "2" / "state.db"
    async with Playground(durable(attempts), engine=SqliteEngine(first)) as chat:
        await chat.say(ANN, "hello")
        await chat.settled()
        await click(chat, "Start")
        await pass_time(chat, 5)
        shown = text(chat)
        await asyncio.to_thread(shutil.copytree, first.parent, second.parent)

    engine = SqliteEngine(second)
    async with Playground(durable(attempts), engine=engine) as chat:
        await pass_time(chat, 30)
        after = text(chat)

    assert shown == ["██░░░░░░░░  20%", "step 2"]
    assert after[-len(end) :] == end


async def test_the_words_may_be_of_ones_own() -> None:
    progress = OperationProgress(
        "export",
        text=Format("{operation[current]} из {operation[total]}{operation[none]}"),
        states={"succeeded": Const("Готово")},
        width=0,
    )
    labels_of_its_own = OperationButtons(
        "go", "export", on_start=start_export, start=Const("Начать"), stop=None
    )
    window = Window(Const("-"), progress, labels_of_its_own, state=Main.watching)
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window))

    @dispatcher.message()
    async def begin(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.watching)

    async with Playground(dispatcher) as chat:
        await chat.say(ANN, "hello")
        await chat.settled()
        before = [*chat.screen(ANN).labels]
        await click(chat, "Начать")
        await pass_time(chat, 5)
        half = text(chat), [*chat.screen(ANN).labels]
        await pass_time(chat, 30)

        assert before == [("Начать",)]
        assert half == (["2 из 10"], [])
        assert text(chat) == ["10 из 10", "Готово"]


async def start_export(_: Callback, __: object, manager: DialogManager) -> None:
    workers: DialogWorkers = manager.middleware_data["workers"]
    await workers.start(Work(), show=manager.bg(), name="export")


async def test_buttons_without_a_start_only_stop() -> None:
    async with Playground(program(Work(), buttons=False)) as chat:
        await chat.say(ANN, "hello")
        await chat.settled()

        assert labels(chat) == []


WRONG: dict[str, Callable[[], object]] = {
    "no name": lambda: OperationProgress(""),
    "no text": lambda: OperationProgress(text="words"),  # type: ignore[arg-type]  # what is tested
    "no words": lambda: OperationProgress(states={"failed": "oh"}),  # type: ignore[dict-item]  # what is tested
    "no width": lambda: OperationProgress(width=-1),
    "no name for buttons": lambda: OperationButtons("operation", ""),
    "no label": lambda: OperationButtons(stop="Stop"),  # type: ignore[arg-type]  # what is tested
    "no handler": lambda: OperationButtons(on_start=lambda *_: None),  # type: ignore[arg-type]  # what is tested
}


@pytest.mark.parametrize("problem", WRONG)
def test_what_could_not_be_drawn_is_refused(problem: str) -> None:
    with pytest.raises(WidgetError):
        WRONG[problem]()


async def test_what_an_operation_asks_for_is_answered_in_the_dialog() -> None:
    async def ask(operation: Operation) -> None:
        month = await operation.ask("Which month?")
        operation.report(1, f"for {month}")

    async def answer(
        message: MessageCreated, _: MessageInput, manager: DialogManager
    ) -> None:
        workers: DialogWorkers = manager.middleware_data["workers"]
        seen.append(workers)
        known = manager.dialog_data["progress"]
        given.append(await workers.answer(known["id"], message.text))
        if message.text == "bad":
            raise ValueError("the turn fails, and so does the answer")

    given: list[bool] = []
    seen: list[DialogWorkers] = []
    dispatcher = Dispatcher()

    async def start(_: Callback, __: OperationButtons, manager: DialogManager) -> None:
        workers: DialogWorkers = manager.middleware_data["workers"]
        await workers.start(ask, show=manager.bg())

    dispatcher.include_router(
        Dialog(
            Window(
                Const("A report."),
                OperationProgress(),
                OperationButtons(on_start=start),
                MessageInput(answer),
                state=Main.watching,
            )
        )
    )

    @dispatcher.message(F.text == "hello")
    async def begin(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.watching, mode=StartMode.RESET_STACK)

    async with Playground(dispatcher) as chat:
        await chat.say(ANN, "hello")
        await chat.settled()
        await click(chat, "Start")
        await pass_time(chat, 2)
        asked = text(chat)
        await chat.say(ANN, "bad")
        await pass_time(chat, 2)
        assert len(chat.take_errors()) == 1
        still = text(chat)
        await chat.say(ANN, "May")
        await pass_time(chat, 2)
        ended = text(chat)
        await chat.say(ANN, "June")
        await chat.settled()
        worker = await chat.runtime.workers.start(ask)
        await asyncio.sleep(1)
        outside = await seen[0].answer(worker.id, "July")
        await asyncio.sleep(1)

    assert asked == still
    assert asked[-1] == "Which month?"
    assert ended[-2:] == ["for May", "done"]
    assert given == [True, True, False]
    assert outside
    assert worker.snapshot.text == "for July"
