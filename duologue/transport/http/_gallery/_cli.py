"""The terminal command of the gallery: serve it on this machine until Ctrl+C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import webbrowser

from duologue.actors import ActorSystem, Workers
from duologue.errors import AddressInUseError, AddressNotAvailableError
from duologue.transport._server import serve
from duologue.transport.http._gallery._site import gallery

WRONG_USE = 2
_LAST_PORT = 65_535
_GRACE = 0.5  # seconds; a thread that works on does not hold the end up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `duologue operations-demo` to a parser."""
    parser.add_argument(
        "--port", type=_port, default=0, help="port to listen on (a free one)"
    )
    parser.add_argument(
        "--open", action="store_true", help="open the page in the browser"
    )


def main(args: argparse.Namespace) -> int:
    """Serve the gallery until SIGINT or SIGTERM.

    Returns:
        0 after a signal; 2 when it cannot start, with one line on stderr that says
        what to do.
    """
    try:
        asyncio.run(_serve(int(args.port), opens=bool(args.open)))
    except (AddressInUseError, AddressNotAvailableError) as error:
        sys.stderr.write(f"duologue operations-demo: {error}; check --port\n")
        return WRONG_USE
    return 0


async def _serve(port: int, *, opens: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with (
        ActorSystem() as system,
        Workers(system, grace=_GRACE) as workers,
        serve(gallery(workers), port=port) as place,
    ):
        sys.stdout.write(
            f"Long operations, live in the browser: {place.url}\nCtrl+C ends it.\n"
        )
        sys.stdout.flush()
        if opens:
            # Starting a browser may take a while and must not hold up the page.
            await asyncio.to_thread(webbrowser.open, place.url)
        await stop.wait()


def _port(raw: str) -> int:
    if not raw.isdecimal() or int(raw) > _LAST_PORT:
        wanted = f"a port is a number between 0 and {_LAST_PORT}"
        raise argparse.ArgumentTypeError(f"{wanted}, not {raw!r}")
    return int(raw)
