"""Clicks through aiogram_dialog: JSON of the Telegram Bot API in, forms out."""

from __future__ import annotations

import json
from typing import cast
from urllib.parse import parse_qs

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.filters import CommandStart
from aiogram.fsm.state import State, StatesGroup
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import CallbackQuery, Message
from aiogram_dialog import Dialog, DialogManager, StartMode, Window, setup_dialogs
from aiogram_dialog.widgets.kbd import Button
from aiogram_dialog.widgets.text import Const, Format
from aiohttp.payload import BytesPayload
from clicks import (
    FIRST_CHAT,
    LABEL,
    START,
    TEXT,
    WIDGET,
    Result,
    check_screens,
    stopwatch,
)

_BOT = {"id": 1, "is_bot": True, "first_name": "Bench", "username": "bench_bot"}
_TIME = 1_700_000_000


class _Counting(StatesGroup):
    shown = State()


async def _getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    return {"count": dialog_manager.dialog_data["count"]}


async def _on_click(_: CallbackQuery, __: Button, manager: DialogManager) -> None:
    manager.dialog_data["count"] += 1


async def _on_open(_: object, manager: DialogManager) -> None:
    manager.dialog_data["count"] = 0


async def _on_start(_: Message, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(_Counting.shown, mode=StartMode.RESET_STACK)


def _dispatcher() -> Dispatcher:
    window = Window(
        Format(TEXT),
        Button(Const(LABEL), id=WIDGET, on_click=_on_click),
        state=_Counting.shown,
        getter=_getter,
    )
    dispatcher = Dispatcher()
    dispatcher.message.register(_on_start, CommandStart())
    dispatcher.include_router(Dialog(window, on_start=_on_open))
    setup_dialogs(dispatcher)
    return dispatcher


class _NullSession(AiohttpSession):
    """Makes the form of each request, sends it nowhere and reads a canned answer."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.views = 0
        self.last: dict[int, str] = {}

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
            answer = f'{{"ok":true,"result":{_sent(chat, method)}}}'
        response = self.check_response(bot, method, 200, answer)
        return cast("TelegramType", response.result)  # type: ignore[explicit-any]  # as above

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


class Peer:
    """Handles clicks with aiogram_dialog, one after another."""

    async def __call__(self, chats: int, clicks: int) -> Result:
        """Open the dialog in each chat, then time the clicks."""
        session = _NullSession()
        bot = Bot("1:token", session=session)
        dispatcher = _dispatcher()
        for chat in range(FIRST_CHAT, FIRST_CHAT + chats):
            await dispatcher.feed_raw_update(bot, json.loads(_started(chat)))
        updates = [
            _clicked(FIRST_CHAT + number % chats, number, session)
            for number in range(clicks)
        ]
        requests, views = session.requests, session.views
        with stopwatch() as watch:
            for update in updates:
                await dispatcher.feed_raw_update(bot, json.loads(update))
        shown = {chat: session.field(chat, "text") for chat in session.last}
        check_screens(shown, chats, clicks)
        return Result(
            clicks, session.requests - requests, session.views - views, watch.seconds
        )


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
