"""Every metric that there is: its name, its labels, and what it tells."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PREFIX = "duologue_"
BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075),
    *(0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0),
)
"""Upper bounds of histograms in seconds, those that OpenTelemetry recommends."""

LABELS = frozenset(
    {
        "actor",
        "bot",
        "call",
        "dialog",
        "engine",
        "error",
        "method",
        "outcome",
        "python",
        "reason",
        "source",
        "state",
        "version",
    }
)
"""The labels that a metric may have. Their values come from code or configuration:
nothing that grows with users, chats or messages belongs here."""


class Kind(enum.StrEnum):
    """How a metric behaves.

    Attributes:
        COUNTER: It only grows; its name ends in `_total`.
        HISTOGRAM: It counts measured values by size.
        GAUGE: It goes up and down, and is read at each scrape.
    """

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: As the observer port says it, such as `turns`.
        kind: How it behaves.
        labels: The names of its labels, in order.
        help: What it tells, in one line.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str

    @property
    def exposed(self) -> str:
        """The name that is scraped; counters get `_total` at their end."""
        return PREFIX + self.name


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, labels, text)


def _histogram(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, labels, text)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, labels, text)


_ALL = (
    _counter("updates_received", "Updates taken in, by where from.", "bot", "source"),
    _counter("updates_set_aside", "Updates nobody could read.", "bot", "reason"),
    _counter("updates", "Updates by what became of them.", "bot", "outcome"),
    _counter("enqueue", "Messages offered to mailboxes.", "outcome"),
    _histogram("mailbox_wait_seconds", "From the mailbox to the start of the turn."),
    _histogram("turn_duration_seconds", "How long turns took.", "dialog"),
    _counter("turns", "Turns by how they ended.", "dialog", "outcome"),
    _counter(
        "messages_offered", "Messages that other programs brought.", "source", "outcome"
    ),
    _counter("messages_told", "Messages of other programs, by their end.", "outcome"),
    _counter("handler_errors", "Errors that ended turns, by class.", "error"),
    _counter("errors", "Errors that nobody awaited or handled, by class.", "error"),
    _counter("dead_letters", "Messages given up.", "reason"),
    _gauge("dead_letter_entries", "Dead letters that the engine remembers."),
    _histogram("engine_call_seconds", "How long calls to the engine took.", "call"),
    _counter("engine_errors", "Failed calls to the engine, by class.", "error"),
    _counter("replicas_short", "Times that too few replicas had what was written."),
    _counter("leases", "Leases of units by what became of them.", "outcome"),
    _gauge("leases_held", "Units that this process has leased."),
    _gauge("units_ready", "Units that wait for a process."),
    _gauge("oldest_ready_seconds", "For how long the first of them has waited."),
    _gauge("messages_waiting", "Messages in all mailboxes."),
    _gauge("timers_waiting", "Calls that wait for their time."),
    _gauge("messages_unfinished", "Messages of this process not handled yet."),
    _counter("activations", "Keyed actors made.", "actor"),
    _counter(
        "actor_dead_letters", "Messages that no actor handled.", "actor", "reason"
    ),
    _counter("passivations", "Keyed actors let go.", "actor"),
    _gauge("actors", "Keyed actors in memory.", "actor"),
    _counter("workers", "Background workers by how they ended.", "reason"),
    _gauge("worker_states", "Background workers in memory, by state.", "state"),
    _counter("draws", "Views by what became of them.", "bot", "outcome"),
    _gauge("screens_busy", "Messages with a view on its way."),
    _counter("callbacks", "Presses by what became of the answer.", "bot", "outcome"),
    _gauge("callbacks_open", "Presses that wait for their answer."),
    _counter("effects", "Calls to messengers.", "bot", "method", "outcome"),
    _histogram("effect_duration_seconds", "How long such calls took.", "bot", "method"),
    _histogram("effect_retry_after_seconds", "Pauses that a 429 asked for.", "bot"),
    _counter("polls", "Polls that the messenger answered.", "bot"),
    _counter("poll_errors", "Polls that failed.", "bot", "reason"),
    _counter(
        "intake_errors", "Batches that could not be handed over.", "bot", "reason"
    ),
    _counter("marker_errors", "Positions that could not be saved.", "bot", "reason"),
    _counter("slow_batches", "Batches unfinished after 30 s.", "bot"),
    _counter("poller_failures", "Pollers that ended with an error.", "bot"),
    _histogram("poller_pause_seconds", "Pauses after failures.", "bot"),
    _gauge("poller_pausing_seconds", "Length of the pause now; 0 without.", "bot"),
    _gauge("poller_leader", "1 in the process that polls, 0 in others.", "bot"),
    _gauge("poller_state", "1 for the state that the poller is in.", "bot", "state"),
    _gauge("poller_unfinished_updates", "Updates fetched, not safe yet.", "bot"),
    _gauge("poller_silence_seconds", "Since the last answered poll.", "bot"),
    _counter("webhook_deliveries", "Deliveries by their answer.", "bot", "outcome"),
    _histogram("webhook_answer_seconds", "From a delivery to its answer.", "bot"),
    _counter("webhook_renewals", "Webhooks dropped by the messenger.", "bot"),
    _counter("webhook_errors", "Failed calls about webhooks.", "bot", "reason"),
    _histogram("event_loop_lag_seconds", "How late the event loop calls timers."),
    _gauge("problems", "Reasons not to be ready, as /readyz has them.", "reason"),
    _gauge("build_info", "Always 1.", "version", "engine", "python"),
)

CATALOGUE: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in _ALL}
)
"""Every metric by its name in the observer port."""
