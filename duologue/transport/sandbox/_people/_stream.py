"""What the page hears while it is open: the log with the messages as they are now."""

from __future__ import annotations

import json

from duologue.transport.sandbox._bot_api import _wire as wire
from duologue.transport.sandbox._control._conversion import new_converter
from duologue.transport.sandbox._world._log import LogEntry
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import JsonObject, Message
from duologue.transport.sandbox._world._world import World

MEDIA_TYPE = "text/event-stream"
COMMENT = b": nothing new\n\n"
BATCH = 100
_CONVERTER = new_converter()


class PageFeed:
    """The events for one page, from where it stood before.

    A page that was away resumes behind the last number it saw. It starts afresh
    (``hello`` with ``is_fresh``) when the sandbox is another run, or has forgotten
    what the page missed. Because every entry carries its message as it is now, a
    page that has seen the last entry shows the truth.
    """

    def __init__(self, service: Service, after: int | None, run: str | None) -> None:
        self._service = service
        log = service.world.log
        can_resume = (
            after is not None
            and run == service.run
            and log.first - 1 <= after <= log.last
        )
        self._after = after if after is not None and can_resume else log.last
        self._state: JsonObject = {}
        self._commands: list[object] = []
        self._hello = [self._greeting(is_fresh=not can_resume)]

    def news(self) -> list[bytes]:
        """Give the events since the last call, at most so many at once."""
        log = self._service.world.log
        if self._after < log.first - 1:
            # The page read so slowly that what comes next has been forgotten.
            self._after, self._state = log.last, {}
            self._hello = [self._greeting(is_fresh=True)]
        first, self._hello = self._hello, []
        state = self._now()
        if state != self._state:
            self._state = state
            first.append(_event("state", state))
        if self._service.commands != self._commands:
            self._commands = self._service.commands.copy()
            first.append(_event("commands", {"commands": self._commands}))
        entries = log.after(self._after, limit=BATCH)
        if entries:
            self._after = entries[-1].seq
        return first + [self._entry(entry) for entry in entries]

    def _greeting(self, *, is_fresh: bool) -> bytes:
        data: JsonObject = {"run": self._service.run, "after": self._after}
        return _event("hello", data | {"is_fresh": is_fresh})

    def _now(self) -> JsonObject:
        users, chats = self._service.world.population
        return {
            "users": users,
            "chats": chats,
            "polls": self._service.listeners(),
            "traffic": self._service.traffic.last,
            "committed": self._service.queue.committed,
        }

    def is_quiet(self) -> bool:
        """Tell whether the log has nothing new."""
        return self._after == self._service.world.log.last

    def _entry(self, entry: LogEntry) -> bytes:
        world = self._service.world
        shown = world.find_message(entry.message_id or "")
        data: JsonObject = {
            "entry": _CONVERTER.unstructure(entry),
            "message": None if shown is None else view(world, shown),
        }
        return _event("entry", data, number=entry.seq)


def view(world: World, shown: Message) -> JsonObject:
    """Make a message as the page gets it: as the bot sees it, with waiting clicks."""
    waiting = [
        {"user_id": click.user_id, "payload": click.payload}
        for click in world.pending(shown.id)
    ]
    return wire.message(world, shown) | {"pending": waiting}


def _event(kind: str, data: JsonObject, *, number: int | None = None) -> bytes:
    lines = [] if number is None else [f"id: {number}"]
    lines += [f"event: {kind}", f"data: {json.dumps(data)}", "", ""]
    return "\n".join(lines).encode()
