"""The way to a cluster: a link to each of its primaries, and a lane for each hash tag.

What it guarantees: what is asked about one hash tag has its effect, and is answered, in its
order, though the slot of the tag goes from one server to another meanwhile.

How: a lane stays with one link, however much is known of the cluster, until that link gives a
call back: the server has said that the slot is elsewhere, or has not answered. Then

1. the lane is held: what was given back, what waits in the link behind it and what comes
   from now on stand in line;
2. servers are asked who has which slot, unless the error said so;
3. all that stands in line leaves for the link of that server, in its order.

A call whose outcome nobody knows is asked again in this way: every script knows what it has
done already. That goes on for some seconds; then whoever waits gets an
`EngineUnavailableError`, as from a single server, and so does whoever comes while it lasts.

A primary that takes the place of another one may not know the newest of what that one has
answered. So whoever remembers answers is told of it (`tell_of_moves`), and begins anew.

While a slot is being moved, the server that it leaves refuses each script of which some keys
are not there, so nothing happens in two places. `ASK` is answered in the same way: scripts
have many keys that are nowhere yet, and the server that the slot comes to would refuse them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Final, Protocol, TypeAlias, cast

from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    ReadOnlyError,
    TryAgainError,
)

from duologue.errors import EngineUnavailableError
from duologue.transport.redis._wire._calls import Call, Wire
from duologue.transport.redis._wire._link import BROKEN, Link, said

Place: TypeAlias = tuple[str, int]
"""A server: its host and its port."""

GivesBack: TypeAlias = Callable[[Call, BaseException], bool]

# Errors of a server that has not done what it was asked for, and of which another one, or
# the same one a moment later, may do it. `MOVED` is a kind of `ASK`.
_ELSEWHERE: Final = (AskError, ClusterDownError, ReadOnlyError, TryAgainError)
_PAUSE: Final = 0.1  # seconds until it is asked again
_PATIENCE: Final = 5.0  # seconds for which that goes on
_CALM: Final = 2.0  # seconds after which an error is the first of others


class Atlas(Protocol):
    """Knows who has which slot."""

    @property
    def primaries(self) -> Sequence[Place]:
        """The servers that have slots."""
        ...

    def place_of(self, slot: int) -> Place:
        """Who has a slot, as far as it is known."""
        ...

    async def learn(self) -> None:
        """Ask who has which slot; what nobody answers stays as it was."""
        ...


class Lane:
    """What is asked about one hash tag.

    Attributes:
        tag: What its keys begin with.
        slot: The slot of the tag.
        link: Where it leaves by.
        is_held: Whether it stands in line instead.
        given_back: What the link has given back, in order.
        behind: What comes behind that, in order.
        since: When the trouble began.
        latest: When there was trouble last.
        tries: How often it was held since it began.
        goal: The server that was named by the error.
    """

    __slots__ = (
        "behind",
        "given_back",
        "goal",
        "is_held",
        "latest",
        "link",
        "since",
        "slot",
        "tag",
        "tries",
    )

    def __init__(self, tag: str, slot: int, link: Link) -> None:
        self.tag: str = tag
        self.slot: int = slot
        self.link: Link = link
        self.is_held: bool = False
        self.given_back: list[Call] = []
        self.behind: list[Call] = []
        self.since: float = float("-inf")
        self.latest: float = float("-inf")
        self.tries: int = 0
        self.goal: Place | None = None

    def release(self) -> Iterator[Call]:
        """All that stands in line; the lane is held no more."""
        calls = [*self.given_back, *self.behind]
        self.given_back, self.behind = [], []
        self.is_held, self.goal = False, None
        return iter(calls)


class Lanes(Wire):
    """Sends calls to the servers of a cluster.

    Args:
        atlas: Knows who has which slot.
        link: Makes the link to a server; it is given what takes calls back.
        home: A key; what has no key goes where this one is.
    """

    is_one: ClassVar[bool] = False

    def __init__(
        self, atlas: Atlas, link: Callable[[Place, GivesBack], Link], home: str
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._atlas = atlas
        self._make = link
        self._home = home
        self._links: dict[Place, Link] = {}
        self._lanes: dict[str, Lane] = {}
        self._astray: list[Lane] = []
        self._moves = 0
        self._search: asyncio.Task[None] | None = None
        self._moved: Callable[[str], None] = _tell_nobody
        self._failed: tuple[float, str] = float("-inf"), ""

    @property
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well; any thread."""
        when, text = self._failed
        if self._loop.time() - when < _CALM:
            return text
        used = {lane.link for lane in list(self._lanes.values())}
        problems = (link.problem for link in used)
        return next((each for each in problems if each is not None), None)

    @property
    def connections(self) -> int:
        """How often servers were connected anew: what was there may be forgotten."""
        return self._moves + sum(link.connections for link in self._links.values())

    def send(self, call: Call) -> asyncio.Future[object]:
        """Send a call with the others of this tick to the same server."""
        lane = self._lane(call)
        if lane.is_held:
            lane.behind.append(call)
            return call.future
        return lane.link.send(call)

    def tell_of_moves(self, moved: Callable[[str], None]) -> None:
        """Have somebody told when a hash tag is served by another server than before.

        Args:
            moved: Is called with what the keys of that tag begin with, before anything
                else is asked about it there.
        """
        self._moved = moved

    async def load_scripts(self) -> None:
        """Give all scripts to all primaries."""
        for place in self._atlas.primaries:
            await self._link(place).load_scripts()

    async def close(self) -> None:
        """Wait for what is on its way, and send nothing any more."""
        await self._found()
        for link in list(self._links.values()):
            await link.close()
        await self._found()  # what a link has given back last is refused now

    async def _found(self) -> None:
        while self._search is not None:
            await asyncio.wait([self._search])

    def _lane(self, call: Call) -> Lane:
        key = _key(call)
        tag, is_tagged, _ = key.partition("}")
        if not is_tagged:
            tag, is_tagged, _ = self._home.partition("}")
        lane = self._lanes.get(tag)
        if lane is None:
            slot = key_slot((tag + is_tagged).encode())
            place = self._atlas.place_of(slot)
            lane = self._lanes[tag] = Lane(tag + is_tagged, slot, self._link(place))
        return lane

    def _link(self, place: Place) -> Link:
        link = self._links.get(place)
        if link is None:
            link = self._links[place] = self._make(place, self._take_back)
        return link

    def _take_back(self, call: Call, error: BaseException) -> bool:
        """Have a call stand in line that has no answer; tell whether it does."""
        if not isinstance(error, (*BROKEN, *_ELSEWHERE)):
            return False
        lane, now = self._lane(call), self._loop.time()
        if now - lane.latest > _CALM:
            lane.since, lane.tries = now, 0
        lane.latest = now
        if isinstance(error, MovedError):
            lane.goal = _goal(error)
        is_over = now - lane.since > _PATIENCE
        if is_over:
            self._failed = now, said(error)
        elif not lane.is_held:
            lane.is_held, lane.tries = True, lane.tries + 1
            lane.behind += lane.link.withdraw(lambda each: self._lane(each) is lane)
        if not is_over:
            lane.given_back.append(call)
        if lane not in self._astray:
            self._astray.append(lane)
        if self._search is None:
            self._begin_search()
        return not is_over

    def _begin_search(self) -> None:
        self._search = self._loop.create_task(self._find())
        self._search.add_done_callback(self._searched)

    def _searched(self, search: asyncio.Task[None]) -> None:
        self._search = None
        if not search.cancelled() and search.exception() is None:
            if self._astray:
                self._begin_search()
            return
        # The program ends, perhaps before the search has begun.
        for lane in list(self._lanes.values()):
            for call in lane.release():
                call.fail(EngineUnavailableError(call.about, "the program ends"))

    async def _find(self) -> None:
        """Find out who has the slots of what is held, and send it there."""
        while self._astray:
            await self._find_some()

    async def _find_some(self) -> None:
        # Who has moved is asked at once where it is now; all others need a moment.
        is_first = all(lane.goal and lane.tries == 1 for lane in self._astray)
        await asyncio.sleep(0 if is_first else _PAUSE)
        lanes, self._astray = self._astray, []
        if any(lane.goal is None for lane in lanes):
            await self._atlas.learn()
        for lane in lanes:
            before = lane.link
            lane.link = self._link(lane.goal or self._atlas.place_of(lane.slot))
            held = lane.release()
            if lane.link is not before:
                self._moves += 1
                self._moved(lane.tag)
            for call in held:
                _answer = lane.link.send(call)


def _tell_nobody(tag: str) -> None:
    """Nobody wants to know."""


def _key(call: Call) -> str:
    """The key by which a call finds its server."""
    if call.first.number:
        return cast("str", call.first.words[0])
    return call.keys[0] if call.keys else cast("str", call.command[1])


def _goal(error: MovedError) -> Place | None:
    """Where a server says that a slot is; None if it is where it was asked."""
    host, port = cast("Place", error.node_addr)  # pyright: ignore[reportUnknownMemberType] # it has no types
    return (host, port) if host else None
