"""The States of a runtime: on its engine, in the form that dialogs have too."""

from __future__ import annotations

from collections.abc import Sequence

from duologue.actors import Clock, Engine
from duologue.dialogs import Bot, Dispatcher, bot_key
from duologue.dialogs._state import _values
from duologue.dialogs._state._shared import current_writes
from duologue.state import States
from duologue.state._tasks._keeper import TaskKeeper


def states_of(engine: Engine, bots: Sequence[Bot]) -> States:
    """Make what keeps the States of some bots; enter it."""

    def name(bot: object) -> str | None:
        if isinstance(bot, str):
            return bot
        if bot is None:
            return bot_key(bots[0]) if len(bots) == 1 else None
        found = next((one for one in bots if one is bot), None)
        return None if found is None else bot_key(found)

    return States(engine, codec=_values, bot_name=name, writes=current_writes)


def tasks_of(
    engine: Engine, dispatcher: Dispatcher, states: States, clock: Clock
) -> TaskKeeper:
    """Make what keeps the tasks of a dispatcher, where they outlive the process."""
    return TaskKeeper(
        engine, dispatcher.tasks, states=states, codec=_values, clock=clock
    )
