"""What Redis has to do for presses, and what several processes on one server do together."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from clicks import FIRST_CHAT, Job
from engines import opened, polling
from latencies import Latencies
from max_null import clicked
from redis_process import Process
from redis_server import RedisServer, Script

from duologue.actors import Engine
from duologue.transport.redis import RedisEngine

_PATIENCE = 120.0
_GLANCE = 0.02
_SETTLING = 1.0
_LINGER = 1.5
# What a process that is killed is in the middle of.
_HANDLER = 0.05
_PAUSE = 0.01
_CHATS = 400
_MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class OnServer:
    """Makes engines on a server, each for itself.

    Attributes:
        server: The server.
    """

    server: RedisServer

    def __call__(self, _: Path) -> Engine:
        """Make one."""
        return RedisEngine(self.server.url, namespace=secrets.token_hex(4))


async def server_time(server: RedisServer, job: Job) -> float:
    """How many µs of the server's processor a press takes."""
    async with polling(OnServer(server), job.data_kb) as bot:
        rounds = await opened(bot, job)
        before = server.processor_time()
        for updates in rounds:
            await bot.work_off(updates)
        await asyncio.sleep(0)
        return (server.processor_time() - before) / job.clicks / _MICRO


async def scripts(server: RedisServer, job: Job) -> dict[str, Script]:
    """How often each script runs in presses, and how long it takes."""
    noted: dict[str, Script] = {}
    async with polling(OnServer(server), job.data_kb) as bot:
        rounds = await opened(bot, job)
        with server.noting(noted):
            for updates in rounds:
                await bot.work_off(updates)
    return noted


async def idle_share(server: RedisServer, seconds: float) -> float:
    """By how much of a core the server is busier when a process does nothing there."""

    async def share() -> float:
        before = server.processor_time()
        await asyncio.sleep(seconds)
        return (server.processor_time() - before) / seconds

    alone = await share()
    async with polling(OnServer(server)):
        await asyncio.sleep(_SETTLING)
        return max(await share() - alone, 0.0)


@dataclass(frozen=True, slots=True)
class Pressed:
    """What some processes have done together.

    Attributes:
        wall: Presses a second.
        each: Presses a second of processor time of one process.
    """

    wall: float
    each: float


def pressed(server: RedisServer, processes: int, job: Job) -> Pressed:
    """Have each press come to any of the processes, as fast as they take them."""
    with _processes(server, processes) as (folder, workers):
        views = _opened(workers, job.everywhere)
        updates = [
            (chat + number, clicked(chat, number * job.chats + chat, views[chat]))
            for number in range(job.each)
            for chat in job.everywhere
        ]
        for own, worker in enumerate(workers):
            file = folder / str(own)
            lines = [line for turn, line in updates if turn % processes == own]
            file.write_bytes(b"\n".join(lines))
            worker.tell("prepare", file=str(file))
        goal = job.clicks + _requests(workers)
        began = time.monotonic()
        for worker in workers:
            worker.tell("go")
        _wait_for(workers, goal)
        wall = time.monotonic() - began
        seconds = [
            cast("float", worker.tell("status")["seconds"]) for worker in workers
        ]
    return Pressed(job.clicks / wall, job.clicks * processes / sum(seconds) / processes)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What users see when one of two processes is killed.

    Attributes:
        in_flight: Seconds from the kill until each press is answered that was on its
            way there.
        before: How long presses took before.
        others: How long those took after that, in chats which that process did not have.
    """

    in_flight: list[float]
    before: Latencies
    others: Latencies


def taken_over(server: RedisServer, lease: float, seconds: float) -> TakenOver:
    """Kill one of two processes, which has had every other press until then.

    Args:
        server: The server.
        lease: Seconds after which it is gone.
        seconds: How long presses come before.
    """
    chats = range(FIRST_CHAT, FIRST_CHAT + _CHATS)
    with _processes(server, 2, lease=lease, handler=_HANDLER) as (folder, workers):
        survivor, victim = workers
        views = _opened(workers, chats)
        number = round((seconds + 2 * lease) / _PAUSE)
        pressing = list(itertools.islice(itertools.cycle(chats), number))
        for own, worker in enumerate(workers):
            file = folder / str(own)
            file.write_bytes(
                b"\n".join(
                    b"%d %f %b" % (n, n * _PAUSE, clicked(chat, n, views[chat]))
                    for n, chat in enumerate(pressing)
                    if n % 2 == own or (worker is survivor and n * _PAUSE > seconds)
                )
            )
            worker.tell("prepare", file=str(file))
            worker.tell("speak")
        for worker in workers:
            worker.tell("go in time")
        time.sleep(seconds)
        killed = victim.kill()
        time.sleep(2 * lease)
        accepted = _all_answered(workers)
    return _judged(pressing, killed, accepted, survivor.shown, victim.shown)


def _all_answered(workers: Sequence[Process]) -> dict[int, float]:
    """Wait until all presses are answered that were accepted; tell when they came."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        accepted, shown = workers[0].accepted.copy(), workers[0].shown.copy()
        for worker in workers[1:]:
            accepted |= worker.accepted
            shown |= worker.shown
        if accepted.keys() <= shown.keys():
            return accepted
        time.sleep(_GLANCE)
    raise RuntimeError("a press was never answered")


def _judged(
    chats: Sequence[int],
    killed: float,
    accepted: dict[int, float],
    survived: dict[int, float],
    died: dict[int, float],
) -> TakenOver:
    """Tell the presses that had to wait from all others."""
    shown = survived | died
    in_flight = {
        number
        for number, at in accepted.items()
        if at < killed < shown[number] and shown[number] - killed > 4 * _HANDLER
    }
    waiting = {chats[number] for number in in_flight}
    waiting |= {chats[n] for n, at in died.items() if at > killed - _LINGER - _HANDLER}
    before = [shown[n] - at for n, at in accepted.items() if shown[n] < killed]
    others = [
        shown[n] - at
        for n, at in accepted.items()
        if at > killed and chats[n] not in waiting
    ]
    answered = [shown[number] - killed for number in sorted(in_flight)]
    return TakenOver(answered, Latencies(before), Latencies(others))


@contextmanager
def _processes(
    server: RedisServer, number: int, *, lease: float = 10.0, handler: float = 0.0
) -> Iterator[tuple[Path, list[Process]]]:
    """Processes of one bot, and a folder for them."""
    namespace = secrets.token_hex(4)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workers: list[Process] = []
        for _ in range(number):
            worker = Process(server.url, namespace, lease=lease, handler=handler)
            stack.callback(worker.end)
            workers.append(worker)
        for worker in workers:
            worker.tell("status")
        time.sleep(_SETTLING)  # until they know of each other
        yield Path(folder), workers


def _opened(workers: Sequence[Process], chats: range) -> dict[int, dict[str, object]]:
    """Open the dialog in each chat; tell what is shown there, by whichever process."""
    workers[0].tell("open", chats=[chats.start, chats.stop])
    _wait_for(workers, len(chats))
    views: dict[int, dict[str, object]] = {}
    for worker in workers:
        found = cast("dict[str, dict[str, object]]", worker.tell("views")["views"])
        views |= {int(chat): view for chat, view in found.items()}
    return views


def _requests(workers: Sequence[Process]) -> int:
    return sum(cast("int", worker.tell("status")["requests"]) for worker in workers)


def _wait_for(workers: Sequence[Process], requests: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while _requests(workers) < requests:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{_requests(workers)} requests of {requests}")
        time.sleep(_GLANCE)
