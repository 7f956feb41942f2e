"""What becomes of one message: an answer, a failure, or a coroutine to see through.

The rules are those of Pykka's actor loop. Two differ, because many actors share a
thread: the cancellation of a coroutine is the failure of its message alone, and an
exception that stops every actor does so without waiting for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, cast

from pykka import Actor, ActorDeadError, ActorRegistry

from duologue.actors._mailbox import AnyEnvelope, Mailbox
from duologue.actors._pykka import Work, fail, handle, is_work, stop
from duologue.errors import MessageCancelledError

logger = logging.getLogger("duologue.actors")


class Hosted(Protocol):
    """What a host asks of an actor besides Pykka's hooks."""

    def _open(self) -> Work | None:
        """Run the hooks that come before the first message."""


def open_actor(mailbox: Mailbox) -> Work | None:
    """Run the hooks that come before the first message.

    Returns:
        The rest of the work if a hook is a coroutine, else None.
    """
    return cast("Hosted", mailbox.actor)._open()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # proxies show public names


def receive(mailbox: Mailbox) -> Work | None:
    """Let an actor handle its next message.

    Returns:
        The rest of the work if a handler or a hook is a coroutine, else None.
    """
    envelope = mailbox.get()
    actor = cast("Actor", mailbox.actor)
    try:
        response = handle(actor, envelope.message)
    except BaseException as error:  # noqa: BLE001 - Pykka's rules for each kind
        return _fail(actor, envelope, error)
    if is_work(response):
        return _finish(actor, envelope, response)
    if envelope.reply_to is not None:
        envelope.reply_to.set(response)
    return None


async def _finish(actor: Actor, envelope: AnyEnvelope, work: Work) -> None:
    try:
        response = await work
    except GeneratorExit:
        raise
    except BaseException as error:
        rest = _fail(actor, envelope, error)
        if rest is not None:
            await rest
        if isinstance(error, asyncio.CancelledError):
            raise
    else:
        if envelope.reply_to is not None:
            envelope.reply_to.set(response)


def _fail(actor: Actor, envelope: AnyEnvelope, error: BaseException) -> Work | None:
    if isinstance(error, asyncio.CancelledError):
        _cancelled(actor, envelope, error)
    elif not isinstance(error, Exception):
        return _stop_everyone(actor, envelope, error)
    elif envelope.reply_to is not None:
        logger.info("Exception returned from %s to caller:", actor, exc_info=error)
        envelope.reply_to.set_exception((type(error), error, error.__traceback__))
    else:
        return _crash(actor, error)
    return None


def _cancelled(
    actor: Actor, envelope: AnyEnvelope, cause: asyncio.CancelledError
) -> None:
    error = MessageCancelledError(str(actor), type(envelope.message).__name__)
    error.__cause__ = cause
    if envelope.reply_to is not None:
        envelope.reply_to.set_exception((type(error), error, None))
    else:
        logger.warning("%s", error)


def _crash(actor: Actor, error: Exception) -> Work | None:
    fail(actor, error)
    hook: Callable[[type, Exception, TracebackType | None], object] = actor.on_failure
    try:
        rest = hook(type(error), error, error.__traceback__)
    except Exception as another:  # noqa: BLE001 - Pykka logs what a hook raises
        fail(actor, another)
        return None
    return see_hook_through(actor, rest) if is_work(rest) else None


async def see_hook_through(actor: Actor, work: Work) -> None:
    """Await a hook that is a coroutine; what it raises is logged and stops the actor."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
        fail(actor, error)


def _stop_everyone(
    actor: Actor, envelope: AnyEnvelope, error: BaseException
) -> Work | None:
    logger.debug("%r in %s. Stopping all actors.", error, actor)
    if envelope.reply_to is not None:
        dead = ActorDeadError(f"{actor} stopped while handling the message")
        envelope.reply_to.set_exception((ActorDeadError, dead, None))
    rest = stop(actor)
    ActorRegistry.stop_all(block=False)
    return rest if is_work(rest) else None
