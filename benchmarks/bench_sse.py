"""Long operations in many browsers: what their streams of events cost one process.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import TypeAlias, cast

from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

from duologue.actors import ActorSystem, Operation, Workers
from duologue.transport._server import serve
from duologue.transport.http import actions_application

TOKEN = "of the benchmark"  # noqa: S105
FILES = 20_000
PATIENCE = 60.0  # seconds

Pipe: TypeAlias = "Connection[object, object]"


@dataclass(frozen=True)
class Row:
    """What was measured.

    Attributes:
        browsers: How many streams there were.
        operations: How many operations they followed.
        reports: How often each operation reported in a second.
        events: How many events all browsers got in a second.
        kilobytes: How many KB of them.
        cores: Processor time of the server by the time that went by.
        late: The longest that a browser waited between two events, in milliseconds.
    """

    browsers: int
    operations: int
    reports: float
    events: float
    kilobytes: float
    cores: float
    late: float


def server(place: Pipe, operations: int, reports: float) -> None:
    """Run operations and serve their events; a process of its own."""
    more_files()
    asyncio.run(_serve(place, operations, reports))


async def _serve(place: Pipe, operations: int, reports: float) -> None:
    async def run(operation: Operation) -> None:
        for step in range(10**9):
            operation.report(step % 1000 / 1000, f"file {step} of many")
            await asyncio.sleep(1 / reports)

    loop = asyncio.get_running_loop()
    async with (
        ActorSystem() as system,
        Workers(system, grace=0.1) as workers,
        serve(
            actions_application(workers, [], token=TOKEN, streams=100_000),
            connections=100_000,
        ) as listening,
    ):
        ids = [(await workers.start(run)).id for _ in range(operations)]
        place.send((listening.port, ids))
        while await loop.run_in_executor(None, place.recv) != "end":
            place.send((time.process_time(), time.perf_counter()))


class Browser:
    """One stream of events.

    Attributes:
        events: How many events have come.
        size: How many bytes.
        late: The longest time between two events.
    """

    def __init__(self) -> None:
        self.events = 0
        self.size = 0
        self.late = 0.0
        self.last = 0.0

    def begin(self) -> None:
        """Count from now on."""
        self.events = self.size = 0
        self.late, self.last = 0.0, time.perf_counter()

    async def follow(self, port: int, id_: str, is_open: asyncio.Event) -> None:
        """Read events until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET /operations/{id_}/events HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        while part := await reader.read(65_536):
            found = part.count(b"\ndata: ")
            if not found:
                continue
            is_open.set()
            now = time.perf_counter()
            self.late, self.last = max(self.late, now - self.last), now
            self.events += found
            self.size += len(part)


async def measure(
    browsers: int, operations: int, reports: float, seconds: float
) -> Row:
    """Let browsers follow operations for some seconds."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    arguments = (theirs, operations, reports)
    process = multiprocessing.get_context("spawn").Process(
        target=server, args=arguments
    )
    process.start()
    loop = asyncio.get_running_loop()
    told = await loop.run_in_executor(None, ours.recv)
    port, ids = cast("tuple[int, list[str]]", told)
    people = [Browser() for _ in range(browsers)]
    try:
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            tasks = []
            for number, person in enumerate(people):
                is_open = asyncio.Event()
                id_ = ids[number % operations]
                tasks.append(group.create_task(person.follow(port, id_, is_open)))
                await asyncio.wait_for(is_open.wait(), PATIENCE)
            began = await _asked(ours)
            for person in people:
                person.begin()
            await asyncio.sleep(seconds)
            ended = await _asked(ours)
            for task in tasks:
                task.cancel()
    finally:
        ours.send("end")
        process.join()
    took = ended[1] - began[1]
    return Row(
        browsers=browsers,
        operations=operations,
        reports=reports,
        events=sum(person.events for person in people) / took,
        kilobytes=sum(person.size for person in people) / took / 1000,
        cores=(ended[0] - began[0]) / took,
        late=max(person.late for person in people) * 1000,
    )


async def _asked(place: Pipe) -> tuple[float, float]:
    place.send("time")
    return cast("tuple[float, float]", await asyncio.to_thread(place.recv))


def more_files() -> None:
    """Let this process have as many connections as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))


def median(rows: list[Row]) -> Row:
    """The medians of several rounds."""
    found = {
        name: statistics.median(asdict(row)[name] for row in rows)
        for name in asdict(rows[0])
    }
    return Row(**found)


def main() -> None:
    """Measure, and show a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browsers", type=int, default=1000)
    parser.add_argument("--operations", type=int, nargs="+", default=[1, 1000])
    parser.add_argument("--reports", type=float, default=10.0, help="a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=1)
    add_json_option(parser)
    args = parser.parse_known_args()[0]
    more_files()
    console = Console(stderr=True)
    rows = [
        median(
            [
                asyncio.run(
                    measure(args.browsers, operations, args.reports, args.seconds)
                )
                for _ in range(args.rounds)
            ]
        )
        for operations in track(args.operations, console=console, transient=True)
    ]
    if not write(args.json, json.dumps([asdict(row) for row in rows], indent=1)):
        return
    table = Table(title="Streams of events")
    for name in asdict(rows[0]):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(f"{value:,.2f}" for value in asdict(row).values()))
    Console().print(table)


if __name__ == "__main__":
    main()
