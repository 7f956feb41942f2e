"""Clicks through aiogram_dialog: JSON of the Telegram Bot API in, forms out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.filters import CommandStart
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import (
    BaseEventIsolation,
    BaseStorage,
    DefaultKeyBuilder,
    StorageKey,
)
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import CallbackQuery, Message
from aiogram_dialog import (
    BgManagerFactory,
    Dialog,
    DialogManager,
    StartMode,
    Window,
    setup_dialogs,
)
from aiogram_dialog.widgets.kbd import Button
from aiogram_dialog.widgets.text import Const, Format
from aiohttp.payload import BytesPayload
from clicks import (
    LABEL,
    START,
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

_BOT = {"id": 1, "is_bot": True, "first_name": "Bench", "username": "bench_bot"}
_TIME = 1_700_000_000
# What pydantic makes for the answers it forgets with the next garbage collection,
# and a press with much data makes it anew: for the peer's sake that is left out.
_KEPT = (Response[bool], Response[Message], Response[Message | bool])


class _Counting(StatesGroup):
    shown = State()


async def _getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    return {"count": dialog_manager.dialog_data["count"]}


async def _on_click(_: CallbackQuery, __: Button, manager: DialogManager) -> None:
    manager.dialog_data["count"] += 1


async def _on_start(_: Message, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(_Counting.shown, mode=StartMode.RESET_STACK)


def _counting(job: Job, storage: BaseStorage) -> tuple[Dispatcher, BgManagerFactory]:
    async def on_open(_: object, manager: DialogManager) -> None:
        manager.dialog_data.update(count=0, rows=filler(job.data_kb))

    window = Window(
        Format(TEXT),
        Button(Const(LABEL), id=WIDGET, on_click=_on_click),
        state=_Counting.shown,
        getter=_getter,
    )
    dispatcher = Dispatcher(storage=storage)
    dispatcher.message.register(_on_start, CommandStart())
    dispatcher.include_router(Dialog(window, on_start=on_open))
    isolation: BaseEventIsolation | None = None
    if isinstance(storage, RedisStorage):
        isolation = storage.create_isolation()
    return dispatcher, setup_dialogs(dispatcher, events_isolation=isolation)


def on_redis(url: str) -> RedisStorage:
    """Its storage on Redis, which also has one event of a chat follow the other."""
    return RedisStorage.from_url(url, key_builder=DefaultKeyBuilder(with_destiny=True))


class JsonStorage(MemoryStorage):
    """Keeps JSON, as every storage outside of the process has to."""

    async def set_data(self, key: StorageKey, data: Mapping[str, object]) -> None:
        """Write it."""
        await super().set_data(key, {"json": json.dumps(data)})

    async def get_data(self, key: StorageKey) -> dict[str, object]:
        """Read it."""
        kept = await super().get_data(key)
        read: dict[str, object] = json.loads(kept["json"]) if kept else {}
        return read


class _NullSession(AiohttpSession):
    """Makes the form of each request, sends it nowhere and reads a canned answer."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.views = 0
        self.last: dict[int, str] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def make_request(  # type: ignore[explicit-any]  # in the peer's type variable
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - the peer's signature
    ) -> TelegramType:
        del timeout
        form = cast("BytesPayload", self.build_form_data(bot, method)())
        written = form.decode()
        self.requests += 1
        answer = '{"ok":true,"result":true}'
        chat = getattr(method, "chat_id", None)
        if chat is not None:
            self.views += 1
            self.last[chat] = written
            if chat in self._waiting:
                self._waiting.pop(chat).set_result(None)
            answer = f'{{"ok":true,"result":{_sent(chat, method)}}}'
        response = self.check_response(bot, method, 200, answer)
        return cast("TelegramType", response.result)  # type: ignore[explicit-any]  # as above

    def drawn(self, chat: int) -> asyncio.Future[None]:
        """A future that ends with the next view of a chat."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[chat] = waiter
        return waiter

    def field(self, chat: int, name: str) -> str:
        """A field of the last form sent to a chat."""
        return parse_qs(self.last[chat])[name][0]


def _sent(chat: int, method: object) -> str:
    """What Telegram would answer: the message as it is now, without its buttons."""
    text = json.dumps(getattr(method, "text", ""))
    return (
        f'{{"message_id":{chat},"date":{_TIME},"text":{text},'
        f'"chat":{{"id":{chat},"type":"private","first_name":"Ann"}},'
        '"from":{"id":1,"is_bot":true,"first_name":"Bench"}}'
    )


@dataclass(frozen=True, slots=True)
class Aiogram:
    """Handles clicks with aiogram_dialog, one after another.

    Attributes:
        make_storage: Makes the storage of a run; by default objects in memory.
    """

    make_storage: Callable[[], BaseStorage] = MemoryStorage

    async def __call__(self, job: Job) -> Result:
        """Open the dialog in each chat, then time the job."""
        session = _NullSession()
        bot = Bot("1:token", session=session)
        storage = self.make_storage()
        dispatcher, dialogs = _counting(job, storage)
        for chat in job.everywhere:
            await dispatcher.feed_raw_update(bot, json.loads(_started(chat)))
        prepared = _prepare(job, dispatcher, bot, session, dialogs)
        requests, views = session.requests, session.views
        with stopwatch() as watch:
            await prepared
            await quiet()
        await storage.close()
        shown = {chat: session.field(chat, "text") for chat in session.last}
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
            _clicked(job.chat(number), number, session) for number in range(job.clicks)
        ]
        return _press(dispatcher, bot, updates)
    dialogs = {
        chat: factory.bg(bot, user_id=chat, chat_id=chat) for chat in job.everywhere
    }

    async def draw(chat: int, count: int) -> None:
        drawn = session.drawn(chat)
        await dialogs[chat].update({"count": count})
        await drawn

    return tell(job, draw) if job.work is Work.UPDATE else tick(job, draw)


async def _press(dispatcher: Dispatcher, bot: Bot, updates: list[bytes]) -> None:
    for update in updates:
        await dispatcher.feed_raw_update(bot, json.loads(update))


def _started(chat: int) -> bytes:
    message = {**_message(chat), "from": _user(chat), "text": START}
    return json.dumps({"update_id": chat, "message": message}).encode()


def _clicked(chat: int, number: int, sent: _NullSession) -> bytes:
    keyboard = json.loads(sent.field(chat, "reply_markup"))
    return json.dumps(
        {
            # Ids that repeat among chats would collide in a cache of the peer.
            "update_id": 1_000_000 + number,
            "callback_query": {
                "id": f"{number}.{chat}",
                "from": _user(chat),
                "chat_instance": "1",
                "message": {
                    **_message(chat),
                    "from": _BOT,
                    "text": sent.field(chat, "text"),
                    "reply_markup": keyboard,
                },
                "data": keyboard["inline_keyboard"][0][0]["callback_data"],
            },
        }
    ).encode()


def _user(chat: int) -> dict[str, object]:
    return {"id": chat, "is_bot": False, "first_name": "Ann", "last_name": "Lee"}


def _message(chat: int) -> dict[str, object]:
    return {
        "message_id": chat,
        "date": _TIME,
        "chat": {"id": chat, "type": "private", "first_name": "Ann"},
    }
