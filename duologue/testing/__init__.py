"""Tools for the tests of bot authors: dialogs without a messenger."""

from __future__ import annotations

from duologue.testing._bot import RecordingBot
from duologue.testing._calls import Call, Failures, Hold, Method
from duologue.testing._playground import Playground
from duologue.testing._world import ShownMessage

__all__ = [
    "Call",
    "Failures",
    "Hold",
    "Method",
    "Playground",
    "RecordingBot",
    "ShownMessage",
]
