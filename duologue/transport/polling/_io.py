"""The input and output of a poller: its calls to messenger, store and intake."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import assert_never

from duologue.actors import Clock
from duologue.dialogs import Batch, UpdateSource
from duologue.errors import HandoverCancelledError
from duologue.transport.polling._handover import Handover
from duologue.transport.polling._markers import MarkerStore
from duologue.transport.polling._steps import (
    ActionFailed,
    Commit,
    End,
    Fetched,
    HandOver,
    Load,
    Loaded,
    MarkerCommitted,
    Pause,
    Poll,
    PollerAction,
    PollerEvent,
    PollerSettings,
    Save,
    Saved,
    Woke,
)

# Seconds for the last acknowledgement; without it updates come twice, no more.
_COMMIT_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class PollerIO:
    """Carries out the actions of a poller.

    Attributes:
        source: The messenger.
        store: Keeps the position.
        handover: Hands updates to the intake.
        settings: How to ask.
        clock: Waits.
    """

    source: UpdateSource
    store: MarkerStore
    handover: Handover
    settings: PollerSettings
    clock: Clock

    async def perform(self, action: PollerAction) -> PollerEvent:
        """Carry out one action and tell what came of it; failures are an outcome."""
        try:
            return await self._perform(action)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return ActionFailed(HandoverCancelledError())
        except Exception as error:  # noqa: BLE001 - polling outlives whatever its parts raise; it is reported
            return ActionFailed(error)

    async def _perform(self, action: PollerAction) -> PollerEvent:
        match action:
            case Load():
                return Loaded(await self.store.load())
            case Poll(marker, timeout):
                batch = await self._ask(marker, self.settings.batch, within=timeout)
                return Fetched(batch)
            case Save(position):
                await self.store.save(position)
                return Saved()
            case HandOver(updates, batch):
                return await self.handover.hand_over(updates, batch)
            case Pause(seconds):
                await self.clock.sleep(seconds)
                return Woke()
            case Commit(marker):
                async with asyncio.timeout(_COMMIT_TIMEOUT):
                    # What comes along is not acknowledged: it is for the next run.
                    await self._ask(marker, 1, within=0)
                return MarkerCommitted()
            case End():
                raise AssertionError("the end is no work")
            case _:
                assert_never(action)

    async def _ask(self, marker: int | None, limit: int, *, within: float) -> Batch:
        return await self.source.get_updates(
            marker=marker, limit=limit, timeout=within, types=self.settings.types
        )
