"""Messages of other programs on their way into the mailboxes of dialogs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias, assert_never, cast

from duologue.actors import Engine, Letter, Mail
from duologue.actors._engine._timed import wall_time
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import (
    Answered,
    Covered,
    Duplicate,
    Outcome,
    Receipt,
)
from duologue.dialogs._state._commands import (
    CloseDialog,
    DialogCommand,
    HandleMessage,
    StartDialog,
    SwitchWindow,
    UpdateData,
    encode,
)
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, ShowMode, StartMode
from duologue.errors import (
    InvalidAddressError,
    MailboxFullError,
    MessageShapeError,
    OutcomeUnknownError,
    UnknownMessageError,
    UnknownRefError,
)
from duologue.messages import (
    CALLS,
    Done,
    Event,
    Messages,
    Ref,
    Start,
    SwitchTo,
    Update,
)
from duologue.messages._calls import Call
from duologue.messages._recipients import Result

Takes: TypeAlias = Callable[[bool], Messages]
"""The messages that are taken: those that are answered, or the others."""

_KEEP = 86_400.0  # seconds that a message is worth something at the most
_MOST_KNOWN = 10_000
_MOST_ABSENT = 1_000  # messages to a bot that is not connected, and such bots
_COUNTED_FOR = 1.0


@dataclass(slots=True)
class _Absent:
    """What waits for a bot that is not connected.

    Attributes:
        at: When it was counted.
        waiting: How many messages, with what has come since.
    """

    at: float
    waiting: int


class ToldDialogs:
    """The dialogs of a runtime, as other programs reach them.

    Args:
        engine: Keeps the mailboxes, and knows whom a bot has met.
        post: Delivers.
        bots: The bots that are connected, by their names.
        takes: The messages that handlers take.
        strangers: Whether messages may be sent where the bot has never met anybody.
    """

    def __init__(
        self,
        engine: Engine,
        post: Post,
        bots: Mapping[str, Bot],
        *,
        takes: Takes,
        strangers: bool = False,
    ) -> None:
        self._engine = engine
        self._post = post
        self._bots = bots
        self._takes = takes
        self._strangers = strangers
        self._met: set[str] = set()
        self._absent: dict[str, _Absent] = {}
        # The ids of mail that nobody waits for have a slash: see `Replies.of`.
        self._prefix = f"told/{secrets.token_urlsafe(6)}"
        self._numbers = count(1)

    def tags(self, *, asked: bool) -> tuple[str, ...]:
        """The tags of the messages that are taken."""
        own = () if asked else CALLS.tags
        return (*own, *self._takes(asked).tags)

    def classes(self, *, asked: bool) -> Sequence[type[object]]:
        """The classes of the messages that are taken."""
        own = () if asked else CALLS.classes
        return (*own, *self._takes(asked).classes)

    def check(self, event: Event, *, asked: bool) -> None:
        """See that a message can be taken.

        Raises:
            UnknownRefError: It is to no dialog.
            UnknownMessageError: No handler takes its tag.
            MessageShapeError: Its data has another shape.
            UnknownStateError: It names a window that there is not.
        """
        _address(event.subject)
        takes = self._takes(asked)
        if not asked and event.type in CALLS:
            command = command_of(event.type, event.data)
            if isinstance(command, StartDialog | SwitchWindow):
                self._post.check_state(command.state)
            return
        if event.type not in takes:
            raise UnknownMessageError(event.type, self.tags(asked=asked))
        takes.load(event.type, event.data)

    async def tell(self, events: Sequence[Event]) -> None:
        """Put messages to one actor into its mailbox; wait while that is full.

        Raises:
            UnknownRefError: The bot has never met anybody there.
            MailboxFullError: Too many wait for a bot that is not connected.
            EngineClosedError: The runtime is stopping.
            EngineUnavailableError: The engine does not answer.
        """
        key = await self._key(events[0].subject, len(events))
        letters = [
            Letter(key, Mail(f"{self._prefix}.{next(self._numbers)}", encode(command)))
            for command in map(_told, events)
        ]
        await self._post.put(letters)

    async def send(
        self, event: Event, *, asked: bool
    ) -> Coroutine[object, object, Result]:
        """Put a message into its mailbox; awaiting what this gives tells its outcome.

        Raises:
            UnknownRefError: The bot has never met anybody there.
            MailboxFullError: Too many wait for a bot that is not connected.
            EngineClosedError: The runtime is stopping.
            EngineUnavailableError: The engine does not answer.
        """
        key = await self._key(event.subject, 1)
        command = _told(event, asked=asked)
        return _outcome(await self._post.send(Address.parse(key), command))

    async def letter(
        self, event: Event, *, asked: bool, answered: bool
    ) -> tuple[Letter, Coroutine[object, object, Result] | None]:
        """The letter that a message becomes, for a door that delivers by itself.

        Args:
            event: The message.
            asked: Whether it is a question.
            answered: Whether its outcome is of interest; then it is given too.

        Raises:
            UnknownRefError: The bot has never met anybody there.
            EngineUnavailableError: The engine does not answer.
        """
        # The stream holds what a mailbox does not, so nothing is refused for its number.
        key = await self._key(event.subject)
        body = encode(_told(event, asked=asked))
        if not answered:
            name = f"{self._prefix}.{next(self._numbers)}"
            return Letter(key, Mail(name, body)), None
        letter, receipt = self._post.expect(key, body)
        return letter, _outcome(receipt)

    def withdraw(self, letter: Letter) -> None:
        """Wait no more for the outcome of a letter that has not left."""
        self._post.withdraw([letter], OutcomeUnknownError(letter.mail.id))

    async def _key(self, ref: Ref, number: int = 0) -> str:
        """The mailbox of a dialog that so many messages may be sent to."""
        address = _address(ref)
        key = address.key
        if address.bot not in self._bots:
            if number:
                await self._wait_for(address.bot, number, key)
            return key
        self._absent.pop(address.bot, None)
        if not self._strangers and key not in self._met:
            if await self._engine.read(key) is None:
                problem = (
                    "the bot has never met this user there; let them write to it "
                    "first, or open the door with strangers=True"
                )
                raise UnknownRefError(key, problem)
            if len(self._met) >= _MOST_KNOWN:
                self._met.clear()
            self._met.add(key)
        return key

    async def _wait_for(self, bot: str, number: int, key: str) -> None:
        """Let messages wait for a bot that this process does not have.

        Whatever waits is counted, by whomever it was accepted: at most once a second, and
        what comes meanwhile is added.
        """
        now = asyncio.get_running_loop().time()
        known = self._absent.get(bot)
        if known is None and len(self._absent) >= _MOST_ABSENT:
            raise MailboxFullError(key, _MOST_ABSENT)
        if known is None or now - known.at >= _COUNTED_FOR:
            waiting = await self._engine.unserved(f"dialog/{bot}")
            known = self._absent[bot] = _Absent(now, waiting)
        if known.waiting + number > _MOST_ABSENT:
            raise MailboxFullError(key, _MOST_ABSENT)
        known.waiting += number


def command_of(tag: str, data: object) -> DialogCommand:
    """The call that a message asks for which every dialog understands.

    Raises:
        MessageShapeError: It has another shape.
    """
    call = cast("Call", CALLS.load(tag, data))
    show_mode = None
    if call.show_mode is not None:
        show_mode = _mode(tag, "show_mode", call.show_mode, ShowMode)
    match call:
        case Start():
            mode = _mode(tag, "mode", call.mode, StartMode)
            return StartDialog(
                DEFAULT_STACK_ID, None, call.state, call.data, mode, show_mode
            )
        case Update():
            return UpdateData(DEFAULT_STACK_ID, None, call.data, show_mode)
        case Done():
            return CloseDialog(DEFAULT_STACK_ID, None, call.result, show_mode)
        case SwitchTo():
            return SwitchWindow(DEFAULT_STACK_ID, None, call.state, show_mode)
        case _:
            assert_never(call)


def _mode(tag: str, field: str, given: str, kind: type[ShowMode | StartMode]) -> str:
    try:
        return kind(given).value
    except ValueError:
        known = ", ".join(kind)
        raise MessageShapeError(tag, f"/{field}", f"it is one of {known}") from None


def _told(event: Event, *, asked: bool = False) -> HandleMessage:
    latest = wall_time() + _KEEP
    expires = latest if event.expires is None else event.expires.timestamp()
    return HandleMessage(
        event.source, event.id, event.type, event.data, min(expires, latest), asked
    )


def _address(ref: Ref) -> Address:
    try:
        address = Address.parse(str(ref))
    except InvalidAddressError:
        address = None
    if address is None or address.key != str(ref):
        problem = "a dialog is dialog/<messenger>.<bot>:<chat>:<user>"
        raise UnknownRefError(str(ref), problem)
    return address


async def _outcome(receipt: Receipt) -> Result:
    """What became of a message, as other programs are told."""
    outcome: Outcome = await receipt
    if isinstance(outcome, Answered):
        return Result("answered", outcome.version, outcome.tag, outcome.data)
    if isinstance(outcome, Duplicate):
        return Result("duplicate")
    word = "covered" if isinstance(outcome, Covered) else "committed"
    return Result(word, outcome.version)
