"""The one aiohttp server set-up that every HTTP door shares."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from duologue.errors import AddressInUseError, AddressNotAvailableError

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host: The host it is bound to.
        port: The port it is bound to, never 0.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def new_application(*, body_limit: int = BODY_LIMIT) -> web.Application:
    """Make an application that refuses bodies over a limit with 413.

    Args:
        body_limit: The longest request body it reads, in bytes.
    """
    return web.Application(client_max_size=body_limit)


@asynccontextmanager
async def serve(
    app: web.Application,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    keepalive: float = 75.0,
    grace: float = 1.0,
) -> AsyncGenerator[Address]:
    """Serve an application for as long as the block runs.

    At the end the socket closes, ``app.on_shutdown`` runs (a door with long polls
    ends them there), and requests that are still in progress after the grace
    period are cancelled.

    Args:
        app: What to serve.
        host: The address to bind, loopback unless said otherwise.
        port: The port to bind; 0 picks a free one.
        keepalive: How long an idle connection stays open, in seconds.
        grace: How long requests in progress may take at the end, in seconds.

    Yields:
        Where it listens.

    Raises:
        AddressInUseError: Another program holds the port.
        AddressNotAvailableError: Nothing can listen there.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        keepalive_timeout=keepalive,
        shutdown_timeout=grace,
    )
    await runner.setup()
    try:
        yield await _listen(runner, host, port)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> Address:
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(host, port) from error
        reason = error.strerror or str(error)
        raise AddressNotAvailableError(host, port, reason) from error
    return Address(host, int(runner.addresses[0][1]))
