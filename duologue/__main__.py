"""The terminal commands: `python -m duologue`, or `duologue` where it is installed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from duologue import __version__

INTERRUPTED = 130
_OWN_OPTIONS = frozenset({"-h", "--help", "--version"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The command and its options, by default those of the process;
            without a command it is the demo.

    Returns:
        The exit status: that of the command; 130 after Ctrl+C.

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
    # Imported here, so that Ctrl+C is handled as early as this.
    from duologue._demo import _cli as demo  # noqa: PLC0415
    from duologue.transport.sandbox import _cli as sandbox  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        prog="duologue",
        description="Chat-bot dialogs as actors. Without a command: the demo.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module, does in (
        ("demo", demo, "play a conversation between a bot and a local messenger"),
        ("sandbox", sandbox, "run a local messenger that speaks the MAX Bot API"),
    ):
        command = commands.add_parser(name, help=does, description=does)
        command.set_defaults(main=module.main)
        module.add_arguments(command)
    args = parser.parse_args(_with_command(given))
    return int(args.main(args))


def _with_command(given: list[str]) -> list[str]:
    """Put in the command that is meant when there are only its options, or nothing."""
    if not given or (given[0].startswith("-") and given[0] not in _OWN_OPTIONS):
        return ["demo", *given]
    return given


if __name__ == "__main__":
    sys.exit(main())
