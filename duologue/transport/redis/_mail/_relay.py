"""Mail from one unit to another, and mail from its time on.

What a commit sends to other units is durable with it, beside the state of its own unit,
until each is in its mailbox: in their order for one target, and once, since a mailbox knows
the newest ids that it has taken. A process that takes over a unit takes that over, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import cast

from duologue.actors import Letter, TimedLetter
from duologue.actors._engine._timed import mail_of, wall_time
from duologue.errors import EngineUnavailableError
from duologue.transport.redis._mail._parcels import Due, Origin
from duologue.transport.redis._mail._senders import Senders
from duologue.transport.redis._units import Unit
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._envelopes import unpack_out
from duologue.transport.redis._wire._scripts import FORGET

_DUE_AT_ONCE = 100


class Relay(Senders):
    """Carries what units send to others, and fires letters for later."""

    # From one unit to another.

    def _send_out(self, unit: Unit, out: Mapping[int, bytes]) -> None:
        new = {n: data for n, data in out.items() if unit.out.get(n) != data}
        if new:
            unit.out.update(new)
            known = self._link.connections
            # Nobody here knows of the commit, so nobody would draw what is owed.
            _task = self._spawn(self._carry(unit, new, known, is_own=False))

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do something beside everything else, until the engine ends."""
        raise NotImplementedError

    def _look_at(self, shard: int, at: float) -> None:
        """Look at the letters of a shard at a time."""
        raise NotImplementedError

    async def _carry(
        self, unit: Unit, out: dict[int, bytes], known: int, *, is_own: bool = True
    ) -> None:
        """Bring what a unit sends to others; what is full waits and holds up only its own.

        Args:
            unit: The unit.
            out: What it sends, by its number.
            known: The connections that had been made when the server told of it.
            is_own: Whether the caller draws what is owed, if its screen is here then.
        """
        by_target: dict[tuple[bool, str], dict[int, bytes]] = {}
        for number, data in sorted(out.items()):
            is_owed, key, *_ = unpack_out(data)
            target = is_owed, self._place(key).member
            by_target.setdefault(target, {})[number] = data
        async with asyncio.TaskGroup() as group:
            for left in by_target.values():
                origin = Origin(unit, left, known)
                group.create_task(self._carry_to_one(origin, is_own=is_own))

    async def _carry_to_one(self, origin: Origin, *, is_own: bool) -> None:
        await self._bring_from(origin, is_own=is_own)
        # Who waits for this decides then who draws: the sooner, the surer.
        _task = self._spawn(self._forget_out(origin))

    async def _bring_from(self, origin: Origin, *, is_own: bool) -> None:
        owed = origin.owed()
        while owed:
            holds = self._holds(origin)
            sent = self._put_in([], owed=owed, is_own=is_own, holds=holds)
            try:
                await asyncio.shield(sent)
            except EngineUnavailableError:
                await self._look_again(origin)
                owed = origin.owed()
            else:
                return
        letters = origin.letters()
        if letters:
            await self._bring_in_turn(letters, origin)

    async def _forget_out(self, origin: Origin) -> None:
        """Nothing of it has to be brought any more."""
        unit = origin.unit

        def done(reply: Reply) -> None:
            if cast("list[Reply]", reply)[0] == b"fenced":
                self._lose(unit)
                return
            for number in origin.left:
                unit.out.pop(number, None)

        while origin.left:
            args: list[Argument] = [unit.token, *origin.left]
            holds = self._holds(origin)
            sent = self._send(FORGET, unit.place, args, done=done, holds=holds)
            try:
                await asyncio.shield(sent)
            except EngineUnavailableError:
                is_there = holds()
                await self._look_again(origin)
                if not is_there:  # that it has been brought may be forgotten, too
                    await self._bring_from(origin, is_own=False)
            else:
                break
        self._rest(unit)

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
