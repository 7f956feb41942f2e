"""The life of the thread: how it begins, what it refuses, how it ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Committed,
    Dialog,
    DialogManager,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.text import Const
from duologue.errors import (
    BlockingCallError,
    DispatcherTakenError,
    InvalidDialogError,
    MessengerUnavailableError,
    RuntimeStoppedError,
    UnauthorizedError,
)
from duologue.testing import RecordingBot
from duologue.threads import ThreadedRuntime
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

Make = Callable[[], Runtime]


class Errors(list[BaseException]):
    """What nobody awaited."""

    def __call__(self, error: BaseException, _: str, /) -> None:
        self.append(error)


@pytest.fixture
def make(dispatcher: Dispatcher, bot: RecordingBot) -> Make:
    return lambda: Runtime(dispatcher, [bot], polling=None)


def _names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_the_thread_lives_as_long_as_the_block(make: Make) -> None:
    with make().in_thread():
        inside = _names()

    assert "duologue-runtime" in inside
    assert "duologue-runtime" not in _names()


def test_an_error_at_the_start_comes_out_of_the_block(bot: RecordingBot) -> None:
    class Twice(StatesGroup):
        state = State()

    dispatcher = Dispatcher()
    for _ in range(2):
        dispatcher.include_router(Dialog(Window(Const("x"), state=Twice.state)))

    with (
        pytest.raises(InvalidDialogError),
        Runtime(dispatcher, [bot], polling=None).in_thread(),
    ):
        pytest.fail("the block must not begin")

    assert "duologue-runtime" not in _names()


def test_a_messenger_that_is_not_there_is_an_error_of_the_block(
    dispatcher: Dispatcher, tmp_path: Path, unused_port: int
) -> None:
    bot = Bot("token", base_url=f"http://127.0.0.1:{unused_port}")
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path, start_timeout=0)

    with pytest.raises(MessengerUnavailableError), runtime.in_thread():
        pytest.fail("the block must not begin")


@pytest.mark.real_time
async def test_a_wrong_token_is_an_error_of_the_block(
    dispatcher: Dispatcher, tmp_path: Path
) -> None:
    def threaded_program(url: str) -> None:
        runtime = Runtime(dispatcher, [Bot("wrong", base_url=url)], state_dir=tmp_path)
        with pytest.raises(UnauthorizedError), runtime.in_thread():
            pytest.fail("the block must not begin")

    async with Sandbox() as sandbox:
        await asyncio.to_thread(threaded_program, sandbox.url)


def test_a_runtime_inside_itself_is_refused_and_the_first_goes_on(
    make: Make, bot: RecordingBot, showing: State
) -> None:
    runtime = make()

    with runtime.in_thread() as first:
        for second in (runtime, make()):
            with pytest.raises(DispatcherTakenError), second.in_thread():
                pytest.fail("the block must not begin")
        first.dialog(chat_id=1, user_id=1).start(showing).wait()

    assert bot.messages(1)[-1].text == "data "


def test_a_dispatcher_may_be_used_again_when_its_runtime_has_ended(
    make: Make, bot: RecordingBot, showing: State
) -> None:
    for _ in range(2):
        with make().in_thread() as runtime:
            runtime.dialog(chat_id=1, user_id=1).start(showing).wait()

    assert [message.text for message in bot.messages(1)] == ["data ", "data "]


@pytest.fixture
def unused_port() -> int:
    """A port where nobody listens: it was free a moment ago."""
    import socket  # noqa: PLC0415  # for this fixture only

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_end_of_the_block_finishes_what_was_accepted(
    make: Make, bot: RecordingBot, showing: State
) -> None:
    with make().in_thread() as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)
        dialog.start(showing)
        receipts = [dialog.update({"n": number}) for number in range(20)]

    assert bot.messages(1)[-1].text == "data n=19"
    with pytest.raises(RuntimeStoppedError):
        receipts[-1].wait()


def test_calls_after_the_end_say_that_it_has_stopped(make: Make) -> None:
    with make().in_thread() as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)

    with pytest.raises(RuntimeStoppedError):
        dialog.update({"n": 1})
    with pytest.raises(RuntimeStoppedError):
        runtime.settled()


def test_an_error_of_the_block_comes_out_after_everything_is_finished(
    make: Make, bot: RecordingBot, showing: State
) -> None:
    def fail() -> None:
        with make().in_thread() as runtime:
            runtime.dialog(chat_id=1, user_id=1).start(showing)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert bot.messages(1)[-1].text == "data "
    assert "duologue-runtime" not in _names()


def test_what_cannot_be_finished_in_time_is_ended(
    dispatcher: Dispatcher, bot: RecordingBot, slow: State
) -> None:
    runtime = Runtime(dispatcher, [bot], polling=None, drain=0.05)
    errors: list[BaseException] = []

    with runtime.in_thread() as threaded:
        receipt = threaded.dialog(chat_id=1, user_id=1).start(slow)

        def wait() -> None:
            with pytest.raises(RuntimeStoppedError) as caught:
                receipt.wait()
            errors.append(caught.value)

        waiter = threading.Thread(target=wait)
        waiter.start()
    waiter.join(30)

    assert len(errors) == 1


def test_a_handler_that_uses_the_blocking_calls_is_told_the_awaitable_form(
    bot: RecordingBot,
) -> None:
    errors = Errors()
    threaded: list[ThreadedRuntime] = []
    opened = threading.Event()

    async def on_start(_: object, __: DialogManager) -> None:
        opened.set()
        threaded[0].dialog(chat_id=1, user_id=1)

    class Own(StatesGroup):
        state = State()

    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(Window(Const("x"), state=Own.state), on_start=on_start)
    )

    with Runtime(dispatcher, [bot], polling=None, on_error=errors).in_thread() as own:
        threaded.append(own)
        receipt = own.dialog(chat_id=1, user_id=1).start(Own.state)
        with pytest.raises(BlockingCallError, match=r"runtime\.dialog\(\.\.\.\)"):
            receipt.wait()

    assert opened.is_set()


def test_a_thread_that_runs_actors_of_its_own_must_not_wait_either(
    make: Make,
) -> None:
    async def host_another(threaded: ThreadedRuntime) -> None:
        async with Runtime(Dispatcher(), [RecordingBot(id=2)], polling=None):
            with pytest.raises(BlockingCallError, match=r"await runtime\.settled"):
                threaded.settled()

    with make().in_thread() as threaded:
        asyncio.run(host_another(threaded))


def test_two_runtimes_live_side_by_side(
    make: Make, bot: RecordingBot, showing: State
) -> None:
    class Own(StatesGroup):
        state = State()

    own = Dispatcher()
    own.include_router(Dialog(Window(Const("the other bot"), state=Own.state)))
    second = RecordingBot(id=2)

    with (
        make().in_thread() as one,
        Runtime(own, [second], polling=None).in_thread() as two,
    ):
        one.dialog(chat_id=1, user_id=1).start(showing).wait()
        two.dialog(chat_id=1, user_id=1).start(Own.state).wait()

    assert [m.text for m in bot.messages(1)] == ["data "]
    assert [m.text for m in second.messages(1)] == ["the other bot"]


def test_the_runtime_of_a_thread_is_used_by_others_until_the_end(
    make: Make, showing: State
) -> None:
    """The context of a thread that was started inside does not bind it."""
    found: list[object] = []

    with make().in_thread() as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)

        def work() -> None:
            found.append(dialog.start(showing).wait())

        worker = threading.Thread(target=work)
        worker.start()
        worker.join(30)

    assert found == [Committed(1)]


def test_records_name_the_thread(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), make().in_thread() as runtime:
        runtime.dialog(chat_id=9, user_id=9).update({"lost": True})
        runtime.settled()

    records = [r for r in caplog.records if "no dialog is open" in r.getMessage()]
    assert {record.threadName for record in records} == {"duologue-runtime"}
