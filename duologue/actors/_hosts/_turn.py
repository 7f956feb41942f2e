"""One message in a turn: it becomes an answer, a failure, or a coroutine to finish.

The rules are those of Pykka's actor loop. Two differ, because many actors share a
thread: the cancellation of a coroutine is the failure of its message alone, and an
exception that stops every actor does so without waiting for them.
"""

from __future__ import annotations

import asyncio
import logging
from types import CoroutineType
from typing import Protocol, cast

from pykka import Actor, ActorDeadError, ActorRegistry
from pykka._envelope import Envelope

from duologue.actors._lifecycle._failure import (
    Supervised,
    crash,
    crash_in_start,
    give_notice,
)
from duologue.actors._mailbox._dead_letters import answer_for_the_dead
from duologue.actors._mailbox._envelope import AnyEnvelope, enveloped
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.actors._pykka._pykka import Work, is_stop, is_work, log, stop
from duologue.actors._pykka._stop_reason import Killed
from duologue.errors import MessageCancelledError

logger = logging.getLogger("duologue.actors")


class Hosted(Supervised, Protocol):
    """What a host asks of an actor besides Pykka's hooks."""

    def _open(self) -> Work | None:
        """Run the hooks that come before the first message."""


def open_actor(mailbox: Mailbox) -> Work | None:
    """Run the hooks that come before the first message.

    Returns:
        The rest of the work if a hook is a coroutine, else None.
    """
    actor = cast("Hosted", mailbox.actor)
    try:
        rest = actor._open()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # proxies show public names
    except BaseException as error:  # noqa: BLE001 - Pykka's rules for each kind
        return _fail_to_open(actor, error)
    if rest is not None:
        return _open_later(actor, rest)
    _tell_keeper(mailbox, None)
    return None


async def _open_later(actor: Hosted, rest: Work) -> None:
    try:
        await rest
    except GeneratorExit:
        raise
    except BaseException as error:
        more = _fail_to_open(actor, error)
        if more is not None:
            await more
        if isinstance(error, asyncio.CancelledError):
            raise
    else:
        _tell_keeper(actor.actor_inbox, None)


def _fail_to_open(actor: Hosted, error: BaseException) -> Work | None:
    _tell_keeper(actor.actor_inbox, error)
    if isinstance(error, Exception):
        return crash_in_start(actor, error)
    if actor.actor_inbox.reason is None:  # else it has been cut off
        give_notice(actor, error)
    if not isinstance(error, asyncio.CancelledError):
        log.debug("%r in %s. Stopping all actors.", error, actor)
        ActorRegistry.stop_all(block=False)
    return None


def _tell_keeper(mailbox: Mailbox, error: BaseException | None) -> None:
    if mailbox.keeper is not None:
        mailbox.keeper.opened(error)


def receive(actor: Actor, waiting: object) -> Work | None:
    """Let an actor handle a message.

    Returns:
        The rest of the work if a handler or a hook is a coroutine, else None.
    """
    # Every message comes through here, so this makes no call that it could spare.
    message, reply_to = waiting, None
    if isinstance(message, Envelope):
        envelope = cast("AnyEnvelope", waiting)
        message, reply_to = envelope.message, envelope.reply_to
    try:
        response: object = actor._handle_receive(message)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # as in _pykka
    except BaseException as error:  # noqa: BLE001 - Pykka's rules for each kind
        reply_to = None  # else a cycle of garbage
        return _fail(actor, enveloped(waiting), error)
    kind = type(response)
    if kind is CoroutineType:
        return _finish(actor, waiting, cast("Work", response))
    if reply_to is not None:
        reply_to.set(response)
    return None


async def _finish(actor: Actor, waiting: object, work: Work) -> None:
    try:
        response = await work
    except GeneratorExit:
        raise
    except BaseException as error:
        rest = _fail(actor, enveloped(waiting), error)
        if rest is not None:
            await rest
        if isinstance(error, asyncio.CancelledError):
            raise
    else:
        if isinstance(waiting, Envelope):
            envelope = cast("AnyEnvelope", waiting)
            if envelope.reply_to is not None:
                envelope.reply_to.set(response)


def _fail(actor: Actor, envelope: AnyEnvelope, error: BaseException) -> Work | None:
    if isinstance(error, asyncio.CancelledError):
        _cancelled(actor, envelope, error)
    elif not isinstance(error, Exception):
        return _stop_everyone(actor, envelope, error)
    elif envelope.reply_to is not None:
        log.info("Exception returned from %s to caller:", actor, exc_info=error)
        answer, envelope.reply_to = envelope.reply_to, None  # else a cycle of garbage
        answer.set_exception((type(error), error, error.__traceback__))
    else:
        return _crash(cast("Supervised", actor), envelope, error)
    return None


def _crash(actor: Supervised, envelope: AnyEnvelope, error: Exception) -> Work | None:
    try:
        return crash(actor, error)
    except Exception:
        raise
    except BaseException as another:  # noqa: BLE001 - as if the handler had raised it
        return _fail(cast("Actor", actor), envelope, another)


def _cancelled(
    actor: Actor, envelope: AnyEnvelope, cause: asyncio.CancelledError
) -> None:
    was_killed = type(cast("Supervised", actor).actor_inbox.reason) is Killed
    if was_killed or is_stop(envelope.message):
        dead = ActorDeadError(f"{actor} was killed while it handled the message")
        answer_for_the_dead(envelope, dead)
        return
    error = MessageCancelledError(str(actor), type(envelope.message).__name__)
    error.__cause__ = cause
    if envelope.reply_to is not None:
        envelope.reply_to.set_exception((type(error), error, None))
    else:
        logger.warning("%s", error)


def _stop_everyone(
    actor: Actor, envelope: AnyEnvelope, error: BaseException
) -> Work | None:
    log.debug("%r in %s. Stopping all actors.", error, actor)
    dead = ActorDeadError(f"{actor} stopped while handling the message")
    answer_for_the_dead(envelope, dead)
    rest = _stop_first(actor)
    ActorRegistry.stop_all(block=False)
    return rest if is_work(rest) else None


def _stop_first(actor: Actor) -> object:
    if cast("Supervised", actor).actor_inbox.reason is not None:
        return None  # it comes from a hook that runs at the end
    try:
        return stop(actor)
    except BaseException as error:  # noqa: BLE001 - everyone is stopped already
        log.debug("%r in on_stop of %s.", error, actor)
        return None
