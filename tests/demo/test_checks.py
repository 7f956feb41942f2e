"""What the demo takes for a success, and what not."""

from __future__ import annotations

import signal

import pytest

from duologue._demo._checks import (
    all_jobs,
    all_presses,
    answered_once,
    counted_up,
    each_press_once,
    few_redraws,
    killed,
    messenger_was_down,
    nothing_refused,
    progress_to_the_end,
    redrawn_in_place,
    sent_once,
    still_there,
    stopped_half_way,
    went_on,
)
from duologue._demo._lines import ChatLines, Side
from duologue._demo._scene import Scene
from duologue.transport.sandbox import LogEntry, LogKind


def _scene(*shown: tuple[LogKind, str, str]) -> Scene:
    return Scene(
        [
            LogEntry(number, 1000 * number, kind, message_id=message, text=text)
            for number, (kind, message, text) in enumerate(shown, 1)
        ]
    )


SENT, EDIT = LogKind.MESSAGE, LogKind.EDIT


@pytest.mark.parametrize(
    ("scene", "kept"),
    [
        (_scene((SENT, "a", "0"), (EDIT, "a", "1")), True),
        (_scene((SENT, "a", "0"), (SENT, "b", "1")), False),
        (_scene((SENT, "a", "0"), (EDIT, "b", "1")), False),
        (_scene((SENT, "a", "0")), False),
        (_scene(), False),
    ],
)
def test_a_message_is_redrawn_in_place(scene: Scene, *, kept: bool) -> None:
    assert redrawn_in_place(scene, edits=1).kept is kept


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["n: 0", "n: 1", "n: 2"], True),
        (["n: 0", "n: 2"], False),
        (["n: 0", "n: 2", "n: 1"], False),
        (["n: 0", "n: 1", "n: 1", "n: 2"], False),
        ([], False),
    ],
)
def test_each_update_is_shown_once_and_in_order(
    texts: list[str], *, kept: bool
) -> None:
    scene = _scene((SENT, "a", ""), *((EDIT, "a", text) for text in texts))

    assert counted_up(scene, to=2).kept is kept


@pytest.mark.parametrize(
    ("text", "presses", "jobs"),
    [
        ("3 presses, jobs 1 2", True, True),
        ("2 presses, jobs 1 2", False, True),
        ("4 presses, jobs 1 2", False, True),
        ("3 presses, jobs 2", True, False),
        ("no numbers", False, False),
    ],
)
def test_the_last_view_tells_what_was_lost(
    text: str, *, presses: bool, jobs: bool
) -> None:
    scene = _scene((SENT, "a", "3 1 2"), (EDIT, "a", text))

    assert all_presses(scene, presses=3).kept is presses
    assert all_jobs(scene, jobs=2).kept is jobs


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        (["heard one", "heard two"], True),
        (["heard two", "heard one"], False),
        (["heard one", "heard one", "heard two"], False),
        (["heard one"], False),
        (["heard one", "heard nothing"], False),
    ],
)
def test_each_text_is_answered_once_and_in_order(
    answers: list[str], *, kept: bool
) -> None:
    scene = _scene((SENT, "a", "Hello"), *((SENT, text, text) for text in answers))

    assert answered_once(scene, ["one", "two"]).kept is kept


def test_redraws_are_fewer_than_changes_but_there_are_some() -> None:
    scene = _scene((SENT, "a", ""), (EDIT, "a", ""), (EDIT, "a", ""))

    assert few_redraws(scene, changes=3).kept
    assert not few_redraws(scene, changes=2).kept
    assert not few_redraws(_scene((SENT, "a", "")), changes=2).kept


def test_a_refusal_is_found_and_named() -> None:
    refused = LogEntry(1, 0, LogKind.REFUSED, status=429, request="POST /messages")

    check = nothing_refused(Scene([refused]))

    assert not check.kept
    assert check.seen == "POST /messages 429"
    assert nothing_refused(Scene([])).kept


def test_an_outage_that_no_poll_met_does_not_count() -> None:
    send = LogEntry(1, 0, LogKind.FAULT, status=503, request="POST /messages")
    poll = LogEntry(2, 0, LogKind.FAULT, status=503, request="GET /updates")

    assert not messenger_was_down(Scene([send])).kept
    assert messenger_was_down(Scene([send, poll])).kept


def test_the_same_press_again_is_one_line() -> None:
    keyboard = ((("+1", "payload"),),)
    shown = LogEntry(1, 0, SENT, message_id="a", text="0", keyboard=keyboard)
    press = LogEntry(2, 0, LogKind.CLICKED, message_id="a", payload="payload")
    chat = ChatLines()

    chat.add([shown, press, press, press])

    assert [(line.text, line.times) for line in chat.lines] == [("0", 1), ("+1", 3)]


def test_an_edit_changes_the_line_of_its_message() -> None:
    chat = ChatLines()

    chat.add(_scene((SENT, "a", "old"), (LogKind.SAID, "b", "hi")).entries)
    chat.add(_scene((EDIT, "a", "new")).entries)

    assert [line.text for line in chat.lines] == ["new", "hi"]
    assert chat.lines[0].edits == 1


@pytest.mark.parametrize(
    ("keyboard", "said"),
    [
        ((), "bot removes the buttons of an earlier message"),
        (((("+1", "p"),),), "bot changes an earlier message: text"),
    ],
)
def test_an_edit_of_an_earlier_act_is_told(
    keyboard: tuple[tuple[tuple[str, str | None], ...], ...], said: str
) -> None:
    edit = LogEntry(1, 0, EDIT, message_id="old", text="text", keyboard=keyboard)
    chat = ChatLines()

    chat.add([edit])

    assert [(line.side, line.text) for line in chat.lines] == [(Side.NOTE, said)]


def test_notices_deletions_and_refusals_have_lines() -> None:
    chat = ChatLines()

    chat.add(
        [
            LogEntry(1, 0, LogKind.NOTIFICATION, text="Too late"),
            LogEntry(2, 0, LogKind.NOTIFICATION, text=" "),
            LogEntry(3, 0, LogKind.DELETE, message_id="a"),
            LogEntry(4, 0, LogKind.REFUSED, status=400, request="POST /answers"),
            LogEntry(5, 0, LogKind.STARTED),
        ]
    )

    assert [line.text for line in chat.lines] == [
        "Too late",
        "bot deletes a message",
        "400 to POST /answers",
    ]


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["ready", "flies 0%", "flies 50%", "boom 100%"], True),
        (["ready", "flies 50%", "boom 100%", "flies 0%"], True),
        (["ready", "flies 50%", "flies 40%", "boom 100%"], False),
        (["ready", "flies 50%", "boom 90%"], False),
        (["ready", "flies 50%"], False),
        ([], False),
    ],
)
def test_progress_grows_to_its_end(texts: list[str], *, kept: bool) -> None:
    scene = _scene((SENT, "a", ""), *((EDIT, "a", text) for text in texts))

    assert progress_to_the_end(scene, words="boom").kept is kept


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["flies 40%", "stopped 40%"], True),
        (["stopped 40%", "flies 50%"], False),
        (["stopped 100%"], False),
        (["stopped 0%"], False),
        (["stopped"], False),
        ([], False),
    ],
)
def test_half_way_is_neither_the_begin_nor_the_end(
    texts: list[str], *, kept: bool
) -> None:
    scene = _scene((SENT, "a", ""), *((EDIT, "a", text) for text in texts))

    assert stopped_half_way(scene, words="stopped").kept is kept


@pytest.mark.parametrize(
    ("ends", "kept"),
    [((-signal.SIGKILL,), True), ((), False), ((0,), False), ((-9, -9), False)],
)
def test_a_kill_is_one_end_by_its_signal(ends: tuple[int, ...], *, kept: bool) -> None:
    assert killed(Scene([], ends)).kept is kept


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["Ann: 1", "Ann: 2"], True),
        (["Ann: 1", "Ann: 1", "Ann: 2"], True),
        (["Ann: 1"], False),
        (["Ann: 1", "Ann: 3"], False),
        (["Ann: 1", "Ann: 2", "Ann: 1", "Ann: 2"], False),
    ],
)
def test_a_number_that_is_drawn_again_in_place_counts_once(
    texts: list[str], *, kept: bool
) -> None:
    scene = _scene((SENT, "a", "Ann: 0"), *((EDIT, "a", text) for text in texts))

    assert each_press_once(scene, presses=2).kept is kept


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["name?", "Ann: 0"], True),
        (["name?", "Ann: 0", "Ann: 0"], False),
        (["name?", "name?"], False),
        (["name?"], False),
    ],
)
def test_a_message_that_was_sent_again_is_found(
    texts: list[str], *, kept: bool
) -> None:
    scene = _scene(*((SENT, str(n), text) for n, text in enumerate(texts)))

    assert sent_once(scene, messages=2).kept is kept


def test_the_last_view_tells_what_was_kept_and_where_the_user_is() -> None:
    scene = _scene((SENT, "a", "Ann: 1\ntickets"), (EDIT, "a", "Ann: ordered\n1"))

    assert still_there(scene, "Ann").kept
    assert went_on(scene, words="ordered").kept
    assert went_on(scene, words="ordered").seen == "the window says Ann: ordered / 1"
    assert not still_there(scene, "Bob").kept
    assert not went_on(_scene(), words="ordered").kept
    assert still_there(_scene(), "Ann").seen == "the window says nothing"
