"""What stands still in a process though it has mail, told with all that is known of it."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter

from duologue.dialogs._turns._conversations import Conversations
from duologue.transport.redis import RedisEngine

_GLANCE = 5.0  # seconds between two looks
_LOOKS = 4  # of which a message was the first of its mailbox, if it stands still
_logger = logging.getLogger("tests.chaos")


async def tell_what_stands_still(engine: RedisEngine) -> None:
    """Look at the mailboxes of a process for as long as it runs."""
    heads: dict[tuple[str, int], int] = {}
    everything = gc.get_objects()
    (conversations,) = (it for it in everything if isinstance(it, Conversations))
    del everything
    while True:
        await asyncio.sleep(_GLANCE)
        now = {
            (key, numbers[0]): unit
            for unit in engine._units.values()
            for key, numbers in unit.numbers.items()
        }
        heads = {head: heads.get(head, 0) + 1 for head in now}
        for head, looks in heads.items():
            if looks == _LOOKS:
                _tell(engine, conversations, head[0])


def _tell(engine: RedisEngine, conversations: Conversations, key: str) -> None:
    unit, box = engine._unit(key), engine._boxes.get(key)
    lines = [f"{key} stands still"]
    if unit is not None:
        parts = "numbers", "seen", "calls", "is_lost", "suspects", "attempts", "parked"
        lines += [f"unit {part}: {getattr(unit, part)}" for part in parts]
        lines.append(f"owed {len(unit.owed)}, fresh {len(unit.fresh)}")
    if box is not None:
        lines.append(
            f"box: {len(box.mail)}, lessee {box.lessee is not None}, token {box.token}, "
            f"attempt {box.attempt}, parked {box.parked}"
        )
    lines.append(f"alone {engine._alone}, doubted {key in engine._doubts}")
    lines += _of_actor(conversations, key)
    _logger.warning("%s", "\n".join(lines))


def _of_actor(conversations: Conversations, key: str) -> list[str]:
    recovery, actor = conversations._recovery, conversations._actors.get(key)
    lines = [
        f"recovery: {recovery._screens} wait, and {len(recovery._waiting)} behind them"
    ]
    if actor is None:
        return [*lines, "it has no actor"]
    mailbox = actor.actor_inbox
    lines.append(
        f"actor: has mail {actor.inbox.has_mail}, scheduled {mailbox.scheduled}, "
        f"suspended {mailbox.suspended}, asking {actor.is_asking}, "
        f"unsure {actor.unsure}, following {actor.following}"
    )
    waits = Counter(map(_what_it_waits_for, asyncio.all_tasks()))
    return [*lines, *(f"{number} tasks: {where}" for where, number in waits.items())]


def _what_it_waits_for(task: asyncio.Task[object]) -> str:
    """The lines in which a task and what it awaits stand."""
    places: list[str] = []
    step: object = task.get_coro()
    while step is not None:
        frame = getattr(step, "cr_frame", None) or getattr(step, "gi_frame", None)
        if frame is not None:
            places.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        step = getattr(step, "cr_await", None) or getattr(step, "gi_yieldfrom", None)
    return " > ".join(places)
