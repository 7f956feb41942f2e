"""Failures of actors, and what is done about them.

The default is what Pykka does, step by step. For everything else see `_supervision`,
which decides, and this module, which acts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Protocol, cast

from pykka import Actor, ActorRegistry

from duologue.actors._lifecycle._relations import Life, Tied, life_of, ref_of
from duologue.actors._lifecycle._restart import replace_instance
from duologue.actors._lifecycle._supervision import (
    Ending,
    Resume,
    Stop,
    Strategy,
    count_old,
    decide,
)
from duologue.actors._mailbox._mailbox import RUNNING, STARTING, STOPPED, Scheduler
from duologue.actors._pykka._pykka import Work, fail, is_work
from duologue.actors._pykka._stop_reason import Failed, Killed
from duologue.actors._time._restart_delays import RestartDelay

logger = logging.getLogger("duologue.actors")


class Supervised(Tied, Protocol):
    """What is asked of an actor that has failed."""

    supervision: Strategy

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> object:
        """Run after an exception that nobody is told of."""
        ...


def crash(actor: Supervised, error: Exception) -> Work | None:
    """Do what follows when an actor has failed in the middle of a message.

    Returns:
        The rest of the work if there is any, else None.
    """
    mailbox = actor.actor_inbox
    if type(mailbox.reason) is Killed:
        give_notice(actor, error)
        return None
    if mailbox.life is None and type(actor.supervision) is Stop:
        give_notice(actor, error)
        return run_last_hook(actor, partial(_run_on_failure, actor, error))
    strategy = strategy_of(actor)
    if type(strategy) is Resume:
        logger.error("%s failed and goes on:", actor, exc_info=error)
        return None
    return _recover(actor, error, strategy, has_begun=True)


def crash_in_start(actor: Supervised, error: Exception) -> Work | None:
    """Do what follows when an actor has failed before its first message."""
    mailbox = actor.actor_inbox
    strategy = strategy_of(actor)
    was_killed = type(mailbox.reason) is Killed
    if was_killed or (type(strategy) is Stop and mailbox.life is None):
        give_notice(actor, error)
        return None
    return _recover(actor, error, strategy, has_begun=False)


def crash_in_end(actor: Supervised, error: BaseException) -> Work | None:
    """Do what follows when an actor has failed on its way out."""
    give_notice(actor, error)
    life = cast("Life | None", actor.actor_inbox.life)
    return life.stop_children() if life is not None and life.children else None


def give_notice(actor: Supervised, error: BaseException) -> None:
    """Log an error that nobody is told of, and stop the actor."""
    fail(cast("Actor", actor), error)


def run_last_hook(actor: Supervised, hook: Callable[[], object]) -> Work | None:
    """Run a hook after which an actor stops, whatever happens.

    Returns:
        The rest of the work if the hook is a coroutine, else None.
    """
    try:
        rest = hook()
    except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
        give_notice(actor, error)
        return None
    return _see_through(actor, rest) if is_work(rest) else None


async def _see_through(actor: Supervised, work: Work) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - as above
        give_notice(actor, error)


def strategy_of(actor: Supervised) -> Strategy:
    """What is to be done when an actor fails: its parent's word, else its class's."""
    life = cast("Life | None", actor.actor_inbox.life)
    if life is None or life.strategy is None:
        return actor.supervision
    return life.strategy


async def _recover(
    actor: Supervised, error: Exception, strategy: Strategy, *, has_begun: bool
) -> None:
    try:
        await _begin_anew(actor, error, strategy, has_begun=has_begun)
    except BaseException:
        # Cut off in the middle: there is nobody left to handle a message.
        ActorRegistry.unregister(ref_of(actor))
        actor.actor_inbox.stop(Failed(error))
        raise


async def _begin_anew(
    actor: Supervised, error: Exception, strategy: Strategy, *, has_begun: bool
) -> None:
    """Put a new instance in the place of one that has failed, or end it."""
    mailbox = actor.actor_inbox
    host = cast("Scheduler", mailbox.host)
    life = life_of(ref_of(actor))
    while True:
        verdict = _judge(life, strategy, host)
        if isinstance(verdict, Ending):
            await _end(actor, life, error, verdict, has_begun=has_begun)
            return
        note = "%s failed and begins anew in %g seconds:"
        logger.error(note, actor, verdict, exc_info=error)
        await _clean_up(actor, life, error if has_begun else None)
        if not await _pause(life, host, verdict):
            await _end(actor, life, error, Ending.STOP, has_begun=False)
            return
        try:
            host.context.copy().run(_replace_instance, life)
        except Exception as another:  # noqa: BLE001 - `__init__` is the user's
            error, has_begun = another, False
            await asyncio.sleep(0)  # many tries without a delay are not one
        else:
            mailbox.advance(RUNNING, STARTING)
            return


def _judge(life: Life, strategy: Strategy, host: Scheduler) -> float | Ending:
    now = host.clock.time()
    del life.failures[: count_old(life.failures, strategy, now)]
    verdict = decide(strategy, len(life.failures))
    if isinstance(verdict, Ending):
        return verdict
    if life.factory is None or _is_over(life, host):
        return Ending.STOP
    life.failures.append(now)
    return verdict


def _is_over(life: Life, host: Scheduler) -> bool:
    """Whether nothing begins anew any more."""
    is_cut_off = life.ref.actor_inbox.phase >= STOPPED
    return is_cut_off or life.is_ending or host.restart_delays.is_over


async def _clean_up(actor: Supervised, life: Life, error: Exception | None) -> None:
    if error is not None:
        try:
            rest = _run_on_failure(actor, error)
            if is_work(rest):
                await rest
        except Exception:
            logger.exception("on_failure of %s failed:", actor)
    life.cancel_timers()
    life.unwatch_all()
    await life.stop_children()


async def _pause(life: Life, host: Scheduler, delay: float) -> bool:
    """Wait; whether to go on then."""
    if delay > 0 and not _is_over(life, host):
        life.restart_delay = RestartDelay()
        try:
            await life.restart_delay.wait(
                delay, clock=host.clock, among=host.restart_delays
            )
        finally:
            life.restart_delay = None
    return not _is_over(life, host)


def _replace_instance(life: Life) -> None:
    if life.factory is not None:
        replace_instance(life.ref, life.factory)


async def _end(
    actor: Supervised, life: Life, error: Exception, how: Ending, *, has_begun: bool
) -> None:
    give_notice(actor, error)
    if how is Ending.ESCALATE:
        life.escalated = error
    if has_begun:
        rest = run_last_hook(actor, partial(_run_on_failure, actor, error))
        if rest is not None:
            await rest
    life.cancel_timers()
    await life.stop_children()


def _run_on_failure(actor: Supervised, error: Exception) -> object:
    return actor.on_failure(type(error), error, error.__traceback__)
