"""The methods of the Bot API about messages and answers to clicks."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._bot_api import _wire as wire
from duologue.transport.sandbox._bot_api._door import (
    CODES,
    check_open,
    done,
    own_url,
    read_json,
    too_many,
)
from duologue.transport.sandbox._bot_api._fields import (
    as_object,
    bounded_query,
    int_query,
    malformed,
    optional_text,
    required_query,
)
from duologue.transport.sandbox._bot_api._limits import LimitedCall
from duologue.transport.sandbox._bot_api._validation import Link, read_body
from duologue.transport.sandbox._world._log import LogKind
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import Chat, Clicked, Message

NOTIFICATION = 4000
PAGE = 50
LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class MessageMethods:
    """Handlers of messages and of answers to clicks."""

    service: Service

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handlers."""
        return [
            web.get("/messages", self.list_messages),
            web.get("/messages/{mid}", self.get_message),
            web.post("/messages", self.send),
            web.put("/messages", self.edit),
            web.delete("/messages", self.delete),
            web.post("/answers", self.answer),
        ]

    async def list_messages(self, request: web.Request) -> web.Response:
        """GET /messages of a chat, newest first, or by their ids."""
        query, world = request.query, self.service.world
        count = bounded_query(query, "count", default=PAGE, least=1, most=LARGEST_PAGE)
        if query.get("message_ids"):
            wanted = set(query["message_ids"].split(","))
            found = [m for m in world.messages() if m.id in wanted]
        else:
            required_query(query, "chat_id")
            found = world.visible(self._target(request).id)
        page = [wire.message(world, m) for m in reversed(found)][:count]
        return web.json_response({"messages": page})

    async def get_message(self, request: web.Request) -> web.Response:
        """GET /messages/{mid}."""
        message = self.service.world.message(request.match_info["mid"])
        return web.json_response(wire.message(self.service.world, message))

    async def send(self, request: web.Request) -> web.Response:
        """POST /messages: ``chat_id`` goes before ``user_id`` when both are there."""
        world = self.service.world
        chat = self._target(request)
        self._limit(LimitedCall.SEND, chat.id)
        body = read_body(await read_json(request), own_url(request))
        origin = self._origin(body.link)
        message = world.post(
            check_open(chat),
            world.bot,
            body.new(),
            link=None if body.link is None else body.link.kind,
            origin=origin,
        )
        self.service.bell.ring()
        return web.json_response({"message": wire.message(world, message)})

    async def edit(self, request: web.Request) -> web.Response:
        """PUT /messages: only messages of the bot."""
        message = self._own(required_query(request.query, "message_id"))
        self._limit(LimitedCall.EDIT, message.chat_id)
        self._replace(message, await read_json(request), own_url(request))
        return done(self.service)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /messages: in a dialog only those of the bot, in a group any."""
        world = self.service.world
        message = world.message(required_query(request.query, "message_id"))
        if world.chat(message.chat_id).kind == "dialog":
            message = self._own(message.id)
        self._limit(LimitedCall.DELETE, message.chat_id)
        world.remove(message)
        return done(self.service)

    async def answer(self, request: web.Request) -> web.Response:
        """POST /answers: edits the message of the click, notifies, or both."""
        click = self._click(request)
        self._limit(LimitedCall.ANSWER, click.chat_id)
        source = as_object(await read_json(request), "body")
        notification = optional_text(source, "notification", longest=NOTIFICATION)
        if source.get("message") is None and notification is None:
            raise malformed("`message` or `notification` required")
        if source.get("message") is not None:
            message = self._own(click.message_id)
            self._replace(message, source["message"], own_url(request))
        if notification is not None:
            self.service.world.log.add(
                LogKind.NOTIFICATION,
                chat_id=click.chat_id,
                message_id=click.message_id,
                user_id=click.user_id,
                text=notification,
            )
        self.service.world.answered(click)
        return done(self.service)

    def _chat(self, chat_id: int) -> Chat:
        return self.service.world.chat(chat_id)

    def _target(self, request: web.Request) -> Chat:
        chat_id = int_query(request.query, "chat_id")
        if chat_id is not None:
            return self._chat(chat_id)
        user_id = int_query(request.query, "user_id")
        if user_id is None:
            raise malformed("`chat_id` or `user_id` required")
        return self.service.world.dialog_with(user_id)

    def _own(self, message_id: str) -> Message:
        message = self.service.world.message(message_id)
        if message.sender_id != self.service.world.bot.id:
            raise SandboxRefusalError(
                403, CODES[403], f"message {message_id} is not the bot's own"
            )
        return message

    def _click(self, request: web.Request) -> Clicked:
        click = self.service.world.click(required_query(request.query, "callback_id"))
        chat_id = int_query(request.query, "chat_id")
        if chat_id not in {None, click.chat_id}:
            raise malformed(f"callback_id: was not made in chat {chat_id}")
        return click

    def _origin(self, link: Link | None) -> Message | None:
        return None if link is None else self.service.world.message(link.message_id)

    def _replace(self, message: Message, raw: object, base: str) -> None:
        check_open(self._chat(message.chat_id))
        self.service.world.edit(message, read_body(raw, base).over(message.content))

    def _limit(self, act: LimitedCall, chat_id: int) -> None:
        if not self.service.limits.act(act, chat_id, self.service.clock.seconds()):
            raise too_many(f"more than 2 {act} requests in a second in chat {chat_id}")
