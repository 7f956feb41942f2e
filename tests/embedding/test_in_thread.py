"""A runtime on its own thread: the same calls, and each of them waits."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Protocol

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import MemoryEngine
from duologue.dialogs import Cancellation, Committed, ShowMode, StartMode, State
from duologue.errors import (
    CallTimeoutError,
    CallUnansweredError,
    ForegroundTimeoutError,
    IncorrectBackgroundError,
    MalformedUpdateError,
    NoContextError,
    ReentrantCallError,
    UnserialisableDataError,
)
from duologue.testing import RecordingBot, ShownMessage
from duologue.threads import (
    BlockingBgManager,
    BlockingDialogManager,
    ThreadedRuntime,
)

Screen = Callable[[], str]


class Gated(Protocol):
    """A messenger that can be kept from showing anything."""

    gate: threading.Event

    def messages(self, chat_id: int) -> tuple[ShownMessage, ...]: ...


class BoomError(Exception):
    """What the block of a test raises."""


def test_an_update_is_stored_and_shown(
    dialog: BlockingBgManager, bot: RecordingBot
) -> None:
    receipt = dialog.update({"step": 1}, timeout=30)
    outcome = receipt.wait(timeout=30)
    receipt.drawn(timeout=30)

    assert isinstance(outcome, Committed)
    assert receipt.done()
    assert bot.messages(1)[-1].text == "data step=1"


def test_every_call_of_a_background_manager_waits_until_it_is_accepted(
    runtime: ThreadedRuntime, bot: RecordingBot, showing: State, other: State
) -> None:
    dialog = runtime.dialog(chat_id=1, user_id=1)

    dialog.start(showing, {"given": 1}, StartMode.RESET_STACK)
    dialog.switch_to(other)
    dialog.update({"a": 1})
    dialog.bg(user_id=2, chat_id=2).start(showing)
    dialog.done().drawn()
    runtime.settled(timeout=30)

    assert bot.messages(1)[-1].labels == ()
    assert [message.text for message in bot.messages(2)] == ["data "]


def test_a_call_comes_later_or_is_taken_back(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    soon = dialog.schedule(timedelta(0)).update({"step": 1}, timeout=30)
    later = dialog.schedule(timedelta(days=1), key="day").update({"step": 2})
    soon.committed(timeout=30)

    assert later.cancel(timeout=30) is Cancellation.CANCELLED
    assert dialog.unschedule("day") is Cancellation.UNKNOWN
    assert later.address == dialog.address.key
    while screen() != "data step=1":
        pass


def test_the_error_of_a_call_comes_out_of_its_receipt(
    runtime: ThreadedRuntime,
) -> None:
    receipt = runtime.dialog(chat_id=9, user_id=9).update({"lost": True})

    with pytest.raises(NoContextError, match="no dialog is open"):
        receipt.wait(timeout=30)


def test_what_cannot_be_sent_is_refused_in_the_thread(
    dialog: BlockingBgManager,
) -> None:
    with pytest.raises(UnserialisableDataError, match="data"):
        dialog.update({"bad": object()})


def test_an_update_of_the_application_is_accepted_and_becomes_safe(
    runtime: ThreadedRuntime,
    dialog: BlockingBgManager,
    bot: RecordingBot,
    screen: Screen,
) -> None:
    screen()
    shown = bot.messages(1)[-1]
    raw = {
        "type": "callback_query",
        "id": "u1",
        "chat_id": 1,
        "user_id": 1,
        "time": 1.0,
        "callback_id": "c1",
        "payload": shown.payload_of("press"),
        "message": shown.to_raw(),
    }

    safe = runtime.accept(bot, raw, timeout=30)
    assert safe is not None
    safe.wait(timeout=30)

    assert dialog.address.user_id == 1
    assert screen() == "data presses=1"


def test_a_malformed_update_of_the_application_is_refused(
    runtime: ThreadedRuntime, bot: RecordingBot
) -> None:
    with pytest.raises(MalformedUpdateError):
        runtime.accept(bot, b"{not json")


def test_the_block_works_on_the_state_itself(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    with dialog.fg() as manager:
        manager.dialog_data["key"] = "value"
        manager.update()

    assert screen() == "data key=value"


def test_the_turn_is_held_while_the_block_runs(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    with ThreadPoolExecutor() as pool:
        with dialog.fg() as manager:
            seen = manager.dialog_data.get("n", 0)
            other = pool.submit(lambda: dialog.update({"n": 10}).wait())
            accepted = pool.submit(dialog.update, {"late": True}).result()
            is_held = not accepted.done()
            manager.dialog_data["n"] = seen + 1
        other.result()

    assert is_held
    assert screen() == "data n=10 late=True"


def test_ten_threads_that_count_in_blocks_count_to_ten(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    def count(_: int) -> None:
        with dialog.fg() as manager:
            seen = manager.dialog_data.get("n", 0)
            manager.dialog_data["n"] = seen + 1
            manager.show()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(count, range(10)))

    assert screen() == "data n=10"


def test_a_block_that_raises_leaves_nothing_behind(
    dialog: BlockingBgManager,
    bot: RecordingBot,
    showing: State,
    screen: Screen,
) -> None:
    def fail() -> None:
        with dialog.fg() as manager:
            manager.dialog_data["n"] = 1000
            manager.update({"m": 1000})
            dialog.bg(chat_id=2, user_id=2).start(showing)
            raise BoomError

    with pytest.raises(BoomError):
        fail()

    dialog.update({"n": 1}).wait()
    assert screen() == "data n=1"
    assert bot.messages(2) == ()


def test_a_block_beyond_its_deadline_is_dropped_and_says_so_at_its_end(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    def take_too_long() -> None:
        with lent_briefly(dialog) as manager:
            manager.dialog_data["n"] = 1000
            outlast(dialog)

    with pytest.raises(ForegroundTimeoutError) as caught:
        take_too_long()

    assert caught.value.timeout == 0.05
    assert "n=" not in screen()


def test_calls_in_a_block_beyond_its_deadline_raise_the_same_error(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    errors: list[BaseException] = []

    def take_too_long() -> None:
        with lent_briefly(dialog) as manager:
            outlast(dialog)
            with pytest.raises(ForegroundTimeoutError) as caught:
                manager.update({"late": 1})
            errors.append(caught.value)
            with pytest.raises(ForegroundTimeoutError):
                dialog.update({"late": 2})

    with pytest.raises(ForegroundTimeoutError) as at_the_end:
        take_too_long()

    assert errors == [at_the_end.value]
    assert screen() == "data after=1"


def test_the_deadline_ends_a_call_that_the_block_waits_in(
    dialog: BlockingBgManager, slow: State, screen: Screen
) -> None:
    errors: list[BaseException] = []

    def take_too_long() -> None:
        with lent_briefly(dialog) as manager:
            with pytest.raises(ForegroundTimeoutError) as caught:
                manager.start(slow)
            errors.append(caught.value)

    with pytest.raises(ForegroundTimeoutError) as at_the_end:
        take_too_long()

    assert errors == [at_the_end.value]
    assert screen() == "data "


def test_ctrl_c_in_a_block_is_not_hidden_by_its_deadline(
    dialog: BlockingBgManager, screen: Screen
) -> None:
    def interrupt() -> None:
        with lent_briefly(dialog) as manager:
            with suppress(ForegroundTimeoutError):
                manager.dialog_data["n"] = 1000
            outlast(dialog)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()

    assert screen() == "data after=1"


def test_waiting_inside_the_block_for_what_comes_after_it_is_refused(
    dialog: BlockingBgManager, runtime: ThreadedRuntime, screen: Screen
) -> None:
    with dialog.fg() as manager:
        receipt = manager.bg().update({"later": True})
        with pytest.raises(ReentrantCallError):
            receipt.wait()
        with pytest.raises(ReentrantCallError):
            runtime.settled()
        with pytest.raises(ReentrantCallError), dialog.fg():
            pass

    assert isinstance(receipt.wait(), Committed)
    assert screen() == "data later=True"


def test_a_manager_kept_beyond_its_block_says_what_to_use(
    dialog: BlockingBgManager,
) -> None:
    with dialog.fg() as manager:
        kept = manager

    with pytest.raises(IncorrectBackgroundError, match=r"manager\.bg"):
        kept.update({"late": True})


def test_the_block_can_do_what_a_handler_can(
    dialog: BlockingBgManager, other: State, screen: Screen
) -> None:
    with dialog.fg() as manager:
        manager.show_mode = ShowMode.SEND
        manager.switch_to(other)
        manager.back()
        manager.next()
        started = manager.has_context(), manager.is_covered(), manager.is_preview()
        states = (
            manager.current_context().state,
            len(manager.current_stack().intents),
        )
        loaded = manager.load_data()
        mode = manager.show_mode

    assert started == (True, False, False)
    assert states == (other, 1)
    assert loaded["shown"] == ""
    assert mode is ShowMode.SEND
    assert screen() == "other "


def test_opening_and_closing_in_a_block_is_one_turn(
    dialog: BlockingBgManager,
    bot: RecordingBot,
    showing: State,
    screen: Screen,
) -> None:
    screen()
    before = len(bot.calls)

    with dialog.fg() as manager:
        manager.start(showing, {"given": 1})
        given = manager.start_data
        manager.done()
        manager.reset_stack()
        manager.start(showing)

    assert given == {"given": 1}
    assert screen() == "data "
    assert len(bot.calls) == before + 1


def test_without_an_open_dialog_there_is_no_block(runtime: ThreadedRuntime) -> None:
    nobody = runtime.dialog(chat_id=5, user_id=5)

    with pytest.raises(NoContextError), nobody.fg():
        pass


@contextmanager
def lent_briefly(dialog: BlockingBgManager) -> Iterator[BlockingDialogManager]:
    """A block of 50 ms, once the machine has let anybody into one in that time."""
    with ExitStack() as block:
        manager = None
        while manager is None:
            with suppress(ForegroundTimeoutError):
                manager = block.enter_context(dialog.fg(timeout=0.05))
        yield manager


def outlast(dialog: BlockingBgManager) -> None:
    """Return when the turn that is lent now is over: the next one has happened."""
    with ThreadPoolExecutor() as pool:  # its thread is in no block
        pool.submit(lambda: dialog.update({"after": 1}).wait()).result()


def test_a_wait_that_takes_too_long_ends_alone_and_may_be_repeated(
    dialog: BlockingBgManager, bot: Gated
) -> None:
    dialog.update({"n": 0}).drawn()
    bot.gate.clear()

    receipt = dialog.update({"n": 1})
    outcome = receipt.wait(timeout=30)
    with pytest.raises(CallTimeoutError, match=r"receipt\.drawn\(\)") as caught:
        receipt.drawn(timeout=0.01)
    bot.gate.set()
    receipt.drawn(timeout=30)

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.seconds == 0.01
    assert isinstance(outcome, Committed)
    assert bot.messages(1)[-1].text == "data n=1"


def test_a_call_that_is_not_accepted_in_time_has_no_effect(
    dispatcher: Dispatcher, bot: RecordingBot, showing: State
) -> None:
    refused: list[int] = []
    engine = MemoryEngine(capacity=1)

    with Runtime(dispatcher, [bot], engine=engine, polling=None).in_thread() as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)
        dialog.start(showing).wait()
        with ThreadPoolExecutor(1) as pool, dialog.fg():
            for number in range(3):
                call = pool.submit(dialog.update, {f"n{number}": 1}, timeout=0.01)
                if isinstance(call.exception(), CallTimeoutError):
                    refused.append(number)
        dialog.update({"after": 1}).wait()
        runtime.settled()

    assert refused
    assert bot.messages(1)[-1].text == "data " + " ".join(
        [f"n{number}=1" for number in range(3) if number not in refused] + ["after=1"]
    )


@pytest.mark.parametrize("endless", [None, math.inf, 1e300])
def test_no_end_of_time_is_too_far_away(
    dialog: BlockingBgManager, endless: float | None
) -> None:
    receipt = dialog.update({"n": 1}, timeout=endless)

    assert isinstance(receipt.wait(timeout=endless), Committed)


@pytest.mark.parametrize("none", [0, -1, -math.inf, math.nan])
def test_what_is_no_time_is_over_at_once(
    dialog: BlockingBgManager, bot: Gated, none: float
) -> None:
    dialog.update({"n": 0}).drawn()
    bot.gate.clear()
    receipt = dialog.update({"n": 1})

    with pytest.raises(CallTimeoutError):
        receipt.drawn(timeout=none)
    bot.gate.set()


def test_a_timeout_must_be_a_number(runtime: ThreadedRuntime) -> None:
    with pytest.raises(TypeError, match="number of seconds"):
        runtime.settled(timeout="soon")  # type: ignore[arg-type]  # that is the point


def test_a_loop_that_does_not_answer_is_an_error_of_its_own(
    runtime: ThreadedRuntime, bot: RecordingBot
) -> None:
    blocking = Blocks()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(runtime.accept, bot, blocking)
        blocking.entered.wait(30)
        with pytest.raises(CallUnansweredError, match="blocks the loop"):
            runtime.settled(timeout=0.01)
        blocking.gate.set()

    assert isinstance(held.exception(), MalformedUpdateError)


class Blocks(dict[str, object]):
    """An update that blocks the loop when it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()

    def __getitem__(self, key: str) -> object:
        self.entered.set()
        self.gate.wait(30)
        return super().__getitem__(key)
