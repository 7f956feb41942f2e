"""What a campaign ended with, against what the users are owed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from duologue.transport.sandbox import LogKind
from duologue.transport.sqlite._inspect import export
from tests.reliability.messenger import Messenger
from tests.reliability.users import Act, User, screen

BAD = (
    "lost",
    "doubled",
    "reordered",
    "unknown",
    "presses lost",
    "screens wrong",
    "presses unanswered",
    "texts missing",
    "broadcasts missing",
    "windows missing",
    "calls too many",
    "ends",
)
"""What no campaign may have, in the order in which it is shown."""
DOUBTFUL = (
    "texts twice",
    "broadcasts twice",
    "windows twice",
    "presses unanswered but shown",
    "presses refused",
    "presses refused on a copy",
    "keyboards left behind",
    "calls too many later",
)
"""What kills may cause: how often they did is published."""


@dataclass(slots=True)
class Verdict:
    """What was counted, and an example of each thing that is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, int]:
        return {name: self.counts[name] for name in BAD if self.counts[name]}

    def add(self, name: str, example: str) -> None:
        self.counts[name] += 1
        self.examples.setdefault(name, example)

    def merge(self, other: Verdict) -> None:
        self.counts.update(other.counts)
        self.examples = {**other.examples, **self.examples}


def judge(
    messenger: Messenger, users: Sequence[User], states: Mapping[int, list[str]]
) -> Verdict:
    """Compare what there is with what the users did."""
    verdict = Verdict()
    texts, windows = _sent(messenger)
    copies = _copies(messenger)
    for call in messenger.too_many_at_start:
        verdict.add("calls too many", call)
    for call in messenger.too_many_later:
        verdict.add("calls too many later", call)
    for user in users:
        held = states.get(user.user_id, [])
        _judge_state(verdict, user, held, copies)
        _judge_screen(verdict, messenger, user, held)
        handled, seen = set(held), _seen(messenger, user)
        for act in user.acts:
            if act.is_press and act.name not in messenger.answered:
                name = "unanswered but shown" if act.name in seen else "unanswered"
                verdict.add(f"presses {name}", f"{act} of user {user.user_id}")
            if act.name in handled:
                _judge_sending(verdict, act, texts, windows)
    return verdict


def _judge_state(
    verdict: Verdict, user: User, held: Sequence[str], copies: Collection[str]
) -> None:
    whose = f"of user {user.user_id}: {held}"
    order = {act.name: number for number, act in enumerate(user.acts)}
    counted = Counter(held)
    for act in user.acts:
        if counted[act.name]:
            continue
        if not act.is_press:
            verdict.add("lost", f"{act} {whose}")
        elif act.message_id in copies:
            verdict.add("presses refused on a copy", f"{act} {whose}")
        elif act.is_sure:
            verdict.add("presses lost", f"{act} {whose}")
        else:
            verdict.add("presses refused", f"{act} {whose}")
    for name, number in counted.items():
        if name not in order:
            verdict.add("unknown", f"{name} {whose}")
        elif number > 1:
            verdict.add("doubled", f"{name} {whose}")
    places = [order[name] for name in counted if name in order]
    if places != sorted(places):
        verdict.add("reordered", whose)


def _seen(messenger: Messenger, user: User) -> Collection[str]:
    shown = screen(messenger, user.chat_id)
    return set() if shown is None else set(shown.content.text.split())


def _judge_screen(
    verdict: Verdict, messenger: Messenger, user: User, held: Sequence[str]
) -> None:
    shown = screen(messenger, user.chat_id)
    text = "" if shown is None else shown.content.text
    buttons = [
        m.content.text for m in messenger.visible(user.chat_id) if m.content.keyboard
    ]
    if text.split() != held:
        example = f"user {user.user_id} sees {buttons}, not {held}"
        verdict.add("screens wrong", example)
    if len(buttons) > 1:
        verdict.add("keyboards left behind", f"user {user.user_id} sees {buttons}")


def _judge_sending(
    verdict: Verdict, act: Act, texts: Counter[tuple[int, str]], windows: Counter[str]
) -> None:
    if act.kind in {"say", "tell", "cast"}:
        name = "broadcasts" if act.kind == "cast" else "texts"
        number = texts[act.chat_id, f"{act.kind} {act.name}"]
    elif act.kind in {"send", "resend"}:
        name, number = "windows", windows[act.name]
    else:
        return
    verdict.counts[name] += 1
    if not number:
        verdict.add(f"{name} missing", str(act))
    elif number > 1:
        verdict.add(f"{name} twice", f"{act}: {number} times")


def _sent(messenger: Messenger) -> tuple[Counter[tuple[int, str]], Counter[str]]:
    """What was sent without buttons or notified, and the last names of new windows."""
    texts: Counter[tuple[int, str]] = Counter()
    windows: Counter[str] = Counter()
    for entry in messenger.log:
        if entry.kind not in {LogKind.MESSAGE, LogKind.NOTIFICATION}:
            continue
        text = entry.text or ""
        if entry.keyboard:
            windows[text.split()[-1]] += 1
        elif entry.chat_id is not None:
            texts[entry.chat_id, text] += 1
    return texts, windows


def _copies(messenger: Messenger) -> Collection[str]:
    """The messages with buttons that were sent more than once."""
    alike: dict[tuple[int | None, str | None], list[str]] = {}
    for entry in messenger.log:
        if entry.kind is LogKind.MESSAGE and entry.keyboard and entry.message_id:
            alike.setdefault((entry.chat_id, entry.text), []).append(entry.message_id)
    return {each for ids in alike.values() if len(ids) > 1 for each in ids}


def names_in(state: Path | None) -> Mapping[int, list[str]]:
    """What the state file holds for each user."""
    bodies: dict[str, str] = {}
    for line in export(state) if state is not None else ():
        entry = json.loads(line)
        if entry["kind"] == "snapshot" and "body" in entry:
            bodies[entry["key"]] = entry["body"]
    return names_of(bodies)


def names_of(snapshots: Mapping[str, str]) -> Mapping[int, list[str]]:
    """What snapshots hold for each user."""
    found = data_of(snapshots)
    return {user: cast("list[str]", data["names"]) for user, data in found.items()}


def data_of(snapshots: Mapping[str, str]) -> Mapping[int, Mapping[str, object]]:
    """The data of the bot's dialog that snapshots hold for each user."""
    found: dict[int, Mapping[str, object]] = {}
    for key, body in snapshots.items():
        # A snapshot has a line for its head and one for each dialog.
        data = _data([json.loads(part) for part in body.splitlines()])
        if data is not None:
            found[int(key.rpartition(":")[2])] = data
    return found


def _data(form: object) -> Mapping[str, object] | None:
    """What has the list that the bot's dialog keeps, wherever it stands in a snapshot."""
    if isinstance(form, dict):
        if isinstance(form.get("names"), list):
            return form
        form = list(form.values())
    if isinstance(form, list):
        return next(filter(None, map(_data, form)), None)
    return None
