"""MAX without the network: updates as it sends them, a bot that sends nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from clicks import START

from duologue.dialogs import Capabilities
from duologue.transport.max import Bot, Limits
from duologue.transport.max._http import HttpClient, HttpReply

_BOT = {"user_id": 1, "first_name": "Bench", "is_bot": True}
_ENDLESS = 1_000_000_000
_TIME = 1_700_000_000_000


class NullHttp(HttpClient):
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
    ) -> HttpReply:
        """Take note of the body, and answer."""
        del verb, within
        if body is not None:
            self._keep(query, body)
        if self._round_trip:
            await asyncio.sleep(self._round_trip)
        return HttpReply(200, _answer(path, query))

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


class NullBot(Bot):
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
        self.http = self._http = NullHttp(round_trip)
        self._shown = replace(super().capabilities, answer_carries_view=one_call)

    @property
    def capabilities(self) -> Capabilities:
        """Those of MAX, but maybe without answers that carry views."""
        return self._shown


def started(chat: int) -> bytes:
    """The JSON of the message with which a chat starts the bot."""
    message = _message(chat, START, _user(chat), [])
    return json.dumps(
        {"update_type": "message_created", "timestamp": _TIME, "message": message}
    ).encode()


def clicked(chat: int, number: int, view: Mapping[str, object]) -> bytes:
    """The JSON of a press on the first button of the view that a chat shows."""
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
