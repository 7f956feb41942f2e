"""What may be kept in a dialog."""

from __future__ import annotations

import enum
import math

import pytest
from hypothesis import given, strategies as st

from duologue.dialogs._chat._data import Json, check, dump, dump_bytes, load, size
from duologue.errors import UnserialisableDataError

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


def stored(value: Json) -> Json:
    """Check the data, write them and read them back."""
    check(value, "data")
    written = dump(value)
    assert load(dump_bytes(value)) == load(written)
    return load(written)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@given(value=JSON)
def test_what_json_can_hold_comes_back_as_it_was(value: Json) -> None:
    assert stored(value) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [((1, 2), [1, 2]), (Colour.RED, "red"), (Level.HIGH, 3), ({"a": (1,)}, {"a": [1]})],
)
def test_what_is_nearly_json_is_stored_as_json(value: Json, expected: Json) -> None:
    assert stored(value) == expected


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({1, 2}, "data", "is a set"),
        (b"x", "data", "is a bytes"),
        (object(), "data", "is a object"),
        ({"a": {"b": [0, {"c": math.nan}]}}, "data.a.b[1].c", "is nan"),
        ([math.inf], "data[0]", "is inf"),
        ({"a": {7: "x"}}, "data.a", "has the key 7"),
        ((0, 1j), "data[1]", "is a complex"),
        ([10**5000], "data[0]", "is a number of thousands of digits"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_path(
    value: Json, path: str, problem: str
) -> None:
    with pytest.raises(UnserialisableDataError) as caught:
        check(value, "data")

    assert (caught.value.path, caught.value.problem) == (path, problem)


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


def test_halves_of_characters_survive() -> None:
    text = "half \ud83d of a smile"

    assert load(dump_bytes({"text": text})) == {"text": text}
    assert size(text) == len(text) + 2
