"""The terminal command of the sandbox: start it, print where it is, end on a signal."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import webbrowser
from pathlib import Path

from duologue.errors import AddressInUseError, AddressNotAvailableError
from duologue.transport._server import LOOPBACK
from duologue.transport.sandbox._access import (
    LAST_PORT,
    VARIABLE,
    Access,
    access_file,
    read_access,
    write_access,
)
from duologue.transport.sandbox._people._start_line import start_line
from duologue.transport.sandbox._sandbox import Sandbox
from duologue.transport.sandbox._world._files import FILE_LIMIT, FILES_TOTAL, MIB
from duologue.transport.sandbox._world._values import NoMarker, Profile

TOKEN_VARIABLE = "DUOLOGUE_SANDBOX_TOKEN"  # noqa: S105 - a name, not a token
LONGEST_TOKEN = 4096
WRONG_USE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``duologue sandbox`` to a parser."""
    # No token is among them: others on the machine can read command lines.
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on")
    parser.add_argument(
        "--port",
        type=_port,
        help="port to listen on (0: a free one; else that of the last start here)",
    )
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in Profile],
        default=Profile.LATEST.value,
        help="limits to apply: the published schema or the latest notice",
    )
    parser.add_argument(
        "--no-marker",
        choices=[reading.value for reading in NoMarker],
        default=NoMarker.ALL_UNCOMMITTED.value,
        help="what a poll without a marker gives",
    )
    parser.add_argument(
        "--no-limits", action="store_true", help="do not limit the rate of requests"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        help=f"file with the bot's token (or set {TOKEN_VARIABLE}; else that of the "
        "last start here)",
    )
    parser.add_argument(
        "--file-limit",
        type=_mebibytes,
        default=FILE_LIMIT,
        metavar="MIB",
        help="largest file that a user can send (10 MiB)",
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help="open the page in the browser; its address with the control token is "
        "then visible to those who can list the processes of this machine",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON line for other programs, and keep nothing for later",
    )


def _port(raw: str) -> int:
    port = _whole(raw)
    if port is None or not 0 <= port <= LAST_PORT:
        wanted = f"a port is a number between 0 and {LAST_PORT}"
        raise argparse.ArgumentTypeError(f"{wanted}, not {raw!r}")
    return port


def _mebibytes(raw: str) -> int:
    size = _whole(raw)
    if size is None or size < 1:
        wanted = "the limit is 1 or more whole MiB"
        raise argparse.ArgumentTypeError(f"{wanted}, not {raw!r}")
    return size * MIB


def _whole(raw: str) -> int | None:
    """Read digits; nothing else that `int` takes, such as `8_0`, is meant."""
    return int(raw) if raw.isdecimal() else None


def main(args: argparse.Namespace) -> int:
    """Run a sandbox until SIGINT or SIGTERM.

    Returns:
        0 after a signal; 2 when it cannot start, with one line on stderr that says
        what to do.
    """
    try:
        token = _token(args.token_file)
    except _NoTokenError as error:
        return _refused(str(error))
    file = None if args.json else access_file()
    kept = None if file is None else read_access(file)
    try:
        _run(args, token, file=file, kept=kept)
    except AddressInUseError as error:
        if kept is None or args.port is not None:
            return _refused(str(error))
        _note(f"{error}; so this one has a free port and keeps nothing for later")
        _run(args, token)
    except AddressNotAvailableError as error:
        # What an address is refused for lies in its host, but for a low port.
        is_low_port = isinstance(error.__cause__, PermissionError)
        option = "--port" if is_low_port else "--host"
        return _refused(f"{error}; check {option}")
    return 0


def _refused(why: str) -> int:
    _note(why)
    return WRONG_USE


def _note(what: str) -> None:
    sys.stderr.write(f"duologue sandbox: {what}\n")


def _run(
    args: argparse.Namespace,
    token: str | None,
    *,
    file: Path | None = None,
    kept: Access | None = None,
) -> None:
    sandbox = _sandbox(args, token, kept)
    asyncio.run(_serve(sandbox, file, as_json=bool(args.json), opens=bool(args.open)))


def _sandbox(
    args: argparse.Namespace, token: str | None, kept: Access | None
) -> Sandbox:
    kept = kept or Access(0, "", "")
    return Sandbox(
        host=str(args.host),
        port=kept.port if args.port is None else int(args.port),
        profile=Profile(args.profile),
        no_marker=NoMarker(args.no_marker),
        token=token or kept.token,
        control_token=kept.control_token,
        limits=not args.no_limits,
        file_limit=int(args.file_limit),
        files_total=max(FILES_TOTAL, int(args.file_limit)),
    )


class _NoTokenError(Exception):
    """What was given is no token."""


def _token(file: Path | None) -> str | None:
    if file is None:
        token = os.environ.get(TOKEN_VARIABLE)
        return _checked(token, TOKEN_VARIABLE) if token else None
    advice = "; check --token-file"
    try:
        content = _beginning(file)
    except OSError as error:
        why = f"{file} cannot be read ({error.strerror}){advice}"
        raise _NoTokenError(why) from error
    token = content.decode(errors="replace").strip()
    if not token:
        raise _NoTokenError(f"{file} is empty; write the token into it first")
    return _checked(token, str(file), advice)


def _beginning(file: Path) -> bytes:
    # A device has no end.
    with file.open("rb") as opened:
        return opened.read(LONGEST_TOKEN + len("\r\n"))


def _checked(token: str, source: str, advice: str = "") -> str:
    # It goes into a header, and into a line that is pasted into a terminal.
    is_plain = token.isascii() and token.isprintable() and " " not in token
    if not is_plain or len(token) > LONGEST_TOKEN:
        wanted = "letters, digits and signs of ASCII without spaces"
        raise _NoTokenError(
            f"{source} holds no token: {wanted}, {LONGEST_TOKEN} at most{advice}"
        )
    return token


async def _serve(
    sandbox: Sandbox, file: Path | None, *, as_json: bool, opens: bool
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with sandbox:
        if file is not None:
            _keep(sandbox, file)
        sys.stdout.write(_json(sandbox) if as_json else _text(sandbox))
        sys.stdout.flush()
        if opens:
            # Starting a browser may take a while and must not hold up the sandbox.
            await asyncio.to_thread(webbrowser.open, sandbox.page_url)
        await stop.wait()


def _keep(sandbox: Sandbox, file: Path) -> None:
    """Keep port and tokens; a folder where nothing can be kept stops nobody."""
    access = Access(sandbox.port, sandbox.token, sandbox.control_token)
    try:
        write_access(file, access)
    except OSError as error:
        _note(
            f"{file} cannot be written ({error.strerror}); port and tokens will be "
            f"others after the next start ({VARIABLE} names another folder)"
        )


def _facts(sandbox: Sandbox) -> dict[str, str]:
    return {
        "page_url": sandbox.page_url,
        "url": sandbox.url,
        "token": sandbox.token,
        "control_url": sandbox.control_url,
        "control_token": sandbox.control_token,
    }


def _json(sandbox: Sandbox) -> str:
    return json.dumps(_facts(sandbox)) + "\n"


def _text(sandbox: Sandbox) -> str:
    lines = [
        f"  {name.replace('_', ' '):<14} {value}"
        for name, value in _facts(sandbox).items()
    ]
    return "\n".join(
        [
            "The sandbox speaks the MAX Bot API. Open the page and talk to your bot:",
            *lines,
            "Start a bot against it:",
            f"  {start_line(sandbox.url, sandbox.token)}",
            "Ctrl+C ends it.",
            "",
        ]
    )
