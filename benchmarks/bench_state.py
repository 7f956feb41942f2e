"""State: what an operation takes, and what many callers of one State take.

See README.md for what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from reports import add_json_option, write
from rich.console import Console
from rich.table import Table

from duologue import Dispatcher, Runtime
from duologue.actors import Engine, MemoryEngine
from duologue.dialogs import DialogManager, MessageCreated
from duologue.dialogs._state._shared import call_in_turn
from duologue.state import AsyncState
from duologue.testing import Playground, RecordingBot
from duologue.transport.sqlite import SqliteEngine

_ROUNDS = 5


class Kept(AsyncState, scope="user"):
    """One for each user, on the engine."""


Act: TypeAlias = Callable[[], Awaitable[object]]


async def timed(acts: Mapping[str, Act], times: int) -> dict[str, float]:
    """Microseconds of processor time that a call takes; none of them waits.

    Of five rounds through all the quickest: beside busy neighbours a core is slower for
    a while, never quicker.
    """
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(_ROUNDS):
        for name, act in acts.items():
            started = time.process_time()
            for _ in range(times):
                await act()
            found[name].append(time.process_time() - started)
    return {name: min(rounds) / times * 1e6 for name, rounds in found.items()}


async def operations(times: int) -> dict[str, float]:
    """What one operation takes, on the engine in memory and beside a dict."""
    async with Runtime(Dispatcher(), [RecordingBot()], engine="memory", polling=None):
        state = Kept.of(user_id=7)
        await state.update(step=1, prompt="phone")
        acts: dict[str, Act] = {
            "get": lambda: state.get("step"),
            "get_all": state.get_all,
            "update": lambda: state.update(step=2),
            "set": lambda: state.set("step", 2),
            "incr": lambda: state.incr("step"),
            "modify": lambda: state.modify(lambda old: old),
        }
        found = await timed(acts, times)
    values: dict[str, object] = {"step": 1, "prompt": "phone"}
    started = time.process_time()
    for _ in range(times):
        values.update(step=2)
    found["update of a dict"] = (time.process_time() - started) / times * 1e6
    return found


async def increments(engine: Engine, callers: int, times: int) -> float:
    """How many increments a second many callers of one State make."""
    async with Runtime(Dispatcher(), [RecordingBot()], engine=engine, polling=None):
        state = Kept.of(user_id=7)

        async def call() -> None:
            for _ in range(times):
                await state.incr("n")

        started = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(callers)))
        seconds = time.perf_counter() - started
        if await state.get("n") != callers * times:
            raise SystemExit("increments were lost")
    return callers * times / seconds


async def tries(callers: int) -> int:
    """How often many callers of an async `modify` are tried in sum."""
    count = 0

    async def change(values: dict[str, int]) -> dict[str, int]:
        nonlocal count
        count += 1
        await asyncio.sleep(0)
        return {"n": values.get("n", 0) + 1}

    async with Runtime(Dispatcher(), [RecordingBot()], engine="memory", polling=None):
        state = Kept.of(user_id=7)
        await asyncio.gather(*(state.modify(change) for _ in range(callers)))
        if await state.get("n") != callers:
            raise SystemExit("changes were lost")
    return count


async def memory(states: int) -> float:
    """Bytes that one of many States takes."""
    async with Runtime(Dispatcher(), [RecordingBot()], engine="memory", polling=None):
        await Kept.of(user_id=0).update(step=1, prompt="phone")
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for user in range(1, states + 1):
            await Kept.of(user_id=user).update(step=1, prompt="phone")
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return (after - before) / states


async def plain(_event: object) -> None:
    """Asks for nothing."""


async def asking(_event: object, state: Kept) -> None:
    """Asks for a State and does not use it."""


async def injection(times: int) -> float:
    """Microseconds that a State takes which a handler asks for and does not use."""
    dispatcher = Dispatcher()
    found: list[float] = []

    @dispatcher.message()
    async def handle(_: MessageCreated, dialog_manager: DialogManager) -> None:
        data = dialog_manager.middleware_data
        acts: dict[str, Act] = {
            "without": lambda: call_in_turn(plain, data, None),
            "with": lambda: call_in_turn(asking, data, None),
        }
        taken = await timed(acts, times)
        found.append(taken["with"] - taken["without"])

    async with Playground(dispatcher) as chat:
        await chat.say(7, "measure")
        await chat.settled()
    return found[0]


async def measure(
    options: argparse.Namespace,
) -> dict[str, Mapping[str, float] | float]:
    """Measure everything."""
    times, callers = options.times, options.callers
    found: dict[str, Mapping[str, float] | float] = {}
    found["us"] = await operations(times)
    found["injected_us"] = await injection(times)
    each = max(1, times // callers)
    with tempfile.TemporaryDirectory() as folder:
        one = SqliteEngine(Path(folder) / "one.db")
        many = SqliteEngine(Path(folder) / "many.db")
        found["incr_per_second"] = {
            "memory": await increments(MemoryEngine(), callers, each),
            "sqlite, 1 caller": await increments(one, 1, each),
            f"sqlite, {callers} callers": await increments(many, callers, each),
        }
    found["tries"] = {"callers": callers, "tries": await tries(callers)}
    found["bytes"] = await memory(options.states)
    return found


def shown(found: Mapping[str, Mapping[str, float] | float], limit: str) -> Table:
    """A table of all figures."""
    table = Table(title=f"State ({limit})")
    table.add_column("what")
    table.add_column("figure", justify="right")
    for name, value in found.items():
        parts = value if isinstance(value, Mapping) else {"": value}
        for part, figure in parts.items():
            table.add_row(f"{name} {part}".strip(), f"{figure:,.1f}")
    return table


def main() -> None:
    """Measure, and show or write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--times", type=int, default=20_000, help="calls of each kind in a round"
    )
    parser.add_argument("--callers", type=int, default=100, help="of one State")
    parser.add_argument("--states", type=int, default=10_000, help="for the memory")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    options = parser.parse_known_args()[0]
    found = asyncio.run(measure(options))
    if write(options.json, json.dumps(found)):
        Console().print(shown(found, f"{options.callers} callers"))


if __name__ == "__main__":
    main()
