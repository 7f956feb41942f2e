"""Stacks, and what the user can see and press of them."""

from __future__ import annotations

from duologue.dialogs import GROUP_STACK_ID, Stack
from duologue.dialogs._state._stack import Keys, KnownScreen


def keys(revision: int, items: str = "a\nb", intent: str = "i") -> Keys:
    return Keys(revision, intent, items)


def drawn(
    screen: KnownScreen, revision: int = 1, message_id: str = "m1"
) -> KnownScreen:
    screen.expect(keys(revision), new_message=True)
    screen.confirm(revision, message_id, screen.message_id)
    return screen


def test_a_new_stack_is_empty() -> None:
    stack = Stack()

    assert stack.empty()
    assert stack.default()
    assert stack.last_intent_id() is None
    assert not stack.screen.has_buttons


def test_the_last_dialog_of_a_stack_is_on_top() -> None:
    stack = Stack(GROUP_STACK_ID, ["one", "two"])

    assert stack.last_intent_id() == "two"
    assert not stack.empty()
    assert not stack.default()


def test_keys_hold_whole_payloads_of_their_dialog_only() -> None:
    held = keys(1, "plus\nlist:7")

    assert held.find("i", "plus") == "plus"
    assert held.find("i", "list:7") == "list:7"
    assert held.find("i", "list") is None
    assert not held.find("i", "plu")
    assert not held.find("j", "plus")


def test_a_pending_button_can_be_pressed() -> None:
    screen = KnownScreen()

    screen.expect(keys(1), new_message=True)

    assert screen.pressed("m1", "i", "a")
    assert screen.pressed(None, "i", "a")
    assert not screen.pressed("m1", "i", "c")
    assert screen.has_buttons


def test_a_drawn_button_can_be_pressed_on_its_message_only() -> None:
    screen = drawn(KnownScreen())

    assert screen.pressed("m1", "i", "a")
    assert screen.pressed(None, "i", "a")
    assert not screen.pressed("m0", "i", "a")
    assert not screen.pressed("m1", "i", "c")
    assert not screen.pending


def test_the_buttons_of_both_drawings_can_be_pressed_until_the_newer_is_confirmed() -> (
    None
):
    screen = drawn(KnownScreen())

    screen.expect(keys(2, "new"), new_message=False)
    before = [screen.pressed("m1", "i", item) for item in ("a", "new")]
    screen.confirm(2, "m1", "m1")
    after = [screen.pressed("m1", "i", item) for item in ("a", "new")]

    assert before == ["a", "new"]
    assert after == [None, "new"]


def test_the_same_buttons_in_the_same_message_need_no_confirmation() -> None:
    screen = drawn(KnownScreen())

    assert not screen.expect(keys(2), new_message=False)
    assert screen.drawn == keys(2)


def test_the_same_buttons_as_those_that_are_pending_wait_with_them() -> None:
    screen = drawn(KnownScreen())
    screen.expect(keys(2, "new"), new_message=False)

    must_confirm = screen.expect(keys(3, "new"), new_message=False)

    assert must_confirm
    assert screen.pending == [keys(3, "new")]


def test_the_same_buttons_in_a_new_message_need_confirmation() -> None:
    screen = drawn(KnownScreen())

    assert screen.expect(keys(2), new_message=True)
    assert screen.pending == [keys(2)]


def test_a_message_that_was_sent_once_more_counts_though_an_older_copy_was_changed() -> (
    None
):
    screen = KnownScreen()
    screen.expect(keys(1), new_message=True)
    screen.adopt("older", "i", "a", is_newer=False)
    for revision in range(2, 40):
        assert screen.expect(keys(revision), new_message=False)

    screen.confirm(1, "newer", None)
    after_first = screen.message_id, [each.revision for each in screen.pending]
    screen.confirm(39, "newer", "newer")

    assert after_first == ("newer", [39])
    assert screen.pending == []
    assert screen.drawn == keys(39)


def test_a_message_without_buttons_shows_none() -> None:
    screen = KnownScreen()
    screen.expect(keys(1, ""), new_message=True)
    assert not screen.has_buttons

    screen.confirm(1, "m1", None)

    assert not screen.has_buttons
    assert screen.message_id == "m1"


def test_a_confirmation_covers_all_older_drawings() -> None:
    screen = KnownScreen()
    for revision in (1, 2, 3):
        screen.expect(keys(revision, f"of {revision}"), new_message=True)

    screen.confirm(2, "m2", None)

    assert screen.drawn == keys(2, "of 2")
    assert screen.pending == [keys(3, "of 3")]
    assert screen.message_id == "m2"


def test_a_confirmation_of_a_dialog_that_is_closed_is_ignored() -> None:
    screen = KnownScreen()

    screen.confirm(1, "m1", None)

    assert screen.message_id is None


def test_a_message_that_replaced_the_known_one_is_noted() -> None:
    screen = drawn(KnownScreen())

    screen.confirm(1, "m2", "m1")

    assert screen.message_id == "m2"
    assert screen.pressed("m2", "i", "a")


def test_the_number_of_pending_drawings_is_bounded() -> None:
    screen = KnownScreen()

    for revision in range(40):
        screen.expect(keys(revision, f"of {revision}"), new_message=True)

    assert len(screen.pending) == 16
    assert screen.pending[-1].revision == 39
