"""What passed between chats, was to come later, and was counted by all together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tests.reliability.messenger import Messenger
from tests.reliability.users import Act, User
from tests.reliability.verdict import Verdict

BAD = (
    "notes lost",
    "notes reordered",
    "timers lost",
    "miscounted",
    "receipts broken",
    "gaps",
)
"""What no campaign may have, beside what is wrong with single chats."""

FORGIVEN = ("lost", "presses lost", "presses unanswered", "receipts broken")
"""What may be gone with a server that forgets; it is counted as `forgotten`."""

_COUNT = re.compile(r'"(m\d+)": ?(\d+)')


def judge_between(
    users: Sequence[User],
    data: Mapping[int, Mapping[str, object]],
    states: Iterable[str],
    receipts: Iterable[str],
) -> Verdict:
    """Compare what chats hold of one another with what their users did.

    Args:
        users: The users, and what they did.
        data: What the dialog of each holds.
        states: The snapshots of shared States.
        receipts: What was acknowledged: each a user and a mark.
    """
    verdict = Verdict()
    counted: list[str] = []
    for user in users:
        own = data.get(user.user_id, {})
        handled = set(_names(own))
        acts = [act for act in user.acts if act.name in handled]
        counted += [act.name for act in acts if act.kind == "count"]
        _judge_timers(verdict, own, acts)
        _judge_notes(verdict, user, data, [act for act in acts if act.kind == "note"])
    found = dict(_COUNT.findall("".join(states)))
    verdict.counts["counted"] = len(counted)
    wrong = [
        f"{name}: {found.get(name, 0)}" for name in counted if found.get(name) != "1"
    ]
    for _ in wrong:
        verdict.add("miscounted", ", ".join(wrong))
    for line in receipts:
        user_id, mark = line.split()
        verdict.counts["receipts"] += 1
        if mark not in data.get(int(user_id), {}):
            verdict.add("receipts broken", f"user {user_id} has no {mark}")
    return verdict


def forgive(
    verdict: Verdict,
    messenger: Messenger,
    users: Sequence[User],
    held: Mapping[int, Sequence[str]],
    strikes: int,
) -> None:
    """Take for granted that the end was lost of what each user had said at each strike.

    A window that was sent last then may stay behind all that follow, as nobody knows it.
    """
    for name in (*FORGIVEN, "screens wrong"):
        verdict.counts[f"forgotten: {name}"] = verdict.counts.pop(name, 0)
    for user in users:
        shown = [
            message.content.text.split()
            for message in messenger.visible(user.chat_id)
            if message.content.keyboard
        ]
        if held.get(user.user_id, []) not in shown:
            verdict.add("screens wrong", f"user {user.user_id} sees {shown}")
        there = set(held.get(user.user_id, ()))
        known = [act.name in there for act in user.acts if not act.is_press]
        # A new gap begins at each message that is gone behind one that is there.
        gaps = sum(before and not each for before, each in pairwise([True, *known]))
        if gaps > strikes:
            verdict.add("gaps", f"user {user.user_id} has {gaps}")


def _judge_timers(
    verdict: Verdict, own: Mapping[str, object], acts: Sequence[Act]
) -> None:
    for act in acts:
        if act.kind == "later":
            verdict.counts["timers"] += 1
            if act.name not in own:
                verdict.add("timers lost", str(act))


def _judge_notes(
    verdict: Verdict,
    user: User,
    data: Mapping[int, Mapping[str, object]],
    notes: Sequence[Act],
) -> None:
    last: dict[int, str] = {}
    for act in notes:
        other = int(act.message_id)
        verdict.counts["notes"] += 1
        last[other] = act.name
        if act.name not in data.get(other, {}):
            verdict.add("notes lost", f"{act} of user {user.user_id}")
    for other, name in last.items():
        found = data.get(other, {}).get(f"from {user.user_id}")
        if found != name:
            verdict.add("notes reordered", f"{other} has {found}, not {name}")


def _names(data: Mapping[str, object]) -> Iterable[str]:
    names = data.get("names", [])
    assert isinstance(names, list)
    return names
