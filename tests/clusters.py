"""A cluster of servers: three primaries with a replica each, on ports of this machine."""

from __future__ import annotations

import asyncio
import atexit
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ClassVar

from duologue.transport.redis._keys import Names
from duologue.transport.redis._server import ClusterServer
from duologue.transport.redis._wire._calls import Wire
from duologue.transport.redis._wire._link import Link
from tests.servers import PatientLink, RedisServer, TestedEngine, patience

_PATIENCE = 30.0
_PRIMARIES = 3
_SLOTS = 16384
# Systems give ports above these to connections, and the bus of a node has one, too.
_PORTS = range(12_000, 22_000)
_TO_BUS = 10_000


class RedisCluster:
    """Three servers that share the slots, and a replica of each.

    Args:
        program: The server program.
        options: More options of each server.
        folder: Where they keep everything; a new one by default.
        failover: Seconds after which a primary that says nothing is replaced.
    """

    def __init__(
        self,
        program: str,
        *options: str,
        folder: Path | None = None,
        failover: float = 1.0,
    ) -> None:
        self._made = None if folder else tempfile.mkdtemp(prefix="duologue-")
        self._folder = folder or Path(self._made or "")
        self.ports: list[int] = free_ports(2 * _PRIMARIES)
        self.nodes: list[RedisServer] = [
            self._node(program, port, failover, options) for port in self.ports
        ]
        places = ",".join(f"127.0.0.1:{port}" for port in self.ports[:2])
        self.url: str = f"redis+cluster://{places}"

    def _node(
        self, program: str, port: int, failover: float, options: tuple[str, ...]
    ) -> RedisServer:
        folder = self._folder / str(port)
        place = ("--port", str(port), "--bind", "127.0.0.1")
        cluster = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")
        timing = ("--cluster-node-timeout", str(round(failover * 1000)))
        sync = ("--appendfsync", "everysec", "--repl-diskless-sync-delay", "0")
        return RedisServer(
            program, *place, *cluster, *timing, *sync, *options, folder=folder
        )

    def start(self) -> None:
        """Start all of them, and return when all slots have a primary and a replica."""
        for node in self.nodes:
            node.folder.mkdir(parents=True)
            node.start()
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", str(self.ports[0]))
        step = _SLOTS // _PRIMARIES
        for number in range(_PRIMARIES):
            last = _SLOTS if number == _PRIMARIES - 1 else (number + 1) * step
            first = str(number * step)
            self.nodes[number].ask("CLUSTER", "ADDSLOTSRANGE", first, str(last - 1))
        self._wait_until(lambda node: b"known_nodes:6" in node.ask("CLUSTER", "INFO"))
        for number in range(_PRIMARIES):
            replica = self.nodes[_PRIMARIES + number]
            primary = self.id_of(number)
            while replica.ask("CLUSTER", "REPLICATE", primary) != b"+OK\r\n":
                time.sleep(0.05)  # it has not heard of it yet
        self.settle()

    def settle(self) -> None:
        """Return when all slots are served, and each primary has a replica."""
        self._wait_until(_is_well)
        told = [f":{port}\r\n".encode() for port in self.ports]

        def knows_all(node: RedisServer) -> bool:
            slots = node.ask("CLUSTER", "SLOTS")
            return all(port in slots for port in told)

        self._wait_until(knows_all)

    def stop(self) -> None:
        """End them, and forget what they have kept."""
        for node in self.nodes:
            node.stop()
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def id_of(self, number: int) -> str:
        """What a node calls itself."""
        return self.nodes[number].ask("CLUSTER", "MYID").split(b"\r\n")[1].decode()

    def primaries(self) -> list[int]:
        """The nodes that serve slots now."""
        return [
            number
            for number, node in enumerate(self.nodes)
            if b"role:master" in node.ask("INFO", "replication")
        ]

    def primary_of(self, key: str) -> int:
        """The node that serves a key now."""
        return next(
            number
            for number in self.primaries()
            if not self.nodes[number].ask("EXISTS", key).startswith(b"-")
        )

    def replica_of(self, number: int) -> int:
        """The replica of a primary."""
        name = self.id_of(number).encode()
        return next(
            each
            for each, node in enumerate(self.nodes)
            if b"myself,slave " + name in node.ask("CLUSTER", "NODES")
        )

    def _wait_until(self, holds: Callable[[RedisServer], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not all(holds(node) for node in self.nodes):
            assert time.monotonic() < deadline, self.nodes[0].ask("CLUSTER", "NODES")
            time.sleep(0.05)


def _is_well(node: RedisServer) -> bool:
    about = node.ask("INFO", "replication")
    is_linked = b"master_link_status:up" in about or b"connected_slaves:1" in about
    is_known = b"fail" not in node.ask("CLUSTER", "NODES")
    return is_linked and is_known and b"cluster_state:ok" in node.ask("CLUSTER", "INFO")


def free_ports(number: int) -> list[int]:
    """Ports that nobody has, whose bus has a port too."""
    found: list[int] = []
    while len(found) < number:
        port = secrets.choice(_PORTS)
        if port not in found and _is_free(port) and _is_free(port + _TO_BUS):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@cache
def cluster(program: str) -> RedisCluster:
    """A cluster for all tests of this process."""
    started = RedisCluster(program)
    atexit.register(started.stop)
    started.start()
    return started


class _PatientCluster(ClusterServer):
    link_class: ClassVar[type[Link]] = PatientLink

    async def rung(self, bell: str) -> str | None:
        """Nobody else is there; and a bell rings in no virtual time."""
        await asyncio.Event().wait()
        return bell

    async def connect(self, names: Names) -> Wire:
        with patience():
            return await super().connect(names)


class ClusteredEngine(TestedEngine):
    """The engine on a cluster, by the clock of the loop."""

    _cluster_class: ClassVar[type[ClusterServer]] = _PatientCluster
