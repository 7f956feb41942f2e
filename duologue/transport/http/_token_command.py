"""The command that makes, shows and ends access tokens: `duologue token`."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from duologue.errors import (
    AccessTokenFileError,
    AccessTokenInUseError,
    AccessTokenNameError,
    AccessTokenScopeError,
    AccessTokenTakenError,
    DuologueError,
    UnknownAccessTokenError,
)
from duologue.transport._lock import lock_file
from duologue.transport.http._tokens import (
    AccessToken,
    is_over,
    new_token,
    read_tokens,
    rotated,
    write_tokens,
)

FAILED: Final = 1
WRONG_USE: Final = 2
_VARIABLE: Final = "DUOLOGUE_TOKENS"
_DEFAULT: Final = ".duologue/tokens.json"
_VERBS: Final = frozenset(
    {
        "ask",
        "dialog",
        "message",
        "operations.cancel",
        "operations.owner",
        "operations.read",
        "operations.start",
        "state.read",
        "state.write",
        "tell",
    }
)
_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `duologue token` to a parser."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(_ACTIONS),
        default="list",
        help="list: whose tokens there are (default); new: make one, and print it; "
        "rotate: make another of the same scopes, and let the old one live for a "
        "while; revoke: end all tokens of a name",
    )
    parser.add_argument("name", nargs="?", help="whose token it is: shop")
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="VERB:PATTERN",
        help="new: what it may do, such as tell:dialog/max.42:* or message:shop.*; "
        "may be given several times. A pattern ends with * or names one thing",
    )
    parser.add_argument(
        "--expires",
        type=_duration,
        metavar="TIME",
        help="new and rotate: how long the new token lives: 90d, 12h (default: for ever)",
    )
    parser.add_argument(
        "--keep",
        type=_duration,
        default=86400.0,
        metavar="TIME",
        help="rotate: how long the old token lives on (default: 24h)",
    )
    parser.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help=f"where the tokens are (default: that of {_VARIABLE}, else {_DEFAULT})",
    )


def main(args: argparse.Namespace) -> int:
    """Make, show or end access tokens.

    Args:
        args: What a parser with `add_arguments` read.

    Returns:
        0; 1 if the file cannot be used; 2 for wrong use.
    """
    path = args.file or Path(os.environ.get(_VARIABLE) or _DEFAULT)
    try:
        _ACTIONS[str(args.what)](path, args)
    except (AccessTokenFileError, AccessTokenInUseError) as error:
        return _say(error, FAILED)
    except DuologueError as error:
        return _say(error, WRONG_USE)
    return 0


def _list(path: Path, _: argparse.Namespace) -> None:
    now = time.time()
    found = read_tokens(path)
    for token in found:
        _write(f"{token.name}  {_life(token, now)}  {' '.join(token.scopes)}")
    if not found:
        _write(f"there are no tokens in {path}")


def _life(token: AccessToken, now: float) -> str:
    if token.expires_at is None:
        return "for ever"
    until = datetime.fromtimestamp(token.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"expired {until}" if is_over(token, now) else f"until {until}"


def _new(path: Path, args: argparse.Namespace) -> None:
    name, now = _name(args), time.time()
    secret, token = new_token(name, args.scope, expires_at=_end(args, now))
    if not token.scopes:
        raise AccessTokenScopeError(scope="")
    with _changing(path):
        tokens = _alive(read_tokens(path), now)
        if any(other.name == name for other in tokens):
            raise AccessTokenTakenError(name=name)
        write_tokens(path, (*tokens, token))
    _hand_out(secret, path)
    for doubt in _doubts(token.scopes):
        sys.stderr.write(f"{doubt}\n")


def _doubts(scopes: Sequence[str]) -> Iterator[str]:
    """What somebody who made a token with these scopes may have meant otherwise."""
    verbs = {scope.partition(":")[0] for scope in scopes}
    known = ", ".join(sorted(_VERBS))
    for verb in sorted(verbs - _VERBS):
        yield f"no door of duologue asks for the verb {verb!r}; known are {known}"
    if verbs & {"tell", "ask"} and "message" not in verbs:
        yield (
            "it may reach actors, but send them no type of messages: that takes another "
            "scope, such as message:shop.*"
        )


def _rotate(path: Path, args: argparse.Namespace) -> None:
    name, now = _name(args), time.time()
    with _changing(path):
        tokens = _alive(read_tokens(path), now)
        # The newest one is the last: that of a rotation may still be followed by its old.
        scopes = [token.scopes for token in tokens if token.name == name]
        if not scopes:
            raise UnknownAccessTokenError(name=name, path=str(path))
        secret, token = new_token(name, scopes[-1], expires_at=_end(args, now))
        write_tokens(path, (*rotated(tokens, name, now + args.keep), token))
    _hand_out(secret, path)


def _revoke(path: Path, args: argparse.Namespace) -> None:
    name = _name(args)
    with _changing(path):
        tokens = read_tokens(path)
        kept = tuple(token for token in tokens if token.name != name)
        if len(kept) == len(tokens):
            raise UnknownAccessTokenError(name=name, path=str(path))
        write_tokens(path, kept)
    _write(f"the tokens of {name} have ended")


_ACTIONS: Final[dict[str, Callable[[Path, argparse.Namespace], None]]] = {
    "list": _list,
    "new": _new,
    "rotate": _rotate,
    "revoke": _revoke,
}


def _alive(tokens: tuple[AccessToken, ...], now: float) -> tuple[AccessToken, ...]:
    return tuple(token for token in tokens if not is_over(token, now))


def _name(args: argparse.Namespace) -> str:
    if args.name is None:
        raise AccessTokenNameError(name="")
    return str(args.name)


def _end(args: argparse.Namespace, now: float) -> float | None:
    return None if args.expires is None else now + float(args.expires)


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        message = f"{text!r} is no time; write 90d, 12h, 30m or 45s"
        raise argparse.ArgumentTypeError(message)
    return float(int(found[1]) * _SECONDS[found[2]])


@contextmanager
def _changing(path: Path) -> Generator[None]:
    """Keep other processes from changing the file, so that no change is lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = lock_file(path.with_name(f".{path.name}.lock"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AccessTokenFileError(path=str(path), reason=reason) from error
    if isinstance(lock, str):
        raise AccessTokenInUseError(path=str(path), process=lock)
    try:
        yield
    finally:
        os.close(lock)


def _hand_out(secret: str, path: Path) -> None:
    # Alone on the standard output: TOKEN=$(duologue token new ...)
    _write(secret)
    sys.stderr.write(
        f"it is shown this once; {path} keeps its SHA-256, and programs send it as "
        "`Authorization: Bearer ...`\n"
    )


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(problem: object, status: int) -> int:
    sys.stderr.write(f"duologue token: {problem}\n")
    return status
