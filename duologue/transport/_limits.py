"""How many calls a messenger allows in a while, kept on this side of the wire.

Nearly every call finds its tokens there, so that case reads the clock once, makes no
coroutine and looks at no other bucket. All else is the way of those who wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from duologue.actors import Clock

K = TypeVar("K", bound=Hashable)

# A call needs time to arrive, and not always the same: tokens return a little
# late, so that two windows of the messenger never see one token too many.
_MARGIN = 0.05

# asyncio takes a timer as due that is less than a nanosecond away, so whoever waited for
# so little would wait again and again, in virtual time without an end.
_NOTHING = 1e-9

# The seconds for which a call is thought to be on its way at most.
_ON_THE_WAY = 0.2

# A new bucket is the occasion to forget the idle ones: once a period, and sooner if
# there are twice as many as were in use then, and a few.
_SPARE = 4


class TokenBucket:
    """At most `capacity` calls in any window of `period` seconds.

    A token comes back one period, plus five per cent, after it was taken; so
    the limit holds for every window, not only on average. Waiting is first
    come, first served, and a cancelled wait takes nothing.
    """

    __slots__ = (
        "_capacity",
        "_lock",
        "_on_the_way",
        "_paused_until",
        "_return_after",
        "_taken",
        "_waiting",
        "clock",
    )

    def __init__(self, capacity: int, period: float, *, clock: Clock) -> None:
        """Make a full bucket.

        Args:
            capacity: Calls in a window.
            period: Length of the window in seconds.
            clock: Tells the time.
        """
        self.clock = clock
        self._capacity = capacity
        self._return_after = period * (1 + _MARGIN)
        self._taken: list[float] = []
        # How many of them, the newest, belong to calls that are not answered yet.
        self._on_the_way = 0
        self._paused_until = float("-inf")
        self._waiting = 0
        self._lock: asyncio.Lock | None = None

    def delay(self, now: float) -> float:
        """Tell how many seconds are left until a token is there; 0 means now."""
        wait = self._paused_until - now
        if len(self._taken) >= self._capacity:
            wait = max(wait, self._taken[0] + self._return_after - now)
        return wait if wait > _NOTHING else 0.0

    def is_free(self, now: float) -> bool:
        """Tell whether a token is there and nobody waits for one."""
        taken = self._taken
        return (
            self._waiting == 0
            and self._paused_until <= now
            and (
                len(taken) < self._capacity or taken[0] + self._return_after - now <= 0
            )
        )

    def is_idle(self, now: float) -> bool:
        """Tell whether a new bucket would behave in the same way."""
        newest = max(self._taken, default=float("-inf"))
        return newest + self._return_after <= now and self.is_free(now)

    def note(self, now: float) -> None:
        """Take a token that `delay` or `is_free` has just called available."""
        taken = self._taken
        if len(taken) >= self._capacity:
            del taken[0]
        taken.append(now)
        if self._on_the_way < len(taken):
            self._on_the_way += 1

    def try_take(self) -> bool:
        """Take a token if one is there and nobody waits for it."""
        now = self.clock.time()
        if not self.is_free(now):
            return False
        self.note(now)
        return True

    async def take(self) -> None:
        """Wait for a token, behind everybody who waits already, and take it."""
        async with self.turn():
            self.note(await self.wait())

    def pause(self, seconds: float) -> None:
        """Give out nothing for a while; never shortens an earlier pause."""
        self._paused_until = max(self._paused_until, self.clock.time() + seconds)

    def follow(self, seconds: float) -> None:
        """Come after somebody who may have taken all tokens until so many seconds ago.

        None is given out before they would be back, had those calls been long on their way.
        """
        self.pause(self._return_after + _ON_THE_WAY - seconds)

    def arrived(self) -> None:
        """Learn that the oldest call on its way has been answered: it has arrived by now.

        The first call on a connection may take long to arrive. Its token counts from
        its arrival, which was no later than this and soon after it was taken.
        """
        if self._on_the_way:
            taken, place = self._taken, -self._on_the_way
            taken[place] = min(self.clock.time(), taken[place] + _ON_THE_WAY)
            self._on_the_way -= 1

    async def wait(self) -> float:
        """Wait until a token is there, and tell when that is.

        Only for the holder of the turn.
        """
        while (seconds := self.delay(now := self.clock.time())) > 0:
            await self.clock.sleep(seconds)
        return now

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Be the one who takes the next token; others queue behind."""
        if self._waiting == 0 or self._lock is None:
            # A lock belongs to the loop it was waited on; a bot may see several.
            self._lock = asyncio.Lock()
        self._waiting += 1
        try:
            async with self._lock:
                yield
        finally:
            self._waiting -= 1


class Buckets(Generic[K]):
    """One token bucket for each of many, such as chats; idle ones are forgotten."""

    def __init__(self, capacity: int, period: float, *, clock: Clock) -> None:
        """Make no bucket yet.

        Args:
            capacity: Calls in a window, for each.
            period: Length of the window in seconds.
            clock: Tells the time.
        """
        self._capacity = capacity
        self._period = period
        self._clock = clock
        self._buckets: dict[K, TokenBucket] = {}
        self._enough = _SPARE
        self._next_look = float("-inf")

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, key: K) -> TokenBucket:
        """Give the bucket of somebody, a full one if it has not been used lately."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_idle()
            bucket = TokenBucket(self._capacity, self._period, clock=self._clock)
            self._buckets[key] = bucket
        return bucket

    def _forget_idle(self) -> None:
        now = self._clock.time()
        if now < self._next_look and len(self._buckets) < self._enough:
            return
        busy = {k: each for k, each in self._buckets.items() if not each.is_idle(now)}
        self._buckets = busy
        self._enough = 2 * len(busy) + _SPARE
        self._next_look = now + self._period


async def take_both(first: TokenBucket, second: TokenBucket) -> None:
    """Wait for a token in each of two buckets and take both at one moment.

    Taking them one after the other would let the first grow old while waiting
    for the second: then it would be back too early after the call.
    """
    if try_take_both(first, second):
        return
    async with first.turn():
        while not await _take_second(first, second):
            await first.wait()


async def _take_second(first: TokenBucket, second: TokenBucket) -> bool:
    """Take both as soon as the second has a token, unless the first has none then."""
    if first.delay(first.clock.time()) > 0:
        return False
    async with second.turn():
        now = await second.wait()
        if first.delay(now) > 0:
            return False
        first.note(now)
        second.note(now)
        return True


def try_take_both(first: TokenBucket, second: TokenBucket) -> bool:
    """Take a token in each of two buckets if none of them needs waiting."""
    now = first.clock.time()
    if not (first.is_free(now) and second.is_free(now)):
        return False
    first.note(now)
    second.note(now)
    return True
