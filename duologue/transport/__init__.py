"""The outside world: messengers, and what all of them share."""

from __future__ import annotations

# max, sandbox: messengers; polling: fetching; http: doors; sqlite, redis: engines
# _limits, _shared_limits, _effects: calls a second, and what becomes of them
# webhook: updates that are brought; _set_aside: those that nobody can read
# _types: those that are asked for
# _json: JSON from outside; _server: what every HTTP door shares
# _watched: engines that tell of their work; _lock: files of one process alone
# _state_command: looks at what engines keep; _urls: how a file of theirs is named
from duologue.transport.polling._connecting import Connecting
from duologue.transport.polling._fetching import Fetching
from duologue.transport.polling._handover import Intake
from duologue.transport.polling._markers import (
    MarkerFile,
    MarkersInMemory,
    MarkerStore,
    Position,
    marker_path,
)
from duologue.transport.polling._poller import Poller, PollerState
from duologue.transport.polling._steps import PollerSettings
from duologue.transport.webhook._keeper import WebhookKeeper, WebhookState
from duologue.transport.webhook._receiving import Receiving

__all__ = [
    "Connecting",
    "Fetching",
    "Intake",
    "MarkerFile",
    "MarkerStore",
    "MarkersInMemory",
    "Poller",
    "PollerSettings",
    "PollerState",
    "Position",
    "Receiving",
    "WebhookKeeper",
    "WebhookState",
    "marker_path",
]
