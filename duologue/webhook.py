"""A program that is nothing but bots: a messenger brings their updates until told to stop."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web

from duologue._program import Program, wait_for_end
from duologue.dialogs import Bot
from duologue.errors import RuntimeSettingError
from duologue.transport._server import LOOPBACK, serve
from duologue.transport.webhook._receiving import check_url

__all__ = ["Webhook"]

_SILENCE = 20.0  # seconds for the headers of the first request of a connection
_GRACE = 1.0  # seconds for answers that are on their way, when all turns have ended


class Webhook(Program):
    """Has updates brought by the messenger, and runs the dialogs.

    Args:
        dispatcher: The routers and dialogs.
        engine: Where mailboxes and state are; see `Runtime`. By default what the
            environment variable `DUOLOGUE_ENGINE` says, or a file in `state_dir`, so that
            an update is safe, and acknowledged, before it is handled.
        settings: How conversations behave.
        state_dir: Where that file is; see `Runtime`.
        drain: Seconds for finishing after a signal to stop.
        on_error: Told of errors that nobody awaits; see `Runtime`.
        metrics_port: Where metrics and health are shown; see `Runtime`.

    Raises:
        RuntimeSettingError: The dispatcher, the hook or the time is something else.
        EngineNotAvailableError: The engine is none that this version has.
    """

    def run(
        self,
        *bots: Bot,
        url: str,
        host: str = LOOPBACK,
        port: int = 8080,
        secret: str | None = None,
        types: Sequence[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        reuse_port: bool = False,
    ) -> None:
        """Run until SIGINT or SIGTERM; then finish what has begun and return.

        A second signal ends the program at once, without any clean-up. Call it from
        the main thread, where no event loop runs. When the bots work it says so, and
        where their state is, in one line on standard error, unless logging is set up:
        then the log has it. The webhook stays set: what comes meanwhile comes again.

        Args:
            bots: The bots.
            url: The address that the messenger calls, `https://bot.example/max`. With
                several bots it holds `{bot}`, which becomes `max.42`.
            host: Where to listen: by default on this machine only, for a proxy.
            port: The port there.
            secret: What the messenger sends along; by default one that is made of the
                bot's token, the same in every process.
            types: Which updates to ask for, in the messenger's words; by default
                those that somebody handles.
            certificate: A file with the chain of certificates, in PEM, where no proxy
                speaks TLS.
            key: The file with its private key.
            reuse_port: Whether another program that says so too may listen there at the
                same time: in a deploy the next one begins before this one ends. For
                programs that share an engine.

        Raises:
            RuntimeSettingError: There is no bot, this is no place to run, or one of these
                cannot be used.
            AddressInUseError: Another program holds the port.
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            BadRequestError: A messenger does not want the webhook.
            StateFileError: The state cannot be kept in its file, or read from it.
            EngineServerError: The server of the engine is not what is needed.
        """
        tls = _tls(certificate, key)
        self._run(
            partial(
                self._serve,
                bots,
                url=url,
                host=host,
                port=port,
                secret=secret,
                types=types,
                tls=tls,
                reuse_port=reuse_port,
            )
        )

    async def start(
        self,
        *bots: Bot,
        url: str,
        host: str = LOOPBACK,
        port: int = 8080,
        secret: str | None = None,
        types: Sequence[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        reuse_port: bool = False,
    ) -> None:
        """Run until cancelled, without touching signals; see `run`."""
        await self._serve(
            bots,
            url=url,
            host=host,
            port=port,
            secret=secret,
            types=types,
            tls=_tls(certificate, key),
            reuse_port=reuse_port,
        )

    async def _serve(
        self,
        bots: Sequence[Bot],
        *,
        url: str,
        host: str,
        port: int,
        secret: str | None,
        types: Sequence[str] | None,
        tls: ssl.SSLContext | None,
        reuse_port: bool,
    ) -> None:
        if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
            raise RuntimeSettingError("reuse_port=", "this system shares no ports")
        runtime = self._runtime(bots, None)
        check_url(url, several=len(bots) > 1)
        door = runtime.webhook(*bots, secret=secret, url=url, types=types)
        app = _mounted(door, urlsplit(url).path.removesuffix("/{bot}").rstrip("/"))
        # The door is open before a messenger hears of it, and until all that has come
        # is answered.
        async with (
            serve(
                app,
                host=host,
                port=port,
                grace=_GRACE,
                silence=_SILENCE,
                tls=tls,
                reuse_port=reuse_port,
            ) as place,
            runtime,
        ):
            await wait_for_end(runtime, "taking updates in")
            if reuse_port:  # the next one has them, and would never refuse them
                await place.listen_no_more()


def _mounted(door: web.Application, path: str) -> web.Application:
    """Put a door where the messenger looks for it."""
    if not path:
        return door
    app = web.Application()
    app.add_subapp(path, door)
    return app


def _tls(
    certificate: str | os.PathLike[str] | None, key: str | os.PathLike[str] | None
) -> ssl.SSLContext | None:
    """Read a certificate.

    Raises:
        RuntimeSettingError: It cannot be used.
    """
    if certificate is None:
        if key is not None:
            raise RuntimeSettingError("key=", "there is no certificate= that it is for")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # also what is wrong with the content
        why = error.strerror or error
        problem = f"{os.fspath(certificate)}: {why}; give files in PEM"
        raise RuntimeSettingError("certificate=", problem) from error
    return context
