"""JSON with orjson and without it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from duologue.transport import _json

WAYS = [(_json.parse, _json.dump), (_json.parse_plain, _json.dump_plain)]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(("parse", "dump"), WAYS, ids=["quick", "plain"])
@given(value=JSON_VALUES)
def test_what_is_written_can_be_read_by_everybody(
    parse: Callable[[bytes], object], dump: Callable[[object], bytes], value: object
) -> None:
    written = dump(value)

    assert json.loads(written) == value
    if all(abs(number) < 2**63 for number in _numbers(value)):
        assert parse(written) == value


def _numbers(value: object) -> list[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize(("parse", "dump"), WAYS, ids=["quick", "plain"])
def test_halves_of_characters_survive(
    parse: Callable[[bytes], object], dump: Callable[[object], bytes]
) -> None:
    assert parse(dump({"text": "\ud83d"})) == {"text": "\ud83d"}
    assert parse(b'"\\ud83d"') == "\ud83d"


@pytest.mark.parametrize("parse", [parse for parse, _ in WAYS], ids=["quick", "plain"])
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000], ids=repr
)
def test_what_is_no_json_has_one_kind_of_error(
    parse: Callable[[bytes], object], raw: bytes
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its text is that of the parser
        parse(raw)


def test_numbers_that_are_none_are_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        _json.dump_plain(math.nan)
