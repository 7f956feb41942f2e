"""The drain of a system: keyed actors are let go, the others are stopped."""

from __future__ import annotations

import asyncio

from pykka import Actor, ActorRegistry

from duologue.actors._actor import AsyncActor
from duologue.actors._directory._directory import Directory
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._hosts._hosts import Hosts, settle
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.actors._ref import AsyncActorRef

_BATCH = 32
# How many stop at a time where nobody can tell in what order.
_CROWD = 1000


async def drain(hosts: Hosts, directory: Directory) -> None:
    """Return when every actor has handled what it has and has stopped.

    The running loop is that of the first host.
    """
    for host in hosts.all:
        host.post(host.restart_delays.end)
    await directory.let_all_go()
    await _stop_all(hosts)
    # Those who stopped may have sent their last words to keyed actors.
    await directory.let_all_go()
    await settle(hosts.all)


async def _stop_all(hosts: Hosts) -> None:
    """Stop every actor, the last that was started first, one after the other.

    Those that actors start meanwhile are stopped as well; those that have a keeper are
    left to it. Beside other hosts those of which nobody can tell when they stop do
    not wait for one another.
    """
    while refs := _refs(hosts):
        crowd: list[AsyncFuture[bool]] = []
        for stopped, ref in enumerate(reversed(refs)):
            mailbox = ref.actor_inbox
            waits = len(hosts.all) == 1 or not _stops_quietly(mailbox)
            gone = ref.stop(block=False)
            if mailbox.host is hosts.first:
                # An idle actor stops at once, without a trip through the loop.
                hosts.first.turn_at_once(mailbox)
            if stopped % _BATCH == 0:
                await asyncio.sleep(0)
            if waits and not crowd:
                await gone
                continue
            crowd.append(gone)
            if waits or len(crowd) >= _CROWD:
                await _all(crowd)
        await _all(crowd)


def _refs(hosts: Hosts) -> list[AsyncActorRef[Actor]]:
    """The live actors without a keeper, in the order of their start."""
    return [
        ref
        for ref in ActorRegistry.get_all()
        if isinstance(ref, AsyncActorRef)
        and ref.actor_inbox.host in hosts
        and ref.actor_inbox.keeper is None
    ]


def _stops_quietly(mailbox: Mailbox) -> bool:
    """Whether nobody can tell when an actor stops: it is idle, alone and silent."""
    actor = mailbox.actor
    return (
        isinstance(actor, AsyncActor)
        and type(actor).on_stop is AsyncActor.on_stop
        and mailbox.life is None
        and mailbox.empty()
        and not mailbox.suspended
    )


async def _all(crowd: list[AsyncFuture[bool]]) -> None:
    for gone in crowd:
        await gone
    crowd.clear()
