"""Updates a second, by webhook and by polling: duologue, maxapi and maxo, one reply each.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from processors import processor_time
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table
from updates_messenger import TOKEN, Messenger

HERE = Path(__file__).parent
WAYS = ("webhook", "polling")
OWN = "duologue, SQLite"
FLOOR = "aiohttp alone"
LIBRARIES = (OWN, "duologue, memory", "maxapi", "maxo", FLOOR)
_PEERS = ("maxapi", "maxo")
_WARM_UP = 50
_PAUSE = 0.02
_PATIENCE = 300.0
_CORES = sorted(os.sched_getaffinity(0))


class BotEndedError(Exception):
    """A bot ended before it worked."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one bot.

    Attributes:
        library: Whose it is.
        way: How it gets updates.
        rate: Updates a second, each with its reply.
        processor: Seconds of processor time of the bot for a thousand updates.
        p50: Half of the replies began to come within so many milliseconds of their
            update, one at a time.
        p99: Nearly all of them did.
    """

    library: str
    way: str
    rate: float
    processor: float
    p50: float
    p99: float


async def measure(
    library: str, way: str, *, chats: int, messages: int, single: int
) -> Measured:
    """Say many things at once, then one after the other.

    Args:
        library: Whose bot.
        way: How it gets updates.
        chats: In so many chats.
        messages: How much is said at once.
        single: How much is said one after the other.
    """
    messenger = Messenger()
    async with (
        messenger.running(),
        _running(messenger, library, way) as process,
        asyncio.timeout(_PATIENCE),
    ):
        await messenger.say(_WARM_UP, chats=chats)
        before = processor_time(process.pid)
        seconds = await messenger.say(messages, chats=chats)
        await asyncio.sleep(_PAUSE)  # what is left of the last one
        processor = processor_time(process.pid) - before
        latencies = [1000 * await messenger.say(1, chats=1) for _ in range(single)]
    cuts = statistics.quantiles(latencies, n=100)
    return Measured(
        library,
        way,
        messages / seconds,
        1000 * processor / messages,
        cuts[49],
        cuts[98],
    )


@asynccontextmanager
async def _running(
    messenger: Messenger, library: str, way: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, HERE / "updates_bots.py", library, way, str(port)),
        env={
            **os.environ,
            "DUOLOGUE_MAX_URL": messenger.url,
            "DUOLOGUE_MAX_TOKEN": TOKEN,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        _apart(process.pid)
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            ended = group.create_task(_no_end(process, library))
            await _ready(messenger, library, way, port)
            ended.cancel()
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _apart(pid: int) -> None:
    """Give the bot a core of its own, as far as other programs leave it that."""
    if len(_CORES) > 1:
        os.sched_setaffinity(pid, _CORES[-1:])
        os.sched_setaffinity(0, _CORES[:-1])


async def _no_end(process: asyncio.subprocess.Process, library: str) -> None:
    """Fail if a bot ends before it works."""
    status = await process.wait()
    raise BotEndedError(f"{library} ended with {status}")


async def _ready(messenger: Messenger, library: str, way: str, port: int) -> None:
    if way == "polling":
        while not messenger.polls:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(_PAUSE)
        return
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        await asyncio.sleep(_PAUSE)
    # The peers leave it to their programs to set the webhook.
    while library.startswith("duologue") and not messenger.is_set:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(_PAUSE)
    await messenger.connect(port)


def table(rows: Sequence[Measured]) -> Table:
    """Show the figures, and how many times those of the peers they are."""
    shown = Table(title="updates with one reply each")
    for heading in ("bot", "way"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("a second", "CPU s / 1,000", "p50 ms", "p99 ms", *_PEERS):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            row.library,
            row.way,
            f"{row.rate:,.0f}",
            f"{row.processor:.2f}",
            f"{row.p50:.1f}",
            f"{row.p99:.1f}",
            *(_times(row, peer, rows) for peer in _PEERS),
        )
    return shown


def _times(row: Measured, peer: str, rows: Sequence[Measured]) -> str:
    """How many times the rate of a peer, and how much less of its processor time."""
    for other in rows:
        if (other.library, other.way) == (peer, row.way) and row.library != peer:
            rate, less = row.rate / other.rate, other.processor / row.processor
            return f"{rate:.1f}, CPU {less:.1f}"
    return ""


def medians(runs: Sequence[Measured]) -> list[Measured]:
    """The medians of the runs of each bot."""
    found: list[Measured] = []
    for library, way in dict.fromkeys((one.library, one.way) for one in runs):
        same = [one for one in runs if (one.library, one.way) == (library, way)]
        found.append(
            Measured(
                library,
                way,
                *(
                    statistics.median(values)
                    for values in zip(
                        *((one.rate, one.processor, one.p50, one.p99) for one in same),
                        strict=True,
                    )
                ),
            )
        )
    return found


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000, help="updates a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replies", type=int, default=200, help="one after the other")
    parser.add_argument("--talking", type=int, default=500, help="chats that talk")
    parser.add_argument("--bots", nargs="+", help="only these, by their names")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def main() -> None:
    chosen = options()
    libraries = [
        name
        for name in LIBRARIES
        if (not chosen.bots or name in chosen.bots)
        and (name not in _PEERS or find_spec(name) is not None)
    ]
    todo = [(name, way) for name in libraries for way in WAYS] * chosen.rounds
    runs = [
        asyncio.run(
            measure(
                name,
                way,
                chats=chosen.talking,
                messages=chosen.messages,
                single=max(2, chosen.replies),
            )
        )
        for name, way in track(todo, "updating", console=Console(stderr=True))
    ]
    rows = medians(runs)
    if write(chosen.json, json.dumps([asdict(one) for one in rows], indent=2)):
        Console(width=120).print(table(rows))


if __name__ == "__main__":
    main()
