"""What must have been seen for the demo to be a success."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from duologue._demo._scene import Scene, numbers, shows
from duologue.transport.sandbox import LogEntry, LogKind

_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and whether it was kept.

    Attributes:
        promise: What should be.
        kept: Whether it was.
        seen: What was seen instead, or how much of it.
    """

    promise: str
    kept: bool
    seen: str


def redrawn_in_place(scene: Scene, *, edits: int) -> Check:
    """One message, changed so many times and never sent again."""
    sent = scene.of(LogKind.MESSAGE)
    changed = scene.of(LogKind.EDIT)
    ids = {entry.message_id for entry in (*sent, *changed)}
    return Check(
        "one message, redrawn in place",
        len(sent) == 1 and len(ids) == 1 and len(changed) == edits,
        f"{_many(sent, 'message')}, {_many(changed, 'redraw')}",
    )


def counted_up(scene: Scene, *, to: int) -> Check:
    """Every number was on the screen, in order, from 0."""
    shown = [number for view in scene.views() for number in numbers(view)]
    return Check(
        f"{to} background updates, each shown, in order",
        shown == list(range(to + 1)),
        _words(shown),
    )


def all_presses(scene: Scene, *, presses: int) -> Check:
    """The first number of the last view counts the presses."""
    shown = scene.last_numbers()[:1]
    return Check(
        f"{presses} presses at once, none lost",
        shown == [presses],
        f"the window counts {_words(shown)}",
    )


def all_jobs(scene: Scene, *, jobs: int) -> Check:
    """The other numbers of the last view are the background tasks."""
    shown = scene.last_numbers()[1:]
    return Check(
        f"{jobs} background updates among them, none lost",
        shown == list(range(1, jobs + 1)),
        _words(shown),
    )


def few_redraws(scene: Scene, *, changes: int) -> Check:
    """Views that nobody had time to read were left out."""
    edits = scene.of(LogKind.EDIT)
    return Check(
        "fewer redraws than changes",
        0 < len(edits) < changes,
        f"{_many(edits, 'redraw')} for {changes} changes",
    )


def progress_to_the_end(scene: Scene, *, words: str) -> Check:
    """The bar only grew, and its last state was on the screen."""
    views = scene.views()
    ends = [number for number, view in enumerate(views) if shows(view, words)]
    shown = [
        percent
        for view in views[: ends[0] + 1 if ends else None]
        for percent in numbers(view)
    ]
    return Check(
        "a bar that grows, and its end on the screen",
        bool(ends) and shown[-1:] == [_WHOLE] and shown == sorted(shown),
        _words(shown),
    )


def stopped_half_way(scene: Scene, *, words: str) -> Check:
    """The last view says that it was stopped, before the end."""
    view = scene.last_view()
    shown = scene.last_numbers()
    return Check(
        "stopped half-way, and the screen says so",
        shows(view, words) and len(shown) == 1 and 0 < shown[0] < _WHOLE,
        f"{_words(shown)} %",
    )


def nothing_refused(scene: Scene) -> Check:
    """The messenger never had to say that something was wrong or too fast."""
    refused = scene.of(LogKind.REFUSED)
    seen = ", ".join(f"{entry.request} {entry.status}" for entry in refused)
    return Check(
        "no call refused by the messenger",
        not refused,
        seen or "none refused",
    )


def messenger_was_down(scene: Scene) -> Check:
    """The outage was felt: requests for updates failed."""
    failed = scene.of(LogKind.FAULT)
    polls = [entry for entry in failed if is_poll(entry)]
    return Check(
        "the messenger was down, the bot kept asking",
        len(polls) > 0,
        f"{_many(failed, 'failed call')}, {_many(polls, 'poll')}",
    )


def answered_once(scene: Scene, texts: Sequence[str]) -> Check:
    """Each text was answered by one message that repeats it, in order."""
    answers = [entry.text or "" for entry in scene.of(LogKind.MESSAGE)[1:]]
    kept = len(answers) == len(texts) and all(
        text in answer for text, answer in zip(texts, answers, strict=True)
    )
    return Check(
        "all that was written is answered, in order",
        kept,
        f"{_many(answers, 'answer')} to {_many(texts, 'message')}",
    )


def killed(scene: Scene) -> Check:
    """The process of the bot was ended once, by the signal that none can answer."""
    return Check(
        "the bot was killed in the middle, by SIGKILL",
        list(scene.ends) == [-signal.SIGKILL],
        f"exit status {_words(scene.ends)}",
    )


def still_there(scene: Scene, words: str) -> Check:
    """What was typed is in the window that came last."""
    return Check(
        "what was typed before is still there",
        shows(scene.last_view(), words),
        f"the window says {_said(scene)}",
    )


def each_press_once(scene: Scene, *, presses: int) -> Check:
    """The window counted all presses; drawing a number again in place is no harm."""
    shown = [number for view in scene.views() for number in numbers(view)]
    counted = [number for number, _ in groupby(shown)]
    return Check(
        f"{presses} presses, one while it was dead, each once",
        counted == list(range(presses + 1)),
        _words(counted),
    )


def sent_once(scene: Scene, *, messages: int) -> Check:
    """So many messages were sent, and no text twice."""
    sent = [entry.text for entry in scene.of(LogKind.MESSAGE)]
    return Check(
        "no message sent twice",
        len(sent) == len(set(sent)) == messages,
        _many(sent, "message"),
    )


def went_on(scene: Scene, *, words: str) -> Check:
    """The last view is the one that ends the form."""
    return Check(
        "the user went on to the end of the form",
        shows(scene.last_view(), words),
        f"the window says {_said(scene)}",
    )


def is_poll(entry: LogEntry) -> bool:
    """Tell whether a failed request was one for updates."""
    return entry.kind is LogKind.FAULT and "/updates" in (entry.request or "")


def _said(scene: Scene) -> str:
    view = scene.last_view()
    return "nothing" if view is None else " / ".join((view.text or "").splitlines())


def _words(shown: Sequence[int]) -> str:
    return " ".join(map(str, shown)) or "nothing"


def _many(things: Sequence[object], what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"
