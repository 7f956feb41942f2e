"""Whether a runtime is alive, and whether it should be given work."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from duologue.actors import Clock, Observer, TimerHandle
from duologue.transport.polling._poller import PollerState
from duologue.transport.webhook._keeper import WebhookState

BEAT = 1.0
"""Seconds between two beats of the heart."""

_SILENCE = 90.0  # seconds; three times as long as a messenger holds a poll


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a runtime is not ready.

    Attributes:
        reason: One word for programs, such as `draining`.
        detail: A sentence for people, without secrets.
    """

    reason: str
    detail: str


class HealthProbe(Protocol):
    """Tells how a program is doing. Callable from any thread."""

    def heartbeat_age(self) -> float | None:
        """Seconds since the event loop last showed a sign of life.

        None while no loop is watched: before the start and after the end.
        """
        ...

    def problems(self) -> Sequence[Problem]:
        """Why it should not be given work now; empty if it should."""
        ...


class Polling(Protocol):
    """A poller, as far as its health goes."""

    @property
    def state(self) -> PollerState:
        """What it is doing."""
        ...

    @property
    def last_success(self) -> float | None:
        """When the messenger last answered, by the clock; None if never."""
        ...

    @property
    def polls_since(self) -> float | None:
        """Since when it polls, by the clock; None while another process does."""
        ...

    @property
    def pause(self) -> float:
        """Seconds for which it waits now before it tries again."""
        ...

    @property
    def unfinished(self) -> int:
        """How many updates have been fetched and are not known to be safe."""
        ...


class Keeping(Protocol):
    """Who looks after a webhook, as far as its health goes."""

    @property
    def state(self) -> WebhookState:
        """What the messenger knows of it."""
        ...


class Heart:
    """Beats once a second on the event loop, and measures how late each beat is.

    Args:
        clock: Tells the time to any thread, and calls on the loop.
        observer: Is told of the lag.
        on_beat: Called at each beat, on the loop.
    """

    def __init__(
        self, clock: Clock, observer: Observer, on_beat: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._on_beat = on_beat
        self._observer = observer
        self._last = clock.time()
        self._timer: TimerHandle = clock.call_later(BEAT, self._beat)

    @property
    def age(self) -> float:
        """Seconds since the last beat."""
        return self._clock.time() - self._last

    def stop(self) -> None:
        """Beat no more."""
        self._timer.cancel()

    def _beat(self) -> None:
        now = self._clock.time()
        late = max(0.0, now - self._last - BEAT)
        self._observer.record("event_loop_lag_seconds", late)
        self._last = now
        self._timer = self._clock.call_later(BEAT, self._beat)
        self._on_beat()


class Phase(enum.StrEnum):
    """Where a runtime is in its life.

    Attributes:
        STARTING: It connects its bots.
        READY: It handles updates.
        DRAINING: It finishes what it has and takes nothing new.
        STOPPED: It has ended, or was never started.
    """

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"


_DETAILS = {
    Phase.STARTING: "the bots are being connected",
    Phase.DRAINING: "what has begun is being finished",
    Phase.STOPPED: "the runtime is not running",
}

REASONS = (
    *(phase.value for phase in _DETAILS),
    *("engine_unavailable", "dialogs_parked", "messenger_unreachable"),
    *("poller_failed", "poller_silent", "webhook_failed", "webhook_missing"),
)
"""Every reason that a problem may have."""


def seconds_of_silence(poller: Polling, *, now: float, since: float) -> float:
    """Tell for how long the messenger has not answered a poller.

    Args:
        poller: The poller.
        now: The time.
        since: From when on it is looked after.
    """
    begun, last = poller.polls_since, poller.last_success
    if begun is None:
        return 0.0  # another process polls, or it is not known yet from where on
    return now - max(since, begun, begun if last is None else last)


def is_polling(poller: Polling) -> bool:
    """Tell whether this process is the one that polls."""
    has_ended = poller.state in (PollerState.STOPPED, PollerState.FAILED)
    return poller.polls_since is not None and not has_ended


def poller_problem(
    bot: str, poller: Polling, *, now: float, since: float
) -> Problem | None:
    """Judge a poller.

    Args:
        bot: Whose poller it is, such as `max.42`.
        poller: The poller.
        now: The time.
        since: When it began to poll.
    """
    if poller.state is PollerState.FAILED:
        return Problem(
            "poller_failed", f"polling for {bot} has ended; the log says why"
        )
    silence = seconds_of_silence(poller, now=now, since=since)
    if silence > _SILENCE:
        return Problem(
            "poller_silent", f"no answered poll for {bot} in {silence:.0f} s"
        )
    return None


def webhook_problem(bot: str, keeper: Keeping) -> Problem | None:
    """Judge what the messenger knows of a webhook.

    Args:
        bot: Whose webhook it is, such as `max.42`.
        keeper: Who looks after it.
    """
    if keeper.state is WebhookState.FAILED:
        detail = f"the webhook of {bot} is not set; the log says why"
        return Problem("webhook_failed", detail)
    if keeper.state is WebhookState.MISSING:
        detail = f"the webhook of {bot} is not set yet, or not any more; it is tried"
        return Problem("webhook_missing", detail)
    return None


def phase_problem(phase: Phase) -> Problem | None:
    """Judge a phase of a runtime."""
    detail = _DETAILS.get(phase)
    return None if detail is None else Problem(phase.value, detail)


def engine_problem(reason: str | None) -> Problem | None:
    """Judge an engine by why it takes nothing now."""
    if reason is None:
        return None
    detail = f"nothing can be accepted or stored: {reason}; it is tried again"
    return Problem("engine_unavailable", detail)


def parked_problem(number: int) -> Problem | None:
    """Judge an engine by the dialogs that this program does not understand."""
    if not number:
        return None
    detail = f"{number} dialogs wait for a newer version of this program"
    return Problem("dialogs_parked", detail)


def missing_problem(messenger: str) -> Problem:
    """Judge a bot that has not been connected since the start."""
    detail = f"a bot of {messenger} is not connected; the log says why"
    return Problem("messenger_unreachable", detail)
