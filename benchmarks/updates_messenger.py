"""MAX as an echo needs it, and as little of it as that: what costs is to be the bot.

The sandbox is a whole messenger, and takes more processor time for an update than the bots
that are to be compared. This one writes requests and answers that are ready, and reads of
those of a bot no more than where they end and where they go. It sets aside, checks and
logs nothing, so it is no messenger to try a bot on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

TOKEN = "token-of-the-benchmark"  # noqa: S105  # of nobody
LINES = 100
"""Connections over which updates are brought: those of the sandbox and of aiohttp."""
_BATCH = 100
_HOST = "127.0.0.1"
_TIME = 1_796_000_000_000
_END = b"\r\n\r\n"
_SECRET = b"X-Max-Bot-Api-Secret: %s\r\n"
_BOT: dict[str, object] = {
    "user_id": 777_001,
    "first_name": "Echo",
    "last_name": None,
    "username": "echo_bot",
    "is_bot": True,
    "last_activity_time": _TIME,
    "name": "Echo",
    "commands": [],
}


class RefusedError(Exception):
    """A bot has not acknowledged an update."""


class Messenger:
    """Brings updates to one bot, or is polled for them, and counts the replies.

    Attributes:
        url: Where its API is.
        polls: How often it was polled.
        is_set: Whether the bot has set its webhook.
    """

    def __init__(self) -> None:
        self.url = ""
        self.polls = 0
        self.is_set = False
        self._secret = b""
        self._subscriptions: list[dict[str, object]] = []
        self._waiting: deque[bytes] = deque()
        self._poll: Callable[[bytes], None] | None = None
        self._marker = 0
        self._lines: list[_Line] = []
        self._count = 0
        self._open = 0
        self._over: asyncio.Future[float] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Answer a bot for as long as the block runs."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Api(self), _HOST, 0)
        self.url = f"http://{_HOST}:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            for line in self._lines:
                line.close()

    async def connect(self, port: int) -> None:
        """Bring updates to a port of this machine from now on."""
        loop = asyncio.get_running_loop()
        head = b"POST /hook HTTP/1.1\r\nHost: %s:%d\r\n" % (_HOST.encode(), port)
        head += _SECRET % self._secret if self._secret else b""
        for _ in range(LINES):
            made = await loop.create_connection(lambda: _Line(head), _HOST, port)
            self._lines.append(made[1])

    async def say(self, messages: int, *, chats: int) -> float:
        """Say things in all chats in turn.

        Args:
            messages: How many.
            chats: In so many chats.

        Returns:
            Seconds until the last of the replies begins to come in.
        """
        updates = [self._update(n % chats) for n in range(messages)]
        loop = asyncio.get_running_loop()
        over: asyncio.Future[float] = loop.create_future()
        self._over = over
        self._open = messages
        began = time.perf_counter()
        if self._lines:
            for number, update in enumerate(updates):
                # The updates of a chat take one line, so they come in order.
                self._lines[number % chats % LINES].bring(update)
        else:
            self._waiting.extend(updates)
            self._feed()
        return await over - began

    def answer(
        self, verb: bytes, target: bytes, body: bytes, write: Callable[[bytes], None]
    ) -> None:
        """Answer one request of the bot."""
        path = target.partition(b"?")[0]
        if path == b"/messages":
            write(_SENT)
            self._replied()
        elif path == b"/updates":
            self.polls += 1
            self._poll = write
            self._feed()
        elif path == b"/me":
            write(_ME)
        elif path == b"/subscriptions" and verb == b"POST":
            self._subscribe(json.loads(body))
            write(_FINE)
        elif path == b"/subscriptions":
            write(_answer({"subscriptions": self._subscriptions}))
        else:
            write(_FINE)

    def _subscribe(self, asked: dict[str, object]) -> None:
        kept = {"url": asked["url"], "update_types": asked.get("update_types")}
        self._subscriptions = [{**kept, "time": _TIME}]
        self.is_set = True
        self._secret = str(asked.get("secret") or "").encode()

    def _replied(self) -> None:
        self._open -= 1
        if not self._open and self._over is not None:
            self._over.set_result(time.perf_counter())
            self._over = None

    def _feed(self) -> None:
        """Answer the poll, if there is one and something to say."""
        if self._poll is None or not self._waiting:
            return
        write, self._poll = self._poll, None
        batch = [
            self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))
        ]
        self._marker += len(batch)
        write(
            _response(
                b'{"updates": [%s], "marker": %d}' % (b", ".join(batch), self._marker)
            )
        )

    def _update(self, chat: int) -> bytes:
        self._count += 1
        stamp = _TIME + self._count
        message = {
            "recipient": {
                "chat_id": 500_001 + chat,
                "chat_type": "dialog",
                "user_id": 777_001,
            },
            "timestamp": stamp,
            "body": {
                "mid": f"mid.{self._count:032x}",
                "seq": self._count,
                "text": f"text {self._count}",
            },
            "sender": {
                "user_id": 1_001 + chat,
                "first_name": "Ann",
                "last_name": "",
                "username": None,
                "is_bot": False,
                "last_activity_time": stamp,
                "name": "Ann",
            },
        }
        update = {
            "update_type": "message_created",
            "timestamp": stamp,
            "user_locale": "ru",
            "message": message,
        }
        return json.dumps(update).encode()


class _Messages(asyncio.Protocol):
    """Cuts what comes in into messages of HTTP with a length."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            head, begin = self._buffer[:end], end + len(_END)
            size = begin + _length(head)
            if len(self._buffer) < size:
                return
            body, self._buffer = self._buffer[begin:size], self._buffer[size:]
            self.received(head, body)

    def received(self, head: bytes, body: bytes) -> None:
        """Take one message."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send something."""
        self._transport.write(data)

    def close(self) -> None:
        """Give the connection up."""
        self._transport.abort()


class _Api(_Messages):
    """A connection that the bot has opened."""

    def __init__(self, messenger: Messenger) -> None:
        super().__init__()
        self._messenger = messenger

    def received(self, head: bytes, body: bytes) -> None:
        verb, target, _ = head.split(b"\r\n", 1)[0].split(b" ")
        self._messenger.answer(verb, target, body, self.write)


class _Line(_Messages):
    """A connection to the bot, over which one update is brought after the other."""

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self._head = head
        self._next: deque[bytes] = deque()
        self._is_busy = False

    def bring(self, update: bytes) -> None:
        """Bring an update when those before it are acknowledged."""
        if self._is_busy:
            self._next.append(update)
            return
        self._is_busy = True
        self.write(
            b"%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (self._head, len(update), update)
        )

    def received(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200"):
            raise RefusedError(head, body)
        self._is_busy = False
        if self._next:
            self.bring(self._next.popleft())


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def _response(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


def _answer(content: object) -> bytes:
    return _response(json.dumps(content).encode())


_ME = _answer(_BOT)
_FINE = _answer({"success": True})
_SENT = _answer(
    {
        "message": {
            "recipient": {"chat_id": 500_001, "chat_type": "dialog", "user_id": 1_001},
            "timestamp": _TIME,
            "body": {"mid": f"mid.{1:032x}", "seq": 1, "text": "text"},
            "sender": _BOT,
        }
    }
)
