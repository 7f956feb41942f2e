"""Keyed actors that other programs reach: the messages of a class, and their way in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from duologue.actors._actor import AsyncActor
from duologue.actors._directory._keyed_ref import KeyedRef
from duologue.actors._engine._timed import wall_time
from duologue.errors import MessageExpiredError, UnknownMessageError
from duologue.messages import Event, Messages
from duologue.messages._message import dump_answer
from duologue.messages._recipients import Result

_MOST: Final = 128  # messages of an actor that are known when they come again
_MOST_ACTORS: Final = 10_000


class ExposedActors:
    """The actors of one class, as other programs reach them.

    Their mailboxes are in memory: a message is handled once, while this process lives.

    Args:
        find: Finds the actor of a key.
        told: The messages that they are told.
        asked: Those that they answer.
    """

    def __init__(
        self,
        find: Callable[[str], KeyedRef[AsyncActor]],
        told: Messages,
        asked: Messages,
    ) -> None:
        self._find = find
        self._told = told
        self._asked = asked
        self._known: OrderedDict[str, OrderedDict[tuple[str, str], None]] = (
            OrderedDict()
        )

    def classes(self, *, asked: bool) -> Sequence[type[object]]:
        """The classes of the messages that are taken."""
        return (self._asked if asked else self._told).classes

    def check(self, event: Event, *, asked: bool) -> None:
        """See that a message can be taken.

        Raises:
            UnknownMessageError: Its class is none of them.
            MessageShapeError: Its data has another shape.
        """
        takes = self._asked if asked else self._told
        if event.type not in takes:
            raise UnknownMessageError(event.type, takes.tags)
        takes.load(event.type, event.data)

    async def tell(self, events: Sequence[Event]) -> None:
        """Put messages to one actor into its mailbox; wait while that is full.

        Raises:
            MailboxFullError: There is no room.
            SystemClosedError: The actor system is not open.
        """
        for event in events:
            if not _is_over(event) and self._is_new(event):
                try:
                    await self._find(event.subject.key).send(
                        self._told.load(event.type, event.data)
                    )
                except BaseException:
                    self._forget(event)
                    raise

    async def send(
        self, event: Event, *, asked: bool
    ) -> Coroutine[object, object, Result]:
        """Put a message into its mailbox; awaiting what this gives tells its outcome."""
        if not asked and not self._is_new(event):
            return _known(Result("duplicate"))
        return self._outcome(event, asked=asked)

    async def _outcome(self, event: Event, *, asked: bool) -> Result:
        if _is_over(event):
            raise MessageExpiredError(str(event.subject), event.id)
        takes = self._asked if asked else self._told
        message = takes.load(event.type, event.data)
        ref = self._find(event.subject.key)
        answer = await ref.ask(message, block=False)
        if not asked:
            return Result("committed")
        tag, data = dump_answer(answer)
        return Result("answered", None, tag, data)

    def _is_new(self, event: Event) -> bool:
        """Note a message; tell whether it is new to its actor."""
        key = event.subject.key
        known = self._known.setdefault(key, OrderedDict())
        self._known.move_to_end(key)
        if len(self._known) > _MOST_ACTORS:
            self._known.popitem(last=False)
        name = event.source, event.id
        if name in known:
            return False
        known[name] = None
        if len(known) > _MOST:
            known.popitem(last=False)
        return True

    def _forget(self, event: Event) -> None:
        """Take a message for new that has not arrived."""
        known = self._known.get(event.subject.key, OrderedDict())
        known.pop((event.source, event.id), None)


def _is_over(event: Event) -> bool:
    return event.expires is not None and event.expires.timestamp() <= wall_time()


async def _known(outcome: Result) -> Result:
    return outcome
