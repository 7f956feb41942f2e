"""Many threads at once: the order of each is kept and nothing is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings, strategies as st

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    DIALOG_EVENT_NAME,
    BgManager,
    Dialog,
    DialogUpdate,
    StartMode,
    State,
    StatesGroup,
    UpdateData,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import NextHandler
from duologue.dialogs.widgets.text import Format
from duologue.testing import RecordingBot
from duologue.threads import BlockingBgManager, ThreadedRuntime

CHATS = 3


class Board(StatesGroup):
    showing = State()


class Diary:
    """Notes, in the turns themselves, which data came and in which order."""

    def __init__(self) -> None:
        self.entries: dict[int, list[dict[str, Json]]] = {}

    async def __call__(
        self, handler: NextHandler, event: DialogUpdate, data: dict[str, Json]
    ) -> Json:
        if isinstance(event.command, UpdateData) and event.command.data:
            self.entries.setdefault(event.chat_id, []).append(event.command.data)
        return await handler(event, data)


def make_dispatcher(diary: Diary) -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(Window(Format("{dialog_data}"), state=Board.showing))
    )
    dispatcher.observers[DIALOG_EVENT_NAME].middleware(diary)
    return dispatcher


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.integers(1, CHATS), max_size=12), max_size=6))
def test_each_thread_keeps_its_order_and_every_update_arrives(
    plans: list[list[int]],
) -> None:
    diary = Diary()
    begin = threading.Barrier(len(plans) or 1)

    def work(runtime: ThreadedRuntime, thread: int, chats: list[int]) -> None:
        begin.wait(30)
        receipts = [
            runtime.dialog(chat_id=chat, user_id=chat).update({f"{thread}": number})
            for number, chat in enumerate(chats)
        ]
        for receipt in receipts:
            receipt.wait()

    with (
        Runtime(
            make_dispatcher(diary), [RecordingBot()], polling=None
        ).in_thread() as runtime,
        ThreadPoolExecutor(6) as pool,
    ):
        for chat in range(1, CHATS + 1):
            runtime.dialog(chat_id=chat, user_id=chat).start(Board.showing).wait()
        jobs = [
            pool.submit(work, runtime, thread, chats)
            for thread, chats in enumerate(plans)
        ]
        for job in jobs:
            job.result()

    for thread, chats in enumerate(plans):
        for chat in range(1, CHATS + 1):
            arrived = [
                data[str(thread)]
                for data in diary.entries.get(chat, [])
                if str(thread) in data
            ]
            assert arrived == [n for n, where in enumerate(chats) if where == chat]


def test_blocks_of_many_threads_lose_no_increment() -> None:
    threads, rounds = 8, 5
    diary = Diary()

    def work(dialog: BlockingBgManager) -> None:
        for _ in range(rounds):
            with dialog.fg() as manager:
                seen = manager.dialog_data.get("n", 0)
                manager.dialog_data["n"] = seen + 1

    with (
        Runtime(
            make_dispatcher(diary), [RecordingBot()], polling=None
        ).in_thread() as runtime,
        ThreadPoolExecutor(threads) as pool,
    ):
        dialog = runtime.dialog(chat_id=1, user_id=1)
        dialog.start(Board.showing, mode=StartMode.RESET_STACK).wait()
        for job in [pool.submit(work, dialog) for _ in range(threads)]:
            job.result()
        with dialog.fg() as manager:
            counted = manager.dialog_data["n"]

    assert counted == threads * rounds


def test_the_bridge_hands_out_the_managers_that_it_stands_for() -> None:
    with Runtime(
        make_dispatcher(Diary()), [RecordingBot()], polling=None
    ).in_thread() as runtime:
        dialog: object = runtime.dialog(chat_id=1, user_id=1)

    assert not isinstance(dialog, BgManager)
    assert "BgManager" in repr(dialog)
