"""Messages of other programs: handled once, answered, dropped when their time is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeAlias

from duologue.actors import Observer
from duologue.actors._engine._timed import wall_time
from duologue.dialogs._delivery._receipts import (
    Answered,
    Committed,
    Duplicate,
    Outcome,
)
from duologue.dialogs._delivery._told import command_of
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._calls import dialog_update
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._commands import DialogCommand, HandleMessage
from duologue.dialogs._state._events import MessageTold
from duologue.dialogs._state._turn import Turn
from duologue.dialogs.routing._observer import UNHANDLED
from duologue.errors import MessageExpiredError, MessageUntakenError, NoContextError
from duologue.messages import CALLS
from duologue.messages._message import dump_answer

MakeManager: TypeAlias = Callable[[Turn, MessageTold], DialogManager]
PerformCall: TypeAlias = Callable[[Turn, DialogCommand], Awaitable[None]]


class ToldMessages:
    """Carries out messages of other programs.

    Args:
        dispatcher: Has their handlers.
        manager: Makes the manager of a turn.
        call: Carries out what every dialog understands.
        observer: Counts.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        manager: MakeManager,
        call: PerformCall,
        observer: Observer,
    ) -> None:
        self._dispatcher = dispatcher
        self._manager = manager
        self._call = call
        self._observer = observer

    async def handle(self, turn: Turn, command: HandleMessage) -> Outcome:
        """Carry a message out, unless it was before or its time is over.

        Raises:
            MessageExpiredError: Its time is over.
            MessageUntakenError: No handler has taken it.
            NoContextError: Its handler needs an open dialog.
        """
        if command.expires <= wall_time():
            self._observer.count("messages_told", outcome="expired")
            key = turn.address.key
            raise self._moot(turn, MessageExpiredError(key, command.id))
        if not command.is_asked and not remember(turn, command):
            self._observer.count("messages_told", outcome="duplicate")
            return Duplicate()
        outcome: Outcome = Committed(turn.snapshot.version + 1)
        if command.tag in CALLS:
            await self._call(turn, command_of(command.tag, command.data))
        else:
            outcome = await self._offer(turn, command)
        self._observer.count("messages_told", outcome="handled")
        return outcome

    async def _offer(self, turn: Turn, command: HandleMessage) -> Outcome:
        event = self.event(turn, command)
        manager = self._manager(turn, event)
        data = manager.middleware_data
        result = await self._dispatcher.handle_message(event, data)
        if result is UNHANDLED:
            self._observer.count("messages_told", outcome="untaken")
            key = turn.address.key
            if not manager.has_context():
                raise self._moot(turn, NoContextError(key))
            raise self._moot(turn, MessageUntakenError(key, command.tag))
        await manager.render()
        version = turn.snapshot.version + 1
        if not command.is_asked:
            return Committed(version)
        if turn.snapshot.open:  # a handler may have written to what it has read
            turn.is_changed = True
        return Answered(version, *dump_answer(result))

    def event(self, turn: Turn, command: HandleMessage) -> MessageTold:
        """The event that middlewares and handlers of errors see.

        Raises:
            UnknownMessageError: No handler takes its tag any more.
            MessageShapeError: It has another shape by now.
        """
        takes = self._dispatcher.messages(asked=command.is_asked)
        call = dialog_update(turn, command)
        return MessageTold(
            id=command.id,
            bot=turn.bot,
            chat=call.chat,
            user=call.user,
            timestamp=datetime.fromtimestamp(wall_time(), UTC),
            thread_id=call.thread_id,
            raw={},
            command=command,
            message=takes.load(command.tag, command.data),
            source=command.source,
            tag=command.tag,
            is_asked=command.is_asked,
        )

    @staticmethod
    def _moot(turn: Turn, error: Exception) -> Exception:
        """Note that a turn ends without a failure of its own: its sender is told."""
        turn.moot = error
        return error


def remember(turn: Turn, command: HandleMessage) -> bool:
    """Know a message, should it come again; tell whether it was new."""
    is_new = turn.snapshot.hear(f"{command.source}\n{command.id}")
    turn.is_changed = turn.is_changed or is_new
    return is_new


def note_failed(turn: Turn, told: MessageTold) -> None:
    """Know a message whose turn has failed: it is not handled again."""
    if isinstance(told.command, HandleMessage) and not told.is_asked:
        remember(turn, told.command)
