"""Operations as streams of events, for any number of browsers at once.

All streams of one operation share a feed: one task that follows the worker, and asks a
body that wants to be asked. It makes each event once. A stream sends the newest one and
then waits for a newer one: who reads slowly misses some, but never the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from http import HTTPStatus

from duologue.actors import WorkerSnapshot
from duologue.errors import UnknownWorkerError
from duologue.transport._json import dump
from duologue.transport.http._actions._calls import Refusal, Reply
from duologue.transport.http._actions._finding import Found
from duologue.transport.http._actions._visitors import Visitor
from duologue.transport.http._views._forms import Forms

RETRY = 2000
"""Milliseconds until a browser comes again."""
_COMMENT = b":\n\n"
_SILENCE = 15.0  # seconds; proxies close what is silent for longer
_GAP = 0.25  # seconds between two events of an operation, unless it is the last
_ASK = 1.0  # seconds until a body that wants to be asked is asked
_LONGEST = 3600.0  # seconds; who comes again is asked again who they are

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold back what comes bit by bit
    "X-Content-Type-Options": "nosniff",
}


class Feed:
    """What all streams of one operation share; the last one of them ends it.

    Args:
        source: Gives its snapshots, and ends behind the last.
        forms: How they are sent.
        base: Where the door is mounted.

    Attributes:
        newest: The newest snapshot; None before the first.
        beats: How often there was nothing to say for 15 seconds.
        has_ended: Whether nothing newer will come.
        readers: How many streams there are.
    """

    def __init__(
        self, source: AsyncIterator[WorkerSnapshot], forms: Forms, base: str
    ) -> None:
        self._source = source
        self._forms = forms
        self._base = base
        self._news = asyncio.Event()
        self._events: dict[bool, bytes] = {}
        self._loop = asyncio.get_running_loop()
        self._beats_at = self._loop.call_later(_SILENCE, self._beat)
        self._task = self._loop.create_task(self._follow())
        self.newest: WorkerSnapshot | None = None
        self.beats: int = 0
        self.has_ended: bool = False
        self.readers: int = 0

    async def end(self) -> None:
        """Follow it no more; what went wrong meanwhile is raised here."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def close(self) -> None:
        """Let all streams end."""
        self.has_ended = True
        self._tell()

    async def changed(self) -> None:
        """Wait for a snapshot, a beat or the end."""
        await self._news.wait()

    def event(self, *, with_traceback: bool) -> bytes:
        """The newest snapshot as an event."""
        assert self.newest is not None  # noqa: S101  # it is asked for behind the first
        if with_traceback not in self._events:
            form = self._forms.form(
                self.newest, self._base, with_traceback=with_traceback
            )
            head = f"id: {self._forms.tag(self.newest)}\ndata: ".encode()
            self._events[with_traceback] = head + dump(form) + b"\n\n"
        return self._events[with_traceback]

    async def _follow(self) -> None:
        self._wind()
        try:
            async for snapshot in self._source:
                self.newest = snapshot
                self._events = {}
                self._tell()
                self._wind()
                if snapshot.is_active:
                    await asyncio.sleep(_GAP)
        finally:
            self._beats_at.cancel()
            self.close()

    def _wind(self) -> None:
        """Let the next beat be 15 seconds away."""
        self._beats_at.cancel()
        self._beats_at = self._loop.call_later(_SILENCE, self._beat)

    def _beat(self) -> None:
        self.beats += 1
        self._wind()
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Streams:
    """All streams of a door.

    Args:
        found: The operations.
        forms: How they are sent.
        most: How many streams there may be at once.
    """

    def __init__(self, found: Found, forms: Forms, most: int) -> None:
        self._found = found
        self._forms = forms
        self._most = most
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(feed.readers for feed in self._feeds.values())

    def close(self) -> None:
        """End all, and begin none any more: the server stops."""
        self._is_closed = True
        for feed in list(self._feeds.values()):
            feed.close()

    def reply(
        self, snapshot: WorkerSnapshot, visitor: Visitor, base: str, after: str
    ) -> Reply:
        """Answer with the events of an operation.

        Args:
            snapshot: What is known of it.
            visitor: Who follows it.
            base: Where the door is mounted.
            after: The last event that the browser has seen.

        Raises:
            Refusal: There are too many streams.
        """
        if not snapshot.is_active and after == self._forms.tag(snapshot):
            return Reply(HTTPStatus.NO_CONTENT)  # a browser comes no more
        if self._is_closed or self.count >= self._most:
            detail = "too many streams are open; ask again and again instead"
            headers = {"Retry-After": "5"}
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers)
        stream = self._stream(snapshot.id, visitor, base, after)
        return Reply(HTTPStatus.OK, headers=HEADERS, stream=stream)

    async def _stream(
        self,
        id: str,  # noqa: A002 - as of workers
        visitor: Visitor,
        base: str,
        after: str,
    ) -> AsyncGenerator[bytes]:
        key = (id, base)
        feed = self._feeds.get(key)
        if feed is None:
            source = snapshots(self._found, id, visitor)
            feed = self._feeds[key] = Feed(source, self._forms, base)
        feed.readers += 1
        until = asyncio.get_running_loop().time() + _LONGEST
        try:
            yield f"retry: {RETRY}\n\n".encode()
            async for event in self._events(feed, visitor, after):
                yield event
                if asyncio.get_running_loop().time() > until:
                    break
        finally:
            feed.readers -= 1
            if not feed.readers:
                del self._feeds[key]
                await feed.end()

    async def _events(
        self, feed: Feed, visitor: Visitor, after: str
    ) -> AsyncIterator[bytes]:
        seen, beats = after, feed.beats
        while True:
            newest = feed.newest
            if newest is not None and self._forms.tag(newest) != seen:
                seen = self._forms.tag(newest)
                yield feed.event(with_traceback=visitor.is_known)
            elif feed.beats != beats:
                beats = feed.beats
                yield _COMMENT
            elif feed.has_ended:
                return
            else:
                await feed.changed()


async def snapshots(
    found: Found,
    id: str,  # noqa: A002 - as of workers
    visitor: Visitor,
) -> AsyncIterator[WorkerSnapshot]:
    """Follow an operation to its end, wherever it runs.

    When the workers of this process are being stopped it ends early: what outlives the
    process has not ended, whatever its worker says, and browsers come again.
    """
    worker = found.local(id, visitor) if found.is_open else None
    if worker is None:
        async for snapshot in _looked_for(found, id, visitor):
            yield snapshot
        return
    watch = worker.watch()
    while True:
        try:
            async with asyncio.timeout(_ASK):
                snapshot = await anext(watch)
        except TimeoutError:
            with suppress(UnknownWorkerError):
                await worker.ping()
            continue
        except StopAsyncIteration:
            return
        if not found.is_open:
            return
        yield snapshot


async def _looked_for(
    found: Found,
    id: str,  # noqa: A002 - as of workers
    visitor: Visitor,
) -> AsyncIterator[WorkerSnapshot]:
    """Follow an operation of another process: look what it has kept, now and then."""
    while True:
        try:
            snapshot = await found.snapshot(id, visitor)
        except Refusal:
            return
        yield snapshot
        if not snapshot.is_active:
            return
        await asyncio.sleep(_ASK)
