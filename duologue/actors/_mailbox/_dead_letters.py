"""Dead letters: messages that were sent to an actor and that no actor handled."""

from __future__ import annotations

import contextlib
import enum
import inspect
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

from pykka import ActorDeadError
from pykka._envelope import Envelope

from duologue.actors._mailbox._envelope import AnyEnvelope, is_from_runtime
from duologue.actors._pykka._pykka import STOP_TYPE, is_stop
from duologue.actors._time._observe import Observer
from duologue.errors import (
    DeadLetterHookError,
    MessageDroppedError,
    SystemClosedError,
)

# So many letters at most wait to be shown to a hook that is slower than the senders.
MOST_WAITING = 10_000

logger = logging.getLogger("duologue.actors")


class DeadLetterReason(enum.StrEnum):
    """Why no actor handled a message.

    Attributes:
        STOPPED: The actor had stopped, or stopped before its turn came.
        REJECTED: The mailbox was full, and the sender was told so.
        DROPPED: The mailbox was full, and a newer message took the room.
        SUPERSEDED: A newer message with the same key took its place.
    """

    STOPPED = "stopped"
    REJECTED = "rejected"
    DROPPED = "dropped"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no actor handled.

    Attributes:
        message: The message, as it was sent.
        actor: The name of the class of the actor that it was sent to.
        reason: Why it was not handled.
    """

    message: object
    actor: str
    reason: DeadLetterReason


Hook: TypeAlias = Callable[[DeadLetter], object]
# The name of the class of the actor, and the reason.
_Kind: TypeAlias = tuple[str, str]


class Loop(Protocol):
    """Where a hook is called."""

    def post(self, callback: Callable[[], object]) -> None:
        """Call something on the loop soon; callable from any thread."""


class DeadLetters:
    """The dead letters of one system: counted, logged and shown to a hook.

    The hook is called on the loop. It is not shown the letters that it causes itself, nor
    those that come while 10,000 wait for it.

    Raises:
        DeadLetterHookError: If the hook is no plain function.
    """

    def __init__(
        self, hook: Hook | None = None, observer: Observer | None = None
    ) -> None:
        if hook is not None and not _is_plain(hook):
            raise DeadLetterHookError(repr(hook))
        self._hook = hook
        self._observer = observer
        self._loop: Loop | None = None
        self._lock = threading.RLock()
        self._count = 0
        self._logged: set[_Kind] = set()
        self._unseen: list[DeadLetter] = []
        self._untold: defaultdict[_Kind, int] = defaultdict(int)
        self._hook_thread: int | None = None

    @property
    def count(self) -> int:
        """How many there have been."""
        return self._count

    def open(self, loop: Loop) -> None:
        """Call the hook and the observer on a loop from now on."""
        if self._hook is not None or self._observer is not None:
            self._loop = loop

    def close(self) -> None:
        """Show what has not been shown yet, and nothing any more; on the loop."""
        with self._lock:
            # First, lest one that comes now waits for a report for ever.
            self._loop = None
        self._report()

    def add(
        self, messages: Sequence[object], actor: str, reason: DeadLetterReason
    ) -> None:
        """Note messages to one actor, at least one; callable from any thread."""
        kind, amount = (actor, reason.value), len(messages)
        with self._lock:
            self._count += amount
            is_first = kind not in self._logged
            self._logged.add(kind)
            loop = self._loop
            asks_for_report = loop is not None and not self._untold
            if loop is not None:
                self._untold[kind] += amount
                self._keep(messages, actor, reason)
        _log(messages, actor, reason, logging.WARNING if is_first else logging.DEBUG)
        if loop is not None and asks_for_report:
            # A loop that has been closed shows nothing any more.
            with contextlib.suppress(RuntimeError, SystemClosedError):
                loop.post(self._report)

    def _keep(
        self, messages: Sequence[object], actor: str, reason: DeadLetterReason
    ) -> None:
        """Make letters for the hook, as many as may wait for it."""
        if self._hook is None or self._hook_thread == threading.get_ident():
            return
        room = max(MOST_WAITING - len(self._unseen), 0)
        self._unseen += [
            DeadLetter(message, actor, reason) for message in messages[:room]
        ]

    def _report(self) -> None:
        with self._lock:
            counts, self._untold = self._untold, defaultdict(int)
            letters, self._unseen = self._unseen, []
        if self._observer is not None:
            for (actor, reason), amount in counts.items():
                self._observer.count(
                    "actor_dead_letters", amount, actor=actor, reason=reason
                )
        if self._hook is not None:
            self._show(letters, self._hook)

    def _show(self, letters: list[DeadLetter], hook: Hook) -> None:
        self._hook_thread = threading.get_ident()
        try:
            for letter in letters:
                try:
                    _refuse_coroutine(hook(letter), hook)
                except Exception:
                    logger.exception("on_dead_letter failed for %s", letter.actor)
        finally:
            self._hook_thread = None


def _is_plain(hook: object) -> bool:
    """Whether a hook can be called and is not known to give a coroutine."""
    if not callable(hook):
        return False
    calls = (hook, type(hook).__call__)
    return not any(map(inspect.iscoroutinefunction, calls))


def _refuse_coroutine(returned: object, hook: Hook) -> None:
    """Say that nobody awaits what a hook has returned, if somebody should."""
    if inspect.iscoroutine(returned):
        returned.close()
        raise DeadLetterHookError(repr(hook))


NOBODYS = DeadLetters()
"""For actors outside of systems: their dead letters are logged and nothing else."""


def bury(
    waiting: Sequence[object],
    *,
    actor: str,
    letters: DeadLetters,
    reason: DeadLetterReason = DeadLetterReason.STOPPED,
    error: Exception | None = None,
) -> None:
    """Make dead letters of messages to one actor, and answer those who asked.

    Every message that is left unhandled passes here, perhaps millions at once. One of
    the runtime's own is answered only: what asked to stop has got what it asked for.
    """
    messages: list[object] = []
    asked: list[AnyEnvelope] = []
    for each in waiting:
        if not isinstance(each, Envelope):
            if type(each) is not STOP_TYPE:
                messages.append(each)
            continue
        envelope = cast("AnyEnvelope", each)
        if envelope.reply_to is not None:
            asked.append(envelope)
        if not is_from_runtime(envelope):
            messages.append(envelope.message)
    if messages:
        letters.add(messages, actor, reason)
    for envelope in asked:
        answer_for_the_dead(envelope, error or _error(envelope, actor, reason))


def answer_for_the_dead(envelope: AnyEnvelope, error: Exception) -> None:
    """Answer a message whose actor cannot; one that asks to stop has got its wish."""
    if envelope.reply_to is None:
        return
    if is_stop(envelope.message):
        envelope.reply_to.set(None)
    else:
        envelope.reply_to.set_exception((type(error), error, error.__traceback__))


def _error(envelope: AnyEnvelope, actor: str, reason: DeadLetterReason) -> Exception:
    if reason is DeadLetterReason.STOPPED:
        return ActorDeadError("the actor stopped before handling the message")
    return MessageDroppedError(actor, type(envelope.message).__name__, reason.value)


def _log(
    messages: Sequence[object], actor: str, reason: DeadLetterReason, level: int
) -> None:
    # The message itself may hold what belongs in no log.
    kind = type(messages[0]).__name__
    if len(messages) == 1:
        note = "no actor handled a message of class %s to %s: %s"
        logger.log(level, note, kind, actor, reason.value)
    else:
        note = "no actor handled %d messages, the first of class %s, to %s: %s"
        logger.log(level, note, len(messages), kind, actor, reason.value)
