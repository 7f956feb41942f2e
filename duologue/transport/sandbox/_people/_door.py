"""The part of the control door that people look through: chats, files, traffic."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web
from cattrs import Converter

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._bot_api._door import own_url
from duologue.transport.sandbox._bot_api._fields import (
    CHAT_ID,
    bounded_query,
    int_query,
)
from duologue.transport.sandbox._control import _reports as reports
from duologue.transport.sandbox._control._conversion import new_converter
from duologue.transport.sandbox._people import _stream as stream
from duologue.transport.sandbox._people._page import download
from duologue.transport.sandbox._people._start_line import start_line
from duologue.transport.sandbox._people._upload import read_upload
from duologue.transport.sandbox._world._acting import speak
from duologue.transport.sandbox._world._files import attachment
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import Content

PAGE = 50
LARGEST_PAGE = 200
KEEP_ALIVE = 10.0
USER_ID = "{user_id:[0-9]{1,19}}"


@dataclass(frozen=True, slots=True)
class PeopleDoor:
    """Handlers for the page, and for programs that act as it does."""

    service: Service
    converter: Converter = field(default_factory=new_converter)

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handlers; the guard of the control door is theirs."""
        return [
            web.get("/me", self.me),
            web.get("/users", self.users),
            web.get(f"/users/{USER_ID}/chats", self.chats),
            web.get(f"/chats/{CHAT_ID}/history", self.history),
            web.get("/messages/{mid}/traffic", self.traffic),
            web.get("/stream", self.follow),
            web.post("/files", self.upload),
            web.get("/files/{token}", self.file),
        ]

    async def me(self, request: web.Request) -> web.Response:
        """GET /control/me: what the page has to know first."""
        bot = self.service.world.bot
        return web.json_response(
            {
                "bot": {"user_id": bot.id, "name": bot.name},
                "run": self.service.run,
                "file_limit": self.service.files.limit,
                "start_line": start_line(own_url(request), self.service.token),
            }
        )

    async def users(self, _: web.Request) -> web.Response:
        """GET /control/users."""
        return self._give({"users": reports.users(self.service)})

    async def chats(self, request: web.Request) -> web.Response:
        """GET /control/users/{user_id}/chats."""
        user_id = int(request.match_info["user_id"])
        return self._give({"chats": reports.chats(self.service, user_id)})

    async def history(self, request: web.Request) -> web.Response:
        """GET /control/chats/{chat_id}/history: the newest before a message."""
        chat = self.service.world.chat(int(request.match_info["chat_id"]))
        limit = bounded_query(
            request.query, "limit", default=PAGE, least=1, most=LARGEST_PAGE
        )
        before = request.query.get("before")
        shown = self.service.world.visible(chat.id)
        if before is not None:
            shown = [message for message in shown if message.id < before]
        page = [stream.view(self.service.world, message) for message in shown[-limit:]]
        return web.json_response({"messages": page, "is_all": len(shown) <= limit})

    async def traffic(self, request: web.Request) -> web.Response:
        """GET /control/messages/{mid}/traffic."""
        queue = self.service.queue
        return self._give(
            self.service.traffic.about(
                request.match_info["mid"], queue.committed, queue.settled
            )
        )

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """GET /control/stream: what happens, as server-sent events, without end."""
        after = int_query(request.query, "after")
        feed = stream.PageFeed(self.service, after, request.query.get("run"))
        response = web.StreamResponse(headers={"Content-Type": stream.MEDIA_TYPE})
        with suppress(ConnectionResetError):  # the page was closed
            await response.prepare(request)
            await self._send(feed, response)
            await response.write_eof()
        return response

    async def _send(self, feed: stream.PageFeed, response: web.StreamResponse) -> None:
        bell = self.service.bell
        while not bell.is_last:
            news = feed.news()
            for event in news:
                await response.write(event)
            # Between a look that found nothing and the wait nothing can happen.
            if not news:
                await bell.wait(KEEP_ALIVE)
                if feed.is_quiet() and not bell.is_last:
                    await response.write(stream.COMMENT)

    async def upload(self, request: web.Request) -> web.Response:
        """POST /control/files: a user sends a file."""
        try:
            given = await read_upload(request, self.service.files.limit)
        except SandboxRefusalError:
            # Many clients hear a refusal only when they have sent everything.
            await request.release()
            raise
        stored = self.service.files.add(given.name, given.data)
        content = Content(given.text, (attachment(stored, own_url(request)),))
        outcome = speak(
            self.service,
            given.user_id,
            content,
            chat_id=given.chat_id,
            reply_to=given.reply_to,
        )
        return self._give(outcome)

    async def file(self, request: web.Request) -> web.Response:
        """GET /control/files/{token}."""
        return download(self.service.files.get(request.match_info["token"]))

    def _give(self, value: object) -> web.Response:
        return web.json_response(self.converter.unstructure(value))
