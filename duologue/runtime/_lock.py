"""One program for each bot and state folder; see `transport/_lock.py`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

from duologue.actors import Clock
from duologue.dialogs import UpdateSource, bot_key
from duologue.errors import BotRunsElsewhereError
from duologue.transport._lock import lock_file
from duologue.transport.polling._markers import marker_path

_logger = logging.getLogger("duologue")
_OVERLAP = 5.0  # seconds that a program may need to end beside its drain
_PAUSE = 0.1


class StateLocks:
    """Keeps a second program from polling for the same bots from the same folder.

    Args:
        folder: The state folder.
        drain: Seconds that the program before may take for finishing.
        clock: Tells how long that was.
    """

    def __init__(self, folder: Path, *, drain: float, clock: Clock) -> None:
        self._folder = folder
        self._patience = drain + _OVERLAP
        self._clock = clock
        self._files: dict[Path, int] = {}

    async def take(self, bot: UpdateSource) -> None:
        """Wait until no other program has this bot; to take it twice is harmless.

        Raises:
            BotRunsElsewhereError: Another one still had it when the time was up.
        """
        path = marker_path(self._folder, bot).with_suffix(".lock")
        if path in self._files:
            return
        deadline = self._clock.time() + self._patience
        holder = await asyncio.to_thread(self._try, path)
        if holder is not None:
            _logger.warning(
                "%s is still run by %s; waiting for its end", bot_key(bot), holder
            )
        while holder is not None:
            if self._clock.time() >= deadline:
                raise BotRunsElsewhereError(bot_key(bot), holder, str(self._folder))
            await self._clock.sleep(_PAUSE)
            holder = await asyncio.to_thread(self._try, path)

    def release(self) -> None:
        """Let another program have the bots."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _try(self, path: Path) -> str | None:
        """Lock a file.

        Returns:
            Who holds it; None if it is ours now, or cannot be locked at all: what is
            wrong with the folder is told by whoever writes the marker there.
        """
        if sys.platform == "win32":
            return None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            locked = lock_file(path)
        except OSError:
            return None
        if isinstance(locked, str):
            return locked
        self._files[path] = locked
        return None
