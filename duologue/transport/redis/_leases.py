"""Which units this process has: found, kept, heard of, let go.

Units that are ready are looked for once a second, at once when the bell rings, which wakes
one process of those that wait, and when a lease ends that nobody has made longer. Leases are extended three times before they end. What
others put into a unit that is here is announced; an announcement that is lost is made up
for by the next extension.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

from duologue.actors import Opened
from duologue.actors._engine._local import Mailbox, Service
from duologue.actors._engine._timed import wall_time
from duologue.transport.redis._units import (
    TOKEN_SIZE,
    Contents,
    Place,
    State,
    Unit,
    state_of,
)
from duologue.transport.redis._upkeep import GONE, Upkeep
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._scripts import (
    HAND,
    LEASE,
    OPEN,
    PARK,
)

_MOST_AT_ONCE = 32  # units leased by one look, so that an idle process takes its share
_HAND_PATIENCE = 10.0  # seconds until a unit is handed on though it is in use
_GLANCE = 0.02
_HANDED = 2.0  # seconds in which another process may begin with what it was handed


class Leases(Upkeep):
    """The units of this process.

    Args:
        link: The way to the server.
        lease: Seconds after which units of a process that says nothing are free.
        linger: Seconds that a chat stays here after the last event.
    """

    def serve(
        self,
        kinds: Collection[str],
        slots: int,
        ready: Callable[[str], None],
        schema: int = 0,
    ) -> None:
        """Lease keys that have mail, or are owed something, to whoever calls this."""
        self._schemas.update(dict.fromkeys(kinds, schema))
        # Others may bring the first of a kind before this process has heard of it.
        self._own_kinds.update(kind for kind in kinds if not kind.startswith("screen"))
        for unit in list(self._units.values()):
            for key, needed in list(unit.parked.items()):
                if needed <= self._schema_of(key):
                    self._unpark(unit, key)
        super().serve(kinds, slots, ready, schema)
        self._look()

    def _pause(self) -> float:
        """Seconds between two looks."""
        return 1.0

    def _look(self) -> None:
        """Look at what is ready as soon as the loop comes to it."""
        if self._is_here and not self._is_sweeping:
            self._is_sweeping = True
            self._loop.call_soon(self._sweep_all)

    def _sweep_all(self) -> None:
        self._is_sweeping = False
        if self._is_leaving:
            return
        self._left_over = False
        # Each look begins with another shard, so that none is always the last one.
        shards = self._names.shards
        self._first_shard = (self._first_shard + 1) % shards
        self._unswept.clear()
        self._unswept.extend((self._first_shard + n) % shards for n in range(shards))
        self._sweep_on()

    def _sweep_on(self) -> None:
        """Go on with the shards for which there was no room while answers were awaited."""
        while self._unswept and self._sweep(self._unswept[0]):
            self._unswept.popleft()

    def _sets(self, shard: int) -> tuple[list[str], list[str]]:
        """The ready sets of a shard that this process may lease from, and their kinds."""
        keys: list[str] = []
        kinds: list[str] = []
        for kind in self._known_kinds | self._own_kinds:
            if not self._serves(kind):
                continue
            for schema in range(self._schema_of(kind + ":") + 1):
                keys.append(self._names.ready(shard, kind, schema))
                kinds.append(kind)
        return keys, kinds

    def _serves(self, kind: str) -> bool:
        return self._service_of(kind) is not self._nobody

    def _free(self, kind: str) -> int:
        """How many units of a kind this process may lease now."""
        service = self._service_of(kind)
        taken = len(service.waiting) + self._awaited[id(service)]
        return max(service.free - taken, 0)

    def _service_of(self, kind: str) -> Service:
        """Who takes units of a kind here."""
        service = self._service(kind + ":")
        if service is self._nobody and kind.startswith("dialog"):
            service = self._service("screen" + kind[6:] + ":")
        return service

    def _wants(self, place: Place) -> bool:
        """Whether a unit that nobody has is to be leased with its first mail."""
        kind = place.kind
        if self._closed or self._left_over or self._is_sweeping or self._unswept:
            return False  # others wait for longer
        if not self._serves(kind) or not self._free(kind):
            return False
        if not self._peers or not kind.startswith("dialog"):
            return True
        # Others are there: each process takes its share of the chats that it brings.
        self._turns += 1
        return self._turns % (self._peers + 1) == 0

    def _sweep(self, shard: int) -> bool:
        """Lease what is ready in a shard, as far as there are slots.

        Returns:
            False if it is not known yet how many there are: answers are on their way.
        """
        keys, kinds = self._sets(shard)
        if not keys or self._is_leaving:
            return True
        by_service: dict[int, list[int]] = {}
        for number, kind in enumerate(kinds):
            by_service.setdefault(id(self._service_of(kind)), []).append(number)
        rooms = {
            service: min(self._free(kinds[numbers[0]]), _MOST_AT_ONCE)
            for service, numbers in by_service.items()
        }
        if any(not room and self._awaited[each] for each, room in rooms.items()):
            return False
        for service, numbers in by_service.items():
            room = rooms[service]
            if not room:
                self._left_over = True
                continue
            self._lease_some(
                shard, [keys[n] for n in numbers], [kinds[n] for n in numbers], room
            )
        return True

    def _lease_some(
        self, shard: int, keys: Sequence[str], kinds: Sequence[str], room: int
    ) -> None:
        awaited = id(self._service_of(kinds[0]))
        self._awaited[awaited] += room

        def ended() -> None:
            self._awaited[awaited] -= room

        def done(reply: Reply) -> None:
            leased, orphans, expired, left, soon = cast(
                "tuple[list[bytes], list[bytes], int, int, int]", reply
            )
            if expired:
                self._watch.leases("expired", expired)
            for member, before in zip(leased, orphans, strict=True):
                self._begin_lease(member.decode(), left_by=before)
            if left or len(leased) == room:
                self._left_over = True
            self._sweep_on()
            self._come_back(shard, soon / 1000)

        command: list[Argument] = [self._now(), self.name, self._lease_ms, room, *kinds]
        call = Call(
            "what is ready",
            command,
            script=LEASE,
            keys=[*self._names.leased(shard), *keys],
            done=done,
            ended=ended,
        )

        def failed(answer: asyncio.Future[object]) -> None:
            if answer.exception() is not None:
                self._sweep_on()

        self._link.send(call).add_done_callback(failed)

    def _come_back(self, shard: int, soon: float) -> None:
        """Look at a shard when a lease ends there that nobody makes longer any more.

        Leases of processes that live have always more than a third of their time.
        """
        limit = min(self._pause(), self._lease_seconds / 3)
        if shard not in self._expecting and 0 <= soon < limit:
            self._expecting.add(shard)
            self._loop.call_later(max(soon, _GLANCE), self._sweep_again, shard)

    def _sweep_again(self, shard: int) -> None:
        """Look at a shard at once: a lease ends there that nobody has made longer."""
        self._expecting.discard(shard)
        if not (self._is_leaving or self._sweep(shard)):
            self._unswept.append(shard)

    def _begin_lease(self, member: str, *, left_by: bytes = b"") -> None:
        """Read a unit that this process has leased."""
        if member in self._opening:
            return
        self._opening.add(member)
        kind, _, name = member.partition("|")
        shard = self._names.shard_of(name)
        place = Place(name, kind, shard, self._names.unit(shard, name, kind))
        token = secrets.token_bytes(TOKEN_SIZE)
        known = self._cache.of_unit(name)
        tokens = [state[0] for state in known.values()]
        states = [self._names.state(shard, key) for key in known]

        awaited = id(self._service_of(kind))
        self._awaited[awaited] += 1

        def done(reply: Reply) -> None:
            if isinstance(reply, list) and reply[0] == b"leased":
                self._leased(place, token, reply, known, left_by=left_by)

        def ended(_: asyncio.Future[object]) -> None:
            self._awaited[awaited] -= 1
            self._opening.discard(member)
            self._sweep_on()

        args: list[Argument] = [self.name, token, *tokens]
        opening = self._send(OPEN, place, args, more=states, done=done)
        opening.add_done_callback(ended)

    def _leased(
        self,
        place: Place,
        token: bytes,
        reply: list[Reply],
        known: Mapping[str, State | None],
        *,
        left_by: bytes = b"",
        own: Sequence[str] = (),
    ) -> Unit:
        """Take over a unit that the server has given to this process."""
        # What was at hand when its states were asked for may have left the cache by now.
        _, last, _, parts, found = reply
        states = {
            key: state_of(each, state)
            for (key, state), each in zip(
                known.items(), cast("list[Reply]", found), strict=False
            )
        }
        before = self._units.get(place.member)
        if before is not None:
            self._lose(before)
        unit = self._take_unit(place, token, Contents(last, parts), states, own)
        unit.left_by = left_by.decode()
        self._watch.leases("taken_over" if left_by else "begun")
        self._suspect(unit)
        self._plan_extension()
        self._rest(unit)
        return unit

    def _suspect(self, unit: Unit) -> None:
        """See whether a message may have ended the process that had a unit before."""

    def _release(self, key: str, box: Mailbox) -> None:
        unit = self._unit(key)
        if self._left_over and box.mail and unit is not None and self._is_alone(unit):
            # Others wait for longer: it stands behind them, wherever they are handled.
            _answer = self._let_go(unit, only_empty=False)
        else:
            super()._release(key, box)
        if self._left_over:
            self._look()

    @staticmethod
    def _is_alone(unit: Unit) -> bool:
        """Whether nothing goes on in a unit but the turns of one mailbox."""
        others = len(unit.numbers) > 1 or unit.owed or unit.out or unit.calls
        return not (others or unit.is_lost)

    def _forget(self, unit: Unit) -> None:
        super()._forget(unit)
        if self._left_over:
            self._look()

    def _unpark(self, unit: Unit, key: str) -> None:
        del unit.parked[key]
        box = self._boxes.get(key)
        if box is not None:
            box.parked = 0

        def done(_: Reply) -> None:
            self._totals["parked", unit.place.shard] -= 1

        self._do(PARK, unit.place, [unit.token, key, ""], done=done)

    async def hand(self, opened: Opened, to: str) -> bool:
        """Hand the unit of a turn on to another process, which has a moment to begin.

        Returns:
            Whether that process has heard of it.

        Raises:
            EngineUnavailableError: The server does not answer.
        """
        self._owned(opened)
        unit = self._unit(opened.key)
        if unit is None:
            return False
        if not await self._is_there(to):
            return False
        deadline = self._loop.time() + _HAND_PATIENCE
        while self._is_in_use(unit, opened.key) and self._loop.time() < deadline:  # noqa: ASYNC110  # it has many ends
            await asyncio.sleep(_GLANCE)
        self._owned(opened)
        self._lose(unit, "handed")
        args: list[Argument] = [
            unit.token,
            to,
            round(_HANDED * 1000),
            self._names.channel,
        ]
        await asyncio.shield(self._send(HAND, unit.place, args))
        return True

    def _read_anew(self, unit: Unit) -> None:
        """Leave a unit to whoever has it next: this process, unless another is quicker."""
        _answer = self._let_go(unit, only_empty=False)
        super()._read_anew(unit)
        self._look()

    def _begin_anew(self, tag: str) -> None:
        """Read the units of a hash tag again: another server has it now.

        It may not know the newest of what the one before has answered, and give out the
        same numbers for something else.
        """
        units = [
            unit
            for unit in self._units.values()
            if unit.place.keys[0].startswith(tag + ":")
        ]
        for unit in units:
            self._read_anew(unit)

    async def _is_there(self, process: str) -> bool:
        """Whether another process listens, or has said that it is there."""
        if self._link.is_one:
            channel = self._names.channel + process
            asked = Call(process, ["PUBSUB", "NUMSUB", channel])
            return bool(cast("list[Reply]", await self._link.ask(asked))[-1])
        # Each server of a cluster knows only who listens to itself.
        asked = Call(process, ["ZSCORE", self._names.processes, process])
        said = cast("bytes | None", await self._link.ask(asked))
        return said is not None and float(said) > wall_time() - GONE

    def _is_in_use(self, unit: Unit, but: str) -> bool:
        """Whether a unit has a turn or a drawing on its way, but for one mailbox."""
        boxes = (self._boxes.get(key) for key in unit.boxes if key != but)
        has_turns = any(box is not None and box.token is not None for box in boxes)
        return bool(has_turns or unit.owed or unit.out or unit.calls)

    def _heard(self, message: bytes) -> None:
        """Another process has something to say."""
        what, rest = message[:1], message[1:]
        if what == b"n":
            unit = self._units.get(rest.decode())
            if unit is not None and not unit.is_stale:
                unit.is_stale = True
                _answer = self._refresh(unit)
        elif what == b"h":
            self._begin_lease(rest.decode())
        else:
            self._answered(rest)

    def _answered(self, message: bytes) -> None:
        """Another process answers somebody here."""
        if self._listener is not None:
            self._listener(message)
