"""What a process before this one has left: drawings that it owed.

They are taken over before any mail is handled here, so that what new turns draw stands
behind them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from duologue.actors import Engine, Owed
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._delivery._outage import Outage
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._owed import Owing
from duologue.dialogs._screen._presenter import Presenter
from duologue.dialogs._screen._rows import Row
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._snapshot import newest_drawing
from duologue.dialogs._state._turn import Draw
from duologue.dialogs._turns._dialog_actors import DialogActors

_SCREEN = "screen/"
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
        self._waiting: list[str] = []

    def ready(self, key: str) -> None:
        """Take a key over that the engine has leased to this process."""
        if key.startswith(_SCREEN):
            if not self._screens:
                self._tasks.start(self._take_over(), "owed drawings")
            self._screens.append(key)
        elif self._screens:
            self._waiting.append(key)
        else:
            self._actors.ready(key)

    async def _take_over(self) -> None:
        """Take over what is owed to one screen after the other, then let mail in."""
        number = done = 0
        try:
            while done < len(self._screens):
                screen = self._screens[done]
                ask = partial(self._engine.owed, screen)
                owed, row = await self._outage.outlast(ask)
                await self._show(screen, owed, Row(row))
                number += len(owed)
                done += 1
        finally:
            self._screens.clear()
            waiting, self._waiting = self._waiting, []
            for key in waiting:
                self._actors.ready(key)
        _logger.info("what is drawn now was owed before: %d", number)

    async def _show(self, screen: str, owed: Sequence[Owed], row: Row) -> None:
        handles: dict[str, Sent] = {}
        found = [self._owing.read(one, handles) for one in owed]
        drawer = self._bots[screen.removeprefix(_SCREEN).partition(":")[0]]
        self._presenter.remember(screen, row)
        for key, what, debt in found:
            address = Address.parse(key)
            bot, chat_id = self._bots.get(address.bot, drawer), address.chat_id
            press = what.callback_id
            if press is not None:
                self._callbacks.open(bot, chat_id, press, self._now())
            if isinstance(what, Draw) and not await self._is_outdated(key, what):
                actor = self._actors.wake(key)
                self._presenter.recover(actor.screens, address, drawer, what, row)
                continue
            text = what.notification if isinstance(what, Draw) else what.text
            self._callbacks.reply(bot, chat_id, press or "", text, debt)

    async def _is_outdated(self, key: str, draw: Draw) -> bool:
        """Whether the state wants something newer in the place of an edit.

        That was drawn, or is owed as well: of the edit only the answer to its press is
        still to come.
        """
        if draw.view is None or draw.mode is not ShowMode.EDIT:
            return False
        ask = partial(self._engine.read, key)
        return draw.revision < newest_drawing(
            await self._outage.outlast(ask), draw.stack_id
        )
