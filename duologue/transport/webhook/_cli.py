"""The command that sets and removes webhooks: `duologue webhook`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from duologue.dialogs import bot_key
from duologue.errors import (
    BotSettingError,
    DuologueError,
    RuntimeSettingError,
    TokenMissingError,
)
from duologue.transport.max import Bot, Subscription
from duologue.transport.webhook._receiving import check_url, checked_secret

FAILED = 1
WRONG_USE = 2
SECRET_VARIABLE = "DUOLOGUE_WEBHOOK_SECRET"  # noqa: S105  # a name, not a secret


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `duologue webhook` to a parser."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(_ACTIONS),
        default="show",
        help="show: what the messenger has (default); set: have it bring updates to an "
        "address; remove: not any more. The bot is that of DUOLOGUE_MAX_TOKEN",
    )
    parser.add_argument("url", nargs="?", help="the address: https://bot.example/max")
    parser.add_argument(
        "--types",
        metavar="A,B",
        help="set: only these types of updates (default: all)",
    )
    parser.add_argument("--all", action="store_true", help="remove: every webhook")


def main(args: argparse.Namespace) -> int:
    """Show, set or remove webhooks.

    Args:
        args: What a parser with `add_arguments` read.

    Returns:
        0; 1 if the messenger refuses; 2 for wrong use.
    """
    try:
        return asyncio.run(_run(args))
    except (BotSettingError, RuntimeSettingError, TokenMissingError) as error:
        return _say(error, WRONG_USE)
    except DuologueError as error:
        return _say(error, FAILED)


async def _run(args: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        bot = Bot()
        stack.push_async_callback(bot.close)
        return await _ACTIONS[str(args.what)](bot, args)


async def _show(bot: Bot, _: argparse.Namespace) -> int:
    await bot.start()
    found = await bot.subscriptions()
    for one in found:
        _write(f"{one.url}  {_types(one)}")
    if not found:
        _write(f"{bot_key(bot)} has no webhook; its updates wait for polls")
    return 0


def _types(one: Subscription) -> str:
    return ", ".join(one.update_types) if one.update_types else "all types"


async def _set(bot: Bot, args: argparse.Namespace) -> int:
    if args.url is None:
        return _say("name the address that the messenger shall call", WRONG_USE)
    check_url(args.url)
    given = os.environ.get(SECRET_VARIABLE)
    secret = checked_secret(given) if given else bot.own_secret()
    types = None if args.types is None else str(args.types).split(",")
    await bot.subscribe(str(args.url), types=types, secret=secret)
    _write(f"updates are brought to {args.url}")
    return 0


async def _remove(bot: Bot, args: argparse.Namespace) -> int:
    if (args.url is None) is not args.all:
        return _say("name the address, or write --all", WRONG_USE)
    urls = [args.url]
    if args.all:
        urls = [one.url for one in await bot.subscriptions()]
    for url in urls:
        await bot.unsubscribe(url)
        _write(f"removed {url}")
    return 0


_ACTIONS: dict[str, Callable[[Bot, argparse.Namespace], Awaitable[int]]] = {
    "show": _show,
    "set": _set,
    "remove": _remove,
}


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(problem: object, status: int) -> int:
    sys.stderr.write(f"duologue webhook: {problem}\n")
    return status
