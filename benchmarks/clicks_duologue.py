"""Clicks through duologue: JSON of the MAX Bot API in, request bodies out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TypeAlias

from clicks import (
    LABEL,
    TEXT,
    WIDGET,
    Job,
    Result,
    Work,
    check_screens,
    filler,
    stopwatch,
    tell,
    tick,
)
from max_null import NullBot, clicked, started

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport.max import Bot

# As many updates as one answer to a poll holds at most.
_BATCH = 100


OnClick: TypeAlias = Callable[[Callback, Button, DialogManager], Awaitable[None]]


class _Counting(StatesGroup):
    shown = State()


async def _getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    return {"count": dialog_manager.dialog_data["count"]}


async def _on_click(_: Callback, __: Button, manager: DialogManager) -> None:
    manager.dialog_data["count"] += 1


async def _on_start(_: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(_Counting.shown, mode=StartMode.RESET_STACK)


def counting(data_kb: int = 0, on_click: OnClick = _on_click) -> Dispatcher:
    """A dialog with a counter, and a button that adds one.

    Args:
        data_kb: How many thousand bytes of JSON it holds beside its counter.
        on_click: What the button does instead.
    """

    async def on_open(_: object, manager: DialogManager) -> None:
        manager.dialog_data.update(count=0, rows=filler(data_kb))

    window = Window(
        Format(TEXT),
        Button(Const(LABEL), id=WIDGET, on_click=on_click),
        state=_Counting.shown,
        getter=_getter,
    )
    dispatcher = Dispatcher()
    dispatcher.message.register(_on_start, CommandStart())
    dispatcher.include_router(Dialog(window, on_start=on_open))
    return dispatcher


class Nobody:
    """An observer that forgets everything."""

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Forget it."""

    def record(self, name: str, value: float, /, **labels: str) -> None:
        """Forget it."""


def plain(dispatcher: Dispatcher, bot: Bot) -> Runtime:
    """A runtime that only counts in memory, as it does without being asked."""
    return Runtime(dispatcher, [bot], polling=None)


@dataclass(frozen=True, slots=True)
class Duologue:
    """Handles clicks with duologue.

    Attributes:
        one_call: Whether one request both answers the press and draws, as on MAX;
            otherwise there are two, as on Telegram.
        round_trip: Seconds that a request takes. If there are any, clicks do not
            wait for what the one before has drawn, and views coalesce.
        make: Makes the runtime, which must not poll.
    """

    one_call: bool = True
    round_trip: float = 0.0
    make: Callable[[Dispatcher, Bot], Runtime] = plain

    async def __call__(self, job: Job) -> Result:
        """Open the dialog in each chat, then time the job."""
        bot = NullBot(one_call=self.one_call, round_trip=self.round_trip)
        async with self.make(counting(job.data_kb), bot) as runtime:
            for chat in job.everywhere:
                await runtime.accept(bot, started(chat))
            await runtime.settled()
            prepared = self._prepare(job, runtime, bot)
            requests, views = bot.http.requests, bot.http.views
            with stopwatch() as watch:
                await prepared
                await runtime.settled()
        shown = {chat: str(bot.http.view(chat)["text"]) for chat in bot.http.last}
        check_screens(shown, job)
        return Result(
            job.clicks,
            bot.http.requests - requests,
            bot.http.views - views,
            watch.seconds,
        )

    def _prepare(
        self, job: Job, runtime: Runtime, bot: NullBot
    ) -> Coroutine[object, object, None]:
        """Make what is not to be measured, and name what is."""
        if job.work is Work.PRESS:
            updates = [
                clicked(chat, number, bot.http.view(chat))
                for number in range(job.clicks)
                for chat in [job.chat(number)]
            ]
            if self.round_trip:
                return self._committed(runtime, bot, updates)
            return self._drawn(runtime, bot, updates, job.chats)
        dialogs = {
            chat: runtime.dialog(bot, chat_id=chat, user_id=chat)
            for chat in job.everywhere
        }

        async def commit(chat: int, count: int) -> None:
            _ = await dialogs[chat].update({"count": count})

        async def draw(chat: int, count: int) -> None:
            receipt = await dialogs[chat].update({"count": count})
            await receipt.drawn()

        return tell(job, commit) if job.work is Work.UPDATE else tick(job, draw)

    async def _drawn(
        self, runtime: Runtime, bot: NullBot, updates: list[bytes], chats: int
    ) -> None:
        """Let a chat click again when its last click has been drawn."""
        before, calls = bot.http.requests, 1 if self.one_call else 2
        at_once = min(chats, _BATCH)
        for start in range(0, len(updates), at_once):
            batch = updates[start : start + at_once]
            for update in batch:
                await runtime.accept(bot, update)
            await bot.http.sent(before + calls * (start + len(batch)))

    async def _committed(
        self, runtime: Runtime, bot: NullBot, updates: list[bytes]
    ) -> None:
        """Let a batch of clicks follow when the last is committed, as polling does."""
        for start in range(0, len(updates), _BATCH):
            accepted = [
                await runtime.accept(bot, update)
                for update in updates[start : start + _BATCH]
            ]
            for safe in accepted:
                if safe is not None:
                    await safe
