"""How many calls a messenger allows in a while, kept on this side of the wire."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import islice

from duologue.actors import Clock

# A call needs time to arrive, and not always the same: tokens return a little
# late, so that two windows of the messenger never see one token too many.
_MARGIN = 0.05

# The seconds for which a call is thought to be on its way at most.
_ON_THE_WAY = 0.2

# How many buckets are looked at for eviction each time one is asked for. Two
# are more than one new bucket a call, so the idle ones always run out.
_SWEEP = 2


class TokenBucket:
    """At most `capacity` calls in any window of `period` seconds.

    A token comes back one period, plus five per cent, after it was taken; so
    the limit holds for every window, not only on average. Waiting is first
    come, first served, and a cancelled wait takes nothing.
    """

    def __init__(self, capacity: int, period: float, *, clock: Clock) -> None:
        """Make a full bucket.

        Args:
            capacity: Calls in a window.
            period: Length of the window in seconds.
            clock: Tells the time.
        """
        self.capacity = capacity
        self._return_after = period * (1 + _MARGIN)
        self._clock = clock
        self._taken: deque[float] = deque(maxlen=capacity)
        self._paused_until = float("-inf")
        self._waiting = 0
        self._lock = asyncio.Lock()

    def delay(self) -> float:
        """Tell how many seconds are left until a token is there; 0 means now."""
        now = self._clock.time()
        wait = self._paused_until - now
        if len(self._taken) == self.capacity:
            wait = max(wait, self._taken[0] + self._return_after - now)
        return max(wait, 0.0)

    def try_take(self) -> bool:
        """Take a token if one is there and nobody waits for it."""
        if not self.is_free():
            return False
        self.note()
        return True

    async def take(self) -> None:
        """Wait for a token, behind everybody who waits already, and take it."""
        async with self.turn():
            await self.wait()
            self.note()

    def pause(self, seconds: float) -> None:
        """Give out nothing for a while; never shortens an earlier pause."""
        self._paused_until = max(self._paused_until, self._clock.time() + seconds)

    def is_free(self) -> bool:
        """Tell whether a token is there and nobody waits for one."""
        return self._waiting == 0 and self.delay() <= 0

    def is_idle(self) -> bool:
        """Tell whether a new bucket would behave in the same way."""
        newest = self._taken[-1] if self._taken else float("-inf")
        used = newest + self._return_after > self._clock.time()
        return not used and self.is_free()

    def note(self) -> None:
        """Take a token that `delay` has just called available."""
        self._taken.append(self._clock.time())

    def arrived(self) -> None:
        """Learn that the newest call has been answered: it has arrived by now.

        The first call on a connection may take long to arrive. Its token counts from
        its arrival, which was no later than this and soon after it was taken.
        """
        if self._taken:
            latest = self._taken[-1] + _ON_THE_WAY
            self._taken[-1] = min(self._clock.time(), latest)

    async def wait(self) -> None:
        """Wait until a token is there; only for the holder of the turn."""
        while (seconds := self.delay()) > 0:
            await self._clock.sleep(seconds)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Be the one who takes the next token; others queue behind."""
        if self._waiting == 0:
            # A lock belongs to the loop it was waited on; a bot may see several.
            self._lock = asyncio.Lock()
        self._waiting += 1
        try:
            async with self._lock:
                yield
        finally:
            self._waiting -= 1


class Buckets:
    """One token bucket per chat; idle ones are forgotten."""

    def __init__(self, capacity: int, period: float, *, clock: Clock) -> None:
        """Make no bucket yet.

        Args:
            capacity: Calls in a window, per chat.
            period: Length of the window in seconds.
            clock: Tells the time.
        """
        self._capacity = capacity
        self._period = period
        self._clock = clock
        self._buckets: OrderedDict[int, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, chat_id: int) -> TokenBucket:
        """Give the bucket of a chat, a full one if it has not been used lately."""
        self._sweep()
        bucket = self._buckets.get(chat_id)
        if bucket is None:
            bucket = TokenBucket(self._capacity, self._period, clock=self._clock)
            self._buckets[chat_id] = bucket
        return bucket

    def _sweep(self) -> None:
        for chat_id in [*islice(self._buckets, _SWEEP)]:
            if self._buckets[chat_id].is_idle():
                del self._buckets[chat_id]
            else:
                self._buckets.move_to_end(chat_id)


async def take_both(first: TokenBucket, second: TokenBucket) -> None:
    """Wait for a token in each of two buckets and take both at one moment.

    Taking them one after the other would let the first grow old while waiting
    for the second: then it would be back too early after the call.
    """
    if try_take_both(first, second):
        return
    async with first.turn():
        while first.delay() > 0 or not await _take_second(first, second):
            await first.wait()


async def _take_second(first: TokenBucket, second: TokenBucket) -> bool:
    async with second.turn():
        await second.wait()
        if first.delay() > 0:
            return False
        first.note()
        second.note()
        return True


def try_take_both(first: TokenBucket, second: TokenBucket) -> bool:
    """Take a token in each of two buckets if none of them needs waiting."""
    if not (first.is_free() and second.is_free()):
        return False
    first.note()
    second.note()
    return True
