"""What may be kept in a dialog."""

from __future__ import annotations

import enum
import math
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from duologue.dialogs._chat._data import (
    Json,
    dump,
    dump_bytes,
    dump_plain,
    load,
    load_plain,
    size,
)
from duologue.dialogs._state._values import Known, check, read, write, write_much
from duologue.errors import UnserialisableDataError


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Size(enum.Enum):
    BIG = "big"


class Point(NamedTuple):
    x: int


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.datetimes(timezones=st.just(ZoneInfo("Europe/Moscow")))
    | st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30))))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.sampled_from([*Colour, *Level, *Size])
)
KEPT = st.recursive(
    SCALARS | st.sets(st.integers() | st.text()) | st.frozensets(st.text()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.just("$"), inner, max_size=3)
    ),
    max_leaves=10,
)


def stored(value: Json) -> Json:
    """Write a value as dialogs do and read it back."""
    line, copy = write([value], ["data"])
    assert b"\n" not in line
    [found] = read(line)
    assert same(found, copy[0])
    return found


def same(one: Json, other: Json) -> bool:
    """Whether two values are equal, and of the same types all through."""
    if type(one) is not type(other) or bool(one != other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return all(a == c and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, list | tuple):
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, datetime):
        return (one.tzinfo, one.fold) == (other.tzinfo, other.fold)
    return True


@given(value=JSON)
def test_what_json_can_hold_comes_back_as_it_was(value: Json) -> None:
    assert same(stored(value), value)


@given(value=KEPT)
def test_whatever_a_dialog_may_keep_comes_back_with_its_type(value: Json) -> None:
    assert same(stored(value), value)


@settings(max_examples=25)  # each of them is long
@given(
    value=st.dictionaries(st.text(), KEPT, max_size=4), size=st.sampled_from([1, 300])
)
def test_a_long_line_is_the_same_however_it_was_written(value: Json, size: int) -> None:
    value = {"rows": [value] * size, **value}
    line, _ = write(["dialog", value], ["name", "data"])
    known: Known = {}

    for _ in range(3):  # the third finds what the second has kept
        found, [_, value], known = write_much(
            ["dialog", value], ["name", "data"], known
        )

        assert found == line
        assert same(value, read(line)[1])


def test_a_large_piece_is_written_anew_when_only_a_type_has_changed() -> None:
    _, [data], known = write_much([{"rows": [1] * 600, "n": 1}], ["data"], {})
    assert known

    data["rows"][599] = True
    line, [copy], _ = write_much([data], ["data"], known)

    assert copy["rows"][598:] == [1, True]
    assert same(read(line), [{"rows": [1] * 599 + [True], "n": 1}])


def test_a_large_piece_that_is_known_is_another_copy_all_the_same() -> None:
    _, [data], known = write_much([{"rows": [[1]] * 600}], ["data"], {})

    _, [copy], _ = write_much([data], ["data"], known)

    assert copy == data
    assert copy["rows"] is not data["rows"]
    assert copy["rows"][0] is not data["rows"][0]


def test_of_a_long_line_too_only_texts_can_be_keys() -> None:
    with pytest.raises(UnserialisableDataError, match="has the key 1"):
        write_much([{"rows": [0] * 600, 1: "one"}], ["data"], {})


def test_an_infinity_in_a_long_line_is_refused_too() -> None:
    with pytest.raises(UnserialisableDataError, match="is inf"):
        write_much([{"rows": [0] * 600, "n": math.inf}], ["data"], {})


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        Level.HIGH,
        Size.BIG,
        (1, (2,)),
        {1, 2},
        frozenset(("a",)),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(2026, 1, 1, tzinfo=UTC),
        date(2026, 1, 1),
        time(12, 30),
        timedelta(days=-1, microseconds=3),
        Decimal("1.10"),
        UUID(int=5),
        b"\x00",
        {"$": "tuple", "v": [1]},
        {"a": {"$": {"$": (1,)}}},
    ],
)
def test_what_json_has_no_form_for_is_kept_all_the_same(value: Json) -> None:
    assert same(stored({"deep": [value]}), {"deep": [value]})


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        (1j, "data", "is a complex"),
        (object(), "data", "is a object"),
        ({"a": {"b": [0, {"c": math.nan}]}}, "data.a.b[1].c", "is nan"),
        ([math.inf], "data[0]", "is inf"),
        ({"a": {7: "x"}}, "data.a", "has the key 7"),
        ((0, 1j), "data[1]", "is a complex"),
        ([10**5000], "data[0]", "is a number of thousands of digits"),
        ({"n": Point(1)}, "data.n", "is a Point"),
        ({"n": Counter("aab")}, "data.n", "is a Counter"),
        ({"n": defaultdict(list)}, "data.n", "is a defaultdict"),
        ({"n": [bytearray(b"x")]}, "data.n[0]", "is a bytearray"),
    ],
)
def test_what_no_dialog_can_keep_is_refused_with_its_path(
    value: Json, path: str, problem: str
) -> None:
    with pytest.raises(UnserialisableDataError) as caught:
        check(value, "data")

    assert (caught.value.path, caught.value.problem) == (path, problem)


def test_a_member_of_an_enum_that_nobody_can_find_is_refused() -> None:
    class Hidden(enum.Enum):
        ONE = 1

    with pytest.raises(UnserialisableDataError, match="whose class nobody finds"):
        check({"n": Hidden.ONE}, "data")


def test_a_member_that_is_gone_from_the_program_is_named() -> None:
    line, _ = write([Size.BIG], ["data"])

    with pytest.raises(UnserialisableDataError, match=r"Size\.HUGE is gone"):
        read(line.replace(b"BIG", b"HUGE"))


def test_data_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(UnserialisableDataError, match="nested deeper than 200"):
        check(value, "data")


def test_deep_data_up_to_the_limit_can_be_kept() -> None:
    value: Json = "core"
    for _ in range(200):
        value = [value]

    assert stored(value) == value


def test_text_is_stored_as_it_is() -> None:
    assert dump(["Счётчик", "👍"]) == '["Счётчик","👍"]'


@pytest.mark.parametrize("number", [10**3000, -(10**3000), 2**64])
def test_large_numbers_can_be_kept(number: int) -> None:
    assert stored(number) == number
    assert type(stored(number)) is int


def test_halves_of_characters_survive() -> None:
    text = "half \ud83d of a smile"

    assert stored({"text": text}) == {"text": text}
    assert load(dump_bytes({"text": text})) == {"text": text}
    assert load_plain(dump_plain({"text": text})) == {"text": text}
    assert size(text) == len(text) + 2


@pytest.mark.parametrize("number", [2**64, -(2**65), 10**40])
def test_a_large_number_that_another_process_wrote_stays_one(number: int) -> None:
    line = dump_plain([{"n": number}])  # as one without orjson writes it

    [found] = read(line)

    assert same(found, {"n": number})
