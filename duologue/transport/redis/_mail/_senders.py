"""Mail on its way into units: in its order for each of them, and once.

A mailbox knows the newest ids that it has taken. Mail for one that is full waits, and so
does all that comes behind it from this process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import cast

from duologue.actors import Letter, Owed
from duologue.actors._engine._local import check_letters
from duologue.errors import EngineClosedError, EngineUnavailableError
from duologue.transport.redis._leases import Leases
from duologue.transport.redis._mail._parcels import Due, Origin, Parcel
from duologue.transport.redis._units import (
    TOKEN_SIZE,
    Place,
    Unit,
    parts_of,
)
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._envelopes import pack
from duologue.transport.redis._wire._scripts import ACCEPT, ENQUEUE

_AGAIN = 0.05  # seconds until a full mailbox, or another connection, is tried
PAUSE = 1.0
"""Seconds until a server that did not answer is asked again."""


class Senders(Leases):
    """Puts mail into units, wherever they are."""

    _senders: dict[str, list[asyncio.Future[None]]]

    async def enqueue(self, letters: Sequence[Letter]) -> None:
        """Put mail at the ends of mailboxes, in order; wait while one of them is full.

        Raises:
            EngineClosedError: The engine takes nothing any more.
            EngineUnavailableError: The server does not answer.
        """
        if self._closed:
            raise EngineClosedError(letters[0].key if letters else "")
        by_unit: dict[str, list[Letter]] = {}
        check_letters(letters)
        for letter in letters:
            by_unit.setdefault(self._place(letter.key).member, []).append(letter)
        if len(by_unit) == 1:
            await self._bring_in_turn(list(letters))
            return
        # All leave in one pipeline; those that find no room wait, each for itself.
        sent = [
            (part, None if member in self._senders else self._put_in(part))
            for member, part in by_unit.items()
        ]
        left: list[list[Letter]] = []
        for part, answer in sent:
            taken = 0 if answer is None else cast("int", await asyncio.shield(answer))
            if taken < len(part):
                left.append(part[taken:])
        for part in left:
            await self._bring_in_turn(part)

    async def _bring_in_turn(
        self, letters: list[Letter], origin: Origin | None = None
    ) -> None:
        """Bring letters to one unit, behind those of this process that wait.

        Args:
            letters: The letters.
            origin: Where they come from, if from another unit. They are brought then
                though the engine takes nothing any more, and however long the server is
                away; but for those that it has forgotten meanwhile, and once more if it
                may have forgotten that they are there.
        """
        member = self._place(letters[0].key).member
        queue = self._senders.get(member)
        is_sure = True
        if queue is None:
            # Nobody waits: what is sent now keeps its order by itself.
            taken = await self._try_to_bring(letters, origin)
            is_sure = taken is not None
            if taken == len(letters):
                return
            letters = letters[taken or 0 :]
            queue = self._senders.get(member)
        if queue is None:
            queue = self._senders[member] = []
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            if queue[0] is turn:
                turn.set_result(None)
            await turn
            await self._bring_all(letters, origin, is_sure=is_sure)
        finally:
            queue.remove(turn)
            if not queue:
                del self._senders[member]
            elif not queue[0].done():
                queue[0].set_result(None)

    async def _bring_all(
        self, letters: list[Letter], origin: Origin | None, *, is_sure: bool
    ) -> None:
        """Bring letters until all are there, or the engine takes nothing any more."""
        while letters:
            if origin is None:
                if self._closed:
                    raise EngineClosedError(letters[0].key)
            elif not is_sure:
                await self._look_again(origin)
                letters = origin.letters()
                if not letters:
                    return
            taken = await self._try_to_bring(letters, origin)
            is_sure = taken is not None
            letters = letters[taken or 0 :]
            if letters and is_sure:
                await asyncio.sleep(_AGAIN)

    async def _try_to_bring(
        self, letters: Sequence[Letter], origin: Origin | None
    ) -> int | None:
        """Bring letters; tell how many there was room for, None if nobody knows."""
        if origin is None:
            return await self._bring(letters)
        try:
            sent = self._put_in(letters, holds=self._holds(origin))
            return cast("int", await asyncio.shield(sent))
        except EngineUnavailableError:
            return None  # who comes later stands behind them

    def _holds(self, origin: Origin) -> Callable[[], bool]:
        """Tells whether no server can have begun anew since something was there."""
        link, known = self._link, origin.connections
        return lambda: link.connections == known

    async def _look_again(self, origin: Origin) -> None:
        """See what a unit keeps still of what it sends to another one, after a moment."""
        await asyncio.sleep(PAUSE if self._holds(origin)() else _AGAIN)

        def done(reply: Reply) -> None:
            origin.keep(cast("list[bytes | None]", reply), self._link.connections)

        while origin.left:
            command: list[Argument] = ["HMGET", origin.key, *origin.left]
            call = Call(origin.unit.place.unit, command, done=done)
            try:
                await self._link.ask(call)
            except EngineUnavailableError:
                await asyncio.sleep(PAUSE)
            else:
                return

    def _wake_senders(self) -> None:
        """Let all who wait look again: the engine takes nothing any more."""
        for queue in self._senders.values():
            for turn in queue:
                if not turn.done():
                    turn.set_result(None)

    async def _bring(self, letters: Sequence[Letter], *, capacity: bool = True) -> int:
        """Put letters into one unit; tell how many there was room for."""
        room = None if capacity else 0
        sent = self._put_in(letters, capacity=room)
        return cast("int", await asyncio.shield(sent))

    def _put_in(
        self,
        letters: Sequence[Letter],
        *,
        capacity: int | None = None,
        owed: Sequence[Owed] = (),
        due: Due | None = None,
        is_own: bool = True,
        holds: Callable[[], bool] | None = None,
    ) -> asyncio.Future[object]:
        """Send what goes into one unit; the future tells how much of it was taken."""
        place = self._place(letters[0].key if letters else owed[0].screen)
        self._know(place.kind)
        parcel = Parcel(letters, owed, due, is_own=is_own)
        unit = self._units.get(place.member)
        wants = unit is None and self._wants(place)
        token = secrets.token_bytes(TOKEN_SIZE) if wants else b""
        awaited = id(self._service_of(place.kind))
        self._awaited[awaited] += wants
        room = self._capacity if capacity is None else capacity
        args: list[Argument] = [self.name, token, self._lease_ms, room]
        args += [self._names.channel, *parcel.arguments(self._cache)]
        more = parcel.keys(self._names, place.shard)

        def ended() -> None:
            self._awaited[awaited] -= wants
            if unit is not None:
                unit.call_ended()

        def done(reply: Reply) -> int:
            taken = self._brought(place, token, parcel, reply)
            if due is not None and taken:
                self._totals["timed", place.shard] -= 1
            return taken

        if unit is not None:
            unit.calls += 1
        return self._send(
            ENQUEUE, place, args, more=more, done=done, ended=ended, holds=holds
        )

    def accept(
        self, stream: str, entry: str, letter: Letter, *, before: str = ""
    ) -> asyncio.Future[object]:
        """Move an entry of a stream into the mailbox that it is for.

        Args:
            stream: The stream, in the same shard.
            entry: The entry.
            letter: What it becomes.
            before: An entry for the same mailbox that has to be there first.

        Returns:
            A future of what became of it: `taken`; `full` if it stays for now; `gone` if
            somebody else has taken it.
        """
        place = self._place(letter.key)
        self._know(place.kind)
        parcel = Parcel([letter], (), None)

        def done(reply: Reply) -> str:
            status = cast("list[bytes]", reply)[0]
            if status in {b"gone", b"full"}:
                return status.decode()
            self._brought(place, b"", parcel, reply)
            return "taken"

        args: list[Argument] = [self.name, self._names.channel, entry, before]
        args += [self._capacity, letter.key, pack(letter)]
        return self._send(ACCEPT, place, args, more=[stream], done=done)

    def _know(self, kind: str) -> None:
        """See to it that whoever looks for work knows of a kind."""
        if kind not in self._known_kinds:
            self._known_kinds.add(kind)
            self._tell_of(kind)

    def _tell_of(self, kind: str) -> None:
        self._link.post(Call(kind, ["SADD", self._names.kinds, kind]))

    def _brought(self, place: Place, token: bytes, parcel: Parcel, reply: Reply) -> int:
        """Learn what became of what was sent to a unit."""
        status, last, found = parts_of(reply)
        self._totals["mail", place.shard] += sum(number > 0 for number in found)
        if status == b"leased":
            own = [one.id for one in parcel.owed if parcel.is_own]
            parts = cast("list[Reply]", reply)
            _unit = self._leased(place, token, parts, parcel.known, own=own)
        elif status == b"mine":
            self._brought_here(place, parcel, last, found)
        elif status == b"ready":
            if self._serves(place.kind) and not self._peers:
                self._left_over = True
                if self._free(place.kind):
                    self._look()
            self._ring_bell(place)
        return len(found)

    def _brought_here(
        self, place: Place, parcel: Parcel, last: int, found: Sequence[int]
    ) -> None:
        """Put what the server has taken into a unit of this process."""
        unit = self._units.get(place.member)
        if unit is None:  # the answer to what has leased it never came
            self._begin_lease(place.member)
            return
        if parcel.is_own:
            self._add_own_owed(unit, parcel.owed)
        pairs = zip(found, parcel.letters, strict=False)
        if self._arrived(unit, last, pairs) or (parcel.owed and not parcel.is_own):
            _answer = self._refresh(unit)

    def _add_own_owed(self, unit: Unit, owed: Sequence[Owed]) -> None:
        """Note what this process owes itself."""
        for one in owed:
            last = max((number for number, _ in unit.owed.values()), default=0)
            number = unit.owed[one.id][0] if one.id in unit.owed else last + 1
            unit.owed[one.id] = number, one.body

    def _ring_bell(self, place: Place) -> None:
        """Wake a process that waits for work."""
        bell = self._names.bell
        self._link.post(Call(bell, ["RPUSH", bell, f"{place.shard}|{place.kind}"]))
        self._link.post(Call(bell, ["LTRIM", bell, 0, 255]))
