"""The way of a command to the mailbox of its address."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from itertools import count

from duologue.actors import Clock, Engine, Letter, Mail, Observer
from duologue.dialogs._chat._address import Address, bot_key
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._absences import Absences
from duologue.dialogs._delivery._receipts import (
    DrawnView,
    Lending,
    Pending,
    PendingMail,
    Receipt,
)
from duologue.dialogs._state._commands import Command, encode
from duologue.dialogs._state._turn import active_turn
from duologue.errors import EngineClosedError, UnknownBotError


class Post:
    """Takes commands from everywhere and puts them into the engine's mailboxes.

    Args:
        engine: Where the mailboxes are.
        bots: The bots of the runtime, by `messenger.id`.
        expected: How many there will be, those that are added later included.
        foreground_timeout: Seconds that `fg()` may take.
        check_state: Raises `UnknownStateError` for a state without a window.
        observer: Counts what became of the letters.
        clock: Tells since when they wait.
    """

    def __init__(
        self,
        engine: Engine,
        bots: Mapping[str, Bot],
        *,
        expected: int,
        foreground_timeout: float,
        check_state: Callable[[str], object],
        observer: Observer,
        clock: Clock,
    ) -> None:
        self.pending: PendingMail = PendingMail()
        self.absences: Absences = {}
        self.foreground_timeout = foreground_timeout
        self.check_state = check_state
        self._engine = engine
        self._bots = bots
        self._expected = expected
        self._observer = observer
        self._clock = clock
        self._prefix = secrets.token_urlsafe(6)
        self._numbers = count(1)

    def bot_key(self, bot: Bot | None) -> str:
        """Name the bot that a call is for.

        Raises:
            UnknownBotError: It is not one of the runtime, or none was given and
                there are several.
        """
        if bot is None:
            if len(self._bots) == self._expected == 1:
                return next(iter(self._bots))
            raise UnknownBotError(None, tuple(self._bots))
        name = bot_key(bot)
        if name not in self._bots:
            raise UnknownBotError(name, tuple(self._bots))
        return name

    async def send(
        self, address: Address, command: Command, *, lending: Lending | None = None
    ) -> Receipt:
        """Accept a command; wait while the mailbox of the address is full.

        Inside a turn the command leaves with the commit.

        Returns:
            The receipt.

        Raises:
            EngineClosedError: The runtime is stopping.
        """
        body = encode(command)
        pending = Pending("", self._clock.time(), lending=lending)
        self._note(pending)
        receipt = Receipt(pending)
        await self._send(Letter(address.key, Mail(pending.id, body)))
        return receipt

    async def tell(
        self, address: Address, command: Command, view: DrawnView | None = None
    ) -> None:
        """Accept a command of the runtime's own, whose outcome nobody awaits.

        Args:
            address: Whose it is.
            command: The command.
            view: The view whose refusal it tells of.

        Raises:
            EngineClosedError: The runtime is stopping.
        """
        body = encode(command)
        pending = Pending("", self._clock.time())
        pending.view = view
        self._note(pending)
        await self._send(Letter(address.key, Mail(pending.id, body)))

    async def deliver(self, key: str, body: bytes, pending: Pending) -> None:
        """Accept an update of a messenger; wait while the mailbox is full.

        Args:
            key: Its address.
            body: The update as it waits in the mailbox.
            pending: The same, parsed; it gets its id here.

        Raises:
            EngineClosedError: The runtime is stopping.
        """
        self._note(pending)
        await self._enqueue(Letter(key, Mail(pending.id, body)))

    def released(self, letters: list[Letter]) -> None:
        """Note that a commit has put letters into their mailboxes."""
        now = self._clock.time()
        for letter in letters:
            pending = self.pending.get(letter.mail.id)
            if pending is not None:
                pending.since = now
        self._observer.count("enqueue", len(letters), outcome="accepted")

    def withdraw(self, letters: list[Letter], error: BaseException) -> None:
        """Fail the receipts of letters that will never leave."""
        for letter in letters:
            pending = self.pending.remove(letter.mail.id)
            if pending is not None:
                pending.fail(error)

    def _note(self, pending: Pending) -> None:
        pending.id = f"{self._prefix}.{next(self._numbers)}"
        self.pending.add(pending)

    async def _send(self, letter: Letter) -> None:
        turn = active_turn()
        if turn is not None:
            turn.outbox.append(letter)
            turn.is_changed = True
        else:
            await self._enqueue(letter)

    async def _enqueue(self, letter: Letter) -> None:
        try:
            await self._engine.enqueue([letter])
        except (asyncio.CancelledError, Exception) as error:
            self.pending.remove(letter.mail.id)
            self._observer.count("enqueue", outcome=_outcome(error))
            raise
        self._observer.count("enqueue", outcome="accepted")


def _outcome(error: BaseException) -> str:
    if isinstance(error, EngineClosedError):
        return "refused"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "error"
