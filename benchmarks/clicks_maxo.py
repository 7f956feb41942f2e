"""Clicks through maxo's dialogs: JSON of the MAX Bot API in, request bodies out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from clicks import (
    LABEL,
    TEXT,
    WIDGET,
    Job,
    Result,
    Work,
    check_screens,
    filler,
    quiet,
    stopwatch,
    tell,
    tick,
)
from max_null import clicked, started
from maxo import Bot, Dispatcher
from maxo.bot.api_client import MaxApiClient
from maxo.bot.state import RunningBotState
from maxo.dialogs import Dialog, DialogManager, StartMode, Window, setup_dialogs
from maxo.dialogs.api.protocols import BgManagerFactory
from maxo.dialogs.widgets.kbd import Button
from maxo.dialogs.widgets.text import Const, Format
from maxo.enums import ChatType
from maxo.fsm import State, StatesGroup
from maxo.fsm.key_builder import DefaultKeyBuilder
from maxo.routing.filters import CommandStart
from maxo.routing.signals import BeforeStartup, MaxoUpdate
from maxo.types import BotInfo, Updates

_TIME = 1_700_000_000_000


class _Counting(StatesGroup):  # type: ignore[misc]  # its types are not read
    shown = State()


async def _getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    return {"count": dialog_manager.dialog_data["count"]}


async def _on_click(_: object, __: Button, manager: DialogManager) -> None:
    manager.dialog_data["count"] += 1


async def _on_start(_: object, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(_Counting.shown, mode=StartMode.RESET_STACK)


def _counting(job: Job) -> tuple[Dispatcher, BgManagerFactory]:
    async def on_open(_: object, manager: DialogManager) -> None:
        manager.dialog_data.update(count=0, rows=filler(job.data_kb))

    window = Window(
        Format(TEXT),
        Button(Const(LABEL), id=WIDGET, on_click=_on_click),
        state=_Counting.shown,
        getter=_getter,
    )
    dispatcher = Dispatcher(key_builder=DefaultKeyBuilder(with_destiny=True))
    dispatcher.message_created.handler(_on_start, CommandStart())
    dispatcher.include(Dialog(window, on_start=on_open))
    return dispatcher, setup_dialogs(dispatcher)


class _Answer:
    """What the stubbed session gives back for a request."""

    status = 200

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open."""

    async def read(self) -> bytes:
        """The body."""
        return self._content


class _NullSession:
    """Takes the body of each request, sends it nowhere and has a canned answer."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.requests = 0
        self.views = 0
        self.last: dict[int, str] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}

    def request(
        self,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, object],
        data: str | None,
    ) -> _Answer:
        """Take note of the body, and answer."""
        del headers
        self.requests += 1
        place = url.rpartition("/")[2]
        if method.upper() == "GET":
            return _Answer(self._shown(int(place.rpartition(".")[2])))
        if place != "messages" or data is None:
            return _Answer(b'{"success":true}')
        chat = int(str(next(iter(params.values()))).rpartition(".")[2])
        self.views += 1
        self.last[chat] = data
        if chat in self._waiting:
            self._waiting.pop(chat).set_result(None)
        if method.upper() == "PUT":
            return _Answer(b'{"success":true}')
        return _Answer(b'{"message":%s}' % self._shown(chat))

    async def close(self) -> None:
        """Nothing is open."""

    def drawn(self, chat: int) -> asyncio.Future[None]:
        """A future that ends with the next view of a chat."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[chat] = waiter
        return waiter

    def view(self, chat: int) -> dict[str, object]:
        """The last view sent to a chat, read from the body of the request."""
        body: dict[str, object] = json.loads(self.last[chat])
        return body

    def _shown(self, chat: int) -> bytes:
        """What MAX would answer: the message as it is now."""
        body = f'{{"mid":"mid.{chat}","seq":1,{self.last[chat][1:]}'
        return (
            f'{{"recipient":{{"chat_id":{chat},"chat_type":"dialog","user_id":{chat}}},'
            f'"timestamp":{_TIME},"body":{body}}}'
        ).encode()


class Maxo:
    """Handles clicks with maxo's dialogs and message manager, one after another."""

    def __init__(self) -> None:
        # It compiles what reads and writes its types once in its life.
        self._bot = Bot("token", warming_up=False)

    async def __call__(self, job: Job) -> Result:
        """Open the dialog in each chat, then time the job."""
        session, bot = _NullSession(), self._bot
        retort = bot.retort
        client = MaxApiClient(
            "token", request_dumper=retort, response_loader=retort, session=session
        )
        now = datetime.now(UTC)
        info = BotInfo(user_id=1, first_name="B", is_bot=True, last_activity_time=now)
        bot._state = RunningBotState(info=info, api_client=client)  # noqa: SLF001 - as its own FakeBot does
        dispatcher, factory = _counting(job)
        await dispatcher.feed_signal(BeforeStartup(), bot)
        for chat in job.everywhere:
            await _feed(dispatcher, bot, started(chat))
        prepared = _prepare(job, dispatcher, bot, session, factory)
        requests, views = session.requests, session.views
        with stopwatch() as watch:
            await prepared
            await quiet()
        shown = {chat: str(session.view(chat)["text"]) for chat in session.last}
        check_screens(shown, job)
        return Result(
            job.clicks,
            session.requests - requests,
            session.views - views,
            watch.seconds,
        )


def _prepare(
    job: Job,
    dispatcher: Dispatcher,
    bot: Bot,
    session: _NullSession,
    factory: BgManagerFactory,
) -> Coroutine[object, object, None]:
    """Make what is not to be measured, and name what is."""
    if job.work is Work.PRESS:
        updates = [
            clicked(chat, number, session.view(chat))
            for number in range(job.clicks)
            for chat in [job.chat(number)]
        ]
        return _press(dispatcher, bot, updates)
    dialogs = {
        chat: factory.bg(bot, user_id=chat, chat_id=chat, chat_type=ChatType.DIALOG)
        for chat in job.everywhere
    }

    async def draw(chat: int, count: int) -> None:
        drawn = session.drawn(chat)
        await dialogs[chat].update({"count": count})
        await drawn

    return tell(job, draw) if job.work is Work.UPDATE else tick(job, draw)


async def _press(dispatcher: Dispatcher, bot: Bot, updates: list[bytes]) -> None:
    for update in updates:
        await _feed(dispatcher, bot, update)


async def _feed(dispatcher: Dispatcher, bot: Bot, raw: bytes) -> None:
    update = MaxoUpdate(update=bot.retort.load(json.loads(raw), Updates))
    await dispatcher.feed_max_update(update, bot)
