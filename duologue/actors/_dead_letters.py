"""Dead letters: messages that were sent to an actor and that no actor handled."""

from __future__ import annotations

import contextlib
import enum
import inspect
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from pykka import ActorDeadError

from duologue.actors._envelope import AnyEnvelope, is_command
from duologue.actors._observe import Observer
from duologue.actors._pykka import is_stop
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
_Kind: TypeAlias = tuple[str, DeadLetterReason]


class Loop(Protocol):
    """Where a hook is called."""

    def post(self, callback: Callable[[], object]) -> None:
        """Call something on the loop soon; callable from any thread."""


class DeadLetters:
    """Counts the dead letters of one system, logs them and shows them to a hook.

    Args:
        hook: Is called with each letter, on the loop. What it raises is logged. The
            letters that it causes itself are counted but not shown to it, and so
            are those that come while 10,000 wait for it.
        observer: Is told how many there are, on the loop.

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
        self._lock = threading.Lock()
        self._count = 0
        self._logged: set[_Kind] = set()
        self._unseen: deque[DeadLetter] = deque(maxlen=MOST_WAITING)
        self._untold: Counter[_Kind] = Counter()
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

    def add(self, letter: DeadLetter) -> None:
        """Note a letter; callable from any thread."""
        kind = (letter.actor, letter.reason)
        with self._lock:
            self._count += 1
            is_first = kind not in self._logged
            self._logged.add(kind)
            loop = self._loop
            if loop is not None:
                asks_for_report = not self._untold
                self._keep(letter, kind)
            else:
                asks_for_report = False
        _log(letter, logging.WARNING if is_first else logging.DEBUG)
        if loop is not None and asks_for_report:
            # A loop that has been closed shows nothing any more.
            with contextlib.suppress(RuntimeError, SystemClosedError):
                loop.post(self._report)

    def _keep(self, letter: DeadLetter, kind: _Kind) -> None:
        self._untold[kind] += 1
        is_its_own = self._hook_thread == threading.get_ident()
        if len(self._unseen) < MOST_WAITING and not is_its_own:
            self._unseen.append(letter)

    def _report(self) -> None:
        with self._lock:
            letters = list(self._unseen)
            self._unseen.clear()
            counts, self._untold = self._untold, Counter()
        if self._observer is not None:
            for (actor, reason), amount in counts.items():
                self._observer.count(
                    "actor_dead_letters", amount, actor=actor, reason=reason.value
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


def dead_letter(
    envelope: AnyEnvelope,
    *,
    actor: str,
    letters: DeadLetters,
    reason: DeadLetterReason = DeadLetterReason.STOPPED,
    error: Exception | None = None,
) -> None:
    """Answer a message that no actor will handle, and make it a dead letter.

    Every message that is left unhandled passes here. One of the runtime's own is
    answered only: what asked to stop has got what it asked for.

    Args:
        envelope: The message.
        actor: The name of the class of its actor.
        letters: Those of the system of the actor.
        reason: Why nobody handles it.
        error: What an asker gets; what follows from the reason when left out.
    """
    if not is_command(envelope):
        letters.add(DeadLetter(envelope.message, actor, reason))
    if envelope.reply_to is not None:
        answer_for_the_dead(envelope, error or _error(envelope, actor, reason))


def answer_for_the_dead(envelope: AnyEnvelope, error: Exception) -> None:
    """Answer a message whose actor cannot do so any more.

    Args:
        envelope: The message. One that asks to stop has got what it asked for.
        error: What an asker gets.
    """
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


def _log(letter: DeadLetter, level: int) -> None:
    # The message itself may hold what belongs in no log.
    logger.log(
        level,
        "no actor handled a message of class %s to %s: %s",
        type(letter.message).__name__,
        letter.actor,
        letter.reason.value,
    )
