"""The methods of the Bot API about the bot itself and its chats."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._bot_api import _wire as wire
from duologue.transport.sandbox._bot_api._door import check_open, done, read_json
from duologue.transport.sandbox._bot_api._fields import (
    CHAT_ID,
    as_array,
    as_object,
    choice,
    ids_query,
    malformed,
    optional_text,
    text_field,
)
from duologue.transport.sandbox._world._log import LogKind
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import Chat, JsonObject

ACTIONS = frozenset(
    {
        "typing_on",
        "sending_photo",
        "sending_video",
        "sending_audio",
        "sending_file",
        "mark_seen",
    }
)
COMMANDS = 32
COMMAND_NAME = 64
COMMAND_DESCRIPTION = 128
CHAT = f"/chats/{CHAT_ID}"
NOT_SUPPORTED = [
    ("POST", "/uploads"),
    ("GET", "/videos/{video_token}"),
    ("PATCH", CHAT),
    ("GET", CHAT + "/pin"),
    ("PUT", CHAT + "/pin"),
    ("DELETE", CHAT + "/pin"),
    ("POST", CHAT + "/members"),
    ("DELETE", CHAT + "/members"),
    ("DELETE", CHAT + "/members/me"),
    ("GET", CHAT + "/members/admins"),
    ("POST", CHAT + "/members/admins"),
    ("DELETE", CHAT + "/members/admins/{user_id}"),
    ("GET", "/messages/{mid}/comments"),
    ("POST", "/messages/{mid}/comments"),
    ("PUT", "/messages/{mid}/comments"),
    ("DELETE", "/messages/{mid}/comments"),
    ("GET", "/messages/{mid}/comments/{comment_id}"),
]
"""What the service has and only pretending could answer here."""


@dataclass(frozen=True, slots=True)
class ChatMethods:
    """Handlers of the bot, its chats, and what the sandbox does not support."""

    service: Service

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handlers."""
        return [
            web.get("/me", self.me),
            web.patch("/me/commands", self.set_commands),
            web.get(CHAT, self.get_chat),
            web.get(CHAT + "/members", self.members),
            web.get(CHAT + "/members/me", self.membership),
            web.post(CHAT + "/actions", self.act),
            *(web.route(*route, self.not_supported) for route in NOT_SUPPORTED),
        ]

    async def me(self, _: web.Request) -> web.Response:
        """GET /me."""
        bot = wire.user(self.service.world.bot, self.service.clock.wall())
        return web.json_response(bot | {"commands": self.service.commands})

    async def set_commands(self, request: web.Request) -> web.Response:
        """PATCH /me/commands."""
        source = as_object(await read_json(request), "body")
        commands = [
            _command(raw) for raw in as_array(source.get("commands"), "commands")
        ]
        if len(commands) > COMMANDS:
            raise malformed(f"commands: size must be between 0 and {COMMANDS}")
        self.service.commands[:] = commands
        self.service.bell.ring()  # the page offers them
        return web.json_response({"commands": commands})

    async def get_chat(self, request: web.Request) -> web.Response:
        """GET /chats/{chatId}."""
        chat = self._chat(request)
        return web.json_response(wire.chat(self.service.world, chat))

    async def membership(self, request: web.Request) -> web.Response:
        """GET /chats/{chatId}/members/me."""
        chat = self._chat(request)
        return web.json_response(wire.bot_member(self.service.world, chat))

    async def members(self, request: web.Request) -> web.Response:
        """GET /chats/{chatId}/members, all of them or those of ``user_ids``."""
        chat = self._chat(request)
        wanted, world = ids_query(request.query, "user_ids"), self.service.world
        found = [
            wire.member(world, user_id)
            for user_id in sorted(chat.members)
            if wanted is None or user_id in wanted
        ]
        if wanted is None or world.bot.id in wanted:
            found.append(wire.bot_member(world, chat))
        return web.json_response({"members": found})

    async def act(self, request: web.Request) -> web.Response:
        """POST /chats/{chatId}/actions."""
        chat = check_open(self._chat(request))
        action = choice(as_object(await read_json(request), "body"), "action", ACTIONS)
        self.service.world.log.add(LogKind.ACTION, chat_id=chat.id, text=action)
        return done(self.service)

    async def not_supported(self, request: web.Request) -> web.Response:
        """Refuse what only pretending could answer."""
        raise SandboxRefusalError(
            400,
            "not.supported",
            f"{request.method} {request.path} is not supported by the sandbox; "
            "use GET /updates, GET /chats/{chatId} and messages without uploads",
        )

    def _chat(self, request: web.Request) -> Chat:
        return self.service.world.chat(int(request.match_info["chat_id"]))


def _command(raw: object) -> JsonObject:
    source = as_object(raw, "command")
    return {
        "name": text_field(source, "name", shortest=1, longest=COMMAND_NAME),
        "description": optional_text(
            source, "description", longest=COMMAND_DESCRIPTION
        ),
    }
