"""What this process does about the units that it has: it keeps them, and lets them go.

Leases are extended three times before they end. A chat stays for a moment after its last
event, until the messenger's limits for it are whole again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from duologue.errors import EngineUnavailableError
from duologue.transport.redis._boxes import LeasedMailboxes
from duologue.transport.redis._units import (
    Contents,
    Place,
    Unit,
)
from duologue.transport.redis._wire._calls import Call, Reply, Wire
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._scripts import (
    EXTEND,
    NEWS,
    RELEASE,
    Script,
)

GONE = 5.0
"""Seconds after which a process that says nothing is gone."""

_PAUSE = 1.0  # seconds until a server that did not answer is asked again
_logger = logging.getLogger("duologue.redis")


class Upkeep(LeasedMailboxes):
    """The units of this process, and the way to the server.

    Args:
        lease: Seconds after which units of a process that says nothing are free.
        linger: Seconds that a chat stays here after the last event.
        boxes: What the mailboxes are given.
    """

    def __init__(self, *, lease: float, linger: float, **boxes: object) -> None:
        super().__init__(**boxes)  # type: ignore[arg-type] # those of the class above
        self._link: Wire = cast("Wire", None)
        self._lease_seconds = lease
        self._lease_ms = round(lease * 1000)
        self._linger = linger
        self._known_kinds: set[str] = set()
        self._own_kinds: set[str] = set()
        self._peers: int = 0
        self._turns = 0
        self._left_over = False
        self._is_sweeping = False
        self._first_shard = 0
        self._unswept: deque[int] = deque()
        self._expecting: set[int] = set()
        self._loop = cast("asyncio.AbstractEventLoop", None)
        # Units that are on their way here, and for how many there may be slots needed.
        self._opening: set[str] = set()
        self._awaited: Counter[int] = Counter()
        self._is_leaving = False
        self._is_here = False
        self._listener: Callable[[bytes], None] | None = None
        self._lost_screen: Callable[[str], None] | None = None
        self._resting: dict[str, Unit] = {}
        self._rest_timer: asyncio.TimerHandle | None = None
        self._extension: asyncio.TimerHandle | None = None

    # What is asked of the server.

    def _now(self) -> str:
        """The time that scripts go by; that of the server, where this is empty."""
        return ""

    def _send(
        self,
        script: Script,
        place: Place,
        args: Sequence[Argument],
        *,
        more: Sequence[str] = (),
        done: Callable[[Reply], object] | None = None,
        ended: Callable[[], None] | None = None,
        holds: Callable[[], bool] | None = None,
    ) -> asyncio.Future[object]:
        """Send a script about a unit."""
        call = Call(
            place.unit,
            [self._now(), place.member, *args],
            script=script,
            first=place.first,
            keys=more,
            done=done,
            ended=ended,
            holds=holds,
        )
        return self._link.send(call)

    def _send_about(
        self,
        unit: Unit,
        script: Script,
        args: Sequence[Argument],
        *,
        more: Sequence[str] = (),
        done: Callable[[Reply], object] | None = None,
    ) -> asyncio.Future[object]:
        """Send a script about a unit that is here, and does not rest until it ends."""
        unit.calls += 1
        return self._send(
            script, unit.place, args, more=more, done=done, ended=unit.call_ended
        )

    def _do(
        self,
        script: Script,
        place: Place,
        args: Sequence[Argument],
        *,
        done: Callable[[Reply], object] | None = None,
    ) -> None:
        """Send a script about a unit that nobody waits for."""
        _answer = self._send(script, place, args, done=done)

    def _refresh(self, unit: Unit) -> asyncio.Future[object]:
        """Ask what a unit holds on the server now."""

        def done(reply: Reply) -> None:
            assert isinstance(reply, list)  # noqa: S101  # so the script returns
            if unit.is_lost:
                return
            if reply[0] == b"fenced":
                self._lose(unit)
                return
            self._reconcile(unit, Contents(reply[1], reply[3]))
            self._rest(unit)

        future = self._send_about(unit, NEWS, [unit.token], done=done)
        self._ask_until_answered(unit, future, partial(self._refresh, unit))
        return future

    def _ask_until_answered(
        self, unit: Unit, answer: asyncio.Future[object], ask: Callable[[], object]
    ) -> None:
        """Ask again about a unit later, if the server does not answer."""

        def again() -> None:
            if not (unit.is_lost or self._is_leaving):
                ask()

        def failed(answer: asyncio.Future[object]) -> None:
            if isinstance(answer.exception(), EngineUnavailableError):
                self._loop.call_later(_PAUSE, again)

        answer.add_done_callback(failed)

    def _rest(self, unit: Unit) -> None:
        """Let a unit go when nothing has happened in it for a while."""
        if not unit.is_empty or unit.calls or unit.is_lost:
            return
        loop = asyncio.get_running_loop()
        is_chat = unit.place.is_chat
        unit.busy_until = loop.time() + (self._linger if is_chat else 0.0)
        self._resting[unit.place.member] = unit
        if not is_chat or self._closed:
            self._let_rest()
        elif self._rest_timer is None:
            self._rest_timer = loop.call_later(self._linger, self._let_rest)

    def _let_rest(self) -> None:
        """Let those units go that have rested for long enough."""
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None
        loop = asyncio.get_running_loop()
        now = loop.time() + 0.001
        for member, unit in list(self._resting.items()):
            if unit.is_lost or not unit.is_empty or unit.calls:
                del self._resting[member]
            elif unit.busy_until <= now or self._closed:
                del self._resting[member]
                _answer = self._let_go(unit, only_empty=True)
        if self._resting:
            soonest = min(unit.busy_until for unit in self._resting.values())
            self._rest_timer = loop.call_later(
                max(soonest - loop.time(), 0.01), self._let_rest
            )

    def _let_go(self, unit: Unit, *, only_empty: bool) -> asyncio.Future[object]:
        def done(reply: Reply) -> None:
            assert isinstance(reply, list)  # noqa: S101  # so the script returns
            if reply[0] == b"fenced":
                self._lose(unit)
            elif reply[0] == b"released" and not only_empty:
                self._lose(unit, "let_go")  # with mail, which may be of its screen
            elif reply[0] == b"released":
                self._forget(unit)
            elif not unit.is_lost:
                _answer = self._refresh(unit)

        schema = self._parked_only(unit)
        more = (
            [self._names.ready(unit.place.shard, unit.place.kind, schema)]
            if schema
            else []
        )
        args = [unit.token, "1" if only_empty else "0"]
        future = self._send_about(unit, RELEASE, args, more=more, done=done)
        again = partial(self._let_go, unit, only_empty=only_empty)
        self._ask_until_answered(unit, future, again)
        return future

    @staticmethod
    def _parked_only(unit: Unit) -> int:
        """The lowest schema that what is left needs; 0 if this program has work."""
        if not unit.numbers or unit.owed or unit.out:
            return 0
        if any(key not in unit.parked for key in unit.numbers):
            return 0
        return min(unit.parked[key] for key in unit.numbers)

    def _extend(self) -> None:
        """Make all leases last."""
        self._extension = None
        if self._units:
            self._plan_extension()
        by_shard: dict[int, list[Unit]] = {}
        for unit in self._units.values():
            by_shard.setdefault(unit.place.shard, []).append(unit)
        for shard, units in by_shard.items():
            args: list[Argument] = [self._now(), self.name, self._lease_ms]
            for unit in units:
                args += [unit.place.member, unit.token]
            keys = [*self._names.leased(shard), *(unit.place.keys[0] for unit in units)]

            def done(reply: Reply, units: Sequence[Unit] = units) -> None:
                for unit, numbers in zip(
                    units, cast("list[bytes]", reply), strict=True
                ):
                    self._extended(unit, numbers)

            self._link.post(Call("leases", args, script=EXTEND, keys=keys, done=done))

    def _extended(self, unit: Unit, numbers: bytes) -> None:
        if unit.is_lost:
            return
        if not numbers:
            _logger.warning("the lease of %s was lost", unit.place.unit)
            self._lose(unit)
            return
        if unit.calls:
            return
        mail, _, owed = numbers.partition(b":")
        if int(mail) < unit.seen:
            self._went_back(unit)
            return
        known = max((number for number, _ in unit.owed.values()), default=0)
        if int(mail) > unit.seen or (int(owed) > known and unit.owed):
            _answer = self._refresh(unit)

    def _plan_extension(self) -> None:
        if self._extension is None:
            seconds = self._lease_seconds / 3
            self._extension = self._loop.call_later(seconds, self._extend)

    def tell(self, process: str, message: bytes) -> None:
        """Tell another process something, which may be lost."""
        channel = self._names.channel + process
        self._link.post(Call(process, ["PUBLISH", channel, b"a" + message]))

    def listen(
        self, heard: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> None:
        """Be told on the loop what other processes tell this one, and take from it."""
        self._listener, self._lost_screen = heard, lost

    def _lost(self, screen: str) -> None:
        if self._lost_screen is not None and not self._is_leaving:
            self._lost_screen(screen)

    async def _gone_units(self) -> None:
        """Let all units go, and wait until the server knows."""
        calls = [
            self._let_go(unit, only_empty=False) for unit in list(self._units.values())
        ]
        for call in calls:
            try:
                await asyncio.shield(call)
            except EngineUnavailableError as error:
                _logger.warning("%s", error)
