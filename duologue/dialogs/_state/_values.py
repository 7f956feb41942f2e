"""Values that authors keep: what a handler writes is what the next turn reads.

The same value, of the same type, or the turn fails and names the place. That is not
believed but checked: what was written is read back and compared, by value and by type,
before it counts as stored. Where JSON has no form for a type that dialogs may keep, the
value is stored with a tag (`to_tagged`), which costs time for such data only.

`==` compares, and tells a tuple from a list and the key 1 from "1". It takes an `IntEnum`
or a `defaultdict` for what JSON makes of them, so `marshal` comes first, which refuses
every subclass; nothing that it writes is stored. Nor does `==` tell 1 from 1.0 or True: JSON
gives back what it was given, as long as one library does both. A number that orjson
refuses to write it would read as a float, so what it refuses it does not read either.
"""

from __future__ import annotations

import marshal
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from duologue.dialogs._chat._data import (
    Json,
    dump_plain,
    dump_quickly,
    load,
    load_plain,
    load_quickly,
)
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._state._timer import Timer
from duologue.errors import UnserialisableDataError

_MAX_DEPTH = 200
_MAX_BITS = 10_000  # Python reads and writes no more than 4,300 digits
_LARGE = 1000  # bytes of a piece that is worth to be known again
# A process without orjson writes numbers that orjson reads as floats.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_TAG = "$"
_Codec: TypeAlias = tuple[bytes, Callable[[Json], bytes], Callable[[bytes], Json]]

Known: TypeAlias = dict[bytes, bytes]
"""The JSON of pieces, by what marshal makes of them."""

# The first byte of a stored value says how to read it; JSON itself begins with "[".
_PLAIN, _TAGGED = b"~", b"!"
_CODECS: Final[Sequence[_Codec]] = (
    ((b"", dump_plain, load_plain),)
    if load is load_plain
    else ((b"", dump_quickly, load_quickly), (_PLAIN, dump_plain, load_plain))
)


def write(values: Sequence[Json], names: Sequence[str]) -> tuple[bytes, list[Json]]:
    """Write values of an author as one line of JSON.

    Args:
        values: The values.
        names: What each is called in errors.

    Returns:
        The line, and the values as they will be read: another copy.

    Raises:
        UnserialisableDataError: One cannot be stored; the error names the place.
    """
    values = list(values)
    for mark, dump, load_ in _CODECS:
        try:
            line = dump(values)
            copy = load_(line)
            # marshal refuses what is not plain.
            if marshal.dumps(values) and copy == values:
                return mark + line, copy
        except (ValueError, TypeError, RecursionError):
            continue
    tagged = [to_tagged(value, name) for value, name in zip(values, names, strict=True)]
    line = _TAGGED + dump_plain(tagged)
    return line, read(line)


def write_plain(values: Sequence[Json]) -> bytes | None:
    """Write values that come back as they were, as `write` does; None if that cannot be.

    Args:
        values: None, bools, texts, whole numbers, finite ones, and dicts of these.
    """
    mark, dump, _ = _CODECS[0]
    try:
        return mark + dump(values)
    except (ValueError, TypeError):
        return None


def write_much(
    values: Sequence[Json], names: Sequence[str], known: Known
) -> tuple[bytes, list[Json], Known]:
    """Write the same line piece by piece, where most of a large one stays as it is.

    A piece is a value, or one in a dict among them. One that marshal writes as it did
    before is the same, down to its types, so its JSON is known and has been compared.

    Args:
        values: The values.
        names: What each is called in errors.
        known: The large pieces that were written last.

    Returns:
        The line, another copy of the values, and the large pieces.

    Raises:
        UnserialisableDataError: One cannot be stored; the error names the place.
    """
    kept: Known = {}
    try:
        pieces = [
            (_pieces if type(value) is dict else _piece)(value, known, kept)
            for value in cast("Sequence[object]", values)
        ]
    except (ValueError, TypeError, RecursionError):
        return *write(values, names), {}
    line = b"[%b]" % b",".join([text for text, _ in pieces])
    return line, [copy for _, copy in pieces], kept


def _pieces(value: Json, known: Known, kept: Known) -> tuple[bytes, Json]:
    texts: list[bytes] = []
    copies: dict[str, Json] = {}
    for key, item in value.items():
        name, read_name = _piece(key, known, kept)
        if type(read_name) is not str:
            raise TypeError(read_name)
        text, copies[read_name] = _piece(item, known, kept)
        texts.append(b"%b:%b" % (name, text))
    return b"{%b}" % b",".join(texts), copies


def _piece(value: Json, known: Known, kept: Known) -> tuple[bytes, Json]:
    _, dump, load_ = _CODECS[0]
    exact = marshal.dumps(value)
    text = known.get(exact)
    if text is None:
        text = dump(value)
        copy = load_(text)
        if copy != value:
            raise ValueError(value)
    else:
        copy = load_(text)
    if len(text) >= _LARGE:
        kept[exact] = text
    return text, copy


def read(line: bytes) -> list[Json]:
    """Read what `write` wrote, in this process or in another."""
    if line.startswith(_TAGGED):
        return cast("list[Json]", _from_tagged(load_plain(line[1:])))
    if line.startswith(_PLAIN):
        line = line[1:]
    elif not _LONG_NUMBER.search(line):
        found: list[Json] = load(line)
        return found
    return cast("list[Json]", load_plain(line))


def check(value: Json, path: str) -> None:
    """Make sure that a value can be stored.

    Raises:
        UnserialisableDataError: It cannot; the error names the place.
    """
    write([value], [path])


def to_tagged(value: Json, path: str, depth: int = 0) -> Json:
    """Make JSON of a value, with a tag at what JSON has no form for.

    Args:
        value: The value.
        path: Where it is, for the error.
        depth: How deep inside the data it is.

    Raises:
        UnserialisableDataError: It cannot be stored.
    """
    if depth > _MAX_DEPTH:
        raise UnserialisableDataError(path, f"is nested deeper than {_MAX_DEPTH}")
    kind = cast("type[object]", type(value))
    if kind is list:
        return _all(value, path, depth)
    if kind is dict:
        return _tagged_dict(value, path, depth)
    if kind in _COLLECTIONS:
        # Sets have no order; written in one, equal sets are equal lines.
        items = value if kind is tuple else sorted(value, key=repr)
        return {_TAG: kind.__name__, "v": _all(items, path, depth)}
    if kind in _FORMS:
        return {_TAG: kind.__name__, "v": _FORMS[kind][0](value)}
    if isinstance(value, Enum):
        return {_TAG: "Enum", "v": _member(value, path)}
    problem = _problem(value, kind)
    if problem is not None:
        raise UnserialisableDataError(path, problem)
    return value


def _problem(value: Json, kind: type) -> str | None:
    """What is wrong with a value that holds no others; None if JSON has it."""
    if value is None or kind is bool or kind is str:
        return None
    if kind is int:
        is_long = value.bit_length() > _MAX_BITS
        return "is a number of thousands of digits" if is_long else None
    if kind is float:
        return None if math.isfinite(value) else f"is {value!r}"
    return f"is a {kind.__qualname__}"


def _all(values: Iterable[Json], path: str, depth: int) -> list[Json]:
    return [
        to_tagged(value, f"{path}[{index}]", depth + 1)
        for index, value in enumerate(values)
    ]


def _tagged_dict(value: dict[object, Json], path: str, depth: int) -> Json:
    written: dict[str, Json] = {}
    for key, item in value.items():
        if type(key) is not str:
            raise UnserialisableDataError(path, f"has the key {key!r}")
        written[key] = to_tagged(item, f"{path}.{key}", depth + 1)
    # A dict of the author's may look like a tag.
    return {_TAG: "dict", "v": written} if _TAG in written else written


def _member(value: Enum, path: str) -> list[str]:
    """Name a member of an enum, which the next process must find by that name."""
    kind = type(value)
    name = [kind.__module__, kind.__qualname__, value.name]
    if _enum(name) is not value:
        problem = f"is {value!r}, whose class nobody finds by its name"
        raise UnserialisableDataError(path, problem)
    return name


def _enum(name: Sequence[str]) -> Enum | None:
    """Find a member of an enum; only among the classes that the program has loaded."""
    module, qualname, member = name
    found: object = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not (isinstance(found, type) and issubclass(found, Enum)):
        return None
    return found.__members__.get(member)


def _from_tagged(value: Json) -> Json:
    if isinstance(value, list):
        return [_from_tagged(item) for item in cast("Sequence[Json]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Json]", value)
    tag, inner = found.get(_TAG, "dict"), found.get("v")
    if tag == "dict":
        items = cast("dict[str, Json]", inner) if _TAG in found else found
        return {key: _from_tagged(item) for key, item in items.items()}
    if tag in _COLLECTIONS_BY_NAME:
        members = cast("list[Json]", inner)
        return _COLLECTIONS_BY_NAME[tag](_from_tagged(item) for item in members)
    return _READERS[tag](inner)


def _read_member(name: list[str]) -> Enum:
    member = _enum(name)
    if member is None:
        problem = "is gone from the program, and an open dialog holds it"
        raise UnserialisableDataError(".".join(name), problem)
    return member


def _write_datetime(moment: datetime) -> list[Json]:
    """ISO 8601, the name of the zone if it has one, and which of two equal hours."""
    zone = moment.tzinfo
    if isinstance(zone, ZoneInfo):
        return [moment.replace(tzinfo=None).isoformat(), zone.key, moment.fold]
    return [moment.isoformat(), None, moment.fold]


def _read_datetime(parts: list[Json]) -> datetime:
    text, zone, fold = parts
    moment = datetime.fromisoformat(text).replace(fold=fold)
    return moment if zone is None else moment.replace(tzinfo=ZoneInfo(zone))


_COLLECTIONS: Final = frozenset({tuple, set, frozenset})
_COLLECTIONS_BY_NAME: Final[Mapping[str, Callable[[Iterable[Json]], Json]]] = {
    kind.__name__: kind for kind in (tuple, set, frozenset)
}
_FORMS: Final[Mapping[type, tuple[Callable[[Json], Json], Callable[[Json], Json]]]] = {
    bytes: (bytes.hex, bytes.fromhex),
    datetime: (_write_datetime, _read_datetime),
    date: (date.isoformat, date.fromisoformat),
    time: (time.isoformat, time.fromisoformat),
    timedelta: (
        lambda span: [span.days, span.seconds, span.microseconds],
        lambda parts: timedelta(*parts),
    ),
    Decimal: (str, Decimal),
    UUID: (str, UUID),
    Sent: (Sent.store, Sent.restore),
    Timer: (Timer.form, Timer.restore),
}
_READERS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "Enum": _read_member,
    **{kind.__name__: reader for kind, (_, reader) in _FORMS.items()},
}
