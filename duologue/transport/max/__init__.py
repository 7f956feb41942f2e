"""MAX: the messenger's Bot API over HTTP."""

from __future__ import annotations

# _bot: the account; _capabilities, _settings, _limits: what MAX can do, where, how often
# _requests, _http, _answers, _errors: calls and what comes back
# _parse, _press, _message, _attachments, _fields: updates from their JSON
# _private_chats: for those that do not name theirs
from duologue.transport.max._answers import Subscription
from duologue.transport.max._bot import Bot
from duologue.transport.max._limits import Limits
from duologue.transport.max._requests import BotCommand
from duologue.transport.max._settings import DEFAULT_URL

__all__ = ["DEFAULT_URL", "Bot", "BotCommand", "Limits", "Subscription"]
