"""The one aiohttp server set-up that every HTTP door shares."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from duologue.errors import AddressInUseError, AddressNotAvailableError

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 1024 * 1024
CONNECTIONS = 500
"""Far below the 1,024 files that a process may have open on most systems."""
_OWN = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  # what stands for all of them


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a server listens.

    Attributes:
        host: The host it is bound to.
        port: The port it is bound to, never 0.
        scheme: How it is spoken to: `http` or `https`.
        site: What listens, if anything does.
    """

    host: str
    port: int
    scheme: str = "http"
    site: web.BaseSite | None = field(default=None, repr=False, compare=False)

    async def listen_no_more(self) -> None:
        """Leave new connections to others; those that there are stay."""
        if self.site is not None:
            await self.site.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def own_url(self) -> str:
        """The base URL for programs of this machine, also of a server at all addresses."""
        return replace(self, host=_OWN.get(self.host, self.host)).url


def new_application(
    *, body_limit: int = BODY_LIMIT, middlewares: Sequence[Middleware] = ()
) -> web.Application:
    """Make an application that refuses long bodies with 413, compressed ones with 415.

    Both hold where it is mounted in another application, too. There the server of the
    application inflates a compressed body as far as it reads ahead, and no further.

    Args:
        body_limit: The longest request body it reads, in bytes.
        middlewares: What is around its handlers, the outermost first.
    """
    guards = (_leave_compressed, *middlewares, _bodies(body_limit))
    return web.Application(client_max_size=body_limit, middlewares=guards)


def _is_compressed(request: web.Request) -> bool:
    encodings = request.headers.getall("Content-Encoding", [])
    return any(encoding.strip().lower() != "identity" for encoding in encodings)


@web.middleware
async def _leave_compressed(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Answer a compressed request, whatever the answer, and close its connection.

    A server of aiohttp reads on after the answer, for ten seconds or to the end of the
    body, and inflates what it reads: a megabyte becomes a gigabyte.
    """
    if not _is_compressed(request):
        return await handler(request)
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        await answer_and_leave(request, refusal)
        raise
    await answer_and_leave(request, response)
    return response


async def answer_and_leave(request: web.Request, response: web.StreamResponse) -> None:
    """Answer, close the connection, and read nothing of what may still come."""
    response.force_close()
    with suppress(ConnectionError):  # nobody waits for it any more
        await response.prepare(request)
        await response.write_eof()
    # What is written still goes out; nothing is read any more.
    request.protocol.force_close()


def _bodies(limit: int) -> Middleware:
    """Keep bodies within a limit, which for one that is mounted its root would set."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_compressed(request):
            raise web.HTTPUnsupportedMediaType(text="send it without compression")
        if request.client_max_size != limit:
            request = request.clone(client_max_size=limit)
        return await handler(request)

    return check


@asynccontextmanager
async def serve(
    app: web.Application,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    keepalive: float = 75.0,
    grace: float = 1.0,
    connections: int = CONNECTIONS,
    silence: float | None = None,
    tls: ssl.SSLContext | None = None,
    reuse_port: bool = False,
) -> AsyncGenerator[ListenAddress]:
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
        connections: How many there may be at once; what comes beyond is closed.
        silence: Seconds in which the first request of a connection has to be there, its
            headers at least; None to wait for ever.
        tls: What speaks TLS; None for plain HTTP.
        reuse_port: Whether other programs that say so too may listen there as well.

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
        auto_decompress=False,
    )
    silent = _Silent(silence)
    app.middlewares.insert(0, silent.heard)
    await runner.setup()
    try:
        site = _Site(
            runner,
            host,
            port,
            connections=connections,
            silent=silent,
            tls=tls,
            reuse_port=reuse_port,
        )
        yield await _listen(site)
    finally:
        await runner.cleanup()


class _Site(web.BaseSite):
    """Where a server listens, to so many connections at once and no more."""

    __slots__ = ("_most", "_shares", "_silent", "host", "port")

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        *,
        connections: int,
        silent: _Silent,
        tls: ssl.SSLContext | None,
        reuse_port: bool,
    ) -> None:
        super().__init__(runner, ssl_context=tls)
        self._shares = reuse_port
        self.host = host
        self.port = port
        self._most = connections
        self._silent = silent

    @property
    def scheme(self) -> str:
        """How it is spoken to."""
        return "http" if self._ssl_context is None else "https"

    @property
    def name(self) -> str:
        """The address that was asked for."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def bound_port(self) -> int:
        """The port it is bound to."""
        assert isinstance(self._server, asyncio.Server)  # noqa: S101  # it has started
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Begin to listen."""
        await super().start()
        server = self._runner.server
        assert server is not None  # noqa: S101  # the runner is set up

        def accept() -> asyncio.BaseProtocol:
            if len(server.connections) >= self._most:
                return _Refusal()
            return self._silent.watched(server())

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            accept,
            self.host,
            self.port,
            backlog=self._backlog,
            ssl=self._ssl_context,
            reuse_port=self._shares or None,  # no system is asked for it in vain
        )


class _Silent:
    """Closes connections that send nothing for too long; aiohttp waits for ever.

    Between two requests it does close them, so only the first one is waited for here.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._waiting: dict[object, asyncio.TimerHandle] = {}

    def watched(self, protocol: web.RequestHandler) -> web.RequestHandler:
        """Wait for the first request of a connection."""
        if self._seconds is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._seconds, self._give_up, protocol)
            self._waiting[protocol] = timer
        return protocol

    @property
    def heard(self) -> Middleware:
        """What notes that a request has come."""

        @web.middleware
        async def heard(request: web.Request, handler: Handler) -> web.StreamResponse:
            timer = self._waiting.pop(request.protocol, None)
            if timer is not None:
                timer.cancel()
            return await handler(request)

        return heard

    def _give_up(self, protocol: web.RequestHandler) -> None:
        del self._waiting[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()


class _Refusal(asyncio.Protocol):
    """Closes a connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def _listen(site: _Site) -> ListenAddress:
    host, port = site.host, site.port
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(host, port) from error
        reason = error.strerror or str(error)
        raise AddressNotAvailableError(host, port, reason) from error
    return ListenAddress(host, site.bound_port, site.scheme, site)
