"""The intake: updates of messengers, each as mail of its address.

An update may be acknowledged when the next process would find it: with an engine that
outlives the process as soon as it is in the mailbox, else when its turn has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

from duologue.actors import Clock, Engine
from duologue.dialogs._chat._address import key_of
from duologue.dialogs._chat._data import Json, load
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._chat._updates import BotStopped, Callback
from duologue.dialogs._delivery._absences import returned
from duologue.dialogs._delivery._pending import Arrival
from duologue.dialogs._delivery._post import Offer, Post
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._state._commands import HandleUpdate, encode, encode_raw
from duologue.errors import MalformedUpdateError, UnknownUpdateError


class Intake:
    """Takes updates in.

    Args:
        engine: Says whether what it has taken outlives the process.
        post: Delivers.
        callbacks: Told of presses, which want an answer in time.
        clock: Tells when an update has come.
        names: The keys of the bots.
    """

    def __init__(
        self,
        engine: Engine,
        post: Post,
        callbacks: Callbacks,
        *,
        clock: Clock,
        names: Mapping[Bot, str],
    ) -> None:
        self._engine = engine
        self._post = post
        self._callbacks = callbacks
        self._clock = clock
        self._names = names

    async def accept(
        self, bot: Bot, raw: Mapping[str, Json], batch: int | None = None
    ) -> asyncio.Future[None] | None:
        """Take an update in; wait while the mailbox of its address is full.

        Args:
            bot: The bot that received it.
            raw: The update as the messenger sent it.
            batch: The batch of the poller that it came in, if it did.

        Returns:
            A future that ends when the update may be acknowledged; None if it
            may be at once. The future fails if the runtime stops before.

        Raises:
            UnknownUpdateError: Its type is not known.
            MalformedUpdateError: It does not have the documented shape.
            EngineClosedError: The runtime is stopping.
        """
        offer = self._offer(bot, bot.parse(raw), _encoded(raw), batch)
        await self._post.deliver([offer])
        return offer[2].safe

    async def accept_batch(
        self, bot: Bot, raws: Sequence[Mapping[str, Json]], batch: int | None
    ) -> AsyncIterator[asyncio.Future[None] | Exception | None]:
        """Take the updates of a batch in, in their order; see `accept`.

        An engine that outlives the process is given all of them at once.

        Yields:
            For each update what `accept` returns, or why it cannot be read.

        Raises:
            EngineClosedError: The runtime is stopping.
            EngineUnavailableError: The engine does not answer; what comes again later is
                recognised.
        """
        found = [self._offer_or_refuse(bot, raw, batch) for raw in raws]
        is_at_once = self._engine.durable
        if is_at_once:
            offers = [offer for offer in found if not isinstance(offer, Exception)]
            await self._post.deliver(offers)
        for offer in found:
            if isinstance(offer, Exception):
                yield offer
                continue
            if not is_at_once:
                await self._post.deliver([offer])
            yield offer[2].safe

    async def accept_json(self, bot: Bot, body: bytes) -> asyncio.Future[None] | None:
        """Take an update in that is still JSON; see `accept`."""
        try:
            raw: Json = load(body)
        except (ValueError, RecursionError) as error:
            raise MalformedUpdateError(f"it is not JSON: {error}") from error
        if not isinstance(raw, dict):
            raise MalformedUpdateError("it is not an object")
        update = bot.parse(cast("dict[str, Json]", raw))
        offer = self._offer(bot, update, encode_raw(body), None)
        await self._post.deliver([offer])
        return offer[2].safe

    def _offer_or_refuse(
        self, bot: Bot, raw: Mapping[str, Json], batch: int | None
    ) -> Offer | MalformedUpdateError | UnknownUpdateError:
        try:
            return self._offer(bot, bot.parse(raw), _encoded(raw), batch)
        except (MalformedUpdateError, UnknownUpdateError) as error:
            return error

    def _offer(self, bot: Bot, update: Update, body: bytes, batch: int | None) -> Offer:
        """What the mailbox of an update is offered."""
        now = self._clock.time()
        if isinstance(update, Callback):
            self._callbacks.open(bot, update.chat_id, update.callback_id, now)
        if self._post.absences and not isinstance(update, BotStopped):
            returned(self._post.absences, self._names[bot], update.chat_id)
        coming: Pending | Arrival
        if self._engine.durable:
            coming = Arrival(update, now, batch)
        else:
            coming = Pending("", now, update=update, batch=batch)
            coming.safe = asyncio.get_running_loop().create_future()
        return key_of(update, self._names[bot]), body, coming


def _encoded(raw: Mapping[str, Json]) -> bytes:
    """The command that handles an update.

    Raises:
        MalformedUpdateError: It is not JSON.
    """
    try:
        return encode(HandleUpdate(raw))
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedUpdateError(f"it is not JSON: {error}") from error
