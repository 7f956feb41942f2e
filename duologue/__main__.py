"""The terminal commands: `python -m duologue`, or `duologue` where it is installed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from duologue import __version__

INTERRUPTED = 130
WRONG_USE = 2


class _Command(Protocol):
    """What a module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None: ...
    def main(self, args: argparse.Namespace, /) -> int: ...


class _Parser(argparse.ArgumentParser):
    """The parser of a command, whose module is imported when the command is used.

    Attributes:
        find: Imports it.
    """

    find: Callable[[], _Command] | None = None

    def parse_known_args(  # type: ignore[override]  # theirs is overloaded
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        if self.find is not None:
            module, self.find = self.find(), None
            module.add_arguments(self)
            self.set_defaults(main=module.main)
        return super().parse_known_args(args, namespace or argparse.Namespace())


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
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=_Parser
    )
    for name, (find, does) in _COMMANDS.items():
        commands.add_parser(name, help=does, description=does).find = find
    args = parser.parse_args(_completed(given))
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


def _completed(given: list[str]) -> list[str]:
    """What is meant, where a word may be left out."""
    if given[:1] != ["state"]:
        return given
    from duologue.transport._state_command import completed  # noqa: PLC0415

    return ["state", *completed(given[1:])]


def _demo() -> _Command:
    from duologue._demo import _cli  # noqa: PLC0415

    return _cli


def _operations_demo() -> _Command:
    from duologue.transport.http._gallery import _cli  # noqa: PLC0415

    return _cli


def _sandbox() -> _Command:
    from duologue.transport.sandbox import _cli  # noqa: PLC0415

    return _cli


def _state() -> _Command:
    from duologue.transport import _state_command  # noqa: PLC0415

    return _state_command


def _token() -> _Command:
    from duologue.transport.http import _token_command  # noqa: PLC0415

    return _token_command


def _webhook() -> _Command:
    from duologue.transport.webhook import _cli  # noqa: PLC0415

    return _cli


# A command imports its module when it is used: help and mistakes are answered at once, and
# Ctrl+C is handled while modules are imported.
_COMMANDS: dict[str, tuple[Callable[[], _Command], str]] = {
    "demo": (_demo, "play a conversation between a bot and a local messenger"),
    "operations-demo": (
        _operations_demo,
        "show long operations with their progress bars in the browser",
    ),
    "sandbox": (_sandbox, "run a local messenger that speaks the MAX Bot API"),
    "state": (_state, "look at the file or the server that keeps the state of a bot"),
    "token": (_token, "make, show and end the access tokens of other programs"),
    "webhook": (_webhook, "show, set and remove the webhooks of a bot"),
}


if __name__ == "__main__":
    sys.exit(main())
