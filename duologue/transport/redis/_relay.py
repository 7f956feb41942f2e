"""Mail on its way: into units, from one unit to another, and from its time on.

What a commit sends to other units is durable with it, beside the state of its own unit,
until each is in its mailbox: in their order for one target, and once, since a mailbox knows
the newest ids that it has taken. A process that takes over a unit takes that over, too.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from typing import cast

from duologue.actors import Letter, Mail, Owed, TimedLetter
from duologue.actors._engine._local import check_letters
from duologue.actors._engine._timed import mail_of, wall_time
from duologue.errors import EngineClosedError, EngineUnavailableError
from duologue.transport.redis._leases import Leases
from duologue.transport.redis._parcels import Due, Parcel
from duologue.transport.redis._units import (
    TOKEN_SIZE,
    Place,
    Unit,
    parts_of,
)
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._envelopes import pack, unpack_out
from duologue.transport.redis._wire._scripts import ACCEPT, ENQUEUE, FORGET

_AGAIN = 0.05  # seconds until a full mailbox is tried again
_PAUSE = 1.0  # seconds until a server that did not answer is asked again
_DUE_AT_ONCE = 100


class Relay(Leases):
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
        self, letters: list[Letter], *, is_late: bool = False
    ) -> None:
        """Bring letters to one unit, behind those of this process that wait.

        Args:
            letters: The letters.
            is_late: Whether they are brought though the engine takes nothing any more,
                and however long the server is away.
        """
        member = self._place(letters[0].key).member
        queue = self._senders.get(member)
        if queue is None:
            # Nobody waits: what is sent now keeps its order by itself.
            taken = await self._try_to_bring(letters, is_late=is_late)
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
            while letters:
                if self._closed and not is_late:
                    raise EngineClosedError(letters[0].key)
                taken = await self._try_to_bring(letters, is_late=is_late)
                letters = letters[taken or 0 :]
                if letters:
                    await asyncio.sleep(_PAUSE if taken is None else _AGAIN)
        finally:
            queue.remove(turn)
            if not queue:
                del self._senders[member]
            elif not queue[0].done():
                queue[0].set_result(None)

    async def _try_to_bring(
        self, letters: Sequence[Letter], *, is_late: bool
    ) -> int | None:
        """Bring letters; tell how many there was room for, None if nobody knows."""
        try:
            return await self._bring(letters)
        except EngineUnavailableError:
            if is_late:  # who comes later stands behind them
                return None
            raise

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
        return self._send(ENQUEUE, place, args, more=more, done=done, ended=ended)

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

    # From one unit to another.

    def _send_out(self, unit: Unit, out: Mapping[int, bytes]) -> None:
        new = {number: data for number, data in out.items() if number not in unit.out}
        if new:
            unit.out.update(new)
            # Nobody here knows of the commit, so nobody would draw what is owed.
            _task = self._spawn(self._carry(unit, new, is_own=False))

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do something beside everything else, until the engine ends."""
        raise NotImplementedError

    def _look_at(self, shard: int, at: float) -> None:
        """Look at the letters of a shard at a time."""
        raise NotImplementedError

    async def _carry(
        self, unit: Unit, out: dict[int, bytes], *, is_own: bool = True
    ) -> None:
        """Bring what a unit sends to others; what is full waits and holds up only its own."""
        by_target: dict[str, list[tuple[int, bytes]]] = {}
        for number, data in sorted(out.items()):
            target = self._place(unpack_out(data)[1]).member
            by_target.setdefault(target, []).append((number, data))
        async with asyncio.TaskGroup() as group:
            for entries in by_target.values():
                group.create_task(self._carry_to_one(unit, entries, is_own=is_own))

    async def _carry_to_one(
        self, unit: Unit, entries: Sequence[tuple[int, bytes]], *, is_own: bool
    ) -> None:
        letters: list[Letter] = []
        owed: list[Owed] = []
        for _, data in entries:
            is_owed, key, name, body = unpack_out(data)
            if is_owed:
                owed.append(Owed(key, name, body))
            else:
                letters.append(Letter(key, Mail(name, body)))
        if owed:
            await self._bring_owed(owed, is_own=is_own)
        if letters:
            await self._bring_in_turn(letters, is_late=True)
        numbers = [number for number, _ in entries]
        # Who waits for this decides then who draws: the sooner, the surer.
        _task = self._spawn(self._forget_out(unit, numbers))

    async def _bring_owed(self, owed: Sequence[Owed], *, is_own: bool) -> None:
        """Bring what is owed to the screen of one unit, however long that takes."""
        while True:
            try:
                await asyncio.shield(self._put_in([], owed=owed, is_own=is_own))
            except EngineUnavailableError:
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _forget_out(self, unit: Unit, numbers: Sequence[int]) -> None:
        """Nothing of it has to be brought any more."""

        def done(reply: Reply) -> None:
            if cast("list[Reply]", reply)[0] == b"fenced":
                self._lose(unit)
                return
            for number in numbers:
                unit.out.pop(number, None)
            self._rest(unit)

        args: list[Argument] = [unit.token, *numbers]
        while True:
            try:
                await asyncio.shield(self._send(FORGET, unit.place, args, done=done))
            except EngineUnavailableError:
                await asyncio.sleep(_PAUSE)
            else:
                return

    # Letters for later.

    def _ask_for_due(self, shard: int) -> None:
        """Look whether the time of a letter has come."""
        times, _ = self._names.timed(shard)
        command: list[Argument] = ["ZRANGE", times, 0, _DUE_AT_ONCE, "WITHSCORES"]

        def done(reply: Reply) -> None:
            flat = cast("list[bytes]", reply)
            first = [
                (name.decode(), score.decode())
                for name, score in zip(flat[::2], flat[1::2], strict=True)
            ]
            now = wall_time()
            due = [each for each in first if float(each[1]) <= now]
            if due:
                self._read_due(shard, [name for name, _ in due], [at for _, at in due])
            elif first:
                self._look_at(shard, float(first[0][1]))

        self._link.post(Call("letters for later", command, done=done))

    def _read_due(self, shard: int, names: list[str], times: list[str]) -> None:
        bodies = self._names.timed(shard)[1]

        def done(reply: Reply) -> None:
            found: list[tuple[float, int, str, str, bytes]] = []
            for name, at, data in zip(
                names, times, cast("list[bytes | None]", reply), strict=True
            ):
                if data is not None:
                    number, _, body = data.partition(b":")
                    found.append((float(at), int(number), name, at, body))
            for _, _, name, at, body in sorted(found):
                self._fire(name, at, body)

        self._link.post(Call("letters for later", ["HMGET", bodies, *names], done=done))

    def _fire(self, name: str, at: str, body: bytes) -> None:
        key, _, own = name.partition("\n")
        letter = TimedLetter(own, key, float(at), body)
        letters = [Letter(key, mail_of(letter))]
        _answer = self._put_in(letters, capacity=0, due=Due(name, at))
