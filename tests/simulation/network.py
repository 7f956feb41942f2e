"""A network in memory: it is slow, breaks, loses answers and brings late what was sent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from contextvars import Context

from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.server import Session, SimulatedServer

_GAP = 0.000001  # seconds between two pieces that follow one another
_LATE = 0.02  # seconds


class Connection(asyncio.Transport):
    """A connection of a process, in both directions.

    Args:
        network: The network.
        process: Whose it is.
        protocol: What takes the answers.
    """

    def __init__(
        self, network: SimulatedNetwork, process: Process, protocol: asyncio.Protocol
    ) -> None:
        super().__init__()
        self._network = network
        self._protocol = protocol
        self._context: Context = process.context.copy()
        self.process = process
        self._session: Session | None = Session(network.server, self._say)
        self._asked: deque[bytes] = deque()
        self._answers: deque[bytes] = deque()
        self._up_until = self._down_until = 0.0
        self._is_closing = False
        self._is_reading = True
        self._held: list[bytes] = []
        self._said: list[bytes] = []
        self.is_deaf = False  # whether the next answer is lost, and it breaks

    # What the client does.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closing:
            return
        for part in self._network.parts(bytes(data)):
            self._asked.append(part)
            self._up_until = self._network.at(self._up_until)
            self._network.loop.call_at(
                self._up_until, self._bring, context=self._network.context
            )

    def close(self) -> None:
        """Leave: what was sent before arrives all the same."""
        self._close(None)

    def abort(self) -> None:
        self._close(None)

    def is_closing(self) -> bool:
        return self._is_closing

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        raise NotImplementedError

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """There are none."""

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True
        held, self._held = self._held, []
        for data in held:
            self._protocol.data_received(data)

    def _close(self, error: Exception | None) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        loop = self._network.loop
        loop.call_soon(self._protocol.connection_lost, error, context=self._context)
        self._network.left(self)
        self._up_until = self._network.at(self._up_until)
        loop.call_at(self._up_until, self._bring_end, context=self._network.context)

    # What the network does.

    def begin(self) -> None:
        """Tell the client that it is connected."""
        self._protocol.connection_made(self)

    def reset(self) -> None:
        """Break: what is under way is lost in both directions."""
        self._asked.clear()
        self.end_session()
        self._answers.clear()
        self._network.loop.call_soon(
            self._close,
            ConnectionResetError(104, "reset by peer"),
            context=self._context,
        )

    def abandon(self) -> None:
        """The process has been killed: the system says so to the server."""
        self._is_closing = True
        self._network.left(self)
        self._up_until = self._network.at(self._up_until)
        self._network.loop.call_at(
            self._up_until, self._bring_end, context=self._network.context
        )

    def end_session(self) -> None:
        """The server knows nothing of it any more."""
        if self._session is not None:
            self._session.end()
            self._session = None

    def go_on(self) -> None:
        """Bring what was held up."""
        for _ in range(len(self._asked)):
            self._bring()
        for _ in range(len(self._answers)):
            self._bring_answer()

    def _is_held(self) -> bool:
        is_held = self.process.is_cut_off or self._network.is_still
        self._network.met["came late"] += is_held
        return is_held

    def _bring(self) -> None:
        """Have the server do the next part of what was asked for."""
        if self._session is None or not self._asked or self._is_held():
            return
        data = self._asked.popleft()
        self._network.met["at a wrong time"] += bool(self.process.clock)
        self._network.note(self.process, "asks", data)
        self._session.take(data)
        self._flush()

    def _bring_end(self) -> None:
        if self._is_held():
            self._network.loop.call_later(1.0, self._bring_end)
            return
        while self._asked:
            self._bring()
        self.end_session()

    def _say(self, data: bytes) -> None:
        if not self._said:
            self._network.loop.call_soon(self._flush, context=self._network.context)
        self._said.append(data)

    def _flush(self) -> None:
        """Send what the server has said on its way."""
        data = b"".join(self._said)
        self._said.clear()
        if not data or self._is_closing:
            return
        if self.is_deaf:
            self._network.met["answer lost"] += 1
            self.reset()
            return
        for part in self._network.parts(data):
            self._answers.append(part)
            self._down_until = self._network.at(self._down_until)
            self._network.loop.call_at(
                self._down_until, self._bring_answer, context=self._network.context
            )

    def _bring_answer(self) -> None:
        if self._is_closing or not self._answers or self._is_held():
            return
        data = self._answers.popleft()
        self._network.note(self.process, "hears", data)
        self._network.loop.call_soon(self._hear, data, context=self._context)

    def _hear(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self._is_reading:
            self._protocol.data_received(data)
        else:
            self._held.append(data)


class SimulatedNetwork:
    """The ways between processes and a server.

    Args:
        loop: The loop.
        server: The server.
        source: Where its delays come from.
        note: Is told of everything that arrives.

    Attributes:
        met: How often what a fault is to bring about has come about.
        slowest: The most seconds that something is under way.
        is_down: Whether the server takes no connections.
        is_still: Whether the server does nothing.
    """

    def __init__(
        self,
        loop: SimulatedLoop,
        server: SimulatedServer,
        source: random.Random,
        note: Callable[[Process, str, bytes], None],
    ) -> None:
        self.loop = loop
        self.server = server
        self.note = note
        self.context = Context()
        self.met: Counter[str] = server.met
        self.slowest: float = 0.002
        self.is_down = False
        self.is_still = False
        self._source = source
        self.connections: list[Connection] = []

    async def connect(
        self, process: Process | None, protocol: asyncio.Protocol
    ) -> asyncio.Transport:
        """Connect a process to the server."""
        assert process is not None
        await asyncio.sleep(self._source.uniform(0, self.slowest))
        while process.is_cut_off:  # noqa: ASYNC110  # the network sees it, not the process
            await asyncio.sleep(0.25)
        if self.is_down:
            raise ConnectionRefusedError(111, "refused")
        connection = Connection(self, process, protocol)
        self.connections.append(connection)
        connection.begin()
        return connection

    def left(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection in self.connections:
            self.connections.remove(connection)

    def of(self, process: Process) -> list[Connection]:
        """The connections of a process."""
        return [each for each in self.connections if each.process is process]

    def at(self, last: float) -> float:
        """When something arrives that is sent now, behind what arrives last."""
        delay = self._source.uniform(0, self.slowest)
        self.met["came late"] += delay > _LATE
        return max(self.loop.time() + delay, last + _GAP)

    def parts(self, data: bytes) -> list[bytes]:
        """What is sent at once may arrive in pieces."""
        if len(data) < 2 or self._source.random() < 0.7:
            return [data]
        cut = self._source.randrange(1, len(data))
        return [data[:cut], data[cut:]]

    def break_all(self) -> None:
        """Break all connections."""
        for connection in self.connections.copy():
            self.met["connection broken"] += 1
            connection.reset()

    def go_on(self) -> None:
        """Bring all that was held up."""
        for connection in self.connections.copy():
            connection.go_on()
