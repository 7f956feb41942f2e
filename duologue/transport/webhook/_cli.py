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
    MessageGoneError,
    RuntimeSettingError,
    TokenMissingError,
)
from duologue.transport.max import Bot, Subscription
from duologue.transport.webhook._receiving import check_url, checked_secret

FAILED = 1
WRONG_USE = 2
SECRET_VARIABLE = "DUOLOGUE_WEBHOOK_SECRET"  # noqa: S105  # a name, not a secret


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `duologue webhook` to a parser."""
    parser.description = (
        "Show, set and remove the webhooks of the bot of DUOLOGUE_MAX_TOKEN; without a "
        "command they are shown."
    )
    actions = parser.add_subparsers(dest="what", metavar="{show,set,remove}")
    # What an action does not take is refused, and an option may stand before the address.
    actions.add_parser("show", help="show where the messenger brings updates")
    sets = actions.add_parser(
        "set", help="have the messenger bring updates to an address"
    )
    sets.add_argument("url", help="the address: https://bot.example/max")
    sets.add_argument(
        "--types",
        metavar="A,B",
        type=_types_named,
        help="only these types of updates (default: all)",
    )
    remove = actions.add_parser("remove", help="have it bring them there no more")
    which = remove.add_mutually_exclusive_group(required=True)
    which.add_argument("url", nargs="?", help="the address")
    which.add_argument("--all", action="store_true", help="every webhook")


def _types_named(text: str) -> list[str]:
    """Read types of updates, which the messenger checks.

    Raises:
        argparse.ArgumentTypeError: One has no name.
    """
    types = [one.strip() for one in text.split(",")]
    if not all(types):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list such as bot_started,bot_stopped"
        )
    return types


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
        return await _ACTIONS[str(args.what or "show")](bot, args)


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
    check_url(args.url)
    given = os.environ.get(SECRET_VARIABLE)
    secret = checked_secret(given) if given else bot.own_secret()
    await bot.subscribe(str(args.url), types=args.types, secret=secret)
    _write(f"updates are brought to {args.url}")
    return 0


async def _remove(bot: Bot, args: argparse.Namespace) -> int:
    urls = [args.url]
    if args.all:
        urls = [one.url for one in await bot.subscriptions()]
    for url in urls:
        try:
            await bot.unsubscribe(url)
        except MessageGoneError:
            problem = (
                f"{url} is no webhook of this bot; `duologue webhook show` lists them"
            )
            return _say(problem, FAILED)
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
