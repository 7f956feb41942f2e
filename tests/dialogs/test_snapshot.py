"""The state of an address as bytes, and the ring of updates in it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from duologue.dialogs import Context, Stack, State, StatesGroup
from duologue.dialogs._state._snapshot import Ring, Snapshot, Stored, digest, take_apart
from duologue.dialogs._state._stack import Keys
from duologue.errors import (
    SnapshotVersionError,
    UnknownStateError,
    UnserialisableDataError,
)


class Main(StatesGroup):
    one = State()
    two = State()


STATES = {state.state: state for state in Main.states()}


def find_state(name: str) -> State:
    if name not in STATES:
        raise UnknownStateError(name)
    return STATES[name]


def reopened(snapshot: Snapshot) -> Snapshot:
    return Snapshot(take_apart(snapshot.encode().text), find_state)


def test_an_address_without_state_begins_empty() -> None:
    snapshot = Snapshot(Stored(), find_state)

    assert snapshot.version == 0
    assert snapshot.stack("").empty()
    assert snapshot.top(snapshot.stack("")) is None
    assert snapshot.context("nobody") is None
    assert not snapshot.has("nobody")


def test_an_open_dialog_is_there_after_the_commit() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.push(Context("i", "", Main.two, {"a": 1}, {"n": 2}, {"w": [3]}))

    copy = reopened(snapshot)

    assert copy.version == 1
    assert copy.has("i")
    assert copy.top(copy.stack("")) == Context(
        "i", "", Main.two, {"a": 1}, {"n": 2}, {"w": [3]}
    )


def test_a_working_copy_shares_nothing_with_what_was_stored() -> None:
    snapshot = Snapshot(Stored(), find_state)
    kept = {"list": [1]}
    snapshot.push(Context("i", "", Main.one, dialog_data=kept))
    text = snapshot.encode().text

    kept["list"].append(2)
    copy = Snapshot(take_apart(text), find_state).context("i")

    assert copy is not None
    assert copy.dialog_data == {"list": [1]}


def test_turns_with_much_data_write_what_they_change_and_share_nothing() -> None:
    snapshot = Snapshot(Stored(), find_state)
    data = {"count": 0, "rows": [[number] for number in range(1000)]}
    snapshot.push(Context("i", "", Main.one, dialog_data=data))
    seen: list[dict[str, object]] = []

    for count in range(1, 5):
        stored = snapshot.encode()
        snapshot = Snapshot(stored, find_state)
        context = snapshot.context("i")
        assert context is not None
        context.dialog_data["count"] = count
        seen.append(context.dialog_data)
        if count == 3:
            context.dialog_data["rows"][0].append("more")

    found = reopened(snapshot).context("i")
    assert found is not None
    assert found.dialog_data["count"] == 4
    assert found.dialog_data["rows"][:2] == [[0, "more"], [1]]
    assert len({id(each["rows"]) for each in seen}) == 4


def test_a_context_is_the_same_object_within_a_turn() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.push(Context("i", "", Main.one))
    copy = reopened(snapshot)

    assert copy.context("i") is copy.context("i")


def test_what_was_not_touched_stays_as_it_was() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.push(Context("i", "", Main.one, dialog_data={"n": 1}))
    snapshot.push(Context("j", "", Main.two))

    second = reopened(snapshot)
    third = reopened(second)

    assert third.version == 2
    assert third.stack("").intents == ["i", "j"]
    found = third.context("i")
    assert found is not None
    assert found.dialog_data == {"n": 1}


def test_a_dropped_dialog_is_gone() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.push(Context("i", "", Main.one))
    copy = reopened(snapshot)

    copy.drop("i", copy.stack(""))

    assert not copy.has("i")
    assert not reopened(copy).has("i")


def test_a_stack_keeps_its_screen() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.push(Context("i", "", Main.one))
    screen = snapshot.stack("").screen
    screen.expect(Keys(1, "i", "a"), new_message=True)
    screen.confirm(1, "m1", None)
    screen.expect(Keys(2, "i", "a\nb"), new_message=False)
    screen.digest = "digest"

    copy = reopened(snapshot).stack("").screen

    assert copy == screen


def test_an_empty_stack_is_forgotten_unless_it_is_the_default_one() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.stack("").screen.message_id = "m1"
    snapshot.stack("other").screen.message_id = "m2"

    copy = reopened(snapshot)

    assert copy.stacks == {"": Stack("", [], snapshot.stack("").screen)}


def test_who_it_is_is_kept() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.who = ["private", "Ann", None]

    assert reopened(snapshot).who == ["private", "Ann", None]


@pytest.mark.parametrize("part", ["start_data", "dialog_data", "widget_data"])
def test_data_that_cannot_be_stored_is_named_by_its_path(part: str) -> None:
    snapshot = Snapshot(Stored(), find_state)
    context = Context("i", "", Main.one)
    setattr(context, part, {"at": 1j})
    snapshot.push(context)

    with pytest.raises(UnserialisableDataError) as caught:
        snapshot.encode()

    assert caught.value.path == f"{part}.at"


def test_state_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(SnapshotVersionError) as caught:
        take_apart(b'{"v":3}')

    assert (caught.value.found, caught.value.known) == (3, 2)


def test_a_dialog_whose_window_is_gone_is_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.push(Context("i", "", Main.one))
    snapshot.push(Context("j", "", Main.two))

    def find_the_first(name: str) -> State:
        if name == "Main:two":
            raise UnknownStateError(name)
        return Main.one

    copy = Snapshot(snapshot.encode(), find_the_first)
    top = copy.top(copy.stack(""))

    assert top is not None
    assert top.id == "i"
    assert not copy.has("j")
    assert copy.stack("").intents == ["i"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Main:two" in caplog.text


@given(ids=st.lists(st.text(max_size=5), max_size=128))
def test_the_ring_knows_every_id_that_is_not_old(ids: list[str]) -> None:
    ring = Ring()
    seen: set[str] = set()

    for each in ids:
        assert ring.add(each) == (each not in seen)
        seen.add(each)


def test_the_ring_knows_the_newest_128_ids() -> None:
    ring = Ring()
    for number in range(200):
        ring.add(str(number))

    assert not ring.add("199")
    assert not ring.add("72")
    assert ring.add("71")
    assert len(ring.text) == 128 * 8


def test_the_ring_is_kept_in_the_state() -> None:
    snapshot = Snapshot(Stored(), find_state)
    snapshot.ring.add("u1")

    assert not reopened(snapshot).ring.add("u1")


def test_a_mark_that_lies_across_two_others_is_not_mistaken_for_them() -> None:
    ring = Ring()
    ring.add("u1")
    mark = ring.text

    shifted = Ring("xxxx" + mark + "yyyy")

    assert shifted.add("u1")
    both = Ring("xxxx" + mark + "yyyy" + mark)
    assert not both.add("u1")


@given(one=st.text(), other=st.text())
def test_equal_views_have_equal_digests_and_others_do_not(one: str, other: str) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_the_next_turn_gets_another_copy_of_what_was_stored() -> None:
    snapshot = Snapshot(Stored(), find_state)
    kept = {"list": [1]}
    snapshot.push(Context("i", "", Main.one, dialog_data=kept))
    stored = snapshot.encode()

    kept["list"].append(2)
    first = Snapshot(stored, find_state).context("i")
    second = Snapshot(stored, find_state).context("i")

    assert first is not None
    assert second is not None
    assert first.dialog_data == second.dialog_data == {"list": [1]}
    assert first.dialog_data["list"] is not second.dialog_data["list"]


def test_marks_of_polled_updates_go_with_the_next_batch_but_for_the_newest() -> None:
    ring = Ring()
    for number in range(100):
        ring.add(f"u{number}", 1)
    assert not ring.add("u0", 1)

    assert not ring.add("u99", 2)
    assert ring.add("u0", 2)

    assert len(ring.text) == 17 * 8


def test_marks_of_updates_that_were_not_polled_stay() -> None:
    ring = Ring()
    ring.add("u1")
    ring.add("u2")

    assert not ring.add("u1")
