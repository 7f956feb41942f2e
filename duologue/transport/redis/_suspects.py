"""Messages whose handler may have ended the process that had their unit before.

Nothing is written beforehand to find them: in a unit that nobody has let go, the message at
the head of every mailbox may be one, unless it came from another process and the owner had
not asked for it yet. Of all processes together one such message is handled
at a time, beside all others; the server knows of it while it is, and a message of which it
still knows after three deaths becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import cast

from duologue.errors import EngineUnavailableError, FencedError
from duologue.transport.redis._attendance import Attendance
from duologue.transport.redis._units import Unit
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._scripts import ACQUIT, HOLD, SUSPECT

MOST_DEATHS = 3
_NAME = "suspects"
_HARMLESS = "state"  # runs no code of authors, and suspects may wait for it
_GLANCE = 0.05
_PAUSE = 1.0  # seconds until a server that did not answer is asked again
_AT_ONCE = 1  # milliseconds
_logger = logging.getLogger("duologue.redis")


class Suspects(Attendance):
    """Handles messages alone that may be dangerous.

    Attributes:
        _alone: The mailbox whose message is handled alone now.
    """

    _alone: str | None = None
    _renewal: asyncio.TimerHandle | None = None
    _waiting_alone: deque[asyncio.Future[None]]

    def _suspect(self, unit: Unit) -> None:
        if unit.place.kind.partition("/")[0] == _HARMLESS:
            return
        if self._may_have_died(unit.left_by) or any(unit.attempts.values()):
            unit.suspects = {
                key: numbers[0]
                for key, numbers in unit.numbers.items()
                if self._may_be_known(unit, numbers[0])
            }
            if unit.suspects:
                _logger.info(
                    "%s was not let go: what it was handling is handled alone",
                    unit.place.unit,
                )

    def _may_have_died(self, process: str) -> bool:
        """Whether a process that has not let a unit go may have ended.

        This one has not. And while the server was away the leases of all processes ended:
        if each of their chats was a suspect, their users would wait for one another. A
        message that ends processes is one the next time.
        """
        is_other = process not in ("", self.name)
        return is_other and self._loop.time() >= self._away_until

    @staticmethod
    def _may_be_known(unit: Unit, number: int) -> bool:
        """Whether a message may have been known to a process that had it before."""
        is_unheard = unit.unheard and number >= unit.unheard
        return bool(unit.attempts.get(number) or not is_unheard)

    def _is_suspect(self, unit: Unit, key: str) -> bool:
        numbers = unit.numbers.get(key)
        return numbers is not None and unit.suspects.get(key) == numbers[0]

    async def _stand_alone(self, unit: Unit, key: str) -> bool:
        """Wait until no other suspect is handled, and have the server know of this one.

        Returns:
            Whether it may be handled; it has ended too many processes otherwise.

        Raises:
            EngineUnavailableError: The server did not answer.
            FencedError: Another process has the unit meanwhile.
        """
        if self._alone == key:
            return True  # it is here again, and nobody has died of it meanwhile
        number = unit.suspects[key]
        deaths = unit.attempts.get(number, 0)
        if deaths >= MOST_DEATHS:
            return False
        # The least suspect ones first: the others shall not wait for it.
        await asyncio.sleep(deaths * _GLANCE * 4)
        while not await self._try_alone(key):
            if unit.is_lost or self._is_leaving:
                raise FencedError(key)
            await self._next_place()
        if unit.is_lost:
            self._end_alone(key)
            raise FencedError(key)
        try:
            unit.attempts[number] = deaths + 1
            noted = await self._link.ask(self._suspected(unit, key, deaths + 1))
        except BaseException:
            self._take_back(unit, key)  # it may have been noted all the same
            unit.attempts[number] = deaths
            self._end_alone(key)
            raise
        if noted == b"fenced":
            unit.suspects.pop(key, None)  # nothing is noted that could be taken back
            self._lose(unit)
            self._end_alone(key)
            raise FencedError(key)
        return True

    @staticmethod
    def _suspected(unit: Unit, key: str, deaths: int) -> Call:
        """Note of how many processes the message of a mailbox is suspected."""
        command: list[Argument] = [unit.token, unit.suspects[key], deaths]
        return Call(key, command, script=SUSPECT, keys=unit.place.keys[:1])

    async def _next_place(self) -> None:
        """Wait until another suspect of this process has been handled, or for a moment."""
        place: asyncio.Future[None] = self._loop.create_future()
        self._waiting_alone.append(place)
        # What other processes handle tells nobody.
        await asyncio.wait([place], timeout=_GLANCE if self._alone is None else 1.0)
        if place in self._waiting_alone:
            self._waiting_alone.remove(place)

    async def _try_alone(self, key: str) -> bool:
        if self._alone is not None and self._alone != key:
            return False
        self._alone = key
        if self._renewal is not None:
            return True  # the one before has left it to this one
        try:
            await self.hold(_NAME, self.name, self._lease_seconds)
        except BaseException as error:
            if self._alone == key:  # it is another's if this one was lost meanwhile
                self._alone = None
            if isinstance(error, FencedError):
                return False
            raise
        if self._renewal is None:
            self._plan_renewal()
        if self._alone != key:
            self._leave_it()
            return False
        return True

    def _plan_renewal(self) -> None:
        seconds = self._lease_seconds / 3
        self._renewal = self._loop.call_later(seconds, self._renew)

    def _renew(self) -> None:
        if not self._is_leaving:
            self._hold_for(self._lease_ms)
            self._plan_renewal()

    def _hold_for(self, ms: int) -> None:
        keys = self._names.held(_NAME)
        command: list[Argument] = [self._now(), self.name, ms, "0", b""]
        self._link.post(Call(_NAME, command, script=HOLD, keys=keys))

    def _end_alone(self, key: str) -> None:
        """Let the next suspect be handled."""
        if self._alone != key:
            return
        self._alone = None
        while self._waiting_alone:
            place = self._waiting_alone.popleft()
            if not place.done():  # the right to be alone stays in this process
                place.set_result(None)
                self._loop.call_later(_GLANCE, self._leave_it)
                return
        self._leave_it()

    def _leave_it(self) -> None:
        """Let a suspect of another process be handled, unless one of this one is."""
        if self._alone is None and self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
            self._hold_for(_AT_ONCE)

    def _forget(self, unit: Unit) -> None:
        super()._forget(unit)
        if self._alone is not None and self._alone in unit.boxes:
            self._take_back(unit, self._alone)
            self._end_alone(self._alone)

    def _take_back(self, unit: Unit, key: str) -> None:
        """Have a death not counted that was none: the unit is lost, the process is alive."""
        number = unit.suspects.get(key)
        if number is not None and (deaths := unit.attempts.get(number)):
            self._say_alive(key, unit.place.keys[:1], number, deaths)

    def _say_alive(self, key: str, keys: list[str], number: int, deaths: int) -> None:
        """Take back the last of so many deaths, when the server answers."""

        def failed(answer: asyncio.Future[object]) -> None:
            is_unknown = isinstance(answer.exception(), EngineUnavailableError)
            if is_unknown and not self._is_leaving:
                again = key, keys, number, deaths
                self._loop.call_later(_PAUSE, self._say_alive, *again)

        call = Call(key, [number, deaths], script=ACQUIT, keys=keys)
        self._link.send(call).add_done_callback(failed)

    async def _acquit(self, unit: Unit, key: str, *, is_handled: bool) -> None:
        """The process is alive: a turn of a suspect has ended."""
        if self._alone != key:
            return
        number = unit.suspects.get(key)
        if is_handled:
            unit.suspects.pop(key, None)
        elif number is not None:  # it was given back, which is no death
            deaths = unit.attempts[number] = unit.attempts.get(number, 1) - 1
            with suppress(EngineUnavailableError):
                await self._link.ask(self._suspected(unit, key, deaths))
        self._end_alone(key)

    async def hold(
        self, name: str, token: str, seconds: float, *, value: bytes | None = None
    ) -> bytes | None:
        """Be the only holder of a name for a while, and keep a value with it.

        Raises:
            FencedError: Somebody else holds it.
            EngineUnavailableError: The server did not answer.
        """
        command: list[Argument] = [self._now(), token, round(seconds * 1000)]
        command += ["0" if value is None else "1", value or b""]

        def done(reply: Reply) -> bytes | None:
            status, kept = cast("list[Reply]", reply)
            if status == b"held":
                raise FencedError(name)
            return cast("bytes | None", kept)

        call = Call(name, command, script=HOLD, keys=self._names.held(name), done=done)
        return cast("bytes | None", await self._link.ask(call))
