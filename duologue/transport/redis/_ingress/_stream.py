"""Moves what other programs write to a stream into the mailboxes that it is for.

What it guarantees: an entry is moved once, in one step; the entries for one mailbox keep
the order of the stream; what may not come in is set aside and counted, and stays to be
looked at. One process does it at a time, as long as it lives; were there two, nothing of
that would change.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, cast, runtime_checkable

from redis.exceptions import RedisError

from duologue.actors import Letter, Observer
from duologue.errors import (
    DuologueError,
    EngineClosedError,
    EngineUnavailableError,
    FencedError,
    MailboxFullError,
    RemoteRefusedError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    SignatureError,
)
from duologue.messages import Event
from duologue.messages._limits import written
from duologue.messages._recipients import Recipient, Recipients, Result, shown
from duologue.messages._refs import shard_of
from duologue.messages._refusals import refused
from duologue.transport.redis._engine import RedisEngine
from duologue.transport.redis._ingress._entries import (
    Entrance,
    Entry,
    waiting,
)
from duologue.transport.redis._wire._calls import Call
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._ending import end_all
from duologue.transport.redis._wire._link import BROKEN
from duologue.transport.redis._wire._scripts import ASIDE

_HELD: Final = 6.0  # seconds for which one process does it
_BLOCK: Final = 1_000  # milliseconds that one read waits
_MOST: Final = 100  # entries of one read
_GLANCE: Final = 0.25  # seconds between two looks at the streams of a cluster
_MOST_PAGES: Final = 20  # reads behind entries that stay
_PAUSE: Final = 0.1
_ROOM: Final = 0.05  # seconds that an actor may take to have room
_GLANCE_MS: Final = 20
_KEEP: Final = 300  # seconds for which an answer waits for who has asked
_MOST_ASIDE: Final = 1_000
_logger = logging.getLogger("duologue.refs")


@dataclass(frozen=True, slots=True)
class _Behind:
    """How far a stream has been read, behind entries that stay for now.

    Attributes:
        entry: The last one that was read.
        last: The last one for each mailbox.
        pages: How often something was read behind them.
    """

    entry: str
    last: dict[str, str]
    pages: int


@runtime_checkable
class Mailed(Protocol):
    """Actors with mailboxes on the engine."""

    async def letter(
        self, event: Event, *, asked: bool, answered: bool
    ) -> tuple[Letter, Coroutine[object, object, Result] | None]:
        """The letter that a message becomes, and what becomes of that."""
        ...

    def withdraw(self, letter: Letter) -> None:
        """Wait no more for the outcome of a letter that has not left."""
        ...


class StreamDoor:
    """Takes in what other programs write to the streams of an engine.

    Args:
        engine: Has the streams and the mailboxes.
        entrance: Decides what may come in.
        recipients: Whom it reaches.
        observer: Counts.
    """

    def __init__(
        self,
        engine: RedisEngine,
        entrance: Entrance,
        recipients: Recipients,
        *,
        observer: Observer,
    ) -> None:
        self._engine = engine
        self._entrance = entrance
        self._recipients = recipients
        self._observer = observer
        self._names = engine.names
        self._token = secrets.token_urlsafe(12)
        self._held_until = 0.0
        self._behind: dict[int, _Behind] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._is_closed = False

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._reading = loop.create_task(self._run())

    async def close(self) -> None:
        """Take in nothing more; what has been moved goes on."""
        self._is_closed = True
        reading = () if self._reading is None else (self._reading,)
        await end_all((*self._answers, *reading))
        with suppress(FencedError, EngineUnavailableError):
            await self._engine.hold("ingress", self._token, 0.001)

    async def _run(self) -> None:
        while not self._is_closed:
            try:
                if await self._holds():
                    await self._read()
                    continue
            except (*BROKEN, RedisError, EngineUnavailableError) as error:
                _logger.info("the streams of other programs are not read: %r", error)
            except _LATER:
                return
            except Exception:
                # No entry may close the door to those behind it.
                _logger.exception("the streams of other programs could not be read")
            await asyncio.sleep(1.0)

    async def _holds(self) -> bool:
        """Whether this process is the one that does it."""
        now = asyncio.get_running_loop().time()
        if now < self._held_until - _HELD / 2:
            return True
        try:
            await self._engine.hold("ingress", self._token, _HELD)
        except FencedError:
            return False
        self._held_until = now + _HELD
        return True

    async def _read(self) -> None:
        """Take in what is there; behind what stays for now, as far as that goes."""
        streams = [self._names.stream(n)[0] for n in range(self._names.shards)]
        ended = set(self._behind)
        for stream, entries in await self._found(streams):
            shard = streams.index(stream.decode())
            ended.discard(shard)
            if not await self._take(shard, entries):
                ended.add(shard)
        for shard in ended:  # it begins anew with what has stayed
            if self._behind.pop(shard, None) is not None:
                await asyncio.sleep(_PAUSE)

    async def _found(
        self, streams: Sequence[str]
    ) -> Sequence[tuple[bytes, Sequence[object]]]:
        """What is in the streams; waits a moment for something."""
        client = self._engine.client()
        command: list[Argument] = ["XREAD", "COUNT", _MOST]
        behind = [self._behind.get(n) for n in range(len(streams))]
        starts = ["0" if each is None else each.entry for each in behind]
        if client is not None:
            block = _GLANCE_MS if self._behind else _BLOCK
            command.extend(("BLOCK", block, "STREAMS", *streams, *starts))
            return list(_pairs(await client.execute_command(*command)))
        # No server of a cluster has all streams, and one waits for those of a shard only.
        calls = [
            Call(stream, [*command, "STREAMS", stream, start], keys=[stream])
            for stream, start in zip(streams, starts, strict=True)
        ]
        answers = await asyncio.gather(*map(self._engine.call, calls))
        found = [pair for answer in answers for pair in _pairs(answer)]
        if not found:
            await asyncio.sleep(_GLANCE)
        return found

    async def _take(self, shard: int, entries: Sequence[object]) -> bool:
        """Take in some entries of a stream; tell whether to go on behind them.

        What is behind a full mailbox is for others, too; and for the same one it stays.
        """
        moving: list[asyncio.Future[object]] = []
        before = self._behind.pop(shard, None)
        last = {} if before is None else before.last
        pages = 0 if before is None else before.pages
        name = b""
        for name, flat in _pairs(entries):
            fields, moved = _fields(flat), None
            try:
                entry = self._entrance.read(name.decode(), fields)
                moved = await self._begin(shard, name.decode(), entry, fields, last)
            except _LATER:
                raise
            except DuologueError as error:
                event = waiting(fields)
                if event is not None:
                    self._answer(shard, event, refused(error))
                await self._set_aside(shard, name.decode(), error)
            if moved is not None:
                moving.append(moved)
        outcomes = [await asyncio.shield(moved) for moved in moving]
        self._count("accepted", outcomes.count("taken"))
        if before is None and "full" not in outcomes:
            return False
        self._behind[shard] = _Behind(name.decode(), last, pages + 1)
        return pages < _MOST_PAGES

    async def _begin(
        self,
        shard: int,
        name: str,
        entry: Entry,
        fields: Mapping[bytes, bytes],
        last: dict[str, str],
    ) -> asyncio.Future[object] | None:
        """Begin to move an entry to where it belongs."""
        event, stream = entry.event, self._names.stream(shard)[0]
        right = shard_of(str(event.subject), self._names.shards)
        if right != shard:
            await self._move(stream, name, right, fields)
            return None
        recipient = self._recipients.of(event.subject)
        recipient.check(event, asked=entry.asked)
        is_answered = event.replyto is not None
        if not isinstance(recipient, Mailed):
            if await self._hand(shard, name, entry, recipient, last):
                return None
            full: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            full.set_result("full")
            return full
        letter, outcome = await recipient.letter(
            event, asked=entry.asked, answered=is_answered
        )
        before, last[letter.key] = last.get(letter.key, ""), name
        moved = self._engine.accept(stream, name, letter, before=before)
        if outcome is not None:
            waiting = recipient, letter, outcome
            self._spawn(self._follow(shard, event, moved, *waiting))
        return moved

    async def _hand(  # all of an entry
        self,
        shard: int,
        name: str,
        entry: Entry,
        recipient: Recipient,
        last: dict[str, str],
    ) -> bool:
        """Give a message to an actor of this process, and take it out of the stream.

        Returns:
            Whether there was room; nothing goes past a message that has to wait.
        """
        event, key = entry.event, str(entry.event.subject)
        if key in last:
            return False
        try:
            async with asyncio.timeout(_ROOM):
                if event.replyto is None:
                    await recipient.tell([event])
                else:
                    outcome = await recipient.send(event, asked=entry.asked)
                    self._spawn(self._tell_of(shard, event, outcome))
        except (TimeoutError, MailboxFullError):
            last[key] = name
            return False
        await self._engine.call(
            Call(name, ["XDEL", self._names.stream(shard)[0], name])
        )
        self._count("accepted")
        return True

    async def _follow(  # noqa: PLR0917  # all of a message
        self,
        shard: int,
        event: Event,
        moved: asyncio.Future[object],
        recipient: Mailed,
        letter: Letter,
        outcome: Coroutine[object, object, Result],
    ) -> None:
        """Tell who waits what became of a message, once it has been moved."""
        try:
            status = await asyncio.shield(moved)
        except EngineUnavailableError:
            status = "unknown"
        if status == "taken":
            await self._tell_of(shard, event, outcome)
        else:
            outcome.close()
            recipient.withdraw(letter)

    async def _tell_of(
        self, shard: int, event: Event, outcome: Coroutine[object, object, Result]
    ) -> None:
        try:
            found = await outcome
        except Exception as error:  # noqa: BLE001  # who waits is told
            self._answer(shard, event, refused(error))
        else:
            self._answer(shard, event, shown(found))
            is_over = event.expires is not None and event.expires <= datetime.now(UTC)
            if found.status == "answered" and is_over:
                self._observer.count("messages_told", outcome="late")

    def _answer(self, shard: int, event: Event, said: Mapping[str, object]) -> None:
        """Answer whoever waits for it."""
        if event.replyto is not None:
            key = self._names.answers(shard, event.replyto)
            commands: Sequence[Sequence[Argument]] = (
                ["RPUSH", key, written(said)],
                ["EXPIRE", key, _KEEP],
            )
            for command in commands:
                _answer = self._engine.call(Call(key, command))

    async def _move(
        self, stream: str, name: str, right: int, fields: Mapping[bytes, bytes]
    ) -> None:
        """Move an entry to the stream where it belongs, at its end.

        If this process dies in between it is moved twice, and handled once.
        """
        flat = [part for pair in fields.items() for part in pair]
        to = self._names.stream(right)[0]
        await self._engine.call(Call(to, ["XADD", to, "*", *flat]))
        await self._engine.call(Call(stream, ["XDEL", stream, name]))
        self._count("misrouted")

    async def _set_aside(self, shard: int, name: str, error: DuologueError) -> None:
        """Set an entry aside that may not come in."""
        _logger.warning("an entry of another program is set aside: %s", error)
        keys = self._names.stream(shard)
        reason = f"{type(error).__name__}: {error}"[:500]
        command: list[Argument] = [name, reason, _MOST_ASIDE]
        await self._engine.call(Call(name, command, script=ASIDE, keys=keys))
        self._count("forbidden" if isinstance(error, _FORBIDDEN) else "refused")

    def _count(self, outcome: str, number: int = 1) -> None:
        if number:
            count = self._observer.count
            count("messages_offered", number, source="redis", outcome=outcome)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)


_LATER: Final = (
    EngineUnavailableError,
    EngineClosedError,
    RuntimeStoppedError,
    RuntimeNotStartedError,
)
_FORBIDDEN: Final = (SignatureError, RemoteRefusedError)


def _pairs(found: object) -> Iterator[tuple[bytes, Sequence[object]]]:
    """Names and what belongs to them, as the server writes both."""
    for pair in cast("Sequence[tuple[bytes, Sequence[object]]]", found or ()):
        yield pair[0], pair[1]


def _fields(flat: Sequence[object]) -> dict[bytes, bytes]:
    parts = cast("Sequence[bytes]", flat or ())
    return dict(zip(parts[::2], parts[1::2], strict=True))
