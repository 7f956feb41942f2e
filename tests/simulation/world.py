"""Several processes, a network, a server and whoever hurts them: one simulation."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from duologue.actors.testing import VirtualLoop
from duologue.transport.redis._wire._envelopes import unpack
from tests.simulation.loop import Process, SimulatedLoop, determined
from tests.simulation.network import SimulatedNetwork
from tests.simulation.plan import Plan
from tests.simulation.records import Records, Source
from tests.simulation.server import SimulatedServer
from tests.simulation.worker import Worker

_LONGEST: Final = 300.0  # seconds in which all messages have to have come in
PATIENCE: Final = 60.0
"""Seconds in which nothing may be left to do, after all faults have ended."""

# What may stay when all processes have ended: states, ids that are known, and sums.
_KEPT: Final = (":s:", ":d:", ":n", ":meta", ":kinds", ":bell", ":processes", ":probe")
# What is there while something is left to do.
_WORK: Final = (":m:", ":o:", ":x:", ":tmr", ":lea", ":own", ":rdy")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a simulation.

    Attributes:
        records: What happened.
        states: The state of each actor: what its turns have added to it.
        rows: The same of each screen: what has been drawn on it.
        dead: The ids of what was set aside, and why.
        left: What is kept though nothing is left to do.
        met: How often what faults are to bring about has come about.
        seconds: Virtual seconds from the last fault until nothing was left to do.
    """

    records: Records
    states: dict[str, Sequence[str]]
    rows: dict[str, Sequence[str]]
    dead: Sequence[tuple[str, str]]
    left: Sequence[str]
    met: Counter[str]
    seconds: float


class World:
    """One simulation.

    Args:
        plan: What is to happen.
        loop: The loop.
        server: The server.

    Attributes:
        workers: The processes that have not been killed.
    """

    def __init__(
        self, plan: Plan, loop: SimulatedLoop, server: SimulatedServer
    ) -> None:
        self.plan: Plan = plan
        self.loop: SimulatedLoop = loop
        self.server: SimulatedServer = server
        self.random = random.Random(f"world {plan.seed}")  # noqa: S311
        self.records = Records()
        self.network = SimulatedNetwork(
            loop,
            server,
            random.Random(f"network {plan.seed}"),  # noqa: S311
            self.records.heard,
        )
        loop.network = self.network
        loop.set_exception_handler(self._broke)
        self.workers: list[Worker] = []
        self.sources = [Source(batches) for batches in plan.sources]
        self._processes: list[Process] = []
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._began = 0

    async def run(self, strikes: Sequence[Strike]) -> Outcome:
        """Let everything happen, and see what came of it.

        Args:
            strikes: What is done to processes, network and server, one after the other.
        """
        for _ in range(self.plan.processes):
            self.start()
        for strike in strikes:
            self._assign_all()
            await asyncio.sleep(self.random.uniform(0.2, 1.5))
            self.records.note(f"-- {strike.__name__}")
            await strike(self)
        await self._messages_in()
        seconds = await self._all_done()
        for worker in self.workers.copy():
            self.stop(worker)
        _, late = await asyncio.wait(self._runs.values(), timeout=30)
        if late:
            self.records.fault("stuck", f"{len(late)} processes did not end")
        outcome = self._outcome(seconds)
        await self._bury()
        return outcome

    async def _messages_in(self) -> None:
        """Wait until all messages are acknowledged."""
        while not all(source.is_done for source in self.sources):
            if self.loop.time() > _LONGEST:
                self.records.fault("stuck", "not all messages could be brought")
                return
            self._assign_all()
            await asyncio.sleep(1.0)

    async def _all_done(self) -> float:
        """Wait until nothing is left to do; tell for how many seconds."""
        began = self.loop.time()
        while self._left(_WORK):
            if self.loop.time() - began > PATIENCE:
                self.records.fault("stuck", " ".join(self._left(_WORK)))
                break
            await asyncio.sleep(0.25)
        return self.loop.time() - began

    # What may be done to processes.

    def start(self) -> None:
        """Begin a process."""
        self._began += 1
        process = Process(f"p{self._began}")
        worker = Worker(process, self.plan, self.records, self.sources)
        self.workers.append(worker)
        self._processes.append(process)
        self._runs[process.name] = self.loop.begin(process, worker.run())

    def kill(self, worker: Worker) -> None:
        """End a process as SIGKILL does."""
        self.workers.remove(worker)
        worker.process.is_paused = True
        self.lost(worker)
        for connection in self.network.of(worker.process):
            connection.abandon()
        del self._runs[worker.process.name]

    def lost(self, worker: Worker) -> None:
        """What a process has at hand may be taken over by others."""
        self.records.deaths.update(worker.at_work)

    def stop(self, worker: Worker) -> None:
        """End a process in order, as SIGTERM does."""
        self.workers.remove(worker)
        worker.process.context.copy().run(worker.stop)

    def _assign_all(self) -> None:
        """Have each source served by a process that is there."""
        alive = [w.process.name for w in self.workers if not w.process.is_paused]
        for source in self.sources:
            if alive and not set(source.takers) & set(alive):
                source.takers = [self.random.choice(alive)]

    # What is found in the end.

    def _broke(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self.records.fault("crash", f"{context.get('message')}: {error!r}")

    def _left(self, parts: Sequence[str]) -> list[str]:
        return [
            key for key in self.server.names() if any(part in key for part in parts)
        ]

    def _outcome(self, seconds: float) -> Outcome:
        states: dict[str, Sequence[str]] = {}
        rows: dict[str, Sequence[str]] = {}
        dead: list[tuple[str, str]] = []
        left: list[str] = []
        for name in self.server.names():
            value = self.server.value(name)
            rest = name.partition("}")[2]
            if rest.startswith(":s:"):
                assert isinstance(value, bytes)
                states[rest[3:]] = value[16:].decode().splitlines()
            elif rest.startswith(":r:"):
                assert isinstance(value, bytes)
                rows[f"screen/{rest[3:]}"] = value.decode().splitlines()
            elif rest == ":dead":
                assert isinstance(value, list)
                dead += [_dead(each) for each in value]
            elif not rest.startswith(_KEPT) and ":h:" not in name:
                left.append(name)
        left = [key for key in left if ":u:" not in key or self._is_left(key)]
        met = self.server.met
        return Outcome(self.records, states, rows, dead, left, met, seconds)

    def _is_left(self, unit: str) -> bool:
        """Whether a unit is kept though it has no screen that has drawn something."""
        return self.server.value(unit.replace(":u:", ":r:")) is None

    async def _bury(self) -> None:
        """Let those end that have been killed, where nobody sees it any more."""
        self.network.is_down = True
        for connection in self.network.connections.copy():
            connection.reset()
        for process in self._processes:
            self.loop.resume(process)
        while left := [
            task
            for process in self._processes
            for task in process.tasks
            if not task.done()
        ]:
            for task in left:
                task.cancel()
            await asyncio.sleep(1.0)


class Strike(Protocol):
    """Something that is done to processes, network or server, and undone."""

    __name__: str

    async def __call__(self, world: World) -> None: ...


def _dead(data: bytes) -> tuple[str, str]:
    """The id of what was set aside, and why."""
    size = int.from_bytes(data[:4])
    return unpack(data[4 + size :]).mail.id, data[4 : 4 + size].decode()


def simulate(plan: Plan, strikes: Sequence[Strike], server: SimulatedServer) -> Outcome:
    """Run a simulation.

    Args:
        plan: What is to happen.
        strikes: What is done to processes, network and server, one after the other.
        server: The server, which is new.
    """
    loop = SimulatedLoop()
    logging.disable(logging.CRITICAL)

    def now() -> float:
        return VirtualLoop.wall_time(loop) + server.clock

    try:
        with determined(plan.seed, now):
            world = World(plan, loop, server)
            return loop.run_until_complete(world.run(strikes))
    finally:
        logging.disable(logging.NOTSET)
        loop.close()
