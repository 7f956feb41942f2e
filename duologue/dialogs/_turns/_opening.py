"""What a turn begins with: a working copy of the state, and the message, read.

What a newer program has written, state or message, is not for this one: it is parked,
with all the mail of its key, until that program runs again.
"""

from __future__ import annotations

from collections.abc import Mapping

from duologue.actors import Engine, Opened
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._state._commands import Command, HandleUpdate, decode
from duologue.dialogs._state._snapshot import Snapshot, Stored, take_apart
from duologue.dialogs._state._turn import Turn
from duologue.dialogs._turns._dialog_actors import DialogActor
from duologue.errors import (
    SchemaNewerError,
    SnapshotVersionError,
    UnknownBotError,
    UnknownCommandError,
)


class ParkedError(Exception):
    """Another version of the program is needed; not for anyone outside.

    Attributes:
        schema: The oldest schema that a program must know.
        error: What this one does not know.
    """

    def __init__(self, schema: int, error: Exception) -> None:
        super().__init__(schema, error)
        self.schema: int = schema
        self.error: Exception = error


class Opening:
    """Begins turns.

    Args:
        engine: Says whether what is parked outlives the process.
        dispatcher: Knows the states by their names.
        bots: The bots by their keys.
        schema: The newest schema that this program knows.
    """

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        bots: Mapping[str, Bot],
        *,
        schema: int,
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._bots = bots
        self._schema = schema

    def turn(self, actor: DialogActor, opened: Opened) -> Turn:
        """Make a turn with a working copy of the state.

        Raises:
            UnknownBotError: The runtime does not have the bot of the address.
            ParkedError: A newer program has written the state.
        """
        if actor.address is None:
            actor.address = Address.parse(actor.key)
        address = actor.address
        bot = self._bots.get(address.bot)
        if bot is None:
            raise UnknownBotError(address.bot, tuple(self._bots))
        if actor.stored.text is not opened.snapshot:
            actor.stored = self._take_apart(opened)
        snapshot = Snapshot(actor.stored, self._dispatcher.state_by_name)
        turn = Turn(address, bot, snapshot=snapshot, keyboards=actor.keyboards)
        turn.pressed = actor.pressed
        return turn

    def command(self, opened: Opened, pending: Pending | None) -> Command:
        """Read the message, unless it is an update that this process has parsed.

        Raises:
            ParkedError: A newer program has sent it.
        """
        if pending is not None and pending.update is not None:
            return HandleUpdate(pending.update.raw)
        try:
            return decode(opened.mail.body)
        except UnknownCommandError as error:
            raise self._parked(error, self._schema + 1) from None

    def _take_apart(self, opened: Opened) -> Stored:
        """Read the state.

        Raises:
            ParkedError: A newer program has written it.
        """
        try:
            stored = take_apart(opened.snapshot)
        except SnapshotVersionError as error:
            is_newer = error.found > error.known
            raise (
                self._parked(error, self._schema + 1) if is_newer else error
            ) from None
        schema = stored.head.get("schema", 0)
        if schema > self._schema:
            raise ParkedError(
                schema, SchemaNewerError(opened.key, schema, self._schema)
            )
        return stored

    def _parked(self, error: Exception, schema: int) -> Exception:
        """What parks a key; with the process what is parked would be gone, too."""
        return ParkedError(schema, error) if self._engine.durable else error
