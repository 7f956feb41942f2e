"""Faults that come from inside: of handlers, clocks, and what the messenger brings."""

from __future__ import annotations

import asyncio

from duologue.transport.sandbox import Say
from tests.chaos.field import Field
from tests.chaos.fleet import LEASE
from tests.chaos.ills import DEATHS
from tests.chaos.kept import let_others_poll, set_aside

_HOUR = 3600.0
_PATIENCE = 120.0  # seconds until a message that ends processes has been set aside


async def hang(field: Field) -> None:
    """Have a handler block its process for three leases."""
    before = field.fleet.facts()["hung"]
    field.fleet.hang(field.some_bot())
    async with asyncio.timeout(_PATIENCE):
        while field.fleet.facts()["hung"] == before:
            user = field.rng.choice(field.crowd.users)
            field.crowd.say(field.messenger, user, "count", user)
            await asyncio.sleep(0.05)
    await asyncio.sleep(3 * LEASE)
    await field.some_time(0.5)


async def set_clocks(field: Field) -> None:
    """Set the clock of one process, or that of the server, by an hour, and back."""
    hour = field.rng.choice((_HOUR, -_HOUR))
    is_server = field.rng.random() < 0.5
    bots = range(len(field.fleet)) if is_server else [field.some_bot()]
    for number in bots:
        field.fleet.set_clocks(number, *((0, hour) if is_server else (hour, 0)))
    await asyncio.sleep(2 * LEASE)
    for number in bots:
        field.fleet.set_clocks(number, 0, 0)
    field.counts[f"clock of {'the server' if is_server else 'a process'}"] += 1
    await field.some_time(1.5)


async def repeat(field: Field) -> None:
    """Bring a tenth twice, a hundred again, and have two processes poll."""
    messenger = field.messenger
    messenger.share = 0.1
    await field.some_time(1.0)
    messenger.replays = True
    await let_others_poll(field.server.url)
    await field.some_time(2.0)
    messenger.share = 0.0


async def poison(field: Field) -> None:
    """Say what ends the process of every handler, or raises there."""
    how = field.rng.choice((*DEATHS, "raise"))
    name = f"p{len(field.poisons) + 1}"
    user = field.rng.choice(field.crowd.users)
    field.poisons[name] = how
    field.messenger.say_or_press(Say(user.user_id, f"poison {name} {how}"))
    async with asyncio.timeout(_PATIENCE):
        while name not in await set_aside(field.server.url):  # noqa: ASYNC110
            await asyncio.sleep(0.3)
