"""What is done to processes, network and server, and what shows that it has bitten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.simulation.worker import LEASE, Worker
from tests.simulation.world import Strike, World

_GLANCE: Final = 0.01  # seconds
_GLANCES: Final = 200


def _any(world: World) -> Worker:
    """One of the processes that work; the first one, if none does."""
    here = [w for w in world.workers if w.is_here and not w.process.is_paused]
    return world.random.choice(here or world.workers)


async def _at_work(world: World) -> Worker:
    """One of those that have a turn at hand, if there is one within a moment."""
    for _ in range(_GLANCES):
        busy = [w for w in world.workers if w.at_work and not w.process.is_paused]
        if busy:
            return world.random.choice(busy)
        await asyncio.sleep(_GLANCE)
    return _any(world)


async def kill(world: World) -> None:
    """SIGKILL of a process; another one begins."""
    if len(world.workers) > 1:
        world.kill(await _at_work(world))
    await asyncio.sleep(world.random.uniform(0.1, 2 * LEASE))
    world.start()


async def pause(world: World) -> None:
    """SIGSTOP of a process, for longer than its leases last, then SIGCONT."""
    worker = await _at_work(world)
    worker.process.is_paused = True
    world.lost(worker)
    await asyncio.sleep(LEASE * world.random.uniform(1.1, 3))
    world.loop.resume(worker.process)


async def stop(world: World) -> None:
    """SIGTERM of a process; another one begins."""
    if len(world.workers) > 1:
        world.stop(_any(world))
    world.start()


async def lose_answers(world: World) -> None:
    """The server does what it is asked for, and nobody hears of it."""
    for _ in range(6):
        for connection in world.network.connections:
            connection.is_deaf |= world.random.random() < 0.2
        await asyncio.sleep(world.random.uniform(0.05, 0.3))


async def break_connections(world: World) -> None:
    """Connections break, with all that is under way."""
    for _ in range(8):
        if world.network.connections:
            connection = world.random.choice(world.network.connections)
            world.server.met["connection broken"] += 1
            connection.reset()
        await asyncio.sleep(world.random.uniform(0.0, 0.2))


async def cut_off(world: World) -> None:
    """Nothing goes between a process and the server; what was sent arrives later."""
    worker = await _at_work(world)
    worker.process.is_cut_off = True
    world.lost(worker)
    await asyncio.sleep(world.random.uniform(1.0, 6 * LEASE))
    worker.process.is_cut_off = False
    world.network.go_on()


async def slow(world: World) -> None:
    """The way to the server takes long."""
    before = world.network.slowest
    world.network.slowest = world.random.uniform(0.05, 1.0)
    await asyncio.sleep(3.0)
    world.network.slowest = before


async def restart_server(world: World) -> None:
    """The server ends, and comes back with all that it had but its scripts."""
    world.network.is_down = True
    world.network.break_all()
    await asyncio.sleep(world.random.uniform(0.1, 3.0))
    world.server.forget_scripts()
    world.network.is_down = False


async def still_server(world: World) -> None:
    """SIGSTOP of the server, then SIGCONT."""
    world.network.is_still = True
    await asyncio.sleep(world.random.uniform(1.0, 12.0))
    world.network.is_still = False
    world.network.go_on()


async def forget_scripts(world: World) -> None:
    """SCRIPT FLUSH."""
    for _ in range(4):
        world.server.forget_scripts()
        await asyncio.sleep(world.random.uniform(0.0, 0.4))


async def fail_over(world: World) -> None:
    """A replica takes the place of the server, that has not heard the last of it."""
    data, began = world.server.copied(), world.loop.time()
    world.server.lags = True
    await asyncio.sleep(world.random.uniform(0.05, 1.5))
    world.network.is_down = True
    world.network.break_all()
    world.server.met["forgotten"] += world.server.restore(data)
    world.server.forget_scripts()
    world.server.lags = False
    if world.plan.durability == "fast":
        world.records.forgotten.append((began, world.loop.time()))
    await asyncio.sleep(world.random.uniform(0.05, 2.0))
    world.network.is_down = False


async def set_clock_of_server(world: World) -> None:
    """The clock of the server is wrong by up to an hour, and right again."""
    world.server.clock = world.random.choice((-3600.0, -30.0, -1.0, 1.0, 30.0, 3600.0))
    await asyncio.sleep(world.random.uniform(0.5, 5.0))
    world.server.clock = 0.0


async def set_clock_of_process(world: World) -> None:
    """The clock of a process is wrong by up to half a minute, and right again."""
    process = _any(world).process
    process.clock = world.random.choice((-30.0, -1.0, 1.0, 30.0))
    await asyncio.sleep(world.random.uniform(0.5, 5.0))
    process.clock = 0.0


async def fill_memory(world: World) -> None:
    """The server has no memory left for more."""
    world.server.is_full = True
    await asyncio.sleep(world.random.uniform(0.5, 4.0))
    world.server.is_full = False


async def two_pollers(world: World) -> None:
    """All messages come to two processes at once."""
    for source in world.sources:
        source.takers.append(_any(world).process.name)
    await asyncio.sleep(3.0)
    for source in world.sources:
        source.takers = source.takers[:1]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that may be done.

    Attributes:
        strike: Does it.
        proof: What shows that it has bitten, as the server and the network count it.
    """

    strike: Strike
    proof: Sequence[str]


_FENCED: Final = ("commit fenced", "news fenced", "release fenced", "lease lost")
_BROKEN: Final = ("connection broken",)

FAULTS: Final[Mapping[str, Fault]] = {
    "kill": Fault(kill, ("lease expired",)),
    "pause": Fault(pause, _FENCED),
    "stop": Fault(stop, ("release released",)),
    "lose-answers": Fault(lose_answers, ("answer lost",)),
    "break": Fault(break_connections, _BROKEN),
    "cut-off": Fault(cut_off, ("came late",)),
    "slow": Fault(slow, ("came late",)),
    "restart-server": Fault(restart_server, _BROKEN),
    "still-server": Fault(still_server, ("came late",)),
    "forget-scripts": Fault(forget_scripts, ("unknown script",)),
    "fail-over": Fault(fail_over, ("forgotten",)),
    "clock-of-server": Fault(set_clock_of_server, ("at a wrong time",)),
    "clock-of-process": Fault(set_clock_of_process, ("at a wrong time",)),
    "full": Fault(fill_memory, ("refused, memory is full",)),
    "two-pollers": Fault(two_pollers, ("came twice",)),
}
