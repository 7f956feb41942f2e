"""Updates that nobody can read: counted, and logged once for each type."""

from __future__ import annotations

import logging

from duologue.actors import Observer
from duologue.dialogs import Bot, bot_key
from duologue.errors import MalformedUpdateError, UnknownUpdateError
from duologue.transport._json import is_object

_logger = logging.getLogger("duologue.transport")

# What the messenger sends decides about the kinds, so their number is bounded.
_MAX_KINDS = 100
_MAX_KIND_LENGTH = 64


class SetAside:
    """Where the updates of a bot go that nobody can read.

    Args:
        bot: Who received them.
        observer: Counts them.
    """

    def __init__(self, bot: Bot, observer: Observer) -> None:
        self._bot = bot
        self._name = bot_key(bot)
        self._observer = observer
        self._kinds: set[str] = set()

    def refuse(self, raw: object, error: Exception) -> None:
        """Set aside an update that cannot be read.

        Args:
            raw: The update, if it is JSON.
            error: Why not: an `UnknownUpdateError`, or what is wrong with it.
        """
        if isinstance(error, UnknownUpdateError):
            self.put(error.update_type, "unknown", "its type is not known")
            return
        kind = raw.get("update_type") if is_object(raw) else None
        named = kind if isinstance(kind, str) else type(kind).__name__
        reason = error.reason if isinstance(error, MalformedUpdateError) else str(error)
        self.put(named, "malformed", reason)

    def put(self, kind: str, reason: str, detail: str) -> None:
        """Count one, and log the first of its type, without its content."""
        self._observer.count("updates_set_aside", bot=self._name, reason=reason)
        kind = kind[:_MAX_KIND_LENGTH]
        if kind in self._kinds or len(self._kinds) >= _MAX_KINDS:
            return
        self._kinds.add(kind)
        _logger.warning(
            "an update of the type %r for bot %s was set aside: %s; more of this "
            "type will only be counted",
            kind,
            self._bot.id,
            detail,
        )
