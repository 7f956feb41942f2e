"""Clicks through duologue: JSON of the MAX Bot API in, request bodies out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

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

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Callback,
    Capabilities,
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
from duologue.transport.max import Bot, Limits
from duologue.transport.max._http import HttpClient, Reply

_BOT = {"user_id": 1, "first_name": "Bench", "is_bot": True}
_ENDLESS = 1_000_000_000
# As many updates as one answer to a poll holds at most.
_BATCH = 100
_TIME = 1_700_000_000_000


class _Counting(StatesGroup):
    shown = State()


async def _getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    return {"count": dialog_manager.dialog_data["count"]}


async def _on_click(_: Callback, __: Button, manager: DialogManager) -> None:
    manager.dialog_data["count"] += 1


async def _on_open(_: object, manager: DialogManager) -> None:
    manager.dialog_data["count"] = 0


async def _on_start(_: MessageCreated, dialog_manager: DialogManager) -> None:
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
    return dispatcher


class _NullHttp(HttpClient):
    """Makes the body of each request, sends it nowhere and reads a canned answer.

    Args:
        round_trip: Seconds until there is an answer.
    """

    def __init__(self, round_trip: float) -> None:
        super().__init__("token", "http://bench.invalid", ca_file=None)
        self._round_trip = round_trip
        self.requests = 0
        self.views = 0
        self.last: dict[int, bytes] = {}
        self._goal = 0
        self._reached: asyncio.Future[None] | None = None

    async def exchange(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> Reply:
        del verb, within
        if body is not None:
            self._keep(query, body)
        if self._round_trip:
            await asyncio.sleep(self._round_trip)
        return Reply(200, _answer(path, query))

    async def sent(self, requests: int) -> None:
        """Wait until so many requests have been made."""
        if self.requests < requests:
            self._goal = requests
            self._reached = asyncio.get_running_loop().create_future()
            await self._reached

    def _keep(self, query: Mapping[str, str], body: bytes) -> None:
        if b'"notification":' not in body:
            self.views += 1
            self.last[_chat(query)] = body
        self.requests += 1
        if self._reached is not None and self.requests >= self._goal:
            self._reached.set_result(None)
            self._reached = None

    def view(self, chat: int) -> dict[str, object]:
        """The last view sent to a chat, read from the body of the request."""
        body: dict[str, object] = json.loads(self.last[chat])
        return cast("dict[str, object]", body.get("message", body))


def _chat(query: Mapping[str, str]) -> int:
    """Every id of this benchmark ends in its chat."""
    return int(next(iter(query.values())).rpartition(".")[2])


def _answer(path: str, query: Mapping[str, str]) -> bytes:
    if path == "/me":
        return json.dumps(_BOT).encode()
    if "chat_id" in query:
        return b'{"message":{"body":{"mid":"mid.%d"}}}' % _chat(query)
    return b'{"success":true}'


class _NullBot(Bot):
    """A bot on MAX without the network.

    Args:
        one_call: Whether the answer to a press carries the new view, as on MAX.
        round_trip: Seconds that a request takes.
    """

    def __init__(self, *, one_call: bool, round_trip: float) -> None:
        endless = Limits(
            requests=_ENDLESS, sends=_ENDLESS, edits=_ENDLESS, answers=_ENDLESS
        )
        super().__init__("token", base_url="http://bench.invalid", limits=endless)
        self.http = self._http = _NullHttp(round_trip)
        self._shown = replace(super().capabilities, answer_carries_view=one_call)

    @property
    def capabilities(self) -> Capabilities:
        return self._shown


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

    async def __call__(self, chats: int, clicks: int) -> Result:
        """Open the dialog in each chat, then time the clicks."""
        bot = _NullBot(one_call=self.one_call, round_trip=self.round_trip)
        async with self.make(_dispatcher(), bot) as runtime:
            for chat in range(FIRST_CHAT, FIRST_CHAT + chats):
                await runtime.accept(bot, _started(chat))
            await runtime.settled()
            updates = [
                _clicked(FIRST_CHAT + number % chats, number, bot.http)
                for number in range(clicks)
            ]
            requests, views = bot.http.requests, bot.http.views
            with stopwatch() as watch:
                if self.round_trip:
                    await self._committed(runtime, bot, updates)
                else:
                    await self._drawn(runtime, bot, updates, chats)
                await runtime.settled()
        shown = {chat: str(bot.http.view(chat)["text"]) for chat in bot.http.last}
        check_screens(shown, chats, clicks)
        return Result(
            clicks, bot.http.requests - requests, bot.http.views - views, watch.seconds
        )

    async def _drawn(
        self, runtime: Runtime, bot: _NullBot, updates: list[bytes], chats: int
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
        self, runtime: Runtime, bot: _NullBot, updates: list[bytes]
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


def _started(chat: int) -> bytes:
    message = _message(chat, START, _user(chat), [])
    return json.dumps(
        {"update_type": "message_created", "timestamp": _TIME, "message": message}
    ).encode()


def _clicked(chat: int, number: int, sent: _NullHttp) -> bytes:
    view = sent.view(chat)
    message = _message(chat, str(view["text"]), _BOT, view["attachments"])
    return json.dumps(
        {
            "update_type": "message_callback",
            "timestamp": _TIME + number,
            "callback": {
                "timestamp": _TIME + number,
                "callback_id": f"press.{number}.{chat}",
                "payload": _payload(view),
                "user": _user(chat),
            },
            "message": message,
            "user_locale": "en",
        }
    ).encode()


def _payload(view: Mapping[str, object]) -> str:
    attachments = cast("list[dict[str, dict[str, object]]]", view["attachments"])
    rows = cast("list[list[dict[str, str]]]", attachments[0]["payload"]["buttons"])
    return rows[0][0]["payload"]


def _user(chat: int) -> dict[str, object]:
    return {"user_id": chat, "first_name": "Ann", "last_name": "Lee", "is_bot": False}


def _message(
    chat: int, text: str, sender: Mapping[str, object], attachments: object
) -> dict[str, object]:
    body = {"mid": f"mid.{chat}", "seq": 1, "text": text, "attachments": attachments}
    return {
        "recipient": {"chat_id": chat, "chat_type": "dialog", "user_id": chat},
        "sender": sender,
        "timestamp": _TIME,
        "body": body,
    }
