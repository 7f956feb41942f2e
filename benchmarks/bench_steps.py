"""How many steps a press, a background update and a worker's report take.

See README.md for what is counted and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Awaitable, Callable, Mapping

from clicks import FIRST_CHAT
from clicks_duologue import counting, plain
from max_null import NullBot, NullHttp, clicked, started
from reports import add_json_option, write
from rich.console import Console
from rich.table import Table

from duologue import Runtime
from duologue.actors import Operation
from duologue.dialogs import Update, show_progress
from duologue.transport.max._http import HttpReply

if not hasattr(sys, "monitoring"):
    print("counting steps needs Python 3.12 or newer")
    sys.exit()

from steps import Recorder, Steps

PRESS = "press"
# Rounds before those that count: the ring of marks that a chat keeps is full then.
_WARM_UP = 150
_COUNTED = 5
# Seconds from one state of a worker on the screen to the next, as short as it goes.
_INTERVAL = 0.1


class _WatchedHttp(NullHttp):
    """Reaches the goal of a recorder with its first request."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(0.0)
        self._recorder = recorder

    async def exchange(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> HttpReply:
        """Reach the goal, and answer."""
        self._recorder.goal()
        return await super().exchange(verb, path, query=query, body=body, within=within)


class _WatchedBot(NullBot):
    """A bot on MAX whose presses are counted from the moment they are parsed.

    Args:
        recorder: Counts.
        with_parsing: Whether to count from the moment when the JSON is there.
    """

    def __init__(self, recorder: Recorder, *, with_parsing: bool) -> None:
        super().__init__(one_call=True, round_trip=0.0)
        self.http = self._http = _WatchedHttp(recorder)
        self._recorder = recorder
        self._with_parsing = with_parsing
        self._is_counted = False

    def parse(self, raw: Mapping[str, object]) -> Update:
        """Parse, and count from then on."""
        update = super().parse(raw)
        if self._is_counted and not self._with_parsing:
            self._recorder.begin()
        return update

    async def press(self, runtime: Runtime, number: int) -> None:
        """Have the user press the button, and see it drawn."""
        update = clicked(FIRST_CHAT, number, self.http.view(FIRST_CHAT))
        sent = self.http.requests
        self._is_counted = True
        if self._with_parsing:
            self._recorder.begin()
        await runtime.accept(self, update)
        await self.http.sent(sent + 1)
        self._is_counted = False


async def _presses(*, with_parsing: bool) -> list[Steps]:
    recorder = Recorder(warm_up=_WARM_UP)
    bot = _WatchedBot(recorder, with_parsing=with_parsing)
    async with plain(counting(), bot) as runtime:
        await _open(runtime, bot)
        for number in range(_WARM_UP + _COUNTED):
            await bot.press(runtime, number)
            await runtime.settled()
            recorder.end()
    return recorder.found


async def presses() -> list[Steps]:
    """From a parsed press to the request that draws and answers it."""
    return await _presses(with_parsing=False)


async def parsed_presses() -> list[Steps]:
    """From the JSON of a press to the request that draws and answers it."""
    return await _presses(with_parsing=True)


async def updates() -> list[Steps]:
    """From the call of `bg.update()` to the request that draws it."""
    recorder = Recorder(warm_up=_WARM_UP)
    bot = _WatchedBot(recorder, with_parsing=False)
    async with plain(counting(), bot) as runtime:
        await _open(runtime, bot)
        dialog = runtime.dialog(bot, chat_id=FIRST_CHAT, user_id=FIRST_CHAT)
        for number in range(_WARM_UP + _COUNTED):
            sent = bot.http.requests
            recorder.begin()
            _ = await dialog.update({"count": number + 1})
            await bot.http.sent(sent + 1)
            await runtime.settled()
            recorder.end()
    return recorder.found


async def reports() -> list[Steps]:
    """From the report of a worker to the request that draws it."""
    recorder = Recorder(warm_up=_COUNTED)
    bot = _WatchedBot(recorder, with_parsing=False)

    async def body(operation: Operation) -> None:
        for number in range(2 * _COUNTED):
            sent = bot.http.requests
            recorder.begin()
            operation.report(text=str(number + 1))
            await bot.http.sent(sent + 1)
            await runtime.settled()
            recorder.end()

    async with plain(counting(), bot) as runtime:
        await _open(runtime, bot)
        dialog = runtime.dialog(bot, chat_id=FIRST_CHAT, user_id=FIRST_CHAT)
        worker = await runtime.workers.start(body)
        await show_progress(worker, dialog, name="count", interval=_INTERVAL)
    return recorder.found


async def _open(runtime: Runtime, bot: NullBot) -> None:
    await runtime.accept(bot, started(FIRST_CHAT))
    await runtime.settled()


WAYS: Mapping[str, Callable[[], Awaitable[list[Steps]]]] = {
    PRESS: presses,
    "press, with parsing": parsed_presses,
    "update": updates,
    "report": reports,
}


def count(way: str) -> Steps:
    """What the last round took that was neither the best nor the worst."""

    async def run() -> list[Steps]:
        return await WAYS[way]()

    found = asyncio.run(run())
    typical = statistics.median_low(steps.calls for steps in found)
    return next(steps for steps in reversed(found) if steps.calls == typical)


def table(found: Mapping[str, Steps]) -> Table:
    """Show the numbers."""
    shown = Table(title="steps from its beginning to the request that draws it")
    shown.add_column("what", no_wrap=True)
    for heading in (
        "calls",
        "of the loop",
        "files",
        "objects",
        "blocks",
        "calls after",
    ):
        shown.add_column(heading, justify="right")
    for way, steps in found.items():
        shown.add_row(way, *(str(number) for number in numbers(steps).values()))
    return shown


def numbers(steps: Steps) -> dict[str, int]:
    """The numbers by their names."""
    return {
        "calls": steps.calls,
        "loop_calls": steps.loop_calls,
        "files": steps.files,
        "objects": steps.objects,
        "blocks": steps.blocks,
        "calls_afterwards": steps.afterwards,
    }


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=list(WAYS), nargs="+", default=list(WAYS))
    parser.add_argument("--list", action="store_true", help="print the calls in order")
    parser.add_argument("--limit", type=int, help="fail if a press takes more calls")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def main() -> None:
    chosen = options()
    found = {way: count(way) for way in chosen.what}
    if chosen.list:
        for way, steps in found.items():
            print(f"# {way}")
            print(*steps.listed, sep="\n")
    rows = [{"what": way, **numbers(steps)} for way, steps in found.items()]
    if write(chosen.json, json.dumps(rows, indent=2)):
        Console().print(table(found))
    press = found.get(PRESS)
    if chosen.limit is not None and press is not None and press.calls > chosen.limit:
        sys.exit(f"a press takes {press.calls} calls, and {chosen.limit} are allowed")


if __name__ == "__main__":
    main()
