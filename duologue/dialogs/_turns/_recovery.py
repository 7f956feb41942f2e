"""What a process before this one has left: drawings that it owed.

They are taken over before any mail is handled here, so that what new turns draw stands
behind them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from duologue.actors import Engine
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._delivery._outage import Outage
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._owed import OwedAnswer, Owing
from duologue.dialogs._screen._presenter import Presenter
from duologue.dialogs._screen._rows import Row
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._snapshot import screen_in
from duologue.dialogs._state._turn import Debt, Draw
from duologue.dialogs._turns._dialog_actors import DialogActors

_SCREEN = "screen/"
_AT_ONCE = 100
_logger = logging.getLogger("duologue.dialogs")


class Recovery:
    """Takes over what is owed to screens, and has mail wait meanwhile.

    Args:
        engine: Keeps what is owed.
        actors: The dialog actors.
        owing: Reads what is owed.
        presenter: Draws it.
        callbacks: Answers presses.
        bots: The bots by `messenger.id`.
        tasks: Owns the reading.
        outage: Waits until the engine answers.
        now: Tells the time, by the clock.
    """

    def __init__(
        self,
        engine: Engine,
        actors: DialogActors,
        owing: Owing,
        *,
        presenter: Presenter,
        callbacks: Callbacks,
        bots: Mapping[str, Bot],
        tasks: Tasks,
        outage: Outage,
        now: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._actors = actors
        self._owing = owing
        self._presenter = presenter
        self._callbacks = callbacks
        self._bots = bots
        self._tasks = tasks
        self._outage = outage
        self._now = now
        self._screens: list[str] = []
        # What tells the leases of these screens apart, as long as they are here.
        self._leases: dict[str, object] = {}
        self._waiting: list[str] = []

    def ready(self, key: str) -> None:
        """Take a key over that the engine has leased to this process."""
        if key.startswith(_SCREEN):
            if not self._screens:
                self._tasks.start(self._take_over(), "owed drawings")
            self._screens.append(key)
            self._leases.setdefault(key, object())
        elif self._screens:
            self._waiting.append(key)
        else:
            self._actors.ready(key)

    def leave(self, screen: str) -> None:
        """Take nothing over any more of a screen that another process has now."""
        self._leases.pop(screen, None)

    async def _take_over(self) -> None:
        """Take over what is owed to one screen after the other, then let mail in."""
        number = done = 0
        try:
            while done < len(self._screens):
                # An engine may answer many questions in the time of one.
                screens = self._screens[done : done + _AT_ONCE]
                done += len(screens)
                asked = [
                    (each, self._leases[each])
                    for each in screens
                    if each in self._leases and self._engine.mine(each)
                ]
                async with asyncio.TaskGroup() as group:
                    answers = [group.create_task(self._ask(each)) for each, _ in asked]
                for (screen, lease), answer in zip(asked, answers, strict=True):
                    # Another process may have drawn it since, though it is here again.
                    if self._leases.get(screen) is lease:
                        left = answer.result()
                        self._show(screen, left)
                        number += len(left.things)
        finally:
            self._screens.clear()
            self._leases.clear()
            waiting, self._waiting = self._waiting, []
            for key in waiting:
                self._actors.ready(key)
        _logger.info("what is drawn now was owed before: %d", number)

    async def _ask(self, screen: str) -> _Left:
        """Ask what is owed to a screen, and what its conversations want to be seen."""
        ask = partial(self._engine.owed, screen, new=True)
        owed, row = await self._outage.outlast(ask)
        handles: dict[str, Sent] = {}
        things = [self._owing.read(one, handles) for one in owed]
        states: dict[str, bytes | None] = {}
        for key, what, _ in things:
            if isinstance(what, Draw) and _is_edit(what) and key not in states:
                read = partial(self._engine.read, key)
                states[key] = await self._outage.outlast(read)
        return _Left(things, Row(row), states)

    def _show(self, screen: str, left: _Left) -> None:
        drawer = self._bots[screen.removeprefix(_SCREEN).partition(":")[0]]
        self._presenter.remember(screen, left.row)
        for key, what, debt in left.things:
            address = Address.parse(key)
            bot, chat_id = self._bots.get(address.bot, drawer), address.chat_id
            press = what.callback_id
            if press is not None:
                self._callbacks.open(bot, chat_id, press, self._now())
            if isinstance(what, Draw) and left.refresh(key, what):
                screens = self._actors.wake(key).screens
                self._presenter.recover(screens, address, drawer, what, left.row)
                continue
            text = what.notification if isinstance(what, Draw) else what.text
            self._callbacks.reply(bot, chat_id, press or "", text, debt)


@dataclass(frozen=True, slots=True)
class _Left:
    """What is owed to a screen, its row, and the states that its edits are about."""

    things: list[tuple[str, Draw | OwedAnswer, Debt]]
    row: Row
    states: dict[str, bytes | None]

    def refresh(self, key: str, draw: Draw) -> bool:
        """Let a view be drawn on the message that the state knows by now.

        The message of an edit that waits for the answer to its press may be known since
        the commit that owed the edit.

        Returns:
            Whether it is still to be drawn. It is not where the state wants something
            newer in the place of an edit: that was drawn, or is owed as well, and of the
            edit only the answer to its press is still to come.
        """
        if not _is_edit(draw):
            return True
        screen = screen_in(self.states.get(key), draw.stack_id)
        if screen is None or draw.revision < screen.newest:
            return False
        draw.message_id, draw.known = screen.message_id, screen.known
        return True


def _is_edit(draw: Draw) -> bool:
    return draw.view is not None and draw.mode is ShowMode.EDIT
