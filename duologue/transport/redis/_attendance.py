"""What a process does all the time: says that it is there, listens, looks for work."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import cast

from duologue.actors import TimedLetter
from duologue.actors._engine._timed import wall_time
from duologue.transport.redis._mail._relay import Relay
from duologue.transport.redis._server import Server
from duologue.transport.redis._upkeep import GONE
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._ending import end_all


class Attendance(Relay):
    """A process among those that work on one namespace.

    Attributes:
        _away_until: Until when it counts, by the loop, that the server was away.
    """

    _server: Server
    _tasks: set[asyncio.Task[None]]
    _away_until: float = 0.0

    async def _attend(self) -> None:
        """Begin."""
        self._tasks = set()
        await self._server.listen(self._names.channel + self.name, self._heard)
        _looking = self._spawn(self._look_regularly())
        _bell = self._spawn(self._wait_for_bell())
        self._sample()
        await asyncio.sleep(0)

    async def _take_leave(self) -> None:
        """Look for nothing any more."""
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None
        if self._extension is not None:
            self._extension.cancel()
            self._extension = None
        await end_all(self._tasks)
        self._link.post(Call("leave", ["ZREM", self._names.processes, self.name]))

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do something beside everything else, until the engine ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _look_regularly(self) -> None:
        while True:
            self._sample()
            self._sweep_all()
            for shard in range(self._names.shards):
                self._ask_for_due(shard)
            await asyncio.sleep(self._pause())

    async def _wait_for_bell(self) -> None:
        while True:
            rung = await self._server.rung(self._names.bell)
            if rung is None or self._closed:
                await asyncio.sleep(self._pause())
                continue
            shard = int(rung.partition("|")[0])
            if not self._sweep(shard):
                self._unswept.append(shard)
            # Whoever is busy leaves the next one to those who are not.
            await asyncio.sleep(0)

    def _note_timed(self, letter: TimedLetter) -> None:
        """Look again when the time of a letter has come."""
        if letter.at is not None:
            self._look_at(self._place(letter.key).shard, letter.at)

    def _look_at(self, shard: int, at: float) -> None:
        """Look at the letters of a shard at a time, unless that is done before anyway."""
        delay = max(at - wall_time(), 0.0)
        if delay < self._pause():
            self._loop.call_later(delay + 0.001, self._look_for_due, shard)

    def _look_for_due(self, shard: int) -> None:
        if not self._is_leaving:
            self._ask_for_due(shard)

    def _sample(self) -> None:
        """Learn how much waits, who else is there, and what there is to lease."""
        if self._link.problem is not None:
            self._away_until = self._loop.time() + 2 * self._lease_seconds
        names, now = self._names, wall_time()
        self._link.post(Call("here", ["ZADD", names.processes, now, self.name]))

        def count_peers(reply: Reply) -> None:
            self._peers = max(cast("int", reply) - 1, 0)

        command: list[Argument] = ["ZCOUNT", names.processes, now - GONE, "+inf"]
        self._link.post(Call("here", command, done=count_peers))

        def learn(reply: Reply) -> None:
            found = {kind.decode() for kind in cast("list[bytes]", reply)}
            for kind in self._known_kinds - found:  # the server has forgotten the last
                self._tell_of(kind)
            if not found <= self._known_kinds:
                self._known_kinds |= found
                self._look()

        self._link.post(Call("kinds", ["SMEMBERS", names.kinds], done=learn))
        for shard in range(names.shards):
            self._count(shard)
        for call in self._watch.look(self._known_kinds):
            self._link.post(call)

    def _count(self, shard: int) -> None:
        """Learn how much a shard keeps."""
        names, totals = self._names, self._totals

        def counted(reply: Reply) -> None:
            mail, parked = cast("list[bytes | None]", reply)
            totals["mail", shard] = int(mail or 0)
            totals["parked", shard] = int(parked or 0)

        def counted_timed(reply: Reply) -> None:
            totals["timed", shard] = cast("int", reply)

        command = ["HMGET", names.counts(shard), "mail", "parked"]
        self._link.post(Call("counts", command, done=counted))
        command = ["ZCARD", names.timed(shard)[0]]
        self._link.post(Call("counts", command, done=counted_timed))
