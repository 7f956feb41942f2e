"""Forgetting snapshots that nobody has used for long, in small steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from duologue.actors import Clock, TimerHandle
from duologue.actors._engine._timed import wall_time
from duologue.transport.sqlite._file import EXPIRED_AT_ONCE
from duologue.transport.sqlite._group import Group
from duologue.transport.sqlite._writer import Writer

_NEXT_LOOK = 3600.0  # seconds between two looks for what nobody uses
_NEXT_STEP = 1.0  # seconds between two steps while there is more of it


class Expiry:
    """Has the file forget what has not been used; each step rides in a group.

    Args:
        after: How long a snapshot is kept; None keeps all.
        writer: Writes the groups.
        clock: Arranges the next step.
        busy: Tells the keys that stay, whatever the file says of them.
    """

    def __init__(
        self,
        after: timedelta | None,
        *,
        writer: Writer,
        clock: Clock,
        busy: Callable[[], frozenset[str]],
    ) -> None:
        self._after = after
        self._writer = writer
        self._clock = clock
        self._busy = busy
        self._timer: TimerHandle | None = None
        self._is_running = False

    @property
    def is_on(self) -> bool:
        """Whether anything is ever forgotten."""
        return self._after is not None

    def start(self) -> None:
        """Take the first step."""
        self._is_running = True
        self._step()

    def stop(self) -> None:
        """Take no more steps."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def written(self, group: Group) -> None:
        """Arrange the next step when one has been written."""
        if group.expiry is not None and self._is_running:
            is_last = len(group.expired) < EXPIRED_AT_ONCE
            pause = _NEXT_LOOK if is_last else _NEXT_STEP
            self._timer = self._clock.call_later(pause, self._step)

    def _step(self) -> None:
        if self._after is None:
            return
        unused_since = wall_time() - self._after.total_seconds()
        self._writer.group.expire(unused_since, self._busy())
        self._writer.soon()
