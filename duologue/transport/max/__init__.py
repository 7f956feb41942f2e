"""MAX: the messenger's Bot API over HTTP."""

from __future__ import annotations

from duologue.transport.max._answers import Subscription
from duologue.transport.max._body import BotCommand
from duologue.transport.max._bot import Bot
from duologue.transport.max._limits import Limits
from duologue.transport.max._settings import DEFAULT_URL

__all__ = ["DEFAULT_URL", "Bot", "BotCommand", "Limits", "Subscription"]
