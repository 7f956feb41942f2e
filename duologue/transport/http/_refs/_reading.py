"""From requests to events: CloudEvents in their three modes, and Standard Webhooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, cast
from urllib.parse import unquote

from aiohttp import web

from duologue.errors import EnvelopeError
from duologue.messages import Event, Ref, read_batch, read_event
from duologue.messages._events import check_batch, event_of, is_json
from duologue.messages._limits import check_size, parse

_STRUCTURED: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"
_PREFIX: Final = "ce-"
_WEBHOOK_ID: Final = "webhook-id"
_PREFERENCE: Final = re.compile(r"\s*wait\s*=\s*(\d{1,4})\s*", re.IGNORECASE)
_LONGEST_WAIT: Final = 60.0


class UnsupportedError(Exception):
    """A body is of no type that is known; not for anyone outside."""


async def events_of(request: web.Request, ref: Ref, source: str) -> Sequence[Event]:
    """The events of a request, all for one actor.

    Args:
        request: The request.
        ref: The actor, as the path says.
        source: Who has sent them, where the events do not say.

    Raises:
        EnvelopeError: They are none.
        InvalidRefError: One is for something that is no actor.
        MessageTooLargeError: One is too large.
        UnsupportedError: The body is something else.
    """
    body, kind = await request.read(), request.content_type
    if kind == _BATCH:
        events = read_batch(body, subject=ref)
        check_batch(events)
        return events
    if kind == _STRUCTURED:
        event = read_event(body, subject=ref)
    elif not is_json(kind):
        raise UnsupportedError
    elif f"{_PREFIX}id" in request.headers:
        event = _binary(request, body, ref)
    elif _WEBHOOK_ID in request.headers:
        return [_webhook(request, body, ref, source)]
    else:
        raise UnsupportedError
    signed = request.headers.get(_WEBHOOK_ID)
    if signed is not None and signed != event.id:
        raise EnvelopeError("id", "it is another one than webhook-id, which is signed")
    return [event]


def _binary(request: web.Request, body: bytes, ref: Ref) -> Event:
    """An event whose attributes are headers, and whose body is its data."""
    attributes: dict[str, object] = {
        name[len(_PREFIX) :].lower(): unquote(value)
        for name, value in request.headers.items()
        if name.lower().startswith(_PREFIX)
    }
    check_size(len(body))
    attributes["data"] = parse(body) if body else None
    if "traceparent" in request.headers:
        attributes.setdefault("traceparent", request.headers["traceparent"])
    return event_of(attributes, subject=ref)


def _webhook(request: web.Request, body: bytes, ref: Ref, source: str) -> Event:
    """An event of Standard Webhooks, whose body has `type` and `data`."""
    found = parse(body)
    if not isinstance(found, dict):
        raise EnvelopeError("", "a body of Standard Webhooks is a JSON object")
    fields = cast("dict[str, object]", found)
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": request.headers[_WEBHOOK_ID],
        "source": source,
        "data": fields.get("data"),
    }
    if "type" in fields:
        attributes["type"] = fields["type"]
    return event_of(attributes, subject=ref)


def preferred_wait(request: web.Request) -> float | None:
    """How long somebody would wait for the outcome (RFC 7240); None for not at all."""
    for part in ",".join(request.headers.getall("Prefer", [])).split(","):
        found = _PREFERENCE.fullmatch(part)
        if found:
            return min(float(found[1]), _LONGEST_WAIT)
    return None


def wants_receipt(request: web.Request) -> bool:
    """Whether somebody will ask for the outcome later (RFC 7240)."""
    given = ",".join(request.headers.getall("Prefer", []))
    return any(part.strip().lower() == "respond-async" for part in given.split(","))
