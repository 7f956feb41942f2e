"""A threaded program that embeds a runtime, and ends in the way that it is told."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from duologue import Dispatcher, Runtime
from duologue.dialogs import Dialog, DialogManager, State, StatesGroup, Window
from duologue.dialogs.widgets.text import Format
from duologue.errors import ForkedError
from duologue.testing import RecordingBot
from duologue.threads import ThreadedRuntime


class Board(StatesGroup):
    showing = State()
    slow = State()


async def open_slowly(_: object, manager: DialogManager) -> None:
    if manager.current_context().state is Board.slow:
        await asyncio.get_running_loop().create_future()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def make(drain: float) -> Runtime:
    dispatcher = Dispatcher()
    windows = [
        Window(Format("{dialog_data}"), state=state)
        for state in (Board.showing, Board.slow)
    ]
    dispatcher.include_router(Dialog(*windows, on_start=open_slowly))
    return Runtime(dispatcher, [BOT], polling=None, drain=drain)


def wait_for_ever(runtime: ThreadedRuntime) -> None:
    runtime.dialog(chat_id=1, user_id=1).start(Board.showing)
    receipt = runtime.dialog(chat_id=2, user_id=2).start(Board.slow)
    say("waiting")
    receipt.wait()


def interrupted(drain: float = 0.05) -> None:
    try:
        with make(drain).in_thread() as runtime:
            wait_for_ever(runtime)
    finally:
        names = [thread.name for thread in threading.enumerate()]
        say(f"shown {[m.text for m in BOT.messages(1)]}, threads {names}")


def interrupted_twice() -> None:
    interrupted(drain=3600)


class Unreachable(RecordingBot):
    async def start(self) -> None:
        say("waiting")
        await asyncio.get_running_loop().create_future()


def interrupted_at_the_start() -> None:
    try:
        with Runtime(Dispatcher(), [Unreachable()], polling=None).in_thread():
            say("never")
    finally:
        say(f"threads {[thread.name for thread in threading.enumerate()]}")


def exits() -> None:
    with make(5).in_thread() as runtime:
        runtime.dialog(chat_id=1, user_id=1).start(Board.showing)
        sys.exit(3)


def left_open() -> None:
    OPEN.append(make(3600).in_thread())
    runtime = OPEN[0].__enter__()
    runtime.dialog(chat_id=1, user_id=1).start(Board.slow)
    say("the end")


def left_open_by_a_daemon() -> None:
    entered = threading.Event()

    def work() -> None:
        with make(3600).in_thread() as runtime:
            receipt = runtime.dialog(chat_id=1, user_id=1).start(Board.slow)
            entered.set()
            receipt.wait()

    threading.Thread(target=work, daemon=True).start()
    entered.wait()
    say("the end")


def without_a_loop() -> None:
    import resource  # noqa: PLC0415  # not everywhere

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))  # a loop opens some
    try:
        with make(5).in_thread():
            say("never")
    except OSError as error:
        say(f"{error.strerror}, threads {threading.active_count()}")


def forks() -> None:
    with make(5).in_thread() as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)
        dialog.start(Board.showing).wait()
        child = os.fork()
        if child == 0:
            try:
                dialog.update({"from": "the child"})
            except ForkedError as error:
                say(f"child: {error.process == os.getppid()}")
        else:
            _, status = os.waitpid(child, 0)
            dialog.update({"from": "the parent"}).wait()
            runtime.settled()
            say(f"parent: {status} {BOT.messages(1)[-1].text}")


BOT = RecordingBot()
OPEN: list[AbstractContextManager[ThreadedRuntime, bool | None]] = []
WAYS: dict[str, Callable[[], None]] = {
    way.__name__: way
    for way in (
        interrupted,
        interrupted_twice,
        interrupted_at_the_start,
        exits,
        left_open,
        left_open_by_a_daemon,
        without_a_loop,
        forks,
    )
}

if __name__ == "__main__":
    WAYS[sys.argv[1]]()
