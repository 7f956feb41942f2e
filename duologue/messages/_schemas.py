"""JSON Schemas of classes of messages, for descriptions of a door."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Final, Literal, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from duologue.messages._limits import MOST_INT
from duologue.messages._shapes import has_fields

_PLAIN: Final[dict[object, dict[str, object]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": -MOST_INT, "maximum": MOST_INT},
    float: {"type": "number"},
    NoneType: {"type": "null"},
    None: {"type": "null"},
    Decimal: {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    time: {"type": "string", "pattern": r"^\d\d:\d\d:\d\d$"},
    timedelta: {"type": "number", "minimum": -1e9, "maximum": 1e9},
    UUID: {"type": "string", "format": "uuid"},
    bytes: {"type": "string", "contentEncoding": "base64", "pattern": "^$"},
}


def schema_of(kind: object) -> dict[str, object]:
    """The schema of what a type is written as; what is not known may be anything."""
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain
    origin, args = get_origin(kind) or kind, get_args(kind)
    inner = [schema_of(each) for each in args if origin is not Literal] or [{}]
    found: dict[str, object] = {}
    if origin in (Union, UnionType):
        found = {"anyOf": inner}
    elif origin is Literal:
        found = {"enum": list(args)}
    elif origin in (list, tuple, set, frozenset, Sequence):
        found = {"type": "array", "items": inner[0]}
    elif origin in (dict, Mapping):
        found = {"type": "object", "additionalProperties": inner[-1]}
    elif isinstance(kind, type) and issubclass(kind, Enum):
        found = {"enum": [member.value for member in kind]}
    elif isinstance(origin, type) and has_fields(cast("type[object]", origin)):
        found = _object(cast("type[object]", origin))
    return found


def _object(cls: type[object]) -> dict[str, object]:
    hints = get_type_hints(cls)
    parameters = inspect.signature(cls).parameters.values()
    return {
        "type": "object",
        "required": [one.name for one in parameters if one.default is one.empty],
        "properties": {
            one.name: schema_of(hints.get(one.name, object)) for one in parameters
        },
    }
