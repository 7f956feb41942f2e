"""What passed between chats, was to come later, and was counted by all together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tests.reliability.users import Act, User
from tests.reliability.verdict import Verdict

BAD = ("notes lost", "notes reordered", "timers lost", "miscounted", "receipts broken")
"""What no campaign may have, beside what is wrong with single chats."""

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
