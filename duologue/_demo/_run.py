"""One run of the demo: starts the programs, plays the acts, judges them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path

from duologue._demo._acts import ACTS, PATIENCE
from duologue._demo._player import Player
from duologue._demo._programs._child import Starter
from duologue._demo._programs._copies import metrics_of, two_copies
from duologue._demo._programs._program import Program
from duologue._demo._programs._server import server_program
from duologue._demo._screen import LiveTranscript, Result
from duologue.transport.sandbox import Control

USER = "Анна"
_PAUSE = 0.05
_LOOK = 1.0
"""Seconds between two looks at whoever started the demo."""


async def perform(
    screen: LiveTranscript, numbers: Sequence[int], bot: str, *, is_served: bool
) -> bool:
    """Play acts between a messenger and a bot, each in a process of its own.

    Args:
        screen: Shows them.
        numbers: Which acts, from 1.
        bot: The module of the bot.
        is_served: Whether both go on after the last act, for people with a browser,
            until SIGINT or SIGTERM, or until whoever started this program is gone.

    Returns:
        Whether everything was seen that had to be seen.

    Raises:
        ProgramEndedError: One of the programs ended early; alone or in a group.
        SandboxError: The messenger failed; alone or in a group.
    """
    with tempfile.TemporaryDirectory(prefix="duologue-demo-") as name:
        folder = Path(name)
        command = ("duologue", "sandbox", "--json")
        log = folder / "messenger.log"
        async with Program("messenger", command, log=log, is_read=True) as messenger:
            with _telling(screen), screen.waiting("Starting the local messenger"):
                facts: dict[str, str] = json.loads(await messenger.line())
            return await _with_bot(
                screen,
                numbers,
                messenger,
                _Bots(bot, facts, folder),
                is_served=is_served,
            )


class _Bots:
    """Makes the programs of the bot.

    Args:
        module: The module of the bot.
        facts: What the messenger says of itself.
        folder: Where everything is kept.
    """

    def __init__(self, module: str, facts: dict[str, str], folder: Path) -> None:
        self.facts = facts
        self._module = module
        self._folder = folder
        self._copies = count(1)

    def one(self, name: str, settings: Mapping[str, str]) -> Program:
        """Make a bot."""
        return Program(
            name,
            (self._module,),
            log=self._folder / f"{name}.log",
            environment={
                "DUOLOGUE_MAX_TOKEN": self.facts["token"],
                "DUOLOGUE_MAX_URL": self.facts["url"],
                "DUOLOGUE_STATE_DIR": str(self._folder),
                **settings,
            },
        )

    @asynccontextmanager
    async def two(self, server: str) -> AsyncGenerator[Sequence[Program]]:
        """Run two copies of the bot behind a server."""
        folder = self._folder / f"server-{next(self._copies)}"
        async with two_copies(self.one, server, folder) as copies:
            yield copies


async def _with_bot(
    screen: LiveTranscript,
    numbers: Sequence[int],
    messenger: Program,
    bots: _Bots,
    *,
    is_served: bool,
) -> bool:
    facts, bot = bots.facts, bots.one("bot", {})
    starter = Starter()
    async with bot, Control(facts["control_url"], facts["control_token"]) as control:
        player = Player(control, await control.add_user(USER), bot, screen)
        screen.address(facts["page_url"])
        with _telling(screen):
            async with asyncio.TaskGroup() as group:
                watch = [
                    group.create_task(watching)
                    for watching in (messenger.ended(), bot.ended(), player.watch())
                ]
                await _wait_for_bot(screen, control)
                screen.metrics(metrics_of(bot))
                results = [
                    await _act(screen, player, number)
                    for number in numbers
                    if not ACTS[number - 1].has_copies
                ]
                for number in numbers:
                    if ACTS[number - 1].has_copies:
                        results += await _act_of_two(screen, player, number, bots, bot)
                screen.summary(results)
                if is_served:
                    await _serve(screen, facts["page_url"], starter, bot)
                for task in watch:
                    task.cancel()
    kept = all(check.kept for result in results for check in result.checks)
    if not kept and bot.output():
        sys.stderr.write(f"\nthe bot wrote:\n{bot.output()}\n")
    return kept


async def _wait_for_bot(screen: LiveTranscript, control: Control) -> None:
    """Wait for the bot's first poll; one that never comes will show in the acts."""
    with screen.waiting("Starting the bot"), suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while not (await control.position()).polls:  # noqa: ASYNC110  # another process
                await asyncio.sleep(_PAUSE)


async def _act_of_two(
    screen: LiveTranscript, player: Player, number: int, bots: _Bots, bot: Program
) -> Sequence[Result]:
    """Play an act with two copies in place of the bot, where there is a server."""
    server = server_program()
    if server is None:
        screen.note(f"act {number} needs valkey-server or redis-server; it is left out")
        return ()
    await bot.end()
    async with bots.two(server) as player.copies:
        result = await _act(screen, player, number)
    ended = metrics_of(bot)
    await bot.start()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while metrics_of(bot) == ended:  # noqa: ASYNC110  # another process
                await asyncio.sleep(_PAUSE)
    return (result,)


async def _serve(
    screen: LiveTranscript, url: str, starter: Starter, bot: Program
) -> None:
    """Let people try it by themselves, until a signal says that they have."""
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, enough.set)
    screen.metrics(metrics_of(bot))
    screen.serving(url)
    while not enough.is_set() and not starter.is_gone():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await enough.wait()
    screen.ending()


@contextmanager
def _telling(screen: LiveTranscript) -> Generator[None, None, None]:
    """Tell at once that both programs are being ended; the end itself takes a while."""
    try:
        yield
    except asyncio.CancelledError:
        screen.ending()
        raise


async def _act(screen: LiveTranscript, player: Player, number: int) -> Result:
    act = ACTS[number - 1]
    player.new_scene()
    with screen.act(number, act):
        await act.play(player)
    scene = player.scene()
    return Result(number, act, act.check(scene), scene.seconds())
