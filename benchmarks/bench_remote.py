"""What it costs to tell and ask a dialog from another program, over HTTP and a stream.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from processors import processor_time
from redis_server import program, running
from remote_bot import Ask, Paid
from reports import add_json_option, write
from rich.console import Console
from rich.table import Table

from duologue.actors import Engine, Letter, Mail, MemoryEngine
from duologue.errors import AskTimeoutError
from duologue.remote import RemoteDialog, RemoteRuntime
from duologue.transport.redis import RedisEngine
from duologue.transport.sqlite import SqliteEngine

_BOT = Path(__file__).with_name("remote_bot.py")
_BODY = b"x" * 120  # about what the letter of a `Paid` has


@dataclass(frozen=True, slots=True)
class Row:
    """Something that was measured.

    Attributes:
        what: What was done.
        callers: By how many at once.
        value: How much.
        unit: Of what.
    """

    what: str
    callers: int
    value: float
    unit: str


class Counting:
    """A way to a server, on a port or a socket, that counts the bytes."""

    def __init__(self, far: int | str) -> None:
        self._far = far
        self.up = self.down = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[int]:
        """Pass everything on; give the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield int(server.sockets[0].getsockname()[1])
            server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(self._far, int):
            far = asyncio.open_connection("127.0.0.1", self._far)
        else:
            far = asyncio.open_unix_connection(self._far)
        far_reader, far_writer = await far
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass(reader, far_writer, is_up=True))
            group.create_task(self._pass(far_reader, writer, is_up=False))

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_up: bool,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if is_up:
                    self.up += len(data)
                else:
                    self.down += len(data)
                writer.write(data)
        writer.close()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def bot(engine: str) -> AsyncGenerator[tuple[int, int]]:
    """Run the bot in a process of its own; give its port and its number."""
    port = free_port()
    words = [sys.executable, str(_BOT), engine, str(port)]
    process = subprocess.Popen(words, env={**os.environ})  # noqa: ASYNC220, S603  # it is ours
    try:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def dialogs(remote: RemoteRuntime, number: int) -> list[RemoteDialog]:
    """Some dialogs."""
    return [remote.dialog("test.1", chat_id=n, user_id=n) for n in range(1, number + 1)]


async def rate(
    number: int,
    callers: int,
    call: Callable[[int, int], Coroutine[object, object, object]],
) -> float:
    """How many calls a second some callers make, one after another each."""
    each = max(number // callers, 1)

    async def caller(who: int) -> None:
        for one in range(each):
            await call(who, one)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for who in range(callers):
            group.create_task(caller(who))
    return each * callers / (time.perf_counter() - began)


async def tells(
    what: str, remote: RemoteRuntime, number: int, callers: int, pid: int
) -> list[Row]:
    """Tell dialogs something; each caller has one of its own."""
    to = dialogs(remote, callers)
    await to[0].tell(Paid(0))
    before, own = processor_time(pid), time.process_time()
    value = await rate(number, callers, lambda who, one: to[who].tell(Paid(one)))
    own = time.process_time() - own
    worked = (processor_time(pid) - before) / number * 1e6
    rows = [Row(what, callers, value, "tells/s")]
    if pid:
        rows.append(Row(f"{what}, work of the bot", callers, worked, "µs a tell"))
    return [
        *rows,
        Row(f"{what}, work of the sender", callers, own / number * 1e6, "µs a tell"),
    ]


async def asks(what: str, remote: RemoteRuntime, number: int) -> list[Row]:
    """Ask a dialog something, one time after another."""
    (dialog,) = dialogs(remote, 1)
    took: list[float] = []
    for _ in range(number):
        began = time.perf_counter()
        with suppress(AskTimeoutError):
            await dialog.ask(Ask())
        took.append((time.perf_counter() - began) * 1000)
    p99 = statistics.quantiles(took, n=100)[98] if len(took) > 1 else took[0]
    return [
        Row(f"{what}, ask, median", 1, statistics.median(took), "ms"),
        Row(f"{what}, ask, p99", 1, p99, "ms"),
    ]


async def enqueues(what: str, engine: Engine, number: int, callers: int) -> Row:
    """Put letters into mailboxes, as a door does at its end."""
    async with engine:

        def put(who: int, one: int) -> Coroutine[object, object, object]:
            key = f"dialog/test.1:{who}.{one // 500}:1"
            return engine.enqueue([Letter(key, Mail(f"{who}.{one}", _BODY))])

        return Row(
            f"enqueue, {what}", callers, await rate(number, callers, put), "tells/s"
        )


async def wire(
    what: str, far: int | str, url: str, remote_of: Callable[[str], RemoteRuntime]
) -> list[Row]:
    """Count the bytes of a tell."""
    counting, times = Counting(far), 100
    async with counting.running() as near, remote_of(url.format(near)) as remote:
        (dialog,) = dialogs(remote, 1)
        await dialog.tell(Paid(0))
        up, down = counting.up, counting.down
        for number in range(times):
            await dialog.tell(Paid(number))
        return [
            Row(f"{what}, bytes there", 1, (counting.up - up) / times, "B"),
            Row(f"{what}, bytes back", 1, (counting.down - down) / times, "B"),
        ]


async def measure(number: int, asked: int) -> list[Row]:
    """Measure everything."""
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for callers in (1, 100):
            rows.append(await enqueues("memory", MemoryEngine(), number, callers))
            file = SqliteEngine(folder / f"{callers}.db")
            rows.append(await enqueues("SQLite", file, number, callers))
        for what, engine in (
            ("memory", "memory"),
            ("SQLite", f"sqlite:///{folder}/bot.db"),
        ):
            async with bot(engine) as (port, pid):
                url = f"http://127.0.0.1:{port}"
                async with RemoteRuntime(url) as remote:
                    for callers in (1, 100):
                        rows += await tells(
                            f"HTTP, {what}", remote, number, callers, pid
                        )
                    rows += await asks(f"HTTP, {what}", remote, asked)
                if what == "memory":
                    rows += await wire(
                        "HTTP", port, "http://127.0.0.1:{}", RemoteRuntime
                    )
        name = program()
        if name is None:
            return rows
        server = stack.enter_context(running(name))
        for callers in (1, 100):
            rows.append(
                await enqueues("Redis", RedisEngine(server.url), number, callers)
            )
            server.empty()
        async with (
            bot(server.url) as (port, pid),
            RemoteRuntime(f"http://127.0.0.1:{port}") as remote,
        ):
            for callers in (1, 100):
                rows += await tells("HTTP, Redis", remote, number, callers, pid)
            rows += await asks("HTTP, Redis", remote, asked)
            async with RemoteRuntime.redis(server.url) as stream:
                for callers in (1, 100):
                    rows += await tells("stream, written", stream, number, callers, 0)
                rows += await asks("stream", stream, asked)
        # The bot has ended, so nobody looks at them.
        path = server.url.removeprefix("unix://")
        for secret, how in ((None, "stream"), ("x" * 32, "stream, signed")):
            remote_of = partial(RemoteRuntime.redis, secret=secret)
            rows += await wire(how, path, "redis://127.0.0.1:{}", remote_of)
    return rows


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--asks", type=int, default=500)
    add_json_option(parser)
    given = parser.parse_known_args()[0]
    rows = asyncio.run(measure(given.messages, given.asks))
    if not write(given.json, json.dumps([asdict(row) for row in rows], indent=1)):
        return
    table = Table("what", "callers", "value", "unit")
    for row in rows:
        table.add_row(row.what, str(row.callers), f"{row.value:,.1f}", row.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
