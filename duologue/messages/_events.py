"""The envelope: CloudEvents 1.0 in JSON.

`source` and `id` together name a message for good; whoever sends it again sends the same
two. Attributes that are not known are ignored, but for `deliverat`, which would come early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from duologue.errors import EnvelopeError
from duologue.messages._limits import check_size, parse, parse_any, written
from duologue.messages._refs import Ref

_VERSION: Final = "1.0"
_LONGEST: Final = 200
_JSON: Final = "application/json"
MOST_IN_BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A message in its envelope.

    Attributes:
        id: Names it among those of its source.
        source: Who sends it.
        type: The tag of its class.
        subject: To whom.
        data: What it says.
        time: When it was made.
        expires: When it is worth nothing any more.
        traceparent: The trace that it belongs to.
        replyto: Where an answer is waited for; on a server only.
    """

    id: str
    source: str
    type: str
    subject: Ref
    data: object = None
    time: datetime | None = None
    expires: datetime | None = None
    traceparent: str | None = None
    replyto: str | None = None


def read_event(body: bytes, *, subject: Ref | None = None) -> Event:
    """Read an event in structured mode.

    Args:
        body: The JSON.
        subject: To whom it is, if that stands somewhere else.

    Raises:
        EnvelopeError: It is no event.
        InvalidRefError: Its subject is no ref.
        MessageTooLargeError: It is too large.
    """
    return event_of(parse(body), subject=subject)


def read_batch(body: bytes, *, subject: Ref | None = None) -> list[Event]:
    """Read several events; they keep their order.

    Raises:
        EnvelopeError: They are none, or too many.
        InvalidRefError: A subject is no ref.
        MessageTooLargeError: One is too large.
    """
    found = parse_any(body)
    if not isinstance(found, list):
        raise EnvelopeError("", "a batch is a JSON array")
    items = cast("list[object]", found)
    if len(items) > MOST_IN_BATCH:
        problem = f"a batch has at most {MOST_IN_BATCH} events, not {len(items)}"
        raise EnvelopeError("", problem)
    for item in items:
        check_size(len(written(item)))
    return [event_of(item, subject=subject) for item in items]


def event_of(found: object, *, subject: Ref | None = None) -> Event:
    """The event that a JSON value is.

    Raises:
        EnvelopeError: It is none.
        InvalidRefError: Its subject is no ref.
    """
    if not isinstance(found, dict):
        raise EnvelopeError("", "an event is a JSON object")
    attributes = cast("Mapping[str, object]", found)
    if "data_base64" in attributes:
        raise EnvelopeError("data_base64", "write JSON as data")
    if "deliverat" in attributes:
        raise EnvelopeError(
            "deliverat", "it is not kept until then; send it when it is due"
        )
    if _text(attributes, "specversion") != _VERSION:
        raise EnvelopeError("specversion", f"it is {_VERSION!r}")
    kind = attributes.get("datacontenttype", _JSON)
    if not isinstance(kind, str) or not is_json(kind):
        raise EnvelopeError("datacontenttype", f"it is {_JSON}")
    return Event(
        id=_text(attributes, "id"),
        source=_text(attributes, "source"),
        type=_text(attributes, "type"),
        subject=_subject(attributes, subject),
        data=attributes.get("data"),
        time=_time(attributes, "time"),
        expires=_time(attributes, "expiretime"),
        traceparent=_optional(attributes, "traceparent"),
        replyto=_optional(attributes, "replyto"),
    )


def write_event(event: Event) -> bytes:
    """Write an event in structured mode.

    Raises:
        MessageTooLargeError: It is too large.
    """
    optional = {
        "time": None if event.time is None else stamp(event.time),
        "expiretime": None if event.expires is None else stamp(event.expires),
        "traceparent": event.traceparent,
        "replyto": event.replyto,
    }
    body = written(
        {
            "specversion": _VERSION,
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": str(event.subject),
            **{name: text for name, text in optional.items() if text is not None},
            "datacontenttype": _JSON,
            "data": event.data,
        }
    )
    check_size(len(body))
    return body


def stamp(when: datetime) -> str:
    """A time as in RFC 3339."""
    return (
        when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def is_json(content_type: str) -> bool:
    """Whether a content type is one of JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == _JSON or kind.endswith("+json")


def _subject(attributes: Mapping[str, object], known: Ref | None) -> Ref:
    if known is not None and "subject" not in attributes:
        return known
    found = Ref.parse(_text(attributes, "subject"))
    if known is not None and found != known:
        problem = f"it is {found}, and the path says {known}"
        raise EnvelopeError("subject", problem)
    return found


def _text(attributes: Mapping[str, object], name: str) -> str:
    found = _optional(attributes, name)
    if found is None:
        raise EnvelopeError(name, "it is missing")
    return found


def _optional(attributes: Mapping[str, object], name: str) -> str | None:
    if name not in attributes:
        return None
    found = attributes[name]
    if not isinstance(found, str) or not found or len(found) > _LONGEST:
        raise EnvelopeError(name, f"it is a text of 1 to {_LONGEST} characters")
    if not found.isprintable():
        raise EnvelopeError(name, "it has a character that cannot be printed")
    return found


def _time(attributes: Mapping[str, object], name: str) -> datetime | None:
    found = _optional(attributes, name)
    if found is None:
        return None
    try:
        when = datetime.fromisoformat(found)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        problem = "it is a time as in RFC 3339, such as 2026-11-22T04:00:00Z"
        raise EnvelopeError(name, problem)
    return when


def check_batch(events: Sequence[Event]) -> None:
    """See that all events of a batch are for one actor.

    Raises:
        EnvelopeError: They are not.
    """
    if len({event.subject for event in events}) > 1:
        raise EnvelopeError("subject", "all events of a batch are for one actor")
