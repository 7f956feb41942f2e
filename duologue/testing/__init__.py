"""Tools for the tests of bot authors: dialogs without a messenger."""

from __future__ import annotations

# _playground: what tests write; _bot: the messenger behind it
# _world: its updates; _shown: the messages in its chats
# _calls: what the bot was told to do
from duologue.testing._bot import RecordingBot
from duologue.testing._calls import Call, Failures, Hold, Method
from duologue.testing._playground import Playground
from duologue.testing._shown import ShownMessage

__all__ = [
    "Call",
    "Failures",
    "Hold",
    "Method",
    "Playground",
    "RecordingBot",
    "ShownMessage",
]
