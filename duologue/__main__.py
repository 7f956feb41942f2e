"""The terminal commands: `python -m duologue`, or `duologue` where it is installed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from duologue import __version__

INTERRUPTED = 130
WRONG_USE = 2

_AddArguments: TypeAlias = Callable[[argparse.ArgumentParser], None]
_Main: TypeAlias = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The command and its options, by default those of the process;
            without any it prints its help.

    Returns:
        The exit status: that of the command; 130 after Ctrl+C; 2 where something
        that the command needs is not installed.

    Raises:
        SystemExit: After `--help` and `--version`, and with 2 for wrong use.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        _flush()


def _flush() -> None:
    """Write the rest now; a reader that has left, as in `| head`, is no failure."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the interpreter's own flush at the end would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="duologue", description="Chat-bot dialogs as actors."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, add_arguments, main, does in _commands():
        command = commands.add_parser(name, help=does, description=does)
        command.set_defaults(main=main)
        add_arguments(command)
    args = parser.parse_args(given)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        return int(args.main(args))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
    sys.stderr.write(
        f"duologue {args.command}: it draws with rich, which is not installed; type: "
        'pip install "duologue[cli]"\n'
    )
    return WRONG_USE


def _commands() -> Sequence[tuple[str, _AddArguments, _Main, str]]:
    # Imported here, so that Ctrl+C is handled as early as this.
    from duologue._demo import _cli as demo  # noqa: PLC0415
    from duologue.transport import _state_command as state  # noqa: PLC0415
    from duologue.transport.http import _token_command as token  # noqa: PLC0415
    from duologue.transport.http._gallery import _cli as operations  # noqa: PLC0415
    from duologue.transport.sandbox import _cli as sandbox  # noqa: PLC0415
    from duologue.transport.webhook import _cli as webhook  # noqa: PLC0415

    return (
        (
            "demo",
            demo.add_arguments,
            demo.main,
            "play a conversation between a bot and a local messenger",
        ),
        (
            "operations-demo",
            operations.add_arguments,
            operations.main,
            "show long operations with their progress bars in the browser",
        ),
        (
            "sandbox",
            sandbox.add_arguments,
            sandbox.main,
            "run a local messenger that speaks the MAX Bot API",
        ),
        (
            "state",
            state.add_arguments,
            state.main,
            "look at the file or the server that keeps the state of a bot",
        ),
        (
            "token",
            token.add_arguments,
            token.main,
            "make, show and end the access tokens of other programs",
        ),
        (
            "webhook",
            webhook.add_arguments,
            webhook.main,
            "show, set and remove the webhooks of a bot",
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
