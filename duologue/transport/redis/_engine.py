"""The engine that keeps everything in Redis or Valkey, for as many processes as it takes.

What it guarantees: of a turn all is there or nothing; each change is there once; two
processes never change one chat at the same time.

How: a unit, which is a chat or a key of another kind, is leased as a whole to one process.
There its mailboxes are in memory (`LeasedMailboxes`), as in an engine of one process, and
each change of them is a script on the server:

1. `enqueue` puts mail into a unit, and leases it in the same step if nobody has it;
2. `open` begins a turn in memory; the snapshot comes with the lease, unless it is here
   already, which its token tells;
3. `commit` compares two random tokens, that of the lease and that of the last commit of the
   mailbox, and then changes all at once or nothing. Leases give liveness only: whoever
   comes late is refused here;
4. a chat stays here for a moment after its last event, until the messenger's limits for it
   are whole again, and is let go then.

It assumes that the server keeps what it has acknowledged (`durability`).
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import ClassVar, Self, cast

from duologue._redis import (
    CLUSTERS,
    NAMESPACE,
    SHARDS,
    SHARDS_OF_CLUSTER,
    Durability,
    place_in,
)
from duologue.actors import Letter, Observer, Owed
from duologue.errors import EngineClosedError, FencedError
from duologue.transport.redis._keys import Names
from duologue.transport.redis._mail._parcels import boxes_of, letter_arguments
from duologue.transport.redis._server import ClusterServer, Server
from duologue.transport.redis._turns import Turns
from duologue.transport.redis._units import (
    Contents,
    Unit,
    parts_of,
    state_of,
)
from duologue.transport.redis._watch import Gauges
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument, Client
from duologue.transport.redis._wire._scripts import DRAWN, TAKE

_MOST_COUNTED = 1000  # mailboxes whose messages are counted
_LATEST = sys.maxsize // 2  # whoever has no lease has no order of drawings either


class RedisEngine(Turns):
    """Mailboxes and snapshots in Redis (7.0 or newer) or Valkey (7.2 or newer).

    Any number of processes, on any number of machines, may use one at the same time.

    Args:
        url: The server: `redis://`, `rediss://` or `unix://`; `redis+sentinel://` with the
            name of the master as its path; `redis+cluster://` with some servers of a
            cluster.
        namespace: What tells the state of this application from that of others there.
        shards: How many hash tags the chats are spread over: 16, and 64 in a cluster.
            It is written down once and never changes.
        durability: When something counts as kept: `"fast"` when the server has it,
            `"safe"` when a replica has it, too, `"strict"` when it is on the disk.
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are kept in a shard.
        cache_bytes: How many bytes of snapshots stay in memory.
        expire_after: How long a snapshot is kept that nobody uses; None keeps all.
        lease: Seconds after which others take over what a process had that says nothing.
        linger: Seconds that a chat stays with its process after the last event.

    Raises:
        RuntimeSettingError: The URL is none, or one of the others cannot be used.
    """

    _server_class: ClassVar[type[Server]] = Server
    _cluster_class: ClassVar[type[ClusterServer]] = ClusterServer

    def __init__(
        self,
        url: str,
        *,
        namespace: str = NAMESPACE,
        shards: int | None = None,
        durability: Durability = "fast",
        capacity: int = 1000,
        max_snapshot: int = 1_048_576,
        max_dead_letters: int = 1000,
        cache_bytes: int = 16 * 1024 * 1024,
        expire_after: timedelta | None = None,
        lease: float = 8.0,
        linger: float = 1.5,
    ) -> None:
        is_cluster = url.startswith(CLUSTERS)
        server_class = self._cluster_class if is_cluster else self._server_class
        self._server = server_class(url, durability)
        default = SHARDS_OF_CLUSTER if is_cluster else SHARDS
        number = default if shards is None else shards
        super().__init__(
            names=Names(namespace, number),
            lease=lease,
            linger=linger,
            cache_bytes=cache_bytes,
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )
        self._expire = 0 if expire_after is None else int(expire_after.total_seconds())
        self._most_dead = max_dead_letters
        self._senders = {}
        self._grants = 0
        self._waiting_alone = deque()

    @property
    def durable(self) -> bool:
        """It is."""
        return True

    @property
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well."""
        return self._link.problem if self._is_here else None

    @property
    def names(self) -> Names:
        """The names of everything that is kept."""
        return self._names

    def client(self) -> Client | None:
        """A client for whoever waits for keys of several shards; None in a cluster."""
        return self._server.only_client()

    def call(self, call: Call) -> asyncio.Future[object]:
        """Send a call with the others of this tick."""
        return self._link.send(call)

    @property
    def place(self) -> str:
        """Where the state is, without what is secret."""
        return self._server.said

    def observe(self, observer: Observer) -> None:
        """Tell somebody of leases, calls and errors from now on."""
        self._watch.begin(observer)
        self._server.observer = observer

    def gauges(self) -> Gauges:
        """What can be read at each scrape, on any thread, by its name."""
        return {"leases_held": lambda: len(self._units), **self._watch.gauges()}

    async def __aenter__(self) -> Self:
        """Connect, and see that the server is one to work with.

        Raises:
            EngineUnavailableError: It does not answer.
            EngineServerError: It is not what is needed, and what to do about it.
        """
        self._link = await self._server.connect(self._names)
        self._link.tell_of_moves(self._begin_anew)
        self._loop = asyncio.get_running_loop()
        self._is_leaving, self._is_here = False, True
        self._restart()
        self._units.clear()
        self._doubts.clear()
        self._expecting.clear()
        self._tokens_anew()
        await self._attend()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let all units go, and close the connections."""
        if not self._is_here:
            return
        self.close()
        self._is_leaving = True
        await self._take_leave()
        await self._gone_units()
        await self._link.close()
        await self._server.close()
        self._is_here = False

    def close(self) -> None:
        """Take no more mail; those who wait get an `EngineClosedError`."""
        super().close()
        self._wake_senders()

    async def read(self, key: str) -> bytes | None:
        """Return the snapshot of a key as the last commit wrote it.

        Raises:
            EngineUnavailableError: The server did not answer.
        """
        unit = self._unit(key)
        if unit is not None and key in unit.states and key not in self._doubts:
            return unit.states[key][1]
        place = self._place(key)
        name = self._names.state(place.shard, key)
        reply = await self._link.ask(Call(key, ["GET", name]))
        return state_of(cast("Reply", reply), None)[1]

    async def unserved(self, kind: str) -> int:
        """How many messages wait for somebody who serves a kind.

        Raises:
            EngineUnavailableError: The server did not answer.
        """
        names, shards = self._names, range(self._names.shards)
        sets = [names.ready(shard, kind) for shard in shards]
        found = await self._ask_all(["ZRANGE", name, 0, _MOST_COUNTED] for name in sets)
        units = [
            names.unit(shard, member.decode().partition("|")[2], kind)[1]
            for shard, members in zip(shards, found, strict=True)
            for member in cast("list[bytes]", members)
        ]
        if len(units) > _MOST_COUNTED:
            return len(units)
        numbers = await self._ask_all(["HLEN", unit] for unit in units)
        return sum(cast("list[int]", numbers))

    async def _ask_all(self, commands: Iterable[list[Argument]]) -> list[object]:
        sent = [self._link.ask(Call("count", command)) for command in commands]
        return [*await asyncio.gather(*sent)]

    async def allow(
        self, name: str, capacity: int, seconds: float, wanted: int, pause: float
    ) -> tuple[int, float]:
        """Take some of the calls that all processes of a bot may make together.

        Returns:
            How many may be made, and if none, the seconds until it is worth to ask again.

        Raises:
            EngineUnavailableError: The server did not answer.
        """
        self._grants += 1
        command: list[Argument] = [self._now(), capacity, round(seconds * 1000)]
        command += [wanted, f"{self.name}{self._grants}", round(pause * 1000)]
        keys = self._names.allowance(name)
        answer = await self._link.ask(Call(name, command, script=TAKE, keys=keys))
        given, wait = cast("list[int]", answer)
        return given, wait / 1000

    async def owed(
        self, screen: str, *, new: bool = False
    ) -> tuple[Sequence[Owed], bytes | None]:
        """What is owed to a screen, in order, and its row as `drawn` wrote it last.

        Raises:
            EngineUnavailableError: The server did not answer.
        """
        unit = self._unit(screen)
        if unit is None:
            return await self._owed_elsewhere(screen)
        names = [name for name in unit.owed if not new or name in unit.fresh]
        unit.fresh.clear()
        return tuple(self._all_owed(unit, names, screen)), unit.row

    async def _owed_elsewhere(self, screen: str) -> tuple[Sequence[Owed], bytes | None]:
        keys = self._place(screen).keys
        owed = self._link.send(Call(screen, ["HGETALL", keys[2]]))
        row = await self._link.ask(Call(screen, ["GET", keys[3]]))
        parts: list[Reply] = [[], [], cast("Reply", owed.result()), None, []]
        found = Contents(0, parts)
        everything = tuple(Owed(screen, name, body) for _, name, body in found.owed)
        return everything, cast("bytes | None", row)

    async def drawn(
        self,
        screen: str,
        done: Sequence[str],
        *,
        letters: Sequence[Letter] = (),
        row: bytes | None = None,
    ) -> None:
        """Note what is not owed any more, and tell mailboxes of it.

        Raises:
            FencedError: Another process has the screen meanwhile.
            EngineClosedError: The engine takes nothing any more.
            EngineUnavailableError: The server did not answer.
        """
        if self._closed and letters:
            raise EngineClosedError(screen)
        unit = self._unit(screen)
        if unit is None:  # nobody's, or it is refused
            unit = Unit(self._place(screen), b"")
            unit.drawings = _LATEST
        here = [each for each in letters if self._unit(each.key) is unit]
        await self._note(unit, screen, done, here, row)
        for letter in letters:
            if letter not in here:
                await self._bring([letter], capacity=False)

    async def _note(
        self,
        unit: Unit,
        screen: str,
        done: Sequence[str],
        letters: Sequence[Letter],
        row: bytes | None,
    ) -> None:
        unit.drawings += 1
        boxes = boxes_of(letters)
        args: list[Argument] = [unit.token, unit.drawings]
        args += ["0" if row is None else "1", row or b""]
        args += [len(done), len(letters), *done]
        args += letter_arguments(letters, boxes)
        more = [self._names.ring(unit.place.shard, key) for key in boxes]

        def follow(reply: Reply) -> None:
            status, last, numbers = parts_of(reply)
            if status == b"fenced":
                if unit.token:
                    self._lose(unit)
                raise FencedError(screen)
            for name in done:
                unit.owed.pop(name, None)
                unit.fresh.discard(name)
            if row is not None:
                unit.row = row or None
            arrived = sum(number > 0 for number in numbers)
            self._totals["mail", unit.place.shard] += arrived
            if unit.token:
                if self._arrived(unit, last, zip(numbers, letters, strict=False)):
                    _answer = self._refresh(unit)
                self._rest(unit)

        await asyncio.shield(
            self._send_about(unit, DRAWN, args, more=more, done=follow)
        )


def engine_of(url: str) -> RedisEngine:
    """The engine that a URL names, with what its query says of it.

    Raises:
        RuntimeSettingError: An option is none, or has no value that it can have.
    """
    place = place_in(url)
    return RedisEngine(
        place.server,
        namespace=NAMESPACE if place.namespace is None else place.namespace,
        durability=cast(
            "Durability", "fast" if place.durability is None else place.durability
        ),
        shards=place.shards,
    )
