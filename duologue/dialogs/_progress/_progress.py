"""Progress of background workers on the screen of a dialog."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from duologue.actors import Worker, WorkerSnapshot
from duologue.dialogs._chat._data import Json
from duologue.dialogs._delivery._absences import absent
from duologue.dialogs._manager._background import BackgroundCalls
from duologue.dialogs._state._turn import active_turn
from duologue.errors import (
    DialogClosedError,
    EngineClosedError,
    ForbiddenError,
    MessengerError,
    NoContextError,
    ReentrantCallError,
    RuntimeStoppedError,
    UnknownWorkerError,
    ViewDroppedError,
)

OVER = (DialogClosedError, NoContextError, EngineClosedError, RuntimeStoppedError)
NOT_DRAWN = (MessengerError, ViewDroppedError)
_SHORTEST = 0.1  # seconds; without a pause the loop would do nothing but ask
INTERVAL = 1.0
_logger = logging.getLogger("duologue.dialogs")


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """Where progress is shown.

    Attributes:
        dialog: The dialog.
        name: The key in its `dialog_data`.
        interval: Seconds from one state on the screen to the next, at the least.
    """

    dialog: BackgroundCalls
    name: str = "progress"
    interval: float = INTERVAL

    @property
    def kept(self) -> tuple[str, str, str | None, str, float]:
        """What is kept of it beside a task that outlives the process."""
        return (*self.dialog.place, self.name, self.interval)

    @property
    def key(self) -> tuple[object, ...]:
        """The same for places that show the same, whatever their interval."""
        return self.name, *self.dialog.place


class Feed:
    """Keeps one place informed of one worker.

    Args:
        worker: The worker.
        place: Where it is shown.

    Attributes:
        worker: The worker.
        over: Set when it shows nothing more.
    """

    def __init__(self, worker: Worker, place: FeedPlace) -> None:
        self.worker: Worker = worker
        self.over: asyncio.Event = asyncio.Event()
        self._place = place
        self._shown: dict[str, Json] | None = None
        self._failed: Exception | None = None
        self._is_user_away = False
        self._pause: asyncio.Timeout | None = None

    def relieve(self) -> None:
        """Show nothing more, because another worker has the place."""
        self.over.set()
        self._go_on()

    async def run(self) -> None:
        """Show each state until the last one.

        Raises:
            Exception: The first error of a turn that was to show one.
        """
        try:
            while await self._show_newest():
                if self._is_user_away:
                    await self._wait_for_user()
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(_SHORTEST, self._place.interval)):
                        await self.worker.finished()
        finally:
            self.over.set()
        if self._failed is not None:
            raise self._failed

    async def _wait_for_user(self) -> None:
        """Wait until the user is back, or there is no more to wait for."""
        dialog = self._place.dialog
        address, absences = dialog.address, dialog.post.absences
        with (
            suppress(TimeoutError),
            absent(absences, address.bot, address.chat_id, self._go_on),
        ):
            async with asyncio.timeout(None) as self._pause:
                await self.worker.finished()
        self._pause = None

    def _go_on(self) -> None:
        """End the wait for the user."""
        pause, self._pause = self._pause, None
        if pause is not None:
            pause.reschedule(0.0)

    async def _show_newest(self) -> bool:
        """Show the newest state, and tell whether there will be others."""
        snapshot = await _ask(self.worker)
        if self.over.is_set():
            return False
        data = progress_data(snapshot)
        try:
            if data != self._shown:
                await self._show(data)
        except OVER:
            return False
        except ForbiddenError as error:
            if not self._is_user_away:
                _logger.info(
                    "progress of %s waits for the user: %s", snapshot.id, error
                )
            self._is_user_away, self._shown = True, None
            return snapshot.is_active
        except NOT_DRAWN as error:
            _logger.info("progress of %s is not shown: %s", snapshot.id, error)
        except Exception as error:  # noqa: BLE001  # whatever getters and widgets raise
            self._failed = self._failed or error
        self._is_user_away, self._shown = False, data
        return snapshot.is_active

    async def _show(self, data: dict[str, Json]) -> None:
        receipt = await self._place.dialog.update({self._place.name: data})
        await receipt.drawn()


async def show_progress(
    worker: Worker,
    dialog: BackgroundCalls,
    *,
    name: str = "progress",
    interval: float = INTERVAL,
) -> None:
    """Keep a dialog informed of a worker until the worker has ended.

    The worker is asked, and the dialog's `dialog_data[name]` set to what
    `progress_data` makes of the answer; again when that is on the screen and the
    interval is over. So a worker may report as often as it likes, and what nobody
    could have read is left out. The last state is shown at once and always. If the
    dialog is closed the worker goes on, and nobody is told any more. If the user has
    stopped the bot nothing is shown until the user is back.

    Args:
        worker: The worker.
        dialog: Where to show it: a background manager.
        name: The key in `dialog_data`.
        interval: Seconds from one state on the screen to the next at the least; 0.1
            if it is less. It leaves some of the calls that a messenger allows for
            the user's presses.

    Raises:
        ReentrantCallError: Called inside a turn; start it with
            `task_group.start_soon(...)`, or the worker with `workers.start(show=...)`.
        Exception: The first error of a turn that was to show it; raised at the end,
            because later states may be shown all the same.
    """
    if active_turn() is not None:
        raise ReentrantCallError
    await Feed(worker, FeedPlace(dialog, name, interval)).run()


def progress_data(snapshot: WorkerSnapshot) -> dict[str, Json]:
    """What a dialog keeps of a snapshot: JSON values for widgets and getters.

    Args:
        snapshot: The snapshot.

    Returns:
        `id`, the id of the worker; `percent`, from 0 to 100, None while unknown;
        `text`; `state`, such as `"running"`; `is_active`, whether it goes on; `current`,
        `total`, `unit` and `stage`, what is counted; `eta`, the seconds left, in round
        numbers; `attempt`; `reason`, why it was stopped; `question`, what it asks for; `error`, the message of what it
        raised, without the traceback.
    """
    percent = None if snapshot.value is None else round(snapshot.value * 100, 1)
    return {
        "id": snapshot.id,
        "percent": percent,
        "text": snapshot.text,
        "state": snapshot.state.value,
        "is_active": snapshot.is_active,
        "current": snapshot.current,
        "total": snapshot.total,
        "unit": snapshot.unit,
        "stage": snapshot.stage,
        "eta": _rounded(snapshot.eta),
        "attempt": snapshot.attempt,
        "reason": snapshot.reason,
        "question": snapshot.question,
        "error": "" if snapshot.error is None else snapshot.error.message,
    }


def _rounded(seconds: float | None) -> int | None:
    """Seconds that do not change each second, so that nothing is drawn for them alone."""
    if seconds is None:
        return None
    step = 10 if seconds < 120 else 60  # noqa: PLR2004 - two minutes
    return int(step * -(-seconds // step))


async def _ask(worker: Worker) -> WorkerSnapshot:
    """Ask the worker, because a body may have words only for those who ask."""
    try:
        return await worker.ping()
    except UnknownWorkerError:  # it has ended, and others have ended since
        return worker.snapshot
