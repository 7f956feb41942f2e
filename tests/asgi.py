"""A browser that speaks to an ASGI application as its servers do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TypeAlias

Message: TypeAlias = MutableMapping[str, object]
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class Browser:
    """Sends one request, and keeps what is answered."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.left = asyncio.Event()

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        until: Callable[[bytes], bool] = lambda _: False,
        headers: Mapping[str, str],
    ) -> Browser:
        scope: Message = {
            "type": "http",
            "method": method,
            "path": path,
            "root_path": "",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
        parts: list[Message] = [
            {"type": "http.request", "body": body[:5], "more_body": True},
            {"type": "http.request", "body": body[5:]},
        ]

        async def receive() -> Message:
            if parts:
                return parts.pop(0)
            await self.left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                status, given = message["status"], message["headers"]
                assert isinstance(status, int)
                assert isinstance(given, list)
                self.status = status
                self.headers = {k.decode(): v.decode() for k, v in given}
                return
            part = message["body"]
            assert isinstance(part, bytes)
            self.body += part
            if until(self.body):
                self.left.set()

        await self._app(scope, receive, send)
        return self

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found
