"""The user of the demo: writes, presses, watches the chat, and can kill the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Never, Protocol

from duologue._demo._programs._copies import polling_one
from duologue._demo._programs._program import Program
from duologue._demo._scene import Scene
from duologue.transport.sandbox import Click, Control, FaultKind, LogEntry

_HOLD = 20.0


class Screen(Protocol):
    """Where the user of the demo shows what happens."""

    def show(self, entries: Sequence[LogEntry]) -> None:
        """Show what happened in the chat."""
        ...

    def note(self, text: str) -> None:
        """Show what happened beside it."""
        ...


class Player:
    """A user with one chat.

    Args:
        control: The way into the messenger.
        user_id: Who it is.
        bot: The program that answers.
        screen: Gets all that happens in the messenger, as it happens.

    Attributes:
        copies: The programs that answer in its place, in an act with several.
    """

    def __init__(
        self, control: Control, user_id: int, bot: Program, screen: Screen
    ) -> None:
        self._control = control
        self._user_id = user_id
        self._bot = bot
        self.copies: Sequence[Program] = ()
        self._screen = screen
        self._ends: list[int] = []
        self._entries: list[LogEntry] = []
        self._first = 0
        self._news = asyncio.Condition()

    async def watch(self) -> Never:
        """Read the log of the messenger, without end."""
        while True:
            after = self._entries[-1].seq if self._entries else 0
            fresh = await self._control.log(after, wait=_HOLD)
            self._screen.show(fresh)
            async with self._news:
                self._entries.extend(fresh)
                self._news.notify_all()

    def new_scene(self) -> None:
        """Forget what has been seen so far."""
        self._first = len(self._entries)
        self._ends.clear()

    def scene(self) -> Scene:
        """Give what has been seen since `new_scene`."""
        return Scene(self._entries[self._first :], tuple(self._ends))

    async def until(self, seen: Callable[[Scene], bool], seconds: float) -> bool:
        """Watch until something is seen, or the time is over.

        Args:
            seen: Tells whether it is.
            seconds: How long to watch.

        Returns:
            Whether it was seen.
        """
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: seen(self.scene()))
        except TimeoutError:
            return False
        return True

    async def say(self, text: str) -> None:
        """Write to the bot."""
        await self._control.say(self._user_id, text)

    async def press(self, *columns: int) -> None:
        """Press buttons of the bot's newest message, all at the same moment.

        Args:
            columns: The places of the buttons in the first row, from 0; one that
                stands here twice is pressed twice.
        """
        view = self.scene().last_view()
        if view is None or view.message_id is None:
            return
        clicks = [
            Click(self._user_id, view.message_id, row=0, col=column)
            for column in columns
        ]
        await self._control.act(*clicks)

    async def break_messenger(self, seconds: float) -> None:
        """Let the messenger answer every request of the bot with an error."""
        await self._control.fault(FaultKind.STATUS, seconds=seconds)

    async def kill_bot(self) -> None:
        """End the bot's process by SIGKILL, which no program can answer."""
        self._ends.append(await self._bot.kill())
        self._screen.note("the bot is killed: kill -9")

    async def kill_polling_copy(self) -> None:
        """End by SIGKILL that copy of the bot which fetches what users do."""
        copy = await polling_one(self.copies)
        self._ends.append(await copy.kill())
        self._screen.note(f"{copy.name}, which polls, is killed: kill -9")

    async def start_bot(self) -> None:
        """Start the bot again."""
        self._screen.note("the bot is started again")
        await self._bot.start()
