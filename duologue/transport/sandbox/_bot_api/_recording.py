"""The traffic of the bot: requests and answers, by the message they are about."""

from __future__ import annotations

from aiohttp import web

from duologue.transport._json import parse_plain
from duologue.transport.sandbox._bot_api._fields import text_at
from duologue.transport.sandbox._world._service import Service


async def record(
    service: Service,
    request: web.Request,
    response: web.StreamResponse,
    *,
    came: int,
    status: int,
    failure: int | None,
) -> None:
    """Keep a request of the bot if it is about a message, or went wrong.

    What went wrong and is about no message is found by its entry in the log, as
    ``entry.7``.

    Headers are not kept: the token of the bot is among them.
    """
    about = _message_of(service, request, response)
    if about is None and failure is not None:
        about = f"entry.{failure}"
    if about is None:
        return
    service.traffic.exchange(
        about,
        time=came,
        duration=service.clock.wall() - came,
        method=request.method,
        path=request.path_qs,
        status=status,
        request=await _body(request),
        response=_text(response),
    )
    service.bell.ring()


async def _body(request: web.Request) -> str:
    # A refused request may not have been read; nobody waits for the rest of it.
    if not request.content.at_eof():
        return ""
    return (await request.read()).decode(errors="replace")


def _text(response: web.StreamResponse) -> str:
    return (response.text or "") if isinstance(response, web.Response) else ""


def _message_of(
    service: Service, request: web.Request, response: web.StreamResponse
) -> str | None:
    if (request.method, request.path) == ("POST", "/messages"):
        return _sent(_text(response))
    return named_message(service, request)


def named_message(service: Service, request: web.Request) -> str | None:
    """Say which message the address of a request names, by itself or by a click."""
    named = request.query.get("message_id") or request.match_info.get("mid")
    if named is not None:
        return named if service.world.chat_of_message(named) is not None else None
    callback_id = request.query.get("callback_id")
    return None if callback_id is None else service.world.message_of_click(callback_id)


def _sent(answer: str) -> str | None:
    try:
        source = parse_plain(answer)
    except ValueError:
        return None
    return text_at(source, "message", "body", "mid")
