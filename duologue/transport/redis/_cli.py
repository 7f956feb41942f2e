"""What `duologue state` shows of a server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final
from urllib.parse import parse_qsl, urlencode

from duologue.actors import Letter, Mail
from duologue.errors import EngineServerError
from duologue.transport.redis._engine import RedisEngine
from duologue.transport.redis._inspect import Dead, Inspector, inspecting
from duologue.transport.redis._keys import Names

FAILED: Final = 1
_SHOWN: Final = (
    "dialogs",
    "mail",
    "owed drawings",
    "letters for later",
    "dead letters",
    "parked mailboxes",
    "units leased",
    "units ready",
)
_WIDTH: Final = 100  # of an error in a list


def main(what: str, url: str, *, requeue: str | None, drop: str | None) -> int:
    """Look at what a server keeps.

    Args:
        what: What to do; one of `ACTIONS`.
        url: The server.
        requeue: The dead letter to bring to its mailbox again; `all` for all.
        drop: The dead letter to forget; `all` for all.

    Returns:
        0; 1 if something is wrong with what is kept.

    Raises:
        RuntimeSettingError: The URL is none.
        EngineUnavailableError: The server does not answer.
        EngineServerError: Nothing of duologue is there, or no such letter.
    """
    return asyncio.run(_look(what, url, requeue, drop))


async def _look(what: str, url: str, requeue: str | None, drop: str | None) -> int:
    server, namespace = _split(url)
    async with inspecting(server) as inspector:
        status = 0
        for names in await inspector.namespaces(namespace):
            if what == "dead" and (requeue or drop):
                await _deal_with(inspector, server, names, requeue, drop)
            else:
                status = max(status, await ACTIONS[what](inspector, names))
        return status


async def _show(inspector: Inspector, names: Names) -> int:
    census = await inspector.census(names)
    _title(inspector, names, f", {names.shards} shards, {census.processes} processes")
    for name in _SHOWN:
        _write(f"  {name:<18}{census.counted[name]:>20,}")
    _write(f"  {'ready for':<18}{census.oldest:>18,.1f} s")
    for name, number in census.hottest:
        _write(f"  mail of {name}: {number:,}")
    return 0


async def _check(inspector: Inspector, names: Names) -> int:
    findings = await inspector.findings(names)
    _title(inspector, names, ": something is wrong" if findings else ": all is well")
    for finding in findings:
        _write(f"  {finding}")
    return FAILED if findings else 0


async def _export(inspector: Inspector, names: Names) -> int:
    async for line in inspector.export(names):
        _write(line)
    return 0


async def _list_dead(inspector: Inspector, names: Names) -> int:
    letters = await inspector.dead(names)
    _title(inspector, names, f", dead letters: {len(letters)}")
    for letter in letters:
        error = " ".join(letter.mail.error.split())[:_WIDTH]
        _write(f"  {letter.id}  {letter.mail.key}  {error}")
    return 0


ACTIONS: Final[dict[str, Callable[[Inspector, Names], Awaitable[int]]]] = {
    "show": _show,
    "check": _check,
    "export": _export,
    "dead": _list_dead,
}


async def _deal_with(
    inspector: Inspector,
    server: str,
    names: Names,
    requeue: str | None,
    drop: str | None,
) -> None:
    wanted = requeue or drop
    letters = await inspector.dead(names)
    chosen = [each for each in letters if wanted in ("all", each.id)]
    if not chosen:
        raise EngineServerError(
            inspector.server,
            f"no dead letter {wanted} is there",
            "`duologue state dead` lists those that are",
        )
    if requeue:
        async with RedisEngine(
            server, namespace=names.namespace, shards=names.shards
        ) as engine:
            await engine.enqueue([_again(each) for each in chosen])
    for letter in chosen:
        await inspector.forget(letter)
    _title(inspector, names, f": {len(chosen)} {'again' if requeue else 'dropped'}")


def _again(dead: Dead) -> Letter:
    """The letter anew, by a name that its mailbox has not seen, and takes once."""
    name = blake2b(dead.data, digest_size=12).hexdigest()
    return Letter(dead.mail.key, Mail(f"again/{name}", dead.mail.mail.body))


def _split(url: str) -> tuple[str, str | None]:
    """The URL of the server, and the namespace that is meant."""
    server, _, options = url.partition("?")
    query = parse_qsl(options, keep_blank_values=True)
    own = dict(query)
    rest = urlencode(
        [each for each in query if each[0] not in ("namespace", "shards", "durability")]
    )
    return (f"{server}?{rest}" if rest else server), own.get("namespace")


def _title(inspector: Inspector, names: Names, rest: str) -> None:
    _write(f"{inspector.server}, namespace {names.namespace}{rest}")


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
