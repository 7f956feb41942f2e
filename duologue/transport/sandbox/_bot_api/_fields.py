"""Strict reading of JSON values and query parameters that a bot sends."""

from __future__ import annotations

import re
from collections.abc import Mapping

from duologue.errors import SandboxRefusalError
from duologue.transport._json import is_array, is_object
from duologue.transport.sandbox._world._values import JsonObject, JsonView

INT64_MAX = 2**63 - 1
CHAT_ID = "{chat_id:-?[0-9]{1,19}}"
"""A chat in the path of a route, short enough to be made a number."""
_INTEGER = re.compile("-?[0-9]{1,19}")


def malformed(detail: str) -> SandboxRefusalError:
    """Make the refusal of a malformed request."""
    return SandboxRefusalError(400, "proto.payload", detail)


def as_object(raw: object, name: str) -> JsonObject:
    """Take an object or refuse."""
    if not is_object(raw):
        raise malformed(f"{name}: must be an object")
    return raw


def as_array(raw: object, name: str) -> list[object]:
    """Take an array or refuse."""
    if not is_array(raw):
        raise malformed(f"{name}: must be an array")
    return raw


def text_at(source: object, *path: str) -> str | None:
    """Give the string at a path of names, None when there is none."""
    for name in path:
        if not is_object(source):
            return None
        source = source.get(name)
    return source if isinstance(source, str) else None


def text_field(source: JsonView, name: str, *, shortest: int = 0, longest: int) -> str:
    """Take a required string of a bounded length, counted in code points."""
    value = source.get(name)
    if not isinstance(value, str):
        raise malformed(f"{name}: must be a string")
    if not shortest <= len(value) <= longest:
        raise malformed(f"{name}: size must be between {shortest} and {longest}")
    return value


def optional_text(source: JsonView, name: str, *, longest: int) -> str | None:
    """Take a string that may be absent or null."""
    if source.get(name) is None:
        return None
    return text_field(source, name, longest=longest)


def choice(source: JsonView, name: str, allowed: frozenset[str]) -> str:
    """Take a string out of a closed set."""
    value = source.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise malformed(f"{name}: must be one of {', '.join(sorted(allowed))}")
    return value


def int_query(query: Mapping[str, str], name: str) -> int | None:
    """Take an integer parameter that may be absent."""
    raw = query.get(name)
    if raw is None:
        return None
    if not _INTEGER.fullmatch(raw) or abs(int(raw)) > INT64_MAX:
        raise malformed(f"{name}: must be an integer")
    return int(raw)


def ids_query(query: Mapping[str, str], name: str) -> frozenset[int] | None:
    """Take a list of numbers that may be absent."""
    raw = query.get(name)
    if raw is None:
        return None
    parts = raw.split(",")
    if not all(map(_INTEGER.fullmatch, parts)):
        raise malformed(f"{name}: must be integers with commas between them")
    return frozenset(map(int, parts))


def bounded_query(
    query: Mapping[str, str], name: str, *, default: int, least: int, most: int
) -> int:
    """Take an integer parameter with a default and bounds."""
    value = int_query(query, name)
    if value is None:
        return default
    if not least <= value <= most:
        raise malformed(f"{name}: must be between {least} and {most}")
    return value


def required_query(query: Mapping[str, str], name: str) -> str:
    """Take a parameter that must not be absent or empty."""
    value = query.get(name)
    if not value:
        raise malformed(f"{name}: is required")
    return value
