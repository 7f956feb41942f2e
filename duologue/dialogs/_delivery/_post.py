"""The way of a command to the mailbox of its address."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from duologue.actors import Clock, Engine, Letter, Mail, Observer
from duologue.dialogs._chat._address import Address, bot_key
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._absences import Absences
from duologue.dialogs._delivery._outage import Outage
from duologue.dialogs._delivery._pending import Arrival, PendingMail
from duologue.dialogs._delivery._receipts import (
    DrawnView,
    Lending,
    Pending,
    Receipt,
)
from duologue.dialogs._state._commands import Command, Introduced, Redraw, encode
from duologue.dialogs._state._turn import active_turn
from duologue.errors import (
    EngineClosedError,
    EngineUnavailableError,
    FencedError,
    UnknownBotError,
)

Offer: TypeAlias = tuple[str, bytes, Pending | Arrival]
"""The address of an update, the update as it waits in the mailbox, and the same, parsed.

With an engine in memory somebody waits for it.
"""


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
        outage: Learns when the engine does not answer.
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
        outage: Outage,
    ) -> None:
        self.absences: Absences = {}
        self.foreground_timeout = foreground_timeout
        self.check_state = check_state
        self._engine = engine
        self._bots = bots
        self._expected = expected
        self._observer = observer
        self._clock = clock
        self._outage = outage
        # Whoever handles a message knows by its id whom to answer.
        prefix = f"{engine.name}.{secrets.token_urlsafe(4)}"
        self.pending: PendingMail = PendingMail(prefix)

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
        self.pending.note(pending)
        receipt = Receipt(pending)
        await self._send(Letter(address.key, Mail(pending.id, body)))
        return receipt

    def expect(self, key: str, body: bytes) -> tuple[Letter, Receipt]:
        """Make a letter that somebody else delivers, and its receipt."""
        pending = Pending("", self._clock.time())
        self.pending.note(pending)
        return Letter(key, Mail(pending.id, body)), Receipt(pending)

    async def put(self, letters: Sequence[Letter]) -> None:
        """Accept letters of which nobody here wants to know what becomes.

        Raises:
            EngineClosedError: The runtime is stopping.
            EngineUnavailableError: The engine does not answer.
        """
        await self._enqueue(letters)

    async def drawn(
        self,
        screen: str,
        key: str,
        news: Sequence[tuple[Command, DrawnView | None]],
        done: Sequence[str],
        row: bytes | None,
        *,
        is_left: Callable[[], bool] | None = None,
    ) -> None:
        """Tell a conversation what became of its views, and the engine what is paid.

        Args:
            screen: The key of the screen of the chat.
            key: The address whose views they are.
            news: What the conversation is told, and the view whose refusal it is about.
            done: What is not owed any more.
            row: What a next process has to know of the screen; see `Engine.drawn`.
            is_left: Whether the chat was lost meanwhile; it may be here again by now.

        Raises:
            FencedError: It was, or is.
            EngineClosedError: The runtime is stopping.
        """
        letters: list[Letter] = []
        for command, view in news:
            pending = Pending("", self._clock.time())
            pending.view = view
            self.pending.note(pending)
            letters.append(Letter(key, Mail(pending.id, encode(command))))

        async def note() -> None:
            if is_left is not None and is_left():
                raise FencedError(screen)
            await self._engine.drawn(screen, done, letters=letters, row=row)

        try:
            await self._outage.outlast(note)
        except (asyncio.CancelledError, Exception) as error:
            self._forget(letters, error)
            raise
        if letters:
            self._observer.count("enqueue", len(letters), outcome="accepted")

    async def redraw(self, address: Address, stack_id: str) -> None:
        """Have a stack drawn anew by whoever has its chat."""
        mail = Mail(self.pending.new_id(), encode(Redraw(stack_id)))
        send = partial(self._engine.enqueue, [Letter(address.key, mail)])
        await self._outage.outlast(send)

    async def introduce(self, address: Address) -> None:
        """Ask the messenger who is at an address, and tell its dialogs.

        Raises:
            MessengerError: It does not say.
            EngineClosedError: The runtime is stopping.
        """
        bot = self._bots[address.bot]
        chat, user = await bot.look_up_now(address.chat_id, address.user_id)
        who: tuple[str, str | None, str | None] = "", None, None
        if user is not None:
            who = user.name, user.username, user.language_code
        body = encode(Introduced(chat.type.value, *who))
        pending = Pending("", self._clock.time())
        self.pending.note(pending)
        await self._send(Letter(address.key, Mail(pending.id, body)))

    async def deliver(self, offers: Sequence[Offer]) -> None:
        """Accept updates of a messenger; wait while a mailbox is full.

        Args:
            offers: The updates.

        Raises:
            EngineClosedError: The runtime is stopping.
            EngineUnavailableError: The engine does not answer.
        """
        letters: list[Letter] = []
        for key, body, coming in offers:
            if isinstance(coming, Pending):
                mail_id = self.pending.note(coming)
            else:
                mail_id = self.pending.arrive(coming)
            letters.append(Letter(key, Mail(mail_id, body)))
        await self._enqueue(letters)

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

    async def _send(self, letter: Letter) -> None:
        turn = active_turn()
        if turn is not None:
            turn.outbox.append(letter)
            turn.is_changed = True
        else:
            await self._enqueue([letter])

    async def _enqueue(self, letters: Sequence[Letter]) -> None:
        try:
            await self._engine.enqueue(letters)
        except (asyncio.CancelledError, Exception) as error:
            if isinstance(error, EngineUnavailableError):
                self._outage.note(error)
            self._forget(letters, error)
            raise
        self._outage.is_over()
        self._observer.count("enqueue", len(letters), outcome="accepted")

    def _forget(self, letters: Sequence[Letter], error: BaseException) -> None:
        for letter in letters:
            self.pending.remove(letter.mail.id)
        self._observer.count("enqueue", len(letters), outcome=_outcome(error))


def _outcome(error: BaseException) -> str:
    if isinstance(error, EngineClosedError):
        return "refused"
    if isinstance(error, EngineUnavailableError):
        return "unavailable"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "error"
