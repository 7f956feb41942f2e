"""What is used of the client of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Protocol, TypeAlias

from duologue.transport.redis._wire._commands import Word

Argument: TypeAlias = Word


class Pipeline(Protocol):
    """Commands that are sent together."""

    def execute_command(self, *args: Argument) -> object:
        """Add a command."""
        ...

    def execute(self, raise_on_error: bool = ...) -> Awaitable[list[object]]:  # noqa: FBT001
        """Send them, and return the answer to each."""
        ...


class Subscription(Protocol):
    """A connection on which one listens."""

    def subscribe(self, channel: str) -> Awaitable[object]:
        """Listen to a channel."""
        ...

    def listen(self) -> AsyncIterator[Mapping[str, object]]:
        """What is said."""
        ...

    async def aclose(self) -> None:
        """Listen no more."""
        ...


class Connection(Protocol):
    """A connection to one server, which it makes anew when it is needed."""

    @property
    def is_connected(self) -> bool:
        """Whether it leads to a server now."""
        ...

    def connect(self) -> Awaitable[object]:
        """Find the server, and connect to it."""
        ...

    def send_packed_command(self, command: Sequence[bytes]) -> Awaitable[object]:
        """Send something that is written already."""
        ...

    def read_response(self, *, timeout: float) -> Awaitable[object]:
        """Wait for the next answer."""
        ...

    def disconnect(self) -> Awaitable[object]:
        """Leave the server."""
        ...


class Pool(Protocol):
    """The connections of a client of one server."""

    def get_connection(self) -> Awaitable[Connection]:
        """Take one."""
        ...


class Client(Protocol):
    """The client of a server."""

    @property
    def connection_pool(self) -> Pool:
        """Its connections."""
        ...

    def pipeline(self, transaction: bool = ...) -> Pipeline:  # noqa: FBT001
        """Begin to gather commands."""
        ...

    def execute_command(self, *args: Argument) -> Awaitable[object]:
        """Send a command by itself."""
        ...

    def pubsub(self) -> Subscription:
        """A connection on which one listens."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...
