"""What messages of MAX hold besides text, from the JSON of the Bot API.

A field of another type than documented counts as absent, so that no oddity of a
file costs a user the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from duologue.dialogs import Attachment, ContentType
from duologue.transport._json import is_object

Raw = Mapping[str, object]
T = TypeVar("T", int, str)
_NOTHING: Raw = {}


def attachments(found: Sequence[object]) -> tuple[Attachment, ...]:
    """Read everything but the keyboard; kinds that come later keep their names.

    Args:
        found: The list `attachments` of the API.
    """
    return tuple(
        [
            _attachment(raw, kind)
            for raw in found
            if is_object(raw)
            and isinstance(kind := raw.get("type"), str)
            and kind != "inline_keyboard"
        ]
    )


def _attachment(raw: Raw, kind: str) -> Attachment:
    payload = _object(raw, "payload")
    is_sticker = kind == ContentType.STICKER
    return Attachment(
        kind,
        _name(raw, payload, kind),
        _value(raw, "size", int),
        _value(payload, "url", str),
        _value(payload, "code" if is_sticker else "token", str),
        raw,
    )


def _name(raw: Raw, payload: Raw, kind: str) -> str | None:
    if kind == ContentType.CONTACT:
        return _contact_name(payload)
    return _value(raw, "title" if kind == ContentType.SHARE else "filename", str)


def _contact_name(payload: Raw) -> str | None:
    """Read the name of a user of MAX, or else the line FN of the vCard (RFC 6350)."""
    person = _object(payload, "max_info")
    parts = [_value(person, key, str) for key in ("first_name", "last_name")]
    name = " ".join(part for part in parts if part)
    if name:
        return name
    for line in (_value(payload, "vcf_info", str) or "").splitlines():
        label, _, value = line.partition(":")
        if value and label.partition(";")[0].rpartition(".")[2].upper() == "FN":
            return value
    return _value(person, "name", str)


def _object(raw: Raw, key: str) -> Raw:
    value = raw.get(key)
    return value if is_object(value) else _NOTHING


def _value(raw: Raw, key: str, kind: type[T]) -> T | None:
    value = raw.get(key)
    # True is an int for isinstance, and not a size.
    return value if isinstance(value, kind) and type(value) is kind else None
