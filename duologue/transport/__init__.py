"""The outside world: messengers, and what all of them share."""

from __future__ import annotations

# max, sandbox: messengers; polling: fetching; http: doors; sqlite: an engine
# _limits, _effects: calls a second, and what becomes of them
# _json: JSON from outside; _server: what every HTTP door shares
# _lock: files of one process alone
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
    "marker_path",
]
