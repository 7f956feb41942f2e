"""The methods of the Bot API about webhooks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from duologue.transport.sandbox._bot_api._door import done, read_json
from duologue.transport.sandbox._bot_api._fields import (
    as_array,
    as_object,
    malformed,
    required_query,
    text_field,
)
from duologue.transport.sandbox._world._courier import is_local
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._subscriptions import Subscription
from duologue.transport.sandbox._world._values import JsonObject

VERSION = "0.0.32"
URL_LIMIT = 2048
PORT = 443
# Source: the schema of July 2026 has the underscore, its prose and the page have not.
SECRET = re.compile("[A-Za-z0-9-]{5,256}")
TYPES = frozenset(
    {
        *("bot_added", "bot_admin_permissions_changed", "bot_removed"),
        *("bot_started", "bot_stopped", "chat_title_changed", "comment_created"),
        *("comment_edited", "comment_removed", "dialog_cleared", "dialog_muted"),
        *("dialog_removed", "dialog_unmuted", "message_callback", "message_created"),
        *("message_edited", "message_removed", "user_added", "user_removed"),
    }
)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Handlers of the webhooks of the bot."""

    service: Service

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handlers."""
        return [
            web.get("/subscriptions", self.list),
            web.post("/subscriptions", self.subscribe),
            web.delete("/subscriptions", self.unsubscribe),
        ]

    async def list(self, _: web.Request) -> web.Response:
        """GET /subscriptions; it never shows a secret."""
        found = [_shown(one) for one in self.service.subscriptions.all()]
        return web.json_response({"subscriptions": found})

    async def subscribe(self, request: web.Request) -> web.Response:
        """POST /subscriptions; a webhook with the same address is replaced."""
        source = as_object(await read_json(request), "body")
        url = text_field(source, "url", shortest=1, longest=URL_LIMIT)
        _check_url(url)
        secret = source.get("secret")
        if secret is not None and not (
            isinstance(secret, str) and SECRET.fullmatch(secret)
        ):
            raise malformed("secret: must be 5 to 256 of A-Z, a-z, 0-9 and -")
        types = _types(source.get("update_types"))
        service = self.service
        service.subscriptions.set(url, types, secret, service.clock.wall())
        return done(service)

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """DELETE /subscriptions."""
        url = required_query(request.query, "url")
        if not self.service.subscriptions.remove(url):
            body = {"success": False, "code": "not.found", "message": "no such webhook"}
            return web.json_response(body)
        return done(self.service)


def _shown(one: Subscription) -> JsonObject:
    return {
        "url": one.url,
        "time": one.time,
        "update_types": list(one.update_types) or None,
        "version": VERSION,
    }


def _types(raw: object) -> tuple[str, ...]:
    if raw is None:
        return ()
    found = tuple(one for one in as_array(raw, "update_types") if isinstance(one, str))
    if len(found) != len(as_array(raw, "update_types")) or not TYPES.issuperset(found):
        raise malformed("update_types: must be types of updates")
    return found


def _check_url(url: str) -> None:
    """Refuse what MAX refuses; on this machine any port will do, and http.

    Rules (MAX documentation): https only, on port 443.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise malformed("url: is no address") from wrong
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise malformed("url: must begin with https://")
    if not is_local(url) and (parts.scheme != "https" or port not in {None, PORT}):
        raise malformed("url: must be https, on port 443")
