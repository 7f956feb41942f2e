"""Where a benchmark writes its figures: `--json FILE`, or `--json` for no table."""

from __future__ import annotations

import argparse
from pathlib import Path

_OUTPUT = "-"


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Let a program be asked for JSON."""
    parser.add_argument(
        "--json",
        nargs="?",
        const=_OUTPUT,
        metavar="FILE",
        help="write JSON there; without a file there is JSON instead of the table",
    )


def write(chosen: str | None, report: str) -> bool:
    """Write figures where they were asked for.

    Returns:
        Whether a table is to be shown as well.
    """
    if chosen == _OUTPUT:
        print(report)
        return False
    if chosen is not None:
        Path(chosen).write_text(report, encoding="utf-8")
    return True
