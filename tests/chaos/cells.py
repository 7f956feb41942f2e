"""The faults: what each does, and how one sees that it has bitten."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from duologue.transport.redis._server import Durability
from tests.chaos.field import Field
from tests.chaos.fleet import LEASE
from tests.chaos.ills import CODES
from tests.chaos.inside import hang, poison, repeat, set_clocks
from tests.chaos.kept import holds_a_lease, until_it_leases
from tests.chaos.power import forget_since

_PATIENCE = 120.0  # seconds until a fault has bitten
_HALTED = (
    0.05  # seconds after which the server has read all that a stopped process wrote
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of fault.

    Attributes:
        name: As in the table of faults.
        what: What is done, in words.
        strike: Does it once, and undoes it.
        proof: What at least one of which has to be among the facts; else it did not bite.
        never: What none of may be among them.
        processes: How many bots there are.
        has_proxies: Whether there is something between them and the server.
        options: Of the server.
        deaths: How processes may end by themselves.
        has_sentinels: Whether there are two servers, and sentinels.
        has_cluster: Whether there are three, with a replica each.
        durability: What the bots ask of the server.
        loses: Whether the server forgets what it has acknowledged, so that what was said
            last may be gone; but whatever is left is whole.
    """

    name: str
    what: str
    strike: Callable[[Field], Awaitable[None]]
    proof: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    processes: int = 2
    has_proxies: bool = False
    options: tuple[str, ...] = ()
    deaths: tuple[int, ...] = ()
    has_sentinels: bool = False
    has_cluster: bool = False
    durability: Durability = "fast"
    loses: bool = False


async def kill_a_worker(field: Field) -> None:
    """Kill a process that has something: others have to find out."""
    number, fleet, url = field.some_bot(), field.fleet, field.server.url
    name = fleet.name_of(number)
    await field.busy()
    await field.some_time(0.2)
    async with asyncio.timeout(_PATIENCE):
        while True:
            await until_it_leases(url, name)
            fleet.signal(number, signal.SIGSTOP)
            await asyncio.sleep(_HALTED)
            if await holds_a_lease(url, name):
                break
            fleet.signal(number, signal.SIGCONT)
    await fleet.kill(number)
    await field.some_time(LEASE)
    await field.fleet.start(number)


async def stop_a_worker(field: Field) -> None:
    number = field.some_bot()
    await field.busy()
    await field.some_time(0.2)
    field.fleet.signal(number, signal.SIGSTOP)
    try:
        await asyncio.sleep(3 * LEASE)
    finally:
        field.fleet.signal(number, signal.SIGCONT)
    await field.some_time(0.5)


async def restart_all(field: Field) -> None:
    """As a deploy does: one process after the other, the new one before the old one."""
    for number in range(len(field.fleet)):
        code = await field.fleet.end(number)
        field.counts[f"ended with {code}"] += 1
        await field.fleet.start(number)
        await field.some_time(1.0)


async def lose_answers(field: Field) -> None:
    """Lose answers until a process has asked again for what had been done."""
    before = field.fleet.facts()["already"]
    for proxy in field.proxies:
        proxy.loss = 0.03
    await asyncio.sleep(2.0)
    async with asyncio.timeout(_PATIENCE):
        while field.fleet.facts()["already"] == before:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)
    for proxy in field.proxies:
        proxy.loss = 0.0
    await field.some_time(1.0)


async def cut_off(field: Field) -> None:
    proxy = field.proxies[field.some_bot()]
    proxy.hold()
    await asyncio.sleep(6.0 + field.rng.random() * 3)
    proxy.let_go()
    await field.some_time(1.0)


async def slow_down(field: Field) -> None:
    for proxy in field.proxies:
        proxy.delay, proxy.loss = 0.1, 0.05
    await asyncio.sleep(3.0)
    for proxy in field.proxies:
        proxy.delay, proxy.loss = 0.0, 0.0


async def kill_the_server(field: Field) -> None:
    await field.some_time(1.0)
    field.server.kill()
    await field.some_time(1.0)
    await asyncio.to_thread(field.server.start)


async def stop_the_server(field: Field) -> None:
    await field.some_time(0.5)
    os.kill(field.server.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(5.5 + field.rng.random() * 2)
    finally:
        os.kill(field.server.pid, signal.SIGCONT)
    await field.some_time(1.0)


async def flush_and_hang_up(field: Field) -> None:
    for words in (
        ("SCRIPT", "FLUSH"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("CLIENT", "PAUSE", "500", "ALL"),
        ("CLIENT", "KILL", "TYPE", "pubsub"),
    ):
        await field.some_time(0.4)
        await asyncio.to_thread(field.server.ask, *words)


async def fill_up(field: Field) -> None:
    await field.some_time(0.5)
    await asyncio.to_thread(field.server.ask, "CONFIG", "SET", "maxmemory", "1mb")
    try:
        await asyncio.sleep(1 + field.rng.random() * 2)
    finally:
        await asyncio.to_thread(field.server.ask, "CONFIG", "SET", "maxmemory", "0")
    await field.some_time(1.0)


async def fail_over(field: Field) -> None:
    """Kill the master when its replica has heard nothing for two seconds."""
    assert field.sentinels is not None
    await field.busy()
    field.sentinels.stop_replica()
    await asyncio.sleep(2.0)
    await field.sentinels.fail_over(is_cut=True)
    await field.some_time(2.0)


async def kill_a_primary(field: Field) -> None:
    """Kill one of a cluster, and start it again when its replica has taken over."""
    assert field.cluster is not None
    number = field.rng.choice(await asyncio.to_thread(field.cluster.primaries))
    await field.busy()
    await field.some_time(0.5)
    await field.cluster.fail_over(number)
    await field.some_time(2.0)
    await field.cluster.mend(number)
    await field.some_time(1.0)


async def cut_power(field: Field) -> None:
    await field.busy()
    await field.some_time(1.0)
    field.server.kill()
    field.counts["bytes forgotten"] += forget_since(
        time.time() - 1.0, field.server.folder
    )
    await asyncio.to_thread(field.server.start)
    await field.some_time(2.0)


async def deploy_the_next(field: Field) -> None:
    """Restart the process of the oldest version as one of the next."""
    fleet = field.fleet
    number = min(range(len(fleet)), key=fleet.schemas.__getitem__)
    newest = max(fleet.schemas)
    await asyncio.sleep(1.0)  # both versions are at work
    await fleet.end(number)
    fleet.schemas[number] = max(newest, fleet.schemas[number] + 1)
    await fleet.start(number)
    await asyncio.sleep(3.0)  # by then whoever had a chat has let it go


_BROKEN = ("ConnectionError", "TimeoutError", "BusyLoadingError")
CELLS = {
    cell.name: cell
    for cell in (
        Cell("F1", "kill -9 of a process", kill_a_worker, proof=("orphan",)),
        Cell("F2", "SIGSTOP of 3 leases", stop_a_worker, proof=("refused",)),
        Cell("F3", "SIGTERM of one after the other", restart_all, never=("expired",)),
        Cell("F4", "a handler that blocks its process", hang, proof=("refused",)),
        Cell(
            "F5",
            "answers of the server lost",
            lose_answers,
            proof=("already",),
            has_proxies=True,
        ),
        Cell(
            "F6",
            "a process cut off from the server",
            cut_off,
            proof=("TimeoutError",),
            has_proxies=True,
        ),
        Cell(
            "F7",
            "a slow way to the server that breaks",
            slow_down,
            proof=("ConnectionError",),
            has_proxies=True,
        ),
        Cell("F8", "kill -9 of the server", kill_the_server, proof=_BROKEN),
        Cell("F9", "SIGSTOP of the server", stop_the_server, proof=("TimeoutError",)),
        Cell(
            "F10",
            "SCRIPT FLUSH, CLIENT KILL, CLIENT PAUSE",
            flush_and_hang_up,
            proof=("NoScriptError",),
        ),
        Cell(
            "F11",
            "fail-over to a replica that was cut off, safe",
            fail_over,
            proof=("unsafe", "NoReplicasError"),
            options=("--min-replicas-to-write", "1", "--min-replicas-max-lag", "10"),
            has_sentinels=True,
            durability="safe",
        ),
        Cell(
            "F12",
            "fail-over to a replica that was cut off, fast",
            fail_over,
            proof=_BROKEN,
            has_sentinels=True,
            loses=True,
        ),
        Cell(
            "F12c",
            "kill -9 of a primary of a cluster, safe",
            kill_a_primary,
            proof=_BROKEN,
            has_cluster=True,
            durability="safe",
        ),
        Cell(
            "F13",
            "a power cut: the server forgets 1 to 2 seconds",
            cut_power,
            proof=_BROKEN,
            options=("--aof-timestamp-enabled", "yes"),
            loses=True,
        ),
        Cell("F14", "maxmemory reached", fill_up, proof=("OutOfMemoryError",)),
        Cell("F16", "clocks wrong by an hour", set_clocks, proof=("expired",)),
        Cell("F17", "updates again, two polls at once", repeat, proof=("again",)),
        Cell(
            "F18",
            "messages that end their process",
            poison,
            proof=("orphan",),
            deaths=CODES,
        ),
        Cell("F19", "old and new versions at once", deploy_the_next, proof=("parked",)),
    )
}
