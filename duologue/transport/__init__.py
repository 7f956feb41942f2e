"""The outside world: messengers, and what all of them share."""

from __future__ import annotations

from duologue.transport._connecting import Connecting
from duologue.transport._fetching import Fetching
from duologue.transport._intake import Intake
from duologue.transport._markers import (
    MarkerFile,
    MarkersInMemory,
    MarkerStore,
    Position,
    marker_path,
)
from duologue.transport._poller import Poller, PollerState
from duologue.transport._steps import PollerSettings

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
